// spin: programs that never give up the processor lose it all the same.
//
// Two children compute, side by side, until each has been interrupted for the other's sake twice; their only system
// call does not sleep. A third would run for ever and is killed.
#include "mini/user/user.h"

enum { CHILDREN = 2, TURNS = 2, PATIENCE = 2000 };

static void compute(void)
{
    for (volatile int i = 0; i < 100000; i++) {}
}

static int compute_until_preempted(void)
{
    struct counters c = { 0 };
    for (int i = 0; i < PATIENCE && c.preemptions < TURNS; i++) {
        compute();
        counters(&c);
    }
    return c.preemptions >= TURNS;
}

int main(void)
{
    int status, preempted = 0;
    for (int i = 0; i < CHILDREN; i++)
        if (fork() == 0) exit(compute_until_preempted());
    for (int i = 0; i < CHILDREN; i++)
        if (wait(&status) > 0) preempted += status;
    printf("spin: %d of %d children were preempted %d times\n", preempted, CHILDREN, TURNS);
    int pid = fork();
    if (pid == 0)
        for (;;) {}
    sleep(3);
    kill(pid);
    wait(&status);
    printf("spin: one that never calls the kernel was %s\n", status == STATUS_KILLED ? "killed" : "NOT killed");
    return preempted != CHILDREN || status != STATUS_KILLED;
}
