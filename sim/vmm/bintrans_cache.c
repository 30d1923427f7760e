/* The translation cache as a place: units by guest EIP and by cache address, chains, and their end. See bintrans.h.
 *
 * Idea: nothing moves. A dead unit's start becomes a callout, later a jump to what replaced it; when the cache, or a table
 * here, is full, all of it is forgotten. */
#include "sim/vmm/bintrans_cache.h"

/* ---- by guest EIP */

/* A table entry: EIP negated, so that LEA compares; where. An empty one matches EIP 0, so it leads to the hypervisor. */
static void put_entry(struct vcpu *v, unsigned side, uint32_t at, uint32_t eip, uint32_t tc)
{
    uint32_t entry[2] = { 0u - eip, tc };
    poke_area(v, side, at, entry, sizeof entry);
}

static void clear_tables(struct vcpu *v, unsigned side)
{
    for (uint32_t i = 0; i < BT_RETURN_SLOTS; i++) put_entry(v, side, BT_RETURNS + 8 * i, 0, v->bt->miss);
    for (uint32_t i = 0; i < BT_HASH_SLOTS; i++) put_entry(v, side, BT_HASH + 8 * i, 0, v->bt->miss);
    charge(v, COST_MEM_REF, 2 * (BT_RETURN_SLOTS + BT_HASH_SLOTS));
}

/* Units of another code segment have other EIPs: the tables are about one at a time, of the kernel's and of the user's. */
unsigned bt_context(struct vcpu *v)
{
    struct bintrans *t = v->bt;
    const struct seg_reg *cs = &v->virt.seg[SEG_CS];
    unsigned i = 0, side = bt_side(v);
    while (i < t->contexts && (t->known[i].base != cs->base || t->known[i].limit != cs->limit || t->known[i].user != side)) i++;
    if (i == BT_CONTEXTS) {
        bt_flush(v);
        i = 0;
    }
    if (i == t->contexts) t->known[t->contexts++] = (struct bt_context){ cs->base, cs->limit, side };
    if (i != t->context[side]) {
        t->context[side] = (uint8_t)i;
        clear_tables(v, side);
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
    unsigned side = v->bt->known[u->context].user;
    put_entry(v, side, BT_HASH + 8 * bt_hash_slot(u->eip), u->eip, u->tc);
    if (returns) put_entry(v, side, BT_RETURNS + 8 * (u->eip & 0xFF), u->eip, u->tc);
    charge(v, COST_MEM_REF, returns ? 4 : 2);
}

static void forget_entry(struct vcpu *v, unsigned side, uint32_t at, uint32_t tc)
{
    uint32_t entry[2];
    bus_peek(board(v)->bus, window_hpa(&v->window, bt_area(side) + at), entry, sizeof entry);
    if (entry[1] == tc) put_entry(v, side, at, 0, v->bt->miss);
}

void bt_forget_return(struct vcpu *v, uint32_t eip) { put_entry(v, bt_side(v), BT_RETURNS + 8 * (eip & 0xFF), 0, v->bt->miss); }

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
        s->point.fix &= (uint16_t)~(BT_FIRST | BT_OWN);
        s->point.done = 0;
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
    bt_page_leave(v, u, 0);
    bt_page_leave(v, u, 1);
    unsigned side = t->known[u->context].user;
    if (u->context == t->context[side]) {
        forget_entry(v, side, BT_HASH + 8 * bt_hash_slot(u->eip), u->tc);
        forget_entry(v, side, BT_RETURNS + 8 * (u->eip & 0xFF), u->tc);
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
        if (t->page[n - 1].used) bt_page_drop(v, n);
    TRACE(board(v)->trace, FLUSH, v->cause, .units = t->units, .bytes = t->at - BT_GLUE + t->end - t->tail);
    memset(t->key, 0, sizeof t->key);
    t->units = t->point_n = 0;
    t->pages = 0;
    t->contexts = 0;
    t->context[0] = t->context[1] = UINT8_MAX; /* the tables are cleared when the first is made */
    t->at = BT_GLUE;
    t->tail = t->end;
    t->here = t->from = 0;
    t->counts.flushes++;
}
