/* The same guest bare: where does it part from its run under a hypervisor?
 *
 * Idea: a native machine with the same image is the reference (design law 9). What the guests say is compared line by
 * line; and at the first silent failure of each kind both machines are brought to the same execution of that
 * instruction, the k-th one that was carried out, and one step further: the registers a guest can see then differ by
 * what the CPU did not do. */
#ifndef SIM_COMPARE_H
#define SIM_COMPARE_H

#include "sim/machine.h"
#include "sim/say.h"
#include "sim/subject.h"

enum { COMPARE_REGS = 32, COMPARE_LINE = 200, COMPARE_MEETINGS = 3 };

/* One register of the guest that differs after the instruction. */
struct compare_reg {
    char     name[12];
    uint32_t before, here, native; /* before: under the hypervisor, before the instruction */
    bool     already;              /* it differed before the instruction, too */
};

/* Both machines one step beyond the same execution of an instruction that failed silently. */
struct compare_meeting {
    uint32_t silent, eip;              /* its event and address */
    uint64_t arrival;                  /* the k-th execution of that instruction; 0: not found */
    const char *no_regs;               /* why the registers could not be compared; NULL: they were */
    unsigned regs;
    struct compare_reg reg[COMPARE_REGS];
};

struct compare {
    struct machine_end end;            /* of the bare run */
    uint64_t cycles, idle, insns;      /* of the bare run */
    bool     ended;                    /* it came to its end */
    bool     cut;                      /* a limit ended one of the runs while both said the same: nothing differs yet */
    unsigned line;                     /* first line of serial output that differs, from 1; 0: all agree */
    char     here[COMPARE_LINE], native[COMPARE_LINE]; /* that line in both; what is beyond the end is "" */
    bool     here_more, native_more;   /* is there such a line at all? */
    unsigned meetings;                 /* first silent failure of each instruction and field */
    struct compare_meeting meeting[COMPARE_MEETINGS];
};

/* Runs the native machine of `s`, whose own run is over. False: the machine could not be made, ^C, --limit-wall. */
bool compare_native(const struct subject *s, struct compare *c, struct err *e);
/* Says what was found, in words. */
void compare_say(const struct subject *s, const struct compare *c, struct say *out);

#endif
