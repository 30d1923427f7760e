/* A debugger's stop points, forwards and backwards. See machine.h, core/points.h.
 *
 * Idea: backwards is forwards in pieces. From the snapshot before a piece the machine runs again with the points armed and
 * notes the last hit; if there is none, the piece before is tried. The price is what lies between, once. */
#include <string.h>
#include "sim/board.h"

static void arm(struct machine *m, bool on)
{
    bool armed = on && m->points.n;
    if (armed == m->points.armed) return;
    m->points.armed = armed;
    mmu_drop_tags(&m->b->mmu); /* they were given out by the other rule */
}

void machine_points(struct machine *m, const struct point *list, unsigned n)
{
    points_set(&m->points, list, n);
    points_go(&m->points);
    mmu_drop_tags(&m->b->mmu);
}

void machine_points_pass(struct machine *m) { m->points.passed = m->b->cpu.insns; }

const struct point_hit *machine_point(const struct machine *m) { return m->points.hit ? &m->points.what : NULL; }

bool machine_points_hold(struct machine *m)
{
    bool was = m->points.armed;
    arm(m, false);
    return was;
}

void machine_points_release(struct machine *m, bool was) { arm(m, was); }

bool machine_points_lend(struct machine *m, struct points *was, const struct point *list, unsigned n)
{
    struct point all[POINTS_MOST];
    unsigned own = m->points.armed ? m->points.n : 0;
    if (own + n > POINTS_MOST) return false;
    *was = m->points;
    memcpy(all, m->points.row, own * sizeof all[0]);
    memcpy(all + own, list, n * sizeof all[0]);
    points_set(&m->points, all, own + n);
    m->lent = n;
    mmu_drop_tags(&m->b->mmu);
    return true;
}

void machine_points_return(struct machine *m, const struct points *was)
{
    bool hit = m->points.hit;
    struct point_hit what = m->points.what;
    uint64_t passed = m->points.passed;
    m->points = *was;
    m->points.hit = hit;
    m->points.what = what;
    m->points.passed = passed;
    m->lent = 0;
    mmu_drop_tags(&m->b->mmu);
}

/* --- backwards --- */

enum { SLICE = 1000000 };

struct search {
    struct machine *m;
    bool (*cancel)(void *self);
    void *self;
    bool found, cancelled;
    struct point_hit last;
};

/* Runs to moment `end`, noting the last point that is hit before it. */
static void search_piece(struct search *s, uint64_t end)
{
    struct machine *m = s->m;
    m->points.passed = UINT64_MAX; /* a hit at the very first moment counts */
    while (machine_insns(m) < end && m->b->end.fate == FATE_RUNNING && !s->cancelled) {
        uint64_t left = end - machine_insns(m);
        if (machine_run(m, NULL, left < SLICE ? left : SLICE) == MACHINE_POINT) {
            s->found = true;
            s->last = m->points.what;
            machine_points_pass(m);
        }
        s->cancelled = s->cancel && s->cancel(s->self);
    }
}

/* The latest moment up to `insns` (and after the beginning) at which the guest's code runs next. */
static bool guest_moment(struct machine *m, uint64_t insns)
{
    const struct till guest = { .kind = TILL_GUEST };
    uint64_t first = m->snapshots.list[0].insns, found = UINT64_MAX;
    if (!machine_has_vmm(m)) return insns >= first && machine_goto(m, insns);
    for (uint64_t back = 64; found == UINT64_MAX && back < 2 * (insns - first + 64); back *= 4) {
        uint64_t from = insns - first > back ? insns - back : first;
        if (!machine_goto(m, from)) return false;
        if (machine_place(m) != PLACE_VMM) found = from;
        while (machine_insns(m) < insns && machine_run(m, &guest, insns - machine_insns(m)) == MACHINE_TILL)
            found = machine_insns(m);
    }
    return found != UINT64_MAX && machine_goto(m, found);
}

static uint64_t beginning(const struct machine *m) { return m->snapshots.list[0].insns; }

/* Pieces between snapshots, latest first. Returns the moment before which nothing was searched. */
static uint64_t search(struct search *s, uint64_t end)
{
    struct machine *m = s->m;
    while (!s->found && !s->cancelled && end > beginning(m)) {
        snapshot_restore(m, end - 1);
        uint64_t from = machine_insns(m);
        search_piece(s, end);
        if (!s->cancelled) end = from;
    }
    return end;
}

enum machine_stop machine_reverse(struct machine *m, bool (*cancel)(void *self), void *self)
{
    struct search s = { .m = m, .cancel = cancel, .self = self };
    if (!m->snapshots.count) return MACHINE_BUDGET;
    trace_mute(m->trace, true);
    uint64_t here = machine_insns(m), end = search(&s, here);
    bool was = machine_points_hold(m);
    bool there = s.found ? guest_moment(m, s.last.moment) : s.cancelled && guest_moment(m, end);
    if (!there) { /* the first thing that runs under a hypervisor is its own stub */
        machine_goto(m, beginning(m));
        while (machine_place(m) == PLACE_VMM && machine_insns(m) < here) machine_run(m, NULL, 1);
    }
    machine_points_release(m, was);
    trace_mute(m->trace, false);
    points_go(&m->points);
    if (!there) return MACHINE_BUDGET;
    if (!s.found) return MACHINE_PAUSED;
    m->points.hit = true;
    m->points.what = s.last;
    return MACHINE_POINT;
}

bool machine_guest_moved(const struct machine_cpu *a, const struct machine_cpu *b)
{
    uint32_t flags = (a->eflags ^ b->eflags) & ~(uint32_t)FLAG_RF; /* the IRET behind a fault sets it */
    bool same = !memcmp(a->reg, b->reg, sizeof a->reg) && a->eip == b->eip && !flags && a->cpl == b->cpl &&
                a->cr0 == b->cr0 && a->cr2 == b->cr2 && a->cr3 == b->cr3;
    for (unsigned s = 0; s < SEG_COUNT; s++) same &= a->seg[s].sel == b->seg[s].sel;
    return !same;
}

bool machine_reverse_step(struct machine *m)
{
    uint64_t here = machine_insns(m), at = here;
    struct machine_cpu now, before;
    if (!m->snapshots.count || here == beginning(m)) return false;
    machine_guest(m, &now);
    bool was = machine_points_hold(m), there = false, again = true;
    trace_mute(m->trace, true);
    while (again && at > beginning(m) && guest_moment(m, at - 1)) {
        bool visit = machine_insns(m) + 1 < at; /* a jump to itself is no visit, and is a step */
        at = machine_insns(m);
        machine_guest(m, &before);
        again = visit && !machine_guest_moved(&before, &now);
        there = !again;
    }
    if (!there) machine_goto(m, here);
    trace_mute(m->trace, false);
    machine_points_release(m, was);
    return there;
}
