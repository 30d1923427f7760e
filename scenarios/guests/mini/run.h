// What a virtual machine's process and the hypervisor's module tell each other when the one runs the other's processor.
//
// Idea: SYS_RUN is given one of these, and comes back with the reason why the guest stopped: the process does what its devices
// would, and calls again. KVM's kvm_run, and the page that hosted VMware shares with its module, are of this kind.
// Not here: which ports are the process's; sim/vmm/hosted.h says so.
#ifndef MINI_RUN_H
#define MINI_RUN_H

#include <stdint.h>

enum { RUN_PORT = 1, RUN_HALT, RUN_INTERRUPT /* the kernel's affair: nothing a process sees */ };

struct vm_run {
    uint32_t reason;
    uint32_t port, size, in;  // RUN_PORT: an access to a port of the process's; in: 1, a read
    uint32_t value;           // what the guest wrote; or the answer, in the next call
    uint32_t wait;            // RUN_HALT: the guest's next timer, in microseconds
    uint32_t vector;          // RUN_INTERRUPT: a real interrupt, acknowledged by the processor when the guest left
    uint32_t lines;           // to the module: interrupt lines that the process's devices hold up, a bit each
};

#endif
