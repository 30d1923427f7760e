// mkfs: makes the file system that mini boots from. Runs on the host.
//
//     mkfs IMAGE BLOCKS PATH=FILE ...      PATH like bin/ls or motd; directories are made as needed
//
// Idea: the image is an array in memory; blocks and inodes are handed out in order, so that the same files always give the
// same bytes.
// Not here: anything the kernel's fs.c does not read.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"

enum { INODES = 256, PER_BLOCK = BLOCK / (int)sizeof(struct disk_inode) };

static uint8_t *image;
static struct superblock super;
static uint32_t next_block, next_inode = ROOT_INODE;

static void fail(const char *what, const char *name)
{
    fprintf(stderr, "mkfs: %s: %s\n", name, what);
    exit(1);
}

static void *block_at(uint32_t block) { return image + (size_t)block * BLOCK; }
static struct disk_inode *inode_at(uint32_t n) { return (struct disk_inode *)block_at(super.inode_block) + n; }

static uint32_t block_new(void)
{
    uint8_t *bitmap = block_at(super.bitmap_block);
    if (next_block == super.blocks) fail("full", "image");
    bitmap[next_block / 8] |= (uint8_t)(1 << next_block % 8);
    return next_block++;
}

static uint32_t inode_new(enum inode_type type)
{
    if (next_inode == INODES) fail("no inode left", "image");
    *inode_at(next_inode) = (struct disk_inode){ .type = (uint16_t)type, .links = 1 };
    return next_inode++;
}

static uint8_t *block_of(struct disk_inode *inode, uint32_t index, const char *name)
{
    uint32_t *slot;
    if (index < DIRECT_BLOCKS) slot = &inode->block[index];
    else {
        uint32_t *list = &inode->block[DIRECT_BLOCKS];
        if (index - DIRECT_BLOCKS >= INDIRECT_BLOCKS) fail("too large", name);
        if (!*list) *list = block_new();
        slot = (uint32_t *)block_at(*list) + (index - DIRECT_BLOCKS);
    }
    if (!*slot) *slot = block_new();
    return block_at(*slot);
}

static void append(uint32_t number, const void *bytes, uint32_t size, const char *name)
{
    struct disk_inode *inode = inode_at(number);
    const uint8_t *from = bytes;
    while (size) {
        uint32_t at = inode->size % BLOCK, n = BLOCK - at < size ? BLOCK - at : size;
        memcpy(block_of(inode, inode->size / BLOCK, name) + at, from, n);
        inode->size += n, from += n, size -= n;
    }
}

static void enter(uint32_t directory, const char *name, uint32_t number)
{
    struct directory_entry e = { .inode = number };
    if (strlen(name) > NAME_MAX) fail("name too long", name);
    strcpy(e.name, name);
    append(directory, &e, sizeof e, name);
}

static uint32_t directory_new(uint32_t parent)
{
    uint32_t number = inode_new(TYPE_DIRECTORY);
    enter(number, ".", number);
    enter(number, "..", parent ? parent : number);
    return number;
}

static uint32_t lookup(uint32_t directory, const char *name)
{
    struct disk_inode *inode = inode_at(directory);
    for (uint32_t at = 0; at < inode->size; at += sizeof(struct directory_entry)) {
        const struct directory_entry *e = (const void *)(block_of(inode, at / BLOCK, name) + at % BLOCK);
        if (!strcmp(e->name, name)) return e->inode;
    }
    return 0;
}

static void add(char *path, const char *file)
{
    uint32_t directory = ROOT_INODE;
    uint8_t piece[BLOCK];
    size_t n;
    for (char *slash; (slash = strchr(path, '/')); path = slash + 1) {
        *slash = 0;
        uint32_t next = lookup(directory, path);
        if (!next) enter(directory, path, next = directory_new(directory));
        directory = next;
    }
    FILE *f = fopen(file, "rb");
    if (!f) fail("cannot read", file);
    uint32_t number = inode_new(TYPE_FILE);
    while ((n = fread(piece, 1, sizeof piece, f)) > 0) append(number, piece, (uint32_t)n, file);
    fclose(f);
    enter(directory, path, number);
}

int main(int argc, char **argv)
{
    if (argc < 3) fail("mkfs IMAGE BLOCKS PATH=FILE ...", "usage");
    uint32_t blocks = (uint32_t)strtoul(argv[2], NULL, 10);
    if (blocks < 64 || blocks > BLOCK * 8) fail("64 to 8192 blocks", argv[2]);
    super = (struct superblock){ FS_MAGIC, FS_VERSION, blocks, INODES, 2, 3, 3 + INODES / PER_BLOCK };
    image = calloc(blocks, BLOCK);
    if (!image) fail("no memory", argv[1]);
    while (next_block < super.data_block) block_new();
    directory_new(0);
    for (int i = 3; i < argc; i++) {
        char *file = strchr(argv[i], '=');
        if (!file) fail("PATH=FILE is wanted", argv[i]);
        *file++ = 0;
        add(argv[i], file);
    }
    memcpy(block_at(1), &super, sizeof super);
    FILE *out = fopen(argv[1], "wb");
    if (!out || fwrite(image, BLOCK, blocks, out) != blocks || fclose(out)) fail("cannot write", argv[1]);
    return 0;
}
