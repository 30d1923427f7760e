/* A scenario, looked at without running it: `run --dry`. See lesson_dry in sim/lesson.h.
 *
 * Idea 1: the file has been loaded, so its Lua is whole and its declarations are right; what is left to find are names inside of functions that
 * nobody has called yet. They are found in the text: words behind `till.`, `expect.`, `vm:` and so on are looked up in the tables of the
 * bindings, and a name that nothing in the file makes and that is no global is one that does not exist.
 * Idea 2: a condition that is written with a literal, till.label "kmain", is made in the sandbox at the same line and converted for the machine,
 * which stands at its first instruction: what a step would complain of in half an hour, it complains of now.
 * Not found: what depends on values (a name put together, a field of a field), and whether a condition ever comes true. */
#include "sim/script/dry.h"

#include <ctype.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/script/till.h"
#include "sim/script/words.h"

enum { NOTE_WIDE = 76 };
enum token { END, NAME, TEXT, NUMBER, SIGN };

struct lexer {
    const char *at, *from;           /* the token is [from, at) */
    unsigned line;                   /* in which it begins */
    unsigned lines;                  /* up to `at` */
    enum token is;
};

void dry_say(struct dry *d, unsigned line, const char *fmt, ...)
{
    char words[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(words, sizeof words, fmt, ap);
    va_end(ap);
    text_add(d->out, "%s:%u: %s\n", d->file, line, words);
    d->found++;
}

/* ---- words of the text ---- */

static void count_lines(struct lexer *x, const char *to)
{
    for (; x->at < to; x->at++) x->lines += *x->at == '\n';
}

/* "[==[": its length; 0: no long bracket. */
static size_t long_bracket(const char *at)
{
    size_t n = 1;
    if (*at != '[') return 0;
    while (at[n] == '=') n++;
    return at[n] == '[' ? n + 1 : 0;
}

static const char *long_end(const char *at, size_t bracket)
{
    char close[32] = "]";
    if (bracket > sizeof close - 2) return at + strlen(at);
    memset(close + 1, '=', bracket - 2);
    strcpy(close + bracket - 1, "]");
    const char *end = strstr(at + bracket, close);
    return end ? end + bracket : at + strlen(at);
}

static void skip_blanks(struct lexer *x)
{
    for (;;) {
        const char *to = x->at;
        if (isspace((unsigned char)*to)) to++;
        else if (to[0] == '-' && to[1] == '-') to = long_bracket(to + 2) ? long_end(to + 2, long_bracket(to + 2)) : to + strcspn(to, "\n");
        else return;
        count_lines(x, to);
    }
}

static const char *quoted_end(const char *at)
{
    char quote = *at++;
    while (*at && *at != quote && *at != '\n') at += at[0] == '\\' && at[1] ? 2 : 1;
    return *at == quote ? at + 1 : at;
}

static void next(struct lexer *x)
{
    skip_blanks(x);
    const char *to = x->at;
    x->from = x->at;
    x->line = x->lines;
    if (!*to) x->is = END;
    else if (isalpha((unsigned char)*to) || *to == '_') {
        while (isalnum((unsigned char)*to) || *to == '_') to++;
        x->is = NAME;
    } else if (isdigit((unsigned char)*to)) {
        while (isalnum((unsigned char)*to) || (*to == '.' && to[1] != '.')) to++;
        x->is = NUMBER;
    } else if (*to == '"' || *to == '\'' || long_bracket(to)) {
        to = long_bracket(to) ? long_end(to, long_bracket(to)) : quoted_end(to);
        x->is = TEXT;
    } else {
        to++;
        if ((to[-1] == '.' || to[-1] == ':') && *to == to[-1]) to++;
        else if (strchr("=~<>", to[-1]) && *to == '=') to++;
        x->is = SIGN;
    }
    count_lines(x, to);
}

static bool is(const struct lexer *x, const char *word)
{
    size_t n = strlen(word);
    return x->is != END && x->is != TEXT && (size_t)(x->at - x->from) == n && !strncmp(x->from, word, n);
}

static bool is_keyword(const struct lexer *x)
{
    static const char *const words[] = { "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local",
                                         "nil", "not", "or", "repeat", "return", "then", "true", "until", "while" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (is(x, words[i])) return true;
    return false;
}

/* ---- names ---- */

static void make(struct dry *d, const struct lexer *x, bool parameter)
{
    if (d->names == DRY_NAMES) return;
    d->parameter[d->names] = parameter;
    d->name[d->names] = x->from;
    d->length[d->names++] = (size_t)(x->at - x->from);
}

static bool made(const struct dry *d, const struct lexer *x)
{
    for (unsigned i = 0; i < d->names; i++)
        if (d->length[i] == (size_t)(x->at - x->from) && !strncmp(d->name[i], x->from, d->length[i])) return true;
    return d->names == DRY_NAMES; /* too many to keep: nothing is said of any */
}

/* Made by the file, and not as a parameter. */
static bool owned(const struct dry *d, const struct lexer *x)
{
    for (unsigned i = 0; i < d->names; i++)
        if (!d->parameter[i] && d->length[i] == (size_t)(x->at - x->from) && !strncmp(d->name[i], x->from, d->length[i])) return true;
    return false;
}

/* Names behind `local`, `for`, and in a function's brackets; names that are set, in tables or as globals. */
static void collect(struct dry *d, const char *text)
{
    struct lexer x = { .at = text, .lines = 1 }, before = { 0 };
    bool list = false, brackets = false;
    for (next(&x); x.is != END; before = x, next(&x)) {
        if (x.is == NAME && is(&x, "function")) brackets = true;
        if (x.is == NAME && (is(&x, "local") || is(&x, "for"))) list = true;
        else if (x.is == NAME && !is_keyword(&x) && (list || brackets)) make(d, &x, !list);
        else if (list && !is(&x, ",") && !is(&x, "function") && !is(&x, "<") && !is(&x, ">")) list = false;
        if (is(&x, ")")) brackets = false;
        if (is(&x, "=") && before.is == NAME) make(d, &before, false);
    }
}

static int look(lua_State *L)
{
    struct dry *d = lua_touserdata(L, 1);
    lua_pushglobaltable(L);
    lua_pushstring(L, d->global);
    d->known = lua_rawget(L, -2) != LUA_TNIL;
    return 0;
}

static void check_global(struct dry *d, const struct lexer *x)
{
    char name[64];
    struct err e = { 0 };
    if (is_keyword(x) || made(d, x) || x->at - x->from >= (long)sizeof name) return;
    snprintf(name, sizeof name, "%.*s", (int)(x->at - x->from), x->from);
    d->global = name;
    if (!sandbox_run(&d->s->box, look, d, &e) || d->known || !strcmp(name, "vm")) return;
    const char *const known[] = { "expect", "till", "scenario", "include", "exec", "print", "pairs", "ipairs", "tostring", "tonumber", "string", "table", "math", "vm" };
    char maybe[80];
    sandbox_suggest(name, known, sizeof known / sizeof *known, maybe, sizeof maybe);
    dry_say(d, x->line, "there is no '%s'%s", name, *maybe ? maybe : "; nothing in this file makes it");
}

/* The word behind `vm.`, `till.`, `vm.flags.` ... */
static void check_word(struct dry *d, const char *of, const struct lexer *x)
{
    const char *words[SCRIPT_WORDS_MOST];
    char name[64], maybe[80];
    snprintf(name, sizeof name, "%.*s", (int)(x->at - x->from), x->from);
    const char *class = d->class_of(of);
    for (const struct script_class *c = script_classes; c->name && class; c++) {
        if (strcmp(c->name, class) != 0) continue;
        unsigned n = c->words(words);
        for (unsigned i = 0; i < n; i++)
            if (!strcmp(words[i], name)) return;
        sandbox_suggest(name, words, n, maybe, sizeof maybe);
        dry_say(d, x->line, "%s has no '%s'%s", of, name, *maybe ? maybe : d->manual);
        return;
    }
}

/* ---- conditions ---- */

static int convert(lua_State *L)
{
    struct dry *d = lua_touserdata(L, 1);
    struct till_set set;
    struct text t = { 0 };
    for (unsigned i = 1; i < d->snippet_line; i++) text_char(&t, '\n');
    text_add(&t, "return %.*s", (int)d->snippet_length, d->snippet);
    size_t n = t.len;
    char *copy = lua_newuserdatauv(L, n + 1, 0);
    memcpy(copy, text_str(&t), n + 1);
    text_free(&t);
    sandbox_load(L, copy, n, d->file);
    lua_call(L, 0, 1);
    till_convert(L, lua_gettop(L), d->s->machine, &set);
    return 0;
}

static void try_condition(struct dry *d, const char *from, const char *to, unsigned line)
{
    struct err e = { 0 };
    d->snippet = from, d->snippet_length = (size_t)(to - from), d->snippet_line = line;
    if (sandbox_run(&d->s->box, convert, d, &e)) return;
    text_add(d->out, "%s\n", e.text);
    d->found++;
}

/* Behind `till.NAME`: a literal, perhaps in brackets. */
static void check_condition(struct dry *d, const struct lexer *start, struct lexer x)
{
    next(&x);
    bool bracket = is(&x, "(");
    if (bracket) next(&x);
    if (x.is != TEXT && x.is != NUMBER) return;
    if (bracket) {
        next(&x);
        if (!is(&x, ")")) return;
    }
    try_condition(d, start->from, x.at, start->line);
}

/* A name: alone, or with names behind points and colons. Leaves `x` at the last of them. */
static void check_name(struct dry *d, struct lexer *x)
{
    struct lexer start = *x, sign = *x, then;
    char of[40];
    snprintf(of, sizeof of, "%.*s", (int)(x->at - x->from), x->from);
    next(&sign);
    if (is(&sign, "=")) return; /* it is set here */
    check_global(d, x);
    if (d->own && owned(d, x)) return;
    while (is(&sign, ".") || is(&sign, ":")) {
        then = sign;
        next(&then);
        if (then.is != NAME) return;
        unsigned before = d->found;
        check_word(d, of, &then);
        if (d->s->machine && !strcmp(of, "till") && d->found == before) check_condition(d, &start, then);
        snprintf(of + strlen(of), sizeof of - strlen(of), ".%.*s", (int)(then.at - then.from), then.from);
        *x = sign = then;
        next(&sign);
    }
}

void dry_text(struct dry *d, const char *text)
{
    struct lexer x = { .at = text, .lines = 1 }, before = { 0 };
    d->names = 0;
    collect(d, text);
    for (next(&x); x.is != END; before = x, next(&x))
        if (x.is == NAME && !is(&before, ".") && !is(&before, ":") && !is(&before, "goto")) check_name(d, &x);
}

/* ---- steps ---- */

static void check_note(struct dry *d, const struct script_step *step, const char *what, const char *text)
{
    unsigned line = 1;
    for (const char *at = text; *at; line++) {
        size_t n = strcspn(at, "\n"), wide = 0;
        for (size_t i = 0; i < n; i++) wide += ((unsigned char)at[i] & 0xC0) != 0x80;
        if (wide > NOTE_WIDE) {
            text_add(d->out, "%sstep '%s': line %u of its %s has %zu columns; %d fit\n", step->where, step->title, line, what, wide, NOTE_WIDE);
            d->found++;
        }
        at += n + (at[n] == '\n');
    }
}

/* Of a scenario: laboratories have words of their own. */
static const char *class_of(const char *name)
{
    static const char *const not_here[] = { "t", "isa", "ring" };
    for (unsigned i = 0; i < sizeof not_here / sizeof *not_here; i++)
        if (!strcmp(not_here[i], name)) return NULL;
    return name;
}

unsigned lesson_dry(struct lesson *l, struct machine *m, struct text *out)
{
    struct script *s = (struct script *)l;
    struct dry d = { .s = s, .out = out, .file = s->file, .class_of = class_of, .manual = "; docs/lua.md lists what there is" };
    s->machine = m;
    sandbox_budget(&s->box, SANDBOX_STEP, 1, " while it was checked");
    for (unsigned i = 0; i < s->steps; i++) {
        const struct script_step *step = &s->step[i];
        check_note(&d, step, "note", step->note);
        if (step->run_ref == LUA_NOREF && step->body_ref == LUA_NOREF && step->expect_ref == LUA_NOREF && !*step->note) {
            text_add(out, "%sstep '%s' does nothing and says nothing; give it a run, a note or an expect\n", step->where, step->title);
            d.found++;
        }
    }
    for (unsigned i = 0; i < s->sources; i++) {
        d.file = s->source[i].name;
        dry_text(&d, text_str(&s->source[i].text));
    }
    s->machine = NULL;
    return d.found;
}
