/* Byte-wide devices on a wider bus.
 *
 * A 16- or 32-bit IN or OUT to an 8-bit ISA device becomes consecutive byte cycles, lowest address first. The bus
 * hands a device every access that fits into its window; devices that are bytes inside take it apart with these. */
#ifndef IO_BYTEWISE_H
#define IO_BYTEWISE_H

#include "sim/core/bus.h"

/* As many bytes as `size` says. */
uint32_t bytewise_read_all(struct device *d, uint32_t offset, unsigned size, uint8_t (*read)(struct device *d, uint32_t offset));
void bytewise_write_all(struct device *d, uint32_t offset, unsigned size, uint32_t value,
                        void (*write)(struct device *d, uint32_t offset, uint8_t value));

/* Most accesses are of one byte, and then these are nothing but a call. */
static inline uint32_t bytewise_read(struct device *d, uint32_t offset, unsigned size,
                                     uint8_t (*read)(struct device *d, uint32_t offset))
{
    return size == 1 ? read(d, offset) : bytewise_read_all(d, offset, size, read);
}

static inline void bytewise_write(struct device *d, uint32_t offset, unsigned size, uint32_t value,
                                  void (*write)(struct device *d, uint32_t offset, uint8_t value))
{
    if (size == 1) write(d, offset, (uint8_t)value);
    else bytewise_write_all(d, offset, size, value, write);
}

static inline uint32_t bytewise_peek(const struct device *d, uint32_t offset, unsigned size,
                                     uint8_t (*peek)(const struct device *d, uint32_t offset))
{
    uint32_t v = 0;
    for (unsigned i = 0; i < size; i++) v |= (uint32_t)peek(d, offset + i) << (8 * i);
    return v;
}

#endif
