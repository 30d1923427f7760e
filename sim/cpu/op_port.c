/* Fast forms of IN and OUT of bytes. See op.h; exec_port.c is the truth.
 *
 * Idea: while the device is asked, EIP, time and count are exact. What it did (armed a timer, raised a line, moved the A20
 * gate, asked for a reset) shows in break_at, and then the block is left behind the instruction. Only with CPL <= IOPL outside virtual-8086 mode, and while no breakpoint watches ports.
 * SDM vol. 1 16.5; vol. 2 under each mnemonic. */
#include "sim/cpu/debug.h"
#include "sim/cpu/op.h"
#include "sim/cpu/segment.h"

/* Something is due, and then the run loop is to look; or the device took time. */
static struct op *late(OP_ARGS)
{
    const struct block *b = (o - o->k)->block;
    uint64_t now = c->clock->now + o->rest;
    if (now >= c->break_at) {
        c->insns++;
        c->eip = insn_next(c, &b->insn[o->k - 1]);
        return NULL;
    }
    c->clock->now = now;
    c->insns += o->left;
    NEXT;
}

/* Virtual-8086 mode is never in ring 0. */
static bool is_slow(const struct cpu *c) { return c->cpl > cpu_iopl(c) || c->eflags & FLAG_VM || debug_ports(c); }

/* Time, count and EIP are exact while the device is asked, and then as before but for the time on the wires. What was before
 * stays in registers: the next instruction should not have to wait until it was written and read again. */
#define PORT(name, access) \
    static struct op *name(OP_ARGS) \
    { \
        if (unlikely(c->cpl | debug_ports(c)) && is_slow(c)) SLOW; \
        uint64_t paid = c->clock->now + c->env.bus->port_cycles, exact = paid - o->rest, insns = c->insns; \
        uint32_t eip = c->eip; \
        c->clock->now = exact; \
        c->insns = insns - o->left; \
        c->eip = eip + o->more; \
        c->res = res; \
        c->aux = aux; \
        access; \
        res = c->res; \
        aux = c->aux; \
        c->eip = eip; \
        if (unlikely(c->clock->now != exact) || unlikely(paid >= c->break_at)) TAIL late(c, o, res, aux, tags); \
        c->clock->now = paid; \
        c->insns = insns; \
        NEXT; \
    }

#define AL (((uint8_t *)c->reg)[0])
#define PORT_PAIR(suffix, port) \
    PORT(in_##suffix, AL = bus_in_byte(c->env.bus, port)) \
    PORT(out_##suffix, bus_out_byte(c->env.bus, port, AL))
PORT_PAIR(imm, (uint16_t)(o->imm & 0xFF))
PORT_PAIR(dx, (uint16_t)c->reg[EDX])

op_fn *op_port(const struct insn *i)
{
    if (i->size != 1) return NULL;
    if (i->id == MN_IN) return i->sub ? in_imm : in_dx;
    return i->sub ? out_imm : out_dx;
}
