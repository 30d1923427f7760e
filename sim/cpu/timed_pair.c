/* The pairs of op_pair.c once more, for CPUs with caches. See op.h. */
#include "sim/cpu/op_timed.h"

#include "sim/cpu/op_pair.c"
