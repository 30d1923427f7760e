/* What the files of the translation cache share: bintrans_cache.c, _page.c, _unit.c. Private to them. */
#ifndef VMM_BINTRANS_CACHE_H
#define VMM_BINTRANS_CACHE_H

#include <string.h>

#include "sim/vmm/bintrans.h"
#include "sim/vmm/emulate.h"
#include "sim/vmm/vm.h"

static inline const struct vmm_board *board(const struct vcpu *v) { return &v->vmm->board; }

static inline void charge(struct vcpu *v, enum cost cost, uint64_t times)
{
    clock_charge(board(v)->clock, CAUSE_TRANSLATE, board(v)->model->cost[cost] * times);
}

static inline void poke(struct vcpu *v, uint32_t tc, const void *bytes, unsigned n)
{
    bus_poke(board(v)->bus, window_hpa(&v->window, BT_CODE + tc), bytes, n);
}

static inline void poke_data(struct vcpu *v, uint32_t at, const void *bytes, unsigned n)
{
    bus_poke(board(v)->bus, window_hpa(&v->window, BT_DATA + at), bytes, n);
}

static inline void poke_area(struct vcpu *v, unsigned side, uint32_t at, const void *bytes, unsigned n)
{
    bus_poke(board(v)->bus, window_hpa(&v->window, bt_area(side) + at), bytes, n);
}

static inline void put_call(struct vcpu *v, uint32_t tc)
{
    static const uint8_t call[BT_CONT] = { 0x9A, 0, 0, 0, 0, BT_GATE & 0xFF, BT_GATE >> 8 };
    poke(v, tc, call, sizeof call);
}

/* The list of units with this hash. */
static inline uint16_t *bucket(struct bintrans *t, uint32_t eip, unsigned context)
{
    return &t->key[(eip ^ eip >> 12 ^ context << 8) % BT_KEYS];
}

/* ---- bintrans_page.c */
/* The entry + 1 for a linear page that is this frame now; 0: no room. */
uint16_t bt_page_obtain(struct vcpu *v, uint32_t page, uint32_t frame);
void bt_page_drop(struct vcpu *v, uint16_t n);
/* A unit's code lies in its page k; no longer. */
void bt_page_join(struct bintrans *t, struct bt_unit *u, unsigned k, uint16_t page);
void bt_page_leave(struct vcpu *v, struct bt_unit *u, unsigned k);

#endif
