/* Input from outside: keys pressed and bytes typed on the serial line, recorded with the moment at which they came.
 *
 * Idea: the record lies outside the board, like history; how much of it has happened lies in the board. So going back and
 * forward again replays it to the instruction, and going back and typing something else replaces what came later. A moment
 * is a boundary and a cycle: while the CPU is halted, only the cycle tells two of them apart.
 * Idea 2: it is the first VM's. If that goes to another machine, what it had not seen when it stopped goes with it, and what comes
 * until the target has the word comes to both: there is one of the two that runs. */
#include <string.h>
#include "sim/board.h"

struct input {
    uint64_t insns, cycle;
    uint32_t bytes;  /* serial: that many more of machine->typed; 0: a key */
    uint16_t key;
    bool     down;
};

static uint32_t count(const struct machine *m) { return (uint32_t)(m->inputs.len / sizeof(struct input)); }

static struct input entry(const struct machine *m, uint32_t i)
{
    struct input in;
    memcpy(&in, m->inputs.s + i * sizeof in, sizeof in);
    return in;
}

static void record(struct machine *m, const struct input *what)
{
    struct input in = *what, last;
    in.insns = m->b->cpu.insns;
    in.cycle = m->b->clock.now;
    while (count(m) > m->b->inputs && (last = entry(m, count(m) - 1), last.insns > in.insns || last.cycle > in.cycle)) {
        m->typed.len -= last.bytes; /* of a future that will not be */
        m->inputs.len -= sizeof last;
    }
    text_bytes(&m->inputs, &in, sizeof in);
}

void machine_key(struct machine *m, uint16_t key, bool down) { record(m, &(struct input){ .key = key, .down = down }); }

void machine_serial_input(struct machine *m, const void *bytes, size_t n)
{
    if (!n) return;
    record(m, &(struct input){ .bytes = (uint32_t)n });
    text_bytes(&m->typed, bytes, n);
}

bool machine_input_get(void *machine, uint8_t *byte)
{
    struct machine *m = machine;
    if (m->b->typed_taken == m->b->typed_given) return false;
    *byte = (uint8_t)m->typed.s[m->b->typed_taken++];
    return true;
}

/* The first VM, whose input this is, has gone to a machine that is run when this one is done; NULL: it has not. */
static struct machine *gone_to(const struct machine *m)
{
    return m->guests > 1 && !m->b->vmm.migrate.vm && m->b->vmm.migrate.stage == MIGRATE_DONE ? m->migration.to : NULL;
}

/* From `typed` on, and what entry `first` and later ones pressed. */
static void pass_on(struct machine *m, uint32_t first, size_t typed, struct machine *to)
{
    if (m->b->typed_given > typed) machine_serial_input(to, m->typed.s + typed, m->b->typed_given - typed);
    for (uint32_t i = first; i < m->b->inputs; i++) {
        struct input in = entry(m, i);
        if (!in.bytes) machine_key(to, in.key, in.down);
    }
}

void machine_input_leaves(struct machine *m)
{
    m->migration.inputs = m->b->inputs;
    m->migration.typed = m->b->typed_taken - m->b->devices.uart.rx.count; /* what the real port holds the VM has not seen */
}

void machine_input_moves(struct machine *m, struct machine *to) { pass_on(m, m->migration.inputs, m->migration.typed, to); }

static void happen(struct machine *m, const struct input *in)
{
    struct board *b = m->b;
    struct machine *to = gone_to(m);
    size_t before = b->typed_given;
    b->inputs++;
    b->typed_given += in->bytes;
    if (to) {
        pass_on(m, b->inputs - 1, before, to);
        return;
    }
    if (!in->bytes) {
        kbc_key(&b->devices.kbc, in->key, in->down);
        return;
    }
    uart_listen(b->vmm.hosted.on ? b->card.line : &b->devices.uart); /* a host's card has the first VM's line */
}

void machine_input_due(struct machine *m)
{
    struct board *b = m->b;
    while (b->inputs < count(m)) {
        struct input in = entry(m, b->inputs);
        if (in.insns > b->cpu.insns) return;
        if (in.insns == b->cpu.insns && in.cycle > b->clock.now) { /* the CPU sleeps until then */
            timeq_arm(&b->timers, &b->input, in.cycle);
            return;
        }
        happen(m, &in);
    }
}

uint64_t machine_input_next(const struct machine *m)
{
    return m->b->inputs < count(m) ? entry(m, m->b->inputs).insns : UINT64_MAX;
}
