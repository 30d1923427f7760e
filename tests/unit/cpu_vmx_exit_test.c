/* VMX: which instructions make a guest leave, and what they tell (SDM vol. 3B ch. 21, 23.2, 2006; 3C 25.1, 27.2). Ports and MSRs bit by
 * bit are in cpu_vmx_bitmap_test.c, events in cpu_vmx_event_test.c, the checks of VM entry in cpu_vmx_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "sim/cpu/debug.h"
#include "tests/support/cpu_case.h"
#include "tests/support/vmx_world.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
enum { NONE = 0xFFFF /* the guest does not leave */ };

/* ---- one instruction ---- */

struct row {
    const char *what, *bytes;
    struct vmx_change c[4];
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
    { "monitor", "0F01C8", { PROC(VMX_PROC_MONITOR) }, REG_(ECX, 1), VMX_MONITOR, 0, 0 }, /* before ECX is looked at */
    { "mwait", "0F01C9", { PROC(VMX_PROC_MWAIT) }, REG_(ECX, 1), VMX_MWAIT, 0, 0 },
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
static const struct { const char *what, *bytes; struct vmx_change c[6]; uint8_t vector; } sooner[] = {
    { "hlt in ring 3", "F4", { RING3, PROC(VMX_PROC_HLT) }, VEC_GP }, { "rdmsr in ring 3", "0F32", { RING3 }, VEC_GP },
    { "monitor in ring 3", "0F01C8", { RING3, PROC(VMX_PROC_MONITOR) }, VEC_UD },
    { "mwait in ring 3", "0F01C9", { RING3, PROC(VMX_PROC_MWAIT) }, VEC_UD }, { "invd in ring 3", "0F08", { RING3 }, VEC_GP }, { "clts in ring 3", "0F06", { RING3, { VMCS_CR0_MASK, CR0_TS } }, VEC_GP },
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
        vmx_change(&f, r->c, COUNT(r->c));
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
        vmx_change(&f, sooner[n].c, COUNT(sooner[n].c));
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

/* MWAIT tells whether it would have slept. Asleep in it, a guest is "active" in the VMCS. */
static void sleeping(void **state)
{
    (void)state;
    struct fake f;
    vmx_start_root(&f, VMX_FIRST);
    vmx_set(&f, VMCS_PROC, PROC0 | VMX_PROC_MWAIT);
    vmx_guest_runs(&f, "31C931C0 0F01C8 0F01C9", 4); /* xor ecx, ecx; xor eax, eax; monitor; mwait */
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_MWAIT);
    assert_int_equal(vmx_get(&f, VMCS_QUALIFICATION), 1);
    assert_int_equal(vmx_get(&f, VMCS_LENGTH), 3);
    fake_done(&f);
    vmx_start_root(&f, VMX_FIRST);
    vmx_set(&f, VMCS_PIN, PIN0 | VMX_PIN_INTERRUPT);
    vmx_guest_runs(&f, "31C931C0 0F01C8 0F01C9", 4);
    assert_int_equal(cpu_run(&f.cpu, 1), CPU_HALTED);
    fake_irq(&f, 0x31);
    (void)cpu_run(&f.cpu, 1);
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_INTERRUPT);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_ACTIVITY), VMX_ACTIVE);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_EIP), GUEST + 10);
    fake_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instructions), cmocka_unit_test(masks), cmocka_unit_test(tsc_offset), cmocka_unit_test(sleeping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
