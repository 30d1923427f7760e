/* Comparing decoded instructions field by field: a struct insn has padding, so memcmp would not do. */
#ifndef TESTS_INSN_EQUAL_H
#define TESTS_INSN_EQUAL_H

#include "sim/cpu/insn.h"

bool insn_equal(const struct insn *a, const struct insn *b);
void insn_show(char *text, unsigned room, const struct insn *i); /* every field, for a failure's message */

#endif
