// Frames: physical memory in pieces of 4 KB, each with the number of its users.
//
// Idea: copy-on-write needs to know whether a page is still shared; the count says so. Free frames are a stack of numbers;
// frames that never were used are not on it, so that start-up touches none of them.
// Not here: pieces larger than a page (nobody needs them), memory for the kernel's own small things (they are arrays).
#include "mini/kernel.h"

enum { FRAMES = RAM_MAX / PAGE };
static uint16_t users[FRAMES];
static uint16_t free_stack[FRAMES];
static uint32_t free_count;
static uint32_t untouched, end; // frame numbers

void frames_init(uint32_t first_byte, uint32_t last_byte)
{
    untouched = (first_byte + PAGE - 1) / PAGE;
    end = last_byte / PAGE;
}

uint32_t frame_take(void)
{
    uint32_t frame;
    if (free_count) frame = free_stack[--free_count];
    else if (untouched < end) frame = untouched++;
    else return 0;
    users[frame] = 1;
    return frame * PAGE;
}

uint32_t frame_new(void)
{
    uint32_t physical = frame_take();
    if (!physical && balloon_deflate(true)) physical = frame_take();
    if (physical) memset(physical_to_kernel(physical), 0, PAGE);
    return physical;
}

void frame_hold(uint32_t physical) { users[physical / PAGE] = 1; }
void frame_share(uint32_t physical) { users[physical / PAGE]++; }

void frame_drop(uint32_t physical)
{
    uint32_t frame = physical / PAGE;
    if (!users[frame]) panic("frame %x freed twice", physical);
    if (--users[frame] == 0) free_stack[free_count++] = (uint16_t)frame;
}

uint32_t frame_users(uint32_t physical) { return users[physical / PAGE]; }
uint32_t frames_free(void) { return free_count + (end - untouched); }
