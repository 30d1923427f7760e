/* The board under the laboratory: its tables, and putting it back. See lab_board.h.
 *
 * Idea 1: everything the CPU needs lies in RAM as an operating system would have put it there; the A and D bits of the
 * page tables and the accessed bits of the descriptors are set from the start, so that an ordinary case changes none.
 * Idea 2: a case starts from copies. The CPU is copied from one that was set up in its ring and never ran; of the system's
 * frames those are copied that are marked as stored to.
 *
 * SDM vol. 3A 2.1 (what there has to be), 3.4.5 (descriptors), 4.3 (page tables), 6.11 (gates), 7.2.1 (TSS). */
#include "sim/lab_board.h"

#include <stddef.h>
#include <string.h>
#include "sim/cpu/segment.h"
#include "sim/mmu/pte.h"

enum { VECTORS = 256, SYSTEM_RIGHTS = PTE_P | PTE_W | PTE_A | PTE_D, USER_RIGHTS = SYSTEM_RIGHTS | PTE_U,
       CODE_RIGHTS = PTE_P | PTE_U | PTE_A | PTE_D, LIMIT_PAGES = 0x2FFFF };

static void put32(struct lab *l, unsigned frame, uint32_t offset, uint32_t v)
{
    memcpy(l->tables + frame * PAGE_SIZE + offset, &v, sizeof v);
}

static void put_desc(struct lab *l, unsigned frame, uint32_t offset, uint32_t base, uint32_t limit, uint32_t ar)
{
    put32(l, frame, offset, (limit & 0xFFFF) | base << 16);
    put32(l, frame, offset + 4, (base & 0xFF000000u) | (base >> 16 & 0xFF) | ar << 8 | (limit & 0xF0000));
}

static void put_page(struct lab *l, unsigned table, uint32_t at, unsigned frame, uint32_t rights)
{
    put32(l, FRAME_DIRECTORY, pde_slot(at) * 4u, table * PAGE_SIZE | USER_RIGHTS);
    put32(l, table, pte_slot(at) * 4u, frame * PAGE_SIZE | rights);
}

static void build_pages(struct lab *l)
{
    for (unsigned n = 0; n < LAB_AREA / PAGE_SIZE; n++) {
        uint32_t offset = n * PAGE_SIZE;
        put_page(l, FRAME_LOW_TABLE, LAB_LOW + offset, FRAME_LOW + n, USER_RIGHTS);
        put_page(l, FRAME_DATA_TABLE, LAB_DATA + offset, FRAME_DATA + n, USER_RIGHTS);
        put_page(l, FRAME_CODE_TABLE, LAB_CODE + offset, FRAME_OF_CODE + n, CODE_RIGHTS);
    }
    for (unsigned frame = 0; frame < FRAME_CASE; frame++)
        put_page(l, FRAME_SYSTEM_TABLE, SYSTEM_PAGE(frame), frame, SYSTEM_RIGHTS);
}

static uint16_t code_selector(unsigned ring) { return ring == 3 ? 0x0F : (uint16_t)(0x08 + 17 * ring); }
static uint16_t data_selector(unsigned ring) { return ring == 3 ? 0x07 : (uint16_t)(0x10 + 17 * ring); }

enum {
    CODE32 = AR_P | AR_S | AR_CODE | AR_WRITE | AR_ACCESSED | AR_DB | AR_G,
    DATA32 = AR_P | AR_S | AR_WRITE | AR_ACCESSED | AR_DB | AR_G
};

static void build_segments(struct lab *l)
{
    for (uint32_t ring = 0; ring < 3; ring++) {
        put_desc(l, FRAME_GDT, code_selector(ring) & ~7u, 0, LIMIT_PAGES, CODE32 | ring << 5);
        put_desc(l, FRAME_GDT, data_selector(ring) & ~7u, 0, LIMIT_PAGES, DATA32 | ring << 5);
    }
    put_desc(l, FRAME_GDT, SEL_LDT, SYSTEM_PAGE(FRAME_LDT), 8 * LAB_LDT_ENTRIES - 1, AR_P | SYS_LDT);
    put_desc(l, FRAME_GDT, SEL_TSS, SYSTEM_PAGE(FRAME_GDT) + TSS_AT, 0x67, AR_P | SYS_TSS32_BUSY);
    put_desc(l, FRAME_GDT, SEL_HANDLERS, 0, 0xFFFFF, CODE32);
    put_desc(l, FRAME_GDT, SEL_SYSTEM_STACK, 0, 0xFFFFF, DATA32);
    lab_board_ldt(l, &(struct lab_ldt){ .n = 0, .limit = LIMIT_PAGES, .seg32 = true, .pages = true });
    lab_board_ldt(l, &(struct lab_ldt){ .n = 1, .limit = LIMIT_PAGES, .contents = 2, .seg32 = true, .pages = true });
}

/* INT 3 and INT 4 are open to every ring, as operating systems have them; all other gates to ring 0 only. */
static void build_gates(struct lab *l)
{
    uint32_t handlers = SYSTEM_PAGE(FRAME_HANDLERS);
    for (uint32_t v = 0; v < VECTORS; v++) {
        uint32_t entry = handlers + 4 * v, dpl = v == VEC_BP || v == VEC_OF ? AR_DPL : 0;
        put32(l, FRAME_IDT, 8 * v, (entry & 0xFFFF) | SEL_HANDLERS << 16);
        put32(l, FRAME_IDT, 8 * v + 4, (entry & 0xFFFF0000u) | (AR_P | dpl | SYS_INT32) << 8);
    }
    memset(l->tables + FRAME_HANDLERS * PAGE_SIZE, 0xF4, PAGE_SIZE); /* HLT; nothing ever runs there */
    for (uint32_t ring = 0; ring < 3; ring++) {
        put32(l, FRAME_GDT, TSS_AT + 4 + 8 * ring, SYSTEM_PAGE(FRAME_STACKS) + 1024 * (ring + 1));
        put32(l, FRAME_GDT, TSS_AT + 8 + 8 * ring, ring ? data_selector(ring) : SEL_SYSTEM_STACK);
    }
    put32(l, FRAME_GDT, TSS_AT + 0x64, 0x68u << 16); /* no I/O permission map */
}

/* Fields and defaults as the Linux call has them: DPL 3, present, accessed. */
void lab_board_ldt(struct lab *l, const struct lab_ldt *t)
{
    uint32_t ar = AR_P | AR_DPL | AR_S | AR_ACCESSED | (uint32_t)t->contents << 2 | (t->readonly ? 0 : AR_WRITE) |
                  (t->seg32 ? AR_DB : 0) | (t->pages ? AR_G : 0);
    uint32_t offset = 8 * t->n, frame = FRAME_LDT + offset / PAGE_SIZE;
    put_desc(l, frame, offset % PAGE_SIZE, t->base, t->limit, ar);
    memcpy(l->ram + frame * PAGE_SIZE, l->tables + frame * PAGE_SIZE, PAGE_SIZE);
    if (t->n >= l->ldt_entries) l->ldt_entries = t->n + 1;
}

void lab_board_forget(struct lab *l)
{
    uint8_t *table = l->tables + FRAME_LDT * PAGE_SIZE;
    if (l->ldt_entries <= 2) return;
    memset(table + 16, 0, 8 * (size_t)(l->ldt_entries - 2));
    memcpy(l->ram + FRAME_LDT * PAGE_SIZE, table, 8 * (size_t)l->ldt_entries);
    l->ldt_entries = 2;
}

static void load(struct lab *l, struct seg_reg *s, uint16_t sel)
{
    uint32_t word[2], offset = (sel & 4 ? FRAME_LDT * PAGE_SIZE : FRAME_GDT * PAGE_SIZE) + (sel & ~7u);
    memcpy(word, l->tables + offset, sizeof word);
    cpu_seg_set(s, sel, word[0], word[1]);
}

/* A set that neither uses has nothing in it that anybody looks at. */
static void tlb_state(struct tlb *to, const struct tlb *from)
{
    enum { REST = offsetof(struct tlb, open) };
    uint32_t sets = to->used | from->used;
    for (unsigned set = 0; sets; set++, sets >>= 1)
        if (sets & 1) memcpy(to->e[set], from->e[set], sizeof to->e[set]);
    memcpy((char *)to + REST, (const char *)from + REST, sizeof *to - REST);
}

/* Of all lanes the machine's only owner's are used. */
enum { STATE_END = offsetof(struct lab_state, clock.by_lane) + 8 * sizeof ((struct lab_state *)0)->clock.by_lane[0] };

/* Sixty kilobytes, of which a case changes few: no caches and no predictor are modelled here, so theirs stay as they are. `to` has
 * been a whole copy once: even a set that nobody uses says of every page that it is not there, which zeros do not. */
void lab_board_state(struct lab_state *to, const struct lab_state *from)
{
    enum { TLBS = offsetof(struct cpu, dtlb), BEHIND = offsetof(struct cpu, timed), CACHES = offsetof(struct cpu, lines), ENV = offsetof(struct cpu, env),
           END = STATE_END };
    memcpy(to, from, TLBS);
    tlb_state(&to->cpu.dtlb, &from->cpu.dtlb);
    tlb_state(&to->cpu.itlb, &from->cpu.itlb);
    memcpy((char *)to + BEHIND, (const char *)from + BEHIND, CACHES - BEHIND);
    memcpy((char *)to + ENV, (const char *)from + ENV, END - ENV);
    to->cpu.refs = from->cpu.refs, to->cpu.site = from->cpu.site, to->cpu.predicts = from->cpu.predicts;
}

/* As an IRET to that ring would have left it. */
static void start_in(struct lab *l, uint8_t ring)
{
    struct cpu *c = &l->now.cpu;
    cpu_reset(c);
    c->cr0 = CR0_PE | CR0_PG | CR0_AM | CR0_WP | CR0_ET;
    c->cr3 = FRAME_DIRECTORY * PAGE_SIZE;
    c->gdtr = (struct table_reg){ SYSTEM_PAGE(FRAME_GDT), GDT_BYTES - 1 };
    c->idtr = (struct table_reg){ SYSTEM_PAGE(FRAME_IDT), 8 * VECTORS - 1 };
    load(l, &c->ldtr, SEL_LDT);
    load(l, &c->tr, SEL_TSS);
    c->env.paging(c->env.mmu, c->cr0, c->cr3, c->cr4);
    fpu_init(&c->fpu);
    memset(c->reg, 0, sizeof c->reg);
    load(l, &c->seg[SEG_CS], code_selector(ring));
    for (unsigned s = 0; s < SEG_COUNT; s++) {
        if (s == SEG_SS || s == SEG_DS || s == SEG_ES) load(l, &c->seg[s], data_selector(ring));
        else if (s != SEG_CS) seg_load_null(&c->seg[s], 0);
    }
    cpu_set_cpl(c, ring);
    memcpy(&l->fresh[ring], &l->now, STATE_END);
}

static uint8_t no_interrupt(void *irq)
{
    (void)irq;
    return 0;
}

bool lab_board_build(struct lab *l, struct err *e)
{
    struct lab_state *s = &l->now;
    if (!model_find("ideal", &l->model, e)) return false;
    if (!arena_init(&l->arena, 1 << 20)) return err_set(e, EXIT_ENVIRONMENT, "no memory for the laboratory's board");
    s->clock.hz = l->model.hz;
    bus_init(&l->bus, l->ram, FRAMES, &s->clock, &l->arena);
    mmu_init(&s->mmu, &l->bus, &s->cpu.dtlb, &s->cpu.itlb, &s->clock, &l->model);
    struct cpu_env env = { .bus = &l->bus, .mmu = &s->mmu, .translate = mmu_translate, .fill = mmu_fill, .flush = mmu_flush,
                           .invlpg = mmu_invlpg, .paging = mmu_paging, .acknowledge = no_interrupt };
    bus_listen(&l->bus, (struct bus_listener){ cpu_code_written, &s->cpu });
    build_pages(l);
    build_segments(l);
    build_gates(l);
    memcpy(l->ram, l->tables, sizeof l->tables);
    cpu_init(&s->cpu, &env, &s->clock, &l->model, NULL, NULL);
    for (uint8_t ring = 0; ring < 4; ring++) start_in(l, ring);
    return true;
}

void lab_board_reset(struct lab *l, unsigned ring)
{
    for (uint32_t frame = 0; frame < FRAME_CASE; frame++) {
        if (!(l->bus.marks[frame] & FRAME_DIRTY)) continue;
        memcpy(l->ram + frame * PAGE_SIZE, l->tables + frame * PAGE_SIZE, PAGE_SIZE);
        l->bus.marks[frame] &= (uint8_t)~FRAME_DIRTY;
    }
    lab_board_state(&l->now, &l->fresh[ring]);
    l->now.cpu.blocks = l->blocks;
    l->now.cpu.ldtr.limit = 8 * l->ldt_entries - 1;
}

void lab_board_load(struct lab *l, const struct lab_image *im)
{
    for (uint32_t frame = FRAME_CASE; frame < FRAMES; frame++)
        if (l->bus.marks[frame] & FRAME_CODE) cpu_code_written(&l->now.cpu, frame, 0, PAGE_SIZE);
    memcpy(l->ram + FRAME_LOW * PAGE_SIZE, im->low, LAB_AREA);
    memcpy(l->ram + FRAME_DATA * PAGE_SIZE, im->data, LAB_AREA);
    memcpy(l->ram + FRAME_OF_CODE * PAGE_SIZE, im->code, LAB_AREA);
}
