/* Hosted: the hypervisor is a module of a host's kernel, which owns the machine.
 *
 * Idea 1: the host (mini-host.elf) boots on the real board, has its devices and their drivers, and runs a process for the virtual machine.
 * That process asks its kernel to run the guest; the kernel crosses to the module by code in a page that both address spaces map
 * (scenarios/guests/mini/hosting.S), real instructions that exchange control registers, descriptor tables, task register and stack.
 * They jump to the window's door, as an exit does.
 * Idea 2: an exit is then one of three kinds: the module answers it and the guest goes on; the host's kernel must have the processor (a
 * real interrupt, which its own handler serves: the module programs no device); or the guest touched a port of a device that the process
 * models, and a record in the window says so. The process's answer comes with the next call, and the instruction is finished then.
 * Idea 3: time is the host's. The module arms no timer: the guest's virtual timers are looked at when the host's tick has made it leave.
 *
 *   window offset   what
 *   2B000           the crossing page: code, put there by the host's kernel; from 2B800 on what it loads for the module
 *   2C000           the record: struct hosted_record, struct vm_run of mini's run.h
 * BUG12 (world switch), KVM07 (the call). Not here: several VMs, other techniques than hardware assist, disks and network cards in the
 * process, code that is interpreted at the process's ports (it finds nobody), saving the x87 unit for a host that uses it. */
#ifndef VMM_HOSTED_H
#define VMM_HOSTED_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/bus.h"

struct cpu_weight;
struct vcpu;
struct vm;
struct vmm;

enum { WINDOW_CROSS = 0x2B000, WINDOW_CROSS_TO = 0x2B800, WINDOW_CROSS_BACK = 0x2B840, WINDOW_RECORD = 0x2C000 };

enum hosted_why { HOSTED_NONE, HOSTED_PORT, HOSTED_HALT, HOSTED_INTERRUPT, HOSTED_WHYS }; /* to the host: why; EV_HOST's enum type "host" */
struct hosted_record { uint32_t reason, port, size, in, value, wait, vector, lines; };

/* Who answered an exit. */
enum hosted_class { HOSTED_MODULE, HOSTED_KERNEL, HOSTED_PROCESS, HOSTED_CLASSES };

struct hosted {
    struct device device;    /* stands on the virtual board at the ports of the process's devices */
    bool     on;
    bool     begun;          /* the module has been entered before */
    bool     outside;        /* the host has the processor */
    bool     answering;      /* the device above has the process's answer, or takes what is for it */
    bool     touched;        /* and was asked for it */
    uint8_t  why;            /* the processor is to go to the host before the guest goes on; HOSTED_NONE: it is not */
    uint8_t  vector;         /* of HOSTED_INTERRUPT */
    uint32_t value;          /* what the guest writes, or is to read */
    uint32_t lines;          /* interrupt lines that the process's devices hold up */
    struct { uint16_t port; uint8_t size; bool in, open, string, repeated; uint32_t length; } access; /* that the process is asked about */
    /* Counted for people: exits by who answered them, and cycles until the guest went on. */
    uint8_t  class;          /* of the exit at hand, so far */
    bool     counts;         /* it is one: not a wait */
    uint64_t since;
    uint64_t exits[HOSTED_CLASSES], cycles[HOSTED_CLASSES], waits, lost /* accesses that could not be asked about */;
};

void hosted_names(void);
/* The VM is there: its board gets the process's ports, the window the module's registers. The real processor stays the host's. */
void hosted_start(struct vmm *h);
/* The host's kernel has crossed: its guest goes on. */
void hosted_enter(struct vmm *h);
/* A guest's IN or OUT at a port of the process's: true, and the processor will go to the host. */
bool hosted_asks(struct vcpu *v, uint16_t port, unsigned size, bool in, uint32_t length);
/* Likewise INS and OUTS: one iteration for each visit to the process. */
bool hosted_asks_string(struct vcpu *v, uint16_t port, unsigned size, bool in, bool repeated);
void hosted_interrupt(struct vmm *h, uint8_t vector); /* a real one made the guest leave */
void hosted_waits(struct vmm *h);                     /* the guest sleeps */
/* The real processor stands at the way back to the host. */
void hosted_leave(struct vmm *h);
/* An exit begins; the guest goes on behind it. */
void hosted_exit(struct vmm *h);
void hosted_resume(struct vmm *h);
/* struct cpu_meter: the host's instructions are nobody's guest's, the crossing has a cause of its own. */
bool hosted_weigh(const struct vmm *h, uint32_t at, struct cpu_weight *w);

#endif
