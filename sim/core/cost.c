/* Reading models. See cost.h; docs/model.md has the format.
 *
 * Idea: a file is complete or wrong. Each row exactly once, each with a value that its unit allows and a source, so that a
 * typing error in an experiment is never a silent default. */
#include "sim/core/cost.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include "sim/core/lines.h"
#include "sim/core/near.h"
#include "sim/core/text.h"

enum unit { UNIT_INSN, UNIT_CYCLES, UNIT_NS, UNIT_MHZ, UNIT_FAMILY, UNIT_BYTE, UNIT_STEPPING, UNIT_VMX, UNIT_SWITCH, UNIT_KB, UNIT_WAYS,
            UNIT_COUNTERS, UNIT_BITS, UNIT_TARGETS, UNIT_RETURNS, UNIT_ENTRIES };
static const struct { const char *name; uint32_t least, most; } units[] = {
    [UNIT_INSN] = { "cycles", 0, UINT16_MAX },       [UNIT_CYCLES] = { "cycles", 0, 10000000 },
    [UNIT_NS] = { "nanoseconds", 0, 1000000000 },    [UNIT_MHZ] = { "MHz", 1, 16000 },
    [UNIT_FAMILY] = { "a number", 1, 15 },           [UNIT_BYTE] = { "a number", 0, 255 },
    [UNIT_STEPPING] = { "a number", 0, 15 },         [UNIT_VMX] = { "a generation", 0, 3 },
    [UNIT_SWITCH] = { "0 or 1", 0, 1 },              [UNIT_KB] = { "KB", 0, 65536 },
    [UNIT_WAYS] = { "ways", 0, 16 },                 [UNIT_COUNTERS] = { "counters", 0, 4096 },
    [UNIT_BITS] = { "branches", 0, 12 },             [UNIT_TARGETS] = { "targets", 0, 2048 },
    [UNIT_RETURNS] = { "entries", 0, 16 },           [UNIT_ENTRIES] = { "entries", 0, 1024 },
};

static const struct {
    const char *name, *about;
    enum unit unit;
} rows[COST_COUNT] = {
#define COST(e, name, unit, about) { name, about, UNIT_##unit },
#include "sim/core/cost.def"
#undef COST
};

bool model_has_free(const struct model *m)
{
    for (unsigned k = 0; k < COST_COUNT; k++)
        if (rows[k].unit == UNIT_INSN && !m->cost[k]) return true;
    return false;
}

const char *cost_name(enum cost c) { return rows[c].name; }
const char *cost_about(enum cost c) { return rows[c].about; }
const char *cost_unit(enum cost c) { return units[rows[c].unit].name; }

const char *model_name(unsigned i) { return model_files[i].name; }

/* ---- lines ---- */

enum { LINE = 400, FILE_MOST = 1 << 20 };

/* The next line of a text, without blanks around it; false: there are no more. */
static bool next_line(const char **at, char line[LINE])
{
    const char *s = *at;
    if (!*s) return false;
    size_t n = strcspn(s, "\n");
    *at = s + n + (s[n] == '\n');
    while (n && strchr(" \t\r", s[n - 1])) n--;
    while (n && strchr(" \t", *s)) s++, n--;
    if (n >= LINE) n = LINE - 1;
    memcpy(line, s, n);
    line[n] = 0;
    return true;
}

/* Takes the first word off a line; what is left begins with the next. */
static char *take_word(char **rest)
{
    char *word = *rest;
    *rest += strcspn(word, " \t");
    if (**rest) *(*rest)++ = 0;
    *rest += strspn(*rest, " \t");
    return word;
}

const char *model_about(unsigned i)
{
    static char line[LINE];
    for (const char *at = model_files[i].text; next_line(&at, line);)
        if (!strncmp(line, "about ", 6)) return line + 6;
    return "";
}

/* ---- finding ---- */

static bool is_path(const char *name)
{
    size_t n = strlen(name);
    return strchr(name, '/') || (n > 6 && !strcmp(name + n - 6, ".model"));
}

bool model_text(const char *name, struct text *out, struct err *e)
{
    if (is_path(name)) return text_read(out, name, FILE_MOST, e);
    struct text all = { 0 };
    for (unsigned i = 0; model_files[i].name; i++) {
        if (!strcmp(model_files[i].name, name)) {
            text_free(&all);
            text_add(out, "%s", model_files[i].text);
            return true;
        }
        text_add(&all, "%s%s", i ? ", " : "", model_files[i].name);
    }
    err_set(e, EXIT_USAGE, "--model %s: no such CPU model; known are %s, and files by a name that ends in .model", name, text_str(&all));
    text_free(&all);
    return false;
}

/* What some rows are called for short on the command line. */
enum { SHORT_NAMES = 2 };
static const char *const short_names[SHORT_NAMES][2] = { { "vmexit", "vmx.exit" }, { "vmentry", "vmx.entry" } };

static int row_of(const char *name)
{
    for (int i = 0; i < COST_COUNT; i++)
        if (!strcmp(rows[i].name, name)) return i;
    return -1;
}

/* What was said wrong about a row that there is not, with the row that may be meant; in a file there are no short names. */
static const char *no_row(const char *name, unsigned names, char *to, size_t room)
{
    const char *words[COST_COUNT + SHORT_NAMES];
    for (unsigned i = 0; i < COST_COUNT; i++) words[i] = rows[i].name;
    for (unsigned i = 0; i < SHORT_NAMES; i++) words[COST_COUNT + i] = short_names[i][0];
    const char *near = near_word(name, words, names);
    snprintf(to, room, ": no such row; %s%s%s`ringside list model p4` shows all there are", near ? "did you mean " : "", near ? near : "",
             near ? "? " : "");
    return to;
}

void model_source(const struct model *m, enum cost c, char *to, size_t room)
{
    struct text text = { 0 };
    char line[LINE];
    *to = 0;
    if (!model_text(m->file, &text, NULL)) return;
    for (const char *at = text_str(&text); next_line(&at, line);) {
        char *rest = line;
        if (strcmp(take_word(&rest), rows[c].name)) continue;
        take_word(&rest);
        strncpy(to, rest, room - 1);
        to[room - 1] = 0;
        break;
    }
    text_free(&text);
}

/* ---- reading ---- */

struct reading {
    struct model *m;
    const char *file;
    unsigned line, at[COST_COUNT]; /* the line that has the row; 0: none yet */
    struct err *e;
};

static bool wrong(const struct reading *r, const char *what, const char *word)
{
    return err_set(r->e, EXIT_INPUT, "%s:%u: %s%s", r->file, r->line, word, what);
}

/* Whole numbers, in decimal or, with 0x, in hexadecimal. */
static bool read_value(const struct reading *r, enum unit u, const char *row, const char *word, uint32_t *value)
{
    char *end;
    bool negative = *word == '-';
    unsigned long long v = strtoull(word + negative, &end, 0);
    if (end == word + negative || *end)
        return err_set(r->e, EXIT_INPUT, "%s:%u: %s: \"%.40s\" is not a whole number", r->file, r->line, row, word);
    if (negative) return err_set(r->e, EXIT_INPUT, "%s:%u: %s: %.40s is negative", r->file, r->line, row, word);
    if (v < units[u].least || v > units[u].most)
        return err_set(r->e, EXIT_INPUT, "%s:%u: %s: %.40s is absurd; %s%sfrom %u to %u", r->file, r->line, row, word,
                       u == UNIT_SWITCH ? "" : units[u].name, u == UNIT_SWITCH ? "" : ", ", units[u].least, units[u].most);
    *value = (uint32_t)v;
    return true;
}

static bool read_name(const struct reading *r, char *to, size_t room, const char *what, const char *text)
{
    if (*to) return wrong(r, ": said a second time", what);
    if (!*text) return wrong(r, ": its text is missing", what);
    if (strlen(text) >= room) return wrong(r, ": too long", what);
    strcpy(to, text);
    return true;
}

static bool read_row(struct reading *r, char *line)
{
    char *rest = line;
    const char *name = take_word(&rest);
    if (!strcmp(name, "model")) return read_name(r, r->m->name, sizeof r->m->name, name, rest);
    if (!strcmp(name, "about")) return read_name(r, r->m->about, sizeof r->m->about, name, rest);
    int row = row_of(name);
    char what[120];
    if (row < 0) return wrong(r, no_row(name, COST_COUNT, what, sizeof what), name);
    if (r->at[row]) return err_set(r->e, EXIT_INPUT, "%s:%u: %s: said already in line %u", r->file, r->line, name, r->at[row]);
    const char *value = take_word(&rest);
    if (!*value) return wrong(r, ": its value is missing", name);
    if (!read_value(r, rows[row].unit, name, value, &r->m->cost[row])) return false;
    if (!*rest) return wrong(r, ": its source is missing; say where the figure is from, [A] if it is assumed", name);
    r->at[row] = r->line;
    return true;
}

static bool complete(const struct reading *r)
{
    if (!*r->m->name) return wrong(r, "a row is missing: model, the model's name", "");
    for (int i = 0; i < COST_COUNT; i++)
        if (!r->at[i])
            return err_set(r->e, EXIT_INPUT, "%s:%u: a row is missing: %s, %s", r->file, r->line, rows[i].name, rows[i].about);
    return true;
}

/* ---- what follows from the rows ---- */

static const struct { enum cost row; uint8_t bit; } features[] = {
    { COST_HAS_FPU, 0 },   { COST_HAS_VME, 1 },   { COST_HAS_DE, 2 },    { COST_HAS_PSE, 3 },  { COST_HAS_TSC, 4 },
    { COST_HAS_MSR, 5 },   { COST_HAS_PAE, 6 },   { COST_HAS_MCE, 7 },   { COST_HAS_CX8, 8 },  { COST_HAS_SEP, 11 },
    { COST_HAS_MTRR, 12 }, { COST_HAS_PGE, 13 },  { COST_HAS_MCA, 14 },  { COST_HAS_CMOV, 15 }, { COST_HAS_PAT, 16 },
    { COST_HAS_PSE36, 17 }, { COST_HAS_CLFLUSH, 19 }, { COST_HAS_MMX, 23 }, { COST_HAS_FXSR, 24 },
};

/* Sets are found by bits of the address, so there is a power of two of them. */
static bool cache_fits(const struct model *m, enum cost kb, enum cost ways, struct err *e)
{
    uint32_t lines = m->cost[kb] * 1024 / LINE_SIZE, n = m->cost[ways], sets = n ? lines / n : 0;
    if (!m->cost[kb]) return true;
    if (!n) return err_set(e, EXIT_INPUT, "%s: %s: %u KB in sets of no line; give it 1 to 16", m->file, rows[ways].name, m->cost[kb]);
    if (sets * n == lines && !(sets & (sets - 1))) return true;
    return err_set(e, EXIT_INPUT, "%s: %s, %s: %u lines of %u bytes make no power of two of sets of %u", m->file, rows[kb].name,
                   rows[ways].name, lines, (unsigned)LINE_SIZE, n);
}

static bool caches_fit(const struct model *m, struct err *e)
{
    const uint32_t *v = m->cost;
    if (!v[COST_L1D_KB] != !v[COST_L1I_KB])
        return err_set(e, EXIT_INPUT, "%s: l1d.kb, l1i.kb: there is a first level for both, or none", m->file);
    if ((v[COST_L2_KB] && !v[COST_L1D_KB]) || (v[COST_L3_KB] && !v[COST_L2_KB]))
        return err_set(e, EXIT_INPUT, "%s: l%c.kb: a level without the one above it", m->file, v[COST_L3_KB] && !v[COST_L2_KB] ? '3' : '2');
    return cache_fits(m, COST_L1I_KB, COST_L1I_WAYS, e) && cache_fits(m, COST_L1D_KB, COST_L1D_WAYS, e) &&
           cache_fits(m, COST_L2_KB, COST_L2_WAYS, e) && cache_fits(m, COST_L3_KB, COST_L3_WAYS, e);
}

static bool predictor_fits(const struct model *m, struct err *e)
{
    static const enum cost sizes[] = { COST_BRANCH_COUNTERS, COST_BRANCH_TARGETS, COST_BRANCH_RETURNS };
    if (!m->cost[COST_BRANCH_COUNTERS]) return true;
    if (!m->cost[COST_L1D_KB]) return err_set(e, EXIT_INPUT, "%s: branch.counters: branches are predicted only where caches are modelled", m->file);
    for (unsigned k = 0; k < sizeof sizes / sizeof sizes[0]; k++)
        if (!m->cost[sizes[k]] || m->cost[sizes[k]] & (m->cost[sizes[k]] - 1))
            return err_set(e, EXIT_INPUT, "%s: %s: %u is not a power of two", m->file, rows[sizes[k]].name, m->cost[sizes[k]]);
    return true;
}

static bool tlbs_fit(const struct model *m, struct err *e)
{
    static const enum cost rows_of[] = { COST_TLB_LARGE_DATA, COST_TLB_LARGE_CODE, COST_TLB2_ENTRIES };
    for (unsigned k = 0; k < sizeof rows_of / sizeof rows_of[0]; k++) {
        uint32_t n = m->cost[rows_of[k]], ways = rows_of[k] == COST_TLB2_ENTRIES ? m->cost[COST_TLB2_WAYS] : 4;
        uint32_t sets = ways ? n / ways : 0;
        if (n && (!sets || sets * ways != n || sets & (sets - 1)))
            return err_set(e, EXIT_INPUT, "%s: %s: %u entries make no power of two of sets of %u", m->file, rows[rows_of[k]].name, n, ways);
    }
    return true;
}

bool model_check(struct model *m, struct err *e)
{
    m->hz = m->cost[COST_CPU_MHZ] * UINT64_C(1000000);
    m->vmx = (uint8_t)m->cost[COST_CPU_VMX];
    m->without = 0;
    for (unsigned i = 0; i < sizeof features / sizeof features[0]; i++)
        if (!m->cost[features[i].row]) m->without |= UINT32_C(1) << features[i].bit;
    return caches_fit(m, e) && predictor_fits(m, e) && tlbs_fit(m, e);
}

/* Rows that do not go together are told as "FILE: ROW, ...": here is known in which line the first of them is. */
static bool blame(const struct reading *r)
{
    char what[sizeof r->e->text], row[40];
    size_t file = strlen(r->file) + 2;
    if (!r->e || strlen(r->e->text) < file) return false;
    strcpy(what, r->e->text + file);
    snprintf(row, sizeof row, "%.*s", (int)strcspn(what, ",:"), what);
    int k = row_of(row);
    if (k < 0) return false;
    *r->e = (struct err){ 0 }; /* what was said first stays */
    return err_set(r->e, EXIT_INPUT, "%s:%u: %s", r->file, r->at[k], what);
}

bool model_find(const char *name, struct model *m, struct err *e)
{
    struct text text = { 0 };
    char line[LINE];
    if (strlen(name) >= sizeof m->file) return err_set(e, EXIT_USAGE, "--model %.60s...: too long a name", name);
    if (!model_text(name, &text, e)) return false;
    memset(m, 0, sizeof *m);
    strcpy(m->file, name);
    struct reading r = { .m = m, .file = name, .e = e };
    const char *at = text_str(&text);
    bool ok = true;
    if (!strncmp(at, "\xEF\xBB\xBF", 3)) at += 3; /* a byte order mark */
    if (!*at) {
        text_free(&text);
        return err_set(e, EXIT_INPUT, "%s:1: empty; `ringside list model p4 >%s` is one to begin with", name, name);
    }
    while (ok && next_line(&at, line)) {
        r.line++;
        if (*line && *line != '#') ok = read_row(&r, line);
    }
    ok = ok && complete(&r) && (model_check(m, e) || blame(&r));
    text_free(&text);
    return ok;
}

/* ---- what-ifs ---- */

static const struct { const char *name; uint32_t bit; } extras[] = {
    { "umip", EXTRA_UMIP }, { "virtualizable", EXTRA_VIRTUALIZABLE }, { "monitor", EXTRA_MONITOR }, { "agile", EXTRA_AGILE },
    { "fences", EXTRA_FENCES },
};

bool model_extra(struct model *m, const char *name, bool on, struct err *e)
{
    for (unsigned i = 0; i < sizeof extras / sizeof extras[0]; i++)
        if (!strcmp(extras[i].name, name)) {
            m->extras = on ? m->extras | extras[i].bit : m->extras & ~extras[i].bit;
            return true;
        }
    return err_set(e, EXIT_USAGE, "cpu.%s: no such feature; there are cpu.umip, cpu.virtualizable, cpu.monitor, cpu.fences, cpu.agile and cpu.vmx", name);
}

bool model_set(struct model *m, const char *row, uint32_t value, struct err *e)
{
    char what[120];
    for (unsigned k = 0; k < SHORT_NAMES; k++)
        if (!strcmp(short_names[k][0], row)) row = short_names[k][1];
    int i = row_of(row);
    if (i < 0) return err_set(e, EXIT_USAGE, "cost.%s%s", row, no_row(row, COST_COUNT + SHORT_NAMES, what, sizeof what));
    if (value < units[rows[i].unit].least || value > units[rows[i].unit].most)
        return err_set(e, EXIT_USAGE, "cost.%s=%u: %s, from %u to %u", row, value, units[rows[i].unit].name, units[rows[i].unit].least,
                       units[rows[i].unit].most);
    m->cost[i] = value;
    return true;
}
