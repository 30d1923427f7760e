/* What makes a guest leave, and what it tells. See vmx.h. SDM vol. 3B ch. 21, 23.2 (2006); 3C 25, 27.2.
 *
 * Faults from privilege and bad opcodes come before an exit, all others behind it: so a handler judges privilege, asks here, and
 * only then goes on. Qualifications are drawn where they are made. */
#include "sim/cpu/debug.h"
#include "sim/cpu/exec.h"
#include "sim/cpu/operand.h"
#include "sim/cpu/segment.h"
#include "sim/cpu/vmcs.h"

static const uint32_t control_of[VMX_REASONS] = {
#define VMX_REASON(number, NAME, control, word, about) [number] = (uint32_t)(control),
#include "sim/cpu/vmx_reason.def"
#undef VMX_REASON
};

/* ---- instructions ---- */

/* The exit takes the place of the instruction: a boundary, but nothing has retired. */
static enum step leave(struct cpu *c, const struct insn *i, struct vmx_exit *x)
{
    c->eip = insn_eip(c, i);
    x->length = i->len;
    vmx_exit(c, x);
    c->extra++;
    return STEP_JUMP;
}

enum step vmx_leave(struct cpu *c, const struct insn *i, enum vmx_reason reason, uint32_t qualification)
{
    return leave(c, i, &(struct vmx_exit){ .reason = reason, .qualification = qualification });
}

bool vmx_leaves(struct cpu *c, const struct insn *i, enum vmx_reason reason, uint32_t qualification)
{
    if (!(c->vmx.proc & control_of[reason])) return false;
    vmx_leave(c, i, reason, qualification);
    return true;
}

/*   31-28 | 27-23    | 22-18     | 17-15   | 10       | 9-7          | 6-3 | 1-0
 *   reg2  | base, no | index, no | segment | register | address size | reg | scale   VM-exit instruction information */
enum { INFO_WIDE = 1 << 7, INFO_REGISTER = 1 << 10, INFO_SEGMENT = 15, INFO_INDEX = 18, INFO_NO_INDEX = 1 << 22, INFO_BASE = 23,
       INFO_NO_BASE = 1 << 27, INFO_REG1 = 3, INFO_REG2 = 28 };

static uint32_t address_size(const struct insn *i) { return i->flags & INSN_ADDR16 ? 0 : INFO_WIDE; }

static uint32_t describe_memory(const struct insn *i)
{
    uint32_t base = i->base == REG_NONE ? INFO_NO_BASE : (uint32_t)i->base << INFO_BASE;
    uint32_t index = i->index == REG_NONE ? INFO_NO_INDEX : (uint32_t)i->index << INFO_INDEX | i->scale;
    return address_size(i) | (uint32_t)i->seg << INFO_SEGMENT | base | index;
}

/* VMWRITE of a register names the field by the first operand, VMREAD by the second. */
enum step vmx_leave_vmx(struct cpu *c, const struct insn *i, enum vmx_reason reason)
{
    struct vmx_exit x = { .reason = reason };
    bool names_field = reason == VMX_VMREAD || reason == VMX_VMWRITE, memory = i->flags & INSN_MEM;
    bool invalidates = reason == VMX_INVEPT || reason == VMX_INVVPID;
    uint32_t field = reason == VMX_VMWRITE && !memory ? i->rm : i->reg, other = field == i->rm ? i->reg : i->rm;
    if (memory) x.qualification = i->disp;
    if (memory) x.instruction = describe_memory(i);
    else if (names_field) x.instruction = INFO_REGISTER | other << INFO_REG1;
    if (names_field || invalidates) x.instruction |= field << INFO_REG2;
    return leave(c, i, &x);
}

/* ---- ports ---- */

static bool port_leaves(struct cpu *c, uint32_t port, unsigned size)
{
    enum { HALF = 0x8000, PORTS = 0x10000 };
    if (!(c->vmx.proc & VMX_PROC_IO_BITMAPS)) return c->vmx.proc & VMX_PROC_IO;
    if (port + size > PORTS) return true;
    for (uint32_t p = port; p < port + size; p++)
        if (vmcs_peek(c, c->vmx.io_bitmap[p / HALF] + p % HALF / 32 * 4) >> p % 32 & 1) return true;
    return false;
}

/*   31-16 | 6                    | 5   | 4      | 3  | 2-0
 *   port  | port is an immediate | REP | string | in | size - 1   exit qualification */
bool vmx_leaves_port(struct cpu *c, const struct insn *i, uint16_t port, bool in, uint32_t linear)
{
    if (!port_leaves(c, port, i->size)) return false;
    bool string = i->id == MN_INS || i->id == MN_OUTS, rep = i->flags & (INSN_REP | INSN_REPNE);
    uint32_t seg = i->id == MN_INS ? SEG_ES : i->seg;
    struct vmx_exit x = { .reason = VMX_IO, .linear = string ? linear : 0,
        .qualification = (uint32_t)port << 16 | (!string && i->sub ? 1u << 6 : 0) | (string && rep ? 1u << 5 : 0) |
                         (string ? 1u << 4 : 0) | (in ? 1u << 3 : 0) | (i->size - 1u),
        .instruction = string ? address_size(i) | seg << INFO_SEGMENT : 0 };
    leave(c, i, &x);
    return true;
}

/* ---- model-specific registers ---- */

/* Four bitmaps of 1 KB: reads of 0-1FFF and of C0000000-C0001FFF, writes of both. */
bool vmx_leaves_msr(struct cpu *c, const struct insn *i, bool write)
{
    enum { MAP = 1024, MAPPED = 0x2000 };
    uint32_t msr = c->reg[ECX], n = msr & (MAPPED - 1), high = msr & ~(uint32_t)(MAPPED - 1);
    if ((c->vmx.proc & VMX_PROC_MSR_BITMAPS) && (high == 0 || high == 0xC0000000u)) {
        uint32_t at = c->vmx.msr_bitmap + (high ? MAP : 0) + (write ? 2 * MAP : 0);
        if (!(vmcs_peek(c, at + n / 32 * 4) >> n % 32 & 1)) return false;
    }
    vmx_leave(c, i, write ? VMX_WRMSR : VMX_RDMSR, 0);
    return true;
}

/* ---- control and debug registers ---- */

/*   31-16         | 11-8     | 6                 | 5-4                                | 3-0
 *   LMSW's source | register | LMSW: from memory | 0 to, 1 from CR, 2 CLTS, 3 LMSW | number   exit qualification */
enum { CR_FROM = 1 << 4, CR_CLTS = 2 << 4, CR_LMSW = 3 << 4, CR_MEMORY = 1 << 6, CR_REGISTER = 8, CR_SOURCE = 16 };

static uint32_t real_cr(const struct cpu *c, unsigned cr) { return cr ? c->cr4 : c->cr0; }

uint32_t vmx_cr_seen(const struct cpu *c, unsigned cr, uint32_t real)
{
    uint32_t mask = c->vmx.cr_mask[cr == 4];
    return (real & ~mask) | (c->vmx.cr_shadow[cr == 4] & mask);
}

bool vmx_leaves_cr(struct cpu *c, const struct insn *i, unsigned cr, uint32_t *value)
{
    uint32_t mask = c->vmx.cr_mask[cr == 4];
    if ((*value ^ c->vmx.cr_shadow[cr == 4]) & mask) {
        vmx_leave(c, i, VMX_CR, cr | (uint32_t)i->rm << CR_REGISTER);
        return true;
    }
    *value = (*value & ~mask) | (real_cr(c, cr) & mask);
    return false;
}

bool vmx_leaves_cr3(struct cpu *c, const struct insn *i, bool write, uint32_t value)
{
    if (!(c->vmx.proc & (write ? VMX_PROC_CR3_LOAD : VMX_PROC_CR3_STORE))) return false;
    for (unsigned n = 0; write && n < c->vmx.cr3_targets; n++)
        if (c->vmx.cr3_target[n] == value) return false;
    vmx_leave(c, i, VMX_CR, 3u | (write ? 0u : CR_FROM) | (uint32_t)i->rm << CR_REGISTER);
    return true;
}

bool vmx_leaves_clts(struct cpu *c, const struct insn *i, bool *clear)
{
    bool owned = c->vmx.cr_mask[0] & CR0_TS;
    *clear = !owned;
    if (!owned || !(c->vmx.cr_shadow[0] & CR0_TS)) return false;
    vmx_leave(c, i, VMX_CR, CR_CLTS);
    return true;
}

/* PE counts only if it is to be set and does not seem to be. */
bool vmx_leaves_lmsw(struct cpu *c, const struct insn *i, uint16_t source, uint32_t *value)
{
    enum { LOADED = CR0_MP | CR0_EM | CR0_TS };
    uint32_t mask = c->vmx.cr_mask[0], differ = source ^ c->vmx.cr_shadow[0];
    bool sets_pe = (source & CR0_PE) && (mask & CR0_PE) && !(c->vmx.cr_shadow[0] & CR0_PE);
    if (!sets_pe && !(differ & mask & LOADED)) {
        *value = (*value & ~mask) | (c->cr0 & mask);
        return false;
    }
    bool memory = i->flags & INSN_MEM;
    struct vmx_exit x = { .reason = VMX_CR, .qualification = CR_LMSW | (memory ? CR_MEMORY : 0u) | (uint32_t)source << CR_SOURCE,
                          .linear = memory ? c->seg[i->seg].base + ea(c, i) : 0 };
    leave(c, i, &x);
    return true;
}

/*   11-8     | 4       | 2-0
 *   register | from DR | number   exit qualification */
bool vmx_leaves_dr(struct cpu *c, const struct insn *i, bool write)
{
    return vmx_leaves(c, i, VMX_DR, i->sub | (write ? 0u : 1u << 4) | (uint32_t)i->rm << 8);
}
