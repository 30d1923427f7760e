/* Makes cases for `ringside exec` and the native tester: random instructions of the unprivileged integer, x87 and MMX set, with
 * random prefixes, operands, registers, flags, memory and LDT entries. `cases SEED COUNT [FIRST]`.
 *
 * Idea 1: chance alone would make nothing but faults. So an address is chosen first, and then a displacement or a register
 * is bent until the operand lies there; selectors and far pointers come from what the LDT holds.
 * Idea 2: case N depends on SEED and N only (and on the LDT lines of its hundred), so one case can be made again alone.
 * Idea 3: `rows` says what must not be made: system calls, what is newer than P6, what shows the host rather than its CPU.
 *
 * Everything a case could reach through its segments lies below 30000000 or where no process has memory. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOW = 0x8000, CODE = 0x10000000, DATA = 0x20000000, AREA = 0x2000, BATCH = 100, ENTRIES = 16 };
enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI };

/* ---- chance ---- */

static uint64_t chance;
static uint32_t any(void)
{
    uint64_t z = chance += 0x9E3779B97F4A7C15u; /* splitmix64 */
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (uint32_t)(z >> 32 ^ z);
}
static uint32_t below(uint32_t n) { return (uint32_t)((uint64_t)any() * n >> 32); }
static bool percent(unsigned p) { return below(100) < p; }
#define PICK(array) (array)[below(sizeof(array) / sizeof(array)[0])]

static uint32_t awkward(void)
{
    static const uint32_t values[] = { 0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 0x7F, 0x80, 0x81, 0xFF, 0x100, 0x7FFF, 0x8000,
                                       0x8001, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000u, 0x80000001u, 0xFFFFFFFFu, 0xFFFFFFFEu };
    return PICK(values);
}

/* A linear address, mostly a good one, often at an edge; `small`: one that 16 bits of offset reach from `base`. */
static uint32_t place(uint32_t base, bool small)
{
    uint32_t area = percent(20) ? LOW : percent(95) ? DATA : CODE;
    if (small) area = DATA + AREA / 2 - base <= 0x10000 ? DATA : LOW;
    switch (below(20)) {
    case 0: case 1: case 2: return area + 0x1000 - below(16);
    case 3: return area + AREA - below(16);
    case 4: return small ? base + 0x10000 - below(12) : area - below(8);
    case 5: return small ? base + (any() & 0xFFFF) : any() & 0x3FFFFFFF;
    default: return area + 0x40 + below(AREA - 0x80);
    }
}

/* ---- the LDT of a hundred cases ---- */

struct entry { uint32_t base, limit; unsigned contents; bool wide, readonly, pages; } ldt[ENTRIES];

static void make_ldt(void)
{
    for (unsigned n = 2; n < ENTRIES; n++) {
        struct entry *t = &ldt[n];
        t->contents = n < 4 ? 0 : n < 6 ? 2 : below(3);
        t->wide = percent(n == 5 ? 0 : 60);
        t->readonly = n == 2 ? false : percent(25);
        t->pages = percent(25);
        t->base = t->contents == 2 ? CODE : percent(70) ? DATA : percent(50) ? LOW : 0;
        if (percent(30)) t->base += below(64) * 16 + below(4);
        t->limit = t->pages ? below(3) : percent(70) ? 0xFFF + below(0x1000) : below(0x10000);
        if (t->contents < 2 && percent(20)) { /* offset FFFF lies in the middle of DATA */
            t->base = DATA + 0x1000 - 0x10000;
            t->limit = t->pages ? 0xF + below(3) : t->contents == 0 ? 0xFFFF + below(2) * 0x800 : below(0x8000);
        }
        if (t->base == 0) t->limit = t->pages ? below(16) : 0x8000 + below(0x4000);
        printf("ldt %x %x %x %x %d %d %d\n", n, t->base, t->limit, t->contents, t->wide, t->readonly, t->pages);
    }
}

static bool holds_data(unsigned n, bool stack)
{
    const struct entry *t = &ldt[n];
    if (n < 2) return n == 0 || !stack;
    return stack ? t->contents < 2 && !t->readonly : t->contents < 2 || !t->readonly;
}

static unsigned selector(void) /* any that an instruction may try; never the host's own in its GDT */
{
    switch (below(10)) {
    case 0: return below(4);
    case 1: return 0x80 + (below(0x3F00) << 2 & ~4u) + below(4);
    case 2: return (below(ENTRIES + 4) << 3 | 4) + below(4);
    case 3: return 7;
    case 4: return 0xF;
    default: return below(ENTRIES) << 3 | 7;
    }
}

/* ---- a case ---- */

struct poke { uint32_t at, value[3]; unsigned n; };
static uint8_t byte[16];
static unsigned n;
static uint32_t reg[8];
static unsigned ds, es, ss, cs, fs, gs;
static bool op16, addr16;
static unsigned seg_prefix;
static struct poke poke;
static uint32_t eip, operand_at; /* linear address of the memory operand, if there is one */
static bool has_memory;

static void put(uint32_t v, unsigned size)
{
    for (unsigned k = 0; k < size && n < sizeof byte; k++) byte[n++] = (uint8_t)(v >> 8 * k);
}

static uint32_t base_of(unsigned sel) { return sel & 4 && sel >> 3 < ENTRIES && sel >> 3 > 1 ? ldt[sel >> 3].base : 0; }

static unsigned seg_of_operand(bool stack)
{
    switch (seg_prefix) {
    case 0x26: return es;
    case 0x2E: return cs;
    case 0x36: return ss;
    case 0x3E: return ds;
    case 0x64: return fs;
    case 0x65: return gs;
    default: return stack ? ss : ds;
    }
}

static void modrm16(unsigned mod, unsigned middle)
{
    static const uint8_t base[8] = { EBX, EBX, EBP, EBP, ESI, EDI, EBP, EBX }, index[8] = { ESI, EDI, ESI, EDI, 8, 8, 8, 8 };
    unsigned rm = below(8);
    bool absolute = mod == 0 && rm == 6, fix = percent(85);
    unsigned sel = seg_of_operand(!absolute && base[rm] == EBP);
    uint32_t want = place(base_of(sel), true) - base_of(sel), sum = 0, disp = percent(50) ? below(64) : any();
    if (mod == 1) disp = (uint32_t)(int32_t)(int8_t)disp;
    else if (mod == 0 && !absolute) disp = 0;
    if (!absolute && index[rm] < 8) sum += reg[index[rm]];
    if (fix && (absolute || mod == 2)) disp = want - (absolute ? 0 : sum + reg[base[rm]]);
    else if (fix && !absolute) reg[base[rm]] = (reg[base[rm]] & 0xFFFF0000u) | ((want - sum - disp) & 0xFFFF);
    put(mod << 6 | middle << 3 | rm, 1);
    if (mod == 1) put(disp, 1);
    else if (mod == 2 || absolute) put(disp, 2);
    operand_at = base_of(sel) + ((sum + (absolute ? 0 : reg[base[rm]]) + disp) & 0xFFFF);
}

static void modrm32(unsigned mod, unsigned middle)
{
    unsigned rm = below(8), base = rm, index = 8, scale = 0;
    bool fix = percent(85);
    if (rm == 4) {
        base = below(8);
        index = below(8);
        scale = below(4);
        if (index == 4) index = 8;
    }
    bool absolute = mod == 0 && base == 5;
    unsigned sel = seg_of_operand(!absolute && (base == 4 || base == 5));
    uint32_t want = place(0, false) - base_of(sel), sum = index < 8 ? reg[index] << scale : 0;
    uint32_t disp = percent(50) ? below(64) : any();
    if (mod == 1) disp = (uint32_t)(int32_t)(int8_t)disp;
    else if (mod == 0 && !absolute) disp = 0;
    if (fix && (absolute || mod == 2)) disp = want - sum - (absolute ? 0 : reg[base]);
    else if (fix && base != index) reg[base] = want - sum - disp;
    else if (fix && scale == 0) reg[base] = (want - disp) / 2;
    put(mod << 6 | middle << 3 | rm, 1);
    if (rm == 4) put(scale << 6 | (index == 8 ? 4 : index) << 3 | base, 1);
    if (mod == 1) put(disp, 1);
    else if (mod == 2 || absolute) put(disp, 4);
    operand_at = base_of(sel) + (index < 8 ? reg[index] << scale : 0) + (absolute ? 0 : reg[base]) + disp;
}

enum { ONLY_MEMORY = 1, ONLY_REGISTER = 2 };
static void modrm(unsigned middle, unsigned only)
{
    unsigned mod = only == ONLY_REGISTER || (only != ONLY_MEMORY && percent(35)) ? 3 : below(3);
    has_memory = mod != 3;
    if (mod == 3) put(0xC0 | middle << 3 | below(8), 1);
    else if (addr16) modrm16(mod, middle);
    else modrm32(mod, middle);
}

static void preset(uint32_t at, unsigned words, uint32_t a, uint32_t b, uint32_t c)
{
    poke = (struct poke){ at, { a, b, c }, words };
}

static uint32_t target(void) { return percent(90) ? eip + below(256) - 128 : percent(50) ? any() : any() & 0xFFFF; }
static unsigned code_selector(void) { return percent(40) ? 0xF : percent(60) ? (4 + below(2)) << 3 | 7 : selector(); }

/* ---- opcodes ---- */

/* How an opcode's operands are made; BARRED is never made here. */
enum shape {
    BARRED, PLAIN, MODRM, MEM, MODRM_I8, MODRM_IZ, I8, IZ, I16, REL8, RELZ, OFFSET, FAR, ENTER, GROUP3_8, GROUP3, GROUP5, MOV_SEG,
    FAR_MEM, RETF, POP_SEG, SHIFT_CL, STRING, LOOP, X87, MMX, MMX_I8, GROUP_0F00, GROUP_0F01, GROUP_BA, GROUP_C7, SELECTOR, BIT, MMX_OR_MEM
};
struct range { uint16_t from, to; uint8_t shape; };
static const struct range rows[] = {
    { 0x00, 0x3F, MODRM }, { 0x04, 0x04, I8 }, { 0x05, 0x05, IZ }, { 0x0C, 0x0C, I8 }, { 0x0D, 0x0D, IZ }, { 0x14, 0x14, I8 },
    { 0x15, 0x15, IZ }, { 0x1C, 0x1C, I8 }, { 0x1D, 0x1D, IZ }, { 0x24, 0x24, I8 }, { 0x25, 0x25, IZ }, { 0x2C, 0x2C, I8 },
    { 0x2D, 0x2D, IZ }, { 0x34, 0x34, I8 }, { 0x35, 0x35, IZ }, { 0x3C, 0x3C, I8 }, { 0x3D, 0x3D, IZ },
    { 0x06, 0x06, PLAIN }, { 0x07, 0x07, POP_SEG }, { 0x0E, 0x0E, PLAIN }, { 0x0F, 0x0F, BARRED }, { 0x16, 0x16, PLAIN },
    { 0x17, 0x17, POP_SEG }, { 0x1E, 0x1E, PLAIN }, { 0x1F, 0x1F, POP_SEG }, { 0x26, 0x26, BARRED }, { 0x27, 0x27, PLAIN },
    { 0x2E, 0x2E, BARRED }, { 0x2F, 0x2F, PLAIN }, { 0x36, 0x36, BARRED }, { 0x37, 0x37, PLAIN }, { 0x3E, 0x3E, BARRED },
    { 0x3F, 0x3F, PLAIN }, { 0x40, 0x61, PLAIN }, { 0x62, 0x62, MEM }, { 0x63, 0x63, SELECTOR }, { 0x64, 0x67, BARRED },
    { 0x68, 0x68, IZ }, { 0x69, 0x69, MODRM_IZ }, { 0x6A, 0x6A, I8 }, { 0x6B, 0x6B, MODRM_I8 }, { 0x6C, 0x6F, STRING },
    { 0x70, 0x7F, REL8 }, { 0x80, 0x80, MODRM_I8 }, { 0x81, 0x81, MODRM_IZ }, { 0x82, 0x83, MODRM_I8 }, { 0x84, 0x8B, MODRM },
    { 0x8C, 0x8C, MODRM }, { 0x8D, 0x8D, MODRM }, { 0x8E, 0x8E, MOV_SEG }, { 0x8F, 0x8F, MODRM }, { 0x90, 0x99, PLAIN },
    { 0x9A, 0x9A, FAR }, { 0x9B, 0x9F, PLAIN }, { 0xA0, 0xA3, OFFSET }, { 0xA4, 0xA7, STRING }, { 0xA8, 0xA8, I8 }, { 0xA9, 0xA9, IZ },
    { 0xAA, 0xAF, STRING }, { 0xB0, 0xB7, I8 }, { 0xB8, 0xBF, IZ }, { 0xC0, 0xC1, MODRM_I8 }, { 0xC2, 0xC2, I16 }, { 0xC3, 0xC3, PLAIN },
    { 0xC4, 0xC5, FAR_MEM }, { 0xC6, 0xC6, MODRM_I8 }, { 0xC7, 0xC7, MODRM_IZ }, { 0xC8, 0xC8, ENTER }, { 0xC9, 0xC9, PLAIN },
    { 0xCA, 0xCB, RETF }, { 0xCC, 0xCC, PLAIN }, { 0xCD, 0xCD, I8 }, { 0xCE, 0xCE, PLAIN }, { 0xCF, 0xCF, RETF },
    { 0xD0, 0xD1, MODRM }, { 0xD2, 0xD3, SHIFT_CL }, { 0xD4, 0xD5, I8 }, { 0xD6, 0xD7, PLAIN }, { 0xD8, 0xDF, X87 },
    { 0xE0, 0xE3, LOOP }, { 0xE4, 0xE7, I8 }, { 0xE8, 0xE9, RELZ }, { 0xEA, 0xEA, FAR }, { 0xEB, 0xEB, REL8 }, { 0xEC, 0xEF, PLAIN },
    { 0xF0, 0xF0, BARRED }, { 0xF2, 0xF3, BARRED }, { 0xF4, 0xF5, PLAIN }, { 0xF6, 0xF6, GROUP3_8 },
    { 0xF7, 0xF7, GROUP3 }, { 0xF8, 0xFD, PLAIN }, { 0xFE, 0xFE, MODRM }, { 0xFF, 0xFF, GROUP5 },
    /* INT1 does not get through every hypervisor under this host unharmed. Behind 0F: SYSCALL, SYSENTER, RDTSC, RDPMC, CPUID, FXSAVE and all of SSE are BARRED by having no row. */
    { 0x100, 0x100, GROUP_0F00 }, { 0x101, 0x101, GROUP_0F01 }, { 0x102, 0x103, SELECTOR }, { 0x104, 0x104, PLAIN },
    { 0x106, 0x106, PLAIN }, { 0x108, 0x10C, PLAIN }, { 0x10E, 0x10F, MODRM }, { 0x118, 0x11F, MODRM }, { 0x120, 0x127, MODRM },
    { 0x130, 0x130, PLAIN }, { 0x132, 0x132, PLAIN }, { 0x136, 0x137, PLAIN }, { 0x139, 0x139, PLAIN }, { 0x13B, 0x13F, PLAIN },
    { 0x140, 0x14F, MODRM }, { 0x160, 0x16B, MMX }, { 0x16E, 0x16F, MMX }, { 0x171, 0x173, MMX_I8 }, { 0x174, 0x176, MMX },
    { 0x177, 0x177, MMX }, { 0x17A, 0x17B, MMX }, { 0x17E, 0x17F, MMX_OR_MEM }, { 0x180, 0x18F, RELZ }, { 0x190, 0x19F, MODRM },
    { 0x1A0, 0x1A0, PLAIN }, { 0x1A1, 0x1A1, POP_SEG }, { 0x1A3, 0x1A3, BIT }, { 0x1A4, 0x1A4, MODRM_I8 }, { 0x1A5, 0x1A5, SHIFT_CL },
    { 0x1A6, 0x1A7, PLAIN }, { 0x1A8, 0x1A8, PLAIN }, { 0x1A9, 0x1A9, POP_SEG }, { 0x1AA, 0x1AA, PLAIN }, { 0x1AB, 0x1AB, BIT },
    { 0x1AC, 0x1AC, MODRM_I8 }, { 0x1AD, 0x1AD, SHIFT_CL }, { 0x1AF, 0x1B1, MODRM }, { 0x1B2, 0x1B2, FAR_MEM }, { 0x1B3, 0x1B3, BIT },
    { 0x1B4, 0x1B5, FAR_MEM }, { 0x1B6, 0x1B7, MODRM }, { 0x1B9, 0x1B9, MODRM }, { 0x1BA, 0x1BA, GROUP_BA }, { 0x1BB, 0x1BB, BIT },
    { 0x1BC, 0x1C1, MODRM }, { 0x1C7, 0x1C7, GROUP_C7 }, { 0x1C8, 0x1CF, PLAIN }, { 0x1D1, 0x1D3, MMX }, { 0x1D5, 0x1D5, MMX },
    { 0x1D8, 0x1D9, MMX }, { 0x1DB, 0x1DD, MMX }, { 0x1DF, 0x1DF, MMX }, { 0x1E1, 0x1E2, MMX }, { 0x1E5, 0x1E5, MMX },
    { 0x1E8, 0x1E9, MMX }, { 0x1EB, 0x1ED, MMX }, { 0x1EF, 0x1EF, MMX }, { 0x1F1, 0x1F3, MMX }, { 0x1F5, 0x1F5, MMX },
    { 0x1F8, 0x1FA, MMX }, { 0x1FC, 0x1FE, MMX }, { 0x1FF, 0x1FF, MODRM },
};
static uint8_t shape_of[0x200];

/* Does this opcode change its meaning with F2, F3 or 66 on processors newer than P6? */
static bool plain_only(unsigned op)
{
    return shape_of[op] == MMX || shape_of[op] == MMX_I8 || shape_of[op] == MMX_OR_MEM || op == 0x1BC || op == 0x1BD || op == 0x1B8 ||
           op == 0x1C7 || op == 0x101 || (op >= 0x118 && op <= 0x11F) || op == 0x109;
}

static void prefixes(unsigned op)
{
    static const uint8_t choice[] = { 0x66, 0x66, 0x66, 0x67, 0x67, 0xF0, 0xF2, 0xF3, 0xF3, 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65 };
    bool plain = plain_only(op), moves_cr = op >= 0x120 && op <= 0x127;
    op16 = addr16 = cs >> 3 != 1 && !ldt[cs >> 3].wide;
    bool start16 = op16;
    seg_prefix = 0;
    if (shape_of[op] == STRING && percent(60)) byte[n++] = percent(70) ? 0xF3 : 0xF2;
    for (unsigned k = percent(55) ? 0 : 1 + below(3); k; k--) {
        uint8_t p = PICK(choice);
        if ((plain && (p == 0x66 || p >= 0xF0)) || (moves_cr && p == 0xF0)) continue;
        if (p == 0xF0 && percent(60)) continue;
        byte[n++] = p;
        if (p == 0x66) op16 = !start16;
        else if (p == 0x67) addr16 = !start16;
        else if (p < 0x66) seg_prefix = p;
    }
}

static void immediate(unsigned size)
{
    put(percent(50) ? any() : awkward(), size);
}

static unsigned word_size(void) { return op16 ? 2 : 4; }

/* A far pointer or frame on the stack: offset, selector, flags. */
static void stack_frame(void)
{
    if (percent(25)) return;
    uint32_t at = base_of(ss) + reg[ESP], to = target(), sel = code_selector(), flags = any() & 0x244DD5;
    if (op16) preset(at, 2, (to & 0xFFFF) | sel << 16, flags, 0);
    else preset(at, 3, to, sel | (any() & 0xFFFF0000u), flags);
}

static void far_operand(void)
{
    unsigned sel = percent(80) ? selector() : any() & 0xFF80;
    uint32_t offset = any();
    if (!has_memory) return;
    preset(operand_at, 2, op16 ? (offset & 0xFFFF) | sel << 16 : offset, sel, 0);
}

static void group5(void)
{
    unsigned middle = below(8);
    modrm(middle, 0);
    if (!has_memory || percent(20)) return;
    if (middle == 2 || middle == 4) preset(operand_at, 1, target(), 0, 0);
    if (middle == 3 || middle == 5) preset(operand_at, 2, op16 ? (target() & 0xFFFF) | code_selector() << 16 : target(), code_selector(), 0);
}

static void selector_operand(unsigned middle)
{
    unsigned sel = selector();
    modrm(middle, 0);
    if (has_memory) preset(operand_at, 1, sel | (any() & 0xFFFF0000u), 0, 0);
    else reg[byte[n - 1] & 7] = sel | (percent(50) ? any() & 0xFFFF0000u : 0);
}

static void bit_operand(void)
{
    unsigned middle = below(8);
    if (percent(80)) reg[middle] = percent(50) ? below(64) : below(0x4000);
    uint32_t keep = reg[middle];
    modrm(middle, 0);
    if (has_memory && percent(50)) reg[middle] = keep; /* it may have been bent, being the base, too */
}

static void string_operands(void)
{
    bool small = addr16;
    uint32_t high = small && percent(50) ? any() & 0xFFFF0000u : 0;
    if (percent(90)) reg[ESI] = high | ((place(base_of(seg_of_operand(false)), small) - base_of(seg_of_operand(false))) & (small ? 0xFFFF : 0xFFFFFFFFu));
    if (percent(90)) reg[EDI] = high | ((place(base_of(es), small) - base_of(es)) & (small ? 0xFFFF : 0xFFFFFFFFu));
    if (percent(95)) reg[ECX] = (percent(90) ? below(24) : below(600)) | (small && percent(50) ? any() & 0xFFFF0000u : 0);
}

static void group_0f01(void)
{
    static const uint8_t middles[] = { 2, 3, 6, 7, 5 };
    modrm(PICK(middles), ONLY_MEMORY);
}

static void operands(unsigned op)
{
    switch ((enum shape)shape_of[op]) {
    case BARRED: break;
    case PLAIN: break;
    case MODRM: modrm(below(8), 0); break;
    case MEM: modrm(below(8), ONLY_MEMORY); break;
    case MODRM_I8: modrm(below(8), 0); immediate(1); break;
    case MODRM_IZ: modrm(below(8), 0); immediate(word_size()); break;
    case I8: immediate(1); if (op == 0xCD && byte[n - 1] == 0x80) byte[n - 1] = 3; break;
    case IZ: immediate(word_size()); break;
    case I16: immediate(2); break;
    case REL8: immediate(1); break;
    case RELZ: put(percent(70) ? below(256) - 128 : any(), word_size()); break;
    case OFFSET: put(place(base_of(seg_of_operand(false)), addr16) - base_of(seg_of_operand(false)), addr16 ? 2 : 4); break;
    case FAR: put(target(), word_size()); put(code_selector(), 2); break;
    case ENTER: put(below(256), 2); put(percent(50) ? 0 : below(percent(50) ? 4 : 40), 1); break;
    case GROUP3_8: modrm(below(8), 0); if (!(byte[n - 1] & 0)) immediate(1); break;
    case GROUP3: modrm(below(8), 0); immediate(word_size()); break;
    case GROUP5: group5(); break;
    case MOV_SEG: selector_operand(below(6)); break;
    case FAR_MEM: modrm(below(8), ONLY_MEMORY); far_operand(); break;
    case RETF: if (op == 0xCA) put(below(64), 2); stack_frame(); break;
    case POP_SEG: if (percent(85)) preset(base_of(ss) + reg[ESP], 1, selector() | (any() & 0xFFFF0000u), 0, 0); break;
    case SHIFT_CL: reg[ECX] = percent(70) ? (any() & 0xFFFFFF00u) | below(40) : any(); modrm(below(8), 0); break;
    case STRING: string_operands(); break;
    case LOOP: if (percent(60)) reg[ECX] = below(3) | (percent(30) ? any() & 0xFFFF0000u : 0); immediate(1); break;
    case X87: modrm(below(8), 0); break;
    case MMX: modrm(below(8), 0); break;
    case MMX_I8: modrm(below(8), ONLY_REGISTER); immediate(1); break;
    case GROUP_0F00: selector_operand(2 + below(6)); break;
    case GROUP_0F01: group_0f01(); break;
    case GROUP_BA: modrm(below(8), 0); immediate(1); break;
    case GROUP_C7: modrm(percent(90) ? 1 : 2, ONLY_MEMORY); break;
    case SELECTOR: selector_operand(below(8)); break;
    case BIT: bit_operand(); break;
    case MMX_OR_MEM: modrm(below(8), 0); break;
    }
}

/* FISTTP came with SSE3. */
static bool newer(unsigned op)
{
    if (shape_of[op] != X87 || (op != 0xDB && op != 0xDD && op != 0xDF)) return false;
    unsigned k = 0;
    while (byte[k] != op) k++;
    return byte[k + 1] < 0xC0 && (byte[k + 1] >> 3 & 7) == 1;
}

static unsigned data_segment(void)
{
    if (percent(75)) return 7;
    unsigned e = below(ENTRIES);
    return holds_data(e, false) ? e << 3 | 7 : 0;
}

static void state(void)
{
    for (unsigned r = 0; r < 8; r++) reg[r] = percent(40) ? any() : percent(50) ? awkward() : place(0, percent(30));
    reg[ESP] = percent(85) ? DATA + 0x100 + below(0x1E00) : place(0, false);
    if (percent(80)) reg[EBP] = DATA + 0x100 + below(0x1E00);
    ds = data_segment();
    es = data_segment();
    fs = percent(50) ? data_segment() : 0;
    gs = percent(50) ? data_segment() : 0;
    ss = 7;
    cs = 0xF;
    eip = CODE + (percent(96) ? 0x100 + below(0x1000) : 0x1000 - below(12));
    if (percent(4)) eip = CODE + 0x2000 - 1 - below(12);
    unsigned e = below(ENTRIES);
    if (percent(10) && e > 1 && holds_data(e, true)) {
        ss = e << 3 | 7;
        reg[ESP] -= ldt[e].base;
        if (!ldt[e].wide && percent(40)) reg[ESP] = (any() & 0xFFFF0000u) | (percent(50) ? below(12) : 0x10000 - below(12));
    }
    e = 4 + below(2);
    if (percent(10) && ldt[e].contents == 2 && ldt[e].limit * (ldt[e].pages ? 4096 : 1) > 0x200) {
        cs = e << 3 | 7;
        eip = 0x100 + below(0x80);
    }
}

static bool make(uint64_t seed, unsigned number)
{
    chance = seed * 0xD1342543DE82EF95u + number * 0xA24BAED4963EE407u;
    n = 0;
    has_memory = false;
    poke.n = 0;
    state();
    unsigned op;
    do op = percent(20) ? 0xD8 + below(8) : percent(65) ? below(0x100) : 0x100 + below(0x100);
    while (!shape_of[op]);
    prefixes(op);
    if (op >= 0x100) put(0x0F, 1);
    put(op, 1);
    operands(op);
    return !newer(op);
}

static void print(unsigned number)
{
    static const char *const name[8] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi" };
    printf("c%u ", number);
    for (unsigned k = 0; k < n; k++) printf("%02x", byte[k]);
    for (unsigned r = 0; r < 8; r++) printf(" %s=%x", name[r], reg[r]);
    printf(" eip=%x flags=%x ds=%x es=%x ss=%x cs=%x fs=%x gs=%x", eip, any() & 0xCD5, ds, es, ss, cs, fs, gs);
    if (percent(95)) printf(" fill=%x", any());
    for (unsigned k = 0; k < poke.n; k++) {
        uint32_t at = poke.at + 4 * k, v = poke.value[k];
        if (at - LOW > AREA - 4 && at - DATA > AREA - 4) continue;
        printf(" m@%x=%02x%02x%02x%02x", at, v & 0xFF, v >> 8 & 0xFF, v >> 16 & 0xFF, v >> 24);
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    unsigned count = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 1000;
    unsigned first = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 0;
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++)
        for (unsigned op = rows[k].from; op <= rows[k].to; op++) shape_of[op] = rows[k].shape;
    printf("# cases %llu %u %u\n", (unsigned long long)seed, count, first);
    for (unsigned k = first; k < first + count; k++) {
        if (k == first || k % BATCH == 0) {
            chance = seed * 0xD1342543DE82EF95u + k / BATCH;
            make_ldt();
        }
        if (make(seed, k)) print(k);
    }
    return 0;
}
