/* The classification in words and as JSON. See classify.h. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "sim/classify.h"

/* Words of rows that share theirs with another, told apart by the row's own name. */
void classify_name(unsigned id, char *out, size_t room)
{
    bool shared = false;
    for (unsigned k = 1; k < MN_COUNT; k++) shared |= k != id && !strcmp(insn_desc(k)->word, insn_desc(id)->word);
    snprintf(out, room, "%s", shared ? insn_row_name(id) : insn_desc(id)->word);
    for (char *s = out; *s; s++) *s = *s == '_' ? '.' : (char)tolower((unsigned char)*s);
}

static const struct { const char *word, *about; } kinds[CLASSIFY_KINDS] = {
    [CLASSIFY_CONTROL] = { "control-sensitive", "changes mode or location without a trap" },
    [CLASSIFY_MODE] = { "mode-sensitive", "two states that differ in the ring alone come out different" },
    [CLASSIFY_LOCATION] = { "location-sensitive", "two states whose tables lie elsewhere come out different" },
    [CLASSIFY_TIME] = { "time-sensitive", "two states that differ in time alone come out different" },
    [CLASSIFY_UNTRAPPED] = { "does not trap", "carried out in ring 0 and outside" },
    [CLASSIFY_TRAPPED] = { "traps", "carried out in ring 0, traps outside" },
};

static const struct { const char *about, *condition; } theorems[CLASSIFY_THEOREMS + 1] = {
    { 0 },
    { "a virtual machine monitor can be built", "every sensitive instruction is privileged" },
    { "it can run itself, recursively", "Theorem 1, and the monitor without dependence on time" },
    { "a hybrid monitor (kernels interpreted) can be built", "every user-sensitive instruction is privileged" },
};

/* --- sets --- */

typedef bool member_fn(const struct classify *c, unsigned id, unsigned arg);

static bool is_privileged(const struct classify *c, unsigned id, unsigned arg)
{
    (void)arg;
    return c->insn[id].privileged;
}
static bool has_witness(const struct classify *c, unsigned id, unsigned arg) { return c->insn[id].witness[arg].there; }
static bool breaks(const struct classify *c, unsigned id, unsigned arg) { return classify_breaks(c, arg, id); }
static bool never_done(const struct classify *c, unsigned id, unsigned arg)
{
    (void)arg;
    return c->insn[id].cases && !c->insn[id].done;
}
static bool unexecuted(const struct classify *c, unsigned id, unsigned arg)
{
    (void)arg;
    return !c->insn[id].cases;
}
/* 0: listed and found; 1: listed, not found; 2: found, not listed. The list is Robin and Irvine's and IRET, as insn.def has it. */
static bool listed(const struct classify *c, unsigned id, unsigned arg)
{
    bool on = insn_desc(id)->sensitivity == SENS_SILENT, found = classify_sensitive(&c->insn[id]) && !c->insn[id].privileged;
    return arg == 0 ? on && found : arg == 1 ? on && !found : !on && found;
}

static unsigned members(const struct classify *c, member_fn *in, unsigned arg, struct text *words)
{
    unsigned n = 0;
    char name[32];
    for (unsigned id = 1; id < MN_COUNT; id++) {
        if (!in(c, id, arg)) continue;
        classify_name(id, name, sizeof name);
        if (words) text_add(words, "%s%s", n ? " " : "", name);
        n++;
    }
    return n;
}

static void say_set(const struct classify *c, const char *title, const char *about, member_fn *in, unsigned arg, struct say *out)
{
    struct text words = { 0 };
    unsigned n = members(c, in, arg, &words);
    say_role(out, ROLE_TITLE, "%s", title);
    say_add(out, " (%u)%s%s\n", n, *about ? ": " : "", about);
    say_wrap(out, "  ", 2, n ? text_str(&words) : "none");
    text_free(&words);
}

static void say_theorem(const struct classify *c, unsigned t, struct say *out)
{
    struct text words = { 0 };
    bool holds = classify_theorem(c, t);
    say_role(out, holds ? ROLE_GOOD : ROLE_BAD, "%s Theorem %u %s", say_mark(out, holds), t, holds ? "holds" : "fails");
    say_add(out, ": %s\n", theorems[t].about);
    text_add(&words, "if %s", theorems[t].condition);
    say_wrap(out, "    ", 4, text_str(&words));
    text_clear(&words);
    text_add(&words, "broken by ");
    unsigned n = members(c, breaks, t, &words);
    if (n) say_wrap(out, "    ", 4, text_str(&words));
    text_free(&words);
}

static void say_head(const struct classify *c, struct say *out)
{
    struct text n = { 0 };
    text_number(&n, c->cases);
    say_role(out, ROLE_TITLE, "Popek and Goldberg's classification");
    say_add(out, " of the CPU model %s%s%s%s%s\n", c->model.name, c->model.extras & EXTRA_UMIP ? ", cpu.umip=1" : "",
            c->model.extras & EXTRA_VIRTUALIZABLE ? ", cpu.virtualizable=1" : "", c->model.untrapped ? ", cpu.untrap=" : "",
            c->model.untrapped ? insn_row_name(c->model.untrapped) : "");
    say_add(out, "%u instructions, %s cases, each executed in rings 0, 1 and 3, here,\nelsewhere and later; "
                 "IOPL 0, CR4.TSD 1, SYSENTER_CS 0, no I/O map\n\n", MN_COUNT - 1, text_str(&n));
    text_free(&n);
}

void classify_text(const struct classify *c, struct say *out)
{
    say_head(c, out);
    say_set(c, "privileged", "carried out in ring 0, trap outside, whatever the operands", is_privileged, 0, out);
    for (unsigned k = CLASSIFY_CONTROL; k <= CLASSIFY_TIME; k++) say_set(c, kinds[k].word, kinds[k].about, has_witness, k, out);
    say_add(out, "\n");
    for (unsigned t = 1; t <= CLASSIFY_THEOREMS; t++) say_theorem(c, t, out);
    say_add(out, "\n");
    say_set(c, "Robin and Irvine's list with IRET, found sensitive and unprivileged", "", listed, 0, out);
    say_set(c, "on the list, and not so here", "", listed, 1, out);
    say_set(c, "not on the list, and so here", "", listed, 2, out);
    say_set(c, "always trap", "not carried out even in ring 0, so neither of both", never_done, 0, out);
    if (members(c, unexecuted, 0, NULL)) say_set(c, "not executed", "", unexecuted, 0, out);
    say_add(out, "\n  each verdict has a witness: ringside classify popf\n");
}

/* --- one instruction --- */

static void say_witness(const struct classify_witness *w, enum classify_kind kind, struct say *out)
{
    struct text words = { 0 };
    if (!w->there) return;
    say_role(out, ROLE_WARN, "  %s", kinds[kind].word);
    say_add(out, ": %s\n", kinds[kind].about);
    text_add(&words, "bytes");
    for (unsigned i = 0; i < w->n; i++) text_add(&words, " %02X", w->bytes[i]);
    text_add(&words, "; %s; ", w->operands);
    if (w->ring[0] == w->ring[1]) text_add(&words, "ring %u: ", w->ring[0]);
    else text_add(&words, "rings %u and %u: ", w->ring[0], w->ring[1]);
    text_add(&words, "%s", w->what);
    say_wrap(out, "    ", 4, text_str(&words));
    text_free(&words);
}

void classify_one_text(const struct classify *c, unsigned id, struct say *out)
{
    const struct classify_insn *i = &c->insn[id];
    char name[32];
    classify_name(id, name, sizeof name);
    say_role(out, ROLE_TITLE, "%s", name);
    say_add(out, ": %s, %s%s\n", i->privileged ? "privileged" : "not privileged",
            classify_sensitive(i) ? "sensitive" : "innocuous", i->user_sensitive ? ", user-sensitive" : "");
    say_wrap(out, "  ", 2, insn_desc(id)->rule);
    say_add(out, "  %u encodings, %u cases; ring 0 carried out %u, of which %u trap in 1 and 3\n", i->encodings, i->cases,
            i->done, i->trapped);
    for (unsigned k = 0; k < CLASSIFY_KINDS; k++)
        if (k != CLASSIFY_UNTRAPPED || !i->privileged) say_witness(&i->witness[k], (enum classify_kind)k, out);
    for (unsigned t = 1; t <= CLASSIFY_THEOREMS; t++)
        if (classify_breaks(c, t, id)) say_add(out, "  breaks Theorem %u\n", t);
}

/* --- JSON --- */

static void json_set(const struct classify *c, const char *key, member_fn *in, unsigned arg, struct text *out)
{
    char name[32];
    unsigned n = 0;
    text_add(out, "  \"%s\": [", key);
    for (unsigned id = 1; id < MN_COUNT; id++) {
        if (!in(c, id, arg)) continue;
        classify_name(id, name, sizeof name);
        text_add(out, "%s\"%s\"", n++ ? ", " : "", name);
    }
    text_add(out, "],\n");
}

static void json_insn(const struct classify *c, unsigned id, struct text *out)
{
    static const char *const words[CLASSIFY_KINDS] = { "control", "mode", "location", "time", "untrapped", "trapped" };
    const struct classify_insn *i = &c->insn[id];
    char name[32];
    classify_name(id, name, sizeof name);
    text_add(out, "    {\"insn\": \"%s\", \"cases\": %u, \"done\": %u, \"trapped\": %u, \"privileged\": %s, \"user_sensitive\": %s", name,
             i->cases, i->done, i->trapped, i->privileged ? "true" : "false", i->user_sensitive ? "true" : "false");
    for (unsigned k = 0; k < CLASSIFY_KINDS; k++) {
        const struct classify_witness *w = &i->witness[k];
        if (!w->there) continue;
        text_add(out, ", \"%s\": {\"bytes\": \"", words[k]);
        for (unsigned b = 0; b < w->n; b++) text_add(out, "%02x", w->bytes[b]);
        text_add(out, "\", \"rings\": [%u, %u], \"operands\": ", w->ring[0], w->ring[1]);
        text_json(out, w->operands);
        text_add(out, ", \"what\": ");
        text_json(out, w->what);
        text_add(out, "}");
    }
    text_add(out, "}");
}

void classify_json(const struct classify *c, struct text *out)
{
    static const char *const sets[] = { "control_sensitive", "mode_sensitive", "location_sensitive", "time_sensitive" };
    text_add(out, "{\n  \"model\": \"%s\",\n  \"umip\": %s,\n  \"virtualizable\": %s,\n  \"untrap\": ", c->model.name,
             c->model.extras & EXTRA_UMIP ? "true" : "false", c->model.extras & EXTRA_VIRTUALIZABLE ? "true" : "false");
    if (c->model.untrapped) text_json(out, insn_row_name(c->model.untrapped));
    else text_add(out, "null");
    text_add(out, ",\n  \"cases\": %u,\n", c->cases);
    json_set(c, "privileged", is_privileged, 0, out);
    for (unsigned k = 0; k <= CLASSIFY_TIME; k++) json_set(c, sets[k], has_witness, k, out);
    text_add(out, "  \"theorems\": {");
    for (unsigned t = 1; t <= CLASSIFY_THEOREMS; t++)
        text_add(out, "%s\"%u\": %s", t > 1 ? ", " : "", t, classify_theorem(c, t) ? "true" : "false");
    text_add(out, "},\n");
    for (unsigned t = 1; t <= CLASSIFY_THEOREMS; t++) {
        char key[24];
        snprintf(key, sizeof key, "breaks_%u", t);
        json_set(c, key, breaks, t, out);
    }
    text_add(out, "  \"instructions\": [\n");
    for (unsigned id = 1; id < MN_COUNT; id++) {
        json_insn(c, id, out);
        text_add(out, "%s\n", id + 1 < MN_COUNT ? "," : "");
    }
    text_add(out, "  ]\n}\n");
}
