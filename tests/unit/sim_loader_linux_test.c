/* Linux kernels and files loaded along: where they land, what the kernel is told, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "sim/loader.h"
#include "tests/support/loader_world.h"

enum { RAM_MIB = 8, FRAMES = RAM_MIB * 256, SETUP = 5 * 512, CODE = 0x2000, FILE_SIZE = SETUP + CODE, ZERO_PAGE = 0x90000 };

static uint8_t file[FILE_SIZE];

static int setup(void **state)
{
    (void)state;
    loader_begin(FRAMES);
    return 0;
}

static void put(size_t at, uint32_t v, unsigned bytes) { memcpy(file + at, &v, bytes); }

/* A kernel of protocol 2.12 that can be moved, likes to be at 3 MB and needs 1 MB there. */
static void build(void)
{
    memset(file, 0, sizeof file);
    memset(file + SETUP, 0xAB, CODE);
    put(0x1F1, SETUP / 512 - 1, 1);
    put(0x1F4, CODE / 16, 4);
    put(0x1FE, 0xAA55, 2);
    put(0x200, 0x66EB, 2); /* jump over the header: it ends at 268 */
    memcpy(file + 0x202, "HdrS", 4);
    put(0x206, 0x020C, 2);
    put(0x211, 1, 1);
    put(0x214, 0x100000, 4);
    put(0x22C, 0x7FFFFFFF, 4);
    put(0x230, 0x100000, 4);
    put(0x234, 1, 1);
    put(0x238, 2047, 4);
    put(0x258, 0x300000, 4);
    put(0x260, 0x100000, 4);
}

static bool load(size_t size, const char *cmdline, struct image *image, struct err *e)
{
    memset(e, 0, sizeof *e);
    return loader_load_bytes(&bus, "vmlinuz", file, size, cmdline, image, e);
}

static void movable_kernel(void **state)
{
    (void)state;
    struct image image;
    struct err e;
    build();
    if (!load(FILE_SIZE, "console=ttyS0", &image, &e)) fail_msg("%s", e.text);
    assert_int_equal(image.kind, IMAGE_LINUX);
    assert_int_equal(image.entry, 0x300000);
    assert_int_equal(image.esi, ZERO_PAGE);
    assert_int_equal(get32(0x300000), 0xABABABAB);
    assert_int_equal(get32(0x300000 + CODE - 4), 0xABABABAB);
    assert_int_equal(get32(0x300000 + CODE), 0xCCCCCCCC); /* its own to clear */
    assert_int_equal(image.high, 0x400000);
    assert_int_equal(get32(ZERO_PAGE + 0x202), 0x53726448);
    assert_int_equal(get32(ZERO_PAGE + 0x214), 0x300000);
    assert_int_equal(get32(ZERO_PAGE + 0x228), ZERO_PAGE + 0x1000);
    assert_int_equal(get32(ZERO_PAGE + 0x1EC) >> 24, 0);  /* the sentinel: we know the zero page */
    assert_int_equal(get32(ZERO_PAGE + 0x210) & 0xFF, 0xFF);
    assert_int_equal(get32(ZERO_PAGE + 0x218), 0);
    char line[32];
    bus_peek(&bus, hpa(ZERO_PAGE + 0x1000), line, sizeof line);
    assert_string_equal(line, "console=ttyS0");
    image_done(&image);
}

static void memory_map_and_screen(void **state)
{
    (void)state;
    static const struct { uint32_t base, size, type; } rows[] = {
        { 0, 0x9FC00, 1 }, { 0x9FC00, 0x400, 2 }, { 0xF0000, 0x10000, 2 }, { 0x100000, (RAM_MIB - 1) << 20, 1 },
    };
    struct image image;
    struct err e;
    build();
    assert_true(load(FILE_SIZE, NULL, &image, &e));
    assert_int_equal(get32(ZERO_PAGE + 0x1E8) & 0xFF, 4);
    for (unsigned i = 0; i < 4; i++) {
        uint32_t row = ZERO_PAGE + 0x2D0 + i * 20;
        assert_int_equal(get32(row), rows[i].base);
        assert_int_equal(get32(row + 8), rows[i].size);
        assert_int_equal(get32(row + 16), rows[i].type);
    }
    assert_int_equal(get32(ZERO_PAGE + 0x1E0), (RAM_MIB - 1) * 1024);
    assert_int_equal(get32(ZERO_PAGE) >> 16, (RAM_MIB - 1) * 1024);
    assert_int_equal(get32(ZERO_PAGE + 4), 0x50030000);       /* page 0, mode 3, 80 columns */
    assert_int_equal(get32(ZERO_PAGE + 12) >> 16, 0x0119);    /* 25 lines, VGA */
    image_done(&image);
}

static void old_protocols(void **state)
{
    (void)state;
    struct image image;
    struct err e;
    build();
    put(0x206, 0x0202, 2); /* knows neither a place of its own nor its size */
    put(0x1F1, 0, 1);      /* 4 sectors, by custom */
    put(0x200, 0x28EB, 2);
    if (!load(FILE_SIZE, NULL, &image, &e)) fail_msg("%s", e.text);
    assert_int_equal(image.entry, 0x100000);
    assert_int_equal(get32(0x100000), 0xABABABAB);
    assert_int_equal(get32(ZERO_PAGE + 0x258), 0); /* its header ends at 22A */
    image_done(&image);
    static char line[300];
    memset(line, 'x', 256);
    assert_false(load(FILE_SIZE, line, &image, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    line[255] = 0;
    assert_true(load(FILE_SIZE, line, &image, &e));
    image_done(&image);
}

static void refusals(void **state)
{
    (void)state;
    static const struct { size_t size; unsigned at; uint32_t v; unsigned bytes; const char *says; } rows[] = {
        { 0x260, 0, 0, 0, "truncated: a Linux setup header" },
        { SETUP, 0, 0, 0, "truncated: the kernel wants bytes 2560..10752, the file has 2560" },
        { FILE_SIZE - 16, 0, 0, 0, "truncated: the kernel wants" },
        { FILE_SIZE, 0x206, 0x0201, 2, "boot protocol 2.01" },
        { FILE_SIZE, 0x211, 0, 1, "zImage" },
        { FILE_SIZE, 0x258, 0x90000, 4, "wants memory 90000..190000" },
        { FILE_SIZE, 0x260, 0x1000000, 4, "use --ram 32M" },
        { FILE_SIZE, 0x258, 0xFFFFF000, 4, "wants memory up to 4097 MB" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct image image;
        struct err e;
        build();
        put(rows[i].at, rows[i].v, rows[i].bytes);
        if (load(rows[i].size, NULL, &image, &e)) fail_msg("row %zu was loaded", i);
        if (!strstr(e.text, rows[i].says)) fail_msg("row %zu says \"%s\"", i, e.text);
        for (uint32_t at = 0; at < FRAMES * PAGE_SIZE; at += 4)
            if (get32(at) != 0xCCCCCCCC) fail_msg("row %zu touched memory at %X", i, at);
    }
    struct image image;
    struct err e;
    build();
    assert_true(load(FILE_SIZE - 15, NULL, &image, &e)); /* the last paragraph of old kernels may be cut */
    image_done(&image);
}

/* ---- files loaded along ---- */

static const char *write_file(char *path, const void *bytes, size_t n)
{
    strcpy(path, "/tmp/ringside-loader-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
    close(fd);
    return path;
}

static void initial_ram_disk(void **state)
{
    (void)state;
    char kernel[40], disk[40];
    static uint8_t bytes[5000];
    memset(bytes, 0x1D, sizeof bytes);
    build();
    struct load_order o = { .path = write_file(kernel, file, FILE_SIZE), .initrd = write_file(disk, bytes, sizeof bytes) };
    struct image image;
    struct err e = { 0 };
    if (!loader_load(&bus, &o, &image, &e)) fail_msg("%s", e.text);
    uint32_t at = (RAM_MIB << 20) - 2 * PAGE_SIZE;
    assert_int_equal(get32(ZERO_PAGE + 0x218), at);
    assert_int_equal(get32(ZERO_PAGE + 0x21C), sizeof bytes);
    assert_int_equal(get32(at), 0x1D1D1D1D);
    assert_int_equal(get32(at + 5000 - 4), 0x1D1D1D1D);
    assert_int_equal(get32(at + 5000), 0xCCCCCCCC);
    uint64_t with = image.hash;
    image_done(&image);
    o.initrd = NULL;
    assert_true(loader_load(&bus, &o, &image, &e));
    assert_true(image.hash != with);
    image_done(&image);
    put(0x22C, 0x4FFFFF, 4); /* a kernel that reaches 5 MB only */
    unlink(kernel);
    o = (struct load_order){ .path = write_file(kernel, file, FILE_SIZE), .initrd = disk };
    assert_true(loader_load(&bus, &o, &image, &e));
    assert_int_equal(get32(ZERO_PAGE + 0x218), 0x500000 - 2 * PAGE_SIZE);
    image_done(&image);
    put(0x22C, 0x400FFF, 4); /* one page behind the kernel is too little */
    unlink(kernel);
    o = (struct load_order){ .path = write_file(kernel, file, FILE_SIZE), .initrd = disk };
    assert_false(loader_load(&bus, &o, &image, &e));
    assert_non_null(strstr(e.text, "do not fit"));
    unlink(kernel);
    unlink(disk);
}

/* A Multiboot kernel at 2 MB that ends at 201010. */
static size_t build_multiboot(uint32_t flags)
{
    static const uint32_t header[] = { 0x1BADB002, 0x10003, 0, 0x200000, 0x200000, 0x200100, 0x201010, 0x200020 };
    memset(file, 0x90, sizeof file);
    memcpy(file, header, sizeof header);
    put(4, header[1] | flags, 4);
    put(8, 0u - header[0] - (header[1] | flags), 4);
    return 0x100;
}

static void modules(void **state)
{
    (void)state;
    char kernel[40], one[40], two[40];
    size_t n = build_multiboot(0);
    struct load_order o = { .path = write_file(kernel, file, n), .cmdline = "abc", .modules = 3 };
    o.module[0] = (struct load_module){ write_file(one, "first module", 12), "first --fast" };
    o.module[1] = (struct load_module){ write_file(two, "", 0), "" };
    o.module[2] = (struct load_module){ one, "again" };
    struct image image;
    struct err e = { 0 };
    if (!loader_load(&bus, &o, &image, &e)) fail_msg("%s", e.text);
    assert_true(get32(image.ebx) & 8);
    assert_int_equal(get32(image.ebx + 20), 3);
    uint32_t row = get32(image.ebx + 24);
    static const struct { uint32_t start, length; const char *string; } want[] = {
        { 0x202000, 12, "first --fast" }, { 0x203000, 0, "" }, { 0x203000, 12, "again" } };
    for (unsigned i = 0; i < 3; i++, row += 16) {
        char text[32];
        bus_peek(&bus, hpa(get32(row + 8)), text, sizeof text);
        assert_string_equal(text, want[i].string);
        assert_int_equal(get32(row), want[i].start);
        assert_int_equal(get32(row + 4) - get32(row), want[i].length);
    }
    assert_int_equal(get32(0x202000), 0x73726966);
    assert_int_equal(get32(0x20200C), 0xCCCCCCCC);
    image_done(&image);
    o.initrd = one;
    if (!loader_load(&bus, &o, &image, &e)) fail_msg("%s", e.text);
    assert_int_equal(get32(image.ebx + 20), 4); /* the RAM disk is the first module */
    row = get32(image.ebx + 24);
    assert_int_equal(get32(row), 0x202000);
    assert_int_equal(get32(row + 16), 0x203000);
    image_done(&image);
    o.initrd = NULL;
    unlink(two);
    e = (struct err){ 0 };
    assert_false(loader_load(&bus, &o, &image, &e));
    assert_non_null(strstr(e.text, two));
    unlink(kernel);
    unlink(one);
}

/* Who wishes for a video mode is told of the text screen. */
static void video_wish(void **state)
{
    (void)state;
    struct image image;
    struct err e;
    size_t n = build_multiboot(4);
    if (!load(n, NULL, &image, &e)) fail_msg("%s", e.text);
    assert_true(get32(image.ebx) & 1 << 12);
    assert_int_equal(get32(image.ebx + 88), 0xB8000);
    assert_int_equal(get32(image.ebx + 100), 80);
    assert_int_equal(get32(image.ebx + 104), 25);
    assert_int_equal(get32(image.ebx + 108) & 0xFFFF, 0x0210); /* 16 bits a cell, EGA text */
    image_done(&image);
}

static void damaged_kernels(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (unsigned i = 0; i < 3000; i++) {
        struct image image;
        struct err e;
        build();
        for (unsigned k = 0; k < 3; k++) {
            seed = seed * 1664525 + 1013904223;
            file[0x1F0 + (seed >> 16) % 0x80] = (uint8_t)(seed >> 8);
        }
        bool ok = load(seed % 7 ? FILE_SIZE : seed % FILE_SIZE, "a", &image, &e);
        if (!ok) assert_true(e.text[0] && !strchr(e.text, '\n'));
        else assert_true(image.high <= RAM_MIB << 20 && image.entry >= image.low && image.entry < image.high);
        image_done(&image);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, loader_teardown)
    const struct CMUnitTest tests[] = {
        TEST(movable_kernel), TEST(memory_map_and_screen), TEST(old_protocols), TEST(refusals), TEST(initial_ram_disk),
        TEST(modules), TEST(video_wish), TEST(damaged_kernels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
