/* System instructions: table registers, control registers, HLT. (debug.c has debug registers, msr.c MSRs and counters.)
 *
 * Idea 1: most are privileged and fault below ring 0 (a hypervisor's friends); the ones that store (SGDT, SIDT, SLDT,
 * STR, SMSW) ask nobody, and tell any ring what the machine really holds.
 * Idea 2: a write that changes how addresses are translated tells the MMU (paging), makes it forget (flush), and ends
 * the block (STEP_JUMP), in that order.
 *
 * SDM vol. 2; vol. 3A 2.5 (control registers), 2.8 (system instructions), 5.9 (privileged ones).
 * INVD and WBINVD empty the caches as far as those are modelled. */
#include "sim/cpu/cpuid.h"
#include "sim/cpu/debug.h"
#include "sim/cpu/exec.h"
#include "sim/cpu/operand.h"
#include "sim/cpu/segment.h"
#include "sim/cpu/sensitive.h"

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
    if (sensitive_trap(c, CR4_UMIP | CR4_SEN)) return STEP_FAULT;
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
    if (sensitive_trap(c, CR4_UMIP | CR4_SEN)) return STEP_FAULT;
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
    CR4_KNOWN = CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_PCE | CR4_OSFXSR
};

/* With PAE, four entries are loaded when CR3 is, or what they depend on; between, memory may say otherwise. True: done,
 * or not needed. False: c->fault has #GP(0), or what a second level of tables refused. */
static bool pdptes(struct cpu *c, uint32_t cr0, uint32_t cr3, uint32_t cr4)
{
    struct fault f;
    bool needed = (cr0 & CR0_PG) && (cr4 & CR4_PAE) && c->env.pdptes;
    if (!needed || c->env.pdptes(c->env.mmu, cr3, &f)) return true;
    c->fault = f.second ? f : (struct fault){ .vector = VEC_GP, .has_code = true };
    return false;
}

uint32_t cpu_cr4_known(const struct cpu *c)
{
    uint32_t known = CR4_KNOWN, extras = c->model->extras;
    if (!cpuid_has(c, FEATURE_PAE)) known &= ~(uint32_t)CR4_PAE;
    if (extras & EXTRA_UMIP) known |= CR4_UMIP;
    if (extras & EXTRA_VIRTUALIZABLE) known |= CR4_SEN;
    return known | (c->model->vmx ? CR4_VMXE : 0u);
}

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
    if (c->vmx.on && !vmx_cr0_fits(v)) return cpu_raise_code(c, VEC_GP, 0);
    uint32_t changed = v ^ c->cr0;
    if ((changed & (CR0_PG | CR0_CD | CR0_NW)) && !pdptes(c, v, c->cr3, c->cr4)) return STEP_FAULT;
    c->cr0 = v;
    if ((changed & CR0_PE) && !(v & CR0_PE)) enter_real_mode(c);
    c->env.paging(c->env.mmu, c->cr0, c->cr3, c->cr4);
    if (changed & CR0_AM) debug_untag(c);
    if (changed & (CR0_PE | CR0_WP | CR0_PG)) c->env.flush(c->env.mmu, true);
    return next_block(c, i);
}

bool cpu_cr3(struct cpu *c, uint32_t v)
{
    v &= ~CR3_RESERVED;
    if (!pdptes(c, c->cr0, v, c->cr4)) return false;
    c->cr3 = v;
    c->env.paging(c->env.mmu, c->cr0, c->cr3, c->cr4);
    c->env.flush(c->env.mmu, false);
    return true;
}

void exec_cr3_seen(struct cpu *c, uint32_t eip)
{
    if (!c->trace) return;
    struct event *e = trace_open(c->trace, EV_CR3, c->cause, eip);
    e->u.CR3.value = c->cr3;
    trace_close(c->trace, e);
}

static enum step cr3_set(struct cpu *c, const struct insn *i, uint32_t v)
{
    if (!cpu_cr3(c, v)) return STEP_FAULT;
    exec_cr3_seen(c, insn_eip(c, i));
    return next_block(c, i);
}

static enum step cr4_set(struct cpu *c, const struct insn *i, uint32_t v)
{
    uint32_t changed = v ^ c->cr4;
    if ((v & ~cpu_cr4_known(c)) || (c->vmx.on && !vmx_cr4_fits(c, v))) return cpu_raise_code(c, VEC_GP, 0);
    if ((changed & (CR4_PAE | CR4_PSE | CR4_PGE)) && !pdptes(c, c->cr0, c->cr3, v)) return STEP_FAULT;
    c->cr4 = v;
    c->env.paging(c->env.mmu, c->cr0, c->cr3, c->cr4);
    if (changed & (CR4_PSE | CR4_PAE | CR4_PGE)) c->env.flush(c->env.mmu, true);
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
    uint32_t v = cr[i->sub];
    if (c->vmx.nonroot && i->sub == 3 && vmx_leaves_cr3(c, i, false, v)) return STEP_JUMP;
    if (c->vmx.nonroot && (i->sub == 0 || i->sub == 4)) v = vmx_cr_seen(c, i->sub, v);
    c->reg[i->rm] = v;
    return STEP_OK;
}

enum step exec_mov_to_cr(struct cpu *c, const struct insn *i)
{
    uint32_t v = c->reg[i->rm];
    if (no_such_cr(c, i) || outside_ring0(c)) return STEP_FAULT;
    if (c->vmx.nonroot && i->sub != 2 && (i->sub == 3 ? vmx_leaves_cr3(c, i, true, v) : vmx_leaves_cr(c, i, i->sub, &v)))
        return STEP_JUMP;
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
enum step exec_smsw(struct cpu *c, const struct insn *i)
{
    return word_store(c, i, c->vmx.nonroot ? vmx_cr_seen(c, 0, c->cr0) : c->cr0);
}

/* PE can be set but not cleared; only MP, EM and TS besides. */
enum step exec_lmsw(struct cpu *c, const struct insn *i)
{
    enum { MSW = CR0_PE | CR0_MP | CR0_EM | CR0_TS };
    uint16_t v;
    if (outside_ring0(c) || word_load(c, i, &v) != STEP_OK) return STEP_FAULT;
    uint32_t cr0 = (c->cr0 & ~(uint32_t)(MSW & ~CR0_PE)) | (v & MSW);
    if (c->vmx.nonroot && vmx_leaves_lmsw(c, i, v, &cr0)) return STEP_JUMP;
    return cr0_set(c, i, cr0);
}

enum step exec_clts(struct cpu *c, const struct insn *i)
{
    if (outside_ring0(c)) return STEP_FAULT;
    bool clear = true;
    if (c->vmx.nonroot && vmx_leaves_clts(c, i, &clear)) return STEP_JUMP;
    return cr0_set(c, i, c->cr0 & ~(clear ? (uint32_t)CR0_TS : 0u));
}

enum step exec_invlpg(struct cpu *c, const struct insn *i)
{
    if (!(i->flags & INSN_MEM)) return cpu_raise(c, VEC_UD);
    if (outside_ring0(c)) return STEP_FAULT;
    uint32_t at = c->seg[i->seg].base + ea(c, i);
    if (c->vmx.nonroot && vmx_leaves(c, i, VMX_INVLPG, at)) return STEP_JUMP;
    c->env.invlpg(c->env.mmu, gva(at));
    return next_block(c, i);
}

static enum step caches(struct cpu *c, const struct insn *i, bool write)
{
    if (outside_ring0(c)) return STEP_FAULT;
    if (c->timed) c->env.empty(c->env.mmu, write);
    return next_block(c, i);
}
enum step exec_invd(struct cpu *c, const struct insn *i)
{
    return c->vmx.nonroot && !c->cpl ? vmx_leave(c, i, VMX_INVD, 0) : caches(c, i, false);
}
enum step exec_wbinvd(struct cpu *c, const struct insn *i)
{
    bool leaves = c->vmx.nonroot && (c->vmx.proc2 & VMX_PROC2_WBINVD);
    return leaves && !c->cpl ? vmx_leave(c, i, VMX_WBINVD, 0) : caches(c, i, true);
}

/* Code that can only be executed will do, too. */
enum step exec_clflush(struct cpu *c, const struct insn *i)
{
    return mem_probe_read(c, i->seg, ea(c, i), 1);
}

/* One processor, and one instruction after the other: memory is in order. */
enum step exec_fence(struct cpu *c, const struct insn *i)
{
    (void)i;
    return c->model->extras & EXTRA_FENCES ? STEP_OK : cpu_raise(c, VEC_UD);
}

/* ---- HLT, PAUSE ---- */

enum step exec_pause(struct cpu *c, const struct insn *i)
{
    return c->vmx.nonroot && vmx_leaves(c, i, VMX_PAUSE, 0) ? STEP_JUMP : STEP_OK;
}

enum step exec_hlt(struct cpu *c, const struct insn *i)
{
    if (outside_ring0(c)) return STEP_FAULT;
    if (c->vmx.nonroot && vmx_leaves(c, i, VMX_HLT, 0)) return STEP_JUMP;
    c->halted = true;
    c->monitor.waits = false;
    if (c->trace)
        trace_emit(c->trace, &(struct event){ .kind = EV_HALT, .cause = c->cause, .eip = insn_eip(c, i) });
    return STEP_HALT;
}
