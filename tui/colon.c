/* See colon.h. */
#include "tui/colon.h"

#include <stdio.h>
#include <string.h>
#include "tui/app.h"

/* ---- words of its own -------------------------------------------------------------------------------------------- */

static unsigned do_theme(struct app *a, const char *arg)
{
    int theme = theme_find(arg);
    if (theme < 0) session_say(&a->session, true, "The themes are auto, light, dark, projector, mono.");
    else a->theme = (unsigned)theme;
    return ASK_REDRAW;
}

static unsigned do_cpu(struct app *a, const char *arg)
{
    session_machine_to(&a->session, arg);
    return ASK_SAMPLE | ASK_LAYOUT | ASK_REDRAW;
}

static unsigned do_explain(struct app *a, const char *arg)
{
    text_clear(&a->card);
    if (session_explain(&a->session, arg, &a->card)) overlay_table(a, arg);
    return ASK_REDRAW;
}

static unsigned do_branches(struct app *a, const char *arg)
{
    (void)arg;
    text_clear(&a->card);
    session_branch_list(&a->session, &a->card);
    overlay_card(a, "Branches");
    return ASK_REDRAW;
}

static unsigned do_branch(struct app *a, const char *arg)
{
    if (!strcmp(arg, "drop")) session_branch_drop(&a->session);
    else session_branch_next(&a->session);
    return ASK_SAMPLE | ASK_LAYOUT | ASK_REDRAW;
}

static unsigned do_diff(struct app *a, const char *arg)
{
    (void)arg;
    text_clear(&a->card);
    if (session_branch_compare(&a->session, &a->card)) overlay_card(a, "Two futures");
    return ASK_SAMPLE | ASK_REDRAW;
}

static unsigned do_lockstep(struct app *a, const char *arg)
{
    pair_close(a);
    pair_open(a, arg);
    return ASK_REDRAW;
}

static const struct word {
    const char *word;
    unsigned (*run)(struct app *a, const char *arg);
} own[] = {
    { "theme", do_theme }, { "cpu", do_cpu }, { "explain", do_explain }, { "branches", do_branches }, { "branch", do_branch },
    { "diff", do_diff }, { "lockstep", do_lockstep },
};
enum { OWN = sizeof own / sizeof own[0] };

/* ---- what a line means ------------------------------------------------------------------------------------------- */

/* A command of the table by its word, "prev" or "goto"; CMD_NONE if there is none. The first of two with one word. */
static int command_named(const char *word, size_t n)
{
    for (int c = 0; c < CMD_COUNT; c++)
        if (strlen(command_desc(c)->label) == n && !strncmp(command_desc(c)->label, word, n) && c != CMD_COLON) return c;
    return CMD_NONE;
}

static void remember(struct colon *k, const char *line)
{
    if (k->lines && !strcmp(k->line[k->lines - 1], line)) return;
    if (k->lines == COLON_HISTORY) memmove(k->line[0], k->line[1], sizeof k->line[0] * --k->lines);
    snprintf(k->line[k->lines++], COLON_LINE, "%s", line);
}

static unsigned lua(struct app *a, const char *line)
{
    text_clear(&a->card);
    bool good = session_line(&a->session, line, &a->card);
    bool one = a->card.len < 70 && !strchr(text_str(&a->card), '\n');
    if (good && a->card.len && one) session_say(&a->session, false, "%s", text_str(&a->card));
    else if (good && a->card.len) overlay_card(a, line);
    return ASK_SAMPLE | ASK_LAYOUT | ASK_REDRAW;
}

unsigned colon_do(struct app *a, const char *line)
{
    while (*line == ' ') line++;
    size_t n = strcspn(line, " ");
    const char *arg = line + n + strspn(line + n, " ");
    if (!*line) return ASK_REDRAW;
    remember(&a->colon, line);
    for (unsigned i = 0; i < OWN; i++)
        if (strlen(own[i].word) == n && !strncmp(own[i].word, line, n)) return own[i].run(a, arg);
    int c = command_named(line, n);
    if (c == CMD_NONE) return lua(a, line);
    return *arg ? app_answer(a, c, arg) : app_command(a, c);
}

/* ---- typing ------------------------------------------------------------------------------------------------------ */

static void offer(const char *word, const char *typed, char *to, size_t room, char *all, size_t all_room, unsigned *n)
{
    size_t len = strlen(typed), used = strlen(all);
    if (strncmp(word, typed, len) || strchr(word, ' ')) return;
    if (!(*n)++) {
        snprintf(to, room, "%s", word);
    } else {
        size_t same = len;
        while (to[same] && to[same] == word[same]) same++;
        to[same] = 0;
    }
    if (used + strlen(word) + 2 < all_room) snprintf(all + used, all_room - used, "%s%s", used ? " " : "", word);
}

/* Words of two commands are offered once. */
static bool before(int c)
{
    for (int i = 0; i < c; i++)
        if (!strcmp(command_desc(i)->label, command_desc(c)->label)) return true;
    return false;
}

/* The blank before the word at hand, or in a list of machines the comma; NULL: it is the first. */
static const char *last_word(const char *typed)
{
    const char *comma = strrchr(typed, ',');
    return comma && !strncmp(typed, "lockstep ", 9) ? comma : strrchr(typed, ' ');
}

bool colon_complete(const char *typed, char *to, size_t room, char *all, size_t all_room)
{
    static const char *const places[] = { "event:", "cycle:", "insn:", "step:", "label:", "mark:", "fail:" };
    static const char *const lua_words[] = { "expect ", "vm.eax", "vm.ecx", "vm.edx", "vm.ebx", "vm.esp", "vm.ebp", "vm.esi", "vm.edi", "vm.eip",
        "vm.flags.IF", "vm.flags.ZF", "vm.flags.CF", "vm.cpl", "vm.cr0", "vm.cr3", "vm.guest.vIF", "vm.guest.cpl", "vm.guest.cr3", "vm.cycles",
        "vm.instructions", "vm.serial", "vm:u8(", "vm:u32(", "vm:run(till.", "vm:poke(", "vm:disasm(", "vm:translate(" };
    const char *last = last_word(typed);
    unsigned n = 0;
    *to = *all = 0;
    if (!last) {
        for (unsigned i = 0; i < OWN; i++) offer(own[i].word, typed, to, room, all, all_room, &n);
        for (int c = 0; c < CMD_COUNT; c++)
            if (c != CMD_COLON && c != CMD_LOCKSTEP && !before(c)) offer(command_desc(c)->label, typed, to, room, all, all_room, &n);
    } else if (!strncmp(typed, "theme ", 6)) {
        for (unsigned i = 0; i < THEME_COUNT; i++) offer(theme_name(i), last + 1, to, room, all, all_room, &n);
    } else if (!strncmp(typed, "goto ", 5)) {
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) offer(places[i], last + 1, to, room, all, all_room, &n);
    } else if (!strncmp(typed, "cpu ", 4) || !strncmp(typed, "lockstep ", 9)) {
        unsigned count;
        const struct machine_technique *t = machine_techniques(&count);
        for (unsigned i = 0; i < count; i++)
            if (!strcmp(t[i].option, "cpu")) offer(t[i].name, last + 1, to, room, all, all_room, &n);
    }
    bool closed = last && (!strncmp(typed, "theme ", 6) || !strncmp(typed, "goto ", 5) || !strncmp(typed, "cpu ", 4) || !strncmp(typed, "lockstep ", 9));
    for (size_t i = 0; !closed && i < sizeof lua_words / sizeof lua_words[0]; i++)
        offer(lua_words[i], last ? last + 1 : typed, to, room, all, all_room, &n);
    return n > 0;
}

static void complete(struct app *a)
{
    char to[COLON_LINE], all[200], whole[2 * COLON_LINE];
    const char *last = last_word(a->typed);
    size_t kept = last ? (size_t)(last + 1 - a->typed) : 0;
    if (!colon_complete(a->typed, to, sizeof to, all, sizeof all)) return;
    if (strchr(all, ' ')) session_say(&a->session, false, "%s", all);
    snprintf(whole, sizeof whole, "%.*s%s", (int)kept, a->typed, to);
    view_copy(a->typed, sizeof a->typed, whole);
}

bool colon_key(struct app *a, uint32_t key)
{
    struct colon *k = &a->colon;
    if (key == TKEY_TAB) {
        complete(a);
        return true;
    }
    if (key != TKEY_UP && key != TKEY_DOWN) return false;
    if (k->at >= k->lines) view_copy(k->typing, sizeof k->typing, a->typed);
    if (key == TKEY_UP && k->at > 0) k->at--;
    if (key == TKEY_DOWN && k->at < k->lines) k->at++;
    view_copy(a->typed, sizeof a->typed, k->at < k->lines ? k->line[k->at] : k->typing);
    return true;
}
