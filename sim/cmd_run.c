/* `ringside run`: a scenario told from beginning to end, or an image let loose.
 *
 * Idea 1: for a scenario stdout is the story (steps, log, summary, the bare guest), so the guest's serial output gets
 * a section of its own; for an image stdout is the guest's serial line, and the summary goes to stderr.
 * Idea 2: what ends a run early is remembered, what there was until then is still reported, and the exit code is that
 * of the first thing that went wrong: error, limit, expectation, guest. */
#include "sim/dap.h"
#include "sim/vmm/strategy.h"
#include "sim/cmd.h"
#include "sim/compare.h"
#include "sim/gdb.h"
#include "sim/guard.h"
#include "sim/picture.h"
#include "sim/profile.h"
#include "sim/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SERIAL_LINES = 40, PROFILE_ROWS = 16, PROFILE_ROWS_ALL = 1000000 };

/* The guest's serial line on its way to stdout; is a line begun? Those of several VMs come line by line, each with its name. */
struct live { bool flush, open; int failed; unsigned vms; struct text line[CONFIG_VMS]; };

struct run {
    const struct options *o;
    struct subject s;
    struct say out;       /* the story, or the summary of an image */
    struct live live;
    struct report report;
    struct profile *profile; /* NULL: not wanted */
    struct compare bare;
    bool compared;
    double seconds;
    struct err early;     /* what ended the run before its end */
    const char *json;     /* where; NULL: nowhere */
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- serial ------------------------------------------------------------------------------------------------------ */

static void live_line(struct live *l, unsigned vm)
{
    struct text *line = &l->line[vm];
    guard_quiet(true);
    errno = 0;
    if (fprintf(stdout, "vm%u: %s\n", vm, text_str(line)) < 0 || fflush(stdout)) {
        l->failed = errno ? errno : EIO;
        guard_cancel();
    }
    text_clear(line);
}

static void live_byte(void *self, unsigned vm, uint8_t byte)
{
    struct live *l = self;
    if (l->failed) return;
    if (l->vms > 1) {
        if (byte == '\n') live_line(l, vm);
        else if (byte && byte != '\r') text_char(&l->line[vm], (char)byte);
        return;
    }
    guard_quiet(true);
    errno = 0;
    l->open = byte != '\n';
    if (fputc(byte, stdout) == EOF || ((l->flush || byte == '\n') && fflush(stdout))) {
        l->failed = errno ? errno : EIO;
        guard_cancel(); /* nobody listens any more */
    }
}

static void say_serial(struct run *r, unsigned vm)
{
    size_t n, lines = 0;
    const char *text = machine_vm_serial(r->s.machine, vm, &n);
    if (!n) return;
    say_role(&r->out, ROLE_TITLE, "The guest's serial output");
    if (machine_vms(r->s.machine) > 1) say_add(&r->out, ", vm%u", vm);
    say_add(&r->out, "\n");
    for (size_t at = 0; at < n; lines++) {
        const char *end = memchr(text + at, '\n', n - at);
        size_t len = end ? (size_t)(end - text) - at : n - at;
        if (lines < SERIAL_LINES || r->o->value[OPT_VERBOSE]) {
            say_add(&r->out, "  | ");
            say_bytes(&r->out, text + at, len, SAY_WIDTH - 4);
            say_add(&r->out, "\n");
        }
        at += len + 1;
    }
    if (lines > SERIAL_LINES && !r->o->value[OPT_VERBOSE])
        say_role(&r->out, ROLE_FAINT, "  ... %zu more lines; -v shows them, --serial FILE keeps them\n",
                 lines - SERIAL_LINES);
    say_add(&r->out, "\n");
}

/* Of several VMs each has a file, FILE.0, FILE.1 and so on. */
static bool serial_file(const struct run *r, struct err *e)
{
    const char *where = r->o->value[OPT_SERIAL];
    if (!where || !strcmp(where, "stdio") || !strcmp(where, "null")) return true;
    unsigned vms = machine_vms(r->s.machine);
    bool ok = true;
    for (unsigned vm = 0; vm < vms && ok; vm++) {
        size_t n;
        struct text all = { 0 }, name = { 0 };
        const char *bytes = machine_vm_serial(r->s.machine, vm, &n);
        text_bytes(&all, bytes, n);
        text_add(&name, vms > 1 ? "%s.%u" : "%s", where, vm);
        ok = text_write(&all, text_str(&name), e);
        text_free(&name);
        text_free(&all);
    }
    return ok;
}

/* The machine at the other end of the network card's cable. */
static bool peer_file(const struct run *r, struct err *e)
{
    const char *where = r->o->value[OPT_SERIAL];
    const struct machine *peer = machine_peer(r->s.machine);
    if (!peer || (where ? !strcmp(where, "null") : r->json && !strcmp(r->json, "-"))) return true;
    size_t n;
    struct text all = { 0 }, name = { 0 };
    const char *bytes = machine_vm_serial(peer, 0, &n);
    bool ok = true;
    if (where && strcmp(where, "stdio") != 0) {
        text_bytes(&all, bytes, n);
        text_add(&name, "%s.peer", where);
        ok = text_write(&all, text_str(&name), e);
    } else {
        for (const char *end; n && (end = memchr(bytes, '\n', n)); n -= (size_t)(end + 1 - bytes), bytes = end + 1)
            printf("peer: %.*s\n", (int)(end - bytes), bytes);
    }
    text_free(&name);
    text_free(&all);
    return ok;
}

static bool record_file(const struct run *r, struct err *e)
{
    struct text all = { 0 };
    if (!r->o->value[OPT_NET_RECORD]) return true;
    machine_link_record(r->s.machine, &all);
    bool ok = text_write(&all, r->o->value[OPT_NET_RECORD], e);
    text_free(&all);
    return ok;
}

static bool capture_file(const struct run *r, struct err *e)
{
    const char *where = r->o->value[OPT_PCAP];
    struct text all = { 0 };
    if (!where) return true;
    machine_capture(r->s.machine, &all);
    bool ok = text_write(&all, where, e);
    text_free(&all);
    return ok;
}

/* --- the story of a scenario ------------------------------------------------------------------------------------- */

static void say_checks(struct run *r, unsigned step)
{
    const struct lesson *l = r->s.lesson;
    for (unsigned i = 0; i < l->ops->checks(l); i++) {
        const struct lesson_check *c = l->ops->check(l, i);
        if (c->step != step) continue;
        char first[24];
        const char *mark = c->elsewhere ? "-" : say_mark(&r->out, c->passed);
        unsigned indent = 2 + (unsigned)say_columns(mark, strlen(mark)) + 1;
        snprintf(first, sizeof first, "  %s ", mark);
        if (r->out.color) text_add(&r->out.t, c->passed ? "\033[32m" : c->elsewhere ? "\033[2m" : "\033[31m");
        say_wrap(&r->out, first, indent, c->text);
        if (r->out.color) text_add(&r->out.t, "\033[0m");
    }
}

static void say_question(struct run *r, const struct lesson_step *step)
{
    if (!step->ask) return;
    say_wrap(&r->out, "  ? ", 4, step->ask);
    for (unsigned i = 0; i < step->choices; i++) {
        char first[24];
        snprintf(first, sizeof first, "  %s %u  ", i + 1 == step->answer ? "->" : "  ", i + 1);
        say_wrap(&r->out, first, 8, step->choice[i]);
    }
}

static void told(void *self, const struct subject *s, unsigned i)
{
    struct run *r = self;
    struct lesson_step step;
    s->lesson->ops->step(s->lesson, i, &step);
    guard_quiet(true);
    say_role(&r->out, ROLE_TITLE, "%u/%u  %s", i + 1, s->lesson->ops->steps(s->lesson), step.title);
    struct text cycle = { 0 };
    text_number(&cycle, machine_cycles(s->machine));
    say_role(&r->out, ROLE_FAINT, "  (cycle %s)\n", text_str(&cycle));
    text_free(&cycle);
    if (step.left_out) say_role(&r->out, ROLE_FAINT, "  left out: under %s it does not happen, or not so\n", s->cfg.cpu);
    else say_wrap(&r->out, "  ", 2, step.note); /* notes are written 76 columns wide */
    if (!step.left_out) say_question(r, &step);
    say_checks(r, i);
    say_add(&r->out, "\n");
    say_flush(&r->out);
    guard_quiet(false);
    if (r->out.failed) guard_cancel();
}

static void say_opening(struct run *r)
{
    const struct machine_cfg *c = &r->s.cfg;
    const char *dot = say_dot(&r->out);
    say_role(&r->out, ROLE_TITLE, "%s\n", r->s.lesson->title);
    if (r->s.lesson->lecture[0]) say_add(&r->out, "%s\n", r->s.lesson->lecture);
    const char *image = c->kinds ? c->kind[0].image : c->image, *slash = strrchr(image, '/');
    unsigned vms = config_vms(c);
    say_role(&r->out, ROLE_FAINT, "%s%s%s%s%s, model %s: %s", c->cpu, dot, c->mmu, dot, c->io, c->label, slash ? slash + 1 : image);
    if (vms > 1) say_role(&r->out, ROLE_FAINT, ", %u virtual machines", vms);
    say_add(&r->out, "\n");
    if (!lesson_is_about(r->s.lesson))
        say_role(&r->out, ROLE_FAINT, "(told of %s: steps that do not happen here are left out, claims marked - are about %s)\n", r->s.lesson->techniques, r->s.lesson->techniques);
    else if (r->s.written_for[0])
        say_role(&r->out, ROLE_FAINT, "(written for %s: its expectations may fail here)\n", r->s.written_for);
    say_add(&r->out, "\n");
    say_flush(&r->out);
}

static bool compare(struct run *r, struct err *e)
{
    bool ported = cpu_strategy_find(machine_config(r->s.machine)->cpu)->aware; /* nothing but this technique runs its guest */
    if (!machine_has_vmm(r->s.machine) || ported || machine_vms(r->s.machine) > 1 || r->early.code) return true;
    guard_quiet(false);
    r->compared = compare_native(&r->s, &r->bare, e);
    guard_quiet(true);
    return r->compared;
}

/* A file has all rows, the report the first ones, with -v all. */
static bool tell_profile(struct run *r, struct err *e)
{
    const char *path = r->o->value[OPT_PROFILE], *folded = r->o->value[OPT_FOLDED];
    struct say file;
    struct text t = { 0 };
    bool ok = true;
    if (!r->profile) return true;
    if (folded) {
        profile_folded(r->profile, &t);
        ok = text_write(&t, folded, e);
    }
    if (ok && path && *path) {
        say_init(&file, NULL, "never", true);
        profile_text(r->profile, PROFILE_ROWS_ALL, &file);
        ok = text_write(&file.t, path, e);
        say_done(&file);
    } else if (path) {
        profile_text(r->profile, r->o->value[OPT_VERBOSE] ? PROFILE_ROWS_ALL : PROFILE_ROWS, &r->out);
        say_add(&r->out, "\n");
    }
    text_free(&t);
    return ok;
}

static bool ladder(struct run *r, struct err *e)
{
    struct picture p = { .max_rows = PICTURE_ROWS, .ascii = r->o->value[OPT_ASCII] != NULL };
    char name[96];
    const char *path = r->o->value[OPT_OUTPUT];
    if (!path && (!r->s.lesson || r->o->value[OPT_QUIET])) return true;
    if (!picture_format(r->o, path, &p.format, e) || !picture_theme(r->o, &p.theme, e)) return false;
    snprintf(name, sizeof name, "%s-ladder.%s", r->s.name, picture_ending(p.format));
    static struct picture_run run; /* large */
    struct err failed = { 0 };
    picture_run_of(&run, &r->s);
    picture_range(&r->s, &run, &p);
    if (!path) path = name;
    if (!picture_write(&run, &p, path, &failed)) {
        /* A diagram nobody asked for must not decide how the run ended. */
        if (r->o->value[OPT_OUTPUT]) return err_set(e, failed.code, "%s", failed.text);
        say_add(&r->out, "no diagram: %s\n", failed.text);
        return true;
    }
    say_add(&r->out, "diagram: %s\n", path);
    return true;
}

static void tell_results(struct run *r, struct err *e)
{
    struct picture range = { 0 };
    bool verbose = r->o->value[OPT_VERBOSE] != NULL;
    picture_range(&r->s, &(struct picture_run){ .t = machine_trace_of(r->s.machine) }, &range);
    if (verbose) range = (struct picture){ 0 };
    say_role(&r->out, ROLE_TITLE, "The log");
    say_add(&r->out, verbose ? ", every event\n" : range.to ? ", the steps of the diagram\n" : "\n");
    report_log(&r->s, range.from, range.to, verbose, &r->out);
    say_add(&r->out, "\n");
    for (unsigned vm = 0; vm < machine_vms(r->s.machine); vm++) say_serial(r, vm);
    report_text(&r->report, verbose, &r->out);
    say_add(&r->out, "\n");
    if (r->compared) {
        compare_say(&r->s, &r->bare, &r->out);
        say_add(&r->out, "\n");
    }
    tell_profile(r, e);
    say_flush(&r->out);
    ladder(r, e);
    say_add(&r->out, "next: ");
    options_word(command_program(), &r->out.t);
    say_add(&r->out, " tui ");
    options_word(r->o->operand[0], &r->out.t);
    options_again(r->o, &r->out.t);
    say_add(&r->out, "\n");
    say_flush(&r->out);
}

/* --- both -------------------------------------------------------------------------------------------------------- */

static bool write_json(struct run *r, struct err *e)
{
    if (!r->json) return true;
    struct text t = { 0 };
    report_json(&r->report, &t);
    bool ok = text_write(&t, r->json, e);
    text_free(&t);
    return ok;
}

static bool write_screen(const struct run *r, struct err *e)
{
    const char *where = r->o->value[OPT_SCREEN];
    if (!where) return true;
    struct text t = { 0 };
    bool ok = machine_screen(r->s.machine, &t) ? text_write(&t, where, e)
              : err_set(e, EXIT_FAILED, "--screen: the guest left the VGA in a graphics mode; only text is modelled");
    text_free(&t);
    return ok;
}

/* With disk.write=1 on the command line (a scenario cannot ask for it: the files are the user's), what the guest wrote
 * goes into the images when the guest came to an end, whatever it then reported, or died: what its drive had acknowledged is on the
 * disk then. A run that a person or a limit cut short leaves them as they were. */
static void keep_disks(struct run *r, struct err *e)
{
    const char *wanted = config_get(&r->o->machine, CONFIG_DISK_WRITE);
    uint8_t fate = machine_end(r->s.machine).fate;
    bool ended = fate == FATE_EXITED || fate == FATE_HALTED || fate == FATE_OFF || fate == FATE_RESET || fate == FATE_DIED;
    if (!wanted || strcmp(wanted, "1") || !ended || r->early.code) return;
    r->report.kept = machine_keep_disks(r->s.machine, e);
}

/* An end that is not good deserves a line among the errors, even with -q. */
static void say_why(struct run *r, struct err *e)
{
    unsigned failed = subject_failed(&r->s);
    if (r->early.code) err_set(e, r->early.code, "%s", r->early.text);
    else if (r->report.code == EXIT_FAILED && failed && r->o->value[OPT_QUIET]) {
        const struct lesson *l = r->s.lesson;
        unsigned i = 0;
        while (l->ops->check(l, i)->passed || l->ops->check(l, i)->elsewhere) i++;
        err_set(e, EXIT_FAILED, "%u expectation%s failed, first: %s", failed, failed == 1 ? "" : "s",
                l->ops->check(l, i)->text);
    } else if (!(failed && r->report.code == EXIT_FAILED) && machine_exit_code(r->s.machine)) {
        err_set(e, machine_exit_code(r->s.machine), "%s: %s", r->o->operands ? r->o->operand[0] : r->s.name, machine_end(r->s.machine).why);
    }
}

static void finish(struct run *r, struct err *e)
{
    bool quiet = r->o->value[OPT_QUIET] != NULL;
    guard_quiet(true);
    for (unsigned vm = 0; vm < r->live.vms; vm++)
        if (r->live.line[vm].len) live_line(&r->live, vm);
    if (r->live.open && r->live.flush && isatty(STDERR_FILENO)) fputc('\n', stderr); /* what follows begins a line */
    if (r->live.failed || !say_check(&r->out, e)) {
        if (!e->code)
            err_set(e, EXIT_ENVIRONMENT, "stdout: cannot write: %s; use --serial FILE or --serial null",
                    strerror(r->live.failed));
        return;
    }
    bool begun = r->early.code != EXIT_USAGE && (r->early.code != EXIT_ENVIRONMENT || !r->early.text[0]);
    if (r->early.code == EXIT_INPUT || r->early.code == EXIT_BUG || !begun) { /* the scenario is broken: there is no result */
        *e = r->early;
        return;
    }
    if (r->s.lesson || r->o->value[OPT_AGAINST]) compare(r, e);
    if (!report_make(&r->report, &r->s, &r->early, r->seconds, e)) return;
    keep_disks(r, e);
    r->report.bare = r->compared ? &r->bare : NULL;
    if (r->s.lesson && !quiet) tell_results(r, e);
    else {
        if (!quiet) report_text(&r->report, r->o->value[OPT_VERBOSE] != NULL, &r->out);
        tell_profile(r, e);
        if (!quiet || r->o->value[OPT_OUTPUT]) ladder(r, e);
    }
    say_flush(&r->out);
    say_check(&r->out, e);
    serial_file(r, e);
    if (!e->code) capture_file(r, e);
    if (!e->code && peer_file(r, e)) record_file(r, e);
    write_screen(r, e);
    write_json(r, e);
    say_why(r, e);
    machine_saved(r->s.machine, e);
}

static bool check_options(struct run *r, struct err *e)
{
    static const char *const when[] = { "auto", "always", "never" };
    const struct options *o = r->o;
    const char *serial = o->value[OPT_SERIAL], *theme;
    enum picture_format f;
    r->json = o->value[OPT_JSON];
    bool json_only = r->json && !strcmp(r->json, "-");
    if (o->value[OPT_COLOR] && options_choice(o, OPT_COLOR, when, 3, e) < 0) return false;
    if (!picture_format(o, o->value[OPT_OUTPUT], &f, e) || !picture_theme(o, &theme, e)) return false;
    if (json_only && serial && !strcmp(serial, "stdio"))
        return err_set(e, EXIT_USAGE, "--json - with --serial stdio: both on stdout; write one of them to a file");
    if (json_only && o->value[OPT_SCREEN] && !strcmp(o->value[OPT_SCREEN], "-"))
        return err_set(e, EXIT_USAGE, "--json - with --screen -: both on stdout; write one of them to a file");
    static const char *const against[] = { "native" };
    if (o->value[OPT_AGAINST] && options_choice(o, OPT_AGAINST, against, 1, e) < 0) return false;
    if (o->value[OPT_OUTPUT] && !strcmp(o->value[OPT_OUTPUT], "-"))
        return err_set(e, EXIT_USAGE, "-o -: stdout has the results; use `draw ladder %s -o -`",
                       o->operands ? o->operand[0] : "NAME");
    return true;
}

static void prepare(struct run *r)
{
    const struct options *o = r->o;
    const char *serial = o->value[OPT_SERIAL];
    bool json_only = r->json && !strcmp(r->json, "-");
    bool story_on_stdout = r->s.lesson && !json_only;
    say_init(&r->out,
             o->value[OPT_QUIET] ? NULL
             : story_on_stdout   ? stdout
                                 : stderr,
             o->value[OPT_COLOR], o->value[OPT_ASCII] != NULL);
    if (serial ? !strcmp(serial, "stdio") : !r->s.lesson && !json_only) {
        r->s.cfg.serial = live_byte;
        r->s.cfg.serial_self = &r->live;
    }
    if (o->value[OPT_DAP]) r->s.cfg.serial = dap_serial;
    r->s.cfg.onward = !r->s.lesson && !o->value[OPT_GDB] && !o->value[OPT_DAP] && !o->value[OPT_OUTPUT];
    r->live.vms = config_vms(&r->s.cfg);
    r->live.flush = isatty(STDOUT_FILENO) || o->value[OPT_GDB]; /* a stopped guest has said all it has said */
}

static bool check_subject(const struct run *r, struct err *e)
{
    const struct options *o = r->o;
    const char *debugger = o->value[OPT_DAP] ? "dap" : o->value[OPT_GDB] ? "gdb" : NULL, *nic = r->s.cfg.nic;
    if (r->s.lesson && debugger)
        return err_set(e, EXIT_USAGE, "--%s: a scenario runs by its own steps; give the image, as in build/guests/%s.elf", debugger, r->s.name);
    if (o->value[OPT_PCAP] && !nic[0]) return err_set(e, EXIT_USAGE, "--pcap: no frame passes where there is no network card; add --nic alone or --nic mirror");
    return !o->value[OPT_NET_RECORD] || !strcmp(nic, "join") || err_set(e, EXIT_USAGE, "--net-record: there is no cable to another machine; add --nic join");
}

int cmd_run(const struct options *o, struct err *e)
{
    static struct run r; /* large */
    r = (struct run){ .o = o };
    if (o->value[OPT_WATCH]) return cmd_watch(o, e);
    if (o->value[OPT_DRY]) return cmd_dry(o, e);
    if (o->value[OPT_NARRATE]) return cmd_narrate(o, e);
    if (o->value[OPT_PAUSE]) return err_set(e, EXIT_USAGE, "--pause belongs to --narrate"), e->code;
    if (!check_options(&r, e)) return e->code;
    const char *word = command_subject(o, 0, e);
    if (!word || !subject_find(&r.s, word, o, e)) return e->code;
    if (!check_subject(&r, e)) return subject_close(&r.s), e->code;
    prepare(&r);
    if (!subject_boot(&r.s, e)) return e->code;
    if (o->value[OPT_PROFILE] || o->value[OPT_FOLDED]) r.profile = profile_new(r.s.machine);
    guard_start(options_wall(o));
    if (r.s.lesson) say_opening(&r);
    double begun = now();
    if (o->value[OPT_DAP]) dap_serve(r.s.machine, r.s.cfg.image, o->value[OPT_DAP], &r.early);
    else if (o->value[OPT_GDB]) gdb_serve(r.s.machine, o->value[OPT_GDB], &r.early);
    else if (subject_run(&r.s, r.s.lesson ? told : NULL, &r, &r.early) && r.s.lesson) subject_finish(&r.s, &r.early);
    r.seconds = now() - begun;
    finish(&r, e);
    say_done(&r.out);
    int code = e->code ? e->code : r.report.code;
    for (unsigned vm = 0; vm < CONFIG_VMS; vm++) text_free(&r.live.line[vm]);
    profile_free(r.profile);
    subject_close(&r.s);
    return code;
}
