/* `ringside draw matrix`: the sensitive instructions by technique, from real runs of the guest sens19.
 *
 * Idea: the guest itself says, row by row, whether an instruction showed it what ring 0 would have; here its lines are only
 * put side by side, with what the classifier found about the instruction, and how often the hypervisor carried it out.
 * The count: Robin and Irvine say seventeen, the list in circulation has eighteen mnemonics. Seventeen are they if VERR and
 * VERW, one page of the manual, are one; IRET, which VMware's authors add, makes nineteen. All three are told.
 * A technique for ported kernels cannot run sens19, and what ring 1 shows is right there by contract. What it answers is: which of
 * them does a ported kernel still execute? Its column counts that, instruction by instruction, in a run of mini's port. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/classify.h"
#include "sim/draw.h"
#include "sim/graphviz.h"
#include "sim/guard.h"
#include "sim/picture.h"
#include "sim/sketch.h"
#include "sim/subject.h"
#include "sim/vmm/strategy.h"
#include "sim/picture_dress.h"

enum { ROWS = 19, COLUMNS = 8, CONTROLS = 32, VERR_ROW = 10, IRET_ROW = 19 };

struct column {
    char     cpu[16];
    bool     refused;
    char     why[480];                 /* of a column that is not sens19's */
    uint64_t ported;                   /* instructions that a ported kernel executed instead ... */
    uint64_t executed[ROWS];           /* ... and of these the rows */
    bool     there[ROWS], wrong[ROWS];
    uint64_t emulated[ROWS], silent[ROWS];
    unsigned controls, failed;
};
struct matrix {
    struct classify classes;
    struct column column[COLUMNS];
    unsigned columns;
    const char *theme;
};

/* --- running ------------------------------------------------------------------------------------------------------- */

/* "row 07 popf: ... DIFFERENT", "control cli: ok". */
static void read_line(struct column *k, const char *line, size_t n)
{
    unsigned row;
    bool wrong = n > 9 && !memcmp(line + n - 9, "DIFFERENT", 9);
    if (sscanf(line, "row %u ", &row) == 1 && row >= 1 && row <= ROWS) {
        k->there[row - 1] = true;
        k->wrong[row - 1] = wrong;
    } else if (!strncmp(line, "control ", 8)) {
        k->controls++;
        k->failed += n < 4 || memcmp(line + n - 4, ": ok", 4);
    }
}

static void read_console(struct column *k, const struct machine *m)
{
    size_t n, at = 0;
    const char *s = machine_serial(m, &n);
    while (at < n) {
        const char *end = memchr(s + at, '\n', n - at);
        size_t len = end ? (size_t)(end - s) - at : n - at;
        char line[400];
        snprintf(line, sizeof line, "%.*s", (int)len, s + at);
        size_t shown = strcspn(line, "\r");
        line[shown] = 0;
        read_line(k, line, shown);
        at += len + 1;
    }
}

/* The rows of insn.def that the guest's rows are about: SENS_SILENT, in this order. */
static unsigned insn_of(unsigned row)
{
    for (unsigned id = 1; id < MN_COUNT; id++)
        if (insn_desc(id)->sensitivity == SENS_SILENT && row-- == 0) return id;
    return MN_NONE;
}

static void count_events(struct column *k, const struct trace *t)
{
    for (size_t i = 0; i < trace_count(t); i++) {
        const struct event *e = trace_at(t, i);
        for (unsigned row = 0; row < ROWS; row++) {
            k->emulated[row] += e->kind == EV_EMULATE && e->u.EMULATE.op == insn_of(row);
            k->silent[row] += e->kind == EV_SILENT && e->u.SILENT.op == insn_of(row);
        }
    }
}

/* --- a ported kernel instead --- */

/* The row of the instruction at EIP; -1: it has none. */
static int row_at(const struct machine *m, uint32_t eip)
{
    static const struct model no_costs; /* what it takes is not asked here */
    uint8_t bytes[15] = { 0 };
    struct insn i;
    unsigned n = sizeof bytes;
    while (n && !machine_peek(m, gva(eip), bytes, n)) n--; /* the next page may not be there */
    if (insn_decode(bytes, n, (struct insn_mode){ .code32 = true }, no_costs.cost, &i) != DECODE_OK) return -1;
    for (unsigned row = 0; row < ROWS; row++)
        if (insn_of(row) == i.id) return (int)row;
    return -1;
}

/* Runs it one step at a time to its end. Kernels do not change their code, so what an address holds is looked at once. */
static bool count_kernel(struct column *k, struct machine *m, struct err *e)
{
    enum { KNOWN = 1 << 14 };
    static struct { uint32_t eip; int row; } known[KNOWN];
    memset(known, 0xFF, sizeof known);
    for (enum machine_stop stop = MACHINE_BUDGET; stop == MACHINE_BUDGET; ) {
        uint32_t eip = machine_eip(m), at = eip & (KNOWN - 1);
        uint64_t before = machine_guest_insns(m);
        bool kernel = machine_place(m) == PLACE_KERNEL;
        if (kernel && known[at].eip != eip) known[at].eip = eip, known[at].row = row_at(m, eip);
        stop = machine_run(m, NULL, 1);
        if (!kernel || machine_guest_insns(m) == before) continue;
        k->ported++;
        if (known[at].row >= 0) k->executed[known[at].row]++;
        if (guard_error(e)) return false;
    }
    return true;
}

static const char *guest_path(const char *name)
{
    static struct subject_guest guests[64];
    for (unsigned i = subject_guests(guests, 64); i--; )
        if (!strcmp(guests[i].name, name)) return guests[i].path;
    return NULL;
}

/* mini's port, with the files beside it, does a day's work. Without it the column stays refused. */
static bool run_port(const struct machine_cfg *like, struct column *k, struct err *e)
{
    struct machine_cfg cfg = *like;
    struct err why = { 0 };
    const char *path = guest_path("mini-pv"), *slash = path ? strrchr(path, '/') : NULL;
    if (!slash || !cpu_strategy_find(k->cpu)->aware) return true;
    snprintf(cfg.image, sizeof cfg.image, "%s", path);
    snprintf(cfg.initrd, sizeof cfg.initrd, "%.*s/mini.img", (int)(slash - path), path);
    snprintf(cfg.append, sizeof cfg.append, "run=\"ls | wc; primes 50; halt\"");
    struct machine *m = machine_new(&cfg, &why);
    if (!m) return true;
    guard_watch(m);
    bool ok = count_kernel(k, m, e);
    guard_watch(NULL);
    if (ok && machine_end(m).fate != FATE_EXITED) ok = err_set(e, EXIT_GUEST_DIED, "mini-pv under %s: %s", k->cpu, machine_end(m).why);
    machine_free(m);
    if (!ok) return false;
    snprintf(k->why, sizeof k->why, "sens19 is not ported; counted is what the kernel of mini-pv executes of them, of %llu instructions. Ring 1 "
             "shows them what the interface says it does", (unsigned long long)k->ported);
    return true;
}

static bool run_column(const struct options *o, const char *image, struct column *k, struct err *e)
{
    struct machine_cfg cfg = o->machine;
    struct err why = { 0 };
    cfg.mmu[0] = 0;
    snprintf(cfg.image, sizeof cfg.image, "%s", image);
    struct machine *m = config_option(&cfg, "cpu", k->cpu, &why) && config_check(&cfg, &why) ? machine_new(&cfg, &why) : NULL;
    if (!m) {
        k->refused = true;
        snprintf(k->why, sizeof k->why, "%s", why.text);
        return run_port(&cfg, k, e);
    }
    struct subject s = { .machine = m };
    bool ok = subject_run(&s, NULL, NULL, e);
    read_console(k, m);
    count_events(k, machine_trace_of(m));
    if (ok && machine_end(m).fate != FATE_EXITED) ok = err_set(e, EXIT_GUEST_DIED, "sens19 under %s: %s", k->cpu, machine_end(m).why);
    machine_free(m);
    return ok;
}

static bool run_all(const struct options *o, struct matrix *x, struct err *e)
{
    char image[512];
    unsigned n;
    snprintf(image, sizeof image, "%s", guest_path("sens19") ? guest_path("sens19") : "");
    if (!*image) return err_set(e, EXIT_ENVIRONMENT, "draw matrix: the guest sens19 is not built; `make guests` builds it");
    const struct machine_technique *t = machine_techniques(&n);
    for (unsigned i = 0; i < n && x->columns < COLUMNS; i++) {
        if (strcmp(t[i].option, "cpu")) continue;
        struct column *k = &x->column[x->columns++];
        snprintf(k->cpu, sizeof k->cpu, "%s", t[i].name);
        if (!run_column(o, image, k, e)) return false;
    }
    struct model model;
    return config_model(&o->machine, &model, e) && classify_run(&x->classes, &model, e);
}

/* --- words --------------------------------------------------------------------------------------------------------- */

static unsigned wrong_of(const struct column *k, unsigned rows)
{
    unsigned n = 0;
    for (unsigned r = 0; r < ROWS; r++) {
        if (rows < 19 && r == IRET_ROW - 1) continue;
        if (rows < 18 && r == VERR_ROW) continue; /* VERW: with VERR, the row before */
        n += k->wrong[r] || (rows < 18 && r == VERR_ROW - 1 && k->wrong[VERR_ROW]);
    }
    return n;
}

static void cell(const struct column *k, unsigned row, char *out, size_t room)
{
    if (k->ported && k->executed[row]) snprintf(out, room, "%llu executed", (unsigned long long)k->executed[row]);
    else if (k->ported) snprintf(out, room, "not executed");
    else if (k->refused || !k->there[row]) snprintf(out, room, "-");
    else if (k->emulated[row]) snprintf(out, room, "%s, %llu emulated", k->wrong[row] ? "WRONG" : "same", (unsigned long long)k->emulated[row]);
    else snprintf(out, room, "%s", !k->wrong[row] ? "same" : k->silent[row] ? "WRONG, no trap" : "WRONG");
}

/* "C M L": control-, mode-, location-sensitive; in brackets if it is privileged. */
static void class_of(const struct matrix *x, unsigned row, char *out, size_t room)
{
    const struct classify_insn *i = &x->classes.insn[insn_of(row)];
    snprintf(out, room, "%s%s%s%s", i->witness[CLASSIFY_CONTROL].there ? "C" : "", i->witness[CLASSIFY_MODE].there ? "M" : "",
             i->witness[CLASSIFY_LOCATION].there ? "L" : "", i->privileged ? " (traps)" : !i->done ? "always traps" : "");
}

static const struct { unsigned rows; const char *name; } counts[] = {
    { 17, "wrong of 17 (VERR/VERW one page)" }, { 18, "wrong of 18 (the printed list)" }, { 19, "wrong of 19 (with IRET)" },
};
enum { COUNTS = sizeof counts / sizeof counts[0], TABLE_ROWS = ROWS + COUNTS + 1 };

static void count_cell(const struct column *k, unsigned i, char *out, size_t room)
{
    if (k->refused) snprintf(out, room, "-");
    else if (i < COUNTS) snprintf(out, room, "%u", wrong_of(k, counts[i].rows));
    else snprintf(out, room, "%u of %u fail", k->failed, k->controls);
}

/* Any cell of the table: row 0 is the head, then the instructions, the counts, the controls; column 0 and 1 are labels. */
static void table_cell(const struct matrix *x, unsigned row, unsigned col, char *out, size_t room)
{
    char name[32];
    const struct column *k = col >= 2 ? &x->column[col - 2] : NULL;
    if (!row) snprintf(out, room, "%s", !col ? "instruction" : col == 1 ? "sensitive" : k->cpu);
    else if (row <= ROWS && !col) classify_name(insn_of(row - 1), name, sizeof name), snprintf(out, room, "%u %s", row, name);
    else if (row <= ROWS && col == 1) class_of(x, row - 1, out, room);
    else if (row <= ROWS) cell(k, row - 1, out, room);
    else if (!col) snprintf(out, room, "%s", row - ROWS - 1 < COUNTS ? counts[row - ROWS - 1].name : "control group");
    else if (col == 1) snprintf(out, room, " ");
    else count_cell(k, row - ROWS - 1, out, room);
}

static void caption(const struct matrix *x, char *out, size_t room)
{
    snprintf(out, room, "Sensitive instructions by technique: guest sens19, CPU model %s. C control-, M mode-, L location-sensitive.",
             x->classes.model.name);
}

/* --- forms --------------------------------------------------------------------------------------------------------- */

static void write_notes(const struct matrix *x, const char *before, struct text *out)
{
    for (unsigned i = 0; i < x->columns; i++)
        if (x->column[i].refused) text_add(out, "%s%s: %s\n", before, x->column[i].cpu, x->column[i].why);
}

static void write_markdown(const struct matrix *x, struct text *out)
{
    char words[240];
    caption(x, words, sizeof words);
    text_add(out, "%s\n\n", words);
    for (unsigned r = 0; r <= TABLE_ROWS; r++) {
        for (unsigned c = 0; c < x->columns + 2; c++) {
            table_cell(x, r, c, words, sizeof words);
            text_add(out, "| %s ", words);
        }
        text_add(out, "|\n");
        for (unsigned c = 0; !r && c < x->columns + 2; c++) text_add(out, "|---");
        if (!r) text_add(out, "|\n");
    }
    write_notes(x, "\n", out);
}

static void tex_words(const char *s, struct text *out)
{
    for (; *s; s++) text_add(out, strchr("_%&#$", *s) ? "\\%c" : "%c", *s);
}

static void write_tex(const struct matrix *x, struct text *out)
{
    char words[240];
    text_add(out, "%% made by `ringside draw matrix`\n\\begin{tabular}{ll");
    for (unsigned i = 0; i < x->columns; i++) text_char(out, 'l');
    text_add(out, "}\n\\hline\n");
    for (unsigned r = 0; r <= TABLE_ROWS; r++) {
        for (unsigned c = 0; c < x->columns + 2; c++) {
            table_cell(x, r, c, words, sizeof words);
            bool bold = !strncmp(words, "WRONG", 5) || !r;
            text_add(out, "%s%s", c ? " & " : "", bold ? "\\textbf{" : "");
            tex_words(words, out);
            text_add(out, "%s", bold ? "}" : "");
        }
        text_add(out, " \\\\%s\n", !r || r == ROWS || r == TABLE_ROWS ? " \\hline" : "");
    }
    text_add(out, "\\end{tabular}\n");
    write_notes(x, "% ", out);
}

static void write_svg(const struct matrix *x, struct text *out)
{
    enum { LINE = 18, FIRST = 250, SECOND = 110, OTHER = 150, LEFT = 16, TOP = 52 };
    char words[240];
    struct sketch k;
    int width = LEFT + FIRST + SECOND + OTHER * (int)x->columns + LEFT, height = TOP + LINE * (TABLE_ROWS + 3) + LEFT;
    caption(x, words, sizeof words);
    sketch_begin(&k, out, x->theme, width, height, words, "A row for each sensitive instruction, a column for each technique: the same as on the bare machine, or wrong, and whether it trapped.");
    sketch_words(&k, LEFT, 24, 13, SKETCH_INK, true, words);
    for (int r = 0; r <= TABLE_ROWS; r++) {
        int y = TOP + LINE * r;
        if (r == 1 || r == ROWS + 1)
            text_add(out, "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"%s\"/>\n", LEFT, y - 13, width - LEFT, y - 13, k.colour[SKETCH_FAINT]);
        for (unsigned c = 0; c < x->columns + 2; c++) {
            int at = LEFT + (c ? FIRST + (c > 1 ? SECOND + OTHER * ((int)c - 2) : 0) : 0);
            table_cell(x, (unsigned)r, c, words, sizeof words);
            bool wrong = !strncmp(words, "WRONG", 5);
            sketch_words(&k, at, y, 12, wrong ? SKETCH_WARN : !strncmp(words, "same", 4) ? SKETCH_GUEST : SKETCH_INK, wrong || !r, words);
        }
    }
    int y = TOP + LINE * (TABLE_ROWS + 1);
    for (unsigned i = 0; i < x->columns; i++) {
        if (!x->column[i].refused) continue;
        snprintf(words, sizeof words, "%s: %.*s", x->column[i].cpu, (int)strcspn(x->column[i].why, "."), x->column[i].why);
        sketch_words(&k, LEFT, y, 12, SKETCH_INK, false, words);
        y += LINE;
    }
    sketch_end(&k);
}

static void write_text(const struct matrix *x, struct text *out)
{
    char words[240];
    for (unsigned r = 0; r <= TABLE_ROWS; r++) {
        struct text line = { 0 };
        for (unsigned c = 0; c < x->columns + 2; c++) {
            table_cell(x, r, c, words, sizeof words);
            text_pad(&line, c ? 34 + (c > 1 ? 13 + 20 * (c - 2) : 0) : 0);
            text_add(&line, "%s", words);
        }
        text_add(out, "%s\n", text_str(&line));
        text_free(&line);
    }
    write_notes(x, "\n", out);
}

static const struct { const char *ending; void (*write)(const struct matrix *x, struct text *out); } forms[] = {
    { "md", write_markdown }, { "tex", write_tex }, { "svg", write_svg }, { "txt", write_text }, { "png", write_svg },
    { "pdf", write_svg },
};
enum { FORMS = sizeof forms / sizeof forms[0] };

static int find_form(const struct options *o, const char *path, struct err *e)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    const char *word = o->value[OPT_FORMAT] ? o->value[OPT_FORMAT] : dot ? dot + 1 : "md";
    for (unsigned i = 0; i < FORMS; i++)
        if (!strcmp(forms[i].ending, word)) return (int)i;
    err_set(e, EXIT_USAGE, "%s: the matrix is not written as %s; use .md, .tex, .svg, .txt, .png or .pdf", path, word);
    return -1;
}

int draw_matrix(const struct options *o, struct err *e)
{
    static struct matrix x; /* large */
    const char *path = o->value[OPT_OUTPUT] ? o->value[OPT_OUTPUT] : "matrix.md";
    int form = find_form(o, path, e);
    struct text out = { 0 }, picture = { 0 };
    if (form < 0 || !picture_theme(o, &x.theme, e)) return e->code;
    if (o->operands > 1) return err_set(e, EXIT_USAGE, "%s: `draw matrix` takes no guest: it is about sens19", o->operand[1]), e->code;
    guard_start(options_wall(o));
    bool ok = run_all(o, &x, e);
    guard_quiet(true);
    if (ok) forms[form].write(&x, &out);
    bool converted = ok && form > 3;
    if (converted) ok = graphviz_convert(&out, &out, forms[form].ending, &picture, e);
    if (ok && picture_put(converted ? &picture : &out, path, e) && strcmp(path, "-") && !o->value[OPT_QUIET])
        fprintf(stderr, "matrix: %s\n", path);
    text_free(&out);
    text_free(&picture);
    return e->code;
}
