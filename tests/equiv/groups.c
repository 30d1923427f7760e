/* Groups of ordinary code: arithmetic, memory, strings, stack, x87, code that writes itself. And how a group is picked. */
#include "tests/equiv/groups.h"

const struct group *group_pick(struct kernel *k)
{
    static const struct group *const lists[] = { groups_plain, groups_system, groups_rings };
    unsigned total = 0;
    for (unsigned l = 0; l < 3; l++)
        for (const struct group *g = lists[l]; g->name; g++)
            if (g->user || !k->user) total += g->weight;
    unsigned n = below(&k->e, total);
    for (unsigned l = 0; l < 3; l++)
        for (const struct group *g = lists[l]; g->name; g++) {
            if (!g->user && k->user) continue;
            if (n < g->weight) return g;
            n -= g->weight;
        }
    return groups_plain;
}

/* ---- shared pieces ---- */

unsigned some_reg(struct kernel *k)
{
    static const uint8_t regs[] = { 0, 1, 2, 3, 5, 6, 7 };
    return PICK(&k->e, regs);
}

uint32_t some_value(struct kernel *k)
{
    static const uint32_t borders[] = { 0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF };
    struct emit *e = &k->e;
    return one_in(e, 3) ? PICK(e, borders) : one_in(e, 2) ? below(e, 256) : chance(e);
}

uint32_t some_scratch(struct kernel *k, unsigned room) { return AT_SCRATCH + below(&k->e, SCRATCH_BYTES - room); }

uint16_t some_selector(struct kernel *k)
{
    static const uint16_t known[] = { 0, 3, SEL_CODE0, SEL_DATA0, SEL_CODE3, SEL_DATA3, SEL_TSS, SEL_TASK, SEL_LDT, SEL_CONFORMING,
                                      SEL_BASED, SEL_READ_ONLY, SEL_ABSENT, SEL_GATE3, SEL_GATE0, SEL_SMALL, SEL_DOWN, SEL_EXEC_ONLY,
                                      SEL_TASK_GATE, SEL_GATE16, SEL_CODE1, SEL_DATA1, SEL_CODE2, SEL_DATA2, SEL_DOWN16, SEL_LAST, SEL_LAST + 8, 4, 12, 20, 0x3C, 0x44, 0xFFC8,
                                      0xFFD0, 0xFFF8, 7, 15 };
    struct emit *e = &k->e;
    uint16_t s = one_in(e, 3) ? (uint16_t)(SEL_FREE + 8 * below(e, SEL_FREE_N)) : PICK(e, known);
    return one_in(e, 3) ? (uint16_t)(s ^ below(e, 4)) : s;
}

void set_reg(struct kernel *k, unsigned reg, uint32_t value) { OP32(&k->e, value, (uint8_t)(0xB8 + reg)); }

static void modrm(struct kernel *k, unsigned reg, unsigned rm) { put8(&k->e, 0xC0 | reg << 3 | rm); }

/* ---- arithmetic ---- */

static void alu_rr(struct kernel *k)
{
    static const uint8_t ops[] = { 0x01, 0x09, 0x11, 0x19, 0x21, 0x29, 0x31, 0x39, 0x85, 0x87 };
    struct emit *e = &k->e;
    unsigned size = below(e, 4), op = PICK(e, ops);
    if (size == 1) put8(e, 0x66);
    put8(e, size == 2 ? op - 1 : op);
    if (size == 2) modrm(k, below(e, 4), below(e, 4));
    else modrm(k, some_reg(k), some_reg(k));
}

static void alu_ri(struct kernel *k)
{
    struct emit *e = &k->e;
    if (one_in(e, 2)) put8(e, 0x81), modrm(k, below(e, 8), some_reg(k)), put32(e, some_value(k));
    else put8(e, 0x83), modrm(k, below(e, 8), some_reg(k)), put8(e, chance(e));
}

static void alu_shift(struct kernel *k)
{
    struct emit *e = &k->e;
    if (one_in(e, 4)) OP(e, 0x0F, one_in(e, 2) ? 0xA4 : 0xAC), modrm(k, some_reg(k), some_reg(k));
    else put8(e, 0xC1), modrm(k, below(e, 8), some_reg(k));
    put8(e, chance(e));
}

static void alu_mul(struct kernel *k)
{
    struct emit *e = &k->e;
    if (one_in(e, 2)) OP(e, 0x0F, 0xAF), modrm(k, some_reg(k), some_reg(k));
    else put8(e, 0xF7), modrm(k, 2 + below(e, 4), some_reg(k)); /* not, neg, mul, imul */
}

static void alu_misc(struct kernel *k)
{
    static const uint8_t one[] = { 0x27, 0x2F, 0x37, 0x3F, 0x98, 0x99, 0xF5, 0xF8, 0xF9, 0x9E, 0x9F, 0xD6 };
    static const uint8_t two[] = { 0xB6, 0xB7, 0xBE, 0xBF, 0xA3, 0xAB, 0xB3, 0xBB, 0xBC, 0xBD, 0xC1 };
    struct emit *e = &k->e;
    switch (below(e, 5)) {
    case 0: put8(e, PICK(e, one)); break;
    case 1: OP(e, 0x0F, PICK(e, two)), modrm(k, some_reg(k), some_reg(k)); break;
    case 2: OP(e, 0x0F, (uint8_t)(0x40 + below(e, 16))), modrm(k, some_reg(k), some_reg(k)); break; /* cmovcc */
    case 3: OP(e, 0x0F, (uint8_t)(0x90 + below(e, 16))), modrm(k, 0, below(e, 4)); break;           /* setcc */
    default: OP(e, 0x0F, (uint8_t)(0xC8 + some_reg(k))); break;                                     /* bswap */
    }
}

void alu_soup(struct kernel *k, unsigned n)
{
    static void (*const kinds[])(struct kernel *) = { alu_rr, alu_rr, alu_ri, alu_ri, alu_shift, alu_mul, alu_misc };
    while (n--) PICK(&k->e, kinds)(k);
}

static void alu(struct kernel *k) { alu_soup(k, 1 + below(&k->e, 12)); }

/* ---- memory ---- */

static void memory(struct kernel *k)
{
    static const uint8_t ops[] = { 0x01, 0x03, 0x0B, 0x13, 0x23, 0x29, 0x33, 0x39, 0x3B, 0x87, 0x89, 0x8B, 0x85 };
    struct emit *e = &k->e;
    for (unsigned n = 1 + below(e, 5); n--;) {
        uint32_t at = one_in(e, 6) ? AT_SCRATCH + 0x1000 * (1 + below(e, 6)) - 1 - below(e, 4) : some_scratch(k, 8);
        switch (below(e, 4)) {
        case 0: set_reg(k, 3, at), OP(e, PICK(e, ops), (uint8_t)(some_reg(k) << 3 | 3)); break;
        case 1: OP(e, 0x0F, one_in(e, 2) ? 0xC1 : 0xB1), OP32(e, at, (uint8_t)(some_reg(k) << 3 | 5)); break; /* xadd, cmpxchg */
        case 2: OP(e, 0x0F, 0xC7), OP32(e, at, 0x0D); break;                                                  /* cmpxchg8b */
        default: OP32(e, at, PICK(e, ops), (uint8_t)(some_reg(k) << 3 | 5)); break;
        }
    }
}

static void strings(struct kernel *k)
{
    static const uint8_t ops[] = { 0xA4, 0xA5, 0xAA, 0xAB, 0xA6, 0xA7, 0xAE, 0xAF, 0xAC, 0xAD };
    struct emit *e = &k->e;
    set_reg(k, 6, some_scratch(k, 0x200));
    set_reg(k, 7, one_in(e, 5) ? PLAYGROUND + below(e, 0x8000) : some_scratch(k, 0x200));
    set_reg(k, 1, below(e, 24));
    if (one_in(e, 4)) put8(e, 0xFD);
    if (!one_in(e, 4)) put8(e, one_in(e, 4) ? 0xF2 : 0xF3);
    if (one_in(e, 5)) put8(e, 0x66);
    put8(e, PICK(e, ops));
    put8(e, 0xFC);
}

static void stack(struct kernel *k)
{
    struct emit *e = &k->e;
    switch (below(e, 4)) {
    case 0: OP(e, (uint8_t)(0x50 + some_reg(k)), (uint8_t)(0x50 + some_reg(k)), (uint8_t)(0x58 + some_reg(k)), (uint8_t)(0x58 + some_reg(k))); break;
    case 1: OP(e, 0x60, 0x61); break;
    case 2: OP(e, 0xC8, 16, 0, (uint8_t)below(e, 3), 0xC9); break; /* enter, leave */
    default: OP32(e, chance(e), 0x68), OP(e, 0x66, 0x6A, 5, 0x66, 0x58, (uint8_t)(0x58 + some_reg(k))); break;
    }
}

/* ---- x87 ---- */

static void fpu(struct kernel *k)
{
    static const uint8_t ops[][2] = { { 0xD9, 0xE8 }, { 0xD9, 0xEB }, { 0xD9, 0xEE }, { 0xDE, 0xC1 }, { 0xDE, 0xC9 }, { 0xD8, 0xC1 },
                                      { 0xD9, 0xFA }, { 0xD9, 0xE0 }, { 0xDE, 0xF9 }, { 0xD9, 0xC9 }, { 0xDB, 0xE2 } };
    struct emit *e = &k->e;
    if (!k->user && one_in(e, 2)) OP(e, 0x0F, 0x06); /* clts */
    if (one_in(e, 2)) OP(e, 0xDB, 0xE3);
    for (unsigned n = below(e, 6); n--;) put(e, PICK(e, ops), 2);
    if (one_in(e, 5)) OP32(e, VAR_SOFT, 0xD9, 0x2D); /* fldcw of anything: may unmask */
    uint32_t at = (some_scratch(k, 0x210) + 15) & ~15u;
    switch (below(e, 6)) {
    case 0: OP32(e, at, 0xD9, 0x35); break;               /* fnstenv */
    case 1: OP32(e, at, 0xDD, 0x35); break;               /* fnsave */
    case 2: OP(e, 0x0F), OP32(e, at, 0xAE, 0x05); break;  /* fxsave */
    case 3: OP32(e, at, 0xDD, 0x1D); break;               /* fstp qword */
    case 4: OP(e, 0x9B, 0xDF, 0xE0); break;               /* fstsw ax */
    default: OP(e, 0x0F, 0x6F, 0xC1, 0x0F, 0xFC, 0xC2, 0x0F, 0x77); break; /* movq, paddb, emms */
    }
}

/* ---- code that writes code ---- */

static void self_patch(struct kernel *k)
{
    struct emit *e = &k->e;
    uint32_t imm = e->at + 10 + 1 + (one_in(e, 2) ? 0 : 1);
    OP32(e, imm, 0xC7, 0x05), put32(e, chance(e) & 0x00FFFFFF); /* mov dword [imm], v */
    OP32(e, 0, 0xB8), put8(e, 0x90);                             /* mov eax, imm: perhaps with another last byte, and a NOP that changes */
    OP(e, 0x90, 0x90, 0x90);
}

/* A routine written, called, rewritten, called. */
static void written(struct kernel *k)
{
    struct emit *e = &k->e;
    uint32_t at = AT_WRITTEN + below(e, 0xF00), value = chance(e);
    for (unsigned n = 1 + below(e, 3); n--;) {
        OP32(e, at, 0xC7, 0x05), put32(e, 0xB8 | value++ << 8);            /* mov eax, imm */
        OP32(e, at + 4, 0xC7, 0x05), put32(e, 0xC340 << 8 | (value & 0xFF)); /* ...; inc eax; ret */
        OP(e, 0xE8), put_to(e, at);
        if (one_in(e, 2)) OP32(e, at, 0xFE, 0x05); /* inc byte: MOV EAX becomes MOV ECX, and so on */
        if (one_in(e, 2)) OP32(e, VAR_SOFT, 0xA3);
    }
}

const struct group groups_plain[] = {
    { "alu", 10, true, alu },       { "memory", 8, true, memory }, { "strings", 6, true, strings },       { "stack", 4, true, stack },
    { "fpu", 6, true, fpu },        { "self-patch", 4, true, self_patch }, { "written", 5, true, written }, { NULL, 0, false, NULL },
};
