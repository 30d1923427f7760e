/* See cpu_case.h. */
#include "tests/support/cpu_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

unsigned cpu_case_bytes(const char *hex, uint8_t bytes[64])
{
    unsigned n = 0, nibbles = 0;
    for (; *hex; hex++) {
        if (*hex == ' ') continue;
        unsigned v = *hex <= '9' ? (unsigned)(*hex - '0') : (unsigned)((*hex | 32) - 'a' + 10);
        bytes[n] = (uint8_t)(nibbles & 1 ? (unsigned)bytes[n] << 4 | v : v);
        n += nibbles++ & 1;
    }
    return n;
}

enum { SEEN_FLAGS = FLAGS_ARITH | FLAG_DF };

static void prepare(struct fake *f, const struct cpu_case *k)
{
    struct cpu *c = &f->cpu;
    for (unsigned r = 0; r < 8; r++)
        if (r != ESP) c->reg[r] = 0x01010101u * (r + 1);
    for (const struct cpu_value *v = k->before; v->what; v++) {
        switch (v->what) {
        case WHAT_REG: c->reg[v->at] = v->value; break;
        case WHAT_FLAGS: cpu_set_flags(c, v->value); break;
        case WHAT_MEM: fake_put32(f, v->at, v->value); break;
        case WHAT_PAGE: fake_page(f, v->at, v->value); break;
        case WHAT_LIMIT: c->seg[v->at].limit = v->value; cpu_seg_limits(&c->seg[v->at]); break;
        case WHAT_B16: c->seg[v->at].ar &= (uint16_t)~AR_DB; break;
        case WHAT_CR0: c->cr0 |= v->value; f->cr0 = c->cr0; break;
        case WHAT_CPL: cpu_set_cpl(c, (uint8_t)v->value); break;
        default: fail_msg("%s: bad `before`", k->name);
        }
    }
}

static const struct cpu_value *expected(const struct cpu_case *k, enum cpu_what what, uint32_t at)
{
    for (const struct cpu_value *v = k->after; v->what; v++)
        if (v->what == what && v->at == at) return v;
    return NULL;
}

static const struct cpu_value *find(const struct cpu_case *k, enum cpu_what what)
{
    for (const struct cpu_value *v = k->after; v->what; v++)
        if (v->what == what) return v;
    return NULL;
}

static void verify(const struct fake *f, const struct cpu_case *k, const struct cpu *before, unsigned len, const char *how)
{
    const struct cpu *c = &f->cpu;
    static const char *const names[] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi" };
    for (unsigned r = 0; r < 8; r++) {
        const struct cpu_value *v = expected(k, WHAT_REG, r);
        uint32_t want = v ? v->value : before->reg[r];
        if (c->reg[r] != want) fail_msg("%s (%s): %s is %08x, not %08x", k->name, how, names[r], c->reg[r], want);
    }
    const struct cpu_value *v = expected(k, WHAT_FLAGS, 0);
    uint32_t want = v ? v->value : cpu_flags(before) & SEEN_FLAGS;
    if ((cpu_flags(c) & SEEN_FLAGS) != want)
        fail_msg("%s (%s): flags are %03x, not %03x", k->name, how, cpu_flags(c) & SEEN_FLAGS, want);
    for (v = k->after; v->what; v++)
        if (v->what == WHAT_MEM && fake_get32(f, v->at) != v->value)
            fail_msg("%s (%s): [%x] is %08x, not %08x", k->name, how, v->at, fake_get32(f, v->at), v->value);
    v = expected(k, WHAT_EIP, 0);
    want = v ? v->value : find(k, WHAT_FAULT) ? FAKE_CODE : FAKE_CODE + len;
    if (c->eip != want) fail_msg("%s (%s): eip is %08x, not %08x", k->name, how, c->eip, want);
    assert_int_equal(c->reg[8], 0);
}

static void verify_fault(const struct fake *f, const struct cpu_case *k, enum step s)
{
    const struct fault *x = &f->cpu.fault;
    const struct cpu_value *v = find(k, WHAT_FAULT), *address = find(k, WHAT_ADDRESS);
    if ((s == STEP_FAULT) != !!v) fail_msg("%s: %s", k->name, v ? "did not fault" : "faulted");
    if (!v) return;
    bool same = x->vector == v->at && x->has_code == (v->value != NO_CODE) && (!x->has_code || x->code == v->value);
    if (!same || x->addr != (address ? address->value : 0))
        fail_msg("%s: vector %u code %x address %x", k->name, x->vector, x->code, x->addr);
}

/* A repeated string instruction takes one call per iteration. */
static enum step execute(struct cpu *c)
{
    uint64_t insns = c->insns;
    enum step s;
    do s = cpu_execute_one(c, NULL);
    while (s == STEP_JUMP && c->insns == insns);
    return s;
}

void cpu_case_run(const struct cpu_case *k)
{
    static struct fake f;
    static struct cpu before;
    uint8_t bytes[64];
    unsigned len = cpu_case_bytes(k->bytes, bytes);
    for (unsigned blocks = 0; blocks < 2; blocks++) {
        if (blocks && find(k, WHAT_FAULT)) break; /* what comes of a fault is another room's test */
        fake_init(&f, blocks);
        fake_put(&f, FAKE_CODE, bytes, len);
        prepare(&f, k);
        before = f.cpu;
        if (blocks) assert_int_equal(cpu_run(&f.cpu, 1), CPU_BUDGET);
        else verify_fault(&f, k, execute(&f.cpu));
        verify(&f, k, &before, len, blocks ? "in a block" : "alone");
        fake_done(&f);
    }
}

void cpu_cases_run(const struct cpu_case *c, size_t n)
{
    for (size_t k = 0; k < n; k++) cpu_case_run(&c[k]);
}
