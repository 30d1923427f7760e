/* --caption: a person's words under a diagram, whoever drew it, in each form that has words.
 *
 * Idea: the finished document gets them, not the layout, so no kind of diagram knows of captions. An SVG document's canvas grows
 * at the bottom and nothing in it moves; TikZ likewise; DOT has a graph's label, PlantUML a caption, Mermaid a note over all lanes;
 * below a text stands a paragraph. PNG and PDF are made of SVG that has its caption already. */
#ifndef SIM_PICTURE_CAPTION_H
#define SIM_PICTURE_CAPTION_H

#include "sim/options.h"

/* From now on, as the options say. EXIT_USAGE: no words, or too many. */
bool picture_caption(const struct options *o, struct err *e);
bool picture_captioned(void);               /* is there one? */
/* Adds it to a finished document; PNG, PDF and TikZ that was made of SVG stay as they are. False: there is none to add, or the
 * document is none of ours. */
bool picture_caption_add(struct text *doc);
/* In an SVG document: the line of pixels (units of viewBox) below which the caption stands that picture_caption_add added last. */
int picture_caption_top(void);

/* --- between picture_caption.c and picture_caption_forms.c --- */

/* Takes the next line of at most `room` columns off `*rest`; wide characters take two. Newlines end lines, blanks may, and a word
 * longer than a line is torn. False: nothing is left. */
bool caption_line(const char **rest, unsigned room, struct text *line);
const char *caption_dark(void);             /* colour of words on paper whose colour nobody told: as --theme says */
/* Every form but SVG. */
void caption_form(struct text *doc, const char *words, bool ascii);

#endif
