/* The translator: the glue, from BT_TARGET to a place in the cache. Flags stay; EAX, ECX, EDX are spilled. See bintrans_emit.c. */
#include "sim/vmm/bintrans_emit.h"

static void glue_point(struct bt_code *c, unsigned fix) { point(c, 0, BT_FIX_EIP | fix); }
enum { ALL = BT_FIX_EAX | BT_FIX_ECX | BT_FIX_EDX };

static void glue_spill(struct bt_code *c)
{
    glue_point(c, 0);
    spill(c, EAX, BT_EAX);
    glue_point(c, 0);
    spill(c, ECX, BT_ECX);
    glue_point(c, 0);
    spill(c, EDX, BT_EDX);
}

static void glue_fill(struct bt_code *c)
{
    static const uint32_t slot[] = { BT_EAX, BT_ECX, BT_EDX };
    for (unsigned r = EAX; r <= EDX; r++) {
        glue_point(c, ALL);
        fill(c, r, slot[r]);
    }
}

static void glue_go(struct bt_code *c)
{
    glue_point(c, ALL);
    spill(c, EAX, BT_GO);
    glue_fill(c);
    glue_point(c, 0);
    jump_slot(c, BT_GO);
}

static void glue_bytes(struct bt_code *c, const void *bytes, unsigned n)
{
    glue_point(c, ALL);
    put(c, bytes, n);
}

/* mov REG, gs:[table + eax*8] or the other way (opcode). */
static void glue_table(struct bt_code *c, uint8_t opcode, unsigned reg, uint32_t table)
{
    glue_point(c, ALL);
    put(c, (const uint8_t[]){ 0x65, opcode, (uint8_t)(0x04 | reg << 3), 0xC5 }, 4);
    put32(c, table);
}

static unsigned glue_skip(struct bt_code *c, uint8_t opcode)
{
    glue_point(c, ALL);
    return skip(c, opcode);
}

/* ECX = EIP wanted - EIP of the entry (which holds it negated); EAX = where. Then JECXZ. */
static unsigned glue_compare(struct bt_code *c, uint32_t table)
{
    glue_table(c, 0x8B, EDX, table);
    glue_bytes(c, (const uint8_t[]){ 0x8D, 0x0C, 0x11 }, 3); /* lea ecx, [ecx + edx] */
    glue_table(c, 0x8B, EAX, table + 4);
    return glue_skip(c, 0xE3);
}

static unsigned glue_hash(struct bt_code *c)
{
    glue_point(c, ALL);
    fill(c, ECX, BT_TARGET);
    glue_bytes(c, (const uint8_t[]){ 0x0F, 0xB6, 0xC1 }, 3); /* movzx eax, cl */
    glue_bytes(c, (const uint8_t[]){ 0x0F, 0xB6, 0xD5 }, 3); /* movzx edx, ch */
    glue_bytes(c, (const uint8_t[]){ 0x8D, 0x04, 0xD0 }, 3); /* lea eax, [eax + edx*8] */
    return glue_compare(c, BT_HASH);
}

static void glue_miss(struct bt_code *c)
{
    glue_fill(c);
    out(c, 0, BT_LOOKUP, BT_FIX_EIP);
}

/* What the hash table knew goes to the return-target table: EAX is the place, EDX the negated EIP. */
static void glue_learn(struct bt_code *c)
{
    glue_point(c, ALL);
    spill(c, EAX, BT_GO);
    glue_point(c, ALL);
    put(c, (const uint8_t[]){ 0x65, 0x0F, 0xB6, 0x05 }, 4); /* movzx eax, byte gs:[target] */
    put32(c, BT_TARGET);
    glue_table(c, 0x89, EDX, BT_RETURNS);
    glue_point(c, ALL);
    fill(c, EDX, BT_GO);
    glue_table(c, 0x89, EDX, BT_RETURNS + 4);
    glue_fill(c);
    glue_point(c, 0);
    jump_slot(c, BT_GO);
}

/* Answers for a latch of the chipset: port in EDX, byte to AL. It is called from a sequence on a stack of its own (bintrans_virtual.c). */
static void glue_latch(struct bt_code *c)
{
    enum { CALLED = BT_FIX_EIP | BT_FIX_EAX | BT_FIX_EDX | BT_FIX_ESP | BT_FIX_FLAGS | BT_OURS, LATCHES = 0x80 };
    point(c, 0, CALLED);
    put(c, (const uint8_t[]){ 0x65, 0x8A, 0x82 }, 3); /* mov al, gs:[latches + edx] */
    put32(c, BT_POST - (uint32_t)LATCHES);
    point(c, 0, CALLED);
    put8(c, 0xC3); /* ret */
}

unsigned bt_emit_glue(struct bt_code *c, unsigned *latch)
{
    *c = (struct bt_code){ 0 };
    glue_spill(c);
    glue_point(c, ALL);
    fill(c, ECX, BT_TARGET);
    glue_bytes(c, (const uint8_t[]){ 0x0F, 0xB6, 0xC1 }, 3); /* movzx eax, cl */
    unsigned hit = glue_compare(c, BT_RETURNS), learn = glue_hash(c);
    glue_miss(c);
    land(c, hit);
    glue_go(c);
    land(c, learn);
    glue_learn(c);
    unsigned jump = c->n;
    glue_spill(c);
    hit = glue_hash(c);
    glue_miss(c);
    land(c, hit);
    glue_go(c);
    *latch = c->n;
    glue_latch(c);
    return jump;
}
