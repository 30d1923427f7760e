/* What a line of Lua could go on with: for the Tab key of `ringside repl`. See sim/lesson.h.
 *
 * Idea: the words are those of the tables that the bindings look names up in (words.h), so nothing is offered that does not exist. */
#include "sim/lesson.h"
#include "sim/script/words.h"

#include <ctype.h>
#include <string.h>

static const char *const globals[] = {
    "vm", "vm.", "vm:", "till.", "expect.", "exec", "print", "ipairs", "pairs", "tostring", "tonumber", "string.format", "math.floor", "table.concat", "function",
    "for", "local", "return", "while", "quit",
};

/* Where the word being typed begins: names with dots and colons. */
static const char *word_of(const char *typed)
{
    const char *at = typed + strlen(typed);
    while (at > typed && (isalnum((unsigned char)at[-1]) || at[-1] == '_' || at[-1] == '.' || at[-1] == ':')) at--;
    return at;
}

static void offer(const char *word, size_t same, const char *rest, struct text *all, char *more, size_t room, unsigned *n)
{
    if (strncmp(word, rest, same) != 0) return;
    const char *tail = word + same;
    if (!(*n)++) {
        size_t k = strlen(tail) < room ? strlen(tail) : room - 1;
        memcpy(more, tail, k);
        more[k] = 0;
    } else {
        size_t k = 0;
        while (more[k] && more[k] == tail[k]) k++;
        more[k] = 0;
    }
    text_add(all, "%s%s", all->len ? " " : "", word);
}

unsigned lesson_complete(const char *typed, char *more, size_t room, struct text *all)
{
    const char *word = word_of(typed), *last = word + strlen(word), *words[SCRIPT_WORDS_MOST];
    unsigned n = 0;
    *more = 0;
    while (last > word && last[-1] != '.' && last[-1] != ':') last--;
    if (last == word) {
        for (size_t i = 0; i < sizeof globals / sizeof *globals; i++) offer(globals[i], strlen(word), word, all, more, room, &n);
        return n;
    }
    for (const struct script_class *c = script_classes; c->name; c++) {
        if (strlen(c->name) != (size_t)(last - 1 - word) || strncmp(c->name, word, (size_t)(last - 1 - word)) != 0) continue;
        unsigned count = c->words(words);
        for (unsigned i = 0; i < count; i++) offer(words[i], strlen(last), last, all, more, room, &n);
    }
    return n;
}
