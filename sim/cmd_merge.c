/* `ringside merge FILE ...`: what shards reported (--shard I/N of grade, bench sweep and draw), as one report. */
#include "sim/cmd.h"
#include "sim/merge.h"

#include <stdlib.h>

enum { MOST = 256 << 20 };

int cmd_merge(const struct options *o, struct err *e)
{
    struct text out = { 0 };
    if (!o->operands) return err_set(e, EXIT_USAGE, "merge what? the reports of all shards: ringside merge part-*.csv -o grades.csv"), e->code;
    struct merge_file *file = calloc((size_t)o->argc + 1, sizeof *file);
    unsigned n = 0;
    if (!file) return err_set(e, EXIT_ENVIRONMENT, "out of memory; close other programs"), e->code;
    for (unsigned i = 0; i < o->operands && !e->code; i++) {
        file[n].name = o->operand[i];
        if (text_read(&file[n].text, o->operand[i], MOST, e)) n++;
    }
    if (!e->code && merge_reports(file, n, &out, e)) text_write(&out, o->value[OPT_MERGE_OUTPUT] ? o->value[OPT_MERGE_OUTPUT] : "-", e);
    for (unsigned i = 0; i < n; i++) text_free(&file[i].text);
    free(file);
    text_free(&out);
    return e->code;
}
