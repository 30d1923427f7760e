/* See loader.h; one file per format beside this one. What is here is common: the checks of a plan, carrying it out, other
 * files loaded along, and a word on files that are none of ours. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "sim/loader_plan.h"

enum { FILE_MAX = 512 << 20 };

bool loader_refuse(const struct source *s, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_set(s->e, EXIT_INPUT, "%.200s: %s", s->path, text);
}

uint32_t loader_word(const struct source *s, uint64_t offset)
{
    uint32_t v;
    memcpy(&v, s->bytes + offset, sizeof v);
    return v;
}

bool loader_holds(const struct source *s, uint64_t offset, const void *bytes, size_t n)
{
    return offset + n <= s->size && !memcmp(s->bytes + offset, bytes, n);
}

/* ---- The plan: checked as a whole before a byte is moved. ---- */

static bool check_bytes(const struct source *s, const struct piece *p)
{
    if (p->offset + p->file > s->size)
        return loader_refuse(s, "truncated: %s wants bytes %llu..%llu, the file has %zu; rebuild the image", p->name,
                      ULL(p->offset), ULL(p->offset + p->file), s->size);
    if (p->file > p->memory)
        return loader_refuse(s, "broken: %s has %llu bytes in the file but only %llu in memory; rebuild the image", p->name,
                      ULL(p->file), ULL(p->memory));
    return true;
}

static bool check_ram(const struct source *s, const struct plan *plan, const struct bus *mem)
{
    uint64_t top = plan->info + (uint64_t)plan->info_size, ram = (uint64_t)mem->frames * PAGE_SIZE;
    for (unsigned i = 0; i < plan->count; i++) {
        uint64_t end = plan->piece[i].at + plan->piece[i].memory;
        if (end > ram && plan->note && plan->piece[i].at == plan->note)
            return loader_refuse(s, "its build-id note is linked at %llX, the machine has %u MB; link it with "
                          "-Wl,--build-id=none", ULL(plan->note), (unsigned)(ram / MIB));
        if (end > top) top = end;
    }
    if (top <= ram) return true;
    unsigned need = (unsigned)((top + MIB - 1) / MIB), fit = 1;
    if (need > MIB_MAX)
        return loader_refuse(s, "wants memory up to %u MB, a machine has at most %d MB; link it lower, 1 MB is usual", need,
                      MIB_MAX);
    while (fit < need) fit *= 2;
    return loader_refuse(s, "wants memory up to %u MB, the machine has %u MB; use --ram %uM", need, (unsigned)(ram / MIB),
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
        if (plan->kind != IMAGE_XEN && overlap(p, HOLE_LOW, HOLE_HIGH)) taken = "A0000..100000 is video memory and firmware";
        else if (plan->info_size && overlap(p, plan->info, plan->info + plan->info_size))
            taken = plan->kind == IMAGE_LINUX ? "90000..92000 is for the zero page"
                                              : "9000..A000 is for the Multiboot information";
        if (taken)
            return loader_refuse(s, "%s wants memory %llX..%llX, but %s; link it at 1 MB with -Ttext=0x100000", p->name,
                          ULL(p->at), ULL(p->at + p->memory), taken);
        for (unsigned j = 0; j < i; j++)
            if (overlap(p, plan->piece[j].at, plan->piece[j].at + plan->piece[j].memory))
                return loader_refuse(s, "broken: %s and %s overlap in memory at %llX; check the linker script",
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
    return loader_refuse(s, "the entry point %llX lies in nothing that is loaded; name it with ENTRY() in the linker script "
                  "or ld -e", ULL(plan->entry));
}

/* Only who knows what to do with a file gets one: a Multiboot kernel any number, the RAM disk being the first; a Linux kernel
 * one as RAM disk; a paravirtual kernel one, whatever it is called. */
static bool check_wanted(const struct source *s, const struct plan *plan, const struct load_order *order)
{
    if (plan->kind == IMAGE_MULTIBOOT) return true;
    if (plan->kind == IMAGE_XEN && plan->attachments > 1)
        return err_set(s->e, EXIT_USAGE, "--module %.200s: %.200s, a paravirtual kernel, is brought one file only",
                       plan->attached[1].path, s->path);
    if (order->initrd && plan->kind != IMAGE_LINUX && plan->kind != IMAGE_XEN)
        return err_set(s->e, EXIT_USAGE, "--initrd %.200s: %.200s is no Linux and no Multiboot kernel; leave the RAM disk out",
                       order->initrd, s->path);
    if (order->modules && plan->kind != IMAGE_XEN)
        return err_set(s->e, EXIT_USAGE, "--module %.200s: %.200s is no Multiboot kernel; %s", order->module[0].path, s->path,
                       plan->kind == IMAGE_LINUX ? "a Linux kernel takes --initrd" : "leave the module out");
    return true;
}

/* Behind the image, each on its own page; or as high as the kernel can reach. */
static bool place_attachments(const struct source *s, struct plan *plan, const struct bus *mem)
{
    uint64_t ram = (uint64_t)mem->frames * PAGE_SIZE, high = plan->kind == IMAGE_XEN ? 0 : HOLE_HIGH;
    uint64_t end = plan->attach_end < ram ? plan->attach_end : ram;
    for (unsigned i = 0; i < plan->count; i++)
        if (plan->piece[i].at + plan->piece[i].memory > high) high = plan->piece[i].at + plan->piece[i].memory;
    for (unsigned i = 0; i < plan->attachments; i++) {
        struct attachment *a = &plan->attached[i];
        high = (high + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
        if (high + a->file.len > end)
            return err_set(s->e, EXIT_INPUT, "%.200s: %zu bytes do not fit behind %.200s, which ends at %llX, and below %llX; "
                           "use a larger --ram", a->path, a->file.len, s->path, ULL(high), ULL(end));
        a->at = (uint32_t)(plan->attach_high ? (end - a->file.len) & ~(uint64_t)(PAGE_SIZE - 1) : high);
        high += a->file.len;
    }
    return true;
}

static bool check_plan(const struct source *s, struct plan *plan, const struct bus *mem)
{
    bool pc = plan->kind != IMAGE_XEN; /* pseudo-physical memory has no holes */
    if (pc) drop_headers_in_hole(plan);
    if (!plan->count) return loader_refuse(s, "nothing to load: it has no loadable bytes; check the linker script");
    for (unsigned i = 0; i < plan->count; i++)
        if (!check_bytes(s, &plan->piece[i])) return false;
    return check_ram(s, plan, mem) && check_places(s, plan) && settle_entry(s, plan) && place_attachments(s, plan, mem);
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
        if (!p->keep) zero(mem, p->at + p->file, p->memory - p->file);
        if (p->at < low) low = p->at;
        if (p->at + p->memory > high) high = p->at + p->memory;
    }
    out->low = (uint32_t)low, out->high = (uint32_t)high;
    out->entry = (uint32_t)plan->entry;
    out->kind = plan->kind;
    out->virt_base = plan->virt_base, out->hypercall_page = plan->hypercall_page, out->pae = plan->pae;
    if (plan->kind == IMAGE_XEN && plan->attachments) {
        out->mod_start = plan->attached[0].at;
        out->mod_len = (uint32_t)plan->attached[0].file.len;
    }
    for (unsigned i = 0; i < plan->attachments; i++)
        bus_poke(mem, hpa(plan->attached[i].at), plan->attached[i].file.s, plan->attached[i].file.len);
    if (plan->kind == IMAGE_MULTIBOOT) multiboot_inform(mem, s, plan, out);
    if (plan->kind == IMAGE_LINUX) linux_inform(mem, s, plan, out);
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
        { 0, 2, "\x1F\x8B", "a gzip archive; unpack it with gunzip" },
        { 0, 6, "\xFD" "7zXZ", "an xz archive; unpack it with unxz" },
        { 0, 2, "#!", "a script, not an image; name a Multiboot or ELF file" },
        { 0, 8, "!<arch>\n", "a library archive; link it with ld -m elf_i386" },
        { 510, 2, "\x55\xAA", "a boot sector or disk image, which only firmware can load" },
        { 0, 2, "MZ", "a DOS or Windows program; build an ELF with gcc -m32" },
    };
    enum { MB_MAGIC = 0x1BADB002, MB_SEARCH = 8192, MB_HEADER = 12 };
    const uint32_t mb2_magic = 0xE85250D6u;
    if (!s->size) return loader_refuse(s, "empty file; rebuild the image");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (loader_holds(s, known[i].offset, known[i].bytes, known[i].length)) return loader_refuse(s, "%s", known[i].what);
    for (uint64_t at = 0; at + 16 <= s->size && at < 32768; at += 8)
        if (loader_word(s, at) == mb2_magic)
            return loader_refuse(s, "a Multiboot 2 image: not supported yet; use Multiboot 1 or ELF");
    for (uint64_t at = 0; at + MB_HEADER <= s->size && at + MB_HEADER <= MB_SEARCH; at += 4)
        if (loader_word(s, at) == MB_MAGIC)
            return loader_refuse(s, "the Multiboot header at byte %llu has a wrong checksum: the sum is %X, expected 0; "
                          "correct it", ULL(at), MB_MAGIC + loader_word(s, at + 4) + loader_word(s, at + 8));
    if (is_text(s)) return loader_refuse(s, "a text file, not a Multiboot or ELF image; assemble or compile it first");
    return loader_refuse(s, "not a Multiboot or ELF image; build one with gcc -m32 -ffreestanding -nostdlib");
}

static uint64_t fnv1a(uint64_t h, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) h = (h ^ ((const uint8_t *)bytes)[i]) * 0x100000001B3u;
    return h;
}

bool loader_port(const char *image, char *port, size_t room)
{
    const char *dot = strrchr(image, '.');
    int stem = dot && !strchr(dot, '/') ? (int)(dot - image) : (int)strlen(image);
    struct stat st;
    return *image && (size_t)snprintf(port, room, "%.*s-pv%s", stem, image, image + stem) < room && !stat(port, &st) && S_ISREG(st.st_mode);
}

/* A paravirtual kernel and a plain one are not exchangeable; nothing would tell why one just dies in the other's place. */
static bool plan_paravirtual(const struct source *s, struct plan *plan)
{
    if (xen_is(s)) return xen_plan(s, plan);
    char port[160];
    bool ported = loader_port(s->path, port, sizeof port);
    return err_set(s->e, EXIT_USAGE, "%.140s: --cpu pv runs ported kernels only, and this one says nowhere that it is one (no Xen note, no "
                   "__xen_guest section): it would execute privileged instructions in ring 1. %s%s%s", s->path,
                   ported ? "Its port: ringside run " : "Use another --cpu, or port it", ported ? port : "", ported ? " --cpu pv" : "");
}

static bool plan_image(const struct source *s, struct plan *plan, bool paravirtual)
{
    if (paravirtual) return plan_paravirtual(s, plan);
    int64_t header = multiboot_find(s);
    if (header < 0 && xen_is(s))
        return err_set(s->e, EXIT_USAGE, "%.200s: a kernel ported to a paravirtual interface: it begins with paging on, in ring 1, and "
                       "makes hypercalls, which nobody but --cpu pv would answer", s->path);
    if (header >= 0) return multiboot_plan(s, plan, (uint64_t)header);
    if (elf_is(s)) return elf_plan(s, plan);
    if (linux_is(s)) return linux_plan(s, plan);
    return refuse_foreign(s);
}

static bool load(struct bus *mem, const struct load_order *order, const struct source *s, struct plan *plan,
                 struct image *out)
{
    if (!plan_image(s, plan, order->paravirtual) || !check_wanted(s, plan, order) || !check_plan(s, plan, mem)) return false;
    carry_out(s, plan, mem, out);
    symbols_read(&out->symbols, s->bytes, s->size);
    out->hash = fnv1a(0xCBF29CE484222325u, s->bytes, s->size);
    for (unsigned i = 0; i < plan->attachments; i++)
        out->hash = fnv1a(out->hash, plan->attached[i].file.s, plan->attached[i].file.len);
    snprintf(out->path, sizeof out->path, "%s", s->path);
    return true;
}

bool loader_load_bytes(struct bus *mem, const char *name, const uint8_t *bytes, size_t size, const char *cmdline,
                       struct image *out, struct err *e)
{
    struct source s = { name, bytes, size, e };
    struct plan plan = { .cmdline = cmdline ? cmdline : "" };
    *out = (struct image){ 0 };
    return load(mem, &(struct load_order){ .path = name }, &s, &plan, out);
}

/* A pipe or a device could keep us waiting, or never end. */
static bool read_file(struct text *file, const char *path, struct err *e)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return err_set(e, EXIT_INPUT, "%.200s: cannot open: %s; check the path", path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return err_set(e, EXIT_INPUT, "%.200s: a directory, not an image; name a file in it", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, EXIT_INPUT, "%.200s: not a regular file; copy what it holds into one", path);
    return text_read(file, path, FILE_MAX, e);
}

static bool attach(struct plan *plan, const char *path, const char *string, struct err *e)
{
    struct attachment *a = &plan->attached[plan->attachments++];
    *a = (struct attachment){ .path = path, .string = string };
    return read_file(&a->file, path, e);
}

static bool read_all(const struct load_order *order, struct text *file, struct plan *plan, struct err *e)
{
    if (!read_file(file, order->path, e)) return false;
    if (order->initrd && !attach(plan, order->initrd, "", e)) return false;
    for (unsigned i = 0; i < order->modules; i++)
        if (!attach(plan, order->module[i].path, order->module[i].string, e)) return false;
    return true;
}

bool loader_is_disk(const char *path)
{
    enum { SECTOR = 512, PREFIX = 8192 };
    uint8_t bytes[PREFIX];
    struct stat st;
    FILE *f = stat(path, &st) == 0 && S_ISREG(st.st_mode) ? fopen(path, "rb") : NULL;
    if (!f) return false;
    struct source s = { path, bytes, fread(bytes, 1, sizeof bytes, f), NULL };
    fclose(f);
    int64_t header = multiboot_find(&s);
    return loader_holds(&s, SECTOR - 2, "\x55\xAA", 2) && !elf_is(&s) && !linux_is(&s) && (header < 0 || header >= SECTOR);
}

bool loader_load(struct bus *mem, const struct load_order *order, struct image *out, struct err *e)
{
    struct text file = { 0 };
    struct plan plan = { .cmdline = order->cmdline ? order->cmdline : "" };
    *out = (struct image){ 0 };
    bool ok = read_all(order, &file, &plan, e);
    if (ok) ok = load(mem, order, &(struct source){ order->path, (const uint8_t *)file.s, file.len, e }, &plan, out);
    for (unsigned i = 0; i < plan.attachments; i++) text_free(&plan.attached[i].file);
    text_free(&file);
    return ok;
}

void image_done(struct image *image)
{
    symbols_free(&image->symbols);
    *image = (struct image){ 0 };
}
