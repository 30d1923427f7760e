/* The fast forms of op_branch.c once more, for CPUs with caches. See op.h. */
#include "sim/cpu/op_timed.h"

#include "sim/cpu/op_branch.c"
