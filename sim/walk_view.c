/* See walk_view.h. */
#include "sim/walk_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/mmu/pte.h"

enum { LEVELS = 6, PAGE_FAULT = 14 };

bool walk_is_shadow(const struct xlat_ref *r, enum walk_whose whose) { return !r->dim && (r->shadow || whose == WALK_SHADOW); }

const char *walk_table(const struct xlat_ref *r, enum walk_whose whose)
{
    static const char *const names[3][LEVELS] = {
        { "?", "page table", "page directory", "page-directory-pointer table", "level-4 table", "level-5 table" },
        { "?", "shadow table", "shadow directory", "?", "?", "?" },
        { "?", "second-level table", "second-level directory", "second-level pointer table", "second-level table of level 4",
          "second-level table of level 5" },
    };
    unsigned level = r->level < LEVELS ? r->level : 0;
    return names[r->dim ? 2 : walk_is_shadow(r, whose) ? 1 : 0][level];
}

void walk_short(const struct xlat_ref *r, enum walk_whose whose, char *to, size_t room)
{
    static const char *const names[LEVELS] = { "?", "PT", "PD", "PDPT", "L4", "L5" };
    snprintf(to, room, "%s%s[%03X]", r->dim ? "n" : walk_is_shadow(r, whose) ? "S" : "", names[r->level < LEVELS ? r->level : 0], xlat_slot(r));
}

void walk_bits(const struct xlat_ref *r, bool leaf, char *to, size_t room)
{
    uint32_t e = r->entry;
    if (r->dim) snprintf(to, room, "%c %c %c%s", e & 1 ? 'R' : '-', e & 2 ? 'W' : '-', e & 4 ? 'X' : '-', e & 0x80 ? " large" : "");
    else if (!(e & 1)) snprintf(to, room, "not present");
    else
        snprintf(to, room, "P %c %c %c%s%s%s%s", e & 2 ? 'W' : '-', e & 4 ? 'U' : '-', e & 0x20 ? 'A' : 'a', !leaf ? "" : e & 0x40 ? " D" : " d",
                 leaf && r->level > 1 ? " large" : "", leaf && (e & 0x100) ? " G" : "",
                 r->shadow && !leaf && (e & PTE_SWITCH) ? " switch" : "");
}

const char *walk_home(const struct xlat_ref *r)
{
    static const char *const names[] = { "", "L1", "L2", "L3", "memory" };
    return r->cached ? "walk cache" : names[r->home];
}

const char *walk_tlb(enum known_where where)
{
    static const char *const names[KNOWN_WHERE_COUNT] = { "data TLB", "code TLB", "second-level TLB", "large-page data TLB",
                                                          "large-page code TLB" };
    return names[where];
}

const char *walk_truth(enum known_truth truth)
{
    static const char *const words[KNOWN_TRUTH_COUNT] = { "", "stale: no page there", "stale: another frame now", "stale: too generous",
                                                          "narrower than the tables", "of another space" };
    return words[truth];
}

void walk_rights_text(uint32_t rights, char *to, size_t room)
{
    snprintf(to, room, "%c %c %c %c%s", rights & 2 ? 'W' : 'w', rights & 4 ? 'U' : 'u', rights & 0x40 ? 'D' : 'd', rights & 0x100 ? 'G' : 'g',
             rights & 0x80 ? " large" : "");
}

const struct known_page *walk_served(const struct known_page *list, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (list[i].serves) return &list[i];
    return NULL;
}

unsigned walk_cached(const struct xlat *x)
{
    unsigned n = 0;
    for (unsigned i = 0; i < x->refs; i++) n += x->ref[i].cached;
    return n;
}

unsigned walk_second(const struct xlat *x)
{
    unsigned n = 0;
    for (unsigned i = 0; i < x->refs; i++) n += x->ref[i].dim != 0;
    return n;
}

bool walk_what_read(struct walk_what *w, const struct machine *m, const char *text, struct err *e)
{
    char word[64], *rest, *end;
    snprintf(word, sizeof word, "%s", text);
    w->ring = machine_place(m) == PLACE_USER ? 3 : 0;
    w->access = ACCESS_READ;
    rest = strchr(word, ',');
    if (rest) *rest++ = 0;
    w->va = (uint32_t)strtoul(word, &end, 16);
    if ((!*word || *end) && !machine_find_symbol(m, word, &w->va)) {
        const char *near = machine_suggest_symbol(m, word);
        if (near) return err_set(e, EXIT_USAGE, "--va %s: neither a hexadecimal address nor a symbol; did you mean %s?", word, near);
        return err_set(e, EXIT_USAGE, "--va %s: neither a hexadecimal address nor a symbol of the guest", word);
    }
    for (char *next; rest; rest = next) {
        next = strchr(rest, ',');
        if (next) *next++ = 0;
        if (!strcmp(rest, "read")) w->access = ACCESS_READ;
        else if (!strcmp(rest, "write")) w->access = ACCESS_WRITE;
        else if (!strcmp(rest, "exec")) w->access = ACCESS_EXEC;
        else if (strlen(rest) == 1 && *rest >= '0' && *rest <= '3') w->ring = (uint8_t)(*rest - '0');
        else return err_set(e, EXIT_USAGE, "--va %s: behind the address may stand read, write or exec, and a ring from 0 to 3", text);
    }
    return true;
}

void walk_what_newest(struct walk_what *w, const struct machine *m) { walk_what_recent(w, m, SIZE_MAX); }

bool walk_what_recent(struct walk_what *w, const struct machine *m, size_t back)
{
    const struct trace *t = machine_trace_of(m);
    for (size_t i = trace_count(t); i-- && back--;) {
        const struct event *e = trace_at(t, i);
        uint32_t code = 0;
        bool there = e->kind == EV_FAULT && e->u.FAULT.vector == PAGE_FAULT;
        if (there) {
            w->va = e->u.FAULT.addr;
            code = e->u.FAULT.code;
        } else if (e->kind == EV_EXIT && e->u.EXIT.vector == PAGE_FAULT) { /* hardware assist: no exception, an exit */
            there = true;
            w->va = e->u.EXIT.addr;
            code = e->u.EXIT.code;
        }
        if (!there) continue;
        w->access = code & 2 ? ACCESS_WRITE : ACCESS_READ;
        w->ring = code & 4 ? 3 : 0;
        return true;
    }
    struct machine_cpu guest;
    machine_guest(m, &guest);
    bool away = machine_place(m) == PLACE_VMM;
    uint32_t at = away ? guest.seg[1].base + guest.eip : machine_linear(m); /* CS */
    *w = (struct walk_what){ .va = at, .access = ACCESS_EXEC, .ring = away ? guest.cpl : machine_place(m) == PLACE_USER ? 3 : 0 };
    return false;
}

const char *walk_access(const struct walk_what *w) { return w->access & ACCESS_EXEC ? "fetch" : w->access & ACCESS_WRITE ? "write" : "read"; }

const char *walk_verdict(const struct machine *m, const struct machine_xlat *x)
{
    if (!machine_has_vmm(m) || !strcmp(machine_config(m)->mmu, "direct"))
        return x->real_ok ? "The tables allow it." : "The tables refuse: a page fault, for the guest to handle.";
    if (!strcmp(machine_config(m)->mmu, "agile")) {
        if (x->real_ok) return x->real.switched ? "Shadows lead to a table of the guest's own, and all that comes behind allows it: no exit." : "Guest's tables and shadows allow it: no exit.";
        if (x->guest_ok) return "The guest's tables allow it, a shadow or the second level does not yet: an exit, of which the guest never learns.";
        return x->real.switched ? "The guest's own tables refuse, and the CPU walks them: a page fault that needs no hypervisor."
                                : "The guest's own tables refuse: a true fault, which leaves, for the CPU has seen but a shadow.";
    }
    if (walk_second(&x->real)) return x->real_ok ? "Both dimensions allow it." : x->guest_ok ? "The second level refuses: an exit, of which the guest never learns." : "The guest's tables refuse: a page fault that needs no hypervisor.";
    if (x->guest_ok && x->real_ok) return "Both allow it: no exit.";
    if (x->guest_ok) return "The guest's tables allow it, the shadow lacks it or is stricter: a hidden fault, or a traced store.";
    return "The guest's own tables refuse: a true fault, for the guest to handle.";
}
