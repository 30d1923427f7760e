/* Symbols from an ELF table built in memory: lookup both ways, suggestions, broken tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <elf.h>
#include <cmocka.h>

#include "sim/symbols.h"

/* File: header, section headers (null, .text 1000..2000, .symtab, .strtab), symbols, names. */
enum { SECTIONS = 52, SYMBOLS = SECTIONS + 4 * 40, ROWS = 14, NAMES = SYMBOLS + ROWS * 16, SIZE = NAMES + 128 };

static const struct { const char *name; uint32_t value, size; uint8_t info; uint16_t section; } rows[ROWS] = {
    { "", 0, 0, 0, 0 },
    { "kernel.c", 0, 0, ELF32_ST_INFO(STB_LOCAL, STT_FILE), SHN_ABS },
    { "section", 0x1000, 0, ELF32_ST_INFO(STB_LOCAL, STT_SECTION), 1 },
    { "_start", 0x1000, 0, ELF32_ST_INFO(STB_GLOBAL, STT_NOTYPE), 1 },
    { "main", 0x1010, 0x40, ELF32_ST_INFO(STB_GLOBAL, STT_FUNC), 1 },
    { "loop", 0x1020, 8, ELF32_ST_INFO(STB_LOCAL, STT_NOTYPE), 1 },
    { "alias", 0x1010, 0x40, ELF32_ST_INFO(STB_GLOBAL, STT_NOTYPE), 1 },
    { "table", 0x1100, 0x10, ELF32_ST_INFO(STB_LOCAL, STT_OBJECT), 1 },
    { "PORT", 0x3F8, 0, ELF32_ST_INFO(STB_LOCAL, STT_NOTYPE), SHN_ABS },
    { "extern", 0, 0, ELF32_ST_INFO(STB_GLOBAL, STT_NOTYPE), SHN_UNDEF },
    { "tail", 0x1800, 0, ELF32_ST_INFO(STB_LOCAL, STT_NOTYPE), 1 },
    { "main", 0x1200, 4, ELF32_ST_INFO(STB_LOCAL, STT_FUNC), 1 },
    { "huge", 0xFFFFFFF0, 0x100, ELF32_ST_INFO(STB_GLOBAL, STT_FUNC), 1 },
    { "b\033d", 0x1300, 4, ELF32_ST_INFO(STB_GLOBAL, STT_FUNC), 1 },
};

static uint8_t file[SIZE];

static void put_section(unsigned index, Elf32_Shdr s) { memcpy(file + SECTIONS + index * sizeof s, &s, sizeof s); }

static void build(void)
{
    memset(file, 0, sizeof file);
    Elf32_Ehdr h = { .e_ident = { 0x7F, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, 1 }, .e_type = ET_EXEC,
                     .e_machine = EM_386, .e_shoff = SECTIONS, .e_shentsize = 40, .e_shnum = 4 };
    memcpy(file, &h, sizeof h);
    put_section(1, (Elf32_Shdr){ .sh_type = SHT_PROGBITS, .sh_addr = 0x1000, .sh_size = 0x1000 });
    put_section(2, (Elf32_Shdr){ .sh_type = SHT_SYMTAB, .sh_offset = SYMBOLS, .sh_size = ROWS * 16, .sh_link = 3,
                                 .sh_entsize = 16 });
    put_section(3, (Elf32_Shdr){ .sh_type = SHT_STRTAB, .sh_offset = NAMES, .sh_size = SIZE - NAMES });
    uint32_t name = 1;
    for (unsigned i = 0; i < ROWS; i++) {
        Elf32_Sym y = { .st_name = *rows[i].name ? name : 0, .st_value = rows[i].value, .st_size = rows[i].size,
                        .st_info = rows[i].info, .st_shndx = rows[i].section };
        memcpy(file + SYMBOLS + i * sizeof y, &y, sizeof y);
        memcpy(file + NAMES + name, rows[i].name, strlen(rows[i].name) + 1);
        name += (uint32_t)strlen(rows[i].name) + 1;
    }
}

static void by_address(void **state)
{
    (void)state;
    static const struct { uint32_t addr; const char *name; uint32_t offset; } cases[] = {
        { 0x0FFF, NULL, 0 },       { 0x1000, "_start", 0 },  { 0x100F, "_start", 15 }, { 0x1010, "main", 0 },
        { 0x101F, "main", 15 },    { 0x1020, "loop", 0 },    { 0x1027, "loop", 7 },    { 0x1028, "main", 0x18 },
        { 0x104F, "main", 0x3F },  { 0x1050, "_start", 0x50 }, { 0x1105, "table", 5 }, { 0x1110, "_start", 0x110 },
        { 0x1200, "main", 0 },     { 0x1800, "tail", 0 },    { 0x1FFF, "tail", 0x7FF }, { 0x2000, NULL, 0 },
        { 0x03F8, NULL, 0 },       { 0xFFFFFFF8, "huge", 8 }, { 0, NULL, 0 },
    };
    struct symbols s;
    build();
    symbols_read(&s, file, sizeof file);
    assert_int_equal(s.count, ROWS - 4);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t offset = 0xBAD;
        const char *name = symbols_at(&s, cases[i].addr, &offset);
        if (!cases[i].name) {
            assert_null(name);
            continue;
        }
        assert_non_null(name);
        assert_string_equal(name, cases[i].name);
        assert_int_equal(offset, cases[i].offset);
        assert_string_equal(symbols_at(&s, cases[i].addr, NULL), cases[i].name);
    }
    symbols_free(&s);
    assert_null(symbols_at(&s, 0x1000, NULL));
    symbols_free(&s);
}

static void by_name(void **state)
{
    (void)state;
    struct symbols s;
    build();
    symbols_read(&s, file, sizeof file);
    uint32_t at = 0;
    assert_true(symbols_find(&s, "main", &at));
    assert_int_equal(at, 0x1010); /* the global one */
    assert_true(symbols_find(&s, "PORT", &at));
    assert_int_equal(at, 0x3F8);
    assert_true(symbols_find(&s, "b?d", &at)); /* no escape sequence reaches a terminal */
    static const char *const absent[] = { "", "extern", "kernel.c", "section", "mai", "mainx" };
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) assert_false(symbols_find(&s, absent[i], &at));
    symbols_free(&s);
}

static void suggestions(void **state)
{
    (void)state;
    static const struct { const char *typed, *meant; } cases[] = {
        { "mian", "main" }, { "start", "_start" }, { "tabel", "table" }, { "main", "main" }, { "lop", "loop" },
        { "zzzzzz", NULL }, { "a_quite_different_and_long_name", NULL },
    };
    struct symbols s;
    build();
    symbols_read(&s, file, sizeof file);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *name = symbols_suggest(&s, cases[i].typed);
        if (cases[i].meant) assert_string_equal(name, cases[i].meant);
        else assert_null(name);
    }
    char long_name[5000];
    memset(long_name, 'm', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    assert_null(symbols_suggest(&s, long_name));
    symbols_free(&s);
}

/* A table that is cut, points outside or names beyond its strings is no reason for anything but fewer names. */
static void broken_tables(void **state)
{
    (void)state;
    struct symbols s;
    build();
    for (size_t size = 0; size <= sizeof file; size += 3) {
        symbols_read(&s, file, size);
        symbols_free(&s);
    }
    uint32_t seed = 3;
    for (unsigned round = 0; round < 20000; round++) {
        build();
        for (unsigned k = 0; k < 4; k++) {
            seed = seed * 1664525 + 1013904223;
            file[(seed >> 8) % sizeof file] = (uint8_t)(seed >> 4);
        }
        symbols_read(&s, file, sizeof file);
        uint32_t offset;
        for (unsigned k = 0; k < 8; k++) symbols_at(&s, 0x1000 + (seed >> k & 0xFFF), &offset);
        for (size_t i = 1; i < s.count; i++) assert_true(s.row[i - 1].addr <= s.row[i].addr);
        symbols_free(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_address), cmocka_unit_test(by_name), cmocka_unit_test(suggestions),
        cmocka_unit_test(broken_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
