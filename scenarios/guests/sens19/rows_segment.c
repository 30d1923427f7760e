// Guest `sens19`, rows 8-14: instructions that look at descriptors and selectors, and loads of segment registers.
//
// Idea: a hypervisor that runs this kernel in ring 1 must give it descriptors with DPL 1 and selectors with RPL 1.
// These instructions show both. LAR, LSL, VERR and VERW answer in ZF and never fault.
// Manual: Intel SDM volume 2, LAR, LSL, VERR/VERW, PUSH, POP, MOV; volume 3, 5.10 (pointer validation).
#include "sens19/sens19.h"

enum { DATA_RPL1 = SEL_KERNEL_DATA | 1 }; // asks on behalf of ring 1: a DPL-0 segment is not for it

// What LAR gives: bytes 1 and 2 of the descriptor's high half, without the four bits that belong to the limit.
enum { LAR_BITS = 0x00F0FF00, UNTOUCHED = 0x5A5A5A5A };

static uint32_t rights_of(uint16_t selector)
{
    return gdt[selector / 8].high & LAR_BITS;
}

static void row_lar(void)
{
    given[0] = SEL_KERNEL_CODE;
    do_lar();
    check("cs rights", seen[0] & LAR_BITS, rights_of(SEL_KERNEL_CODE), 8);
    check("ZF", seen[1], 1, 1);
    given[0] = SEL_KERNEL_DATA;
    do_lar();
    check("ds rights", seen[0] & LAR_BITS, rights_of(SEL_KERNEL_DATA), 8);
    check("ZF", seen[1], 1, 1);
    given[0] = 0;
    do_lar();
    check("null", seen[0], UNTOUCHED, 8);
    check("ZF", seen[1], 0, 1);
}

static void row_lsl(void)
{
    given[0] = SEL_KERNEL_CODE;
    do_lsl();
    check("cs limit", seen[0], 0xFFFFFFFF, 8);
    check("ZF", seen[1], 1, 1);
    given[0] = SEL_KERNEL_DATA;
    do_lsl();
    check("ds limit", seen[0], 0xFFFFFFFF, 8);
    check("ZF", seen[1], 1, 1);
    given[0] = SEL_PROBE;
    do_lsl();
    check("probe limit", seen[0], 15, 8);
    check("ZF", seen[1], 1, 1);
}

static void check_zf(void (*snippet)(void), const char *what, uint16_t selector, uint32_t want)
{
    given[0] = selector;
    snippet();
    check(what, seen[0], want, 1);
}

static void row_verr(void)
{
    check_zf(do_verr, "cs", SEL_KERNEL_CODE, 1);
    check_zf(do_verr, "ds", SEL_KERNEL_DATA, 1);
    check_zf(do_verr, "ds with RPL 1", DATA_RPL1, 0);
}

static void row_verw(void)
{
    check_zf(do_verw, "cs", SEL_KERNEL_CODE, 0); // code is never writable
    check_zf(do_verw, "ds", SEL_KERNEL_DATA, 1);
    check_zf(do_verw, "ds with RPL 1", DATA_RPL1, 0);
}

static void row_push(void)
{
    do_push_seg();
    check("cs", seen[0], SEL_KERNEL_CODE, 4);
    check("ss", seen[1], SEL_KERNEL_DATA, 4);
    check("ds", seen[2], SEL_KERNEL_DATA, 4);
    check("es", seen[3], SEL_KERNEL_DATA, 4);
}

static void row_pop(void)
{
    given[0] = SEL_PROBE;
    check_after(do_pop_ds, "through ds", PROBE_VALUE(0), 8);
    check_after(do_pop_es, "through es", PROBE_VALUE(0), 8);
    given[0] = SEL_KERNEL_DATA;
    check_after(do_pop_ss, "ss", SEL_KERNEL_DATA, 4);
}

static void row_mov(void)
{
    do_mov_from_seg();
    check("cs", seen[0], SEL_KERNEL_CODE, 4);
    check("ss", seen[1], SEL_KERNEL_DATA, 4);
    given[0] = SEL_PROBE;
    check_after(do_mov_ds, "through ds", PROBE_VALUE(0), 8);
    given[0] = SEL_KERNEL_DATA;
    check_after(do_mov_ss, "ss after load", SEL_KERNEL_DATA, 4);
}

const struct row segment_rows[] = {
    {8, "lar", row_lar},       {9, "lsl", row_lsl},      {10, "verr", row_verr},    {11, "verw", row_verw},
    {12, "push seg", row_push}, {13, "pop seg", row_pop}, {14, "mov seg", row_mov}, {0, 0, 0},
};
