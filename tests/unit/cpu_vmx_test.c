/* VMX: its instructions but for what VM entry checks (SDM vol. 3B ch. 19-21, 2006; 3C 23-25, 30). That is in cpu_vmx_check_test.c, the exits
 * are in cpu_vmx_exit_test.c.
 *
 * Each row of a table changes one thing in the world of vmx_world.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/vmx_world.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])

static uint32_t flags_now(struct fake *f) { return cpu_flags(&f->cpu) & FLAGS_ARITH; }

/* ---- VMXON and the pointers ---- */

enum { OK_ = 0, INVALID = FLAG_CF, VALID = FLAG_ZF };
static const uint8_t vmxon[] = { 0xF3, 0x0F, 0xC7, 0x35, 0, 0x70, 3, 0 }, vmclear[] = { 0x66, 0x0F, 0xC7, 0x35, 0, 0x70, 3, 0 },
                     vmptrld[] = { 0x0F, 0xC7, 0x35, 0, 0x70, 3, 0 }, vmptrst[] = { 0x0F, 0xC7, 0x3D, 0, 0x70, 3, 0 };
#define RUN(f, code) rings_step((f), (code), sizeof (code))

static void point(struct fake *f, uint32_t low, uint32_t high)
{
    fake_put32(f, POINTER, low);
    fake_put32(f, POINTER + 4, high);
}

static void vmxon_rules(void **state)
{
    (void)state;
    static const struct { const char *what, *outcome; uint32_t flags; unsigned vmx, cpl; uint32_t cr0, cr4, feature, at, high; } rows[] = {
        { "it works",        "ok", OK_, 1, 0, CR0_FIXED, CR4_VMXE, 5, REGION, 0 },
        { "no VMX",          "#UD", 0, 0, 0, CR0_FIXED, CR4_VMXE, 5, REGION, 0 },
        { "no VMXE",         "#UD", 0, 1, 0, CR0_FIXED, 0, 5, REGION, 0 },
        { "ring 3",          "#GP(0)", 0, 1, 3, CR0_FIXED, CR4_VMXE, 5, REGION, 0 },
        { "no NE",           "#GP(0)", 0, 1, 0, CR0_PG | CR0_PE, CR4_VMXE, 5, REGION, 0 },
        { "no PG",           "#GP(0)", 0, 1, 0, CR0_NE | CR0_PE, CR4_VMXE, 5, REGION, 0 },
        { "not locked",      "#GP(0)", 0, 1, 0, CR0_FIXED, CR4_VMXE, 4, REGION, 0 },
        { "locked off",      "#GP(0)", 0, 1, 0, CR0_FIXED, CR4_VMXE, 1, REGION, 0 },
        { "odd address",     "ok", INVALID, 1, 0, CR0_FIXED, CR4_VMXE, 5, REGION + 8, 0 },
        { "beyond 4 GB",     "ok", INVALID, 1, 0, CR0_FIXED, CR4_VMXE, 5, REGION, 1 },
        { "wrong revision",  "ok", INVALID, 1, 0, CR0_FIXED, CR4_VMXE, 5, BITMAPS, 0 },
    };
    for (unsigned n = 0; n < COUNT(rows); n++) {
        struct fake f;
        vmx_start(&f, rows[n].vmx);
        if (rows[n].cpl) rings_enter(&f, rows[n].cpl);
        f.cpu.cr0 = rows[n].cr0;
        f.cpu.cr4 = rows[n].cr4;
        f.cpu.msr[MSR_FEATURE_CONTROL] = rows[n].feature;
        point(&f, rows[n].at, rows[n].high);
        enum step s = RUN(&f, vmxon);
        if (strcmp(rings_outcome(&f, s), rows[n].outcome)) fail_msg("%s: %s", rows[n].what, rings_outcome(&f, s));
        if (s != STEP_FAULT && flags_now(&f) != rows[n].flags) fail_msg("%s: flags %x", rows[n].what, flags_now(&f));
        assert_int_equal(f.cpu.vmx.on, s != STEP_FAULT && rows[n].flags == OK_);
        fake_done(&f);
    }
}

static void expect(struct fake *f, enum step s, uint32_t flags, uint32_t error, const char *what)
{
    if (s != STEP_OK || flags_now(f) != flags) fail_msg("%s: %s, flags %x", what, rings_outcome(f, s), flags_now(f));
    if (flags == VALID && vmx_get(f, VMCS_ERROR) != error) fail_msg("%s: error %u", what, vmx_get(f, VMCS_ERROR));
}

static void pointers(void **state)
{
    (void)state;
    struct fake f;
    vmx_start(&f, VMX_FIRST);
    point(&f, REGION, 0);
    expect(&f, RUN(&f, vmxon), OK_, 0, "vmxon");
    expect(&f, RUN(&f, vmptrld), INVALID, 0, "the VMXON region, no VMCS to tell it in");
    expect(&f, RUN(&f, vmptrst), OK_, 0, "vmptrst");
    assert_int_equal(fake_get32(&f, POINTER), UINT32_MAX);
    assert_int_equal(fake_get32(&f, POINTER + 4), UINT32_MAX);
    point(&f, CURRENT, 0);
    expect(&f, RUN(&f, vmclear), OK_, 0, "vmclear");
    expect(&f, RUN(&f, vmptrld), OK_, 0, "vmptrld");
    expect(&f, RUN(&f, vmxon), VALID, VMX_ERROR_VMXON_ROOT, "vmxon again");
    static const struct { const char *what; uint32_t at, high; const uint8_t *code; size_t n; uint32_t error; } rows[] = {
        { "clear odd", CURRENT + 4, 0, vmclear, sizeof vmclear, VMX_ERROR_VMCLEAR_ADDRESS },
        { "clear high", CURRENT, 4, vmclear, sizeof vmclear, VMX_ERROR_VMCLEAR_ADDRESS },
        { "clear VMXON", REGION, 0, vmclear, sizeof vmclear, VMX_ERROR_VMCLEAR_VMXON },
        { "load odd", CURRENT + 2048, 0, vmptrld, sizeof vmptrld, VMX_ERROR_VMPTRLD_ADDRESS },
        { "load VMXON", REGION, 0, vmptrld, sizeof vmptrld, VMX_ERROR_VMPTRLD_VMXON },
        { "load revision", BITMAPS, 0, vmptrld, sizeof vmptrld, VMX_ERROR_VMPTRLD_REVISION },
    };
    for (unsigned n = 0; n < COUNT(rows); n++) {
        point(&f, rows[n].at, rows[n].high);
        expect(&f, rings_step(&f, rows[n].code, rows[n].n), VALID, rows[n].error, rows[n].what);
        assert_int_equal(f.cpu.vmx.current, CURRENT);
    }
    expect(&f, STEP(&f, 0x0F, 0x01, 0xC1), VALID, VMX_ERROR_VMCALL_ROOT, "vmcall");
    expect(&f, STEP(&f, 0x0F, 0x01, 0xC3), VALID, VMX_ERROR_RESUME_STATE, "vmresume, clear");
    point(&f, CURRENT, 0);
    expect(&f, RUN(&f, vmclear), OK_, 0, "vmclear of the current one");
    assert_int_equal(f.cpu.vmx.current, VMX_NO_VMCS);
    expect(&f, STEP(&f, 0x0F, 0x01, 0xC2), INVALID, 0, "vmlaunch, no VMCS");
    rings_enter(&f, 3);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x01, 0xC4)), "#GP(0)");
    rings_enter(&f, 0);
    expect(&f, STEP(&f, 0x0F, 0x01, 0xC4), OK_, 0, "vmxoff");
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x01, 0xC4)), "#UD");
    fake_done(&f);
}

/* ---- fields ---- */

/* No two fields share a byte, and each is found by its encoding, which says its width. */
static void field_table(void **state)
{
    (void)state;
    uint8_t used[VMCS_SIZE] = { 0 };
    for (const struct vmcs_field *f = vmcs_fields; f->name; f++) {
        unsigned n = vmcs_width(f->encoding) == VMCS_64 ? 8 : 4;
        for (unsigned k = 0; k < n; k++) assert_int_equal(used[f->offset + k]++, 0);
        assert_int_equal(f->offset % n, 0);
        assert_true(f->offset >= VMCS_LAUNCHED + 4);
        assert_ptr_equal(vmcs_find(f->encoding, VMX_NEHALEM), f);
        assert_true(!vmcs_find(f->encoding | 1, VMX_NEHALEM) == (n == 4));
        assert_true(!vmcs_find(f->encoding, VMX_FIRST) == (f->since > VMX_FIRST));
        assert_null(vmcs_find(f->encoding | 0x1000, VMX_NEHALEM));
        assert_null(vmcs_find(f->encoding | 0x10000, VMX_NEHALEM));
    }
    assert_null(vmcs_find(0x0002, VMX_NEHALEM));
}

static void read_and_write(void **state)
{
    (void)state;
    struct fake f;
    vmx_start_root(&f, VMX_FIRST);
    struct cpu *c = &f.cpu;
    for (const struct vmcs_field *v = vmcs_fields; v->name; v++) {
        bool wide = vmcs_width(v->encoding) == VMCS_64, there = v->since == VMX_FIRST;
        bool locked = vmcs_area(v->encoding) == VMCS_INFORMATION;
        for (unsigned half = 0; half < (wide ? 2 : 1); half++) {
            c->reg[ECX] = v->encoding + half;
            c->reg[EDX] = 0xA5A50000u + v->encoding + half;
            expect(&f, STEP(&f, 0x0F, 0x79, 0xCA), there && !locked ? OK_ : VALID, /* vmwrite ecx, edx */
                   there ? VMX_ERROR_READ_ONLY : VMX_ERROR_FIELD, v->name);
            c->reg[EDX] = 0;
            expect(&f, STEP(&f, 0x0F, 0x78, 0xCA), there ? OK_ : VALID, VMX_ERROR_FIELD, v->name); /* vmread edx, ecx */
            uint32_t wanted = 0xA5A50000u + v->encoding + half;
            if (vmcs_width(v->encoding) == VMCS_16) wanted &= 0xFFFF;
            if (there && !locked) assert_int_equal(c->reg[EDX], wanted);
        }
    }
    c->reg[ECX] = 0x681E; /* EIP; by memory */
    fake_put32(&f, POINTER, 0x12345678);
    expect(&f, STEP(&f, 0x0F, 0x79, 0x0D, 0, 0x70, 3, 0), OK_, 0, "vmwrite from memory");
    expect(&f, STEP(&f, 0x0F, 0x78, 0x0D, 4, 0x70, 3, 0), OK_, 0, "vmread to memory");
    assert_int_equal(fake_get32(&f, POINTER + 4), 0x12345678);
    fake_page(&f, POINTER, FAKE_P | FAKE_U);
    f.cpu.cr0 |= CR0_WP;
    c->vmx.current = VMX_NO_VMCS;
    expect(&f, STEP(&f, 0x0F, 0x78, 0xCA), INVALID, 0, "no VMCS");
    fake_done(&f);
}

static void capabilities(void **state)
{
    (void)state;
    static const struct { unsigned generation; uint32_t msr; uint64_t value; } rows[] = {
        { 1, 0x480, 0x0059100052490001 }, { 3, 0x480, 0x00D9100052490003 },
        { 1, 0x481, 0x0000001F00000016 }, { 2, 0x481, 0x0000003F00000016 },
        { 1, 0x482, 0x77A1FFFE0401E172 }, { 2, 0x482, 0x77E1FFFE0401E172 }, { 3, 0x482, 0xFFE1FFFE0401E172 },
        { 1, 0x483, 0x0003EDFF00036DFF }, { 1, 0x484, 0x000011FF000011FF }, { 1, 0x485, 0x000401C0 },
        { 1, 0x486, 0x80000021 }, { 1, 0x487, 0xFFFFFFFF }, { 1, 0x488, 0x2000 }, { 1, 0x489, 0x23FF }, { 1, 0x48A, 0x2A },
        { 3, 0x48E, 0xFFE1FFFE04006172 }, { 3, 0x48B, 0x0000006300000000 }, { 3, 0x481, 0x0000007F00000016 },
        { 3, 0x483, 0x0043EDFF00036DFF }, { 3, 0x485, 0x000401C5 }, { 3, 0x48A, 0x2E }, { 3, 0x48C, 0x00000F0106114141 },
    };
    for (unsigned n = 0; n < COUNT(rows); n++) {
        struct fake f;
        uint64_t v;
        vmx_start(&f, rows[n].generation);
        if (!msr_read(&f.cpu, rows[n].msr, &v) || v != rows[n].value)
            fail_msg("generation %u, MSR %x: %llx", rows[n].generation, rows[n].msr, (unsigned long long)v);
        assert_false(msr_write(&f.cpu, rows[n].msr, v));
        f.model.vmx = VMX_NONE;
        assert_false(msr_read(&f.cpu, rows[n].msr, &v));
        fake_done(&f);
    }
    struct fake f;
    uint64_t v;
    vmx_start(&f, VMX_FIRST);
    assert_false(msr_read(&f.cpu, 0x48D, &v));
    assert_false(msr_read(&f.cpu, 0x48B, &v));
    assert_false(msr_read(&f.cpu, 0x48C, &v));
    assert_false(msr_write(&f.cpu, 0x3A, 0)); /* locked */
    fake_done(&f);
}

/* In VMX operation some bits cannot be changed. */
static void fixed_bits(void **state)
{
    (void)state;
    struct fake f;
    vmx_start_root(&f, VMX_FIRST);
    f.cpu.reg[EAX] = CR0_FIXED & ~(uint32_t)CR0_NE;
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x22, 0xC0)), "#GP(0)");
    f.cpu.reg[EAX] = CR0_FIXED & ~CR0_PG;
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x22, 0xC0)), "#GP(0)");
    f.cpu.reg[EAX] = 0;
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x22, 0xE0)), "#GP(0)");
    f.cpu.reg[EAX] = CR4_VMXE | CR4_PGE;
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x22, 0xE0)), "jump");
    fake_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vmxon_rules), cmocka_unit_test(pointers), cmocka_unit_test(field_table),
        cmocka_unit_test(read_and_write), cmocka_unit_test(capabilities), cmocka_unit_test(fixed_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
