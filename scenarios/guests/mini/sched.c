// The scheduler: who runs, who sleeps, and critical sections.
//
// Idea: processes take turns. The timer takes the processor away from a program after two periods; in the kernel a process
// keeps it until it sleeps. Process 0 runs when nobody else can and waits for an interrupt.
// Whoever is going to sleep has interrupts off from looking at its condition until it is marked as sleeping; otherwise the
// interrupt that makes the condition true could come in between, and wake nobody.
// Manual: Bach, The Design of the UNIX Operating System, 2.2.2, 6.5.
// Not here: priorities, a kernel that is preempted, more than one processor.
#include "mini/kernel.h"

struct process processes[PROCESSES];
struct process *current = &processes[0];
volatile uint32_t ticks;
bool reschedule, critical_checks = true;
static uint32_t used; // ticks of the current process's turn

irq_state critical_enter(void) { return irq_save(); }

void critical_leave(irq_state saved)
{
    if (critical_checks && irq_enabled()) panic("interrupts enabled in a critical section");
    irq_restore(saved);
}

void sched_init(void)
{
    current->state = P_RUNNING;
    text_copy(current->name, "idle", sizeof current->name);
}

static struct process *next_ready(void)
{
    uint32_t from = (uint32_t)(current - processes);
    for (uint32_t i = 1; i <= PROCESSES; i++) {
        struct process *p = &processes[(from + i) % PROCESSES];
        if (p != &processes[0] && p->state == P_READY) return p;
    }
    return &processes[0];
}

void sched_switch(void)
{
    struct process *old = current, *new;
    if (old->state == P_RUNNING) old->state = P_READY;
    new = next_ready();
    new->state = P_RUNNING;
    used = 0;
    reschedule = false;
    if (new == old) return;
    current = new;
    if (new->space.directory) {
        arch_kernel_stack(kernel_stack_top(new));
        directory_load(new->space.directory);
    }
    context_switch(&old->switch_esp, new->switch_esp);
}

void sched_sleep(const void *channel)
{
    current->channel = channel;
    current->state = P_SLEEPING;
    sched_switch();
    current->channel = NULL;
}

void sched_wake(const void *channel)
{
    for (struct process *p = processes; p < processes + PROCESSES; p++)
        if (p->state == P_SLEEPING && p->channel == channel) p->state = P_READY;
}

LANDMARK void kernel_tick(void)
{
    ticks++;
    for (struct process *p = processes; p < processes + PROCESSES; p++)
        if (p->timed && (int32_t)(ticks - p->wake_at) >= 0) p->timed = false, sched_wake(&p->timed);
    if (++used >= QUANTUM) reschedule = true;
}

// The last thing before a trap or an interrupt returns. Only programs are preempted, never the kernel.
void kernel_leave(struct trap_frame *frame)
{
    if (!from_user(frame)) return;
    balloon_poll();
    if (current->killed) {
        irq_enable();
        process_exit(STATUS_KILLED);
    }
    irq_state saved = critical_enter();
    if (reschedule) {
        struct process *me = current;
        uint32_t others = 0;
        for (struct process *p = processes + 1; p < processes + PROCESSES; p++) others += p->state == P_READY;
        me->counters.preemptions += others > 0;
        sched_switch();
    }
    critical_leave(saved);
    if (current->killed) {
        irq_enable();
        process_exit(STATUS_KILLED);
    }
}

void sched_idle(void)
{
    for (;;) {
        balloon_poll();
        irq_disable();
        if (next_ready() != &processes[0]) sched_switch();
        else irq_wait();
    }
}

// What remains in memory at the end should depend on the programs alone, not on the machine's speed: when interrupts came, and
// what they left on stacks that nobody will use.
void sched_forget(void)
{
    irq_disable();
    ticks = used = 0;
    reschedule = false;
    for (struct process *p = processes; p < processes + PROCESSES; p++) {
        p->wake_at = p->counters.preemptions = 0;
        p->timed = false;
        if (p != current) p->switch_esp = 0;
        kernel_stack_forget(p);
    }
}
