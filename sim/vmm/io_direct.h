/* --io hypervisor-direct, inside: the resident block stack and its driver. io_direct.c and resident_ide.c explain. */
#ifndef VMM_IO_DIRECT_H
#define VMM_IO_DIRECT_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/clock.h"

struct vm;
struct vmm;

/* A request to the resident stack, whoever makes it: sectors of a real drive, moved to or from a buffer in machine memory. */
struct block_request {
    uint64_t lba;
    uint32_t count, ticket;
    bool     write;
};

/* What stands behind a virtual drive: a part of a real one. */
struct vm_disk {
    struct vm *vm;
    uint8_t    drive;           /* the same on both boards; virtual, it may be a virtio device */
    bool       virtio;
    uint64_t   first;           /* sector of the real drive at which it begins */
    struct timer done;          /* of the VM's queue: tells the virtual drive */
    bool       busy, flying;    /* `now` is in the stack; the real drive has got it */
    bool       again;           /* `next` is to follow: the virtual drive was reset and asked anew */
    bool       good;
    struct block_request now, next;
    uint64_t   since;           /* cycle at which `now` was queued */
};

enum { RESIDENT_CHANNELS = 2 };
struct resident {
    bool            started;
    struct vm_disk *flying[RESIDENT_CHANNELS]; /* the channel's drive carries it out; NULL: idle */
    uint64_t        head[RESIDENT_CHANNELS];   /* sector behind the last one moved */
    /* Counted for people: */
    uint64_t        requests, sectors, copies, interrupts, waited; /* `waited`: cycles in the queue */
};

/* Between io_direct.c and resident_ide.c, the driver: starts an idle channel on a request; a real interrupt: whose request is done, or
 * NULL: none. The bytes pass through the requester's buffer in its window. */
void            resident_init(struct vmm *h);
void            resident_go(struct vmm *h, struct vm_disk *d);
struct vm_disk *resident_interrupt(struct vmm *h, unsigned channel);

#endif
