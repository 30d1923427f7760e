// mini as the host of virtual machines: what SYS_RUN does. Linked into mini-host.elf only.
//
// Idea: the hypervisor is a module of this kernel. It has an address space, descriptor tables and a task register of its own, and
// the processor goes there and back by the crossing page (hosting.S), the one page that both map. It comes back when its guest needs
// what the module has not: a device of the process's; a real interrupt's handler, which is this kernel's and is entered by INT; time.
// Manual: Bugnion et al., Bringing Virtualization to the x86 Architecture (the world switch); Linux's virt/kvm/kvm_main.c.
// Not here: the module itself, which is sim/vmm: its code is not in the simulated machine, what hardware reads of it is.
#include "mini/kernel.h"
#include "mini/run.h"

enum { WINDOW_ENTRY = 1023, CR4_VMXE = 1 << 13, LARGE = 1 << 7, IRQ_VECTOR = 0x20, IRQS = 16 };
#define WINDOW 0xFFC00000u
#define CROSSING (WINDOW + 0x2B000u)
#define CROSSING_BACK (CROSSING + 0x840u) // where the module finds the way back
#define RECORD (WINDOW + 0x2C000u)

extern pte_t boot_directory[];
extern uint8_t crossing_begin[], crossing_back[], crossing_end[], raise_lines[]; // hosting.S

static uint32_t window; // its physical address; 0: there is no module

// The window is mapped where the module has it, in this kernel's part of every space that comes; and what VMX wants of CR0 and CR4.
static bool find_module(void)
{
    uint32_t cr;
    if (window) return true;
    window = kernel_option("vmm") * PAGE;
    if (!window) return false;
    __asm__ volatile("mov %0, cr4" : "=r"(cr));
    __asm__ volatile("mov cr4, %0" : : "r"(cr | CR4_PSE | CR4_VMXE));
    __asm__ volatile("mov %0, cr0" : "=r"(cr));
    __asm__ volatile("mov cr0, %0" : : "r"(cr | CR0_NE));
    return true;
}

static void map_window(pte_t *directory)
{
    if (directory[WINDOW_ENTRY]) return;
    directory[WINDOW_ENTRY] = window | LARGE | PTE_P | PTE_RW;
    tlb_flush_all();
    memcpy((void *)CROSSING, crossing_begin, (uint32_t)(crossing_end - crossing_begin));
    *(volatile uint32_t *)CROSSING_BACK = CROSSING + (uint32_t)(crossing_back - crossing_begin);
}

LANDMARK void world_switch(void)
{
    ((void (*)(void))CROSSING)();
}

// What the processor has acknowledged is handled as if it came now.
static void raise(uint32_t vector)
{
    enum { BYTES = 4 }; // of each entry of raise_lines
    if (vector - IRQ_VECTOR >= IRQS) panic("the module brought interrupt %u", vector);
    ((void (*)(void))(raise_lines + (vector - IRQ_VECTOR) * BYTES))();
}

// The guest goes on, until there is something for the process.
int arch_run(uint32_t at)
{
    struct vm_run run;
    if (!find_module()) return E_NOSYS;
    if (!space_read(&current->space, at, &run, sizeof run)) return E_FAULT;
    do {
        irq_state saved = irq_save();
        map_window(current->space.directory);
        memcpy((void *)RECORD, &run, sizeof run);
        world_switch();
        memcpy(&run, (void *)RECORD, sizeof run);
        if (run.reason == RUN_INTERRUPT) raise(run.vector);
        if (reschedule) sched_switch();
        irq_restore(saved);
        if (current->killed) return E_PIPE;
    } while (run.reason == RUN_INTERRUPT);
    return space_write(&current->space, at, &run, sizeof run) ? 0 : E_FAULT;
}
