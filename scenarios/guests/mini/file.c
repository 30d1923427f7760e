// Open files: what a descriptor leads to, be it a file of the disk, a pipe or the console.
//
// Idea: one table for the machine; processes share its entries, and with them the position, after fork and dup.
#include "mini/kernel.h"

static struct file files[FILES];

struct file *file_new(enum inode_type kind, uint32_t mode)
{
    for (struct file *f = files; f < files + FILES; f++) {
        if (f->kind != TYPE_FREE) continue;
        *f = (struct file){ .kind = kind, .users = 1, .mode = mode };
        return f;
    }
    return NULL;
}

static int check_open(const struct inode *inode, uint32_t mode)
{
    return inode->disk.type == TYPE_DIRECTORY && (mode & O_WRITE) ? E_ISDIR : 0;
}

struct file *file_open(const char *path, uint32_t mode, int *error)
{
    struct file *f = NULL;
    fs_enter();
    struct inode *inode = mode & O_CREATE ? path_create(path, TYPE_FILE, error) : path_find(path, error);
    if (inode) {
        *error = check_open(inode, mode);
        f = *error ? NULL : file_new((enum inode_type)inode->disk.type, mode);
        if (!f && !*error) *error = E_MFILE;
    }
    if (f) {
        f->inode = inode;
        if (mode & O_TRUNCATE) inode_truncate(inode);
    } else if (inode)
        inode_put(inode);
    fs_leave();
    return f;
}

struct file *file_share(struct file *file)
{
    file->users++;
    return file;
}

void file_close(struct file *file)
{
    if (--file->users) return;
    if (file->kind == TYPE_PIPE) pipe_close(file->pipe, file->mode & O_WRITE);
    if (file->inode) inode_put(file->inode);
    file->kind = TYPE_FREE;
}

static int read_some(struct file *f, void *memory, uint32_t size)
{
    if (f->kind == TYPE_CONSOLE) return console_read(memory, size);
    if (f->kind == TYPE_PIPE) return pipe_read(f->pipe, memory, size);
    int n = inode_read(f->inode, f->offset, memory, size);
    if (n > 0) f->offset += (uint32_t)n;
    return n;
}

static int write_some(struct file *f, const void *memory, uint32_t size)
{
    if (f->kind == TYPE_CONSOLE) return console_out(memory, size), (int)size;
    if (f->kind == TYPE_PIPE) return pipe_write(f->pipe, memory, size);
    if (f->mode & O_APPEND) f->offset = f->inode->disk.size;
    int n = inode_write(f->inode, f->offset, memory, size);
    if (n > 0) f->offset += (uint32_t)n;
    return n;
}

// Through a piece of kernel memory; a console or a pipe gives what it has, a file all that was asked for.
int file_read(struct file *file, uint32_t user_address, uint32_t size)
{
    uint8_t piece[512];
    uint32_t done = 0;
    if (!(file->mode & O_READ)) return E_BADF;
    while (done < size) {
        uint32_t want = size - done < sizeof piece ? size - done : sizeof piece;
        int n = read_some(file, piece, want);
        if (n < 0) return done ? (int)done : n;
        if (!space_write(&current->space, user_address + done, piece, (uint32_t)n)) return E_FAULT;
        done += (uint32_t)n;
        if ((uint32_t)n < want || file->kind == TYPE_CONSOLE || file->kind == TYPE_PIPE) break;
    }
    return (int)done;
}

int file_write(struct file *file, uint32_t user_address, uint32_t size)
{
    uint8_t piece[512];
    uint32_t done = 0;
    if (!(file->mode & O_WRITE)) return E_BADF;
    while (done < size) {
        uint32_t want = size - done < sizeof piece ? size - done : sizeof piece;
        if (!space_read(&current->space, user_address + done, piece, want)) return E_FAULT;
        int n = write_some(file, piece, want);
        if (n < 0) return done ? (int)done : n;
        done += (uint32_t)n;
        if ((uint32_t)n < want) break;
    }
    return (int)done;
}

void file_stat(const struct file *file, struct stat *out)
{
    *out = (struct stat){ .type = file->kind };
    if (file->inode) out->inode = file->inode->number, out->size = file->inode->disk.size;
}
