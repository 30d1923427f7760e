/* See compare_runs.h. */
#include "sim/compare_runs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/firmware_tables.h"
#include "sim/guard.h"
#include "sim/loader.h"
#include "sim/vmm/strategy.h"

/* --- which machines --- */

static bool add_run(struct compare_runs *c, const char *word, size_t n, struct err *e)
{
    if (!n || n >= sizeof c->run[0].cpu)
        return err_set(e, EXIT_USAGE, "--on: an empty or too long name; write it like native,te");
    if (c->n == COMPARE_RUNS) return err_set(e, EXIT_USAGE, "--on: at most %d machines", COMPARE_RUNS);
    struct compare_run *r = &c->run[c->n];
    memcpy(r->cpu, word, n);
    r->cpu[n] = 0;
    for (unsigned i = 0; i < c->n; i++)
        if (!strcmp(c->run[i].cpu, r->cpu)) return err_set(e, EXIT_USAGE, "--on: %s is there twice", r->cpu);
    c->n++;
    return true;
}

static bool all_of_them(struct compare_runs *c, struct err *e)
{
    unsigned n;
    const struct machine_technique *t = machine_techniques(&n);
    for (unsigned i = 0; i < n; i++)
        if (!strcmp(t[i].option, "cpu") && !add_run(c, t[i].name, strlen(t[i].name), e)) return false;
    return true;
}

static bool configure(const struct compare_runs *c, struct compare_run *r, struct machine_cfg *cfg, struct err *e)
{
    *cfg = c->s->cfg;
    cfg->serial = NULL;
    cfg->mmu[0] = 0;
    config_stays(cfg);
    if (r->port[0]) strcpy(cfg->image, r->port);
    if (strcmp(r->cpu, "vtx")) strcpy(cfg->host, "bare-metal");
    return config_option(cfg, "cpu", r->cpu, e) && config_check(cfg, e);
}

static struct machine *boot(const struct compare_runs *c, struct compare_run *r, struct err *e)
{
    struct machine_cfg cfg;
    struct err none = { 0 };
    if (!configure(c, r, &cfg, e)) return NULL;
    struct machine *m = machine_new(&cfg, e);
    if (m || r == &c->run[0] || !cpu_strategy_find(cfg.cpu)->aware || !loader_port(cfg.image, r->port, sizeof r->port)) return m;
    m = configure(c, r, &cfg, &none) ? machine_new(&cfg, &none) : NULL;
    if (m) *e = (struct err){ 0 };
    return m;
}

static void refuse(struct compare_run *r, struct err *why)
{
    r->refused = true;
    snprintf(r->refusal, sizeof r->refusal, "%s", why->text);
    *why = (struct err){ 0 };
}

bool compare_runs_on(struct compare_runs *c, const struct subject *s, const char *list, struct err *e)
{
    *c = (struct compare_runs){ .s = s };
    if (!list && !all_of_them(c, e)) return false;
    while (list) {
        size_t n = strcspn(list, ",");
        if (!add_run(c, list, n, e)) return false;
        list = list[n] ? list + n + 1 : NULL;
    }
    unsigned there = 0;
    for (unsigned i = 0; i < c->n; i++) {
        struct machine_cfg cfg;
        struct err why = { 0 };
        if (configure(c, &c->run[i], &cfg, &why)) there++;
        else if (strstr(why.text, "no such choice")) return err_set(e, EXIT_USAGE, "%s", why.text);
        else refuse(&c->run[i], &why);
    }
    if (there < 2 || c->run[0].refused)
        return err_set(e, EXIT_USAGE, "--on: a reference and a second machine are needed%s%s; try native,te",
                       c->run[0].refused ? ", and the first was refused: " : "", c->run[0].refused ? c->run[0].refusal : "");
    return true;
}

/* --- each to its end --- */

static void read_run(struct compare_run *r, const struct machine *m)
{
    size_t n;
    const struct trace *t = machine_trace_of(m);
    machine_summary(m, &r->sum);
    r->end = machine_end(m);
    const char *serial = machine_serial(m, &n);
    text_bytes(&r->serial, serial, n);
    for (size_t i = 0; r->sum.silent && !r->silent_event && i < trace_count(t); i++)
        if (trace_at(t, i)->kind == EV_SILENT) r->silent_event = trace_at(t, i)->id;
}

static unsigned first_line(const struct text *a, const struct text *b)
{
    const char *x = text_str(a), *y = text_str(b);
    unsigned line = 1;
    for (size_t i = 0; i < a->len || i < b->len; i++) {
        if (i >= a->len || i >= b->len || x[i] != y[i]) return line;
        line += x[i] == '\n';
    }
    return 0;
}

static void compare_memory(struct compare_run *r, const struct machine *a, const struct machine *b, uint32_t bytes)
{
    static uint8_t x[4096], y[4096];
    for (uint32_t at = 0; at < bytes; at += sizeof x) {
        if (at == FIRMWARE_TABLES || !machine_peek_gpa(a, gpa(at), x, sizeof x) || !machine_peek_gpa(b, gpa(at), y, sizeof y) ||
            !memcmp(x, y, sizeof x))
            continue;
        for (unsigned i = 0; i < sizeof x; i++)
            if (x[i] != y[i] && !r->memory++) r->memory_at = at + i;
    }
    if (r->memory) machine_symbol(a, r->memory_at, r->memory_name, sizeof r->memory_name);
}

static bool run_one(struct compare_runs *c, struct compare_run *r, struct machine **m, struct err *e)
{
    struct err why = { 0 };
    *m = boot(c, r, &why);
    if (!*m) {
        if (r == &c->run[0]) return err_set(e, why.code, "%s", why.text);
        refuse(r, &why);
        return true;
    }
    struct subject one = { .machine = *m };
    bool ok = subject_run(&one, NULL, NULL, e);
    read_run(r, *m);
    return ok;
}

/* --- in step --- */

static void describe_step(struct compare_run *r, const struct machine *a, const struct machine *b)
{
    const struct trace *t = machine_trace_of(b);
    struct machine_insn i;
    struct text line = { 0 };
    machine_symbol(a, r->step.eip, r->step_where, sizeof r->step_where);
    if (machine_insn(a, gva(r->step.eip), &i)) snprintf(r->step_rule, sizeof r->step_rule, "%s", i.rule);
    if (!r->step.silent) return;
    trace_line(trace_by_id(t, r->step.silent), &line);
    snprintf(r->step_silent, sizeof r->step_silent, "%s", text_str(&line));
    text_free(&line);
}

static bool step_one(struct compare_runs *c, struct compare_run *r, uint64_t steps, struct err *e)
{
    struct err why = { 0 };
    struct machine *a = boot(c, &c->run[0], e), *b = a ? boot(c, r, &why) : NULL;
    if (a && b && r->port[0]) {
        err_set(&why, EXIT_USAGE, "%s is another kernel: it cannot be brought in step with this one", r->port);
        refuse(r, &why);
    } else if (a && b) {
        guard_watch(b);
        lockstep_init(&r->step, a, b);
        lockstep_run(&r->step, steps);
        guard_watch(NULL);
        describe_step(r, a, b);
        r->stepped = true;
        r->step.m[0] = r->step.m[1] = NULL;
    } else if (a) {
        refuse(r, &why);
    }
    machine_free(a);
    machine_free(b);
    return a && !guard_error(e);
}

/* A difference at the end may be one of timing alone; only in step one knows. */
static bool worth_a_step(const struct compare_run *r)
{
    return !r->refused && !r->port[0] && (r->line || r->memory || r->sum.silent);
}

bool compare_runs_ends(struct compare_runs *c, struct err *e)
{
    struct machine *reference = NULL, *m = NULL;
    bool ok = run_one(c, &c->run[0], &reference, e);
    for (unsigned i = 1; ok && i < c->n; i++) {
        struct compare_run *r = &c->run[i];
        if (r->refused) continue;
        ok = run_one(c, r, &m, e);
        if (ok && m) {
            r->line = first_line(&c->run[0].serial, &r->serial);
            if (!r->port[0]) compare_memory(r, reference, m, c->s->cfg.ram_mib << 20);
        }
        machine_free(m);
        m = NULL;
    }
    machine_free(reference);
    return ok;
}

bool compare_runs_all(struct compare_runs *c, bool only_step, uint64_t steps, struct err *e)
{
    bool ok = only_step || compare_runs_ends(c, e);
    for (unsigned i = 1; ok && i < c->n; i++)
        if (!c->run[i].refused && (only_step || worth_a_step(&c->run[i]))) ok = step_one(c, &c->run[i], steps, e);
    return ok;
}

bool compare_runs_differ(const struct compare_runs *c)
{
    for (unsigned i = 1; i < c->n; i++)
        if ((c->run[i].stepped && c->run[i].step.end == LOCKSTEP_PARTED) || (c->run[i].port[0] && c->run[i].line)) return true;
    return false;
}

void compare_runs_done(struct compare_runs *c)
{
    for (unsigned i = 0; i < c->n; i++) text_free(&c->run[i].serial);
}
