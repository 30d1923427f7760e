// forktest: as many processes as there is room for, and everything back afterwards.
#include "mini/user/user.h"

static uint32_t free_frames(void)
{
    struct counters c;
    counters(&c);
    return c.free_frames;
}

// All children wait for a pipe to end, so that they live at the same time; each leaves with its number.
static int fill(void)
{
    int ends[2], children = 0, pid;
    if (pipe(ends)) return -1;
    while ((pid = fork()) > 0) children++;
    if (pid == 0) {
        char c;
        close(ends[1]);
        read(ends[0], &c, 1);
        exit(children);
    }
    close(ends[0]);
    close(ends[1]);
    return children;
}

int main(void)
{
    int status, ended = 0, sum = 0, children;
    fill(); // once before, so that the pages this program touches are there
    while (wait(NULL) > 0) {}
    uint32_t before = free_frames();
    children = fill();
    for (; wait(&status) > 0; ended++) sum += status;
    bool right = ended == children && sum == children * (children - 1) / 2;
    printf("forktest: %d children at once, %d ended%s\n", children, ended, right ? "" : ", WRONG");
    bool same = free_frames() == before;
    printf("forktest: %s\n", same ? "every frame is free again" : "frames were LOST");
    return !right || !same;
}
