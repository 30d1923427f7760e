/* Machine memory between VMs, without guests: the idle tax by its formula, reclaim states with their hysteresis, frames scrubbed before
 * somebody else has them, sharing that compares all bytes (a hash that was forged), copies on a store.
 *
 * Nothing leads to any page here (no strategy of page tables is attached), so a store is bus_own and then bus_write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "sim/vmm/vm.h"

enum { VMS = 2, PAGES = 400, FRAMES = 200, FIRST = 16, ALL = 512, EVERY = 1000 /* cycles between ticks */ };

static struct arena arena;
static struct clock time_;
static struct model model;
static struct bus bus;
static struct vmm h;
static uint8_t *ram;

static bool never_traced(const struct vmmu *m, gpa_t at) { return (void)m, (void)at, false; }
static const struct mmu_strategy watches_nothing = { .name = "none", .traced = never_traced };

static int begin(void **state)
{
    (void)state;
    time_ = (struct clock){ .hz = 1000000000 };
    memset(&h, 0, sizeof h);
    assert_true(arena_init(&arena, 8 << 20));
    assert_true(model_find("p4", &model, NULL));
    ram = calloc(ALL, PAGE_SIZE);
    bus_init(&bus, ram, ALL, &time_, &arena);
    h.board = (struct vmm_board){ .arena = &arena, .bus = &bus, .clock = &time_, .model = &model, .trace = trace_new() };
    setting_defaults(h.board.setting);
    h.board.setting[SETTING_MEMORY_SWAP] = 0;
    h.board.setting[SETTING_MEMORY_TAX] = 0;
    h.board.setting[SETTING_MEMORY_PERIOD] = 1; /* microsecond */
    h.vm = arena_alloc(&arena, VMS * sizeof *h.vm);
    h.vms = h.room = VMS;
    memory_init(&h.memory, &h, &(struct memory_plan){ FIRST, FRAMES, 8 });
    for (unsigned n = 0; n < VMS; n++) {
        struct vm *v = &h.vm[n];
        v->vmm = &h, v->id = (uint8_t)n, v->frames = PAGES;
        bus_init_child(&v->bus, &bus, PAGES, &arena);
        v->vcpu.vmmu.ops = &watches_nothing;
        memory_add(&h.memory, v, MEMORY_SHARES);
    }
    return 0;
}

static void all_is_well(void)
{
    char why[200];
    if (!memory_check(&h.memory, why, sizeof why)) fail_msg("%s", why);
}

static int end(void **state)
{
    (void)state;
    all_is_well();
    trace_free(h.board.trace);
    arena_done(&arena);
    free(ram);
    return 0;
}

static void tick(void)
{
    time_.now += 2 * EVERY;
    memory_tick(&h);
    all_is_well();
}

static void put(unsigned vm, uint32_t page, const void *bytes, uint32_t n)
{
    assert_true(memory_need(&h.vm[vm], page, true));
    memcpy(ram + (size_t)h.vm[vm].bus.map[page] * PAGE_SIZE, bytes, n);
}

static const uint8_t *see(unsigned vm, uint32_t page) { return bus_page(&h.vm[vm].bus, hpa(page << PAGE_SHIFT)); }

/* ---- the tax ---- */

static double rho(double share, double pages, double f, double tax)
{
    double k = 1 / (1 - tax);
    return share / (pages * (f + k * (1 - f)));
}

/* memory_price is the bracket, times what makes it a whole number. */
static void price_is_the_formula(void **state)
{
    (void)state;
    for (unsigned tax = 0; tax < 100; tax += 5)
        for (unsigned f = 0; f <= 1000; f += 50) {
            double bracket = f / 1000.0 + (1 - f / 1000.0) / (1 - tax / 100.0), is = memory_price(f, tax) / (1000.0 * 100 * (1 - tax / 100.0));
            if (is - bracket > 1e-9 || bracket - is > 1e-9) fail_msg("tax %u, f %u: %f, not %f", tax, f, is, bracket);
        }
    assert_int_equal(memory_price(0, 75), 4 * memory_price(1000, 75)); /* an idle page costs four times as much */
    assert_int_equal(memory_price(0, 0), memory_price(1000, 0));       /* without a tax, as much */
}

/* Whoever has the fewest shares per page gives, in 20,000 random cases. */
static void the_poorest_gives(void **state)
{
    uint64_t seed = 1;
    unsigned first = 0;
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        uint32_t have[VMS], tax, r[6];
        for (unsigned k = 0; k < 6; k++) r[k] = (uint32_t)((seed = seed * 6364136223846793005u + 1442695040888963407u) >> 33);
        h.board.setting[SETTING_MEMORY_TAX] = tax = r[0] % 100;
        double left[VMS];
        for (unsigned n = 0; n < VMS; n++) {
            struct memory_vm *v = memory_of(&h.memory, n);
            v->share = 1 + r[1 + n] % 5000;
            v->count.active = r[3 + n] % 1001;
            have[n] = 50 + r[5] / (n + 1) % 300;
            left[n] = rho(v->share, have[n], v->count.active / 1000.0, tax / 100.0);
        }
        if (left[0] / left[1] > 1 - 1e-9 && left[0] / left[1] < 1 + 1e-9) continue; /* a tie */
        unsigned want = left[1] < left[0];
        struct memory_vm *is = memory_poorest(&h.memory, have);
        assert_non_null(is);
        first += !want;
        if (is->vm->id != want) fail_msg("case %u: VM %u, not %u (%f, %f)", i, is->vm->id, want, left[0], left[1]);
    }
    assert_in_range(first, 5000, 15000);
    h.board.setting[SETTING_MEMORY_TAX] = 0;
}

static void nobody_gives_the_last(void **state)
{
    uint32_t have[VMS] = { 1, 1 };
    (void)state;
    assert_null(memory_poorest(&h.memory, have));
}

/* ---- reclaim states: of 200 frames 12, 8, 4, 2 are 6, 4, 2 and 1 percent ---- */

static void free_frames(uint32_t n)
{
    static uint32_t used;
    struct memory_vm *v = memory_of(&h.memory, 0);
    used = v->count.here;
    while (h.memory.free_n > n) assert_true(memory_need(&h.vm[0], used++, true));
    while (h.memory.free_n < n) assert_true(memory_drop(v, --used, PAGE_NEW));
}

static void states_have_hysteresis(void **state)
{
    static const struct { uint32_t free; uint8_t is; } steps[] = {
        { 100, RECLAIM_HIGH }, { 12, RECLAIM_HIGH }, { 8, RECLAIM_HIGH }, { 7, RECLAIM_SOFT },  { 8, RECLAIM_SOFT }, { 11, RECLAIM_SOFT },
        { 12, RECLAIM_HIGH },  { 8, RECLAIM_HIGH },  { 3, RECLAIM_HARD }, { 4, RECLAIM_HARD },  { 7, RECLAIM_HARD }, { 8, RECLAIM_SOFT },
        { 3, RECLAIM_HARD },   { 1, RECLAIM_LOW },   { 2, RECLAIM_LOW },  { 3, RECLAIM_LOW },   { 4, RECLAIM_HARD }, { 1, RECLAIM_LOW },
        { 100, RECLAIM_HARD }, { 100, RECLAIM_SOFT }, { 100, RECLAIM_HIGH }, /* one state at a time on the way up */
        { 0, RECLAIM_LOW },                                                  /* and at once on the way down */
    };
    (void)state;
    for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        free_frames(steps[i].free);
        tick();
        if (h.memory.state != steps[i].is) fail_msg("step %u, %u free: %s, not %s", i, steps[i].free, reclaim_name(h.memory.state), reclaim_name(steps[i].is));
    }
}

/* At a threshold, up and down by one frame: it does not alternate. */
static void states_do_not_alternate(void **state)
{
    (void)state;
    free_frames(7);
    tick();
    for (unsigned i = 0; i < 40; i++) {
        free_frames(7 + i % 2);
        tick();
        assert_int_equal(h.memory.state, RECLAIM_SOFT);
    }
}

/* ---- leftovers ---- */

static bool is_zero(const uint8_t *p)
{
    for (unsigned n = 0; n < PAGE_SIZE; n++)
        if (p[n]) return false;
    return true;
}

/* One VM's secret goes by each way there is; the other takes every frame and reads all of it. */
static void nobody_reads_leftovers(void **state)
{
    static const enum page_state ways[] = { PAGE_BALLOON, PAGE_NEW };
    uint8_t secret[PAGE_SIZE];
    (void)state;
    memset(secret, 0xA5, sizeof secret);
    for (unsigned w = 0; w < 2; w++) {
        for (uint32_t p = 0; p < 150; p++) put(0, p, secret, PAGE_SIZE);
        for (uint32_t p = 0; p < 150; p++) assert_true(memory_drop(memory_of(&h.memory, 0), p, ways[w]));
        all_is_well();
        for (uint32_t p = 0; p < FRAMES - 4; p++) {
            assert_true(is_zero(see(1, p))); /* as it reads before it has a frame */
            assert_true(memory_need(&h.vm[1], p, true));
            if (!is_zero(see(1, p))) fail_msg("page %u reads another VM's bytes", p);
        }
        for (uint32_t p = 0; p < FRAMES - 4; p++) assert_true(memory_drop(memory_of(&h.memory, 1), p, PAGE_NEW));
        for (uint32_t p = 0; p < 150; p++) assert_true(is_zero(see(0, p))); /* nor does the one whose they were */
    }
    assert_true(h.memory.scrubbed >= 2 * 150);
}

/* ---- sharing ---- */

/* As memory_share.c has it; an odd factor, so each step can be steered to any value by its word. */
static uint64_t step(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 1099511628211u;
    return hash ^ hash >> 29;
}
enum { WORDS = PAGE_SIZE / 8 };
static const uint64_t start = 14695981039346656037u;

static uint64_t hash_of(const uint64_t *page)
{
    uint64_t h_ = start;
    for (unsigned n = 0; n < WORDS; n++) h_ = step(h_, page[n]);
    return h_;
}

/* Another page with the same hash: one word differs, the next makes up for it. */
static void forge(const uint64_t *page, uint64_t *to, unsigned at)
{
    uint64_t was = start;
    memcpy(to, page, PAGE_SIZE);
    for (unsigned n = 0; n < at; n++) was = step(was, page[n]);
    to[at] ^= 0x1234567;
    to[at + 1] ^= step(was, page[at]) ^ step(was, to[at]);
}

static void scan_all(void) { memory_scan(&h.memory, 3 * VMS * PAGES); }

static void same_bytes_share(void **state)
{
    uint64_t page[WORDS], other;
    (void)state;
    for (unsigned n = 0; n < WORDS; n++) page[n] = n * 77 + 1;
    for (unsigned vm = 0; vm < VMS; vm++)
        for (uint32_t p = 0; p < 5; p++) put(vm, p, page, PAGE_SIZE);
    scan_all();
    all_is_well();
    assert_int_equal(h.memory.shared_frames, 1);
    assert_int_equal(memory_saved(&h.memory), 9);
    assert_int_equal(h.memory.free_n, FRAMES - 1);
    other = 99;
    put(1, 3, &other, sizeof other); /* a copy first */
    assert_memory_equal(see(1, 3), &other, 8);
    for (uint32_t p = 0; p < 5; p++) assert_memory_equal(see(0, p), page, PAGE_SIZE);
    assert_memory_equal(see(1, 2), page, PAGE_SIZE);
    assert_int_equal(memory_saved(&h.memory), 8);
}

/* Two pages whose hashes were made equal: looked at in full each time, and never on one frame. */
static void a_forged_hash_is_not_enough(void **state)
{
    uint64_t page[WORDS], twin[WORDS], third[WORDS];
    (void)state;
    for (unsigned n = 0; n < WORDS; n++) page[n] = n * 0x9E3779B97F4A7C15u;
    forge(page, twin, 100);
    forge(page, third, 509);
    assert_true(hash_of(page) == hash_of(twin) && hash_of(page) == hash_of(third));
    assert_int_not_equal(memcmp(page, twin, PAGE_SIZE), 0);
    put(0, 7, page, PAGE_SIZE);
    put(1, 7, twin, PAGE_SIZE);
    put(1, 8, third, PAGE_SIZE);
    scan_all();
    all_is_well();
    assert_true(h.memory.compared > 0); /* they did meet */
    assert_int_equal(memory_saved(&h.memory), 0);
    put(0, 9, page, PAGE_SIZE); /* and against a frame that is shared already */
    put(0, 10, page, PAGE_SIZE);
    for (unsigned i = 0; i < 4; i++) scan_all();
    all_is_well();
    uint64_t before = h.memory.compared;
    scan_all();
    assert_true(h.memory.compared > before);
    for (unsigned i = 0; i < 3; i++) assert_memory_equal(see(0, i ? 8 + i : 7), page, PAGE_SIZE);
    assert_memory_equal(see(1, 7), twin, PAGE_SIZE);
    assert_memory_equal(see(1, 8), third, PAGE_SIZE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(price_is_the_formula),    TEST(the_poorest_gives),      TEST(nobody_gives_the_last), TEST(states_have_hysteresis),
        TEST(states_do_not_alternate), TEST(nobody_reads_leftovers), TEST(same_bytes_share),      TEST(a_forged_hash_is_not_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
