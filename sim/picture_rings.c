/* `ringside draw rings`: who runs in which ring, and how often the processor went from one to another; see picture_bits.h.
 *
 * Idea: every change of ring is in the history (a gate, a return, a VM entry, a VM exit), so the picture counts and infers nothing. Not here:
 * SYSENTER and SYSEXIT leave no event. */
#include "sim/picture_bits.h"

#include <stdio.h>
#include <string.h>
#include "sim/picture_chart.h"
#include "sim/sketch.h"

enum who { USER, KERNEL, OTHER, VMM, WHOS };
enum { LEFT = 20, WIDE = 210, TOP = 66, HIGH = 54, GAP = 66, COLUMN = 132, LEAST = 360 };

struct way { uint64_t count; const char *by; };
struct rings {
    const struct picture_run *run;
    bool vmx, there[WHOS];
    uint8_t other;                /* the ring of OTHER */
    struct way way[WHOS][WHOS];
};

static enum who of_ring(struct rings *r, unsigned ring)
{
    uint8_t kernel = r->run->kernel_ring;
    if (ring == 3) return USER;
    if (ring == kernel) return KERNEL;
    if (ring == 0 && r->run->hypervisor) return VMM;
    r->other = (uint8_t)ring;
    return OTHER;
}

static void went(struct rings *r, enum who from, enum who to, const char *by)
{
    r->way[from][to].count++;
    r->way[from][to].by = by;
    r->there[from] = r->there[to] = true;
}

static void count(struct rings *r)
{
    const struct trace *t = r->run->t;
    enum who left = KERNEL;
    for (size_t i = 0; i < trace_count(t); i++) {
        const struct event *e = trace_at(t, i);
        switch (e->kind) {
        case EV_GATE:
            if (e->u.GATE.from != e->u.GATE.to) went(r, of_ring(r, e->u.GATE.from), of_ring(r, e->u.GATE.to), "gate");
            break;
        case EV_RETURN:
            if (e->u.RETURN.from != e->u.RETURN.to) went(r, of_ring(r, e->u.RETURN.from), of_ring(r, e->u.RETURN.to), "IRET");
            break;
        case EV_VMEXIT:
            r->vmx = true;
            left = e->ring == 3 ? USER : KERNEL;
            went(r, left, VMM, "VM exit");
            break;
        case EV_VMENTRY: /* back to where it left, unless it goes through the guest's IDT */
            r->vmx = true;
            went(r, VMM, e->u.VMENTRY.inject & 0x80000000u ? KERNEL : left, "VM entry");
            break;
        default: break;
        }
    }
    r->there[KERNEL] = true;
    if (r->run->hypervisor) r->there[VMM] = true;
}

static void name(const struct rings *r, enum who w, char *words, size_t n)
{
    unsigned kernel = r->run->kernel_ring;
    const char *root = !r->vmx ? "" : w == VMM ? ", root" : ", non-root";
    if (w == USER) snprintf(words, n, "ring 3%s: user code", root);
    else if (w == KERNEL) snprintf(words, n, "ring %u%s: %skernel", kernel, root, r->run->hypervisor ? "guest " : "");
    else if (w == VMM) snprintf(words, n, "ring 0%s: hypervisor", root);
    else snprintf(words, n, "ring %u", r->other);
}

static void rings_svg(const struct rings *r, const char *caption, const char *theme, struct text *out)
{
    static const char title[] = "Rings, and the ways between them";
    static const enum sketch_role roles[WHOS] = { SKETCH_CPU, SKETCH_GUEST, SKETCH_MAP, SKETCH_WARN };
    struct sketch k;
    unsigned rows = 0, ways = 0;
    int y[WHOS] = { 0 };
    for (unsigned w = 0; w < WHOS; w++) {
        if (r->there[w]) y[w] = TOP + (int)rows++ * (HIGH + GAP);
        for (unsigned to = 0; to < WHOS; to++) ways += r->way[w][to].count != 0;
    }
    int column = ways && (int)ways * COLUMN < LEAST ? LEAST / (int)ways : COLUMN, right = LEFT + WIDE + 20 + (int)(ways ? ways : 1) * column;
    sketch_begin(&k, out, theme, right + 10, TOP + (int)rows * (HIGH + GAP) - GAP + 20, title, "A box for each ring with whose code runs there; arrows count the changes of ring.");
    sketch_words(&k, LEFT, 22, 15, SKETCH_INK, true, title);
    sketch_words(&k, LEFT, 40, 11, SKETCH_FAINT, false, caption);
    for (unsigned w = 0; w < WHOS; w++) {
        char words[64];
        if (!r->there[w]) continue;
        sketch_box(&k, LEFT, y[w], right - LEFT - 10, HIGH, roles[w], w == VMM ? 3 : 2, false);
        name(r, (enum who)w, words, sizeof words);
        sketch_words(&k, LEFT + 10, y[w] + 24, 12, SKETCH_INK, true, words);
    }
    int x = LEFT + WIDE + 20 + column / 2;
    for (unsigned from = 0; from < WHOS; from++)
        for (unsigned to = 0; to < WHOS; to++) {
            const struct way *w = &r->way[from][to];
            if (!w->count) continue;
            struct text label = { 0 };
            bool down = y[to] > y[from];
            sketch_arrow(&k, x, y[from] + (down ? HIGH - 18 : 18), x, y[to] + (down ? 18 : HIGH - 18), roles[from], false);
            int at = (down ? y[from] + HIGH : y[to] + HIGH) + GAP / 2;
            text_number(&label, w->count);
            sketch_words(&k, x + 6, at - 2, 12, SKETCH_INK, true, text_str(&label));
            sketch_words(&k, x + 6, at + 12, 10, SKETCH_FAINT, false, w->by);
            text_free(&label);
            x += column;
        }
    sketch_end(&k);
}

static void rings_text(const struct rings *r, const char *caption, struct text *out)
{
    text_add(out, "Rings, and the ways between them\n%s\n", caption);
    for (unsigned from = 0; from < WHOS; from++) {
        char words[64];
        if (!r->there[from]) continue;
        name(r, (enum who)from, words, sizeof words);
        text_add(out, "\n%s\n", words);
        for (unsigned to = 0; to < WHOS; to++) {
            if (!r->way[from][to].count) continue;
            name(r, (enum who)to, words, sizeof words);
            struct text n = { 0 };
            text_number(&n, r->way[from][to].count);
            text_add(out, "  %12s times to %s, by %s\n", text_str(&n), words, r->way[from][to].by);
            text_free(&n);
        }
    }
}

bool rings_write(const struct picture_run *run, const struct picture *p, const char *path, struct err *e)
{
    struct rings r = { .run = run };
    struct text caption = { 0 }, svg = { 0 }, txt = { 0 };
    count(&r);
    picture_run_caption(run, p->ascii, &caption);
    rings_svg(&r, text_str(&caption), p->theme, &svg);
    rings_text(&r, text_str(&caption), &txt);
    bool ok = chart_write(p->format, &svg, &txt, path, e);
    text_free(&caption);
    text_free(&svg);
    text_free(&txt);
    return ok;
}
