/* See suspend.h. */
#include "sim/vmm/suspend.h"

#include "sim/vmm/paravirt.h"
#include "sim/vmm/vm.h"

enum { AGAIN_US = 50 /* later, if it is not at rest */ };

static bool drives_rest(const struct vm *vm)
{
    for (unsigned n = 0; n < IDE_DRIVES; n++)
        if (vm->disk[n].busy) return false;
    return true;
}

/* The interrupt shadow of an instruction that was emulated is part of the state; what hardware has been told to inject is not. */
static bool at_rest(struct vm *vm) { return drives_rest(vm) && (!vm->vcpu.ops->gather || vm->vcpu.ops->gather(&vm->vcpu)); }

bool suspend_taken(struct vm *vm)
{
    struct vmm *h = vm->vmm;
    struct suspend *s = &h->suspend;
    if (!s->at || vm->id != s->vm || h->board.clock->now < s->at) return false;
    s->why = NULL;
    enum pv_ready ready = vm->vcpu.pv ? pv_suspend_ready(vm->vcpu.pv, &s->why) : PV_READY;
    if (ready == PV_WAITS || (ready == PV_READY && !at_rest(vm))) {
        s->at = h->board.clock->now + AGAIN_US * h->board.clock->hz / 1000000;
        return false;
    }
    s->at = 0;
    if (ready == PV_NEVER) {
        s->vain(s->self, s->why);
        return false;
    }
    vm->vcpu.ops->away(&vm->vcpu);
    if (s->take(s->self, vm)) return vm->gone = true;
    vm->vcpu.ops->back(&vm->vcpu);
    if (vm->vcpu.pv) pv_goes_on(vm->vcpu.pv);
    return false;
}

uint64_t suspend_deadline(const struct vmm *h) { return h->suspend.at ? h->suspend.at : TIMEQ_NEVER; }
