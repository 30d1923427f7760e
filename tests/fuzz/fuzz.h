/* Fuzz targets: each file defines LLVMFuzzerTestOneInput and looks for crashes, sanitizer reports and broken promises.
 *
 * With clang's libFuzzer (make fuzz) they run for long, guided by coverage; with driver.c (make check) for a few seconds over
 * seeds and mutations of them, the same every time. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise that must hold whatever the input. */
#define FUZZ_HOLDS(what) \
    do { \
        if (!(what)) { \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #what); \
            abort(); \
        } \
    } while (0)

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

#endif
