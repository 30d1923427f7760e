/* Time and rest: the time record, timer events, and giving up the processor. See paravirt.h.
 *
 * Idea: time is not asked for but read: the guest extrapolates from the record with RDTSC, which is not virtualised. Between
 * `version` odd and even the record is being changed. Timer events come periodically (10 ms while the guest runs) and once, when
 * the guest asked. Xen 3 xen.h, vcpu.h, sched.h. Not modelled: stolen time; more than one vCPU. */
#include "sim/vmm/paravirt.h"

#define SECOND UINT64_C(1000000000)
enum { TICK = 10000000 /* ns */, POLL_PORTS = XEN_POLL_MOST };

uint64_t pv_now(const struct paravirt *p)
{
    const struct clock *c = p->v->vmm->board.clock;
    return c->now / c->hz * SECOND + c->now % c->hz * SECOND / c->hz;
}

/* The first cycle at which system time is `ns`. */
static uint64_t cycle_of(const struct paravirt *p, uint64_t ns)
{
    const struct clock *c = p->v->vmm->board.clock;
    return ns / SECOND * c->hz + (ns % SECOND * c->hz + SECOND - 1) / SECOND;
}

/* ns = (cycles << shift) * mul >> 32, as precise as 32 bits allow. */
static void time_scale(uint64_t hz, uint32_t *mul, int8_t *shift)
{
    *shift = 0;
    for (; hz > 2 * SECOND; hz >>= 1) --*shift;
    for (; hz <= SECOND; hz <<= 1) ++*shift;
    *mul = (uint32_t)((SECOND << 32) / hz);
}

static void set64(struct paravirt *p, uint32_t offset, uint64_t value)
{
    pv_set_shared(p, offset, 4, (uint32_t)value);
    pv_set_shared(p, offset + 4, 4, (uint32_t)(value >> 32));
}

void pv_time_update(struct paravirt *p)
{
    const struct cpu *real = p->v->vmm->board.cpu;
    uint32_t version = pv_shared(p, VCPU_TIME_VERSION, 4);
    pv_set_shared(p, VCPU_TIME_VERSION, 4, version + 1);
    set64(p, VCPU_TSC, p->v->vmm->board.clock->now + real->tsc_base);
    set64(p, VCPU_SYSTEM_TIME, pv_now(p));
    pv_set_shared(p, VCPU_TIME_VERSION, 4, version + 2);
}

static void tick(struct paravirt *p)
{
    pv_time_update(p);
    pv_raise_virq(p, XEN_VIRQ_TIMER);
}

static void singleshot_fired(void *pv, uint64_t when)
{
    (void)when;
    tick(pv);
}

static void arm(struct paravirt *p, struct timer *t, uint64_t ns) { timeq_arm(&p->v->vm->timers, t, cycle_of(p, ns)); }

static void periodic_fired(void *pv, uint64_t when)
{
    (void)when;
    struct paravirt *p = pv;
    tick(p);
    p->ticked = pv_now(p);
    if (p->period) arm(p, &p->periodic, p->ticked + p->period);
}

static void poll_fired(void *pv, uint64_t when)
{
    (void)when;
    pv_wake(pv);
}

void pv_time_init(struct paravirt *p)
{
    uint32_t mul;
    int8_t shift;
    time_scale(p->v->vmm->board.clock->hz, &mul, &shift);
    pv_set_shared(p, VCPU_TSC_MUL, 4, mul);
    pv_set_shared(p, VCPU_TSC_SHIFT, 1, (uint8_t)shift);
    pv_set_shared(p, SHARED_WC_VERSION, 4, 2);
    pv_set_shared(p, SHARED_WC_SEC, 4, p->v->vmm->board.epoch);
    pv_time_update(p);
    p->singleshot = (struct timer){ .fire = singleshot_fired, .self = p };
    p->periodic = (struct timer){ .fire = periodic_fired, .self = p };
    p->poll_timer = (struct timer){ .fire = poll_fired, .self = p };
    p->period = TICK;
    p->ticked = pv_now(p);
    arm(p, &p->periodic, p->ticked + p->period);
}

/* ---- blocking: the periodic timer runs only while the guest does */

static void sleep_now(struct paravirt *p)
{
    p->v->virt.halted = true;
    timeq_cancel(&p->v->vm->timers, &p->periodic);
}

void pv_wake(struct paravirt *p)
{
    if (!p->v->virt.halted) return;
    p->v->virt.halted = false;
    p->polls = false;
    timeq_cancel(&p->v->vm->timers, &p->poll_timer);
    if (p->period) arm(p, &p->periodic, p->ticked + p->period);
}

static bool upcall_pending(const struct paravirt *p) { return pv_shared(p, VCPU_UPCALL_PENDING, 1); }

static int32_t block(struct paravirt *p)
{
    pv_set_shared(p, VCPU_UPCALL_MASK, 1, 0);
    if (!upcall_pending(p)) sleep_now(p); /* else the wake-up would be missed */
    return 0;
}

/* `record`: of one that suspends itself, the frame of its start_info. */
static int32_t shut_down(struct paravirt *p, uint32_t reason, uint32_t record)
{
    struct vm *vm = p->v->vm;
    if (vm->exited) return 0;
    if (reason == XEN_SHUTDOWN_SUSPEND && p->suspend.asked) return pv_suspends(p, record);
    vm->exited = true;
    vm->reset = reason == XEN_SHUTDOWN_REBOOT;
    vm->exit_code = reason; /* off: 0, all is well; crashed, or suspended and nobody to resume it: a failure */
    return 0;
}

/* arg: { list of ports, count, u64 time }. Waits until one of them is pending, whatever is masked. */
static int32_t poll(struct paravirt *p, uint32_t at)
{
    struct { uint32_t ports, count, time, time_high; } r;
    if (!pv_read(p, at, &r, sizeof r)) return -XEN_EFAULT;
    if (r.count > POLL_PORTS) return -XEN_EINVAL;
    if (!pv_read(p, r.ports, p->poll_port, r.count * 4)) return -XEN_EFAULT;
    for (uint32_t i = 0; i < r.count; i++)
        if (p->poll_port[i] >= XEN_CHANNELS) return -XEN_EINVAL;
    for (uint32_t i = 0; i < r.count; i++)
        if (pv_shared(p, SHARED_PENDING + p->poll_port[i] / 32 * 4, 4) >> p->poll_port[i] % 32 & 1) return 0;
    uint64_t time = (uint64_t)r.time_high << 32 | r.time;
    p->polls = true;
    p->polled = r.count;
    sleep_now(p);
    if (time) arm(p, &p->poll_timer, time);
    return 0;
}

/* arg: operation, its structure. */
int32_t pv_sched_op(struct paravirt *p, const uint32_t arg[6])
{
    uint32_t reason;
    switch (arg[0]) {
    case XEN_SCHED_YIELD: return schedule_yields(p->v->vmm), 0;
    case XEN_SCHED_BLOCK: return block(p);
    case XEN_SCHED_REMOTE_SHUTDOWN: return -XEN_EPERM;
    case XEN_SCHED_SHUTDOWN: return pv_read(p, arg[1], &reason, 4) ? shut_down(p, reason, arg[2]) : -XEN_EFAULT;
    case XEN_SCHED_POLL: return poll(p, arg[1]);
    default: return -XEN_ENOSYS;
    }
}

/* arg: operation; for shutdown the reason itself. */
int32_t pv_sched_op_compat(struct paravirt *p, const uint32_t arg[6])
{
    switch (arg[0]) {
    case XEN_SCHED_YIELD: return schedule_yields(p->v->vmm), 0;
    case XEN_SCHED_BLOCK: return block(p);
    case XEN_SCHED_REMOTE_SHUTDOWN: return -XEN_EPERM;
    case XEN_SCHED_SHUTDOWN: return shut_down(p, arg[1], arg[2]);
    default: return -XEN_ENOSYS;
    }
}

/* A time in the past fires at once. One so far off that it must be a mistake (or a jiffy count gone wrong) fires in 100 ms, so
 * that the guest notices: Xen's kindness to Linux. */
static void once_at(struct paravirt *p, uint64_t ns)
{
    uint64_t now = pv_now(p);
    if (ns > now && (ns - now) >> 50) ns = now + SECOND / 10;
    arm(p, &p->singleshot, ns);
}

/* arg: system time (low, high); 0: none. */
int32_t pv_set_timer_op(struct paravirt *p, const uint32_t arg[6])
{
    uint64_t when = (uint64_t)arg[1] << 32 | arg[0];
    if (when) once_at(p, when);
    else timeq_cancel(&p->v->vm->timers, &p->singleshot);
    return 0;
}

static int32_t set_period(struct paravirt *p, uint64_t period)
{
    if (period && period < SECOND / 1000) return -XEN_EINVAL;
    p->period = period;
    p->ticked = pv_now(p);
    if (period) arm(p, &p->periodic, p->ticked + period);
    else timeq_cancel(&p->v->vm->timers, &p->periodic);
    return 0;
}

/* { u32 state; u64 entry time; u64 time in running, runnable, blocked, offline }: packed as i386 does. */
static int32_t runstate(struct paravirt *p, uint32_t at)
{
    uint64_t now = pv_now(p);
    uint32_t r[11] = { 0, 0, 0, (uint32_t)now, (uint32_t)(now >> 32) };
    return pv_write(p, at, r, sizeof r) ? 0 : -XEN_EFAULT;
}

/* arg: operation, vCPU, its structure. */
int32_t pv_vcpu_op(struct paravirt *p, const uint32_t arg[6])
{
    struct { uint32_t low, high, flags; } t = { 0, 0, 0 };
    if (arg[1]) return -XEN_ENOENT;
    switch (arg[0]) {
    case XEN_VCPU_INITIALISE: return -XEN_EEXIST;
    case XEN_VCPU_UP: return 0;
    case XEN_VCPU_IS_UP: return 1;
    case XEN_VCPU_RUNSTATE: return runstate(p, arg[2]);
    case XEN_VCPU_PERIODIC:
        return pv_read(p, arg[2], &t, 8) ? set_period(p, (uint64_t)t.high << 32 | t.low) : -XEN_EFAULT;
    case XEN_VCPU_STOP_PERIODIC: return set_period(p, 0);
    case XEN_VCPU_SINGLESHOT:
        if (!pv_read(p, arg[2], &t, sizeof t)) return -XEN_EFAULT;
        if ((t.flags & 1) && ((uint64_t)t.high << 32 | t.low) < pv_now(p)) return -62; /* -ETIME, as asked for */
        once_at(p, (uint64_t)t.high << 32 | t.low);
        return 0;
    case XEN_VCPU_STOP_SINGLESHOT: timeq_cancel(&p->v->vm->timers, &p->singleshot); return 0;
    default: return -XEN_ENOSYS;
    }
}
