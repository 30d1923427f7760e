/* A page walk in words: names of tables, what an entry says, which address and access to show. For diagrams, scripts, quizzes.
 *
 * Idea: a walk is the list of its references (struct xlat), whoever made it; here each gets the name people give it. Tables are
 * named by their level, with S in front for a shadow's and n for those of a second level (nested). */
#ifndef SIM_WALK_VIEW_H
#define SIM_WALK_VIEW_H

#include "sim/machine.h"

enum walk_whose { WALK_OWN /* the tables of whoever runs: the guest's */, WALK_SHADOW };

/* Is it an entry of the hypervisor's tables, which stand in for the guest's? */
bool walk_is_shadow(const struct xlat_ref *r, enum walk_whose whose);
/* "page directory", "shadow table", "second-level table". */
const char *walk_table(const struct xlat_ref *r, enum walk_whose whose);
/* "PD[020]", "SPT[04A]", "nPT[1FF]". */
void walk_short(const struct xlat_ref *r, enum walk_whose whose, char *to, size_t room);
/* "P W U A D": a small letter or a dash is a bit that is clear; of the second level "R W X". */
void walk_bits(const struct xlat_ref *r, bool leaf, char *to, size_t room);
/* How many references are of the second level. */
unsigned walk_second(const struct xlat *x);

/* Where the line of a reference is now: "L1", "L2", "L3", "memory"; "walk cache", which means that it is not read at all; "" if
 * caches are not modelled. */
const char *walk_home(const struct xlat_ref *r);
/* Which TLB it is: "data TLB", "second-level TLB"; what the tables say beside an entry: "", "stale: no page there", ... */
const char *walk_tlb(enum known_where where);
const char *walk_truth(enum known_truth truth);
/* "W u D g large", a small letter is a bit that is clear. */
void walk_rights_text(uint32_t rights, char *to, size_t room);
/* The TLB that serves an access to `at` now, of what machine_known listed: NULL, none does. */
const struct known_page *walk_served(const struct known_page *list, unsigned n);

/* How many a cache of walks holds now, so that a TLB miss would not read them. */
unsigned walk_cached(const struct xlat *x);

/* What to look at. */
struct walk_what { uint32_t va; unsigned access; uint8_t ring; };
/* From "ADDRESS|SYMBOL[,read|write|exec][,RING]"; without a ring, 3 if the machine runs user code. EXIT_USAGE. */
bool walk_what_read(struct walk_what *w, const struct machine *m, const char *text, struct err *e);
/* When nobody says: the newest page fault; else the next instruction. */
void walk_what_newest(struct walk_what *w, const struct machine *m);
/* Likewise, if that fault is among the `back` newest events: true, it is. */
bool walk_what_recent(struct walk_what *w, const struct machine *m, size_t back);
const char *walk_access(const struct walk_what *w); /* "read", "write", "fetch" */

/* One sentence: does the access go through, and if not, whose fault is it? */
const char *walk_verdict(const struct machine *m, const struct machine_xlat *x);

#endif
