/* The front end's state, and what keys do to it. Knows no terminal.
 *
 * Idea: handlers change the state and say what must be done next (enum ask); app_draw alone makes the screen, from
 * the state alone. A key script and a person go the same way. */
#ifndef TUI_APP_H
#define TUI_APP_H

#include "tui/colon.h"
#include "tui/command.h"
#include "tui/frame.h"
#include "tui/layout.h"
#include "tui/lecture.h"
#include "tui/pair.h"
#include "tui/pick.h"
#include "tui/session.h"
#include "tui/view.h"

enum { TYPED = COLON_LINE };

/* What lies above the panes and takes the keys. */
enum overlay { OVERLAY_NONE, OVERLAY_PROMPT, OVERLAY_HELP, OVERLAY_CARD, OVERLAY_LETTER /* one key, for a mark */ };

struct app {
    struct session session;
    struct frame frame;
    struct layout layout;
    struct view view[VIEW_COUNT];
    unsigned focus, theme;
    struct lecture lecture;
    struct pair *pair; /* the lockstep dashboard; NULL: it is not open */
    bool mouse;        /* wanted: at first not, so that the terminal's own selecting works */
    bool two;          /* two panes; zoom: one */
    bool zoom, running, all_painted;
    enum overlay overlay;
    int asking;        /* OVERLAY_PROMPT: the command that asked */
    char typed[TYPED]; /* prompt, or filter of the help */
    int scroll;        /* of the help or the card */
    char card_title[40];
    struct text card;
    struct colon colon;
    struct text copy; /* for the clipboard of the terminal; who paints sends and clears it */
    bool card_wide;   /* the card wants the whole width, and its lines as they are */
};

void app_open(struct app *a, struct machine *m, struct lesson *l, int cols, int rows);
void app_close(struct app *a);
unsigned app_key(struct app *a, uint32_t key); /* enum ask bits; sampling is done */
/* The mouse's button or wheel (key_is_mouse) at a column and row; as app_key. */
unsigned app_mouse(struct app *a, uint32_t key, int x, int y);
unsigned app_command(struct app *a, int command); /* what a command does, wherever it comes from; sampling is not done */
void app_resize(struct app *a, int cols, int rows);
void app_layout(struct app *a); /* places the panes, after ASK_LAYOUT */
void app_sample(struct app *a); /* every view looks at the machine */
void app_draw(struct app *a);   /* makes the frame */
/* The choice of a step's author (`show = "rings"`): which pane is in front. */
void app_follow_lesson(struct app *a);

unsigned app_answer(struct app *a, int command, const char *typed); /* a command that asks, with its answer */

/* chrome.c: what is around the panes. */
void chrome_title(struct app *a);
void chrome_timeline(struct app *a);
void chrome_keys(struct app *a);
void chrome_tiny(struct app *a);
/* overlay.c: what is above them. */
void overlay_draw(struct app *a);
unsigned overlay_key(struct app *a, uint32_t key);
void overlay_prompt(struct app *a, int command);
void overlay_card(struct app *a, const char *title); /* shows a->card */
void overlay_table(struct app *a, const char *title); /* likewise, as wide as the screen and unbroken */

#endif
