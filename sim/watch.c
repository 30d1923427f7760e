/* See watch.h. Editors write a new file and rename it, or write into the old one: time, size and number tell both. */
#include "sim/watch.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "sim/lesson.h"

static bool look(struct watched *f)
{
    struct stat st;
    if (stat(f->path, &st) != 0) return false;
    struct watched now = { .seconds = st.st_mtim.tv_sec, .nanoseconds = st.st_mtim.tv_nsec, .size = st.st_size, .inode = st.st_ino };
    bool other = f->seconds != now.seconds || f->nanoseconds != now.nanoseconds || f->size != now.size || f->inode != now.inode;
    f->seconds = now.seconds, f->nanoseconds = now.nanoseconds, f->size = now.size, f->inode = now.inode;
    return other;
}

static void add(struct watch *w, const char *path)
{
    for (unsigned i = 0; i < w->files; i++)
        if (!strcmp(w->file[i].path, path)) return;
    if (w->files == WATCH_FILES || !*path) return;
    struct watched *f = &w->file[w->files++];
    *f = (struct watched){ .size = -1 };
    snprintf(f->path, sizeof f->path, "%s", path);
    look(f);
}

void watch_lesson(struct watch *w, const struct lesson *l, const char *path)
{
    char name[WATCH_PATH];
    if (l) w->files = 0;
    add(w, l ? l->path : path);
    for (unsigned i = 0; l && lesson_file(l, i, name, sizeof name); i++) add(w, name);
}

bool watch_changed(struct watch *w)
{
    bool changed = false;
    for (unsigned i = 0; i < w->files; i++) changed |= look(&w->file[i]);
    return changed;
}
