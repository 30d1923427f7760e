/* The kinds of `ringside draw`: one function each, called with the command line. The first operand is the kind's name. */
#ifndef SIM_DRAW_H
#define SIM_DRAW_H

#include "sim/options.h"
#include "sim/subject.h"

const char *draw_kind(unsigned i); /* names of the kinds there are, in order; NULL: no more */

typedef int draw_fn(const struct options *o, struct err *e);
/* What the command line asks for, with a kind's function: one picture; if `several` one for each operand behind the kind; --shard, --json. draw_many.c */
int draw_many(const struct options *o, draw_fn *draw, bool several, struct err *e);

int draw_run(const struct options *o, struct err *e);      /* cmd_draw.c: ladder, blocks, vmx, hist, timeline, migrate */
int draw_matrix(const struct options *o, struct err *e);   /* draw_matrix.c: sensitive instructions by technique */
int draw_bars(const struct options *o, struct err *e);     /* draw_bars.c: cycles by cause, a bar for each machine */
int draw_io(const struct options *o, struct err *e);       /* draw_io.c: one disk request, a column for each way to the disk */
int draw_screen(const struct options *o, struct err *e);   /* cmd_tui.c: the terminal's screen */
int draw_diff(const struct options *o, struct err *e);     /* draw_diff.c: two runs side by side */
int draw_decision(const struct options *o, struct err *e); /* draw_decision.c: which technique, by the theorems */

/* Runs a guest as diagrams want it: to the end, also where a scenario stopped early. False: as subject_run. cmd_draw.c */
bool draw_ran(struct subject *s, struct err *early);

#endif
