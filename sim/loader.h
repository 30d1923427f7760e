/* Loading an image: which file format is this, where do its bytes go, in which state does the CPU enter it?
 *
 * Idea 1: the file decides by its content: a Multiboot header in the first 8 KB, else an ELF header, else Linux's, else it
 * is refused by what it looks like. Idea 2: first a plan (pieces of file -> ranges of memory) is drawn up and checked as a
 * whole in 64-bit arithmetic, then it is carried out; a refused image has not touched memory.
 *
 * Multiboot Specification 0.6.96; System V ABI, i386 supplement; Linux boot protocol. The CPU enters all of them in flat
 * 32-bit protected mode, paging and interrupts off. Not supported, and said so: graphics modes, Multiboot 2, zImage. */
#ifndef SIM_LOADER_H
#define SIM_LOADER_H

#include "sim/core/bus.h"
#include "sim/symbols.h"

enum image_kind { IMAGE_ELF, IMAGE_MULTIBOOT, IMAGE_LINUX, IMAGE_XEN /* paravirtual; loader_xen.c */ };

struct image {
    uint32_t entry;         /* physical address of the first instruction */
    uint32_t eax, ebx;      /* registers at entry: Multiboot's magic and information structure, else 0 */
    uint32_t esi;           /* Linux: its zero page, else 0 */
    enum image_kind kind;
    uint32_t virt_base, hypercall_page; /* paravirtual: linear addresses; `entry`, `low`, `high` are pseudo-physical */
    bool     pae;                       /* paravirtual: its page tables have entries of 8 bytes */
    uint32_t mod_start, mod_len;        /* and its initial RAM disk */
    uint32_t low, high;     /* memory the image occupies: [low, high), information structure not included */
    uint64_t hash;          /* FNV-1a of the file */
    struct symbols symbols; /* by virtual address; on the heap */
    char     path[512];     /* as given, for messages; cut if longer */
};

enum { LOADER_INFO = 0x9000, LOADER_INFO_SIZE = 0x1000 }; /* where the Multiboot information goes */

enum { LOADER_ATTACHED = 16 };

/* What is to be loaded. Strings are the caller's. */
struct load_order {
    const char *path;
    const char *cmdline;  /* may be NULL; reaches Multiboot and Linux kernels */
    const char *initrd;   /* a Linux kernel's initial RAM disk, or NULL */
    struct load_module { const char *path, *string; } module[LOADER_ATTACHED]; /* a Multiboot kernel's modules */
    unsigned    modules;
    bool        paravirtual; /* the kernel runs in a paravirtual domain; else on a PC, real or virtual */
};

/* Loads files into `mem`, the board's bus or a virtual one. On failure: one line in `e` (EXIT_INPUT; EXIT_USAGE for the
 * command line and for files the image cannot take), memory untouched, `out` empty. */
bool loader_load(struct bus *mem, const struct load_order *order, struct image *out, struct err *e);
/* The same for one file in memory; `name` stands for it in messages. */
bool loader_load_bytes(struct bus *mem, const char *name, const uint8_t *bytes, size_t size, const char *cmdline,
                       struct image *out, struct err *e);
/* Is this file a boot sector or a disk: 55 AA at the end of its first sector, and no kernel of any kind? A Multiboot header
 * counts only within that sector: boot loaders on a disk have one, too. False if the file cannot be read. */
bool loader_is_disk(const char *path);
/* The same kernel ported to a paravirtual interface: NAME-pv.elf beside NAME.elf; false: there is none. */
bool loader_port(const char *image, char *port, size_t room);
void image_done(struct image *image); /* frees what it holds */

#endif
