/* Loading segment registers, their hidden parts, and asking about descriptors (SDM vol. 2: MOV, POP, LDS, LAR, LSL,
 * VERR, VERW, ARPL; vol. 3A 3.4, 5.2-5.7). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "sim/cpu/mem.h"
#include "tests/support/rings.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])

/* MOV seg, AX in some ring. */
static const struct {
    const char *what;
    uint8_t ring, seg;
    uint16_t sel;
    const char *wanted;
} loads[] = {
    { "null in DS",                     0, SEG_DS, 0,                   "ok" },
    { "null with RPL 3 in ES",          3, SEG_ES, 3,                   "ok" },
    { "null in FS of ring 1",           1, SEG_FS, 1,                   "ok" },
    { "null in SS",                     0, SEG_SS, 0,                   "#GP(0)" },
    { "null in SS of ring 3",           3, SEG_SS, 3,                   "#GP(0)" },
    { "null in SS of ring 1",           1, SEG_SS, 1,                   "#GP(0)" },
    { "data 0 from 0",                  0, SEG_DS, SEL_DATA0,           "ok" },
    { "data 0 from 1",                  1, SEG_DS, SEL_DATA0,           "#GP(10)" },
    { "data 0 with RPL 1 from 1",       1, SEG_DS, SEL_DATA0 | 1,       "#GP(10)" },
    { "data 0 from 3",                  3, SEG_DS, SEL_DATA0,           "#GP(10)" },
    { "data 0 with RPL 3 from 0",       0, SEG_DS, SEL_DATA0 | 3,       "#GP(10)" },
    { "data 3 from 0",                  0, SEG_DS, DATA(3),             "ok" },
    { "data 3 with RPL 3 from 0",       0, SEG_GS, DATA(3) | 3,         "ok" },
    { "data 3 with RPL 0 from 3",       3, SEG_DS, DATA(3),             "ok" },
    { "data 1 from 1",                  1, SEG_DS, DATA(1) | 1,         "ok" },
    { "data 1 with RPL 0 from 1",       1, SEG_DS, DATA(1),             "ok" },
    { "data 1 with RPL 2 from 1",       1, SEG_DS, DATA(1) | 2,         "#GP(20)" },
    { "data 1 from 3",                  3, SEG_DS, DATA(1) | 3,         "#GP(20)" },
    { "data 2 from 1",                  1, SEG_DS, DATA(2) | 1,         "ok" },
    { "code 0 (readable) from 0",       0, SEG_DS, SEL_CODE0,           "ok" },
    { "code 0 from 3",                  3, SEG_DS, SEL_CODE0,           "#GP(8)" },
    { "code 3 from 3",                  3, SEG_DS, CODE(3) | 3,         "ok" },
    { "conforming code 0 from 3",       3, SEG_DS, SEL_CONFORMING | 3,  "ok" },
    { "conforming code 2 from 3",       3, SEG_ES, SEL_CONFORMING2,     "ok" },
    { "execute-only code",              3, SEG_DS, SEL_EXEC_ONLY,       "#GP(70)" },
    { "execute-only code from 0",       0, SEG_DS, SEL_EXEC_ONLY,       "#GP(70)" },
    { "read-only data",                 3, SEG_DS, SEL_READ_ONLY | 3,   "ok" },
    { "absent data",                    3, SEG_DS, SEL_ABSENT_DATA | 3, "#NP(60)" },
    { "absent data in FS of ring 0",    0, SEG_FS, SEL_ABSENT_DATA,     "#NP(60)" },
    { "absent and forbidden: forbidden", 3, SEG_DS, SEL_ABSENT_CODE,    "#GP(58)" },
    { "expand-down data",               3, SEG_DS, SEL_DOWN,            "ok" },
    { "a TSS",                          0, SEG_DS, SEL_TSS_FREE,        "#GP(A0)" },
    { "an LDT",                         0, SEG_DS, SEL_LDT,             "#GP(90)" },
    { "an empty descriptor",            0, SEG_DS, SEL_SCRATCH,         "#GP(A8)" },
    { "the last descriptor",            3, SEG_DS, SEL_LAST | 3,        "ok" },
    { "beyond the GDT",                 0, SEG_DS, SEL_BEYOND,          "#GP(C0)" },
    { "far beyond the GDT",             0, SEG_DS, 0xFFFB,              "#GP(FFF8)" },
    { "GDT entry 0 by LDT selector",    3, SEG_DS, 0x0007,              "#GP(4)" },
    { "the LDT's data",                 3, SEG_DS, SEL_LDT_DATA | 8 | 3, "ok" },
    { "beyond the LDT",                 0, SEG_DS, 0x0014,              "#GP(14)" },
    { "SS data 0 from 0",               0, SEG_SS, SEL_DATA0,           "ok" },
    { "SS data 0 with RPL 1 from 0",    0, SEG_SS, SEL_DATA0 | 1,       "#GP(10)" },
    { "SS data 3 from 0",               0, SEG_SS, DATA(3),             "#GP(40)" },
    { "SS data 3 with RPL 3 from 0",    0, SEG_SS, DATA(3) | 3,         "#GP(40)" },
    { "SS data 1 from 1",               1, SEG_SS, DATA(1) | 1,         "ok" },
    { "SS data 1 with RPL 0 from 1",    1, SEG_SS, DATA(1),             "#GP(20)" },
    { "SS data 0 with RPL 0 from 1",    1, SEG_SS, SEL_DATA0,           "#GP(10)" },
    { "SS data 0 with RPL 1 from 1",    1, SEG_SS, SEL_DATA0 | 1,       "#GP(10)" },
    { "SS data 3 from 3",               3, SEG_SS, DATA(3) | 3,         "ok" },
    { "SS data 3 with RPL 0 from 3",    3, SEG_SS, DATA(3),             "#GP(40)" },
    { "SS read-only",                   3, SEG_SS, SEL_READ_ONLY | 3,   "#GP(68)" },
    { "SS code",                        3, SEG_SS, CODE(3) | 3,         "#GP(38)" },
    { "SS absent",                      3, SEG_SS, SEL_ABSENT_DATA | 3, "#SS(60)" },
    { "SS absent, wrong RPL",           3, SEG_SS, SEL_ABSENT_DATA,     "#GP(60)" },
    { "SS expand-down",                 3, SEG_SS, SEL_DOWN | 3,        "ok" },
    { "SS beyond the GDT",              0, SEG_SS, SEL_BEYOND,          "#GP(C0)" },
    { "CS",                             0, SEG_CS, SEL_CODE0,           "#UD" },
};

static void each_load(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(loads); n++) {
        struct fake f;
        rings_init(&f);
        rings_enter(&f, loads[n].ring);
        f.cpu.reg[EAX] = loads[n].sel;
        enum step s = STEP(&f, 0x8E, (uint8_t)(0xC0 | loads[n].seg << 3));
        if (strcmp(rings_outcome(&f, s), loads[n].wanted))
            fail_msg("%s: wanted %s, got %s", loads[n].what, loads[n].wanted, rings_outcome(&f, s));
        if (s == STEP_OK) {
            const struct seg_reg *r = &f.cpu.seg[loads[n].seg];
            assert_int_equal(r->sel, loads[n].sel);
            if (loads[n].sel & 0xFFFC) assert_true(r->ar & AR_ACCESSED);
            else assert_true(r->ar == 0 && r->rd_end == 0 && r->wr_end == 0);
        }
        fake_done(&f);
    }
}

static void null_is_unusable(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    f.cpu.reg[EAX] = 0;
    assert_int_equal(STEP(&f, 0x8E, 0xD8), STEP_OK);              /* mov ds, ax */
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xA0, 0, 0, 2, 0)), "#GP(0)"); /* mov al, [20000h] */
    fake_done(&f);
}

static void accessed_bit(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    f.cpu.reg[EAX] = SEL_LAST;
    assert_int_equal(fake_get8(&f, AT_GDT + SEL_LAST + 5), 0xF2);
    assert_int_equal(STEP(&f, 0x8E, 0xD8), STEP_OK);
    assert_int_equal(fake_get8(&f, AT_GDT + SEL_LAST + 5), 0xF3);
    /* Once set it is not written again: a read-only table is good enough. */
    f.cpu.cr0 |= CR0_WP;
    f.cr0 = f.cpu.cr0;
    fake_page(&f, AT_GDT, FAKE_P);
    assert_int_equal(STEP(&f, 0x8E, 0xD8), STEP_OK);
    f.cpu.reg[EAX] = DATA(3);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x8E, 0xD8)), "#PF(3)");
    assert_int_equal(f.cpu.fault.addr, AT_GDT + DATA(3) + 5);
    fake_page(&f, AT_GDT, 0);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x8E, 0xD8)), "#PF(0)"); /* a supervisor's read, from any ring */
    rings_enter(&f, 3);
    fake_page(&f, AT_GDT, FAKE_P | FAKE_W);
    assert_int_equal(STEP(&f, 0x8E, 0xD8), STEP_OK);
    fake_done(&f);
}

static void hidden_part_is_stale(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    f.cpu.reg[EAX] = SEL_LAST;
    assert_int_equal(STEP(&f, 0x8E, 0xD8), STEP_OK);
    rings_desc(&f, SEL_LAST, 0x1000, 0x10, AR_P | AR_S | AR_WRITE);
    assert_int_equal(f.cpu.seg[SEG_DS].limit, UINT32_MAX);
    assert_int_equal(STEP(&f, 0xA0, 0, 0, 2, 0), STEP_OK);
    f.cpu.reg[EAX] = SEL_LAST;
    assert_int_equal(STEP(&f, 0x8E, 0xD8), STEP_OK);
    assert_int_equal(f.cpu.seg[SEG_DS].limit, 0x10);
    assert_int_equal(f.cpu.seg[SEG_DS].base, 0x1000);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xA0, 0x0E, 0, 0, 0)), "ok");
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xA1, 0x0E, 0, 0, 0)), "#GP(0)"); /* mov eax, [0Eh]: bytes 0Eh..11h */
    fake_done(&f);
}

/* Limits, as bytes that may be touched: size 4 unless said. */
static const struct {
    uint16_t sel;
    uint32_t offset;
    unsigned size;
    bool write;
    const char *wanted;
} limits[] = {
    { DATA(3), 0xFFFFFFFC, 4, false, "ok" },
    { SEL_SMALL, 0xFFC, 4, true, "ok" },
    { SEL_SMALL, 0xFFD, 4, true, "#GP(0)" },
    { SEL_SMALL, 0xFFF, 1, false, "ok" },
    { SEL_SMALL, 0x1000, 1, false, "#GP(0)" },
    { SEL_SMALL, 0xFFFFFFFF, 2, false, "#GP(0)" },
    { SEL_DOWN, 0xFFF, 1, false, "#GP(0)" },
    { SEL_DOWN, 0x1000, 1, true, "ok" },
    { SEL_DOWN, 0xFFE, 4, false, "#GP(0)" },
    { SEL_DOWN, 0xFFFFFFFC, 4, false, "ok" },
    { SEL_DOWN, 0, 1, true, "#GP(0)" },
    { SEL_READ_ONLY, 0x20000, 4, false, "ok" },
    { SEL_READ_ONLY, 0x20000, 4, true, "#GP(0)" },
    { CODE(3), 0x20000, 4, false, "ok" },
    { CODE(3), 0x20000, 4, true, "#GP(0)" },
};

static void each_limit(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(limits); n++) {
        struct fake f;
        uint32_t v = 0;
        rings_init(&f);
        f.cpu.reg[EAX] = limits[n].sel;
        assert_int_equal(STEP(&f, 0x8E, 0xE8), STEP_OK); /* mov gs, ax */
        enum step s = limits[n].write ? mem_write(&f.cpu, SEG_GS, limits[n].offset, limits[n].size, 0)
                                      : mem_read(&f.cpu, SEG_GS, limits[n].offset, limits[n].size, &v);
        if (strcmp(rings_outcome(&f, s), limits[n].wanted))
            fail_msg("limit case %u: wanted %s, got %s", n, limits[n].wanted, rings_outcome(&f, s));
        fake_done(&f);
    }
}

/* With SS.B = 0 only SP moves, and it wraps at 64 KB. */
static void sixteen_bit_stack(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    rings_desc(&f, SEL_SCRATCH, 0, 0xFFFF, AR_P | AR_S | AR_WRITE);
    f.cpu.reg[EAX] = SEL_SCRATCH;
    assert_int_equal(STEP(&f, 0x8E, 0xD0), STEP_OK);
    f.cpu.reg[ESP] = 0xABCD0000;
    assert_int_equal(STEP(&f, 0x1E), STEP_OK); /* push ds: at FFFC */
    assert_int_equal(f.cpu.reg[ESP], 0xABCDFFFC);
    assert_int_equal(fake_get32(&f, 0xFFFC), SEL_DATA0);
    f.cpu.reg[ESP] = 0xABCD0002;
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x50)), "#SS(0)"); /* push eax: FFFE..10001 */
    f.cpu.reg[ESP] = 0xABCDFFFC;
    assert_int_equal(STEP(&f, 0x1F), STEP_OK); /* pop ds */
    assert_int_equal(f.cpu.reg[ESP], 0xABCD0000);
    fake_done(&f);
}

static void selectors_move(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    rings_enter(&f, 1);
    f.cpu.reg[EAX] = f.cpu.reg[ECX] = 0xFFFFFFFF;
    assert_int_equal(STEP(&f, 0x8C, 0xC8), STEP_OK);       /* mov eax, cs: zero-extended */
    assert_int_equal(f.cpu.reg[EAX], CODE(1) | 1);
    assert_int_equal(STEP(&f, 0x66, 0x8C, 0xD1), STEP_OK); /* mov cx, ss */
    assert_int_equal(f.cpu.reg[ECX], 0xFFFF0000 | DATA(1) | 1);
    fake_put32(&f, AT_SCRATCH, 0x55555555);
    assert_int_equal(STEP(&f, 0x8C, 0x0D, 0, 0, 2, 0), STEP_OK); /* mov [20000h], cs: two bytes */
    assert_int_equal(fake_get32(&f, AT_SCRATCH), 0x55550000 | CODE(1) | 1);
    uint32_t esp = f.cpu.reg[ESP];
    assert_int_equal(STEP(&f, 0x66, 0x0E), STEP_OK);       /* push cs, 16-bit */
    assert_int_equal(f.cpu.reg[ESP], esp - 2);
    assert_int_equal(fake_get16(&f, esp - 2), CODE(1) | 1);
    fake_done(&f);
}

static void pop_seg_faults_keep_esp(void **state)
{
    (void)state;
    static const struct { uint8_t ring; uint16_t sel; uint8_t op; const char *wanted; } cases[] = {
        { 1, SEL_DATA0, 0x17, "#GP(10)" },     /* pop ss with the RPL a ring-0 kernel uses */
        { 1, DATA(1) | 1, 0x17, "ok" },
        { 1, SEL_DATA0, 0x1F, "#GP(10)" },     /* pop ds */
        { 3, 0, 0x17, "#GP(0)" },
        { 3, SEL_ABSENT_DATA | 3, 0x07, "#NP(60)" },
        { 0, SEL_BEYOND, 0x07, "#GP(C0)" },
    };
    for (unsigned n = 0; n < COUNT(cases); n++) {
        struct fake f;
        rings_init(&f);
        rings_enter(&f, cases[n].ring);
        uint32_t esp = f.cpu.reg[ESP];
        fake_put32(&f, esp, cases[n].sel | 0xABCD0000u);
        enum step s = STEP(&f, cases[n].op);
        assert_string_equal(rings_outcome(&f, s), cases[n].wanted);
        assert_int_equal(f.cpu.reg[ESP], s == STEP_OK ? esp + 4 : esp);
        fake_done(&f);
    }
}

/* MOV SS and POP SS hold interrupts off for the next instruction; LSS and MOV DS do not; a failing load does not. */
static void interrupt_shadow(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    uint64_t none = f.cpu.inhibit;
    f.cpu.reg[EAX] = SEL_DATA0;
    assert_int_equal(STEP(&f, 0x8E, 0xD8), STEP_OK);
    assert_true(f.cpu.inhibit == none);
    uint64_t before = f.cpu.insns;
    assert_int_equal(STEP(&f, 0x8E, 0xD0), STEP_OK);
    assert_true(f.cpu.inhibit == before + 1);
    f.cpu.inhibit = f.cpu.hold = none;
    fake_put32(&f, f.cpu.reg[ESP], SEL_DATA0);
    before = f.cpu.insns;
    assert_int_equal(STEP(&f, 0x17), STEP_OK);
    assert_true(f.cpu.inhibit == before + 1);
    f.cpu.inhibit = f.cpu.hold = none;
    fake_put32(&f, AT_SCRATCH, AT_STACK);
    fake_put32(&f, AT_SCRATCH + 4, SEL_DATA0);
    assert_int_equal(STEP(&f, 0x0F, 0xB2, 0x25, 0, 0, 2, 0), STEP_OK); /* lss esp, [20000h] */
    assert_int_equal(f.cpu.reg[ESP], AT_STACK);
    assert_true(f.cpu.inhibit == none);
    fake_done(&f);
}

static void far_pointers(void **state)
{
    (void)state;
    static const struct { const char *what; uint8_t ring; uint16_t sel; uint8_t bytes[3]; const char *wanted; } cases[] = {
        { "les", 3, DATA(3) | 3, { 0xC4, 0x05 }, "ok" },
        { "lds, forbidden", 3, SEL_DATA0, { 0xC5, 0x05 }, "#GP(10)" },
        { "lds, null", 3, 0, { 0xC5, 0x05 }, "ok" },
        { "lfs, absent", 3, SEL_ABSENT_DATA, { 0x0F, 0xB4, 0x05 }, "#NP(60)" },
        { "lss, null", 0, 0, { 0x0F, 0xB2, 0x05 }, "#GP(0)" },
        { "lss, absent", 3, SEL_ABSENT_DATA | 3, { 0x0F, 0xB2, 0x05 }, "#SS(60)" },
    };
    for (unsigned n = 0; n < COUNT(cases); n++) {
        struct fake f;
        uint8_t code[8] = { 0 };
        size_t len = cases[n].bytes[0] == 0x0F ? 3 : 2;
        rings_init(&f);
        rings_enter(&f, cases[n].ring);
        fake_put32(&f, AT_SCRATCH, 0x12345678);
        fake_put32(&f, AT_SCRATCH + 4, cases[n].sel);
        memcpy(code, cases[n].bytes, len);
        code[len + 2] = 2;
        enum step s = rings_step(&f, code, len + 4);
        if (strcmp(rings_outcome(&f, s), cases[n].wanted))
            fail_msg("%s: wanted %s, got %s", cases[n].what, cases[n].wanted, rings_outcome(&f, s));
        assert_int_equal(f.cpu.reg[EAX], s == STEP_OK ? 0x12345678 : 0);
        fake_done(&f);
    }
}

/* ---- LAR, LSL, VERR, VERW: never a fault; ZF and, for the first two, a value ---- */

enum { LAR = 0x02, LSL = 0x03, VERR = 0xE0, VERW = 0xE8 };
#define NO 0xFFFFFFFFu /* ZF = 0: nothing stored */

static const struct { const char *what; uint8_t ring, op; uint16_t sel; uint32_t wanted; } asked[] = {
    { "lar code 0 from 0",            0, LAR, SEL_CODE0,          0x00CF9A00 },
    { "lar data 0 from 0",            0, LAR, SEL_DATA0,          0x00CF9200 },
    { "lar data 1 from 1",            1, LAR, DATA(1),            0x00CFB200 },
    { "lar data 0 from 1",            1, LAR, SEL_DATA0,          NO },
    { "lar data 3 with RPL 3 from 0", 0, LAR, DATA(3) | 3,        0x00CFF200 },
    { "lar data 1 with RPL 3 from 0", 0, LAR, DATA(1) | 3,        NO },
    { "lar conforming from 3",        3, LAR, SEL_CONFORMING,     0x00CF9E00 },
    { "lar absent (not an obstacle)", 3, LAR, SEL_ABSENT_DATA,    0x00CF7200 },
    { "lar TSS from 0",               0, LAR, SEL_TSS,            0x00008B00 },
    { "lar TSS from 3",               3, LAR, SEL_TSS,            NO },
    { "lar TSS with DPL 3 from 3",    3, LAR, SEL_TSS_FREE,       0x0000E900 },
    { "lar LDT",                      0, LAR, SEL_LDT,            0x00008200 },
    { "lar 16-bit TSS",               0, LAR, SEL_TSS16,          0x00008100 },
    { "lar call gate",                0, LAR, SEL_SCRATCH,        0x00008C00 },
    { "lar interrupt gate",           0, LAR, SEL_SCRATCH2,       NO },
    { "lar null",                     0, LAR, 0,                  NO },
    { "lar null with RPL 3",          0, LAR, 3,                  NO },
    { "lar beyond",                   0, LAR, SEL_BEYOND,         NO },
    { "lar in the LDT",               3, LAR, SEL_LDT_DATA | 8,   0x00CFF200 },
    { "lar beyond the LDT",           3, LAR, 0x14,               NO },
    { "lsl flat",                     0, LSL, SEL_DATA0,          0xFFFFFFFE }, /* see below: compared + 1 */
    { "lsl small",                    3, LSL, SEL_SMALL,          0xFFF },
    { "lsl expand-down",              3, LSL, SEL_DOWN,           0xFFF },
    { "lsl TSS",                      0, LSL, SEL_TSS_FREE,       0x67 },
    { "lsl LDT",                      0, LSL, SEL_LDT,            0xF },
    { "lsl call gate",                0, LSL, SEL_SCRATCH,        NO },
    { "lsl data 0 from 1",            1, LSL, SEL_DATA0,          NO },
    { "lsl data 0 with RPL 3 from 0", 0, LSL, SEL_DATA0 | 3,      NO },
    { "verr data 0 from 0",           0, VERR, SEL_DATA0,         1 },
    { "verr data 0 from 1",           1, VERR, SEL_DATA0,         NO },
    { "verr data 1 from 1",           1, VERR, DATA(1) | 1,       1 },
    { "verr read-only",               3, VERR, SEL_READ_ONLY,     1 },
    { "verr execute-only",            3, VERR, SEL_EXEC_ONLY,     NO },
    { "verr code 0 from 3",           3, VERR, SEL_CODE0,         NO },
    { "verr conforming from 3",       3, VERR, SEL_CONFORMING | 3, 1 },
    { "verr TSS",                     0, VERR, SEL_TSS,           NO },
    { "verr null",                    0, VERR, 0,                 NO },
    { "verw data 0 from 0",           0, VERW, SEL_DATA0,         1 },
    { "verw data 0 from 1",           1, VERW, SEL_DATA0,         NO },
    { "verw data 3 from 3",           3, VERW, DATA(3) | 3,       1 },
    { "verw data 1 with RPL 3",       1, VERW, DATA(1) | 3,       NO },
    { "verw read-only",               3, VERW, SEL_READ_ONLY,     NO },
    { "verw code",                    0, VERW, SEL_CODE0,         NO },
    { "verw beyond",                  0, VERW, SEL_BEYOND,        NO },
};

static void each_question(void **state)
{
    (void)state;
    enum { CALL32 = 12, INT32 = 14 };
    for (unsigned n = 0; n < COUNT(asked); n++) {
        struct fake f;
        uint8_t op = asked[n].op;
        rings_init(&f);
        rings_gate(&f, AT_GDT + SEL_SCRATCH, AR_P | CALL32, SEL_CODE0, 0, 0);
        rings_gate(&f, AT_GDT + SEL_SCRATCH2, AR_P | INT32, SEL_CODE0, 0, 0);
        rings_enter(&f, asked[n].ring);
        cpu_set_flags(&f.cpu, asked[n].wanted == NO ? FLAG_ZF | FLAG_CF | FLAG_OF : FLAG_CF | FLAG_OF);
        f.cpu.reg[EAX] = asked[n].sel;
        f.cpu.reg[EDX] = 0xA5A5A5A5;
        bool value = op == LAR || op == LSL;
        enum step s = value ? STEP(&f, 0x0F, op, 0xD0) /* lar edx, eax */ : STEP(&f, 0x0F, 0x00, op); /* verr ax */
        assert_int_equal(s, STEP_OK);
        bool yes = cpu_flags(&f.cpu) & FLAG_ZF;
        if (yes != (asked[n].wanted != NO)) fail_msg("%s: ZF is %d", asked[n].what, yes);
        assert_int_equal(cpu_flags(&f.cpu) & FLAGS_ARITH & ~(uint32_t)FLAG_ZF, FLAG_CF | FLAG_OF);
        uint32_t flat = op == LSL && asked[n].wanted == 0xFFFFFFFE;
        uint32_t wanted = value && yes ? asked[n].wanted + flat : 0xA5A5A5A5;
        if (f.cpu.reg[EDX] != wanted) fail_msg("%s: wanted %x, got %x", asked[n].what, wanted, f.cpu.reg[EDX]);
        fake_done(&f);
    }
}

static void sixteen_bit_lar_lsl(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    f.cpu.reg[EAX] = SEL_DATA0;
    f.cpu.reg[EDX] = 0xA5A5A5A5;
    assert_int_equal(STEP(&f, 0x66, 0x0F, 0x02, 0xD0), STEP_OK);
    assert_int_equal(f.cpu.reg[EDX], 0xA5A59200);
    assert_int_equal(STEP(&f, 0x66, 0x0F, 0x03, 0xD0), STEP_OK);
    assert_int_equal(f.cpu.reg[EDX], 0xA5A5FFFF);
    fake_page(&f, AT_GDT, 0); /* the table itself may fault */
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x02, 0xD0)), "#PF(0)");
    fake_done(&f);
}

static void arpl(void **state)
{
    (void)state;
    static const struct { uint16_t to, from, result; bool zf; } cases[] = {
        { 0x08, 0x0B, 0x0B, true }, { 0x0B, 0x08, 0x0B, false }, { 0x09, 0x01, 0x09, false }, { 0x20, 0x02, 0x22, true },
    };
    for (unsigned n = 0; n < COUNT(cases); n++) {
        struct fake f;
        rings_init(&f);
        rings_enter(&f, 3);
        f.cpu.reg[EAX] = 0xFFFF0000u | cases[n].to;
        f.cpu.reg[ECX] = cases[n].from;
        assert_int_equal(STEP(&f, 0x63, 0xC8), STEP_OK); /* arpl ax, cx */
        assert_int_equal(f.cpu.reg[EAX], 0xFFFF0000u | cases[n].result);
        assert_int_equal(!!(cpu_flags(&f.cpu) & FLAG_ZF), cases[n].zf);
        fake_done(&f);
    }
}

/* Memory is written only if it changes. */
static void arpl_memory(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    rings_enter(&f, 3);
    f.cpu.reg[EAX] = SEL_READ_ONLY | 3;
    f.cpu.reg[ECX] = 2;
    assert_int_equal(STEP(&f, 0x8E, 0xD8), STEP_OK);
    fake_put32(&f, AT_SCRATCH, 0xFFF3);
    assert_int_equal(STEP(&f, 0x63, 0x0D, 0x00, 0x00, 0x02, 0x00), STEP_OK); /* arpl [20000h], cx */
    assert_false(cpu_flags(&f.cpu) & FLAG_ZF);
    fake_put32(&f, AT_SCRATCH, 0xFFF0);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x63, 0x0D, 0x00, 0x00, 0x02, 0x00)), "#GP(0)");
    fake_done(&f);
}

/* Real mode: any selector loads; base = 16 * selector; rights and limit stay. The asking instructions are undefined. */
static void real_mode(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    f.cpu.cr0 &= ~(uint32_t)CR0_PE;
    f.cpu.reg[EAX] = 0x2345;
    assert_int_equal(STEP(&f, 0x8E, 0xD8), STEP_OK);
    assert_int_equal(f.cpu.seg[SEG_DS].base, 0x23450);
    assert_int_equal(f.cpu.seg[SEG_DS].limit, UINT32_MAX);
    f.cpu.reg[EAX] = 0;
    assert_int_equal(STEP(&f, 0x8E, 0xD0), STEP_OK); /* null is nothing special */
    assert_true(f.cpu.seg[SEG_SS].ar & AR_P);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x02, 0xD0)), "#UD");
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x03, 0xD0)), "#UD");
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x00, 0xE0)), "#UD");
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x00, 0xE8)), "#UD");
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x63, 0xC8)), "#UD");
    fake_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_load), cmocka_unit_test(null_is_unusable), cmocka_unit_test(accessed_bit),
        cmocka_unit_test(hidden_part_is_stale), cmocka_unit_test(each_limit), cmocka_unit_test(sixteen_bit_stack),
        cmocka_unit_test(selectors_move), cmocka_unit_test(pop_seg_faults_keep_esp), cmocka_unit_test(interrupt_shadow),
        cmocka_unit_test(far_pointers), cmocka_unit_test(each_question), cmocka_unit_test(sixteen_bit_lar_lsl),
        cmocka_unit_test(arpl), cmocka_unit_test(arpl_memory), cmocka_unit_test(real_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
