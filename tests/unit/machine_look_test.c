/* Looking at a machine: the instructions above an address, read as they are run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "sim/board.h"

enum { ABOVE = 40 };

static struct machine *popf(void)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    strcpy(cfg.image, "build/guests/popf.elf");
    struct machine *m = machine_new(&cfg, &e);
    if (!m) fail_msg("%s", e.text);
    return m;
}

static unsigned length(const struct machine *m, gva_t at)
{
    char text[96];
    return machine_disasm(m, at, text, sizeof text);
}

/* Above every function's own first instruction: one behind the other up to it, and all functions on the way begin with one. */
static void code_above_a_function(void **state)
{
    (void)state;
    static const char *const names[] = { "halt_for_ever", "trap_entry_1", "trap_common", "segment", "tables_init", "trap", "kmain" };
    struct machine *m = popf();
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        gva_t before[ABOVE + 1], at;
        uint32_t offset;
        assert_true(machine_find_symbol(m, names[k], &at.v));
        unsigned n = machine_disasm_back(m, at, before, ABOVE);
        if (n != ABOVE && before[0].v != machine_eip(m)) fail_msg("%s: %u above", names[k], n); /* all, or up to the image's first */
        before[n] = at;
        for (unsigned i = 0; i < n; i++) {
            if (before[i].v + length(m, before[i]) != before[i + 1].v) fail_msg("%s: a gap behind %08X", names[k], before[i].v);
            const char *name = symbols_at(&machine_tenant(m)->image.symbols, before[i + 1].v - 1, &offset);
            if (!name || before[i + 1].v - 1 - offset > before[i].v) fail_msg("%s: %08X goes beyond the beginning of %s", names[k], before[i].v, name);
        }
    }
    machine_free(m);
}

/* In the middle of an instruction nothing is above it. */
static void out_of_step(void **state)
{
    (void)state;
    struct machine *m = popf();
    gva_t before[ABOVE], at;
    assert_true(machine_find_symbol(m, "kmain", &at.v));
    while (length(m, at) < 5) at.v += length(m, at);
    assert_true(machine_disasm_back(m, at, before, ABOVE));
    at.v += 1;
    assert_int_equal(machine_disasm_back(m, at, before, ABOVE), 0);
    assert_int_equal(machine_disasm_back(m, gva(0), before, ABOVE), 0);
    machine_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(code_above_a_function), cmocka_unit_test(out_of_step) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
