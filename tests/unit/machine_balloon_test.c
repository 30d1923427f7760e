/* Memory that ported guests give back and ask for: two domains with less memory than they may have (--set memory.total). Calls are made in
 * a guest's place; in between many random ones the hypervisor's invariants are looked at, and the limits it promised. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/board.h"
#include "sim/vmm/paravirt.h"

enum { RAM = 8, TOTAL = 10, BEGIN = TOTAL * 256 / 2, MOST = RAM * 256 /* frames: of each at first; at most */ };
enum { FIRST = 512 /* pages for play, of each */, PAGES = 256, TABLES = 1024 /* pages that the builder's table maps */, DESK = FIRST + PAGES /* requests are made there, */, LIST /* and extents listed */ };
enum { UPDATE_VA = 14, MEMORY = 12 };
#define BASE 0xC0000000u

static struct machine *m;
static uint32_t p2m[2][MOST]; /* as the guests keep it; FRAME_NONE: given away */

static struct paravirt *domain(unsigned n) { return m->b->vmm.vm[n].vcpu.pv; }
static struct paravirt *now(void) { return m->b->vmm.now->vcpu.pv; }
static uint32_t va(uint32_t pfn) { return BASE + (pfn << PAGE_SHIFT); }

static void holds(const char *when)
{
    char why[160];
    uint32_t free, frames = direct_memory(domain(0)->mmu->all, &free), limits = 0, owned = 0;
    for (unsigned n = 0; n < 2; n++) {
        if (!pv_check(domain(n), why, sizeof why)) fail_msg("%s, domain %u: %s", when, n + 1, why);
        limits += domain(n)->limit, owned += domain(n)->mmu->owned;
        assert_true(domain(n)->limit <= MOST);
    }
    assert_int_equal(frames, TOTAL * 256);
    assert_int_equal(owned + free, frames);
    if (limits > frames) fail_msg("%s: %u frames were promised, there are %u", when, limits, frames);
}

/* The domain gets the processor, as by the scheduler. */
static void be(unsigned n)
{
    struct vmm *h = &m->b->vmm;
    if (h->now != &h->vm[n]) world_switch(h, &h->vm[n], SWITCH_TURN);
    cpu_set_cpl(&m->b->cpu, 0);
}

static int32_t call(uint32_t number, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    const uint32_t arg[6] = { a, b, c, d };
    return pv_serve(now(), number, arg);
}

static int32_t entry(uint32_t pfn, uint32_t value) { return call(UPDATE_VA, va(pfn), value, 0, XEN_UVMF_INVLPG); }

static int32_t amount(uint32_t op)
{
    const uint16_t self = XEN_DOM_SELF;
    assert_true(pv_write(now(), va(DESK), &self, sizeof self));
    return call(MEMORY, op, va(DESK), 0, 0);
}

static bool reserve(uint32_t op, uint32_t *extent)
{
    const struct xen_reservation r = { va(LIST), 1, 0, 0, XEN_DOM_SELF, 0 };
    assert_true(pv_write(now(), va(DESK), &r, sizeof r));
    assert_true(pv_write(now(), va(LIST), extent, 4));
    int32_t n = call(MEMORY, op, va(DESK), 0, 0);
    assert_true(pv_read(now(), va(LIST), extent, 4));
    return n == 1;
}

/* What a driver does: the last mapping goes before the frame; and a frame is mapped when it has come. */
static bool give(uint32_t pfn)
{
    uint32_t *p = &p2m[m->b->vmm.now->id][pfn], frame = *p;
    if (frame == FRAME_NONE || (pfn < TABLES && entry(pfn, 0)) || !reserve(XEN_MEM_DECREASE, &frame)) return false;
    *p = FRAME_NONE;
    return true;
}

static bool take(uint32_t pfn)
{
    uint32_t *p = &p2m[m->b->vmm.now->id][pfn], frame = pfn;
    if (*p != FRAME_NONE || !reserve(XEN_MEM_POPULATE, &frame)) return false;
    *p = frame;
    if (pfn < TABLES) assert_int_equal(entry(pfn, frame << PAGE_SHIFT | PTE_P | PTE_W), 0);
    return true;
}

static void begin(void)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    cfg.ram_mib = RAM;
    cfg.vms = 2;
    strcpy(cfg.cpu, "pv");
    strcpy(cfg.image, "build/guests/pvtest.elf");
    if (!config_option(&cfg, "set", "memory.total=10", &e) || !config_check(&cfg, &e) || !(m = machine_new(&cfg, &e))) fail_msg("%s", e.text);
    struct till kmain = { .kind = TILL_LABEL };
    assert_true(machine_find_symbol(m, "kmain", &kmain.a));
    assert_int_equal(machine_run(m, &kmain, 1000000), MACHINE_TILL);
    for (unsigned n = 0; n < 2; n++)
        for (uint32_t pfn = 0; pfn < MOST; pfn++) p2m[n][pfn] = pfn < BEGIN ? m->b->vmm.vm[n].pseudo.map[pfn] : FRAME_NONE;
    be(0);
    holds("at first");
}

/* ---- */

static void who_begins_with_less_is_told(void **state)
{
    (void)state;
    begin();
    struct { uint32_t entries, buffer; } map = { 4, va(LIST) };
    uint32_t range[5];
    assert_int_equal(amount(XEN_MEM_CURRENT), BEGIN);
    assert_int_equal(amount(XEN_MEM_MAXIMUM), BEGIN);
    assert_true(pv_write(now(), va(DESK), &map, sizeof map));
    assert_int_equal(call(MEMORY, XEN_MEM_MAP, va(DESK), 0, 0), 0);
    assert_true(pv_read(now(), va(DESK), &map, sizeof map) && pv_read(now(), va(LIST), range, sizeof range));
    assert_int_equal(map.entries, 1);
    assert_int_equal(range[0] | range[1] | range[3], 0);
    assert_int_equal(range[2], RAM << 20);
    assert_int_equal(range[4], 1);
    map.entries = 0;
    assert_true(pv_write(now(), va(DESK), &map, sizeof map));
    assert_int_equal(call(MEMORY, XEN_MEM_MAP, va(DESK), 0, 0), -XEN_EINVAL);
    map.entries = 1, map.buffer = 0xFFFFF000; /* the hypervisor's */
    assert_true(pv_write(now(), va(DESK), &map, sizeof map));
    assert_int_equal(call(MEMORY, XEN_MEM_MAP, va(DESK), 0, 0), -XEN_EFAULT);
    machine_free(m);
}

/* One asks in vain, the other's limit goes down, its driver gives, the first gets: the same frame, and nothing of what was in it. */
static void a_frame_goes_from_one_to_the_other(void **state)
{
    (void)state;
    begin();
    uint32_t secret = 0x5EC2E7, word = 1, gone = p2m[0][FIRST];
    assert_int_equal(amount(XEN_MEM_MAXIMUM), BEGIN); /* a driver is there */
    assert_true(pv_write(now(), va(FIRST) + 8, &secret, 4));
    be(1);
    assert_false(take(BEGIN)); /* it has all that it may have */
    holds("asked in vain");
    assert_true(domain(0)->limit < BEGIN);
    assert_int_equal(domain(0)->limit + domain(1)->limit, 2 * BEGIN);
    assert_int_equal(domain(1)->mmu->owned, BEGIN);
    assert_false(take(BEGIN)); /* promised, and not there yet */
    uint32_t limit = domain(0)->limit;
    be(0);
    assert_int_equal(amount(XEN_MEM_MAXIMUM), limit);
    assert_true(give(FIRST));
    assert_int_equal(amount(XEN_MEM_CURRENT), BEGIN - 1);
    assert_int_equal(entry(FIRST, gone << PAGE_SHIFT | PTE_P), -XEN_EINVAL); /* nobody's */
    holds("given");
    assert_false(take(FIRST + 1)); /* it has that one */
    be(1);
    assert_true(take(BEGIN));
    assert_int_equal(p2m[1][BEGIN], gone);
    assert_int_equal(entry(FIRST + 7, gone << PAGE_SHIFT | PTE_P | PTE_W), 0);
    assert_true(pv_read(now(), va(FIRST + 7) + 8, &word, 4));
    assert_int_equal(word, 0);
    assert_int_equal(now()->mmu->all->scrubbed, 1);
    assert_true(pv_write(now(), va(FIRST + 7) + 8, &secret, 4));
    be(0);
    assert_int_equal(entry(FIRST, gone << PAGE_SHIFT | PTE_P), -XEN_EINVAL); /* the other's */
    assert_false(reserve(XEN_MEM_DECREASE, &gone));
    holds("taken");
    machine_free(m);
}

/* Whoever has no driver is left alone, and so is who does not keep its limit yet: another has to give, or nobody. */
static void nobody_gives_who_cannot(void **state)
{
    (void)state;
    begin();
    assert_false(take(BEGIN)); /* the other has never asked what it may have */
    assert_int_equal(domain(1)->limit, BEGIN);
    be(1);
    assert_int_equal(amount(XEN_MEM_MAXIMUM), BEGIN);
    be(0);
    assert_false(take(BEGIN));
    uint32_t lowered = domain(1)->limit;
    assert_true(lowered < BEGIN);
    for (unsigned i = 0; i < 10; i++) {
        m->b->clock.now += clock_from_ns(&m->b->clock, 30000000);
        assert_false(take(BEGIN));
        assert_int_equal(domain(1)->limit, lowered);
    }
    holds("asked again and again");
    machine_free(m);
}

static uint32_t seed;
static uint32_t below(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

/* Given and taken in any order, while still mapped, twice, of others: no frame ever has two owners, and none shows what it held. */
static void random_balloons(void **state)
{
    (void)state;
    uint64_t given = 0, taken = 0, moved = 0;
    begin();
    for (unsigned n = 0; n < 2; n++) be(n), (void)amount(XEN_MEM_MAXIMUM);
    for (unsigned i = 0; i < 24000; i++) {
        be(below(16) ? m->b->vmm.now->id : below(2));
        uint32_t who = m->b->vmm.now->id, pfn = (below(3) ? FIRST : BEGIN) + below(PAGES), word = 0, mark = (who + 1) << 28 | pfn, frame = p2m[below(2)][FIRST + below(PAGES)];
        bool gives = who == i / 6000 % 2 || !below(8), mine = frame != FRAME_NONE && direct_owns(now()->mmu, frame);
        if (!below(20)) m->b->clock.now += clock_from_ns(&m->b->clock, 5000000);
        switch (below(6)) {
        case 0: case 1: given += gives && give(pfn); break;
        case 2: if (!(gives && below(8)) && take(pfn)) {
            taken++;
            moved += p2m[who][pfn] - m->b->vmm.vm[who].frame >= BEGIN;
            for (uint32_t at = 0; pfn < TABLES && at < PAGE_SIZE; at += 4, word = 0)
                if (!pv_read(now(), va(pfn) + at, &word, 4) || word) fail_msg("step %u: a frame came with %X in it", i, word);
        }
            break;
        case 3: assert_int_equal(pv_write(now(), va(pfn) + 4 * below(1024), &mark, 4), pfn < TABLES && p2m[who][pfn] != FRAME_NONE); break;
        case 4: if (!mine) assert_false(frame != FRAME_NONE && reserve(XEN_MEM_DECREASE, &frame)); break;
        default: if (!mine && pfn < TABLES && frame != FRAME_NONE) assert_int_equal(entry(pfn, frame << PAGE_SHIFT | PTE_P | PTE_W), -XEN_EINVAL);
        }
        if (i % 128 == 0) holds("in between");
    }
    holds("at the end");
    print_message("# %llu frames given, %llu taken, %llu of them from elsewhere\n", (unsigned long long)given, (unsigned long long)taken,
                  (unsigned long long)moved);
    assert_true(given > 100 && taken > 100 && moved > 20);
    machine_free(m);
}

/* A domain that ends leaves all to the others. */
static void the_end_frees_all(void **state)
{
    (void)state;
    begin();
    be(0);
    (void)amount(XEN_MEM_MAXIMUM);
    vm_die(&m->b->vmm.vm[0].vcpu, DEATH_TABLE);
    pv_over(&m->b->vmm.vm[0].vcpu);
    uint32_t free;
    direct_memory(domain(1)->mmu->all, &free);
    assert_true(free > BEGIN - 8); /* all but the rings of console and store */
    be(1);
    uint32_t n = 0;
    for (uint32_t pfn = BEGIN, frame; n < 600; pfn++, n++) {
        for (unsigned k = 0; frame = pfn, !reserve(XEN_MEM_POPULATE, &frame); k++) assert_true(k < 2);
        p2m[1][pfn] = frame;
    }
    assert_int_equal(amount(XEN_MEM_CURRENT), BEGIN + 600);
    machine_free(m);
}

#define T(f) cmocka_unit_test(f)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(who_begins_with_less_is_told), T(a_frame_goes_from_one_to_the_other), T(nobody_gives_who_cannot), T(random_balloons), T(the_end_frees_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
