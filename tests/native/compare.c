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
    STORES = 2,  /* memory behind a fault: bytes stored before it */
    RESULT = 4,  /* the result itself: registers and memory */
    ANYTHING = 8,
    REGISTERS = 32, /* general registers at a fault */
    FETCH = 16,  /* bit 4 of a page fault's code */
    UPPER = 64,  /* memory, if nothing faults; and whether Ringside's longer store does */
    BEFORE = 128, /* arithmetic flags at a fault */
    EDGE = 256,  /* anything, where Ringside faults */
};
enum { ALL, AMD, INTEL, BLOCKS };            /* on whose processors; or when Ringside ran without TF */
/* Only with a REP prefix; with LOCK; with 16-bit operands; with a count over 1; with 16-bit
 * addresses; with a count of at least the operand's size. */
enum { REP = 1, LOCKED = 2, OP16 = 4, COUNT = 8, AT16 = 16, OVER = 32 };

struct row { uint16_t from, to; int8_t middle; uint16_t flags, what; uint8_t whose, when; const char *why; };
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
    { 0xCF, 0xCF, -1, 0, ORDER, ALL, 0, "IRET: newer processors read CS before EIP" },
    { 0xA6, 0xA7, -1, 0, ORDER, ALL, 0, "CMPS: newer processors read ES:EDI before DS:ESI" },
    { 0x6C, 0x6F, -1, 0, ANYTHING, ALL, REP, "REP INS, OUTS: newer processors check the right to the port even if the count is 0" },
    { 0xE0, 0xE1, -1, 0, ANYTHING, AMD, REP, "LOOPNE, LOOPE: F3, F2 swap the two on AMD; Intel ignores the prefix" },
    { 0x06, 0x06, -1, 0, UPPER, INTEL, 0, "PUSH ES: newer Intel processors store 16 of 32 bits" },
    { 0x0E, 0x0E, -1, 0, UPPER, INTEL, 0, "PUSH CS: newer Intel processors store 16 of 32 bits" },
    { 0x16, 0x16, -1, 0, UPPER, INTEL, 0, "PUSH SS: newer Intel processors store 16 of 32 bits" },
    { 0x1E, 0x1E, -1, 0, UPPER, INTEL, 0, "PUSH DS: newer Intel processors store 16 of 32 bits" },
    { 0x1A0, 0x1A0, -1, 0, UPPER, INTEL, 0, "PUSH FS: newer Intel processors store 16 of 32 bits" },
    { 0x1A8, 0x1A8, -1, 0, UPPER, INTEL, 0, "PUSH GS: newer Intel processors store 16 of 32 bits" },
    { 0x7, 0x7, -1, 0, EDGE, INTEL, 0, "POP ES: newer Intel processors read 16 of 32 bits" },
    { 0x17, 0x17, -1, 0, EDGE, INTEL, 0, "POP SS: newer Intel processors read 16 of 32 bits" },
    { 0x1F, 0x1F, -1, 0, EDGE, INTEL, 0, "POP DS: newer Intel processors read 16 of 32 bits" },
    { 0x1A1, 0x1A1, -1, 0, EDGE, INTEL, 0, "POP FS: newer Intel processors read 16 of 32 bits" },
    { 0x1A9, 0x1A9, -1, 0, EDGE, INTEL, 0, "POP GS: newer Intel processors read 16 of 32 bits" },
    { 0x62, 0x62, -1, 0, ORDER, INTEL, 0, "BOUND: newer Intel processors compare before they read the second bound" },
    { 0xD9, 0xD9, 4, 0, ANYTHING, INTEL, AT16, "FLDENV over the end of 64 KB: on newer Intel processors it goes on at offset 0" },
    { 0xD9, 0xD9, 6, 0, ANYTHING, INTEL, AT16, "FNSTENV over the end of 64 KB: on newer Intel processors it goes on at offset 0" },
    { 0xDB, 0xDB, 7, 0, ORDER | STORES, INTEL, 0, "FSTP of 80 bits: newer Intel processors store it in two pieces" },
    { 0xDB, 0xDB, 7, 0, ANYTHING, INTEL, AT16, "FSTP of 80 bits over the end of 64 KB: in two pieces, too" },
    { 0xDF, 0xDF, 6, 0, ORDER | STORES, INTEL, 0, "FBSTP: newer Intel processors store it in two pieces" },
    { 0xDF, 0xDF, 6, 0, ANYTHING, INTEL, AT16, "FBSTP over the end of 64 KB: in two pieces, too" },
    { 0xDB, 0xDB, 5, 0, ANYTHING, INTEL, AT16, "FLD of 80 bits over the end of 64 KB: in two pieces, too" },
    { 0x1C7, 0x1C7, 1, 0, ORDER, INTEL, 0, "CMPXCHG8B over the end: newer Intel processors check the limit of all of it first" },
    { 0x60, 0x60, -1, 0, STORES, INTEL, 0, "PUSHA: newer Intel processors have stored registers when a later one faults" },
    { 0xC6, 0xC7, 7, 0, ANYTHING, INTEL, 0, "XABORT and XBEGIN: this host may have them" },
    { 0x61, 0x61, -1, 0, REGISTERS, ALL, 0, "POPA: newer processors have loaded registers when a later word faults" },
    { 0x8F, 0x8F, -1, 0, ORDER, ALL, 0, "POP's shadows: to AMD some begin an XOP instruction, with an immediate" },
    { 0xA6, 0xA7, -1, 0, BEFORE, AMD, REP, "REP CMPS: AMD's traps between iterations have each one's flags, so the fault has, too" },
    { 0xAE, 0xAF, -1, 0, BEFORE, AMD, REP, "REP SCAS: AMD's traps between iterations have each one's flags, so the fault has, too" },
    { 0x10E, 0x10F, -1, 0, ORDER, ALL, 0, "no instruction: how many bytes it would have is not known" },
    { 0x138, 0x13F, -1, 0, ORDER, ALL, 0, "no instruction: how many bytes it would have is not known" },
    { 0x17A, 0x17B, -1, 0, ORDER, ALL, 0, "no instruction: how many bytes it would have is not known" },
    { 0x1A6, 0x1A7, -1, 0, ORDER, ALL, 0, "no instruction: how many bytes it would have is not known" },
    { 0x1B9, 0x1B9, -1, 0, ORDER, ALL, 0, "no instruction: how many bytes it would have is not known" },
    { 0x100, 0x100, -1, 0, ORDER, AMD, LOCKED, "VERR, VERW and others: AMD looks at the operand before it refuses LOCK" },
    { 0x1FF, 0x1FF, -1, 0, ORDER, ALL, 0, "no instruction: how many bytes it would have is not known" },
    { 0xD9, 0xD9, -1, 0, ORDER | STORES, ALL, 0, "FLDENV, FNSTENV: newer processors try the last byte first" },
    { 0xDD, 0xDD, -1, 0, ORDER | STORES, ALL, 0, "FRSTOR, FNSAVE: newer processors try the last byte first" },
    { 0xDD, 0xDD, 4, 0, ANYTHING, ALL, AT16, "FRSTOR over the end of 64 KB: on newer processors it goes on at offset 0" },
    { 0xDD, 0xDD, 6, 0, ANYTHING, ALL, AT16, "FNSAVE over the end of 64 KB: on newer processors it goes on at offset 0" },
};
enum { ROWS = sizeof allowed / sizeof allowed[0] };
static unsigned used[ROWS];
static bool amd, blocks;

/* ---- what a case's instruction is ---- */

struct insn { unsigned op; int middle; bool rep, lock, op16, at16; uint32_t count; };

static unsigned hex_byte(const char *s)
{
    char two[3] = { s[0], s[0] ? s[1] : 0, 0 };
    return (unsigned)strtoul(two, NULL, 16);
}

static uint32_t setting(const char *line, const char *name)
{
    const char *at = strstr(line, name);
    return at ? (uint32_t)strtoul(at + strlen(name), NULL, 16) : 0;
}

static struct insn identify(const char *line)
{
    static const uint8_t prefixes[] = { 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3 };
    const char *s = strchr(line, ' ') + 1;
    struct insn i = { 0 };
    for (; *s && memchr(prefixes, (int)hex_byte(s), sizeof prefixes); s += 2) {
        i.rep |= hex_byte(s) >= 0xF2;
        i.lock |= hex_byte(s) == 0xF0;
        i.op16 |= hex_byte(s) == 0x66;
        i.at16 |= hex_byte(s) == 0x67;
    }
    i.op = hex_byte(s);
    if (i.op == 0x0F) i.op = 0x100 + hex_byte(s += 2);
    if (*s) s += 2;
    i.middle = (int)(hex_byte(s) >> 3 & 7);
    const char *end = strchr(s, ' ');
    bool immediate = i.op == 0xC0 || i.op == 0xC1 || i.op == 0x1A4 || i.op == 0x1AC;
    i.count = (immediate ? hex_byte(end - 2) : i.op == 0xD0 || i.op == 0xD1 ? 1 : setting(line, " ecx=")) & 31;
    if (setting(line, " cs=") != 0xF) i.op16 = i.at16 = true; /* a segment that may have 16 bits */
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

enum { FLAGS = 9 };

/* What of a difference a row takes away: afterwards the two are the same as far as it goes. */
static void forgive(const struct row *r, struct answer *a, const struct answer *b)
{
    a->reg[FLAGS] ^= (a->reg[FLAGS] ^ b->reg[FLAGS]) & r->flags;
    if ((r->what & FETCH) && a->fault && !strcmp(a->how, "vec=e") && !strcmp(b->how, "vec=e")) a->err ^= (a->err ^ b->err) & 0x10;
    if ((r->what & ORDER) && a->fault && b->fault) {
        memcpy(a->how, b->how, sizeof a->how);
        a->err = b->err;
        a->cr2 = b->cr2;
    }
    if ((r->what & STORES) && a->fault && b->fault) a->memory = b->memory;
    if ((r->what & REGISTERS) && a->fault && b->fault) memcpy(a->reg, b->reg, 8 * sizeof a->reg[0]);
    if (r->what & RESULT) {
        memcpy(a->reg, b->reg, 8 * sizeof a->reg[0]);
        a->memory = b->memory;
    }
    if ((r->what & UPPER) && a->fault) *a = *b;
    else if ((r->what & UPPER) && !b->fault) a->memory = b->memory;
    if ((r->what & BEFORE) && a->fault && b->fault)
        a->reg[FLAGS] ^= (a->reg[FLAGS] ^ b->reg[FLAGS]) & (CF | PF | AF | ZF | SF | OF);
    if ((r->what & ANYTHING) || ((r->what & EDGE) && a->fault)) *a = *b;
}

static bool same(const struct answer *a, const struct answer *b)
{
    return !strcmp(a->how, b->how) && a->err == b->err && a->cr2 == b->cr2 && !memcmp(a->reg, b->reg, sizeof a->reg) &&
           !strcmp(a->memory, b->memory);
}

static bool concerns(const struct row *r, const struct insn *i)
{
    if (i->op < r->from || i->op > r->to || (r->whose == AMD && !amd) || (r->whose == INTEL && amd) ||
        (r->whose == BLOCKS && !blocks)) return false;
    if (r->middle >= 0 && r->middle != i->middle) return false;
    if ((r->when & REP) && !i->rep) return false;
    if ((r->when & LOCKED) && !i->lock) return false;
    if ((r->when & AT16) && !i->at16) return false;
    if ((r->when & OP16) && !i->op16) return false;
    if ((r->when & COUNT) && i->count <= 1) return false;
    if ((r->when & OVER) && i->count < (i->op & 1 ? 16 : 8)) return false;
    return !(r->what & RESULT) || !(r->when & COUNT) || i->count > 16;
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
        if (!concerns(&allowed[k], i)) continue;
        forgive(&allowed[k], &ours, native);
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
