/* VMX: its instructions, every check of VM entry (SDM vol. 3B ch. 19-22,
 * 2006; 3C 23-26, 30). The exits are in cpu_vmx_exit_test.c.
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

/* ---- VM entry's checks ---- */

struct change { enum vmcs_offset field; uint32_t value; };
struct check { const char *what; struct change c[6]; uint32_t wanted, why; };

/* What became of VMLAUNCH: 0 the guest runs; 7, 8: VMfailValid; 33, 34: an exit with bit 31. */
static uint32_t outcome(struct fake *f)
{
    if (f->cpu.vmx.nonroot) return 0;
    if (f->cpu.eip == FAKE_CODE + 3) return flags_now(f) == VALID ? vmx_get(f, VMCS_ERROR) : 999;
    assert_int_equal(f->cpu.eip, HOST);
    assert_int_equal(vmx_get(f, VMCS_REASON) >> 16, 0x8000);
    return vmx_get(f, VMCS_REASON) & 0xFFFF;
}

static void check_one(unsigned generation, const struct check *k)
{
    struct fake f;
    vmx_start_root(&f, generation);
    for (unsigned n = 0; n < COUNT(k->c) && k->c[n].field; n++) vmx_set(&f, k->c[n].field, k->c[n].value);
    vmx_launch(&f);
    uint32_t got = outcome(&f);
    if (got != k->wanted) fail_msg("%s: %u in place of %u", k->what, got, k->wanted);
    if (got > 8 && vmx_get(&f, VMCS_QUALIFICATION) != k->why) fail_msg("%s: qualification %u", k->what, vmx_get(&f, VMCS_QUALIFICATION));
    assert_int_equal(fake_get32(&f, CURRENT + VMCS_LAUNCHED), got == 0);
    if (got) assert_int_equal(vmx_get(&f, VMCS_GUEST_ESP), GUEST_STACK);
    fake_done(&f);
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
    { "event: code of 16 bits", { { VMCS_ENTRY_EVENT, V(0xB0D) }, { VMCS_ENTRY_CODE, 0xFFFC } }, 0, 0 },
    { "event: reserved bit", { { VMCS_ENTRY_EVENT, V(0x1B0D) } }, 7, 0 },
    { "event: INT of no length", { { VMCS_ENTRY_EVENT, V(0x480) } }, 7, 0 },
    { "event: INT of 16 bytes", { { VMCS_ENTRY_EVENT, V(0x480) }, { VMCS_ENTRY_LENGTH, 16 } }, 7, 0 },
    { "NMI window without virtual NMIs", { { VMCS_PROC, PROC0 | VMX_PROC_NMI_WINDOW } }, 7, 0 },
};
static const struct check hosts[] = {
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
    { "NW without CD", { { VMCS_GUEST_CR0, CR0_FIXED | CR0_NW } }, 33, 0 },
    { "CR4 reserved", { { VMCS_GUEST_CR4, CR4_VMXE | 1u << 31 } }, 33, 0 },
    { "DEBUGCTL reserved", { { VMCS_GUEST_DEBUGCTL, 0x100 } }, 33, 0 },
    { "EFLAGS bit 1", { { VMCS_GUEST_EFLAGS, 0 } }, 33, 0 }, { "EFLAGS bit 3", { { VMCS_GUEST_EFLAGS, FLAG_ONE | 8 } }, 33, 0 },
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
    { "PDPTE reserved", { { VMCS_GUEST_CR4, CR4_VMXE | CR4_PAE }, { VMCS_GUEST_CR3, MSRS + 0x800 } }, 33, 2 },
    { "FS base by MSR", { { VMCS_ENTRY_LOADS, 1 }, { VMCS_ENTRY_LOAD_AT, MSRS } }, 34, 1 },
    { "second MSR", { { VMCS_ENTRY_LOADS, 2 }, { VMCS_ENTRY_LOAD_AT, MSRS + 0x100 } }, 34, 2 },
    { "one MSR", { { VMCS_ENTRY_LOADS, 1 }, { VMCS_ENTRY_LOAD_AT, MSRS + 0x100 } }, 0, 0 },
};

static void check_table(const struct check *rows, size_t n)
{
    for (size_t k = 0; k < n; k++) check_one(VMX_FIRST, &rows[k]);
}

static void entry_checks(void **state)
{
    (void)state;
    check_table(controls, COUNT(controls));
    check_table(hosts, COUNT(hosts));
    check_table(guests, COUNT(guests));
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
    };
    for (size_t k = 0; k < COUNT(later); k++) check_one(VMX_NEHALEM, &later[k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vmxon_rules), cmocka_unit_test(pointers), cmocka_unit_test(field_table),
        cmocka_unit_test(read_and_write), cmocka_unit_test(capabilities), cmocka_unit_test(fixed_bits),
        cmocka_unit_test(entry_checks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
