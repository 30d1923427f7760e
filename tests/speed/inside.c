/* What no other program can be asked: the price of building blocks (P14), of a debugger that waits elsewhere (P15), and of
 * snapshots. `make bench` runs it behind the kernels: inside KERNEL.elf TEXT.elf. Nothing here passes or fails.
 *
 * Idea: the same machine runs the same kernel in turn with and without, and the best of several runs are compared, in processor
 * time. Blocks are built from end to end of TEXT's code, with nothing remembered from the time before. */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/cpu/block.h"
#include "sim/cpu/zydis.h"
#include "sim/machine.h"
#include "tests/support/fake_env.h"

enum { ROUNDS = 7, CODE = 0x10000, RAM_MIB = 128, ELSEWHERE = 0x90000 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
static double least(double a, double b) { return a > 0 && a < b ? a : b; }
static void verdict(const char *name, const char *what, double value, const char *unit, double goal)
{
    printf("%-4s %-52s %5.2f%s  goal at most %g: %s\n", name, what, value, unit, goal, value <= goal ? "met" : "NOT MET");
}

/* ---- blocks ---- */

/* The segment of an ELF file that holds code, into RAM at CODE; its length, at most `room`. */
static uint32_t load_code(struct fake *w, const char *path, uint32_t room)
{
    FILE *f = fopen(path, "rb");
    Elf32_Ehdr h;
    Elf32_Phdr p = { 0 };
    uint32_t n = 0;
    if (!f || fread(&h, sizeof h, 1, f) != 1 || fseek(f, (long)h.e_phoff, SEEK_SET)) return 0;
    while (h.e_phnum-- && fread(&p, sizeof p, 1, f) == 1 && !(p.p_flags & PF_X)) {}
    if (p.p_flags & PF_X && !fseek(f, (long)p.p_offset, SEEK_SET))
        n = (uint32_t)fread(w->ram + CODE, 1, p.p_filesz < room ? p.p_filesz : room, f);
    fclose(f);
    return n;
}

static double build_all(struct fake *w, uint32_t n)
{
    uint32_t insns = 0;
    block_cache_flush(w->cpu.blocks);
    double from = now();
    for (uint32_t at = CODE; at < CODE + n;) {
        const struct block *b = block_build(&w->cpu, hpa(at), true, w->ram + at, PAGE_SIZE - at % PAGE_SIZE);
        at += b ? b->bytes : 1u;
        insns += b ? b->n : 0u;
    }
    return (now() - from) * 1e9 / (insns ? insns : 1);
}

static double decode_all(struct fake *w, const ZydisDecoder *z, uint32_t n)
{
    uint32_t insns = 0;
    double from = now();
    for (uint32_t at = CODE; at < CODE + n; insns++) {
        ZydisDecodedInstruction i;
        ZydisDecodedOperand o[ZYDIS_MAX_OPERAND_COUNT];
        at += ZYAN_SUCCESS(ZydisDecoderDecodeFull(z, w->ram + at, 15, &i, o)) ? i.length : 1u;
    }
    return (now() - from) * 1e9 / (insns ? insns : 1);
}

static void blocks(const char *path)
{
    static struct fake w;
    ZydisDecoder z;
    double ours = 0, theirs = 0;
    char what[80];
    fake_init(&w, true);
    zydis_init(&z, true);
    uint32_t n = load_code(&w, path, FAKE_RAM - CODE - PAGE_SIZE);
    if (!n) exit(1);
    for (unsigned k = 0; k < ROUNDS; k++) {
        ours = least(ours, build_all(&w, n));
        theirs = least(theirs, decode_all(&w, &z, n));
    }
    snprintf(what, sizeof what, "a block built, %.1f ns an instruction / Zydis, %.1f", ours, theirs);
    verdict("P14", what, ours / theirs, "", 0.25);
    fake_done(&w);
}

/* ---- whole machines ---- */

enum with { PLAIN, WATCHED, FORWARD };

static double run(const char *path, enum with with)
{
    static const struct point elsewhere[] = { { ELSEWHERE, 1, POINT_EXEC }, { ELSEWHERE, 4, POINT_READ | POINT_WRITE } };
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    cfg.ram_mib = RAM_MIB;
    snprintf(cfg.image, sizeof cfg.image, "%s", path);
    struct machine *m = machine_new(&cfg, &e);
    if (!m) {
        fprintf(stderr, "inside: %s\n", e.text);
        exit(1);
    }
    if (with == WATCHED) machine_points(m, elsewhere, 2);
    if (with == FORWARD) machine_forward_only(m);
    double from = now();
    machine_run(m, NULL, UINT64_MAX);
    double took = now() - from;
    machine_free(m);
    return took;
}

int main(int argc, char **argv)
{
    double took[3] = { 0 };
    if (argc != 3) return 2;
    blocks(argv[2]);
    for (unsigned k = 0; k < 3 * ROUNDS; k++) took[k % 3] = least(took[k % 3], run(argv[1], (enum with)(k % 3)));
    verdict("P15", "a breakpoint and a watchpoint in a page nobody uses", (took[WATCHED] / took[PLAIN] - 1) * 100, " %", 3);
    verdict("", "snapshots' share of the time", (took[PLAIN] / took[FORWARD] - 1) * 100, " %", 5);
    return 0;
}
