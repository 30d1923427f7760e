/* See symbols.h. */
#include "sim/symbols.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_SUGGEST = 64 }; /* longer names are not typed by hand */

struct elf_file {
    const uint8_t *bytes;
    size_t         size;
    Elf32_Ehdr     head;
};

static bool inside(const struct elf_file *f, uint64_t offset, uint64_t length)
{
    return offset <= f->size && length <= f->size - offset;
}

static bool section_at(const struct elf_file *f, uint32_t index, Elf32_Shdr *out)
{
    uint64_t at = f->head.e_shoff + (uint64_t)index * sizeof *out;
    if (index >= f->head.e_shnum || !inside(f, at, sizeof *out)) return false;
    memcpy(out, f->bytes + at, sizeof *out);
    return true;
}

/* The .symtab section and its string table, both wholly inside the file. */
static bool find_tables(const struct elf_file *f, Elf32_Shdr *symtab, Elf32_Shdr *strtab)
{
    for (uint32_t i = 0; i < f->head.e_shnum; i++) {
        if (!section_at(f, i, symtab)) return false;
        if (symtab->sh_type != SHT_SYMTAB) continue;
        return symtab->sh_entsize == sizeof(Elf32_Sym) && inside(f, symtab->sh_offset, symtab->sh_size) &&
               section_at(f, symtab->sh_link, strtab) && strtab->sh_type == SHT_STRTAB && strtab->sh_size > 0 &&
               inside(f, strtab->sh_offset, strtab->sh_size);
    }
    return false;
}

static bool open_elf(struct elf_file *f, const uint8_t *bytes, size_t size)
{
    *f = (struct elf_file){ .bytes = bytes, .size = size };
    if (size < sizeof f->head) return false;
    memcpy(&f->head, bytes, sizeof f->head);
    const unsigned char *id = f->head.e_ident;
    return !memcmp(id, ELFMAG, SELFMAG) && id[EI_CLASS] == ELFCLASS32 && id[EI_DATA] == ELFDATA2LSB &&
           f->head.e_shentsize == sizeof(Elf32_Shdr);
}

static char *copy_names(const struct elf_file *f, const Elf32_Shdr *strtab)
{
    char *names = malloc((size_t)strtab->sh_size + 1);
    if (!names) return NULL;
    memcpy(names, f->bytes + strtab->sh_offset, strtab->sh_size);
    names[strtab->sh_size] = 0;
    for (uint32_t i = 0; i < strtab->sh_size; i++)
        if (names[i] && ((unsigned char)names[i] < 0x20 || (unsigned char)names[i] >= 0x7F)) names[i] = '?';
    return names;
}

/* Where a label without a size stops: the end of its section. */
static uint32_t label_end(const struct elf_file *f, const Elf32_Sym *sym)
{
    Elf32_Shdr s;
    if (sym->st_shndx >= SHN_LORESERVE || !section_at(f, sym->st_shndx, &s)) return sym->st_value;
    uint64_t end = (uint64_t)s.sh_addr + s.sh_size;
    if (sym->st_value < s.sh_addr || sym->st_value >= end) return sym->st_value;
    return end > UINT32_MAX ? UINT32_MAX : (uint32_t)end;
}

static uint8_t rank_of(const Elf32_Sym *sym)
{
    uint8_t kind = ELF32_ST_TYPE(sym->st_info) == STT_FUNC ? 4 : ELF32_ST_TYPE(sym->st_info) == STT_OBJECT ? 2 : 0;
    return (uint8_t)(kind + (ELF32_ST_BIND(sym->st_info) != STB_LOCAL));
}

static bool wanted(const Elf32_Sym *sym, uint32_t names_size, const char *names)
{
    unsigned type = ELF32_ST_TYPE(sym->st_info);
    return (type == STT_NOTYPE || type == STT_OBJECT || type == STT_FUNC) && sym->st_shndx != SHN_UNDEF &&
           sym->st_name < names_size && names[sym->st_name];
}

static int by_address(const void *a, const void *b)
{
    const struct symbol *x = a, *y = b;
    if (x->addr != y->addr) return x->addr < y->addr ? -1 : 1;
    if (x->rank != y->rank) return x->rank < y->rank ? -1 : 1;
    return strcmp(y->name, x->name);
}

static void read_rows(struct symbols *s, const struct elf_file *f, const Elf32_Shdr *symtab, uint32_t names_size)
{
    for (uint32_t i = 0; i < symtab->sh_size / sizeof(Elf32_Sym); i++) {
        Elf32_Sym sym;
        memcpy(&sym, f->bytes + symtab->sh_offset + i * sizeof sym, sizeof sym);
        if (!wanted(&sym, names_size, s->names)) continue;
        uint64_t end = (uint64_t)sym.st_value + sym.st_size;
        if (sym.st_shndx == SHN_ABS) end = sym.st_value;
        else if (!sym.st_size) end = label_end(f, &sym);
        s->row[s->count++] = (struct symbol){ .name = s->names + sym.st_name, .addr = sym.st_value,
                                              .end = end > UINT32_MAX ? UINT32_MAX : (uint32_t)end,
                                              .rank = rank_of(&sym) };
    }
}

void symbols_read(struct symbols *s, const uint8_t *file, size_t size)
{
    *s = (struct symbols){ 0 };
    struct elf_file f;
    Elf32_Shdr symtab, strtab;
    if (!open_elf(&f, file, size) || !find_tables(&f, &symtab, &strtab)) return;
    s->names = copy_names(&f, &strtab);
    s->row = calloc(symtab.sh_size / sizeof(Elf32_Sym) + 1, sizeof *s->row);
    if (!s->names || !s->row) {
        symbols_free(s);
        return;
    }
    read_rows(s, &f, &symtab, strtab.sh_size);
    qsort(s->row, s->count, sizeof *s->row, by_address);
    for (size_t i = 0; i < s->count; i++) {
        uint32_t before = i ? s->row[i - 1].reach : 0;
        s->row[i].reach = s->row[i].end > before ? s->row[i].end : before;
    }
}

void symbols_free(struct symbols *s)
{
    free(s->row);
    free(s->names);
    *s = (struct symbols){ 0 };
}

const char *symbols_at(const struct symbols *s, uint32_t addr, uint32_t *offset)
{
    size_t low = 0, high = s->count; /* row[low - 1] starts at or below addr, row[high] above it */
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (s->row[mid].addr <= addr) low = mid + 1;
        else high = mid;
    }
    for (; low && s->row[low - 1].reach > addr; low--) {
        const struct symbol *y = &s->row[low - 1];
        if (y->end <= addr) continue;
        if (offset) *offset = addr - y->addr;
        return y->name;
    }
    return NULL;
}

bool symbols_find(const struct symbols *s, const char *name, uint32_t *addr)
{
    const struct symbol *found = NULL;
    for (size_t i = 0; i < s->count; i++)
        if (!strcmp(s->row[i].name, name) && (!found || (s->row[i].rank & 1) > (found->rank & 1))) found = &s->row[i];
    if (found) *addr = found->addr;
    return found != NULL;
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

/* Levenshtein distance, one row at a time; both names shorter than NAME_MAX_SUGGEST. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[NAME_MAX_SUGGEST + 1], nb = (unsigned)strlen(b);
    for (unsigned j = 0; j <= nb; j++) row[j] = j;
    for (unsigned i = 1; a[i - 1]; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= nb; j++) {
            unsigned above = row[j];
            row[j] = least(row[j - 1] + 1, above + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[nb];
}

const char *symbols_suggest(const struct symbols *s, const char *name)
{
    size_t length = strlen(name);
    if (length >= NAME_MAX_SUGGEST) return NULL;
    unsigned best = (unsigned)length / 3 + 2; /* farther is no help */
    const char *found = NULL;
    for (size_t i = 0; i < s->count; i++) {
        if (strlen(s->row[i].name) >= NAME_MAX_SUGGEST) continue;
        unsigned d = distance(name, s->row[i].name);
        if (d >= best) continue;
        best = d;
        found = s->row[i].name;
    }
    return found;
}
