/* See pick.h. */
#include "tui/pick.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "tui/app.h"

enum { TALL = 1200, WIDEST = 160 };

/* The chosen pane as lines, unscrolled; `cols` wide. */
static void pane_text(struct app *a, int cols, int rows, struct text *out)
{
    struct frame f = { .ascii = a->frame.ascii };
    struct view *v = &a->view[a->focus];
    int scroll = v->scroll;
    frame_size(&f, cols, rows);
    struct pane p = pane_of(&f, (struct rect){ 0, 0, cols, rows });
    v->scroll = 0;
    v->ops->draw(v, &p);
    v->scroll = scroll;
    frame_text(&f, out);
    frame_free(&f);
}

static struct rect place_of(const struct app *a)
{
    for (unsigned i = 0; i < a->layout.panes; i++)
        if (a->layout.pane[i].view == a->focus) return a->layout.pane[i].at;
    return (struct rect){ 0, 0, a->frame.cols, a->frame.rows };
}

/* ---- y ----------------------------------------------------------------------------------------------------------- */

/* In Code the line about to run, in Events the newest; else all that is there. */
static void choose_line(const struct app *a, struct text *t)
{
    char *s = t->s, *line = NULL, *end;
    if (!s || (a->focus != VIEW_CODE && a->focus != VIEW_EVENTS)) return;
    for (char *at = s; *at; at = end + (*end != 0)) {
        end = at + strcspn(at, "\n");
        size_t blank = strspn(at, " ");
        if (at + blank == end) continue;
        bool now = !strncmp(at + blank, a->frame.ascii ? ">" : "►", strlen(a->frame.ascii ? ">" : "►"));
        if (a->focus == VIEW_EVENTS || now) line = at + blank;
    }
    if (!line) return;
    struct text one = { 0 };
    text_add(&one, "%.*s", (int)strcspn(line, "\n"), line);
    text_free(t);
    *t = one;
}

static void trim(struct text *t)
{
    while (t->len && (t->s[t->len - 1] == '\n' || t->s[t->len - 1] == ' ')) t->s[--t->len] = 0;
}

void pick_copy(struct app *a)
{
    struct rect r = place_of(a);
    text_clear(&a->copy);
    pane_text(a, r.w > 2 ? r.w - 2 : r.w, r.h > 2 ? r.h - 2 : r.h, &a->copy);
    choose_line(a, &a->copy);
    trim(&a->copy);
    size_t lines = a->copy.len ? 1 : 0;
    for (size_t i = 0; i < a->copy.len; i++) lines += a->copy.s[i] == '\n';
    if (lines == 1) session_say(&a->session, false, "Copied: %.200s", text_str(&a->copy));
    else session_say(&a->session, false, "Copied the %zu lines of %s.", lines, a->view[a->focus].ops->title);
}

/* ---- D ----------------------------------------------------------------------------------------------------------- */

void pick_stem(const struct app *a, const char *what, char *to, size_t room)
{
    char base[64];
    size_t n = strcspn(a->session.name, ".");
    snprintf(base, sizeof base, "%.*s", (int)(n < 60 ? n : 60), a->session.name);
    for (char *c = base; *c; c++)
        if (strchr("/ \\'\"$`", *c) || *c < ' ') *c = '-';
    snprintf(to, room, "%s-%s-ev%u", base, what, trace_last(machine_trace_of(a->session.m)));
}

void pick_screen(struct app *a)
{
    char base[120], path[128];
    struct text svg = { 0 }, plain = { 0 };
    struct err e = { 0 };
    *a->session.message = 0;
    app_draw(a);
    frame_svg(&a->frame, a->theme, &svg);
    frame_text(&a->frame, &plain);
    pick_stem(a, "screen", base, sizeof base);
    snprintf(path, sizeof path, "%s.svg", base);
    bool ok = text_write(&svg, path, &e);
    snprintf(path, sizeof path, "%s.txt", base);
    ok = ok && text_write(&plain, path, &e);
    if (ok) session_say(&a->session, false, "Wrote %s.svg and .txt: this screen.", base);
    else session_say(&a->session, true, "%s", e.text);
    text_free(&svg);
    text_free(&plain);
}

/* ---- a ----------------------------------------------------------------------------------------------------------- */

static void claim_cpu(struct app *a, struct text *out)
{
    static const struct { const char *name; unsigned reg; } regs[] = {
        { "eax", 0 }, { "ecx", 1 }, { "edx", 2 }, { "ebx", 3 }, { "esp", 4 }, { "ebp", 5 }, { "esi", 6 }, { "edi", 7 },
    };
    struct machine_cpu real, guest;
    machine_cpu(a->session.m, &real);
    machine_guest(a->session.m, &guest);
    for (size_t i = 0; i < sizeof regs / sizeof regs[0]; i++)
        text_add(out, "expect.eq(vm.%s, 0x%X)\n", regs[i].name, real.reg[regs[i].reg]);
    text_add(out, "expect.eq(vm.eip, 0x%X)\nexpect.eq(vm.cpl, %u)\nexpect.eq(vm.flags.IF, %u)\n", machine_eip(a->session.m), real.cpl,
             real.iflag ? 1u : 0u);
    if (machine_has_vmm(a->session.m)) text_add(out, "expect.eq(vm.guest.vIF, %u)\n", guest.iflag ? 1u : 0u);
}

static void claim_code(struct app *a, struct text *out)
{
    struct machine_insn insn;
    struct machine_cpu cpu;
    machine_cpu(a->session.m, &cpu);
    if (machine_insn(a->session.m, gva(machine_eip(a->session.m)), &insn)) text_add(out, "expect.eq(vm.insn.mnemonic, \"%s\")\n", insn.word);
    text_add(out, "expect.eq(vm.eip, 0x%X)\nexpect.eq(vm.cpl, %u)\n", machine_eip(a->session.m), cpu.cpl);
}

/* How many of its kind the lesson's present step has brought, as expect.events counts. */
static unsigned of_this_step(const struct app *a, unsigned kind)
{
    const struct lesson *l = a->session.lesson;
    const struct trace *t = machine_trace_of(a->session.m);
    struct lesson_step st = { .insns = 0 };
    unsigned n = 0;
    if (l && l->next > 1) l->ops->step(l, l->next - 2, &st);
    for (size_t i = trace_count(t); i-- && trace_at(t, i)->insns >= st.insns;) n += trace_at(t, i)->kind == kind;
    return n;
}

/* The newest event: how often there was one of its kind. A silent failure has a claim of its own. */
static void claim_events(struct app *a, struct text *out)
{
    const struct trace *t = machine_trace_of(a->session.m);
    const struct event *e = trace_by_id(t, trace_last(t));
    for (uint32_t id = trace_last(t); id && e && (e->kind == EV_GATE || e->kind == EV_RETURN); e = trace_by_id(t, --id)) { }
    if (!e) return;
    if (e->kind == EV_SILENT)
        text_add(out, "expect.silent { insn = \"%s\", wanted = { %s = 0x%X } }\n", trace_name("mnemonic", e->u.SILENT.op),
                 trace_name("field", e->u.SILENT.field), e->u.SILENT.wanted);
    else text_add(out, "expect.events(\"%s\", %u, \"%s\")\n", event_desc(e->kind)->word, of_this_step(a, e->kind), event_desc(e->kind)->about);
}

static void claim_counts(struct app *a, struct text *out)
{
    text_add(out, "expect.eq(vm.cycles, %llu)\nexpect.eq(vm.instructions, %llu)\n", (unsigned long long)machine_cycles(a->session.m),
             (unsigned long long)machine_insns(a->session.m));
}

static void claim_serial(struct app *a, struct text *out)
{
    size_t n;
    const char *s = machine_serial(a->session.m, &n), *last = s;
    while (n && (s[n - 1] == '\n' || s[n - 1] == '\r')) n--;
    for (size_t i = 0; i < n; i++)
        if (s[i] == '\n') last = s + i + 1;
    text_add(out, "expect.match(vm.serial, \"");
    for (const char *c = last; c < s + n; c++) {
        if (strchr("^$()%.[]*+-?", *c)) text_char(out, '%');
        if (*c == '"' || *c == '\\') text_char(out, '\\');
        if (*c >= ' ' && *c <= '~') text_char(out, *c);
    }
    text_add(out, "\")\n");
}

void pick_claim(struct app *a)
{
    static void (*const claims[VIEW_COUNT])(struct app *a, struct text *out) = {
        [VIEW_CODE] = claim_code, [VIEW_CPU] = claim_cpu, [VIEW_EVENTS] = claim_events, [VIEW_LADDER] = claim_events,
        [VIEW_CYCLES] = claim_counts, [VIEW_SERIAL] = claim_serial,
    };
    char path[128];
    struct err e = { 0 };
    struct text t = { 0 };
    if (!claims[a->focus]) {
        session_say(&a->session, false, "a is for Code, CPU, Cycles, Events and Serial: choose one of them.");
        return;
    }
    claims[a->focus](a, &t);
    pick_stem(a, "expect", path, sizeof path - 8);
    strcat(path, ".lua");
    text_clear(&a->card);
    text_add(&a->card, "%s", text_str(&t));
    text_add(&a->card, text_write(&t, path, &e) ? "\nWritten to %s, for a step's expect = function(vm) ... end." : "\n%s", e.code ? e.text : path);
    text_free(&t);
    overlay_card(a, "Expectations");
}

/* ---- / ----------------------------------------------------------------------------------------------------------- */

static bool line_has(const char *line, size_t n, const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i + len <= n; i++)
        if (!strncasecmp(line + i, text, len)) return true;
    return false;
}

void pick_find(struct app *a, const char *text)
{
    struct rect r = place_of(a);
    struct text t = { 0 };
    int y = 0, first = -1, found = -1;
    struct view *v = &a->view[a->focus];
    if (!*text) return;
    pane_text(a, r.w > 2 ? r.w - 2 : r.w, TALL, &t);
    for (const char *at = text_str(&t); *at; y++) {
        size_t n = strcspn(at, "\n");
        if (line_has(at, n, text)) {
            if (first < 0) first = y;
            if (found < 0 && y > v->scroll) found = y;
        }
        at += n + (at[n] != 0);
    }
    text_free(&t);
    if (first < 0) session_say(&a->session, false, "%s does not show \"%.60s\".", v->ops->title, text);
    else v->scroll = found < 0 ? first : found;
}
