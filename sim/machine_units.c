/* The translation cache as people look at it: counts, and the units with their chains. Nothing here has effects. See machine.h. */
#include "sim/board.h"
#include "sim/vmm/bintrans.h"

static const struct bintrans *cache(const struct machine *m) { return m->technique->hypervisor ? machine_seen(m)->vcpu.bt : NULL; }

bool machine_translation(const struct machine *m, struct machine_translation *out)
{
    const struct bintrans *t = cache(m);
    *out = (struct machine_translation){ 0 };
    if (!t) return false;
    const struct bt_counts *n = &t->counts;
    *out = (struct machine_translation){
        .units = n->units, .insns = n->insns, .bytes = n->bytes, .code = n->code, .chains = n->chains, .elided = n->elided,
        .invalidated = n->invalidated, .flushes = n->flushes, .emulated = n->emulated, .continued = n->continued,
        .lookups = n->lookups, .adapted = n->adapted, .reverted = n->reverted, .untranslated = n->leaks,
        .aliases = n->granted, .noted = n->logged,
        .used = t->at + t->end - t->tail, .room = t->end,
    };
    return true;
}

unsigned machine_translated(const struct machine *m, struct machine_callout *list, unsigned room)
{
    const struct bintrans *t = cache(m);
    unsigned n = 0;
    for (unsigned id = 1; t && id < MN_COUNT; id++) {
        if (!t->counts.by_insn[id]) continue;
        struct machine_callout c = { insn_desc(id)->word, t->counts.by_insn[id] };
        unsigned at = n < room ? n++ : room;
        for (; at && list[at - 1].count < c.count; at--)
            if (at < room) list[at] = list[at - 1];
        if (at < room) list[at] = c;
    }
    return n;
}

static uint16_t chained_to(const struct bintrans *t, const struct bt_exit *x)
{
    if (x->to) return x->to;
    for (uint32_t n = 0; x->chained && n < t->units; n++) /* placed where the continuation was */
        if (t->unit[n].tc == x->at && !t->unit[n].dead) return (uint16_t)(n + 1);
    return 0;
}

unsigned machine_units(const struct machine *m, struct machine_unit *list, unsigned room)
{
    const struct bintrans *t = cache(m);
    unsigned n = 0;
    for (; t && n < t->units && n < room; n++) {
        const struct bt_unit *u = &t->unit[n];
        list[n] = (struct machine_unit){ .eip = u->eip, .linear = t->known[u->context].base + u->eip, .at = u->tc, .bytes = u->bytes,
                                         .cache = WINDOW_BASE + BT_CODE + u->tc,
                                         .size = u->size, .insns = u->insns, .dead = u->dead, .exits = u->dead ? 0 : u->exits };
        for (unsigned x = 0; x < list[n].exits; x++) {
            uint16_t to = chained_to(t, &u->exit[x]);
            list[n].exit[x] = (struct machine_unit_exit){ .target = u->exit[x].target, .to = to ? to - 1 : -1,
                                                          .taken = u->exit[x].branch != 0, .adjacent = to && !u->exit[x].to };
        }
    }
    return n;
}
