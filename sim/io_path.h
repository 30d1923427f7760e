/* One disk request, followed through the history of a run: from the guest's driver to the end of its interrupt's handler.
 *
 * Idea: nothing is modelled here. The request is the last read of a real drive whose whole way is in the history; its way is cut at
 * landmarks, events that every request on that way passes, and what lies between two landmarks is counted. */
#ifndef SIM_IO_PATH_H
#define SIM_IO_PATH_H

#include "sim/machine.h"

enum { IO_HOPS = 10 };
enum io_who { IO_GUEST, IO_VMM, IO_SERVICE, IO_DEVICE, IO_HOST };

struct io_hop {
    enum io_who who;
    const char *what[2];             /* two short lines */
    uint32_t from, to;               /* ids of the events that it lies between; the same: what no hypervisor sees leaves none */
    uint64_t cycles;
    unsigned exits, hypercalls, switches;
};
struct io_path {
    char     way[24], machine[48];   /* "passthrough"; "vtx, shadow" */
    char     refused[512];           /* else "": why there is none */
    unsigned hops;
    struct io_hop hop[IO_HOPS];
    uint64_t cycles, drive;          /* all; of it, the drive's own time */
    unsigned exits, hypercalls, switches, sectors;
    unsigned copied;                 /* sectors that software copied on the way */
    unsigned requests;               /* how many commands the real drives had in all */
    double   accesses;               /* to the real controller's ports, a command, on average */
};

/* Finds the request; false, and `refused` says why, if there is none. */
bool io_path_find(struct io_path *p, const struct machine *m);
const char *io_who_name(enum io_who who);

#endif
