/* See schedule.h: states, accounts, turns; round robin. */
#include "sim/vmm/schedule.h"

#include <string.h>
#include "sim/cpu/monitor.h"
#include "sim/trace/trace.h"
#include "sim/vmm/vm.h"

static const char *const state_names[VM_STATES] = { "ready", "running", "asleep", "capped", "over" };
const char *vm_state_name(unsigned state) { return state < VM_STATES ? state_names[state] : "?"; }

static const char *const why_names[SWITCH_WHYS] = { "start", "turn", "sleep", "woke", "cap", "over" };
void schedule_names(void) { trace_names("switch", why_names, SWITCH_WHYS); }

/* ---- accounts */

static uint64_t sooner(uint64_t a, uint64_t b) { return a < b ? a : b; }
static uint64_t now_of(const struct vmm *h) { return h->board.clock->now; }

/* What passed until now is whose it was; from here on it is `to`'s. */
static void pay(struct vmm *h, struct vm *to)
{
    struct schedule *s = &h->schedule;
    struct clock *c = h->board.clock;
    uint64_t *account = s->paid ? s->paid->account.by_cause : s->own;
    clock_cause(c, c->cause);
    for (unsigned i = 0; i < CLOCK_CAUSES; i++) {
        account[i] += c->by_cause[i] - s->seen[i];
        s->seen[i] = c->by_cause[i];
    }
    s->paid = to;
}

void schedule_state(struct vm *vm, enum vm_state state)
{
    struct vm_account *a = &vm->account;
    uint64_t now = now_of(vm->vmm);
    a->in[a->state] += now - a->since;
    a->since = now;
    a->state = (uint8_t)state;
}

void schedule_account(const struct vm *vm, struct vm_account *now)
{
    const struct vmm *h = vm->vmm;
    *now = vm->account;
    now->in[now->state] += now_of(h) - now->since;
    now->since = now_of(h);
    for (unsigned i = 0; h->schedule.paid == vm && i < CLOCK_CAUSES; i++)
        now->by_cause[i] += clock_of_cause(h->board.clock, (uint8_t)i) - h->schedule.seen[i];
}

void schedule_own(const struct vmm *h, uint64_t by_cause[CLOCK_CAUSES])
{
    for (unsigned i = 0; i < CLOCK_CAUSES; i++)
        by_cause[i] = h->schedule.own[i] + (h->schedule.paid ? 0 : clock_of_cause(h->board.clock, (uint8_t)i) - h->schedule.seen[i]);
}

/* ---- who sleeps */

/* Can its guest go on? Virtual time runs while it sleeps; what its devices say is heard now. */
static bool awake(struct vmm *h, struct vm *vm)
{
    struct vcpu *v = &vm->vcpu;
    if (timeq_next(&vm->timers) <= now_of(h)) {
        uint8_t speaking = h->speaking;
        struct vm *paid = h->schedule.paid;
        h->speaking = vm->id;
        pay(h, vm);
        timeq_run(&vm->timers);
        pay(h, paid);
        h->speaking = speaking;
    }
    if (v->virt.nmi && !v->virt.nmi_blocked) return true;
    return !v->virt.halted || monitor_wakes(&v->virt) || vm->restart || vm->exited || vm->dead || (v->ops->pending(v) && v->ops->interruptible(v));
}

static void wake_sleepers(struct vmm *h)
{
    struct schedule *s = &h->schedule;
    s->wake_at = TIMEQ_NEVER;
    for (unsigned i = 0; i < h->vms; i++) {
        struct vm *vm = &h->vm[i];
        if (vm->account.state != VM_ASLEEP || vm->paused || vm->moving) continue;
        uint64_t wanted = h->suspend.vm == i ? suspend_deadline(h) : TIMEQ_NEVER;
        if (awake(h, vm) || wanted <= now_of(h)) {
            schedule_state(vm, VM_READY);
            mmu_flush(&vm->vcpu.virt_mmu, true);
            vm->vcpu.virt.insns++;
            s->ops->woke(vm);
            s->look = true;
        } else {
            s->wake_at = sooner(s->wake_at, sooner(wanted, timeq_next(&vm->timers)));
        }
    }
}

/* ---- turns */

void schedule_begin(struct vmm *h)
{
    struct schedule *s = &h->schedule;
    s->wake_at = TIMEQ_NEVER;
    for (unsigned i = 0; i < h->vms; i++) h->vm[i].account.since = now_of(h);
    s->ops->begin(h);
    s->look = true;
    if (h->vms == 1) {
        schedule_state(h->now, VM_RUNNING);
        s->paid = h->now;
    }
}

/* Tells the scheduler what the VM has had since it was told last. */
static void report(struct vmm *h, struct vm *vm)
{
    struct vm_account a;
    schedule_account(vm, &a);
    if (a.in[VM_RUNNING] != vm->share.turn) h->schedule.ops->ran(vm, a.in[VM_RUNNING] - vm->share.turn);
    vm->share.turn = a.in[VM_RUNNING];
}

static enum switch_why why_of(const struct vm *vm, bool woken)
{
    switch (vm->account.state) {
    case VM_ASLEEP: return SWITCH_SLEEP;
    case VM_CAPPED: return SWITCH_CAP;
    case VM_OVER: return SWITCH_OVER;
    default: return woken ? SWITCH_WOKE : SWITCH_TURN;
    }
}

static void give(struct vmm *h, struct vm *to, bool woken)
{
    struct vm *from = h->now;
    if (from != to && from->account.state == VM_RUNNING) schedule_state(from, VM_READY);
    if (from != to) {
        pay(h, NULL);
        world_switch(h, to, why_of(from, woken));
        to->account.turns++;
    }
    pay(h, to);
    schedule_state(to, VM_RUNNING);
}

struct vm *schedule_next(struct vmm *h)
{
    struct schedule *s = &h->schedule;
    struct vm *now = h->now;
    bool runs = now->account.state == VM_RUNNING;
    if (h->vms == 1) return runs ? now : NULL;
    if (s->look || now_of(h) >= s->wake_at) wake_sleepers(h);
    if (runs && !s->look && now_of(h) < s->until) return now;
    report(h, now);
    bool woken = runs && now_of(h) < s->until;
    s->look = false;
    struct vm *next = s->ops->pick(h);
    if (!next) return NULL;
    if (next != now || !runs) give(h, next, woken);
    return next;
}

void schedule_sleeps(struct vm *vm)
{
    struct schedule *s = &vm->vmm->schedule;
    uint64_t at = timeq_next(&vm->timers);
    schedule_state(vm, VM_ASLEEP);
    if (at < s->wake_at) s->wake_at = at;
}

void schedule_yields(struct vmm *h)
{
    h->schedule.until = now_of(h);
    h->schedule.look = true;
}

void schedule_over(struct vm *vm)
{
    struct vmm *h = vm->vmm;
    schedule_state(vm, VM_OVER);
    if (h->vms > 1) TRACE(h->board.trace, OVER, vm->vcpu.cause, .vm = vm->id, .code = (uint8_t)(vm->dead ? UINT8_MAX : vm->exit_code));
}

void schedule_woken(struct vmm *h)
{
    h->schedule.look = true;
    if (h->vms == 1 && h->now->account.state == VM_ASLEEP) schedule_state(h->now, VM_RUNNING);
}

void schedule_idle(struct vmm *h)
{
    if (h->vms > 1) pay(h, NULL);
}

struct vm *schedule_self(struct vmm *h)
{
    struct vm *paid = h->schedule.paid;
    if (h->vms > 1) pay(h, NULL);
    return paid;
}

void schedule_pays(struct vmm *h, struct vm *vm)
{
    if (h->vms > 1) pay(h, vm);
}

uint64_t schedule_deadline(const struct vmm *h)
{
    const struct schedule *s = &h->schedule;
    uint64_t at = h->now->account.state == VM_RUNNING ? timeq_next(&h->now->timers) : TIMEQ_NEVER;
    if (h->vms == 1) return sooner(sooner(timeq_next(&h->now->timers), memory_deadline(h)), sooner(suspend_deadline(h), migrate_deadline(h)));
    at = sooner(sooner(at, s->wake_at), sooner(memory_deadline(h), migrate_deadline(h)));
    bool waited_for = h->now->share.cap;
    for (unsigned i = 0; i < h->vms; i++) waited_for |= h->vm[i].account.state == VM_READY || h->vm[i].account.state == VM_CAPPED;
    return waited_for ? sooner(at, s->until) : at;
}

bool schedule_due(const struct vmm *h)
{
    return h->vms > 1 && !h->hosted.on && (now_of(h) >= h->schedule.until || now_of(h) >= h->schedule.wake_at);
}

/* ---- round robin */

static void rr_begin(struct vmm *h) { (void)h; }
static void rr_ran(struct vm *vm, uint64_t cycles) { (void)vm, (void)cycles; }
static void rr_woke(struct vm *vm) { (void)vm; }

/* Whoever is ready and comes next behind the one that ran. A turn that is not over goes on, whoever woke. */
static struct vm *rr_pick(struct vmm *h)
{
    struct schedule *s = &h->schedule;
    if (h->now->account.state == VM_RUNNING && now_of(h) < s->until) return h->now;
    for (unsigned i = 1; i <= h->vms; i++) {
        struct vm *vm = &h->vm[((unsigned)(h->now - h->vm) + i) % h->vms];
        if (vm->account.state != VM_READY && vm->account.state != VM_RUNNING) continue;
        s->until = now_of(h) + s->slice;
        return vm;
    }
    return NULL;
}

static const struct scheduler scheduler_rr = {
    .name = "rr",
    .about = "round robin: one after the other, each for a slice of time",
    .begin = rr_begin,
    .ran = rr_ran,
    .woke = rr_woke,
    .pick = rr_pick,
};

extern const struct scheduler scheduler_credit; /* schedule_credit.c */
const struct scheduler *const schedulers[] = { &scheduler_rr, &scheduler_credit, NULL };

const struct scheduler *scheduler_find(const char *name)
{
    for (const struct scheduler *const *s = schedulers; *s; s++)
        if (!strcmp((*s)->name, name)) return *s;
    return NULL;
}
