/* Snapshots: the whole machine at a moment, so that any moment can be revisited by re-executing from the last one before.
 *
 * Idea 1: RAM is saved page by page, only pages stored to since the snapshot before (FRAME_DIRTY). A frame's content at snapshot k is its
 * latest saved version not newer than k, or zeros. The arena is saved by pages, too, those that are not as at the snapshot before.
 * Copies of both lie in groups, in the host's large pages where it has them: a page fault for each would cost as much as the copy.
 * What they take together is bounded (--history): beyond it every second one goes, and versions of pages that no other needs.
 * Idea 2: taking one changes nothing a guest can see: fast TLB tags are dropped so that the next store marks its page
 * again, which costs no simulated cycle.
 * TOUR sim.3: how time goes back. */
#ifndef SIM_SNAPSHOT_H
#define SIM_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct machine;
#define CONFIG_HISTORY "history.memory" /* the --set that --history stands for, in MB */
enum { HISTORY_LEAST = 16, HISTORY_MOST = 1 << 20 };

struct snapshot {
    uint64_t insns;
    uint32_t event;      /* last event id */
    uint32_t *arena;     /* for each page of [base, base + used): its copy, a number */
    uint32_t copies;     /* that there were */
};
struct page_version {
    uint32_t frame, snapshot; /* index of the snapshot it was saved for */
    uint32_t before;          /* 1 + index of the frame's previous version; 0: none */
};
/* Memory for copies of pages, by number; allocated some at a time. */
struct copies { uint8_t **group; uint32_t groups, room; };
struct snapshots {
    struct snapshot *list;
    uint32_t count, room;
    struct copies of_arena, of_ram; /* of_ram: by the number of the version */
    uint32_t copies;          /* of the arena's pages */
    struct page_version *page;
    uint32_t pages, page_room;
    uint32_t *latest;         /* per frame: 1 + index of its latest version */
    uint64_t next;            /* instruction count at which the run takes another one */
    bool off;                 /* none are wanted */
    uint64_t replayed;        /* instructions that were executed again to go back, so far: the work of time travel, for tests */
};

/* Most bytes, a little more for the newest one: --history, else 1 GB. */
uint64_t snapshots_room(const struct machine *m);
uint64_t snapshots_used(const struct machine *m);
bool snapshots_init(struct machine *m);
void snapshots_done(struct machine *m);
void snapshot_take(struct machine *m);                        /* of this moment */
void snapshot_restore(struct machine *m, uint64_t insns);     /* the latest one at or before `insns`; newer ones are dropped */
void snapshots_forget(struct machine *m);                     /* the past was changed: all but a new one of this moment */

#endif
