/* Fast forms of IN and OUT of bytes. See op.h; exec_port.c is the truth.
 *
 * Idea 1: many registers of devices are nothing but a byte that can be read, some one that can be written; while that is so the
 * device shows it (struct bus_latch), and only time passes.
 * Idea 2: while a device is asked, EIP, time and count are exact. What it did (armed a timer, raised a line, moved the A20
 * gate, asked for a reset) shows in break_at, and then the block is left behind the instruction.
 * Only with CPL <= IOPL outside virtual-8086 mode, and while no breakpoint watches ports.
 * SDM vol. 1 16.5; vol. 2 under each mnemonic. */
#include "sim/cpu/debug.h"
#include "sim/cpu/exec.h"
#include "sim/cpu/op.h"
#include "sim/cpu/segment.h"

/* Something is due, and then the run loop is to look; or the device took time. */
static struct op *late(OP_ARGS)
{
    const struct block *b = (o - o->k)->block;
    uint64_t now = c->clock->now + o->rest;
    if (now >= c->break_at) {
        c->insns++;
        op_unref(c, b, op_number(b, o) + 1);
        c->eip = op_offset(b) + insn_next(c, &b->insn[op_number(b, o)]);
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
#define ASK(name, access) \
    __attribute__((noinline)) static struct op *name(OP_ARGS) \
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

/* Too late, if no more than the limit is near: op_exact. */
static bool sooner(struct cpu *c, uint64_t paid)
{
    if (c->break_at) c->break_at = cpu_deadline(c, c->limit);
    return paid < c->break_at;
}

/* What is but a byte for now (struct bus_latch) needs no device, and none needs to know the time. */
#define LATCH(name, type, find, access) \
    static struct op *name(OP_ARGS); \
    __attribute__((noinline)) static struct op *name##_late(OP_ARGS) \
    { \
        if (!(c->cpl | debug_ports(c)) && sooner(c, c->clock->now + c->env.bus->port_cycles)) TAIL name(c, o, res, aux, tags); \
        TAIL name##_asked(c, o, res, aux, tags); \
    } \
    static struct op *name(OP_ARGS) \
    { \
        const struct bus *bus = c->env.bus; \
        uint64_t paid = c->clock->now + bus->port_cycles; \
        if (unlikely(c->cpl | debug_ports(c)) || unlikely(paid >= c->break_at)) TAIL name##_late(c, o, res, aux, tags); \
        type *byte = find; \
        if (unlikely(!byte)) TAIL name##_asked(c, o, res, aux, tags); \
        c->clock->now = paid; \
        access; \
        NEXT; \
    }

#define AL (((uint8_t *)c->reg)[0])
#define PORT_PAIR(suffix, port) \
    ASK(in_##suffix##_asked, AL = bus_in_byte(c->env.bus, port)) \
    ASK(out_##suffix##_asked, bus_out_byte(c->env.bus, port, AL)) \
    LATCH(in_##suffix, const uint8_t, bus_latch_in(bus, port), AL = *byte) \
    LATCH(out_##suffix, uint8_t, bus_latch_out(bus, port, AL), *byte = AL)
PORT_PAIR(imm, (uint16_t)(o->imm & 0xFF))
PORT_PAIR(dx, (uint16_t)c->reg[EDX])

op_fn *op_port(const struct insn *i)
{
    if (i->size != 1) return NULL;
    if (i->id == MN_IN) return i->sub ? in_imm : in_dx;
    return i->sub ? out_imm : out_dx;
}
