/* Privilege as the literature lists it: what traps below ring 0 (Intel's privileged and IOPL-sensitive instructions),
 * and what does not trap but does something else there (Robin and Irvine's list, with IRET). The hypervisor's setting:
 * a kernel in ring 1, IOPL 0, the real IF set. Nothing here knows such a list; it is what the instructions do. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/rings.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])

static const char *run(struct fake *f, const uint8_t bytes[8], size_t n) { return rings_outcome(f, rings_step(f, bytes, n)); }

/* ---- the ones that trap ---- */

/* Outcome in ring 0, and in rings 1 and 3 with IOPL 0; bytes with their count first. EAX = 0, ECX = 10h (TSC), EDX =
 * 80h. */
static const struct { const char *what; uint8_t n, bytes[8]; const char *ring0, *below; } traps[] = {
    { "lgdt [20000h]",   7, { 0x0F, 0x01, 0x15, 0, 0, 2, 0 }, "ok", "#GP(0)" },
    { "lidt [20000h]",   7, { 0x0F, 0x01, 0x1D, 0, 0, 2, 0 }, "ok", "#GP(0)" },
    { "lldt ax",         3, { 0x0F, 0x00, 0xD0 }, "ok", "#GP(0)" },
    { "ltr ax",          3, { 0x0F, 0x00, 0xD8 }, "#GP(0)" /* null */, "#GP(0)" },
    { "mov eax, cr0",    3, { 0x0F, 0x20, 0xC0 }, "ok", "#GP(0)" },
    { "mov eax, cr2",    3, { 0x0F, 0x20, 0xD0 }, "ok", "#GP(0)" },
    { "mov eax, cr3",    3, { 0x0F, 0x20, 0xD8 }, "ok", "#GP(0)" },
    { "mov eax, cr4",    3, { 0x0F, 0x20, 0xE0 }, "ok", "#GP(0)" },
    { "mov cr0, eax",    3, { 0x0F, 0x22, 0xC0 }, "jump", "#GP(0)" },
    { "mov cr2, eax",    3, { 0x0F, 0x22, 0xD0 }, "jump", "#GP(0)" },
    { "mov cr3, eax",    3, { 0x0F, 0x22, 0xD8 }, "jump", "#GP(0)" },
    { "mov cr4, eax",    3, { 0x0F, 0x22, 0xE0 }, "jump", "#GP(0)" },
    { "lmsw ax",         3, { 0x0F, 0x01, 0xF0 }, "jump", "#GP(0)" },
    { "clts",            2, { 0x0F, 0x06 }, "jump", "#GP(0)" },
    { "mov eax, dr0",    3, { 0x0F, 0x21, 0xC0 }, "ok", "#GP(0)" },
    { "mov dr7, eax",    3, { 0x0F, 0x23, 0xF8 }, "jump", "#GP(0)" },
    { "invd",            2, { 0x0F, 0x08 }, "jump", "#GP(0)" },
    { "wbinvd",          2, { 0x0F, 0x09 }, "jump", "#GP(0)" },
    { "invlpg [20000h]", 7, { 0x0F, 0x01, 0x3D, 0, 0, 2, 0 }, "jump", "#GP(0)" },
    { "hlt",             1, { 0xF4 }, "halt", "#GP(0)" },
    { "rdmsr",           2, { 0x0F, 0x32 }, "ok", "#GP(0)" },
    { "wrmsr",           2, { 0x0F, 0x30 }, "ok", "#GP(0)" },
    { "rdpmc",           2, { 0x0F, 0x33 }, "ok", "#GP(0)" },
    { "rdtsc, TSD",      2, { 0x0F, 0x31 }, "ok", "#GP(0)" },
    { "cli",             1, { 0xFA }, "ok", "#GP(0)" },
    { "sti",             1, { 0xFB }, "ok", "#GP(0)" },
    { "in al, 80h",      2, { 0xE4, 0x80 }, "ok", "#GP(0)" },
    { "in eax, dx",      1, { 0xED }, "ok", "#GP(0)" },
    { "out 80h, al",     2, { 0xE6, 0x80 }, "ok", "#GP(0)" },
    { "out dx, eax",     1, { 0xEF }, "ok", "#GP(0)" },
    { "insb",            1, { 0x6C }, "ok", "#GP(0)" },
    { "outsd",           1, { 0x6F }, "ok", "#GP(0)" },
};

static void everything_privileged_traps(void **state)
{
    (void)state;
    static const uint8_t rings[] = { 0, 1, 2, 3 };
    for (unsigned n = 0; n < COUNT(traps); n++)
        for (unsigned k = 0; k < COUNT(rings); k++) {
            struct fake f;
            rings_init(&f);
            rings_enter(&f, rings[k]);
            f.cpu.cr4 |= CR4_TSD;
            f.cpu.reg[ECX] = 0x10;
            f.cpu.reg[EDX] = 0x80;
            f.cpu.reg[ESI] = f.cpu.reg[EDI] = AT_SCRATCH;
            const char *wanted = rings[k] ? traps[n].below : traps[n].ring0, *got = run(&f, traps[n].bytes, traps[n].n);
            /* RDPMC's ECX = 10h is a counter, too. */
            if (strcmp(got, wanted)) fail_msg("%s in ring %u: wanted %s, got %s", traps[n].what, rings[k], wanted, got);
            fake_done(&f);
        }
}

/* CLI, STI and ports are free with CPL <= IOPL; the privileged ones are not. */
static void iopl_opens_only_what_it_should(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(traps); n++) {
        struct fake f;
        rings_init(&f);
        rings_enter(&f, 1);
        cpu_set_flags(&f.cpu, 1 << 12);
        f.cpu.cr4 |= CR4_TSD;
        f.cpu.reg[EDX] = 0x80;
        f.cpu.reg[ESI] = f.cpu.reg[EDI] = AT_SCRATCH;
        uint8_t op = traps[n].bytes[0];
        bool opened = op == 0xFA || op == 0xFB || op == 0x6C || op == 0x6F || (op & 0xF4) == 0xE4;
        const char *got = run(&f, traps[n].bytes, traps[n].n);
        if (strcmp(got, opened ? "ok" : "#GP(0)")) fail_msg("%s in ring 1 with IOPL 1: got %s", traps[n].what, got);
        fake_done(&f);
    }
}

/* ---- the silent ones: rows 1 to 19 ---- */

/* A kernel that was moved to ring 1, as a hypervisor does it. */
static void deprivileged(struct fake *f)
{
    rings_init(f);
    rings_enter(f, 1);
    cpu_set_flags(&f->cpu, FLAG_IF);
}

static void rows_1_to_5_leak(void **state)
{
    (void)state;
    struct fake f;
    deprivileged(&f);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x01, 0x05, 0, 0, 2, 0)), "ok"); /* 1: sgdt */
    assert_int_equal(fake_get16(&f, AT_SCRATCH), SEL_LAST + 7);
    assert_int_equal(fake_get32(&f, AT_SCRATCH + 2), AT_GDT);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x01, 0x0D, 0, 0, 2, 0)), "ok"); /* 2: sidt */
    assert_int_equal(fake_get16(&f, AT_SCRATCH), 0x7FF);
    assert_int_equal(fake_get32(&f, AT_SCRATCH + 2), AT_IDT);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x00, 0xC0)), "ok"); /* 3: sldt eax */
    assert_int_equal(f.cpu.reg[EAX], SEL_LDT);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x00, 0xC8)), "ok"); /* 4: str eax */
    assert_int_equal(f.cpu.reg[EAX], SEL_TSS);
    f.cpu.cr0 |= CR0_TS;
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x01, 0xE0)), "ok"); /* 5: smsw eax */
    assert_int_equal(f.cpu.reg[EAX] & 0xFFFF, CR0_PE | CR0_ET | CR0_TS);
    fake_done(&f);
}

static void row_6_pushf_shows_the_real_flags(void **state)
{
    (void)state;
    struct fake f;
    deprivileged(&f);
    cpu_set_flags(&f.cpu, FLAG_IF | FLAG_CF | FLAG_RF | FLAG_AC | FLAG_ID);
    uint32_t esp = f.cpu.reg[ESP];
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x9C)), "ok");
    assert_int_equal(f.cpu.reg[ESP], esp - 4);
    assert_int_equal(fake_get32(&f, esp - 4), FLAG_ONE | FLAG_IF | FLAG_CF | FLAG_AC | FLAG_ID); /* RF reads 0 */
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x66, 0x9C)), "ok");
    assert_int_equal(f.cpu.reg[ESP], esp - 6);
    assert_int_equal(fake_get16(&f, esp - 6), FLAG_ONE | FLAG_IF | FLAG_CF);
    fake_page(&f, esp - 8, 0);
    fake_page(&f, esp - 0x1000, 0);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x9C)), "#PF(2)"); /* rings 1 and 2 are supervisors to paging */
    fake_done(&f);
}

/* Row 7. All flags before and in the image; bit 1 is always set afterwards. */
static const struct { const char *what; uint8_t ring; bool wide; uint32_t before, image, after; } pops[] = {
    { "ring 0 takes IF",                      0, true, 0, FLAG_IF, FLAG_IF },
    { "ring 0 drops IF",                      0, true, FLAG_IF, 0, 0 },
    { "ring 0 takes IOPL",                    0, true, 0, FLAG_IOPL, FLAG_IOPL },
    { "ring 1, IOPL 0: IF stays set",         1, true, FLAG_IF, 0, FLAG_IF },
    { "ring 1, IOPL 0: IF stays clear",       1, true, 0, FLAG_IF, 0 },
    { "ring 1, IOPL 0: IOPL stays",           1, true, FLAG_IF, FLAG_IOPL, FLAG_IF },
    { "ring 1, IOPL 0: the others load",      1, true, FLAG_IF | FLAG_ZF, FLAG_CF | FLAG_DF | FLAG_NT, FLAG_IF | FLAG_CF | FLAG_DF | FLAG_NT },
    { "ring 1, IOPL 1: the real IF goes",     1, true, FLAG_IF | 1 << 12, 0, 1 << 12 },
    { "ring 1, IOPL 1: IOPL stays",           1, true, 1 << 12, FLAG_IOPL | FLAG_IF, FLAG_IF | 1 << 12 },
    { "ring 3, IOPL 0: IF stays set",         3, true, FLAG_IF, 0, FLAG_IF },
    { "ring 3, IOPL 2: IF stays set",         3, true, FLAG_IF | 2 << 12, 0, FLAG_IF | 2 << 12 },
    { "ring 3, IOPL 3: IF goes",              3, true, FLAG_IF | FLAG_IOPL, 0, FLAG_IOPL },
    { "TF, AC, ID in ring 3",                 3, true, 0, FLAG_TF | FLAG_AC | FLAG_ID, FLAG_TF | FLAG_AC | FLAG_ID },
    { "VM, RF, VIF, VIP: not by POPF",        0, true, 0, FLAG_VM | FLAG_RF | FLAG_VIF | FLAG_VIP, 0 },
    { "reserved bits",                        0, true, 0, 0xFFC08028, 0 },
    { "16 bits: AC and ID stay",              0, false, FLAG_AC | FLAG_ID | FLAG_CF, FLAG_IF, FLAG_AC | FLAG_ID | FLAG_IF },
    { "16 bits in ring 1: IF stays",          1, false, FLAG_IF, FLAG_CF, FLAG_IF | FLAG_CF },
};

static void row_7_popf(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(pops); n++) {
        struct fake f;
        rings_init(&f);
        rings_enter(&f, pops[n].ring);
        cpu_set_flags(&f.cpu, pops[n].before);
        uint32_t esp = f.cpu.reg[ESP];
        fake_put32(&f, esp, pops[n].image);
        enum step s = pops[n].wide ? STEP(&f, 0x9D) : STEP(&f, 0x66, 0x9D);
        assert_int_equal(s, STEP_OK);
        assert_int_equal(f.cpu.reg[ESP], esp + (pops[n].wide ? 4 : 2));
        if (cpu_flags(&f.cpu) != (pops[n].after | FLAG_ONE)) fail_msg("%s: got %x", pops[n].what, cpu_flags(&f.cpu));
        fake_done(&f);
    }
}

static void rows_8_to_11_answer_differently(void **state)
{
    (void)state;
    struct fake f;
    deprivileged(&f);
    f.cpu.reg[EAX] = SEL_DATA0; /* a descriptor the hypervisor did not rewrite */
    static const uint8_t silent[][3] = { { 0x0F, 0x02, 0xD0 }, { 0x0F, 0x03, 0xD0 }, { 0x0F, 0x00, 0xE0 }, { 0x0F, 0x00, 0xE8 } };
    for (unsigned n = 0; n < COUNT(silent); n++) {
        cpu_set_flags(&f.cpu, FLAG_ZF | FLAG_IF);
        f.cpu.reg[EDX] = 0x77;
        assert_int_equal(rings_step(&f, silent[n], 3), STEP_OK);
        assert_int_equal(cpu_flags(&f.cpu) & FLAG_ZF, 0);
        assert_int_equal(f.cpu.reg[EDX], 0x77);
    }
    f.cpu.reg[EAX] = DATA(1);
    assert_int_equal(STEP(&f, 0x0F, 0x02, 0xD0), STEP_OK); /* a rewritten one shows DPL 1 */
    assert_int_equal(f.cpu.reg[EDX] >> 13 & 3, 1);
    rings_enter(&f, 0);
    f.cpu.reg[EAX] = SEL_DATA0;
    assert_int_equal(STEP(&f, 0x0F, 0x02, 0xD0), STEP_OK);
    assert_int_equal(f.cpu.reg[EDX] >> 13 & 3, 0);
    assert_true(cpu_flags(&f.cpu) & FLAG_ZF);
    fake_done(&f);
}

static void rows_12_to_14_ring_aliasing(void **state)
{
    (void)state;
    struct fake f;
    deprivileged(&f);
    uint32_t esp = f.cpu.reg[ESP];
    assert_int_equal(STEP(&f, 0x0E), STEP_OK); /* push cs */
    assert_int_equal(fake_get32(&f, esp - 4) & 3, 1);
    assert_int_equal(STEP(&f, 0x16), STEP_OK); /* push ss */
    assert_int_equal(fake_get32(&f, esp - 8) & 3, 1);
    assert_int_equal(STEP(&f, 0x8C, 0xC8), STEP_OK); /* mov eax, cs */
    assert_int_equal(f.cpu.reg[EAX] & 3, 1);
    fake_put32(&f, f.cpu.reg[ESP], DATA(1)); /* RPL 0, as the kernel was written */
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x17)), "#GP(20)"); /* pop ss */
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x1F)), "ok");      /* pop ds: silent */
    f.cpu.reg[EAX] = DATA(1);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x8E, 0xD0)), "#GP(20)"); /* mov ss, ax */
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x8E, 0xC0)), "ok");      /* mov es, ax */
    fake_done(&f);
}

static void rows_15_to_19_partly_trap(void **state)
{
    (void)state;
    struct fake f;
    deprivileged(&f);
    uint32_t esp = f.cpu.reg[ESP];
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x9A, 0, 0x30, 0, 0, SEL_CODE0, 0)), "#GP(8)"); /* 15: call far */
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x9A, 0, 0x30, 0, 0, (uint8_t)CODE(1), 0)), "jump");
    assert_int_equal(fake_get32(&f, esp - 4) & 3, 1);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xEA, 0, 0x30, 0, 0, SEL_CODE0, 0)), "#GP(8)"); /* 16: jmp far */
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xEA, 0, 0x10, 0, 0, (uint8_t)CODE(1), 0)), "jump");
    assert_int_equal(f.cpu.seg[SEG_CS].sel & 3, 1);
    esp = f.cpu.reg[ESP];
    fake_put32(&f, esp, 0x1000); /* 17: a frame a ring-0 kernel builds by hand */
    fake_put32(&f, esp + 4, SEL_CODE0);
    fake_put32(&f, esp + 8, FLAG_ONE);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xCB)), "#GP(8)");
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xCD, 0x21)), "#GP(10A)"); /* 18: int, gate DPL 0 */
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xCF)), "#GP(8)");          /* 19: iret */
    fake_put32(&f, esp + 4, CODE(1) | 1);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xCF)), "jump"); /* its frame asks for IF = 0 and IOPL = 0 */
    assert_int_equal(cpu_flags(&f.cpu), FLAG_ONE | FLAG_IF);        /* IF stays, in silence */
    fake_done(&f);
}

/* ---- CLI, STI and the interrupt shadow ---- */

static void sti_shadow(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    uint64_t none = f.cpu.inhibit, before = f.cpu.insns;
    assert_int_equal(STEP(&f, 0xFB), STEP_OK);
    assert_true(cpu_flags(&f.cpu) & FLAG_IF);
    assert_true(f.cpu.inhibit == before + 1);
    f.cpu.inhibit = none;
    assert_int_equal(STEP(&f, 0xFB), STEP_OK); /* IF was set already: no new shadow */
    assert_true(f.cpu.inhibit == none);
    assert_int_equal(STEP(&f, 0xFA), STEP_OK);
    assert_int_equal(cpu_flags(&f.cpu) & FLAG_IF, 0);
    fake_done(&f);
}

/* With the run loop: where exactly does a pending interrupt come in? Bytes; how many NOPs may run before it. */
static const struct { const char *what; uint8_t n, bytes[8]; uint32_t back; } pending[] = {
    { "sti; nop; nop",           3, { 0xFB, 0x90, 0x90 }, 2 },
    { "sti; sti; nop",           3, { 0xFB, 0xFB, 0x90 }, 2 },
    { "sti; mov ss, ax; nop",    5, { 0xFB, 0x8E, 0xD0, 0x90, 0x90 }, 4 },
    { "push 200h; popf; nop",    7, { 0x68, 0x00, 0x02, 0x00, 0x00, 0x9D, 0x90 }, 6 },
    { "sti; cli; nop: not at all", 3, { 0xFB, 0xFA, 0x90 }, 0 },
    { "sti; mov ds, ax; nop",    4, { 0xFB, 0x8E, 0xD8, 0x90 }, 3 },
};

static void pending_interrupt(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(pending); n++) {
        struct fake f;
        rings_init(&f);
        f.cpu.reg[EAX] = SEL_DATA0;
        uint8_t code[16];
        memset(code, 0x90, sizeof code);
        memcpy(code, pending[n].bytes, pending[n].n);
        fake_put(&f, FAKE_CODE, code, sizeof code);
        fake_put(&f, AT_HANDLER + 16 * 0x30, (const uint8_t[]){ 0xEB, 0xFE }, 2); /* jmp $ */
        fake_irq(&f, 0x30);
        cpu_run(&f.cpu, 8);
        if (!pending[n].back) assert_int_equal(f.acknowledged, 0);
        else {
            assert_int_equal(f.acknowledged, 1);
            uint32_t back = fake_get32(&f, f.cpu.reg[ESP]) - FAKE_CODE;
            if (back != pending[n].back) fail_msg("%s: interrupted at +%u", pending[n].what, back);
        }
        fake_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_privileged_traps), cmocka_unit_test(iopl_opens_only_what_it_should),
        cmocka_unit_test(rows_1_to_5_leak), cmocka_unit_test(row_6_pushf_shows_the_real_flags), cmocka_unit_test(row_7_popf),
        cmocka_unit_test(rows_8_to_11_answer_differently), cmocka_unit_test(rows_12_to_14_ring_aliasing),
        cmocka_unit_test(rows_15_to_19_partly_trap), cmocka_unit_test(sti_shadow), cmocka_unit_test(pending_interrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
