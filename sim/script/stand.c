/* A test, up to the moment at which it fails: the machine stays there, for whoever wants to look at it. See sim/grading.h.
 *
 * Idea 1: the test runs as it is graded, and ends behind its first claim that does not hold; if its submission ends it (an error, a limit), the
 * machine stands where that happened. To front ends it is a lesson of one step, whose note is what the grader says.
 * Idea 2: what a handler remembers is in no snapshot. So whoever goes back in time begins again with a fresh submission, and runs forwards.
 * Not repeated then: what the test itself did (t:call, poking) after the machine's first instruction. A machine that was changed by hand
 * has no way back to before. */
#include "sim/script/grading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stand {
    struct lesson pub;               /* first */
    struct grading *g;
    struct text note;
    uint64_t insns, cycles;          /* the moment */
};

static struct stand *of(const struct lesson *l) { return (struct stand *)(uintptr_t)l; }

static unsigned op_steps(const struct lesson *l) { return (void)l, 1; }

static void op_step(const struct lesson *l, unsigned i, struct lesson_step *out)
{
    const struct stand *s = of(l);
    (void)i;
    *out = (struct lesson_step){ .title = s->pub.title, .note = text_str(&s->note), .show = "", .say = "", .insns = l->next ? s->insns : UINT64_MAX,
                                 .cycles = s->cycles, .look = -1 };
}

static bool op_advance(struct lesson *l, struct machine *m, struct err *e)
{
    struct stand *s = of(l);
    if (l->next) return err_set(e, EXIT_USAGE, "the test ended here; go back first");
    if (!machine_goto(m, s->insns)) return err_set(e, EXIT_USAGE, "there is no way from here to where the test failed");
    const struct till then = { .kind = TILL_CYCLES, .value = s->cycles };
    if (machine_cycles(m) < s->cycles) machine_run(m, &then, 2); /* time that passed at one position: a CPU that is halted */
    l->next = 1;
    return true;
}

static void op_rewind(struct lesson *l, const struct machine *m)
{
    const struct stand *s = of(l);
    l->next = machine_insns(m) > s->insns || (machine_insns(m) == s->insns && machine_cycles(m) >= s->cycles);
}

static unsigned op_checks(const struct lesson *l) { return l->next ? of(l)->g->tests->checks : 0; }
static const struct lesson_check *op_check(const struct lesson *l, unsigned i) { return &of(l)->g->tests->check[i]; }
static unsigned op_drawings(const struct lesson *l) { return (void)l, 0; }

static bool op_drawing(const struct lesson *l, unsigned i, const char **name, const char **kind, unsigned *from, unsigned *to)
{
    (void)l, (void)i, (void)name, (void)kind, (void)from, (void)to;
    return false;
}

static void op_free(struct lesson *l)
{
    struct stand *s = of(l);
    grading_leave(s->g);
    text_free(&s->note);
    free(s);
}

static const struct lesson_ops ops = {
    .free = op_free, .steps = op_steps, .step = op_step, .advance = op_advance, .rewind = op_rewind, .checks = op_checks, .check = op_check,
    .drawings = op_drawings, .drawing = op_drawing,
};

/* Going on from here is somebody's stroll, not the test: the submission's instructions are counted anew. */
static void fresh_budget(struct grading *g)
{
    if (g->submission) submission_budget(g, " while somebody looked at it");
    g->now.blame = 0;
}

/* A policy's `again`: the machine is at its first instruction, and so is the submission. */
static bool again(void *self)
{
    struct grading *g = self;
    uint64_t chance = g->now.chance;
    if (!g->submission) return false;
    submission_close(g);
    g->now.blame = 0;
    g->now.chance = g->begun;
    bool ok = submission_open(g);
    g->now.chance = chance;
    return ok;
}

static void tell(struct stand *s, const struct grading_outcome *out)
{
    const struct grading_test *t = s->g->now.test;
    if (t->variants > 1) text_add(&s->note, "Variant %u of %u. ", s->g->now.variant, t->variants);
    text_add(&s->note, "%s", s->g->tests->checks ? "The test stops here, behind the claim that does not hold." : "The test ends here, before it claims anything.");
    if (s->g->now.blame) text_add(&s->note, "\n\n%s", s->g->now.blamed);
    if (*t->hint) text_add(&s->note, "\n\n%s", t->hint);
    if (*out->printed) text_add(&s->note, "\n\nIt printed: %s", out->printed);
}

struct lesson *grading_stand(struct grading *g, unsigned i, const struct grading_student *who, struct machine **m, struct err *e)
{
    struct grading_outcome out = { 0 };
    const struct grading_test *t = &g->test[i];
    struct stand *s = calloc(1, sizeof *s);
    if (!s) return err_set(e, EXIT_ENVIRONMENT, "out of memory; close other programs"), NULL;
    g->stay = true;
    for (uint32_t n = 1; n <= t->variants && !g->stays; n++) {
        out = (struct grading_outcome){ 0 };
        grading_variant(g, t, who, n, &out);
    }
    g->stay = false;
    if (out.status == GRADING_UNGRADABLE) err_set(e, EXIT_INPUT, "test '%s' cannot be graded: %s", t->name, out.message);
    else if (!g->stays) err_set(e, EXIT_INPUT, "test '%s' passes: there is no moment at which it fails", t->name);
    else if (!g->tests->machine) err_set(e, EXIT_INPUT, "test '%s' fails without a machine to look at: %s", t->name, out.message);
    if (e->code) {
        grading_leave(g);
        free(s);
        return NULL;
    }
    g->tests->handlers = g->tests->queued = 0; /* vm:on was for the test */
    s->g = g;
    s->pub.ops = &ops;
    s->pub.cfg = *machine_config(g->tests->machine);
    s->pub.next = 1;
    s->insns = machine_insns(g->tests->machine);
    s->cycles = machine_cycles(g->tests->machine);
    snprintf(s->pub.path, sizeof s->pub.path, "%s", g->tests->pub.path);
    snprintf(s->pub.title, sizeof s->pub.title, "%s", t->name);
    tell(s, &out);
    fresh_budget(g);
    g->policy.again = again;
    *m = g->tests->machine;
    return &s->pub;
}
