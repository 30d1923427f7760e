// Exceptions: a page fault may be the first touch of a page; everything else ends the program, or the kernel.
//
// Manual: Intel SDM volume 3, 6.15 (each exception), 4.7 (page-fault error code).
#include "mini/kernel.h"

enum { FAULT_PRESENT = 1, FAULT_WRITE = 2 };

static const char *const names[] = { [0] = "division error", [1] = "debug trap", [3] = "breakpoint", [4] = "overflow",
    [5] = "bound", [6] = "invalid instruction", [7] = "no coprocessor", [8] = "double fault", [10] = "invalid TSS",
    [11] = "segment not present", [12] = "stack fault", [13] = "general protection", [14] = "page fault",
    [16] = "coprocessor error", [17] = "alignment", [18] = "machine check" };

static void stop(struct trap_frame *frame, uint32_t address)
{
    uint32_t v = frame->vector;
    const char *name = v < sizeof names / sizeof *names && names[v] ? names[v] : "exception";
    if (!from_user(frame)) panic("%s in the kernel, code %x, at %08x, address %08x", name, frame->error_code, frame->eip, address);
    irq_enable();
    if (v == VECTOR_PF) kprintf("%s: no access to %08x, at %08x\n", current->name, address, frame->eip);
    else kprintf("%s: %s at %08x\n", current->name, name, frame->eip);
    process_exit(STATUS_TRAP + (int)v);
}

void kernel_exception(struct trap_frame *frame) { stop(frame, 0); }

void kernel_page_fault(struct trap_frame *frame, uint32_t address)
{
    if (!from_user(frame)) stop(frame, address);
    irq_enable(); // filling the page may take a disk access
    if (!space_touch(&current->space, address, (frame->error_code & FAULT_WRITE) != 0)) stop(frame, address);
    irq_disable();
}
