/* `monitor` commands that only look. See gdb_monitor.h. Everything is the guest's view. SDM 3A fig. 3-8, 6-2. */
#include "sim/gdb_monitor.h"

#include <stdio.h>
#include <string.h>

enum { LOG = 20, DIGITS = 14, AR_S = 0x10, AR_CODE = 8, AR_P = 0x80, AR_DB = 0x4000, AR_G = 0x8000 };

static void count(struct text *out, uint64_t n)
{
    struct text t = { 0 };
    text_number(&t, n);
    text_add(out, "%*s", DIGITS, text_str(&t));
    text_free(&t);
}

static const char *fate(const struct machine *m)
{
    static const char *const words[] = { "running", "exited", "halted for ever", "died", "limit", "reset", "power off" };
    struct machine_end end = machine_end(m);
    return end.fate < sizeof words / sizeof words[0] ? words[end.fate] : "?";
}

void show_info(struct gdb *g, const char *rest, struct text *out)
{
    (void)rest;
    const struct machine_cfg *c = machine_config(g->m);
    struct machine_end end = machine_end(g->m);
    text_add(out, "%s\n--cpu %s --mmu %s, model %s, %u MB, seed %llu\n", c->image, c->cpu, c->mmu, c->label, c->ram_mib,
             (unsigned long long)c->seed);
    monitor_where(g, out);
    text_add(out, "%s%s%s\n", fate(g->m), end.why[0] ? ": " : "", end.why);
}

void show_regs(struct gdb *g, const char *rest, struct text *out)
{
    static const char *const names[] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi" };
    struct machine_cpu c;
    machine_guest(g->m, &c);
    for (unsigned i = 0; i < 8; i++) text_add(out, "%s %08x%s", names[i], c.reg[i], i % 4 == 3 ? "\n" : "  ");
    text_add(out, "eip %08x  eflags %08x (IF %u, IOPL %u)  ring %u%s\n", c.eip, c.eflags, c.iflag, c.iopl, c.cpl,
             c.halted ? ", halted" : "");
    text_add(out, "cr0 %08x  cr2 %08x  cr3 %08x  cr4 %08x\n", c.cr0, c.cr2, c.cr3, c.cr4);
    text_add(out, "gdt %08x:%04x  idt %08x:%04x  ldtr %04x  tr %04x\n", c.gdt_base, c.gdt_limit, c.idt_base,
             c.idt_limit, c.ldtr, c.tr);
    text_add(out, "dr0 %08x  dr1 %08x  dr2 %08x  dr3 %08x  dr6 %08x  dr7 %08x\n", c.dr[0], c.dr[1], c.dr[2],
             c.dr[3], c.dr[6], c.dr[7]);
    show_segments(g, rest, out);
}

void show_exits(struct gdb *g, const char *rest, struct text *out)
{
    (void)rest;
    struct machine_summary s;
    if (!machine_has_vmm(g->m)) {
        text_add(out, "--cpu %s has no hypervisor, so nothing exits to one; try --cpu te\n", machine_config(g->m)->cpu);
        return;
    }
    machine_summary(g->m, &s);
    text_add(out, "%*s%*s  reason\n", DIGITS, "exits", DIGITS, "cycles");
    for (unsigned i = 0; i < s.reasons; i++) {
        count(out, s.reason[i].count);
        count(out, s.reason[i].cycles);
        text_add(out, "  %s\n", s.reason[i].name);
    }
    count(out, s.exits);
    text_add(out, "%*s  all; %llu silent failures\n", DIGITS, "", (unsigned long long)s.silent);
}

void show_cycles(struct gdb *g, const char *rest, struct text *out)
{
    (void)rest;
    struct machine_summary s;
    machine_summary(g->m, &s);
    for (unsigned i = 0; i < CAUSE_COUNT; i++) {
        if (!s.by_cause[i]) continue;
        count(out, s.by_cause[i]);
        text_add(out, "  %s\n", cause_about(i));
    }
    count(out, s.cycles);
    text_add(out, "  all, in %llu instructions\n", (unsigned long long)s.insns);
}

void show_log(struct gdb *g, const char *rest, struct text *out)
{
    uint64_t n;
    const struct trace *t = machine_trace_of(g->m);
    if (!monitor_number(rest, LOG, &n, out)) return;
    size_t all = trace_count(t);
    for (size_t i = n < all ? all - (size_t)n : 0; i < all; i++) {
        trace_line(trace_at(t, i), out);
        text_char(out, '\n');
    }
}

/* --- translations ------------------------------------------------------------------------------------------------- */

static void add_walk(struct text *out, const char *head, bool ok, const struct xlat *x, uint32_t code, uint32_t to)
{
    static const char bits[] = "PWUtcADSG";
    text_add(out, "%s\n", head);
    for (unsigned i = 0; i < x->refs && i < XLAT_REFS; i++) {
        const struct xlat_ref *r = &x->ref[i];
        text_add(out, "  level %u entry at %08x: %08x ", r->level, r->at.v, r->entry);
        for (unsigned b = 0; b < sizeof bits - 1; b++) text_char(out, r->entry >> b & 1 ? bits[b] : '-');
        text_char(out, '\n');
    }
    if (ok) text_add(out, "  -> %08x%s\n", to, x->refs ? "" : " (paging is off)");
    else text_add(out, "  page fault, error code %x\n", code);
}

void show_walk(struct gdb *g, const char *rest, struct text *out)
{
    uint32_t at;
    struct machine_xlat x;
    if (!monitor_address(g, rest, &at, out)) return;
    machine_translate(g->m, gva(at), ACCESS_READ, &x);
    text_add(out, "%08x: directory %03x, table %03x, offset %03x\n", at, at >> 22, at >> 12 & 0x3FF, at & 0xFFF);
    if (!machine_has_vmm(g->m)) {
        add_walk(out, "tables the CPU walks", x.real_ok, &x.real, x.real_code, x.real.at.v);
        return;
    }
    add_walk(out, "the guest's tables (virtual to guest-physical)", x.guest_ok, &x.guest, x.guest_code, x.pa.v);
    add_walk(out, "tables the CPU walks (virtual to machine)", x.real_ok, &x.real, x.real_code, x.real.at.v);
}

/* --- descriptors -------------------------------------------------------------------------------------------------- */

static void add_type(struct text *out, unsigned ar)
{
    static const char *const system[] = { "reserved", "TSS16", "LDT", "busy TSS16", "call gate16", "task gate", "int gate16",
        "trap gate16", "reserved", "TSS32", "reserved", "busy TSS32", "call gate32", "reserved", "int gate32",
        "trap gate32" };
    if (!(ar & AR_S)) text_add(out, "%s", system[ar & 15]);
    else if (ar & AR_CODE)
        text_add(out, "code%s%s%s", ar & AR_DB ? "32" : "16", ar & 2 ? " readable" : "", ar & 4 ? " conforming" : "");
    else text_add(out, "data%s%s%s", ar & AR_DB ? "32" : "16", ar & 2 ? " writable" : "", ar & 4 ? " down" : "");
    text_add(out, ", DPL %u%s", ar >> 5 & 3, ar & AR_P ? "" : ", not present");
}

void show_segments(struct gdb *g, const char *rest, struct text *out)
{
    static const char *const names[] = { "es", "cs", "ss", "ds", "fs", "gs" };
    struct machine_cpu c;
    (void)rest;
    machine_guest(g->m, &c);
    for (unsigned i = 0; i < 6; i++) {
        text_add(out, "%s %04x  base %08x  limit %08x  ", names[i], c.seg[i].sel, c.seg[i].base, c.seg[i].limit);
        if (c.seg[i].ar) add_type(out, c.seg[i].ar);
        else text_add(out, "unusable");
        text_char(out, '\n');
    }
}

static void add_descriptor(struct text *out, unsigned n, uint32_t low, uint32_t high)
{
    unsigned ar = high >> 8 & 0xF0FF, type = ar & 15;
    bool gate = !(ar & AR_S) && (type == 4 || type == 5 || type == 6 || type == 7 || type == 12 || type == 14 || type == 15);
    uint32_t limit = (low & 0xFFFF) | (high & 0xF0000), base = low >> 16 | (high & 0xFF) << 16 | (high & 0xFF000000u);
    text_add(out, "%3x  %08x %08x  ", n, high, low);
    if (gate) text_add(out, "to %04x:%08x  ", low >> 16, (high & 0xFFFF0000u) | (low & 0xFFFF));
    else text_add(out, "base %08x limit %08x  ", base, ar & AR_G ? limit << 12 | 0xFFF : limit);
    add_type(out, ar);
}

/* One table: all that is not empty, or one entry. `step` is what an entry's number is multiplied with to be shown. */
static void show_table(struct gdb *g, const char *rest, uint32_t base, uint16_t limit, unsigned step, bool names,
                       struct text *out)
{
    uint64_t one;
    unsigned shown = 0, entries = (limit + 1u) / 8;
    if (!monitor_number(rest, UINT64_MAX, &one, out)) return;
    for (unsigned n = 0; n < entries; n++) {
        uint32_t d[2];
        char where[96];
        if (one != UINT64_MAX && one != n) continue;
        if (!machine_peek_guest(g->m, gva(base + n * 8), d, sizeof d)) {
            text_add(out, "%3x  not mapped\n", n * step);
            shown++;
            continue;
        }
        if (!d[0] && !d[1] && one != n) continue;
        add_descriptor(out, n * step, d[0], d[1]);
        if (names) text_add(out, "  %s", machine_symbol(g->m, (d[1] & 0xFFFF0000u) | (d[0] & 0xFFFF), where, sizeof where));
        text_char(out, '\n');
        shown++;
    }
    if (!shown) text_add(out, "no such entry; base %08x, limit %04x\n", base, limit);
}

void show_gdt(struct gdb *g, const char *rest, struct text *out)
{
    struct machine_cpu c;
    machine_guest(g->m, &c);
    show_table(g, rest, c.gdt_base, c.gdt_limit, 8, false, out);
}

/* In real mode the table holds far pointers of four bytes. */
static void real_vectors(struct gdb *g, const char *rest, uint32_t base, uint16_t limit, struct text *out)
{
    uint64_t one;
    if (!monitor_number(rest, UINT64_MAX, &one, out)) return;
    for (unsigned n = 0; n < 256 && n * 4 + 3 <= limit; n++) {
        uint16_t p[2];
        if ((one != UINT64_MAX && one != n) || !machine_peek_guest(g->m, gva(base + n * 4), p, sizeof p)) continue;
        if (p[0] || p[1] || one == n) text_add(out, "%3x  %04x:%04x\n", n, p[1], p[0]);
    }
}

void show_idt(struct gdb *g, const char *rest, struct text *out)
{
    struct machine_cpu c;
    machine_guest(g->m, &c);
    if (c.cr0 & 1) show_table(g, rest, c.idt_base, c.idt_limit, 1, true, out);
    else real_vectors(g, rest, c.idt_base, c.idt_limit, out);
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

void show_devices(struct gdb *g, const char *rest, struct text *out)
{
    enum { MOST = 32 };
    struct machine_device d[MOST];
    unsigned n = machine_devices(g->m, d, MOST), shown = 0;
    for (unsigned i = 0; i < n; i++) {
        if (*rest && strcmp(rest, d[i].name)) continue;
        shown++;
        text_add(out, "%s\n", d[i].name);
        for (const struct reg_desc *r = d[i].regs; r && r->name; r++)
            text_add(out, "  %-12s %8llx  %s\n", r->name, (unsigned long long)reg_read(r, d[i].state), r->about);
    }
    if (shown) return;
    text_add(out, "%.40s: no such device; there are", rest);
    for (unsigned i = 0; i < n; i++) text_add(out, " %s", d[i].name);
    text_char(out, '\n');
}

void show_symbol(struct gdb *g, const char *rest, struct text *out)
{
    uint32_t at;
    char name[96];
    if (monitor_address(g, rest, &at, out)) text_add(out, "%08x  %s\n", at, machine_symbol(g->m, at, name, sizeof name));
}

void show_screen(struct gdb *g, const char *rest, struct text *out)
{
    (void)rest;
    if (!machine_screen(g->m, out)) text_add(out, "the VGA is in a graphics mode; only text is modelled\n");
}
