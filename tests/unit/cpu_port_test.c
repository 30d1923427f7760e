/* IN, OUT, INS, OUTS: who may use a port, what moves, and how a repeated one is interrupted by a fault
 * (SDM vol. 1 16.5; vol. 2). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/rings.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])

static void none(struct fake *f) { (void)f; }

struct echo { struct device d; uint32_t last, reads, writes; };
static uint32_t echo_read(struct device *d, uint32_t offset, unsigned size)
{
    (void)size;
    ((struct echo *)d)->reads++;
    return 0x90 + offset;
}
static void echo_write(struct device *d, uint32_t offset, unsigned size, uint32_t v)
{
    (void)offset;
    (void)size;
    ((struct echo *)d)->writes++;
    ((struct echo *)d)->last = v;
}
static void echo_reset(struct device *d) { (void)d; }
static uint32_t echo_peek(const struct device *d, uint32_t offset, unsigned size)
{
    (void)d;
    (void)size;
    return offset;
}
static const struct device_ops echo_ops = {
    .name = "echo", .reset = echo_reset, .read = echo_read, .write = echo_write, .peek = echo_peek
};
static void plug(struct fake *f, struct echo *e)
{
    *e = (struct echo){ .d.ops = &echo_ops };
    struct err err = { 0 };
    assert_true(bus_attach(&f->bus, BUS_PORT, 0x100, 16, 0, &e->d, &err));
}

static void map_bit(struct fake *f, unsigned port, bool closed)
{
    uint32_t at = AT_TSS + AT_IOMAP + port / 8;
    uint8_t b = fake_get8(f, at);
    b = (uint8_t)(closed ? b | 1u << port % 8 : b & ~(1u << port % 8));
    fake_put(f, at, &b, 1);
}

static void open_one(struct fake *f) { map_bit(f, 0x107, false); }
static void open_four(struct fake *f) { for (unsigned p = 0x106; p < 0x10A; p++) map_bit(f, p, false); }
static void open_three(struct fake *f) { for (unsigned p = 0x106; p < 0x109; p++) map_bit(f, p, false); }
static void iopl1(struct fake *f) { cpu_set_flags(&f->cpu, 1 << 12); }
static void iopl3(struct fake *f) { cpu_set_flags(&f->cpu, FLAG_IOPL); }
static void map_ends(struct fake *f) { open_four(f); f->cpu.tr.limit = AT_IOMAP + 0x20; }
static void map_just_enough(struct fake *f) { open_four(f); f->cpu.tr.limit = AT_IOMAP + 0x21; }
static void tss16(struct fake *f) { open_four(f); f->cpu.tr.ar = AR_P | 3; }
static void tss_short(struct fake *f) { open_four(f); f->cpu.tr.limit = 0x66; }
static void map_unmapped(struct fake *f) { fake_page(f, AT_TSS, 0); }

/* IN and OUT at port DX = 106h or 107h, by size. */
static const struct { const char *what; uint8_t ring, size; uint16_t port; void (*set)(struct fake *f); const char *wanted; } ports[] = {
    { "ring 0",                       0, 1, 0x107, none, "ok" },
    { "ring 1, IOPL 0, closed",       1, 1, 0x107, none, "#GP(0)" },
    { "ring 1, IOPL 1",               1, 4, 0x106, iopl1, "ok" },
    { "ring 3, IOPL 1, closed",       3, 1, 0x107, iopl1, "#GP(0)" },
    { "ring 3, IOPL 3",               3, 4, 0x106, iopl3, "ok" },
    { "ring 3, open bit",             3, 1, 0x107, open_one, "ok" },
    { "ring 3, neighbour closed",     3, 1, 0x106, open_one, "#GP(0)" },
    { "ring 3, word half open",       3, 2, 0x107, open_one, "#GP(0)" },
    { "ring 3, dword over two bytes", 3, 4, 0x106, open_four, "ok" },
    { "ring 3, last of four closed",  3, 4, 0x106, open_three, "#GP(0)" },
    { "map ends a byte too early",    3, 1, 0x107, map_ends, "#GP(0)" },
    { "map with its extra byte",      3, 1, 0x107, map_just_enough, "ok" },
    { "16-bit TSS has no map",        3, 1, 0x107, tss16, "#GP(0)" },
    { "TSS shorter than 104 bytes",   3, 1, 0x107, tss_short, "#GP(0)" },
    { "map not mapped",               3, 1, 0x107, map_unmapped, "#PF(0)" },
};

static void port_permission(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(ports); n++)
        for (unsigned out = 0; out < 2; out++) {
            struct fake f;
            struct echo e;
            rings_init(&f);
            plug(&f, &e);
            rings_enter(&f, ports[n].ring);
            ports[n].set(&f);
            f.cpu.reg[EDX] = ports[n].port;
            uint8_t op = (uint8_t)((ports[n].size == 1 ? 0xEC : 0xED) + 2 * out);
            enum step s = ports[n].size == 2 ? STEP(&f, 0x66, op) : STEP(&f, op);
            const char *got = rings_outcome(&f, s);
            if (strcmp(got, ports[n].wanted)) fail_msg("%s: wanted %s, got %s", ports[n].what, ports[n].wanted, got);
            assert_int_equal(e.reads + e.writes > 0, s == STEP_OK);
            fake_done(&f);
        }
}

static void port_data(void **state)
{
    (void)state;
    struct fake f;
    struct echo e;
    rings_init(&f);
    plug(&f, &e);
    f.cpu.reg[EAX] = 0x11223344;
    f.cpu.reg[EDX] = 0xABCD0105; /* only DX counts */
    assert_int_equal(STEP(&f, 0xEC), STEP_OK); /* in al, dx */
    assert_int_equal(f.cpu.reg[EAX], 0x11223395);
    assert_int_equal(STEP(&f, 0xE5, 0xF0), STEP_OK); /* in eax, F0h: nobody there */
    assert_int_equal(f.cpu.reg[EAX], 0xFFFFFFFF);
    f.cpu.reg[EAX] = 0x11223344;
    assert_int_equal(STEP(&f, 0xEE), STEP_OK); /* out dx, al */
    assert_int_equal(e.last, 0x44);
    assert_int_equal(e.writes, 1);
    fake_done(&f);
}

/* A repeated instruction to its end; cpu_execute_one does one iteration a call. */
static enum step repeated(struct fake *f)
{
    uint32_t eip = f->cpu.eip;
    enum step s;
    do s = cpu_execute_one(&f->cpu, NULL);
    while (s == STEP_JUMP && f->cpu.eip == eip);
    return s;
}

static void string_ports(void **state)
{
    (void)state;
    struct fake f;
    struct echo e;
    rings_init(&f);
    plug(&f, &e);
    f.cpu.reg[EDX] = 0x103;
    f.cpu.reg[ECX] = 5;
    f.cpu.reg[EDI] = AT_SCRATCH + 0xFFE;
    fake_page(&f, AT_SCRATCH + 0x1000, 0);
    /* Two iterations fit; the third faults before it reads the port, and the instruction can go on from there. */
    fake_put(&f, f.cpu.eip, (const uint8_t[]){ 0xF3, 0x6C }, 2); /* rep insb */
    assert_int_equal(repeated(&f), STEP_FAULT);
    assert_string_equal(rings_outcome(&f, STEP_FAULT), "#PF(2)");
    assert_int_equal(f.cpu.reg[ECX], 3);
    assert_int_equal(f.cpu.reg[EDI], AT_SCRATCH + 0x1000);
    assert_int_equal(e.reads, 2);
    assert_int_equal(fake_get16(&f, AT_SCRATCH + 0xFFE), 0x9393);
    fake_page(&f, AT_SCRATCH + 0x1000, FAKE_ALL);
    assert_int_equal(repeated(&f), STEP_OK);
    assert_int_equal(f.cpu.reg[ECX], 0);
    assert_int_equal(e.reads, 5);
    assert_int_equal(f.cpu.reg[EDI], AT_SCRATCH + 0x1003);
    f.cpu.reg[ESI] = AT_SCRATCH + 0x1002;
    cpu_set_flags(&f.cpu, FLAG_DF);
    fake_put32(&f, AT_SCRATCH + 0x1000, 0x00CCBBAA);
    f.cpu.reg[ECX] = 3;
    fake_put(&f, f.cpu.eip, (const uint8_t[]){ 0xF3, 0x6E }, 2); /* rep outsb, downward, in one go */
    assert_int_equal(cpu_run(&f.cpu, 1), CPU_BUDGET);
    assert_int_equal(e.writes, 3);
    assert_int_equal(e.last, 0xAA);
    assert_int_equal(f.cpu.reg[ESI], AT_SCRATCH + 0xFFF);
    f.cpu.reg[ECX] = 0xFFFF0000; /* 16-bit addressing: CX = 0, nothing happens */
    assert_int_equal(STEP(&f, 0x67, 0xF3, 0x6E), STEP_OK);
    assert_int_equal(e.writes, 3);
    f.cpu.reg[ESI] = 0xABCD0000;
    assert_int_equal(STEP(&f, 0x67, 0x6E), STEP_OK); /* SI wraps, the upper half stays */
    assert_int_equal(f.cpu.reg[ESI], 0xABCDFFFF);
    rings_enter(&f, 3);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x6C)), "#GP(0)");
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x6E)), "#GP(0)");
    fake_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(port_permission), cmocka_unit_test(port_data), cmocka_unit_test(string_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
