/* The x87 unit and MMX against the host's own, instruction by instruction, when the host is an x86-64.
 *
 * A case is a complete state (FRSTOR image), one instruction and 16 bytes of memory; what must agree is the FNSAVE image
 * (control, status, tags, registers), memory, EAX and the flags. States are drawn from a seeded generator that likes the
 * corners: zeros, denormals, infinities, NaNs, unsupported encodings, neighbours in exponent, empty registers, every
 * rounding and precision, exceptions masked and not. The last pointers differ among processors and are not compared. The
 * transcendental instructions need only be within an ulp. Elsewhere these tests are skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "sim/cpu/fpu.h"
#include "tests/support/fake_env.h"

#ifndef __x86_64__
static void nothing(void **state) { (void)state; skip(); }
int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(nothing) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
#include <sys/mman.h>

enum { IMAGE = 108, MEMORY = 16, DATA = FAKE_DATA, STATE = FAKE_DATA + 0x100, SAVED = FAKE_DATA + 0x200 };

struct image {
    uint32_t control, status, tags, pointers[4];
    uint8_t st[8][10];
} __attribute__((packed));
_Static_assert(sizeof(struct image) == IMAGE, "FNSAVE, 32 bits");

struct side { struct image after; uint8_t memory[MEMORY]; uint32_t eax, flags; };

static uint64_t seed;
static uint32_t rnd(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33);
}
static uint64_t rnd64(void) { return (uint64_t)rnd() << 33 ^ (uint64_t)rnd() << 11 ^ rnd(); }

/* ---- operands ---- */

static uint64_t mantissa(void)
{
    uint64_t m = rnd64();
    switch (rnd() % 6) {
    case 0: return m & (~(uint64_t)0 << rnd() % 64);             /* few bits above */
    case 1: return (uint64_t)1 << 63 | 1u << rnd() % 20;
    case 2: return ~(uint64_t)0 << rnd() % 64 | (rnd() & 1);
    case 3: return (uint64_t)1 << 63;
    default: return m;
    }
}

static void real80(uint8_t b[10], unsigned near)
{
    uint64_t m = mantissa() | (uint64_t)1 << 63;
    uint16_t e = (uint16_t)(near + rnd() % 140 - 70);
    switch (rnd() % 16) {
    case 0: m = 0, e = 0; break;
    case 1: e = 0, m = rnd() & 1 ? mantissa() : mantissa() >> 1; break;
    case 2: e = 0x7FFF, m = (uint64_t)1 << 63; break;
    case 3: e = 0x7FFF; break;
    case 4: e = 0x7FFF, m &= ~((uint64_t)1 << 62); break;
    case 5: m &= ~((uint64_t)1 << 63); break;
    case 6: e = (uint16_t)rnd(); break;
    case 7: e = (uint16_t)(0x7FFE - rnd() % 70); break;
    case 8: e = (uint16_t)(1 + rnd() % 70); break;
    default: break;
    }
    e = (uint16_t)((e & 0x7FFF) | rnd() << 15);
    memcpy(b, &m, 8);
    memcpy(b + 8, &e, 2);
}

static void operands(struct image *im, uint8_t memory[MEMORY])
{
    static const uint16_t centres[] = { 16383, 16383, 16383, 16383 + 63, 16383 + 127, 16383 - 126, 16383 + 1023, 16383 - 1022, 60, 32700 };
    unsigned near = centres[rnd() % 10];
    for (unsigned k = 0; k < 8; k++) real80(im->st[k], near);
    for (unsigned k = 0; k < MEMORY; k++) memory[k] = (uint8_t)rnd();
    uint32_t w = rnd() % 4 ? rnd() ^ rnd() << 16 : (rnd() & 1 ? 0x7F800000u : 0) | rnd() % 3 << 22 | rnd() % 2;
    if (rnd() & 1) memcpy(memory, &w, 4);
    uint64_t d = rnd() % 3 ? rnd64() : (rnd() & 1 ? (uint64_t)0x7FF << 52 : 0) | (uint64_t)(rnd() % 3) << 51 | rnd() % 2;
    if (rnd() % 3 == 0) memcpy(memory, &d, 8);
    if (rnd() % 3 == 0) real80(memory, near);
    im->control = 0x40 | (rnd() & 3) << 10 | (rnd() % 4) << 8 | (rnd() & 1 ? 0x3F : rnd() & 0x3F);
    if ((im->control >> 8 & 3) == 1) im->control |= 0x300; /* reserved */
    unsigned flags = (rnd() & 0x7F) & ((im->control & 0x3F) | 0x40);
    im->status = flags | (rnd() & 7) << 11 | (rnd() & 0x4700);
    im->tags = 0;
    for (unsigned k = 0; k < 8; k++) im->tags |= (rnd() % 6 ? 0u : 3u) << 2 * k;
}

/* ---- the two processors ---- */

static uint8_t *page; /* executable: void f(image *before, image *after, memory, side *) */

static void host_prepare(void)
{
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(page != MAP_FAILED);
}

/* frstor [rdi]; mov r8, rdx; mov r9, rcx; push flags; popf; mov edx/rdx <- memory; INSN; ...; fnsave [rsi] */
static void host_run(const struct image *before, uint8_t memory[MEMORY], const uint8_t *insn, unsigned n, struct side *out)
{
    static const uint8_t head[] = { 0xDD, 0x27,                               /* frstor [rdi] */
                                    0x49, 0x89, 0xC8,                         /* mov r8, rcx */
                                    0xB8, 0x44, 0x33, 0x22, 0x11,             /* mov eax, 11223344 */
                                    0x6A, 0x02, 0x9D };                       /* push 2; popf */
    static const uint8_t head_c[] = { 0x68, 0xD7, 0x08, 0, 0, 0x9D };         /* push 8D7; popf */
    static const uint8_t tail[] = { 0x9C, 0x41, 0x8F, 0x40, 0x08,             /* pushf; pop [r8+8] */
                                    0x41, 0x89, 0x00,                         /* mov [r8], eax */
                                    0xDD, 0x36, 0xC3 };                       /* fnsave [rsi]; ret */
    uint8_t *p = page;
    uint64_t regs[2] = { 0, 0 };
    memcpy(p, head, sizeof head);
    p += sizeof head;
    if (before->status & FPU_C0) {
        memcpy(p, head_c, sizeof head_c);
        p += sizeof head_c;
    }
    memcpy(p, insn, n);
    memcpy(p + n, tail, sizeof tail);
    void (*run)(const struct image *, struct image *, uint8_t *, uint64_t *);
    memcpy(&run, &page, sizeof run);
    memset(&out->after, 0, sizeof out->after);
    run(before, &out->after, memory, regs);
    memcpy(out->memory, memory, MEMORY);
    out->eax = (uint32_t)regs[0];
    out->flags = (uint32_t)regs[1] & FLAGS_ARITH;
}

static void one(struct fake *f, const uint8_t *insn, unsigned n)
{
    fake_put(f, FAKE_CODE, insn, n);
    f->cpu.eip = FAKE_CODE;
    struct insn done;
    enum step s = cpu_execute_one(&f->cpu, &done);
    if (s == STEP_FAULT) fail_msg("%02x %02x faulted: %u", insn[0], insn[1], f->cpu.fault.vector);
}

static void ours_run(struct fake *f, const struct image *before, const uint8_t memory[MEMORY], const uint8_t *insn, unsigned n,
                     struct side *out)
{
    static const uint8_t frstor[] = { 0xDD, 0x27 }, fnsave[] = { 0xDD, 0x36 };
    struct cpu *c = &f->cpu;
    fake_put(f, DATA, memory, MEMORY);
    fake_put(f, STATE, before, IMAGE);
    fpu_init(&c->fpu);
    c->reg[EDI] = STATE, c->reg[ESI] = SAVED, c->reg[EDX] = DATA, c->reg[EAX] = 0x11223344;
    cpu_set_flags(c, before->status & FPU_C0 ? 0x8D7 : 2);
    one(f, frstor, sizeof frstor);
    one(f, insn, n);
    out->flags = cpu_flags(c) & FLAGS_ARITH;
    out->eax = c->reg[EAX];
    one(f, fnsave, sizeof fnsave);
    memcpy(&out->after, f->ram + SAVED, IMAGE);
    memcpy(out->memory, f->ram + DATA, MEMORY);
}

/* ---- comparing ---- */

static void dump(const char *who, const struct side *s)
{
    print_message("%s: cw %04x sw %04x tw %04x eax %08x fl %03x mem ", who, s->after.control & 0xFFFF, s->after.status & 0xFFFF,
                  s->after.tags & 0xFFFF, s->eax, s->flags);
    for (int k = 9; k >= 0; k--) print_message("%02x", s->memory[k]);
    for (unsigned r = 0; r < 3; r++) {
        print_message(" ");
        for (int k = 9; k >= 0; k--) print_message("%02x", s->after.st[r][k]);
    }
    print_message("\n");
}

static bool within_ulp(const uint8_t a[10], const uint8_t b[10])
{
    uint64_t x, y;
    uint16_t ex, ey;
    memcpy(&x, a, 8), memcpy(&y, b, 8), memcpy(&ex, a + 8, 2), memcpy(&ey, b + 8, 2);
    if (ex == ey) return x - y + 1 <= 2;
    return (uint16_t)(ex - ey + 1) <= 2 && ((x == (uint64_t)1 << 63 && y == UINT64_MAX) || (y == (uint64_t)1 << 63 && x == UINT64_MAX));
}

static bool same(const struct side *a, const struct side *b, bool ulp)
{
    unsigned ignore = ulp ? FPU_C1 : 0;
    if ((a->after.control ^ b->after.control) & 0xFFFF || ((a->after.status ^ b->after.status) & 0xFFFF & ~ignore) ||
        a->eax != b->eax || a->flags != b->flags || memcmp(a->memory, b->memory, MEMORY))
        return false;
    if (!ulp && (a->after.tags ^ b->after.tags) & 0xFFFF) return false;
    for (unsigned r = 0; r < 8; r++)
        if (ulp ? !within_ulp(a->after.st[r], b->after.st[r]) : memcmp(a->after.st[r], b->after.st[r], 10)) return false;
    return true;
}

static unsigned compare(struct fake *f, const struct image *im, const uint8_t memory[MEMORY], const uint8_t *insn, unsigned n, bool ulp)
{
    struct side host = { 0 }, ours = { 0 };
    uint8_t m[MEMORY];
    memcpy(m, memory, MEMORY);
    host_run(im, m, insn, n, &host);
    ours_run(f, im, memory, insn, n, &ours);
    if (same(&host, &ours, ulp)) return 0;
    struct side before = { .after = *im };
    memcpy(before.memory, memory, MEMORY);
    print_message("%02x %02x\n", insn[0], insn[1]);
    dump("before", &before);
    dump("host  ", &host);
    dump("ours  ", &ours);
    return 1;
}

static bool is_transcendental(uint8_t op, uint8_t modrm)
{
    return op == 0xD9 && (modrm == 0xF0 || modrm == 0xF1 || modrm == 0xF2 || modrm == 0xF3 || modrm == 0xF9 || modrm == 0xFB ||
                          modrm == 0xFE || modrm == 0xFF);
}

/* Left out: control transfers of the state itself, which have tests of their own, and what is not there (SSE3). */
static bool is_left_out(uint8_t op, uint8_t modrm)
{
    unsigned digit = modrm >> 3 & 7;
    if (!fpu_identify(op, modrm)) return true;
    if (modrm < 0xC0 && op == 0xD9 && (digit == 4 || digit == 6)) return true;
    return modrm < 0xC0 && op == 0xDD && (digit == 4 || digit == 6);
}

enum { CASES = 400, CASES_TRANSCENDENTAL = 400 };

static void every_opcode(void **state)
{
    (void)state;
    struct fake f;
    fake_init(&f, false);
    host_prepare();
    unsigned bad = 0, cases = getenv("FPU_CASES") ? (unsigned)atoi(getenv("FPU_CASES")) : CASES;
    unsigned only = getenv("FPU_ONLY") ? (unsigned)strtoul(getenv("FPU_ONLY"), NULL, 16) : 0;
    for (unsigned op = 0xD8; op <= 0xDF; op++)
        for (unsigned modrm = 0; modrm < 0x100; modrm++) {
            if (modrm < 0xC0 && (modrm & 0xC7) != 2) continue; /* [edx] */
            uint8_t insn[2] = { (uint8_t)op, (uint8_t)modrm };
            if (is_left_out(insn[0], insn[1]) || is_transcendental(insn[0], insn[1])) continue;
            if (only && only != (op << 8 | modrm)) continue;
            if (modrm >= 0xC0 && (modrm & 7) > 2 && op != 0xD9 && op != 0xDB) continue; /* the same with another register */
            seed = op << 8 | modrm;
            unsigned shown = 0;
            for (unsigned k = 0; k < cases && shown < 3; k++) {
                struct image im;
                uint8_t memory[MEMORY];
                memset(&im, 0, sizeof im);
                operands(&im, memory);
                shown += compare(&f, &im, memory, insn, 2, false);
            }
            bad += shown;
        }
    assert_int_equal(bad, 0);
    fake_done(&f);
}

/* Arguments where the functions are defined; exceptions masked, tags valid where they are popped. */
static void transcendental(void **state)
{
    (void)state;
    static const uint8_t functions[] = { 0xF0, 0xF1, 0xF2, 0xF3, 0xF9, 0xFB, 0xFE, 0xFF };
    struct fake f;
    fake_init(&f, false);
    host_prepare();
    unsigned bad = 0, cases = getenv("FPU_CASES") ? (unsigned)atoi(getenv("FPU_CASES")) : CASES_TRANSCENDENTAL;
    for (unsigned n = 0; n < sizeof functions; n++) {
        uint8_t insn[2] = { 0xD9, functions[n] };
        unsigned shown = 0;
        seed = functions[n];
        for (unsigned k = 0; k < cases && shown < 4; k++) {
            struct image im;
            uint8_t memory[MEMORY];
            memset(&im, 0, sizeof im);
            operands(&im, memory);
            im.control |= 0x3F;
            for (unsigned r = 0; r < 2; r++) {
                uint64_t m = mantissa() | (uint64_t)1 << 63;
                uint16_t e = (uint16_t)((16383 - rnd() % 66) + (functions[n] == 0xF0 || (functions[n] == 0xF9 && !r) ? 0u : rnd() % 66)), x;
                if (functions[n] == 0xF0) e--;
                if (functions[n] == 0xF9 && !r) e = (uint16_t)(e - 2);
                if (functions[n] != 0xF1 || r) e = (uint16_t)(e | rnd() << 15);
                memcpy(&x, im.st[r] + 8, 2);
                bool undefined = (functions[n] == 0xF0 && (x & 0x7FFF) >= 16383) ||
                                 (functions[n] == 0xF9 && !r && (x & 0x7FFF) > 16380);
                if (undefined || rnd() % 4) {
                    memcpy(im.st[r], &m, 8);
                    memcpy(im.st[r] + 8, &e, 2);
                }
            }
            shown += compare(&f, &im, memory, insn, 2, true);
        }
        bad += shown;
    }
    assert_int_equal(bad, 0);
    fake_done(&f);
}

static void mmx(void **state)
{
    (void)state;
    static const uint8_t opcodes[] = { 0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6E, 0x6F, 0x71, 0x72,
        0x73, 0x74, 0x75, 0x76, 0x77, 0x7E, 0x7F, 0xD1, 0xD2, 0xD3, 0xD5, 0xD8, 0xD9, 0xDB, 0xDC, 0xDD, 0xDF, 0xE1, 0xE2, 0xE5,
        0xE8, 0xE9, 0xEB, 0xEC, 0xED, 0xEF, 0xF1, 0xF2, 0xF3, 0xF5, 0xF8, 0xF9, 0xFA, 0xFC, 0xFD, 0xFE };
    struct fake f;
    fake_init(&f, false);
    host_prepare();
    unsigned bad = 0;
    for (unsigned n = 0; n < sizeof opcodes; n++) {
        uint8_t op = opcodes[n];
        bool group = op >= 0x71 && op <= 0x73;
        seed = op;
        for (unsigned k = 0; k < 300 && bad < 10; k++) {
            struct image im;
            uint8_t memory[MEMORY], insn[4] = { 0x0F, op, (uint8_t)(rnd() & 1 ? 0xC0 | (rnd() & 0x3F) : 2 | (rnd() & 0x38)), 0 };
            memset(&im, 0, sizeof im);
            operands(&im, memory);
            im.status &= ~0x80FFu;
            for (unsigned r = 0; r < 8; r++) {
                uint64_t v = rnd64();
                if ((op & 0xF0) >= 0xD0 && rnd() % 3 == 0) v = rnd() % 70;
                memcpy(im.st[r], &v, 8);
            }
            if ((op == 0x6E || op == 0x7E) && insn[2] >= 0xC0) insn[2] &= 0xF8; /* EAX */
            if (group) {
                static const uint8_t digit[3] = { 2, 4, 6 };
                unsigned d = digit[rnd() % (op == 0x73 ? 3 : 3)];
                if (op == 0x73 && d == 4) d = 6;
                insn[2] = (uint8_t)(0xC0 | d << 3 | (rnd() & 7));
                insn[3] = (uint8_t)(rnd() % 3 ? rnd() % 70 : rnd());
            }
            bad += compare(&f, &im, memory, insn, op == 0x77 ? 2 : group ? 4 : 3, false);
        }
    }
    assert_int_equal(bad, 0);
    fake_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_opcode), cmocka_unit_test(transcendental), cmocka_unit_test(mmx) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
