/* See fatal.h. */
#include "sim/core/fatal.h"

#include <stdio.h>
#include <stdlib.h>

void fatal(int code, const char *message)
{
    fputs("ringside: ", stderr);
    fputs(message, stderr);
    fputs("\n", stderr);
    exit(code);
}
