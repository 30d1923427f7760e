/* See command.h. */
#include "tui/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tui/frame.h"

static const struct command_desc table[CMD_COUNT] = {
#define COMMAND(id, group, keys, rank, label, help) { #id, keys, label, help, GROUP_##group, rank },
#include "tui/command.def"
#undef COMMAND
};

static const char *const groups[GROUP_COUNT] = { "Forward", "Backward", "Lesson", "Look", "Screen" };

static const struct {
    const char *name;
    uint32_t key;
} names[] = {
    { "Up", TKEY_UP },       { "Down", TKEY_DOWN }, { "Left", TKEY_LEFT },     { "Right", TKEY_RIGHT },
    { "Home", TKEY_HOME },   { "End", TKEY_END },   { "PgUp", TKEY_PGUP },     { "PgDn", TKEY_PGDN },
    { "Enter", TKEY_ENTER }, { "Tab", TKEY_TAB },   { "Esc", TKEY_ESC },       { "Backspace", TKEY_BACKSPACE },
    { "Space", TKEY_SPACE }, { "lt", '<' },         { "Ctrl-L", TKEY_CTRL_L },
    { "F1", TKEY_F1 },       { "F2", TKEY_F1 + 1 }, { "F3", TKEY_F1 + 2 },     { "F4", TKEY_F1 + 3 },
    { "F5", TKEY_F1 + 4 },   { "F6", TKEY_F1 + 5 }, { "F7", TKEY_F1 + 6 },     { "F8", TKEY_F1 + 7 },
    { "F9", TKEY_F1 + 8 },   { "F10", TKEY_F10 },
};

const struct command_desc *command_desc(int command) { return &table[command]; }
const char *command_group_name(unsigned group) { return groups[group]; }

uint32_t key_named(const char *name, size_t n)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i].name) == n && !strncmp(names[i].name, name, n)) return names[i].key;
    const char *end = name;
    uint32_t ch = frame_next(&end);
    return n && (size_t)(end - name) == n ? ch : TKEY_NOTHING;
}

int command_of_key(uint32_t key)
{
    for (int c = 0; c < CMD_COUNT; c++)
        for (const char *k = table[c].keys; *k;) {
            size_t n = strcspn(k, " ");
            if (key_named(k, n) == key) return c;
            k += n;
            k += *k == ' ';
        }
    return CMD_NONE;
}

const char *command_key(int command, char *buf, size_t n)
{
    const char *keys = table[command].keys;
    snprintf(buf, n, "%.*s", (int)strcspn(keys, " "), keys);
    return buf;
}

/* "<120x40>" after the bracket. */
static bool script_size(const char *s, size_t n, int least, int *cols, int *rows)
{
    char *end;
    long c = strtol(s, &end, 10);
    if (end == s || *end != 'x') return false;
    long r = strtol(end + 1, &end, 10);
    if (end != s + n || c < least || r < least || c > 1000 || r > 1000) return false;
    *cols = (int)c, *rows = (int)r;
    return true;
}

static const struct { const char *name; uint32_t key; } mouse[] = {
    { "click:", TKEY_CLICK }, { "up:", TKEY_WHEEL_UP }, { "down:", TKEY_WHEEL_DOWN },
};

uint32_t key_script_next(const char **script, int *cols, int *rows, struct err *e)
{
    const char *s = *script;
    if (!*s) return TKEY_NOTHING;
    if (*s != '<') return frame_next(script);
    size_t n = strcspn(++s, ">");
    *script = s + n + (s[n] == '>');
    if (s[n] == '>' && script_size(s, n, 1, cols, rows)) return TKEY_RESIZE;
    for (size_t i = 0; s[n] == '>' && i < sizeof mouse / sizeof mouse[0]; i++) {
        size_t k = strlen(mouse[i].name);
        if (!strncmp(s, mouse[i].name, k) && n > k && script_size(s + k, n - k, 0, cols, rows)) return mouse[i].key;
    }
    uint32_t key = s[n] == '>' && n > 1 ? key_named(s, n) : TKEY_NOTHING;
    if (key == TKEY_NOTHING)
        err_set(e, EXIT_USAGE,
                "key script: unknown key \"<%.*s\"; names are <Enter>, <PgDn>, <Left>, ..., <lt> and sizes <120x40>",
                (int)(n < 40 ? n + (s[n] == '>') : 40), s);
    return key;
}

bool key_script_check(const char *script, struct err *e)
{
    struct err own = { 0 };
    int cols, rows;
    while (*script && !own.code) key_script_next(&script, &cols, &rows, &own);
    return own.code ? err_set(e, own.code, "%s", own.text) : true;
}

void command_markdown(struct text *out)
{
    for (unsigned g = 0; g < GROUP_COUNT; g++) {
        text_add(out, "\n## %s\n\n| keys | what happens |\n|---|---|\n", groups[g]);
        for (int c = 0; c < CMD_COUNT; c++) {
            if (table[c].group != g) continue;
            text_add(out, "|");
            for (const char *k = table[c].keys; *k;) {
                size_t n = strcspn(k, " ");
                text_add(out, *k == '|' ? " `\\%.*s`" : " `%.*s`", (int)n, k); /* a bar would end the column */
                k += n;
                k += *k == ' ';
            }
            text_add(out, " | %s |\n", table[c].help);
        }
    }
}
