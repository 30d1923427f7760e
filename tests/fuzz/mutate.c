/* libFuzzer and the targets' own seeds: it begins with an empty input, from which nothing can be learnt. See fuzz.h. */
#include "tests/fuzz/fuzz.h"

static unsigned count(void)
{
    unsigned n = 0;
    uint8_t first;
    while (fuzz_seed && fuzz_seed(n, &first, sizeof first)) n++;
    return n;
}

/* Every 64th input begins anew with a seed, half of those as it is. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    static unsigned seeds;
    if (!seeds) seeds = count();
    if (seeds && (size < 2 || seed % 64 == 0)) size = fuzz_seed(seed / 64 % seeds, data, most);
    return seeds && seed % 128 == 0 ? size : LLVMFuzzerMutate(data, size, most);
}
