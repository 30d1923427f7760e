// init: process 1. Starts the shell, buries orphans, and ends the machine when a script is over.
#include "mini/user/user.h"

static int start_shell(int argc, char **argv)
{
    int pid = fork();
    if (pid) return pid;
    char *interactive[] = { "sh", NULL }, *script[] = { "sh", "-c", argc > 1 ? argv[1] : NULL, NULL };
    int error = exec("/bin/sh", argc > 1 ? script : interactive);
    eprintf("init: /bin/sh: %s\n", error_text(error));
    exit(1);
}

int main(int argc, char **argv)
{
    for (;;) {
        int status, shell = start_shell(argc, argv);
        while (wait(&status) != shell) {}
        if (argc > 1) halt(status);
    }
}
