/* The lockstep dashboard's screen: the machines above, what the guest sees below, and with rows enough where the cycles went. See pair.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "tui/app.h"

enum { SEE_ROWS = 9, CAUSE_ROWS = 12, FACTS = 4, WIDE = 160 /* columns: there is room for the table of answers */ };

static void number(char *to, size_t room, uint64_t n)
{
    struct text t = { 0 };
    text_number(&t, n);
    snprintf(to, room, "%s", text_str(&t));
    text_free(&t);
}

static void fit(struct pane *p, int y, unsigned style, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static void fit(struct pane *p, int y, unsigned style, const char *fmt, ...)
{
    char buf[256];
    va_list ap;
    if (y < 0 || y >= p->at.h) return;
    va_start(ap, fmt);
    vsnprintf(buf, sizeof buf, fmt, ap);
    va_end(ap);
    pane_fit(p, 1, y, p->at.w - 2, style, buf);
}

static const char *state_words(const struct lockstep *l)
{
    switch (l->end) {
    case LOCKSTEP_RUNNING: return l->forgiven ? "== but for what was forgiven" : "== same so far";
    case LOCKSTEP_PARTED: return "=/ here they part";
    case LOCKSTEP_ENDED: return "== the same end";
    default: return "? out of step";
    }
}

static void draw_title(struct app *a, const struct pair_shot *s)
{
    const struct pair *p = a->pair;
    char n[32], right[80], left[160];
    struct pane t = pane_of(&a->frame, (struct rect){ 0, 0, a->frame.cols, 1 });
    pane_fill(&t, (struct rect){ 0, 0, t.at.w, 1 }, STYLE(ROLE_TITLE, ATTR_REVERSE), ' ');
    number(n, sizeof n, s->step.steps);
    snprintf(right, sizeof right, "guest instr %s  %s", n, state_words(&s->step));
    int w = frame_width(right);
    snprintf(left, sizeof left, "lockstep  %.*s  %s%s", (int)strcspn(p->name, "."), p->name, p->cpu[0], p->n == 2 ? " beside" : "");
    for (unsigned k = 1; k < p->n; k++) {
        size_t at = strlen(left);
        snprintf(left + at, sizeof left - at, "%s %s", p->n > 2 ? "," : "", p->cpu[k]);
    }
    pane_fit(&t, 1, 0, t.at.w - w - 4, STYLE(ROLE_TITLE, ATTR_REVERSE), left);
    if (t.at.w > w + 4) pane_put(&t, t.at.w - w - 2, 0, STYLE(ROLE_TITLE, ATTR_REVERSE), right);
}

static void draw_code(struct pane *p, const struct pair_side *side, bool parted)
{
    int rows = p->at.h - FACTS, first = (int)side->now - rows / 2;
    if (first > (int)side->lines - rows) first = (int)side->lines - rows;
    if (first < 0) first = 0;
    for (int y = 0; y < rows && first + y < (int)side->lines; y++) {
        unsigned i = (unsigned)(first + y);
        bool now = i == side->now;
        if (now) pane_put(p, 1, y, STYLE(parted ? ROLE_WARN : ROLE_NOW, ATTR_BOLD), "►");
        pane_putf(p, 3, y, STYLE(ROLE_PLAIN, now ? ATTR_BOLD : 0), "%08X", side->line[i].at);
        pane_fit(p, 13, y, p->at.w - 14, STYLE(ROLE_PLAIN, now ? ATTR_BOLD : 0), side->line[i].text);
    }
}

static bool differs(const struct pair_shot *s, unsigned k)
{
    for (unsigned i = 0; i < s->step.differences; i++)
        if (s->step.difference[i].machine == k) return true;
    return false;
}

/* What this step was for the machine: why its guest left, or that it did not. */
static void draw_answer(const struct app *a, const struct pair_shot *s, unsigned k, struct pane *p, int y)
{
    const struct pair_side *side = &s->side[k];
    bool parted = s->step.end == LOCKSTEP_PARTED && differs(s, k);
    if (parted && s->step.silent && s->step.silent_on == k) fit(p, y, STYLE(ROLE_WARN, ATTR_BOLD), "=/ differs: it failed silently");
    else if (parted) fit(p, y, STYLE(ROLE_WARN, ATTR_BOLD), "=/ differs");
    else if (side->step_exits) fit(p, y, STYLE(ROLE_VMM, 0), "the last: %s", side->exit);
    else if (*a->pair->mmu[k]) fit(p, y, STYLE(ROLE_PLAIN, 0), "no exit in this step");
}

static void draw_side(struct app *a, const struct pair_shot *s, unsigned k, struct rect at)
{
    const struct pair *d = a->pair;
    const struct pair_side *side = &s->side[k];
    char title[80], cycles[32], step[32], exits[32];
    snprintf(title, sizeof title, "%s%s%s", d->cpu[k], *d->mmu[k] ? " · " : "", *d->mmu[k] ? d->mmu[k] : " · no hypervisor");
    struct pane p = pane_box(&a->frame, at, STYLE(ROLE_FRAME, 0), title, side->translated ? "translated code" : "");
    if (p.at.w < 20 || p.at.h < FACTS + 1) return;
    draw_code(&p, side, s->step.end == LOCKSTEP_PARTED && (!k || differs(s, k)));
    int y = p.at.h - FACTS;
    number(cycles, sizeof cycles, side->cycles), number(step, sizeof step, side->step_cycles), number(exits, sizeof exits, side->exits);
    fit(&p, y, STYLE(side->kernel ? ROLE_KERNEL : ROLE_USER, 0), "real ring %u  %s", side->ring, side->kernel ? "guest kernel" : "guest user");
    fit(&p, y + 1, STYLE(ROLE_PLAIN, 0), "cycles %13s  (+%s)", cycles, step);
    if (*d->mmu[k]) fit(&p, y + 2, STYLE(ROLE_PLAIN, 0), "exits  %13s  (+%llu)", exits, (unsigned long long)side->step_exits);
    else fit(&p, y + 2, STYLE(ROLE_PLAIN, 0), "exits              -");
    draw_answer(a, s, k, &p, y + 3);
}

static uint32_t value(const struct guest_view *v, const char *name)
{
    for (unsigned i = 0; i < v->n; i++)
        if (!strcmp(v->at[i].name, name)) return v->at[i].value;
    return 0;
}

/* Names and values of the first machine in columns; =/ where another has another one. */
static void draw_registers(struct pane *p, const struct pair_shot *s)
{
    static const char *const rows[3][6] = {
        { "EAX", "EBX", "ECX", "EDX", "ESI", "EDI" }, { "EBP", "ESP", "EIP", "CR0", "CR3", "CR2" }, { "CPL", "IF", "ZF", "CF", "SF", "IOPL" },
    };
    int columns = p->at.w >= 76 ? 6 : 3, cell = p->at.w / columns;
    const char *mark = cell < 16 ? "!" : " =/";
    for (int y = 0; y < 3 && y < p->at.h; y++)
        for (int x = 0; x < columns; x++) {
            uint32_t one = value(&s->side[0].view, rows[y][x]);
            bool same = true;
            char text[64];
            for (unsigned k = 1; k < s->step.n; k++) same &= value(&s->side[k].view, rows[y][x]) == one;
            const char *fmt = y == 2 ? "%-4s %X%s" : "%-3s %08X%s";
            snprintf(text, sizeof text, fmt, rows[y][x], one, same ? "" : mark);
            pane_fit(p, (cell > 15) + x * cell, y, cell, same ? STYLE(ROLE_PLAIN, 0) : STYLE(ROLE_WARN, ATTR_BOLD), text);
        }
}

static void rule_line(void *self, int i, const char *s, int n)
{
    struct { struct pane *p; int y; } *at = self;
    fit(at->p, at->y + i, STYLE(ROLE_PLAIN, 0), "%.*s", n, s);
}

/* The first differences, each with both values, as many as there is room for above the last row. */
static int draw_differences(const struct app *a, struct pane *p, const struct lockstep *l, int y)
{
    const struct pair *d = a->pair;
    char at[24], symbol[64];
    for (unsigned i = 0; i < l->differences && y < p->at.h - 1; i++, y++) {
        const struct lockstep_difference *x = &l->difference[i], *before = i ? x - 1 : NULL;
        if (before && !strcmp(before->what, x->what) && before->at == x->at && before->machine == x->machine) { /* two operands name it */
            y--;
            continue;
        }
        *at = 0;
        if (x->at) snprintf(at, sizeof at, " %s", machine_symbol(d->step.m[0], x->at, symbol, 20));
        fit(p, y, STYLE(ROLE_WARN, ATTR_BOLD), "=/ %s%s   %s %08X   %s %08X", x->what, at, d->cpu[0], x->wanted, d->cpu[x->machine], x->got);
    }
    return y;
}

static void draw_guest(struct app *a, const struct pair_shot *s, struct rect r)
{
    const struct lockstep *l = &s->step;
    const struct pair *d = a->pair;
    struct pane p = pane_box(&a->frame, r, STYLE(ROLE_FRAME, 0), "What the guest sees", l->differences ? "=/ differs" : s->step.n > 2 ? "all the same" : "both the same");
    char where[96];
    struct machine_insn insn = { .word = "" };
    if (p.at.w < 20 || p.at.h < 3) return;
    draw_registers(&p, s);
    int y = draw_differences(a, &p, l, 3);
    if (l->end == LOCKSTEP_PARTED && y < p.at.h - 1) {
        machine_insn(d->step.m[0], gva(l->eip), &insn);
        machine_symbol(d->step.m[0], l->eip, where, sizeof where);
        fit(&p, y++, STYLE(ROLE_WARN, 0), "%s %s in %s%s", l->before ? "before" : "by", insn.word, where, l->silent ? ": it failed silently" : "");
    }
    if (insn.rule && y < p.at.h - 1) {
        struct { struct pane *p; int y; } at = { &(struct pane){ p.frame, { p.at.x, p.at.y, p.at.w, p.at.h - 1 } }, y };
        frame_wrap(insn.rule, p.at.w - 2, rule_line, &at);
    }
    fit(&p, p.at.h - 1, STYLE(ROLE_PLAIN, 0), "made equal: interrupts %llu, devices and clocks %llu, platform %llu; forgiven %llu",
        (unsigned long long)l->interrupts, (unsigned long long)l->inputs, (unsigned long long)l->platform, (unsigned long long)l->forgiven);
}

/* Of all machines the causes that took most, on one scale. */
static void draw_causes(struct app *a, const struct pair_shot *s, unsigned k, struct rect r)
{
    const struct pair_side *side = &s->side[k];
    struct pane p = pane_box(&a->frame, r, STYLE(ROLE_FRAME, 0), "Cycles by cause", k ? "" : "one scale");
    uint64_t most = 1, last = UINT64_MAX;
    for (unsigned n = 0; n < s->step.n; n++)
        for (unsigned i = 1; i < CAUSE_COUNT; i++)
            if (i != CAUSE_IDLE && s->side[n].by_cause[i] > most) most = s->side[n].by_cause[i];
    for (int y = 0; y < p.at.h && p.at.w > 32; y++) {
        unsigned best = 0;
        char n[32];
        for (unsigned i = 1; i < CAUSE_COUNT; i++)
            if (side->by_cause[i] < last && side->by_cause[i] && i != CAUSE_IDLE && (!best || side->by_cause[i] > side->by_cause[best])) best = i;
        if (!best) return;
        last = side->by_cause[best];
        number(n, sizeof n, last);
        pane_fit(&p, 1, y, 11, STYLE(ROLE_PLAIN, 0), cause_name(best));
        pane_fill(&p, (struct rect){ 13, y, (int)(last * (uint64_t)(p.at.w - 29) / most), 1 }, STYLE(ROLE_PLAIN, 0), 0x2588);
        pane_putf(&p, p.at.w - 15, y, STYLE(ROLE_PLAIN, 0), "%14s", n);
    }
}

static void answers_line(void *self, int i, const char *s, int n)
{
    fit(self, i, STYLE(ROLE_PLAIN, i == 1 ? ATTR_BOLD : 0), "%.*s", n, s);
}

static void draw_answers(struct app *a, struct rect r)
{
    struct text t = { 0 };
    struct pane p = pane_box(&a->frame, r, STYLE(ROLE_FRAME, 0), "The same instruction, several answers", "i=why");
    if (p.at.h > 1) pair_rows(a, (unsigned)p.at.h - 1, &t);
    frame_wrap(text_str(&t), p.at.w, answers_line, &p);
    text_free(&t);
}

static void draw_keys(struct app *a)
{
    static const struct { const char *key, *word; } keys[] = {
        { "s", "step" }, { "r", "back" }, { "x X", "exit" }, { "c", "differ" }, { "i", "why" }, { "F", "forgive" },
        { "< > + -", "machines" }, { "?", "help" }, { "g", "goto" }, { "u", "unit" }, { "e", "export" }, { "d", "draw" },
    };
    struct pane p = pane_of(&a->frame, (struct rect){ 0, a->frame.rows - 1, a->frame.cols, 1 });
    int x = 1;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        int w = frame_width(keys[i].key) + 3 + frame_width(keys[i].word);
        if (x + w - 2 > p.at.w) break;
        int at = pane_put(&p, x, 0, STYLE(ROLE_KEY, ATTR_BOLD), keys[i].key);
        pane_put(&p, at + 1, 0, STYLE(ROLE_PLAIN, 0), keys[i].word);
        x += w;
    }
}

static void draw_message(struct app *a)
{
    static const char *const units[PAIR_UNITS] = { "instruction", "exit", "what is made equal", "difference" };
    const struct session *s = &a->session;
    struct pane p = pane_of(&a->frame, (struct rect){ 0, a->frame.rows - 2, a->frame.cols, 1 });
    if (*s->message) pane_fit(&p, 1, 0, p.at.w - 2, STYLE(s->warn ? ROLE_WARN : ROLE_NOW, 0), s->message);
    else fit(&p, 0, STYLE(ROLE_PLAIN, 0), "s steps by (u): %s   (+: what the last step added)   Esc leaves", units[a->pair->unit]);
}

void pair_draw(struct app *a)
{
    const struct pair_shot *s = pair_now(a->pair);
    int cols = a->frame.cols, rows = a->frame.rows, body = rows - 3;
    unsigned n = pair_columns(a);
    if (a->layout.kind == LAYOUT_TINY) {
        chrome_tiny(a);
        return;
    }
    int causes = body >= 34 ? CAUSE_ROWS : 0, see = SEE_ROWS + (body - causes > 21 ? (body - causes - 21) / 2 : 0);
    if (see > body - causes - 7) see = body - causes - 7;
    int code = body - causes - see;
    draw_title(a, s);
    for (unsigned i = 0; i < n; i++) {
        unsigned k = pair_in_column(a->pair, i);
        int x = cols * (int)i / (int)n, w = cols * (int)(i + 1) / (int)n - x;
        draw_side(a, s, k, (struct rect){ x, 1, w, code });
        if (causes) draw_causes(a, s, k, (struct rect){ x, 1 + code + see, w, causes });
    }
    int both = cols >= WIDE ? cols / 2 : cols;
    draw_guest(a, s, (struct rect){ 0, 1 + code, both, see });
    if (both < cols) draw_answers(a, (struct rect){ both, 1 + code, cols - both, see });
    draw_message(a);
    draw_keys(a);
}
