/* Any descriptor tables, any selectors: segment loads, far transfers, gates, interrupts, task switches, on the small world
 * of tests/support/rings.h with some of its descriptors, stacks and task states overwritten.
 *
 * Invariants: a fault has changed no register and no byte of memory; the hidden part of every segment register agrees with
 * itself; in protected mode CPL is what CS says, SS belongs to that ring, and no data segment is more privileged than the
 * code that may use it (SDM vol. 3A 5.5-5.8, 6.12, 7.3; 3B 20.2 for virtual-8086 mode).
 * All memory goes over the bus here (no direct pages), so that the bus's log sees each store. */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include "sim/cpu/segment.h"
#include "tests/support/rings.h"

enum { STEPS = 24, CODE_TOP = 0xF0000, RESERVED_FLAGS = ~0x3F7FD7 };

static struct fake f, fresh;
static uint8_t     fresh_ram[FAKE_RAM];
static struct bus_log stores;
static bool        tainted; /* by code that may leave segments as no load would: SYSEXIT, MOV CR0, any bytes */

static void world(void)
{
    if (!fresh.ram) {
        rings_init(&f);
        f.direct = false;
        f.cpu.trace = NULL;
        f.bus.log = &stores;
        seg_load_null(&f.cpu.seg[SEG_FS], 0); /* the rest rings_enter loads by ring */
        seg_load_null(&f.cpu.seg[SEG_GS], 0);
        memcpy(fresh_ram, f.ram, FAKE_RAM);
        fresh = f;
    }
    f = fresh;
    memcpy(f.ram, fresh_ram, FAKE_RAM);
    stores.n = stores.lost = 0;
    tainted = false;
}

/* ---- what must hold ---- */

static void check_hidden(const struct seg_reg *s)
{
    struct seg_reg again = *s;
    cpu_seg_limits(&again);
    FUZZ_HOLDS(again.rd_end == s->rd_end && again.wr_end == s->wr_end);
    FUZZ_HOLDS(s->ar || (!s->rd_end && !s->wr_end));
}

static void check_rings(const struct cpu *c)
{
    const struct seg_reg *cs = &c->seg[SEG_CS], *ss = &c->seg[SEG_SS];
    FUZZ_HOLDS(sel_rpl(cs->sel) == c->cpl && ar_code(cs->ar) && (cs->ar & AR_P));
    FUZZ_HOLDS(ar_conforming(cs->ar) ? ar_dpl(cs->ar) <= c->cpl : ar_dpl(cs->ar) == c->cpl);
    if (ss->ar) FUZZ_HOLDS(ar_writable(ss->ar) && (ss->ar & AR_P) && ar_dpl(ss->ar) == c->cpl && sel_rpl(ss->sel) == c->cpl);
    for (unsigned n = 0; n < SEG_COUNT; n++) {
        const struct seg_reg *s = &c->seg[n];
        if (n == SEG_CS || n == SEG_SS || !s->ar) continue;
        FUZZ_HOLDS((s->ar & AR_P) && ar_readable(s->ar) && (ar_conforming(s->ar) || ar_dpl(s->ar) >= c->cpl));
    }
}

static void check_state(const struct cpu *c)
{
    for (unsigned n = 0; n < SEG_COUNT; n++) check_hidden(&c->seg[n]);
    FUZZ_HOLDS(c->cpl <= 3 && (cpu_flags(c) & FLAG_ONE) && !(cpu_flags(c) & (uint32_t)RESERVED_FLAGS));
    if (!cpu_protected(c)) return;
    if (cpu_v86(c)) FUZZ_HOLDS(c->cpl == 3);
    else if (!tainted && !c->shutdown) check_rings(c);
}

/* Everything a program could tell the difference by, but memory. */
struct visible {
    uint32_t reg[9], eip, flags, cr[4], dr[8];
    uint64_t msr[MSR_COUNT];
    struct seg_reg seg[SEG_COUNT], ldtr, tr;
    uint32_t table[4];
    uint64_t inhibit;
    uint8_t  cpl, halted;
};

static void look(const struct cpu *c, struct visible *v)
{
    memset(v, 0, sizeof *v);
    memcpy(v->reg, c->reg, sizeof v->reg);
    memcpy(v->dr, c->dr, sizeof v->dr);
    memcpy(v->msr, c->msr, sizeof v->msr);
    memcpy(v->seg, c->seg, sizeof v->seg);
    v->ldtr = c->ldtr, v->tr = c->tr;
    v->eip = c->eip, v->flags = cpu_flags(c);
    v->cr[0] = c->cr0, v->cr[1] = c->cr2, v->cr[2] = c->cr3, v->cr[3] = c->cr4;
    v->table[0] = c->gdtr.base, v->table[1] = c->gdtr.limit, v->table[2] = c->idtr.base, v->table[3] = c->idtr.limit;
    v->inhibit = c->inhibit, v->cpl = c->cpl, v->halted = c->halted;
}

static void check_unchanged(const struct visible *before)
{
    struct visible after;
    look(&f.cpu, &after);
    if (memcmp(before, &after, sizeof after)) FUZZ_FAIL("%s changed a register", rings_outcome(&f, STEP_FAULT));
    for (uint32_t n = 0; n < stores.n; n++)
        if (stores.w[n].old != stores.w[n].new) FUZZ_FAIL("%s changed %08X", rings_outcome(&f, STEP_FAULT), stores.w[n].at.v);
    if (stores.lost) FUZZ_FAIL("%s had stored much", rings_outcome(&f, STEP_FAULT));
}

/* ---- what an input says ---- */

static uint32_t base_of(struct fuzz_input *in)
{
    static const uint32_t bases[] = { 0, AT_TSS, AT_TASK, AT_TASK16, AT_LDT, AT_SCRATCH, AT_STACK, AT_GDT };
    uint8_t n = fuzz_u8(in);
    return n & 0x80 ? fuzz_u32(in) : bases[n & 7];
}

static void patch(struct fuzz_input *in)
{
    uint8_t what = fuzz_u8(in);
    uint16_t sel = (uint16_t)(what & 4 ? SEL_LDT_DATA | (what & 8) : fuzz_u8(in) % (SEL_LAST / 8 + 1) * 8);
    uint32_t at;
    switch (what & 3) {
    case 0:
        at = base_of(in);
        rings_desc(&f, sel, at, fuzz_u32(in), fuzz_u16(in) & 0xF0FF);
        break;
    case 1: {
        uint32_t slot = what & 16 ? AT_IDT + 8u * fuzz_u8(in) : (sel & 4 ? AT_LDT : AT_GDT) + (sel & ~7u);
        uint16_t target = fuzz_u16(in);
        uint8_t ar = fuzz_u8(in), params = fuzz_u8(in);
        rings_gate(&f, slot, ar, target, fuzz_u16(in), params);
        break;
    }
    case 2:
        at = (what & 16 ? AT_TASK : AT_TSS) + (fuzz_u8(in) & 0x7Cu);
        fake_put32(&f, at, fuzz_u32(in));
        break;
    default:
        at = f.cpu.reg[ESP] + (fuzz_u8(in) & 0x3Cu);
        if (at < FAKE_RAM - 4) fake_put32(&f, at, fuzz_u32(in));
        break;
    }
}

static void begin(struct fuzz_input *in)
{
    uint8_t how = fuzz_u8(in), flags = fuzz_u8(in);
    rings_enter(&f, how & 3);
    f.cpu.eflags |= (how & 0x0Cu) << 10 | (flags & 1 ? FLAG_NT : 0) | (flags & 2 ? FLAG_IF : 0) | (flags & 4 ? FLAG_AC : 0);
    if (flags & 8) f.cpu.cr4 |= CR4_VME;
    if (flags & 16) f.cpu.msr[MSR_SYSENTER_CS] = fuzz_u16(in);
    if (flags & 32) f.cpu.gdtr.limit = fuzz_u8(in);
    if (how & 0x10) { /* virtual-8086 */
        f.cpu.eflags |= FLAG_VM;
        cpu_set_cpl(&f.cpu, 3);
        for (unsigned n = 0; n < SEG_COUNT; n++) seg_load_v86(&f.cpu.seg[n], (uint16_t)(n == SEG_SS ? 0x1000 : 0));
        f.cpu.reg[ESP] = 0x4000;
    }
    for (unsigned n = how >> 5; n--; ) patch(in);
}

enum { BYTES = 12 };
/* Hexadecimal; `$` stands for a selector of the input, `@` and `%` for an offset of 4 and 2 bytes, `?` for a byte. */
static const struct template {
    char code[12];
    enum { PLAIN, TAKES_AX /* a selector, and its upper half in CL */, TAKES_FREEDOM /* no rule binds what it leaves */ } what;
} templates[] = {
    { "8EC0", TAKES_AX }, { "8ED0", TAKES_AX }, { "8ED8", TAKES_AX }, { "8EE0", TAKES_AX }, { "8EE8", TAKES_AX },
    { "07", PLAIN }, { "17", PLAIN }, { "1F", PLAIN }, { "0FA1", PLAIN }, { "0FA9", PLAIN },
    { "C40C24", PLAIN }, { "C50C24", PLAIN }, { "0FB20C24", PLAIN }, { "0FB40C24", PLAIN },
    { "9A@$", PLAIN }, { "EA@$", PLAIN }, { "669A%$", PLAIN }, { "66EA%$", PLAIN }, { "FF1C24", PLAIN }, { "FF2C24", PLAIN },
    { "CB", PLAIN }, { "CA?00", PLAIN }, { "66CB", PLAIN }, { "CF", PLAIN }, { "66CF", PLAIN },
    { "CD?", PLAIN }, { "CC", PLAIN }, { "CE", PLAIN }, { "F1", PLAIN },
    { "0F00D0", TAKES_AX }, { "0F00D8", TAKES_AX }, { "0F00E0", TAKES_AX }, { "0F00E8", TAKES_AX }, { "0F02C8", TAKES_AX },
    { "0F03C8", TAKES_AX }, { "63C8", TAKES_AX }, { "0F34", PLAIN }, { "0F35", TAKES_FREEDOM },
    { "9D", PLAIN }, { "669D", PLAIN }, { "C8????", PLAIN }, { "0F011C24", PLAIN }, { "0F011424", PLAIN }, { "E4?", PLAIN }, { "F4", PLAIN },
};
enum { TEMPLATES = sizeof templates / sizeof templates[0] };

static unsigned assemble(struct fuzz_input *in, const char *t, uint8_t code[BYTES])
{
    unsigned n = 0;
    while (*t && n + 4 <= BYTES) {
        uint32_t v = 0;
        unsigned bytes = 1;
        switch (*t) {
        case '$': v = fuzz_u16(in), bytes = 2; break;
        case '@': v = fuzz_u16(in), bytes = 4; break;
        case '%': v = fuzz_u16(in), bytes = 2; break;
        case '?': v = fuzz_u8(in); break;
        default: sscanf(t++, "%2x", &v); break;
        }
        t++;
        memcpy(code + n, &v, bytes);
        n += bytes;
    }
    return n;
}

static void put_code(const uint8_t *code, unsigned n)
{
    uint32_t at = f.cpu.seg[SEG_CS].base + f.cpu.eip;
    if (at >= FAKE_CODE && at < CODE_TOP) fake_put(&f, at, code, n);
}

/* One of the templates, or any bytes, behind CS:EIP. */
static void prepare(struct fuzz_input *in, uint8_t which)
{
    uint8_t code[BYTES] = { 0 };
    unsigned n = BYTES;
    if (which < TEMPLATES) {
        if (templates[which].what == TAKES_AX) f.cpu.reg[EAX] = fuzz_u16(in), f.cpu.reg[ECX] = f.cpu.reg[EAX] >> 8;
        tainted |= templates[which].what == TAKES_FREEDOM;
        n = assemble(in, templates[which].code, code);
    } else {
        fuzz_bytes(in, code, n);
        tainted = true;
    }
    put_code(code, n);
}

static enum step deliver(struct fuzz_input *in, uint8_t how)
{
    uint8_t vector = fuzz_u8(in);
    return cpu_deliver(&f.cpu, vector, how & 1 ? DELIVER_EXTERNAL : DELIVER_FAULT, how & 2, how & 2 ? fuzz_u16(in) : 0);
}

/* Restartable, and yet not without effect: rounds of a string instruction stay done; what ENTER has pushed lies below ESP. */
static bool leaves_traces(const struct insn *i) { return (i->flags & (INSN_REP | INSN_REPNE)) || i->id == MN_ENTER; }

enum { STEP_DELIVERS = 0xF0, STEP_PATCHES = 0xE0, STEP_GOES_ON = 0x40 /* what it raises is delivered */, STEP_TEMPLATE = 0x3F };

static void step(struct fuzz_input *in)
{
    uint8_t which = fuzz_u8(in);
    struct visible before;
    struct insn done = { 0 };
    enum step s;
    if (which < STEP_PATCHES) prepare(in, which & STEP_TEMPLATE);
    else if (which < STEP_DELIVERS) patch(in);
    stores.n = stores.lost = 0;
    f.cpu.halted = false;
    look(&f.cpu, &before);
    s = which < STEP_DELIVERS ? cpu_execute_one(&f.cpu, &done) : deliver(in, which);
    /* A delivery that got into another task is past the point of no return: what faults then, faults there, half set up. */
    bool entered_task = s == STEP_FAULT && which >= STEP_DELIVERS && !(which & 1) && f.cpu.tr.sel != before.tr.sel;
    if (s == STEP_FAULT && !leaves_traces(&done) && !entered_task) check_unchanged(&before);
    if (!entered_task) check_state(&f.cpu);
    if (s != STEP_FAULT || !(entered_task || which & STEP_GOES_ON)) return;
    cpu_deliver_fault(&f.cpu, f.cpu.fault);
    check_state(&f.cpu);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, data + size };
    world();
    begin(&in);
    for (unsigned n = 0; fuzz_left(&in) && n < STEPS && !f.cpu.shutdown; n++) step(&in);
    return 0;
}

/* Each template from each ring with selectors of each kind; gates and tasks in the tables. */
size_t fuzz_seed(unsigned n, uint8_t *to, size_t room)
{
    static const uint16_t selectors[] = { SEL_CODE0, SEL_CONFORMING, SEL_READ_ONLY, SEL_SCRATCH, SEL_TSS_FREE, SEL_TSS16, SEL_LDT_DATA,
                                          0x3B, 0x33, 0, SEL_ABSENT_CODE, SEL_BEYOND };
    static const uint8_t gates[] = { 0xEC, 0xE4, 0xE5, 0xEE, 0xE6, 0xEF };
    struct fuzz_seed s = { to, 0, room };
    if (n >= 8 * (TEMPLATES + 5)) return 0;
    unsigned ring = n % 4, which = n / 8;
    if (which > TEMPLATES) { /* a frame for a return to the other rings */
        const uint16_t code = (uint16_t)(CODE(n / 4 % 4) | n / 4 % 4), data = (uint16_t)(DATA(n / 4 % 4) | n / 4 % 4);
        const uint32_t iret = which & 1, frame[] = { FAKE_CODE, code, iret ? 2 : AT_STACK, iret ? AT_STACK : data, data };
        fuzz_put8(&s, 5 << 5 | ring), fuzz_put8(&s, 0);
        for (unsigned k = 0; k < 5; k++) fuzz_put8(&s, 3), fuzz_put8(&s, 0), fuzz_put8(&s, 4 * k), fuzz_put32(&s, frame[k]);
        fuzz_put8(&s, iret ? 23 : 20), fuzz_put32(&s, 0);
        return s.n;
    }
    fuzz_put8(&s, 2 << 5 | ring | (n & 4 ? 0x10 : 0));
    fuzz_put8(&s, n * 5);
    fuzz_put8(&s, 1), fuzz_put8(&s, SEL_SCRATCH / 8);
    fuzz_put16(&s, which & 1 ? SEL_CODE0 : SEL_TSS_FREE), fuzz_put8(&s, gates[which % sizeof gates]), fuzz_put8(&s, which & 3);
    fuzz_put16(&s, FAKE_CODE);
    fuzz_put8(&s, 17), fuzz_put8(&s, 0), fuzz_put8(&s, n);
    fuzz_put16(&s, n & 1 ? SEL_TSS_FREE : SEL_CONFORMING), fuzz_put8(&s, n & 1 ? 0xE5 : 0xEE), fuzz_put8(&s, 0), fuzz_put16(&s, 0x9000);
    for (unsigned k = 0; k < 6; k++) {
        fuzz_put8(&s, (which == TEMPLATES ? 0xF1u : which) | (k & 1 ? 0x40 : 0));
        fuzz_put16(&s, selectors[(n + k) % 12] | (k & 3)), fuzz_put16(&s, k & 2 ? FAKE_CODE : selectors[(n + 2 * k) % 12]);
    }
    return s.n;
}
