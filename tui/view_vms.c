/* VMs: who they are, who has the processor, where each one's time went; then, of one of them, what its cycles were for and its memory.
 *
 * The one in detail is the one that is looked at (`*`; then it stands first), else the one that has the processor. Every cycle since the start is in one
 * of four accounts of every VM: it ran, it waited for its turn, it slept, or it was not allowed to (capped). Letters say so in the bar. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "tui/view.h"

enum { VMS = 64, STATES = 4, TITLE = 24 };
static const struct { const char *word; char letter; unsigned role; } states[STATES] = {
    { "ran", 'R', ROLE_KERNEL }, { "waited", 'w', ROLE_WARN }, { "slept", '.', ROLE_PLAIN }, { "capped", 'c', ROLE_WARN },
};

struct vms {
    bool vmm;
    unsigned vms, now, shown;    /* how many; which has the processor; which in detail */
    int looked;                  /* which was chosen; -1: none */
    char scheduler[20];
    uint64_t own;                /* cycles that were the hypervisor's own */
    struct one {
        char cpu[8], mmu[12], image[20], state[12], end[96];
        uint64_t in[STATES], turns, exits;
        unsigned weight, cap;
        bool background;
    } vm[VMS];
    uint64_t by_cause[CAUSE_COUNT], tables, tables_peak, notified, copied, switches;
    unsigned ram, begun_again;
    bool managed;
    struct machine_memory all;
    struct machine_vm_memory memory;
};

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void sample_one(struct one *to, const struct machine_vm *from)
{
    *to = (struct one){ .in = { from->running, from->ready, from->asleep, from->capped }, .turns = from->turns, .exits = from->exits,
                        .weight = from->weight, .cap = from->cap, .background = from->background };
    view_copy(to->cpu, sizeof to->cpu, from->cpu);
    view_copy(to->mmu, sizeof to->mmu, from->mmu);
    view_copy(to->state, sizeof to->state, from->state);
    view_copy(to->image, sizeof to->image, *from->image ? last_part(from->image) : "firmware");
    if (from->end.fate != FATE_RUNNING) view_copy(to->end, sizeof to->end, from->end.why);
}

static void sample(struct view *v, const struct scene *s)
{
    struct vms *d = v->state;
    struct machine_vm vm;
    uint64_t own[CAUSE_COUNT];
    d->vmm = machine_has_vmm(s->m);
    d->vms = machine_vms(s->m) < VMS ? machine_vms(s->m) : VMS;
    d->now = machine_vm_now(s->m);
    d->looked = machine_looks_at(s->m);
    d->shown = d->looked >= 0 && (unsigned)d->looked < d->vms ? (unsigned)d->looked : d->now;
    view_copy(d->scheduler, sizeof d->scheduler, machine_scheduler(s->m));
    machine_vmm_costs(s->m, own);
    d->own = 0;
    for (unsigned i = 0; i < CAUSE_COUNT; i++) d->own += own[i];
    d->switches = 0;
    for (unsigned n = 0; n < d->vms; n++) {
        machine_vm(s->m, n, &vm);
        sample_one(&d->vm[n], &vm);
        d->switches += vm.turns;
        if (n != d->shown) continue;
        memcpy(d->by_cause, vm.by_cause, sizeof d->by_cause);
        d->tables = vm.tables, d->tables_peak = vm.tables_peak, d->notified = vm.notified, d->copied = vm.copied;
        d->ram = vm.ram_mib, d->begun_again = vm.begun_again;
    }
    d->managed = machine_memory(s->m, &d->all) && machine_vm_memory(s->m, d->shown, &d->memory);
}

static void show_label(const struct view *v, int rows, char *title, char *remark)
{
    const struct vms *d = v->state;
    (void)rows;
    snprintf(title, VIEW_LABEL, "V VMs  %u%s%s%s", d->vms, *d->scheduler && d->vms > 1 ? ", " : "", d->vms > 1 ? d->scheduler : "",
             d->vms > 1 ? " scheduler" : "");
    if (d->vms > 1) view_copy(remark, VIEW_LABEL, d->looked >= 0 ? "*=look at the next" : "*=look at one");
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

struct lines { struct pane *p; int first, n; };

static int next_line(struct lines *l)
{
    int y = l->n++ - l->first;
    return y >= 0 && y < l->p->at.h ? y : -1;
}

/* Right ends of the columns; 0: no room for it. `bar`: where the bar begins. */
struct columns { int image, state, share, turns, exits, cycles, bar; };

static struct columns columns(int w)
{
    if (w < 70) return (struct columns){ 0, 17, 31, 0, 40, 51, 0 };
    struct columns c = { 18, 32, 47, 54, 63, 77, 0 };
    if (w >= 100) c.bar = 80;
    return c;
}

static void at_right(struct pane *p, int end, int y, unsigned style, const char *text)
{
    int w = frame_width(text);
    if (end) pane_fit(p, end - w, y, w, style, text);
}

/* A number in a column that begins behind `left`; in millions where it is too long for that. */
static void number_at(struct pane *p, int left, int end, int y, uint64_t n)
{
    struct text t = { 0 };
    text_number(&t, n);
    if (frame_width(text_str(&t)) >= end - left) {
        text_clear(&t);
        text_number(&t, n / 1000000);
        text_add(&t, "M");
    }
    at_right(p, end, y, STYLE(ROLE_PLAIN, 0), text_str(&t));
    text_free(&t);
}

static void head(struct lines *l)
{
    struct columns c = columns(l->p->at.w);
    struct pane *p = l->p;
    int y = next_line(l);
    unsigned style = STYLE(ROLE_PLAIN, ATTR_UNDERLINE);
    if (y < 0) return;
    pane_put(p, 1, y, style, "VM");
    pane_put(p, 5, y, style, "machine");
    if (c.image) pane_put(p, c.image, y, style, "image");
    pane_put(p, c.state, y, style, "state");
    at_right(p, c.share, y, style, "ran"), at_right(p, c.turns, y, style, "turns"), at_right(p, c.exits, y, style, "exits");
    at_right(p, c.cycles, y, style, "its cycles");
    if (c.bar) pane_fit(p, c.bar, y, p->at.w - c.bar - 1, style, "R ran  w waited  . slept  c capped");
}

/* Of each account as many letters as its share of the time; what is rounded away goes to the longest. */
static void bar(struct pane *p, int x, int y, int w, const struct one *vm)
{
    uint64_t all = 0;
    int end = x;
    for (int i = 0; i < STATES; i++) all += vm->in[i];
    for (int i = 0; i < STATES && all; i++) {
        int n = (int)((double)vm->in[i] * w / (double)all + 0.5);
        if (n > x + w - end) n = x + w - end;
        pane_fill(p, (struct rect){ end, y, n, 1 }, STYLE(states[i].role, 0), (unsigned char)states[i].letter);
        end += n;
    }
}

static void list_line(const struct vms *d, unsigned n, struct lines *l)
{
    const struct one *vm = &d->vm[n];
    struct columns c = columns(l->p->at.w);
    struct pane *p = l->p;
    char text[48];
    int y = next_line(l);
    if (y < 0) return;
    uint64_t all = vm->in[0] + vm->in[1] + vm->in[2] + vm->in[3];
    bool here = n == d->now && !*vm->end;
    if (here) pane_put(p, 0, y, STYLE(ROLE_NOW, ATTR_BOLD), "►");
    pane_putf(p, 1, y, STYLE(n == d->shown ? ROLE_NOW : ROLE_PLAIN, n == d->shown ? ATTR_BOLD : 0), "%2u%s", n, (int)n == d->looked ? "*" : "");
    snprintf(text, sizeof text, "%s·%s", vm->cpu, vm->mmu);
    pane_fit(p, 5, y, (c.image ? c.image : c.state) - 6, STYLE(ROLE_PLAIN, 0), d->vmm ? text : vm->cpu);
    if (c.image) pane_fit(p, c.image, y, c.state - c.image - 1, STYLE(ROLE_PLAIN, 0), vm->image);
    pane_fit(p, c.state, y, c.share - c.state - 5, STYLE(*vm->end ? ROLE_WARN : ROLE_PLAIN, 0), *vm->end ? "over" : vm->state);
    snprintf(text, sizeof text, "%u%%", all ? (unsigned)(vm->in[0] * 100 / all) : 0);
    at_right(p, c.share, y, STYLE(ROLE_PLAIN, 0), text);
    if (c.turns && d->vmm) number_at(p, c.share, c.turns, y, vm->turns);
    if (d->vmm) number_at(p, c.turns ? c.turns : c.share, c.exits, y, vm->exits);
    number_at(p, c.exits, c.cycles, y, vm->in[0]);
    if (c.bar) bar(p, c.bar, y, p->at.w - c.bar - 1, vm);
}

/* ---- one of them ------------------------------------------------------------------------------------------------- */

static void fact(struct lines *l, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void fact(struct lines *l, const char *name, const char *fmt, ...)
{
    char buf[200];
    va_list ap;
    int y = next_line(l);
    if (y < 0) return;
    va_start(ap, fmt);
    vsnprintf(buf, sizeof buf, fmt, ap);
    va_end(ap);
    pane_fit(l->p, 1, y, 10, STYLE(ROLE_PLAIN, 0), name);
    pane_fit(l->p, 12, y, l->p->at.w - 13, STYLE(ROLE_PLAIN, 0), buf);
}

/* What the processor did for it, the most first, on as many lines as that takes. */
static void causes(const struct vms *d, struct lines *l)
{
    struct text t = { 0 };
    uint64_t all = 0, last = UINT64_MAX;
    for (unsigned i = 1; i < CAUSE_COUNT; i++) all += i == CAUSE_IDLE ? 0 : d->by_cause[i];
    for (unsigned k = 0, best; k < 6 && all; k++) {
        best = 0;
        for (unsigned i = 1; i < CAUSE_COUNT; i++)
            if (i != CAUSE_IDLE && d->by_cause[i] < last && (!best || d->by_cause[i] > d->by_cause[best])) best = i;
        if (!best || d->by_cause[best] * 200 < all) break;
        last = d->by_cause[best];
        text_add(&t, "%s%s %llu%%", t.len ? "  " : "", cause_name(best), (unsigned long long)(last * 100 / all));
    }
    if (t.len) fact(l, "cycles", "%s", text_str(&t));
    text_free(&t);
}

static void memory(const struct vms *d, struct lines *l)
{
    const struct machine_vm_memory *y = &d->memory;
    if (!d->managed) {
        fact(l, "memory", "%u MB of its own", d->ram);
        return;
    }
    fact(l, "memory", "%u of %u pages here, %u shared, %u ballooned, %u swapped", y->here, y->pages, y->shared, y->ballooned, y->swapped);
    fact(l, "", "in use %u.%u %%, its right %u pages; machine: %u of %u frames free, %s", y->active / 10, y->active % 10, y->shares,
         d->all.free, d->all.frames, d->all.state);
}

static void detail(const struct vms *d, struct lines *l)
{
    const struct one *vm = &d->vm[d->shown];
    struct text times = { 0 };
    int y = next_line(l);
    char title[TITLE + 40];
    snprintf(title, sizeof title, "VM %u%s", d->shown, d->looked >= 0 ? ": what the panes show" : "");
    if (y >= 0) pane_fit(l->p, 1, y, l->p->at.w - 2, STYLE(ROLE_NOW, ATTR_BOLD), title);
    for (unsigned i = 0; i < STATES; i++) {
        if (!vm->in[i]) continue;
        text_add(&times, "%s%s ", times.len ? "  " : "", states[i].word);
        text_number(&times, vm->in[i]);
    }
    fact(l, "time", "%s", text_str(&times));
    text_free(&times);
    if (vm->weight || vm->cap) fact(l, "share", "weight %u%s%s", vm->weight, vm->cap ? ", capped" : "", vm->background ? ", in the background" : "");
    causes(d, l);
    memory(d, l);
    if (d->tables_peak) fact(l, "tables", "%llu frames of the hypervisor's page tables, at most %llu", (unsigned long long)d->tables,
                             (unsigned long long)d->tables_peak);
    if (d->notified || d->copied) fact(l, "domain", "%llu notifications, %llu bytes copied by grants%s", (unsigned long long)d->notified,
                                       (unsigned long long)d->copied, d->begun_again ? ", begun again" : "");
    if (*vm->end) fact(l, "end", "%s", vm->end);
}

static int draw_lines(const struct vms *d, struct pane *p, int first)
{
    struct lines l = { p, first, 0 };
    if (d->vmm && d->looked >= 0) detail(d, &l);
    head(&l);
    for (unsigned n = 0; n < d->vms; n++) list_line(d, n, &l);
    struct text own = { 0 };
    text_add(&own, "for none of them: ");
    text_number(&own, d->own);
    text_add(&own, " cycles, ");
    text_number(&own, d->switches);
    text_add(&own, " turns");
    int y = d->vmm && d->vms > 1 ? next_line(&l) : -1;
    if (y >= 0) pane_fit(p, 5, y, p->at.w - 6, STYLE(ROLE_VMM, 0), text_str(&own));
    text_free(&own);
    if (d->vmm && d->looked < 0) detail(d, &l);
    if (!d->vmm && (y = next_line(&l)) >= 0) pane_fit(p, 1, y, p->at.w - 2, STYLE(ROLE_PLAIN, 0), "No hypervisor: the guest has the machine. > puts it on one.");
    return l.n;
}

static void draw(struct view *v, struct pane *p)
{
    const struct vms *d = v->state;
    if (p->at.w < 52) return;
    int lines = draw_lines(d, &(struct pane){ p->frame, { p->at.x, p->at.y, p->at.w, 0 } }, 0);
    draw_lines(d, p, view_bound(v, lines, p->at.h));
    view_more(p, v->scroll + p->at.h < lines);
}

const struct view_ops view_vms = { "vms",
                                   "VMs",
                                   "who they are, who has the processor, where their time and memory went",
                                   sizeof(struct vms),
                                   sample,
                                   show_label,
                                   draw,
                                   view_no_command };
