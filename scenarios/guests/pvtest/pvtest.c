// Guest `pvtest`: a paravirtual kernel that tries each part of its hypervisor's interface once, and says what came of it.
//
// It starts, speaks, handles traps, runs a program in ring 3, changes its page tables, waits for a timer, and then attempts
// everything that is forbidden (forbidden.c). What it prints depends on nothing but the interface: no times, no addresses.
// Manual: Xen 3 public headers and interface manual.
#include "pvtest/pv.h"

const struct start_info *info;
volatile struct shared_info *shared;
uint32_t *mfn_list, base_of_pages;
volatile uint32_t events, faults, last_code, last_cr2, last_vector, soft_ints, failsafes;

static uint8_t shared_page[4096] __attribute__((aligned(4096)));
static uint8_t user_stack[4096] __attribute__((aligned(4096)));
static uint32_t pages[2][1024] __attribute__((aligned(4096)));

// ---- speaking

void print(const char *text)
{
    uint32_t n = 0;
    while (text[n]) n++;
    hypercall(CALL_CONSOLE_IO, 0, n, (uint32_t)text, 0);
}

void print_hex(uint32_t value, int digits)
{
    char text[9];
    for (int i = digits - 1; i >= 0; i--, value >>= 4) text[i] = "0123456789ABCDEF"[value & 15];
    text[digits] = 0;
    print(text);
}

void print_dec(uint32_t value)
{
    char text[11], *at = &text[10];
    *at = 0;
    do *--at = (char)('0' + value % 10);
    while (value /= 10);
    print(at);
}

void print_result(const char *what, int32_t result)
{
    print(what);
    print(": ");
    if (result < 0) print("-");
    print_dec((uint32_t)(result < 0 ? -result : result));
    print("\n");
}

LANDMARK void finish(bool success)
{
    uint32_t reason = success ? 0 : 3;
    print(success ? "pvtest: ok\n" : "pvtest: failed\n");
    for (;;) hypercall(CALL_SCHED_OP, 2, (uint32_t)&reason, 0, 0);
}

void require(bool ok, const char *what)
{
    print(what);
    print(ok ? ": yes\n" : ": NO\n");
    if (!ok) finish(false);
}

// ---- traps

void trap(struct frame *f);
uint32_t system_call(uint32_t number);

static void handle_events(void)
{
    shared->vcpu[0].upcall_pending = 0;
    uint32_t words = __atomic_exchange_n(&shared->vcpu[0].pending_sel, 0, __ATOMIC_SEQ_CST);
    for (uint32_t w = 0; w < 32; w++)
        if (words & 1u << w) {
            uint32_t bits = shared->pending[w] & ~shared->mask[w];
            shared->pending[w] &= ~bits;
            for (; bits; bits &= bits - 1) events++;
        }
}

void trap(struct frame *f)
{
    last_vector = f->vector;
    last_code = f->code;
    if (f->vector == 0x100) {
        handle_events();
        return;
    }
    if (f->vector == 0x101) { // what was loaded before is null: the kernel's own are needed again
        failsafes++;
        f->ds = f->es = 0xE021;
        return;
    }
    if (f->vector == 0x81) {
        soft_ints++;
        return;
    }
    if (f->vector == 14) last_cr2 = shared->vcpu[0].cr2;
    faults++;
    if (f->eip >= (uint32_t)attempts && f->eip < (uint32_t)attempts_end) {
        f->eip = (uint32_t)tried;
        return;
    }
    print("unexpected trap ");
    print_hex(f->vector, 3);
    print(" at ");
    print_hex(f->eip, 8);
    print("\n");
    finish(false);
}

LANDMARK uint32_t system_call(uint32_t number) // in ring 1, on the stack that stack_switch named
{
    if (number & 0x80000000) leave_user(number & 0x7FFFFFFF);
    return number;
}

LANDMARK static void set_traps(void)
{
    static const struct { uint8_t vector, flags; const uint8_t *entry; } handlers[] = {
        { 0, 0, trap_entry_divide }, { 1, 0, trap_entry_debug }, { 3, 3, trap_entry_breakpoint }, { 6, 0, trap_entry_invalid },
        { 7, 0, trap_entry_no_fpu }, { 11, 0, trap_entry_segment }, { 12, 0, trap_entry_stack },
        { 13, 0, trap_entry_protection }, { 14, 4, trap_entry_page }, { 0x80, 3, syscall_entry }, { 0x81, 3, trap_entry_soft },
    };
    enum { N = sizeof handlers / sizeof handlers[0] };
    static struct trap_info table[N + 1];
    for (int i = 0; i < N; i++)
        table[i] = (struct trap_info){ handlers[i].vector, handlers[i].flags, 0xE019, (uint32_t)handlers[i].entry };
    print_result("set_trap_table", hypercall(CALL_SET_TRAP_TABLE, (uint32_t)table, 0, 0, 0));
    print_result("set_callbacks", hypercall(CALL_SET_CALLBACKS, 0xE019, (uint32_t)trap_entry_event, 0xE019,
                                            (uint32_t)trap_entry_failsafe));
    print_result("stack_switch", hypercall(CALL_STACK_SWITCH, 0xE021, (uint32_t)trap_stack_top, 0, 0));
}

// ---- memory

uint32_t mfn_of(const void *at) { return mfn_list[((uint32_t)at - base_of_pages) >> 12]; }

int32_t update_va(uint32_t at, uint32_t entry) { return hypercall(CALL_UPDATE_VA_MAPPING, at, entry, 0, UVMF_INVLPG); }

uint32_t *table_entry(uint32_t at)
{
    return (uint32_t *)(info->pt_base + UPPER_TABLES * 4096 + ((at - base_of_pages) >> 12) * ENTRY_BYTES);
}

uint32_t machine_of(const void *at) { return mfn_of(at) << 12 | ((uint32_t)at & 0xFFF); }

int32_t update_entry(uint32_t ptr, uint32_t val, uint32_t val_high)
{
    struct mmu_update u = { ptr, 0, val, val_high };
    return hypercall(CALL_MMU_UPDATE, (uint32_t)&u, 1, 0, DOM_SELF);
}

int32_t extended(uint32_t cmd, uint32_t arg1, uint32_t arg2)
{
    struct mmuext_op op = { cmd, arg1, arg2 };
    return hypercall(CALL_MMUEXT_OP, (uint32_t)&op, 1, 0, DOM_SELF);
}

static void map_shared_info(void)
{
    int32_t result = update_va((uint32_t)shared_page, info->shared_info | PTE_P | PTE_W);
    if (result) for (;;) print_result("mapping shared_info", result);
    shared = (struct shared_info *)shared_page;
}

LANDMARK static void change_tables(void)
{
    pages[0][0] = 'a', pages[1][0] = 'b';
    struct mmu_update u = { machine_of(table_entry((uint32_t)pages[0])), 0, mfn_of(pages[1]) << 12 | PTE_P | PTE_W, 0 };
    uint32_t done = 0;
    print_result("mmu_update", hypercall(CALL_MMU_UPDATE, (uint32_t)&u, 1, (uint32_t)&done, DOM_SELF));
    require(done == 1, "one update done");
    struct mmuext_op flush = { INVLPG_LOCAL, (uint32_t)pages[0], 0 };
    print_result("invlpg", hypercall(CALL_MMUEXT_OP, (uint32_t)&flush, 1, 0, DOM_SELF));
    require(*(volatile uint32_t *)pages[0] == 'b', "the page is another one now");
    print_result("update_va_mapping", update_va((uint32_t)pages[0], mfn_of(pages[0]) << 12 | PTE_P | PTE_W));
    require(*(volatile uint32_t *)pages[0] == 'a', "and the first one again");
    require(M2P[mfn_of(pages[0])] == ((uint32_t)pages[0] - base_of_pages) >> 12, "machine_to_phys knows it");
    require(!try_store((uint32_t)&M2P[0], 1), "machine_to_phys is read-only");
    require(!try_store((uint32_t)table_entry((uint32_t)pages[0]), 0), "so are page tables");
    require(last_vector == 14 && last_code == 3 && last_cr2 == (uint32_t)table_entry((uint32_t)pages[0]), "#PF with code and CR2");
}

LANDMARK static void batch(void)
{
    struct multicall_entry list[3] = {
        { CALL_UPDATE_VA_MAPPING, 0, { (uint32_t)pages[0], mfn_of(pages[0]) << 12 | PTE_P, 0, UVMF_INVLPG } },
        { CALL_XEN_VERSION, 0, { 0 } },
        { CALL_UPDATE_VA_MAPPING, 0, { (uint32_t)pages[0], mfn_of(pages[0]) << 12 | PTE_P | PTE_W, 0, UVMF_INVLPG } },
    };
    print_result("multicall", hypercall(CALL_MULTICALL, (uint32_t)list, 3, 0, 0));
    require(!list[0].result && list[1].result >> 16 == 3 && !list[2].result, "results in the list");
}

// The same 64 changes twice: with a hypercall for each, and with one for all.
enum { UPDATES = 64 };
static struct mmu_update updates[UPDATES];

LANDMARK static int32_t one_by_one(void)
{
    int32_t failed = 0;
    for (int i = 0; i < UPDATES; i++) failed += hypercall(CALL_MMU_UPDATE, (uint32_t)&updates[i], 1, 0, DOM_SELF) != 0;
    return failed;
}

LANDMARK static int32_t all_at_once(void) { return hypercall(CALL_MMU_UPDATE, (uint32_t)updates, UPDATES, 0, DOM_SELF); }
LANDMARK static void after_batches(void) { __asm__ volatile(""); }

static void many_updates(void)
{
    for (int i = 0; i < UPDATES; i++)
        updates[i] = (struct mmu_update){ machine_of(table_entry((uint32_t)pages[1])), 0,
                                          mfn_of(pages[1]) << 12 | PTE_P | PTE_W | (i & 1 ? PTE_A : 0), 0 };
    print_result("64 hypercalls, failed", one_by_one());
    print_result("one hypercall", all_at_once());
    after_batches();
}

// With the assist a store into a table is tried, and done if a hypercall might have.
LANDMARK static void writable_tables(void)
{
    uint32_t *entry = table_entry((uint32_t)pages[0]);
    print_result("vm_assist", hypercall(CALL_VM_ASSIST, 0, 2, 0, 0));
    require(try_store((uint32_t)entry, mfn_of(pages[1]) << 12 | PTE_P | PTE_W), "a store into a table works");
    struct mmuext_op flush = { INVLPG_LOCAL, (uint32_t)pages[0], 0 };
    hypercall(CALL_MMUEXT_OP, (uint32_t)&flush, 1, 0, DOM_SELF);
    require(*(volatile uint32_t *)pages[0] == 'b', "and has its effect");
    // With PAE it may be half of an entry whose other half comes next: it is stored, but not as present.
    require(!try_store((uint32_t)entry, mfn_of(entry) << 12 | PTE_P | PTE_W) || !(*(volatile uint32_t *)entry & PTE_P), "not one that maps the table writable");
    require(try_store((uint32_t)entry, mfn_of(pages[0]) << 12 | PTE_P | PTE_W), "back again");
    hypercall(CALL_MMUEXT_OP, (uint32_t)&flush, 1, 0, DOM_SELF);
    print_result("without assist", hypercall(CALL_VM_ASSIST, 1, 2, 0, 0));
    require(!try_store((uint32_t)entry, 0), "it is a fault again");
}

// ---- ring 3

LANDMARK static void user(void)
{
    for (uint32_t at = (uint32_t)__user_start; at < (uint32_t)__user_end; at += 4096)
        print_result("user page", update_va(at, mfn_of((void *)at) << 12 | PTE_P | PTE_U));
    print_result("user stack", update_va((uint32_t)user_stack, mfn_of(user_stack) << 12 | PTE_P | PTE_W | PTE_U));
    uint32_t calls = run_user((uint32_t)user_main, (uint32_t)user_stack + sizeof user_stack);
    print("system calls: ");
    print_dec(calls);
    print("\n");
    require(soft_ints == 1, "int 81h came through the hypervisor");
}

LANDMARK static void unit(void)
{
    print_result("fpu_taskswitch", hypercall(CALL_FPU_TASKSWITCH, 1, 0, 0, 0));
    require(!try_fpu() && last_vector == 7, "the x87 unit is switched off: #NM");
    require(try_fpu(), "which has switched it on");
}

// ---- time and events

static uint64_t now(void)
{
    uint32_t version, low, high;
    uint64_t time;
    do {
        version = shared->vcpu[0].version;
        __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
        uint64_t delta = ((uint64_t)high << 32 | low) - shared->vcpu[0].tsc_timestamp;
        int shift = shared->vcpu[0].shift;
        delta = shift < 0 ? delta >> -shift : delta << shift;
        time = shared->vcpu[0].system_time + ((delta & 0xFFFFFFFF) * shared->vcpu[0].mul >> 32) +
               (delta >> 32) * shared->vcpu[0].mul;
    } while (version & 1 || version != shared->vcpu[0].version);
    return time;
}

LANDMARK static void timer(void)
{
    struct { uint32_t virq, vcpu, port; } bind = { 0, 0, 0 };
    print_result("bind_virq", hypercall(CALL_EVENT_CHANNEL_OP, 1, (uint32_t)&bind, 0, 0));
    print_result("stop the tick", hypercall(CALL_VCPU_OP, 7, 0, 0, 0));
    uint64_t begin = now(), when = begin + 2000000;
    print_result("set_timer_op", hypercall(CALL_SET_TIMER_OP, (uint32_t)when, (uint32_t)(when >> 32), 0, 0));
    uint32_t before = events;
    print_result("block", hypercall(CALL_SCHED_OP, 1, 0, 0, 0));
    require(events == before + 1, "the timer event came");
    require(now() >= when && now() < when + 1000000, "and in time");
    require(shared->vcpu[0].upcall_mask == 0, "block has unmasked events");
}

LANDMARK static void channels(void)
{
    struct { uint16_t dom, remote; uint32_t port; } listen = { DOM_SELF, DOM_SELF, 0 };
    print_result("alloc_unbound", hypercall(CALL_EVENT_CHANNEL_OP, 6, (uint32_t)&listen, 0, 0));
    struct { uint16_t dom, unused; uint32_t remote_port, port; } bind = { DOM_SELF, 0, listen.port, 0 };
    uint32_t before = events;
    print_result("bind_interdomain", hypercall(CALL_EVENT_CHANNEL_OP, 0, (uint32_t)&bind, 0, 0));
    shared->mask[listen.port / 32] |= 1u << listen.port % 32;
    print_result("send", hypercall(CALL_EVENT_CHANNEL_OP, 4, (uint32_t)&bind.port, 0, 0));
    require(events == before + 1, "a masked channel stays silent"); /* the one is bind_interdomain's */
    print_result("unmask", hypercall(CALL_EVENT_CHANNEL_OP, 9, (uint32_t)&listen.port, 0, 0));
    require(events == before + 2, "unmasking tells what was missed");
    print_result("close", hypercall(CALL_EVENT_CHANNEL_OP, 3, (uint32_t)&bind.port, 0, 0));
}

void kmain(const struct start_info *start);
void kmain(const struct start_info *start)
{
    info = start;
    mfn_list = (uint32_t *)start->mfn_list;
    base_of_pages = 0xC0000000;
    print("pvtest: ");
    print(start->magic);
    print("\n");
    map_shared_info();
    print_result("version", hypercall(CALL_XEN_VERSION, 0, 0, 0, 0) >> 16);
    require(shared->vcpu[0].upcall_mask == 1, "events are masked at first");
    set_traps();
    change_tables();
    batch();
    many_updates();
    writable_tables();
    user();
    unit();
    timer();
    channels();
    forbidden();
#ifdef PAE
    three_levels();
#endif
    finish(true);
}
