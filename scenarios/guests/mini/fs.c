// Files and directories on blocks; see format.h for the layout.
//
// Idea: three steps. A path leads to an inode (path_find); an inode and an offset lead to a block (block_of); a block is
// bytes (block_read). Everything else is keeping the books: which blocks and inodes are free.
// What is written goes to the device at once, data first, then the inode that names it.
// Not here: repair after a crash in between, links, renaming.
#include "mini/kernel.h"

enum { INODES_OPEN = 48, INODES_PER_BLOCK = BLOCK / (int)sizeof(struct disk_inode) };

static struct superblock super;
static struct inode inodes[INODES_OPEN];

// ---- One at a time -------------------------------------------------------------------------------------------------

static struct process *inside;
static uint32_t depth;

void fs_enter(void)
{
    irq_state saved = critical_enter();
    while (inside && inside != current) sched_sleep(&inside);
    inside = current;
    depth++;
    critical_leave(saved);
}

void fs_leave(void)
{
    irq_state saved = critical_enter();
    if (--depth == 0) {
        inside = NULL;
        sched_wake(&inside);
    }
    critical_leave(saved);
}

void fs_mount(void)
{
    const uint8_t *b = block_read(1);
    if (b) memcpy(&super, b, sizeof super);
    if (super.magic != FS_MAGIC || super.version != FS_VERSION || super.blocks > block_count())
        panic("the %s holds no file system of mine", block_device());
}

// ---- Blocks --------------------------------------------------------------------------------------------------------

static uint32_t block_new(void) // zeroed; 0: the device is full
{
    for (uint32_t base = 0; base < super.blocks; base += BLOCK * 8) {
        uint32_t number = super.bitmap_block + base / (BLOCK * 8);
        uint8_t *map = block_read(number);
        for (uint32_t i = 0; map && i < BLOCK * 8 && base + i < super.blocks; i++) {
            if (map[i / 8] & 1 << i % 8) continue;
            map[i / 8] |= (uint8_t)(1 << i % 8);
            block_write(number);
            uint8_t *bytes = block_read(base + i);
            if (!bytes) return 0;
            memset(bytes, 0, BLOCK);
            block_write(base + i);
            return base + i;
        }
    }
    return 0;
}

static void block_free(uint32_t block)
{
    uint32_t number = super.bitmap_block + block / (BLOCK * 8), i = block % (BLOCK * 8);
    uint8_t *map = block_read(number);
    if (!map) return;
    map[i / 8] &= (uint8_t)~(1 << i % 8);
    block_write(number);
}

// ---- Inodes --------------------------------------------------------------------------------------------------------

static struct disk_inode *on_disk(uint32_t number, uint32_t *block)
{
    *block = super.inode_block + number / INODES_PER_BLOCK;
    struct disk_inode *all = (struct disk_inode *)block_read(*block);
    return all ? &all[number % INODES_PER_BLOCK] : NULL;
}

struct inode *inode_get(uint32_t number)
{
    struct inode *free = NULL;
    uint32_t block;
    if (number < ROOT_INODE || number >= super.inodes) return NULL; // a damaged directory
    for (struct inode *i = inodes; i < inodes + INODES_OPEN; i++) {
        if (i->users && i->number == number) return i->users++, i;
        if (!i->users) free = i;
    }
    if (!free) return NULL;
    free->users = 1, free->number = number; // taken before anything can sleep
    const struct disk_inode *d = on_disk(number, &block);
    if (!d) return free->users = 0, NULL;
    free->disk = *d;
    return free;
}

static void inode_store(struct inode *inode)
{
    uint32_t block;
    struct disk_inode *d = on_disk(inode->number, &block);
    if (!d) return;
    *d = inode->disk;
    block_write(block);
}

void inode_put(struct inode *inode)
{
    fs_enter();
    if (inode->users == 1 && inode->disk.links == 0) { // its last name is gone, and now its last user
        inode_truncate(inode);
        inode->disk.type = TYPE_FREE;
        inode_store(inode);
    }
    inode->users--;
    fs_leave();
}

static struct inode *inode_new(enum inode_type type)
{
    uint32_t block;
    for (uint32_t n = ROOT_INODE; n < super.inodes; n++) {
        struct disk_inode *d = on_disk(n, &block);
        if (!d || d->type != TYPE_FREE) continue;
        *d = (struct disk_inode){ .type = (uint16_t)type, .links = 1 };
        block_write(block);
        return inode_get(n);
    }
    return NULL;
}

// The device's block of a file's block; 0: a hole, or with `make`, no room. A fresh one is noted in the inode.
static uint32_t block_of(struct inode *inode, uint32_t index, bool make)
{
    if (index < DIRECT_BLOCKS) {
        if (!inode->disk.block[index] && make) inode->disk.block[index] = block_new();
        return inode->disk.block[index];
    }
    index -= DIRECT_BLOCKS;
    if (index >= INDIRECT_BLOCKS) return 0;
    uint32_t *list = &inode->disk.block[DIRECT_BLOCKS];
    if (!*list && make) *list = block_new();
    uint32_t *more = *list ? (uint32_t *)block_read(*list) : NULL;
    if (!more || more[index] || !make) return more ? more[index] : 0;
    uint32_t fresh = block_new();
    more = (uint32_t *)block_read(*list);
    if (!more) return 0;
    more[index] = fresh;
    block_write(*list);
    return fresh;
}

int inode_read(struct inode *inode, uint32_t offset, void *memory, uint32_t size)
{
    uint32_t done = 0;
    if (offset >= inode->disk.size) return 0;
    if (size > inode->disk.size - offset) size = inode->disk.size - offset;
    fs_enter();
    while (done < size) {
        uint32_t at = (offset + done) % BLOCK, n = BLOCK - at < size - done ? BLOCK - at : size - done;
        uint32_t block = block_of(inode, (offset + done) / BLOCK, false);
        const uint8_t *bytes = block ? block_read(block) : NULL;
        if (block && !bytes) break;
        if (bytes) memcpy((uint8_t *)memory + done, bytes + at, n);
        else memset((uint8_t *)memory + done, 0, n);
        done += n;
    }
    fs_leave();
    return done == size ? (int)size : E_IO;
}

int inode_write(struct inode *inode, uint32_t offset, const void *memory, uint32_t size)
{
    uint32_t done = 0;
    fs_enter();
    while (done < size) {
        uint32_t at = (offset + done) % BLOCK, n = BLOCK - at < size - done ? BLOCK - at : size - done;
        uint32_t block = block_of(inode, (offset + done) / BLOCK, true);
        uint8_t *bytes = block ? block_read(block) : NULL;
        if (!bytes) break;
        memcpy(bytes + at, (const uint8_t *)memory + done, n);
        if (!block_write(block)) break;
        done += n;
    }
    if (offset + done > inode->disk.size) inode->disk.size = offset + done;
    inode_store(inode);
    fs_leave();
    return done || !size ? (int)done : E_NOSPC;
}

void inode_truncate(struct inode *inode)
{
    fs_enter();
    uint32_t list = inode->disk.block[DIRECT_BLOCKS];
    for (uint32_t i = 0; list && i < INDIRECT_BLOCKS; i++) {
        const uint32_t *more = (const uint32_t *)block_read(list);
        if (more && more[i]) block_free(more[i]);
    }
    for (uint32_t i = 0; i <= DIRECT_BLOCKS; i++)
        if (inode->disk.block[i]) block_free(inode->disk.block[i]);
    memset(inode->disk.block, 0, sizeof inode->disk.block);
    inode->disk.size = 0;
    inode_store(inode);
    fs_leave();
}

// ---- Directories and paths -----------------------------------------------------------------------------------------

// Where NAME stands in a directory, or, with an empty name, the first free place; -1: nowhere.
static int entry_find(struct inode *directory, const char *name, struct directory_entry *e)
{
    uint32_t at = 0;
    for (; at < directory->disk.size; at += sizeof *e) {
        if (inode_read(directory, at, e, sizeof *e) != (int)sizeof *e) return -1;
        if (*name ? e->inode && text_equal(e->name, name) : !e->inode) return (int)at;
    }
    return *name ? -1 : (int)at;
}

static int entry_write(struct inode *directory, int at, uint32_t number, const char *name)
{
    struct directory_entry e = { .inode = number };
    text_copy(e.name, name, sizeof e.name);
    return inode_write(directory, (uint32_t)at, &e, sizeof e) == (int)sizeof e ? 0 : E_NOSPC;
}

// The next part of a path, into `name`; where the rest begins. NULL: there is none, or it is too long.
static const char *next_part(const char *path, char *name)
{
    uint32_t n = 0;
    while (*path == '/') path++;
    if (!*path) return NULL;
    for (; *path && *path != '/'; path++)
        if (n < NAME_MAX) name[n++] = *path;
    name[n] = 0;
    while (*path == '/') path++;
    return path;
}

static struct inode *walk(const char *path, bool parent, char *name, int *error)
{
    struct directory_entry e;
    struct inode *at = *path == '/' ? inode_get(ROOT_INODE) : inode_get(current->directory->number);
    *error = E_MFILE;
    while (at && (path = next_part(path, name))) {
        if (at->disk.type != TYPE_DIRECTORY) *error = E_NOTDIR;
        else if (parent && !*path) return at;
        else if (entry_find(at, name, &e) >= 0) {
            inode_put(at);
            at = inode_get(e.inode);
            continue;
        } else
            *error = E_NOENT;
        inode_put(at);
        return NULL;
    }
    if (at && parent) { // "/" has no parent, and no name
        *error = E_INVAL;
        inode_put(at);
        return NULL;
    }
    return at;
}

struct inode *path_find(const char *path, int *error)
{
    char name[NAME_MAX + 1];
    fs_enter();
    struct inode *inode = walk(path, false, name, error);
    fs_leave();
    return inode;
}

static struct inode *create_in(struct inode *directory, const char *name, enum inode_type type, int *error)
{
    struct directory_entry e;
    if (entry_find(directory, name, &e) >= 0) return inode_get(e.inode);
    int place = entry_find(directory, "", &e);
    struct inode *inode = place < 0 ? NULL : inode_new(type);
    *error = inode ? entry_write(directory, place, inode->number, name) : E_NOSPC;
    if (!*error && type == TYPE_DIRECTORY) *error = entry_write(inode, 0, inode->number, ".");
    if (!*error && type == TYPE_DIRECTORY) *error = entry_write(inode, sizeof e, directory->number, "..");
    if (inode && *error) {
        inode->disk.links = 0;
        inode_put(inode);
        return NULL;
    }
    return inode;
}

struct inode *path_create(const char *path, enum inode_type type, int *error)
{
    char name[NAME_MAX + 1];
    fs_enter();
    struct inode *directory = walk(path, true, name, error), *inode = NULL;
    if (directory) {
        inode = create_in(directory, name, type, error);
        inode_put(directory);
    }
    fs_leave();
    return inode;
}

// A directory must be empty but for its first two entries.
static bool removable(struct inode *inode)
{
    struct directory_entry e;
    if (inode->disk.type != TYPE_DIRECTORY) return true;
    for (uint32_t at = 2 * sizeof e; at < inode->disk.size; at += sizeof e)
        if (inode_read(inode, at, &e, sizeof e) == (int)sizeof e && e.inode) return false;
    return inode->number != ROOT_INODE;
}

static int unlink_in(struct inode *directory, const char *name)
{
    struct directory_entry e;
    int place = text_equal(name, ".") || text_equal(name, "..") ? -1 : entry_find(directory, name, &e);
    if (place < 0) return E_NOENT;
    struct inode *inode = inode_get(e.inode);
    if (!inode) return E_MFILE;
    int error = removable(inode) ? entry_write(directory, place, 0, "") : E_EXIST;
    if (!error) {
        inode->disk.links = 0;
        inode_store(inode);
    }
    inode_put(inode);
    return error;
}

int path_unlink(const char *path)
{
    char name[NAME_MAX + 1];
    int error;
    fs_enter();
    struct inode *directory = walk(path, true, name, &error);
    if (directory) {
        error = unlink_in(directory, name);
        inode_put(directory);
    }
    fs_leave();
    return error;
}
