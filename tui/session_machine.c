/* The same guest, the same moment, another machine: `>` and `<`. See session.h.
 *
 * Idea: a technique's machine is made when it is first asked for, and kept; changing to it brings it to the moment at which
 * its guest has executed as many instructions of its own as the guest one comes from. Where a guest waits in a loop, the same
 * number of instructions is another place of that wait: timing is what machines differ in. A technique that cannot run this
 * guest is passed over, and the message says why.
 * A lesson belongs to its own machine, and rests while another one is shown. */
#include <string.h>
#include "tui/session.h"

enum { CLOSE = 64 /* instructions from which on it is stepped */, ROUNDS = 400 };

/* Forward to `wanted` guest instructions. Each takes a boundary at least, so running what is missing never goes too far. */
static void forward_to(struct machine *m, uint64_t wanted)
{
    const struct till guest = { .kind = TILL_GUEST };
    for (unsigned n = 0; n < ROUNDS && machine_end(m).fate == FATE_RUNNING; n++) {
        uint64_t at = machine_guest_insns(m);
        if (at >= wanted) break;
        machine_run(m, NULL, wanted - at > CLOSE ? wanted - at : 1);
    }
    if (machine_place(m) == PLACE_VMM) machine_run(m, &guest, UINT64_MAX);
}

static struct machine *made(struct session *s, unsigned i, const char *cpu, struct err *e)
{
    if (s->machine[i]) return s->machine[i];
    struct machine_cfg cfg = *machine_config(s->m);
    cfg.serial = NULL;
    cfg.mmu[0] = 0;
    if (config_option(&cfg, "cpu", cpu, e) && config_check(&cfg, e)) s->machine[i] = machine_new(&cfg, e);
    return s->machine[i];
}

/* The techniques' names; which of them the machine at hand is. */
static unsigned techniques(const struct session *s, const char *names[SESSION_MACHINES], unsigned *now)
{
    unsigned n, count = 0;
    const struct machine_technique *t = machine_techniques(&n);
    for (unsigned i = 0; i < n && count < SESSION_MACHINES; i++) {
        if (strcmp(t[i].option, "cpu")) continue;
        if (!strcmp(t[i].name, machine_config(s->m)->cpu)) *now = count;
        names[count++] = t[i].name;
    }
    return count;
}

/* Why a technique was passed over: what is said of the image, as far as it goes without a comma, or all of it. */
static void add_refusal(struct text *words, const struct err *refused)
{
    if (!refused->code) return;
    const char *colon = strstr(refused->text, ": "), *why = colon ? colon + 2 : refused->text;
    text_add(words, " (%.*s)", (int)strcspn(why, ",;:("), why);
}

static void change(struct session *s, struct machine *to, const char *cpu, const struct err *refused)
{
    uint64_t wanted = machine_guest_insns(s->m);
    struct text words = { 0 };
    if (machine_guest_insns(to) > wanted) machine_goto(to, 0);
    forward_to(to, wanted);
    s->m = to;
    s->lesson = to == s->own ? s->own_lesson : NULL;
    text_number(&words, machine_guest_insns(to));
    text_add(&words, " guest instructions");
    add_refusal(&words, refused);
    if (machine_guest_insns(to) < wanted) session_say(s, true, "On %s the guest ended after %s.", cpu, text_str(&words));
    else session_say(s, false, "On %s after %s%s.", cpu, text_str(&words),
                     s->own_lesson && !s->lesson ? "; the lesson rests" : "");
    text_free(&words);
    if (s->lesson) s->lesson->ops->rewind(s->lesson, s->m);
    s->far_insns = s->far_cycles = s->far_event = 0;
    session_arrive(s);
}

static bool branched(struct session *s)
{
    if (session_on_branch(s) >= 0) session_say(s, true, "This is a branch of one machine; | leads back to the run as it was.");
    return session_on_branch(s) >= 0;
}

void session_machine_to(struct session *s, const char *cpu)
{
    const char *names[SESSION_MACHINES];
    unsigned now = 0, n = techniques(s, names, &now), i = 0;
    struct err e = { 0 };
    if (branched(s)) return;
    while (i < n && strcmp(names[i], cpu)) i++;
    if (i == now) return;
    s->machine[now] = s->m;
    struct machine *to = i < n ? made(s, i, names[i], &e) : NULL;
    if (to) change(s, to, names[i], &e);
    else session_say(s, true, "%.200s", i < n ? e.text : "The machines are native, te, bt, pv, vtx.");
}

static void turn(struct session *s, int direction)
{
    const char *names[SESSION_MACHINES];
    unsigned now = 0, n = techniques(s, names, &now);
    struct err refused = { 0 };
    if (branched(s)) return;
    s->machine[now] = s->m;
    for (unsigned k = 1; k < n; k++) {
        unsigned i = (now + (direction > 0 ? k : n - k)) % n;
        struct err e = { 0 };
        struct machine *to = made(s, i, names[i], &e);
        if (to) {
            change(s, to, names[i], &refused);
            return;
        }
        if (!refused.code) refused = e;
    }
    session_say(s, true, "%.200s", refused.code ? refused.text : "There is no other machine.");
}

void session_machine_next(struct session *s) { turn(s, 1); }
void session_machine_previous(struct session *s) { turn(s, -1); }

void session_close(struct session *s)
{
    session_branches_free(s);
    source_lines_free(s->sources);
    s->sources = NULL;
    if (s->lua) s->lua->ops->free(s->lua);
    s->lua = NULL;
    for (unsigned i = 0; i < SESSION_MACHINES; i++)
        if (s->machine[i] != s->own) machine_free(s->machine[i]);
    memset(s->machine, 0, sizeof s->machine);
}
