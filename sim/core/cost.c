/* See cost.h. */
#include "sim/core/cost.h"

#include <string.h>

static const struct {
    const char *name, *source;
    uint32_t p4;
} rows[COST_COUNT] = {
#define COST(e, name, p4, source) { name, source, p4 },
#include "sim/core/cost.def"
#undef COST
};

const char *cost_name(enum cost c) { return rows[c].name; }
const char *cost_source(enum cost c) { return rows[c].source; }

static void fill_p4(struct model *m)
{
    for (unsigned i = 0; i < COST_COUNT; i++) m->cost[i] = rows[i].p4;
}

/* Exam questions count instructions: whatever is an instruction costs one cycle, all else is free. */
static void fill_unit(struct model *m)
{
    for (unsigned i = 0; i < COST_COUNT; i++) m->cost[i] = !strncmp(rows[i].name, "insn.", 5);
}

static const struct {
    const char *name, *about;
    uint64_t hz;
    uint8_t vmx;
    void (*fill)(struct model *m);
} models[] = {
    { "p4", "Pentium 4 672 (Prescott), 3.8 GHz, the first with VT-x", 3800000000u, 1, fill_p4 },
    { "ideal", "every instruction takes one cycle, everything else is free", 1000000000u, 0, fill_unit },
    { "off", "functional: time passes one cycle an instruction, for skipping ahead", 1000000000u, 0, fill_unit },
};

bool model_find(const char *name, struct model *m, struct err *e)
{
    for (unsigned i = 0; i < sizeof models / sizeof models[0]; i++)
        if (!strcmp(models[i].name, name)) {
            *m = (struct model){ .name = models[i].name, .about = models[i].about, .hz = models[i].hz, .vmx = models[i].vmx };
            models[i].fill(m);
            return true;
        }
    return err_set(e, EXIT_USAGE, "--model %s: no such CPU model; known are p4, ideal, off", name);
}

static const struct { const char *name; uint32_t bit; } extras[] = {
    { "umip", EXTRA_UMIP }, { "virtualizable", EXTRA_VIRTUALIZABLE }, { "monitor", EXTRA_MONITOR },
};

bool model_extra(struct model *m, const char *name, bool on, struct err *e)
{
    for (unsigned i = 0; i < sizeof extras / sizeof extras[0]; i++)
        if (!strcmp(extras[i].name, name)) {
            m->extras = on ? m->extras | extras[i].bit : m->extras & ~extras[i].bit;
            return true;
        }
    return err_set(e, EXIT_USAGE, "cpu.%s: no such feature; there are cpu.umip, cpu.virtualizable, cpu.monitor and cpu.vmx", name);
}

bool model_set(struct model *m, const char *row, uint32_t value, struct err *e)
{
    for (unsigned i = 0; i < COST_COUNT; i++)
        if (!strcmp(rows[i].name, row)) {
            m->cost[i] = value;
            return true;
        }
    return err_set(e, EXIT_USAGE, "cost.%s: no such cost row; see sim/core/cost.def", row);
}
