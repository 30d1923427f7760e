/* The hypervisor's skin: everything of it that hardware reads, as bytes in machine memory.
 *
 * Idea 1: it lives in the top 4 MB of every linear address space (one global supervisor page), and guest segments are
 * cut below it. Page rights alone would not do: ring 1 counts as supervisor.
 * Idea 2: entering is the CPU's own work: IDT gate, TSS stack, entry stub (real instructions), then the *door* page,
 * where control passes to C. Leaving is POPA, ADD ESP, IRET, executed by the CPU.
 * Idea 3: the stub addresses memory through SS and CS only, which the gate has loaded, so the guest's DS, ES, FS and GS
 * with their hidden parts stay as the guest left them.
 *
 *   window offset   what                                   window offset   what
 *   01000  TSS (104 bytes, no I/O map: every port traps)   06000  stack, grows down from 08000
 *   02000  IDT, 256 gates                                  08000  shadow LDT (64 KB)
 *   03000  entry stubs, 16 bytes a vector                  18000  shadow GDT (64 KB)
 *   04000  common entry, leave, idle, SYSENTER's           28000  TSS with I/O map, where ports are opened by one
 *   05000  the door                                        2B000  tables of the IOMMU; or a resident driver's buffers
 *                                                          40000  frames for shadow page tables
 * SDM 3A 5.8 (protection by segments), 6.12 (gates), 7.2 (TSS).
 * TOUR vmm.1: the hypervisor's skin: what of it hardware reads. */
#ifndef VMM_WINDOW_H
#define VMM_WINDOW_H

#include "sim/core/addr.h"
#include "sim/core/bus.h"

#define WINDOW_BASE 0xFFC00000u /* linear address of the window */
enum {
    WINDOW_SIZE = 0x400000,
    WINDOW_TSS = 0x1000, WINDOW_IDT = 0x2000, WINDOW_STUBS = 0x3000, WINDOW_ENTRY = 0x4000, WINDOW_LEAVE = 0x4010,
    WINDOW_IDLE = 0x4020, WINDOW_FAST = 0x40C0, WINDOW_FAST_VECTOR = 0x101 /* what its stub writes where others write a vector */,
    WINDOW_DOOR = 0x5000, WINDOW_STACK = 0x8000, WINDOW_LDT = 0x8000, WINDOW_GDT = 0x18000,
    WINDOW_TSS_WIDE = 0x28000, WINDOW_IOMMU = 0x2B000, WINDOW_PRD = 0x2B000, WINDOW_BOUNCE = 0x2C000, WINDOW_NET = 0x34000 /* ring, and what hangs over its end */,
    WINDOW_NET_SEND = 0x37000, WINDOW_POOL = 0x40000,
    WINDOW_TSS_BYTES = 104, WINDOW_MAP_BYTES = 8193 /* a bit for each port, and the byte of ones behind */,
    /* The hypervisor's own selectors sit at the very end of the shadow GDT, where guests have nothing. */
    WINDOW_CS = 0xFFC8, WINDOW_SS = 0xFFD0, WINDOW_TR = 0xFFD8, WINDOW_LDTR = 0xFFE0, WINDOW_SS_HIGH = 0xFFE8,
    WINDOW_FIRST_SELECTOR = 0xFFA8,
    /* Real devices interrupt at these vectors; their gates have DPL 0, so no guest can fake one. */
    WINDOW_IRQ = 0xF0
};

/* What the common entry leaves on the hypervisor's stack, lowest address first. */
struct window_frame {
    uint32_t edi, esi, ebp, esp_at_pusha, ebx, edx, ecx, eax; /* PUSHA */
    uint32_t vector, code;                                    /* pushed by stub (code by hardware where it has one) */
    uint32_t eip, cs, eflags;                                 /* pushed by the gate */
    uint32_t esp, ss;                                         /* likewise, if the guest was interrupted */
};

/* One VM's window: each VM's address spaces map 4 MB of machine memory of its own there. */
struct window {
    struct bus *machine;
    uint32_t at; /* machine address, a multiple of WINDOW_SIZE */
    uint32_t tss; /* where its TSS lies: WINDOW_TSS or WINDOW_TSS_WIDE */
};

/* Where a window address lies in machine memory. */
static inline hpa_t window_hpa(const struct window *w, uint32_t offset) { return hpa(w->at + offset); }
#define WINDOW_FRAME_AT (WINDOW_STACK - (uint32_t)sizeof(struct window_frame)) /* window offset of a guest's frame */

/* Writes TSS, IDT, stubs, leave and idle code and the hypervisor's own descriptors; marks the door. */
void window_build(const struct window *w);
/* SYSENTER leads here with this ESP: to the same frame, without EIP, ESP and the segments, which the instruction does not tell. If it came
 * with TF set, its #DB comes from the first instruction there: such a frame. */
#define WINDOW_FAST_ESP (WINDOW_BASE + WINDOW_STACK - 8)
bool window_fast_step(const struct window_frame *f);
/* Writes one of the hypervisor's own descriptors: rights are bytes 5 and the high nibble of 6, limit in their units. */
void window_descriptor(const struct window *w, unsigned selector, uint32_t base, uint32_t limit, uint32_t rights);
/* A register's hidden part from one of them, as LLDT and LTR load it. */
struct seg_reg;
void window_load(const struct window *w, struct seg_reg *r, uint16_t selector);
/* Another view of the hypervisor's stack: WINDOW_SS_HIGH gets the base that makes ESP `esp` mean window offset `offset`. */
void window_stack_high(const struct window *w, uint32_t esp, uint32_t offset);
/* Changes for other techniques than trap-and-emulate: the privilege to call a gate by INT n; a gate that leads elsewhere, as raw
 * words (0, 0: closed); the stack for traps to ring 1; base and limit in the descriptor of the hypervisor's LDT. */
void window_gate(const struct window *w, unsigned vector, unsigned dpl);
void window_gate_raw(const struct window *w, unsigned vector, uint32_t low, uint32_t high);
void window_ring1_stack(const struct window *w, uint32_t ss, uint32_t esp);
void window_ldt(const struct window *w, uint32_t base, uint32_t limit);
/* With WINDOW_TSS_WIDE: opens or closes ports by the I/O map; shows the map to the processor or hides it (every port traps). */
void window_ports(const struct window *w, uint16_t first, unsigned count, bool open);
void window_map(const struct window *w, bool shown);
/* Symbol of a window address ("vmm.entry", "vmm.stub.13", "vmm.leave"), or NULL if `at` is no code of the window. */
const char *window_symbol(uint32_t at, char *buf, unsigned room);

#endif
