/* String instructions: directions, widths, ends of repetition, faults in the middle, and what comes between iterations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "sim/cpu/flags.h"
#include "tests/support/cpu_case.h"

enum { D = FAKE_DATA, NEXT = FAKE_DATA + PAGE_SIZE, FAR_OFF = FAKE_DATA + 0x8000, C = FAKE_CODE, CF = FLAG_CF, PF = FLAG_PF, AF = FLAG_AF,
       ZF = FLAG_ZF, SF = FLAG_SF, DF = FLAG_DF };

static const struct cpu_case cases[] = {
    { "movsd", "A5", { R(ESI, D), R(EDI, D + 8), M(D, 5) }, { R(ESI, D + 4), R(EDI, D + 12), M(D + 8, 5) } },
    { "movsb downwards", "A4", { F(DF), R(ESI, D), R(EDI, D + 8), M(D, 0x11) }, { R(ESI, D - 1), R(EDI, D + 7), M(D + 8, 0x11) } },
    { "rep movsb", "F3 A4", { R(ECX, 4), R(ESI, D), R(EDI, D + 8), M(D, 0x44332211) },
      { R(ECX, 0), R(ESI, D + 4), R(EDI, D + 12), M(D + 8, 0x44332211) } },
    { "rep movsb that overlaps repeats a byte", "F3 A4", { R(ECX, 4), R(ESI, D), R(EDI, D + 1), M(D, 0x11) },
      { R(ECX, 0), R(ESI, D + 4), R(EDI, D + 5), M(D, 0x11111111), M(D + 4, 0x11) } },
    { "rep with 0 does nothing", "F3 A5", { R(ECX, 0), PAGE(D, 0), R(ESI, D) }, { R(ECX, 0) } },
    { "rep with CX", "67 F3 AA", { R(ECX, 0x50002), R(EDI, 0x77772000), R(EAX, 0x11) },
      { R(ECX, 0x50000), R(EDI, 0x77772002), M(0x2000, 0x1111) } },
    { "DI wraps", "67 F3 AA", { R(ECX, 2), R(EDI, 0x1FFFF), R(EAX, 0x11) }, { R(ECX, 0), R(EDI, 0x10001), M(0, 0x11), M(0xFFFC, 0x11000000) } },
    { "F2 before stosd repeats, too", "F2 AB", { R(ECX, 2), R(EDI, D), R(EAX, 3) }, { R(ECX, 0), R(EDI, D + 8), M(D, 3), M(D + 4, 3) } },
    { "lodsw keeps the upper half", "66 AD", { R(ESI, D), M(D, 0x99998888) }, { R(EAX, 0x01018888), R(ESI, D + 2) } },
    { "rep lodsb", "F3 AC", { R(ECX, 3), R(ESI, D), M(D, 0x00332211) }, { R(EAX, 0x01010133), R(ESI, D + 3), R(ECX, 0) } },
    { "source segment is overridden", "36 AC", { R(ESI, D), LIMIT(SEG_DS, 0), M(D, 7) }, { R(EAX, 0x01010107), R(ESI, D + 1) } },
    { "destination segment is not", "3E A4", { R(ESI, D), R(EDI, D + 4), LIMIT(SEG_ES, 0) }, { FAULT_CODE(VEC_GP, 0) } },
    { "scasb", "AE", { R(EAX, 5), R(EDI, D), M(D, 6) }, { R(EDI, D + 1), F(CF | AF | SF | PF) } },
    { "repne scasb finds", "F2 AE", { R(ECX, 10), R(EAX, 0), R(EDI, D), M(D, 0x00636261) }, { R(ECX, 6), R(EDI, D + 4), F(ZF | PF) } },
    { "repne scasb does not find", "F2 AE", { F(ZF), R(ECX, 2), R(EAX, 0), R(EDI, D), M(D, 0x00636261) },
      { R(ECX, 0), R(EDI, D + 2), F(CF | SF | AF) } },
    { "repe scasd stops at a difference", "F3 AF", { R(ECX, 5), R(EAX, 1), R(EDI, D), M(D, 1), M(D + 4, 1) }, { R(ECX, 2), R(EDI, D + 12), F(0) } },
    { "repe cmpsb equal throughout", "F3 A6", { R(ECX, 2), R(ESI, D), R(EDI, D + 8), M(D, 0x6261), M(D + 8, 0x6261) },
      { R(ECX, 0), R(ESI, D + 2), R(EDI, D + 10), F(ZF | PF) } },
    { "repe cmpsw stops", "66 F3 A7", { R(ECX, 9), R(ESI, D), R(EDI, D + 8), M(D, 0x00020001), M(D + 8, 0x00030001) },
      { R(ECX, 7), R(ESI, D + 4), R(EDI, D + 12), F(CF | SF | PF | AF) } },
    { "repe with count 0 keeps flags", "F3 A6", { F(SF | CF), R(ECX, 0) }, { R(ECX, 0) } },
    { "rep stosd faults in the middle", "F3 AB", { R(ECX, 4), R(EDI, NEXT - 8), R(EAX, 9), PAGE(NEXT, 0) },
      { R(ECX, 2), R(EDI, NEXT), M(NEXT - 8, 9), M(NEXT - 4, 9), PAGE_FAULT(2, NEXT) } },
    { "rep movsd whose write faults keeps esi", "F3 A5", { R(ECX, 4), R(ESI, FAR_OFF), R(EDI, NEXT - 4), PAGE(NEXT, 0) },
      { R(ECX, 3), R(ESI, FAR_OFF + 4), R(EDI, NEXT), PAGE_FAULT(2, NEXT) } },
    { "repe scasb that faults has the flags of before", "F3 AE", { F(CF | SF), R(ECX, 9), R(EDI, NEXT - 4), PAGE(NEXT, 0), R(EAX, 0) },
      { R(ECX, 5), R(EDI, NEXT), PAGE_FAULT(0, NEXT) } },
    { "repne cmpsd that faults has the flags of before", "F2 A7", { F(ZF | PF), R(ECX, 4), R(ESI, FAR_OFF), R(EDI, NEXT - 4),
      M(FAR_OFF, 1), PAGE(NEXT, 0) }, { R(ECX, 3), R(ESI, FAR_OFF + 4), R(EDI, NEXT), PAGE_FAULT(0, NEXT) } },
};

static void values(void **s)
{
    (void)s;
    cpu_cases_run(cases, sizeof cases / sizeof cases[0]);
}

/* Somebody who wants to look every `period` cycles. */
struct watcher { struct timer timer; struct fake *f; unsigned period, looks; };
static void look(void *self, uint64_t when)
{
    struct watcher *w = self;
    w->looks++;
    w->f->cpu.pause = true;
    timeq_arm(&w->f->timers, &w->timer, when + w->period);
}

/* The world after a program of rep movsb over 1000 bytes, looked at every `period` cycles (0: never). */
static unsigned run_watched(struct fake *f, unsigned period)
{
    static const uint8_t code[] = { 0xF3, 0xA4, 0x90, 0xF4 }; /* rep movsb; nop; hlt */
    fake_init(f, true);
    fake_put(f, C, code, sizeof code);
    for (unsigned k = 0; k < 1000; k++) fake_put(f, D + k, &(uint8_t){ (uint8_t)(k * 7) }, 1);
    f->cpu.reg[ECX] = 1000;
    f->cpu.reg[ESI] = D;
    f->cpu.reg[EDI] = FAR_OFF;
    struct watcher w = { .timer = { .fire = look }, .f = f, .period = period };
    w.timer.self = &w;
    if (period) timeq_arm(&f->timers, &w.timer, period);
    enum cpu_stop why;
    while ((why = cpu_run(&f->cpu, 1000)) == CPU_PAUSE) { }
    assert_int_equal(why, CPU_HALTED);
    if (period) timeq_cancel(&f->timers, &w.timer);
    return w.looks;
}

/* Looking between iterations must not change when things happen. */
static void leaving_costs_nothing(void **s)
{
    (void)s;
    static struct fake a, b;
    run_watched(&a, 0);
    uint64_t cycles = a.clock.now;
    assert_int_equal(a.cpu.insns - a.cpu.extra, 3);
    assert_memory_equal(a.ram + D, a.ram + FAR_OFF, 1000);
    assert_in_range(run_watched(&b, 37), 50, 200);
    assert_int_equal(b.clock.now, cycles);
    assert_int_equal(b.cpu.insns, a.cpu.insns);
    assert_memory_equal(b.cpu.reg, a.cpu.reg, sizeof a.cpu.reg);
    fake_done(&a);
    fake_done(&b);
}

static void raise_irq(void *self, uint64_t when)
{
    (void)when;
    fake_irq(self, 0x20);
}

/* An interrupt arrives in the middle: ECX iterations are left, EIP is on the instruction, it has not retired. */
static void interrupt_between_iterations(void **s)
{
    (void)s;
    static struct fake f;
    static const uint8_t code[] = { 0xFB, 0xF3, 0xAA, 0xF4 }; /* sti; rep stosb; hlt */
    fake_init(&f, true);
    fake_put(&f, C, code, sizeof code);
    f.cpu.reg[ECX] = 1000;
    f.cpu.reg[EDI] = D;
    fake_put32(&f, 0x3000 + 0x20 * 8, 0x00085000);                  /* interrupt gate to 08:5000 */
    fake_put32(&f, 0x3000 + 0x20 * 8 + 4, 0x00008E00);
    fake_put32(&f, 0x2008, 0x0000FFFF);                             /* GDT: 08 is flat code */
    fake_put32(&f, 0x200C, 0x00CF9A00);
    fake_put(&f, 0x5000, &(uint8_t){ 0xF4 }, 1);
    f.cpu.gdtr = (struct table_reg){ 0x2000, 0xF };
    f.cpu.idtr = (struct table_reg){ 0x3000, 0x7FF };
    struct timer t = { .fire = raise_irq, .self = &f };
    timeq_arm(&f.timers, &t, f.model.cost[COST_STI] + 100 * f.model.cost[COST_STRING]);
    assert_int_equal(cpu_run(&f.cpu, 9), CPU_HALTED);               /* sti, and the handler's hlt */
    assert_int_equal(f.cpu.reg[ECX], 900);
    assert_int_equal(f.cpu.reg[EDI], D + 100);
    assert_int_equal(f.cpu.insns - f.cpu.extra, 2);                 /* the stosb is not among them */
    assert_int_equal(fake_get32(&f, f.cpu.reg[ESP]), C + 1);
    fake_done(&f);
}

/* TF: a trap after each iteration. Only the last one brings the flags of the comparison. */
static void flags_come_at_the_end(void **s)
{
    (void)s;
    static struct fake f;
    static const uint8_t code[] = { 0xF3, 0xA6, 0xF4 }; /* repe cmpsb; hlt */
    fake_init(&f, true);
    fake_put(&f, C, code, sizeof code);
    f.cpu.reg[ECX] = 3;
    f.cpu.reg[ESI] = D;
    f.cpu.reg[EDI] = D + 8;
    flags_set(&f.cpu, CF | SF);
    for (uint32_t left = 3; left--;) {
        f.cpu.eflags |= FLAG_TF;
        (void)cpu_execute_one(&f.cpu, NULL);
        assert_int_equal(f.cpu.reg[ECX], left);
        assert_int_equal(flags_get(&f.cpu), left ? CF | SF : ZF | PF);
    }
    fake_done(&f);
}

enum manner { BLOCKS, NO_BLOCKS, ONE_BY_ONE };

/* rep movsb over itself: its second byte becomes that of rep stosb, which fills up with HLT. */
static void run_over_itself(struct fake *f, uint32_t at, enum manner manner)
{
    static const uint8_t code[] = { 0xF3, 0xA4 }, other[] = { 0xF3, 0xAA };
    fake_init(f, manner == BLOCKS);
    fake_put(f, at, code, sizeof code);
    fake_put(f, D, other, sizeof other);
    f->cpu.eip = at;
    f->cpu.reg[EAX] = 0xF4;
    f->cpu.reg[ECX] = 12;
    f->cpu.reg[ESI] = D;
    f->cpu.reg[EDI] = at;
    if (manner == ONE_BY_ONE)
        while (!f->cpu.insns) assert_int_not_equal(cpu_execute_one(&f->cpu, NULL), STEP_FAULT);
    assert_int_equal(cpu_run(&f->cpu, 9), CPU_HALTED);
}

/* What an iteration stored is what the next one is, in blocks, in single instructions (which those are that cross a page), and
 * when a hypervisor executes iterations one by one. */
static void overwrites_itself(void **s)
{
    (void)s;
    static const uint32_t places[] = { C, C + PAGE_SIZE - 1, C + PAGE_SIZE - 2 };
    static struct fake f;
    for (unsigned k = 0; k < sizeof places / sizeof places[0]; k++)
        for (enum manner m = BLOCKS; m <= ONE_BY_ONE; m++) {
            run_over_itself(&f, places[k], m);
            assert_int_equal(f.cpu.reg[ESI], D + 2);
            assert_int_equal(f.cpu.reg[EDI], places[k] + 12);
            assert_int_equal(f.cpu.reg[ECX], 0);
            assert_int_equal(f.cpu.eip, places[k] + 3);
            assert_int_equal(f.cpu.insns - f.cpu.extra, 2);
            fake_done(&f);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values), cmocka_unit_test(leaving_costs_nothing), cmocka_unit_test(interrupt_between_iterations),
        cmocka_unit_test(flags_come_at_the_end),
        cmocka_unit_test(overwrites_itself)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
