/* Descriptor tables, gates, TSS and code out of the input; then the CPU runs. Whatever they hold, segment loads, calls through
 * gates, task switches and faults in their midst leave a CPU that keeps its promises, and give the same by single steps
 * as out of blocks.
 *
 * Input: ring, flags, 8 registers, 64 bytes of code, then the bytes of GDT, LDT, IDT and TSS in turn. */
#include "sim/core/clock.h"
#include "sim/cpu/segment.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/rings.h"

#include <string.h>

enum { CODE_BYTES = 64, STEPS = 60, CYCLES = 1000000 /* a repeated instruction is one step, and may have 2^32 iterations */ };

static void enough(void *self, uint64_t when)
{
    (void)when;
    ((struct cpu *)self)->pause = true;
}

static void tables(struct fake *f, struct fuzz_input in)
{
    static const uint32_t at[] = { AT_GDT + 0x60, AT_LDT, AT_IDT, AT_TSS, AT_TASK };
    for (unsigned k = 0; fuzz_left(&in); k++) {
        uint32_t offset = (k / 5) * 8;
        for (unsigned b = 0; b < 8; b++) {
            uint8_t byte = fuzz_u8(&in);
            fake_put(f, at[k % 5] + (offset & 0xFFF) + b, &byte, 1);
        }
    }
}

static void prepare(struct fake *f, struct fuzz_input in)
{
    uint8_t code[CODE_BYTES];
    rings_init(f);
    rings_enter(f, fuzz_u8(&in) & 3);
    uint32_t flags = fuzz_u16(&in);
    for (unsigned r = 0; r < 8; r++) {
        uint32_t v = fuzz_u16(&in);
        if (r != ESP) f->cpu.reg[r] = v;
    }
    for (unsigned k = 0; k < CODE_BYTES; k++) code[k] = fuzz_u8(&in);
    cpu_set_flags(&f->cpu, (cpu_flags(&f->cpu) & ~0x4DD5u) | (flags & 0x7DD5));
    fake_put(f, FAKE_CODE, code, sizeof code);
    f->cpu.eip = FAKE_CODE;
    tables(f, in);
}

static void promises(const struct cpu *c)
{
    FUZZ_HOLDS(c->cpl <= 3 && c->reg[8] == 0);
    FUZZ_HOLDS(clock_check(c->clock));
    for (unsigned s = 0; s < SEG_COUNT; s++)
        FUZZ_HOLDS(c->seg[s].rd_end <= (uint64_t)c->seg[s].limit + 1 && c->seg[s].wr_end <= (uint64_t)c->seg[s].limit + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fake a, b;
    struct timer ends[2] = { { .fire = enough, .self = &a.cpu }, { .fire = enough, .self = &b.cpu } };
    static struct block_cache *blocks, *stepped; /* both have one: without, a REP MOVS that overwrites itself goes on as it was */
    struct fuzz_input in = { data, data + size };
    prepare(&a, in);
    prepare(&b, in);
    if (!blocks && (!(blocks = block_cache_new()) || !(stepped = block_cache_new()))) abort();
    block_cache_flush(blocks); /* a new one for every input would be most of the time */
    block_cache_flush(stepped);
    timeq_arm(&a.timers, &ends[0], CYCLES);
    timeq_arm(&b.timers, &ends[1], CYCLES);
    b.cpu.blocks = blocks;
    a.cpu.blocks = stepped;
    cpu_run(&b.cpu, STEPS);
    for (unsigned k = 0; k < STEPS; k++) {
        enum cpu_stop s = cpu_run(&a.cpu, 1);
        promises(&a.cpu);
        if (s != CPU_BUDGET) break;
    }
    promises(&b.cpu);
    FUZZ_HOLDS(a.cpu.eip == b.cpu.eip && a.clock.now == b.clock.now && a.cpu.insns == b.cpu.insns);
    FUZZ_HOLDS(!memcmp(a.cpu.reg, b.cpu.reg, sizeof a.cpu.reg) && cpu_flags(&a.cpu) == cpu_flags(&b.cpu));
    FUZZ_HOLDS(!memcmp(a.ram, b.ram, FAKE_RAM));
    timeq_cancel(&a.timers, &ends[0]);
    timeq_cancel(&b.timers, &ends[1]);
    a.cpu.blocks = b.cpu.blocks = NULL;
    fake_done(&a);
    fake_done(&b);
    return 0;
}
