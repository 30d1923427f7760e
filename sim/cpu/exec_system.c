/* System instructions: table registers, control and debug registers, MSRs, counters, HLT, CPUID.
 *
 * Idea 1: most are privileged and fault below ring 0 (a hypervisor's friends); the ones that store (SGDT, SIDT, SLDT,
 * STR, SMSW) ask nobody, and tell any ring what the machine really holds.
 * Idea 2: a write that changes how addresses are translated tells the MMU (paging), makes it forget (flush), and ends
 * the block (STEP_JUMP), in that order.
 *
 * SDM vol. 2; vol. 3A 2.5 (control registers), 2.8 (system instructions), 5.9 (privileged ones), 17.2 (debug
 * registers).
 * Not modelled: caches (INVD, WBINVD only check), breakpoints (DR7 holds its bits, nothing matches), performance
 * events (no counter is ever enabled: all read 0), PAE (#GP(0) as the reserved
 * bit of CR4 it is here), UMIP. */
#include "sim/cpu/cpuid.h"
#include "sim/cpu/exec.h"
#include "sim/cpu/operand.h"
#include "sim/cpu/segment.h"

static bool outside_ring0(struct cpu *c)
{
    if (c->cpl) cpu_raise_code(c, VEC_GP, 0);
    return c->cpl;
}

static enum step next_block(struct cpu *c, const struct insn *i)
{
    c->eip = insn_next(c, i);
    return STEP_JUMP;
}

/* ---- GDTR, IDTR: a limit of 16 bits and a base of 32 ---- */

static enum step table_load(struct cpu *c, const struct insn *i, struct table_reg *t)
{
    uint32_t limit, base, at = ea(c, i);
    if (!(i->flags & INSN_MEM)) return cpu_raise(c, VEC_UD);
    if (outside_ring0(c)) return STEP_FAULT;
    if (mem_read(c, i->seg, at, 2, &limit) != STEP_OK) return STEP_FAULT;
    if (mem_read(c, i->seg, at + 2, 4, &base) != STEP_OK) return STEP_FAULT;
    t->limit = (uint16_t)limit;
    t->base = i->size == 2 ? base & 0x00FFFFFF : base;
    return STEP_OK;
}

/* Later manuals: the full base is stored whatever the operand size. */
static enum step table_store(struct cpu *c, const struct insn *i, const struct table_reg *t)
{
    uint32_t at = ea(c, i);
    if (!(i->flags & INSN_MEM)) return cpu_raise(c, VEC_UD);
    if (mem_probe_write(c, i->seg, at, 2) != STEP_OK) return STEP_FAULT;
    if (mem_probe_write(c, i->seg, at + 2, 4) != STEP_OK) return STEP_FAULT;
    if (mem_write(c, i->seg, at, 2, t->limit) != STEP_OK) return STEP_FAULT;
    return mem_write(c, i->seg, at + 2, 4, t->base);
}

enum step exec_lgdt(struct cpu *c, const struct insn *i) { return table_load(c, i, &c->gdtr); }
enum step exec_lidt(struct cpu *c, const struct insn *i) { return table_load(c, i, &c->idtr); }
enum step exec_sgdt(struct cpu *c, const struct insn *i) { return table_store(c, i, &c->gdtr); }
enum step exec_sidt(struct cpu *c, const struct insn *i) { return table_store(c, i, &c->idtr); }

/* ---- LDTR, TR: selectors of system segments ---- */

/* Memory takes 16 bits whatever the operand size; a register takes the whole. */
static enum step word_store(struct cpu *c, const struct insn *i, uint32_t v)
{
    if (i->flags & INSN_MEM) return mem_write(c, i->seg, ea(c, i), 2, v & 0xFFFF);
    reg_set(c, i->rm, i->size, v);
    return STEP_OK;
}

static enum step word_load(struct cpu *c, const struct insn *i, uint16_t *v)
{
    uint32_t word = c->reg[i->rm];
    if ((i->flags & INSN_MEM) && mem_read(c, i->seg, ea(c, i), 2, &word) != STEP_OK) return STEP_FAULT;
    *v = (uint16_t)word;
    return STEP_OK;
}

enum step exec_sldt(struct cpu *c, const struct insn *i)
{
    return cpu_selects(c) ? word_store(c, i, c->ldtr.sel) : cpu_raise(c, VEC_UD);
}

enum step exec_str(struct cpu *c, const struct insn *i)
{
    return cpu_selects(c) ? word_store(c, i, c->tr.sel) : cpu_raise(c, VEC_UD);
}

/* A selector in the GDT (TI = 0), and its descriptor. */
static enum step system_desc(struct cpu *c, uint16_t sel, struct desc *d)
{
    if (sel & 4) return cpu_raise_code(c, VEC_GP, sel_code(sel));
    return desc_read(c, sel, VEC_GP, sel_code(sel), d);
}

enum step exec_lldt(struct cpu *c, const struct insn *i)
{
    uint16_t sel;
    struct desc d;
    if (!cpu_selects(c)) return cpu_raise(c, VEC_UD);
    if (outside_ring0(c) || word_load(c, i, &sel) != STEP_OK) return STEP_FAULT;
    if (sel_null(sel)) {
        seg_load_null(&c->ldtr, sel);
        return STEP_OK;
    }
    if (system_desc(c, sel, &d) != STEP_OK) return STEP_FAULT;
    if (ar_system(d.ar) != SYS_LDT) return cpu_raise_code(c, VEC_GP, sel_code(sel));
    if (!(d.ar & AR_P)) return cpu_raise_code(c, VEC_NP, sel_code(sel));
    seg_from_desc(&c->ldtr, sel, &d);
    return STEP_OK;
}

/* The busy bit is the TSS descriptor's "accessed": set in memory and in the register. */
enum step exec_ltr(struct cpu *c, const struct insn *i)
{
    enum { BUSY = 2 };
    uint16_t sel;
    struct desc d;
    if (!cpu_selects(c)) return cpu_raise(c, VEC_UD);
    if (outside_ring0(c) || word_load(c, i, &sel) != STEP_OK) return STEP_FAULT;
    if (sel_null(sel)) return cpu_raise_code(c, VEC_GP, 0);
    if (system_desc(c, sel, &d) != STEP_OK) return STEP_FAULT;
    if (ar_system(d.ar) != SYS_TSS16 && ar_system(d.ar) != SYS_TSS32) return cpu_raise_code(c, VEC_GP, sel_code(sel));
    if (!(d.ar & AR_P)) return cpu_raise_code(c, VEC_NP, sel_code(sel));
    if (lin_write(c, gva(d.at.v + 5), 1, false, (d.ar | BUSY) & 0xFFu) != STEP_OK) return STEP_FAULT;
    cpu_seg_set(&c->tr, sel, d.low, d.high | BUSY << 8);
    return STEP_OK;
}

/* ---- control registers ---- */

enum {
    CR0_KNOWN = CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD,
    CR4_KNOWN = CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PGE | CR4_PCE | CR4_OSFXSR
};
#define CR3_KNOWN (PAGE_MASK | 0x18u) /* page directory, PCD, PWT */

/* Real mode runs in ring 0, and its CS may be written through. The rest of the hidden parts stays: it is up to the
 * program to have loaded 64 KB segments before. SDM 3A 9.9.2. */
static void enter_real_mode(struct cpu *c)
{
    struct seg_reg *cs = &c->seg[SEG_CS];
    cs->ar = (uint16_t)((cs->ar & (AR_G | AR_DB | AR_AVL)) | AR_P | AR_S | AR_WRITE | AR_ACCESSED);
    cpu_seg_limits(cs);
    cpu_set_cpl(c, 0);
}

/* Reserved bits stay clear and ET stays set, whatever is written. */
static enum step cr0_set(struct cpu *c, const struct insn *i, uint32_t v)
{
    v = (v & (CR0_KNOWN | CR0_PG)) | CR0_ET;
    if ((v & CR0_PG) && !(v & CR0_PE)) return cpu_raise_code(c, VEC_GP, 0);
    if ((v & CR0_NW) && !(v & CR0_CD)) return cpu_raise_code(c, VEC_GP, 0);
    uint32_t changed = v ^ c->cr0;
    c->cr0 = v;
    if ((changed & CR0_PE) && !(v & CR0_PE)) enter_real_mode(c);
    c->env.paging(c->env.mmu, c->cr0, c->cr3, c->cr4);
    if (changed & (CR0_PE | CR0_WP | CR0_PG)) c->env.flush(c->env.mmu, true);
    return next_block(c, i);
}

static enum step cr3_set(struct cpu *c, const struct insn *i, uint32_t v)
{
    c->cr3 = v & CR3_KNOWN;
    c->env.paging(c->env.mmu, c->cr0, c->cr3, c->cr4);
    c->env.flush(c->env.mmu, false);
    if (c->trace)
        trace_emit(c->trace, &(struct event){ .kind = EV_CR3, .cause = c->cause, .eip = insn_eip(c, i),
                                              .u.CR3.value = c->cr3 });
    return next_block(c, i);
}

static enum step cr4_set(struct cpu *c, const struct insn *i, uint32_t v)
{
    if (v & ~(uint32_t)CR4_KNOWN) return cpu_raise_code(c, VEC_GP, 0);
    uint32_t changed = v ^ c->cr4;
    c->cr4 = v;
    c->env.paging(c->env.mmu, c->cr0, c->cr3, c->cr4);
    if (changed & (CR4_PSE | CR4_PGE)) c->env.flush(c->env.mmu, true);
    return next_block(c, i);
}

static bool no_such_cr(struct cpu *c, const struct insn *i)
{
    bool none = i->sub == 1 || i->sub > 4;
    if (none) cpu_raise(c, VEC_UD);
    return none;
}

enum step exec_mov_from_cr(struct cpu *c, const struct insn *i)
{
    if (no_such_cr(c, i) || outside_ring0(c)) return STEP_FAULT;
    const uint32_t cr[5] = { c->cr0, 0, c->cr2, c->cr3, c->cr4 };
    c->reg[i->rm] = cr[i->sub];
    return STEP_OK;
}

enum step exec_mov_to_cr(struct cpu *c, const struct insn *i)
{
    uint32_t v = c->reg[i->rm];
    if (no_such_cr(c, i) || outside_ring0(c)) return STEP_FAULT;
    switch (i->sub) {
    case 0: return cr0_set(c, i, v);
    case 3: return cr3_set(c, i, v);
    case 4: return cr4_set(c, i, v);
    default:
        c->cr2 = v;
        return next_block(c, i);
    }
}

/* Into a 32-bit register the P4 stores all of CR0; the manual promises only the lower half. */
enum step exec_smsw(struct cpu *c, const struct insn *i) { return word_store(c, i, c->cr0); }

/* PE can be set but not cleared; only MP, EM and TS besides. */
enum step exec_lmsw(struct cpu *c, const struct insn *i)
{
    enum { MSW = CR0_PE | CR0_MP | CR0_EM | CR0_TS };
    uint16_t v;
    if (outside_ring0(c) || word_load(c, i, &v) != STEP_OK) return STEP_FAULT;
    return cr0_set(c, i, (c->cr0 & ~(uint32_t)(MSW & ~CR0_PE)) | (v & MSW));
}

enum step exec_clts(struct cpu *c, const struct insn *i)
{
    if (outside_ring0(c)) return STEP_FAULT;
    return cr0_set(c, i, c->cr0 & ~(uint32_t)CR0_TS);
}

enum step exec_invlpg(struct cpu *c, const struct insn *i)
{
    if (!(i->flags & INSN_MEM)) return cpu_raise(c, VEC_UD);
    if (outside_ring0(c)) return STEP_FAULT;
    c->env.invlpg(c->env.mmu, gva(c->seg[i->seg].base + ea(c, i)));
    return next_block(c, i);
}

static enum step caches(struct cpu *c, const struct insn *i)
{
    return outside_ring0(c) ? STEP_FAULT : next_block(c, i);
}
enum step exec_invd(struct cpu *c, const struct insn *i) { return caches(c, i); }
enum step exec_wbinvd(struct cpu *c, const struct insn *i) { return caches(c, i); }

/* ---- debug registers ---- */

/* DR4 and DR5 are other names of DR6 and DR7, unless CR4.DE makes them undefined. With DR7.GD every access is a #DB. */
static bool no_dr(struct cpu *c, const struct insn *i, unsigned *n)
{
    bool alias = i->sub == 4 || i->sub == 5;
    *n = alias ? i->sub + 2u : i->sub;
    if (i->sub > 7 || (alias && (c->cr4 & CR4_DE))) {
        cpu_raise(c, VEC_UD);
        return true;
    }
    if (outside_ring0(c)) return true;
    if (!(c->dr[7] & DR7_GD)) return false;
    c->fault = (struct fault){ .vector = VEC_DB, .addr = DR6_BD };
    return true;
}

enum step exec_mov_from_dr(struct cpu *c, const struct insn *i)
{
    unsigned n;
    if (no_dr(c, i, &n)) return STEP_FAULT;
    c->reg[i->rm] = c->dr[n];
    return STEP_OK;
}

enum step exec_mov_to_dr(struct cpu *c, const struct insn *i)
{
    enum { DR6_WRITABLE = 0xE00F, DR7_ZERO = 0xD800 };
    unsigned n;
    uint32_t v = c->reg[i->rm];
    if (no_dr(c, i, &n)) return STEP_FAULT;
    if (n == 6) v = (v & DR6_WRITABLE) | DR6_FIXED;
    if (n == 7) v = (v & ~(uint32_t)DR7_ZERO) | DR7_FIXED;
    c->dr[n] = v;
    return next_block(c, i);
}

/* ---- MSRs and counters ---- */

enum { MSR_TSC = 0x10, MSR_APIC_BASE = 0x1B, MSR_SYSENTER_CS = 0x174, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP };
enum { COUNTERS = 18 };       /* of the P4: RDPMC's ECX, whose bit 31 asks for the fast form */

static uint64_t tsc(const struct cpu *c) { return c->clock->now + c->tsc_base; }

static void answer(struct cpu *c, uint64_t v)
{
    c->reg[EAX] = (uint32_t)v;
    c->reg[EDX] = (uint32_t)(v >> 32);
}

static uint32_t *sysenter_msr(struct cpu *c, uint32_t msr)
{
    switch (msr) {
    case MSR_SYSENTER_CS: return &c->sysenter_cs;
    case MSR_SYSENTER_ESP: return &c->sysenter_esp;
    case MSR_SYSENTER_EIP: return &c->sysenter_eip;
    default: return NULL;
    }
}

enum step exec_rdmsr(struct cpu *c, const struct insn *i)
{
    (void)i;
    if (outside_ring0(c)) return STEP_FAULT;
    uint32_t msr = c->reg[ECX];
    const uint32_t *word = sysenter_msr(c, msr);
    if (!word && msr != MSR_TSC && msr != MSR_APIC_BASE) return cpu_raise_code(c, VEC_GP, 0);
    answer(c, word ? *word : msr == MSR_TSC ? tsc(c) : c->apic_base);
    return STEP_OK;
}

/* Reserved bits and an address beyond 4 GB are refused; who is the bootstrap processor cannot be changed. */
static enum step apic_base_write(struct cpu *c, const struct insn *i)
{
    const uint32_t known = PAGE_MASK | APIC_BASE_BSP | APIC_BASE_ENABLE;
    if (c->reg[EDX] || (c->reg[EAX] & ~known)) return cpu_raise_code(c, VEC_GP, 0);
    cpu_apic_base(c, c->reg[EAX] | APIC_BASE_BSP);
    return next_block(c, i);
}

enum step exec_wrmsr(struct cpu *c, const struct insn *i)
{
    if (outside_ring0(c)) return STEP_FAULT;
    uint32_t *word = sysenter_msr(c, c->reg[ECX]);
    if (c->reg[ECX] == MSR_APIC_BASE) return apic_base_write(c, i);
    if (!word && c->reg[ECX] != MSR_TSC) return cpu_raise_code(c, VEC_GP, 0);
    if (word) *word = c->reg[EAX];
    else c->tsc_base = ((uint64_t)c->reg[EDX] << 32 | c->reg[EAX]) - c->clock->now;
    return STEP_OK;
}

enum step exec_rdtsc(struct cpu *c, const struct insn *i)
{
    (void)i;
    if ((c->cr4 & CR4_TSD) && outside_ring0(c)) return STEP_FAULT;
    answer(c, tsc(c));
    return STEP_OK;
}

enum step exec_rdpmc(struct cpu *c, const struct insn *i)
{
    (void)i;
    if (!(c->cr4 & CR4_PCE) && outside_ring0(c)) return STEP_FAULT;
    if ((c->reg[ECX] & 0x7FFFFFFF) >= COUNTERS) return cpu_raise_code(c, VEC_GP, 0);
    answer(c, 0);
    return STEP_OK;
}

enum step exec_cpuid(struct cpu *c, const struct insn *i)
{
    (void)i;
    uint32_t out[4];
    cpuid_leaf(c->reg[EAX], out);
    if (c->reg[EAX] == 1 && (c->apic_base & APIC_BASE_ENABLE)) out[3] |= CPUID_APIC; /* gone while it is disabled */
    c->reg[EAX] = out[0];
    c->reg[EBX] = out[1];
    c->reg[ECX] = out[2];
    c->reg[EDX] = out[3];
    return STEP_OK;
}

/* ---- HLT ---- */

enum step exec_hlt(struct cpu *c, const struct insn *i)
{
    if (outside_ring0(c)) return STEP_FAULT;
    c->halted = true;
    if (c->trace)
        trace_emit(c->trace, &(struct event){ .kind = EV_HALT, .cause = c->cause, .eip = insn_eip(c, i) });
    return STEP_HALT;
}
