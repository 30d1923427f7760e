/* See migrate.h. */
#include "sim/vmm/migrate.h"

#include <stdio.h>
#include <string.h>
#include "sim/vmm/paravirt.h"
#include "sim/vmm/save.h"
#include "sim/vmm/vm.h"

enum { PAGE_LINES = PAGE_SIZE / 64, HEAD = 16 /* bytes before a page on the link */, BATCH = 8 /* pages at a time */ };

static const char *const stage_names[MIGRATE_STAGES] = { "not begun", "reserving", "copying", "stopped", "done", "failed" };
static const char *const why_names[MIGRATE_WHYS] = { "few pages are left", "the guest stores faster than the link may go",
                                                     "it stored to more than in the round before, twice", "there were enough rounds", "it was not to run meanwhile" };
const char *migrate_stage_name(unsigned stage) { return stage < MIGRATE_STAGES ? stage_names[stage] : "?"; }
const char *migrate_why_name(unsigned why) { return why < MIGRATE_WHYS ? why_names[why] : "?"; }

static struct vm *leaver(const struct vmm *h) { return &h->vm[h->migrate.vm]; }
static uint32_t setting(const struct vmm *h, enum setting s) { return h->board.setting[s]; }
static bool is_set(const uint32_t *bits, uint32_t n) { return bits[n / 32] >> n % 32 & 1; }

static void charge(struct vmm *h, uint64_t references)
{
    clock_charge(h->board.clock, CAUSE_MIGRATE, references * h->board.model->cost[COST_MEM_REF]);
}

static uint64_t link_cycles(const struct vmm *h, uint64_t bytes, uint32_t mbit)
{
    return bytes * 8 * (h->board.clock->hz / 1000) / ((uint64_t)mbit * 1000);
}

static uint64_t latency(const struct vmm *h) { return clock_from_ns(h->board.clock, setting(h, SETTING_MIGRATE_LATENCY)); }

static void begin(struct vmm *h, unsigned vm, uint64_t at)
{
    struct migrate *g = &h->migrate;
    *g = (struct migrate){ .vm = (uint8_t)vm, .frames = h->vm[vm].most, .next = at, .dirty = g->dirty, .send = g->send, .frame = g->frame, .kind = g->kind,
                           .bits = g->bits, .line = g->line };
}

void migrate_plan(struct vmm *h, unsigned vm, uint64_t at, const struct migrate_line *line)
{
    migrate_offer(h, line);
    begin(h, vm, at);
}

void migrate_offer(struct vmm *h, const struct migrate_line *line)
{
    struct migrate *g = &h->migrate;
    uint32_t most = 0, ported = 0;
    for (unsigned n = 0; n < h->vms; n++) {
        if (h->vm[n].most > most) most = h->vm[n].most;
        if (h->vm[n].vcpu.pv) ported = h->board.bus->frames;
    }
    g->bits = ported > most ? ported : most;
    g->dirty = arena_alloc(h->board.arena, (g->bits + 31) / 32 * sizeof *g->dirty);
    g->send = arena_alloc(h->board.arena, (most + 31) / 32 * sizeof *g->send);
    g->frame = arena_alloc(h->board.arena, most * sizeof *g->frame);
    g->kind = arena_alloc(h->board.arena, most);
    g->line = *line;
}

enum migrate_asked migrate_ask(struct vmm *h, unsigned vm)
{
    struct migrate *g = &h->migrate;
    if (!g->line.reserve) return MIGRATE_NOWHERE;
    if (h->suspend.at || (g->stage != MIGRATE_NONE && g->stage != MIGRATE_FAILED) || (g->next && g->stage == MIGRATE_NONE)) return MIGRATE_BUSY;
    begin(h, vm, h->board.clock->now);
    h->schedule.look = true;
    return MIGRATE_BEGUN;
}

uint64_t migrate_deadline(const struct vmm *h)
{
    const struct migrate *g = &h->migrate;
    return g->next && (g->stage < MIGRATE_STOP || (g->stage == MIGRATE_STOP && leaver(h)->moving)) ? g->next : TIMEQ_NEVER;
}

/* ---- the dirty log */

/* Without it the VM stands still while all of it goes. */
static bool is_live(struct vmm *h)
{
    const struct vcpu *v = &leaver(h)->vcpu;
    return setting(h, SETTING_MIGRATE_LIVE) && (v->pv ? v->pv->mmu->log.frames != 0 : v->vmmu.ops->protect != NULL);
}

static uint8_t *marks_of(const struct vm *vm, uint32_t page) { return &vm->vmm->board.bus->marks[vm->bus.map[page]]; }

/* Is the next store to the page to be noted? One of several pages on a frame can be stored to by nobody, whatever is noted. */
static void note(struct vm *vm, uint32_t page, bool next)
{
    const struct memory *m = &vm->vmm->memory;
    if (m->managed && (vm->bus.map[page] == FRAME_NONE || memory_is_shared(m, vm->bus.map[page]))) return;
    uint8_t *mark = marks_of(vm, page);
    *mark = (uint8_t)(next ? *mark | FRAME_SHARED : *mark & ~FRAME_SHARED);
}

void migrate_comes(struct vm *vm, uint32_t page)
{
    const struct migrate *g = &vm->vmm->migrate;
    if (g->logs && vm == leaver(vm->vmm) && !is_set(g->dirty, page)) note(vm, page, true);
}

void migrate_stores(struct vm *vm, uint32_t page)
{
    struct migrate *g = &vm->vmm->migrate;
    if (!g->dirty || page >= g->bits || vm != leaver(vm->vmm)) return;
    if (vm->vmm->memory.managed ? !g->logs || is_set(g->dirty, page) : !(*marks_of(vm, page) & FRAME_SHARED)) return;
    note(vm, page, false);
    g->dirty[page / 32] |= 1u << page % 32;
    g->dirtied++;
    g->faults++;
    charge(vm->vmm, 2);
}

/* From here on every page's first store is noted. */
static void log_anew(struct vmm *h)
{
    struct migrate *g = &h->migrate;
    struct vm *vm = leaver(h);
    struct vmmu *m = &vm->vcpu.vmmu;
    memset(g->dirty, 0, (g->bits + 31) / 32 * sizeof *g->dirty);
    g->dirtied = 0;
    if (!is_live(h)) return;
    if (vm->vcpu.pv) {
        charge(h, vm->vcpu.pv->mmu->owned / 32);
        pv_log(vm->vcpu.pv, true);
        return;
    }
    g->logs = true;
    for (uint32_t n = 0; n < g->frames; n++) note(vm, n, true);
    charge(h, g->frames / 32);
    m->cause = vm->vcpu.cause;
    m->ops->protect(m);
}

static void log_off(struct vmm *h)
{
    if (leaver(h)->vcpu.pv) pv_log(leaver(h)->vcpu.pv, false);
    else for (uint32_t n = 0; is_live(h) && n < h->migrate.frames; n++) note(leaver(h), n, false);
    h->migrate.logs = false;
}

/* ---- rounds */

static struct migrate_round *now_round(struct migrate *g) { return &g->round[g->rounds - 1]; }

static bool pages_of(struct vmm *h, struct pv_pages *all)
{
    struct migrate *g = &h->migrate;
    const struct paravirt *p = leaver(h)->vcpu.pv;
    if (!p || pv_pages(p, all)) return true;
    snprintf(g->failed, sizeof g->failed, "its kernel's list of machine frames is wrong");
    return false;
}

/* Of a ported kernel: it was stored to, or is another frame, or holds something else than when it was sent. */
static uint32_t ported_pages(struct vmm *h, const struct pv_pages *all)
{
    struct migrate *g = &h->migrate;
    uint32_t pages = 0;
    memset(g->send, 0, (g->frames + 31) / 32 * sizeof *g->send);
    for (uint32_t n = 0; n < g->frames; n++) {
        uint32_t frame = all->frame[n];
        bool other = g->frame[n] != frame || ((g->kind[n] ^ all->kind[n]) & PV_KIND);
        if (!other && (frame == UINT32_MAX || !is_set(g->dirty, frame))) continue;
        g->send[n / 32] |= 1u << n % 32;
        pages++;
    }
    return pages;
}

static uint32_t pages_to_send(struct vmm *h)
{
    struct migrate *g = &h->migrate;
    struct pv_pages all = { 0 };
    uint32_t pages = g->dirtied;
    if (!leaver(h)->vcpu.pv) memcpy(g->send, g->dirty, (g->frames + 31) / 32 * sizeof *g->send);
    else if (pages_of(h, &all)) pages = ported_pages(h, &all);
    pv_pages_free(&all);
    return pages;
}

static void begin_round(struct vmm *h, uint32_t mbit)
{
    struct migrate *g = &h->migrate;
    uint32_t pages = g->rounds ? pages_to_send(h) : g->frames;
    if (!g->rounds) memset(g->send, 0xFF, (g->frames + 31) / 32 * sizeof *g->send);
    g->rounds++;
    g->cursor = 0;
    g->next = h->board.clock->now;
    *now_round(g) = (struct migrate_round){ .began = h->board.clock->now, .pages = pages, .mbit = mbit };
    log_anew(h);
}

static bool is_zero(const uint8_t *page)
{
    static const uint8_t zeros[PAGE_SIZE];
    return !memcmp(page, zeros, PAGE_SIZE);
}

static void give_up(struct vmm *h)
{
    struct migrate *g = &h->migrate;
    log_off(h);
    g->stage = MIGRATE_FAILED;
    g->line.abandon(g->line.self);
}

void migrate_over(struct vm *vm)
{
    struct migrate *g = &vm->vmm->migrate;
    if (vm != leaver(vm->vmm) || g->stage == MIGRATE_NONE || g->stage > MIGRATE_STOP) return;
    const char *why = vm->vcpu.pv ? pv_cannot_leave(vm->vcpu.pv) : NULL;
    snprintf(g->failed, sizeof g->failed, "%s", why ? why : "it came to its end before it had gone");
    give_up(vm->vmm);
}

/* Of a ported kernel's pages those that hold machine frames go rewritten. */
static const uint8_t *bytes_of(const struct vm *vm, const struct pv_pages *all, uint32_t page, uint8_t room[PAGE_SIZE])
{
    if (vm->vmm->memory.managed) return memory_look(vm, page);
    if (!vm->vcpu.pv) return bus_page(vm->vmm->board.bus, hpa(vm->bus.map[page] << PAGE_SHIFT));
    (void)pv_canonical(vm->vcpu.pv, all, page, room);
    return room;
}

/* The page goes onto the link; false: that was all with it. */
static bool send(struct vmm *h, const struct pv_pages *all, uint32_t page)
{
    struct migrate *g = &h->migrate;
    struct migrate_round *r = now_round(g);
    uint8_t room[PAGE_SIZE];
    const uint8_t *bytes = bytes_of(leaver(h), all, page, room);
    if (all->kind) g->kind[page] = all->kind[page], g->frame[page] = all->frame[page];
    bool zero = is_zero(bytes);
    charge(h, zero ? PAGE_LINES : 2 * PAGE_LINES);
    r->zero += zero;
    r->sent += !zero;
    r->bytes += zero ? HEAD : HEAD + PAGE_SIZE;
    return g->line.page(g->line.self, g->stage == MIGRATE_STOP ? MIGRATE_LAST : g->rounds, page, zero ? NULL : bytes, g->failed, sizeof g->failed);
}

/* A few pages, then it is the guest's turn until they are on their way. False: the link, or the target, is gone. */
static bool send_some(struct vmm *h)
{
    struct migrate *g = &h->migrate;
    struct migrate_round *r = now_round(g);
    uint64_t before = r->bytes;
    struct pv_pages all = { 0 };
    bool good = pages_of(h, &all);
    for (; good && g->cursor < g->frames && r->bytes - before < BATCH * (HEAD + PAGE_SIZE); g->cursor++) {
        if (!is_set(g->send, g->cursor)) continue;
        uint32_t bit = all.frame ? all.frame[g->cursor] : g->cursor;
        if (bit < g->bits && is_set(g->dirty, bit)) r->hot++;
        else good = send(h, &all, g->cursor);
    }
    pv_pages_free(&all);
    if (!good) return false;
    g->next += link_cycles(h, r->bytes - before, r->mbit);
    if (g->next <= h->board.clock->now) g->next = h->board.clock->now + 1; /* the processor is slower than the link */
    return true;
}

/* Mbit/s that the guest stored to, in pages. */
static uint32_t dirty_rate(const struct vmm *h, const struct migrate_round *r)
{
    uint64_t cycles = r->ended > r->began ? r->ended - r->began : 1;
    return (uint32_t)((uint64_t)r->dirtied * PAGE_SIZE * 8 * (h->board.clock->hz / 1000) / cycles / 1000);
}

static bool is_enough(struct vmm *h, uint32_t next)
{
    struct migrate *g = &h->migrate;
    const struct migrate_round *r = now_round(g);
    if (g->rounds > 1 && r->dirtied > r[-1].dirtied) g->grew++;
    if (r->dirtied <= setting(h, SETTING_MIGRATE_LAST)) g->why = MIGRATE_FEW;
    else if (next > setting(h, SETTING_MIGRATE_MAX)) g->why = MIGRATE_FAST;
    else if (g->grew >= 2) g->why = MIGRATE_GROWS;
    else if (g->rounds >= setting(h, SETTING_MIGRATE_ROUNDS)) g->why = MIGRATE_ROUNDS_MOST;
    else return false;
    return true;
}

static bool taken(void *vmm, struct vm *vm);
static void arrived(struct vmm *h);

/* A ported kernel that does not do its part. */
static void vain(void *vmm, const char *why)
{
    struct vmm *h = vmm;
    snprintf(h->migrate.failed, sizeof h->migrate.failed, "%s", why);
    give_up(h);
}

static void stop(struct vmm *h)
{
    struct migrate *g = &h->migrate;
    g->stage = MIGRATE_STOP;
    h->suspend = (struct suspend){ .at = h->board.clock->now, .vm = g->vm, .take = taken, .vain = vain, .self = h };
    h->schedule.look = true;
}

static void end_round(struct vmm *h)
{
    struct migrate *g = &h->migrate;
    struct migrate_round *r = now_round(g);
    r->ended = h->board.clock->now;
    r->dirtied = g->dirtied;
    uint32_t next = dirty_rate(h, r) + setting(h, SETTING_MIGRATE_STEP), least = setting(h, SETTING_MIGRATE_MIN);
    if (is_enough(h, next)) {
        stop(h);
    } else {
        begin_round(h, next > least ? next : least);
    }
}

/* A ported kernel has a little time until it can leave; then `failed` says why it cannot. */
static bool boots(struct vmm *h)
{
    struct migrate *g = &h->migrate;
    const struct paravirt *p = leaver(h)->vcpu.pv;
    const char *why = p ? pv_cannot_leave(p) : NULL;
    if (!why) return false;
    bool early = h->board.clock->now - g->began < PV_BOOTS * (h->board.clock->hz / 1000);
    if (early) g->next = h->board.clock->now + h->board.clock->hz / 20000;
    else snprintf(g->failed, sizeof g->failed, "%s", why);
    return early;
}

void migrate_tick(struct vmm *h)
{
    struct migrate *g = &h->migrate;
    bool good = true;
    switch ((enum migrate_stage)g->stage) {
    case MIGRATE_NONE: /* there and back: may it come? */
        g->stage = MIGRATE_RESERVE;
        g->began = h->board.clock->now;
        g->next = g->began + 2 * latency(h);
        break;
    case MIGRATE_RESERVE:
        if (boots(h)) break;
        if (g->failed[0]) {
            good = false;
            break;
        }
        good = g->line.reserve(g->line.self, g->failed, sizeof g->failed);
        g->stage = MIGRATE_COPY;
        g->why = MIGRATE_COLD;
        if (good && is_live(h)) begin_round(h, setting(h, SETTING_MIGRATE_MIN));
        else if (good) stop(h);
        break;
    case MIGRATE_COPY:
        if (g->cursor < g->frames) good = send_some(h);
        else end_round(h);
        break;
    case MIGRATE_STOP: arrived(h); break;
    default: break;
    }
    if (!good) give_up(h);
}

/* ---- stop and copy */

/* Nobody runs here until the bytes are over. */
static void wait(struct vmm *h, uint64_t cycles)
{
    clock_charge(h->board.clock, CAUSE_IDLE, cycles);
    timeq_run(h->board.cpu->env.timers);
}

static bool send_rest(struct vmm *h)
{
    struct migrate *g = &h->migrate;
    struct migrate_round *r = now_round(g);
    struct pv_pages all = { 0 };
    bool good = pages_of(h, &all);
    for (; good && g->cursor < g->frames; g->cursor++)
        if (is_set(g->send, g->cursor)) good = send(h, &all, g->cursor);
    pv_pages_free(&all);
    if (!good) return false;
    r->bytes += g->line.rest(g->line.self, leaver(h));
    return true;
}

/* Everything is there, or nothing will be: the target has the word. */
static bool settled(struct vmm *h, bool good)
{
    struct migrate *g = &h->migrate;
    good = good && g->line.commit(g->line.self, leaver(h), g->failed, sizeof g->failed);
    now_round(g)->ended = g->resumed = h->board.clock->now;
    if (good && leaver(h)->vcpu.pv) pv_log(leaver(h)->vcpu.pv, false);
    if (good) g->stage = MIGRATE_DONE;
    else give_up(h);
    return good;
}

/* The last bytes of one of several are over. */
static void arrived(struct vmm *h)
{
    struct vm *vm = leaver(h);
    vm->moving = false;
    vm->gone = settled(h, true);
    if (vm->gone) schedule_over(vm);
    else if (!vm->vcpu.virt.halted) schedule_state(vm, VM_READY); /* it goes on where it stood */
    h->schedule.look = true;
}

/* The VM stands still. What is left goes as fast as it may; among several it sleeps until that is over, and they do not wait. */
static bool taken(void *vmm, struct vm *vm)
{
    struct vmm *h = vmm;
    struct migrate *g = &h->migrate;
    uint32_t most = setting(h, SETTING_MIGRATE_MAX);
    g->stopped = h->board.clock->now;
    if (vm->vcpu.pv) pv_log_lent(vm->vcpu.pv);
    if (g->rounds) now_round(g)->dirtied = g->dirtied; /* until it was at rest */
    begin_round(h, most);
    uint64_t before = h->board.clock->now;
    bool good = send_rest(h);
    uint64_t took = h->board.clock->now - before, need = link_cycles(h, now_round(g)->bytes, most) + 2 * latency(h);
    if (good && h->vms > 1) {
        vm->moving = true;
        g->next = before + (need > took ? need : took);
        return false;
    }
    if (good && need > took) wait(h, need - took);
    return settled(h, good);
}
