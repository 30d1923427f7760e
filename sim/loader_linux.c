/* Linux bzImage by the 32-bit boot protocol: the protected-mode part goes where it likes to be, the setup header into a zero
 * page with screen, memory map, command line and initial RAM disk; entered flat with ESI at the zero page. The real-mode part
 * is not run: nothing of it is needed when the loader has asked the firmware's questions itself.
 *
 * Linux Documentation/arch/x86/boot.rst ("32-bit boot protocol") and zero-page.rst; protocol 2.02 and later. Not supported:
 * zImage (loaded low), the 16-bit protocol (boot a disk for that), EFI, setup_data. */
#include <stdio.h>
#include <string.h>
#include "sim/loader_plan.h"

enum { PARAMS = 0x90000, PARAMS_SIZE = 0x2000, PARAMS_CMDLINE = 0x1000, CMDLINE_OLD = 255,
       EBDA = 0x9FC00 /* a PC's firmware keeps the last KB of low memory */ };
/* Fields of the setup header, by offset in the file and in the zero page alike. */
enum { H_SETUP_SECTS = 0x1F1, H_SYSSIZE = 0x1F4, H_BOOT_FLAG = 0x1FE, H_JUMP = 0x201, H_MAGIC = 0x202, H_VERSION = 0x206,
       H_LOADER = 0x210, H_LOADFLAGS = 0x211, H_CODE32 = 0x214, H_RAMDISK = 0x218, H_RAMDISK_SIZE = 0x21C,
       H_CMD_LINE = 0x228, H_INITRD_MAX = 0x22C, H_RELOCATABLE = 0x234, H_CMDLINE_SIZE = 0x238, H_PREFERRED = 0x258,
       H_INIT_SIZE = 0x260, H_END = 0x268 };
enum { LOADED_HIGH = 1, QUIET_FLAG = 1 << 5, LOADER_UNDEFINED = 0xFF, INITRD_MAX_OLD = 0x37FFFFFF };
/* Of the zero page only: the screen, memory sizes, the map. */
enum { Z_EXT_MEM = 0x02, Z_MODE = 0x06, Z_COLUMNS = 0x07, Z_LINES = 0x0E, Z_IS_VGA = 0x0F, Z_POINTS = 0x10, Z_ALT_MEM = 0x1E0,
       Z_MAP_ROWS = 0x1E8, Z_MAP = 0x2D0, MAP_ROW = 20 };

static unsigned version(const struct source *s) { return loader_word(s, H_VERSION) & 0xFFFF; }

bool linux_is(const struct source *s) { return loader_holds(s, H_MAGIC, "HdrS", 4); }

/* The command line's room, by the header or by custom. */
static size_t cmdline_most(const struct source *s)
{
    size_t most = version(s) >= 0x206 ? loader_word(s, H_CMDLINE_SIZE) : CMDLINE_OLD;
    return most < PARAMS_SIZE - PARAMS_CMDLINE - 1 ? most : PARAMS_SIZE - PARAMS_CMDLINE - 1;
}

static bool check_header(const struct source *s, const struct plan *plan)
{
    if (s->size < H_END)
        return loader_refuse(s, "truncated: a Linux setup header reaches to byte %d, the file has %zu; copy it again", H_END,
                             s->size);
    if (version(s) < 0x202)
        return loader_refuse(s, "a Linux kernel with boot protocol %u.%02u, 2.02 is the oldest supported; use a kernel from "
                             "2.4 on", version(s) >> 8, version(s) & 0xFF);
    if (!(s->bytes[H_LOADFLAGS] & LOADED_HIGH))
        return loader_refuse(s, "a Linux zImage, loaded below 640 KB: not supported; build a bzImage");
    if (strlen(plan->cmdline) > cmdline_most(s))
        return err_set(s->e, EXIT_USAGE, "%.200s: the command line has %zu bytes, this kernel takes %zu; shorten --append",
                       s->path, strlen(plan->cmdline), cmdline_most(s));
    return true;
}

bool linux_plan(const struct source *s, struct plan *plan)
{
    if (!check_header(s, plan)) return false;
    unsigned sectors = s->bytes[H_SETUP_SECTS] ? s->bytes[H_SETUP_SECTS] : 4;
    uint64_t offset = (sectors + 1ull) * 512, size = 16ull * loader_word(s, H_SYSSIZE);
    /* The last paragraph of old kernels may be cut; a kernel has megabytes, so one that lacks more was not copied whole. */
    if (offset >= s->size || offset + size > s->size + 15)
        return loader_refuse(s, "truncated: the kernel wants bytes %llu..%llu, the file has %zu; copy it again", ULL(offset),
                             ULL(offset + size), s->size);
    if (!size || offset + size > s->size) size = s->size - offset;
    bool chooses = version(s) >= 0x20A && s->bytes[H_RELOCATABLE];
    uint64_t at = chooses ? loader_word(s, H_PREFERRED) : HOLE_HIGH;
    uint64_t memory = version(s) >= 0x20A && loader_word(s, H_INIT_SIZE) > size ? loader_word(s, H_INIT_SIZE) : size;
    plan->kind = IMAGE_LINUX;
    plan->piece[plan->count++] = (struct piece){ .name = "the kernel", .offset = offset, .file = size, .at = at,
                                                 .memory = memory, .virt = at, .keep = true };
    plan->entry = at;
    plan->info = PARAMS;
    plan->info_size = PARAMS_SIZE;
    plan->attach_high = true;
    plan->attach_end = (version(s) >= 0x203 ? loader_word(s, H_INITRD_MAX) : (uint64_t)INITRD_MAX_OLD) + 1;
    return true;
}

static void put(uint8_t *page, unsigned at, uint32_t v, unsigned bytes) { memcpy(page + at, &v, bytes); }

static void put_range(uint8_t *page, uint64_t base, uint64_t end, uint32_t type)
{
    if (end <= base) return;
    uint64_t row[2] = { base, end - base };
    uint8_t *at = page + Z_MAP + page[Z_MAP_ROWS]++ * MAP_ROW;
    memcpy(at, row, sizeof row);
    memcpy(at + sizeof row, &type, sizeof type);
}

static void put_memory(uint8_t *page, uint64_t ram)
{
    uint64_t upper = ram > HOLE_HIGH ? (ram - HOLE_HIGH) / 1024 : 0;
    put(page, Z_EXT_MEM, (uint32_t)(upper < 0xFFFF ? upper : 0xFFFF), 2);
    put(page, Z_ALT_MEM, (uint32_t)upper, 4);
    put_range(page, 0, EBDA, 1);
    put_range(page, EBDA, HOLE_LOW, 2);
    put_range(page, 0xF0000, HOLE_HIGH, 2);
    put_range(page, HOLE_HIGH, ram, 1);
}

void linux_inform(struct bus *mem, const struct source *s, const struct plan *plan, struct image *out)
{
    uint8_t page[PARAMS_SIZE] = { 0 };
    unsigned header_end = H_MAGIC + s->bytes[H_JUMP];
    if (header_end > H_END) header_end = H_END;
    memcpy(page + H_SETUP_SECTS, s->bytes + H_SETUP_SECTS, header_end - H_SETUP_SECTS);
    page[H_LOADER] = LOADER_UNDEFINED;
    page[H_LOADFLAGS] &= (uint8_t)~QUIET_FLAG;
    put(page, H_CODE32, out->entry, 4);
    put(page, H_CMD_LINE, PARAMS + PARAMS_CMDLINE, 4);
    put(page, H_RAMDISK, plan->attachments ? plan->attached[0].at : 0, 4);
    put(page, H_RAMDISK_SIZE, plan->attachments ? (uint32_t)plan->attached[0].file.len : 0, 4);
    page[Z_MODE] = 3;
    page[Z_COLUMNS] = 80;
    page[Z_LINES] = 25;
    page[Z_IS_VGA] = 1;
    page[Z_POINTS] = 16;
    put_memory(page, (uint64_t)mem->frames * PAGE_SIZE);
    memcpy(page + PARAMS_CMDLINE, plan->cmdline, strlen(plan->cmdline) + 1);
    bus_poke(mem, hpa(PARAMS), page, sizeof page);
    out->esi = PARAMS;
}
