// The file system on the disk: the layout that the kernel (fs.c) reads and writes and mkfs.c makes.
//
//     block 0        nothing (a boot sector would have its place here)
//     block 1        struct superblock
//     then           bitmap of used blocks, one bit a block
//     then           inodes, 64 bytes each; number 1 is the root directory, 0 is nobody
//     then           data
//
// Idea: an inode lists the blocks of one file, the first twelve itself and the others in one more block; a directory is a
// file of fixed-size entries, name and inode number.
// Manual: the Unix Time-Sharing System, CACM 17(7), 1974, section IV.
// Not here: owners, times, links beyond the first, files above 268 KB.
#ifndef MINI_FORMAT_H
#define MINI_FORMAT_H

#include <stdint.h>

enum {
    BLOCK = 1024,
    SECTOR = 512,
    FS_MAGIC = 0x494E494D, // "MINI"
    FS_VERSION = 1,
    ROOT_INODE = 1,
    DIRECT_BLOCKS = 12,
    INDIRECT_BLOCKS = BLOCK / 4,
    NAME_MAX = 27,
};

enum inode_type { TYPE_FREE, TYPE_FILE, TYPE_DIRECTORY, TYPE_CONSOLE, TYPE_PIPE }; // the last two never on a disk

struct superblock {
    uint32_t magic, version;
    uint32_t blocks, inodes;
    uint32_t bitmap_block, inode_block, data_block; // where each part begins
};

struct disk_inode {
    uint16_t type, links;
    uint32_t size;
    uint32_t block[DIRECT_BLOCKS + 1]; // the last one lists INDIRECT_BLOCKS more; 0: a hole, reads as zeros
    uint32_t unused;
};

struct directory_entry {
    uint32_t inode; // 0: free
    char name[NAME_MAX + 1];
};

#endif
