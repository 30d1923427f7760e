/* Delivery in real mode: a table of addresses instead of gates, frames of words, limits of table and stack (SDM vol. 3A 20.1.4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "sim/cpu/gate.h"
#include "tests/support/rings.h"

static void real_mode(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    f.cpu.cr0 &= ~(uint32_t)CR0_PE;
    f.cpu.idtr = (struct table_reg){ AT_IDT, 0x3FF };
    fake_put32(&f, AT_IDT + 4 * 0x21, 0x01005678); /* 0100:5678 */
    for (unsigned n = 0; n < SEG_COUNT; n++) cpu_seg_set(&f.cpu.seg[n], 0, 0xFFFF, 0x9300);
    cpu_set_flags(&f.cpu, FLAG_IF | FLAG_TF | FLAG_DF | FLAG_NT);
    f.cpu.reg[ESP] = 0x8000;
    f.cpu.eip = 0x1000;
    assert_int_equal(STEP(&f, 0xCD, 0x21), STEP_JUMP);
    assert_int_equal(f.cpu.reg[ESP], 0x7FFA);
    assert_int_equal(fake_get16(&f, 0x7FFA), 0x1002);
    assert_int_equal(fake_get16(&f, 0x7FFC), 0);
    assert_int_equal(fake_get16(&f, 0x7FFE), FLAG_ONE | FLAG_IF | FLAG_TF | FLAG_DF | FLAG_NT);
    assert_int_equal(f.cpu.seg[SEG_CS].sel, 0x100);
    assert_int_equal(f.cpu.seg[SEG_CS].base, 0x1000);
    assert_int_equal(f.cpu.eip, 0x5678);
    assert_int_equal(cpu_flags(&f.cpu), FLAG_ONE | FLAG_DF | FLAG_NT);
    assert_int_equal(STEP(&f, 0xCF), STEP_JUMP); /* iret */
    assert_int_equal(f.cpu.eip, 0x1002);
    assert_int_equal(f.cpu.seg[SEG_CS].base, 0);
    assert_int_equal(f.cpu.reg[ESP], 0x8000);
    assert_int_equal(cpu_flags(&f.cpu), FLAG_ONE | FLAG_IF | FLAG_TF | FLAG_DF | FLAG_NT);
    f.cpu.idtr.limit = 4 * 0x21 + 2;
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xCD, 0x21)), "#GP");
    f.cpu.idtr.limit = 0x3FF;
    f.cpu.reg[ESP] = 3; /* the second word would lie at FFFF..10000 */
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xCD, 0x21)), "#SS(0)");
    cpu_deliver_fault(&f.cpu, (struct fault){ .vector = VEC_GP, .has_code = true, .code = 0 });
    assert_true(f.cpu.shutdown); /* its frame has no room, nor has the double fault's */
    fake_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(real_mode) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
