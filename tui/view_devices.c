/* Devices: their registers, from the tables the devices themselves declare; the guest's virtual ones under a VMM. */
#include <stdio.h>
#include <string.h>
#include "tui/view.h"

enum { DEVICES = 32, ROWS = 320, COLUMN = 28 };

struct devices {
    bool vmm;
    unsigned rows;
    struct row {
        char device[16], name[24];
        uint64_t value;
        uint8_t bits;
        bool changed;
    } row[ROWS];
};

static void sample(struct view *v, const struct scene *s)
{
    struct devices *d = v->state, *old = NULL;
    struct devices before = *d;
    struct machine_device list[DEVICES];
    unsigned n = machine_devices(s->m, list, DEVICES);
    old = &before;
    d->vmm = machine_has_vmm(s->m);
    d->rows = 0;
    for (unsigned i = 0; i < n && i < DEVICES; i++)
        for (const struct reg_desc *r = list[i].regs; r && r->name && d->rows < ROWS; r++) {
            struct row *to = &d->row[d->rows];
            *to = (struct row){ .value = reg_read(r, list[i].state), .bits = r->bits };
            view_copy(to->device, sizeof to->device, list[i].name);
            view_copy(to->name, sizeof to->name, r->name);
            const struct row *was = &old->row[d->rows];
            bool same = d->rows < old->rows && !strcmp(was->name, to->name) && !strcmp(was->device, to->device);
            to->changed = same && (s->moved ? was->value != to->value : was->changed);
            d->rows++;
        }
}

static void show_label(const struct view *v, int rows, char *title, char *remark)
{
    (void)rows;
    const struct devices *d = v->state;
    view_copy(title, VIEW_LABEL, d->vmm ? "7 Devices  the guest's, virtual" : "7 Devices");
    view_copy(remark, VIEW_LABEL, "*=changed");
}

/* One line: a device's name where it begins, else up to `columns` of its registers. Returns the number of lines. */
static int draw_rows(const struct devices *d, struct pane *p, int first)
{
    int columns = p->at.w / COLUMN > 0 ? p->at.w / COLUMN : 1, line = 0;
    for (unsigned i = 0; i < d->rows;) {
        const char *device = d->row[i].device;
        int y = line++ - first, k = 0;
        if (y >= 0 && y < p->at.h) pane_fit(p, 1, y, p->at.w - 2, STYLE(ROLE_DEVICE, ATTR_BOLD), device);
        for (; i < d->rows && !strcmp(d->row[i].device, device); i++, k++) {
            const struct row *r = &d->row[i];
            if (k && k % columns == 0) line++;
            y = line - first;
            if (y < 0 || y >= p->at.h) continue;
            char text[64];
            snprintf(text, sizeof text, "%c%-14.14s %0*llX", r->changed ? '*' : ' ', r->name, (r->bits + 3) / 4,
                     (unsigned long long)r->value);
            pane_fit(p, 1 + k % columns * COLUMN, y, COLUMN - 1,
                     r->changed ? STYLE(ROLE_CHANGED, ATTR_BOLD) : STYLE(ROLE_PLAIN, 0), text);
        }
        line++;
    }
    return line;
}

static void draw(struct view *v, struct pane *p)
{
    const struct devices *d = v->state;
    int lines = draw_rows(d, &(struct pane){ p->frame, { p->at.x, p->at.y, p->at.w, 0 } }, 0);
    draw_rows(d, p, view_bound(v, lines, p->at.h));
    view_more(p, v->scroll + p->at.h < lines);
}

const struct view_ops view_devices = { "devices",
                                       "Devices",
                                       "device registers; the guest's virtual ones under a hypervisor",
                                       sizeof(struct devices),
                                       sample,
                                       show_label,
                                       draw,
                                       view_no_command };
