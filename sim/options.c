/* See options.h. Idea: one loop over argv; each option is looked up in the table and given to `take`, so the same loop
 * serves the first reading and the one that puts the options on top of a scenario's machine. */
#include "sim/options.h"
#include "sim/cmd.h"
#include "sim/gdb.h"

#include <stdlib.h>
#include <string.h>

enum kind { MACHINE, HERE, PLANNED };

static const struct row {
    const char *name, *value, *help;
    unsigned    commands;
    char        letter;
    enum kind   kind;
} rows[OPT_COUNT] = {
#define OPTION(id, name, letter, value, kind, commands, help) { name, value, help, commands, letter, kind },
#include "sim/option.def"
#undef OPTION
};

/* An option as met on the command line. */
struct met {
    const struct row *row;
    const char *value;
};

/* Is `part` the beginning of `name`, one of its words, or some of them in a row? "cycles" of "limit-cycles". */
static bool is_part(const char *part, const char *name)
{
    size_t n = strlen(part);
    if (n > 2 && !strncmp(name, part, n)) return true;
    for (const char *at = strstr(name, part); at && n > 1; at = strstr(at + 1, part))
        if ((at == name || at[-1] == '-') && (!at[n] || at[n] == '-')) return true;
    return false;
}

/* The nearest option of this command, by letters or by one of its words; what is only planned is suggested last. */
static const char *nearest(unsigned command, const char *name)
{
    const char *words[OPT_COUNT], *near = NULL;
    for (int planned = 0; planned < 2 && !near; planned++) {
        unsigned n = 0;
        for (unsigned i = 0; i < OPT_COUNT; i++)
            if ((rows[i].commands & command) && (rows[i].kind == PLANNED) == planned) words[n++] = rows[i].name;
        near = config_suggest(name, words, n);
        for (unsigned i = 0; i < n && !near; i++)
            if (is_part(name, words[i]) || is_part(words[i], name)) near = words[i];
    }
    return near;
}

static bool unknown(unsigned command, const char *name, struct err *e)
{
    const char *near = nearest(command, name);
    if (near) return err_set(e, EXIT_USAGE, "--%s: no such option; did you mean --%s?", name, near);
    return err_set(e, EXIT_USAGE, "--%s: no such option; --help lists what there is", name);
}

/* The commands that have it: "draw and tui"; of many the first three. */
static void commands_with(const struct row *row, struct text *out)
{
    unsigned n = 0;
    for (const struct command *c = commands; c->word; c++) n += (row->commands & c->bit) != 0;
    unsigned shown = n > 4 ? 3 : n, k = 0;
    for (const struct command *c = commands; c->word && k < shown; c++)
        if (row->commands & c->bit) text_add(out, "%s%s", k == 0 ? "" : k + 1 == shown && shown == n ? " and " : ", ", c->word), k++;
    if (shown < n) text_add(out, " and others");
}

/* Two commands may have an option of one name with meanings of their own. */
static bool find_long(unsigned command, const char *name, const struct row **row, struct err *e)
{
    *row = NULL;
    for (unsigned i = 0; i < OPT_COUNT; i++) {
        if (strcmp(rows[i].name, name)) continue;
        *row = &rows[i];
        if (rows[i].kind == PLANNED)
            return err_set(e, EXIT_USAGE, "--%s: planned, not in version 0.1 (%s); leave it out", name, rows[i].help);
        if (rows[i].commands & command) return true;
    }
    if (!*row) return unknown(command, name, e);
    struct text of = { 0 };
    commands_with(*row, &of);
    err_set(e, EXIT_USAGE, "--%s: an option of %s, not of this command; --help lists what it takes", name, text_str(&of));
    text_free(&of);
    return false;
}

static bool find_letter(unsigned command, char letter, const struct row **row, struct err *e)
{
    for (unsigned i = 0; i < OPT_COUNT; i++)
        if (rows[i].letter == letter && (rows[i].commands & command)) {
            *row = &rows[i];
            return true;
        }
    return err_set(e, EXIT_USAGE, "-%c: no such option; --help lists what there is", letter);
}

/* The next argument as a value; what looks like an option is not taken for one. */
static bool next_value(struct met *met, int argc, char **argv, int *i, struct err *e)
{
    if (*i + 1 < argc && (argv[*i + 1][0] != '-' || !argv[*i + 1][1])) {
        met->value = argv[++*i];
        return true;
    }
    return err_set(e, EXIT_USAGE, "--%s: a value is missing; write --%s=%s", met->row->name, met->row->name,
                   met->row->value);
}

static bool read_long(unsigned command, int argc, char **argv, int *i, struct met *met, struct err *e)
{
    char name[64];
    const char *word = argv[*i] + 2, *eq = strchr(word, '=');
    size_t n = eq ? (size_t)(eq - word) : strlen(word);
    if (n >= sizeof name) return err_set(e, EXIT_USAGE, "--%.40s...: no such option; --help lists what there is", word);
    memcpy(name, word, n);
    name[n] = 0;
    if (!find_long(command, name, &met->row, e)) return false;
    if (!met->row->value) {
        met->value = "";
        return !eq || err_set(e, EXIT_USAGE, "--%s: takes no value; write just --%s", name, name);
    }
    if (!eq && met->row->value[0] == '[') { /* optional: the next argument only if it can be nothing else */
        bool given = (met->row == &rows[OPT_GDB] || met->row == &rows[OPT_DAP]) && *i + 1 < argc && gdb_is_address(argv[*i + 1]);
        met->value = given ? argv[++*i] : "";
        return true;
    }
    if (!eq) return next_value(met, argc, argv, i, e);
    met->value = eq + 1;
    return true;
}

/* `-o FILE`, `-oFILE`. Switches are written one by one. */
static bool read_letter(unsigned command, int argc, char **argv, int *i, struct met *met, struct err *e)
{
    const char *word = argv[*i] + 1;
    if (!find_letter(command, *word, &met->row, e)) return false;
    met->value = word + 1;
    if (met->row->value) return *met->value || next_value(met, argc, argv, i, e);
    return !word[1] ||
           err_set(e, EXIT_USAGE, "-%s: no such option; write switches one by one, or --%s", word, met->row->name);
}

static bool add_operand(struct options *o, const char *word, struct err *e)
{
    if (!*word) return err_set(e, EXIT_USAGE, "an empty name on the command line; give a file or a scenario");
    if (o->operands == OPTIONS_OPERANDS)
        return err_set(e, EXIT_USAGE, "%s: one word too many; --help shows the form", word);
    o->operand[o->operands++] = word;
    return true;
}

static bool check_wall(const char *value, struct err *e)
{
    char *end;
    double v = strtod(value, &end);
    if (end != value && !*end && v > 0 && v < 1e7) return true;
    return err_set(e, EXIT_USAGE, "--limit-wall %s: not a number of seconds; write it like 10 or 0.5", value);
}

bool options_parse(struct options *o, unsigned command, int argc, char **argv, struct err *e)
{
    *o = (struct options){ .machine = config_defaults, .argc = argc, .argv = argv, .command = command };
    bool only_operands = false;
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        struct met met;
        if (only_operands || word[0] != '-' || !word[1]) {
            if (!add_operand(o, word, e)) return false;
            continue;
        }
        if (!strcmp(word, "--")) {
            only_operands = true;
            continue;
        }
        bool is_long = word[1] == '-';
        if (!(is_long ? read_long : read_letter)(command, argc, argv, &i, &met, e)) return false;
        o->value[met.row - rows] = met.value;
        if (met.row->kind == MACHINE && !config_option(&o->machine, met.row->name, met.value, e)) return false;
    }
    return !o->value[OPT_LIMIT_WALL] || check_wall(o->value[OPT_LIMIT_WALL], e);
}

/* Calls `take` for every option of the machine on the command line, in order. */
typedef bool take_fn(void *self, const char *name, const char *value, struct err *e);
static bool each_machine(const struct options *o, take_fn *take, void *self, struct err *e)
{
    for (int i = 0; i < o->argc; i++) {
        struct met met;
        const char *word = o->argv[i];
        if (!strcmp(word, "--")) break;
        if (word[0] != '-' || !word[1]) continue;
        bool is_long = word[1] == '-';
        if (!(is_long ? read_long : read_letter)(o->command, o->argc, o->argv, &i, &met, e)) return false;
        if (met.row->kind == MACHINE && !take(self, met.row->name, met.value, e)) return false;
    }
    return true;
}

static bool take_config(void *cfg, const char *name, const char *value, struct err *e)
{
    return config_option(cfg, name, value, e);
}

bool options_machine(const struct options *o, struct machine_cfg *cfg, struct err *e)
{
    /* Another technique has another default for the page tables. */
    if (o->value[OPT_CPU] && !o->value[OPT_MMU] && strcmp(o->value[OPT_CPU], cfg->cpu)) cfg->mmu[0] = 0;
    return each_machine(o, take_config, cfg, e);
}

void options_word(const char *word, struct text *out)
{
    bool plain = word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:=/_-")] == 0;
    if (plain && *word) {
        text_add(out, "%s", word);
        return;
    }
    text_char(out, '\'');
    for (; *word; word++) {
        if (*word == '\'') text_add(out, "'\\''"); /* sh(1): no escape inside quotes, so close, quote, open again */
        else text_char(out, *word);
    }
    text_char(out, '\'');
}

static bool take_text(void *out, const char *name, const char *value, struct err *e)
{
    (void)e;
    text_add(out, " --%s=", name);
    options_word(value, out);
    return true;
}

void options_again(const struct options *o, struct text *out)
{
    struct err ignored = { 0 }; /* it was parsed before */
    each_machine(o, take_text, out, &ignored);
}

double options_wall(const struct options *o)
{
    return o->value[OPT_LIMIT_WALL] ? strtod(o->value[OPT_LIMIT_WALL], NULL) : 0;
}

bool options_shard(const struct options *o, enum option id, unsigned *shard, unsigned *shards, struct err *e)
{
    enum { MOST = 100000 };
    char *end;
    const char *value = o->value[id];
    *shard = *shards = 1;
    if (!value) return true;
    unsigned long i = strtoul(value, &end, 10), n = *end == '/' && end[1] >= '0' && end[1] <= '9' ? strtoul(end + 1, &end, 10) : 0;
    if (*value < '0' || *value > '9' || *end || !i || i > n || n > MOST)
        return err_set(e, EXIT_USAGE, "--shard %s: write it like 1/4, the first of four", value);
    *shard = (unsigned)i;
    *shards = (unsigned)n;
    return true;
}

int options_choice(const struct options *o, enum option id, const char *const *words, unsigned n, struct err *e)
{
    const char *value = o->value[id];
    struct text all = { 0 };
    for (unsigned i = 0; i < n; i++) {
        if (!strcmp(words[i], value)) {
            text_free(&all);
            return (int)i;
        }
        text_add(&all, "%s%s", i ? ", " : "", words[i]);
    }
    const char *near = config_suggest(value, words, n);
    if (near) err_set(e, EXIT_USAGE, "--%s %s: no such choice; did you mean %s?", rows[id].name, value, near);
    else err_set(e, EXIT_USAGE, "--%s %s: no such choice; known: %s", rows[id].name, value, text_str(&all));
    text_free(&all);
    return -1;
}

bool options_about(unsigned i, unsigned command, struct option_about *about)
{
    const struct row *r = &rows[i];
    *about = (struct option_about){ r->name, r->value, r->help, r->letter };
    return (r->commands & command) && r->kind != PLANNED;
}

void options_help(unsigned command, struct text *out)
{
    struct text planned = { 0 };
    for (unsigned i = 0; i < OPT_COUNT; i++) {
        const struct row *r = &rows[i];
        if (!(r->commands & command)) continue;
        if (r->kind == PLANNED) {
            text_add(&planned, " --%s", r->name);
            continue;
        }
        if (r->letter) text_add(out, "  -%c, --%s", r->letter, r->name);
        else text_add(out, "      --%s", r->name);
        if (r->value) text_add(out, " %s", r->value);
        text_pad(out, 27);
        text_add(out, " %s\n", r->help);
    }
    if (planned.len) text_add(out, "\nPlanned:%s\n", text_str(&planned));
    text_free(&planned);
}
