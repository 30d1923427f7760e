/* The classifier against what the literature says, and against itself: another processor, another verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/classify.h"
#include "tests/support/sanitized.h"

static struct classify plain, other;

static void run(struct classify *c, uint32_t extras, unsigned untrapped)
{
    struct model m;
    struct err e = { 0 };
    assert_true(model_find("p4", &m, &e));
    m.extras = extras;
    m.untrapped = (uint16_t)untrapped;
    if (!classify_run(c, &m, &e)) fail_msg("%s", e.text);
}

static int once(void **state)
{
    (void)state;
    run(&plain, 0, MN_NONE);
    return 0;
}

static bool in(const unsigned *list, unsigned n, unsigned id)
{
    for (unsigned i = 0; i < n; i++)
        if (list[i] == id) return true;
    return false;
}

#define SET(...) (const unsigned[]){ __VA_ARGS__ }, sizeof((unsigned[]){ __VA_ARGS__ }) / sizeof(unsigned)

static void same_set(const char *what, bool (*member)(const struct classify *c, unsigned id), const struct classify *c,
                     const unsigned *list, unsigned n)
{
    for (unsigned id = 1; id < MN_COUNT; id++)
        if (member(c, id) != in(list, n, id)) fail_msg("%s: %s is%s in it", what, insn_row_name(id), member(c, id) ? "" : " not");
}

static bool privileged(const struct classify *c, unsigned id) { return c->insn[id].privileged; }
static bool critical(const struct classify *c, unsigned id) { return classify_sensitive(&c->insn[id]) && !c->insn[id].privileged; }
static bool moded(const struct classify *c, unsigned id) { return c->insn[id].witness[CLASSIFY_MODE].there; }
static bool user(const struct classify *c, unsigned id) { return classify_breaks(c, 3, id); }

static void every_row_is_executed(void **state)
{
    (void)state;
    for (unsigned id = 1; id < MN_COUNT; id++)
        if (!plain.insn[id].cases) fail_msg("%s was never executed", insn_row_name(id));
}

/* SDM 3A 5.9, and what CPL > IOPL, CR4.TSD and CR4.PCE close. */
static void who_is_privileged(void **state)
{
    (void)state;
    for (unsigned id = 1; id < MN_COUNT; id++) {
        /* Never carried out: SYSEXIT, for the monitor's SYSENTER_CS is 0; VMX outside VMX operation; MONITOR and
         * MWAIT, which that CPU lacks. */
        bool fact = id != MN_SYSEXIT && id != MN_MONITOR && id != MN_MWAIT && !(id >= MN_VMXON && id <= MN_VMCALL) && (insn_desc(id)->privilege != PRIV_NONE || id == MN_RDTSC || id == MN_RDPMC);
        if (plain.insn[id].privileged != fact) fail_msg("%s: %s", insn_row_name(id), fact ? "is not found privileged" : "is found so");
    }
}

/* Robin & Irvine's list with IRET, less INT, which always traps; and four that nobody lists. */
static void who_is_sensitive_and_does_not_trap(void **state)
{
    (void)state;
    same_set("sensitive, not privileged", critical, &plain,
             SET(MN_SGDT, MN_SIDT, MN_SLDT, MN_STR, MN_SMSW, MN_PUSHF, MN_POPF, MN_LAR, MN_LSL, MN_VERR, MN_VERW, MN_PUSH_SEG,
                 MN_POP_SEG, MN_MOV_SEG, MN_CALL_FAR, MN_JMP_FAR, MN_RET_FAR, MN_IRET, MN_LOAD_FAR, MN_FNSTENV, MN_FNSAVE,
                 MN_FXSAVE));
    assert_int_equal(plain.insn[MN_INT].done, 0);
    same_set("mode-sensitive", moded, &plain,
             SET(MN_POPF, MN_LAR, MN_LSL, MN_VERR, MN_VERW, MN_PUSH_SEG, MN_MOV_SEG, MN_CALL_FAR, MN_RET_FAR, MN_IRET,
                 MN_FNSTENV, MN_FNSAVE, MN_FXSAVE));
    same_set("user-sensitive", user, &plain,
             SET(MN_SGDT, MN_SIDT, MN_SLDT, MN_STR, MN_SMSW, MN_PUSHF, MN_POP_SEG, MN_MOV_SEG, MN_CALL_FAR, MN_JMP_FAR,
                 MN_RET_FAR, MN_IRET, MN_LOAD_FAR));
    for (unsigned t = 1; t <= CLASSIFY_THEOREMS; t++) assert_false(classify_theorem(&plain, t));
}

static void witnesses(void **state)
{
    (void)state;
    const struct classify_witness *w = &plain.insn[MN_POPF].witness[CLASSIFY_MODE];
    assert_string_equal(w->what, "IF 0, 1");
    assert_int_equal(w->bytes[0], 0x9D);
    assert_string_equal(plain.insn[MN_HLT].witness[CLASSIFY_CONTROL].what, "the processor stops");
    assert_non_null(strstr(plain.insn[MN_PUSH_SEG].witness[CLASSIFY_MODE].what, "memory at"));
    assert_non_null(strstr(plain.insn[MN_SIDT].witness[CLASSIFY_LOCATION].what, "memory at"));
}

static bool umip_left(const struct classify *c, unsigned id) { return critical(&plain, id) && !critical(c, id); }

static void umip(void **state)
{
    (void)state;
    if (SANITIZED) skip(); /* it takes seconds, and another processor is no other way through the classifier */
    run(&other, EXTRA_UMIP, MN_NONE);
    same_set("what UMIP makes privileged", umip_left, &other, SET(MN_SGDT, MN_SIDT, MN_SLDT, MN_STR, MN_SMSW));
    assert_false(classify_theorem(&other, 1));
}

static void virtualizable(void **state)
{
    (void)state;
    run(&other, EXTRA_VIRTUALIZABLE, MN_NONE);
    for (unsigned t = 1; t <= CLASSIFY_THEOREMS; t++) assert_true(classify_theorem(&other, t));
    assert_true(privileged(&other, MN_POPF));
}

/* On the virtualizable processor one instruction that does not trap decides the theorems it should. */
static void untrapped(void **state)
{
    (void)state;
    if (SANITIZED) skip(); /* it takes seconds, and another processor is no other way through the classifier */
    static const struct { unsigned id; bool theorem[4]; } rows[] = {
        { MN_HLT, { 0, false, false, false } }, { MN_CLI, { 0, false, false, false } },
        { MN_RDTSC, { 0, true, false, true } }, /* no resource, no mode: but time */
        { MN_INVD, { 0, true, true, true } },   /* privileged, and innocuous here: nothing to lose */
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        run(&other, EXTRA_VIRTUALIZABLE, rows[i].id);
        assert_false(other.insn[rows[i].id].privileged);
        for (unsigned t = 1; t <= CLASSIFY_THEOREMS; t++)
            if (classify_theorem(&other, t) != rows[i].theorem[t]) fail_msg("%s, Theorem %u", insn_row_name(rows[i].id), t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_executed), cmocka_unit_test(who_is_privileged),
        cmocka_unit_test(who_is_sensitive_and_does_not_trap), cmocka_unit_test(witnesses), cmocka_unit_test(umip),
        cmocka_unit_test(virtualizable), cmocka_unit_test(untrapped),
    };
    return cmocka_run_group_tests(tests, once, NULL);
}
