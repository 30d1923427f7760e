/* CPU models: what things cost, how large things are, which features there are, as named rows with a source each.
 * sim/ has no other place for a number of cycles.
 *
 * Idea: cost.def lists the rows and says what they mean; their values are data, a text file for each model
 * (sim/core/models, carried by the program), which a person may copy and change (--model FILE). */
#ifndef CORE_COST_H
#define CORE_COST_H

#include <stddef.h>
#include <stdint.h>
#include "sim/core/err.h"

enum cost {
#define COST(e, name, unit, about) COST_##e,
#include "sim/core/cost.def"
#undef COST
    COST_COUNT
};

/* A CPU model: a value per row, and what was made of some of them. */
struct model {
    char        name[32], about[120];
    char        file[256]; /* where it came from: a name of model_name, or a path */
    uint64_t    hz;
    uint8_t     vmx;      /* generation of VMX; 0: none (sim/cpu/vmx.h) */
    uint32_t    without;  /* features it does without, as bits of CPUID leaf 1, EDX */
    uint32_t    extras;   /* what-ifs: features it has though the real one had not; bits of enum model_extra */
    uint8_t     levels;   /* what-if: with CR4.PAE, tables of 3 to 5 levels; else as the manual has them (sim/mmu/walk.h) */
    uint8_t     second;   /* what-if: second-level tables have 2, 3 or 5 levels; 0: four */
    uint8_t     walk_cache; /* caches of page walks: dimensions, 0 to 2 (sim/mmu/walk_cache.h) */
    uint8_t     nested_tlb; /* entries of it */
    uint16_t    untrapped; /* --set cpu.untrap=NAME: this instruction (enum mnemonic) does not ask for its privilege; 0: none */
    uint32_t    cost[COST_COUNT];
};

/* --set cpu.NAME=1 */
enum model_extra {
    EXTRA_UMIP = 1,         /* "umip": CR4.UMIP, in processors since 2017 */
    EXTRA_AGILE = 8,        /* "agile": walks that begin in shadow tables and switch to the guest's own (sim/mmu/walk.h); in none. Needs EPT */
    EXTRA_MONITOR = 4,      /* "monitor": MONITOR and MWAIT; whatever has VMX has them anyway */
    EXTRA_FENCES = 16,      /* "fences": LFENCE, MFENCE and SFENCE without the rest of SSE, for kernels that use them without asking (GRUB for Xen) */
    EXTRA_VIRTUALIZABLE = 2 /* "virtualizable": CR4.SEN, in none: what Popek and Goldberg would have asked for */
};

/* Are there instructions that take no time? */
bool model_has_free(const struct model *m);
const char *cost_name(enum cost c);
const char *cost_about(enum cost c);
const char *cost_unit(enum cost c);  /* "cycles", "nanoseconds", ... */

/* The models that the program carries, in the order of their names' listing; NULL behind the last. */
const char *model_name(unsigned i);
const char *model_about(unsigned i);
struct text;
/* The text of a model: one that is carried, by name, or a file, whose name has a slash or ends in ".model". EXIT_USAGE naming
 * the models there are, or EXIT_INPUT. */
bool model_text(const char *name, struct text *out, struct err *e);
/* Reads it into `m`. EXIT_INPUT "FILE:LINE: ..." for rows that are unknown, missing, said twice, without source or absurd. */
bool model_find(const char *name, struct model *m, struct err *e);
/* The source of a row's value, as the model's text says. */
void model_source(const struct model *m, enum cost c, char *to, size_t room);
/* Sets one row by name (--set cost.NAME=N, without the "cost."); EXIT_USAGE if there is no such row, or the value is absurd. */
bool model_set(struct model *m, const char *row, uint32_t value, struct err *e);
/* After rows were set: does all of it fit together? EXIT_USAGE. */
bool model_check(struct model *m, struct err *e);
/* Gives the model an extra feature, or takes it away (--set cpu.NAME=0, without the "cpu."); EXIT_USAGE if there is none. */
bool model_extra(struct model *m, const char *name, bool on, struct err *e);

/* A carried model: its file, as the build embedded it; the last has no name. */
struct model_file { const char *name, *text; };
extern const struct model_file model_files[];

#endif
