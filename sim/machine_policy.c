/* A policy's way into the machine: see machine.h and sim/vmm/policy.h. */
#include "sim/board.h"
#include "sim/vmm/policy.h"

#include <string.h>

static struct vcpu *now(struct machine *m) { return &m->b->vmm.now->vcpu; }

bool machine_policy(struct machine *m, const struct policy *p, struct err *e)
{
    if (strcmp(m->cfg.cpu, "te")) return err_set(e, EXIT_USAGE, "handlers answer what traps: that is --cpu te, not %s", m->cfg.cpu);
    m->b->vmm.policy = p;
    return true;
}

uint32_t machine_policy_reg(struct machine *m, unsigned reg)
{
    struct vcpu *v = now(m);
    policy_charge(v, POLICY_CALL_REGISTER);
    return reg < 8 ? v->virt.reg[reg] : reg == 8 ? v->virt.eip : v->virt.eflags;
}

void machine_policy_set_reg(struct machine *m, unsigned reg, uint32_t value)
{
    struct vcpu *v = now(m);
    policy_charge(v, POLICY_CALL_REGISTER);
    if (reg < 8) v->virt.reg[reg] = value;
}

uint8_t machine_policy_ring(struct machine *m)
{
    policy_charge(now(m), POLICY_CALL_REGISTER);
    return now(m)->virt.cpl;
}

void machine_policy_skip(struct machine *m, const struct policy_trap *t) { policy_skip(now(m), t); }
void machine_policy_set_if(struct machine *m, bool on) { policy_set_if(now(m), on); }
uint32_t machine_policy_cr(struct machine *m, unsigned n) { return policy_cr(now(m), n); }
bool machine_policy_set_cr(struct machine *m, unsigned n, uint32_t value) { return policy_set_cr(now(m), n, value); }
uint32_t machine_policy_in(struct machine *m, uint16_t port, unsigned size) { return policy_in(now(m), port, size); }
void machine_policy_out(struct machine *m, uint16_t port, unsigned size, uint32_t value) { policy_out(now(m), port, size, value); }
void machine_policy_halt(struct machine *m) { policy_halt(now(m)); }

void machine_policy_inject(struct machine *m, uint8_t vector, bool has_code, uint32_t code, uint32_t addr)
{
    policy_inject(now(m), vector, has_code, code, addr);
}

bool machine_policy_read(struct machine *m, uint32_t va, unsigned size, uint32_t *value) { return policy_read(now(m), va, size, value); }
