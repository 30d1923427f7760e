/* Building a submission that is C or assembler: with the host's compiler, behind walls of its own. See grade.h.
 *
 * Idea 1: what is built is the lab's own kernel/ folder and, beside it, the files that students hand in; one call of the compiler, whose
 * arguments no submission has a say in. What comes out is a guest, and is run as one.
 * Idea 2: a compiler reads files at its source's word (#include, .incbin), so it must find none: with Landlock (Linux 5.13) it sees the
 * system's own folders and its working folder; what is written like a way out is refused before that. Time, memory and sizes are limited,
 * there are no sockets, no rights to gain, and no environment.
 * Not here: caching; a submission is built once for each report. landlock(7), seccomp(2), prctl(2). */
#define _GNU_SOURCE 1 /* environ, O_PATH */
#include "sim/grade.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#if defined __linux__ && defined __has_include
#if __has_include(<linux/landlock.h>)
#include <linux/landlock.h>
#include <sys/syscall.h>
#define HAS_LANDLOCK
#endif
#endif
#ifdef __linux__
#include <sys/prctl.h>
#endif

enum { PATH = 700, FILE_MOST = 1 << 18, SOURCES = 32, SECONDS = 20, WORDS = 32 };

/* The guests' own flags: scenarios/guests/guests.mk says why. */
static const char *const flags[] = {
    "-std=gnu17", "-O1", "-m32", "-march=i686", "-mgeneral-regs-only", "-masm=intel", "-ffreestanding", "-fno-pic", "-fno-pie", "-fno-stack-protector",
    "-fno-asynchronous-unwind-tables", "-fcf-protection=none", "-fno-tree-loop-distribute-patterns", "-fno-lto", "-fdiagnostics-color=never", "-fno-diagnostics-show-caret", "-I.",
};
static const char *const link_flags[] = {
    "-nostdlib", "-static", "-no-pie", "-Wl,-m,elf_i386", "-Wl,--build-id=none", "-Wl,-z,noexecstack", "-Wl,-T,guest.ld",
};

/* --- the folder -------------------------------------------------------------------------------------------------- */

/* With the date of nothing, for __TIMESTAMP__. */
static bool write_all(const char *path, const struct text *t, struct err *e)
{
    return text_write(t, path, e) && (!utimensat(AT_FDCWD, path, (struct timespec[2]){ { 0 }, { 0 } }, 0) || true);
}

/* A plain file, and no link; at most FILE_MOST bytes. */
static bool read_plain(const char *path, struct text *t, struct err *e)
{
    struct stat st;
    if (lstat(path, &st) || !S_ISREG(st.st_mode)) return err_set(e, EXIT_INPUT, "%s: no plain file of that name was handed in", strrchr(path, '/') + 1);
    if (st.st_size > FILE_MOST) return err_set(e, EXIT_INPUT, "%s: more than 256 KB", strrchr(path, '/') + 1);
    return text_read(t, path, FILE_MOST, e);
}

/* Words that lead out of the folder. Landlock is the wall; this is the message, and all there is on an older kernel. */
static bool stays_inside(const char *name, const char *source, struct err *e)
{
    unsigned line = 1;
    for (const char *s = source; *s; s++) {
        if (*s == '\n') line++;
        if (!strncmp(s, "incbin", 6) || !strncmp(s, "embed", 5)) return err_set(e, EXIT_INPUT, "%s:%u: %.6s: files cannot be put into the image", name, line, s);
        bool directive = *s == '#' || !strncmp(s, "%:", 2), assembler = *s == '.';
        const char *word = s + (*s == '%' ? 2 : 1);
        if (!directive && !assembler) continue;
        while (*word == ' ' || *word == '\t') word++;
        bool mark = *s == '#' && (s == source || s[-1] == '\n') && *word >= '0' && *word <= '9';
        if (mark || (directive && !strncmp(word, "line", 4))) return err_set(e, EXIT_INPUT, "%s:%u: #line: messages would name another file; leave it out", name, line);
        if (strncmp(word, "include", 7) && (assembler || strncmp(word, "import", 6))) continue;
        size_t n = strcspn(word, "\n"), skip = strcspn(word, " \t\"<");
        skip += strspn(word + skip, " \t");
        bool named = directive && skip < n && (word[skip] == '"' || word[skip] == '<'); /* and not by a macro */
        if (assembler ? word[skip] == '"' || word[skip] == '\\' : !named || memchr(word, '/', n) || memchr(word, '\\', n))
            return err_set(e, EXIT_INPUT, "%s:%u: only files of the lab can be included, by their names in quotes", name, line);
    }
    return true;
}

static bool copy_kernel(const struct grade_report *r, const char *dir, struct err *e)
{
    char from[PATH], a[PATH + 260], b[PATH + 260];
    snprintf(from, sizeof from, "%.500s/%.60s", r->of->lab.dir, r->of->lab.build);
    DIR *d = opendir(from);
    if (!d) return err_set(e, EXIT_INPUT, "%s: cannot be read: %s", from, strerror(errno));
    for (struct dirent *x; !e->code && (x = readdir(d)) != NULL;) {
        if (x->d_name[0] == '.') continue;
        struct text t = { 0 };
        snprintf(a, sizeof a, "%s/%.255s", from, x->d_name);
        snprintf(b, sizeof b, "%s/%.255s", dir, x->d_name);
        if (text_read(&t, a, FILE_MOST, e)) write_all(b, &t, e);
        text_free(&t);
    }
    closedir(d);
    return !e->code;
}

/* What was handed in: its faults are the submission's. */
static bool copy_submission(const struct grade_report *r, const char *dir, struct err *blame)
{
    char a[PATH], b[PATH];
    for (unsigned i = 0; i < r->of->lab.files && !blame->code; i++) {
        struct text t = { 0 };
        const char *name = r->of->lab.name_of[i];
        snprintf(a, sizeof a, "%.511s/%.63s", r->dir, name);
        snprintf(b, sizeof b, "%s/%.63s", dir, name);
        if (read_plain(a, &t, blame) && strlen(text_str(&t)) != t.len) err_set(blame, EXIT_INPUT, "%s: bytes that no text has", name);
        if (!blame->code && stays_inside(name, text_str(&t), blame)) write_all(b, &t, blame);
        text_free(&t);
    }
    return !blame->code;
}

void grade_build_free(struct grade_report *r)
{
    if (!r->built[0]) return;
    char path[PATH];
    DIR *d = opendir(r->built);
    for (struct dirent *x; d && (x = readdir(d)) != NULL;) {
        snprintf(path, sizeof path, "%.300s/%.255s", r->built, x->d_name);
        if (x->d_name[0] != '.' || (x->d_name[1] && x->d_name[1] != '.')) unlink(path);
    }
    if (d) closedir(d);
    rmdir(r->built);
    r->built[0] = 0;
}

/* --- the compiler ------------------------------------------------------------------------------------------------ */

static const char *compiler(void)
{
    const char *own = getenv("RINGSIDE_GUEST_CC");
    return own && *own ? own : "gcc";
}

#ifdef HAS_LANDLOCK
static void allow(int rules, const char *path, uint64_t what)
{
    struct landlock_path_beneath_attr a = { .allowed_access = what, .parent_fd = open(path, O_PATH | O_CLOEXEC) };
    if (a.parent_fd < 0) return;
    (void)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &a, 0);
    close(a.parent_fd);
}

static void only_these_folders(void)
{
    const uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1, file = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE;
    const uint64_t look = file | LANDLOCK_ACCESS_FS_READ_DIR;
    /* Programs and libraries, but nothing that a course may keep beside them, as /usr/share. */
    static const char *const folders[] = { "/usr/bin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32", "/usr/libexec", "/usr/include", "/usr/local/bin",
                                           "/usr/local/lib", "/bin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store" };
    static const char *const prefixes[] = { "bin", "lib", "lib64", "libexec" };
    struct landlock_ruleset_attr attr = { .handled_access_fs = all };
    int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (rules < 0) return;
    for (unsigned i = 0; i < sizeof folders / sizeof *folders; i++) allow(rules, folders[i], look);
    const char *own = compiler(), *folder = strstr(own, "/bin/"); /* "/opt/cross/bin/i686-elf-gcc" and what it is made of */
    for (unsigned i = 0; own[0] == '/' && folder && i < sizeof prefixes / sizeof *prefixes; i++) {
        char path[PATH];
        snprintf(path, sizeof path, "%.*s/%s", (int)(folder - own), own, prefixes[i]);
        allow(rules, path, look);
    }
    allow(rules, "/etc/ld.so.cache", LANDLOCK_ACCESS_FS_READ_FILE);
    allow(rules, "/etc/alternatives", look);
    allow(rules, "/dev/null", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE);
    allow(rules, ".", all & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE);
    (void)syscall(SYS_landlock_restrict_self, rules, 0);
    close(rules);
}
#else
static void only_these_folders(void) { }
#endif

static void limit(int what, rlim_t most)
{
    struct rlimit now;
    if (!getrlimit((__rlimit_resource_t)what, &now) && (now.rlim_max == RLIM_INFINITY || now.rlim_max > most))
        setrlimit((__rlimit_resource_t)what, &(struct rlimit){ most, most });
}

static void compile_child(const char *dir, char **word)
{
    char *const environment[] = { (char *)"PATH=/usr/bin:/bin:/usr/local/bin", (char *)"LC_ALL=C", (char *)"TMPDIR=.",
                                   (char *)"SOURCE_DATE_EPOCH=0", NULL }; /* __DATE__ and __TIME__: the same image tomorrow */
    if (chdir(dir)) _exit(126);
    setpgid(0, 0);
    int in = open("/dev/null", O_RDONLY), log = open("log", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (in < 0 || log < 0 || dup2(in, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) _exit(126);
    for (int i = 3; i < 256; i++) close(i);
    limit(RLIMIT_CPU, SECONDS);
    limit(RLIMIT_AS, (rlim_t)1 << 30);
    limit(RLIMIT_FSIZE, 4 << 20);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, 64);
#ifdef __linux__
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#endif
    only_these_folders();
    environ = (char **)environment;
    execvp(word[0], word); /* by that PATH: the compiler itself, and no wrapper of somebody's */
    _exit(127);
}

/* Its exit status; -1: it took too long; 127: there is no such program. */
static int run(const char *dir, char **word)
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) return 127;
    if (pid == 0) compile_child(dir, word);
    for (unsigned i = 0; i < (SECONDS + 10) * 200u; i++) {
        pid_t got = waitpid(pid, &status, WNOHANG);
        if (got == pid) return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
    }
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    return -1;
}

/* Can the host's compiler make IA-32 code? Tried once. */
static bool has_compiler(const char *dir, struct err *e)
{
    static int known = -1;
    char path[PATH], *word[] = { (char *)compiler(), (char *)"-m32", (char *)"-masm=intel", (char *)"-c", (char *)"probe.c", (char *)"-o", (char *)"probe.o", NULL };
    struct text t = { 0 };
    if (known < 0) {
        snprintf(path, sizeof path, "%s/probe.c", dir);
        text_add(&t, "int probe(int x) { return x; }\n");
        known = text_write(&t, path, e) && run(dir, word) == 0;
        text_free(&t);
        unlink(path);
        snprintf(path, sizeof path, "%s/probe.o", dir);
        unlink(path);
    }
    return known || err_set(e, EXIT_ENVIRONMENT, "this lab is built with an IA-32 compiler, and '%s -m32' is none here; install gcc (x86), or name one "
                            "in RINGSIDE_GUEST_CC", compiler());
}

static unsigned add_sources(const char *dir, char (*names)[64], char **word, unsigned n)
{
    unsigned k = 0;
    DIR *d = opendir(dir);
    for (struct dirent *x; d && (x = readdir(d)) != NULL && k < SOURCES;) {
        const char *dot = strrchr(x->d_name, '.');
        if (dot && (!strcmp(dot, ".c") || !strcmp(dot, ".S")) && strlen(x->d_name) < 64) strcpy(names[k++], x->d_name);
    }
    if (d) closedir(d);
    qsort(names, k, sizeof *names, (int (*)(const void *, const void *))strcmp); /* the same image whatever the folder's order */
    for (unsigned i = 0; i < k; i++) word[n++] = names[i];
    return n;
}

/* The compiler's names for what lies between its programs are other ones each time: "./ccLNY6Bc.s". */
static void same_names(char *s)
{
    while ((s = strstr(s, "./cc")) != NULL) {
        s += 4;
        if (strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == 6 && s[6] == '.') memset(s, 'x', 6);
    }
}

static bool too_much(const char *log)
{
    static const char *const words[] = { "File size limit exceeded", "out of memory allocating", "virtual memory exhausted", "cannot allocate" };
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(log, words[i])) return true;
    return false;
}

static bool compile(struct grade_report *r, struct err *blame)
{
    char names[SOURCES][64], path[PATH], *word[WORDS + SOURCES + 8];
    unsigned n = 0;
    word[n++] = (char *)compiler();
    for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++) word[n++] = (char *)flags[i];
    for (unsigned i = 0; i < sizeof link_flags / sizeof *link_flags; i++) word[n++] = (char *)link_flags[i];
    n = add_sources(r->built, names, word, n);
    word[n++] = (char *)"-o", word[n++] = (char *)"image.elf", word[n] = NULL;
    int status = run(r->built, word);
    if (!status) return true;
    struct text t = { 0 };
    struct err ignored = { 0 };
    snprintf(path, sizeof path, "%.300s/log", r->built);
    (void)text_read(&t, path, 4 << 20, &ignored);
    if (t.s) same_names(t.s);
    if (status < 0 || too_much(text_str(&t)))
        err_set(blame, EXIT_LIMIT, "the compiler was ended: %d seconds, 1 GB of memory or 4 MB of output were not enough", SECONDS);
    else err_set(blame, EXIT_INPUT, "it does not build: %.360s", t.len ? text_str(&t) : "the compiler says nothing");
    text_free(&t);
    return false;
}

bool grade_build(struct grade_report *r, struct err *e)
{
    const char *temp = getenv("TMPDIR");
    struct err blame = { 0 };
    if (!r->of->lab.build[0] || r->built[0]) return true;
    snprintf(r->built, sizeof r->built, "%.150s/ringside-build-XXXXXX", temp && *temp ? temp : "/tmp");
    if (!mkdtemp(r->built)) {
        err_set(e, EXIT_ENVIRONMENT, "%s: cannot make this folder: %s", r->built, strerror(errno));
        r->built[0] = 0;
        return false;
    }
    if (!has_compiler(r->built, e) || !copy_kernel(r, r->built, e)) return false;
    if (copy_submission(r, r->built, &blame)) (void)compile(r, &blame);
    snprintf(r->unbuilt, sizeof r->unbuilt, "%s", blame.code ? blame.text : "");
    r->unbuilt_limit = blame.code == EXIT_LIMIT;
    snprintf(r->image, sizeof r->image, "%.300s/image.elf", r->built);
    return true;
}
