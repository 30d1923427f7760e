/* A struct's fields as a table, so that what it holds can go into a file and come back on another machine.
 *
 * Idea 1: the table says of every field what it is: bytes that are state, a timer, a struct with a table of its own, or
 * nothing that leaves the machine (wiring, and what is made anew). So no pointer gets into a file, and a field that nobody
 * thought of is a hole that state_covers finds.
 * Idea 2: a file is written by strangers. Numbers that are used as indices have a bound in their row, and what is beyond is
 * refused.
 * Idea 3: the names and sizes of all rows come to one number, the layout; a file with another was written by another version.
 * Values are little-endian, as all hosts that Ringside builds on are. */
#ifndef CORE_STATE_H
#define CORE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sim/core/clock.h"
#include "sim/core/text.h"

enum state_kind { STATE_BYTES, STATE_TIMER, STATE_PART, STATE_LEFT };

struct state_table;
struct state_row {
    const char *name;                /* NULL: the end */
    uint32_t    offset, size, align; /* bytes */
    uint8_t     kind;
    uint64_t    most;                /* STATE_BYTES, numbers of up to 8 bytes: the largest that may be; 0: any */
    const struct state_table *part;  /* STATE_PART: of the struct, or of each in an array */
};
struct state_table {
    const char *name;
    uint32_t    size;
    const struct state_row *row;
};

#define STATE_FIELD(s, f) #f, offsetof(struct s, f), sizeof((struct s *)0)->f, _Alignof(__typeof__(((struct s *)0)->f))
#define STATE_KEEP(s, f) { STATE_FIELD(s, f), STATE_BYTES, 0, NULL }            /* bytes without padding or pointers */
#define STATE_UPTO(s, f, n) { STATE_FIELD(s, f), STATE_BYTES, n, NULL }         /* a number from 0 to n */
#define STATE_FLAG(s, f) STATE_UPTO(s, f, 1)                                    /* a bool */
#define STATE_TIME(s, f) { STATE_FIELD(s, f), STATE_TIMER, 0, NULL }            /* a timer of the queue that state_save is given */
#define STATE_SUB(s, f, t) { STATE_FIELD(s, f), STATE_PART, 0, &(t) }           /* a struct, or an array of them */
#define STATE_NONE(s, f) { STATE_FIELD(s, f), STATE_LEFT, 0, NULL }             /* wiring, or made anew at the target */
#define STATE_END { NULL, 0, 0, 0, 0, 0, NULL }
#define STATE_TABLE(s, rows) { #s, sizeof(struct s), rows }

/* Adds the fields' values. The order of timers that are due at the same cycle is kept, too. */
void state_save(const struct state_table *t, const void *from, const struct timeq *q, struct text *out);

enum { STATE_TIMERS = 64 };
/* Bytes being read, and the timers met in them. */
struct state_reader {
    const uint8_t *at;
    size_t         left;
    unsigned       timers;
    struct state_timer { struct timer *timer; uint64_t when; uint16_t place; } timer[STATE_TIMERS];
    char           why[160];   /* the first thing that was wrong; "": nothing */
};
/* n bytes; false: there are not so many. */
bool state_bytes(struct state_reader *r, void *to, size_t n);
/* Reads what state_save wrote. False: r->why says which field is not what it can be, and `to` is good for nothing. */
bool state_load(const struct state_table *t, void *to, struct state_reader *r);
/* All has been read: what was armed is armed again. None of the timers may be armed. */
void state_arm(struct state_reader *r, struct timeq *q);

/* The layout of a table and its parts, on top of `so_far` (0 for the first). */
uint32_t state_layout(const struct state_table *t, uint32_t so_far);
/* Does every byte of the struct belong to a row, but for padding? Else `why` names what lies before the hole. */
bool state_covers(const struct state_table *t, char *why, size_t room);

#endif
