// System calls: from the registers of a program to the functions of the kernel.
//
// Idea: a table from number to function; each gets the three arguments as the program passed them and checks them, for a
// program may pass anything.
// Manual: abi.h has the numbers, user/user.h the C side.
#include "mini/kernel.h"

typedef int call(uint32_t a, uint32_t b, uint32_t c);
enum { PATH = 128, ARGUMENTS = 32 };

static struct file **descriptor(uint32_t number)
{
    return number < DESCRIPTORS && current->file[number] ? &current->file[number] : NULL;
}

static int descriptor_new(struct file *file) // takes the file over
{
    for (int i = 0; i < DESCRIPTORS; i++)
        if (!current->file[i]) return current->file[i] = file, i;
    file_close(file);
    return E_MFILE;
}

static bool give(uint32_t to, const void *from, uint32_t size) { return space_write(&current->space, to, from, size); }
static bool take_path(uint32_t from, char *path) { return space_read_text(&current->space, from, path, PATH); }

static int sys_exit(uint32_t status, uint32_t b, uint32_t c)
{
    (void)b, (void)c;
    process_exit((int)(status & 0x7F));
}

static int sys_fork(uint32_t a, uint32_t b, uint32_t c)
{
    (void)a, (void)b, (void)c;
    return process_fork();
}

static int sys_wait(uint32_t to, uint32_t b, uint32_t c)
{
    int status, pid = process_wait(&status);
    (void)b, (void)c;
    if (pid > 0 && to && !give(to, &status, sizeof status)) return E_FAULT;
    return pid;
}

// The strings of a NULL-terminated list, one after the other; their number.
static int take_arguments(uint32_t list, char *text, uint32_t *size)
{
    *size = 0;
    for (int n = 0; n < ARGUMENTS; n++) {
        uint32_t at;
        if (!space_read(&current->space, list + (uint32_t)n * 4, &at, 4)) return E_FAULT;
        if (!at) return n;
        if (!space_read_text(&current->space, at, text + *size, ARGUMENT_BYTES - *size)) return E_FAULT;
        *size += text_length(text + *size) + 1;
    }
    return E_INVAL;
}

static int sys_exec(uint32_t path_at, uint32_t list, uint32_t c)
{
    char path[PATH], text[ARGUMENT_BYTES];
    uint32_t size;
    (void)c;
    if (!take_path(path_at, path)) return E_FAULT;
    int count = take_arguments(list, text, &size);
    return count < 0 ? count : exec(path, text, size, (uint32_t)count);
}

static int sys_read(uint32_t fd, uint32_t to, uint32_t size)
{
    struct file **f = descriptor(fd);
    return f ? file_read(*f, to, size) : E_BADF;
}

static int sys_write(uint32_t fd, uint32_t from, uint32_t size)
{
    struct file **f = descriptor(fd);
    return f ? file_write(*f, from, size) : E_BADF;
}

static int sys_open(uint32_t path_at, uint32_t mode, uint32_t c)
{
    char path[PATH];
    int error = E_FAULT;
    (void)c;
    struct file *f = take_path(path_at, path) ? file_open(path, mode, &error) : NULL;
    return f ? descriptor_new(f) : error;
}

static int sys_close(uint32_t fd, uint32_t b, uint32_t c)
{
    struct file **f = descriptor(fd);
    (void)b, (void)c;
    if (!f) return E_BADF;
    file_close(*f);
    *f = NULL;
    return 0;
}

// Pages come later, on first touch; but more than there is now is not promised.
static int sys_sbrk(uint32_t change, uint32_t b, uint32_t c)
{
    struct space *s = &current->space;
    uint32_t old = s->heap_end, page = PAGE - 1;
    bool shrink = (int32_t)change < 0;
    uint32_t room = shrink ? old - s->heap_begin : STACK_LIMIT - PAGE - old;
    (void)b, (void)c;
    if ((shrink ? -change : change) > room || (!shrink && change / PAGE > frames_free() + balloon_size())) return E_NOMEM;
    s->heap_end = old + change;
    if (shrink) space_shrink(s, (s->heap_end + page) & ~page, (old + page) & ~page);
    return (int)old;
}

static int sys_sleep(uint32_t periods, uint32_t b, uint32_t c)
{
    (void)b, (void)c;
    irq_state saved = critical_enter();
    current->wake_at = ticks + periods;
    current->timed = periods > 0;
    while (current->timed && !current->killed) sched_sleep(&current->timed);
    critical_leave(saved);
    return 0;
}

static int sys_getpid(uint32_t a, uint32_t b, uint32_t c)
{
    (void)a, (void)b, (void)c;
    return current->pid;
}

static int sys_pipe(uint32_t to, uint32_t b, uint32_t c)
{
    struct file *ends[2];
    int fd[2], error = pipe_new(ends);
    (void)b, (void)c;
    if (error) return error;
    fd[0] = descriptor_new(ends[0]);
    fd[1] = descriptor_new(ends[1]);
    if (fd[0] >= 0 && fd[1] >= 0 && give(to, fd, sizeof fd)) return 0;
    for (int i = 0; i < 2; i++)
        if (fd[i] >= 0) sys_close((uint32_t)fd[i], 0, 0);
    return fd[1] < 0 ? fd[1] : E_FAULT;
}

static int sys_dup(uint32_t fd, uint32_t b, uint32_t c)
{
    struct file **f = descriptor(fd);
    (void)b, (void)c;
    return f ? descriptor_new(file_share(*f)) : E_BADF;
}

static int sys_kill(uint32_t pid, uint32_t b, uint32_t c)
{
    (void)b, (void)c;
    return process_kill((int)pid);
}

static int sys_stat(uint32_t fd, uint32_t to, uint32_t c)
{
    struct file **f = descriptor(fd);
    struct stat s;
    (void)c;
    if (!f) return E_BADF;
    file_stat(*f, &s);
    return give(to, &s, sizeof s) ? 0 : E_FAULT;
}

static int sys_unlink(uint32_t path_at, uint32_t b, uint32_t c)
{
    char path[PATH];
    (void)b, (void)c;
    return take_path(path_at, path) ? path_unlink(path) : E_FAULT;
}

static int sys_mkdir(uint32_t path_at, uint32_t b, uint32_t c)
{
    char path[PATH];
    int error = E_FAULT;
    (void)b, (void)c;
    struct inode *inode = take_path(path_at, path) ? path_create(path, TYPE_DIRECTORY, &error) : NULL;
    if (inode) inode_put(inode);
    return inode ? 0 : error;
}

static int sys_chdir(uint32_t path_at, uint32_t b, uint32_t c)
{
    char path[PATH];
    int error = E_FAULT;
    (void)b, (void)c;
    struct inode *inode = take_path(path_at, path) ? path_find(path, &error) : NULL;
    if (!inode) return error;
    bool good = inode->disk.type == TYPE_DIRECTORY;
    inode_put(good ? current->directory : inode);
    if (good) current->directory = inode;
    return good ? 0 : E_NOTDIR;
}

static int sys_yield(uint32_t a, uint32_t b, uint32_t c)
{
    (void)a, (void)b, (void)c;
    irq_state saved = critical_enter();
    sched_switch();
    critical_leave(saved);
    return 0;
}

static int sys_uptime(uint32_t a, uint32_t b, uint32_t c)
{
    (void)a, (void)b, (void)c;
    return (int)(ticks & 0x7FFFFFFF);
}

// The process in one row of the table: 1 if there is one, 0 if the row is free, an error behind the last.
static int sys_process(uint32_t row, uint32_t to, uint32_t c)
{
    (void)c;
    if (row >= PROCESSES) return E_INVAL;
    const struct process *p = &processes[row];
    struct process_info info = { .pid = p->pid, .parent = p->parent ? p->parent->pid : 0, .state = p->state };
    text_copy(info.name, p->name, sizeof info.name);
    if (p->state == P_FREE) return 0;
    return give(to, &info, sizeof info) ? 1 : E_FAULT;
}

static int sys_counters(uint32_t to, uint32_t b, uint32_t c)
{
    (void)b, (void)c;
    if (!space_touch(&current->space, to, true)) return E_FAULT; // first, for it may be counted itself
    struct counters now = current->counters;
    space_count(&current->space, &now);
    return give(to, &now, sizeof now) ? 0 : E_FAULT;
}

static const char calls_end[] = "nobody wakes who sleeps for this";

static int sys_halt(uint32_t status, uint32_t b, uint32_t c)
{
    (void)b, (void)c;
    irq_state saved = critical_enter();
    while (arch_service()) sched_sleep(calls_end); // its back ends go on, whatever its programs do
    critical_leave(saved);
    console_drain(); // needs interrupts no more
    sched_forget();
    arch_off(status);
}

static int sys_vm(uint32_t call, uint32_t vm, uint32_t record) { return arch_vm(call, vm, record); }

static int sys_net_address(uint32_t to, uint32_t b, uint32_t c)
{
    uint8_t address[6];
    (void)b, (void)c;
    int error = net_address(address);
    return error ? error : give(to, address, sizeof address) ? 0 : E_FAULT;
}

static int sys_net_send(uint32_t from, uint32_t size, uint32_t c)
{
    uint8_t frame[FRAME_MOST];
    (void)c;
    if (size > sizeof frame) return E_INVAL;
    return space_read(&current->space, from, frame, size) ? net_send(frame, size) : E_FAULT;
}

static int sys_net_receive(uint32_t to, uint32_t periods, uint32_t c)
{
    uint8_t frame[FRAME_MOST];
    (void)c;
    int size = net_receive(frame, periods);
    return size <= 0 || give(to, frame, (uint32_t)size) ? size : E_FAULT;
}

static int sys_disk_sectors(uint32_t disk, uint32_t b, uint32_t c)
{
    (void)b, (void)c;
    return (int)(disk_sectors(disk) & 0x7FFFFFFF);
}

// A piece of a disk: as many sectors as make 4 KB. A disk that takes several requests at once is asked by several processes.
enum { PIECES = 4 };
static struct { uint8_t bytes[DISK_PIECE]; } pieces[PIECES] __attribute__((aligned(DISK_PIECE)));
static bool taken[PIECES];

static uint32_t piece_take(void)
{
    uint32_t n = 0;
    irq_state saved = critical_enter();
    while (taken[n])
        if (++n == PIECES) sched_sleep(taken), n = 0;
    taken[n] = true;
    critical_leave(saved);
    return n;
}

static void piece_leave(uint32_t n)
{
    irq_state saved = critical_enter();
    taken[n] = false;
    sched_wake(taken);
    critical_leave(saved);
}

static int disk_piece(uint32_t disk, uint32_t sector, uint32_t address, bool write)
{
    if (!disk_takes_several) fs_enter();
    uint32_t n = piece_take();
    uint8_t *bytes = pieces[n].bytes;
    int error = write && !space_read(&current->space, address, bytes, DISK_PIECE) ? E_FAULT : 0;
    if (!error) error = block_raw(disk, sector, DISK_PIECE / SECTOR, bytes, write);
    if (!error && !write && !give(address, bytes, DISK_PIECE)) error = E_FAULT;
    piece_leave(n);
    if (!disk_takes_several) fs_leave();
    return error;
}

static int sys_disk_read(uint32_t disk, uint32_t sector, uint32_t to) { return disk_piece(disk, sector, to, false); }
static int sys_disk_write(uint32_t disk, uint32_t sector, uint32_t from) { return disk_piece(disk, sector, from, true); }

static call *const calls[SYSCALLS] = {
    [SYS_EXIT] = sys_exit, [SYS_FORK] = sys_fork, [SYS_WAIT] = sys_wait, [SYS_EXEC] = sys_exec, [SYS_READ] = sys_read,
    [SYS_WRITE] = sys_write, [SYS_OPEN] = sys_open, [SYS_CLOSE] = sys_close, [SYS_SBRK] = sys_sbrk,
    [SYS_SLEEP] = sys_sleep, [SYS_GETPID] = sys_getpid, [SYS_PIPE] = sys_pipe, [SYS_DUP] = sys_dup,
    [SYS_KILL] = sys_kill, [SYS_STAT] = sys_stat, [SYS_UNLINK] = sys_unlink, [SYS_CHDIR] = sys_chdir,
    [SYS_YIELD] = sys_yield, [SYS_UPTIME] = sys_uptime, [SYS_PROCESS] = sys_process, [SYS_COUNTERS] = sys_counters,
    [SYS_HALT] = sys_halt, [SYS_MKDIR] = sys_mkdir, [SYS_VM] = sys_vm,
    [SYS_NET_ADDRESS] = sys_net_address, [SYS_NET_SEND] = sys_net_send, [SYS_NET_RECEIVE] = sys_net_receive,
    [SYS_DISK_SECTORS] = sys_disk_sectors, [SYS_DISK_READ] = sys_disk_read, [SYS_DISK_WRITE] = sys_disk_write,
    [SYS_DOMAIN] = arch_domain,
};

LANDMARK void kernel_syscall(struct trap_frame *frame)
{
    uint32_t number = frame->eax;
    call *function = number < SYSCALLS ? calls[number] : NULL;
    current->frame = frame;
    int result = function ? function(frame->ebx, frame->ecx, frame->edx) : E_NOSYS;
    if (number != SYS_EXEC || result < 0) frame->eax = (uint32_t)result; // a new program begins with registers of its own
}
