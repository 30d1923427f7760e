/* The inside of the loader, shared by loader.c and one file per format; nobody else includes this.
 *
 * A format's function reads the file and fills the plan, or refuses with one line. Nothing here touches memory: the plan is
 * checked as a whole (loader.c) and carried out only if every byte of it has a place. */
#ifndef SIM_LOADER_PLAN_H
#define SIM_LOADER_PLAN_H

#include "sim/core/text.h"
#include "sim/loader.h"

enum { PIECES = 64, HOLE_LOW = 0xA0000, HOLE_HIGH = 0x100000, MIB = 1 << 20, MIB_MAX = 2048 };
#define ULL(x) ((unsigned long long)(x))

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
    bool     keep;     /* what lies behind the file's bytes is only reserved, not cleared */
};

/* A file that is loaded along with the image: a Multiboot module or the initial RAM disk. */
struct attachment {
    const char *path, *string;
    struct text file;
    uint32_t    at;    /* physical address, a page's first; settled after the image's own place */
};

struct plan {
    struct piece piece[PIECES];
    unsigned     count;
    uint64_t     entry;
    uint64_t     headers; /* ELF: bytes of ELF and program headers at the start of the file */
    uint64_t     note;    /* ELF: where the linker put a note, 0: nowhere */
    enum image_kind kind;
    uint32_t     virt_base, hypercall_page; /* paravirtual */
    bool         pae;
    const char  *cmdline;
    uint32_t     info, info_size; /* memory that the information for the kernel takes; size 0: none */
    struct attachment attached[LOADER_ATTACHED];
    unsigned     attachments;
    uint64_t     attach_end;      /* attachments end at or below this address ... */
    bool         attach_high;     /* ... and as high as possible; else they follow the image */
};

/* Sets the error, EXIT_INPUT, with the file's name in front; returns false. */
__attribute__((format(printf, 2, 3))) bool loader_refuse(const struct source *s, const char *fmt, ...);
/* A little-endian word of the file; the caller knows that it is there. */
uint32_t loader_word(const struct source *s, uint64_t offset);
bool     loader_holds(const struct source *s, uint64_t offset, const void *bytes, size_t n);

/* One per format: whether the file is of it, and its plan. */
int64_t multiboot_find(const struct source *s); /* offset of the header, or -1 */
bool    multiboot_plan(const struct source *s, struct plan *plan, uint64_t header);
bool    elf_is(const struct source *s);
bool    elf_plan(const struct source *s, struct plan *plan);
bool    xen_is(const struct source *s);
bool    xen_plan(const struct source *s, struct plan *plan);
bool    linux_is(const struct source *s);
bool    linux_plan(const struct source *s, struct plan *plan);

/* What the kernel is told, written behind the image; they also set the entry registers. Cannot fail. */
void multiboot_inform(struct bus *mem, const struct source *s, const struct plan *plan, struct image *out);
void linux_inform(struct bus *mem, const struct source *s, const struct plan *plan, struct image *out);

#endif
