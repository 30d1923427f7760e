/* The fast forms of op_move.c once more, for CPUs with caches. See op.h. */
#include "sim/cpu/op_timed.h"

#include "sim/cpu/op_move.c"
