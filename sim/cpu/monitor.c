/* See monitor.h. Both want ring 0, and say so with #UD; hypervisors may see both (exit reasons 39, 36). */
#include "sim/cpu/monitor.h"

#include "sim/cpu/exec.h"
#include "sim/cpu/operand.h"
#include "sim/cpu/segment.h"

enum { ARMED = 1 /* exit qualification of MWAIT */ };

bool monitor_there(const struct cpu *c) { return c->model->vmx || (c->model->extras & EXTRA_MONITOR); }

static bool line_is_the_same(const struct cpu *c)
{
    uint8_t now[MONITOR_LINE];
    return bus_peek(c->env.bus, c->monitor.at, now, sizeof now) && !memcmp(now, c->monitor.line, sizeof now);
}

static enum step absent(struct cpu *c)
{
    return !monitor_there(c) || c->cpl ? cpu_raise(c, VEC_UD) : STEP_OK;
}

/* A load of a byte as far as segments and pages are concerned. */
enum step exec_monitor(struct cpu *c, const struct insn *i)
{
    uint32_t offset = c->reg[EAX] & (i->flags & INSN_ADDR16 ? 0xFFFFu : UINT32_MAX), byte;
    struct xlat x;
    if (absent(c) != STEP_OK) return STEP_FAULT;
    if (c->vmx.nonroot && vmx_leaves(c, i, VMX_MONITOR, 0)) return STEP_JUMP;
    if (c->reg[ECX]) return cpu_raise_code(c, VEC_GP, 0);
    if (mem_read(c, i->seg, offset, 1, &byte) != STEP_OK) return STEP_FAULT;
    if (!c->env.translate(c->env.mmu, gva(c->seg[i->seg].base + offset), ACCESS_READ, &x, &c->fault)) return STEP_FAULT;
    c->monitor.at = hpa(x.at.v & ~(uint32_t)(MONITOR_LINE - 1));
    c->monitor.armed = !x.absent && bus_peek(c->env.bus, c->monitor.at, c->monitor.line, MONITOR_LINE);
    return STEP_OK;
}

/* Nobody armed, or the line has changed since: it goes on at once. */
enum step exec_mwait(struct cpu *c, const struct insn *i)
{
    if (absent(c) != STEP_OK) return STEP_FAULT;
    if (c->vmx.nonroot && vmx_leaves(c, i, VMX_MWAIT, c->monitor.armed ? ARMED : 0)) return STEP_JUMP;
    if (c->reg[ECX]) return cpu_raise_code(c, VEC_GP, 0);
    bool sleeps = c->monitor.armed && line_is_the_same(c);
    c->monitor.armed = false;
    if (!sleeps) return STEP_OK;
    c->halted = c->monitor.waits = true;
    if (c->trace) trace_emit(c->trace, &(struct event){ .kind = EV_HALT, .cause = c->cause, .eip = insn_eip(c, i) });
    return STEP_HALT;
}

bool monitor_wakes(struct cpu *c)
{
    if (!monitor_sleeps(c) || line_is_the_same(c)) return false;
    c->halted = c->monitor.waits = false;
    return true;
}
