// Under a paravirtualizing hypervisor: the console is a page shared with the service domain, and an event channel.
//
// Idea: two rings of bytes in one page, each with a counter of what was written and one of what was read. Who has changed one
// signals; who sleeps looks again when signalled.
// Manual: Xen public headers, io/console.h.
#include "mini/kernel.h"
#include "mini/pv.h"

extern struct console_ring console_page;
static uint32_t channel;

static void signal(void) { hypercall(HC_EVENT_CHANNEL, CHANNEL_SEND, &channel); }
static void barrier(void) { __asm__ volatile("" : : : "memory"); }

static void on_console(void)
{
    struct console_ring *r = &console_page;
    bool some = r->in_read != r->in_written;
    for (; r->in_read != r->in_written; r->in_read++) kernel_input(r->in[r->in_read % sizeof r->in]);
    if (some) signal(); // there is room again
}

void console_init(const struct start_info *start)
{
    channel = start->console_channel;
    map_machine(&console_page, start->console_mfn);
    event_install(channel, on_console);
}

static void put(char c)
{
    struct console_ring *r = &console_page;
    while (r->out_written - r->out_read == sizeof r->out) signal(); // full; here nobody may be sent to sleep
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
    while (console_page.out_read != console_page.out_written) signal();
}
