/* Looking a script's text through for names that do not exist. dry.c has the ideas; lesson_dry and grading_dry use it. */
#ifndef SCRIPT_DRY_H
#define SCRIPT_DRY_H

#include "sim/script/script.h"

enum { DRY_NAMES = 400 };

struct dry {
    struct script *s;                /* open: its globals are looked up; its machine, if there is one, judges conditions */
    struct text *out;                /* a line "FILE:LINE: what" for each finding */
    unsigned found;
    const char *file;                /* as messages name it */
    /* Whose words (script_classes) stand behind a name and its point: "vm", "vm.guest"; NULL: not known here. */
    const char *(*class_of)(const char *name);
    const char *manual;              /* "; docs/lua.md lists ...": where a word without a near one is to be looked for */
    bool own;                        /* what the file makes itself and calls `ring`, say, is no ring; a parameter is */
    /* dry.c's own: */
    const char *name[DRY_NAMES];     /* that the file makes: locals, parameters, fields and globals that it sets */
    size_t length[DRY_NAMES];
    bool parameter[DRY_NAMES];
    unsigned names;
    const char *snippet;             /* a condition to try */
    size_t snippet_length;
    unsigned snippet_line;
    const char *global;              /* a name to look for */
    bool known;
};

void dry_text(struct dry *d, const char *text);
void dry_say(struct dry *d, unsigned line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
