/* See trace_record.h. */
#include "sim/trace_record.h"

#include <stdio.h>
#include <string.h>
#include "sim/trace/trace_cast.h"
#include "sim/trace/trace_json.h"

const char *const trace_format_words[TRACE_FORMATS] = { "text", "jsonl", "perfetto", "csv", "folded", "vcd", "cast", "pcap" };

int trace_format_of(const struct options *o, enum trace_format otherwise, struct err *e)
{
    static const struct { const char *ending; enum trace_format is; } endings[] = {
        { ".txt", TRACE_TEXT }, { ".jsonl", TRACE_JSONL }, { ".json", TRACE_PERFETTO }, { ".csv", TRACE_CSV },
        { ".folded", TRACE_FOLDED }, { ".vcd", TRACE_VCD }, { ".cast", TRACE_CAST }, { ".pcap", TRACE_PCAP },
    };
    const char *dot = o->value[OPT_OUTPUT] ? strrchr(o->value[OPT_OUTPUT], '.') : NULL;
    if (o->value[OPT_FORMAT]) return options_choice(o, OPT_FORMAT, trace_format_words, TRACE_FORMATS, e);
    for (unsigned i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (!strcmp(endings[i].ending, dot)) return (int)endings[i].is;
    return (int)otherwise;
}

static const char *symbol_of(void *machine, uint32_t eip, char *buf, size_t n) { return machine_symbol(machine, eip, buf, n); }

static void identity(struct recording *r, const struct subject *s)
{
    const struct machine_cfg *c = machine_config(s->machine);
    struct machine_summary sum;
    struct machine_end end = machine_end(s->machine);
    const char *slash = strrchr(c->image, '/');
    machine_summary(s->machine, &sum);
    text_add(&r->what, "version=%s\nrun_id=%016llx\nsubject=%s\ntitle=%s\nimage=%s\n", RINGSIDE_VERSION, (unsigned long long)sum.run_id, s->name,
             s->lesson ? s->lesson->title : "", slash ? slash + 1 : c->image);
    text_add(&r->what, "cpu=%s\nmmu=%s\nio=%s\nhost=%s\nmodel=%s\nwhat_if=%s\nram_mib=%u\nseed=%llu\n", c->cpu, c->mmu, c->io, c->host, c->label,
             c->what_if, c->ram_mib, (unsigned long long)c->seed);
    text_add(&r->what, "set=");
    for (unsigned i = 0; i < c->sets; i++) text_add(&r->what, "%s%s=%s", i ? " " : "", c->set[i].key, c->set[i].value);
    text_add(&r->what, "\ncycles=%llu\ninstructions=%llu\nend=%s\n", (unsigned long long)sum.cycles, (unsigned long long)sum.insns, end.why);
}

void trace_record(struct recording *r, const struct subject *s)
{
    *r = (struct recording){ .hypervisor = machine_has_vmm(s->machine) };
    struct text title = { 0 };
    struct machine_hosted hosted;
    r->hosted = machine_hosted(s->machine, &hosted);
    text_add(&title, "%s on %s, model %s", s->name, s->cfg.cpu, machine_config(s->machine)->label);
    strncpy(r->title, text_str(&title), sizeof r->title - 1);
    text_free(&title);
    identity(r, s);
    machine_causes(s->machine, r->by_cause);
    r->x = (struct trace_export){ .t = machine_trace_of(s->machine), .end = machine_cycles(s->machine), .by_cause = r->by_cause,
                                  .kernel_ring = machine_kernel_ring(s->machine), .vms = machine_vms(s->machine), .title = r->title,
                                  .symbol = symbol_of, .self = s->machine };
    for (; r->steps < s->steps && r->steps < RECORDING_STEPS; r->steps++) {
        struct lesson_step step;
        s->lesson->ops->step(s->lesson, r->steps, &step);
        r->step[r->steps] = (struct recording_step){ step.title, step.note ? step.note : "", s->step_end[r->steps] };
    }
    if (machine_frames(s->machine)) machine_capture(s->machine, &r->frames);
}

bool recording_is(const char *path)
{
    char magic[8] = "";
    FILE *f = fopen(path, "rb");
    const char *dot = strrchr(path, '.');
    if (!f) return dot && !strcmp(dot, ".rtrace");
    bool is = fread(magic, 1, sizeof magic, f) == sizeof magic && !memcmp(magic, "RINGTRCE", sizeof magic);
    fclose(f);
    return is;
}

bool recording_load(struct recording *r, const char *path, struct err *e)
{
    struct text file = { 0 };
    *r = (struct recording){ .hypervisor = false };
    bool ok = text_read(&file, path, RECORDING_MOST, e) && recording_read(r, &file, path, e);
    text_free(&file);
    return ok;
}

bool recording_alone(const struct options *o, const char *who, struct err *e)
{
    struct text given = { 0 };
    options_again(o, &given);
    bool none = !given.len;
    if (!none) err_set(e, EXIT_USAGE, "%s:%s: of a run, and this is a file; record it so", who, text_str(&given));
    text_free(&given);
    return none;
}

static void as_text(const struct recording *r, struct text *out)
{
    char what_if[256];
    size_t gap = 0;
    if (*recording_value(r, "what_if", what_if, sizeof what_if)) text_add(out, "# what if: %s\n", what_if);
    for (size_t i = 0; i < trace_count(r->x.t); i++) {
        gap = trace_at(r->x.t, i)->kind == EV_FORGOTTEN ? gap + 1 : 0;
        if (gap > 1) continue;
        if (gap) text_add(out, "      ... forgotten, to keep host memory small");
        else trace_line(trace_at(r->x.t, i), out);
        text_char(out, '\n');
    }
}

bool trace_convert(const struct recording *r, enum trace_format format, struct text *out, struct err *e)
{
    switch (format) {
    case TRACE_TEXT: as_text(r, out); return true;
    case TRACE_JSONL: trace_json(r->x.t, out); return true;
    case TRACE_PERFETTO: trace_perfetto(&r->x, out); return true;
    case TRACE_CSV: trace_csv(&r->x, out); return true;
    case TRACE_FOLDED: trace_folded(&r->x, out); return true;
    case TRACE_VCD: trace_vcd(&r->x, out); return true;
    case TRACE_CAST: trace_cast(r, out); return true;
    default: break;
    }
    if (!r->frames.len) return err_set(e, EXIT_INPUT, "no frame passed a network card in this run; pcap needs a machine with --nic");
    text_bytes(out, r->frames.s, r->frames.len);
    return true;
}
