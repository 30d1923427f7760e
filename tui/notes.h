/* Speaker's notes: what the lecturer sees in a second terminal while the room sees the first.
 *
 * Idea: the lecture writes pages of plain text to a socket in the file system that only its owner can open (mode 0600, in a
 * directory 0700); whoever listens shows the newest page. Pages go one way: a listener cannot do anything to the lecture, and one that
 * does not read is dropped. */
#ifndef TUI_NOTES_H
#define TUI_NOTES_H

#include <stdbool.h>
#include <stddef.h>
#include "sim/core/text.h"

struct app;

enum { NOTES_LISTENERS = 4, NOTES_PATH = 104 /* a socket's name is no longer than 107 bytes */ };
#define NOTES_END '\f' /* behind each page */

struct notes {
    int socket, listener[NOTES_LISTENERS]; /* -1: none */
    char path[NOTES_PATH];
    struct text page; /* the one sent last */
    long long began;  /* seconds, when the lecture did */
};

/* "DIR/notes.PID" of this person, the directory made; false: nowhere to put it. `pid` 0: the directory alone. */
bool notes_path(char *path, size_t room, long pid);
void notes_open(struct notes *n);  /* fails silently: then nobody can listen */
void notes_close(struct notes *n); /* the socket is gone */
/* Lets new listeners in and sends them all the page, if it is another one than before. Never waits. */
void notes_send(struct notes *n, const struct app *a);
/* The page: what to say now, what the room sees and what it does not see yet, what comes, how long it should take.
 * `minutes`: gone so far. */
void notes_page(const struct app *a, unsigned minutes, struct text *out);

#endif
