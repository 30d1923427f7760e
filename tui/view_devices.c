/* Devices: whose each is and what passed between it and the guests; then their registers, from the tables the devices themselves
 * declare: the guest's virtual ones under a VMM.
 *
 * A table of who drives the real device, what a VM has in its place, how often its ports were served, interrupts of the virtual and
 * the real one, and commands or frames of both. What nobody has touched is named below. */
#include <stdio.h>
#include <string.h>
#include "sim/device_use.h"
#include "tui/view.h"

enum { DEVICES = 32, ROWS = 320, COLUMN = 28, WAY = 160 };

struct devices {
    bool vmm;
    struct device_uses_log uses;
    char owner[DEVICE_USES][20];
    char way[2][WAY];   /* how disks were reached, and what the switch carried; "": there is none */
    unsigned rows;
    struct row {
        char device[16], name[24];
        uint64_t value;
        uint8_t bits;
        bool changed;
    } row[ROWS];
};

static void registers(struct devices *d, const struct scene *s)
{
    struct machine_device list[DEVICES];
    unsigned n = machine_devices(s->m, list, DEVICES), before = d->rows;
    d->rows = 0;
    for (unsigned i = 0; i < n && i < DEVICES; i++)
        for (const struct reg_desc *r = list[i].regs; r && r->name && d->rows < ROWS; r++) {
            struct row *at = &d->row[d->rows], was = *at;
            *at = (struct row){ .value = reg_read(r, list[i].state), .bits = r->bits };
            view_copy(at->device, sizeof at->device, list[i].name);
            view_copy(at->name, sizeof at->name, r->name);
            bool same = d->rows < before && !strcmp(was.name, at->name) && !strcmp(was.device, at->device);
            at->changed = same && (s->moved ? was.value != at->value : was.changed);
            d->rows++;
        }
}

static void number(struct text *t, uint64_t n, const char *what)
{
    text_add(t, "%s", t->len ? "  " : "");
    text_number(t, n);
    text_add(t, " %s", what);
}

static void ways(struct devices *d, const struct machine *m)
{
    struct machine_io io;
    struct machine_switch sw;
    struct text t = { 0 };
    if (machine_io(m, &io)) {
        number(&t, io.commands, "commands"), number(&t, io.sectors, "sectors"), number(&t, io.copies, "copied");
        number(&t, io.real_accesses, "real accesses");
        if (io.refused) number(&t, io.refused, "refused by the IOMMU");
    }
    snprintf(d->way[0], WAY, "%s%s%s", t.len ? io.way : "", t.len ? ": " : "", text_str(&t));
    text_clear(&t);
    if (machine_switch(m, &sw)) {
        number(&t, sw.forwarded, "forwarded"), number(&t, sw.to_vms, "to VMs"), number(&t, sw.to_card, "to the card");
        number(&t, sw.dropped, "dropped");
    }
    snprintf(d->way[1], WAY, "%s%s", t.len ? "switch: " : "", text_str(&t));
    text_free(&t);
}

static void sample(struct view *v, const struct scene *s)
{
    struct devices *d = v->state;
    d->vmm = machine_has_vmm(s->m);
    registers(d, s);
    device_uses_follow(&d->uses, s->m);
    for (unsigned i = 0; i < d->uses.now.n; i++) {
        char owner[32];
        device_use_owner(s->m, d->uses.now.use[i].is.owner, owner, sizeof owner);
        view_copy(d->owner[i], sizeof d->owner[i], strncmp(owner, "the ", 4) ? owner : owner + 4);
    }
    ways(d, s->m);
}

static void show_label(const struct view *v, int rows, char *title, char *remark)
{
    (void)rows;
    const struct devices *d = v->state;
    view_copy(title, VIEW_LABEL, d->vmm ? "7 Devices  whose, and what passed" : "7 Devices");
    view_copy(remark, VIEW_LABEL, "*=changed");
}

/* Where lines go: those before `first` and below the pane are counted and not drawn. */
struct lines { struct pane *p; int first, n; };

static int next_line(struct lines *l)
{
    int y = l->n++ - l->first;
    return y >= 0 && y < l->p->at.h ? y : -1;
}

static void say(struct lines *l, unsigned style, const char *text)
{
    int y = next_line(l);
    if (y >= 0) pane_fit(l->p, 1, y, l->p->at.w - 2, style, text);
}

static void wrapped(void *self, int i, const char *s, int n)
{
    char line[512];
    (void)i;
    snprintf(line, sizeof line, "%.*s", n, s);
    say(self, STYLE(ROLE_PLAIN, 0), line);
}

/* In as many lines as it needs: nothing of it is anywhere else. */
static void tell(struct lines *l, const char *text) { frame_wrap(text, l->p->at.w - 2, wrapped, l); }

/* A column's right end, and its number; nothing for none. */
static void count(struct pane *p, int right, int y, uint64_t n)
{
    struct text t = { 0 };
    text_number(&t, n);
    int w = frame_width(text_str(&t));
    if (n) pane_fit(p, right - w, y, w, STYLE(ROLE_PLAIN, 0), text_str(&t));
    text_free(&t);
}

/* The columns of the table: their right ends, for a width; 0: left out. */
struct columns { int owner, sees, accesses, virtual_, real, moved, vm, vms; };
enum { FULL = 78, VM_COLUMN = 10 };

static struct columns columns(const struct devices *d, int w)
{
    struct columns c = { 23, 34, 51, 59, 68, 77, 0, 0 };
    if (w < FULL) c = (struct columns){ 18, 29, 42, 50, 0, 0, 0, 0 };
    if (!d->vmm) c = (struct columns){ 23, 0, 0, 0, 44, 53, 0, 0 };
    unsigned vms = d->uses.now.vms < DEVICE_VMS ? d->uses.now.vms : DEVICE_VMS;
    if (d->vmm && vms > 1 && w >= 79 + (int)vms * VM_COLUMN) c.vm = 79, c.vms = (int)vms;
    return c;
}

static void right(struct pane *p, int end, int y, const char *word)
{
    if (end) pane_put(p, end - frame_width(word), y, STYLE(ROLE_PLAIN, ATTR_UNDERLINE), word);
}

static void head(const struct devices *d, struct lines *l)
{
    struct columns c = columns(d, l->p->at.w);
    struct pane *p = l->p;
    int y = next_line(l);
    if (y < 0) return;
    pane_put(p, 1, y, STYLE(ROLE_PLAIN, ATTR_UNDERLINE), "device");
    pane_put(p, c.owner, y, STYLE(ROLE_PLAIN, ATTR_UNDERLINE), "driven by");
    if (c.sees) pane_put(p, c.sees, y, STYLE(ROLE_PLAIN, ATTR_UNDERLINE), c.real ? "a VM has" : "VM has");
    right(p, c.accesses, y, "served"), right(p, c.virtual_, y, "v.irqs"), right(p, c.real, y, d->vmm ? "irqs" : "interrupts");
    right(p, c.moved, y, "moved");
    for (int vm = 0; vm < c.vms; vm++) {
        char name[16];
        snprintf(name, sizeof name, vm + 1 == DEVICE_VMS && d->uses.now.vms > DEVICE_VMS ? "the rest" : "vm %d", vm);
        right(p, c.vm + (vm + 1) * VM_COLUMN - 1, y, name);
    }
}

static void use_line(const struct devices *d, unsigned i, struct lines *l)
{
    const struct device_use *u = &d->uses.now.use[i];
    struct columns c = columns(d, l->p->at.w);
    struct pane *p = l->p;
    int y = next_line(l);
    if (y < 0) return;
    pane_fit(p, 1, y, c.owner - 2, STYLE(ROLE_DEVICE, ATTR_BOLD), device_use_title(u->is.name));
    unsigned role = u->is.owner == MACHINE_HYPERVISOR ? ROLE_VMM : u->is.owner == MACHINE_NOBODY ? ROLE_PLAIN : ROLE_KERNEL;
    pane_fit(p, c.owner, y, 11, STYLE(role, 0), d->owner[i]);
    if (c.sees) pane_fit(p, c.sees, y, 9, STYLE(ROLE_PLAIN, 0), *u->is.sees ? u->is.sees : "-");
    if (c.accesses) count(p, c.accesses, y, device_use_sum(u->accesses));
    if (c.virtual_) count(p, c.virtual_, y, device_use_sum(u->signals));
    if (c.real) count(p, c.real, y, u->real_signals);
    if (c.moved) count(p, c.moved, y, d->vmm ? device_use_sum(u->commands) : u->real_commands + device_use_sum(u->commands));
    for (int vm = 0; vm < c.vms; vm++) count(p, c.vm + (vm + 1) * VM_COLUMN - 1, y, u->accesses[vm]);
}

/* Who drives what; then the rest by name. */
static void use_lines(const struct devices *d, struct lines *l)
{
    struct text idle = { 0 };
    head(d, l);
    for (unsigned i = 0; i < d->uses.now.n; i++) {
        const struct device_use *u = &d->uses.now.use[i];
        if (device_use_any(u) || (d->vmm && u->is.owner != MACHINE_NOBODY)) use_line(d, i, l);
        else text_add(&idle, "%s%s", idle.len ? ", " : "not used: ", device_use_title(u->is.name));
    }
    for (int i = 0; i < 2; i++)
        if (*d->way[i]) tell(l, d->way[i]);
    if (idle.len) tell(l, text_str(&idle));
    text_free(&idle);
}

static void register_cell(const struct row *r, struct pane *p, int x, int y)
{
    char text[64];
    snprintf(text, sizeof text, "%c%-14.14s %0*llX", r->changed ? '*' : ' ', r->name, (r->bits + 3) / 4, (unsigned long long)r->value);
    pane_fit(p, x, y, COLUMN - 1, r->changed ? STYLE(ROLE_CHANGED, ATTR_BOLD) : STYLE(ROLE_PLAIN, 0), text);
}

/* A device's name, then its registers in as many columns as there is room for. */
static void register_lines(const struct devices *d, struct lines *l)
{
    int columns = l->p->at.w / COLUMN > 0 ? l->p->at.w / COLUMN : 1, y = -1;
    for (unsigned i = 0; i < d->rows;) {
        char text[64];
        const char *device = d->row[i].device;
        snprintf(text, sizeof text, "%s: registers%s", device_use_title(device), d->vmm ? " of the virtual one" : "");
        say(l, STYLE(ROLE_DEVICE, ATTR_BOLD), text);
        for (int k = 0; i < d->rows && !strcmp(d->row[i].device, device); i++, k++) {
            if (k % columns == 0) y = next_line(l);
            if (y >= 0) register_cell(&d->row[i], l->p, 1 + k % columns * COLUMN, y);
        }
    }
}

static int draw_lines(const struct devices *d, struct pane *p, int first)
{
    struct lines l = { p, first, 0 };
    use_lines(d, &l);
    register_lines(d, &l);
    return l.n;
}

static void draw(struct view *v, struct pane *p)
{
    const struct devices *d = v->state;
    int lines = draw_lines(d, &(struct pane){ p->frame, { p->at.x, p->at.y, p->at.w, 0 } }, 0);
    draw_lines(d, p, view_bound(v, lines, p->at.h));
    view_more(p, v->scroll + p->at.h < lines);
}

const struct view_ops view_devices = { "devices",
                                       "Devices",
                                       "whose each device is and what passed; their registers",
                                       sizeof(struct devices),
                                       sample,
                                       show_label,
                                       draw,
                                       view_no_command };
