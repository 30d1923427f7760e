/* The board under the laboratory, shared by lab.c and lab_board.c. See lab.h.
 *
 * RAM, by frame. The system's pages are mapped for rings 0 to 2 only, high up where no segment of a case reaches unless it
 * means to; like every operating system's they exist, so a user access to them is a protection violation.
 *
 *   0      page directory            4     GDT, TSS           6..21  LDT (64 KB)
 *   1-3    page tables: 0, CODE, DATA 5     IDT                22     handlers (entry 4n for vector n)
 *   23     page table: system         24    stacks of rings 0, 1, 2
 *   25-26  LOW    27-28 DATA    29-30 CODE */
#ifndef SIM_LAB_BOARD_H
#define SIM_LAB_BOARD_H

#include "sim/core/arena.h"
#include "sim/core/bus.h"
#include "sim/core/clock.h"
#include "sim/core/cost.h"
#include "sim/cpu/cpu.h"
#include "sim/lab.h"
#include "sim/mmu/mmu.h"

enum {
    FRAME_DIRECTORY = 0, FRAME_LOW_TABLE = 1, FRAME_CODE_TABLE = 2, FRAME_DATA_TABLE = 3, FRAME_GDT = 4, FRAME_IDT = 5,
    FRAME_LDT = 6, FRAME_HANDLERS = 22, FRAME_SYSTEM_TABLE = 23, FRAME_STACKS = 24, FRAME_LOW = 25, FRAME_DATA = 27,
    FRAME_CASE = FRAME_LOW, FRAME_OF_CODE = 29, FRAMES = 31
};
#define SYSTEM_BASE 0xFF800000u /* linear; page n of it is frame n */
#define SYSTEM_PAGE(frame) (SYSTEM_BASE + (uint32_t)(frame) * PAGE_SIZE)

/* Selectors. Ring r < 3 has code 08+16r+r and data 10+16r+r; ring 3 has LDT entries 1 and 0. */
enum { SEL_LDT = 0x38, SEL_TSS = 0x40, SEL_HANDLERS = 0x48, SEL_SYSTEM_STACK = 0x50, TSS_AT = 0x100, GDT_BYTES = 0x58 };

/* What a case may change, and what is put back before the next. */
struct lab_state {
    struct cpu   cpu;
    struct mmu   mmu;
    struct clock clock; /* last: of its lanes none but the first owner's are ever current here */
};

struct lab {
    struct lab_state now, fresh[4]; /* fresh: by ring, as every case of that ring begins */
    struct arena  arena;
    struct model  model;
    struct bus    bus;
    uint8_t       ram[FRAMES * PAGE_SIZE];
    uint8_t       tables[FRAME_CASE * PAGE_SIZE]; /* the system's pages as they should be */
    uint32_t      ldt_entries;
    struct block_cache *blocks; /* NULL: instruction by instruction */
    struct lab_image before;
    struct lab_case  parsed; /* lab_line's: too large for a stack */
};

bool lab_board_build(struct lab *l, struct err *e);
void lab_board_ldt(struct lab *l, const struct lab_ldt *entry);
void lab_board_forget(struct lab *l); /* the LDT has entries 0 and 1 */
/* The state `from` put into `to`; one of them is `now`, the other in `fresh`. */
void lab_board_state(struct lab_state *to, const struct lab_state *from);
/* Everything but LOW, DATA and CODE as if no case had ever run; the CPU in that ring's state. */
void lab_board_reset(struct lab *l, unsigned ring);
/* LOW, DATA and CODE get the image. */
void lab_board_load(struct lab *l, const struct lab_image *im);

#endif
