/* Groups of a paravirtual kernel about memory: entries of page tables one by one and in lists, tables of its own, another base, the
 * writable-page-tables assist, frames given back, grants, code that is remapped and rewritten. */
#include "tests/equiv/ported.h"

enum { MMU_UPDATE = 1, MEMORY_OP = 12, MULTICALL = 13, UPDATE_VA = 14, GRANT_TABLE = 20, VM_ASSIST = 21, MMUEXT = 26 };
enum { PIN_L1, PIN_L2, PIN_L3, UNPIN = 4, NEW_BASE = 5, FLUSH = 6, INVLPG = 7 };
enum { SELF = 0x7FF0, ME = 1, RW = 7, RO = 5, GONE = 0 };

static uint32_t some_flags(struct ported *k)
{
    static const uint32_t usual[] = { RW, RW, RW, RO, 3, 1, 0x67, 0x65, GONE, 0x87, 0x107, 0xE07 };
    return one_in(&k->e, 5) ? below(&k->e, 0x1000) : PICK(&k->e, usual);
}

/* Slots of the first table that show pages for play; some others. */
static uint32_t some_slot(struct ported *k) { return one_in(&k->e, 6) ? below(&k->e, p_slots(k)) : p_play(k); }

static void touch(struct ported *k, uint32_t va)
{
    struct emit *e = &k->e;
    bool user = one_in(e, 5);
    if (user) p_user(k);
    if (one_in(e, 2)) p_load(k, R_EAX, va);
    if (one_in(e, 2)) OP32(e, va, 0xF0, 0xFF, 0x05); /* lock inc */
    else if (one_in(e, 2)) p_put(k, va, p_some_value(k));
    if (user) p_back(k);
}

static void entry_by_address(struct ported *k)
{
    struct emit *e = &k->e;
    uint32_t va = one_in(e, 5) ? p_some_va(k) : P_PAGE(p_play(k));
    p_set(k, R_EBX, va);
    p_entry(k, R_ECX, p_some_page(k), some_flags(k));
    p_set(k, R_EDX, one_in(e, 12) ? chance(e) : 0);
    p_set(k, R_ESI, one_in(e, 8) ? chance(e) : below(e, 3));
    p_call(k, UPDATE_VA);
    p_log(k);
    touch(k, va);
}

/* struct mmu_update at `at`: which word, which value. */
static void lay_update(struct ported *k, uint32_t at)
{
    struct emit *e = &k->e;
    uint32_t kind = one_in(e, 6) ? below(e, 4) : 0;
    if (kind == 1) p_table_at(k, R_EDX, p_some_page(k), 1);
    else p_table_at(k, R_EDX, one_in(e, 6) ? p_some_page(k) : one_in(e, 8) ? p_directory(k) : k->pae && one_in(e, 12) ? P_ROOT : p_table(k), some_slot(k) * p_bytes(k) | kind);
    p_store(k, at, R_EDX);
    p_put(k, at + 4, one_in(e, 20));
    p_entry(k, R_ECX, p_some_page(k), some_flags(k));
    p_store(k, at + 8, R_ECX);
    p_put(k, at + 12, one_in(e, 20));
}

static void entries_in_a_list(struct ported *k)
{
    struct emit *e = &k->e;
    unsigned n = 1 + below(e, 4);
    for (unsigned i = 0; i < n; i++) lay_update(k, P_DESK + 16 * i);
    p_set(k, R_EDX, one_in(e, 2) ? 0 : P_DESK + 0x200);
    p_set(k, R_ESI, one_in(e, 10) ? p_some_value(k) : SELF);
    p_call2(k, MMU_UPDATE, P_DESK, n);
    p_load(k, R_EBP, P_DESK + 0x200);
    p_log(k);
    touch(k, P_PAGE(p_play(k)));
}

static void extended(struct ported *k, uint32_t command, uint32_t page)
{
    p_put(k, P_DESK + 0x300, command);
    p_frame(k, R_EAX, page);
    p_store(k, P_DESK + 0x304, R_EAX);
    p_set(k, R_EDX, 0), p_set(k, R_ESI, SELF);
    p_call2(k, MMUEXT, P_DESK + 0x300, 1);
}

/* A page for play is filled with entries and shown read-only, which is what a table must be. */
static uint32_t make_table(struct ported *k)
{
    struct emit *e = &k->e;
    uint32_t page = p_play(k);
    p_remap(k, page, RW);
    OP(e, 0x31, 0xC0), p_set(k, R_EDI, P_PAGE(page)), p_set(k, R_ECX, 1024), OP(e, 0xF3, 0xAB); /* rep stosd */
    for (unsigned n = below(e, 5); n--; ) {
        p_entry(k, R_EAX, p_some_page(k), one_in(e, 6) ? some_flags(k) : one_in(e, 2) ? RW : RO);
        p_store(k, P_PAGE(page) + below(e, 16) * p_bytes(k), R_EAX);
        if (k->pae && one_in(e, 24)) p_put(k, P_PAGE(page) + below(e, 16) * 8 + 4, one_in(e, 2) ? below(e, 16) : chance(e));
    }
    p_remap(k, page, one_in(e, 12) ? RW : RO);
    return page;
}

/* An entry of `table`, by mmu_update. */
static void link_into(struct ported *k, uint32_t table, uint32_t page, uint32_t slot, uint32_t flags)
{
    p_table_at(k, R_EAX, table, slot * p_bytes(k)), p_store(k, P_DESK, R_EAX);
    p_put(k, P_DESK + 4, 0), p_put(k, P_DESK + 12, 0);
    if (flags) p_entry(k, R_EAX, page, flags);
    else OP(&k->e, 0x31, 0xC0);
    p_store(k, P_DESK + 8, R_EAX);
    p_set(k, R_EDX, 0), p_set(k, R_ESI, SELF);
    p_call2(k, MMU_UPDATE, P_DESK, 1);
}

static void link_table(struct ported *k, uint32_t page, uint32_t slot, uint32_t flags) { link_into(k, p_directory(k), page, slot, flags); }

static void table_of_its_own(struct ported *k)
{
    struct emit *e = &k->e;
    uint32_t page = make_table(k), slot = one_in(e, 8) ? below(e, p_slots(k)) : p_upper(k, p_far(k)) + below(e, 4);
    if (one_in(e, 2)) extended(k, one_in(e, 6) ? PIN_L2 : PIN_L1, page), p_log(k);
    link_table(k, page, slot, one_in(e, 8) ? some_flags(k) : RW);
    p_log(k);
    for (unsigned n = 1 + below(e, 3); n--; ) touch(k, p_spanned(k, slot) + below(e, 16) * 0x1000 + below(e, 0x400) * 4);
    if (one_in(e, 2)) p_remap(k, page, RW), p_log(k); /* a table in use is not to be written to */
    if (one_in(e, 2)) link_table(k, page, slot, GONE);
    if (one_in(e, 2)) extended(k, UNPIN, page);
    if (one_in(e, 2)) p_remap(k, page, RW);
}

/* With PAE: a directory that an L3's entry is to name; sometimes twice, or by its last one. */
static void directory_of_its_own(struct ported *k)
{
    struct emit *e = &k->e;
    uint32_t table = make_table(k), page = p_play(k), slot = below(e, 4), third = one_in(e, 10) ? 3 : below(e, 3);
    p_remap(k, page, RW);
    OP(e, 0x31, 0xC0), p_set(k, R_EDI, P_PAGE(page)), p_set(k, R_ECX, 1024), OP(e, 0xF3, 0xAB); /* rep stosd */
    p_entry(k, R_EAX, table, one_in(e, 8) ? some_flags(k) : RW), p_store(k, P_PAGE(page) + slot * 8, R_EAX);
    if (one_in(e, 8)) p_put(k, P_PAGE(page) + below(e, 512) * 8 + 4, chance(e));
    p_remap(k, page, one_in(e, 12) ? RW : RO);
    if (one_in(e, 3)) extended(k, PIN_L2, page), p_log(k);
    link_into(k, P_ROOT, page, third, one_in(e, 8) ? some_flags(k) : 1);
    if (one_in(e, 4)) link_into(k, P_ROOT, page, below(e, 3), 1);
    p_log(k);
    for (unsigned n = 1 + below(e, 3); n--; ) touch(k, (third << 30) + (slot << 21) + below(e, 16) * 0x1000 + below(e, 0x400) * 4);
    if (one_in(e, 2)) { /* stores into a table that hangs there */
        p_set(k, R_EBX, 0), p_set(k, R_ECX, 2), p_call(k, VM_ASSIST);
        for (unsigned n = 1 + below(e, 4); n--; ) p_entry(k, R_EAX, p_play(k), one_in(e, 3) ? GONE : RO), p_store(k, P_PAGE(table) + below(e, 16) * 8, R_EAX);
        touch(k, (third << 30) + (slot << 21) + below(e, 16) * 0x1000);
    }
    if (one_in(e, 3)) return;
    for (uint32_t n = 0; n < 3; n++) link_into(k, P_ROOT, page, n, GONE);
    extended(k, UNPIN, page);
    p_remap(k, page, RW), p_remap(k, table, RW);
}

/* Copies of the L3 and its directory; that one has to have a directory of its own for its last entry. */
static void copy_root(struct ported *k, uint32_t page)
{
    struct emit *e = &k->e;
    uint32_t upper = one_in(e, 8) ? p_directory(k) : p_play(k);
    if (upper != p_directory(k)) {
        p_remap(k, upper, RW);
        p_set(k, R_ESI, P_PAGE(p_directory(k))), p_set(k, R_EDI, P_PAGE(upper)), p_set(k, R_ECX, one_in(e, 4) ? 1024 : 428 * 2);
        OP(e, 0xF3, 0xA5);
        p_remap(k, upper, RO);
    }
    OP(e, 0x31, 0xC0), p_set(k, R_EDI, P_PAGE(page)), p_set(k, R_ECX, 8), OP(e, 0xF3, 0xAB);
    p_entry(k, R_EAX, upper, one_in(e, 12) ? some_flags(k) : 1), p_store(k, P_PAGE(page) + 3 * 8, R_EAX);
    if (one_in(e, 6)) p_entry(k, R_EAX, p_some_page(k), some_flags(k)), p_store(k, P_PAGE(page) + below(e, 4) * 8, R_EAX);
}

/* A copy of the directory, less the hypervisor's part, becomes the base; and the old one again. */
static void another_base(struct ported *k)
{
    struct emit *e = &k->e;
    uint32_t page = p_play(k);
    if (k->pae && one_in(e, 2)) {
        directory_of_its_own(k);
        return;
    }
    p_remap(k, page, RW);
    if (k->pae) copy_root(k, page);
    else p_set(k, R_ESI, P_PAGE(P_ROOT)), p_set(k, R_EDI, P_PAGE(page)), p_set(k, R_ECX, one_in(e, 4) ? 1024 : 1008), OP(e, 0xF3, 0xA5);
    if (!k->pae && one_in(e, 3)) p_entry(k, R_EAX, p_some_page(k), some_flags(k)), p_store(k, P_PAGE(page) + below(e, 1024) * 4, R_EAX);
    p_remap(k, page, one_in(e, 10) ? RW : RO);
    if (one_in(e, 2)) extended(k, k->pae ? PIN_L3 : PIN_L2, page);
    extended(k, NEW_BASE, page);
    p_log(k);
    touch(k, P_PAGE(p_play(k)));
    if (one_in(e, 2)) entry_by_address(k);
    if (one_in(e, 4)) return;
    extended(k, NEW_BASE, P_ROOT);
    if (one_in(e, 2)) extended(k, UNPIN, page);
    p_remap(k, page, RW);
}

static void pins(struct ported *k)
{
    struct emit *e = &k->e;
    static const uint8_t commands[] = { PIN_L1, PIN_L1, PIN_L2, UNPIN, UNPIN, NEW_BASE, FLUSH, INVLPG, 2, 3, 8, 9, 10, 11, 12, 15, 16 };
    unsigned n = 1 + below(e, 3);
    for (unsigned i = 0; i < n; i++) {
        p_put(k, P_DESK + 12 * i, PICK(e, commands));
        p_frame(k, R_EAX, one_in(e, 3) ? P_ROOT + below(e, 2) : p_some_page(k)), p_store(k, P_DESK + 12 * i + 4, R_EAX);
        p_put(k, P_DESK + 12 * i + 8, p_some_value(k));
    }
    p_set(k, R_EDX, one_in(e, 2) ? 0 : P_DESK + 0x200);
    p_set(k, R_ESI, one_in(e, 10) ? p_some_value(k) : SELF);
    p_call2(k, MMUEXT, P_DESK, n);
    p_load(k, R_EBP, P_DESK + 0x200);
}

/* Stores into the table as if it were any memory: whole entries, parts, and by all kinds of instructions. */
static void stores_into_tables(struct ported *k)
{
    struct emit *e = &k->e;
    uint32_t table = one_in(e, 8) ? P_ROOT : p_table(k), slot = some_slot(k), at = P_PAGE(table) + (k->pae && table == P_ROOT ? slot & 7 : slot) * p_bytes(k);
    if (k->pae && one_in(e, 6)) at += 4;
    p_set(k, R_EBX, one_in(e, 6)), p_set(k, R_ECX, 2), p_call(k, VM_ASSIST);
    p_entry(k, R_EAX, p_some_page(k), some_flags(k));
    switch (below(e, 8)) {
    case 0: OP32(e, at, 0x87, 0x05); break;                                /* xchg [at], eax */
    case 1: OP32(e, at, 0xF0, 0x0F, 0xB1, 0x05); break;                    /* lock cmpxchg [at], eax */
    case 2: OP32(e, at + below(e, 4), 0x88, 0x05); break;                  /* mov [at], al */
    case 3: OP32(e, at + below(e, 4), 0x66, 0x89, 0x05); break;            /* mov [at], ax */
    case 4: OP32(e, at, 0x80, 0x0D), put8(e, below(e, 8)); break;          /* or byte [at], n */
    case 5: p_set(k, R_ESP, at + 4), OP(e, 0x50), p_set(k, R_ESP, P_STACK1); break;
    case 6: p_set(k, R_EDI, at), OP(e, 0x31, 0xC0), p_set(k, R_ECX, 1 + below(e, 3)), OP(e, 0xF3, 0xAB); break;
    default: p_store(k, at, R_EAX);
    }
    p_log(k);
    p_load(k, R_EDX, at);
    touch(k, P_PAGE(slot));
}

/* A table of its own, in use, is stored to by plain code: the first store is judged at once, the others when somebody looks. */
static void many_stores_into_a_table(struct ported *k)
{
    struct emit *e = &k->e;
    uint32_t page = make_table(k), slot = p_upper(k, p_far(k)) + below(e, 4);
    if (one_in(e, 4)) extended(k, PIN_L1, page);
    link_table(k, page, slot, RW);
    if (one_in(e, 4)) link_table(k, page, slot + 4, RW);
    p_set(k, R_EBX, 0), p_set(k, R_ECX, 2), p_call(k, VM_ASSIST);
    for (unsigned n = 2 + below(e, 8); n--; ) {
        uint32_t at = P_PAGE(page) + below(e, 16) * p_bytes(k);
        if (k->pae && one_in(e, 24)) p_put(k, at + 4, one_in(e, 2) ? 0 : 1u << below(e, 32));
        if (one_in(e, 24)) p_entry(k, R_EAX, p_some_page(k), some_flags(k));
        else p_entry(k, R_EAX, one_in(e, 3) ? page : p_play(k), one_in(e, 3) ? GONE : RO);
        if (one_in(e, 3)) OP32(e, at, 0x87, 0x05); /* xchg [at], eax */
        else p_store(k, at, R_EAX);
        if (one_in(e, 4)) p_load(k, R_EDX, p_spanned(k, slot) + below(e, 16) * 0x1000);
        if (one_in(e, 12)) p_load(k, R_EDX, P_PAGE(p_directory(k)) + slot * p_bytes(k));
    }
    p_log(k);
    touch(k, p_spanned(k, slot) + below(e, 16) * 0x1000 + below(e, 0x400) * 4);
    if (one_in(e, 3)) return;
    link_table(k, page, slot, GONE), link_table(k, page, slot + 4, GONE);
    extended(k, UNPIN, page);
    p_remap(k, page, RW);
}

/* Several calls in one; what they are is as random as alone. */
static void many_calls(struct ported *k)
{
    struct emit *e = &k->e;
    static const uint8_t numbers[] = { UPDATE_VA, UPDATE_VA, MMU_UPDATE, MMUEXT, 17, 3, 10, 13, 23, 60, 18, 29 };
    unsigned n = 1 + below(e, 4);
    lay_update(k, P_DESK + 0x400);
    for (unsigned i = 0; i < n; i++) {
        uint32_t at = P_DESK + 32 * i, number = PICK(e, numbers);
        p_put(k, at, number);
        p_put(k, at + 4, 0x55);
        for (unsigned a = 0; a < 6; a++) p_put(k, at + 8 + 4 * a, number == 29 ? 0 : p_some_value(k));
        if (number == MMU_UPDATE) p_put(k, at + 8, P_DESK + 0x400), p_put(k, at + 12, 1), p_put(k, at + 16, 0), p_put(k, at + 20, SELF);
        if (number != UPDATE_VA) continue;
        p_put(k, at + 8, P_PAGE(p_play(k)));
        p_entry(k, R_EAX, p_some_page(k), some_flags(k)), p_store(k, at + 12, R_EAX);
        p_put(k, at + 16, 0), p_put(k, at + 20, below(e, 3));
    }
    p_call2(k, MULTICALL, one_in(e, 10) ? p_some_va(k) : P_DESK, one_in(e, 20) ? chance(e) : n);
    for (unsigned i = 0; i < n && i < 4; i++) p_load(k, i < 2 ? R_EDX + i : R_EBP + i - 2, P_DESK + 32 * i + 4);
}

static void frames_back_and_forth(struct ported *k)
{
    struct emit *e = &k->e;
    static const uint8_t commands[] = { 0, 1, 1, 1, 2, 3, 4, 5, 6, 6, 7, 9, 12 };
    unsigned n = 1 + below(e, 3), cmd = PICK(e, commands);
    for (unsigned i = 0; i < n; i++) {
        uint32_t page = p_some_page(k);
        if (cmd == 1) p_frame(k, R_EAX, page);
        else p_set(k, R_EAX, page);
        p_store(k, P_DESK + 0x40 + 4 * i, R_EAX);
        if (cmd == 1 && one_in(e, 2)) p_remap(k, page, GONE);
    }
    p_put(k, P_DESK, one_in(e, 10) ? p_some_va(k) : P_DESK + 0x40), p_put(k, P_DESK + 4, n), p_put(k, P_DESK + 8, one_in(e, 12));
    p_put(k, P_DESK + 12, 0), p_put(k, P_DESK + 16, SELF);
    p_call2(k, MEMORY_OP, cmd, P_DESK);
    p_log(k);
    p_load(k, R_ECX, P_DESK + 0x40);                 /* what was given: mapped at a page for play */
    OP(e, 0xC1, 0xE1, 12), OP32(e, RW, 0x81, 0xC9);
    uint32_t va = P_PAGE(p_play(k));
    p_set(k, R_EBX, va), p_set(k, R_EDX, 0), p_set(k, R_ESI, 2), p_call(k, UPDATE_VA);
    touch(k, va);
}

static void grants(struct ported *k)
{
    struct emit *e = &k->e;
    uint32_t ref = below(e, 8), op = one_in(e, 3) ? 5 : one_in(e, 10) ? below(e, 8) : 0, host = P_PAGE(p_play(k));
    p_put(k, P_GRANTS + 8 * ref, (one_in(e, 6) ? below(e, 32) : one_in(e, 3) ? 5 : 1) | (uint32_t)(one_in(e, 10) ? chance(e) & 0xFFFF : ME) << 16);
    p_frame(k, R_EAX, p_some_page(k)), p_store(k, P_GRANTS + 8 * ref + 4, R_EAX);
    if (op == 5) { /* copy */
        p_put(k, P_DESK, ref), p_put(k, P_DESK + 4, ME | below(e, 0x1000) << 16);
        p_frame(k, R_EAX, p_some_page(k)), p_store(k, P_DESK + 8, R_EAX);
        p_put(k, P_DESK + 12, SELF | below(e, 0x1000) << 16), p_put(k, P_DESK + 16, below(e, 0x200) | (one_in(e, 6) ? below(e, 4) : 1) << 16);
    } else {
        uint32_t flags = one_in(e, 4) ? below(e, 32) : 2 | (one_in(e, 2) ? 4u : 0) | (one_in(e, 3) ? 1u : 0);
        p_put(k, P_DESK, host), p_put(k, P_DESK + 4, 0), p_put(k, P_DESK + 8, flags), p_put(k, P_DESK + 12, ref), p_put(k, P_DESK + 16, ME);
    }
    p_set(k, R_EDX, 1), p_call2(k, GRANT_TABLE, op, one_in(e, 12) ? p_some_va(k) : P_DESK);
    p_log(k);
    touch(k, host);
    p_load(k, R_EAX, P_DESK + 20); /* the handle: unmapped, or not */
    if (one_in(e, 3)) return;
    p_put(k, P_DESK, host), p_put(k, P_DESK + 4, 0), p_load(k, R_ECX, P_DESK + 24), p_store(k, P_DESK + 8, one_in(e, 2) ? R_ECX : R_EDX);
    p_put(k, P_DESK + 12, 0), p_store(k, P_DESK + 16, R_EAX);
    p_set(k, R_EDX, 1), p_call2(k, GRANT_TABLE, 1, P_DESK);
}

/* mov eax, n; ret: written, executed, written again through another address or remapped, and executed again. */
static void code_at_run_time(struct ported *k)
{
    struct emit *e = &k->e;
    uint32_t at = 8 * below(e, 0x1F0), page = one_in(e, 2) ? 0x38 : p_play(k), other = one_in(e, 2) ? 0x39 : p_play(k);
    for (unsigned n = 0; n < 3; n++) {
        uint32_t where = P_PAGE(n == 1 ? other : page) + at;
        p_put(k, where, 0xB8 | chance(e) << 8), p_put(k, where + 4, 0x00C300 + (chance(e) & 0xFF));
        OP(e, 0xE8), put_to(e, P_PAGE(page) + at);
        p_log(k);
        if (n) continue;
        p_set(k, R_EBX, P_PAGE(other)), p_entry(k, R_ECX, page, RW), p_set(k, R_EDX, 0), p_set(k, R_ESI, below(e, 3));
        p_call(k, UPDATE_VA);
    }
    p_set(k, R_EBX, P_PAGE(page)), p_entry(k, R_ECX, p_play(k), RW), p_set(k, R_EDX, 0), p_set(k, R_ESI, 2), p_call(k, UPDATE_VA);
    OP(e, 0xE8), put_to(e, P_PAGE(page) + at);
    p_log(k);
    p_remap(k, page, RW), p_remap(k, other, RW);
}

/* All pages for play as they were, if nothing holds them. */
static void heal(struct ported *k)
{
    for (uint32_t n = 0; n < P_PLAY_PAGES; n++)
        if (one_in(&k->e, 3)) p_remap(k, P_PLAY_FIRST + n, RW);
}

const struct ported_group ported_memory[] = {
    { "an entry by address", 8, 8, entry_by_address }, { "entries in a list", 8, 8, entries_in_a_list }, { "a table of its own", 7, 6, table_of_its_own },
    { "another base", 3, 3, another_base }, { "pins", 4, 6, pins }, { "stores into tables", 6, 6, stores_into_tables },
    { "many stores into a table", 5, 5, many_stores_into_a_table },
    { "many calls", 5, 6, many_calls }, { "frames back and forth", 3, 3, frames_back_and_forth }, { "grants", 4, 4, grants },
    { "code at run time", 4, 2, code_at_run_time }, { "healing", 4, 6, heal }, { NULL, 0, 0, NULL },
};
