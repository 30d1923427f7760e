/* A generated guest kernel: a raw machine-code image out of a seed.
 *
 * Idea 1: the image is a row of *groups*, each a few instructions about one subject (groups.h). Every group begins by noting
 * where the next one starts, so that a fault handler can log what happened and go on there; and a group can be left out
 * without moving the chance of the others, which is how a failing kernel is made smaller.
 * Idea 2: nothing that the kernel leaves behind may depend on time. Interrupts come when they like, but their handler leaves
 * no trace but a count that is waited for; the stacks are wiped at the end.
 *
 *   100000  header, entry, handlers, groups     117000  variables        128000  scratch pages, mapped at 400000 too
 *   110000  GDT    112000  TSS, task's TSS      118000  log              130000  code that is written at run time
 *   111000  IDT    113000  LDT                  120000  stacks           140000  end
 *   114000  page directories, tables of 0 and 400000; of one kernel in four with PAE (k->pae)
 * SDM vol. 3A ch. 3-7 for the tables. */
#ifndef TESTS_EQUIV_KERNEL_H
#define TESTS_EQUIV_KERNEL_H

#include <stdbool.h>
#include <stdint.h>
#include "tests/equiv/emit.h"

enum {
    AT_CODE = 0x100000, AT_CODE_END = 0x110000, AT_GDT = 0x110000, AT_IDT = 0x111000, AT_TSS = 0x112000, AT_TASK = 0x112800,
    AT_LDT = 0x113000, AT_PD = 0x114000, AT_PT0 = 0x115000, AT_PT1 = 0x116000, AT_VARS = 0x117000, AT_LOG = 0x118000,
    AT_LOG_END = 0x120000, AT_STACKS = 0x120000, AT_STACK0 = 0x122000, AT_STACK3 = 0x124000, AT_TASK_STACK = 0x126000,
    AT_SCRATCH = 0x128000, SCRATCH_BYTES = 0x8000, AT_WRITTEN = 0x130000, AT_PD2 = 0x131000, AT_PT2 = 0x132000,
    AT_PDPT = AT_VARS + 0x200 /* three of 4 entries: good, other, with a reserved bit */,
    AT_IMAGE_END = 0x140000,
    PLAYGROUND = 0x400000, PLAYGROUND_PAGES = 16, ALIAS = 0x800000 /* 4 MB page of the memory from 0 on */,
    TABLES = 0xC00000 /* the page directory, as a page table */
};
enum { VAR_RESUME = AT_VARS, VAR_LOG = AT_VARS + 4, VAR_TICKS = AT_VARS + 8, VAR_EXPECTED = AT_VARS + 12,
       VAR_STEPS = AT_VARS + 16, VAR_SOFT = AT_VARS + 20 };
enum { SEL_CODE0 = 0x08, SEL_DATA0 = 0x10, SEL_CODE3 = 0x1B, SEL_DATA3 = 0x23, SEL_TSS = 0x28, SEL_TASK = 0x30, SEL_LDT = 0x38,
       SEL_CONFORMING = 0x40, SEL_BASED = 0x48, SEL_READ_ONLY = 0x53, SEL_ABSENT = 0x58, SEL_GATE3 = 0x60, SEL_GATE0 = 0x68,
       SEL_SMALL = 0x73, SEL_DOWN = 0x78, SEL_EXEC_ONLY = 0x80, SEL_TASK_GATE = 0x88, SEL_GATE16 = 0x90, SEL_DOWN16 = 0x98,
       SEL_CODE1 = 0xA1, SEL_DATA1 = 0xA9, SEL_CODE2 = 0xB2, SEL_DATA2 = 0xBA, SEL_FREE = 0xC0, SEL_FREE_N = 6, SEL_CODE_LOW = 0xF0,
       SEL_LAST = 0xF8 };
enum { LOG_RECORD = 32 };

struct kernel {
    struct emit e;
    uint8_t image[AT_IMAGE_END - AT_CODE];
    bool user;                     /* instructions are for ring 3 now */
    bool endless;                  /* the log begins anew when it is full */
    bool pae;                      /* its tables have entries of 8 bytes */
    uint32_t finish, log_state, sync, gate_target, gate_target16, far_ret; /* addresses of the runtime */
};

/* What CR3 is for directory 0 or 1; where the directory's entry for linear address `at` lies; where entry n of a table does. */
uint32_t kernel_cr3(const struct kernel *k, unsigned directory);
uint32_t kernel_directory_entry(const struct kernel *k, unsigned directory, uint32_t at);
static inline uint32_t kernel_entry(const struct kernel *k, uint32_t table, unsigned n) { return table + n * (k->pae ? 8 : 4); }

/* The parts, for a kernel of other groups: the runtime, a group between, the end; all of a seed. */
void kernel_begin(struct kernel *k, uint64_t seed);
uint32_t kernel_group_begin(struct kernel *k);          /* what kernel_group_end wants */
void kernel_group_end(struct kernel *k, uint32_t begun);
void kernel_end(struct kernel *k);

enum { GROUPS_MOST = 24 };

/* Builds the kernel of a seed; bit n of `keep` says whether its group n is there. Returns the number of groups. */
unsigned kernel_build(struct kernel *k, uint64_t seed, uint32_t keep);
/* Name of a seed's group n. */
const char *kernel_group(uint64_t seed, unsigned n);
/* Where group n of the kernel built last begins: for people. */
extern uint32_t kernel_group_at[GROUPS_MOST + 1];

#endif
