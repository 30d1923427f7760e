/* See graphviz.h. Idea: the program gets three unnamed temporary files as stdin, stdout and stderr, so there is no
 * shell, no name to quote, no pipe to deadlock on, and no half-written picture. rsvg-convert comes first: it draws
 * exactly our SVG; neato draws our DOT with its own fonts. */
#include "sim/graphviz.h"

#include "sim/picture_caption.h"
#include "sim/picture_dress.h"
#include "sim/picture_split.h"
#include "sim/svg_tikz.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { PAGES = 99 };

bool graphviz_has(const char *program)
{
    const char *path = getenv("PATH");
    char file[512];
    for (const char *p = path ? path : ""; *p; ) {
        size_t n = strcspn(p, ":");
        snprintf(file, sizeof file, "%.*s/%s", (int)n, p, program);
        if (n && access(file, X_OK) == 0) return true;
        p += n;
        if (*p) p++;
    }
    return false;
}

const char *graphviz_ink(const char *theme)
{
    return theme && !strcmp(theme, "dark") ? "color=\"#f0f0f0\", fontcolor=\"#f0f0f0\", " : "";
}

const char *graphviz_paper(const char *theme)
{
    return theme && (!strcmp(theme, "print") || !strcmp(theme, "mono")) ? "white" : "transparent";
}

struct files { FILE *in, *out, *err; };

static bool files_open(struct files *f, const struct text *input, struct err *e)
{
    *f = (struct files){ tmpfile(), tmpfile(), tmpfile() };
    if (f->in && f->out && f->err && fwrite(text_str(input), 1, input->len, f->in) == input->len &&
        fflush(f->in) == 0) {
        rewind(f->in);
        return true;
    }
    return err_set(e, EXIT_ENVIRONMENT, "no temporary file for the diagram: %s; check TMPDIR and the free space",
                   strerror(errno));
}

static void files_close(struct files *f)
{
    if (f->in) fclose(f->in);
    if (f->out) fclose(f->out);
    if (f->err) fclose(f->err);
}

static void slurp(FILE *f, struct text *out)
{
    char chunk[16384];
    size_t n;
    rewind(f);
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0) text_bytes(out, chunk, n);
}

/* Runs argv[0] on the files; returns its wait status, or -1. */
static int run(char *const argv[], const struct files *f)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t defaults;
    pid_t pid;
    int status = -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_adddup2(&actions, fileno(f->in), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, fileno(f->out), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, fileno(f->err), STDERR_FILENO);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE); /* we ignore it; a program should not have to */
    posix_spawnattr_setsigdefault(&attr, &defaults);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
    if (posix_spawnp(&pid, argv[0], &actions, &attr, argv, environ) == 0)
        while (waitpid(pid, &status, 0) < 0)
            if (errno != EINTR) break;
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return status;
}

static bool convert(char *const argv[], const struct text *input, struct text *out, struct err *e)
{
    struct files f;
    struct text words = { 0 };
    bool ok = files_open(&f, input, e);
    if (ok) {
        int status = run(argv, &f);
        slurp(f.out, out);
        slurp(f.err, &words);
        ok = status == 0 && out->len > 0;
        if (!ok)
            err_set(e, EXIT_ENVIRONMENT, "%s could not make the picture: %.*s; try -o FILE.svg", argv[0],
                    (int)strcspn(text_str(&words), "\n"), words.len ? words.s : "no reason given");
    }
    text_free(&words);
    files_close(&f);
    return ok;
}

/* The program draws our DOT itself: a caption goes into that. */
static bool convert_graph(char *const argv[], const struct text *dot, struct text *out, struct err *e)
{
    struct text copy = { 0 };
    text_bytes(&copy, text_str(dot), dot->len);
    picture_caption_add(&copy);
    bool ok = convert(argv, &copy, out, e);
    text_free(&copy);
    return ok;
}

enum { MORE = 24 };

/* --scale as a program's argument; NULL: none is needed. Only PNG has pixels. */
static char *scaled(char words[MORE], const char *option, double unit, const char *format)
{
    double scale = picture_scale();
    snprintf(words, MORE, "%s=%g", option, unit * scale);
    return strcmp(format, "png") || (scale > 0.999 && scale < 1.001) ? NULL : words;
}

bool graphviz_convert(const struct text *svg, const struct text *dot, const char *format, struct text *out,
                      struct err *e)
{
    if (picture_splits()) return text_bytes(out, text_str(svg), svg->len), true; /* to be cut first; picture_split.h */
    char by_format[16], by_type[16], words[MORE];
    snprintf(by_format, sizeof by_format, "--format=%s", format);
    snprintf(by_type, sizeof by_type, "-T%s", format);
    char rsvg[] = "rsvg-convert", neato[] = "neato", pinned[] = "-n2";
    bool tikz = !strcmp(format, "tex");
    if (tikz || graphviz_has(rsvg)) {
        struct text dressed = { 0 };
        text_bytes(&dressed, text_str(svg), svg->len);
        picture_dress_svg(&dressed);
        bool ok = tikz ? svg_tikz(&dressed, out, e) : convert((char *[]){ rsvg, by_format, scaled(words, "--zoom", 1, format), NULL }, &dressed, out, e);
        text_free(&dressed);
        return ok;
    }
    if (graphviz_has(neato)) return convert_graph((char *[]){ neato, pinned, by_type, scaled(words, "-Gdpi", 96, format), NULL }, dot, out, e);
    return err_set(e, EXIT_ENVIRONMENT,
                   "no program here makes %s: install librsvg2-bin (or graphviz), or use -o FILE.svg", format);
}

bool graphviz_pages(const struct text *pages, unsigned n, const char *format, struct text *out, struct err *e)
{
    char rsvg[] = "rsvg-convert", by_format[16], words[MORE], name[PAGES][24], *argv[PAGES + 4] = { rsvg, by_format };
    struct text none = { 0 };
    FILE *f[PAGES];
    bool ok = graphviz_has(rsvg) || err_set(e, EXIT_ENVIRONMENT, "no program here makes %s: install librsvg2-bin, or use -o NAME-%%02d.svg", format);
    unsigned opened = 0;
    snprintf(by_format, sizeof by_format, "--format=%s", format);
    while (ok && opened < n && opened < PAGES && (f[opened] = tmpfile())) {
        ok = fwrite(text_str(&pages[opened]), 1, pages[opened].len, f[opened]) == pages[opened].len && fflush(f[opened]) == 0;
        snprintf(name[opened], sizeof name[0], "/dev/fd/%d", fileno(f[opened]));
        argv[2 + opened] = name[opened];
        opened++;
    }
    if (ok && opened < n) ok = false;
    argv[2 + opened] = scaled(words, "--zoom", 1, format);
    ok = (ok || err_set(e, EXIT_ENVIRONMENT, "no temporary files for the slides: check TMPDIR and the free space")) && convert(argv, &none, out, e);
    while (opened) fclose(f[--opened]);
    return ok;
}

bool graphviz_outline(const struct text *svg, struct text *out, struct err *e)
{
    char rsvg[] = "rsvg-convert", by_format[] = "--format=svg";
    struct text made = { 0 };
    if (!graphviz_has(rsvg)) return err_set(e, EXIT_ENVIRONMENT, "--outline-text: no program here outlines letters: install librsvg2-bin, or leave it out");
    bool ok = convert((char *[]){ rsvg, by_format, NULL }, svg, &made, e);
    const char *body = ok ? strstr(made.s, "<g ") : NULL, *title = strstr(svg->s, "<title>"), *end = title ? strstr(title, "</desc>") : NULL;
    if (!body || !end) text_bytes(out, text_str(&made), made.len);
    else { /* what screen readers say */
        text_bytes(out, made.s, (size_t)(body - made.s));
        text_bytes(out, title, (size_t)(end - title) + 7);
        text_add(out, "\n%s", body);
    }
    text_free(&made);
    return ok;
}

bool graphviz_layout(const struct text *dot, const char *format, struct text *out, struct err *e)
{
    char by_type[16], words[MORE], program[] = "dot", by_svg[] = "svg";
    if (picture_splits()) format = by_svg;
    snprintf(by_type, sizeof by_type, "-T%s", format);
    char svg[] = "-Tsvg", rsvg[] = "rsvg-convert";
    bool tikz = !strcmp(format, "tex");
    if (graphviz_has(program) && (tikz || (strcmp(format, "svg") && picture_dressed() && graphviz_has(rsvg)))) {
        struct text picture = { 0 };
        bool ok = convert((char *[]){ program, svg, NULL }, dot, &picture, e) && graphviz_convert(&picture, dot, format, out, e);
        text_free(&picture);
        return ok;
    }
    if (graphviz_has(program)) /* SVG gets its caption on the way out */
        return (strcmp(format, "svg") ? convert_graph : convert)((char *[]){ program, by_type, scaled(words, "-Gdpi", 96, format), NULL }, dot, out, e);
    return err_set(e, EXIT_ENVIRONMENT, "no program here lays this diagram out: install graphviz, or use -o FILE.dot");
}

void graphviz_beside(const char *label, struct text *out)
{
    for (const char *end; *label; label = *end ? end + 2 : end) {
        end = strstr(label, "\\n");
        if (!end) end = label + strlen(label);
        text_add(out, "  %.*s  %s", (int)(end - label), label, *end ? "\\n" : "");
    }
}
