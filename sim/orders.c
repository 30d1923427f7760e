/* See orders.h. */
#include "sim/orders.h"

#include <stdlib.h>
#include <string.h>

struct store { uint8_t at, value; };
struct side {
    uint8_t results[ORDERS_STEPS], steps; /* what each step gave */
    struct store buffer[ORDERS_BUFFER];
    uint8_t buffered, woken;
};
struct state { uint8_t memory[ORDERS_WORDS]; struct side side[ORDERS_SIDES]; };

/* What a side does next is a function of its results: asked once for each list of them. */
struct memo { uint64_t key; const char *wrong; struct orders_step next; };
struct search { struct orders *o; uint64_t *visited; size_t room; struct memo *memo; size_t memos; };

static uint64_t hash(const void *bytes, size_t n, uint64_t h)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * 0x100000001B3;
    return h ? h : 1;
}

static bool is_new(struct search *s, const struct state *at)
{
    uint64_t key = hash(at, sizeof *at, 0xCBF29CE484222325);
    size_t i = key % s->room;
    for (; s->visited[i]; i = (i + 1) % s->room)
        if (s->visited[i] == key) return false;
    s->visited[i] = key;
    if (++s->o->states > s->o->most) s->o->wrong = "there are more orders than can be tried";
    return true;
}

static const char *look(struct search *s, const struct side *me, unsigned who, struct orders_step *next)
{
    uint64_t key = hash(me->results, me->steps, 0xCBF29CE484222325 + who + 2 * (uint64_t)me->steps);
    size_t i = key % s->memos;
    for (unsigned tries = 0; s->memo[i].key && s->memo[i].key != key && tries < 64; tries++) i = (i + 1) % s->memos;
    struct memo *m = &s->memo[i];
    if (m->key != key) {
        *m = (struct memo){ .key = key };
        m->wrong = s->o->look(s->o->self, who, me->results, me->steps, &m->next);
    }
    *next = m->next;
    return m->wrong;
}

static uint8_t seen_by(const struct state *s, unsigned who, uint8_t at)
{
    const struct side *me = &s->side[who];
    for (unsigned i = me->buffered; i-- > 0;)
        if (me->buffer[i].at == at) return me->buffer[i].value;
    return s->memory[at];
}

static void drain(struct state *s, struct side *me, unsigned which)
{
    s->memory[me->buffer[which].at] = me->buffer[which].value;
    memmove(me->buffer + which, me->buffer + which + 1, sizeof *me->buffer * (--me->buffered - which));
    memset(me->buffer + me->buffered, 0, sizeof *me->buffer);
}

/* False: it has to wait. */
static bool take(const struct orders *o, struct state *s, unsigned who, struct orders_step next)
{
    struct side *me = &s->side[who];
    uint8_t result = 0;
    if (next.kind == ORDERS_DONE || me->steps == ORDERS_STEPS) return false;
    if (next.kind == ORDERS_LOAD) result = seen_by(s, who, next.at);
    else if (next.kind == ORDERS_STORE) {
        if (me->buffered == ORDERS_BUFFER) return false;
        me->buffer[me->buffered++] = (struct store){ next.at, next.value };
        if (!o->buffers) drain(s, me, 0);
    } else {
        if (me->buffered) return false;
        if (next.kind == ORDERS_NOTIFY) s->side[next.at].woken = 1;
        if (next.kind == ORDERS_SLEEP && !me->woken) return false;
        if (next.kind == ORDERS_SLEEP) me->woken = 0;
    }
    me->results[me->steps++] = result;
    return true;
}

static void explore(struct search *s, const struct state *at);

/* The path is as long as the way to here, unless this is the end of it. */
static void enter(struct search *s, const struct state *then, unsigned who, struct orders_step step)
{
    struct orders *o = s->o;
    if (o->path_n == ORDERS_PATH) return;
    o->path[o->path_n].who = (uint8_t)who;
    o->path[o->path_n++].step = step;
    explore(s, then);
    if (!o->wrong) o->path_n--;
}

static bool go(struct search *s, const struct state *at, unsigned who, bool *done)
{
    struct state then = *at;
    struct orders_step next;
    const char *wrong = look(s, &at->side[who], who, &next);
    *done = !wrong && next.kind == ORDERS_DONE;
    if (wrong && !s->o->wrong) s->o->wrong = wrong;
    if (wrong || !take(s->o, &then, who, next)) return false;
    enter(s, &then, who, next);
    return true;
}

/* Processors keep their stores' order; one that does not is for seeing that it would matter. */
static bool go_drain(struct search *s, const struct state *at, unsigned who)
{
    unsigned any = s->o->in_order ? at->side[who].buffered > 0 : at->side[who].buffered;
    for (unsigned i = 0; i < any && !s->o->wrong; i++) {
        struct state then = *at;
        struct store x = at->side[who].buffer[i];
        drain(&then, &then.side[who], i);
        enter(s, &then, who, (struct orders_step){ ORDERS_DRAIN, x.at, x.value });
    }
    return any;
}

static void explore(struct search *s, const struct state *at)
{
    bool moved = false, done[ORDERS_SIDES] = { false, false };
    struct orders *o = s->o;
    if (o->wrong || !is_new(s, at)) return;
    for (unsigned who = 0; who < ORDERS_SIDES && !o->wrong; who++) {
        moved |= go(s, at, who, &done[who]);
        if (!o->wrong) moved |= go_drain(s, at, who);
    }
    if (moved || o->wrong) return;
    if (done[0] && done[1]) o->ends++;
    else if (at->side[0].steps == ORDERS_STEPS || at->side[1].steps == ORDERS_STEPS) o->wrong = "a side goes on and on";
    else o->wrong = "both sleep, and not all is done";
}

static struct state *first(const struct orders *o)
{
    struct state *s = calloc(1, sizeof *s);
    if (s) memcpy(s->memory, o->memory, sizeof s->memory);
    return s;
}

static bool make(struct search *s, struct orders *o)
{
    *s = (struct search){ .o = o, .room = 2 * o->most + 1024, .memos = 1 << 16 };
    s->visited = calloc(s->room, sizeof *s->visited);
    s->memo = calloc(s->memos, sizeof *s->memo);
    return s->visited && s->memo;
}

bool orders_search(struct orders *o)
{
    struct search s;
    struct state *from = first(o);
    o->states = o->ends = o->path_n = 0;
    o->wrong = NULL;
    bool ok = make(&s, o) && from;
    if (ok) explore(&s, from);
    free(s.visited);
    free(s.memo);
    free(from);
    return ok;
}

int orders_turns(struct orders *o, unsigned who)
{
    struct state *s = first(o);
    bool buffers = o->buffers, done[ORDERS_SIDES] = { false, false };
    int sent = s ? 0 : -1;
    o->buffers = false;
    for (bool moved = true; s && moved;) {
        moved = false;
        for (unsigned side = 0; side < ORDERS_SIDES; side++) {
            struct orders_step next;
            if (o->look(o->self, side, s->side[side].results, s->side[side].steps, &next)) continue;
            done[side] = next.kind == ORDERS_DONE;
            if (!take(o, s, side, next)) continue;
            moved = true;
            sent += side == who && next.kind == ORDERS_NOTIFY;
        }
    }
    o->buffers = buffers;
    free(s);
    return done[0] && done[1] ? sent : -1;
}
