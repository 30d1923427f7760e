/* VMX: every check of VM entry, in the manual's order (SDM vol. 3B 22.2-22.4, 2006; 3C 26.2-26.4).
 *
 * A row changes one thing, or what it needs besides, in the world of vmx_world.h: a rule that is broken has a row, and so has its neighbour that
 * is not. Rules for many registers or bits are loops over them. Not modelled, and refused as controls that may not be 1: SMM, IA-32e mode,
 * loads of PAT, EFER and PERF_GLOBAL_CTRL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "sim/cpu/debug.h"
#include "tests/support/vmx_world.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])

struct check { const char *what; struct vmx_change c[6]; uint32_t wanted, why; };

/* What became of VMLAUNCH: 0 the guest runs; 7, 8: VMfailValid; 33, 34: an exit with bit 31. */
static uint32_t outcome(struct fake *f)
{
    if (f->cpu.vmx.nonroot) return 0;
    if (f->cpu.eip == FAKE_CODE + 3) return (cpu_flags(&f->cpu) & FLAGS_ARITH) == FLAG_ZF ? vmx_get(f, VMCS_ERROR) : 999;
    assert_int_equal(f->cpu.eip, HOST);
    assert_int_equal(vmx_get(f, VMCS_REASON) >> 16, 0x8000);
    return vmx_get(f, VMCS_REASON) & 0xFFFF;
}

typedef void world(struct fake *f);

/* The fake has no PAE and no EPT; what is accepted goes so far. */
static bool load_pdptes(void *mmu, uint32_t cr3, struct fault *f) { return (void)mmu, (void)cr3, (void)f, true; }
static void load_space(void *mmu, const struct space *s) { (void)mmu, (void)s; }

/* In a world that `prepare` (NULL: nobody) has changed before. */
static void check_in(world *prepare, unsigned generation, const struct check *k)
{
    struct fake f;
    vmx_start_root(&f, generation);
    f.cpu.env.pdptes = load_pdptes;
    f.cpu.env.space = load_space;
    if (prepare) prepare(&f);
    for (unsigned n = 0; n < COUNT(k->c) && k->c[n].field; n++) vmx_set(&f, k->c[n].field, k->c[n].value);
    vmx_launch(&f);
    uint32_t got = outcome(&f);
    if (got != k->wanted) fail_msg("%s: %u in place of %u", k->what, got, k->wanted);
    if (got > 8 && vmx_get(&f, VMCS_QUALIFICATION) != k->why) fail_msg("%s: qualification %u", k->what, vmx_get(&f, VMCS_QUALIFICATION));
    assert_int_equal(fake_get32(&f, CURRENT + VMCS_LAUNCHED), got == 0);
    if (got) assert_int_equal(vmx_get(&f, VMCS_GUEST_ESP), GUEST_STACK);
    fake_done(&f);
}

static void check_one(unsigned generation, const struct check *k) { check_in(NULL, generation, k); }

/* One field more than the row has; its name for the message. */
static void check_with(world *prepare, const char *what, unsigned n, enum vmcs_offset field, uint32_t value, uint32_t wanted)
{
    char text[80];
    snprintf(text, sizeof text, "%s %u: %x", what, n, value);
    check_in(prepare, VMX_FIRST, &(struct check){ text, { { field, value } }, wanted, 0 });
}

#define V(x) VALID_EVENT(x)
static const struct check controls[] = {
    { "nothing changed", { { 0, 0 } }, 0, 0 },
    { "pin: a 1 cleared", { { VMCS_PIN, 0x14 } }, 7, 0 },
    { "pin: no such bit", { { VMCS_PIN, PIN0 | 1 << 6 } }, 7, 0 },
    { "pin: no timer", { { VMCS_PIN, PIN0 | VMX_PIN_TIMER } }, 7, 0 },
    { "exit: no timer to save", { { VMCS_EXIT, EXIT0 | VMX_EXIT_SAVE_TIMER } }, 7, 0 },
    { "pin: interrupts", { { VMCS_PIN, PIN0 | VMX_PIN_INTERRUPT } }, 0, 0 },
    { "proc: a 1 cleared", { { VMCS_PROC, PROC0 & ~2u } }, 7, 0 },
    { "proc: CR3 loads must leave", { { VMCS_PROC, PROC0 & ~(uint32_t)VMX_PROC_CR3_LOAD } }, 7, 0 },
    { "proc: no monitor trap", { { VMCS_PROC, PROC0 | VMX_PROC_MONITOR_TRAP } }, 7, 0 },
    { "proc: no secondary controls", { { VMCS_PROC, PROC0 | 1u << 31 } }, 7, 0 },
    { "proc: no CR8", { { VMCS_PROC, PROC0 | 1u << 19 } }, 7, 0 },
    { "CR3 targets", { { VMCS_CR3_TARGETS, 4 } }, 0, 0 },
    { "too many CR3 targets", { { VMCS_CR3_TARGETS, 5 } }, 7, 0 },
    { "I/O bitmaps", { { VMCS_PROC, PROC0 | VMX_PROC_IO_BITMAPS }, { VMCS_IO_BITMAP_A, BITMAPS } }, 0, 0 },
    { "bitmap A odd", { { VMCS_PROC, PROC0 | VMX_PROC_IO_BITMAPS }, { VMCS_IO_BITMAP_A, BITMAPS + 1 } }, 7, 0 },
    { "bitmap B odd, unused", { { VMCS_IO_BITMAP_B, 1 } }, 0, 0 },
    { "bitmap B beyond", { { VMCS_PROC, PROC0 | VMX_PROC_IO_BITMAPS }, { VMCS_IO_BITMAP_B + 4, 1 } }, 7, 0 },
    { "MSR bitmap odd", { { VMCS_PROC, PROC0 | VMX_PROC_MSR_BITMAPS }, { VMCS_MSR_BITMAP, 8 } }, 7, 0 },
    { "TPR shadow", { { VMCS_PROC, PROC0 | VMX_PROC_TPR_SHADOW }, { VMCS_VIRTUAL_APIC, VTPR }, { VMCS_TPR_THRESHOLD, 3 } }, 0, 0 },
    { "threshold above TPR", { { VMCS_PROC, PROC0 | VMX_PROC_TPR_SHADOW }, { VMCS_VIRTUAL_APIC, VTPR }, { VMCS_TPR_THRESHOLD, 4 } }, 7, 0 },
    { "threshold of five bits", { { VMCS_PROC, PROC0 | VMX_PROC_TPR_SHADOW }, { VMCS_VIRTUAL_APIC, VTPR }, { VMCS_TPR_THRESHOLD, 16 } }, 7, 0 },
    { "virtual APIC odd", { { VMCS_PROC, PROC0 | VMX_PROC_TPR_SHADOW }, { VMCS_VIRTUAL_APIC, VTPR + 4 } }, 7, 0 },
    { "exit: a 1 cleared", { { VMCS_EXIT, EXIT0 & ~4u } }, 7, 0 },
    { "exit: 64-bit host", { { VMCS_EXIT, EXIT0 | 1 << 9 } }, 7, 0 },
    { "exit: acknowledge", { { VMCS_EXIT, EXIT0 | VMX_EXIT_ACKNOWLEDGE } }, 0, 0 },
    { "MSR store odd", { { VMCS_EXIT_STORES, 1 }, { VMCS_EXIT_STORE_AT, MSRS + 8 } }, 7, 0 },
    { "MSR load beyond", { { VMCS_EXIT_LOADS, 2 }, { VMCS_EXIT_LOAD_AT, 0xFFFFFFF0 } }, 7, 0 },
    { "MSR list odd, empty", { { VMCS_EXIT_LOAD_AT, 1 } }, 0, 0 },
    { "entry: IA-32e guest", { { VMCS_ENTRY, ENTRY0 | 1 << 9 } }, 7, 0 },
    { "entry: SMM", { { VMCS_ENTRY, ENTRY0 | 1 << 10 } }, 7, 0 },
    { "entry: MSR load odd", { { VMCS_ENTRY_LOADS, 1 }, { VMCS_ENTRY_LOAD_AT, MSRS + 1 } }, 7, 0 },
    { "event: reserved type", { { VMCS_ENTRY_EVENT, V(0x120) } }, 7, 0 },
    { "event: not valid", { { VMCS_ENTRY_EVENT, 0x120 } }, 0, 0 },
    { "event: other, none here", { { VMCS_ENTRY_EVENT, V(0x700) } }, 7, 0 },
    { "event: NMI 3", { { VMCS_ENTRY_EVENT, V(0x203) } }, 7, 0 },
    { "event: exception 32", { { VMCS_ENTRY_EVENT, V(0x320) } }, 7, 0 },
    { "event: #GP without code", { { VMCS_ENTRY_EVENT, V(0x30D) } }, 7, 0 },
    { "event: #UD with code", { { VMCS_ENTRY_EVENT, V(0xB06) } }, 7, 0 },
    { "event: interrupt with code", { { VMCS_ENTRY_EVENT, V(0x80D) }, { VMCS_GUEST_EFLAGS, FLAG_ONE | FLAG_IF } }, 7, 0 },
    { "event: long code", { { VMCS_ENTRY_EVENT, V(0xB0D) }, { VMCS_ENTRY_CODE, 0x10000 } }, 7, 0 },
    { "event: code of 16 bits", { { VMCS_ENTRY_EVENT, V(0xB0D) }, { VMCS_ENTRY_CODE, 0x8000 } }, 7, 0 },
    { "event: code of 15 bits", { { VMCS_ENTRY_EVENT, V(0xB0D) }, { VMCS_ENTRY_CODE, 0x7FFC } }, 0, 0 },
    { "event: a code that is not pushed", { { VMCS_ENTRY_EVENT, V(0x306) }, { VMCS_ENTRY_CODE, UINT32_MAX } }, 0, 0 },
    { "event: reserved bit", { { VMCS_ENTRY_EVENT, V(0x1B0D) } }, 7, 0 },
    { "event: INT of no length", { { VMCS_ENTRY_EVENT, V(0x480) } }, 7, 0 },
    { "event: INT of 16 bytes", { { VMCS_ENTRY_EVENT, V(0x480) }, { VMCS_ENTRY_LENGTH, 16 } }, 7, 0 },
    { "event: INT of 15 bytes", { { VMCS_ENTRY_EVENT, V(0x480) }, { VMCS_ENTRY_LENGTH, 15 } }, 0, 0 },
    { "event: INT1 of no length", { { VMCS_ENTRY_EVENT, V(0x501) } }, 7, 0 },
    { "event: INT3 of no length", { { VMCS_ENTRY_EVENT, V(0x603) } }, 7, 0 },
    { "event: INT3", { { VMCS_ENTRY_EVENT, V(0x603) }, { VMCS_ENTRY_LENGTH, 1 } }, 0, 0 },
    { "event: NMI with code", { { VMCS_ENTRY_EVENT, V(0xA02) } }, 7, 0 },
    { "bitmap A beyond", { { VMCS_PROC, PROC0 | VMX_PROC_IO_BITMAPS }, { VMCS_IO_BITMAP_A + 4, 1 } }, 7, 0 },
    { "bitmap B odd", { { VMCS_PROC, PROC0 | VMX_PROC_IO_BITMAPS }, { VMCS_IO_BITMAP_B, 0x800 } }, 7, 0 },
    { "MSR bitmap beyond", { { VMCS_PROC, PROC0 | VMX_PROC_MSR_BITMAPS }, { VMCS_MSR_BITMAP + 4, 0x10 } }, 7, 0 },
    { "virtual APIC beyond", { { VMCS_PROC, PROC0 | VMX_PROC_TPR_SHADOW }, { VMCS_VIRTUAL_APIC, VTPR }, { VMCS_VIRTUAL_APIC + 4, 1 } }, 7, 0 },
    { "threshold unused", { { VMCS_TPR_THRESHOLD, UINT32_MAX }, { VMCS_VIRTUAL_APIC, 1 } }, 0, 0 },
    { "MSR store beyond", { { VMCS_EXIT_STORES, 1 }, { VMCS_EXIT_STORE_AT, MSRS }, { VMCS_EXIT_STORE_AT + 4, 1 } }, 7, 0 },
    { "MSR load odd", { { VMCS_EXIT_LOADS, 1 }, { VMCS_EXIT_LOAD_AT, MSRS + 4 } }, 7, 0 },
    { "entry: MSR load beyond", { { VMCS_ENTRY_LOADS, 0x10000000 }, { VMCS_ENTRY_LOAD_AT, 0x10 } }, 7, 0 },
    { "entry: a 1 cleared", { { VMCS_ENTRY, ENTRY0 & ~4u } }, 7, 0 },
    { "entry: end of SMM's monitor", { { VMCS_ENTRY, ENTRY0 | 1 << 11 } }, 7, 0 },
    { "entry: load PAT", { { VMCS_ENTRY, ENTRY0 | 1 << 14 } }, 7, 0 },
    { "NMI window without virtual NMIs", { { VMCS_PROC, PROC0 | VMX_PROC_NMI_WINDOW } }, 7, 0 },
};
static const struct check hosts[] = {
    { "host CR0.PE", { { VMCS_HOST_CR0, CR0_PG | CR0_NE } }, 8, 0 }, { "host CR0.PG", { { VMCS_HOST_CR0, CR0_PE | CR0_NE } }, 8, 0 },
    { "host CR0.NE", { { VMCS_HOST_CR0, CR0_PG | CR0_PE } }, 8, 0 }, { "host CR4.VMXE", { { VMCS_HOST_CR4, 0 } }, 8, 0 },
    { "host CR4 reserved", { { VMCS_HOST_CR4, CR4_VMXE | 1 << 14 } }, 8, 0 },
    { "host CS null", { { VMCS_HOST_CS, 0 } }, 8, 0 }, { "host SS null", { { VMCS_HOST_SS, 0 } }, 8, 0 },
    { "host TR null", { { VMCS_HOST_TR, 0 } }, 8, 0 }, { "host DS null", { { VMCS_HOST_DS, 0 } }, 0, 0 },
    { "host CS RPL", { { VMCS_HOST_CS, SEL_CODE0 | 3 } }, 8, 0 }, { "host ES TI", { { VMCS_HOST_ES, 4 } }, 8, 0 },
    { "host GS RPL", { { VMCS_HOST_GS, 1 } }, 8, 0 },
};
#define SEG(name, v) { VMCS_GUEST_##name, v }
static const struct check guests[] = {
    { "CR0.NE", { { VMCS_GUEST_CR0, CR0_PG | CR0_PE } }, 33, 0 }, { "CR0.PE: no real mode", { { VMCS_GUEST_CR0, CR0_NE } }, 33, 0 },
    { "CR0.PG", { { VMCS_GUEST_CR0, CR0_NE | CR0_PE } }, 33, 0 }, { "CR4.VMXE", { { VMCS_GUEST_CR4, 0 } }, 33, 0 },
    { "NW without CD", { { VMCS_GUEST_CR0, CR0_FIXED | CR0_NW } }, 0, 0 },
    { "CR4 reserved", { { VMCS_GUEST_CR4, CR4_VMXE | 1u << 31 } }, 33, 0 },
    { "DEBUGCTL reserved", { { VMCS_GUEST_DEBUGCTL, 0x100 } }, 33, 0 },
    { "EFLAGS bit 1", { { VMCS_GUEST_EFLAGS, 0 } }, 33, 0 }, { "EFLAGS bit 3", { { VMCS_GUEST_EFLAGS, FLAG_ONE | 8 } }, 33, 0 },
    { "EFLAGS bit 5", { { VMCS_GUEST_EFLAGS, FLAG_ONE | 1 << 5 } }, 33, 0 }, { "EFLAGS bit 15", { { VMCS_GUEST_EFLAGS, FLAG_ONE | 1 << 15 } }, 33, 0 },
    { "EFLAGS bit 31", { { VMCS_GUEST_EFLAGS, FLAG_ONE | 1u << 31 } }, 33, 0 }, { "EFLAGS, all there are", { { VMCS_GUEST_EFLAGS, 0x1C7FD7 & ~(uint32_t)FLAG_TF } }, 0, 0 },
    { "an interrupt with IF set", { { VMCS_ENTRY_EVENT, V(0x20) }, { VMCS_GUEST_EFLAGS, FLAG_ONE | FLAG_IF } }, 0, 0 },
    { "EFLAGS bit 22", { { VMCS_GUEST_EFLAGS, FLAG_ONE | 1 << 22 } }, 33, 0 },
    { "an interrupt with IF clear", { { VMCS_ENTRY_EVENT, V(0x20) } }, 33, 0 },
    { "TR in the LDT", { { VMCS_GUEST_TR, SEL_TSS | 4 } }, 33, 0 }, { "TR unusable", { { VMCS_GUEST_TR_AR, AR_UNUSABLE | 0x8B } }, 33, 0 },
    { "TR not busy", { { VMCS_GUEST_TR_AR, 0x89 } }, 33, 0 }, { "TR of 16 bits", { { VMCS_GUEST_TR_AR, 0x83 } }, 0, 0 },
    { "TR absent", { { VMCS_GUEST_TR_AR, 0x0B } }, 33, 0 }, { "TR not a system segment", { { VMCS_GUEST_TR_AR, 0x9B } }, 33, 0 },
    { "TR limit in pages", { { VMCS_GUEST_TR_AR, 0x808B } }, 33, 0 }, { "TR limit in bytes", { { VMCS_GUEST_TR_LIMIT, 0x100000 } }, 33, 0 },
    { "LDTR", { { VMCS_GUEST_LDTR_AR, 0x82 }, { VMCS_GUEST_LDTR, SEL_LDT } }, 0, 0 },
    { "LDTR in the LDT", { { VMCS_GUEST_LDTR_AR, 0x82 }, { VMCS_GUEST_LDTR, 4 } }, 33, 0 },
    { "LDTR is a TSS", { { VMCS_GUEST_LDTR_AR, 0x89 } }, 33, 0 },
    { "CS not accessed", { SEG(CS_AR, 0xC09A) }, 33, 0 }, { "CS is data", { SEG(CS_AR, 0xC093) }, 33, 0 },
    { "CS unusable", { SEG(CS_AR, 0x1C09A) }, 33, 0 }, { "CS system", { SEG(CS_AR, 0xC08B) }, 33, 0 },
    { "CS conforming", { SEG(CS_AR, 0xC09F) }, 0, 0 }, { "CS reserved", { SEG(CS_AR, 0xC19B) }, 33, 0 },
    { "CS of another ring", { SEG(CS_AR, 0xC0FB), SEG(CS, SEL_CODE0 | 3) }, 33, 0 },
    { "CS absent", { SEG(CS_AR, 0xC01B) }, 33, 0 }, { "CS limit", { SEG(CS_LIMIT, 0xFFFFE) }, 33, 0 },
    { "SS RPL", { SEG(SS, SEL_DATA0 | 1) }, 33, 0 }, { "SS DPL", { SEG(SS_AR, 0xC0B3) }, 33, 0 },
    { "SS read-only", { SEG(SS_AR, 0xC091) }, 33, 0 }, { "SS expand-down", { SEG(SS_AR, 0xC097) }, 0, 0 },
    { "SS unusable", { SEG(SS_AR, AR_UNUSABLE) }, 0, 0 },
    { "ring 3", { SEG(CS, CODE(3) | 3), SEG(CS_AR, 0xC0FB), SEG(SS, DATA(3) | 3), SEG(SS_AR, 0xC0F3), SEG(DS_AR, 0xC0F3) }, 0, 0 },
    { "ES not accessed", { SEG(ES_AR, 0xC092) }, 33, 0 }, { "ES unusable", { SEG(ES_AR, AR_UNUSABLE | 0xC092) }, 0, 0 },
    { "DS execute-only", { SEG(DS_AR, 0xC099) }, 33, 0 }, { "DS readable code", { SEG(DS_AR, 0xC09B) }, 0, 0 },
    { "FS below its RPL", { SEG(FS, SEL_DATA0 | 3) }, 33, 0 }, { "FS conforming", { SEG(FS, SEL_CODE0 | 3), SEG(FS_AR, 0xC09F) }, 0, 0 },
    { "GS absent", { SEG(GS_AR, 0xC013) }, 33, 0 }, { "GS limit in bytes", { SEG(GS_AR, 0x4093) }, 33, 0 },
    { "V86 with flat segments", { { VMCS_GUEST_EFLAGS, FLAG_ONE | FLAG_VM } }, 33, 0 },
    { "GDTR limit", { { VMCS_GUEST_GDTR_LIMIT, 0x10000 } }, 33, 0 }, { "IDTR limit", { { VMCS_GUEST_IDTR_LIMIT, 0x10000 } }, 33, 0 },
    { "activity 4", { { VMCS_GUEST_ACTIVITY, 4 } }, 33, 0 }, { "halted", { { VMCS_GUEST_ACTIVITY, 1 } }, 0, 0 },
    { "halted in ring 3", { { VMCS_GUEST_ACTIVITY, 1 }, SEG(CS, CODE(3) | 3), SEG(CS_AR, 0xC0FB), SEG(SS, DATA(3) | 3), SEG(SS_AR, 0xC0F3), SEG(DS_AR, 0xC0F3) }, 33, 0 },
    { "#DB into a halted one", { { VMCS_GUEST_ACTIVITY, 1 }, { VMCS_ENTRY_EVENT, V(0x301) } }, 0, 0 },
    { "machine check into shutdown", { { VMCS_GUEST_ACTIVITY, 2 }, { VMCS_ENTRY_EVENT, V(0x312) } }, 0, 0 },
    { "#DB into shutdown", { { VMCS_GUEST_ACTIVITY, 2 }, { VMCS_ENTRY_EVENT, V(0x301) } }, 33, 0 },
    { "nothing into a wait for SIPI", { { VMCS_GUEST_ACTIVITY, 3 } }, 0, 0 },
    { "halted in STI's shadow", { { VMCS_GUEST_ACTIVITY, 1 }, { VMCS_GUEST_INTERRUPTIBILITY, 1 }, { VMCS_GUEST_EFLAGS, FLAG_ONE | FLAG_IF } }, 33, 0 },
    { "#GP into a halted one", { { VMCS_GUEST_ACTIVITY, 1 }, { VMCS_ENTRY_EVENT, V(0xB0D) } }, 33, 0 },
    { "NMI into a halted one", { { VMCS_GUEST_ACTIVITY, 1 }, { VMCS_ENTRY_EVENT, V(0x202) } }, 0, 0 },
    { "interrupt into shutdown", { { VMCS_GUEST_ACTIVITY, 2 }, { VMCS_ENTRY_EVENT, V(0x20) }, { VMCS_GUEST_EFLAGS, FLAG_ONE | FLAG_IF } }, 33, 0 },
    { "NMI for one without SIPI", { { VMCS_GUEST_ACTIVITY, 3 }, { VMCS_ENTRY_EVENT, V(0x202) } }, 33, 0 },
    { "blocked: reserved", { { VMCS_GUEST_INTERRUPTIBILITY, 16 } }, 33, 0 }, { "blocked by SMI", { { VMCS_GUEST_INTERRUPTIBILITY, 4 } }, 33, 0 },
    { "STI and MOV SS", { { VMCS_GUEST_INTERRUPTIBILITY, 3 }, { VMCS_GUEST_EFLAGS, FLAG_ONE | FLAG_IF } }, 33, 0 },
    { "STI with IF clear", { { VMCS_GUEST_INTERRUPTIBILITY, 1 } }, 33, 0 }, { "MOV SS", { { VMCS_GUEST_INTERRUPTIBILITY, 2 } }, 0, 0 },
    { "interrupt behind MOV SS", { { VMCS_GUEST_INTERRUPTIBILITY, 2 }, { VMCS_ENTRY_EVENT, V(0x20) }, { VMCS_GUEST_EFLAGS, FLAG_ONE | FLAG_IF } }, 33, 0 },
    { "NMI behind MOV SS", { { VMCS_GUEST_INTERRUPTIBILITY, 2 }, { VMCS_ENTRY_EVENT, V(0x202) } }, 33, 0 },
    { "NMI behind STI", { { VMCS_GUEST_INTERRUPTIBILITY, 1 }, { VMCS_ENTRY_EVENT, V(0x202) }, { VMCS_GUEST_EFLAGS, FLAG_ONE | FLAG_IF } }, 33, 3 },
    { "pending: reserved", { { VMCS_GUEST_PENDING_DEBUG, 1 << 13 } }, 33, 0 }, { "pending", { { VMCS_GUEST_PENDING_DEBUG, 0x5003 } }, 0, 0 },
    { "TF held without BS", { { VMCS_GUEST_INTERRUPTIBILITY, 2 }, { VMCS_GUEST_EFLAGS, FLAG_ONE | FLAG_TF } }, 33, 0 },
    { "BS held without TF", { { VMCS_GUEST_INTERRUPTIBILITY, 2 }, { VMCS_GUEST_PENDING_DEBUG, 0x4000 } }, 33, 0 },
    { "link: odd", { { VMCS_GUEST_LINK, OTHER + 1 }, { VMCS_GUEST_LINK + 4, 0 } }, 33, 4 },
    { "link: itself", { { VMCS_GUEST_LINK, CURRENT }, { VMCS_GUEST_LINK + 4, 0 } }, 33, 4 },
    { "link: no VMCS", { { VMCS_GUEST_LINK, BITMAPS }, { VMCS_GUEST_LINK + 4, 0 } }, 33, 4 },
    { "link: another", { { VMCS_GUEST_LINK, OTHER }, { VMCS_GUEST_LINK + 4, 0 } }, 0, 0 },
    { "link: beyond", { { VMCS_GUEST_LINK, OTHER }, { VMCS_GUEST_LINK + 4, 1 } }, 33, 4 },
    { "link: half of none", { { VMCS_GUEST_LINK, UINT32_MAX }, { VMCS_GUEST_LINK + 4, 0 } }, 33, 4 },
    { "waits for a SIPI behind MOV SS", { { VMCS_GUEST_ACTIVITY, 3 }, { VMCS_GUEST_INTERRUPTIBILITY, 2 } }, 33, 0 },
    { "shut down", { { VMCS_GUEST_ACTIVITY, 2 } }, 0, 0 },
    { "machine check into a halted one", { { VMCS_GUEST_ACTIVITY, 1 }, { VMCS_ENTRY_EVENT, V(0x312) } }, 0, 0 },
    { "interrupt into a halted one", { { VMCS_GUEST_ACTIVITY, 1 }, { VMCS_ENTRY_EVENT, V(0x20) }, { VMCS_GUEST_EFLAGS, FLAG_ONE | FLAG_IF } }, 0, 0 },
    { "INT into a halted one", { { VMCS_GUEST_ACTIVITY, 1 }, { VMCS_ENTRY_EVENT, V(0x480) }, { VMCS_ENTRY_LENGTH, 2 } }, 33, 0 },
    { "interrupt behind STI", { { VMCS_GUEST_INTERRUPTIBILITY, 1 }, { VMCS_ENTRY_EVENT, V(0x20) }, { VMCS_GUEST_EFLAGS, FLAG_ONE | FLAG_IF } }, 33, 0 },
    { "STI", { { VMCS_GUEST_INTERRUPTIBILITY, 1 }, { VMCS_GUEST_EFLAGS, FLAG_ONE | FLAG_IF } }, 0, 0 },
    { "NMI blocked, and injected without virtual NMIs", { { VMCS_GUEST_INTERRUPTIBILITY, 8 }, { VMCS_ENTRY_EVENT, V(0x202) } }, 0, 0 },
    { "exception behind MOV SS", { { VMCS_GUEST_INTERRUPTIBILITY, 2 }, { VMCS_ENTRY_EVENT, V(0x306) } }, 0, 0 },
    { "TF held, with BS", { { VMCS_GUEST_INTERRUPTIBILITY, 2 }, { VMCS_GUEST_EFLAGS, FLAG_ONE | FLAG_TF }, { VMCS_GUEST_PENDING_DEBUG, 0x4000 } }, 0, 0 },
    { "TF and BTF held, without BS", { { VMCS_GUEST_INTERRUPTIBILITY, 2 }, { VMCS_GUEST_EFLAGS, FLAG_ONE | FLAG_TF }, { VMCS_GUEST_DEBUGCTL, 2 } }, 0, 0 },
    { "TF and BTF held, with BS", { { VMCS_GUEST_INTERRUPTIBILITY, 2 }, { VMCS_GUEST_EFLAGS, FLAG_ONE | FLAG_TF }, { VMCS_GUEST_DEBUGCTL, 2 },
      { VMCS_GUEST_PENDING_DEBUG, 0x4000 } }, 33, 0 },
    { "TF held by HLT, without BS", { { VMCS_GUEST_ACTIVITY, 1 }, { VMCS_GUEST_EFLAGS, FLAG_ONE | FLAG_TF } }, 33, 0 },
    { "TF held by STI, without BS", { { VMCS_GUEST_INTERRUPTIBILITY, 1 }, { VMCS_GUEST_EFLAGS, FLAG_ONE | FLAG_TF | FLAG_IF } }, 33, 0 },
    { "TF, not held, without BS", { { VMCS_GUEST_EFLAGS, FLAG_ONE | FLAG_TF } }, 0, 0 },
    { "PDPTEs that are not present", { { VMCS_GUEST_CR4, CR4_VMXE | CR4_PAE }, { VMCS_GUEST_CR3, MSRS + 0x900 } }, 0, 0 },
    { "PDPTE beyond", { { VMCS_GUEST_CR4, CR4_VMXE | CR4_PAE }, { VMCS_GUEST_CR3, MSRS + 0x880 } }, 33, 2 },
    { "PDPTE reserved", { { VMCS_GUEST_CR4, CR4_VMXE | CR4_PAE }, { VMCS_GUEST_CR3, MSRS + 0x800 } }, 33, 2 },
    { "FS base by MSR", { { VMCS_ENTRY_LOADS, 1 }, { VMCS_ENTRY_LOAD_AT, MSRS } }, 34, 1 },
    { "an MSR there is not", { { VMCS_ENTRY_LOADS, 1 }, { VMCS_ENTRY_LOAD_AT, MSRS + 0x110 } }, 34, 1 },
    { "an MSR of x2APIC", { { VMCS_ENTRY_LOADS, 1 }, { VMCS_ENTRY_LOAD_AT, MSRS + 0x120 } }, 34, 1 },
    { "an MSR to be read only", { { VMCS_ENTRY_LOADS, 1 }, { VMCS_ENTRY_LOAD_AT, MSRS + 0x130 } }, 34, 1 },
    { "a value it refuses", { { VMCS_ENTRY_LOADS, 1 }, { VMCS_ENTRY_LOAD_AT, MSRS + 0x140 } }, 34, 1 },
    { "reserved bits of an entry", { { VMCS_ENTRY_LOADS, 1 }, { VMCS_ENTRY_LOAD_AT, MSRS + 0x150 } }, 34, 1 },
    { "second MSR", { { VMCS_ENTRY_LOADS, 2 }, { VMCS_ENTRY_LOAD_AT, MSRS + 0x100 } }, 34, 2 },
    { "one MSR", { { VMCS_ENTRY_LOADS, 1 }, { VMCS_ENTRY_LOAD_AT, MSRS + 0x100 } }, 0, 0 },
};

/* What some rows name: entries of an MSR list, PDPTEs. */
static void lists(struct fake *f)
{
    static const struct { uint32_t at, value; } words[] = { { 0x120, 0x808 }, { 0x130, 0x480 }, { 0x140, 0x1B }, { 0x148, 0xFFF }, { 0x150, 0x174 },
        { 0x154, 1 }, { 0x880, 0x1001 }, { 0x89C, 0x10 }, { 0x898, 0x1001 }, { 0x900, 0xFFFFFFFE }, { 0x904, UINT32_MAX } };
    for (size_t n = 0; n < COUNT(words); n++) fake_put32(f, MSRS + words[n].at, words[n].value);
}

static void check_table(const struct check *rows, size_t n)
{
    for (size_t k = 0; k < n; k++) check_one(VMX_FIRST, &rows[k]);
}

#define EPT(low) { VMCS_PROC, PROC0 | VMX_PROC_SECONDARY }, { VMCS_PROC2, VMX_PROC2_EPT }, { VMCS_EPTP, OTHER | (low) }

static void entry_checks(void **state)
{
    (void)state;
    check_table(controls, COUNT(controls));
    check_table(hosts, COUNT(hosts));
    for (size_t k = 0; k < COUNT(guests); k++) check_in(lists, VMX_FIRST, &guests[k]);
    static const struct check later[] = {
        { "virtual NMIs without NMIs", { { VMCS_PIN, PIN0 | VMX_PIN_VIRTUAL_NMI } }, 7, 0 },
        { "NMI window", { { VMCS_PIN, PIN0 | VMX_PIN_VIRTUAL_NMI | VMX_PIN_NMI }, { VMCS_PROC, PROC0 | VMX_PROC_NMI_WINDOW } }, 0, 0 },
        { "NMI while blocked", { { VMCS_PIN, PIN0 | VMX_PIN_VIRTUAL_NMI | VMX_PIN_NMI }, { VMCS_GUEST_INTERRUPTIBILITY, 8 },
          { VMCS_ENTRY_EVENT, V(0x202) } }, 33, 0 },
        { "CR3 loads need not leave", { { VMCS_PROC, PROC0 & ~(uint32_t)VMX_PROC_CR3_LOAD } }, 0, 0 },
        { "monitor trap", { { VMCS_PROC, PROC0 | VMX_PROC_MONITOR_TRAP } }, 0, 0 },
        { "monitor trap injected", { { VMCS_ENTRY_EVENT, V(0x700) } }, 0, 0 },
        { "timer", { { VMCS_PIN, PIN0 | VMX_PIN_TIMER } }, 0, 0 },
        { "timer saved", { { VMCS_PIN, PIN0 | VMX_PIN_TIMER }, { VMCS_EXIT, EXIT0 | VMX_EXIT_SAVE_TIMER } }, 0, 0 },
        { "no timer to save", { { VMCS_EXIT, EXIT0 | VMX_EXIT_SAVE_TIMER } }, 7, 0 },
        { "APIC page", { { VMCS_PROC, PROC0 | VMX_PROC_SECONDARY }, { VMCS_PROC2, VMX_PROC2_APIC }, { VMCS_APIC_ACCESS, OTHER } }, 0, 0 },
        { "APIC page odd", { { VMCS_PROC, PROC0 | VMX_PROC_SECONDARY }, { VMCS_PROC2, VMX_PROC2_APIC }, { VMCS_APIC_ACCESS, OTHER + 8 } }, 7, 0 },
        { "secondary word unused", { { VMCS_PROC2, UINT32_MAX }, { VMCS_APIC_ACCESS, 1 } }, 0, 0 },
        { "threshold above the TPR of an APIC page", { { VMCS_PROC, PROC0 | VMX_PROC_SECONDARY | VMX_PROC_TPR_SHADOW }, { VMCS_PROC2, VMX_PROC2_APIC },
          { VMCS_APIC_ACCESS, OTHER }, { VMCS_VIRTUAL_APIC, VTPR }, { VMCS_TPR_THRESHOLD, 4 } }, 0, 0 },
        { "monitor trap into a halted one", { { VMCS_GUEST_ACTIVITY, 1 }, { VMCS_ENTRY_EVENT, V(0x700) } }, 0, 0 },
        { "other event 1", { { VMCS_ENTRY_EVENT, V(0x701) } }, 7, 0 },
        { "monitor trap with code", { { VMCS_ENTRY_EVENT, V(0xF00) } }, 7, 0 },
        { "APIC page beyond", { { VMCS_PROC, PROC0 | VMX_PROC_SECONDARY }, { VMCS_PROC2, VMX_PROC2_APIC }, { VMCS_APIC_ACCESS, OTHER }, { VMCS_APIC_ACCESS + 4, 1 } }, 7, 0 },
        { "secondary: no such bit", { { VMCS_PROC, PROC0 | VMX_PROC_SECONDARY }, { VMCS_PROC2, 1 << 7 } }, 7, 0 },
        { "no tag", { { VMCS_PROC, PROC0 | VMX_PROC_SECONDARY }, { VMCS_PROC2, VMX_PROC2_VPID } }, 7, 0 },
        { "a tag", { { VMCS_PROC, PROC0 | VMX_PROC_SECONDARY }, { VMCS_PROC2, VMX_PROC2_VPID }, { VMCS_VPID, 1 } }, 0, 0 },
        { "EPT", { EPT(0x1E) }, 0, 0 }, { "EPT uncached", { EPT(0x18) }, 0, 0 }, { "EPT write-through", { EPT(0x1C) }, 7, 0 },
        { "EPT of three levels", { EPT(0x16) }, 7, 0 }, { "EPT: accessed bits", { EPT(0x5E) }, 7, 0 }, { "EPT: bit 11", { EPT(0x81E) }, 7, 0 },
        { "EPT beyond", { EPT(0x1E), { VMCS_EPTP + 4, 0x10 } }, 7, 0 },
        { "EPT: PDPTE field reserved", { EPT(0x1E), { VMCS_GUEST_CR4, CR4_VMXE | CR4_PAE }, { VMCS_GUEST_PDPTE0 + 8, 5 } }, 33, 2 },
        { "EPT: PDPTE field beyond", { EPT(0x1E), { VMCS_GUEST_CR4, CR4_VMXE | CR4_PAE }, { VMCS_GUEST_PDPTE0 + 24, 1 }, { VMCS_GUEST_PDPTE0 + 28, 0x10 } }, 33, 2 },
        { "EPT: memory's PDPTEs are not looked at", { EPT(0x1E), { VMCS_GUEST_CR4, CR4_VMXE | CR4_PAE }, { VMCS_GUEST_CR3, MSRS + 0x800 } }, 0, 0 },
    };
    for (size_t k = 0; k < COUNT(later); k++) check_one(VMX_NEHALEM, &later[k]);
}

/* Every vector as an exception, with an error code and without. */
static void error_codes(void **state)
{
    (void)state;
    static const uint32_t push = 1u << 8 | 0x1Fu << 10 | 1u << 17;
    for (unsigned vector = 0; vector < 32; vector++)
        for (unsigned code = 0; code < 2; code++)
            check_with(NULL, "exception", vector, VMCS_ENTRY_EVENT, V(0x300 | code << 11 | vector), code == (push >> vector & 1) ? 0 : 7);
}

/* ES CS SS DS FS GS, TR in the host's state; CS, SS and TR cannot be null. */
static void host_selectors(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 7; n++) {
        bool needed = n == SEG_CS || n == SEG_SS || n == 6;
        for (unsigned bit = 0; bit < 3; bit++) check_with(NULL, "host selector", n, vmcs_nth(VMCS_HOST_ES, n), 0x8u | 1u << bit, 8);
        check_with(NULL, "host selector", n, vmcs_nth(VMCS_HOST_ES, n), 0, needed ? 8 : 0);
    }
}

/* ---- segment registers ---- */

enum { LDTR = 6, TR };
static void with_ldt(struct fake *f) { vmx_set(f, VMCS_GUEST_LDTR, SEL_LDT), vmx_set(f, VMCS_GUEST_LDTR_AR, 0x82), vmx_set(f, VMCS_GUEST_LDTR_LIMIT, 7); }

/* Rights that any register that can be used must have: P, S, nothing in 11-8 or 31-17, a limit that G can have made. */
static void rights(void **state)
{
    (void)state;
    enum { S = 1 << 4, P = 1 << 7, G = 1 << 15, AVL = 1 << 12 };
    for (unsigned n = 0; n <= TR; n++) {
        enum vmcs_offset ar = vmcs_nth(VMCS_GUEST_ES_AR, n), limit = vmcs_nth(VMCS_GUEST_ES_LIMIT, n);
        uint32_t good = n == TR ? 0x8B : n == LDTR ? 0x82 : n == SEG_CS ? AR_FLAT_CODE : AR_FLAT_DATA;
        bool system = n >= LDTR;
        check_with(with_ldt, "AVL of", n, ar, good | AVL, 0);
        check_with(with_ldt, "S of", n, ar, good ^ S, 33);
        check_with(with_ldt, "P of", n, ar, good ^ P, 33);
        check_with(with_ldt, "G of", n, ar, good ^ G, 33);
        for (unsigned bit = 8; bit < 32; bit = bit == 11 ? 17 : bit + 1) check_with(with_ldt, "a reserved bit of", n, ar, good | 1u << bit, 33);
        check_with(with_ldt, "limit of", n, limit, system ? 0xFFFFF : 0xFFF, 0);
        check_with(with_ldt, "limit of", n, limit, system ? 0x100000 : 0xFFFFFFFE, 33);
        check_with(with_ldt, "limit of", n, limit, system ? 0x80000000 : 0xFFFFF7FF, 33);
        bool may = n != SEG_CS && n != TR; /* be unusable; then nothing else counts. SS has its ring all the same, and CS no such bit */
        check_with(with_ldt, "unusable", n, ar, AR_UNUSABLE | (n == SEG_CS ? AR_FLAT_CODE : 0xFFFE0F0F), may || n == SEG_CS ? 0 : 33);
    }
}

/* Every type: what is code, what is a stack, what is data, what a TSS. */
static void types(void **state)
{
    (void)state;
    static const struct { unsigned n; uint32_t good, may; } rows[] = {
        { SEG_CS, 0xC090, 1u << 9 | 1u << 11 | 1u << 13 | 1u << 15 }, { SEG_SS, 0xC090, 1u << 3 | 1u << 7 },
        { SEG_DS, 0xC090, 1u << 1 | 1u << 3 | 1u << 5 | 1u << 7 | 1u << 11 | 1u << 15 }, { SEG_ES, 0xC090, 0x88AA }, { SEG_FS, 0xC090, 0x88AA },
        { SEG_GS, 0xC090, 0x88AA }, { LDTR, 0x80, 1u << 2 }, { TR, 0x80, 1u << 3 | 1u << 11 } };
    for (size_t k = 0; k < COUNT(rows); k++)
        for (unsigned type = 0; type < 16; type++)
            check_with(with_ldt, "type of", rows[k].n, vmcs_nth(VMCS_GUEST_ES_AR, rows[k].n), rows[k].good | type, rows[k].may >> type & 1 ? 0 : 33);
}

static void in_ring_2(struct fake *f)
{
    for (unsigned n = 0; n < 6; n++) {
        vmx_set(f, vmcs_nth(VMCS_GUEST_ES, n), (n == SEG_CS ? SEL_CODE0 : SEL_DATA0) | 2);
        vmx_set(f, vmcs_nth(VMCS_GUEST_ES_AR, n), (n == SEG_CS ? AR_FLAT_CODE : AR_FLAT_DATA) | 2 << 5);
    }
}

/* SS says the ring: its DPL is its RPL and CS's; code is of that ring, or conforming and of no outer one; data of none inside its RPL. */
static void privilege(void **state)
{
    (void)state;
    for (uint32_t level = 0; level < 4; level++) {
        uint32_t code = (AR_FLAT_CODE & ~0x60u) | level << 5, data = (AR_FLAT_DATA & ~0x60u) | level << 5;
        check_with(in_ring_2, "CS, DPL", level, VMCS_GUEST_CS_AR, code, level == 2 ? 0 : 33);
        check_with(in_ring_2, "conforming CS, DPL", level, VMCS_GUEST_CS_AR, code | 4, level <= 2 ? 0 : 33);
        check_with(in_ring_2, "SS, DPL", level, VMCS_GUEST_SS_AR, data, level == 2 ? 0 : 33);
        check_with(in_ring_2, "unusable SS, DPL", level, VMCS_GUEST_SS_AR, AR_UNUSABLE | level << 5, level == 2 ? 0 : 33);
        check_with(in_ring_2, "SS, RPL", level, VMCS_GUEST_SS, SEL_DATA0 | level, level == 2 ? 0 : 33);
        check_with(in_ring_2, "CS, RPL", level, VMCS_GUEST_CS, SEL_CODE0 | level, level == 2 ? 0 : 33);
        for (unsigned n = 0; n < 6; n++) {
            enum vmcs_offset ar = vmcs_nth(VMCS_GUEST_ES_AR, n);
            if (n == SEG_CS || n == SEG_SS) continue;
            check_with(in_ring_2, "data, DPL", n, ar, data, level >= 2 ? 0 : 33);
            check_with(in_ring_2, "code, DPL", n, ar, code, level >= 2 ? 0 : 33);
            check_with(in_ring_2, "conforming code, DPL", n, ar, code | 4, 0);
        }
    }
}

static void in_v86(struct fake *f)
{
    vmx_set(f, VMCS_GUEST_EFLAGS, FLAG_ONE | FLAG_VM);
    for (unsigned n = 0; n < 6; n++) {
        vmx_set(f, vmcs_nth(VMCS_GUEST_ES, n), 0x100 + n), vmx_set(f, vmcs_nth(VMCS_GUEST_ES_BASE, n), 0x1000 + 16 * n);
        vmx_set(f, vmcs_nth(VMCS_GUEST_ES_LIMIT, n), 0xFFFF), vmx_set(f, vmcs_nth(VMCS_GUEST_ES_AR, n), 0xF3);
    }
}

static void virtual_8086(void **state)
{
    (void)state;
    check_in(in_v86, VMX_FIRST, &(struct check){ "V86", { { 0, 0 } }, 0, 0 });
    check_in(in_v86, VMX_FIRST, &(struct check){ "V86, halted", { { VMCS_GUEST_ACTIVITY, 1 } }, 33, 0 });
    check_with(in_v86, "V86, TR of", TR, VMCS_GUEST_TR_AR, 0x89, 33);
    for (unsigned n = 0; n < 6; n++) {
        check_with(in_v86, "V86, base of", n, vmcs_nth(VMCS_GUEST_ES_BASE, n), 0x1000 + 16 * n + 1, 33);
        check_with(in_v86, "V86, limit of", n, vmcs_nth(VMCS_GUEST_ES_LIMIT, n), 0xFFFE, 33);
        check_with(in_v86, "V86, limit of", n, vmcs_nth(VMCS_GUEST_ES_LIMIT, n), 0x1FFFF, 33);
        static const uint32_t wrong[] = { 0x93, 0xF2, 0xFB, 0x40F3, 0x10F3, AR_UNUSABLE | 0xF3 };
        for (size_t k = 0; k < COUNT(wrong); k++) check_with(in_v86, "V86, rights of", n, vmcs_nth(VMCS_GUEST_ES_AR, n), wrong[k], 33);
    }
}

/* ---- the rest of the guest ---- */

/* Pending debug exceptions: B0-B3, 12 and BS. GDTR and IDTR: limits of 16 bits. */
static void single_bits(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        bool known = bit < 4 || bit == 12 || bit == 14;
        check_with(NULL, "pending", bit, VMCS_GUEST_PENDING_DEBUG, 1u << bit, known ? 0 : 33);
        check_with(NULL, "GDTR limit", bit, VMCS_GUEST_GDTR_LIMIT, 0xFFFu | 1u << bit, bit < 16 ? 0 : 33);
        check_with(NULL, "IDTR limit", bit, VMCS_GUEST_IDTR_LIMIT, 0x7FFu | 1u << bit, bit < 16 ? 0 : 33);
        if (bit > 3) check_with(NULL, "interruptibility", bit, VMCS_GUEST_INTERRUPTIBILITY, 1u << bit, 33);
    }
}

/* Bits that a control word must have, and may not have, are those that its capability MSR says. */
static void control_words(void **state)
{
    (void)state;
    static const enum vmcs_offset words[] = { VMCS_PIN, VMCS_PROC, VMCS_EXIT, VMCS_ENTRY };
    static const uint32_t base[] = { PIN0, PROC0, EXIT0, ENTRY0 };
    struct fake f;
    vmx_start_root(&f, VMX_FIRST);
    for (unsigned n = 0; n < COUNT(words); n++) {
        uint64_t allowed;
        assert_true(vmx_capability(&f.cpu, 0x481 + n, &allowed));
        assert_int_equal(base[n] & (uint32_t)allowed, (uint32_t)allowed);
        for (unsigned bit = 0; bit < 32; bit++) {
            bool must = allowed >> bit & 1, may = allowed >> (32 + bit) & 1;
            if (must || !may) check_with(NULL, "control word", n, words[n], base[n] ^ 1u << bit, 7);
        }
    }
    fake_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entry_checks), cmocka_unit_test(error_codes), cmocka_unit_test(host_selectors), cmocka_unit_test(rights),
        cmocka_unit_test(types), cmocka_unit_test(privilege), cmocka_unit_test(virtual_8086), cmocka_unit_test(single_bits),
        cmocka_unit_test(control_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
