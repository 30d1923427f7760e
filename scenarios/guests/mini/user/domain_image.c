// The service domain's domain builder: a paravirtual kernel in a file becomes another domain's memory.
//
// Idea: the file says in ELF notes of the name "Xen" where its linear space begins and where it is entered. Its parts go to the hypervisor,
// which checks them, and makes the first page tables (sim/vmm/paravirt_load.c).
// Manual: Xen public headers, elfnote.h; ELF specification 1.2, program headers.
// Not here: kernels with PAE, initial RAM disks, the older section __xen_guest, other word sizes.
#include "mini/user/domain.h"

enum { LOADED = 1, NOTES = 4, ENTRY = 1, HYPERCALLS, BASE, OFFSET, KINDS, ELF_MAGIC = 0x464C457F, ELF_32 = 1, XEN_NAME = 0x6E6558 };

struct header { uint32_t magic; uint8_t bits, order, rest[10]; uint16_t type, machine; uint32_t version, entry, parts, sections, flags; uint16_t size, part_size, part_count; };
struct part { uint32_t type, offset, linear, physical, bytes, memory, flags, align; };
struct file { const uint8_t *at; uint32_t size; };

static bool holds(const struct file *f, uint32_t offset, uint32_t bytes) { return offset <= f->size && bytes <= f->size - offset; }

static bool take(const char *path, struct file *f)
{
    struct stat s;
    int fd = open_or_complain("domain", path), n = 0;
    if (fd < 0 || stat(fd, &s)) return false;
    uint8_t *to = allocate(s.size);
    while (f->size < s.size && (n = read(fd, to + f->size, s.size - f->size)) > 0) f->size += (uint32_t)n;
    f->at = to;
    close(fd);
    return f->size == s.size;
}

static uint32_t number_at(const struct file *f, uint32_t offset)
{
    uint32_t w = 0;
    if (holds(f, offset, 4)) memcpy(&w, f->at + offset, 4);
    return w;
}

// Each: bytes of the name, bytes of the content, kind, name, content; both to multiples of four.
static bool notes(const struct file *f, const struct part *p, uint32_t value[KINDS])
{
    bool any = false;
    for (uint32_t at = p->offset, end = p->offset + p->bytes; at + 12 <= end && holds(f, at, 12); ) {
        uint32_t name = (number_at(f, at) + 3) & ~3u, content = (number_at(f, at + 4) + 3) & ~3u, kind = number_at(f, at + 8);
        if (name > p->bytes || content > p->bytes) break;
        if (number_at(f, at + 12) == XEN_NAME) {
            any = true;
            if (kind < KINDS && content == 4) value[kind] = number_at(f, at + 12 + name);
        }
        at += 12 + name + content;
    }
    return any;
}

static int load(int number, const struct file *f, const struct part *p, uint32_t at)
{
    for (uint32_t done = 0; done < p->bytes; done += DISK_PIECE) {
        uint32_t some = p->bytes - done < DISK_PIECE ? p->bytes - done : DISK_PIECE;
        struct domain_piece piece = { at + done, some, (uint32_t)(f->at + p->offset + done) };
        int error = domain(DOMAIN_LOAD, number, &piece);
        if (error) return error;
    }
    return 0;
}

static const struct part *part(const struct file *f, const struct header *h, uint32_t n) { return (const struct part *)(f->at + h->parts + n * sizeof(struct part)); }

// What is wrong with it; NULL: nothing.
static const char *look(const struct file *f, const struct header **h, uint32_t value[KINDS])
{
    bool any = false;
    *h = (const struct header *)f->at;
    if (!holds(f, 0, sizeof **h) || (*h)->magic != ELF_MAGIC || (*h)->bits != ELF_32) return "not a 32-bit ELF file";
    if ((*h)->part_size != sizeof(struct part) || !holds(f, (*h)->parts, (*h)->part_count * sizeof(struct part))) return "an ELF file without program headers";
    value[ENTRY] = (*h)->entry;
    for (uint32_t n = 0; n < (*h)->part_count; n++) {
        const struct part *p = part(f, *h, n);
        if (p->type == LOADED && !holds(f, p->offset, p->bytes)) return "a file that was cut off";
        if (p->type == NOTES) any |= notes(f, p, value);
    }
    return any ? NULL : "not a paravirtual kernel: it has no notes for Xen";
}

int domain_from_image(int number, const char *path, const char *words)
{
    struct file f = { 0 };
    const struct header *h;
    uint32_t value[KINDS] = { 0 }, end = 0;
    if (!take(path, &f)) return 1;
    const char *wrong = look(&f, &h, value);
    if (wrong) {
        eprintf("domain: %s: %s\n", path, wrong);
        return 1;
    }
    int error = domain(DOMAIN_EMPTY, number, NULL);
    for (uint32_t n = 0; n < h->part_count && !error; n++) {
        const struct part *p = part(&f, h, n);
        if (p->type != LOADED) continue;
        uint32_t at = p->physical - value[OFFSET];
        error = load(number, &f, p, at);
        if (at + p->memory > end) end = at + p->memory;
    }
    struct domain_image image = { value[BASE], value[ENTRY], end, value[HYPERCALLS], (uint32_t)words };
    if (!error) error = domain(DOMAIN_BUILD, number, &image);
    return domain_failed("create", number, error);
}
