/* The translator: stores that fault again and again because their page is under write trace, or is a device's. See bintrans_alias.c.
 *
 *       the page's alias (address register, or known)       MOV of a present or unknown entry     MOV of an absent one, or no MOV
 *       no alias: callout                                    BT_QUICK: is it there already?        room in the log? else callout
 *                                                            no: callout                           note where; store to the alias
 *
 * Idea 1: the instruction itself is what stores, with another operand: the same opcode, register and immediate, but GS and the
 * alias. So flags come out as they must; what leads there is MOV, MOVZX, LEA, BSWAP and JECXZ.
 * Idea 2: an inline cache. As long as the instruction has stored to one page only, its code compares with that page instead of
 * looking it up: LEA ECX, [address * 8 - page * 8]; the upper half is 0 if the address is in these two pages, of which the second
 * is empty behind the alias; what differs in the upper three bits alone is beyond the segment. If it is another page it calls, and
 * is translated anew, with the table. SDM vol. 2. Pure. */
#include "sim/vmm/bintrans_emit.h"

enum value { VALUE_OTHER /* read, changed, written; or an entry that is not present */, VALUE_PRESENT, VALUE_REGISTER /* 0 or not? */ };

struct store {
    uint8_t  op[3];      /* LOCK, 0F, opcode: those there are */
    unsigned op_n, reg;  /* of ModRM */
    uint8_t  imm[4];
    unsigned imm_n;
    uint8_t  place[6];   /* ModRM (reg 0), SIB and displacement of the guest's operand */
    unsigned place_n;
    bool     fixed;      /* it is just a displacement */
    enum value value;
    /* while emitting */
    unsigned a;          /* register of the address, and then of the alias's */
    bool     spilled;    /* it is not the guest's: its own is in the vCPU page */
    uint32_t at;         /* or the alias itself; 0: in `a` */
    uint32_t page, off;  /* the page it is sure to be in by then; from there to its alias, 0: none is sure */
    unsigned slow;       /* where the callout is, if it is before the rest; else 0 */
    uint32_t eip, next;
};

/* ---- which instructions */

static bool is_prefix(uint8_t b) { return b == 0xF0 || b == 0x3E || b == 0x36; }

/* How many bytes of immediate has this opcode, if it is one that stores a doubleword and reads at most registers besides? */
static int immediate_of(const uint8_t *op, unsigned n, unsigned digit)
{
    if (n == 2) { /* 0F */
        if (op[1] == 0xBA) return digit >= 5 ? 1 : -1;       /* BTS, BTR, BTC with a number */
        return op[1] == 0xB1 || op[1] == 0xC1 ? 0 : -1;      /* CMPXCHG, XADD */
    }
    switch (op[0]) {
    case 0x89: case 0x87: return 0;                          /* MOV, XCHG */
    case 0x01: case 0x09: case 0x11: case 0x19: case 0x21: case 0x29: case 0x31: return 0;
    case 0xC7: return digit ? -1 : 4;
    case 0x81: return digit < 7 ? 4 : -1;
    case 0x83: return digit < 7 ? 1 : -1;
    case 0xFF: return digit < 2 ? 0 : -1;                    /* INC, DEC */
    case 0xF7: return digit == 2 || digit == 3 ? 0 : -1;     /* NOT, NEG */
    default: return -1;
    }
}

static bool parse(struct store *s, const struct insn *i, const uint8_t *bytes)
{
    unsigned n = 0;
    *s = (struct store){ 0 };
    if (i->size != 4 || !(i->flags & INSN_MEM) || (i->flags & (INSN_ADDR16 | INSN_REP | INSN_REPNE))) return false;
    if (i->seg != SEG_DS && i->seg != SEG_SS) return false;
    for (; n < i->len && is_prefix(bytes[n]); n++)
        if (bytes[n] == 0xF0) s->op[s->op_n++] = 0xF0;
    const uint8_t *op = bytes + n;
    if (*op == 0xA3) { /* MOV moffs, EAX */
        s->op[s->op_n++] = 0x89;
        s->place[0] = 0x05;
        memcpy(s->place + 1, op + 1, 4);
        s->place_n = 5;
        s->fixed = true;
        s->value = VALUE_REGISTER;
        return true;
    }
    unsigned ops = *op == 0x0F ? 2 : 1;
    uint8_t modrm = op[ops];
    int imm = immediate_of(op, ops, modrm >> 3 & 7);
    if (imm < 0) return false;
    memcpy(s->op + s->op_n, op, ops);
    s->op_n += ops;
    s->reg = modrm >> 3 & 7;
    s->imm_n = (unsigned)imm;
    s->place_n = i->len - n - ops - s->imm_n;
    memcpy(s->place, op + ops, s->place_n);
    memcpy(s->imm, op + ops + s->place_n, s->imm_n);
    s->place[0] &= 0xC7;
    s->fixed = s->place[0] == 0x05;
    if (op[0] == 0x89) s->value = VALUE_REGISTER;
    if (op[0] == 0xC7 && (s->imm[0] & 1)) s->value = VALUE_PRESENT;
    return true;
}

bool bt_is_store(const struct insn *i, const uint8_t *bytes)
{
    struct store s;
    return parse(&s, i, bytes);
}

bool bt_store_fixed(const struct insn *i, const uint8_t *bytes, uint32_t *offset)
{
    struct store s;
    if (!parse(&s, i, bytes) || !s.fixed) return false;
    memcpy(offset, s.place + 1, sizeof *offset);
    return true;
}

/* ---- pieces. Points: `a` and ECX are spilled, the guest is before the instruction */

static unsigned fix_of_a(const struct store *s) { return !s->spilled ? 0 : s->a == EDX ? BT_FIX_EDX : BT_FIX_EBX; }
static uint32_t slot_of_a(const struct store *s) { return s->a == EDX ? BT_EDX : BT_EBX; }

static void here(struct bt_code *c, const struct store *s) { point(c, s->eip, fix_of_a(s) | BT_FIX_ECX | BT_OURS); }

/* Opcode and ModRM of an instruction on the alias, with register field `reg`. */
static void on_alias(struct bt_code *c, const struct store *s, const uint8_t *op, unsigned n, unsigned reg)
{
    put8(c, 0x65);
    put(c, op, n);
    put8(c, (uint8_t)(s->at ? 0x05 | reg << 3 : 0x80 | reg << 3 | s->a));
    put32(c, s->at + s->off);
}

/* The upper half of ECX, its bytes exchanged. */
static void upper_half(struct bt_code *c, const struct store *s)
{
    here(c, s);
    put(c, (const uint8_t[]){ 0x0F, 0xC9 }, 2);       /* bswap ecx */
    here(c, s);
    put(c, (const uint8_t[]){ 0x0F, 0xB7, 0xC9 }, 3); /* movzx ecx, cx */
    here(c, s);
}

/* What is stored goes where BT_QUICK looks. */
static void put_value(struct bt_code *c, const struct store *s)
{
    if (s->value == VALUE_REGISTER) { /* not 0, so ECX has it, too */
        gs(c, 0x89, ECX, BT_VALUE);
        return;
    }
    gs(c, 0xC7, 0, BT_VALUE);
    put(c, s->imm, 4);
}

/* Registers as they were; the guest is before or behind the instruction. */
static void restore(struct bt_code *c, const struct store *s, uint32_t eip)
{
    point(c, eip, fix_of_a(s) | BT_FIX_ECX);
    fill(c, ECX, BT_ECX);
    if (!s->spilled) return;
    point(c, eip, fix_of_a(s));
    fill(c, s->a, slot_of_a(s));
}

/* LEA ECX, [a*8 - from*8] */
static void times_8(struct bt_code *c, const struct store *s, uint32_t from)
{
    put(c, (const uint8_t[]){ 0x8D, 0x0C, (uint8_t)(0xC5 | s->a << 3) }, 3);
    put32(c, 0 - 8 * from);
}

/* The linear address becomes the alias's; returns the JECXZ that is taken if there is none. */
static unsigned find_alias(struct bt_code *c, const struct store *s)
{
    here(c, s);
    times_8(c, s, 0);
    here(c, s);
    put(c, (const uint8_t[]){ 0x8D, 0x0C, 0x09 }, 3);                         /* lea ecx, [ecx + ecx] */
    upper_half(c, s);
    put(c, (const uint8_t[]){ 0x65, 0x0F, 0xB6, 0x89 }, 4);                   /* movzx ecx, byte gs:[map + ecx] */
    put32(c, BT_MAP);
    here(c, s);
    unsigned none = skip(c, 0xE3);
    here(c, s);
    put(c, (const uint8_t[]){ 0x65, 0x8B, 0x0C, 0x8D }, 4);                   /* mov ecx, gs:[delta + ecx*4] */
    put32(c, BT_DELTA);
    here(c, s);
    put(c, (const uint8_t[]){ 0x8D, (uint8_t)(0x04 | s->a << 3), (uint8_t)(0x08 | s->a) }, 3); /* lea a, [a + ecx] */
    return none;
}

static void spill_all(struct bt_code *c, const struct store *s)
{
    if (s->spilled) {
        point(c, s->eip, BT_FIRST);
        spill(c, s->a, slot_of_a(s));
        point(c, s->eip, 0);
        put(c, (const uint8_t[]){ 0x8D, (uint8_t)(s->place[0] | s->a << 3) }, 2);
        put(c, s->place + 1, s->place_n - 1);
    }
    point(c, s->eip, s->spilled ? fix_of_a(s) : (unsigned)BT_FIRST);
    spill(c, ECX, BT_ECX);
}

/* Is the register 0, which no entry that is present can be? Returns the JECXZ that is taken if so. */
static unsigned ask_absent(struct bt_code *c, const struct store *s)
{
    here(c, s);
    if (s->reg == ECX) fill(c, ECX, BT_ECX);
    else put(c, (const uint8_t[]){ 0x8B, (uint8_t)(0xC8 | s->reg) }, 2); /* mov ecx, reg */
    here(c, s);
    return skip(c, 0xE3);
}

static void quick(struct bt_code *c, const struct store *s)
{
    here(c, s);
    put_value(c, s);
    here(c, s);
    on_alias(c, s, (const uint8_t[]){ 0x8B }, 1, ECX);
    out(c, s->eip, BT_JUDGE, fix_of_a(s) | BT_FIX_ECX);
    c->bytes[c->n - 2] = BT_QUICK & 0xFF;
    done(c);
    restore(c, s, s->next);
}

static void callout_restored(struct bt_code *c, const struct store *s)
{
    restore(c, s, s->eip);
    out(c, s->eip, BT_EMULATE, 0);
}

/* Notes the place, and stores. `full`: the JECXZ, when the log has no room. */
static unsigned note(struct bt_code *c, const struct store *s)
{
    here(c, s);
    fill(c, ECX, BT_LOG);
    here(c, s);
    unsigned full = skip(c, 0xE3);
    here(c, s);
    put(c, (const uint8_t[]){ 0x8D, 0x49, 0xFC }, 3); /* lea ecx, [ecx - 4] */
    here(c, s);
    spill(c, ECX, BT_LOG);
    here(c, s);
    put(c, (const uint8_t[]){ 0x65, s->at ? 0xC7 : 0x89, (uint8_t)(0x81 | (s->at ? 0 : s->a << 3)) }, 3);
    put32(c, BT_LOGS);
    if (s->at) put32(c, s->at);
    here(c, s);
    fill(c, ECX, BT_ECX);
    point(c, s->eip, fix_of_a(s) | BT_OURS | BT_OWN);
    on_alias(c, s, s->op, s->op_n, s->reg);
    put(c, s->imm, s->imm_n);
    done(c);
    if (!s->spilled) return full;
    point(c, s->next, fix_of_a(s));
    fill(c, s->a, slot_of_a(s));
    return full;
}

/* Over what follows, once all is done. */
static unsigned leave(struct bt_code *c, const struct store *s)
{
    point(c, s->next, 0);
    return skip(c, 0xEB);
}

/* A JECXZ that leads back to `to`. */
static void land_back(struct bt_code *c, unsigned at, unsigned to) { c->bytes[at] = (uint8_t)(to - (at + 1)); }

/* Is it the page that it was before? If not, it calls. */
static void ask_page(struct bt_code *c, struct store *s)
{
    here(c, s);
    times_8(c, s, s->page);
    upper_half(c, s);
    unsigned same = skip(c, 0xE3);
    s->slow = c->n;
    callout_restored(c, s);
    land(c, same);
}

/* Afterwards it is known where the alias is. Returns the JECXZ that is taken if there is none, 0: it is not needed. */
static unsigned find(struct bt_code *c, struct store *s)
{
    if (s->at) return 0;
    if (!s->off) return find_alias(c, s);
    ask_page(c, s);
    return 0;
}

/* What is known to give no page, or to need the old value: [none -> slow] note; jump; slow. */
static void emit_other(struct bt_code *c, struct store *s)
{
    unsigned none = find(c, s), full = note(c, s);
    if (s->slow) {
        land_back(c, full, s->slow);
        return;
    }
    unsigned end = leave(c, s);
    if (none) land(c, none);
    land(c, full);
    callout_restored(c, s);
    land(c, end);
}

/* What gives one: [none -> slow] quick; jump; slow. With a known place there is nothing slow in it. */
static void emit_present(struct bt_code *c, struct store *s)
{
    unsigned none = find(c, s);
    quick(c, s);
    if (!none) return;
    unsigned end = leave(c, s);
    land(c, none);
    callout_restored(c, s);
    land(c, end);
}

/* What may: [none -> slow] absent?; quick; jump; slow; absent: note. */
static void emit_register(struct bt_code *c, struct store *s)
{
    unsigned none = find(c, s), absent = ask_absent(c, s);
    quick(c, s);
    unsigned end = leave(c, s), slow = s->slow ? s->slow : c->n;
    if (none) land(c, none);
    if (!s->slow) callout_restored(c, s);
    land(c, absent);
    land_back(c, note(c, s), slow);
    land(c, end);
}

/* ---- the APIC's task priority: see bintrans_apic.c
 *
 *   its address? no: callout.  in order? no: callout.  store to the vCPU page; below the threshold? callout behind the instruction */

/* Flags and registers as they were, behind the instruction. EAX has LAHF's and SETO's. */
static void restore_flags(struct bt_code *c, const struct store *s)
{
    unsigned fix = fix_of_a(s) | BT_FIX_ECX;
    point(c, s->next, fix | BT_FIX_EAX | BT_FIX_LAHF);
    put(c, (const uint8_t[]){ 0x04, 0x7F }, 2); /* add al, 7Fh: OF */
    point(c, s->next, fix | BT_FIX_EAX | BT_FIX_LAHF);
    put8(c, 0x9E);                              /* sahf */
    point(c, s->next, fix | BT_FIX_EAX);
    fill(c, EAX, BT_EAX);
    restore(c, s, s->next);
}

/* What is stored, as a byte; ECX is the guest's in the vCPU page. */
static void tpr_value(struct bt_code *c, const struct store *s)
{
    here(c, s);
    if (s->imm_n) put8(c, 0xB8 | ECX), put(c, s->imm, 4);
    else if (s->reg == ECX) fill(c, ECX, BT_ECX);
    else put(c, (const uint8_t[]){ 0x8B, (uint8_t)(0xC8 | s->reg) }, 2);
    here(c, s);
    put(c, (const uint8_t[]){ 0x0F, 0xB6, 0xC9 }, 3); /* movzx ecx, cl */
}

static void ask_tpr(struct bt_code *c, struct store *s, uint32_t tpr)
{
    here(c, s);
    put(c, (const uint8_t[]){ 0x8D, (uint8_t)(0x88 | s->a) }, 2); /* lea ecx, [a - tpr] */
    put32(c, 0 - tpr);
    here(c, s);
    unsigned same = skip(c, 0xE3);
    s->slow = c->n;
    callout_restored(c, s);
    land(c, same);
    here(c, s);
    fill(c, ECX, BT_TPR_OFF);
    here(c, s);
    unsigned good = skip(c, 0xE3);
    here(c, s);
    land_back(c, skip(c, 0xEB), s->slow);
    land(c, good);
}

static void emit_tpr(struct bt_code *c, struct store *s, uint32_t tpr)
{
    ask_tpr(c, s, tpr);
    tpr_value(c, s);
    here(c, s);
    spill(c, EAX, BT_EAX);
    point(c, s->eip, fix_of_a(s) | BT_FIX_ECX | BT_FIX_EAX | BT_OURS);
    put8(c, 0x9F);                                    /* lahf */
    point(c, s->eip, fix_of_a(s) | BT_FIX_ECX | BT_FIX_EAX | BT_OURS);
    put(c, (const uint8_t[]){ 0x0F, 0x90, 0xC0 }, 3); /* seto al */
    point(c, s->eip, fix_of_a(s) | BT_FIX_ECX | BT_FIX_EAX | BT_OURS | BT_OWN);
    spill(c, ECX, BT_TPR);
    done(c);
    point(c, s->next, fix_of_a(s) | BT_FIX_ECX | BT_FIX_EAX);
    gs(c, 0x3B, ECX, BT_TPR_LOW);                     /* cmp ecx, gs:[low] */
    point(c, s->next, fix_of_a(s) | BT_FIX_ECX | BT_FIX_EAX | BT_FIX_LAHF);
    unsigned held = skip(c, 0x73);                    /* jae */
    restore_flags(c, s);
    out(c, s->next, BT_LOOK, 0);
    land(c, held);
    restore_flags(c, s);
}

bool bt_emit_store(struct bt_code *c, const struct bt_how *how, const struct insn *i, const uint8_t *bytes, uint32_t eip)
{
    struct store s;
    if (!parse(&s, i, bytes)) return false;
    s.at = s.fixed ? how->fixed : 0;
    bool tpr = how->tpr && s.op_n == 1 && (s.op[0] == 0x89 || s.op[0] == 0xC7); /* a MOV */
    if (!s.at && how->alias) {
        s.page = how->page;
        s.off = how->alias - how->page;
    }
    /* The address is in a register as it is: MOD 0, neither SIB nor displacement. */
    bool plain = s.off && s.place_n == 1 && s.place[0] != ECX;
    s.a = plain ? s.place[0] : s.reg == EDX ? EBX : EDX;
    s.spilled = !plain && !s.at;
    s.eip = eip;
    s.next = eip + i->len;
    spill_all(c, &s);
    if (tpr) emit_tpr(c, &s, how->tpr);
    else if (s.value == VALUE_OTHER) emit_other(c, &s);
    else if (s.value == VALUE_PRESENT) emit_present(c, &s);
    else emit_register(c, &s);
    return true;
}
