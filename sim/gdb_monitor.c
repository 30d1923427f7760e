/* `monitor` commands of a debugger's session: what GDB has no words for. See gdb.h. */
#include <string.h>
#include "sim/gdb.h"

void gdb_monitor(struct gdb *g, const char *line, struct text *out)
{
    (void)g;
    text_add(out, "%s: no such command\n", line);
}
