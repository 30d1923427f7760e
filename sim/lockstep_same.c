/* What two machines in step may and may not differ in; see lockstep_same.h. */
#include "sim/lockstep_same.h"

#include <stdio.h>
#include <string.h>
#include "sim/firmware_tables.h"

/* Memory that two machines may have different contents of from the start. */
static bool is_platform(uint32_t at) { return at - FIRMWARE_TABLES < FIRMWARE_TABLES_SIZE; }

void lockstep_note(struct lockstep *l, unsigned k, const char *what, uint32_t at, uint32_t wanted, uint32_t got)
{
    l->end = LOCKSTEP_PARTED;
    if (l->differences == LOCKSTEP_DIFFERENCES) return;
    struct lockstep_difference *d = &l->difference[l->differences++];
    snprintf(d->what, sizeof d->what, "%s", what);
    d->machine = (uint8_t)k;
    d->at = at, d->wanted = wanted, d->got = got;
}

static uint32_t word_at(const uint8_t *p, uint32_t n)
{
    uint32_t v = 0;
    memcpy(&v, p, n < 4 ? n : 4);
    return v;
}

/* One span on both machines: the first differing bytes are noted, or (`copy`) made equal. What neither has is device memory. */
static bool same_span(struct lockstep *l, unsigned k, struct machine_span s, bool copy)
{
    uint8_t x[256], y[256];
    bool same = true;
    for (uint32_t at = 0; at < s.n; ) {
        uint32_t n = s.n - at < sizeof x ? s.n - at : (uint32_t)sizeof x, page = 4096 - ((s.at.v + at) & 4095);
        if (n > page) n = page;
        gva_t where = gva(s.at.v + at);
        bool a = machine_peek_guest(l->m[0], where, x, n), b = machine_peek_guest(l->m[k], where, y, n);
        at += n;
        if (a != b) lockstep_note(l, k, a ? "unmapped there" : "unmapped here", where.v, a, b), same = false;
        if (!a || !b || !memcmp(x, y, n)) continue;
        unsigned first = 0;
        while (x[first] == y[first]) first++;
        unsigned into = (where.v + first) & 3; /* whole words read better */
        if (into <= first) first -= into;
        if (copy || is_platform(where.v + first)) {
            l->platform += !copy;
            machine_poke(l->m[k], where, x, n);
        } else {
            lockstep_note(l, k, "memory", where.v + first, word_at(x + first, n - first), word_at(y + first, n - first));
            same = false;
        }
    }
    return same;
}

bool lockstep_same_memory(struct lockstep *l, const struct machine_span *list, unsigned n)
{
    bool same = true;
    for (unsigned k = 1; k < l->n; k++)
        for (unsigned i = 0; i < n; i++) same &= same_span(l, k, list[i], false);
    return same;
}

static void same_registers(struct lockstep *l, unsigned k)
{
    struct guest_view v[2];
    guest_view(l->m[0], &v[0]);
    guest_view(l->m[k], &v[1]);
    for (unsigned i = 0; i < v[0].n; i++)
        if (v[0].at[i].value != v[1].at[i].value) lockstep_note(l, k, v[0].at[i].name, 0, v[0].at[i].value, v[1].at[i].value);
    struct machine_fpu f[2] = { 0 };
    machine_fpu(l->m[0], &f[0]);
    machine_fpu(l->m[k], &f[1]);
    for (unsigned i = 0; i < 8; i++)
        if (memcmp(f[0].st[i], f[1].st[i], 10)) lockstep_note(l, k, "x87 register", i, word_at(f[0].st[i], 4), word_at(f[1].st[i], 4));
    if (f[0].control != f[1].control) lockstep_note(l, k, "x87 control", 0, f[0].control, f[1].control);
    if (f[0].status != f[1].status) lockstep_note(l, k, "x87 status", 0, f[0].status, f[1].status);
}

void lockstep_same_registers(struct lockstep *l)
{
    for (unsigned k = 1; k < l->n; k++) same_registers(l, k);
}

/* --- what may differ --- */

enum freedom lockstep_freedom(const struct machine_insn *i, bool device)
{
    static const struct { const char *word; enum freedom is; } rows[] = {
        { "in", FREE_INPUT }, { "ins", FREE_INPUT }, { "rdtsc", FREE_INPUT }, { "rdpmc", FREE_INPUT }, { "rdmsr", FREE_INPUT },
        { "cpuid", FREE_PLATFORM },
    };
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++)
        if (!strcmp(rows[k].word, i->word)) return rows[k].is;
    return device ? FREE_INPUT : NOT_FREE;
}

/* There is an address there for all, and RAM for none. */
bool lockstep_touches_device(const struct lockstep *l, const struct machine_span *list, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct machine_xlat x;
        uint8_t byte;
        if (machine_peek_guest(l->m[0], list[i].at, &byte, 1)) continue;
        machine_translate(l->m[0], list[i].at, ACCESS_READ, &x);
        if (x.guest_ok) return true;
    }
    return false;
}

static void copy_to(struct lockstep *l, unsigned k, enum freedom kind, const struct machine_span *list, unsigned n)
{
    static const char *const names[] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi" };
    struct machine_cpu c[2];
    bool copied = false;
    machine_guest(l->m[0], &c[0]);
    machine_guest(l->m[k], &c[1]);
    for (unsigned r = 0; r < 8; r++)
        if (c[0].reg[r] != c[1].reg[r]) copied |= machine_set_reg(l->m[k], names[r], c[0].reg[r]);
    if (c[0].eflags != c[1].eflags && c[0].iflag == c[1].iflag) copied |= machine_set_reg(l->m[k], "eflags", c[0].eflags);
    for (unsigned i = 0; i < n; i++) same_span(l, k, list[i], true);
    if (kind == FREE_PLATFORM) l->platform += copied;
    else l->inputs += copied;
}

void lockstep_copy_input(struct lockstep *l, enum freedom kind, const struct machine_span *list, unsigned n)
{
    for (unsigned k = 1; k < l->n; k++) copy_to(l, k, kind, list, n);
}
