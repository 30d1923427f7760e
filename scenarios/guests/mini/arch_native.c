// A bare PC: start of day, descriptor tables, page tables, interrupts, timer, power.
//
// Idea: everything the border (arch.h) asks for is one instruction of ring 0 or a few: MOV CR3, INVLPG, a store into a page
// table or the TSS. That is what a hypervisor has to catch, or what a port has to replace.
// Manual: Multiboot Specification 0.6.96, 3.3; Intel SDM volume 3, 4.3 (paging), 4.10.4 (TLB), 7.2.1 (TSS); 8259A, 8254.
// Not here: APICs, ACPI tables, more than one processor, memory above 64 MB.
#include "mini/kernel.h"
#include "mini/native.h"

enum { BOOT_MAGIC = 0x2BADB002, IRQS = 16, IRQ_VECTOR = 0x20 };
enum { PIC1 = 0x20, PIC2 = 0xA0, SPECIFIC_EOI = 0x60, READ_IN_SERVICE = 0x0B };
enum { DEBUG_EXIT = 0xF4 };

struct multiboot_module {
    uint32_t begin, end, text, reserved;
};

struct multiboot_info {
    uint32_t flags, mem_lower, mem_upper, boot_device, command_line, modules, module_list;
};

enum { INFO_MEMORY = 1, INFO_COMMAND_LINE = 4, INFO_MODULES = 8 };

extern pte_t boot_directory[TABLE_ENTRIES], boot_table[]; // what CR3 names; the first 4 MB
extern uint8_t __text_start[], __text_end[], __kernel_end[]; // from mini.ld
void syscall_entry(void);
void arch_start(uint32_t magic, uint32_t info) __attribute__((noreturn));
void arch_syscall(struct trap_frame *frame);

// ---- Interrupts ----------------------------------------------------------------------------------------------------

static irq_handler *irq_handlers[IRQS];
static uint16_t irq_mask = 0xFFFF;

void irq_install(unsigned irq, irq_handler *handler)
{
    irq_handlers[irq] = handler;
    irq_mask &= (uint16_t)~(1u << irq);
    if (irq >= 8) irq_mask &= (uint16_t)~(1u << 2); // the line the second chip hangs on
    outb(PIC1 + 1, (uint8_t)irq_mask);
    outb(PIC2 + 1, (uint8_t)(irq_mask >> 8));
}

void irq_done(unsigned irq) { (void)irq; } // on_irq tells the chips

void (*arch_service(void))(void) { return NULL; }

__attribute__((weak)) int arch_vm(uint32_t call, uint32_t vm, uint32_t record) // hosting.c has another one
{
    (void)call, (void)vm, (void)record;
    return E_NOSYS;
}

int arch_domain(uint32_t operation, uint32_t domain, uint32_t record)
{
    (void)operation, (void)domain, (void)record;
    return E_NOSYS;
}

uint32_t dma_address(const void *memory) { return kernel_to_physical(memory); }

// Lines 7 and 15 are also what an 8259 answers with if the line fell too early: then nothing is in service.
static bool spurious(unsigned irq)
{
    uint16_t chip = irq < 8 ? PIC1 : PIC2;
    if ((irq & 7) != 7) return false;
    outb(chip, READ_IN_SERVICE);
    return (inb(chip) & 0x80) == 0;
}

static void on_irq(struct trap_frame *frame)
{
    unsigned irq = frame->vector - IRQ_VECTOR;
    if (!spurious(irq)) {
        if (irq_handlers[irq]) irq_handlers[irq]();
        if (irq >= 8) outb(PIC2, (uint8_t)(SPECIFIC_EOI | (irq - 8)));
        outb(PIC1, (uint8_t)(SPECIFIC_EOI | (irq < 8 ? irq : 2)));
    }
    kernel_leave(frame);
}

static void on_exception(struct trap_frame *frame)
{
    kernel_exception(frame);
    kernel_leave(frame);
}

static void on_page_fault(struct trap_frame *frame)
{
    uint32_t address;
    __asm__ volatile("mov %0, cr2" : "=r"(address));
    kernel_page_fault(frame, address);
    kernel_leave(frame);
}

void arch_syscall(struct trap_frame *frame)
{
    kernel_syscall(frame);
    kernel_leave(frame);
}

static void tables_ready(void)
{
    enum { TRAP_GATE = ACCESS_INT_GATE | 1 };
    tables_init();
    idt[VECTOR_SYSCALL] = gate(SEL_KERNEL_CODE, (const void *)syscall_entry, TRAP_GATE | ACCESS_DPL3);
    tables_load();
    for (unsigned vector = 0; vector < IRQ_VECTOR; vector++) trap_handlers[vector] = on_exception;
    trap_handlers[VECTOR_PF] = on_page_fault;
    pic_init();
    for (unsigned irq = 0; irq < IRQS; irq++) trap_handlers[IRQ_VECTOR + irq] = on_irq;
    irq_install(0, kernel_tick);
    pit_start();
}

void arch_pause(int periods) { pit_wait_periods(periods); }

void arch_timer_stop(void)
{
    outb(0x43, 0x30); // counter 0: one shot, and it never gets its count
    irq_mask |= 1;
    outb(PIC1 + 1, (uint8_t)irq_mask);
}

// ---- Page tables: on a bare PC an entry is a word in memory --------------------------------------------------------

pte_t pte_make(uint32_t physical, uint32_t flags) { return physical | flags; }
uint32_t pte_physical(pte_t entry) { return (uint32_t)entry & ~(uint32_t)(PAGE - 1); }
void pte_set(pte_t *slot, pte_t value) { *(volatile pte_t *)slot = value; }
void pte_sync(void) {}

void tlb_flush_page(uint32_t address) { __asm__ volatile("invlpg [%0]" : : "r"(address) : "memory"); }

void tlb_flush_all(void)
{
    uint32_t cr3;
    __asm__ volatile("mov %0, cr3\n\tmov cr3, %0" : "=r"(cr3) : : "memory");
}

void table_adopt(pte_t *table, enum table_level level)
{
    if (level == LEVEL_DIRECTORY && ROOT_ENTRIES == 1)
        memcpy(table + FIRST_KERNEL_ENTRY, boot_directory + FIRST_KERNEL_ENTRY,
               (TABLE_ENTRIES - FIRST_KERNEL_ENTRY) * sizeof(pte_t));
}

void table_release(pte_t *table, enum table_level level) { (void)table, (void)level; }

#ifdef PAE
// All spaces have the kernel's directory in common. The processor loads the four entries with CR3.
bool root_adopt(pte_t *root)
{
    root[KERNEL_ENTRY] = boot_directory[KERNEL_ENTRY];
    return true;
}

void root_abandon(pte_t *root) { (void)root; }
#endif

void directory_load(pte_t *directory)
{
    uint32_t cr3 = kernel_to_physical(directory ? directory : boot_directory);
    __asm__ volatile("mov cr3, %0" : : "r"(cr3) : "memory");
}

// All RAM at KERNEL_BASE; the boot table has the first 4 MB already. What the loader put there stays as it is.
static void map_ram(struct boot *boot)
{
    pte_t *upper = ROOT_ENTRIES == 1 ? boot_directory : physical_to_kernel(pte_physical(boot_directory[KERNEL_ENTRY]));
    for (uint32_t at = 4u << 20; at < boot->free_end; at += 1u << TABLE_SHIFT) {
        pte_t *table = physical_to_kernel(boot->free_begin);
        for (uint32_t i = 0; i < TABLE_ENTRIES; i++) table[i] = (at + i * PAGE) | PTE_P | PTE_RW;
        upper[FIRST_KERNEL_ENTRY + (at >> TABLE_SHIFT)] = boot->free_begin | PTE_P | PTE_RW;
        boot->free_begin += PAGE;
    }
    for (uint8_t *page = __text_start; page < __text_end; page += PAGE)
        boot_table[kernel_to_physical(page) / PAGE] &= ~(pte_t)PTE_RW;
    boot_directory[0] = 0; // from here on a null pointer faults
    tlb_flush_all();
}

// ---- Processes -----------------------------------------------------------------------------------------------------

void arch_kernel_stack(uint32_t top) { tss.esp0 = top; }

void arch_user_frame(struct trap_frame *frame, uint32_t entry, uint32_t stack)
{
    *frame = (struct trap_frame){ .es = SEL_USER_DATA, .ds = SEL_USER_DATA, .eip = entry, .cs = SEL_USER_CODE,
                                  .eflags = EFLAGS_ALWAYS | EFLAGS_IF, .esp = stack, .ss = SEL_USER_DATA };
}

// VMware's port and magic number: on a PC nobody answers there, and all ones come back.
uint32_t balloon_call(uint32_t command, uint32_t argument, uint32_t *target)
{
    enum { PORT = 0x5670, MAGIC = 0x456C6D6F };
    uint32_t status = MAGIC;
    __asm__ volatile("in eax, dx" : "+a"(status), "+b"(argument), "+c"(command) : "d"(PORT) : "memory");
    *target = argument;
    return status;
}

// ---- Start and end ---------------------------------------------------------------------------------------------------

static char command_line[1024];

static void read_information(uint32_t address, struct boot *boot)
{
    const struct multiboot_info *info = physical_to_kernel(address);
    uint32_t end = (1u << 20) + (info->flags & INFO_MEMORY ? info->mem_upper : 7u << 10) * 1024;
    *boot = (struct boot){ .free_begin = kernel_to_physical(__kernel_end), .free_end = end < RAM_MAX ? end : RAM_MAX };
    boot->free_end &= ~(uint32_t)(PAGE - 1);
    if (info->flags & INFO_COMMAND_LINE)
        text_copy(command_line, physical_to_kernel(info->command_line), sizeof command_line);
    boot->command_line = command_line;
    if (!(info->flags & INFO_MODULES) || !info->modules) return;
    const struct multiboot_module *module = physical_to_kernel(info->module_list);
    boot->module = module->begin, boot->module_size = module->end - module->begin;
    if (module->end > boot->free_begin) boot->free_begin = (module->end + PAGE - 1) & ~(uint32_t)(PAGE - 1);
}

void arch_start(uint32_t magic, uint32_t info)
{
    struct boot boot;
    console_init();
    if (magic != BOOT_MAGIC) panic("not started by a Multiboot loader");
    read_information(info, &boot);
    map_ram(&boot);
    tables_ready();
    console_interrupts();
    kernel_main(&boot);
}

// Port F4 is the debug exit. Where nothing listens there: ACPI's soft off of the PIIX4 and of QEMU; else for ever HLT.
void arch_off(uint32_t status)
{
    irq_disable();
    console_drain();
    outb(DEBUG_EXIT, (uint8_t)(status < 255 ? status : 255));
    for (;;) __asm__ volatile("cli\n\thlt");
}

// What lib/tables.c does if a trap has no handler; here all have one.
void done(uint32_t verdict) { arch_off(verdict); }
