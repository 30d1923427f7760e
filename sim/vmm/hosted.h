/* Hosted: the hypervisor is a module of a host's kernel, which owns the machine.
 *
 * Idea 1: the host (mini-host.elf) boots on the real board, has its devices and their drivers, and runs a process for each virtual machine.
 * That process asks its kernel to run the guest; the kernel crosses to the module by code in a page that both address spaces map
 * (scenarios/guests/mini/hosting.S), real instructions that exchange control registers, descriptor tables, task register and stack.
 * They jump to the window's door, as an exit does.
 * Idea 2: an exit is then one of three kinds: the module answers it and the guest goes on; the host's kernel must have the processor (a
 * real interrupt, which its own handler serves: the module programs no device); or the guest touched a port of a device that the process
 * models, and a record in the window says so. The process's answer comes with the next call, and the instruction is finished then.
 * Idea 3: time is the host's, and so is the scheduler. The module arms no timer: the guest's virtual timers are looked at when the host's
 * tick has made it leave. It runs whose window the processor came through; if that is another VM than the last, worlds are switched.
 *
 *   window offset   what
 *   2B000           the crossing page: code, put there by the host's kernel; from 2B800 on what it loads for the module
 *   2C000           the record: struct hosted_record, rows of hosted_store, HOSTED_DATA bytes; struct vm_run of mini's run.h
 *   2C800           in the first VM's window: where each VM's window and memory are, struct hosted_place
 * With hardware assist what the guest runs on stays in the processor while the host has it; a technique below ring 0 has descriptor tables,
 * breakpoints and page tables there that the module must exchange as well: it is away at every crossing (struct cpu_strategy).
 * BUG12 (world switch), KVM07 (the call). Not here: network cards in the process, saving the x87 unit for a host that uses it.
 * TOUR vmm.17: the hypervisor as a module of a host. */
#ifndef VMM_HOSTED_H
#define VMM_HOSTED_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/bus.h"

struct cpu_weight;
struct devices_wiring;
struct vcpu;
struct vm;
struct vmm;

enum { WINDOW_CROSS = 0x2B000, WINDOW_CROSS_TO = 0x2B800, WINDOW_CROSS_BACK = 0x2B840, WINDOW_RECORD = 0x2C000, WINDOW_PLACES = 0x2C800 };

/* To the host: why; EV_HOST's enum type "host". */
enum hosted_why { HOSTED_NONE, HOSTED_PORT, HOSTED_HALT, HOSTED_INTERRUPT, HOSTED_AGAIN /* it is being interpreted for long */, HOSTED_OVER, HOSTED_WHYS };
enum { HOSTED_DATA = 512, HOSTED_STORES = 16, HOSTED_VMS = 16 };
struct hosted_record { uint32_t reason, port, size, in, value, wait, vector, lines, count, stores, over, status; };
struct hosted_store { uint32_t at, size; };
struct hosted_place { uint32_t window, memory, bytes, cr4; };

/* Who answered an exit. */
enum hosted_class { HOSTED_MODULE, HOSTED_KERNEL, HOSTED_PROCESS, HOSTED_CLASSES };

/* Of each VM. */
struct hosted_vm {
    struct device device;    /* stands on the virtual board at the ports of the process's devices */
    struct vm *vm;
    bool     placed;         /* it is at its ports */
    bool     begun;          /* the module has been entered for it before */
    bool     answering;      /* the device above has the process's answer, or takes what is for it */
    bool     touched;        /* and was asked for it */
    uint8_t  why;            /* the processor is to go to the host before the guest goes on; HOSTED_NONE: it is not */
    uint8_t  vector;         /* of HOSTED_INTERRUPT */
    uint8_t  owed;           /* a vector that came while an exit was on its way: the host has it first, and then `later`; 0: none */
    uint8_t  told, later;    /* why the host has the processor, and what it is to be asked next */
    uint16_t master;         /* ports of the IDE function's bus masters; 0: nowhere */
    uint32_t value;          /* what the guest writes, or is to read */
    uint32_t lines;          /* interrupt lines that the process's devices hold up */
    uint32_t cr2;            /* the guest's, while the host has the register */
    struct { uint16_t port; uint8_t size; bool in, open, string, repeated; uint32_t length; } access; /* that the process is asked about */
    uint32_t count, next;    /* of a string instruction: elements of `data`, and which is the next to be read */
    uint8_t  data[HOSTED_DATA];
    /* For the counts: */
    uint8_t  class;          /* of the exit at hand, so far */
    bool     counts;         /* it is one: not a wait */
    uint64_t disk_accesses, disk_commands, disk_interrupts; /* of the process's drives, for people */
    uint64_t mine, since;    /* cycles that were spent for it, also by the host behind its exits; as many when the exit began */
};

struct hosted {
    bool     on;
    bool     outside;        /* the host has the processor */
    uint64_t mark;           /* until when `mine` has been added to, of the VM that ran last */
    /* Counted for people: exits by who answered them, and cycles until the guest went on, but for those that were other VMs'. */
    uint64_t exits[HOSTED_CLASSES], cycles[HOSTED_CLASSES], waits, lost /* accesses that could not be asked about */;
};

void hosted_names(void);
/* While the VM is made: its virtual board has no IDE function's ports, they are the process's. */
void hosted_wire(struct vm *vm, struct devices_wiring *w);
void hosted_take_ports(struct vm *vm); /* and once the other devices are there: the process's */
/* The VMs are there: their boards get the process's ports, the windows the module's registers. The real processor stays the host's. */
void hosted_start(struct vmm *h);
/* The host's kernel has crossed: whose guest is to go on? And it goes on: the worlds are switched if that is another one than the last. */
struct vm *hosted_crossed(struct vmm *h);
void hosted_away(struct vmm *h);
void hosted_enter(struct vmm *h, struct vm *vm);
/* The VM that the processor is here for; NULL: it is to go to the host. */
struct vm *hosted_next(struct vmm *h);
/* A guest's IN or OUT at a port of the process's: true, and the processor will go to the host. */
bool hosted_asks(struct vcpu *v, uint16_t port, unsigned size, bool in, uint32_t length);
/* Likewise INS and OUTS, many iterations at once. */
bool hosted_asks_string(struct vcpu *v, uint16_t port, unsigned size, bool in, bool repeated);
/* Likewise the instruction at the guest's EIP, which is to be interpreted, if it is one of these and allowed. */
bool hosted_steps(struct vcpu *v);
void hosted_interrupt(struct vmm *h, uint8_t vector); /* a real one made the guest leave */
void hosted_again(struct vm *vm);                     /* the guest is interpreted for long */
/* The real processor stands at the way back to the host. */
void hosted_leave(struct vmm *h);
/* The process's answer has come: the instruction is finished. */
void hosted_answered(struct vcpu *v, const struct hosted_record *r);
/* Of the guest's IN or OUT: the record tells the process about it, and its data. */
void hosted_tells(struct hosted_vm *t, struct hosted_record *r);
/* An exit begins; the guest goes on behind it. */
void hosted_exit(struct vmm *h);
void hosted_resume(struct vmm *h);
/* struct cpu_meter: is the instruction at a window offset the crossing's? */
bool hosted_weigh(uint32_t offset, struct cpu_weight *w);

#endif
