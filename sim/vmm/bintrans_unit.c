/* Making units: guest code is fetched, decoded, emitted, and given its place in the cache. See bintrans.h. */
#include "sim/vmm/bintrans_cache.h"
#include "sim/core/policy.h"

/* Guest code at a linear address, as a fetch: sets accessed bits. 0: it faults. Returns bytes, none beyond the page. */
static unsigned fetch(struct vcpu *v, uint32_t lin, uint8_t *to, unsigned n, uint32_t *frame)
{
    struct cpu *c = &v->virt;
    struct xlat x;
    struct fault f;
    unsigned piece = PAGE_SIZE - (lin & (PAGE_SIZE - 1));
    if (piece > n) piece = n;
    if (lin >= WINDOW_BASE || !c->env.translate(c->env.mmu, gva(lin), ACCESS_EXEC | (bt_side(v) ? ACCESS_USER : 0u), &x, &f)) return 0;
    *frame = x.at.v >> PAGE_SHIFT;
    return bus_windowed(&v->vm->bus, x.at) || !bus_peek(&v->vm->bus, x.at, to, piece) ? 0 : piece;
}

/* Decodes up to bt.unit instructions of one page. The first may reach into the next page; the others may not. */
struct source {
    uint8_t  bytes[BT_UNIT_MOST * 15 + 15];
    unsigned have, used, insns;
    uint32_t frame[2];
    bool     straddles;
    uint64_t aliases, guesses;
};

static bool decode(struct vcpu *v, const struct source *s, uint32_t eip, struct insn *i)
{
    const struct bt_context *k = &v->bt->known[v->bt->context[bt_side(v)]];
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

static uint64_t bit_of(uint32_t alias) { return UINT64_C(1) << (alias - BT_ALIAS) / BT_ALIAS_STEP; }

static void emit_all(struct vcpu *v, struct source *s, uint32_t eip, struct insn *i, const struct bt_how *how)
{
    struct bt_code *c = &v->bt->scratch;
    uint32_t at = eip, most = board(v)->setting[SETTING_BT_UNIT];
    bool all = board(v)->setting[SETTING_BT_ADAPTIVE] && !board(v)->setting[SETTING_BT_FAULTS];
    c->n = c->points = c->exits = 0;
    c->ended = c->holds = false;
    do {
        struct bt_how h = *how;
        uint32_t offset;
        bool store = bt_is_store(i, s->bytes + s->used);
        h.simulate = bt_adapted(v, at) || (store && all);
        if (h.simulate && bt_store_fixed(i, s->bytes + s->used, &offset)) h.fixed = bt_alias_of(v, offset);
        if (h.fixed) s->aliases |= bit_of(h.fixed);
        else if (h.simulate && bt_adapted_page(v, at, &h.page) && v->bt->apic.at && h.page == v->bt->apic.at >> PAGE_SHIFT) h.tpr = v->bt->apic.at;
        else if (h.simulate && bt_adapted_page(v, at, &h.page)) h.alias = bt_alias_guess(v, h.page);
        h.page <<= PAGE_SHIFT;
        if (h.alias) s->guesses |= bit_of(h.alias);
        bt_emit(c, &h, i, s->bytes + s->used, at);
        s->used += i->len;
        s->insns++;
        at += i->len;
    } while (!c->ended && !s->straddles && (s->insns < most || c->holds) && decode(v, s, at, i));
    if (!c->ended) bt_emit_end(c, at);
}

static bool room(const struct bintrans *t, const struct bt_code *c)
{
    return t->tail - t->at >= c->n + BT_CONT && t->units < t->most_units && t->point_n + c->points <= t->most_points;
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
    uint16_t page = bt_page_obtain(v, lin >> PAGE_SHIFT, s->frame[0]);
    uint16_t second = s->straddles ? bt_page_obtain(v, (lin >> PAGE_SHIFT) + 1, s->frame[1]) : 0;
    if (!page || (s->straddles && !second)) return NULL;
    struct bt_unit *u = &t->unit[t->units++];
    uint16_t *head = bucket(t, eip, t->context[bt_side(v)]);
    *u = (struct bt_unit){ .eip = eip, .tc = t->at, .first_point = t->point_n, .points = (uint16_t)c->points, .size = (uint16_t)c->n,
                           .bytes = (uint16_t)s->used, .insns = (uint8_t)s->insns, .context = t->context[bt_side(v)], .next_key = *head,
                           .aliases = s->aliases, .guesses = s->guesses };
    *head = (uint16_t)t->units;
    bt_page_join(t, u, 0, page);
    if (second) bt_page_join(t, u, 1, second);
    place_exits(v, u, c);
    memcpy(&t->point[t->point_n], c->point, c->points * sizeof c->point[0]);
    t->point_n += c->points;
    poke(v, u->tc, c->bytes, c->n);
    t->at += c->n;
    return u;
}

/* A unit lost the JMP at its end: the instruction before it does that, too. Its last byte is written anew, so that the CPU looks
 * at it again. */
static void count_jump(struct vcpu *v, const struct bt_unit *u)
{
    struct bt_point *p = &v->bt->point[u->first_point];
    unsigned last = 0;
    uint8_t byte = 0;
    for (unsigned i = 0; i < u->points; i++)
        if (p[i].at < u->size) last = i;
    p[last].done++;
    bus_peek(board(v)->bus, window_hpa(&v->window, BT_CODE + u->tc + u->size - 1u), &byte, 1);
    poke(v, u->tc + u->size - 1u, &byte, 1);
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
    if (x->jump) count_jump(v, u);
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
        const struct bt_context *k = &t->known[t->context[bt_side(v)]];
        const struct bt_how how = { .teacher = v->vmm->policy && v->vmm->policy->rule ? v->vmm->policy : NULL, .incache = board(v)->setting[SETTING_BT_INCACHE], .returns = board(v)->setting[SETTING_BT_RETURN],
                                    .user = k->user, .shifted = t->shifted, .flat = k->limit == UINT32_MAX, .limit = k->limit, .tc = t->at, .jump = t->jump };
        struct insn first = i;
        s.used = s.insns = 0;
        s.aliases = s.guesses = 0;
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
