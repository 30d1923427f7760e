/* `ringside explain port`: how much of the kernel mini is specific to a machine, counted from the sources.
 *
 * Which file belongs to which build is read from the lists the build itself uses (mini.mk: MINI_SRC, MINI_NATIVE, MINI_PV); a
 * header belongs to who includes it. Lines are counted without blanks and comments. The port's size is what the paravirtual
 * kernel has that the native one has not: the lines that had to be written. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/explain.h"
#include "sim/subject.h"

enum { FILES = 128, COMMON = 1, NATIVE = 2, PORT = 4 };

struct source { char name[64]; unsigned sides, lines; };
struct port { char guests[600]; unsigned n; struct source file[FILES]; };

static bool slurp(const char *path, struct text *out)
{
    char chunk[4096];
    size_t n;
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0) text_bytes(out, chunk, n);
    fclose(f);
    return true;
}

static struct source *find(struct port *p, const char *name, size_t n)
{
    for (unsigned i = 0; i < p->n; i++)
        if (strlen(p->file[i].name) == n && !memcmp(p->file[i].name, name, n)) return &p->file[i];
    if (p->n == FILES || n >= sizeof p->file[0].name) return NULL;
    struct source *s = &p->file[p->n++];
    memset(s, 0, sizeof *s);
    memcpy(s->name, name, n);
    return s;
}

/* The words of a variable of mini.mk, continued lines included; $(...) is skipped. */
static void read_list(struct port *p, const char *makefile, const char *variable, const char *folder, unsigned side)
{
    size_t k = strlen(variable);
    const char *s = makefile;
    while (s && (strncmp(s, variable, k) || (s[k] != ' ' && s[k] != ':'))) s = (s = strchr(s, '\n')) ? s + 1 : NULL;
    s = s ? strstr(s, ":=") : NULL;
    for (s = s ? s + 2 : NULL; s && *s && *s != '\n'; ) {
        size_t n = strcspn(s, " \t\n\\");
        char name[96];
        if (n && *s != '$' && !memchr(s, '%', n) && !memchr(s, ')', n)) {
            snprintf(name, sizeof name, "%s%.*s", folder, (int)n, s);
            struct source *file = find(p, name, strlen(name));
            if (file) file->sides |= side;
        }
        s += n;
        while (*s == ' ' || *s == '\t' || *s == '\\' || (*s == '\n' && s[-1] == '\\')) s++;
    }
}

/* Counts code lines, and gives headers it includes to its side. */
static unsigned count(struct port *p, const char *text, unsigned side)
{
    unsigned lines = 0;
    bool comment = false;
    for (const char *s = text; s && *s; s = (s = strchr(s, '\n')) ? s + 1 : NULL) {
        const char *word = s + strspn(s, " \t");
        size_t n = strcspn(word, "\n");
        const char *include = n > 10 && !strncmp(word, "#include \"", 10) ? word + 10 : NULL;
        bool opens = !strncmp(word, "/*", 2), line = !strncmp(word, "//", 2) || opens;
        lines += n && !comment && !line;
        if (opens) comment = true;
        if (comment && n >= 2 && memmem(word, n, "*/", 2)) comment = false;
        if (!include) continue;
        struct source *header = find(p, include, strcspn(include, "\""));
        if (header) header->sides |= side;
    }
    return lines;
}

/* Headers come behind the files that include them, so one pass counts all. A file of several sides is common. */
static bool count_all(struct port *p, struct err *e)
{
    for (unsigned i = 0; i < p->n; i++) {
        char path[700], name[64];
        unsigned sides = p->file[i].sides;
        struct text t = { 0 };
        snprintf(name, sizeof name, "%s", p->file[i].name);
        snprintf(path, sizeof path, "%s/%s", p->guests, name);
        if (!slurp(path, &t)) return err_set(e, EXIT_INPUT, "explain port: %s is named in mini.mk, but not there", path);
        unsigned lines = count(p, text_str(&t), sides);
        p->file[i].lines = lines;
        text_free(&t);
    }
    return true;
}

static unsigned sum(const struct port *p, unsigned side)
{
    unsigned lines = 0;
    for (unsigned i = 0; i < p->n; i++) {
        unsigned sides = p->file[i].sides;
        bool common = (sides & COMMON) || (sides & (NATIVE | PORT)) == (NATIVE | PORT);
        lines += side == COMMON ? common * p->file[i].lines : (!common && (sides & side)) * p->file[i].lines;
    }
    return lines;
}

static void say_side(const struct port *p, const char *title, unsigned side, struct say *out)
{
    struct text words = { 0 };
    for (unsigned i = 0; i < p->n; i++) {
        unsigned sides = p->file[i].sides;
        bool common = (sides & COMMON) || (sides & (NATIVE | PORT)) == (NATIVE | PORT);
        if (side == COMMON ? common : !common && (sides & side)) text_add(&words, "%s %u  ", p->file[i].name, p->file[i].lines);
    }
    say_role(out, ROLE_TITLE, "%s", title);
    say_add(out, ": %u lines\n", sum(p, side));
    say_wrap(out, "  ", 2, text_str(&words));
    text_free(&words);
}

bool explain_port(struct say *out, struct err *e)
{
    static struct port p;
    char root[512], path[700];
    struct text makefile = { 0 };
    memset(&p, 0, sizeof p);
    subject_root(root, sizeof root);
    snprintf(p.guests, sizeof p.guests, "%s/scenarios/guests", root);
    snprintf(path, sizeof path, "%s/mini/mini.mk", p.guests);
    if (!slurp(path, &makefile)) return err_set(e, EXIT_INPUT, "explain port: the sources of mini are not here (%s)", path);
    read_list(&p, text_str(&makefile), "MINI_SRC", "mini/", COMMON);
    read_list(&p, text_str(&makefile), "MINI_COMMON", "", COMMON);
    read_list(&p, text_str(&makefile), "MINI_NATIVE", "", NATIVE);
    read_list(&p, text_str(&makefile), "MINI_PV", "", PORT);
    text_free(&makefile);
    if (!count_all(&p, e)) return false;
    unsigned common = sum(&p, COMMON), native = sum(&p, NATIVE), port = sum(&p, PORT);
    if (!common || !native || !port) return err_set(e, EXIT_INPUT, "explain port: %s no longer has the lists MINI_SRC, MINI_NATIVE, MINI_PV", path);
    say_side(&p, "in both kernels", COMMON, out);
    say_side(&p, "of a bare PC only", NATIVE, out);
    say_side(&p, "of the port only", PORT, out);
    say_add(out, "\nThe port of mini: %u lines changed (written in place of %u) of %u in all,\n%.1f %%. "
                 "Of the larger Linux of 2003 it was 1.36 %%, because what a port\nchanges does not grow with the kernel "
                 "(Barham et al., SOSP 2003, table 2).\n", port, native, common + port, 100.0 * port / (common + port));
    return true;
}
