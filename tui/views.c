/* The table of all views, and what several of them need; see view.h. */
#include "tui/view.h"

#include <stdio.h>
#include <string.h>

const struct view_ops *const views[VIEW_COUNT] = {
    [VIEW_CODE] = &view_code,       [VIEW_CPU] = &view_cpu,       [VIEW_RINGS] = &view_rings,
    [VIEW_ADDRESS] = &view_address, [VIEW_CYCLES] = &view_cycles, [VIEW_EVENTS] = &view_events,
    [VIEW_DEVICES] = &view_devices, [VIEW_NOTE] = &view_note,     [VIEW_SERIAL] = &view_serial,
    [VIEW_LADDER] = &view_ladder,   [VIEW_VMS] = &view_vms,
};

int view_find(const char *name)
{
    for (int i = 0; i < VIEW_COUNT; i++)
        if (!strcmp(views[i]->name, name)) return i;
    return -1;
}

unsigned view_no_command(struct view *v, int command, const char *arg)
{
    (void)v, (void)command, (void)arg;
    return ASK_NONE;
}

int view_bound(struct view *v, int lines, int rows)
{
    if (v->scroll > lines - rows) v->scroll = lines - rows;
    if (v->scroll < 0) v->scroll = 0;
    return v->scroll;
}

void view_more(struct pane *p, bool more)
{
    if (more && p->at.w > 0 && p->at.h > 0)
        pane_put(p, p->at.w - 1, p->at.h - 1, STYLE(ROLE_KEY, ATTR_BOLD), "↓");
}

const char *view_place_name(enum machine_place p, bool vmm)
{
    if (p == PLACE_VMM) return "VMM";
    if (p == PLACE_USER) return vmm ? "guest user" : "user";
    return vmm ? "guest kernel" : "kernel";
}

unsigned view_place_role(enum machine_place p)
{
    return p == PLACE_VMM ? ROLE_VMM : p == PLACE_USER ? ROLE_USER : ROLE_KERNEL;
}

void view_copy(char *to, size_t room, const char *from) { snprintf(to, room, "%s", from); }
