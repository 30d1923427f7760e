/* `ringside completion bash|zsh|fish`: what the Tab key may offer, as a script for the shell.
 *
 * Idea: the tables that parse the command line (commands.c, option.def) and that name techniques and models write the script, so that it
 * offers what there is. Names of scenarios and built guests change with the folder one stands in; for these the script asks back:
 * `ringside completion words`.
 *
 * bash(1), "Programmable Completion"; zshcompsys(1), "_arguments"; fish's complete(1). */
#include <stdlib.h>
#include <string.h>
#include "sim/cmd.h"
#include "sim/core/cost.h"
#include "sim/draw.h"
#include "sim/explain.h"
#include "sim/grading.h"
#include "sim/lesson.h"
#include "sim/machine.h"
#include "sim/quiz.h"
#include "sim/subject.h"

enum { WORDS = 512, ENTRIES = 64, TOPICS = 2048, LABS = 32 };

/* What an option's value may be. `words` NULL: asked of the tables. Options that are not here take a file's name. */
static const struct choice {
    const char *option, *words, *commands; /* commands: for these alone, with blanks around each; NULL: for all */
} choices[] = {
    { "cpu", NULL, NULL }, { "mmu", NULL, NULL }, { "io", NULL, NULL }, { "host", NULL, NULL }, { "model", NULL, NULL }, { "on", NULL, NULL },
    { "format", "svg png pdf dot txt tikz mermaid plantuml md tex", " draw " },
    { "format", "text jsonl perfetto csv folded vcd cast pcap", " trace " },
    { "format", "text json gradescope prairielearn classroom coderunner junit tap csv", " grade " },
    { "for", "gradescope prairielearn classroom coderunner make", NULL },
    { "theme", "light dark print mono", " draw run bench " },
    { "theme", "auto light dark projector mono", " tui grade " },
    { "size", "16x9 4x3 column", NULL },
    { "color", "auto always never", NULL },
    { "serial", "stdio null", NULL },
    { "nic", "alone mirror join", NULL },
    { "against", "native", NULL },
};
enum { CHOICES = sizeof choices / sizeof *choices };

static void add_word(char *words, const char *word)
{
    size_t n = strlen(words);
    if (n + strlen(word) + 2 > WORDS) return;
    words[n] = ' ';
    memcpy(words + n + (n > 0), word, strlen(word) + 1);
}

static bool concerns(const struct choice *c, const char *command)
{
    const char *at = c->commands ? strstr(c->commands, command) : NULL;
    return !c->commands || (at && at[-1] == ' ' && at[strlen(command)] == ' ');
}

static const char *values(const char *option, const char *command, char words[WORDS])
{
    *words = 0;
    unsigned n;
    const struct machine_technique *t = machine_techniques(&n);
    for (unsigned i = 0; i < CHOICES; i++) {
        if (strcmp(choices[i].option, option) || !concerns(&choices[i], command)) continue;
        if (choices[i].words) return choices[i].words;
        if (!strcmp(option, "model"))
            for (unsigned k = 0; model_name(k); k++) add_word(words, model_name(k));
        if (!strcmp(option, "host")) add_word(words, "bare-metal"), add_word(words, "hosted");
        if (!strcmp(option, "mmu")) add_word(words, "native");
        if (!strcmp(option, "cpu") || !strcmp(option, "on")) add_word(words, "native");
        for (unsigned k = 0; k < n; k++) {
            bool named = !strcmp(t[k].option, option) || (!strcmp(option, "on") && !strcmp(t[k].option, "cpu"));
            if (named && strcmp(t[k].name, "native")) add_word(words, t[k].name);
        }
    }
    return words;
}

/* A value that is a number or a place: no file's name is of use. */
static bool takes_file(const struct option_about *a)
{
    return a->value && (strstr(a->value, "FILE") || !strcmp(a->value, "WHERE"));
}

/* --- bash -------------------------------------------------------------------------------------------------------- */

static void bash_commands(struct text *out)
{
    text_add(out, "    local commands=\"");
    for (const struct command *c = commands; c->word; c++)
        if (c->run) text_add(out, "%s%s", c == commands ? "" : " ", c->word);
    text_add(out, "\"\n");
}

static void bash_options(struct text *out)
{
    text_add(out, "    case $command in\n");
    for (const struct command *c = commands; c->word; c++) {
        if (!c->run) continue;
        text_add(out, "    %s) options=\"", c->word);
        for (unsigned i = 0, n = 0; i < OPT_COUNT; i++) {
            struct option_about a;
            if (options_about(i, c->bit, &a)) text_add(out, "%s--%s", n++ ? " " : "", a.name);
        }
        text_add(out, "\" ;;\n");
    }
    text_add(out, "    esac\n");
}

static void bash_values(struct text *out)
{
    text_add(out, "    case $command$option in\n"
                  "    *--set) COMPREPLY=($(compgen -W \"$(\"$program\" completion words set 2>/dev/null)\" -- \"$word\")); compopt -o nospace; return ;;\n");
    for (unsigned i = 0; i < CHOICES; i++) {
        char words[WORDS];
        for (const struct command *c = commands; c->word; c++) {
            if (!c->run || !concerns(&choices[i], c->word) || (!choices[i].commands && c != commands)) continue;
            text_add(out, "    %s--%s) COMPREPLY=($(compgen -W \"%s\" -- \"$word\")); %sreturn ;;\n", choices[i].commands ? c->word : "*", choices[i].option,
                     values(choices[i].option, c->word, words), strcmp(choices[i].option, "model") ? "" : "compopt -o default; ");
        }
    }
    text_add(out, "    esac\n    case $option in\n");
    text_add(out, "    -*) [ \"${options/$option/}\" = \"$options\" ] || case \" $switches \" in\n"
                  "        *\" $option \"*) ;;\n"
                  "        *) compopt -o default; return ;;\n"
                  "        esac ;;\n"
                  "    esac\n");
}

static void bash_switches(struct text *out)
{
    text_add(out, "    local switches=\"");
    for (unsigned i = 0, n = 0; i < OPT_COUNT; i++) {
        struct option_about a;
        bool there = options_about(i, FOR_ALL, &a);
        if (there && (!a.value || *a.value == '[')) text_add(out, "%s--%s", n++ ? " " : "", a.name);
    }
    text_add(out, "\"\n");
}

static void bash(struct text *out)
{
    text_add(out, "# bash completion for ringside: . <(ringside completion bash)\n"
                  "_ringside() {\n"
                  "    local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]}\n"
                  "    local command=${COMP_WORDS[1]} options=\n"
                  "    # `=` is a word of its own to bash\n"
                  "    if [ \"$word\" = = ]; then word=; elif [ \"$option\" = = ]; then option=${COMP_WORDS[COMP_CWORD - 2]}; fi\n"
                  "    COMPREPLY=()\n");
    bash_commands(out);
    text_add(out, "    if [ $COMP_CWORD = 1 ]; then COMPREPLY=($(compgen -W \"$commands\" -- \"$word\")); return; fi\n");
    bash_switches(out);
    bash_options(out);
    bash_values(out);
    text_add(out, "    case $word in\n"
                  "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
                  "    *) COMPREPLY=($(compgen -W \"$(\"$program\" completion words \"$command\" 2>/dev/null)\" -- \"$word\"))\n"
                  "        compopt -o default ;;\n"
                  "    esac\n"
                  "}\n"
                  "complete -F _ringside ringside ./ringside\n");
}

/* --- zsh --------------------------------------------------------------------------------------------------------- */

/* In an _arguments specification: quoted by '...', with ] : and \ escaped. */
static void zsh_text(struct text *out, const char *s)
{
    for (; *s; s++) {
        if (*s == '\'') text_add(out, "'\\''");
        else if (strchr("[]:\\", *s)) text_add(out, "\\%c", *s);
        else text_char(out, *s);
    }
}

static void zsh_option(const struct option_about *a, const char *command, struct text *out)
{
    char words[WORDS];
    const char *known = values(a->name, command, words);
    text_add(out, "            '--%s%s[", a->name, a->value && *a->value != '[' ? "=" : "");
    zsh_text(out, a->help);
    text_add(out, "]");
    if (a->value && *a->value != '[') {
        text_add(out, ":");
        zsh_text(out, a->value);
        if (!strcmp(a->name, "set")) text_add(out, ":_ringside_keys");
        else if (*known) text_add(out, ":(%s)", known);
        else text_add(out, ":%s", takes_file(a) ? "_files" : " ");
    }
    text_add(out, "' \\\n");
}

static void zsh(struct text *out)
{
    text_add(out, "#compdef ringside\n# zsh completion for ringside: ringside completion zsh >~/.zfunc/_ringside\n"
                  "_ringside() {\n    if (( CURRENT == 2 )); then\n        local -a commands=(\n");
    for (const struct command *c = commands; c->word; c++) {
        if (!c->run) continue;
        text_add(out, "            '%s:", c->word);
        zsh_text(out, c->about);
        text_add(out, "'\n");
    }
    text_add(out, "        )\n        _describe command commands\n        return\n    fi\n"
                  "    local program=${words[1]} command=${words[2]}\n    shift words\n    (( CURRENT-- ))\n"
                  "    _ringside_words() {\n"
                  "        local -a known=(${(f)\"$($program completion words $command 2>/dev/null)\"})\n"
                  "        _describe word known\n        _files\n    }\n"
                  "    _ringside_keys() {\n"
                  "        local -a known=(${(f)\"$($program completion words set 2>/dev/null)\"})\n"
                  "        compadd -S '' -a known\n    }\n"
                  "    case $command in\n");
    for (const struct command *c = commands; c->word; c++) {
        if (!c->run) continue;
        text_add(out, "    %s)\n        _arguments \\\n", c->word);
        for (unsigned i = 0; i < OPT_COUNT; i++) {
            struct option_about a;
            if (options_about(i, c->bit, &a)) zsh_option(&a, c->word, out);
        }
        text_add(out, "            '*:word:_ringside_words' ;;\n");
    }
    text_add(out, "    esac\n}\n_ringside \"$@\"\n");
}

/* --- fish -------------------------------------------------------------------------------------------------------- */

static void fish_text(struct text *out, const char *s)
{
    text_char(out, '\'');
    for (; *s; s++) text_add(out, strchr("'\\", *s) ? "\\%c" : "%c", *s);
    text_char(out, '\'');
}

static void fish_options(const struct command *c, struct text *out)
{
    for (unsigned i = 0; i < OPT_COUNT; i++) {
        struct option_about a;
        char words[WORDS];
        if (!options_about(i, c->bit, &a)) continue;
        text_add(out, "complete -c ringside -n '__fish_seen_subcommand_from %s' -l %s", c->word, a.name);
        if (a.letter) text_add(out, " -s %c", a.letter);
        const char *known = strcmp(a.name, "set") ? values(a.name, c->word, words) : "(ringside completion words set)";
        if (a.value && *a.value != '[') text_add(out, takes_file(&a) ? " -r" : " -x");
        if (*known) {
            text_add(out, " -a ");
            fish_text(out, known);
        }
        text_add(out, " -d ");
        fish_text(out, a.help);
        text_char(out, '\n');
    }
}

static void fish(struct text *out)
{
    text_add(out, "# fish completion for ringside: ringside completion fish >~/.config/fish/completions/ringside.fish\n");
    for (const struct command *c = commands; c->word; c++) {
        if (!c->run) continue;
        text_add(out, "complete -c ringside -f -n __fish_use_subcommand -a %s -d ", c->word);
        fish_text(out, c->about);
        text_char(out, '\n');
        if (*c->form)
            text_add(out, "complete -c ringside -n '__fish_seen_subcommand_from %s' -a '(ringside completion words %s)'\n", c->word,
                     c->word);
        fish_options(c, out);
    }
}

/* --- words ------------------------------------------------------------------------------------------------------- */

static const struct { const char *command, *words; } kinds[] = {
    { "bench", "nano macro io sweep"
#define LOAD(name, program, times, about) " " name
#include "sim/bench_loads.def"
#undef LOAD
    },
    { "lab", "start pack selftest" },
    { "list", "model" },
    { "trace", "record print convert diff" },
    { "completion", "bash zsh fish words" },
};

static void one_a_line(const char *words, struct text *out)
{
    for (; *words; words++) text_char(out, *words == ' ' ? '\n' : *words);
    text_char(out, '\n');
}

static void topics(struct text *out)
{
    static const char *list[TOPICS];
    unsigned n = explain_words(list, TOPICS);
    text_add(out, "port\nkeys\nterms\n");
    for (unsigned i = 0; i < n; i++) {
        unsigned k = 0;
        while (strcmp(list[k], list[i])) k++; /* a word may be in several tables */
        if (k == i && !strchr(list[i], ' ')) text_add(out, "%s\n", list[i]);
    }
}

static void lab_names(struct text *out, struct err *e)
{
    struct grading_lab *list = calloc(LABS, sizeof *list);
    unsigned n = list ? grading_labs(list, LABS, e) : 0;
    for (unsigned i = 0; i < n; i++) {
        text_add(out, "%s\n", list[i].name);
        grading_lab_free(&list[i]);
    }
    free(list);
}

/* What --set takes, up to the value. */
static void set_keys(struct text *out)
{
    const char *list[TOPICS];
    unsigned n = config_keys(list, TOPICS);
    for (unsigned i = 0; i < n; i++) text_add(out, "%s=\n", list[i]);
    for (unsigned i = 0; i < COST_COUNT; i++) text_add(out, "cost.%s=\n", cost_name((enum cost)i));
}

/* What may follow a command, or `set`: kinds, scenarios, guests, one a line. */
static void words(const char *command, struct text *out, struct err *e)
{
    static struct lesson_entry lessons[ENTRIES];
    static struct subject_guest guests[ENTRIES];
    for (unsigned i = 0; command && i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i].command, command)) one_a_line(kinds[i].words, out);
    const struct command *c = commands;
    while (c->word && command && strcmp(c->word, command)) c++;
    if (command && !strcmp(command, "set")) set_keys(out);
    if (command && !strcmp(command, "draw"))
        for (unsigned i = 0; draw_kind(i); i++) text_add(out, "%s\n", draw_kind(i));
    if (command && !strcmp(command, "quiz"))
        for (const struct quiz_topic *t = quiz_topics; t->name; t++) text_add(out, "%s\n", t->name);
    if (command && (!strcmp(command, "lab") || !strcmp(command, "grade"))) lab_names(out, e);
    if (command && !strcmp(command, "explain")) topics(out);
    if (command && (!strcmp(command, "help") || !strcmp(command, "manual")))
        for (const struct command *k = commands; k->word; k++)
            if (k->run) text_add(out, "%s\n", k->word);
    if (!command || !(c->bit & FOR_MACHINE)) return;
    unsigned n = lesson_list(lessons, ENTRIES, e);
    for (unsigned i = 0; i < n; i++) text_add(out, "%s\n", lessons[i].name);
    n = subject_guests(guests, ENTRIES);
    for (unsigned i = 0; i < n; i++) text_add(out, "%s\n", guests[i].path);
}

int cmd_completion(const struct options *o, struct err *e)
{
    static const char *const shells[] = { "bash", "zsh", "fish", "words" };
    void (*const write[])(struct text *) = { bash, zsh, fish };
    struct text out = { 0 };
    if (!o->operands) return err_set(e, EXIT_USAGE, "which shell? Write `ringside completion bash`, zsh or fish"), e->code;
    unsigned i = 0;
    while (i < 4 && strcmp(shells[i], o->operand[0])) i++;
    if (i == 4) {
        const char *near = config_suggest(o->operand[0], shells, 3);
        err_set(e, EXIT_USAGE, "%s: no completion for this shell; there are bash, zsh and fish%s%s", o->operand[0],
                near ? ": did you mean " : "", near ? near : "");
        return e->code;
    }
    if (i < 3 && !command_operand(o, 0, "a shell", e)) return e->code;
    struct err unread = { 0 }; /* a scenario that cannot be read is no word to offer, and nothing to say while somebody types */
    if (i == 3) words(o->operands > 1 ? o->operand[1] : NULL, &out, &unread);
    else write[i](&out);
    text_write(&out, "-", e);
    text_free(&out);
    return e->code;
}
