/* What the hypervisor puts into its window for the technique bt, once: gates and stubs by which the cache calls it, segments, the glue; and
 * its own tables about what is in the cache. See bintrans.h, which draws the window.
 *
 * Idea: a callout is a far call through a call gate, which hardware has; the stub behind it makes of what that pushes the frame that
 * interrupts leave, so that there is one door.
 * SDM vol. 3A 5.8.3 (call gates). Not here: units, which are made when the guest comes to them (bintrans_unit.c). */
#include "sim/vmm/bintrans.h"

#include <string.h>

#include "sim/core/fatal.h"
#include "sim/vmm/vm.h"

static const struct vmm_board *board(const struct vcpu *v) { return &v->vmm->board; }
static bool setting(const struct vcpu *v, enum setting s) { return board(v)->setting[s]; }

static void put_gate(const struct vcpu *v, uint32_t selector, uint32_t at)
{
    uint32_t dpl = setting(v, SETTING_BT_USER) ? 3 : 1, rights = 0x8C00 | dpl << 13; /* a 32-bit call gate */
    uint32_t gate[2] = { (uint32_t)WINDOW_CS << 16 | (at & 0xFFFF), (at & 0xFFFF0000u) | rights };
    bus_poke(board(v)->bus, window_hpa(&v->window, WINDOW_GDT + selector), gate, sizeof gate);
}

/* Makes of what a call gate pushes (no flags, and interrupts still on) the frame that the other stubs leave. */
static void build_stub(const struct vcpu *v)
{
    static const uint8_t code[] = {
        0x9C, 0x6A, 0x02, 0x9D, 0x83, 0xEC, 0x08, 0x60,             /* pushfd; push 2; popfd (IF, NT off); sub esp, 8; pusha */
        0x8B, 0x44, 0x24, 0x28, 0x8B, 0x4C, 0x24, 0x2C, 0x8B, 0x54, 0x24, 0x30, /* eax, ecx, edx = [esp+40] flags, eip, cs */
        0x89, 0x4C, 0x24, 0x28, 0x89, 0x54, 0x24, 0x2C, 0x89, 0x44, 0x24, 0x30, /* [esp+40] = eip, cs, flags */
        0xC7, 0x44, 0x24, 0x20, 0x00, 0x01, 0x00, 0x00,             /* vector: BT_VECTOR */
        0xC7, 0x44, 0x24, 0x24, 0x00, 0x00, 0x00, 0x00,             /* code: 0 */
        0xE9,
    };
    _Static_assert(BT_VECTOR == 0x100, "it is in the code");
    uint32_t rel = WINDOW_DOOR - (BT_STUB + sizeof code + 4), at = WINDOW_BASE + BT_STUB;
    bus_poke(board(v)->bus, window_hpa(&v->window, BT_STUB), code, sizeof code);
    bus_poke(board(v)->bus, window_hpa(&v->window, BT_STUB + sizeof code), &rel, 4);
    put_gate(v, BT_GATE, at);
}

/* What BT_QUICK leads to: the value to be stored (ECX: the one there is) changes nothing, or else as above. */
static void build_quick(const struct vcpu *v)
{
    static const uint8_t code[] = {
        0x9C, 0x65, 0x3B, 0x0D, BT_VALUE, 0, 0, 0, 0x75, 0x02, /* pushfd; cmp ecx, gs:[value]; jne +2 */
        0x9D, 0xCB, 0x9D, 0xE9,                                /* popfd; retf; popfd; jmp the other stub */
    };
    uint32_t rel = BT_STUB - (BT_QUICK_STUB + (uint32_t)sizeof code + 4), at = WINDOW_BASE + BT_QUICK_STUB;
    bus_poke(board(v)->bus, window_hpa(&v->window, BT_QUICK_STUB), code, sizeof code);
    bus_poke(board(v)->bus, window_hpa(&v->window, BT_QUICK_STUB + sizeof code), &rel, 4);
    put_gate(v, BT_QUICK, at);
}

/* The tables about what is in the cache. */
static void make_tables(struct vcpu *v, struct bintrans *t)
{
    struct arena *a = board(v)->arena;
    uint32_t kb = board(v)->setting[SETTING_BT_CACHE], times = kb > BT_UNITS_KB ? kb : BT_UNITS_KB;
    t->end = kb << 10;
    t->most_units = BT_UNITS * times / BT_UNITS_KB;
    if (t->most_units > BT_UNITS_MOST) t->most_units = BT_UNITS_MOST;
    t->most_points = BT_POINTS / BT_UNITS_KB * times;
    t->apart = arena_alloc(a, t->most_units * sizeof *t->apart);
    t->unit = arena_alloc(a, t->most_units * sizeof *t->unit);
    t->point = arena_alloc(a, t->most_points * sizeof *t->point);
}

bool bt_attach(struct vcpu *v, struct err *e)
{
    (void)e;
    struct bintrans *t = v->bt = arena_alloc(board(v)->arena, sizeof *t);
    struct bus *b = board(v)->bus;
    make_tables(v, t);
    build_stub(v);
    build_quick(v);
    bt_alias_attach(v);
    window_descriptor(&v->window, BT_CS, WINDOW_BASE + BT_CODE, t->end - 1, 0x40B9); /* ring-1 code, execute-only, accessed */
    window_descriptor(&v->window, BT_DS, WINDOW_BASE + BT_DATA, BT_DATA_SIZE - 1, 0x40B3); /* ring-1 data, accessed */
    if (setting(v, SETTING_BT_USER)) {
        window_descriptor(&v->window, BT_UCS, WINDOW_BASE + BT_CODE, t->end - 1, 0x40F9); /* the same for ring 3 */
        window_descriptor(&v->window, BT_UDS, WINDOW_BASE + BT_USER_DATA, BT_USER_SIZE - 1, 0x40F3);
    }
    unsigned latch;
    t->jump = bt_emit_glue(&t->scratch, &latch);
    if (t->scratch.n > BT_GLUE) fatal(EXIT_BUG, "bt: the glue is too long");
    memcpy(t->glue, t->scratch.point, t->scratch.points * sizeof t->glue[0]);
    t->glue_points = t->scratch.points;
    for (unsigned i = 0; i < t->glue_points; i++)
        if (t->glue[i].what == BT_LOOKUP) t->miss = t->glue[i].at;
    bus_poke(b, window_hpa(&v->window, BT_CODE), t->scratch.bytes, t->scratch.n);
    bus_poke(b, window_hpa(&v->window, BT_DATA + BT_PORTS + 4 * BT_PORT_POST), &(uint32_t){ latch }, 4);
    t->at = BT_GLUE;
    t->tail = t->end;
    t->context[0] = t->context[1] = UINT8_MAX;
    return true;
}
