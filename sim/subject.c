/* See subject.h. */
#include "sim/subject.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "sim/guard.h"
#include "sim/loader.h"
#include "sim/trace_record.h"
#include "sim/vmm/strategy.h"

enum { SHIPPED = 64 };

static bool ends_in(const char *word, const char *ending)
{
    size_t n = strlen(word), k = strlen(ending);
    return n > k && !strcmp(word + n - k, ending);
}

void subject_word(const char *path, char *name, size_t room)
{
    const char *slash = strrchr(path, '/');
    snprintf(name, room, "%s", slash ? slash + 1 : path);
    char *dot = strrchr(name, '.');
    if (dot && dot != name) *dot = 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct subject_guest *)a)->name, ((const struct subject_guest *)b)->name);
}

void subject_root(char *dir, size_t room)
{
    struct lesson_entry one;
    char *slash = lesson_list(&one, 1, NULL) ? strrchr(one.path, '/') : NULL;
    if (slash) *slash = 0;
    slash = slash ? strrchr(one.path, '/') : NULL;
    if (slash) *slash = 0;
    snprintf(dir, room, "%s", slash ? one.path : ".");
}

/* Guests lie beside the shipped scenarios: ROOT/scenarios/NAME.lua, ROOT/build/guests/NAME.elf, or ROOT/guests where they are
 * installed; or where we are. */
static DIR *guest_folder(char *dir, size_t room)
{
    char root[512];
    subject_root(root, sizeof root);
    bool elsewhere = strcmp(root, ".") != 0;
    DIR *d = elsewhere && (size_t)snprintf(dir, room, "%s/build/guests", root) < room ? opendir(dir) : NULL;
    if (!d && elsewhere && (size_t)snprintf(dir, room, "%s/guests", root) < room) d = opendir(dir);
    if (!d) snprintf(dir, room, "build/guests");
    return d ? d : opendir(dir);
}

unsigned subject_guests(struct subject_guest *list, unsigned room)
{
    char dir[512];
    unsigned n = 0;
    DIR *d = guest_folder(dir, sizeof dir);
    for (struct dirent *f; d && n < room && (f = readdir(d)); ) {
        struct subject_guest *g = &list[n];
        if (!ends_in(f->d_name, ".elf") || strlen(f->d_name) >= sizeof g->name) continue;
        if ((size_t)snprintf(g->path, sizeof g->path, "%s/%s", dir, f->d_name) >= sizeof g->path) continue;
        subject_word(f->d_name, g->name, sizeof g->name);
        n++;
    }
    if (d) closedir(d);
    qsort(list, n, sizeof *list, by_name);
    return n;
}

/* --- which thing is meant ---------------------------------------------------------------------------------------- */

static bool shipped(const char *word)
{
    static struct lesson_entry list[SHIPPED];
    unsigned n = lesson_list(list, SHIPPED, NULL);
    for (unsigned i = 0; i < n; i++)
        if (!strcmp(list[i].name, word)) return true;
    return false;
}

/* A path to nothing: the one suggestion is the scenario it may have meant. */
static bool no_file(const char *word, struct err *e)
{
    char bare[64];
    subject_word(word, bare, sizeof bare);
    if (shipped(bare)) return err_set(e, EXIT_INPUT, "%s: no such file; did you mean the scenario %s?", word, bare);
    return err_set(e, EXIT_INPUT, "%s: no such file; `ringside list` shows what there is", word);
}

/* The name of a guest is not the name of a scenario. */
static bool no_guest(const char *word, struct err *e)
{
    static struct subject_guest list[SHIPPED];
    for (unsigned i = subject_guests(list, SHIPPED); i--; )
        if (!strcmp(list[i].name, word))
            return err_set(e, EXIT_INPUT, "%s: no scenario of that name, but a guest: write its path, %s", word,
                           list[i].path);
    return true;
}

/* 1: a scenario, 0: an image, -1: neither. What is wrong with a scenario, or its name, lesson_open says. */
static int kind_of(const char *word, struct err *e)
{
    struct stat st;
    if (stat(word, &st) == 0) {
        if (!S_ISDIR(st.st_mode)) return ends_in(word, ".lua");
        if (!strchr(word, '/') && shipped(word)) return 1;
        err_set(e, EXIT_INPUT, "%s: is a directory, not an image or a scenario; name a file in it", word);
        return -1;
    }
    if (strchr(word, '/') || strchr(word, '.')) {
        no_file(word, e);
        return -1;
    }
    return shipped(word) || no_guest(word, e) ? 1 : -1;
}

/* No image: the disk is the subject, or the ROM. */
static bool find_firmware(struct subject *s, struct err *e)
{
    char file[sizeof s->cfg.bios];
    snprintf(file, sizeof file, "%s", s->cfg.disks ? s->cfg.disk[0] : s->cfg.bios);
    if (!s->cfg.disks) file[strcspn(file, ",")] = 0;
    subject_word(file, s->name, sizeof s->name);
    return config_check(&s->cfg, e);
}

/* --- opening and closing ----------------------------------------------------------------------------------------- */

/* A lesson's expectations are about its own machine; on another one some are bound to fail. */
static void note_machine(struct subject *s)
{
    struct machine_cfg own = s->lesson->cfg;
    struct err ignored = { 0 };
    if (!config_check(&own, &ignored)) return;
    if (strcmp(own.cpu, s->cfg.cpu) || strcmp(own.mmu, s->cfg.mmu) || strcmp(own.model, s->cfg.model))
        snprintf(s->written_for, sizeof s->written_for, "%s, %s, model %.20s", own.cpu, own.mmu, own.model);
}

/* A scenario about a plain kernel, under a technique for ported ones: its port takes its place, if there is one. */
static void take_port(struct subject *s)
{
    const struct cpu_strategy *own = cpu_strategy_find(*s->lesson->cfg.cpu ? s->lesson->cfg.cpu : "native"), *here = cpu_strategy_find(s->cfg.cpu);
    char port[sizeof s->cfg.image];
    if (own && here && here->aware && !own->aware && loader_port(s->cfg.image, port, sizeof port)) strcpy(s->cfg.image, port);
}

void subject_host(struct machine_cfg *c)
{
    char dir[400];
    DIR *d = config_hosted(c) && !c->host_image[0] ? guest_folder(dir, sizeof dir) : NULL;
    if (!d) return;
    closedir(d);
    snprintf(c->host_image, sizeof c->host_image, "%s/mini-host.elf", dir);
    snprintf(c->host_module, sizeof c->host_module, "%s/mini-host.img", dir);
}

/* The words of a line that options_word wrote, in place. Returns how many. */
static int split(char *line, char **word, int room)
{
    int n = 0;
    char *to = line;
    while (*line && n < room) {
        word[n++] = to;
        for (bool quoted = false; *line && (quoted || *line != ' '); line++) {
            if (*line == '\'') quoted = !quoted;
            else if (*line == '\\' && !quoted && line[1]) *to++ = *++line;
            else *to++ = *line;
        }
        line += *line == ' ';
        *to++ = 0;
    }
    return n;
}

/* A machine is not in the file, but what made it is, and the same run is the same to the cycle. */
static bool find_recorded(struct subject *s, const char *path, const struct options *o, struct err *e)
{
    static struct options again; /* large */
    char line[2048], id[32], *word[64];
    struct recording r;
    struct err why = { 0 };
    *s = (struct subject){ .steps = 0 };
    if (!recording_alone(o, path, e) || !recording_load(&r, path, e)) return false;
    recording_value(&r, "again", line, sizeof line);
    recording_value(&r, "boot_id", id, sizeof id);
    recording_free(&r);
    int n = split(line, word, 64);
    if (!n) return err_set(e, EXIT_INPUT, "%s: does not say what to run again; `trace print` and `draw ladder` show what it holds", path);
    bool ok = options_parse(&again, FOR_TRACE, n, word, &why) && again.operands == 1 && !recording_is(again.operand[0]) &&
              subject_find(s, again.operand[0], &again, &why);
    if (!ok) return err_set(e, why.code ? why.code : EXIT_INPUT, "%s: the recorded run cannot be had again: %s", path, why.text);
    s->must_be = strtoull(id, NULL, 16);
    return true;
}

bool subject_find(struct subject *s, const char *word, const struct options *o, struct err *e)
{
    *s = (struct subject){ .cfg = o->machine };
    if (!*word) return find_firmware(s, e);
    if (recording_is(word)) return find_recorded(s, word, o, e);
    subject_word(word, s->name, sizeof s->name);
    int kind = kind_of(word, e);
    if (kind < 0) return false;
    if (kind == 0) {
        if (strlen(word) >= sizeof s->cfg.image) return err_set(e, EXIT_INPUT, "%.60s...: the path is too long", word);
        strcpy(s->cfg.image, word);
    } else {
        s->lesson = lesson_open(word, e);
        if (!s->lesson) return false;
        s->cfg = s->lesson->cfg;
        if (o->machine.vms) {
            subject_close(s);
            return err_set(e, EXIT_USAGE, "%s --vms %u: a scenario says itself what virtual machines there are; give an image", word,
                           o->machine.vms);
        }
        if (!options_machine(o, &s->cfg, e)) {
            subject_close(s);
            return false;
        }
    }
    if (config_check(&s->cfg, e)) {
        subject_host(&s->cfg);
        if (s->lesson) take_port(s), note_machine(s);
        return true;
    }
    subject_close(s);
    return false;
}

bool subject_boot(struct subject *s, struct err *e)
{
    subject_host(&s->cfg);
    if (s->lesson) s->lesson->cfg = s->cfg;
    s->machine = machine_new(&s->cfg, e);
    struct machine_summary sum;
    if (s->machine && s->must_be && (machine_summary(s->machine, &sum), sum.run_id != s->must_be)) {
        err_set(e, EXIT_INPUT, "%s: not the run that was recorded (%016llx), but %016llx: another image, program or options; record it anew", s->name,
                (unsigned long long)s->must_be, (unsigned long long)sum.run_id);
        subject_close(s);
    }
    if (!s->machine) subject_close(s);
    return s->machine != NULL;
}

bool subject_open(struct subject *s, const char *word, const struct options *o, struct err *e)
{
    return subject_find(s, word, o, e) && subject_boot(s, e);
}

void subject_close(struct subject *s)
{
    guard_watch(NULL);
    if (s->lesson) s->lesson->ops->free(s->lesson);
    machine_free(s->machine);
    machine_free(s->left);
    s->left = NULL;
    s->lesson = NULL;
    s->machine = NULL;
}

/* --- running ----------------------------------------------------------------------------------------------------- */

static bool run_steps(struct subject *s, subject_told *told, void *self, struct err *e)
{
    struct lesson *l = s->lesson;
    unsigned n = l->ops->steps(l);
    while (l->next < n && s->steps < SUBJECT_STEPS) {
        if (guard_error(e)) return false;
        bool ok = l->ops->advance(l, s->machine, e);
        if (!ok && guard_error(e)) return false;
        if (!ok) return false;
        s->step_end[s->steps++] = trace_last(machine_trace_of(s->machine));
        if (told) told(self, s, s->steps - 1);
    }
    return true;
}

/* The VM may have gone to another machine: that is the one from here on. */
static bool follow(struct subject *s)
{
    struct machine *to = machine_migrated(s->machine);
    if (!to) return false;
    machine_free(s->left);
    s->left = s->machine;
    s->machine = to;
    guard_watch(to);
    return true;
}

/* One of several has gone there: it comes to its end, too. */
static bool run_moved(struct subject *s, const struct till *till, struct err *e)
{
    struct machine *there = machine_moved(s->machine);
    enum machine_stop stop = MACHINE_PAUSED;
    if (!there) return true;
    guard_watch(there);
    while (stop == MACHINE_PAUSED || stop == MACHINE_BUDGET) {
        if (guard_error(e)) return false;
        stop = machine_run(there, till, UINT64_MAX);
    }
    guard_watch(s->machine);
    return true;
}

static bool run_on(struct subject *s, const struct till *till, struct err *e)
{
    enum machine_stop stop;
    do {
        if (guard_error(e)) return false;
        stop = machine_run(s->machine, till, UINT64_MAX);
    } while (stop == MACHINE_PAUSED || stop == MACHINE_BUDGET || follow(s));
    return run_moved(s, till, e);
}

bool subject_run(struct subject *s, subject_told *told, void *self, struct err *e)
{
    guard_watch(s->machine);
    bool ok = s->lesson ? run_steps(s, told, self, e) && run_moved(s, NULL, e) : run_on(s, NULL, e);
    guard_watch(NULL);
    return ok;
}

bool subject_finish(struct subject *s, struct err *e)
{
    const struct till enough = { .kind = TILL_CYCLES, .value = machine_cycles(s->machine) + SUBJECT_EPILOGUE };
    guard_watch(s->machine);
    bool ok = run_on(s, &enough, e);
    guard_watch(NULL);
    return ok;
}

static unsigned count(const struct subject *s, bool passed)
{
    unsigned n = 0;
    if (!s->lesson) return 0;
    for (unsigned i = 0; i < s->lesson->ops->checks(s->lesson); i++)
        n += s->lesson->ops->check(s->lesson, i)->passed == passed && !s->lesson->ops->check(s->lesson, i)->elsewhere;
    return n;
}
unsigned subject_failed(const struct subject *s) { return count(s, false); }
unsigned subject_passed(const struct subject *s) { return count(s, true); }

unsigned subject_elsewhere(const struct subject *s)
{
    unsigned n = 0;
    for (unsigned i = 0; s->lesson && i < s->lesson->ops->checks(s->lesson); i++) n += s->lesson->ops->check(s->lesson, i)->elsewhere;
    return n;
}
