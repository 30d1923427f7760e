// mini as the host of virtual machines: what SYS_VM does. Linked into mini-host.elf only.
//
// Idea: the hypervisor is a module of this kernel. It has an address space, descriptor tables and a task register of its own, and
// the processor goes there and back by the crossing page (hosting.S), the one page that both map. It comes back when its guest needs
// what the module has not: a device of the process's; a real interrupt's handler, which is this kernel's and is entered by INT; time.
// Each virtual machine has a window of the module's, which is mapped in its process's space alone: so a process runs nobody else's.
// Manual: Bugnion et al., Bringing Virtualization to the x86 Architecture (the world switch); Linux's virt/kvm/kvm_main.c.
// Not here: the module itself, which is sim/vmm: its code is not in the simulated machine, what hardware reads of it is.
#include "mini/kernel.h"
#include "mini/hosting.h"

enum { WINDOW_ENTRY = 1023, LARGE = 1 << 7, LARGE_PAGE = 1 << 22, IRQS = 16, OWN_VECTOR = 0x20, IRQ_VECTOR = 0xF0, VECTORS = 256 };
#define WINDOW 0xFFC00000u
#define CROSSING (WINDOW + 0x2B000u)
#define CROSSING_BACK (CROSSING + 0x840u) // where the module finds the way back
#define RECORD (WINDOW + 0x2C000u)
#define PLACES (WINDOW + 0x2C800u)        // in the first window: struct place for each virtual machine

extern uint8_t crossing_begin[], crossing_back[], crossing_end[], raise_lines[]; // hosting.S

struct hosting_place hosting_place[HOSTING_VMS];
uint32_t hosting_vms;
static int owner[HOSTING_VMS]; // the process that runs it; 0: nobody yet

// A guest below ring 0 executes INT 20h by the gate of that number, and the module must tell that from a device: so devices interrupt at
// vectors that no guest may call. Their entries stay the same, and with them what the kernel takes for an interrupt's number.
static void move_interrupts(void)
{
    static struct descriptor wide[VECTORS] __attribute__((aligned(8)));
    struct table_register idtr = { sizeof wide - 1, (uint32_t)wide };
    irq_state saved = irq_save();
    memcpy(wide, idt, sizeof idt);
    for (uint32_t i = 0; i < IRQS; i++) wide[IRQ_VECTOR + i] = idt[OWN_VECTOR + i];
    __asm__ volatile("lidt %0" : : "m"(idtr));
    outb(0x20, 0x11), outb(0xA0, 0x11);
    outb(0x21, IRQ_VECTOR), outb(0xA1, IRQ_VECTOR + 8);
    outb(0x21, 4), outb(0xA1, 2);
    outb(0x21, 1), outb(0xA1, 1); // masked again by the next irq_install, which lines_init calls
    irq_restore(saved);
}

// Where the windows are, which the first of them says; and what VMX wants of CR0 and CR4.
static bool find_module(void)
{
    uint32_t cr, first = kernel_option("vmm") * PAGE, wanted = 0;
    if (hosting_vms) return true;
    if (!first) return false;
    __asm__ volatile("mov %0, cr4" : "=r"(cr));
    __asm__ volatile("mov cr4, %0" : : "r"(cr | CR4_PSE));
    current->space.directory[WINDOW_ENTRY] = first | LARGE | PTE_P | PTE_RW;
    memcpy(hosting_place, (void *)PLACES, sizeof hosting_place);
    current->space.directory[WINDOW_ENTRY] = 0;
    tlb_flush_all();
    hosting_vms = kernel_option("vms");
    for (uint32_t n = 0; n < hosting_vms; n++) wanted |= hosting_place[n].cr4;
    __asm__ volatile("mov cr4, %0" : : "r"(cr | CR4_PSE | wanted));
    __asm__ volatile("mov %0, cr0" : "=r"(cr));
    __asm__ volatile("mov cr0, %0" : : "r"(cr | CR0_NE));
    move_interrupts();
    lines_init(hosting_vms);
    return true;
}

// The window, for the kernel; the guest's memory, for the process. Both lie in the kernel's part of the space, which is not copied.
static void map(pte_t *directory, const struct hosting_place *p)
{
    directory[WINDOW_ENTRY] = p->window | LARGE | PTE_P | PTE_RW;
    for (uint32_t at = 0; at < p->bytes; at += LARGE_PAGE)
        directory[(RUN_MEMORY + at) >> 22] = (p->memory + at) | LARGE | PTE_P | PTE_RW | PTE_US;
    tlb_flush_all();
    memcpy((void *)CROSSING, crossing_begin, (uint32_t)(crossing_end - crossing_begin));
    *(volatile uint32_t *)CROSSING_BACK = CROSSING + (uint32_t)(crossing_back - crossing_begin);
}

// A virtual machine is its first caller's.
static bool claim(uint32_t vm)
{
    if (vm >= hosting_vms || (owner[vm] && owner[vm] != current->pid)) return false;
    if (owner[vm]) return true;
    owner[vm] = current->pid;
    map(current->space.directory, &hosting_place[vm]);
    return true;
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

// Only what is used of a record's rows and data is copied.
static uint32_t row_bytes(const struct vm_run *run) { return (run->stores < RUN_STORES ? run->stores : RUN_STORES) * (uint32_t)sizeof run->store[0]; }
static uint32_t data_bytes(const struct vm_run *run)
{
    uint32_t n = run->count * run->size;
    return n < RUN_DATA ? n : RUN_DATA;
}

static bool take(uint32_t from, struct vm_run *run)
{
    const struct space *s = &current->space;
    return space_read((struct space *)s, from, run, offsetof(struct vm_run, store)) &&
           space_read((struct space *)s, from + offsetof(struct vm_run, store), run->store, row_bytes(run)) &&
           space_read((struct space *)s, from + offsetof(struct vm_run, data), run->data, data_bytes(run));
}

static void to_window(const struct vm_run *run)
{
    memcpy((void *)RECORD, run, offsetof(struct vm_run, store));
    memcpy((uint8_t *)RECORD + offsetof(struct vm_run, store), run->store, row_bytes(run));
    memcpy((uint8_t *)RECORD + offsetof(struct vm_run, data), run->data, data_bytes(run));
}

static void from_window(struct vm_run *run)
{
    memcpy(run, (void *)RECORD, offsetof(struct vm_run, store));
    if (!run->in) memcpy(run->data, (uint8_t *)RECORD + offsetof(struct vm_run, data), data_bytes(run));
}

static bool give(uint32_t to, const struct vm_run *run)
{
    return space_write(&current->space, to, run, offsetof(struct vm_run, store)) &&
           (run->in || space_write(&current->space, to + offsetof(struct vm_run, data), run->data, data_bytes(run)));
}

// With crash=N the process is killed at the Nth chance, of which each disk request gives four: asked for, done, answered, the answer heard.
static bool told; // the last request's answer: what is next is of no interest

void hosting_dies(void)
{
    static uint32_t chances;
    told = false;
    if (++chances == kernel_option("crash")) process_exit(STATUS_KILLED);
}

// The guest goes on, until there is something for the process. What the process said holds for the first crossing only.
static int vm_run(uint32_t vm, uint32_t at)
{
    struct vm_run run;
    if (!take(at, &run)) return E_FAULT;
    lines_send(vm);
    bool news = !told;
    if (news) hosting_dies();
    do {
        irq_state saved = irq_save();
        to_window(&run);
        world_switch();
        from_window(&run);
        if (run.reason == RUN_INTERRUPT) raise(run.vector);
        if (reschedule) sched_switch();
        irq_restore(saved);
        if (current->killed) return E_PIPE;
        run.stores = run.over = 0;
        if (news) hosting_dies(), told = true, news = false;
    } while ((run.reason == RUN_INTERRUPT || run.reason == RUN_AGAIN) && !lines_news(vm));
    return give(at, &run) ? 0 : E_FAULT;
}

int arch_vm(uint32_t call, uint32_t vm, uint32_t record)
{
    if (!find_module()) return E_NOSYS;
    if (call == VM_DRAIN) return lines_drain(), 0;
    if (!claim(vm)) return E_INVAL;
    switch (call) {
    case VM_MEMORY: return (int)hosting_place[vm].bytes;
    case VM_RUN: return vm_run(vm, record);
    case VM_DISK: return hosting_disk(vm, record);
    case VM_LINE: return lines_write(vm, record);
    case VM_TYPED: return lines_read(vm);
    default: return E_INVAL;
    }
}
