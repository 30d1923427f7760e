/* See loader.h. */
#include "sim/loader.h"

#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/core/text.h"

enum { FILE_MAX = 256 << 20, PIECES = 64 };
enum { HOLE_LOW = 0xA0000, HOLE_HIGH = 0x100000, MIB = 1 << 20, MIB_MAX = 2048 };

#define MB_MAGIC       0x1BADB002u
#define MB_ENTRY_MAGIC 0x2BADB002u
#define MB2_MAGIC      0xE85250D6u
enum { MB_SEARCH = 8192, MB_HEADER = 12, MB_HEADER_ADDRESSES = 32 };
enum { MB_PAGE_ALIGN = 1, MB_MEMORY = 2, MB_VIDEO = 4, MB_REQUIRED = 0xFFFF, MB_ADDRESSES = 0x10000 };
enum { MBI_MEMORY = 1 << 0, MBI_CMDLINE = 1 << 2, MBI_MMAP = 1 << 6, MBI_LOADER = 1 << 9 };
/* Where things lie in the information page. */
enum { INFO_MAP = 0x80, INFO_NAME = 0xE0, INFO_CMDLINE = 0x100, CMDLINE_MAX = LOADER_INFO_SIZE - INFO_CMDLINE - 1 };

struct source {
    const char    *path;
    const uint8_t *bytes;
    size_t         size;
    struct err    *e;
};

/* `file` bytes at `offset` of the file go to `at`; the rest, up to `memory` bytes, is zeroed. */
struct piece {
    char     name[32]; /* of what asked for it, for messages */
    uint64_t offset, file, at, memory;
    uint64_t virt;     /* where the program believes it to be */
};

struct plan {
    struct piece piece[PIECES];
    unsigned     count;
    uint64_t     entry;
    uint64_t     headers; /* ELF: bytes of ELF and program headers at the start of the file */
    uint64_t     note;    /* ELF: where the linker put a note, 0: nowhere */
    bool         multiboot;
    const char  *cmdline;
};

__attribute__((format(printf, 2, 3))) static bool refuse(const struct source *s, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_set(s->e, EXIT_INPUT, "%.200s: %s", s->path, text);
}

static uint32_t word_at(const struct source *s, uint64_t offset) /* little-endian; the caller knows it is there */
{
    uint32_t v;
    memcpy(&v, s->bytes + offset, sizeof v);
    return v;
}

static bool holds(const struct source *s, uint64_t offset, const void *bytes, size_t n)
{
    return offset + n <= s->size && !memcmp(s->bytes + offset, bytes, n);
}

/* ---- The plan: checked as a whole before a byte is moved. ---- */

#define ULL(x) ((unsigned long long)(x))

static bool check_bytes(const struct source *s, const struct piece *p)
{
    if (p->offset + p->file > s->size)
        return refuse(s, "truncated: %s wants bytes %llu..%llu, the file has %zu; rebuild the image", p->name,
                      ULL(p->offset), ULL(p->offset + p->file), s->size);
    if (p->file > p->memory)
        return refuse(s, "broken: %s has %llu bytes in the file but only %llu in memory; rebuild the image", p->name,
                      ULL(p->file), ULL(p->memory));
    return true;
}

static bool check_ram(const struct source *s, const struct plan *plan, const struct bus *mem)
{
    uint64_t top = plan->multiboot ? LOADER_INFO + LOADER_INFO_SIZE : 0, ram = (uint64_t)mem->frames * PAGE_SIZE;
    for (unsigned i = 0; i < plan->count; i++) {
        uint64_t end = plan->piece[i].at + plan->piece[i].memory;
        if (end > ram && plan->note && plan->piece[i].at == plan->note)
            return refuse(s, "its build-id note is linked at %llX, the machine has %u MB; link it with "
                          "-Wl,--build-id=none", ULL(plan->note), (unsigned)(ram / MIB));
        if (end > top) top = end;
    }
    if (top <= ram) return true;
    unsigned need = (unsigned)((top + MIB - 1) / MIB), fit = 1;
    if (need > MIB_MAX)
        return refuse(s, "wants memory up to %u MB, a machine has at most %d MB; link it lower, 1 MB is usual", need,
                      MIB_MAX);
    while (fit < need) fit *= 2;
    return refuse(s, "wants memory up to %u MB, the machine has %u MB; use --ram %uM", need, (unsigned)(ram / MIB),
                  fit);
}

static bool overlap(const struct piece *p, uint64_t low, uint64_t high)
{
    return p->at < high && low < p->at + p->memory;
}

/* ld's default script maps the ELF headers one page below the text; for a text at 1 MB that is ROM on a PC, where the
 * bytes would be lost and nobody missed them. */
static void drop_headers_in_hole(struct plan *plan)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < plan->count; i++) {
        const struct piece *p = &plan->piece[i];
        bool only_headers = p->offset == 0 && p->memory <= plan->headers;
        if (!only_headers || !overlap(p, HOLE_LOW, HOLE_HIGH)) plan->piece[kept++] = *p;
    }
    plan->count = kept;
}

static bool check_places(const struct source *s, const struct plan *plan)
{
    for (unsigned i = 0; i < plan->count; i++) {
        const struct piece *p = &plan->piece[i];
        const char *taken = NULL;
        if (overlap(p, HOLE_LOW, HOLE_HIGH)) taken = "A0000..100000 is video memory and firmware";
        else if (plan->multiboot && overlap(p, LOADER_INFO, LOADER_INFO + LOADER_INFO_SIZE))
            taken = "9000..A000 is for the Multiboot information";
        if (taken)
            return refuse(s, "%s wants memory %llX..%llX, but %s; link it at 1 MB with -Ttext=0x100000", p->name,
                          ULL(p->at), ULL(p->at + p->memory), taken);
        for (unsigned j = 0; j < i; j++)
            if (overlap(p, plan->piece[j].at, plan->piece[j].at + plan->piece[j].memory))
                return refuse(s, "broken: %s and %s overlap in memory at %llX; check the linker script",
                              plan->piece[j].name, p->name, ULL(p->at));
    }
    return true;
}

/* Kernels linked high may name their entry by its physical or by its virtual address; both mean the same byte. */
static bool settle_entry(const struct source *s, struct plan *plan)
{
    for (unsigned i = 0; i < plan->count; i++)
        if (plan->entry - plan->piece[i].at < plan->piece[i].memory) return true;
    for (unsigned i = 0; i < plan->count; i++) {
        const struct piece *p = &plan->piece[i];
        if (plan->entry - p->virt >= p->memory) continue;
        plan->entry = plan->entry - p->virt + p->at;
        return true;
    }
    return refuse(s, "the entry point %llX lies in nothing that is loaded; name it with ENTRY() in the linker script "
                  "or ld -e", ULL(plan->entry));
}

static bool check_plan(const struct source *s, struct plan *plan, const struct bus *mem)
{
    drop_headers_in_hole(plan);
    if (!plan->count) return refuse(s, "nothing to load: it has no loadable bytes; check the linker script");
    for (unsigned i = 0; i < plan->count; i++)
        if (!check_bytes(s, &plan->piece[i])) return false;
    return check_ram(s, plan, mem) && check_places(s, plan) && settle_entry(s, plan);
}

static void zero(struct bus *mem, uint64_t at, uint64_t n)
{
    static const uint8_t zeros[PAGE_SIZE];
    while (n) {
        size_t chunk = n < sizeof zeros ? (size_t)n : sizeof zeros;
        bus_poke(mem, hpa((uint32_t)at), zeros, chunk);
        at += chunk, n -= chunk;
    }
}

static void carry_out(const struct source *s, const struct plan *plan, struct bus *mem, struct image *out)
{
    uint64_t low = UINT32_MAX, high = 0;
    for (unsigned i = 0; i < plan->count; i++) {
        const struct piece *p = &plan->piece[i];
        bus_poke(mem, hpa((uint32_t)p->at), s->bytes + p->offset, (size_t)p->file);
        zero(mem, p->at + p->file, p->memory - p->file);
        if (p->at < low) low = p->at;
        if (p->at + p->memory > high) high = p->at + p->memory;
    }
    out->low = (uint32_t)low, out->high = (uint32_t)high;
    out->entry = (uint32_t)plan->entry;
    out->multiboot = plan->multiboot;
}

/* ---- ELF ---- */

static const char *machine_name(unsigned machine)
{
    static const struct { uint16_t id; const char *name; } known[] = {
        { EM_SPARC, "SPARC" }, { EM_MIPS, "MIPS" }, { EM_PPC, "PowerPC" }, { EM_PPC64, "PowerPC" },
        { EM_S390, "S/390" }, { EM_ARM, "ARM" }, { EM_SPARCV9, "SPARC" }, { EM_IA_64, "Itanium" },
        { EM_X86_64, "x86-64" }, { EM_AARCH64, "ARM" }, { EM_RISCV, "RISC-V" },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].id == machine) return known[i].name;
    return "an unknown processor";
}

static bool check_elf_header(const struct source *s, const Elf32_Ehdr *h)
{
    /* e_machine lies at the same place in both classes and byte orders differ only in how it is read. */
    bool big = h->e_ident[EI_DATA] == ELFDATA2MSB;
    unsigned machine = big ? (unsigned)(h->e_machine >> 8 | (h->e_machine & 0xFF) << 8) : h->e_machine;
    if (h->e_ident[EI_CLASS] == ELFCLASS64)
        return refuse(s, "64-bit ELF (%s); build it with gcc -m32", machine_name(machine));
    if (big || (machine != EM_386 && machine != 6 /* EM_486, from old tools */))
        return refuse(s, "ELF for %s (machine %u), not for IA-32; build it with gcc -m32", machine_name(machine),
                      machine);
    if (h->e_ident[EI_CLASS] != ELFCLASS32 || h->e_ident[EI_DATA] != ELFDATA2LSB)
        return refuse(s, "broken ELF header: class %u, byte order %u; rebuild the image", h->e_ident[EI_CLASS],
                      h->e_ident[EI_DATA]);
    switch (h->e_type) {
    case ET_EXEC: return true;
    case ET_REL: return refuse(s, "an ELF relocatable object, not an executable; link it with ld -m elf_i386");
    case ET_DYN:
        return refuse(s, "an ELF shared object or position-independent executable; link it with gcc -m32 -static "
                      "-no-pie");
    case ET_CORE: return refuse(s, "an ELF core dump, not an executable; name the program itself");
    default: return refuse(s, "ELF of unknown type %u, not an executable; link it with ld -m elf_i386", h->e_type);
    }
}

static bool plan_segment(const struct source *s, struct plan *plan, unsigned index, const Elf32_Phdr *ph)
{
    if (ph->p_type == PT_INTERP || ph->p_type == PT_DYNAMIC)
        return refuse(s, "a dynamically linked program: it needs an operating system; link it with gcc -m32 -static "
                      "-nostdlib");
    if (ph->p_type == PT_NOTE) plan->note = ph->p_paddr;
    if (ph->p_type != PT_LOAD || !ph->p_memsz) return true;
    if (plan->count == PIECES)
        return refuse(s, "more than %d loadable program headers; check the linker script", PIECES);
    struct piece *p = &plan->piece[plan->count++];
    *p = (struct piece){ .offset = ph->p_offset, .file = ph->p_filesz, .at = ph->p_paddr, .memory = ph->p_memsz,
                         .virt = ph->p_vaddr };
    snprintf(p->name, sizeof p->name, "program header %u", index);
    return true;
}

static bool plan_elf(const struct source *s, struct plan *plan)
{
    Elf32_Ehdr h;
    if (s->size < sizeof h)
        return refuse(s, "truncated: an ELF header has %zu bytes, the file %zu; rebuild the image", sizeof h, s->size);
    memcpy(&h, s->bytes, sizeof h);
    if (!check_elf_header(s, &h)) return false;
    if (h.e_phnum && h.e_phentsize != sizeof(Elf32_Phdr))
        return refuse(s, "broken: program headers of %u bytes, expected %zu; rebuild the image", h.e_phentsize,
                      sizeof(Elf32_Phdr));
    uint64_t end = (uint64_t)h.e_phoff + (uint64_t)h.e_phnum * sizeof(Elf32_Phdr);
    if (end > s->size)
        return refuse(s, "truncated: %u program headers want bytes %u..%llu, the file has %zu; rebuild the image",
                      h.e_phnum, h.e_phoff, ULL(end), s->size);
    plan->entry = h.e_entry;
    plan->headers = sizeof h + (uint64_t)h.e_phnum * sizeof(Elf32_Phdr);
    for (unsigned i = 0; i < h.e_phnum; i++) {
        Elf32_Phdr ph;
        memcpy(&ph, s->bytes + h.e_phoff + (uint64_t)i * sizeof ph, sizeof ph);
        if (!plan_segment(s, plan, i, &ph)) return false;
    }
    return true;
}

/* ---- Multiboot ---- */

/* Offset of the header, or -1: the first aligned magic within 8 KB whose checksum holds. */
static int64_t find_multiboot(const struct source *s)
{
    for (uint64_t at = 0; at + MB_HEADER <= s->size && at + MB_HEADER <= MB_SEARCH; at += 4)
        if (word_at(s, at) == MB_MAGIC && MB_MAGIC + word_at(s, at + 4) + word_at(s, at + 8) == 0) return (int64_t)at;
    return -1;
}

/* The a.out-kludge: the header itself says which bytes of the file belong where. */
static bool plan_kludge(const struct source *s, struct plan *plan, uint64_t at)
{
    if (at + MB_HEADER_ADDRESSES > s->size)
        return refuse(s, "truncated: the Multiboot header wants bytes %llu..%llu, the file has %zu; rebuild the image",
                      ULL(at), ULL(at + MB_HEADER_ADDRESSES), s->size);
    uint32_t header = word_at(s, at + 12), load = word_at(s, at + 16), load_end = word_at(s, at + 20);
    uint32_t bss_end = word_at(s, at + 24);
    if (load > header || header - load > at)
        return refuse(s, "broken Multiboot header: load address %X, header at %X and at byte %llu of the file do not "
                      "fit together; check the header", load, header, ULL(at));
    uint64_t offset = at - (header - load);
    uint64_t file = load_end ? (uint64_t)load_end - load : s->size - offset;
    if (load_end && load_end < load)
        return refuse(s, "broken Multiboot header: load end %X lies before load address %X; check the header", load_end,
                      load);
    uint64_t memory = bss_end > load + file ? (uint64_t)bss_end - load : file;
    if (memory)
        plan->piece[plan->count++] = (struct piece){ .name = "the Multiboot header", .offset = offset, .file = file,
                                                     .at = load, .memory = memory, .virt = load };
    plan->entry = word_at(s, at + 28);
    return true;
}

static bool plan_multiboot(const struct source *s, struct plan *plan, uint64_t at)
{
    uint32_t flags = word_at(s, at + 4);
    plan->multiboot = true;
    if (flags & MB_VIDEO)
        return refuse(s, "the Multiboot header asks for a video mode (flag 2), not supported yet; clear the flag");
    uint32_t unknown = flags & MB_REQUIRED & ~(uint32_t)(MB_PAGE_ALIGN | MB_MEMORY);
    if (unknown)
        return refuse(s, "the Multiboot header requires unknown features (flags %X); clear them", unknown);
    if (strlen(plan->cmdline) > CMDLINE_MAX)
        return err_set(s->e, EXIT_USAGE, "%.200s: the command line has %zu bytes, %d fit; shorten --append", s->path,
                       strlen(plan->cmdline), CMDLINE_MAX);
    if (flags & MB_ADDRESSES) return plan_kludge(s, plan, at);
    if (holds(s, 0, ELFMAG, SELFMAG)) return plan_elf(s, plan);
    return refuse(s, "a Multiboot header without load addresses in a file that is not ELF; set flag 16 and the address "
                  "fields");
}

static void put32(uint8_t *info, unsigned offset, uint32_t v) { memcpy(info + offset, &v, sizeof v); }

/* One row of the memory map; returns where the next one goes. `size` does not count itself. */
static unsigned put_range(uint8_t *info, unsigned at, uint32_t base, uint64_t end, uint32_t type)
{
    if (end <= base) return at;
    put32(info, at, 20);
    put32(info, at + 4, base);
    put32(info, at + 12, (uint32_t)(end - base));
    put32(info, at + 20, type);
    return at + 24;
}

/* Multiboot information structure, specification section 3.3, in one page of its own:
 *   +0 flags  +4 mem_lower  +8 mem_upper (KB)  +16 cmdline  +44 mmap_length  +48 mmap_addr  +64 boot_loader_name */
static void write_info(struct bus *mem, const struct plan *plan, struct image *out)
{
    uint8_t info[LOADER_INFO_SIZE] = { 0 };
    uint64_t ram = (uint64_t)mem->frames * PAGE_SIZE;
    put32(info, 0, MBI_MEMORY | MBI_CMDLINE | MBI_MMAP | MBI_LOADER);
    put32(info, 4, (uint32_t)(ram < HOLE_LOW ? ram : HOLE_LOW) / 1024);
    put32(info, 8, ram > HOLE_HIGH ? (uint32_t)((ram - HOLE_HIGH) / 1024) : 0);
    put32(info, 16, LOADER_INFO + INFO_CMDLINE);
    unsigned end = put_range(info, INFO_MAP, 0, ram < HOLE_LOW ? ram : HOLE_LOW, 1);
    end = put_range(info, end, 0xF0000, HOLE_HIGH, 2);
    end = put_range(info, end, HOLE_HIGH, ram, 1);
    put32(info, 44, end - INFO_MAP);
    put32(info, 48, LOADER_INFO + INFO_MAP);
    put32(info, 64, LOADER_INFO + INFO_NAME);
    memcpy(info + INFO_NAME, "Ringside", 9);
    memcpy(info + INFO_CMDLINE, plan->cmdline, strlen(plan->cmdline) + 1);
    bus_poke(mem, hpa(LOADER_INFO), info, sizeof info);
    out->eax = MB_ENTRY_MAGIC;
    out->ebx = LOADER_INFO;
}

/* ---- What it is if it is nothing we can load ---- */

static bool is_text(const struct source *s)
{
    for (size_t i = 0; i < s->size && i < 512; i++) {
        uint8_t c = s->bytes[i];
        if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != 0x1B) || c == 0x7F) return false;
    }
    return true;
}

static bool refuse_foreign(const struct source *s)
{
    static const struct { uint16_t offset; uint8_t length; const char *bytes, *what; } known[] = {
        { 0x202, 4, "HdrS", "a Linux bzImage: not supported yet; use a Multiboot or ELF kernel" },
        { 0, 2, "\x1F\x8B", "a gzip archive; unpack it with gunzip" },
        { 0, 6, "\xFD" "7zXZ", "an xz archive; unpack it with unxz" },
        { 0, 2, "#!", "a script, not an image; name a Multiboot or ELF file" },
        { 0, 8, "!<arch>\n", "a library archive; link it with ld -m elf_i386" },
        { 510, 2, "\x55\xAA", "a boot sector or disk image: not supported yet; use a Multiboot or ELF kernel" },
        { 0, 2, "MZ", "a DOS or Windows program; build an ELF with gcc -m32" },
    };
    if (!s->size) return refuse(s, "empty file; rebuild the image");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (holds(s, known[i].offset, known[i].bytes, known[i].length)) return refuse(s, "%s", known[i].what);
    for (uint64_t at = 0; at + 16 <= s->size && at < 32768; at += 8)
        if (word_at(s, at) == MB2_MAGIC)
            return refuse(s, "a Multiboot 2 image: not supported yet; use Multiboot 1 or ELF");
    for (uint64_t at = 0; at + MB_HEADER <= s->size && at + MB_HEADER <= MB_SEARCH; at += 4)
        if (word_at(s, at) == MB_MAGIC)
            return refuse(s, "the Multiboot header at byte %llu has a wrong checksum: the sum is %X, expected 0; "
                          "correct it", ULL(at), MB_MAGIC + word_at(s, at + 4) + word_at(s, at + 8));
    if (is_text(s)) return refuse(s, "a text file, not a Multiboot or ELF image; assemble or compile it first");
    return refuse(s, "not a Multiboot or ELF image; build one with gcc -m32 -ffreestanding -nostdlib");
}

static uint64_t fnv1a(const uint8_t *bytes, size_t n)
{
    uint64_t h = 0xCBF29CE484222325u;
    for (size_t i = 0; i < n; i++) h = (h ^ bytes[i]) * 0x100000001B3u;
    return h;
}

bool loader_load_bytes(struct bus *mem, const char *name, const uint8_t *bytes, size_t size, const char *cmdline,
                       struct image *out, struct err *e)
{
    struct source s = { name, bytes, size, e };
    struct plan plan = { .cmdline = cmdline ? cmdline : "" };
    *out = (struct image){ 0 };
    int64_t header = find_multiboot(&s);
    bool planned = header >= 0 ? plan_multiboot(&s, &plan, (uint64_t)header)
                 : holds(&s, 0, ELFMAG, SELFMAG) ? plan_elf(&s, &plan)
                 : refuse_foreign(&s);
    if (!planned || !check_plan(&s, &plan, mem)) return false;
    carry_out(&s, &plan, mem, out);
    if (plan.multiboot) write_info(mem, &plan, out);
    symbols_read(&out->symbols, bytes, size);
    out->hash = fnv1a(bytes, size);
    snprintf(out->path, sizeof out->path, "%s", name);
    return true;
}

bool loader_load(struct bus *mem, const char *path, const char *cmdline, struct image *out, struct err *e)
{
    *out = (struct image){ 0 };
    struct stat st;
    if (stat(path, &st) != 0)
        return err_set(e, EXIT_INPUT, "%.200s: cannot open: %s; check the path", path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return err_set(e, EXIT_INPUT, "%.200s: a directory, not an image; name a Multiboot or ELF file in it", path);
    struct text file = { 0 };
    bool ok = text_read(&file, path, FILE_MAX, e) &&
              loader_load_bytes(mem, path, (const uint8_t *)file.s, file.len, cmdline, out, e);
    text_free(&file);
    return ok;
}

void image_done(struct image *image)
{
    symbols_free(&image->symbols);
    *image = (struct image){ 0 };
}
