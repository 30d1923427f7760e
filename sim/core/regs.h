/* Registers as data: one table serves the TUI, Lua, dumps and the manual; no reader needs code per device. */
#ifndef CORE_REGS_H
#define CORE_REGS_H

#include <stddef.h>
#include <stdint.h>

struct reg_desc {
    const char *name;   /* NULL ends a table */
    uint16_t    offset; /* of the field in the owner's struct, from offsetof */
    uint8_t     bytes;  /* 1, 2, 4 or 8 */
    uint8_t     bits;   /* how many are shown */
    const char *about;  /* one line */
};

/* The value of a row in `owner` (the struct the table describes), zero-extended. */
uint64_t reg_read(const struct reg_desc *r, const void *owner);
/* Sets a row's value, cut to its size. */
void reg_write(const struct reg_desc *r, void *owner, uint64_t value);
/* The row with that name, or NULL. */
const struct reg_desc *reg_find(const struct reg_desc *table, const char *name);

#endif
