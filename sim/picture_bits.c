/* `ringside draw bits`: registers and page-table entries bit by bit; see picture_bits.h.
 *
 * Idea: a row of fields is a table; a word is drawn twice, as the guest believes it and as the processor has it, and a field is marked
 * where they differ: that is what virtualizing a register is about.
 * IA-32 manual vol. 3A: 2.3 (EFLAGS), 2.5 (control registers), 4.3 (entries), 4.7 (error code). */
#include "sim/picture_bits.h"

#include <stdio.h>
#include <string.h>
#include "sim/picture_chart.h"
#include "sim/picture_split.h"
#include "sim/sketch.h"

struct field { const char *name; uint8_t high, low; };
static const struct field eflags[] = { { "ID", 21, 21 }, { "VIP", 20, 20 }, { "VIF", 19, 19 }, { "AC", 18, 18 }, { "VM", 17, 17 }, { "RF", 16, 16 },
                                       { "NT", 14, 14 }, { "IOPL", 13, 12 }, { "OF", 11, 11 }, { "DF", 10, 10 }, { "IF", 9, 9 }, { "TF", 8, 8 },
                                       { "SF", 7, 7 }, { "ZF", 6, 6 }, { "AF", 4, 4 }, { "PF", 2, 2 }, { "CF", 0, 0 }, { NULL, 0, 0 } };
static const struct field cr0[] = { { "PG", 31, 31 }, { "CD", 30, 30 }, { "NW", 29, 29 }, { "AM", 18, 18 }, { "WP", 16, 16 }, { "NE", 5, 5 },
                                    { "ET", 4, 4 }, { "TS", 3, 3 }, { "EM", 2, 2 }, { "MP", 1, 1 }, { "PE", 0, 0 }, { NULL, 0, 0 } };
static const struct field cr4[] = { { "SEN", 31, 31 }, { "VMXE", 13, 13 }, { "UMIP", 11, 11 }, { "FXSR", 9, 9 }, { "PCE", 8, 8 }, { "PGE", 7, 7 },
                                    { "MCE", 6, 6 }, { "PAE", 5, 5 }, { "PSE", 4, 4 }, { "DE", 3, 3 }, { "TSD", 2, 2 }, { "PVI", 1, 1 },
                                    { "VME", 0, 0 }, { NULL, 0, 0 } };
static const struct field entry[] = { { "frame", 31, 12 }, { "AVL", 11, 9 }, { "G", 8, 8 }, { "PS", 7, 7 }, { "D", 6, 6 }, { "A", 5, 5 }, { "PCD", 4, 4 },
                                      { "PWT", 3, 3 }, { "US", 2, 2 }, { "RW", 1, 1 }, { "P", 0, 0 }, { NULL, 0, 0 } };
static const struct field error[] = { { "I", 4, 4 }, { "RSVD", 3, 3 }, { "US", 2, 2 }, { "WR", 1, 1 }, { "P", 0, 0 }, { NULL, 0, 0 } };

enum { WORDS = 10, LEFT = 20, CELL = 27, ROW = 20, TOP = 70, BLOCK = 104, BITS = 32 };
struct word { char name[48]; const struct field *fields; uint32_t guest, real; bool two; };
struct bits { struct word word[WORDS]; unsigned words; };

static void add(struct bits *b, const char *name, const struct field *fields, uint32_t guest, uint32_t real, bool two)
{
    if (b->words == WORDS) return;
    struct word *w = &b->word[b->words++];
    *w = (struct word){ .fields = fields, .guest = guest, .real = real, .two = two };
    snprintf(w->name, sizeof w->name, "%s", name);
}

static void add_walk(struct bits *b, const struct machine *m, uint32_t va)
{
    struct machine_xlat x;
    char name[48];
    machine_translate(m, gva(va), 0, &x);
    for (unsigned i = 0; i < x.guest.refs && i < 2; i++) {
        bool both = machine_has_vmm(m) && i < x.real.refs;
        snprintf(name, sizeof name, "entry %u on the way to %08X", i + 1, va);
        uint32_t guest = (uint32_t)x.guest.ref[i].entry;
        add(b, name, entry, guest, both ? (uint32_t)x.real.ref[i].entry : guest, both);
    }
}

static void collect(struct bits *b, const struct subject *s, const uint32_t *va)
{
    struct machine_cpu real, guest;
    const struct trace *t = machine_trace_of(s->machine);
    bool two = machine_has_vmm(s->machine);
    machine_cpu(s->machine, &real);
    machine_guest(s->machine, &guest);
    add(b, "EFLAGS", eflags, guest.eflags, real.eflags, two);
    add(b, "CR0", cr0, guest.cr0, real.cr0, two);
    add(b, "CR4", cr4, guest.cr4, real.cr4, two);
    if (va) add_walk(b, s->machine, *va);
    for (size_t i = trace_count(t); i--;) {
        const struct event *e = trace_at(t, i);
        if (e->kind != EV_FAULT || e->u.FAULT.vector != 14) continue;
        char name[48];
        snprintf(name, sizeof name, "error code of the last #PF, event %u", e->id);
        add(b, name, error, e->u.FAULT.code, e->u.FAULT.code, false);
        break;
    }
}

static uint32_t field_of(uint32_t v, const struct field *f)
{
    unsigned bits = f->high - f->low + 1u;
    return v >> f->low & (bits == 32 ? UINT32_MAX : (1u << bits) - 1);
}

/* --- SVG --- */

static void value_row(const struct sketch *k, const struct word *w, uint32_t v, const char *who, int y)
{
    char text[16];
    for (unsigned bit = 0; bit < BITS; bit++) { /* what no field covers is reserved: small */
        bool covered = false;
        for (const struct field *f = w->fields; f->name; f++) covered |= bit <= f->high && bit >= f->low;
        if (covered) continue;
        snprintf(text, sizeof text, "%u", v >> bit & 1);
        sketch_middle(k, LEFT + (int)(BITS - 1 - bit) * CELL + CELL / 2, y + 14, 10, SKETCH_FAINT, text);
    }
    for (const struct field *f = w->fields; f->name; f++) {
        int x = LEFT + (BITS - 1 - f->high) * CELL, wide = (f->high - f->low + 1) * CELL;
        bool differs = w->two && field_of(w->guest, f) != field_of(w->real, f);
        sketch_box(k, x, y, wide, ROW, differs ? SKETCH_WARN : SKETCH_INK, differs ? 3 : 1, false);
        snprintf(text, sizeof text, f->high - f->low > 3 ? "%05X" : "%X", field_of(v, f));
        sketch_middle(k, x + wide / 2, y + 14, 12, differs ? SKETCH_WARN : SKETCH_INK, text);
    }
    sketch_words(k, LEFT + BITS * CELL + 8, y + 14, 11, SKETCH_INK, false, who);
}

static void draw_word(const struct sketch *k, const struct word *w, int y)
{
    char text[80];
    if (w->two) snprintf(text, sizeof text, "%s: guest %08X, real %08X", w->name, w->guest, w->real);
    else snprintf(text, sizeof text, "%s: %08X", w->name, w->real);
    sketch_words(k, LEFT, y, 13, SKETCH_INK, true, text);
    for (const struct field *f = w->fields; f->name; f++) {
        int x = LEFT + (BITS - 1 - f->high) * CELL, wide = (f->high - f->low + 1) * CELL;
        sketch_middle(k, x + wide / 2, y + 16, 10, SKETCH_INK, f->name);
        if (f->high != f->low) snprintf(text, sizeof text, "%u-%u", f->high, f->low);
        else snprintf(text, sizeof text, "%u", f->high);
        sketch_middle(k, x + wide / 2, y + 27, 9, SKETCH_FAINT, text);
    }
    if (w->two) value_row(k, w, w->guest, "guest", y + 32);
    value_row(k, w, w->real, w->two ? "real" : "", y + (w->two ? 32 + ROW + 2 : 32));
}

static void bits_svg(const struct bits *b, const char *caption, const struct picture *p, struct text *out)
{
    static const char title[] = "The registers, bit by bit";
    struct sketch k;
    int height = TOP + (int)b->words * BLOCK + 14;
    sketch_begin(&k, out, p->theme, LEFT + BITS * CELL + 60, height, title,
                 "Each register as a row of bits with their names, as the guest believes it and as the processor has it; a thick frame where they differ.");
    sketch_words(&k, LEFT, 22, 15, SKETCH_INK, true, title);
    sketch_words(&k, LEFT, 40, 11, SKETCH_FAINT, false, caption);
    for (unsigned i = 0; i < b->words; i++) {
        text_add(out, "<g id=\"word%u\">\n", i + 1); /* stays on one slide */
        draw_word(&k, &b->word[i], TOP + (int)i * BLOCK);
        text_add(out, "</g>\n");
    }
    sketch_end(&k);
}

/* --- text --- */

static void bits_text(const struct bits *b, const char *caption, struct text *out)
{
    text_add(out, "The registers, bit by bit\n%s\n", caption);
    for (unsigned i = 0; i < b->words; i++) {
        const struct word *w = &b->word[i];
        text_add(out, "\n%s\n", w->name);
        for (unsigned row = w->two ? 0 : 1; row < 2; row++) {
            uint32_t v = row ? w->real : w->guest;
            text_add(out, "  %-6s%08X ", w->two ? row ? "real" : "guest" : "", v);
            for (const struct field *f = w->fields; f->name; f++) {
                bool differs = w->two && field_of(w->guest, f) != field_of(w->real, f);
                if (field_of(v, f) || differs) text_add(out, f->high != f->low ? " %s%s=%X" : " %s%s", differs ? field_of(v, f) ? "!" : "!no-" : "", f->name, field_of(v, f));
            }
            text_char(out, '\n');
        }
    }
}

bool bits_write(const struct subject *s, const struct picture *p, const uint32_t *va, const char *path, struct err *e)
{
    struct bits b = { .words = 0 };
    struct text caption = { 0 }, svg = { 0 }, txt = { 0 };
    char symbol[96];
    collect(&b, s, va);
    chart_caption(s, p->ascii, &caption);
    text_add(&caption, ", after event %u, cycle ", trace_last(machine_trace_of(s->machine)));
    text_number(&caption, machine_cycles(s->machine));
    text_add(&caption, ", at %.60s", machine_symbol(s->machine, machine_eip(s->machine), symbol, sizeof symbol));
    bits_svg(&b, text_str(&caption), p, &svg);
    bits_text(&b, text_str(&caption), &txt);
    picture_split_keep(TOP - 16, 0);
    bool ok = chart_write(p->format, &svg, &txt, path, e);
    text_free(&caption);
    text_free(&svg);
    text_free(&txt);
    return ok;
}
