/* Shadow descriptors: ring compression, truncation below the window, presence. Rows are {guest, user code on?, shadow}. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/vmm/descriptor.h"
#include "sim/vmm/window.h"

static const struct {
    const char *what;
    uint32_t low, high;
    bool user;
    uint32_t want_low, want_high;
} rows[] = {
    { "flat ring-0 code: DPL 1, last page below the window", 0x0000FFFF, 0x00CF9A00, false, 0x0000FBFF, 0x00CFBA00 },
    { "flat ring-0 data", 0x0000FFFF, 0x00CF9200, false, 0x0000FBFF, 0x00CFB200 },
    { "flat ring-3 data keeps its DPL", 0x0000FFFF, 0x00CFF200, false, 0x0000FBFF, 0x00CFF200 },
    { "ring-3 code is absent while the kernel runs", 0x0000FFFF, 0x00CFFA00, false, 0x0000FFFF, 0x00CF7A00 },
    { "and present while user code runs", 0x0000FFFF, 0x00CFFA00, true, 0x0000FBFF, 0x00CFFA00 },
    { "ring 1 and 2 stay", 0x0000FFFF, 0x00CFD200, false, 0x0000FBFF, 0x00CFD200 },
    { "small segments need no cut", 0x00001000, 0x00409210, false, 0x00001000, 0x0040B210 },
    { "byte-granular segment across the window", 0xFF00FFFF, 0xFF4F92BF, false, 0xFF0000FF, 0xFF40B2BF },
    { "base C0000000: limit ends at the window", 0x0000FFFF, 0xC0CF9200, false, 0x0000FBFF, 0xC0C3B200 },
    { "base inside the window: not present", 0x0000FFFF, 0xFFCF92D0, false, 0x0000FFFF, 0xFFCF12D0 },
    { "page-granular, less than a page below the window", 0xF800FFFF, 0xFFCF92BF, false, 0xF800FFFF, 0xFFCF12BF },
    { "conforming code keeps DPL 0", 0x0000FFFF, 0x00CF9E00, false, 0x0000FBFF, 0x00CF9E00 },
    { "32-bit expand-down cannot be cut: not present", 0x00000FFF, 0x00409600, false, 0x00000FFF, 0x00401600 },
    { "16-bit expand-down ends far below", 0x00000FFF, 0x00009600, false, 0x00000FFF, 0x0000B600 },
    { "a TSS is not present", 0x00000067, 0x00008900, false, 0x00000067, 0x00000900 },
    { "a call gate is not present", 0x00081234, 0x0000EC00, false, 0x00081234, 0x00006C00 },
    { "not present stays so", 0x0000FFFF, 0x00CF1200, false, 0x0000FFFF, 0x00CF3200 },
    { "nothing stays nothing", 0, 0, false, 0, 0 },
};

static void shadows(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct descriptor d = descriptor_shadow((struct descriptor){ rows[i].low, rows[i].high }, rows[i].user);
        if (d.low != rows[i].want_low || d.high != rows[i].want_high)
            fail_msg("%s: %08X %08X, wanted %08X %08X", rows[i].what, d.low, d.high, rows[i].want_low, rows[i].want_high);
    }
}

/* For every expand-up segment: no byte of the shadow lies in the window, and none below it is lost but for granularity. */
static void no_shadow_reaches_the_window(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (unsigned n = 0; n < 200000; n++) {
        uint32_t r[2];
        for (unsigned k = 0; k < 2; k++) r[k] = seed = seed * 1664525u + 1013904223u;
        struct descriptor g = { r[0], (r[1] & ~0x1F00u) | 0x9200u }; /* present, S, writable data, expand-up */
        struct descriptor s = descriptor_shadow(g, true);
        if (!(s.high & 0x8000)) continue;
        uint32_t base = s.low >> 16 | (s.high & 0xFF) << 16 | (s.high & 0xFF000000u);
        uint64_t limit = (s.low & 0xFFFF) | (s.high & 0xF0000), full = (g.low & 0xFFFF) | (g.high & 0xF0000);
        if (s.high & 0x800000) limit = limit << 12 | 0xFFF, full = full << 12 | 0xFFF;
        assert_true(base + limit < WINDOW_BASE);
        if (base + full < WINDOW_BASE) assert_int_equal(limit, full);
        else assert_true(WINDOW_BASE - (base + limit) <= (s.high & 0x800000 ? 4096u : 1u));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(shadows), cmocka_unit_test(no_shadow_reaches_the_window) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
