/* A raw image and the log of writes over it, against a plain array with copies for snapshots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "sim/disk_image.h"

enum { BYTES = 700 * 512 + 100, SECTORS = 701, SNAPS = 12 };

static char folder[] = "/tmp/sim_disk_image_test.XXXXXX", path[64];
static uint8_t original[SECTORS * 512];

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "%s/image", folder);
    for (unsigned i = 0; i < BYTES; i++) original[i] = (uint8_t)(i * 2654435761u >> 19);
    FILE *f = fopen(path, "wb");
    return !f || fwrite(original, 1, BYTES, f) != BYTES || fclose(f);
}
static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static struct disk_image *open_image(void)
{
    struct err e = { 0 };
    struct disk_image *d = disk_image_open(path, &e);
    if (!d) fail_msg("%s", e.text);
    return d;
}

static void check(const struct disk *m, const uint8_t *wanted)
{
    uint8_t got[512];
    for (unsigned s = 0; s < SECTORS; s++) {
        assert_true(m->read(m->self, s, got));
        if (memcmp(got, wanted + s * 512, 512)) fail_msg("sector %u", s);
    }
}

static void size_and_padding(void **state)
{
    (void)state;
    struct disk_image *d = open_image();
    struct disk_moment at = { 0 };
    struct disk m = disk_image_medium(d, &at);
    assert_int_equal(m.sectors, SECTORS);
    assert_int_equal(disk_image_padding(d), 412);
    check(&m, original);
    assert_false(m.write(m.self, SECTORS, original));
    disk_image_close(d);
}

/* Random writes, snapshots and returns to any of them, as snapshot.c makes them. */
static void travels(void **state)
{
    (void)state;
    static uint8_t now[SECTORS * 512], saved[SNAPS][SECTORS * 512];
    struct disk_image *d = open_image();
    struct disk_moment at = { 0 }, moment[SNAPS];
    struct disk m = disk_image_medium(d, &at);
    unsigned snaps = 0;
    uint32_t seed = 1;
    memcpy(now, original, sizeof now);
    for (unsigned n = 0; n < 20000; n++) {
        seed = seed * 1664525u + 1013904223u;
        unsigned what = seed >> 8 & 127, s = seed >> 16;
        if (what == 0 && snaps < SNAPS) {
            disk_image_seal(d);
            memcpy(saved[snaps], now, sizeof now);
            moment[snaps++] = at;
        } else if (what == 1 && snaps) {
            unsigned k = s % snaps;
            at = moment[k];
            check(&m, saved[k]); /* readable before anybody has tidied up */
            disk_image_seal(d);
            memcpy(now, saved[k], sizeof now);
            snaps = k + 1;
        } else {
            s %= what < 64 ? 10 : SECTORS;
            for (unsigned i = 0; i < 512; i++) now[s * 512 + i] = (uint8_t)(n + i * what);
            assert_true(m.write(m.self, s, now + s * 512));
        }
        if (n % 500 == 0) check(&m, now);
    }
    check(&m, now);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, BYTES);
    disk_image_close(d);
    d = open_image();
    at = (struct disk_moment){ 0 };
    m = disk_image_medium(d, &at);
    check(&m, original); /* the file was not touched */
    disk_image_close(d);
}

/* The log holds a sector once per snapshot, however often it is written. */
static void needs_no_more_than_it_must(void **state)
{
    (void)state;
    struct disk_image *d = open_image();
    struct disk_moment at = { 0 };
    struct disk m = disk_image_medium(d, &at);
    for (unsigned k = 0; k < 3; k++) {
        for (unsigned n = 0; n < 1000; n++) assert_true(m.write(m.self, n % 7, original + n));
        assert_int_equal(at.writes, 7 * (k + 1));
        disk_image_seal(d);
    }
    assert_int_equal(disk_image_changed(d), 7);
    disk_image_close(d);
}

static void history_tells_states_apart(void **state)
{
    (void)state;
    uint64_t hash[4];
    static const struct { unsigned first, second; uint8_t last; } rows[4] = {
        { 1, 2, 0 }, { 2, 1, 0 }, { 1, 2, 1 }, { 1, 2, 0 } };
    for (unsigned i = 0; i < 4; i++) {
        struct disk_image *d = open_image();
        struct disk_moment at = { 0 };
        struct disk m = disk_image_medium(d, &at);
        uint8_t bytes[512] = { 0 };
        assert_true(m.write(m.self, rows[i].first, bytes));
        bytes[511] = rows[i].last;
        assert_true(m.write(m.self, rows[i].second, bytes));
        hash[i] = at.hash;
        disk_image_close(d);
    }
    assert_true(hash[0] != hash[1] && hash[0] != hash[2] && hash[0] == hash[3]);
}

static void keeping(void **state)
{
    (void)state;
    uint8_t bytes[512], got[512];
    struct err e = { 0 };
    struct disk_image *d = open_image();
    struct disk_moment at = { 0 };
    struct disk m = disk_image_medium(d, &at);
    uint64_t before = disk_image_hash(d);
    assert_true(disk_image_keep(d, &e)); /* nothing to keep */
    memset(bytes, 0xA5, sizeof bytes);
    assert_true(m.write(m.self, 3, bytes));
    assert_true(m.write(m.self, SECTORS - 1, bytes));
    assert_int_equal(disk_image_hash(d), before); /* of the file as it was */
    assert_true(disk_image_keep(d, &e));
    disk_image_close(d);
    d = open_image();
    m = disk_image_medium(d, &(struct disk_moment){ 0 });
    assert_int_equal(disk_image_padding(d), 0);
    assert_true(disk_image_hash(d) != before);
    memcpy(original + 3 * 512, bytes, 512);
    memcpy(original + (SECTORS - 1) * 512, bytes, 512);
    for (unsigned s = 0; s < SECTORS; s++) {
        assert_true(m.read(m.self, s, got));
        assert_memory_equal(got, original + s * 512, 512);
    }
    disk_image_close(d);
}

static void failing_to_keep(void **state)
{
    (void)state;
    char moved[80];
    uint8_t bytes[512] = { 1 };
    struct err e = { 0 };
    struct disk_image *d = open_image();
    struct disk_moment at = { 0 };
    struct disk m = disk_image_medium(d, &at);
    assert_true(m.write(m.self, 0, bytes));
    snprintf(moved, sizeof moved, "%s.gone", folder);
    assert_int_equal(rename(folder, moved), 0); /* nowhere to write a copy */
    assert_false(disk_image_keep(d, &e));
    assert_int_equal(e.code, EXIT_ENVIRONMENT);
    assert_int_equal(rename(moved, folder), 0);
    disk_image_close(d);
}

/* One image in two drives: the second one's changes would undo the first one's. */
static void changed_by_others(void **state)
{
    (void)state;
    uint8_t bytes[512] = { 7 };
    struct err e = { 0 };
    struct disk_image *d[2] = { open_image(), open_image() };
    struct disk_moment at[2] = { { 0 } };
    for (unsigned i = 0; i < 2; i++) {
        struct disk m = disk_image_medium(d[i], &at[i]);
        assert_true(m.write(m.self, i, bytes));
    }
    assert_true(disk_image_keep(d[0], &e));
    assert_false(disk_image_keep(d[1], &e));
    assert_int_equal(e.code, EXIT_ENVIRONMENT);
    assert_non_null(strstr(e.text, "not the one the run began with"));
    disk_image_close(d[0]);
    disk_image_close(d[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(size_and_padding), cmocka_unit_test(travels), cmocka_unit_test(needs_no_more_than_it_must),
        cmocka_unit_test(history_tells_states_apart), cmocka_unit_test(keeping), cmocka_unit_test(failing_to_keep),
        cmocka_unit_test(changed_by_others),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
