/* A profile for people and for flame graphs; see profile.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/profile_rows.h"

/* Rows with one name together. */
struct total { char name[160]; uint64_t self, visits, by_cause[CAUSE_COUNT]; };
struct totals { struct total *list; size_t n; };

static uint64_t sum(const uint64_t *by_cause)
{
    uint64_t n = 0;
    for (unsigned c = 0; c < CAUSE_COUNT; c++) n += by_cause[c];
    return n;
}

static const char *place_name(unsigned place) { return place == PLACE_USER ? "user" : place == PLACE_KERNEL ? "kernel" : "hypervisor"; }
static const char *reason_name(unsigned reason) { return reason == PROFILE_NO_REASON ? "none" : trace_name("exit", reason); }

static int by_name(const void *a, const void *b) { return strcmp(((const struct total *)a)->name, ((const struct total *)b)->name); }

static int by_cost(const void *a, const void *b)
{
    const struct total *x = a, *y = b;
    uint64_t m = x->self + x->visits, n = y->self + y->visits;
    return m != n ? (m < n ? 1 : -1) : strcmp(x->name, y->name);
}

static void join(struct totals *t)
{
    size_t kept = 0;
    qsort(t->list, t->n, sizeof *t->list, by_name);
    for (size_t i = 0; i < t->n; i++) {
        struct total *to = kept ? &t->list[kept - 1] : NULL;
        if (!to || strcmp(to->name, t->list[i].name)) {
            t->list[kept++] = t->list[i];
            continue;
        }
        to->self += t->list[i].self;
        to->visits += t->list[i].visits;
        for (unsigned c = 0; c < CAUSE_COUNT; c++) to->by_cause[c] += t->list[i].by_cause[c];
    }
    t->n = kept;
}

/* How a row is called in a list; false: it is not in it. */
typedef bool name_fn(const struct profile_row *r, char *to, size_t n);

static bool guest_name(const struct profile_row *r, char *to, size_t n)
{
    snprintf(to, n, "%-7s %s", place_name(r->key.from), r->site);
    return true;
}
static bool visit_name(const struct profile_row *r, char *to, size_t n)
{
    snprintf(to, n, "%-11s %s", reason_name(r->key.reason), r->at);
    return r->key.place == PLACE_VMM;
}
static bool stack_name(const struct profile_row *r, char *to, size_t n)
{
    if (r->key.place == PLACE_VMM) snprintf(to, n, "%s;%s;exit %s;%s", place_name(r->key.from), r->site, reason_name(r->key.reason), r->at);
    else snprintf(to, n, "%s;%s", place_name(r->key.from), r->site);
    return true;
}

static void collect(const struct profile *p, name_fn *name, struct totals *t)
{
    t->list = calloc(p->rows + 1, sizeof *t->list);
    t->n = 0;
    for (size_t i = 0; t->list && i < p->rows; i++) {
        const struct profile_row *r = &p->row[i];
        struct total *to = &t->list[t->n];
        if (!name(r, to->name, sizeof to->name)) continue;
        t->n++;
        *(r->key.place == PLACE_VMM ? &to->visits : &to->self) = sum(r->by_cause);
        memcpy(to->by_cause, r->by_cause, sizeof to->by_cause);
    }
    join(t);
}

/* "kernel 61%, walk 30%", greatest first, as far as `room` columns go. */
static void shares(const uint64_t *by_cause, size_t room, struct text *out)
{
    bool told[CAUSE_COUNT] = { false };
    uint64_t all = sum(by_cause);
    for (;;) {
        unsigned best = CAUSE_COUNT;
        for (unsigned c = 0; c < CAUSE_COUNT; c++)
            if (!told[c] && by_cause[c] && (best == CAUSE_COUNT || by_cause[c] > by_cause[best])) best = c;
        if (best == CAUSE_COUNT) return;
        char one[48];
        int n = snprintf(one, sizeof one, "%s%s %.0f%%", out->len ? ", " : "", cause_name(best), 100.0 * (double)by_cause[best] / (double)all);
        if (out->len + (size_t)n > room) return;
        text_add(out, "%s", one);
        told[best] = true;
    }
}

static void say_number(struct say *out, int wide, uint64_t v)
{
    struct text t = { 0 };
    text_number(&t, v);
    say_add(out, "%*s", wide, v ? text_str(&t) : "-");
    text_free(&t);
}

static void say_guest(const struct totals *t, uint64_t all, unsigned rows, bool vmm, struct say *out)
{
    say_add(out, "%13s%s %6s  %-30s\n", "self", vmm ? "   hypervisor" : "", "", "function of the guest");
    for (size_t i = 0; i < t->n && i < rows; i++) {
        struct text causes = { 0 };
        const struct total *r = &t->list[i];
        say_number(out, 13, r->self);
        if (vmm) say_number(out, 13, r->visits);
        shares(r->by_cause, vmm ? 19 : 32, &causes);
        say_add(out, " %5.1f%%  %-24.24s  %s\n", 100.0 * (double)(r->self + r->visits) / (double)all, r->name, text_str(&causes));
        text_free(&causes);
    }
    if (t->n > rows) say_role(out, ROLE_FAINT, "%13s %zu more\n", "", t->n - rows);
}

static void say_visits(const struct totals *t, uint64_t all, unsigned rows, struct say *out)
{
    say_add(out, "\n%13s %6s  %-11s %s\n", "cycles", "", "exit", "code of the hypervisor");
    for (size_t i = 0; i < t->n && i < rows; i++) {
        struct text causes = { 0 };
        say_number(out, 13, t->list[i].visits);
        shares(t->list[i].by_cause, 32, &causes);
        say_add(out, " %5.1f%%  %-24.24s  %s\n", 100.0 * (double)t->list[i].visits / (double)all, t->list[i].name, text_str(&causes));
        text_free(&causes);
    }
    if (t->n > rows) say_role(out, ROLE_FAINT, "%13s %zu more\n", "", t->n - rows);
}

void profile_text(const struct profile *p, unsigned rows, struct say *out)
{
    struct totals guest, visits;
    uint64_t all = sum(p->seen), before = sum(p->before);
    collect(p, guest_name, &guest);
    collect(p, visit_name, &visits);
    qsort(guest.list, guest.n, sizeof *guest.list, by_cost);
    qsort(visits.list, visits.n, sizeof *visits.list, by_cost);
    say_role(out, ROLE_TITLE, "The profile");
    say_add(out, ": where ");
    text_number(&out->t, all);
    say_add(out, " cycles went, exactly\n");
    if (before) {
        say_number(out, 13, before);
        say_add(out, " before the first instruction\n");
    }
    say_guest(&guest, all, rows, visits.n != 0, out);
    if (visits.n) say_visits(&visits, all, rows, out);
    free(guest.list);
    free(visits.list);
}

void profile_folded(const struct profile *p, struct text *out)
{
    struct totals t;
    for (unsigned c = 0; c < CAUSE_COUNT; c++)
        if (p->before[c]) text_add(out, "before;%s %llu\n", cause_name(c), (unsigned long long)p->before[c]);
    collect(p, stack_name, &t);
    for (size_t i = 0; i < t.n; i++)
        for (unsigned c = 0; c < CAUSE_COUNT; c++)
            if (t.list[i].by_cause[c]) text_add(out, "%s;%s %llu\n", t.list[i].name, cause_name(c), (unsigned long long)t.list[i].by_cause[c]);
    free(t.list);
}
