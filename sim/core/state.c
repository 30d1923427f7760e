/* See state.h. */
#include "sim/core/state.h"

#include <stdio.h>
#include <string.h>

/* How many others the queue fires before this timer. */
static uint16_t place_of(const struct timeq *q, const struct timer *t)
{
    uint16_t n = 0;
    for (const struct timer *x = q->head; x && x != t; x = x->next) n++;
    return n;
}

static void save_timer(const struct timer *t, const struct timeq *q, struct text *out)
{
    uint8_t armed = t->armed;
    uint16_t place = armed ? place_of(q, t) : 0;
    uint64_t when = armed ? t->when : 0;
    text_bytes(out, &armed, sizeof armed);
    text_bytes(out, &place, sizeof place);
    text_bytes(out, &when, sizeof when);
}

void state_save(const struct state_table *t, const void *from, const struct timeq *q, struct text *out)
{
    for (const struct state_row *r = t->row; r->name; r++) {
        const uint8_t *at = (const uint8_t *)from + r->offset;
        if (r->kind == STATE_BYTES) text_bytes(out, at, r->size);
        if (r->kind == STATE_TIMER) save_timer((const void *)at, q, out);
        for (uint32_t n = 0; r->kind == STATE_PART && n < r->size; n += r->part->size) state_save(r->part, at + n, q, out);
    }
}

static bool bad(struct state_reader *r, const char *table, const char *field, const char *why)
{
    if (!r->why[0]) snprintf(r->why, sizeof r->why, "%s.%s %s", table, field, why);
    return false;
}

bool state_bytes(struct state_reader *r, void *to, size_t n)
{
    if (n > r->left) return false;
    memcpy(to, r->at, n);
    r->at += n;
    r->left -= n;
    return true;
}

static bool load_timer(struct state_reader *r, struct timer *t)
{
    uint8_t armed;
    uint16_t place;
    uint64_t when;
    if (!state_bytes(r, &armed, sizeof armed) || !state_bytes(r, &place, sizeof place) || !state_bytes(r, &when, sizeof when)) return false;
    if (!armed) return true;
    if (!t->fire) return false; /* nobody is there whom it could tell */
    if (r->timers == STATE_TIMERS) return false;
    r->timer[r->timers++] = (struct state_timer){ t, when, place };
    return true;
}

static bool within(const struct state_row *row, const uint8_t *at)
{
    uint64_t v = 0;
    if (!row->most) return true;
    memcpy(&v, at, row->size < sizeof v ? row->size : sizeof v);
    return v <= row->most;
}

/* Looked at before it is put where a bool or an index is. */
static bool load_bytes(const struct state_row *row, void *to, struct state_reader *r)
{
    if (row->size > r->left || !within(row, r->at)) return false;
    return state_bytes(r, to, row->size);
}

bool state_load(const struct state_table *t, void *to, struct state_reader *r)
{
    for (const struct state_row *row = t->row; row->name; row++) {
        uint8_t *at = (uint8_t *)to + row->offset;
        if (row->kind == STATE_BYTES && !load_bytes(row, at, r)) return bad(r, t->name, row->name, r->left < row->size ? "is missing" : "cannot be so large");
        if (row->kind == STATE_TIMER && !load_timer(r, (void *)at)) return bad(r, t->name, row->name, "is missing");
        for (uint32_t n = 0; row->kind == STATE_PART && n < row->size; n += row->part->size)
            if (!state_load(row->part, at + n, r)) return false;
    }
    return true;
}

void state_arm(struct state_reader *r, struct timeq *q)
{
    while (r->timers) {
        unsigned first = 0;
        for (unsigned n = 1; n < r->timers; n++)
            if (r->timer[n].place < r->timer[first].place) first = n;
        timeq_arm(q, r->timer[first].timer, r->timer[first].when);
        r->timer[first] = r->timer[--r->timers];
    }
}

static uint32_t mix(uint32_t h, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) h = (h ^ ((const uint8_t *)bytes)[i]) * 16777619u;
    return h;
}

uint32_t state_layout(const struct state_table *t, uint32_t h)
{
    h = mix(h ^ 2166136261u, t->name, strlen(t->name));
    for (const struct state_row *r = t->row; r->name; r++) {
        if (r->kind == STATE_LEFT) continue;
        h = mix(h, r->name, strlen(r->name));
        h = mix(h, &r->kind, sizeof r->kind);
        h = r->kind == STATE_TIMER ? h : mix(h, &r->size, sizeof r->size);
        if (r->kind == STATE_PART) h = state_layout(r->part, h);
    }
    return h;
}

/* Rows stand in the order of the fields; between two there is no more than aligns the second. */
bool state_covers(const struct state_table *t, char *why, size_t room)
{
    uint32_t end = 0, align = 1;
    const char *last = "its beginning";
    for (const struct state_row *r = t->row; ; r++) {
        uint32_t at = r->name ? r->offset : t->size, to = r->name ? r->align : align;
        if (at < end || at != (end + to - 1) / to * to) {
            snprintf(why, room, "struct %s: what is behind %s?", t->name, last);
            return false;
        }
        if (!r->name) return true;
        if (r->kind == STATE_PART && (r->size % r->part->size || !state_covers(r->part, why, room))) return false;
        if (r->kind == STATE_TIMER && r->size != sizeof(struct timer)) return false;
        if (align < r->align) align = r->align;
        end = at + r->size;
        last = r->name;
    }
}
