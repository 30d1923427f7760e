// ps: the processes.
#include "mini/user/user.h"

int main(void)
{
    static const char *const states[] = { "free", "ready", "running", "sleeping", "zombie" };
    struct process_info p;
    printf("  PID PARENT STATE    NAME\n");
    for (int row = 1, there; (there = process(row, &p)) >= 0; row++)
        if (there) printf("%5d %6d %-8s %s\n", p.pid, p.parent, states[p.state], p.name);
    return 0;
}
