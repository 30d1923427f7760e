/* Start of day: what the domain builder leaves in memory for a paravirtual kernel. See paravirt.h.
 *
 *   linear, from the image's virtual base (4 MB aligned); pseudo-physical page 0 is there
 *   | image | RAM disk | list of machine frames | start_info | store | console | [L3,] directories, tables | stack | >= 512 KB free |
 *
 * All of it is mapped, up to the next 4 MB, and writable but for the page tables. The tables pass the same checks as any that
 * the guest will make. Xen 3 xen.h, "start-of-day memory layout". */
#include <stddef.h>
#include <string.h>

#include "sim/cpu/cpuid.h"
#include "sim/cpu/segment.h"
#include "sim/vmm/paravirt.h"

enum { PADDING = 512 << 10, ALIGNMENT = 1 << PDE_SHIFT /* whatever a table spans */, CALL_SLOT = 32, IRET_CALL = 23 };

/* Page-frame numbers; and where the linear space that is mapped ends. */
struct layout { uint32_t p2m, info, store, console, tables, stack, end; };

static uint32_t pages(uint32_t bytes) { return (bytes + PAGE_SIZE - 1) >> PAGE_SHIFT; }

static uint32_t span(const struct pv_image *i) { return 1u << (i->pae ? PAE_PDE_SHIFT : PDE_SHIFT); }

/* Of the gigabyte that a directory of PAE is worth: is one needed, for what is mapped or for the hypervisor? */
static bool needs_directory(const struct pv_image *i, uint64_t end, unsigned n)
{
    return n == DIRECT_L3_SLOTS - 1 || ((uint64_t)(n + 1) << 30 > i->virt_base && (uint64_t)n << 30 < end);
}

/* Besides what CR3 names. */
static uint32_t directories(const struct pv_image *i, uint64_t end)
{
    uint32_t count = 0;
    for (unsigned n = 0; i->pae && n < DIRECT_L3_SLOTS; n++) count += needs_directory(i, end, n);
    return count;
}

static bool plan(const struct pv_image *i, uint32_t frames, struct layout *l, struct err *e)
{
    uint32_t image_end = i->mod_len ? i->mod_start + i->mod_len : i->end, tables = 1, hole = i->pae ? DIRECT_PAE_HOLE : DIRECT_HOLE;
    if (i->virt_base & (ALIGNMENT - 1))
        return err_set(e, EXIT_INPUT, "a paravirtual image with virtual base %08X: it must be a multiple of 4 MB, for the first "
                       "directory entry to begin there", i->virt_base);
    l->p2m = pages(image_end);
    l->info = l->p2m + pages(frames * 4);
    l->store = l->info + 1;
    l->console = l->store + 1;
    l->tables = l->console + 1;
    uint64_t end;
    do { /* tables need room, which tables map */
        tables++;
        l->stack = l->tables + tables;
        end = i->virt_base + (((uint64_t)(l->stack + 1) << PAGE_SHIFT) + PADDING + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    } while (1 + directories(i, end) + (end - i->virt_base) / span(i) > tables);
    if (end > hole)
        return err_set(e, EXIT_INPUT, "a paravirtual image that needs linear space %08X..%llX, but the hypervisor's part begins at "
                       "%08X; link it lower", i->virt_base, (unsigned long long)end, hole);
    l->end = (uint32_t)end;
    uint32_t need = l->stack + 1 + (PADDING >> PAGE_SHIFT);
    return need <= frames || err_set(e, EXIT_INPUT, "the image, its tables and their padding need %u KB, the domain begins with %u; use a "
                                     "larger --ram or memory.total", need * 4, frames * 4);
}

static uint32_t machine_frame(const struct vm *vm, uint32_t pfn) { return vm->pseudo.map[pfn]; }

static void poke(struct vm *vm, uint32_t pfn, uint32_t offset, const void *from, uint32_t n)
{
    bus_poke(&vm->pseudo, hpa((pfn << PAGE_SHIFT) + offset), from, n);
}

/* An entry of the table that page `table` holds. */
static void put(struct vm *vm, const struct pv_image *i, uint32_t table, uint32_t slot, uint64_t entry)
{
    unsigned bytes = i->pae ? 8 : 4;
    poke(vm, table, slot * bytes, &entry, bytes);
}

/* The L3, if there is one, and what it names; returns the page of the directory for each gigabyte (without PAE: the directory). */
static void build_top(struct vm *vm, const struct pv_image *i, const struct layout *l, uint32_t directory[DIRECT_L3_SLOTS])
{
    uint32_t next = l->tables + 1;
    for (unsigned n = 0; n < DIRECT_L3_SLOTS; n++) {
        directory[n] = l->tables;
        if (!i->pae || !needs_directory(i, l->end, n)) continue;
        directory[n] = next++;
        put(vm, i, l->tables, n, machine_frame(vm, directory[n]) << PAGE_SHIFT | PTE_P);
    }
}

static void build_tables(struct vm *vm, const struct pv_image *i, const struct layout *l, uint32_t frames)
{
    const uint32_t tables = (l->end - i->virt_base) / span(i), first = l->tables + 1 + directories(i, l->end), slots = i->pae ? PAE_SLOTS : PTE_SLOTS;
    uint32_t directory[DIRECT_L3_SLOTS];
    build_top(vm, i, l, directory);
    for (uint32_t t = 0; t < tables; t++) {
        uint32_t at = i->virt_base + t * span(i);
        put(vm, i, directory[at >> 30], at / span(i) % slots, machine_frame(vm, first + t) << PAGE_SHIFT | PTE_P | PTE_W | PTE_U | PTE_A | PTE_D);
    }
    for (uint32_t pfn = 0; pfn < (l->end - i->virt_base) >> PAGE_SHIFT && pfn < frames; pfn++) {
        bool table = pfn >= l->tables && pfn < l->stack;
        put(vm, i, first + pfn / slots, pfn % slots, machine_frame(vm, pfn) << PAGE_SHIFT | PTE_P | PTE_A | (table ? 0u : (uint32_t)PTE_W));
    }
}

static void build_lists(struct paravirt *p, const struct layout *l, uint32_t frames)
{
    struct vm *vm = p->v->vm;
    for (uint32_t pfn = 0; pfn < frames; pfn++) {
        uint32_t mfn = machine_frame(vm, pfn);
        poke(vm, l->p2m, pfn * 4, &mfn, 4);
        pv_set_m2p(p, mfn, pfn);
    }
}

/* mov eax, n; int 82h; ret. The slot of iret is entered by a jump, with the return frame on the stack. */
static void build_hypercall_page(struct vm *vm, uint32_t pfn)
{
    for (uint32_t n = 0; n < PAGE_SIZE / CALL_SLOT; n++) {
        uint8_t call[] = { 0xB8, (uint8_t)n, 0, 0, 0, 0xCD, XEN_GATE, 0xC3 };
        uint8_t iret[] = { 0x50, 0xB8, IRET_CALL, 0, 0, 0, 0xCD, XEN_GATE };
        poke(vm, pfn, n * CALL_SLOT, n == IRET_CALL ? iret : call, sizeof call);
    }
}

static void build_start_info(struct paravirt *p, const struct pv_image *i, const struct layout *l, uint32_t frames)
{
    struct vm *vm = p->v->vm;
    struct xen_start_info s = {
        .nr_pages = frames, .flags = pv_is_service(p) ? XEN_PRIVILEGED | XEN_INITIAL : 0,
        .shared_info = p->shared << PAGE_SHIFT, .store_mfn = p->store,
        .store_evtchn = p->v->vmm->service ? p->store_port : 0 /* nobody would answer */, .console_mfn = p->console, .console_evtchn = p->console_port,
        .pt_base = i->virt_base + (l->tables << PAGE_SHIFT), .nr_pt_frames = l->stack - l->tables,
        .mfn_list = i->virt_base + (l->p2m << PAGE_SHIFT),
        .mod_start = i->mod_len ? i->virt_base + i->mod_start : 0, .mod_len = i->mod_len,
    };
    strcpy(s.magic, i->pae ? XEN_PAE_MAGIC : XEN_MAGIC);
    strncpy(s.cmd_line, i->cmdline, sizeof s.cmd_line - 1);
    poke(vm, l->info, 0, &s, sizeof s);
}

static void boot_registers(struct paravirt *p, const struct pv_image *i, const struct layout *l)
{
    struct cpu *c = &p->v->virt;
    memset(c->reg, 0, sizeof c->reg);
    c->eip = i->entry;
    c->reg[ESI] = i->virt_base + (l->info << PAGE_SHIFT);
    c->reg[ESP] = i->virt_base + ((l->stack + 1) << PAGE_SHIFT);
    for (unsigned s = 0; s < SEG_COUNT; s++) c->seg[s].sel = s == SEG_CS ? XEN_RING1_CS : XEN_RING1_DS;
    cpu_set_flags(c, FLAG_ONE | FLAG_IF);
    c->cpl = 1;
    c->cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
    c->cr4 = CR4_PSE | CR4_PGE | (i->pae ? (uint32_t)CR4_PAE : 0u);
    c->gdtr = (struct table_reg){ PV_DOMAIN_AREA, 0xFFFF };
    p->kernel_ss = XEN_RING1_DS;
    p->kernel_sp = c->reg[ESP];
}

static void grant(struct paravirt *p, uint32_t ref, uint32_t frame)
{
    enum { PERMIT = 1 };
    pv_frame_write(p, p->grant, ref * 8 + 4, 4, frame);
    pv_frame_write(p, p->grant, ref * 8, 4, PERMIT | (uint32_t)XEN_DOM_SERVICE << 16);
}

/* The pages that the service domain may map: the store's, and the console's if that is its. */
static void grant_to_service(struct paravirt *p)
{
    enum { CONSOLE = 0, STORE = 1 };
    if (!p->v->vmm->service || pv_is_service(p)) return;
    grant(p, STORE, p->store);
    if (pv_console_is_split(p)) grant(p, CONSOLE, p->console);
}

void pv_introduce(struct paravirt *p)
{
    pv_events_init(p);
    grant_to_service(p);
}

/* The processor must have what the kernel was built for. */
static bool can_page(struct paravirt *p, const struct pv_image *i, struct err *e)
{
    const struct cpu *real = p->v->vmm->board.cpu;
    if (!i->pae) return true;
    if (real->model->levels > 2 || !cpuid_has(real, FEATURE_PAE))
        return err_set(e, EXIT_INPUT, "a paravirtual kernel with PAE page tables, and a processor that has %s",
                       real->model->levels > 2 ? "deeper ones instead (mmu.levels)" : "no PAE");
    p->v->model.without &= ~(uint32_t)FEATURE_PAE;
    pv_hypervisor_tables(p, true);
    return true;
}

bool pv_build(struct vm *vm, const struct pv_image *i, struct err *e)
{
    struct paravirt *p = vm->vcpu.pv;
    uint32_t frames = vm->frames;
    struct layout l = { 0 };
    if (!can_page(p, i, e) || !plan(i, frames, &l, e)) return false;
    if (i->hypercall_page && i->hypercall_page - i->virt_base > i->end - PAGE_SIZE)
        return err_set(e, EXIT_INPUT, "a paravirtual image whose hypercall page %08X lies behind its end", i->hypercall_page);
    pv_keep_image(p, i);
    p->console = machine_frame(vm, l.console);
    p->store = machine_frame(vm, l.store);
    pv_introduce(p);
    build_tables(vm, i, &l, frames);
    build_lists(p, &l, frames);
    build_start_info(p, i, &l, frames);
    if (i->hypercall_page) build_hypercall_page(vm, (i->hypercall_page - i->virt_base) >> PAGE_SHIFT);
    enum direct_rule rule = direct_pin(p->mmu, machine_frame(vm, l.tables), direct_base_type(p->mmu));
    if (!rule) rule = direct_set_base(p->mmu, machine_frame(vm, l.tables));
    if (rule) return err_set(e, EXIT_BUG, "the domain builder's own page tables: %s", direct_about(rule));
    /* The service domain has its ends of the rings mapped, for ever. */
    direct_take(p->mmu, p->console, FRAME_WRITABLE);
    direct_take(p->mmu, p->store, FRAME_WRITABLE);
    boot_registers(p, i, &l);
    return true;
}
