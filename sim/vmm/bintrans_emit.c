/* The translator proper: one guest instruction to bytes of the cache, with the guest's state at each of them. See bintrans.h.
 *
 * Idea 1: three classes. IDENT is copied. What only moves the guest's own virtual state (IF, flags) or its EIP becomes a
 * short sequence. The rest is a callout. When in doubt: callout.
 * Idea 2: sequences must not disturb the arithmetic flags, so they compute with MOV, MOVZX, LEA and JECXZ; POPF's may,
 * for they are about to be loaded. AA06 3.2: CLI is one instruction here, which is why it is faster than bare.
 * Everything the sequences spill goes to the vCPU page through %gs, so guest memory sees exactly what bare hardware would
 * have stored. SDM vol. 2. Pure: no machine in here. */
#include "sim/vmm/bintrans_emit.h"

void bt_emit_end(struct bt_code *c, uint32_t eip)
{
    unsigned first = c->points;
    cont(c, eip, false);
    c->exit[c->exits - 1].held = c->holds; /* chained, the jump would lead to a point that knows of no shadow */
    if (c->holds) shadow(c, first);
}

/* ---- classes */

static bool is_flow(unsigned id)
{
    switch (id) {
    case MN_JMP: case MN_JCC: case MN_JCXZ: case MN_JECXZ: case MN_LOOP: case MN_LOOPE: case MN_LOOPNE: case MN_CALL: case MN_RET:
        return true;
    default: return false;
    }
}

/* Leaves for a place that only the hypervisor can find; the unit ends. */
static bool leaves(unsigned id)
{
    switch (id) {
    case MN_JMP_FAR: case MN_CALL_FAR: case MN_RET_FAR: case MN_IRET: case MN_INT: case MN_INT1: case MN_INT3: case MN_INTO:
    case MN_SYSENTER: case MN_SYSEXIT:
        return true;
    default: return false;
    }
}

bool bt_names_ours(const struct insn *i, const uint8_t *bytes)
{
    if (i->flags & INSN_MEM && (i->seg == SEG_GS || i->seg == SEG_CS)) return true;
    for (unsigned n = 0; n + 1 < i->len; n++) {
        if (bytes[n] == 0x65 || bytes[n] == 0x2E) return true;
        if (bytes[n] != 0x26 && bytes[n] != 0x36 && bytes[n] != 0x3E && bytes[n] != 0x64 && bytes[n] != 0x66 && bytes[n] != 0x67 &&
            bytes[n] != 0xF0 && bytes[n] != 0xF2 && bytes[n] != 0xF3)
            break;
    }
    return false;
}

/* May it run at ring 1 as it is? Not what asks about privilege, or stores the address of the last x87 instruction, which is
 * one of the cache. */
static bool is_harmless(const struct insn *i)
{
    switch (i->id) {
    case MN_NONE: case MN_CPUID: case MN_LOAD_FAR: case MN_INT1: case MN_INT3: case MN_INTO: case MN_SYSEXIT:
    case MN_FNSTENV: case MN_FNSAVE: case MN_FXSAVE:
        return false;
    default: return insn_desc(i->id)->sensitivity == SENS_NONE;
    }
}

static void translate(struct bt_code *c, const struct bt_how *how, const struct insn *i, const uint8_t *bytes, uint32_t eip)
{
    if (is_flow(i->id)) {
        c->ended = true;
        if (!bt_emit_flow(c, how, i, bytes, eip)) callout(c, eip);
        return;
    }
    if (how->teacher && !how->user && bt_emit_taught(c, how->teacher, i, bytes, eip)) return;
    if (how->incache && bt_emit_virtual(c, how, i, bytes, eip)) return;
    if (how->simulate && how->incache && !how->user && bt_emit_store(c, how, i, bytes, eip)) return;
    if (!how->simulate && (is_harmless(i) || (how->incache && i->id == MN_RDTSC))) {
        if (!bt_names_ours(i, bytes)) {
            copy(c, i, bytes, eip, BT_FIRST);
            return;
        }
        if (how->incache && bt_emit_through_gs(c, i, bytes, eip)) return;
    }
    callout(c, eip);
    if (leaves(i->id)) c->ended = true;
}

void bt_emit(struct bt_code *c, const struct bt_how *how, const struct insn *i, const uint8_t *bytes, uint32_t eip)
{
    unsigned first = c->points;
    bool held = c->holds;
    c->holds = false;
    translate(c, how, i, bytes, eip);
    if (held) shadow(c, first);
    c->holds = i->id == MN_STI;
    if (c->ended)
        while (c->n < BT_CONT) put8(c, 0x90); /* room for the jump that replaces a dead unit's start */
}
