/* Any file, as an image: ELF, Multiboot, Linux, boot sectors, and what is nearly one.
 *
 * Invariants: a refusal is one line with an exit code of the right kind, leaves memory untouched and `out` empty; what is
 * accepted lies in RAM, is entered inside what was loaded, and nothing but the image and its information was stored; names
 * can be asked for at any address. sim/loader.h has the specifications. */
#include "tests/fuzz/fuzz.h"

#include <elf.h>
#include <stdlib.h>
#include "sim/core/arena.h"
#include "sim/loader.h"

enum { RAM = 3 << 20, FRAMES = RAM / PAGE_SIZE, FILL = 0xCC, LINUX_INFO = 0x90000, LINUX_INFO_SIZE = 0x2000 };

static struct arena arena;
static struct clock clk;
static struct bus   bus;
static uint8_t     *ram, *fresh;

static void world(void)
{
    if (ram) return;
    ram = malloc(RAM);
    fresh = malloc(RAM);
    if (!ram || !fresh || !arena_init(&arena, 1 << 20)) abort();
    memset(ram, FILL, RAM);
    memset(fresh, FILL, RAM);
    clk.hz = 1000000000;
    bus_init(&bus, ram, FRAMES, &clk, &arena);
}

static void check_refused(const struct image *image, const struct err *e)
{
    static const struct image empty;
    fuzz_line(e->text);
    FUZZ_HOLDS(strstr(e->text, "fuzz"));
    FUZZ_HOLDS(e->code == EXIT_INPUT || e->code == EXIT_USAGE);
    FUZZ_HOLDS(!memcmp(image, &empty, sizeof empty));
    FUZZ_HOLDS(!memcmp(ram, fresh, RAM));
}

static void check_untouched(uint32_t from, uint32_t to)
{
    if (from < to) FUZZ_HOLDS(!memcmp(ram + from, fresh + from, to - from));
}

static void check_loaded(const struct image *image)
{
    uint32_t info = image->kind == IMAGE_LINUX ? LINUX_INFO : LOADER_INFO;
    uint32_t size = image->kind == IMAGE_LINUX ? LINUX_INFO_SIZE : image->kind == IMAGE_MULTIBOOT ? LOADER_INFO_SIZE : 0;
    uint32_t low = image->low, high = image->high;
    FUZZ_HOLDS(low < high && high <= RAM && image->entry >= low && image->entry < high);
    check_untouched(0, low < info ? low : info);
    if (info >= high || info < low) check_untouched(info < low ? info + size : high, info < low ? low : info);
    check_untouched(high > info + size ? high : info + size, RAM);
    for (size_t n = 0; n < image->symbols.count && n < 50; n++) {
        uint32_t at = image->symbols.row[n].addr, offset = 0;
        const char *name = symbols_at(&image->symbols, at, &offset);
        if (name) FUZZ_HOLDS(symbols_find(&image->symbols, name, &at));
        (void)symbols_suggest(&image->symbols, "start");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const lines[] = { NULL, "", "console=ttyS0 quiet" };
    static char words[5000];
    struct image image = { 0 };
    struct err e = { 0 };
    world();
    memset(words, 'x', sizeof words - 1);
    const char *line = size % 4 == 3 ? words : lines[size % 4];
    if (loader_load_bytes(&bus, "fuzz", data, size, line, &image, &e)) check_loaded(&image);
    else check_refused(&image, &e);
    image_done(&image);
    memcpy(ram, fresh, RAM);
    return 0;
}

/* ---- seeds ---- */

static void word(uint8_t *file, size_t at, uint32_t v) { memcpy(file + at, &v, 4); }

static size_t elf(uint8_t *file, unsigned variant)
{
    Elf32_Ehdr h = { .e_ident = { 0x7F, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, 1 }, .e_type = ET_EXEC, .e_machine = EM_386,
                     .e_version = 1, .e_entry = variant & 1 ? 0xC0100010u : 0x100010, .e_phoff = 52, .e_ehsize = 52,
                     .e_phentsize = 32, .e_phnum = 2, .e_shoff = 0x180, .e_shentsize = 40, .e_shnum = 3 };
    Elf32_Phdr p[2] = { { PT_LOAD, 0x100, variant & 1 ? 0xC0100000u : 0x100000, 0x100000, 0x40, 0x40, 5, 0x1000 },
                        { PT_LOAD, 0x140, 0x102000, 0x102000, 0x20, 0x2000, 6, 0x1000 } };
    Elf32_Shdr section[3] = { [1] = { .sh_type = SHT_SYMTAB, .sh_offset = 0x200, .sh_size = 48, .sh_entsize = 16, .sh_link = 2 },
                              [2] = { .sh_type = SHT_STRTAB, .sh_offset = 0x230, .sh_size = 16 } };
    Elf32_Sym symbol[3] = { [1] = { .st_name = 1, .st_value = 0x100010, .st_size = 16, .st_info = 0x12, .st_shndx = 1 },
                            [2] = { .st_name = 8, .st_value = 0x102000, .st_size = 4, .st_info = 1, .st_shndx = 1 } };
    memcpy(file, &h, sizeof h);
    memcpy(file + 52, p, sizeof p);
    memcpy(file + 0x180, section, sizeof section);
    memcpy(file + 0x200, symbol, sizeof symbol);
    memcpy(file + 0x230, "\0_start\0datum\0", 14);
    if (variant & 2) {
        word(file, 0x100, 0x1BADB002);
        word(file, 0x104, 3);
        word(file, 0x108, 0u - 0x1BADB002u - 3);
    }
    return 0x240;
}

static size_t kludge(uint8_t *file, unsigned variant)
{
    static const uint32_t words[] = { 0x1BADB002, 0x10003, 0, 0x200020, 0x200000, 0x200100, 0x201000, 0x200040 };
    memcpy(file + 0x20, words, sizeof words);
    if (variant & 1) word(file, 0x34, 0);
    word(file, 0x28, 0u - 0x1BADB002u - 0x10003u);
    return 0x100;
}

static size_t linux_kernel(uint8_t *file, unsigned variant)
{
    enum { SETUP = 1024, CODE = 0x200 };
    file[0x1F1] = SETUP / 512 - 1;
    word(file, 0x1F4, CODE / 16);
    word(file, 0x1FE, 0x66EBAA55);
    memcpy(file + 0x202, "HdrS", 4);
    word(file, 0x206, 0x020C);
    file[0x211] = 1;
    word(file, 0x214, 0x100000);
    word(file, 0x22C, 0x7FFFFFFF);
    word(file, 0x230, 0x1000);
    file[0x234] = variant & 1;
    word(file, 0x238, 2047);
    word(file, 0x258, 0x200000);
    word(file, 0x260, 0x1000);
    return SETUP + CODE;
}

static size_t boot_sector(uint8_t *file, unsigned variant)
{
    memcpy(file, variant & 1 ? "\x1F\x8B" : variant & 2 ? "MZ" : "\xEB\x3C", 2);
    word(file, 508, variant == 3 ? 0 : 0xAA550000u);
    if (variant == 3) memset(file, 'a', 512);
    return 512;
}

size_t fuzz_seed(unsigned n, uint8_t *to, size_t room)
{
    static size_t (*const kinds[])(uint8_t *, unsigned) = { elf, kludge, linux_kernel, boot_sector };
    static uint8_t file[4096];
    if (n >= 16) return 0;
    struct fuzz_seed s = { to, 0, room };
    memset(file, 0, sizeof file);
    fuzz_put(&s, file, kinds[n % 4](file, n / 4) + n / 4); /* the size chooses the command line */
    return s.n;
}
