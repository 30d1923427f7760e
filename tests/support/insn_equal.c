/* See insn_equal.h. */
#include "tests/support/insn_equal.h"

#include <stdio.h>

bool insn_equal(const struct insn *a, const struct insn *b)
{
    return a->fn == b->fn && a->imm == b->imm && a->disp == b->disp && a->imm2 == b->imm2 && a->at == b->at &&
           a->cost == b->cost && a->id == b->id && a->base == b->base && a->index == b->index && a->scale == b->scale &&
           a->seg == b->seg && a->reg == b->reg && a->rm == b->rm && a->size == b->size && a->len == b->len &&
           a->flags == b->flags && a->sub == b->sub && a->bytes[0] == b->bytes[0] && a->bytes[1] == b->bytes[1] &&
           a->form == b->form;
}

void insn_show(char *text, unsigned room, const struct insn *i)
{
    snprintf(text, room, "id %u form %u size %u len %u flags %x sub %u reg %u rm %u base %u index %u scale %u seg %u "
             "disp %x imm %x imm2 %x cost %u bytes %x %x at %u", i->id, i->form, i->size, i->len, i->flags, i->sub, i->reg, i->rm, i->base,
             i->index, i->scale, i->seg, i->disp, i->imm, i->imm2, i->cost, i->bytes[0], i->bytes[1], i->at);
}
