/* See boundary.h.
 *
 * Idea: everything that is not an instruction happens here, in the order of boundary_pass.
 * SDM vol. 3A 6.9 (priorities), 6.8.3 and vol. 2 STI (interrupt shadow), 6.7 (NMI). Not modelled: SMI.
 * TOUR cpu.2: boundary_pass is what a CPU does between two instructions. */
#include "sim/cpu/boundary.h"
#include "sim/cpu/debug.h"
#include "sim/cpu/exec.h"
#include "sim/cpu/monitor.h"
#include "sim/trace/cause.h"

void cpu_intr(struct cpu *c, bool level)
{
    c->intr = (uint8_t)((c->intr & INTR_WINDOW) | (level ? INTR_PIN : 0));
    if (level) c->break_at = 0;
}

void cpu_nmi(struct cpu *c)
{
    c->nmi = true;
    c->break_at = 0;
}

void boundary_count(struct cpu *c)
{
    const uint64_t insn = c->model->cost[COST_BASIC];
    c->insns++;
    c->extra++;
    if (c->clock->now == c->delivered && !c->shutdown) clock_charge(c->clock, CAUSE_DELIVER, insn ? insn : 1);
    c->delivered = c->clock->now;
    c->break_at = 0;
}

bool cpu_due(const struct cpu *c)
{
    return !c->break_at || (c->env.timers && timeq_next(c->env.timers) <= c->clock->now);
}

uint64_t cpu_deadline(const struct cpu *c, uint64_t limit)
{
    uint64_t next = c->env.timers ? timeq_next(c->env.timers) : UINT64_MAX, now = c->clock->now, left = limit - c->insns;
    return next > now && left < next - now ? now + left : next;
}

static void run_timers(struct cpu *c, uint64_t limit)
{
    struct timeq *q = c->env.timers;
    if (q && timeq_next(q) <= c->clock->now) timeq_run(q);
    c->break_at = cpu_deadline(c, limit);
}

static void debug_trap(struct cpu *c)
{
    uint32_t bits = c->trap;
    c->trap = 0;
    c->halted = false;
    cpu_deliver_fault(c, (struct fault){ .vector = VEC_DB, .addr = bits });
    boundary_count(c);
}

static void take_nmi(struct cpu *c)
{
    c->halted = c->nmi = false;
    c->nmi_blocked = true;
    if (cpu_deliver(c, VEC_NMI, DELIVER_EXTERNAL, false, 0) == STEP_FAULT) cpu_deliver_fault(c, c->fault);
    boundary_count(c);
}

/* Only now, with the INTA cycles, does the controller say which interrupt it is. */
uint8_t cpu_acknowledge(struct cpu *c)
{
    clock_charge(c->clock, CAUSE_DELIVER, c->model->cost[COST_IRQ]);
    return c->env.acknowledge(c->env.irq);
}

static void take_interrupt(struct cpu *c)
{
    c->halted = false;
    uint8_t vector = cpu_acknowledge(c);
    if (cpu_deliver(c, vector, DELIVER_EXTERNAL, false, 0) == STEP_FAULT) cpu_deliver_fault(c, c->fault);
    boundary_count(c);
}

bool boundary_pass(struct cpu *c, uint64_t limit, enum cpu_stop *why)
{
    for (;;) {
        if (c->shutdown) return *why = CPU_SHUTDOWN, false;
        if (c->insns >= limit) return *why = CPU_BUDGET, false;
        if (!c->pause) run_timers(c, limit);
        if (c->pause) {
            c->pause = false;
            return *why = CPU_PAUSE, false;
        }
        if (c->vmx.nonroot && vmx_due_first(c)) {
            boundary_count(c);
            continue;
        }
        if (debug_due(c)) {
            debug_trap(c);
            continue;
        }
        if (c->vmx.nonroot && vmx_due(c)) {
            boundary_count(c);
            continue;
        }
        if (c->vmx.activity) return *why = CPU_HALTED, false;
        if (c->trap) c->break_at = 0;
        if (c->nmi && !c->nmi_blocked) {
            if (c->insns != c->inhibit) {
                take_nmi(c);
                continue;
            }
            c->break_at = 0;
        }
        if (c->intr && c->eflags & FLAG_IF) {
            if (c->insns != c->inhibit) {
                take_interrupt(c);
                continue;
            }
            c->break_at = 0; /* look again behind the next instruction */
        }
        if (c->halted && !monitor_wakes(c)) return *why = CPU_HALTED, false;
        return true;
    }
}
