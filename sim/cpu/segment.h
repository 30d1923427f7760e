/* Segment registers and descriptors: reading a descriptor, the rules for loading a segment register, its hidden part.
 *
 * Idea 1: a segment register is its hidden part. The table in memory matters at the load and never again, so a table
 * changed later shows only when somebody reloads (stale on purpose).
 * Idea 2: a descriptor is read once into struct desc, judged there, and its accessed bit is the only thing ever stored.
 *
 * SDM vol. 3A 3.4, 5.2-5.7; figures 3-8 and 5-1; 3B 20.1.1 (8086 segments). Not modelled: locking of the table update.
 * TOUR cpu.3: who may load what. */
#ifndef CPU_SEGMENT_H
#define CPU_SEGMENT_H

#include "sim/cpu/cpu.h"
#include "sim/cpu/mem.h"

/* Types of system descriptors (S = 0). SDM 3A table 3-2. */
enum {
    SYS_TSS16 = 1, SYS_LDT = 2, SYS_TSS16_BUSY = 3, SYS_CALL16 = 4, SYS_TASK = 5, SYS_INT16 = 6, SYS_TRAP16 = 7,
    SYS_TSS32 = 9, SYS_TSS32_BUSY = 11, SYS_CALL32 = 12, SYS_INT32 = 14, SYS_TRAP32 = 15
};

/* A descriptor as read from its table.
 *   31      24 23 22 21 20 19   16 15 14 13 12 11   8 7        0
 *   | base 31-24| G|DB| 0|AV| lim  | P| DPL | S| type |base 23-16|   high
 *   |        base 15-0             |        limit 15-0           |   low    */
struct desc {
    uint16_t sel;
    gva_t    at;        /* where it lies */
    uint32_t low, high;
    uint16_t ar;        /* AR_* bits of `high` */
};

static inline bool     sel_null(uint16_t sel) { return !(sel & 0xFFFC); }
static inline uint32_t sel_code(uint16_t sel) { return sel & 0xFFFCu; } /* as an error code: RPL replaced by EXT, IDT */
static inline unsigned sel_rpl(uint16_t sel) { return sel & 3u; }
static inline uint16_t sel_with_rpl(uint16_t sel, unsigned rpl) { return (uint16_t)(sel_code(sel) | rpl); }

static inline unsigned ar_dpl(uint16_t ar) { return ((unsigned)ar & AR_DPL) >> 5; }
static inline unsigned ar_system(uint16_t ar) { return ar & (AR_S | AR_TYPE); } /* SYS_*; from 16: none */
static inline bool ar_code(uint16_t ar) { return (ar & (AR_S | AR_CODE)) == (AR_S | AR_CODE); }
static inline bool ar_conforming(uint16_t ar) { return ar_code(ar) && (ar & AR_DOWN); }
static inline bool ar_readable(uint16_t ar) { return (ar & AR_S) && (!(ar & AR_CODE) || (ar & AR_WRITE)); }
static inline bool ar_writable(uint16_t ar) { return (ar & (AR_S | AR_CODE | AR_WRITE)) == (AR_S | AR_WRITE); }

/* Below which offsets a doubleword fits, with that limit and without expand-down. */
static inline uint32_t seg_end(uint32_t limit) { return limit < 3 ? 0 : limit - 2; }

uint32_t desc_limit(const struct desc *d); /* in bytes, granularity applied */

/* True if `sel` names a descriptor inside the limit of its table (GDT or a valid LDT); then *at is where. */
bool desc_find(const struct cpu *c, uint16_t sel, gva_t *at);
/* Reads it. Beyond the table's limit: raises `vector` with `code`. May also fault on the table's page. */
enum step desc_read(struct cpu *c, uint16_t sel, uint8_t vector, uint32_t code, struct desc *d);

/* May a segment register hold it for data, seen from `cpl`? DPL >= max(CPL, RPL), unless conforming code. */
bool desc_visible(const struct desc *d, unsigned cpl);

/* Loads ES, SS, DS, FS or GS by the rules of the current mode: null rules, limit, type, privilege, presence; sets the
 * accessed bit. SDM vol. 2, MOV. */
enum step seg_load(struct cpu *c, unsigned seg, uint16_t sel);
/* Real mode: base = 16 * sel, rights and limit stay. Virtual-8086 mode: base likewise, 64 KB of ring-3 data. */
void seg_load_8086(const struct cpu *c, struct seg_reg *s, uint16_t sel);
void seg_load_v86(struct seg_reg *s, uint16_t sel);
void seg_load_null(struct seg_reg *s, uint16_t sel);  /* unusable: every access faults */
/* The hidden part from a descriptor that has passed its checks; marks it accessed there, as memory will be. */
void seg_from_desc(struct seg_reg *s, uint16_t sel, const struct desc *d);

/* Do bytes offset .. offset+size-1 lie within the segment's limit (expand-down included)? Not usable: never. */
bool seg_fits(const struct seg_reg *s, uint32_t offset, unsigned size);

/* Which bits of ESP are the stack pointer: SS.B decides. */
static inline uint32_t stack_mask(const struct seg_reg *ss) { return ss->ar & AR_DB ? UINT32_MAX : 0xFFFFu; }

/* Protected mode, virtual-8086 mode as its part; the latter alone; and: do selectors name descriptors? */
static inline bool cpu_protected(const struct cpu *c) { return c->cr0 & CR0_PE; }
static inline bool cpu_v86(const struct cpu *c) { return c->eflags & FLAG_VM; }
static inline bool cpu_selects(const struct cpu *c) { return cpu_protected(c) && !cpu_v86(c); }

static inline unsigned cpu_iopl(const struct cpu *c) { return (c->eflags & FLAG_IOPL) >> 12; }

#endif
