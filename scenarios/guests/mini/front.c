// The front ends' process: whatever has changed in the store, each of them looks whether its other end is another one now.
//
// Idea: after the start only this process speaks with the store, so questions and answers of several never mix.
#include "mini/kernel.h"
#include "mini/pv.h"

static void watcher(void)
{
    for (;;) {
        store_wait();
        disk_changed();
        net_changed();
    }
}

void device_threads(void)
{
    if (!store_is_there()) return;
    process_kernel("devices", watcher);
    if (kernel_option("mad")) process_kernel("mad", mad_run);
}
