/* Address: one virtual address in the guest's tables, in machine memory, and in the tables the CPU walks; every reference with its
 * number and the cache it is served from; and what the TLBs remember of it.
 *
 * The address is that of the newest page fault, else the next instruction's, or whichever was asked for. address_walk.c and
 * address_tlb.c draw. SDM vol. 3A 4.3 (32-bit paging), 4.10 (TLBs), 3C 28.2 (EPT). */
#include <stdio.h>
#include <string.h>
#include "tui/address.h"
#include "tui/command.h"

enum { FAULT_BACK = 4096 };

unsigned address_steps(const struct address *a)
{
    bool software = a->kind == ADDRESS_SHADOW && !a->x.real_ok; /* an exit: the hypervisor walks the guest's tables */
    return (unsigned)a->x.real.refs + (software ? a->x.guest.refs : 0u);
}

static void choose(struct address *a, const struct machine *m)
{
    struct err e = { 0 };
    if (*a->wanted && walk_what_read(&a->what, m, a->wanted, &e)) a->from = FROM_PERSON;
    else a->from = walk_what_recent(&a->what, m, FAULT_BACK) ? FROM_FAULT : FROM_INSN;
}

static void frame_of(const struct machine *m, struct address_frame *f, uint32_t pa)
{
    hpa_t ma = { 0 };
    f->there = machine_frame(m, gpa(pa), &ma, &f->traced);
    f->ma = ma.v;
}

static void map_frames(struct address *a, const struct machine *m)
{
    const struct xlat *g = &a->x.guest;
    memset(a->frame, 0, sizeof a->frame);
    frame_of(m, &a->frame[0], a->cr3_guest);
    for (unsigned i = 0; i < g->refs && i < ADDRESS_GUEST_REFS; i++)
        if (g->ref[i].entry & 1) frame_of(m, &a->frame[i + 1], g->ref[i].entry & 0xFFFFF000u);
    if (a->x.guest_ok) frame_of(m, &a->frame[ADDRESS_GUEST_REFS + 1], a->x.pa.v);
}

static void sample(struct view *v, const struct scene *s)
{
    struct address *a = v->state;
    const struct machine *m = s->m;
    struct machine_cpu real, guest;
    machine_cpu(m, &real);
    machine_guest(m, &guest);
    if (s->moved) a->step = 0;
    choose(a, m);
    unsigned access = a->what.access | (a->what.ring == 3 ? ACCESS_USER : 0u);
    const char *mmu = machine_config(m)->mmu;
    a->vmm = machine_has_vmm(m);
    a->direct = a->vmm && !strcmp(mmu, "direct");
    a->cr3_real = a->vmm ? machine_root(m).v : real.cr3;
    a->cr3_guest = guest.cr3;
    machine_translate(m, gva(a->what.va), access, &a->x);
    a->kind = walk_second(&a->x.real) ? ADDRESS_TWO : a->vmm && !strcmp(mmu, "shadow") ? ADDRESS_SHADOW : ADDRESS_ONE;
    map_frames(a, m);
    snprintf(a->verdict, sizeof a->verdict, "%s", walk_verdict(m, &a->x));
    const gva_t at = gva(a->what.va);
    a->n_set = machine_known(m, &at, access, a->set, ADDRESS_SET);
    a->n_all = machine_known(m, NULL, access, a->all, ADDRESS_ALL);
    a->n_walks = machine_known_walks(m, a->walk, ADDRESS_WALKS);
    if (a->n_set > ADDRESS_SET) a->n_set = ADDRESS_SET;
    if (a->n_all > ADDRESS_ALL) a->n_all = ADDRESS_ALL;
    if (a->n_walks > ADDRESS_WALKS) a->n_walks = ADDRESS_WALKS;
    if (a->step > address_steps(a)) a->step = 0;
}

static void show_label(const struct view *v, int rows, char *title, char *remark)
{
    (void)rows;
    const struct address *a = v->state;
    const struct xlat *x = a->kind == ADDRESS_TWO ? &a->x.real : &a->x.guest;
    uint32_t va = a->what.va;
    bool wide = false;
    unsigned own = 0;
    for (unsigned i = 0; i < x->refs; i++)
        if (!x->ref[i].dim) wide |= x->ref[i].wide, own++;
    if (!own) snprintf(title, VIEW_LABEL, "4 Address  %08X, paging is off", va);
    else if (wide && x->large) snprintf(title, VIEW_LABEL, "4 Address  %08X = %X │ dir %03X │ offset %06X", va, va >> 30,
                                        va >> 21 & 511, va & 0x1FFFFF);
    else if (wide) snprintf(title, VIEW_LABEL, "4 Address  %08X = %X │ dir %03X │ table %03X │ %03X", va, va >> 30, va >> 21 & 511,
                            va >> 12 & 511, va & 0xFFF);
    else if (x->large) snprintf(title, VIEW_LABEL, "4 Address  %08X = dir %03X │ offset %06X", va, va >> 22, va & 0x3FFFFF);
    else snprintf(title, VIEW_LABEL, "4 Address  %08X = dir %03X │ table %03X │ %03X", va, va >> 22, va >> 12 & 0x3FF, va & 0xFFF);
    const struct known_page *k = walk_served(a->set, a->n_set);
    snprintf(remark, VIEW_LABEL, "%s ring %u: TLB %s", walk_access(&a->what), a->what.ring, !k ? "miss" : k->where == KNOWN_SECOND
             ? "2 hit" : "hit");
}

static int origin(const struct address *a, struct pane *p, int y)
{
    static const char *const from[] = { "address: of the next instruction", "address: of the newest page fault",
                                        "address: chosen with @" };
    char line[128];
    unsigned n = address_steps(a);
    if (y >= p->at.h) return y;
    if (a->step) snprintf(line, sizeof line, "w W: another reference");
    else snprintf(line, sizeof line, "%s   @ another%s   T TLBs", from[a->from], n ? "   w walk" : "");
    pane_fit(p, 1, y, p->at.w - 2, STYLE(ROLE_PLAIN, 0), line);
    return y + 1;
}

static void draw(struct view *v, struct pane *p)
{
    struct address *a = v->state;
    int y = 0;
    if (p->at.w < ADDRESS_LEAST_COLS || p->at.h < 3) return;
    if (!a->listing) {
        y = address_draw_walk(a, p, y);
        y = address_draw_set(a, p, y);
        y = origin(a, p, y) + 1;
        if (y + 4 > p->at.h) return;
    }
    address_draw_all(v, p, y);
}

/* CMD_ADDRESS: what to look at was checked by whoever read it (tui/app.c). */
static unsigned command(struct view *v, int command, const char *arg)
{
    struct address *a = v->state;
    unsigned steps = address_steps(a);
    switch (command) {
    case CMD_ADDRESS:
        view_copy(a->wanted, sizeof a->wanted, arg);
        a->step = 0, a->listing = false;
        return ASK_SAMPLE | ASK_REDRAW;
    case CMD_WALK: a->listing = false, a->step = a->step < steps ? a->step + 1 : 0; return ASK_REDRAW;
    case CMD_UNWALK: a->listing = false, a->step = a->step ? a->step - 1 : steps; return ASK_REDRAW;
    case CMD_TLBS: a->listing = !a->listing, v->scroll = 0; return ASK_REDRAW;
    default: return ASK_NONE;
    }
}

const struct view_ops view_address = { "address",
                                       "Address",
                                       "one address in the guest's tables and in those the CPU walks, and what TLBs remember",
                                       sizeof(struct address),
                                       sample,
                                       show_label,
                                       draw,
                                       command };
