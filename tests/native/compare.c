/* Holds what the simulator says against what this computer's processor says: `compare CASES OURS NATIVE [blocks]`, three files of the
 * same run. Prints what differs, and by which row of `allowed` a difference was let pass.
 *
 * Idea: the manual leaves things undefined, and processors differ where it does not. Each such thing is one row, with its
 * reason; a row names the opcodes, what may differ, and on whose processors. What no row allows fails the run.
 * A row that lets nothing pass in a large run is superfluous, so the count of each is printed. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 20, FIELDS = 20 };
enum { CF = 1, PF = 4, AF = 16, ZF = 64, SF = 128, OF = 0x800 };

/* What may differ, besides the flags in `flags`. */
enum {
    ORDER = 1,   /* which of several faults comes first: vector, code, CR2 */
    STORES = 2,  /* the instruction's own piece of memory behind a fault: bytes stored before it */
    RESULT = 4,  /* the result itself: registers and memory */
    ANYTHING = 8,
    FETCH = 16,  /* bit 4 of a page fault's code */
    LOADED = 32, /* general registers but ESP at a fault */
    UPPER = 64,  /* memory in the upper half of the dword pushed, if nothing faults */
    BEFORE = 128, /* arithmetic flags at a fault */
};
enum { ALL, AMD, INTEL, BLOCKS };            /* on whose processors; or when Ringside ran without TF */
/* Only if all of these are so. */
enum {
    REP = 1,        /* a REP prefix */
    LOCKED = 2,     /* LOCK */
    OP16 = 4,       /* 16-bit operands */
    COUNT = 8,      /* a count over 1 */
    WRAP = 16,      /* 16-bit addresses, and the operand goes over the end of 64 KB */
    OVER = 32,      /* a count of at least the operand's size */
    SPLIT = 64,     /* the operand lies in two pages, or is the first to exceed a limit */
    HALF = 128,     /* a fault at the upper half of a dword on the stack, of which the other one needs the lower */
    NONE = 256,     /* the count in ECX is 0 */
    RANGE = 512,    /* this host says #BR */
    LIMIT = 1024,   /* this host says #GP or #SS */
    ALONE = 2048,   /* the ModRM byte is F8 */
};

struct row { uint16_t from, to; int8_t middle; uint16_t flags, what; uint8_t whose; uint16_t when; const char *why; };
static const struct row allowed[] = {
    { 0x00, 0x1FF, -1, 0, FETCH, ALL, 0, "this host has NX, so its page faults tell instruction fetches apart" },
    /* Undefined by the manual. Ringside does as P6-class hardware does, where that is known; this host need not. */
    { 0x27, 0x27, -1, OF, 0, ALL, 0, "DAA leaves OF undefined" },
    { 0x2F, 0x2F, -1, OF, 0, ALL, 0, "DAS leaves OF undefined" },
    { 0x37, 0x37, -1, OF | SF | ZF | PF, 0, ALL, 0, "AAA leaves OF, SF, ZF, PF undefined" },
    { 0x3F, 0x3F, -1, OF | SF | ZF | PF, 0, ALL, 0, "AAS leaves OF, SF, ZF, PF undefined" },
    { 0xD4, 0xD4, -1, OF | AF | CF, 0, ALL, 0, "AAM leaves OF, AF, CF undefined" },
    { 0xD5, 0xD5, -1, OF | AF | CF, 0, ALL, 0, "AAD leaves OF, AF, CF undefined" },
    { 0x69, 0x69, -1, SF | ZF | AF | PF, 0, ALL, 0, "IMUL leaves SF, ZF, AF, PF undefined" },
    { 0x6B, 0x6B, -1, SF | ZF | AF | PF, 0, ALL, 0, "IMUL leaves SF, ZF, AF, PF undefined" },
    { 0x1AF, 0x1AF, -1, SF | ZF | AF | PF, 0, ALL, 0, "IMUL leaves SF, ZF, AF, PF undefined" },
    { 0xF6, 0xF7, 4, SF | ZF | AF | PF, 0, ALL, 0, "MUL leaves SF, ZF, AF, PF undefined" },
    { 0xF6, 0xF7, 5, SF | ZF | AF | PF, 0, ALL, 0, "IMUL leaves SF, ZF, AF, PF undefined" },
    { 0xF6, 0xF7, 6, SF | ZF | AF | PF | CF | OF, 0, ALL, 0, "DIV leaves all flags undefined" },
    { 0xF6, 0xF7, 7, SF | ZF | AF | PF | CF | OF, 0, ALL, 0, "IDIV leaves all flags undefined" },
    { 0xC0, 0xC1, -1, AF | OF, 0, ALL, COUNT, "shifts and rotates by other counts than 1 leave AF, OF undefined" },
    { 0xD2, 0xD3, -1, AF | OF, 0, ALL, COUNT, "shifts and rotates by other counts than 1 leave AF, OF undefined" },
    { 0xC0, 0xC1, -1, AF, 0, ALL, 0, "shifts leave AF undefined" },
    { 0xD0, 0xD3, -1, AF, 0, ALL, 0, "shifts leave AF undefined" },
    { 0xC0, 0xC1, -1, CF, 0, ALL, OVER, "shifts by as many bits as there are, or more, leave CF undefined" },
    { 0xD2, 0xD3, -1, CF, 0, ALL, OVER, "shifts by as many bits as there are, or more, leave CF undefined" },
    { 0x1A4, 0x1A5, -1, AF | OF, 0, ALL, 0, "SHLD leaves AF undefined; OF, too, if the count is over 1" },
    { 0x1AC, 0x1AD, -1, AF | OF, 0, ALL, 0, "SHRD leaves AF undefined; OF, too, if the count is over 1" },
    { 0x1A4, 0x1A5, -1, CF | PF | AF | ZF | SF | OF, RESULT, ALL, OP16 | COUNT, "SHLD by more than 16 of 16 bits is undefined" },
    { 0x1AC, 0x1AD, -1, CF | PF | AF | ZF | SF | OF, RESULT, ALL, OP16 | COUNT, "SHRD by more than 16 of 16 bits is undefined" },
    { 0x1BC, 0x1BD, -1, CF | PF | AF | SF | OF, 0, ALL, 0, "BSF and BSR leave all flags but ZF undefined" },
    { 0x1C8, 0x1CF, -1, 0, RESULT, ALL, OP16, "BSWAP of 16 bits is undefined" },
    { 0x9C, 0x9C, -1, 0, RESULT, BLOCKS, 0, "PUSHF: the native case has TF set, and this one has not" },
    /* Order within an instruction. Ringside follows the operation sections of the Intel manual. */
    { 0x9A, 0x9A, -1, 0, ORDER | STORES, ALL, 0, "far CALL: newer processors push before they check the target's limit" },
    { 0xE8, 0xE8, -1, 0, ORDER | STORES, ALL, 0, "near CALL: newer processors push before they check the target's limit" },
    { 0xFF, 0xFF, 2, 0, ORDER | STORES, ALL, 0, "near CALL: newer processors push before they check the target's limit" },
    { 0xFF, 0xFF, 3, 0, ORDER | STORES, ALL, 0, "far CALL: newer processors push before they check the target's limit" },
    { 0xCA, 0xCB, -1, 0, ORDER, ALL, 0, "far RET: newer processors read CS before EIP" },
    { 0xCA, 0xCB, -1, 0, ANYTHING, INTEL, HALF, "far RET: newer Intel processors read 16 of 32 bits of CS" },
    { 0xCF, 0xCF, -1, 0, ORDER, ALL, 0, "IRET: newer processors read CS before EIP" },
    { 0xA6, 0xA7, -1, 0, ORDER, ALL, 0, "CMPS: newer processors read ES:EDI before DS:ESI" },
    { 0x6C, 0x6F, -1, 0, ANYTHING, ALL, REP | NONE, "REP INS, OUTS: newer processors check the right to the port even if the count is 0" },
    { 0xE0, 0xE1, -1, 0, ANYTHING, AMD, REP, "LOOPNE, LOOPE: F3, F2 swap the two on AMD; Intel ignores the prefix" },
    { 0x06, 0x06, -1, 0, UPPER, AMD, 0, "PUSH ES: AMD stores 32 bits" },
    { 0x06, 0x06, -1, 0, ANYTHING, AMD, HALF, "PUSH ES: the same, at an edge" },
    { 0x0E, 0x0E, -1, 0, UPPER, AMD, 0, "PUSH CS: AMD stores 32 bits" },
    { 0x0E, 0x0E, -1, 0, ANYTHING, AMD, HALF, "PUSH CS: the same, at an edge" },
    { 0x16, 0x16, -1, 0, UPPER, AMD, 0, "PUSH SS: AMD stores 32 bits" },
    { 0x16, 0x16, -1, 0, ANYTHING, AMD, HALF, "PUSH SS: the same, at an edge" },
    { 0x1E, 0x1E, -1, 0, UPPER, AMD, 0, "PUSH DS: AMD stores 32 bits" },
    { 0x1E, 0x1E, -1, 0, ANYTHING, AMD, HALF, "PUSH DS: the same, at an edge" },
    { 0x1A0, 0x1A0, -1, 0, UPPER, AMD, 0, "PUSH FS: AMD stores 32 bits" },
    { 0x1A0, 0x1A0, -1, 0, ANYTHING, AMD, HALF, "PUSH FS: the same, at an edge" },
    { 0x1A8, 0x1A8, -1, 0, UPPER, AMD, 0, "PUSH GS: AMD stores 32 bits" },
    { 0x1A8, 0x1A8, -1, 0, ANYTHING, AMD, HALF, "PUSH GS: the same, at an edge" },
    { 0x7, 0x7, -1, 0, ANYTHING, AMD, HALF, "POP ES: AMD reads 32 bits" },
    { 0x17, 0x17, -1, 0, ANYTHING, AMD, HALF, "POP SS: AMD reads 32 bits" },
    { 0x1F, 0x1F, -1, 0, ANYTHING, AMD, HALF, "POP DS: AMD reads 32 bits" },
    { 0x1A1, 0x1A1, -1, 0, ANYTHING, AMD, HALF, "POP FS: AMD reads 32 bits" },
    { 0x1A9, 0x1A9, -1, 0, ANYTHING, AMD, HALF, "POP GS: AMD reads 32 bits" },
    { 0x62, 0x62, -1, 0, ORDER, INTEL, RANGE, "BOUND: newer Intel processors compare before they read the second bound" },
    { 0xD9, 0xD9, 4, 0, ANYTHING, INTEL, WRAP, "FLDENV over the end of 64 KB: on newer Intel processors it goes on at offset 0" },
    { 0xD9, 0xD9, 6, 0, ANYTHING, INTEL, WRAP, "FNSTENV over the end of 64 KB: on newer Intel processors it goes on at offset 0" },
    { 0xDB, 0xDB, 7, 0, ORDER | STORES, INTEL, SPLIT, "FSTP of 80 bits: newer Intel processors store it in two pieces" },
    { 0xDB, 0xDB, 7, 0, ANYTHING, INTEL, WRAP, "FSTP of 80 bits over the end of 64 KB: in two pieces, too" },
    { 0xDF, 0xDF, 6, 0, ORDER | STORES, INTEL, SPLIT, "FBSTP: newer Intel processors store it in two pieces" },
    { 0xDF, 0xDF, 6, 0, ANYTHING, INTEL, WRAP, "FBSTP over the end of 64 KB: in two pieces, too" },
    { 0xDB, 0xDB, 5, 0, ANYTHING, INTEL, WRAP, "FLD of 80 bits over the end of 64 KB: in two pieces, too" },
    { 0xDB, 0xDB, 5, 0, ORDER, INTEL, SPLIT, "FLD of 80 bits: newer Intel processors read it in two pieces" },
    { 0xDF, 0xDF, 4, 0, ORDER, INTEL, SPLIT, "FBLD: newer Intel processors read it in two pieces" },
    { 0xDF, 0xDF, 4, 0, ANYTHING, INTEL, WRAP, "FBLD over the end of 64 KB: in two pieces, too" },
    { 0x1C7, 0x1C7, 1, 0, ORDER, INTEL, LIMIT, "CMPXCHG8B over the end: newer Intel processors check the limit of all of it first" },
    { 0x60, 0x60, -1, 0, STORES, INTEL, 0, "PUSHA: newer Intel processors have stored registers when a later one faults" },
    { 0xC6, 0xC7, 7, 0, ANYTHING, INTEL, ALONE, "XABORT and XBEGIN: this host may have them" },
    { 0x61, 0x61, -1, 0, LOADED, ALL, 0, "POPA: newer processors have loaded registers when a later word faults" },
    { 0x8F, 0x8F, -1, 0, ORDER, AMD, 0, "POP's shadows: to AMD some begin an XOP instruction, with an immediate" },
    { 0xA6, 0xA7, -1, 0, BEFORE, AMD, REP, "REP CMPS: AMD's traps between iterations have each one's flags, so the fault has, too" },
    { 0xAE, 0xAF, -1, 0, BEFORE, AMD, REP, "REP SCAS: AMD's traps between iterations have each one's flags, so the fault has, too" },
    { 0x10E, 0x10F, -1, 0, ORDER, ALL, 0, "no instruction: how many bytes it would have is not known" },
    { 0x138, 0x13F, -1, 0, ORDER, ALL, 0, "no instruction: how many bytes it would have is not known" },
    { 0x17A, 0x17B, -1, 0, ORDER, ALL, 0, "no instruction: how many bytes it would have is not known" },
    { 0x1A6, 0x1A7, -1, 0, ORDER, ALL, 0, "no instruction: how many bytes it would have is not known" },
    { 0x1B9, 0x1B9, -1, 0, ORDER, ALL, 0, "no instruction: how many bytes it would have is not known" },
    { 0x100, 0x100, -1, 0, ORDER, AMD, LOCKED, "VERR, VERW and others: AMD looks at the operand before it refuses LOCK" },
    { 0x1FF, 0x1FF, -1, 0, ORDER, ALL, 0, "no instruction: how many bytes it would have is not known" },
    { 0xD9, 0xD9, 4, 0, ORDER, ALL, SPLIT, "FLDENV: newer processors try the last byte first" },
    { 0xD9, 0xD9, 6, 0, ORDER | STORES, ALL, SPLIT, "FNSTENV: newer processors try the last byte first" },
    { 0xDD, 0xDD, 4, 0, ORDER, ALL, SPLIT, "FRSTOR: newer processors try the last byte first" },
    { 0xDD, 0xDD, 6, 0, ORDER | STORES, ALL, SPLIT, "FNSAVE: newer processors try the last byte first" },
    { 0xDD, 0xDD, 4, 0, ANYTHING, ALL, WRAP, "FRSTOR over the end of 64 KB: on newer processors it goes on at offset 0" },
    { 0xDD, 0xDD, 6, 0, ANYTHING, ALL, WRAP, "FNSAVE over the end of 64 KB: on newer processors it goes on at offset 0" },
};
enum { ROWS = sizeof allowed / sizeof allowed[0] };
static unsigned used[ROWS];
static bool amd, blocks;

/* ---- the LDT, and what a case's instruction is ---- */

enum { ENTRIES = 0x2000, FLAT = 0x2FFFFFFF };
static struct segment { uint32_t base, limit; bool down, wide; } ldt[ENTRIES] = {
    { 0, FLAT, false, true }, { 0, FLAT, false, true }
};

/* `bytes` from `offset` of a segment on: what a case's instruction reads or stores besides registers. */
struct piece { uint32_t selector, offset, bytes; };

struct insn {
    unsigned op, modrm, sib;
    int middle;
    bool rep, lock, op16, at16;
    uint32_t count, reg[8];
    struct piece memory, pushed;
};

static uint32_t setting(const char *line, const char *name)
{
    const char *at = strstr(line, name);
    return at ? (uint32_t)strtoul(at + strlen(name), NULL, 16) : 0;
}

static void read_ldt(const char *line)
{
    unsigned n, base, limit, contents, wide, readonly, pages;
    int found = sscanf(line, "ldt %x %x %x %x %x %x %x", &n, &base, &limit, &contents, &wide, &readonly, &pages);
    if (found == 7 && n < ENTRIES) ldt[n] = (struct segment){ base, pages ? limit << 12 | 0xFFF : limit, contents == 1, wide };
}

static const struct segment *segment(uint32_t selector) { return &ldt[selector >> 3 & (ENTRIES - 1)]; }
static uint32_t linear(const struct piece *p) { return segment(p->selector)->base + p->offset; }

/* Is the byte at offset + k one that the segment has? */
static bool within(const struct piece *p, uint32_t k)
{
    const struct segment *s = segment(p->selector);
    uint64_t at = (uint64_t)p->offset + k;
    return s->down ? at > s->limit && at <= (s->wide ? UINT32_MAX : 0xFFFFu) : at <= s->limit;
}

static bool in_two_pages(const struct piece *p) { return (linear(p) ^ (linear(p) + p->bytes - 1)) >> 12; }

static unsigned hex_byte(const char *s)
{
    char two[3] = { s[0], s[0] ? s[1] : 0, 0 };
    return (unsigned)strtoul(two, NULL, 16);
}

static uint32_t displacement(const char *s, unsigned bytes)
{
    uint32_t v = 0;
    for (unsigned k = 0; k < bytes; k++) v |= hex_byte(s + 2 * k) << 8 * k;
    return bytes == 1 ? (uint32_t)(int32_t)(int8_t)v : v;
}

/* Where the ModRM byte's operand begins; *stack: its segment is SS if no prefix says more. `s`: behind the ModRM byte. */
static uint32_t address16(const struct insn *i, const char *s, bool *stack)
{
    static const uint8_t base[8] = { 3, 3, 5, 5, 6, 7, 5, 3 }, index[4] = { 6, 7, 6, 7 };
    unsigned mod = i->modrm >> 6, rm = i->modrm & 7;
    if (mod == 0 && rm == 6) return displacement(s, 2);
    *stack = base[rm] == 5;
    return (i->reg[base[rm]] + (rm < 4 ? i->reg[index[rm]] : 0) + displacement(s, mod)) & 0xFFFF;
}

static uint32_t address32(const struct insn *i, const char *s, bool *stack)
{
    unsigned mod = i->modrm >> 6, base = i->modrm & 7;
    uint32_t sum = 0;
    if (base == 4) {
        unsigned sib = hex_byte(s), index = sib >> 3 & 7;
        if (index != 4) sum = i->reg[index] << (sib >> 6);
        base = sib & 7;
        s += 2;
    }
    if (mod == 0 && base == 5) return sum + displacement(s, 4);
    *stack = base == 4 || base == 5;
    return sum + i->reg[base] + displacement(s, mod == 2 ? 4 : mod);
}

/* Of those operands only whose size a row asks for. */
static unsigned operand_size(const struct insn *i)
{
    if (i->op == 0xD9) return i->op16 ? 14 : 28;
    if (i->op == 0xDD) return i->op16 ? 94 : 108;
    return i->op == 0xDB || i->op == 0xDF ? 10 : 8;
}

/* What an instruction that pushes or pops has on the stack, as far as a row asks for it. */
static void find_stack(struct insn *i, const char *line)
{
    struct piece *p = &i->pushed;
    p->selector = setting(line, " ss=");
    uint32_t word = i->op16 ? 2 : 4, mask = segment(p->selector)->wide ? UINT32_MAX : 0xFFFF;
    bool far_ret = i->op == 0xCA || i->op == 0xCB;
    bool pops = i->op == 0x07 || i->op == 0x17 || i->op == 0x1F || i->op == 0x1A1 || i->op == 0x1A9;
    bool far_call = i->op == 0x9A || (i->op == 0xFF && i->middle == 3);
    p->bytes = i->op == 0x60 ? 8 * word : far_call ? 2 * word : word;
    p->offset = (i->reg[4] + (far_ret ? word : pops ? 0 : 0 - p->bytes)) & mask;
}

static struct insn identify(const char *line)
{
    static const uint8_t prefixes[] = { 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3 };
    static const char *const names[8] = { " eax=", " ecx=", " edx=", " ebx=", " esp=", " ebp=", " esi=", " edi=" };
    static const struct { uint8_t prefix; char name[5]; } segments[] = { { 0x26, " es=" }, { 0x2E, " cs=" }, { 0x36, " ss=" },
                                                                        { 0x3E, " ds=" }, { 0x64, " fs=" }, { 0x65, " gs=" } };
    const char *s = strchr(line, ' ') + 1, *name = NULL;
    bool code16 = !segment(setting(line, " cs="))->wide, stack = false;
    struct insn i = { .op16 = code16, .at16 = code16 };
    for (unsigned r = 0; r < 8; r++) i.reg[r] = setting(line, names[r]);
    for (; *s && memchr(prefixes, (int)hex_byte(s), sizeof prefixes); s += 2) {
        i.rep |= hex_byte(s) >= 0xF2;
        i.lock |= hex_byte(s) == 0xF0;
        if (hex_byte(s) == 0x66) i.op16 = !code16;
        if (hex_byte(s) == 0x67) i.at16 = !code16;
        for (unsigned k = 0; k < 6; k++)
            if (hex_byte(s) == segments[k].prefix) name = segments[k].name;
    }
    i.op = hex_byte(s);
    if (i.op == 0x0F) i.op = 0x100 + hex_byte(s += 2);
    if (*s) s += 2;
    i.modrm = hex_byte(s);
    i.middle = (int)(i.modrm >> 3 & 7);
    i.memory.offset = i.at16 ? address16(&i, s + 2, &stack) : address32(&i, s + 2, &stack);
    i.memory.selector = setting(line, name ? name : stack ? " ss=" : " ds=");
    i.memory.bytes = operand_size(&i);
    find_stack(&i, line);
    bool immediate = i.op == 0xC0 || i.op == 0xC1 || i.op == 0x1A4 || i.op == 0x1AC;
    const char *end = strchr(s, ' ');
    i.count = (immediate ? hex_byte(end - 2) : i.op == 0xD0 || i.op == 0xD1 ? 1 : i.reg[1]) & 31;
    return i;
}

/* ---- two answers ---- */

struct answer {
    char how[12];
    uint32_t err, cr2, reg[16];
    const char *memory;
    bool fault;
};

static void parse(char *line, struct answer *a)
{
    char *s = strchr(line, ' ') + 1;
    *a = (struct answer){ 0 };
    sscanf(s, "%11s", a->how);
    a->fault = !strncmp(a->how, "vec=", 4);
    if (a->fault) {
        a->err = setting(s, " err=");
        a->cr2 = setting(s, " cr2=");
    }
    s = strstr(s, "eax=");
    for (unsigned k = 0; k < 16; k++) {
        a->reg[k] = (uint32_t)strtoul(strchr(s, '=') + 1, &s, 16);
        s += *s == ' ';
    }
    a->memory = s;
}

enum { FLAGS = 9, SPARED = 4 /* ESP */ };

static bool is_vector(const struct answer *a, const char *vectors)
{
    return a->fault && !a->how[5] && strchr(vectors, a->how[4]);
}

/* The stack pointer goes on at the other end of 64 KB, if the stack has 16 bits. */
static bool belongs(const struct piece *p, uint32_t address)
{
    const struct segment *s = segment(p->selector);
    return ((address - s->base - p->offset) & (s->wide ? UINT32_MAX : 0xFFFF)) < p->bytes;
}

/* Makes the bytes of `p` in *a's memory those of b's: afterwards the two are the same if the rest was. */
static void forgive_bytes(const struct piece *p, struct answer *a, const struct answer *b)
{
    enum { AREA = 0x2000, UNCHANGED = 0x100 };
    static const uint32_t areas[] = { 0x8000, 0x20000000 };
    static uint16_t seen[2][2][AREA];
    const struct answer *both[] = { a, b };
    for (unsigned w = 0; w < 2; w++) {
        for (unsigned k = 0; k < AREA; k++) seen[w][0][k] = seen[w][1][k] = UNCHANGED;
        for (const char *s = both[w]->memory; (s = strstr(s, "m@")); s++) {
            char *hex;
            uint32_t at = (uint32_t)strtoul(s + 2, &hex, 16), area = at >= areas[1];
            for (hex++; *hex && *hex != ' ' && at - areas[area] < AREA; hex += 2)
                seen[w][area][at++ - areas[area]] = (uint16_t)hex_byte(hex);
        }
    }
    for (unsigned n = 0; n < 2; n++)
        for (unsigned k = 0; k < AREA; k++)
            if (!belongs(p, areas[n] + k) && seen[0][n][k] != seen[1][n][k]) return;
    a->memory = b->memory;
}

/* What of a difference a row takes away: afterwards the two are the same as far as it goes. */
static void forgive(const struct row *r, const struct insn *i, struct answer *a, const struct answer *b)
{
    bool faults = a->fault && b->fault;
    a->reg[FLAGS] ^= (a->reg[FLAGS] ^ b->reg[FLAGS]) & r->flags;
    if ((r->what & FETCH) && is_vector(a, "e") && is_vector(b, "e")) a->err ^= (a->err ^ b->err) & 0x10;
    if ((r->what & ORDER) && faults) {
        memcpy(a->how, b->how, sizeof a->how);
        a->err = b->err;
        a->cr2 = b->cr2;
    }
    if ((r->what & STORES) && faults) forgive_bytes(i->op >= 0xD8 && i->op <= 0xDF ? &i->memory : &i->pushed, a, b);
    if ((r->what & LOADED) && faults)
        for (unsigned k = 0; k < 8; k++)
            if (k != SPARED) a->reg[k] = b->reg[k];
    if (r->what & RESULT) {
        memcpy(a->reg, b->reg, 8 * sizeof a->reg[0]);
        a->memory = b->memory;
    }
    struct piece upper = { i->pushed.selector, i->pushed.offset + 2, 2 };
    if ((r->what & UPPER) && !a->fault && !b->fault && !i->op16) forgive_bytes(&upper, a, b);
    if ((r->what & BEFORE) && faults) a->reg[FLAGS] ^= (a->reg[FLAGS] ^ b->reg[FLAGS]) & (CF | PF | AF | ZF | SF | OF);
    if (r->what & ANYTHING) *a = *b;
}

static bool same(const struct answer *a, const struct answer *b)
{
    return !strcmp(a->how, b->how) && a->err == b->err && a->cr2 == b->cr2 && !memcmp(a->reg, b->reg, sizeof a->reg) &&
           !strcmp(a->memory, b->memory);
}

/* A limit or a page ends between the halves of the dword on the stack, and Ringside, which wants both, faults. */
static bool half_there(const struct insn *i, const struct answer *a)
{
    const struct piece *p = &i->pushed;
    return a->fault && !i->op16 && within(p, 0) && within(p, 1) && (!within(p, 3) || in_two_pages(p));
}

static bool split(const struct insn *i)
{
    const struct piece *p = &i->memory;
    return in_two_pages(p) || within(p, 0) != within(p, p->bytes - 1);
}

static bool holds(unsigned when, const struct row *r, const struct insn *i, const struct answer *ours, const struct answer *native)
{
    switch (when) {
    case REP: return i->rep;
    case LOCKED: return i->lock;
    case OP16: return i->op16;
    case COUNT: return i->count > (r->what & RESULT ? 16 : 1);
    case WRAP: return i->at16 && i->memory.offset + i->memory.bytes > 0x10000;
    case OVER: return i->count >= (i->op & 1 ? 16 : 8);
    case SPLIT: return split(i);
    case HALF: return half_there(i, r->whose == AMD ? native : ours);
    case NONE: return !(i->reg[1] & (i->at16 ? 0xFFFF : UINT32_MAX));
    case RANGE: return is_vector(native, "5");
    case LIMIT: return is_vector(native, "cd");
    case ALONE: return i->modrm == 0xF8;
    default: return true;
    }
}

static bool concerns(const struct row *r, const struct insn *i, const struct answer *ours, const struct answer *native)
{
    if (i->op < r->from || i->op > r->to || (r->whose == AMD && !amd) || (r->whose == INTEL && amd) ||
        (r->whose == BLOCKS && !blocks)) return false;
    if (r->middle >= 0 && r->middle != i->middle) return false;
    for (unsigned bit = 1; bit <= r->when; bit <<= 1)
        if ((r->when & bit) && !holds(bit, r, i, ours, native)) return false;
    return true;
}

/* Segments of the host's GDT are no business of the simulator's: a case that got hold of one is dropped. */
static bool touches_gdt(const struct answer *a)
{
    for (unsigned k = 10; k < 16; k++)
        if (a->reg[k] > 3 && a->reg[k] < 0x80 && !(a->reg[k] & 4)) return true;
    return a->fault && a->err > 3 && a->err < 0x80 && !(a->err & 6) && strcmp(a->how, "vec=e") != 0;
}

/* The native process has memory of its own up there (stack, vDSO), where Ringside has none: such a case is dropped. */
static bool touches_own(const struct answer *ours, const struct answer *native)
{
    return !strcmp(ours->how, "vec=e") && ours->cr2 >= 0xF0000000u && (!native->fault || native->cr2 != ours->cr2);
}

static bool agree(const struct insn *i, struct answer ours, const struct answer *native)
{
    for (unsigned k = 0; k < ROWS && !same(&ours, native); k++) {
        struct answer before = ours;
        if (!concerns(&allowed[k], i, &ours, native)) continue;
        forgive(&allowed[k], i, &ours, native);
        used[k] += !same(&before, &ours) && same(&ours, native);
    }
    return same(&ours, native) || touches_gdt(&ours) || touches_gdt(native) || touches_own(&ours, native);
}

static bool next_line(FILE *f, char **line, size_t *room, bool cases)
{
    do {
        ssize_t n = getline(line, room, f);
        if (n < 0) return false;
        if (n && (*line)[n - 1] == '\n') (*line)[n - 1] = 0;
        if (cases) read_ldt(*line);
    } while (cases && strncmp(*line, "c", 1) != 0);
    return true;
}

int main(int argc, char **argv)
{
    FILE *f[3] = { NULL };
    char *line[3] = { NULL };
    size_t room[3] = { 0 };
    unsigned total = 0, bad = 0;
    amd = __builtin_cpu_is("amd");
    blocks = argc > 4 && !strcmp(argv[4], "blocks");
    for (int k = 0; k < 3; k++)
        if (argc < 4 || !(f[k] = fopen(argv[k + 1], "r"))) return fprintf(stderr, "compare: cannot read three files\n"), 2;
    while (next_line(f[0], &line[0], &room[0], true)) {
        struct answer ours, native;
        if (!next_line(f[1], &line[1], &room[1], false) || !next_line(f[2], &line[2], &room[2], false)) {
            printf("not ok - the answers end at case %u: %s\n", total, line[0]);
            return 1;
        }
        total++;
        if (!strcmp(line[1], line[2])) continue;
        struct insn i = identify(line[0]);
        parse(line[1], &ours);
        parse(line[2], &native);
        if (agree(&i, ours, &native)) continue;
        if (bad++ < SHOWN) printf("differs  %s\n  ours   %s\n  native %s\n", line[0], line[1], line[2]);
    }
    for (unsigned k = 0; k < ROWS; k++)
        if (used[k]) printf("%7u let pass: %s\n", used[k], allowed[k].why);
    printf("%s - %u cases, %u differ from this %s processor\n", bad || !total ? "not ok" : "ok", total, bad,
           amd ? "AMD" : "non-AMD");
    return bad || !total;
}
