/* The image loader: good images land where they should, bad ones are refused in one line, none harms the loader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <elf.h>
#include <cmocka.h>

#include "sim/loader.h"
#include "tests/support/loader_world.h"

enum { RAM_MIB = 4, FRAMES = RAM_MIB * 256, FILE_SIZE = 0x1400 };

static uint8_t file[FILE_SIZE];

static int setup(void **state)
{
    (void)state;
    loader_begin(FRAMES);
    memset(file, 0, sizeof file);
    return 0;
}

static void put32(size_t at, uint32_t v) { memcpy(file + at, &v, sizeof v); }
static void put16(size_t at, uint16_t v) { memcpy(file + at, &v, sizeof v); }

static void put_segment(unsigned i, uint32_t type, uint32_t offset, uint32_t virt, uint32_t phys, uint32_t filesz,
                        uint32_t memsz)
{
    Elf32_Phdr ph = { .p_type = type, .p_offset = offset, .p_vaddr = virt, .p_paddr = phys, .p_filesz = filesz,
                      .p_memsz = memsz, .p_flags = PF_R | PF_W | PF_X };
    memcpy(file + 52 + i * sizeof ph, &ph, sizeof ph);
}

/* A kernel at 1 MB: text from 0x1000 of the file, data at 0x1200 with a bss behind it; symbols at the end. */
static void build_elf(void)
{
    memset(file, 0, sizeof file);
    Elf32_Ehdr h = { .e_ident = { 0x7F, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, 1 }, .e_type = ET_EXEC,
                     .e_machine = EM_386, .e_entry = 0x100010, .e_phoff = 52, .e_phentsize = 32, .e_phnum = 3,
                     .e_shoff = 0x1280, .e_shentsize = 40, .e_shnum = 3 };
    memcpy(file, &h, sizeof h);
    put_segment(0, PT_LOAD, 0x1000, 0x100000, 0x100000, 0x100, 0x100);
    put_segment(1, PT_LOAD, 0x1200, 0x102000, 0x102000, 0x40, 0x3000);
    put_segment(2, PT_GNU_STACK, 0, 0, 0, 0, 0);
    memset(file + 0x1000, 0x90, 0x100);
    memset(file + 0x1200, 0xDA, 0x40);
    Elf32_Shdr symtab = { .sh_type = SHT_SYMTAB, .sh_offset = 0x1300, .sh_size = 32, .sh_entsize = 16, .sh_link = 2 };
    Elf32_Shdr strtab = { .sh_type = SHT_STRTAB, .sh_offset = 0x1340, .sh_size = 8 };
    memcpy(file + 0x1280 + 40, &symtab, sizeof symtab);
    memcpy(file + 0x1280 + 80, &strtab, sizeof strtab);
    Elf32_Sym start = { .st_name = 1, .st_value = 0x100010, .st_size = 16, .st_shndx = 1,
                        .st_info = ELF32_ST_INFO(STB_GLOBAL, STT_FUNC) };
    memcpy(file + 0x1300 + 16, &start, sizeof start);
    memcpy(file + 0x1341, "_start", 7);
}

static void put_multiboot(size_t at, uint32_t flags)
{
    put32(at, 0x1BADB002);
    put32(at + 4, flags);
    put32(at + 8, 0u - 0x1BADB002 - flags);
}

/* The a.out-kludge: header at byte 0x20 and 0x200020 in memory, 0x100 bytes of file, 0x1000 in memory. */
static void build_kludge(void)
{
    memset(file, 0, sizeof file);
    memset(file + 0x40, 0xAB, 0xC0);
    put_multiboot(0x20, 0x10003);
    put32(0x20 + 12, 0x200020);
    put32(0x20 + 16, 0x200000);
    put32(0x20 + 20, 0x200100);
    put32(0x20 + 24, 0x201000);
    put32(0x20 + 28, 0x200040);
}

static bool load(size_t size, const char *cmdline, struct image *image, struct err *e)
{
    memset(e, 0, sizeof *e);
    return loader_load_bytes(&bus, "x.elf", file, size, cmdline, image, e);
}

static void plain_elf(void **state)
{
    (void)state;
    struct image image;
    struct err e;
    build_elf();
    if (!load(sizeof file, "ignored", &image, &e)) fail_msg("%s", e.text);
    assert_int_equal(image.entry, 0x100010);
    assert_int_equal(image.eax, 0);
    assert_int_equal(image.ebx, 0);
    assert_int_equal(image.kind, IMAGE_ELF);
    assert_int_equal(image.low, 0x100000);
    assert_int_equal(image.high, 0x105000);
    assert_string_equal(image.path, "x.elf");
    assert_int_equal(get32(0x0FFFFC), 0xCCCCCCCC);
    assert_int_equal(get32(0x100000), 0x90909090);
    assert_int_equal(get32(0x1000FC), 0x90909090);
    assert_int_equal(get32(0x100100), 0xCCCCCCCC);
    assert_int_equal(get32(0x10203C), 0xDADADADA);
    assert_int_equal(get32(0x102040), 0); /* the bss is cleared, whatever RAM held */
    assert_int_equal(get32(0x104FFC), 0);
    assert_int_equal(get32(0x105000), 0xCCCCCCCC);
    assert_int_equal(get32(LOADER_INFO), 0xCCCCCCCC);
    uint32_t offset;
    assert_string_equal(symbols_at(&image.symbols, 0x100014, &offset), "_start");
    assert_int_equal(offset, 4);
    uint64_t hash = image.hash;
    image_done(&image);
    file[0x1000] ^= 1;
    assert_true(load(sizeof file, NULL, &image, &e));
    assert_true(image.hash != hash);
    image_done(&image);
}

static void hash_is_fnv1a(void **state)
{
    (void)state;
    struct image image;
    struct err e;
    build_kludge();
    assert_true(load(0x120, NULL, &image, &e));
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < 0x120; i++) h = (h ^ file[i]) * 1099511628211u;
    assert_true(image.hash == h);
    image_done(&image);
}

static void linked_high_loaded_low(void **state)
{
    (void)state;
    static const uint32_t entries[] = { 0xC0100010, 0x00100010 };
    for (unsigned i = 0; i < 2; i++) {
        struct image image;
        struct err e;
        build_elf();
        put_segment(0, PT_LOAD, 0x1000, 0xC0100000, 0x100000, 0x100, 0x100);
        put_segment(1, PT_LOAD, 0x1200, 0xC0102000, 0x102000, 0x40, 0x3000);
        put32(24, entries[i]);
        if (!load(sizeof file, NULL, &image, &e)) fail_msg("%s", e.text);
        assert_int_equal(image.entry, 0x100010);
        image_done(&image);
    }
}

static void headers_below_the_text(void **state)
{
    (void)state;
    struct image image;
    struct err e;
    build_elf(); /* ld -Ttext=0x100000 maps the ELF headers at FF000 */
    put_segment(2, PT_LOAD, 0, 0xFF000, 0xFF000, 148, 148);
    if (!load(sizeof file, NULL, &image, &e)) fail_msg("%s", e.text);
    assert_int_equal(get32(0xFF000), 0xCCCCCCCC);
    assert_int_equal(image.low, 0x100000);
    image_done(&image);
}

static void multiboot_information(void **state)
{
    (void)state;
    struct image image;
    struct err e;
    build_elf();
    put_multiboot(0x1004, 3);
    if (!load(sizeof file, "root=ram quiet", &image, &e)) fail_msg("%s", e.text);
    assert_int_equal(image.kind, IMAGE_MULTIBOOT);
    assert_int_equal(image.eax, 0x2BADB002);
    assert_int_equal(image.ebx, LOADER_INFO);
    assert_int_equal(image.entry, 0x100010);
    uint32_t info = image.ebx;
    assert_int_equal(get32(info), 1 | 4 | 64 | 512);
    assert_int_equal(get32(info + 4), 640);
    assert_int_equal(get32(info + 8), (RAM_MIB - 1) * 1024);
    char text[32];
    assert_true(bus_peek(&bus, hpa(get32(info + 16)), text, sizeof text));
    assert_string_equal(text, "root=ram quiet");
    assert_true(bus_peek(&bus, hpa(get32(info + 64)), text, sizeof text));
    assert_string_equal(text, "Ringside");
    static const struct { uint32_t base, length, type; } map[] = {
        { 0, 0xA0000, 1 }, { 0xF0000, 0x10000, 2 }, { 0x100000, (RAM_MIB - 1) << 20, 1 },
    };
    uint32_t at = get32(info + 48), end = at + get32(info + 44);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(get32(at), 20);
        assert_int_equal(get32(at + 4), map[i].base);
        assert_int_equal(get32(at + 8), 0);
        assert_int_equal(get32(at + 12), map[i].length);
        assert_int_equal(get32(at + 16), 0);
        assert_int_equal(get32(at + 20), map[i].type);
        at += get32(at) + 4;
    }
    assert_int_equal(at, end);
    image_done(&image);
}

static void kludge(void **state)
{
    (void)state;
    struct image image;
    struct err e;
    build_kludge();
    if (!load(0x100, "", &image, &e)) fail_msg("%s", e.text);
    assert_int_equal(image.entry, 0x200040);
    assert_int_equal(get32(0x200020), 0x1BADB002);
    assert_int_equal(get32(0x200040), 0xABABABAB);
    assert_int_equal(get32(0x200100), 0);
    assert_int_equal(get32(0x200FFC), 0);
    assert_int_equal(get32(0x201000), 0xCCCCCCCC);
    image_done(&image);
    build_kludge(); /* no ends given: the rest of the file, no bss */
    put32(0x20 + 20, 0), put32(0x20 + 24, 0);
    assert_true(load(0x180, "", &image, &e));
    assert_int_equal(image.high, 0x200180);
    image_done(&image);
}

/* A VM's bus: frames scattered over the machine below. */
static void into_a_virtual_bus(void **state)
{
    (void)state;
    static struct bus vm;
    bus_init_child(&vm, &bus, 600, &arena);
    for (uint32_t i = 0; i < 600; i++) vm.map[i] = FRAMES - 1 - i;
    struct image image;
    struct err e = { 0 };
    build_elf();
    put_multiboot(0x1004, 3);
    assert_true(loader_load_bytes(&vm, "x.elf", file, sizeof file, NULL, &image, &e));
    assert_int_equal(ram[(size_t)(FRAMES - 1 - 0x102) * PAGE_SIZE + 0x3F], 0xDA);
    uint32_t upper;
    assert_true(bus_peek(&vm, hpa(LOADER_INFO + 8), &upper, 4));
    assert_int_equal(upper, 600 * 4 - 1024);
    image_done(&image);
}

/* Each row spoils a good image; the message must hold these words. */
struct bad {
    void      (*build)(void);
    size_t      size;
    uint32_t    at, value; /* bytes to overwrite; at 0: none */
    uint8_t     bytes;
    const char *says;
};

static void build_mb_elf(void)
{
    build_elf();
    put_multiboot(0x1004, 3);
}
static void build_zeros(void) { memset(file, 0, sizeof file); }
static void build_text(void)
{
    memset(file, 'a', sizeof file);
    memcpy(file, "-- a Lua script\n", 16);
}
static void build_boot(void)
{
    memset(file, 0xF4, sizeof file);
    file[510] = 0x55, file[511] = 0xAA;
}
static void build_gzip(void)
{
    memset(file, 0xEE, sizeof file);
    file[0] = 0x1F, file[1] = 0x8B;
}
static void build_mb2(void)
{
    memset(file, 0xEE, sizeof file);
    put32(64, 0xE85250D6);
}
static void build_only_header(void)
{
    build_zeros();
    put_multiboot(16, 3);
}
static void build_note(void)
{
    build_elf();
    put_segment(1, PT_LOAD, 0x1200, 0x08048000, 0x08048000, 0x24, 0x24);
    put_segment(2, PT_NOTE, 0x1200, 0x08048000, 0x08048000, 0x24, 0x24);
}
static void build_many(void)
{
    build_elf();
    put16(44, 70);
    for (unsigned i = 0; i < 70; i++)
        put_segment(i, PT_LOAD, 0x1000, 0x100000 + i * 4096, 0x100000 + i * 4096, 16, 16);
}

enum { PH0 = 52, PH1 = 84, P_OFFSET = 4, P_PADDR = 12, P_FILESZ = 16, P_MEMSZ = 20, KL = 0x20 };

static const struct bad bads[] = {
    { build_zeros, 0, 0, 0, 0, "empty file" },
    { build_zeros, 100, 0, 0, 0, "not a Multiboot or ELF image" },
    { build_text, 300, 0, 0, 0, "a text file" },
    { build_boot, 512, 0, 0, 0, "boot sector or disk image, which only firmware can load" },
    { build_gzip, 4096, 0, 0, 0, "gunzip" },
    { build_mb2, 4096, 0, 0, 0, "Multiboot 2 image: not supported yet" },
    { build_elf, 40, 0, 0, 0, "truncated: an ELF header has 52 bytes, the file 40" },
    { build_elf, 100, 0, 0, 0, "truncated: 3 program headers want bytes 52..148, the file has 100" },
    { build_elf, 512, 0, 0, 0, "truncated: program header 0 wants bytes 4096..4352, the file has 512" },
    { build_elf, 0x1210, 0, 0, 0, "truncated: program header 1 wants bytes 4608..4672, the file has 4624" },
    { build_elf, FILE_SIZE, PH0 + P_OFFSET, 0xFFFFFFF0, 4, "wants bytes 4294967280..4294967536" },
    { build_elf, FILE_SIZE, 28, 0xFFFFFFFF, 4, "program headers want bytes 4294967295..4294967391" },
    { build_elf, FILE_SIZE, 44, 0xFFFF, 2, "65535 program headers want bytes 52..2097172" },
    { build_elf, FILE_SIZE, 42, 31, 2, "program headers of 31 bytes" },
    { build_elf, FILE_SIZE, 44, 0, 2, "nothing to load" },
    { build_elf, FILE_SIZE, 16, ET_REL, 2, "relocatable object, not an executable; link it with ld -m elf_i386" },
    { build_elf, FILE_SIZE, 16, ET_DYN, 2, "-no-pie" },
    { build_elf, FILE_SIZE, 16, ET_CORE, 2, "core dump" },
    { build_elf, FILE_SIZE, 16, 0x77, 2, "unknown type 119" },
    { build_elf, FILE_SIZE, 18, EM_ARM, 2, "ELF for ARM (machine 40)" },
    { build_elf, FILE_SIZE, 18, EM_X86_64, 2, "ELF for x86-64" },
    { build_elf, FILE_SIZE, 18, 0x7777, 2, "an unknown processor (machine 30583)" },
    { build_elf, FILE_SIZE, 4, 7, 1, "broken ELF header: class 7" },
    { build_elf, FILE_SIZE, 5, ELFDATA2MSB, 1, "not for IA-32" },
    { build_elf, FILE_SIZE, 84, PT_INTERP, 4, "dynamically linked" },
    { build_elf, FILE_SIZE, PH1 + P_MEMSZ, 0x10, 4, "64 bytes in the file but only 16 in memory" },
    { build_elf, FILE_SIZE, PH1 + P_MEMSZ, 0x600000, 4, "wants memory up to 8 MB, the machine has 4 MB; use --ram 8M" },
    { build_elf, FILE_SIZE, PH1 + P_MEMSZ, 0x7F000000, 4, "use --ram 2048M" },
    { build_elf, FILE_SIZE, PH1 + P_PADDR, 0xFFFFFF00, 4, "wants memory up to 4097 MB, a machine has at most 2048 MB" },
    { build_elf, FILE_SIZE, PH1 + P_PADDR, 0x100080, 4, "program header 0 and program header 1 overlap" },
    { build_elf, FILE_SIZE, PH1 + P_PADDR, 0xB8000, 4, "wants memory B8000..BB000, but A0000..100000 is video" },
    { build_elf, FILE_SIZE, 24, 0x50000, 4, "the entry point 50000 lies in nothing" },
    { build_note, FILE_SIZE, 0, 0, 0, "--build-id=none" },
    { build_many, FILE_SIZE, 0, 0, 0, "more than 64 loadable program headers" },
    { build_mb_elf, FILE_SIZE, PH1 + P_PADDR, 0x8000, 4, "9000..A000 is for the Multiboot information" },
    { build_only_header, 4096, 0, 0, 0, "not ELF; set flag 16" },
    { build_kludge, 0x30, 0, 0, 0, "truncated: the Multiboot header wants bytes 32..64, the file has 48" },
    { build_kludge, 0x80, 0, 0, 0, "truncated: the Multiboot header wants bytes 0..256, the file has 128" },
    { build_kludge, 0x100, KL + 16, 0x200021, 4, "do not fit together" },
    { build_kludge, 0x100, KL + 16, 0x100000, 4, "do not fit together" },
    { build_kludge, 0x100, KL + 20, 0x1FFFFF, 4, "lies before load address" },
    { build_kludge, 0x100, KL + 24, 0xFFFFFFFF, 4, "at most 2048 MB" },
    { build_kludge, 0x100, KL + 28, 0, 4, "entry point 0" },
};

static void refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
        const struct bad *b = &bads[i];
        struct image image;
        struct err e;
        b->build();
        memcpy(file + b->at, &b->value, b->bytes);
        if (load(b->size, NULL, &image, &e)) fail_msg("row %zu was loaded; wanted \"%s\"", i, b->says);
        if (!strstr(e.text, b->says)) fail_msg("row %zu says \"%s\", wanted \"%s\"", i, e.text, b->says);
        assert_int_equal(e.code, EXIT_INPUT);
        assert_ptr_equal(strstr(e.text, "x.elf: "), e.text);
        assert_null(strchr(e.text, '\n'));
        assert_int_equal(image.symbols.count, 0);
        for (uint32_t at = 0; at < FRAMES * PAGE_SIZE; at += 4)
            if (get32(at) != 0xCCCCCCCC) fail_msg("row %zu touched memory at %X", i, at);
    }
}

static void flags_of_the_header(void **state)
{
    (void)state;
    static const struct { uint32_t flags; const char *says; } rows[] = {
        { 0, NULL }, { 1, NULL }, { 2, NULL }, { 0x20000, NULL }, { 4, NULL }, { 7, NULL },
        { 0x8003, "unknown features (flags 8000)" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct image image;
        struct err e;
        build_elf();
        put_multiboot(0x1004, rows[i].flags);
        bool ok = load(sizeof file, NULL, &image, &e);
        assert_int_equal(ok, !rows[i].says);
        if (rows[i].says) assert_non_null(strstr(e.text, rows[i].says));
        else assert_int_equal(image.eax, 0x2BADB002);
        image_done(&image);
    }
    struct image image;
    struct err e;
    build_zeros();
    put_multiboot(16, 3);
    put32(24, 1);
    assert_false(load(4096, NULL, &image, &e));
    assert_non_null(strstr(e.text, "Multiboot header at byte 16 has a wrong checksum"));
    build_mb_elf();
    put32(0x1008, 2); /* in an ELF file that is a number like any other */
    assert_true(load(sizeof file, NULL, &image, &e));
    assert_int_equal(image.kind, IMAGE_ELF);
    image_done(&image);
}

static void long_command_lines(void **state)
{
    (void)state;
    static char line[LOADER_INFO_SIZE];
    struct image image;
    struct err e;
    build_mb_elf();
    memset(line, 'x', LOADER_INFO_SIZE - 0x101);
    assert_true(load(sizeof file, line, &image, &e));
    assert_int_equal(get32(LOADER_INFO + LOADER_INFO_SIZE - 4), 0x00787878);
    assert_int_equal(get32(LOADER_INFO + LOADER_INFO_SIZE), 0xCCCCCCCC);
    image_done(&image);
    line[LOADER_INFO_SIZE - 0x101] = 'x';
    assert_false(load(sizeof file, line, &image, &e));
    assert_int_equal(e.code, EXIT_USAGE);
}

static void files_and_paths(void **state)
{
    (void)state;
    struct image image;
    struct err e = { 0 };
    assert_false(loader_load(&bus, &(struct load_order){ .path = "/nowhere/x.elf" }, &image, &e));
    assert_non_null(strstr(e.text, "/nowhere/x.elf: cannot open: No such file"));
    assert_int_equal(e.code, EXIT_INPUT);
    e = (struct err){ 0 };
    assert_false(loader_load(&bus, &(struct load_order){ .path = "/tmp" }, &image, &e));
    assert_non_null(strstr(e.text, "a directory"));
    e = (struct err){ 0 };
    assert_false(loader_load(&bus, &(struct load_order){ .path = "/dev/null" }, &image, &e));
    assert_non_null(strstr(e.text, "not a regular file"));
    char path[] = "/tmp/ringside-loader-XXXXXX";
    int fd = mkstemp(path);
    build_elf();
    assert_int_equal(write(fd, file, sizeof file), sizeof file);
    close(fd);
    e = (struct err){ 0 };
    assert_true(loader_load(&bus, &(struct load_order){ .path = path }, &image, &e));
    assert_string_equal(image.path, path);
    assert_int_equal(image.entry, 0x100010);
    image_done(&image);
    unlink(path);
}

/* Random damage: refused or loaded, but nothing else happens. Weighted towards the headers. */
static void damaged_images(void **state)
{
    (void)state;
    static void (*const builds[])(void) = { build_elf, build_mb_elf, build_kludge, build_note };
    static const uint32_t spice[] = { 0, 1, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0x9000, 0xFFF, 0x100000, 0xFFFFF000 };
    uint32_t seed = 42, loaded = 0;
    for (unsigned round = 0; round < 4000; round++) {
        builds[round & 3]();
        unsigned damages = 1 + (round >> 2 & 3);
        for (unsigned k = 0; k < damages; k++) {
            seed = seed * 1664525 + 1013904223;
            uint32_t at = (seed >> 16) % (seed & 0x100 ? 148u : FILE_SIZE - 4u);
            seed = seed * 1664525 + 1013904223;
            if (seed & 0x10000) put32(at & ~3u, spice[(seed >> 20) % (sizeof spice / sizeof *spice)]);
            else file[at] = (uint8_t)(seed >> 20);
        }
        struct image image;
        struct err e;
        uint8_t *exact = malloc(sizeof file); /* so that the address sanitizer sees a read beyond the cut */
        size_t size = seed & 0x2000 ? sizeof file : (seed >> 8) % sizeof file;
        uint8_t *cut = realloc(exact, size ? size : 1);
        memcpy(cut, file, size);
        e = (struct err){ 0 };
        bool ok = loader_load_bytes(&bus, "x.elf", cut, size, "a", &image, &e);
        if (ok) assert_true(image.high <= FRAMES * PAGE_SIZE && image.low < image.high);
        else assert_true(e.code == EXIT_INPUT && e.text[0]);
        loaded += ok;
        image_done(&image);
        free(cut);
    }
    assert_true(loaded > 100 && loaded < 3900);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, loader_teardown)

/* GRUB's tool: "yes" about PAE in a note of 12 bytes, of which the file, and the segment, have 4. Xen reads a text to its zero. */
static void cut_note(void **state)
{
    (void)state;
    enum { NOTES = FILE_SIZE - 20 - 20, VIRT_BASE = 3, PAE_MODE = 9 };
    char path[] = "/tmp/ringside-loader-XXXXXX";
    int fd = mkstemp(path);
    struct image image;
    struct err e = { 0 };
    build_elf();
    put16(48, 0); /* no sections */
    put_segment(2, PT_NOTE, NOTES, 0, 0, FILE_SIZE - NOTES, FILE_SIZE - NOTES);
    const uint32_t notes[] = { 4, 4, VIRT_BASE, 0x006E6558 /* Xen */, 0, 4, 12, PAE_MODE, 0x006E6558, 0x00736579 /* yes */ };
    memcpy(file + NOTES, notes, sizeof notes);
    assert_int_equal(write(fd, file, sizeof file), sizeof file);
    close(fd);
    assert_true(loader_load(&bus, &(struct load_order){ .path = path, .paravirtual = true }, &image, &e));
    assert_int_equal(image.kind, IMAGE_XEN);
    assert_true(image.pae);
    image_done(&image);
    unlink(path);
    put32(NOTES + 8, 18), put32(NOTES + 28, 18); /* entries of fully virtual domains: any kernel may have them */
    assert_true(load(sizeof file, NULL, &image, &e));
    assert_int_equal(image.kind, IMAGE_ELF);
    image_done(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(plain_elf), T(cut_note), T(hash_is_fnv1a), T(linked_high_loaded_low), T(headers_below_the_text),
        T(multiboot_information), T(kludge), T(into_a_virtual_bus),
        T(refusals), T(flags_of_the_header), T(long_command_lines), T(files_and_paths),
        T(damaged_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
