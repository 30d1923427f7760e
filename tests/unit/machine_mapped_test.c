/* Registers in memory: what a device does when an instruction in the middle of a block stores to it happens at that instruction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/machine.h"
#include "tests/support/bytes.h"

#define CARD 0xFEBF1000u
enum { TSD = 0x10, TSAD = 0x20, CR = 0x37, IMR = 0x3C, ISR = 0x3E, MOST = 1000000 };

/* Has the card send a frame, waits until it was, and lets it interrupt: its line rises with that store, at the address returned. */
static uint32_t card(struct code *c)
{
    OP32(c, 0x80001804, 0x66, 0xBA, 0xF8, 0x0C, 0xB8), OP(c, 0xEF);   /* PCI command: memory, bus master */
    OP32(c, 7, 0x66, 0xBA, 0xFC, 0x0C, 0xB8), OP(c, 0xEF);
    OP32(c, CARD, 0xBF);
    OP(c, 0xC6, 0x47, CR, 0x0C);
    OP32(c, 0x110000, 0xC7, 0x47, TSAD);
    OP32(c, 60, 0xC7, 0x47, TSD);
    OP(c, 0x66, 0x8B, 0x47, ISR, 0x66, 0x85, 0xC0, 0x74, 0xF7, 0x90, 0x90, 0x90);
    uint32_t at = here(c);
    OP(c, 0x66, 0xC7, 0x47, IMR, 0xFF, 0xFF, 0x90, 0x90);
    end(c);
    return at;
}

static void an_event_is_where_the_instruction_is(void **state)
{
    (void)state;
    struct code c = { .at = 0 };
    uint32_t at = card(&c);
    char name[256];
    bytes_elf(&c, name, sizeof name);
    for (unsigned whole = 0; whole < 2; whole++) { /* one by one, and at full speed */
        struct machine_cfg cfg = config_defaults;
        struct err e;
        cfg.ram_mib = 4;
        strcpy(cfg.image, name);
        if (!config_option(&cfg, "nic", "mirror", &e) || !config_check(&cfg, &e)) fail_msg("%s", e.text);
        struct machine *m = machine_new(&cfg, &e);
        if (!m) fail_msg("%s", e.text);
        if (whole) machine_run(m, NULL, MOST);
        else while (machine_run(m, NULL, 1) == MACHINE_BUDGET) { /* go on */ }
        const struct trace *t = machine_trace_of(m);
        unsigned found = 0;
        for (uint32_t id = 1; id <= trace_last(t); id++) {
            const struct event *ev = trace_by_id(t, id);
            if (ev->kind != EV_RAISE || ev->u.RAISE.virtual_ || ev->u.RAISE.line != 11) continue;
            assert_int_equal(ev->eip, at);
            found++;
        }
        if (found != 1) fail_msg("%u events", found);
        machine_free(m);
    }
    remove(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_where_the_instruction_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
