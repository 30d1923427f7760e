/* `ringside quiz exits`: how often a guest leaves to its hypervisor. See quiz.h.
 *
 * Idea: the guest `nano` does each operation many times on each machine, and the exits are counted, not reckoned. What is asked is a mixture
 * of four of them; so the answer is a sum of counts. */
#include <stdio.h>
#include "sim/bench_nano.h"
#include "sim/quiz.h"

enum { MIXED = 4 };
static const struct { enum bench_row row; const char *does, *vtx, *bt; } operations[] = {
    { BENCH_SYSCALL, "system calls by SYSENTER", "ring 3 goes to ring 0 of the guest, in non-root operation", "the kernel's entry is translated code, which the processor does not find by itself" },
    { BENCH_IN, "reads of port 80h", "the I/O bitmap names the port", "the translation holds what the emulation would do" },
    { BENCH_CALL, "calls of a function that returns", "nothing sensitive", "nothing sensitive; the return target is found in a table" },
    { BENCH_FAULT, "page faults that are the guest's own", "shadow tables: the hypervisor has to see whose they are", "the hypervisor's handler gets it first" },
    { BENCH_DIVIDE, "divisions by zero", "the guest's own IDT serves them", "the hypervisor's handler gets it first" },
    { BENCH_SAME, "stores to a page-table entry, which leave its value as it is", "the table is traced: a page fault", "the translator has learned that this store goes to a table: no fault" },
    { BENCH_ENTER, "stores that make a page-table entry present", "the table is traced: a page fault", "the translator has learned that this store goes to a table: a callout instead of a fault" },
};
enum { OPERATIONS = sizeof operations / sizeof operations[0] };

static void ask(struct quiz_problem *p, const struct bench_nano *b, const unsigned *which, const unsigned *times, enum bench_run run, const char *question)
{
    struct text worked = { 0 };
    char number[32];
    unsigned long long all = 0;
    for (unsigned i = 0; i < MIXED; i++) {
        unsigned long long each = (unsigned long long)(b->cell[operations[which[i]].row][run].traps + 0.5);
        text_add(&worked, "%s%u x %llu (%s)", i ? " + " : "", times[i], each, run == BENCH_VTX ? operations[which[i]].vtx : operations[which[i]].bt);
        all += each * times[i];
    }
    snprintf(number, sizeof number, "%llu", all);
    text_add(quiz_part(p, question, number), "%s = %llu. Exits of each counted by the machine.", text_str(&worked), all);
    text_free(&worked);
}

bool quiz_exits(struct quiz_problem *p, const struct options *o, uint64_t seed, struct err *e)
{
    struct machine_cfg cfg = o->machine;
    static struct bench_nano b; /* the same for every problem of one command */
    static bool measured;
    unsigned which[MIXED], times[MIXED];
    if (!measured && (!quiz_guest(&cfg, "nano", e) || !bench_nano_run(&b, &cfg, e))) return false;
    measured = true;
    if (!b.cell[BENCH_SYSCALL][BENCH_VTX].there || !b.cell[BENCH_SYSCALL][BENCH_BT].there) return err_set(e, EXIT_INPUT, "quiz exits: %s%s", b.refusal[BENCH_BT], b.refusal[BENCH_VTX]);
    text_add(&p->question, "A guest kernel and its program do:");
    for (unsigned i = 0; i < MIXED; i++) {
        bool again = true;
        while (again) {
            which[i] = quiz_pick(&seed, OPERATIONS);
            again = false;
            for (unsigned k = 0; k < i; k++) again |= which[k] == which[i];
        }
        times[i] = 2 + quiz_pick(&seed, 40);
        text_add(&p->question, "%s %u %s", i ? i + 1 == MIXED ? ", and" : "," : "", times[i], operations[which[i]].does);
    }
    text_add(&p->question, ". Everything has been done before, so that shadows and translations are there, and no device interrupts. An exit is a trap or a VM exit "
             "that brings the hypervisor; a callout of translated code is none.");
    ask(p, &b, which, times, BENCH_VTX, "How many exits are that with hardware assistance, first generation (shadow page tables)?");
    ask(p, &b, which, times, BENCH_BT, "How many with binary translation that adapts?");
    return true;
}
