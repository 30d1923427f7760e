/* `ringside draw decision`: which technique a processor asks for, decided by the classifier's verdicts on it.
 *
 * Idea: the questions are Popek and Goldberg's; the answers, and the instructions that give them, are what classify.h found by
 * executing; the way that leads from them is drawn bold. Whether the guest may be changed is nobody's to compute: both ways
 * stay open. Layout is Graphviz's. */
#include <stdio.h>
#include <string.h>
#include "sim/classify.h"
#include "sim/draw.h"
#include "sim/graphviz.h"
#include "sim/picture.h"
#include "sim/picture_dress.h"
#include "sim/picture_split.h"

enum { NAMES_A_LINE = 6 };

struct graph { const struct classify *c; struct text *out; };

/* "sgdt sidt ...\n..." of the instructions that break a theorem. */
static unsigned breaking(const struct classify *c, unsigned theorem, struct text *words)
{
    unsigned n = 0;
    char name[32];
    for (unsigned id = 1; id < MN_COUNT; id++) {
        if (!classify_breaks(c, theorem, id)) continue;
        classify_name(id, name, sizeof name);
        text_add(words, "%s%s", n % NAMES_A_LINE ? " " : "\\n", name);
        n++;
    }
    return n;
}

static void question(const struct graph *g, const char *id, const char *words, unsigned theorem)
{
    struct text broken = { 0 };
    unsigned n = theorem ? breaking(g->c, theorem, &broken) : 0;
    text_add(g->out, "  %s [shape=diamond, label=\"%s\"]\n", id, words);
    if (n)
        text_add(g->out, "  %s_why [shape=note, fontsize=10, label=\"broken by %u:%s\"]\n  %s -> %s_why [style=dotted, dir=none]\n", id,
                 n, text_str(&broken), id, id);
    text_free(&broken);
}

static void answer(const struct graph *g, const char *from, const char *to, const char *word, int way)
{
    static const char *const styles[] = { "color=gray, fontcolor=gray", "penwidth=3, color=\"#d55e00\"", "style=dashed" };
    text_add(g->out, "  %s -> %s [label=\"", from, to);
    graphviz_beside(word, g->out);
    text_add(g->out, "\", %s]\n", styles[way]);
}

static void technique(const struct graph *g, const char *id, const char *words)
{
    text_add(g->out, "  %s [shape=box, style=rounded, label=\"%s\"]\n", id, words);
}

/* Ways: 0 not taken, 1 taken, 2 open. */
void classify_dot(const struct classify *c, struct text *out)
{
    const struct graph g = { c, out };
    bool first = classify_theorem(c, 1), third = classify_theorem(c, 3), assist = c->model.vmx != 0;
    text_add(out, "digraph decision {\n  graph [rankdir=TB];\n"
                  "  node [fontname=\"DejaVu Sans Mono, monospace\", fontsize=12];\n"
                  "  edge [fontname=\"DejaVu Sans Mono, monospace\", fontsize=11];\n");
    text_add(out, "  cpu [shape=plaintext, label=\"CPU model %s%s%s%s%s\"]\n", c->model.name,
             c->model.extras & EXTRA_UMIP ? ", umip" : "", c->model.extras & EXTRA_VIRTUALIZABLE ? ", virtualizable" : "",
             c->model.untrapped ? ", untrap " : "", c->model.untrapped ? insn_row_name(c->model.untrapped) : "");
    question(&g, "th1", "Theorem 1:\\nis every sensitive\\ninstruction privileged?", 1);
    question(&g, "change", "may the guest's\\nsource be changed?", 0);
    question(&g, "assist", "has the CPU a mode\\nfor guests (VMX)?", 0);
    question(&g, "th3", "Theorem 3:\\nis every user-sensitive\\ninstruction privileged?", 3);
    technique(&g, "te", "trap-and-emulate\\n--cpu te");
    technique(&g, "pv", "paravirtualization\\n--cpu pv");
    technique(&g, "vtx", "hardware assist\\n--cpu vtx");
    technique(&g, "hybrid", "hybrid monitor:\\ninterpret the kernel,\\nrun user code directly");
    technique(&g, "bt", "binary translation of the kernel\\n--cpu bt");
    answer(&g, "cpu", "th1", "", 1);
    answer(&g, "th1", "te", "yes", first);
    answer(&g, "th1", "change", "no", !first);
    answer(&g, "change", "pv", "yes", first ? 0 : 2);
    answer(&g, "change", "assist", "no", first ? 0 : 2);
    answer(&g, "assist", "vtx", "yes", !first && assist);
    answer(&g, "assist", "th3", "no", !first && !assist);
    answer(&g, "th3", "hybrid", "yes", !first && !assist && third);
    answer(&g, "th3", "bt", third ? "no" : "no: what user code\\nis shown stays wrong", !first && !assist && !third);
    text_add(out, "}\n");
}

/* What stands first holds for all that follows. */
static void inked(const char *theme, struct text *dot)
{
    const char *ink = graphviz_ink(theme);
    size_t head = strcspn(text_str(dot), "\n");
    struct text out = { 0 };
    text_bytes(&out, dot->s, head);
    text_add(&out, "\n  graph [bgcolor=%s];", graphviz_paper(theme));
    if (*ink) text_add(&out, "\n  node [%s];\n  edge [%s];", ink, ink);
    text_add(&out, "%s", dot->s + head);
    text_free(dot);
    *dot = out;
}

int draw_decision(const struct options *o, struct err *e)
{
    static struct classify c; /* large */
    struct model model;
    enum picture_format f;
    const char *path = o->value[OPT_OUTPUT] ? o->value[OPT_OUTPUT] : "decision.svg";
    struct text dot = { 0 }, out = { 0 };
    if (o->operands > 1) return err_set(e, EXIT_USAGE, "%s: `draw decision` takes no guest; --set changes the processor", o->operand[1]), e->code;
    if (!picture_format(o, path, &f, e) || !config_model(&o->machine, &model, e) || !classify_run(&c, &model, e)) return e->code;
    if (f == PICTURE_TXT) return err_set(e, EXIT_USAGE, "draw decision: not as text; `ringside classify` says it in words"), e->code;
    const char *theme;
    if (!picture_theme(o, &theme, e)) return e->code;
    classify_dot(&c, &dot);
    inked(theme, &dot);
    bool ok = f == PICTURE_DOT || graphviz_layout(&dot, picture_ending(f), &out, e);
    if (ok && picture_put(f == PICTURE_DOT ? &dot : &out, path, e) && strcmp(path, "-") && !o->value[OPT_QUIET])
        picture_tell(path);
    text_free(&dot);
    text_free(&out);
    return e->code;
}
