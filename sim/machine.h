/* The machine: the one door. Front ends (command line, Lua, terminal) and tests use this and nothing below it.
 *
 * Idea 1: a machine is a board (CPU, RAM, devices), perhaps a hypervisor on it, and a guest. A moment is numbered by the
 * boundaries passed before it (`insns`): instructions retired, faults and interrupts delivered, visits to the hypervisor.
 * Idea 2: time travel is snapshots plus deterministic re-execution; going back and forward again gives the same bytes.
 * Looking (everything taking a const machine) never changes anything.
 * TOUR sim.2: the one door: whatever front ends may ask. */
#ifndef SIM_MACHINE_H
#define SIM_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sim/config.h"
#include "sim/core/addr.h"
#include "sim/core/cost.h"
#include "sim/core/err.h"
#include "sim/core/known.h"
#include "sim/core/nature.h"
#include "sim/core/outcome.h"
#include "sim/core/points.h"
#include "sim/core/regs.h"
#include "sim/core/text.h"
#include "sim/trace/trace.h"

struct machine; /* opaque */

/* Builds the machine, loads the image, stands before the guest's first instruction. config_check must have passed. */
struct machine *machine_new(const struct machine_cfg *cfg, struct err *e);
void            machine_free(struct machine *m);
const struct machine_cfg *machine_config(const struct machine *m);

/* --- running ---------------------------------------------------------------------------------------------------- */

/* What to run until. A pure description: it can be shown, bounded and run backwards. At most 96 parts in all. */
enum till_kind {
    TILL_NEVER,  /* only the end or a limit */
    TILL_EVENT,  /* an event of kind `a` (enum ev_kind); if `masked`, its first matching field: see value/field */
    TILL_LABEL,  /* guest code is about to execute at address `a` */
    TILL_INSN,   /* guest code is about to execute mnemonic id `a` (machine_mnemonic) */
    TILL_RING,   /* the CPU's real ring became `a` */
    TILL_GUEST,  /* the next instruction belongs to the guest (not to the hypervisor) */
    TILL_CYCLES, /* cycle counter >= value */
    TILL_INSNS,  /* insns >= value */
    TILL_WRITE,  /* the 32-bit word at guest virtual address `a` changed: by a store there, at once; by other ways, 256 instructions later at most */
    TILL_ANY,    /* any of sub[0..subs) */
    TILL_ALL     /* each of sub[] (64 at most) has happened once since the start of the run */
};
struct till {
    uint8_t  kind;            /* enum till_kind */
    bool     masked;          /* TILL_EVENT: also compare field `field` (index in event_desc) with `value` */
    uint8_t  field;
    uint32_t a;
    uint64_t value;
    unsigned subs;
    const struct till *sub;
};
void till_text(const struct till *t, const struct machine *m, struct text *out); /* "until trap #GP" */

enum machine_stop {
    MACHINE_BUDGET, /* max_insns reached */
    MACHINE_TILL,   /* the condition came true; machine_hit tells where */
    MACHINE_PAUSED, /* machine_pause, or a subscriber voted */
    MACHINE_POINT,  /* a stop point was hit: machine_point; only if machine_points set some */
    MACHINE_ENDED   /* see machine_end; running on does nothing */
};
/* Runs until the condition (NULL: none) or `max_insns` more instructions. A condition that is already true at the start
 * counts only once something was executed. Event conditions stop at the instruction boundary after the event. */
enum machine_stop machine_run(struct machine *m, const struct till *till, uint64_t max_insns);
uint32_t          machine_hit(const struct machine *m);  /* id of the event that ended the last run; 0 if none */
void              machine_pause(struct machine *m);      /* async-signal-safe: the run returns MACHINE_PAUSED soon */

enum machine_fate { FATE_RUNNING, FATE_EXITED /* debug exit */, FATE_HALTED /* HLT with IF clear */, FATE_DIED, FATE_LIMIT,
                    FATE_RESET /* by the guest, without a ROM to go on with */, FATE_OFF /* power off */,
                    FATE_GONE /* the virtual machine was saved, or went to another machine */ };
struct machine_end {
    uint8_t  fate;         /* enum machine_fate */
    uint32_t code;         /* FATE_EXITED: value written (0: success) */
    char     why[240];     /* one line for people: first cause, address, symbol, suggestion */
};
struct machine_end machine_end(const struct machine *m);
/* Was the virtual machine saved, as --save wants, or is nothing to be saved? Else the reason, and it went on here. */
bool machine_saved(const struct machine *m, struct err *e);
/* The VM has gone to another machine (--migrate-at): that one, where it runs; it is the caller's. NULL: it has not. */
struct machine *machine_migrated(struct machine *m);
/* One of several has gone there, and runs there when that machine is run; it stays this one's, whose VMs' ends and words it completes. NULL: none has. */
struct machine *machine_moved(const struct machine *m);
int machine_exit_code(const struct machine *m); /* enum err_code for this end: 0, 1, 4, 5 */

/* --- input: happens when the run goes on, and is recorded with this moment: going back and forward replays it. --- */
/* A key goes down or up. `key`: its make code in scan code set 1, with E0 in bits 15-8 for the grey keys. */
void machine_key(struct machine *m, uint16_t key, bool down);
/* Bytes for COM1. They arrive one by one, when the guest has set its port up (DTR or RTS, or it polls) and has room. */
void machine_serial_input(struct machine *m, const void *bytes, size_t n);

/* --- live migration, in figures; asked of the source. False: there was none. --- */
enum { MACHINE_ROUNDS = 32 };
struct machine_round {
    uint64_t began, ended, bytes;                     /* cycles; on the link */
    uint32_t pages, sent, zero, hot, dirtied, mbit;   /* sim/vmm/migrate.h, struct migrate_round */
};
struct machine_migration {
    bool     several;           /* one of several goes */
    bool     wanted, done;      /* done: it runs on the other machine */
    unsigned vm;                /* which one */
    const char *stage, *failed; /* failed: why it did not go; else NULL */
    const char *stopped_for;    /* why the rounds ended; NULL: they have not */
    uint32_t pages;             /* of its memory */
    uint64_t hz, faults;        /* faults: stores that had to be noted */
    uint64_t began, stopped, resumed; /* cycles: 0, it has not come to that */
    unsigned rounds;            /* the last is the one in which it stood still, if `stopped` */
    struct machine_round round[MACHINE_ROUNDS];
};
bool machine_migration(const struct machine *m, struct machine_migration *out);

/* --- time ------------------------------------------------------------------------------------------------------- */
uint64_t machine_insns(const struct machine *m);
uint64_t machine_cycles(const struct machine *m);
/* Goes to the boundary at which `insns` instructions had retired (backwards or forwards). False if the run ends earlier. */
bool     machine_goto(struct machine *m, uint64_t insns);
bool     machine_back(struct machine *m, uint64_t insns);       /* that many instructions back; false at the start */
bool     machine_goto_event(struct machine *m, uint32_t id);    /* the boundary just after event `id` */
uint64_t machine_state_hash(const struct machine *m);           /* registers, RAM, devices, clock: one number */

/* --- a debugger's stop points ------------------------------------------------------------------------------------- */
/* Replaces all stop points (linear addresses as the guest uses them; POINTS_MOST at most; 0: none). machine_run then stops
 * with MACHINE_POINT: before an instruction at a POINT_EXEC; behind one that read or wrote (a repeated string instruction
 * to its end). What the hypervisor executes in its window is no hit, nor what it interprets because the real CPU cannot run
 * it. No state of the machine; time travel keeps them, and does not stop at them. */
void machine_points(struct machine *m, const struct point *list, unsigned n);
/* What executes at this very moment is no hit: for going on from a stop point. */
void machine_points_pass(struct machine *m);
const struct point_hit *machine_point(const struct machine *m); /* of the last run; NULL: none */
/* Backwards to the latest earlier moment at which a point would be hit: at the instruction that executes, reads or writes
 * there (MACHINE_POINT; machine_point tells which). MACHINE_BUDGET: there is none, the machine stands at the beginning of
 * its history. `cancel` (may be NULL) is asked now and then; MACHINE_PAUSED if it says yes. */
enum machine_stop machine_reverse(struct machine *m, bool (*cancel)(void *self), void *self);
/* One instruction of the guest back; false, and nothing changed, at the beginning of history. */
bool machine_reverse_step(struct machine *m);

/* --- looking ---------------------------------------------------------------------------------------------------- */
struct machine_seg { uint16_t sel, ar; uint32_t base, limit; };
struct machine_cpu {
    uint32_t reg[8];        /* EAX ECX EDX EBX ESP EBP ESI EDI */
    uint32_t eip, eflags, cr0, cr2, cr3, cr4;
    uint8_t  cpl, iopl;
    bool     iflag, halted;
    struct machine_seg seg[6]; /* ES CS SS DS FS GS */
    uint16_t ldtr, tr;
    uint32_t gdt_base, idt_base;
    uint16_t gdt_limit, idt_limit;
    uint32_t dr[8], sysenter_cs, sysenter_esp, sysenter_eip;
};
void machine_cpu(const struct machine *m, struct machine_cpu *real);
/* What the guest was made to believe: virtual IF, ring, control and table registers. Equals the real state under native.
 * While the hypervisor runs it is the interrupted guest's. */
void machine_guest(const struct machine *m, struct machine_cpu *guest);
/* EIP where the CPU is: the guest's while it runs (also where the bytes that run are a translation), else the hypervisor's. */
uint32_t machine_eip(const struct machine *m);
uint32_t machine_linear(const struct machine *m); /* the same as a linear address */
/* The linear address of the instruction about to run, in the guest's terms; UINT32_MAX: in the middle of a translated one. */
uint32_t machine_code(const struct machine *m);
/* Between these two moments of a guest, has it got on? Not if the hypervisor only served itself: registers are the same. */
bool machine_guest_moved(const struct machine_cpu *before, const struct machine_cpu *after);

/* The guest's x87 unit, wherever its state is kept: ST(0)..ST(7) as FSAVE stores them, the full tag word. */
struct machine_fpu {
    uint8_t  st[8][10];
    uint16_t control, status, tag, cs, ds, op;
    uint32_t ip, dp;
};
void machine_fpu(const struct machine *m, struct machine_fpu *guest);

enum machine_place { PLACE_USER, PLACE_KERNEL, PLACE_VMM };
enum machine_place machine_place(const struct machine *m); /* whose code runs next */
uint8_t  machine_kernel_ring(const struct machine *m);     /* real ring of the guest kernel: 0 native, 1 te */
bool     machine_has_vmm(const struct machine *m);
bool     machine_detects(const struct machine *m); /* are its kernel's sensitive instructions watched for silent failures? */

/* Bytes at a virtual address as the CPU would see them now; false if any is not mapped or not RAM. */
bool machine_peek(const struct machine *m, gva_t at, void *to, size_t n);
bool machine_peek_guest(const struct machine *m, gva_t at, void *to, size_t n); /* through the guest's own tables */
bool machine_peek_gpa(const struct machine *m, gpa_t at, void *to, size_t n);
bool machine_peek_hpa(const struct machine *m, hpa_t at, void *to, size_t n);
/* For scenarios and `:set`: changes the past, so history beyond this point is dropped. */
bool machine_poke(struct machine *m, gva_t at, const void *from, size_t n);
/* General registers, eip, eflags as the guest sees them; bare, cr0, cr2, cr3, cr4, too. False for any other. */
bool machine_set_reg(struct machine *m, const char *name, uint32_t value);
bool machine_set_fpu(struct machine *m, const struct machine_fpu *fpu); /* registers, control, status, tags */

/* Disassembles at a linear address of current code; returns the length, 0 if unreadable ("??" in text). */
unsigned machine_disasm(const struct machine *m, gva_t at, char *text, unsigned room);
/* Start addresses of the last `n` instructions before `at`, in order, read from the beginnings of the functions they are in (without
 * symbols by a guess); returns how many were found: fewer where reading gets out of step, as behind data. */
unsigned machine_disasm_back(const struct machine *m, gva_t at, gva_t *before, unsigned n);
/* Facts about the instruction at `at`: mnemonic id and its row. */
struct machine_insn {
    uint16_t id;
    uint8_t  len, privilege, sensitivity; /* bytes; enum privilege, enum sensitivity */
    const char *word, *rule;
};
bool machine_insn(const struct machine *m, gva_t at, struct machine_insn *out);
int  machine_mnemonic(const char *word); /* -1 if there is none */

/* "kmain+4" or "vmm.entry" or "00101033"; returns buf. */
const char *machine_symbol(const struct machine *m, uint32_t at, char *buf, size_t n);
bool        machine_stub_symbol(const struct machine *m, uint32_t at, char *buf, size_t n); /* of the hypervisor's code only */
bool        machine_find_symbol(const struct machine *m, const char *name, uint32_t *at);
const char *machine_suggest_symbol(const struct machine *m, const char *name);

/* A translation in the three address spaces. Each list holds the entries in the order they are read. */
struct machine_xlat {
    bool     guest_ok, real_ok;         /* do the guest's tables, the tables the CPU walks, allow it? */
    gpa_t    pa;                        /* if guest_ok */
    hpa_t    ma;                        /* if guest_ok and there is RAM behind it */
    uint32_t guest_code, real_code;     /* page-fault error codes otherwise */
    struct xlat guest, real;            /* .ref lists; guest refs are guest-physical */
};
void machine_translate(const struct machine *m, gva_t at, unsigned access, struct machine_xlat *x);
/* What the processor's TLBs remember, all of it or (`at`) where an access to that address would look; and its caches of walks. Both
 * return how many entries there are, of which the first `room` are in the list. */
unsigned machine_known(const struct machine *m, const gva_t *at, unsigned access, struct known_page *list, unsigned room);
unsigned machine_known_walks(const struct machine *m, struct known_walk *list, unsigned room);
/* Where the tables that the CPU walks for the guest begin, also while the hypervisor runs. */
hpa_t machine_root(const struct machine *m);
/* The machine frame behind a guest-physical address, false if there is none; do the guest's stores to it trap? */
bool machine_frame(const struct machine *m, gpa_t at, hpa_t *ma, bool *traced);

/* The guest's whole linear space, but for the hypervisor's window: runs of pages that its tables map or those that the CPU walks do. */
struct machine_page {
    uint32_t va, pages;
    uint16_t guest, real;  /* bits as in a page-table entry: P, W, U, A, D, PS; 0: not mapped */
    uint32_t pa, ma;       /* of the guest's; with no_ram there is nothing behind pa */
    uint32_t real_ma;      /* of the CPU's */
    bool     no_ram, traced;
};
unsigned machine_pages(const struct machine *m, struct machine_page *list, unsigned room); /* how many there are */
/* How many page tables of all levels the present root leads to: the guest's, or those the CPU walks. */
unsigned machine_tables(const struct machine *m, bool real);

/* --- the last instructions ---------------------------------------------------------------------------------------- */
enum { MACHINE_RECORDS = 1 << 16, MACHINE_RECORDS_MOST = 1 << 22 };
/* From now on keeps the last `n` instructions that the real CPU begins (rounded up to a power of two), or none: 0. Changes
 * nothing that the machine does; running takes two to five times as long. Going back forgets what has not happened then. False: no memory. */
bool   machine_record(struct machine *m, size_t n);
size_t machine_records(const struct machine *m); /* how many there are */
struct machine_record {
    uint64_t moment, cycle;               /* before it: boundaries passed (machine_goto), the clock once it was fetched */
    uint32_t reg[8], eip, cs_base, eflags;/* before it; what the real CPU has, whatever the guest was made to believe */
    uint8_t  ring, len, bytes[15];
    char     text[96];                    /* disassembled; branch targets are EIPs */
};
void   machine_record_at(const struct machine *m, size_t i, struct machine_record *out); /* oldest first */

/* Calls `fn` after every boundary passed while the machine runs, not while known history is replayed; NULL: nobody. Changes
 * nothing that the machine does; running takes ten times as long and more. `fn` may look, and nothing else. */
typedef void machine_each_fn(void *self, const struct machine *m);
void   machine_each(struct machine *m, machine_each_fn *fn, void *self);

/* --- kept in step with another machine ------------------------------------------------------------------------------ */
/* From now on nothing goes back: no snapshots are taken, so that changing the machine and stepping it by turns is cheap. */
void     machine_forward_only(struct machine *m);
/* Time passes and no instruction executes, as when a hypervisor below gives the processor to somebody else; devices act.
 * Changes the past. */
void     machine_stall(struct machine *m, uint64_t cycles);
/* Until machine_release the guest's pair of 8259s lets nothing through but what has this vector, as if all else were masked; `was` is for
 * that. Requests wait meanwhile and are not lost. Does nothing if no input has the vector. Changes the past. */
void     machine_hold(struct machine *m, uint8_t vector, uint8_t was[2]);
void     machine_hold_all(struct machine *m, uint8_t was[2]); /* likewise, and lets nothing through */
void     machine_release(struct machine *m, const uint8_t was[2]);
uint64_t machine_deadline(const struct machine *m);  /* the cycle at which a device acts next; UINT64_MAX: never */
bool     machine_interrupted(const struct machine *m); /* will an interrupt be accepted before the next instruction? */
bool     machine_translates(const struct machine *m); /* may the guest's code run as a translation? */
uint64_t machine_retired(const struct machine *m);   /* instructions that ended; moments that are not are left out */
/* The guest memory that the instruction the guest stands at may read or write, as far as its operands tell: linear ranges of
 * the memory operand, the stack, what a string instruction walks over. Page tables, descriptors and what lies in other
 * segments than the usual ones are not listed. */
struct machine_span { gva_t at; uint32_t n; };
enum { MACHINE_SPANS = 6 };
unsigned machine_operands(const struct machine *m, struct machine_span *list, unsigned room);

/* --- several virtual machines ------------------------------------------------------------------------------------- */
unsigned machine_vms(const struct machine *m);      /* 1 also where there is no hypervisor */
/* All that is looked at or changed from now on, the processor's own registers apart, is this VM's; -1, as at first: of the one that has
 * the processor. No state of the machine. */
void     machine_look_at(struct machine *m, int vm);
int      machine_looks_at(const struct machine *m);
unsigned machine_vm_now(const struct machine *m);   /* which one has the processor, or had it last */
struct machine_vm {
    const char *cpu, *mmu, *image;                  /* image: its path; "" where firmware boots it */
    const char *state;                              /* "running", "ready", "asleep", "capped", "over" */
    uint32_t ram_mib, weight, cap;
    bool     background;                            /* the machine does not wait for its end */
    struct machine_end end;                         /* FATE_RUNNING until it is over or the machine stops */
    int      exit_code;                             /* enum err_code for that end */
    uint64_t turns;                                 /* how often it was given the processor */
    uint64_t running, ready, asleep, capped;        /* cycles it had the processor; had to wait for it; did not want it; might not */
    uint64_t by_cause[CAUSE_COUNT];                 /* what the processor did for it */
    uint64_t exits;
    uint64_t tables, tables_peak, tables_pool;      /* frames of page tables that are the hypervisor's: now, at most so far, that there may be */
    /* --io split: what domains did to each other and to devices. Zero under other techniques. */
    uint64_t notified;                              /* event channels of its signalled */
    uint64_t mapped, copied;                        /* grants of others that it mapped; bytes copied by grants */
    uint32_t begun_again;                           /* how often it died and was built anew: the service domain */
    uint64_t ports, interrupts;                     /* of real devices that it was given */
};
bool     machine_is_split(const struct machine *m); /* its first VM is the service domain */
void     machine_vm(const struct machine *m, unsigned vm, struct machine_vm *out);
/* Machine memory that the hypervisor gives and takes (--set memory.*), in pages. False, and zeroes, if it does not. */
struct machine_memory {
    uint32_t frames, free, least_free;              /* of the VMs' memory together: all; now; at worst */
    const char *state;                              /* "high", "soft", "hard", "low": how ruthlessly it is reclaimed */
    uint64_t in_state[4];                           /* cycles in each */
    uint32_t shared, saved;                         /* frames with several pages; frames that these would have beyond that */
    uint64_t scanned, compared, scrubbed;           /* pages hashed, compared in full; frames zeroed when they were given back */
};
bool     machine_memory(const struct machine *m, struct machine_memory *out);
struct machine_vm_memory {
    uint32_t pages, shares, active;                 /* what it believes in; its right; thousandths of its pages in use, as sampled */
    uint32_t here, shared, ballooned, target, swapped; /* pages that have a frame, of them on a shared one; its balloon, and what that should be */
    bool     driver;                                /* its guest has a balloon driver */
    uint64_t shares_made, unshares, locked, unlocked, refused, swaps_out, swaps_in;
};
bool     machine_vm_memory(const struct machine *m, unsigned vm, struct machine_vm_memory *out);
void     machine_vmm_costs(const struct machine *m, uint64_t by_cause[CAUSE_COUNT]); /* what it did for none of them */
const char *machine_vm_serial(const struct machine *m, unsigned vm, size_t *n);
const char *machine_scheduler(const struct machine *m); /* its name */

/* --- results ---------------------------------------------------------------------------------------------------- */
struct trace *machine_trace(struct machine *m);
const struct trace *machine_trace_of(const struct machine *m);
const char *machine_serial(const struct machine *m, size_t *n); /* everything the guest has written to COM1 so far */
/* Appends what the VGA shows (the guest's own under a hypervisor) as UTF-8 lines without blanks at their ends. False,
 * with nothing appended, in a graphics mode. */
bool machine_screen(const struct machine *m, struct text *out);

enum { MACHINE_REASONS = 24 };
/* What the caches did. References: of the first level, those that operands of instructions made (hits are what is not among the
 * misses), and lines of code fetched one after another; of the others, what the level above missed. */
struct machine_cache { uint64_t refs, misses, writebacks; };
struct machine_caches {
    bool modelled;
    bool has_l2, has_l3;
    struct machine_cache l1i, l1d, l2, l3;
    uint64_t memory_reads, memory_writes; /* lines */
    bool predicts;
    uint64_t wrong, wrong_indirect, wrong_return; /* if it predicts: branches predicted wrong: conditional ones, targets, returns */
};

struct machine_summary {
    uint64_t cycles, insns, guest_insns; /* guest_insns: the guest's own, run or emulated */
    uint64_t by_cause[32];
    uint64_t exits, silent, injected, irqs;
    unsigned reasons;
    /* Exits by reason, most frequent first. The rest is of the episodes they opened that have ended (sim/trace/episode.h). */
    struct machine_reason { const char *name; uint64_t count, cycles, episodes, longest, by_cause[32]; } reason[MACHINE_REASONS];
    uint64_t tlb_misses, tlb_flushes, walks, walk_refs, walk_refs_second /* of these, entries of second-level tables */;
    uint64_t walk_hits[2], nested_hits;  /* entries, by dimension, and walks of the second that caches of walks made needless */
    struct machine_caches caches;
    uint64_t tlb_second, tlb_large;      /* of the misses, those that the second level knew, or an entry of a large page */
    /* Page faults by kind; entries filled, of them on a store (eager); tables (frames): now, at most so far, that there may be;
     * given up for want of room, because the guest did; loads of CR3 that dropped all. */
    struct { uint64_t hidden, true_, traced, filled, eager, tables, peak, pool, evicted, released, switches;
             uint64_t nested, renewed, own, own_peak; /* agile: tables that became the guest's own, that are shadowed again; its own now, at most */
             uint64_t unhooked, rehooked; } shadow;   /* direct: tables taken out of their directory for many stores, and put back */
    /* Agile: walks that came to an end, by the level they switched to the guest's tables at; [0] they did not, [6] all was the guest's. */
    struct machine_walks { uint64_t walks, refs; } agile_walks[7];
    uint64_t run_id;                     /* hash of image, configuration, seed, model, version */
};
uint64_t machine_guest_insns(const struct machine *m); /* that of the summary, quickly */
void machine_summary(const struct machine *m, struct machine_summary *s);
void machine_causes(const struct machine *m, uint64_t by_cause[CAUSE_COUNT]); /* cycles so far by cause, quickly */
/* The same by where the CPU was: real ring, in VMX non-root operation or not, and of which VM. Only what
 * took time. */
struct machine_account { uint8_t vm, ring; bool nonroot; uint64_t cycles, by_cause[CAUSE_COUNT]; };
enum { MACHINE_ACCOUNTS = 8 * 128 };
unsigned machine_accounts(const struct machine *m, struct machine_account *list, unsigned room);
/* "hypervisor", "kernel", "user", or "ring 2"; with several VMs, those of others as "vm 1 kernel". */
const char *machine_account_name(const struct machine *m, const struct machine_account *a, char *buf, size_t n);

/* Binary translation. False, and zeroes, if the technique does not translate. */
struct machine_translation {
    uint64_t units, insns, bytes, code;           /* made so far: units, guest instructions and bytes in them, bytes in the cache */
    uint64_t chains, elided, invalidated, flushes;/* jumps patched in, of them needing no jump; units that died; cache emptied */
    uint64_t emulated, continued, lookups;        /* callouts: for an instruction, for code not yet chained, for a return or jump */
    uint64_t adapted, reverted, untranslated;     /* instructions translated otherwise; sensitive ones that ran as they were: 0 */
    uint64_t aliases, noted;                      /* page tables that the cache may store to; such stores, followed later */
    uint32_t used, room;                          /* bytes of the cache */
};
bool machine_translation(const struct machine *m, struct machine_translation *out);
/* Which instructions the callouts emulated, most frequent first. */
struct machine_callout { const char *word; uint64_t count; };
unsigned machine_translated(const struct machine *m, struct machine_callout *list, unsigned room);
/* What is in the cache now, in the order it was made. */
struct machine_unit_exit { uint32_t target; int to; /* index of the unit it is chained to, -1: none */ bool taken, adjacent; };
struct machine_unit {
    uint32_t eip, linear, at; /* guest EIP, and linear; offset in the cache */
    uint32_t cache;           /* linear, of the translation */
    unsigned bytes, size, insns, exits;
    bool dead;
    struct machine_unit_exit exit[2];
};
enum { MACHINE_UNITS = 32767 };
unsigned machine_units(const struct machine *m, struct machine_unit *list, unsigned room);

/* Devices as data, for views and dumps: name and register table; the guest's virtual ones under a hypervisor. */
struct machine_device { const char *name; const struct reg_desc *regs; const void *state; };
unsigned machine_devices(const struct machine *m, struct machine_device *list, unsigned room);

/* Whose the devices of the board are, and what a VM has in their place. */
enum { MACHINE_HYPERVISOR = -1, MACHINE_NOBODY = -2, MACHINE_HOST = -3 /* --host hosted: its kernel */ };
struct machine_owner {
    const char *name;                   /* of the device, as in machine_devices */
    int         owner;                  /* whose driver programs the real one: a VM's number, or one of the above */
    const char *sees;                   /* what the VM has: "real", "virtual", "process" (hosted: a virtual one of its process's), "ring" (of the service domain), "hypercall", "" */
    uint16_t    lines;                  /* its inputs of the interrupt controller, a bit for each */
};
unsigned machine_owners(const struct machine *m, unsigned vm, struct machine_owner *list, unsigned room);
/* The device behind a port, as that VM has it, or the board if it has none; NULL: nobody answers. */
const char *machine_port_device(const struct machine *m, unsigned vm, uint16_t port);

/* The disks, in the order of the drives. */
struct machine_disk {
    const char *path;
    uint64_t sectors, changed; /* of 512 bytes; how many the guest wrote to */
    unsigned padding;          /* zero bytes added to the file's last sector */
};
unsigned machine_disks(const struct machine *m, struct machine_disk *list, unsigned room);
/* Puts what the guest wrote into the image files, each whole or not at all. EXIT_ENVIRONMENT on failure. */
bool machine_keep_disks(struct machine *m, struct err *e);

/* All frames that entered the switch, as a libpcap file; how many these are. */
void machine_capture(const struct machine *m, struct text *out);
uint64_t machine_frames(const struct machine *m);
/* --nic join: how many frames went over the link and came; false: there is none. The machine at its other end (NULL: none, or a recording),
 * which runs when this one does. What came, as a capture file that --net-replay takes. */
struct machine_link { uint64_t out, in; };
bool machine_link(const struct machine *m, struct machine_link *out);
const struct machine *machine_peer(const struct machine *m);
void machine_link_record(const struct machine *m, struct text *out);
/* The ports of the switch on the wire, and who is plugged in at port n: frames that came from it, went to it, were lost before it, wait for it. */
struct machine_port { const char *station; uint64_t sent, received, dropped, waiting; };
unsigned machine_ports(const struct machine *m); /* 0: there is no network */
void machine_port(const struct machine *m, unsigned n, struct machine_port *out);
/* What passed the hypervisor's switch, which joins the cards of the VMs and the real one: each packet that came in is forwarded to some
 * ways out, and every one of those went to a VM or to the card, was dropped, or waits. False: there is none. */
struct machine_switch {
    uint64_t from_vms, from_card, forwarded, to_vms, to_card, dropped, waiting;
    uint64_t interrupts, copied; /* of the real card; bytes, by the hypervisor */
};
bool machine_switch(const struct machine *m, struct machine_switch *out);
/* What the service domain's bridge counted, which its kernel has in `bridge_counts`: frames that it took, ways out that they were put into;
 * gone, waiting and dropped make these. Of a service domain that was built anew, since then. False: there is none, or another kernel's. */
struct machine_bridge { uint32_t received, forwarded, gone, waiting, dropped; };
bool machine_bridge(const struct machine *m, struct machine_bridge *out);

/* How the disks of the VM that is looked at were reached. False: no hypervisor, or no disk. */
struct machine_io {
    const char *way;                    /* --io */
    uint64_t commands, interrupts;      /* of the drives that the guest programs, real or virtual ones */
    uint64_t accesses;                  /* to their ports that the hypervisor served */
    uint64_t real_accesses;             /* to the ports of the real controller, whoever's; also without a hypervisor */
    uint64_t requests, real_interrupts; /* hypervisor-direct, of all VMs: what its driver asked of the real drives */
    uint64_t sectors, copies, waited;   /* moved by these; copied by the hypervisor; cycles that requests waited in the queue */
    bool     passed;                    /* passthrough: */
    bool     iommu;                     /* it is on */
    uint64_t handed_on;                 /* interrupts */
    uint64_t exitless;                  /* and how many the guest took without an exit */
    uint64_t refused, faults;           /* accesses by DMA that the IOMMU refused; fault records of it that the hypervisor found */
    uint64_t stored, stray, stray_bytes; /* bytes by DMA; the safety checker: stores that hit none of the VM's memory */
    uint32_t stray_at;                  /* machine address of the first of them */
};
bool machine_io(const struct machine *m, struct machine_io *out);

/* --host hosted: exits by who answered them, and what that took, from the door until the guest went on. False: it is not. */
enum { MACHINE_BY_MODULE, MACHINE_BY_KERNEL, MACHINE_BY_PROCESS, MACHINE_ANSWERS };
struct machine_hosted { uint64_t exits[MACHINE_ANSWERS], cycles[MACHINE_ANSWERS], waits /* of the process, for a guest that sleeps */, lost; };
bool machine_hosted(const struct machine *m, struct machine_hosted *out);
const char *machine_host_serial(const struct machine *m, size_t *n); /* what the host itself said on the board's line; "" if there is none */
const char *machine_answer_name(unsigned by); /* "module", "host kernel", "process" */

/* The techniques that exist, in teaching order, for --help, `list` and the error messages. */
struct machine_technique { const char *option, *name, *about; };
const struct machine_technique *machine_techniques(unsigned *n);

#define RINGSIDE_VERSION "0.1"
#define RINGSIDE_DATE "November 23, 2026" /* of this version, on its manual pages */

#endif
