/* Collecting a profile; see profile.h. */
#include "sim/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/core/fatal.h"
#include "sim/profile_rows.h"

/* --- rows ---------------------------------------------------------------------------------------------------------- */

static void *there(void *p)
{
    if (!p) fatal(EXIT_ENVIRONMENT, "out of memory for the profile; shorten the run with --limit-cycles");
    return p;
}

static size_t slot(const struct profile *p, const struct profile_key *k)
{
    uint64_t h = ((uint64_t)k->site << 32 | k->at) * 0x9E3779B97F4A7C15u;
    h = (h ^ (uint64_t)(k->place + 8u * k->reason)) * 0xC2B2AE3D27D4EB4Fu;
    size_t i = (size_t)(h >> 32 ^ h >> 45) & (p->room - 1); /* the upper half alone depends on `site` */
    while (p->slot[i] && memcmp(&p->row[p->slot[i] - 1].key, k, sizeof *k)) i = (i + 1) & (p->room - 1);
    return i;
}

static void grow(struct profile *p)
{
    size_t room = p->room ? p->room * 2 : 4096;
    free(p->slot);
    p->slot = there(calloc(room, sizeof *p->slot));
    p->row = there(realloc(p->row, room / 2 * sizeof *p->row));
    p->room = room;
    for (size_t i = 0; i < p->rows; i++) p->slot[slot(p, &p->row[i].key)] = (uint32_t)i + 1;
}

/* "page_fault+4" is page_fault; what has no symbol goes by its page. */
static void function_name(const struct machine *m, uint32_t eip, char *to, size_t n)
{
    char symbol[96], page[16];
    machine_symbol(m, eip, symbol, sizeof symbol);
    snprintf(page, sizeof page, "%08X", eip);
    if (!strcmp(symbol, page)) snprintf(to, n, "[%05Xxxx]", eip >> 12 & 0xFFFFF);
    else snprintf(to, n, "%.*s", (int)strcspn(symbol, "+"), symbol);
}

/* The hypervisor's code: when a row is made, the CPU may be in the guest again, whose addresses mean other things. */
static void stub_name(const struct machine *m, uint32_t eip, char *to, size_t n)
{
    char symbol[96];
    if (machine_stub_symbol(m, eip, symbol, sizeof symbol)) snprintf(to, n, "%.*s", (int)strcspn(symbol, "+"), symbol);
    else function_name(m, eip, to, n);
}

static struct profile_row *row_of(struct profile *p, const struct profile_key *k)
{
    if (p->rows * 2 >= p->room) grow(p);
    size_t i = slot(p, k);
    if (!p->slot[i]) {
        struct profile_row *r = &p->row[p->rows++];
        memset(r, 0, sizeof *r);
        r->key = *k;
        function_name(p->m, k->site, r->site, sizeof r->site);
        if (k->place == PLACE_VMM) stub_name(p->m, k->at, r->at, sizeof r->at);
        p->slot[i] = (uint32_t)p->rows;
    }
    return &p->row[p->slot[i] - 1];
}

/* --- steps --------------------------------------------------------------------------------------------------------- */

static void add(struct profile *p, const struct profile_key *k, const uint64_t *spent)
{
    struct profile_row *r = row_of(p, k);
    r->steps++;
    for (unsigned c = 0; c < CAUSE_COUNT; c++) r->by_cause[c] += spent[c];
}

/* The reason of the newest exit since the last look, or what it was. */
static unsigned new_reason(struct profile *p)
{
    const struct trace *t = machine_trace_of(p->m);
    unsigned reason = p->reason;
    uint32_t last = trace_last(t);
    for (uint32_t id = p->events + 1; id <= last && id; id++) {
        const struct event *e = trace_by_id(t, id);
        if (e && e->kind == EV_EXIT) reason = e->u.EXIT.reason;
    }
    p->events = last;
    return reason;
}

/* A visit's first steps, the way to the door, wait until its reason is known. */
static void in_visit(struct profile *p, const uint64_t *spent)
{
    p->reason = new_reason(p);
    if (p->reason == PROFILE_NO_REASON && p->waiting < PROFILE_WAITING) {
        struct profile_step *w = &p->wait[p->waiting++];
        w->at = p->at;
        memcpy(w->spent, spent, sizeof w->spent);
        return;
    }
    struct profile_key k = { .site = p->site, .place = PLACE_VMM, .from = p->site_place, .reason = (uint8_t)p->reason };
    for (unsigned i = 0; i < p->waiting; i++) {
        k.at = p->wait[i].at;
        add(p, &k, p->wait[i].spent);
    }
    p->waiting = 0;
    k.at = p->at;
    add(p, &k, spent);
}

static void look(struct profile *p)
{
    const struct machine *m = p->m;
    p->place = machine_place(m);
    p->at = machine_eip(m);
    if (p->place == PLACE_VMM) return;
    p->site = p->at;
    p->site_place = (uint8_t)p->place;
    p->reason = PROFILE_NO_REASON;
}

static void on_step(void *self, const struct machine *m)
{
    struct profile *p = self;
    uint64_t now[CAUSE_COUNT], spent[CAUSE_COUNT];
    machine_causes(m, now);
    if (machine_insns(m) < p->moment || (machine_insns(m) == p->moment && machine_cycles(m) <= p->cycles)) return; /* lived through before */
    for (unsigned c = 0; c < CAUSE_COUNT; c++) spent[c] = now[c] - p->seen[c];
    memcpy(p->seen, now, sizeof now);
    p->moment = machine_insns(m);
    p->cycles = machine_cycles(m);
    if (p->place == PLACE_VMM) {
        in_visit(p, spent);
    } else {
        const struct profile_key k = { .site = p->site, .place = (uint8_t)p->place, .from = (uint8_t)p->place, .reason = PROFILE_NO_REASON };
        add(p, &k, spent);
        p->reason = new_reason(p); /* translated code calls the hypervisor in one step */
    }
    look(p);
}

struct profile *profile_new(struct machine *m)
{
    struct profile *p = there(calloc(1, sizeof *p));
    p->m = m;
    grow(p);
    machine_causes(m, p->seen);
    memcpy(p->before, p->seen, sizeof p->before);
    p->moment = machine_insns(m);
    p->cycles = machine_cycles(m);
    p->events = trace_last(machine_trace_of(m));
    p->reason = PROFILE_NO_REASON;
    look(p);
    machine_each(m, on_step, p);
    return p;
}

void profile_free(struct profile *p)
{
    if (!p) return;
    machine_each(p->m, NULL, NULL);
    free(p->row);
    free(p->slot);
    free(p);
}
