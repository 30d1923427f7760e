/* `ringside classify`: Popek and Goldberg's sets and theorems, by executing every instruction. */
#include "sim/classify.h"
#include "sim/cmd.h"

#include <string.h>
#include <strings.h>

/* The rows a word stands for: "popf", "mov.cr", or "mov" for all of them. */
static unsigned rows_of(const char *word, unsigned *ids, unsigned room)
{
    char name[32];
    unsigned n = 0;
    for (unsigned id = 1; id < MN_COUNT; id++) {
        classify_name(id, name, sizeof name);
        if (n < room && (!strcasecmp(word, name) || !strcasecmp(word, insn_desc(id)->word) || !strcasecmp(word, insn_row_name(id))))
            ids[n++] = id;
    }
    return n;
}

static bool unknown(const char *word, struct err *e)
{
    const char *words[MN_COUNT];
    for (unsigned id = 1; id < MN_COUNT; id++) words[id - 1] = insn_desc(id)->word;
    const char *near = config_suggest(word, words, MN_COUNT - 1);
    if (near) return err_set(e, EXIT_USAGE, "%s: no such instruction; did you mean %s?", word, near);
    return err_set(e, EXIT_USAGE, "%s: no such instruction; `classify` alone lists the sets", word);
}

static bool tell(const struct classify *c, const struct options *o, const unsigned *ids, unsigned n, struct err *e)
{
    const char *json = o->value[OPT_JSON];
    struct text t = { 0 };
    struct say out;
    bool ok = true;
    if (json) {
        classify_json(c, &t);
        ok = text_write(&t, json, e);
        text_free(&t);
        if (!strcmp(json, "-")) return ok;
    }
    say_init(&out, stdout, o->value[OPT_COLOR], o->value[OPT_ASCII] != NULL);
    for (unsigned i = 0; i < n; i++) classify_one_text(c, ids[i], &out);
    if (!n) classify_text(c, &out);
    say_flush(&out);
    ok = say_check(&out, e) && ok;
    say_done(&out);
    return ok;
}

int cmd_classify(const struct options *o, struct err *e)
{
    static struct classify c; /* large */
    unsigned ids[16], n = 0;
    struct model model;
    const char *word = o->operands ? command_operand(o, 0, "an instruction", e) : NULL;
    if (e->code) return e->code;
    if (word && !(n = rows_of(word, ids, 16))) return unknown(word, e), e->code;
    if (config_model(&o->machine, &model, e) && classify_run(&c, &model, e)) tell(&c, o, ids, n, e);
    return e->code;
}
