/* Runs a fuzz target without libFuzzer: `TARGET RUNS SEED [FILE ...]`. The files and the target's own seeds, then mutations of
 * them and of what grew out of them, drawn from the seed: the same inputs every time. What kills the program leaves the input
 * that did it in the file that FUZZ_KEEP names (UBSan with abort_on_error=1). */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#include "tests/fuzz/fuzz.h"

enum { LONGEST = 1 << 14, POOL = 64 };
static struct { uint8_t bytes[LONGEST]; size_t n; } pool[POOL];
static unsigned pooled, seeds; /* seeds: of the target */

static const uint8_t *tried;
static size_t tried_n;
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void keep(void)
{
    const char *path = getenv("FUZZ_KEEP");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
    if (fd >= 0 && write(fd, tried, tried_n) >= 0) close(fd);
}

static void killed(int signal)
{
    keep();
    _exit(128 + signal);
}

static uint64_t chance;
static uint32_t any(void)
{
    uint64_t z = chance += 0x9E3779B97F4A7C15u; /* splitmix64 */
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (uint32_t)(z >> 32 ^ z);
}

/* A sanitizer sees every byte too far. */
static void try(const uint8_t *bytes, size_t n)
{
    uint8_t *exact = malloc(n ? n : 1);
    if (!exact) abort();
    memcpy(exact, bytes, n);
    tried = exact;
    tried_n = n;
    LLVMFuzzerTestOneInput(exact, n);
    free(exact);
}

static void read_seed(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f || pooled == POOL) {
        fprintf(stderr, "driver: cannot take %s\n", path);
        exit(2);
    }
    pool[pooled].n = fread(pool[pooled].bytes, 1, LONGEST, f);
    fclose(f);
    try(pool[pooled].bytes, pool[pooled].n);
    pooled++;
}

/* One to begin with: half of them the target's seeds, if it has any. */
static size_t choose(uint8_t *work)
{
    unsigned from = any() % pooled;
    if (seeds && any() % 2) return fuzz_seed(any() % seeds, work, LONGEST);
    memcpy(work, pool[from].bytes, pool[from].n);
    return pool[from].n;
}

static void mutate(uint8_t *b, size_t *n)
{
    static const uint8_t odd[] = { 0, 1, 0x7F, 0x80, 0xFF, 0x0F, 0x66, 0x67, 0xF0, 0xF3 };
    size_t at = *n ? any() % *n : 0, count = 1 + any() % 8;
    switch (any() % 6) {
    case 0: if (*n) b[at] ^= (uint8_t)(1u << any() % 8); break;
    case 1: if (*n) b[at] = odd[any() % sizeof odd]; break;
    case 2: if (*n) b[at] = (uint8_t)any(); break;
    case 3: *n = at; break;
    case 4:
        for (size_t k = 0; k < count && *n < LONGEST; k++) b[(*n)++] = (uint8_t)any();
        break;
    default:
        if (*n > at + count) memmove(b + at, b + any() % (*n - count), count);
    }
}

int main(int argc, char **argv)
{
    static uint8_t work[LONGEST];
    unsigned runs = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : 1000;
    if (__sanitizer_set_death_callback) __sanitizer_set_death_callback(keep);
    signal(SIGABRT, killed);
    signal(SIGTERM, killed);
    chance = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    printf("seed %llu, %u inputs\n", (unsigned long long)chance, runs);
    fflush(stdout);
    for (int k = 3; k < argc; k++) read_seed(argv[k]);
    for (size_t n; fuzz_seed && (n = fuzz_seed(seeds, work, LONGEST)); seeds++) try(work, n);
    if (!pooled) pool[pooled++].n = 0;
    for (unsigned k = 0; k < runs; k++) {
        unsigned times = 1 + any() % 6;
        size_t n = choose(work);
        while (times--) mutate(work, &n);
        try(work, n);
        if (any() % 64 || pooled == POOL) continue;
        memcpy(pool[pooled].bytes, work, n);
        pool[pooled++].n = n;
    }
    printf("ok - %u inputs and no harm\n", runs);
    return 0;
}
