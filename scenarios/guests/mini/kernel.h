// The kernel's own parts and what they offer each other, from the bottom up.
#ifndef MINI_KERNEL_H
#define MINI_KERNEL_H

#include "mini/abi.h"
#include "mini/arch.h"
#include "mini/format.h"
#include "mini/text.h"

// ---- Messages (console.c), critical sections (sched.c) -------------------------------------------------------------

void kprintf(const char *format, ...);
void panic(const char *format, ...) __attribute__((noreturn));
extern uint32_t panic_status; // what the machine is switched off with then

// What interrupt handlers share with the rest of the kernel is touched between these two, with interrupts off. Leaving
// asserts that they were off all the time; the option checks=0 of the command line switches the assertion off.
irq_state critical_enter(void);
void critical_leave(irq_state saved);
extern bool critical_checks;

uint32_t kernel_option(const char *name); // a number of the command line (main.c); 0: it is not there

// ---- Memory (memory.c): frames of 4 KB with a count of their users, by physical address ---------------------------

void frames_init(uint32_t begin, uint32_t end);
uint32_t frame_new(void);            // zeroed, one user; 0: there is none left
uint32_t frame_take(void);           // as its last user left it; 0: there is none left
void frame_share(uint32_t physical); // one user more
void frame_drop(uint32_t physical);  // one less; the last one frees it
uint32_t frame_users(uint32_t physical);
uint32_t frames_free(void);
void frame_hold(uint32_t physical);  // one that was never among them has a user

// ---- The balloon (balloon.c): frames that the hypervisor has for now ------------------------------------------------

void balloon_init(const struct boot *boot);
void balloon_poll(void);     // asks now and then, and does it; where nothing of the kernel's is under way
bool balloon_deflate(bool wait); // one frame comes back; false: it is empty, or the hypervisor has none (for a while, if it may take that)
uint32_t balloon_size(void);

// ---- Files (block.c, fs.c, pipe.c, file.c) -------------------------------------------------------------------------

void block_init(const struct boot *boot, bool prefer_disk);
uint8_t *block_read(uint32_t number); // in the cache, until the next call; NULL: the device failed
bool block_write(uint32_t number);    // the block that was read last, after it was changed
uint32_t block_count(void);
const char *block_device(void); // its name
// Sectors of any disk, past the files; those of the disk that has these can only be read. 0, or an error.
int block_raw(uint32_t disk, uint32_t sector, uint32_t count, void *memory, bool write);

struct inode {
    uint32_t number, users;
    struct disk_inode disk;
};

// One process at a time is in the file system; it may enter again.
void fs_enter(void);
void fs_leave(void);
void fs_mount(void);
struct inode *inode_get(uint32_t number); // NULL: too many open
void inode_put(struct inode *inode);
int inode_read(struct inode *inode, uint32_t offset, void *memory, uint32_t size); // bytes, or E_IO
int inode_write(struct inode *inode, uint32_t offset, const void *memory, uint32_t size);
void inode_truncate(struct inode *inode);
struct inode *path_find(const char *path, int *error);
struct inode *path_create(const char *path, enum inode_type type, int *error); // finds it if it is there
int path_unlink(const char *path);

struct pipe;
struct file {
    enum inode_type kind; // TYPE_FREE: not in use
    uint32_t users, offset, mode;
    struct inode *inode;
    struct pipe *pipe;
};

struct file *file_new(enum inode_type kind, uint32_t mode); // NULL: table full
struct file *file_open(const char *path, uint32_t mode, int *error);
struct file *file_share(struct file *file);
void file_close(struct file *file);
int file_read(struct file *file, uint32_t user_address, uint32_t size);
int file_write(struct file *file, uint32_t user_address, uint32_t size);
void file_stat(const struct file *file, struct stat *out);
int pipe_new(struct file *ends[2]);
void pipe_close(struct pipe *pipe, bool writer);
int pipe_read(struct pipe *pipe, void *memory, uint32_t size);
int pipe_write(struct pipe *pipe, const void *memory, uint32_t size);
int console_read(void *memory, uint32_t size);

// ---- The network (net.c): for programs ------------------------------------------------------------------------------

int net_address(uint8_t address[6]); // 0, or E_NODEV
int net_send(const void *frame, uint32_t size);
int net_receive(void *frame, uint32_t periods); // its size; 0: none came in that time

// ---- Address spaces (paging.c, exec.c) -----------------------------------------------------------------------------

enum { SEGMENTS = 4, STACK_PAGES = 256, ARGUMENT_BYTES = 2048 };
#define USER_BEGIN 0x00001000u // page 0 catches null pointers
#define STACK_TOP 0xBFFFF000u
#define STACK_LIMIT (STACK_TOP - STACK_PAGES * PAGE)

// A part of a program's file that appears in memory: bytes up to file_end come from there, the rest are zeros.
struct segment_map {
    uint32_t begin, file_end, end, offset;
    bool writable;
};

struct space {
    pte_t *directory;
    struct inode *program;
    struct segment_map segment[SEGMENTS];
    uint32_t segments;
    uint32_t heap_begin, heap_end;
};

bool space_init(struct space *space);
pte_t *root_new(void);            // root_pae.c: what CR3 names, with directories; NULL: no memory
void root_release(pte_t *root);   // nothing uses it and its directories as such any more
void root_done(pte_t *root);      // and its directories are memory again
bool space_copy(struct space *child, struct space *parent); // shares all pages, copy-on-write
void space_done(struct space *space);
bool space_touch(struct space *space, uint32_t address, bool write); // makes the page present; false: not allowed, or no memory
void space_shrink(struct space *space, uint32_t from, uint32_t to);  // forgets whole pages
void space_count(struct space *space, struct counters *out);
// Between kernel memory and a space, any space; false if part of it is not the program's.
bool space_read(struct space *space, uint32_t from, void *to, uint32_t size);
bool space_write(struct space *space, uint32_t to, const void *from, uint32_t size);
bool space_read_text(struct space *space, uint32_t from, char *to, uint32_t room);
int exec(const char *path, const char *arguments, uint32_t size, uint32_t count); // of the current process

// ---- Processes (proc.c, sched.c) -----------------------------------------------------------------------------------

enum { PROCESSES = 32, DESCRIPTORS = 16, FILES = 64, QUANTUM = 2, KERNEL_STACK = 8192 };
enum process_state { P_FREE, P_READY, P_RUNNING, P_SLEEPING, P_ZOMBIE };

struct process {
    enum process_state state;
    int pid, status;
    struct process *parent;
    char name[16];
    uint32_t switch_esp;       // its kernel stack while another one runs
    struct trap_frame *frame;  // at the top of that stack: its user registers
    const void *channel;       // what it sleeps for
    uint32_t wake_at;          // or until when
    bool timed, killed;
    void (*body)(void); // a process of the kernel's own: what it does instead of a program
    struct space space;
    struct inode *directory;
    struct file *file[DESCRIPTORS];
    struct counters counters;
};

extern struct process processes[PROCESSES];
extern struct process *current;
extern volatile uint32_t ticks;
extern bool reschedule; // the current process has used up its time

void sched_init(void);
void sched_switch(void);                // to the next ready process; in a critical section
void sched_sleep(const void *channel);  // in a critical section, whose condition the caller checks again
void sched_wake(const void *channel);   // in a critical section
void sched_idle(void) __attribute__((noreturn));
void sched_forget(void); // at the very end
uint32_t kernel_stack_top(const struct process *process);
void kernel_stack_forget(const struct process *process);
void context_switch(uint32_t *save_esp, uint32_t load_esp); // switch.S
void process_begin(void);                                   // switch.S: a new process's first steps
void process_first(void);

void process_init(const char *run); // makes process 1
void process_kernel(const char *name, void (*body)(void)); // one without a program, a number and an end
int process_fork(void);
void process_exit(int status) __attribute__((noreturn));
int process_wait(int *status);
int process_kill(int pid);

#endif
