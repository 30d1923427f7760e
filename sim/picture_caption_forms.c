/* A caption in the forms that are no SVG: TikZ of a ladder, a LaTeX table, DOT, Mermaid, PlantUML, Markdown, plain text. See
 * picture_caption.h. Which form a document has its first words tell: each kind of diagram has its own list of forms, and this is
 * what they share. */
#include "sim/picture_caption.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/svg_read.h"
#include "sim/svg_tikz.h"

enum { TEXT_WIDE = 76, GRAPH_WIDE = 80, TABLE_WIDE = 90 };

static void before(struct text *doc, const char *mark, const struct text *what)
{
    const char *at = NULL;
    for (const char *p = doc->s; (p = strstr(p, mark)); p++) at = p; /* the last one */
    if (at) svg_replace(doc, at, 0, text_str(what));
}

/* For each of its lines: `put` adds the line. Returns how many. */
typedef void put_fn(const char *line, unsigned n, struct text *out);
static unsigned each(const char *words, unsigned room, struct text *out, put_fn *put)
{
    struct text line = { 0 };
    unsigned n = 0;
    while (caption_line(&words, room, &line)) put(text_str(&line), n++, out);
    text_free(&line);
    return n;
}

static void tex(const char *line, struct text *out)
{
    struct text xml = { 0 };
    text_xml(&xml, line);
    svg_tikz_words(text_str(&xml), xml.len, out);
    text_free(&xml);
}

/* --- TikZ: a ladder's own; its bounding box grows as an SVG document's canvas does ------------------------------------------- */

static int below; /* the first line's place, in TikZ's units, which are a ladder's pixels */

static void put_node(const char *line, unsigned n, struct text *out)
{
    text_add(out, "\\node[anchor=base west,font=\\ttfamily\\fontsize{10.5}{13}\\selectfont] at (24,%d) {", below + (int)n * 20);
    tex(line, out);
    text_add(out, "};\n");
}

static void below_ladder(struct text *doc, const char *words)
{
    static const char mark[] = "rectangle (";
    struct text nodes = { 0 };
    char higher[32];
    const char *at = strstr(doc->s, mark);
    int w, h;
    if (!at || sscanf(at + sizeof mark - 1, "%d,%d", &w, &h) != 2) return;
    below = h + 18;
    unsigned n = each(words, w > 200 ? (unsigned)(w - 48) * 2 / 19 : 16, &nodes, put_node);
    before(doc, "\\end{tikzpicture}", &nodes);
    at = strstr(doc->s, mark) + sizeof mark - 1;
    snprintf(higher, sizeof higher, "%d,%d", w, h + (int)n * 20 + 16);
    svg_replace(doc, at, strcspn(at, ")"), higher);
    text_free(&nodes);
}

static void put_table_line(const char *line, unsigned n, struct text *out)
{
    if (n) text_add(out, " \\\\ ");
    tex(line, out);
}

/* Not \caption: the table stands in no float. */
static void below_table(struct text *doc, const char *words)
{
    text_add(doc, "\n\\par\\smallskip\\noindent{\\small\\begin{tabular}{@{}l@{}}");
    each(words, TABLE_WIDE, doc, put_table_line);
    text_add(doc, "\\end{tabular}}\n");
}

/* --- graphs and sequences ---------------------------------------------------------------------------------------------------- */

static void put_quoted(const char *line, unsigned n, struct text *out)
{
    if (n) text_add(out, "\\n");
    for (; *line; line++) text_add(out, *line == '"' || *line == '\\' ? "\\%c" : "%c", *line);
}

/* A graph has one label. Where that is the title, the caption is its end; else it stands below. */
static void below_graph(struct text *doc, const char *words)
{
    struct text label = { 0 };
    const char *graph = strstr(doc->s, "  graph ["), *line = graph ? graph + strcspn(graph, "\n") : NULL;
    const char *at = graph ? strstr(graph, " label=\"") : NULL;
    bool titled = at && at < line && at[8] != '"';
    if (titled) {
        at += 8;
        while (*at && *at != '"') at += *at == '\\' && at[1] ? 2 : 1;
        text_add(&label, "\\n\\n");
        each(words, GRAPH_WIDE, &label, put_quoted);
        svg_replace(doc, at, 0, text_str(&label));
    } else {
        text_add(&label, "  label=\"");
        each(words, GRAPH_WIDE, &label, put_quoted);
        text_add(&label, "\";\n  labelloc=b; fontname=\"DejaVu Sans Mono\"; fontsize=14; fontcolor=\"%s\";\n", caption_dark());
        before(doc, "}\n", &label);
    }
    text_free(&label);
}

static const struct { char c; const char *mermaid, *plantuml; } signs[] = {
    { '#', "#35;", "<U+0023>" }, { ';', "#59;", ";" }, { '<', "#lt;", "<U+003C>" }, { '>', "#gt;", "<U+003E>" },
    { '"', "#quot;", "\"" }, { '\\', "#92;", "<U+005C>" },
};

static void put_signs(const char *line, bool mermaid, struct text *out)
{
    for (; *line; line++) {
        size_t i = 0;
        while (i < sizeof signs / sizeof *signs && signs[i].c != *line) i++;
        if (i < sizeof signs / sizeof *signs) text_add(out, "%s", mermaid ? signs[i].mermaid : signs[i].plantuml);
        else text_char(out, *line);
    }
}

static void put_mermaid(const char *line, unsigned n, struct text *out)
{
    if (n) text_add(out, "<br/>");
    put_signs(line, true, out);
}

static void put_plantuml(const char *line, unsigned n, struct text *out)
{
    if (n) text_add(out, "\\n");
    put_signs(line, false, out);
}

static void below_mermaid(struct text *doc, const char *words)
{
    static const char mark[] = "\n  participant ";
    struct text first = { 0 }, last = { 0 };
    for (const char *p = doc->s; (p = strstr(p, mark));) {
        p += sizeof mark - 1;
        text_clear(&last);
        text_bytes(&last, p, strcspn(p, " \n"));
        if (!first.len) text_bytes(&first, last.s, last.len);
    }
    if (!first.len) return;
    text_add(doc, "  Note over %s", text_str(&first));
    if (strcmp(first.s, last.s)) text_add(doc, ",%s", text_str(&last));
    text_add(doc, ": ");
    each(words, GRAPH_WIDE, doc, put_mermaid);
    text_char(doc, '\n');
    text_free(&first);
    text_free(&last);
}

static void below_plantuml(struct text *doc, const char *words)
{
    struct text line = { 0 };
    text_add(&line, "caption ");
    each(words, GRAPH_WIDE, &line, put_plantuml);
    text_char(&line, '\n');
    before(doc, "@enduml", &line);
    text_free(&line);
}

/* --- words ------------------------------------------------------------------------------------------------------------------- */

static void put_line(const char *line, unsigned n, struct text *out)
{
    (void)n;
    text_add(out, "%s\n", line);
}

static void put_ascii(const char *line, unsigned n, struct text *out)
{
    (void)n;
    for (size_t k; *line; line += k ? k : 1) k = text_utf8(line, strlen(line)), text_char(out, k == 1 ? *line : '?');
    text_char(out, '\n');
}

static void put_markdown(const char *line, unsigned n, struct text *out)
{
    if (n) text_add(out, "  \n"); /* two blanks: a new line */
    for (; *line; line++) text_add(out, strchr("\\`*_[]<>|#&", *line) ? "\\%c" : "%c", *line);
}

static bool starts(const struct text *doc, const char *with) { return !strncmp(doc->s, with, strlen(with)); }

void caption_form(struct text *doc, const char *words, bool ascii)
{
    const char *second = doc->s + (starts(doc, "// ") ? strcspn(doc->s, "\n") + 1 : 0);
    if (starts(doc, "\x89PNG") || starts(doc, "%PDF")) return;
    if (!strncmp(second, "digraph ", 8) || !strncmp(second, "graph ", 6)) below_graph(doc, words);
    else if (starts(doc, "%") && strstr(doc->s, "\\begin{tabular}")) below_table(doc, words);
    else if (starts(doc, "% Ladder")) below_ladder(doc, words);
    else if (starts(doc, "%")) return; /* made of SVG */
    else if (starts(doc, "@startuml")) below_plantuml(doc, words);
    else if (starts(doc, "sequenceDiagram") || starts(doc, "---\ntitle: ")) below_mermaid(doc, words);
    else {
        bool markdown = strstr(doc->s, "\n|---");
        text_add(doc, "%s\n", doc->s[doc->len - 1] == '\n' ? "" : "\n");
        each(words, TEXT_WIDE, doc, markdown ? put_markdown : ascii ? put_ascii : put_line);
        if (markdown) text_char(doc, '\n');
    }
}
