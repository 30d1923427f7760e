// What kernel and programs agree on: numbers of the system calls, errors, and the structures that cross the border.
//
// Idea: a program puts the number into EAX and up to three arguments into EBX, ECX, EDX, executes INT 80h, and finds the
// result in EAX; -1 ... -99 are errors.
// Not here: what each call does; see syscall.c and user/user.h.
#ifndef MINI_ABI_H
#define MINI_ABI_H

#include <stdint.h>

enum syscall_number {
    SYS_EXIT = 1, SYS_FORK, SYS_WAIT, SYS_EXEC, SYS_READ, SYS_WRITE, SYS_OPEN, SYS_CLOSE, SYS_SBRK, SYS_SLEEP,
    SYS_GETPID, SYS_PIPE, SYS_DUP, SYS_KILL, SYS_STAT, SYS_UNLINK, SYS_CHDIR, SYS_YIELD, SYS_UPTIME, SYS_PROCESS,
    SYS_COUNTERS, SYS_HALT, SYS_MKDIR, SYS_VM, SYS_NET_ADDRESS, SYS_NET_SEND, SYS_NET_RECEIVE,
    SYS_DISK_SECTORS, SYS_DISK_READ, SYS_DISK_WRITE, SYS_DOMAIN,
    SYSCALLS,
};

enum { E_PERM = -1, E_NOENT = -2, E_IO = -5, E_BADF = -9, E_CHILD = -10, E_NOMEM = -12, E_FAULT = -14, E_BUSY = -16, E_EXIST = -17, E_NODEV = -19, E_NOTDIR = -20,
       E_ISDIR = -21, E_INVAL = -22, E_MFILE = -24, E_NOSPC = -28, E_NOEXEC = -8, E_PIPE = -32, E_SRCH = -3, E_NOSYS = -38, E_NOTSUP = -95 };

// What SYS_DOMAIN does with a domain of the hypervisor's; DOMAIN_INFO is about the first one with that number or a higher one.
// A domain that is over is made of another image in three steps: its memory is emptied, pieces are loaded, it is built.
enum domain_operation { DOMAIN_CREATE = 1, DOMAIN_DESTROY, DOMAIN_PAUSE, DOMAIN_UNPAUSE, DOMAIN_INFO,
                        DOMAIN_EMPTY = 64, DOMAIN_LOAD, DOMAIN_BUILD, DOMAIN_MIGRATE = 128, DOMAIN_MIGRATED };
enum { MIGRATE_DONE = 4, MIGRATE_FAILED = 5 }; // answers to DOMAIN_MIGRATED; less: it is on its way
enum { DOMAIN_DYING = 1, DOMAIN_SHUTDOWN = 4, DOMAIN_PAUSED = 8, DOMAIN_BLOCKED = 16, DOMAIN_RUNNING = 32 };
struct domain_info {
    uint16_t domain, unused;
    uint32_t flags;
    uint64_t pages, most_pages, shared, ns; // ns of processor time
} __attribute__((packed, aligned(4)));

enum { DOMAIN_CMDLINE = 256 };
struct domain_piece { uint32_t at /* in its memory, from 0 */, bytes /* DISK_PIECE at most */, from; };
struct domain_image { // linear addresses of the domain's, but for `end`, which is as `at`, and the text, which is the program's
    uint32_t base, entry, end, hypercalls /* a page of the image for the hypervisor to fill; 0: none */, cmdline;
};

enum { DISK_PIECE = 4096 /* bytes that are read or written at a time */ };
enum { FRAME_MOST = 1514 /* bytes of an Ethernet frame, without its check sequence */ };

enum { O_READ = 1, O_WRITE = 2, O_CREATE = 4, O_TRUNCATE = 8, O_APPEND = 16 };

// A process's status as wait() reports it: what it gave to exit(), or this plus the exception's vector, or KILLED.
enum { STATUS_TRAP = 128, STATUS_KILLED = 256 };

struct stat {
    uint32_t inode, type, size; // type: see format.h
};

struct process_info {
    int32_t pid, parent;
    uint32_t state; // 1 ready, 2 running, 3 sleeping, 4 zombie
    char name[16];
};

// What memory management and scheduler have done. Of one process, since its fork; `free_frames` is the machine's.
struct counters {
    uint32_t free_frames;
    uint32_t demand_zero;   // pages that were filled with zeros on first touch
    uint32_t demand_file;   // pages that were read from the program's file on first touch
    uint32_t cow_copies;    // shared pages that were copied on the first store
    uint32_t cow_reuses;    // shared pages that nobody else had any more: made writable as they are
    uint32_t shared_pages;  // pages of this process that another one has as well, now
    uint32_t own_pages;     // pages of this process alone, now
    uint32_t preemptions;   // times the timer took the processor away
};

#endif
