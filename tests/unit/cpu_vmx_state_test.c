/* VMX: what a transition saves and loads, and what becomes of one that fails (SDM vol. 3B 22.3-22.5, 23.3-23.7, 2006; 3C 26.3, 27.3-27.7). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "sim/cpu/debug.h"
#include "sim/cpu/segment.h"
#include "tests/support/vmx_world.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])

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
    static const struct { const char *what; struct vmx_change c[3]; uint32_t why; } cases[] = {
        { "store", { { VMCS_EXIT_STORES, 1 }, { VMCS_EXIT_STORE_AT, MSRS + 0x110 } }, VMX_ABORT_STORE_MSR },
        { "load", { { VMCS_EXIT_LOADS, 1 }, { VMCS_EXIT_LOAD_AT, MSRS } }, VMX_ABORT_LOAD_MSR },
    };
    for (unsigned n = 0; n < COUNT(cases); n++) {
        struct fake f;
        vmx_start_root(&f, VMX_FIRST);
        vmx_change(&f, cases[n].c, COUNT(cases[n].c));
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

/* A step that MOV SS holds off is pending when the next instruction leaves, or hardware would refuse to enter again; and it comes
 * behind that instruction, once. */
static void step_behind_mov_ss(void **state)
{
    (void)state;
    struct fake f;
    vmx_start_root(&f, VMX_FIRST);
    vmx_set(&f, VMCS_EXCEPTIONS, 1u << VEC_DB);
    vmx_set(&f, VMCS_GUEST_EFLAGS, FLAG_ONE | FLAG_TF);
    vmx_guest_runs(&f, "8E15007003000FA29090", 0); /* mov ss, [POINTER]; cpuid; nop; nop */
    fake_put32(&f, POINTER, SEL_DATA0);
    (void)cpu_run(&f.cpu, 2);
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_CPUID);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_PENDING_DEBUG), DR6_BS);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_INTERRUPTIBILITY), VMX_BLOCKED_MOV_SS);
    vmx_set(&f, VMCS_GUEST_EIP, GUEST + 9);
    static const uint8_t vmresume[] = { 0x0F, 0x01, 0xC3 };
    fake_put(&f, HOST, vmresume, sizeof vmresume);
    (void)cpu_run(&f.cpu, 3);
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_EXCEPTION);
    assert_int_equal(vmx_get(&f, VMCS_QUALIFICATION), DR6_BS);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_EIP), GUEST + 10);
    fake_done(&f);
}

/* What MONITOR has armed is disarmed by an entry and by an exit: MWAIT behind either does not sleep. */
static void monitors(void **state)
{
    (void)state;
    static const uint8_t monitor[] = { 0x0F, 0x01, 0xC8 };
    struct fake f;
    vmx_start_root(&f, VMX_FIRST);
    f.cpu.reg[EAX] = POINTER;
    f.cpu.reg[ECX] = 0;
    assert_int_equal(rings_step(&f, monitor, sizeof monitor), STEP_OK);
    assert_true(f.cpu.monitor.armed);
    vmx_guest_runs(&f, "0F01C9 0F01C8 0FA2", 1); /* mwait; monitor; cpuid */
    assert_int_equal(f.cpu.eip, GUEST + 3);
    assert_false(f.cpu.halted);
    (void)cpu_run(&f.cpu, 1);
    assert_true(f.cpu.monitor.armed);
    (void)cpu_run(&f.cpu, 1);
    assert_int_equal(f.cpu.eip, HOST);
    assert_false(f.cpu.monitor.armed);
    fake_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transition), cmocka_unit_test(aborts), cmocka_unit_test(debug_traps), cmocka_unit_test(step_behind_mov_ss), cmocka_unit_test(monitors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
