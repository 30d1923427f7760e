// hostile: system calls with arguments no honest program would pass. Each must be refused, with the error it deserves.
#include "mini/user/user.h"

#define KERNEL 0xC0100000u
#define NOWHERE 0x30000000u
#define TEXT 0x00400000u // readable, not writable

static int fds[2];
static char buffer[16];
static const uint32_t bad_list[] = { KERNEL, 0 };

int main(void)
{
    static const char unterminated_path[256] = { [0 ... 255] = 'a' };
    uint32_t b = (uint32_t)buffer, wrong = 0;
    pipe(fds);
    const struct attempt {
        int call;
        uint32_t a, b, c;
        int expected;
    } attempts[] = {
        { 0, 0, 0, 0, E_NOSYS }, { SYSCALLS, 0, 0, 0, E_NOSYS }, { -1, 0, 0, 0, E_NOSYS },
        { SYS_READ, 99, b, 1, E_BADF }, { SYS_READ, 0xFFFFFFFF, b, 1, E_BADF }, { SYS_READ, (uint32_t)fds[1], b, 1, E_BADF },
        { SYS_WRITE, (uint32_t)fds[0], b, 1, E_BADF }, { SYS_WRITE, (uint32_t)fds[1], KERNEL, 4, E_FAULT },
        { SYS_WRITE, (uint32_t)fds[1], NOWHERE, 4, E_FAULT }, { SYS_WRITE, (uint32_t)fds[1], 0xFFFFFFFC, 8, E_FAULT },
        { SYS_WRITE, (uint32_t)fds[1], 0, 1, E_FAULT }, { SYS_OPEN, KERNEL, O_READ, 0, E_FAULT },
        { SYS_OPEN, (uint32_t)unterminated_path, O_READ, 0, E_FAULT }, { SYS_OPEN, (uint32_t)"/", O_WRITE, 0, E_ISDIR },
        { SYS_OPEN, (uint32_t)"/motd/x", O_READ, 0, E_NOTDIR }, { SYS_CLOSE, 1000, 0, 0, E_BADF },
        { SYS_EXEC, (uint32_t)"/motd", (uint32_t)bad_list, 0, E_FAULT }, { SYS_EXEC, (uint32_t)"/motd", b, 0, E_NOEXEC },
        { SYS_EXEC, (uint32_t)"/bin", b, 0, E_ISDIR }, { SYS_EXEC, (uint32_t)"/bin/ls", KERNEL, 0, E_FAULT },
        { SYS_SBRK, 0x80000000, 0, 0, E_NOMEM }, { SYS_SBRK, 0xFFF00000, 0, 0, E_NOMEM },
        { SYS_PIPE, KERNEL, 0, 0, E_FAULT }, { SYS_PIPE, TEXT, 0, 0, E_FAULT }, { SYS_DUP, 77, 0, 0, E_BADF },
        { SYS_KILL, 1, 0, 0, E_SRCH }, { SYS_KILL, 12345, 0, 0, E_SRCH }, { SYS_WAIT, KERNEL, 0, 0, E_CHILD },
        { SYS_STAT, 1, KERNEL, 0, E_FAULT }, { SYS_STAT, 1, TEXT, 0, E_FAULT }, { SYS_UNLINK, (uint32_t)"/bin", 0, 0, E_EXIST },
        { SYS_UNLINK, (uint32_t)"/", 0, 0, E_INVAL }, { SYS_CHDIR, (uint32_t)"/motd", 0, 0, E_NOTDIR },
        { SYS_MKDIR, NOWHERE, 0, 0, E_FAULT }, { SYS_PROCESS, 1000, b, 0, E_INVAL }, { SYS_PROCESS, 1, KERNEL, 0, E_FAULT },
        { SYS_COUNTERS, KERNEL, 0, 0, E_FAULT }, { SYS_COUNTERS, TEXT, 0, 0, E_FAULT },
    };
    uint32_t count = sizeof attempts / sizeof *attempts;
    for (uint32_t i = 0; i < count; i++) {
        const struct attempt *t = &attempts[i];
        int result = syscall(t->call, t->a, t->b, t->c);
        if (result == t->expected) continue;
        printf("hostile: call %d, attempt %u: %d instead of %d\n", t->call, i, result, t->expected);
        wrong++;
    }
    printf("hostile: %u of %u refused as they should be\n", count - wrong, count);
    return wrong != 0;
}
