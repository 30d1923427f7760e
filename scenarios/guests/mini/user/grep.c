// grep PATTERN [FILE ...]: lines in which the pattern occurs: ^ and $ the ends, . any character, X* any number of X.
#include "mini/user/user.h"

static bool match_here(const char *pattern, const char *text)
{
    for (; *pattern; pattern++, text++) {
        if (pattern[0] == '$' && !pattern[1]) return !*text;
        if (pattern[1] == '*') {
            for (const char *rest = text;; rest++) {
                if (match_here(pattern + 2, rest)) return true;
                if (!*rest || (*pattern != '.' && *rest != *pattern)) return false;
            }
        }
        if (!*text || (*pattern != '.' && *pattern != *text)) return false;
    }
    return true;
}

static bool match(const char *pattern, const char *text)
{
    if (*pattern == '^') return match_here(pattern + 1, text);
    do
        if (match_here(pattern, text)) return true;
    while (*text++);
    return false;
}

static int search(const char *pattern, int fd)
{
    char line[256];
    int found = 0;
    while (read_line(fd, line, sizeof line) >= 0)
        if (match(pattern, line)) printf("%s\n", line), found++;
    return found;
}

int main(int argc, char **argv)
{
    int found = 0;
    if (argc < 2) {
        eprintf("grep: which pattern?\n");
        return 2;
    }
    if (argc == 2) found = search(argv[1], 0);
    for (int i = 2; i < argc; i++) {
        int fd = open_or_complain("grep", argv[i]);
        if (fd < 0) return 2;
        found += search(argv[1], fd);
        close(fd);
    }
    return found == 0;
}
