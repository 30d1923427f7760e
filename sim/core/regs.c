/* See regs.h. */
#include "sim/core/regs.h"

#include <string.h>

uint64_t reg_read(const struct reg_desc *r, const void *owner)
{
    uint64_t v = 0;
    memcpy(&v, (const uint8_t *)owner + r->offset, r->bytes);
    return v;
}

void reg_write(const struct reg_desc *r, void *owner, uint64_t value)
{
    memcpy((uint8_t *)owner + r->offset, &value, r->bytes);
}

const struct reg_desc *reg_find(const struct reg_desc *table, const char *name)
{
    for (; table && table->name; table++)
        if (!strcmp(table->name, name)) return table;
    return NULL;
}
