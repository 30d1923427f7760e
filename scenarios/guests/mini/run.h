// What the processes of virtual machines ask their kernel, and what such a process and the hypervisor's module tell each other when the
// one runs the other's processor.
//
// Idea: VM_RUN is given a record, and comes back with the reason why the guest stopped: the process does what its devices would, and
// calls again. KVM's kvm_run, and the page that hosted VMware shares with its module, are of this kind. The guest's memory is in the
// process's address space, at RUN_MEMORY, so its devices store where a bus master would; the kernel's driver does, too.
// Not here: which ports are the process's; sim/vmm/hosted_port.c says so.
#ifndef MINI_RUN_H
#define MINI_RUN_H

#include <stdint.h>

// SYS_VM: what, which virtual machine, a record of the caller's.
enum vm_call {
    VM_MEMORY,      // maps the guest's memory; how many bytes it has
    VM_RUN,         // struct vm_run
    VM_DISK,        // struct vm_disk; with `count` 0: how many sectors the virtual machine has of that drive
    VM_LINE,        // struct vm_text, to the virtual machine's serial line
    VM_TYPED,       // the next character that came over that line; negative: there is none
    VM_DRAIN,       // until all lines have sent what they had
};

enum { RUN_PORT = 1, RUN_HALT, RUN_INTERRUPT, RUN_AGAIN /* the kernel's affair, these two: a process sees them if something was typed */, RUN_OVER };
enum { RUN_STORES = 16, RUN_DATA = 512, RUN_MASTERS = 0xC000 /* the bus masters' ports, wherever the guest has them */ };
#define RUN_MEMORY 0xD0000000u

struct vm_run {
    uint32_t reason;
    uint32_t port, size, in;  // RUN_PORT: an access to a port of the process's; in: 1, a read
    uint32_t value;           // what the guest wrote; or the answer, in the next call
    uint32_t wait;            // RUN_HALT: the guest's next timer, in microseconds
    uint32_t vector;          // RUN_INTERRUPT: a real interrupt, acknowledged by the processor when the guest left
    uint32_t lines;           // to the module: interrupt lines that the process's devices hold up, a bit each
    uint32_t count;           // of a string instruction: elements of `data`; 0: it is `value`
    uint32_t stores;          // to the module: rows of `store`
    uint32_t over, status;    // to the module: 1, the guest has switched its machine off, with that status
    struct vm_store {         // what of the guest's memory the process's devices, or the kernel for them, have stored to
        uint32_t at, size;
    } store[RUN_STORES];
    uint8_t data[RUN_DATA];
};

enum { DISK_PARTS = 16, DISK_BUFFER = 512 };

struct vm_disk {
    uint32_t drive, sector, count, write;
    uint32_t parts;           // pieces of the guest's memory, in order; 0: one sector, and it is `buffer`
    struct {
        uint32_t at, size;
    } part[DISK_PARTS];
    uint8_t buffer[DISK_BUFFER];
};

struct vm_text {
    uint32_t size;
    char text[128];
};

#endif
