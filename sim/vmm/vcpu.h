/* The virtual CPU: what the guest believes its processor holds, and the way in and out of it.
 *
 * `virt` is a complete CPU of the same kind as the real one, attached to the VM's bus, at the ring the guest believes
 * in. The hypervisor uses it as its instruction emulator and for delivering interrupts through the guest's own IDT; the
 * real CPU runs the guest in a lower ring. On every exit the real registers flow in (vcpu_enter), on every resume out
 * (vcpu_leave).
 * TOUR vmm.4: what the guest believes its processor holds. */
#ifndef VMM_VCPU_H
#define VMM_VCPU_H

#include "sim/cpu/cpu.h"
#include "sim/mmu/mmu.h"
#include "sim/mmu/strategy.h"
#include "sim/vmm/detector.h"
#include "sim/vmm/exit.h"
#include "sim/vmm/segments.h"
#include "sim/vmm/strategy.h"
#include "sim/vmm/window.h"

struct bintrans;
struct vtx;
struct vmm;
struct vm;

/* What paging depends on, of registers that have other bits, too. */
#define VCPU_PAGING_CR0 (CR0_PG | CR0_WP)
#define VCPU_PAGING_CR4 (CR4_PSE | CR4_PAE | CR4_PGE)
/* The real CR0 while the hypervisor owns the processor; TS goes while the x87 unit is lent. */
#define VCPU_REAL_CR0 (CR0_PE | CR0_MP | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_PG)

enum { VCPU_USER_CODE = 32, VCPU_TABLE_PAGES = 17 /* 64 KB that begins inside a page */, VCPU_WALK_PAGES = 24 };

/* Ring-3 code descriptors of the shadow tables; see descriptor.h. More than fit are never present but for a load of our own. */
struct user_code {
    bool     present;
    unsigned n;
    uint16_t selector[VCPU_USER_CODE]; /* index and table bit */
};

/* Where the guest's GDT or LDT lies, page by page, under write trace. */
struct table_trace {
    unsigned n;
    uint32_t frame[VCPU_TABLE_PAGES]; /* guest frame of each page, FRAME_NONE: not mapped */
    uint32_t base, shadow_end;
    uint16_t limit;
};

/* Where nobody else follows the guest's page tables: those that map its descriptor tables, guest frames under write trace. Some are of
 * spaces that it left, and may come back to. */
struct walk_trace { unsigned n, next; uint32_t frame[VCPU_WALK_PAGES]; };

struct vcpu {
    struct vmm *vmm;
    struct vm  *vm;
    const struct cpu_strategy *ops;
    struct window window;       /* its skin in machine memory */
    struct model model;         /* of virt: the board's, without what cannot be virtualised */
    struct cpu virt;            /* the guest's CPU as the guest believes it */
    struct mmu virt_mmu;        /* walks the guest's tables over the VM's bus; never cached across exits */
    struct clock virt_clock;    /* its own, since emulation is charged by named costs; set to the machine's at each use */
    uint64_t emulated;          /* instructions that were done for the guest, not by the real CPU running it */
    struct bus_log stores;      /* what virt stored while emulating */
    struct vmmu vmmu;           /* the MMU strategy */
    bool fpu_lent;              /* the real x87 unit holds the guest's state; see lazy_fpu.h */
    uint16_t fpu_cs, fpu_ds;    /* selectors of the unit's last instruction as we put them there ourselves */
    uint32_t root;              /* machine address in the real CR3 */
    struct user_code user_code;
    uint8_t gate_dpl[256];      /* the privilege to use each of the hypervisor's gates by INT, 0: closed; gates.c */
    struct table_reg gates_idtr;/* the guest's IDT that they are for */
    uint16_t lent_cs;           /* code segment whose shadow was made present for the last IRET */
    struct table_trace traced[2]; /* [0] GDT, [1] LDT */
    struct walk_trace walked;
    struct held_segments held;
    struct seg_reg entered_seg[SEG_COUNT]; /* virt's segment registers as the guest left them */
    uint64_t entered;           /* cycle of the exit being handled */
    bool map_open, map_shown;   /* some ports are open; the TSS shows the map of them */
    uint32_t left_eip;          /* where the guest was sent last */
    uint32_t cause;             /* trace id that what happens now answers */
    struct detector detector;
    struct vtx *vtx;            /* hardware assist's, likewise */
    struct bintrans *bt;        /* the translator's, if that is the technique; in the arena */
    struct paravirt *pv;        /* the paravirtual domain; NULL under any other technique */
};

/* A running guest as people see it. */
enum { VCPU_EIP = 8, VCPU_EFLAGS = 9 }; /* after EAX .. EDI */
struct vcpu_view {
    uint32_t eip, eflags;
    struct seg_reg seg[SEG_COUNT];
    uint32_t reg[8];
};

/* Sets up virt on the VM's bus. */
void vcpu_init(struct vcpu *v, struct vmm *h, struct vm *vm);
/* Frame of an exit -> virt. Reads the frame from machine memory, the data selectors from the CPU. */
void vcpu_enter(struct vcpu *v, struct window_frame *f);
/* Its first part: the frame, and from it virt's general registers, EIP and flags (not the virtual ones). */
void vcpu_enter_frame(struct vcpu *v, struct window_frame *f);
/* virt -> frame, data segment registers, CR0.TS, CR3; EIP and ESP of the real CPU go to the leave stub. */
void vcpu_leave(struct vcpu *v);
/* The same for a guest that really goes on in `ring` at `cs`:`eip`, with its own data segments in `data` (bits by enum seg). */
void vcpu_leave_as(struct vcpu *v, uint8_t ring, uint16_t cs, uint32_t eip, unsigned data);
/* Of both, the part without segments: general registers, EIP, flags, and the way through the stubs. `ring`: the RPL that `cs`
 * and SS get in the frame. */
void vcpu_registers_in(struct vcpu *v, struct window_frame *f);
void vcpu_registers_out(struct vcpu *v, uint8_t ring, uint16_t cs, uint32_t eip);
/* Ports that the guest's kernel in ring 1 may use itself: by the I/O map of the hypervisor's TSS, which is hidden from ring 3. */
void vcpu_ports(struct vcpu *v, uint16_t first, unsigned count, bool open);
/* Emits EXIT; what happens from now on answers it. */
void vcpu_tell_exit(struct vcpu *v, const struct vmexit *x);
/* Tells the strategy of memory the guest's paging registers; returns the machine address for the real CR3. `*flush`: the TLB is stale.
 * Of what a guest that hardware runs may change unseen (CR0.TS, CR4.TSD) it does not hear: it would take a load of CR3, which empties
 * the TLB, for a change of that, which does not. */
uint32_t vcpu_tables(struct vcpu *v, bool *flush);
/* The virtual PIC asks; the guest can take it (SDM 3A 6.8.1, and the shadow of STI and MOV SS). */
bool vcpu_pending(const struct vcpu *v);
bool vcpu_interruptible(const struct vcpu *v);
/* Is its next instruction in the firmware's chip at the top of guest-physical memory, without paging? No machine frame is behind
 * it, so each instruction would exit: better interpreted until firmware has moved to RAM. */
bool vcpu_in_chip(const struct vcpu *v);
/* Reads guest memory by linear address through the guest's own tables, without effects; returns how many of `n` bytes
 * could be read before the first that is not mapped for `access` or not RAM. */
unsigned vcpu_peek(const struct vcpu *v, gva_t at, unsigned access, void *to, unsigned n);
/* The processor becomes another VM's, and this one's: for techniques whose guests run in a lower ring. Parts of that: the registers
 * of the hypervisor's tables; an address space, with an empty TLB; who watches the guest's instructions. world.c */
void vcpu_away(struct vcpu *v);
void vcpu_back(struct vcpu *v);
void vcpu_own_tables(struct vcpu *v);
void vcpu_address_space(struct vcpu *v, uint32_t root);
/* The real CR3 names this root; with it, where the guest's own tables are walked without VMX, the guest's paging registers. Flushes
 * nothing that the hardware would not. */
void vcpu_load_paging(struct vcpu *v, uint32_t root);
/* Is the guest below ring 0, and its addresses go through a second level all the same? No processor has that. */
bool vcpu_two_dimensions(const struct vcpu *v);
void vcpu_watched(struct vcpu *v, bool by_detector);
/* An MMU that walks the guest's own tables over the VM's bus, by the registers that the guest has now, wherever they are. For
 * looking; it shares TLBs with virt's. */
struct mmu vcpu_guest_mmu(const struct vcpu *v);
/* The guest's flags from real ones: IF and IOPL are virtual, the rest is real. */
uint32_t vcpu_virtual_flags(const struct vcpu *v, uint32_t real);
/* Can the real CPU run virt as it stands: protected mode, EIP within CS, and segment registers it can have? */
bool vcpu_reversible(struct vcpu *v);
/* Would loading this segment register's selector from the shadow tables give what virt has there? */
bool vcpu_segment_reversible(struct vcpu *v, enum seg i);

#endif
