/* Joining reports that were made in shards (--shard I/N): `ringside merge`. Pure: text in, text out.
 *
 * Idea: a report is a head, items, and a tail; heads and tails of shards are the same, and the items have an order of their own. So what comes
 * out is, byte for byte, what one run would have written, whatever order the shards are named in. */
#ifndef SIM_MERGE_H
#define SIM_MERGE_H

#include <stdint.h>
#include "sim/core/err.h"
#include "sim/core/text.h"

struct merge_file { const char *name; struct text text; };
/* grade's csv, json and junit; bench sweep's --csv and --json. EXIT_INPUT: another form, another lab or key, an item in two of them; of a
 * sweep's JSON, which says of how many it is one, also a missing shard. */
bool merge_reports(const struct merge_file *file, unsigned files, struct text *out, struct err *e);

#endif
