/* Which word was meant: of a list, the one that a typing error away is what was typed.
 *
 * Idea: Damerau's distance (a letter more, less or another, or two neighbours exchanged, count one), and a limit that grows
 * with the word, so that what is no typing error gets no suggestion. */
#ifndef CORE_NEAR_H
#define CORE_NEAR_H

/* The nearest of `n` words, one of `words`; NULL if none is near. Words of more than 62 characters are near to nothing. */
const char *near_word(const char *word, const char *const *words, unsigned n);

#endif
