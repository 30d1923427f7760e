/* Bytes to struct insn: the entry point, the reference decoder, and what both decoders share (base cost, handler).
 * decode_fast.c comes first; for what it leaves Zydis takes the instruction apart, and this file says what our handlers
 * want to know of it.
 *
 * Idea 1: one generic translation by operand types (destination first) does nearly everything; the few mnemonics that mean
 * several things (MOV, PUSH, CALL, ...) are split by the type of an operand.
 * Idea 2: which handler runs is a pure function of the decoded fields (insn_handler): the fast forms are tables.
 *
 * SDM vol. 2A ch. 2, vol. 2 app. A. What Zydis knows and this machine lacks (SSE, VMX, ...) is #UD, except where
 * older processors ignore a prefix that Zydis takes for part of a younger instruction. */
#include <string.h>
#include "sim/cpu/decode_fast.h"
#include "sim/cpu/exec.h"
#include "sim/cpu/stall.h"
#include "sim/cpu/zydis.h"

/* Zydis mnemonic -> ours, for the rows that share the name. */
static const uint8_t same_name[ZYDIS_MNEMONIC_MAX_VALUE + 1] = {
#define INSN_SPLIT(mn, word, handler, cost, privilege, sensitivity, rule)
#define INSN(mn, word, handler, cost, privilege, sensitivity, rule) [ZYDIS_MNEMONIC_##mn] = MN_##mn,
#include "sim/cpu/insn.def"
#undef INSN
    [ZYDIS_MNEMONIC_PUSHF] = MN_PUSHF, [ZYDIS_MNEMONIC_PUSHFD] = MN_PUSHF,
    [ZYDIS_MNEMONIC_POPF] = MN_POPF, [ZYDIS_MNEMONIC_POPFD] = MN_POPF,
    [ZYDIS_MNEMONIC_IRET] = MN_IRET, [ZYDIS_MNEMONIC_IRETD] = MN_IRET,
    [ZYDIS_MNEMONIC_PUSHA] = MN_PUSHA, [ZYDIS_MNEMONIC_PUSHAD] = MN_PUSHA,
    [ZYDIS_MNEMONIC_POPA] = MN_POPA, [ZYDIS_MNEMONIC_POPAD] = MN_POPA,
    [ZYDIS_MNEMONIC_MOVSB] = MN_MOVS, [ZYDIS_MNEMONIC_MOVSW] = MN_MOVS, [ZYDIS_MNEMONIC_MOVSD] = MN_MOVS,
    [ZYDIS_MNEMONIC_STOSB] = MN_STOS, [ZYDIS_MNEMONIC_STOSW] = MN_STOS, [ZYDIS_MNEMONIC_STOSD] = MN_STOS,
    [ZYDIS_MNEMONIC_LODSB] = MN_LODS, [ZYDIS_MNEMONIC_LODSW] = MN_LODS, [ZYDIS_MNEMONIC_LODSD] = MN_LODS,
    [ZYDIS_MNEMONIC_SCASB] = MN_SCAS, [ZYDIS_MNEMONIC_SCASW] = MN_SCAS, [ZYDIS_MNEMONIC_SCASD] = MN_SCAS,
    [ZYDIS_MNEMONIC_CMPSB] = MN_CMPS, [ZYDIS_MNEMONIC_CMPSW] = MN_CMPS, [ZYDIS_MNEMONIC_CMPSD] = MN_CMPS,
    [ZYDIS_MNEMONIC_INSB] = MN_INS, [ZYDIS_MNEMONIC_INSW] = MN_INS, [ZYDIS_MNEMONIC_INSD] = MN_INS,
    [ZYDIS_MNEMONIC_OUTSB] = MN_OUTS, [ZYDIS_MNEMONIC_OUTSW] = MN_OUTS, [ZYDIS_MNEMONIC_OUTSD] = MN_OUTS,
    [ZYDIS_MNEMONIC_LDS] = MN_LOAD_FAR, [ZYDIS_MNEMONIC_LES] = MN_LOAD_FAR, [ZYDIS_MNEMONIC_LSS] = MN_LOAD_FAR,
    [ZYDIS_MNEMONIC_LFS] = MN_LOAD_FAR, [ZYDIS_MNEMONIC_LGS] = MN_LOAD_FAR,
    [ZYDIS_MNEMONIC_ENDBR32] = MN_NOP, [ZYDIS_MNEMONIC_ENDBR64] = MN_NOP,
    [ZYDIS_MNEMONIC_PREFETCHNTA] = MN_NOP, [ZYDIS_MNEMONIC_PREFETCHT0] = MN_NOP, [ZYDIS_MNEMONIC_PREFETCHT1] = MN_NOP,
    [ZYDIS_MNEMONIC_PREFETCHT2] = MN_NOP, [ZYDIS_MNEMONIC_PREFETCH] = MN_NOP, [ZYDIS_MNEMONIC_PREFETCHW] = MN_NOP,
    [ZYDIS_MNEMONIC_PREFETCHWT1] = MN_NOP, [ZYDIS_MNEMONIC_RDSSPD] = MN_NOP /* 0F 1E: a hint before CET */,
    [ZYDIS_MNEMONIC_TZCNT] = MN_BSF, [ZYDIS_MNEMONIC_LZCNT] = MN_BSR /* F3 is ignored where CPUID does not show them */
};

/* After these the run loop looks at everything anew: EIP, mode, translation or time may be different. INVLPG is none of them: it
 * says so itself (STEP_JUMP). */
static const bool ends_block[MN_COUNT] = {
    [MN_NONE] = true, [MN_UD2] = true, [MN_JMP] = true, [MN_CALL] = true, [MN_RET] = true,
    [MN_JMP_FAR] = true, [MN_CALL_FAR] = true, [MN_RET_FAR] = true, [MN_INT] = true, [MN_INT1] = true, [MN_INT3] = true, [MN_IRET] = true,
    [MN_SYSENTER] = true, [MN_SYSEXIT] = true, [MN_RDPMC] = true, [MN_VMLAUNCH] = true, [MN_VMRESUME] = true,
    [MN_HLT] = true, [MN_MWAIT] = true, [MN_MOV_CR] = true, [MN_MOV_DR] = true, [MN_LMSW] = true,
    [MN_INVD] = true, [MN_WBINVD] = true, [MN_WRMSR] = true,
    [MN_INS] = true, [MN_OUTS] = true, [MN_LTR] = true, [MN_LLDT] = true, [MN_LGDT] = true, [MN_LIDT] = true
};

/* One raw decoding, with the prefixes that count. */
struct raw {
    ZydisDecodedInstruction z;
    ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
    unsigned n;             /* visible operands */
    bool operand16, address16;
    uint8_t rep, segment;   /* F2, F3 or 0; override prefix or 0: the last one counts */
    bool lock;
};

static void read_prefixes(struct raw *r, bool code32)
{
    bool operand = false, address = false;
    for (unsigned k = 0; k < r->z.raw.prefix_count; k++) {
        uint8_t p = r->z.raw.prefixes[k].value;
        if (p == 0x66) operand = true;
        else if (p == 0x67) address = true;
        else if (p == 0xF0) r->lock = true;
        else if (p == 0xF2 || p == 0xF3) r->rep = p;
        else r->segment = p;
    }
    r->operand16 = operand == code32;
    r->address16 = address == code32;
}

static bool is_register(const ZydisDecodedOperand *o) { return o->type == ZYDIS_OPERAND_TYPE_REGISTER; }
static bool is_memory(const ZydisDecodedOperand *o) { return o->type == ZYDIS_OPERAND_TYPE_MEMORY; }
static ZydisRegisterClass class_of(const ZydisDecodedOperand *o)
{
    return is_register(o) ? ZydisRegisterGetClass(o->reg.value) : ZYDIS_REGCLASS_INVALID;
}

/* Number within its class; byte registers AL..BL, AH..BH are 0..7 as in ModRM. */
static uint8_t number(ZydisRegister r)
{
    switch (ZydisRegisterGetClass(r)) {
    case ZYDIS_REGCLASS_GPR8: return (uint8_t)(r - ZYDIS_REGISTER_AL);
    case ZYDIS_REGCLASS_GPR16: return (uint8_t)(r - ZYDIS_REGISTER_AX);
    case ZYDIS_REGCLASS_GPR32: return (uint8_t)(r - ZYDIS_REGISTER_EAX);
    case ZYDIS_REGCLASS_SEGMENT: return (uint8_t)(r - ZYDIS_REGISTER_ES);
    case ZYDIS_REGCLASS_CONTROL: return (uint8_t)(r - ZYDIS_REGISTER_CR0);
    case ZYDIS_REGCLASS_DEBUG: return (uint8_t)(r - ZYDIS_REGISTER_DR0);
    case ZYDIS_REGCLASS_MMX: return (uint8_t)(r - ZYDIS_REGISTER_MM0);
    default: return REG_NONE;
    }
}

static bool is_x87(const struct raw *r)
{
    return r->z.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && r->z.opcode >= 0xD8 && r->z.opcode <= 0xDF;
}

static uint8_t modrm_of(const struct raw *r)
{
    return (uint8_t)(r->z.raw.modrm.mod << 6 | r->z.raw.modrm.reg << 3 | r->z.raw.modrm.rm);
}

/* By opcode: Zydis calls XBEGIN and XEND conditional branches, too. */
static bool is_jcc(const struct raw *r)
{
    return r->z.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT ? (r->z.opcode & 0xF0) == 0x70
         : r->z.opcode_map == ZYDIS_OPCODE_MAP_0F && (r->z.opcode & 0xF0) == 0x80;
}

static bool is_hint(const struct raw *r)
{
    return r->z.opcode_map == ZYDIS_OPCODE_MAP_0F && r->z.opcode >= 0x18 && r->z.opcode <= 0x1F;
}

/* MMX rows share their names with SSE2's, whose operands are XMM registers. */
static bool is_mmx_row(unsigned id) { return id >= MN_MOVD && id < MN_EMMS; }
static unsigned without_xmm(const struct raw *r, unsigned id)
{
    ZydisRegisterClass a = class_of(&r->op[0]), b = class_of(&r->op[1]);
    return !is_mmx_row(id) || ((a == ZYDIS_REGCLASS_MMX || b == ZYDIS_REGCLASS_MMX) && a != ZYDIS_REGCLASS_XMM &&
                               b != ZYDIS_REGCLASS_XMM) ? id : MN_NONE;
}

/* Which row this is, where the mnemonic alone does not say. */
static unsigned identify(const struct raw *r)
{
    ZydisRegisterClass a = class_of(&r->op[0]), b = class_of(&r->op[1]);
    bool far = r->z.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR;
    if (is_x87(r)) return fpu_identify(r->z.opcode, modrm_of(r));
    if (r->z.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY) return MN_NONE;
    if (is_jcc(r)) return MN_JCC;
    if (is_hint(r)) return MN_NOP;
    if (r->z.meta.category == ZYDIS_CATEGORY_CMOV) return MN_CMOVCC;
    if (r->z.meta.category == ZYDIS_CATEGORY_SETCC) return MN_SETCC;
    switch (r->z.mnemonic) {
    case ZYDIS_MNEMONIC_MOV:
        if (a == ZYDIS_REGCLASS_SEGMENT || b == ZYDIS_REGCLASS_SEGMENT) return MN_MOV_SEG;
        if (a == ZYDIS_REGCLASS_CONTROL || b == ZYDIS_REGCLASS_CONTROL) return MN_MOV_CR;
        return a == ZYDIS_REGCLASS_DEBUG || b == ZYDIS_REGCLASS_DEBUG ? MN_MOV_DR : MN_MOV;
    case ZYDIS_MNEMONIC_PUSH: return a == ZYDIS_REGCLASS_SEGMENT ? MN_PUSH_SEG : MN_PUSH;
    case ZYDIS_MNEMONIC_POP: return a == ZYDIS_REGCLASS_SEGMENT ? MN_POP_SEG : MN_POP;
    case ZYDIS_MNEMONIC_CALL: return far ? MN_CALL_FAR : MN_CALL;
    case ZYDIS_MNEMONIC_JMP: return far ? MN_JMP_FAR : MN_JMP;
    case ZYDIS_MNEMONIC_RET: return far ? MN_RET_FAR : MN_RET;
    case ZYDIS_MNEMONIC_MOVSD: case ZYDIS_MNEMONIC_CMPSD: /* SSE2 has two of the same names */
        return r->z.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT ? same_name[r->z.mnemonic] : MN_NONE;
    default: return without_xmm(r, same_name[r->z.mnemonic]);
    }
}

static void set_memory(struct insn *i, const ZydisDecodedOperandMem *m)
{
    i->flags |= INSN_MEM;
    i->base = number(m->base);
    i->index = number(m->index);
    i->scale = m->scale ? (uint8_t)__builtin_ctz(m->scale) : 0;
    i->disp = (uint32_t)m->disp.value;
    i->seg = m->segment == ZYDIS_REGISTER_NONE ? SEG_DS : number(m->segment);
}

/* Instructions whose destination is ModRM.reg and can be nothing else. */
static bool is_reg_dest(unsigned id, const struct insn *i)
{
    return id == MN_MOVZX || id == MN_MOVSX || id == MN_CMOVCC || id == MN_BSF || id == MN_BSR || id == MN_LAR ||
           id == MN_LSL || (id == MN_IMUL && i->sub > 1);
}

/* The first two operands to form, reg, rm, memory and imm. */
static void set_operands(struct insn *i, const struct raw *r)
{
    const ZydisDecodedOperand *a = &r->op[0], *b = &r->op[1];
    for (unsigned k = 0; k < r->n; k++) {
        if (is_memory(&r->op[k])) set_memory(i, &r->op[k].mem);
        if (r->op[k].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && !(k && i->id == MN_ENTER)) i->imm = (uint32_t)r->op[k].imm.value.u;
    }
    if (r->n == 0) return;
    if (r->n == 1) {
        i->form = is_memory(a) ? FORM_M : is_register(a) ? FORM_R : FORM_I;
        if (is_register(a)) i->rm = number(a->reg.value);
    } else if (is_memory(a)) {
        i->form = is_register(b) ? FORM_MR : FORM_MI;
        if (is_register(b)) i->reg = number(b->reg.value);
    } else if (is_memory(b)) {
        i->form = FORM_RM;
        i->reg = number(a->reg.value);
    } else if (is_register(a) && is_register(b)) {
        bool ge = is_reg_dest(i->id, i);
        i->form = ge ? FORM_GE : FORM_RR;
        i->rm = number(ge ? b->reg.value : a->reg.value);
        i->reg = number(ge ? a->reg.value : b->reg.value);
    } else if (is_register(a)) {
        i->form = FORM_RI;
        i->rm = number(a->reg.value);
    }
}

/* MOV with a segment, control or debug register: its number in sub, the other operand alone in form R or M. */
static void set_special_move(struct insn *i, const struct raw *r)
{
    bool to = class_of(&r->op[0]) == ZYDIS_REGCLASS_SEGMENT || class_of(&r->op[0]) == ZYDIS_REGCLASS_CONTROL ||
              class_of(&r->op[0]) == ZYDIS_REGCLASS_DEBUG;
    const ZydisDecodedOperand *special = &r->op[to ? 0 : 1], *other = &r->op[to ? 1 : 0];
    i->sub = number(special->reg.value);
    i->form = is_memory(other) ? FORM_M : FORM_R;
    if (is_register(other)) i->rm = number(other->reg.value);
    i->size = (uint8_t)(other->size / 8);
}

static uint8_t far_segment(ZydisMnemonic m)
{
    return m == ZYDIS_MNEMONIC_LES ? SEG_ES : m == ZYDIS_MNEMONIC_LSS ? SEG_SS : m == ZYDIS_MNEMONIC_LDS ? SEG_DS
         : m == ZYDIS_MNEMONIC_LFS ? SEG_FS : SEG_GS;
}

/* String instructions and XLAT have their memory operands built in; only the source's segment can be overridden. */
static uint8_t source_segment(const struct raw *r)
{
    switch (r->segment) {
    case 0x26: return SEG_ES;
    case 0x2E: return SEG_CS;
    case 0x36: return SEG_SS;
    case 0x64: return SEG_FS;
    case 0x65: return SEG_GS;
    default: return SEG_DS;
    }
}

static void set_string(struct insn *i, const struct raw *r)
{
    i->flags |= r->rep == 0xF3 ? INSN_REP : r->rep == 0xF2 ? INSN_REPNE : 0;
    i->seg = source_segment(r);
    i->form = FORM_NONE;
}

/* x87 handlers know their operands from the opcode: /digit in sub, ST(i) in rm, or memory. */
static void set_x87(struct insn *i, const struct raw *r)
{
    i->bytes[1] = modrm_of(r);
    i->sub = r->z.raw.modrm.reg;
    i->rm = r->z.raw.modrm.rm;
    for (unsigned k = 0; k < r->n; k++)
        if (is_memory(&r->op[k])) set_memory(i, &r->op[k].mem);
    i->form = i->flags & INSN_MEM ? FORM_M : FORM_NONE;
}

/* What is particular to a row. */
static void set_particulars(struct insn *i, const struct raw *r)
{
    const ZydisDecodedOperand *o = r->op;
    switch (i->id) {
    case MN_MOV_SEG: case MN_MOV_CR: case MN_MOV_DR: set_special_move(i, r); break;
    case MN_PUSH_SEG: case MN_POP_SEG: i->sub = number(o[0].reg.value); break;
    case MN_LOAD_FAR: i->sub = far_segment(r->z.mnemonic); break;
    case MN_SLDT: case MN_STR: case MN_SMSW: case MN_LLDT: case MN_LTR: case MN_LMSW: case MN_VERR: case MN_VERW: case MN_ARPL:
        i->size = (uint8_t)(o[0].size / 8);
        break;
    case MN_MOVZX: case MN_MOVSX: i->sub = (uint8_t)(o[1].size / 8); break;
    case MN_JCC: case MN_CMOVCC: case MN_SETCC: i->sub = r->z.opcode & 15; break;
    case MN_SHLD: case MN_SHRD: i->sub = is_register(&o[2]); break;
    case MN_IN: i->sub = !is_register(&o[1]); break;
    case MN_OUT: i->sub = !is_register(&o[0]); break;
    case MN_ENTER: i->imm2 = (uint16_t)o[1].imm.value.u; break;
    case MN_CALL: case MN_JMP: /* Zydis takes 3E for NOTRACK alone; it is an override, too */
        if (i->flags & INSN_MEM && r->segment == 0x3E) i->seg = SEG_DS;
        break;
    case MN_CALL_FAR: case MN_JMP_FAR:
        if (o[0].type != ZYDIS_OPERAND_TYPE_POINTER) break;
        i->imm = o[0].ptr.offset;
        i->imm2 = o[0].ptr.segment;
        break;
    case MN_MOVS: case MN_STOS: case MN_LODS: case MN_SCAS: case MN_CMPS: case MN_INS: case MN_OUTS: set_string(i, r); break;
    case MN_XLAT: set_string(i, r); break;
    case MN_MONITOR: i->seg = source_segment(r); break;
    default:
        if (is_mmx_row(i->id) && i->form == FORM_RI) i->sub = r->z.raw.modrm.reg;
        break;
    }
}

/* ---- base cycles: a plain instruction costs more with a memory operand, and much more if it locks the bus ---- */

enum traffic { CHANGES, READS, STORES, ADDRESSES, PUSHES, POPS, EXCHANGES, BRANCHES, NAMES_REGISTER };
/* What a mnemonic does with a memory operand; all others change it, or read it if the form says that it is the source. */
static const uint8_t traffic[MN_COUNT] = {
    [MN_CMP] = READS, [MN_TEST] = READS, [MN_BT] = READS, [MN_MOV] = STORES, [MN_SETCC] = STORES, [MN_LEA] = ADDRESSES,
    [MN_NOP] = ADDRESSES, [MN_PUSH] = PUSHES, [MN_POP] = POPS, [MN_XCHG] = EXCHANGES, [MN_JMP] = BRANCHES,
    [MN_CALL] = BRANCHES, [MN_MOV_CR] = NAMES_REGISTER, [MN_MOV_SEG] = NAMES_REGISTER
};
enum { OWN = COST_BASIC }; /* the cost class of the row of insn.def */
_Static_assert(COST_BASIC == 0, "what is not in form_cost is OWN");
static const uint8_t own_cost[MN_COUNT] = {
#define INSN(mn, word, handler, cost, privilege, sensitivity, rule) [MN_##mn] = COST_##cost,
#include "sim/cpu/insn.def"
#undef INSN
};
static const uint8_t form_cost[][FORM_COUNT] = {
    [CHANGES] = { [FORM_RM] = COST_LOAD, [FORM_M] = COST_RMW, [FORM_MR] = COST_RMW, [FORM_MI] = COST_RMW },
    [READS] = { [FORM_RM] = COST_LOAD, [FORM_M] = COST_LOAD, [FORM_MR] = COST_LOAD, [FORM_MI] = COST_LOAD },
    [STORES] = { [FORM_RM] = COST_LOAD, [FORM_M] = COST_STORE, [FORM_MR] = COST_STORE, [FORM_MI] = COST_STORE },
    [ADDRESSES] = { OWN },
    [PUSHES] = { [FORM_R] = COST_STORE, [FORM_M] = COST_STORE, [FORM_I] = COST_STORE },
    [POPS] = { [FORM_R] = COST_LOAD, [FORM_M] = COST_LOAD },
    [EXCHANGES] = { [FORM_MR] = COST_LOCKED },
    [BRANCHES] = { [FORM_R] = COST_INDIRECT, [FORM_M] = COST_INDIRECT },
    [NAMES_REGISTER] = { OWN }
};

static uint16_t base_cost(const struct insn *i, const uint32_t *cost)
{
    unsigned own = own_cost[i->id], use = traffic[i->id], by_form = form_cost[use][i->form];
    bool counts = (by_form != OWN) & ((own == COST_BASIC) | (use == BRANCHES)); /* & and |: no branch to foretell */
    unsigned row = counts ? by_form : own;
    if (!cost) return 0;
    if (use == NAMES_REGISTER)
        row = i->id == MN_MOV_CR && i->sub == 3 ? COST_CR3 : i->id == MN_MOV_SEG && i->bytes[0] == 0x8E ? COST_MOV_SEG
            : own;
    if (i->flags & INSN_LOCK) row = COST_LOCKED;
    return (uint16_t)(cost[row] > UINT16_MAX ? UINT16_MAX : cost[row]);
}

/* References without a ModRM operand. What microcode does beyond operands (gates, segments, tables) is not among them. */
static const uint8_t implied[MN_COUNT] = {
    [MN_PUSH] = 1, [MN_POP] = 1, [MN_PUSHF] = 1, [MN_POPF] = 1, [MN_PUSHA] = 8, [MN_POPA] = 8, [MN_CALL] = 1, [MN_RET] = 1,
    [MN_LEAVE] = 1, [MN_ENTER] = 1, [MN_PUSH_SEG] = 1, [MN_POP_SEG] = 1, [MN_XLAT] = 1, [MN_INS] = 1, [MN_OUTS] = 1,
    [MN_MOVS] = 2, [MN_CMPS] = 2, [MN_STOS] = 1, [MN_LODS] = 1, [MN_SCAS] = 1
};

static uint8_t count_refs(const struct insn *i)
{
    unsigned use = traffic[i->id];
    bool memory = i->form == FORM_M || i->form == FORM_RM || i->form == FORM_MR || i->form == FORM_MI;
    bool both = use == EXCHANGES || (use == CHANGES && i->form != FORM_RM && own_cost[i->id] == COST_BASIC);
    if (i->flags & (INSN_REP | INSN_REPNE)) return 0;
    return (uint8_t)(implied[i->id] + (memory && use != ADDRESSES ? both ? 2 : 1 : 0));
}

/* ---- the handler ---- */

static const struct exec_forms *const fast[MN_COUNT] = {
    [MN_ADD] = &exec_forms_add, [MN_OR] = &exec_forms_or, [MN_ADC] = &exec_forms_adc, [MN_SBB] = &exec_forms_sbb,
    [MN_AND] = &exec_forms_and, [MN_SUB] = &exec_forms_sub, [MN_XOR] = &exec_forms_xor, [MN_CMP] = &exec_forms_cmp,
    [MN_TEST] = &exec_forms_test, [MN_INC] = &exec_forms_inc, [MN_DEC] = &exec_forms_dec, [MN_MOV] = &exec_forms_mov,
    [MN_MOVZX] = &exec_forms_movzx, [MN_MOVSX] = &exec_forms_movsx, [MN_LEA] = &exec_forms_lea,
    [MN_PUSH] = &exec_forms_push, [MN_POP] = &exec_forms_pop, [MN_JMP] = &exec_forms_jmp, [MN_CALL] = &exec_forms_call,
    [MN_RET] = &exec_forms_ret, [MN_SHL] = &exec_forms_shl, [MN_SHR] = &exec_forms_shr, [MN_SAR] = &exec_forms_sar
};

/* Rows that stand for two directions, and Jcc, whose handlers go by condition. */
static exec_fn *split_handler(const struct insn *i)
{
    switch (i->id) {
    case MN_NONE: return i->len > 15 ? exec_too_long : exec_undefined;
    case MN_JCC: return i->size == 4 ? exec_jcc32[i->sub] : exec_jcc;
    case MN_MOV_SEG: return i->bytes[0] == 0x8E ? exec_mov_to_seg : exec_mov_from_seg;
    case MN_MOV_CR: return i->bytes[1] == 0x22 ? exec_mov_to_cr : exec_mov_from_cr;
    case MN_MOV_DR: return i->bytes[1] == 0x23 ? exec_mov_to_dr : exec_mov_from_dr;
    default: return insn_desc(i->id)->fn;
    }
}

exec_fn *insn_handler(const struct insn *i)
{
    const struct exec_forms *f = fast[i->id];
    exec_fn *fn = NULL;
    if (!f) return split_handler(i);
    if (i->flags & INSN_MEM && i->flags & INSN_ADDR16) return insn_desc(i->id)->fn;
    if (i->id == MN_MOVZX || i->id == MN_MOVSX) {
        if (i->size == 4) fn = (i->sub == 1 ? f->byte : f->dword)[i->form];
    } else if (i->size == 4) fn = f->dword[i->form];
    else if (i->size == 1) fn = f->byte[i->form];
    return fn ? fn : insn_desc(i->id)->fn;
}

void insn_finish(struct insn *i, const uint32_t *cost)
{
    if (ends_block[i->id]) i->flags |= INSN_ENDS;
    i->cost = base_cost(i, cost);
    i->refs = count_refs(i);
    i->fn = insn_handler(i);
    i->waits = stall_mark(i);
}

/* What is left of bytes that are no instruction: something that raises the right exception when it is run. len 16 stands
 * for "longer than 15 bytes". */
static enum decode bad(struct insn *out, bool too_long, const uint32_t *cost)
{
    *out = (struct insn){ .base = REG_NONE, .index = REG_NONE, .len = too_long ? 16 : 1 };
    insn_finish(out, cost);
    return DECODE_BAD;
}

static ZyanStatus take_apart(struct raw *r, const uint8_t *bytes, unsigned n, bool code32)
{
    ZydisDecoder d;
    r->rep = r->segment = 0;
    r->lock = false;
    zydis_init(&d, code32);
    ZyanStatus s = ZydisDecoderDecodeFull(&d, bytes, n, &r->z, r->op);
    if (!ZYAN_SUCCESS(s)) return s;
    r->n = r->z.operand_count_visible;
    for (unsigned k = r->n; k < 3; k++) r->op[k].type = ZYDIS_OPERAND_TYPE_UNUSED;
    read_prefixes(r, code32);
    return s;
}

enum decode insn_decode_reference(const uint8_t *bytes, unsigned n, struct insn_mode mode, const uint32_t *cost,
                                  struct insn *out)
{
    struct raw r;
    ZyanStatus s = take_apart(&r, bytes, n, mode.code32);
    if (s == ZYDIS_STATUS_NO_MORE_DATA && n < 15) return DECODE_SHORT;
    if (s == ZYDIS_STATUS_INSTRUCTION_TOO_LONG || s == ZYDIS_STATUS_NO_MORE_DATA) return bad(out, true, cost);
    unsigned id = ZYAN_SUCCESS(s) ? identify(&r) : MN_NONE;
    if (id == MN_NONE) return bad(out, false, cost);
    *out = (struct insn){ .id = (uint16_t)id, .base = REG_NONE, .index = REG_NONE, .seg = SEG_DS, .len = r.z.length };
    out->size = r.z.operand_width == 8 ? 1 : r.operand16 ? 2 : 4;
    out->flags = (uint8_t)((r.address16 ? INSN_ADDR16 : 0) | (r.operand16 ? INSN_OPERAND16 : 0) | (r.lock ? INSN_LOCK : 0));
    bool plain = r.z.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT;
    out->bytes[0] = plain ? r.z.opcode : 0x0F;
    out->bytes[1] = plain ? 0 : r.z.opcode;
    if (id == MN_IMUL) out->sub = (uint8_t)r.n;
    if (is_x87(&r)) set_x87(out, &r);
    else if (id != MN_NOP) {
        set_operands(out, &r);
        set_particulars(out, &r);
    }
    insn_finish(out, cost);
    return DECODE_OK;
}

/* What newer processors take for a prefix (VEX, EVEX, XOP) is no instruction here, and ends where BOUND, LES, LDS or POP would. */
static bool looks_prefixed(const uint8_t *bytes, unsigned n)
{
    static const uint8_t legacy[] = { 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3 };
    unsigned k = 0;
    while (k < n && memchr(legacy, bytes[k], sizeof legacy)) k++;
    return k < n && (bytes[k] == 0x62 || bytes[k] == 0x8F || bytes[k] == 0xC4 || bytes[k] == 0xC5);
}

enum decode insn_decode(const uint8_t *bytes, unsigned n, struct insn_mode mode, const uint32_t *cost, struct insn *out)
{
    if (insn_decode_fast(bytes, n, mode, cost, out)) return DECODE_OK;
    enum decode d = insn_decode_reference(bytes, n, mode, cost, out);
    if (d == DECODE_BAD && n < 15 && insn_reaches_beyond(bytes, n, mode)) return DECODE_SHORT;
    return d == DECODE_SHORT && looks_prefixed(bytes, n) && !insn_reaches_beyond(bytes, n, mode) ? bad(out, false, cost) : d;
}
