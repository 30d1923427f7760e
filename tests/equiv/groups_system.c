/* Groups of system code: sensitive and privileged instructions, ports, ticks, debug registers, tasks. */
#include "tests/equiv/groups.h"

/* ---- the sensitive nineteen, row by row ---- */

static void stores(struct kernel *k) /* SGDT SIDT SLDT STR SMSW */
{
    struct emit *e = &k->e;
    uint32_t at = some_scratch(k, 8);
    switch (below(e, 6)) {
    case 0: OP(e, 0x0F), OP32(e, at, 0x01, 0x05); break;
    case 1: OP(e, 0x0F), OP32(e, at, 0x01, 0x0D); break;
    case 2: OP(e, 0x0F, 0x00, (uint8_t)(0xC0 | some_reg(k))); break;
    case 3: OP(e, 0x0F, 0x00, (uint8_t)(0xC8 | some_reg(k))); break;
    case 4: OP(e, 0x0F, 0x01, (uint8_t)(0xE0 | some_reg(k))); break;
    default: OP(e, 0x0F), OP32(e, at, one_in(e, 2) ? 0x00 : 0x01, 0x25); break; /* verr, smsw of memory */
    }
}

static void flags(struct kernel *k)
{
    struct emit *e = &k->e;
    uint32_t image = chance(e) & 0x003C7ED5u; /* without TF, RF, VM; VIF and VIP are ignored */
    if (!one_in(e, 4)) image &= ~(1u << 10);
    if (one_in(e, 2)) OP(e, 0x9C, (uint8_t)(0x58 + some_reg(k)));
    OP32(e, image, 0x68), OP(e, 0x9D);
    alu_soup(k, below(e, 3));
    if (one_in(e, 2)) OP(e, 0x9C, (uint8_t)(0x58 + some_reg(k)));
    if (one_in(e, 8)) OP(e, 0x66, 0x9C, 0x66, 0x9D);
    put8(e, 0xFC);
}

static void questions(struct kernel *k) /* LAR LSL VERR VERW ARPL */
{
    struct emit *e = &k->e;
    set_reg(k, 0, some_selector(k));
    switch (below(e, 5)) {
    case 0: OP(e, 0x0F, 0x02, (uint8_t)(0xC0 | some_reg(k) << 3)); break;
    case 1: OP(e, 0x0F, 0x03, (uint8_t)(0xC0 | some_reg(k) << 3)); break;
    case 2: OP(e, 0x0F, 0x00, 0xE0); break;
    case 3: OP(e, 0x0F, 0x00, 0xE8); break;
    default: OP(e, 0x63, (uint8_t)(0xC0 | some_reg(k) << 3)); break;
    }
    OP(e, 0x0F, 0x94, 0xC1); /* setz cl */
}

static void selectors(struct kernel *k) /* PUSH and MOV from segment registers */
{
    static const uint8_t pushes[] = { 0x06, 0x0E, 0x16, 0x1E };
    struct emit *e = &k->e;
    for (unsigned n = 1 + below(e, 3); n--;) {
        if (one_in(e, 2)) { /* movzx: the other half is not stored; what an interrupt left there depends on its moment */
            uint8_t push = PICK(e, pushes), r = (uint8_t)some_reg(k);
            OP(e, push, (uint8_t)(0x58 + r), 0x0F, 0xB7, (uint8_t)(0xC0 | r << 3 | r));
            continue;
        }
        if (one_in(e, 3)) OP32(e, some_scratch(k, 2), 0x8C, (uint8_t)(below(e, 6) << 3 | 5));
        else OP(e, 0x8C, (uint8_t)(0xC0 | below(e, 6) << 3 | some_reg(k)));
    }
}

static void software_interrupts(struct kernel *k)
{
    static const uint8_t vectors[] = { 0x30, 0x31, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x80, 0x81, 3, 4, 13, 14, 8, 0xF0, 0xFF };
    static const uint8_t prefixes[] = { 0x66, 0x3E, 0x26, 0x64, 0xF3 };
    struct emit *e = &k->e;
    switch (below(e, 8)) {
    case 0: put8(e, 0xCC); break;
    case 1: OP(e, 0x83, 0xC0, 0x7F, 0xCE); break; /* add eax, 127; into */
    case 2: put8(e, 0xF1); break;
    case 3: for (unsigned n = 1 + below(e, 3); n--;) put8(e, PICK(e, prefixes)); /* fall through */
    default: OP(e, 0xCD, PICK(e, vectors)); break;
    }
}

/* ---- what traps below ring 0 ---- */

static void control_registers(struct kernel *k)
{
    static const uint32_t cr0[] = { 2, 4, 8, 0x20, 0x10000, 0x40000 }, cr4[] = { 4, 8, 0x100, 0x80 };
    static const uint8_t read[] = { 0xC0, 0xD0, 0xD8, 0xE0 };
    struct emit *e = &k->e;
    switch (below(e, 7)) {
    case 0: OP(e, 0x0F, 0x20, (uint8_t)(PICK(e, read) | some_reg(k))); break;
    case 1: OP(e, 0x0F, 0x20, 0xC0), OP32(e, PICK(e, cr0), 0x35), OP(e, 0x0F, 0x22, 0xC0); break;
    case 2: OP(e, 0x0F, 0x20, 0xE0), OP32(e, PICK(e, cr4), 0x35), OP(e, 0x0F, 0x22, 0xE0); break;
    case 3: OP(e, 0x0F, 0x20, 0xD8, 0x0F, 0x22, 0xD8); break;
    case 4: OP32(e, 0x11 | below(e, 16), 0xB8), OP(e, 0x0F, 0x01, 0xF0); break; /* lmsw */
    case 5: OP32(e, chance(e), 0xB8), OP(e, 0x0F, 0x22, 0xD0, 0x0F, 0x20, 0xD1); break; /* cr2 */
    default: OP(e, 0x0F, 0x06); break;
    }
}

static void privileged(struct kernel *k)
{
    static const uint16_t msrs[] = { 0x174, 0x175, 0x176, 0x277, 0x1A0, 0x345, 0x8B, 0x1234 };
    struct emit *e = &k->e;
    switch (below(e, 12)) {
    case 0: put8(e, one_in(e, 2) ? 0xFA : 0xFB); break;
    case 1: /* lgdt of a shorter table, and back */
        OP(e, 0xFA), OP32(e, AT_VARS + 0x58, 0x66, 0xC7, 0x05), put16(e, 0x2F + 8 * below(e, 16)), OP32(e, AT_VARS + 0x5A, 0xC7, 0x05), put32(e, AT_GDT);
        OP(e, 0x0F), OP32(e, AT_VARS + 0x58, 0x01, 0x15), set_reg(k, 0, some_selector(k)), OP(e, 0x8E, 0xE0);
        OP(e, 0x0F), OP32(e, AT_VARS + 0x40, 0x01, 0x15);
        break;
    case 2: OP(e, 0x0F), OP32(e, AT_VARS + 0x48, 0x01, 0x1D); break;
    case 3: set_reg(k, 0, one_in(e, 2) ? SEL_LDT : some_selector(k)), OP(e, 0x0F, 0x00, 0xD0); break; /* lldt */
    case 4: set_reg(k, 0, some_selector(k)), OP(e, 0x0F, 0x00, 0xD8); break;                         /* ltr */
    case 5: set_reg(k, 1, 0x174 + below(e, 3)), set_reg(k, 0, one_in(e, 2) ? SEL_CODE0 : below(e, 0x200)), set_reg(k, 2, 0), OP(e, 0x0F, 0x30); break;
    case 6: set_reg(k, 1, PICK(e, msrs)), OP(e, 0x0F, 0x32); break;
    case 7: OP(e, 0x0F, 0x31, 0x31, 0xC0, 0x31, 0xD2); break; /* rdtsc: what it says is time's */
    case 8: OP(e, 0x0F, one_in(e, 2) ? 0x08 : 0x09); break;
    case 9: OP(e, 0x0F), OP32(e, chance(e), 0x01, 0x3D); break; /* invlpg */
    case 10: put8(e, 0xF0), OP(e, 0x0F, 0x0B); break;           /* lock ud2 */
    default: set_reg(k, 0, 0), OP(e, 0x0F, 0xA2); break;        /* cpuid 0 */
    }
}

static void debug_registers(struct kernel *k)
{
    struct emit *e = &k->e;
    unsigned n = below(e, 4), kind = below(e, 4), length = below(e, 4);
    uint32_t at = kind == 0 ? e->at + 40 + below(e, 30) : kind == 2 ? 0x80 : some_scratch(k, 16) & ~3u;
    OP(e, 0xFA);
    OP32(e, at, 0xB8), OP(e, 0x0F, 0x23, (uint8_t)(0xC0 | n << 3));
    OP32(e, 0x400u | 1u << 2 * n | kind << (16 + 4 * n) | (kind ? length << (18 + 4 * n) : 0) | (one_in(e, 12) ? 0x2000u : 0), 0xB8);
    OP(e, 0x0F, 0x23, 0xF8);
    alu_soup(k, 1 + below(e, 3));
    OP32(e, at & ~1u, one_in(e, 2) ? 0xA1 : 0xA3);
    OP(e, 0xE6, 0x80);
    alu_soup(k, 1 + below(e, 3));
    if (one_in(e, 3)) OP(e, 0xBE), put32(e, at - 8), OP(e, 0xBF), put32(e, AT_SCRATCH + 0x2000), OP(e, 0xB9), put32(e, 5), OP(e, 0xF3, 0xA5);
    if (one_in(e, 2)) OP(e, 0x0F, 0x21, 0xF8); /* mov eax, dr7 */
    if (one_in(e, 2)) OP(e, 0x0F, 0x21, (uint8_t)(0xC3 | n << 3), 0x0F, 0x21, 0xF1);
    OP(e, 0x31, 0xC0, 0x0F, 0x23, 0xF8);
}

/* TF: some instructions, among them such that are emulated and such that load SS. */
static void single_step(struct kernel *k)
{
    struct emit *e = &k->e;
    OP(e, 0xFA);
    OP32(e, 0x102, 0x68), put8(e, 0x9D);
    for (unsigned n = 1 + below(e, 4); n--;)
        switch (below(e, 7)) {
        case 0: OP(e, 0x0F, 0x20, 0xD8); break;
        case 1: OP(e, 0x8C, 0xD0, 0x8E, 0xD0, 0x90); break;
        case 2: OP(e, 0xCD, 0x31); break;
        case 3: OP32(e, AT_SCRATCH, 0xBE), OP32(e, AT_SCRATCH + 64, 0xBF), OP32(e, 3, 0xB9), OP(e, 0xF3, 0xA4); break;
        case 4: OP(e, 0xFA); break;
        case 5: OP(e, 0xE6, 0x80); break;
        default: alu_soup(k, 2); break;
        }
    OP32(e, 2, 0x68), put8(e, 0x9D);
    if (one_in(e, 3)) OP(e, 0x9C, 0x58);
}

/* ---- ports and time ---- */

static const uint16_t harmless_ports[] = { 0x80, 0xE9, 0x3FB, 0x3FF, 0x3F9, 0x21, 0x84 };

static void ports(struct kernel *k)
{
    struct emit *e = &k->e;
    uint16_t port = PICK(e, harmless_ports);
    bool out = port != 0x21 && one_in(e, 2);
    if (port == 0xE9) out = true;
    set_reg(k, 2, port);
    set_reg(k, 0, port == 0xE9 ? 'a' + below(e, 26) : port == 0x3FB || port == 0x3F9 ? 0 : chance(e));
    if (port < 0x100 && one_in(e, 2)) OP(e, out ? 0xE6 : 0xE4, (uint8_t)port);
    else if (one_in(e, 4)) {
        set_reg(k, 6, some_scratch(k, 64)), set_reg(k, 7, some_scratch(k, 64)), set_reg(k, 1, below(e, 5));
        if (port == 0xE9 || port == 0x3FB || port == 0x3F9) OP(e, 0xBE), put32(e, AT_VARS + 0x100); /* zeros */
        if (one_in(e, 2)) put8(e, 0xF3);
        put8(e, out ? 0x6E : 0x6C);
    } else put8(e, out ? 0xEE : 0xEC);
}

static void print(struct kernel *k)
{
    struct emit *e = &k->e;
    set_reg(k, 2, 0xE9); /* a UART takes its time */
    for (unsigned n = 1 + below(e, 3); n--;) OP(e, 0xB0, (uint8_t)('A' + below(e, 26)), 0xEE);
}

/* Asks the 8254 for a tick, and waits for it or lets it come. */
static void tick(struct kernel *k)
{
    struct emit *e = &k->e;
    unsigned count = 2 + below(e, 40);
    OP(e, 0xE8), put_to(e, k->sync);
    OP32(e, VAR_EXPECTED, 0xFF, 0x05);
    OP(e, 0xB0, 0x30, 0xE6, 0x43, 0xB0, (uint8_t)count, 0xE6, 0x40, 0x30, 0xC0, 0xE6, 0x40);
    if (one_in(e, 2)) {
        OP(e, 0xE8), put_to(e, k->sync);
        return;
    }
    put8(e, 0xFB);
    alu_soup(k, below(e, 20));
}

/* ---- tasks, fast calls ---- */

static void tasks(struct kernel *k)
{
    struct emit *e = &k->e;
    OP(e, 0xFA);
    switch (below(e, 4)) {
    case 0: OP(e, 0xCD, 0x33); break;
    case 1: OP32(e, 0, 0x9A), put16(e, SEL_TASK); break;
    case 2: OP32(e, 0, 0x9A), put16(e, SEL_TASK_GATE); break;
    default: OP32(e, 0, 0xEA), put16(e, one_in(e, 2) ? SEL_TASK_GATE : SEL_TASK); break;
    }
}

static void fast_calls(struct kernel *k)
{
    struct emit *e = &k->e;
    OP(e, 0xFA);
    if (one_in(e, 2)) { /* into ring 0 from wherever we are */
        set_reg(k, 1, 0x174), set_reg(k, 0, one_in(e, 6) ? 0 : SEL_CODE0), set_reg(k, 2, 0), OP(e, 0x0F, 0x30);
        set_reg(k, 1, 0x175), set_reg(k, 0, AT_STACK0 - 0x400), OP(e, 0x0F, 0x30);
        set_reg(k, 1, 0x176), OP32(e, e->at + 5 + 2 + 2, 0xB8), OP(e, 0x0F, 0x30, 0x0F, 0x34);
        return;
    }
    if (one_in(e, 3)) OP32(e, SEL_DATA3, 0xB8), OP(e, 0x8E, 0xD8, 0x8E, 0xC0, 0x8E, 0xE0, 0x8E, 0xE8); /* SYSEXIT drops no inner segments */
    set_reg(k, 1, 0x174), set_reg(k, 0, SEL_CODE0), set_reg(k, 2, 0), OP(e, 0x0F, 0x30); /* CS 1B, SS 23 */
    set_reg(k, 1, AT_STACK3), OP32(e, e->at + 5 + 2, 0xBA), OP(e, 0x0F, 0x35);
    alu_soup(k, 2);
    OP(e, 0xCD, 0x80);
}

const struct group groups_system[] = {
    { "stores", 6, true, stores },        { "flags", 8, true, flags },       { "questions", 6, true, questions },
    { "selectors", 5, true, selectors },  { "int", 7, true, software_interrupts },
    { "control", 7, true, control_registers }, { "privileged", 8, true, privileged }, { "debug", 4, false, debug_registers },
    { "step", 4, false, single_step },    { "ports", 5, true, ports },       { "print", 3, true, print },
    { "tick", 5, false, tick },           { "tasks", 2, false, tasks },      { "fast-call", 3, false, fast_calls },
    { NULL, 0, false, NULL },
};
