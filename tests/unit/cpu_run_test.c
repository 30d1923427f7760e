/* The run loop: boundaries, code that changes under its feet, fetching across pages, doors, traps, observers; and that
 * stepping, running and looking all give the same machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "sim/cpu/mem.h"
#include "tests/support/cpu_case.h"

enum { C = FAKE_CODE, D = FAKE_DATA, S = FAKE_STACK, GDT = 0x2000, IDT = 0x3000, HANDLER = 0x5000 };
static struct fake f;

static void put(uint32_t at, const char *hex)
{
    uint8_t bytes[64];
    fake_put(&f, at, bytes, cpu_case_bytes(hex, bytes));
}

/* A GDT with flat ring-0 code (08) and data (10); every vector goes through an interrupt gate to HANDLER + 16 * vector. */
static void tables(struct fake *w)
{
    static const uint32_t gdt[6] = { 0, 0, 0x0000FFFF, 0x00CF9A00, 0x0000FFFF, 0x00CF9200 };
    fake_put(w, GDT, gdt, sizeof gdt);
    for (unsigned v = 0; v < 64; v++) {
        fake_put32(w, IDT + 8 * v, 0x00080000u | (HANDLER + 16 * v));
        fake_put32(w, IDT + 8 * v + 4, 0x00008E00);
        fake_put(w, HANDLER + 16 * v, &(uint8_t){ 0xF4 }, 1);
    }
    w->cpu.gdtr = (struct table_reg){ GDT, 23 };
    w->cpu.idtr = (struct table_reg){ IDT, 511 };
}

static int setup(void **s)
{
    (void)s;
    fake_init(&f, true);
    tables(&f);
    return 0;
}

static int teardown(void **s)
{
    (void)s;
    fake_done(&f);
    return 0;
}

/* ---- code that changes ---- */

/* The store overwrites the very next instruction, inside its own block: inc eax becomes inc ecx. */
static void store_into_own_block(void **s)
{
    (void)s;
    put(C, "C6 05 07 10 00 00 41 40 F4"); /* mov byte [1007], 41; inc eax; hlt */
    f.cpu.reg[EAX] = f.cpu.reg[ECX] = 0;
    assert_int_equal(cpu_run(&f.cpu, 10), CPU_HALTED);
    assert_int_equal(f.cpu.reg[EAX], 0);
    assert_int_equal(f.cpu.reg[ECX], 1);
}

/* First pass runs the old code, then overwrites it, twice over (so that dropped and regained fast tags are passed). */
static void store_into_old_code(void **s)
{
    (void)s;
    put(C, "E8 2B 00 00 00 FE 05 30 10 00 00 E8 20 00 00 00 FE 05 30 10 00 00 E8 15 00 00 00 F4");
    put(C + 0x30, "40 C3"); /* inc eax; then inc ecx; then inc edx */
    f.cpu.reg[EAX] = f.cpu.reg[ECX] = f.cpu.reg[EDX] = 0;
    assert_int_equal(cpu_run(&f.cpu, 100), CPU_HALTED);
    assert_int_equal(f.cpu.reg[EAX], 1);
    assert_int_equal(f.cpu.reg[ECX], 1);
    assert_int_equal(f.cpu.reg[EDX], 1);
}

static void code_mark_and_tags(void **s)
{
    (void)s;
    put(C, "90 90 F4");
    fake_put32(&f, D, 0);
    uint32_t v = 0;
    assert_int_equal(mem_write(&f.cpu, SEG_DS, C + 0x800, 4, 1), STEP_OK); /* the page has a fast write tag */
    assert_int_equal(tlb_way0(&f.cpu.dtlb, C)->tag[ACCESS_WRITE], C);
    assert_int_equal(cpu_run(&f.cpu, 100), CPU_HALTED);
    assert_true(bus_marks(&f.bus, hpa(C)) & FRAME_CODE);
    assert_int_equal(tlb_way0(&f.cpu.dtlb, C)->tag[ACCESS_WRITE], TLB_NO_TAG);
    assert_int_equal(mem_write(&f.cpu, SEG_DS, C + 0x800, 4, 2), STEP_OK); /* beside the code: the mark stays */
    assert_true(bus_marks(&f.bus, hpa(C)) & FRAME_CODE);
    assert_int_equal(mem_write(&f.cpu, SEG_DS, C + 1, 2, 0x9090), STEP_OK); /* into both blocks (HLT begins one) */
    assert_false(bus_marks(&f.bus, hpa(C)) & FRAME_CODE);
    assert_int_equal(mem_read(&f.cpu, SEG_DS, C, 4, &v), STEP_OK);
    assert_int_equal(v & 0xFFFFFF, 0x909090);
    assert_int_equal(fake_get32(&f, C + 0x800), 2);
}

static void a_loader_writes_code(void **s)
{
    (void)s;
    put(C, "40 F4");
    f.cpu.reg[EAX] = f.cpu.reg[ECX] = 0;
    assert_int_equal(cpu_run(&f.cpu, 10), CPU_HALTED);
    put(C, "41 F4");
    f.cpu.halted = false;
    f.cpu.eip = C;
    assert_int_equal(cpu_run(&f.cpu, 10), CPU_HALTED);
    assert_int_equal(f.cpu.reg[ECX], 1);
}

/* The same bytes mean different things in 16-bit code: 05 imm32 or imm16. */
static void modes_have_their_own_blocks(void **s)
{
    (void)s;
    put(C, "05 01 00 F4 F4 F4");
    f.cpu.reg[EAX] = 0;
    assert_int_equal(cpu_run(&f.cpu, 10), CPU_HALTED);
    assert_int_equal(f.cpu.reg[EAX], 0xF4F40001);
    f.cpu.halted = false;
    f.cpu.eip = C;
    f.cpu.seg[SEG_CS].ar &= (uint16_t)~AR_DB;
    f.cpu.reg[EAX] = 0;
    assert_int_equal(cpu_run(&f.cpu, 10), CPU_HALTED);
    assert_int_equal(f.cpu.reg[EAX], 1);
}

/* ---- fetching ---- */

/* Such an instruction is never cached; its second half may change like any code. */
static void instruction_across_pages(void **s)
{
    (void)s;
    enum { AT = 0x9000 + PAGE_SIZE - 2 };
    put(AT, "B8 44 33 22 11 F4"); /* mov eax, imm32; hlt */
    for (unsigned round = 0; round < 3; round++) {
        f.cpu.eip = AT;
        f.cpu.halted = false;
        assert_int_equal(cpu_run(&f.cpu, 10), CPU_HALTED);
        assert_int_equal(f.cpu.reg[EAX], round < 2 ? 0x11223344 : 0x11226644);
        if (round == 1) put(AT + 2, "66");
    }
}

static void fetch_faults_name_the_page(void **s)
{
    (void)s;
    put(0x9000 + PAGE_SIZE - 2, "B8 44");
    fake_page(&f, 0xA000, 0);
    f.cpu.eip = 0x9000 + PAGE_SIZE - 2;
    uint64_t before = f.clock.now;
    assert_int_equal(cpu_run(&f.cpu, 10), CPU_HALTED); /* in the handler */
    assert_int_equal(f.cpu.cr2, 0xA000);
    assert_int_equal(f.cpu.eip, HANDLER + 16 * VEC_PF + 1);
    assert_int_equal(fake_get32(&f, f.cpu.reg[ESP]), 0);                               /* error code: not present, read */
    assert_int_equal(fake_get32(&f, f.cpu.reg[ESP] + 4), 0x9000 + PAGE_SIZE - 2);      /* the instruction that was not */
    assert_true(f.clock.now > before);
}

/* Each of the code TLB's sets serves the fetches of its pages, from way 0. */
static void every_set_of_the_code_tlb(void **s)
{
    (void)s;
    for (uint32_t set = 0; set < TLB_CODE_SETS; set++) {
        uint32_t at = FAKE_DATA + set * PAGE_SIZE;
        put(at, "90 90");
        f.cpu.eip = at;
        cpu_run(&f.cpu, 1);
        if (tlb_code0(&f.cpu.itlb, at)->tag[ACCESS_READ] != at) fail_msg("set %u", at >> PAGE_SHIFT & (TLB_CODE_SETS - 1));
    }
}

static void fetch_beyond_the_limit(void **s)
{
    (void)s;
    put(C, "90 B8 44 33 22 11");
    f.cpu.seg[SEG_CS].limit = C + 3; /* cuts the second instruction */
    assert_int_equal(cpu_run(&f.cpu, 1), CPU_BUDGET);
    assert_int_equal(f.cpu.eip, C + 1);
    struct insn i;
    assert_int_equal(cpu_execute_one(&f.cpu, &i), STEP_FAULT);
    assert_int_equal(f.cpu.fault.vector, VEC_GP);
    assert_int_equal(f.cpu.fault.code, 0);
    f.cpu.seg[SEG_CS].limit = C + 5;
    assert_int_equal(cpu_execute_one(&f.cpu, &i), STEP_OK);
    assert_int_equal(f.cpu.reg[EAX], 0x11223344);
}

/* A block decoded under a wide limit must not be run under a narrow one. */
static void limit_shrinks_under_a_block(void **s)
{
    (void)s;
    put(C, "40 40 F4");
    assert_int_equal(cpu_run(&f.cpu, 10), CPU_HALTED);
    f.cpu.halted = false;
    f.cpu.eip = C;
    f.cpu.seg[SEG_CS].limit = C;
    f.cpu.reg[EAX] = 0;
    (void)cpu_run(&f.cpu, 2);
    assert_int_equal(f.cpu.reg[EAX], 1);
    assert_int_equal(f.cpu.fault.vector, VEC_GP);
}

/* ---- boundaries ---- */

static void door(void **s)
{
    (void)s;
    put(C, "E9 FB 4F 00 00"); /* jmp 6000 */
    bus_mark(&f.bus, hpa(0x6000), FRAME_DOOR);
    put(0x6000, "90 F4");
    assert_int_equal(cpu_run(&f.cpu, 100), CPU_DOOR);
    assert_int_equal(f.cpu.eip, 0x6000);
    assert_int_equal(f.cpu.insns, 1);
    assert_int_equal(cpu_run(&f.cpu, 100), CPU_DOOR); /* and again: nothing was executed */
    assert_int_equal(f.cpu.insns, 1);
    cpu_set_cpl(&f.cpu, 3);                           /* a door is one in ring 0 only */
    assert_int_equal(cpu_run(&f.cpu, 1), CPU_BUDGET);
    assert_int_equal(f.cpu.eip, 0x6001);
}

static void pause_and_budget(void **s)
{
    (void)s;
    put(C, "40 40 40 40 F4");
    f.cpu.reg[EAX] = 0;
    assert_int_equal(cpu_run(&f.cpu, 0), CPU_BUDGET);
    assert_int_equal(cpu_run(&f.cpu, 3), CPU_BUDGET);
    assert_int_equal(f.cpu.reg[EAX], 3);
    assert_int_equal(f.cpu.eip, C + 3);
    f.cpu.pause = true;
    assert_int_equal(cpu_run(&f.cpu, 3), CPU_PAUSE);
    assert_int_equal(f.cpu.reg[EAX], 3);
    assert_int_equal(cpu_run(&f.cpu, UINT64_MAX), CPU_HALTED);
    assert_int_equal(cpu_run(&f.cpu, 1), CPU_HALTED);
    assert_int_equal(f.cpu.reg[EAX], 4);
}

static void halt_ends_by_interrupt(void **s)
{
    (void)s;
    put(C, "FB F4 40");
    assert_int_equal(cpu_run(&f.cpu, 10), CPU_HALTED);
    fake_irq(&f, 0x21);
    assert_int_equal(cpu_run(&f.cpu, 10), CPU_HALTED); /* the handler's own HLT */
    assert_int_equal(f.acknowledged, 1);
    assert_int_equal(f.cpu.eip, HANDLER + 16 * 0x21 + 1);
    assert_int_equal(fake_get32(&f, f.cpu.reg[ESP]), C + 2);
    fake_irq(&f, 0x21);                                /* IF is clear in there */
    assert_int_equal(cpu_run(&f.cpu, 10), CPU_HALTED);
    assert_int_equal(f.acknowledged, 1);
}

/* NMI comes whatever IF says, once until IRET; one more is remembered. */
static void nmi(void **s)
{
    (void)s;
    put(C, "40 40 FB F4");
    put(HANDLER + 16 * VEC_NMI, "41 CF");
    f.cpu.reg[ECX] = 0;
    cpu_nmi(&f.cpu);
    cpu_run(&f.cpu, 1);
    assert_int_equal(f.cpu.eip, HANDLER + 16 * VEC_NMI);
    assert_int_equal(fake_get32(&f, f.cpu.reg[ESP]), C);
    assert_int_equal(f.acknowledged, 0);
    cpu_nmi(&f.cpu), cpu_nmi(&f.cpu);
    cpu_run(&f.cpu, 1);
    assert_int_equal(f.cpu.reg[ECX], 1); /* blocked */
    cpu_run(&f.cpu, 2);
    assert_int_equal(f.cpu.eip, HANDLER + 16 * VEC_NMI);
    assert_int_equal(cpu_run(&f.cpu, 10), CPU_HALTED);
    assert_int_equal(f.cpu.reg[ECX], 2);
    cpu_nmi(&f.cpu); /* ends HLT */
    cpu_run(&f.cpu, 1);
    assert_int_equal(fake_get32(&f, f.cpu.reg[ESP]), C + 4);
}

/* IA32_APIC_BASE without a board that has an APIC, and with one: what is refused, what the board is told, what CPUID says. */
static struct { unsigned calls; uint32_t value; } told;
static void on_apic_base(void *irq, uint32_t value)
{
    assert_ptr_equal(irq, &f);
    told.calls++;
    told.value = value;
}

static uint32_t cpuid_edx(void)
{
    f.cpu.reg[EAX] = 1;
    put(C, "0F A2 F4");
    f.cpu.eip = C;
    cpu_run(&f.cpu, 2);
    return f.cpu.reg[EDX];
}

static bool write_apic_base(uint32_t high, uint32_t low)
{
    f.cpu.reg[ECX] = 0x1B, f.cpu.reg[EDX] = high, f.cpu.reg[EAX] = low;
    put(C, "0F 30 F4");
    f.cpu.eip = C;
    f.cpu.halted = false;
    cpu_run(&f.cpu, 1);
    return f.cpu.eip == C + 2;
}

static void apic_base(void **s)
{
    (void)s;
    enum { APIC = 1 << 9 };
    assert_int_equal(f.cpu.apic_base, 0xFEE00100u);
    assert_false(cpuid_edx() & APIC);
    assert_true(write_apic_base(0, 0xFEE00900));
    assert_int_equal(f.cpu.apic_base, 0xFEE00100u);
    f.cpu.env.apic_base = on_apic_base;
    assert_true(write_apic_base(0, 0x12345800));
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.value, 0x12345900u);
    f.cpu.reg[EAX] = f.cpu.reg[EDX] = 7;
    put(C, "0F 32 F4");
    f.cpu.eip = C;
    cpu_run(&f.cpu, 1);
    assert_int_equal(f.cpu.reg[EAX], 0x12345900u);
    assert_int_equal(f.cpu.reg[EDX], 0);
    assert_true(cpuid_edx() & APIC);
    static const struct { uint32_t high, low; } refused[] = { { 0, 0xFEE00901 }, { 0, 0xFEE00D00 }, { 0, 0xFEE00B00 }, { 1, 0xFEE00900 } };
    for (unsigned i = 0; i < 4; i++) assert_false(write_apic_base(refused[i].high, refused[i].low));
    assert_int_equal(told.calls, 1);
    assert_true(write_apic_base(0, 0xFEE00000));
    assert_false(cpuid_edx() & APIC);
}

/* The instruction behind STI, and behind a load of SS, comes before a pending interrupt. */
static void interrupt_shadow(void **s)
{
    (void)s;
    put(C, "FB 40 40 F4");
    f.cpu.reg[EAX] = 0;
    fake_irq(&f, 0x20);
    assert_int_equal(cpu_run(&f.cpu, 10), CPU_HALTED);
    assert_int_equal(f.cpu.reg[EAX], 1);
    assert_int_equal(fake_get32(&f, f.cpu.reg[ESP]), C + 2);
}

static void shadow_of_a_stack_load(void **s)
{
    (void)s;
    put(C, "8E D3 40 40 F4"); /* mov ss, bx */
    f.cpu.reg[EAX] = 0;
    f.cpu.reg[EBX] = 0x10;
    cpu_set_flags(&f.cpu, FLAG_IF);
    assert_int_equal(cpu_run(&f.cpu, 1), CPU_BUDGET);
    fake_irq(&f, 0x20);
    assert_int_equal(cpu_run(&f.cpu, 10), CPU_HALTED);
    assert_int_equal(f.cpu.reg[EAX], 1);
}

/* POPF sets TF: the next instruction runs, then #DB with DR6.BS and the EIP behind it. */
static void single_step(void **s)
{
    (void)s;
    put(C, "9D 40 40 F4");
    fake_put32(&f, S, FLAG_TF | FLAG_ONE);
    f.cpu.reg[EAX] = 0;
    assert_int_equal(cpu_run(&f.cpu, 10), CPU_HALTED);
    assert_int_equal(f.cpu.eip, HANDLER + 16 * VEC_DB + 1);
    assert_int_equal(f.cpu.reg[EAX], 1);
    assert_int_equal(fake_get32(&f, f.cpu.reg[ESP]), C + 2);
    assert_true(f.cpu.dr[6] & 1u << 14);
    assert_false(cpu_flags(&f.cpu) & FLAG_TF);
}

static void single_step_skips_a_stack_load_and_int(void **s)
{
    (void)s;
    put(C, "8E D3 40 F4");
    f.cpu.reg[EAX] = 0;
    f.cpu.reg[EBX] = 0x10;
    cpu_set_flags(&f.cpu, FLAG_TF);
    assert_int_equal(cpu_run(&f.cpu, 10), CPU_HALTED);
    assert_int_equal(f.cpu.reg[EAX], 1);
    assert_int_equal(fake_get32(&f, f.cpu.reg[ESP]), C + 3); /* not C + 2 */
    f.cpu.halted = false;
    put(0x7000, "CD 30");
    f.cpu.eip = 0x7000;
    cpu_set_flags(&f.cpu, FLAG_TF);
    assert_int_equal(cpu_run(&f.cpu, 10), CPU_HALTED);
    assert_int_equal(f.cpu.eip, HANDLER + 16 * 0x30 + 1);
}

/* ---- observer ---- */

struct seen { unsigned before, after; uint32_t eip[4]; };
static void before(void *self, const struct cpu *c, const struct insn *i)
{
    struct seen *seen = self;
    assert_int_equal(i->id, MN_PUSHF);
    if (seen->before < 4) seen->eip[seen->before] = c->eip + i->at;
    seen->before++;
}
static void after(void *self, const struct cpu *c, const struct insn *i, enum step s)
{
    (void)c, (void)i;
    assert_int_equal(s, STEP_OK);
    ((struct seen *)self)->after++;
}

static void observer_comes_and_goes(void **s)
{
    (void)s;
    struct seen seen = { 0 };
    put(C, "40 9C 40 9C EB FA"); /* inc; pushf; inc; pushf; jmp to the first pushf */
    f.cpu.reg[EAX] = 0;
    assert_int_equal(cpu_run(&f.cpu, 5), CPU_BUDGET); /* once without: blocks are built */
    f.cpu.observer = (struct cpu_observer){ before, after, &seen };
    assert_int_equal(cpu_run(&f.cpu, 4), CPU_BUDGET);
    assert_int_equal(seen.before, 2);
    assert_int_equal(seen.after, 2);
    assert_int_equal(seen.eip[0], C + 3 - 2);
    assert_int_equal(seen.eip[1], C + 3);
    f.cpu.observer = (struct cpu_observer){ 0 };
    assert_int_equal(cpu_run(&f.cpu, 100), CPU_BUDGET);
    assert_int_equal(seen.before, 2);
}

/* ---- one machine, however it is run ---- */

/* A loop of loads, stores, calls, flags, rep, faults (#DE), software interrupts, under a timer interrupt. */
static void program(struct fake *w)
{
    static const char loop[] =
        "FB 31 F6"                                /* sti; xor esi, esi */
        "46 89 34 B5 00 00 02 00"                 /* 1003: inc esi; mov [D + esi*4], esi */
        "E8 F0 00 00 00"                          /* call 1100 */
        "9C 58 0F C1 C2 99"                       /* pushf; pop eax; xadd edx, eax; cdq */
        "CD 30"                                   /* int 30 */
        "89 F0 83 E0 07 89 C1 31 D2"              /* ecx = esi & 7; edx = 0 */
        "B8 64 00 00 00 F7 F1"                    /* mov eax, 100; div ecx: #DE every 8th time */
        "83 FE 40 72 D6 FA F4";                   /* cmp esi, 64; jb 1003; cli; hlt */
    uint8_t bytes[64];
    tables(w);
    fake_put(w, C, bytes, cpu_case_bytes(loop, bytes));
    fake_put(w, C + 0x100, bytes, cpu_case_bytes("57 51 BF 00 00 03 00 B9 25 00 00 00 F3 AB 59 5F C3", bytes));
    fake_put(w, HANDLER + 16 * 0x30, bytes, cpu_case_bytes("43 CF", bytes));
    fake_put(w, HANDLER + 16 * 0x20, bytes, cpu_case_bytes("45 CF", bytes));
    fake_put(w, HANDLER + 16 * VEC_DE, bytes, cpu_case_bytes("41 CF", bytes)); /* inc ecx: try again with 1 */
    w->cpu.reg[EBX] = w->cpu.reg[EBP] = 0;
}

struct ticker { struct timer timer; struct fake *w; };
static void tick(void *self, uint64_t when)
{
    struct ticker *t = self;
    fake_irq(t->w, 0x20);
    timeq_arm(&t->w->timers, &t->timer, when + 1777);
}

/* step: instructions per cpu_run; flush: forget all blocks before each; direct: fast paths on. */
static void run_program(struct fake *w, bool blocks, uint64_t step, bool flush, bool direct)
{
    fake_init(w, blocks);
    w->direct = direct;
    program(w);
    struct ticker t = { .timer = { .fire = tick }, .w = w };
    t.timer.self = &t;
    timeq_arm(&w->timers, &t.timer, 1000);
    enum cpu_stop why;
    do {
        if (flush) block_cache_flush(w->cpu.blocks);
        why = cpu_run(&w->cpu, step);
    } while (why == CPU_BUDGET);
    assert_int_equal(why, CPU_HALTED);
    timeq_cancel(&w->timers, &t.timer);
}

static void the_same_machine_however_it_is_run(void **s)
{
    (void)s;
    static struct fake a, b;
    static const struct { bool blocks; uint64_t step; bool flush, direct; } ways[] = {
        { true, 1, false, true }, { true, 7, false, true }, { false, UINT64_MAX, false, true }, { false, 1, false, false },
        { true, 3, true, true }, { true, UINT64_MAX, false, false }
    };
    run_program(&a, true, UINT64_MAX, false, true);
    assert_int_equal(a.cpu.reg[ESI], 64);
    assert_int_equal(a.cpu.reg[EBX], 64);     /* int 30, each time round */
    assert_true(a.cpu.reg[EBP] > 10);         /* timer interrupts */
    assert_true(clock_check(&a.clock));
    for (unsigned k = 0; k < sizeof ways / sizeof ways[0]; k++) {
        run_program(&b, ways[k].blocks, ways[k].step, ways[k].flush, ways[k].direct);
        assert_memory_equal(b.cpu.reg, a.cpu.reg, sizeof a.cpu.reg);
        assert_int_equal(b.cpu.eip, a.cpu.eip);
        assert_int_equal(cpu_flags(&b.cpu), cpu_flags(&a.cpu));
        assert_int_equal(b.cpu.insns, a.cpu.insns);
        assert_int_equal(b.clock.now, a.clock.now);
        assert_memory_equal(b.ram, a.ram, FAKE_RAM);
        assert_true(trace_hash(b.trace) == trace_hash(a.trace));
        fake_done(&b);
    }
    fake_done(&a);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(store_into_own_block), T(store_into_old_code), T(code_mark_and_tags), T(a_loader_writes_code),
        T(modes_have_their_own_blocks), T(instruction_across_pages), T(fetch_faults_name_the_page), T(fetch_beyond_the_limit), T(every_set_of_the_code_tlb),
        T(limit_shrinks_under_a_block), T(door), T(pause_and_budget), T(halt_ends_by_interrupt), T(interrupt_shadow), T(nmi), T(apic_base),
        T(shadow_of_a_stack_load), T(single_step), T(single_step_skips_a_stack_load_and_int), T(observer_comes_and_goes),
        cmocka_unit_test(the_same_machine_however_it_is_run)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
