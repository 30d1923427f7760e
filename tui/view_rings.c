/* Rings: who has the CPU, and how often it changed hands. With more rows: where the cycles went, and why guests left. */
#include <stdio.h>
#include "tui/view.h"

enum { REASONS = 8 };

struct rings {
    enum machine_place place;
    bool vmm, ended;
    uint8_t kernel_ring, cpl;
    uint64_t switches, exits, silent, injected;
    uint32_t counted; /* id of the last event in `switches` */
    uint64_t cycles, user, kernel, idle;
    unsigned reasons;
    struct {
        char name[24];
        uint64_t count, cycles;
    } reason[REASONS];
};

/* Ring changes are counted as they happen, not each time anew; after travel into the past from the beginning. */
static void count_switches(struct rings *r, const struct trace *t)
{
    if (trace_last(t) < r->counted) r->counted = 0;
    if (!r->counted) r->switches = 0;
    for (size_t i = r->counted; i < trace_count(t); i++) {
        const struct event *e = trace_at(t, i);
        r->switches += (e->kind == EV_GATE && e->u.GATE.from != e->u.GATE.to) ||
                       (e->kind == EV_RETURN && e->u.RETURN.from != e->u.RETURN.to);
        r->counted = e->id;
    }
}

static void sample(struct view *v, const struct scene *s)
{
    struct rings *r = v->state;
    const struct machine_summary *sum = s->sum;
    struct machine_cpu cpu;
    machine_cpu(s->m, &cpu);
    r->place = machine_place(s->m);
    r->vmm = machine_has_vmm(s->m);
    r->ended = machine_end(s->m).fate != FATE_RUNNING;
    r->kernel_ring = machine_kernel_ring(s->m);
    r->cpl = cpu.cpl;
    count_switches(r, machine_trace_of(s->m));
    r->exits = sum->exits, r->silent = sum->silent, r->injected = sum->injected;
    r->cycles = sum->cycles;
    r->user = sum->by_cause[CAUSE_USER], r->kernel = sum->by_cause[CAUSE_KERNEL], r->idle = sum->by_cause[CAUSE_IDLE];
    r->reasons = sum->reasons < REASONS ? sum->reasons : REASONS;
    for (unsigned i = 0; i < r->reasons; i++) {
        view_copy(r->reason[i].name, sizeof r->reason[i].name, sum->reason[i].name);
        r->reason[i].count = sum->reason[i].count, r->reason[i].cycles = sum->reason[i].cycles;
    }
}

static void show_label(const struct view *v, int rows, char *title, char *remark)
{
    const struct rings *r = v->state;
    view_copy(title, VIEW_LABEL, "3 Rings");
    if (rows < 5) snprintf(remark, VIEW_LABEL, "%llu switches", (unsigned long long)r->switches);
}

/* Who lives in a real ring; PLACE_* in *place, -1 for nobody. */
static const char *tenant(const struct rings *r, int ring, int *place)
{
    *place = -1;
    if (ring == 3) return *place = PLACE_USER, "app";
    bool shared = r->vmm && !r->kernel_ring; /* hardware assist: who is in ring 0 depends on the moment */
    if (ring == 0 && shared && r->place == PLACE_KERNEL) return *place = PLACE_KERNEL, "guest OS";
    if (r->vmm && ring == 0) return *place = PLACE_VMM, "VMM";
    if (ring == r->kernel_ring) return *place = PLACE_KERNEL, r->vmm ? "guest OS" : "kernel";
    return "(unused)";
}

static void draw_ring(struct pane *p, int y, const struct rings *r, int ring)
{
    int place;
    const char *who = tenant(r, ring, &place);
    bool here = place == (int)r->place && !r->ended;
    unsigned role = place < 0 ? ROLE_PLAIN : view_place_role((enum machine_place)place);
    pane_putf(p, 1, y, STYLE(ROLE_PLAIN, 0), "%d │", ring);
    pane_put(p, 5, y, STYLE(role, here ? ATTR_BOLD : 0), who);
    if (place < 0) return;
    pane_put(p, 18, y, STYLE(role, here ? ATTR_BOLD : 0), here ? "██" : "·");
    if (here) pane_put(p, 21, y, STYLE(ROLE_NOW, ATTR_BOLD), "◄ here");
}

static void put_number(struct pane *p, int y, const char *name, uint64_t n, int x)
{
    struct text t = { 0 };
    text_number(&t, n);
    pane_fit(p, x, y, 12, STYLE(ROLE_PLAIN, 0), name);
    pane_fit(p, x + 10, y, p->at.w - x - 10, STYLE(ROLE_PLAIN, 0), text_str(&t));
    text_free(&t);
}

static void draw_share(struct pane *p, int y, const char *name, unsigned role, uint64_t part, uint64_t whole)
{
    int percent = whole ? (int)(part * 100 / whole) : 0;
    int room = p->at.w - 18, n = percent * room / 100;
    pane_fit(p, 1, y, 9, STYLE(role, 0), name);
    pane_putf(p, 11, y, STYLE(ROLE_PLAIN, 0), "%3d%%", percent);
    if (n > 0) pane_fill(p, (struct rect){ 16, y, n, 1 }, STYLE(role, 0), 0x2588);
}

static void draw_more(const struct rings *r, struct pane *p)
{
    uint64_t guest = r->user + r->kernel + r->idle;
    int y = 6, h = p->at.h;
    if (y + 4 >= h) return;
    draw_share(p, y++, "app", ROLE_USER, r->user, r->cycles);
    draw_share(p, y++, r->vmm ? "guest OS" : "kernel", ROLE_KERNEL, r->kernel, r->cycles);
    draw_share(p, y++, r->vmm ? "overhead" : "hardware", ROLE_VMM, r->cycles - guest, r->cycles);
    draw_share(p, y++, "idle", ROLE_PLAIN, r->idle, r->cycles);
    if (!r->reasons || y + 2 >= h) return;
    bool wide = p->at.w >= 32;
    pane_put(p, 1, ++y, STYLE(ROLE_PLAIN, ATTR_UNDERLINE), wide ? "exits       count      cycles" : "exits       count");
    for (unsigned i = 0; i < r->reasons && y + 1 < h; i++) {
        struct text n = { 0 }, c = { 0 };
        text_number(&n, r->reason[i].count);
        text_number(&c, r->reason[i].cycles);
        if (wide) pane_putf(p, 1, ++y, STYLE(ROLE_PLAIN, 0), "%-10.10s %6.9s %11.14s", r->reason[i].name, text_str(&n), text_str(&c));
        else pane_putf(p, 1, ++y, STYLE(ROLE_PLAIN, 0), "%-10.10s %6.9s", r->reason[i].name, text_str(&n));
        text_free(&n);
        text_free(&c);
    }
}

static void draw(struct view *v, struct pane *p)
{
    const struct rings *r = v->state;
    struct text t = { 0 };
    if (p->at.w < 28) return;
    for (int ring = 3; ring >= 0 && 3 - ring < p->at.h; ring--) draw_ring(p, 3 - ring, r, ring);
    if (p->at.h > 4) {
        text_add(&t, "switches ");
        text_number(&t, r->switches);
        size_t alone = t.len;
        if (r->vmm) {
            text_add(&t, "  exits ");
            text_number(&t, r->exits);
        }
        if (t.len > (size_t)p->at.w - 2) t.s[t.len = alone] = 0; /* half a number is worse than none */
        pane_fit(p, 1, 4, p->at.w - 2, STYLE(ROLE_PLAIN, 0), text_str(&t));
        text_free(&t);
    }
    if (p->at.h > 5 && r->vmm) {
        put_number(p, 5, "silent", r->silent, 1);
        if (p->at.w >= 44) put_number(p, 5, "injected", r->injected, 22);
    }
    draw_more(r, p);
}

const struct view_ops view_rings = { "rings",
                                     "Rings",
                                     "who has the CPU, and how often it changed hands",
                                     sizeof(struct rings),
                                     sample,
                                     show_label,
                                     draw,
                                     view_no_command };
