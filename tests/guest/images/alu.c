// Every integer instruction on pseudo-random operands: generated, executed, and folded into one checksum per row.
//
// Idea: a row is an opcode and the shape of its operands; the generator picks prefixes, ModRM, SIB, displacement and
// immediates, and registers such that every memory operand lies in the scratch area. All registers, flags and the
// scratch area go into the checksum; only flags that the manual leaves undefined are left out. When a checksum differs,
// its line names the instruction.
// Manual: Intel SDM volume 2. It also makes the most of self-modifying code.
// Not here: PUSHF and POPF (a deprivileged kernel sees other flags), segment registers, ports.
#include "probe.h"

enum { CF = 1, PF = 4, AF = 0x10, ZF = 0x40, SF = 0x80, DF = 0x400, OF = 0x800, ALL = CF | PF | AF | ZF | SF | OF };
enum { SCRATCH = 0x6000, SCRATCH_SIZE = 0x100, STACK = 0x6400, CASES = 48 };

// How the operands of a row are encoded.
enum shape { PLAIN, RM, MEM_ONLY, REG_ONLY, STRING, STACKED, STACK_RM, BRANCH, XLAT, MOFFS, ENTER };
// Which flags are undefined after it.
enum undefined { NONE, LOGIC, MUL, DIV, SHIFT, ROTATE, DOUBLE, BIT, SCAN, ADJUST, DECIMAL, AAM };
enum { IMM0 = 0, IMM8 = 1, IMMV = 4 };

struct row {
    const char *name;
    uint8_t op[2], ops;    // opcode bytes
    int8_t ext;            // /n, or -1
    uint8_t shape, byte, imm, undefined;
};

struct state { uint32_t reg[8], flags; };
struct state alu_in, alu_out;
uint8_t alu_code[64] __attribute__((aligned(64)));
uint32_t alu_faulted;
void alu_run(void);
extern const uint8_t alu_divide_error[], alu_back[];

__asm__(".pushsection .text\n.intel_syntax noprefix\n.global alu_run, alu_back, alu_divide_error\n"
        "alu_run:\n pushad\n mov [alu_esp], esp\n push dword ptr [alu_in + 32]\n popfd\n"
        " mov ecx, [alu_in + 4]\n mov edx, [alu_in + 8]\n mov ebx, [alu_in + 12]\n mov esp, [alu_in + 16]\n"
        " mov ebp, [alu_in + 20]\n mov esi, [alu_in + 24]\n mov edi, [alu_in + 28]\n mov eax, [alu_in]\n"
        " jmp alu_code\n"
        "alu_divide_error:\n mov dword ptr [alu_faulted], 1\n add esp, 12\n"
        "alu_back:\n mov [alu_out], eax\n mov [alu_out + 4], ecx\n mov [alu_out + 8], edx\n mov [alu_out + 12], ebx\n"
        " mov [alu_out + 16], esp\n mov [alu_out + 20], ebp\n mov [alu_out + 24], esi\n mov [alu_out + 28], edi\n"
        " mov esp, [alu_esp]\n pushfd\n pop dword ptr [alu_out + 32]\n push 2\n popfd\n popad\n ret\n"
        ".popsection\n.pushsection .bss\nalu_esp: .skip 4\n.popsection");

static uint32_t seed;
static uint32_t random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed;
}
static uint32_t pick(uint32_t n) { return (random() >> 8) % n; }

static uint32_t operand(void) // borders more often than chance would have them
{
    static const uint32_t edges[] = {0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 31};
    return pick(3) ? random() : edges[pick(sizeof edges / sizeof edges[0])];
}

static uint8_t *at; // where the next byte of code goes
static void emit(uint32_t value, unsigned bytes)
{
    for (; bytes; bytes--, value >>= 8)
        *at++ = (uint8_t)value;
}

// ---- generating one instruction -----------------------------------------------------------------------------------

// A memory operand: the addressing form is drawn, then registers are set so that it lands on `target`.
static void memory16(unsigned reg, uint32_t target)
{
    static const uint8_t base[] = {3, 3, 5, 5, 6, 7, 5, 3}, index[] = {6, 7, 6, 7, 8, 8, 8, 8};
    unsigned rm = pick(8), mod = pick(3);
    int32_t disp = mod == 0 ? 0 : mod == 1 ? (int8_t)random() : (int16_t)random();
    if (mod == 0 && rm == 6) {
        emit(reg << 3 | 6, 1);
        emit(target, 2);
        return;
    }
    emit(mod << 6 | reg << 3 | rm, 1);
    emit((uint32_t)disp, mod);
    uint32_t rest = target - (uint32_t)disp;
    if (index[rm] < 8)
        rest -= alu_in.reg[index[rm]];
    alu_in.reg[base[rm]] = (alu_in.reg[base[rm]] & 0xFFFF0000u) | (rest & 0xFFFF);
}

static void memory32(unsigned reg, uint32_t target)
{
    unsigned base = pick(8), mod = pick(3), index = pick(8), scale = pick(4);
    int32_t disp = mod == 0 ? 0 : mod == 1 ? (int8_t)random() : (int32_t)random();
    if (base == 4) { // SIB; ESP as base stands where it stands, so it gets the whole distance as displacement
        bool fixed = pick(3) == 0;
        emit((fixed ? 2 : mod) << 6 | reg << 3 | 4, 1);
        base = fixed ? 4 : (uint32_t[]){0, 1, 2, 3, 5, 6, 7}[pick(7)];
        emit(scale << 6 | index << 3 | base, 1);
        uint32_t scaled = index == 4 ? 0 : alu_in.reg[index] << scale;
        if (fixed)
            emit(target - alu_in.reg[4] - scaled, 4);
        else if (mod == 0 && base == 5)
            emit(target - scaled, 4);
        else {
            emit((uint32_t)disp, mod == 2 ? 4 : mod);
            if (base != index)
                alu_in.reg[base] = target - (uint32_t)disp - scaled;
            else { // one register twice: make the distance 0 and let a zero do
                at -= (mod == 2 ? 4 : mod) + 2;
                memory32(reg, target);
            }
        }
        return;
    }
    if (mod == 0 && base == 5) {
        emit(reg << 3 | 5, 1);
        emit(target, 4);
        return;
    }
    emit(mod << 6 | reg << 3 | base, 1);
    emit((uint32_t)disp, mod == 2 ? 4 : mod);
    alu_in.reg[base] = target - (uint32_t)disp;
}

static void modrm(const struct row *r, bool address16)
{
    unsigned reg = r->ext >= 0 ? (unsigned)r->ext : pick(8);
    if (r->shape == REG_ONLY || (r->shape != MEM_ONLY && pick(2))) {
        emit(0xC0 | reg << 3 | pick(8), 1);
        return;
    }
    uint32_t target = SCRATCH + 0x40 + pick(0x80);
    if (address16)
        memory16(reg, target);
    else
        memory32(reg, target);
}

static void string_registers(bool address16)
{
    uint32_t keep = address16 ? 0xFFFF0000u : 0;
    alu_in.reg[1] = (operand() & keep) | pick(9);
    alu_in.reg[6] = (alu_in.reg[6] & keep) | (SCRATCH + 0x40 + pick(0x80));
    alu_in.reg[7] = (alu_in.reg[7] & keep) | (SCRATCH + 0x40 + pick(0x80));
    if (pick(2))
        alu_in.flags |= DF;
}

// BTS [EBX], EBX and the like would reach far away.
static bool too_far(const struct row *r, const uint8_t *modrm_at, bool operand16)
{
    if (r->undefined != BIT || r->ext >= 0)
        return false;
    uint32_t bit = alu_in.reg[*modrm_at >> 3 & 7];
    int32_t offset = operand16 ? (int16_t)bit : (int32_t)bit;
    return *modrm_at < 0xC0 && (offset < -512 || offset > 511);
}

static void generate(const struct row *r)
{
    bool operand16 = !r->byte && r->shape != BRANCH && pick(3) == 0, address16 = pick(4) == 0;
    bool stack = r->shape == STACKED || r->shape == STACK_RM || r->shape == ENTER;
    at = alu_code;
    for (unsigned i = 0; i < 8; i++)
        alu_in.reg[i] = operand();
    alu_in.reg[4] = STACK + (stack ? pick(4) * 4 : 0);
    alu_in.flags = (random() & ALL) | 2;
    if (r->shape == PLAIN || r->shape == BRANCH)
        address16 = false;
    if (r->shape == STRING) {
        string_registers(address16);
        if (pick(2))
            emit(pick(2) ? 0xF2 : 0xF3, 1);
    }
    if (operand16)
        emit(0x66, 1);
    if (address16)
        emit(0x67, 1);
    if (r->shape != BRANCH && pick(8) == 0)
        emit((uint32_t[]){0x3E, 0x26, 0x36}[pick(3)], 1);
    if (r->undefined == DOUBLE && operand16) // larger counts leave everything undefined
        alu_in.reg[1] &= ~0x10u;
    if (r->undefined == BIT && r->ext < 0) // bit strings: stay near
        for (unsigned i = 0; i < 8; i++)
            if (i != 4)
                alu_in.reg[i] = (uint32_t)((int32_t)(random() << 22) >> 22); // -512 to 511
    if (r->shape == XLAT)
        alu_in.reg[3] = SCRATCH;
    emit(r->op[0], 1);
    if (r->ops == 2)
        emit(r->op[1], 1);
    uint8_t *const modrm_at = at;
    const struct state saved = alu_in;
    bool again = false;
    if (r->shape == RM || r->shape == MEM_ONLY || r->shape == REG_ONLY || r->shape == STACK_RM)
        do {
            for (unsigned i = 0; again && i < 8; i++)
                alu_in.reg[i] = saved.reg[i];
            at = modrm_at;
            modrm(r, address16);
            again = true;
        } while (too_far(r, modrm_at, operand16));
    if (r->shape == MOFFS)
        emit(SCRATCH + pick(0x80), address16 ? 2 : 4);
    if (r->shape == ENTER) {
        emit(pick(64), 2);
        emit(pick(5), 1);
        alu_in.reg[5] = STACK - 0x80;
    }
    if (r->shape == STACKED && r->op[0] == 0xC9)
        alu_in.reg[5] = STACK - pick(64);
    uint32_t imm = operand();
    if (r->undefined == DOUBLE && operand16)
        imm &= ~0x10u;
    emit(imm, r->imm == IMMV ? (operand16 ? 2 : 4) : r->imm);
    if (r->shape == BRANCH) {
        emit(1, r->imm == IMM0 && r->ops == 2 ? (operand16 ? 2 : 4) : 1);
        emit(0x45, 1); // INC EBP, jumped over or not
    }
    emit(0xE9, 1);
    emit((uint32_t)alu_back - (uint32_t)(at + 4), 4);
}

// ---- folding ------------------------------------------------------------------------------------------------------

static uint32_t undefined_flags(const struct row *r)
{
    bool operand16 = alu_code[0] == 0x66 || alu_code[1] == 0x66;
    uint32_t count = 1;
    if (r->undefined == SHIFT || r->undefined == ROTATE || r->undefined == DOUBLE) {
        count = r->imm ? 0xFF : alu_in.reg[1] & 31; // of an immediate we only say: perhaps not 1
        if (r->op[0] == 0xD0 || r->op[0] == 0xD1)
            count = 1;
        if (count == 0)
            return 0;
    }
    switch (r->undefined) {
    case LOGIC: return AF;
    case MUL: return SF | ZF | AF | PF;
    case DIV: return ALL;
    case SHIFT: return AF | (count != 1 ? OF : 0) | (count > 7 && (r->byte || operand16) ? CF : 0);
    case ROTATE: return count != 1 ? OF : 0;
    case DOUBLE: return AF | (count != 1 ? OF : 0) | (operand16 && count > 15 ? CF : 0);
    case BIT: return OF | SF | AF | PF;
    case SCAN: return ALL & ~ZF;
    case ADJUST: return OF | SF | ZF | PF;
    case DECIMAL: return OF;
    case AAM: return OF | AF | CF;
    default: return 0;
    }
}

static uint32_t hash;
static void fold(uint32_t value) { hash = (hash ^ value) * 16777619u + (hash >> 15); }

static void run_row(const struct row *r, uint32_t first_seed)
{
    volatile uint32_t *scratch = (volatile uint32_t *)SCRATCH, *stack = (volatile uint32_t *)(STACK - 0x100);
    seed = first_seed;
    hash = 2166136261u;
    for (unsigned i = 0; i < CASES; i++) {
        for (unsigned k = 0; i % 16 == 0 && k < SCRATCH_SIZE / 4; k++)
            scratch[k] = operand();
        for (unsigned k = 0; i % 16 == 0 && k < 0x60; k++)
            stack[k] = random();
        generate(r);
        if ((r->undefined == ADJUST || r->undefined == DECIMAL) && r->shape == PLAIN && pick(2))
            alu_in.reg[0] = (alu_in.reg[0] & ~0xFu) | pick(16);
        alu_faulted = 0;
        alu_run();
        fold(alu_faulted);
        for (unsigned k = 0; k < 8; k++)
            fold(alu_out.reg[k]);
        if (!alu_faulted) // flags after #DE are undefined, and EFLAGS was pushed by hardware
            fold(alu_out.flags & (ALL | DF) & ~undefined_flags(r));
        for (unsigned k = 0; i % 8 == 7 && k < SCRATCH_SIZE / 4; k++)
            fold(scratch[k]);
        for (unsigned k = 0; i % 8 == 7 && r->shape >= STACKED && k < 0x60; k++)
            fold(stack[k]);
    }
    print(r->name);
    print(r->byte ? " b " : " ");
    print_hex(hash, 8);
    print("\n");
}

// ---- the rows -----------------------------------------------------------------------------------------------------

#define BOTH(name, first, ext, shape, undefined) \
    {name, {first, 0}, 1, ext, shape, 1, IMM0, undefined}, {name, {first + 1, 0}, 1, ext, shape, 0, IMM0, undefined}
#define WIDE2(name, second, ext, shape, imm, undefined) {name, {0x0F, second}, 2, ext, shape, 0, imm, undefined}
#define SHIFTS(name, ext, undefined) \
    BOTH(name " by 1", 0xD0, ext, RM, undefined), BOTH(name " by cl", 0xD2, ext, RM, undefined), \
    {name " by imm", {0xC0, 0}, 1, ext, RM, 1, IMM8, undefined}, {name " by imm", {0xC1, 0}, 1, ext, RM, 0, IMM8, undefined}
#define ARITHMETIC(name, n, undefined) \
    BOTH(name " rm,r", n * 8, -1, RM, undefined), BOTH(name " r,rm", n * 8 + 2, -1, RM, undefined), \
    {name " al,imm", {n * 8 + 4, 0}, 1, -1, PLAIN, 1, IMM8, undefined}, \
    {name " eax,imm", {n * 8 + 5, 0}, 1, -1, PLAIN, 0, IMMV, undefined}, \
    {name " rm,imm", {0x80, 0}, 1, n, RM, 1, IMM8, undefined}, {name " rm,imm", {0x81, 0}, 1, n, RM, 0, IMMV, undefined}, \
    {name " rm,imm8", {0x83, 0}, 1, n, RM, 0, IMM8, undefined}

static const struct row rows[] = {
    ARITHMETIC("add", 0, NONE), ARITHMETIC("or", 1, LOGIC), ARITHMETIC("adc", 2, NONE), ARITHMETIC("sbb", 3, NONE),
    ARITHMETIC("and", 4, LOGIC), ARITHMETIC("sub", 5, NONE), ARITHMETIC("xor", 6, LOGIC), ARITHMETIC("cmp", 7, NONE),
    BOTH("inc", 0xFE, 0, RM, NONE), BOTH("dec", 0xFE, 1, RM, NONE), BOTH("test", 0x84, -1, RM, LOGIC),
    {"test imm", {0xF6, 0}, 1, 0, RM, 1, IMM8, LOGIC}, {"test imm", {0xF7, 0}, 1, 0, RM, 0, IMMV, LOGIC},
    {"test al", {0xA8, 0}, 1, -1, PLAIN, 1, IMM8, LOGIC}, {"test eax", {0xA9, 0}, 1, -1, PLAIN, 0, IMMV, LOGIC},
    BOTH("not", 0xF6, 2, RM, NONE), BOTH("neg", 0xF6, 3, RM, NONE), BOTH("mul", 0xF6, 4, RM, MUL),
    BOTH("imul", 0xF6, 5, RM, MUL), BOTH("div", 0xF6, 6, RM, DIV), BOTH("idiv", 0xF6, 7, RM, DIV),
    WIDE2("imul r,rm", 0xAF, -1, RM, IMM0, MUL), {"imul r,rm,imm", {0x69, 0}, 1, -1, RM, 0, IMMV, MUL},
    {"imul r,rm,imm8", {0x6B, 0}, 1, -1, RM, 0, IMM8, MUL},
    SHIFTS("rol", 0, ROTATE), SHIFTS("ror", 1, ROTATE), SHIFTS("rcl", 2, ROTATE), SHIFTS("rcr", 3, ROTATE),
    SHIFTS("shl", 4, SHIFT), SHIFTS("shr", 5, SHIFT), SHIFTS("sal", 6, SHIFT), SHIFTS("sar", 7, SHIFT),
    WIDE2("shld imm", 0xA4, -1, RM, IMM8, DOUBLE), WIDE2("shld cl", 0xA5, -1, RM, IMM0, DOUBLE),
    WIDE2("shrd imm", 0xAC, -1, RM, IMM8, DOUBLE), WIDE2("shrd cl", 0xAD, -1, RM, IMM0, DOUBLE),
    WIDE2("bt r", 0xA3, -1, RM, IMM0, BIT), WIDE2("bts r", 0xAB, -1, RM, IMM0, BIT), WIDE2("btr r", 0xB3, -1, RM, IMM0, BIT),
    WIDE2("btc r", 0xBB, -1, RM, IMM0, BIT), WIDE2("bt imm", 0xBA, 4, RM, IMM8, BIT), WIDE2("bts imm", 0xBA, 5, RM, IMM8, BIT),
    WIDE2("btr imm", 0xBA, 6, RM, IMM8, BIT), WIDE2("btc imm", 0xBA, 7, RM, IMM8, BIT),
    WIDE2("bsf", 0xBC, -1, RM, IMM0, SCAN), WIDE2("bsr", 0xBD, -1, RM, IMM0, SCAN),
    {"xadd", {0x0F, 0xC0}, 2, -1, RM, 1, IMM0, NONE}, WIDE2("xadd", 0xC1, -1, RM, IMM0, NONE),
    {"cmpxchg", {0x0F, 0xB0}, 2, -1, RM, 1, IMM0, NONE}, WIDE2("cmpxchg", 0xB1, -1, RM, IMM0, NONE),
    WIDE2("cmpxchg8b", 0xC7, 1, MEM_ONLY, IMM0, NONE), BOTH("xchg", 0x86, -1, RM, NONE),
    BOTH("mov rm,r", 0x88, -1, RM, NONE), BOTH("mov r,rm", 0x8A, -1, RM, NONE),
    {"mov rm,imm", {0xC6, 0}, 1, 0, RM, 1, IMM8, NONE}, {"mov rm,imm", {0xC7, 0}, 1, 0, RM, 0, IMMV, NONE},
    BOTH("mov a,moffs", 0xA0, -1, MOFFS, NONE), BOTH("mov moffs,a", 0xA2, -1, MOFFS, NONE),
    WIDE2("movzx b", 0xB6, -1, RM, IMM0, NONE), WIDE2("movzx w", 0xB7, -1, RM, IMM0, NONE),
    WIDE2("movsx b", 0xBE, -1, RM, IMM0, NONE), WIDE2("movsx w", 0xBF, -1, RM, IMM0, NONE),
    {"lea", {0x8D, 0}, 1, -1, MEM_ONLY, 0, IMM0, NONE}, {"cbw", {0x98, 0}, 1, -1, PLAIN, 0, IMM0, NONE},
    {"cwd", {0x99, 0}, 1, -1, PLAIN, 0, IMM0, NONE}, {"lahf", {0x9F, 0}, 1, -1, PLAIN, 0, IMM0, NONE},
    {"sahf", {0x9E, 0}, 1, -1, PLAIN, 0, IMM0, NONE}, {"cmc", {0xF5, 0}, 1, -1, PLAIN, 0, IMM0, NONE},
    {"clc", {0xF8, 0}, 1, -1, PLAIN, 0, IMM0, NONE}, {"stc", {0xF9, 0}, 1, -1, PLAIN, 0, IMM0, NONE},
    {"cld", {0xFC, 0}, 1, -1, PLAIN, 0, IMM0, NONE}, {"std", {0xFD, 0}, 1, -1, PLAIN, 0, IMM0, NONE},
    {"salc", {0xD6, 0}, 1, -1, PLAIN, 0, IMM0, NONE}, {"nop", {0x90, 0}, 1, -1, PLAIN, 0, IMM0, NONE},
    {"xlat", {0xD7, 0}, 1, -1, XLAT, 1, IMM0, NONE}, {"aaa", {0x37, 0}, 1, -1, PLAIN, 0, IMM0, ADJUST},
    {"aas", {0x3F, 0}, 1, -1, PLAIN, 0, IMM0, ADJUST}, {"daa", {0x27, 0}, 1, -1, PLAIN, 0, IMM0, DECIMAL},
    {"das", {0x2F, 0}, 1, -1, PLAIN, 0, IMM0, DECIMAL}, {"aam", {0xD4, 0}, 1, -1, PLAIN, 0, IMM8, AAM},
    {"aad", {0xD5, 0}, 1, -1, PLAIN, 0, IMM8, AAM},
    BOTH("movs", 0xA4, -1, STRING, NONE), BOTH("cmps", 0xA6, -1, STRING, NONE), BOTH("stos", 0xAA, -1, STRING, NONE),
    BOTH("lods", 0xAC, -1, STRING, NONE), BOTH("scas", 0xAE, -1, STRING, NONE),
    {"push imm", {0x68, 0}, 1, -1, STACKED, 0, IMMV, NONE}, {"push imm8", {0x6A, 0}, 1, -1, STACKED, 0, IMM8, NONE},
    {"push rm", {0xFF, 0}, 1, 6, STACK_RM, 0, IMM0, NONE}, {"pop rm", {0x8F, 0}, 1, 0, STACK_RM, 0, IMM0, NONE},
    {"pusha", {0x60, 0}, 1, -1, STACKED, 0, IMM0, NONE}, {"popa", {0x61, 0}, 1, -1, STACKED, 0, IMM0, NONE},
    {"enter", {0xC8, 0}, 1, -1, ENTER, 0, IMM0, NONE}, {"leave", {0xC9, 0}, 1, -1, STACKED, 0, IMM0, NONE},
    {"jcxz", {0xE3, 0}, 1, -1, BRANCH, 0, IMM0, NONE}, {"loop", {0xE2, 0}, 1, -1, BRANCH, 0, IMM0, NONE},
    {"loope", {0xE1, 0}, 1, -1, BRANCH, 0, IMM0, NONE}, {"loopne", {0xE0, 0}, 1, -1, BRANCH, 0, IMM0, NONE},
};

// Rows that differ in their last opcode byte only: conditions, and registers in the opcode.
static void families(void)
{
    static const struct { struct row row; unsigned n; } all[] = {
        {{"cmov", {0x0F, 0x40}, 2, -1, RM, 0, IMM0, NONE}, 16}, {{"set", {0x0F, 0x90}, 2, 0, RM, 1, IMM0, NONE}, 16},
        {{"jcc", {0x70, 0}, 1, -1, BRANCH, 1, IMM0, NONE}, 16}, {{"bswap", {0x0F, 0xC8}, 2, -1, PLAIN, 1, IMM0, NONE}, 8},
        {{"inc r", {0x40, 0}, 1, -1, PLAIN, 0, IMM0, NONE}, 8}, {{"dec r", {0x48, 0}, 1, -1, PLAIN, 0, IMM0, NONE}, 8},
        {{"push r", {0x50, 0}, 1, -1, STACKED, 0, IMM0, NONE}, 8}, {{"pop r", {0x58, 0}, 1, -1, STACKED, 0, IMM0, NONE}, 8},
        {{"xchg a,r", {0x90, 0}, 1, -1, PLAIN, 0, IMM0, NONE}, 8}, {{"mov r8", {0xB0, 0}, 1, -1, PLAIN, 1, IMM8, NONE}, 8},
        {{"mov r", {0xB8, 0}, 1, -1, PLAIN, 0, IMMV, NONE}, 8}};
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
        for (unsigned k = 0; k < all[i].n; k++) {
            struct row r = all[i].row;
            r.op[r.ops - 1] = (uint8_t)(r.op[r.ops - 1] + k);
            print_hex(k, 1);
            print(" ");
            run_row(&r, 0x1234567 + i * 64 + k);
        }
}

void kmain(void)
{
    probe_init();
    idt[0] = gate(SEL_KERNEL_CODE, alu_divide_error, ACCESS_INT_GATE);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        run_row(&rows[i], 0x9E3779B9u + i * 977);
    families();
    finish(true);
}
