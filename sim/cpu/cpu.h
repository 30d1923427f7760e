/* The CPU: registers, the run loop, interrupts. It knows neither its watchers nor its keepers.
 *
 * Idea 1: everything outside comes through struct cpu_env (MMU, bus, interrupt controller); there is no hook by which
 * anybody could change what an instruction does.
 * Idea 2: decoded blocks are found by machine address; a handler does a whole instruction or nothing, so faults are
 * values, delivered at one place (cpu_run).
 * Idea 3: two words, `res` and `aux`, hold the six arithmetic flags until somebody asks (flags.h).
 *
 * SDM vol. 1 ch. 3, vol. 3A ch. 2, 3, 5, 6, 7, 20; vol. 3B ch. 17.
 * TOUR cpu.1: the registers are here; exec_*.c are the instructions by subject; gate.c is how rings change. */
#ifndef CPU_CPU_H
#define CPU_CPU_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/arena.h"
#include "sim/core/bus.h"
#include "sim/core/clock.h"
#include "sim/core/cost.h"
#include "sim/core/lines.h"
#include "sim/core/outcome.h"
#include "sim/core/points.h"
#include "sim/core/regs.h"
#include "sim/core/space.h"
#include "sim/core/tlb.h"
#include "sim/cpu/fpu.h"
#include "sim/cpu/insn.h"
#include "sim/cpu/msr.h"
#include "sim/cpu/predict.h"
#include "sim/cpu/vmx.h"
#include "sim/trace/trace.h"

enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI };                          /* the manual's register numbers */
enum seg { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_COUNT };   /* likewise */

enum { /* EFLAGS */
    FLAG_CF = 1u << 0, FLAG_ONE = 1u << 1, FLAG_PF = 1u << 2, FLAG_AF = 1u << 4, FLAG_ZF = 1u << 6, FLAG_SF = 1u << 7,
    FLAG_TF = 1u << 8, FLAG_IF = 1u << 9, FLAG_DF = 1u << 10, FLAG_OF = 1u << 11, FLAG_IOPL = 3u << 12, FLAG_NT = 1u << 14,
    FLAG_RF = 1u << 16, FLAG_VM = 1u << 17, FLAG_AC = 1u << 18, FLAG_VIF = 1u << 19, FLAG_VIP = 1u << 20, FLAG_ID = 1u << 21,
    FLAGS_ARITH = FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF
};
enum { /* CR0, CR4 */
    CR0_PE = 1u << 0, CR0_MP = 1u << 1, CR0_EM = 1u << 2, CR0_TS = 1u << 3, CR0_ET = 1u << 4, CR0_NE = 1u << 5,
    CR0_WP = 1u << 16, CR0_AM = 1u << 18, CR0_NW = 1u << 29, CR0_CD = 1u << 30,
    CR4_VME = 1u << 0, CR4_PVI = 1u << 1, CR4_TSD = 1u << 2, CR4_DE = 1u << 3, CR4_PSE = 1u << 4, CR4_PAE = 1u << 5,
    CR4_MCE = 1u << 6, CR4_PGE = 1u << 7, CR4_PCE = 1u << 8,
    CR4_OSFXSR = 1u << 9, CR4_UMIP = 1u << 11, CR4_VMXE = 1u << 13
};
#define CR4_SEN (1u << 31) /* EXTRA_VIRTUALIZABLE: sensitive instructions raise #GP(0) outside ring 0 */
#define CR0_PG (1u << 31)
#define CR3_RESERVED 7u /* stay clear; bits 11..5 count with PAE only, but are kept always */
enum { APIC_BASE_BSP = 1u << 8 /* the bootstrap processor */, APIC_BASE_ENABLE = 1u << 11 };
enum { /* vectors */
    VEC_DE = 0, VEC_DB = 1, VEC_NMI = 2, VEC_BP = 3, VEC_OF = 4, VEC_BR = 5, VEC_UD = 6, VEC_NM = 7, VEC_DF = 8, VEC_TS = 10,
    VEC_NP = 11, VEC_SS = 12, VEC_GP = 13, VEC_PF = 14, VEC_MF = 16, VEC_AC = 17,
    VEC_VE = 20 /* a second level of tables refused; a later manual has it, for guests of VMX */
};

/* Access rights of a cached descriptor: bytes 5 and the high nibble of 6 as in memory. SDM 3A fig. 3-8.
 *   15 14 13 12 | 11-8 | 7 | 6-5 | 4 | 3-0
 *    G D/B 0 AVL|  0   | P | DPL | S | type */
enum {
    AR_TYPE = 0x000F, AR_S = 0x0010, AR_DPL = 0x0060, AR_P = 0x0080, AR_AVL = 0x1000, AR_DB = 0x4000, AR_G = 0x8000,
    AR_CODE = 0x0008, AR_DOWN = 0x0004 /* data: expand-down; code: conforming */, AR_WRITE = 0x0002 /* code: readable */,
    AR_ACCESSED = 0x0001
};

/* A segment register with its hidden part. */
struct seg_reg {
    uint16_t sel;
    uint16_t ar;            /* AR_*; 0 with a null selector: every use faults */
    uint32_t base, limit;   /* limit in bytes, granularity applied */
    /* Fast check: a doubleword fits at offsets below; what is smaller and lies behind is for the slow check, as is everything
     * if not readable/writable or expand-down (0). */
    uint32_t rd_end, wr_end;
};

struct table_reg { uint32_t base; uint16_t limit; };

/* All an instruction may ask of the world. `mmu`, `irq` are handed back as given. */
struct cpu_env {
    struct bus *bus;
    void *mmu;
    /* Translates one page's worth of access: fills x and the TLB, or f (#PF with code and address) and returns false. */
    bool (*translate)(void *mmu, gva_t at, unsigned access, struct xlat *x, struct fault *f);
    /* Does as translate would if that is simple, and gives the access a fast tag in way 0: true. Else nothing that translate
     * would not do; it is to be called. NULL: there is no such way. */
    bool (*fill)(void *mmu, gva_t at, unsigned access);
    bool (*const *bring)(void *mmu, gva_t at); /* of a CPU with caches, the same for data by ACCESS_WRITE | ACCESS_USER; NULL: there is only `fill` */
    /* Of a CPU with caches (struct cpu.timed): n bytes of RAM within a page are accessed in a way that fill did not settle; code
     * at `at` is fetched. Both take time. */
    void (*touch)(void *mmu, hpa_t at, unsigned n, bool write);
    void (*fetch)(void *mmu, hpa_t at);
    void (*empty)(void *mmu, bool write);                                  /* the caches, written back or not; NULL: there are none */
    void (*flush)(void *mmu, bool globals_too);                             /* MOV CR3: false */
    void (*root)(void *mmu, uint32_t cr3);                                  /* both at once where nothing but CR3 changed; NULL: there is no such way */
    void (*invlpg)(void *mmu, gva_t at);
    void (*paging)(void *mmu, uint32_t cr0, uint32_t cr3, uint32_t cr4);    /* the registers changed; does not flush */
    /* Loads the four of PAE; false: a reserved bit, or what f->second says. NULL: there is no such paging. */
    bool (*pdptes)(void *mmu, uint32_t cr3, struct fault *f);
    void (*pdptes_now)(const void *mmu, uint64_t pdpte[4]);                 /* those in use */
    /* Another world takes over, registers and all: core/space.h. NULL: there is but one. */
    void (*space)(void *mmu, const struct space *s);
    void (*invalidate)(void *mmu, const struct space_match *match);
    void *irq;
    uint8_t (*acknowledge)(void *irq);                                      /* INTA cycle: the vector */
    void (*apic_base)(void *irq, uint32_t value);                           /* IA32_APIC_BASE changed; NULL: no local APIC */
    struct timeq *timers;                                                   /* run at instruction boundaries; may be NULL */
};

/* Watches instructions that insn.def calls SENS_SILENT or SENS_LEAKS; sees the CPU before and after, may change nothing. */
struct cpu_observer {
    void (*before)(void *self, const struct cpu *c, const struct insn *i);
    void (*after)(void *self, const struct cpu *c, const struct insn *i, enum step result);
    void *self;
};

/* Is told of the instruction at a machine address before it is first run, and says whose work it is; for accounts only (meter.h). */
struct cpu_weight { uint8_t retires; /* instructions of the guest's that are done with it */ bool overhead; };
struct cpu_meter {
    bool (*weigh)(void *self, uint32_t at, struct cpu_weight *w); /* false: the guest's own code; w comes as { 1, false } */
    void *self;
    uint8_t cause;   /* of overhead */
};

enum { INTR_PIN = 1 /* the interrupt request pin */, INTR_WINDOW = 2 /* a hypervisor: vmx.h */ };

/* What MONITOR watches: monitor.h */
enum { MONITOR_LINE = 64 };
struct monitor {
    bool    armed, waits;      /* MWAIT would sleep; of a processor that is halted: in MWAIT */
    hpa_t   at;
    uint8_t line[MONITOR_LINE];/* as it was */
};

struct op;          /* op.h */
struct recorder;    /* recorder.h */
struct block_cache; /* decoded code; rebuilt at will, never part of the machine's state */

struct cpu {
    uint32_t reg[9];          /* EAX..EDI; [8] is always 0 */
    uint32_t eip;             /* of the block being run while inside it; exact at every boundary */
    uint32_t eflags;          /* all but the six arithmetic flags */
    uint32_t res, aux;        /* the six, lazily: flags.h */
    uint8_t  cpl;
    bool     halted;
    bool     shutdown;        /* triple fault: nothing runs until reset */
    uint8_t  intr;            /* INTR_*: who waits for IF */
    bool     nmi;             /* an NMI was latched and waits */
    bool     nmi_blocked;     /* from the delivery of one until the next IRET */
    uint16_t hits;            /* DR6 bits of the traps that the instruction being run has met: debug.h */
    bool     untraced;        /* the instruction being run ended in another task, or in a handler: no single-step trap follows */
    uint16_t trap;            /* DR6 bits of the debug trap that is due at this boundary, 0: none */
    bool     pause;           /* somebody wants cpu_run to return at the next boundary */
    /* Boundaries passed, which is how moments are numbered: instructions retired (a repeated string instruction counts
     * once, when it ends), plus `extra` boundaries that took the place of one: a fault or an interrupt delivered. */
    uint64_t insns, extra;
    uint64_t inhibit;         /* interrupts are held off while insns == inhibit (after STI, MOV SS, POP SS) */
    uint64_t hold;            /* debug traps and instruction breakpoints are held off while insns == hold (MOV SS, POP SS) */
    uint64_t rf_at;           /* EFLAGS.RF counts only while insns == rf_at: every instruction that ends clears it */
    uint64_t delivered;       /* the cycle at which the last delivery was done: boundary.h */
    uint64_t break_at;        /* the inner loop ends when now >= break_at; 0 asks for the boundary at once */
    bool free;                /* the model has instructions that take no time */
    struct seg_reg seg[SEG_COUNT], ldtr, tr;
    struct table_reg gdtr, idtr;
    uint32_t cr0, cr2, cr3, cr4, dr[8];
    bool     watch[4];        /* is a breakpoint of this DR7.R/W kind enabled? */
    uint64_t msr[MSR_COUNT];  /* msr.h */
    uint64_t perf_since[18];  /* what each performance counter's source was when it was last settled: perf.h */
    uint64_t tsc_base;        /* TSC = clock now + tsc_base */
    uint32_t apic_base;       /* IA32_APIC_BASE: APIC_BASE_* and a page's address */
    struct fpu fpu;
    bool     ignne;           /* the IGNNE# pin: cpu_ignne */
    struct irq_line ferr;     /* the FERR# pin: a pending x87 exception with CR0.NE clear; boards wire it to IRQ 13 */
    struct fault fault;       /* valid after STEP_FAULT */
    struct fault refused;     /* what the last #VE is about */
    uint32_t cause;           /* id of the event that explains what happens now (for the trace) */
    uint8_t  account[4];      /* enum cause that pays for code running in each ring */
    uint8_t  guest_account[4];/* likewise in VMX non-root operation */
    struct vmx vmx;
    struct timer vmx_timer;   /* while the guest of a VMX_PIN_TIMER runs */
    struct tlb dtlb, itlb;
    bool timed;               /* caches are modelled: `lines` and `fetch` count, and data is asked for there, not in dtlb */
    struct lines lines;
    struct fetch fetch;
    uint64_t refs;            /* references that operands of instructions have made (insn.refs); only counted if timed */
    uint32_t site;            /* machine address of the instruction that a handler runs */
    bool predicts;            /* branches are predicted, too */
    struct predictor predictor;

    struct cpu_env env;
    struct clock *clock;
    const struct model *model;
    struct trace *trace;      /* NULL: silent */
    struct cpu_observer observer;
    struct block_cache *blocks; /* NULL: decode every time (a hypervisor's emulator) */
    struct cpu_meter meter;   /* weigh NULL: all that runs is the guest's */
    int64_t hidden;           /* boundaries that are instructions, but none of the guest's */
    struct recorder *recorder; /* the last instructions, for people; NULL: none */
    struct monitor monitor;
    struct points *points;    /* a debugger's; NULL: none. Data accesses are reported, and execution by cpu_run */
    /* While blocks run, else meaningless: where insns must stop; the last EIP at which a page may begin; guesses (op.h). */
    uint64_t limit;
    uint32_t whole;
    uint32_t missed; /* the address of data that were not at hand (op.h) */
    struct op **quick;
};

/* Wires a CPU. `blocks` from block_cache_new, or NULL. Leaves it in the reset state (cpu_reset). */
void cpu_init(struct cpu *c, const struct cpu_env *env, struct clock *clock, const struct model *model, struct trace *trace,
              struct block_cache *blocks);
/* Power-on state: real mode, CS:EIP F000:FFF0, base FFFF0000, EDX = CPU signature. SDM 3A 9.1. */
void cpu_reset(struct cpu *c);
/* The INIT pin: as reset, but x87, MMX, all MSRs with the time-stamp counter, and CR0's cache bits stay. SDM 3A table 9-1.
 * In VMX operation nothing happens: a guest leaves at the next boundary, a host is reset when it executes VMXOFF. */
void cpu_reset_soft(struct cpu *c);
/* The Multiboot 1 state (section 3.2): flat 4 GB ring-0 segments (selectors 08 and 10), paging off, IF clear. */
void cpu_boot_flat(struct cpu *c, uint32_t entry, uint32_t eax, uint32_t ebx);

enum cpu_stop {
    CPU_BUDGET,   /* the instruction limit was reached */
    CPU_PAUSE,    /* c->pause was set (cleared on return) */
    CPU_DOOR,     /* about to fetch from a FRAME_DOOR frame in ring 0; nothing of it was executed */
    CPU_HALTED,   /* HLT, and no interrupt is pending: let time pass */
    CPU_SHUTDOWN, /* triple fault */
};
/* Runs until `insns` more boundaries have been passed (c->insns) or something above happens. Runs due timers, takes interrupts and
 * delivers faults at instruction boundaries. Running N times 1 instruction gives the same state, cycles and events as
 * running N at once. */
enum cpu_stop cpu_run(struct cpu *c, uint64_t insns);

/* The interrupt request pin; level-triggered. */
void cpu_intr(struct cpu *c, bool level);
/* The controller's answer to the request, and the time that takes. */
uint8_t cpu_acknowledge(struct cpu *c);
/* An edge on the NMI pin: vector 2 at the next boundary that allows it; one more is remembered meanwhile. SDM 3A 6.7. */
void cpu_nmi(struct cpu *c);

/* A start-up interrupt from another processor: one that waits for it in VMX non-root operation leaves; to any other it is nothing here. */
void cpu_sipi(struct cpu *c, uint8_t vector);

/* Sets IA32_APIC_BASE and tells the board. Without a local APIC it stays disabled. SDM 3A 10.4.4. */
void cpu_apic_base(struct cpu *c, uint32_t value);

/* EFLAGS, arithmetic flags worked out. cpu_set_flags sets every bit given (bit 1 forced to 1, reserved bits to 0). */
uint32_t cpu_flags(const struct cpu *c);
void     cpu_set_flags(struct cpu *c, uint32_t flags);

enum delivery { DELIVER_FAULT, DELIVER_SOFT /* INT n, INT3, INTO: gate DPL is checked */, DELIVER_EXTERNAL };
/* Delivers a vector through the IDT: gate, stack switch, frame. c->eip must be the return address. On STEP_FAULT
 * c->fault is the fault met on the way, and nothing changed - except that DELIVER_FAULT through a task gate may have entered
 * the new task, whose fault it then is (SDM 3A 7.3). SDM 3A 6.12. Emits INT or IRQ, and GATE. */
enum step cpu_deliver(struct cpu *c, uint8_t vector, enum delivery how, bool has_code, uint32_t code);
/* Delivers a fault with the rules for faults during delivery: double fault, then shutdown. Emits FAULT. SDM 3A 6.15. */
void cpu_deliver_fault(struct cpu *c, struct fault f);

/* Executes exactly one instruction without looking at interrupts or delivering faults: what a hypervisor's emulator
 * wants of its virtual CPU. STEP_FAULT leaves c->fault and no other change; else c->trap has the DR6 bits of the debug trap
 * that is due, which is the caller's to deliver. `done` (may be NULL) gets the decoded form. */
enum step cpu_execute_one(struct cpu *c, struct insn *done);

/* Bits of CR4 that exist on this model. */
uint32_t cpu_cr4_known(const struct cpu *c);
/* Loads a segment register's hidden part from a raw 8-byte descriptor (no checks). */
void cpu_seg_set(struct seg_reg *s, uint16_t sel, uint32_t low, uint32_t high);
/* Loads CR3, and with PAE paging the four entries it names; flushes, and tells the MMU. False: one of those has a reserved
 * bit, or cannot be read; c->fault says so, and nothing changed. */
bool cpu_cr3(struct cpu *c, uint32_t value);
/* Recomputes rd_end and wr_end after ar, limit were set by hand. */
void cpu_seg_limits(struct seg_reg *s);
/* Sets CPL and everything that follows from it (whose account the cycles go to). */
void cpu_set_cpl(struct cpu *c, uint8_t cpl);

extern const struct reg_desc cpu_regs[]; /* rows over struct cpu, for looking; without effects */

/* Decoded code (block.h). It lies outside the machine's arena, for it is only a cache: NULL if the host has no memory for it. Flushing forgets
 * all blocks, which costs no simulated cycle. */
struct block_cache *block_cache_new(void);
void block_cache_free(struct block_cache *b);
void block_cache_flush(struct block_cache *b);
/* A store hit a frame with decoded code: forgets its blocks. To be registered with bus_listen (self: struct cpu *). */
void cpu_code_written(void *cpu, uint32_t frame, uint32_t offset, unsigned size);

#endif
