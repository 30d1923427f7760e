/* Fast operations against the handlers they stand for, and against single-stepping.
 *
 * Two machines in the same world: one runs blocks as fast operations, the other has no blocks and is stepped, so it knows
 * exec_*.c only. Random programs of hot instructions (and some of everything), random registers, small segments, 16-bit
 * stacks, ring 3, pages that may not be written, stores into the code that runs, a timer that interrupts. Registers, flags,
 * memory, cycles, counts, TLBs: all must be equal, wherever the two are looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/cpu/exec.h"
#include "sim/cpu/op.h"
#include "tests/support/cpu_case.h"
#include "tests/support/sanitized.h"

enum {
    CODE = 0x10000, CODE_PAGES = 3, CODE_BYTES = CODE_PAGES * PAGE_SIZE, DATA = FAKE_DATA, DATA_BYTES = 0x4000,
    STACK = FAKE_STACK, GDT = 0x2000, IDT = 0x3000, HANDLER = 0x5000, TICK = 0x20
};

static uint64_t seed = 1;
static uint32_t rnd(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) ^ (uint32_t)(seed >> 11);
}
static uint32_t below(uint32_t n) { return rnd() % n; }

static struct fake fast, slow;
static struct fake *const both[2] = { &fast, &slow };

/* Every vector halts, but the timer's returns. */
static void tables(struct fake *w)
{
    static const uint32_t gdt[6] = { 0, 0, 0x0000FFFF, 0x00CF9A00, 0x0000FFFF, 0x00CF9200 };
    fake_put(w, GDT, gdt, sizeof gdt);
    for (unsigned v = 0; v < 256; v++) {
        fake_put32(w, IDT + 8 * v, 0x00080000u | (HANDLER + 16 * v));
        fake_put32(w, IDT + 8 * v + 4, 0x00008E00);
        fake_put(w, HANDLER + 16 * v, &(uint8_t){ v == TICK ? 0xCF : 0xF4 }, 1);
    }
    w->cpu.gdtr = (struct table_reg){ GDT, 23 };
    w->cpu.idtr = (struct table_reg){ IDT, 2047 };
}

/* A timer interrupt now and then. A repeated string instruction that takes for ever is cut short, or so would be the test. */
static struct ticker { struct timer timer; struct fake *w; } ticker[2];
static void tick(void *self, uint64_t when)
{
    struct ticker *t = self;
    if (t->w->cpu.reg[ECX] > 64) t->w->cpu.reg[ECX] = 64;
    fake_irq(t->w, TICK);
    timeq_arm(&t->w->timers, &t->timer, when + 1511);
}

/* At every port: notes when it was asked and by whom, answers with that, and sometimes interrupts, at once or soon, or changes
 * what addresses mean (as the A20 gate does). */
static struct gadget { struct device device; struct timer timer; struct fake *w; uint32_t seen; } gadget[2];
static uint32_t gadget_read(struct device *d, uint32_t port, unsigned size)
{
    struct gadget *g = (struct gadget *)d;
    const struct cpu *c = &g->w->cpu;
    g->seen = (g->seen ^ port ^ size ^ c->eip ^ (uint32_t)c->insns) * 0x9E3779B1u + (uint32_t)g->w->clock.now;
    return g->seen >> 7;
}
static void gadget_soon(void *self, uint64_t when)
{
    (void)when;
    fake_irq(((struct gadget *)self)->w, TICK);
}
static void gadget_write(struct device *d, uint32_t port, unsigned size, uint32_t value)
{
    struct gadget *g = (struct gadget *)d;
    uint32_t how = gadget_read(d, port ^ value, size) >> 20 & 15;
    if (how == 0) fake_irq(g->w, TICK);
    if (how == 1) timeq_arm(&g->w->timers, &g->timer, g->w->clock.now + (value & 31));
    if (how != 2) return;
    g->w->cpu.env.flush(g->w->cpu.env.mmu, true);
    g->w->cpu.break_at = 0;
}
static const struct device_ops gadget_ops = { .name = "gadget", .read = gadget_read, .write = gadget_write };

static int setup(void **s)
{
    (void)s;
    seed = 1;
    for (unsigned k = 0; k < 2; k++) {
        fake_init(both[k], k == 0);
        tables(both[k]);
        ticker[k] = (struct ticker){ .timer = { .fire = tick, .self = &ticker[k] }, .w = both[k] };
        timeq_arm(&both[k]->timers, &ticker[k].timer, 1000);
        gadget[k] = (struct gadget){ .device = { &gadget_ops }, .timer = { .fire = gadget_soon, .self = &gadget[k] }, .w = both[k] };
        assert_true(bus_attach(&both[k]->bus, BUS_PORT, 0, 0x10000, 0, &gadget[k].device, NULL));
    }
    return 0;
}

/* Caches so small that they miss all the time; and larger ones, with three levels. */
static int setup_caches(void **s)
{
    static const struct fake_row rows[][14] = {
        { { "l1i.kb", 1 }, { "l1i.ways", 2 }, { "l1d.kb", 1 }, { "l1d.ways", 2 }, { "l2.kb", 4 }, { "l2.ways", 4 },
          { "tlb2.entries", 16 }, { "tlb2.ways", 2 }, { "tlb2.stall", 9 }, { "tlb.large_data", 4 }, { NULL, 0 } },
        { { "l1i.kb", 1 }, { "l1i.ways", 4 }, { "l1d.kb", 1 }, { "l1d.ways", 8 }, { "l2.kb", 0 }, { NULL, 0 } },
        { { "l1i.kb", 4 }, { "l1i.ways", 4 }, { "l1d.kb", 4 }, { "l1d.ways", 8 }, { "l2.kb", 8 }, { "l2.ways", 8 }, { "l3.kb", 16 },
          { "l3.ways", 16 }, { "l3.stall", 40 }, { "l3.inclusive", 1 }, { NULL, 0 } },
        { { "l1i.kb", 2 }, { "l1i.ways", 1 }, { "l1d.kb", 2 }, { "l1d.ways", 1 }, { "l2.kb", 4 }, { "l2.ways", 1 }, { "l2.inclusive", 1 },
          { "tlb.large_data", 0 }, { "tlb.large_code", 0 }, { NULL, 0 } },
        { { NULL, 0 } }
    };
    static unsigned n;
    if (setup(s)) return -1;
    for (unsigned k = 0; k < 2; k++) fake_caches(both[k], rows[n % (sizeof rows / sizeof rows[0])]);
    n++;
    return 0;
}

static int teardown(void **s)
{
    (void)s;
    bool equal = !memcmp(fast.ram, slow.ram, FAKE_RAM);
    for (unsigned k = 0; k < 2; k++) fake_done(both[k]);
    assert_true(equal);
    return 0;
}

/* ---- programs ---- */

/* Hot opcodes; FF: any byte at all. Operands are random, so memory operands go by the registers of the episode. */
static const uint8_t hot[] = {
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x09, 0x0B, 0x11, 0x13, 0x19, 0x1B, 0x21, 0x23, 0x28, 0x29, 0x2B, 0x2A, 0x31, 0x33,
    0x38, 0x39, 0x3A, 0x3B, 0x3C, 0x3D, 0x40, 0x43, 0x48, 0x4F, 0x50, 0x53, 0x55, 0x58, 0x5B, 0x5D, 0x68, 0x69, 0x6A, 0x6B,
    0x72, 0x74, 0x75, 0x77, 0x7C, 0x7F, 0x80, 0x81, 0x83, 0x84, 0x85, 0x87, 0x88, 0x89, 0x8A, 0x8B, 0x8D, 0x90, 0x93, 0x98,
    0x99, 0xA0, 0xA1, 0xA3, 0xA4, 0xA5, 0xA8, 0xA9, 0xAA, 0xAB, 0xB0, 0xB7, 0xB8, 0xBE, 0xC0, 0xC1, 0xC3, 0xC6, 0xC7, 0xC9, 0xD1,
    0x60, 0x61, 0xD3, 0xE2, 0xE8, 0xE9, 0xEB, 0xF6, 0xF7, 0xFE, 0xFF, 0x9C, 0x9D, 0xFA, 0xFB, 0xF9, 0xF5, 0xE4,
    0xE6, 0xEC, 0xEE
};
static const uint8_t hot_two[] = { 0x44, 0x4C, 0x45, 0x84, 0x8F, 0x92, 0x9D, 0x9E, 0xA3, 0xAF, 0xB6, 0xB7, 0xBE, 0xBF, 0xC8, 0xC1,
                                   0x4F, 0x95, 0xA2, 0x31 };

/* Branches whose displacement is random lead nowhere; these get one within the code. */
static void aim(uint8_t *at, const struct insn *i)
{
    uint32_t near = (uint32_t)((int32_t)below(96) - 48), far = (uint32_t)((int32_t)below(CODE_BYTES) - CODE_BYTES / 2);
    if (i->form != FORM_I || (i->id != MN_JMP && i->id != MN_CALL && i->id != MN_JCC)) return;
    if (i->len < 5) at[i->len - 1] = (uint8_t)near;
    else memcpy(at + i->len - 4, &far, 4);
}

static unsigned one_instruction(uint8_t *at)
{
    static const uint32_t bases[] = { DATA, DATA + 0x3FF0, CODE, STACK - 64 };
    struct insn i;
    for (;;) {
        for (unsigned k = 0; k < 15; k++) at[k] = (uint8_t)rnd();
        unsigned n = 0;
        if (!below(12)) at[n++] = 0x66;
        if (!below(40)) at[n++] = (uint8_t[]){ 0x64, 0x2E, 0x36, 0x67, 0xF3, 0xF2 }[below(6)];
        if (!below(5)) {
            at[n++] = 0x0F;
            at[n] = below(2) ? hot_two[below(sizeof hot_two)] : (uint8_t)((below(2) ? 0x40 : below(2) ? 0x80 : 0x90) + below(16));
        } else if (below(60)) {
            at[n] = hot[below(sizeof hot)];
            if (!below(3)) at[n] = (uint8_t)(below(8) * 8 + below(6)); /* ADD to CMP, every form */
            if (!below(20)) at[n] = (uint8_t)(0x70 + below(16));
        }
        if (!below(2)) at[n + 1] |= 0xC0; /* registers only: longer stretches without a look at the flags */
        if (insn_decode(at, 15, (struct insn_mode){ true }, slow.model.cost, &i) != DECODE_OK || i.id == MN_HLT) continue;
        if (i.flags & INSN_MEM && i.base == REG_NONE && i.index == REG_NONE && i.len >= 5 && below(4)) {
            uint32_t to = bases[below(4)] + below(64);
            for (unsigned k = 1; k + 4 <= i.len; k++)
                if (!memcmp(at + k, &i.disp, 4)) memcpy(at + k, &to, 4);
        }
        aim(at, &i);
        return i.len;
    }
}

static void new_code(void)
{
    uint8_t bytes[CODE_BYTES + 16];
    unsigned n = 0;
    while (n < CODE_BYTES) n += one_instruction(bytes + n);
    for (unsigned k = 0; k < 2; k++) fake_put(both[k], CODE, bytes, CODE_BYTES);
}

static uint32_t some_value(void)
{
    switch (below(8)) {
    case 0: case 1: return DATA + below(DATA_BYTES);
    case 2: return below(64);
    case 3: return below(40) ? DATA + below(16) * 4 : CODE + below(CODE_BYTES);
    case 4: return DATA + below(4) * PAGE_SIZE + PAGE_SIZE - below(5);
    case 5: return 0u - below(4);
    case 6: return 0x80000000u >> below(32);
    default: return rnd();
    }
}

/* Registers and a mode, the same for both. */
static void new_state(void)
{
    struct cpu *a = &fast.cpu, *b = &slow.cpu;
    for (unsigned r = 0; r < 8; r++) a->reg[r] = b->reg[r] = some_value();
    if (below(16)) a->reg[ESP] = b->reg[ESP] = STACK - below(64) * 4;
    uint32_t eip = CODE + below(CODE_BYTES), flags = (rnd() & FLAGS_ARITH) | (below(2) ? FLAG_IF : 0) | (below(30) ? 0 : FLAG_TF);
    unsigned mode = below(8), seg = below(6);
    uint32_t limit = DATA + below(DATA_BYTES);
    for (unsigned k = 0; k < 2; k++) {
        struct cpu *c = &both[k]->cpu;
        for (unsigned n = 0; n < SEG_COUNT; n++) cpu_seg_set(&c->seg[n], 0x10, 0x0000FFFF, 0x00CF9300);
        cpu_seg_set(&c->seg[SEG_CS], 0x08, 0x0000FFFF, 0x00CF9B00);
        cpu_set_cpl(c, 0);
        c->halted = c->shutdown = c->pause = false;
        c->trap = c->hits = 0;
        c->inhibit = c->rf_at = c->hold = UINT64_MAX;
        c->eip = eip;
        cpu_set_flags(c, flags);
        if (mode == 0) c->seg[SEG_SS].ar &= (uint16_t)~AR_DB;
        if (mode == 1) {
            c->seg[seg].limit = seg == SEG_CS ? CODE + 0x1800 : limit;
            cpu_seg_limits(&c->seg[seg]);
        }
        if (mode == 2) c->seg[seg == SEG_CS ? SEG_GS : seg].base = 4 * seg;
        if (mode == 3) cpu_set_cpl(c, 3);
        c->break_at = 0;
    }
}

/* ---- comparing ---- */

static void same(uint32_t a, uint32_t b, const char *what, unsigned round)
{
    if (a != b) fail_msg("round %u: %s is %X, stepped it is %X; EIP %X and %X", round, what, a, b, fast.cpu.eip, slow.cpu.eip);
}

static uint32_t page_of(const struct tlb *t, unsigned set, unsigned place)
{
    const struct tlb_entry *e = tlb_in_order(t, set, place);
    return e->valid ? e->page : 1;
}
static void same_tlb(const struct tlb *a, const struct tlb *b, unsigned round)
{
    for (unsigned k = 0; k < TLB_CODE_SETS; k++)
        for (unsigned w = 0; w < TLB_WAYS; w++) same(page_of(a, k, w), page_of(b, k, w), "a TLB entry", round);
    if (a->lines || a->code) same((uint32_t)a->hits, (uint32_t)b->hits, "hits of older TLB entries", round);
    same((uint32_t)a->misses, (uint32_t)b->misses, "TLB misses", round);
}

static void compare(unsigned round)
{
    static const char *const names[] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi" };
    const struct cpu *a = &fast.cpu, *b = &slow.cpu;
    for (unsigned r = 0; r < 8; r++) same(a->reg[r], b->reg[r], names[r], round);
    same(a->eip, b->eip, "eip", round);
    same(cpu_flags(a), cpu_flags(b), "eflags", round);
    same((uint32_t)a->insns, (uint32_t)b->insns, "boundaries", round);
    same((uint32_t)a->extra, (uint32_t)b->extra, "deliveries", round);
    same((uint32_t)fast.clock.now, (uint32_t)slow.clock.now, "cycles", round);
    same(a->cr2, b->cr2, "cr2", round);
    same(gadget[0].seen, gadget[1].seen, "what the device saw", round);
    same(a->fault.vector, b->fault.vector, "the fault", round);
    same(a->dr[6], b->dr[6], "dr6", round);
    same_tlb(&a->dtlb, &b->dtlb, round);
    same_tlb(&a->itlb, &b->itlb, round);
    if (a->timed) {
        same((uint32_t)a->refs, (uint32_t)b->refs, "references", round);
        same((uint32_t)a->fetch.fetches, (uint32_t)b->fetch.fetches, "fetches of lines", round);
    }
    const char *caches = fake_caches_differ(&fast, &slow);
    if (caches) fail_msg("round %u: %s, EIP %X", round, caches, a->eip);
    if (!clock_check(&fast.clock) || !clock_check(&slow.clock)) fail_msg("round %u: cycles without a cause", round);
    /* All of it seldom: nothing but programs, and new code, changes it, and what is not the same stays so. */
    bool all = round % 16 == 0;
    if (memcmp(fast.ram + (all ? 0 : CODE), slow.ram + (all ? 0 : CODE), all ? FAKE_RAM : CODE_BYTES)) fail_msg("round %u: memory differs", round);
}

/* Both go the same number of boundaries; the stepped one, one by one. */
static bool advance(unsigned n)
{
    enum cpu_stop a = cpu_run(&fast.cpu, n), b = CPU_BUDGET;
    for (unsigned k = 0; k < n && b == CPU_BUDGET; k++) b = cpu_run(&slow.cpu, 1);
    if (a != b)
        fail_msg("stopped for %d, stepped for %d: EIP %X and %X, boundaries %X and %X", a, b, fast.cpu.eip, slow.cpu.eip,
                 (unsigned)fast.cpu.insns, (unsigned)slow.cpu.insns);
    return a == CPU_BUDGET;
}

static void blocks_are_single_steps(void **s)
{
    (void)s;
    enum { ROUNDS = SANITIZED ? 1500 : 3000 };
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (round % 50 == 0) new_code();
        if (round % 20 == 0) {
            uint32_t page = below(3) ? DATA + below(4) * PAGE_SIZE : CODE + below(CODE_PAGES) * PAGE_SIZE;
            unsigned rights = below(4) ? FAKE_ALL : below(2) ? FAKE_P | FAKE_U : FAKE_P | FAKE_W;
            for (unsigned k = 0; k < 2; k++) {
                fake_page(both[k], page, rights);
                if (both[k]->cpu.timed) fake_paging(both[k], round % 40);
                else both[k]->cpu.cr0 = both[k]->cr0 = round % 40 ? both[k]->cr0 | CR0_WP : both[k]->cr0 & ~(uint32_t)CR0_WP;
                both[k]->cpu.env.flush(both[k]->cpu.env.mmu, true);
            }
        }
        new_state();
        for (unsigned part = 0; part < 4; part++) {
            bool on = advance(1 + below(part == 3 ? 400 : 40));
            compare(round);
            if (!on) break;
        }
    }
}

/* ---- every form by itself ---- */

/* How many fast forms there are that random code finds; fewer means that the test no longer tests them. */
enum { FORMS = SANITIZED ? 200 : 270, CASES = SANITIZED ? 15000 : 60000 };

static void every_form_is_its_handler(void **s)
{
    (void)s;
    op_fn *seen[1024];
    unsigned forms = 0;
    for (unsigned round = 0; round < CASES; round++) {
        uint8_t bytes[32] = { 0 };
        struct insn i;
        uint32_t at = CODE + 16 * below(64);
        unsigned n = one_instruction(bytes);
        (void)insn_decode(bytes, 15, (struct insn_mode){ true }, slow.model.cost, &i);
        op_fn *fn = op_kit_of(&fast.cpu)->choose(&i);
        if (fn == op_slow) continue;
        unsigned k = 0;
        while (k < forms && seen[k] != fn) k++;
        if (k == forms && forms < 1024) seen[forms++] = fn;
        memset(bytes + n, 0x90, sizeof bytes - n);
        for (unsigned m = 0; m < 2; m++) fake_put(both[m], at, bytes, sizeof bytes);
        new_state();
        fast.cpu.eip = slow.cpu.eip = at;
        for (unsigned twice = 0; twice < 2; twice++) { /* the second time the TLB hits, and the block is tuned */
            fast.cpu.eip = slow.cpu.eip = at;
            advance(3);
            compare(round);
            fast.cpu.halted = slow.cpu.halted = false;
        }
    }
    print_message("%u fast forms\n", forms);
    assert_in_range(forms, FORMS, 1023);
}

/* ---- comparison and branch as one ---- */

enum { PAIRS = 190, PAIR_CASES = 60000 };

static void every_pair_is_its_handlers(void **s)
{
    (void)s;
    op_fn *seen[512];
    unsigned pairs = 0;
    for (unsigned round = 0; round < PAIR_CASES; round++) {
        uint8_t bytes[32] = { 0 };
        struct insn i;
        uint32_t at = CODE + 32 * below(64);
        unsigned n = one_instruction(bytes), cc = below(16);
        (void)insn_decode(bytes, 15, (struct insn_mode){ true }, slow.model.cost, &i);
        op_fn *fn = op_kit_of(&fast.cpu)->fused(op_kit_of(&fast.cpu)->choose(&i), cc);
        if (!fn) continue;
        unsigned k = 0;
        while (k < pairs && seen[k] != fn) k++;
        if (k == pairs && pairs < 512) seen[pairs++] = fn;
        memset(bytes + n, 0x90, sizeof bytes - n);
        bytes[n] = (uint8_t)(0x70 + cc);
        bytes[n + 1] = 3;
        for (unsigned m = 0; m < 2; m++) fake_put(both[m], at, bytes, sizeof bytes);
        new_state();
        for (unsigned times = 0; times < 3; times++) { /* the second time the TLB hits and the pair is there, the third the link */
            fast.cpu.eip = slow.cpu.eip = at;
            advance(4);
            compare(round);
            fast.cpu.halted = slow.cpu.halted = false;
        }
    }
    print_message("%u pairs\n", pairs);
    assert_in_range(pairs, PAIRS, 511);
}

/* ---- two operations as one ---- */

/* Instructions that pairs are made of. */
static unsigned of_a_pair(uint8_t *at, struct insn *i, unsigned quiet)
{
    static const uint8_t likely[] = { 0x89, 0x8B, 0x88, 0xC6, 0xC7, 0xB8, 0xB6, 0x8D, 0x50, 0x55, 0x58, 0x5D, 0x01, 0x29, 0x31, 0x30, 0x39,
                                      0x38, 0x85, 0x84, 0x83, 0x81, 0xC1, 0x40, 0x43, 0x48, 0x69, 0xA8, 0xF6, 0xC3, 0x0F };
    for (;;) {
        unsigned n = 0;
        for (unsigned k = 0; k < 15; k++) at[k] = (uint8_t)rnd();
        at[n++] = likely[below(sizeof likely)];
        if (at[0] == 0x0F) at[n++] = below(2) ? 0xB6 : 0xAF;
        if (below(2)) at[n] |= 0xC0;
        if (insn_decode(at, 15, (struct insn_mode){ true }, slow.model.cost, i) != DECODE_OK) continue;
        const struct op_kit *kit = op_kit_of(&fast.cpu);
        op_fn *fn = kit->choose(i);
        const struct op_forms *f = kit->forms_of(i);
        if (quiet && f && i->size == 4 && f->quiet[i->form]) fn = f->quiet[i->form];
        unsigned number = kit->pair_number(i, fn);
        if (number) return number;
    }
}

enum { TWOS = 50, TWO_CASES = 30000 };

/* Two of them, what sets the flags anew or branches, and what shows them (PUSHF). */
static void every_two_are_their_handlers(void **s)
{
    (void)s;
    op_fn *seen[256];
    unsigned twos = 0;
    for (unsigned round = 0; round < TWO_CASES; round++) {
        uint8_t bytes[48];
        struct insn i;
        uint32_t at = CODE + 64 * below(32) + below(64);
        memset(bytes, 0x90, sizeof bytes);
        struct op ops[2];
        unsigned quiet = below(4), first = of_a_pair(bytes, &i, quiet & 1), n = i.len;
        op_of(&ops[0], &i, op_kit_of(&fast.cpu));
        unsigned second = of_a_pair(bytes + n, &i, quiet & 2), cc = below(2) ? OP_NO_BRANCH : below(16);
        op_of(&ops[1], &i, op_kit_of(&fast.cpu));
        op_fn *fn = op_kit_of(&fast.cpu)->pair(first, second, cc, ops);
        if (!fn) continue;
        unsigned k = 0;
        while (k < twos && seen[k] != fn) k++;
        if (k == twos && twos < 256) seen[twos++] = fn;
        n += i.len;
        memset(bytes + n, 0x90, sizeof bytes - n);
        if (cc != OP_NO_BRANCH) memcpy(bytes + n, (uint8_t[]){ (uint8_t)(0x70 + cc), 3 }, 2);
        else if (quiet) memcpy(bytes + n, (uint8_t[]){ 0x85, 0xC9 }, 2); /* TEST ECX, ECX */
        bytes[n + 2] = 0x9C;
        for (unsigned m = 0; m < 2; m++) fake_put(both[m], at, bytes, sizeof bytes);
        new_state();
        for (unsigned times = 0; times < 4; times++) {
            fast.cpu.eip = slow.cpu.eip = at;
            advance(times == 2 ? 1 : 4);
            compare(round);
            fast.cpu.halted = slow.cpu.halted = false;
        }
    }
    print_message("%u of two\n", twos);
    assert_in_range(twos, TWOS, 255);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_form_is_its_handler, setup, teardown),
        cmocka_unit_test_setup_teardown(every_pair_is_its_handlers, setup, teardown),
        cmocka_unit_test_setup_teardown(every_two_are_their_handlers, setup, teardown),
        cmocka_unit_test_setup_teardown(blocks_are_single_steps, setup, teardown),
        cmocka_unit_test_setup_teardown(blocks_are_single_steps, setup_caches, teardown),
        cmocka_unit_test_setup_teardown(blocks_are_single_steps, setup_caches, teardown),
        cmocka_unit_test_setup_teardown(blocks_are_single_steps, setup_caches, teardown),
        cmocka_unit_test_setup_teardown(blocks_are_single_steps, setup_caches, teardown),
        cmocka_unit_test_setup_teardown(blocks_are_single_steps, setup_caches, teardown),
        cmocka_unit_test_setup_teardown(every_form_is_its_handler, setup_caches, teardown),
        cmocka_unit_test_setup_teardown(every_pair_is_its_handlers, setup_caches, teardown),
        cmocka_unit_test_setup_teardown(every_two_are_their_handlers, setup_caches, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
