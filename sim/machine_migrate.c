/* A second machine, and the link to it. See machine.h; sim/vmm/migrate.h has the idea.
 *
 * One VM alone takes the run with it: the second machine is the caller's. One of several leaves a machine that runs on, and so owns the second one.
 *
 * Both machines are switched on at the same moment and count the same cycles; the target idles until the VM is there. Whatever goes over the
 * link is summed on both sides (CRC-32), and the target does not begin before its sum is the source's. What goes wrong on
 * demand (--set migrate.cut, spoil, full, version) goes wrong here, between the two. */
#include <stdio.h>
#include <string.h>
#include <zlib.h>
#include "sim/board.h"
#include "sim/core/fatal.h"
#include "sim/vmm/paravirt.h"
#include "sim/vmm/save.h"

static struct machine *source(void *self) { return self; }
static uint32_t setting(const struct machine *m, enum setting s) { return m->b->vmm.board.setting[s]; }

/* The VM over there that it becomes. */
static struct vm *comer(const struct machine *m) { return &m->migration.to->b->vmm.vm[m->migration.to->cfg.arriving]; }

static uint32_t sum(uint32_t so_far, const void *bytes, size_t n) { return (uint32_t)crc32(so_far, bytes, (uInt)n); }

static void abandon(void *self)
{
    struct machine *m = self;
    machine_free(m->migration.to);
    m->migration.to = NULL;
}

/* What it says there is said by the VM that it was here; a service domain there is heard by nobody. */
static void speaks(void *self, unsigned vm, uint8_t byte)
{
    const struct machine *m = self;
    if (m->migration.to && vm != m->migration.to->cfg.arriving) return;
    if (m->cfg.serial) m->cfg.serial(m->cfg.serial_self, m->b->vmm.migrate.vm, byte);
}

static void target_of(struct machine *m, struct machine_cfg *to)
{
    struct machine_cfg c;
    if (m->b->vmm.service) config_beside(&m->cfg, m->b->vmm.migrate.vm, &c);
    else config_alone(&m->cfg, m->b->vmm.migrate.vm, &c);
    if (m->guests > 1) {
        c.serial = speaks;
        c.serial_self = m;
    }
    c.migrate_at = 0;
    c.arrives = true;
    c.serial_in[0] = 0; /* what is typed here goes there when the VM has gone */
    if (c.migrate_to[0]) {
        strcpy(c.cpu, c.migrate_to);
        c.mmu[0] = 0;
    }
    c.migrate_to[0] = 0;
    *to = c;
}

/* Stage 1. The target makes its VM, with memory and all, and does not start it. */
static bool new_target(struct machine *m, char *why, size_t room)
{
    struct err e = { 0 };
    struct machine_cfg c;
    target_of(m, &c);
    m->migration.to = machine_new(&c, &e);
    if (!m->migration.to) return snprintf(why, room, "the target: %.140s", e.text), false;
    struct paravirt *p = comer(m)->vcpu.pv;
    if (p && !pv_arrives(p)) return snprintf(why, room, "the target has no room for its tables"), false;
    return true;
}

static bool reserve(void *self, char *why, size_t room)
{
    struct machine *m = source(self);
    struct machine_cfg c;
    target_of(m, &c);
    abandon(m);
    m->migration.sent = m->migration.got = 0;
    if (setting(m, SETTING_MIGRATE_VERSION) != SAVE_VERSION) {
        snprintf(why, room, "the target understands version %u of a virtual machine's state, and this is version %d", setting(m, SETTING_MIGRATE_VERSION), SAVE_VERSION);
        return false;
    }
    if (setting(m, SETTING_MIGRATE_FULL)) {
        snprintf(why, room, "the target has no %u MB of memory left", c.ram_mib);
        return false;
    }
    return new_target(m, why, room);
}

static bool is_cut(const struct machine *m, unsigned round, char *why, size_t room)
{
    if (!setting(m, SETTING_MIGRATE_CUT) || round < setting(m, SETTING_MIGRATE_CUT)) return false;
    snprintf(why, room, round == MIGRATE_LAST ? "the link was cut while the virtual machine was stopped" : "the link was cut in round %u", round);
    return true;
}

/* Page n of a VM as it goes; of a ported one's tables: in the form that means something elsewhere. */
static void as_sent(const struct machine *m, const struct vm *vm, const struct pv_pages *all, uint32_t n, uint8_t to[PAGE_SIZE])
{
    if (vm->vcpu.pv) (void)pv_canonical(vm->vcpu.pv, all, n, to);
    else if (m->b->vmm.memory.managed) memcpy(to, memory_look(vm, n), PAGE_SIZE);
    else bus_peek(&m->b->bus, hpa(vm->bus.map[n] << PAGE_SHIFT), to, PAGE_SIZE);
}

/* Where memory is managed a page of zeros needs no frame. Whatever must be swapped for another, no time passes there. */
static bool arrives(struct machine *to, struct vm *vm, uint32_t n, const uint8_t *bytes)
{
    static const uint8_t zeros[PAGE_SIZE];
    const struct clock before = to->b->clock;
    bool good = true;
    if (!vm->vmm->memory.managed) bus_poke(vm_memory(vm), hpa(n << PAGE_SHIFT), bytes, PAGE_SIZE);
    else if (memcmp(bytes, zeros, PAGE_SIZE)) good = memory_put(vm, n, bytes);
    else good = memory_drop(&vm->memory, n, PAGE_NEW);
    to->b->clock = before;
    return good;
}

/* A moment in the middle was gone back to, and its target is no more (the migration had failed since): the same one again, with what is here. Pages
 * that went and were stored to since then are marked and go again, so that is what it had, or will have. */
static bool have_target(struct machine *m, char *why, size_t room)
{
    if (m->migration.to) return true;
    if (!new_target(m, why, room)) return false;
    const struct vm *here = &m->b->vmm.vm[m->b->vmm.migrate.vm];
    struct pv_pages all = { 0 };
    uint8_t bytes[PAGE_SIZE];
    if (here->vcpu.pv && !pv_pages(here->vcpu.pv, &all)) return snprintf(why, room, "its tables are such as no other machine could take"), false;
    for (uint32_t n = 0; n < here->frames; n++) {
        as_sent(m, here, &all, n, bytes);
        if (!arrives(m->migration.to, comer(m), n, bytes)) return snprintf(why, room, "the target has no memory left"), pv_pages_free(&all), false;
    }
    pv_pages_free(&all);
    return true;
}

/* By the round's own count, which goes back in time with the rest. */
static bool first_of(const struct migrate *g, unsigned round)
{
    const struct migrate_round *r = &g->round[round - 1];
    return r->sent + r->zero == 1;
}

static bool page(void *self, unsigned round, uint32_t n, const uint8_t *bytes, char *why, size_t room)
{
    static const uint8_t zeros[PAGE_SIZE];
    struct machine *m = source(self);
    uint8_t copy[PAGE_SIZE];
    if (is_cut(m, round, why, room) || !have_target(m, why, room)) return false;
    struct vm *vm = comer(m);
    if (!bytes) bytes = zeros;
    m->migration.sent = sum(sum(m->migration.sent, &n, sizeof n), bytes, PAGE_SIZE);
    memcpy(copy, bytes, PAGE_SIZE);
    if (round != MIGRATE_LAST && setting(m, SETTING_MIGRATE_SPOIL) == round && first_of(&m->b->vmm.migrate, round)) copy[100] ^= 8;
    m->migration.got = sum(sum(m->migration.got, &n, sizeof n), copy, PAGE_SIZE);
    return arrives(m->migration.to, vm, n, copy) || !snprintf(why, room, "the target finds no frame for a page, not even by swapping");
}

/* --set vmm.check=1: the dirty log has missed nothing. */
static void check(const struct machine *m, const struct vm *vm)
{
    struct vm *arrived = comer(m);
    struct pv_pages all = { 0 };
    uint8_t here[PAGE_SIZE], there[PAGE_SIZE];
    if (!setting(m, SETTING_CHECK) || (vm->vcpu.pv && !pv_pages(vm->vcpu.pv, &all))) return;
    for (uint32_t n = 0; n < vm->frames; n++) {
        as_sent(m, vm, &all, n, here);
        if (m->b->vmm.memory.managed) memcpy(there, memory_look(arrived, n), PAGE_SIZE);
        else bus_peek(vm_memory(arrived), hpa(n << PAGE_SHIFT), there, PAGE_SIZE);
        if (memcmp(here, there, PAGE_SIZE)) fatal(EXIT_BUG, "our bug: a store to the virtual machine's memory was not noted, and its page did not go");
    }
    pv_pages_free(&all);
}

static size_t rest(void *self, struct vm *vm)
{
    struct machine *m = source(self);
    text_clear(&m->migration.rest);
    if (!vm->id) machine_input_leaves(m);
    machine_save_vm(m, vm, false, &m->migration.rest);
    if (vm->vcpu.pv) check(m, vm); /* a back end may still store to pages that were granted: what it has not answered is asked again */
    return m->migration.rest.len;
}

/* What was printed is part of the guest's past, wherever that was. */
static void take_past(struct machine *to, const struct machine *from)
{
    unsigned vm = from->b->vmm.migrate.vm;
    struct tenant *t = &to->guest[to->cfg.arriving];
    size_t n = from->b->serial_len[vm];
    text_clear(&t->serial);
    if (n) text_bytes(&t->serial, from->guest[vm].serial.s, n);
    to->b->serial_len[to->cfg.arriving] = t->serial_sent = n;
}

/* Stages 3 and 4. */
static bool commit(void *self, struct vm *vm, char *why, size_t room)
{
    struct machine *m = source(self);
    struct text *t = &m->migration.rest;
    struct err e = { 0 };
    if (is_cut(m, MIGRATE_LAST, why, room) || !have_target(m, why, room)) return false;
    struct machine *to = m->migration.to;
    if (setting(m, SETTING_MIGRATE_SPOIL) == MIGRATE_LAST) t->s[t->len / 2] ^= 8;
    if (m->migration.sent != m->migration.got) {
        snprintf(why, room, "the target's checksum of the pages is another: something was altered on the way");
        return false;
    }
    if (!vm->vcpu.pv) check(m, vm);
    if (!machine_arrive(to, t, m->b->clock.now, &e)) {
        snprintf(why, room, "the target: %.140s", e.text);
        return false;
    }
    take_past(to, m);
    if (!vm->id) machine_input_moves(m, to);
    return true;
}

void machine_migrate_plan(struct machine *m)
{
    const struct migrate_line line = { .reserve = reserve, .page = page, .rest = rest, .commit = commit, .abandon = abandon, .self = m };
    if (m->cfg.migrate_at) migrate_plan(&m->b->vmm, (unsigned)config_leaver(&m->cfg), m->cfg.migrate_at, &line);
    else if (m->technique->hypervisor && setting(m, SETTING_MIGRATE_PEER)) migrate_offer(&m->b->vmm, &line);
}

struct machine *machine_migrated(struct machine *m)
{
    if (m->guests > 1 || m->b->vmm.migrate.stage != MIGRATE_DONE) return NULL;
    struct machine *to = m->migration.to;
    m->migration.to = NULL;
    return to;
}

struct machine *machine_moved(const struct machine *m) { return m->guests > 1 && m->b->vmm.migrate.stage == MIGRATE_DONE ? m->migration.to : NULL; }

bool machine_migration(const struct machine *m, struct machine_migration *out)
{
    const struct migrate *g = &m->b->vmm.migrate;
    *out = (struct machine_migration){ .wanted = m->cfg.migrate_at != 0 || m->b->vmm.migrate.stage != MIGRATE_NONE, .hz = m->b->clock.hz };
    if (!m->technique->hypervisor || g->stage == MIGRATE_NONE) return false;
    out->stage = migrate_stage_name(g->stage);
    out->vm = g->vm, out->several = m->guests > 1;
    out->done = g->stage == MIGRATE_DONE;
    out->failed = g->stage == MIGRATE_FAILED ? g->failed : NULL;
    out->stopped_for = g->stopped ? migrate_why_name(g->why) : NULL;
    out->pages = g->frames;
    out->faults = g->faults;
    out->began = g->began, out->stopped = g->stopped, out->resumed = g->resumed;
    out->rounds = g->rounds;
    for (unsigned n = 0; n < g->rounds; n++) {
        const struct migrate_round *r = &g->round[n];
        out->round[n] = (struct machine_round){ r->began, r->ended, r->bytes, r->pages, r->sent, r->zero, r->hot, r->dirtied, r->mbit };
    }
    return true;
}
