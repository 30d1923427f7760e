/* The translator, instruction by instruction: the bytes it emits for each class, and that the guest's state is known at every
 * instruction of them: where a translated instruction begins there is a point, nowhere else, and its repairs name registers
 * that the bytes before have spilled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/vmm/bintrans.h"

enum { EIP = 0x100000, TC = 0x1000, JUMP = 0x123 };
static const struct bt_how usual = { .incache = true, .returns = true, .flat = true, .limit = UINT32_MAX, .tc = TC, .jump = JUMP };

static unsigned from_hex(const char *hex, uint8_t *to)
{
    unsigned n = 0;
    for (const char *p = hex; *p; )
        if (*p == ' ') p++;
        else {
            char two[3] = { p[0], p[1], 0 };
            to[n++] = (uint8_t)strtoul(two, NULL, 16);
            p += 2;
        }
    return n;
}

static void emit(struct bt_code *c, const struct bt_how *how, const char *guest)
{
    uint8_t bytes[64];
    unsigned n = from_hex(guest, bytes), at = 0;
    struct model m;
    struct err e;
    assert_true(model_find("p4", &m, &e));
    *c = (struct bt_code){ 0 };
    while (at < n && !c->ended) {
        struct insn i;
        assert_int_equal(insn_decode(bytes + at, n - at, (struct insn_mode){ .code32 = true }, m.cost, &i), DECODE_OK);
        bt_emit(c, how, &i, bytes + at, EIP + at);
        at += i.len;
    }
    if (!c->ended) bt_emit_end(c, EIP + at);
}

/* SLOT in the bytes: offsets of the vCPU page are written out. CALL is the far call of a callout. */
#define CALL "9A 00 00 00 00 C0 FF "
static const struct { const char *what, *guest, *cache; } rows[] = {
    { "IDENT, and the end of a unit", "89 D8", "89 D8 " CALL },
    { "two of them", "43 8B 45 08", "43 8B 45 08 " CALL },
    { "a load through GS borrows FS", "65 8B 05 00 00 00 00",
      "65 89 0D 18 00 00 00 65 8B 0D 4C 00 00 00 E3 25 65 8B 0D 18 00 00 00 65 8C 25 54 00 00 00 65 8E 25 48 00 00 00 "
      "64 8B 05 00 00 00 00 65 8E 25 54 00 00 00 EB 0E 65 8B 0D 18 00 00 00 " CALL CALL },
    { "a jump through GS", "65 FF 25 00 00 00 00", CALL },
    { "a load through CS", "2E 8B 05 00 00 00 00", CALL CALL },
    { "a load through FS is the guest's own", "64 8B 05 04 00 00 00", "64 8B 05 04 00 00 00 " CALL },
    { "jmp", "EB 10", CALL },
    { "jcc has two ways", "74 10", "0F 84 00 00 00 00 " CALL },
    { "a 16-bit jcc cuts EIP", "66 74 10", CALL },
    { "loop", "E2 FE", "E2 07 " CALL CALL },
    { "call pushes the guest's return address", "E8 00 01 00 00", "68 05 00 10 00 " CALL },
    { "ret pops to the target slot, then the glue", "C3", "65 8F 05 0C 00 00 00 E9 F4 EF FF FF" },
    { "ret n", "C2 08 00", "65 8F 05 0C 00 00 00 8D A4 24 08 00 00 00 E9 ED EF FF FF" },
    { "jmp reg", "FF E2", "65 89 15 0C 00 00 00 E9 17 F1 FF FF" },
    { "call reg", "FF D2", "65 89 15 0C 00 00 00 68 02 00 10 00 E9 12 F1 FF FF" },
    { "jmp [mem]", "FF 60 04", "65 89 05 14 00 00 00 8B 40 04 65 89 05 0C 00 00 00 65 8B 05 14 00 00 00 E9 06 F1 FF FF" },
    { "cli", "FA", "65 C6 05 01 00 00 00 00 " CALL },
    { "sti", "FB", "65 89 0D 18 00 00 00 65 8B 0D 08 00 00 00 E3 0E 65 8B 0D 18 00 00 00 " CALL
                   "65 8B 0D 18 00 00 00 65 C6 05 01 00 00 00 02 " CALL },
    { "pushf", "9C", "65 89 0D 18 00 00 00 65 89 15 1C 00 00 00 9C 59 65 8B 15 00 00 00 00 8D 8C 11 00 FE FF FF "
                     "65 8B 15 04 00 00 00 8D 8C 11 00 00 00 00 51 65 8B 0D 18 00 00 00 65 8B 15 1C 00 00 00 " CALL },
    { "popf", "9D", "65 89 0D 18 00 00 00 8B 0C 24 65 80 3D 08 00 00 00 00 75 1F F7 C1 00 31 00 00 75 17 81 E1 00 02 00 00 "
                    "65 89 0D 00 00 00 00 65 8B 0D 18 00 00 00 9D EB 0E 65 8B 0D 18 00 00 00 " CALL CALL },
    { "16-bit popf", "66 9D", CALL CALL },
    { "in al, 80h asks the model, on a stack of its own", "E4 80",
      "65 89 05 14 00 00 00 65 89 15 1C 00 00 00 65 89 25 64 00 00 00 B8 F9 FF 00 00 8E D0 BC 00 04 00 00 9C BA 80 00 00 00 "
      "65 C7 05 0C 00 00 00 00 00 10 00 65 FF 14 95 00 06 00 00 65 88 05 14 00 00 00 9D 65 8E 15 60 00 00 00 65 8B 25 64 00 00 00 "
      "65 8B 15 1C 00 00 00 65 8B 05 14 00 00 00 " CALL },
    { "out 80h, al", "E6 80", "65 A2 20 00 00 00 65 C6 05 24 00 00 00 01 " CALL },
    { "another port", "E6 21", CALL CALL },
    { "rdtsc", "0F 31", "0F 31 " CALL },
    { "iret ends", "CF", CALL },
    { "int n ends", "CD 80", CALL },
    { "hlt", "F4", CALL CALL },
    { "cpuid", "0F A2", CALL CALL },
    { "sgdt", "0F 01 00", CALL CALL }, { "sidt", "0F 01 08", CALL CALL }, { "sldt", "0F 00 C0", CALL CALL },
    { "str", "0F 00 C8", CALL CALL }, { "smsw", "0F 01 E0", CALL CALL }, { "lar", "0F 02 C1", CALL CALL },
    { "lsl", "0F 03 C1", CALL CALL }, { "verr", "0F 00 E1", CALL CALL }, { "verw", "0F 00 E9", CALL CALL },
    { "push cs", "0E", CALL CALL }, { "push ss", "16", CALL CALL }, { "push ds is the guest's own", "1E", "1E " CALL },
    { "mov r, cs", "8C C8", CALL CALL }, { "mov r, es is the guest's own", "8C C0", "8C C0 " CALL }, { "lds", "C5 00", CALL CALL },
    { "mov ss, r", "8E D0", CALL CALL }, { "mov ds, [mem]", "8E 18", CALL CALL },
    { "mov ds, r if the selector is known", "8E D8",
      "65 89 0D 18 00 00 00 65 89 15 1C 00 00 00 0F B7 C8 65 8B 15 28 00 00 00 8D 0C 11 E3 39 65 8B 15 2C 00 00 00 8D 0C 11 E3 2D 65 8B 15 30 00 00 00 8D 0C 11 E3 21 65 8B 15 34 00 00 00 8D 0C 11 E3 15 "
      "65 8B 0D 18 00 00 00 65 8B 15 1C 00 00 00 " CALL "65 8B 0D 18 00 00 00 65 8B 15 1C 00 00 00 8E D8 " CALL },
    { "mov gs, r likewise, or 0", "8E E8",
      "65 89 0D 18 00 00 00 65 89 15 1C 00 00 00 0F B7 C8 65 89 0D 3C 00 00 00 E3 4C 65 8B 15 28 00 00 00 8D 0C 11 E3 39 65 8B 15 2C 00 00 00 8D 0C 11 E3 2D 65 8B 15 30 00 00 00 8D 0C 11 E3 21 65 8B 15 34 00 00 00 8D 0C 11 E3 15 "
      "65 8B 0D 18 00 00 00 65 8B 15 1C 00 00 00 " CALL "65 8B 0D 50 00 00 00 65 89 0D 4C 00 00 00 "
      "65 8B 15 3C 00 00 00 65 89 15 48 00 00 00 65 8B 0D 18 00 00 00 65 8B 15 1C 00 00 00 " CALL },
    { "push gs", "0F A8", "8D 64 24 FE 66 65 FF 35 48 00 00 00 " CALL }, { "mov r, gs", "8C E8", "65 8B 05 48 00 00 00 " CALL },
    { "mov [mem], gs", "8C 28", CALL CALL }, { "pop 16-bit gs", "66 0F A9", CALL CALL },
    { "mov cr3", "0F 22 D8", CALL CALL }, { "mov dr", "0F 23 C0", CALL CALL }, { "wrmsr", "0F 30", CALL CALL },
    { "call far", "9A 00 00 00 00 08 00", CALL }, { "jmp far", "EA 00 00 00 00 08 00", CALL }, { "retf", "CB", CALL },
    { "fnstenv tells where the unit was", "D9 30", CALL CALL },
};

static void bytes(void **state)
{
    (void)state;
    static struct bt_code c;
    for (unsigned r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        uint8_t want[256];
        unsigned n = from_hex(rows[r].cache, want);
        emit(&c, &usual, rows[r].guest);
        if (c.n == n && !memcmp(c.bytes, want, n)) continue;
        char got[512] = "";
        for (unsigned i = 0; i < c.n && i < 100; i++) snprintf(got + 3 * i, 4, "%02X ", c.bytes[i]);
        fail_msg("%s: %s\nwanted %s", rows[r].what, got, rows[r].cache);
    }
}

/* Decodes what was emitted: points are at exactly the instructions' beginnings, in order. */
static void check_points(const struct bt_code *c, const char *what)
{
    struct model m;
    struct err e;
    assert_true(model_find("p4", &m, &e));
    static const unsigned fix_of[] = { BT_FIX_EAX, BT_FIX_ECX, BT_FIX_EDX, BT_FIX_EBX };
    unsigned at = 0, p = 0, spilled = 0;
    while (at < c->n) {
        struct insn i;
        assert_int_equal(insn_decode(c->bytes + at, c->n - at, (struct insn_mode){ .code32 = true }, m.cost, &i), DECODE_OK);
        if (p >= c->points || c->point[p].at != at) fail_msg("%s: no point at +%X", what, at);
        unsigned fix = c->point[p].fix & (BT_FIX_EAX | BT_FIX_ECX | BT_FIX_EDX | BT_FIX_EBX);
        if (fix & ~spilled) fail_msg("%s: +%X takes back registers nobody saved (%X)", what, at, fix & ~spilled);
        if ((c->point[p].fix & BT_FIRST) && fix) fail_msg("%s: +%X begins an instruction, but is not exact", what, at);
        if (i.id == MN_MOV && i.form == FORM_MR && i.seg == SEG_GS)
            for (unsigned r = 0; r < 4; r++)
                if (i.disp == (r < 3 ? BT_EAX + 4 * r : (unsigned)BT_EBX) && i.reg == r) spilled |= fix_of[r];
        at += i.len;
        p++;
        if (i.id == MN_CALL_FAR) while (at < c->n && c->bytes[at] == 0x90 && p == c->points) at++;
    }
    if (p != c->points) fail_msg("%s: %u points for %u instructions", what, c->points, p);
}

static void every_instruction_maps_back(void **state)
{
    (void)state;
    static struct bt_code c;
    for (unsigned r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        emit(&c, &usual, rows[r].guest);
        check_points(&c, rows[r].what);
        if (c.point[0].eip != EIP || !(c.point[0].fix & BT_FIRST)) fail_msg("%s: does not begin with itself", rows[r].what);
    }
}

static void the_glue_maps_back(void **state)
{
    (void)state;
    static struct bt_code c;
    unsigned latch, jump = bt_emit_glue(&c, &latch);
    assert_true(c.n <= BT_GLUE);
    assert_true(c.points <= BT_GLUE_POINTS);
    assert_in_range(jump, 1, c.n);
    check_points(&c, "glue");
    for (unsigned p = 0; p < c.points; p++) assert_true(c.point[p].fix & BT_FIX_EIP);
}

/* Adapted stores: what the store itself becomes, and which have none. */
static void adapted_stores(void **state)
{
    (void)state;
    static struct bt_code c;
    static const struct { const char *guest, *store; } stores[] = {
        { "89 03", "65 89 82 00 00 00 00" },                      /* mov [ebx], eax: gs:[edx] */
        { "89 13", "65 89 93 00 00 00 00" },                      /* mov [ebx], edx: gs:[ebx] */
        { "89 0C 24", "65 89 8A 00 00 00 00" },                   /* mov [esp], ecx */
        { "C7 04 98 00 00 00 00", "65 C7 82 00 00 00 00 00 00 00 00" }, { "83 4B 04 01", "65 83 8A 00 00 00 00 01" },
        { "F0 81 23 FF 0F 00 00", "65 F0 81 A2 00 00 00 00 FF 0F 00 00" }, { "87 06", "65 87 82 00 00 00 00" },
        { "F0 0F B1 16", "65 F0 0F B1 93 00 00 00 00" }, { "0F BA 30 05", "65 0F BA B2 00 00 00 00 05" },
        { "FF 00", "65 FF 82 00 00 00 00" }, { "F7 18", "65 F7 9A 00 00 00 00" },
        { "A3 00 00 30 00", "65 89 82 00 00 00 00" }, { "3E 01 33", "65 01 B2 00 00 00 00" },
    };
    static const char *const callouts[] = { "88 03", "66 89 03", "26 89 03", "64 89 03", "AB", "F3 AB", "8F 03", "0F AB 03", "C6 03 00",
                                            "67 89 07", "D1 23", "FF 33", "0F C7 0B" };
    struct bt_how how = usual;
    how.simulate = true;
    for (unsigned r = 0; r < sizeof stores / sizeof stores[0]; r++) {
        uint8_t want[16];
        unsigned n = from_hex(stores[r].store, want);
        emit(&c, &how, stores[r].guest);
        check_points(&c, stores[r].guest);
        bool found = false;
        for (unsigned at = 0; at + n <= c.n; at++) found |= !memcmp(c.bytes + at, want, n);
        if (!found) fail_msg("%s: no %s", stores[r].guest, stores[r].store);
    }
    for (unsigned r = 0; r < sizeof callouts / sizeof callouts[0]; r++) {
        emit(&c, &how, callouts[r]);
        assert_int_equal(c.point[0].what, BT_EMULATE);
    }
    how.fixed = BT_ALIAS + 0x10;
    emit(&c, &how, "C7 05 10 00 30 00 00 00 00 00"); /* where is known: seven instructions around it, and a jump */
    check_points(&c, "a fixed store");
    assert_in_range(c.points, 10, 12);
    emit(&c, &how, "C7 05 10 00 30 00 63 00 30 00"); /* present: the hypervisor's to judge */
    assert_int_equal(c.point[3].what, BT_JUDGE);
    assert_int_equal(c.bytes[c.point[3].at + 5], BT_QUICK & 0xFF);
}

/* As long as it has stored to one page the code compares with it. PAGE is at 112000h, its alias the third. */
static void stores_to_one_page(void **state)
{
    (void)state;
    static struct bt_code c, table;
    struct bt_how how = usual;
    static const struct { const char *guest, *compare, *store; unsigned insns; } stores[] = {
        { "89 07", "8D 0C FD 00 00 77 FF 0F C9 0F B7 C9 E3 0E", "65 89 87 00 A0 F0 FF", 22 },    /* mov [edi], eax: gs:[edi + off] */
        { "89 0F", "8D 0C FD 00 00 77 FF 0F C9 0F B7 C9 E3 0E", "65 89 8F 00 A0 F0 FF", 22 },
        { "89 01", "8D 0C D5 00 00 77 FF 0F C9 0F B7 C9 E3 15", "65 89 82 00 A0 F0 FF", 27 },    /* ECX is needed: by way of EDX */
        { "89 50 08", "8D 0C DD 00 00 77 FF 0F C9 0F B7 C9 E3 15", "65 89 93 00 A0 F0 FF", 27 }, /* and what is behind a register */
        { "C7 07 00 00 00 00", "8D 0C FD 00 00 77 FF", "65 C7 87 00 A0 F0 FF 00 00 00 00", 15 },
        { "F0 09 1F", "8D 0C FD 00 00 77 FF", "65 F0 09 9F 00 A0 F0 FF", 15 },
    };
    how.simulate = true;
    how.page = 0x112000;
    how.alias = BT_ALIAS + 2 * BT_ALIAS_STEP;
    for (unsigned r = 0; r < sizeof stores / sizeof stores[0]; r++) {
        emit(&c, &how, stores[r].guest);
        check_points(&c, stores[r].guest);
        const char *const parts[] = { stores[r].compare, stores[r].store };
        for (unsigned p = 0; p < 2; p++) {
            uint8_t want[32];
            unsigned n = from_hex(parts[p], want);
            bool found = false;
            for (unsigned at = 0; at + n <= c.n; at++) found |= !memcmp(c.bytes + at, want, n);
            if (!found) fail_msg("%s: no %s", stores[r].guest, parts[p]);
        }
        assert_int_equal(c.points, stores[r].insns);
        struct bt_how by_table = how;
        by_table.alias = 0;
        emit(&table, &by_table, stores[r].guest);
        assert_true(c.points < table.points);
    }
    how.fixed = BT_ALIAS + 0x10; /* an address in the instruction needs no comparison */
    emit(&c, &how, "C7 05 10 00 30 00 00 00 00 00");
    check_points(&c, "a fixed store");
    assert_in_range(c.points, 10, 12);
}

/* An adapted store to the APIC's task priority: the state is known at each instruction, and registers and flags come back. */
static void stores_to_the_task_priority(void **state)
{
    (void)state;
    static struct bt_code c;
    struct bt_how how = usual;
    static const char *const moves[] = { "89 1D 80 00 E0 FE", "A3 80 00 E0 FE", "C7 05 80 00 E0 FE 20 00 00 00", "89 08", "89 53 10", "C7 04 8B 30 00 00 00" };
    how.simulate = true;
    how.tpr = 0xFEE00080;
    for (unsigned r = 0; r < sizeof moves / sizeof moves[0]; r++) {
        emit(&c, &how, moves[r]);
        check_points(&c, moves[r]);
        unsigned done = 0, looks = 0;
        uint8_t store[7];
        from_hex("65 89 0D 68 00 00 00", store); /* mov gs:[BT_TPR], ecx */
        for (unsigned p = 0; p < c.points; p++) {
            const struct bt_point *at = &c.point[p];
            looks += at->what == BT_LOOK;
            if (!at->done) continue;
            done++;
            assert_memory_equal(c.bytes + at->at, store, sizeof store);
            assert_true(at->fix & BT_OWN);
            assert_int_equal(at[1].eip, c.point[c.points - 1].eip); /* from here on the guest is behind it */
        }
        assert_int_equal(done, 1);
        assert_int_equal(looks, 1);
    }
    static const char *const others[] = { "09 1D 80 00 E0 FE", "87 03", "F0 81 23 FF 0F 00 00" }; /* what reads it, too, goes another way */
    for (unsigned r = 0; r < sizeof others / sizeof others[0]; r++) {
        emit(&c, &how, others[r]);
        for (unsigned p = 0; p < c.points; p++) assert_int_not_equal(c.point[p].what, BT_LOOK);
    }
    /* LAHF; SETO AL; ADD AL, 7Fh */
    assert_int_equal(bt_lahf_flags(0xD501), FLAG_OF | 0xD5);
    assert_int_equal(bt_lahf_flags(0xD580), FLAG_OF | 0xD5);
    assert_int_equal(bt_lahf_flags(0x0200), 0);
    assert_int_equal(bt_lahf_flags(0x467F), 0x44);
}

static void settings_make_callouts(void **state)
{
    (void)state;
    static struct bt_code c;
    struct bt_how how = usual;
    how.incache = false;
    static const char *const guest[] = { "FA", "FB", "9C", "9D", "0F 31", "E4 80", "8E E8", "65 8B 00", "0F A8" };
    for (unsigned i = 0; i < sizeof guest / sizeof guest[0]; i++) {
        emit(&c, &how, guest[i]);
        assert_int_equal(c.point[0].what, BT_EMULATE);
    }
    how.simulate = true;
    emit(&c, &how, "89 03");
    assert_int_equal(c.point[0].what, BT_EMULATE); /* no store in the cache either */
    how = usual;
    how.flat = false;
    how.limit = 0x10FFFF;
    emit(&c, &how, "C3"); /* the target must be checked against the limit before ESP moves */
    assert_int_equal(c.point[0].what, BT_EMULATE);
    emit(&c, &how, "E9 00 00 01 00"); /* beyond it */
    assert_int_equal(c.point[0].what, BT_EMULATE);
}

/* STI holds interrupts off for the instruction behind it, in the unit or at its end. */
static void sti_casts_a_shadow(void **state)
{
    (void)state;
    static struct bt_code c;
    emit(&c, &usual, "FB F4 90");
    unsigned shadows = 0;
    for (unsigned p = 0; p < c.points; p++)
        if (c.point[p].fix & BT_FIX_SHADOW) {
            shadows++;
            assert_int_equal(c.point[p].eip, EIP + 1);
        }
    assert_int_equal(shadows, 1);
    emit(&c, &usual, "FB");
    assert_true(c.point[c.points - 1].fix & BT_FIX_SHADOW);
    assert_true(c.exit[0].held);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes), cmocka_unit_test(every_instruction_maps_back), cmocka_unit_test(the_glue_maps_back),
        cmocka_unit_test(adapted_stores), cmocka_unit_test(stores_to_one_page), cmocka_unit_test(stores_to_the_task_priority), cmocka_unit_test(settings_make_callouts), cmocka_unit_test(sti_casts_a_shadow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
