/* Descriptors of a paravirtual guest: judged when they are installed, then read by the CPU where they lie. See paravirt.h.
 *
 * Idea: a descriptor in use was either checked by us or lies in the reserved part, so nothing is shadowed: the GDT the CPU reads
 * is the guest's own frames, seen through the area of the tables. SDM vol. 3A 3.4.5, 5.5; Xen's rules for descriptors. */
#include "sim/cpu/segment.h"
#include "sim/vmm/paravirt.h"

enum { HIGH_G = 1u << 23, HIGH_P = 1u << 15, HIGH_DPL = 3u << 13, HIGH_S = 1u << 12, HIGH_TYPE = 0xF00, HIGH_CODE = 1u << 11,
       HIGH_DOWN = 1u << 10, TYPE_CALL_GATE = 0xC00, GATE_RESERVED = 0xE0, DESCRIPTORS = 512 };

uint32_t pv_ring1(uint32_t selector) { return selector & 3 ? selector : selector | 1; }

bool pv_gate_selector(uint32_t selector)
{
    return (selector & 0xFFFF) == selector && ((selector & 4) || selector < XEN_FIRST_SELECTOR || selector == XEN_RING1_CS);
}

static uint32_t base_of(const uint32_t d[2]) { return d[0] >> 16 | (d[1] & 0xFF) << 16 | (d[1] & 0xFF000000u); }

/* Cuts a segment so that none of its bytes lies behind the part a guest may see. Cutting by pages only: the rest is refused. */
static bool cut(uint32_t end, uint32_t d[2])
{
    uint32_t base = base_of(d), units = ((d[1] & 0xF0000) | (d[0] & 0xFFFF)) + 1;
    uint64_t size = (uint64_t)units << (d[1] & HIGH_G ? 12 : 0), room;
    if (base >= end - PAGE_SIZE) return false;
    if ((d[1] & (HIGH_CODE | HIGH_DOWN)) == HIGH_DOWN) {
        if (base + size > UINT32_MAX) return true; /* begins behind the wrap, ends below its base */
        room = (0u - (base & PAGE_MASK)) & UINT32_MAX;
        if (!room) return false;
    } else {
        if (base + size <= end) return true;
        room = end - base;
    }
    if (!(d[1] & HIGH_G)) return false;
    uint32_t last = (uint32_t)(room >> 12) - 1;
    d[0] = (d[0] & 0xFFFF0000u) | (last & 0xFFFF);
    d[1] = (d[1] & ~0xF0000u) | (last & 0xF0000);
    return true;
}

uint32_t pv_segment_end(const struct paravirt *p) { return pv_pae(p) ? XEN_PAE_SEGMENT_END : XEN_SEGMENT_END; }

bool pv_judge_descriptor(const struct paravirt *p, uint32_t d[2])
{
    if (!(d[1] & HIGH_P)) return true; /* whoever uses it faults */
    if (!(d[1] & HIGH_DPL)) d[1] |= 1u << 13;
    if (d[1] & HIGH_S) return cut(pv_segment_end(p), d);
    if (!(d[1] & HIGH_TYPE)) return true;
    return (d[1] & HIGH_TYPE) == TYPE_CALL_GATE && pv_gate_selector(d[0] >> 16) && !(d[1] & GATE_RESERVED);
}

bool pv_judge_descriptors(void *pv, uint32_t frame)
{
    struct paravirt *p = pv;
    pv_charge(p, COST_PV_SCAN);
    for (uint32_t i = 0; i < DESCRIPTORS; i++) {
        uint32_t d[2] = { pv_frame_read(p, frame, i * 8, 4), pv_frame_read(p, frame, i * 8 + 4, 4) }, high = d[1], low = d[0];
        if (!pv_judge_descriptor(p, d)) return false;
        if (d[0] != low) pv_frame_write(p, frame, i * 8, 4, d[0]);
        if (d[1] != high) pv_frame_write(p, frame, i * 8 + 4, 4, d[1]);
    }
    return true;
}

/* ---- the area of the tables */

uint64_t pv_area_entry(const struct paravirt *p, uint32_t page)
{
    uint32_t at = page * direct_bytes(p->mmu);
    return pv_frame_read(p, p->area, at, 4) | (pv_pae(p) ? (uint64_t)pv_frame_read(p, p->area, at + 4, 4) << 32 : 0);
}

static void set_area(const struct paravirt *p, uint32_t page, uint32_t entry)
{
    uint32_t at = page * direct_bytes(p->mmu);
    pv_frame_write(p, p->area, at, 4, entry);
    if (pv_pae(p)) pv_frame_write(p, p->area, at + 4, 4, 0);
}

static void map(struct paravirt *p, uint32_t page, uint32_t entry)
{
    set_area(p, page, entry);
    p->v->vmmu.env.invlpg(p->v->vmmu.env.self, gva(PV_DOMAIN_AREA + (page << PAGE_SHIFT)));
}

enum { AREA_ENTRY = PTE_P | PTE_W | PTE_A | PTE_D }; /* writable: the CPU sets the accessed bits of descriptors */

static void load_ldtr(struct paravirt *p)
{
    struct cpu *real = p->v->vmm->board.cpu;
    window_ldt(&p->v->window, PV_DOMAIN_AREA + PV_LDT_OFFSET, p->ldt_entries ? p->ldt_entries * 8 - 1 : 0);
    uint32_t d[2];
    bus_peek(p->v->vmm->board.bus, window_hpa(&p->v->window, WINDOW_GDT + WINDOW_LDTR), d, sizeof d);
    if (p->ldt_entries) cpu_seg_set(&real->ldtr, WINDOW_LDTR, d[0], d[1]);
    else seg_load_null(&real->ldtr, 0);
    pv_charge(p, COST_SYSTEM);
}

void pv_segments_init(struct paravirt *p)
{
    struct bus *machine = p->v->vmm->board.bus;
    static const uint32_t flat[4] = { 0x00CFBA00, 0x00CFB200, 0x00CFFA00, 0x00CFF200 };
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t d[2] = { 0x0000FFFF, flat[i] | 0x100 /* accessed */ };
        cut(pv_segment_end(p), d);
        bus_poke(machine, window_hpa(&p->v->window, WINDOW_GDT + XEN_FIRST_SELECTOR + 0x18 + 8 * i), d, sizeof d);
    }
    for (uint32_t i = XEN_GDT_PAGES; i < PV_TABLE_PAGES; i++)
        set_area(p, i, window_hpa(&p->v->window, WINDOW_GDT + i * PAGE_SIZE).v | AREA_ENTRY);
    pv_load_tables(p);
}

void pv_load_tables(struct paravirt *p)
{
    p->v->vmm->board.cpu->gdtr = (struct table_reg){ PV_DOMAIN_AREA, 0xFFFF };
    load_ldtr(p);
}

static void drop_gdt(struct paravirt *p)
{
    for (uint32_t i = 0; i < p->gdt_frames; i++) {
        map(p, i, 0);
        direct_drop(p->mmu, p->gdt_frame[i]);
    }
    p->gdt_frames = 0;
}

void pv_drop_tables(struct paravirt *p)
{
    drop_gdt(p);
    pv_forget_ldt(p);
    p->ldt_base = p->ldt_entries = 0;
}

int32_t pv_take_gdt(struct paravirt *p, const uint32_t *frame, uint32_t n)
{
    uint32_t taken = 0;
    enum direct_rule rule = DIRECT_OK;
    while (taken < n && !rule) rule = direct_take(p->mmu, frame[taken++], FRAME_SEGMENTS);
    if (rule) {
        for (taken--; taken; taken--) direct_drop(p->mmu, frame[taken - 1]);
        return pv_error(rule);
    }
    drop_gdt(p);
    for (; p->gdt_frames < n; p->gdt_frames++) {
        p->gdt_frame[p->gdt_frames] = frame[p->gdt_frames];
        map(p, p->gdt_frames, frame[p->gdt_frames] << PAGE_SHIFT | AREA_ENTRY);
    }
    return 0;
}

/* arg: list of frames, number of descriptors. */
int32_t pv_set_gdt(struct paravirt *p, const uint32_t arg[6])
{
    uint32_t frame[XEN_GDT_PAGES], n = (uint32_t)(((uint64_t)arg[1] + DESCRIPTORS - 1) / DESCRIPTORS);
    if (arg[1] > XEN_GDT_PAGES * DESCRIPTORS) return -XEN_EINVAL;
    return pv_read(p, arg[0], frame, n * 4) ? pv_take_gdt(p, frame, n) : -XEN_EFAULT;
}

/* arg: machine address (low, high), descriptor (low, high). In a table in use, or in memory that may become one. */
int32_t pv_update_descriptor(struct paravirt *p, const uint32_t arg[6])
{
    uint32_t frame = arg[0] >> PAGE_SHIFT, d[2] = { arg[2], arg[3] };
    if (arg[1] || (arg[0] & 7)) return -XEN_EINVAL;
    if (!direct_owns(p->mmu, frame)) return pv_error(direct_refuse(p->mmu, DIRECT_FOREIGN, frame, arg[3]));
    if (!pv_judge_descriptor(p, d)) return pv_error(direct_refuse(p->mmu, DIRECT_SEGMENT, frame, arg[3]));
    const struct direct_frame *f = &p->mmu->frame[frame];
    enum direct_type type = f->uses && f->type == FRAME_SEGMENTS ? FRAME_SEGMENTS : FRAME_WRITABLE;
    enum direct_rule rule = direct_take(p->mmu, frame, type);
    if (rule) return pv_error(rule);
    pv_frame_write(p, frame, arg[0] & 0xFF8, 4, d[0]);
    pv_frame_write(p, frame, (arg[0] & 0xFF8) + 4, 4, d[1]);
    direct_drop(p->mmu, frame);
    return 0;
}

void pv_forget_ldt(struct paravirt *p)
{
    for (uint32_t i = 0; i < PV_TABLE_PAGES; i++) {
        if (!(p->ldt_mapped & 1u << i)) continue;
        uint32_t frame = direct_frame(pv_area_entry(p, PV_TABLE_PAGES + i));
        map(p, PV_TABLE_PAGES + i, 0);
        direct_drop(p->mmu, frame);
    }
    p->ldt_mapped = 0;
}

int32_t pv_set_ldt(struct paravirt *p, uint32_t base, uint32_t entries)
{
    if ((base & (PAGE_SIZE - 1)) || entries > 8192 || (entries && (uint64_t)base + entries * 8 > direct_hole(p->mmu))) return -XEN_EINVAL;
    pv_forget_ldt(p);
    p->ldt_base = base;
    p->ldt_entries = entries;
    load_ldtr(p);
    return 0;
}

/* Maps the page of the LDT that the guest's own tables have there, if it passes as one. */
static bool map_ldt_page(struct paravirt *p, uint32_t page)
{
    struct xlat x;
    struct fault f;
    if (!p->ldt_entries || page > (p->ldt_entries * 8 - 1) >> PAGE_SHIFT) return false;
    if (p->ldt_mapped & 1u << page) return true;
    if (!mmu_probe(&p->v->virt_mmu, gva(p->ldt_base + (page << PAGE_SHIFT)), ACCESS_READ, &x, &f) || x.absent) return false;
    if (direct_take(p->mmu, x.at.v >> PAGE_SHIFT, FRAME_SEGMENTS)) return false;
    map(p, PV_TABLE_PAGES + page, (x.at.v & PAGE_MASK) | AREA_ENTRY);
    p->ldt_mapped |= 1u << page;
    return true;
}

bool pv_table_fault(struct paravirt *p, uint32_t at, uint32_t code, struct fault *f)
{
    uint32_t offset = at - PV_DOMAIN_AREA;
    if (offset >= PV_LDT_OFFSET) {
        offset -= PV_LDT_OFFSET;
        if (map_ldt_page(p, offset >> PAGE_SHIFT)) return true;
        *f = (struct fault){ .vector = VEC_PF, .has_code = true, .code = code, .addr = p->ldt_base + offset };
    } else { /* a page of the GDT that the guest has not filled: as if the table ended before it */
        *f = (struct fault){ .vector = VEC_GP, .has_code = true, .code = offset & 0xFFF8 };
    }
    return false;
}

/* The frame in which a descriptor is; FRAME_NONE: in none. */
static uint32_t frame_of(struct paravirt *p, uint16_t selector)
{
    uint32_t offset = selector & 0xFFF8u, page = offset >> PAGE_SHIFT;
    if (!(selector & 0xFFFC)) return FRAME_NONE;
    if (selector & 4) {
        if (offset + 7 >= p->ldt_entries * 8 || !map_ldt_page(p, page)) return FRAME_NONE;
        page += PV_TABLE_PAGES;
    }
    uint64_t entry = pv_area_entry(p, page);
    return entry & PTE_P ? direct_frame(entry) : FRAME_NONE;
}

bool pv_descriptor(struct paravirt *p, uint16_t selector, uint32_t d[2])
{
    uint32_t frame = frame_of(p, selector);
    if (frame == FRAME_NONE) return false;
    d[0] = pv_frame_read(p, frame, selector & 0xFF8u, 4);
    d[1] = pv_frame_read(p, frame, (selector & 0xFF8u) + 4, 4);
    return true;
}

bool pv_set_descriptor(struct paravirt *p, uint16_t selector, const uint32_t d[2])
{
    uint32_t frame = frame_of(p, selector);
    if (frame == FRAME_NONE || (!(selector & 4) && selector >= XEN_FIRST_SELECTOR)) return false;
    pv_frame_write(p, frame, selector & 0xFF8u, 4, d[0]);
    pv_frame_write(p, frame, (selector & 0xFF8u) + 4, 4, d[1]);
    return true;
}

/* ---- back to the guest */

/* What IRET to an outer ring checks of CS and SS, and of EIP. SDM vol. 2, IRET. */
bool pv_can_return(struct paravirt *p)
{
    const struct cpu *c = &p->v->virt;
    uint16_t cs = c->seg[SEG_CS].sel, ss = c->seg[SEG_SS].sel;
    uint32_t d[2], s[2];
    struct seg_reg code, stack;
    unsigned rpl = cs & 3;
    if (!rpl || !pv_descriptor(p, cs, d) || !pv_descriptor(p, ss, s) || (ss & 3) != rpl) return false;
    cpu_seg_set(&code, cs, d[0], d[1]);
    cpu_seg_set(&stack, ss, s[0], s[1]);
    if (!(code.ar & AR_P) || !(stack.ar & AR_P) || !ar_code(code.ar) || !ar_writable(stack.ar)) return false;
    if (ar_conforming(code.ar) ? ar_dpl(code.ar) > rpl : ar_dpl(code.ar) != rpl) return false;
    return ar_dpl(stack.ar) == rpl && c->eip <= code.limit;
}

bool pv_load_data_segments(struct paravirt *p)
{
    static const uint8_t data[] = { SEG_DS, SEG_ES, SEG_FS, SEG_GS };
    struct cpu *real = p->v->vmm->board.cpu;
    for (unsigned i = 0; i < sizeof data; i++) {
        uint16_t sel = p->v->virt.seg[data[i]].sel;
        uint32_t d[2];
        if (sel & 0xFFFC) pv_charge(p, COST_MOV_SEG);
        if ((sel & 0xFFFC) && !pv_descriptor(p, sel, d)) return false;
        if (seg_load(real, data[i], sel) == STEP_FAULT) return false;
    }
    return true;
}
