/* The ladder as text that wikis draw: Mermaid's sequenceDiagram, PlantUML's sequence diagram; see trace_ladder.h.
 *
 * Idea: both have participants, arrows and notes; two tables of words, one walk. Only what a ladder and they have in common: no places, no
 * curves from cause to effect; costs are said where a visit begins. */
#include "sim/trace/trace_ladder.h"

#include <inttypes.h>
#include <string.h>

static const char *const ids[LANE_COUNT] = { "user", "kernel", "vmm", "device" };

struct dialect { const char *begin, *end, *arrow, *answer, *silent, *note_over, *note_end; bool mermaid; };
static const struct dialect mermaid = { "sequenceDiagram\n", "", "->>", "-->>", "--x", "  Note over %s: ", "", true };
static const struct dialect plantuml = { "@startuml\nhide footbox\n", "@enduml\n", " -> ", " --> ", " -->x ", "note over %s : ", "", false };

/* Neither takes these in a line of words. */
static void words(struct text *out, const char *s)
{
    for (; *s; s++) {
        if (*s == ';' || *s == '#' || *s == '\n') text_char(out, *s == '#' ? '=' : ' ');
        else text_char(out, *s);
    }
}

/* "#GP": a `#` begins an escape in Mermaid and a colour in PlantUML; each has another way to write it. */
static void label(struct text *out, const char *s, const struct dialect *d)
{
    for (; *s; s++) {
        if (*s == '#' || *s == ';') text_add(out, d->mermaid ? *s == '#' ? "#35;" : "#59;" : *s == '#' ? "<U+0023>" : ";");
        else text_char(out, *s == '\n' ? ' ' : *s);
    }
}

static void one(const struct ladder *l, const struct ladder_row *r, const struct dialect *d, struct text *out)
{
    const char *indent = d->mermaid ? "  " : "";
    if (r->shape == LADDER_ARROW || r->shape == LADDER_SILENT) {
        bool back = r->kind == EV_RESUME || r->kind == EV_RETURN;
        text_add(out, "%s%s%s%s%s: ", indent, ids[r->from], r->shape == LADDER_SILENT ? d->silent : back ? d->answer : d->arrow, ids[r->to],
                 d->mermaid ? "" : " ");
        label(out, r->label, d);
        if (*r->detail) text_add(out, " "), label(out, r->detail, d);
    } else {
        text_add(out, d->note_over, ids[r->from]);
        label(out, r->label, d);
    }
    if (r->cost) {
        struct text n = { 0 };
        text_number(&n, r->cost);
        text_add(out, " (%s cycles)", text_str(&n));
        text_free(&n);
    }
    text_char(out, '\n');
    (void)l;
}

static void write(const struct ladder *l, const struct dialect *d, struct text *out)
{
    if (d->mermaid && l->options.title) text_add(out, "---\ntitle: "), text_json(out, l->options.title), text_add(out, "\n---\n");
    text_add(out, "%s", d->begin);
    if (!d->mermaid && l->options.title) text_add(out, "title "), words(out, l->options.title), text_char(out, '\n');
    for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
        char ring[16] = "";
        if (!l->has[lane]) continue;
        const char *below = ladder_lane_ring(l, lane, ring, sizeof ring), *break_ = d->mermaid ? "<br/>" : "\\n";
        if (d->mermaid) text_add(out, "  participant %s as %s%s%s\n", ids[lane], ladder_lane_title(l, lane), *below ? break_ : "", below);
        else text_add(out, "participant \"%s%s%s\" as %s\n", ladder_lane_title(l, lane), *below ? break_ : "", below, ids[lane]);
    }
    for (uint32_t i = 0; i < l->rows; i++) one(l, &l->row[i], d, out);
    text_add(out, "%s", d->end);
}

void ladder_mermaid(const struct ladder *l, struct text *out) { write(l, &mermaid, out); }
void ladder_plantuml(const struct ladder *l, struct text *out) { write(l, &plantuml, out); }
