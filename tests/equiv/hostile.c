/* Hostile operations: each takes a random word of the guest's own generator in EAX, and does harm with it if it can.
 *
 * Stores, jumps and stacks in the hypervisor's window; forged descriptors, gates and tables that point there; page tables that
 * name frames the guest does not have; wild control registers, MSRs, ports and DMA. What a guest does to itself is its own
 * affair: it may die, and another one begins. The ports by which it would end the machine are left out. */
#include "tests/equiv/attack.h"
#include "tests/equiv/groups.h"

enum { VAR_RANDOM = AT_VARS + 0x80 };
#define WINDOW 0xFFC00000u

/* EAX: the next word of the generator; ECX is spoilt. */
static void next_random(struct kernel *k)
{
    struct emit *e = &k->e;
    OP32(e, VAR_RANDOM, 0xA1);
    OP32(e, 1664525, 0x69, 0xC0), OP32(e, 1013904223, 0x05);
    OP32(e, VAR_RANDOM, 0xA3);
    OP(e, 0x89, 0xC1, 0xC1, 0xE9, 0x0D, 0x31, 0xC8); /* ecx = eax >> 13; eax ^= ecx */
}

/* EBX: somewhere in the window, mostly; or just below it. */
static void aim(struct kernel *k)
{
    struct emit *e = &k->e;
    OP(e, 0x89, 0xC3);
    switch (below(e, 4)) {
    case 0: OP32(e, 0x3FFFF, 0x81, 0xE3), OP32(e, WINDOW, 0x81, 0xCB); break; /* the skin */
    case 1: OP32(e, 0xF, 0x81, 0xE3), OP32(e, WINDOW - 8, 0x81, 0xC3); break; /* its edge */
    default: OP32(e, WINDOW, 0x81, 0xCB); break;
    }
}

static void store_there(struct kernel *k)
{
    static const uint8_t ops[][3] = { { 0x89, 0x03, 0x90 }, { 0x88, 0x03, 0x90 }, { 0x87, 0x03, 0x90 }, { 0x01, 0x03, 0x90 }, { 0x0F, 0xC7, 0x0B },
                                      { 0x0F, 0xAB, 0x03 }, { 0xDD, 0x33, 0x90 }, { 0xD9, 0x33, 0x90 }, { 0xFF, 0x33, 0x90 }, { 0x8F, 0x03, 0x90 },
                                      { 0x0F, 0x01, 0x03 }, { 0x8C, 0x0B, 0x90 }, { 0xF6, 0x13, 0x90 }, { 0x0F, 0xB1, 0x03 } };
    aim(k);
    put(&k->e, PICK(&k->e, ops), 3);
}

static void strings_there(struct kernel *k)
{
    static const uint8_t ops[] = { 0xA4, 0xA5, 0xAA, 0xAB, 0xA6, 0xAE, 0x6C };
    struct emit *e = &k->e;
    aim(k);
    OP(e, 0x89, 0xDF), OP32(e, AT_SCRATCH, 0xBE), OP32(e, 9, 0xB9), OP32(e, 0x80, 0xBA), OP(e, 0xF3, PICK(e, ops));
}

static void stack_there(struct kernel *k)
{
    static const uint8_t ops[][2] = { { 0x50, 0x90 }, { 0x60, 0x90 }, { 0x9C, 0x90 }, { 0xC9, 0x90 }, { 0x58, 0x90 }, { 0xCD, 0x31 }, { 0xCF, 0x90 }, { 0x0E, 0x90 } };
    struct emit *e = &k->e;
    aim(k);
    OP(e, 0xFA, 0x89, 0xDC); /* cli; mov esp, ebx */
    put(e, PICK(e, ops), 2);
}

static void jump_there(struct kernel *k)
{
    struct emit *e = &k->e;
    aim(k);
    switch (below(e, 5)) {
    case 0: OP(e, 0xFF, 0xE3); break;
    case 1: OP(e, 0xFF, 0xD3); break;
    case 2: OP(e, 0x53, 0xC3); break;
    case 3: OP(e, 0x9C, 0x0E, 0x53, 0xCF); break; /* iret */
    default: OP32(e, 0x1B, 0x68), OP(e, 0x53, 0xCB); break;
    }
}

/* A far pointer of junk, or with one of the hypervisor's own selectors. */
static void far_there(struct kernel *k)
{
    struct emit *e = &k->e;
    aim(k);
    OP32(e, AT_SCRATCH, 0x89, 0x1D);
    if (one_in(e, 2)) OP32(e, AT_SCRATCH + 4, 0xA3);
    else OP32(e, AT_SCRATCH + 4, 0xC7, 0x05), put32(e, 0xFF00 + (below(e, 32) << 3 | below(e, 4)));
    switch (below(e, 4)) {
    case 0: OP32(e, AT_SCRATCH, 0xFF, 0x2D); break;
    case 1: OP32(e, AT_SCRATCH, 0xFF, 0x1D); break;
    case 2: OP(e, 0x0F), OP32(e, AT_SCRATCH, 0xB4, 0x1D); break;                                   /* lfs */
    default: OP32(e, AT_SCRATCH + 4, 0x66, 0x8E, one_in(e, 2) ? 0x1D : 0x25); break;                /* mov ds or fs */
    }
}

/* A descriptor out of thin air; then it is loaded, used, called. */
static void forge(struct kernel *k)
{
    struct emit *e = &k->e;
    uint16_t sel = (uint16_t)(SEL_FREE + 8 * below(e, SEL_FREE_N));
    OP32(e, (uint32_t)AT_GDT + sel, 0xA3);
    next_random(k);
    if (one_in(e, 2)) OP32(e, 0x00CF9000u | below(e, 16) << 8 | below(e, 4) << 13, 0x0D); /* mostly something present */
    if (one_in(e, 4)) OP32(e, 0xFFC0EC00u, 0xB8);                                          /* a call gate into the window */
    OP32(e, (uint32_t)AT_GDT + sel + 4, 0xA3);
    switch (below(e, 5)) {
    case 0: OP32(e, sel | below(e, 4), 0xB8), OP(e, 0x8E, 0xE0, 0x64, 0x89, 0x03); break;           /* mov fs; mov fs:[ebx], eax */
    case 1: OP32(e, sel, 0xB8), OP(e, 0xFA, 0x8E, 0xD0, 0x50); break;                               /* mov ss; push */
    case 2: OP32(e, chance(e), 0x9A), put16(e, sel); break;
    case 3: OP32(e, 0xFFC04000u, 0xEA), put16(e, sel); break;
    default: OP32(e, sel, 0xB8), OP(e, 0x0F, 0x00, one_in(e, 2) ? 0xD0 : 0xD8); break;              /* lldt, ltr */
    }
    OP32(e, SEL_LDT, 0xB8), OP(e, 0x0F, 0x00, 0xD0);
}

/* Tables of segments and gates where the hypervisor's are. */
static void tables_there(struct kernel *k)
{
    struct emit *e = &k->e;
    aim(k);
    OP32(e, AT_SCRATCH, 0xC7, 0x05), put32(e, one_in(e, 8) ? chance(e) : below(e, 0x400)); /* a long table takes long to shadow */
    OP32(e, AT_SCRATCH + 2, 0x89, 0x1D);
    OP(e, 0xFA, 0x0F), OP32(e, AT_SCRATCH, 0x01, 0x15);
    OP(e, 0x0F), OP32(e, AT_VARS + 0x40, 0x01, 0x15);
    if (one_in(e, 20)) OP(e, 0x0F), OP32(e, AT_SCRATCH, 0x01, 0x1D), OP(e, 0xCD, 0x30);
}

/* Page tables that name any frame: the hypervisor's, what lies beyond, the window itself. */
static void map_anything(struct kernel *k)
{
    struct emit *e = &k->e;
    uint32_t n = below(e, PLAYGROUND_PAGES);
    OP32(e, 7 | (one_in(e, 4) ? 0x100u : 0), 0x0D);
    if (one_in(e, 3)) OP32(e, 0x007FFFFFu, 0x25); /* low frames: that is where the hypervisor lives */
    switch (below(e, 6)) {
    case 0: OP32(e, kernel_directory_entry(k, 0, 0xFFC00000u), 0xA3); break;                       /* the window's own entry */
    case 1: OP32(e, 0x87, 0x0D), OP32(e, kernel_directory_entry(k, 0, 0xFF800000u), 0xA3); break;   /* 4 MB below it */
    case 2: OP32(e, kernel_directory_entry(k, 1, PLAYGROUND), 0xA3); break;
    default: OP32(e, kernel_entry(k, AT_PT1, n), 0xA3); break;
    }
    if (k->pae && one_in(e, 8)) OP32(e, AT_PDPT + 8 * below(e, 4), 0xA3);
    OP(e, 0x0F, 0x20, 0xD8, 0x0F, 0x22, 0xD8);
    OP32(e, one_in(e, 4) ? 0xFF800000u + below(e, 0x7FFFFF) : PLAYGROUND + 0x1000 * n, 0xBB);
    OP(e, 0x89, 0x03, 0x8B, 0x03);
}

static void control(struct kernel *k)
{
    struct emit *e = &k->e;
    switch (below(e, 8)) {
    case 0: OP32(e, 0xFFFFFFEFu & ~0x200u, 0x25), OP(e, 0x0F, 0x22, 0xE0);                                                       /* cr4 */
        OP32(e, k->pae ? 0x30 : 0x10, 0xB8), OP(e, 0x0F, 0x22, 0xE0);
        break;
    case 1: OP32(e, 0x80000011u, 0x0D), OP(e, 0x0F, 0x22, 0xC0), OP32(e, 0x80000011u, 0xB8), OP(e, 0x0F, 0x22, 0xC0); break;     /* cr0 */
    case 2: aim(k), OP(e, 0x0F, 0x23, 0xC3, 0x0F, 0x23, 0xF8, 0x0F, 0x23, 0xF0); break;                                       /* dr0, dr7, dr6 */
    case 3: OP(e, 0x89, 0xC1), OP32(e, 0x1FF, 0x81, 0xE1), OP(e, 0x31, 0xD2, 0x0F, 0x30); break;                              /* wrmsr */
    case 4: aim(k), OP32(e, 0x174 + below(e, 3), 0xB9), OP(e, 0x89, 0xD8, 0x31, 0xD2, 0x0F, 0x30, 0x0F, 0x34); break;         /* sysenter there */
    case 5: if (one_in(e, 10)) OP(e, 0x0F, 0x22, 0xD8); break;                                                                  /* cr3 */
    case 6: OP(e, 0x50, 0x9D, 0x9C, 0x58), OP32(e, 2, 0x68), OP(e, 0x9D); break;                                               /* popf */
    default: aim(k), OP(e, 0x0F, 0x01, 0x3B); break;                                                                            /* invlpg */
    }
}

/* Ports that end the machine, or hang it on purpose, are not asked for: F4, 64h, 92h, CF9, the power's. */
static void wild_ports(struct kernel *k)
{
    static const uint16_t bases[] = { 0x00, 0x10, 0x80, 0xC0, 0x1F0, 0x3C0, 0x3D0, 0x3F0, 0x170, 0xC000, 0xCF8, 0xCFC, 0x40, 0x70, 0x278 };
    struct emit *e = &k->e;
    OP32(e, PICK(e, bases) + below(e, 4), 0xBA);
    switch (below(e, 4)) {
    case 0: OP(e, 0xEC); break;
    case 1: OP(e, 0xEF); break;
    case 2: OP(e, 0xEE); break;
    default: aim(k), OP(e, 0x89, 0xDF), OP32(e, 3, 0xB9), OP(e, 0xF3, one_in(e, 2) ? 0x6D : 0x6C); break;
    }
}

/* Bus-master DMA with a list of memory that is nobody's business. */
static void dma(struct kernel *k)
{
    struct emit *e = &k->e;
    OP32(e, AT_SCRATCH + 0x100, 0xA3), OP32(e, AT_SCRATCH + 0x104, 0xC7, 0x05), put32(e, 0x80000200);
    OP32(e, 0x80000904, 0xB8), OP32(e, 0xCF8, 0xBA), OP(e, 0xEF), OP32(e, 5, 0xB8), OP32(e, 0xCFC, 0xBA), OP(e, 0xEF); /* bus master on */
    OP32(e, 0x80000920, 0xB8), OP32(e, 0xCF8, 0xBA), OP(e, 0xEF), OP32(e, 0xC001, 0xB8), OP32(e, 0xCFC, 0xBA), OP(e, 0xEF);
    OP32(e, AT_SCRATCH + 0x100, 0xB8), OP32(e, 0xC004, 0xBA), OP(e, 0xEF);
    OP32(e, 0x1F7, 0xBA), OP(e, 0xB0, one_in(e, 2) ? 0xC8 : 0xCA, 0xEE);
    OP32(e, 0xC000, 0xBA), OP(e, 0xB0, 0x09, 0xEE);
}

static void interrupts(struct kernel *k)
{
    struct emit *e = &k->e;
    OP(e, 0xCD, (uint8_t)(one_in(e, 2) ? 0xF0 + below(e, 16) : chance(e)));
}

static void go_user(struct kernel *k)
{
    struct emit *e = &k->e;
    OP32(e, SEL_DATA3, 0x68), OP32(e, AT_STACK3, 0x68), OP32(e, 0x3002, 0x68), OP32(e, SEL_CODE3, 0x68), OP(e, 0x68);
    uint32_t later = put_later(e);
    put8(e, 0xCF), poke32(e, later - 4, e->at);
    OP(e, 0x66, 0xBA, SEL_DATA3, 0, 0x8E, 0xDA, 0x8E, 0xC2);
}

static void v86(struct kernel *k)
{
    struct emit *e = &k->e;
    OP(e, 0x50, 0x50, 0x50, 0x50), OP32(e, 0x1000, 0x68), OP32(e, 0xFFF0, 0x68); /* gs fs ds es ss sp */
    OP32(e, 0x23002, 0x68), OP32(e, AT_SCRATCH >> 4 & 0xFFFF, 0x68), OP32(e, below(e, 0x100), 0x68), OP(e, 0xCF);
}

static const struct { void (*emit)(struct kernel *k); uint8_t weight; bool user; } operations[] = {
    { store_there, 8, true }, { strings_there, 4, true }, { stack_there, 4, true }, { jump_there, 6, true }, { far_there, 5, true },
    { forge, 8, false }, { tables_there, 4, true }, { map_anything, 8, false }, { control, 6, true }, { wild_ports, 5, true }, { dma, 1, false },
    { interrupts, 4, true }, { v86, 1, false },
};

static void (*pick(struct kernel *k, bool user))(struct kernel *)
{
    unsigned total = 0, n = 0;
    for (unsigned i = 0; i < sizeof operations / sizeof operations[0]; i++) total += operations[i].weight;
    for (;;) {
        unsigned at = below(&k->e, total);
        for (n = 0; at >= operations[n].weight; n++) at -= operations[n].weight;
        if (!user || operations[n].user) return operations[n].emit;
    }
}

void hostile_build(struct kernel *k, uint64_t seed)
{
    enum { OPERATIONS = 120 };
    k->endless = true;
    kernel_begin(k, seed);
    struct emit *e = &k->e;
    poke32(e, VAR_RANDOM, (uint32_t)seed * 2654435761u | 1);
    uint32_t first = e->at;
    for (unsigned n = 0; n < OPERATIONS; n++) {
        uint32_t begun = kernel_group_begin(k);
        OP32(e, VAR_SOFT, 0xFF, 0x05);
        bool user = one_in(e, 4);
        void (*operation)(struct kernel *) = pick(k, user);
        if (user) go_user(k);
        next_random(k);
        operation(k);
        if (user) OP(e, 0xCD, 0x80);
        else OP32(e, SEL_DATA0, 0xB8), OP(e, 0x8E, 0xD8, 0x8E, 0xC0, 0x8E, 0xD0); /* mov ds, es, ss: good again */
        kernel_group_end(k, begun);
    }
    OP(e, 0xE9), put_to(e, first);
    kernel_end(k);
}
