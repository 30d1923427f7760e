/* Groups of a paravirtual kernel about descriptors: tables of its own frames, single ones changed, an LDT, far transfers, segments
 * loaded by both rings, and what becomes of registers whose descriptor is gone. */
#include "tests/equiv/ported.h"

enum { SET_GDT = 2, UPDATE_DESCRIPTOR = 10, VM_ASSIST = 21, MMUEXT = 26, SET_LDT = 13, SELF = 0x7FF0 };

/* Two words of a descriptor nobody planned. */
static void some_descriptor(struct ported *k, uint32_t d[2])
{
    static const uint8_t types[] = { 0x92, 0x93, 0xB2, 0xF2, 0xF3, 0x9A, 0xBA, 0xFA, 0xFB, 0xF6, 0xF7, 0xFE, 0x96, 0x90, 0x98, 0x12, 0x82, 0x89, 0x8C, 0xEC, 0xE5, 0x8E, 0x00, 0x80 };
    struct emit *e = &k->e;
    uint32_t base = one_in(e, 2) ? 0 : one_in(e, 3) ? p_some_va(k) : P_PAGE(p_play(k)), limit = one_in(e, 2) ? 0xFFFFF : below(e, 0x10000);
    uint32_t flags = one_in(e, 2) ? 0xC00000 : one_in(e, 2) ? 0x400000 : 0;
    d[0] = base << 16 | (limit & 0xFFFF);
    d[1] = (base & 0xFF000000u) | flags | (limit & 0xF0000) | (uint32_t)PICK(e, types) << 8 | (base >> 16 & 0xFF);
}

static uint16_t some_selector(struct ported *k)
{
    static const uint16_t known[] = { 0, 3, 0xE019, 0xE021, 0xE02B, 0xE033, 0xE01B, 0xE020, 0xFFC8, 0xFFD0, 0xFFD8, 0xFFE0, 0xFFFF, 0xDFF9, 0x1001 };
    struct emit *e = &k->e;
    if (one_in(e, 3)) return PICK(e, known);
    return (uint16_t)(8 * below(e, 12) | (one_in(e, 3) ? 4 : 0) | (one_in(e, 2) ? 1 : below(e, 4)));
}

/* A few descriptors into a page that is not shown writable behind it. */
static void lay_descriptors(struct ported *k, uint32_t page)
{
    struct emit *e = &k->e;
    p_remap(k, page, 7);
    for (unsigned n = 0; n < 8; n++) {
        uint32_t d[2] = { 0, 0 };
        if (n && one_in(e, 4)) some_descriptor(k, d); /* most of these are refused, all of the page with them */
        else if (n) d[0] = 0x0000FFFF, d[1] = one_in(e, 2) ? 0x00CFF300 : one_in(e, 2) ? 0x00CFBB00 : 0x00CFFB00;
        p_put(k, P_PAGE(page) + 8 * n, d[0]), p_put(k, P_PAGE(page) + 8 * n + 4, d[1]);
    }
    p_remap(k, page, one_in(e, 10) ? 7 : 5);
}

static void load_segments(struct ported *k)
{
    static const uint8_t loads[] = { 0xD8, 0xC0, 0xE0, 0xE8, 0xD0 }; /* mov ds, es, fs, gs, ss */
    struct emit *e = &k->e;
    bool user = one_in(e, 4);
    p_set(k, R_EBX, 0), p_set(k, R_ECX, 0), p_call(k, VM_ASSIST); /* segments may reach around 4 GB */
    if (user) p_user(k);
    for (unsigned n = 1 + below(e, 4); n--; ) {
        p_set(k, R_EAX, some_selector(k));
        OP(e, 0x8E, PICK(e, loads));
        if (!one_in(e, 2)) continue;
        OP(e, (uint8_t)(one_in(e, 2) ? 0x64 : 0x65));
        uint32_t offset = below(e, 0x2000);
        OP32(e, offset & 1 ? 0 - offset : offset, 0xA1); /* mov eax, fs:[..], half of them below the base */
    }
    if (user) p_back(k);
}

static void gdt(struct ported *k)
{
    struct emit *e = &k->e;
    uint32_t page = one_in(e, 3) ? p_play(k) : P_GDT, frames = 1 + one_in(e, 4);
    lay_descriptors(k, page);
    p_frame(k, R_EAX, page), p_store(k, P_DESK, R_EAX);
    p_frame(k, R_EAX, one_in(e, 3) ? p_some_page(k) : P_GDT + 1), p_store(k, P_DESK + 4, R_EAX);
    if (frames == 2) p_remap(k, P_GDT + 1, 5);
    p_call2(k, SET_GDT, one_in(e, 12) ? p_some_va(k) : P_DESK, one_in(e, 8) ? p_some_value(k) : frames * 512 - below(e, 500));
    p_log(k);
    load_segments(k);
    if (one_in(e, 3)) p_remap(k, page, 7), p_log(k);
    if (one_in(e, 4)) p_call2(k, SET_GDT, P_DESK, 0), load_segments(k);
}

static void one_descriptor(struct ported *k)
{
    struct emit *e = &k->e;
    for (unsigned n = 1 + below(e, 3); n--; ) {
        uint32_t d[2];
        some_descriptor(k, d);
        p_table_at(k, R_EBX, one_in(e, 3) ? p_some_page(k) : P_GDT, one_in(e, 10) ? below(e, 0x1000) : below(e, 12) * 8);
        p_set(k, R_ECX, one_in(e, 20)), p_set(k, R_EDX, d[0]), p_set(k, R_ESI, d[1]);
        p_call(k, UPDATE_DESCRIPTOR);
        p_log(k);
    }
    load_segments(k);
}

static void ldt(struct ported *k)
{
    struct emit *e = &k->e;
    uint32_t page = one_in(e, 3) ? p_play(k) : P_LDT;
    lay_descriptors(k, page);
    p_put(k, P_DESK, SET_LDT), p_put(k, P_DESK + 4, one_in(e, 10) ? p_some_va(k) : P_PAGE(page)), p_put(k, P_DESK + 8, one_in(e, 6) ? p_some_value(k) : below(e, 9));
    p_set(k, R_EDX, 0), p_set(k, R_ESI, SELF), p_call2(k, MMUEXT, P_DESK, 1);
    p_log(k);
    load_segments(k);
    if (one_in(e, 3)) p_remap(k, page, one_in(e, 2) ? 7 : 0), p_log(k), load_segments(k);
}

/* CALL, JMP and RETF to random selectors; the code there is the next instruction, where they are good. */
static void far_transfers(struct ported *k)
{
    struct emit *e = &k->e;
    bool user = one_in(e, 4);
    if (user) p_user(k);
    uint16_t sel = one_in(e, 3) ? (user ? 0xE02B : 0xE019) : some_selector(k);
    switch (below(e, 3)) {
    case 0: OP32(e, e->at + 7, (uint8_t)(one_in(e, 2) ? 0x9A : 0xEA)), put16(e, sel); break;
    case 1: OP32(e, sel, 0x68), OP(e, 0xE8, 0, 0, 0, 0, 0x83, 0x04, 0x24, 5, 0xCB); break; /* push sel; call $+5; add [esp], 5; retf */
    default: OP32(e, 0x202, 0x68), OP32(e, sel, 0x68), OP(e, 0xE8, 0, 0, 0, 0, 0x83, 0x04, 0x24, 5, 0xCF); break; /* iret */
    }
    OP(e, 0x8C, 0xC8, 0x8C, 0xD2, 0x0F, 0x02, 0xC8, 0x0F, 0x03, 0xD0, 0x0F, 0x00, 0xE0); /* mov eax, cs; mov edx, ss; lar; lsl; verr */
    if (user) p_back(k);
}

const struct ported_group ported_segments[] = {
    { "a GDT", 5, 5, gdt }, { "one descriptor", 5, 6, one_descriptor }, { "an LDT", 4, 4, ldt }, { "loads of segments", 4, 4, load_segments },
    { "far transfers", 4, 4, far_transfers }, { NULL, 0, 0, NULL },
};
