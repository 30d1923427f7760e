/* Writable page tables, unhooked: a ported kernel stores into its tables by plain code, in ring 1 of a whole machine. The world is the
 * guest pvtest, stopped when it has done its good deeds, with two more tables and code of our own put where it would go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/board.h"
#include "sim/vmm/paravirt.h"
#include "tests/support/sanitized.h"

enum { RAM = 8, FIRST = 512 /* pseudo-physical pages for play */, TABLE, OTHER, DATA, DATAS = 16, CODE = DATA + DATAS, CODES = 3, DIRECTORY = CODE + CODES, UPPER };
enum { HOLE = 0x10000000 /* linear: what TABLE maps */, NEXT = HOLE + 0x400000, SLOT = HOLE >> 22, STABLE = 16 /* slots that lead to the data and stay */ };
#define BASE 0xC0000000u

static struct machine *m;
static struct paravirt *p;
static uint32_t root, code_bytes;
static uint8_t code[CODES * PAGE_SIZE];

static uint32_t mfn(uint32_t pfn) { return m->b->vmm.now->pseudo.map[pfn]; }
static uint32_t va(uint32_t pfn) { return BASE + (pfn << PAGE_SHIFT); }
static uint32_t entry(uint32_t pfn, uint32_t flags) { return mfn(pfn) << PAGE_SHIFT | flags; }
static uint32_t table_word(uint32_t pfn, uint32_t slot) { return pv_frame_read(p, mfn(pfn), slot * 4, 4); }

static void holds(const char *when)
{
    char why[160];
    if (!pv_check(p, why, sizeof why)) fail_msg("%s: %s", when, why);
}

static int32_t call(uint32_t number, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    const uint32_t arg[6] = { a, b, c, d };
    return pv_serve(p, number, arg);
}

static int32_t update(uint32_t frame, uint32_t slot, uint32_t value)
{
    struct xen_mmu_update u = { frame << PAGE_SHIFT | slot << 2, 0, value, 0 };
    assert_true(pv_write(p, va(FIRST), &u, sizeof u));
    return call(1, va(FIRST), 1, 0, XEN_DOM_SELF);
}

static int32_t new_base(uint32_t frame)
{
    struct xen_mmuext_op o = { XEN_NEW_BASE, frame, 0 };
    assert_true(pv_write(p, va(FIRST), &o, sizeof o));
    return call(26, va(FIRST), 1, 0, XEN_DOM_SELF);
}

static int32_t read_only(uint32_t pfn) { return call(14, va(pfn), entry(pfn, PTE_P), 0, XEN_UVMF_INVLPG); }

/* A table whose first entries lead to the data. */
static void make_table(uint32_t pfn, uint32_t slot)
{
    for (uint32_t i = 0; i < PTE_SLOTS; i++) {
        uint32_t e = i < STABLE ? entry(DATA + i, PTE_P | PTE_W) : 0;
        assert_true(pv_write(p, va(pfn) + i * 4, &e, 4));
    }
    assert_int_equal(read_only(pfn), 0);
    assert_int_equal(update(root, slot, entry(pfn, PTE_P | PTE_W | PTE_U)), 0);
}

static void world(bool unhook)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    cfg.ram_mib = RAM;
    strcpy(cfg.cpu, "pv");
    strcpy(cfg.image, "build/guests/pvtest.elf");
    if (!(m = machine_new(&cfg, &e))) fail_msg("%s", e.text);
    struct till forbidden = { .kind = TILL_LABEL };
    assert_true(machine_find_symbol(m, "forbidden", &forbidden.a));
    assert_int_equal(machine_run(m, &forbidden, 20000000), MACHINE_TILL);
    m->b->vmm.board.setting[SETTING_PV_UNHOOK] = unhook;
    p = m->b->vmm.now->vcpu.pv;
    root = p->mmu->base;
    cpu_set_cpl(&m->b->cpu, 0); /* calls are made as in a visit */
    pv_set_shared(p, VCPU_UPCALL_MASK, 1, 1);
    for (uint32_t i = 0; i < DATAS; i++)
        for (uint32_t at = 0; at < PAGE_SIZE; at += 4) assert_true(pv_write(p, va(DATA + i) + at, &(uint32_t){ i * 0x1234567 + at }, 4));
    make_table(TABLE, SLOT);
    make_table(OTHER, SLOT + 1);
    assert_int_equal(call(21, XEN_ASSIST_ENABLE, XEN_ASSIST_WRITABLE_TABLES, 0, 0), 0);
    code_bytes = 0;
}

static void put(unsigned n, const uint8_t *bytes)
{
    assert_true(code_bytes + n + 4 < sizeof code);
    memcpy(code + code_bytes, bytes, n);
    code_bytes += n;
}
#define OP(...) put(sizeof (uint8_t[]){ __VA_ARGS__ }, (const uint8_t[]){ __VA_ARGS__ })
static void word(uint32_t w) { put(4, (const uint8_t *)&w); }
static void set(unsigned reg, uint32_t value) { OP((uint8_t)(0xB8 + reg)), word(value); }
static void store_to(uint32_t at, uint32_t value) { OP(0xC7, 0x05), word(at), word(value); }
static void load_eax(uint32_t at) { OP(0xA1), word(at); }
enum { AX, CX, DX, BX, SP, BP, SI, DI };

/* Runs what was emitted, in ring 1, until it goes round at its end, or the domain dies. */
static void run(void)
{
    struct cpu *c = &m->b->cpu;
    OP(0xEB, 0xFE);
    assert_true(pv_write(p, va(CODE), code, code_bytes));
    uint32_t end = va(CODE) + code_bytes - 2;
    cpu_set_cpl(c, 1);
    c->eip = va(CODE);
    for (unsigned n = 0; n < 4000 && !(c->cpl == 1 && c->eip == end) && !p->v->vm->dead; n++) (void)machine_run(m, NULL, 50);
    if (!p->v->vm->dead) assert_int_equal(c->eip, end);
    holds("after the run");
    cpu_set_cpl(c, 0);
    code_bytes = 0;
}

static void done(void) { machine_free(m); }

/* ---- */

static uint64_t fill(bool unhook, uint32_t *first, uint32_t *last, uint64_t *cycles)
{
    world(unhook);
    *cycles = m->b->clock.now;
    uint64_t visits = m->b->vmm.visits;
    set(DI, va(TABLE) + STABLE * 4), set(AX, entry(DATA, PTE_P)), set(CX, 1000);
    OP(0x89, 0x07, 0x83, 0xC7, 0x04, 0x49, 0x75, 0xF8); /* again: mov [edi], eax; add edi, 4; dec ecx; jnz again */
    load_eax(HOLE + STABLE * PAGE_SIZE + 16);           /* by one of the new entries */
    OP(0x89, 0xC3);
    run();
    visits = m->b->vmm.visits - visits;
    *cycles = m->b->clock.now - *cycles;
    assert_int_equal(m->b->cpu.reg[BX], 16);
    *first = table_word(TABLE, STABLE), *last = table_word(TABLE, STABLE + 999);
    assert_int_equal(p->mmu->frame[mfn(DATA)].refs, 1 + 3 + 1000); /* its allocation, three places, and these */
    return visits;
}

static void a_thousand_stores_are_one_fault(void **state)
{
    (void)state;
    uint32_t first[2], last[2];
    uint64_t cycles[2], many = fill(false, &first[0], &last[0], &cycles[0]);
    assert_int_equal(p->mmu->stats.traced, 1000 + 2); /* and pvtest's own */
    assert_int_equal(p->mmu->stats.unhooked, 0);
    done();
    uint64_t few = fill(true, &first[1], &last[1], &cycles[1]);
    print_message("# 1000 stores and a load: %llu visits, %llu cycles emulated; %llu visits, %llu cycles unhooked\n", (unsigned long long)many,
                  (unsigned long long)cycles[0], (unsigned long long)few, (unsigned long long)cycles[1]);
    assert_true(cycles[1] < cycles[0]);
    assert_int_equal(p->mmu->stats.traced, 1 + 2);
    assert_int_equal(p->mmu->stats.unhooked, 1);
    assert_int_equal(p->mmu->stats.rehooked, 1);
    assert_true(many >= 1000 && few <= 2 + many - 1000);
    assert_int_equal(first[0], first[1]);
    assert_int_equal(last[0], last[1]);
    assert_int_equal(last[0], entry(DATA, PTE_P));
    done();
}

/* The first store is the kernel's own page fault, as ever; a later one ends the domain, and counts are right. */
static void what_is_not_allowed_is_refused(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 5; which++) {
        world(true);
        uint32_t bad[] = { p->area << PAGE_SHIFT | PTE_P, entry(TABLE, PTE_P | PTE_W), entry(OTHER, PTE_P | PTE_W), entry(DATA, PTE_P | PTE_PS), 0xFFFFF000 | PTE_P };
        static const enum direct_rule rule[] = { DIRECT_FOREIGN, DIRECT_TYPE, DIRECT_TYPE, DIRECT_BITS, DIRECT_FOREIGN };
        uint32_t refused = p->mmu->refused[rule[which]];
        store_to(va(TABLE) + 100 * 4, entry(DATA + 1, PTE_P | PTE_W));
        store_to(va(TABLE) + 101 * 4, entry(DATA + 2, PTE_P | PTE_W));
        store_to(va(TABLE) + 102 * 4, bad[which]);
        store_to(va(TABLE) + 103 * 4, entry(DATA + 3, PTE_P | PTE_W));
        run();
        assert_false(p->v->vm->dead); /* nobody has looked */
        assert_int_equal(p->mmu->unhooked.frame, mfn(TABLE));
        assert_int_equal(table_word(TABLE, 102), bad[which]);
        load_eax(HOLE);
        run();
        assert_true(p->v->vm->dead);
        assert_int_equal(p->v->vm->why, DEATH_TABLE);
        assert_int_equal(p->mmu->refused[rule[which]], refused + 1);
        assert_int_equal(table_word(TABLE, 101), entry(DATA + 2, PTE_P | PTE_W));
        assert_int_equal(table_word(TABLE, 102), 0);
        assert_int_equal(table_word(TABLE, 103), 0);
        holds("refused");
        done();
    }
}

static void a_first_store_that_is_refused_unhooks_nothing(void **state)
{
    (void)state;
    world(true);
    assert_true(p->trap[VEC_PF].address);
    uint32_t types = p->mmu->refused[DIRECT_TYPE];
    p->trap[VEC_PF].address = va(CODE) + 10 + 2; /* behind the store and a jump to itself: where the run ends */
    store_to(va(TABLE) + 100 * 4, entry(TABLE, PTE_P | PTE_W));
    OP(0xEB, 0xFE);
    run();
    assert_false(p->v->vm->dead);
    assert_int_equal(p->mmu->stats.unhooked, 0);
    assert_int_equal(table_word(TABLE, 100), 0);
    assert_int_equal(p->mmu->refused[DIRECT_TYPE], types + 1);
    done();
}

static void unhooked(void)
{
    store_to(va(TABLE) + 100 * 4, entry(DATA + 1, PTE_P | PTE_W));
    store_to(va(TABLE) + 101 * 4, entry(DATA + 2, PTE_P));
    run();
    assert_int_equal(p->mmu->unhooked.frame, mfn(TABLE));
    assert_false(pv_frame_read(p, root, SLOT * 4, 4) & PTE_P);
    assert_int_equal(p->mmu->frame[mfn(DATA + 2)].refs, 4); /* not judged yet */
}

static void hooked(const char *when)
{
    assert_int_equal(p->mmu->unhooked.frame, FRAME_NONE);
    assert_true(pv_frame_read(p, root, SLOT * 4, 4) & PTE_P);
    assert_int_equal(p->mmu->frame[mfn(DATA + 2)].refs, 5);
    assert_false(p->v->vm->dead);
    holds(when);
}

static void whatever_looks_at_tables_puts_it_back(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 6; which++) {
        world(true);
        unhooked();
        uint32_t word_there = 0;
        switch (which) {
        case 0: assert_int_equal(call(17, 0, 0, 0, 0) >> 16, 3); break;
        case 1: assert_int_equal(call(14, HOLE + 100 * PAGE_SIZE, 0, 0, XEN_UVMF_INVLPG), 0); break;
        case 2: assert_int_equal(new_base(root), 0); break;
        case 3: assert_true(pv_read(p, HOLE + 4, &word_there, 4)); assert_int_equal(word_there, 4); break; /* the hypervisor itself, by the hole */
        case 4: p->v->ops->away(p->v), p->v->ops->back(p->v); break;
        default: store_to(va(OTHER) + 100 * 4, entry(DATA + 3, PTE_P)), run(); /* a second one */
        }
        if (which == 5) assert_int_equal(p->mmu->unhooked.frame, mfn(OTHER)), (void)call(17, 0, 0, 0, 0);
        hooked("put back");
        store_to(va(TABLE) + 102 * 4, 0); /* and read-only: this is a fault again */
        uint64_t traced = p->mmu->stats.traced;
        run();
        assert_int_equal(p->mmu->stats.traced, traced + 1);
        done();
    }
}

/* Two directories have it; then each store is emulated, and switching between them keeps the counts. */
static void a_table_in_two_directories_is_never_unhooked(void **state)
{
    (void)state;
    world(true);
    for (uint32_t i = 0; i < PTE_SLOTS; i++) {
        uint32_t e = i < DIRECT_SLOTS ? pv_frame_read(p, root, i * 4, 4) : 0;
        if (e >> PAGE_SHIFT == root) e = 0;
        assert_true(pv_write(p, va(DIRECTORY) + i * 4, &e, 4));
    }
    unhooked();
    assert_int_equal(read_only(DIRECTORY), 0);
    hooked("for a hypercall");
    assert_int_equal(new_base(mfn(DIRECTORY)), 0);
    holds("another directory");
    uint64_t was = p->mmu->stats.unhooked, traced = p->mmu->stats.traced;
    for (unsigned i = 0; i < 5; i++) store_to(va(TABLE) + (200 + i) * 4, entry(DATA, PTE_P));
    run();
    bool pinned = p->mmu->frame[root].uses; /* the old directory lives on only if it was pinned */
    assert_int_equal(p->mmu->stats.unhooked, was + !pinned);
    assert_int_equal(p->mmu->stats.traced, traced + (pinned ? 5 : 1));
    done();
}

/* Instructions that need the table while they store to it: each is done once, and the next goes on. */
static void instructions_that_store_to_their_own_way(void **state)
{
    (void)state;
    world(true);
    set(SI, HOLE + 8), set(DI, va(TABLE) + 64 * 4), set(CX, 4); /* copies data, read by the table, into the table: not present */
    assert_true(pv_write(p, va(DATA) + 8, (const uint32_t[]){ 0x1110, 0x2220, 0x3330, 0x4440 }, 16));
    OP(0xF3, 0xA5);
    run();
    assert_false(p->v->vm->dead);
    for (uint32_t i = 0; i < 4; i++) assert_int_equal(table_word(TABLE, 64 + i), 0x1110 * (i + 1));
    assert_int_equal(update(mfn(TABLE), STABLE, entry(TABLE, PTE_P)), 0); /* it maps itself */
    uint64_t was = p->mmu->stats.unhooked;
    for (unsigned i = 0; i < 5; i++) store_to(HOLE + STABLE * PAGE_SIZE + (300 + i) * 4, entry(DATA, PTE_P));
    run();
    assert_int_equal(p->mmu->stats.unhooked, was);
    assert_int_equal(table_word(TABLE, 304), entry(DATA, PTE_P));
    /* Mapped at the end of one table and at the beginning of its own: a store across both. */
    assert_int_equal(update(mfn(TABLE), 0, entry(TABLE, PTE_P)), 0);
    for (uint32_t i = 0; i < PTE_SLOTS; i++) assert_true(pv_write(p, va(UPPER) + i * 4, &(uint32_t){ i == 1023 ? entry(TABLE, PTE_P) : 0 }, 4));
    assert_int_equal(read_only(UPPER), 0);
    assert_int_equal(update(root, SLOT - 1, entry(UPPER, PTE_P | PTE_W)), 0);
    set(CX, 10);
    store_to(HOLE - 2, (entry(TABLE, PTE_P) & 0xFFFF) << 16 | 0xABCD);
    OP(0x49, 0x75, 0xF3); /* dec ecx; jnz to the store */
    run();
    assert_false(p->v->vm->dead);
    assert_int_equal(m->b->cpu.reg[CX], 0);
    assert_int_equal(table_word(TABLE, 1023), 0xABCD0000);
    assert_int_equal(table_word(TABLE, 0) & ~(uint32_t)(PTE_A | PTE_D), entry(TABLE, PTE_P));
    assert_true(p->mmu->stats.unhooked >= was + 10);
    done();
}

/* ---- random kernels, both ways */

static uint32_t seed;
static uint32_t below(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

static uint32_t some_entry(void)
{
    static const uint8_t flags[] = { 0, PTE_P, PTE_P | PTE_W, PTE_P | PTE_W | PTE_U, PTE_P | PTE_U, PTE_W };
    return entry(DATA + below(DATAS), flags[below(sizeof flags)]);
}

static void some_instruction(void)
{
    static const uint8_t bits[] = { 0x01, 0x02, 0x04, 0x10, 0x03 };
    uint32_t at = va(below(3) ? TABLE : OTHER) + (STABLE + below(PTE_SLOTS - STABLE)) * 4, data = (below(2) ? HOLE : NEXT) + below(STABLE) * PAGE_SIZE + below(1000) * 4;
    switch (below(16)) {
    case 0: set(AX, some_entry()), OP(0x87, 0x05), word(at), OP(0x01, 0xC5); break;               /* xchg [at], eax; add ebp, eax */
    case 1: load_eax(at), set(DX, some_entry()), OP(0xF0, 0x0F, 0xB1, 0x15), word(at); break;      /* lock cmpxchg [at], edx */
    case 2: OP(0x80, 0x0D), word(at), put(1, &bits[below(sizeof bits)]); break;                    /* or byte [at], n */
    case 3: OP(0x80, 0x25), word(at), OP(0xFE); break;                                             /* and byte [at], FE */
    case 4: OP(0x03, 0x2D), word(at); break;                                                       /* add ebp, [at] */
    case 5: OP(0x33, 0x2D), word(data); break;                                                     /* xor ebp, [data] */
    case 6: store_to(data, below(1 << 30)); break;
    case 7: set(DI, at), set(CX, 1 + below(6)), set(AX, some_entry()), OP(0x81, 0xE7), word(~0x3Fu), OP(0xF3, 0xAB); break; /* and edi; rep stosd */
    case 8: if (!below(3)) set(AX, 17), set(BX, 0), set(CX, 0), OP(0xCD, 0x82); break;
    default: store_to(at, some_entry());
    }
}

struct end { uint32_t reg[8], frame[UPPER - TABLE + 1][PAGE_SIZE / 4], refs[UPPER - TABLE + 1]; };

static void random_kernel(uint32_t n, bool unhook, struct end *e, uint64_t *unhooks, uint64_t *traced)
{
    world(unhook);
    seed = n * 2654435761u;
    set(BP, 0);
    for (unsigned t = 0; t < 2; t++) /* every entry names a frame of its own, so that parts of it can be stored */
        set(DI, va(t ? OTHER : TABLE) + STABLE * 4), set(CX, PTE_SLOTS - STABLE), set(AX, entry(DATA, 0)), OP(0xF3, 0xAB);
    for (unsigned i = 0; i < 120; i++) some_instruction();
    run();
    if (p->v->vm->dead) fail_msg("kernel %u, %s: dead", n, unhook ? "unhooked" : "emulated");
    memcpy(e->reg, m->b->cpu.reg, sizeof e->reg);
    *traced += p->mmu->stats.traced - 2;
    (void)call(17, 0, 0, 0, 0);
    holds("at the end");
    *unhooks += p->mmu->stats.unhooked;
    assert_int_equal(p->mmu->stats.unhooked, p->mmu->stats.rehooked);
    for (uint32_t f = TABLE; f <= UPPER; f++) {
        bus_peek(&m->b->bus, hpa(mfn(f) << PAGE_SHIFT), e->frame[f - TABLE], PAGE_SIZE);
        e->refs[f - TABLE] = p->mmu->frame[mfn(f)].refs;
    }
    for (uint32_t t = 0; t < 2; t++)
        for (uint32_t i = 0; i < STABLE; i++) e->frame[t][i] &= ~(uint32_t)(PTE_A | PTE_D); /* when the TLB forgot them is not the guest's */
    done();
}

static void random_kernels_end_the_same(void **state)
{
    (void)state;
    static struct end a, b;
    uint64_t unhooks = 0, emulated = 0, faults = 0, none = 0;
    enum { KERNELS = SANITIZED ? 20 : 100 };
    for (uint32_t n = 1; n <= KERNELS; n++) {
        random_kernel(n, false, &a, &none, &emulated);
        random_kernel(n, true, &b, &unhooks, &faults);
        for (unsigned r = 0; r < 8; r++)
            if (r != SP && a.reg[r] != b.reg[r]) fail_msg("kernel %u: register %u: %X emulated, %X unhooked", n, r, a.reg[r], b.reg[r]);
        if (memcmp(a.refs, b.refs, sizeof a.refs)) fail_msg("kernel %u: counts differ", n);
        for (unsigned f = 0; f <= UPPER - TABLE; f++)
            for (unsigned i = 0; i < PAGE_SIZE / 4; i++)
                if (a.frame[f][i] != b.frame[f][i]) fail_msg("kernel %u: page %u, word %u: %X emulated, %X unhooked", n, f, i, a.frame[f][i], b.frame[f][i]);
    }
    print_message("# %d kernels: %llu stores emulated, or %llu and %llu unhooked\n", KERNELS, (unsigned long long)emulated, (unsigned long long)faults, (unsigned long long)unhooks);
    assert_int_equal(none, 0);
    assert_true(unhooks > 10 * KERNELS && faults < emulated / 2);
}

/* ---- time travel */

static uint64_t image(void) /* of all memory, and of what the hypervisor knows */
{
    uint64_t h = 14695981039346656037u;
    const uint8_t *part[] = { m->ram, (const uint8_t *)p->mmu, (const uint8_t *)m->b->cpu.reg };
    const size_t size[] = { (size_t)m->frames << PAGE_SHIFT, sizeof *p->mmu, sizeof m->b->cpu.reg };
    for (unsigned k = 0; k < 3; k++)
        for (size_t i = 0; i < size[k]; i++) h = (h ^ part[k][i]) * 1099511628211u;
    return h ^ m->b->clock.now;
}

/* Before, in the middle and after: back from each to each, the middle is the same middle, and leads to the same end. */
static void going_back_into_the_middle(void **state)
{
    (void)state;
    world(true);
    for (unsigned i = 0; i < 40; i++) store_to(va(TABLE) + (100 + i) * 4, entry(DATA + i % DATAS, PTE_P | PTE_W));
    load_eax(HOLE + 107 * PAGE_SIZE);
    store_to(va(OTHER) + 100 * 4, entry(DATA, PTE_P));
    OP(0xEB, 0xFE);
    assert_true(pv_write(p, va(CODE), code, code_bytes));
    struct cpu *c = &m->b->cpu;
    cpu_set_cpl(c, 1);
    c->eip = va(CODE);
    snapshots_forget(m); /* history begins here */
    enum { BEFORE, MIDDLE, LATER, AFTER, MOMENTS };
    uint64_t moment[MOMENTS], was[MOMENTS], begin = machine_insns(m);
    const uint32_t frame[MOMENTS] = { FRAME_NONE, mfn(TABLE), mfn(TABLE), mfn(OTHER) };
    for (unsigned k = 0; k < MOMENTS; k++) {
        while (machine_insns(m) < begin + (k == BEFORE ? 0 : k == MIDDLE ? 12 : k == LATER ? 30 : 200)) (void)machine_run(m, NULL, 1);
        moment[k] = machine_insns(m);
        was[k] = image();
        assert_int_equal(p->mmu->unhooked.frame, frame[k]);
    }
    assert_int_equal(p->mmu->stats.unhooked, 2);
    static const uint8_t tour[] = { MIDDLE, AFTER, LATER, MIDDLE, BEFORE, LATER, AFTER, BEFORE, MIDDLE, LATER, AFTER };
    for (unsigned i = 0; i < sizeof tour; i++) {
        assert_true(machine_goto(m, moment[tour[i]]));
        assert_int_equal(p->mmu->unhooked.frame, frame[tour[i]]);
        if (image() != was[tour[i]]) fail_msg("stop %u of the tour, moment %u, is not what it was", i, tour[i]);
        char why[160];
        if (!pv_check(p, why, sizeof why)) fail_msg("stop %u: %s", i, why);
    }
    struct machine_summary s;
    machine_summary(m, &s);
    assert_int_equal(s.shadow.unhooked, 2);
    assert_int_equal(s.shadow.rehooked, 1);
    done();
}

#define T(f) cmocka_unit_test(f)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_thousand_stores_are_one_fault), T(what_is_not_allowed_is_refused), T(a_first_store_that_is_refused_unhooks_nothing),
        T(whatever_looks_at_tables_puts_it_back), T(a_table_in_two_directories_is_never_unhooked), T(instructions_that_store_to_their_own_way),
        T(random_kernels_end_the_same), T(going_back_into_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
