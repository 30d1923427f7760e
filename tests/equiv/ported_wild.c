/* Groups of a paravirtual kernel that asks for anything: every hypercall with wild arguments, pointers to where it may not look, stores
 * over the window and the hypervisor's tables. */
#include "tests/equiv/ported.h"

/* Shutting down would end the run; block and poll would wait for ever; console output is slow. */
static void any_call(struct ported *k)
{
    static const uint8_t numbers[] = { 0, 1, 2, 3, 4, 5, 8, 9, 10, 12, 13, 14, 15, 16, 17, 19, 20, 21, 24, 26, 28, 30, 32, 33, 35, 36, 11, 60 };
    static const uint8_t regs[] = { R_EBX, R_ECX, R_EDX, R_ESI, R_EDI };
    struct emit *e = &k->e;
    unsigned number = PICK(e, numbers);
    for (unsigned n = 0; n < sizeof regs; n++) {
        if (one_in(e, 3)) p_entry(k, regs[n], p_some_page(k), below(e, 0x1000));
        else if (one_in(e, 3)) p_frame(k, regs[n], p_some_page(k));
        else p_set(k, regs[n], p_some_value(k));
    }
    if (number == 0 || number == 3 || number == 4 || number == 28) p_set(k, R_EBX, p_some_va(k)); /* not: forget all handlers */
    if (number == 4) p_set(k, R_EBX, 0xFFC8);
    if (number == 1 || number == 13 || number == 26) p_set(k, R_ECX, below(e, 8)); /* lists of millions take long */
    if (number == 20) p_set(k, R_EDX, below(e, 4));
    if (one_in(e, 40)) number = chance(e);
    p_call(k, number);
    p_log(k);
    if (number == 3) p_call2(k, 3, 0xE021, P_TRAP_STACK);
}

static void words_for_calls(struct ported *k)
{
    struct emit *e = &k->e;
    uint32_t at = one_in(e, 3) ? P_PAGE(p_play(k)) + below(e, 0x300) * 4 : P_DESK;
    for (unsigned n = 0; n < 6; n++) {
        if (one_in(e, 2)) p_entry(k, R_EAX, p_some_page(k), below(e, 0x400)), p_store(k, at + 4 * n, R_EAX);
        else p_put(k, at + 4 * n, p_some_value(k));
    }
    any_call(k);
}

static void stores_anywhere(struct ported *k)
{
    struct emit *e = &k->e;
    bool user = one_in(e, 4);
    if (user) p_user(k);
    p_set(k, R_EDI, one_in(e, 2) ? 0xFC000000u + below(e, 0x3FFFFFF) : p_some_va(k));
    switch (below(e, 4)) {
    case 0: OP(e, 0x89, 0x07); break;
    case 1: p_set(k, R_ECX, below(e, 64)), OP(e, 0xF3, 0xAB); break;
    case 2: OP(e, 0x89, 0xFC, 0x60); break; /* mov esp, edi; pusha */
    default: OP(e, 0x8B, 0x07, 0xFF, 0x17); break;
    }
    if (user) p_back(k);
}

const struct ported_group ported_wild[] = {
    { "any call", 2, 12, any_call }, { "words for calls", 2, 10, words_for_calls }, { "stores anywhere", 2, 6, stores_anywhere }, { NULL, 0, 0, NULL },
};
