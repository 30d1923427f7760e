/* `ringside trace` and recorded runs (sim/trace/recording.h): from a machine, into other formats, compared. */
#ifndef SIM_TRACE_RECORD_H
#define SIM_TRACE_RECORD_H

#include "sim/options.h"
#include "sim/subject.h"
#include "sim/trace/recording.h"

/* The formats, in the order of their words. Those up to JSONL are of events one by one. */
enum trace_format { TRACE_TEXT, TRACE_JSONL, TRACE_PERFETTO, TRACE_CSV, TRACE_FOLDED, TRACE_VCD, TRACE_CAST, TRACE_PCAP, TRACE_FORMATS };
extern const char *const trace_format_words[TRACE_FORMATS];
/* --format, else by the ending of -o, else `otherwise`; -1: EXIT_USAGE. */
int trace_format_of(const struct options *o, enum trace_format otherwise, struct err *e);

/* The run of `s` as far as it went; it borrows the machine's history, so `s` stays open as long. */
void trace_record(struct recording *r, const struct subject *s);
/* Is it a recorded trace: by its first bytes, or, if it is not there, by its ending? */
bool recording_is(const char *path);
/* Reads the file. EXIT_INPUT, EXIT_ENVIRONMENT. */
bool recording_load(struct recording *r, const char *path, struct err *e);
/* EXIT_USAGE if options of the machine were given: those are of a run. `who`: "trace print". */
bool recording_alone(const struct options *o, const char *who, struct err *e);
/* Adds it in that format. EXIT_INPUT: it has nothing of the kind. */
bool trace_convert(const struct recording *r, enum trace_format format, struct text *out, struct err *e);
/* Is it the same that happened, whenever? */
bool trace_same_event(const struct event *a, const struct event *b);
/* Adds what differs between two runs, for people; false: nothing does. `names`: of the files. */
bool trace_diff(const struct recording *a, const struct recording *b, const char *const names[2], struct text *out);

int cmd_trace_file(const struct options *o, struct err *e); /* cmd_trace_file.c: trace record|print|convert|diff */
bool trace_is_verb(const struct options *o);                /* is the first operand one of them? */

#endif
