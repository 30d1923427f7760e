/* Watching files: has one changed since? By looking at what the file system says of them, so it works on every one, network shares included. */
#ifndef SIM_WATCH_H
#define SIM_WATCH_H

#include <stdbool.h>
#include <stdint.h>

enum { WATCH_FILES = 24, WATCH_PATH = 600, WATCH_EVERY_MS = 250 };
struct watch {
    struct watched { char path[WATCH_PATH]; int64_t seconds, nanoseconds, size; uint64_t inode; } file[WATCH_FILES];
    unsigned files;
};
struct lesson;

/* From now on: the files of a scenario (itself, what it includes, its guest and module). `l` NULL: it could not be loaded; then `path` alone, and
 * what was watched before. */
void watch_lesson(struct watch *w, const struct lesson *l, const char *path);
/* Is one of them another than when it was last asked? A file that is away for a moment, as while an editor writes it, has not changed yet. */
bool watch_changed(struct watch *w);

#endif
