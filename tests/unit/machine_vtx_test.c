/* Hardware assist as the hypervisor uses it: what leaves and what does not, in small guests of raw machine code.
 *
 * Each guest ends with OUT to the debug exit; the exits of its whole life are counted by what the processor told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "sim/machine.h"
#include "sim/vmm/vtx.h"
#include "tests/support/raw_guest.h"

enum { MOST = 100000, CODE = RAW_CODE, DATA = RAW_DATA };
static char path[512];

static struct machine *start(const char *cpu, const char *sets)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    char words[128];
    strcpy(words, sets);
    cfg.ram_mib = 2;
    strcpy(cfg.cpu, cpu);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
        if (!config_option(&cfg, "set", word, &e)) fail_msg("%s", e.text);
    snprintf(cfg.image, sizeof cfg.image, "%s", path);
    struct machine *m = machine_new(&cfg, &e);
    if (!m) fail_msg("%s", e.text);
    return m;
}

static struct machine *end_of(const char *sets)
{
    struct machine *m = start("vtx", sets);
    machine_run(m, NULL, MOST);
    if (machine_end(m).fate != FATE_EXITED) fail_msg("%s: %s", sets, machine_end(m).why);
    assert_int_equal(machine_end(m).code, 0);
    return m;
}

static unsigned exits(const struct machine *m, unsigned reason)
{
    const struct trace *t = machine_trace_of(m);
    unsigned n = 0;
    for (uint32_t id = 1; id <= trace_last(t); id++) {
        const struct event *e = trace_by_id(t, id);
        n += e && e->kind == EV_VMEXIT && e->u.VMEXIT.reason == reason;
    }
    return n;
}

static uint32_t data(const struct machine *m, unsigned n)
{
    uint32_t v = 0;
    assert_true(machine_peek_gpa(m, gpa(DATA + 4 * n), &v, sizeof v));
    return v;
}

/* mov ecx, 174h + n; mov eax, value; xor edx, edx; wrmsr; then all three read into DATA, out f4, 0 */
static const uint8_t sysenter[] = {
    0x31, 0xD2,
    0xB9, 0x74, 1, 0, 0, 0xB8, 0x08, 0, 0, 0,          0x0F, 0x30,
    0xB9, 0x75, 1, 0, 0, 0xB8, 0x78, 0x56, 0x34, 0x12, 0x0F, 0x30,
    0xB9, 0x76, 1, 0, 0, 0xB8, 0x21, 0x43, 0x65, 0x87, 0x0F, 0x30,
    0xE4, 0x61,                                        /* in al, 61h: the hypervisor has been here */
    0xB9, 0x74, 1, 0, 0, 0x0F, 0x32, 0xA3, 0x00, 0x10, 0x10, 0,
    0xB9, 0x75, 1, 0, 0, 0x0F, 0x32, 0xA3, 0x04, 0x10, 0x10, 0,
    0xB9, 0x76, 1, 0, 0, 0x0F, 0x32, 0xA3, 0x08, 0x10, 0x10, 0,
    0x0F, 0x21, 0xF8,                                  /* mov eax, dr7: all of the guest is read and written back */
    0xB9, 0x75, 1, 0, 0, 0x0F, 0x32, 0xA3, 0x0C, 0x10, 0x10, 0,
    0x31, 0xC0, 0xE6, 0xF4, 0xF4 };

/* The MSR bitmaps leave SYSENTER's registers to the guest: no exit, and nothing is lost on the way in and out. */
static void msr_bitmaps(void **state)
{
    (void)state;
    raw_guest_write(path, sysenter, sizeof sysenter);
    for (unsigned open = 0; open < 2; open++) {
        struct machine *m = end_of(open ? "" : "vtx.msrs=0");
        struct machine_cpu c;
        assert_int_equal(exits(m, VMX_WRMSR), open ? 0 : 3);
        assert_int_equal(exits(m, VMX_RDMSR), open ? 0 : 4);
        assert_int_equal(data(m, 0), 8);
        assert_int_equal(data(m, 1), 0x12345678);
        assert_int_equal(data(m, 2), 0x87654321);
        assert_int_equal(data(m, 3), 0x12345678);
        machine_guest(m, &c);
        assert_int_equal(c.sysenter_esp, 0x12345678);
        machine_free(m);
    }
    struct machine *m = start("vtx", ""); /* somebody looks while the guest runs */
    machine_run(m, &(struct till){ .kind = TILL_LABEL, .a = CODE + 38 }, MOST);
    struct machine_cpu c;
    machine_guest(m, &c);
    assert_int_equal(c.sysenter_eip, 0x87654321);
    machine_free(m);
}

/* mov al, 5; out 80h, al; out 0EDh, al; in al, 80h; out 7Fh, ax (7F and 80); mov [DATA], al; out f4, 0 */
static const uint8_t ports[] = { 0xB0, 5, 0xE6, 0x80, 0xE6, 0xED, 0xE4, 0x80, 0xA2, 0, 0x10, 0x10, 0, 0x66, 0xE7, 0x7F,
                                 0x31, 0xC0, 0xE6, 0xF4, 0xF4 };

/* Which ports leave is a setting; an access of two ports leaves for the sake of either. */
static void io_bitmaps(void **state)
{
    (void)state;
    static const struct { const char *sets; unsigned leave; } rows[] = {
        { "", 5 }, { "vtx.ports=1", 3 }, { "vtx.port=0xED vtx.ports=1", 4 }, { "vtx.port=0x7F vtx.ports=2", 2 },
        { "vtx.port=0xFFFF vtx.ports=65536", 5 }, { "vtx.port=0x78 vtx.ports=0x7C", 1 } };
    raw_guest_write(path, ports, sizeof ports);
    for (unsigned n = 0; n < sizeof rows / sizeof rows[0]; n++) {
        struct machine *m = end_of(rows[n].sets);
        if (exits(m, VMX_IO) != rows[n].leave) fail_msg("%s: %u ports left", rows[n].sets, exits(m, VMX_IO));
        assert_int_equal(data(m, 0) & 0xFF, 5);
        machine_free(m);
    }
}

/* mov [gate + 2], cs; lidt [IDTR]; mov esp, 180000h; mov eax, selector; mov fs, ax. The handler, 40h behind the start: pop [DATA]; out f4, 0 */
static const uint8_t far_selector[] = { 0x8C, 0x0D, 0x6A, 0x08, 0x10, 0, 0x0F, 0x01, 0x1D, 0xF0, 0x07, 0x10, 0, 0xBC, 0, 0, 0x18, 0, 0xB8, 0, 0, 0, 0, 0x8E, 0xE0,
    [0x40] = 0x8F, 0x05, 0x00, 0x10, 0x10, 0, 0x31, 0xC0, 0xE6, 0xF4, 0xF4,
    [0x7D0] = 0xFF, 0x07, 0x00, 0x08, 0x10, 0,         /* IDTR */
    [0x7E0 + 8 * VEC_GP] = 0x60, 0, 0, 0, 0, 0x8E, 0x10, 0 };

/* A #GP whose frame goes to a page that the shadow tables do not have yet comes back to the hypervisor, which injects it again; not
 * so if its error code is one that VM entry refuses. */
static void long_error_codes(void **state)
{
    (void)state;
    static const uint16_t selectors[] = { 0x7FFC, 0x8004, 0xFFFC };
    uint8_t code[sizeof far_selector];
    memcpy(code, far_selector, sizeof code);
    for (unsigned n = 0; n < sizeof selectors / sizeof selectors[0]; n++) {
        memcpy(code + 19, &selectors[n], sizeof selectors[n]);
        raw_guest_write(path, code, sizeof code);
        struct machine *m = end_of("");
        assert_int_equal(data(m, 0), selectors[n]);
        assert_int_equal(exits(m, VMX_BAD_GUEST), 0);
        machine_free(m);
    }
}

/* What the hypervisor's visit behind the last exit for a reason cost, up to its return. */
static uint32_t visit(const struct machine *m, unsigned reason)
{
    const struct trace *t = machine_trace_of(m);
    uint32_t cost = 0;
    bool mine = false;
    for (uint32_t id = 1; id <= trace_last(t); id++) {
        const struct event *e = trace_by_id(t, id);
        if (e && e->kind == EV_VMEXIT) mine = e->u.VMEXIT.reason == reason;
        if (e && e->kind == EV_RESUME && mine) cost = e->u.RESUME.cost;
    }
    return cost;
}

/* xor eax, eax; cpuid; mov [DATA], ebx; mov eax, dr7; out f4, 0 */
static const uint8_t cpuid[] = { 0x31, 0xC0, 0x0F, 0xA2, 0x89, 0x1D, 0x00, 0x10, 0x10, 0, 0x0F, 0x21, 0xF8, 0x31, 0xC0, 0xE6, 0xF4, 0xF4 };

/* CPUID is answered out of registers; MOV DR is emulated by the virtual CPU, which wants all: some forty VMREADs more. */
static void cheap_cpuid(void **state)
{
    (void)state;
    raw_guest_write(path, cpuid, sizeof cpuid);
    struct machine *m = end_of("");
    enum { VMREAD = 178 /* the p4's */ };
    uint32_t plain = visit(m, VMX_CPUID), all = visit(m, VMX_DR);
    assert_int_equal(exits(m, VMX_CPUID), 1);
    assert_int_equal(data(m, 0), 0x756E6547); /* Genu */
    if (!plain || all < plain + 40 * VMREAD) fail_msg("CPUID %u, MOV DR %u cycles", plain, all);
    machine_free(m);
}

/* A gate for #DB at DATA + 800h, DR7.GD, TF set by POPF, and in the shadow of MOV SS: mov dr6, ecx; then hlt. The handler
 * writes DR6 to DATA. */
static const uint8_t guarded[] = {
    0x8C, 0xCA, 0xC1, 0xE2, 0x10, 0x66, 0xBA, 0x6B, 0x00, /* mov edx, cs; shl edx, 16; mov dx, 6Bh: the handler */
    0x89, 0x15, 0x08, 0x18, 0x10, 0x00,                   /* mov [101808h], edx */
    0xC7, 0x05, 0x0C, 0x18, 0x10, 0x00, 0x00, 0x8E, 0x10, 0x00,
    0xBC, 0x00, 0x20, 0x10, 0x00,                         /* mov esp, 102000h */
    0x68, 0x00, 0x18, 0x10, 0x00, 0x66, 0x6A, 0x0F, 0x0F, 0x01, 0x1C, 0x24, /* push 101800h; push word 15; lidt [esp] */
    0x31, 0xC9, 0x31, 0xFF,                               /* xor ecx, ecx; xor edi, edi */
    0xB8, 0x00, 0x24, 0x00, 0x00, 0x0F, 0x23, 0xF8,       /* mov eax, 2400h; mov dr7, eax */
    0x8C, 0xD3, 0x9C, 0x81, 0x0C, 0x24, 0x00, 0x01, 0x00, 0x00, 0x9D, /* mov ebx, ss; pushf; or [esp], 100h; popf */
    0x8E, 0xD3, 0x0F, 0x23, 0xF1, 0xF4,                   /* mov ss, ebx; mov dr6, ecx; hlt */
    0x31, 0xC0, 0xE6, 0xF4,                               /* xor eax, eax; out f4, 0 */
    0x50, 0x0F, 0x21, 0xF0, 0x89, 0x04, 0xBD, 0x00, 0x10, 0x10, 0x00, /* push eax; mov eax, dr6; mov [edi*4 + DATA], eax */
    0x58, 0x47, 0xCF,                                     /* pop eax; inc edi; iret */
};

/* An injected event ends what MOV SS blocks, and the trap that waited there: with both, hardware refuses the entry. It also ends a halt. */
static void injection_ends_shadow_and_halt(void **state)
{
    (void)state;
    raw_guest_write(path, guarded, sizeof guarded);
    struct machine *m = end_of("");
    assert_int_equal(data(m, 0), 0xFFFF2FF0); /* BD, without BS */
    assert_int_equal(data(m, 1), 0xFFFF4FF0); /* then the step over MOV DR6 */
    assert_int_equal(data(m, 2), 0xFFFF4FF0); /* and over HLT, which nothing else would end */
    machine_free(m);
}

static const uint8_t held_step[] = {
    0xBC, 0x00, 0x20, 0x10, 0x00, /* mov esp, 102000h */
    0xB8, 0x67, 0x00, 0x10, 0x00, 0x66, 0xA3, 0x08, 0x11, 0x10, 0x00, 0x8C, 0x0D, 0x0A, 0x11, 0x10, 0x00, /* its gate */
    0x66, 0xC7, 0x05, 0x0C, 0x11, 0x10, 0x00, 0x00, 0x8E, 0xC1, 0xE8, 0x10,
    0x66, 0xA3, 0x0E, 0x11, 0x10, 0x00, 0x0F, 0x01, 0x1D, 0x7E, 0x00, 0x10, 0x00, /* lidt [idtr] */
    0x8C, 0xD2, 0x9C, 0x81, 0x0C, 0x24, 0x00, 0x01, 0x00, 0x00, 0x9D, /* mov edx, ss; set TF */
    0x8E, 0xD2, 0x8B, 0x0D, 0x00, 0x00, 0x18, 0x00, 0x90, /* mov ss, edx; mov ecx, [180000h]; nop */
    0xB0, 0x00, 0xE6, 0xF4, /* out f4, 0 */
    0xFF, 0x05, 0x00, 0x10, 0x10, 0x00, 0x8B, 0x14, 0x24, /* handler: inc [DATA]; mov edx, [esp] */
    0x8B, 0x1D, 0x00, 0x10, 0x10, 0x00, 0x89, 0x14, 0x9D, 0x00, 0x10, 0x10, 0x00, 0xCF, /* [DATA + [DATA]*4] = edx; iret */
    0x0F, 0x00, 0x00, 0x11, 0x10, 0x00, /* idtr */
};

/* A page that the hypervisor has yet to map, behind MOV SS and under TF: hardware refuses an entry that holds traps off, but no step. */
static void step_held_off_over_an_exit(void **state)
{
    (void)state;
    raw_guest_write(path, held_step, sizeof held_step);
    struct machine *m = end_of("");
    assert_int_equal(data(m, 1), CODE + 0x42); /* the first step is over the load of ECX */
    assert_int_equal(data(m, 2), CODE + 0x43);
    machine_free(m);
}

int main(void)
{
    const char *dir = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/vtx-%ld.img", dir ? dir : "/tmp", (long)getpid());
    const struct CMUnitTest tests[] = { cmocka_unit_test(msr_bitmaps), cmocka_unit_test(io_bitmaps), cmocka_unit_test(long_error_codes),
                                        cmocka_unit_test(cheap_cpuid), cmocka_unit_test(injection_ends_shadow_and_halt),
                                        cmocka_unit_test(step_held_off_over_an_exit) };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove(path);
    return failed;
}
