/* An editor's session with a machine, in the Debug Adapter Protocol. Split by subject:
 *   dap.c       requests and answers: stop points, running, going back       dap_show.c   what an editor shows: stack, registers, memory, code
 *   dap_points.c stop points: by line, function, address, data; conditions, counts, messages
 *   dap_raise.c filters of "exceptions": those of the guest, exits, silent failures
 *   dap_server.c bytes: stdin and stdout, or one socket
 *
 * Idea 1: running, stepping and going back are the GDB session's (gdb.h): this is another language for the same acts, so both debuggers see
 * the same moments: the guest's view, never one of the hypervisor's own.
 * Idea 2: a session is a function from messages to messages; it owns no socket. JSON is jansson's.
 * Debug Adapter Protocol 1.6x (microsoft.github.io/debug-adapter-protocol); docs/gdb.md says what is supported. */
#ifndef SIM_DAP_H
#define SIM_DAP_H

#include <jansson.h>
#include "sim/gdb.h"
#include "sim/source_lines.h"

enum { DAP_FILES = 16 };
enum dap_points { DAP_FUNCTIONS, DAP_INSTRUCTIONS, DAP_DATA, DAP_SOURCES /* and on: one for each file */ };

struct dap_point {
    uint8_t  set, type;                        /* who set it; as in struct gdb_stop: 0 code, 2 written, 3 read, 4 both */
    unsigned id;
    uint32_t at, length;
    uint64_t hits;                             /* forwards, with the condition fulfilled */
    char     condition[96], count[24], message[200]; /* "": none */
};

/* Filters of exceptions, and what is asked of each. */
enum dap_raise { DAP_EXCEPTIONS, DAP_EXITS, DAP_SILENT, DAP_FILTERS };
struct dap_filter { bool on; char condition[96]; };

struct dap {
    struct gdb gdb;
    struct machine *m;
    struct source_lines *lines;                /* NULL: the image has none */
    struct dap_point point[POINTS_MOST];
    unsigned points, ids, hits, hit_id[8];     /* hit_id: of those at which it stopped last */
    char file[DAP_FILES][300];                 /* of the sets from DAP_SOURCES on */
    char image[512];
    struct dap_filter filter[DAP_FILTERS];
    struct till till, part[DAP_FILTERS];       /* that the filters make */
    struct event raised;                       /* the last one that a filter looked at */
    uint32_t after;                            /* events up to this one are passed */
    uint64_t raise_at;                         /* the moment to which the guest was taken for `raised` */
    bool is_raised, raising;                   /* it stands there; a filter's condition is being read */
    bool stop_on_entry, configured, ended, over; /* ended: nothing runs any more, and the editor was told; over: the session */
    int  seq;
    void (*send)(void *self, const char *json, size_t n);
    void *self;
};

/* The machine stands before the guest's first instruction after this. `interrupted` is asked during long runs. */
void dap_begin(struct dap *d, struct machine *m, const char *image, bool (*interrupted)(void *self), void *self);
void dap_end(struct dap *d);
/* Carries out one message and sends the answers. What is no request is refused, or passed over. */
void dap_message(struct dap *d, const char *json, size_t n);
/* What the guest writes to its serial port, for the editor's console. */
void dap_output(struct dap *d, const char *category, const char *text);

/* dap_points.c: each fills the answer's body. */
bool dap_on_sources(struct dap *d, json_t *args, json_t *body, struct err *e);
bool dap_on_functions(struct dap *d, json_t *args, json_t *body, struct err *e);
bool dap_on_instructions(struct dap *d, json_t *args, json_t *body, struct err *e);
bool dap_data_info(struct dap *d, json_t *args, json_t *body, struct err *e);
bool dap_on_data(struct dap *d, json_t *args, json_t *body, struct err *e);
/* The guest stands where the GDB session stopped: is it to stay there? No: only points were hit whose condition does not hold, whose count is
 * not reached, or that only say something (said now). Backwards nothing is counted or said. */
bool dap_point_stops(struct dap *d, bool forward);

/* In the protocol's words: whose point it was that stopped the guest last. */
const char *dap_point_reason(const struct dap *d);

/* Do these words make a condition, as far as can be said before memory is there? Does it hold (one that cannot be read does)? "" holds. */
bool dap_condition_is(const struct dap *d, const char *words);
bool dap_condition_holds(const struct dap *d, const char *words);
/* A register, a symbol, a number, `$` before it or not; [WORD]: the four bytes there. */
bool dap_word(const struct dap *d, const char *word, uint32_t *value);

/* dap_raise.c */
json_t *dap_filters(void); /* for `initialize` */
bool dap_on_exceptions(struct dap *d, json_t *args, json_t *body, struct err *e);
bool dap_exception_info(struct dap *d, json_t *args, json_t *body, struct err *e);
/* What a run has to look out for; NULL: no filter is on. Valid until the next call. */
const struct till *dap_raise_till(struct dap *d);
void dap_raise_begin(struct dap *d);                      /* the guest is about to run, or to be taken back */
bool dap_raise_stops(struct dap *d);                      /* after a run: was there such an event? Then the guest stands at its reason now */
void dap_raise_stopped(const struct dap *d, json_t *body); /* the event's part of a `stopped` message, if it is one */
/* vector, code, address of the event whose filter's condition is being read. */
bool dap_raise_word(const struct dap *d, const char *word, uint32_t *value);

/* dap_show.c: each fills the answer's body. False: the reason is in `e`. */
bool dap_stack(struct dap *d, json_t *args, json_t *body, struct err *e);
bool dap_scopes(struct dap *d, json_t *args, json_t *body, struct err *e);
bool dap_variables(struct dap *d, json_t *args, json_t *body, struct err *e);
bool dap_set_variable(struct dap *d, json_t *args, json_t *body, struct err *e);
bool dap_set_expression(struct dap *d, json_t *args, json_t *body, struct err *e);
bool dap_evaluate(struct dap *d, json_t *args, json_t *body, struct err *e);
bool dap_read_memory(struct dap *d, json_t *args, json_t *body, struct err *e);
bool dap_write_memory(struct dap *d, json_t *args, json_t *body, struct err *e);
bool dap_disassemble(struct dap *d, json_t *args, json_t *body, struct err *e);
/* "0x1234", "1234" (decimal), a symbol, or a register: its value. */
bool dap_value(const struct dap *d, const char *word, uint32_t *value);

/* dap_server.c: at `where` ("": stdin and stdout; else "PORT", ":PORT", "HOST:PORT", which it says on stderr) until the editor leaves.
 * `serial` is to be given to the machine's configuration. EXIT_USAGE, EXIT_ENVIRONMENT. */
bool dap_serve(struct machine *m, const char *image, const char *where, struct err *e);
void dap_serial(void *self, unsigned vm, uint8_t byte);

#endif
