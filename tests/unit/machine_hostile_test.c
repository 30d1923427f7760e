/* Hostile paravirtual guests: a hundred thousand hypercalls that are nearly right, or noise, break no invariant and break each rule. */
#include "tests/support/pv_world.h"

static uint64_t seed;
static uint32_t chance(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

static uint32_t some_frame(const struct world *w)
{
    switch (chance(8)) {
    case 0: return chance(0x500);                  /* the hypervisor's, mostly */
    case 1: return chance(UINT32_MAX);
    case 2: return w->root;
    case 3: return w->root + chance(3);
    default: return mfn(w, w->first + chance(PAGES));
    }
}

static uint32_t some_address(const struct world *w)
{
    switch (chance(8)) {
    case 0: return chance(UINT32_MAX);
    case 1: return DIRECT_HOLE - 64 + chance(128);
    case 2: return 0xFF800000 + chance(0x800000);
    case 3: return va(w, w->first + PAGES) - chance(32); /* across a page */
    case 4: return w->base + chance(0x400000);
    default: return va(w, w->first + chance(PAGES)) + chance(256) * 4;
    }
}

static uint32_t some_word(const struct world *w)
{
    switch (chance(10)) {
    case 0: return chance(16);
    case 1: return some_address(w);
    case 2: return some_frame(w);
    case 3: case 4: case 5: return some_frame(w) << PAGE_SHIFT | chance(0x200);
    case 6: return chance(4) ? XEN_DOM_SELF : chance(0x8000);
    case 7: return some_frame(w) << PAGE_SHIFT | chance(1024) << 2 | chance(4);
    case 8: return 1u << chance(32);
    default: return chance(UINT32_MAX);
    }
}

/* Bytes for calls to find: into pages that the guest may write to, if that works. */
static void sow(struct world *w)
{
    uint32_t words[16], n = 1 + chance(16);
    for (uint32_t i = 0; i < n; i++) words[i] = some_word(w);
    pv_write(w->p, some_address(w), words, n * 4);
}

/* Requests that are nearly right, which are worth more than noise; at the address returned. */
static uint32_t sow_update(struct world *w)
{
    uint32_t at = va(w, w->first + PAGES + chance(DESK)), table = chance(3) ? w->root + 1 + chance(2) : chance(2) ? w->root : some_frame(w);
    uint32_t slot = chance(3) ? w->first + chance(PAGES) : chance(8) ? chance(1024) : DIRECT_SLOTS + chance(16);
    uint32_t flags = chance(4) ? PTE_P | (chance(2) ? PTE_W : 0u) | (chance(2) ? PTE_U : 0u) : chance(0x400);
    struct xen_mmu_update u = { table << PAGE_SHIFT | (slot & 1023) << 2, 0, some_frame(w) << PAGE_SHIFT | flags, 0 };
    pv_write(w->p, at, &u, sizeof u);
    return at;
}

static uint32_t sow_extended(struct world *w)
{
    uint32_t at = va(w, w->first + PAGES + chance(DESK)), cmd = chance(14);
    struct xen_mmuext_op o = { cmd, cmd == XEN_SET_LDT ? some_address(w) & PAGE_MASK : some_frame(w), chance(600) };
    pv_write(w->p, at, &o, sizeof o);
    return at;
}

/* Makes a page for play one again, if nobody minds. */
static void heal(struct world *w)
{
    uint32_t pfn = w->first + chance(PAGES);
    const uint32_t arg[6] = { va(w, pfn), mfn(w, pfn) << PAGE_SHIFT | PTE_P | PTE_W, 0, XEN_UVMF_INVLPG };
    pv_serve(w->p, 14, arg);
}

/* A page of nothing, or of entries that mostly pass, which then is no longer mapped writable: it may become a table. */
static void sow_table(struct world *w)
{
    uint32_t entry[1024] = { 0 }, pfn = w->first + chance(PAGES);
    for (uint32_t n = chance(6); n--; ) entry[chance(1024)] = some_frame(w) << PAGE_SHIFT | PTE_P | chance(8);
    pv_write(w->p, va(w, pfn), entry, sizeof entry);
    const uint32_t arg[6] = { va(w, pfn), mfn(w, pfn) << PAGE_SHIFT | PTE_P };
    pv_serve(w->p, 14, arg);
}

/* A grant, and an operation on it. */
static uint32_t sow_grant(struct world *w, uint32_t op)
{
    uint32_t ref = chance(16), at = va(w, w->first + PAGES + chance(DESK)), host = va(w, w->first + chance(PAGES));
    uint32_t o[8] = { host, 0, chance(32), ref, XEN_DOM_ME, 0, 0, 0 };
    if (op == 1) o[2] = chance(2) ? some_frame(w) << PAGE_SHIFT : 0, o[3] = 0, o[4] = chance(8);
    if (op == 5) o[0] = chance(2) ? ref : some_frame(w), o[1] = XEN_DOM_ME, o[2] = some_frame(w), o[3] = XEN_DOM_ME, o[4] = 64 | chance(4) << 16;
    pv_write(w->p, at, o, sizeof o);
    pv_frame_write(w->p, w->p->grant, ref * 8, 4, chance(32) | XEN_DOM_ME << 16);
    pv_frame_write(w->p, w->p->grant, ref * 8 + 4, 4, some_frame(w));
    return at;
}

static void attack(struct world *w, uint32_t i)
{
    static const uint8_t numbers[] = { 0, 1, 1, 1, 2, 3, 4, 5, 8, 9, 10, 10, 12, 12, 13, 14, 14, 14, 15, 16, 17, 19, 20, 20, 20, 21, 24, 26,
                                       26, 26, 26, 28, 30, 32, 32, 33, 36, 60 };
    uint32_t arg[6], number = numbers[chance(sizeof numbers)];
    for (unsigned n = 0; n < 6; n++) arg[n] = some_word(w);
    if (number == 1 || number == 26 || number == 13 || number == 20) { /* lists: of a few, somewhere in reach */
        if (number != 20) arg[0] = some_address(w), arg[1] = chance(4), arg[2] = chance(3) ? 0 : some_address(w);
        else arg[0] = chance(8), arg[1] = some_address(w), arg[2] = chance(4);
        arg[3] = chance(8) ? XEN_DOM_SELF : some_word(w);
    }
    if (number == 12 || number == 32 || number == 24 || number == 30) arg[0] = chance(14);
    if (number == 10 && chance(2)) arg[0] = some_frame(w) << PAGE_SHIFT | chance(512) * 8, arg[1] = 0;
    if (number == 14) arg[2] = 0;
    if (number == 14 && chance(2)) arg[0] = va(w, w->first + chance(PAGES)), arg[2] = 0;
    if (number == 1 && chance(4)) arg[0] = sow_update(w), arg[1] = 1;
    if (number == 26 && chance(4)) arg[0] = sow_extended(w), arg[1] = 1;
    if (number == 20 && chance(4)) arg[1] = sow_grant(w, arg[0]), arg[2] = 1;
    if (number == 2 && chance(4)) {
        uint32_t list[2] = { some_frame(w), some_frame(w) };
        arg[0] = va(w, w->first + PAGES), arg[1] = 1 + chance(1024);
        pv_write(w->p, arg[0], list, sizeof list);
    }
    if (number == 32 && chance(2)) arg[1] = va(w, w->first + chance(PAGES));
    if (chance(4) == 0) sow_table(w);
    else heal(w);
    w->p->v->vm->exited = false;
    pv_serve(w->p, number, arg);
    if (w->p->v->vm->dead) fail_msg("attack %u: hypercall %u ended the domain", i, number);
}

/* Is there enough left of the guest's own tables to go on? Else it has hurt itself, and only itself. */
static bool can_go_on(struct world *w)
{
    uint32_t word, reachable = 0;
    if (w->p->mmu->base != w->root) {
        if (direct_set_base(w->p->mmu, w->root)) return false;
        pv_load_base(w->p);
    }
    for (uint32_t i = 0; i < PAGES; i++) reachable += pv_read(w->p, va(w, w->first + i), &word, 4);
    return reachable >= PAGES / 2;
}

static void hostile_calls_break_nothing(void **state)
{
    (void)state;
    enum { ROUNDS = 24, ATTACKS = 4000, EVERY = 250 };
    uint32_t served = 0, refused[DIRECT_RULES] = { 0 };
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct world w = world();
        seed = 20061122 + round;
        for (uint32_t i = 0; i < ATTACKS; i++, served++) {
            sow(&w);
            attack(&w, i);
            char why[160];
            if (i % EVERY) continue;
            if (!pv_check(w.p, why, sizeof why)) fail_msg("round %u, attack %u: %s", round, i, why);
            if (!can_go_on(&w)) break;
        }
        holds(&w, "at the end of a round");
        for (unsigned r = 0; r < DIRECT_RULES; r++) refused[r] += w.p->mmu->refused[r];
        machine_free(w.m);
    }
    assert_true(served > ROUNDS * ATTACKS / 4);
    for (unsigned r = DIRECT_OK + 1; r < DIRECT_RULES; r++) /* it was no waste of time: each rule was broken */
        if (!refused[r] && r != DIRECT_TOP /* PAE's: tests/equiv */) fail_msg("rule %s was never tried", direct_word(r));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(hostile_calls_break_nothing) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
