/* What lies above the panes: the prompt on the bottom line, the help, and cards of text. See app.h. */
#include "tui/app.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

void overlay_prompt(struct app *a, int command)
{
    a->overlay = OVERLAY_PROMPT;
    a->asking = command;
    *a->typed = 0;
}

void overlay_card(struct app *a, const char *title)
{
    a->overlay = OVERLAY_CARD;
    a->scroll = 0;
    a->card_wide = false;
    snprintf(a->card_title, sizeof a->card_title, "%s", title);
}

void overlay_table(struct app *a, const char *title)
{
    overlay_card(a, title);
    a->card_wide = true;
}

static void leave(struct app *a)
{
    a->overlay = OVERLAY_NONE;
    a->asking = CMD_NONE;
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static bool type(struct app *a, uint32_t key)
{
    size_t n = strlen(a->typed);
    if (key == TKEY_BACKSPACE) {
        if (n) a->typed[n - 1] = 0;
        return true;
    }
    if (key < ' ' || key > '~') return false; /* names, numbers and words of the help are ASCII */
    if (n + 1 < sizeof a->typed) a->typed[n] = (char)key, a->typed[n + 1] = 0;
    return true;
}

static unsigned prompt_key(struct app *a, uint32_t key)
{
    if (a->asking == CMD_COLON && colon_key(a, key)) return ASK_REDRAW;
    if (key == TKEY_ESC || key == TKEY_ENTER || (key == TKEY_BACKSPACE && !*a->typed))
        leave(a);
    else
        type(a, key);
    return ASK_REDRAW;
}

static bool contains(const char *s, const char *part)
{
    for (size_t n = strlen(part); *s; s++)
        if (!strncasecmp(s, part, n)) return true;
    return !*part;
}

static bool matches(const struct command_desc *d, const char *filter)
{
    return contains(d->help, filter) || contains(d->label, filter) || contains(d->keys, filter);
}

static bool scroll_key(struct app *a, uint32_t key)
{
    int page = a->frame.rows > 8 ? a->frame.rows - 8 : 1;
    switch (key) {
    case TKEY_UP: a->scroll--; return true;
    case TKEY_DOWN: a->scroll++; return true;
    case TKEY_PGUP: a->scroll -= page; return true;
    case TKEY_PGDN: a->scroll += page; return true;
    case TKEY_HOME: a->scroll = 0; return true;
    default: return false;
    }
}

/* The first command that the filter leaves; CMD_NONE where nothing was typed. */
static int first_match(const struct app *a)
{
    for (unsigned g = 0; *a->typed && g < GROUP_COUNT; g++)
        for (int c = 0; c < CMD_COUNT; c++)
            if (command_desc(c)->group == g && matches(command_desc(c), a->typed)) return c;
    return CMD_NONE;
}

static unsigned help_key(struct app *a, uint32_t key)
{
    int wanted = key == TKEY_ENTER ? first_match(a) : CMD_NONE;
    if (wanted != CMD_NONE) {
        leave(a);
        return app_command(a, wanted);
    }
    bool closes = !*a->typed && (key == 'q' || key == '?');
    if (!*a->typed && command_of_key(key) == CMD_COLON) {
        leave(a);
        return app_command(a, CMD_COLON);
    }
    if (key == TKEY_ESC || key == TKEY_ENTER || closes)
        leave(a);
    else if (!scroll_key(a, key) && type(a, key))
        a->scroll = 0;
    return ASK_REDRAW;
}

static unsigned card_key(struct app *a, uint32_t key)
{
    if (command_of_key(key) == CMD_COLON) {
        leave(a);
        return app_command(a, CMD_COLON);
    }
    if (!scroll_key(a, key)) leave(a);
    return ASK_REDRAW;
}

unsigned overlay_key(struct app *a, uint32_t key)
{
    switch (a->overlay) {
    case OVERLAY_PROMPT: return prompt_key(a, key);
    case OVERLAY_HELP: return help_key(a, key);
    case OVERLAY_CARD: return card_key(a, key);
    default: return ASK_NONE;
    }
}

/* ---- drawing ----------------------------------------------------------------------------------------------------- */

/* One command: its keys, and its sentence on as many lines as it needs. Returns the line behind it. */
struct help_line {
    struct pane *p;
    int y;
    unsigned style;
};
enum { HELP_KEYS = 18 };

static void help_wrapped(void *self, int i, const char *s, int n)
{
    struct help_line *h = self;
    (void)i;
    if (h->y >= 0 && h->y < h->p->at.h) {
        char buf[256];
        snprintf(buf, sizeof buf, "%.*s", n, s);
        pane_fit(h->p, HELP_KEYS, h->y, h->p->at.w - HELP_KEYS - 1, h->style, buf);
    }
    h->y++;
}

static int help_command(struct pane *p, int y, const struct command_desc *d)
{
    struct help_line h = { p, y, STYLE(ROLE_PLAIN, 0) };
    if (y >= 0 && y < p->at.h) pane_fit(p, 1, y, HELP_KEYS - 2, STYLE(ROLE_KEY, ATTR_BOLD), d->keys);
    int w = p->at.w - HELP_KEYS - 1;
    frame_wrap(d->help, w > 8 ? w : 8, help_wrapped, &h);
    return h.y;
}

/* Writes all lines from -first on; returns how many there are. */
static int help_lines(struct pane *p, const char *filter, int first)
{
    int y = -first;
    for (unsigned g = 0; g < GROUP_COUNT; g++) {
        bool any = false;
        for (int c = 0; c < CMD_COUNT; c++) {
            const struct command_desc *d = command_desc(c);
            if (d->group != g || !matches(d, filter)) continue;
            if (!any && y >= 0 && y < p->at.h)
                pane_fit(p, 1, y, p->at.w - 2, STYLE(ROLE_PLAIN, ATTR_UNDERLINE), command_group_name(g));
            if (!any) y++;
            any = true;
            y = help_command(p, y, d);
        }
    }
    return y + first;
}

static void bound(struct app *a, int lines, int rows)
{
    if (a->scroll > lines - rows) a->scroll = lines - rows;
    if (a->scroll < 0) a->scroll = 0;
}

static void draw_help(struct app *a)
{
    char title[TYPED + 24];
    struct rect r = { 0, 1, a->frame.cols, a->frame.rows - 2 };
    if (r.w > 92) r.x = (r.w - 92) / 2, r.w = 92;
    if (*a->typed)
        snprintf(title, sizeof title, "Keys  /%s", a->typed);
    else
        snprintf(title, sizeof title, "Keys");
    struct pane p = pane_box(&a->frame, r, STYLE(ROLE_FOCUS, ATTR_BOLD), title, "type to filter, Enter does it");
    struct pane none = { p.frame, { p.at.x, p.at.y, p.at.w, 0 } };
    int lines = help_lines(&none, a->typed, 0);
    bound(a, lines, p.at.h);
    help_lines(&p, a->typed, a->scroll);
    if (!lines) pane_fit(&p, 1, 0, p.at.w - 2, STYLE(ROLE_PLAIN, 0), "no key does that");
    if (a->scroll + p.at.h < lines && p.at.h > 0) pane_put(&p, p.at.w - 1, p.at.h - 1, STYLE(ROLE_KEY, ATTR_BOLD), "↓");
}

struct card_line {
    struct pane *p;
    int first, left;
};

static void card_wrapped(void *self, int i, const char *s, int n)
{
    struct card_line *c = self;
    char buf[512];
    int y = i - c->first;
    if (y < 0 || y >= c->p->at.h) return;
    snprintf(buf, sizeof buf, "%.*s", n, s);
    pane_fit(c->p, c->left, y, c->p->at.w - 2 * c->left, STYLE(ROLE_PLAIN, 0), buf);
}

static void draw_card(struct app *a)
{
    int w = a->frame.cols > 76 ? 72 : a->frame.cols - 4;
    if (w < 8 || a->card_wide) w = a->frame.cols;
    int left = a->card_wide ? 0 : 1, lines = frame_wrap(text_str(&a->card), w - 2 - 2 * left, NULL, NULL);
    int h = lines + 2 < a->frame.rows - 2 ? lines + 2 : a->frame.rows - 2;
    struct rect r = { (a->frame.cols - w) / 2, (a->frame.rows - h) / 2, w, h };
    struct pane p = pane_box(&a->frame, r, STYLE(ROLE_FOCUS, ATTR_BOLD), a->card_title, lines > h - 2 ? "↑↓ PgDn more" : "any key closes");
    bound(a, lines, p.at.h);
    struct card_line c = { &p, a->scroll, left };
    frame_wrap(text_str(&a->card), p.at.w - 2 * left, card_wrapped, &c);
}

static void draw_prompt(struct app *a)
{
    static const char *const labels[CMD_COUNT] = {
        [CMD_GOTO] = "Go to (41 cycle:N insn:N step:N label:NAME mark:X fail:N): ", [CMD_FIND] = "Find: ", [CMD_COLON] = ":",
        [CMD_EXEC] = "Execute (NAME HEXBYTES eax=... ring=1 ...): ",
        [CMD_ADDRESS] = "Look at (ADDRESS or SYMBOL[,write|exec][,RING]; empty: newest fault): "
    };
    const char *label = a->pair && a->asking == CMD_GOTO ? "Go to the guest's instruction number: " : labels[a->asking];
    struct rect r = a->layout.timeline.h ? a->layout.timeline : a->layout.keys;
    struct pane p = pane_of(&a->frame, r);
    pane_fill(&p, (struct rect){ 0, 0, p.at.w, p.at.h }, STYLE(ROLE_PLAIN, 0), ' ');
    int x = pane_fit(&p, 1, 0, p.at.w - 2, STYLE(ROLE_KEY, ATTR_BOLD), label ? label : "");
    int room = p.at.w - x - 2, n = (int)strlen(a->typed);
    if (room < 1) return;
    x = pane_put(&p, x, 0, STYLE(ROLE_PLAIN, 0), a->typed + (n > room ? n - room : 0));
    pane_put(&p, x, 0, STYLE(ROLE_PLAIN, ATTR_REVERSE), " ");
    if (a->asking != CMD_COLON || !*a->session.message || !a->layout.timeline.h) return;
    struct pane below = pane_of(&a->frame, a->layout.keys); /* what Tab found */
    pane_fill(&below, (struct rect){ 0, 0, below.at.w, below.at.h }, STYLE(ROLE_PLAIN, 0), ' ');
    pane_fit(&below, 1, 0, below.at.w - 2, STYLE(ROLE_PLAIN, 0), a->session.message);
}

void overlay_draw(struct app *a)
{
    if (a->overlay == OVERLAY_PROMPT) draw_prompt(a);
    if (a->overlay == OVERLAY_HELP) draw_help(a);
    if (a->overlay == OVERLAY_CARD) draw_card(a);
}
