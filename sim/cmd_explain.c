/* `ringside explain`: a page on a word. */
#include "sim/cmd.h"
#include "sim/explain.h"
#include "tui/tui.h"

#include <stdio.h>
#include <string.h>

static bool no_page(const char *word, struct err *e)
{
    static const char *words[2048];
    unsigned n = explain_words(words, 2045);
    words[n++] = "port", words[n++] = "keys", words[n++] = "terms";
    const char *near = config_suggest(word, words, n);
    if (near) return err_set(e, EXIT_USAGE, "explain %s: no page on that; did you mean %s?", word, near);
    return err_set(e, EXIT_USAGE, "explain %s: no page on that; `explain` alone lists the words", word);
}

static void explain_keys(struct say *out)
{
    struct text lines = { 0 };
    say_role(out, ROLE_TITLE, "keys");
    say_add(out, ": those of `ringside tui`; there ? lists them, and finds\n");
    tui_keys(&lines);
    say_add(out, "%s", text_str(&lines));
    text_free(&lines);
}

static bool explain_key(const char *key, struct say *out)
{
    struct text line = { 0 };
    bool known = tui_key(key, &line);
    if (known) say_role(out, ROLE_TITLE, "%s", key);
    if (known) say_add(out, ": key of the terminal\n%s", text_str(&line));
    text_free(&line);
    return known;
}

/* Several words are one, with blanks. */
static const char *asked(const struct options *o)
{
    static char word[120];
    *word = 0;
    for (unsigned i = 0; i < o->operands; i++) snprintf(word + strlen(word), sizeof word - strlen(word), "%s%s", i ? " " : "", o->operand[i]);
    return o->operands ? word : NULL;
}

int cmd_explain(const struct options *o, struct err *e)
{
    struct say out;
    struct model model;
    const char *word = asked(o);
    if (!config_model(&o->machine, &model, e)) return e->code;
    say_init(&out, stdout, o->value[OPT_COLOR], o->value[OPT_ASCII] != NULL);
    if (!word) explain_tables(&out);
    else if (!strcmp(word, "keys")) explain_keys(&out);
    else if (!strcmp(word, "terms")) explain_glossary(&out);
    else if (!strcmp(word, "port")) {
        explain_word(word, &model, &out);
        explain_port(&out, e);
    } else {
        bool key = explain_key(word, &out);
        if (!explain_word(word, &model, &out) && !key) no_page(word, e);
    }
    say_flush(&out);
    if (!e->code) say_check(&out, e);
    say_done(&out);
    return e->code;
}
