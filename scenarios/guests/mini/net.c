// The network, as programs use it: whole frames, sent and received one at a time.
//
// Idea: there are no protocols here; a frame goes out as the program made it, and whoever asks gets the next one that came, or nothing after a
// while. The card is looked for when somebody asks for its address.
// Not here: addresses of one's own choice, several programs with frames of their own.
#include "mini/kernel.h"
#include "mini/driver.h"

static bool started;

void kernel_net(void)
{
    for (struct process *p = processes; p < processes + PROCESSES; p++) sched_wake(&p->timed);
}

int net_address(uint8_t address[NET_ADDRESS])
{
    started = started || net_start(address);
    return started && net_start(address) ? 0 : E_NODEV;
}

// Asleep until something has changed, or the time is over.
static bool sleep_some(void)
{
    if (current->timed && !current->killed) sched_sleep(&current->timed);
    return current->timed && !current->killed;
}

static void set_alarm(uint32_t periods)
{
    current->wake_at = ticks + periods;
    current->timed = periods > 0;
}

int net_send(const void *frame, uint32_t size)
{
    enum { PATIENCE = 2000 };
    if (!started) return E_NODEV;
    if (size < NET_HEADER || size > NET_FRAME) return E_INVAL;
    irq_state saved = critical_enter();
    bool sent;
    set_alarm(PATIENCE);
    while (!(sent = net_put(frame, size)) && sleep_some()) {}
    current->timed = false;
    critical_leave(saved);
    return sent ? (int)size : E_IO;
}

int net_receive(void *frame, uint32_t periods)
{
    if (!started) return E_NODEV;
    irq_state saved = critical_enter();
    uint32_t size;
    set_alarm(periods);
    while (!(size = net_take(frame)) && sleep_some()) {}
    current->timed = false;
    critical_leave(saved);
    return (int)size;
}
