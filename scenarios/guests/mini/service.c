// The service domain: the store, and the back ends of the other domains' devices, over drivers of the real ones.
//
// Idea: one process of the kernel's own goes round: whoever has asked something is served, and if nobody has, it sleeps until a channel is
// signalled. The network has another one, since this one waits for drives. The drivers are those of a bare PC.
// Manual: Barham et al., Xen and the Art of Virtualization, SOSP 2003, 3.3; Fraser et al., Safe Hardware Access with the Xen
// Virtual Machine Monitor, OASIS 2004.
// Not here: guests that come later.
#include "mini/kernel.h"
#include "mini/driver.h"
#include "mini/pv.h"
#include "mini/service.h"

static volatile bool work;

void service_signal(void)
{
    work = true;
    sched_wake((const void *)&work);
}

static void rest(void)
{
    irq_state saved = critical_enter();
    while (!work) sched_sleep((const void *)&work);
    work = false;
    critical_leave(saved);
}

bool service_dies(const char *who)
{
    static uint32_t chances;
    if (++chances == kernel_option("die")) panic("the service domain dies, as it was told");
    if (chances != kernel_option("crash")) return false;
    kprintf("mini: the back end dies (%s); a new one begins\n", who);
    return true;
}

static bool there[GUESTS + 1];

static void welcome(uint16_t d)
{
    if ((there[d] = store_introduce(d))) block_offer(d), net_offer(d), console_offer(d);
}

// ---- Domains that are created anew --------------------------------------------------------------------------------------------

static struct {
    struct domctl *op; // NULL: nobody asks
    int result;
    bool done;
} change;

int service_change(struct domctl *op)
{
    if (!op->domain || op->domain > GUESTS) return E_SRCH;
    irq_state saved = critical_enter();
    while (change.op) sched_sleep(&change); // somebody else's
    change.done = false, change.op = op;
    service_signal();
    while (!change.done) sched_sleep(&change);
    int result = change.result;
    change.op = NULL;
    sched_wake(&change);
    critical_leave(saved);
    return result;
}

// Between two requests: nothing of the old domain's is under way.
static void do_change(void)
{
    if (!change.op || change.done) return;
    uint16_t d = change.op->domain;
    console_forget(d), net_forget(d), block_forget(d), store_forget(d);
    there[d] = false;
    change.result = control(change.op);
    if (!change.result && change.op->command != DOMAIN_EMPTY) welcome(d);
    change.done = true;
    sched_wake(&change);
}

void service_run(void)
{
    uint32_t guests = 0;
    ide_init(IDE_DRIVES, false);
    net_begin();
    for (uint16_t d = 1; d <= GUESTS; d++) {
        welcome(d);
        guests += there[d];
    }
    console_begin();
    kprintf("mini: service domain, %u guests\n", guests);
    for (;;) {
        bool any = false;
        do_change();
        for (uint16_t d = 1; d <= GUESTS; d++)
            if (there[d]) any |= store_serve(d), any |= block_serve(d);
        if (!any) rest();
    }
}
