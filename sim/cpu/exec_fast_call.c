/* SYSENTER and SYSEXIT: from user code to the kernel and back without a table.
 *
 * Idea: three MSRs say where to go, and the segments are flat by decree: no descriptor is read, so what the GDT has at these
 * selectors is the kernel's promise and nobody's check. Nothing is saved: the caller's EIP and ESP are the caller's business.
 * A SYSENTER_CS of 0 makes both fault; that is how a hypervisor gets to see them.
 * SDM vol. 2 under both; vol. 3A 5.8.7. */
#include "sim/cpu/debug.h"
#include "sim/cpu/exec.h"
#include "sim/cpu/gate.h"
#include "sim/cpu/operand.h"
#include "sim/cpu/ring.h"

/* A descriptor's words for 4 GB of 32-bit code or data from 0, accessed. */
static void set_flat(struct seg_reg *s, uint32_t sel, unsigned type, unsigned ring)
{
    uint32_t ar = AR_P | AR_S | AR_G | AR_DB | AR_WRITE | AR_ACCESSED | type | ring << 5;
    cpu_seg_set(s, (uint16_t)(sel | ring), 0x0000FFFF, 0x000F0000 | ar << 8);
}

/* Code at this selector, and the stack segment behind it. */
static enum step go(struct cpu *c, uint32_t sel, unsigned ring, uint32_t eip, uint32_t esp)
{
    set_flat(&c->seg[SEG_CS], sel, AR_CODE, ring);
    set_flat(&c->seg[SEG_SS], sel + 8, 0, ring);
    c->reg[ESP] = esp;
    c->eip = eip;
    cpu_set_cpl(c, (uint8_t)ring);
    return STEP_JUMP;
}

static uint32_t word(const struct cpu *c, unsigned msr) { return (uint32_t)c->msr[msr]; }
static uint32_t kernel_code(const struct cpu *c) { return word(c, MSR_SYSENTER_CS) & 0xFFFCu; }

enum step cpu_sysenter(struct cpu *c)
{
    if (!cpu_protected(c) || !kernel_code(c)) return cpu_raise_code(c, VEC_GP, 0);
    cpu_set_flags(c, cpu_flags(c) & ~(uint32_t)(FLAG_VM | FLAG_IF | FLAG_RF));
    return go(c, kernel_code(c), 0, word(c, MSR_SYSENTER_EIP), word(c, MSR_SYSENTER_ESP));
}

enum step exec_sysenter(struct cpu *c, const struct insn *i)
{
    (void)i;
    return cpu_sysenter(c);
}

enum step exec_sysexit(struct cpu *c, const struct insn *i)
{
    if (!cpu_protected(c) || !kernel_code(c) || c->cpl) return cpu_raise_code(c, VEC_GP, 0);
    ring_trace(c, insn_eip(c, i), &(struct event){ .kind = EV_RETURN, .cause = c->cause,
        .u.RETURN = { .from = 0, .to = 3, .target = c->reg[EDX] } });
    c->cause = 0;
    return go(c, kernel_code(c) + 16, 3, c->reg[EDX], c->reg[ECX]);
}
