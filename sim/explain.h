/* `ringside explain`: what a word of the tables means. Everything said comes from the tables that steer or name things;
 * the only page of its own is `port`, which is counted. */
#ifndef SIM_EXPLAIN_H
#define SIM_EXPLAIN_H

#include "sim/core/cost.h"
#include "sim/core/err.h"
#include "sim/say.h"

/* Says all that is known under `word`; returns in how many tables it was. */
unsigned explain_word(const char *word, const struct model *model, struct say *out);
/* Appends every word there is, for suggestions; returns how many. */
unsigned explain_words(const char **words, unsigned room);
/* The tables, and their words. */
void explain_tables(struct say *out);

/* explain_port.c: the paravirtual port of mini, counted from its sources. EXIT_INPUT if they are not there. */
bool explain_port(struct say *out, struct err *e);

#endif
