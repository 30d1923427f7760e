/* The translator: near branches. See bintrans_emit.c.
 *
 * Idea: a branch whose target is known is itself, with ways out that become jumps (chaining); one whose target is only known
 * when it runs leaves it in BT_TARGET, and the glue finds the place. CALL pushes the guest's return address, RET pops it. */
#include "sim/vmm/bintrans_emit.h"

/* To the glue, whose place is known, as is the unit's. */
static void jump_glue(struct bt_code *c, const struct bt_how *how, uint32_t eip, bool returns)
{
    uint32_t to = returns ? (uint32_t)BT_GLUE_RETURN : how->jump;
    point(c, eip, BT_FIX_EIP);
    put8(c, 0xE9);
    put32(c, to - (how->tc + c->n + 4));
}

static uint32_t target_of(const struct insn *i, uint32_t eip) { return eip + i->len + i->imm; }

static void push_return(struct bt_code *c, uint32_t eip, uint32_t back, unsigned fix)
{
    point(c, eip, fix);
    put8(c, 0x68);
    put32(c, back);
    done(c);
}

static void jcc(struct bt_code *c, const struct insn *i, uint32_t eip)
{
    point(c, eip, BT_FIRST | BT_OWN);
    put8(c, 0x0F);
    put8(c, (uint8_t)(0x80 | i->sub));
    put32(c, 0);
    done(c);
    cont(c, target_of(i, eip), true);
    c->exit[c->exits - 1].branch = c->n - 4;
    cont(c, eip + i->len, false);
}

/* LOOPcc and JECXZ have short displacements only, and count in CX with an address-size prefix. */
static void loop(struct bt_code *c, const struct insn *i, const uint8_t *bytes, uint32_t eip)
{
    point(c, eip, BT_FIRST | BT_OWN);
    put(c, bytes, i->len - 1u);
    put8(c, BT_CONT);
    done(c);
    cont(c, eip + i->len, false);
    cont(c, target_of(i, eip), false);
}

/* The register or memory operand of an indirect branch goes to BT_TARGET. */
static void load_target(struct bt_code *c, const struct insn *i, const uint8_t *bytes, uint32_t eip)
{
    point(c, eip, BT_FIRST);
    if (!(i->flags & INSN_MEM)) {
        spill(c, i->rm, BT_TARGET);
        return;
    }
    spill(c, EAX, BT_EAX);
    point(c, eip, 0);
    unsigned n = 0;
    while (bytes[n] != 0xFF) put8(c, bytes[n++]); /* prefixes */
    put8(c, 0x8B); /* MOV EAX, the same operand */
    put8(c, bytes[n + 1] & 0xC7);
    put(c, bytes + n + 2, i->len - n - 2);
    point(c, eip, BT_FIX_EAX);
    spill(c, EAX, BT_TARGET);
    point(c, eip, BT_FIX_EAX);
    fill(c, EAX, BT_EAX);
}

static void ret(struct bt_code *c, const struct bt_how *how, const struct insn *i, uint32_t eip)
{
    unsigned drop = i->form == FORM_I ? i->imm & 0xFFFF : 0;
    point(c, eip, BT_FIRST);
    pop_slot(c, BT_TARGET);
    done(c);
    if (drop) { /* lea esp, [esp + drop] */
        point(c, eip, BT_FIX_EIP)->esp = (uint16_t)drop;
        put(c, (const uint8_t[]){ 0x8D, 0xA4, 0x24 }, 3);
        put32(c, drop);
    }
    jump_glue(c, how, eip, how->returns);
}

bool bt_emit_flow(struct bt_code *c, const struct bt_how *how, const struct insn *i, const uint8_t *bytes, uint32_t eip)
{
    if (i->size == 2 || (i->flags & INSN_OPERAND16)) return false; /* cuts EIP */
    bool direct = i->form == FORM_I && i->id != MN_RET;
    if (!direct && bt_names_ours(i, bytes)) return false;
    if (direct ? target_of(i, eip) > how->limit || eip + i->len > how->limit : !how->flat) return false;
    switch (i->id) {
    case MN_JMP:
        if (direct) {
            cont(c, target_of(i, eip), false);
            c->point[c->points - 1].eip = eip;
            c->point[c->points - 1].fix = BT_FIRST;
            c->exit[c->exits - 1].jump = true;
            done(c);
            return true;
        }
        load_target(c, i, bytes, eip);
        done(c);
        jump_glue(c, how, eip, false);
        return true;
    case MN_CALL:
        if (direct) {
            push_return(c, eip, eip + i->len, BT_FIRST);
            cont(c, target_of(i, eip), false);
            return true;
        }
        load_target(c, i, bytes, eip);
        push_return(c, eip, eip + i->len, 0);
        jump_glue(c, how, eip, false);
        return true;
    case MN_RET:
        if (i->form == FORM_I && (i->imm & 0x8000)) return false;
        ret(c, how, i, eip);
        return true;
    case MN_JCC: jcc(c, i, eip); return true;
    default: loop(c, i, bytes, eip); return true;
    }
}
