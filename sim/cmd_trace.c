/* `ringside trace`: every event of a run, or its episodes (--episodes), or its last instructions (--instr), as text or JSON
 * Lines; and the run in the formats of other programs (sim/trace_record.h). Runs in files: cmd_trace_file.c. */
#include "sim/cmd.h"
#include "sim/guard.h"
#include "sim/subject.h"
#include "sim/trace_record.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi" };

static void hex(const struct machine_record *r, struct text *out)
{
    for (unsigned k = 0; k < r->len; k++) text_add(out, "%02x", r->bytes[k]);
}

static void record_line(const struct machine_record *r, struct text *line)
{
    text_add(line, "%10llu %12llu  ring %u  %08X  ", (unsigned long long)r->moment, (unsigned long long)r->cycle, r->ring, r->eip);
    hex(r, line);
    text_pad(line, 58);
    text_add(line, " %s", r->text);
    text_pad(line, 98);
    for (unsigned k = 0; k < 8; k++) text_add(line, " %s=%08x", names[k], r->reg[k]);
    text_add(line, " flags=%08x", r->eflags);
    if (r->cs_base) text_add(line, " csbase=%08x", r->cs_base);
}

static void record_json(const struct machine_record *r, struct text *out)
{
    text_add(out, "{\"moment\":%llu,\"cycle\":%llu,\"cpl\":%u,\"eip\":%u,\"cs_base\":%u,\"bytes\":\"",
             (unsigned long long)r->moment, (unsigned long long)r->cycle, r->ring, r->eip, r->cs_base);
    hex(r, out);
    text_add(out, "\",\"text\":");
    text_json(out, r->text);
    for (unsigned k = 0; k < 8; k++) text_add(out, ",\"%s\":%u", names[k], r->reg[k]);
    text_add(out, ",\"eflags\":%u}", r->eflags);
}

static void instructions(const struct machine *m, bool json, size_t last, struct text *out)
{
    size_t n = machine_records(m);
    for (size_t i = n > last ? n - last : 0; i < n; i++) {
        struct machine_record r;
        machine_record_at(m, i, &r);
        if (json) record_json(&r, out);
        else record_line(&r, out);
        text_char(out, '\n');
    }
}

static void episodes(const struct trace *t, bool json, struct text *out)
{
    for (size_t i = 0; i < trace_episodes(t); i++) {
        (json ? episode_json : episode_line)(t, trace_episode_at(t, i), out);
        text_char(out, '\n');
    }
}

static bool fits(const struct options *o, int format, struct err *e)
{
    if (format < 0) return false;
    if (format <= TRACE_JSONL || (!o->value[OPT_EPISODES] && !o->value[OPT_INSTR])) return true;
    return err_set(e, EXIT_USAGE, "--format %s is of the whole run; leave --episodes and --instr out, or use text or jsonl", trace_format_words[format]);
}

/* How many instructions are wanted: 0 without --instr. */
static bool wanted(const struct options *o, size_t *n, struct err *e)
{
    const char *last = o->value[OPT_LAST];
    *n = o->value[OPT_INSTR] ? MACHINE_RECORDS : 0;
    if (*n && o->value[OPT_EPISODES])
        return err_set(e, EXIT_USAGE, "--episodes and --instr: one list at a time; leave one of them out");
    if (!last) return true;
    if (!*n) return err_set(e, EXIT_USAGE, "--last %s: of what? It goes with --instr", last);
    char *end;
    unsigned long long v = strtoull(last, &end, 10);
    if (*last < '0' || *last > '9' || *end || !v || v > MACHINE_RECORDS_MOST)
        return err_set(e, EXIT_USAGE, "--last %s: not a number from 1 to %d", last, (int)MACHINE_RECORDS_MOST);
    *n = (size_t)v;
    return true;
}

/* A ring that stays in the host's caches costs a sixth less time: no more of them than are wanted. */
static bool record(struct machine *m, size_t n, struct err *e)
{
    return !n || machine_record(m, n) ||
           err_set(e, EXIT_ENVIRONMENT, "no memory for %zu instructions; try a smaller --last", n);
}

static bool write_trace(const struct subject *s, const struct options *o, enum trace_format format, size_t last, struct err *e)
{
    struct text out = { 0 };
    bool json = format == TRACE_JSONL, ok = true;
    const char *path = o->value[OPT_OUTPUT] ? o->value[OPT_OUTPUT] : "-";
    if (o->value[OPT_EPISODES]) episodes(machine_trace_of(s->machine), json, &out);
    else if (last) instructions(s->machine, json, last, &out);
    else {
        struct recording r;
        trace_record(&r, s);
        ok = trace_convert(&r, format, &out, e);
        recording_free(&r);
    }
    ok = ok && text_write(&out, path, e);
    text_free(&out);
    return ok;
}

int cmd_trace(const struct options *o, struct err *e)
{
    struct subject s;
    struct err early = { 0 };
    if (trace_is_verb(o)) return cmd_trace_file(o, e);
    const char *word = command_subject(o, 0, e);
    int format = trace_format_of(o, TRACE_TEXT, e);
    size_t last;
    if (!word || !fits(o, format, e) || !wanted(o, &last, e) || !subject_open(&s, word, o, e)) return e->code;
    if (!record(s.machine, last, e)) {
        subject_close(&s);
        return e->code;
    }
    guard_start(options_wall(o));
    bool ran = subject_run(&s, NULL, NULL, &early) && (!s.lesson || subject_finish(&s, &early));
    guard_quiet(true);
    if (ran || early.code != EXIT_INPUT) write_trace(&s, o, (enum trace_format)format, last, e);
    if (!ran) err_set(e, early.code, "%s", early.text);
    struct machine_end end = machine_end(s.machine);
    if (!e->code && end.fate != FATE_RUNNING && machine_exit_code(s.machine))
        err_set(e, machine_exit_code(s.machine), "%s: %s", word, end.why);
    subject_close(&s);
    return e->code;
}
