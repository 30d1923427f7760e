// Under a paravirtualizing hypervisor (Xen 3, x86-32): start of day, page tables, events, time, power.
//
// Idea: the same border as arch_native.c, by other means. The interrupt flag is a byte in shared memory. Page tables are
// read like any memory, but changed by hypercalls, many entries at a time, since the hypervisor checks each; they hold
// machine frames, for which the kernel looks up its own. INT 80h of a program enters here directly.
// Manual: Xen interface manual for x86, 3 to 5; Barham et al., Xen and the Art of Virtualization, SOSP 2003.
// Not here: several virtual processors. Leaving the machine: suspend.c.
#include "mini/kernel.h"
#include "mini/driver.h"
#include "mini/pv.h"
#include "mini/service.h"

enum { QUEUE = 128, EXCEPTIONS = 19, EVENT = 0x100, CHANNELS = 64 };
enum { FIRST_HYPERVISOR_ENTRY = (HYPERVISOR_BEGIN >> TABLE_SHIFT) % TABLE_ENTRIES };
enum { PERIOD = 1000000000 / HZ }; // ns

extern const uint32_t trap_entries[32];
extern uint8_t __text_start[], __text_end[];
void syscall_entry(void);
void event_entry(void);
void failsafe_entry(void);
void arch_start(const struct start_info *start) __attribute__((noreturn));
void arch_trap(struct trap_frame *frame);

static struct vcpu_info *const me = &shared_info.vcpu[0];
static uint32_t frame_list[RAM_MAX / PAGE] __attribute__((aligned(PAGE))); // machine frame of each frame of ours
static uint32_t frames_at_most;            // as many as there may ever be
static bool may_grow;                      // it began with fewer
static pte_t *boot_directory; // what CR3 names

static void barrier(void) { __asm__ volatile("" : : : "memory"); }

static void must(int result, const char *what)
{
    if (result) panic("the hypervisor refuses %s: %d", what, result);
}

// ---- Interrupts: events, and a byte that masks them -------------------------------------------------------------------

irq_state irq_save(void)
{
    irq_state on = !me->masked;
    me->masked = 1;
    barrier();
    return on;
}

void irq_restore(irq_state saved)
{
    if (saved) irq_enable();
}

bool irq_enabled(void) { return !me->masked; }

void irq_enable(void)
{
    barrier();
    me->masked = 0;
    barrier();
    if (me->pending) hypercall(HC_XEN_VERSION, 0, 0); // came while masked: any hypercall delivers it
}

void irq_disable(void) { me->masked = 1, barrier(); }
void irq_wait(void)
{
    if (suspend_wanted()) suspend();
    hypercall(HC_SCHED, SCHED_BLOCK, 0); // unmasks, too
}

static void (*event_handlers[CHANNELS])(void);

void event_install(uint32_t channel, void (*handler)(void))
{
    if (channel >= CHANNELS) panic("event channel %u", channel);
    event_handlers[channel] = handler;
    __asm__ volatile("lock btr %0, %1" : "+m"(shared_info.mask[channel / 32]) : "r"(channel % 32) : "memory");
}

uint32_t event_listen(uint16_t domain)
{
    struct alloc_unbound op = { DOMAIN_SELF, domain, 0 };
    return hypercall(HC_EVENT_CHANNEL, CHANNEL_ALLOC_UNBOUND, &op) ? 0 : op.port;
}

uint32_t event_bind(uint16_t domain, uint32_t remote)
{
    struct bind_interdomain op = { .domain = domain, .remote_port = remote };
    return hypercall(HC_EVENT_CHANNEL, CHANNEL_BIND_INTERDOMAIN, &op) ? 0 : op.port;
}

void event_send(uint32_t channel) { hypercall(HC_EVENT_CHANNEL, CHANNEL_SEND, &channel); }

void event_close(uint32_t channel)
{
    if (!channel) return;
    event_handlers[channel] = NULL;
    hypercall(HC_EVENT_CHANNEL, CHANNEL_CLOSE, &channel);
}

static uint32_t take(volatile uint32_t *word) // all its bits
{
    uint32_t bits = 0;
    __asm__ volatile("xchg %0, %1" : "+r"(bits), "+m"(*word) : : "memory");
    return bits;
}

static void handle_word(uint32_t word)
{
    uint32_t bits;
    while ((bits = shared_info.pending[word] & ~shared_info.mask[word])) {
        uint32_t bit = (uint32_t)__builtin_ctz(bits), channel = word * 32 + bit;
        __asm__ volatile("lock btr %0, %1" : "+m"(shared_info.pending[word]) : "r"(bit) : "memory");
        if (channel < CHANNELS && event_handlers[channel]) event_handlers[channel]();
    }
}

static void handle_events(void)
{
    while (me->pending) {
        me->pending = 0;
        for (uint32_t words = take(&me->selector); words; words &= words - 1) handle_word((uint32_t)__builtin_ctz(words));
    }
}

void arch_trap(struct trap_frame *frame)
{
    if (frame->vector == EVENT) handle_events();
    else if (frame->vector == VECTOR_SYSCALL) kernel_syscall(frame);
    else if (frame->vector == VECTOR_PF) kernel_page_fault(frame, me->cr2);
    else kernel_exception(frame);
    kernel_leave(frame);
    if (suspend_wanted() && from_user(frame)) irq_disable(), suspend();
    irq_disable(); // nothing may come between the loads of trap_return
}

static void traps_ready(void)
{
    enum { BREAKPOINT = 3, OVERFLOW = 4 };
    struct trap_info table[EXCEPTIONS + 2] = { 0 };
    for (uint8_t vector = 0; vector < EXCEPTIONS; vector++) {
        uint8_t dpl = vector == BREAKPOINT || vector == OVERFLOW ? TRAP_DPL3 : 0;
        table[vector] = (struct trap_info){ vector, dpl | TRAP_MASKS_EVENTS, RING1_CS, trap_entries[vector] };
    }
    table[EXCEPTIONS] = (struct trap_info){ VECTOR_SYSCALL, TRAP_DPL3, RING1_CS, (uint32_t)syscall_entry };
    must(hypercall(HC_SET_TRAP_TABLE, table), "the trap table");
    must(hypercall(HC_SET_CALLBACKS, RING1_CS, event_entry, RING1_CS, failsafe_entry), "the callbacks");
}

// ---- A domain that was given real devices -----------------------------------------------------------------------------

void irq_install(unsigned irq, irq_handler *handler)
{
    struct bind_pirq bind = { .irq = irq };
    must(hypercall(HC_EVENT_CHANNEL, CHANNEL_BIND_PIRQ, &bind), "an interrupt");
    event_install(bind.port, handler);
}

// A line that is up until its device is served was masked when it came.
void irq_done(unsigned irq) { must(hypercall(HC_PHYSDEV, PHYSDEV_EOI, &irq), "the end of an interrupt"); }

uint32_t dma_address(const void *memory)
{
    uint32_t physical = kernel_to_physical(memory);
    return machine_frame(physical) * PAGE + physical % PAGE;
}

static bool is_service;
void (*arch_service(void))(void) { return is_service ? service_run : NULL; }

// ---- Time -------------------------------------------------------------------------------------------------------------

static uint64_t next_tick;

static uint64_t system_time(void)
{
    volatile struct time_record *t = &me->time;
    uint32_t version, low, high;
    uint64_t delta, base;
    do {
        version = t->version;
        barrier();
        __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
        delta = ((uint64_t)high << 32 | low) - t->tsc;
        base = t->system_time;
        delta = t->shift < 0 ? delta >> -t->shift : delta << t->shift;
        delta = (delta >> 32) * t->multiplier + ((delta & 0xFFFFFFFF) * t->multiplier >> 32);
        barrier();
    } while ((version & 1) || version != t->version);
    return base + delta;
}

uint32_t milliseconds(void) { return (uint32_t)(system_time() >> 20); } // or nearly

static void set_timer(void) { hypercall(HC_SET_TIMER, (uint32_t)next_tick, (uint32_t)(next_tick >> 32)); }

// Timer events also come by themselves, every 10 ms: what counts is the time.
static bool timer_stopped;
static void on_timer(void)
{
    if (timer_stopped) return;
    for (uint64_t now = system_time(); now >= next_tick; next_tick += PERIOD) kernel_tick();
    set_timer();
}

uint32_t event_virtual(uint32_t virq)
{
    struct bind_virq bind = { .virq = virq };
    must(hypercall(HC_EVENT_CHANNEL, CHANNEL_BIND_VIRQ, &bind), "a virtual interrupt");
    return bind.port;
}

static void timer_ready(void)
{
    next_tick = system_time() + PERIOD;
    event_install(event_virtual(VIRQ_TIMER), on_timer);
    set_timer();
}

void arch_timer_stop(void)
{
    timer_stopped = true;
    hypercall(HC_SET_TIMER, 0, 0);
}

void arch_pause(int periods)
{
    for (uint64_t end = system_time() + (uint64_t)periods * PERIOD; system_time() < end;) {}
}

// ---- Page tables: machine frames, changed by the hypervisor ------------------------------------------------------------

static struct mmu_update queue[QUEUE];
static uint32_t queued;

const uint32_t *machine_frames(void) { return frame_list; }
uint32_t page_of_frame(uint32_t mfn) { return MACHINE_TO_PHYSICAL[mfn]; }
uint32_t machine_frame(uint32_t physical) { return frame_list[physical / PAGE]; }
pte_t pte_make(uint32_t physical, uint32_t flags) { return machine_frame(physical) * PAGE | flags; }
uint32_t pte_physical(pte_t entry) { return MACHINE_TO_PHYSICAL[entry / PAGE] * PAGE; }

void pte_set(pte_t *slot, pte_t value)
{
    uint32_t physical = kernel_to_physical(slot);
    if (queued == QUEUE) pte_sync();
    queue[queued++] = (struct mmu_update){ machine_frame(physical) * PAGE + physical % PAGE, value };
}

void pte_sync(void)
{
    uint32_t count = queued;
    queued = 0;
    if (count) must(hypercall(HC_MMU_UPDATE, queue, count, 0, DOMAIN_SELF), "page-table entries");
}

static void mmuext(uint32_t command, uint32_t argument, const char *what)
{
    struct mmuext op = { command, argument, 0 };
    must(hypercall(HC_MMUEXT, &op, 1, 0, DOMAIN_SELF), what);
}

void tlb_flush_page(uint32_t address) { mmuext(MMUEXT_INVLPG, address, "INVLPG"); }
void tlb_flush_all(void) { mmuext(MMUEXT_FLUSH, 0, "a TLB flush"); }

static void map_kernel_page(void *page, pte_t entry)
{
    must(hypercall(HC_UPDATE_VA_MAPPING, page, (uint32_t)entry, 0, VA_INVLPG), "a mapping"); // all memory is below 4 GB
}

void map_machine(void *page, uint32_t mfn) { map_kernel_page(page, mfn * PAGE | PTE_P | PTE_RW); }

static void set_writable(void *page, bool writable)
{
    map_kernel_page(page, pte_make(kernel_to_physical(page), PTE_P | (writable ? PTE_RW : 0)));
}

void map_own(void *page) { set_writable(page, true); }

// A page is a table or writable, never both.
void table_adopt(pte_t *table, enum table_level level)
{
    if (level == LEVEL_DIRECTORY && ROOT_ENTRIES == 1)
        for (uint32_t i = FIRST_KERNEL_ENTRY; i < FIRST_HYPERVISOR_ENTRY; i++) table[i] = boot_directory[i];
    set_writable(table, false);
    mmuext(level == LEVEL_DIRECTORY ? MMUEXT_PIN_DIRECTORY : MMUEXT_PIN_TABLE, machine_frame(kernel_to_physical(table)), "a table");
}

void table_release(pte_t *table, enum table_level level)
{
    (void)level;
    mmuext(MMUEXT_UNPIN, machine_frame(kernel_to_physical(table)), "to let go of a table");
    set_writable(table, true);
}

// The kernel's part is in a directory that belongs to one root alone, for the hypervisor is in it, too. Its tables are common to all.
static pte_t *kernel_upper(pte_t *root) { return ROOT_ENTRIES == 1 ? root : physical_to_kernel(pte_physical(root[KERNEL_ENTRY])); }

#ifdef PAE
bool root_adopt(pte_t *root)
{
    uint32_t frame = frame_new();
    pte_t *upper = physical_to_kernel(frame);
    if (!frame) return false;
    for (uint32_t i = FIRST_KERNEL_ENTRY; i < FIRST_HYPERVISOR_ENTRY; i++) upper[i] = kernel_upper(boot_directory)[i];
    root[KERNEL_ENTRY] = pte_make(frame, PTE_P);
    set_writable(upper, false);
    set_writable(root, false);
    mmuext(MMUEXT_PIN_ROOT, machine_frame(kernel_to_physical(root)), "a root");
    return true;
}

void root_abandon(pte_t *root)
{
    table_release(root, LEVEL_DIRECTORY);
    set_writable(kernel_upper(root), true);
    frame_drop(pte_physical(root[KERNEL_ENTRY]));
}
#endif

void directory_load(pte_t *directory)
{
    mmuext(MMUEXT_NEW_BASE, machine_frame(kernel_to_physical(directory ? directory : boot_directory)), "a directory");
}

// All RAM at KERNEL_BASE, and tables for what may come. The builder has mapped as much as its tables reach, 4 MB each (PAE: 2 MB).
static void map_ram(struct boot *boot, uint32_t mapped)
{
    for (uint32_t at = mapped; at < frames_at_most * PAGE; at += TABLE_ENTRIES * PAGE) {
        pte_t *table = physical_to_kernel(boot->free_begin);
        for (uint32_t i = 0; i < TABLE_ENTRIES; i++)
            table[i] = at + i * PAGE < boot->free_end ? pte_make(at + i * PAGE, PTE_P | PTE_RW) : 0;
        set_writable(table, false);
        pte_set(&kernel_upper(boot_directory)[FIRST_KERNEL_ENTRY + (at >> TABLE_SHIFT)], pte_make(boot->free_begin, PTE_P | PTE_RW));
        pte_sync();
        boot->free_begin += PAGE;
    }
    for (uint8_t *page = __text_start; page < __text_end; page += PAGE) set_writable(page, false);
}

// ---- To another machine -----------------------------------------------------------------------------------------------

void arch_leaves(void)
{
    grant_leaves();
    map_own(&shared_info);
    me->masked = 1; // of a page that nobody else sees: who looks shall find what is
}

void arch_arrives(const struct start_info *start, bool stayed)
{
    map_machine(&shared_info, start->shared_info / PAGE);
    if (!stayed) {
        memset(event_handlers, 0, sizeof event_handlers);
        event_install(event_virtual(VIRQ_TIMER), on_timer);
        if (!timer_stopped) set_timer();
    }
    grant_arrives(stayed);
}

// ---- Processes -----------------------------------------------------------------------------------------------------

void arch_kernel_stack(uint32_t top) { hypercall(HC_STACK_SWITCH, RING1_DS, top); }

void arch_user_frame(struct trap_frame *frame, uint32_t entry, uint32_t stack)
{
    *frame = (struct trap_frame){ .es = RING3_DS, .ds = RING3_DS, .eip = entry, .cs = RING3_CS,
                                  .eflags = EFLAGS_ALWAYS | EFLAGS_IF, .esp = stack, .ss = RING3_DS };
}

// ---- The balloon: frames go by hypercall, and the domain's limit says how many it may have ----------------------------------

enum { BALLOON_START, BALLOON_TARGET, BALLOON_LOCK, BALLOON_UNLOCK, BALLOON_OK = 0, BALLOON_REFUSED };

static bool reserve(uint32_t operation, uint32_t *frame)
{
    struct reservation r = { .list = frame, .count = 1, .domain = DOMAIN_SELF };
    return hypercall(HC_MEMORY, operation, &r) == 1;
}

static bool give_frame(uint32_t frame)
{
    uint32_t mfn = frame_list[frame];
    map_kernel_page(physical_to_kernel(frame * PAGE), 0); // the last reference goes first
    if (reserve(MEMORY_DECREASE, &mfn)) return true;
    map_machine(physical_to_kernel(frame * PAGE), mfn);
    return false;
}

static bool take_frame(uint32_t frame)
{
    uint32_t mfn = frame;
    if (!reserve(MEMORY_POPULATE, &mfn)) return false;
    frame_list[frame] = mfn;
    map_machine(physical_to_kernel(frame * PAGE), mfn);
    return true;
}

uint32_t balloon_call(uint32_t command, uint32_t argument, uint32_t *target)
{
    uint16_t self = DOMAIN_SELF;
    if (command == BALLOON_LOCK) return give_frame(argument) ? BALLOON_OK : BALLOON_REFUSED;
    if (command == BALLOON_UNLOCK) return take_frame(argument) ? BALLOON_OK : BALLOON_REFUSED;
    if (command == BALLOON_START && !may_grow) return UINT32_MAX; // it has all there is, and nobody will want it
    uint32_t limit = (uint32_t)hypercall(HC_MEMORY, MEMORY_MAXIMUM, &self);
    *target = limit < frames_at_most ? frames_at_most - limit : 0;
    return BALLOON_OK;
}

// How many frames there may ever be: what firmware's map of memory says, or as many as there are.
static uint32_t most_frames(uint32_t now)
{
    struct { uint64_t begin, size; uint32_t type; } __attribute__((packed)) range;
    struct memory_map map = { 1, (void *)&range };
    if (hypercall(HC_MEMORY, MEMORY_MAP, &map) || range.begin + range.size <= now * (uint64_t)PAGE) return now;
    return range.size < RAM_MAX ? (uint32_t)range.size / PAGE : RAM_MAX / PAGE;
}

// ---- Start and end ---------------------------------------------------------------------------------------------------

void arch_start(const struct start_info *start)
{
    uint32_t end = start->pages < RAM_MAX / PAGE ? start->pages * PAGE : RAM_MAX;
    struct boot boot = { .free_end = end, .command_line = start->command_line };
    uint32_t mapped = (start->table_frames - (ROOT_ENTRIES == 1 ? 1 : 2)) << TABLE_SHIFT; // all tables but the directory, and what is above it
    memcpy(frame_list, (const void *)start->frame_list, end / PAGE * sizeof *frame_list);
    frames_at_most = most_frames(end / PAGE);
    may_grow = frames_at_most > end / PAGE;
    if (may_grow) boot.absent_end = frames_at_most * PAGE;
    boot_directory = (pte_t *)start->directory;
    boot.free_begin = kernel_to_physical(boot_directory) + (start->table_frames + 1) * PAGE; // behind the builder's stack
    if (start->module_size) boot.module = kernel_to_physical((void *)start->module), boot.module_size = start->module_size;
    map_machine(&shared_info, start->shared_info / PAGE);
    traps_ready();
    console_init(start);
    is_service = (start->flags & START_INITIAL) != 0;
    if (is_service) console_take(NULL); // until it knows for whom it is
    uint32_t level = 1; // the kernel's ring may use ports
    if (is_service) must(hypercall(HC_PHYSDEV, PHYSDEV_SET_IOPL, &level), "ports");
    store_init(start);
    map_ram(&boot, mapped);
    timer_ready();
    if (!is_service) suspend_init(start, frame_list, frames_at_most);
    kernel_main(&boot);
}

void arch_off(uint32_t status)
{
    uint32_t reason = status ? SHUTDOWN_CRASH : SHUTDOWN_OFF;
    console_drain();
    for (;;) hypercall(HC_SCHED, SCHED_SHUTDOWN, &reason);
}

// A guest of a hypervisor is none's host here.
int arch_vm(uint32_t call, uint32_t vm, uint32_t record)
{
    (void)call, (void)vm, (void)record;
    return E_NOSYS;
}
