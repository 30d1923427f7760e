/* The rings of split devices (scenarios/guests/mini/ring.h) in every order that two processors with store buffers can run them.
 *
 * Idea 1: front end and back end are the functions below, over the ring's own code; each load, store, barrier, notification and sleep
 * is one step. A step's result is all that a side learns, so its state is the list of results: to know its next step it is run from
 * the beginning with that list, and stopped where the list ends.
 * Idea 2: a store goes into its processor's buffer, from which it reaches memory any time later, in order; a processor's own
 * loads see its buffer, others' do not. A barrier and a hypercall wait until the buffer is empty. This is x86's order of memory (SDM 3A 8.2;
 * Sewell et al., x86-TSO, CACM 53(7), 2010).
 * Idea 3: from every state every step of every side, and every buffer's oldest store, is tried; states that were there are not entered
 * again. If nobody can go on and not all is done, somebody missed a wake-up. That the search can find such things is shown by taking
 * out what prevents them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint32_t ring_load(const uint32_t *at);
static void ring_store(const uint32_t *at, uint32_t value);
static void ring_barrier(unsigned why);
#define RING_LOAD(at) ring_load(at)
#define RING_STORE(at, value) ring_store(at, value)
#define RING_BARRIER(why) ring_barrier(why)
#include "scenarios/guests/mini/ring.h"

enum { FRONT, BACK, SIDES, BUFFER = 8, STEPS = 128, WORDS = 24, REQUESTS = 4, SLOTS = 2, SALT = 100 };
enum kind { LOAD, STORE, BARRIER, NOTIFY, SLEEP, DONE };

struct store { uint8_t at; uint8_t value; };
struct side {
    uint8_t results[STEPS], steps; /* what each step gave */
    struct store buffer[BUFFER];
    uint8_t buffered, woken;
};
struct state { uint8_t memory[WORDS]; struct side side[SIDES]; };

static struct { bool recheck_requests, recheck_responses, barrier[3], buffers, in_order, sends; uint32_t requests; } with;
static struct { uint64_t states, ends; const char *wrong; } found;

/* ---- one side runs: with the results it had, and then one step more */

static struct ring_page page;
static const struct side *running;
static unsigned step;
static struct { enum kind kind; uint8_t at, value; } next;
static jmp_buf out;
static const char *complaint;

static uint32_t ask(enum kind kind, uint32_t at, uint32_t value)
{
    if (step < running->steps) return running->results[step++];
    next.kind = kind, next.at = (uint8_t)at, next.value = (uint8_t)value;
    longjmp(out, 1);
}

static uint32_t word_of(const uint32_t *at)
{
    uint32_t n = (uint32_t)(at - (const uint32_t *)&page); /* the padding is left out */
    return n < 4 ? n : n - 12;
}

static uint32_t ring_load(const uint32_t *at) { return ask(LOAD, word_of(at), 0); }
static void ring_store(const uint32_t *at, uint32_t value) { ask(STORE, word_of(at), value); }
static void ring_barrier(unsigned why)
{
    if (why != RING_STORES && with.barrier[why]) ask(BARRIER, 0, 0);
}

static void expect(bool holds, const char *what)
{
    if (!holds && !complaint) complaint = what;
}

/* Sends numbered requests, as many as there is room for, and sleeps when no response is there. */
static void front(void)
{
    struct ring r = { .page = &page, .slots = SLOTS, .words = 1 };
    uint32_t sent = 0, got = 0;
    while (got < with.requests) {
        bool any = false;
        for (; sent < with.requests && !ring_full(&r); any = true) {
            uint32_t entry = ++sent;
            ring_request(&r, &entry, 1);
        }
        if (any && ring_push_requests(&r)) ask(NOTIFY, BACK, 0);
        for (; ring_has_response(&r); got++) {
            uint32_t entry;
            ring_take_response(&r, &entry, 1);
            expect(entry == SALT + got + 1, "a response is not that to its request");
        }
        if (got == with.requests || (sent < with.requests && !ring_full(&r))) continue;
        bool more = with.recheck_responses ? ring_more_responses(&r) : (ring_arm(&r, &r.page->rsp_event), false);
        if (!more) ask(SLEEP, 0, 0);
    }
}

/* As a network card's front end sends: shows each request at once, waits for no answer, and sleeps only if there is no slot. */
static void sender(void)
{
    struct ring r = { .page = &page, .slots = SLOTS, .words = 1 };
    for (uint32_t sent = 0, got = 0; sent < with.requests;) {
        for (; ring_has_response(&r); got++) {
            uint32_t entry;
            ring_take_response(&r, &entry, 1);
            expect(entry == SALT + got + 1, "a response is not that to its request");
        }
        if (!ring_full(&r)) {
            uint32_t entry = ++sent;
            ring_request(&r, &entry, 1);
            if (ring_push_requests(&r)) ask(NOTIFY, BACK, 0);
            continue;
        }
        bool more = with.recheck_responses ? ring_more_responses(&r) : (ring_arm(&r, &r.page->rsp_event), false);
        if (!more) ask(SLEEP, 0, 0);
    }
}

static void back(void)
{
    struct ring r = { .page = &page, .slots = SLOTS, .words = 1 };
    for (uint32_t served = 0; served < with.requests;) {
        bool any = false;
        for (; ring_has_request(&r); any = true) {
            uint32_t entry;
            ring_take_request(&r, &entry, 1);
            expect(entry == ++served, "a request is not what was sent");
            entry += SALT;
            ring_response(&r, &entry, 1);
        }
        expect(!ring_is_mad(&r), "more requests than slots");
        if (any && ring_push_responses(&r)) ask(NOTIFY, FRONT, 0);
        if (served == with.requests) break;
        bool more = with.recheck_requests ? ring_more_requests(&r) : (ring_arm(&r, &r.page->req_event), false);
        if (!more) ask(SLEEP, 0, 0);
    }
}

static void look(const struct side *s, unsigned who)
{
    running = s;
    step = 0;
    complaint = NULL;
    if (setjmp(out)) return;
    if (who == FRONT && with.sends) sender();
    else if (who == FRONT) front();
    else back();
    next.kind = DONE;
}

/* ---- all states */

enum { VISITED = 1 << 24 };
static uint64_t *visited;

static uint64_t key_of(const struct state *s)
{
    uint64_t h = 0xCBF29CE484222325;
    const uint8_t *bytes = (const uint8_t *)s;
    for (size_t i = 0; i < sizeof *s; i++) h = (h ^ bytes[i]) * 0x100000001B3;
    return h ? h : 1;
}

static bool is_new(const struct state *s)
{
    uint64_t key = key_of(s);
    size_t at = key % VISITED;
    for (; visited[at]; at = (at + 1) % VISITED)
        if (visited[at] == key) return false;
    visited[at] = key;
    if (++found.states > VISITED / 2) fail_msg("more states than expected");
    return true;
}

static uint8_t seen_by(const struct state *s, unsigned who, uint8_t at)
{
    const struct side *me = &s->side[who];
    for (unsigned i = me->buffered; i-- > 0;)
        if (me->buffer[i].at == at) return me->buffer[i].value;
    return s->memory[at];
}

static void drain(struct state *s, struct side *me, unsigned which)
{
    s->memory[me->buffer[which].at] = me->buffer[which].value;
    memmove(me->buffer + which, me->buffer + which + 1, sizeof *me->buffer * (--me->buffered - which));
    memset(me->buffer + me->buffered, 0, sizeof *me->buffer);
}

/* The step that `look` found; false: it has to wait. */
static bool take(struct state *s, unsigned who)
{
    struct side *me = &s->side[who];
    uint8_t result = 0;
    if (next.kind == DONE || me->steps == STEPS) return false;
    if (next.kind == LOAD) result = seen_by(s, who, next.at);
    else if (next.kind == STORE) {
        if (me->buffered == BUFFER) return false;
        me->buffer[me->buffered++] = (struct store){ next.at, next.value };
        if (!with.buffers) drain(s, me, 0);
    } else {
        if (me->buffered) return false;
        if (next.kind == NOTIFY) s->side[next.at].woken = 1;
        if (next.kind == SLEEP && !me->woken) return false;
        if (next.kind == SLEEP) me->woken = 0;
    }
    me->results[me->steps++] = result;
    return true;
}

static void explore(const struct state *s);

static bool go(const struct state *s, unsigned who, bool *done)
{
    struct state then = *s;
    look(&s->side[who], who);
    *done = next.kind == DONE;
    if (complaint) found.wrong = complaint;
    if (complaint || !take(&then, who)) return false;
    explore(&then);
    return true;
}

/* Processors keep their stores' order; one that does not is for seeing that it would matter. */
static bool go_drain(const struct state *s, unsigned who)
{
    unsigned any = with.in_order ? s->side[who].buffered > 0 : s->side[who].buffered;
    for (unsigned i = 0; i < any; i++) {
        struct state then = *s;
        drain(&then, &then.side[who], i);
        explore(&then);
    }
    return any;
}

static void explore(const struct state *s)
{
    bool moved = false, done[SIDES];
    if (found.wrong || !is_new(s)) return;
    for (unsigned who = 0; who < SIDES; who++) {
        moved |= go(s, who, &done[who]);
        moved |= go_drain(s, who);
    }
    if (moved || found.wrong) return;
    if (done[FRONT] && done[BACK]) found.ends++;
    else if (s->side[FRONT].steps == STEPS || s->side[BACK].steps == STEPS) found.wrong = "a side goes on and on";
    else found.wrong = "both sleep, and not all is done";
}

static const char *search(void)
{
    struct state s;
    memset(&s, 0, sizeof s);
    s.memory[1] = s.memory[3] = 1; /* the events, as ring_clear leaves them */
    memset(&found, 0, sizeof found);
    if (!visited) visited = malloc(VISITED * sizeof *visited);
    memset(visited, 0, VISITED * sizeof *visited);
    explore(&s);
    return found.wrong;
}

static void everything(void)
{
    memset(&with, 1, sizeof with);
    with.sends = false;
    with.requests = REQUESTS;
}

static void the_protocol_holds(void **state)
{
    (void)state;
    everything();
    const char *wrong = search();
    print_message("# %llu states, %llu ends\n", (unsigned long long)found.states, (unsigned long long)found.ends);
    if (wrong) fail_msg("%s", wrong);
    assert_true(found.ends > 0 && found.states > 1000);
}

static void without_the_final_look_a_wake_up_is_lost(void **state)
{
    (void)state;
    for (unsigned buffers = 0; buffers < 2; buffers++) {
        everything();
        with.buffers = buffers;
        with.recheck_requests = false;
        assert_string_equal(search(), "both sleep, and not all is done");
        with.recheck_requests = true, with.recheck_responses = false;
        assert_string_equal(search(), "both sleep, and not all is done");
    }
}

/* Only a processor that has a store buffer needs them. */
static void without_a_barrier_a_wake_up_is_lost(void **state)
{
    (void)state;
    static const unsigned barriers[] = { RING_AFTER_PUSH, RING_AFTER_EVENT };
    for (unsigned i = 0; i < 2; i++) {
        everything();
        with.barrier[barriers[i]] = false;
        assert_string_equal(search(), "both sleep, and not all is done");
        with.buffers = false;
        assert_null(search());
    }
}

/* The barrier between an entry and its index holds only the compiler back: stores that overtake each other would show a slot before it
 * is filled. */
static void stores_out_of_order_show_what_is_not_there(void **state)
{
    (void)state;
    everything();
    with.in_order = false;
    const char *wrong = search();
    assert_non_null(wrong);
    assert_non_null(strstr(wrong, " is not ")); /* a request or a response, whichever order is tried first */
}

/* A network card's two rings: to receive, pages are handed out as requests are made above; sending is another way to use one. */
static void who_sends_without_waiting_is_woken(void **state)
{
    (void)state;
    everything();
    with.sends = true;
    with.requests = SLOTS + 1; /* each is shown by itself, which makes many more states */
    const char *wrong = search();
    print_message("# sending: %llu states, %llu ends\n", (unsigned long long)found.states, (unsigned long long)found.ends);
    if (wrong) fail_msg("%s", wrong);
    assert_true(found.ends > 0 && found.states > 1000);
    with.recheck_requests = false;
    assert_string_equal(search(), "both sleep, and not all is done");
    with.recheck_requests = true, with.recheck_responses = false;
    with.requests = REQUESTS; /* the event is right at first: it has to sleep twice */
    assert_string_equal(search(), "both sleep, and not all is done");
    with.recheck_responses = true;
    with.requests = SLOTS + 1;
    for (unsigned i = RING_AFTER_PUSH; i <= RING_AFTER_EVENT; i++) {
        with.barrier[i] = false;
        assert_string_equal(search(), "both sleep, and not all is done");
        with.barrier[i] = true;
    }
}

static void slots_are_as_many_as_the_interface_says(void **state)
{
    (void)state;
    assert_int_equal(ring_slots(108), 32); /* block requests: facts of the interface */
    assert_int_equal(ring_slots(112), 32);
    assert_int_equal(ring_slots(12), 256); /* frames to be sent */
    assert_int_equal(ring_slots(8), 256);  /* pages to receive into */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_protocol_holds), cmocka_unit_test(without_the_final_look_a_wake_up_is_lost),
        cmocka_unit_test(without_a_barrier_a_wake_up_is_lost), cmocka_unit_test(stores_out_of_order_show_what_is_not_there),
        cmocka_unit_test(who_sends_without_waiting_is_woken), cmocka_unit_test(slots_are_as_many_as_the_interface_says),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(visited);
    return failed;
}
