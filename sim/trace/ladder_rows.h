/* The stages of a ladder's layout, in order: rows from events, folding, places. Only trace_ladder*.c include this. */
#ifndef TRACE_LADDER_ROWS_H
#define TRACE_LADDER_ROWS_H

#include "sim/trace/trace_ladder.h"

/* What the stages share while a ladder is made. */
struct ladder_maker {
    const struct trace *trace;
    struct ladder *l;
    uint32_t  from, to;   /* ids, resolved */
    uint32_t *owner;      /* [id - from]: 1 + the row that shows this event; 0: none */
    uint8_t  *claimed;    /* [id - from]: 1: part of a later event's row */
    uint32_t  room;       /* allocated rows */
    uint32_t  group;      /* the open group of rows, native machines; 0: none */
    unsigned  depth;      /* gates entered and not yet left in that group */
};

void *ladder_grow(void *p, size_t bytes);   /* realloc that ends the program when memory is short */

/* trace_ladder_rows.c: one pass over the events; fills l->row and owner. */
void ladder_rows_make(struct ladder_maker *m);
/* trace_ladder_words.c: label and detail of e's row. `opener`: the fault or interrupt that led to it, or NULL. */
void ladder_words(const struct ladder_maker *m, const struct event *e, const struct event *opener,
                  struct ladder_row *r);
void ladder_copy(char *to, const char *s, size_t columns); /* ASCII, cut with ".." to `columns` */
/* trace_ladder_fold.c: equal neighbouring groups become one with a count; then max_rows. */
void ladder_fold(struct ladder_maker *m);
void ladder_cut(struct ladder_maker *m);

#endif
