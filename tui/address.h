/* The address view's own: what it copied out of the machine, and its two halves: walks, and what TLBs remember. */
#ifndef TUI_ADDRESS_H
#define TUI_ADDRESS_H

#include "sim/walk_view.h"
#include "tui/view.h"

enum { ADDRESS_GUEST_REFS = 5, ADDRESS_SET = 32, ADDRESS_ALL = 1024, ADDRESS_WALKS = 128, ADDRESS_LEAST_COLS = 58 };

/* A guest-physical address, and where the machine has it. */
struct address_frame {
    uint32_t ma;
    bool there, traced;
};

enum address_from { FROM_INSN, FROM_FAULT, FROM_PERSON };
enum address_kind { ADDRESS_ONE /* one set of tables, which the CPU walks */, ADDRESS_SHADOW, ADDRESS_TWO };

struct address {
    char wanted[64];           /* typed, as walk_what_read takes it; "": the newest fault, or the next instruction */
    unsigned step;             /* 0: the whole walk; n: up to the n-th reference */
    bool listing;              /* only what TLBs remember */
    struct walk_what what;
    enum address_from from;
    enum address_kind kind;
    bool vmm, direct;
    uint32_t cr3_guest, cr3_real;
    struct machine_xlat x;
    struct address_frame frame[ADDRESS_GUEST_REFS + 2]; /* of CR3's table, of each entry's, the last: of the address */
    char verdict[128];
    unsigned n_set, n_all, n_walks;
    struct known_page set[ADDRESS_SET], all[ADDRESS_ALL];
    struct known_walk walk[ADDRESS_WALKS];
};

/* How many references can be stepped through: the CPU's, and behind them the hypervisor's where it must look itself. */
unsigned address_steps(const struct address *a);
/* Both draw from row `y` on and return the row behind. */
int address_draw_walk(const struct address *a, struct pane *p, int y);
int address_draw_set(const struct address *a, struct pane *p, int y);
/* All that TLBs and caches of walks hold, from row `y` to the pane's end, scrolled. */
void address_draw_all(struct view *v, struct pane *p, int y);

#endif
