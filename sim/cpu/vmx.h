/* VMX: the processor's help for hypervisors. Root operation, non-root operation, and the two ways between them.
 *
 * Idea 1: all that a hypervisor says and learns lies in a VMCS, 4096 bytes of machine memory (vmcs.h). VM entry reads the
 * controls out of it once, into struct vmx; only that copy decides what leaves, until the next entry.
 * Idea 2: an instruction that leaves does nothing else: its handler asks one bit (vmx.nonroot) and calls vmx_leave, which
 * saves the guest, loads the host and returns STEP_JUMP. What is not an instruction leaves at three places: where faults are
 * delivered (gate.c), where a task would be switched (task.c), and at the boundary (run.c).
 *
 * vmx_cap.c says what a model has, vmx_check*.c is what VM entry demands, vmx_entry.c and vmx_exit.c are the transitions,
 * vmx_leave.c which instructions leave and what they tell, vmx_apic.c the page of a virtual APIC, exec_vmx.c the instructions.
 * SDM vol. 3B ch. 19-23, app. G-J (2006); later 3C. Not modelled: SMM and its monitor, machine checks, A20M, VMX in 64-bit
 * mode, secondary controls but for EPT, VPID, WBINVD and the APIC's page.
 * TOUR cpu.7: what hardware does for hypervisors. */
#ifndef CPU_VMX_H
#define CPU_VMX_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/addr.h"
#include "sim/core/outcome.h"

struct cpu;
struct insn;

/* struct model.vmx. CORE2 adds virtual NMIs; NEHALEM the monitor trap flag, controls that may be 0 where they had to be 1 (MSRs
 * 48D-490), secondary controls, EPT and VPID. */
enum vmx_generation { VMX_NONE, VMX_FIRST, VMX_CORE2, VMX_NEHALEM, VMX_GENERATIONS };

enum vmx_reason {
#define VMX_REASON(number, NAME, control, word, about) VMX_##NAME = number,
#include "sim/cpu/vmx_reason.def"
#undef VMX_REASON
    VMX_REASONS
};
#define VMX_FAILED_ENTRY (1u << 31) /* in the exit reason */
const char *vmx_reason_name(unsigned reason); /* "?" if this machine does not have it */
void vmx_names(void);                         /* registers the trace's enum type "vmx" */

enum { VMX_PIN_INTERRUPT = 1 << 0, VMX_PIN_NMI = 1 << 3, VMX_PIN_VIRTUAL_NMI = 1 << 5, VMX_PIN_TIMER = 1 << 6 };
enum {
    VMX_PROC_WINDOW = 1 << 2, VMX_PROC_TSC_OFFSET = 1 << 3, VMX_PROC_HLT = 1 << 7, VMX_PROC_INVLPG = 1 << 9,
    VMX_PROC_MWAIT = 1 << 10, VMX_PROC_RDPMC = 1 << 11, VMX_PROC_RDTSC = 1 << 12, VMX_PROC_CR3_LOAD = 1 << 15,
    VMX_PROC_CR3_STORE = 1 << 16, VMX_PROC_TPR_SHADOW = 1 << 21, VMX_PROC_NMI_WINDOW = 1 << 22, VMX_PROC_MOV_DR = 1 << 23,
    VMX_PROC_IO = 1 << 24, VMX_PROC_IO_BITMAPS = 1 << 25, VMX_PROC_MONITOR_TRAP = 1 << 27, VMX_PROC_MSR_BITMAPS = 1 << 28,
    VMX_PROC_MONITOR = 1 << 29, VMX_PROC_PAUSE = 1 << 30
};
#define VMX_PROC_SECONDARY (1u << 31) /* the second word counts */
enum { VMX_PROC2_APIC = 1 << 0, VMX_PROC2_EPT = 1 << 1, VMX_PROC2_VPID = 1 << 5, VMX_PROC2_WBINVD = 1 << 6,
       VMX_PROC2_AGILE = 1 << 30 /* of no manual: CR3 names shadow tables, which may switch to the guest's own (mmu/walk.h). With EPT only */ };
/* EPTP.   35-12 | 11-6 | 5-3        | 2-0
 *         root  | 0    | levels - 1 | memory type: 0, 6 */
enum { VMX_EPTP_TYPE = 7, VMX_EPTP_WRITE_BACK = 6, VMX_EPTP_LEVELS = 3 /* shift */, VMX_EPTP_RESERVED = 0xFC0 };
enum { VMX_EXIT_SAVE_DEBUG = 1 << 2, VMX_EXIT_ACKNOWLEDGE = 1 << 15, VMX_EXIT_SAVE_TIMER = 1 << 22 };
enum { VMX_TIMER_RATE = 5 /* the preemption timer counts once in 2^5 ticks of the TSC */ };
enum { VMX_ENTRY_LOAD_DEBUG = 1 << 2 };

/* Interruption information: of an event to inject, of one that made the guest leave, of one whose delivery it left in.
 *   31    | 30-13 | 12          | 11         | 10-8 | 7-0
 *   valid | 0     | IRET let NMIs in | error code | type | vector */
enum { VMX_EVENT_INTERRUPT, VMX_EVENT_RESERVED, VMX_EVENT_NMI, VMX_EVENT_EXCEPTION, VMX_EVENT_SOFT_INT, VMX_EVENT_ICEBP,
       VMX_EVENT_SOFT_EXCEPTION, VMX_EVENT_OTHER };
enum { VMX_EVENT_TYPE_SHIFT = 8, VMX_EVENT_CODE = 1 << 11, VMX_EVENT_UNBLOCKED = 1 << 12 };
#define VMX_EVENT_VALID (1u << 31)
static inline unsigned vmx_event_type(uint32_t event) { return event >> VMX_EVENT_TYPE_SHIFT & 7; }

/* An error code that VM entry takes: bit 15 must be clear, so that of a selector from 8000 on cannot be injected. SDM 3B
 * 22.2.1.3 */
static inline bool vmx_code_fits(uint32_t code) { return !(code >> 15); }

/* Interruptibility, and activity. SDM 3B tables 20-2, 20-3 */
enum { VMX_BLOCKED_STI = 1, VMX_BLOCKED_MOV_SS = 2, VMX_BLOCKED_SMI = 4, VMX_BLOCKED_NMI = 8 };
enum { VMX_ACTIVE, VMX_HALTED, VMX_SHUTDOWN, VMX_WAIT_SIPI };

/* VM-instruction errors. SDM 3B app. J / vol. 2B ch. 5 */
enum vmx_error {
    VMX_ERROR_VMCALL_ROOT = 1, VMX_ERROR_VMCLEAR_ADDRESS = 2, VMX_ERROR_VMCLEAR_VMXON = 3, VMX_ERROR_LAUNCH_STATE = 4,
    VMX_ERROR_RESUME_STATE = 5, VMX_ERROR_CONTROLS = 7, VMX_ERROR_HOST = 8, VMX_ERROR_VMPTRLD_ADDRESS = 9,
    VMX_ERROR_VMPTRLD_VMXON = 10, VMX_ERROR_VMPTRLD_REVISION = 11, VMX_ERROR_FIELD = 12, VMX_ERROR_READ_ONLY = 13,
    VMX_ERROR_VMXON_ROOT = 15, VMX_ERROR_MOV_SS = 26, VMX_ERROR_INVALIDATE = 28
};
/* VM aborts: the transition to the host itself failed. SDM 3B 23.7 */
enum vmx_abort { VMX_ABORT_STORE_MSR = 1, VMX_ABORT_PDPTES = 2, VMX_ABORT_LOAD_MSR = 4 };

#define VMX_NO_VMCS UINT32_MAX

/* The unit's state. What VM entry read counts in non-root operation only. */
struct vmx {
    bool     on;              /* VMX operation */
    bool     nonroot;         /* the guest runs */
    bool     init;            /* an INIT is blocked, as all are in root operation */
    bool     nmi_shadow;      /* virtual NMIs: blocked until the guest's IRET; else struct cpu.nmi_blocked is */
    bool     plain;           /* the current VMCS lies in RAM that nothing covers: no bus need be asked */
    bool     single;          /* one instruction at a time: the monitor trap flag */
    bool     stepped;         /* that one has begun: done, or an iteration of it */
    bool     apic;            /* accesses to apic_page are to be seen */
    bool     tpr_low;         /* the TPR has come below its threshold: leaves at the next boundary */
    uint16_t sipi;            /* 100h + vector: a start-up interrupt has come */
    uint64_t settled[2], settled_at; /* lines of the current VMCS whose reads, whose writes need no more: while lines.losses is that */
    uint8_t  activity;        /* VMX_SHUTDOWN, VMX_WAIT_SIPI; else struct cpu.halted tells */
    uint32_t region, current; /* machine addresses of the VMXON region and of the current VMCS or VMX_NO_VMCS */
    uint32_t pin, proc, proc2 /* 0 without VMX_PROC_SECONDARY */, exceptions, pf_mask, pf_match, cr_mask[2], cr_shadow[2] /* CR0, CR4 */, cr3_targets, cr3_target[4];
    uint32_t io_bitmap[2], msr_bitmap, apic_page, virtual_apic, tpr_threshold;
    uint64_t timer_at;        /* cycle at which the preemption timer is down; UINT64_MAX: never */
    uint64_t tsc_offset;
    uint64_t entered;         /* boundary behind the last VM entry (struct cpu.insns) */
    uint64_t unblocked_at;    /* boundary of the IRET that let NMIs in */
    uint32_t vectoring, vectoring_code, vectoring_length; /* the event whose delivery has just faulted */
};

/* ---- capabilities ---- */

/* What a control word may be: bits of `must` are 1, bits outside `may` are 0. */
struct vmx_allowed { uint32_t must, may; };
enum vmx_controls { VMX_CONTROLS_PIN, VMX_CONTROLS_PROC, VMX_CONTROLS_EXIT, VMX_CONTROLS_ENTRY, VMX_CONTROLS_PROC2 };
struct vmx_allowed vmx_allowed(const struct cpu *c, enum vmx_controls which);
uint32_t vmx_revision(const struct cpu *c);
/* Levels of the second-level tables it walks; 0: it has no EPT. Does it tag translations? */
unsigned vmx_ept_levels(const struct cpu *c);
bool     vmx_has_vpid(const struct cpu *c);
/* RDMSR of 480-490. False: this model does not have it. */
bool vmx_capability(const struct cpu *c, uint32_t msr, uint64_t *value);
/* Does VMX operation allow these values? Some bits are fixed. SDM 3B 19.8 */
bool vmx_cr0_fits(uint32_t cr0);
bool vmx_cr4_fits(const struct cpu *c, uint32_t cr4);

/* ---- entry and exit ---- */

/* VMLAUNCH and VMRESUME behind their own checks; `back` is EIP behind the instruction. 0: the guest runs, or the entry failed
 * so late that it counts as an exit and the host goes on; else the number for VMfailValid. */
enum vmx_error vmx_enter(struct cpu *c, bool launch, uint32_t back);
/* Checks of VM entry on the current VMCS. vmx_check_guest: false with *why, the exit qualification. */
bool vmx_check_controls(struct cpu *c);
bool vmx_check_host(struct cpu *c);
bool vmx_check_guest(struct cpu *c, uint32_t *why);

/* What an exit tells; zero what it does not. */
struct vmx_exit {
    uint32_t reason, qualification, linear, length, instruction;
    uint64_t physical;
    uint32_t event, code;     /* interruption information */
    bool     during;          /* it came while another event was being delivered */
    bool     rf;              /* the saved EFLAGS has RF set */
};
/* Leaves to the host: guest state, with c->eip, into the VMCS, host state out of it. To be called between two instructions or
 * in the place of one. Ends in shutdown if the host state cannot be loaded (VM abort). */
void vmx_exit(struct cpu *c, const struct vmx_exit *x);
/* The end of an entry that failed behind its checks: host state, reason and qualification, nothing else. */
void vmx_exit_failed(struct cpu *c, uint32_t reason, uint32_t qualification);
/* Loads MSRs from `count` entries of 16 bytes at a machine address. 0: all; else the number of the first that failed. */
uint32_t vmx_load_msrs(struct cpu *c, uint32_t at, uint32_t count);

/* ---- what leaves; all for non-root operation only ---- */

/* The instruction leaves, unconditionally. Returns STEP_JUMP. */
enum step vmx_leave(struct cpu *c, const struct insn *i, enum vmx_reason reason, uint32_t qualification);
/* Does it leave by its control (vmx_reason.def)? Then it has. */
bool vmx_leaves(struct cpu *c, const struct insn *i, enum vmx_reason reason, uint32_t qualification);
/* One of VMX's own instructions: with displacement and operands. */
enum step vmx_leave_vmx(struct cpu *c, const struct insn *i, enum vmx_reason reason);
bool vmx_leaves_port(struct cpu *c, const struct insn *i, uint16_t port, bool in, uint32_t linear);
bool vmx_leaves_msr(struct cpu *c, const struct insn *i, bool write);
/* MOV to CR0 or CR4: true if it has left; else *value is what the register shall hold, the host's bits unchanged. */
bool vmx_leaves_cr(struct cpu *c, const struct insn *i, unsigned cr, uint32_t *value);
bool vmx_leaves_cr3(struct cpu *c, const struct insn *i, bool write, uint32_t value);
bool vmx_leaves_dr(struct cpu *c, const struct insn *i, bool write);
bool vmx_leaves_lmsw(struct cpu *c, const struct insn *i, uint16_t source, uint32_t *value);
/* CLTS: true if it has left; else *clear says whether TS is the guest's to clear. */
bool vmx_leaves_clts(struct cpu *c, const struct insn *i, bool *clear);
/* CR0 or CR4 as the guest reads it: the host's bits from the read shadow. */
uint32_t vmx_cr_seen(const struct cpu *c, unsigned cr, uint32_t real);
/* INT3, INTO, INT1 leave by the exception bitmap. `at`, `back`: EIP of the instruction, and behind it. */
bool vmx_leaves_soft(struct cpu *c, uint8_t vector, unsigned type, uint32_t at, uint32_t back);
/* Likewise a fault or trap about to be delivered; `during`: its cause was the delivery noted last. */
bool vmx_leaves_fault(struct cpu *c, const struct fault *f, bool during);
void vmx_triple_fault(struct cpu *c);
/* An event's delivery faulted, or goes through a task gate: notes what it was. */
void vmx_note_delivery(struct cpu *c, uint32_t event, uint32_t code, uint32_t length);
/* A task switch to `sel`; source: 0 CALL, 1 IRET, 2 JMP, 3 a gate of the IDT. */
enum step vmx_leave_task(struct cpu *c, uint16_t sel, unsigned source, uint32_t at, uint32_t back, bool rf);
/* At a boundary: what comes before debug traps, and what comes behind them. True: it has left. */
bool vmx_due_first(struct cpu *c);
bool vmx_due(struct cpu *c);
/* A data access, or a fetch, of n bytes of one page that translates to `at`: true if it may be, at *instead; else c->fault
 * makes it leave. */
enum vmx_apic_access { VMX_APIC_READ, VMX_APIC_WRITE, VMX_APIC_FETCH, VMX_APIC_DELIVERY /* of an event: found out when it leaves */ };
enum { VMX_APIC_HOW = 12 }; /* exit qualification: 15-12 how, 11-0 offset */
bool vmx_apic(struct cpu *c, hpa_t at, unsigned n, enum vmx_apic_access how, hpa_t *instead);
/* The virtual TPR may be another: is it below the threshold? */
void vmx_tpr_stored(struct cpu *c);
/* The preemption timer: starts at VM entry, stops at VM exit, where its field may be told the rest. */
void vmx_timer_start(struct cpu *c);
void vmx_timer_stop(struct cpu *c);
/* An IRET is executed: what it does to the blocking of NMIs. */
void vmx_iret(struct cpu *c);

#endif
