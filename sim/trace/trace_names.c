/* The names of other rooms' enumerations, by type: `trace` prints an exit reason without looking upward.
 *
 * The registry is the one process-wide table of this room: names are constants of the program, equal for all
 * machines, and registering them again (each machine does) changes nothing. */
#include "sim/trace/trace.h"
#include "sim/core/fatal.h"

#include <string.h>

enum { TYPES = 24 };

static struct {
    const char *type;
    const char *const *names;
    unsigned n;
} registry[TYPES];

void trace_names(const char *type, const char *const *names, unsigned n)
{
    for (unsigned i = 0; i < TYPES; i++) {
        if (registry[i].type && strcmp(registry[i].type, type) != 0) continue;
        registry[i].type = type;
        registry[i].names = names;
        registry[i].n = n;
        return;
    }
    fatal(EXIT_BUG, "bug: too many types of names registered with the trace");
}

const char *trace_name(const char *type, unsigned value)
{
    for (unsigned i = 0; i < TYPES && registry[i].type; i++)
        if (!strcmp(registry[i].type, type))
            return value < registry[i].n && registry[i].names[value] ? registry[i].names[value] : "?";
    return "?";
}

const char *trace_names_at(unsigned i, const char *const **names, unsigned *n)
{
    if (i >= TYPES || !registry[i].type) return NULL;
    *names = registry[i].names;
    *n = registry[i].n;
    return registry[i].type;
}
