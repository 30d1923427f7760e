// A hostile service kernel, for the test of whether anybody but its guests is harmed: with mad=SEED in domain 0's command line a process of
// its kernel asks the hypervisor for what nobody meant, at random, beside the back ends, until some time has passed. In an image of its own, mini-mad.elf.
//
// Idea 1: most of it is nearly right, as in mad.c: grants that exist, channels that are open, frames and page tables that are somebody's. What can be mapped of a
// guest is written to: its rings, its store's page, the pages of its requests.
// Idea 2: now and then it does what a kernel does not survive, and the hypervisor builds it anew; the next life makes other mistakes.
// Idea 3: what domain 0 may do to others by right proves nothing and is left out: what a bus master does for it, and to pause, destroy and make
// domains but the first victims=N.
// Not here: drives' contents, which are its to change.
#include "mini/kernel.h"
#include "mini/driver.h"
#include "mini/ports.h"
#include "mini/mad.h"

enum { UNTIL = 2500 /* ms of system time, or nearly */, BEGIN = 60 /* ticks in which its guests find their devices */, AT_ONCE = 30, LETHAL = 1500, LIFE = 2000 /* steps */, CHANNELS = 48, DOMAINS = 6 };
enum { CALL_SET_GDT = 2, CALL_SET_DEBUGREG = 8, CALL_VA_OTHER = 22 };

void __real_service_run(void) __attribute__((noreturn)); // service.c's: the linker has it called by its other name
void __wrap_service_run(void) __attribute__((noreturn));

static uint32_t page_of_theirs[PAGE / 4] __attribute__((aligned(PAGE))); // where grants are mapped
static uint32_t words[2 * PAGE / 4]; // answers may be longer than anybody thought

static uint32_t some_address(void)
{
    switch (chance(6)) {
    case 0: return HYPERVISOR_BEGIN + (seed >> 6);
    case 1: return some(0x1000);
    case 2: return (uint32_t)page_of_theirs - chance(32);
    case 3: return (uint32_t)words + some(16);
    default: return (uint32_t)words + chance(PAGE / 4) * 4;
    }
}

static uint32_t anything(void) { return chance(3) ? some_address() : some(chance(2) ? 16 : 0x8000); }

static void fill(uint32_t *at, uint32_t n)
{
    while (n--) *at++ = chance(2) ? some(DOMAINS) : anything();
}

// ---- What others granted -----------------------------------------------------------------------------------------------

static void write_theirs(void)
{
    struct grant_map map = { .at = (uint32_t)page_of_theirs, .ref = chance(9) ? chance(90) : some(512), .domain = (uint16_t)some(DOMAINS),
                             .flags = chance(9) ? MAP_FOR_HOST | (chance(2) ? MAP_FOR_DEVICE : 0) | (chance(4) ? 0 : MAP_READONLY) : some(32) };
    if (hypercall(HC_GRANT_TABLE, GRANT_MAP, &map, 1) || map.status) return;
    if ((map.flags & (MAP_FOR_HOST | MAP_READONLY)) == MAP_FOR_HOST)
        for (uint32_t n = chance(6); n; n--) page_of_theirs[chance(chance(2) ? 16 : PAGE / 4)] = some(chance(2) ? 8 : 2048);
    struct grant_unmap unmap = { .at = (uint32_t)page_of_theirs, .bus = map.bus, .handle = map.handle };
    if (!chance(40)) unmap.bus += PAGE;
    if (chance(60)) hypercall(HC_GRANT_TABLE, GRANT_UNMAP, &unmap, 1);
    map_own(page_of_theirs);
}

static void grant_anything(void)
{
    uint32_t op[24], count = 1 + chance(2);
    fill(op, sizeof op / 4);
    if (chance(2)) hypercall(HC_GRANT_TABLE, chance(8), op, count);
    else {
        bool in = chance(2);
        struct grant_copy_end there = { chance(2) ? some(90) : some_frame(), (uint16_t)some(DOMAINS), (uint16_t)some(PAGE) };
        struct grant_copy_end here = { machine_frame(kernel_to_physical(page_of_mine)), DOMAIN_SELF, (uint16_t)chance(PAGE) };
        struct grant_copy copy = { in ? there : here, in ? here : there, (uint16_t)some(PAGE), (uint16_t)chance(4), 0, 0 };
        hypercall(HC_GRANT_TABLE, GRANT_COPY, &copy, 1);
    }
}

// Its timer's channel is left to it, or it would sleep for ever.
static void channel_anything(void)
{
    enum { TIMER = 4, RESET = 10 };
    uint32_t what = chance(RESET), op[6] = { some(CHANNELS), some(CHANNELS), some(CHANNELS), 0 };
    if (what == CHANNEL_CLOSE && op[0] <= TIMER) return;
    if (what == CHANNEL_BIND_INTERDOMAIN) op[0] = some(DOMAINS);
    if (what == CHANNEL_ALLOC_UNBOUND) op[0] = DOMAIN_SELF | chance(DOMAINS) << 16;
    hypercall(HC_EVENT_CHANNEL, what, op);
    for (uint32_t n = chance(4); n; n--) event_send(chance(CHANNELS));
}

// ---- Memory ------------------------------------------------------------------------------------------------------------

// A page of the kernel's that is looked at through an entry of anybody's, tables that are none, tables of others.
static void tables_anything(void)
{
    uint32_t entry = some_frame() << 12 | some(0x200), domain = chance(3) ? DOMAIN_SELF : chance(DOMAINS);
    struct mmu_update update = { (uint64_t)some_frame() * PAGE + some(PAGE), entry };
    struct mmuext op = { some(20), chance(4) ? some_frame() : some_address(), chance(3) ? some_frame() : some_address() };
    switch (chance(4)) {
    case 0: hypercall(HC_MMU_UPDATE, &update, 1, 0, domain); break;
    case 1: if (op.command != MMUEXT_NEW_BASE) hypercall(HC_MMUEXT, &op, 1, 0, domain); break;
    case 2: hypercall(HC_UPDATE_VA_MAPPING, page_of_mine, entry, 0, some(4)); break;
    default: hypercall((enum hypercall_number)CALL_VA_OTHER, page_of_mine, entry, 0, some(4), domain); break;
    }
    map_own(page_of_mine);
}

static void memory_anything(void)
{
    uint32_t list[4] = { some_frame(), some_frame(), some(0x8000), some(0x8000) };
    struct reservation r = { list, 1 + chance(4), chance(6) ? 0 : some(11), some(32), chance(2) ? DOMAIN_SELF : (uint16_t)chance(DOMAINS), 0 };
    hypercall(HC_MEMORY, some(12), &r);
}

// ---- Administration, devices, anything ---------------------------------------------------------------------------------

static void control_anything(uint32_t victims)
{
    enum { CREATE = 1, DESTROY, PAUSE, UNPAUSE, INFO, LOAD = 65, BUILD };
    static const uint8_t commands[] = { CREATE, DESTROY, PAUSE, UNPAUSE, INFO, 64, LOAD, LOAD, BUILD, 67, 128, 129, 0, 255 };
    struct domctl op = { .command = commands[chance(sizeof commands)], .version = chance(20) ? DOMCTL_VERSION : seed };
    fill((uint32_t *)&op.info, sizeof op.info / 4);
    uint32_t domain = some(DOMAINS) & 0xFFFF;
    op.domain = (uint16_t)(op.command == INFO || !domain || domain > DOMAINS ? domain : victims ? 1 + chance(victims) : 0);
    if (op.command == DESTROY && chance(20)) return;
    if (op.command == LOAD && chance(4)) op.piece = (struct domain_piece){ some(0x100000) & ~3u, some(PAGE), (uint32_t)page_of_mine };
    if (op.command == BUILD && chance(4))
        op.image = (struct domain_image){ KERNEL_BASE, KERNEL_BASE + some(0x10000), some(0x200000), chance(2) ? 0 : KERNEL_BASE + some(64) * PAGE, (uint32_t)page_of_mine };
    hypercall(HC_DOMCTL, &op);
}

static void device_anything(void)
{
    static const uint16_t given[] = { 0x1F1, 0x1F2, 0x1F3, 0x1F4, 0x1F5, 0x1F6, 0x1F7, 0x3F6, 0x171, 0x176, 0x177, 0x376, 0xC200, 0xC23E, 0xCFC };
    uint32_t level = 1;
    fill(words, 4);
    hypercall(HC_PHYSDEV, some(16), words);
    hypercall(HC_PHYSDEV, PHYSDEV_SET_IOPL, &level); // the drivers need it
    uint16_t port = given[chance(sizeof given / sizeof *given)];
    if (chance(4)) words[0] = inb(port);
    else if (port < 0x400) outb(port, (uint8_t)seed); // the drives; not what configures or starts bus masters
}

static void call_anything(void)
{
    static const uint8_t calls[] = { 1, 5, 7, 9, 10, 12, 13, 14, 16, 17, 18, 19, 20, 21, 24, 26, 28, 32, 33, 35, 37, 11, 25, 27, 31, 34, 38, 60, 127 };
    uint32_t call = calls[chance(sizeof calls)], level = 1;
    fill(words, PAGE / 4);
    hypercall((enum hypercall_number)call, chance(4) ? some(16) : anything(), anything(), chance(4) ? some(40) : anything(), anything(), anything());
    hypercall(HC_PHYSDEV, PHYSDEV_SET_IOPL, &level);
    map_own(page_of_mine);
}

// Who does this is not there any more, sooner or later.
static void lethal(void)
{
    static const uint16_t denied[] = { 0x20, 0xA1, 0x40, 0x43, 0x60, 0x64, 0x70, 0x92, 0xF4, 0x3F8, 0x604, 0xB2, 0xCF9, 0xD000 };
    uint32_t reason = some(5); // to switch off, to begin anew, ...
    fill(words, 64);
    struct mmuext base = { MMUEXT_NEW_BASE, some_frame(), 0 };
    switch (chance(12)) {
    case 0: hypercall(HC_SET_CALLBACKS, some(0x10000), anything(), some(0x10000), anything()); break;
    case 1: hypercall(HC_SET_TRAP_TABLE, words); break;
    case 2: hypercall(HC_STACK_SWITCH, some(0x10000), anything()); break;
    case 3: hypercall((enum hypercall_number)CALL_SET_GDT, words, some(600)); break;
    case 4: hypercall(HC_MMUEXT, &base, 1, 0, DOMAIN_SELF); break;
    case 5: hypercall(HC_EVENT_CHANNEL, 10, words); break; // reset
    case 6: outb(denied[chance(sizeof denied / sizeof *denied)], (uint8_t)seed); break;
    case 7: *(volatile uint32_t *)(chance(2) ? HYPERVISOR_BEGIN + (seed >> 8) : 0u - (seed >> 12)) = seed; break;
    case 8: hypercall((enum hypercall_number)CALL_SET_DEBUGREG, some(8), anything()); break;
    default: hypercall(HC_SCHED, SCHED_SHUTDOWN, &reason); break;
    }
}

// ---- All of it -------------------------------------------------------------------------------------------------------------

static void step(uint32_t victims)
{
    if (!chance(LETHAL)) lethal();
    switch (chance(12)) {
    case 0: case 1: case 2: write_theirs(); break;
    case 3: case 4: grant_anything(); break;
    case 5: channel_anything(); break;
    case 6: case 7: tables_anything(); break;
    case 8: memory_anything(); break;
    case 9: control_anything(victims); break;
    case 10: device_anything(); break;
    default: call_anything(); break;
    }
}

static void sleep_ticks(uint32_t n)
{
    irq_state saved = critical_enter();
    current->wake_at = ticks + n;
    current->timed = true;
    while (current->timed) sched_sleep(&current->timed);
    critical_leave(saved);
}

static void mad_service(void)
{
    sleep_ticks(BEGIN);
    uint32_t victims = kernel_option("victims"); // not later: the command line may not be there any more
    seed = kernel_option("mad") ^ milliseconds() * 2654435761u; // another one in each life
    kprintf("mini: a mad service domain\n");
    for (uint32_t i = 0; milliseconds() < UNTIL; i++) {
        if (i > LIFE) lethal();
        step(victims);
        if (i % AT_ONCE == 0) sleep_ticks(1);
    }
    kprintf("mini: mad no more\n");
    for (;;) sleep_ticks(1000);
}

void __wrap_service_run(void)
{
    if (kernel_option("mad")) process_kernel("mad", mad_service);
    __real_service_run();
}
