/* What each part of the binary translator is for, measured: small kernels whose units can be counted by hand, and mini, with a
 * part taken away at a time. The result never changes; the counts do, in the direction that Adams and Agesen say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/machine.h"
#include "tests/support/bytes.h"

enum { MOST = 20000000 };

static void set(struct machine_cfg *cfg, const char *sets)
{
    char words[64];
    struct err e;
    strcpy(words, sets);
    for (char *w = strtok(words, " "); w; w = strtok(NULL, " "))
        if (!config_option(cfg, "set", w, &e)) fail_msg("%s", e.text);
}

static struct machine *ended(struct machine_cfg *cfg, const char *sets)
{
    struct err e;
    strcpy(cfg->cpu, "bt");
    set(cfg, sets);
    if (!config_check(cfg, &e)) fail_msg("%s", e.text);
    struct machine *m = machine_new(cfg, &e);
    if (!m) fail_msg("%s", e.text);
    machine_run(m, NULL, MOST);
    if (machine_end(m).fate != FATE_EXITED || machine_end(m).code) fail_msg("%s: %s", sets, machine_end(m).why);
    return m;
}

static struct machine *run(const struct code *c, const char *sets)
{
    struct machine_cfg cfg = config_defaults;
    char name[256];
    bytes_elf(c, name, sizeof name);
    cfg.ram_mib = 4;
    strcpy(cfg.image, name);
    struct machine *m = ended(&cfg, sets);
    remove(name);
    return m;
}

static struct machine *mini(const char *sets)
{
    struct machine_cfg cfg = config_defaults;
    struct err e;
    cfg.ram_mib = 16;
    strcpy(cfg.image, "build/guests/mini.elf");
    if (!config_option(&cfg, "module", "build/guests/mini.img", &e) || !config_option(&cfg, "append", "run=\"cow; sieve 20000; halt 0\"", &e)) fail_msg("%s", e.text);
    return ended(&cfg, sets);
}

static struct machine_translation counts(const struct machine *m)
{
    struct machine_translation t;
    assert_true(machine_translation(m, &t));
    return t;
}

static uint64_t cycles(const struct machine *m)
{
    struct machine_summary s;
    machine_summary(m, &s);
    return s.cycles;
}

static const struct machine_unit *unit_at(const struct machine_unit *list, unsigned n, uint32_t eip)
{
    for (unsigned i = 0; i < n; i++)
        if (!list[i].dead && list[i].eip == eip) return &list[i];
    fail_msg("no unit at %X", eip);
    return NULL;
}

/* ---- a loop: two ways out of a conditional branch, each filled in when it is first taken */

static struct code loop_of(uint32_t rounds)
{
    struct code c = { .at = 0 };
    OP32(&c, rounds, 0xB9);             /* mov ecx, rounds */
    OP(&c, 0x49, 0x75, 0xFD);           /* again: dec ecx; jnz again */
    end(&c);
    return c;
}
enum { AGAIN = LOAD + 5, BEHIND = LOAD + 8 };

static void a_branch_has_two_continuations(void **state)
{
    (void)state;
    static struct machine_unit list[MACHINE_UNITS];
    struct code c = loop_of(1000);
    struct machine *m = run(&c, "");
    struct machine_translation t = counts(m);
    unsigned n = machine_units(m, list, MACHINE_UNITS);
    const struct machine_unit *first = unit_at(list, n, LOAD), *again = unit_at(list, n, AGAIN), *behind = unit_at(list, n, BEHIND);
    assert_int_equal(first->exits, 2);
    assert_int_equal(again->exits, 2);
    for (unsigned x = 0; x < 2; x++) {
        assert_int_equal(first->exit[x].target, first->exit[x].taken ? AGAIN : BEHIND);
        assert_int_equal(again->exit[x].target, again->exit[x].taken ? AGAIN : BEHIND);
        /* The first unit always went back into the loop, so the other way out of it still calls. */
        assert_int_equal(first->exit[x].to, first->exit[x].taken ? (int)(again - list) : -1);
        assert_int_equal(again->exit[x].to, (int)((again->exit[x].taken ? again : behind) - list));
    }
    assert_true(first->exit[0].taken != first->exit[1].taken);
    assert_int_equal(t.units, 3);
    assert_int_equal(t.continued, 3); /* each continuation that was taken called once, and never again */
    assert_int_equal(t.chains, 3);
    assert_int_equal(t.lookups, 0);
    machine_free(m);

    m = run(&c, "bt.chain=0"); /* without chaining each end of a unit calls */
    t = counts(m);
    assert_int_equal(t.chains, 0);
    assert_int_equal(t.continued, 1000);
    n = machine_units(m, list, MACHINE_UNITS);
    for (unsigned i = 0; i < n; i++)
        for (unsigned x = 0; x < list[i].exits; x++) assert_int_equal(list[i].exit[x].to, -1);
    machine_free(m);
}

/* A unit made when the one before it asked for it stands right behind it, and the jump is left out. */
static void who_stands_behind_needs_no_jump(void **state)
{
    (void)state;
    static struct machine_unit list[MACHINE_UNITS];
    struct code c = { .at = 0 };
    for (unsigned i = 0; i < 40; i++) OP(&c, 0x40); /* inc eax: four units */
    end(&c);
    struct machine *m = run(&c, "");
    struct machine_translation t = counts(m);
    unsigned n = machine_units(m, list, MACHINE_UNITS);
    assert_int_equal(n, 4);
    assert_int_equal(t.chains, 3);
    assert_int_equal(t.elided, 3);
    for (unsigned i = 0; i + 1 < n; i++) {
        assert_int_equal(list[i].insns, 12);
        assert_int_equal(list[i].exits, 1);
        assert_true(list[i].exit[0].adjacent);
        assert_int_equal(list[i].exit[0].to, i + 1);
        assert_int_equal(list[i + 1].at, list[i].at + 12); /* twelve bytes of INC, and no jump behind them */
    }
    machine_free(m);

    m = run(&c, "bt.unit=5");
    n = machine_units(m, list, MACHINE_UNITS);
    assert_int_equal(n, 9);
    for (unsigned i = 0; i < n; i++) assert_in_range(list[i].insns, 1, 5);
    machine_free(m);
}

/* All that is chained in a whole kernel: exits lead to the unit that translates their target, and neighbours are neighbours. */
static void chains_lead_where_they_should(void **state)
{
    (void)state;
    static struct machine_unit list[MACHINE_UNITS];
    struct machine *m = mini("");
    unsigned n = machine_units(m, list, MACHINE_UNITS), chained = 0, adjacent = 0;
    for (unsigned i = 0; i < n; i++) {
        const struct machine_unit *u = &list[i];
        assert_in_range(u->insns, 1, 12);
        for (unsigned x = 0; !u->dead && x < u->exits; x++) {
            if (u->exit[x].to < 0) continue;
            const struct machine_unit *to = &list[u->exit[x].to];
            assert_false(to->dead);
            assert_int_equal(to->eip, u->exit[x].target);
            chained++;
            if (!u->exit[x].adjacent) continue;
            assert_true(to->at > u->at && to->at <= u->at + u->size);
            adjacent++;
        }
    }
    struct machine_translation t = counts(m);
    assert_true(chained > 500 && adjacent > 200 && adjacent < chained);
    assert_true(t.elided >= adjacent && t.chains >= chained);
    machine_free(m);
}

/* ---- returns: to two places whose addresses share their low byte, by turns, or do not */

static struct code returns(bool collide)
{
    struct code c = { .at = 0 };
    const uint32_t f = LOAD + 0x400, second = LOAD + (collide ? 0x200 : 0x210);
    OP32(&c, LOAD + 0x8000, 0xBC), OP32(&c, 1000, 0xBE);    /* mov esp; mov esi, 1000 */
    jump(&c, 0xE9, LOAD + 0x100);
    org(&c, LOAD + 0x100);
    jump(&c, 0xE8, f), jump(&c, 0xE9, second);
    org(&c, second);
    jump(&c, 0xE8, f);
    OP(&c, 0x4E, 0x0F, 0x85), word(&c, LOAD + 0x100 - (here(&c) + 4)); /* dec esi; jnz */
    end(&c);
    org(&c, f);
    OP(&c, 0xC3);
    return c;
}

static void returns_fall_back_to_the_hash_table(void **state)
{
    (void)state;
    struct code apart = returns(false), same = returns(true);
    struct machine *a = run(&apart, ""), *s = run(&same, ""), *h = run(&apart, "bt.return=0");
    /* The hypervisor is asked once or twice for each place. Who collides looks in the hash table, in the cache, ever after. */
    assert_in_range(counts(a).lookups, 1, 4);
    assert_in_range(counts(s).lookups, 1, 4);
    assert_in_range(counts(h).lookups, 1, 6);
    assert_true(cycles(s) > cycles(a) + 2000 * 5);
    assert_in_range(cycles(h), cycles(a) - cycles(a) / 100, cycles(a) + cycles(a) * 3 / 100); /* a hash that hits is as quick, but for waits on its loads */
    machine_free(a);
    machine_free(s);
    machine_free(h);
}

/* ---- 9,000 units of a jump to the next, gone through twice: more than a cache of 256 KB has places for */

static struct code chain(uint32_t units)
{
    struct code c = { .at = 0 };
    OP32(&c, LOAD + 0x8000, 0xBC), OP32(&c, 0x200000, 0xBF); /* mov esp, ...; mov edi, 2 MB */
    OP32(&c, units, 0xB9);                                  /* mov ecx, units */
    OP(&c, 0xC7, 0x07), word(&c, 0xE9);                     /* again: mov dword [edi], a jump to what is behind it */
    OP(&c, 0x83, 0xC7, 0x05, 0x49, 0x75, 0xF4);             /* add edi, 5; dec ecx; jnz again */
    OP(&c, 0xC6, 0x07, 0xC3);                               /* mov byte [edi], ret */
    OP32(&c, 0x200000, 0xB8);
    OP(&c, 0xFF, 0xD0, 0xFF, 0xD0);                         /* call eax; call eax */
    end(&c);
    return c;
}

static void a_larger_cache_holds_more_units(void **state)
{
    (void)state;
    struct code c = chain(9000);
    struct machine *small = run(&c, ""), *large = run(&c, "bt.cache=1024");
    assert_in_range(counts(small).units, 18000, 18100);
    assert_int_equal(counts(small).flushes, 2);
    assert_in_range(counts(large).units, 9000, 9050);
    assert_int_equal(counts(large).flushes, 0);
    assert_true(cycles(large) < cycles(small));
    machine_free(small);
    machine_free(large);
}

/* ---- stores to a page table and to a page that is none, by turns, by one instruction */

static struct code changing_mind(void)
{
    struct code c = { .at = 0 };
    OP32(&c, LOAD + 0x8000, 0xBC);
    OP32(&c, 0x110000, 0xC7, 0x05), word(&c, 0x83);         /* 4 MB as they are, the next by a page table */
    OP32(&c, 0x110004, 0xC7, 0x05), word(&c, 0x111003);
    OP32(&c, 0x111000, 0xC7, 0x05), word(&c, 0x112003);
    OP32(&c, 0x110000, 0xB8), OP(&c, 0x0F, 0x22, 0xD8);
    OP32(&c, 0x10, 0xB8), OP(&c, 0x0F, 0x22, 0xE0);
    OP(&c, 0x0F, 0x20, 0xC0), OP32(&c, 0x80000000, 0x0D), OP(&c, 0x0F, 0x22, 0xC0);
    OP32(&c, 0x400000, 0xA0);                               /* now it is a page table */
    OP32(&c, 0x113003, 0xB8), OP32(&c, 5, 0xBD);
    uint32_t round = here(&c);
    OP32(&c, 0x111004, 0xBF), OP32(&c, 40, 0xB9), jump(&c, 0xE8, LOAD + 0x200);
    OP32(&c, 0x115000, 0xBF), OP32(&c, 40, 0xB9), jump(&c, 0xE8, LOAD + 0x200);
    OP(&c, 0x4D, 0x0F, 0x85), word(&c, round - (here(&c) + 4));
    end(&c);
    org(&c, LOAD + 0x200);
    OP32(&c, 0x1000, 0x35), OP(&c, 0x89, 0x07, 0xE2, 0xF7, 0xC3); /* xor eax, 1000h; mov [edi], eax; loop; ret */
    return c;
}
enum { STORE = LOAD + 0x205 };

/* The faults after which the store was adapted, in order; ways back between them. */
static unsigned adaptations(const struct machine *m, unsigned *faults, unsigned room)
{
    const struct trace *t = machine_trace_of(m);
    unsigned n = 0;
    bool on = false;
    for (uint32_t id = 1; id <= trace_last(t); id++) {
        const struct event *e = trace_by_id(t, id);
        if (!e || e->kind != EV_ADAPT || e->u.ADAPT.insn != STORE) continue;
        assert_int_equal(e->u.ADAPT.simulate, !on);
        on = e->u.ADAPT.simulate;
        if (on && n < room) faults[n++] = e->u.ADAPT.faults;
    }
    return n;
}

static void adaptation_is_reversible_and_does_not_flap(void **state)
{
    (void)state;
    unsigned faults[8];
    struct code c = changing_mind();
    struct machine *m = run(&c, "");
    struct machine_summary s, rigid;
    assert_int_equal(adaptations(m, faults, 8), 4); /* the fifth would take 64 faults, and there are 40 */
    for (unsigned n = 0; n < 4; n++) assert_int_equal(faults[n], 4u << n);
    assert_int_equal(counts(m).adapted, 4);
    assert_int_equal(counts(m).reverted, 4);
    machine_summary(m, &s);
    machine_free(m);
    m = run(&c, "bt.faults=2");
    assert_int_equal(adaptations(m, faults, 8), 5);
    for (unsigned n = 0; n < 5; n++) assert_int_equal(faults[n], 2u << n);
    machine_free(m);
    m = run(&c, "bt.adaptive=0");
    machine_summary(m, &rigid);
    assert_int_equal(counts(m).adapted, 0);
    assert_int_equal(rigid.shadow.traced, 5 * 40);
    assert_in_range(s.shadow.traced, 4 + 8 + 16 + 32 + 40, 4 + 8 + 16 + 32 + 40 + 4);
    machine_free(m);
}

/* ---- a whole kernel, a part taken away at a time */

static void each_part_pays(void **state)
{
    (void)state;
    struct machine *full = mini("");
    struct machine_translation f = counts(full);
    size_t length, n;
    const char *said = machine_serial(full, &length);
    static const char *const sets[] = { "bt.chain=0", "bt.return=0", "bt.incache=0", "bt.adaptive=0", "bt.unit=1", "bt.cache=8" };
    enum { CHAIN, RETURN, INCACHE, ADAPTIVE, UNIT, CACHE, ALL };
    assert_int_equal(f.flushes, 0);
    assert_true(f.adapted > 0);
    for (unsigned k = 0; k < ALL; k++) {
        struct machine *m = mini(sets[k]);
        struct machine_translation t = counts(m);
        const char *text = machine_serial(m, &n);
        if (n != length || memcmp(text, said, n)) fail_msg("%s: mini said something else", sets[k]);
        assert_int_equal(t.untranslated, 0);
        switch (k) {
        case CHAIN: assert_true(!t.chains && t.continued > 100 * f.continued && cycles(m) > 5 * cycles(full)); break;
        case RETURN: assert_true(t.lookups > f.lookups && cycles(m) > cycles(full)); break;
        case INCACHE: assert_true(t.emulated > f.emulated + 1500 && cycles(m) > cycles(full)); break;
        case ADAPTIVE: assert_true(!t.adapted && !t.aliases && !t.noted); break;
        case UNIT: assert_true(t.insns < t.units + 10 /* STI takes one with it */ && t.units > 3 * f.units && cycles(m) > cycles(full)); break;
        default: assert_true(t.flushes > 5 && t.units > 4 * f.units && t.room == 8 << 10 && t.used <= t.room && cycles(m) > 2 * cycles(full)); break;
        }
        machine_free(m);
    }
    machine_free(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_branch_has_two_continuations),
        cmocka_unit_test(who_stands_behind_needs_no_jump),
        cmocka_unit_test(chains_lead_where_they_should),
        cmocka_unit_test(returns_fall_back_to_the_hash_table),
        cmocka_unit_test(a_larger_cache_holds_more_units),
        cmocka_unit_test(adaptation_is_reversible_and_does_not_flap),
        cmocka_unit_test(each_part_pays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
