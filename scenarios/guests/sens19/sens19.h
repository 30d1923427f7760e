// Guest `sens19`: what its parts share.
//
// Idea: a *row* is one sensitive instruction. It runs snippets (a few instructions each, in assembly), which leave what
// they saw in seen[]; the row then compares that with what the kernel itself set up, value by value.
#ifndef SENS19_H
#define SENS19_H

#include "lib/guest.h"

// ---- Trying things that may fault (attempt.S) -------------------------------------------------------------------

// Runs the snippet; attempts may be nested. False if it raised an exception: then its vector and error code are in
// fault_vector, fault_code, and stack, DS, ES and the callee-saved registers are as before.
bool attempt(void (*snippet)(void));
void caught(struct trap_frame *frame); // the handler of all exceptions
extern uint32_t fault_vector, fault_code;

// ---- Reporting (report.c) -----------------------------------------------------------------------------------------

// One value of the row at hand: what was found, what must be found, and how many hex digits to print.
void check(const char *what, uint32_t got, uint32_t want, int digits);
// As check, for a value that a snippet produces in seen[0]: runs it first, and if it faults the fault is the finding.
void check_after(void (*snippet)(void), const char *what, uint32_t want, int digits);
// Prints and forgets the values of the row. True if all were as they must be.
bool report_row(int number, const char *name);
void note_fault(const char *what); // the last fault caught, as a finding of the row
void print_fault(void);            // e.g. #GP(0010)

// ---- The world the rows run in (sens19.c)
// -----------------------------------------------------------------------------

// Our own descriptors, after those of lib/tables.c.
enum {
    SEL_LDT = 0x30,
    SEL_PROBE = 0x38,     // 16 bytes beginning at probe[0]
    SEL_CALL_GATE = 0x40, // leads to gate_target, DPL 0
    SEL_TSS2 = 0x48,      // for LTR
    SEL_IN_LDT = 0x04,    // entry 0 of the LDT: 16 bytes beginning at probe[4]
    VECTOR_SOFT0 = 0x30,  // interrupt gate, DPL 0
    VECTOR_SOFT3 = 0x31,  // interrupt gate, DPL 3
};

extern struct descriptor ldt[2];
extern uint32_t probe[12]; // each word has a value of its own, so that a segment's base shows in what it reads
#define PROBE_VALUE(n) (0xC0FFEE00u + (n))

// Does a timer interrupt arrive within three periods? The line is open only meanwhile; IF is taken as it is.
bool interrupt_arrives(void);
// The same after `snippet` has done something to IF; `before` is IF on entry. Ends with IF = 0.
bool interrupt_arrives_after(void (*snippet)(void), bool before);

struct row {
    int number; // as in the usual table: 1-18 Robin and Irvine's printed list, 19 IRET
    const char *name;
    void (*run)(void);
};
extern const struct row state_rows[], segment_rows[], gate_rows[]; // each ends with a row without a name
int run_controls(void);                                            // prints; returns how many failed

// ---- Snippets (snippets.S, gates.S) ---------------------------------------------------------------------------------

extern volatile uint32_t given[2]; // input of a snippet
extern volatile uint32_t seen[8];  // its output

void do_sgdt(void), do_sidt(void), do_sldt(void), do_str(void), do_smsw(void);
void do_pushf(void), do_popf(void), do_cli(void), do_sti(void);
void do_lar(void), do_lsl(void), do_verr(void), do_verw(void);
void do_push_seg(void), do_pop_ds(void), do_pop_es(void), do_pop_ss(void);
void do_mov_from_seg(void), do_mov_ds(void), do_mov_ss(void);
void do_call_direct(void), do_call_memory(void), do_call_gate(void), gate_target(void);
void do_jmp_direct(void), do_jmp_memory(void), do_retf(void);
void do_int_dpl0(void), do_int_dpl3(void), soft_dpl0(void), soft_dpl3(void), soft_other(void);
void do_iret_pushed_cs(void), do_iret_literal_cs(void);

#endif
