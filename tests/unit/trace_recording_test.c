/* Runs in files: what comes back is what went in, and whatever a stranger writes is refused or read, never believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <zlib.h>
#include "sim/trace/recording.h"
#include "sim/trace/trace_cast.h"
#include "sim/trace/trace_json.h"

static const char *const reasons[] = { "privileged", "port", "\x1b[31mred" };
static uint64_t totals[CAUSE_COUNT];

static const char *name_of(void *self, uint32_t eip, char *buf, size_t n)
{
    (void)self;
    snprintf(buf, n, "f+%X", eip & 15);
    return buf;
}

static struct trace *history(unsigned events)
{
    struct trace *t = trace_new();
    trace_names("exit", reasons, 3);
    for (unsigned i = 1; i <= events; i++) {
        struct event e = { .id = i, .cause = i % 3 ? i - 1 : 0, .cycle = i * 100ull, .insns = i * 7, .eip = 0x100000 + i % 50, .ring = 1, .kind = EV_EXIT };
        if (i % 2) e.kind = EV_PORT, e.u.PORT.port = 0x3F8, e.u.PORT.value = i, e.episode = i > 1 ? i - 1 : 0;
        else e.u.EXIT.reason = (uint8_t)(i % 3), e.u.EXIT.code = i * 0x01000193u, e.episode = i;
        assert_true(trace_append(t, &e));
    }
    struct episode p = { .from = 100, .to = 400, .first = 1, .exit = 2, .last = 3, .known = 3, .reason = 1, .resumed = true };
    p.cost[CAUSE_DELIVER] = 120;
    trace_append_episode(t, &p);
    return t;
}

static void make(struct recording *r, struct trace *t, struct text *file)
{
    totals[CAUSE_KERNEL] = 123456789012;
    *r = (struct recording){ .hypervisor = true, .steps = 1, .step = { { "one step", "its\nnote", 3 } } };
    r->x = (struct trace_export){ .t = t, .end = 99999, .kernel_ring = 1, .vms = 1, .by_cause = totals, .title = "a run", .symbol = name_of };
    text_add(&r->what, "cpu=te\nseed=7\n");
    text_bytes(&r->frames, "a\0b", 3);
    recording_write(r, file);
}

static void what_comes_back_is_what_went_in(void **state)
{
    (void)state;
    struct trace *t = history(20000);
    struct recording out, in = { .steps = 0 };
    struct text file = { 0 }, a = { 0 }, b = { 0 };
    struct err e = { 0 };
    char word[16];
    make(&out, t, &file);
    assert_true(recording_read(&in, &file, "x", &e));
    assert_int_equal(trace_hash(t), trace_hash(in.x.t));
    trace_csv(&out.x, &a), trace_csv(&in.x, &b);
    assert_string_equal(text_str(&a), text_str(&b));
    text_clear(&a), text_clear(&b);
    trace_perfetto(&out.x, &a), trace_perfetto(&in.x, &b);
    assert_true(a.len > 1000);
    assert_null(strchr(text_str(&b), '\x1b'));
    assert_int_equal(trace_episodes(in.x.t), 1);
    assert_int_equal(trace_episode_at(in.x.t, 0)->cost[CAUSE_DELIVER], 120);
    assert_true(in.x.by_cause[CAUSE_KERNEL] == 123456789012);
    assert_string_equal(in.step[0].note, "its\nnote");
    assert_string_equal(recording_value(&in, "seed", word, sizeof word), "7");
    assert_int_equal(in.frames.len, 3);
    assert_true(file.len < 20000 * 8); /* small enough to keep */
    recording_free(&in), recording_free(&out), text_free(&file), text_free(&a), text_free(&b);
    trace_free(t);
    trace_names("exit", reasons, 3);
}

/* Whole chunks that a bounded history forgot stay forgotten, and the numbers behind them stay. */
static void what_was_forgotten_stays_so(void **state)
{
    (void)state;
    struct trace *t = trace_new();
    struct recording out, in = { .steps = 0 };
    struct text file = { 0 };
    trace_bound(t, 4096, 4096);
    for (unsigned i = 0; i < 30000; i++) TRACE(t, PORT, 0, .value = i);
    make(&out, t, &file);
    assert_true(recording_read(&in, &file, "x", &(struct err){ 0 }));
    assert_int_equal(trace_count(in.x.t), trace_count(t));
    for (size_t i = 0; i < trace_count(t); i++) assert_int_equal(trace_at(t, i)->u.PORT.value, trace_at(in.x.t, i)->u.PORT.value);
    assert_int_equal(trace_at(in.x.t, 10000)->kind, EV_FORGOTTEN);
    recording_free(&in), recording_free(&out), text_free(&file);
    trace_free(t);
}

static bool refused(const struct text *file, const char *why)
{
    struct recording r = { .steps = 0 };
    struct err e = { 0 };
    if (recording_read(&r, file, "x", &e)) return recording_free(&r), false;
    if (e.code != EXIT_INPUT || !strstr(e.text, why)) print_message("not because of '%s': %s\n", why, e.text);
    return e.code == EXIT_INPUT && strstr(e.text, why);
}

static void seal(struct text *f)
{
    uint32_t body = (uint32_t)crc32(0, (const Bytef *)f->s + 32, (uInt)(f->len - 32)), head;
    uint64_t bytes = f->len;
    memcpy(f->s + 16, &bytes, 8), memcpy(f->s + 24, &body, 4);
    head = (uint32_t)crc32(0, (const Bytef *)f->s, 28);
    memcpy(f->s + 28, &head, 4);
}

static void files_that_are_none_are_refused(void **state)
{
    (void)state;
    struct trace *t = history(500);
    struct recording out;
    struct text file = { 0 }, x = { 0 };
    make(&out, t, &file);
    for (size_t n = 0; n < file.len; n += n < 40 ? 1 : 97) {
        text_clear(&x), text_bytes(&x, file.s, n);
        assert_true(refused(&x, n < 8 ? "not a recorded trace" : "cut off"));
    }
    for (size_t at = 0; at < file.len; at += at < 40 ? 1 : 61) {
        text_clear(&x), text_bytes(&x, file.s, file.len);
        x.s[at] ^= 0x10;
        assert_true(refused(&x, at < 8 ? "not a recorded trace" : "altered"));
    }
    text_clear(&x), text_bytes(&x, file.s, file.len), text_char(&x, 'x');
    assert_true(refused(&x, "something was added"));
    for (unsigned version = 0; version < 4; version += 2) {
        text_clear(&x), text_bytes(&x, file.s, file.len);
        x.s[8] = (char)version;
        seal(&x);
        assert_true(refused(&x, version ? "newer program" : "record it anew"));
    }
    recording_free(&out), text_free(&file), text_free(&x);
    trace_free(t);
}

/* The bytes that were packed, changed at random, and packed again with the right checksums. */
static void forged_files_do_no_harm(void **state)
{
    (void)state;
    struct trace *t = history(300);
    struct recording out;
    struct text file = { 0 }, x = { 0 }, shown = { 0 };
    unsigned taken = 0;
    uint32_t seed = 1;
    make(&out, t, &file);
    uint32_t n;
    memcpy(&n, file.s + 12, 4);
    uint8_t *plain = malloc(n), *forged = malloc(n), *packed = malloc(compressBound(n));
    uLongf got = n;
    assert_int_equal(uncompress(plain, &got, (const Bytef *)file.s + 32, file.len - 32), Z_OK);
    for (unsigned round = 0; round < 3000; round++) {
        memcpy(forged, plain, n);
        for (unsigned k = 0; k <= round % 3; k++) {
            seed = seed * 1664525 + 1013904223;
            forged[(seed >> 8) % n] = (uint8_t)(seed & 1 ? seed >> 3 : forged[(seed >> 8) % n] ^ 1u << (seed >> 29));
        }
        uLongf room = compressBound(n);
        compress2(packed, &room, forged, n, 1);
        text_clear(&x), text_bytes(&x, file.s, 32), text_bytes(&x, packed, room);
        seal(&x);
        struct recording in = { .steps = 0 };
        if (!recording_read(&in, &x, "x", &(struct err){ 0 })) continue;
        taken++;
        text_clear(&shown);
        trace_json(in.x.t, &shown), trace_csv(&in.x, &shown), trace_perfetto(&in.x, &shown), trace_folded(&in.x, &shown), trace_vcd(&in.x, &shown);
        trace_cast(&in, &shown);
        for (size_t i = 0; i < trace_episodes(in.x.t); i++) episode_line(in.x.t, trace_episode_at(in.x.t, i), &shown);
        recording_free(&in);
    }
    print_message("%u of 3000 forged files could be read\n", taken);
    assert_in_range(taken, 100, 2999);
    free(plain), free(forged), free(packed);
    recording_free(&out), text_free(&file), text_free(&x), text_free(&shown);
    trace_free(t);
    trace_names("exit", reasons, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(what_comes_back_is_what_went_in), cmocka_unit_test(what_was_forgotten_stays_so),
                                        cmocka_unit_test(files_that_are_none_are_refused), cmocka_unit_test(forged_files_do_no_harm) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
