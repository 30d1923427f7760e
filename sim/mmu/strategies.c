/* The set of MMU strategies, in teaching order. A new one (two-level, direct) is one file that defines a complete const
 * struct mmu_strategy (strategy.h; no function may be missing) and one line here. Nobody else asks which is which. */
#include "sim/mmu/agile.h"
#include "sim/mmu/direct.h"
#include "sim/mmu/shadow.h"
#include "sim/mmu/strategy.h"
#include "sim/mmu/two_level.h"

const struct mmu_strategy *const mmu_strategies[] = { &mmu_shadow, &mmu_two_level, &mmu_agile, &mmu_direct, NULL };
