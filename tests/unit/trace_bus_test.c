/* The trace bus and the history: order, subscriptions changed while being called, votes, rewind, mute, hash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "sim/trace/cause.h"
#include "sim/trace/trace.h"
#include "sim/trace/trace_tally.h"

struct log {
    struct trace *t;
    uint32_t ids[8], n;
    int sub, other;          /* handles: own, and one to remove when called */
    struct log *newcomer;    /* to subscribe when called */
    enum vote vote;
};

static enum vote note(void *self, const struct event *e)
{
    struct log *l = self;
    l->ids[l->n++] = e->id;
    if (l->other >= 0) trace_unsubscribe(l->t, l->other);
    if (l->newcomer) l->newcomer->sub = trace_subscribe(l->t, CAT_ALL, note, l->newcomer);
    l->other = -1;
    l->newcomer = NULL;
    return l->vote;
}

static struct log log_on(struct trace *t) { return (struct log){ .t = t, .sub = -1, .other = -1 }; }

static void test_emit_fills_in(void **state)
{
    (void)state;
    uint64_t cycle = 12404, insns = 77;
    uint32_t eip = 0x101033;
    uint8_t ring = 1;
    struct trace *t = trace_new();
    assert_int_equal(trace_last(t), 0);
    trace_bind(t, (struct trace_now){ .cycle = &cycle, .insns = &insns, .eip = &eip, .ring = &ring });
    uint32_t fault = TRACE(t, FAULT, 0, .vector = 13, .code = 8);
    uint32_t exit = TRACE(t, EXIT, fault, .reason = 2);
    trace_episode(t, exit);
    struct event own = { .kind = EV_EMULATE, .cause = exit, .eip = 0x5000, .ring = 3 };
    trace_emit(t, &own);
    trace_episode(t, 0);
    TRACE(t, HALT, 0, .pad_ = 0);
    const struct event *e = trace_by_id(t, exit);
    assert_int_equal(e->cycle, 12404);
    assert_int_equal(e->insns, 77);
    assert_int_equal(e->eip, 0x101033);
    assert_int_equal(e->ring, 1);
    assert_int_equal(e->cause, fault);
    assert_int_equal(e->episode, exit); /* an EXIT belongs to its own visit */
    assert_int_equal(trace_by_id(t, fault)->episode, 0);
    assert_int_equal(trace_at(t, 2)->episode, exit);
    assert_int_equal(trace_at(t, 2)->eip, 0x5000); /* the caller's values win */
    assert_int_equal(trace_at(t, 2)->ring, 3);
    assert_int_equal(trace_at(t, 3)->episode, 0);
    assert_null(trace_at(t, 4));
    assert_null(trace_by_id(t, 0));
    assert_null(trace_by_id(t, 5));
    trace_free(t);
}

static void test_categories(void **state)
{
    (void)state;
    struct trace *t = trace_new();
    struct log cpu = log_on(t), io = log_on(t);
    trace_subscribe(t, CAT_CPU, note, &cpu);
    trace_subscribe(t, CAT_IO | CAT_RUN, note, &io);
    TRACE(t, FAULT, 0, .vector = 6);
    TRACE(t, RAISE, 0, .line = 4);
    TRACE(t, STOP, 0, .code = 0);
    assert_int_equal(cpu.n, 1);
    assert_int_equal(cpu.ids[0], 1);
    assert_int_equal(io.n, 2);
    assert_int_equal(io.ids[1], 3);
    trace_free(t);
}

static void test_changes_while_called(void **state)
{
    (void)state;
    struct trace *t = trace_new();
    struct log first = log_on(t), second = log_on(t), late = log_on(t), self = log_on(t);
    first.sub = trace_subscribe(t, CAT_ALL, note, &first);
    second.sub = trace_subscribe(t, CAT_ALL, note, &second);
    self.sub = trace_subscribe(t, CAT_ALL, note, &self);
    first.other = second.sub; /* removed before its turn: not called any more */
    first.newcomer = &late;   /* starts with the next event */
    self.other = self.sub;
    TRACE(t, HALT, 0, .pad_ = 0);
    TRACE(t, HALT, 0, .pad_ = 0);
    assert_int_equal(first.n, 2);
    assert_int_equal(second.n, 0);
    assert_int_equal(self.n, 1);
    assert_int_equal(late.n, 1);
    assert_int_equal(late.ids[0], 2);
    trace_unsubscribe(t, second.sub); /* again: no effect, and nobody else's handle */
    trace_unsubscribe(t, first.sub);
    TRACE(t, HALT, 0, .pad_ = 0);
    assert_int_equal(first.n, 2);
    assert_int_equal(late.n, 2);
    trace_free(t);
}

static void test_many_newcomers(void **state)
{
    (void)state; /* the list of subscribers moves while it is being walked */
    struct trace *t = trace_new();
    struct log l[20];
    for (int i = 0; i < 20; i++) l[i] = log_on(t);
    for (int i = 0; i < 10; i++) {
        l[i].newcomer = &l[10 + i];
        trace_subscribe(t, CAT_ALL, note, &l[i]);
    }
    TRACE(t, HALT, 0, .pad_ = 0);
    TRACE(t, HALT, 0, .pad_ = 0);
    for (int i = 0; i < 20; i++) assert_int_equal(l[i].n, i < 10 ? 2 : 1);
    trace_free(t);
}

static void ring_bell(void *self) { ++*(int *)self; }

static void test_votes(void **state)
{
    (void)state;
    int bell = 0;
    struct trace *t = trace_new();
    trace_bind(t, (struct trace_now){ .pause = ring_bell, .self = &bell });
    struct log go = log_on(t), pause = log_on(t);
    pause.vote = VOTE_PAUSE;
    trace_subscribe(t, CAT_ALL, note, &pause);
    trace_subscribe(t, CAT_ALL, note, &go);
    assert_false(trace_pause(t));
    TRACE(t, HALT, 0, .pad_ = 0);
    assert_int_equal(bell, 1);
    assert_int_equal(go.n, 1); /* a vote does not keep the event from others */
    assert_true(trace_pause(t));
    assert_false(trace_pause(t));
    pause.vote = VOTE_GO;
    TRACE(t, HALT, 0, .pad_ = 0);
    assert_int_equal(bell, 1); /* the old vote is spent */
    trace_mute(t, true);
    pause.vote = VOTE_PAUSE;
    TRACE(t, HALT, 0, .pad_ = 0); /* known history asks nobody */
    assert_int_equal(bell, 1);
    assert_false(trace_pause(t));
    trace_free(t);
}

static void test_long_history(void **state)
{
    (void)state;
    enum { N = 100000 };
    uint64_t cycle = 0;
    struct trace *t = trace_new();
    trace_bind(t, (struct trace_now){ .cycle = &cycle });
    TRACE(t, CR3, 0, .value = 0);
    const struct event *early = trace_at(t, 0);
    for (uint32_t i = 1; i < N; i++) {
        cycle = i * 3;
        assert_int_equal(TRACE(t, CR3, i, .value = i), i + 1);
    }
    assert_int_equal(trace_count(t), N);
    assert_ptr_equal(early, trace_at(t, 0)); /* growing does not move events */
    for (uint32_t i = 0; i < N; i += 997) {
        assert_int_equal(trace_at(t, i)->u.CR3.value, i);
        assert_int_equal(trace_at(t, i)->cycle, (uint64_t)i * 3);
        assert_ptr_equal(trace_at(t, i), trace_by_id(t, i + 1));
    }
    trace_free(t);
}

static void three_events(struct trace *t, uint64_t *cycle)
{
    *cycle = 100;
    uint32_t exit = TRACE(t, EXIT, 0, .reason = 1, .addr = 0x1234);
    trace_episode(t, exit);
    *cycle = 200;
    TRACE(t, EMULATE, exit, .op = 7, .value = 9);
    *cycle = 300;
    TRACE(t, RESUME, exit, .to = 1);
    trace_episode(t, 0);
}

static void test_rewind_and_mute(void **state)
{
    (void)state;
    uint64_t cycle = 0;
    struct trace *t = trace_new();
    struct log l = log_on(t);
    trace_bind(t, (struct trace_now){ .cycle = &cycle });
    trace_subscribe(t, CAT_ALL, note, &l);
    three_events(t, &cycle);
    uint64_t hash = trace_hash(t);
    trace_rewind(t, 0);
    assert_int_equal(trace_count(t), 0);
    trace_mute(t, true); /* history is made again; nobody hears it twice */
    three_events(t, &cycle);
    trace_mute(t, false);
    assert_int_equal(l.n, 3);
    assert_true(trace_hash(t) == hash);
    trace_rewind(t, 2); /* inside the visit: what follows belongs to it */
    assert_int_equal(trace_last(t), 2);
    assert_int_equal(trace_by_id(t, TRACE(t, RESUME, 1, .to = 1))->episode, 1);
    assert_int_equal(l.n, 4);
    assert_int_equal(l.ids[3], 3);
    trace_rewind(t, 3); /* after the RESUME: outside */
    assert_int_equal(trace_by_id(t, TRACE(t, HALT, 0, .pad_ = 0))->episode, 0);
    trace_rewind(t, 99); /* nothing to forget */
    assert_int_equal(trace_count(t), 4);
    trace_free(t);
}

/* One record whose every part the hash must see, and whose padding it must not. */
static uint64_t hash_of(struct event e)
{
    struct trace *t = trace_new();
    trace_emit(t, &e);
    uint64_t h = trace_hash(t);
    trace_free(t);
    return h;
}

/* A bounded history keeps both ends; what lay between reads as forgotten until it is lived through again. */
static void test_bounded_history(void **state)
{
    (void)state;
    enum { CHUNK = 4096, ALL = 10 * CHUNK + 7 };
    struct trace *t = trace_new();
    trace_bound(t, CHUNK, 3 * CHUNK);
    for (unsigned i = 0; i < ALL; i++) {
        struct event e = { .kind = EV_CR3, .u.CR3 = { .value = i } };
        trace_emit(t, &e);
    }
    assert_int_equal(trace_count(t), ALL);
    for (unsigned i = 0; i < ALL; i++) {
        const struct event *e = trace_at(t, i);
        bool kept = i < CHUNK || i / CHUNK > ALL / CHUNK - 3;
        assert_int_equal(e->kind, kept ? EV_CR3 : EV_FORGOTTEN);
        assert_int_equal(e->id, kept ? i + 1 : 0);
    }
    struct tally all, few;
    tally_history(&all, t, 0, 0);
    assert_int_equal(all.kinds[EV_CR3], ALL); /* forgotten, but counted */
    assert_int_equal(all.kinds[EV_FORGOTTEN], 0);
    tally_history(&few, t, 0, 3 * CHUNK + 1); /* of a part of what was forgotten at once nobody knows */
    assert_int_equal(few.kinds[EV_CR3], 3 * CHUNK);
    tally_history(&few, t, CHUNK + 2, ALL);
    assert_int_equal(few.kinds[EV_CR3], ALL - 2 * CHUNK);
    trace_rewind(t, 4 * CHUNK + 5);
    struct event e = { .kind = EV_CR3, .u.CR3 = { .value = 77 } };
    assert_int_equal(trace_emit(t, &e), 4 * CHUNK + 6);
    assert_int_equal(trace_at(t, 4 * CHUNK + 5)->u.CR3.value, 77);
    assert_null(trace_at(t, 4 * CHUNK + 6));
    trace_free(t);
}

static void test_hash(void **state)
{
    (void)state;
    struct event e;
    memset(&e, 0, sizeof e);
    e.kind = EV_EXIT;
    uint64_t base = hash_of(e);
    struct event v[9];
    for (int i = 0; i < 9; i++) v[i] = e;
    v[0].cause = 1, v[1].cycle = 1ull << 40, v[2].insns = 1, v[3].eip = 1, v[4].vcpu = 1, v[5].ring = 1;
    v[6].u.EXIT.reason = 1, v[7].u.EXIT.addr = 1u << 31, v[8].kind = EV_FAULT;
    for (int i = 0; i < 9; i++) assert_true(hash_of(v[i]) != base);
    struct event dirty;
    memset(&dirty, 0xFF, sizeof dirty);
    dirty.cause = 0, dirty.cycle = 0, dirty.insns = 0, dirty.eip = 0, dirty.vcpu = 0, dirty.ring = 0;
    dirty.kind = EV_EXIT;
    dirty.u.EXIT.reason = 0, dirty.u.EXIT.vector = 0, dirty.u.EXIT.code = 0, dirty.u.EXIT.addr = 0;
    assert_true(hash_of(dirty) == base);
    struct trace *empty = trace_new();
    assert_true(trace_hash(empty) == 0xCBF29CE484222325u); /* FNV-1a's offset basis */
    trace_free(empty);
}

static void test_descriptions(void **state)
{
    (void)state;
    struct event e = { .kind = EV_SILENT, .u.SILENT = { .op = 3, .field = 4, .wanted = 0x11223344, .got = 5 } };
    const struct event_desc *d = event_desc(EV_SILENT);
    assert_string_equal(d->word, "silent");
    assert_int_equal(d->cat, CAT_VMM);
    assert_int_equal(d->fields, 4);
    assert_string_equal(d->field[0].type, "mnemonic");
    assert_int_equal(event_field(&e, &d->field[0]), 3);
    assert_int_equal(event_field(&e, &d->field[1]), 4);
    assert_int_equal(event_field(&e, &d->field[2]), 0x11223344);
    assert_int_equal(event_field(&e, &d->field[3]), 5);
    struct event port = { .kind = EV_PORT, .u.PORT = { .out = 1, .port = 0xCF8, .value = 7 } };
    assert_int_equal(event_field(&port, &event_desc(EV_PORT)->field[1]), 0xCF8);
    assert_int_equal(event_desc(EV_HALT)->fields, 0);
    assert_null(event_desc(EV_COUNT));
    assert_int_equal(event_kind("nonsense"), -1);
    for (unsigned k = 0; k < EV_COUNT; k++) {
        assert_int_equal(event_kind(event_desc(k)->word), k);
        assert_true(event_desc(k)->cat & CAT_ALL);
    }
}

static void test_names(void **state)
{
    (void)state;
    static const char *const one[] = { "a", NULL, "c" }, *const two[] = { "x" };
    trace_names("letters", one, 3);
    assert_string_equal(trace_name("letters", 2), "c");
    assert_string_equal(trace_name("letters", 1), "?");
    assert_string_equal(trace_name("letters", 3), "?");
    assert_string_equal(trace_name("unheard", 0), "?");
    for (int i = 0; i < 1000; i++) trace_names("letters", two, 1); /* each machine registers again */
    assert_string_equal(trace_name("letters", 0), "x");
    assert_string_equal(trace_name("letters", 2), "?");
    assert_string_equal(cause_name(CAUSE_WALK), "walk");
    assert_string_equal(cause_name(CAUSE_COUNT), "?");
    assert_non_null(strstr(cause_about(CAUSE_SHADOW), "shadow"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_emit_fills_in), cmocka_unit_test(test_categories),
        cmocka_unit_test(test_changes_while_called), cmocka_unit_test(test_many_newcomers),
        cmocka_unit_test(test_votes), cmocka_unit_test(test_long_history),
        cmocka_unit_test(test_rewind_and_mute), cmocka_unit_test(test_bounded_history), cmocka_unit_test(test_hash),
        cmocka_unit_test(test_descriptions), cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
