/* See source_lines.h. Rows are sorted by address; neighbours from one line are one row. */
#include "sim/source_lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sim/core/text.h"

enum { IMAGE_MOST = 1 << 28, SOURCE_MOST = 1 << 23, TAB = 4, ABOVE = 6 /* directories above the image's that are looked in */ };

struct row { uint32_t addr, end, file, line; };
struct source {
    char *name;        /* the compiler's */
    char *path;        /* ours, or NULL */
    bool looked;       /* path and text are what could be found */
    struct text text;
};
struct source_lines {
    char *image;
    struct row *row;
    size_t rows, room;
    struct source *file;
    uint32_t files, file_room;
};

void source_lines_free(struct source_lines *s)
{
    if (!s) return;
    for (uint32_t i = 0; i < s->files; i++) {
        free(s->file[i].name);
        free(s->file[i].path);
        text_free(&s->file[i].text);
    }
    free(s->file);
    free(s->row);
    free(s->image);
    free(s);
}

static struct source_lines *refuse(struct source_lines *s, struct err *e, const char *path, const char *why)
{
    if (e) err_set(e, EXIT_INPUT, "%.200s: %s", path, why);
    source_lines_free(s);
    return NULL;
}

#ifdef HAVE_LIBDW
#include <elfutils/libdw.h>

static void *grown(void *p, size_t *room, size_t need, size_t each)
{
    if (need <= *room) return p;
    size_t more = *room ? *room * 2 : 256;
    void *bigger = realloc(p, more * each);
    if (bigger) *room = more;
    return bigger;
}

/* The number of a file's name; UINT32_MAX without memory. Lines of one file come one after another, and in few groups. */
static uint32_t file_number(struct source_lines *s, const char *name)
{
    for (uint32_t i = s->files; i--;)
        if (!strcmp(s->file[i].name, name)) return i;
    size_t room = s->file_room;
    struct source *file = grown(s->file, &room, s->files + 1u, sizeof *file);
    char *copy = strdup(name);
    if (file) s->file = file, s->file_room = (uint32_t)room;
    if (!file || !copy) return free(copy), UINT32_MAX;
    s->file[s->files] = (struct source){ .name = copy };
    return s->files++;
}

static bool add_row(struct source_lines *s, struct row r)
{
    struct row *last = s->rows ? &s->row[s->rows - 1] : NULL;
    if (r.end <= r.addr || !r.line) return true;
    if (last && last->end == r.addr && last->file == r.file && last->line == r.line) return last->end = r.end, true;
    struct row *row = grown(s->row, &s->room, s->rows + 1, sizeof *row);
    if (!row) return false;
    s->row = row;
    s->row[s->rows++] = r;
    return true;
}

/* One row of the state machine; it reaches to the next one, which may be the end of its sequence. */
static bool add_line(struct source_lines *s, Dwarf_Line *line, Dwarf_Line *next, const char **name, uint32_t *file)
{
    Dwarf_Addr from, to;
    int number;
    bool end;
    if (dwarf_lineendsequence(line, &end) || end || dwarf_lineaddr(line, &from) || dwarf_lineaddr(next, &to)) return true;
    const char *now = dwarf_linesrc(line, NULL, NULL);
    if (!now || dwarf_lineno(line, &number) || number < 1 || from > UINT32_MAX || to > UINT32_MAX) return true;
    if (now != *name) *name = now, *file = file_number(s, now);
    return *file != UINT32_MAX && add_row(s, (struct row){ (uint32_t)from, (uint32_t)to, *file, (uint32_t)number });
}

static bool add_unit(struct source_lines *s, Dwarf_Die *unit)
{
    Dwarf_Lines *lines;
    size_t n;
    const char *name = NULL;
    uint32_t file = 0;
    if (dwarf_getsrclines(unit, &lines, &n)) return true; /* a unit without lines, or a broken one */
    for (size_t i = 0; i + 1 < n; i++)
        if (!add_line(s, dwarf_onesrcline(lines, i), dwarf_onesrcline(lines, i + 1), &name, &file)) return false;
    return true;
}

static bool add_units(struct source_lines *s, Dwarf *dwarf)
{
    Dwarf_Off at = 0, next;
    size_t head;
    Dwarf_Die unit;
    for (; !dwarf_nextcu(dwarf, at, &next, &head, NULL, NULL, NULL); at = next)
        if (dwarf_offdie(dwarf, at + head, &unit) && !add_unit(s, &unit)) return false;
    return true;
}

static int by_address(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->addr != y->addr) return x->addr < y->addr ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* Units may say something of the same bytes (they should not): the later one gives way. */
static void sort(struct source_lines *s)
{
    size_t n = 0;
    qsort(s->row, s->rows, sizeof *s->row, by_address);
    for (size_t i = 0; i < s->rows; i++)
        if (!n || s->row[i].addr >= s->row[n - 1].end) s->row[n++] = s->row[i];
    s->rows = n;
}

struct source_lines *source_lines_read(const char *path, const uint8_t *bytes, size_t size, struct err *e)
{
    struct source_lines *s = calloc(1, sizeof *s);
    char *copy = malloc(size + 1);
    bool good = false, elf_file = false;
    if (s) s->image = strdup(path);
    if (!s || !s->image || !copy) return free(copy), refuse(s, e, path, "no memory for its source lines");
    memcpy(copy, bytes, size);
    elf_version(EV_CURRENT);
    Elf *elf = size ? elf_memory(copy, size) : NULL;
    elf_file = elf && elf_kind(elf) == ELF_K_ELF;
    Dwarf *dwarf = elf_file ? dwarf_begin_elf(elf, DWARF_C_READ, NULL) : NULL;
    if (dwarf) good = add_units(s, dwarf);
    dwarf_end(dwarf);
    elf_end(elf);
    free(copy);
    if (!elf_file) return refuse(s, e, path, "not an ELF file, so it has no source lines");
    if (dwarf && !good) return refuse(s, e, path, "no memory for its source lines");
    if (!s->rows) return refuse(s, e, path, "no source lines; compile it with -g");
    sort(s);
    return s;
}

bool source_lines_built(void) { return true; }

#else
struct source_lines *source_lines_read(const char *path, const uint8_t *bytes, size_t size, struct err *e)
{
    (void)bytes, (void)size;
    return refuse(NULL, e, path, "this Ringside was built without elfutils' libdw, which reads source lines");
}

bool source_lines_built(void) { return false; }
#endif

struct source_lines *source_lines_open(const char *path, struct err *e)
{
    struct text file = { 0 };
    struct err own = { 0 };
    struct source_lines *s = NULL;
    if (text_read(&file, path, IMAGE_MOST, e ? e : &own)) s = source_lines_read(path, (const uint8_t *)text_str(&file), file.len, e);
    text_free(&file);
    return s;
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static struct source_line told(const struct source_lines *s, const struct row *r)
{
    return (struct source_line){ s->file[r->file].name, r->line, r->addr, r->end };
}

bool source_lines_at(const struct source_lines *s, uint32_t addr, struct source_line *out)
{
    size_t low = 0, high = s ? s->rows : 0;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (s->row[mid].addr <= addr) low = mid + 1;
        else high = mid;
    }
    if (!low || s->row[low - 1].end <= addr) return false;
    *out = told(s, &s->row[low - 1]);
    return true;
}

/* Is `end` all of a path, or what stands behind one of its slashes? */
static bool ends_with(const char *path, const char *end)
{
    size_t n = strlen(path), k = strlen(end);
    return k && k <= n && !strcmp(path + n - k, end) && (k == n || path[n - k - 1] == '/' || *end == '/');
}

bool source_lines_find(const struct source_lines *s, const char *file, unsigned line, struct source_line *out)
{
    const struct row *best = NULL;
    while (!strncmp(file, "./", 2)) file += 2;
    for (size_t i = 0; s && i < s->rows; i++) {
        const struct row *r = &s->row[i];
        if (r->line < line || (best && r->line >= best->line) || !ends_with(s->file[r->file].name, file)) continue;
        best = r;
    }
    if (best) *out = told(s, best);
    return best != NULL;
}

const char *source_line_name(const struct source_line *l)
{
    const char *slash = strrchr(l->file, '/');
    return slash ? slash + 1 : l->file;
}

/* ---- the sources themselves -------------------------------------------------------------------------------------- */

static bool take(struct source *f, const char *path)
{
    struct err e = { 0 };
    if (access(path, R_OK) || !text_read(&f->text, path, SOURCE_MOST, &e)) return false;
    f->path = strdup(path);
    return f->path != NULL;
}

static void look(const struct source_lines *s, struct source *f)
{
    char path[2048], dir[1024];
    f->looked = true;
    if (take(f, f->name) || *f->name == '/') return;
    snprintf(dir, sizeof dir, "%s", s->image);
    for (int i = 0; i <= ABOVE; i++) {
        char *slash = strrchr(dir, '/');
        if (!slash) return;
        *slash = 0;
        snprintf(path, sizeof path, "%s/%s", dir, f->name);
        if (take(f, path)) return;
    }
}

static struct source *source_of(struct source_lines *s, const struct source_line *l)
{
    for (uint32_t i = 0; s && i < s->files; i++)
        if (s->file[i].name == l->file) {
            if (!s->file[i].looked) look(s, &s->file[i]);
            return &s->file[i];
        }
    return NULL;
}

const char *source_lines_path(struct source_lines *s, const struct source_line *l)
{
    const struct source *f = source_of(s, l);
    return f ? f->path : NULL;
}

bool source_lines_text(struct source_lines *s, const struct source_line *l, char *buf, size_t room)
{
    const struct source *f = source_of(s, l);
    size_t n = 0;
    *buf = 0;
    if (!f || !f->path) return false;
    const char *at = text_str(&f->text), *end = at + f->text.len;
    for (unsigned i = 1; at && i < l->line; i++) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (at) at++;
    }
    if (!at || at == end) return false;
    for (; at < end && *at != '\n' && n + TAB < room; at++) {
        if (*at == '\t') do buf[n++] = ' '; while (n % TAB);
        else if ((unsigned char)*at >= ' ') buf[n++] = *at;
    }
    buf[n] = 0;
    return true;
}
