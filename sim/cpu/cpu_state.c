/* See cpu_state.h. */
#include "sim/cpu/cpu_state.h"

#include <stdio.h>
#include "sim/cpu/debug.h"

#define KEEP STATE_KEEP
#define UPTO STATE_UPTO
#define FLAG STATE_FLAG
#define SUB  STATE_SUB
#define NONE STATE_NONE

static const struct state_row seg_reg_rows[] = {
    KEEP(seg_reg, sel), KEEP(seg_reg, ar), KEEP(seg_reg, base), KEEP(seg_reg, limit), NONE(seg_reg, rd_end), NONE(seg_reg, wr_end), STATE_END,
};
static const struct state_table seg_reg_state = STATE_TABLE(seg_reg, seg_reg_rows);
static const struct state_row table_reg_rows[] = { KEEP(table_reg, base), KEEP(table_reg, limit), STATE_END };
static const struct state_table table_reg_state = STATE_TABLE(table_reg, table_reg_rows);
static const struct state_row fpu_reg_rows[] = { KEEP(fpu_reg, mantissa), KEEP(fpu_reg, sign_exp), STATE_END };
static const struct state_table fpu_reg_state = STATE_TABLE(fpu_reg, fpu_reg_rows);
static const struct state_row fpu_rows[] = {
    SUB(fpu, r, fpu_reg_state), KEEP(fpu, control), KEEP(fpu, status), KEEP(fpu, used), KEEP(fpu, op), KEEP(fpu, cs), KEEP(fpu, ds),
    KEEP(fpu, ip), KEEP(fpu, dp), STATE_END,
};
static const struct state_table fpu_state = STATE_TABLE(fpu, fpu_rows);
static const struct state_row monitor_rows[] = {
    FLAG(monitor, armed), FLAG(monitor, waits), KEEP(monitor, at), KEEP(monitor, line), STATE_END,
};
static const struct state_table monitor_state = STATE_TABLE(monitor, monitor_rows);

static const struct state_row cpu_rows[] = {
    KEEP(cpu, reg), KEEP(cpu, eip), KEEP(cpu, eflags), KEEP(cpu, res), KEEP(cpu, aux), UPTO(cpu, cpl, 3), FLAG(cpu, halted),
    FLAG(cpu, shutdown), UPTO(cpu, intr, INTR_PIN), FLAG(cpu, nmi), FLAG(cpu, nmi_blocked), NONE(cpu, hits), NONE(cpu, untraced),
    KEEP(cpu, trap), NONE(cpu, pause), KEEP(cpu, insns), KEEP(cpu, extra), KEEP(cpu, inhibit), KEEP(cpu, hold), KEEP(cpu, rf_at),
    NONE(cpu, delivered), NONE(cpu, break_at), NONE(cpu, free), SUB(cpu, seg, seg_reg_state), SUB(cpu, ldtr, seg_reg_state), SUB(cpu, tr, seg_reg_state),
    SUB(cpu, gdtr, table_reg_state), SUB(cpu, idtr, table_reg_state), KEEP(cpu, cr0), KEEP(cpu, cr2), KEEP(cpu, cr3), KEEP(cpu, cr4),
    KEEP(cpu, dr), NONE(cpu, watch), KEEP(cpu, msr), KEEP(cpu, perf_since), KEEP(cpu, tsc_base), KEEP(cpu, apic_base), SUB(cpu, fpu, fpu_state),
    FLAG(cpu, ignne), NONE(cpu, ferr), NONE(cpu, fault), NONE(cpu, refused), NONE(cpu, cause), NONE(cpu, account), NONE(cpu, guest_account),
    NONE(cpu, vmx), NONE(cpu, vmx_timer), NONE(cpu, dtlb), NONE(cpu, itlb), NONE(cpu, timed), NONE(cpu, lines), NONE(cpu, fetch),
    NONE(cpu, refs), NONE(cpu, site), NONE(cpu, predicts), NONE(cpu, predictor), NONE(cpu, env), NONE(cpu, clock), NONE(cpu, model),
    NONE(cpu, trace), NONE(cpu, observer), NONE(cpu, blocks), NONE(cpu, meter), NONE(cpu, hidden), NONE(cpu, recorder),
    SUB(cpu, monitor, monitor_state), NONE(cpu, points), NONE(cpu, limit), NONE(cpu, whole), NONE(cpu, missed), NONE(cpu, quick), STATE_END,
};
const struct state_table cpu_state = STATE_TABLE(cpu, cpu_rows);

static const struct timeq no_timers;

void cpu_save(const struct cpu *c, struct text *out) { state_save(&cpu_state, c, &no_timers, out); }

/* What an instruction could not have left: the handlers count on it. */
static bool sane(const struct cpu *c, struct state_reader *r)
{
    const uint32_t reserved = 0xFFC08028u; /* of EFLAGS: 31-22, 15, 5, 3 */
    const char *what = NULL;
    if (c->reg[8]) what = "the register that is always 0 is not";
    else if ((c->eflags & reserved) || !(c->eflags & FLAG_ONE)) what = "EFLAGS has reserved bits";
    else if ((c->cr0 & CR0_PG) && !(c->cr0 & CR0_PE)) what = "CR0 has paging without protection";
    else if ((c->eflags & FLAG_VM) && c->cpl != 3) what = "virtual-8086 mode has another ring than 3";
    else if (!(c->cr0 & CR0_PE) && c->cpl) what = "real mode has another ring than 0";
    if (what) snprintf(r->why, sizeof r->why, "cpu: %s", what);
    return !what;
}

bool cpu_load(struct cpu *c, struct state_reader *r)
{
    if (!state_load(&cpu_state, c, r) || !sane(c, r)) return false;
    for (unsigned n = 0; n < SEG_COUNT; n++) cpu_seg_limits(&c->seg[n]);
    cpu_seg_limits(&c->ldtr);
    cpu_seg_limits(&c->tr);
    uint32_t dr7 = c->dr[7];
    debug_set(c, 7, dr7);
    return true;
}
