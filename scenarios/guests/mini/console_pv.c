// Under a paravirtualizing hypervisor: the console is a page shared with the service domain, and an event channel.
//
// Idea: two rings of bytes in one page, each with a counter of what was written and one of what was read. Who has changed one
// signals; who sleeps looks again when signalled.
// Manual: Xen public headers, io/console.h.
#include "mini/kernel.h"
#include "mini/pv.h"

extern struct console_ring console_page;
static uint32_t channel;
static void (*taker)(char c) = kernel_input;

static void signal(void) { hypercall(HC_EVENT_CHANNEL, CHANNEL_SEND, &channel); }
static void barrier(void) { __asm__ volatile("" : : : "memory"); }

static void on_console(void)
{
    struct console_ring *r = &console_page;
    bool some = taker && r->in_read != r->in_written;
    for (; taker && r->in_read != r->in_written; r->in_read++) taker(r->in[r->in_read % sizeof r->in]);
    if (some) signal(); // there is room again
}

void console_take(void (*who)(char c))
{
    irq_state saved = critical_enter();
    taker = who;
    on_console();
    critical_leave(saved);
}

void console_init(const struct start_info *start)
{
    channel = start->console_channel;
    map_machine(&console_page, start->console_mfn);
    event_install(channel, on_console);
}

void console_arrives(const struct start_info *start)
{
    channel = start->console_channel;
    event_install(channel, on_console);
    on_console();
    signal();
}

// Here nobody may be sent to sleep. Another domain that is to take the text needs the processor for it; one that does not is not waited for
// for ever.
static bool wait_until(uint32_t most)
{
    enum { PATIENCE = 2000 };
    struct console_ring *r = &console_page;
    for (uint32_t began = milliseconds(); r->out_written - r->out_read > most;) {
        signal();
        if (r->out_written - r->out_read <= most) break;
        if (milliseconds() - began > PATIENCE) return false;
        hypercall(HC_SCHED, SCHED_YIELD, 0);
    }
    return true;
}

static void put(char c)
{
    struct console_ring *r = &console_page;
    if (!wait_until(sizeof r->out - 1)) return;
    r->out[r->out_written % sizeof r->out] = c;
    barrier();
    r->out_written++;
}

void console_out(const char *text, uint32_t size)
{
    irq_state saved = critical_enter();
    for (uint32_t i = 0; i < size; i++) put(text[i]);
    signal();
    critical_leave(saved);
}

void console_drain(void)
{
    (void)wait_until(0);
}
