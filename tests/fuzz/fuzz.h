/* Fuzz targets: each file defines LLVMFuzzerTestOneInput and looks for crashes, sanitizer reports and broken promises.
 *
 * With clang's libFuzzer (make fuzz) they run for long, guided by coverage; with driver.c (make check) for a few seconds over
 * seeds and mutations of them, the same every time. Seeds are made by the target itself (fuzz_seed) or lie in corpus/TARGET.
 * A target keeps nothing from one input to the next, so that an input alone reproduces what it did. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* The target's seed number `n`, at most `room` bytes of it; returns how many, 0 if there are no more. A target may do without. */
size_t fuzz_seed(unsigned n, uint8_t *to, size_t room) __attribute__((weak));
/* libFuzzer's: changes a few bytes in place; returns the new size. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

/* A promise that must hold whatever the input. */
#define FUZZ_HOLDS(what) \
    do { \
        if (!(what)) { \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #what); \
            abort(); \
        } \
    } while (0)

#define FUZZ_FAIL(...) \
    do { \
        fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
        fprintf(stderr, __VA_ARGS__); \
        fprintf(stderr, "\n"); \
        abort(); \
    } while (0)

/* A message for people must be one line, not empty, and hold nothing that a terminal obeys. */
static inline void fuzz_line(const char *text)
{
    FUZZ_HOLDS(*text);
    for (const char *s = text; *s; s++)
        if ((uint8_t)*s < 0x20 || *s == 0x7F) FUZZ_FAIL("byte %02X in a message: %s", (uint8_t)*s, text);
}

/* Input, taken bit by bit; zeros when there is no more. */
struct fuzz_input { const uint8_t *at, *end; };

static inline uint8_t fuzz_u8(struct fuzz_input *in) { return in->at < in->end ? *in->at++ : 0; }
static inline uint16_t fuzz_u16(struct fuzz_input *in)
{
    unsigned low = fuzz_u8(in);
    return (uint16_t)(low | (unsigned)fuzz_u8(in) << 8);
}
static inline uint32_t fuzz_u32(struct fuzz_input *in)
{
    uint32_t low = fuzz_u16(in);
    return low | (uint32_t)fuzz_u16(in) << 16;
}
static inline size_t fuzz_left(const struct fuzz_input *in) { return (size_t)(in->end - in->at); }
static inline void fuzz_bytes(struct fuzz_input *in, uint8_t *to, size_t n)
{
    while (n--) *to++ = fuzz_u8(in);
}

/* A seed, put together likewise; what does not fit is dropped. */
struct fuzz_seed { uint8_t *to; size_t n, room; };

static inline void fuzz_put(struct fuzz_seed *s, const void *bytes, size_t n)
{
    if (n > s->room - s->n) n = s->room - s->n;
    memcpy(s->to + s->n, bytes, n);
    s->n += n;
}
static inline void fuzz_put8(struct fuzz_seed *s, unsigned v) { fuzz_put(s, &(uint8_t){ (uint8_t)v }, 1); }
static inline void fuzz_put16(struct fuzz_seed *s, unsigned v) { fuzz_put(s, &(uint16_t){ (uint16_t)v }, 2); }
static inline void fuzz_put32(struct fuzz_seed *s, uint32_t v) { fuzz_put(s, &v, 4); }

#endif
