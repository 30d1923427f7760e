/* See picture_vmx.h.
 *
 * Idea 1: the state machine is the processor's (SDM 3B 20: root and non-root operation), so it is counted from what the
 * processor tells, VMENTRY and VMEXIT, whoever the hypervisor is: ours, or a guest's own on the bare machine.
 * Idea 2: what a reason costs is the time from its VM exit to the next VM entry, hardware and software together; waiting in
 * the hypervisor's HLT is in it. Layout is Graphviz's. */
#include "sim/picture_vmx.h"

#include <string.h>
#include "sim/graphviz.h"
#include "sim/trace/trace.h"
#include "sim/trace/vector.h"
#include "sim/picture_dress.h"

enum { REASONS = 64, VECTORS = 256 };

struct vmx_way { uint64_t count, cycles; }; /* VM exits; from them to the next VM entries */
struct vmx_picture {
    const struct picture_run *run;
    uint64_t entries, injecting, open;      /* VM entries; with an event; VM exits that no entry followed */
    struct vmx_way by_reason[REASONS], by_vector[VECTORS]; /* exits for exceptions also by vector */
    bool forgotten;                         /* the history lacks its middle */
};

static void count(struct vmx_picture *d)
{
    const struct trace *t = d->run->t;
    const struct event *left = NULL;
    for (size_t i = 0; i < trace_count(t); i++) {
        const struct event *e = trace_at(t, i);
        d->forgotten |= e->kind == EV_FORGOTTEN;
        if (e->kind == EV_VMEXIT) {
            left = e;
            d->by_reason[e->u.VMEXIT.reason % REASONS].count++;
            if (!e->u.VMEXIT.reason) d->by_vector[e->u.VMEXIT.vector].count++;
        } else if (e->kind == EV_VMENTRY) {
            d->entries++;
            d->injecting += e->u.VMENTRY.inject != 0;
            if (!left) continue;
            d->by_reason[left->u.VMEXIT.reason % REASONS].cycles += e->cycle - left->cycle;
            if (!left->u.VMEXIT.reason) d->by_vector[left->u.VMEXIT.vector].cycles += e->cycle - left->cycle;
            left = NULL;
        }
    }
    d->open = left != NULL;
}

static uint64_t exits(const struct vmx_picture *d)
{
    uint64_t n = 0;
    for (unsigned r = 0; r < REASONS; r++) n += d->by_reason[r].count;
    return n;
}

static void caption(const struct vmx_picture *d, const char *dot, struct text *out)
{
    const struct picture_run *r = d->run;
    text_add(out, "%s%s%s, %s, model %s, seed %llu%s", r->cpu, dot, r->mmu, r->name, r->label, (unsigned long long)r->seed,
             d->forgotten ? "; the middle of the history is forgotten" : "");
}

/* "exception (0): 409, #PF 400, #NM 9, mean 8,467 cycles to VM entry", with `line` between the parts. */
static void describe(const struct vmx_picture *d, unsigned reason, const char *line, struct text *out)
{
    const struct vmx_way *w = &d->by_reason[reason];
    const char *name = trace_name("vmx", reason);
    text_add(out, "%s (%u): ", name ? name : "?", reason);
    text_number(out, w->count);
    for (unsigned v = 0; !reason && v < VECTORS; v++)
        if (d->by_vector[v].count) {
            const char *name_of = vector_name((uint8_t)v);
            text_add(out, "%s%s%s ", line, *line == ',' ? "" : "  ", *name_of ? name_of : "vector");
            text_number(out, d->by_vector[v].count);
        }
    text_add(out, "%smean ", line);
    text_number(out, w->cycles / w->count);
    text_add(out, " cycles to VM entry");
}

static void vmx_dot(const struct vmx_picture *d, const struct picture *p, struct text *out)
{
    const char *ink = graphviz_ink(p->theme);
    text_add(out, "digraph vmx {\n  graph [%srankdir=LR, bgcolor=%s, labelloc=t, fontname=\"DejaVu Sans Mono, monospace\", "
                  "fontsize=12, label=\"VMX operation: ", ink, graphviz_paper(p->theme));
    caption(d, p->ascii ? "/" : "·", out);
    text_add(out, "\\n \"];\n  node [%sfontname=\"DejaVu Sans Mono, monospace\", fontsize=11];\n"
                  "  edge [%sfontname=\"DejaVu Sans Mono, monospace\", fontsize=11];\n"
                  "  guest [shape=circle, width=1.6, label=\"non-root:\\nthe guest\"];\n"
                  "  host [shape=circle, width=1.6, penwidth=3, label=\"root:\\nthe hypervisor,\\nsince VMXON\"];\n", ink, ink);
    uint64_t all = exits(d);
    for (unsigned r = 0; r < REASONS; r++) {
        if (!d->by_reason[r].count) continue;
        double share = (double)d->by_reason[r].count / (double)all;
        text_add(out, "  r%u [shape=box, style=rounded, label=\"", r);
        describe(d, r, "\\l", out);
        text_add(out, "\\l\"];\n  guest -> r%u [arrowhead=none, penwidth=%.1f];\n  r%u -> host [penwidth=%.1f];\n", r, 1 + 4 * share, r,
                 1 + 4 * share);
    }
    text_add(out, "  host -> guest [constraint=false, color=\"%s\", fontcolor=\"%s\", penwidth=3, label=\"VM entry: ", *ink ? "#56b4e9" : "#0072b2", *ink ? "#56b4e9" : "#0072b2");
    text_number(out, d->entries);
    text_add(out, "\\n");
    text_number(out, d->injecting);
    text_add(out, " injecting an event\"];\n}\n");
}

static void vmx_text(const struct vmx_picture *d, const struct picture *p, struct text *out)
{
    caption(d, p->ascii ? "/" : "·", out);
    text_add(out, "\nroot -> non-root\n  VM entry: ");
    text_number(out, d->entries);
    text_add(out, ", ");
    text_number(out, d->injecting);
    text_add(out, " injecting an event\nnon-root -> root, VM exits: ");
    text_number(out, exits(d));
    text_add(out, "%s\n", d->open ? ", the last not answered" : "");
    for (unsigned r = 0; r < REASONS; r++) {
        if (!d->by_reason[r].count) continue;
        text_add(out, "  ");
        describe(d, r, ", ", out);
        text_add(out, "\n");
    }
}

bool vmx_write(const struct picture_run *run, const struct picture *p, const char *path, struct err *e)
{
    struct vmx_picture d = { .run = run };
    struct text dot = { 0 }, out = { 0 };
    count(&d);
    bool ok = d.entries || err_set(e, EXIT_USAGE, "draw vmx: nobody entered a guest with VMX under --cpu %s; try --cpu vtx", run->cpu);
    if (ok && p->format == PICTURE_TXT) vmx_text(&d, p, &out);
    else if (ok) {
        vmx_dot(&d, p, &dot);
        if (p->format == PICTURE_DOT) text_bytes(&out, dot.s, dot.len);
        else ok = graphviz_layout(&dot, picture_ending(p->format), &out, e);
    }
    ok = ok && picture_put(&out, path, e);
    text_free(&dot);
    text_free(&out);
    return ok;
}
