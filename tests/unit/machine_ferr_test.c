/* x87 exceptions the old way, with CR0.NE clear: FERR, IRQ 13, port F0 (SDM vol. 1 app. D), bare and under each technique.
 *
 * The handler ends the request before FNCLEX, and nothing in between or behind it visits the hypervisor of its own accord: the line
 * must be down all the same when the next exception comes, or there is no edge that IRQ 13 would answer to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "sim/machine.h"

enum { MOST = 100000, AT = 0x100000, AT_END = 0x102000, CODE = AT + 0x20 };
static char path[512];

static const uint8_t thrice[] = {
    /* esp; the gate of vector 2D; lidt */
    0xBC, 0x00, 0x20, 0x10, 0x00, 0xB8, 0x9C, 0x00, 0x10, 0x00, 0x66, 0xA3, 0x68, 0x11, 0x10, 0x00, 0x8C, 0x0D, 0x6A, 0x11,
    0x10, 0x00, 0x66, 0xC7, 0x05, 0x6C, 0x11, 0x10, 0x00, 0x00, 0x8E, 0xC1, 0xE8, 0x10, 0x66, 0xA3, 0x6E, 0x11, 0x10, 0x00,
    0x0F, 0x01, 0x1D, 0xAF, 0x00, 0x10, 0x00,
    /* 8259 pair: 20-2F, only IRQ 13 open */
    0xB0, 0x11, 0xE6, 0x20, 0xE6, 0xA0, 0xB0, 0x20, 0xE6, 0x21, 0xB0, 0x28, 0xE6, 0xA1, 0xB0, 0x04, 0xE6, 0x21, 0xB0, 0x02,
    0xE6, 0xA1, 0xB0, 0x01, 0xE6, 0x21, 0xE6, 0xA1, 0xB0, 0xFB, 0xE6, 0x21, 0xB0, 0xDF, 0xE6, 0xA1,
    /* CR0 without NE, TS, EM, MP; sti; mov ecx, 3 */
    0x0F, 0x20, 0xC0, 0x24, 0xD1, 0x0F, 0x22, 0xC0, 0xFB, 0xB9, 0x03, 0x00, 0x00, 0x00,
    /* fninit; fldcw; 1/0; fwait; loop */
    0xDB, 0xE3, 0xD9, 0x2D, 0xAD, 0x00, 0x10, 0x00, 0xD9, 0xEE, 0xD9, 0xE8, 0xDE, 0xF1, 0x9B, 0xE2, 0xEF,
    /* out f4, interrupts - 3 */
    0xA1, 0x00, 0x10, 0x10, 0x00, 0x83, 0xE8, 0x03, 0xE6, 0xF4,
    /* count; EOI twice; out f0; fnclex; iret */
    0xFF, 0x05, 0x00, 0x10, 0x10, 0x00, 0xB0, 0x20, 0xE6, 0xA0, 0xE6, 0x20, 0xE6, 0xF0, 0xDB, 0xE2, 0xCF,
    /* control word; IDTR */
    0x7B, 0x03, 0x6F, 0x01, 0x00, 0x10, 0x10, 0x00,
};

static void write_guest(void)
{
    static uint8_t image[0x1000];
    static const uint32_t header[] = { 0x1BADB002, 0x10000, 0u - 0x1BADB002u - 0x10000u, AT, AT, AT + 0x1000, AT_END, CODE };
    memcpy(image, header, sizeof header);
    memcpy(image + (CODE - AT), thrice, sizeof thrice);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(image, sizeof image, 1, f), 1);
    assert_int_equal(fclose(f), 0);
}

static void irq_13_comes_again(void **state)
{
    (void)state;
    static const struct { const char *cpu, *mmu, *set; } on[] = {
        { "native", "", "" }, { "te", "", "" }, { "bt", "", "" }, { "bt", "", "bt.user=1" }, { "vtx", "", "" },
        { "vtx", "two-level", "" },
    };
    write_guest();
    for (unsigned n = 0; n < sizeof on / sizeof on[0]; n++) {
        struct machine_cfg cfg = config_defaults;
        struct err e = { 0 };
        cfg.ram_mib = 2;
        strcpy(cfg.cpu, on[n].cpu);
        strcpy(cfg.mmu, on[n].mmu);
        if (*on[n].set && !config_option(&cfg, "set", on[n].set, &e)) fail_msg("%s", e.text);
        snprintf(cfg.image, sizeof cfg.image, "%s", path);
        struct machine *m = machine_new(&cfg, &e);
        if (!m) fail_msg("%s: %s", on[n].cpu, e.text);
        machine_run(m, NULL, MOST);
        const struct machine_end end = machine_end(m);
        if (end.fate != FATE_EXITED || end.code) fail_msg("%s %s: %s", on[n].cpu, on[n].mmu, end.why);
        machine_free(m);
    }
}

int main(void)
{
    const char *dir = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/ferr-%ld.img", dir ? dir : "/tmp", (long)getpid());
    const struct CMUnitTest tests[] = { cmocka_unit_test(irq_13_comes_again) };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove(path);
    return failed;
}
