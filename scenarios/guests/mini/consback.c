// The back end of consoles: what guests write goes out by a line of the serial card each, what is typed goes to one of them.
//
// Idea: a guest's console is two rings of bytes in a page that its domain's builder granted to us. Text is taken out of it as fast as the line's
// 16550 takes it, 16 characters whenever its transmitter is empty. The card has no interrupt: while there is something to send it is
// polled, and others take turns with that. Whoever types at the service domain's own line speaks with one guest at a time; ^A and a digit chooses another one, ^A0
// the service domain itself. Counters are the guest's to change, so they are read once and checked.
// Manual: Xen public headers, io/console.h; PC16550D data sheet.
// Not here: a name of its own in the store (the builder's grant and port are all there is to it), lines that others have.
#include "mini/kernel.h"
#include "mini/pv.h"
#include "mini/service.h"

enum { CARD = 0xD000, LINE_PORTS = 8, LINE_STATUS = 5, EMPTY = 0x20, FIFO = 16, CONSOLE_PORT = 1 /* of every domain */, CONTROL_A = 1 };

static uint8_t pages[GUESTS + 1][PAGE] __attribute__((aligned(PAGE)));
static struct guest {
    struct console_ring *ring;
    struct mapping mapping;
    uint32_t channel;
} guests[GUESTS + 1];
static uint16_t typed_for = 1; // the guest that hears what is typed; 0: the service domain
static bool choosing;          // ^A was typed
static bool served;
static volatile bool work;

static void barrier(void) { __asm__ volatile("lock or dword ptr [esp], 0" : : : "memory", "cc"); }

static void signal(void)
{
    work = true;
    sched_wake((const void *)&work);
}

static uint16_t line_of(uint16_t domain) { return (uint16_t)(CARD + (domain - 1) * LINE_PORTS); }

// All that the back end knew is gone; a new one finds in each page how far the one before had come.
static bool dies(void)
{
    if (!service_dies("console")) return false;
    for (uint16_t d = 1; d <= GUESTS; d++) {
        struct guest *g = &guests[d];
        if (!g->ring) continue;
        grant_unmap(&g->mapping);
        event_close(g->channel);
        g->ring = NULL;
        console_offer(d);
    }
    return true;
}

// What the line takes now. True: there is more.
static bool out_of(uint16_t domain)
{
    struct guest *g = &guests[domain];
    uint32_t at = g->ring->out_read, there = g->ring->out_written - at;
    barrier();
    if (!there || there > sizeof g->ring->out) return false; // a mad guest is not heard
    if (!(inb(line_of(domain) + LINE_STATUS) & EMPTY)) return true;
    uint32_t n = there < FIFO ? there : FIFO;
    for (uint32_t i = 0; i < n; i++) outb(line_of(domain), (uint8_t)g->ring->out[(at + i) % sizeof g->ring->out]);
    barrier();
    g->ring->out_read = at + n;
    if (dies()) return true;
    event_send(g->channel); // there is room again
    return there > n;
}

// What finds no room is lost, as on a line without a handshake.
static void into(uint16_t domain, char c)
{
    struct guest *g = &guests[domain];
    if (!g->ring || g->ring->in_written - g->ring->in_read >= sizeof g->ring->in) return;
    g->ring->in[g->ring->in_written % sizeof g->ring->in] = c;
    barrier();
    g->ring->in_written++;
    event_send(g->channel);
}

static void typed(char c)
{
    if (choosing) {
        choosing = false;
        uint16_t domain = (uint16_t)(c - '0');
        if (domain > GUESTS || (domain && !guests[domain].ring)) return;
        typed_for = domain;
        kprintf("mini: what is typed is domain %u's\n", domain);
    } else if (c == CONTROL_A) choosing = true;
    else if (typed_for) into(typed_for, c);
    else kernel_input(c);
}

void console_offer(uint16_t domain)
{
    struct guest *g = &guests[domain];
    if (!grant_map(domain, GRANT_CONSOLE, false, pages[domain], &g->mapping)) return; // the hypervisor has it
    g->channel = event_bind(domain, CONSOLE_PORT);
    if (!g->channel) panic("domain %u has a console page and no channel", domain);
    g->ring = (struct console_ring *)pages[domain];
    event_install(g->channel, signal);
    served = work = true;
}

void console_forget(uint16_t domain)
{
    struct guest *g = &guests[domain];
    if (!g->ring) return;
    grant_unmap(&g->mapping);
    event_close(g->channel);
    g->ring = NULL;
}

static void run(void)
{
    for (;;) {
        bool more = false;
        for (uint16_t d = 1; d <= GUESTS; d++)
            if (guests[d].ring) more |= out_of(d);
        irq_state saved = critical_enter();
        if (more) {
            sched_switch();
        } else {
            while (!work) sched_sleep((const void *)&work);
            work = false;
        }
        critical_leave(saved);
    }
}

void console_begin(void)
{
    if (served) process_kernel("console", run);
    console_take(served ? typed : kernel_input);
}
