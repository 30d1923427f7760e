/* All of an address space at once: what the guest's tables map, and what those map that the CPU walks. See machine.h.
 *
 * Idea: pages are walked one by one, as the CPU would, and neighbours that say the same become one run. So large pages, PAE, a second
 * level and no paging at all need no code of their own. */
#include "sim/board.h"
#include "sim/mmu/pte.h"
#include "sim/mmu/walk.h"
#include "sim/vmm/window.h"

enum { SKIP = 1 << 21 /* the least that an absent directory entry stands for */ };

struct side { const struct machine *m; bool real; const struct mmu *mmu; /* walks the guest's tables */ };

/* By the registers of now: hardware may hold them. */
static struct mmu guest_mmu(const struct machine *m)
{
    return m->technique->hypervisor ? vcpu_guest_mmu(&machine_seen(m)->vcpu) : m->b->mmu;
}

/* One page as `side` sees it; false: nothing there, up to *next. */
static bool look(const struct side *s, uint32_t va, struct xlat *x, uint32_t *next)
{
    struct fault f = { 0 };
    const struct vcpu *v = s->m->technique->hypervisor ? &machine_seen(s->m)->vcpu : NULL;
    bool there = v && s->real ? v->vmmu.ops->probe(&v->vmmu, gva(va), ACCESS_READ, x) : mmu_probe(s->mmu, gva(va), ACCESS_READ, x, &f);
    *next = va + PAGE_SIZE;
    const struct xlat_ref *last = x->refs ? &x->ref[x->refs - 1] : NULL;
    if (!there && (!last || (!last->dim && last->level > 1))) *next = (va | (SKIP - 1)) + 1;
    return there;
}

static uint16_t bits_of(const struct xlat *x)
{
    uint32_t rights = walk_rights(x);
    return (uint16_t)((rights & (PTE_W | PTE_U | PTE_D | PTE_PS)) | PTE_P | (x->leaf & PTE_A) | (x->refs ? 0u : PTE_A));
}

static bool follows(const struct machine_page *a, const struct machine_page *b)
{
    uint32_t by = a->pages << PAGE_SHIFT;
    if (a->va + by != b->va || a->guest != b->guest || a->real != b->real || a->traced != b->traced || a->no_ram != b->no_ram) return false;
    return (!a->guest || (a->pa + by == b->pa && (a->no_ram || a->ma + by == b->ma))) && (!a->real || a->real_ma + by == b->real_ma);
}

static bool look_both(const struct machine *m, const struct mmu *mmu, uint32_t va, struct machine_page *page, uint32_t *next)
{
    struct xlat g, r;
    uint32_t far[2] = { 0 };
    bool vmm = m->technique->hypervisor;
    *page = (struct machine_page){ .va = va, .pages = 1 };
    bool guest = look(&(struct side){ m, false, mmu }, va, &g, &far[0]), real = vmm ? look(&(struct side){ m, true, NULL }, va, &r, &far[1]) : guest;
    *next = guest || real ? va + PAGE_SIZE : !vmm || far[0] - va < far[1] - va ? far[0] : far[1];
    if (guest) {
        hpa_t ma = hpa(0);
        page->guest = bits_of(&g);
        page->pa = g.at.v;
        page->no_ram = !machine_frame(m, gpa(g.at.v), &ma, &page->traced);
        page->ma = ma.v;
    }
    if (!vmm) r = g;
    if (real) {
        page->real = bits_of(&r);
        page->real_ma = r.at.v;
    }
    return guest || real;
}

unsigned machine_pages(const struct machine *m, struct machine_page *list, unsigned room)
{
    unsigned n = 0;
    uint32_t end = m->technique->hypervisor && !m->technique->hardware ? WINDOW_BASE : 0;
    const struct mmu mmu = guest_mmu(m);
    for (uint32_t va = 0, next; ; va = next) {
        struct machine_page page;
        if (look_both(m, &mmu, va, &page, &next)) {
            if (n && n <= room && follows(&list[n - 1], &page)) list[n - 1].pages++;
            else if (n++ < room) list[n - 1] = page;
        }
        if (next == end || next < va) return n;
    }
}

/* Distinct tables below the current roots: an absent entry has none. */
unsigned machine_tables(const struct machine *m, bool real)
{
    enum { MOST = 4096 };
    static uint32_t seen[MOST]; /* frames of tables, all levels */
    unsigned n = 0;
    uint32_t end = m->technique->hypervisor && !m->technique->hardware ? WINDOW_BASE : 0;
    const struct mmu mmu = guest_mmu(m);
    for (uint32_t va = 0; ; va += SKIP) {
        struct xlat x;
        uint32_t next;
        (void)look(&(struct side){ m, real, &mmu }, va, &x, &next);
        for (unsigned i = 0; i < x.refs; i++) {
            uint32_t frame = x.ref[i].at.v >> PAGE_SHIFT;
            unsigned k = 0;
            while (k < n && seen[k] != frame) k++;
            if (k == n && n < MOST) seen[n++] = frame;
        }
        if (va + SKIP == end) return n;
    }
}
