/* Groups about protection: segments, far transfers, gates, user code, faults, page tables. */
#include "tests/equiv/groups.h"

/* ---- segments ---- */

static void use_segment(struct kernel *k, unsigned seg)
{
    static const uint8_t prefix[] = { 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65 };
    static const uint32_t offsets[] = { 0, 4, 0x7C, 0x7E, 0xFC, 0xFFC, 0x1000, 0x1FFE, 0x7FFC, 0xFFFE, 0xFFFFFFFC };
    struct emit *e = &k->e;
    uint32_t at = one_in(e, 3) ? some_scratch(k, 8) : PICK(e, offsets);
    bool store = one_in(e, 4) && at >= AT_SCRATCH && at < AT_SCRATCH + SCRATCH_BYTES; /* a base may lead it astray: see limits */
    OP(e, prefix[seg], store ? 0xA2 : 0xA1), put32(e, at);
}

static void load_segment(struct kernel *k, unsigned seg, uint16_t sel)
{
    struct emit *e = &k->e;
    static const uint8_t pops[] = { 0x07, 0, 0x17, 0x1F };
    if (one_in(e, 2)) set_reg(k, 0, sel), OP(e, 0x8E, (uint8_t)(0xC0 | seg << 3));
    else if (seg < 4) OP32(e, sel, 0x68), OP(e, pops[seg]);
    else OP32(e, sel, 0x68), OP(e, 0x0F, seg == 4 ? 0xA1 : 0xA9);
}

static void data_segments(struct kernel *k)
{
    static const uint8_t segs[] = { 0, 3, 4, 5, 4, 5 };
    struct emit *e = &k->e;
    for (unsigned n = 1 + below(e, 3); n--;) {
        unsigned seg = PICK(e, segs);
        load_segment(k, seg, some_selector(k));
        if (!one_in(e, 3)) use_segment(k, seg);
    }
}

static void far_pointers(struct kernel *k) /* LDS LES LFS LGS, LSS */
{
    static const uint8_t ops[] = { 0xB4, 0xB5, 0xB2 };
    struct emit *e = &k->e;
    uint32_t at = some_scratch(k, 8), op = one_in(e, 2) ? 0 : PICK(e, ops);
    OP32(e, at, 0xC7, 0x05), put32(e, op == 0xB2 ? AT_STACK0 - 64 : chance(e));
    OP32(e, at + 4, 0xC7, 0x05), put32(e, op == 0xB2 && !one_in(e, 4) ? SEL_DATA0 : some_selector(k));
    if (op == 0xB2) OP(e, 0x0F), OP32(e, at, 0xB2, 0x25);
    else if (op) OP(e, 0x0F), OP32(e, at, (uint8_t)op, 0x15);
    else OP32(e, at, 0xC4, 0x15);
}

static void stack_segment(struct kernel *k)
{
    struct emit *e = &k->e;
    OP(e, 0xFA);
    set_reg(k, 0, one_in(e, 2) ? SEL_DATA0 : some_selector(k));
    OP(e, 0x8E, 0xD0), OP32(e, one_in(e, 3) ? AT_STACK0 - 4 * below(e, 64) : 0x800, 0xBC);
    OP(e, 0x50, 0x53, 0x59);
    set_reg(k, 0, SEL_DATA0), OP(e, 0x8E, 0xD0), OP32(e, AT_STACK0, 0xBC);
}

/* A descriptor changes in memory while a register may hold it. */
static void change_descriptor(struct kernel *k)
{
    struct emit *e = &k->e;
    uint32_t slot = AT_GDT + SEL_FREE + 8 * below(e, SEL_FREE_N);
    uint16_t sel = (uint16_t)(slot - AT_GDT);
    unsigned seg = one_in(e, 2) ? 4 : 5;
    if (one_in(e, 6)) slot = AT_LDT + 8 * below(e, 8), sel = (uint16_t)((slot - AT_LDT) | 4);
    if (one_in(e, 2)) load_segment(k, seg, sel);
    switch (below(e, 4)) {
    case 0: OP32(e, slot + 5, 0xC6, 0x05), put8(e, 0x92 | below(e, 4) << 5 | below(e, 2)); break; /* rights */
    case 1: OP32(e, slot + 2, 0xC7, 0x05), put32(e, 0x92000000u | (AT_SCRATCH + (below(e, 16) << 8))); break; /* base and rights */
    case 2: OP32(e, slot, 0x66, 0xC7, 0x05), put16(e, below(e, 0x8000)); break;                    /* limit */
    default: OP32(e, slot + 5, 0x80, 0x35), put8(e, 0x80); break;                                  /* present */
    }
    if (one_in(e, 2)) use_segment(k, seg);
    if (one_in(e, 2)) load_segment(k, seg, sel), use_segment(k, seg);
}

/* ---- far transfers ---- */

static void far_transfers(struct kernel *k)
{
    static const uint16_t codes[] = { SEL_CODE0, SEL_CODE0, SEL_CONFORMING, SEL_EXEC_ONLY, SEL_CODE3, SEL_GATE3, SEL_GATE0, SEL_GATE16,
                                      20, SEL_DATA0, SEL_ABSENT, 0 };
    struct emit *e = &k->e;
    uint16_t sel = one_in(e, 4) ? some_selector(k) : PICK(e, codes);
    uint32_t at = some_scratch(k, 8), push;
    OP(e, 0xFA);
    switch (below(e, 5)) {
    case 0: OP32(e, 0x1111, 0x68), OP32(e, 0x2222, 0x68), OP32(e, k->far_ret, 0x9A), put16(e, sel), OP(e, 0x83, 0xC4, 8); break;
    case 1:
        OP32(e, at, 0xC7, 0x05), put32(e, k->far_ret), OP32(e, at + 4, 0x66, 0xC7, 0x05), put16(e, sel), OP32(e, at, 0xFF, 0x1D);
        break;
    case 2: OP32(e, e->at + 7, 0xEA), put16(e, sel); break;
    case 3: /* push selector; push address; retf */
        OP32(e, sel, 0x68), OP(e, 0x68), push = put_later(e), put8(e, 0xCB), poke32(e, push - 4, e->at);
        break;
    default: /* iret in the same ring */
        OP32(e, chance(e) & 0x7ED5u & ~(1u << 10) & ~(1u << 14), 0x68), OP32(e, sel, 0x68), OP(e, 0x68);
        push = put_later(e), put8(e, 0xCF), poke32(e, push - 4, e->at);
    }
    OP32(e, e->at + 7, 0xEA), put16(e, SEL_CODE0);
}

/* ---- user code ---- */

/* By IRET to ring 3, sometimes 1 or 2. */
static void go_to_user(struct kernel *k)
{
    static const uint16_t codes[] = { SEL_CODE3, SEL_CODE3, SEL_CODE3, SEL_CODE1, SEL_CODE2 };
    struct emit *e = &k->e;
    uint16_t code = PICK(e, codes), data = (uint16_t)(code + 8);
    uint32_t flags = 2 | (one_in(e, 2) ? 0x200u : 0) | (one_in(e, 3) ? 0x3000u : one_in(e, 4) ? 0x1000u : 0) | (one_in(e, 6) ? 0x40000u : 0), later;
    if (one_in(e, 12)) flags |= 0x100;
    OP32(e, data, 0x68), OP32(e, AT_STACK3, 0x68), OP32(e, flags, 0x68), OP32(e, code, 0x68), OP(e, 0x68);
    later = put_later(e);
    if (one_in(e, 8)) put8(e, 0x66), k->e.at--; /* plain IRETD always */
    put8(e, 0xCF);
    poke32(e, later - 4, e->at);
    if (!one_in(e, 3)) OP32(e, data, 0xB8), OP(e, 0x8E, 0xD8, 0x8E, 0xC0); /* DPL 0 was dropped on the way */
}

static void user(struct kernel *k)
{
    struct emit *e = &k->e;
    go_to_user(k);
    k->user = true;
    for (unsigned n = 1 + below(e, 4); n--;) group_pick(k)->emit(k);
    if (one_in(e, 3)) OP32(e, 0x3333, 0x68), OP32(e, 0x4444, 0x68), OP32(e, 0, 0x9A), put16(e, one_in(e, 2) ? SEL_GATE3 : 0x17);
    OP(e, 0xCD, 0x80);
    k->user = false;
}

/* ---- faults ---- */

static void faults(struct kernel *k)
{
    static const uint8_t bad[][4] = { { 0x0F, 0x0B, 0x90, 0x90 }, { 0xF0, 0x90, 0x90, 0x90 }, { 0x8E, 0xC8, 0x90, 0x90 }, { 0x0F, 0x20, 0xC8, 0x90 },
                                      { 0xC4, 0xC0, 0x90, 0x90 }, { 0x0F, 0x01, 0xC8, 0x90 }, { 0x0F, 0xFF, 0x90, 0x90 } };
    struct emit *e = &k->e;
    switch (below(e, 7)) {
    case 0: OP(e, 0x31, 0xC9, 0xF7, 0xF1); break;                                       /* div by 0 */
    case 1: put(e, PICK(e, bad), 4); break;
    case 2: OP32(e, AT_SCRATCH, 0x62, 0x05); break;                                     /* bound */
    case 3: set_reg(k, 0, 0), OP(e, 0x8E, 0xD8), OP32(e, AT_SCRATCH, 0xA1); break;      /* through a null DS */
    case 4: OP32(e, PLAYGROUND + 0x10000 + below(e, 0x100000), 0xA1); break;            /* not mapped */
    case 5: OP(e, 0xD4, 0); break;                                                      /* aam 0 */
    default: OP32(e, 0xFFC00000u + below(e, 0x3FFFFF), 0xA1); break;                    /* the top of the address space */
    }
}

/* The stack is gone when the fault comes: #DF, and without a task for it the end. */
static void double_fault(struct kernel *k)
{
    struct emit *e = &k->e;
    OP(e, 0xFA);
    if (one_in(e, 4)) { /* an IDT without the entry, the stack is good */
        OP32(e, AT_VARS + 0x50, 0x66, 0xC7, 0x05), put16(e, 0x4F);
        OP32(e, AT_VARS + 0x52, 0xC7, 0x05), put32(e, AT_IDT);
        OP(e, 0x0F), OP32(e, AT_VARS + 0x50, 0x01, 0x1D);
        OP(e, 0x0F), OP32(e, 0, 0x00, 0x1D); /* ltr [0]: #GP, whose gate is beyond the limit */
        OP(e, 0x0F), OP32(e, AT_VARS + 0x48, 0x01, 0x1D);
        return;
    }
    OP32(e, PLAYGROUND + 0x20000, 0xBC), OP(e, 0x50);
}

/* ---- page tables ---- */

static void touch(struct kernel *k, uint32_t lin)
{
    static const uint8_t ops[] = { 0xA1, 0xA3, 0xA0, 0xA2 };
    OP32(&k->e, lin, PICK(&k->e, ops));
}

static uint32_t table_entry(struct kernel *k, unsigned n) /* where entry n of the playground's table can be written */
{
    const uint32_t ways[] = { AT_PT1, ALIAS + AT_PT1, TABLES + (k->pae ? PLAYGROUND >> 21 : PLAYGROUND >> 22) * 0x1000 };
    return kernel_entry(k, PICK(&k->e, ways), n);
}

/* mov dword [at], v; of a PAE entry sometimes the upper half first: a frame beyond 4 GB, a reserved bit, or nothing. */
static void put_entry(struct kernel *k, uint32_t at, uint32_t v)
{
    struct emit *e = &k->e;
    if (k->pae && one_in(e, 6)) OP32(e, at + 4, 0xC7, 0x05), put32(e, one_in(e, 3) ? below(e, 16) : one_in(e, 2) ? 0x10u << below(e, 28) : 0);
    OP32(e, at, 0xC7, 0x05), put32(e, v);
}

static void page_table(struct kernel *k)
{
    struct emit *e = &k->e;
    unsigned n = below(e, PLAYGROUND_PAGES);
    uint32_t lin = PLAYGROUND + 0x1000 * n + (below(e, 0x400) << 2), at = table_entry(k, n);
    if (one_in(e, 2)) touch(k, lin);
    put_entry(k, at, (AT_SCRATCH + 0x1000 * below(e, 8)) | below(e, 8) | (one_in(e, 4) ? 0x60u : 0));
    if (one_in(e, 4)) OP(e, 0x0F, 0x20, 0xD8, 0x0F, 0x22, 0xD8);
    else OP(e, 0x0F), OP32(e, lin, 0x01, 0x3D);
    for (unsigned m = 1 + below(e, 2); m--;) touch(k, lin);
    OP32(e, at, 0x8B, 0x1D); /* mov ebx, entry: accessed and dirty bits */
}

static void load_cr3(struct kernel *k, uint32_t v) { OP32(&k->e, v, 0xB8), OP(&k->e, 0x0F, 0x22, 0xD8); }

/* PDPTEs are registers: memory may say otherwise until they are loaded, and a bad one is refused. */
static void pdpt(struct kernel *k)
{
    struct emit *e = &k->e;
    uint32_t at = AT_PDPT + 32 * below(e, 2) + 16; /* the third quarter's */
    OP32(e, at, 0xC7, 0x05), put32(e, one_in(e, 4) ? 0 : (one_in(e, 2) ? AT_PD : AT_PD2) | 1u | (one_in(e, 6) ? 2u : 0));
    touch(k, 0x80000000u + PLAYGROUND + 0x1000 * below(e, PLAYGROUND_PAGES));
    if (one_in(e, 6)) load_cr3(k, AT_PDPT + 64);
    else load_cr3(k, kernel_cr3(k, below(e, 2)));
    touch(k, (one_in(e, 2) ? 0x80000000u : 0xC0000000u) + PLAYGROUND + 0x1000 * below(e, PLAYGROUND_PAGES));
}

/* A whole table comes and goes, and the other directory is tried. */
static void directories(struct kernel *k)
{
    struct emit *e = &k->e;
    uint32_t lin = PLAYGROUND + 0x1000 * below(e, PLAYGROUND_PAGES) + 8, large = one_in(e, 4) ? 0u : 0x80u;
    if (k->pae && one_in(e, 4)) {
        pdpt(k);
        return;
    }
    switch (below(e, 4)) {
    case 0: put_entry(k, kernel_directory_entry(k, 0, PLAYGROUND), (one_in(e, 2) ? AT_PT1 : AT_PT2) | below(e, 8)); break;
    case 1: load_cr3(k, kernel_cr3(k, below(e, 2))); break;
    case 2: put_entry(k, kernel_directory_entry(k, 1, PLAYGROUND), AT_PT2 | below(e, 8) | (one_in(e, 8) ? 0x80u : 0)); break;
    default: put_entry(k, kernel_directory_entry(k, 0, ALIAS), large | 3u | (one_in(e, 2) ? 4u : 0)); break;
    }
    OP(e, 0x0F, 0x20, 0xD8, 0x0F, 0x22, 0xD8);
    touch(k, lin);
    OP32(e, ALIAS + AT_SCRATCH + (below(e, 0x1000) << 2), 0xA1);
    OP32(e, kernel_directory_entry(k, 0, PLAYGROUND), 0x8B, 0x1D);
    OP32(e, kernel_directory_entry(k, 0, ALIAS), 0x8B, 0x0D);
}

const struct group groups_rings[] = {
    { "data-segments", 8, true, data_segments },   { "far-pointers", 3, true, far_pointers }, { "stack-segment", 3, false, stack_segment },
    { "descriptor", 6, false, change_descriptor }, { "far", 8, false, far_transfers },        { "user", 14, false, user },
    { "faults", 7, true, faults },                 { "double-fault", 2, false, double_fault }, { "page-table", 9, false, page_table },
    { "directories", 5, false, directories },      { NULL, 0, false, NULL },
};
