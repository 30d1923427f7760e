// The command line: a word, then NAME=number. See tenant.h.
#include "tenant/tenant.h"

enum { LINE = 128 };
static char line[LINE];

void words_from(const char *from)
{
    int n = 0;
    for (; from[n] && n < LINE - 1; n++)
        line[n] = from[n];
    line[n] = 0;
}

static bool ends(char c)
{
    return c == 0 || c == ' ';
}

bool word_is(const char *word)
{
    const char *at = line;
    while (*word && *at == *word)
        word++, at++;
    return *word == 0 && ends(*at);
}

uint32_t word_number(const char *name, uint32_t otherwise)
{
    for (const char *at = line; *at; at++) {
        const char *a = at, *b = name;
        while (*b && *a == *b)
            a++, b++;
        if (*b || *a != '=' || (at != line && at[-1] != ' '))
            continue;
        uint32_t value = 0;
        while (*++a >= '0' && *a <= '9')
            value = value * 10 + (uint32_t)(*a - '0');
        return value;
    }
    return otherwise;
}
