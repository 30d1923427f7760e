/* The walls around a process that runs a submission, beside those of the sandbox: should Lua ever be left, there is nothing to find.
 *
 * Limits on processor time, memory, file sizes and processes; no way to gain rights (PR_SET_NO_NEW_PRIVS, Linux prctl(2)); and, where
 * the kernel has seccomp, a list of the calls that a simulator needs: files are opened for reading only, there are no sockets,
 * no programs, no processes. What is not on the list fails with EPERM; it does not kill, so that a C library of another age that asks for
 * something unknown does not turn into points lost. */
#include "sim/grade.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/resource.h>

/* Of resource `what` no more than `most`; a macro, for C libraries disagree on the type of `what`. */
#define LIMIT(what, most) do { \
        struct rlimit now; \
        rlim_t wanted = (rlim_t)(most); \
        if (!getrlimit(what, &now) && (now.rlim_max == RLIM_INFINITY || now.rlim_max >= wanted)) setrlimit(what, &(struct rlimit){ wanted, wanted }); \
    } while (0)

#ifdef __SANITIZE_ADDRESS__
enum { ROOM = 0 }; /* its shadow memory is terabytes */
#else
enum { ROOM = 4 }; /* GB */
#endif

static void limits(double seconds)
{
    LIMIT(RLIMIT_CPU, seconds + 1);
    if (ROOM) LIMIT(RLIMIT_AS, (rlim_t)ROOM << 30);
    LIMIT(RLIMIT_FSIZE, 1 << 20);
    LIMIT(RLIMIT_NOFILE, 64);
    LIMIT(RLIMIT_CORE, 0);
}

#ifdef __linux__
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCH AUDIT_ARCH_AARCH64
#elif defined __i386__
#define ARCH AUDIT_ARCH_I386
#endif

#ifdef ARCH
#define DATA(field) ((unsigned)offsetof(struct seccomp_data, field))
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define DENY  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define CALL(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), ALLOW
enum { WRITING = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC };

static bool filter(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, DATA(arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0), DENY,
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, DATA(nr)),
        CALL(read), CALL(write), CALL(close), CALL(fstat), CALL(newfstatat), CALL(lseek), CALL(mmap), CALL(munmap), CALL(mremap), CALL(brk),
        CALL(mprotect), CALL(madvise), CALL(exit_group), CALL(exit), CALL(rt_sigreturn), CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(getdents64),
        CALL(futex), CALL(clock_gettime), CALL(gettimeofday), CALL(getpid), CALL(gettid), CALL(sched_yield), CALL(getrandom), CALL(pread64),
        CALL(readlinkat), CALL(faccessat), CALL(sigaltstack), CALL(set_robust_list), CALL(clock_nanosleep),
#ifdef SYS_readlink
        CALL(readlink), CALL(stat), CALL(lstat), CALL(access),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_open, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, DATA(args[1])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, WRITING, 0, 1), DENY, ALLOW,
#endif
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, DATA(args[2])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, WRITING, 0, 1), DENY, ALLOW,
        DENY,
    };
    const struct sock_fprog prog = { sizeof code / sizeof code[0], code };
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0;
}
#endif

bool grade_jail(double seconds)
{
    limits(seconds);
    prctl(PR_SET_DUMPABLE, 0);
    bool ok = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
#ifdef ARCH
    ok = ok && filter();
#else
    ok = false;
#endif
    return ok;
}
#else
bool grade_jail(double seconds)
{
    limits(seconds);
    return false;
}
#endif
