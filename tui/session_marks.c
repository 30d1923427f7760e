/* Marks: letters and digits for moments, kept from one time to the next. See session.h.
 *
 * A file for each run, named by the run's identity (hash of image, configuration, seed, model, version) and the scenario's name: a
 * moment of another run would be another place. Lines: letter, moment, step. A file that cannot be read or written is a mark forgotten, and
 * said; it never stops a lecture. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "tui/session.h"

static const char first_line[] = "ringside marks 1";

static struct mark *find(struct session *s, uint32_t name)
{
    for (unsigned i = 0; i < s->marks; i++)
        if ((unsigned char)s->mark[i].name == name) return &s->mark[i];
    return NULL;
}

void session_mark_names(const struct session *s, char *names)
{
    for (unsigned i = 0; i < s->marks; i++) *names++ = s->mark[i].name;
    *names = 0;
}

/* "DIR/ringside/marks". */
static bool folder(char *to, size_t room)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (state && *state == '/') snprintf(to, room, "%s/ringside/marks", state);
    else if (home && *home == '/') snprintf(to, room, "%s/.local/state/ringside/marks", home);
    else return false;
    return strlen(to) + 24 < room;
}

/* The folders above a file, as far as they are missing. What goes wrong, writing the file will say. */
static void make_folders(const char *path)
{
    char dir[512];
    snprintf(dir, sizeof dir, "%s", path);
    for (char *p = dir + 1; *p; p++) {
        if (*p != '/') continue;
        *p = 0;
        mkdir(dir, 0700);
        *p = '/';
    }
}

static void read_marks(struct session *s, FILE *f)
{
    char line[96], name, rest;
    unsigned long long insns;
    unsigned step;
    if (!fgets(line, sizeof line, f) || strncmp(line, first_line, strlen(first_line))) return;
    while (s->marks < MARKS && fgets(line, sizeof line, f)) {
        if (sscanf(line, "%c %llu %u%c", &name, &insns, &step, &rest) != 4 || rest != '\n') continue;
        if (!isalnum((unsigned char)name) || find(s, (unsigned char)name)) continue;
        s->mark[s->marks++] = (struct mark){ name, insns, step };
        s->last_mark = name;
    }
}

void session_keep(struct session *s)
{
    struct machine_summary sum;
    char dir[400];
    if (!folder(dir, sizeof dir)) return;
    machine_summary(s->own, &sum);
    snprintf(s->marks_file, sizeof s->marks_file, "%s/%016llx-%s", dir, (unsigned long long)sum.run_id, s->name);
    FILE *f = fopen(s->marks_file, "r");
    if (!f) return;
    read_marks(s, f);
    fclose(f);
}

/* The last one set is the last line. */
static bool write_marks(const struct session *s, struct err *e)
{
    struct text t = { 0 };
    text_add(&t, "%s\n", first_line);
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < s->marks; i++)
            if ((s->mark[i].name == s->last_mark) == (pass == 1))
                text_add(&t, "%c %llu %u\n", s->mark[i].name, (unsigned long long)s->mark[i].insns, s->mark[i].step);
    make_folders(s->marks_file);
    bool ok = text_write(&t, s->marks_file, e);
    text_free(&t);
    return ok;
}

void session_mark(struct session *s, uint32_t name)
{
    struct err e = { 0 };
    if (s->m != s->own) {
        session_say(s, true, "Marks belong to the machine one came with; < and > lead back to it.");
        return;
    }
    if (name >= 0x80 || !isalnum((int)name)) {
        session_say(s, true, "A mark is a letter or a digit.");
        return;
    }
    struct mark *m = find(s, name);
    if (!m && s->marks == MARKS) {
        session_say(s, true, "There are %d marks already; set one of them anew.", MARKS);
        return;
    }
    if (!m) m = &s->mark[s->marks++];
    *m = (struct mark){ (char)name, machine_insns(s->m), s->lesson ? s->lesson->next : 0 };
    s->last_mark = (char)name;
    if (*s->marks_file && !write_marks(s, &e)) session_say(s, true, "Mark %c is set, but not kept: %s", m->name, e.text);
    else session_say(s, false, "Mark %c is set: '%c returns to it%s.", m->name, m->name, *s->marks_file ? ", also next time" : "");
}

void session_to_mark(struct session *s, uint32_t name)
{
    struct mark *m = find(s, name == '\'' ? (unsigned char)s->last_mark : name);
    if (!m) {
        char names[MARKS + 1];
        session_mark_names(s, names);
        if (*names) session_say(s, true, "There is no such mark; there are: %s", names);
        else session_say(s, true, "There are no marks yet; m sets one.");
        return;
    }
    if (s->m != s->own) {
        session_say(s, true, "Marks belong to the machine one came with; < and > lead back to it.");
        return;
    }
    struct lesson *l = s->lesson;
    struct err e = { 0 };
    while (l && l->next < m->step && l->ops->advance(l, s->m, &e)) { } /* so that the lesson knows where it is */
    bool there = machine_goto(s->m, m->insns);
    if (l) l->ops->rewind(l, s->m);
    session_arrive(s);
    if (there) session_say(s, false, "At mark %c.", m->name);
    else session_say(s, true, "The run ends before mark %c.", m->name);
}
