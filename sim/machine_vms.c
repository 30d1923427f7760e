/* Several virtual machines in one: who they are, what became of them, whose time passed. See machine.h. */
#include <string.h>
#include "sim/board.h"
#include "sim/vmm/paravirt.h"

unsigned machine_vms(const struct machine *m) { return m->guests; }

void machine_look_at(struct machine *m, int vm) { m->seen = vm < (int)m->guests && m->technique->hypervisor ? vm : -1; }
int  machine_looks_at(const struct machine *m) { return m->seen; }

unsigned machine_vm_now(const struct machine *m) { return m->technique->hypervisor ? m->b->vmm.now->id : 0; }

const char *machine_scheduler(const struct machine *m) { return m->technique->hypervisor ? m->b->vmm.schedule.ops->name : ""; }

static void bare(const struct machine *m, struct machine_vm *out)
{
    *out = (struct machine_vm){ .cpu = m->cfg.cpu, .mmu = m->cfg.mmu, .state = "running", .ram_mib = m->cfg.ram_mib };
    for (unsigned c = 0; c < CAUSE_COUNT; c++) out->by_cause[c] = clock_of_cause(&m->b->clock, (uint8_t)c);
    out->asleep = out->by_cause[CAUSE_IDLE];
    out->running = m->b->clock.now - out->asleep;
}

static void filled(const struct machine *m, unsigned n, struct machine_vm *out)
{
    const struct vm *vm = &m->b->vmm.vm[n];
    struct vm_account a;
    schedule_account(vm, &a);
    *out = (struct machine_vm){ .cpu = vm->vcpu.ops->name, .mmu = vm->vcpu.vmmu.ops->name, .state = vm_state_name(a.state),
                                .ram_mib = vm->most / 256, .weight = vm->share.weight, .cap = vm->share.cap,
                                .background = vm->background, .turns = a.turns, .running = a.in[VM_RUNNING], .ready = a.in[VM_READY],
                                .asleep = a.in[VM_ASLEEP], .capped = a.in[VM_CAPPED], .exits = vm->exits };
    memcpy(out->by_cause, a.by_cause, sizeof out->by_cause);
    struct vmmu_stats tables = { 0 };
    if (!vm->vcpu.pv) vm->vcpu.vmmu.ops->stats(&vm->vcpu.vmmu, &tables); /* a ported guest's are its own */
    out->tables = tables.tables, out->tables_peak = tables.tables_peak, out->tables_pool = tables.pool;
    const struct paravirt *p = vm->vcpu.pv;
    if (!p) return;
    out->notified = p->stats.sent;
    out->begun_again = p->lives - (vm->later && p->lives); /* once it was not there before */
    out->mapped = p->stats.maps, out->copied = p->stats.copied;
    out->ports = p->stats.ports, out->interrupts = p->stats.interrupts;
}

bool machine_is_split(const struct machine *m) { return m->technique->hypervisor && m->b->vmm.service; }

void machine_vm(const struct machine *m, unsigned n, struct machine_vm *out)
{
    if (m->technique->hypervisor) filled(m, n, out);
    else bare(m, out);
    bool later = m->technique->hypervisor && m->b->vmm.vm[n].later;
    out->image = later ? "from vm 0" : m->guest[n].image.path;
    machine_vm_end(m, n, &out->end, &out->exit_code);
}

void machine_vmm_costs(const struct machine *m, uint64_t by_cause[CAUSE_COUNT])
{
    uint64_t own[CLOCK_CAUSES] = { 0 };
    if (m->technique->hypervisor) schedule_own(&m->b->vmm, own);
    memcpy(by_cause, own, CAUSE_COUNT * sizeof *own);
}

const char *machine_vm_serial(const struct machine *m, unsigned vm, size_t *n)
{
    const struct machine *there = machine_moved(m);
    if (there && vm == m->b->vmm.migrate.vm) m = there, vm = there->cfg.arriving; /* what it said here is the beginning of that */
    *n = m->b->serial_len[vm];
    return text_str(&m->guest[vm].serial);
}

/* Of ported guests, who give and take themselves. */
static bool pool_memory(const struct machine *m, struct machine_memory *out)
{
    const struct direct_all *all = m->b->vmm.common;
    out->state = "pool";
    out->frames = direct_memory(all, &out->free);
    out->scrubbed = all->scrubbed;
    return true;
}

bool machine_memory(const struct machine *m, struct machine_memory *out)
{
    const struct memory *y = &m->b->vmm.memory;
    *out = (struct machine_memory){ .state = "" };
    if (m->technique->hypervisor && m->b->vmm.pooled) return pool_memory(m, out);
    if (!m->technique->hypervisor || !y->managed) return false;
    *out = (struct machine_memory){ .frames = y->frames, .free = y->free_n, .least_free = y->least_free, .state = reclaim_name(y->state),
                                    .shared = y->shared_frames, .saved = memory_saved(y), .scanned = y->scanned, .compared = y->compared,
                                    .scrubbed = y->scrubbed };
    memcpy(out->in_state, y->in_state, sizeof out->in_state);
    out->in_state[y->state] += m->b->clock.now - y->since;
    return true;
}

static bool domain_memory(const struct vm *vm, struct machine_vm_memory *out)
{
    const struct paravirt *p = vm->vcpu.pv;
    *out = (struct machine_vm_memory){ .pages = vm->most, .shares = vm->shares, .active = 1000, .here = p->mmu->owned,
                                       .ballooned = vm->most - p->mmu->owned, .target = vm->most - p->limit, .driver = p->balloon.driver,
                                       .locked = p->balloon.given, .unlocked = p->balloon.taken, .refused = p->balloon.refused };
    return true;
}

bool machine_vm_memory(const struct machine *m, unsigned n, struct machine_vm_memory *out)
{
    *out = (struct machine_vm_memory){ 0 };
    if (m->technique->hypervisor && m->b->vmm.pooled) return domain_memory(&m->b->vmm.vm[n], out);
    if (!m->technique->hypervisor || !m->b->vmm.memory.managed) return false;
    const struct memory_vm *v = &m->b->vmm.vm[n].memory;
    const struct memory_counts *c = &v->count;
    *out = (struct machine_vm_memory){ .pages = v->pages, .shares = v->share, .active = c->active, .here = c->here, .shared = c->shared,
                                       .ballooned = c->ballooned, .target = c->target, .swapped = c->swapped, .driver = v->driver,
                                       .shares_made = c->shares, .unshares = c->unshares, .locked = c->locked, .unlocked = c->unlocked,
                                       .refused = c->refused, .swaps_out = c->swaps_out, .swaps_in = c->swaps_in };
    return true;
}

const char *machine_host_serial(const struct machine *m, size_t *n)
{
    *n = m->b->serial_len[m->guests];
    return text_str(&m->host.serial);
}

const char *machine_answer_name(unsigned by)
{
    static const char *const names[MACHINE_ANSWERS] = { "module", "host kernel", "process" };
    return names[by];
}

bool machine_hosted(const struct machine *m, struct machine_hosted *out)
{
    _Static_assert((int)HOSTED_CLASSES == MACHINE_ANSWERS, "one list");
    const struct hosted *t = &m->b->vmm.hosted;
    *out = (struct machine_hosted){ .waits = t->waits, .lost = t->lost };
    memcpy(out->exits, t->exits, sizeof out->exits);
    memcpy(out->cycles, t->cycles, sizeof out->cycles);
    return t->on;
}
