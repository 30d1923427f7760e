/* See theme.h; the facts are in role.def. */
#include "tui/theme.h"

#include <string.h>

static const char *const names[THEME_COUNT] = { "auto", "light", "dark", "projector", "mono" };

static const struct row {
    int colour[THEME_MONO]; /* by theme, 256 colours */
    int base;
    unsigned attr, mono;
} rows[ROLE_COUNT] = {
/* clang-format off */
#define ROLE(id, automatic, light, dark, projector, base, attr, mono, about) \
    { { automatic, light, dark, projector }, base, attr, mono },
#include "tui/role.def"
#undef ROLE
    /* clang-format on */
};

enum { BLACK = 0, WHITE = 7, CUBE_WHITE = 231 };

const char *theme_name(unsigned theme) { return theme < THEME_COUNT ? names[theme] : "?"; }

int theme_find(const char *name)
{
    for (int i = 0; i < THEME_COUNT; i++)
        if (!strcmp(names[i], name)) return i;
    return -1;
}

struct style theme_style(unsigned theme, unsigned role, int colours)
{
    const struct row *r = &rows[role];
    if (theme >= THEME_MONO || colours < 8) return (struct style){ -1, -1, r->mono };
    bool cube = colours == 256;
    /* A projector washes out whatever is neither black nor white: this theme alone paints its own paper. */
    bool paper = theme == THEME_PROJECTOR;
    int fg = cube ? r->colour[theme] : r->base;
    if (paper && !cube && (r->colour[THEME_PROJECTOR] == 16)) fg = BLACK;
    return (struct style){ fg, !paper ? -1 : cube ? CUBE_WHITE : WHITE, r->attr };
}
