// Under a paravirtualizing hypervisor: the kernel leaves the machine it runs on, and goes on, there or here.
//
// Idea: machine frames are others on another machine. Those in page tables, and in the list by which this kernel finds its frames, are
// rewritten by whoever moves it; so the list is shown. All others the kernel must have given up: it suspends itself only on the way back
// to a program, or when nobody runs, for then nothing holds an entry or a frame in its hands. What the hypervisor kept
// for it, channels, grants and the timer, is made anew; what shared memory it shows, mapped anew.
// Manual: Xen public headers, sched.h (SCHEDOP_shutdown), xen.h (struct arch_shared_info).
// Not here: several processors; the store's control/shutdown: the hypervisor asks by an interrupt of its own.
#include "mini/kernel.h"
#include "mini/pv.h"

enum { IN_PAGE = PAGE / 4 };

static uint32_t list_of_lists[IN_PAGE] __attribute__((aligned(PAGE))), list[IN_PAGE] __attribute__((aligned(PAGE)));
static struct start_info *info;
static bool wanted;

bool suspend_wanted(void) { return wanted; }
static void on_request(void) { wanted = true; }

// Where the list of frames is, in machine frames, for whoever translates it.
static void show_frames(const uint32_t *frames, uint32_t count)
{
    for (uint32_t i = 0; i * IN_PAGE < count; i++) list[i] = machine_frame(kernel_to_physical(frames + i * IN_PAGE));
    list_of_lists[0] = machine_frame(kernel_to_physical(list));
    shared_info.frames = count;
    shared_info.frame_lists = machine_frame(kernel_to_physical(list_of_lists));
}

void suspend_init(const struct start_info *start, const uint32_t *frames, uint32_t count)
{
    info = (struct start_info *)start;
    show_frames(frames, count);
    event_install(event_virtual(VIRQ_SUSPEND), on_request);
}

// Events are masked. On another machine it returns as if nothing had been, but for the time.
void suspend(void)
{
    uint32_t reason = SHUTDOWN_SUSPEND, pages = shared_info.frames;
    const uint32_t *frames = machine_frames();
    wanted = false;
    pte_sync();
    console_drain();
    info->store_mfn = page_of_frame(info->store_mfn), info->console_mfn = page_of_frame(info->console_mfn);
    arch_leaves();
    bool stayed = hypercall(HC_SCHED, SCHED_SHUTDOWN, &reason, machine_frame(kernel_to_physical(info))) != 0;
    if (stayed) info->store_mfn = frames[info->store_mfn], info->console_mfn = frames[info->console_mfn];
    arch_arrives(info, stayed);
    show_frames(frames, pages);
    if (stayed) return;
    event_install(event_virtual(VIRQ_SUSPEND), on_request);
    console_arrives(info);
    store_arrives(info);
}
