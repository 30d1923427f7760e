/* Groups of a paravirtual kernel about being entered and going on: event channels, timers, waiting, returns by iret with frames of
 * all kinds, traps from both rings, the handlers themselves, the unit that is lent. */
#include "tests/equiv/ported.h"

enum { TRAPS = 0, STACK_SWITCH = 3, CALLBACKS = 4, FPU = 5, SET_DEBUG = 8, GET_DEBUG = 9, TIMER = 15, VERSION = 17, IRET = 23, VCPU = 24, SCHED = 29, CALLBACK = 30, CHANNEL = 32 };
enum { MASK_WORDS = 0x880, PENDING_WORDS = 0x800 };

static void operate(struct ported *k, unsigned op, unsigned words)
{
    struct emit *e = &k->e;
    if (one_in(e, 15)) p_put(k, P_DESK + 4 * below(e, words), p_some_value(k));
    p_call2(k, CHANNEL, op, one_in(e, 20) ? p_some_va(k) : P_DESK);
    p_log(k);
}

/* A channel to itself: allocated, bound, sent through, masked and unmasked, closed. */
static void channels(struct ported *k)
{
    struct emit *e = &k->e;
    p_put(k, P_DESK, 0x7FF0 | 1u << 16), p_put(k, P_DESK + 4, 0);
    operate(k, 6, 2);                                                  /* alloc_unbound: port at +4 */
    p_load(k, R_EBP, P_DESK + 4);
    p_put(k, P_DESK, 1), p_store(k, P_DESK + 4, R_EBP);
    operate(k, 0, 3);                                                  /* bind_interdomain: port at +8 */
    p_load(k, R_EDI, P_DESK + 8);
    for (unsigned n = 1 + below(e, 4); n--; ) {
        static const uint8_t ops[] = { 3, 4, 4, 4, 5, 8, 9, 9, 10, 7 };
        unsigned op = PICK(e, ops);
        if (op == 7) { p_put(k, P_DESK, 0), operate(k, 7, 2); continue; } /* bind_ipi */
        p_store(k, P_DESK, one_in(e, 2) ? R_EBP : R_EDI), p_put(k, P_DESK + 4, below(e, 2));
        if (op == 5 || op == 10) p_put(k, P_DESK, 0x7FF0), p_store(k, P_DESK + 4, R_EBP);
        operate(k, op, 2);
    }
    if (one_in(e, 2)) p_put(k, P_SHARED + MASK_WORDS, one_in(e, 2) ? chance(e) : 0);
    if (one_in(e, 3)) p_put(k, P_SHARED + 4, chance(e)), OP32(e, P_SHARED, 0xC6, 0x05), put8(e, 1);
}

static void timers(struct ported *k)
{
    struct emit *e = &k->e;
    p_put(k, P_DESK, below(e, 6)), p_put(k, P_DESK + 4, one_in(e, 8)), operate(k, 1, 2); /* bind_virq */
    p_put(k, P_SHARED + MASK_WORDS, 0);
    OP32(e, P_SHARED + 48, 0xA1), OP32(e, P_SHARED + 52, 0x8B, 0x0D);  /* system time + some microseconds */
    OP32(e, below(e, 200000), 0x05), OP(e, 0x83, 0xD1, 0, 0x89, 0xC3);
    if (one_in(e, 3)) p_put(k, P_DESK, chance(e) & 0xFFFFFF), p_put(k, P_DESK + 4, 0), p_set(k, R_ECX, 0), p_set(k, R_EDX, P_DESK), p_set(k, R_EBX, 6 + below(e, 5)), p_call(k, VCPU);
    else p_call(k, TIMER);
    p_log(k);
    switch (below(e, 4)) {
    case 0: p_call2(k, SCHED, 1, 0); break;                            /* block */
    case 1:                                                            /* poll, with a timeout */
        p_put(k, P_DESK, P_DESK + 32), p_put(k, P_DESK + 4, below(e, 3)), p_put(k, P_DESK + 32, 1 + below(e, 6)), p_put(k, P_DESK + 36, below(e, 8));
        OP32(e, P_SHARED + 48, 0xA1), OP32(e, 50000, 0x05), p_store(k, P_DESK + 8, R_EAX), p_load(k, R_EAX, P_SHARED + 52), p_store(k, P_DESK + 12, R_EAX);
        p_call2(k, SCHED, 3, P_DESK);
        break;
    case 2: p_call2(k, SCHED, 0, 0); break;
    default: p_call2(k, VERSION, 0, 0); break;
    }
}

/* The return frame, with everything in it that a kernel might put there by mistake. Where it leads is the next instruction. */
static void returns(struct ported *k)
{
    struct emit *e = &k->e;
    static const uint16_t cs[] = { 0xE019, 0xE019, 0xE019, 0xE02B, 0xE02B, 0xE018, 0xFFC9, 0xE01B, 9, 0 };
    uint16_t sel = PICK(e, cs);
    bool outer = (sel & 3) == 3;
    uint32_t flags = one_in(e, 3) ? chance(e) & 0xFDFFFF & ~0x100u : one_in(e, 2) ? 0x202 : 2;
    if (!one_in(e, 20)) flags &= ~0x20000u;
    if (outer) p_set(k, R_EAX, 0xE033), OP(e, 0x8E, 0xD8, 0x8E, 0xC0), OP32(e, one_in(e, 10) ? 0xE021 : 0xE033, 0x68), OP32(e, P_STACK3 - 64, 0x68);
    OP32(e, flags, 0x68), OP32(e, sel | (one_in(e, 2) ? 0x10000u : 0), 0x68), OP(e, 0x68);
    uint32_t later = put_later(e);
    OP(e, 0x50);
    if (one_in(e, 4)) OP32(e, 0, 0xE9), poke32(e, e->at - 4, P_CALLS + 32 * IRET - e->at); /* jmp to the page's own */
    else OP32(e, IRET, 0xB8), OP(e, 0xCD, 0x82);
    poke32(e, later - 4, e->at);
    OP(e, 0x9C, 0x58, 0x8C, 0xC9);                                     /* pushf; pop eax; mov ecx, cs */
    if (outer) p_back(k);
}

/* One fault of every kind, from either ring. */
static void traps(struct ported *k)
{
    struct emit *e = &k->e;
    bool user = one_in(e, 2);
    if (user) p_user(k);
    switch (below(e, 12)) {
    case 0: OP(e, 0x31, 0xC9, 0xF7, 0xF1); break;                      /* div ecx */
    case 1: OP(e, 0xCC); break;
    case 2: OP(e, 0xB0, 0x7F, 0x04, 1, 0xCE); break;                   /* into */
    case 3: OP(e, 0x0F, 0x0B); break;
    case 4: p_set(k, R_EBX, p_some_va(k)), OP(e, 0x8B, 0x03, 0x89, 0x03); break;
    case 5: OP(e, 0xCD, (uint8_t)(one_in(e, 2) ? 0x80 + below(e, 6) : chance(e))); break;
    case 6: OP(e, 0x9C, 0x81, 0x0C, 0x24, 0, 1, 0, 0, 0x9D, 0x90, 0x90); break; /* TF */
    case 7: p_set(k, R_EAX, p_some_va(k)), OP(e, 0xFF, 0xE0); break;   /* jmp */
    case 8: p_set(k, R_ESP, p_some_va(k)), OP(e, 0x50, 0x0F, 0x0B); break;
    case 9: p_load(k, R_EAX, P_PAGE(p_boot_stack(k))), OP(e, 0x62, 0x05), put32(e, P_DESK); break; /* bound */
    case 10: OP(e, 0x0F, 0x0B, 'x', 'e', 'n', 0x0F, 0xA2); break;      /* the CPUID that asks */
    default: OP(e, 0x0F, 0x31, 0x90); break;
    }
    if (user) p_back(k);
}

/* What ring 1 is not to do: some of it is done for it, the rest is its own #GP. */
static void privileged(struct ported *k)
{
    static const struct { uint8_t n, bytes[7]; } list[] = {
        { 1, { 0xFA } }, { 1, { 0xFB } }, { 1, { 0xF4 } }, { 3, { 0x0F, 0x20, 0xC0 } }, { 3, { 0x0F, 0x20, 0xD0 } }, { 3, { 0x0F, 0x20, 0xD8 } },
        { 3, { 0x0F, 0x20, 0xE0 } }, { 3, { 0x0F, 0x22, 0xC0 } }, { 3, { 0x0F, 0x22, 0xD0 } }, { 3, { 0x0F, 0x22, 0xD8 } }, { 3, { 0x0F, 0x22, 0xE0 } },
        { 2, { 0x0F, 0x06 } }, { 2, { 0x0F, 0x09 } }, { 2, { 0x0F, 0x32 } }, { 2, { 0x0F, 0x30 } }, { 2, { 0xE4, 0x21 } }, { 2, { 0xE6, 0xF4 } },
        { 1, { 0xEE } }, { 1, { 0xED } }, { 3, { 0x0F, 0x21, 0xF8 } }, { 3, { 0x0F, 0x23, 0xF8 } }, { 3, { 0x0F, 0x01, 0x38 } }, { 3, { 0x0F, 0x00, 0xD8 } },
        { 3, { 0x0F, 0x00, 0xD0 } }, { 3, { 0x0F, 0x01, 0x10 } }, { 2, { 0x0F, 0x34 } }, { 2, { 0x0F, 0x35 } }, { 3, { 0x0F, 0x01, 0xC8 } }, { 2, { 0x9D, 0x9C } } };
    struct emit *e = &k->e;
    for (unsigned n = 1 + below(e, 3); n--; ) {
        unsigned at = below(e, sizeof list / sizeof list[0]);
        p_set(k, R_EAX, p_some_value(k)), p_set(k, R_ECX, one_in(e, 2) ? 0x174 + below(e, 3) : chance(e)), p_set(k, R_EDX, p_some_value(k));
        if (one_in(e, 2)) p_set(k, R_EAX, P_DESK);
        put(e, list[at].bytes, list[at].n);
        p_log(k);
    }
}

static void handlers(struct ported *k)
{
    struct emit *e = &k->e;
    switch (below(e, 4)) {
    case 0: p_call2(k, STACK_SWITCH, one_in(e, 2) ? 0xE021 : p_some_value(k), one_in(e, 2) ? P_TRAP_STACK - 16 * below(e, 8) : p_some_value(k)); break;
    case 1:
        OP32(e, P_DESK, 0xC7, 0x05), put32(e, (0x90 + below(e, 8)) | below(e, 8) << 8 | (one_in(e, 6) ? below(e, 0x10000) : 0xE019) << 16);
        p_put(k, P_DESK + 4, k->finish), p_put(k, P_DESK + 8, 0), p_put(k, P_DESK + 12, 0);
        p_set(k, R_EBX, one_in(e, 10) ? p_some_va(k) : P_DESK), p_call(k, TRAPS);
        break;
    case 2:
        p_put(k, P_DESK, below(e, 3) | below(e, 2) << 16), p_put(k, P_DESK + 4, 0xFFC8), p_put(k, P_DESK + 8, p_some_va(k));
        p_call2(k, CALLBACK, below(e, 3), P_DESK); /* a selector that is refused */
        break;
    default: p_set(k, R_EBX, below(e, 8)), p_set(k, R_ECX, p_some_value(k) & ~0x2000u), p_call(k, one_in(e, 2) ? SET_DEBUG : GET_DEBUG); break;
    }
    p_log(k);
    p_call2(k, STACK_SWITCH, 0xE021, P_TRAP_STACK);
    p_set(k, R_EBX, 7), p_set(k, R_ECX, 0x400), p_call(k, SET_DEBUG);
}

static void unit(struct ported *k)
{
    struct emit *e = &k->e;
    p_set(k, R_EBX, below(e, 2)), p_call(k, FPU);
    OP(e, 0xD9, 0xE8, 0xD9, 0xEB, 0xDE, 0xC1);                         /* fld1; fldpi; faddp */
    OP32(e, P_PAGE(p_play(k)), 0xDD, 0x1D);                            /* fstp qword */
    OP(e, 0x9B, 0xDD, 0x7D, 0);                                        /* fstsw [ebp]: perhaps nowhere */
}

const struct ported_group ported_events[] = {
    { "channels", 5, 4, channels }, { "timers", 4, 2, timers }, { "returns", 5, 5, returns }, { "traps", 8, 6, traps }, { "privileged", 5, 4, privileged },
    { "handlers", 4, 4, handlers }, { "the unit", 3, 1, unit }, { NULL, 0, 0, NULL },
};
