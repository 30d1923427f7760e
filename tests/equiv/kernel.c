/* The image around the groups: header, tables, handlers. See kernel.h. */
#include "tests/equiv/kernel.h"
#include "tests/equiv/groups.h"

uint32_t kernel_group_at[GROUPS_MOST + 1];

/* ---- tables ---- */

static uint64_t segment(uint32_t base, uint32_t limit, uint32_t rights)
{
    uint32_t low = base << 16 | (limit & 0xFFFF);
    uint32_t high = (base & 0xFF000000u) | (rights & 0xF000) << 8 | (limit & 0xF0000) | (rights & 0xFF) << 8 | (base >> 16 & 0xFF);
    return (uint64_t)high << 32 | low;
}

static uint64_t gate(uint16_t sel, uint32_t offset, unsigned rights, unsigned params)
{
    return (uint64_t)((offset & 0xFFFF0000u) | rights << 8 | params) << 32 | (uint32_t)sel << 16 | (offset & 0xFFFF);
}

static void entry(struct kernel *k, uint32_t table, unsigned at, uint64_t d) { poke(&k->e, table + (at & ~7u), &d, 8); }

/* A descriptor nobody planned. */
static uint64_t some_segment(struct emit *e)
{
    static const uint8_t types[] = { 0x90, 0x91, 0x92, 0x93, 0x94, 0x96, 0x97, 0x98, 0x99, 0x9A, 0x9B, 0x9E, 0x10, 0x12, 0x1A, 0x82,
                                     0x89, 0x00 };
    uint32_t base = one_in(e, 3) ? 0 : one_in(e, 8) ? chance(e) : AT_SCRATCH + below(e, 0x4000);
    uint32_t limit = one_in(e, 3) ? 0xFFFFF : below(e, 0x8000), flags = one_in(e, 3) ? 0xC000 : one_in(e, 2) ? 0x4000 : 0;
    return segment(base, limit, flags | PICK(e, types) | below(e, 4) << 5);
}

static void gdt(struct kernel *k)
{
    struct emit *e = &k->e;
    uint8_t down = one_in(e, 2) ? 0x96 : 0x97;
    entry(k, AT_GDT, SEL_CODE0, segment(0, 0xFFFFF, 0xC09A));
    entry(k, AT_GDT, SEL_DATA0, segment(0, 0xFFFFF, 0xC092));
    entry(k, AT_GDT, SEL_CODE3, segment(0, 0xFFFFF, 0xC0FA));
    entry(k, AT_GDT, SEL_DATA3, segment(0, 0xFFFFF, 0xC0F2));
    entry(k, AT_GDT, SEL_TSS, segment(AT_TSS, 0x6FF, 0x89));
    entry(k, AT_GDT, SEL_TASK, segment(AT_TASK, 103, 0x89));
    entry(k, AT_GDT, SEL_LDT, segment(AT_LDT, 0x3F, 0x82));
    entry(k, AT_GDT, SEL_CONFORMING, segment(0, 0xFFFFF, 0xC09E));
    entry(k, AT_GDT, SEL_BASED, segment(AT_SCRATCH, 0x3FFF, 0x4092));
    entry(k, AT_GDT, SEL_READ_ONLY, segment(AT_SCRATCH, 0x7FFF, 0x40F0));
    entry(k, AT_GDT, SEL_ABSENT, segment(0, 0xFFFFF, 0xC012));
    entry(k, AT_GDT, SEL_GATE3, gate(SEL_CODE0, k->gate_target, 0xEC, 2));
    entry(k, AT_GDT, SEL_GATE0, gate(SEL_CODE0, k->gate_target, 0x8C, 2));
    entry(k, AT_GDT, SEL_SMALL, segment(AT_SCRATCH + 0x100, 0x7F, 0x40F2));
    entry(k, AT_GDT, SEL_DOWN, segment(one_in(e, 2) ? 0 : AT_SCRATCH, below(e, 0x100), 0xC000u | down));
    entry(k, AT_GDT, SEL_EXEC_ONLY, segment(0, 0xFFFFF, 0xC098));
    entry(k, AT_GDT, SEL_TASK_GATE, (uint64_t)0xE500 << 32 | SEL_TASK << 16);
    entry(k, AT_GDT, SEL_GATE16, gate(SEL_CODE_LOW, k->gate_target16 - AT_CODE, 0xE4, 1));
    entry(k, AT_GDT, SEL_DOWN16, segment(AT_SCRATCH, 0xFFF, down));
    entry(k, AT_GDT, SEL_CODE1, segment(0, 0xFFFFF, 0xC0BA));
    entry(k, AT_GDT, SEL_DATA1, segment(0, 0xFFFFF, 0xC0B2));
    entry(k, AT_GDT, SEL_CODE2, segment(0, 0xFFFFF, 0xC0DA));
    entry(k, AT_GDT, SEL_DATA2, segment(0, 0xFFFFF, 0xC0D2));
    entry(k, AT_GDT, SEL_CODE_LOW, segment(AT_CODE, 0xFFFF, 0x409A));
    for (unsigned n = 0; n < SEL_FREE_N; n++) entry(k, AT_GDT, SEL_FREE + 8 * n, some_segment(e));
    entry(k, AT_LDT, 0, segment(AT_SCRATCH, 0x1FFF, 0x40F2));
    entry(k, AT_LDT, 8, segment(0, 0xFFFFF, 0xC092));
    entry(k, AT_LDT, 16, gate(SEL_CODE0, k->gate_target, 0xEC, 2));
    for (unsigned n = 3; n < 8; n++) entry(k, AT_LDT, 8 * n, some_segment(e));
}

uint32_t kernel_cr3(const struct kernel *k, unsigned directory)
{
    if (k->pae) return AT_PDPT + 32 * directory;
    return directory ? AT_PD2 : AT_PD;
}

uint32_t kernel_directory_entry(const struct kernel *k, unsigned directory, uint32_t at)
{
    return kernel_entry(k, directory ? AT_PD2 : AT_PD, k->pae ? at >> 21 & 511 : at >> 22);
}

/* The first and the last quarter are the directory's, the third the other's, the second nobody's. */
static void pdpts(struct emit *e)
{
    for (unsigned n = 0; n < 3; n++) {
        uint32_t mine = n == 1 ? AT_PD2 : AT_PD, other = n == 1 ? AT_PD : AT_PD2, at = AT_PDPT + 32 * n;
        poke32(e, at, mine | 1), poke32(e, at + 16, other | 1 | (n == 2 ? 0x20u : 0)), poke32(e, at + 24, mine | 1);
    }
}

static void pages(struct kernel *k)
{
    struct emit *e = &k->e;
    const uint32_t large = k->pae ? 0x200000 : 0x400000;
    for (unsigned n = 0; n < large >> 12; n++) poke32(e, kernel_entry(k, AT_PT0, n), n << 12 | 7);
    /* The tables' pages are accessed from the start: who loads from shadows of them need not touch them, which is nobody's loss. */
    for (unsigned n = AT_GDT >> 12; n <= AT_LDT >> 12; n++) poke32(e, kernel_entry(k, AT_PT0, n), n << 12 | 0x27);
    if (k->pae) pdpts(e);
    for (unsigned dir = 0; dir < 2; dir++) {
        uint32_t pt = dir ? AT_PT2 : AT_PT1;
        poke32(e, kernel_directory_entry(k, dir, 0), AT_PT0 | 7);
        poke32(e, kernel_directory_entry(k, dir, PLAYGROUND), pt | 7);
        for (uint32_t at = 0; at < 0x400000; at += large) poke32(e, kernel_directory_entry(k, dir, ALIAS + at), at | 0x87);
        poke32(e, kernel_directory_entry(k, dir, TABLES), (dir ? AT_PD2 : AT_PD) | 3);
        for (unsigned n = 0; n < PLAYGROUND_PAGES; n++)
            poke32(e, kernel_entry(k, pt, n), (AT_SCRATCH + below(e, 8) * 0x1000) | below(e, 8));
    }
}

/* Ports a ring-3 program may use, if the map says so: the tests use a few. */
static void tss(struct kernel *k)
{
    struct emit *e = &k->e;
    poke32(e, AT_TSS + 4, AT_STACK0);
    poke32(e, AT_TSS + 8, SEL_DATA0);
    poke32(e, AT_TSS + 12, AT_STACK3 - 0x400), poke32(e, AT_TSS + 16, SEL_DATA1);
    poke32(e, AT_TSS + 20, AT_STACK3 - 0x800), poke32(e, AT_TSS + 24, SEL_DATA2);
    poke32(e, AT_TSS + 100, 104u << 16);
    for (unsigned n = 0; n < 0x700 - 104; n++) {
        bool named = n == 0x80 / 8 || n == 0x3F8 / 8 || n == 0xE8 / 8; /* the others are the kernel's, or know the time */
        e->image[AT_TSS - AT_CODE + 104 + n] = !named ? 0xFF : one_in(e, 3) ? 0 : (uint8_t)chance(e);
    }
}

/* ---- runtime ---- */

static void log_begin(struct kernel *k) /* EDI: a new record; to finish if there is no more room */
{
    struct emit *e = &k->e;
    OP32(e, VAR_LOG, 0x8B, 0x3D);                                  /* mov edi, [log] */
    OP32(e, AT_LOG_END - LOG_RECORD, 0x81, 0xFF);                  /* cmp edi, end */
    if (k->endless) OP32(e, AT_LOG, 0x72, 0x05, 0xBF);             /* jb; mov edi, log */
    else OP(e, 0x0F, 0x83), put_to(e, k->finish);                  /* jae finish */
    if (k->endless) OP32(e, VAR_LOG, 0x89, 0x3D);
    OP32(e, VAR_LOG, 0x83, 0x05), put8(e, LOG_RECORD);             /* add dword [log], 32 */
}

static void log_stack(struct kernel *k, unsigned above, unsigned field)
{
    OP(&k->e, 0x8B, 0x44, 0x24, (uint8_t)above, 0x89, 0x47, (uint8_t)(4 * field)); /* mov eax, [esp+above]; mov [edi+4f], eax */
}

static void good_data(struct kernel *k) { OP(&k->e, 0x66, 0xB8, SEL_DATA0, 0, 0x8E, 0xD8, 0x8E, 0xC0, 0xFC); } /* DS, ES; cld */

/* A fault or a system call: vector, code, EIP, CS, EFLAGS, CR2, EAX, ECX into the log; then the next group. */
static uint32_t common(struct kernel *k)
{
    struct emit *e = &k->e;
    uint32_t at = e->at;
    OP(e, 0x60);                                                   /* pusha */
    good_data(k);
    OP(e, 0x0F), OP32(e, AT_VARS + 0x48, 0x01, 0x1D);              /* lidt: a group may have come without one */
    log_begin(k);
    for (unsigned n = 0; n < 5; n++) log_stack(k, 32 + 4 * n, n);
    OP(e, 0x83, 0x3F, 14, 0x75, 6, 0x0F, 0x20, 0xD0, 0x89, 0x47, 0x14); /* #PF: CR2 */
    log_stack(k, 28, 6);
    log_stack(k, 24, 7);
    OP32(e, SEL_DATA0, 0xB8), OP(e, 0x8E, 0xD0);                   /* mov ss, 10h */
    OP32(e, AT_STACK0, 0xBC);
    OP32(e, VAR_RESUME, 0xFF, 0x25);                               /* jmp [resume] */
    return at;
}

/* Debug traps are counted and gone back from; after a dozen TF and DR7 are cleared. */
static uint32_t debug(struct kernel *k)
{
    struct emit *e = &k->e;
    uint32_t at = e->at;
    OP(e, 0x60, 0x1E, 0x06);                                       /* pusha; push ds; push es */
    good_data(k);
    log_begin(k);
    OP32(e, 0xDB, 0xC7, 0x07);
    OP(e, 0x0F, 0x21, 0xF0, 0x89, 0x47, 0x04);                     /* DR6 */
    for (unsigned n = 0; n < 3; n++) log_stack(k, 40 + 4 * n, 2 + n);
    OP(e, 0x31, 0xC0, 0x0F, 0x23, 0xF0);
    OP32(e, VAR_STEPS, 0xFF, 0x05);
    OP32(e, VAR_STEPS, 0x83, 0x3D), put8(e, 12);
    OP(e, 0x72, 17);                                               /* jb */
    OP32(e, VAR_STEPS, 0xA3);
    OP(e, 0x0F, 0x23, 0xF8);                                       /* mov dr7, eax */
    OP32(e, ~0x100u, 0x81, 0x64, 0x24, 0x30), put8(e, 0x90);       /* and dword [esp+30h], ~TF; nop */
    OP32(e, 0x10000, 0x81, 0x4C, 0x24, 0x30);                      /* or dword [esp+30h], RF */
    OP(e, 0x07, 0x1F, 0x61, 0xCF);
    return at;
}

static uint32_t interrupt(struct kernel *k, bool tick)
{
    struct emit *e = &k->e;
    uint32_t at = e->at;
    put8(e, 0x50);
    if (tick) OP32(e, VAR_TICKS, 0x36, 0xFF, 0x05); /* through SS: DS may hold what can no longer be loaded */
    OP(e, 0xB0, 0x20, 0xE6, 0x20, 0x58, 0xCF);
    return at;
}

static uint32_t stub(struct kernel *k, unsigned vector, uint32_t to)
{
    struct emit *e = &k->e;
    uint32_t at = e->at;
    if (!(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17)) OP(e, 0x6A, 0);
    OP32(e, vector, 0x68);
    OP(e, 0xE9), put_to(e, to);
    return at;
}

/* A double fault's own task: logs, makes the main task one that goes on with the next group, and returns to it. */
static uint32_t task(struct kernel *k)
{
    struct emit *e = &k->e;
    uint32_t at = e->at;
    OP(e, 0x0F), OP32(e, AT_VARS + 0x48, 0x01, 0x1D);
    log_begin(k);
    OP32(e, 0xDF, 0xC7, 0x07);
    for (unsigned n = 0; n < 3; n++) {
        static const uint8_t from[] = { 0x20, 0x24, 0x4C }; /* EIP, EFLAGS, CS of the main task */
        OP32(e, AT_TSS + from[n], 0xA1), OP(e, 0x89, 0x47, (uint8_t)(4 + 4 * n));
    }
    OP32(e, VAR_RESUME, 0xA1), OP32(e, AT_TSS + 0x20, 0xA3);
    OP32(e, AT_TSS + 0x24, 0xC7, 0x05), put32(e, 2);
    OP32(e, AT_TSS + 0x38, 0xC7, 0x05), put32(e, AT_STACK0);
    for (unsigned n = 0; n < 6; n++)
        OP32(e, AT_TSS + 0x48 + 4 * n, 0xC7, 0x05), put32(e, n == 1 ? SEL_CODE0 : n > 3 ? 0 : SEL_DATA0);
    OP(e, 0xBC), put32(e, AT_TASK_STACK);
    OP(e, 0xCF, 0xE9), put_to(e, at);                              /* iret; jmp task */
    return at;
}

static void task_tss(struct kernel *k, uint32_t eip)
{
    struct emit *e = &k->e;
    const struct { uint8_t at; uint32_t value; } fields[] = {
        { 0x04, AT_TASK_STACK }, { 0x08, SEL_DATA0 }, { 0x1C, kernel_cr3(k, 0) }, { 0x24, 2 }, { 0x38, AT_TASK_STACK }, { 0x48, SEL_DATA0 },
        { 0x4C, SEL_CODE0 }, { 0x50, SEL_DATA0 }, { 0x54, SEL_DATA0 }, { 0x64, 104u << 16 },
    };
    for (unsigned n = 0; n < sizeof fields / sizeof fields[0]; n++) poke32(e, AT_TASK + fields[n].at, fields[n].value);
    poke32(e, AT_TASK + 0x20, eip);
    poke32(e, AT_TSS + 0x1C, kernel_cr3(k, 0));
}

/* Wipes the stacks, on which interrupts came where they liked, and ends the machine. */
static void finish(struct kernel *k)
{
    struct emit *e = &k->e;
    k->finish = e->at;
    OP(e, 0xFA), good_data(k);
    OP32(e, SEL_DATA0, 0xB8), OP(e, 0x8E, 0xD0), OP32(e, AT_STACK0, 0xBC);
    OP(e, 0xE8), put_to(e, k->sync);
    OP32(e, AT_STACKS, 0xBF), OP32(e, (AT_SCRATCH - AT_STACKS) / 4, 0xB9), OP(e, 0x31, 0xC0, 0xF3, 0xAB);
    OP(e, 0xE6, 0xF4, 0xF4);                                       /* out 0F4h, al; hlt */
}

/* Waits until every tick that was asked for has been handled. IF is clear behind it. */
static void sync(struct kernel *k)
{
    struct emit *e = &k->e;
    k->sync = e->at;
    OP(e, 0xFA);
    OP32(e, VAR_TICKS, 0xA1), OP32(e, VAR_EXPECTED, 0x3B, 0x05);   /* mov eax, [ticks]; cmp eax, [expected] */
    OP(e, 0x73, 4, 0xFB, 0xF4, 0xEB, 0xEC + 2);                    /* jae; sti; hlt; jmp */
    OP(e, 0xC3);
}

/* All registers but EFLAGS into the log. */
static void log_state(struct kernel *k)
{
    struct emit *e = &k->e;
    k->log_state = e->at;
    OP(e, 0x60);
    log_begin(k);
    for (unsigned n = 0; n < 8; n++) log_stack(k, 4 * n, n);
    OP(e, 0x61, 0xC3);
}

/* A call gate's other side: its two parameters into the log. */
static void gate_targets(struct kernel *k)
{
    struct emit *e = &k->e;
    k->gate_target = e->at;
    OP(e, 0x60);
    log_begin(k);
    OP32(e, 0xCA, 0xC7, 0x07);
    for (unsigned n = 0; n < 6; n++) log_stack(k, 32 + 4 * n, 1 + n); /* EIP, CS, parameters, outer ESP, SS */
    OP(e, 0x61, 0xCA, 8, 0);                                       /* retf 8 */
    k->far_ret = e->at;
    OP(e, 0xCB);
    k->gate_target16 = e->at;                                      /* its caller's EIP is lost: there is no way back */
    OP(e, 0xCD, 0x80);
}

static void idt(struct kernel *k)
{
    struct emit *e = &k->e;
    uint32_t to = common(k), trap = debug(k), tick = interrupt(k, true), other = interrupt(k, false), double_task = task(k);
    uint32_t soft = e->at;
    OP32(e, VAR_SOFT, 0xFF, 0x05), OP(e, 0xCF);                    /* inc dword [soft]; iret */
    for (unsigned v = 0; v < 0x20; v++) entry(k, AT_IDT, 8 * v, gate(SEL_CODE0, v == 1 ? trap : stub(k, v, to), v == 3 || v == 4 ? 0xEE : 0x8E, 0));
    for (unsigned v = 0x20; v < 0x30; v++) entry(k, AT_IDT, 8 * v, gate(SEL_CODE0, v == 0x20 ? tick : other, 0x8E, 0));
    if (one_in(e, 2)) entry(k, AT_IDT, 8 * 8, (uint64_t)0x8500 << 32 | SEL_TASK << 16);
    entry(k, AT_IDT, 8 * 0x30, gate(SEL_CODE0, soft, 0x8E, 0));
    entry(k, AT_IDT, 8 * 0x31, gate(SEL_CODE0, soft, 0xEF, 0));
    entry(k, AT_IDT, 8 * 0x32, gate(SEL_CODE0, soft, 0x6E, 0));     /* not present */
    entry(k, AT_IDT, 8 * 0x33, (uint64_t)0xE500 << 32 | SEL_TASK << 16);
    entry(k, AT_IDT, 8 * 0x34, gate(SEL_DATA0, soft, 0xEE, 0));     /* to data */
    entry(k, AT_IDT, 8 * 0x35, gate(SEL_CONFORMING, soft, 0xEF, 0));
    entry(k, AT_IDT, 8 * 0x36, gate(SEL_CODE3, soft, 0xEE, 0));     /* outward */
    entry(k, AT_IDT, 8 * 0x80, gate(SEL_CODE0, stub(k, 0x80, to), 0xEE, 0));
    task_tss(k, double_task);
}

static void header(struct kernel *k)
{
    struct emit *e = &k->e;
    static const uint32_t words[] = { 0x1BADB002, 0x00010000, -(0x1BADB002u + 0x00010000u), AT_CODE, AT_CODE, AT_IMAGE_END,
                                      AT_IMAGE_END, AT_CODE + 32 };
    put(e, words, sizeof words);
}

static const uint16_t pic_setup[][2] = { { 0x20, 0x11 }, { 0x21, 0x20 }, { 0x21, 4 }, { 0x21, 1 }, { 0xA0, 0x11 }, { 0xA1, 0x28 },
                                         { 0xA1, 2 }, { 0xA1, 1 }, { 0x21, 0xFE }, { 0xA1, 0xFF } };

/* From the boot loader's state to the kernel's own tables, paging, an empty log. Ends in a jump whose target comes later. */
static uint32_t start(struct kernel *k)
{
    struct emit *e = &k->e;
    static const uint16_t limit_gdt = SEL_LAST + 7, limit_idt = 0x80 * 8 + 7;
    uint32_t gdtr = AT_VARS + 0x40, idtr = AT_VARS + 0x48;
    poke(e, gdtr, &limit_gdt, 2), poke32(e, gdtr + 2, AT_GDT);
    poke(e, idtr, &limit_idt, 2), poke32(e, idtr + 2, AT_IDT);
    poke32(e, VAR_LOG, AT_LOG);
    OP32(e, gdtr, 0x0F, 0x01, 0x15), OP32(e, idtr, 0x0F, 0x01, 0x1D);
    OP32(e, kernel_cr3(k, 0), 0xB8), OP(e, 0x0F, 0x22, 0xD8);
    OP32(e, 0x10u | (one_in(e, 2) ? 0x80u : 0) | (one_in(e, 4) ? 4u : 0) | (k->pae ? 0x20u : 0), 0xB8); /* PSE, PGE, TSD, PAE */
    OP(e, 0x0F, 0x22, 0xE0);
    OP32(e, 0x80000031u | (one_in(e, 2) ? 0x10000u : 0) | (one_in(e, 3) ? 0x40000u : 0) | (one_in(e, 3) ? 2u : 0), 0xB8);
    OP(e, 0x0F, 0x22, 0xC0);
    OP32(e, e->at + 7, 0xEA), put16(e, SEL_CODE0);
    OP32(e, SEL_DATA0, 0xB8), OP(e, 0x8E, 0xD8, 0x8E, 0xC0, 0x8E, 0xD0, 0x8E, 0xE0, 0x8E, 0xE8);
    OP32(e, AT_STACK0, 0xBC);
    OP(e, 0x66, 0xB8, SEL_TSS, 0, 0x0F, 0x00, 0xD8, 0x66, 0xB8, SEL_LDT, 0, 0x0F, 0x00, 0xD0);
    for (unsigned n = 0; n < sizeof pic_setup / sizeof pic_setup[0]; n++)
        OP(e, 0xB0, (uint8_t)pic_setup[n][1], 0xE6, (uint8_t)pic_setup[n][0]);
    OP(e, 0xE9);
    return put_later(e);
}

/* ---- groups ---- */

static uint64_t group_seed(uint64_t seed, unsigned n) { return seed * 0x100000001B3u + n * 0x9E3779B97F4A7C15u; }

static unsigned group_count(uint64_t seed)
{
    struct emit e = { .chance = seed ^ 0x5EED };
    return 3 + below(&e, GROUPS_MOST - 3);
}

uint32_t kernel_group_begin(struct kernel *k)
{
    struct emit *e = &k->e;
    k->user = false;
    OP32(e, VAR_RESUME, 0xC7, 0x05);
    uint32_t next = put_later(e);
    OP32(e, AT_STACK0, 0xBC);
    return next;
}

void kernel_group_end(struct kernel *k, uint32_t begun) { poke32(&k->e, begun - 4, k->e.at); }

static void one_group(struct kernel *k, uint64_t seed, unsigned n)
{
    struct emit *e = &k->e;
    e->chance = group_seed(seed, n);
    k->user = false;
    const struct group *g = group_pick(k);
    uint32_t begun = kernel_group_begin(k);
    if (one_in(e, 2)) set_reg(k, some_reg(k), some_value(k));
    g->emit(k);
    OP(e, 0xE8), put_to(e, k->log_state);
    kernel_group_end(k, begun);
}

const char *kernel_group(uint64_t seed, unsigned n)
{
    static struct kernel k;
    k.e.chance = group_seed(seed, n);
    k.user = false;
    return group_pick(&k)->name;
}

void kernel_begin(struct kernel *k, uint64_t seed)
{
    struct emit *e = &k->e;
    memset(k->image, 0, sizeof k->image);
    k->pae = (seed * 0x9E3779B97F4A7C15u >> 62) == 0;
    *e = (struct emit){ .image = k->image, .base = AT_CODE, .at = AT_CODE, .end = AT_CODE_END, .chance = seed };
    header(k);
    uint32_t body = start(k);
    sync(k);
    finish(k);
    poke32(e, VAR_RESUME, k->finish);
    log_state(k);
    gate_targets(k);
    idt(k);
    gdt(k);
    pages(k);
    tss(k);
    for (uint32_t at = AT_SCRATCH; at < AT_SCRATCH + SCRATCH_BYTES; at += 4) poke32(e, at, chance(e));
    put_here(e, body);
}

void kernel_end(struct kernel *k) { OP(&k->e, 0xE9), put_to(&k->e, k->finish); }

unsigned kernel_build(struct kernel *k, uint64_t seed, uint32_t keep)
{
    k->endless = false;
    kernel_begin(k, seed);
    unsigned n = group_count(seed);
    for (unsigned i = 0; i < n; i++) {
        kernel_group_at[i] = k->e.at;
        if (keep >> i & 1) one_group(k, seed, i);
    }
    kernel_group_at[n] = k->e.at;
    kernel_end(k);
    return n;
}
