/* See classify_board.h. */
#include "sim/classify_board.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/cpu/segment.h"

enum { FRAME_GDT2 = 8, FRAME_IDT2 = 9, FRAME_DIRECTORY2 = 10, FRAME_TSS2 = 11, TIME = 0x12345678, STEPS_MOST = 4096, NOP = 0x90 };
enum { CODE = AR_P | AR_S | AR_CODE | AR_WRITE | AR_ACCESSED | AR_DB | AR_G, DATA = AR_P | AR_S | AR_WRITE | AR_ACCESSED | AR_DB | AR_G,
       DPL3 = AR_DPL, DPL1 = 1 << 5, LIMIT = 0x2FFFF };

static void descriptor(struct lab *l, unsigned sel, uint32_t base, uint32_t limit, uint32_t ar)
{
    uint32_t d[2] = { (limit & 0xFFFF) | base << 16,
                      (base & 0xFF000000u) | (base >> 16 & 0xFF) | ar << 8 | (limit & 0xF0000) };
    memcpy(l->tables + FRAME_GDT * PAGE_SIZE + sel, d, sizeof d);
}

static void gate(struct lab *l, unsigned sel, uint16_t code, uint32_t at)
{
    uint32_t d[2] = { (at & 0xFFFF) | (uint32_t)code << 16, (at & 0xFFFF0000u) | (AR_P | DPL3 | SYS_CALL32) << 8 };
    memcpy(l->tables + FRAME_GDT * PAGE_SIZE + sel, d, sizeof d);
}

static void build_tables(struct lab *l, unsigned ring)
{
    uint8_t *t = l->tables;
    descriptor(l, CSEL_CODE, 0, LIMIT, CODE | ring << 5);
    descriptor(l, CSEL_STACK, 0, LIMIT, DATA | ring << 5);
    descriptor(l, CSEL_DATA0, 0, LIMIT, DATA);
    descriptor(l, CSEL_BASED3, 0x1000, LIMIT - 1, DATA | DPL3);
    descriptor(l, CSEL_CONFORMING, 0, LIMIT, CODE | AR_DOWN);
    descriptor(l, CSEL_CODE3, 0, LIMIT, CODE | DPL3);
    descriptor(l, CSEL_DATA3, 0, LIMIT, DATA | DPL3);
    gate(l, CSEL_GATE3, CSEL_CODE0, CLASSIFY_TARGET);
    descriptor(l, CSEL_CODE0, 0, LIMIT, CODE);
    descriptor(l, CSEL_LDT2, SYSTEM_PAGE(FRAME_LDT), 15, AR_P | SYS_LDT);
    descriptor(l, CSEL_CODE1, 0, LIMIT, CODE | DPL1);
    descriptor(l, CSEL_TSS2, SYSTEM_PAGE(FRAME_TSS2), 0x67, AR_P | SYS_TSS32_BUSY);
    descriptor(l, CSEL_TSS_FREE, SYSTEM_PAGE(FRAME_TSS2), 0x67, AR_P | SYS_TSS32);
    descriptor(l, CSEL_DATA1, 0, LIMIT, DATA | DPL1);
    descriptor(l, CSEL_CODE3_BASED, 0x1000, LIMIT - 1, CODE | DPL3);
    memcpy(t + FRAME_GDT2 * PAGE_SIZE, t + FRAME_GDT * PAGE_SIZE, PAGE_SIZE);
    memcpy(t + FRAME_IDT2 * PAGE_SIZE, t + FRAME_IDT * PAGE_SIZE, PAGE_SIZE);
    memcpy(t + FRAME_DIRECTORY2 * PAGE_SIZE, t + FRAME_DIRECTORY * PAGE_SIZE, PAGE_SIZE);
    memcpy(t + FRAME_TSS2 * PAGE_SIZE, t + FRAME_GDT * PAGE_SIZE + TSS_AT, 0x68);
    memcpy(l->ram, t, sizeof l->tables);
}

static void load(const struct lab *l, struct seg_reg *s, uint16_t sel)
{
    uint32_t d[2];
    memcpy(d, l->tables + FRAME_GDT * PAGE_SIZE + (sel & ~7u), sizeof d);
    cpu_seg_set(s, sel, d[0], d[1]);
}

static void place_elsewhere(const struct lab *l, struct cpu *c)
{
    c->gdtr.base = SYSTEM_PAGE(FRAME_GDT2);
    c->idtr.base = SYSTEM_PAGE(FRAME_IDT2);
    load(l, &c->ldtr, CSEL_LDT2);
    load(l, &c->tr, CSEL_TSS2);
    c->cr3 = FRAME_DIRECTORY2 * PAGE_SIZE;
    c->cr0 ^= CR0_MP;
    c->eflags &= ~(uint32_t)FLAG_IF;
    c->msr[MSR_SYSENTER_EIP] = 0x5678;
}

static void build_cpu(struct lab *l, unsigned ring, enum classify_place place)
{
    lab_board_state(&l->now, &l->fresh[ring]);
    struct cpu *c = &l->now.cpu;
    c->gdtr.limit = CSEL_END - 1;
    c->cr0 |= CR0_MP | CR0_NE;
    c->cr4 |= CR4_TSD | CR4_OSFXSR | (l->model.extras & EXTRA_UMIP ? CR4_UMIP : 0) |
              (l->model.extras & EXTRA_VIRTUALIZABLE ? CR4_SEN : 0);
    cpu_set_flags(c, FLAG_IF);
    load(l, &c->seg[SEG_CS], (uint16_t)(CSEL_CODE | ring));
    load(l, &c->seg[SEG_SS], (uint16_t)(CSEL_STACK | ring));
    static const uint8_t data[] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };
    for (unsigned i = 0; i < sizeof data; i++) load(l, &c->seg[data[i]], CSEL_DATA3 | 3);
    if (place == CLASSIFY_THERE) place_elsewhere(l, c);
    if (place == CLASSIFY_LATER) c->tsc_base += TIME;
    if (place == CLASSIFY_BUSY) c->cr0 |= CR0_TS, c->eflags &= ~(uint32_t)FLAG_IF;
    c->fpu.cs = c->seg[SEG_CS].sel; /* as if an x87 instruction had run before */
    c->env.paging(c->env.mmu, c->cr0, c->cr3, c->cr4);
    cpu_set_cpl(c, (uint8_t)ring);
    lab_board_state(&l->fresh[ring], &l->now);
}

/* The case's own frames, where the last one stored; all of them before the first. */
static void clean(struct lab *l, bool all)
{
    for (uint32_t frame = FRAME_CASE; frame < FRAMES; frame++) {
        if (!all && !(l->bus.marks[frame] & FRAME_DIRTY)) continue;
        memset(l->ram + frame * PAGE_SIZE, frame >= FRAME_OF_CODE ? NOP : 0, PAGE_SIZE);
        l->bus.marks[frame] &= (uint8_t)~FRAME_DIRTY;
    }
}

bool classify_board_new(struct classify_board *b, unsigned ring, enum classify_place place, const struct model *model,
                        struct err *e)
{
    b->ring = (uint8_t)ring;
    b->lab = lab_new(e);
    if (!b->lab) return false;
    b->lab->model.extras = model->extras;
    b->lab->model.untrapped = model->untrapped;
    build_tables(b->lab, ring);
    build_cpu(b->lab, ring, place);
    clean(b->lab, true);
    return true;
}

void classify_board_free(struct classify_board *b) { lab_free(b->lab); }

/* --- executing --- */

/* What lies on the stack: 0 a selector for POP, 1 the frame of an IRET, 2 that of a far return, 3 an image of flags. */
static void put_words(struct lab *l, const struct classify_case *k)
{
    const uint32_t frames[4][5] = {
        { k->sel, CLASSIFY_TARGET },
        { CLASSIFY_TARGET, k->sel, k->flags, CLASSIFY_STACK - 0x100, CSEL_DATA3 | 3 },
        { CLASSIFY_TARGET, k->sel, CLASSIFY_STACK - 0x100, CSEL_DATA3 | 3 },
        { k->flags, CLASSIFY_TARGET },
    };
    const uint32_t far_pointer[2] = { CLASSIFY_TARGET, k->sel }, bare[2] = { k->sel, 0x00008000 };
    uint8_t *data = l->ram + FRAME_DATA * PAGE_SIZE, *code = l->ram + FRAME_OF_CODE * PAGE_SIZE;
    memcpy(data + (CLASSIFY_STACK - LAB_DATA), frames[k->stack], sizeof frames[0]);
    memcpy(data + (CLASSIFY_DATA - LAB_DATA), k->stack ? far_pointer : bare, sizeof bare);
    memset(code + (CLASSIFY_AT - LAB_CODE), NOP, sizeof k->bytes);
    memcpy(code + (CLASSIFY_AT - LAB_CODE), k->bytes, k->n);
}

static void prepare(struct lab *l, unsigned ring, const struct classify_case *k)
{
    struct cpu *c = &l->now.cpu;
    lab_board_reset(l, ring);
    c->reg[EAX] = k->sel;
    c->reg[ECX] = k->ecx;
    c->reg[EDX] = 0x80;
    c->reg[EBX] = CLASSIFY_DATA;
    c->reg[ESI] = LAB_DATA + 0x800, c->reg[EDI] = LAB_DATA + 0xC00, c->reg[EBP] = LAB_DATA + 0x1000;
    c->reg[ESP] = CLASSIFY_STACK;
    c->eip = CLASSIFY_AT;
    clean(l, false);
    put_words(l, k);
}

void classify_execute(struct classify_board *b, const struct classify_case *k)
{
    struct lab *l = b->lab;
    struct cpu *c = &l->now.cpu;
    struct classify_outcome *out = &b->outcome;
    prepare(l, b->ring, k);
    memcpy(&b->before, c, offsetof(struct cpu, dtlb));
    enum step s = STEP_JUMP;
    for (unsigned n = 0; n < STEPS_MOST && s == STEP_JUMP && c->insns == b->before.insns; n++) s = cpu_execute_one(c, NULL);
    *out = (struct classify_outcome){ .before = &b->before, .after = c };
    out->halted = s == STEP_HALT;
    out->trapped = s == STEP_FAULT || c->seg[SEG_CS].sel == SEL_HANDLERS;
    out->vector = s == STEP_FAULT ? c->fault.vector : (uint8_t)((c->eip - SYSTEM_PAGE(FRAME_HANDLERS)) / 4);
}

/* --- comparing --- */

static bool say_two(char *what, size_t room, const char *name, uint32_t x, uint32_t y)
{
    snprintf(what, room, "%s %X, %X", name, x, y);
    return true;
}

static const struct { const char *name; size_t at; uint8_t bytes; } fields[] = {
#define FIELD(name, member) { name, offsetof(struct cpu, member), sizeof(((struct cpu *)0)->member) }
    FIELD("EAX", reg[EAX]), FIELD("ECX", reg[ECX]), FIELD("EDX", reg[EDX]), FIELD("EBX", reg[EBX]), FIELD("ESP", reg[ESP]),
    FIELD("EBP", reg[EBP]), FIELD("ESI", reg[ESI]), FIELD("EDI", reg[EDI]), FIELD("EIP", eip), FIELD("ES", seg[SEG_ES].sel),
    FIELD("DS", seg[SEG_DS].sel), FIELD("FS", seg[SEG_FS].sel), FIELD("GS", seg[SEG_GS].sel), FIELD("ES base", seg[SEG_ES].base),
    FIELD("DS base", seg[SEG_DS].base), FIELD("FS base", seg[SEG_FS].base), FIELD("GS base", seg[SEG_GS].base),
    FIELD("ES limit", seg[SEG_ES].limit), FIELD("DS limit", seg[SEG_DS].limit),
    FIELD("x87 status", fpu.status), FIELD("x87 control", fpu.control),
};

/* What the location is made of. */
static const struct { const char *name; size_t at; uint8_t bytes; } controls[] = {
    FIELD("CPL", cpl), FIELD("GDTR.base", gdtr.base), FIELD("GDTR.limit", gdtr.limit), FIELD("IDTR.base", idtr.base),
    FIELD("IDTR.limit", idtr.limit), FIELD("LDTR", ldtr.sel), FIELD("TR", tr.sel), FIELD("CR0", cr0), FIELD("CR3", cr3),
    FIELD("CR4", cr4), FIELD("DR0", dr[0]), FIELD("DR1", dr[1]), FIELD("DR2", dr[2]), FIELD("DR3", dr[3]), FIELD("DR7", dr[7]),
    FIELD("SYSENTER_CS", msr[MSR_SYSENTER_CS]), FIELD("SYSENTER_EIP", msr[MSR_SYSENTER_EIP]),
    FIELD("SYSENTER_ESP", msr[MSR_SYSENTER_ESP]), FIELD("CS base", seg[SEG_CS].base), FIELD("SS base", seg[SEG_SS].base),
    FIELD("DS base", seg[SEG_DS].base), FIELD("ES base", seg[SEG_ES].base), FIELD("FS base", seg[SEG_FS].base),
    FIELD("GS base", seg[SEG_GS].base), FIELD("CS limit", seg[SEG_CS].limit), FIELD("DS limit", seg[SEG_DS].limit),
    FIELD("ES limit", seg[SEG_ES].limit),
#undef FIELD
};

static uint32_t value(const struct cpu *c, size_t at, unsigned bytes)
{
    uint64_t v = 0;
    memcpy(&v, (const uint8_t *)c + at, bytes < 8 ? bytes : 8);
    return (uint32_t)v;
}

static bool flags_differ(const struct classify_outcome *x, const struct classify_outcome *y, char *what, size_t room)
{
    static const struct { const char *name; uint32_t mask; } names[] = {
        { "CF", FLAG_CF }, { "PF", FLAG_PF }, { "AF", FLAG_AF }, { "ZF", FLAG_ZF }, { "SF", FLAG_SF }, { "OF", FLAG_OF },
        { "IF", FLAG_IF }, { "DF", FLAG_DF }, { "IOPL", FLAG_IOPL }, { "NT", FLAG_NT }, { "AC", FLAG_AC }, { "ID", FLAG_ID },
    };
    uint32_t same = ~(cpu_flags(x->before) ^ cpu_flags(y->before)), a = cpu_flags(x->after), b = cpu_flags(y->after);
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if ((a ^ b) & same & names[i].mask)
            return say_two(what, room, names[i].name, (a & names[i].mask) != 0, (b & names[i].mask) != 0);
    return false;
}

/* The linear address of a byte of RAM, for people. */
static uint32_t linear(uint32_t at)
{
    unsigned frame = at / PAGE_SIZE;
    if (frame >= FRAME_OF_CODE) return LAB_CODE + at - FRAME_OF_CODE * PAGE_SIZE;
    if (frame >= FRAME_DATA) return LAB_DATA + at - FRAME_DATA * PAGE_SIZE;
    return frame >= FRAME_LOW ? LAB_LOW + at - FRAME_LOW * PAGE_SIZE : SYSTEM_BASE + at;
}

static bool frame_differs(const struct lab *a, const struct lab *b, uint32_t frame, char *what, size_t room)
{
    uint32_t from = frame * PAGE_SIZE;
    if (!memcmp(a->ram + from, b->ram + from, PAGE_SIZE)) return false;
    for (uint32_t at = from; at < from + PAGE_SIZE; at++) {
        if (a->ram[at] == b->ram[at] || (frame < FRAME_CASE && a->tables[at] != b->tables[at])) continue;
        char name[40];
        uint32_t word = at & ~3u, x, y;
        memcpy(&x, a->ram + word, 4), memcpy(&y, b->ram + word, 4);
        snprintf(name, sizeof name, "memory at %08X:", linear(word));
        return say_two(what, room, name, x, y);
    }
    return false;
}

bool classify_differ(const struct classify_board *p, const struct classify_board *q, char *what, size_t room)
{
    const struct classify_outcome *x = &p->outcome, *y = &q->outcome;
    const struct lab *a = p->lab, *b = q->lab;
    if (x->trapped || y->trapped) return false;
    if (x->halted != y->halted) return say_two(what, room, "halted", x->halted, y->halted);
    for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        size_t at = fields[i].at;
        uint8_t n = fields[i].bytes;
        if (value(x->before, at, n) != value(y->before, at, n)) continue;
        if (value(x->after, at, n) != value(y->after, at, n))
            return say_two(what, room, fields[i].name, value(x->after, at, n), value(y->after, at, n));
    }
    if (flags_differ(x, y, what, room)) return true;
    for (uint32_t frame = 0; frame < FRAMES; frame++) {
        bool touched = (a->bus.marks[frame] | b->bus.marks[frame]) & FRAME_DIRTY;
        if (touched && frame_differs(a, b, frame, what, room)) return true;
    }
    return false;
}

bool classify_controls(const struct classify_outcome *x, char *what, size_t room)
{
    if (x->trapped) return false;
    if (x->halted) return snprintf(what, room, "the processor stops"), true;
    for (unsigned i = 0; i < sizeof controls / sizeof controls[0]; i++) {
        uint32_t was = value(x->before, controls[i].at, controls[i].bytes), is = value(x->after, controls[i].at, controls[i].bytes);
        if (was == is) continue;
        snprintf(what, room, "%s %X -> %X", controls[i].name, was, is);
        return true;
    }
    uint32_t was = cpu_flags(x->before), is = cpu_flags(x->after);
    if (!((was ^ is) & (FLAG_IF | FLAG_IOPL | FLAG_VM))) return false;
    if ((was ^ is) & FLAG_IF) snprintf(what, room, "IF %u -> %u", !!(was & FLAG_IF), !!(is & FLAG_IF));
    else snprintf(what, room, "IOPL %u -> %u", was >> 12 & 3, is >> 12 & 3);
    return true;
}
