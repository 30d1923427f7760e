/* VMX: what makes a guest leave, what it tells, what is saved and loaded, and injection (SDM vol. 3B ch. 21-23, 2006; 3C 25-27).
 * The checks of VM entry are in cpu_vmx_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "sim/cpu/debug.h"
#include "sim/cpu/segment.h"
#include "tests/support/cpu_case.h"
#include "tests/support/vmx_world.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
enum { NONE = 0xFFFF /* the guest does not leave */ };

struct change { enum vmcs_offset field; uint32_t value; };
static void change(struct fake *f, const struct change *c, size_t n)
{
    for (size_t k = 0; k < n && c[k].field; k++) vmx_set(f, c[k].field, c[k].value);
}

/* ---- one instruction ---- */

struct row {
    const char *what, *bytes;
    struct change c[4];
    uint32_t reg[8];            /* of the guest; 0: as it is */
    uint32_t reason, qualification, instruction;
};
#define PROC(bits) { VMCS_PROC, PROC0 | (uint32_t)(bits) }
#define EXCEPTIONS(bits) { VMCS_EXCEPTIONS, bits }
#define REG_(n, v) { [n] = v }
#define RING3 { VMCS_GUEST_CS, CODE(3) | 3 }, { VMCS_GUEST_CS_AR, 0xC0FB }, { VMCS_GUEST_SS, DATA(3) | 3 }, { VMCS_GUEST_SS_AR, 0xC0F3 }

static const struct row rows[] = {
    { "nop", "90", { { 0, 0 } }, { 0 }, NONE, 0, 0 },
    { "cpuid", "0FA2", { { 0, 0 } }, { 0 }, VMX_CPUID, 0, 0 },
    { "cpuid in ring 3", "0FA2", { RING3 }, { 0 }, VMX_CPUID, 0, 0 },
    { "invd", "0F08", { { 0, 0 } }, { 0 }, VMX_INVD, 0, 0 },
    { "wbinvd stays", "0F09", { { 0, 0 } }, { 0 }, NONE, 0, 0 },
    { "hlt", "F4", { PROC(VMX_PROC_HLT) }, { 0 }, VMX_HLT, 0, 0 },
    { "hlt stays", "F4", { { 0, 0 } }, { 0 }, NONE, 0, 0 },
    { "invlpg", "0F017B08", { PROC(VMX_PROC_INVLPG) }, REG_(EBX, 0x12340), VMX_INVLPG, 0x12348, 0 },
    { "invlpg stays", "0F017B08", { { 0, 0 } }, { 0 }, NONE, 0, 0 },
    { "rdpmc", "0F33", { PROC(VMX_PROC_RDPMC) }, { 0 }, VMX_RDPMC, 0, 0 },
    { "rdpmc, no such counter", "0F33", { PROC(VMX_PROC_RDPMC) }, REG_(ECX, 99), VMX_RDPMC, 0, 0 },
    { "rdtsc", "0F31", { PROC(VMX_PROC_RDTSC) }, { 0 }, VMX_RDTSC, 0, 0 },
    { "pause", "F390", { PROC(VMX_PROC_PAUSE) }, { 0 }, VMX_PAUSE, 0, 0 },
    { "pause stays", "F390", { { 0, 0 } }, { 0 }, NONE, 0, 0 },
    { "vmcall", "0F01C1", { { 0, 0 } }, { 0 }, VMX_VMCALL, 0, 0 },
    { "vmcall in ring 3", "0F01C1", { RING3 }, { 0 }, VMX_VMCALL, 0, 0 },
    { "vmlaunch", "0F01C2", { { 0, 0 } }, { 0 }, VMX_VMLAUNCH, 0, 0 },
    { "vmresume", "0F01C3", { { 0, 0 } }, { 0 }, VMX_VMRESUME, 0, 0 },
    { "vmxoff", "0F01C4", { { 0, 0 } }, { 0 }, VMX_VMXOFF, 0, 0 },
    { "vmclear [ebx+ecx*4+8]", "660FC7748B08", { { 0, 0 } }, { 0 }, VMX_VMCLEAR, 8,
      2 | 1 << 7 | SEG_DS << 15 | ECX << 18 | EBX << 23 },
    { "vmptrld [esp-4]", "0FC77424FC", { { 0, 0 } }, { 0 }, VMX_VMPTRLD, 0xFFFFFFFC, 1 << 7 | SEG_SS << 15 | 1 << 22 | ESP << 23 },
    { "vmptrst gs:[1000]", "650FC73D00100000", { { 0, 0 } }, { 0 }, VMX_VMPTRST, 0x1000, 1 << 7 | SEG_GS << 15 | 1 << 22 | 1 << 27 },
    { "vmxon [bx+si]", "67F30FC730", { { 0, 0 } }, { 0 }, VMX_VMXON, 0, SEG_DS << 15 | ESI << 18 | EBX << 23 },
    { "vmread edx, ecx", "0F78CA", { { 0, 0 } }, { 0 }, VMX_VMREAD, 0, 1 << 10 | EDX << 3 | ECX << 28 },
    { "vmread [ebx], ecx", "0F780B", { { 0, 0 } }, { 0 }, VMX_VMREAD, 0, 1 << 7 | SEG_DS << 15 | 1 << 22 | EBX << 23 | ECX << 28 },
    { "vmwrite ecx, edx", "0F79CA", { { 0, 0 } }, { 0 }, VMX_VMWRITE, 0, 1 << 10 | EDX << 3 | ECX << 28 },
    { "vmwrite ecx, ecx", "0F79C9", { { 0, 0 } }, { 0 }, VMX_VMWRITE, 0, 1 << 10 | ECX << 3 | ECX << 28 },
    /* control registers */
    { "mov eax, cr3", "0F20D8", { { 0, 0 } }, { 0 }, VMX_CR, 3 | 1 << 4, 0 },
    { "mov cr3, ecx", "0F22D9", { { 0, 0 } }, { 0 }, VMX_CR, 3 | ECX << 8, 0 },
    { "mov cr3, a target", "0F22D9", { { VMCS_CR3_TARGETS, 2 }, { VMCS_CR3_TARGET1, 0xB000 } }, REG_(ECX, 0xB000), NONE, 0, 0 },
    { "mov cr3, a target too many", "0F22D9", { { VMCS_CR3_TARGETS, 1 }, { VMCS_CR3_TARGET1, 0xB000 } }, REG_(ECX, 0xB000), VMX_CR, 3 | ECX << 8, 0 },
    { "mov cr0, not owned", "0F22C0", { { 0, 0 } }, REG_(EAX, CR0_FIXED | CR0_TS), NONE, 0, 0 },
    { "mov cr0, owned", "0F22C2", { { VMCS_CR0_MASK, CR0_TS }, { VMCS_CR0_SHADOW, CR0_TS } }, REG_(EDX, CR0_FIXED), VMX_CR, EDX << 8, 0 },
    { "mov cr0, owned and as it seems", "0F22C2", { { VMCS_CR0_MASK, CR0_TS }, { VMCS_CR0_SHADOW, CR0_TS } }, REG_(EDX, CR0_FIXED | CR0_TS), NONE, 0, 0 },
    { "mov cr4, owned", "0F22E1", { { VMCS_CR4_MASK, UINT32_MAX } }, REG_(ECX, CR4_PSE), VMX_CR, 4 | ECX << 8, 0 },
    { "mov cr4, VMXE hidden", "0F22E1", { { VMCS_CR4_MASK, CR4_VMXE } }, REG_(ECX, CR4_PSE), NONE, 0, 0 },
    { "clts, owned and set", "0F06", { { VMCS_CR0_MASK, CR0_TS }, { VMCS_CR0_SHADOW, CR0_TS } }, { 0 }, VMX_CR, 2 << 4, 0 },
    { "clts, owned and clear", "0F06", { { VMCS_CR0_MASK, CR0_TS } }, { 0 }, NONE, 0, 0 },
    { "lmsw ax", "0F01F0", { { VMCS_CR0_MASK, CR0_TS } }, REG_(EAX, 8), VMX_CR, 3 << 4 | 8u << 16, 0 },
    { "lmsw [ebx]", "0F0133", { { VMCS_CR0_MASK, CR0_MP } }, REG_(EBX, POINTER), VMX_CR, 3 << 4 | 1 << 6 | 2u << 16, 0 },
    { "lmsw sets PE", "0F01F0", { { VMCS_CR0_MASK, CR0_PE } }, REG_(EAX, 1), VMX_CR, 3 << 4 | 1u << 16, 0 },
    { "lmsw seems to clear PE", "0F01F0", { { VMCS_CR0_MASK, CR0_PE }, { VMCS_CR0_SHADOW, CR0_PE } }, REG_(EAX, 8), NONE, 0, 0 },
    { "mov dr3, ebx", "0F23DB", { PROC(VMX_PROC_MOV_DR) }, { 0 }, VMX_DR, 3 | EBX << 8, 0 },
    { "mov ecx, dr6", "0F21F1", { PROC(VMX_PROC_MOV_DR) }, { 0 }, VMX_DR, 6 | 1 << 4 | ECX << 8, 0 },
    { "mov dr, GD", "0F21F1", { PROC(VMX_PROC_MOV_DR), { VMCS_GUEST_DR7, DR7_FIXED | DR7_GD } }, { 0 }, VMX_DR, 6 | 1 << 4 | ECX << 8, 0 },
    /* ports */
    { "in al, 80", "E480", { PROC(VMX_PROC_IO) }, { 0 }, VMX_IO, 0x80u << 16 | 1 << 6 | 1 << 3, 0 },
    { "out dx, eax", "EF", { PROC(VMX_PROC_IO) }, REG_(EDX, 0xCF8), VMX_IO, 0xCF8u << 16 | 3, 0 },
    { "in al, 80 stays", "E480", { { 0, 0 } }, { 0 }, NONE, 0, 0 },
    { "in by bitmap", "EC", { PROC(VMX_PROC_IO_BITMAPS), { VMCS_IO_BITMAP_A, BITMAPS }, { VMCS_IO_BITMAP_B, BITMAPS + 0x1000 } },
      REG_(EDX, 0x60), VMX_IO, 0x60u << 16 | 1 << 3, 0 },
    { "in by bitmap, second port", "66ED", { PROC(VMX_PROC_IO_BITMAPS), { VMCS_IO_BITMAP_A, BITMAPS }, { VMCS_IO_BITMAP_B, BITMAPS + 0x1000 } },
      REG_(EDX, 0x5F), VMX_IO, 0x5Fu << 16 | 1 << 3 | 1, 0 },
    { "in past the bitmap", "EC", { PROC(VMX_PROC_IO_BITMAPS | VMX_PROC_IO), { VMCS_IO_BITMAP_A, BITMAPS }, { VMCS_IO_BITMAP_B, BITMAPS + 0x1000 } },
      REG_(EDX, 0x5F), NONE, 0, 0 },
    { "in by bitmap B", "EC", { PROC(VMX_PROC_IO_BITMAPS), { VMCS_IO_BITMAP_A, BITMAPS }, { VMCS_IO_BITMAP_B, BITMAPS + 0x1000 } },
      REG_(EDX, 0x8001), VMX_IO, 0x8001u << 16 | 1 << 3, 0 },
    { "in round the end", "ED", { PROC(VMX_PROC_IO_BITMAPS), { VMCS_IO_BITMAP_A, BITMAPS + 0x2000 }, { VMCS_IO_BITMAP_B, BITMAPS + 0x2000 } },
      REG_(EDX, 0xFFFE), VMX_IO, 0xFFFEu << 16 | 1 << 3 | 3, 0 },
    { "rep insb", "F36C", { PROC(VMX_PROC_IO) }, { [EDX] = 0x1F0, [ECX] = 5, [EDI] = 0x4000 }, VMX_IO, 0x1F0u << 16 | 1 << 5 | 1 << 4 | 1 << 3, 1 << 7 },
    { "gs outsw", "65666F", { PROC(VMX_PROC_IO) }, { [EDX] = 0x1F0, [ESI] = 0x4000 }, VMX_IO, 0x1F0u << 16 | 1 << 4 | 1, 1 << 7 | SEG_GS << 15 },
    { "insb before its page fault", "6C", { PROC(VMX_PROC_IO) }, { [EDX] = 0x1F0, [EDI] = MSRS }, VMX_IO, 0x1F0u << 16 | 1 << 4 | 1 << 3, 1 << 7 },
    /* MSRs */
    { "rdmsr", "0F32", { { 0, 0 } }, REG_(ECX, 0x174), VMX_RDMSR, 0, 0 },
    { "wrmsr", "0F30", { { 0, 0 } }, REG_(ECX, 0x174), VMX_WRMSR, 0, 0 },
    { "rdmsr, none such", "0F32", { { 0, 0 } }, REG_(ECX, 0x999), VMX_RDMSR, 0, 0 },
    { "rdmsr, bit clear", "0F32", { PROC(VMX_PROC_MSR_BITMAPS), { VMCS_MSR_BITMAP, OTHER } }, REG_(ECX, 0x174), NONE, 0, 0 },
    { "wrmsr, bit set", "0F30", { PROC(VMX_PROC_MSR_BITMAPS), { VMCS_MSR_BITMAP, OTHER } }, REG_(ECX, 0x174), VMX_WRMSR, 0, 0 },
    { "rdmsr, high, bit set", "0F32", { PROC(VMX_PROC_MSR_BITMAPS), { VMCS_MSR_BITMAP, OTHER } }, REG_(ECX, 0xC0000080), VMX_RDMSR, 0, 0 },
    { "rdmsr, beyond the map", "0F32", { PROC(VMX_PROC_MSR_BITMAPS), { VMCS_MSR_BITMAP, OTHER } }, REG_(ECX, 0x2174), VMX_RDMSR, 0, 0 },
    /* tasks */
    { "jmp to a TSS", "EA00000000A000", { { 0, 0 } }, { 0 }, VMX_TASK, 2u << 30 | SEL_TSS_FREE, 0 },
    { "call to a TSS", "9A00000000A000", { { 0, 0 } }, { 0 }, VMX_TASK, SEL_TSS_FREE, 0 },
};

/* Faults that come before the exit. */
static const struct { const char *what, *bytes; struct change c[6]; uint8_t vector; } sooner[] = {
    { "hlt in ring 3", "F4", { RING3, PROC(VMX_PROC_HLT) }, VEC_GP }, { "rdmsr in ring 3", "0F32", { RING3 }, VEC_GP },
    { "invd in ring 3", "0F08", { RING3 }, VEC_GP }, { "clts in ring 3", "0F06", { RING3, { VMCS_CR0_MASK, CR0_TS } }, VEC_GP },
    { "in in ring 3", "E480", { RING3, PROC(VMX_PROC_IO) }, VEC_GP }, { "mov dr4 with DE", "0F21E0", { { VMCS_GUEST_CR4, CR4_VMXE | CR4_DE }, PROC(VMX_PROC_MOV_DR) }, VEC_UD },
    { "mov cr5", "0F20E8", { { 0, 0 } }, VEC_UD }, { "jmp to a task that is busy", "EA000000008800", { { 0, 0 } }, VEC_GP },
};

static void bitmaps(struct fake *f)
{
    uint8_t high = 2;
    fake_put32(f, BITMAPS + 0x60 / 8, 1);
    fake_put(f, BITMAPS + 0x1000, &high, 1);
    fake_put32(f, OTHER, 0);
    fake_put32(f, OTHER + 0x800 + 0x174 / 32 * 4, 1u << 0x174 % 32);
    fake_put32(f, OTHER + 0x400 + 0x80 / 8, 1);
    fake_put32(f, POINTER, 2);
    fake_page(f, MSRS, 0);
}

static void instructions(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(rows); n++) {
        const struct row *r = &rows[n];
        struct fake f;
        uint8_t bytes[64];
        vmx_start_root(&f, VMX_FIRST);
        bitmaps(&f);
        change(&f, r->c, COUNT(r->c));
        vmx_guest_runs(&f, r->bytes, 0);
        assert_true(f.cpu.vmx.nonroot);
        for (unsigned k = 0; k < 8; k++)
            if (r->reg[k]) f.cpu.reg[k] = r->reg[k];
        uint64_t retired = f.cpu.insns - f.cpu.extra;
        (void)cpu_run(&f.cpu, 1);
        bool leaves = r->reason != NONE;
        if (f.cpu.vmx.nonroot == leaves) fail_msg("%s: %s", r->what, leaves ? "stays" : "leaves");
        assert_int_equal(f.cpu.insns - f.cpu.extra - retired, leaves ? 0 : 1);
        if (leaves) {
            if (vmx_get(&f, VMCS_REASON) != r->reason) fail_msg("%s: reason %u", r->what, vmx_get(&f, VMCS_REASON));
            if (vmx_get(&f, VMCS_QUALIFICATION) != r->qualification)
                fail_msg("%s: qualification %x", r->what, vmx_get(&f, VMCS_QUALIFICATION));
            if (vmx_get(&f, VMCS_INSTRUCTION) != r->instruction) fail_msg("%s: information %x", r->what, vmx_get(&f, VMCS_INSTRUCTION));
            assert_int_equal(vmx_get(&f, VMCS_LENGTH), cpu_case_bytes(r->bytes, bytes));
            assert_int_equal(vmx_get(&f, VMCS_GUEST_EIP), GUEST);
            assert_int_equal(vmx_get(&f, VMCS_EVENT), 0);
            assert_int_equal(f.cpu.eip, HOST);
        }
        fake_done(&f);
    }
    for (unsigned n = 0; n < COUNT(sooner); n++) {
        struct fake f;
        vmx_start_root(&f, VMX_FIRST);
        change(&f, sooner[n].c, COUNT(sooner[n].c));
        vmx_guest_runs(&f, sooner[n].bytes, 1);
        if (!f.cpu.vmx.nonroot || f.cpu.eip != AT_HANDLER + 16u * sooner[n].vector) fail_msg("%s: EIP %x", sooner[n].what, f.cpu.eip);
        fake_done(&f);
    }
}

/* What the guest reads of CR0 and CR4, and what it changes of them without leaving. */
static void masks(void **state)
{
    (void)state;
    struct fake f;
    vmx_start_root(&f, VMX_FIRST);
    vmx_set(&f, VMCS_CR0_MASK, CR0_PG | CR0_TS | CR0_WP);
    vmx_set(&f, VMCS_CR0_SHADOW, CR0_WP);
    vmx_set(&f, VMCS_CR4_MASK, CR4_VMXE);
    /* mov eax, cr0; smsw ebx; mov ecx, cr4; mov edx, eax; or edx, 2 (MP); mov cr0, edx; clts */
    vmx_guest_runs(&f, "0F20C00F01E30F20E189C283CA020F22C20F06", 7);
    assert_true(f.cpu.vmx.nonroot);
    uint32_t seen = (CR0_FIXED & ~(uint32_t)CR0_PG) | CR0_WP;
    assert_int_equal(f.cpu.reg[EAX], seen);
    assert_int_equal(f.cpu.reg[EBX], seen);
    assert_int_equal(f.cpu.reg[ECX], 0);
    assert_int_equal(f.cpu.cr0, CR0_FIXED | CR0_MP);
    fake_done(&f);
}

static void tsc_offset(void **state)
{
    (void)state;
    struct fake f;
    vmx_start_root(&f, VMX_FIRST);
    vmx_set(&f, VMCS_PROC, PROC0 | VMX_PROC_TSC_OFFSET | VMX_PROC_MSR_BITMAPS);
    vmx_set(&f, VMCS_MSR_BITMAP, BITMAPS);
    fake_put32(&f, CURRENT + VMCS_TSC_OFFSET + 4, 0x1000);
    vmx_guest_runs(&f, "0F31", 1);
    assert_int_equal(f.cpu.reg[EDX], 0x1000);
    uint8_t rdmsr[] = { 0xB9, 0x10, 0, 0, 0, 0x0F, 0x32 };
    fake_put(&f, f.cpu.eip, rdmsr, sizeof rdmsr);
    f.cpu.reg[EDX] = 0;
    (void)cpu_run(&f.cpu, 2);
    assert_true(f.cpu.vmx.nonroot);
    assert_int_equal(f.cpu.reg[EDX], 0x1000);
    fake_done(&f);
}

/* ---- exceptions ---- */

static const struct { const char *what, *bytes; uint32_t bitmap, mask, match, event, code, qualification, length; bool rf; } faults[] = {
    { "#UD", "0F0B", 1u << 6, 0, 0, 0x306, 0, 0, 0, true }, { "#UD not wanted", "0F0B", ~(1u << 6), 0, 0, 0, 0, 0, 0, false },
    { "#GP", "B8FFFF00008ED8", 1u << 13, 0, 0, 0xB0D, 0xFFFC, 0, 0, true },
    { "#DE", "31DBF7F3", 1u << 0, 0, 0, 0x300, 0, 0, 0, true },
    { "int3", "CC", 1u << 3, 0, 0, 0x603, 0, 0, 1, false }, { "int 3 is no exception", "CD03", 1u << 3, 0, 0, 0, 0, 0, 0, false },
    { "into", "6A00B80000008001C0CE", 1u << 4, 0, 0, 0x604, 0, 0, 1, false }, { "int1", "F1", 1u << 1, 0, 0, 0x501, 0, 0, 1, false },
    { "#PF", "A100600300", 1u << 14, 0, 0, 0xB0E, 0, MSRS, 0, true },
    { "#PF not wanted", "A100600300", 0, 0, 0, 0, 0, 0, 0, false },
    { "#PF, code differs", "A100600300", 1u << 14, 2, 2, 0, 0, 0, 0, false },
    { "#PF, code differs and the bit is clear", "A100600300", 0, 2, 2, 0xB0E, 0, MSRS, 0, true },
    { "#PF, write", "A300600300", 1u << 14, 2, 2, 0xB0E, 2, MSRS, 0, true },
    { "all #PF without the bit", "A300600300", 0, 0, 1, 0xB0E, 2, MSRS, 0, true },
};

static void exceptions(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(faults); n++) {
        struct fake f;
        vmx_start_root(&f, VMX_FIRST);
        f.cpu.cr2 = 0x77;
        vmx_set(&f, VMCS_EXCEPTIONS, faults[n].bitmap);
        vmx_set(&f, VMCS_PF_MASK, faults[n].mask);
        vmx_set(&f, VMCS_PF_MATCH, faults[n].match);
        fake_page(&f, MSRS, 0);
        vmx_guest_runs(&f, faults[n].bytes, 0);
        for (unsigned k = 0; k < 4 && f.cpu.vmx.nonroot; k++) (void)cpu_run(&f.cpu, 1);
        bool leaves = faults[n].event;
        if (f.cpu.vmx.nonroot == leaves) fail_msg("%s: %s", faults[n].what, leaves ? "stays" : "leaves");
        if (leaves) {
            if (vmx_get(&f, VMCS_EVENT) != VALID_EVENT(faults[n].event)) fail_msg("%s: event %x", faults[n].what, vmx_get(&f, VMCS_EVENT));
            assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_EXCEPTION);
            assert_int_equal(vmx_get(&f, VMCS_EVENT_CODE), faults[n].code);
            assert_int_equal(vmx_get(&f, VMCS_QUALIFICATION), faults[n].qualification);
            assert_int_equal(vmx_get(&f, VMCS_LENGTH), faults[n].length);
            assert_int_equal(!!(vmx_get(&f, VMCS_GUEST_EFLAGS) & FLAG_RF), faults[n].rf);
            assert_int_equal(f.cpu.cr2, 0x77);
            assert_int_equal(vmx_get(&f, VMCS_VECTORING), 0);
        }
        fake_done(&f);
    }
}

/* The last thing that leaves while something else is delivered: what was being delivered is told, too. */
static void during_delivery(void **state)
{
    (void)state;
    static const struct { const char *what, *bytes; uint32_t bitmap, idt, event, vectoring, vectoring_code, length; uint32_t reason; } during[] = {
        { "#PF on the way of INT 80", "CD80", 1u << 14, 0, 0xB0E, 0x480, 0, 2, VMX_EXCEPTION },
        { "#PF on the way of #GP", "8ED8", 1u << 14, 0, 0xB0E, 0xB0D, 0xFFFC, 0, VMX_EXCEPTION },
        { "#GP for INT 90 without a gate", "CD90", 1u << 13, AT_IDT, 0xB0D, 0x490, 0, 2, VMX_EXCEPTION },
        { "#DF told alone", "8ED8", 1u << 8, 0, 0xB08, 0, 0, 0, VMX_EXCEPTION },
        { "triple fault", "8ED8", 0, 0, 0, 0, 0, 0, VMX_TRIPLE_FAULT },
    };
    for (unsigned n = 0; n < COUNT(during); n++) {
        struct fake f;
        vmx_start_root(&f, VMX_FIRST);
        vmx_set(&f, VMCS_EXCEPTIONS, during[n].bitmap);
        vmx_set(&f, VMCS_GUEST_IDTR_BASE, during[n].idt ? during[n].idt : MSRS);
        if (!during[n].idt) fake_page(&f, MSRS, 0);
        else rings_idt(&f, 0x90, 0, 0, 0);
        vmx_guest_runs(&f, during[n].bytes, 0);
        f.cpu.reg[EAX] = 0xFFFF;
        (void)cpu_run(&f.cpu, 1);
        if (f.cpu.vmx.nonroot) fail_msg("%s: stays", during[n].what);
        assert_int_equal(vmx_get(&f, VMCS_REASON), during[n].reason);
        uint32_t event = during[n].event ? VALID_EVENT(during[n].event) : 0, vectoring = during[n].vectoring ? VALID_EVENT(during[n].vectoring) : 0;
        if (vmx_get(&f, VMCS_EVENT) != event) fail_msg("%s: event %x", during[n].what, vmx_get(&f, VMCS_EVENT));
        if (vmx_get(&f, VMCS_VECTORING) != vectoring) fail_msg("%s: vectoring %x", during[n].what, vmx_get(&f, VMCS_VECTORING));
        assert_int_equal(vmx_get(&f, VMCS_VECTORING_CODE), during[n].vectoring_code);
        assert_int_equal(vmx_get(&f, VMCS_LENGTH), during[n].length);
        assert_int_equal(vmx_get(&f, VMCS_GUEST_EIP), GUEST);
        fake_done(&f);
    }
}

/* ---- injection ---- */

static void injection(void **state)
{
    (void)state;
    static const struct { const char *what; uint32_t event, length, flags, back; bool code; } cases[] = {
        { "interrupt 20", 0x20, 0, FLAG_IF, GUEST, false }, { "NMI", 0x202, 0, 0, GUEST, false },
        { "#GP(5678)", 0xB0D, 0, 0, GUEST, true }, { "#UD", 0x306, 0, 0, GUEST, false },
        { "INT 80, long", 0x480, 7, FLAG_IF, GUEST + 7, false }, { "INT3", 0x603, 1, 0, GUEST + 1, false },
        { "INT1", 0x501, 1, 0, GUEST + 1, false },
    };
    for (unsigned n = 0; n < COUNT(cases); n++) {
        struct fake f;
        vmx_start_root(&f, VMX_FIRST);
        vmx_set(&f, VMCS_EXCEPTIONS, UINT32_MAX); /* what is injected is not looked for */
        vmx_set(&f, VMCS_ENTRY_EVENT, VALID_EVENT(cases[n].event));
        vmx_set(&f, VMCS_ENTRY_CODE, 0x5678);
        vmx_set(&f, VMCS_ENTRY_LENGTH, cases[n].length);
        vmx_set(&f, VMCS_GUEST_EFLAGS, FLAG_ONE | cases[n].flags);
        vmx_guest_runs(&f, "90", 0);
        if (!f.cpu.vmx.nonroot || f.cpu.eip != AT_HANDLER + 16 * (cases[n].event & 0xFF)) fail_msg("%s: EIP %x", cases[n].what, f.cpu.eip);
        uint32_t at = f.cpu.reg[ESP];
        if (cases[n].code) {
            assert_int_equal(fake_get32(&f, at), 0x5678);
            at += 4;
        }
        assert_int_equal(fake_get32(&f, at), cases[n].back);
        assert_int_equal(fake_get32(&f, at + 8), FLAG_ONE | cases[n].flags);
        assert_int_equal(f.cpu.reg[ESP], GUEST_STACK - (cases[n].code ? 16 : 12));
        fake_done(&f);
    }
}

/* An event whose delivery fails comes back as IDT-vectoring information, and can be injected again as it is. */
static void reinjection(void **state)
{
    (void)state;
    struct fake f;
    vmx_start_root(&f, VMX_FIRST);
    fake_page(&f, GUEST_STACK - 4, 0);
    vmx_set(&f, VMCS_EXCEPTIONS, 1u << 14);
    vmx_set(&f, VMCS_ENTRY_EVENT, VALID_EVENT(0xB0D));
    vmx_set(&f, VMCS_ENTRY_CODE, 0x18);
    vmx_guest_runs(&f, "90", 0);
    assert_false(f.cpu.vmx.nonroot);
    assert_int_equal(vmx_get(&f, VMCS_EVENT), VALID_EVENT(0xB0E));
    assert_int_equal(vmx_get(&f, VMCS_QUALIFICATION), GUEST_STACK - 4);
    assert_int_equal(vmx_get(&f, VMCS_VECTORING), VALID_EVENT(0xB0D));
    assert_int_equal(vmx_get(&f, VMCS_VECTORING_CODE), 0x18);
    assert_int_equal(vmx_get(&f, VMCS_ENTRY_EVENT), 0xB0D); /* no longer valid */
    fake_page(&f, GUEST_STACK - 4, FAKE_ALL);
    vmx_set(&f, VMCS_ENTRY_EVENT, vmx_get(&f, VMCS_VECTORING));
    vmx_set(&f, VMCS_ENTRY_CODE, vmx_get(&f, VMCS_VECTORING_CODE));
    static const uint8_t vmresume[] = { 0x0F, 0x01, 0xC3 };
    fake_put(&f, HOST, vmresume, sizeof vmresume);
    (void)cpu_run(&f.cpu, 1);
    assert_true(f.cpu.vmx.nonroot);
    assert_int_equal(f.cpu.eip, AT_HANDLER + 16 * 13);
    assert_int_equal(fake_get32(&f, GUEST_STACK - 16), 0x18);
    fake_done(&f);
}

/* ---- the boundary ---- */

static void interrupts(void **state)
{
    (void)state;
    struct fake f;
    for (unsigned acknowledges = 0; acknowledges < 2; acknowledges++) {
        vmx_start_root(&f, VMX_FIRST);
        vmx_set(&f, VMCS_PIN, PIN0 | VMX_PIN_INTERRUPT);
        if (acknowledges) vmx_set(&f, VMCS_EXIT, EXIT0 | VMX_EXIT_ACKNOWLEDGE);
        vmx_guest_runs(&f, "9090", 1); /* with IF clear */
        fake_irq(&f, 0x31);
        (void)cpu_run(&f.cpu, 1);
        assert_false(f.cpu.vmx.nonroot);
        assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_INTERRUPT);
        assert_int_equal(vmx_get(&f, VMCS_EVENT), acknowledges ? VALID_EVENT(0x31) : 0);
        assert_int_equal(vmx_get(&f, VMCS_GUEST_EIP), GUEST + 1);
        assert_int_equal(f.acknowledged, acknowledges);
        assert_int_equal(f.cpu.intr & INTR_PIN, !acknowledges);
        fake_done(&f);
    }
    vmx_start_root(&f, VMX_FIRST); /* without exiting the guest takes it, if it wants any */
    vmx_set(&f, VMCS_GUEST_EFLAGS, FLAG_ONE | FLAG_IF);
    vmx_guest_runs(&f, "9090", 1);
    fake_irq(&f, 0x31);
    (void)cpu_run(&f.cpu, 1);
    assert_true(f.cpu.vmx.nonroot);
    assert_int_equal(f.cpu.eip, AT_HANDLER + 16 * 0x31);
    fake_done(&f);
    vmx_start_root(&f, VMX_FIRST); /* halted: wakes */
    vmx_set(&f, VMCS_PIN, PIN0 | VMX_PIN_INTERRUPT);
    vmx_guest_runs(&f, "F4", 1);
    assert_int_equal(cpu_run(&f.cpu, 1), CPU_HALTED);
    fake_irq(&f, 0x31);
    (void)cpu_run(&f.cpu, 1);
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_INTERRUPT);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_ACTIVITY), VMX_HALTED);
    assert_false(f.cpu.halted);
    fake_done(&f);
}

/* The window opens behind the instruction that STI protects, by whatever way IF is set. */
static void window(void **state)
{
    (void)state;
    static const struct { const char *bytes; unsigned eip; } ways[] = {
        { "9090FB9090", 4 }, { "6802020000 9D90", 6 }, { "90FBFAFB9090", 5 },
    };
    for (unsigned n = 0; n < COUNT(ways); n++) {
        for (unsigned stepping = 0; stepping < 2; stepping++) {
            struct fake f;
            vmx_start_root(&f, VMX_FIRST);
            vmx_set(&f, VMCS_PROC, PROC0 | VMX_PROC_WINDOW);
            vmx_guest_runs(&f, ways[n].bytes, stepping ? 1 : 8);
            for (unsigned k = 0; stepping && k < 8 && f.cpu.vmx.nonroot; k++) (void)cpu_run(&f.cpu, 1);
            assert_false(f.cpu.vmx.nonroot);
            assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_WINDOW);
            assert_int_equal(vmx_get(&f, VMCS_GUEST_EIP), GUEST + ways[n].eip);
            fake_done(&f);
        }
    }
}

static void nmis(void **state)
{
    (void)state;
    struct fake f;
    vmx_start_root(&f, VMX_FIRST);
    vmx_set(&f, VMCS_PIN, PIN0 | VMX_PIN_NMI);
    vmx_guest_runs(&f, "9090", 1);
    cpu_nmi(&f.cpu);
    (void)cpu_run(&f.cpu, 1);
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_EXCEPTION);
    assert_int_equal(vmx_get(&f, VMCS_EVENT), VALID_EVENT(0x202));
    assert_true(f.cpu.nmi_blocked);
    fake_done(&f);
    /* Virtual NMIs: blocked in the guest, until its IRET, behind which the window is open. */
    vmx_start_root(&f, VMX_CORE2);
    vmx_set(&f, VMCS_PIN, PIN0 | VMX_PIN_NMI | VMX_PIN_VIRTUAL_NMI);
    vmx_set(&f, VMCS_PROC, PROC0 | VMX_PROC_NMI_WINDOW);
    vmx_set(&f, VMCS_GUEST_INTERRUPTIBILITY, VMX_BLOCKED_NMI);
    vmx_guest_runs(&f, "9C0EE800000000 83042403 CF 9090", 6); /* pushf; push cs; call; add [esp], 5; iret */
    assert_false(f.cpu.vmx.nonroot);
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_NMI_WINDOW);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_INTERRUPTIBILITY), 0);
    fake_done(&f);
}

static void monitor_trap(void **state)
{
    (void)state;
    struct fake f;
    vmx_start_root(&f, VMX_NEHALEM);
    vmx_set(&f, VMCS_PROC, PROC0 | VMX_PROC_MONITOR_TRAP);
    vmx_guest_runs(&f, "4040404040", 5);
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_MONITOR_TRAP);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_EIP), GUEST + 1);
    fake_done(&f);
    vmx_start_root(&f, VMX_NEHALEM); /* behind a delivery, at once */
    vmx_set(&f, VMCS_PROC, PROC0 | VMX_PROC_MONITOR_TRAP);
    vmx_set(&f, VMCS_ENTRY_EVENT, VALID_EVENT(0x306));
    vmx_guest_runs(&f, "40", 1);
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_MONITOR_TRAP);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_EIP), AT_HANDLER + 16 * 6);
    fake_done(&f);
}

static void init_pin(void **state)
{
    (void)state;
    struct fake f;
    vmx_start_root(&f, VMX_FIRST);
    vmx_guest_runs(&f, "9090", 1);
    cpu_reset_soft(&f.cpu);
    (void)cpu_run(&f.cpu, 1);
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_INIT);
    cpu_reset_soft(&f.cpu); /* blocked in root operation, until VMXOFF */
    assert_int_equal(f.cpu.eip, HOST);
    uint8_t vmxoff[] = { 0x0F, 0x01, 0xC4 };
    fake_put(&f, HOST, vmxoff, sizeof vmxoff);
    (void)cpu_run(&f.cpu, 1);
    assert_int_equal(f.cpu.eip, 0xFFF0);
    fake_done(&f);
}

/* ---- what is saved, what is loaded ---- */

static void transition(void **state)
{
    (void)state;
    struct fake f;
    vmx_start_root(&f, VMX_FIRST);
    vmx_set(&f, VMCS_GUEST_FS_BASE, 0x1234), vmx_set(&f, VMCS_GUEST_GS_AR, AR_UNUSABLE), vmx_set(&f, VMCS_GUEST_GS, 0);
    vmx_set(&f, VMCS_GUEST_SYSENTER_EIP, 0xAAAA), vmx_set(&f, VMCS_HOST_SYSENTER_EIP, 0xBBBB);
    vmx_set(&f, VMCS_GUEST_EFLAGS, FLAG_ONE | FLAG_CF | FLAG_DF), vmx_set(&f, VMCS_HOST_GS_BASE, 0x5678);
    vmx_set(&f, VMCS_HOST_FS, 0);
    vmx_set(&f, VMCS_EXIT_STORES, 1), vmx_set(&f, VMCS_EXIT_STORE_AT, MSRS + 0x200), fake_put32(&f, MSRS + 0x200, 0x176);
    vmx_set(&f, VMCS_EXIT_LOADS, 1), vmx_set(&f, VMCS_EXIT_LOAD_AT, MSRS + 0x100), fake_put32(&f, MSRS + 0x108, 0xCCCC);
    f.cpu.reg[EBX] = 0x99;
    f.cpu.dr[7] = 0x700;
    unsigned flushes = f.flushes_global;
    uint64_t before = f.clock.now;
    vmx_guest_runs(&f, "", 0);
    assert_int_equal(f.clock.now - before, 2409 + 1);
    assert_int_equal(f.flushes_global, flushes + 1);
    assert_int_equal(f.cpu.seg[SEG_FS].base, 0x1234);
    assert_int_equal(f.cpu.seg[SEG_GS].ar, 0);
    assert_int_equal(f.cpu.tr.limit, 0x1067);
    assert_int_equal(f.cpu.dr[7], DR7_FIXED);
    assert_int_equal(f.cr3, 0x9000);
    assert_int_equal(f.cpu.msr[MSR_SYSENTER_EIP], 0xAAAA);
    assert_int_equal(f.cpu.reg[EBX], 0x99);
    assert_int_equal(cpu_flags(&f.cpu), FLAG_ONE | FLAG_CF | FLAG_DF);
    uint8_t code[] = { 0x6A, 0x01, 0xFC, 0x0F, 0xA2 }; /* push 1; cld; cpuid */
    fake_put(&f, GUEST, code, sizeof code);
    (void)cpu_run(&f.cpu, 3);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_ESP), GUEST_STACK - 4);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_EFLAGS), FLAG_ONE | FLAG_CF);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_GS_AR), AR_UNUSABLE);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_SS_AR), AR_FLAT_DATA);
    assert_int_equal(fake_get32(&f, MSRS + 0x208), 0xAAAA);
    const struct cpu *c = &f.cpu;
    assert_int_equal(c->eip, HOST);
    assert_int_equal(c->reg[ESP], HOST_STACK);
    assert_int_equal(cpu_flags(c), FLAG_ONE);
    assert_int_equal(c->seg[SEG_FS].ar, 0);
    assert_int_equal(c->seg[SEG_GS].base, 0x5678);
    assert_int_equal(c->seg[SEG_CS].ar, AR_FLAT_CODE);
    assert_int_equal(c->tr.limit, 0x67);
    assert_int_equal(c->gdtr.limit, 0xFFFF);
    assert_int_equal(c->dr[7], 0x400);
    assert_int_equal(c->cr3, 0xA000);
    assert_int_equal(c->msr[MSR_SYSENTER_EIP], 0xBBBB);
    assert_int_equal(c->msr[MSR_SYSENTER_CS], 0xCCCC);
    fake_done(&f);
}

/* The host itself cannot be loaded: abort indicator, and shutdown. */
static void aborts(void **state)
{
    (void)state;
    static const struct { const char *what; struct change c[3]; uint32_t why; } cases[] = {
        { "store", { { VMCS_EXIT_STORES, 1 }, { VMCS_EXIT_STORE_AT, MSRS + 0x110 } }, VMX_ABORT_STORE_MSR },
        { "load", { { VMCS_EXIT_LOADS, 1 }, { VMCS_EXIT_LOAD_AT, MSRS } }, VMX_ABORT_LOAD_MSR },
    };
    for (unsigned n = 0; n < COUNT(cases); n++) {
        struct fake f;
        vmx_start_root(&f, VMX_FIRST);
        change(&f, cases[n].c, COUNT(cases[n].c));
        vmx_guest_runs(&f, "0FA2", 1);
        assert_int_equal(fake_get32(&f, CURRENT + VMCS_ABORT), cases[n].why);
        assert_int_equal(cpu_run(&f.cpu, 1), CPU_SHUTDOWN);
        fake_done(&f);
    }
}

/* Single-stepped by its own TF, a guest meets its traps as ever; those that waited behind MOV SS are saved and come back. */
static void debug_traps(void **state)
{
    (void)state;
    struct fake f;
    vmx_start_root(&f, VMX_FIRST);
    vmx_set(&f, VMCS_EXCEPTIONS, 1u << VEC_DB);
    vmx_set(&f, VMCS_GUEST_EFLAGS, FLAG_ONE | FLAG_TF);
    vmx_guest_runs(&f, "90", 2);
    assert_int_equal(vmx_get(&f, VMCS_EVENT), VALID_EVENT(0x301));
    assert_int_equal(vmx_get(&f, VMCS_QUALIFICATION), DR6_BS);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_EIP), GUEST + 1);
    assert_int_equal(f.cpu.dr[6], DR6_FIXED);
    fake_done(&f);
    vmx_start_root(&f, VMX_FIRST);
    vmx_set(&f, VMCS_GUEST_DR7, DR7_FIXED | 0x000D0000 | 1); /* a word at DR0, written */
    vmx_guest_runs(&f, "8E15007003000FA2", 0);              /* mov ss, [POINTER]; cpuid */
    fake_put32(&f, POINTER, SEL_DATA0);
    f.cpu.dr[0] = POINTER;
    f.cpu.dr[7] = DR7_FIXED | 0x000F0000 | 1;                /* read, too */
    debug_changed(&f.cpu);
    (void)cpu_run(&f.cpu, 2);
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_CPUID);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_PENDING_DEBUG), 0x1001);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_INTERRUPTIBILITY), VMX_BLOCKED_MOV_SS);
    vmx_set(&f, VMCS_GUEST_EIP, GUEST + 9);
    vmx_set(&f, VMCS_GUEST_INTERRUPTIBILITY, 0);
    static const uint8_t vmresume[] = { 0x0F, 0x01, 0xC3 };
    fake_put(&f, HOST, vmresume, sizeof vmresume);
    (void)cpu_run(&f.cpu, 2);
    assert_int_equal(f.cpu.eip, AT_HANDLER + 16 * VEC_DB);
    assert_int_equal(f.cpu.dr[6] & DR6_BREAKPOINTS, 1);
    fake_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instructions), cmocka_unit_test(masks), cmocka_unit_test(tsc_offset), cmocka_unit_test(exceptions),
        cmocka_unit_test(during_delivery), cmocka_unit_test(injection), cmocka_unit_test(reinjection),
        cmocka_unit_test(interrupts), cmocka_unit_test(window), cmocka_unit_test(nmis), cmocka_unit_test(monitor_trap),
        cmocka_unit_test(init_pin), cmocka_unit_test(transition), cmocka_unit_test(aborts), cmocka_unit_test(debug_traps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
