/* Fast forms of IN and OUT of bytes. See op.h; exec_port.c is the truth.
 *
 * Idea: while the device is asked, EIP, time and count are exact. What it did (armed a timer, raised a line, moved the A20
 * gate, asked for a reset) shows in break_at, and then the block is left behind the instruction. Only with CPL <= IOPL outside virtual-8086 mode, and while no breakpoint watches ports.
 * SDM vol. 1 16.5; vol. 2 under each mnemonic. */
#include "sim/cpu/debug.h"
#include "sim/cpu/op.h"
#include "sim/cpu/segment.h"

/* Something is due: the run loop is to look. */
static struct op *done(OP_ARGS)
{
    (void)res, (void)aux, (void)tags;
    const struct block *b = (o - o->k)->block;
    c->insns++;
    c->eip = insn_next(c, &b->insn[o->k - 1]);
    return NULL;
}

/* Time and count as op_slow has them while a handler runs, and on again. */
#define PORT(name, access) \
    static struct op *name(OP_ARGS) \
    { \
        if (unlikely(c->cpl > cpu_iopl(c)) || unlikely(c->eflags & FLAG_VM) || unlikely(debug_ports(c))) SLOW; \
        c->clock->now -= o->rest; \
        c->insns -= o->left; \
        c->res = res; \
        c->aux = aux; \
        c->eip += o->more; \
        access; \
        c->eip -= o->more; \
        res = c->res; \
        aux = c->aux; \
        uint64_t now = c->clock->now + o->rest; \
        if (unlikely(now >= c->break_at)) TAIL done(c, o, res, aux, tags); \
        c->clock->now = now; \
        c->insns += o->left; \
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
