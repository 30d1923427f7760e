/* The inside of a machine, shared by the files that make up the composition root; nobody else includes this.
 *
 * Idea: `struct board` holds every mutable byte of the simulated machine except RAM, in one arena, so that a snapshot is
 * a copy (snapshot.h). What hangs outside (trace, decoded code, symbols, serial text) is history, caches or input. */
#ifndef SIM_BOARD_H
#define SIM_BOARD_H

#include "sim/core/arena.h"
#include "sim/core/points.h"
#include "sim/cpu/cpu.h"
#include "sim/cpu/recorder.h"
#include "sim/io/devices.h"
#include "sim/io/net_mirror.h"
#include "sim/io/serial_card.h"
#include "sim/disk_image.h"
#include "sim/loader.h"
#include "sim/machine.h"
#include "sim/mmu/mmu.h"
#include "sim/rom.h"
#include "sim/snapshot.h"
#include "sim/vmm/vm.h"

#define BOARD_EPOCH 946684800u /* 1 January 2000: the clock says so at cycle 0, plus the seed in seconds */

struct board {
    struct clock   clock;
    struct timeq   timers;
    struct bus     bus;
    struct cpu     cpu;
    struct mmu     mmu;
    struct devices devices;
    struct serial_card card;     /* lines for the VMs behind the first one, if there are any */
    struct vmm     vmm;          /* used if the technique has a hypervisor */
    struct timer   limit, till;  /* stop the run at a cycle */
    struct timer   input;        /* ends a halted CPU's wait for the next recorded input */
    uint32_t       inputs;       /* how many of machine->inputs have happened */
    size_t         typed_given, typed_taken; /* bytes of machine->typed that are there to be received; that were */
    bool           stopped;      /* the debug exit was written */
    uint32_t       stop_code;
    bool           off;          /* the power was turned off */
    bool           remapped;     /* ROM and RAM changed places: decoded code must go at the next boundary */
    uint8_t        reset;        /* 1 + RESET_CPU or RESET_BOARD: wanted at the next boundary */
    size_t         *serial_len;  /* of each guest, and of the host behind them: bytes of its serial text that exist at this moment */
    struct disk_moment *disk;    /* CONFIG_DISKS for each guest */
    struct bus *host_memory;     /* --host hosted: what the host's boot loader sees of memory */
    struct net_switch *net;      /* NULL: the board has no network card */
    struct net_mirror mirror;
    struct net_cable link_cable; /* --nic join: the way in for what comes from the other machine */
    struct timer   link_in, link_tick; /* the next frame is there; the other machine is to catch up */
    size_t         link_at, link_out_len; /* bytes of machine->link.in that have come; of link.out that exist at this moment */
    uint64_t       link_ticks, link_frames_in, link_frames_out;
    size_t         frames_len;   /* bytes of machine->frames_seen that exist at this moment */
    uint64_t       frames_count;
    struct machine_end end;
    struct machine_end *vm_end;  /* of each VM, where there are several */
    unsigned       vms_over;
    uint32_t       die;          /* event that ended it, 0 if none */
    struct episode_live episodes; /* the visit to the hypervisor that is under way */
};

/* What a guest has outside the arena. */
struct tenant {
    struct machine *m;
    unsigned       n;            /* its VM's number; 0 also without a hypervisor; a host's is behind the VMs' */
    struct image   image;
    struct text    serial;
    size_t         serial_sent;  /* bytes already handed to cfg.serial: re-execution sends nothing twice */
};

struct machine {
    struct machine_cfg cfg;
    struct model   model;
    const struct cpu_strategy *technique; /* of the first guest; has a hypervisor if any's has */
    unsigned       guests;
    struct tenant *guest;
    struct tenant host;          /* --host hosted: the host's kernel */
    int            seen;         /* the VM that is looked at; -1: the one that has the processor */
    struct arena   arena;
    struct board  *b;
    uint8_t       *ram;
    uint32_t       frames;
    struct trace  *trace;
    struct block_cache *blocks;
    struct rom     rom;          /* the ROM at the reset vector, if the machine has one */
    struct machine_drive { struct machine *m; unsigned n; } drive[CONFIG_DISKS]; /* the real board's */
    struct disk_image **disk;    /* CONFIG_DISKS for each guest, of which cfg.disks are there */
    struct text    frames_seen;  /* what passed the switch, as a capture file has it; machine_net.c */
    /* --nic join: the other machine, or NULL; what came and what went, and how much of it was exchanged; machine_join.c */
    struct { struct machine *to; uint32_t latency; bool over; uint64_t ticks; struct text in, out; size_t sent, taken; } link;
    struct text    inputs, typed; /* recorded input, and its serial bytes; machine_input.c */
    struct snapshots snapshots;
    const struct till *waiting;  /* condition of the run in progress */
    uint32_t       hit;          /* event that made it true */
    bool           paused;       /* machine_pause or a subscriber's vote */
    bool           limit_hit, till_hit;
    struct { bool done; uint64_t cycle; size_t bytes; struct err failed; } save; /* --save: what came of it; machine_save.c */
    /* --migrate-at: the second machine; sums of what went onto the link and came out of it; all but memory. machine_migrate.c */
    struct { struct machine *to; uint32_t sent, got; struct text rest; uint32_t inputs; size_t typed; } migration; /* `to` of one of several stays here */
    struct points  points;       /* a debugger's, and behind them `lent` of a run's condition */
    unsigned       lent;
    bool           watches_word; /* the condition of the run in progress does */
    struct recorder recorder;    /* the last instructions */
    machine_each_fn *each;       /* called after every boundary; NULL: nobody */
    void          *each_self;
};

/* Shared by machine.c, machine_run.c, snapshot.c, machine_look.c. */
void machine_sync_pause(struct machine *m); /* after a restore: pins and deadlines outside the arena */
/* While history is replayed nothing stops at points; release with what hold returned. machine_points.c */
bool machine_points_hold(struct machine *m);
void machine_points_release(struct machine *m, bool was);
/* Beside those that are armed, points at which a condition of a run is to be looked at (machine_run.c); a hit of one of them is no stop point's.
 * `was` keeps what machine_points_return puts back. False, and nothing done: there are too many. */
bool machine_points_lend(struct machine *m, struct points *was, const struct point *list, unsigned n);
void machine_points_return(struct machine *m, const struct points *was);
/* Recorded input whose moment has come; the boundary of the next one. machine_input.c */
void     machine_input_due(struct machine *m);
uint64_t machine_input_next(const struct machine *m);
/* The first VM leaves: what it has seen until now goes with it. It is there: what came since then goes, too. */
void     machine_input_leaves(struct machine *m);
void     machine_input_moves(struct machine *m, struct machine *to);
bool     machine_input_get(void *machine, uint8_t *byte); /* the serial line's other end; struct serial_source */
/* The VM that is looked at; its guest's things outside the arena; is it the one that has the processor? */
static inline struct vm *machine_seen(const struct machine *m) { return m->seen < 0 ? m->b->vmm.now : &m->b->vmm.vm[m->seen]; }
static inline const struct tenant *machine_tenant(const struct machine *m)
{
    return &m->guest[m->technique->hypervisor ? machine_seen(m)->id : 0];
}
static inline bool machine_sees_processor(const struct machine *m) { return m->seen < 0 || machine_seen(m) == m->b->vmm.now; }
/* The switch, and who is plugged in. machine_net.c */
void machine_build_net(struct machine *m, const uint32_t setting[SETTINGS]);
/* Opens the images, for each guest; what guest `guest`'s drives show; what hangs on the real controller, and how many drives: a hypervisor
 * that emulates all needs none. machine_disks.c */
bool     machine_open_disks(struct machine *m, struct err *e);
void     machine_media(struct machine *m, unsigned guest, struct disk list[CONFIG_DISKS]);
unsigned machine_board_media(struct machine *m, struct disk list[CONFIG_DISKS]);
bool     machine_split_plan(const struct machine *m); /* --io split: the real controller has a drive for each VM but the first, which drives it */
/* The guest's image in its memory, and its CPU at the first instruction; `vm`: NULL on a bare machine. The firmware for a VM that has it
 * (struct vmm_board). machine_boot.c */
bool     machine_boot_guest(struct tenant *t, const struct machine_cfg *cfg, struct vm *vm, struct err *e);
void     machine_copy_rom(void *rom, struct bus *memory, struct cpu *c, bool copy);
/* --host hosted: memory of the host's own, which lies first; its kernel boots on the real board. */
enum { HOST_FRAMES = 16 << 8 };
uint32_t machine_host_frames(const struct machine *m);
bool     machine_boot_host(struct machine *m, struct err *e);
/* --nic join: the other machine, or what it sent once; the end of that. machine_join.c */
bool machine_join(struct machine *m, const uint32_t setting[SETTINGS], struct err *e);
void machine_part(struct machine *m);
/* The run ends; the first end counts. machine_end.c */
void machine_ends(struct machine *m, enum machine_fate fate, uint32_t code, const char *why);
void machine_ends_shutdown(struct machine *m);                  /* a triple fault of the real CPU */
void machine_ends_reset(struct machine *m);
void machine_ends_off(struct machine *m);
void machine_ends_halted(struct machine *m);                    /* no device will ever wake the CPU */
void machine_ends_limit(struct machine *m, const char *option, uint64_t n);
void machine_ends_vmm(struct machine *m);                       /* the hypervisor has nothing left to run */
void machine_ends_host(struct machine *m); /* a host stops the machine: how its VMs ended counts, and those that had not died with their processes */
/* Of several VMs: whoever ended since this was called last. */
void machine_note_ends(struct machine *m);
/* How a VM ended, and the exit code for that. */
void machine_vm_end(const struct machine *m, unsigned vm, struct machine_end *x, int *code);
/* The VM as bytes, while it is suspended; and out of them, before the machine's start. machine_save.c */
void machine_save_plan(struct machine *m);
void machine_save_vm(const struct machine *m, const struct vm *vm, bool memory, struct text *file);
bool machine_restore(struct machine *m, struct err *e); /* if --restore says so */
/* Of a machine whose VM was to arrive: its memory is there, the rest in `state`; it goes on at that cycle. */
bool machine_arrive(struct machine *m, const struct text *state, uint64_t cycle, struct err *e);
bool machine_start(struct machine *m, struct err *e);   /* what machine_new ends with, unless the VM is to arrive. machine.c */
void machine_migrate_plan(struct machine *m);           /* machine_migrate.c */
static inline uint8_t machine_ring(const struct machine *m) { return m->b->cpu.cpl; }

#endif
