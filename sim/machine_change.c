/* Changing a machine by hand: memory and registers, as a debugger or a scenario wants. See machine.h.
 *
 * Idea: a change belongs to no instruction, so re-execution from before it would not show it. It makes this moment the
 * beginning of history (snapshots_forget). What is changed is the guest's view; under a hypervisor that is split between
 * the real CPU, which runs the guest, and the virtual one, which holds what the guest may not own. */
#include <string.h>
#include "sim/board.h"
#include "sim/cpu/flags.h"
#include "sim/vmm/emulate.h"

static bool virtual_(const struct machine *m) { return m->technique->hypervisor; }

static bool place_of(const struct machine *m, gva_t at, hpa_t *to)
{
    struct xlat x;
    struct fault f;
    const struct mmu guest = virtual_(m) ? vcpu_guest_mmu(&machine_seen(m)->vcpu) : m->b->mmu;
    if (!mmu_probe(&guest, at, ACCESS_READ, &x, &f)) return false;
    *to = x.at;
    return true;
}

bool machine_poke(struct machine *m, gva_t at, const void *from, size_t n)
{
    const uint8_t *bytes = from;
    struct bus *bus = virtual_(m) ? &machine_seen(m)->bus : &m->b->bus;
    hpa_t to;
    for (size_t i = 0; i < n; i++)
        if (!place_of(m, gva(at.v + (uint32_t)i), &to) || !bus_page(bus, to)) return false;
    for (size_t i = 0; i < n; i++) {
        if (!place_of(m, gva(at.v + (uint32_t)i), &to)) break; /* the bytes before were the page tables themselves */
        bus_poke(bus, to, bytes + i, 1);
        if (virtual_(m)) emulate_stored(&machine_seen(m)->vcpu, to.v, 1); /* it may be part of a table that is shadowed */
    }
    snapshots_forget(m);
    return true;
}

/* IF, IOPL and the like are virtual, the rest is real: the counterpart of vcpu_virtual_flags. */
static void set_flags(struct machine *m, uint32_t value)
{
    const uint32_t mine = FLAG_IF | FLAG_IOPL | FLAG_VIF | FLAG_VIP | FLAG_VM;
    struct cpu *real = &m->b->cpu;
    bool away = !machine_sees_processor(m);
    if (!virtual_(m) || (real->vmx.nonroot && !away)) {
        cpu_set_flags(real, value);
        return;
    }
    struct cpu *virt = &machine_seen(m)->vcpu.virt;
    if (away) {
        cpu_set_flags(virt, value);
        return;
    }
    virt->eflags = (virt->eflags & ~mine) | (value & mine & ~(uint32_t)FLAG_VM);
    cpu_set_flags(real, (value & ~mine) | (cpu_flags(real) & mine));
}

/* Control registers bare; under a hypervisor they are its affair. */
static bool set_control(struct machine *m, const char *name, uint32_t value)
{
    struct cpu *c = &m->b->cpu;
    uint32_t *r = !strcmp(name, "cr0") ? &c->cr0 : !strcmp(name, "cr2") ? &c->cr2 : !strcmp(name, "cr3") ? &c->cr3
                : !strcmp(name, "cr4") ? &c->cr4 : NULL;
    if (!r || virtual_(m)) return false;
    if (r == &c->cr3) return cpu_cr3(c, value);
    *r = value;
    c->env.paging(c->env.mmu, c->cr0, c->cr3, c->cr4);
    return true;
}

/* A guest whose registers are not where they seem. */
static bool changed_by_keeper(struct machine *m, const char *name, uint32_t value)
{
    static const char *const names[] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip", "eflags" };
    if (!virtual_(m) || !machine_sees_processor(m) || !m->b->cpu.cpl) return false;
    struct vcpu *v = &machine_seen(m)->vcpu;
    for (unsigned r = 0; v->ops->change && r < sizeof names / sizeof names[0]; r++)
        if (!strcmp(names[r], name)) return v->ops->change(v, r, value);
    return false;
}

bool machine_set_reg(struct machine *m, const char *name, uint32_t value)
{
    const struct reg_desc *r = reg_find(cpu_regs, name);
    struct cpu *c = machine_sees_processor(m) ? &m->b->cpu : &machine_seen(m)->vcpu.virt;
    if (changed_by_keeper(m, name, value)) { /* done */ }
    else if (!strcmp(name, "eflags")) set_flags(m, value);
    else if (r && r->bytes == 4 && (r->offset < offsetof(struct cpu, eflags))) reg_write(r, c, value);
    else if (!set_control(m, name, value)) return false;
    snapshots_forget(m);
    return true;
}

bool machine_set_fpu(struct machine *m, const struct machine_fpu *fpu)
{
    struct cpu *c = virtual_(m) && !machine_seen(m)->vcpu.fpu_lent ? &machine_seen(m)->vcpu.virt : &m->b->cpu;
    struct fpu *f = &c->fpu;
    f->control = (fpu->control & FPU_CONTROL_KNOWN) | FPU_CONTROL_ONE;
    f->status = fpu->status;
    f->used = 0;
    for (unsigned i = 0; i < 8; i++) {
        struct fpu_reg *r = &f->r[fpu_phys(f, i)];
        memcpy(&r->mantissa, fpu->st[i], 8);
        memcpy(&r->sign_exp, fpu->st[i] + 8, 2);
        f->used |= (uint8_t)(((fpu->tag >> 2 * i & 3) != 3) << i); /* the tag word goes by physical register */
    }
    fpu_summary(f);
    fpu_ferr_update(c);
    snapshots_forget(m);
    return true;
}
