/* An editor's session with a machine, in the Debug Adapter Protocol. Split by subject:
 *   dap.c       requests and answers: stop points, running, going back       dap_show.c   what an editor shows: stack, registers, memory, code
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
enum dap_points { DAP_FUNCTIONS, DAP_INSTRUCTIONS, DAP_SOURCES /* and on: one for each file */ };

struct dap {
    struct gdb gdb;
    struct machine *m;
    struct source_lines *lines;                /* NULL: the image has none */
    struct { char file[300]; uint32_t at[POINTS_MOST]; unsigned n; } set[DAP_SOURCES + DAP_FILES]; /* stop points by who set them */
    char image[512];
    bool stop_on_entry, configured, over, stop_wanted;
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

/* dap_show.c: each fills the answer's body. False: the reason is in `e`. */
bool dap_stack(struct dap *d, json_t *args, json_t *body, struct err *e);
bool dap_scopes(struct dap *d, json_t *args, json_t *body, struct err *e);
bool dap_variables(struct dap *d, json_t *args, json_t *body, struct err *e);
bool dap_set_variable(struct dap *d, json_t *args, json_t *body, struct err *e);
bool dap_evaluate(struct dap *d, json_t *args, json_t *body, struct err *e);
bool dap_read_memory(struct dap *d, json_t *args, json_t *body, struct err *e);
bool dap_disassemble(struct dap *d, json_t *args, json_t *body, struct err *e);
/* "0x1234", "1234" (decimal), a symbol, or a register: its value. */
bool dap_value(const struct dap *d, const char *word, uint32_t *value);

/* dap_server.c: at `where` ("": stdin and stdout; else "PORT", ":PORT", "HOST:PORT", which it says on stderr) until the editor leaves.
 * `serial` is to be given to the machine's configuration. EXIT_USAGE, EXIT_ENVIRONMENT. */
bool dap_serve(struct machine *m, const char *image, const char *where, struct err *e);
void dap_serial(void *self, unsigned vm, uint8_t byte);

#endif
