/* A line, typed on a terminal: a cursor, what was typed before (and ^R to find it), Tab. For `ringside repl`.
 *
 * Idea: the terminal is raw only while a line is being typed; what a line then does happens on a terminal as it was, so that ^C is a signal. One line of
 * the screen is used: what is longer is shown around the cursor. UTF-8 is taken whole; a character is one column here.
 * Not here: marking, several lines at once. */
#ifndef SIM_LINE_EDIT_H
#define SIM_LINE_EDIT_H

#include <stdbool.h>
#include <stddef.h>

enum { LINE_EDIT_MOST = 800, LINE_EDIT_PAST = 200 };

struct line_edit {
    /* Of the text before the cursor: what can be added to it in `more` ("": nothing for sure), and all that fits, to be shown, in a string that the
     * caller keeps until the next call; NULL: nothing to show. */
    const char *(*complete)(void *self, const char *before, char *more, size_t room);
    void *self;
    char   line[LINE_EDIT_MOST];     /* what was typed */
    size_t n, at;                    /* its bytes; the cursor */
    char  *past[LINE_EDIT_PAST];
    unsigned lines, shown;
    char   kept[LINE_EDIT_MOST];     /* what was being typed before going to the past */
};

enum line_edit_end { LINE_EDIT_DONE, LINE_EDIT_DROPPED /* ^C */, LINE_EDIT_OVER /* ^D in an empty line, or the terminal is gone */ };
/* Asks for a line at `prompt`. */
enum line_edit_end line_edit(struct line_edit *d, const char *prompt);
/* Remembers the line, unless it is empty or the one before. */
void line_edit_keep(struct line_edit *d, const char *line);
/* What is remembered, from and to a file of lines; what cannot be read or written is no error. */
void line_edit_load(struct line_edit *d, const char *path);
void line_edit_save(const struct line_edit *d, const char *path);
void line_edit_free(struct line_edit *d);

#endif
