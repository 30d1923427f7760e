/* Who owns each device of a machine, and what passed between it and the virtual machines: for `draw topology`, the terminal.
 *
 * Idea: owners are the machine's to tell (machine_owners); traffic is counted from the history, whose events say which port, which
 * interrupt input, which drive. Counting goes on from where it stopped, and begins again when the past was changed. */
#ifndef SIM_DEVICE_USE_H
#define SIM_DEVICE_USE_H

#include "sim/machine.h"

enum { DEVICE_USES = 24, DEVICE_VMS = 8 /* those from the eighth on are counted together */ };

struct device_use {
    struct machine_owner is;           /* `sees` is the first VM's */
    const char *sees[DEVICE_VMS];      /* machine_owner, for each VM */
    uint64_t accesses[DEVICE_VMS];     /* to its ports, that a hypervisor served */
    uint64_t signals[DEVICE_VMS];      /* interrupts of the VM's virtual one */
    uint64_t real_signals;             /* of the real one */
    uint64_t commands[DEVICE_VMS], real_commands; /* disk commands or frames: virtual ones by VM; the real one's */
};
struct device_uses {
    unsigned n, vms;
    struct device_use use[DEVICE_USES];
    uint64_t hypercalls[DEVICE_VMS], switches; /* world switches */
    /* How far counting has come. */
    uint32_t last;
    size_t   next;
    uint64_t hash;                       /* of the event `last` */
    bool     forgotten;                  /* the history lacks its middle */
};

/* Brings `u` (zeroes at first) up to date. */
void device_uses_count(struct device_uses *u, const struct machine *m);
/* The same for somebody who goes back and forth: counts of earlier moments are kept, so that a step back counts a few thousand
 * events again and not all. About 60 KB. */
enum { DEVICE_KEPT = 3 };
struct device_uses_log { struct device_uses now, kept[DEVICE_KEPT][2]; };
void device_uses_follow(struct device_uses_log *l, const struct machine *m);
/* Did anything pass between it and anybody? */
bool device_use_any(const struct device_use *d);
/* "IDE controller": what people call it; the name itself where there is no better one. */
uint64_t device_use_sum(const uint64_t by_vm[DEVICE_VMS]);
const char *device_use_title(const char *name);
/* "the hypervisor", "vm 1", "nobody", "the guest" of a bare machine; returns buf. */
const char *device_use_owner(const struct machine *m, int owner, char *buf, size_t room);

#endif
