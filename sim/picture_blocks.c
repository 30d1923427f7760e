/* See picture_blocks.h.
 *
 * Idea 1: a list of rows, a unit each, in the order of the cache; left what the guest wrote, right what runs. What was copied
 * is faint, what was rewritten has a colour, what calls the hypervisor another one; a chain is a curve to the right, a jump
 * left out is a bar between two units.
 * Idea 2: one layout in whole pixels, for SVG, DOT (pinned) and text alike. Dead units are not drawn. */
#include "sim/picture_blocks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/graphviz.h"
#include "sim/picture_dress.h"
#include "sim/picture_split.h"

enum { LINES = 40, SHOWN = 24, TEXT = 60, LINE = 14, TOP = 96, GAP = 18, LEFT = 20, RIGHT = 400, WIDE = 350, BEND = 22 };
enum line_kind { COPIED, REWRITTEN, CALLS };

struct block_line { char text[TEXT]; uint8_t kind; };
struct block {
    struct machine_unit u;
    char name[64];
    unsigned left, right;      /* lines */
    struct block_line guest[LINES], cache[LINES];
    int y, h;
};
struct blocks {
    const struct subject *s;
    const char *title;
    char caption[320];
    unsigned n, more;          /* drawn; left out */
    struct block *block;
    int *row;                  /* of a unit's index, -1: not drawn */
    unsigned units;
    struct machine_unit *all;
    struct machine_translation t;
    int height;
};

/* ---- what is in it */

static unsigned disassemble(const struct machine *m, uint32_t at, unsigned bytes, struct block_line *line)
{
    unsigned n = 0;
    for (unsigned used = 0, len; used < bytes && n < LINES; used += len) {
        char text[96];
        len = machine_disasm(m, gva(at + used), text, sizeof text);
        if (n == LINES - 1) snprintf(text, sizeof text, "... %u bytes more", bytes - used);
        snprintf(line[n++].text, TEXT, "%.*s", TEXT - 1, text);
        if (!len) break;
    }
    return n;
}

/* Jumps in the cache, by name; what stands behind the last one is never reached. */
static void name_jumps(const struct machine *m, struct block *b)
{
    for (unsigned i = 0; i < b->right; i++) {
        char *to = strstr(b->cache[i].text, " 0xFF"), name[64];
        if (*b->cache[i].text == 'j' && to) {
            machine_symbol(m, (uint32_t)strtoul(to + 1, NULL, 16), name, sizeof name);
            snprintf(to + 1, TEXT - 1 - (size_t)(to - b->cache[i].text), "%.40s", name);
        }
    }
    while (b->right && !strcmp(b->cache[b->right - 1].text, "nop") && b->left && strcmp(b->guest[b->left - 1].text, "nop")) b->right--;
}

/* What was copied says the same on both sides. */
static void classify(struct block *b)
{
    unsigned g = 0;
    for (unsigned i = 0; i < b->right; i++) {
        struct block_line *l = &b->cache[i];
        l->kind = REWRITTEN;
        if (!strncmp(l->text, "call far 0xFFC0", 15)) {
            l->kind = CALLS;
            snprintf(l->text, TEXT, "call hypervisor");
        }
        for (unsigned k = g; k < b->left && l->kind == REWRITTEN; k++)
            if (!strcmp(b->guest[k].text, l->text)) {
                l->kind = COPIED;
                g = k + 1;
            }
    }
}

static void add_block(struct blocks *d, const struct machine_unit *u, unsigned index)
{
    struct block *b = &d->block[d->n];
    *b = (struct block){ .u = *u };
    machine_symbol(d->s->machine, u->linear, b->name, sizeof b->name);
    b->left = disassemble(d->s->machine, u->linear, u->bytes, b->guest);
    b->right = disassemble(d->s->machine, u->cache, u->size, b->cache);
    name_jumps(d->s->machine, b);
    classify(b);
    unsigned lines = b->left > b->right ? b->left : b->right;
    b->y = d->height;
    b->h = (int)(lines + 1) * LINE + 8;
    d->height += b->h + GAP;
    d->row[index] = (int)d->n++;
}

static bool collect(struct blocks *d, const struct subject *s, const struct picture *p, struct err *e)
{
    const struct machine_cfg *c = &s->cfg;
    const char *dot = p->ascii ? "/" : "·";
    d->s = s;
    d->title = s->lesson ? s->lesson->title : s->name;
    if (!machine_translation(s->machine, &d->t))
        return err_set(e, EXIT_USAGE, "draw blocks: --cpu %s translates nothing; try --cpu bt", c->cpu);
    snprintf(d->caption, sizeof d->caption, "%s%s%s on %s, %s, model %.120s, seed %llu", c->cpu, dot, c->mmu, c->host, s->name, c->label,
             (unsigned long long)c->seed);
    d->all = calloc(MACHINE_UNITS, sizeof *d->all);
    d->row = calloc(MACHINE_UNITS, sizeof *d->row);
    d->block = calloc(SHOWN, sizeof *d->block);
    if (!d->all || !d->row || !d->block) return err_set(e, EXIT_ENVIRONMENT, "no memory for the diagram");
    d->units = machine_units(s->machine, d->all, MACHINE_UNITS);
    d->height = TOP;
    for (unsigned i = 0; i < d->units; i++) {
        d->row[i] = -1;
        if (d->all[i].dead) continue;
        if (d->n < SHOWN) add_block(d, &d->all[i], i);
        else d->more++;
    }
    return true;
}

static int row_of(const struct blocks *d, const struct machine_unit_exit *x) { return x->to < 0 ? -1 : d->row[x->to]; }

static void summary(const struct blocks *d, char *to, size_t room)
{
    snprintf(to, room, "%llu units of %llu instructions; %llu chains, %llu jumps left out\ncallouts: %llu to go on, %llu for a target, "
             "%llu to emulate%s", (unsigned long long)d->t.units, (unsigned long long)d->t.insns, (unsigned long long)d->t.chains,
             (unsigned long long)d->t.elided, (unsigned long long)d->t.continued, (unsigned long long)d->t.lookups,
             (unsigned long long)d->t.emulated, d->more ? "" : ".");
    size_t n = strlen(to);
    if (d->more && n < room) snprintf(to + n, room - n, "; %u more units are not drawn.", d->more);
}

/* ---- SVG */

struct palette { const char *name, *background, *ink, *faint, *rewritten, *calls, *chain; };
static const struct palette palettes[] = {
    { "light", NULL, "#1a1a1a", "#6a6a6a", "#0072b2", "#d55e00", "#009e73" },
    { "dark", NULL, "#f0f0f0", "#a8a8a8", "#56b4e9", "#ff8a3d", "#2fc79b" },
    { "print", "#ffffff", "#000000", "#505050", "#0072b2", "#b84f00", "#00805d" },
    { "mono", "#ffffff", "#000000", "#505050", "#000000", "#000000", "#000000" },
};

static const struct palette *palette_named(const char *name)
{
    for (size_t i = 0; name && i < sizeof palettes / sizeof palettes[0]; i++)
        if (!strcmp(palettes[i].name, name)) return &palettes[i];
    return &palettes[0];
}

static void words(struct text *out, int x, int y, int size, const char *fill, const char *more, const char *text)
{
    text_add(out, "<text x=\"%d\" y=\"%d\" font-size=\"%d\" fill=\"%s\"%s xml:space=\"preserve\">", x, y, size, fill, more);
    text_xml(out, text);
    text_add(out, "</text>\n");
}

/* Calls are bold, so that nothing hangs on colour alone; rewritten lines begin with a mark. */
static void svg_lines(struct text *out, const struct palette *c, const struct block_line *l, unsigned n, int x, int y, bool cache)
{
    for (unsigned i = 0; i < n; i++, y += LINE) {
        const char *fill = !cache ? c->ink : l[i].kind == CALLS ? c->calls : l[i].kind == REWRITTEN ? c->rewritten : c->faint;
        if (cache && l[i].kind != COPIED) words(out, x - 10, y, 11, fill, "", l[i].kind == CALLS ? ">" : "*");
        words(out, x, y, 11, fill, cache && l[i].kind == CALLS ? " font-weight=\"bold\"" : "", l[i].text);
    }
}

static void svg_block(const struct blocks *d, const struct palette *c, const struct block *b, struct text *out)
{
    char head[96];
    text_add(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"%s\"/>\n", LEFT, b->y, WIDE, b->h, c->faint);
    text_add(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", RIGHT, b->y,
             WIDE, b->h, c->ink);
    text_add(out, "<path d=\"M%d %d h%d m-7 -4 l7 4 l-7 4\" fill=\"none\" stroke=\"%s\"/>\n", LEFT + WIDE, b->y + 10,
             RIGHT - LEFT - WIDE - 2, c->faint);
    snprintf(head, sizeof head, "%08X %s", b->u.eip, b->name);
    words(out, LEFT + 6, b->y + LINE, 11, c->ink, " font-weight=\"bold\"", head);
    snprintf(head, sizeof head, "cache+%X: %u bytes for %u", b->u.at, b->u.size, b->u.bytes);
    words(out, RIGHT + 6, b->y + LINE, 11, c->ink, " font-weight=\"bold\"", head);
    svg_lines(out, c, b->guest, b->left, LEFT + 16, b->y + 2 * LINE + 2, false);
    svg_lines(out, c, b->cache, b->right, RIGHT + 18, b->y + 2 * LINE + 2, true);
    (void)d;
}

static void svg_exits(const struct blocks *d, const struct palette *c, const struct block *b, struct text *out)
{
    int x = RIGHT + WIDE, y = b->y + b->h - 8;
    for (unsigned i = 0; i < b->u.exits; i++, y -= LINE) {
        const struct machine_unit_exit *to = &b->u.exit[i];
        int row = row_of(d, to);
        if (row < 0) {
            char label[40];
            snprintf(label, sizeof label, "%s %08X", to->to < 0 ? "> hypervisor:" : "to", to->target);
            words(out, x + 6, y + 4, 10, to->to < 0 ? c->calls : c->faint, "", label);
            continue;
        }
        const struct block *t = &d->block[row];
        if (to->adjacent) {
            text_add(out, "<rect x=\"%d\" y=\"%d\" width=\"6\" height=\"%d\" fill=\"%s\"/>\n", RIGHT + WIDE / 2 - 3, b->y + b->h,
                     t->y - b->y - b->h, c->chain);
            continue;
        }
        int away = abs(row - (int)(b - d->block)), bend = x + BEND + 9 * (away < 14 ? away : 14), at = t->y + 8;
        text_add(out, "<path d=\"M%d %d C%d %d %d %d %d %d m7 -4 l-7 4 l7 4\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\"%s/>\n", x, y,
                 bend, y, bend, at, x + 1, at, c->chain, to->taken ? "" : " stroke-dasharray=\"5 3\"");
    }
}

static void blocks_svg(const struct blocks *d, const char *theme, struct text *out)
{
    const struct palette *c = palette_named(theme);
    int width = RIGHT + WIDE + 190;
    char line[300];
    text_add(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
             "font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\">\n<title>", width, d->height, width, d->height);
    text_xml(out, d->title);
    text_add(out, ": the translation cache</title>\n");
    if (c->background) text_add(out, "<rect width=\"100%%\" height=\"100%%\" fill=\"%s\"/>\n", c->background);
    words(out, LEFT, 22, 15, c->ink, " font-weight=\"bold\"", d->title);
    words(out, LEFT, 40, 11, c->faint, "", d->caption);
    summary(d, line, sizeof line);
    words(out, LEFT, 54, 11, c->faint, "", strtok(line, "\n"));
    words(out, LEFT, 67, 11, c->faint, "", strtok(NULL, "\n"));
    words(out, LEFT, 84, 12, c->ink, " font-weight=\"bold\"", "guest code");
    words(out, RIGHT, 84, 12, c->ink, " font-weight=\"bold\"", "translation cache");
    words(out, RIGHT + 140, 84, 11, c->rewritten, "", "* rewritten");
    words(out, RIGHT + 240, 84, 11, c->calls, " font-weight=\"bold\"", "> calls the hypervisor");
    words(out, RIGHT + WIDE + 50, 84, 11, c->chain, "", "chained");
    for (unsigned i = 0; i < d->n; i++) svg_block(d, c, &d->block[i], out);
    for (unsigned i = 0; i < d->n; i++) svg_exits(d, c, &d->block[i], out);
    text_add(out, "</svg>\n");
}

/* ---- DOT and text */

static void dot_label(struct text *out, const char *head, const struct block_line *l, unsigned n)
{
    text_add(out, "label=\"%s\\l", head);
    for (unsigned i = 0; i < n; i++) text_add(out, "  %s\\l", l[i].text);
    text_add(out, "\"");
}

static void blocks_dot(const struct blocks *d, struct text *out)
{
    text_add(out, "digraph blocks {\n  // pinned: neato -n2\n  node [shape=box, fontname=\"DejaVu Sans Mono\", fontsize=9];\n");
    for (unsigned i = 0; i < d->n; i++) {
        const struct block *b = &d->block[i];
        int y = d->height - b->y - b->h / 2;
        char head[96];
        snprintf(head, sizeof head, "%08X %s", b->u.eip, b->name);
        text_add(out, "  g%u [pos=\"%d,%d!\", color=gray, ", i, LEFT + WIDE / 2, y);
        dot_label(out, head, b->guest, b->left);
        snprintf(head, sizeof head, "cache+%X", b->u.at);
        text_add(out, "];\n  t%u [pos=\"%d,%d!\", ", i, RIGHT + WIDE / 2, y);
        dot_label(out, head, b->cache, b->right);
        text_add(out, "];\n  g%u -> t%u [color=gray];\n", i, i);
    }
    for (unsigned i = 0; i < d->n; i++)
        for (unsigned x = 0; x < d->block[i].u.exits; x++) {
            const struct machine_unit_exit *to = &d->block[i].u.exit[x];
            if (row_of(d, to) >= 0)
                text_add(out, "  t%u -> t%d [color=\"#009e73\"%s];\n", i, row_of(d, to), to->adjacent ? ", penwidth=4, arrowhead=none" : "");
        }
    text_add(out, "}\n");
}

static void text_exit(const struct machine_unit_exit *x, struct text *out)
{
    const char *how = x->to < 0 ? "calls for" : x->adjacent ? "runs into" : "chained to";
    text_add(out, "    -> %s %08X%s\n", how, x->target, x->taken ? " if taken" : "");
}

static void blocks_text(const struct blocks *d, struct text *out)
{
    char line[300];
    summary(d, line, sizeof line);
    text_add(out, "%s\n%s\n%s\n", d->title, d->caption, line);
    for (unsigned i = 0; i < d->n; i++) {
        const struct block *b = &d->block[i];
        text_add(out, "\n%08X %s%*s cache+%X\n", b->u.eip, b->name, 34 - (int)strlen(b->name), "", b->u.at);
        for (unsigned k = 0; k < b->left || k < b->right; k++)
            text_add(out, "  %-42s %c %s\n", k < b->left ? b->guest[k].text : "",
                     k < b->right ? " *>"[b->cache[k].kind] : ' ', k < b->right ? b->cache[k].text : "");
        for (unsigned x = 0; x < b->u.exits; x++) text_exit(&b->u.exit[x], out);
    }
}

bool blocks_write(const struct subject *s, const struct picture *p, const char *path, struct err *e)
{
    struct blocks d = { 0 };
    struct text out = { 0 }, svg = { 0 }, dot = { 0 };
    bool ok = collect(&d, s, p, e);
    if (ok) {
        blocks_svg(&d, p->theme, &svg);
        blocks_dot(&d, &dot);
        picture_split_keep(TOP - 5, 0);
        if (p->format == PICTURE_SVG) text_bytes(&out, svg.s, svg.len);
        else if (p->format == PICTURE_DOT) text_bytes(&out, dot.s, dot.len);
        else if (p->format == PICTURE_TXT) blocks_text(&d, &out);
        else ok = graphviz_convert(&svg, &dot, picture_ending(p->format), &out, e);
        ok = ok && picture_put(&out, path, e);
    }
    text_free(&out);
    text_free(&svg);
    text_free(&dot);
    free(d.all);
    free(d.row);
    free(d.block);
    return ok;
}
