/* Costs as named, cited rows, and CPU models as columns of them. sim/ has no other place for a number of cycles. */
#ifndef CORE_COST_H
#define CORE_COST_H

#include <stdint.h>
#include "sim/core/err.h"

enum cost {
#define COST(e, name, p4, source) COST_##e,
#include "sim/core/cost.def"
#undef COST
    COST_COUNT
};

/* A CPU model: its frequency and a value per row. */
struct model {
    const char *name, *about;
    uint64_t    hz;
    uint8_t     vmx;      /* generation of VMX; 0: none (sim/cpu/vmx.h) */
    uint32_t    without;  /* features it does without, as bits of CPUID leaf 1, EDX */
    uint32_t    extras;   /* what-ifs: features it has though the real one had not; bits of enum model_extra */
    uint8_t     lacks;    /* what later VMX has and this does not: bits of enum model_lack */
    uint8_t     levels;   /* what-if: with CR4.PAE, tables of 3 to 5 levels; else as the manual has them (sim/mmu/walk.h) */
    uint8_t     second;   /* what-if: second-level tables have 2, 3 or 5 levels; 0: four */
    uint16_t    untrapped; /* --set cpu.untrap=NAME: this instruction (enum mnemonic) does not ask for its privilege; 0: none */
    uint32_t    cost[COST_COUNT];
};

/* --set cpu.NAME=1 */
enum model_extra {
    EXTRA_UMIP = 1,         /* "umip": CR4.UMIP, in processors since 2017 */
    EXTRA_MONITOR = 4,      /* "monitor": MONITOR and MWAIT; whatever has VMX has them anyway */
    EXTRA_VIRTUALIZABLE = 2 /* "virtualizable": CR4.SEN, in none: what Popek and Goldberg would have asked for */
};

enum model_lack { LACKS_EPT = 1, LACKS_VPID = 2 };

const char *cost_name(enum cost c);
const char *cost_source(enum cost c);

/* Fills `m` for "p4" (Prescott 672, 3.8 GHz), "ideal" (every instruction one cycle, everything else free) or "off"
 * (as ideal; for skipping ahead). EXIT_USAGE error naming the known models otherwise. */
bool model_find(const char *name, struct model *m, struct err *e);
/* Sets one row by name (--set cost.NAME=N, without the "cost."); EXIT_USAGE if there is no such row. */
bool model_set(struct model *m, const char *row, uint32_t value, struct err *e);
/* Gives the model an extra feature, or takes it away (--set cpu.NAME=0, without the "cpu."); EXIT_USAGE if there is none. */
bool model_extra(struct model *m, const char *name, bool on, struct err *e);

#endif
