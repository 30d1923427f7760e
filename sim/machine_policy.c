/* See machine_policy.h. */
#include "sim/machine_policy.h"

#include <string.h>
#include "sim/board.h"
#include "sim/mmu/shadow.h"
#include "sim/vmm/policy.h"

static struct vcpu *now(struct machine *m) { return &m->b->vmm.now->vcpu; }

bool machine_policy(struct machine *m, const struct policy *p, struct err *e)
{
    const struct vmmu_choice *c = m->b->vmm.now ? &now(m)->vmmu.env.choice : NULL;
    if (p->trap && strcmp(m->cfg.cpu, "te")) return err_set(e, EXIT_USAGE, "handlers answer what traps: that is --cpu te, not %s", m->cfg.cpu);
    if (p->rule && strcmp(m->cfg.cpu, "bt")) return err_set(e, EXIT_USAGE, "rules say what a translator does: that is --cpu bt, not %s", m->cfg.cpu);
    if (p->fault && (!c || strcmp(m->cfg.cpu, "vtx") || strcmp(now(m)->vmmu.ops->name, "shadow") || c->trace || c->cache))
        return err_set(e, EXIT_USAGE, "handlers answer page faults where shadows are a TLB in memory: --cpu vtx --mmu shadow --set shadow.cache=0 --set shadow.trace=0");
    m->b->vmm.policy = p;
    return true;
}

void machine_policy_pay(struct machine *m, enum policy_call what) { policy_charge(now(m), what); }

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

bool machine_policy_table(struct machine *m, uint32_t at, uint32_t *entry) { return policy_table(now(m), at, entry); }
bool machine_policy_mark(struct machine *m, uint32_t at, bool accessed, bool dirty) { return policy_mark(now(m), at, (accessed ? PTE_A : 0u) | (dirty ? PTE_D : 0u)); }
bool machine_policy_p2m(struct machine *m, uint32_t page, uint32_t *frame) { return policy_p2m(now(m), page, frame); }
bool machine_policy_emulate(struct machine *m, uint32_t va, bool write) { return policy_emulate(now(m), va, write); }
void machine_policy_unmap(struct machine *m, uint32_t va, int space) { policy_unmap(now(m), va, space); }
void machine_policy_space(struct machine *m, uint8_t space) { policy_space(now(m), space); }
void machine_policy_flush(struct machine *m) { policy_flush(now(m)); }
bool machine_policy_trace(struct machine *m, uint32_t page, bool on) { return policy_trace(now(m), page, on); }

bool machine_policy_map(struct machine *m, uint32_t va, uint32_t frame, bool write, bool user, bool *traced)
{
    int done = policy_map(now(m), va, frame, write, user);
    *traced = done == SHADOW_PUT_TRACED;
    return done == SHADOW_PUT || done == SHADOW_PUT_TRACED;
}
