/* Lua and words of the command line, typed behind `:`. See session.h.
 *
 * What only looks is asked of the machine at hand; what changes it makes a branch first, so that no key destroys the run. */
#include <stdio.h>
#include <string.h>
#include "sim/explain.h"
#include "tui/session.h"

/* An assignment (not a comparison), or a store into memory. Quoted text does not count. */
static bool changes(const char *line)
{
    char quote = 0;
    for (const char *c = line; *c; c++) {
        if (quote) {
            if (*c == quote) quote = 0;
            continue;
        }
        if (*c == '"' || *c == '\'') quote = *c;
        if (*c == '{' || *c == '(') return strstr(line, "vm:poke") != NULL; /* arguments by name */
        if (*c == '=' && c > line && !strchr("=~<>", c[-1]) && c[1] != '=') return !strncmp(line, "vm.", 3);
    }
    return strstr(line, "vm:poke") != NULL;
}

/* `expect vm.flags.IF == 0` is a question with an answer in words. */
static bool claim(struct session *s, const char *line, struct text *out, struct err *e)
{
    char whole[512];
    struct text value = { 0 };
    snprintf(whole, sizeof whole, "not not (%s)", line);
    bool good = lesson_eval(s->lua, s->m, whole, &value, e);
    if (good) text_add(out, "%s: %s", !strcmp(text_str(&value), "true") ? "holds" : "does not hold", line);
    text_free(&value);
    return good;
}

static bool explained(const struct machine_cfg *c, const char *word, struct text *out)
{
    struct say say;
    say_init(&say, NULL, "never", false);
    struct model model;
    struct err e = { 0 };
    unsigned n = config_model(c, &model, &e) ? explain_word(word, &model, &say) : 0;
    text_add(out, "%s", text_str(&say.t));
    say_done(&say);
    return n > 0;
}

bool session_explain(struct session *s, const char *word, struct text *out)
{
    if (explained(machine_config(s->m), word, out)) return true;
    session_say(s, true, "Nothing is known under \"%.60s\".", word);
    return false;
}

bool session_line(struct session *s, const char *line, struct text *out)
{
    struct err e = { 0 };
    while (*line == ' ') line++;
    if (!s->lua) s->lua = lesson_empty(&e);
    if (!s->lua) {
        session_say(s, true, "%s", e.text);
        return false;
    }
    if (changes(line) && !session_branch(s, line)) return false;
    uint64_t before = machine_insns(s->m);
    bool good = !strncmp(line, "expect ", 7) ? claim(s, line + 7, out, &e) : lesson_eval(s->lua, s->m, line, out, &e);
    if (machine_insns(s->m) != before && s->lesson) s->lesson->ops->rewind(s->lesson, s->m);
    session_arrive(s);
    if (!good) session_say(s, true, "%s", e.text);
    else if (!out->len && session_on_branch(s) >= 0) session_say(s, false, "On branch %d: | goes round, :diff compares.", session_on_branch(s) + 1);
    return good;
}
