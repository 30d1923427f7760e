// Processes: how they begin, multiply and end.
//
// Idea: fork copies the process, exec replaces its program; together they start any program, and between the two the child
// can arrange its files. Who ends stays as a zombie until its parent has asked what became of it; orphans go to process 1.
// Manual: Ritchie and Thompson, The UNIX Time-Sharing System, CACM 17(7), 1974, section V.
// Not here: threads, groups, signals but the deadly one.
#include "mini/kernel.h"

static uint8_t kernel_stacks[PROCESSES][KERNEL_STACK] __attribute__((aligned(16)));
static int last_pid;
static const char *first_run; // the command line's script for process 1, or NULL

uint32_t kernel_stack_top(const struct process *process)
{
    return (uint32_t)kernel_stacks[process - processes] + KERNEL_STACK;
}

// Zeros where nothing is any more: everywhere, or below what the caller still needs.
void kernel_stack_forget(const struct process *process)
{
    enum { IN_USE = 128 };
    uint8_t *stack = kernel_stacks[process - processes], *here = (uint8_t *)__builtin_frame_address(0) - IN_USE;
    uint32_t size = KERNEL_STACK;
    if (here >= stack && here < stack + KERNEL_STACK) size = (uint32_t)(here - stack);
    memset(stack, 0, size);
}

// What context_switch expects on a stack it has left: EDI, ESI, EBX, EBP, where to return to.
static void stack_init(struct process *p)
{
    uint32_t *at;
    p->frame = (struct trap_frame *)(kernel_stack_top(p) - sizeof *p->frame);
    at = (uint32_t *)p->frame;
    *--at = (uint32_t)process_begin;
    for (int i = 0; i < 4; i++) *--at = 0;
    p->switch_esp = (uint32_t)at;
}

static struct process *process_new(void)
{
    for (struct process *p = processes + 1; p < processes + PROCESSES; p++) {
        if (p->state != P_FREE) continue;
        memset(p, 0, sizeof *p);
        p->pid = ++last_pid;
        stack_init(p);
        return p;
    }
    return NULL;
}

// The first thing a new process does, on its own stack, with interrupts off as after every switch.
void process_first(void)
{
    irq_enable();
    if (current->body) current->body();
    if (current->pid != 1) return;
    fs_mount();
    current->directory = inode_get(ROOT_INODE);
    struct file *console = file_new(TYPE_CONSOLE, O_READ | O_WRITE);
    for (int i = 0; i < 3; i++) current->file[i] = i ? file_share(console) : console;
    char arguments[1024] = "init";
    uint32_t size = 5;
    if (first_run) {
        text_copy(arguments + size, first_run, sizeof arguments - size);
        size += text_length(arguments + size) + 1;
    }
    int error = exec("/bin/init", arguments, size, first_run ? 2 : 1);
    if (error) panic("/bin/init: error %d", error);
}

void process_init(const char *run)
{
    struct process *p = process_new();
    first_run = run;
    if (!space_init(&p->space)) panic("no memory for the first process");
    text_copy(p->name, "init", sizeof p->name);
    p->state = P_READY;
}

void process_kernel(const char *name, void (*body)(void))
{
    struct process *p = process_new();
    if (!p) panic("too many processes");
    p->pid = 0, last_pid--;
    p->body = body;
    text_copy(p->name, name, sizeof p->name);
    p->state = P_READY;
}

int process_fork(void)
{
    struct process *child = process_new();
    if (!child) return E_NOMEM;
    if (!space_copy(&child->space, &current->space)) return E_NOMEM;
    *child->frame = *current->frame;
    child->frame->eax = 0;
    child->parent = current;
    child->directory = current->directory;
    child->directory->users++;
    text_copy(child->name, current->name, sizeof child->name);
    for (int i = 0; i < DESCRIPTORS; i++)
        if (current->file[i]) child->file[i] = file_share(current->file[i]);
    child->state = P_READY;
    return child->pid;
}

static void give_away_children(void)
{
    for (struct process *p = processes + 1; p < processes + PROCESSES; p++) {
        if (p->state == P_FREE || p->parent != current) continue;
        p->parent = &processes[1];
        if (p->state == P_ZOMBIE) sched_wake(&processes[1]);
    }
}

void process_exit(int status)
{
    if (current->pid == 1) panic("process 1 ended, status %d", status);
    for (int i = 0; i < DESCRIPTORS; i++)
        if (current->file[i]) file_close(current->file[i]), current->file[i] = NULL;
    inode_put(current->directory);
    space_done(&current->space);
    (void)critical_enter(); // for good
    give_away_children();
    current->status = status;
    current->state = P_ZOMBIE;
    sched_wake(current->parent);
    sched_switch();
    panic("a dead process runs");
}

// A child that has ended is forgotten and its number returned; otherwise *any tells whether there is one to wait for.
static int reap(int *status, bool *any)
{
    *any = false;
    for (struct process *p = processes + 1; p < processes + PROCESSES; p++) {
        if (p->state == P_FREE || p->parent != current) continue;
        *any = true;
        if (p->state != P_ZOMBIE) continue;
        *status = p->status;
        p->state = P_FREE;
        return p->pid;
    }
    return 0;
}

int process_wait(int *status)
{
    bool any;
    int pid;
    irq_state saved = critical_enter();
    while (!(pid = reap(status, &any)) && any && !current->killed) sched_sleep(current);
    critical_leave(saved);
    return pid ? pid : E_CHILD;
}

int process_kill(int pid)
{
    int result = E_SRCH;
    irq_state saved = critical_enter();
    for (struct process *p = processes + 1; p < processes + PROCESSES; p++) {
        if (p->pid != pid || pid <= 1 || p->state == P_FREE || p->state == P_ZOMBIE) continue;
        p->killed = true;
        if (p->state == P_SLEEPING) p->state = P_READY;
        result = 0;
    }
    critical_leave(saved);
    return result;
}
