/* The translator: segment registers, and what is reached through GS. See bintrans_emit.c; the hypervisor's side is bintrans_seg.c.
 *
 * Idea 1: DS, ES and FS really hold the guest's selectors while its kernel runs, so reading them is harmless; loading one is, if
 * the very selector has been loaded before by emulation and no descriptor has changed since (BT_KNOWN).
 * Idea 2: GS is the cache's, and the guest's is a selector in the vCPU page. An access through it borrows FS: guest's GS to FS,
 * the same instruction with the other prefix, guest's FS to FS. If the access faults, the guest's FS is what it was (BT_FIX_FS). */
#include "sim/vmm/bintrans_emit.h"

enum { BOTH = BT_FIX_ECX | BT_FIX_EDX };

static void spill_both(struct bt_code *c, uint32_t eip)
{
    point(c, eip, BT_FIRST);
    spill(c, ECX, BT_ECX);
    point(c, eip, 0);
    spill(c, EDX, BT_EDX);
}

static void fill_both(struct bt_code *c, uint32_t eip)
{
    point(c, eip, BOTH);
    fill(c, ECX, BT_ECX);
    point(c, eip, BOTH);
    fill(c, EDX, BT_EDX);
}

/* ECX = the selector that MOV or POP loads. */
static void load_selector(struct bt_code *c, const struct insn *i, uint32_t eip)
{
    bool pop = i->id == MN_POP_SEG;
    if (pop) {
        point(c, eip, BT_OURS); /* POP reads two bytes */
        put(c, (const uint8_t[]){ 0x8B, 0x0C, 0x24 }, 3); /* mov ecx, [esp] */
    }
    point(c, eip, pop ? (unsigned)BT_FIX_ECX : 0);
    put(c, (const uint8_t[]){ 0x0F, 0xB7, (uint8_t)(0xC8 | (pop ? ECX : i->rm)) }, 3); /* movzx ecx, selector */
}

/* Is ECX one of those that are known? The JECXZ that are taken if so. */
static void ask_known(struct bt_code *c, uint32_t eip, unsigned ok[BT_KNOWN_ONES])
{
    for (unsigned k = 0; k < BT_KNOWN_ONES; k++) {
        point(c, eip, k ? (unsigned)BOTH : BT_FIX_ECX);
        fill(c, EDX, BT_KNOWN + 4 * k);
        point(c, eip, BOTH);
        put(c, (const uint8_t[]){ 0x8D, 0x0C, 0x11 }, 3); /* lea ecx, [ecx + edx] */
        point(c, eip, BOTH);
        ok[k] = skip(c, 0xE3);
    }
}

/* MOV or POP to DS, ES or FS. */
static void load_known(struct bt_code *c, const struct insn *i, const uint8_t *bytes, uint32_t eip)
{
    unsigned ok[BT_KNOWN_ONES];
    spill_both(c, eip);
    load_selector(c, i, eip);
    ask_known(c, eip, ok);
    fill_both(c, eip);
    out(c, eip, BT_EMULATE, 0);
    for (unsigned k = 0; k < BT_KNOWN_ONES; k++) land(c, ok[k]);
    fill_both(c, eip);
    copy(c, i, bytes, eip, 0);
}

/* ---- GS */

/* MOV or POP to GS: a known selector goes to the vCPU page, and so does 0, which kernels load to be sure. It is done with the store
 * to BT_GS, even if the stack pointer is still to follow. */
static void load_gs(struct bt_code *c, const struct insn *i, uint32_t eip)
{
    unsigned ok[BT_KNOWN_ONES], null;
    uint32_t next = eip + i->len, drop = i->id == MN_POP_SEG ? 4 : 0;
    spill_both(c, eip);
    load_selector(c, i, eip);
    point(c, eip, BT_FIX_ECX);
    spill(c, ECX, BT_VALUE);
    point(c, eip, BT_FIX_ECX);
    null = skip(c, 0xE3);
    ask_known(c, eip, ok);
    fill_both(c, eip);
    out(c, eip, BT_EMULATE, 0);
    for (unsigned k = 0; k < BT_KNOWN_ONES; k++) land(c, ok[k]);
    point(c, eip, BOTH);
    fill(c, ECX, BT_FS_OK);
    land(c, null); /* ECX is 0 */
    point(c, eip, BOTH);
    spill(c, ECX, BT_GS_OK);
    point(c, eip, BOTH);
    fill(c, EDX, BT_VALUE);
    point(c, eip, BOTH);
    spill(c, EDX, BT_GS);
    done(c);
    if (drop) {
        point(c, next, BOTH)->esp = (uint16_t)drop;
        put(c, (const uint8_t[]){ 0x8D, 0x64, 0x24, 0x04 }, 4); /* lea esp, [esp + 4] */
    }
    fill_both(c, next);
}

/* PUSH GS stores two bytes and moves ESP by four; MOV register, GS. */
static bool read_gs(struct bt_code *c, const struct insn *i, uint32_t eip)
{
    bool push = i->id == MN_PUSH_SEG;
    if (push ? i->size != 4 : i->flags & INSN_MEM) return false;
    point(c, eip, BT_FIRST);
    if (push) {
        put(c, (const uint8_t[]){ 0x8D, 0x64, 0x24, 0xFE }, 4); /* lea esp, [esp - 2] */
        point(c, eip, 0)->esp = 2;
    }
    if (i->size == 2 || push) put8(c, 0x66);
    if (push) gs(c, 0xFF, 6, BT_GS);
    else fill(c, i->rm, BT_GS);
    done(c);
    return true;
}

bool bt_emit_selector(struct bt_code *c, const struct insn *i, const uint8_t *bytes, uint32_t eip)
{
    bool load = i->id == MN_POP_SEG || (i->id == MN_MOV_SEG && i->bytes[0] == 0x8E);
    if (i->id != MN_PUSH_SEG && i->id != MN_POP_SEG && i->id != MN_MOV_SEG) return false;
    if (i->sub == SEG_CS || i->sub == SEG_SS || bt_names_ours(i, bytes)) return false;
    if (load && ((i->flags & (INSN_MEM | INSN_OPERAND16)) || (i->id == MN_POP_SEG && i->size != 4))) return false;
    if (i->sub == SEG_GS && !load) return read_gs(c, i, eip);
    if (i->sub == SEG_GS) load_gs(c, i, eip);
    else if (load) load_known(c, i, bytes, eip);
    else copy(c, i, bytes, eip, BT_FIRST);
    return true;
}

/* MOV FS, gs:[slot], or the other way (opcode). */
static void move_fs(struct bt_code *c, uint8_t opcode, uint32_t slot) { gs(c, opcode, SEG_FS, slot); }

bool bt_emit_through_gs(struct bt_code *c, const struct insn *i, const uint8_t *bytes, uint32_t eip)
{
    unsigned n = 0, slow, end;
    if (!(i->flags & INSN_MEM) || i->seg != SEG_GS) return false;
    point(c, eip, BT_FIRST);
    spill(c, ECX, BT_ECX);
    point(c, eip, 0);
    fill(c, ECX, BT_GS_OK);
    point(c, eip, BT_FIX_ECX);
    slow = skip(c, 0xE3);
    point(c, eip, BT_FIX_ECX);
    fill(c, ECX, BT_ECX);
    point(c, eip, 0);
    move_fs(c, 0x8C, BT_FS);
    point(c, eip, BT_OURS);
    move_fs(c, 0x8E, BT_GS);
    point(c, eip, BT_FIX_FS | BT_OWN);
    for (; bytes[n] != 0x65; n++) put8(c, bytes[n]); /* other prefixes */
    put8(c, 0x64);
    put(c, bytes + n + 1, i->len - n - 1);
    done(c);
    point(c, eip + i->len, BT_FIX_FS);
    move_fs(c, 0x8E, BT_FS);
    point(c, eip + i->len, 0);
    end = skip(c, 0xEB);
    land(c, slow);
    point(c, eip, BT_FIX_ECX);
    fill(c, ECX, BT_ECX);
    out(c, eip, BT_EMULATE, 0);
    land(c, end);
    return true;
}
