// What every program of mini can call: the kernel's services, and a little library.
#ifndef MINI_USER_H
#define MINI_USER_H

#include "mini/abi.h"
#include "mini/format.h"
#include "mini/text.h"

int syscall(int number, ...); // start.S; always looks at three arguments

// ---- System calls; a negative result is one of the errors E_... of abi.h --------------------------------------------
static inline int fork(void) { return syscall(SYS_FORK, 0, 0, 0); }
static inline int wait(int *status) { return syscall(SYS_WAIT, status, 0, 0); }
static inline int exec(const char *path, char *const *argv) { return syscall(SYS_EXEC, path, argv, 0); }
static inline int read(int fd, void *to, uint32_t size) { return syscall(SYS_READ, fd, to, size); }
static inline int write(int fd, const void *from, uint32_t size) { return syscall(SYS_WRITE, fd, from, size); }
static inline int open(const char *path, uint32_t mode) { return syscall(SYS_OPEN, path, mode, 0); }
static inline int close(int fd) { return syscall(SYS_CLOSE, fd, 0, 0); }
static inline void *sbrk(int change) { return (void *)syscall(SYS_SBRK, change, 0, 0); }
static inline int sleep(uint32_t milliseconds) { return syscall(SYS_SLEEP, milliseconds, 0, 0); }
static inline int getpid(void) { return syscall(SYS_GETPID, 0, 0, 0); }
static inline int pipe(int ends[2]) { return syscall(SYS_PIPE, ends, 0, 0); } // [0] reads what [1] writes
static inline int dup(int fd) { return syscall(SYS_DUP, fd, 0, 0); }          // as the lowest free number
static inline int kill(int pid) { return syscall(SYS_KILL, pid, 0, 0); }
static inline int stat(int fd, struct stat *to) { return syscall(SYS_STAT, fd, to, 0); }
static inline int unlink(const char *path) { return syscall(SYS_UNLINK, path, 0, 0); }
static inline int mkdir(const char *path) { return syscall(SYS_MKDIR, path, 0, 0); }
static inline int chdir(const char *path) { return syscall(SYS_CHDIR, path, 0, 0); }
static inline int yield(void) { return syscall(SYS_YIELD, 0, 0, 0); }
static inline int uptime(void) { return syscall(SYS_UPTIME, 0, 0, 0); }
static inline int process(int row, struct process_info *to) { return syscall(SYS_PROCESS, row, to, 0); }
static inline int counters(struct counters *to) { return syscall(SYS_COUNTERS, to, 0, 0); }
static inline int halt(int status) { return syscall(SYS_HALT, status, 0, 0); }
static inline int net_address(uint8_t to[6]) { return syscall(SYS_NET_ADDRESS, to, 0, 0); }
static inline int net_send(const void *frame, uint32_t size) { return syscall(SYS_NET_SEND, frame, size, 0); }
static inline int net_receive(void *to /* FRAME_MOST bytes */, uint32_t milliseconds) { return syscall(SYS_NET_RECEIVE, to, milliseconds, 0); } // 0: nothing came
static inline int disk_sectors(int disk) { return syscall(SYS_DISK_SECTORS, disk, 0, 0); }
static inline int disk_read(int disk, uint32_t sector, void *to /* DISK_PIECE bytes */) { return syscall(SYS_DISK_READ, disk, sector, to); }
static inline int disk_write(int disk, uint32_t sector, const void *from) { return syscall(SYS_DISK_WRITE, disk, sector, from); }
static inline int domain(int operation, int number, void *record) { return syscall(SYS_DOMAIN, operation, number, record); }
void exit(int status) __attribute__((noreturn));

// ---- Library (user.c) ------------------------------------------------------------------------------------------------
void printf(const char *format, ...);
void eprintf(const char *format, ...); // to descriptor 2
void *allocate(uint32_t size);         // zeroed, never given back; ends the program if there is no memory
const char *error_text(int error);
int read_line(int fd, char *line, uint32_t room); // without its end; -1: end of the file
int open_or_complain(const char *program, const char *path);

#endif
