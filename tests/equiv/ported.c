/* The image around the groups of a paravirtual kernel: ELF, notes, start, handlers. See ported.h. */
#include "tests/equiv/ported.h"

#include <elf.h>
#include <stdio.h>

enum { RING1_CS = 0xE019, RING1_DS = 0xE021, RING3_CS = 0xE02B, RING3_DS = 0xE033 };
enum { SET_TRAP_TABLE = 0, STACK_SWITCH = 3, SET_CALLBACKS = 4, UPDATE_VA = 14, GRANT_TABLE = 20, IRET = 23, SCHED = 29 };
enum { SHARED_PENDING_WORDS = 0x800 };

/* ---- shared pieces ---- */

void p_set(struct ported *k, unsigned reg, uint32_t value) { OP32(&k->e, value, (uint8_t)(0xB8 + reg)); }
void p_load(struct ported *k, unsigned reg, uint32_t at) { OP32(&k->e, at, 0x8B, (uint8_t)(5 | reg << 3)); }
void p_store(struct ported *k, uint32_t at, unsigned reg) { OP32(&k->e, at, 0x89, (uint8_t)(5 | reg << 3)); }
void p_put(struct ported *k, uint32_t at, uint32_t value) { OP32(&k->e, at, 0xC7, 0x05), put32(&k->e, value); }

void p_frame(struct ported *k, unsigned reg, uint32_t page)
{
    p_load(k, reg, V_FIRST);
    OP32(&k->e, page, 0x81, (uint8_t)(0xC0 | reg));
}

void p_table_at(struct ported *k, unsigned reg, uint32_t page, uint32_t offset)
{
    p_frame(k, reg, page);
    OP(&k->e, 0xC1, (uint8_t)(0xE0 | reg), 12);
    OP32(&k->e, offset, 0x81, (uint8_t)(0xC8 | reg));
}

void p_entry(struct ported *k, unsigned reg, uint32_t page, uint32_t flags) { p_table_at(k, reg, page, flags); }

/* By the gate, or by the page that the builder filled. */
void p_call(struct ported *k, unsigned number)
{
    struct emit *e = &k->e;
    if (number < 64 && number != IRET && one_in(e, 3)) OP(e, 0xE8), put_to(e, P_CALLS + 32 * number);
    else OP32(e, number, 0xB8), OP(e, 0xCD, 0x82);
}

void p_call2(struct ported *k, unsigned number, uint32_t a, uint32_t b)
{
    p_set(k, R_EBX, a);
    p_set(k, R_ECX, b);
    p_call(k, number);
}

void p_log(struct ported *k) { OP(&k->e, 0xE8), put_to(&k->e, k->log_state); }

uint32_t p_play(struct ported *k) { return P_PLAY_FIRST + below(&k->e, P_PLAY_PAGES); }

uint32_t p_some_page(struct ported *k)
{
    static const uint32_t others[] = { P_ROOT, P_ROOT + 1, P_ROOT + 2, P_PAGES + 2, P_PAGES + 3, P_GDT, P_LDT, 0x1E, 0x18, P_RAM_MIB * 256 - 1, P_RAM_MIB * 256 };
    struct emit *e = &k->e;
    if (!one_in(e, 6)) return p_play(k);
    switch (below(e, 4)) {
    case 0: return chance(e);
    case 1: return 0u - below(e, 0x700);    /* the hypervisor's own */
    case 2: return below(e, P_RAM_MIB * 256);
    default: return PICK(e, others);
    }
}

uint32_t p_some_va(struct ported *k)
{
    static const uint32_t places[] = { 0, 0xFBFFFFFC, 0xFC000000, 0xFC3FFFFE, 0xFF7FFFFF, 0xFF800000, 0xFF80E000, 0xFF810000, 0xF5800000, 0xF67FFFFE, 0xFFC00000, 0xFFC02000, 0xFFFFFFFC };
    struct emit *e = &k->e;
    if (!one_in(e, 5)) return P_PAGE(p_play(k)) + below(e, 0x1000 - 64);
    switch (below(e, 5)) {
    case 0: return chance(e);
    case 1: return PICK(e, places) + below(e, 16);
    case 2: return P_PAGE(P_ROOT + below(e, 2)) + below(e, 0x400) * 4;
    case 3: return p_far(k) + below(e, 0x1000) * 0x1000 + below(e, 0x1000);
    default: return P_PAGE(p_play(k)) + 0x1000 - below(e, 32); /* across a page */
    }
}

uint32_t p_some_value(struct ported *k)
{
    static const uint32_t borders[] = { 0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FF0, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF };
    struct emit *e = &k->e;
    if (one_in(e, 5)) return p_some_va(k);
    return one_in(e, 3) ? PICK(e, borders) : one_in(e, 2) ? below(e, 64) : chance(e);
}

void p_remap(struct ported *k, uint32_t page, uint32_t flags)
{
    p_set(k, R_EBX, P_PAGE(page));
    if (flags) p_entry(k, R_ECX, page, flags);
    else p_set(k, R_ECX, 0);
    p_set(k, R_EDX, 0);
    p_set(k, R_ESI, 2);
    p_call(k, UPDATE_VA);
}

static void good_data(struct ported *k, unsigned sel) { p_set(k, R_EAX, sel), OP(&k->e, 0x8E, 0xD8, 0x8E, 0xC0); }

/* The frame of the iret hypercall: EAX EIP CS EFLAGS ESP SS. */
void p_user(struct ported *k)
{
    struct emit *e = &k->e;
    good_data(k, RING3_DS);
    OP32(e, RING3_DS, 0x68), OP32(e, P_STACK3 - 0x100, 0x68), OP32(e, 0x202, 0x68), OP32(e, RING3_CS, 0x68), OP(e, 0x68);
    uint32_t later = put_later(e);
    OP(e, 0x50), OP32(e, IRET, 0xB8), OP(e, 0xCD, 0x82);
    poke32(e, later - 4, e->at);
}

void p_back(struct ported *k) { OP(&k->e, 0xCD, 0x80); } /* its handler goes on with the next group */

/* ---- runtime ---- */

static void log_begin(struct ported *k) /* EDI: a new record; to finish if there is no more room */
{
    struct emit *e = &k->e;
    p_load(k, R_EDI, V_LOG);
    OP32(e, P_LOG_END - P_RECORD, 0x81, 0xFF);                         /* cmp edi, end */
    if (k->endless) OP32(e, P_LOG, 0x76, 0x05, 0xBF), p_store(k, V_LOG, R_EDI); /* jbe; mov edi, log; mov [log], edi */
    else OP(e, 0x0F, 0x83), put_to(e, k->finish);
    OP32(e, V_LOG, 0x83, 0x05), put8(e, P_RECORD);
}

static void log_stack(struct ported *k, unsigned above, unsigned field)
{
    OP(&k->e, 0x8B, 0x44, 0x24, (uint8_t)above, 0x89, 0x47, (uint8_t)(4 * field)); /* mov eax, [esp+above]; mov [edi+4f], eax */
}

/* A trap: vector, code, EIP, CS with the mask, EFLAGS, CR2, EAX, ECX into the log; then the next group. */
static uint32_t common(struct ported *k)
{
    struct emit *e = &k->e;
    uint32_t at = e->at;
    OP(e, 0x60);
    good_data(k, RING1_DS);
    OP(e, 0xFC);
    log_begin(k);
    for (unsigned n = 0; n < 5; n++) log_stack(k, 32 + 4 * n, n);
    OP(e, 0x83, 0x3F, 14, 0x75, 8), OP32(e, P_SHARED + 8, 0xA1), OP(e, 0x89, 0x47, 0x14); /* #PF: CR2 */
    log_stack(k, 28, 6);
    log_stack(k, 24, 7);
    OP32(e, P_STACK1, 0xBC);
    OP32(e, V_RESUME, 0xFF, 0x25);
    return at;
}

static uint32_t stub(struct ported *k, unsigned vector, uint32_t to)
{
    struct emit *e = &k->e;
    uint32_t at = e->at;
    if (!(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17)) OP(e, 0x6A, 0);
    OP32(e, vector, 0x68);
    OP(e, 0xE9), put_to(e, to);
    return at;
}

static void iret_call(struct ported *k) { OP(&k->e, 0x50), OP32(&k->e, IRET, 0xB8), OP(&k->e, 0xCD, 0x82); }

/* Events are counted, and every channel of the first word cleared. */
static uint32_t upcall(struct ported *k)
{
    struct emit *e = &k->e;
    uint32_t at = e->at;
    OP(e, 0x60, 0x1E, 0x06);
    good_data(k, RING1_DS);
    OP32(e, V_EVENTS, 0xFF, 0x05);
    OP32(e, P_SHARED, 0xC6, 0x05), put8(e, 0);
    p_put(k, P_SHARED + 4, 0);
    p_put(k, P_SHARED + SHARED_PENDING_WORDS, 0);
    OP(e, 0x07, 0x1F, 0x61);
    iret_call(k);
    return at;
}

static uint32_t failsafe(struct ported *k, uint32_t to)
{
    struct emit *e = &k->e;
    uint32_t at = e->at;
    OP(e, 0x83, 0xC4, 16, 0x6A, 0);                                    /* the four selectors */
    OP32(e, 0x101, 0x68);
    OP(e, 0xE9), put_to(e, to);
    return at;
}

static void finish(struct ported *k)
{
    struct emit *e = &k->e;
    k->finish = e->at;
    good_data(k, RING1_DS);
    OP32(e, P_STACK1, 0xBC);
    p_put(k, V_REASON, 0);
    p_set(k, R_EBX, 2), p_set(k, R_ECX, V_REASON), p_set(k, R_EAX, SCHED);
    OP(e, 0xCD, 0x82, 0xEB, 0xFE);
}

static void log_state(struct ported *k)
{
    struct emit *e = &k->e;
    k->log_state = e->at;
    OP(e, 0x60);
    log_begin(k);
    for (unsigned n = 0; n < 8; n++) log_stack(k, 4 * n, n);
    OP(e, 0x61, 0xC3);
}

static uint32_t trap_table(struct ported *k, uint32_t to)
{
    struct emit *e = &k->e;
    static const uint8_t vectors[] = { 0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 0x80, 0x81, 0x83 };
    uint32_t at[sizeof vectors], table;
    for (unsigned n = 0; n < sizeof vectors; n++) at[n] = stub(k, vectors[n], to);
    table = e->at = (e->at + 3) & ~3u;
    for (unsigned n = 0; n < sizeof vectors; n++) {
        uint8_t v = vectors[n], dpl = v == 3 || v == 4 || v >= 0x80 ? 3 : 0, masks = v != 0x80 && one_in(e, 2) ? 4 : 0;
        put8(e, v), put8(e, dpl | masks), put16(e, RING1_CS), put32(e, at[n]);
    }
    put32(e, 0), put32(e, 0);
    return table;
}

/* mov ecx, [where] or its machine frame; update_va_mapping(va, ecx << 12 | 7, 0, 2) */
static void map_frame(struct ported *k, uint32_t va)
{
    OP32(&k->e, 7, 0x81, 0xC9);
    p_set(k, R_EBX, va), p_set(k, R_EDX, 0), p_set(k, R_ESI, 2);
    p_set(k, R_EAX, UPDATE_VA);
    OP(&k->e, 0xCD, 0x82);
}

/* All pages of the image become ring 3's, too; shared info and the grant table get their places. */
static void map_all(struct ported *k)
{
    struct emit *e = &k->e;
    uint32_t loop;
    p_set(k, R_EDI, 0);
    loop = e->at;
    p_load(k, R_ECX, V_FIRST);
    OP(e, 0x01, 0xF9, 0xC1, 0xE1, 12);                                 /* add ecx, edi; shl ecx, 12 */
    OP32(e, 7, 0x81, 0xC9);
    OP(e, 0x89, 0xFB, 0xC1, 0xE3, 12), OP32(e, P_BASE, 0x81, 0xC3);    /* mov ebx, edi; shl ebx, 12; add ebx, base */
    p_set(k, R_EDX, 0), p_set(k, R_ESI, 0), p_set(k, R_EAX, UPDATE_VA);
    OP(e, 0xCD, 0x82, 0x47), OP32(e, P_PAGES, 0x81, 0xFF), OP(e, 0x0F, 0x82), put_to(e, loop);
    p_load(k, R_EAX, V_INFO);
    OP(e, 0x8B, 0x48, 36);                                             /* mov ecx, [eax + shared_info] */
    map_frame(k, P_SHARED);
    p_put(k, P_DESK, 0x7FF0), p_put(k, P_DESK + 4, 1), p_put(k, P_DESK + 8, 0), p_put(k, P_DESK + 12, P_DESK + 32);
    p_set(k, R_EBX, 2), p_set(k, R_ECX, P_DESK), p_set(k, R_EDX, 1), p_set(k, R_EAX, GRANT_TABLE);
    OP(e, 0xCD, 0x82);
    p_load(k, R_ECX, P_DESK + 32);
    OP(e, 0xC1, 0xE1, 12);
    map_frame(k, P_GRANTS);
}

static uint32_t start(struct ported *k)
{
    struct emit *e = &k->e;
    OP(e, 0xFC);
    p_store(k, V_INFO, R_ESI);
    OP(e, 0x8B, 0x46, 68, 0x8B, 0x00);                                 /* mov eax, [esi + mfn_list]; mov eax, [eax] */
    p_store(k, V_FIRST, R_EAX);
    p_put(k, V_LOG, P_LOG);
    OP32(e, P_STACK1, 0xBC);
    map_all(k);
    OP(e, 0xE9);
    return put_later(e);
}

/* Behind the runtime, whose addresses it needs. */
static void register_handlers(struct ported *k, uint32_t to)
{
    struct emit *e = &k->e;
    OP(e, 0xE9);
    uint32_t over = put_later(e), table = trap_table(k, to), event = upcall(k), failed = failsafe(k, to);
    put_here(e, over);
    p_set(k, R_EBX, table), p_call(k, SET_TRAP_TABLE);
    p_set(k, R_EBX, RING1_CS), p_set(k, R_ECX, event), p_set(k, R_EDX, RING1_CS), p_set(k, R_ESI, failed), p_call(k, SET_CALLBACKS);
    p_call2(k, STACK_SWITCH, RING1_DS, P_TRAP_STACK);
}

/* ---- groups ---- */

static const struct ported_group *const lists[] = { ported_memory, ported_segments, ported_events, ported_wild };
enum { LISTS = sizeof lists / sizeof lists[0] };

static const struct ported_group *pick(struct emit *e, bool hostile)
{
    unsigned total = 0;
    for (unsigned l = 0; l < LISTS; l++)
        for (const struct ported_group *g = lists[l]; g->name; g++) total += hostile ? g->hostile : g->weight;
    unsigned n = below(e, total);
    for (unsigned l = 0; l < LISTS; l++)
        for (const struct ported_group *g = lists[l]; g->name; g++) {
            unsigned weight = hostile ? g->hostile : g->weight;
            if (n < weight) return g;
            n -= weight;
        }
    return lists[0];
}

static uint64_t group_seed(uint64_t seed, unsigned n) { return seed * 0x100000001B3u + n * 0x9E3779B97F4A7C15u; }

static unsigned group_count(uint64_t seed)
{
    struct emit e = { .chance = seed ^ 0x5EED };
    return 3 + below(&e, P_GROUPS_MOST - 3);
}

/* Registers, stack and the event mask are as a group may expect them. */
static void one_group(struct ported *k, bool hostile)
{
    struct emit *e = &k->e;
    OP32(e, V_RESUME, 0xC7, 0x05);
    uint32_t next = put_later(e);
    OP32(e, V_COUNT, 0xFF, 0x05);
    OP32(e, P_STACK1, 0xBC);
    OP32(e, P_SHARED + 1, 0xC6, 0x05), put8(e, one_in(e, 3));
    good_data(k, RING1_DS);
    pick(e, hostile)->emit(k);
    p_log(k);
    poke32(e, next - 4, e->at);
}

bool ported_pae(uint64_t seed) { return (seed * 0x9E3779B97F4A7C15u) >> 62 == 0; }

static void begin(struct ported *k, uint64_t seed)
{
    struct emit *e = &k->e;
    memset(k->image, 0, sizeof k->image);
    k->written = 0;
    k->pae = ported_pae(seed);
    *e = (struct emit){ .image = k->image, .base = P_CODE, .at = P_CODE, .end = P_CODE_END, .chance = seed };
    uint32_t body = start(k);
    finish(k);
    log_state(k);
    uint32_t to = common(k);
    for (uint32_t at = P_PLAY; at < P_PLAY + 0x1000; at += 4) poke32(e, at, chance(e)); /* the first page for play; the others are zero */
    poke32(e, V_RESUME, k->finish);
    put_here(e, body);
    register_handlers(k, to);
}

unsigned ported_build(struct ported *k, uint64_t seed, uint32_t keep)
{
    k->endless = false;
    begin(k, seed);
    unsigned n = group_count(seed);
    for (unsigned i = 0; i < n; i++) {
        k->e.chance = group_seed(seed, i);
        if (keep >> i & 1) one_group(k, false);
    }
    OP(&k->e, 0xE9), put_to(&k->e, k->finish);
    return n;
}

const char *ported_group(uint64_t seed, unsigned n)
{
    struct emit e = { .chance = group_seed(seed, n) };
    (void)one_in(&e, 3); /* as one_group draws before it picks */
    return pick(&e, false)->name;
}

void ported_hostile(struct ported *k, uint64_t seed)
{
    k->endless = true;
    begin(k, seed);
    uint32_t first = k->e.at;
    while (k->e.at < P_CODE_END - 0x800) one_group(k, true);
    OP(&k->e, 0xE9), put_to(&k->e, first);
}

/* ---- the file ---- */

struct note { uint32_t name, size, type; char xen[4]; };

static uint32_t note(uint8_t *to, uint32_t at, uint32_t type, const void *content, uint32_t n)
{
    const struct note head = { 4, n, type, "Xen" };
    memcpy(to + at, &head, sizeof head);
    memcpy(to + at + sizeof head, content, n);
    return at + (uint32_t)sizeof head + ((n + 3) & ~3u);
}

bool ported_write(const struct ported *k, const char *path)
{
    enum { NOTES = 0x100, VIRT_BASE = 3, PADDR_OFFSET, XEN_VERSION, LOADER = 8, PAE, FEATURES, ENTRY = 1, CALLS = 2 };
    static uint8_t file[0x1000 + sizeof k->image];
    const uint32_t base = P_BASE, zero = 0, calls = P_CALLS;
    uint32_t end = NOTES;
    memset(file, 0, 0x1000);
    end = note(file, end, XEN_VERSION, "xen-3.0", 8);
    end = note(file, end, LOADER, "generic", 8);
    end = note(file, end, PAE, k->pae ? "yes[extended-cr3]" : "no", k->pae ? 18 : 3);
    end = note(file, end, VIRT_BASE, &base, 4);
    end = note(file, end, PADDR_OFFSET, &zero, 4);
    end = note(file, end, ENTRY, &base, 4);
    end = note(file, end, CALLS, &calls, 4);
    const Elf32_Ehdr h = { .e_ident = { 0x7F, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT }, .e_type = ET_EXEC, .e_machine = EM_386,
                           .e_version = EV_CURRENT, .e_entry = P_CODE, .e_phoff = sizeof h, .e_ehsize = sizeof h,
                           .e_phentsize = sizeof(Elf32_Phdr), .e_phnum = 2 };
    const Elf32_Phdr p[2] = {
        { .p_type = PT_LOAD, .p_offset = 0x1000, .p_vaddr = P_BASE, .p_filesz = sizeof k->image, .p_memsz = sizeof k->image, .p_flags = 7 },
        { .p_type = PT_NOTE, .p_offset = NOTES, .p_filesz = end - NOTES } };
    memcpy(file, &h, sizeof h);
    memcpy(file + sizeof h, p, sizeof p);
    memcpy(file + 0x1000, k->image, sizeof k->image);
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(file, sizeof file, 1, f) == 1;
    return f && !fclose(f) && ok;
}
