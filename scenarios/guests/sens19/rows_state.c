// Guest `sens19`, rows 1-7: instructions that read the processor's tables, CR0 and EFLAGS, and POPF, which writes
// EFLAGS.
//
// Idea: below ring 0 they do not trap. They read the registers the hypervisor has loaded, and POPF drops what it may
// not change. In ring 0 they give back exactly what this kernel loaded.
// Manual: Intel SDM volume 2, SGDT, SIDT, SLDT, STR, SMSW, PUSHF, POPF.
#include "sens19/sens19.h"

static uint32_t seen_limit(void)
{
    return seen[0] & 0xFFFF;
}

static uint32_t seen_base(void) // the base lies across the first two words
{
    return (seen[0] >> 16) | (seen[1] << 16);
}

static void row_sgdt(void)
{
    do_sgdt();
    check("limit", seen_limit(), sizeof gdt - 1, 4);
    check("base", seen_base(), (uint32_t)gdt, 8);
}

static void row_sidt(void)
{
    do_sidt();
    check("limit", seen_limit(), sizeof idt - 1, 4);
    check("base", seen_base(), (uint32_t)idt, 8);
}

static void row_sldt(void)
{
    do_sldt();
    check("selector", seen[0], SEL_LDT, 4);
}

static void row_str(void)
{
    do_str();
    check("selector", seen[0], SEL_TSS, 4);
}

// With TS set, as a kernel has it that saves the FPU lazily, and with TS clear. A hypervisor that lends the FPU lazily
// keeps its own TS set: the second reading shows it. ET is wired to 1.
static void row_smsw(void)
{
    uint32_t cr0 = CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_TS | CR0_MP | CR0_PE;
    __asm__ volatile("mov cr0, %0" : : "r"(cr0) : "memory");
    do_smsw();
    check("cr0 low half with TS", seen[0], cr0 & 0xFFFF, 4);
    __asm__ volatile("clts");
    do_smsw();
    check("without", seen[0], cr0 & 0xFFFF & ~(uint32_t)CR0_TS, 4);
}

static uint32_t flag(uint32_t image, uint32_t mask)
{
    return (image & mask) != 0;
}

static uint32_t iopl(uint32_t image)
{
    return (image & EFLAGS_IOPL) >> 12;
}

// IOPL is set by IRET with a CS of RPL 0: below ring 0 that traps, so a hypervisor knows what the kernel wants.
static void row_pushf(void)
{
    do_cli();
    do_pushf();
    check("IF after cli", flag(seen[0], EFLAGS_IF), 0, 1);
    do_sti();
    do_pushf();
    do_cli();
    check("IF after sti", flag(seen[0], EFLAGS_IF), 1, 1);
    given[0] = EFLAGS_ALWAYS | EFLAGS_IOPL;
    attempt(do_iret_literal_cs);
    do_pushf();
    check("IOPL", iopl(seen[0]), 3, 1);
    given[0] = EFLAGS_ALWAYS;
    attempt(do_iret_literal_cs);
}

static void row_popf(void)
{
    given[0] = EFLAGS_ALWAYS;
    check("with IF 0 arrived", interrupt_arrives_after(do_popf, true), 0, 1);
    given[0] = EFLAGS_ALWAYS | EFLAGS_IF;
    check("with IF 1 arrived", interrupt_arrives_after(do_popf, false), 1, 1);
    given[0] = EFLAGS_ALWAYS | EFLAGS_IOPL;
    do_popf();
    do_pushf();
    check("IOPL", iopl(seen[0]), 3, 1);
    given[0] = EFLAGS_ALWAYS;
    do_popf();
}

const struct row state_rows[] = {
    {1, "sgdt", row_sgdt}, {2, "sidt", row_sidt},   {3, "sldt", row_sldt}, {4, "str", row_str},
    {5, "smsw", row_smsw}, {6, "pushf", row_pushf}, {7, "popf", row_popf}, {0, 0, 0},
};
