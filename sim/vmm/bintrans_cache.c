/* The translation cache as a place: units by guest EIP and by cache address, chains, and what a store to code undoes. See
 * bintrans.h.
 *
 * Idea 1: nothing moves. A dead unit's start becomes a callout, later a jump to what replaced it; when the cache, or a table
 * here, is full, all of it is forgotten.
 * Idea 2: a unit is about one linear address and one guest frame (two if an instruction straddles pages). Stores to the frame
 * trap (write trace); when the guest changes its page tables every page is asked whether it is still that frame.
 * The accessed bits of the guest's entries go with that: a page whose bit the guest cleared is translated anew, which sets it. */
#include <string.h>

#include "sim/mmu/pte.h"
#include "sim/vmm/bintrans.h"
#include "sim/vmm/emulate.h"
#include "sim/vmm/vm.h"

static const struct vmm_board *board(const struct vcpu *v) { return &v->vmm->board; }

static void charge(struct vcpu *v, enum cost cost, uint64_t times)
{
    clock_charge(board(v)->clock, CAUSE_TRANSLATE, board(v)->model->cost[cost] * times);
}

static void poke(struct vcpu *v, uint32_t tc, const void *bytes, unsigned n)
{
    bus_poke(board(v)->bus, window_hpa(&v->window, BT_CODE + tc), bytes, n);
}

static void poke_data(struct vcpu *v, uint32_t at, const void *bytes, unsigned n)
{
    bus_poke(board(v)->bus, window_hpa(&v->window, BT_DATA + at), bytes, n);
}

static void put_call(struct vcpu *v, uint32_t tc)
{
    static const uint8_t call[BT_CONT] = { 0x9A, 0, 0, 0, 0, BT_GATE & 0xFF, BT_GATE >> 8 };
    poke(v, tc, call, sizeof call);
}

/* ---- by guest EIP */

static uint16_t *bucket(struct bintrans *t, uint32_t eip, unsigned context)
{
    return &t->key[(eip ^ eip >> 12 ^ context << 8) % BT_KEYS];
}

/* A table entry: EIP negated, so that LEA compares; where. An empty one matches EIP 0, so it leads to the hypervisor. */
static void put_entry(struct vcpu *v, uint32_t at, uint32_t eip, uint32_t tc)
{
    uint32_t entry[2] = { 0u - eip, tc };
    poke_data(v, at, entry, sizeof entry);
}

static void clear_tables(struct vcpu *v)
{
    for (uint32_t i = 0; i < BT_RETURN_SLOTS; i++) put_entry(v, BT_RETURNS + 8 * i, 0, v->bt->miss);
    for (uint32_t i = 0; i < BT_HASH_SLOTS; i++) put_entry(v, BT_HASH + 8 * i, 0, v->bt->miss);
    charge(v, COST_MEM_REF, 2 * (BT_RETURN_SLOTS + BT_HASH_SLOTS));
}

/* Units of another code segment have other EIPs: the tables are about one at a time. */
unsigned bt_context(struct vcpu *v)
{
    struct bintrans *t = v->bt;
    const struct seg_reg *cs = &v->virt.seg[SEG_CS];
    unsigned i = 0;
    while (i < t->contexts && (t->known[i].base != cs->base || t->known[i].limit != cs->limit)) i++;
    if (i == BT_CONTEXTS) {
        bt_flush(v);
        i = 0;
    }
    if (i == t->contexts) t->known[t->contexts++] = (struct bt_context){ cs->base, cs->limit };
    if (i != t->context) {
        t->context = (uint8_t)i;
        clear_tables(v);
    }
    return i;
}

struct bt_unit *bt_find(struct vcpu *v, uint32_t eip)
{
    struct bintrans *t = v->bt;
    unsigned context = bt_context(v);
    charge(v, COST_BT_LOOKUP, 1);
    for (uint16_t n = *bucket(t, eip, context); n; n = t->unit[n - 1].next_key)
        if (t->unit[n - 1].eip == eip && t->unit[n - 1].context == context) return &t->unit[n - 1];
    return NULL;
}

void bt_remember(struct vcpu *v, const struct bt_unit *u, bool returns)
{
    put_entry(v, BT_HASH + 8 * bt_hash_slot(u->eip), u->eip, u->tc);
    if (returns) put_entry(v, BT_RETURNS + 8 * (u->eip & 0xFF), u->eip, u->tc);
    charge(v, COST_MEM_REF, returns ? 4 : 2);
}

static void forget_entry(struct vcpu *v, uint32_t at, uint32_t tc)
{
    uint32_t entry[2];
    bus_peek(board(v)->bus, window_hpa(&v->window, BT_DATA + at), entry, sizeof entry);
    if (entry[1] == tc) put_entry(v, at, 0, v->bt->miss);
}

void bt_forget_return(struct vcpu *v, uint32_t eip) { put_entry(v, BT_RETURNS + 8 * (eip & 0xFF), 0, v->bt->miss); }

/* ---- by cache address */

struct bt_unit *bt_unit_at(struct bintrans *t, uint32_t tc)
{
    uint32_t low = 0, high = t->units; /* units lie in the order they were made */
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (t->unit[middle].tc <= tc) low = middle + 1;
        else high = middle;
    }
    if (!low || tc - t->unit[low - 1].tc >= t->unit[low - 1].size) return NULL;
    return &t->unit[low - 1];
}

static const struct bt_point *search(const struct bt_point *p, unsigned n, uint32_t at)
{
    for (unsigned i = 0; i < n; i++)
        if (p[i].at == at) return &p[i];
    return NULL;
}

bool bt_state_at(const struct bintrans *t, uint32_t tc, struct bt_state *s)
{
    *s = (struct bt_state){ 0 };
    if (tc < BT_GLUE) {
        const struct bt_point *p = search(t->glue, t->glue_points, tc);
        if (p) s->point = *p;
        return p;
    }
    if (tc >= t->tail) { /* a taken branch's continuation */
        const struct bt_apart *a = &t->apart[(t->end - tc) / BT_CONT - 1];
        s->unit = a->unit;
        s->exit = a->exit;
        s->point = (struct bt_point){ .eip = t->unit[a->unit - 1].exit[a->exit].target, .what = BT_CONTINUE };
        return (t->end - tc) % BT_CONT == 0;
    }
    const struct bt_unit *u = bt_unit_at((struct bintrans *)t, tc);
    if (!u) return false;
    s->unit = (uint16_t)(u - t->unit + 1);
    const struct bt_point *p = search(&t->point[u->first_point], u->points, tc - u->tc);
    if (!p) return false;
    s->point = *p;
    if (u->dead && tc == u->tc) { /* a callout, or the jump to what replaced it: the instruction itself is elsewhere */
        s->point.what = BT_CONTINUE;
        s->point.fix &= (uint8_t)~BT_FIRST;
    }
    for (unsigned x = 0; x < u->exits; x++)
        if (u->exit[x].at == tc && !u->exit[x].apart) s->exit = (uint8_t)x;
    return true;
}

uint32_t bt_unit_start(const struct bintrans *t, const struct bt_unit *u, uint32_t eip)
{
    const struct bt_point *p = &t->point[u->first_point];
    for (unsigned i = 0; i < u->points; i++)
        if (p[i].eip == eip && (p[i].fix & BT_FIRST) && p[i].at < u->size) return u->tc + p[i].at;
    return UINT32_MAX;
}

/* ---- pages */

static void trace_page(struct vcpu *v, const struct bt_page *p, bool on)
{
    v->vmmu.cause = v->cause;
    v->vmmu.ops->trace(&v->vmmu, gpa(p->frame << PAGE_SHIFT), on);
}

static void drop_page(struct vcpu *v, uint16_t n)
{
    struct bintrans *t = v->bt;
    struct bt_page *p = &t->page[n - 1];
    uint16_t *at = &t->frame[p->frame % BT_KEYS];
    while (*at != n) at = &t->page[*at - 1].next;
    *at = p->next;
    trace_page(v, p, false);
    p->used = false;
}

/* The entry for a linear page that is this frame now; 0: no room. */
static uint16_t obtain_page(struct vcpu *v, uint32_t page, uint32_t frame)
{
    struct bintrans *t = v->bt;
    uint16_t *head = &t->frame[frame % BT_KEYS];
    for (uint16_t n = *head; n; n = t->page[n - 1].next)
        if (t->page[n - 1].frame == frame && t->page[n - 1].page == page) return n;
    unsigned i = 0;
    while (i < BT_PAGES && t->page[i].used) i++;
    if (i == BT_PAGES) return 0;
    if (i >= t->pages) t->pages = i + 1;
    t->page[i] = (struct bt_page){ .frame = frame, .page = page, .next = *head, .used = true };
    *head = (uint16_t)(i + 1);
    trace_page(v, &t->page[i], true);
    return (uint16_t)(i + 1);
}

static void join_page(struct bintrans *t, struct bt_unit *u, unsigned k, uint16_t page)
{
    u->page[k] = page;
    u->next_page[k] = t->page[page - 1].units;
    t->page[page - 1].units = (uint16_t)(u - t->unit + 1);
}

/* Which of a unit's pages is this? */
static unsigned side(const struct bt_unit *u, uint16_t page) { return u->page[0] == page ? 0 : 1; }

static void leave_page(struct vcpu *v, struct bt_unit *u, unsigned k)
{
    struct bintrans *t = v->bt;
    uint16_t n = u->page[k], self = (uint16_t)(u - t->unit + 1);
    if (!n) return;
    uint16_t *at = &t->page[n - 1].units;
    while (*at != self) at = &t->unit[*at - 1].next_page[side(&t->unit[*at - 1], n)];
    *at = u->next_page[k];
    u->page[k] = 0;
    if (!t->page[n - 1].units) drop_page(v, n);
}

/* ---- chains */

static void put_jump(struct vcpu *v, uint32_t at, uint32_t to)
{
    uint8_t jump[BT_CONT] = { 0xE9, 0, 0, 0, 0, 0x90, 0x90 };
    uint32_t rel = to - (at + BT_JUMP);
    memcpy(jump + 1, &rel, 4);
    poke(v, at, jump, sizeof jump);
    charge(v, COST_BT_PATCH, 1);
}

static void put_branch(struct vcpu *v, const struct bt_exit *x, uint32_t to)
{
    uint32_t rel = to - (x->branch + 4);
    if (x->branch) poke(v, x->branch, &rel, 4);
}

static struct bt_exit *exit_of(struct bintrans *t, uint16_t link) { return &t->unit[(link - 1) / 2].exit[(link - 1) % 2]; }

void bt_chain(struct vcpu *v, struct bt_unit *u, unsigned n, struct bt_unit *to)
{
    struct bintrans *t = v->bt;
    struct bt_exit *x = &u->exit[n];
    if (x->held || x->chained) return;
    x->chained = true;
    t->counts.chains++;
    struct event e = { .kind = EV_CHAIN, .cause = v->cause, .eip = u->eip };
    e.u.CHAIN.target = to->eip;
    e.u.CHAIN.at = x->at;
    trace_emit(board(v)->trace, &e);
    if (x->at == to->tc) return; /* placed there: no jump is needed */
    put_jump(v, x->at, to->tc);
    put_branch(v, x, to->tc);
    x->to = (uint16_t)(to - t->unit + 1);
    x->next = to->incoming;
    to->incoming = (uint16_t)((u - t->unit) * 2 + n + 1);
}

/* A dying unit: nothing leads from it any more ... */
static void cut_outgoing(struct bintrans *t, struct bt_unit *u)
{
    for (unsigned n = 0; n < u->exits; n++) {
        struct bt_exit *x = &u->exit[n];
        if (!x->to) continue;
        uint16_t self = (uint16_t)((u - t->unit) * 2 + n + 1), *at = &t->unit[x->to - 1].incoming;
        while (*at != self) at = &exit_of(t, *at)->next;
        *at = x->next;
        x->to = 0;
    }
}

/* ... and nothing to it: who jumped there calls again. */
static void cut_incoming(struct vcpu *v, struct bt_unit *u)
{
    struct bintrans *t = v->bt;
    for (uint16_t link = u->incoming, next; link; link = next) {
        struct bt_exit *x = exit_of(t, link);
        next = x->next;
        x->to = x->next = 0;
        x->chained = false;
        put_branch(v, x, x->at);
        put_call(v, x->at);
        charge(v, COST_BT_PATCH, 1);
    }
    u->incoming = 0;
}

/* ---- the end of units */

void bt_kill(struct vcpu *v, struct bt_unit *u)
{
    struct bintrans *t = v->bt;
    if (u->dead) return;
    uint16_t self = (uint16_t)(u - t->unit + 1), *at = bucket(t, u->eip, u->context);
    while (*at != self) at = &t->unit[*at - 1].next_key;
    *at = u->next_key;
    leave_page(v, u, 0);
    leave_page(v, u, 1);
    if (u->context == t->context) {
        forget_entry(v, BT_HASH + 8 * bt_hash_slot(u->eip), u->tc);
        forget_entry(v, BT_RETURNS + 8 * (u->eip & 0xFF), u->tc);
    }
    cut_outgoing(t, u);
    cut_incoming(v, u);
    u->dead = true;
    u->exits = 1; /* the unit before it may run into its start */
    u->exit[0] = (struct bt_exit){ .target = u->eip, .at = u->tc };
    put_call(v, u->tc);
    t->counts.invalidated++;
    TRACE(board(v)->trace, INVALID, v->cause, .unit = u->eip, .at = u->tc);
    charge(v, COST_BT_PATCH, 1);
}

void bt_flush(struct vcpu *v)
{
    struct bintrans *t = v->bt;
    for (uint16_t n = 1; n <= t->pages; n++)
        if (t->page[n - 1].used) drop_page(v, n);
    TRACE(board(v)->trace, FLUSH, v->cause, .units = t->units, .bytes = t->at - BT_GLUE + t->end - t->tail);
    memset(t->key, 0, sizeof t->key);
    t->units = t->point_n = 0;
    t->pages = 0;
    t->contexts = 0;
    t->context = UINT8_MAX; /* the tables are cleared when the first is made */
    t->at = BT_GLUE;
    t->tail = t->end;
    t->here = t->from = 0;
    t->counts.flushes++;
}

void bt_stored(struct vcpu *v, uint32_t at, unsigned size)
{
    struct bintrans *t = v->bt;
    if (v->vmmu.ops->traced && v->vmmu.ops->traced(&v->vmmu, gpa(at))) t->traced = true;
    for (unsigned k = 0; k < 2; k++)
        for (unsigned i = 0; i < v->traced[k].n; i++)
            if (v->traced[k].frame[i] == at >> PAGE_SHIFT) bt_selectors_forget(v);
    uint32_t frame = at >> PAGE_SHIFT, first = at & (PAGE_SIZE - 1), last = first + size - 1;
    for (uint16_t n = t->frame[frame % BT_KEYS], next; n; n = next) {
        next = t->page[n - 1].next;
        if (t->page[n - 1].frame != frame) continue;
        uint32_t page = t->page[n - 1].page;
        for (uint16_t m = t->page[n - 1].units, after; m; m = after) {
            struct bt_unit *u = &t->unit[m - 1];
            after = u->next_page[side(u, n)];
            /* The unit's bytes, from the page's start; the second page of a straddling one begins below 0. */
            int64_t from = (int64_t)(int32_t)(t->known[u->context].base + u->eip - (page << PAGE_SHIFT)), to = from + u->bytes - 1;
            if (from <= last && to >= first) bt_kill(v, u);
        }
    }
}

/* The frame behind a linear page of code, if it may be fetched from and its entries are accessed. */
static uint32_t frame_of(const struct vcpu *v, uint32_t page)
{
    struct xlat x;
    struct fault f;
    if (!mmu_probe(&v->virt_mmu, gva(page << PAGE_SHIFT), ACCESS_EXEC, &x, &f)) return FRAME_NONE;
    for (unsigned i = 0; i < x.refs; i++)
        if (!(x.ref[i].entry & PTE_A)) return FRAME_NONE;
    return x.at.v >> PAGE_SHIFT;
}

void bt_remapped(struct vcpu *v)
{
    struct bintrans *t = v->bt;
    bt_selectors_check(v);
    for (uint16_t n = 1; n <= t->pages; n++) {
        if (!t->page[n - 1].used) continue;
        charge(v, COST_MEM_REF, 2);
        if (frame_of(v, t->page[n - 1].page) == t->page[n - 1].frame) continue;
        while (t->page[n - 1].used) bt_kill(v, &t->unit[t->page[n - 1].units - 1]);
    }
}

/* ---- making units */

/* Guest code at a linear address, as a fetch: sets accessed bits. 0: it faults. Returns bytes, none beyond the page. */
static unsigned fetch(struct vcpu *v, uint32_t lin, uint8_t *to, unsigned n, uint32_t *frame)
{
    struct cpu *c = &v->virt;
    struct xlat x;
    struct fault f;
    unsigned piece = PAGE_SIZE - (lin & (PAGE_SIZE - 1));
    if (piece > n) piece = n;
    if (lin >= WINDOW_BASE || !c->env.translate(c->env.mmu, gva(lin), ACCESS_EXEC, &x, &f)) return 0;
    *frame = x.at.v >> PAGE_SHIFT;
    return bus_windowed(&v->vm->bus, x.at) || !bus_peek(&v->vm->bus, x.at, to, piece) ? 0 : piece;
}

/* Decodes up to bt.unit instructions of one page. The first may reach into the next page; the others may not. */
struct source {
    uint8_t  bytes[BT_UNIT_MOST * 15 + 15];
    unsigned have, used, insns;
    uint32_t frame[2];
    bool     straddles;
};

static bool decode(struct vcpu *v, const struct source *s, uint32_t eip, struct insn *i)
{
    const struct bt_context *k = &v->bt->known[v->bt->context];
    if (eip > k->limit) return false;
    if (insn_decode(s->bytes + s->used, s->have - s->used, (struct insn_mode){ .code32 = true }, board(v)->model->cost, i) != DECODE_OK)
        return false;
    return i->len - 1u <= k->limit - eip;
}

static bool open_source(struct vcpu *v, uint32_t eip, struct source *s, struct insn *first)
{
    uint32_t lin = v->virt.seg[SEG_CS].base + eip;
    s->have = fetch(v, lin, s->bytes, sizeof s->bytes, &s->frame[0]);
    if (!s->have) return false;
    if (decode(v, s, eip, first)) return true;
    if (s->have >= 15) return false; /* #UD, or the segment's end: the virtual CPU says which */
    s->straddles = true;
    unsigned more = fetch(v, lin + s->have, s->bytes + s->have, 15 - s->have, &s->frame[1]);
    s->have += more;
    return more && decode(v, s, eip, first);
}

static void emit_all(struct vcpu *v, struct source *s, uint32_t eip, struct insn *i, const struct bt_how *how)
{
    struct bt_code *c = &v->bt->scratch;
    uint32_t at = eip, most = board(v)->setting[SETTING_BT_UNIT];
    c->n = c->points = c->exits = 0;
    c->ended = c->holds = false;
    do {
        struct bt_how h = *how;
        h.simulate = bt_adapted(v, at);
        bt_emit(c, &h, i, s->bytes + s->used, at);
        s->used += i->len;
        s->insns++;
        at += i->len;
    } while (!c->ended && !s->straddles && (s->insns < most || c->holds) && decode(v, s, at, i));
    if (!c->ended) bt_emit_end(c, at);
}

static bool room(const struct bintrans *t, const struct bt_code *c)
{
    return t->tail - t->at >= c->n + BT_CONT && t->units < BT_UNITS && t->point_n + c->points <= BT_POINTS;
}

/* Gives the emitted unit its place: exits become cache offsets, a taken branch's continuation goes to the end. */
static void place_exits(struct vcpu *v, struct bt_unit *u, struct bt_code *c)
{
    struct bintrans *t = v->bt;
    u->exits = (uint8_t)c->exits;
    for (unsigned n = 0; n < c->exits; n++) {
        struct bt_exit *x = &u->exit[n];
        *x = c->exit[n];
        x->at += u->tc;
        if (!x->apart) continue;
        x->branch += u->tc;
        t->tail -= BT_CONT;
        x->at = t->tail;
        t->apart[(t->end - x->at) / BT_CONT - 1] = (struct bt_apart){ (uint16_t)(u - t->unit + 1), (uint8_t)n };
        put_call(v, x->at);
        uint32_t rel = x->at - (x->branch + 4);
        memcpy(c->bytes + c->exit[n].branch, &rel, 4);
    }
}

static struct bt_unit *place(struct vcpu *v, const struct source *s, uint32_t eip)
{
    struct bintrans *t = v->bt;
    struct bt_code *c = &t->scratch;
    uint32_t lin = v->virt.seg[SEG_CS].base + eip;
    uint16_t page = obtain_page(v, lin >> PAGE_SHIFT, s->frame[0]);
    uint16_t second = s->straddles ? obtain_page(v, (lin >> PAGE_SHIFT) + 1, s->frame[1]) : 0;
    if (!page || (s->straddles && !second)) return NULL;
    struct bt_unit *u = &t->unit[t->units++];
    uint16_t *head = bucket(t, eip, t->context);
    *u = (struct bt_unit){ .eip = eip, .tc = t->at, .first_point = t->point_n, .points = (uint16_t)c->points, .size = (uint16_t)c->n,
                           .bytes = (uint16_t)s->used, .insns = (uint8_t)s->insns, .context = t->context, .next_key = *head };
    *head = (uint16_t)t->units;
    join_page(t, u, 0, page);
    if (second) join_page(t, u, 1, second);
    place_exits(v, u, c);
    memcpy(&t->point[t->point_n], c->point, c->points * sizeof c->point[0]);
    t->point_n += c->points;
    poke(v, u->tc, c->bytes, c->n);
    t->at += c->n;
    return u;
}

/* The continuation at the very end of the cache asked for this unit: it can begin there, and no jump is needed. */
static void adjoin(struct vcpu *v, uint32_t eip)
{
    struct bintrans *t = v->bt;
    if (!t->from || !board(v)->setting[SETTING_BT_CHAIN]) return;
    struct bt_unit *u = &t->unit[t->from - 1];
    const struct bt_exit *x = &u->exit[t->from_exit];
    if (u->dead || x->target != eip || x->apart || x->held || x->chained || x->at + BT_CONT != t->at || u->size < 2 * BT_CONT) return;
    t->at = x->at;
    u->size = (uint16_t)(u->size - BT_CONT);
    t->counts.elided++;
}

static void tell(struct vcpu *v, const struct bt_unit *u)
{
    struct bt_counts *n = &v->bt->counts;
    n->units++;
    n->insns += u->insns;
    n->bytes += u->bytes;
    n->code += u->size;
    charge(v, COST_TRANSLATE, u->insns);
    struct event e = { .kind = EV_TRANSLATE, .cause = v->cause, .eip = u->eip };
    e.u.TRANSLATE.insns = u->insns;
    e.u.TRANSLATE.bytes = (uint8_t)u->bytes;
    e.u.TRANSLATE.size = u->size;
    e.u.TRANSLATE.at = u->tc;
    trace_emit(board(v)->trace, &e);
}

struct bt_unit *bt_translate(struct vcpu *v, uint32_t eip)
{
    struct bintrans *t = v->bt;
    struct source s = { 0 };
    struct insn i;
    bt_context(v);
    bool readable = open_source(v, eip, &s, &i);
    emulate_publish(v); /* accessed bits */
    if (!readable) return NULL;
    for (unsigned again = 0; again < 2; again++) {
        bt_context(v);
        adjoin(v, eip);
        const struct bt_context *k = &t->known[t->context];
        const struct bt_how how = { .incache = board(v)->setting[SETTING_BT_INCACHE], .returns = board(v)->setting[SETTING_BT_RETURN],
                                    .flat = k->limit == UINT32_MAX, .limit = k->limit, .tc = t->at, .jump = t->jump };
        struct insn first = i;
        s.used = s.insns = 0;
        emit_all(v, &s, eip, &first, &how);
        struct bt_unit *u = room(t, &t->scratch) ? place(v, &s, eip) : NULL;
        if (u) {
            tell(v, u);
            return u;
        }
        bt_flush(v);
    }
    return NULL;
}
