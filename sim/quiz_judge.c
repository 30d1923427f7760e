/* Is a student's answer right? See quiz.h.
 *
 * Idea: an answer is its numbers, in their order, and the words that decide; how it is put does not matter. "#PF(5)" is "page fault, error
 * code 5", "0x21" is 33, and "2 2 10" is "2; 2; 10". */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "sim/quiz.h"

enum { NUMBERS = 8, WORD = 32 };
enum { TRUE_ONE = 1, HIDDEN = 2, NONE = 4, FAULT = 8 };

struct meaning {
    unsigned n, words;
    bool text; /* there was something at all */
    unsigned long long number[NUMBERS];
};

static unsigned word_of(const char *w)
{
    static const struct { const char *word; unsigned is; } words[] = {
        { "true", TRUE_ONE }, { "real", TRUE_ONE }, { "hidden", HIDDEN }, { "no", NONE }, { "none", NONE }, { "not", NONE },
        { "fault", FAULT }, { "faults", FAULT }, { "pf", FAULT },
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (!strcasecmp(words[i].word, w)) return words[i].is;
    return 0;
}

/* A number in the base that is asked for, or in the one that it says itself: 0x21, 21h. */
static bool number_of(const char *w, bool hex, unsigned long long *v)
{
    char digits[WORD], *end;
    size_t n = strlen(w);
    snprintf(digits, sizeof digits, "%s", w);
    if (!strpbrk(w, "0123456789")) return false; /* "add", "feed" are words */
    bool says = !strncasecmp(w, "0x", 2) || (n > 1 && strchr("hH", w[n - 1]));
    if (n > 1 && strchr("hH", w[n - 1])) digits[n - 1] = 0;
    *v = strtoull(digits, &end, hex || says ? 16 : 10);
    return !*end;
}

static struct meaning mean(const char *text, bool hex)
{
    struct meaning m = { 0 };
    char word[WORD];
    for (size_t n; *text; text += n) {
        n = 0;
        while (isalnum((unsigned char)text[n])) n++;
        if (!n) {
            n = 1;
            continue;
        }
        m.text = true;
        snprintf(word, sizeof word, "%.*s", (int)(n < WORD ? n : WORD - 1), text);
        m.words |= word_of(word);
        if (m.n < NUMBERS && number_of(word, hex, &m.number[m.n])) m.n++;
    }
    return m;
}

enum quiz_verdict quiz_judge(const char *right, bool hex, const char *given)
{
    const unsigned kinds = TRUE_ONE | HIDDEN | NONE;
    struct meaning r = mean(right, hex), g = mean(given, hex);
    if (!g.text) return QUIZ_PASSED;
    if (r.words & kinds) { /* which kind of fault, if any */
        if (!(g.words & (kinds | FAULT)) || g.n) return QUIZ_UNCLEAR;
        return (g.words & kinds) == (r.words & kinds) ? QUIZ_RIGHT : QUIZ_WRONG;
    }
    if (!g.n || (g.words & ~(unsigned)FAULT)) return QUIZ_UNCLEAR;
    if (g.n != r.n || (g.words ^ r.words) & FAULT) return r.n > 1 && g.n != r.n ? QUIZ_UNCLEAR : QUIZ_WRONG;
    return memcmp(g.number, r.number, r.n * sizeof r.number[0]) ? QUIZ_WRONG : QUIZ_RIGHT;
}

void quiz_wanted(const char *right, bool hex, char *to, size_t room)
{
    struct meaning r = mean(right, hex);
    if (r.words & (TRUE_ONE | HIDDEN | NONE)) snprintf(to, room, "say true, hidden, or no fault");
    else if (r.n > 1) snprintf(to, room, "%u numbers, as in 1; 2; 3", r.n);
    else if (hex) snprintf(to, room, "an address as in 00123456, or a fault as in #PF(2)");
    else snprintf(to, room, "a number");
}
