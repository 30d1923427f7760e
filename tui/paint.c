/* See paint.h. curses keeps what is on the screen and sends only differences; we give it whole frames. */
#include "tui/paint.h"

#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>
#include "tui/command.h"
#include "tui/outlet.h"
#include "tui/rescue.h"
#include "tui/tui.h"
#include <term.h> /* last: it makes macros of common words */

static SCREEN *screen;
static int colours; /* 0: attributes only */
enum { ANSWER_MS = 100 };
enum { DIRECT = 1 << 24 /* so many colours, and each has its own number */ };
static unsigned painted_theme = THEME_COUNT;
static int mouse_x, mouse_y;
static bool asked;         /* the terminal was asked for its background, and has not answered */
static unsigned background; /* THEME_LIGHT or THEME_DARK, as it said; THEME_AUTO: not known */

bool paint_utf8(void)
{
    const char *locale = setlocale(LC_CTYPE, "");
    if (!locale || strcmp(nl_langinfo(CODESET), "UTF-8") != 0) return false;
    /* There, line drawing is two columns wide on some terminals. */
    return strncmp(locale, "zh", 2) && strncmp(locale, "ja", 2) && strncmp(locale, "ko", 2);
}

/* A terminfo string without its padding ("$<5>"). */
static void add_capability(char *to, size_t room, const char *name)
{
    const char *s = tigetstr(name);
    size_t n = strlen(to);
    if (!s || s == (const char *)-1) return;
    while (*s && n + 1 < room) {
        if (s[0] == '$' && s[1] == '<' && strchr(s, '>'))
            s = strchr(s, '>') + 1;
        else
            to[n++] = *s++;
    }
    to[n] = 0;
}

static bool usable(struct err *e)
{
    int result;
    const char *term = getenv("TERM");
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return err_set(e, EXIT_ENVIRONMENT, "tui: stdin and stdout must be a terminal; without one: ringside run popf");
    if (setupterm(NULL, STDOUT_FILENO, &result) != OK)
        return err_set(e, EXIT_ENVIRONMENT,
                       "tui: nothing is known about the terminal TERM=%.40s; set TERM, or: ringside run popf",
                       term ? term : "");
    const char *move = tigetstr("cup");
    bool places = move && move != (const char *)-1;
    del_curterm(cur_term); /* newterm reads its own */
    if (!places)
        return err_set(e, EXIT_ENVIRONMENT,
                       "tui: the terminal TERM=%.40s cannot place the cursor; try: ringside run popf --narrate --pause",
                       term ? term : "");
    return true;
}

/* OSC 11: what colour is your background? Whenever the answer comes, `auto` becomes light or dark by it; a terminal that has none
 * says nothing, and nobody waits for it. Only those are asked that are known to keep quiet about what they do not understand. */
static void ask_background(void)
{
    static const char *const kinds[] = { "xterm", "tmux", "rxvt", "foot", "alacritty", "kitty", "konsole", "vte", "gnome", "wezterm", "contour" };
    const char *term = getenv("TERM");
    asked = false;
    background = THEME_AUTO;
    for (size_t i = 0; term && colours >= 8 && i < sizeof kinds / sizeof kinds[0]; i++)
        if (!strncmp(term, kinds[i], strlen(kinds[i]))) asked = true;
    if (!asked) return;
    fputs("\033]11;?\033\\", stdout);
    fflush(stdout);
}

bool paint_open(void (*interrupt)(void *self), void *self, struct err *e)
{
    char restore[128] = "";
    if (!usable(e)) return false;
    rescue_save();
    FILE *out = outlet_open();
    screen = out ? newterm(NULL, out, stdin) : NULL;
    if (!screen) return err_set(e, EXIT_ENVIRONMENT, "tui: the terminal cannot be opened; try: ringside run popf");
    add_capability(restore, sizeof restore, "sgr0");
    add_capability(restore, sizeof restore, "cnorm");
    add_capability(restore, sizeof restore, "rmkx");
    add_capability(restore, sizeof restore, "rmcup");
    rescue_arm(restore, interrupt, self);
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    set_escdelay(25);
    typeahead(-1); /* or curses leaves a frame half done when the next key is there: over a slow line two writes, and a torn screen */
    curs_set(0);
    const char *no = getenv("NO_COLOR");
    colours = 0;
    if (has_colors() && !(no && *no)) {
        start_color();
        use_default_colors();
        colours = COLORS;
    }
    painted_theme = THEME_COUNT;
    ask_background();
    return true;
}

void paint_mouse(bool on)
{
    static bool was;
    if (on == was) return;
    was = on;
    mousemask(on ? BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED : 0, NULL);
    mouseinterval(0);
}

void paint_mouse_at(int *x, int *y) { *x = mouse_x, *y = mouse_y; }

/* An answer that is still on its way would be typed into the shell. */
static void wait_for_answer(void)
{
    struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
    if (asked && poll(&p, 1, ANSWER_MS) > 0) tcflush(STDIN_FILENO, TCIFLUSH);
    asked = false;
}

void paint_size(int *cols, int *rows) { getmaxyx(stdscr, *rows, *cols); }

void paint_close(void)
{
    if (!screen) return;
    int cols, rows;
    paint_mouse(false);
    wait_for_answer();
    paint_size(&cols, &rows);
    move(rows - 1, 0); /* where there is no alternate screen, the shell goes on in this line */
    clrtoeol();
    refresh();
    endwin();
    delscreen(screen);
    screen = NULL;
    outlet_close();
    rescue_disarm();
}

static attr_t attributes(unsigned attr)
{
    return (attr & ATTR_BOLD ? A_BOLD : 0) | (attr & ATTR_UNDERLINE ? A_UNDERLINE : 0) |
           (attr & ATTR_REVERSE ? A_REVERSE : 0);
}

/* With direct colours a number is red, green, blue, save the first eight, which are the base ones: those of the 256-colour palette's cube
 * and greys as xterm has them. */
static int direct(int index)
{
    if (index < 16) return index < 8 ? index : index - 8;
    if (index >= 232) return (8 + (index - 232) * 10) * 0x10101;
    static const int steps[] = { 0, 95, 135, 175, 215, 255 };
    int c = index - 16;
    return steps[c / 36] << 16 | steps[c / 6 % 6] << 8 | steps[c % 6];
}

static struct style style_of(unsigned theme, unsigned role)
{
    if (theme == THEME_AUTO) theme = background;
    struct style s = theme_style(theme, role, colours >= DIRECT ? 256 : colours);
    if (colours >= DIRECT) s.fg = direct(s.fg), s.bg = direct(s.bg);
    return s;
}

/* "11;rgb:ffff/ffff/dddd", two or four digits a part: light or dark by its luminance. */
static bool read_background(const char *answer)
{
    unsigned part[3];
    int digits[4] = { 0 };
    if (sscanf(answer, "11;rgb:%n%4x/%n%4x/%n%4x%n", &digits[0], &part[0], &digits[1], &part[1], &digits[2], &part[2], &digits[3]) != 3) return false;
    unsigned most = digits[3] - digits[2] > 2 ? 0xFFFF : 0xFF;
    double light = (0.299 * part[0] + 0.587 * part[1] + 0.114 * part[2]) / most;
    background = light > 0.5 ? THEME_LIGHT : THEME_DARK;
    painted_theme = THEME_COUNT;
    return true;
}

/* Behind ESC ]: an answer of the terminal, to its end, which is BEL or ESC \. */
static void take_answer(void)
{
    char answer[64];
    size_t n = 0;
    wint_t c, before = 0;
    timeout(ANSWER_MS);
    while (get_wch(&c) == OK && c != 7 && !(before == 27 && c == '\\')) {
        if (c != 27 && n + 1 < sizeof answer) answer[n++] = (char)c;
        before = c;
    }
    answer[n] = 0;
    if (read_background(answer)) asked = false;
}

static void take_theme(unsigned theme)
{
    if (theme == painted_theme) return;
    painted_theme = theme;
    for (unsigned r = 0; r < ROLE_COUNT && colours >= 8; r++) {
        struct style s = style_of(theme, r);
        init_extended_pair((int)r + 1, s.fg, s.bg);
    }
}

static void set_style(const struct cell *c, unsigned theme)
{
    struct style s = theme_style(theme == THEME_AUTO ? background : theme, c->role, colours);
    attr_set(attributes(s.attr | c->attr), colours >= 8 ? (short)(c->role + 1) : 0, NULL);
}

static void show_row(const struct cell *row, int y, int cols, unsigned theme)
{
    wchar_t run[256];
    for (int x = 0; x < cols;) {
        int n = 0;
        const struct cell *first = &row[x];
        while (x + n < cols && n < 256 && row[x + n].role == first->role && row[x + n].attr == first->attr) {
            run[n] = (wchar_t)row[x + n].ch;
            n++;
        }
        set_style(first, theme);
        mvaddnwstr(y, x, run, n);
        x += n;
    }
}

void paint_show(const struct frame *f, unsigned theme, bool whole)
{
    int cols, rows;
    paint_size(&cols, &rows);
    take_theme(theme);
    outlet_hold();
    if (whole) clear();
    for (int y = 0; y < f->rows && y < rows; y++)
        show_row(f->cell + (size_t)y * (size_t)f->cols, y, f->cols < cols ? f->cols : cols, theme);
    refresh();
    outlet_release();
}

static uint32_t translate(wint_t code)
{
    static const struct {
        wint_t curses;
        uint32_t key;
    } table[] = {
        { KEY_UP, TKEY_UP },        { KEY_DOWN, TKEY_DOWN },   { KEY_LEFT, TKEY_LEFT },
        { KEY_RIGHT, TKEY_RIGHT },  { KEY_HOME, TKEY_HOME },   { KEY_END, TKEY_END },
        { KEY_PPAGE, TKEY_PGUP },   { KEY_NPAGE, TKEY_PGDN },  { KEY_BACKSPACE, TKEY_BACKSPACE },
        { KEY_DC, TKEY_BACKSPACE }, { KEY_ENTER, TKEY_ENTER }, { KEY_RESIZE, TKEY_RESIZE },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].curses == code) return table[i].key;
    if (code >= KEY_F(1) && code <= KEY_F(10)) return TKEY_F1 + (code - KEY_F(1));
    return code; /* no command has it, so it gets the hint */
}

static uint32_t mouse_key(void)
{
    MEVENT e;
    if (getmouse(&e) != OK) return TKEY_NOTHING;
    mouse_x = e.x, mouse_y = e.y;
    return e.bstate & BUTTON4_PRESSED ? TKEY_WHEEL_UP : e.bstate & BUTTON5_PRESSED ? TKEY_WHEEL_DOWN : e.bstate & BUTTON1_PRESSED ? TKEY_CLICK : TKEY_NOTHING;
}

uint32_t paint_key(int milliseconds)
{
    wint_t code;
    timeout(milliseconds);
    int kind = get_wch(&code);
    if (kind == ERR) return TKEY_NOTHING;
    if (kind == KEY_CODE_YES && code == KEY_MOUSE) return mouse_key();
    if (kind == OK && code == 27) {
        wint_t next;
        timeout(0);
        int more = get_wch(&next);
        if (more == OK && next == ']') {
            take_answer();
            return TKEY_RESIZE; /* all is painted again */
        }
        if (more == OK) unget_wch((wchar_t)next);
        else if (more == KEY_CODE_YES) ungetch((int)next);
    }
    if (kind == KEY_CODE_YES) return translate(code) == code ? 0x110100u + code : translate(code);
    if (code == '\n') return TKEY_ENTER;
    return code == 127 ? TKEY_BACKSPACE : (uint32_t)code;
}

/* Base64, RFC 4648. tmux and screen hand it on, or keep it in their own buffers, as they are told. */
void paint_copy(const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = strlen(text);
    fputs("\033]52;c;", stdout);
    for (size_t i = 0; i < n; i += 3) {
        unsigned left = n - i < 3 ? (unsigned)(n - i) : 3, v = 0;
        for (unsigned k = 0; k < 3; k++) v = v << 8 | (k < left ? (unsigned char)text[i + k] : 0u);
        for (unsigned k = 0; k < 4; k++) putchar(k <= left ? digits[v >> (18 - 6 * k) & 63] : '=');
    }
    putchar('\a');
    fflush(stdout);
}

bool paint_gone(void)
{
    struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
    return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR | POLLNVAL));
}

bool tui_terminal(char *words, size_t room)
{
    const char *term = getenv("TERM");
    int error;
    if (!term || !*term) return (void)snprintf(words, room, "TERM is not set"), false;
    if (setupterm(NULL, STDOUT_FILENO, &error) != OK)
        return (void)snprintf(words, room, "%s: the system has no description of it; try TERM=xterm-256color", term), false;
    int colors = tigetnum("colors");
    snprintf(words, room, "%s, %d colours, by %s", term, colors > 0 ? colors : 0, curses_version());
    return strcmp(term, "dumb") != 0;
}
