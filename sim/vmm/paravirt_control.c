/* The control interface: what the service domain may ask about other domains, and do to them. See paravirt.h.
 *
 *   struct xen_domctl: u32 command | u32 version (5) | u16 domain, padding to 16 | the command's own
 *   getdomaininfo: u16 domain, padding | u32 flags | u64 pages | u64 most pages | u64 shared_info frame | u64 ns of processor time | ...
 *
 * Idea 1: with --set split.control=1 domain 0's kernel is privileged, and no other: for them, and without the setting, the call is refused.
 * Idea 2: who is paused sleeps, whatever comes for it: events stay pending and timers late until it is unpaused. Who is destroyed ends when the scheduler
 * comes to it, as one that turned its power off. Createdomain here builds a domain that has ended from the image that it began with, in its
 * own frames (paravirt_again.c); it needs all of them, so back ends let go first. Another image: paravirt_load.c.
 * Idea 3: who shall go to another machine is handed to the hypervisor's migration (migrate.h); in Xen 3 a program of domain 0 maps the domain's frames
 * and sends them itself.
 * Xen 3 public/domctl.h. Not modelled: domains of other sizes, building from domain 0 by mapping frames, saving from domain 0. */
#include <string.h>

#include "sim/vmm/paravirt.h"

enum { CREATE = 1, DESTROY, PAUSE, UNPAUSE, INFO, VERSION = 5, MIGRATE = 128, MIGRATED /* our own */ };
enum { INFO_DYING = 1, INFO_SHUTDOWN = 4, INFO_PAUSED = 8, INFO_BLOCKED = 16, INFO_RUNNING = 32 };

struct domctl { uint32_t command, version; uint16_t domain, unused[3]; };
struct domain_info { uint16_t domain, unused; uint32_t flags, pages, pages_high, most, most_high, shared, shared_high, ns, ns_high; };

static uint32_t flags_of(const struct vm *vm)
{
    if (vm->account.state == VM_OVER) return INFO_DYING | INFO_SHUTDOWN;
    if (vm->paused) return INFO_PAUSED;
    return vm->account.state == VM_ASLEEP ? INFO_BLOCKED : INFO_RUNNING;
}

/* About the domain, or the next one that there is. */
static int32_t info(struct paravirt *p, uint32_t at, uint16_t domain)
{
    const struct vmm *h = p->v->vmm;
    const struct vm *vm = NULL;
    for (; domain < XEN_DOM_SELF && !(vm = pv_vm(h, domain)) && domain <= h->vms; domain++) continue;
    if (!vm) return -XEN_ESRCH;
    struct vm_account a;
    schedule_account(vm, &a);
    uint64_t hz = h->board.clock->hz, run = a.in[VM_RUNNING], ns = run / hz * 1000000000 + run % hz * 1000000 / (hz / 1000);
    struct domain_info i = { .domain = domain, .flags = flags_of(vm), .pages = vm->frames, .most = vm->most, .shared = vm->vcpu.pv->shared,
                             .ns = (uint32_t)ns, .ns_high = (uint32_t)(ns >> 32) };
    return pv_write(p, at + (uint32_t)sizeof(struct domctl), &i, sizeof i) ? 0 : -XEN_EFAULT;
}

static int32_t pause(struct vm *vm)
{
    if (vm->account.state == VM_OVER) return -XEN_ESRCH;
    vm->paused = true;
    if (vm->account.state == VM_READY || vm->account.state == VM_CAPPED) schedule_state(vm, VM_ASLEEP);
    return 0;
}

static int32_t unpause(struct vm *vm)
{
    if (vm->account.state == VM_OVER) return -XEN_ESRCH;
    vm->paused = false;
    vm->vmm->schedule.look = true;
    return 0;
}

static int32_t destroy(struct vm *vm)
{
    if (vm->account.state == VM_OVER) return -XEN_ESRCH;
    vm->exited = vm->off = true;
    return unpause(vm);
}

static int32_t migrate(struct vm *vm)
{
    if (vm->account.state == VM_OVER) return -XEN_ESRCH;
    if (vm->later) return -XEN_ENOENT; /* the other machine has not got the file that it was made of */
    if (vm->paused) return -XEN_EBUSY;
    switch (migrate_ask(vm->vmm, vm->id)) {
    case MIGRATE_BEGUN: return 0;
    case MIGRATE_BUSY: return -XEN_EBUSY;
    default: return -XEN_EOPNOTSUPP;
    }
}

/* How far it is: enum migrate_stage. */
static int32_t migrated(const struct vm *vm)
{
    const struct migrate *g = &vm->vmm->migrate;
    return g->vm == vm->id ? g->stage : -XEN_ESRCH;
}

static int32_t create(struct vm *vm)
{
    if (vm->account.state != VM_OVER || vm->gone) return -XEN_EEXIST;
    if (!vm->vcpu.pv->kept) return -XEN_ENOENT;
    if (!pv_build_again(&vm->vcpu)) return -XEN_EBUSY;
    schedule_state(vm, VM_READY);
    vm->vmm->schedule.look = true;
    return 0;
}

/* arg: the structure. */
int32_t pv_domctl(struct paravirt *p, const uint32_t arg[6])
{
    static int32_t (*const operation[])(struct vm *vm) = { [CREATE] = create, [DESTROY] = destroy, [PAUSE] = pause, [UNPAUSE] = unpause };
    struct vmm *h = p->v->vmm;
    struct domctl op;
    p->domctl = 0;
    if (!pv_is_service(p) || !h->board.setting[SETTING_SPLIT_CONTROL]) return -XEN_EPERM;
    if (!pv_read(p, arg[0], &op, sizeof op)) return -XEN_EFAULT;
    p->domctl = (uint8_t)op.command;
    if (op.version != VERSION) return -XEN_EACCES;
    if (op.command == INFO) return info(p, arg[0], op.domain);
    struct vm *vm = pv_vm(h, op.domain);
    if (!vm) return -XEN_ESRCH;
    if (vm == p->v->vm) return -XEN_EINVAL;
    if (op.command == MIGRATE) return migrate(vm);
    if (op.command == MIGRATED) return migrated(vm);
    return op.command && op.command <= UNPAUSE ? operation[op.command](vm) : pv_load_domain(p, vm, op.command, arg[0]);
}
