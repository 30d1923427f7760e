/* Paravirtual kernels: ELF files that say what they need of a Xen 3 domain builder. See loader.h.
 *
 * They say it in ELF notes of the name "Xen", or, older ones, in a section __xen_guest of KEY=VALUE words. What is loaded where
 * is the builder's pseudo-physical memory; the kernel runs mapped from its virtual base on. Xen 3 elfnote.h and its loader's
 * defaults. A kernel that can do with PAE and without gets none. Refused: another version's interface, features that this hypervisor lacks. */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/loader_plan.h"
#include "sim/mmu/direct.h"

enum { NOTE_ENTRY = 1, NOTE_HYPERCALL_PAGE = 2, NOTE_VIRT_BASE = 3, NOTE_PADDR_OFFSET = 4, NOTE_XEN_VERSION = 5, NOTE_LOADER = 8,
       NOTE_PAE = 9, NOTE_FEATURES = 10, NOTE_HOLE = 12, NOTE_PHYS32_ENTRY = 18 };
enum { TEXT_ROOM = 256 };
#define UNSET UINT64_MAX

struct wants {
    bool     noted, legacy;
    uint64_t entry, hypercall_page, virt_base, paddr_offset, hole;
    char     version[TEXT_ROOM], loader[TEXT_ROOM], pae[TEXT_ROOM], features[TEXT_ROOM];
};

static void take_text(char *to, const uint8_t *from, uint64_t n)
{
    if (n >= TEXT_ROOM) n = TEXT_ROOM - 1;
    memcpy(to, from, (size_t)n);
    to[n] = 0;
}

static uint64_t number(const uint8_t *at, uint64_t n)
{
    uint64_t v = 0;
    if (n == 4 || n == 8) memcpy(&v, at, (size_t)n);
    return n == 4 || n == 8 ? v : UNSET;
}

static void take_note(struct wants *w, uint32_t type, const uint8_t *at, uint64_t n)
{
    if (type == NOTE_PHYS32_ENTRY) return; /* where a fully virtual domain would be entered: that alone makes no ported kernel (Linux's vmlinux has it) */
    w->noted = true;
    switch (type) {
    case NOTE_ENTRY: w->entry = number(at, n); break;
    case NOTE_HYPERCALL_PAGE: w->hypercall_page = number(at, n); break;
    case NOTE_VIRT_BASE: w->virt_base = number(at, n); break;
    case NOTE_PADDR_OFFSET: w->paddr_offset = number(at, n); break;
    case NOTE_HOLE: w->hole = number(at, n); break;
    case NOTE_XEN_VERSION: take_text(w->version, at, n); break;
    case NOTE_LOADER: take_text(w->loader, at, n); break;
    case NOTE_PAE: take_text(w->pae, at, n); break;
    case NOTE_FEATURES: take_text(w->features, at, n); break;
    default: break;
    }
}

/* Notes: { name size, content size, type }, name, content, each to 4 bytes. Where a segment ends says only whether another one begins, and a
 * text ends at its zero: GRUB's tool writes "yes" about PAE as 12 bytes, of which the file has 4, and Xen's builder understands that. */
static void read_notes(const struct source *s, uint64_t offset, uint64_t size, struct wants *w)
{
    uint64_t end = offset + size;
    if (end > s->size) return;
    while (offset + 12 <= end) {
        uint64_t name = loader_word(s, offset), content = loader_word(s, offset + 4);
        uint64_t at = offset + 12 + ((name + 3) & ~UINT64_C(3)), next = at + ((content + 3) & ~UINT64_C(3));
        if (at > s->size) return;
        if (content > s->size - at) content = s->size - at;
        if (name == 4 && loader_holds(s, offset + 12, "Xen", 4)) take_note(w, loader_word(s, offset + 8), s->bytes + at, content);
        offset = next;
    }
}

static void take_word(struct wants *w, const char *key, const char *value)
{
    uint64_t n = strtoull(value, NULL, 0);
    if (!strcmp(key, "VIRT_BASE")) w->virt_base = n;
    else if (!strcmp(key, "VIRT_ENTRY")) w->entry = n;
    else if (!strcmp(key, "ELF_PADDR_OFFSET")) w->paddr_offset = n;
    else if (!strcmp(key, "HYPERCALL_PAGE")) w->hypercall_page = n; /* in pages from the base: settled when that is known */
    else if (!strcmp(key, "XEN_VER")) snprintf(w->version, sizeof w->version, "%s", value);
    else if (!strcmp(key, "LOADER")) snprintf(w->loader, sizeof w->loader, "%s", value);
    else if (!strcmp(key, "PAE")) snprintf(w->pae, sizeof w->pae, "%s", value);
    else if (!strcmp(key, "FEATURES")) snprintf(w->features, sizeof w->features, "%s", value);
}

static void read_words(const struct source *s, uint64_t offset, uint64_t size, struct wants *w)
{
    char text[1024] = "", *rest = NULL;
    if (offset + size > s->size || size >= sizeof text) return;
    memcpy(text, s->bytes + offset, (size_t)size);
    for (char *word = strtok_r(text, ", \t\n", &rest); word; word = strtok_r(NULL, ", \t\n", &rest)) {
        char *equals = strchr(word, '=');
        if (!equals) continue;
        *equals = 0;
        take_word(w, word, equals + 1);
    }
    w->legacy = true;
    if (w->virt_base == UNSET) w->virt_base = 0;
    if (w->hypercall_page != UNSET) w->hypercall_page = w->virt_base + w->hypercall_page * PAGE_SIZE;
}

static bool section(const struct source *s, const Elf32_Ehdr *h, unsigned n, Elf32_Shdr *sh)
{
    uint64_t at = (uint64_t)h->e_shoff + (uint64_t)n * sizeof *sh;
    if (h->e_shentsize != sizeof *sh || n >= h->e_shnum || at + sizeof *sh > s->size) return false;
    memcpy(sh, s->bytes + at, sizeof *sh);
    return true;
}

static struct wants read_wants(const struct source *s)
{
    struct wants w = { .entry = UNSET, .hypercall_page = UNSET, .virt_base = UNSET, .paddr_offset = UNSET, .hole = UNSET };
    Elf32_Ehdr h;
    Elf32_Shdr sh, names = { 0 };
    if (!elf_is(s) || s->size < sizeof h) return w;
    memcpy(&h, s->bytes, sizeof h);
    if (h.e_ident[EI_CLASS] != ELFCLASS32) return w;
    for (unsigned i = 0; i < h.e_phnum && h.e_phentsize == sizeof(Elf32_Phdr); i++) {
        Elf32_Phdr ph;
        uint64_t at = (uint64_t)h.e_phoff + (uint64_t)i * sizeof ph;
        if (at + sizeof ph > s->size) break;
        memcpy(&ph, s->bytes + at, sizeof ph);
        if (ph.p_type == PT_NOTE) read_notes(s, ph.p_offset, ph.p_filesz, &w);
    }
    for (unsigned i = 0; !w.noted && section(s, &h, i, &sh); i++)
        if (sh.sh_type == SHT_NOTE) read_notes(s, sh.sh_offset, sh.sh_size, &w);
    if (w.noted || !section(s, &h, h.e_shstrndx, &names)) return w;
    for (unsigned i = 0; section(s, &h, i, &sh); i++)
        if (loader_holds(s, (uint64_t)names.sh_offset + sh.sh_name, "__xen_guest", 12)) read_words(s, sh.sh_offset, sh.sh_size, &w);
    return w;
}

bool xen_is(const struct source *s)
{
    struct wants w = read_wants(s);
    return w.noted || w.legacy;
}

/* A feature behind an exclamation mark is needed; there is only the one, and with PAE another. */
static bool check_features(const struct source *s, const char *list, bool pae)
{
    for (const char *at = strchr(list, '!'); at; at = strchr(at + 1, '!')) {
        unsigned n = (unsigned)strcspn(at + 1, "|, ");
        if (n == 20 && !strncmp(at + 1, "writable_page_tables", n)) continue;
        if (pae && n == 19 && !strncmp(at + 1, "pae_pgdir_above_4gb", n)) continue;
        return loader_refuse(s, "a paravirtual kernel that needs the feature %.*s, which this hypervisor does not have", (int)n, at + 1);
    }
    return true;
}

/* "yes", "yes[extended-cr3]": its L3s may lie anywhere, and all memory is below 4 GB here. */
static bool is_pae(const struct wants *w) { return !strncmp(w->pae, "yes", 3); }

static bool check_wants(const struct source *s, const struct wants *w)
{
    if (w->version[0] && strcmp(w->version, "xen-3.0"))
        return loader_refuse(s, "a paravirtual kernel for %.40s; the interface here is xen-3.0", w->version);
    if (w->loader[0] && strcmp(w->loader, "generic"))
        return loader_refuse(s, "a paravirtual kernel that needs its own loader (%.40s)", w->loader);
    uint32_t hole = is_pae(w) ? DIRECT_PAE_HOLE : DIRECT_HOLE;
    if (w->hole != UNSET && w->hole > hole)
        return loader_refuse(s, "a paravirtual kernel that uses linear space up to %llX; the hypervisor's part begins at %X",
                             ULL(w->hole), hole);
    return check_features(s, w->features, is_pae(w));
}

bool xen_plan(const struct source *s, struct plan *plan)
{
    struct wants w = read_wants(s);
    if (!check_wants(s, &w) || !elf_plan(s, plan)) return false;
    if (w.virt_base == UNSET) w.virt_base = 0;
    if (w.paddr_offset == UNSET) w.paddr_offset = w.legacy ? w.virt_base : 0;
    for (unsigned i = 0; i < plan->count; i++) {
        struct piece *p = &plan->piece[i];
        if (p->at < w.paddr_offset)
            return loader_refuse(s, "%s has the physical address %llX, below the paravirtual image's offset %llX", p->name,
                                 ULL(p->at), ULL(w.paddr_offset));
        p->at -= w.paddr_offset;
        p->virt = p->at + w.virt_base;
    }
    if (w.entry != UNSET) plan->entry = w.entry;
    if (w.hypercall_page != UNSET && ((w.hypercall_page & (PAGE_SIZE - 1)) || w.hypercall_page < w.virt_base))
        return loader_refuse(s, "a hypercall page at %llX: it must be a page of the image, which begins at %llX",
                             ULL(w.hypercall_page), ULL(w.virt_base));
    plan->kind = IMAGE_XEN;
    plan->virt_base = (uint32_t)w.virt_base;
    plan->pae = is_pae(&w);
    plan->hypercall_page = w.hypercall_page == UNSET ? 0 : (uint32_t)w.hypercall_page;
    plan->attach_end = UINT32_MAX;
    return true;
}
