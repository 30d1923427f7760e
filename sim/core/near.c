/* See near.h. */
#include "sim/core/near.h"

#include <stdbool.h>
#include <string.h>

/* Edit distance of two short words: a letter more, less, another, or two neighbours exchanged count one each. */
static unsigned distance(const char *a, const char *b)
{
    unsigned rows[3][64], *above = rows[0], *row = rows[1], *before = rows[2];
    size_t n = strlen(b);
    if (n > 62 || strlen(a) > 62) return 99;
    for (size_t j = 0; j <= n; j++) row[j] = (unsigned)j;
    for (size_t i = 1; a[i - 1]; i++) {
        unsigned *free_row = before;
        before = above;
        above = row;
        row = free_row;
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best) best = above[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            bool exchanged = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (exchanged && before[j - 2] + 1 < best) best = before[j - 2] + 1;
            row[j] = best;
        }
    }
    return row[n];
}

/* One error in three letters is a typing error; more is another word. */
const char *near_word(const char *word, const char *const *words, unsigned n)
{
    const char *best = NULL;
    unsigned least = 4;
    size_t length = strlen(word);
    for (unsigned i = 0; i < n; i++) {
        unsigned d = distance(word, words[i]);
        size_t longer = strlen(words[i]) > length ? strlen(words[i]) : length;
        if (d < least && d < strlen(words[i]) && d <= (longer + 1) / 3) {
            least = d;
            best = words[i];
        }
    }
    return best;
}
