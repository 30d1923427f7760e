/* Binary translation after Adams & Agesen 2006: the guest's kernel runs at ring 1 out of a translation cache; its user code
 * runs directly.
 *
 *   guest kernel code (read only through a decoder)      translation cache (real bytes, in the hypervisor's window)
 *     unit: up to bt.unit instructions, one page,  --->    the same instruction, if it may run at ring 1 (IDENT)
 *     ending at control flow                               a sequence of a few others, through %gs to the vCPU page
 *                                                          a callout: CALL through a gate to the hypervisor
 *
 * Idea 1: nothing the guest wrote is executed at ring 1, so nothing sensitive can fail silently there.
 * Idea 2: the guest's state is exact at every instruction of the cache: a table says for each one which guest instruction it
 * belongs to and what must be put back from the vCPU page (struct bt_point). So faults and interrupts may come anywhere.
 * Idea 3: what was translated is remembered by guest EIP and code segment; jumps between units are patched into the cache
 * when both ends exist (chaining). Code pages are under write trace; a store to translated code kills its units.
 *
 *   offset from BT_DATA                          offset from BT_CODE (the base of the code segment BT_CS)
 *   0000  vCPU page: virtual IF, spilled          0000  glue: looking up where a return or indirect jump goes
 *         registers (enum bt_slot)                0200  units, upwards
 *   1000  return-target table                     end   continuations of taken branches, downwards
 *   2000  hash table
 *   7000  log of stores to page tables
 *   8000  alias map (bintrans_alias.c)
 *  18000  aliases of guest page tables
 * User code is translated, too, if bt.user says so: the same cache as a ring-3 code segment (BT_UCS), and at BT_USER_DATA a vCPU page
 * and tables of its own (BT_UDS). Its pages are the user's then; no segment of the guest's reaches them.
 * BT_DS covers the data and aliases, not the code; BT_CS covers the code alone and cannot be read. The window is mapped by a
 * page table of its own, for the sake of the aliases; it is the frame behind the first of them.
 *
 * Interpreted instead (declared, charged): 16-bit and virtual-8086 kernels, rings 1 and 2, of single-stepped kernels what is no
 * copy, kernels with breakpoints set, user code with virtual IOPL > 0 or IF = 0 (BUG12 3.2 translates it).
 * AA06 3; BUG12 3.2, 4.2.
 * TOUR vmm.9: the second technique: the kernel's code translated. */
#ifndef VMM_BINTRANS_H
#define VMM_BINTRANS_H

#include "sim/cpu/insn.h"
#include "sim/vmm/setting.h"
#include "sim/vmm/vcpu.h"

enum {
    BT_DATA = WINDOW_POOL, BT_RETURNS = 0x1000, BT_RETURN_SLOTS = 256,
    BT_DELTA = 0x400, BT_PORTS = 0x600 /* who answers for a port, 256 of them: offsets from BT_CODE */,
    BT_HASH = 0x2000, BT_HASH_SLOTS = 255 * 9 + 1, BT_LOGS = 0x7000, BT_LOG_ROOM = 1024,
    BT_MAP = 0x8000, BT_MAP_SIZE = 0x10000,
    BT_ALIAS = BT_MAP + BT_MAP_SIZE, BT_ALIASES = 64, BT_ALIAS_STEP = 2 * PAGE_SIZE,
    BT_DATA_SIZE = BT_ALIAS + BT_ALIASES * BT_ALIAS_STEP, BT_WINDOW_TABLE = BT_DATA + BT_ALIAS,
    BT_USER_DATA = BT_DATA + BT_DATA_SIZE, BT_USER_SIZE = 0x8000,
    BT_CODE = BT_USER_DATA + BT_USER_SIZE, BT_CODE_MOST = 0x100000, BT_GLUE = 0x200,
    BT_QUICK = 0xFFB8, BT_GATE = 0xFFC0, BT_CS = 0xFFF0, BT_DS = 0xFFF8, BT_UCS = 0xFFA8, BT_UDS = 0xFFB0,
    BT_STUB = 0x4040, BT_STUB_INSNS = 14, BT_VECTOR = 0x100, /* where the call gate leads; what its stub writes where other stubs write a vector */
    BT_QUICK_STUB = 0x4080, /* where BT_QUICK leads */
    BT_UNITS = 8192, BT_POINTS = 65536, BT_UNITS_KB = 256 /* so many units and points in a cache of this size */,
    BT_UNITS_MOST = 32767 /* a link is a unit and an exit in 16 bits */, BT_PAGES = 1024, BT_KEYS = 4096, BT_CONTEXTS = 8, BT_ADAPTS = 1024,
    BT_CONT = 7, BT_JUMP = 5, /* bytes of a far call; of the jump that may replace it */
    BT_UNIT_MOST = 64, BT_CODE_ROOM = BT_UNIT_MOST * 208, BT_POINT_ROOM = BT_UNIT_MOST * 36,
    BT_GLUE_POINTS = 128,
    BT_PORT_POST = 0x80, /* a write to it stays in the cache */
};

/* Doublewords of the vCPU page. */
enum bt_slot { BT_VIF = 0, BT_VREST = 4, BT_SLOW = 8, BT_TARGET = 12, BT_GO = 16, BT_EAX = 20, BT_ECX = 24, BT_EDX = 28,
               BT_POST = 32 /* what port 80h reads */, BT_POSTED = 36 /* it was written since the hypervisor looked */,
               BT_KNOWN = 40 /* -first, first - second, ...: selectors that data segments may be loaded with as they are */,
               BT_EBX = 56, BT_VALUE = 60 /* being stored to a page table */,
               BT_LOG = 68 /* free bytes of the log of such stores; it is filled downwards */,
               BT_GS = 72 /* the guest's selector */, BT_GS_OK = 76, BT_FS_OK = 80 /* may they be loaded as they are? */,
               BT_FS = 84 /* the guest's, while FS holds its GS */,
               BT_TSC = 88 /* from the real counter to the guest's: 64 bits */, BT_SS = 96 /* the guest's real selector */,
               BT_ESP = 100,
               BT_TPR = 104 /* the virtual APIC's */, BT_TPR_LOW = 108 /* below that an interrupt gets through */,
               BT_TPR_OFF = 112 /* not 0: nobody may store to it here */ };
enum { BT_KNOWN_ONES = 4, BT_OWN_STACK = BT_DELTA /* of sequences: below */, BT_FLAGS = BT_OWN_STACK - 4 };

/* What a callout asks for. */
enum bt_what {
    BT_RUN,      /* no callout: an instruction */
    BT_EMULATE,  /* do the guest's instruction */
    BT_CONTINUE, /* the unit ends here: translate what comes next, and chain */
    BT_JUDGE,    /* BT_QUICK was called: do the guest's instruction; it would have been done but for a difference */
    BT_SYSENTER, /* no callout, either: user code's system call */
    BT_LOOK,     /* nothing to do: an interrupt that waited may come now */
    BT_LOOKUP,   /* a return or indirect jump whose target no table knows */
};

enum { BT_FIX_EAX = 1, BT_FIX_ECX = 2, BT_FIX_EDX = 4, BT_FIX_EBX = 64, /* the guest's register is in the vCPU page */
       BT_FIX_EIP = 8,    /* the guest's EIP is in BT_TARGET */
       BT_FIX_SHADOW = 16,/* STI or the like was just executed: no interrupt before the next instruction */
       BT_FIRST = 32,     /* nothing to put back: a guest instruction begins here */
       BT_FIX_FS = 512,   /* FS holds the guest's GS; its own selector is as it was */
       BT_FIX_ESP = 1024, /* the stack is the sequence's own; the guest's pointer is in the vCPU page */
       BT_FIX_FLAGS = 2048, /* the guest's arithmetic flags are on that stack */
       BT_FIX_LAHF = 4096, /* the guest's arithmetic flags are in AX, as LAHF and SETO left them (or ADD AL, 7Fh behind them) */
       BT_OWN = 256,      /* this is the guest's instruction itself, not what translation adds */
       BT_OURS = 128 };   /* what faults here is the sequence's own access, not the guest's: emulate the instruction */

/* The guest's state at one instruction of the cache. */
struct bt_point {
    uint32_t eip;
    uint16_t at;   /* offset in the unit */
    uint16_t fix;  /* BT_FIX_* */
    uint8_t  what; /* enum bt_what */
    uint8_t  done; /* guest instructions that are done with it (if it is an exit: once it is a jump) */
    uint16_t esp;  /* add to ESP */
};

/* Where a unit goes on. */
struct bt_exit {
    uint32_t target; /* guest EIP */
    uint32_t at;     /* of the continuation: offset in the unit while it is emitted, then in the cache */
    uint32_t branch; /* offset of the 4 displacement bytes of a conditional branch to it, 0: none */
    bool     apart;  /* the continuation is not in the unit, but at the cache's end */
    bool     chained;
    bool     jump;   /* it is a JMP of the guest's, done by whoever follows it */
    bool     held;   /* STI was the last instruction: never chained */
    uint16_t to;     /* unit + 1 it is chained to by a jump, 0: none */
    uint16_t next;   /* link + 1: the next exit chained to the same unit */
};

/* A unit as it is emitted, before it has a place. */
struct bt_code {
    uint8_t  bytes[BT_CODE_ROOM];
    unsigned n, points, exits;
    struct bt_point point[BT_POINT_ROOM];
    struct bt_exit exit[2];
    bool     ended; /* by control flow */
    bool     holds; /* the last instruction was STI */
};

struct policy;
/* How one instruction is translated. */
struct bt_how {
    const struct policy *teacher; /* whose rules are asked first; NULL: nobody's */
    bool incache, returns; /* settings */
    bool user;      /* it runs in ring 3 */
    bool shifted;   /* its time-stamp counter is not the real one */
    bool flat;      /* the code segment ends at 4 GB: branches need no check of the target */
    bool simulate;  /* adapted: it faults too often */
    uint32_t fixed; /* and stores to a place whose alias is this offset from BT_DATA; 0: not known */
    uint32_t page, alias; /* or has stored to this linear page only, whose alias that is, in the same way */
    uint32_t tpr;   /* or is known to store to the task priority at this linear address; 0: it is not */
    uint32_t limit; /* of the code segment */
    uint32_t tc, jump; /* where in the cache the unit will begin; where the glue for indirect jumps does */
};

/* ---- bintrans_emit.c: pure */
/* Appends one guest instruction, `i` decoded from `bytes`, at guest EIP `eip`. */
void bt_emit(struct bt_code *c, const struct bt_how *how, const struct insn *i, const uint8_t *bytes, uint32_t eip);
/* Appends the end of a unit that did not end by itself. */
void bt_emit_end(struct bt_code *c, uint32_t eip);
/* The code for returns and indirect jumps, from offset 0 on, and for reading a latch. */
enum { BT_GLUE_RETURN = 0 };
unsigned bt_emit_glue(struct bt_code *c, unsigned *latch); /* returns the offset where indirect jumps enter */
/* ---- bintrans_store.c: pure, too */
/* The store of an adapted instruction, to the alias of its page, with a note in the log. False: it needs a callout. */
bool bt_emit_store(struct bt_code *c, const struct bt_how *how, const struct insn *i, const uint8_t *bytes, uint32_t eip);
/* Is there one? */
bool bt_is_store(const struct insn *i, const uint8_t *bytes);
/* And is the address in the instruction? */
bool bt_store_fixed(const struct insn *i, const uint8_t *bytes, uint32_t *offset);
/* Index of a guest EIP in the hash table of the vCPU page. */
static inline uint32_t bt_hash_slot(uint32_t eip) { return (eip & 0xFF) + 8 * (eip >> 8 & 0xFF); }

struct bt_unit {
    uint32_t eip, tc;        /* guest EIP; offset in the cache */
    uint32_t first_point;
    uint16_t points, size;   /* bytes in the cache */
    uint16_t bytes;          /* of guest code */
    uint8_t  insns, context, exits;
    bool     dead;
    uint64_t aliases;        /* bit k: it has the address of alias k in its code */
    uint64_t guesses;        /* likewise, behind a comparison with the alias's page */
    uint16_t next_key;       /* unit + 1 with the same hash; 0: none */
    uint16_t incoming;       /* link + 1 of the first exit chained to it; a link is unit * 2 + exit */
    uint16_t page[2], next_page[2]; /* page + 1 its code lies in, and the next unit + 1 there */
    struct bt_exit exit[2];
};

/* Translated code lies in this page of the guest. */
struct bt_page { uint32_t frame, page; uint16_t units, next; bool used, user; };
struct bt_context { uint32_t base, limit; bool user; };

/* A guest page table that the cache may store to by another address. */
struct bt_alias { uint32_t page, frame; bool used; };

/* Where the guest's kernel stores to its APIC's task priority, and what the vCPU page says of it. at 0: nowhere yet. */
struct bt_apic { uint32_t at, tpr, low, off; bool mapped; };

/* What is known about an instruction that faulted on traced pages. */
struct bt_adapt { uint32_t eip, page; uint16_t faults, idle, need; bool on, many; }; /* need 0: free; the page it stores to, if not to many */

struct bt_counts {
    uint64_t units, insns, bytes, code; /* translated; of the guest, of the cache */
    uint64_t emulated, continued, lookups, by_insn[MN_COUNT]; /* callouts; those that emulated an instruction */
    uint64_t chains, elided, invalidated, flushes, adapted, reverted, logged, granted;
    uint64_t leaks; /* sensitive instructions that ran in ring 1 outside our sequences: none, ever */
};

struct bt_apart { uint16_t unit; uint8_t exit; };

struct bintrans {
    uint32_t end;                          /* bytes of the cache */
    uint32_t at, tail;                     /* free: [at, tail) */
    uint32_t units, point_n, pages;        /* in use; of the last, high-water mark */
    uint32_t jump, miss;                   /* glue offsets: for indirect jumps; the callout when nothing is known */
    uint8_t  contexts, context[2];         /* known; those the tables are about, the kernel's and the user's */
    struct bt_context known[BT_CONTEXTS];
    uint16_t key[BT_KEYS], frame[BT_KEYS]; /* heads: unit + 1; page + 1 */
    uint16_t here;                         /* unit + 1 the guest left, if it was in one */
    uint8_t  what;                         /* enum bt_what the guest left for */
    uint32_t selector[2][BT_KNOWN_ONES];   /* those in BT_KNOWN, the kernel's and the user's; beyond FFFF: none */
    uint32_t gs[2][3];                     /* what BT_GS, BT_GS_OK and BT_FS_OK hold */
    uint32_t tables;                       /* hash of where the descriptor tables lay when they were learnt */
    bool     traced;                       /* what was emulated last stored to a page under write trace */
    bool     inside;                       /* it left the cache, not user code */
    bool     shifted;                      /* the kernel's RDTSC is translated for a guest with a counter of its own */
    uint16_t next;                         /* unit + 1 found for the resume */
    uint32_t next_tc;                      /* where to resume in the cache */
    uint32_t left_tc;                      /* where it was resumed last */
    uint16_t from, from_exit;              /* unit + 1 and exit whose continuation called */
    uint32_t left_for;                     /* EIP that it wanted */
    struct bt_page page[BT_PAGES];
    struct bt_adapt adapt[BT_ADAPTS];
    struct bt_alias alias[BT_ALIASES];
    struct bt_apic apic;
    unsigned aliases, next_alias;          /* in use; the next to be given */
    bool     ours;                         /* it left by a fault of a sequence's own */
    uint64_t offset;                       /* in BT_TSC */
    uint32_t ss;                           /* in BT_SS */
    struct bt_counts counts;
    unsigned glue_points;
    struct bt_point glue[BT_GLUE_POINTS];
    struct bt_code scratch;
    uint32_t most_units, most_points;      /* as many as a cache of this size can use */
    struct bt_apart *apart;                /* of the units */
    struct bt_unit *unit;
    struct bt_point *point;
};

/* Whose vCPU page and tables: 0 the kernel's, 1 the user's; and where they lie in the window. */
static inline unsigned bt_side(const struct vcpu *v) { return v->virt.cpl == 3; }
static inline uint32_t bt_area(unsigned side) { return side ? BT_USER_DATA : BT_DATA; }
/* ---- bintrans_cache.c: the cache as a place */
void bt_flush(struct vcpu *v);
/* The number of the virtual code segment; the tables in the vCPU page are about it from now on. May flush. */
unsigned bt_context(struct vcpu *v);
/* The unit whose bytes contain cache offset `tc`, or NULL. */
struct bt_unit *bt_unit_at(struct bintrans *t, uint32_t tc);
/* The live unit for a guest EIP in the virtual code segment, or NULL. */
struct bt_unit *bt_find(struct vcpu *v, uint32_t eip);
/* Makes one (bintrans_unit.c). NULL: the code cannot be read. */
struct bt_unit *bt_translate(struct vcpu *v, uint32_t eip);
void bt_kill(struct vcpu *v, struct bt_unit *u);
/* Where the instruction at `eip` begins in this unit; UINT32_MAX: not in there. */
uint32_t bt_unit_start(const struct bintrans *t, const struct bt_unit *u, uint32_t eip);
/* The guest's state at a cache offset. False: no instruction of ours begins there. */
struct bt_state { struct bt_point point; uint16_t unit; /* + 1; 0: glue */ uint8_t exit; };
bool bt_state_at(const struct bintrans *t, uint32_t tc, struct bt_state *s);
/* Makes exit `x` of `u` lead to `to` without the hypervisor. */
void bt_chain(struct vcpu *v, struct bt_unit *u, unsigned x, struct bt_unit *to);
/* Enters a unit into the tables that returns and indirect jumps look in. */
void bt_remember(struct vcpu *v, const struct bt_unit *u, bool returns);
/* What the return-target table says about this EIP may be half of one entry and half of another. */
void bt_forget_return(struct vcpu *v, uint32_t eip);
/* Has this instruction faulted so often that it is to be simulated? */
bool bt_adapted(const struct vcpu *v, uint32_t eip);
/* The only page that it has ever stored to; false: there were several. */
bool bt_adapted_page(const struct vcpu *v, uint32_t eip, uint32_t *page);
/* It faulted on a page under write trace, storing to this linear address. */
void bt_adapt_faulted(struct vcpu *v, uint32_t eip, uint32_t at);
/* An adapted one called, for it stores to this linear address. */
void bt_adapt_called(struct vcpu *v, uint32_t eip, uint32_t at);
/* It was simulated; `needed`: it stored to a page under write trace again. */
void bt_adapt_simulated(struct vcpu *v, uint32_t eip, bool needed);
/* ---- bintrans_attach.c: a new virtual CPU's part of the window, and v->bt. The arena gives what that takes, so it cannot fail. */
bool bt_attach(struct vcpu *v, struct err *e);
/* ---- bintrans_alias.c */
void bt_alias_attach(struct vcpu *v);
/* The instruction at hand stores to linear address `at`, under write trace, again and again: from now on without us, if the
 * page is a page table and nothing else. */
void bt_alias_grant(struct vcpu *v, uint32_t at);
/* Page tables, descriptor tables or traces changed: which aliases are still what they were? */
void bt_alias_check(struct vcpu *v);
/* Before the guest runs: may offsets of DS and SS be taken for linear addresses? */
void bt_alias_leave(struct vcpu *v);
void bt_alias_revoke_frame(struct vcpu *v, uint32_t frame);
/* What the guest's kernel stored to its page tables since it was here last, to the shadow structures. */
void bt_log_take(struct vcpu *v);
/* The offset from BT_DATA where a linear address may be stored to, 0: none. */
uint32_t bt_alias_of(const struct vcpu *v, uint32_t at);
/* The same of a page, for code that compares with it and notes linear addresses. */
uint32_t bt_alias_guess(const struct vcpu *v, uint32_t page);
/* Before the guest runs: may offsets of DS and SS be taken for linear addresses? */
bool bt_flat(struct vcpu *v);
/* The guest's arithmetic flags, from AX as LAHF and SETO left it. */
static inline uint32_t bt_lahf_flags(uint32_t eax)
{
    uint8_t of = (uint8_t)eax;
    return (eax >> 8 & (FLAGS_ARITH & 0xFF)) | (of == 1 || of == 0x80 ? (uint32_t)FLAG_OF : 0);
}
/* ---- bintrans_apic.c */
/* Is the virtual APIC at this linear address? */
bool bt_apic_page(struct vcpu *v, uint32_t at);
/* The instruction at `eip` stored to `at`, and faulted. */
void bt_apic_faulted(struct vcpu *v, uint32_t eip, uint32_t at);
/* Page tables may have changed. */
void bt_apic_check(struct vcpu *v);
/* What the cache stored, to the virtual APIC; and what it has to know, before the kernel runs. */
void bt_apic_take(struct vcpu *v);
void bt_apic_leave(struct vcpu *v, bool flat);
/* ---- bintrans_look.c: for people; see strategy.h */
void bt_view(const struct vcpu *v, struct vcpu_view *view);
uint32_t bt_code(const struct vcpu *v, uint32_t at);
void bt_weigh(const struct vcpu *v, uint32_t offset, struct cpu_weight *w);
/* ---- bintrans_fast.c: SYSENTER of user code */
/* The frame that it left -> virt, in the guest's kernel. Then: an exit, and what was done for the guest. */
void bt_fast_enter(struct vcpu *v, struct window_frame *f);
void bt_fast_handle(struct vcpu *v);
/* Before user code runs: does its SYSENTER lead to us, or fault? */
void bt_fast_aim(struct vcpu *v, bool ours);
/* ---- bintrans_change.c: strategy.h's `change` */
bool bt_change(struct vcpu *v, unsigned reg, uint32_t value);
const char *bt_symbol(const struct vcpu *v, uint32_t at, char *buf, unsigned room);
/* ---- bintrans_page.c: see strategy.h */
void bt_stored(struct vcpu *v, uint32_t at, unsigned size);
void bt_remapped(struct vcpu *v);
/* ---- bintrans_seg.c: loads of data segments that need no emulation, because the same load has just been emulated; GS */
/* Before the guest's kernel runs: what the cache has to know of GS and FS. */
void bt_selectors_leave(struct vcpu *v);
/* Emulation may have loaded one: whatever they hold may be loaded again. */
void bt_selectors_learn(struct vcpu *v);
/* A descriptor changed, or where the tables lie may have. */
void bt_selectors_forget(struct vcpu *v);
void bt_selectors_check(struct vcpu *v);
/* Loads that were done in the cache, to virt. `swapped`: FS is not the guest's. */
void bt_selectors_take(struct vcpu *v, bool swapped);

#endif
