// Pages whose content is known at every moment, while somebody shares, takes and gives their frames.
//
// Idea: 400 pages with few different contents, which a model in this image follows. A seeded walk fills, changes, copies, looks at
// them, also through a page-table entry that is moved about, and gives them to a balloon and takes them back: then they must be
// zeros, whoever had the frame meanwhile. On a machine without a hypervisor the guest zeroes them itself, so all print the same.
// Built with -DSEED=N -DSTEPS=N.
#include "probe.h"

enum { FIRST = 0x200000, PAGES = 400, WORDS = 1024, HELD = 48, ALIAS = 0x3FF000 };
enum { START, TARGET, LOCK, UNLOCK };

static struct { uint32_t kind, at, value; } model[PAGES]; // word `at` is `value`, the rest is as its kind says
static uint32_t held[HELD], random_state = SEED;
static bool ballooned[PAGES], there;

static uint32_t call(uint32_t command, uint32_t argument)
{
    uint32_t status = 0x456C6D6F;
    __asm__ volatile("in eax, dx" : "+a"(status), "+b"(argument), "+c"(command) : "d"(0x5670) : "memory");
    return status;
}

static uint32_t random(uint32_t below)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 12) % below;
}

static volatile uint32_t *page(uint32_t n) { return (volatile uint32_t *)(FIRST + n * 4096); }
static uint32_t pattern(uint32_t kind, uint32_t i) { return kind ? kind * 0x01010101u ^ (kind & 1 ? i : 0) : 0; }

static void fill(uint32_t n, uint32_t kind)
{
    for (uint32_t i = 0; i < WORDS; i++) page(n)[i] = pattern(kind, i);
    model[n].kind = kind, model[n].at = 0, model[n].value = pattern(kind, 0);
}

static bool is_right(uint32_t n)
{
    for (uint32_t i = 0; i < WORDS; i++)
        if (page(n)[i] != (i == model[n].at ? model[n].value : pattern(model[n].kind, i))) {
            fact2("wrong: page, word", n, i);
            return false;
        }
    return true;
}

// One word of a page that was filled since its last change, else all of it.
static void change(uint32_t n, volatile uint32_t *through)
{
    if (model[n].value != pattern(model[n].kind, model[n].at)) fill(n, random(4));
    model[n].at = random(WORDS), model[n].value = random(3);
    through[model[n].at] = model[n].value;
}

static void copy(uint32_t from, uint32_t to)
{
    uint32_t count = WORDS, source = FIRST + from * 4096, target = FIRST + to * 4096;
    __asm__ volatile("rep movsd" : "+c"(count), "+S"(source), "+D"(target) : : "memory");
    model[to] = model[from];
}

static void alias(uint32_t n)
{
    low_table[ALIAS >> 12] = (FIRST + n * 4096) | PTE_P | PTE_RW;
    __asm__ volatile("invlpg [%0]" : : "r"(ALIAS) : "memory");
}

// A page goes to the balloon, and the one that has been there longest comes back.
static bool balloon(uint32_t n, uint32_t turn)
{
    uint32_t back = held[turn % HELD];
    bool good = true;
    if (ballooned[n]) return true;
    if (there && call(LOCK, FIRST / 4096 + n)) return true; // it would not have it
    if (!there) fill(n, 0);
    ballooned[n] = true;
    held[turn % HELD] = n + 1;
    if (!back--) return true;
    if (there) good = call(UNLOCK, FIRST / 4096 + back) == 0;
    ballooned[back] = false;
    model[back].kind = model[back].at = model[back].value = 0;
    return good && is_right(back);
}

static bool step(uint32_t n, uint32_t turn)
{
    uint32_t other = random(PAGES);
    if (ballooned[n]) return true;
    switch (random(8)) {
    case 0: fill(n, random(4)); return true;
    case 1: change(n, page(n)); return true;
    case 2: return is_right(n);
    case 3: if (!ballooned[other]) copy(n, other); return true;
    case 4: return balloon(n, turn);
    case 5: alias(n), change(n, (volatile uint32_t *)ALIAS); return is_right(n);
    case 6: alias(n); return ((volatile uint32_t *)ALIAS)[model[n].at] == model[n].value;
    default: for (volatile uint32_t i = 0; i < 300; i++) { } return true;
    }
}

void kmain(void)
{
    bool good = true;
    probe_init();
    paging_init();
    for (uint32_t n = FIRST >> 12; n < 1024; n++) low_table[n] = n << 12 | PTE_P | PTE_RW;
    paging_on();
    there = call(START, 0) == 0;
    for (uint32_t n = 0; n < PAGES; n++) fill(n, random(4));
    for (uint32_t turn = 0; turn < STEPS && good; turn++) good = step(random(PAGES), turn);
    for (uint32_t n = 0; n < PAGES && good; n++) good = ballooned[n] || is_right(n);
    fact("kept", good);
    finish(good);
}
