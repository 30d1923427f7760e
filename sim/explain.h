/* `ringside explain`: what a word of the tables means. Everything said comes from the tables that steer or name things;
 * the only page of its own is `port`, which is counted. */
#ifndef SIM_EXPLAIN_H
#define SIM_EXPLAIN_H

#include "sim/core/cost.h"
#include "sim/core/err.h"
#include "sim/say.h"

/* Says all that is known under `word`, an instruction as the table has it or as assemblers spell it; returns in how many tables it was. */
unsigned explain_word(const char *word, const struct model *model, struct say *out);
/* Appends every word there is, for suggestions; returns how many. */
unsigned explain_words(const char **words, unsigned room);
/* The tables, and their words. */
void explain_tables(struct say *out);

/* All terms, one after the other. */
void explain_glossary(struct say *out);

/* explain_insn.c: the row of insn.def of an instruction by an assembler's name for it; 0: none that this processor has. Takes a tenth of a second. */
unsigned explain_spelled(const char *word);
/* The condition of JNZ, SETAE, CMOVL, FCMOVU and the like, in flags; NULL: none that is one. */
const char *explain_condition(const char *word);

/* explain_terms.c: tables as explain.c wants them: the i-th word (NULL: there are no more), its page; is it what was asked for? */
const char *explain_term_word(unsigned i);
bool explain_term_is(unsigned i, const char *asked);
void explain_term_page(unsigned i, const struct model *model, struct say *out);
const char *explain_reason_word(unsigned i);
void explain_reason_page(unsigned i, const struct model *model, struct say *out);

/* explain_port.c: the paravirtual port of mini, counted from its sources. EXIT_INPUT if they are not there. */
bool explain_port(struct say *out, struct err *e);

#endif
