/* `ringside quiz TOPIC`: practice problems from a seed; with --solve their answers, worked out. On a terminal, or with --ask, somebody
 * answers, and is told. */
#include "sim/cmd.h"
#include "sim/guard.h"
#include "sim/quiz.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 100 };

static const struct quiz_topic *find(const char *word, struct err *e)
{
    const char *words[16];
    unsigned n = 0;
    for (const struct quiz_topic *t = quiz_topics; t->name; t++) {
        if (!strcmp(t->name, word)) return t;
        words[n++] = t->name;
    }
    const char *near = config_suggest(word, words, n);
    if (near) err_set(e, EXIT_USAGE, "quiz %s: no such topic; did you mean %s?", word, near);
    else err_set(e, EXIT_USAGE, "quiz %s: no such topic; `quiz` alone lists them", word);
    return NULL;
}

static void list(struct say *out)
{
    for (const struct quiz_topic *t = quiz_topics; t->name; t++) say_add(out, "  %-10s  %s\n", t->name, t->about);
    say_add(out, "ringside quiz tables --seed 7          a problem; the same one for the same seed\n"
                 "ringside quiz tables --seed 7 --solve  and its answer, worked out by the machine\n");
}

static void say_problem(const struct quiz_problem *p, const char *topic, uint64_t seed, bool solve, struct say *out)
{
    say_role(out, ROLE_TITLE, "quiz %s --seed %llu\n", topic, (unsigned long long)seed);
    say_wrap(out, "  ", 2, text_str(&p->question));
    for (unsigned i = 0; i < p->parts; i++) {
        char first[8];
        snprintf(first, sizeof first, "  (%c) ", 'a' + (char)i);
        say_wrap(out, first, 6, p->part[i].ask);
        if (!solve) continue;
        say_role(out, ROLE_GOOD, "      = %s\n", p->part[i].answer);
        say_wrap(out, "        ", 8, text_str(&p->part[i].worked));
    }
}

/* How somebody fares. */
struct fare { unsigned asked, right; bool terminal, over; };

static void say_worked(const struct quiz_problem *p, unsigned i, struct say *out)
{
    say_wrap(out, "        ", 8, text_str(&p->part[i].worked));
}

/* A line without its end; false: there are no more. */
static bool read_line(char *line, size_t room)
{
    int c;
    if (!fgets(line, (int)room, stdin)) return false;
    if (!strchr(line, '\n'))
        while ((c = getchar()) != EOF && c != '\n') continue; /* too long for an answer: the rest of it */
    line[strcspn(line, "\r\n")] = 0;
    return true;
}

static enum quiz_verdict take_answer(const struct quiz_problem *p, unsigned i, struct fare *f, struct say *out)
{
    char line[256], wanted[80];
    for (;;) {
        if (f->terminal) say_add(out, "      > ");
        say_flush(out);
        if (!read_line(line, sizeof line)) {
            f->over = true;
            if (f->terminal) say_add(out, "\n");
            return QUIZ_PASSED;
        }
        enum quiz_verdict v = quiz_judge(p->part[i].answer, p->part[i].hex, line);
        if (v != QUIZ_UNCLEAR) return v;
        quiz_wanted(p->part[i].answer, p->part[i].hex, wanted, sizeof wanted);
        say_role(out, ROLE_WARN, "      that is no answer to this: %s\n", wanted);
        if (!f->terminal) return QUIZ_WRONG;
    }
}

static void ask_problem(const struct quiz_problem *p, const char *topic, uint64_t seed, struct fare *f, struct say *out)
{
    static const char *const words[] = { "right", "no", "passed", "no" };
    say_role(out, ROLE_TITLE, "quiz %s --seed %llu\n", topic, (unsigned long long)seed);
    say_wrap(out, "  ", 2, text_str(&p->question));
    for (unsigned i = 0; i < p->parts && !f->over; i++) {
        char first[8];
        snprintf(first, sizeof first, "  (%c) ", 'a' + (char)i);
        say_wrap(out, first, 6, p->part[i].ask);
        enum quiz_verdict v = take_answer(p, i, f, out);
        f->asked++;
        f->right += v == QUIZ_RIGHT;
        if (f->over) break;
        say_role(out, v == QUIZ_RIGHT ? ROLE_GOOD : ROLE_BAD, "      %s %s: %s\n", say_mark(out, v == QUIZ_RIGHT), words[v], p->part[i].answer);
        say_worked(p, i, out);
    }
}

static void json_problem(const struct quiz_problem *p, const char *topic, uint64_t seed, bool solve, struct text *out)
{
    text_add(out, "{\"topic\": \"%s\", \"seed\": %llu, \"question\": ", topic, (unsigned long long)seed);
    text_json(out, text_str(&p->question));
    text_add(out, ", \"parts\": [");
    for (unsigned i = 0; i < p->parts; i++) {
        text_add(out, "%s\n  {\"ask\": ", i ? "," : "");
        text_json(out, p->part[i].ask);
        if (solve) {
            text_add(out, ", \"answer\": ");
            text_json(out, p->part[i].answer);
            text_add(out, ", \"worked\": ");
            text_json(out, text_str(&p->part[i].worked));
        }
        text_add(out, "}");
    }
    text_add(out, "]}");
}

static bool how_many(const struct options *o, unsigned *n, struct err *e)
{
    const char *value = o->value[OPT_PROBLEMS];
    char extra;
    *n = 1;
    if (!value) return true;
    return (sscanf(value, "%u%c", n, &extra) == 1 && *n >= 1 && *n <= MOST) || err_set(e, EXIT_USAGE, "--problems %s: a number from 1 to %d", value, MOST);
}

static void problems(const struct options *o, const struct quiz_topic *t, unsigned n, struct say *out, struct text *json, struct fare *fare,
                     struct err *e)
{
    bool solve = o->value[OPT_SOLVE] != NULL;
    for (unsigned i = 0; i < n && !e->code && !(fare && fare->over); i++) {
        struct quiz_problem p = { 0 };
        uint64_t seed = o->machine.seed + i;
        if (t->make(&p, o, seed, e)) {
            if (fare) ask_problem(&p, t->name, seed, fare, out);
            else if (!json) say_problem(&p, t->name, seed, solve, out);
            else {
                text_add(json, "%s\n", i ? "," : "");
                json_problem(&p, t->name, seed, solve, json);
            }
            if (!json && i + 1 < n) say_add(out, "\n");
        }
        quiz_free(&p);
    }
}

int cmd_quiz(const struct options *o, struct err *e)
{
    struct say out;
    struct text json = { 0 };
    unsigned n;
    const char *word = o->operands ? command_operand(o, 0, "a topic", e) : NULL, *path = o->value[OPT_JSON];
    const struct quiz_topic *t = word ? find(word, e) : NULL;
    bool quiet = path || o->value[OPT_SOLVE], ask = o->value[OPT_ASK];
    if (e->code || !how_many(o, &n, e)) return e->code;
    if (ask && quiet) return err_set(e, EXIT_USAGE, "--ask: not together with %s, which asks nobody", path ? "--json" : "--solve"), e->code;
    struct fare fare = { .terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) };
    ask = t && (ask || (fare.terminal && !quiet));
    say_init(&out, stdout, o->value[OPT_COLOR], o->value[OPT_ASCII] != NULL);
    guard_start(options_wall(o));
    guard_quiet(true);
    if (!t) list(&out);
    else {
        if (path) text_add(&json, "[");
        problems(o, t, n, &out, path ? &json : NULL, ask ? &fare : NULL, e);
        if (path) text_add(&json, "\n]\n");
        if (path && !e->code) text_write(&json, path, e);
        if (ask && !e->code) say_add(&out, "%u of %u right\n", fare.right, fare.asked);
    }
    say_flush(&out);
    if (!e->code) say_check(&out, e);
    say_done(&out);
    text_free(&json);
    if (!e->code && ask && fare.right < fare.asked) return EXIT_FAILED;
    return e->code;
}
