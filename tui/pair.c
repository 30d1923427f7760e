/* See pair.h. Moving; pair_draw.c draws. */
#include "tui/pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tui/app.h"

enum { BEFORE = 6, RECENT = 48 /* moments before the one gone to that are kept, for stepping back */, SLICE = 4096 };

/* ---- what a moment looks like ------------------------------------------------------------------------------------ */

static struct pair_shot *found(struct pair *p, uint64_t tick)
{
    struct pair_shot *s = &p->shot[tick % PAIR_KEPT];
    return s->tick == tick + 1 ? s : NULL;
}

const struct pair_shot *pair_now(const struct pair *p)
{
    const struct pair_shot *s = &p->shot[p->shown % PAIR_KEPT];
    return s->tick == p->shown + 1 ? s : &p->shot[0];
}

static void look_at_code(struct pair_side *side, const struct machine *m)
{
    gva_t before[BEFORE];
    uint32_t at = machine_eip(m);
    unsigned n = machine_disasm_back(m, gva(at), before, BEFORE);
    side->lines = 0;
    for (unsigned i = 0; i < n; i++) {
        side->line[side->lines].at = before[i].v;
        view_disasm(m, before[i].v, side->line[side->lines].text, sizeof side->line[0].text);
        side->lines++;
    }
    side->now = side->lines;
    while (side->lines < PAIR_LINES) {
        side->line[side->lines].at = at;
        unsigned len = view_disasm(m, at, side->line[side->lines++].text, sizeof side->line[0].text);
        if (!len) break;
        at += len;
    }
}

/* `since`: cycles and exits of all before what is shown as this step. */
struct since { uint64_t cycles[PAIR_MACHINES], exits[PAIR_MACHINES]; };

static struct since counts(const struct pair *p)
{
    struct since now = { .cycles = { 0 } };
    for (unsigned k = 0; k < p->n; k++) now.cycles[k] = machine_cycles(p->step.m[k]), now.exits[k] = p->exits[k];
    return now;
}

static void look(struct pair *p, const struct since *since)
{
    struct pair_shot *s = &p->shot[p->at % PAIR_KEPT];
    s->tick = p->at + 1;
    s->step = p->step;
    s->synced = p->synced;
    s->answers = p->answers;
    for (unsigned k = 0; k < p->n; k++) {
        struct pair_side *side = &s->side[k];
        const struct machine *m = p->step.m[k];
        struct machine_cpu cpu;
        machine_cpu(m, &cpu);
        side->step_cycles = machine_cycles(m) - since->cycles[k];
        side->cycles = machine_cycles(m);
        side->ring = cpu.cpl;
        side->kernel = machine_place(m) == PLACE_KERNEL;
        side->translated = machine_translates(m);
        side->step_exits = p->exits[k] - since->exits[k];
        side->exits = p->exits[k];
        view_copy(side->exit, sizeof side->exit, p->exit[k]);
        machine_causes(m, side->by_cause);
        guest_view(m, &side->view);
        look_at_code(side, m);
    }
}

/* ---- going on ---------------------------------------------------------------------------------------------------- */

static void count_exits(struct pair *p, unsigned k)
{
    const struct trace *t = machine_trace_of(p->step.m[k]);
    for (; p->event[k] < trace_last(t); p->event[k]++) {
        const struct event *e = trace_by_id(t, p->event[k] + 1);
        if (e->kind != EV_EXIT) continue;
        p->exits[k]++;
        snprintf(p->exit[k], sizeof p->exit[k], "%s", trace_name("exit", e->u.EXIT.reason));
    }
}

static bool is_forgiven(const struct pair *p)
{
    for (unsigned i = 0; i < p->forgivens; i++)
        if (p->forgiven[i] == p->at) return true;
    return false;
}

static uint64_t made_equal(const struct lockstep *l) { return l->interrupts + l->inputs + l->platform; }

/* Remembers this tick as one with an exit. Ticks are the same when machines are made again, so none is noted twice. */
static void note_exit(struct pair *p)
{
    if (p->exit_ats && p->exit_at[p->exit_ats - 1] >= p->at) return;
    if (p->exit_ats == p->exit_room) {
        size_t room = p->exit_room ? p->exit_room * 2 : 256;
        uint64_t *more = realloc(p->exit_at, room * sizeof *more);
        if (!more) return; /* X then passes over it */
        p->exit_at = more, p->exit_room = room;
    }
    p->exit_at[p->exit_ats++] = p->at;
}

/* One instruction on all; false: they are no longer in step. `keep`: what it looks like then. */
static bool tick(struct pair *p, bool keep)
{
    struct since since = counts(p);
    uint64_t equal = made_equal(&p->step);
    if (p->step.end == LOCKSTEP_PARTED && is_forgiven(p)) lockstep_forgive(&p->step);
    if (p->step.end != LOCKSTEP_RUNNING) return false;
    for (unsigned k = 0; k < p->n && keep; k++) *p->exit[k] = 0;
    struct answers_since before;
    answers_before(&p->step, &before);
    lockstep_step(&p->step);
    answers_after(&p->answers, &p->step, &before);
    p->at++;
    for (unsigned k = 0; k < p->n; k++) count_exits(p, k);
    for (unsigned k = 0; k < p->n; k++)
        if (p->exits[k] != since.exits[k]) note_exit(p);
    p->synced = made_equal(&p->step) != equal;
    if (keep) look(p, &since);
    return true;
}

static bool is_stop(const struct pair_shot *s, unsigned unit)
{
    if (s->step.end != LOCKSTEP_RUNNING || unit == PAIR_INSN) return true;
    for (unsigned k = 0; k < s->step.n && unit == PAIR_EXIT; k++)
        if (s->side[k].step_exits) return true;
    return unit == PAIR_SYNC && s->synced;
}

/* Has this step ended a unit? Without a look at the machines, because most have not. */
static bool ends_unit(const struct pair *p, unsigned unit, const struct since *since)
{
    if (p->step.end != LOCKSTEP_RUNNING || unit == PAIR_INSN) return true;
    for (unsigned k = 0; k < p->n && unit == PAIR_EXIT; k++)
        if (p->exits[k] != since->exits[k]) return true;
    return unit == PAIR_SYNC && p->synced;
}

static bool interrupted(struct app *a)
{
    return a->session.poll && a->session.poll(a->session.poll_self);
}

/* Forward by one unit. Looking is dear, so of a longer unit only the moment arrived at is kept. */
static void forward(struct app *a, unsigned unit)
{
    struct pair *p = a->pair;
    while (p->shown < p->at) { /* known already */
        const struct pair_shot *s = found(p, ++p->shown);
        if (s && is_stop(s, unit)) return;
        if (!s) p->shown = p->at;
    }
    if (unit == PAIR_INSN) {
        tick(p, true);
        p->shown = p->at;
        return;
    }
    struct since since = counts(p);
    for (unsigned k = 0; k < p->n; k++) *p->exit[k] = 0;
    for (unsigned n = 1; tick(p, false) && !ends_unit(p, unit, &since); n++)
        if (n % SLICE == 0 && interrupted(a)) break;
    look(p, &since);
    p->shown = p->at;
}

static struct machine *make(struct app *a, const char *cpu, struct err *e)
{
    struct machine_cfg cfg = *machine_config(a->session.own);
    if (strcmp(cpu, cfg.cpu) || !strcmp(cpu, "native")) cfg.mmu[0] = 0;
    cfg.serial = NULL;
    return config_option(&cfg, "cpu", cpu, e) && config_check(&cfg, e) ? machine_new(&cfg, e) : NULL;
}

static void drop(struct pair *p)
{
    for (unsigned k = 0; k < PAIR_MACHINES; k++) {
        machine_free(p->step.m[k]);
        p->step.m[k] = NULL;
        p->event[k] = 0, p->exits[k] = 0;
        *p->exit[k] = 0;
    }
    p->at = p->shown = 0;
    p->synced = false;
    p->answers.n = 0;
}

static bool begin(struct app *a, struct pair *p, struct err *e)
{
    drop(p);
    struct machine *m[PAIR_MACHINES] = { NULL };
    for (unsigned k = 0; k < p->n; k++) {
        m[k] = make(a, p->cpu[k], e);
        if (m[k]) view_copy(p->mmu[k], sizeof p->mmu[k], machine_has_vmm(m[k]) ? machine_config(m[k])->mmu : "");
        if (m[k]) continue;
        while (k--) machine_free(m[k]);
        return false;
    }
    lockstep_init(&p->step, m[0], m[1]);
    for (unsigned k = 2; k < p->n; k++) lockstep_add(&p->step, m[k]);
    for (unsigned k = 0; k < p->n; k++) count_exits(p, k), *p->exit[k] = 0;
    struct since now = counts(p);
    look(p, &now);
    return true;
}

/* To the moment after so many ticks, or so many compared instructions, whichever comes first. */
static void go_to(struct app *a, uint64_t ticks, uint64_t steps)
{
    struct pair *p = a->pair;
    struct err e = { 0 };
    if (ticks <= p->at && found(p, ticks)) {
        p->shown = ticks;
        return;
    }
    if (ticks < p->at && !begin(a, p, &e)) {
        session_say(&a->session, true, "%s", e.text);
        return;
    }
    for (unsigned n = 1; p->at < ticks && p->step.steps < steps; n++) {
        if (!tick(p, ticks - p->at <= RECENT || steps - p->step.steps <= RECENT)) break;
        if (n % SLICE || !interrupted(a)) continue;
        session_say(&a->session, false, "Stopped here; s and x go on.");
        break;
    }
    struct since now = counts(p);
    if (!found(p, p->at)) look(p, &now);
    p->shown = p->at;
}

/* Back to where the newest exit before was; the moment is known, so it is exact. */
static void back_exit(struct app *a)
{
    struct pair *p = a->pair;
    size_t n = p->exit_ats;
    while (n && p->exit_at[n - 1] >= p->shown) n--;
    if (n) go_to(a, p->exit_at[n - 1], UINT64_MAX);
    else session_say(&a->session, false, "No exit before this moment; Home leads to the start.");
}

void pair_goto(struct app *a, const char *where)
{
    struct pair *p = a->pair;
    struct err e = { 0 };
    char *end = NULL;
    while (*where == ' ') where++;
    if (!*where) return;
    const char *digits = strncmp(where, "insn:", 5) ? where : where + 5;
    uint64_t steps = *digits >= '0' && *digits <= '9' ? strtoull(digits, &end, 10) : 0;
    if (!end || *end) {
        session_say(&a->session, true, "Cannot go to \"%.40s\" in step; try 500, an instruction of the guest.", where);
    } else if (steps < p->step.steps && !begin(a, p, &e)) {
        session_say(&a->session, true, "%s", e.text);
    } else {
        go_to(a, UINT64_MAX, steps);
        if (pair_now(p)->step.steps < steps && !*a->session.message)
            session_say(&a->session, false, "They go in step only up to instruction %llu.", (unsigned long long)pair_now(p)->step.steps);
    }
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static const char *const techniques[] = { "te", "bt", "pv", "vtx" };
enum { TECHNIQUES = 4 };

static bool has(const struct pair *p, const char *cpu)
{
    for (unsigned k = 0; k < p->n; k++)
        if (!strcmp(p->cpu[k], cpu)) return true;
    return false;
}

/* One more machine, if it can run this guest. */
static bool add(struct app *a, struct pair *p, const char *cpu, struct err *e)
{
    if (p->n == PAIR_MACHINES) return err_set(e, EXIT_USAGE, "At most %d machines have room side by side.", PAIR_MACHINES);
    if (has(p, cpu)) return err_set(e, EXIT_USAGE, "%s is there already; name te, bt or vtx.", cpu);
    struct machine *m = make(a, cpu, e);
    if (m) view_copy(p->cpu[p->n++], sizeof p->cpu[0], cpu);
    machine_free(m);
    return m != NULL;
}

static bool add_next(struct app *a, struct pair *p)
{
    struct err e = { 0 };
    for (unsigned i = 0; i < TECHNIQUES; i++)
        if (!has(p, techniques[i]) && add(a, p, techniques[i], &e)) return true;
    return false;
}

static unsigned columns(const struct app *a)
{
    int n = a->frame.cols / PAIR_COLUMN;
    return n < 2 ? 2 : n > PAIR_MACHINES ? PAIR_MACHINES : (unsigned)n;
}

unsigned pair_columns(const struct app *a) { return columns(a) < a->pair->n ? columns(a) : a->pair->n; }

unsigned pair_in_column(const struct pair *p, unsigned column) { return column ? 1 + (p->left + column - 1) % (p->n - 1) : 0; }

/* Who stands beside the bare machine: those asked for; else the one at hand, or the first that has a hypervisor, and who has a column. */
static bool choose(struct app *a, struct pair *p, const char *others, struct err *e)
{
    const char *now = machine_config(a->session.m)->cpu;
    char word[12];
    view_copy(p->cpu[p->n++], sizeof p->cpu[0], "native");
    if (!others || !*others) {
        if (!add(a, p, strcmp(now, "native") ? now : "te", e)) return false;
        while (p->n < columns(a) && add_next(a, p)) {}
        return true;
    }
    for (const char *at = others; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        snprintf(word, sizeof word, "%.*s", (int)strcspn(at, ","), at);
        if (!strcmp(word, "native")) return err_set(e, EXIT_USAGE, "The bare machine stands beside itself already; name te, bt or vtx.");
        if (!add(a, p, word, e)) return false;
    }
    return true;
}

bool pair_open(struct app *a, const char *others)
{
    struct pair *p = calloc(1, sizeof *p);
    struct err e = { 0 };
    if (!p) return false;
    uint64_t wanted = machine_guest_insns(a->session.m);
    view_copy(p->name, sizeof p->name, a->session.name);
    if (machine_vms(a->session.m) > 1) err_set(&e, EXIT_USAGE, "In step goes one guest, and here are several.");
    if (e.code || !choose(a, p, others, &e) || !begin(a, p, &e)) {
        text_clear(&a->card); /* a refusal has its reason, and no line has room for it */
        text_add(&a->card, "%s\n", e.text);
        overlay_card(a, "Not in step");
        drop(p);
        free(p->exit_at);
        free(p);
        return false;
    }
    a->pair = p;
    session_say(&a->session, false, "All are brought to instruction %llu of the guest.", (unsigned long long)wanted);
    go_to(a, UINT64_MAX, wanted);
    *a->session.message = 0;
    return true;
}

void pair_close(struct app *a)
{
    if (!a->pair) return;
    drop(a->pair);
    free(a->pair->exit_at);
    free(a->pair);
    a->pair = NULL;
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static void forgive(struct app *a)
{
    struct pair *p = a->pair;
    p->shown = p->at;
    if (p->step.end != LOCKSTEP_PARTED) {
        session_say(&a->session, false, "They have not parted: nothing is to be forgiven.");
    } else if (p->forgivens == PAIR_FORGIVEN || !lockstep_forgive(&p->step)) {
        session_say(&a->session, true, "They execute different instructions from here on: they cannot be brought in step again.");
    } else {
        struct since now = counts(p);
        p->forgiven[p->forgivens++] = p->at;
        look(p, &now);
        session_say(&a->session, false, "The others were made what the first is; from here on they go in step again.");
    }
}

/* Other machines, at the same moment. */
static void anew(struct app *a)
{
    struct pair *p = a->pair;
    struct err e = { 0 };
    uint64_t steps = pair_now(p)->step.steps;
    p->forgivens = p->left = 0;
    p->exit_ats = 0;
    memset(p->shot, 0, sizeof p->shot);
    if (begin(a, p, &e)) go_to(a, UINT64_MAX, steps);
    else session_say(&a->session, true, "%s", e.text);
}

/* The next technique beside the bare machine; of several, the next in a column. */
static void other(struct app *a, int direction)
{
    struct pair *p = a->pair;
    struct err e = { 0 };
    unsigned others = p->n - 1, i = 0;
    if (others > 1) {
        p->left = (p->left + (direction > 0 ? 1 : others - 1)) % others;
        if (pair_columns(a) == p->n) session_say(&a->session, false, "All are here, in another order. - takes one away, + brings one more.");
        return;
    }
    while (i < TECHNIQUES && strcmp(techniques[i], p->cpu[1])) i++;
    p->n = 1;
    for (unsigned k = 1; k <= TECHNIQUES && p->n == 1; k++)
        add(a, p, techniques[(i + (direction > 0 ? k : TECHNIQUES * 2 - k)) % TECHNIQUES], &e);
    anew(a);
}

static void more(struct app *a)
{
    struct pair *p = a->pair;
    if (p->n == PAIR_MACHINES || !add_next(a, p)) {
        session_say(&a->session, false, "There is no other machine that can run this guest%s.", p->n == PAIR_MACHINES ? " and has room" : "");
        return;
    }
    anew(a);
    if (!*a->session.message && pair_columns(a) < p->n)
        session_say(&a->session, false, "%u machines in step, and columns for %u: > shows the next.", p->n, pair_columns(a));
}

/* The one in the last column goes. */
static void less(struct app *a)
{
    struct pair *p = a->pair;
    unsigned gone = pair_in_column(p, pair_columns(a) - 1);
    if (p->n == 2) {
        session_say(&a->session, false, "Two are the fewest. > puts another one beside the bare machine.");
        return;
    }
    memmove(p->cpu[gone], p->cpu[gone + 1], sizeof p->cpu[0] * (p->n - gone - 1));
    p->n--;
    anew(a);
}

static void say_end(struct app *a)
{
    const struct lockstep *l = &pair_now(a->pair)->step;
    if (*a->session.message) return;
    if (l->end == LOCKSTEP_PARTED) session_say(&a->session, false, "Here they part. F forgives it: the others become as the first.");
    if (l->end == LOCKSTEP_ENDED) session_say(&a->session, false, "All guests have come to the same end.");
    if (l->end == LOCKSTEP_LOST) session_say(&a->session, true, "They cannot be kept in step any longer: %s.", l->why);
}

static void next_unit(struct app *a)
{
    static const char *const words[PAIR_UNITS] = { "one instruction", "on to the next exit", "on to where something was made equal",
                                                   "on to the difference" };
    a->pair->unit = (a->pair->unit + 1) % PAIR_UNITS;
    session_say(&a->session, false, "s goes %s.", words[a->pair->unit]);
}

unsigned pair_key(struct app *a, uint32_t key)
{
    struct pair *p = a->pair;
    int c = command_of_key(key);
    switch (c) {
    case CMD_FORGIVE: forgive(a); break;
    case CMD_STEP: forward(a, p->unit); break;
    case CMD_EXIT: forward(a, PAIR_EXIT); break;
    case CMD_RUN: case CMD_END: case CMD_COMPARE: forward(a, PAIR_DIFFERENCE); break;
    case CMD_BACK: if (p->shown) go_to(a, p->shown - 1, UINT64_MAX); break;
    case CMD_BACKEXIT: back_exit(a); break;
    case CMD_HOME: go_to(a, 0, UINT64_MAX); break;
    case CMD_UNIT: next_unit(a); break;
    case CMD_WHY: text_clear(&a->card), pair_table(a, &a->card), overlay_table(a, "The same instruction, several answers"); break;
    case CMD_MACHINE: other(a, 1); break;
    case CMD_MACHINE_BACK: other(a, -1); break;
    case CMD_MORE: more(a); break;
    case CMD_LESS: less(a); break;
    case CMD_LOCKSTEP: case CMD_CANCEL: case CMD_QUIT: pair_close(a); return ASK_SAMPLE | ASK_LAYOUT | ASK_REDRAW;
    case CMD_DRAW: return app_command(a, CMD_SCREEN); /* here the diagram is the screen */
    case CMD_THEME: case CMD_REDRAW: case CMD_SCREEN: case CMD_EXPORT: case CMD_HELP: case CMD_COLON: case CMD_GOTO: return app_command(a, c);
    default: session_say(&a->session, false, "Here: s x c forward, r X Home back, g go to, u unit, i why, F forgive, < > + -, Esc leaves.");
    }
    if (a->pair) say_end(a);
    return ASK_REDRAW;
}
