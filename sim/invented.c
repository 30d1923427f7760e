/* See invented.h. */
#include "sim/invented.h"

#include <stdio.h>
#include <string.h>

enum effect {
    ADD, LOAD, STORE, JUMP, SWAP, COPY,               /* harmless */
    READ_MODE, READ_BASE, ADDRESS, READ_TIMER,        /* tell something */
    SET_BOUND, SET_BASE, TO_USER, SET_TIMER, OUTPUT, FLAGS, /* change something */
    EFFECTS
};
enum guard { FREE, TRAPS, SILENT };

static uint64_t draw(uint64_t *x) /* splitmix64 */
{
    uint64_t z = *x += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static enum guard choose_guard(enum effect e, uint64_t *x)
{
    unsigned n = (unsigned)(draw(x) % 10);
    if (e <= COPY) return n == 0 ? TRAPS : FREE;              /* a privileged instruction need not be sensitive */
    if (e == FLAGS) return n < 4 ? TRAPS : SILENT;
    if (e <= READ_TIMER) return n < 5 ? TRAPS : FREE;
    return n < 6 ? TRAPS : n < 8 ? FREE : SILENT;
}

static void name_it(struct invented *m, unsigned i, uint64_t *x)
{
    static const char consonants[] = "bdfgklmnprstvz", vowels[] = "aeiou";
    char *name = m->insn[i].name;
    bool again;
    do {
        for (unsigned k = 0; k < 4; k++)
            name[k] = k % 2 ? vowels[draw(x) % (sizeof vowels - 1)] : consonants[draw(x) % (sizeof consonants - 1)];
        name[4] = 0;
        again = false;
        for (unsigned k = 0; k < i; k++) again |= !strcmp(m->insn[k].name, name);
    } while (again);
}

void invented_make(struct invented *m, uint64_t seed, unsigned count, bool hybrid)
{
    uint64_t x = seed;
    if (count < INVENTED_LEAST) count = INVENTED_LEAST;
    if (count > INVENTED_MOST) count = INVENTED_MOST;
    *m = (struct invented){ .count = count, .seed = seed };
    for (unsigned i = 0; i < count; i++) {
        enum effect e = i < EFFECTS && count >= EFFECTS ? (enum effect)i : (enum effect)(draw(&x) % EFFECTS);
        m->insn[i].effect = (uint8_t)e;
        m->insn[i].guard = (uint8_t)choose_guard(e, &x);
        if (hybrid && e > COPY) m->insn[i].guard = e == TO_USER ? FREE : TRAPS;
        name_it(m, i, &x);
    }
    for (unsigned i = count - 1; i > 0; i--) { /* in no order */
        unsigned k = (unsigned)(draw(&x) % (i + 1));
        struct invented_insn was = m->insn[i];
        m->insn[i] = m->insn[k];
        m->insn[k] = was;
    }
}

/* The word a register points at, by relocation; NULL: behind the bound. */
static uint16_t *word(struct invented_state *s, uint16_t at) { return at < s->bound && at < INVENTED_WORDS ? &s->memory[at] : NULL; }

static enum invented_trap harmless(enum effect e, struct invented_state *s)
{
    uint16_t *r = s->reg, *w;
    switch (e) {
    case ADD: r[0] = (uint16_t)(r[0] + r[1]); break;
    case SWAP: { uint16_t was = r[0]; r[0] = r[1]; r[1] = was; break; }
    case JUMP: s->pc = (uint8_t)(r[2] & 0xFF); return INVENTED_NONE;
    case LOAD: case STORE: case COPY:
        if (!(w = word(s, r[2])) || (e == COPY && !word(s, r[3]))) return INVENTED_MEMORY_TRAP;
        if (e == LOAD) r[0] = *w;
        else if (e == STORE) *w = r[0];
        else *word(s, r[3]) = *w;
        break;
    default: break;
    }
    s->pc++;
    return INVENTED_NONE;
}

/* `less`: in user mode, and the part that needs more is left out in silence. */
static enum invented_trap sensitive(enum effect e, struct invented_state *s, bool less)
{
    uint16_t *r = s->reg;
    s->pc++;
    switch (e) {
    case READ_MODE: r[0] = s->user; break;
    case READ_BASE: r[1] = s->base; break;
    case ADDRESS: r[0] = (uint16_t)(s->base + r[2]); break;
    case READ_TIMER: r[3] = s->timer; break;
    case SET_BOUND: if (!less) s->bound = (uint8_t)(r[0] % (INVENTED_WORDS + 1)); break;
    case SET_BASE: if (!less) s->base = (uint8_t)(r[0] % (INVENTED_MEMORY - INVENTED_WORDS + 1)); break;
    case TO_USER: if (!less) s->user = true, s->pc = (uint8_t)r[2]; break;
    case SET_TIMER: if (!less) s->timer = r[1]; break;
    case OUTPUT: if (!less) s->output = r[0]; break;
    case FLAGS: /* like a POPF: the arithmetic part always, the timer's only in supervisor mode */
        r[0] = r[1];
        if (!less) s->timer = r[2];
        break;
    default: break;
    }
    return INVENTED_NONE;
}

enum invented_trap invented_run(const struct invented *m, unsigned insn, struct invented_state *s)
{
    const struct invented_insn *i = &m->insn[insn];
    if (i->guard == TRAPS && s->user) return INVENTED_PRIVILEGED;
    struct invented_state now = *s;
    enum effect e = (enum effect)i->effect;
    enum invented_trap t = e <= COPY ? harmless(e, &now) : sensitive(e, &now, i->guard == SILENT && s->user);
    if (t == INVENTED_NONE) *s = now;
    return t;
}

/* --- the definitions, by trying ----------------------------------------------------------------------------------- */

enum { STATES = 48 };

/* State n of those tried; the same memory is seen wherever base is. */
static struct invented_state state(unsigned n)
{
    static const uint16_t value[] = { 0, 1, 3, 7, 9, 0x1234 };
    uint64_t x = n / 4;
    struct invented_state s = { .bound = INVENTED_WORDS, .pc = 16, .timer = (uint16_t)(100 + n), .output = 77 };
    for (unsigned i = 0; i < INVENTED_REGS; i++) s.reg[i] = value[draw(&x) % 6];
    for (unsigned i = 0; i < INVENTED_WORDS; i++) s.memory[i] = (uint16_t)draw(&x);
    return s;
}

static bool resources_differ(const struct invented_state *a, const struct invented_state *b)
{
    return a->user != b->user || a->base != b->base || a->bound != b->bound || a->timer != b->timer || a->output != b->output;
}

/* What a program can see of what came out: all but the mode and the place themselves. */
static bool outcomes_differ(const struct invented_state *a, const struct invented_state *b)
{
    return a->pc != b->pc || a->bound != b->bound || a->timer != b->timer || a->output != b->output || memcmp(a->reg, b->reg, sizeof a->reg) ||
           memcmp(a->memory, b->memory, sizeof a->memory);
}

static void try_state(const struct invented *m, unsigned insn, struct invented_state s, struct invented_nature *n, bool *always)
{
    struct invented_state as_user = s, as_super = s, moved = s;
    as_user.user = true;
    moved.base = 8;
    struct invented_state before = as_user, was = s;
    enum invented_trap u = invented_run(m, insn, &as_user), p = invented_run(m, insn, &as_super), q = invented_run(m, insn, &moved);
    if (u != INVENTED_PRIVILEGED || p == INVENTED_PRIVILEGED) *always = false;
    if (u == INVENTED_NONE && resources_differ(&before, &as_user)) n->control = n->user = true;
    if (p == INVENTED_NONE && resources_differ(&was, &as_super)) n->control = true;
    if (u == INVENTED_NONE && p == INVENTED_NONE && outcomes_differ(&as_user, &as_super)) n->mode = n->user = true;
    bool base_set = as_super.base != was.base; /* then where it lies afterwards is what the instruction says */
    if (p == INVENTED_NONE && q == INVENTED_NONE && !base_set && outcomes_differ(&as_super, &moved)) n->location = true;
    struct invented_state there = before;
    there.base = 8;
    if (u == INVENTED_NONE && invented_run(m, insn, &there) == INVENTED_NONE && outcomes_differ(&as_user, &there)) n->location = n->user = true;
}

void invented_judge(const struct invented *m, unsigned insn, struct invented_nature *n)
{
    bool always = true;
    *n = (struct invented_nature){ 0 };
    for (unsigned i = 0; i < STATES; i++) try_state(m, insn, state(i), n, &always);
    n->privileged = always;
}
