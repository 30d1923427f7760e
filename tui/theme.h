/* Roles, and the colours themes give them. A view names a role; it never names a colour.
 *
 * Idea: a colour is only the third sign. Every role that means something also has a letter, a symbol or a place of
 * its own, so the `mono` theme (attributes only) loses nothing. The palette is Okabe and Ito's, which stays apart for
 * the common colour-vision deficiencies; the default foreground and background are kept. */
#ifndef TUI_THEME_H
#define TUI_THEME_H

#include <stdbool.h>

enum { ATTR_BOLD = 1, ATTR_UNDERLINE = 2, ATTR_REVERSE = 4 };
#define STYLE(role, attr) ((unsigned)(role) | (unsigned)(attr) << 8)

enum role {
#define ROLE(id, automatic, light, dark, projector, base, attr, mono, about) ROLE_##id,
#include "tui/role.def"
#undef ROLE
    ROLE_COUNT
};

enum theme { THEME_AUTO, THEME_LIGHT, THEME_DARK, THEME_PROJECTOR, THEME_MONO, THEME_COUNT };

struct style {
    int fg, bg;    /* index into the terminal's palette; -1: the terminal's default */
    unsigned attr; /* ATTR_* */
};

const char *theme_name(unsigned theme);
int theme_find(const char *name); /* -1 if there is none */
/* How a role looks on a terminal with so many colours. Above 256 a colour index is not a palette index any more
 * (direct colour), so the base eight are used there, as below 256; below 8 there are only attributes. */
struct style theme_style(unsigned theme, unsigned role, int colours);

#endif
