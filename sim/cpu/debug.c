/* See debug.h. SDM vol. 3B ch. 17; vol. 2, MOV (debug registers). */
#include "sim/cpu/debug.h"

#include "sim/cpu/exec.h"
#include "sim/cpu/operand.h"
#include "sim/cpu/segment.h"

/* DR7.R/Wn */
enum { ON_EXEC, ON_WRITE, ON_PORT /* with CR4.DE; else undefined: never */, ON_ACCESS };
enum { BREAKPOINTS = 4 };

/*   31 30 29 28 ... 19 18 17 16 15 14 13 12 11 10  9  8  7  6 ... 1  0
 *  | LEN3| R/W3|...| LEN0| R/W0| 0  0| GD|0  0| 1| GE|LE|G3|L3|...|G0|L0|   DR7 */
static unsigned kind_of(const struct cpu *c, unsigned n) { return c->dr[7] >> (16 + 4 * n) & 3; }
static bool is_enabled(const struct cpu *c, unsigned n) { return c->dr[7] >> 2 * n & 3; }

static uint32_t length_of(const struct cpu *c, unsigned n)
{
    static const uint8_t length[] = { 1, 2, 8, 4 };
    return length[c->dr[7] >> (18 + 4 * n) & 3];
}

static uint32_t start_of(const struct cpu *c, unsigned n) { return c->dr[n] & ~(length_of(c, n) - 1); }

void debug_untag(struct cpu *c)
{
    for (unsigned s = 0; s < TLB_DATA_SETS; s++) tlb_order(&c->dtlb, c->dtlb.e[s]);
    for (uint32_t n = 0; n < TLB_OPEN; n++) tlb_shut(&c->dtlb, n << PAGE_SHIFT);
    for (unsigned s = 0; s < TLB_DATA_SETS; s++)
        for (unsigned w = 0; w < TLB_WAYS; w++)
            for (unsigned k = 0; k < 4; k++) c->dtlb.e[s][w].tag[k] = TLB_NO_TAG;
    lines_drop_all(&c->lines);
}

void debug_changed(struct cpu *c)
{
    memset(c->watch, 0, sizeof c->watch);
    for (unsigned n = 0; n < BREAKPOINTS; n++)
        if (is_enabled(c, n)) c->watch[kind_of(c, n)] = true;
    if (c->vmx.nonroot) c->watch[ON_PORT] = true; /* the fast forms do not ask whether a port leaves */
    if (c->watch[ON_WRITE] || c->watch[ON_ACCESS]) debug_untag(c);
    c->break_at = 0;
}

void debug_set(struct cpu *c, unsigned n, uint32_t v)
{
    if (n == 6) v = (v & DR6_WRITABLE) | DR6_FIXED;
    if (n == 7) v = (v & ~(uint32_t)DR7_ZERO) | DR7_FIXED;
    c->dr[n] = v;
    if (n != 6) debug_changed(c);
}

/* DR6 bits of the breakpoints of these kinds (a bit set) that meet bytes first .. first+size-1, if one of them is
 * enabled. Differences are modulo 2^32, as addresses are. */
static uint32_t matching(const struct cpu *c, unsigned kinds, uint32_t first, uint32_t size)
{
    uint32_t bits = 0;
    bool stops = false;
    for (unsigned n = 0; n < BREAKPOINTS; n++) {
        uint32_t start = start_of(c, n);
        if (!(kinds >> kind_of(c, n) & 1) || (start - first >= size && first - start >= length_of(c, n))) continue;
        bits |= 1u << n;
        stops |= is_enabled(c, n);
    }
    return stops ? bits : 0;
}

uint32_t debug_exec(const struct cpu *c, uint32_t lin)
{
    return c->watch[ON_EXEC] && c->insns != c->hold && !(cpu_flags(c) & FLAG_RF) ? matching(c, 1 << ON_EXEC, lin, 1) : 0;
}

static void hit(struct cpu *c, uint32_t bits)
{
    if (!bits) return;
    c->hits = (uint16_t)(c->hits | bits);
    c->break_at = 0;
}

void debug_data(struct cpu *c, uint32_t lin, unsigned size, bool write)
{
    if (c->watch[ON_WRITE] | c->watch[ON_ACCESS])
        hit(c, matching(c, 1u << ON_ACCESS | (write ? 1u << ON_WRITE : 0u), lin, size));
}

void debug_port(struct cpu *c, uint32_t port, unsigned size)
{
    if (c->watch[ON_PORT] && (c->cr4 & CR4_DE)) hit(c, matching(c, 1 << ON_PORT, port, size));
}

static bool is_watched(const struct cpu *c, uint32_t page)
{
    for (unsigned n = 0; n < BREAKPOINTS; n++)
        if (is_enabled(c, n) && (kind_of(c, n) & 1) && (start_of(c, n) & PAGE_MASK) == page) return true;
    return false;
}

void debug_guard(struct cpu *c, uint32_t lin)
{
    bool all = (c->watch[ON_WRITE] | c->watch[ON_ACCESS]) && is_watched(c, lin & PAGE_MASK);
    struct tlb_entry *e = tlb_data0(&c->dtlb, lin);
    if (!all && !debug_aligned(c)) return;
    tlb_shut(&c->dtlb, lin);
    for (unsigned w = 0; w < TLB_WAYS; w++)
        for (unsigned k = 0; k < 4; k++)
            if ((all || k & ACCESS_USER) && e[w].tag[k] == (lin & PAGE_MASK)) e[w].tag[k] = TLB_NO_TAG;
}

/* Of the conditions seen the last exception's are kept, of BD, BS and BT all until software clears them; as on processors
 * that the manual leaves the choice. */
void debug_raised(struct cpu *c, uint32_t bits)
{
    if (bits) c->dr[6] = (c->dr[6] & ~(uint32_t)DR6_BREAKPOINTS) | bits;
    c->dr[7] &= ~(uint32_t)DR7_GD;
    c->msr[MSR_DEBUGCTL] &= ~(uint64_t)DEBUGCTL_BTF;
}

bool debug_steps(const struct cpu *c, const struct insn *i, enum step s)
{
    static const bool branches[MN_COUNT] = {
        [MN_JMP] = true, [MN_JCC] = true, [MN_JCXZ] = true, [MN_JECXZ] = true, [MN_LOOP] = true, [MN_LOOPE] = true,
        [MN_LOOPNE] = true, [MN_CALL] = true, [MN_RET] = true, [MN_JMP_FAR] = true, [MN_CALL_FAR] = true,
        [MN_RET_FAR] = true, [MN_IRET] = true, [MN_SYSENTER] = true, [MN_SYSEXIT] = true
    };
    return !(c->msr[MSR_DEBUGCTL] & DEBUGCTL_BTF) || (branches[i->id] && s == STEP_JUMP);
}

void debug_task(struct cpu *c, bool trap)
{
    debug_set(c, 7, c->dr[7] & ~(uint32_t)DR7_LOCAL);
    if (trap) hit(c, DR6_BT);
}

/* ---- MOV to and from debug registers ---- */

/* DR4 and DR5 are other names of DR6 and DR7, unless CR4.DE makes them undefined. */
static bool no_dr(struct cpu *c, const struct insn *i, unsigned *n)
{
    bool alias = i->sub == 4 || i->sub == 5;
    *n = alias ? i->sub + 2u : i->sub;
    if (i->sub > 7 || (alias && (c->cr4 & CR4_DE))) return cpu_raise(c, VEC_UD), true;
    if (c->cpl) return cpu_raise_code(c, VEC_GP, 0), true;
    return false;
}

/* With DR7.GD every access is a #DB. */
static bool guarded(struct cpu *c)
{
    if (!(c->dr[7] & DR7_GD)) return false;
    c->fault = (struct fault){ .vector = VEC_DB, .addr = DR6_BD };
    return true;
}

enum step exec_mov_from_dr(struct cpu *c, const struct insn *i)
{
    unsigned n;
    if (no_dr(c, i, &n)) return STEP_FAULT;
    if (c->vmx.nonroot && vmx_leaves_dr(c, i, false)) return STEP_JUMP;
    if (guarded(c)) return STEP_FAULT;
    c->reg[i->rm] = c->dr[n];
    return STEP_OK;
}

enum step exec_mov_to_dr(struct cpu *c, const struct insn *i)
{
    unsigned n;
    if (no_dr(c, i, &n)) return STEP_FAULT;
    if (c->vmx.nonroot && vmx_leaves_dr(c, i, true)) return STEP_JUMP;
    if (guarded(c)) return STEP_FAULT;
    debug_set(c, n, c->reg[i->rm]);
    c->eip = insn_next(c, i);
    return STEP_JUMP;
}
