/* What can be taken off the screen: a pane's text for the clipboard, the screen as a picture, a claim in Lua; and finding in a pane.
 *
 * Idea: a view is drawn once more into a frame nobody sees, taller than any screen, and read back: so every view can be copied from and
 * searched without knowing of it. */
#ifndef TUI_PICK_H
#define TUI_PICK_H

#include <stdbool.h>
#include "sim/core/text.h"

struct app;

void pick_copy(struct app *a);   /* y: the line at hand, or the chosen pane; a->copy for the terminal */
void pick_screen(struct app *a); /* D: the screen as SVG, and as text beside it */
void pick_claim(struct app *a);  /* a: what the chosen pane shows as expect lines, into a->card and a file */
/* The chosen pane's next line with `text` behind the one found last comes to its top. */
void pick_find(struct app *a, const char *text);

/* figure.c: d, the chosen view's diagram: a page walk, cycles over time, who owns what; of most views the ladder. */
void figure_draw(struct app *a);
/* export.c: e, the table in the chosen pane, or the dashboard's, as CSV, JSON and Markdown; the message names the files. */
void export_table(struct app *a);
void pick_stem(const struct app *a, const char *what, char *to, size_t room); /* "popf-WHAT-ev41" */

#endif
