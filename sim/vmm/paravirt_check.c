/* The invariants of a paravirtual domain, for tests: no guest, however hostile, may break one. See paravirt.h.
 *
 * Idea: what hardware reads is looked at as it lies in machine memory (IDT, TSS, reserved descriptors, the area of the tables),
 * what the hypervisor counts is counted again (mmu/direct_check.c). */
#include <stdio.h>
#include <stdlib.h>

#include "sim/vmm/paravirt.h"

static bool complain(char *why, unsigned room, const char *what, uint32_t where)
{
    snprintf(why, room, "%s (%X)", what, where);
    return false;
}

static uint32_t window_word(const struct paravirt *p, uint32_t offset)
{
    uint32_t word = 0;
    bus_peek(p->v->vmm->board.bus, window_hpa(&p->v->window, offset), &word, sizeof word);
    return word;
}

/* Every gate leads to its stub, but for the direct one, which leads to ring 1 or nowhere; only three may be called from below. */
static bool check_gates(const struct paravirt *p, char *why, unsigned room)
{
    for (uint32_t v = 0; v < 256; v++) {
        uint32_t low = window_word(p, WINDOW_IDT + v * 8), high = window_word(p, WINDOW_IDT + v * 8 + 4);
        uint32_t stub = WINDOW_BASE + WINDOW_STUBS + v * 16, dpl = v == 3 || v == 4 ? 3 : v == XEN_GATE ? 1 : 0;
        if (v == 0x80) {
            if (high && (!(low >> 16 & 3) || (high & 0x9F00) != 0x8F00)) return complain(why, room, "the direct gate leads to ring 0", low);
            continue;
        }
        if (low != ((uint32_t)WINDOW_CS << 16 | (stub & 0xFFFF)) || high != ((stub & 0xFFFF0000u) | 0x8E00u | dpl << 13))
            return complain(why, room, "a gate was changed", v);
    }
    return true;
}

static bool check_skin(const struct paravirt *p, char *why, unsigned room)
{
    if (window_word(p, p->v->window.tss + 4) != WINDOW_BASE + WINDOW_STACK || window_word(p, p->v->window.tss + 8) != WINDOW_SS)
        return complain(why, room, "the ring-0 stack was changed", window_word(p, p->v->window.tss + 4));
    if (!(window_word(p, p->v->window.tss + 16) & 3)) return complain(why, room, "ring 1's stack segment is ring 0's", 0);
    if (window_word(p, WINDOW_GDT + WINDOW_CS + 4) != 0x00CF9B00 ||
        window_word(p, WINDOW_GDT + (XEN_RING1_CS & ~7u)) != (((pv_segment_end(p) >> PAGE_SHIFT) - 1) & 0xFFFF) ||
        window_word(p, WINDOW_GDT + (XEN_RING1_CS & ~7u) + 4) != 0x00CFBB00)
        return complain(why, room, "a reserved descriptor was changed", 0);
    return true;
}

/* It was made later than the machine, or is to be, and has not had the processor: its tables are written when it gets that. */
static bool never_ran(const struct paravirt *p) { return p->v->vm->later && (p->fresh || !p->console); }

/* While it is this domain's. */
static bool check_processor(const struct paravirt *p, char *why, unsigned room)
{
    const struct cpu *real = p->v->vmm->board.cpu;
    if (real->gdtr.base != PV_DOMAIN_AREA || real->idtr.base != WINDOW_BASE + WINDOW_IDT || real->cr3 >> PAGE_SHIFT != pv_root(p))
        return complain(why, room, "GDTR, IDTR or CR3 was changed", real->cr3);
    if (!(real->cr4 & CR4_PAE) == pv_pae(p)) return complain(why, room, "CR4.PAE was changed", real->cr4);
    for (unsigned n = 0; pv_pae(p) && !p->mmu->log.on && n < 4; n++) {
        uint64_t pdpte[4];
        mmu_pdptes_now(p->v->vmm->board.mmu, pdpte);
        if (pdpte[n] != direct_load(p->mmu, direct_place(p->mmu, p->mmu->base, n))) return complain(why, room, "a PDPTE is not what the L3 has", n);
    }
    return (real->cr0 & CR0_WP) || complain(why, room, "CR0.WP was changed", real->cr0);
}

/* The area's pages are descriptor pages that we hold, and each of their descriptors passes as it is. */
static bool check_area(const struct paravirt *p, uint32_t *others, char *why, unsigned room)
{
    for (uint32_t page = 0; page < 2 * PV_TABLE_PAGES; page++) {
        uint64_t entry = pv_area_entry(p, page);
        uint32_t frame = direct_frame(entry);
        if (page >= XEN_GDT_PAGES && page < PV_TABLE_PAGES) {
            if (frame != window_hpa(&p->v->window, WINDOW_GDT).v / PAGE_SIZE + page) return complain(why, room, "the reserved descriptors moved", frame);
            continue;
        }
        if (!(entry & PTE_P)) continue;
        if (!direct_owns(p->mmu, frame) || p->mmu->frame[frame].type != FRAME_SEGMENTS) return complain(why, room, "no descriptor page", frame);
        others[frame]++;
        for (uint32_t i = 0; i < PAGE_SIZE; i += 8) {
            uint32_t d[2] = { pv_frame_read(p, frame, i, 4), pv_frame_read(p, frame, i + 4, 4) }, was[2] = { d[0], d[1] };
            if (!pv_judge_descriptor(p, d) || d[0] != was[0] || d[1] != was[1]) return complain(why, room, "a descriptor that was never allowed", was[1]);
        }
    }
    return true;
}

/* What the TLB still knows, though the tables may say otherwise: only the domain's frames, and for writing only such as nobody uses for
 * anything else. */
static bool check_tlb(const struct paravirt *p, const struct tlb *tlb, unsigned sets, char *why, unsigned room)
{
    for (unsigned i = 0; i < sets * TLB_WAYS; i++) {
        const struct tlb_entry *e = &tlb->e[i / TLB_WAYS][i % TLB_WAYS];
        uint32_t frame = e->frame >> PAGE_SHIFT;
        if (!e->valid || e->page >= direct_hole(p->mmu)) continue;
        if (direct_through(p->mmu, gva(e->page))) return complain(why, room, "the TLB leads through a table that is unhooked", e->page);
        if (!direct_owns(p->mmu, frame) && !pv_lent(p, frame, e->pte & PTE_W)) return complain(why, room, "the TLB leads to a foreign frame", e->page);
        const struct direct_frame *f = &p->mmu->frame[frame];
        bool way = frame == p->mmu->unhooked.frame; /* the table that no CPU can walk now */
        if ((e->pte & PTE_W) && f->uses && f->type != FRAME_WRITABLE && !way) return complain(why, room, "the TLB knows a table as writable", e->page);
    }
    return true;
}

/* What refers to frames besides tables: all domains', for the counts are the machine's. */
static bool count_others(const struct paravirt *p, uint32_t *others, char *why, unsigned room)
{
    others[p->console]++;
    others[p->store]++;
    for (unsigned i = 0; i < PV_MAPS; i++)
        if (p->map[i].flags & PV_MAP_DEVICE) others[p->map[i].frame]++;
    return never_ran(p) || check_area(p, others, why, room);
}

static bool check_owned(const struct paravirt *p, char *why, unsigned room)
{
    uint32_t owned = 0;
    for (uint32_t n = 0; n < p->mmu->frames; n++) owned += p->mmu->frame[n].owner == OWNER_GUEST && p->mmu->frame[n].domain == p->mmu->domain;
    return owned == p->mmu->owned || complain(why, room, "the count of the domain's frames is wrong", p->mmu->owned);
}

static bool check_domain(const struct paravirt *p, char *why, unsigned room)
{
    if (!check_owned(p, why, room)) return false;
    const struct vm *vm = p->v->vm;
    if (never_ran(p)) return true;
    if (!check_gates(p, why, room) || !check_skin(p, why, room)) return false;
    if (vm != vm->vmm->now || vm->account.state == VM_OVER) return true;
    return check_processor(p, why, room) && check_tlb(p, &p->v->vmm->board.cpu->dtlb, TLB_DATA_SETS, why, room) &&
           check_tlb(p, &p->v->vmm->board.cpu->itlb, TLB_CODE_SETS, why, room);
}

bool pv_check(const struct paravirt *p, char *why, unsigned room)
{
    const struct vmm *h = p->v->vmm;
    uint32_t *others = calloc(p->mmu->frames, sizeof *others);
    bool ok = others != NULL || complain(why, room, "no memory to check", 0);
    for (unsigned i = 0; i < h->vms && ok; i++)
        if (h->vm[i].vcpu.pv) ok = count_others(h->vm[i].vcpu.pv, others, why, room);
    ok = ok && check_domain(p, why, room) && direct_check(p->mmu, others, why, room);
    free(others);
    return ok;
}
