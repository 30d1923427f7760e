/* See picture_run.h. */
#include "sim/picture_run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *symbol_of(void *machine, uint32_t eip, char *buf, size_t n) { return machine_symbol(machine, eip, buf, n); }

void picture_run_of(struct picture_run *run, const struct subject *s)
{
    const struct machine_cfg *c = &s->cfg;
    struct machine *m = s->machine;
    *run = (struct picture_run){ .t = machine_trace_of(m), .name = s->name, .title = s->lesson ? s->lesson->title : s->name, .cpu = c->cpu,
                                 .mmu = c->mmu, .io = c->io, .host = c->host, .model = c->model, .label = c->label, .seed = c->seed,
                                 .end = machine_cycles(m), .kernel_ring = machine_kernel_ring(m), .hypervisor = machine_has_vmm(m),
                                 .hosted = machine_hosted(m, &(struct machine_hosted){ .waits = 0 }), .vms = machine_vms(m),
                                 .steps = s->lesson ? s->steps : 0, .symbol = symbol_of, .self = m };
    memcpy(run->step_end, s->step_end, sizeof run->step_end);
}

static const char *word_of(struct picture_run *run, const struct recording *r, const char *key, unsigned *used)
{
    char *room = run->words[(*used)++];
    recording_value(r, key, room, sizeof run->words[0]);
    return room;
}

void picture_run_recorded(struct picture_run *run, struct recording *r)
{
    unsigned used = 0;
    *run = (struct picture_run){ .t = r->x.t, .end = r->x.end, .kernel_ring = r->x.kernel_ring, .hypervisor = r->hypervisor, .hosted = r->hosted,
                                 .vms = r->x.vms, .steps = r->steps, .symbol = r->x.symbol, .self = r->x.self };
    run->name = word_of(run, r, "subject", &used);
    run->title = word_of(run, r, "title", &used);
    if (!*run->title) run->title = run->name;
    run->cpu = word_of(run, r, "cpu", &used);
    run->mmu = word_of(run, r, "mmu", &used);
    run->io = word_of(run, r, "io", &used);
    run->host = word_of(run, r, "host", &used);
    run->label = word_of(run, r, "model", &used);
    sscanf(word_of(run, r, "ladder", &used), "%" SCNu32 ",%" SCNu32, &run->from, &run->to);
    run->seed = strtoull(word_of(run, r, "seed", &used), NULL, 10);
    char *model = run->words[used];
    memcpy(model, run->label, sizeof run->words[0]);
    model[strcspn(model, " ")] = 0; /* the what-ifs follow it */
    run->model = model;
    if (run->from > run->to || run->to > trace_last(run->t)) run->from = run->to = 0;
    for (unsigned i = 0; i < r->steps && i < SUBJECT_STEPS; i++) run->step_end[i] = r->step[i].last;
}

void picture_run_caption(const struct picture_run *run, bool ascii, struct text *out)
{
    const char *dot = ascii ? "/" : "·";
    text_add(out, "%s%s%s%s%s, %s, model %s, seed %llu", run->cpu, dot, run->mmu, dot, run->io, run->name, run->model, (unsigned long long)run->seed);
}

/* --- places ---------------------------------------------------------------------------------------------------------- */

bool place_read(const char *option, const char *value, struct place *p, struct err *e)
{
    static const char *const words[] = { "step", "event", "cycle" };
    char word[16], *end;
    *p = (struct place){ 0 };
    if (!value) return true;
    const char *colon = strchr(value, ':');
    if (colon && (size_t)(colon - value) < sizeof word && colon[1] >= '0' && colon[1] <= '9') {
        snprintf(word, sizeof word, "%.*s", (int)(colon - value), value);
        errno = 0;
        p->n = strtoull(colon + 1, &end, 10);
        if (!*end && !errno)
            for (unsigned i = 0; i < 3; i++)
                if (!strcmp(words[i], word)) p->what = *word;
    }
    return p->what ||
           err_set(e, EXIT_USAGE, "--%s %s: not a place; write it like step:2, event:41 or cycle:12000", option, value);
}

static bool step_range(const struct picture_run *run, uint64_t n, uint32_t *first, uint32_t *last, struct err *e)
{
    if (!run->steps)
        return err_set(e, EXIT_USAGE, "step:%llu: an image has no steps; use event:N or cycle:N",
                       (unsigned long long)n);
    if (!n || n > run->steps)
        return err_set(e, EXIT_USAGE, "step:%llu: the scenario ran %u steps; use step:1 to step:%u",
                       (unsigned long long)n, run->steps, run->steps);
    *first = n > 1 ? run->step_end[n - 2] + 1 : 1;
    *last = run->step_end[n - 1];
    return true;
}

bool place_resolve(const struct picture_run *run, const struct place *p, uint32_t *first, uint32_t *last, struct err *e)
{
    const struct trace *t = run->t;
    uint32_t end = trace_last(t);
    if (p->what == 's') return step_range(run, p->n, first, last, e);
    if (p->what == 'e') {
        if (!p->n || p->n > end)
            return err_set(e, EXIT_USAGE, "event:%llu: the run has events 1 to %u", (unsigned long long)p->n, end);
        *first = *last = (uint32_t)p->n;
        return true;
    }
    *first = *last = end;
    for (size_t i = 0; i < trace_count(t); i++)
        if (trace_at(t, i)->cycle >= p->n) {
            *first = *last = trace_at(t, i)->id;
            break;
        }
    return true;
}
