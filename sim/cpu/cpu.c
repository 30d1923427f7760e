/* The register file: power-on and boot states, EFLAGS as a whole, CPL, and the table of registers.
 *
 * Idea 1: EFLAGS lives in three places (c->eflags, the lazy arithmetic six, and RF, which expires by itself); only
 * cpu_flags and cpu_set_flags know that.
 * Idea 2: whoever changes the ring does it through cpu_set_cpl, because the ring decides who pays for the cycles.
 *
 * SDM vol. 3A 9.1 (state after reset); Multiboot specification 3.2. Not modelled: BIST. */
#include "sim/cpu/cpu.h"

#include <string.h>
#include "sim/cpu/cpuid.h"
#include "sim/cpu/debug.h"
#include "sim/cpu/flags.h"
#include "sim/cpu/segment.h"

enum {
    FLAGS_KNOWN = FLAGS_ARITH | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT | FLAG_RF | FLAG_VM | FLAG_AC |
                  FLAG_VIF | FLAG_VIP | FLAG_ID
};

uint32_t cpu_flags(const struct cpu *c)
{
    uint32_t flags = (c->eflags & ~(uint32_t)FLAGS_ARITH) | flags_get(c) | FLAG_ONE;
    return c->insns == c->rf_at ? flags : flags & ~(uint32_t)FLAG_RF;
}

void cpu_set_flags(struct cpu *c, uint32_t flags)
{
    bool checks = (flags & ~c->eflags & FLAG_AC) && (c->cr0 & CR0_AM);
    c->eflags = (flags & FLAGS_KNOWN & ~(uint32_t)FLAGS_ARITH) | FLAG_ONE;
    flags_set(c, flags & FLAGS_ARITH);
    if (flags & FLAG_RF) c->rf_at = c->insns;
    if (checks) debug_untag(c);
    /* A pending interrupt may now be taken, or a trap be due: the boundary is where that is decided. */
    if (flags & FLAG_TF || (flags & FLAG_IF && c->intr)) c->break_at = 0;
}

void cpu_set_cpl(struct cpu *c, uint8_t cpl)
{
    c->cpl = cpl;
    clock_ring(c->clock, c->vmx.nonroot ? c->guest_account[cpl] : c->account[cpl], c->vmx.nonroot, cpl);
    points_ring(c->points);
}

void cpu_apic_base(struct cpu *c, uint32_t value)
{
    c->apic_base = value;
    if (c->env.apic_base) c->env.apic_base(c->env.irq, value);
    else c->apic_base &= ~(uint32_t)APIC_BASE_ENABLE;
}

static void tlb_forget(struct tlb *t)
{
    for (unsigned s = 0; s < TLB_CODE_SETS; s++)
        for (unsigned w = 0; w < TLB_WAYS; w++) {
            struct tlb_entry *e = &t->e[s][w];
            e->valid = false;
            for (unsigned k = 0; k < 4; k++) e->tag[k] = TLB_NO_TAG;
        }
    memset(t->recent, 0, sizeof t->recent);
    for (uint32_t n = 0; n < TLB_CODE_SETS; n++) t->last[n].page = TLB_NO_LAST;
    for (uint32_t n = 0; n < TLB_OPEN; n++) tlb_shut(t, n << PAGE_SHIFT);
}

void cpu_init(struct cpu *c, const struct cpu_env *env, struct clock *clock, const struct model *model,
              struct trace *trace, struct block_cache *blocks)
{
    static const uint8_t account[4] = { CAUSE_KERNEL, CAUSE_KERNEL, CAUSE_KERNEL, CAUSE_USER };
    memset(c, 0, sizeof *c);
    c->itlb.code = true;
    c->env = *env;
    c->clock = clock;
    c->model = model;
    c->trace = trace;
    c->blocks = blocks;
    memcpy(c->account, account, sizeof account);
    memcpy(c->guest_account, account, sizeof account);
    c->free = model_has_free(model);
    cpu_reset(c);
}

/* A descriptor's two words for a segment of 64 KB, or of 4 GB and 32 bits, with these access rights (bits 7..0). */
static void seg_plain(struct seg_reg *s, uint16_t sel, uint32_t base, uint32_t rights, bool flat)
{
    uint32_t high = flat ? 0x00CF0000u : 0;
    cpu_seg_set(s, sel, 0xFFFFu | base << 16, (base & 0xFF000000u) | (base >> 16 & 0xFF) | rights << 8 | high);
}

/* What RESET and INIT have in common. */
static void restart(struct cpu *c, uint32_t cr0)
{
    memset(c->reg, 0, sizeof c->reg);
    memset(c->dr, 0, sizeof c->dr);
    c->reg[EDX] = cpuid_signature(c->model);
    c->dr[6] = DR6_FIXED;
    debug_set(c, 7, 0);
    c->halted = c->shutdown = c->pause = c->nmi = c->nmi_blocked = false;
    c->hits = c->trap = 0;
    c->inhibit = c->hold = c->rf_at = c->delivered = UINT64_MAX;
    c->break_at = 0;
    for (unsigned n = 0; n < SEG_COUNT; n++) seg_plain(&c->seg[n], 0, 0, AR_P | AR_S | AR_WRITE | AR_ACCESSED, false);
    seg_plain(&c->seg[SEG_CS], 0xF000, 0xFFFF0000u, AR_P | AR_S | AR_WRITE | AR_ACCESSED, false);
    seg_plain(&c->ldtr, 0, 0, AR_P | SYS_LDT, false);
    seg_plain(&c->tr, 0, 0, AR_P | SYS_TSS32_BUSY, false);
    c->gdtr = c->idtr = (struct table_reg){ 0, 0xFFFF };
    c->eip = 0xFFF0;
    c->cr0 = cr0;
    c->cr2 = c->cr3 = c->cr4 = 0;
    c->fault = (struct fault){ 0 };
    c->cause = 0;
    cpu_set_flags(c, FLAG_ONE);
    cpu_set_cpl(c, 0);
    tlb_forget(&c->dtlb);
    tlb_forget(&c->itlb);
    lines_reset(&c->lines);
    c->fetch.line = LINE_NOWHERE;
    predict_reset(&c->predictor);
    if (c->env.space) c->env.space(c->env.mmu, &(struct space){ .cr0 = c->cr0 });
    c->env.paging(c->env.mmu, c->cr0, c->cr3, c->cr4);
    c->env.flush(c->env.mmu, true);
}

void cpu_reset(struct cpu *c)
{
    if (c->env.timers && c->vmx_timer.armed) timeq_cancel(c->env.timers, &c->vmx_timer);
    c->vmx = (struct vmx){ .current = VMX_NO_VMCS, .timer_at = UINT64_MAX };
    c->intr &= INTR_PIN;
    restart(c, CR0_CD | CR0_NW | CR0_ET);
    fpu_reset(&c->fpu);
    fpu_ferr_update(c);
    msr_reset(c);
    cpu_apic_base(c, 0xFEE00000u | APIC_BASE_BSP | APIC_BASE_ENABLE);
}

void cpu_reset_soft(struct cpu *c)
{
    c->vmx.init = c->vmx.on;
    if (c->vmx.on) c->break_at = 0;
    else restart(c, (c->cr0 & (CR0_CD | CR0_NW)) | CR0_ET);
}

void cpu_boot_flat(struct cpu *c, uint32_t entry, uint32_t eax, uint32_t ebx)
{
    enum { CODE = AR_P | AR_S | AR_CODE | AR_WRITE | AR_ACCESSED, DATA = AR_P | AR_S | AR_WRITE | AR_ACCESSED };
    cpu_reset(c);
    for (unsigned n = 0; n < SEG_COUNT; n++) seg_plain(&c->seg[n], 0x10, 0, DATA, true);
    seg_plain(&c->seg[SEG_CS], 0x08, 0, CODE, true);
    /* The specification leaves both tables undefined. An empty GDT lets a kernel that forgets to load one die at once. The IDT is
     * what a BIOS and every boot loader leave, the vectors of real mode, which a program that goes back there relies on; zeros, they
     * are no gates in protected mode. */
    c->gdtr = (struct table_reg){ 0, 0 };
    c->idtr = (struct table_reg){ 0, 256 * 4 - 1 };
    c->cr0 = CR0_PE | CR0_ET;
    c->eip = entry;
    c->reg[EAX] = eax;
    c->reg[EBX] = ebx;
    c->env.paging(c->env.mmu, c->cr0, c->cr3, c->cr4);
}

#define ROW(name, field, bits, about) \
    { name, offsetof(struct cpu, field), sizeof ((struct cpu *)0)->field, bits, about }
const struct reg_desc cpu_regs[] = {
    ROW("eax", reg[EAX], 32, "accumulator"),
    ROW("ecx", reg[ECX], 32, "counter"),
    ROW("edx", reg[EDX], 32, "data"),
    ROW("ebx", reg[EBX], 32, "base"),
    ROW("esp", reg[ESP], 32, "stack pointer"),
    ROW("ebp", reg[EBP], 32, "frame pointer"),
    ROW("esi", reg[ESI], 32, "source index"),
    ROW("edi", reg[EDI], 32, "destination index"),
    ROW("eip", eip, 32, "instruction pointer"),
    ROW("eflags", eflags, 32, "flags but for the arithmetic six and RF's expiry: cpu_flags knows all"),
    ROW("cpl", cpl, 2, "current privilege level"),
    ROW("cs", seg[SEG_CS].sel, 16, "code segment"),
    ROW("ss", seg[SEG_SS].sel, 16, "stack segment"),
    ROW("ds", seg[SEG_DS].sel, 16, "data segment"),
    ROW("es", seg[SEG_ES].sel, 16, "extra segment"),
    ROW("fs", seg[SEG_FS].sel, 16, "extra segment"),
    ROW("gs", seg[SEG_GS].sel, 16, "extra segment"),
    ROW("cr0", cr0, 32, "mode: PE, MP, EM, TS, WP, PG"),
    ROW("cr2", cr2, 32, "linear address of the last page fault"),
    ROW("cr3", cr3, 32, "page-directory base"),
    ROW("cr4", cr4, 32, "extensions: TSD, DE, PSE, PGE, PCE"),
    ROW("gdtr.base", gdtr.base, 32, "global descriptor table"),
    ROW("gdtr.limit", gdtr.limit, 16, "its last byte"),
    ROW("idtr.base", idtr.base, 32, "interrupt descriptor table"),
    ROW("idtr.limit", idtr.limit, 16, "its last byte"),
    ROW("ldtr", ldtr.sel, 16, "local descriptor table"),
    ROW("tr", tr.sel, 16, "task register"),
    { NULL, 0, 0, 0, NULL }
};
#undef ROW
