/* Multiboot 1: the header in the first 8 KB, its address fields ("a.out-kludge"), modules, and the information structure.
 *
 * Idea: whatever the kernel is told lies in one page, LOADER_INFO: structure, memory map, command line, module list, strings.
 * Multiboot Specification 0.6.96. Not supported: a graphics mode (the wish in the header is answered with the text screen, as
 * the specification allows), drives, ROM configuration and APM tables. */
#include <stdio.h>
#include <string.h>
#include "sim/loader_plan.h"

#define MB_MAGIC       0x1BADB002u
#define MB_ENTRY_MAGIC 0x2BADB002u
enum { MB_SEARCH = 8192, MB_HEADER = 12, MB_HEADER_ADDRESSES = 32 };
enum { MB_PAGE_ALIGN = 1, MB_MEMORY = 2, MB_VIDEO = 4, MB_REQUIRED = 0xFFFF, MB_ADDRESSES = 0x10000 };
enum { MBI_MEMORY = 1 << 0, MBI_CMDLINE = 1 << 2, MBI_MODULES = 1 << 3, MBI_MMAP = 1 << 6, MBI_LOADER = 1 << 9,
       MBI_FRAMEBUFFER = 1 << 12 };
/* Where things lie in the information page; behind the command line the modules' list, then their strings. */
enum { INFO_MAP = 0x80, INFO_NAME = 0xE0, INFO_CMDLINE = 0x100, MODULE_ROW = 16 };

/* Offset of the header, or -1: the first aligned magic within 8 KB whose checksum holds. */
int64_t multiboot_find(const struct source *s)
{
    for (uint64_t at = 0; at + MB_HEADER <= s->size && at + MB_HEADER <= MB_SEARCH; at += 4)
        if (loader_word(s, at) == MB_MAGIC && MB_MAGIC + loader_word(s, at + 4) + loader_word(s, at + 8) == 0) return (int64_t)at;
    return -1;
}

/* The a.out-kludge: the header itself says which bytes of the file belong where. */
static bool plan_kludge(const struct source *s, struct plan *plan, uint64_t at)
{
    if (at + MB_HEADER_ADDRESSES > s->size)
        return loader_refuse(s, "truncated: the Multiboot header wants bytes %llu..%llu, the file has %zu; rebuild the image",
                      ULL(at), ULL(at + MB_HEADER_ADDRESSES), s->size);
    uint32_t header = loader_word(s, at + 12), load = loader_word(s, at + 16), load_end = loader_word(s, at + 20);
    uint32_t bss_end = loader_word(s, at + 24);
    if (load > header || header - load > at)
        return loader_refuse(s, "broken Multiboot header: load address %X, header at %X and at byte %llu of the file do not "
                      "fit together; check the header", load, header, ULL(at));
    uint64_t offset = at - (header - load);
    uint64_t file = load_end ? (uint64_t)load_end - load : s->size - offset;
    if (load_end && load_end < load)
        return loader_refuse(s, "broken Multiboot header: load end %X lies before load address %X; check the header", load_end,
                      load);
    uint64_t memory = bss_end > load + file ? (uint64_t)bss_end - load : file;
    if (memory)
        plan->piece[plan->count++] = (struct piece){ .name = "the Multiboot header", .offset = offset, .file = file,
                                                     .at = load, .memory = memory, .virt = load };
    plan->entry = loader_word(s, at + 28);
    return true;
}

/* Where the list of modules lies, and how far the strings behind it reach. */
static size_t info_list(const struct plan *plan) { return (INFO_CMDLINE + strlen(plan->cmdline) + 1 + 3) & ~(size_t)3; }

static size_t info_end(const struct plan *plan)
{
    size_t end = INFO_CMDLINE + strlen(plan->cmdline) + 1;
    if (plan->attachments) end = info_list(plan) + plan->attachments * (size_t)MODULE_ROW;
    for (unsigned i = 0; i < plan->attachments; i++) end += strlen(plan->attached[i].string) + 1;
    return end;
}

bool multiboot_plan(const struct source *s, struct plan *plan, uint64_t at)
{
    uint32_t flags = loader_word(s, at + 4);
    plan->kind = IMAGE_MULTIBOOT;
    plan->info = LOADER_INFO;
    plan->info_size = LOADER_INFO_SIZE;
    plan->attach_end = UINT32_MAX;
    uint32_t unknown = flags & MB_REQUIRED & ~(uint32_t)(MB_PAGE_ALIGN | MB_MEMORY | MB_VIDEO);
    if (unknown)
        return loader_refuse(s, "the Multiboot header requires unknown features (flags %X); clear them", unknown);
    if (info_end(plan) > LOADER_INFO_SIZE)
        return err_set(s->e, EXIT_USAGE, "%.200s: the command lines of kernel and modules have %zu bytes, %zu fit; shorten "
                       "--append", s->path, info_end(plan) - INFO_CMDLINE, (size_t)LOADER_INFO_SIZE - INFO_CMDLINE);
    if (flags & MB_ADDRESSES) return plan_kludge(s, plan, at);
    if (elf_is(s)) return elf_plan(s, plan);
    return loader_refuse(s, "a Multiboot header without load addresses in a file that is not ELF; set flag 16 and the "
                         "address fields");
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

/* Section 3.3, modules: start, end, string, reserved. */
static void put_modules(uint8_t *info, const struct plan *plan)
{
    size_t row = info_list(plan), string = row + plan->attachments * (size_t)MODULE_ROW;
    put32(info, 20, plan->attachments);
    put32(info, 24, LOADER_INFO + (uint32_t)row);
    for (unsigned i = 0; i < plan->attachments; i++, row += MODULE_ROW) {
        const struct attachment *a = &plan->attached[i];
        size_t n = strlen(a->string) + 1;
        put32(info, (unsigned)row, a->at);
        put32(info, (unsigned)row + 4, a->at + (uint32_t)a->file.len);
        put32(info, (unsigned)row + 8, LOADER_INFO + (uint32_t)string);
        memcpy(info + string, a->string, n);
        string += n;
    }
}

/* The text screen as a "framebuffer" of type 2: what a header that wishes for a video mode is answered with. */
static void put_screen(uint8_t *info)
{
    enum { ADDRESS = 88, PITCH = 96, WIDTH = 100, HEIGHT = 104, DEPTH = 108, TYPE = 109, EGA_TEXT = 2 };
    put32(info, ADDRESS, 0xB8000);
    put32(info, PITCH, 160);
    put32(info, WIDTH, 80);
    put32(info, HEIGHT, 25);
    info[DEPTH] = 16;
    info[TYPE] = EGA_TEXT;
}

/* Multiboot information structure, specification section 3.3, in one page of its own:
 *   +0 flags  +4 mem_lower  +8 mem_upper (KB)  +16 cmdline  +20 mods_count  +24 mods_addr  +44 mmap_length  +48 mmap_addr
 *   +64 boot_loader_name  +88 framebuffer */
void multiboot_inform(struct bus *mem, const struct source *s, const struct plan *plan, struct image *out)
{
    uint8_t info[LOADER_INFO_SIZE] = { 0 };
    uint64_t ram = (uint64_t)mem->frames * PAGE_SIZE;
    uint32_t wishes = loader_word(s, (uint64_t)multiboot_find(s) + 4);
    put32(info, 0, MBI_MEMORY | MBI_CMDLINE | MBI_MMAP | MBI_LOADER | (plan->attachments ? MBI_MODULES : 0u) |
                   (wishes & MB_VIDEO ? MBI_FRAMEBUFFER : 0u));
    put32(info, 4, (uint32_t)(ram < HOLE_LOW ? ram : HOLE_LOW) / 1024);
    put32(info, 8, ram > HOLE_HIGH ? (uint32_t)((ram - HOLE_HIGH) / 1024) : 0);
    put32(info, 16, LOADER_INFO + INFO_CMDLINE);
    unsigned end = put_range(info, INFO_MAP, 0, ram < HOLE_LOW ? ram : HOLE_LOW, 1);
    end = put_range(info, end, 0xF0000, HOLE_HIGH, 2);
    end = put_range(info, end, HOLE_HIGH, ram, 1);
    put32(info, 44, end - INFO_MAP);
    put32(info, 48, LOADER_INFO + INFO_MAP);
    put32(info, 64, LOADER_INFO + INFO_NAME);
    if (wishes & MB_VIDEO) put_screen(info);
    memcpy(info + INFO_NAME, "Ringside", 9);
    memcpy(info + INFO_CMDLINE, plan->cmdline, strlen(plan->cmdline) + 1);
    if (plan->attachments) put_modules(info, plan);
    bus_poke(mem, hpa(LOADER_INFO), info, sizeof info);
    out->eax = MB_ENTRY_MAGIC;
    out->ebx = LOADER_INFO;
}
