/* Stores to page tables that need no fault: aliases of the guest's page tables in the hypervisor's window, and the log of what
 * was stored through them. See bintrans.h; the code that uses them is bintrans_store.c's.
 *
 *   guest's linear page of a page table     read-only in the shadow: any other store to it traps (trace)
 *   alias, in the window behind BT_ALIAS    the same frame, writable: reached through %gs by translated stores alone
 *
 *   page number (20 bits) -> its lower 16, bytes exchanged -> byte of BT_MAP: alias 1..64, 0: none
 *   alias -> BT_DELTA: what to add to the linear address. If the upper 4 bits of the page were others, the sum is beyond the
 *   segment; if the store reaches beyond the page, it hits the empty page behind each alias: either faults, and is emulated.
 *
 * Idea 1: an alias is like an entry of the guest's TLB: made of entries that are present, writable, accessed and dirty, and kept
 * until the guest says that they changed (INVLPG, CR3): the same law that the guest lives by on hardware.
 * Idea 2: so are the shadow entries: a store that takes something away is only noted, and followed at the next exit, before
 * anybody looks at a shadow, and before user code runs. What is to be present is followed at once: the store calls.
 * Idea 3: code that was made for one page (bintrans_store.c) has an alias's address behind a comparison, and stays when the alias is
 * revoked: it faults then. Therefore an alias is given to its old page again if that wants one, and what guesses at it dies when
 * it is given to another.
 * AA06 5.3 and its nano-benchmarks (ptemod). Granted only to frames that are page tables and nothing else: descriptor tables
 * and code need their traces. */
#include "sim/cpu/segment.h"
#include "sim/mmu/pte.h"
#include "sim/vmm/bintrans_cache.h"
#include "sim/vmm/descriptor.h"

static void pay(struct vcpu *v, enum cost cost, uint64_t times)
{
    clock_charge(board(v)->clock, CAUSE_SHADOW, board(v)->model->cost[cost] * times);
}

static uint32_t offset_of(unsigned k) { return BT_ALIAS + k * BT_ALIAS_STEP; }

static void put_word(struct vcpu *v, uint32_t at, uint32_t word)
{
    poke_data(v, at, &word, sizeof word);
    pay(v, COST_MEM_REF, 1);
}

/* The entry of the window's own page table for an alias. */
static void put_mapping(struct vcpu *v, unsigned k, uint32_t entry)
{
    uint32_t slot = (BT_DATA + offset_of(k)) >> PAGE_SHIFT;
    bus_poke(board(v)->bus, window_hpa(&v->window, BT_WINDOW_TABLE + 4 * slot), &entry, sizeof entry);
    v->vmmu.env.invlpg(v->vmmu.env.self, gva(WINDOW_BASE + BT_DATA + offset_of(k)));
}

static uint32_t map_at(uint32_t page) { return BT_MAP + ((page & 0xFF) << 8 | (page >> 8 & 0xFF)); }

static void put_map(struct vcpu *v, uint32_t page, uint8_t alias)
{
    poke_data(v, map_at(page), &alias, 1);
    pay(v, COST_MEM_REF, 1);
}

static uint8_t map_of(const struct vcpu *v, uint32_t page)
{
    uint8_t alias = 0;
    bus_peek(board(v)->bus, window_hpa(&v->window, BT_DATA + map_at(page)), &alias, 1);
    return alias;
}

static void empty_log(struct vcpu *v)
{
    uint32_t room = 4 * BT_LOG_ROOM;
    poke_data(v, BT_LOG, &room, sizeof room);
}

void bt_alias_attach(struct vcpu *v)
{
    struct bus *b = board(v)->bus;
    empty_log(v);
    for (uint32_t slot = 0; slot < PTE_SLOTS; slot++) {
        uint32_t at = slot << PAGE_SHIFT, entry = (v->window.at + at) | PTE_P | PTE_W | PTE_A | PTE_D | PTE_G;
        if (at >= BT_DATA + BT_ALIAS && at < BT_USER_DATA) entry = 0;
        else if (at >= BT_USER_DATA && at < BT_CODE + v->bt->end && board(v)->setting[SETTING_BT_USER]) entry |= PTE_U;
        bus_poke(b, window_hpa(&v->window, BT_WINDOW_TABLE + 4 * slot), &entry, sizeof entry);
    }
}

static void revoke(struct vcpu *v, unsigned k)
{
    struct bintrans *t = v->bt;
    struct bt_alias *a = &t->alias[k];
    if (!a->used) return;
    a->used = false;
    t->aliases--;
    if (map_of(v, a->page) == k + 1) put_map(v, a->page, 0);
    put_mapping(v, k, 0);
    for (uint32_t n = 0; n < t->units; n++)
        if (t->unit[n].aliases >> k & 1) bt_kill(v, &t->unit[n]);
}

void bt_alias_revoke_frame(struct vcpu *v, uint32_t frame)
{
    for (unsigned k = 0; v->bt->aliases && k < BT_ALIASES; k++)
        if (v->bt->alias[k].frame == frame) revoke(v, k);
}

static bool holds_code(const struct bintrans *t, uint32_t frame)
{
    for (uint16_t n = t->frame[frame % BT_KEYS]; n; n = t->page[n - 1].next)
        if (t->page[n - 1].frame == frame) return true;
    return false;
}

/* The frame that the guest's kernel may store to at this linear page, without setting a bit in any entry, and which is a page
 * table and nothing else; FRAME_NONE: it may not, or it is not. */
static uint32_t table_at(struct vcpu *v, uint32_t page)
{
    struct xlat x;
    struct fault f;
    uint32_t owned;
    if (page >= WINDOW_BASE >> PAGE_SHIFT || !mmu_probe(&v->virt_mmu, gva(page << PAGE_SHIFT), ACCESS_WRITE, &x, &f)) return FRAME_NONE;
    pay(v, COST_MEM_REF, x.refs);
    for (unsigned i = 0; i < x.refs; i++)
        if ((x.ref[i].entry & (PTE_A | PTE_W)) != (PTE_A | PTE_W) || (i + 1u == x.refs && !(x.ref[i].entry & PTE_D))) return FRAME_NONE;
    uint32_t frame = x.at.v >> PAGE_SHIFT;
    if (x.absent || bus_windowed(&v->vm->bus, x.at) || !bus_owner(&v->vm->bus, x.at, &owned)) return FRAME_NONE;
    if (!v->vmmu.ops->traced || !v->vmmu.ops->traced(&v->vmmu, gpa(x.at.v))) return FRAME_NONE;
    return holds_code(v->bt, frame) || descriptor_depends(v, frame) ? FRAME_NONE : frame;
}

/* Offsets are linear addresses, and no access is refused. */
static bool flat(const struct seg_reg *s)
{
    return !s->base && s->limit == UINT32_MAX && (s->ar & (AR_P | AR_S | AR_CODE | AR_DOWN | AR_WRITE)) == (AR_P | AR_S | AR_WRITE);
}

/* DS may become one of the selectors that the cache loads by itself. */
bool bt_flat(struct vcpu *v)
{
    if (!flat(&v->virt.seg[SEG_DS]) || !flat(&v->virt.seg[SEG_SS])) return false;
    for (unsigned k = 0; k < BT_KNOWN_ONES; k++) {
        struct descriptor d;
        struct seg_reg s;
        if (v->bt->selector[0][k] > 0xFFFF) continue;
        if (!descriptor_guest(v, (uint16_t)v->bt->selector[0][k], &d)) return false;
        cpu_seg_set(&s, (uint16_t)v->bt->selector[0][k], d.low, d.high);
        if (!flat(&s)) return false;
    }
    return true;
}

void bt_alias_leave(struct vcpu *v)
{
    if (!v->bt->aliases || bt_flat(v)) return;
    for (unsigned k = 0; k < BT_ALIASES; k++) revoke(v, k);
}

void bt_alias_check(struct vcpu *v)
{
    const struct bintrans *t = v->bt;
    for (unsigned k = 0; t->aliases && k < BT_ALIASES; k++)
        if (t->alias[k].used && table_at(v, t->alias[k].page) != t->alias[k].frame) revoke(v, k);
}

/* Which alias a page is given: its old one, or the next in turn. */
static unsigned choose(struct vcpu *v, uint32_t page)
{
    struct bintrans *t = v->bt;
    for (unsigned k = 0; k < BT_ALIASES; k++)
        if (!t->alias[k].used && t->alias[k].page == page) return k;
    unsigned k = t->next_alias;
    t->next_alias = (k + 1) % BT_ALIASES;
    revoke(v, k);
    for (uint32_t n = 0; n < t->units; n++)
        if (t->unit[n].guesses >> k & 1) bt_kill(v, &t->unit[n]);
    return k;
}

void bt_alias_grant(struct vcpu *v, uint32_t at)
{
    struct bintrans *t = v->bt;
    uint32_t page = at >> PAGE_SHIFT, owned;
    if (!board(v)->setting[SETTING_BT_INCACHE] || (at & (PAGE_SIZE - 1)) > PAGE_SIZE - 4 || !bt_flat(v)) return;
    uint32_t frame = table_at(v, page);
    if (frame == FRAME_NONE) return;
    unsigned k = map_of(v, page);
    if (k && t->alias[k - 1].page == page) { /* granted before: something else made it fault */
        if (t->alias[k - 1].frame == frame) return;
        revoke(v, k - 1);
    }
    k = choose(v, page);
    bus_owner(&v->vm->bus, hpa(frame << PAGE_SHIFT), &owned);
    t->alias[k] = (struct bt_alias){ .page = page, .frame = frame, .used = true };
    t->aliases++;
    t->counts.granted++;
    put_mapping(v, k, owned << PAGE_SHIFT | PTE_P | PTE_W | PTE_A | PTE_D);
    put_word(v, BT_DELTA + 4 * (k + 1), offset_of(k) - (page << PAGE_SHIFT));
    put_map(v, page, (uint8_t)(k + 1));
    pay(v, COST_SHADOW_FILL, 1);
}

uint32_t bt_alias_of(const struct vcpu *v, uint32_t at)
{
    unsigned k = map_of(v, at >> PAGE_SHIFT);
    if (!k || v->bt->alias[k - 1].page != at >> PAGE_SHIFT || (at & (PAGE_SIZE - 1)) > PAGE_SIZE - 4) return 0;
    return offset_of(k - 1) + (at & (PAGE_SIZE - 1));
}

uint32_t bt_alias_guess(const struct vcpu *v, uint32_t page)
{
    uint32_t at = page << PAGE_SHIFT;
    if (at + BT_ALIAS_STEP > BT_ALIAS && at < BT_ALIAS + BT_ALIASES * BT_ALIAS_STEP) return 0; /* in the log it would be an alias */
    return bt_alias_of(v, at);
}

/* The place in the guest's memory that the log speaks of: offset of an alias, or linear address; UINT32_MAX: it was noted, and then
 * the store faulted. */
static uint32_t noted(const struct vcpu *v, uint32_t at, unsigned *alias)
{
    const struct bt_alias *a = v->bt->alias;
    uint32_t k = (at - BT_ALIAS) / BT_ALIAS_STEP, offset = (at - BT_ALIAS) % BT_ALIAS_STEP;
    if (k >= BT_ALIASES) {
        k = map_of(v, at >> PAGE_SHIFT) - 1u;
        if (k >= BT_ALIASES || a[k].page != at >> PAGE_SHIFT)
            for (k = 0; k < BT_ALIASES && !(a[k].used && a[k].page == at >> PAGE_SHIFT); ) k++;
        offset = at & (PAGE_SIZE - 1);
    }
    *alias = k;
    return k < BT_ALIASES && a[k].used && offset < PAGE_SIZE ? a[k].frame << PAGE_SHIFT | offset : UINT32_MAX;
}

void bt_log_take(struct vcpu *v)
{
    struct bintrans *t = v->bt;
    uint32_t at[BT_LOG_ROOM], free = 0;
    bus_peek(board(v)->bus, window_hpa(&v->window, BT_DATA + BT_LOG), &free, sizeof free);
    if (free >= 4 * BT_LOG_ROOM) return;
    bus_peek(board(v)->bus, window_hpa(&v->window, BT_DATA + BT_LOGS), at, sizeof at);
    empty_log(v);
    pay(v, COST_MEM_REF, BT_LOG_ROOM + 2 - free / 4);
    for (unsigned n = BT_LOG_ROOM; n-- > free / 4; ) {
        unsigned k;
        uint32_t place = noted(v, at[n], &k), room = PAGE_SIZE - (place & (PAGE_SIZE - 1));
        if (place == UINT32_MAX) continue;
        t->counts.logged++;
        emulate_stored(v, place, room < 4 ? room : 4);
        if (!v->vmmu.ops->traced(&v->vmmu, gpa(place))) revoke(v, k); /* no page table any more: let it be stored to as usual */
    }
}
