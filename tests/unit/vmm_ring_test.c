/* The rings of split devices (scenarios/guests/mini/ring.h) in every order that two processors with store buffers can run them.
 *
 * Idea: front end and back end are the functions below, over the ring's own code; sim/orders.h tries every order of their steps. That the
 * search can find such things is shown by taking out what prevents them. */
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
#include "sim/orders.h"

enum { FRONT, BACK, REQUESTS = 4, SLOTS = 2, SALT = 100 };
enum { LOAD = ORDERS_LOAD, STORE = ORDERS_STORE, BARRIER = ORDERS_BARRIER, NOTIFY = ORDERS_NOTIFY, SLEEP = ORDERS_SLEEP, DONE = ORDERS_DONE };

static struct { bool recheck_requests, recheck_responses, barrier[3], buffers, in_order, sends; uint32_t requests; } with;
static struct orders found;

/* ---- one side runs: with the results it had, and then one step more */

static struct ring_page page;
static const uint8_t *results;
static unsigned step, steps;
static struct orders_step next;
static jmp_buf out;
static const char *complaint;

static uint32_t ask(unsigned kind, uint32_t at, uint32_t value)
{
    if (step < steps) return results[step++];
    next = (struct orders_step){ (uint8_t)kind, (uint8_t)at, (uint8_t)value };
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

static const char *look(void *self, unsigned who, const uint8_t *had, unsigned n, struct orders_step *to)
{
    (void)self;
    results = had, steps = n;
    step = 0;
    complaint = NULL;
    if (!setjmp(out)) {
        if (who == FRONT && with.sends) sender();
        else if (who == FRONT) front();
        else back();
        next.kind = DONE;
    }
    *to = next;
    return complaint;
}

static const char *search(void)
{
    found = (struct orders){ .look = look, .buffers = with.buffers, .in_order = with.in_order, .memory = { 0, 1, 0, 1 }, .most = 1 << 23 };
    if (!orders_search(&found)) fail_msg("out of memory"); /* the events are as ring_clear leaves them */
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
    return cmocka_run_group_tests(tests, NULL, NULL);
}
