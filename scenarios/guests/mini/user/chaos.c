// chaos SEED [STEPS]: a long random life, told in one number. The same on every machine, or the machine is wrong.
//
// Memory that grows, shrinks and is looked over; children that do the same and report by their status; bytes through pipes and
// files; programs that crash, calls that fail. Nothing here depends on time: children are waited for before anything goes on.
#include "mini/user/user.h"

enum { STEPS = 60, DEPTH = 3, PAGE_SIZE = 4096, ROOM = 32 * PAGE_SIZE };

static uint32_t state, sum, depth;
static uint8_t *heap;
static uint32_t size; // of what is in use at `heap`

static uint32_t next(uint32_t below)
{
    state = state * 1664525 + 1013904223;
    return (state >> 8) % below;
}

static void mix(uint32_t value) { sum = (sum << 5 | sum >> 27) ^ value * 2654435761u; }

static void resize(void)
{
    uint32_t wanted = next(ROOM);
    mix((uint32_t)sbrk((int)(wanted - size)) - (uint32_t)heap);
    size = wanted;
}

static void scribble(void)
{
    for (uint32_t n = next(20); size && n; n--) {
        uint32_t at = next(size), length = next(300);
        for (uint32_t i = 0; i < length && at + i < size; i++) heap[at + i] += (uint8_t)(length + i);
    }
}

static void look(void)
{
    for (uint32_t at = 0; at < size; at += 61) mix(heap[at]);
}

static void life(uint32_t steps);

static void child(void)
{
    int status = 0, pid = depth < DEPTH ? fork() : 0;
    if (depth == DEPTH) return;
    if (pid == 0) {
        depth++;
        life(next(15));
        exit((int)(sum & 0x7F));
    }
    wait(&status);
    mix((uint32_t)status);
}

static void through_pipe(void)
{
    static uint8_t out[3000], in[3000];
    int ends[2], n = (int)next(sizeof out), got = 0, more;
    for (int i = 0; i < n; i++) out[i] = (uint8_t)next(256);
    if (pipe(ends)) return;
    if (fork() == 0) {
        close(ends[0]);
        exit(write(ends[1], out, (uint32_t)n) != n);
    }
    close(ends[1]);
    while ((more = read(ends[0], in + got, 1 + next(500))) > 0) got += more, got = got > 2400 ? 2400 : got;
    close(ends[0]);
    wait(&more);
    mix((uint32_t)more);
    for (int i = 0; i < got && i < 2400; i++) mix(in[i]);
}

static void through_file(void)
{
    uint8_t bytes[200];
    int fd = open("/chaos", O_READ | O_WRITE | O_CREATE | (next(2) ? O_TRUNCATE : O_APPEND)), n;
    for (uint32_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)next(256);
    for (uint32_t i = next(20); i; i--) mix((uint32_t)write(fd, bytes, next(sizeof bytes)));
    close(fd);
    fd = open("/chaos", O_READ);
    while ((n = read(fd, bytes, sizeof bytes)) > 0)
        for (int i = 0; i < n; i += 7) mix(bytes[i]);
    close(fd);
    if (next(3) == 0) mix((uint32_t)unlink("/chaos"));
}

static void program(void)
{
    static char *const lines[][4] = { { "/bin/true" }, { "/bin/cat", "/nothing" }, { "/bin/wc", "/motd" }, { "/bin/grep", "x", "/motd" } };
    int status, which = (int)next(4), pid = fork();
    if (pid == 0) {
        close(0), close(1), close(2);
        exit(exec(lines[which][0], lines[which]) & 0x7F);
    }
    wait(&status);
    mix((uint32_t)status);
}

static void crime(void)
{
    int status, which = (int)next(5), pid = fork();
    if (pid == 0) {
        close(1);
        if (which == 0) *(volatile int *)next(PAGE_SIZE) = 1;
        if (which == 1) __asm__ volatile("cli");
        if (which == 2) __asm__ volatile("ud2");
        if (which == 3) __asm__ volatile("mov eax, cr0" : : : "eax");
        if (which == 4) __asm__ volatile("xor ecx, ecx\n\tdiv ecx" : : : "eax", "ecx", "edx");
        exit(0);
    }
    wait(&status);
    mix((uint32_t)status);
}

static void wrong_call(void) { mix((uint32_t)syscall((int)(SYSCALLS + next(100)), next(1000), next(1000), next(1000))); }

static void life(uint32_t steps)
{
    static void (*const acts[])(void) = { resize, scribble, scribble, look, child, through_pipe, through_file, program, crime, wrong_call };
    while (steps--) acts[next(sizeof acts / sizeof *acts)]();
    look();
}

int main(int argc, char **argv)
{
    int seed = argc > 1 ? text_number(argv[1]) : 1;
    state = (uint32_t)seed;
    heap = sbrk(0);
    life(argc > 2 ? (uint32_t)text_number(argv[2]) : STEPS);
    printf("chaos %d: %08x\n", seed, sum);
    return 0;
}
