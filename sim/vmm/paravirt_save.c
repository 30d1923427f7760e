/* A ported kernel's memory in page numbers instead of machine frames, for another machine. See paravirt.h; paravirt_restore.c is the way back.
 *
 * Idea 1: a page number (pseudo-physical) means the same everywhere, a machine frame only here. Two sorts of pages hold frames that are
 * known: page tables, since the hypervisor judged them, and the list by which the kernel itself finds its frames, which it shows:
 *
 *   shared_info.arch: max_pfn, frame -> list of frames -> lists of frames -> the list: a machine frame for each page number
 *
 * Idea 2: what the list says is believed only if it fits: each frame is the domain's own, none stands twice, none is missing.
 * Idea 3: a word of the list goes as page number with bit 31 set, so that what is no frame of the domain's stays what it is.
 * Xen 3's tools/libxc/xc_linux_save.c does this in domain 0. */
#include <stdlib.h>
#include <string.h>

#include "sim/vmm/paravirt.h"

enum { WORDS = PAGE_SIZE / 4 };

static const uint8_t *bytes(const struct paravirt *p, uint32_t frame) { return bus_page(p->v->vmm->board.bus, hpa(frame << PAGE_SHIFT)); }

static uint32_t word(const struct paravirt *p, uint32_t frame, uint32_t n)
{
    uint32_t value = 0;
    if (direct_owns(p->mmu, frame)) memcpy(&value, bytes(p, frame) + n * 4, 4);
    return value;
}

/* The page that a frame of the domain's is; UINT32_MAX: none. */
static uint32_t page_of(const struct paravirt *p, const struct pv_pages *all, uint32_t frame)
{
    return direct_owns(p->mmu, frame) ? all->page[frame] : UINT32_MAX;
}

/* A page of the list, or of lists of it. */
static bool is_list(const struct paravirt *p, struct pv_pages *all, uint32_t frame)
{
    uint32_t pfn = page_of(p, all, frame);
    if (pfn == UINT32_MAX) return false;
    all->kind[pfn] = PV_KIND_LIST;
    return true;
}

static bool read_list(const struct paravirt *p, struct pv_pages *all, uint32_t top)
{
    const uint32_t most = p->v->vm->most;
    uint32_t found = 0;
    for (uint32_t pfn = 0; pfn < most; pfn++) {
        uint32_t list = word(p, top, pfn / (WORDS * WORDS)), frame = word(p, word(p, list, pfn / WORDS % WORDS), pfn % WORDS);
        all->frame[pfn] = UINT32_MAX;
        if (!direct_owns(p->mmu, frame)) continue;
        if (p->mmu->frame[frame].owner != OWNER_GUEST || all->page[frame] != UINT32_MAX) return false;
        all->frame[pfn] = frame;
        all->page[frame] = pfn;
        found++;
    }
    return found == p->mmu->owned;
}

static void note_kinds(const struct paravirt *p, struct pv_pages *all)
{
    for (uint32_t pfn = 0; pfn < p->v->vm->most; pfn++) {
        const struct direct_frame *f = all->frame[pfn] == UINT32_MAX ? NULL : &p->mmu->frame[all->frame[pfn]];
        if (!f) all->kind[pfn] = PV_KIND_ABSENT;
        else if (f->uses && direct_is_table(f->type)) all->kind[pfn] = (uint8_t)(f->type | (f->pinned ? PV_KIND_PINNED : 0));
    }
}

bool pv_pages(const struct paravirt *p, struct pv_pages *all)
{
    const uint32_t most = p->v->vm->most, top = pv_shared(p, SHARED_P2M_LIST, 4);
    *all = (struct pv_pages){ .frame = malloc(most * sizeof *all->frame), .page = malloc(p->mmu->frames * sizeof *all->page), .kind = calloc(most, 1) };
    bool good = all->frame && all->page && all->kind && direct_owns(p->mmu, top) && pv_shared(p, SHARED_MAX_PFN, 4) >= p->v->vm->frames;
    if (good) memset(all->page, 0xFF, p->mmu->frames * sizeof *all->page);
    good = good && read_list(p, all, top);
    if (good) note_kinds(p, all);
    good = good && is_list(p, all, top);
    for (uint32_t pfn = 0; good && pfn < most; pfn += WORDS) {
        uint32_t list = word(p, top, pfn / (WORDS * WORDS));
        good = is_list(p, all, list) && is_list(p, all, word(p, list, pfn / WORDS % WORDS));
    }
    if (!good) pv_pages_free(all);
    return good;
}

void pv_pages_free(struct pv_pages *all)
{
    free(all->frame), free(all->page), free(all->kind);
    *all = (struct pv_pages){ 0 };
}

static void canonical_list(const struct paravirt *p, const struct pv_pages *all, uint8_t to[PAGE_SIZE])
{
    for (uint32_t n = 0; n < WORDS; n++) {
        uint32_t w, pfn;
        memcpy(&w, to + n * 4, 4);
        if ((pfn = page_of(p, all, w)) == UINT32_MAX) continue;
        pfn |= PV_LIST_PAGE;
        memcpy(to + n * 4, &pfn, 4);
    }
}

/* The hypervisor's own entries are left out. */
static bool canonical_table(const struct paravirt *p, const struct pv_pages *all, unsigned type, uint8_t to[PAGE_SIZE])
{
    const struct direct *d = p->mmu;
    const uint32_t size = direct_bytes(d), slots = direct_guest_slots(d, type);
    bool good = true;
    if (type != FRAME_L3) memset(to + slots * size, 0, PAGE_SIZE - slots * size);
    for (uint32_t n = 0; n < slots; n++) {
        uint64_t entry = 0;
        memcpy(&entry, to + n * size, size);
        if (!(entry & PTE_P)) continue;
        uint32_t pfn = page_of(p, all, direct_frame(entry));
        good = good && pfn != UINT32_MAX;
        entry = pfn == UINT32_MAX ? 0 : (entry & (PAGE_SIZE - 1)) | (uint64_t)pfn << PAGE_SHIFT;
        memcpy(to + n * size, &entry, size);
    }
    return good;
}

bool pv_canonical(const struct paravirt *p, const struct pv_pages *all, uint32_t pfn, uint8_t to[PAGE_SIZE])
{
    unsigned kind = all->kind[pfn] & PV_KIND;
    if (kind == PV_KIND_ABSENT) {
        memset(to, 0, PAGE_SIZE);
        return true;
    }
    memcpy(to, bytes(p, all->frame[pfn]), PAGE_SIZE);
    if (kind == PV_KIND_LIST) canonical_list(p, all, to);
    return kind == PV_KIND_LIST || kind == PV_KIND_PLAIN || canonical_table(p, all, kind, to);
}

/* ---- what is not memory */

static void domain_state(const struct paravirt *p, const struct pv_pages *all, struct pv_state *s)
{
    memset(s, 0, sizeof *s);
    s->pages = p->v->vm->most;
    s->record = page_of(p, all, p->suspend.record);
    s->base = page_of(p, all, p->mmu->base);
    s->list = page_of(p, all, pv_shared(p, SHARED_P2M_LIST, 4));
    s->store = page_of(p, all, p->store), s->console = page_of(p, all, p->console);
    s->kernel_ss = p->kernel_ss, s->kernel_sp = p->kernel_sp;
    s->event = p->event, s->failsafe = p->failsafe;
    s->failsafe_masks = p->failsafe_masks;
    s->gdt_frames = p->gdt_frames;
    for (uint32_t n = 0; n < p->gdt_frames; n++) s->gdt[n] = page_of(p, all, p->gdt_frame[n]);
    s->ldt_base = p->ldt_base, s->ldt_entries = p->ldt_entries;
    s->assists = p->assists;
    memcpy(s->trap, p->trap, sizeof s->trap);
}

void pv_save(const struct paravirt *p, bool memory, struct text *file)
{
    static uint8_t page[PAGE_SIZE];
    static const uint8_t zeros[PAGE_SIZE];
    struct pv_pages all;
    struct pv_state s;
    struct text list = { 0 };
    if (!pv_pages(p, &all)) return; /* it was looked at before; without a section nothing is restored */
    domain_state(p, &all, &s);
    size_t at = save_open(file, PV_TAG);
    text_bytes(file, &s, sizeof s);
    text_bytes(&list, all.kind, p->v->vm->most);
    save_packed(file, &list);
    save_close(file, at);
    text_clear(&list);
    for (uint32_t pfn = 0; memory && pfn < p->v->vm->most; pfn++) {
        (void)pv_canonical(p, &all, pfn, page);
        if (!memcmp(page, zeros, PAGE_SIZE)) continue;
        text_bytes(&list, &pfn, sizeof pfn);
        text_bytes(&list, page, PAGE_SIZE);
    }
    at = save_open(file, PV_TAG_MEMORY);
    save_packed(file, &list);
    save_close(file, at);
    text_free(&list);
    pv_pages_free(&all);
}
