/* Gates, returns, MOV CR3 and INVLPG at full speed against the same without any short cut.
 *
 * Two machines in the same world: one runs blocks as fast operations with host pointers, the other has no blocks, is stepped,
 * and its MMU gives nothing but bus addresses, so every word of every table goes the general way. User code calls the kernel,
 * kernels return, call each other, reload CR3, forget pages; a timer interrupts. Every other episode some bit of a descriptor,
 * a gate, the TSS, a segment or EFLAGS is wrong. Registers with their hidden parts, flags, memory, cycles, counts, events:
 * all must be equal, wherever the two are looked at. SDM vol. 3A 5.8, 6.12; vol. 2 under INT n and IRET. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "sim/cpu/segment.h"
#include "tests/support/cpu_case.h"

enum {
    GDT = 0x2000, GDT_ENTRIES = 12, IDT = 0x3000, TSS = 0x4000, HANDLERS = 0x10000, USER = 0x14000, CODE_BYTES = 0x1800,
    STACK0 = 0x30000, STACK3 = 0x40000, TICK = 0x20, CALLS = 0x80, EPISODES = 12000
};
enum { CODE0 = 0x08, DATA0 = 0x10, CODE3 = 0x1B, DATA3 = 0x23, TSS_SEL = 0x28, CONFORMING = 0x30, CODE16 = 0x38, SMALL = 0x43 };

static uint64_t seed = 1;
static uint32_t rnd(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) ^ (uint32_t)(seed >> 11);
}
static uint32_t below(uint32_t n) { return rnd() % n; }

static struct fake fast, slow;
static struct fake *const both[2] = { &fast, &slow };
static void put32(uint32_t at, uint32_t v) { for (unsigned k = 0; k < 2; k++) fake_put32(both[k], at, v); }
static void put(uint32_t at, const void *bytes, size_t n) { for (unsigned k = 0; k < 2; k++) fake_put(both[k], at, bytes, n); }

static struct ticker { struct timer timer; struct fake *w; } ticker[2];
static void tick(void *self, uint64_t when)
{
    struct ticker *t = self;
    fake_irq(t->w, TICK);
    timeq_arm(&t->w->timers, &t->timer, when + 4111);
}

/* ---- the world ---- */

static void descriptor(unsigned n, uint32_t limit, uint32_t access, uint32_t flags)
{
    put32(GDT + 8 * n, limit & 0xFFFF);
    put32(GDT + 8 * n + 4, flags << 20 | (limit & 0xF0000) | access << 8);
}

static void gate(unsigned vector, uint16_t sel, uint32_t to, unsigned access)
{
    put32(IDT + 8 * vector, (uint32_t)sel << 16 | (to & 0xFFFF));
    put32(IDT + 8 * vector + 4, (to & 0xFFFF0000u) | access << 8);
}

static void tables(void)
{
    descriptor(1, 0xFFFFF, 0x9B, 0xC);
    descriptor(2, 0xFFFFF, 0x93, 0xC);
    descriptor(3, 0xFFFFF, 0xFB, 0xC);
    descriptor(4, 0xFFFFF, 0xF3, 0xC);
    put32(GDT + 40, TSS << 16 | 103);
    put32(GDT + 44, 0x8B00);
    descriptor(6, 0xFFFFF, 0x9F, 0xC);
    descriptor(7, 0xFFFFF, 0x9B, 0x8);
    descriptor(8, 0xFF, 0xF3, 0xC);
    for (unsigned v = 0; v < 32; v++) gate(v, CODE0, HANDLERS, 0x8E);
    gate(TICK, CODE0, HANDLERS + 0x10, 0x8E);
    for (unsigned n = 0; n < 32; n++) {
        uint16_t sel = below(12) ? CODE0 : below(2) ? CONFORMING : below(2) ? CODE16 : CODE3;
        gate(CALLS + n, sel, HANDLERS + 0x20 + below(CODE_BYTES - 0x40), below(8) ? 0xEE + below(2) : 0xE6 + below(2));
    }
    put32(TSS + 4, STACK0 - (below(4) ? 0 : below(64)));
    put32(TSS + 8, DATA0);
}

static unsigned bytes_of(uint8_t *to, const char *hex) { return cpu_case_bytes(hex, to); }

/* One instruction of a kernel, or of a program. */
static unsigned one(uint8_t *at, bool kernel)
{
    static const char *const common[] = {
        "50", "58", "89 C1", "01 D8", "29 D3", "31 C8", "9C", "9D", "FC", "39 D8", "8B 04 24", "89 04 24", "40", "4B", "60 61",
        "8C D8", "8C C8", "F9", "83 E3 07", "C1 E0 03"
    };
    static const char *const privileged[] = { "0F 01 3C 24", "0F 01 7C 24 F0", "0F 22 D8", "0F 20 D8", "FA", "FB", "8E D9", "0F 01 3D 00 00 01 00" };
    unsigned n;
    switch (below(kernel ? 5 : 7)) {
    case 0: case 1: return bytes_of(at, common[below(sizeof common / sizeof common[0])]);
    case 2:
        if (!kernel) return bytes_of(at, common[below(sizeof common / sizeof common[0])]);
        return bytes_of(at, privileged[below(sizeof privileged / sizeof privileged[0])]);
    case 3:
        if (kernel || !below(6)) return bytes_of(at, below(12) ? "CF" : "66 CF");
        /* fall through */
    default:
        n = bytes_of(at, "CD 80");
        at[1] = (uint8_t)(CALLS + below(below(8) ? 8 : 32));
        return n;
    case 4:
        if (below(20)) return bytes_of(at, kernel ? "CF" : "90");
        return bytes_of(at, below(2) ? "0F 34" : "CB");
    }
}

static void code(uint32_t at, bool kernel)
{
    uint8_t bytes[CODE_BYTES + 64];
    unsigned n = 0;
    while (n < CODE_BYTES) n += one(bytes + n, kernel);
    put(at, bytes, CODE_BYTES);
    static const uint8_t stop[] = { 0xF4 }, back[] = { 0xCF };
    if (!kernel) return;
    put(at, stop, 1);
    put(at + 0x10, back, 1);
}

static int setup(void **s)
{
    (void)s;
    for (unsigned k = 0; k < 2; k++) {
        fake_init(both[k], k == 0);
        both[k]->direct = k == 0;
        both[k]->cpu.msr[MSR_SYSENTER_CS] = CODE0;
        both[k]->cpu.msr[MSR_SYSENTER_EIP] = HANDLERS + 0x10;
        both[k]->cpu.msr[MSR_SYSENTER_ESP] = STACK0;
        ticker[k] = (struct ticker){ .timer = { .fire = tick, .self = &ticker[k] }, .w = both[k] };
        timeq_arm(&both[k]->timers, &ticker[k].timer, 1000);
    }
    return 0;
}

static int teardown(void **s)
{
    (void)s;
    for (unsigned k = 0; k < 2; k++) fake_done(both[k]);
    return 0;
}

/* ---- an episode ---- */

/* A bit that is wrong, somewhere; or none. */
static void spoil(void)
{
    uint32_t at, bit = 1u << below(32);
    switch (below(8)) {
    case 0: at = GDT + 8 + 4 * below(2 * GDT_ENTRIES - 2); break;
    case 1: at = IDT + 8 * (CALLS + below(8)) + 4 * below(2); break;
    case 2: at = TSS + 4 * below(4); break;
    default: return;
    }
    put32(at, fake_get32(&fast, at) ^ bit);
}

static void frame_of_a_program(struct cpu *c, uint32_t eip, uint32_t flags, uint32_t esp)
{
    bool user = below(4);
    cpu_seg_set(&c->seg[SEG_CS], user ? CODE3 : CODE0, 0x0000FFFF, user ? 0x00CFFB00 : 0x00CF9B00);
    for (unsigned n = 0; n < SEG_COUNT; n++)
        if (n != SEG_CS) cpu_seg_set(&c->seg[n], user ? DATA3 : DATA0, 0x0000FFFF, user ? 0x00CFF300 : 0x00CF9300);
    cpu_set_cpl(c, user ? 3 : 0);
    c->eip = eip;
    cpu_set_flags(c, flags);
    c->reg[ESP] = esp;
}

static void new_state(void)
{
    uint32_t eip = USER + below(CODE_BYTES), esp = STACK3 - 4 * below(64) - (below(20) ? 0 : below(4)), cr0 = CR0_PE | CR0_ET;
    uint32_t flags = (rnd() & FLAGS_ARITH) | (below(2) ? FLAG_IF : 0) | (below(20) ? 0 : FLAG_NT) | (below(20) ? 0 : FLAG_AC) |
                     (below(4) ? 0 : FLAG_IOPL) | (below(30) ? 0 : FLAG_TF);
    uint32_t idt_limit = below(20) ? 2047 : below(2048), gdt_limit = below(20) ? 8 * GDT_ENTRIES - 1 : below(80), which = (uint32_t)seed;
    uint32_t odd = below(12), limit = below(0x60000);
    if (!below(6)) cr0 |= CR0_AM;
    if (!below(2)) cr0 |= CR0_WP;
    for (unsigned k = 0; k < 2; k++) {
        struct cpu *c = &both[k]->cpu;
        seed = which;
        for (unsigned r = 0; r < 8; r++) c->reg[r] = rnd() & 0xFF;
        c->halted = c->shutdown = c->pause = c->untraced = false;
        c->hits = c->trap = 0;
        c->cause = 0;
        c->inhibit = c->hold = UINT64_MAX;
        c->cr0 = cr0;
        c->cr4 = 0;
        c->gdtr = (struct table_reg){ GDT, (uint16_t)gdt_limit };
        c->idtr = (struct table_reg){ IDT, (uint16_t)idt_limit };
        cpu_seg_set(&c->tr, TSS_SEL, TSS << 16 | 103, 0x8B00);
        c->env.paging(c->env.mmu, c->cr0, c->cr3, c->cr4);
        c->env.flush(c->env.mmu, true);
        frame_of_a_program(c, eip, flags, esp);
        if (odd == 0) c->seg[SEG_SS].limit = limit, cpu_seg_limits(&c->seg[SEG_SS]);
        if (odd == 1) c->seg[SEG_SS].ar &= (uint16_t)~AR_DB;
        if (odd == 2) c->tr.limit = limit % 32;
        c->break_at = 0;
    }
    if (!below(8)) { /* a page of tables or stacks that cannot be written, or is the kernel's own */
        static const uint32_t pages[] = { GDT, IDT, TSS, STACK0 - 1, STACK3 - 1, HANDLERS, USER };
        uint32_t page = pages[below(7)] & PAGE_MASK, rights = below(3) ? FAKE_P | FAKE_W : below(2) ? FAKE_P | FAKE_U : 0;
        for (unsigned k = 0; k < 2; k++) fake_page(both[k], page, rights);
    }
}

static void pages_as_before(void)
{
    for (unsigned k = 0; k < 2; k++)
        for (uint32_t page = 0; page < FAKE_PAGES; page++) both[k]->page[page] = FAKE_ALL;
}

/* ---- comparing ---- */

static void same(uint64_t a, uint64_t b, const char *what, unsigned episode)
{
    if (a != b)
        fail_msg("episode %u: %s is %llX, stepped it is %llX; EIP %X and %X", episode, what, (unsigned long long)a,
                 (unsigned long long)b, fast.cpu.eip, slow.cpu.eip);
}

static void same_segment(const struct seg_reg *a, const struct seg_reg *b, const char *what, unsigned episode)
{
    same((uint64_t)a->sel << 16 | a->ar, (uint64_t)b->sel << 16 | b->ar, what, episode);
    same((uint64_t)a->base << 32 | a->limit, (uint64_t)b->base << 32 | b->limit, what, episode);
    same(a->rd_end, b->rd_end, what, episode);
    same(a->wr_end, b->wr_end, what, episode);
}

static void compare(unsigned episode)
{
    static const char *const names[] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi" };
    static const char *const segs[] = { "es", "cs", "ss", "ds", "fs", "gs" };
    const struct cpu *a = &fast.cpu, *b = &slow.cpu;
    same(a->eip, b->eip, "eip", episode);
    for (unsigned r = 0; r < 8; r++) same(a->reg[r], b->reg[r], names[r], episode);
    for (unsigned n = 0; n < SEG_COUNT; n++) same_segment(&a->seg[n], &b->seg[n], segs[n], episode);
    same(cpu_flags(a), cpu_flags(b), "eflags", episode);
    same(a->cpl, b->cpl, "the ring", episode);
    same(a->insns, b->insns, "boundaries", episode);
    same(a->extra, b->extra, "deliveries", episode);
    same(fast.clock.now, slow.clock.now, "cycles", episode);
    same(a->cr2, b->cr2, "cr2", episode);
    same(a->cr3, b->cr3, "cr3", episode);
    same(a->cause, b->cause, "the cause", episode);
    same(a->inhibit, b->inhibit, "inhibit", episode);
    same(a->halted, b->halted, "halted", episode);
    same(fast.flushes, slow.flushes, "flushes", episode);
    same(fast.invlpgs, slow.invlpgs, "invlpgs", episode);
    same(fast.cpu.dtlb.misses, slow.cpu.dtlb.misses, "data TLB misses", episode);
    same(fast.cpu.itlb.misses, slow.cpu.itlb.misses, "code TLB misses", episode);
    for (unsigned n = 0; n < CLOCK_CAUSES; n++)
        same(clock_of_cause(&fast.clock, (uint8_t)n), clock_of_cause(&slow.clock, (uint8_t)n), "a cause's time", episode);
    if (memcmp(fast.ram, slow.ram, FAKE_RAM)) fail_msg("episode %u: memory differs", episode);
}

static void same_events(unsigned episode)
{
    size_t n = trace_count(fast.trace);
    same(n, trace_count(slow.trace), "the number of events", episode);
    for (size_t i = 0; i < n; i++) {
        const struct event *a = trace_at(fast.trace, i), *b = trace_at(slow.trace, i);
        if (memcmp(a, b, offsetof(struct event, u))) fail_msg("episode %u: event %u differs, kind %u", episode, (unsigned)i, a->kind);
    }
    assert_true(trace_hash(fast.trace) == trace_hash(slow.trace));
    trace_rewind(fast.trace, 0);
    trace_rewind(slow.trace, 0);
}

static bool advance(unsigned n, unsigned episode)
{
    enum cpu_stop a = cpu_run(&fast.cpu, n), b = CPU_BUDGET;
    for (unsigned k = 0; k < n && b == CPU_BUDGET; k++) b = cpu_run(&slow.cpu, 1);
    same(a, b, "the stop", episode);
    return a == CPU_BUDGET;
}

static void full_speed_is_single_steps(void **s)
{
    (void)s;
    unsigned long long crossings = 0;
    for (unsigned episode = 0; episode < EPISODES; episode++) {
        if (episode % 40 == 0) {
            code(HANDLERS, true);
            code(USER, false);
        }
        if (episode % 4 == 0) {
            pages_as_before();
            tables();
        } else if (episode % 2) spoil();
        new_state();
        for (unsigned part = 0; part < 4; part++) {
            bool on = advance(1 + below(part == 3 ? 150 : 30), episode);
            compare(episode);
            if (!on) break;
        }
        crossings += trace_count(fast.trace);
        same_events(episode);
    }
    print_message("[          ] %llu events in %u episodes, %llu instructions\n", crossings, EPISODES,
                  (unsigned long long)fast.cpu.insns);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(full_speed_is_single_steps, setup, teardown) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
