/* See v86.h. SDM vol. 3B 20.2 (the mode), 20.3 (interrupts, the redirection bitmap), 20.4 (PVI). */
#include "sim/cpu/v86.h"

#include "sim/cpu/gate.h"

enum v86_flag v86_if_flag(const struct cpu *c)
{
    if (c->cpl <= cpu_iopl(c)) return V86_IF;
    bool virtual_if = cpu_v86(c) ? c->cr4 & CR4_VME : (c->cr4 & CR4_PVI) && c->cpl == 3;
    return virtual_if ? V86_VIF : V86_REFUSED;
}

uint32_t v86_flags(const struct cpu *c)
{
    uint32_t flags = (cpu_flags(c) & ~(uint32_t)FLAG_IF) | FLAG_IOPL;
    return c->eflags & FLAG_VIF ? flags | FLAG_IF : flags;
}

enum step v86_set_flags(struct cpu *c, uint32_t image)
{
    const uint32_t may = FLAGS_ARITH | FLAG_DF | FLAG_NT | FLAG_TF;
    if ((image & FLAG_TF) || ((image & FLAG_IF) && (c->eflags & FLAG_VIP))) return cpu_raise_code(c, VEC_GP, 0);
    uint32_t keep = cpu_flags(c) & ~(may | FLAG_VIF | FLAG_RF);
    cpu_set_flags(c, keep | (image & may) | (image & FLAG_IF ? FLAG_VIF : 0u));
    return STEP_OK;
}

bool v86_pending(const struct cpu *c)
{
    bool both = (c->eflags & FLAG_VIF) && (c->eflags & FLAG_VIP);
    return both && c->cpl == 3 && (c->cr4 & (cpu_v86(c) ? CR4_VME : CR4_PVI));
}

enum step v86_arrive(struct cpu *c)
{
    if (v86_pending(c)) {
        c->untraced = true;
        cpu_deliver_fault(c, (struct fault){ .vector = VEC_GP, .has_code = true });
    }
    return STEP_JUMP;
}

/* ---- INT n ---- */

/* The redirection bitmap is the 32 bytes below the I/O permission bitmap. SDM 3B 20.3.3, fig. 20-5. */
static enum step redirected(struct cpu *c, uint8_t vector, bool *yes)
{
    enum { TSS_MAP_BASE = 0x66, TSS32_MIN = 0x67, BITMAP = 32 };
    uint32_t map, bits;
    if ((ar_system(c->tr.ar) & ~2u) != SYS_TSS32 || c->tr.limit < TSS32_MIN) return cpu_raise_code(c, VEC_GP, 0);
    if (lin_read(c, gva(c->tr.base + TSS_MAP_BASE), 2, false, &map) != STEP_OK) return STEP_FAULT;
    if (map < BITMAP || map - BITMAP + vector / 8u > c->tr.limit) return cpu_raise_code(c, VEC_GP, 0);
    if (lin_read(c, gva(c->tr.base + map - BITMAP + vector / 8u), 1, false, &bits) != STEP_OK) return STEP_FAULT;
    *yes = !(bits >> vector % 8 & 1);
    return STEP_OK;
}

enum step v86_int(struct cpu *c, uint8_t vector, uint32_t at, uint32_t back)
{
    bool yes = false, real_if = cpu_iopl(c) == 3;
    if ((c->cr4 & CR4_VME) && redirected(c, vector, &yes) != STEP_OK) return STEP_FAULT;
    if (!yes) return real_if ? STEP_OK : cpu_raise_code(c, VEC_GP, 0);
    uint32_t cleared = FLAG_TF | FLAG_RF | (real_if ? FLAG_IF : FLAG_VIF);
    return gate_redirected(c, vector, at, back, real_if ? cpu_flags(c) : v86_flags(c), cleared);
}

/* ---- IRET ---- */

bool v86_may_return(const struct cpu *c, unsigned size)
{
    enum v86_flag flag = v86_if_flag(c);
    return flag == V86_IF || (flag == V86_VIF && size == 2);
}

enum step v86_return(struct cpu *c, const uint32_t word[3], unsigned size)
{
    enum v86_flag flag = v86_if_flag(c);
    if (!seg_fits(&c->seg[SEG_CS], size == 2 ? word[0] & 0xFFFF : word[0], 1)) return cpu_raise_code(c, VEC_GP, 0);
    if (flag == V86_VIF && v86_set_flags(c, word[2]) != STEP_OK) return STEP_FAULT;
    c->cause = 0;
    if (flag == V86_IF) gate_return_flags(c, word[2], size, c->cpl, cpu_iopl(c));
    return gate_return_8086(c, word, size);
}

/* The frame goes on with ESP, SS, ES, DS, FS, GS; all of EFLAGS is taken from it. The manual promises #GP for an EIP over
 * FFFF; processors have been seen to take its lower half. */
enum step v86_resume(struct cpu *c, const uint32_t word[3], uint32_t at)
{
    static const uint8_t order[] = { SEG_SS, SEG_ES, SEG_DS, SEG_FS, SEG_GS };
    uint32_t esp, sel[sizeof order];
    if (stack_peek(c, 12, 4, &esp) != STEP_OK) return STEP_FAULT;
    for (unsigned n = 0; n < sizeof order; n++)
        if (stack_peek(c, 16 + 4 * n, 4, &sel[n]) != STEP_OK) return STEP_FAULT;
    clock_charge(c->clock, CAUSE_DELIVER, c->model->cost[COST_IRET]);
    ring_trace(c, at, &(struct event){ .kind = EV_RETURN, .cause = c->cause,
        .u.RETURN = { .from = c->cpl, .to = 3, .target = word[0] & 0xFFFF } });
    c->cause = 0;
    cpu_set_flags(c, word[2]);
    c->rf_at = c->insns + 1;
    cpu_set_cpl(c, 3);
    seg_load_v86(&c->seg[SEG_CS], (uint16_t)word[1]);
    for (unsigned n = 0; n < sizeof order; n++) seg_load_v86(&c->seg[order[n]], (uint16_t)sel[n]);
    c->reg[ESP] = esp;
    c->eip = word[0] & 0xFFFF;
    return v86_arrive(c);
}

/* ---- the way out ---- */

static const uint8_t data[] = { SEG_GS, SEG_FS, SEG_DS, SEG_ES };

bool v86_push_segments(const struct cpu *c, unsigned size, struct stack *s, struct stores *p)
{
    bool room = true;
    for (unsigned n = 0; room && n < sizeof data; n++) room = stack_put(s, p, size, c->seg[data[n]].sel);
    return room;
}

void v86_drop_segments(struct cpu *c)
{
    for (unsigned n = 0; n < sizeof data; n++) seg_load_null(&c->seg[data[n]], 0);
}
