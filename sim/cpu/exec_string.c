/* String instructions: MOVS STOS LODS SCAS CMPS, alone and repeated.
 *
 * Idea 1: one iteration is a whole little instruction: its registers change only after its accesses succeeded. A repeated
 * one is a loop over it, so a fault in the middle finds ESI, EDI and ECX exactly at the iteration that failed.
 * Idea 2: between iterations the loop looks at the time as the run loop does between instructions; if it is up, it leaves
 * with EIP still on the instruction (exec_again), and comes back after whatever was due.
 * Idea 3: no iteration of SCAS or CMPS needs flags, so processors write them once, at the end of the repetition: whoever is
 * called in the middle, by a fault, a trap or an interrupt, finds those of before (but ESI, EDI and ECX as they have become).
 *
 * SDM vol. 2 under REP ("restored to the state prior to the execution of the instruction") and each mnemonic; vol. 3A 6.6. Not modelled: fast-string moves of whole cache lines. */
#include "sim/cpu/exec.h"
#include "sim/cpu/operand.h"

enum step exec_again(struct cpu *c, const struct insn *i)
{
    c->eip = insn_eip(c, i);
    if (c->inhibit == c->insns) c->inhibit = UINT64_MAX;
    if (c->hold == c->insns) c->hold = UINT64_MAX;
    c->eflags |= FLAG_RF; /* an interrupt between two iterations pushes RF = 1. SDM 3B 17.3.1.1 */
    c->rf_at = c->insns;
    c->insns--; /* the run loop counts every STEP_JUMP as retired; this one is not */
    return STEP_JUMP;
}

/* Index and count registers have the width of the address. */
static unsigned width(const struct insn *i) { return i->flags & INSN_ADDR16 ? 2 : 4; }

static void advance(struct cpu *c, const struct insn *i, unsigned reg)
{
    uint32_t by = c->eflags & FLAG_DF ? 0u - i->size : i->size;
    reg_set(c, reg, width(i), c->reg[reg] + by);
}

static enum step read_source(struct cpu *c, const struct insn *i, uint32_t *v)
{
    return mem_read(c, i->seg, reg_get(c, ESI, width(i)), i->size, v);
}
/* The destination segment is ES whatever prefix there is. */
static enum step read_dest(struct cpu *c, const struct insn *i, uint32_t *v)
{
    return mem_read(c, SEG_ES, reg_get(c, EDI, width(i)), i->size, v);
}
static enum step write_dest(struct cpu *c, const struct insn *i, uint32_t v)
{
    return mem_write(c, SEG_ES, reg_get(c, EDI, width(i)), i->size, v);
}

static enum step movs_once(struct cpu *c, const struct insn *i)
{
    uint32_t v;
    enum step s = read_source(c, i, &v);
    if (s != STEP_OK || (s = write_dest(c, i, v)) != STEP_OK) return s;
    advance(c, i, ESI);
    advance(c, i, EDI);
    return STEP_OK;
}

static enum step stos_once(struct cpu *c, const struct insn *i)
{
    enum step s = write_dest(c, i, c->reg[EAX]);
    if (s == STEP_OK) advance(c, i, EDI);
    return s;
}

static enum step lods_once(struct cpu *c, const struct insn *i)
{
    uint32_t v;
    enum step s = read_source(c, i, &v);
    if (s != STEP_OK) return s;
    reg_set(c, EAX, i->size, v);
    advance(c, i, ESI);
    return STEP_OK;
}

static enum step scas_once(struct cpu *c, const struct insn *i)
{
    uint32_t a = reg_get(c, EAX, i->size), b;
    enum step s = read_dest(c, i, &b);
    if (s != STEP_OK) return s;
    flags_sub(c, a, b, a - b, i->size);
    advance(c, i, EDI);
    return STEP_OK;
}

static enum step cmps_once(struct cpu *c, const struct insn *i)
{
    uint32_t a, b;
    enum step s = read_source(c, i, &a);
    if (s != STEP_OK || (s = read_dest(c, i, &b)) != STEP_OK) return s;
    flags_sub(c, a, b, a - b, i->size);
    advance(c, i, ESI);
    advance(c, i, EDI);
    return STEP_OK;
}

/* Leaves a repetition before its end. */
static enum step flags_of_before(struct cpu *c, uint32_t res, uint32_t aux, enum step s)
{
    c->res = res;
    c->aux = aux;
    return s;
}

/* `compares`: REP means REPE, and REPNE exists. The first iteration's cost was charged before the handler was called. */
ALWAYS_INLINE enum step repeat(struct cpu *c, const struct insn *i, exec_fn *once, unsigned refs, bool compares)
{
    if (!(i->flags & (INSN_REP | INSN_REPNE))) return once(c, i);
    uint32_t res = c->res, aux = c->aux;
    while (reg_get(c, ECX, width(i))) {
        enum step s = once(c, i);
        if (s != STEP_OK) return flags_of_before(c, res, aux, s);
        c->refs += refs;
        reg_set(c, ECX, width(i), c->reg[ECX] - 1);
        if (!reg_get(c, ECX, width(i)) || (compares && flag_zf(c) == !!(i->flags & INSN_REPNE))) break;
        if (exec_interrupted(c)) return flags_of_before(c, res, aux, exec_again(c, i));
        c->clock->now += i->cost;
    }
    return STEP_OK;
}

enum step exec_movs(struct cpu *c, const struct insn *i) { return repeat(c, i, movs_once, 2, false); }
enum step exec_stos(struct cpu *c, const struct insn *i) { return repeat(c, i, stos_once, 1, false); }
enum step exec_lods(struct cpu *c, const struct insn *i) { return repeat(c, i, lods_once, 1, false); }
enum step exec_scas(struct cpu *c, const struct insn *i) { return repeat(c, i, scas_once, 1, true); }
enum step exec_cmps(struct cpu *c, const struct insn *i) { return repeat(c, i, cmps_once, 2, true); }
