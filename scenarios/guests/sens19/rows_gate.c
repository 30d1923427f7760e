// Guest `sens19`, rows 15-19: far CALL, JMP and RET, INT n, IRET.
//
// Idea: some of these show the real ring, some fault where ring 0 would not, and IRET drops IF as POPF does when the
// ring may not change it. A hypervisor can repair the faults, as it hears of them; the rest it cannot.
// Manual: Intel SDM volume 2, CALL, JMP, RET, INT n, IRET.
#include "sens19/sens19.h"

static void row_call(void)
{
    check_after(do_call_direct, "direct: pushed cs", SEL_KERNEL_CODE, 4);
    check_after(do_call_memory, "memory: pushed cs", SEL_KERNEL_CODE, 4);
    check_after(do_call_gate, "gate: pushed cs", SEL_KERNEL_CODE, 4);
}

static void row_jmp(void)
{
    check_after(do_jmp_direct, "direct: cs", SEL_KERNEL_CODE, 4);
    check_after(do_jmp_memory, "memory: cs", SEL_KERNEL_CODE, 4);
}

static void row_retf(void)
{
    check_after(do_retf, "cs", SEL_KERNEL_CODE, 4);
}

// All lines are masked, so IF = 1 lets nothing in here.
static void check_int(void (*snippet)(void), const char *what, uint32_t vector)
{
    do_sti();
    check_after(snippet, what, vector, 2);
    do_cli();
    check("cs", seen[1], SEL_KERNEL_CODE, 4);
    check("IF", seen[2], 1, 1);
    check("EIP off by", seen[3], 0, 1);
    seen[1] = seen[2] = seen[3] = 0;
}

static void row_int(void)
{
    check_int(do_int_dpl0, "DPL 0: vector", VECTOR_SOFT0);
    check_int(do_int_dpl3, "DPL 3: vector", VECTOR_SOFT3);
}

static void try_pushed_cs(void)
{
    attempt(do_iret_pushed_cs);
}

static void try_literal_cs(void)
{
    attempt(do_iret_literal_cs);
}

static void row_iret(void)
{
    given[0] = EFLAGS_ALWAYS;
    check("pushed cs with IF 0 arrived", interrupt_arrives_after(try_pushed_cs, true), 0, 1);
    given[0] = EFLAGS_ALWAYS | EFLAGS_IF;
    check("IF 1 arrived", interrupt_arrives_after(try_pushed_cs, false), 1, 1);
    given[0] = EFLAGS_ALWAYS;
    check("cs 0008 with IF 0 arrived", interrupt_arrives_after(try_literal_cs, true), 0, 1);
    given[0] = EFLAGS_ALWAYS | EFLAGS_IF;
    check("IF 1 arrived", interrupt_arrives_after(try_literal_cs, false), 1, 1);
    given[0] = EFLAGS_ALWAYS;
    check_after(do_iret_literal_cs, "cs", SEL_KERNEL_CODE, 4);
}

const struct row gate_rows[] = {
    {15, "far call", row_call}, {16, "far jmp", row_jmp}, {17, "far ret", row_retf},
    {18, "int n", row_int},     {19, "iret", row_iret},   {0, 0, 0},
};
