/* Live migration: a VM goes to another machine while it runs. Clark et al., NSDI 2005; Nelson et al., USENIX 2005.
 *
 *   0 the VM runs   1 the target reserves memory   2 rounds of pages while it runs   3 it stops, the rest follows   4 the target has
 *   all, and says so   5 it runs there
 *
 * Idea 1: the dirty log is what page tables are for. A round begins with every page read-only (mmu_strategy.protect, FRAME_SHARED): the
 * first store to each is a hidden fault or a violation, or comes over the VM's bus, and is noted; later ones cost nothing. The next
 * round sends what was noted.
 * Idea 2: a page that has been stored to again in this round will have to go anyway, so it is not sent: the writable working set.
 * Idea 3: a round is as fast as it must be: the first slow, each next one faster than the guest stored in the last; the VM is stopped when few
 * pages are left, or when running on would not make them fewer.
 * Idea 4: the target runs only when everything is there and its checksum is right, and the source forgets the VM only when the target says
 * so. Until then any failure means that it goes on where it is.
 * A ported kernel's own tables cannot be changed unseen: while the log is taken the processor walks copies of them (mmu/direct_log.c). Its pages are
 * numbered as it numbers them, and go with page numbers where it has frames.
 * Idea 5: of several VMs one goes, and the others have the processor while its last bytes are on their way. The dirty log is only its: none of
 * their pages becomes read-only.
 *
 * Between the target's word and the source's there is a moment in which a link that is cut leaves nobody knowing: no protocol of finitely
 * many messages is without it (two generals), and it is not modelled. Disks are on both machines from the start, and what was written to them
 * goes with the last part.
 * TOUR vmm.16: a virtual machine goes elsewhere. */
#ifndef VMM_MIGRATE_H
#define VMM_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sim/vmm/setting.h"

struct vm;
struct vmm;
struct vcpu;

enum migrate_stage { MIGRATE_NONE, MIGRATE_RESERVE, MIGRATE_COPY, MIGRATE_STOP, MIGRATE_DONE, MIGRATE_FAILED, MIGRATE_STAGES };
/* Why the VM was stopped: little is left; the guest stores faster than the link may go; it stored to more than before, twice; enough rounds;
 * it was to stand still all the time. */
enum migrate_why { MIGRATE_FEW, MIGRATE_FAST, MIGRATE_GROWS, MIGRATE_ROUNDS_MOST, MIGRATE_COLD, MIGRATE_WHYS };
const char *migrate_stage_name(unsigned stage);
const char *migrate_why_name(unsigned why);

enum { MIGRATE_ROUNDS = 32, MIGRATE_LAST = MIGRATE_ROUNDS - 1 /* the round in which the VM is stopped */ };
struct migrate_round {
    uint64_t began, ended;   /* cycles */
    uint64_t bytes;          /* on the link */
    uint32_t pages;          /* to be sent when it began */
    uint32_t sent, zero;     /* with all their bytes; that are zeros, and go as one word */
    uint32_t hot;            /* not sent, for they had been stored to again */
    uint32_t dirtied;        /* stored to while it lasted */
    uint32_t mbit;           /* its rate */
};

/* The other end of the link. Each says whether it worked; if not, `why` is told. */
struct migrate_line {
    bool (*reserve)(void *self, char *why, size_t room);
    bool (*page)(void *self, unsigned round, uint32_t page, const uint8_t *bytes /* NULL: zeros */, char *why, size_t room);
    size_t (*rest)(void *self, struct vm *vm);             /* bytes of all else: CPU, devices, what was written to disks */
    bool (*commit)(void *self, struct vm *vm, char *why, size_t room); /* they have arrived, at this cycle: is everything there? */
    void (*abandon)(void *self);                           /* the target forgets it all */
    void *self;
};

struct migrate {
    uint8_t  stage, why;     /* enum migrate_stage, enum migrate_why */
    uint8_t  rounds;         /* begun; with the last one */
    uint8_t  grew;
    bool     logs;           /* stores are noted */
    uint8_t  vm;             /* which one goes */
    uint64_t next;           /* cycle at which something is to be done */
    uint32_t *dirty, *send;  /* a bit for each page: stored to in this round (of a ported kernel by frame); to be sent in it */
    uint32_t *frame, bits;   /* of a ported kernel: where a page was when it was sent; how many bits there are in `dirty` */
    uint8_t  *kind;          /* and what it was */
    uint32_t frames, cursor, dirtied;
    uint64_t faults;         /* stores that had to be noted */
    uint64_t began, stopped, resumed; /* cycles: reservation; the VM stopped, and goes on */
    struct migrate_round round[MIGRATE_ROUNDS];
    struct migrate_line line;
    char     failed[200];    /* why it did not go */
};

/* That VM is to leave from a cycle on. Its stores are noted from then on; it was made with vm_plan.leaves. */
void migrate_plan(struct vmm *h, unsigned vm, uint64_t at, const struct migrate_line *line);
/* There is another machine, and whoever may asks for a VM to go there; it was made with vm_plan.leaves, or stands still all the time. */
void migrate_offer(struct vmm *h, const struct migrate_line *line);
enum migrate_asked { MIGRATE_BEGUN, MIGRATE_NOWHERE, MIGRATE_BUSY };
enum migrate_asked migrate_ask(struct vmm *h, unsigned vm);
/* When there is something to do (TIMEQ_NEVER: never), and that. */
uint64_t migrate_deadline(const struct vmm *h);
void migrate_tick(struct vmm *h);
/* The VM has come to its end, here: if it was on its way it is no longer. */
void migrate_over(struct vm *vm);
/* Where memory is managed: a page has another frame, whose first store is to be noted if that of the page is. */
void migrate_comes(struct vm *vm, uint32_t page);
/* A page of the VM is about to be stored to, by whomever. */
void migrate_stores(struct vm *vm, uint32_t page);

#endif
