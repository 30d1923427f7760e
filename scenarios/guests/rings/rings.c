// Guest `rings`: a kernel in ring 0, two tasks in ring 3, system calls, and a timer that takes turns.
//
// Idea: rings are enforced by three small things: the page tables (U bit), the gate INT 80h (the only one with DPL 3),
// and the TSS (where the kernel's stack is). The timer interrupt is what gives the kernel its processor back.
// The kernel itself always runs with IF = 0, so only ring 3 is ever interrupted.
// Manual: Intel SDM volume 3, 5.5 (privilege levels), 6.12 (handlers), 7.2.1 (TSS).
// Not here: address spaces (both tasks share one), sleeping, priorities.
#include "rings/rings.h"
#include "lib/guest.h"

// rings/entry.S
void timer_entry(void);
void syscall_entry(void);
void enter_user(struct trap_frame *frame) __attribute__((noreturn));
void leave_tasks(void) __attribute__((noreturn));
// called from there
struct trap_frame *timer_tick(struct trap_frame *frame);
struct trap_frame *system_call(struct trap_frame *frame);
void all_done(void);
// rings/user.c
void user_a(void);
void user_b(void);
extern uint8_t user_stack_a[4096], user_stack_b[4096];
extern const uint8_t user_cli[];
// guest.ld
extern uint8_t __user_text_start[], __user_text_end[], __user_data_start[], __user_data_end[];

enum { STACK_SIZE = 4096 };

struct task {
    const char *name;
    struct trap_frame *context; // where it was interrupted; on its kernel stack
    uint8_t *kernel_stack;
    bool alive, preempted;
};

static uint8_t kernel_stacks[2][STACK_SIZE] __attribute__((aligned(4096)));
static struct task tasks[2];
static struct task *current;
static bool ticked, cli_trapped;

// The other task if it is alive, else the current one.
static struct task *next_task(void)
{
    struct task *other = current == &tasks[0] ? &tasks[1] : &tasks[0];
    return other->alive ? other : current;
}

static struct trap_frame *switch_to(struct task *task)
{
    current = task;
    tss.esp0 = (uint32_t)(task->kernel_stack + STACK_SIZE); // the next trap of this task starts there
    return task->context;
}

LANDMARK struct trap_frame *timer_tick(struct trap_frame *frame)
{
    ticked = true;
    pic_end_of_interrupt();
    current->context = frame;
    struct task *next = next_task();
    if (next != current)
        current->preempted = true; // it did not ask to stop
    return switch_to(next);
}

// May ring 3 read all of [address, address + length)? Both areas are pages marked U.
static bool user_may_read(uint32_t address, uint32_t length)
{
    uint32_t end = address + length;
    if (end < address)
        return false;
    return (address >= (uint32_t)__user_text_start && end <= (uint32_t)__user_text_end) ||
           (address >= (uint32_t)__user_data_start && end <= (uint32_t)__user_data_end);
}

static uint32_t call_write(uint32_t address, uint32_t length)
{
    if (!user_may_read(address, length))
        return 1;
    for (const char *text = (const char *)address; length > 0; text++, length--)
        print((char[2]){*text, 0});
    return 0;
}

LANDMARK struct trap_frame *system_call(struct trap_frame *frame)
{
    switch (frame->eax) {
    case CALL_WRITE:
        frame->eax = call_write(frame->ebx, frame->ecx);
        return frame;
    case CALL_TICKED:
        frame->eax = ticked;
        return frame;
    case CALL_EXIT:
        current->alive = false;
        if (!next_task()->alive)
            leave_tasks();
        return switch_to(next_task());
    default:
        frame->eax = ~0u;
        return frame;
    }
}

// #GP from ring 3: expected once, at user_cli. CLI is one byte long.
static void general_protection(struct trap_frame *frame)
{
    if ((frame->cs & 3) != 3 || frame->eip != (uint32_t)user_cli || frame->error_code != 0)
        trap_unexpected(frame);
    print("kernel: #GP(0000) from ring 3, cli skipped\n");
    cli_trapped = true;
    frame->eip += 1;
}

static void make_task(struct task *task, const char *name, void (*entry)(void), uint8_t *user_stack,
                      uint8_t *kernel_stack)
{
    struct trap_frame *frame = (struct trap_frame *)(kernel_stack + STACK_SIZE) - 1;
    *frame = (struct trap_frame){
        .es = SEL_USER_DATA, .ds = SEL_USER_DATA,
        .eip = (uint32_t)entry, .cs = SEL_USER_CODE, .eflags = EFLAGS_ALWAYS | EFLAGS_IF,
        .esp = (uint32_t)(user_stack + STACK_SIZE), .ss = SEL_USER_DATA,
    };
    *task = (struct task){.name = name, .context = frame, .kernel_stack = kernel_stack, .alive = true};
}

// Open the pages of user.c to ring 3. Both levels must say U: the directory entry and the page's own.
static void open_user_pages(void)
{
    page_directory[0] |= PTE_US;
    for (uint32_t at = (uint32_t)__user_text_start; at < (uint32_t)__user_text_end; at += 4096)
        low_table[at >> 12] |= PTE_US;
    for (uint32_t at = (uint32_t)__user_data_start; at < (uint32_t)__user_data_end; at += 4096)
        low_table[at >> 12] |= PTE_US;
}

static bool report(const struct task *task)
{
    print("task ");
    print(task->name);
    print(task->preempted ? ": preempted, finished\n" : ": NEVER preempted\n");
    return task->preempted;
}

LANDMARK void all_done(void)
{
    bool ok = report(&tasks[0]);
    ok = report(&tasks[1]) && ok && cli_trapped;
    print(ok ? "rings: ok\n" : "rings: FAILED\n");
    // Which task was last, and where each was interrupted, is chance: do not leave it in memory.
    for (int i = 0; i < 2; i++)
        for (int at = 0; at < STACK_SIZE; at++)
            kernel_stacks[i][at] = 0;
    tasks[0].context = tasks[1].context = 0;
    current = 0;
    tss.esp0 = (uint32_t)boot_stack_top;
    finish(ok);
}

LANDMARK void kmain(void)
{
    serial_init();
    print("rings: kernel in ring 0, two tasks in ring 3\n");
    tables_init();
    idt[VECTOR_TIMER] = gate(SEL_KERNEL_CODE, timer_entry, ACCESS_INT_GATE);
    idt[VECTOR_SYSCALL] = gate(SEL_KERNEL_CODE, syscall_entry, ACCESS_INT_GATE | ACCESS_DPL3);
    tables_load();
    trap_handlers[VECTOR_GP] = general_protection;
    paging_init();
    open_user_pages();
    paging_on();
    make_task(&tasks[0], "a", user_a, user_stack_a, kernel_stacks[0]);
    make_task(&tasks[1], "b", user_b, user_stack_b, kernel_stacks[1]);
    pic_init();
    pit_start();
    pic_unmask_timer();
    enter_user(switch_to(&tasks[0])); // IF becomes 1 with the EFLAGS in the frame, not before
}
