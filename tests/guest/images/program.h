// Programs of a few bytes of 16-bit code, for the images about real, virtual-8086 and 16-bit protected mode.
//
// Idea: PROGRAM(name, "instructions") keeps the assembled bytes between two labels; program_put copies them to where they shall
// run and fills what is behind them with an instruction that ends them.
#ifndef PROGRAM_H
#define PROGRAM_H

#include "probe.h"

#define PROGRAM(name, code) \
    extern const uint8_t name[], name##_end[]; \
    __asm__(".pushsection .rodata\n.intel_syntax noprefix\n.code16\n.global " #name ", " #name "_end\n" #name ":\n" code \
            "\n" #name "_end:\n.code32\n.popsection\n")
#define PUSHD ".byte 0x66, 0x68\n.long " // PUSH of a doubleword; its value follows

struct program {
    const char *name;
    const uint8_t *code, *end;
};
#define ROW(name) { #name, p_##name, p_##name##_end }

static inline void copy(uint32_t to, const uint8_t *from, const uint8_t *end)
{
    for (volatile uint8_t *p = (uint8_t *)to; from < end; p++, from++)
        *p = *from;
}

// Low memory is as its BIOS left it: what shall be printed must be cleared.
static inline void clear(uint32_t at, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        ((volatile uint8_t *)at)[i] = 0;
}

static inline void program_put(uint32_t to, const struct program *p, uint8_t filler)
{
    for (unsigned i = 0; i < 0x100; i++)
        ((volatile uint8_t *)to)[i] = filler;
    copy(to, p->code, p->end);
}

static inline void print_words(const char *before, const volatile uint16_t *word, unsigned n)
{
    print(before);
    for (unsigned i = 0; i < n; i++) {
        print(" ");
        print_hex(word[i], 4);
    }
    print("\n");
}

#endif
