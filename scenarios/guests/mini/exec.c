// exec: another program in the same process.
//
// Idea: nothing of the program is read now but its ELF headers. They say which part of the file belongs where, and that is
// written down; the pages come when they are touched. The arguments are built on the new stack:
//     STACK_TOP   the strings; the pointers to them, then NULL; pointer to the pointers; their number; <- ESP
// Manual: System V ABI, chapter 5 (program header); Intel386 supplement 3-28 for the idea of the first stack.
// Not here: interpreters (#!), shared libraries, an environment.
#include "mini/kernel.h"

struct elf_header {
    uint32_t magic, identity[3];
    uint16_t type, machine;
    uint32_t version, entry, programs, sections, flags;
    uint16_t size, program_size, program_count;
};

struct elf_program {
    uint32_t type, offset, address, physical, file_size, memory_size, flags, align;
};

enum { ELF_MAGIC = 0x464C457F, ELF_EXECUTABLE = 2, ELF_386 = 3, ELF_LOAD = 1, ELF_WRITABLE = 2 };

static bool take_segment(struct space *space, const struct elf_program *p)
{
    uint32_t end = p->address + p->memory_size;
    if (p->address < USER_BEGIN || end < p->address || end > STACK_LIMIT || p->file_size > p->memory_size) return false;
    if (space->segments == SEGMENTS) return false;
    space->segment[space->segments++] = (struct segment_map){
        p->address, p->address + p->file_size, end, p->offset, (p->flags & ELF_WRITABLE) != 0 };
    uint32_t after = (end + PAGE - 1) & ~(uint32_t)(PAGE - 1);
    if (after > space->heap_begin) space->heap_begin = space->heap_end = after;
    return true;
}

static bool take_program(struct space *space, uint32_t *entry)
{
    struct elf_header h;
    if (inode_read(space->program, 0, &h, sizeof h) != (int)sizeof h) return false;
    if (h.magic != ELF_MAGIC || h.type != ELF_EXECUTABLE || h.machine != ELF_386) return false;
    for (uint32_t i = 0; i < h.program_count; i++) {
        struct elf_program p;
        if (inode_read(space->program, h.programs + i * h.program_size, &p, sizeof p) != (int)sizeof p) return false;
        if (p.type == ELF_LOAD && p.memory_size && !take_segment(space, &p)) return false;
    }
    *entry = h.entry;
    return space->segments > 0;
}

// `arguments`: `count` strings, each with its 0, `size` bytes together. Gives ESP; 0: no memory.
static uint32_t build_stack(struct space *space, const char *arguments, uint32_t size, uint32_t count)
{
    uint32_t text = (STACK_TOP - size) & ~3u, list = text - (count + 1) * 4, at = text, zero = 0;
    uint32_t first[2] = { count, list };
    if (!space_write(space, text, arguments, size)) return 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!space_write(space, list + i * 4, &at, 4)) return 0;
        uint32_t length = text_length(arguments + (at - text)) + 1;
        at += length;
    }
    if (!space_write(space, list + count * 4, &zero, 4) || !space_write(space, list - 8, first, 8)) return 0;
    return list - 8;
}

static int prepare(struct process *new, const char *path, uint32_t *entry)
{
    int error;
    fs_enter();
    struct inode *inode = path_find(path, &error);
    fs_leave();
    if (!inode) return error;
    if (inode->disk.type != TYPE_FILE || !space_init(&new->space)) {
        inode_put(inode);
        return inode->disk.type != TYPE_FILE ? E_ISDIR : E_NOMEM;
    }
    new->space.program = inode;
    return take_program(&new->space, entry) ? 0 : E_NOEXEC;
}

static const char *last_part(const char *path)
{
    const char *name = path;
    for (; *path; path++)
        if (*path == '/') name = path + 1;
    return name;
}

int exec(const char *path, const char *arguments, uint32_t size, uint32_t count)
{
    static struct process blank;
    struct process new = blank; // only its space is used, and its counters
    uint32_t entry = 0, stack = 0;
    int error = prepare(&new, path, &entry);
    if (!error && !(stack = build_stack(&new.space, arguments, size, count))) error = E_NOMEM;
    if (error) {
        space_done(&new.space);
        return error;
    }
    struct space old = current->space;
    current->space = new.space;
    current->counters = new.counters;
    directory_load(current->space.directory);
    space_done(&old);
    text_copy(current->name, last_part(path), sizeof current->name);
    arch_user_frame(current->frame, entry, stack);
    return 0;
}
