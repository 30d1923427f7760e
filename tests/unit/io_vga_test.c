/* The VGA's registers: index and data ports, what is locked, where the beam is, and the screen as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/io/vga.h"

enum { FRAMES = 256 };

static struct arena arena;
static struct clock clk;
static struct bus   bus;
static struct vga   vga;
static uint8_t     *ram;

static uint8_t in(uint16_t port) { return (uint8_t)bus_in(&bus, port, 1); }
static void out(uint16_t port, uint8_t v) { bus_out(&bus, port, 1, v); }
static void crtc(uint8_t index, uint8_t value) { bus_out(&bus, 0x3D4, 2, index | (uint32_t)value << 8); }
static uint8_t crtc_in(uint8_t index)
{
    out(0x3D4, index);
    return in(0x3D5);
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    memset(&clk, 0, sizeof clk);
    clk.hz = 3800000000u;
    ram = calloc(FRAMES, PAGE_SIZE);
    bus_init(&bus, ram, FRAMES, &clk, &arena);
    vga_init(&vga, &clk);
    assert_true(vga_attach(&vga, &bus, NULL));
    return 0;
}
static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    free(ram);
    return 0;
}

/* Writes to registers, what they read back, and why. W writes, R reads and compares. */
static const struct { char what; uint16_t port; uint8_t value; const char *why; } script[] = {
    { 'R', 0x3CC, 0x67, "mode 3 after power-on" },
    { 'W', 0x3D4, 0x0E, "" }, { 'W', 0x3D5, 0x07, "" }, { 'R', 0x3D4, 0x0E, "index" }, { 'R', 0x3D5, 0x07, "cursor high" },
    { 'W', 0x3D4, 0x19, "" }, { 'W', 0x3D5, 0x55, "" }, { 'R', 0x3D5, 0x00, "there is no CR19" },
    { 'W', 0x3D4, 0x01, "" }, { 'W', 0x3D5, 0x27, "" }, { 'R', 0x3D5, 0x4F, "CR1 is locked by CR11 bit 7" },
    { 'W', 0x3D4, 0x07, "" }, { 'W', 0x3D5, 0x00, "" }, { 'R', 0x3D5, 0x0F, "but line compare's bit in CR7 is not" },
    { 'W', 0x3D4, 0x11, "" }, { 'W', 0x3D5, 0x0E, "" },
    { 'W', 0x3D4, 0x01, "" }, { 'W', 0x3D5, 0x27, "" }, { 'R', 0x3D5, 0x27, "unlocked" },
    { 'R', 0x3B4, 0xFF, "the monochrome addresses are not driven" }, { 'R', 0x3BA, 0xFF, "nor is their status" },
    { 'W', 0x3C2, 0x66, "" }, { 'R', 0x3CC, 0x66, "misc" }, { 'R', 0x3D4, 0xFF, "moved away" }, { 'R', 0x3B5, 0x27, "to 3B5" },
    { 'W', 0x3C2, 0x67, "" },
    { 'W', 0x3C4, 0x02, "" }, { 'W', 0x3C5, 0xFF, "" }, { 'R', 0x3C5, 0x0F, "four planes" },
    { 'W', 0x3CE, 0x05, "" }, { 'W', 0x3CF, 0xFF, "" }, { 'R', 0x3CF, 0x7B, "bit 2 and 7 do not exist" },
    { 'R', 0x3DA, 0x00, "first line: nothing blank; and the flip-flop is index now" },
    { 'W', 0x3C0, 0x10, "" }, { 'W', 0x3C0, 0x08, "" }, { 'R', 0x3C0, 0x10, "index" }, { 'R', 0x3C1, 0x08, "data" },
    { 'W', 0x3C0, 0x21, "" }, { 'W', 0x3C0, 0x2A, "" }, { 'R', 0x3C1, 0x01, "palette is the screen's while bit 5 is set" },
    { 'W', 0x3C0, 0x01, "" }, { 'R', 0x3DA, 0x00, "back to index" }, { 'W', 0x3C0, 0x02, "" }, { 'W', 0x3C0, 0x2A, "" },
    { 'R', 0x3C1, 0x2A, "palette" },
    { 'W', 0x3C8, 0xFF, "" }, { 'W', 0x3C9, 0xFF, "" }, { 'W', 0x3C9, 0x02, "" }, { 'W', 0x3C9, 0x03, "" },
    { 'R', 0x3C8, 0x00, "after blue of 255 comes red of 0" }, { 'R', 0x3C7, 0x00, "write mode" },
    { 'W', 0x3C7, 0xFF, "" }, { 'R', 0x3C7, 0x03, "read mode" },
    { 'R', 0x3C9, 0x3F, "six bits" }, { 'R', 0x3C9, 0x02, "green" }, { 'R', 0x3C9, 0x03, "blue" },
    { 'W', 0x3DA, 0xFF, "" }, { 'R', 0x3CA, 0x08, "feature control" }, { 'R', 0x3C2, 0x10, "monitor sense" },
    { 'R', 0x3C3, 0xFF, "nobody" },
};

static void registers(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof script / sizeof script[0]; i++) {
        if (script[i].what == 'W') out(script[i].port, script[i].value);
        else if (in(script[i].port) != script[i].value) fail_msg("row %u, port %X: %s", i, script[i].port, script[i].why);
    }
}

/* A frame is 449 * 900 dots at 28322 kHz. */
static void beam(void **state)
{
    (void)state;
    static const struct { unsigned line, dot; uint8_t status; } rows[] = {
        { 0, 0, 0 }, { 0, 719, 0 }, { 0, 720, 1 }, { 1, 0, 0 }, { 399, 719, 0 }, { 400, 0, 1 }, { 411, 899, 1 },
        { 412, 0, 9 }, { 413, 899, 9 }, { 414, 0, 1 }, { 448, 899, 1 }, { 449, 0, 0 }, { 449 * 70 + 412, 5, 9 } };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t dot = (uint64_t)rows[i].line * 900 + rows[i].dot;
        clk.now = (dot * clk.hz + 28322000 - 1) / 28322000;
        if (in(0x3DA) != rows[i].status) fail_msg("line %u dot %u", rows[i].line, rows[i].dot);
    }
}

static void put(uint32_t cell, const char *s)
{
    for (; *s; s++, cell++) ram[0xB8000 + cell * 2] = (uint8_t)*s, ram[0xB8000 + cell * 2 + 1] = 7;
}

/* The nth line of the screen, in a buffer of our own. */
static const char *line(unsigned n, unsigned *lines)
{
    static char buf[512];
    struct text t = { 0 };
    assert_true(vga_text(&vga, &bus, &t));
    const char *p = text_str(&t);
    *lines = 0;
    buf[0] = 0;
    for (const char *end; (end = strchr(p, '\n')); p = end + 1, ++*lines)
        if (*lines == n) memcpy(buf, p, (size_t)(end - p)), buf[end - p] = 0;
    text_free(&t);
    return buf;
}

static void screen_text(void **state)
{
    (void)state;
    unsigned lines;
    put(0, "hello  world   ");
    put(80, "  \x01\x80\xDB\xC4\xF8\x7F\xFF");
    put(24 * 80 + 79, "!");
    put(25 * 80, "below");
    assert_string_equal(line(0, &lines), "hello  world");
    assert_int_equal(lines, 25);
    assert_string_equal(line(1, &lines), "  \u263A\u00C7\u2588\u2500\u00B0\u2302");
    assert_int_equal(strlen(line(24, &lines)), 80);
    assert_string_equal(line(2, &lines), "");
}

static void screen_moves(void **state)
{
    (void)state;
    unsigned lines;
    put(80, "second");
    crtc(0x0D, 80);
    assert_string_equal(line(0, &lines), "second");
    crtc(0x0C, 0x3F), crtc(0x0D, 0xFF); /* the last cell of 32 KB: the rest wraps */
    put(0x3FFF, "L"), put(0, "wrapped");
    assert_string_equal(line(0, &lines), "Lwrapped");
    crtc(0x0C, 0), crtc(0x0D, 0);
    crtc(0x09, 0x47); /* cells of 8 lines: 50 rows */
    line(0, &lines);
    assert_int_equal(lines, 50);
    crtc(0x13, 0x29); /* two cells between the rows */
    put(82, "pitch");
    assert_string_equal(line(1, &lines), "pitch");
    bus_out(&bus, 0x3CE, 2, 0x0A06); /* memory map: B0000 */
    ram[0xB0000] = 'M';
    assert_string_equal(line(0, &lines), "M");
}

static void cursor(void **state)
{
    (void)state;
    struct vga_screen s;
    crtc(0x0E, 0x07), crtc(0x0F, 0xCF);
    vga_screen(&vga, &s);
    assert_int_equal(s.cursor, 1999);
    assert_true(s.cursor_on);
    crtc(0x0A, 0x20);
    vga_screen(&vga, &s);
    assert_false(s.cursor_on);
    assert_int_equal(crtc_in(0x0B), 0x0E);
}

static void graphics_is_no_text(void **state)
{
    (void)state;
    struct text t = { 0 };
    bus_out(&bus, 0x3CE, 2, 0x0506); /* GR6 bit 0 */
    assert_false(vga_text(&vga, &bus, &t));
    assert_int_equal(t.len, 0);
    vga.device.ops->reset(&vga.device);
    assert_true(vga_text(&vga, &bus, &t));
    text_free(&t);
}

static void looking_changes_nothing(void **state)
{
    (void)state;
    out(0x3C7, 1);
    out(0x3C0, 0x10); /* the flip-flop stands at data */
    struct vga before = vga;
    for (uint32_t offset = 0; offset < 0x30; offset++) vga.device.ops->peek(&vga.device, offset, 1);
    assert_memory_equal(&before, &vga, sizeof vga);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(registers), T(beam), T(screen_text), T(screen_moves), T(cursor), T(graphics_is_no_text),
        T(looking_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
