// The balloon: a hypervisor that is short of memory asks this kernel which pages it can spare.
//
// Idea: the driver takes frames from its own kernel, like anybody who needs memory, and tells the hypervisor their numbers; who else
// needs them then finds fewer. So it is this kernel that decides what goes, and it knows best. Frames that were used and freed
// go first: behind those that never were is nothing to be had. When a program needs a page and there is none left, the balloon gives one back, whatever the hypervisor would like.
// A hypervisor that cannot take pages itself may have none just then; whoever needs one waits while others give.
// On a bare machine nobody answers, and nothing happens: see arch.h, balloon_call.
// Manual: Waldspurger 2002, 3.2; Linux, drivers/misc/vmw_balloon.c (the calls and their numbers).
// Not here: a say in how often to ask (the drivers of real systems ask once a second; here every 4 ms, for runs are short).
#include "mini/kernel.h"

enum { BALLOON_MOST = RAM_MAX / PAGE, PERIOD = 4, AT_ONCE = 128, RESERVE = 32, PATIENCE = 200 };
enum { CALL_START, CALL_TARGET, CALL_LOCK, CALL_UNLOCK, CALL_OK = 0 };

static uint16_t frames[BALLOON_MOST], pinned[64]; // frame numbers: in the balloon; taken, but the hypervisor will not have them
static uint32_t size, refused, next;
static bool there;

void balloon_init(const struct boot *boot)
{
    uint32_t target;
    there = balloon_call(CALL_START, 0, &target) == CALL_OK;
    for (uint32_t at = boot->free_end; there && at < boot->absent_end; at += PAGE) { // it began with less than it may have
        frame_hold(at);
        frames[size++] = (uint16_t)(at / PAGE);
    }
}

uint32_t balloon_size(void) { return size; }

static bool inflate(uint32_t *target)
{
    uint32_t frame = frames_free() > RESERVE ? frame_take() : 0;
    if (!frame) return false;
    if (balloon_call(CALL_LOCK, frame / PAGE, target) == CALL_OK) {
        frames[size++] = (uint16_t)(frame / PAGE);
    } else if (refused < 64) {
        pinned[refused++] = (uint16_t)(frame / PAGE);
    } else {
        frame_drop(frame);
        return false;
    }
    return true;
}

bool balloon_deflate(bool wait)
{
    uint32_t target;
    for (int n = wait ? PATIENCE : 0; size && balloon_call(CALL_UNLOCK, frames[size - 1], &target) != CALL_OK; n--) {
        if (n <= 0) return false;
        arch_pause(1); // others are asked to give
    }
    if (!size) return false;
    frame_drop(frames[--size] * (uint32_t)PAGE);
    return true;
}

LANDMARK void balloon_poll(void)
{
    uint32_t target;
    if (!there || (int32_t)(ticks - next) < 0) return;
    next = ticks + PERIOD;
    if (balloon_call(CALL_TARGET, 0, &target) != CALL_OK) return;
    if (target > BALLOON_MOST) target = BALLOON_MOST;
    for (uint32_t n = 0; n < AT_ONCE && size != target; n++)
        if (!(size < target ? inflate(&target) : balloon_deflate(false))) break;
    while (refused) frame_drop(pinned[--refused] * (uint32_t)PAGE);
}
