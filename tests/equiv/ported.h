/* A generated paravirtual kernel: an ELF image out of a seed, in the hypervisor's own interface (docs/pv.md).
 *
 * Idea 1: as kernel.h: a row of groups, each of a few instructions and hypercalls about one subject; every group begins by noting where
 * the next one starts, so that a handler can log what happened and go on there; a group can be left out.
 * Idea 2: the kernel knows its frames only at run time, as the first one's number and a distance. Distances reach beyond its own
 * memory, so generated requests name everybody's frames.
 *
 * Linear addresses; pseudo-physical page n lies at P_BASE + n * 4096. Those up to P_PLAY are what the runtime lives on, and few
 * groups touch them; the pages for play become tables, descriptors, code and data as it comes.
 *
 *   C0000000  code, groups      C001E000  stack of ring 1           C0024000  GDT, 2 pages    C0028000  16 pages for play
 *   C0018000  hypercall page    C001F000  its stack for traps       C0026000  LDT             C0038000  code written at run time
 *   C0019000  variables         C0020000  stack of ring 3           C0027000  (spare)         C0039000  its alias
 *   C001A000  log               C0021000  arguments of hypercalls
 *                               C0022000  shared info, mapped here  C0023000  grant table, mapped here */
#ifndef TESTS_EQUIV_PORTED_H
#define TESTS_EQUIV_PORTED_H

#include <stdbool.h>
#include "tests/equiv/emit.h"

#define P_BASE 0xC0000000u
#define P_PAGE(n) (P_BASE + (uint32_t)(n) * 0x1000u)
#define P_CODE P_BASE
#define P_CODE_END P_PAGE(0x18)
#define P_CALLS P_PAGE(0x18)
#define P_VARS P_PAGE(0x19)
#define P_LOG P_PAGE(0x1A)
#define P_LOG_END P_PAGE(0x1E)
#define P_STACK1 P_PAGE(0x1F)
#define P_TRAP_STACK P_PAGE(0x20)
#define P_STACK3 P_PAGE(0x21)
#define P_DESK P_PAGE(0x21)
#define P_SHARED P_PAGE(0x22)
#define P_GRANTS P_PAGE(0x23)
#define P_PLAY P_PAGE(0x28)
#define P_WRITTEN P_PAGE(0x38)
#define P_ALIAS P_PAGE(0x39)
enum { P_PAGES = 0x40, P_GDT = 0x24, P_LDT = 0x26, P_PLAY_FIRST = 0x28, P_PLAY_PAGES = 16 };
/* What the domain builder puts behind the image: list of frames, start info, store, console, tables from what CR3 names on (the directory
 * and its one table; with PAE an L3, its one directory and two tables), stack. */
enum { P_ROOT = P_PAGES + 4 };
enum { P_RAM_MIB = 2, P_GROUPS_MOST = 24, P_RECORD = 32 };
/* Variables. VAR_COUNT counts groups; VAR_RANDOM is what a kernel without end draws from. */
#define V_LOG (P_VARS + 0)
#define V_RESUME (P_VARS + 4)
#define V_FIRST (P_VARS + 8)
#define V_INFO (P_VARS + 12)
#define V_EVENTS (P_VARS + 16)
#define V_COUNT (P_VARS + 20)
#define V_RANDOM (P_VARS + 24)
#define V_REASON (P_VARS + 28)
#define V_OLD_BASE (P_VARS + 32)

struct ported {
    struct emit e;
    bool pae;                    /* one kernel in four: its page tables have entries of 8 bytes */
    uint8_t image[P_PAGES * 0x1000];
    bool endless;                /* the log begins anew when it is full, and so do the groups */
    uint32_t finish, log_state;  /* addresses of the runtime */
    uint32_t written;            /* bytes of run-time code laid down so far */
};

struct ported_group {
    const char *name;
    unsigned weight, hostile;    /* how often, against the others: in a kernel that means well, in one that does not */
    void (*emit)(struct ported *k);
};
extern const struct ported_group ported_memory[], ported_segments[], ported_events[], ported_wild[]; /* each ends with a name of NULL */

/* Builds the kernel of a seed; bit n of `keep` says whether its group n is there. Returns the number of groups. */
unsigned ported_build(struct ported *k, uint64_t seed, uint32_t keep);
/* One that repeats some hundred groups for ever, and does its worst. */
void ported_hostile(struct ported *k, uint64_t seed);
const char *ported_group(uint64_t seed, unsigned n);
bool ported_pae(uint64_t seed);  /* has it PAE? */
/* The image as a file. */
bool ported_write(const struct ported *k, const char *path);

/* ---- its page tables: pages as above, by kind; linear space with nothing in it, for tables of the kernel's own making */
static inline uint32_t p_directory(const struct ported *k) { return P_ROOT + k->pae; }
static inline uint32_t p_table(const struct ported *k) { return p_directory(k) + 1; }
static inline uint32_t p_boot_stack(const struct ported *k) { return p_table(k) + (k->pae ? 2 : 1); }
static inline uint32_t p_bytes(const struct ported *k) { return k->pae ? 8 : 4; }
static inline uint32_t p_slots(const struct ported *k) { return k->pae ? 512 : 1024; }
static inline uint32_t p_far(const struct ported *k) { return k->pae ? 0xD0000000u : 0x40000000u; }
/* A directory's entry, of an address; and the address it begins at. */
static inline uint32_t p_upper(const struct ported *k, uint32_t va) { return k->pae ? va >> 21 & 511 : va >> 22; }
static inline uint32_t p_spanned(const struct ported *k, uint32_t slot) { return k->pae ? P_BASE + (slot << 21) : slot << 22; }

/* ---- shared pieces of the groups */
enum { R_EAX, R_ECX, R_EDX, R_EBX, R_ESP, R_EBP, R_ESI, R_EDI };
void p_set(struct ported *k, unsigned reg, uint32_t value);                      /* mov reg, value */
void p_load(struct ported *k, unsigned reg, uint32_t at);                        /* mov reg, [at] */
void p_store(struct ported *k, uint32_t at, unsigned reg);                       /* mov [at], reg */
void p_put(struct ported *k, uint32_t at, uint32_t value);                       /* mov dword [at], value */
void p_frame(struct ported *k, unsigned reg, uint32_t page);                     /* reg: the machine frame of a page, by distance */
void p_entry(struct ported *k, unsigned reg, uint32_t page, uint32_t flags);     /* likewise, as a table entry */
void p_table_at(struct ported *k, unsigned reg, uint32_t page, uint32_t offset); /* likewise, the machine address of a word in it */
void p_call(struct ported *k, unsigned number);                                  /* EBX .. hold the arguments */
void p_call2(struct ported *k, unsigned number, uint32_t a, uint32_t b);
void p_log(struct ported *k);                                                    /* all registers into the log */
uint32_t p_some_page(struct ported *k);  /* a distance: mostly a page for play */
uint32_t p_play(struct ported *k);       /* a page for play */
uint32_t p_some_va(struct ported *k);
uint32_t p_some_value(struct ported *k);
/* update_va_mapping(page's own address, its frame with these flags): 0 takes it away. INVLPG goes with it. */
void p_remap(struct ported *k, uint32_t page, uint32_t flags);
/* Into ring 3, behind this; DS and ES good. Ends with p_back. */
void p_user(struct ported *k);
void p_back(struct ported *k);

#endif
