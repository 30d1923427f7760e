/* MONITOR and MWAIT: who may, what MONITOR may touch, what ends the sleep (SDM vol. 2A, 3A 7.11.4). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "sim/cpu/cpuid.h"
#include "sim/cpu/monitor.h"
#include "tests/support/rings.h"

enum { LINE = AT_SCRATCH + 0x40 };
static const uint8_t monitor[] = { 0x0F, 0x01, 0xC8 }, mwait[] = { 0x0F, 0x01, 0xC9 };

static void start(struct fake *f, uint32_t at)
{
    rings_init(f);
    f->cpu.reg[EAX] = at;
    f->cpu.reg[ECX] = f->cpu.reg[EDX] = 0;
}

static void rules(void **state)
{
    (void)state;
    struct fake f;
    start(&f, LINE + 5);
    assert_string_equal(rings_outcome(&f, rings_step(&f, monitor, 3)), "ok");
    assert_int_equal(f.cpu.monitor.at.v, LINE);
    assert_string_equal(rings_outcome(&f, rings_step(&f, mwait, 3)), "halt");
    f.cpu.halted = false;
    assert_string_equal(rings_outcome(&f, rings_step(&f, mwait, 3)), "ok"); /* armed once */
    f.cpu.reg[ECX] = 1;
    assert_string_equal(rings_outcome(&f, rings_step(&f, monitor, 3)), "#GP(0)");
    assert_string_equal(rings_outcome(&f, rings_step(&f, mwait, 3)), "#GP(0)");
    for (unsigned ring = 1; ring < 4; ring++) { /* not #GP, and before ECX is looked at */
        rings_enter(&f, ring);
        assert_string_equal(rings_outcome(&f, rings_step(&f, monitor, 3)), "#UD");
        assert_string_equal(rings_outcome(&f, rings_step(&f, mwait, 3)), "#UD");
    }
    fake_done(&f);
    start(&f, LINE);
    f.model.vmx = 0;
    assert_string_equal(rings_outcome(&f, rings_step(&f, monitor, 3)), "#UD");
    assert_string_equal(rings_outcome(&f, rings_step(&f, mwait, 3)), "#UD");
    f.model.extras = EXTRA_MONITOR;
    assert_string_equal(rings_outcome(&f, rings_step(&f, monitor, 3)), "ok");
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xF0, 0x0F, 0x01, 0xC8)), "#UD"); /* LOCK */
    fake_done(&f);
}

/* MONITOR's operand is a load of a byte: DS or an override, limit, pages; 16 bits with the prefix. */
static void operand(void **state)
{
    (void)state;
    struct fake f;
    start(&f, 0x1000);
    cpu_seg_set(&f.cpu.seg[SEG_ES], SEL_SMALL, 0x00000FFF, 0x0040F302); /* base 20000, limit FFF */
    f.cpu.seg[SEG_ES].base = AT_SCRATCH;
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x26, 0x0F, 0x01, 0xC8)), "#GP(0)");
    f.cpu.reg[EAX] = 0x80;
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x26, 0x0F, 0x01, 0xC8)), "ok");
    assert_int_equal(f.cpu.monitor.at.v, AT_SCRATCH + 0x80);
    f.cpu.reg[EAX] = 0xABCD0040;
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x67, 0x0F, 0x01, 0xC8)), "ok");
    assert_int_equal(f.cpu.monitor.at.v, 0x40);
    f.cpu.reg[EAX] = LINE;
    fake_page(&f, LINE, 0);
    assert_string_equal(rings_outcome(&f, rings_step(&f, monitor, 3)), "#PF(0)");
    f.cpu.reg[EAX] = FAKE_RAM + 0x1000; /* nothing there: no line to watch */
    assert_string_equal(rings_outcome(&f, rings_step(&f, monitor, 3)), "ok");
    assert_string_equal(rings_outcome(&f, rings_step(&f, mwait, 3)), "ok");
    fake_done(&f);
}

/* Asleep at MWAIT, with `flags`. */
static void sleep_now(struct fake *f, uint32_t flags)
{
    static const uint8_t code[] = { 0x0F, 0x01, 0xC8, 0x0F, 0x01, 0xC9, 0x90, 0x90 };
    start(f, LINE);
    cpu_set_flags(&f->cpu, flags);
    fake_put(f, FAKE_CODE, code, sizeof code);
    f->cpu.eip = FAKE_CODE;
    assert_int_equal(cpu_run(&f->cpu, 10), CPU_HALTED);
    assert_true(monitor_sleeps(&f->cpu));
    assert_int_equal(f->cpu.eip, FAKE_CODE + 6);
}

static void what_wakes(void **state)
{
    (void)state;
    struct fake f;
    sleep_now(&f, FLAG_ONE); /* a store to the line, by a device */
    fake_put32(&f, LINE + 64, 1);
    assert_int_equal(cpu_run(&f.cpu, 1), CPU_HALTED);
    fake_put32(&f, LINE + 60, 1);
    assert_int_equal(cpu_run(&f.cpu, 1), CPU_BUDGET);
    assert_int_equal(f.cpu.eip, FAKE_CODE + 7);
    assert_false(monitor_sleeps(&f.cpu));
    fake_done(&f);
    sleep_now(&f, FLAG_ONE | FLAG_IF); /* an interrupt */
    fake_irq(&f, 0x31);
    assert_int_equal(cpu_run(&f.cpu, 1), CPU_BUDGET);
    assert_int_equal(f.cpu.eip, AT_HANDLER + 16 * 0x31);
    assert_int_equal(fake_get32(&f, f.cpu.reg[ESP]), FAKE_CODE + 6);
    fake_done(&f);
    sleep_now(&f, FLAG_ONE); /* not one that is masked, but an NMI */
    fake_irq(&f, 0x31);
    assert_int_equal(cpu_run(&f.cpu, 1), CPU_HALTED);
    cpu_nmi(&f.cpu);
    assert_int_equal(cpu_run(&f.cpu, 1), CPU_BUDGET);
    assert_int_equal(f.cpu.eip, AT_HANDLER + 16 * VEC_NMI);
    static const uint8_t hlt[] = { 0xF4 }; /* and HLT afterwards is no MWAIT */
    fake_put(&f, f.cpu.eip, hlt, 1);
    assert_int_equal(cpu_run(&f.cpu, 2), CPU_HALTED);
    fake_put32(&f, LINE, 7);
    assert_int_equal(cpu_run(&f.cpu, 1), CPU_HALTED);
    fake_done(&f);
}

/* Stored to between the two: no sleep at all. */
static void too_late(void **state)
{
    (void)state;
    static const uint8_t code[] = { 0x0F, 0x01, 0xC8, 0xFF, 0x00, 0x0F, 0x01, 0xC9, 0x40 }; /* monitor; inc [eax]; mwait; inc eax */
    struct fake f;
    start(&f, LINE);
    fake_put(&f, FAKE_CODE, code, sizeof code);
    f.cpu.eip = FAKE_CODE;
    assert_int_equal(cpu_run(&f.cpu, 4), CPU_BUDGET);
    assert_int_equal(f.cpu.reg[EAX], LINE + 1);
    fake_done(&f);
}

static void cpuid(void **state)
{
    (void)state;
    static const struct { uint8_t vmx; uint32_t extras, last, ecx, line; } rows[] = {
        { 1, 0, 5, CPUID_VMX | CPUID_MONITOR, 64 }, { 0, EXTRA_MONITOR, 5, CPUID_MONITOR, 64 }, { 0, 0, 2, 0, 0 },
        { 0, EXTRA_MONITOR | EXTRA_UMIP, 7, CPUID_MONITOR, 64 }, { 0, EXTRA_UMIP, 7, 0, 0 } };
    for (unsigned n = 0; n < sizeof rows / sizeof rows[0]; n++) {
        struct fake f;
        uint32_t out[4];
        fake_init(&f, false);
        f.model.vmx = rows[n].vmx;
        f.model.extras = rows[n].extras;
        cpuid_leaf(&f.cpu, 0, out);
        assert_int_equal(out[0], rows[n].last);
        cpuid_leaf(&f.cpu, 1, out);
        assert_int_equal(out[2], rows[n].ecx);
        if (rows[n].last >= 5) {
            cpuid_leaf(&f.cpu, 5, out);
            assert_int_equal(out[0], rows[n].line);
            assert_int_equal(out[1], rows[n].line);
        }
        fake_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(rules), cmocka_unit_test(operand), cmocka_unit_test(what_wakes),
                                        cmocka_unit_test(too_late), cmocka_unit_test(cpuid) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
