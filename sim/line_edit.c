/* See line_edit.h. Keys: ECMA-48 sequences as xterm sends them, and the letters that shells have. */
#include "sim/line_edit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include "sim/core/text.h"

/* --- characters ------------------------------------------------------------------------------------------------------- */

static bool inside(char c) { return ((unsigned char)c & 0xC0) == 0x80; } /* of a character, and not its first byte */

static size_t before(const struct line_edit *d, size_t at)
{
    if (at) at--;
    while (at && inside(d->line[at])) at--;
    return at;
}

static size_t after(const struct line_edit *d, size_t at)
{
    if (at < d->n) at++;
    while (at < d->n && inside(d->line[at])) at++;
    return at;
}

static size_t columns(const char *s, size_t n)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++) k += !inside(s[i]);
    return k;
}

/* --- the screen ------------------------------------------------------------------------------------------------------- */

static size_t width(void)
{
    struct winsize w;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 20 ? w.ws_col : 80;
}

static void show(const struct line_edit *d, const char *prompt)
{
    size_t wide = width(), used = strlen(prompt) + 1, room = wide > used ? wide - used : 1, from = 0, to = d->n;
    while (columns(d->line + from, d->at - from) >= room) from = after(d, from);
    while (columns(d->line + from, to - from) > room) to = before(d, to);
    printf("\r\033[K%s%.*s", prompt, (int)(to - from), d->line + from);
    size_t right = columns(d->line + d->at, to - d->at);
    if (right) printf("\033[%zuD", right);
    fflush(stdout);
}

/* --- editing ---------------------------------------------------------------------------------------------------------- */

static void insert(struct line_edit *d, const char *s, size_t k)
{
    if (d->n + k >= LINE_EDIT_MOST) return;
    memmove(d->line + d->at + k, d->line + d->at, d->n - d->at + 1);
    memcpy(d->line + d->at, s, k);
    d->n += k, d->at += k;
}

static void erase(struct line_edit *d, size_t from, size_t to)
{
    memmove(d->line + from, d->line + to, d->n - to + 1);
    d->n -= to - from;
    d->at = from;
}

static size_t word_before(const struct line_edit *d)
{
    size_t at = d->at;
    while (at && d->line[at - 1] == ' ') at--;
    while (at && d->line[at - 1] != ' ') at--;
    return at;
}

static void tab(struct line_edit *d)
{
    char so_far[LINE_EDIT_MOST], more[80] = "";
    snprintf(so_far, sizeof so_far, "%.*s", (int)d->at, d->line);
    const char *all = d->complete ? d->complete(d->self, so_far, more, sizeof more) : NULL;
    if (*more) insert(d, more, strlen(more));
    else if (all) printf("\r\n%s\r\n", all);
}

static void recall(struct line_edit *d, int by)
{
    unsigned to = d->shown + (unsigned)by;
    if ((by < 0 && !d->shown) || to > d->lines) return;
    if (d->shown == d->lines) memcpy(d->kept, d->line, sizeof d->kept);
    d->shown = to;
    snprintf(d->line, sizeof d->line, "%s", to < d->lines ? d->past[to] : d->kept);
    d->n = d->at = strlen(d->line);
}

/* An arrow or the like: ESC [ letter, ESC O letter, ESC [ number ~. */
static void escape(struct line_edit *d)
{
    char c[2], number = 0;
    if (read(STDIN_FILENO, c, 1) != 1 || (c[0] != '[' && c[0] != 'O') || read(STDIN_FILENO, c + 1, 1) != 1) return;
    while ((c[1] >= '0' && c[1] <= '9') || c[1] == ';') {
        if (!number) number = c[1];
        if (read(STDIN_FILENO, c + 1, 1) != 1) return;
    }
    switch (c[1] == '~' ? number : c[1]) {
    case 'A': recall(d, -1); break;
    case 'B': recall(d, 1); break;
    case 'C': d->at = after(d, d->at); break;
    case 'D': d->at = before(d, d->at); break;
    case 'H': case '1': case '7': d->at = 0; break;
    case 'F': case '4': case '8': d->at = d->n; break;
    case '3': erase(d, d->at, after(d, d->at)); break;
    default: break;
    }
}

static void letter(char c, struct line_edit *d)
{
    switch (c) {
    case 1: d->at = 0; break;
    case 4: erase(d, d->at, after(d, d->at)); break;
    case 5: d->at = d->n; break;
    case 11: erase(d, d->at, d->n); break;
    case 12: printf("\033[H\033[2J"); break;
    case 14: recall(d, 1); break;
    case 16: recall(d, -1); break;
    case 21: erase(d, 0, d->at); break;
    case 23: erase(d, word_before(d), d->at); break;
    case 8: case 127: erase(d, before(d, d->at), d->at); break;
    case 9: tab(d); break;
    case 27: escape(d); break;
    default: if ((unsigned char)c >= 32) insert(d, &c, 1);
    }
}

/* --- searching the past ----------------------------------------------------------------------------------------------- */

/* The next line from `from` on, older (`by` -1) or newer, that has `sought` in it, becomes the one shown, with the cursor there. */
static bool find(struct line_edit *d, const char *sought, unsigned from, int by)
{
    for (unsigned i = from; i < d->lines; i += (unsigned)by) { /* below 0 it is above `lines` */
        const char *there = strstr(d->past[i], sought);
        if (!there) continue;
        d->shown = i;
        snprintf(d->line, sizeof d->line, "%s", d->past[i]);
        d->n = strlen(d->line);
        d->at = (size_t)(there - d->past[i]);
        return true;
    }
    return false;
}

/* ^R: each letter looks for one more; ^R and ^S go to the next older and newer line that fits; ^G, ^C: as it was. Any other key takes the line, and is
 * returned, for it does then what it always does; 0: nothing more to do. */
static char search(struct line_edit *d)
{
    char sought[32] = "", prompt[64], c;
    size_t n = 0;
    const unsigned shown = d->shown;
    bool found = true;
    if (d->shown == d->lines) memcpy(d->kept, d->line, sizeof d->kept);
    for (;;) {
        snprintf(prompt, sizeof prompt, "(%s `%s') ", found ? "search" : "not found", sought);
        show(d, prompt);
        if (read(STDIN_FILENO, &c, 1) != 1) return 4;
        if (c == 18) found = n && find(d, sought, d->shown - 1, -1);
        else if (c == 19) found = n && find(d, sought, d->shown + 1, 1);
        else if (c == 8 || c == 127) {
            while (n && inside(sought[n - 1])) n--;
            n -= n > 0;
            sought[n] = 0;
            found = !n || find(d, sought, d->lines - 1, -1);
        } else if ((unsigned char)c >= 32 && n + 1 < sizeof sought) {
            sought[n++] = c, sought[n] = 0;
            found = find(d, sought, d->shown < d->lines ? d->shown : d->lines - 1, -1);
        } else break;
    }
    if (c != 7 && c != 3) return c;
    d->shown = shown;
    snprintf(d->line, sizeof d->line, "%s", shown < d->lines ? d->past[shown] : d->kept);
    d->n = d->at = strlen(d->line);
    return 0;
}

static enum line_edit_end keys(struct line_edit *d, const char *prompt)
{
    for (;;) {
        char c;
        show(d, prompt);
        if (read(STDIN_FILENO, &c, 1) != 1 || (c == 4 && !d->n)) return LINE_EDIT_OVER;
        if (c == 18 && !(c = search(d))) continue;
        if (c == '\r' || c == '\n' || c == 3) {
            d->at = d->n;
            show(d, prompt);
            printf("%s\r\n", c == 3 ? "^C" : "");
            return c == 3 ? LINE_EDIT_DROPPED : LINE_EDIT_DONE;
        }
        letter(c, d);
    }
}

enum line_edit_end line_edit(struct line_edit *d, const char *prompt)
{
    struct termios was, raw;
    tcgetattr(STDIN_FILENO, &was);
    raw = was;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
    raw.c_iflag &= ~(tcflag_t)(ICRNL | IXON);
    raw.c_cc[VMIN] = 1, raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    d->n = d->at = 0;
    d->line[0] = d->kept[0] = 0;
    d->shown = d->lines;
    enum line_edit_end end = keys(d, prompt);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &was);
    return end;
}

/* --- the past --------------------------------------------------------------------------------------------------------- */

void line_edit_keep(struct line_edit *d, const char *line)
{
    if (!*line || (d->lines && !strcmp(d->past[d->lines - 1], line))) return;
    if (d->lines == LINE_EDIT_PAST) {
        free(d->past[0]);
        memmove(d->past, d->past + 1, (LINE_EDIT_PAST - 1) * sizeof *d->past);
        d->lines--;
    }
    d->past[d->lines] = strdup(line);
    if (d->past[d->lines]) d->lines++;
}

void line_edit_load(struct line_edit *d, const char *path)
{
    struct text t = { 0 };
    struct err ignored = { 0 };
    if (!text_read(&t, path, 1 << 20, &ignored)) return;
    for (char *at = t.s; at && *at;) {
        size_t n = strcspn(at, "\n");
        bool last = !at[n];
        at[n] = 0;
        if (n < LINE_EDIT_MOST) line_edit_keep(d, at);
        at += n + !last;
    }
    text_free(&t);
}

void line_edit_save(const struct line_edit *d, const char *path)
{
    struct text t = { 0 };
    struct err ignored = { 0 };
    for (unsigned i = 0; i < d->lines; i++) text_add(&t, "%s\n", d->past[i]);
    if (t.len) text_write(&t, path, &ignored);
    text_free(&t);
}

void line_edit_free(struct line_edit *d)
{
    while (d->lines) free(d->past[--d->lines]);
}
