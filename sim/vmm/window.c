/* See window.h. */
#include "sim/vmm/window.h"

#include <stdio.h>
#include <string.h>

#include "sim/cpu/cpu.h"

static void put(const struct window *w, uint32_t offset, const void *bytes, size_t n) { bus_poke(w->machine, window_hpa(w, offset), bytes, n); }

static void put32(const struct window *w, uint32_t offset, uint32_t value) { bus_poke(w->machine, window_hpa(w, offset), &value, 4); }

/* SDM 3A 6.3.1, table 6-1: vectors for which the CPU pushes an error code. */
static bool has_code(unsigned vector) { return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17; }

/* push 0 (if the CPU pushed no code); push vector; jmp entry */
static void build_stub(const struct window *w, unsigned vector)
{
    uint8_t code[16];
    unsigned n = 0;
    uint32_t at = WINDOW_STUBS + vector * 16;
    if (!has_code(vector)) {
        code[n++] = 0x6A;
        code[n++] = 0x00;
    }
    code[n++] = 0x68;
    uint32_t v = vector;
    memcpy(code + n, &v, 4);
    n += 4;
    code[n++] = 0xE9;
    uint32_t rel = WINDOW_ENTRY - (at + n + 4);
    memcpy(code + n, &rel, 4);
    put(w, at, code, n + 4);
}

/* 32-bit interrupt gates: the CPU clears IF on the way in. Only plain software vectors may be called from below. */
void window_gate_raw(const struct window *w, unsigned vector, uint32_t low, uint32_t high)
{
    put32(w, WINDOW_IDT + vector * 8, low);
    put32(w, WINDOW_IDT + vector * 8 + 4, high);
}

void window_gate(const struct window *w, unsigned vector, unsigned dpl)
{
    uint32_t target = WINDOW_BASE + WINDOW_STUBS + vector * 16;
    window_gate_raw(w, vector, (uint32_t)WINDOW_CS << 16 | (target & 0xFFFF), (target & 0xFFFF0000u) | 0x8E00u | dpl << 13);
}

static void build_code(const struct window *w)
{
    static const uint8_t leave[] = { 0x61, 0x83, 0xC4, 0x08, 0xCF }; /* popa; add esp, 8; iret */
    uint8_t entry[] = { 0x60, 0xE9, 0, 0, 0, 0 };                    /* pusha; jmp door */
    uint32_t rel = WINDOW_DOOR - (WINDOW_ENTRY + 6);
    memcpy(entry + 2, &rel, 4);
    static const uint8_t idle[] = { 0xFB, 0xF4, 0xEB, 0xFD };        /* sti; again: hlt; jmp again */
    static const uint8_t door[] = { 0xF4, 0xEB, 0xFD };              /* never executed: the body of the hypervisor is C */
    put(w, WINDOW_ENTRY, entry, sizeof entry);
    put(w, WINDOW_LEAVE, leave, sizeof leave);
    put(w, WINDOW_IDLE, idle, sizeof idle);
    put(w, WINDOW_DOOR, door, sizeof door);
    uint8_t fast[] = { 0x9C, 0x6A, 0x03, 0x6A, 0x00, 0x6A, 0x00, 0x68, 0, 0, 0, 0, 0xE9, 0, 0, 0, 0 }; /* pushfd; push 3, 0, 0, vector; jmp entry */
    uint32_t vector = WINDOW_FAST_VECTOR, back = WINDOW_ENTRY - (WINDOW_FAST + (uint32_t)sizeof fast);
    memcpy(fast + 8, &vector, 4);
    memcpy(fast + 13, &back, 4);
    put(w, WINDOW_FAST, fast, sizeof fast);
    bus_mark(w->machine, window_hpa(w, WINDOW_DOOR), FRAME_DOOR);
}

bool window_fast_step(const struct window_frame *f)
{
    return f->vector == 1 && f->cs == WINDOW_CS && f->eip == WINDOW_BASE + WINDOW_FAST;
}

void window_descriptor(const struct window *w, unsigned selector, uint32_t base, uint32_t limit, uint32_t rights)
{
    put32(w, WINDOW_GDT + selector, (base & 0xFFFF) << 16 | (limit & 0xFFFF));
    put32(w, WINDOW_GDT + selector + 4,
          (base & 0xFF000000u) | (rights & 0xF000) << 8 | (limit & 0xF0000) | (rights & 0xFF) << 8 | ((base >> 16) & 0xFF));
}

void window_build(const struct window *w)
{
    bool wide = w->tss == WINDOW_TSS_WIDE;
    uint8_t closed[WINDOW_MAP_BYTES];
    put32(w, w->tss + 4, WINDOW_BASE + WINDOW_STACK); /* ESP0 */
    put32(w, w->tss + 8, WINDOW_SS);                  /* SS0 */
    window_map(w, false);
    memset(closed, 0xFF, sizeof closed);
    if (wide) put(w, w->tss + WINDOW_TSS_BYTES, closed, sizeof closed);
    for (unsigned v = 0; v < 256; v++) {
        build_stub(w, v);
        window_gate(w, v, 0);
    }
    build_code(w);
    window_descriptor(w, WINDOW_CS, 0, 0xFFFFF, 0xC09B);         /* ring-0 code, flat, accessed */
    window_descriptor(w, WINDOW_SS, 0, 0xFFFFF, 0xC093);         /* ring-0 data, flat, accessed */
    window_descriptor(w, WINDOW_TR, WINDOW_BASE + w->tss, WINDOW_TSS_BYTES - 1 + (wide ? WINDOW_MAP_BYTES : 0), 0x008B);
    window_descriptor(w, WINDOW_LDTR, WINDOW_BASE + WINDOW_LDT, 0xFFFF, 0x0082);
}

void window_load(const struct window *w, struct seg_reg *r, uint16_t selector)
{
    uint32_t d[2];
    bus_peek(w->machine, window_hpa(w, WINDOW_GDT + selector), d, sizeof d);
    cpu_seg_set(r, selector, d[0], d[1]);
}

void window_ldt(const struct window *w, uint32_t base, uint32_t limit) { window_descriptor(w, WINDOW_LDTR, base, limit, 0x0082); }

void window_ring1_stack(const struct window *w, uint32_t ss, uint32_t esp)
{
    put32(w, w->tss + 12, esp);
    put32(w, w->tss + 16, ss);
}

void window_ports(const struct window *w, uint16_t first, unsigned count, bool open)
{
    for (uint32_t port = first; port < first + count; port++) {
        uint8_t byte, bit = (uint8_t)(1u << port % 8);
        uint32_t at = w->tss + WINDOW_TSS_BYTES + port / 8;
        bus_peek(w->machine, window_hpa(w, at), &byte, 1);
        byte = (uint8_t)(open ? byte & ~bit : byte | bit);
        put(w, at, &byte, 1);
    }
}

/* The map's base, in the upper half of the word: at the end of a TSS without, beyond the limit, there is none. */
void window_map(const struct window *w, bool shown)
{
    put32(w, w->tss + 100, (shown ? WINDOW_TSS_BYTES : 0xFFFFu) << 16);
}

void window_stack_high(const struct window *w, uint32_t esp, uint32_t offset)
{
    window_descriptor(w, WINDOW_SS_HIGH, WINDOW_BASE + offset - esp, 0xFFFFF, 0xC093); /* ring-0 data, accessed, wraps around */
}

static void name(char *buf, unsigned room, const char *what, uint32_t offset)
{
    if (offset) snprintf(buf, room, "%s+%u", what, offset);
    else snprintf(buf, room, "%s", what);
}

const char *window_symbol(uint32_t at, char *buf, unsigned room)
{
    uint32_t offset = at - WINDOW_BASE;
    if (at < WINDOW_BASE) return NULL;
    if (offset >= WINDOW_STUBS && offset < WINDOW_ENTRY)
        snprintf(buf, room, offset % 16 ? "vmm.stub.%u+%u" : "vmm.stub.%u", (offset - WINDOW_STUBS) / 16, offset % 16);
    else if (offset >= WINDOW_FAST && offset < WINDOW_FAST + 32) name(buf, room, "vmm.sysenter", offset - WINDOW_FAST);
    else if (offset >= WINDOW_IDLE && offset < WINDOW_DOOR) name(buf, room, "vmm.idle", offset - WINDOW_IDLE);
    else if (offset >= WINDOW_LEAVE && offset < WINDOW_IDLE) name(buf, room, "vmm.leave", offset - WINDOW_LEAVE);
    else if (offset >= WINDOW_ENTRY && offset < WINDOW_LEAVE) name(buf, room, "vmm.entry", offset - WINDOW_ENTRY);
    else if (offset == WINDOW_DOOR) snprintf(buf, room, "vmm.door");
    else return NULL;
    return buf;
}
