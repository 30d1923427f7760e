/* See snapshot.h. */
#include "sim/snapshot.h"

#include <stdlib.h>
#include <string.h>
#include "sim/board.h"
#include "sim/core/pages.h"

/* The first snapshots are close together; later ones are as far apart as an eighth of what has been run, but no farther than what is
 * executed again in a moment. Where they become too many for their memory, every second one goes. */
enum { SNAPSHOT_FIRST = 250000, SNAPSHOT_SHARE = 8, SNAPSHOT_FAR = 8000000, ROOM_MB = 1024, FEW = 4 };
enum { GROUP = 512 }; /* copies of pages that are allocated at once */

static uint64_t distance(uint64_t insns)
{
    uint64_t share = insns / SNAPSHOT_SHARE;
    if (share > SNAPSHOT_FAR) return SNAPSHOT_FAR;
    return share > SNAPSHOT_FIRST ? share : SNAPSHOT_FIRST;
}

uint64_t snapshots_room(const struct machine *m)
{
    const char *mb = config_get(&m->cfg, CONFIG_HISTORY);
    return (mb ? strtoull(mb, NULL, 10) : ROOM_MB) << 20;
}

bool snapshots_init(struct machine *m)
{
    m->snapshots.latest = calloc(m->frames, sizeof *m->snapshots.latest);
    return m->snapshots.latest != NULL;
}

static void copies_done(struct copies *c)
{
    for (uint32_t i = 0; i < c->groups; i++) pages_free(c->group[i], GROUP * PAGE_SIZE);
    free(c->group);
}

void snapshots_done(struct machine *m)
{
    struct snapshots *s = &m->snapshots;
    copies_done(&s->of_arena);
    copies_done(&s->of_ram);
    for (uint32_t i = 0; i < s->count; i++) free(s->list[i].arena);
    free(s->list);
    free(s->page);
    free(s->latest);
}

static void *grow(void *p, uint32_t *room, uint32_t need, size_t each)
{
    if (need <= *room) return p;
    uint32_t more = *room ? *room * 2 : 64;
    void *bigger = realloc(p, more * each);
    if (bigger) *room = more;
    return bigger;
}

static uint8_t *copy_of(const struct copies *c, uint32_t n) { return c->group[n / GROUP] + (size_t)(n % GROUP) * PAGE_SIZE; }

/* As copy n, which is one of those there are, or the next. Snapshots go from the newest on, so it stays where it is. */
static bool save_copy(struct copies *c, uint32_t n, const uint8_t *bytes, size_t size)
{
    uint32_t g = n / GROUP;
    if (g == c->groups) {
        uint8_t **group = grow(c->group, &c->room, g + 1, sizeof *group);
        if (group) c->group = group;
        if (!group || !(c->group[g] = pages_alloc(GROUP * PAGE_SIZE))) return false;
        c->groups++;
    }
    memcpy(copy_of(c, n), bytes, size);
    return true;
}

static size_t arena_pages(const struct machine *m) { return (m->arena.used + PAGE_SIZE - 1) / PAGE_SIZE; }
static size_t bytes_of(const struct machine *m, size_t page)
{
    size_t left = m->arena.used - page * PAGE_SIZE;
    return left < PAGE_SIZE ? left : PAGE_SIZE;
}

/* The arena as it is: pages that are as the last snapshot has them are shared with it, and those that were never touched with each other. */
static uint32_t *save_arena(struct machine *m)
{
    static const uint8_t zeros[PAGE_SIZE];
    struct snapshots *s = &m->snapshots;
    const uint32_t *last = s->count ? s->list[s->count - 1].arena : NULL;
    size_t pages = arena_pages(m);
    uint32_t *list = malloc(pages * sizeof *list);
    if (!s->copies && !save_copy(&s->of_arena, s->copies++, zeros, PAGE_SIZE)) return free(list), NULL;
    for (size_t p = 0; list && p < pages; p++) {
        const uint8_t *now = m->arena.base + p * PAGE_SIZE;
        list[p] = last ? last[p] : 0;
        if (!memcmp(copy_of(&s->of_arena, list[p]), now, bytes_of(m, p))) continue;
        list[p] = s->copies;
        if (!save_copy(&s->of_arena, s->copies++, now, bytes_of(m, p))) return free(list), NULL;
    }
    return list;
}

static void restore_arena(struct machine *m, const uint32_t *list)
{
    for (size_t p = 0; p < arena_pages(m); p++) {
        uint8_t *now = m->arena.base + p * PAGE_SIZE;
        const uint8_t *then = copy_of(&m->snapshots.of_arena, list[p]);
        if (memcmp(now, then, bytes_of(m, p)) != 0) memcpy(now, then, bytes_of(m, p));
    }
}

static bool save_page(struct machine *m, uint32_t frame)
{
    struct snapshots *s = &m->snapshots;
    struct page_version *page = grow(s->page, &s->page_room, s->pages + 1, sizeof *page);
    if (page) s->page = page;
    if (!page || !save_copy(&s->of_ram, s->pages, m->ram + (size_t)frame * PAGE_SIZE, PAGE_SIZE)) return false;
    s->page[s->pages] = (struct page_version){ frame, s->count, s->latest[frame] };
    s->latest[frame] = ++s->pages;
    return true;
}

uint64_t snapshots_used(const struct machine *m)
{
    const struct snapshots *s = &m->snapshots;
    return ((uint64_t)s->copies + s->pages) * PAGE_SIZE + (uint64_t)s->count * arena_pages(m) * sizeof(uint32_t);
}

/* ---- giving up every second one ---- */

static void move_copy(const struct copies *c, uint32_t to, uint32_t from)
{
    if (to != from) memcpy(copy_of(c, to), copy_of(c, from), PAGE_SIZE);
}

/* Groups behind the first n copies. */
static void shrink(struct copies *c, uint32_t n)
{
    while (c->groups > (n + GROUP - 1) / GROUP) pages_free(c->group[--c->groups], GROUP * PAGE_SIZE);
}

/* Versions of RAM pages: each now belongs to the next snapshot that stays (to[]), and goes if its frame has a newer one for that. */
static void thin_ram(struct machine *m, const uint32_t *to, uint32_t *seen)
{
    struct snapshots *s = &m->snapshots;
    uint32_t n = 0;
    for (uint32_t f = 0; f < m->frames; f++) seen[f] = UINT32_MAX;
    for (uint32_t v = s->pages; v--;) {
        struct page_version *p = &s->page[v];
        p->snapshot = to[p->snapshot];
        bool older = seen[p->frame] == p->snapshot;
        seen[p->frame] = p->snapshot;
        if (older) p->snapshot = UINT32_MAX;
    }
    memset(s->latest, 0, m->frames * sizeof *s->latest);
    for (uint32_t v = 0; v < s->pages; v++) {
        struct page_version p = s->page[v];
        if (p.snapshot == UINT32_MAX) continue;
        move_copy(&s->of_ram, n, v);
        s->page[n] = (struct page_version){ p.frame, p.snapshot, s->latest[p.frame] };
        s->latest[p.frame] = ++n;
    }
    s->pages = n;
    shrink(&s->of_ram, n);
}

/* Copies of the arena's pages that a snapshot still names keep their order under new numbers. */
static void thin_arena(struct machine *m, uint32_t *number)
{
    struct snapshots *s = &m->snapshots;
    uint32_t n = 1; /* copy 0, zeros, stays */
    memset(number, 0, ((size_t)s->copies + 1) * sizeof *number);
    for (uint32_t k = 0; k < s->count; k++)
        for (size_t p = 0; p < arena_pages(m); p++) number[s->list[k].arena[p]] = 1;
    for (uint32_t c = 1; c < s->copies; c++) {
        bool used = number[c];
        number[c] = n; /* of one that goes: how many there are before it */
        if (used) move_copy(&s->of_arena, n++, c);
    }
    number[0] = 0;
    number[s->copies] = n;
    for (uint32_t k = 0; k < s->count; k++) {
        for (size_t p = 0; p < arena_pages(m); p++) s->list[k].arena[p] = number[s->list[k].arena[p]];
        s->list[k].copies = number[s->list[k].copies];
    }
    s->copies = n;
    shrink(&s->of_arena, n);
}

/* All but the first, the last and every second go. */
static void thin(struct machine *m)
{
    struct snapshots *s = &m->snapshots;
    uint32_t *to = malloc(s->count * sizeof *to), *seen = malloc(m->frames * sizeof *seen);
    uint32_t *number = malloc(((size_t)s->copies + 1) * sizeof *number), n = 0;
    for (uint32_t k = 0; to && seen && number && k < s->count; k++) {
        bool stays = k % 2 == 0 || k + 1 == s->count;
        to[k] = n; /* one that goes leaves its pages to the next that stays */
        if (stays) s->list[n++] = s->list[k];
        else free(s->list[k].arena);
    }
    if (n) {
        s->count = n;
        thin_ram(m, to, seen);
        thin_arena(m, number);
    }
    free(to);
    free(seen);
    free(number);
}

/* What the disks hold at this moment is never overwritten (disk_image.h). */
static void seal_disks(struct machine *m)
{
    for (unsigned n = 0; n < m->guests; n++)
        for (unsigned i = 0; i < m->cfg.disks; i++) disk_image_seal(m->disk[n * CONFIG_DISKS + i]);
}

/* Without memory for a snapshot the run simply goes on with those it has. */
void snapshot_take(struct machine *m)
{
    struct snapshots *s = &m->snapshots;
    struct board *b = m->b;
    s->next = s->off ? UINT64_MAX : b->cpu.insns + distance(b->cpu.insns);
    if (s->off) return;
    uint64_t room = snapshots_room(m);
    while (s->count > FEW && snapshots_used(m) > room) thin(m);
    if (s->count > 1 && snapshots_used(m) > room) return; /* those there are must do */
    if (s->count && s->list[s->count - 1].insns == b->cpu.insns && s->list[s->count - 1].event == trace_last(m->trace)) return;
    struct snapshot *list = grow(s->list, &s->room, s->count + 1, sizeof *list);
    if (!list) return;
    s->list = list;
    mmu_drop_tags(&b->mmu);
    for (uint32_t f = 0; f < m->frames; f++)
        if (b->bus.marks[f] & FRAME_DIRTY) {
            if (!save_page(m, f)) return;
            b->bus.marks[f] &= (uint8_t)~FRAME_DIRTY;
        }
    uint32_t before = s->copies, *arena = save_arena(m);
    if (!arena) {
        s->copies = before;
        return;
    }
    seal_disks(m);
    s->list[s->count++] = (struct snapshot){ b->cpu.insns, trace_last(m->trace), arena, s->copies };
}

/* The frame's content at snapshot `k`, back into RAM; versions newer than `k` are forgotten by the caller. */
static void restore_page(struct machine *m, uint32_t frame, uint32_t k)
{
    const struct snapshots *s = &m->snapshots;
    uint32_t v = s->latest[frame];
    while (v && s->page[v - 1].snapshot > k) v = s->page[v - 1].before;
    uint8_t *to = m->ram + (size_t)frame * PAGE_SIZE;
    if (v) memcpy(to, copy_of(&s->of_ram, v - 1), PAGE_SIZE);
    else memset(to, 0, PAGE_SIZE);
}

static void restore_ram(struct machine *m, uint32_t k)
{
    struct snapshots *s = &m->snapshots;
    for (uint32_t f = 0; f < m->frames; f++) {
        uint32_t v = s->latest[f];
        if ((m->b->bus.marks[f] & FRAME_DIRTY) || (v && s->page[v - 1].snapshot > k)) restore_page(m, f, k);
    }
    while (s->pages && s->page[s->pages - 1].snapshot > k) { /* saved in order, so the newest are last */
        struct page_version *p = &s->page[--s->pages];
        s->latest[p->frame] = p->before;
    }
    while (s->count > k + 1) free(s->list[--s->count].arena);
    s->copies = s->list[k].copies;
}

void snapshot_restore(struct machine *m, uint64_t insns)
{
    struct snapshots *s = &m->snapshots;
    uint32_t k = s->count - 1;
    while (k && s->list[k].insns > insns) k--;
    restore_ram(m, k);
    restore_arena(m, s->list[k].arena);
    seal_disks(m);
    timeq_cancel(&m->b->timers, &m->b->till); /* of a run that is over */
    block_cache_flush(m->blocks);
    recorder_forget(&m->recorder, s->list[k].insns);
    trace_rewind(m->trace, s->list[k].event);
    trace_episode(m->trace, 0);
    s->next = s->list[k].insns + distance(s->list[k].insns);
}

/* After a change by hand, re-execution from before it would not show it: this moment becomes the beginning. */
void snapshots_forget(struct machine *m)
{
    struct snapshots *s = &m->snapshots;
    while (s->count) free(s->list[--s->count].arena);
    s->copies = 0;
    while (s->pages) {
        struct page_version *p = &s->page[--s->pages];
        s->latest[p->frame] = 0;
        m->b->bus.marks[p->frame] |= FRAME_DIRTY; /* everything ever stored to belongs to the new beginning */
    }
    for (unsigned n = 0; n < m->guests; n++) m->guest[n].serial_sent = m->b->serial_len[n]; /* what is said from here on is new */
    s->next = 0; /* the snapshot itself waits for the next run: changes come in groups */
}
