/* Breakpoints, traps and their order (SDM vol. 3B 17.2, 17.3; 3A 6.8.3), and alignment checks (3A 6.15). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "sim/cpu/debug.h"
#include "tests/support/cpu_case.h"
#include "tests/support/rings.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
enum { EXEC = 0, WRITE = 1, PORT = 2, ACCESS = 3, LEN1 = 0, LEN2 = 4, LEN8 = 8, LEN4 = 12, DB_HANDLER = AT_HANDLER + 16 };

/* Breakpoint n, enabled locally or globally (G), or not at all. */
#define BP(n, bits) ((uint32_t)(bits) << (16 + 4 * (n)))
#define L(n) (1u << 2 * (n))
#define G(n) (2u << 2 * (n))

/* Ring 0 with an IDT, a block cache and these bytes at CS:EIP; every handler begins with IRET. */
static void begin(struct fake *f, bool blocks, const char *code)
{
    uint8_t bytes[64];
    rings_init(f);
    f->cpu.blocks = blocks ? block_cache_new() : NULL;
    unsigned n = cpu_case_bytes(code, bytes);
    fake_put(f, FAKE_CODE, bytes, n);
    for (unsigned v = 0; v < 256; v++) fake_put(f, AT_HANDLER + 16 * v, "\xCF", 1);
    f->cpu.reg[EBX] = AT_SCRATCH;
    f->cpu.reg[ESI] = AT_SCRATCH;
    f->cpu.reg[EDI] = AT_SCRATCH + 0x100;
}

static void end(struct fake *f)
{
    if (f->cpu.blocks) block_cache_free(f->cpu.blocks);
    f->cpu.blocks = NULL;
    fake_done(f);
}

/* Word n of the frame of a handler in the same ring: EIP, CS, EFLAGS. */
static uint32_t frame(const struct fake *f, unsigned n) { return fake_get32(f, f->cpu.reg[ESP] + 4 * n); }

/* ---- where the first #DB comes, and what it tells ---- */

static const struct stop {
    const char *what, *code;
    uint32_t dr[4], dr7, cr4, flags;
    uint32_t eip;  /* pushed, as an offset from the first instruction; ~0: no #DB within 8 boundaries */
    uint32_t dr6;  /* bits above the fixed ones */
    bool rf;       /* in the pushed flags */
} stops[] = {
    { "instruction", "40 40 40", { FAKE_CODE + 1 }, L(0), 0, 0, 1, 1, false },
    { "instruction, globally enabled, DR3", "40 40 40", { [3] = FAKE_CODE + 2 }, G(3), 0, 0, 2, 8, false },
    { "not at its second byte", "89 C0 40", { FAKE_CODE + 1 }, L(0), 0, 0, ~0u, 0, false },
    { "at its first prefix", "40 66 89 C0", { FAKE_CODE + 1 }, L(0), 0, 0, 1, 1, false },
    { "RF passes one instruction", "40 40", { FAKE_CODE }, L(0), 0, FLAG_RF, ~0u, 0, false },
    { "two at once, one not enabled", "40 40", { FAKE_CODE + 1, FAKE_CODE + 1, FAKE_CODE }, L(1), 0, 0, 1, 3, false },
    { "not behind MOV SS", "8E D0 40 40", { FAKE_CODE + 2 }, L(0), 0, 0, ~0u, 0, false },
    { "behind STI", "FB 40 40", { FAKE_CODE + 1 }, L(0), 0, 0, 1, 1, false },

    { "write of a dword", "89 03 40", { AT_SCRATCH }, L(0) | BP(0, WRITE | LEN4), 0, 0, 2, 1, false },
    { "write breakpoint, read", "8B 03 40", { AT_SCRATCH }, L(0) | BP(0, WRITE | LEN4), 0, 0, ~0u, 0, false },
    { "access breakpoint, read", "8B 03 40", { AT_SCRATCH }, L(0) | BP(0, ACCESS | LEN4), 0, 0, 2, 1, false },
    { "byte within a dword", "88 43 03 40", { AT_SCRATCH }, L(0) | BP(0, WRITE | LEN4), 0, 0, 3, 1, false },
    { "byte behind a word", "88 43 02 40", { AT_SCRATCH }, L(0) | BP(0, WRITE | LEN2), 0, 0, ~0u, 0, false },
    { "byte within 8 bytes", "88 43 07 40", { AT_SCRATCH }, L(0) | BP(0, WRITE | LEN8), 0, 0, 3, 1, false },
    { "the address is rounded down", "88 03 40", { AT_SCRATCH + 3 }, L(0) | BP(0, WRITE | LEN4), 0, 0, 2, 1, false },
    { "dword that ends in it", "89 43 FD 40", { AT_SCRATCH }, L(0) | BP(0, WRITE | LEN1), 0, 0, 3, 1, false },
    { "dword across a page that ends in it", "89 43 FF 40", { AT_SCRATCH + 2 }, L(0) | BP(0, WRITE | LEN1), 0, 0, 3, 1, false },
    { "read-modify-write", "FF 03 40", { AT_SCRATCH }, L(0) | BP(0, WRITE | LEN1), 0, 0, 2, 1, false },
    { "push", "50 40", { AT_STACK - 0x404 }, L(0) | BP(0, WRITE | LEN4), 0, 0, 1, 1, false },
    { "fetching is no access", "40 40", { FAKE_CODE + 1 }, L(0) | BP(0, ACCESS | LEN1), 0, 0, ~0u, 0, false },
    { "two hit, a third matches", "01 03 40", { AT_SCRATCH, AT_SCRATCH + 2, AT_SCRATCH + 1 },
      L(0) | G(2) | BP(0, WRITE | LEN1) | BP(1, ACCESS | LEN2) | BP(2, ACCESS | LEN1), 0, 0, 2, 7, false },
    { "byte that two watch", "88 43 03 40", { AT_SCRATCH, FAKE_CODE, AT_SCRATCH + 3 },
      L(0) | L(1) | L(2) | BP(0, WRITE | LEN4) | BP(2, WRITE | LEN1), 0, FLAG_RF, 3, 5, false },
    { "with single step", "89 03 40", { AT_SCRATCH }, L(0) | BP(0, WRITE | LEN4), 0, FLAG_TF, 2, 1 | DR6_BS, false },
    { "a descriptor beside it", "8E E0 40", { AT_GDT }, L(0) | BP(0, ACCESS | LEN8), 0, 0, ~0u, 0, false },
    { "descriptor of DS", "8E D8 40", { AT_GDT + SEL_DATA0 }, L(0) | BP(0, ACCESS | LEN8), 0, 0, 2, 1, false },
    { "REP MOVS: behind the iteration", "F3 A5 40", { AT_SCRATCH + 0x104 }, L(0) | BP(0, WRITE | LEN1), 0, 0, 0, 1, true },
    { "REP MOVS: behind the last one", "F3 A5 40", { AT_SCRATCH + 0x108 }, L(0) | BP(0, WRITE | LEN1), 0, 0, 2, 1, false },
    { "MOV SS from it: one instruction later", "8E 13 40 40", { AT_SCRATCH }, L(0) | BP(0, ACCESS | LEN2), 0, 0, 3, 1, false },
    { "POP SS from it: one instruction later", "17 83 C4 40 40", { AT_STACK - 0x400 }, L(0) | BP(0, ACCESS | LEN1), 0, 0, 4, 1, false },
    { "MOV SS from it, then REP: behind the first iteration", "8E 13 F3 A5 40", { AT_SCRATCH }, L(0) | BP(0, ACCESS | LEN2), 0, 0,
      2, 1, true },
    { "MOV SS from it, then INT3: in its handler", "8E 13 CC 40", { AT_SCRATCH }, L(0) | BP(0, ACCESS | LEN2), 0, 0,
      AT_HANDLER + 16 * VEC_BP - FAKE_CODE, 1, false },
    { "single step behind MOV SS", "8E D0 40 40", { 0 }, 0, 0, FLAG_TF, 3, DR6_BS, false },
    { "single step behind MOV SS twice", "8E D0 8E D0 40", { 0 }, 0, 0, FLAG_TF, 4, DR6_BS, false },
    { "single step behind MOV SS, POP SS", "8E D0 17 40", { 0 }, 0, 0, FLAG_TF, 3, DR6_BS, false },
    { "not enabled", "89 03 40", { AT_SCRATCH }, BP(0, WRITE | LEN4), 0, 0, ~0u, 0, false },

    { "port", "E4 80 40", { 0x80 }, L(0) | BP(0, PORT | LEN1), CR4_DE, 0, 2, 1, false },
    { "port without CR4.DE", "E4 80 40", { 0x80 }, L(0) | BP(0, PORT | LEN1), 0, 0, ~0u, 0, false },
    { "out to a word's second byte", "E6 81 40", { 0x80 }, L(0) | BP(0, PORT | LEN2), CR4_DE, 0, 2, 1, false },
    { "outs", "6F 40", { 0x82 }, L(0) | BP(0, PORT | LEN1), CR4_DE, 0, 1, 1, false },
    { "memory is no port", "8A 03 40", { AT_SCRATCH }, L(0) | BP(0, PORT | LEN1), CR4_DE, 0, ~0u, 0, false },

    { "INT1", "40 F1 40", { 0 }, 0, 0, 0, 2, 0, false },
    { "INT1 behind RF", "F1 40", { FAKE_CODE }, L(0), 0, FLAG_RF, 1, 0, false },
    { "INT1 is not stepped over", "F1 40", { 0 }, 0, 0, FLAG_TF, 1, 0, false },
    { "MOV DR with GD", "0F 21 C0 40", { 0 }, DR7_GD, 0, 0, 0, DR6_BD, true },
    { "instruction comes before GD", "0F 21 C0 40", { FAKE_CODE }, L(0) | DR7_GD, 0, 0, 0, 1, false },
};

static void where_it_stops(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 2 * COUNT(stops); n++) {
        const struct stop *t = &stops[n / 2];
        struct fake f;
        begin(&f, n & 1, t->code);
        struct cpu *c = &f.cpu;
        fake_put32(&f, AT_SCRATCH, SEL_DATA0);
        fake_put32(&f, c->reg[ESP], SEL_DATA0);
        c->reg[EAX] = SEL_DATA0;
        c->reg[ECX] = 3;
        c->reg[EDX] = 0x80;
        c->cr4 = t->cr4;
        memcpy(c->dr, t->dr, sizeof t->dr);
        debug_set(c, 7, t->dr7);
        cpu_set_flags(c, t->flags);
        unsigned left = 8;
        if (n & 1) { /* at a run, out of blocks */
            fake_put(&f, DB_HANDLER, "\xEB\xFE", 2);
            cpu_run(c, 60);
            if (c->eip != DB_HANDLER) left = 0;
        }
        while (left && c->eip != DB_HANDLER) {
            assert_int_equal(cpu_run(c, 1), CPU_BUDGET);
            left--;
        }
        if (!left != (t->eip == ~0u)) fail_msg("%s: %s", t->what, left ? "stopped" : "never stopped");
        if (left) {
            if (frame(&f, 0) != FAKE_CODE + t->eip) fail_msg("%s: at %x", t->what, frame(&f, 0) - FAKE_CODE);
            if (c->dr[6] != (DR6_FIXED | t->dr6)) fail_msg("%s: DR6 %x", t->what, c->dr[6]);
            if (!(frame(&f, 2) & FLAG_RF) != !t->rf) fail_msg("%s: RF %x", t->what, frame(&f, 2));
            assert_int_equal(c->dr[7] & DR7_GD, 0);
        }
        end(&f);
    }
}

/* The handler returns with RF set: the instruction runs, and the breakpoint is good for the next time. */
static void resumes(void **state)
{
    (void)state;
    struct fake f;
    begin(&f, true, "40 EB FD");
    f.cpu.dr[0] = FAKE_CODE;
    debug_set(&f.cpu, 7, L(0));
    for (unsigned round = 0; round < 3; round++) {
        assert_int_equal(cpu_run(&f.cpu, 1), CPU_BUDGET);
        assert_int_equal(f.cpu.eip, DB_HANDLER);
        fake_put32(&f, f.cpu.reg[ESP] + 8, frame(&f, 2) | FLAG_RF);
        cpu_run(&f.cpu, 3); /* iret, inc, jmp */
        assert_int_equal(f.cpu.reg[EAX], round + 1);
        assert_int_equal(f.cpu.eip, FAKE_CODE);
    }
    end(&f);
}

/* A page that was fast before it was watched; a page that is fast again afterwards. */
static void tags_come_and_go(void **state)
{
    (void)state;
    struct fake f;
    begin(&f, true, "89 03 EB FC");
    cpu_run(&f.cpu, 10);
    assert_int_equal(tlb_way0(&f.cpu.dtlb, AT_SCRATCH)->tag[ACCESS_WRITE], AT_SCRATCH);
    f.cpu.dr[2] = AT_SCRATCH + 0x800; /* in the page, not hit */
    debug_set(&f.cpu, 7, L(2) | BP(2, WRITE | LEN4));
    cpu_run(&f.cpu, 10);
    assert_int_equal(f.cpu.dr[6], DR6_FIXED);
    assert_int_equal(tlb_way0(&f.cpu.dtlb, AT_SCRATCH)->tag[ACCESS_WRITE], TLB_NO_TAG);
    debug_set(&f.cpu, 7, 0);
    cpu_run(&f.cpu, 10);
    assert_int_equal(tlb_way0(&f.cpu.dtlb, AT_SCRATCH)->tag[ACCESS_WRITE], AT_SCRATCH);
    end(&f);
}

/* MOVS reads the watched source, and its store faults: no trap is left over. */
static void faults_forget(void **state)
{
    (void)state;
    struct fake f;
    begin(&f, false, "A5 40");
    f.cpu.reg[EDI] = AT_SCRATCH + 0x1000;
    fake_page(&f, AT_SCRATCH + 0x1000, 0);
    f.cpu.dr[0] = AT_SCRATCH;
    debug_set(&f.cpu, 7, L(0) | BP(0, ACCESS | LEN4));
    cpu_run(&f.cpu, 1);
    assert_int_equal(f.cpu.eip, AT_HANDLER + 16 * VEC_PF);
    fake_put(&f, AT_HANDLER + 16 * VEC_PF, "\x40", 1);
    cpu_run(&f.cpu, 1);
    assert_int_equal(f.cpu.eip, AT_HANDLER + 16 * VEC_PF + 1);
    assert_int_equal(f.cpu.dr[6], DR6_FIXED);
    end(&f);
}

/* With BTF a step goes to the next branch that is taken; the trap ends that. */
static void branch_steps(void **state)
{
    (void)state;
    struct fake f;
    begin(&f, true, "40 75 00 85 C0 74 05 40 EB 01 40 40 40"); /* inc; jnz +0; test; jz +5; inc; jmp +1 */
    struct cpu *c = &f.cpu;
    c->reg[EAX] = 0xFFFFFFFF;
    fake_put(&f, DB_HANDLER, "\xEB\xFE", 2);
    assert_true(msr_write(c, 0x1D9, 2));
    cpu_set_flags(c, FLAG_TF);
    cpu_run(c, 20);
    assert_int_equal(c->eip, DB_HANDLER);
    assert_int_equal(frame(&f, 0), FAKE_CODE + 12); /* jnz was not taken, jz was */
    assert_int_equal(c->dr[6], DR6_FIXED | DR6_BS);
    uint64_t control;
    assert_true(msr_read(c, 0x1D9, &control) && control == 0);
    end(&f);
}

/* B0-B3 tell of the last exception; BS stays until software clears it. INT1 tells nothing. */
static void dr6_gathers(void **state)
{
    (void)state;
    struct fake f;
    begin(&f, false, "");
    debug_raised(&f.cpu, 2);
    debug_raised(&f.cpu, DR6_BS | 4);
    debug_raised(&f.cpu, 1);
    assert_int_equal(f.cpu.dr[6], DR6_FIXED | DR6_BS | 1);
    debug_raised(&f.cpu, 0);
    assert_int_equal(f.cpu.dr[6], DR6_FIXED | DR6_BS | 1);
    end(&f);
}

static void task_switch(void **state)
{
    (void)state;
    struct fake f;
    begin(&f, false, "40 40");
    debug_set(&f.cpu, 7, 0x3FF | BP(1, WRITE));
    debug_task(&f.cpu, true);
    assert_int_equal(f.cpu.dr[7], 0x6AA | BP(1, WRITE));
    cpu_run(&f.cpu, 1);
    assert_int_equal(f.cpu.eip, DB_HANDLER);
    assert_int_equal(frame(&f, 0), FAKE_CODE);
    assert_int_equal(f.cpu.dr[6], DR6_FIXED | DR6_BT);
    end(&f);
}

/* ---- alignment ---- */

static const struct align {
    const char *what, *bytes;
    unsigned offset;    /* of EBX, ESI and ESP from a multiple of 64 */
    const char *wanted;
} aligns[] = {
    { "dword", "8B 03", 0, "ok" }, { "dword at 2", "8B 03", 2, "#AC(0)" }, { "store at 1", "89 03", 1, "#AC(0)" },
    { "word at 1", "66 8B 03", 1, "#AC(0)" }, { "word at 2", "66 8B 03", 2, "ok" }, { "byte", "8A 03", 1, "ok" },
    { "read-modify-write", "FF 03", 3, "#AC(0)" }, { "push", "50", 2, "#AC(0)" }, { "push of a word", "66 50", 2, "ok" },
    { "pop", "58", 1, "#AC(0)" }, { "LES 16:16 at 2", "66 C4 03", 2, "ok" }, { "LES 16:16 at 1", "66 C4 03", 1, "#AC(0)" },
    { "LES 16:32 at 4", "C4 03", 4, "ok" }, { "LES 16:32 at 2", "C4 03", 2, "#AC(0)" },
    { "SIDT at 2", "0F 01 0B", 2, "ok" }, { "SIDT at 0", "0F 01 0B", 0, "#AC(0)" },
    { "BOUND at 4", "62 03", 4, "ok" }, { "BOUND at 2", "62 03", 2, "#AC(0)" },
    { "CMPXCHG8B at 8", "0F C7 0B", 8, "ok" }, { "CMPXCHG8B at 4", "0F C7 0B", 4, "#AC(0)" },
    { "FLD of 32 bits at 4", "D9 03", 4, "ok" }, { "FLD of 32 bits at 2", "D9 03", 2, "#AC(0)" },
    { "FLD of 64 bits at 8", "DD 03", 8, "ok" }, { "FLD of 64 bits at 4", "DD 03", 4, "#AC(0)" },
    { "FLD of 80 bits at 8", "DB 2B", 8, "ok" }, { "FLD of 80 bits at 4", "DB 2B", 4, "#AC(0)" },
    { "FILD of 16 bits at 2", "DF 03", 2, "ok" }, { "FST of 64 bits at 4", "DD 13", 4, "#AC(0)" },
    { "FNSTENV at 4", "D9 33", 4, "ok" }, { "FNSTENV at 2", "D9 33", 2, "#AC(0)" },
    { "FNSTENV of words at 2", "66 D9 33", 2, "ok" }, { "FNSTENV of words at 1", "66 D9 33", 1, "#AC(0)" },
    { "FRSTOR of words at 2", "66 DD 23", 2, "ok" }, { "FNSAVE at 4", "DD 33", 4, "ok" }, { "FNSAVE at 2", "DD 33", 2, "#AC(0)" },
    { "MOVQ at 4", "0F 6F 03", 4, "#AC(0)" }, { "MOVD at 4", "0F 6E 03", 4, "ok" }, { "PADDB at 8", "0F FC 03", 8, "ok" },
    { "FXSAVE at 8", "0F AE 03", 8, "#GP(0)" }, { "FXSAVE at 16", "0F AE 03", 16, "ok" },
    { "LODSD at 1", "AD", 1, "#AC(0)" }, { "LEA at 1", "8D 03", 1, "ok" },
    { "BT counts in words", "66 0F A3 13", 2, "ok" }, { "BT of a dword at 2", "0F A3 13", 2, "#AC(0)" },
    { "far call: the frame", "9A 00 10 00 00 3B 00", 2, "#AC(0)" },
    { "segment load is implicit", "8E D8", 1, "ok" },
};

static void alignment(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(aligns); n++) {
        for (unsigned on = 0; on < 8; on++) { /* CR0.AM, EFLAGS.AC, CPL 3 */
            uint8_t bytes[64];
            struct fake f;
            begin(&f, false, "");
            unsigned size = cpu_case_bytes(aligns[n].bytes, bytes);
            if (on & 4) rings_enter(&f, 3);
            if (on & 1) f.cpu.cr0 |= CR0_AM;
            cpu_set_flags(&f.cpu, on & 2 ? FLAG_AC : 0);
            f.cpu.reg[EBX] = f.cpu.reg[ESI] = AT_SCRATCH + 0x40 + aligns[n].offset;
            f.cpu.reg[ESP] += aligns[n].offset;
            f.cpu.reg[EAX] = DATA(3) | 3;
            fake_put32(&f, AT_SCRATCH + 0x44 + aligns[n].offset, DATA(3) | 3);
            if (!strncmp(aligns[n].what, "LES 16:16", 9)) fake_put32(&f, AT_SCRATCH + 0x42 + aligns[n].offset, DATA(3) | 3);
            if (!strncmp(aligns[n].what, "BOUND", 5)) f.cpu.reg[EAX] = 5;
            if (!strncmp(aligns[n].what, "far", 3) && !(on & 4)) bytes[5] = CODE(0);
            const char *got = rings_outcome(&f, rings_step(&f, bytes, size));
            if (!strcmp(got, "jump")) got = "ok";
            const char *wanted = on == 7 || strcmp(aligns[n].wanted, "#AC(0)") ? aligns[n].wanted : "ok";
            if (strcmp(got, wanted)) fail_msg("%s (%u): wanted %s, got %s", aligns[n].what, on, wanted, got);
            end(&f);
        }
    }
}

/* Fast tags that ring 3 had before the checks were switched on do not hide them. */
static void alignment_switched_on(void **state)
{
    (void)state;
    struct fake f;
    begin(&f, false, "");
    rings_enter(&f, 3);
    f.cpu.reg[EBX] = AT_SCRATCH + 2;
    f.cpu.cr0 |= CR0_AM;
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x8B, 0x03)), "ok");
    fake_put32(&f, f.cpu.reg[ESP], FLAG_AC);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x9D)), "ok"); /* popf */
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x8B, 0x03)), "#AC(0)");
    fake_page(&f, AT_SCRATCH, 0); /* a page fault comes first */
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x8B, 0x03)), "#PF(4)");
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_it_stops),
        cmocka_unit_test(resumes),
        cmocka_unit_test(tags_come_and_go),
        cmocka_unit_test(faults_forget),
        cmocka_unit_test(branch_steps),
        cmocka_unit_test(dr6_gathers),
        cmocka_unit_test(task_switch),
        cmocka_unit_test(alignment),
        cmocka_unit_test(alignment_switched_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
