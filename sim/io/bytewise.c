/* See bytewise.h. */
#include "sim/io/bytewise.h"

uint32_t bytewise_read_all(struct device *d, uint32_t offset, unsigned size, uint8_t (*read)(struct device *d, uint32_t offset))
{
    uint32_t v = 0;
    for (unsigned i = 0; i < size; i++) v |= (uint32_t)read(d, offset + i) << (8 * i);
    return v;
}

void bytewise_write_all(struct device *d, uint32_t offset, unsigned size, uint32_t value,
                        void (*write)(struct device *d, uint32_t offset, uint8_t value))
{
    for (unsigned i = 0; i < size; i++) write(d, offset + i, (uint8_t)(value >> (8 * i)));
}
