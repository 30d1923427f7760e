/* VMX: the I/O and MSR bitmaps, bit by bit (SDM vol. 3B 20.6.4, 20.6.9, 21.1.3, 2006; 3C 24.6.4, 25.1.3).
 *
 * A model of one line each says what leaves; ports of every size round every place where something changes: a byte of the bitmap, its
 * doubleword, the two pages, the end of all ports. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/cpu_case.h"
#include "tests/support/vmx_world.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
enum { PORTS = 0x10000, MAPPED = 0x2000, MAP = 0x400 };
static const uint8_t vmresume[] = { 0x0F, 0x01, 0xC3 };

/* A guest under these bitmaps that is to run `hex`; what it has left at, is entered again. */
static void start(struct fake *f, uint32_t proc, const char *hex)
{
    vmx_start_root(f, VMX_FIRST);
    vmx_set(f, VMCS_PROC, PROC0 | proc);
    vmx_set(f, VMCS_IO_BITMAP_A, BITMAPS);
    vmx_set(f, VMCS_IO_BITMAP_B, BITMAPS + 0x1000);
    vmx_set(f, VMCS_MSR_BITMAP, BITMAPS);
    fake_put(f, HOST, vmresume, sizeof vmresume);
    vmx_guest_runs(f, hex, 0);
    assert_true(f->cpu.vmx.nonroot);
}

/* Does the guest's instruction leave? It is left ready for the next. */
static bool leaves(struct fake *f)
{
    f->cpu.eip = GUEST;
    (void)cpu_run(&f->cpu, 1);
    if (f->cpu.vmx.nonroot) return false;
    (void)cpu_run(&f->cpu, 1);
    assert_true(f->cpu.vmx.nonroot);
    return true;
}

static void bit(struct fake *f, uint32_t at, uint32_t n, bool on)
{
    uint32_t word = at + n / 32 * 4, mask = 1u << n % 32;
    fake_put32(f, word, on ? fake_get32(f, word) | mask : fake_get32(f, word) & ~mask);
}

/* ---- ports ---- */

static const struct { const char *in, *out; unsigned size; } ways[] = { { "EC", "EE", 1 }, { "66ED", "66EF", 2 }, { "ED", "EF", 4 } };
static const uint32_t places[] = { 0, 5, 7, 8, 0x1F, 0x20, 0x7FF8, 0x7FFF, 0x8000, 0x8007, 0xFFF8, 0xFFFC, 0xFFFD, 0xFFFE, 0xFFFF };

/* One bit set, and all accesses that may touch it: they leave if one of their ports has its bit set, or if they pass the end. */
static void one_port(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 2 * COUNT(ways); n++) {
        unsigned size = ways[n / 2].size;
        struct fake f;
        start(&f, VMX_PROC_IO_BITMAPS, n & 1 ? ways[n / 2].out : ways[n / 2].in);
        for (unsigned k = 0; k < COUNT(places); k++) {
            uint32_t set = places[k];
            bit(&f, BITMAPS, set, true);
            for (uint32_t p = set < 6 ? 0 : set - 6; p < set + 6 && p < PORTS; p++) {
                f.cpu.reg[EDX] = 0xABCD0000u | p;
                bool wanted = (p <= set && set < p + size) || p + size > PORTS;
                if (leaves(&f) != wanted) fail_msg("bit %x, port %x, %u bytes", set, p, size);
            }
            bit(&f, BITMAPS, set, false);
        }
        fake_done(&f);
    }
}

/* All bits but one: only a single byte there stays. */
static void one_port_open(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(ways); n++) {
        struct fake f;
        start(&f, VMX_PROC_IO_BITMAPS | VMX_PROC_IO, ways[n].in); /* unconditional exiting means nothing beside bitmaps */
        for (uint32_t at = 0; at < 2 * PAGE_SIZE; at += 4) fake_put32(&f, BITMAPS + at, UINT32_MAX);
        for (unsigned k = 0; k < COUNT(places); k++) {
            bit(&f, BITMAPS, places[k], false);
            for (uint32_t p = places[k] < 4 ? 0 : places[k] - 4; p < places[k] + 4 && p < PORTS; p++) {
                f.cpu.reg[EDX] = p;
                if (leaves(&f) == (p == places[k] && ways[n].size == 1)) fail_msg("open %x, port %x, %u bytes", places[k], p, ways[n].size);
            }
            bit(&f, BITMAPS, places[k], true);
        }
        fake_done(&f);
    }
}

/* Two random pages, twenty thousand random accesses. */
static void random_ports(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (unsigned n = 0; n < COUNT(ways); n++) {
        struct fake f;
        start(&f, VMX_PROC_IO_BITMAPS, ways[n].out);
        for (uint32_t at = 0; at < 2 * PAGE_SIZE; at += 4) {
            seed = seed * 1664525 + 1013904223;
            fake_put32(&f, BITMAPS + at, seed & seed >> 7 & seed << 9);
        }
        for (unsigned k = 0; k < 7000; k++) {
            seed = seed * 1664525 + 1013904223;
            uint32_t p = seed >> 16;
            bool wanted = p + ways[n].size > PORTS;
            for (uint32_t q = p; q < p + ways[n].size && q < PORTS; q++) wanted |= fake_get32(&f, BITMAPS + q / 32 * 4) >> q % 32 & 1;
            f.cpu.reg[EDX] = p;
            if (leaves(&f) != wanted) fail_msg("port %x, %u bytes", p, ways[n].size);
        }
        fake_done(&f);
    }
}

/* String instructions ask for each element, before they touch memory; a repeated one leaves in the middle, with what is left to do. */
static void strings(void **state)
{
    (void)state;
    struct fake f;
    start(&f, VMX_PROC_IO_BITMAPS, "F36C"); /* rep insb */
    f.cpu.reg[EDX] = 0x1F0, f.cpu.reg[ECX] = 3, f.cpu.reg[EDI] = POINTER;
    (void)cpu_run(&f.cpu, 1);
    assert_true(f.cpu.vmx.nonroot);
    assert_int_equal(f.cpu.reg[ECX], 0);
    assert_int_equal(f.cpu.reg[EDI], POINTER + 3);
    bit(&f, BITMAPS, 0x1F0, true);
    f.cpu.eip = GUEST;
    f.cpu.reg[ECX] = 0; /* nothing to do: no port is touched */
    (void)cpu_run(&f.cpu, 1);
    assert_true(f.cpu.vmx.nonroot);
    f.cpu.eip = GUEST;
    f.cpu.reg[ECX] = 3;
    (void)cpu_run(&f.cpu, 1);
    assert_false(f.cpu.vmx.nonroot);
    assert_int_equal(f.cpu.reg[ECX], 3);
    assert_int_equal(vmx_get(&f, VMCS_QUALIFICATION), 0x1F0u << 16 | 1 << 5 | 1 << 4 | 1 << 3);
    assert_int_equal(vmx_get(&f, VMCS_LINEAR), POINTER + 3);
    fake_done(&f);
}

/* What the TSS or the IOPL forbids is the guest's own fault, whatever the bitmaps say. */
static void permission_first(void **state)
{
    (void)state;
    struct fake f;
    vmx_start_root(&f, VMX_FIRST);
    vmx_set(&f, VMCS_PROC, PROC0 | VMX_PROC_IO_BITMAPS);
    vmx_set(&f, VMCS_IO_BITMAP_A, BITMAPS), vmx_set(&f, VMCS_IO_BITMAP_B, BITMAPS + 0x1000);
    vmx_set(&f, VMCS_GUEST_CS, CODE(3) | 3), vmx_set(&f, VMCS_GUEST_CS_AR, 0xC0FB);
    vmx_set(&f, VMCS_GUEST_SS, DATA(3) | 3), vmx_set(&f, VMCS_GUEST_SS_AR, 0xC0F3);
    vmx_set(&f, VMCS_GUEST_DS_AR, 0xC0F3), vmx_set(&f, VMCS_GUEST_ES_AR, 0xC0F3);
    bit(&f, BITMAPS, 0x60, true);
    vmx_guest_runs(&f, "E460", 1);
    assert_true(f.cpu.vmx.nonroot);
    assert_int_equal(f.cpu.eip, AT_HANDLER + 16 * VEC_GP);
    fake_done(&f);
}

/* ---- model-specific registers ---- */

/* Four maps of 1 KB, each of 2000h registers; all others leave. Reads and writes do not see each other's bits. */
static void registers(void **state)
{
    (void)state;
    static const uint32_t msr[] = { 0, 1, 0x10, 0x174, 0x1FF, 0x1FFF, 0x2000, 0x2174, 0x12345678, 0xBFFFFFFF, 0xC0000000, 0xC0000007, 0xC0000080,
                                    0xC0001FFF, 0xC0002000, 0xC0010000, 0x80000000, UINT32_MAX };
    for (unsigned write = 0; write < 2; write++) {
        struct fake f;
        start(&f, VMX_PROC_MSR_BITMAPS, write ? "0F30" : "0F32");
        for (unsigned n = 0; n < COUNT(msr); n++) {
            uint32_t low = msr[n] % MAPPED;
            bool mapped = msr[n] < MAPPED || msr[n] - 0xC0000000u < MAPPED;
            unsigned high = msr[n] >> 31;
            for (unsigned map = 0; map < 4; map++) {
                uint32_t at = BITMAPS + map * MAP;
                bit(&f, at, low, true);
                f.cpu.reg[ECX] = msr[n];
                bool wanted = !mapped || map == high + 2 * write;
                if (leaves(&f) != wanted) fail_msg("%s of %x, bit in map %u", write ? "write" : "read", msr[n], map);
                bit(&f, at, low, false);
            }
        }
        fake_done(&f);
    }
}

/* Without bitmaps all leave. */
static void no_bitmaps(void **state)
{
    (void)state;
    struct fake f;
    start(&f, 0, "0F32");
    f.cpu.reg[ECX] = 0x174;
    assert_true(leaves(&f));
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_RDMSR);
    fake_done(&f);
    start(&f, 0, "EC"); /* and no port does */
    assert_false(leaves(&f));
    fake_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_port), cmocka_unit_test(one_port_open), cmocka_unit_test(random_ports), cmocka_unit_test(strings),
        cmocka_unit_test(permission_first), cmocka_unit_test(registers), cmocka_unit_test(no_bitmaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
