/* A ported kernel that is to leave its machine: it is asked, and does it itself. See paravirt.h.
 *
 *   virtual interrupt 16 -> the kernel comes to a place where it holds no machine frame in its hands, replaces those in start_info by page
 *   numbers, unmaps what is not its own -> SCHEDOP_shutdown(suspend), EDX: start_info's frame -> it stands still, and is taken
 *   -> there, or here if nobody took it: the call returns 0, or 1
 *
 * Idea 1: nobody but the kernel knows where it noted machine frames. Those in its page tables and in the list it shows
 * (shared_info.arch) are rewritten for it (paravirt_save.c); all others it must have given up by then.
 * Idea 2: channels, grants and timers end with the suspension; the kernel binds, grants and arms anew.
 * In Xen 3 the request comes by the store, control/shutdown = suspend, or by a channel that the kernel made for it; there may be no
 * store here, so it is one of the virtual interrupts that the interface leaves to the architecture. A kernel that has not bound it
 * cannot be moved, and is not. Xen 3 sched.h, xen.h; Linux drivers/xen/core/machine_reboot.c. */
#include <string.h>

#include "sim/vmm/paravirt.h"

#define MS UINT64_C(1000000)
enum { PATIENCE = 100 /* ms until it has suspended itself */ };

static const char no_path[] = "its kernel has no suspend path (it has not bound virtual interrupt 16), and nobody else knows which machine frames it has noted";
static const char no_list[] = "its kernel does not show its list of machine frames (shared_info.arch.pfn_to_mfn_frame_list_list), or one that is wrong";
static const char no_answer[] = "its kernel was asked to suspend itself, and did not within 100 ms";
static const char foreign[] = "its kernel's page tables still map a frame that is not its own (shared_info, a grant)";

/* Can all of it be said in page numbers? */
static bool is_canonical(struct paravirt *p, const char **why)
{
    static uint8_t page[PAGE_SIZE];
    struct pv_pages all;
    if (!pv_pages(p, &all)) {
        *why = no_list;
        return false;
    }
    for (uint32_t pfn = 0; pfn < p->v->vm->most; pfn++) {
        if (pv_canonical(p, &all, pfn, page)) continue;
        *why = foreign;
        pv_pages_free(&all);
        return false;
    }
    pv_pages_free(&all);
    return true;
}

const char *pv_cannot_leave(const struct paravirt *p)
{
    struct pv_pages all;
    if (!p->virq_port[XEN_VIRQ_SUSPEND]) return no_path;
    if (!pv_pages(p, &all)) return no_list;
    pv_pages_free(&all);
    return NULL;
}

static enum pv_ready never(struct paravirt *p)
{
    p->suspend.asked = 0;
    return PV_NEVER;
}

enum pv_ready pv_suspend_ready(struct paravirt *p, const char **why)
{
    uint64_t now = pv_now(p);
    bool bound = p->virq_port[XEN_VIRQ_SUSPEND] != 0;
    if (p->suspend.stands) {
        bool good = is_canonical(p, why);
        p->suspend.stands = good;
        return good ? PV_READY : never(p);
    }
    if (!p->suspend.asked) p->suspend.asked = now ? now : 1;
    if (bound && !p->suspend.raised) pv_raise_virq(p, XEN_VIRQ_SUSPEND);
    p->suspend.raised = bound;
    *why = bound ? no_answer : no_path;
    return now - p->suspend.asked < (bound ? PATIENCE : PV_BOOTS) * MS ? PV_WAITS : never(p);
}

int32_t pv_suspends(struct paravirt *p, uint32_t record)
{
    struct vmm *h = p->v->vmm;
    p->suspend.record = record;
    p->suspend.stands = true;
    h->suspend.at = h->board.clock->now ? h->board.clock->now : 1;
    h->schedule.look = true;
    return 1; /* if it goes on here; there it finds 0 */
}

void pv_goes_on(struct paravirt *p)
{
    p->suspend.stands = p->suspend.raised = false;
    p->suspend.asked = 0;
}
