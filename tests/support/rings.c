/* See rings.h. */
#include "tests/support/rings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum {
    AR_CODE_SEG = AR_P | AR_S | AR_CODE | AR_WRITE | AR_DB | AR_G, AR_DATA_SEG = AR_P | AR_S | AR_WRITE | AR_DB | AR_G,
    AR_DPL3 = 3 << 5, TSS32 = 9, TSS16 = 1, LDT = 2, INT32 = 14, TRAP32 = 15
};

static uint32_t desc_at(uint16_t sel) { return (sel & 4 ? AT_LDT : AT_GDT) + (sel & 0xFFF8u); }

void rings_desc(struct fake *f, uint16_t sel, uint32_t base, uint32_t limit, unsigned ar)
{
    if (ar & AR_G) limit >>= 12;
    fake_put32(f, desc_at(sel), (limit & 0xFFFF) | base << 16);
    fake_put32(f, desc_at(sel) + 4, (base & 0xFF000000u) | (base >> 16 & 0xFF) | ar << 8 | (limit & 0xF0000));
}

void rings_gate(struct fake *f, uint32_t at, unsigned ar, uint16_t sel, uint32_t offset, unsigned params)
{
    fake_put32(f, at, (offset & 0xFFFF) | (uint32_t)sel << 16);
    fake_put32(f, at + 4, (offset & 0xFFFF0000u) | ar << 8 | params);
}

void rings_tss_stack(struct fake *f, unsigned ring, uint16_t ss, uint32_t esp)
{
    fake_put32(f, AT_TSS + 4 + 8 * ring, esp);
    fake_put32(f, AT_TSS + 8 + 8 * ring, ss);
}

static void make_gdt(struct fake *f)
{
    for (unsigned n = 0; n < 4; n++) {
        rings_desc(f, CODE(n), 0, UINT32_MAX, (unsigned)AR_CODE_SEG | n << 5);
        rings_desc(f, DATA(n), 0, UINT32_MAX, (unsigned)AR_DATA_SEG | n << 5);
    }
    rings_desc(f, SEL_CONFORMING, 0, UINT32_MAX, AR_CODE_SEG | AR_DOWN);
    rings_desc(f, SEL_CONFORMING2, 0, UINT32_MAX, AR_CODE_SEG | AR_DOWN | 2 << 5);
    rings_desc(f, SEL_ABSENT_CODE, 0, UINT32_MAX, AR_CODE_SEG & ~AR_P);
    rings_desc(f, SEL_ABSENT_DATA, 0, UINT32_MAX, (AR_DATA_SEG & ~AR_P) | AR_DPL3);
    rings_desc(f, SEL_READ_ONLY, 0, UINT32_MAX, (AR_DATA_SEG & ~AR_WRITE) | AR_DPL3);
    rings_desc(f, SEL_EXEC_ONLY, 0, UINT32_MAX, (AR_CODE_SEG & ~AR_WRITE) | AR_DPL3);
    rings_desc(f, SEL_DOWN, 0, 0xFFF, AR_P | AR_S | AR_WRITE | AR_DOWN | AR_DB | AR_DPL3);
    rings_desc(f, SEL_SMALL, AT_SCRATCH, 0xFFF, AR_P | AR_S | AR_WRITE | AR_DPL3);
    rings_desc(f, SEL_TSS, AT_TSS, AT_IOMAP + 0x2000, AR_P | TSS32 | 2);
    rings_desc(f, SEL_LDT, AT_LDT, 0xF, AR_P | LDT);
    rings_desc(f, SEL_TSS16, AT_TASK16, 0x2B, AR_P | TSS16);
    rings_desc(f, SEL_TSS_FREE, AT_TASK, 0x67, AR_P | TSS32 | AR_DPL3);
    rings_desc(f, SEL_SCRATCH, 0, 0, 0);
    rings_desc(f, SEL_SCRATCH2, 0, 0, 0);
    rings_desc(f, SEL_LAST, 0, UINT32_MAX, AR_DATA_SEG | AR_DPL3);
    rings_desc(f, SEL_LDT_DATA, 0, 0, 0);
    rings_desc(f, SEL_LDT_DATA | 8, 0, UINT32_MAX, AR_DATA_SEG | AR_DPL3);
}

static void load(struct fake *f, struct seg_reg *s, uint16_t sel)
{
    cpu_seg_set(s, sel, fake_get32(f, desc_at(sel)), fake_get32(f, desc_at(sel) + 4));
}

void rings_init(struct fake *f)
{
    fake_init(f, false);
    make_gdt(f);
    f->cpu.gdtr = (struct table_reg){ AT_GDT, SEL_LAST + 7 };
    f->cpu.idtr = (struct table_reg){ AT_IDT, 0x7FF };
    for (unsigned n = 0; n < 256; n++) rings_idt(f, n, AR_P | INT32, SEL_CODE0, AT_HANDLER + 16 * n);
    rings_idt(f, 0x80, AR_P | INT32 | AR_DPL3, SEL_CODE0, AT_HANDLER + 16 * 0x80);
    rings_idt(f, 0x81, AR_P | TRAP32 | AR_DPL3, SEL_CODE0, AT_HANDLER + 16 * 0x81);
    for (unsigned n = 0; n < 3; n++) rings_tss_stack(f, n, (uint16_t)(DATA(n) | n), AT_STACK + 0x1000 * n);
    fake_put32(f, AT_TSS + 0x64, (uint32_t)AT_IOMAP << 16);
    for (uint32_t at = 0; at < 0x2000; at += 4) fake_put32(f, AT_TSS + AT_IOMAP + at, UINT32_MAX);
    load(f, &f->cpu.tr, SEL_TSS);
    load(f, &f->cpu.ldtr, SEL_LDT);
    f->cpu.tr.ar |= 2;
    rings_enter(f, 0);
}

void rings_enter(struct fake *f, unsigned ring)
{
    static const uint8_t data[] = { SEG_SS, SEG_DS, SEG_ES };
    load(f, &f->cpu.seg[SEG_CS], CODE(ring));
    f->cpu.seg[SEG_CS].sel = (uint16_t)(CODE(ring) | ring);
    for (unsigned n = 0; n < sizeof data; n++) {
        load(f, &f->cpu.seg[data[n]], DATA(ring));
        f->cpu.seg[data[n]].sel = (uint16_t)(DATA(ring) | ring);
    }
    cpu_set_cpl(&f->cpu, (uint8_t)ring);
    f->cpu.reg[ESP] = AT_STACK + 0x1000 * ring - 0x400;
    f->cpu.eip = FAKE_CODE;
}

/* Everything a program could tell the difference by. */
struct visible {
    uint32_t reg[9], eip, flags, cr[4], dr[8];
    uint64_t msr[MSR_COUNT];
    struct seg_reg seg[SEG_COUNT], ldtr, tr;
    struct table_reg gdtr, idtr;
    uint64_t inhibit, tsc_base;
    uint8_t cpl;
    bool halted, shutdown;
    uint8_t ram[FAKE_RAM];
};

static void look(const struct fake *f, struct visible *v)
{
    const struct cpu *c = &f->cpu;
    memset(v, 0, sizeof *v);
    memcpy(v->reg, c->reg, sizeof v->reg);
    memcpy(v->dr, c->dr, sizeof v->dr);
    memcpy(v->seg, c->seg, sizeof v->seg);
    v->eip = c->eip;
    v->flags = cpu_flags(c);
    v->cr[0] = c->cr0; v->cr[1] = c->cr2; v->cr[2] = c->cr3; v->cr[3] = c->cr4;
    memcpy(v->msr, c->msr, sizeof v->msr);
    v->ldtr = c->ldtr; v->tr = c->tr;
    v->gdtr.base = c->gdtr.base; v->gdtr.limit = c->gdtr.limit;
    v->idtr.base = c->idtr.base; v->idtr.limit = c->idtr.limit;
    v->inhibit = c->inhibit; v->tsc_base = c->tsc_base;
    v->cpl = c->cpl; v->halted = c->halted; v->shutdown = c->shutdown;
    memcpy(v->ram, f->ram, sizeof v->ram);
}

enum step rings_checked(struct fake *f, enum step (*fn)(struct fake *f, void *arg), void *arg)
{
    static struct visible before, after;
    look(f, &before);
    enum step s = fn(f, arg);
    look(f, &after);
    if (s == STEP_FAULT && memcmp(&before, &after, sizeof before)) fail_msg("a fault (%s) changed something", rings_outcome(f, s));
    return s;
}

static enum step execute(struct fake *f, void *arg)
{
    (void)arg;
    return cpu_execute_one(&f->cpu, NULL);
}

enum step rings_step(struct fake *f, const void *bytes, size_t n)
{
    fake_put(f, f->cpu.seg[SEG_CS].base + f->cpu.eip, bytes, n);
    return rings_checked(f, execute, NULL);
}

const char *rings_outcome(const struct fake *f, enum step s)
{
    static const char *const name[] = {
        [VEC_DE] = "DE", [VEC_DB] = "DB", [VEC_BP] = "BP", [VEC_OF] = "OF", [VEC_BR] = "BR", [VEC_UD] = "UD", [VEC_NM] = "NM",
        [VEC_DF] = "DF", [VEC_TS] = "TS", [VEC_NP] = "NP", [VEC_SS] = "SS", [VEC_GP] = "GP", [VEC_PF] = "PF", [VEC_MF] = "MF",
        [VEC_AC] = "AC"
    };
    static char text[32];
    const struct fault *x = &f->cpu.fault;
    if (s == STEP_HALT) return "halt";
    if (s != STEP_FAULT) return s == STEP_JUMP ? "jump" : "ok";
    const char *word = x->vector < sizeof name / sizeof name[0] && name[x->vector] ? name[x->vector] : "??";
    if (x->has_code) snprintf(text, sizeof text, "#%s(%X)", word, (unsigned)x->code);
    else snprintf(text, sizeof text, "#%s", word);
    return text;
}
