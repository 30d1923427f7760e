/* ELF executables for IA-32: program headers become pieces of the plan. See loader.h.
 *
 * A plain ELF is entered like a Multiboot kernel, but is told nothing. System V ABI, Intel386 supplement, chapters 4 and 5.
 * Not supported: dynamic linking, relocation. */
#include <elf.h>
#include <stdio.h>
#include <string.h>
#include "sim/loader_plan.h"

bool elf_is(const struct source *s) { return loader_holds(s, 0, ELFMAG, SELFMAG); }

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
        return loader_refuse(s, "64-bit ELF (%s); build it with gcc -m32", machine_name(machine));
    if (big || (machine != EM_386 && machine != 6 /* EM_486, from old tools */))
        return loader_refuse(s, "ELF for %s (machine %u), not for IA-32; build it with gcc -m32", machine_name(machine),
                      machine);
    if (h->e_ident[EI_CLASS] != ELFCLASS32 || h->e_ident[EI_DATA] != ELFDATA2LSB)
        return loader_refuse(s, "broken ELF header: class %u, byte order %u; rebuild the image", h->e_ident[EI_CLASS],
                      h->e_ident[EI_DATA]);
    switch (h->e_type) {
    case ET_EXEC: return true;
    case ET_REL: return loader_refuse(s, "an ELF relocatable object, not an executable; link it with ld -m elf_i386");
    case ET_DYN:
        return loader_refuse(s, "an ELF shared object or position-independent executable; link it with gcc -m32 -static "
                      "-no-pie");
    case ET_CORE: return loader_refuse(s, "an ELF core dump, not an executable; name the program itself");
    default: return loader_refuse(s, "ELF of unknown type %u, not an executable; link it with ld -m elf_i386", h->e_type);
    }
}

static bool plan_segment(const struct source *s, struct plan *plan, unsigned index, const Elf32_Phdr *ph)
{
    if (ph->p_type == PT_INTERP || ph->p_type == PT_DYNAMIC)
        return loader_refuse(s, "a dynamically linked program: it needs an operating system; link it with gcc -m32 -static "
                      "-nostdlib");
    if (ph->p_type == PT_NOTE) plan->note = ph->p_paddr;
    if (ph->p_type != PT_LOAD || !ph->p_memsz) return true;
    if (plan->count == PIECES)
        return loader_refuse(s, "more than %d loadable program headers; check the linker script", PIECES);
    struct piece *p = &plan->piece[plan->count++];
    *p = (struct piece){ .offset = ph->p_offset, .file = ph->p_filesz, .at = ph->p_paddr, .memory = ph->p_memsz,
                         .virt = ph->p_vaddr };
    snprintf(p->name, sizeof p->name, "program header %u", index);
    return true;
}

bool elf_plan(const struct source *s, struct plan *plan)
{
    Elf32_Ehdr h;
    if (s->size < sizeof h)
        return loader_refuse(s, "truncated: an ELF header has %zu bytes, the file %zu; rebuild the image", sizeof h, s->size);
    memcpy(&h, s->bytes, sizeof h);
    if (!check_elf_header(s, &h)) return false;
    if (h.e_phnum && h.e_phentsize != sizeof(Elf32_Phdr))
        return loader_refuse(s, "broken: program headers of %u bytes, expected %zu; rebuild the image", h.e_phentsize,
                      sizeof(Elf32_Phdr));
    uint64_t end = (uint64_t)h.e_phoff + (uint64_t)h.e_phnum * sizeof(Elf32_Phdr);
    if (end > s->size)
        return loader_refuse(s, "truncated: %u program headers want bytes %u..%llu, the file has %zu; rebuild the image",
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
