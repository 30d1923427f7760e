/* A CPU as state: no field of it is forgotten. What travels is tested with whole machines (machine_save_test.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/cpu/cpu_state.h"

static void every_field_has_a_row(void **state)
{
    (void)state;
    char why[160] = "";
    if (!state_covers(&cpu_state, why, sizeof why)) fail_msg("%s", why);
}

static void impossible_states_are_refused(void **state)
{
    (void)state;
    static struct cpu from, to;
    static const struct { uint32_t eflags, cr0; uint8_t cpl; const char *why; } bad[] = {
        { FLAG_ONE, CR0_PG, 0, "paging without protection" }, { 0, CR0_PE, 0, "EFLAGS" }, { FLAG_ONE, 0, 3, "real mode" },
        { FLAG_ONE | FLAG_VM, CR0_PE, 0, "virtual-8086" }, { FLAG_ONE, CR0_PE, 4, "cpl" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct text bytes = { 0 };
        from.eflags = bad[i].eflags, from.cr0 = bad[i].cr0, from.cpl = bad[i].cpl;
        cpu_save(&from, &bytes);
        struct state_reader r = { .at = (const uint8_t *)bytes.s, .left = bytes.len };
        assert_false(cpu_load(&to, &r));
        assert_non_null(strstr(r.why, bad[i].why));
        text_free(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_field_has_a_row), cmocka_unit_test(impossible_states_are_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
