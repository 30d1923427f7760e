/* A person changes a register of a guest that runs in the cache. See bintrans.h.
 *
 * Idea: the state is between the real registers, the vCPU page and the place in the cache. What lies in a real register is changed
 * there. For all else the guest's state is put together (bt_view), changed, and left for the hypervisor to take in where
 * it takes in everything it knows nothing of: at the callout for a branch whose target no table knows. */
#include <string.h>

#include "sim/cpu/segment.h"
#include "sim/vmm/bintrans.h"
#include "sim/vmm/vm.h"

enum { VIRTUAL = FLAG_IOPL | FLAG_VIF | FLAG_VIP | FLAG_VM };

static bool is_spilled(const struct bt_point *p, unsigned reg)
{
    static const uint16_t fix[4] = { BT_FIX_EAX, BT_FIX_ECX, BT_FIX_EDX, BT_FIX_EBX };
    return reg < 4 ? p->fix & fix[reg] : reg == ESP && p->esp;
}

static bool is_plain(const struct bt_point *p, unsigned reg, uint32_t value, const struct vcpu_view *view)
{
    if (reg < 8) return !is_spilled(p, reg);
    return reg == VCPU_EFLAGS && !(p->fix & (BT_FIX_FLAGS | BT_FIX_LAHF)) && !((value ^ view->eflags) & (FLAG_IF | FLAG_TF | VIRTUAL));
}

static void put(struct vcpu *v, unsigned side, enum bt_slot slot, uint32_t value)
{
    bus_poke(v->vmm->board.bus, window_hpa(&v->window, bt_area(side) + (uint32_t)slot), &value, sizeof value);
}

/* Everything where BT_LOOKUP looks for it. */
static void hand_over(struct vcpu *v, unsigned side, const struct vcpu_view *now)
{
    struct cpu *real = v->vmm->board.cpu;
    put(v, side, BT_EAX, now->reg[EAX]);
    put(v, side, BT_ECX, now->reg[ECX]);
    put(v, side, BT_EDX, now->reg[EDX]);
    put(v, side, BT_EBX, now->reg[EBX]);
    put(v, side, BT_TARGET, now->eip);
    put(v, side, BT_VIF, now->eflags & (FLAG_IF | FLAG_TF));
    for (unsigned r = 0; r < 8; r++) real->reg[r] = now->reg[r];
    v->virt.eflags = (v->virt.eflags & ~(uint32_t)VIRTUAL) | (now->eflags & VIRTUAL & ~(uint32_t)FLAG_VM);
    const uint32_t own = VIRTUAL | FLAG_IF | FLAG_TF; /* TF comes from the vCPU page: a call gate does not clear it */
    cpu_set_flags(real, (now->eflags & ~own) | (cpu_flags(real) & own & ~(uint32_t)FLAG_TF));
    real->eip = v->bt->miss;
}

bool bt_change(struct vcpu *v, unsigned reg, uint32_t value)
{
    struct cpu *real = v->vmm->board.cpu;
    unsigned side = (real->seg[SEG_CS].sel & ~3u) == BT_UCS;
    struct bt_state s;
    if (!side && (real->seg[SEG_CS].sel & ~3u) != BT_CS) return false;
    if (!bt_state_at(v->bt, real->eip, &s)) return false;
    struct vcpu_view view = { .eip = real->eip, .eflags = vcpu_virtual_flags(v, cpu_flags(real)) };
    memcpy(view.reg, real->reg, sizeof view.reg);
    bt_view(v, &view);
    if (is_plain(&s.point, reg, value, &view)) return false;
    if (s.point.fix & BT_FIX_FS) (void)seg_load(real, SEG_FS, view.seg[SEG_FS].sel);
    if (reg < 8) view.reg[reg] = value;
    else if (reg == VCPU_EIP) view.eip = value;
    else view.eflags = value;
    hand_over(v, side, &view);
    return true;
}
