/* Two paravirtual domains in one machine: grants, event channels and frames that go from one to the other, and all that must not.
 * Calls are made in a guest's place while its VM has the processor; after each of a few thousand random ones the hypervisor's invariants
 * are looked at, of both domains. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/board.h"
#include "sim/vmm/paravirt.h"

enum { RAM = 8, FIRST = 512 /* pages for play, of each */, PAGES = 24, DESK = FIRST + PAGES /* requests are made there */ };
enum { GRANT_CALL = 20, EVENT_CALL = 32, UPDATE_VA = 14, MEMORY_CALL = 12, MMU_CALL = 1, EXT_CALL = 26 };
enum { MAP, UNMAP, TRANSFER = 4, COPY };
enum { ACCESS = 1, ACCEPT = 2, READONLY = 4, READING = 8, WRITING = 16 };
#define BASE 0xC0000000u

struct map_op { uint32_t host, high, flags, ref; uint16_t domain; int16_t status; uint32_t handle, bus, bus_high; };
struct unmap_op { uint32_t host, high, bus, bus_high, handle; int16_t status; uint16_t unused; };
struct copy_op { uint32_t from; uint16_t from_domain, from_offset; uint32_t to; uint16_t to_domain, to_offset, length, flags; int16_t status; uint16_t unused; };
struct transfer_op { uint32_t frame; uint16_t domain, unused; uint32_t ref; int16_t status; uint16_t unused2; };

static struct machine *m;

static struct paravirt *domain(unsigned n) { return m->b->vmm.vm[n].vcpu.pv; }
static struct paravirt *now(void) { return m->b->vmm.now->vcpu.pv; }
static uint32_t mfn(unsigned n, uint32_t pfn) { return m->b->vmm.vm[n].pseudo.map[pfn]; }
static uint32_t va(uint32_t pfn) { return BASE + (pfn << PAGE_SHIFT); }

static void holds(const char *when)
{
    char why[160];
    for (unsigned n = 0; n < m->b->vmm.vms; n++)
        if (!pv_check(domain(n), why, sizeof why)) fail_msg("%s, domain %u: %s", when, n + 1, why);
}

/* The domain gets the processor, as by the scheduler. */
static void be(unsigned n)
{
    struct vmm *h = &m->b->vmm;
    if (h->now != &h->vm[n]) world_switch(h, &h->vm[n], SWITCH_TURN);
    cpu_set_cpl(&m->b->cpu, 0);
}

static void begin(void)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    cfg.ram_mib = RAM;
    cfg.vms = 2;
    strcpy(cfg.cpu, "pv");
    strcpy(cfg.image, "build/guests/pvtest.elf");
    if (!config_check(&cfg, &e) || !(m = machine_new(&cfg, &e))) fail_msg("%s", e.text);
    struct till kmain = { .kind = TILL_LABEL };
    assert_true(machine_find_symbol(m, "kmain", &kmain.a));
    assert_int_equal(machine_run(m, &kmain, 1000000), MACHINE_TILL);
    assert_int_equal(pv_id(domain(0)), 1);
    assert_int_equal(pv_id(domain(1)), 2);
    be(0);
    holds("at first");
}

static int32_t call(uint32_t number, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    const uint32_t arg[6] = { a, b, c, d };
    return pv_serve(now(), number, arg);
}

/* A request with one structure, which comes back with its answer. */
static int32_t ask(uint32_t number, uint32_t op, void *o, uint32_t n)
{
    assert_true(pv_write(now(), va(DESK), o, n));
    int32_t result = call(number, op, va(DESK), number == GRANT_CALL ? 1 : 0, 0);
    assert_true(pv_read(now(), va(DESK), o, n));
    return result;
}

/* The domain that runs writes an entry of its own grant table. */
static void grant(uint32_t ref, uint16_t flags, uint16_t to, uint32_t frame)
{
    pv_frame_write(now(), now()->grant, ref * 8, 4, flags | (uint32_t)to << 16);
    pv_frame_write(now(), now()->grant, ref * 8 + 4, 4, frame);
}
static uint16_t grant_flags(unsigned n, uint32_t ref) { return (uint16_t)pv_frame_read(domain(n), domain(n)->grant, ref * 8, 2); }

static int16_t map(uint32_t pfn, uint32_t flags, uint16_t of, uint32_t ref, uint32_t *handle)
{
    struct map_op o = { va(pfn), 0, flags, ref, of, 99, 99, 0, 0 };
    assert_int_equal(ask(GRANT_CALL, MAP, &o, sizeof o), 0);
    if (handle) *handle = o.handle;
    return o.status;
}

static int16_t unmap(uint32_t pfn, uint32_t handle)
{
    struct unmap_op o = { va(pfn), 0, 0, 0, handle, 99, 0 };
    assert_int_equal(ask(GRANT_CALL, UNMAP, &o, sizeof o), 0);
    return o.status;
}

static uint32_t word(uint32_t at)
{
    uint32_t w = 0;
    assert_true(pv_read(now(), at, &w, 4));
    return w;
}

static int32_t entry(uint32_t pfn, uint32_t value) { return call(UPDATE_VA, va(pfn), value, 0, XEN_UVMF_INVLPG); }

/* ---- */

static void a_page_is_shared(void **state)
{
    (void)state;
    begin();
    uint32_t page = FIRST, there = FIRST + 3, handle, text = 0x6C6C6568, answer = 0x21;
    assert_true(pv_write(now(), va(page), &text, 4));
    grant(9, ACCESS, 2, mfn(0, page));
    be(1);
    assert_int_equal(map(there, 2, 1, 9, &handle), 0);
    holds("mapped");
    assert_int_equal(word(va(there)), text);
    assert_true(pv_write(now(), va(there), &answer, 4));
    assert_int_equal(grant_flags(0, 9), ACCESS | READING | WRITING);
    uint32_t seen = 0; /* also by those who look at the domain's memory */
    assert_true(bus_peek(&m->b->vmm.vm[1].bus, hpa(mfn(0, page) << PAGE_SHIFT), &seen, 4));
    assert_int_equal(seen, answer);
    be(0);
    assert_int_equal(word(va(page)), answer);
    /* As long as it is mapped there, it cannot become a table here. */
    uint32_t zero[1024] = { 0 };
    assert_true(pv_write(now(), va(page), zero, sizeof zero));
    assert_int_equal(entry(page, mfn(0, page) << PAGE_SHIFT | PTE_P), 0);
    struct xen_mmuext_op pin = { XEN_PIN_L1, mfn(0, page), 0 };
    assert_true(pv_write(now(), va(DESK), &pin, sizeof pin));
    assert_int_equal(call(EXT_CALL, va(DESK), 1, 0, XEN_DOM_SELF), -XEN_EINVAL);
    holds("it is no table");
    be(1);
    assert_int_equal(unmap(there, handle), 0);
    assert_int_equal(grant_flags(0, 9), ACCESS);
    assert_false(bus_peek(&m->b->vmm.vm[1].bus, hpa(mfn(0, page) << PAGE_SHIFT), &seen, 4));
    holds("unmapped");
    be(0);
    assert_true(pv_write(now(), va(DESK), &pin, sizeof pin));
    assert_int_equal(call(EXT_CALL, va(DESK), 1, 0, XEN_DOM_SELF), 0);
    holds("a table");
    machine_free(m);
}

static void nothing_is_taken_that_was_not_given(void **state)
{
    (void)state;
    begin();
    uint32_t page = FIRST, there = FIRST + 3, handle;
    grant(9, ACCESS, 1, mfn(0, page));            /* to itself */
    grant(10, ACCESS | READONLY, 2, mfn(0, page));
    grant(11, ACCEPT, 2, 0);
    grant(12, ACCESS, 2, mfn(1, there));          /* what is not the granter's */
    grant(13, ACCESS, 2, 0x100);                  /* the hypervisor's */
    be(1);
    assert_int_equal(map(there, 2, 1, 9, NULL), -3);
    assert_int_equal(map(there, 2, 1, 10, NULL), -1);
    assert_int_equal(map(there, 2, 1, 11, NULL), -3);
    assert_int_equal(map(there, 2, 1, 12, NULL), -1);
    assert_int_equal(map(there, 2, 1, 13, NULL), -1);
    assert_int_equal(map(there, 2, 3, 9, NULL), -2);
    assert_int_equal(map(there, 2, 1, 0x10000, NULL), -3);
    assert_int_equal(entry(there, mfn(0, page) << PAGE_SHIFT | PTE_P), -XEN_EINVAL);
    holds("refused");
    /* Mapped by a grant, it is not for the taking elsewhere, nor for writing. */
    assert_int_equal(map(there, 2 | 4, 1, 10, &handle), 0);
    assert_int_equal(entry(there + 1, mfn(0, page) << PAGE_SHIFT | PTE_P), -XEN_EINVAL);
    assert_int_equal(entry(there, mfn(0, page) << PAGE_SHIFT | PTE_P | PTE_W), -XEN_EINVAL);
    uint32_t x = 1;
    assert_false(pv_write(now(), va(there), &x, 4));
    holds("for reading only");
    assert_int_equal(unmap(there, handle), 0);
    assert_int_equal(unmap(there, handle), -4);
    holds("unmapped");
    machine_free(m);
}

static void words_are_copied(void **state)
{
    (void)state;
    begin();
    uint32_t text = 0x79706F63;
    assert_true(pv_write(now(), va(FIRST), &text, 4));
    grant(9, ACCESS | READONLY, 2, mfn(0, FIRST));
    grant(10, ACCESS, 2, mfn(0, FIRST + 1));
    be(1);
    struct copy_op c = { 9, 1, 0, mfn(1, FIRST), XEN_DOM_SELF, 8, 4, 1, 99, 0 };
    assert_int_equal(ask(GRANT_CALL, COPY, &c, sizeof c), 0);
    assert_int_equal(c.status, 0);
    assert_int_equal(word(va(FIRST) + 8), text);
    c = (struct copy_op){ mfn(1, FIRST), XEN_DOM_SELF, 8, 10, 1, 16, 4, 2, 99, 0 };
    assert_int_equal(ask(GRANT_CALL, COPY, &c, sizeof c), 0);
    assert_int_equal(c.status, 0);
    c = (struct copy_op){ mfn(1, FIRST), XEN_DOM_SELF, 8, 9, 1, 16, 4, 2, 99, 0 }; /* for reading only */
    assert_int_equal(ask(GRANT_CALL, COPY, &c, sizeof c), 0);
    assert_int_equal(c.status, -1);
    c = (struct copy_op){ mfn(0, FIRST), 1, 0, mfn(1, FIRST), XEN_DOM_SELF, 8, 4, 0, 99, 0 }; /* without a grant */
    assert_int_equal(ask(GRANT_CALL, COPY, &c, sizeof c), 0);
    assert_int_equal(c.status, -8);
    c = (struct copy_op){ mfn(0, FIRST), XEN_DOM_SELF, 0, mfn(1, FIRST), XEN_DOM_SELF, 8, 4, 0, 99, 0 };
    assert_int_equal(ask(GRANT_CALL, COPY, &c, sizeof c), 0);
    assert_int_equal(c.status, -1);
    be(0);
    assert_int_equal(word(va(FIRST + 1) + 16), text);
    holds("copied");
    machine_free(m);
}

static uint32_t count(unsigned n)
{
    be(n);
    uint16_t self = XEN_DOM_SELF;
    assert_true(pv_write(now(), va(DESK), &self, sizeof self));
    return (uint32_t)call(MEMORY_CALL, XEN_MEM_CURRENT, va(DESK), 0, 0);
}

static void release(unsigned n, uint32_t pfn)
{
    be(n);
    uint32_t gone = mfn(n, pfn), list = va(DESK + 1);
    struct { uint32_t list, count, order, bits; uint16_t domain, unused; } r = { list, 1, 0, 0, XEN_DOM_SELF, 0 };
    assert_int_equal(entry(pfn, 0), 0);
    assert_true(pv_write(now(), list, &gone, 4) && pv_write(now(), va(DESK), &r, sizeof r));
    assert_int_equal(call(MEMORY_CALL, XEN_MEM_DECREASE, va(DESK), 0, 0), 1);
}

static void a_page_changes_hands(void **state)
{
    (void)state;
    begin();
    uint32_t page = FIRST, frame = mfn(0, page), text = 0x66696768, before[2] = { count(0), count(1) };
    be(1);
    grant(20, ACCEPT, 1, 0);
    be(0);
    assert_true(pv_write(now(), va(page), &text, 4));
    struct transfer_op t = { frame, 2, 0, 20, 99, 0 };
    assert_int_equal(ask(GRANT_CALL, TRANSFER, &t, sizeof t), 0);
    assert_int_equal(t.status, -7); /* no room: the other has all it may have */
    release(1, FIRST + 5);
    be(0);
    assert_int_equal(ask(GRANT_CALL, TRANSFER, &t, sizeof t), 0);
    assert_int_equal(t.status, -9); /* it is still mapped here */
    assert_int_equal(entry(page, 0), 0);
    struct transfer_op bad = { frame, 2, 0, 21, 99, 0 };
    assert_int_equal(ask(GRANT_CALL, TRANSFER, &bad, sizeof bad), 0);
    assert_int_equal(bad.status, -3); /* nobody would take it there */
    assert_int_equal(ask(GRANT_CALL, TRANSFER, &t, sizeof t), 0);
    assert_int_equal(t.status, 0);
    holds("transferred");
    assert_int_equal(entry(page, frame << PAGE_SHIFT | PTE_P), -XEN_EINVAL);
    assert_int_equal(count(0), before[0] - 1);
    assert_int_equal(count(1), before[1]);
    assert_int_equal(grant_flags(1, 20), ACCEPT | 4 | 8);
    be(1);
    assert_int_equal(pv_frame_read(now(), now()->grant, 20 * 8 + 4, 4), frame);
    assert_int_equal(entry(FIRST + 5, frame << PAGE_SHIFT | PTE_P | PTE_W), 0);
    assert_int_equal(word(va(FIRST + 5)), text);
    holds("and mapped");
    machine_free(m);
}

struct bind_op { uint16_t domain, unused; uint32_t remote, port; };
struct unbound_op { uint16_t domain, remote; uint32_t port; };

static bool pending(unsigned n, uint32_t port) { return pv_shared(domain(n), SHARED_PENDING + port / 32 * 4, 4) >> port % 32 & 1; }

static void events_go_across(void **state)
{
    (void)state;
    begin();
    struct unbound_op u = { XEN_DOM_SELF, 2, 0 };
    assert_int_equal(ask(EVENT_CALL, XEN_EVTCHN_ALLOC_UNBOUND, &u, sizeof u), 0);
    struct bind_op mine = { 1, 0, u.port, 0 };
    assert_int_equal(ask(EVENT_CALL, XEN_EVTCHN_BIND_INTERDOMAIN, &mine, sizeof mine), -XEN_EINVAL); /* it is for the other */
    be(1);
    struct bind_op wrong = { 1, 0, u.port + 1, 0 }, b = { 1, 0, u.port, 0 }, nobody = { 7, 0, 1, 0 };
    assert_int_equal(ask(EVENT_CALL, XEN_EVTCHN_BIND_INTERDOMAIN, &wrong, sizeof wrong), -XEN_EINVAL);
    assert_int_equal(ask(EVENT_CALL, XEN_EVTCHN_BIND_INTERDOMAIN, &nobody, sizeof nobody), -XEN_ESRCH);
    assert_int_equal(ask(EVENT_CALL, XEN_EVTCHN_BIND_INTERDOMAIN, &b, sizeof b), 0);
    assert_true(pending(1, b.port));
    assert_false(pending(0, u.port));
    assert_int_equal(ask(EVENT_CALL, XEN_EVTCHN_SEND, &b.port, 4), 0);
    assert_true(pending(0, u.port));
    assert_true(m->b->vmm.schedule.look);
    be(0);
    pv_set_shared(domain(1), SHARED_PENDING, 4, 0);
    assert_int_equal(ask(EVENT_CALL, XEN_EVTCHN_SEND, &u.port, 4), 0);
    assert_true(pending(1, b.port));
    be(1);
    assert_int_equal(ask(EVENT_CALL, XEN_EVTCHN_CLOSE, &b.port, 4), 0);
    be(0);
    assert_int_equal(domain(0)->channel[u.port].state, CHANNEL_UNBOUND);
    assert_int_equal(ask(EVENT_CALL, XEN_EVTCHN_SEND, &u.port, 4), 0); /* nobody there */
    holds("events");
    machine_free(m);
}

/* A domain ends with a page of another's mapped, and a channel to it. */
static void the_dead_let_go(void **state)
{
    (void)state;
    begin();
    struct unbound_op u = { XEN_DOM_SELF, 2, 0 };
    assert_int_equal(ask(EVENT_CALL, XEN_EVTCHN_ALLOC_UNBOUND, &u, sizeof u), 0);
    grant(9, ACCESS, 2, mfn(0, FIRST));
    be(1);
    struct bind_op b = { 1, 0, u.port, 0 };
    assert_int_equal(ask(EVENT_CALL, XEN_EVTCHN_BIND_INTERDOMAIN, &b, sizeof b), 0);
    uint32_t refs = domain(0)->mmu->frame[mfn(0, FIRST)].refs;
    assert_int_equal(map(FIRST, 2 | 1, 1, 9, NULL), 0);
    assert_true(domain(0)->mmu->frame[mfn(0, FIRST)].refs > refs);
    grant(9, ACCESS, 1, mfn(1, FIRST + 1));
    vm_die(&m->b->vmm.vm[1].vcpu, DEATH_HANDLER);
    schedule_over(&m->b->vmm.vm[1]);
    pv_over(&m->b->vmm.vm[1].vcpu);
    assert_int_equal(domain(0)->mmu->frame[mfn(0, FIRST)].refs, refs);
    assert_int_equal(grant_flags(0, 9), ACCESS);
    assert_int_equal(domain(0)->channel[u.port].state, CHANNEL_UNBOUND);
    be(0);
    assert_int_equal(map(FIRST + 1, 2, 2, 9, NULL), -2); /* what it granted is nobody's to have any more */
    holds("one is left");
    machine_free(m);
}

/* ---- anything, by both */

static uint64_t seed;
static uint32_t chance(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}
static uint32_t some_page(void) { return FIRST + chance(PAGES); }
static uint32_t some_frame(void) { return chance(12) ? mfn(chance(2), some_page()) : chance(0x600); }
static uint16_t some_domain(void) { return (uint16_t)(chance(10) ? 1 + chance(2) : chance(4)); }

/* So that most of what is asked for makes sense: handles that exist, pages that may be had. */
static void try_grant(void)
{
    uint32_t op = (uint32_t[]){ MAP, MAP, MAP, UNMAP, UNMAP, UNMAP, TRANSFER, COPY }[chance(8)];
    grant(chance(16), (uint16_t)(chance(4) ? 1 + chance(2) * READONLY : chance(8)), some_domain(), some_frame());
    if (op == MAP) map(some_page(), 1 + chance(chance(6) ? 7 : 31), some_domain(), chance(16), NULL);
    else if (op == UNMAP) {
        struct unmap_op o = { chance(5) ? va(some_page()) : 0, 0, chance(2) ? some_frame() << PAGE_SHIFT : 0, 0, chance(24), 99, 0 };
        ask(GRANT_CALL, UNMAP, &o, sizeof o);
    } else if (op == TRANSFER) {
        struct transfer_op o = { some_frame(), some_domain(), 0, chance(16), 99, 0 };
        ask(GRANT_CALL, TRANSFER, &o, sizeof o);
    } else {
        bool from = chance(2), to = chance(2);
        struct copy_op o = { from ? chance(16) : some_frame(), from ? some_domain() : XEN_DOM_SELF, 0, to ? chance(16) : some_frame(),
                             to ? some_domain() : XEN_DOM_SELF, 64, 32, (uint16_t)(from | to << 1), 99, 0 };
        ask(GRANT_CALL, COPY, &o, sizeof o);
    }
}

static void try_table(void)
{
    uint32_t pfn = some_page(), zero[1024] = { 0 };
    switch (chance(5)) {
    case 0: entry(pfn, some_frame() << PAGE_SHIFT | PTE_P | chance(8)); break;
    case 1: entry(pfn, 0); break;
    case 2: entry(pfn, mfn((unsigned)(m->b->vmm.now - m->b->vmm.vm), pfn) << PAGE_SHIFT | PTE_P | PTE_W); break;
    case 3: (void)pv_write(now(), va(pfn), zero, sizeof zero); break;
    default: {
        struct xen_mmuext_op o = { chance(2) ? XEN_PIN_L1 : XEN_UNPIN, some_frame(), 0 };
        assert_true(pv_write(now(), va(DESK), &o, sizeof o));
        call(EXT_CALL, va(DESK), 1, 0, XEN_DOM_SELF);
    }
    }
}

static void try_event(void)
{
    struct { uint32_t w[6]; } o = { { some_domain() | (uint32_t)some_domain() << 16, chance(8), chance(8), 0, 0, 0 } };
    uint32_t op = (uint32_t[]){ XEN_EVTCHN_ALLOC_UNBOUND, XEN_EVTCHN_BIND_INTERDOMAIN, XEN_EVTCHN_SEND, XEN_EVTCHN_CLOSE }[chance(4)];
    if (op == XEN_EVTCHN_SEND || op == XEN_EVTCHN_CLOSE) o.w[0] = chance(12);
    if (op == XEN_EVTCHN_BIND_INTERDOMAIN) o.w[0] = some_domain();
    ask(EVENT_CALL, op, &o, sizeof o);
}

static void random_requests_keep_the_counts(void **state)
{
    (void)state;
    enum { ROUNDS = 12, REQUESTS = 2500 };
    unsigned mapped = 0, moved = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        begin();
        seed = 20061122 + round;
        release(0, FIRST + PAGES + 4);
        release(1, FIRST + PAGES + 4);
        for (unsigned i = 0; i < REQUESTS; i++) {
            be(chance(2));
            switch (chance(4)) {
            case 0: try_table(); break;
            case 1: try_event(); break;
            default: try_grant(); break;
            }
            if (i % 16 == 0) holds("random");
        }
        for (unsigned n = 0; n < 2; n++)
            for (unsigned i = 0; i < PV_MAPS; i++) mapped += domain(n)->map[i].flags && domain(n)->map[i].domain != n + 1;
        for (uint32_t f = 0; f < domain(0)->mmu->frames; f++)
            moved += domain(0)->mmu->frame[f].owner == OWNER_GUEST && domain(0)->mmu->frame[f].domain != (f >= m->b->vmm.vm[1].frame);
        holds("at last");
        if (chance(2)) {
            vm_die(&m->b->vmm.vm[1].vcpu, DEATH_HANDLER);
            schedule_over(&m->b->vmm.vm[1]);
            pv_over(&m->b->vmm.vm[1].vcpu);
            holds("one died");
        }
        machine_free(m);
    }
    assert_true(mapped > ROUNDS);
    assert_true(moved > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_shared),
        cmocka_unit_test(nothing_is_taken_that_was_not_given),
        cmocka_unit_test(words_are_copied),
        cmocka_unit_test(a_page_changes_hands),
        cmocka_unit_test(events_go_across),
        cmocka_unit_test(the_dead_let_go),
        cmocka_unit_test(random_requests_keep_the_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
