/* The fast forms of op_fused.c once more, for CPUs with caches. See op.h. */
#include "sim/cpu/op_timed.h"

#include "sim/cpu/op_fused.c"
