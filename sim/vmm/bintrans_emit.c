/* The translator proper: one guest instruction to bytes of the cache, with the guest's state at each of them. See bintrans.h.
 *
 * Idea 1: three classes. IDENT is copied. What only moves the guest's own virtual state (IF, flags) or its EIP becomes a
 * short sequence. The rest is a callout. When in doubt: callout.
 * Idea 2: sequences must not disturb the arithmetic flags, so they compute with MOV, MOVZX, LEA and JECXZ; POPF's may,
 * for they are about to be loaded. AA06 3.2: CLI is one instruction here, which is why it is faster than bare.
 * Everything the sequences spill goes to the vCPU page through %gs, so guest memory sees exactly what bare hardware would
 * have stored. SDM vol. 2. Pure: no machine in here. */
#include "sim/vmm/bintrans.h"

#include <string.h>

#include "sim/core/err.h"
#include "sim/core/fatal.h"
#include "sim/cpu/cpu.h"

static void put(struct bt_code *c, const void *bytes, unsigned n)
{
    memcpy(c->bytes + c->n, bytes, n);
    c->n += n;
}

static void put8(struct bt_code *c, uint8_t b) { put(c, &b, 1); }
static void put32(struct bt_code *c, uint32_t w) { put(c, &w, 4); }

static struct bt_point *point(struct bt_code *c, uint32_t eip, unsigned fix)
{
    struct bt_point *p = &c->point[c->points++];
    *p = (struct bt_point){ .eip = eip, .at = (uint16_t)c->n, .fix = (uint8_t)fix };
    return p;
}

/* CALL BT_GATE:0. The hypervisor does what `what` says. */
static void out(struct bt_code *c, uint32_t eip, enum bt_what what, unsigned fix)
{
    point(c, eip, fix)->what = (uint8_t)what;
    put8(c, 0x9A);
    put32(c, 0);
    put(c, (const uint8_t[]){ BT_GATE & 0xFF, BT_GATE >> 8 }, 2);
}

/* The few instructions sequences are made of. Slots are offsets from %gs. */
static void gs(struct bt_code *c, uint8_t opcode, unsigned reg, uint32_t slot)
{
    put8(c, 0x65);
    put8(c, opcode);
    put8(c, (uint8_t)(0x05 | reg << 3));
    put32(c, slot);
}

static void spill(struct bt_code *c, unsigned reg, uint32_t slot) { gs(c, 0x89, reg, slot); }
static void fill(struct bt_code *c, unsigned reg, uint32_t slot) { gs(c, 0x8B, reg, slot); }
static void pop_slot(struct bt_code *c, uint32_t slot) { gs(c, 0x8F, 0, slot); }
static void jump_slot(struct bt_code *c, uint32_t slot) { gs(c, 0xFF, 4, slot); }

static void set_byte(struct bt_code *c, uint32_t slot, uint8_t value)
{
    gs(c, 0xC6, 0, slot);
    put8(c, value);
}

/* A forward JECXZ or Jcc of two bytes; `land` fills it in. */
static unsigned skip(struct bt_code *c, uint8_t opcode)
{
    put8(c, opcode);
    put8(c, 0);
    return c->n - 1;
}
static void land(struct bt_code *c, unsigned at)
{
    unsigned over = c->n - at - 1;
    if (over > 127) fatal(EXIT_BUG, "bt: a short jump is too long");
    c->bytes[at] = (uint8_t)over;
}

/* STI holds interrupts off for the instruction behind it. */
static void shadow(struct bt_code *c, unsigned from)
{
    if (from < c->points) c->point[from].fix |= BT_FIX_SHADOW;
}

/* ---- exits */

static void cont(struct bt_code *c, uint32_t target, bool apart)
{
    struct bt_exit *x = &c->exit[c->exits++];
    *x = (struct bt_exit){ .target = target, .at = c->n, .apart = apart };
    if (apart) return;
    out(c, target, BT_CONTINUE, 0);
}

static void callout(struct bt_code *c, uint32_t eip) { out(c, eip, BT_EMULATE, BT_FIRST); }

/* To the glue, whose place is known, as is the unit's. */
static void jump_glue(struct bt_code *c, const struct bt_how *how, uint32_t eip, bool returns)
{
    uint32_t to = returns ? (uint32_t)BT_GLUE_RETURN : how->jump;
    point(c, eip, BT_FIX_EIP);
    put8(c, 0xE9);
    put32(c, to - (how->tc + c->n + 4));
}

void bt_emit_end(struct bt_code *c, uint32_t eip)
{
    unsigned first = c->points;
    cont(c, eip, false);
    c->exit[c->exits - 1].held = c->holds; /* chained, the jump would lead to a point that knows of no shadow */
    if (c->holds) shadow(c, first);
}

/* ---- control flow */

static uint32_t target_of(const struct insn *i, uint32_t eip) { return eip + i->len + i->imm; }

static void push_return(struct bt_code *c, uint32_t eip, uint32_t back, unsigned fix)
{
    point(c, eip, fix);
    put8(c, 0x68);
    put32(c, back);
}

static void jcc(struct bt_code *c, const struct insn *i, uint32_t eip)
{
    point(c, eip, BT_FIRST);
    put8(c, 0x0F);
    put8(c, (uint8_t)(0x80 | i->sub));
    put32(c, 0);
    cont(c, target_of(i, eip), true);
    c->exit[c->exits - 1].branch = c->n - 4;
    cont(c, eip + i->len, false);
}

/* LOOPcc and JECXZ have short displacements only, and count in CX with an address-size prefix. */
static void loop(struct bt_code *c, const struct insn *i, const uint8_t *bytes, uint32_t eip)
{
    point(c, eip, BT_FIRST);
    put(c, bytes, i->len - 1u);
    put8(c, BT_CONT);
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
    if (drop) { /* lea esp, [esp + drop] */
        point(c, eip, BT_FIX_EIP)->esp = (uint16_t)drop;
        put(c, (const uint8_t[]){ 0x8D, 0xA4, 0x24 }, 3);
        put32(c, drop);
    }
    jump_glue(c, how, eip, how->returns);
}

/* True: done. False: it needs a callout. */
static bool flow(struct bt_code *c, const struct bt_how *how, const struct insn *i, const uint8_t *bytes, uint32_t eip)
{
    if (i->size == 2 || (i->flags & INSN_OPERAND16)) return false; /* cuts EIP */
    bool direct = i->form == FORM_I && i->id != MN_RET;
    if (direct ? target_of(i, eip) > how->limit || eip + i->len > how->limit : !how->flat) return false;
    switch (i->id) {
    case MN_JMP:
        if (direct) {
            cont(c, target_of(i, eip), false);
            c->point[c->points - 1].eip = eip;
            c->point[c->points - 1].fix = BT_FIRST;
            return true;
        }
        load_target(c, i, bytes, eip);
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

/* ---- flags */

static void cli(struct bt_code *c, uint32_t eip)
{
    point(c, eip, BT_FIRST);
    set_byte(c, BT_VIF + 1, 0);
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

/* ---- ports. 80h is a latch (PC/AT: the DMA page register nobody uses, the POST card): no access to it has an effect that
 * could not wait until the hypervisor is called for something else. AA06's IN, which is faster translated than bare. */

static bool port(struct bt_code *c, const struct insn *i, const uint8_t *bytes, uint32_t eip)
{
    if (i->len != 2 || i->size != 1 || bytes[1] != 0x80) return false;
    point(c, eip, BT_FIRST);
    put8(c, 0x65);
    put8(c, i->id == MN_IN ? 0xA0 : 0xA2); /* mov al, gs:[post], or the other way */
    put32(c, BT_POST);
    if (i->id == MN_IN) return true;
    point(c, eip, 0);
    set_byte(c, BT_POSTED, 1);
    return true;
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

/* Does it use the segment that the cache needs, or its code segment? */
static bool names_ours(const struct insn *i, const uint8_t *bytes)
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

/* Segment registers. DS, ES and FS really hold the guest's selectors while its kernel runs, so reading them is harmless;
 * loading one is, if the very selector has been loaded before by emulation and no descriptor has changed since. */

static void copy(struct bt_code *c, const struct insn *i, const uint8_t *bytes, uint32_t eip, unsigned fix)
{
    point(c, eip, fix);
    put(c, bytes, i->len);
}

static void load_known(struct bt_code *c, const struct insn *i, const uint8_t *bytes, uint32_t eip)
{
    enum { BOTH = BT_FIX_ECX | BT_FIX_EDX };
    unsigned ok[2];
    point(c, eip, BT_FIRST);
    spill(c, ECX, BT_ECX);
    point(c, eip, 0);
    spill(c, EDX, BT_EDX);
    point(c, eip, 0);
    if (i->id == MN_POP_SEG) {
        put(c, (const uint8_t[]){ 0x8B, 0x0C, 0x24 }, 3); /* mov ecx, [esp] */
        point(c, eip, BT_FIX_ECX);
    }
    put(c, (const uint8_t[]){ 0x0F, 0xB7, (uint8_t)(0xC8 | (i->id == MN_POP_SEG ? ECX : i->rm)) }, 3); /* movzx ecx, selector */
    for (unsigned k = 0; k < 2; k++) {
        point(c, eip, k ? BOTH : BT_FIX_ECX);
        fill(c, EDX, BT_KNOWN + 4 * k);
        point(c, eip, BOTH);
        put(c, (const uint8_t[]){ 0x8D, 0x0C, 0x11 }, 3); /* lea ecx, [ecx + edx] */
        point(c, eip, BOTH);
        ok[k] = skip(c, 0xE3);
    }
    for (unsigned quick = 0; quick < 2; quick++) {
        point(c, eip, BOTH);
        fill(c, ECX, BT_ECX);
        point(c, eip, BOTH);
        fill(c, EDX, BT_EDX);
        if (quick) break;
        out(c, eip, BT_EMULATE, 0);
        land(c, ok[0]);
        land(c, ok[1]);
    }
    copy(c, i, bytes, eip, 0);
}

static bool selector(struct bt_code *c, const struct insn *i, const uint8_t *bytes, uint32_t eip)
{
    bool load = i->id == MN_POP_SEG || (i->id == MN_MOV_SEG && i->bytes[0] == 0x8E);
    if (i->id != MN_PUSH_SEG && i->id != MN_POP_SEG && i->id != MN_MOV_SEG) return false;
    if ((i->sub != SEG_DS && i->sub != SEG_ES && i->sub != SEG_FS) || names_ours(i, bytes)) return false;
    if (!load) {
        copy(c, i, bytes, eip, BT_FIRST);
        return true;
    }
    if ((i->flags & (INSN_MEM | INSN_OPERAND16)) || (i->id == MN_POP_SEG && i->size != 4)) return false;
    load_known(c, i, bytes, eip);
    return true;
}

/* May it run at ring 1 as it is? Not what asks about privilege, or stores the address of the last x87 instruction, which is
 * one of the cache. */
static bool is_ident(const struct insn *i, const uint8_t *bytes)
{
    if (names_ours(i, bytes)) return false;
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
        if (!flow(c, how, i, bytes, eip)) callout(c, eip);
        return;
    }
    if (how->incache && flags(c, i, eip)) return;
    if (how->incache && (i->id == MN_IN || i->id == MN_OUT) && port(c, i, bytes, eip)) return;
    if (how->incache && selector(c, i, bytes, eip)) return;
    if (!how->simulate && (is_ident(i, bytes) || (how->incache && i->id == MN_RDTSC))) {
        point(c, eip, BT_FIRST);
        put(c, bytes, i->len);
        return;
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

/* ---- the glue: from BT_TARGET to a place in the cache. Flags stay; EAX, ECX, EDX are spilled. */

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

unsigned bt_emit_glue(struct bt_code *c)
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
    return jump;
}
