/* What `monitor` commands share. See gdb.h. */
#ifndef SIM_GDB_MONITOR_H
#define SIM_GDB_MONITOR_H

#include "sim/gdb.h"

/* A command: its words, what it does in one line, and the function; `rest` is what follows, without blanks around it. */
struct monitor {
    const char *name, *form, *about;
    void (*run)(struct gdb *g, const char *rest, struct text *out);
};

/* A number (hex with 0x, or decimal) or a symbol, which may be all of `word`. False, and says so, if it is neither. */
bool monitor_address(const struct gdb *g, const char *word, uint32_t *at, struct text *out);
/* A decimal or 0x number; `otherwise` if the word is empty. False, and says so, if it is none. */
bool monitor_number(const char *word, uint64_t otherwise, uint64_t *n, struct text *out);
/* "1,234 cycles, ring 0, protected32, kmain+4:  cli" */
void monitor_where(const struct gdb *g, struct text *out);

/* gdb_show.c: commands that only look. */
void show_info(struct gdb *g, const char *rest, struct text *out);
void show_regs(struct gdb *g, const char *rest, struct text *out);
void show_exits(struct gdb *g, const char *rest, struct text *out);
void show_cycles(struct gdb *g, const char *rest, struct text *out);
void show_log(struct gdb *g, const char *rest, struct text *out);
void show_walk(struct gdb *g, const char *rest, struct text *out);
void show_segments(struct gdb *g, const char *rest, struct text *out);
void show_gdt(struct gdb *g, const char *rest, struct text *out);
void show_idt(struct gdb *g, const char *rest, struct text *out);
void show_devices(struct gdb *g, const char *rest, struct text *out);
void show_symbol(struct gdb *g, const char *rest, struct text *out);
void show_screen(struct gdb *g, const char *rest, struct text *out);

#endif
