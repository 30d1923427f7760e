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
    size_t         serial_len;   /* bytes of machine->serial that exist at this moment */
    struct disk_moment disk[CONFIG_DISKS];
    struct machine_end end;
    uint32_t       die;          /* event that ended it, 0 if none */
    struct episode_live episodes; /* the visit to the hypervisor that is under way */
};

struct machine {
    struct machine_cfg cfg;
    struct model   model;
    const struct cpu_strategy *technique;
    struct arena   arena;
    struct board  *b;
    uint8_t       *ram;
    uint32_t       frames;
    struct trace  *trace;
    struct block_cache *blocks;
    struct image   image;
    struct rom     rom;          /* the ROM at the reset vector, if the machine has one */
    struct text    serial;
    size_t         serial_sent;  /* bytes already handed to cfg.serial: re-execution sends nothing twice */
    struct disk_image *disk[CONFIG_DISKS]; /* cfg.disks of them */
    struct text    inputs, typed; /* recorded input, and its serial bytes; machine_input.c */
    struct snapshots snapshots;
    const struct till *waiting;  /* condition of the run in progress */
    uint32_t       hit;          /* event that made it true */
    bool           paused;       /* machine_pause or a subscriber's vote */
    bool           limit_hit, till_hit;
    struct points  points;       /* a debugger's */
    struct recorder recorder;    /* the last instructions */
};

/* Shared by machine.c, machine_run.c, snapshot.c, machine_look.c. */
void machine_sync_pause(struct machine *m); /* after a restore: pins and deadlines outside the arena */
/* While history is replayed nothing stops at points; release with what hold returned. machine_points.c */
bool machine_points_hold(struct machine *m);
void machine_points_release(struct machine *m, bool was);
/* Recorded input whose moment has come; the boundary of the next one. machine_input.c */
void     machine_input_due(struct machine *m);
uint64_t machine_input_next(const struct machine *m);
bool     machine_input_get(void *machine, uint8_t *byte); /* the serial line's other end; struct serial_source */
static inline uint8_t machine_ring(const struct machine *m) { return m->b->cpu.cpl; }

#endif
