/* Lecture mode: one thing large, the lesson's words under it, and nothing else; a clicker's two keys walk through it.
 *
 * Idea: the screen is made of the same views; only the arrangement is another one. A question covers what its step did
 * until it is revealed, so that people can vote; PgDn reveals first and goes on then, because a clicker has no more keys. */
#ifndef TUI_LECTURE_H
#define TUI_LECTURE_H

#include <stdbool.h>
#include <stdint.h>

struct app;

struct lecture {
    bool on, blank;
    int view; /* enum view_id shown large; -1: the ladder, or what the step's author wants */
};

void lecture_enter(struct app *a); /* from the full view; begins the lesson if it has not begun */
/* Does a question hide what its step has done? */
bool lecture_hides(const struct app *a);
void lecture_draw(struct app *a);
/* Takes a key that means something else here than in the full view; *ask as app_key. False: it does not. */
bool lecture_key(struct app *a, uint32_t key, unsigned *ask);

#endif
