/* Commands and the keys that give them: one table, command.def.
 *
 * A key is a Unicode scalar value, or one of KEY_* for keys without a character. Key names are those of command.def
 * and of key scripts: "s", "Space", "Left", "PgDn", "Ctrl-L". */
#ifndef TUI_COMMAND_H
#define TUI_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/text.h"

enum command {
#define COMMAND(id, group, keys, rank, label, help) CMD_##id,
#include "tui/command.def"
#undef COMMAND
    CMD_COUNT,
    CMD_NONE = -1,
    CMD_VIEWS_FIRST = CMD_VIEW1, /* one for each view, in the order of enum view_id */
    CMD_VIEWS_LAST = CMD_VIEWV
};

enum command_group { GROUP_FORWARD, GROUP_BACKWARD, GROUP_LESSON, GROUP_LOOK, GROUP_SCREEN, GROUP_COUNT };

struct command_desc {
    const char *id, *keys, *label, *help;
    uint8_t group, rank;
};
const struct command_desc *command_desc(int command);
const char *command_group_name(unsigned group);

/* Keys without a character. The last are not keys: the mouse; the terminal has another size; there is nothing to read. */
enum key {
    TKEY_UP = 0x110000,
    TKEY_DOWN,
    TKEY_LEFT,
    TKEY_RIGHT,
    TKEY_HOME,
    TKEY_END,
    TKEY_PGUP,
    TKEY_PGDN,
    TKEY_F1, /* to TKEY_F10, in a row */
    TKEY_F10 = TKEY_F1 + 9,
    TKEY_CLICK,
    TKEY_WHEEL_UP,
    TKEY_WHEEL_DOWN,
    TKEY_RESIZE,
    TKEY_NOTHING,
    TKEY_ENTER = '\r',
    TKEY_TAB = '\t',
    TKEY_ESC = 27,
    TKEY_BACKSPACE = 8,
    TKEY_SPACE = ' ',
    TKEY_CTRL_L = 12
};
static inline bool key_is_mouse(uint32_t key) { return key >= TKEY_CLICK && key <= TKEY_WHEEL_DOWN; }
int command_of_key(uint32_t key); /* CMD_NONE if it means nothing */
/* The key with that name (a word, or one character of UTF-8); TKEY_NOTHING if there is none. */
uint32_t key_named(const char *name, size_t n);
/* The first key of a command, as people read it: "s", "PgDn". */
const char *command_key(int command, char *buf, size_t n);

/* The next key of a key script: a character, or a name or a size in angle brackets: "ss<PgDn>x<120x40>". A "<" alone is
 * "<lt>". Returns TKEY_NOTHING at the end; a size gives TKEY_RESIZE with *cols and *rows, and "<click:3x4>", "<up:3x4>", "<down:3x4>"
 * the mouse's button and wheel at that column and row, from 0. EXIT_USAGE in `e` for an
 * unknown name. */
uint32_t key_script_next(const char **script, int *cols, int *rows, struct err *e);
bool key_script_check(const char *script, struct err *e);

/* docs/tui.md's table of keys, and the lines of the help. */
void command_markdown(struct text *out);

#endif
