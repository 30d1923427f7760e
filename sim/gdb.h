/* A debugger's session with a machine, in GDB's remote serial protocol. Split by subject:
 *   gdb_packet.c  bytes to packets and back       gdb_command.c  what each packet does
 *   gdb_regs.c    registers, target description   gdb_run.c      running, stepping, going back, stop replies
 *   gdb_monitor.c `monitor` commands that move    gdb_show.c     `monitor` commands that look
 *   gdb_server.c  sockets, the only file with a network
 *
 * Idea 1: a session is a function from packets to packets over a machine: it owns no socket, so tests feed it bytes.
 * Idea 2: the debugger sees the guest's view (machine_guest): under a hypervisor the virtual ring, flags and control
 * registers, and never a moment of the hypervisor's own. Stop points are the machine's; no guest byte is patched.
 * GDB manual, appendix E; docs/gdb.md says what is supported. */
#ifndef SIM_GDB_H
#define SIM_GDB_H

#include "sim/gdb_packet.h"
#include "sim/machine.h"

enum gdb_over {
    GDB_ON,
    GDB_DETACHED, /* the guest runs on */
    GDB_KILLED,
    GDB_GONE      /* the guest has ended, and GDB knows */
};

struct gdb_stop { uint8_t type; uint32_t at, length; }; /* as in Z packets: 0..4 */

struct gdb {
    struct machine *m;
    bool (*interrupted)(void *self); /* asked during long runs: does the debugger, or the person, want a stop? */
    void  *self;
    enum gdb_over over;
    bool   no_ack, extended, swbreak, hwbreak;
    bool   told_end;                 /* the guest died or met a limit, and GDB was shown where */
    const struct till *till;         /* gdb_continue stops there, too; NULL: nowhere. The stop has no reason */
    struct point_hit hit;            /* of the run that ended with MACHINE_POINT */
    unsigned stops;
    struct gdb_stop stop[POINTS_MOST];
    struct text out;                 /* framed bytes to be sent */
    struct text last;                /* payload of the last stop reply, for `?` */
    struct text xml;                 /* target.xml, once asked for */
};

/* The machine stands before an instruction of the guest after this. */
void gdb_begin(struct gdb *g, struct machine *m, bool (*interrupted)(void *self), void *self);
void gdb_end(struct gdb *g);         /* removes the stop points, frees */
/* Carries out one packet (NUL behind its end) and adds the answers to g->out. */
void gdb_command(struct gdb *g, const uint8_t *packet, size_t length);

/* Gives the machine the debugger's stop points, and one more place to stop at unless `also` is NULL. */
void gdb_apply_stops(struct gdb *g, const uint32_t *also);

/* Answers. */
void gdb_send(struct gdb *g, const char *payload);
void gdb_console(struct gdb *g, const char *text); /* shown by GDB as it is */

/* gdb_regs.c. Registers are numbered as target.xml lists them. False: no such register, or it cannot be written. */
void gdb_target_xml(struct text *out);
unsigned gdb_registers(void);
unsigned gdb_register_bytes(unsigned n);
void gdb_add_registers(const struct gdb *g, struct text *out);             /* all of them, in order, as hex */
bool gdb_add_register(const struct gdb *g, unsigned n, struct text *out);
bool gdb_set_register(struct gdb *g, unsigned n, const uint8_t *bytes);    /* gdb_register_bytes(n) of them */
const char *gdb_mode(const struct machine_cpu *c);                         /* "protected, 32-bit" */

/* gdb_run.c. Each ends with a stop reply. */
void gdb_continue(struct gdb *g);
void gdb_step(struct gdb *g);
void gdb_step_program(struct gdb *g); /* one step of what runs there: an interrupt that is taken, and its handler, are no step of it */
void gdb_step_range(struct gdb *g, uint32_t from, uint32_t to); /* steps until EIP leaves [from, to), over interrupts */
void gdb_back_step(struct gdb *g);
void gdb_back_continue(struct gdb *g);
void gdb_restart(struct gdb *g);                                /* back to the beginning of history; no reply */
void gdb_stopped(struct gdb *g);                                /* the reply to `?` */
/* Runs on (till may be NULL) for `monitor`; MACHINE_PAUSED if the debugger interrupted. */
enum machine_stop gdb_run(struct gdb *g, const struct till *till);
/* One instruction of the guest (or a delivery): MACHINE_BUDGET; else what stopped it. */
enum machine_stop gdb_one(struct gdb *g);
/* Out of the hypervisor, if it is there that the machine stopped. */
void gdb_to_guest(struct gdb *g);

/* gdb_monitor.c */
void gdb_monitor(struct gdb *g, const char *line, struct text *out);

/* gdb_server.c: listens at `where` ("", "PORT", ":PORT", "HOST:PORT"), says so on stderr, waits for a debugger and serves it;
 * runs the machine to its end. False: EXIT_USAGE or EXIT_ENVIRONMENT for the address, what guard_error says, or
 * EXIT_INTERRUPTED if the debugger killed the run. */
bool gdb_serve(struct machine *m, const char *where, struct err *e);
/* Is this word such an address? For `--gdb WORD`, whose value may be left out. */
bool gdb_is_address(const char *word);

#endif
