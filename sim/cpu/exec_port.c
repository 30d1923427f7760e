/* Ports: IN, OUT, INS, OUTS, and who may use them.
 *
 * Idea: CPL <= IOPL opens every port, save in virtual-8086 mode; otherwise the I/O permission bitmap of the TSS decides, bit by bit, one for each
 * byte port touched. The bus charges the time on the wires.
 * SDM vol. 1 16.5 (I/O permission), vol. 2. A port is read only after the memory it goes to has been found writable.
 * Not modelled: a bitmap in a 16-bit TSS (there is none: every port is closed). */
#include "sim/cpu/debug.h"
#include "sim/cpu/exec.h"
#include "sim/cpu/operand.h"
#include "sim/cpu/segment.h"

enum { TSS_MAP_BASE = 0x66, TSS32_MIN = 0x67 };

/* The processor always reads two bytes of the map, so that a port's four bits may straddle a byte; hence the extra
 * byte FF that the manual wants behind the map. */
static enum step may_use(struct cpu *c, uint32_t port, unsigned size)
{
    uint32_t map, bits;
    if (!cpu_v86(c) && c->cpl <= cpu_iopl(c)) return STEP_OK;
    if ((ar_system(c->tr.ar) & ~2u) != SYS_TSS32 || c->tr.limit < TSS32_MIN) return cpu_raise_code(c, VEC_GP, 0);
    if (lin_read(c, gva(c->tr.base + TSS_MAP_BASE), 2, false, &map) != STEP_OK) return STEP_FAULT;
    map += port / 8;
    if (map + 1 > c->tr.limit) return cpu_raise_code(c, VEC_GP, 0);
    if (lin_read(c, gva(c->tr.base + map), 2, false, &bits) != STEP_OK) return STEP_FAULT;
    if (bits >> port % 8 & ((1u << size) - 1)) return cpu_raise_code(c, VEC_GP, 0);
    return STEP_OK;
}

static uint16_t port_of(const struct cpu *c, const struct insn *i)
{
    return (uint16_t)(i->sub ? i->imm & 0xFF : c->reg[EDX]);
}

/* Devices tell what happens to them, so EIP is exact meanwhile. */
static uint32_t port_in(struct cpu *c, const struct insn *i, uint16_t port)
{
    c->eip += i->at;
    uint32_t v = bus_in(c->env.bus, port, i->size);
    c->eip -= i->at;
    return v;
}
static void port_out(struct cpu *c, const struct insn *i, uint16_t port, uint32_t v)
{
    c->eip += i->at;
    bus_out(c->env.bus, port, i->size, v);
    c->eip -= i->at;
}

enum step exec_in(struct cpu *c, const struct insn *i)
{
    uint16_t port = port_of(c, i);
    if (may_use(c, port, i->size) != STEP_OK) return STEP_FAULT;
    if (c->vmx.nonroot && vmx_leaves_port(c, i, port, true, 0)) return STEP_JUMP;
    reg_set(c, EAX, i->size, port_in(c, i, port));
    debug_port(c, port, i->size);
    return STEP_OK;
}

enum step exec_out(struct cpu *c, const struct insn *i)
{
    uint16_t port = port_of(c, i);
    if (may_use(c, port, i->size) != STEP_OK) return STEP_FAULT;
    if (c->vmx.nonroot && vmx_leaves_port(c, i, port, false, 0)) return STEP_JUMP;
    port_out(c, i, port, reg_get(c, EAX, i->size));
    debug_port(c, port, i->size);
    return STEP_OK;
}

/* Registers of string instructions are as wide as addresses. */
static uint32_t wide(const struct insn *i) { return i->flags & INSN_ADDR16 ? 0xFFFFu : UINT32_MAX; }

static void advance(struct cpu *c, const struct insn *i, unsigned reg)
{
    uint32_t step = c->eflags & FLAG_DF ? 0u - i->size : i->size;
    c->reg[reg] = (c->reg[reg] & ~wide(i)) | ((c->reg[reg] + step) & wide(i));
}

static enum step ins_once(struct cpu *c, const struct insn *i)
{
    uint16_t port = (uint16_t)c->reg[EDX];
    uint32_t to = c->reg[EDI] & wide(i);
    if (may_use(c, port, i->size) != STEP_OK) return STEP_FAULT;
    if (c->vmx.nonroot && vmx_leaves_port(c, i, port, true, c->seg[SEG_ES].base + to)) return STEP_JUMP;
    if (mem_probe_write(c, SEG_ES, to, i->size) != STEP_OK) return STEP_FAULT;
    enum step s = mem_write(c, SEG_ES, to, i->size, port_in(c, i, port));
    if (s == STEP_OK) advance(c, i, EDI);
    debug_port(c, port, i->size);
    return s;
}

static enum step outs_once(struct cpu *c, const struct insn *i)
{
    uint16_t port = (uint16_t)c->reg[EDX];
    uint32_t value;
    uint32_t from = c->reg[ESI] & wide(i);
    if (may_use(c, port, i->size) != STEP_OK) return STEP_FAULT;
    if (c->vmx.nonroot && vmx_leaves_port(c, i, port, false, c->seg[i->seg].base + from)) return STEP_JUMP;
    if (mem_read(c, i->seg, from, i->size, &value) != STEP_OK) return STEP_FAULT;
    port_out(c, i, port, value);
    debug_port(c, port, i->size);
    advance(c, i, ESI);
    return STEP_OK;
}

/* Every iteration is complete in itself: a fault or an interrupt between two leaves registers from which the same
 * instruction goes on. */
static enum step repeat(struct cpu *c, const struct insn *i, exec_fn *once)
{
    if (!(i->flags & (INSN_REP | INSN_REPNE))) return once(c, i);
    if (!(c->reg[ECX] & wide(i))) return STEP_OK;
    for (;;) {
        enum step s = once(c, i);
        if (s != STEP_OK) return s; /* a fault, or the guest left */
        c->reg[ECX] = (c->reg[ECX] & ~wide(i)) | ((c->reg[ECX] - 1) & wide(i));
        if (!(c->reg[ECX] & wide(i))) return STEP_OK;
        if (exec_interrupted(c)) return exec_again(c, i);
        c->clock->now += i->cost;
    }
}

enum step exec_ins(struct cpu *c, const struct insn *i) { return repeat(c, i, ins_once); }
enum step exec_outs(struct cpu *c, const struct insn *i) { return repeat(c, i, outs_once); }
