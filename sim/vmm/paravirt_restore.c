/* A ported kernel comes from another machine: page numbers become this machine's frames. See paravirt.h, paravirt_save.c.
 *
 * Idea 1: the VM was built from its image like any domain, and is over at once: its frames are empty, and get what came. They are given out
 * from the last one down: other numbers than the builder's, so that whoever confuses a frame with a page shows.
 * Idea 2: nothing that came is believed. Entries become frames of the domain's, whatever they say; then the tables are pinned as its kernel
 * had pinned them, which judges each of them as any guest's.
 * Xen 3's tools/libxc/xc_linux_restore.c. Charged to nobody: the other machine waits. */
#include <stddef.h>
#include <string.h>

#include "sim/vmm/paravirt.h"

enum { WORDS = PAGE_SIZE / 4, PAGE_ROOM = PAGE_SIZE + sizeof(uint32_t) };

static bool refuse(struct state_reader *r, const char *why)
{
    if (!r->why[0]) strncpy(r->why, why, sizeof r->why - 1);
    return false;
}

static uint32_t frame_of(const struct paravirt *p, uint32_t pfn) { return pfn < p->v->vm->frames ? p->v->vm->pseudo.map[pfn] : UINT32_MAX; }

/* Its own past, which was the image's, is over. */
static bool emptied(struct paravirt *p)
{
    struct vm *vm = p->v->vm;
    const uint32_t lives = p->lives;
    pv_over(&vm->vcpu);
    p->lives = 0;
    bool good = pv_empty(p);
    p->lives = lives;
    for (uint32_t n = 0; good && n < vm->frames; n++) {
        vm->pseudo.map[n] = vm->frame + vm->frames - 1 - n;
        pv_set_m2p(p, vm->pseudo.map[n], n);
    }
    return good;
}

/* Entries of a table, or words of the list: page numbers become frames. False: one names no page of the domain's. */
static bool uncanonical_table(const struct paravirt *p, unsigned type, uint8_t page[PAGE_SIZE])
{
    const uint32_t size = direct_bytes(p->mmu), slots = direct_guest_slots(p->mmu, type);
    for (uint32_t n = 0; n < slots; n++) {
        uint64_t entry = 0;
        memcpy(&entry, page + n * size, size);
        if (!(entry & PTE_P)) continue;
        uint64_t pfn = entry >> PAGE_SHIFT;
        if (pfn >= p->v->vm->frames) return false;
        entry = (entry & (PAGE_SIZE - 1)) | (uint64_t)frame_of(p, (uint32_t)pfn) << PAGE_SHIFT;
        memcpy(page + n * size, &entry, size);
    }
    return true;
}

static void uncanonical_list(const struct paravirt *p, uint8_t page[PAGE_SIZE])
{
    for (uint32_t n = 0; n < WORDS; n++) {
        uint32_t w, frame;
        memcpy(&w, page + n * 4, 4);
        if (!(w & PV_LIST_PAGE) || (frame = frame_of(p, w & ~PV_LIST_PAGE)) == UINT32_MAX) continue;
        memcpy(page + n * 4, &frame, 4);
    }
}

static bool to_frames(const struct paravirt *p, const uint8_t *kind)
{
    uint8_t page[PAGE_SIZE];
    struct vm *vm = p->v->vm;
    bool good = true;
    for (uint32_t pfn = 0; good && pfn < vm->frames; pfn++) {
        unsigned k = kind[pfn] & PV_KIND;
        if (k == PV_KIND_PLAIN) continue;
        bus_peek(&vm->pseudo, hpa(pfn << PAGE_SHIFT), page, PAGE_SIZE);
        if (k == PV_KIND_LIST) uncanonical_list(p, page);
        else good = direct_is_table(k) && uncanonical_table(p, k, page);
        bus_poke(&vm->pseudo, hpa(pfn << PAGE_SHIFT), page, PAGE_SIZE);
    }
    return good;
}

/* What start_info says of this machine. Its kernel has put page numbers there, of pages that the other machine's end of the rings lay in. */
static bool tell(struct paravirt *p, const struct pv_state *s)
{
    struct xen_start_info i;
    struct bus *memory = &p->v->vm->pseudo;
    hpa_t at = hpa(s->record << PAGE_SHIFT);
    p->console = frame_of(p, s->console), p->store = frame_of(p, s->store), p->suspend.record = frame_of(p, s->record);
    if (p->console == UINT32_MAX || p->store == UINT32_MAX || frame_of(p, s->record) == UINT32_MAX || p->console == p->store) {
        p->console = p->store = 0;
        return false;
    }
    pv_introduce(p);
    bus_peek(memory, at, &i, sizeof i);
    i.nr_pages = p->v->vm->frames;
    i.shared_info = p->shared << PAGE_SHIFT;
    i.flags = 0;
    i.store_mfn = p->store, i.store_evtchn = p->v->vmm->service ? p->store_port : 0;
    i.console_mfn = p->console, i.console_evtchn = p->console_port;
    bus_poke(memory, at, &i, sizeof i);
    return true;
}

static enum direct_rule pin_all(struct paravirt *p, const uint8_t *kind)
{
    static const uint8_t order[] = { FRAME_L1, FRAME_L2, FRAME_L3 };
    enum direct_rule rule = DIRECT_OK;
    for (unsigned n = 0; n < sizeof order; n++)
        for (uint32_t pfn = 0; !rule && pfn < p->v->vm->frames; pfn++)
            if (kind[pfn] == (order[n] | PV_KIND_PINNED)) rule = direct_pin(p->mmu, frame_of(p, pfn), order[n]);
    return rule;
}

static bool tables(struct paravirt *p, const struct pv_state *s, const uint8_t *kind, struct state_reader *r)
{
    enum direct_rule rule = pin_all(p, kind);
    if (!rule) rule = direct_set_base(p->mmu, frame_of(p, s->base));
    if (!rule) rule = direct_take(p->mmu, p->console, FRAME_WRITABLE);
    if (!rule && (rule = direct_take(p->mmu, p->store, FRAME_WRITABLE)) != DIRECT_OK) direct_drop(p->mmu, p->console);
    if (!rule) return true;
    p->console = p->store = 0;
    return refuse(r, direct_about(rule));
}

/* What set_trap_table, set_callbacks, set_gdt ... told the other hypervisor. */
static bool told(struct paravirt *p, const struct pv_state *s, struct state_reader *r)
{
    uint32_t frame[XEN_GDT_PAGES];
    p->kernel_ss = pv_ring1(s->kernel_ss), p->kernel_sp = s->kernel_sp;
    p->event = s->event, p->failsafe = s->failsafe;
    p->failsafe_masks = s->failsafe_masks != 0;
    p->assists = s->assists & (1u << XEN_ASSIST_4GB | 1u << XEN_ASSIST_WRITABLE_TABLES | 1u << XEN_ASSIST_PAE_CR3);
    for (unsigned n = 0; n < 256; n++) {
        p->trap[n] = s->trap[n];
        p->trap[n].cs = (uint16_t)pv_ring1(s->trap[n].cs);
        if (!pv_gate_selector(p->trap[n].cs)) p->trap[n] = (struct xen_trap_info){ 0 };
    }
    pv_init_int80(p);
    if (s->gdt_frames > XEN_GDT_PAGES) return refuse(r, "a GDT of more pages than there may be");
    for (uint32_t n = 0; n < s->gdt_frames; n++) frame[n] = frame_of(p, s->gdt[n]);
    if (pv_take_gdt(p, frame, s->gdt_frames)) return refuse(r, "a GDT that no guest may have");
    if ((s->ldt_base & (PAGE_SIZE - 1)) || s->ldt_entries > 8192) return refuse(r, "an LDT that no guest may have");
    p->ldt_base = s->ldt_base, p->ldt_entries = s->ldt_entries;
    return true;
}

static bool memory_in(struct paravirt *p, struct state_reader *r)
{
    struct vm *vm = p->v->vm;
    struct text pages = { 0 };
    bool good = save_unpack(r, (size_t)vm->frames * PAGE_ROOM, &pages) && pages.len % PAGE_ROOM == 0;
    for (size_t at = 0; good && at < pages.len; at += PAGE_ROOM) {
        uint32_t n;
        memcpy(&n, pages.s + at, sizeof n);
        good = n < vm->frames && bus_poke(&vm->pseudo, hpa(n << PAGE_SHIFT), pages.s + at + sizeof n, PAGE_SIZE);
    }
    text_free(&pages);
    return good || refuse(r, "its memory is not that of a virtual machine like this");
}

bool pv_arrives(struct paravirt *p) { return emptied(p); }

bool pv_restore(struct vm *vm, bool memory, const struct text *file, struct state_reader *r)
{
    struct paravirt *p = vm->vcpu.pv;
    struct pv_state s;
    struct text kinds = { 0 };
    struct state_reader pages;
    bool good = save_find(file, PV_TAG, r) && state_bytes(r, &s, sizeof s) && save_unpack(r, vm->frames, &kinds) && kinds.len == vm->frames && s.pages == vm->frames;
    const uint8_t *kind = (const uint8_t *)text_str(&kinds);
    if (!good) refuse(r, "it does not say what its pages are");
    if (good && memory) good = (emptied(p) || refuse(r, "its frames are in use")) && save_find(file, PV_TAG_MEMORY, &pages) && memory_in(p, &pages);
    if (good) good = to_frames(p, kind) || refuse(r, "a page table names a page that there is not");
    if (good) good = tell(p, &s) || refuse(r, "start_info, console or store are no pages of its own");
    if (good) good = tables(p, &s, kind, r) && told(p, &s, r);
    if (good) pv_set_shared(p, SHARED_MAX_PFN, 4, s.pages), pv_set_shared(p, SHARED_P2M_LIST, 4, frame_of(p, s.list));
    text_free(&kinds);
    return good;
}

/* The processor's state came: what of it is this machine's. */
void pv_restored(struct paravirt *p)
{
    struct cpu *c = &p->v->virt;
    c->reg[EAX] = 0; /* the call that suspended it returns */
    c->reg[EDX] = p->suspend.record;
    c->halted = false;
    p->v->root = c->cr3 = p->mmu->base << PAGE_SHIFT;
}
