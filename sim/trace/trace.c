/* The trace bus and the history; see trace.h for the ideas.
 *
 * Subscribers are called in order of subscription. Calling one may add or remove others: the number to call is fixed
 * before the first call, so a newcomer starts with the next event, and the removed are only marked, and swept when no
 * call is under way. History is a list of equal chunks: growing never moves an event, so pointers from trace_at stay
 * good until a rewind past them. An id is an index plus one, for ever. A forgotten chunk is NULL, and comes back when
 * the moments it told of are lived through again. */
#include "sim/trace/trace.h"
#include "sim/core/fatal.h"
#include "sim/core/pages.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 4096 }; /* events */

struct subscriber {
    trace_fn *fn; /* NULL: unsubscribed, to be swept */
    void     *self;
    unsigned  cats;
    int       handle;
};

/* Memory for chunks, which change places but are never given back. */
struct slab {
    struct slab *before;
    size_t size;
    struct event chunk[][CHUNK];
};
enum { SLAB = (PAGES_LARGE - sizeof(struct slab)) / (CHUNK * sizeof(struct event)) }; /* chunks in one */

struct trace {
    struct trace_now now;
    uint32_t episode;
    uint32_t count;              /* events in history; also the last id */
    struct event **chunk;
    uint16_t (*gone)[EV_COUNT];  /* beside each: what was in it by kind, if it was forgotten */
    size_t chunks, chunk_room;
    struct slab *slab;           /* the newest */
    size_t unused;               /* chunks at the end of it */
    struct event *next, *end;    /* where the next event goes, and the end of that chunk; equal: slot knows */
    size_t first, last;          /* chunks to keep at both ends; last 0: all */
    struct episodes ended;
    struct subscriber *sub;
    size_t subs, sub_room;
    int  next_handle;
    int  calling;                /* depth of dispatches under way */
    bool muted, paused, sweep;
};

static void *there(void *p)
{
    if (!p) {
        fatal(EXIT_ENVIRONMENT, "out of memory for the trace; shorten the run with --limit-cycles");
    }
    return p;
}

static void *grow(void *p, size_t bytes) { return there(realloc(p, bytes)); }

struct trace *trace_new(void)
{
    struct trace *t = grow(NULL, sizeof *t);
    *t = (struct trace){ 0 };
    return t;
}

void trace_free(struct trace *t)
{
    if (!t) return;
    while (t->slab) {
        struct slab *s = t->slab;
        t->slab = s->before;
        pages_free(s, s->size);
    }
    free(t->chunk);
    free(t->gone);
    free(t->ended.list);
    free(t->sub);
    free(t);
}

void trace_bind(struct trace *t, struct trace_now now) { t->now = now; }

int trace_subscribe(struct trace *t, unsigned cats, trace_fn *fn, void *self)
{
    if (t->subs == t->sub_room) {
        t->sub_room = t->sub_room ? t->sub_room * 2 : 8;
        t->sub = grow(t->sub, t->sub_room * sizeof *t->sub);
    }
    t->sub[t->subs++] = (struct subscriber){ fn, self, cats, t->next_handle };
    return t->next_handle++;
}

static void sweep(struct trace *t)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->subs; i++)
        if (t->sub[i].fn) t->sub[kept++] = t->sub[i];
    t->subs = kept;
    t->sweep = false;
}

void trace_unsubscribe(struct trace *t, int handle)
{
    for (size_t i = 0; i < t->subs; i++)
        if (t->sub[i].handle == handle) {
            t->sub[i].fn = NULL;
            t->sweep = true;
        }
    if (t->sweep && !t->calling) sweep(t);
}

static void dispatch(struct trace *t, const struct event *e)
{
    static const uint8_t cats[EV_COUNT] = {
#define EVENT(kind, cat, word, about, fields) [EV_##kind] = cat,
#include "sim/trace/event.def"
#undef EVENT
    };
    unsigned cat = cats[e->kind];
    t->calling++;
    for (size_t i = 0, n = t->subs; i < n; i++) {
        const struct subscriber *s = &t->sub[i]; /* afresh: a subscription made by the call may move the array */
        if (s->fn && (s->cats & cat) && s->fn(s->self, e) == VOTE_PAUSE) t->paused = true;
    }
    if (t->paused && t->now.pause) t->now.pause(t->now.self);
    if (--t->calling == 0 && t->sweep) sweep(t);
}

/* The history reaches chunk c: the middle, which is what lies before the last ones and behind the first, gives its memory. */
static struct event *middle(struct trace *t, size_t c)
{
    if (!t->last || c < t->first + t->last) return NULL;
    struct event *oldest = t->chunk[c - t->last];
    uint16_t *gone = t->gone[c - t->last];
    if (!oldest) return NULL;
    memset(gone, 0, sizeof *t->gone);
    for (unsigned n = 0; n < CHUNK; n++) gone[oldest[n].kind]++;
    t->chunk[c - t->last] = NULL;
    return oldest;
}

void trace_bound(struct trace *t, size_t first, size_t last)
{
    t->first = (first + CHUNK - 1) / CHUNK;
    t->last = (last + CHUNK - 1) / CHUNK;
}

/* The first is small, for many histories are. */
static struct event *fresh(struct trace *t)
{
    if (!t->unused) {
        size_t n = t->slab ? SLAB : 1, size = t->slab ? PAGES_LARGE : sizeof(struct slab) + CHUNK * sizeof(struct event);
        struct slab *s = there(pages_alloc(size));
        *s = (struct slab){ .before = t->slab, .size = size };
        t->slab = s;
        t->unused = n;
    }
    return t->slab->chunk[--t->unused];
}

static void room_for_chunk(struct trace *t, size_t c)
{
    if (c < t->chunk_room) return;
    t->chunk_room = t->chunk_room ? t->chunk_room * 2 : 16;
    t->chunk = grow(t->chunk, t->chunk_room * sizeof(struct event *));
    t->gone = grow(t->gone, t->chunk_room * sizeof *t->gone);
}

/* Finds out where the next event goes. */
static void slot(struct trace *t)
{
    size_t c = t->count / CHUNK;
    room_for_chunk(t, c);
    if (c == t->chunks) t->chunk[t->chunks++] = NULL;
    if (!t->chunk[c]) t->chunk[c] = middle(t, c);
    if (!t->chunk[c]) t->chunk[c] = fresh(t);
    t->next = &t->chunk[c][t->count % CHUNK];
    t->end = &t->chunk[c][CHUNK];
}

void trace_append_episode(struct trace *t, const struct episode *p)
{
    struct episodes *all = &t->ended;
    if (all->n == all->room) {
        all->room = all->room ? all->room * 2 : 64;
        all->list = grow(all->list, all->room * sizeof *all->list);
    }
    all->list[all->n++] = *p;
}

/* What was forgotten is whole chunks; of how many events of each kind these were nothing is known here. */
static bool skip(struct trace *t, uint32_t id)
{
    if (t->count % CHUNK || (id - 1) % CHUNK || id <= t->count) return false;
    while (t->count + 1 < id) {
        size_t c = t->count / CHUNK;
        room_for_chunk(t, c);
        memset(t->gone[c], 0, sizeof *t->gone);
        t->chunk[c] = NULL;
        t->chunks = c + 1;
        t->count += CHUNK;
        t->next = t->end;
    }
    return true;
}

bool trace_append(struct trace *t, const struct event *e)
{
    if (e->id != t->count + 1 && !skip(t, e->id)) return false;
    if (t->next == t->end) slot(t);
    *t->next++ = *e;
    t->count++;
    return true;
}

static void note_episode(struct trace *t, const struct event *e)
{
    struct episode ended;
    if (episode_event(t->now.episodes, t->now.clock, e, &ended)) trace_append_episode(t, &ended);
}

/* In pieces, or in place: what was just stored in small pieces is not to be read again in a larger one, for which a host's
 * processor would wait. */
struct event *trace_open(struct trace *t, uint8_t kind, uint32_t cause, uint32_t eip)
{
    if (t->next == t->end) slot(t);
    struct event *e = t->next++;
    const struct trace_now *now = &t->now;
    uint32_t id = ++t->count;
    e->id = id;
    e->cause = cause;
    e->cycle = now->cycle ? *now->cycle : 0;
    e->insns = now->insns ? *now->insns : 0;
    e->eip = eip || !now->eip ? eip : now->place ? now->place(now->self) : *now->eip;
    e->episode = kind == EV_EXIT ? id : t->episode; /* an EXIT opens its own visit */
    e->kind = kind;
    e->vcpu = now->vcpu ? *now->vcpu : 0;
    e->ring = now->ring ? *now->ring : 0;
    e->spare = 0;
    memset(&e->u, 0, sizeof e->u);
    return e;
}

/* Design law 5, where tests look: each cycle has a cause, each is in one ring of one VM. With dozens of VMs the second is looked at at
 * every few events, by their number: adding up 64 VMs' lanes at each was nine tenths of such a test's time. */
static void audit(const struct clock *c, uint32_t event)
{
    if (!clock_check(c) || (event % (1 + c->owners / 8u) == 0 && !clock_check_lanes(c)))
        fatal(EXIT_BUG, "internal error: cycles without a cause; please report it");
}

#if defined(__SANITIZE_ADDRESS__) || !defined(__OPTIMIZE__)
enum { AUDIT = 1 };
#else
enum { AUDIT = 0 };
#endif

uint32_t trace_close(struct trace *t, const struct event *e)
{
    if (AUDIT && t->now.audit) audit(t->now.audit, e->id);
    if (t->now.clock) note_episode(t, e);
    if (t->subs && !t->muted) dispatch(t, e);
    return e->id;
}

uint32_t trace_emit(struct trace *t, const struct event *e)
{
    struct event *kept = trace_open(t, e->kind, e->cause, e->eip);
    if (!t->now.cycle) kept->cycle = e->cycle;
    if (!t->now.insns) kept->insns = e->insns;
    if (e->ring) kept->ring = e->ring;
    if (!t->now.vcpu) kept->vcpu = e->vcpu;
    kept->spare = e->spare;
    kept->u = e->u;
    return trace_close(t, kept);
}

void     trace_episode(struct trace *t, uint32_t id) { t->episode = id; }
uint32_t trace_last(const struct trace *t) { return t->count; }
size_t   trace_count(const struct trace *t) { return t->count; }
size_t   trace_episodes(const struct trace *t) { return t->ended.n; }
const struct episode *trace_episode_at(const struct trace *t, size_t i) { return i < t->ended.n ? &t->ended.list[i] : NULL; }
void     trace_mute(struct trace *t, bool mute) { t->muted = mute; }

bool trace_pause(struct trace *t)
{
    bool paused = t->paused;
    t->paused = false;
    return paused;
}

const struct event *trace_span(const struct trace *t, size_t i, size_t *n)
{
    static const struct event forgotten = { .kind = EV_FORGOTTEN };
    if (i >= t->count) return NULL;
    const struct event *chunk = t->chunk[i / CHUNK];
    size_t in_chunk = CHUNK - i % CHUNK, in_all = t->count - i;
    *n = !chunk ? 1 : in_chunk < in_all ? in_chunk : in_all;
    return chunk ? &chunk[i % CHUNK] : &forgotten;
}

const uint16_t *trace_gone(const struct trace *t, size_t i, size_t *n)
{
    if (i >= t->count || t->chunk[i / CHUNK]) return NULL;
    *n = CHUNK - i % CHUNK;
    return t->gone[i / CHUNK];
}

const struct event *trace_at(const struct trace *t, size_t i)
{
    size_t n;
    return trace_span(t, i, &n);
}

const struct event *trace_by_id(const struct trace *t, uint32_t id)
{
    return id ? trace_at(t, id - 1) : NULL;
}

void trace_rewind(struct trace *t, uint32_t id)
{
    if (id < t->count) t->count = id;
    t->next = t->end;
    while (t->ended.n && t->ended.list[t->ended.n - 1].known > id) t->ended.n--;
    /* The visit that was open then, if any: the machine's snapshot does not know it. */
    const struct event *last = trace_by_id(t, t->count);
    t->episode = !last || last->kind == EV_RESUME ? 0 : last->episode;
    t->paused = false;
}

/* FNV-1a, 64 bits, over the little-endian bytes of one value. */
static uint64_t hash_value(uint64_t h, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) h = (h ^ ((v >> (8 * i)) & 0xFF)) * 0x100000001B3u;
    return h;
}

uint64_t trace_hash(const struct trace *t)
{
    uint64_t h = 0xCBF29CE484222325u;
    for (size_t i = 0; i < t->count; i++) {
        const struct event *e = trace_at(t, i);
        h = hash_value(h, e->id, 4);
        h = hash_value(h, e->cause, 4);
        h = hash_value(h, e->cycle, 8);
        h = hash_value(h, e->insns, 8);
        h = hash_value(h, e->eip, 4);
        h = hash_value(h, e->episode, 4);
        h = hash_value(h, e->kind, 1);
        h = hash_value(h, e->vcpu, 1);
        h = hash_value(h, e->ring, 1);
        const struct event_desc *d = event_desc(e->kind);
        for (unsigned f = 0; f < d->fields; f++) h = hash_value(h, event_field(e, &d->field[f]), d->field[f].bytes);
    }
    return h;
}
