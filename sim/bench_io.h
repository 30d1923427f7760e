/* Exits for one operation of a device, by each way to it and under each technique: a disk's 4 KB read, a frame that is answered.
 *
 * Idea: mini does so many operations, and in another run none; the difference divided by their number is what one takes. Who needs fewer is
 * asked as literature has it (bench_io.def); nothing was fitted to it. Not here: several operations at once. */
#ifndef SIM_BENCH_IO_H
#define SIM_BENCH_IO_H

#include "sim/options.h"
#include "sim/say.h"

enum bench_io_measure { BENCH_IO_EXITS, BENCH_IO_PORT, BENCH_IO_IRQ, BENCH_IO_CALL, BENCH_IO_PROCESS, BENCH_IO_CYCLES, BENCH_IO_MEASURES };
enum { BENCH_IO_WAYS = 24, BENCH_IO_OPERATIONS = 2 };

struct bench_io {
    const struct options *o;
    unsigned ways;
    struct bench_io_cell { bool there; int64_t sum[BENCH_IO_MEASURES]; } cell[BENCH_IO_WAYS][BENCH_IO_OPERATIONS]; /* of all the operations */
    char     refusal[BENCH_IO_WAYS][BENCH_IO_OPERATIONS][240]; /* "": none */
};

/* Runs them all on the model of the command line. False: a guest failed, guests were not built, ^C, --limit-wall. */
bool bench_io_run(struct bench_io *b, const struct options *o, struct err *e);
/* How many operations a cell's sums are of. */
unsigned bench_io_times(unsigned operation);

/* bench_io_text.c */
const char *bench_io_way(unsigned way);             /* its name */
const char *bench_io_operation(unsigned operation); /* "disk", "net" */
void bench_io_text(const struct bench_io *b, struct say *out);
void bench_io_json(const struct bench_io *b, struct text *out);
void bench_io_csv(const struct bench_io *b, struct text *out);

#endif
