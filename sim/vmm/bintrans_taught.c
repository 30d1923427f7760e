/* The translator as a student teaches it: what an instruction that asks about privilege becomes, piece by piece. See sim/core/policy.h.
 *
 * Idea 1: a rule is asked while a unit is made; what it says is real bytes in the cache. Without a rule the instruction is copied: that is
 * the mistake the laboratory begins with.
 * Idea 2: the guest's state must be known at every instruction of the cache (struct bt_point). So pieces are emitted here, one instruction
 * at a time, and what was saved and pushed is followed; a register that was not saved is the guest's, and cannot be written.
 * Idea 3: bytes are taken only if they are one of a few harmless instructions: no branch, no memory but the top of the stack to read, no
 * segment. What runs is ring 1 with the guest's segments, so even a wrong rule harms only its guest.
 * AA06 3. Not modelled: rules for loads of segment registers, far transfers, IRET, I/O.
 * TOUR vmm.18: translation rules that a student writes. */
#include "sim/vmm/bintrans_emit.h"

#include "sim/core/policy.h"

enum { TAUGHT_BYTES = 180, TAUGHT_POINTS = 30 };

struct policy_code {
    struct bt_code *c;
    const struct insn *i;
    const uint8_t *bytes;
    uint32_t eip, next;
    unsigned fix;          /* BT_FIX_* of what is saved, and BT_FIX_SHADOW */
    int      depth;        /* bytes pushed */
    unsigned first, first_point;
    bool     done, over;   /* the guest's instruction is; so is the rule: it called or copied */
};

static const char *const reg_words[8] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi" };

static int number_of(const char *name)
{
    for (int r = 0; r < 4; r++)
        if (!strcmp(name, reg_words[r])) return r;
    return -1;
}

static unsigned bit_of(unsigned r) { return (const unsigned[]){ BT_FIX_EAX, BT_FIX_ECX, BT_FIX_EDX, BT_FIX_EBX }[r & 3]; }
static uint32_t slot_of(unsigned r) { return (const uint32_t[]){ BT_EAX, BT_ECX, BT_EDX, BT_EBX }[r & 3]; }
static bool is_saved(const struct policy_code *p, unsigned r) { return r < 4 && (p->fix & bit_of(r)); }

static const char *full(const struct policy_code *p)
{
    if (p->over) return "this rule has ended with copy or callout; nothing can follow";
    if (p->c->n - p->first > TAUGHT_BYTES || p->c->points - p->first_point > TAUGHT_POINTS) return "too long: at most 180 bytes and 30 instructions";
    return NULL;
}

static void here(struct policy_code *p)
{
    bool fresh = p->c->points == p->first_point;
    point(p->c, p->done ? p->next : p->eip, p->fix | (fresh ? BT_FIRST : 0u))->esp = (uint16_t)(p->done ? 0 : p->depth);
}

const char *policy_emit_save(struct policy_code *p, const char *reg)
{
    int r = number_of(reg);
    const char *no = full(p);
    if (no) return no;
    if (r < 0) return "eax, ecx, edx and ebx can be saved";
    if (is_saved(p, (unsigned)r)) return "that register is saved already";
    here(p);
    spill(p->c, (unsigned)r, slot_of((unsigned)r));
    p->fix |= bit_of((unsigned)r);
    return NULL;
}

const char *policy_emit_restore(struct policy_code *p, const char *reg)
{
    int r = number_of(reg);
    const char *no = full(p);
    if (no) return no;
    if (r < 0 || !is_saved(p, (unsigned)r)) return "that register was not saved";
    here(p);
    fill(p->c, (unsigned)r, slot_of((unsigned)r));
    p->fix &= ~bit_of((unsigned)r);
    return NULL;
}

static uint32_t state_of(const char *name) { return !strcmp(name, "vif") ? BT_VIF : !strcmp(name, "vrest") ? BT_VREST : UINT32_MAX; }

const char *policy_emit_load(struct policy_code *p, const char *reg, const char *what)
{
    int r = number_of(reg);
    const char *no = full(p);
    if (no) return no;
    if (r < 0 || !is_saved(p, (unsigned)r)) return "that register is the guest's; emit:save it first";
    if (state_of(what) == UINT32_MAX) return "there are \"vif\" and \"vrest\"";
    here(p);
    fill(p->c, (unsigned)r, state_of(what));
    return NULL;
}

const char *policy_emit_store(struct policy_code *p, const char *what, const char *reg)
{
    int r = number_of(reg);
    const char *no = full(p);
    if (no) return no;
    if (r < 0) return "eax, ecx, edx or ebx";
    if (state_of(what) != BT_VIF) return "only \"vif\" can be stored to";
    here(p);
    spill(p->c, (unsigned)r, BT_VIF);
    p->fix |= BT_FIX_SHADOW; /* what is new must not let an interrupt in before the instruction is done */
    return NULL;
}

const char *policy_emit_set(struct policy_code *p, bool on)
{
    const char *no = full(p);
    if (no) return no;
    here(p);
    set_byte(p->c, BT_VIF + 1, on ? FLAG_IF >> 8 : 0);
    return NULL;
}

/* Leaves for the hypervisor with everything put back, unless the short jump `opcode` is taken. */
static void leave_unless(struct policy_code *p, uint8_t opcode)
{
    here(p);
    unsigned over = skip(p->c, opcode);
    unsigned fix = p->fix;
    for (unsigned r = 0; r < 4; r++) {
        if (!is_saved(p, r)) continue;
        here(p);
        fill(p->c, r, slot_of(r));
        p->fix &= ~bit_of(r);
    }
    out(p->c, p->eip, BT_EMULATE, p->fix & BT_FIX_SHADOW);
    p->fix = fix;
    land(p->c, over);
}

const char *policy_emit_callout_if_waiting(struct policy_code *p)
{
    const char *no = full(p);
    if (no) return no;
    if (p->done || p->depth) return "before the instruction is done, and with nothing pushed";
    if (!is_saved(p, ECX)) return "it needs ecx; emit:save it first";
    here(p);
    fill(p->c, ECX, BT_SLOW);
    leave_unless(p, 0xE3);
    return NULL;
}

const char *policy_emit_callout_if(struct policy_code *p, const char *reg, uint32_t mask)
{
    int r = number_of(reg);
    const char *no = full(p);
    if (no) return no;
    if (p->done || p->depth) return "before the instruction is done, and with nothing pushed";
    if (r < 0) return "eax, ecx, edx or ebx";
    here(p);
    put(p->c, (const uint8_t[]){ 0xF7, (uint8_t)(0xC0 | r) }, 2); /* test reg, imm */
    put32(p->c, mask);
    leave_unless(p, 0x74);
    return NULL;
}

const char *policy_emit_done(struct policy_code *p)
{
    if (p->done || p->over) return "it is done already";
    if (p->c->points == p->first_point) return "nothing was emitted yet";
    done(p->c);
    p->done = true;
    p->fix &= ~(unsigned)BT_FIX_SHADOW;
    return NULL;
}

const char *policy_emit_callout(struct policy_code *p)
{
    const char *no = full(p);
    if (no) return no;
    if (p->done || p->fix || p->depth || p->c->points > p->first_point) return "callout stands alone, in place of everything else";
    callout(p->c, p->eip);
    p->over = true;
    return NULL;
}

const char *policy_emit_copy(struct policy_code *p)
{
    const char *no = full(p);
    if (no) return no;
    if (p->done || p->fix || p->depth || p->c->points > p->first_point) return "copy stands alone, in place of everything else";
    if (bt_names_ours(p->i, p->bytes)) callout(p->c, p->eip); /* through the cache's own segment nothing of the guest's can be reached */
    else copy(p->c, p->i, p->bytes, p->eip, BT_FIRST);
    p->over = true;
    return NULL;
}

/* ---- bytes */

static const char no_such[] = "no harmless instruction: pushfd, popfd, push and pop of a register, mov r, r; mov r, imm; mov r, [esp + n]; lea; nop; "
                              "add, or, and, sub, xor, cmp, test r, imm; shl, shr r, n";
static const char theirs[] = "that register is the guest's; emit:save it first";

/* One with a ModRM byte of two registers or a register and an immediate: which register it writes; -1: none; -2: no such instruction. */
static int modrm_target(const uint8_t *b, unsigned n)
{
    unsigned reg = b[1] >> 3 & 7, rm = b[1] & 7, mod = b[1] >> 6;
    switch (b[0]) {
    case 0x89: return mod == 3 && n == 2 ? (int)rm : -2;
    case 0x8B:
        if (mod == 3 && n == 2) return (int)reg;
        return (n == 3 && b[1] == (reg << 3 | 4) && b[2] == 0x24) || (n == 4 && b[1] == (0x40 | reg << 3 | 4) && b[2] == 0x24) ? (int)reg : -2;
    case 0x81: return mod == 3 && n == 6 ? (reg == 7 ? -1 : reg == 2 || reg == 3 ? -2 : (int)rm) : -2;
    case 0xF7: return mod == 3 && n == 6 && !reg ? -1 : -2;
    case 0xC1: return mod == 3 && n == 3 && (reg == 4 || reg == 5) ? (int)rm : -2;
    case 0x8D: {
        unsigned sib = mod != 3 && rm == 4, disp = mod == 1 ? 1 : mod == 2 || (!mod && (rm == 5 || (sib && (b[2] & 7) == 5))) ? 4 : 0;
        return mod != 3 && n == 2 + sib + disp ? (int)reg : -2;
    }
    default: return -2;
    }
}

const char *policy_emit_bytes(struct policy_code *p, const uint8_t *b, unsigned n)
{
    const char *no = full(p);
    if (no) return no;
    int push = 0, target = -1;
    if (n < 1 || n > 7) return no_such;
    if (n == 1 && b[0] == 0x9C) push = 4;
    else if (n == 1 && b[0] == 0x9D) push = -4;
    else if (n == 1 && b[0] >= 0x50 && b[0] < 0x58) push = 4;
    else if (n == 1 && b[0] >= 0x58 && b[0] < 0x60) push = -4, target = b[0] & 7;
    else if (n == 5 && b[0] >= 0xB8 && b[0] < 0xC0) target = b[0] & 7;
    else if (n == 1 && b[0] == 0x90) target = -1;
    else target = n >= 2 ? modrm_target(b, n) : -2;
    if (target == -2) return no_such;
    if (target >= 0 && !is_saved(p, (unsigned)target)) return theirs;
    if (p->done && push) return "the guest's stack is as it shall be: the instruction is done";
    here(p);
    put(p->c, b, n);
    p->depth += push;
    return NULL;
}

/* ---- being asked */

/* What a rule may be for: silent below ring 0, and CLI and STI for their price. */
static bool is_taught(const struct insn *i)
{
    switch (i->id) {
    case MN_SGDT: case MN_SIDT: case MN_SLDT: case MN_STR: case MN_SMSW: case MN_PUSHF: case MN_POPF: case MN_LAR: case MN_LSL:
    case MN_VERR: case MN_VERW: case MN_PUSH_SEG: case MN_CLI: case MN_STI:
        return true;
    case MN_MOV_SEG: return i->bytes[0] == 0x8C;
    default: return false;
    }
}

bool bt_emit_taught(struct bt_code *c, const struct policy *teacher, const struct insn *i, const uint8_t *bytes, uint32_t eip)
{
    if (!is_taught(i)) return false;
    struct policy_code p = { .c = c, .i = i, .bytes = bytes, .eip = eip, .next = eip + i->len, .first = c->n, .first_point = c->points };
    const struct policy_trap t = { .word = insn_desc(i->id)->word, .length = i->len, .size = i->size, .id = i->id, .memory = i->flags & INSN_MEM };
    if (!teacher->rule(teacher->self, &t, &p) || c->points == p.first_point) { /* broken, or silent: the hypervisor does it */
        c->n = p.first, c->points = p.first_point;
        callout(c, eip);
        return true;
    }
    if (p.over) return true;
    if (!p.done) done(c);
    p.done = true;
    for (unsigned r = 0; r < 4; r++) { /* what a rule forgot: the state must be whole where the next instruction begins */
        if (!is_saved(&p, r)) continue;
        here(&p);
        fill(c, r, slot_of(r));
        p.fix &= ~bit_of(r);
    }
    return true;
}
