/* VMX's own instructions. See vmx.h. SDM vol. 2B ch. 5 (2006); 3C ch. 30.
 *
 * Idea: outside VMX operation all but VMXON are #UD; in non-root operation all leave, whatever the ring; in root operation they
 * want ring 0 and tell in the flags how it went: none set, CF (there is no VMCS to say more), or ZF and a number in the VMCS. */
#include "sim/cpu/exec.h"
#include "sim/cpu/flags.h"
#include "sim/cpu/operand.h"
#include "sim/cpu/segment.h"
#include "sim/cpu/vmcs.h"

static enum step succeed(struct cpu *c)
{
    flags_set(c, 0);
    return STEP_OK;
}

static enum step fail_invalid(struct cpu *c)
{
    flags_set(c, FLAG_CF);
    return STEP_OK;
}

static enum step fail(struct cpu *c, enum vmx_error error)
{
    if (c->vmx.current == VMX_NO_VMCS) return fail_invalid(c);
    flags_set(c, FLAG_ZF);
    vmcs_set(c, VMCS_ERROR, error);
    return STEP_OK;
}

/* STEP_OK: go on, in root operation and ring 0. */
static enum step begin(struct cpu *c, const struct insn *i, enum vmx_reason reason)
{
    if (!c->vmx.on || !cpu_selects(c)) return cpu_raise(c, VEC_UD);
    if (c->vmx.nonroot) return vmx_leave_vmx(c, i, reason);
    return c->cpl ? cpu_raise_code(c, VEC_GP, 0) : STEP_OK;
}

/* A physical address of 64 bits from memory. */
static enum step read_pointer(struct cpu *c, const struct insn *i, uint32_t word[2])
{
    uint32_t at = ea(c, i);
    if (mem_check_read(c, i->seg, at, 8) != STEP_OK || mem_read(c, i->seg, at, 4, &word[0]) != STEP_OK) return STEP_FAULT;
    return mem_read(c, i->seg, at + 4, 4, &word[1]);
}

static bool is_region(const uint32_t word[2]) { return !word[1] && !(word[0] & ~PAGE_MASK); }

/* ---- VMXON, VMXOFF ---- */

enum { FEATURE_LOCK = 1, FEATURE_VMX = 4 };

enum step exec_vmxon(struct cpu *c, const struct insn *i)
{
    uint32_t word[2], enabled = FEATURE_LOCK | FEATURE_VMX;
    if (!c->model->vmx || !(c->cr4 & CR4_VMXE) || !cpu_selects(c)) return cpu_raise(c, VEC_UD);
    if (c->vmx.on) {
        enum step s = begin(c, i, VMX_VMXON);
        return s == STEP_OK ? fail(c, VMX_ERROR_VMXON_ROOT) : s;
    }
    bool allowed = (c->msr[MSR_FEATURE_CONTROL] & enabled) == enabled;
    if (c->cpl || !vmx_cr0_fits(c->cr0) || !vmx_cr4_fits(c, c->cr4) || !allowed) return cpu_raise_code(c, VEC_GP, 0);
    if (read_pointer(c, i, word) != STEP_OK) return STEP_FAULT;
    if (!is_region(word) || vmcs_peek(c, word[0]) != vmx_revision(c)) return fail_invalid(c);
    c->vmx = (struct vmx){ .on = true, .region = word[0], .current = VMX_NO_VMCS, .entered = UINT64_MAX, .timer_at = UINT64_MAX };
    return succeed(c);
}

/* An INIT that was held off happens now. */
enum step exec_vmxoff(struct cpu *c, const struct insn *i)
{
    enum step s = begin(c, i, VMX_VMXOFF);
    if (s != STEP_OK) return s;
    bool init = c->vmx.init;
    c->vmx = (struct vmx){ .current = VMX_NO_VMCS, .timer_at = UINT64_MAX };
    succeed(c);
    if (!init) return STEP_OK;
    cpu_reset_soft(c);
    return STEP_JUMP;
}

/* ---- which VMCS ---- */

enum step exec_vmclear(struct cpu *c, const struct insn *i)
{
    uint32_t word[2];
    enum step s = begin(c, i, VMX_VMCLEAR);
    if (s != STEP_OK) return s;
    if (read_pointer(c, i, word) != STEP_OK) return STEP_FAULT;
    if (!is_region(word)) return fail(c, VMX_ERROR_VMCLEAR_ADDRESS);
    if (word[0] == c->vmx.region) return fail(c, VMX_ERROR_VMCLEAR_VMXON);
    vmcs_poke(c, word[0] + VMCS_LAUNCHED, 0);
    if (c->vmx.current == word[0]) c->vmx.current = VMX_NO_VMCS;
    return succeed(c);
}

enum step exec_vmptrld(struct cpu *c, const struct insn *i)
{
    uint32_t word[2];
    enum step s = begin(c, i, VMX_VMPTRLD);
    if (s != STEP_OK) return s;
    if (read_pointer(c, i, word) != STEP_OK) return STEP_FAULT;
    if (!is_region(word)) return fail(c, VMX_ERROR_VMPTRLD_ADDRESS);
    if (word[0] == c->vmx.region) return fail(c, VMX_ERROR_VMPTRLD_VMXON);
    if (vmcs_peek(c, word[0]) != vmx_revision(c)) return fail(c, VMX_ERROR_VMPTRLD_REVISION);
    vmcs_select(c, word[0]);
    return succeed(c);
}

enum step exec_vmptrst(struct cpu *c, const struct insn *i)
{
    uint32_t at = ea(c, i), high = c->vmx.current == VMX_NO_VMCS ? UINT32_MAX : 0;
    enum step s = begin(c, i, VMX_VMPTRST);
    if (s != STEP_OK) return s;
    if (mem_probe_write(c, i->seg, at, 4) != STEP_OK || mem_probe_write(c, i->seg, at + 4, 4) != STEP_OK) return STEP_FAULT;
    if (mem_write(c, i->seg, at, 4, c->vmx.current) != STEP_OK || mem_write(c, i->seg, at + 4, 4, high) != STEP_OK)
        return STEP_FAULT;
    return succeed(c);
}

/* ---- its fields ---- */

enum step exec_vmread(struct cpu *c, const struct insn *i)
{
    enum step s = begin(c, i, VMX_VMREAD);
    if (s != STEP_OK) return s;
    uint32_t encoding = c->reg[i->reg];
    if (c->vmx.current == VMX_NO_VMCS) return fail_invalid(c);
    const struct vmcs_field *f = vmcs_find(encoding, c->model->vmx);
    if (!f) return fail(c, VMX_ERROR_FIELD);
    uint32_t value = vmcs_get(c, vmcs_place(f, encoding));
    if (!(i->flags & INSN_MEM)) c->reg[i->rm] = value;
    else if (mem_write(c, i->seg, ea(c, i), 4, value) != STEP_OK) return STEP_FAULT;
    return succeed(c);
}

enum step exec_vmwrite(struct cpu *c, const struct insn *i)
{
    enum step s = begin(c, i, VMX_VMWRITE);
    if (s != STEP_OK) return s;
    bool memory = i->flags & INSN_MEM;
    uint32_t encoding = c->reg[memory ? i->reg : i->rm], value = c->reg[i->reg];
    if (memory && mem_read(c, i->seg, ea(c, i), 4, &value) != STEP_OK) return STEP_FAULT;
    if (c->vmx.current == VMX_NO_VMCS) return fail_invalid(c);
    const struct vmcs_field *f = vmcs_find(encoding, c->model->vmx);
    if (!f) return fail(c, VMX_ERROR_FIELD);
    if (vmcs_area(encoding) == VMCS_INFORMATION) return fail(c, VMX_ERROR_READ_ONLY);
    vmcs_write(c, (enum vmcs_encoding)encoding, value);
    return succeed(c);
}

/* ---- what hardware remembers of its translations ---- */

/* The type in a register, a tag or root with an address in memory. True: go on, with *s to be returned else. */
static bool begin_invalidation(struct cpu *c, const struct insn *i, enum vmx_reason reason, uint32_t word[4], enum step *s)
{
    uint32_t at = ea(c, i);
    if ((*s = begin(c, i, reason)) != STEP_OK) return false;
    *s = mem_check_read(c, i->seg, at, 16);
    for (unsigned n = 0; n < 4 && *s == STEP_OK; n++) *s = mem_read(c, i->seg, at + 4 * n, 4, &word[n]);
    return *s == STEP_OK;
}

/* Types: 1 one root, 2 all. */
enum step exec_invept(struct cpu *c, const struct insn *i)
{
    uint32_t word[4], type = c->reg[i->reg];
    enum step s;
    if (!vmx_ept_levels(c)) return cpu_raise(c, VEC_UD);
    if (!begin_invalidation(c, i, VMX_INVEPT, word, &s)) return s;
    unsigned memory_type = word[0] & VMX_EPTP_TYPE, levels = (word[0] >> VMX_EPTP_LEVELS & 7) + 1;
    bool root = (memory_type == 0 || memory_type == VMX_EPTP_WRITE_BACK) && levels == vmx_ept_levels(c) &&
                !(word[0] & VMX_EPTP_RESERVED) && !(word[1] >> 4);
    if (type < 1 || type > 2 || word[2] || word[3] || (type == 1 && !root)) return fail(c, VMX_ERROR_INVALIDATE);
    c->env.invalidate(c->env.mmu, &(struct space_match){ .by_root = type == 1, .root = word[0] & PAGE_MASK, .keep_untagged = true });
    return succeed(c);
}

/* Types: 0 a page of one tag, 1 one tag, 2 all tags, 3 one tag but for globals. */
enum step exec_invvpid(struct cpu *c, const struct insn *i)
{
    uint32_t word[4], type = c->reg[i->reg];
    enum step s;
    if (!vmx_has_vpid(c)) return cpu_raise(c, VEC_UD);
    if (!begin_invalidation(c, i, VMX_INVVPID, word, &s)) return s;
    bool tag = word[0] && !(word[0] >> 16), page = !word[3]; /* no linear address has more than 32 bits */
    if (type > 3 || word[0] >> 16 || word[1] || (type != 2 && !tag) || (type == 0 && !page)) return fail(c, VMX_ERROR_INVALIDATE);
    c->env.invalidate(c->env.mmu, &(struct space_match){ .by_vpid = type != 2, .vpid = (uint16_t)word[0], .by_page = type == 0,
                                                         .page = gva(word[2]), .keep_globals = type == 3, .keep_untagged = true });
    return succeed(c);
}

/* ---- into the guest, and out of it ---- */

static enum step enter(struct cpu *c, const struct insn *i, bool launch)
{
    enum step s = begin(c, i, launch ? VMX_VMLAUNCH : VMX_VMRESUME);
    if (s != STEP_OK) return s;
    if (c->vmx.current == VMX_NO_VMCS) return fail_invalid(c);
    if (c->insns == c->hold) return fail(c, VMX_ERROR_MOV_SS);
    bool launched = vmcs_peek(c, c->vmx.current + VMCS_LAUNCHED);
    if (launched == launch) return fail(c, launch ? VMX_ERROR_LAUNCH_STATE : VMX_ERROR_RESUME_STATE);
    enum vmx_error error = vmx_enter(c, launch, insn_eip(c, i));
    return error ? fail(c, error) : STEP_JUMP;
}

enum step exec_vmlaunch(struct cpu *c, const struct insn *i) { return enter(c, i, true); }
enum step exec_vmresume(struct cpu *c, const struct insn *i) { return enter(c, i, false); }

/* In root operation it would call a monitor in SMM, which there is none of. */
enum step exec_vmcall(struct cpu *c, const struct insn *i)
{
    enum step s = begin(c, i, VMX_VMCALL);
    return s == STEP_OK ? fail(c, VMX_ERROR_VMCALL_ROOT) : s;
}
