// The reference solution.
#include "arch.h"
#include "hypervisor.h"

static const uint32_t *frame_of_page;
static volatile struct shared_info *shared;
static uint8_t shared_page[4096] __attribute__((aligned(4096)));
static uint32_t timer_port;

static uint64_t now(void)
{
    uint32_t version, low, high;
    uint64_t time;
    do {
        version = shared->vcpu[0].version;
        __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
        uint64_t delta = ((uint64_t)high << 32 | low) - shared->vcpu[0].tsc_timestamp;
        int shift = shared->vcpu[0].shift;
        delta = shift < 0 ? delta >> -shift : delta << shift;
        time = shared->vcpu[0].system_time + ((delta & 0xFFFFFFFF) * shared->vcpu[0].mul >> 32) + (delta >> 32) * shared->vcpu[0].mul;
    } while (version & 1 || version != shared->vcpu[0].version);
    return time;
}

void arch_start(const struct start_info *start)
{
    static const struct trap_info traps[] = {
        { VECTOR_GP, 0, KERNEL_CS, (uint32_t)trap_gp },
        { VECTOR_PF, 4, KERNEL_CS, (uint32_t)trap_pf },
        { 0x80, 3, KERNEL_CS, (uint32_t)syscall_entry },
        { 0 },
    };
    frame_of_page = (const uint32_t *)start->mfn_list;
    hypercall(CALL_UPDATE_VA_MAPPING, (uint32_t)shared_page, start->shared_info | PTE_P | PTE_W, 0, UVMF_INVLPG);
    shared = (volatile struct shared_info *)shared_page;
    hypercall(CALL_SET_TRAP_TABLE, (uint32_t)traps, 0, 0, 0);
    hypercall(CALL_SET_CALLBACKS, KERNEL_CS, (uint32_t)event_entry, KERNEL_CS, (uint32_t)failsafe_entry);
    hypercall(CALL_STACK_SWITCH, KERNEL_DS, (uint32_t)kernel_stack_top, 0, 0);
}

void console_write(const char *text, uint32_t length)
{
    hypercall(CALL_CONSOLE_IO, CONSOLE_WRITE, length, (uint32_t)text, 0);
}

void interrupts_off(void)
{
    shared->vcpu[0].upcall_mask = 1;
    __asm__ volatile("" : : : "memory");
}

static void handle(void)
{
    shared->vcpu[0].upcall_pending = 0;
    uint32_t words = __atomic_exchange_n(&shared->vcpu[0].pending_sel, 0, __ATOMIC_SEQ_CST);
    for (; words; words &= words - 1) {
        uint32_t w = (uint32_t)__builtin_ctz(words);
        uint32_t bits = shared->pending[w] & ~shared->mask[w];
        __atomic_fetch_and(&shared->pending[w], ~bits, __ATOMIC_SEQ_CST);
        if (w == timer_port / 32 && bits >> timer_port % 32 & 1) tick();
    }
}

void interrupts_on(void)
{
    shared->vcpu[0].upcall_mask = 0;
    __asm__ volatile("" : : : "memory");
    while (shared->vcpu[0].upcall_pending) { // the hypervisor does not look when a byte of memory changes
        shared->vcpu[0].upcall_mask = 1;
        handle();
        shared->vcpu[0].upcall_mask = 0;
        __asm__ volatile("" : : : "memory");
    }
}

bool interrupts_are_on(void) { return !shared->vcpu[0].upcall_mask; }

void timer_again(void)
{
    uint64_t when = now() + 1000000;
    hypercall(CALL_SET_TIMER_OP, (uint32_t)when, (uint32_t)(when >> 32), 0, 0);
}

void timer_start(void)
{
    struct bind_virq bind = { .virq = VIRQ_TIMER };
    hypercall(CALL_EVENT_CHANNEL_OP, EVENT_BIND_VIRQ, (uint32_t)&bind, 0, 0);
    timer_port = bind.port;
    hypercall(CALL_VCPU_OP, VCPU_STOP_PERIODIC, 0, 0, 0);
    timer_again();
}

void idle(void) { hypercall(CALL_SCHED_OP, SCHED_BLOCK, 0, 0, 0); }

void map(uint32_t at, const void *page, uint32_t rights)
{
    uint32_t frame = frame_of_page[((uint32_t)page - 0xC0000000) >> 12];
    hypercall(CALL_UPDATE_VA_MAPPING, at, frame << 12 | rights, 0, UVMF_INVLPG);
}

uint32_t fault_address(void) { return shared->vcpu[0].cr2; }
void arch_event(void) { handle(); }

void power_off(bool good)
{
    uint32_t reason = good ? SHUTDOWN_GOOD : SHUTDOWN_CRASH;
    for (;;) hypercall(CALL_SCHED_OP, SCHED_SHUTDOWN, (uint32_t)&reason, 0, 0);
}
