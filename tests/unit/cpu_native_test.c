/* Our arithmetic against the processor this test runs on.
 *
 * Idea: the register forms of most instructions have the same encoding in 64-bit mode, so the very bytes can be run on the
 * host between loading and storing registers and flags. Every instruction meets every pair of awkward values; flags the
 * manual calls undefined are masked. Skips on other hosts and where executable memory is refused. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "tests/support/fake_env.h"

struct state { uint32_t reg[8]; uint32_t flags; uint32_t pad; };
enum { NONE = 0, AF = FLAG_AF, OF = FLAG_OF, CF = FLAG_CF, MUL_UNDEFINED = FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF,
       BIT_UNDEFINED = FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF, SCAN_UNDEFINED = FLAGS_ARITH & ~FLAG_ZF };

/* What else is undefined, depending on the count in CL or the immediate. */
enum kind { PLAIN, SHIFT, ROTATE, DOUBLE, IMM /* the last `size` (at most 4) bytes are an immediate: try several */ };

struct row {
    const char *name;
    uint8_t len, bytes[6];
    uint8_t size;
    enum kind kind;
    uint32_t undefined;
};

#define ALU(name, base, undefined) \
    { name " r8, r8", 2, { base, 0xC8 }, 1, PLAIN, undefined }, \
    { name " ah, cl", 2, { base, 0xCC }, 1, PLAIN, undefined }, \
    { name " r16, r16", 3, { 0x66, base + 1, 0xC8 }, 2, PLAIN, undefined }, \
    { name " r32, r32", 2, { base + 1, 0xC8 }, 4, PLAIN, undefined }, \
    { name " r32, r32 (other direction)", 2, { base + 3, 0xC1 }, 4, PLAIN, undefined }, \
    { name " al, imm", 2, { base + 4, 0x85 }, 1, IMM, undefined }, \
    { name " eax, imm", 5, { base + 5, 0x78, 0x56, 0x34, 0x92 }, 4, IMM, undefined }, \
    { name " ax, imm", 4, { 0x66, base + 5, 0x34, 0x92 }, 2, IMM, undefined }, \
    { name " r32, imm8", 3, { 0x83, 0xC0 | (base), 0x80 }, 1, IMM, undefined }, \
    { name " r16, imm8", 4, { 0x66, 0x83, 0xC0 | (base), 0x7F }, 1, IMM, undefined }
#define UNARY(name, op, n, undefined) \
    { name " r8", 2, { op, 0xC1 | n << 3 }, 1, PLAIN, undefined }, \
    { name " r16", 3, { 0x66, op + 1, 0xC1 | n << 3 }, 2, PLAIN, undefined }, \
    { name " r32", 2, { op + 1, 0xC1 | n << 3 }, 4, PLAIN, undefined }
#define SHIFTS(name, n, kind) \
    { name " r8, cl", 2, { 0xD2, 0xC0 | n << 3 }, 1, kind, NONE }, \
    { name " r16, cl", 3, { 0x66, 0xD3, 0xC0 | n << 3 }, 2, kind, NONE }, \
    { name " r32, cl", 2, { 0xD3, 0xC0 | n << 3 }, 4, kind, NONE }, \
    { name " r8, 1", 2, { 0xD0, 0xC0 | n << 3 }, 1, PLAIN, n >= 4 ? AF : NONE }, \
    { name " r32, 1", 2, { 0xD1, 0xC0 | n << 3 }, 4, PLAIN, n >= 4 ? AF : NONE }, \
    { name " r32, 5", 3, { 0xC1, 0xC0 | n << 3, 5 }, 4, PLAIN, n >= 4 ? AF | OF : OF }
#define CONDITION(n) \
    { "cmovcc r32, r32", 3, { 0x0F, 0x40 | n, 0xC1 }, 4, PLAIN, NONE }, \
    { "cmovcc r16, r16", 4, { 0x66, 0x0F, 0x40 | n, 0xC1 }, 2, PLAIN, NONE }, \
    { "setcc r8", 3, { 0x0F, 0x90 | n, 0xC0 }, 1, PLAIN, NONE }

static const struct row rows[] = {
    ALU("add", 0x00, NONE), ALU("or", 0x08, AF), ALU("adc", 0x10, NONE), ALU("sbb", 0x18, NONE),
    ALU("and", 0x20, AF), ALU("sub", 0x28, NONE), ALU("xor", 0x30, AF), ALU("cmp", 0x38, NONE),
    { "test r8, r8", 2, { 0x84, 0xC8 }, 1, PLAIN, AF }, { "test r32, r32", 2, { 0x85, 0xC8 }, 4, PLAIN, AF },
    { "test eax, imm", 5, { 0xA9, 0, 0, 0, 0x80 }, 4, IMM, AF },
    UNARY("inc", 0xFE, 0, NONE), UNARY("dec", 0xFE, 1, NONE), UNARY("not", 0xF6, 2, NONE), UNARY("neg", 0xF6, 3, NONE),
    UNARY("mul", 0xF6, 4, MUL_UNDEFINED), UNARY("imul", 0xF6, 5, MUL_UNDEFINED),
    UNARY("div", 0xF6, 6, FLAGS_ARITH), UNARY("idiv", 0xF6, 7, FLAGS_ARITH),
    { "imul r32, r32", 3, { 0x0F, 0xAF, 0xC1 }, 4, PLAIN, MUL_UNDEFINED },
    { "imul r16, r16", 4, { 0x66, 0x0F, 0xAF, 0xC1 }, 2, PLAIN, MUL_UNDEFINED },
    { "imul r32, r32, imm8", 3, { 0x6B, 0xC1, 0xFB }, 1, IMM, MUL_UNDEFINED },
    { "imul r32, r32, imm32", 6, { 0x69, 0xC1, 0x78, 0x56, 0x34, 0x92 }, 4, IMM, MUL_UNDEFINED },
    SHIFTS("rol", 0, ROTATE), SHIFTS("ror", 1, ROTATE), SHIFTS("rcl", 2, ROTATE), SHIFTS("rcr", 3, ROTATE),
    SHIFTS("shl", 4, SHIFT), SHIFTS("shr", 5, SHIFT), SHIFTS("sar", 7, SHIFT),
    { "shld r32, r32, cl", 3, { 0x0F, 0xA5, 0xD0 }, 4, DOUBLE, NONE },
    { "shld r16, r16, cl", 4, { 0x66, 0x0F, 0xA5, 0xD0 }, 2, DOUBLE, NONE },
    { "shrd r32, r32, cl", 3, { 0x0F, 0xAD, 0xD0 }, 4, DOUBLE, NONE },
    { "shrd r16, r16, cl", 4, { 0x66, 0x0F, 0xAD, 0xD0 }, 2, DOUBLE, NONE },
    { "shld r32, r32, 9", 4, { 0x0F, 0xA4, 0xD0, 9 }, 4, PLAIN, AF | OF },
    { "bt r32, r32", 3, { 0x0F, 0xA3, 0xC8 }, 4, PLAIN, BIT_UNDEFINED },
    { "bts r32, r32", 3, { 0x0F, 0xAB, 0xC8 }, 4, PLAIN, BIT_UNDEFINED },
    { "btr r16, r16", 4, { 0x66, 0x0F, 0xB3, 0xC8 }, 2, PLAIN, BIT_UNDEFINED },
    { "btc r32, r32", 3, { 0x0F, 0xBB, 0xC8 }, 4, PLAIN, BIT_UNDEFINED },
    { "btc r16, imm8", 5, { 0x66, 0x0F, 0xBA, 0xF8, 21 }, 1, IMM, BIT_UNDEFINED },
    { "bsf r32, r32", 3, { 0x0F, 0xBC, 0xC1 }, 4, PLAIN, SCAN_UNDEFINED },
    { "bsr r32, r32", 3, { 0x0F, 0xBD, 0xC1 }, 4, PLAIN, SCAN_UNDEFINED },
    { "bsf r16, r16", 4, { 0x66, 0x0F, 0xBC, 0xC1 }, 2, PLAIN, SCAN_UNDEFINED },
    { "bsr r16, r16", 4, { 0x66, 0x0F, 0xBD, 0xC1 }, 2, PLAIN, SCAN_UNDEFINED },
    { "movzx r32, r8", 3, { 0x0F, 0xB6, 0xC5 }, 4, PLAIN, NONE }, { "movzx r32, r16", 3, { 0x0F, 0xB7, 0xC1 }, 4, PLAIN, NONE },
    { "movzx r16, r8", 4, { 0x66, 0x0F, 0xB6, 0xC5 }, 2, PLAIN, NONE },
    { "movsx r32, r8", 3, { 0x0F, 0xBE, 0xC5 }, 4, PLAIN, NONE }, { "movsx r32, r16", 3, { 0x0F, 0xBF, 0xC1 }, 4, PLAIN, NONE },
    { "movsx r16, r8", 4, { 0x66, 0x0F, 0xBE, 0xC1 }, 2, PLAIN, NONE },
    { "mov r8, r8", 2, { 0x88, 0xEC }, 1, PLAIN, NONE }, { "mov r16, r16", 3, { 0x66, 0x89, 0xC8 }, 2, PLAIN, NONE },
    { "mov r16, imm", 4, { 0x66, 0xB8, 0x34, 0x92 }, 2, IMM, NONE }, { "mov r8, imm", 2, { 0xB4, 0x92 }, 1, IMM, NONE },
    { "xchg r8, r8", 2, { 0x86, 0xCC }, 1, PLAIN, NONE }, { "xchg r32, r32", 2, { 0x87, 0xC8 }, 4, PLAIN, NONE },
    { "xchg ax, r16", 2, { 0x66, 0x91 }, 2, PLAIN, NONE },
    { "xadd r8, r8", 3, { 0x0F, 0xC0, 0xCC }, 1, PLAIN, NONE }, { "xadd r32, r32", 3, { 0x0F, 0xC1, 0xC8 }, 4, PLAIN, NONE },
    { "xadd same", 3, { 0x0F, 0xC1, 0xC0 }, 4, PLAIN, NONE },
    { "cmpxchg r8, r8", 3, { 0x0F, 0xB0, 0xCA }, 1, PLAIN, NONE }, { "cmpxchg r32, r32", 3, { 0x0F, 0xB1, 0xCA }, 4, PLAIN, NONE },
    { "cmpxchg r16, r16", 4, { 0x66, 0x0F, 0xB1, 0xCA }, 2, PLAIN, NONE },
    { "bswap", 2, { 0x0F, 0xC9 }, 4, PLAIN, NONE },
    { "cbw", 2, { 0x66, 0x98 }, 2, PLAIN, NONE }, { "cwde", 1, { 0x98 }, 4, PLAIN, NONE },
    { "cwd", 2, { 0x66, 0x99 }, 2, PLAIN, NONE }, { "cdq", 1, { 0x99 }, 4, PLAIN, NONE },
    { "lahf", 1, { 0x9F }, 1, PLAIN, NONE }, { "sahf", 1, { 0x9E }, 1, PLAIN, NONE },
    { "clc", 1, { 0xF8 }, 1, PLAIN, NONE }, { "stc", 1, { 0xF9 }, 1, PLAIN, NONE }, { "cmc", 1, { 0xF5 }, 1, PLAIN, NONE },
    { "cld", 1, { 0xFC }, 1, PLAIN, NONE },
    CONDITION(0), CONDITION(1), CONDITION(2), CONDITION(3), CONDITION(4), CONDITION(5), CONDITION(6), CONDITION(7),
    CONDITION(8), CONDITION(9), CONDITION(10), CONDITION(11), CONDITION(12), CONDITION(13), CONDITION(14), CONDITION(15),
};

static const uint32_t awkward[] = {
    0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 0x7F, 0x80, 0x81, 0xFF, 0x100, 0x7FFF, 0x8000, 0x8001, 0xFFFF, 0x10000,
    0x7FFFFFFF, 0x80000000u, 0x80000001u, 0xFFFFFFFEu, 0xFFFFFFFFu, 0x12345678, 0x9ABCDEF0u, 0x55AA55AA, 0x0F0FF0F0, 0xFF80
};
enum { VALUES = sizeof awkward / sizeof awkward[0] };

static struct fake world;
static uint8_t *stub; /* executable page; NULL: this host cannot */
static sigjmp_buf escape;

static void division_error(int n)
{
    (void)n;
    siglongjmp(escape, 1);
}

/* push rbx, rbp, r15; r15 = argument; flags and registers in; instruction; registers and flags out; ret. */
static const uint8_t prologue[] = {
    0x53, 0x55, 0x41, 0x57, 0x49, 0x89, 0xFF, 0x41, 0xFF, 0x77, 0x20, 0x9D, 0x41, 0x8B, 0x07, 0x41, 0x8B, 0x4F, 0x04,
    0x41, 0x8B, 0x57, 0x08, 0x41, 0x8B, 0x5F, 0x0C
};
static const uint8_t epilogue[] = {
    0x41, 0x89, 0x07, 0x41, 0x89, 0x4F, 0x04, 0x41, 0x89, 0x57, 0x08, 0x41, 0x89, 0x5F, 0x0C, 0x9C, 0x41, 0x8F, 0x47, 0x20,
    0x41, 0x5F, 0x5D, 0x5B, 0xC3
};

static void assemble(const uint8_t *bytes, unsigned n)
{
    memcpy(stub, prologue, sizeof prologue);
    memcpy(stub + sizeof prologue, bytes, n);
    memcpy(stub + sizeof prologue + n, epilogue, sizeof epilogue);
}

/* False: the processor raised #DE. The flags go in with bit 1 and IF as every user program has them. */
static bool run_native(struct state *s)
{
    void (*fn)(struct state *);
    memcpy(&fn, &stub, sizeof fn);
    s->flags |= 0x202;
    s->pad = 0;
    if (sigsetjmp(escape, 1)) return false;
    fn(s);
    s->flags &= FLAGS_ARITH;
    return true;
}

static bool run_ours(const uint8_t *bytes, unsigned n, struct state *s)
{
    struct cpu *c = &world.cpu;
    (void)bytes;
    memcpy(c->reg, s->reg, 4 * sizeof c->reg[0]);
    c->eip = FAKE_CODE;
    cpu_set_flags(c, s->flags);
    enum step r = cpu_execute_one(c, NULL);
    if (r == STEP_FAULT) {
        assert_int_equal(c->fault.vector, VEC_DE);
        assert_int_equal(c->eip, FAKE_CODE);
        return false;
    }
    assert_int_equal(c->eip, FAKE_CODE + n);
    memcpy(s->reg, c->reg, 4 * sizeof c->reg[0]);
    s->flags = cpu_flags(c) & FLAGS_ARITH;
    return true;
}

/* Flags that are undefined for this count; *skip: the result is undefined, too. */
static uint32_t undefined_for(const struct row *r, uint32_t ecx, bool *skip)
{
    unsigned count = ecx & 31, bits = 8u * r->size;
    uint32_t mask = r->undefined;
    *skip = false;
    if (r->kind == SHIFT && count) mask |= AF | (count > 1 ? (uint32_t)OF : 0) | (count >= bits ? (uint32_t)CF : 0);
    if (r->kind == ROTATE && count != 1) mask |= OF;
    if (r->kind == DOUBLE && count) {
        mask |= AF | (count > 1 ? (uint32_t)OF : 0);
        *skip = count > bits;
    }
    return mask;
}

static void compare(const struct row *r, const uint8_t *bytes, const struct state *in)
{
    struct state native = *in, ours = *in;
    bool skip;
    uint32_t mask = ~undefined_for(r, in->reg[ECX], &skip);
    if (skip) return;
    bool a = run_native(&native), b = run_ours(bytes, r->len, &ours);
    if (a != b || (a && (memcmp(native.reg, ours.reg, 4 * sizeof ours.reg[0]) || ((native.flags ^ ours.flags) & mask))))
        fail_msg("%s: eax %08x ecx %08x edx %08x flags %03x: native %d %08x %08x %08x %03x, ours %d %08x %08x %08x %03x",
                 r->name, in->reg[EAX], in->reg[ECX], in->reg[EDX], in->flags, a, native.reg[EAX], native.reg[ECX],
                 native.reg[EDX], native.flags & mask, b, ours.reg[EAX], ours.reg[ECX], ours.reg[EDX], ours.flags & mask);
}

static void compare_values(const struct row *r, const uint8_t *bytes)
{
    static const uint32_t flags[] = { 0, FLAGS_ARITH, FLAG_CF | FLAG_PF, FLAG_ZF | FLAG_SF, FLAG_OF | FLAG_AF, FLAG_SF | FLAG_OF };
    unsigned n = 0;
    for (unsigned a = 0; a < VALUES; a++)
        for (unsigned b = 0; b < VALUES; b++, n++) {
            struct state in = { .reg = { awkward[a], awkward[b], awkward[(a * 5 + b) % VALUES], awkward[(a + b) % VALUES] },
                                .flags = flags[n % 6] };
            compare(r, bytes, &in);
            if (b % 8 == 0) { /* a dividend that the divisor often fits */
                in.reg[EDX] = (uint32_t)((int32_t)in.reg[EAX] >> 31);
                in.flags = flags[(n + 1) % 6];
                compare(r, bytes, &in);
            }
        }
}

static void same_results_as_this_processor(void **unused)
{
    (void)unused;
    if (!stub) skip();
    struct sigaction sa = { .sa_handler = division_error }, old; /* cmocka has set its own for each test */
    sigaction(SIGFPE, &sa, &old);
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        const struct row *r = &rows[k];
        uint8_t bytes[6];
        memcpy(bytes, r->bytes, sizeof bytes);
        for (unsigned v = 0; v < (r->kind == IMM ? 3u : 1u); v++) {
            static const uint32_t imm[3] = { 0, 0, 0x80000001u };
            if (v) memcpy(bytes + r->len - r->size, &imm[v], r->size);
            fake_put(&world, FAKE_CODE, bytes, r->len);
            assemble(bytes, r->len);
            compare_values(r, bytes);
        }
    }
    sigaction(SIGFPE, &old, NULL);
}

static int setup(void **unused)
{
    (void)unused;
    fake_init(&world, false);
#ifdef __x86_64__
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stub = page == MAP_FAILED ? NULL : page;
#endif
    return 0;
}

static int teardown(void **unused)
{
    (void)unused;
    if (stub) munmap(stub, 4096);
    fake_done(&world);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(same_results_as_this_processor) };
    return cmocka_run_group_tests(tests, setup, teardown);
}
