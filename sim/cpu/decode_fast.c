/* Bytes to struct insn without help: table look-ups, a tenth of the reference's time. See decode_fast.h.
 *
 * Idea 1: an instruction is a row of decode_table.def, found by one or two opcode bytes and, in a group, ModRM.reg. A
 * row's shape says which struct insn fields its operands go to: once for a register in r/m, once for memory.
 * Idea 2: it may always say "not mine". Invalid, locked where LOCK is not allowed, cut off, x87: all that is the
 * reference's to judge, so that nothing here has to know why something is no instruction.
 *
 * SDM vol. 2A ch. 2 (format), vol. 2 app. A (opcode maps). Not here: x87, 0F 18-1E, 0F 38 and 0F 3A. */
#include "sim/cpu/decode_fast.h"

#include <string.h>
#include "sim/cpu/cpu.h"

/* ---- tables ---- */

/* What register number goes into struct insn's reg or rm. */
enum from { FROM_0, FROM_1, FROM_2, FROM_SUB, FROM_LOW, FROM_REG, FROM_RM, FROM_COUNT };
#define FROM_AX FROM_0
#define FROM_CX FROM_1
#define FROM_DX FROM_2

enum modrm { MODRM_NO, MODRM_YES, MODRM_REGISTER /* mod is ignored */, MODRM_DISCARD /* r/m is not used */ };
enum { NEVER = FORM_COUNT }; /* a form that does not exist */

struct variant { uint8_t form, reg, rm; };
/* SHAPE(name, ModRM, with a register or without r/m, with memory) */
#define SHAPES \
    SHAPE(NONE,    NO,       NONE,  0,   0,   NEVER, 0, 0) \
    SHAPE(I,       NO,       I,     0,   0,   NEVER, 0, 0) \
    SHAPE(Z,       NO,       R,     0,   LOW, NEVER, 0, 0) \
    SHAPE(Z_I,     NO,       RI,    0,   LOW, NEVER, 0, 0) \
    SHAPE(Z_A,     NO,       RR,    AX,  LOW, NEVER, 0, 0) \
    SHAPE(A_I,     NO,       RI,    0,   AX,  NEVER, 0, 0) \
    SHAPE(A_DX,    NO,       RR,    DX,  AX,  NEVER, 0, 0) \
    SHAPE(DX_A,    NO,       RR,    AX,  DX,  NEVER, 0, 0) \
    SHAPE(A_O,     NO,       RM,    AX,  0,   NEVER, 0, 0) /* O: an offset, memory without ModRM */ \
    SHAPE(O_A,     NO,       MR,    AX,  0,   NEVER, 0, 0) \
    SHAPE(SREG,    NO,       R,     0,   SUB, NEVER, 0, 0) \
    SHAPE(E,       YES,      R,     0,   RM,  M,  0,   0) \
    SHAPE(E_G,     YES,      RR,    REG, RM,  MR, REG, 0) \
    SHAPE(G_E,     YES,      RR,    RM,  REG, RM, REG, 0) \
    SHAPE(GE,      YES,      GE,    REG, RM,  RM, REG, 0) /* the destination can only be a register */ \
    SHAPE(E_I,     YES,      RI,    0,   RM,  MI, 0,   0) \
    SHAPE(E_CL,    YES,      RR,    CX,  RM,  MR, CX,  0) \
    SHAPE(M,       YES,      NEVER, 0,   0,   M,  0,   0) \
    SHAPE(G_M,     YES,      NEVER, 0,   0,   RM, REG, 0) \
    SHAPE(ADDRESS, YES,      NEVER, 0,   0,   RM, REG, 0) /* no access: overrides do not count */ \
    SHAPE(E_S,     YES,      R,     REG, RM,  M,  REG, 0) \
    SHAPE(S_E,     YES,      R,     RM,  RM,  M,  REG, 0) \
    SHAPE(R_X,     REGISTER, R,     REG, RM,  NEVER, 0, 0) \
    SHAPE(X_R,     REGISTER, R,     RM,  RM,  NEVER, 0, 0) \
    SHAPE(HINT,    DISCARD,  NONE,  0,   0,   NONE, 0, 0)
#define FORM_NEVER NEVER
enum shape_name {
#define SHAPE(name, modrm, f0, reg0, rm0, f1, reg1, rm1) SHAPE_##name,
    SHAPES
#undef SHAPE
};
static const struct shape { uint8_t modrm; struct variant v[2]; } shapes[] = {
#define SHAPE(name, modrm, f0, reg0, rm0, f1, reg1, rm1) \
    { MODRM_##modrm, { { FORM_##f0, FROM_##reg0, FROM_##rm0 }, { FORM_##f1, FROM_##reg1, FROM_##rm1 } } },
    SHAPES
#undef SHAPE
};

/* What is read at once: how many bytes, their mask, and the sign bit if they are signed. */
enum width { WIDTH_0, WIDTH_S8, WIDTH_S16, WIDTH_32, WIDTH_U8, WIDTH_U16 };
static const struct width_row { uint32_t bytes, mask, sign; } widths[] = {
    [WIDTH_0] = { 0, 0, 0 }, [WIDTH_S8] = { 1, 0xFF, 0x80 }, [WIDTH_S16] = { 2, 0xFFFF, 0x8000 },
    [WIDTH_32] = { 4, 0xFFFFFFFF, 0 }, [WIDTH_U8] = { 1, 0xFF, 0 }, [WIDTH_U16] = { 2, 0xFFFF, 0 }
};

/* From IMM_I1 on something more is to be done. */
enum imm { IMM_NONE, IMM_IB, IMM_UB, IMM_UW, IMM_IZ, IMM_I1, IMM_FAR, IMM_ENTER, IMM_MOFFS };
static const uint8_t imm_widths[][2] = { /* [imm][16-bit operands] */
    [IMM_NONE] = { WIDTH_0, WIDTH_0 }, [IMM_IB] = { WIDTH_S8, WIDTH_S8 }, [IMM_UB] = { WIDTH_U8, WIDTH_U8 },
    [IMM_UW] = { WIDTH_U16, WIDTH_U16 }, [IMM_IZ] = { WIDTH_32, WIDTH_S16 }, [IMM_I1] = { WIDTH_0, WIDTH_0 },
    [IMM_FAR] = { WIDTH_32, WIDTH_U16 }, [IMM_ENTER] = { WIDTH_U16, WIDTH_U16 }, [IMM_MOFFS] = { WIDTH_0, WIDTH_0 }
};

enum size { SIZE_B, SIZE_W, SIZE_V, SIZE_VW, SIZE_D };
/* Bytes: [size][16-bit operands][r/m is memory] */
static const uint8_t sizes[][2][2] = {
    [SIZE_B] = { { 1, 1 }, { 1, 1 } }, [SIZE_W] = { { 2, 2 }, { 2, 2 } }, [SIZE_V] = { { 4, 4 }, { 2, 2 } },
    [SIZE_VW] = { { 4, 2 }, { 2, 2 } }, [SIZE_D] = { { 4, 4 }, { 4, 4 } }
};

enum prefix { PREFIX_SEGMENT, PREFIX_OPERAND, PREFIX_ADDRESS, PREFIX_LOCK, PREFIX_REP, PREFIX_COUNT };
enum { NO_SEGMENT = 0xFF };

enum flag {
    FLAG_NONE, FLAG_LOCKS = 1, FLAG_STRING = 2, FLAG_BY_OPERAND = 4, FLAG_BY_ADDRESS = 8,
    FLAG_PREFIX = 16, /* shape is enum prefix, sub its value */
    FLAG_GROUP = 32   /* sub is enum group */
};
_Static_assert(MN_CWDE == MN_CBW + 1 && MN_CDQ == MN_CWD + 1 && MN_JECXZ == MN_JCXZ + 1, "BY_OPERAND, BY_ADDRESS");

enum group {
    GROUP_1_EB_IB, GROUP_1_EV_IZ, GROUP_1_EV_IB, GROUP_1A, GROUP_2_EB_IB, GROUP_2_EV_IB, GROUP_2_EB_1, GROUP_2_EV_1,
    GROUP_2_EB_CL, GROUP_2_EV_CL, GROUP_3_EB, GROUP_3_EV, GROUP_4, GROUP_5, GROUP_6, GROUP_7, GROUP_8, GROUP_9,
    GROUP_11_EB_IB, GROUP_11_EV_IZ, GROUP_MOV_E_S, GROUP_MOV_S_E, GROUP_MOV_R_C, GROUP_MOV_C_R, GROUP_MOV_R_D,
    GROUP_MOV_D_R, GROUP_COUNT
};

struct row { uint8_t id, shape, imm, size, sub, flags; };
enum map { MAP_ONE, MAP_TWO = 256, MAP_GROUPS = 512 };
static const struct row rows[MAP_GROUPS + GROUP_COUNT * 8] = {
#define ROW(at, mn, operands, imm, size, sub, flags) \
    [at] = { MN_##mn, SHAPE_##operands, IMM_##imm, SIZE_##size, sub, FLAG_##flags },
#define PREFIX(byte, kind, value) [byte] = { MN_NONE, PREFIX_##kind, 0, 0, value, FLAG_PREFIX },
#define ONE(op, ...) ROW(MAP_ONE + (op), __VA_ARGS__)
#define TWO(op, ...) ROW(MAP_TWO + (op), __VA_ARGS__)
#define GROUP_OF(map, op, group) [MAP_##map + (op)] = { MN_NONE, 0, 0, 0, GROUP_##group, FLAG_GROUP },
#define IN_GROUP(group, digit, ...) ROW(MAP_GROUPS + GROUP_##group * 8 + (digit), __VA_ARGS__)
#include "sim/cpu/decode_table.def"
#undef ROW
};

/* ---- reading ---- */

struct scan {
    const uint8_t *bytes;
    unsigned at, n;
    uint8_t prefix[PREFIX_COUNT], opcode[2], modrm;
    bool operand16, address16;
};

/* Near the end of the bytes: one by one. */
static bool take_last(struct scan *s, unsigned size, uint32_t *raw)
{
    if (s->at + size > s->n) return false;
    *raw = 0;
    for (unsigned k = 0; k < size; k++) *raw |= (uint32_t)s->bytes[s->at + k] << (8 * k);
    return true;
}

/* The next 0, 1, 2 or 4 bytes, extended to 32 bits. How many is hard to foretell: so there is no branch for it. */
static inline bool take(struct scan *s, enum width width, uint32_t *v)
{
    const struct width_row *w = &widths[width];
    uint32_t raw;
    if (s->at + sizeof raw <= s->n) memcpy(&raw, s->bytes + s->at, sizeof raw); /* little-endian, as everywhere */
    else if (!take_last(s, w->bytes, &raw)) return false;
    s->at += w->bytes;
    *v = ((raw & w->mask) ^ w->sign) - w->sign;
    return true;
}

static inline bool byte(struct scan *s, uint8_t *b)
{
    if (s->at >= s->n) return false;
    *b = s->bytes[s->at++];
    return true;
}

/* Prefixes and opcode: the row of one of the two maps, or NULL if bytes are missing. */
static inline const struct row *find_opcode(struct scan *s)
{
    if (!byte(s, &s->opcode[0])) return NULL;
    const struct row *r = &rows[MAP_ONE + s->opcode[0]];
    while (r->flags & FLAG_PREFIX) {
        s->prefix[r->shape] = r->sub;
        if (!byte(s, &s->opcode[0])) return NULL;
        r = &rows[MAP_ONE + s->opcode[0]];
    }
    if (s->opcode[0] != 0x0F) return r;
    return byte(s, &s->opcode[1]) ? &rows[MAP_TWO + s->opcode[1]] : NULL;
}

/* The same with the ModRM byte, if there is one: a row that is an instruction, or NULL. */
static inline const struct row *find_row(struct scan *s)
{
    const struct row *r = find_opcode(s);
    if (!r) return NULL;
    s->modrm = s->at < s->n ? s->bytes[s->at] : 0; /* if there is to be one: see below */
    if (r->flags & FLAG_GROUP) r = &rows[MAP_GROUPS + r->sub * 8 + (s->modrm >> 3 & 7)];
    s->at += shapes[r->shape].modrm != MODRM_NO;
    return r->id && s->at <= s->n ? r : NULL;
}

/* ---- memory operands: SDM vol. 2A tables 2-1 to 2-3 ---- */

static const struct { uint8_t base, index, seg; } address16[8] = {
    { EBX, ESI, SEG_DS }, { EBX, EDI, SEG_DS }, { EBP, ESI, SEG_SS }, { EBP, EDI, SEG_SS },
    { ESI, REG_NONE, SEG_DS }, { EDI, REG_NONE, SEG_DS }, { EBP, REG_NONE, SEG_SS }, { EBX, REG_NONE, SEG_DS }
};
static const uint8_t disp16[] = { WIDTH_0, WIDTH_S8, WIDTH_S16 }; /* [mod] */
static const uint8_t disp32[] = { WIDTH_0, WIDTH_S8, WIDTH_32 };

static bool memory16(struct scan *s, struct insn *i)
{
    unsigned mod = s->modrm >> 6, rm = s->modrm & 7;
    i->base = address16[rm].base;
    i->index = address16[rm].index;
    i->seg = address16[rm].seg;
    if (mod == 0 && rm == 6) {
        i->base = REG_NONE;
        i->seg = SEG_DS;
        mod = 2;
    }
    return take(s, disp16[mod], &i->disp);
}

static inline bool memory32(struct scan *s, struct insn *i)
{
    unsigned mod = s->modrm >> 6, base = s->modrm & 7;
    if (base == 4) {
        uint8_t sib;
        if (!byte(s, &sib)) return false;
        base = sib & 7;
        if ((sib >> 3 & 7) != 4) {
            i->index = sib >> 3 & 7;
            i->scale = sib >> 6;
        }
    }
    i->seg = (base & 6) == 4 ? SEG_SS : SEG_DS; /* ESP, EBP */
    if (mod == 0 && base == 5) {
        base = REG_NONE;
        i->seg = SEG_DS;
        mod = 2;
    }
    i->base = (uint8_t)base;
    return take(s, disp32[mod], &i->disp);
}

static inline bool set_memory(struct scan *s, struct insn *i, bool overrides)
{
    i->flags |= INSN_MEM;
    if (!(s->address16 ? memory16(s, i) : memory32(s, i))) return false;
    if (overrides && s->prefix[PREFIX_SEGMENT] != NO_SEGMENT) i->seg = s->prefix[PREFIX_SEGMENT];
    return true;
}

/* A hint's operand is there for its length only. */
static void forget_memory(struct insn *i)
{
    i->flags = (uint8_t)(i->flags & ~INSN_MEM);
    i->base = i->index = REG_NONE;
    i->scale = 0;
    i->seg = SEG_DS;
    i->disp = 0;
}

/* ---- the rest ---- */

/* An offset without ModRM is a memory operand like another. */
static bool set_offset(struct scan *s, struct insn *i)
{
    i->flags |= INSN_MEM;
    if (s->prefix[PREFIX_SEGMENT] != NO_SEGMENT) i->seg = s->prefix[PREFIX_SEGMENT];
    return take(s, s->address16 ? WIDTH_S16 : WIDTH_32, &i->disp);
}

static bool set_more(struct scan *s, unsigned imm, struct insn *i)
{
    uint32_t second;
    if (imm == IMM_MOFFS) return set_offset(s, i);
    if (imm == IMM_I1) {
        i->imm = 1;
        return true;
    }
    if (!take(s, imm == IMM_FAR ? WIDTH_U16 : WIDTH_U8, &second)) return false;
    i->imm2 = (uint16_t)second;
    return true;
}

static inline bool set_immediate(struct scan *s, unsigned imm, struct insn *i)
{
    return take(s, imm_widths[imm][s->operand16], &i->imm) && (imm < IMM_I1 || set_more(s, imm, i));
}

/* REP belongs to these alone; others ignore it. */
static void set_string(const struct scan *s, struct insn *i)
{
    i->flags |= s->prefix[PREFIX_REP];
    if (s->prefix[PREFIX_SEGMENT] != NO_SEGMENT) i->seg = s->prefix[PREFIX_SEGMENT];
}

/* r/m and the registers. */
static inline bool set_operands(struct scan *s, const struct row *r, struct insn *i)
{
    const struct shape *shape = &shapes[r->shape];
    uint8_t number[FROM_COUNT] = { 0, 1, 2, r->sub, 0, s->modrm >> 3 & 7, s->modrm & 7 };
    bool memory = shape->modrm != MODRM_NO && shape->modrm != MODRM_REGISTER && s->modrm < 0xC0;
    const struct variant *v = &shape->v[memory];
    number[FROM_LOW] = s->opcode[s->opcode[0] == 0x0F] & 7;
    if (v->form == NEVER) return false;
    if (memory && !set_memory(s, i, r->shape != SHAPE_ADDRESS)) return false;
    if (shape->modrm == MODRM_DISCARD) forget_memory(i);
    i->form = v->form;
    i->reg = number[v->reg];
    i->rm = number[v->rm];
    i->size = sizes[r->size][s->operand16][memory];
    return true;
}

bool insn_decode_fast(const uint8_t *bytes, unsigned n, struct insn_mode mode, const uint32_t *cost, struct insn *out)
{
    struct scan s = { .bytes = bytes, .n = n < 15 ? n : 15, .prefix[PREFIX_SEGMENT] = NO_SEGMENT };
    const struct row *r = find_row(&s);
    if (!r || (s.opcode[0] == 0x90 && s.prefix[PREFIX_REP] == INSN_REP)) return false; /* PAUSE is rare */
    s.operand16 = s.prefix[PREFIX_OPERAND] == mode.code32;
    s.address16 = s.prefix[PREFIX_ADDRESS] == mode.code32;
    *out = (struct insn){ .id = r->id, .base = REG_NONE, .index = REG_NONE, .seg = SEG_DS, .sub = r->sub,
                          .bytes = { s.opcode[0], s.opcode[1] } };
    out->flags = (uint8_t)((s.address16 ? INSN_ADDR16 : 0) | (s.operand16 ? INSN_OPERAND16 : 0) |
                           s.prefix[PREFIX_LOCK]);
    if (!set_operands(&s, r, out) || !set_immediate(&s, r->imm, out)) return false;
    if (s.prefix[PREFIX_LOCK] && !(r->flags & FLAG_LOCKS && out->flags & INSN_MEM)) return false;
    if (r->flags & FLAG_STRING) set_string(&s, out);
    if (r->flags & FLAG_BY_OPERAND) out->id = (uint16_t)(out->id + !s.operand16);
    if (r->flags & FLAG_BY_ADDRESS) out->id = (uint16_t)(out->id + !s.address16);
    out->len = (uint8_t)s.at;
    insn_finish(out, cost);
    return true;
}

/* A row to tell the immediate of an encoding that is none from those beside it in its group. */
static const struct row *beside(const struct row *group)
{
    const struct row *r = &rows[MAP_GROUPS + group->sub * 8];
    while (!r->id) r++;
    return r;
}

/* The encoding's own row, if it has one (it may be LOCK that is wrong with it). */
static const struct row *in_group(const struct row *group, uint8_t modrm)
{
    const struct row *own = &rows[MAP_GROUPS + group->sub * 8 + (modrm >> 3 & 7)];
    return own->id ? own : beside(group);
}

bool insn_reaches_beyond(const uint8_t *bytes, unsigned n, struct insn_mode mode)
{
    struct scan s = { .bytes = bytes, .n = n, .prefix[PREFIX_SEGMENT] = NO_SEGMENT };
    struct insn i = { 0 };
    const struct row *r = find_opcode(&s);
    if (!r) return true;
    bool group = r->flags & FLAG_GROUP, x87 = (s.opcode[0] & 0xF8) == 0xD8;
    bool mmx_shift = s.opcode[0] == 0x0F && s.opcode[1] >= 0x71 && s.opcode[1] <= 0x73;
    bool modrm = group || x87 || mmx_shift || shapes[r->shape].modrm != MODRM_NO;
    s.operand16 = s.prefix[PREFIX_OPERAND] == mode.code32;
    s.address16 = s.prefix[PREFIX_ADDRESS] == mode.code32;
    if (modrm && !byte(&s, &s.modrm)) return true;
    if (group) r = in_group(r, s.modrm);
    bool memory = modrm && s.modrm < 0xC0 && shapes[r->shape].modrm != MODRM_REGISTER;
    if (memory && !set_memory(&s, &i, false)) return true;
    return !set_immediate(&s, mmx_shift ? IMM_IB : r->imm, &i);
}

/* Do 4 bytes of displacement follow, directly or behind SIB, with 32-bit addresses? */
static bool wide_displacement(uint8_t modrm, uint8_t sib)
{
    unsigned mod = modrm >> 6, base = (modrm & 7) == 4 ? sib & 7 : modrm & 7;
    return mod == 2 || (mod == 0 && base == 5);
}

unsigned insn_telling(uint8_t opcode, uint8_t modrm)
{
    const struct row *r = &rows[MAP_ONE + opcode];
    if (opcode == 0x0F || r->flags & FLAG_PREFIX) return 3;
    bool has_modrm = r->flags & FLAG_GROUP || shapes[r->shape].modrm != MODRM_NO;
    bool at_once = (modrm & 7) != 4 && wide_displacement(modrm, 0);
    if (r->flags & FLAG_GROUP) r = beside(r);
    if (!r->id || r->imm == IMM_IZ || r->imm == IMM_MOFFS || (has_modrm && at_once)) return has_modrm ? 2 : 1;
    bool more = r->imm != IMM_NONE || (has_modrm && modrm < 0xC0);
    return 1u + has_modrm + more;
}

enum tail insn_tail(const uint8_t *bytes, struct insn_mode mode)
{
    struct scan s = { .bytes = bytes, .n = 8 };
    const struct row *r = mode.code32 && !(rows[MAP_ONE + bytes[0]].flags & FLAG_PREFIX) ? find_row(&s) : NULL;
    if (!r) return TAIL_NONE;
    if (r->imm == IMM_IZ) return TAIL_IMM;
    if (r->imm == IMM_MOFFS) return TAIL_DISP;
    unsigned modrm = shapes[r->shape].modrm;
    bool memory = modrm == MODRM_YES && s.modrm < 0xC0 && wide_displacement(s.modrm, bytes[s.at]);
    return memory && (r->imm == IMM_NONE || r->imm == IMM_I1) ? TAIL_DISP : TAIL_NONE;
}
