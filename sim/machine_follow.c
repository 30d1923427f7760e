/* What it takes to keep a machine in step with another one: letting time pass, and seeing what an instruction is about to
 * touch. See machine.h; who keeps them in step is lockstep.c. */
#include <string.h>
#include "sim/board.h"

void machine_forward_only(struct machine *m)
{
    snapshots_forget(m);
    m->snapshots.off = true;
}

void machine_stall(struct machine *m, uint64_t cycles)
{
    struct board *b = m->b;
    clock_charge(&b->clock, CAUSE_IDLE, cycles);
    timeq_run(&b->timers);
    snapshots_forget(m);
}

static struct pic *guests_pic(const struct machine *m)
{
    return m->technique->hypervisor ? &machine_seen(m)->devices.pic : &m->b->devices.pic;
}

void machine_hold(struct machine *m, uint8_t vector, uint8_t was[2])
{
    enum { CASCADE = 1 << 2 };
    struct pic *p = guests_pic(m);
    uint8_t mask[2] = { p->chip[0].imr, p->chip[1].imr }, others = (uint8_t)~(1u << (vector & 7));
    bool master = vector >> 3 == p->chip[0].icw2 >> 3, slave = !master && vector >> 3 == p->chip[1].icw2 >> 3;
    if (master) mask[0] |= others, mask[1] = 0xFF;
    else if (slave) mask[0] |= (uint8_t)~CASCADE, mask[1] |= others;
    pic_mask(p, mask, was);
    snapshots_forget(m);
}

void machine_hold_all(struct machine *m, uint8_t was[2])
{
    static const uint8_t all[2] = { 0xFF, 0xFF };
    pic_mask(guests_pic(m), all, was);
    snapshots_forget(m);
}

void machine_release(struct machine *m, const uint8_t was[2])
{
    uint8_t held[2];
    pic_mask(guests_pic(m), was, held);
}

uint64_t machine_deadline(const struct machine *m) { return timeq_next(&m->b->timers); }

bool machine_interrupted(const struct machine *m)
{
    const struct cpu *c = &m->b->cpu;
    return c->intr && (c->eflags & FLAG_IF) && c->insns != c->inhibit;
}

bool machine_translates(const struct machine *m) { return m->technique->code != NULL; }

uint64_t machine_retired(const struct machine *m) { return m->b->cpu.insns - m->b->cpu.extra; }

/* --- operands --- */

enum { STACK_BELOW = 40, STACK_ABOVE = 40, MEMORY = 16, FPU_AREA = 512, STRING_MOST = 4096 };

struct spans { struct machine_span *list; unsigned n, room; };

static void add(struct spans *s, uint32_t at, uint32_t n)
{
    if (s->n < s->room && n) s->list[s->n++] = (struct machine_span){ gva(at), n };
}

/* The memory that a string instruction's ECX iterations walk over from one of its pointers. */
static void add_string(struct spans *s, const struct machine_cpu *c, const struct insn *i, uint32_t at)
{
    uint64_t n = i->flags & (INSN_REP | INSN_REPNE) ? c->reg[ECX] : 1;
    uint32_t bytes = n * i->size > STRING_MOST ? STRING_MOST : (uint32_t)(n * i->size);
    add(s, c->eflags & FLAG_DF ? at - bytes + i->size : at, bytes);
}

static bool is_string(unsigned id) { return (id >= MN_MOVS && id <= MN_CMPS) || id == MN_INS || id == MN_OUTS; }
static bool is_area(unsigned id) { return (id >= MN_FLDENV && id <= MN_FNSAVE) || id == MN_FXSAVE || id == MN_FXRSTOR; }

static void add_memory(struct spans *s, const struct machine_cpu *c, const struct insn *i)
{
    uint32_t base = i->base == REG_NONE ? 0 : c->reg[i->base], index = i->index == REG_NONE ? 0 : c->reg[i->index];
    uint32_t offset = base + (index << i->scale) + i->disp;
    if (i->flags & INSN_ADDR16) offset &= 0xFFFF;
    if (i->id >= MN_BT && i->id <= MN_BTC && i->form == FORM_MR) offset += (uint32_t)((int32_t)c->reg[i->reg] >> 3 & ~3);
    add(s, c->seg[i->seg].base + offset, is_area(i->id) ? FPU_AREA : MEMORY);
}

unsigned machine_operands(const struct machine *m, struct machine_span *list, unsigned room)
{
    struct machine_cpu c;
    struct insn i;
    uint8_t bytes[15];
    unsigned n = 15;
    struct spans s = { list, 0, room };
    machine_guest(m, &c);
    bool big = c.seg[SEG_SS].ar & AR_DB;
    uint32_t sp = c.seg[SEG_SS].base + (big ? c.reg[ESP] : c.reg[ESP] & 0xFFFF);
    add(&s, sp - STACK_BELOW, STACK_BELOW + STACK_ABOVE);
    while (n && !machine_peek_guest(m, gva(c.seg[SEG_CS].base + c.eip), bytes, n)) n--;
    struct insn_mode mode = { .code32 = (c.seg[SEG_CS].ar & AR_DB) != 0 };
    if (!n || insn_decode(bytes, n, mode, m->model.cost, &i) != DECODE_OK) return s.n;
    if (i.flags & INSN_MEM) add_memory(&s, &c, &i);
    if (is_string(i.id)) {
        add_string(&s, &c, &i, c.seg[SEG_ES].base + c.reg[EDI]);
        add_string(&s, &c, &i, c.seg[i.seg < SEG_COUNT ? i.seg : SEG_DS].base + c.reg[ESI]);
    }
    return s.n;
}
