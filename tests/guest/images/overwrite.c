// A repeated string instruction that overwrites itself: what is fetched for the next iteration is what lies there by then.
// Prints what is left of ECX and where EDI came to, for copies that reach the instruction sooner and later.
// Manual: SDM 3A 11.6 (self-modifying code); every iteration is a boundary, SDM 2B REP.
#include <stdbool.h>
#include <stdint.h>
#include "lib/guest.h"
#include "program.h"

enum { ROOM = 48, COUNT = 32, REP_PREFIX = 0xF3, MOVSB = 0xA4, NOP = 0x90 };
static uint8_t source[ROOM];
extern uint8_t here[];
asm(".data\n.global here\nhere: .fill 48, 1, 0x90\n ret\n.text");

static void once(uint32_t before, uint8_t first, uint8_t second)
{
    uint32_t left = COUNT, to = (uint32_t)here - before, from = (uint32_t)source;
    for (unsigned i = 0; i < ROOM; i++) source[i] = here[i] = NOP;
    source[before] = first, source[before + 1] = second;
    here[0] = REP_PREFIX, here[1] = MOVSB;
    asm volatile("cld\n\tcall here" : "+c"(left), "+D"(to), "+S"(from) : : "memory");
    print_hex(left, 2), print(" "), print_hex(to - (uint32_t)here, 8), print("\n");
}

void kmain(void)
{
    for (uint32_t before = 0; before < 16; before += 3) {
        once(before, NOP, NOP);          // one iteration more, without the prefix
        once(before, REP_PREFIX, NOP);   // REP NOP
        once(before, NOP, MOVSB);
        once(before, REP_PREFIX, MOVSB); // as it was: to the end
    }
    finish(true);
}
