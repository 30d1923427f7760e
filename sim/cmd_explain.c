/* `ringside explain`: a page on a word. */
#include "sim/cmd.h"
#include "sim/explain.h"
#include "tui/tui.h"

#include <string.h>

static bool no_page(const char *word, struct err *e)
{
    static const char *words[2048];
    unsigned n = explain_words(words, 2046);
    words[n++] = "port", words[n++] = "keys";
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

int cmd_explain(const struct options *o, struct err *e)
{
    struct say out;
    struct model model;
    const char *word = o->operands ? command_operand(o, 0, "a word", e) : NULL;
    if (e->code || !config_model(&o->machine, &model, e)) return e->code;
    say_init(&out, stdout, o->value[OPT_COLOR], o->value[OPT_ASCII] != NULL);
    if (!word) explain_tables(&out);
    else if (!strcmp(word, "keys")) explain_keys(&out);
    else if (!strcmp(word, "port")) {
        explain_word(word, &model, &out);
        explain_port(&out, e);
    } else if (!explain_word(word, &model, &out)) no_page(word, e);
    say_flush(&out);
    if (!e->code) say_check(&out, e);
    say_done(&out);
    return e->code;
}
