/* struct lesson over a Lua file: opening, and the operations front ends call. See sim/lesson.h.
 *
 * All answers come from C data; only lesson_open, lesson_list and advance run Lua, each inside sandbox_run. */
#include "sim/lesson.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "sim/lab.h"
#include "sim/script/check.h"
#include "sim/script/script.h"

const char lesson_language[] = LUA_RELEASE;

static struct script *of(const struct lesson *l)
{
    struct script *s;
    memcpy(&s, &l, sizeof s); /* a lesson is the first member of its script */
    return s;
}

/* --- operations ------------------------------------------------------------------------------------------------- */

static void free_step(struct script_step *step)
{
    char *const owned[] = { step->title, step->note, step->show, step->ask, step->told, step->showed, step->say };
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) free(owned[i]);
    for (unsigned i = 0; i < LESSON_CHOICES; i++) free(step->choice[i]);
}

void script_free(struct script *s)
{
    sandbox_close(&s->box);
    lab_free(s->lab);
    check_forget(s, 0);
    free(s->check);
    for (unsigned i = 0; i < s->steps; i++) free_step(&s->step[i]);
    free(s->step);
    for (unsigned i = 0; i < s->drawings; i++) {
        free(s->drawing[i].name);
        free(s->drawing[i].kind);
    }
    for (unsigned i = 0; i < s->sources; i++) {
        free(s->source[i].name);
        text_free(&s->source[i].text);
    }
    free(s->pending);
    free(s->queue);
    free(s);
}

static void op_free(struct lesson *l) { script_free(of(l)); }

static unsigned op_steps(const struct lesson *l) { return of(l)->steps; }

static void op_step(const struct lesson *l, unsigned i, struct lesson_step *out)
{
    const struct script_step *step = &of(l)->step[i];
    bool ran = step->insns != UINT64_MAX;
    *out = (struct lesson_step){
        .title = step->title,
        .note = ran ? step->told : step->note,
        .say = step->say,
        .minutes = step->minutes,
        .show = ran ? step->showed : step->show,
        .ask = step->ask,
        .choices = step->choices,
        .answer = step->answer,
        .insns = step->insns,
        .cycles = step->cycles,
        .look = ran ? step->look : -1,
        .left_out = ran && step->left_out,
    };
    for (unsigned k = 0; k < step->choices; k++) out->choice[k] = step->choice[k];
}

bool lesson_is_about(const struct lesson *l)
{
    size_t n = strlen(l->cfg.cpu);
    for (const char *at = l->techniques; (at = strstr(at, l->cfg.cpu)) != NULL; at += n)
        if ((at == l->techniques || at[-1] == ' ') && (!at[n] || at[n] == ' ')) return true;
    return !l->techniques[0];
}

/* Of a step that is left out, what did not hold says why; the rest says nothing. */
static void keep_failed(struct script *s)
{
    unsigned to = 0;
    for (unsigned i = 0; i < s->checks; i++) {
        if (s->check[i].step == s->now && s->check[i].passed) free((char *)s->check[i].text);
        else s->check[to++] = s->check[i];
    }
    s->checks = to;
}

/* A step that tells of another technique, after it was tried here: claims that do not hold are no failures; if it came to the end of
 * the run without what it waited for, or could not be gone at all, the machine is put back, for the steps behind it. */
static bool elsewhere(struct script *s, struct script_step *step, uint64_t begun, bool ok, struct err *e)
{
    bool wrong = !ok, interrupted = !ok && e->code != EXIT_LIMIT && e->code != EXIT_INPUT;
    for (unsigned i = 0; i < s->checks; i++) {
        struct lesson_check *c = &s->check[i];
        if (c->step != s->now || c->passed) continue;
        c->elsewhere = wrong = true;
    }
    if (interrupted) return false;
    if (!ok || (wrong && machine_end(s->machine).fate != FATE_RUNNING)) {
        if (!ok) check_forget(s, s->now);
        if (!machine_goto(s->machine, begun)) return err_set(e, EXIT_BUG, "our bug: no way back to moment %llu", (unsigned long long)begun);
        if (!ok) check_record(s, false, s->pub.cfg.cpu, "%s", e->text);
        if (!ok) s->check[s->checks - 1].elsewhere = true;
        keep_failed(s);
        step->left_out = true;
    }
    return true;
}

static bool op_advance(struct lesson *l, struct machine *m, struct err *e)
{
    struct script *s = of(l);
    if (l->next >= s->steps)
        return err_set(e, EXIT_USAGE, "%s: there is no step after the last; go back first", s->file);
    char doing[200];
    struct script_step *step = &s->step[l->next];
    snprintf(doing, sizeof doing, " in step '%.160s'", step->title);
    check_forget(s, l->next);
    machine_look_at(m, -1);
    s->machine = m;
    s->now = l->next;
    s->failure = 0;
    s->box.birth++;
    sandbox_budget(&s->box, SANDBOX_STEP, l->cfg.seed * 0x9E3779B97F4A7C15u + l->next + 1, doing);
    struct err mine = { 0 };
    uint64_t begun = machine_insns(m);
    step->left_out = false;
    bool ok = sandbox_run(&s->box, script_run_step, s, &mine);
    s->box.birth++; /* every handle of this step is stale now */
    if (!ok && s->failure && mine.code == EXIT_INPUT) mine.code = s->failure;
    if (!lesson_is_about(l)) ok = elsewhere(s, step, begun, ok, &mine);
    s->machine = NULL;
    if (!ok) return err_set(e, mine.code, "%s", mine.text);
    step->insns = machine_insns(m);
    step->cycles = machine_cycles(m);
    step->look = machine_looks_at(m);
    l->next++;
    return true;
}

static void op_rewind(struct lesson *l, const struct machine *m)
{
    struct script *s = of(l);
    uint64_t now = machine_insns(m);
    unsigned keep = 0;
    while (keep < l->next && (s->step[keep].insns < now || (s->step[keep].insns == now && s->step[keep].cycles <= machine_cycles(m)))) keep++;
    for (unsigned i = keep; i < s->steps; i++) s->step[i].insns = UINT64_MAX;
    check_forget(s, keep);
    l->next = keep;
}

static unsigned op_checks(const struct lesson *l) { return of(l)->checks; }
static const struct lesson_check *op_check(const struct lesson *l, unsigned i)
{
    return i < of(l)->checks ? &of(l)->check[i] : NULL;
}
static unsigned op_drawings(const struct lesson *l) { return of(l)->drawings; }

static bool op_drawing(const struct lesson *l, unsigned i, const char **name, const char **kind, unsigned *from,
                       unsigned *to)
{
    const struct script *s = of(l);
    if (i >= s->drawings) return false;
    *name = s->drawing[i].name;
    *kind = s->drawing[i].kind;
    *from = s->drawing[i].from;
    *to = s->drawing[i].to;
    return true;
}

static const struct lesson_ops ops = {
    .free = op_free,
    .steps = op_steps,
    .step = op_step,
    .advance = op_advance,
    .rewind = op_rewind,
    .checks = op_checks,
    .check = op_check,
    .drawings = op_drawings,
    .drawing = op_drawing,
};

/* --- loading ---------------------------------------------------------------------------------------------------- */

static int open_api(lua_State *L)
{
    till_open(L);
    expect_open(L);
    include_open(L);
    exec_open(L);
    scenario_open(L);
    vm_open(L);
    return 0;
}

/* What was printed while the file was loaded is told with the first step. */
static void keep_printed(struct script *s)
{
    struct text *p = &s->box.printed;
    while (p->len && p->s[p->len - 1] == '\n') p->s[--p->len] = 0;
    if (p->len && s->steps) {
        struct text all = { 0 };
        text_add(&all, "%s%s%s", text_str(p), *s->step[0].note ? "\n" : "", s->step[0].note);
        free(s->step[0].note);
        s->step[0].note = script_copy(text_str(&all));
        text_free(&all);
    }
    if (p->len) text_clear(p);
}

struct script *script_new(const char *path, struct err *e)
{
    struct script *s = calloc(1, sizeof *s);
    struct script_step *steps = calloc(SCRIPT_STEPS, sizeof *steps);
    if (!s || !steps) {
        free(s);
        free(steps);
        err_set(e, EXIT_ENVIRONMENT, "out of memory; close other programs");
        return NULL;
    }
    s->step = steps;
    s->pub.ops = &ops;
    s->pub.cfg = config_defaults;
    s->box.owner = s;
    snprintf(s->pub.path, sizeof s->pub.path, "%s", path);
    const char *slash = strrchr(path, '/');
    snprintf(s->file, sizeof s->file, "%s", slash ? slash + 1 : path);
    snprintf(s->dir, sizeof s->dir, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    if (slash == path) strcpy(s->dir, "/");
    return s;
}

static struct script *load(const char *path, struct err *e)
{
    struct script *s = script_new(path, e);
    if (!s) return NULL;
    struct loading x = { .s = s, .then = scenario_finish };
    bool ok = include_begin(&x, open_api, e);
    if (ok) sandbox_budget(&s->box, SANDBOX_LOADING, 1, " while it was loaded");
    ok = ok && include_run(&x, e);
    if (ok) keep_printed(s);
    if (ok) return s;
    op_free(&s->pub);
    return NULL;
}

static bool exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

enum { SHIPPED = 64 };

/* An unknown name: with the nearest of those that exist. */
static bool unknown(const char *name, struct err *e)
{
    char names[SHIPPED][32], dir[512];
    const char *words[SHIPPED];
    unsigned n = find_scenarios(names, SHIPPED, dir);
    if (!n)
        return err_set(e, EXIT_INPUT, "%s: no such file, and the scenarios lie neither beside this program nor in its share/ringside; run it from its tree or from "
                       "where `make install` put it, or set RINGSIDE_SCENARIOS to their folder", name);
    for (unsigned i = 0; i < n; i++) words[i] = names[i];
    const char *near = config_suggest(name, words, n);
    if (near)
        return err_set(e, EXIT_INPUT, "%s: there is no scenario or file of that name; did you mean '%s'?", name, near);
    return err_set(e, EXIT_INPUT, "%s: there is no scenario or file of that name; `ringside list` names the scenarios",
                   name);
}

/* What kinds of VMs there are name files likewise. */
static bool find_kinds(struct script *s, struct err *e)
{
    for (unsigned i = 0; i < s->pub.cfg.kinds; i++) {
        struct vm_kind *k = &s->pub.cfg.kind[i];
        char *const names[] = { k->image, k->module };
        for (unsigned n = 0; n < 2; n++) {
            char path[512];
            if (!*names[n]) continue;
            if (!find_guest(s->dir, names[n], path))
                return err_set(e, EXIT_INPUT, "%s: machine.vms: there is no file '%s'; build the guests with `make guests`", s->file, names[n]);
            strcpy(names[n], path);
        }
        if (!*k->image && !s->guest[0]) return err_set(e, EXIT_INPUT, "%s: machine.vms: entry %u has no guest", s->file, i + 1);
    }
    return true;
}

/* The guest and what its loader is to bring along, into the configuration. */
bool script_find_files(struct script *s, struct err *e)
{
    char path[512];
    if (s->guest[0] && !find_guest(s->dir, s->guest, s->pub.cfg.image))
        return err_set(e, EXIT_INPUT, "%s: there is no guest image '%s'; build the guests with `make guests`", s->file, s->guest);
    if (!find_kinds(s, e)) return false;
    if (s->disk[0] && !find_guest(s->dir, s->disk, path))
        return err_set(e, EXIT_INPUT, "%s: there is no disk image '%s'; build the guests with `make guests`", s->file, s->disk);
    if (s->disk[0] && !config_option(&s->pub.cfg, "disk", path, e)) return false;
    if (s->peer[0] && !find_guest(s->dir, s->peer, s->pub.cfg.peer))
        return err_set(e, EXIT_INPUT, "%s: machine.peer: there is no guest image '%s'; build the guests with `make guests`", s->file, s->peer);
    if (!s->module[0]) return true;
    if (!find_guest(s->dir, s->module, path))
        return err_set(e, EXIT_INPUT, "%s: there is no module '%s'; build the guests with `make guests`", s->file, s->module);
    return config_option(&s->pub.cfg, "module", path, e);
}

struct lesson *lesson_open(const char *name, struct err *e)
{
    char path[512];
    size_t len = strlen(name);
    bool is_path = strchr(name, '/') || (len > 4 && !strcmp(name + len - 4, ".lua"));
    if (len >= sizeof path) {
        err_set(e, EXIT_INPUT, "%.60s...: the name is too long; use a shorter path", name);
        return NULL;
    }
    if (is_path || !find_scenario(name, path)) {
        if (!is_path && !exists(name)) {
            unknown(name, e);
            return NULL;
        }
        strcpy(path, name);
    }
    struct script *s = load(path, e);
    if (s && !script_find_files(s, e)) {
        op_free(&s->pub);
        return NULL;
    }
    return s ? &s->pub : NULL;
}

bool lesson_file(const struct lesson *l, unsigned i, char *path, size_t room)
{
    const struct script *s = of(l);
    const unsigned included = s->sources ? s->sources - 1 : 0; /* the first is the file itself */
    if (i < included) snprintf(path, room, "%s/%s", s->dir, s->source[i + 1].name);
    else if (i == included) snprintf(path, room, "%s", l->cfg.image);
    else if (i - included <= l->cfg.modules) snprintf(path, room, "%s", l->cfg.module[i - included - 1].path);
    else return false;
    return true;
}

/* --- the list --------------------------------------------------------------------------------------------------- */

struct listed { struct lesson_entry entry; int order; };

static int by_order(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;
    return x->order != y->order ? (x->order > y->order) - (x->order < y->order) : strcmp(x->entry.name, y->entry.name);
}

unsigned lesson_list(struct lesson_entry *list, unsigned room, struct err *e)
{
    char names[SHIPPED][32], dir[512];
    unsigned n = find_scenarios(names, SHIPPED, dir), kept = 0;
    if (!n) {
        err_set(e, EXIT_ENVIRONMENT,
                "the scenarios lie neither beside this program nor in its share/ringside; run it from its tree or from where `make install` put it, or set "
                "RINGSIDE_SCENARIOS to their folder");
        return 0;
    }
    struct listed *all = calloc(n, sizeof *all);
    for (unsigned i = 0; all && i < n; i++) {
        struct listed *x = &all[kept];
        memcpy(x->entry.name, names[i], sizeof x->entry.name);
        if (!find_scenario(names[i], x->entry.path)) continue;
        struct script *s = load(x->entry.path, e); /* a broken one is reported, the others are listed */
        if (!s) continue;
        memcpy(x->entry.title, s->pub.title, sizeof x->entry.title);
        memcpy(x->entry.lecture, s->pub.lecture, sizeof x->entry.lecture);
        x->order = s->order;
        op_free(&s->pub);
        kept++;
    }
    if (all) qsort(all, kept, sizeof *all, by_order);
    for (unsigned i = 0; i < kept && i < room; i++) list[i] = all[i].entry;
    free(all);
    return kept < room ? kept : room;
}
