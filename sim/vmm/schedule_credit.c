/* The credit scheduler, after Xen's: shares by weight, limits by cap, and no processor time wasted.
 *
 * Idea: every period each VM that wants the processor gets credit in proportion to its weight; running costs it, cycle by cycle. Those
 * with credit left ("under") come before those without ("over"), who get what nobody else wants. So over time each gets its share,
 * and one that mostly sleeps has always credit left: when it wakes, it is put first once ("boost"), and waits for nobody that computes.
 * A cap is another thing: percent of the processor that a VM never gets more than, even if the rest idles.
 * Xen's sched_credit.c counts in ticks of 10 ms; here the clock is exact. Not modelled: several processors, and stealing between them. */
#include "sim/vmm/schedule.h"

#include <stddef.h>
#include "sim/vmm/vm.h"

enum class { CLASS_BOOST, CLASS_UNDER, CLASS_OVER, CLASSES };
enum { SHORTEST_US = 100 /* turns are not cut shorter than that for want of credit */ };

static uint64_t now_of(const struct vmm *h) { return h->board.clock->now; }

static bool wants(const struct vm *vm)
{
    uint8_t state = vm->account.state;
    return state == VM_READY || state == VM_RUNNING;
}

/* Who has not wanted the processor since the last time keeps the credit it has. */
static bool is_active(const struct vm *vm)
{
    return vm->account.state != VM_OVER && (vm->account.state != VM_ASLEEP || vm->share.used);
}

static enum class class_of(const struct vm *vm)
{
    return vm->share.boosted ? CLASS_BOOST : vm->share.credit > 0 ? CLASS_UNDER : CLASS_OVER;
}

static uint64_t allowance(const struct vm *vm) { return vm->vmm->schedule.period * vm->share.cap / 100; }

/* Gives `all` out by weight to those who are in want of it, and returns what nobody was: a VM saves up no more than a period's worth. */
static uint64_t give_to(struct vmm *h, uint64_t all)
{
    int64_t most = (int64_t)h->schedule.period;
    uint64_t weights = 0, left = all;
    for (unsigned i = 0; i < h->vms; i++)
        if (is_active(&h->vm[i]) && h->vm[i].share.credit < most) weights += h->vm[i].share.weight;
    for (unsigned i = 0; i < h->vms; i++) {
        struct vm *vm = &h->vm[i];
        if (!is_active(vm) || vm->share.credit >= most) continue;
        int64_t part = (int64_t)(all * vm->share.weight / weights), room = most - vm->share.credit;
        vm->share.credit += part < room ? part : room;
        left -= (uint64_t)(part < room ? part : room);
    }
    return left;
}

/* What one has no room for is the others'. */
static void give_out(struct vmm *h)
{
    give_to(h, give_to(h, h->schedule.period));
    for (unsigned i = 0; i < h->vms; i++) {
        struct vm *vm = &h->vm[i];
        int64_t least = -(int64_t)h->schedule.period;
        if (vm->share.credit < least) vm->share.credit = least; /* nor does one run up a greater debt */
        vm->share.used = 0;
        if (vm->account.state == VM_CAPPED) schedule_state(vm, VM_READY);
    }
    h->schedule.give_at = now_of(h) + h->schedule.period;
}

static void begin(struct vmm *h) { give_out(h); }

static void ran(struct vm *vm, uint64_t cycles)
{
    vm->share.credit -= (int64_t)cycles;
    vm->share.used += cycles;
    vm->share.boosted = false;
}

static void woke(struct vm *vm) { vm->share.boosted = vm->share.credit > 0; }

/* A turn ends early where credit, the cap's allowance or the period do. */
static uint64_t turn_end(const struct vm *vm)
{
    const struct schedule *s = &vm->vmm->schedule;
    uint64_t now = now_of(vm->vmm), turn = s->slice, shortest = vm->vmm->board.clock->hz / 1000000 * SHORTEST_US;
    uint64_t credit = vm->share.credit > (int64_t)shortest ? (uint64_t)vm->share.credit : shortest;
    if (class_of(vm) != CLASS_OVER && credit < turn) turn = credit;
    if (vm->share.cap && allowance(vm) - vm->share.used < turn) turn = allowance(vm) - vm->share.used;
    return now + turn < s->give_at ? now + turn : s->give_at;
}

static void hold_back(struct vmm *h)
{
    for (unsigned i = 0; i < h->vms; i++) {
        struct vm *vm = &h->vm[i];
        if (vm->share.cap && wants(vm) && vm->share.used >= allowance(vm)) schedule_state(vm, VM_CAPPED);
    }
}

/* Without credit left, who is least in debt comes first; else all of a class are served in turn. */
static bool is_better(const struct vm *a, const struct vm *b)
{
    enum class x = class_of(a), y = class_of(b);
    return x != y ? x < y : x == CLASS_OVER && a->share.credit > b->share.credit;
}

/* Of the best class, whoever comes next behind the one that ran, which itself goes on if its turn is not over and nobody is in a better
 * class. */
static struct vm *pick(struct vmm *h)
{
    struct schedule *s = &h->schedule;
    unsigned at = (unsigned)(h->now - h->vm);
    struct vm *best = NULL;
    if (now_of(h) >= s->give_at) give_out(h);
    hold_back(h);
    bool goes_on = h->now->account.state == VM_RUNNING && now_of(h) < s->until;
    for (unsigned i = 1; i <= h->vms; i++) {
        struct vm *vm = &h->vm[(at + i) % h->vms];
        if (wants(vm) && (!best || is_better(vm, best))) best = vm;
    }
    if (goes_on && best && class_of(best) >= class_of(h->now)) best = h->now;
    if (!best) s->until = s->give_at;
    else if (best != h->now || h->now->account.state != VM_RUNNING || now_of(h) >= s->until) s->until = turn_end(best);
    return best;
}

extern const struct scheduler scheduler_credit;
const struct scheduler scheduler_credit = {
    .name = "credit",
    .about = "shares in proportion to weights, and caps that nobody exceeds; who mostly sleeps is served at once",
    .begin = begin,
    .ran = ran,
    .woke = woke,
    .pick = pick,
};
