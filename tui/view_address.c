/* Address: one virtual address in the guest's tables, in machine memory, and in the tables the CPU walks.
 *
 * The address is that of the newest page fault, else the next instruction's. SDM vol. 3A 4.3 (32-bit paging). */
#include <stdio.h>
#include "tui/view.h"

enum { FAULT_BACK = 4096, PAGE_FAULT = 14, REFS = 4 };

struct walk {
    bool ok;
    uint32_t to, code;
    unsigned refs;
    struct xlat_ref ref[REFS];
};

struct address {
    uint32_t va, cr3_guest, cr3_real, pa;
    bool fault, vmm, has_pa;
    uint8_t access;
    struct walk guest, real;
};

/* The newest page fault's address and error code. */
static bool last_fault(const struct machine *m, uint32_t *va, unsigned *access)
{
    const struct trace *t = machine_trace_of(m);
    size_t n = trace_count(t);
    for (size_t i = n; i-- && n - i <= FAULT_BACK;) {
        const struct event *e = trace_at(t, i);
        if (e->kind != EV_FAULT || e->u.FAULT.vector != PAGE_FAULT) continue;
        *va = e->u.FAULT.addr;
        *access = (e->u.FAULT.code & 2 ? ACCESS_WRITE : 0u) | (e->u.FAULT.code & 4 ? ACCESS_USER : 0u);
        return true;
    }
    return false;
}

static void copy_walk(struct walk *w, bool ok, uint32_t to, uint32_t code, const struct xlat *x)
{
    *w = (struct walk){ .ok = ok, .to = to, .code = code };
    w->refs = x->refs < REFS ? x->refs : REFS;
    for (unsigned i = 0; i < w->refs; i++) w->ref[i] = x->ref[i];
}

static void sample(struct view *v, const struct scene *s)
{
    struct address *a = v->state;
    struct machine_cpu real, guest;
    struct machine_xlat x;
    unsigned access = ACCESS_EXEC;
    machine_cpu(s->m, &real);
    machine_guest(s->m, &guest);
    a->fault = last_fault(s->m, &a->va, &access);
    if (!a->fault) a->va = guest.eip;
    a->access = (uint8_t)access;
    a->vmm = machine_has_vmm(s->m);
    a->cr3_real = real.cr3, a->cr3_guest = guest.cr3;
    machine_translate(s->m, gva(a->va), access, &x);
    a->pa = x.pa.v, a->has_pa = x.guest_ok;
    copy_walk(&a->guest, x.guest_ok, x.pa.v, x.guest_code, &x.guest);
    copy_walk(&a->real, x.real_ok, x.real.at.v, x.real_code, &x.real);
}

static void show_label(const struct view *v, int rows, char *title, char *remark)
{
    (void)rows;
    const struct address *a = v->state;
    snprintf(title, VIEW_LABEL, "4 Address  VA %08X = dir %03X │ table %03X │ offset %03X", a->va, a->va >> 22,
             a->va >> 12 & 0x3FF, a->va & 0xFFF);
    snprintf(remark, VIEW_LABEL, "%s %s",
             a->access & ACCESS_EXEC    ? "fetch"
             : a->access & ACCESS_WRITE ? "write"
                                        : "read",
             a->access & ACCESS_USER ? "user" : "kernel");
}

/* Rights as letters in their order of appearance in the entry; a small letter is a 0. */
static void entry_text(uint32_t entry, char *to)
{
    static const struct {
        uint32_t bit;
        char letter;
    } bits[] = {
        { 1, 'P' }, { 2, 'W' }, { 4, 'U' }, { 0x20, 'A' }, { 0x40, 'D' },
    };
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        *to++ = entry & bits[i].bit ? bits[i].letter : (char)(bits[i].letter + 'a' - 'A');
        *to++ = i + 1 < sizeof bits / sizeof bits[0] ? ' ' : 0;
    }
}

static void draw_walk(struct pane *p, int x, const char *head, uint32_t cr3, const struct walk *w, const char *shade,
                      const char *space)
{
    int y = 0, h = p->at.h;
    pane_put(p, x, y++, STYLE(ROLE_PLAIN, ATTR_UNDERLINE), head);
    if (y < h) pane_putf(p, x, y++, STYLE(ROLE_PLAIN, 0), "CR3        %05X", cr3 >> PAGE_SHIFT);
    for (unsigned i = 0; i < w->refs && y < h; i++) {
        char rights[16];
        const struct xlat_ref *r = &w->ref[i];
        entry_text(r->entry, rights);
        int end = pane_putf(p, x, y, STYLE(ROLE_PLAIN, 0), "%s%s[%03X]", shade, r->level == 2 ? "PD" : "PT",
                            xlat_slot(r));
        (void)end;
        pane_putf(p, x + 11, y, STYLE(r->entry & 1 ? ROLE_PLAIN : ROLE_WARN, 0), "%05X %s%s", r->entry >> PAGE_SHIFT,
                  rights, r->entry & 1 ? "" : " !");
        y++;
    }
    if (!w->refs && y < h) pane_put(p, x, y++, STYLE(ROLE_PLAIN, 0), "paging is off");
    if (y >= h) return;
    if (w->ok)
        pane_putf(p, x, y, STYLE(ROLE_NOW, ATTR_BOLD), "%s %08X", space, w->to);
    else
        pane_putf(p, x, y, STYLE(ROLE_WARN, 0), "! #PF(%X)", w->code);
}

static const char *verdict(const struct address *a)
{
    if (!a->vmm) return a->real.ok ? "The tables allow it." : "The tables refuse: page fault.";
    if (a->guest.ok && a->real.ok) return "Both agree: no exit.";
    if (a->guest.ok) return "Legal for the guest, missing or narrower in the shadow: a hidden fault.";
    return "The guest's own tables refuse: a true fault, for the guest to handle.";
}

static void draw(struct view *v, struct pane *p)
{
    const struct address *a = v->state;
    int w = p->at.w;
    if (w < 58 || p->at.h < 3) return;
    if (!a->vmm) {
        draw_walk(p, 1, "the CPU's tables  VA→MA", a->cr3_real, &a->real, "", "MA");
    } else {
        draw_walk(p, 1, "guest tables  VA→PA", a->cr3_guest, &a->guest, "", "PA");
        draw_walk(p, w / 2 + 1, "shadow tables  VA→MA", a->cr3_real, &a->real, "S", "MA");
    }
    if (p->at.h > 6) pane_fit(p, 1, p->at.h > 7 ? 6 : 5, w - 2, STYLE(ROLE_NOW, 0), verdict(a));
    if (p->at.h > 7)
        pane_fit(p, 1, 7, w - 2, STYLE(ROLE_PLAIN, 0),
                 a->fault ? "address: of the newest page fault" : "address: of the next instruction");
}

const struct view_ops view_address = { "address",
                                       "Address",
                                       "one address in the guest's tables and in those the CPU walks",
                                       sizeof(struct address),
                                       sample,
                                       show_label,
                                       draw,
                                       view_no_command };
