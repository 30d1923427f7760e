/* A virtual machine: its memory, its virtual board, its virtual CPU.
 *
 * Guest-physical memory is contiguous from 0; machine memory behind it is wherever the hypervisor put it (the frame map
 * of vm->bus). The virtual board carries the same device types as the real one, wired to this VM.
 * TOUR vmm.2: what a virtual machine consists of. */
#ifndef VMM_VM_H
#define VMM_VM_H

#include "sim/core/arena.h"
#include "sim/core/bus.h"
#include "sim/core/clock.h"
#include "sim/core/cost.h"
#include "sim/io/devices.h"
#include "sim/mmu/strategy.h"
#include "sim/trace/trace.h"
#include "sim/vmm/hosted.h"
#include "sim/vmm/io_direct.h"
#include "sim/vmm/io_net.h"
#include "sim/vmm/io_passthrough.h"
#include "sim/vmm/io_strategy.h"
#include "sim/vmm/memory.h"
#include "sim/vmm/migrate.h"
#include "sim/vmm/schedule.h"
#include "sim/vmm/setting.h"
#include "sim/vmm/suspend.h"
#include "sim/vmm/vcpu.h"

struct vm {
    struct vmm *vmm;
    uint8_t  id;             /* its place in vmm.vm, and its domain's number */
    uint32_t frame, frames;  /* the machine frames that are its memory: the first (of all VMs', if memory is managed), and how many */
    /* Guest-physical memory and virtual ports. A guest that is aware has no such memory: its tables name machine frames, so
     * this shows it those that are its own, each under its own number; what it calls pseudo-physical is `pseudo`. */
    struct bus bus, pseudo;
    uint32_t most, shares;   /* frames that an aware guest may have at most: `frames` are what it begins with; its right beside others' */
    struct timeq timers;     /* of the virtual devices; run when the hypervisor has control */
    struct devices devices;  /* virtual PIC, PIT, UART, debug ports */
    struct vm_disk disk[IDE_DRIVES]; /* behind its virtual drives */
    struct vm_nic nic;       /* behind its virtual network card */
    const struct io_strategy *io; /* who programs the real devices for it */
    struct passthrough *pass; /* NULL under another way of I/O than that */
    struct vcpu vcpu;
    struct memory_vm memory;  /* if that is managed */
    struct hosted_vm hosted;  /* --host hosted */
    struct vm_account account;
    struct vm_share share;
    uint64_t exits;
    bool     background;     /* the machine need not wait for its end */
    bool     later;          /* it is over from the start, until the service domain makes a domain of it */
    bool     paused;         /* it sleeps until the service domain says otherwise (paravirt_control.c) */
    bool     interpreting;   /* the guest is in virt, and the visit was only interrupted */
    bool     exited, dead, halted;
    bool     leaves;         /* it may go to another machine, so its stores can be noted */
    bool     moving;         /* all of it is on its way to another machine, while others run here */
    bool     gone, restored; /* it went to another machine, or into a file; it came from there, and has not run here yet */
    bool     reset, off;     /* exited, by resetting itself without firmware to go on with, by turning the power off */
    uint8_t  restart;        /* 1 + RESET_CPU or RESET_BOARD: to be done, and there is firmware */
    uint32_t exit_code;      /* value written to the debug exit */
    uint8_t  why;            /* enum death, if dead */
    struct fault first;      /* the first fault of the chain that killed it */
    uint32_t dead_eip;
};

/* What the hypervisor needs of the machine it runs on. */
struct vmm_board {
    struct arena *arena;
    struct bus   *bus;       /* the board */
    struct cpu   *cpu;
    struct mmu   *mmu;
    struct clock *clock;
    const struct model *model;
    struct trace *trace;
    uint32_t      epoch;     /* the guest's clock at cycle 0, in seconds since 1970 */
    struct disk_times disk_times;
    /* Puts the firmware where a reset VM finds it, and its CPU at the first instruction; NULL: there is none. With `copy` false
     * the guest's memory still has it. */
    void (*firmware)(void *self, struct bus *memory, struct cpu *c, bool copy);
    void *firmware_self;
    uint32_t      setting[SETTINGS];     /* of the techniques: setting.def */
};

/* What a VM is to be. */
struct vm_plan {
    const char   *cpu, *mmu, *io;        /* technique, MMU strategy and way of I/O, by their names on the command line */
    uint32_t      window;                /* machine address of its window */
    uint32_t      first, frames;         /* machine frames that become its memory */
    uint32_t      most;                  /* frames that an aware guest may have some day; 0: no more than these */
    const struct disk *disk;             /* what its drives show */
    unsigned      disks;
    bool          nic;                   /* the real board has a network card, and the VM is to have one */
    uint8_t       nic_address[NET_ADDRESS];
    uint32_t      weight, cap;           /* struct vm_share */
    uint32_t      shares;                /* struct memory_vm; 0: as many as others */
    bool          background, later;
    bool          leaves;                /* struct vm */
};

struct policy;
struct vmm {
    struct vmm_board board;
    const struct policy *policy;    /* who is asked what a trapped instruction shall mean; NULL: nobody */
    struct vm *vm;                  /* all of them, in the arena */
    unsigned   vms, room;           /* how many there are; and will be */
    struct vm *now;                 /* the one whose guest the real CPU runs, or ran last */
    bool       service;             /* --io split: the first VM is the service domain, and owns the real drives */
    uint8_t    speaking;            /* id of the VM that trace events are about */
    struct schedule schedule;
    struct resident resident;       /* the block stack */
    struct resident_net *net;       /* the switch; NULL: no VM has a card */
    struct hosted hosted;           /* --host hosted: it is a host's module, and the machine is not its own */
    struct memory memory;
    bool       pooled;              /* aware guests begin with less than they may have, and the rest is given by who asks (paravirt_memory.c) */
    struct suspend suspend;
    struct migrate migrate;
    void      *common;              /* what the VMs' MMU strategies share */
    uint64_t timer_at;              /* cycle the real timer is set to fire at; TIMEQ_NEVER if not */
    uint8_t  irq_vector[2];         /* of the real 8259 pair's first inputs */
    uint16_t irq_mask;              /* of the real 8259 pair: 1 is masked */
    uint8_t  key_prefix;            /* E0 has come from the real keyboard */
    bool     idle;                  /* the guest halted: the hypervisor's idle loop runs */
    uint64_t visits;
};

/* Takes the board over, with room for that many VMs. */
struct vmm_turns { const char *scheduler; uint32_t slice_us, period_us; };
void vmm_init(struct vmm *h, const struct vmm_board *board, unsigned vms, const struct vmm_turns *turns);
/* Creates a VM: its window, virtual board and CPU, and what its strategies need. NULL: refused, the reason is in `e`. Call before
 * its image is loaded into vm_memory(). */
struct vm *vmm_add(struct vmm *h, const struct vm_plan *plan, struct err *e);
/* Where to load the guest's image. */
struct bus *vm_memory(struct vm *vm);
/* Programs the real processor and devices, starts each VM, whose virtual CPU has its boot state now, and leaves to the first one:
 * the real CPU stands at the code that resumes it. False: all is over already, as from vmm_door (their first instructions are
 * interpreted where the technique cannot run them, and may kill them). */
bool vmm_start(struct vmm *h);
/* The real CPU stands at the door: handles the exit. Returns false if the last VM that is not in the background has ended (exited,
 * dead or halted for ever). */
bool vmm_door(struct vmm *h);
/* Ends the VM; the first cause is kept. */
void vm_die(struct vcpu *v, enum death why);
/* The guest shut its CPU down: `first` began it, at `eip`. Ends the VM, unless its firmware was told where to go on (CMOS 0Fh). */
void vm_shutdown(struct vcpu *v, struct fault first, uint32_t eip);

#endif
