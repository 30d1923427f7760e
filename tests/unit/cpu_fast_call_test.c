/* SYSENTER and SYSEXIT: who may, where they lead, and what the segments are then (SDM vol. 2). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/rings.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
enum { AR_FLAT = AR_P | AR_S | AR_G | AR_DB | AR_WRITE | AR_ACCESSED };

static const struct { const char *what; bool exit; uint8_t ring; bool protected; uint32_t cs; const char *wanted; } cases[] = {
    { "sysenter from ring 3",       false, 3, true, 0x48, "jump" },
    { "sysenter from ring 1",       false, 1, true, 0x48, "jump" },
    { "sysenter from ring 0",       false, 0, true, 0x48, "jump" },
    { "sysenter, null CS",          false, 3, true, 0, "#GP(0)" },
    { "sysenter, null CS with RPL", false, 0, true, 3, "#GP(0)" },
    { "sysenter, RPL is ignored",   false, 3, true, 0x4B, "jump" },
    { "sysenter in real mode",      false, 0, false, 0x48, "#GP(0)" },
    { "sysexit from ring 0",        true, 0, true, 0x48, "jump" },
    { "sysexit from ring 1",        true, 1, true, 0x48, "#GP(0)" },
    { "sysexit from ring 3",        true, 3, true, 0x48, "#GP(0)" },
    { "sysexit, null CS",           true, 0, true, 0, "#GP(0)" },
    { "sysexit in real mode",       true, 0, false, 0x48, "#GP(0)" },
};

static void check_segment(const struct seg_reg *s, uint16_t sel, unsigned ar)
{
    assert_int_equal(s->sel, sel);
    assert_int_equal(s->ar, ar);
    assert_int_equal(s->base, 0);
    assert_int_equal(s->limit, UINT32_MAX);
}

static void who_may_and_where_to(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(cases); n++) {
        struct fake f;
        rings_init(&f);
        struct cpu *c = &f.cpu;
        rings_enter(&f, cases[n].ring);
        if (!cases[n].protected) c->cr0 &= ~(uint32_t)CR0_PE;
        c->msr[MSR_SYSENTER_CS] = cases[n].cs;
        c->msr[MSR_SYSENTER_ESP] = 0x5000;
        c->msr[MSR_SYSENTER_EIP] = 0x6000;
        c->reg[ECX] = 0x7000;
        c->reg[EDX] = 0x8000;
        cpu_set_flags(c, FLAG_IF | FLAG_CF | FLAG_NT);
        struct seg_reg ds = c->seg[SEG_DS];
        const char *got = rings_outcome(&f, STEP(&f, 0x0F, cases[n].exit ? 0x35 : 0x34));
        if (strcmp(got, cases[n].wanted)) fail_msg("%s: wanted %s, got %s", cases[n].what, cases[n].wanted, got);
        if (!strcmp(got, "jump")) {
            bool out = cases[n].exit;
            check_segment(&c->seg[SEG_CS], out ? 0x5B : 0x48, (out ? AR_DPL : 0) | AR_FLAT | AR_CODE);
            check_segment(&c->seg[SEG_SS], out ? 0x63 : 0x50, (out ? AR_DPL : 0) | AR_FLAT);
            assert_int_equal(c->cpl, out ? 3 : 0);
            assert_int_equal(c->reg[ESP], out ? 0x7000 : 0x5000);
            assert_int_equal(c->eip, out ? 0x8000 : 0x6000);
            assert_int_equal(cpu_flags(c), FLAG_ONE | FLAG_CF | FLAG_NT | (out ? FLAG_IF : 0));
            assert_memory_equal(&ds, &c->seg[SEG_DS], sizeof ds); /* not even a ring-0 one is taken away */
        }
        fake_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(who_may_and_where_to) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
