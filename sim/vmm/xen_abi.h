/* The paravirtual interface as numbers: Xen 3 for x86-32, with and without PAE. Only what both sides of a hypercall must agree on.
 *
 * All structures are the guest's bytes, little-endian, i386 alignment (64-bit members on 4 bytes). Layouts of shared memory are
 * given as offsets, because they are read and written where they lie, in machine memory. Xen 3 public headers and interface
 * manual; the October 2003 numbering is another era and not offered. */
#ifndef VMM_XEN_ABI_H
#define VMM_XEN_ABI_H

#include <stdint.h>

enum { XEN_GATE = 0x82, XEN_MAJOR = 3, XEN_MINOR = 1, XEN_CALLS = 64 /* slots of the hypercall page that are filled */ };

enum { /* errors: hypercalls return them negated */
    XEN_EPERM = 1, XEN_ENOENT = 2, XEN_ESRCH = 3, XEN_E2BIG = 7, XEN_EAGAIN = 11, XEN_ENOMEM = 12, XEN_EACCES = 13, XEN_EFAULT = 14, XEN_EBUSY = 16,
    XEN_EEXIST = 17, XEN_EINVAL = 22, XEN_ENOSPC = 28, XEN_ENOSYS = 38, XEN_EOPNOTSUPP = 95
};

enum { /* domains */
    XEN_DOM_SELF = 0x7FF0, XEN_DOM_IO = 0x7FF1, XEN_DOM_XEN = 0x7FF2,
    XEN_DOM_ME = 1,     /* the guest: an ordinary domain */
    XEN_DOM_SERVICE = 0 /* the other end of its console and store */
};

/* Selectors of the reserved part of every GDT: pages 14 and 15 of 16. */
enum {
    XEN_RING1_CS = 0xE019, XEN_RING1_DS = 0xE021, XEN_RING3_CS = 0xE02B, XEN_RING3_DS = 0xE033,
    XEN_FIRST_SELECTOR = 0xE000, XEN_GDT_PAGES = 14
};
#define XEN_SEGMENT_END 0xFC400000u /* guest segments end behind the machine-to-physical table */
#define XEN_PAE_SEGMENT_END 0xF6800000u

/* struct shared_info */
enum {
    SHARED_VCPU = 0 /* 32 of 64 bytes */, SHARED_PENDING = 0x800, SHARED_MASK = 0x880, SHARED_WC_VERSION = 0x900,
    SHARED_WC_SEC = 0x904, SHARED_WC_NSEC = 0x908, SHARED_MAX_PFN = 0x90C, SHARED_P2M_LIST = 0x910,
    VCPU_SIZE = 64, VCPU_INFOS = 32,
    VCPU_UPCALL_PENDING = 0, VCPU_UPCALL_MASK = 1, VCPU_SELECTOR = 4, VCPU_CR2 = 8,
    VCPU_TIME_VERSION = 32, VCPU_TSC = 40, VCPU_SYSTEM_TIME = 48, VCPU_TSC_MUL = 56, VCPU_TSC_SHIFT = 60
};
enum { XEN_CHANNELS = 1024 };

enum { XEN_UVMF_FLUSH = 1, XEN_UVMF_INVLPG = 2, XEN_UVMF_TYPE = 3, XEN_UVMF_ALL = 4 };
enum { XEN_MMU_NORMAL, XEN_MMU_MACHPHYS, XEN_MMU_PRESERVE_AD };
#define XEN_MMU_PREEMPTED 0x80000000u
enum {
    XEN_PIN_L1, XEN_PIN_L2, XEN_PIN_L3, XEN_PIN_L4, XEN_UNPIN, XEN_NEW_BASE, XEN_FLUSH_LOCAL, XEN_INVLPG_LOCAL, XEN_FLUSH_MULTI,
    XEN_INVLPG_MULTI, XEN_FLUSH_ALL, XEN_INVLPG_ALL, XEN_FLUSH_CACHE, XEN_SET_LDT, XEN_NEW_USER_BASE = 15, XEN_CLEAR_PAGE, XEN_COPY_PAGE
};
enum {
    XEN_MEM_INCREASE, XEN_MEM_DECREASE, XEN_MEM_MAX_PAGE, XEN_MEM_CURRENT, XEN_MEM_MAXIMUM, XEN_MEM_M2P_LIST, XEN_MEM_POPULATE,
    XEN_MEM_MAP = 9, XEN_MEM_M2P_MAPPING = 12,
    XEN_MEM_SHIFT = 4, XEN_MEM_MASK = 15 /* the operation; above it, how many extents were done before */
};
enum { XEN_ASSIST_ENABLE, XEN_ASSIST_DISABLE };
enum { XEN_ASSIST_4GB, XEN_ASSIST_4GB_NOTIFY, XEN_ASSIST_WRITABLE_TABLES, XEN_ASSIST_PAE_CR3 /* L3s above 4 GB: there is no such memory */ };
enum { XEN_FEATURE_PAE_CR3 = 4 /* a bit of submap 0: the same */ };
enum { XEN_SCHED_YIELD, XEN_SCHED_BLOCK, XEN_SCHED_SHUTDOWN, XEN_SCHED_POLL, XEN_SCHED_REMOTE_SHUTDOWN, XEN_POLL_MOST = 128 };
enum { XEN_SHUTDOWN_OFF, XEN_SHUTDOWN_REBOOT, XEN_SHUTDOWN_SUSPEND, XEN_SHUTDOWN_CRASH };
enum {
    XEN_EVTCHN_BIND_INTERDOMAIN, XEN_EVTCHN_BIND_VIRQ, XEN_EVTCHN_BIND_PIRQ, XEN_EVTCHN_CLOSE, XEN_EVTCHN_SEND, XEN_EVTCHN_STATUS,
    XEN_EVTCHN_ALLOC_UNBOUND, XEN_EVTCHN_BIND_IPI, XEN_EVTCHN_BIND_VCPU, XEN_EVTCHN_UNMASK, XEN_EVTCHN_RESET
};
enum { XEN_VIRQ_TIMER, XEN_VIRQ_DEBUG, XEN_VIRQ_CONSOLE, XEN_VIRQ_XENOPROF = 7, XEN_VIRQ_SUSPEND = 16 /* the first of the architecture's */, XEN_VIRQS = 24, XEN_PIRQS = 256 };
enum { /* vcpu_op */
    XEN_VCPU_INITIALISE, XEN_VCPU_UP, XEN_VCPU_DOWN, XEN_VCPU_IS_UP, XEN_VCPU_RUNSTATE, XEN_VCPU_RUNSTATE_AREA, XEN_VCPU_PERIODIC,
    XEN_VCPU_STOP_PERIODIC, XEN_VCPU_SINGLESHOT, XEN_VCPU_STOP_SINGLESHOT, XEN_VCPU_INFO
};
enum { XEN_CALLBACK_REGISTER, XEN_CALLBACK_UNREGISTER };
enum { XEN_CALLBACK_EVENT, XEN_CALLBACK_FAILSAFE };
enum { XEN_CONSOLE_WRITE, XEN_CONSOLE_READ };

struct xen_trap_info {
    uint8_t  vector, flags; /* bits 1-0: DPL; bit 2: mask events on entry */
    uint16_t cs;
    uint32_t address;
};
enum { XEN_TRAP_DPL = 3, XEN_TRAP_MASKS = 4 };

struct xen_mmu_update { uint32_t ptr, ptr_high, val, val_high; };
struct xen_mmuext_op { uint32_t cmd, arg1, arg2; };
struct xen_multicall_entry { uint32_t op, result, arg[6]; };
struct xen_reservation { uint32_t extents, count, order, address_bits; uint16_t domain, unused; };

/* struct start_info */
enum { XEN_PRIVILEGED = 1, XEN_INITIAL = 2 /* of its flags */ };
struct xen_start_info {
    char     magic[32];
    uint32_t nr_pages, shared_info, flags, store_mfn, store_evtchn, console_mfn, console_evtchn;
    uint32_t pt_base, nr_pt_frames, mfn_list, mod_start, mod_len;
    char     cmd_line[1024];
};
#define XEN_MAGIC "xen-3.0-x86_32"
#define XEN_PAE_MAGIC "xen-3.0-x86_32p"

#endif
