/* Boxes, words and arrows as SVG, in whole pixels, for the diagrams that lay themselves out. Real text, no scripts, no style sheets.
 *
 * Idea: a colour is a role, a theme gives it; no meaning hangs on colour alone. A character of the font is SKETCH_CHAR pixels wide
 * at size 11, with room to spare, for the reader's font may be another one. */
#ifndef SIM_SKETCH_H
#define SIM_SKETCH_H

#include "sim/core/text.h"

enum sketch_role { SKETCH_INK, SKETCH_FAINT, SKETCH_FILL, SKETCH_GUEST, SKETCH_MAP, SKETCH_CPU, SKETCH_WARN, SKETCH_ROLES };
enum { SKETCH_CHAR = 7 };

struct sketch { struct text *out; const char *const *colour; };

/* Begins a picture; `theme` as --theme has it, NULL: light. */
void sketch_begin(struct sketch *s, struct text *out, const char *theme, int width, int height, const char *title, const char *alt);
void sketch_end(struct sketch *s);
void sketch_words(const struct sketch *s, int x, int y, int size, enum sketch_role role, bool bold, const char *text);
void sketch_middle(const struct sketch *s, int x, int y, int size, enum sketch_role role, const char *text); /* centred */
/* `thick` in pixels; dashed: for what is not there. */
void sketch_box(const struct sketch *s, int x, int y, int w, int h, enum sketch_role role, int thick, bool dashed);
/* A straight arrow. */
void sketch_arrow(const struct sketch *s, int x1, int y1, int x2, int y2, enum sketch_role role, bool dashed);

#endif
