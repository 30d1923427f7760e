/* Paravirtualization, inside: a domain of a Xen 3 x86-32 hypervisor, and the files that serve it.
 *
 * Idea 1: the guest kernel was changed to know that it runs in ring 1. What cannot be virtualised it does not do; what it needs
 * it asks for, by INT 82h. So nothing is emulated, save a few privileged instructions that Xen, too, kept forgiving.
 * Idea 2: the guest sees machine frames. vm->bus, over which v->virt looks at the guest's memory, maps every frame that the
 * domain owns or was lent to itself and nothing else; pseudo-physical memory (vm->pseudo) is only where images are loaded.
 * v->virt holds the guest's registers as they really are: selectors with RPL 1, CPL 1.
 * Idea 3: pointers from the guest are linear addresses, read and written by the hypervisor through the real MMU with the
 * rights of ring 1 and never at or above the hole: what the guest may not touch, it cannot have touched for it.
 *
 *   hole          FC000000 machine-to-physical table (read-only)    FF800000 GDT, 16 pages    FF810000 LDT, 16 pages
 *   (direct_hole)                                                   FFC00000 the window (window.h)
 *   with PAE      F5800000
 *
 * GDT pages 0-13 are the guest's own frames; 14 and 15 are the last two of the window's table, with the flat selectors E019 to
 * E033 at its beginning and the hypervisor's own at its end. LDT pages are mapped when the CPU first looks for them.
 * Xen 3 public headers; SOSP03 3. Not modelled: several vCPUs, virtual-8086 tasks, privileged domains. Between a domain
 * with PAE and one without paging would be off for a moment, in a page that is mapped to itself; here CR4 and CR3 change at once.
 * TOUR vmm.10: the third: a kernel that asks. */
#ifndef VMM_PARAVIRT_H
#define VMM_PARAVIRT_H

#include "sim/mmu/direct.h"
#include "sim/vmm/save_file.h"
#include "sim/vmm/vm.h"
#include "sim/vmm/xen_abi.h"

#define PV_DOMAIN_AREA 0xFF800000u
enum { PV_LDT_OFFSET = 0x10000, PV_TABLE_PAGES = 16, PV_GRANT_FRAMES = 4, PV_MAPS = 256 };

struct pv_far { uint32_t cs, eip; };

enum pv_channel_state { CHANNEL_CLOSED, CHANNEL_UNBOUND, CHANNEL_INTERDOMAIN, CHANNEL_PIRQ, CHANNEL_VIRQ, CHANNEL_IPI };
struct pv_channel {
    uint8_t  state;  /* enum pv_channel_state: what EVTCHNOP_status reports */
    uint16_t domain; /* unbound, interdomain: the other end's */
    uint32_t other;  /* interdomain: its port; VIRQ, PIRQ: its number */
    bool     served; /* interdomain: the hypervisor itself is the other end */
};

struct pv_map { uint32_t ref, frame; uint16_t domain; /* whose grant */ uint8_t flags; /* as asked for; 0: this handle is free */ };
enum { PV_MAP_DEVICE = 1, PV_MAP_HOST = 2, PV_MAP_READONLY = 4, PV_MAP_USER = 8, PV_MAP_ENTRY = 16 };

struct pv_image {
    uint32_t virt_base, entry;   /* linear addresses */
    uint32_t end;                /* pseudo-physical, of the image */
    uint32_t hypercall_page;     /* linear; 0: none */
    uint32_t mod_start, mod_len; /* pseudo-physical place and size of the initial RAM disk */
    const char *cmdline;
    bool     pae;                /* its page tables have entries of 8 bytes */
};

struct paravirt {
    struct vcpu *v;
    struct direct *mmu;
    uint32_t area;             /* frames: the page table of PV_DOMAIN_AREA, ... */
    uint32_t m2p_table;        /* that of the hole's beginning */
    uint32_t shared;           /* struct shared_info */
    uint32_t m2p, m2p_frames;  /* the machine-to-physical table */
    uint32_t grant;            /* the grant table's first frame */
    uint32_t console, store;   /* rings with the service domain */
    uint32_t console_port, store_port;
    bool     input_waits;      /* the console's ring was full when characters came */

    struct xen_trap_info trap[256];
    uint32_t kernel_ss, kernel_sp;
    struct pv_far event, failsafe;
    bool     failsafe_masks;
    uint32_t gdt_frame[XEN_GDT_PAGES], gdt_frames;
    uint32_t ldt_base, ldt_entries;
    uint32_t ldt_mapped;       /* pages that are, as bits */
    uint32_t assists;          /* enabled, as bits */
    uint32_t iopl;             /* as physdev_op sets it */
    bool     no_result;        /* the hypercall being served has set EAX itself */
    uint64_t until;            /* cycle: a call of many parts stops then, and goes on when it is made again; 0: it need not */
    struct { bool set; uint32_t arg[6]; } more; /* the call being served did, and is to be made again with these arguments */

    struct pv_channel channel[XEN_CHANNELS];
    uint16_t virq_port[XEN_VIRQS], pirq_port[16];
    struct pv_map map[PV_MAPS]; /* of grants, by handle */
    uint32_t limit;            /* frames that it may have now: what a balloon driver makes true (paravirt_memory.c) */
    uint64_t asked;            /* system time when it was promised more */
    struct { bool driver; uint64_t given, taken, refused; } balloon; /* somebody asks for the limit; frames given back, taken, asked for in vain */
    bool     polls;            /* blocked in sched_op poll ... */
    uint32_t polled, poll_port[XEN_POLL_MOST];
    struct timer singleshot, periodic, poll_timer;
    struct { uint64_t sent, ports, interrupts, maps, copies, copied; } stats; /* notifications, port accesses, ..., bytes copied by grants */
    struct pv_image image;     /* the service domain's, and what was loaded: to build it anew; with split.control=1 others' as well, else kept is NULL for them */
    uint8_t *kept;
    uint8_t  domctl;           /* the last command of its control interface, for the history */
    bool     loading;          /* it is over, its memory was emptied and gets an image */
    bool     fresh;            /* it was built while another domain had the processor, and has not started */
    uint32_t kept_bytes, lives, vain; /* vain: of a service domain, lives in a row that were of no use to anybody */
    uint64_t sent;             /* notifications, when it was built last */
    struct { uint64_t asked; uint32_t record; bool raised, stands; } suspend; /* system time; start_info's frame; it was told; it has suspended itself */
    uint64_t period, ticked;   /* ns between ticks, 0: none; system time of the last one */
};

typedef int32_t pv_call(struct paravirt *p, const uint32_t arg[6]);
#define CALL(number, e, name, args, function, about) pv_call function;
#include "sim/vmm/hypercall.def"
#undef CALL

struct pv_call_row { const char *name, *about; uint8_t args; pv_call *function; };
const struct pv_call_row *pv_call_row(uint32_t number); /* NULL: there is none */
void pv_names(void); /* registers the trace's enum types "hypercall" and "rule" */

/* ---- paravirt.c */
/* The hypervisor's entries of every directory, in tables of that format: before the domain has any. */
void pv_hypervisor_tables(struct paravirt *p, bool pae);

/* ---- paravirt_call.c */
void    pv_hypercall(struct paravirt *p);                                  /* INT 82h was executed; EAX is the number */
/* One call, as INT 82h or multicall makes it. Emits HYPERCALL. */
int32_t pv_serve(struct paravirt *p, uint32_t number, const uint32_t arg[6]);
/* For calls of many parts, after each: has the caller had the processor long enough? */
bool    pv_long(const struct paravirt *p);
/* The call ends here, and the guest makes it again with these arguments; what was done must not be done twice. */
int32_t pv_continue(struct paravirt *p, uint32_t a, uint32_t b, uint32_t c, uint32_t d);

/* ---- paravirt_copy.c: guest memory by linear address, as the guest itself could reach it. Charges the memory system. */
bool pv_read(struct paravirt *p, uint32_t at, void *to, uint32_t n);       /* false: -EFAULT */
bool pv_write(struct paravirt *p, uint32_t at, const void *from, uint32_t n);
/* A word of a frame that the hypervisor knows by number. */
uint32_t pv_frame_read(const struct paravirt *p, uint32_t frame, uint32_t offset, unsigned size);
void     pv_frame_write(const struct paravirt *p, uint32_t frame, uint32_t offset, unsigned size, uint32_t value);
uint32_t pv_shared(const struct paravirt *p, uint32_t offset, unsigned size);
void     pv_set_shared(const struct paravirt *p, uint32_t offset, unsigned size, uint32_t value);
void     pv_charge(const struct paravirt *p, enum cost cost);

/* ---- paravirt_mmu.c */
void pv_load_base(struct paravirt *p);                                     /* CR3 follows the directory of direct paging */
void pv_reload_base(struct paravirt *p);                                   /* the same again: the guest did not ask for it */
int32_t pv_new_base(struct paravirt *p, uint32_t frame);
int32_t pv_error(enum direct_rule rule);                                   /* a broken rule as a hypercall's result */
void pv_set_m2p(struct paravirt *p, uint32_t frame, uint32_t pfn);
bool pv_pae(const struct paravirt *p);                                     /* its page tables have entries of 8 bytes */
void pv_settle_base(struct paravirt *p);                                   /* an L3 in use may have changed: its entries are loaded */

/* ---- paravirt_memory.c: frames given back and asked for */
void pv_memory_init(struct paravirt *p);
void pv_memory_over(struct paravirt *p);                                   /* where memory is pooled, all of the domain's is free again */

/* ---- paravirt_segment.c */
void pv_segments_init(struct paravirt *p);                                 /* the area's tables; GDTR and LDTR */
void pv_load_tables(struct paravirt *p);                                   /* GDTR and LDTR of the real processor */
bool pv_descriptor(struct paravirt *p, uint16_t selector, uint32_t d[2]);  /* as the CPU would find it */
bool pv_set_descriptor(struct paravirt *p, uint16_t selector, const uint32_t d[2]); /* one that was judged, where the CPU finds it; false: there is none, or it is the hypervisor's */
bool pv_judge_descriptor(const struct paravirt *p, uint32_t d[2]);         /* may a guest have it? Corrects DPL and limit */
uint32_t pv_segment_end(const struct paravirt *p);                         /* guest segments end there */
uint64_t pv_area_entry(const struct paravirt *p, uint32_t page);           /* of the area's page table */
bool pv_judge_descriptors(void *p, uint32_t frame);                        /* all 512 of a frame */
bool pv_gate_selector(uint32_t selector);                                  /* may a handler's CS be this? */
uint32_t pv_ring1(uint32_t selector);                                      /* RPL at least 1 */
/* A page fault in the area of the tables, by the CPU for the guest: true if it is mended; else *f is the guest's to see. */
bool pv_table_fault(struct paravirt *p, uint32_t at, uint32_t code, struct fault *f);
void pv_drop_tables(struct paravirt *p);                                   /* GDT and LDT: none of its frames is in use as such */
void pv_forget_ldt(struct paravirt *p);                                    /* its pages are looked up anew when they are used */
int32_t pv_take_gdt(struct paravirt *p, const uint32_t *frame, uint32_t n); /* instead of the one it had */
int32_t pv_set_ldt(struct paravirt *p, uint32_t base, uint32_t entries);
bool pv_can_return(struct paravirt *p);                                    /* would IRET to v->virt succeed? */
bool pv_load_data_segments(struct paravirt *p);                            /* false: one of them is bad */

/* ---- paravirt_bounce.c: frames on the guest kernel's stack */
void pv_bounce(struct paravirt *p, struct fault f);                        /* an exception: to the trap table's handler */
void pv_soft_int(struct paravirt *p, uint8_t vector);                      /* INT n whose gate is closed; EIP at the INT */
void pv_upcall(struct paravirt *p);                                        /* events: to the event callback */
void pv_failsafe(struct paravirt *p);
void pv_init_int80(struct paravirt *p);                                    /* the direct gate, or none */

/* ---- paravirt_event.c */
void pv_raise(struct paravirt *p, uint32_t port);                          /* a channel becomes pending */
void pv_raise_virq(struct paravirt *p, unsigned virq);
void pv_events_init(struct paravirt *p);

void pv_close_all(struct paravirt *p);                                     /* all of its channels */

/* ---- paravirt_grant.c */
void pv_unmap_all(struct paravirt *p);                                     /* all that it has mapped of others' */

/* ---- paravirt_physical.c: the service domain's devices */
bool    pv_is_service(const struct paravirt *p);
bool    pv_port(struct paravirt *p, const struct insn *i);                 /* a port instruction of its kernel; false: #GP */
int32_t pv_bind_pirq(struct paravirt *p, uint32_t irq, uint32_t port);     /* the real line raises that channel from now on */
void    pv_close_pirq(struct paravirt *p, uint32_t irq);
bool    pv_physical(struct paravirt *p, unsigned irq);                     /* a real interrupt: an event, if it is bound here */

/* ---- paravirt_domain.c */
uint16_t pv_id(const struct paravirt *p);                                  /* its number, as the interface has it */
struct vm *pv_vm(const struct vmm *h, uint32_t domain);                    /* NULL: no VM has that number */
bool pv_is_me(const struct paravirt *p, uint32_t domain);
struct paravirt *pv_domain(const struct paravirt *p, uint32_t domain);     /* NULL: there is none, it ended or is no domain */
bool pv_lent(const void *pv, uint32_t frame, bool write);                  /* struct direct.lent */
void pv_over(struct vcpu *v);                                              /* the VM ended, others go on */

/* ---- paravirt_suspend.c: the kernel is asked to leave */
enum pv_ready { PV_READY, PV_WAITS, PV_NEVER };
/* Somebody wants the domain: does it stand still, with nothing in it that means something only here? PV_NEVER: *why says so. */
enum pv_ready pv_suspend_ready(struct paravirt *p, const char **why);
const char *pv_cannot_leave(const struct paravirt *p);                     /* why it could not if it were asked; NULL: it could */
enum { PV_BOOTS = 20 /* ms that a kernel has until it can */ };
int32_t pv_suspends(struct paravirt *p, uint32_t record);                  /* SCHEDOP_shutdown(suspend), by one that was asked */
void    pv_goes_on(struct paravirt *p);                                    /* nobody took it */

/* ---- paravirt_log.c: which pages it stores to */
void pv_log_init(struct paravirt *p, uint32_t first);                      /* frames from there on, in the window, may be for tables */
void pv_log(struct paravirt *p, bool on);                                  /* from now on, anew; or no longer */
uint32_t pv_root(const struct paravirt *p);                                /* frame of what the processor's CR3 names */
void pv_stored(const struct paravirt *any, uint32_t frame);                /* somebody stores to that frame */
void pv_noted(void *pv, uint32_t frame);                                   /* the same, for struct direct */
void pv_log_lent(const struct paravirt *p);                                /* what others may be storing to counts as stored to */
bool pv_log_fault(struct paravirt *p, uint32_t at, uint32_t *code);        /* true: mended, it was nobody's; else *code is as the guest's own tables have it */

/* ---- paravirt_save.c: the domain in page numbers */
enum { PV_KIND = 0xF, PV_KIND_PLAIN = 0, PV_KIND_LIST = 8, PV_KIND_ABSENT = 15, PV_KIND_PINNED = 0x80 }; /* others: enum direct_type */
#define PV_LIST_PAGE 0x80000000u /* in a word of the list: a page number */
#define PV_TAG SAVE_TAG('D', 'O', 'M', 'N')
#define PV_TAG_MEMORY SAVE_TAG('P', 'A', 'G', 'E')
struct pv_pages { uint32_t *frame, *page; uint8_t *kind; }; /* by page number: frame, kind; by frame: its page. UINT32_MAX: none */
bool pv_pages(const struct paravirt *p, struct pv_pages *all);             /* from the kernel's own list; false: there is none that fits */
void pv_pages_free(struct pv_pages *all);
/* A page as it travels; false: a table maps what is not the domain's, and such entries are 0. Costs no cycle. */
bool pv_canonical(const struct paravirt *p, const struct pv_pages *all, uint32_t pfn, uint8_t to[PAGE_SIZE]);
struct pv_state { /* by page number: start_info, CR3's table, the first page of the list ... */
    uint32_t pages, record, base, list, store, console, kernel_ss, kernel_sp, failsafe_masks, gdt_frames, gdt[XEN_GDT_PAGES], ldt_base, ldt_entries, assists;
    struct pv_far event, failsafe;
    struct xen_trap_info trap[256];
};
void pv_save(const struct paravirt *p, bool memory, struct text *file);

/* ---- paravirt_restore.c */
bool pv_arrives(struct paravirt *p);                                       /* its frames are empty, for what will come */
bool pv_restore(struct vm *vm, bool memory, const struct text *file, struct state_reader *r); /* false: r->why, or a part is missing */
void pv_restored(struct paravirt *p);

/* ---- paravirt_time.c */
void pv_time_init(struct paravirt *p);
void pv_time_update(struct paravirt *p);                                   /* the vcpu's time record in shared memory */
void pv_wake(struct paravirt *p);                                          /* the guest is blocked no longer */
uint64_t pv_now(const struct paravirt *p);                                 /* system time: ns since boot */

/* ---- paravirt_console.c */
bool pv_console_is_split(const struct paravirt *p);                        /* the service domain has its other end */
void pv_console_notify(struct paravirt *p);                                /* the guest signalled: its ring has text, or room */
void pv_console_input(struct paravirt *p);                                 /* characters came over the real UART */

/* ---- paravirt_emulate.c: a privileged instruction of the guest kernel that Xen forgives; false: #GP is the guest's */
bool pv_emulate(struct paravirt *p);
bool pv_emulate_cpuid(struct paravirt *p);                                 /* the forced CPUID: UD2 "xen" CPUID */

/* ---- paravirt_around.c: an access beyond a segment that would reach around 4 GB, after which it is tried again; false: its fault is the guest's */
bool pv_reach_around(struct paravirt *p);

/* ---- paravirt_tables.c: a store of the guest kernel's into its tables, checked and done; false: its page fault */
bool pv_table_store(struct paravirt *p, uint32_t at, uint32_t code);
/* Before anything looks at tables: the one that is unhooked is judged and put back. False: the domain is dead, perhaps of that. */
bool pv_rehook(struct paravirt *p);

/* ---- paravirt_again.c: the service domain ended, and begins once more */
void pv_keep_image(struct paravirt *p, const struct pv_image *i);          /* its image is loaded: put it aside */
void pv_start_again(struct paravirt *p);                                   /* the processor is its */
bool pv_again(struct vcpu *v);                                             /* false: it cannot, or has too often */
void pv_give_up(struct vmm *h);                                             /* the service domain is over for good: so are its guests */
bool pv_empty(struct paravirt *p);                                         /* its frames are zeros, if nobody uses any; the VM is over */
bool pv_rebuild(struct paravirt *p, const struct pv_image *i, struct err *e); /* what they hold becomes a domain, which starts when it gets the processor */
bool pv_build_again(struct vcpu *v);                                       /* the same, while another has the processor: it starts when it gets that */

/* ---- paravirt_load.c: a part of pv_domctl: a domain that is over is made of an image of the service domain's; arg: the structure */
int32_t pv_load_domain(struct paravirt *p, struct vm *vm, uint32_t command, uint32_t arg);

/* ---- paravirt_check.c: what must hold whatever the guest did. For tests: false, and a sentence in `why`. Costs no cycle. */
bool pv_check(const struct paravirt *p, char *why, unsigned room);

/* ---- paravirt_build.c: start of day */
/* Builds tables, lists and start_info behind the image, which is loaded; v->virt gets its boot state. */
void pv_introduce(struct paravirt *p);                                     /* channels and grants to the service domain */
bool pv_build(struct vm *vm, const struct pv_image *image, struct err *e);

#endif
