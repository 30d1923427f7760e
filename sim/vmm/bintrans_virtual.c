/* The translator: what only moves the guest's own virtual state (IF and flags, a latch) becomes a short sequence.
 * See bintrans_emit.c. AA06 3.2: CLI is one instruction here, which is why it is faster than bare. */
#include "sim/vmm/bintrans_emit.h"

/* ---- flags */

static void cli(struct bt_code *c, uint32_t eip)
{
    point(c, eip, BT_FIRST);
    set_byte(c, BT_VIF + 1, 0);
    done(c);
}

/* If somebody waits to interrupt, the hypervisor does the STI. */
static void sti(struct bt_code *c, uint32_t eip)
{
    point(c, eip, BT_FIRST);
    spill(c, ECX, BT_ECX);
    point(c, eip, 0);
    fill(c, ECX, BT_SLOW);
    point(c, eip, BT_FIX_ECX);
    unsigned quick = skip(c, 0xE3);
    point(c, eip, BT_FIX_ECX);
    fill(c, ECX, BT_ECX);
    out(c, eip, BT_EMULATE, 0);
    land(c, quick);
    point(c, eip, BT_FIX_ECX);
    fill(c, ECX, BT_ECX);
    point(c, eip, 0);
    set_byte(c, BT_VIF + 1, FLAG_IF >> 8);
    done(c);
}

/* Real IF is 1, real IOPL and the rest of the virtual flags are 0: the guest's image is a sum. */
static void pushf(struct bt_code *c, uint32_t eip, uint32_t next)
{
    point(c, eip, BT_FIRST);
    spill(c, ECX, BT_ECX);
    point(c, eip, 0);
    spill(c, EDX, BT_EDX);
    point(c, eip, 0);
    put8(c, 0x9C); /* pushfd: faults here as the guest's would */
    point(c, eip, 0)->esp = 4;
    put8(c, 0x59); /* pop ecx */
    static const uint32_t parts[] = { BT_VIF, BT_VREST };
    for (unsigned k = 0; k < 2; k++) {
        point(c, eip, BT_FIX_ECX | BT_FIX_EDX);
        fill(c, EDX, parts[k]);
        point(c, eip, BT_FIX_ECX | BT_FIX_EDX);
        put(c, (const uint8_t[]){ 0x8D, 0x8C, 0x11 }, 3); /* lea ecx, [ecx + edx + disp] */
        put32(c, k ? 0 : 0u - FLAG_IF);
    }
    point(c, eip, BT_FIX_ECX | BT_FIX_EDX);
    put8(c, 0x51); /* push ecx */
    done(c);
    point(c, next, BT_FIX_ECX | BT_FIX_EDX);
    fill(c, ECX, BT_ECX);
    point(c, next, BT_FIX_ECX | BT_FIX_EDX);
    fill(c, EDX, BT_EDX);
}

/* Quick if nobody waits to interrupt, virtual IOPL is and stays 0, and TF stays clear. */
static void popf(struct bt_code *c, uint32_t eip)
{
    point(c, eip, BT_FIRST);
    spill(c, ECX, BT_ECX);
    point(c, eip, 0);
    put(c, (const uint8_t[]){ 0x8B, 0x0C, 0x24 }, 3); /* mov ecx, [esp] */
    point(c, eip, BT_FIX_ECX);
    gs(c, 0x80, 7, BT_SLOW); /* cmp byte gs:[slow], 0 */
    put8(c, 0);
    point(c, eip, BT_FIX_ECX);
    unsigned slow1 = skip(c, 0x75);
    point(c, eip, BT_FIX_ECX);
    put(c, (const uint8_t[]){ 0xF7, 0xC1 }, 2); /* test ecx, imm */
    put32(c, FLAG_TF | FLAG_IOPL);
    point(c, eip, BT_FIX_ECX);
    unsigned slow2 = skip(c, 0x75);
    point(c, eip, BT_FIX_ECX);
    put(c, (const uint8_t[]){ 0x81, 0xE1 }, 2); /* and ecx, IF */
    put32(c, FLAG_IF);
    point(c, eip, BT_FIX_ECX);
    spill(c, ECX, BT_VIF);
    point(c, eip, BT_FIX_ECX | BT_FIX_SHADOW);
    fill(c, ECX, BT_ECX);
    point(c, eip, BT_FIX_SHADOW);
    put8(c, 0x9D); /* popfd */
    done(c);
    point(c, eip + 1, 0);
    unsigned done = skip(c, 0xEB);
    land(c, slow1);
    land(c, slow2);
    point(c, eip, BT_FIX_ECX);
    fill(c, ECX, BT_ECX);
    out(c, eip, BT_EMULATE, 0);
    land(c, done);
}

static bool flags(struct bt_code *c, const struct insn *i, uint32_t eip)
{
    if (i->flags & INSN_OPERAND16) return false;
    switch (i->id) {
    case MN_CLI: cli(c, eip); return true;
    case MN_STI: sti(c, eip); return true;
    case MN_PUSHF:
        if (i->size != 4) return false;
        pushf(c, eip, eip + i->len);
        return true;
    case MN_POPF:
        if (i->size != 4 || i->len != 1) return false;
        popf(c, eip);
        return true;
    default: return false;
    }
}

/* ---- a stack of the sequence's own: what lies below the guest's is the guest's. MOV SS holds interrupts off until ESP is there, too.
 * Flags are pushed there and popped, as on AA06's machine, whose 64-bit mode had no LAHF. */

static void own_stack(struct bt_code *c, uint32_t eip)
{
    point(c, eip, BT_FIRST);
    spill(c, EAX, BT_EAX);
    point(c, eip, 0);
    spill(c, EDX, BT_EDX);
    point(c, eip, 0);
    spill(c, ESP, BT_ESP);
    point(c, eip, 0);
    put8(c, 0xB8); /* mov eax, imm */
    put32(c, BT_DS | 1);
    point(c, eip, BT_FIX_EAX);
    put(c, (const uint8_t[]){ 0x8E, 0xD0 }, 2); /* mov ss, eax */
    point(c, eip, BT_FIX_EAX);
    put8(c, 0xBC); /* mov esp, imm */
    put32(c, BT_OWN_STACK);
}

enum { MOVED = BT_FIX_EAX | BT_FIX_EDX | BT_FIX_ESP | BT_OURS };

static void guest_stack(struct bt_code *c, uint32_t eip)
{
    point(c, eip, MOVED | BT_FIX_FLAGS);
    put8(c, 0x9D); /* popfd */
    point(c, eip, MOVED);
    gs(c, 0x8E, SEG_SS, BT_SS); /* mov ss, gs:[] */
    point(c, eip, MOVED);
    fill(c, ESP, BT_ESP);
}

/* ---- ports. 80h is a latch (PC/AT: the DMA page register nobody uses, the POST card): no access to it has an effect that could not
 * wait until the hypervisor is called for something else. OUT leaves the byte where that will look. IN, which is faster translated
 * than bare (AA06: 216 cycles), asks the model of the chipset in the cache (bintrans_glue.c): called with the port in EDX, through a
 * table of who answers for it; the byte comes in AL. */

static void in_port(struct bt_code *c, uint8_t number, uint32_t eip)
{
    own_stack(c, eip);
    point(c, eip, MOVED);
    put8(c, 0x9C); /* pushfd */
    point(c, eip, MOVED | BT_FIX_FLAGS);
    put8(c, 0xBA); /* mov edx, port */
    put32(c, number);
    point(c, eip, MOVED | BT_FIX_FLAGS);
    gs(c, 0xC7, 0, BT_TARGET); /* mov gs:[target], eip: what the model's own code belongs to */
    put32(c, eip);
    point(c, eip, MOVED | BT_FIX_FLAGS);
    put(c, (const uint8_t[]){ 0x65, 0xFF, 0x14, 0x95 }, 4); /* call gs:[ports + edx*4] */
    put32(c, BT_PORTS);
    point(c, eip, MOVED | BT_FIX_FLAGS);
    gs(c, 0x88, EAX, BT_EAX); /* mov gs:[eax], al */
    guest_stack(c, eip);
    point(c, eip, BT_FIX_EAX | BT_FIX_EDX);
    fill(c, EDX, BT_EDX);
    point(c, eip, BT_FIX_EAX);
    fill(c, EAX, BT_EAX);
    done(c);
}

static void out_port(struct bt_code *c, uint32_t eip)
{
    point(c, eip, BT_FIRST);
    put(c, (const uint8_t[]){ 0x65, 0xA2 }, 2); /* mov gs:[post], al */
    put32(c, BT_POST);
    point(c, eip, 0);
    set_byte(c, BT_POSTED, 1);
    done(c);
}

static bool port(struct bt_code *c, const struct insn *i, const uint8_t *bytes, uint32_t eip)
{
    if (i->len != 2 || i->size != 1 || bytes[1] != 0x80) return false;
    if (i->id == MN_IN) in_port(c, bytes[1], eip);
    else out_port(c, eip);
    return true;
}

/* ---- the time-stamp counter of a guest that has set it: the real one and a sum. AA06 4.2: 216 cycles on a Pentium 4. */

static void rdtsc(struct bt_code *c, uint32_t eip)
{
    own_stack(c, eip);
    point(c, eip, MOVED);
    put8(c, 0x9C); /* pushfd */
    point(c, eip, MOVED);
    put(c, (const uint8_t[]){ 0x0F, 0x31 }, 2); /* rdtsc */
    point(c, eip, MOVED);
    gs(c, 0x03, EAX, BT_TSC); /* add */
    point(c, eip, MOVED | BT_FIX_FLAGS);
    gs(c, 0x13, EDX, BT_TSC + 4); /* adc */
    guest_stack(c, eip);
    done(c);
}

/* User code may read the flags; whether it may change IF or use a port is its IOPL's to say, and the hypervisor's to ask. */
bool bt_emit_virtual(struct bt_code *c, const struct bt_how *how, const struct insn *i, const uint8_t *bytes, uint32_t eip)
{
    if ((!how->user || i->id == MN_PUSHF) && flags(c, i, eip)) return true;
    if (!how->user && how->shifted && i->id == MN_RDTSC && i->len == 2) {
        rdtsc(c, eip);
        return true;
    }
    if (!how->user && (i->id == MN_IN || i->id == MN_OUT) && port(c, i, bytes, eip)) return true;
    return bt_emit_selector(c, i, bytes, eip);
}
