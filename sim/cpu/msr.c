/* See msr.h. RDMSR, WRMSR, and the rules of msr.def. */
#include "sim/cpu/msr.h"

#include "sim/cpu/exec.h"
#include "sim/cpu/mem.h"
#include "sim/cpu/perf.h"

enum rule {
    RULE_READ,    /* cannot be written */
    RULE_PLAIN,   /* keeps what is written */
    RULE_ZERO,    /* only 0 can be written */
    RULE_WORD,    /* 32 bits; the upper ones are dropped */
    RULE_TSC, RULE_APIC,
    RULE_FEATURE, /* there with VMX; its bit 0 locks it */
    RULE_UPDATE,  /* cannot be read */
    RULE_SIGN, RULE_MISC,
    RULE_RANGE,   /* MTRRs: even registers have a memory type, odd ones a valid bit */
    RULE_TYPES,   /* eight memory types */
    RULE_PAT,     /* eight memory types, UC- among them */
    RULE_DEFAULT, /* a memory type and two enables */
    RULE_COUNTER, RULE_CONTROL /* perf.h */
};
enum { MICROCODE = 5, MTRR_TYPES = 1 << 0 | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6, PAT_TYPES = MTRR_TYPES | 1 << 7 };
enum { RANGE_TYPE = 0xFF, RANGE_VALID = 0x800, MISC_READ_ONLY = 0x1880 /* 12, 11, 7 */ };

static const struct row {
    uint32_t first, count, index;
    uint8_t rule;
    uint64_t reset, may;
} rows[] = {
#define MSR(first, count, name, rule, reset, may, about) { first, count, MSR_##name, RULE_##rule, reset, may },
#include "sim/cpu/msr.def"
#undef MSR
};

static const struct row *find(uint32_t address)
{
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++)
        if (address - rows[k].first < rows[k].count) return &rows[k];
    return NULL;
}

static uint64_t tsc(const struct cpu *c) { return c->clock->now + c->tsc_base; }

void msr_reset(struct cpu *c)
{
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++)
        for (unsigned n = 0; n < rows[k].count; n++) c->msr[rows[k].index + n] = rows[k].reset;
    c->tsc_base = 0 - c->clock->now;
    perf_reset(c);
}

void msr_sign(struct cpu *c)
{
    if (!(uint32_t)c->msr[MSR_BIOS_SIGN]) c->msr[MSR_BIOS_SIGN] = (uint64_t)MICROCODE << 32;
}

/* A TSC that a hypervisor has shifted is shifted for its guest by every way to read it. */
static uint64_t tsc_seen(const struct cpu *c) { return tsc(c) + (c->vmx.nonroot ? c->vmx.tsc_offset : 0); }

bool msr_read(struct cpu *c, uint32_t address, uint64_t *value)
{
    const struct row *r = find(address);
    if (!r) return vmx_capability(c, address, value);
    if (r->rule == RULE_UPDATE || (r->rule == RULE_FEATURE && !c->model->vmx)) return false;
    unsigned index = r->index + (address - r->first);
    *value = r->rule == RULE_TSC ? tsc_seen(c) : r->rule == RULE_APIC ? c->apic_base
           : r->rule == RULE_COUNTER ? perf_read(c, index - MSR_COUNTER) : c->msr[index];
    return true;
}

/* Is each of the low `n` bytes one of these types (a bit set)? */
static bool are_types(uint64_t value, unsigned n, unsigned types)
{
    for (; n--; value >>= 8)
        if ((value & 0xFF) > 7 || !(types >> (value & 0xFF) & 1)) return false;
    return true;
}

/* Rules that refuse more than reserved bits. */
static bool refuses(const struct row *r, unsigned index, uint64_t value)
{
    bool mask = (index - r->index) & 1;
    switch (r->rule) {
    case RULE_READ: return true;
    case RULE_RANGE: return mask ? value & RANGE_TYPE : (value & RANGE_VALID) || !are_types(value, 1, MTRR_TYPES);
    case RULE_TYPES: return !are_types(value, 8, MTRR_TYPES);
    case RULE_PAT: return !are_types(value, 8, PAT_TYPES);
    case RULE_DEFAULT: return !are_types(value, 1, MTRR_TYPES);
    default: return false;
    }
}

bool msr_allowed(uint32_t address, uint64_t value)
{
    const struct row *r = find(address);
    return r && !(value & ~r->may);
}

bool msr_write(struct cpu *c, uint32_t address, uint64_t value)
{
    const struct row *r = find(address);
    if (!r || (r->rule == RULE_FEATURE && (!c->model->vmx || c->msr[MSR_FEATURE_CONTROL] & 1))) return false;
    unsigned index = r->index + (address - r->first);
    if (r->rule == RULE_WORD || r->rule == RULE_COUNTER) value &= r->may;
    if (r->rule == RULE_MISC) value = (value & ~(uint64_t)MISC_READ_ONLY) | (c->msr[index] & MISC_READ_ONLY);
    if ((value & ~(r->may | (r->rule == RULE_MISC ? MISC_READ_ONLY : 0u))) || refuses(r, index, value)) return false;
    if (r->rule == RULE_TSC) c->tsc_base = value - c->clock->now;
    else if (r->rule == RULE_APIC) cpu_apic_base(c, (uint32_t)(value & ~(uint64_t)APIC_BASE_BSP) | (c->apic_base & APIC_BASE_BSP));
    else if (r->rule == RULE_COUNTER || r->rule == RULE_CONTROL) perf_write(c, index, value);
    else if (r->rule != RULE_UPDATE) c->msr[index] = value;
    return true;
}

/* ---- the instructions ---- */

static void answer(struct cpu *c, uint64_t v)
{
    c->reg[EAX] = (uint32_t)v;
    c->reg[EDX] = (uint32_t)(v >> 32);
}

enum step exec_rdmsr(struct cpu *c, const struct insn *i)
{
    uint64_t value;
    if (c->vmx.nonroot && !c->cpl && vmx_leaves_msr(c, i, false)) return STEP_JUMP;
    if (c->cpl || !msr_read(c, c->reg[ECX], &value)) return cpu_raise_code(c, VEC_GP, 0);
    answer(c, value);
    return STEP_OK;
}

enum step exec_wrmsr(struct cpu *c, const struct insn *i)
{
    if (c->vmx.nonroot && !c->cpl && vmx_leaves_msr(c, i, true)) return STEP_JUMP;
    uint64_t value = (uint64_t)c->reg[EDX] << 32 | c->reg[EAX];
    if (c->cpl || !msr_write(c, c->reg[ECX], value)) return cpu_raise_code(c, VEC_GP, 0);
    return STEP_OK;
}

enum step exec_rdtsc(struct cpu *c, const struct insn *i)
{
    if ((c->cr4 & CR4_TSD) && c->cpl) return cpu_raise_code(c, VEC_GP, 0);
    if (c->vmx.nonroot && vmx_leaves(c, i, VMX_RDTSC, 0)) return STEP_JUMP;
    answer(c, tsc_seen(c));
    return STEP_OK;
}

/* ECX: the counter; bit 31 asks for its lower half alone. */
enum step exec_rdpmc(struct cpu *c, const struct insn *i)
{
    uint32_t n = c->reg[ECX] & 0x7FFFFFFF;
    bool half = c->reg[ECX] >> 31;
    if (!(c->cr4 & CR4_PCE) && c->cpl) return cpu_raise_code(c, VEC_GP, 0);
    if (c->vmx.nonroot && vmx_leaves(c, i, VMX_RDPMC, 0)) return STEP_JUMP;
    if (n >= PERF_COUNTERS) return cpu_raise_code(c, VEC_GP, 0);
    uint64_t value = perf_read(c, n);
    answer(c, half ? (uint32_t)value : value);
    return STEP_OK;
}
