/* Switching the recorder, and looking into it. See recorder.h. */
#include "sim/cpu/recorder.h"

#include <stdlib.h>
#include "sim/cpu/flags.h"

bool recorder_start(struct recorder *r, size_t records)
{
    free(r->list);
    *r = (struct recorder){ .room = 1 };
    if (!records) return true;
    while (r->room < records && r->room < RECORDER_MOST) r->room *= 2;
    r->list = calloc(r->room, sizeof *r->list);
    r->next = r->list;
    r->end = r->list ? r->list + r->room : NULL;
    return r->list;
}

static uint64_t first(const struct recorder *r)
{
    uint64_t kept = r->count > r->room ? r->count - r->room : 0;
    return kept > r->first ? kept : r->first;
}

size_t recorder_count(const struct recorder *r) { return r->list ? (size_t)(r->count - first(r)) : 0; }

const struct record *recorder_at(const struct recorder *r, size_t i) { return &r->list[(first(r) + i) & (r->room - 1)]; }

/* What was overwritten does not come back: `first` stays where it was. */
void recorder_forget(struct recorder *r, uint64_t moment)
{
    r->first = first(r);
    while (r->list && r->count > r->first && r->list[(r->count - 1) & (r->room - 1)].moment >= moment) r->count--;
    if (r->list) r->next = &r->list[r->count & (r->room - 1)];
}

uint32_t record_flags(const struct record *r)
{
    uint32_t flags = (r->eflags & ~(uint32_t)FLAGS_ARITH) | lazy_flags(r->res, r->aux) | FLAG_ONE;
    return r->rf ? flags : flags & ~(uint32_t)FLAG_RF;
}
