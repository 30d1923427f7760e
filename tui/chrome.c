/* What is around the panes: title bar, time line or message, line of keys. See app.h.
 *
 * The title bar is in every layout: which guest, on which machine, when. */
#include "tui/app.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* "TE·shadow·direct" where it is tight; techniques are named by their initials. */
static void machine_words(const struct app *a, bool tight, char *to, size_t room)
{
    const struct machine_cfg *c = machine_config(a->session.m);
    const char *io = tight && !strcmp(c->io, "hypervisor-direct") ? "direct" : c->io;
    const char *dot = tight ? "·" : " · ";
    char cpu[16];
    if (!machine_has_vmm(a->session.m)) {
        snprintf(to, room, "%s%sno hypervisor", c->cpu, dot);
        return;
    }
    size_t n = strlen(c->cpu);
    for (size_t i = 0; i <= n; i++) cpu[i] = n <= 3 ? (char)toupper((unsigned char)c->cpu[i]) : c->cpu[i];
    snprintf(to, room, "%s%s%s%s%s%s%s", cpu, dot, c->mmu, dot, io, c->what_if[0] ? tight ? " " : ", " : "",
             strstr(c->what_if, "counterfactual") ? "counterfactual" : c->what_if[0] ? "what if" : "");
}

static void number(uint64_t n, char *to, size_t room)
{
    struct text t = { 0 };
    text_number(&t, n);
    snprintf(to, room, "%s", text_str(&t));
    text_free(&t);
}

void chrome_title(struct app *a)
{
    const struct session *s = &a->session;
    struct pane p = pane_of(&a->frame, a->layout.title);
    unsigned style = STYLE(ROLE_TITLE, ATTR_REVERSE);
    char left[256], machine[80], cycles[32], right[160], step[40] = "";
    bool tight = p.at.w < 100;
    pane_fill(&p, (struct rect){ 0, 0, p.at.w, 1 }, style, ' ');
    machine_words(a, tight, machine, sizeof machine);
    number(machine_cycles(s->m), cycles, sizeof cycles);
    if (session_on_branch(s) >= 0) snprintf(step, sizeof step, "  BRANCH %d", session_on_branch(s) + 1);
    else if (s->lesson) snprintf(step, sizeof step, "  step %u/%u", s->lesson->next, s->lesson->ops->steps(s->lesson));
    bool ended = machine_end(s->m).fate != FATE_RUNNING;
    snprintf(right, sizeof right, "%sev %u/%u   cyc %s", ended ? "END  " : "", trace_last(machine_trace_of(s->m)),
             s->far_event, cycles);
    int rw = frame_width(right);
    snprintf(left, sizeof left, "ringside  %s%s   %s", s->name, step, machine);
    const char *from =
        frame_width(left) > p.at.w - rw - 4 ? left + strlen("ringside  ") : left; /* our own name can go */
    pane_fit(&p, 1, 0, p.at.w - rw - 4, style, from);
    if (p.at.w > rw + 4) pane_put(&p, p.at.w - rw - 2, 0, style, right);
}

static void draw_message(struct app *a, struct pane *p)
{
    const struct session *s = &a->session;
    pane_fill(p, (struct rect){ 0, 0, p->at.w, 1 }, STYLE(ROLE_PLAIN, 0), ' ');
    if (s->warn && p->at.w > 2) pane_put(p, 1, 0, STYLE(ROLE_WARN, 0), "!");
    pane_fit(p, s->warn ? 3 : 1, 0, p->at.w - (s->warn ? 4 : 2), STYLE(s->warn ? ROLE_WARN : ROLE_NOW, 0), s->message);
}

/* Position on the line is position in retired instructions; crosses are the lesson's steps. */
void chrome_timeline(struct app *a)
{
    const struct session *s = &a->session;
    bool line = a->layout.timeline.h > 0;
    struct pane p = pane_of(&a->frame, line ? a->layout.timeline : a->layout.keys);
    if (*s->message) draw_message(a, &p);
    if (*s->message || !line) return;
    static const char hint[] = "r/← back  g goto";
    int hw = frame_width(hint), w = p.at.w - hw - 6;
    uint64_t far = s->far_insns ? s->far_insns : 1;
    if (w < 10) return;
    int here = (int)(machine_insns(s->m) * (uint64_t)(w - 3) / far) + 1;
    pane_put(&p, 1, 0, STYLE(ROLE_PLAIN, 0), "◄");
    for (int x = 1; x < w - 1; x++) pane_put(&p, 1 + x, 0, STYLE(ROLE_PLAIN, 0), x < here ? "━" : "─");
    pane_put(&p, w, 0, STYLE(ROLE_PLAIN, 0), "►");
    for (unsigned i = 0; s->lesson && i < s->lesson->ops->steps(s->lesson); i++) {
        struct lesson_step st;
        s->lesson->ops->step(s->lesson, i, &st);
        if (st.insns <= far)
            pane_put(&p, 2 + (int)(st.insns * (uint64_t)(w - 3) / far), 0, STYLE(ROLE_PLAIN, 0),
                     st.insns <= machine_insns(s->m) ? "╋" : "┼");
    }
    for (unsigned i = 0; s->m == s->own && i < s->marks; i++) {
        char name[2] = { s->mark[i].name, 0 };
        if (s->mark[i].insns <= far) pane_put(&p, 2 + (int)(s->mark[i].insns * (uint64_t)(w - 3) / far), 0, STYLE(ROLE_KEY, ATTR_BOLD), name);
    }
    for (unsigned i = 0; i < s->branches; i++)
        if (s->branch[i].m == s->m || s->branch[i].trunk == s->m)
            pane_put(&p, 2 + (int)((s->branch[i].from < far ? s->branch[i].from : far) * (uint64_t)(w - 3) / far), 0, STYLE(ROLE_WARN, ATTR_BOLD), "Y");
    pane_put(&p, 1 + here, 0, STYLE(ROLE_NOW, ATTR_BOLD), "●");
    pane_put(&p, w + 3, 0, STYLE(ROLE_PLAIN, 0), hint);
}

/* The next command by rank after `rank`; CMD_NONE at the end. */
static int next_ranked(const struct app *a, int rank)
{
    int best = CMD_NONE;
    for (int c = 0; c < CMD_COUNT; c++) {
        const struct command_desc *d = command_desc(c);
        if (d->rank <= rank || (d->group == GROUP_LESSON && !a->session.lesson)) continue;
        if (best == CMD_NONE || d->rank < command_desc(best)->rank) best = c;
    }
    return best;
}

static int put_key(struct pane *p, int x, const char *key, const char *label)
{
    x = pane_put(p, x, 0, STYLE(ROLE_KEY, ATTR_BOLD), key);
    return pane_put(p, x + 1, 0, STYLE(ROLE_PLAIN, 0), label);
}

/* As many commands as fit, by rank; the help, whose rank is last, always. */
void chrome_keys(struct app *a)
{
    struct pane p = pane_of(&a->frame, a->layout.keys);
    char key[16];
    int help = frame_width("? help"), x = 1;
    if (a->layout.timeline.h == 0 && *a->session.message) return; /* the message is there */
    if (a->running) {
        put_key(&p, 1, "any key", "stops");
        return;
    }
    for (int c = next_ranked(a, 0); c != CMD_NONE && c != CMD_HELP; c = next_ranked(a, command_desc(c)->rank)) {
        command_key(c, key, sizeof key);
        int w = frame_width(key) + 1 + frame_width(command_desc(c)->label);
        if (x + w + 2 + help > p.at.w - 1) continue;
        x = put_key(&p, x, key, command_desc(c)->label) + 2;
    }
    if (x + help < p.at.w) put_key(&p, x, "?", "help");
}

/* One sentence in whatever room there is. */
static void tiny_line(void *self, int i, const char *s, int n)
{
    struct pane *p = self;
    char buf[128];
    snprintf(buf, sizeof buf, "%.*s", n, s);
    if (i < p->at.h) pane_fit(p, 0, i, p->at.w, STYLE(ROLE_PLAIN, 0), buf);
}

void chrome_tiny(struct app *a)
{
    char text[160];
    struct pane p = pane_of(&a->frame, (struct rect){ 0, 0, a->frame.cols, a->frame.rows });
    snprintf(text, sizeof text,
             "Ringside needs %dx%d; this is %dx%d. Make the window larger, or the font smaller. q leaves.",
             LAYOUT_LEAST_COLS, LAYOUT_LEAST_ROWS, a->frame.cols, a->frame.rows);
    frame_wrap(text, a->frame.cols, tiny_line, &p);
}
