/* Which x87 instruction is which: opcode and ModRM to rows of insn.def. SDM vol. 2 app. A.5 (escape opcodes); the
 * aliases the manual leaves blank (DC D0, DD C8, DE D0, DF C0 and so on) act as on every Intel processor. FISTTP (SSE3)
 * is not there: #UD. */
#include "sim/cpu/fpu.h"
#include "sim/cpu/insn.h"

#define ARITHMETIC { MN_FADD, MN_FMUL, MN_FCOM, MN_FCOM, MN_FSUB, MN_FSUBR, MN_FDIV, MN_FDIVR }

static const uint8_t memory[8][8] = { /* by opcode D8..DF and ModRM.reg */
    ARITHMETIC,
    { MN_FLD, 0, MN_FST, MN_FST, MN_FLDENV, MN_FLDCW, MN_FNSTENV, MN_FNSTCW },
    ARITHMETIC,
    { MN_FILD, 0, MN_FIST, MN_FIST, 0, MN_FLD, 0, MN_FST },
    ARITHMETIC,
    { MN_FLD, 0, MN_FST, MN_FST, MN_FRSTOR, 0, MN_FNSAVE, MN_FNSTSW },
    ARITHMETIC,
    { MN_FILD, 0, MN_FIST, MN_FIST, MN_FBLD, MN_FILD, MN_FBSTP, MN_FIST },
};
static const uint8_t stack[8][8] = { /* likewise, with ST(i); 0: see single */
    ARITHMETIC,
    { MN_FLD, MN_FXCH, 0, MN_FST, 0, 0, 0, 0 },
    { MN_FCMOV, MN_FCMOV, MN_FCMOV, MN_FCMOV, 0, 0, 0, 0 },
    { MN_FCMOV, MN_FCMOV, MN_FCMOV, MN_FCMOV, 0, MN_FCOMI, MN_FCOMI, 0 },
    ARITHMETIC,
    { MN_FFREE, MN_FXCH, MN_FST, MN_FST, MN_FUCOM, MN_FUCOM, 0, 0 },
    { MN_FADD, MN_FMUL, MN_FCOM, 0, MN_FSUB, MN_FSUBR, MN_FDIV, MN_FDIVR },
    { MN_FFREE, MN_FXCH, MN_FST, MN_FST, 0, MN_FCOMI, MN_FCOMI, 0 },
};
static const struct { uint8_t opcode, modrm, id; } single[] = {
    { 0xD9, 0xD0, MN_FNOP }, { 0xD9, 0xE0, MN_FCHS }, { 0xD9, 0xE1, MN_FABS }, { 0xD9, 0xE4, MN_FTST },
    { 0xD9, 0xE5, MN_FXAM }, { 0xD9, 0xE8, MN_FLD1 }, { 0xD9, 0xE9, MN_FLD1 }, { 0xD9, 0xEA, MN_FLD1 },
    { 0xD9, 0xEB, MN_FLD1 }, { 0xD9, 0xEC, MN_FLD1 }, { 0xD9, 0xED, MN_FLD1 }, { 0xD9, 0xEE, MN_FLD1 },
    { 0xD9, 0xF0, MN_F2XM1 }, { 0xD9, 0xF1, MN_FYL2X }, { 0xD9, 0xF2, MN_FPTAN }, { 0xD9, 0xF3, MN_FPATAN },
    { 0xD9, 0xF4, MN_FXTRACT }, { 0xD9, 0xF5, MN_FPREM1 }, { 0xD9, 0xF6, MN_FDECSTP }, { 0xD9, 0xF7, MN_FINCSTP },
    { 0xD9, 0xF8, MN_FPREM }, { 0xD9, 0xF9, MN_FYL2XP1 }, { 0xD9, 0xFA, MN_FSQRT }, { 0xD9, 0xFB, MN_FSINCOS },
    { 0xD9, 0xFC, MN_FRNDINT }, { 0xD9, 0xFD, MN_FSCALE }, { 0xD9, 0xFE, MN_FSIN }, { 0xD9, 0xFF, MN_FCOS },
    { 0xDA, 0xE9, MN_FUCOM }, { 0xDB, 0xE2, MN_FNCLEX }, { 0xDB, 0xE3, MN_FNINIT },
    { 0xDB, 0xE0, MN_FNOP8087 }, { 0xDB, 0xE1, MN_FNOP8087 }, { 0xDB, 0xE4, MN_FNOP8087 }, /* FENI, FDISI, FSETPM */
    { 0xDE, 0xD9, MN_FCOM }, { 0xDF, 0xE0, MN_FNSTSW },
};

unsigned fpu_identify(uint8_t opcode, uint8_t modrm)
{
    unsigned column = modrm >> 3 & 7;
    if (modrm < 0xC0) return memory[opcode & 7][column];
    if (stack[opcode & 7][column]) return stack[opcode & 7][column];
    for (unsigned k = 0; k < sizeof single / sizeof single[0]; k++)
        if (single[k].opcode == opcode && single[k].modrm == modrm) return single[k].id;
    return MN_NONE;
}
