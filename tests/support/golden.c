/* See golden.h. */
#include "tests/support/golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/text.h"

enum { LONGEST_FILE = 16 << 20 };

static int line_length(const char *s) { return (int)strcspn(s, "\n"); }

/* Prints the first line where the two part. */
static void show_difference(const char *file, const char *expected, const char *actual)
{
    int line = 1;
    const char *e = expected, *a = actual;
    while (line_length(e) == line_length(a) && !strncmp(e, a, (size_t)line_length(e))) {
        e += line_length(e), a += line_length(a);
        if (!*e || !*a) break;
        e++, a++, line++;
    }
    print_error("%s:%d: differs\n  expected: %.*s%s\n  actual:   %.*s%s\n"
                "  (GOLDEN_UPDATE=1 rewrites the file; review the change)\n",
                file, line, line_length(e), e, *e ? "" : "<end of file>", line_length(a), a, *a ? "" : "<end of file>");
}

void golden_check(const char *file, const char *actual)
{
    const char *update = getenv("GOLDEN_UPDATE");
    struct text t = { 0 };
    struct err e = { 0 };
    bool equal = true;
    if (update && !strcmp(update, "1")) {
        text_add(&t, "%s", actual);
        if (!text_write(&t, file, &e)) print_error("%s\n", e.text);
    } else if (!text_read(&t, file, LONGEST_FILE, &e)) {
        print_error("%s\n", e.text);
    } else {
        equal = !strcmp(text_str(&t), actual);
        if (!equal) show_difference(file, text_str(&t), actual);
    }
    text_free(&t);
    if (e.code || !equal) fail();
}
