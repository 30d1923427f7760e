/* The same guest bare: where does it part from its run under a hypervisor?
 *
 * Idea: a native machine with the same image is the reference (design law 9). What the guests say is compared line by
 * line; and at the first silent failure both machines are brought to the same execution of that instruction, the k-th one
 * that was carried out, and one step further: the registers a guest can see then differ by what the CPU did not do. */
#ifndef SIM_COMPARE_H
#define SIM_COMPARE_H

#include "sim/machine.h"
#include "sim/say.h"
#include "sim/subject.h"

enum { COMPARE_REGS = 32, COMPARE_LINE = 200 };

/* One register of the guest that differs after the instruction. */
struct compare_reg {
    char     name[12];
    uint32_t before, here, native; /* before: under the hypervisor, before the instruction */
    bool     already;              /* it differed before the instruction, too */
};

struct compare {
    struct machine_end end;            /* of the bare run */
    uint64_t cycles, insns;            /* of the bare run */
    bool     ended;                    /* it came to its end */
    unsigned line;                     /* first line of serial output that differs, from 1; 0: all agree */
    char     here[COMPARE_LINE], native[COMPARE_LINE]; /* that line in both; what is beyond the end is "" */
    bool     here_more, native_more;   /* is there such a line at all? */
    /* At the first silent failure: */
    uint32_t silent;                   /* its event; 0: there was none */
    uint32_t eip;
    uint64_t arrival;                  /* the k-th execution of that instruction */
    const char *no_regs;               /* why the registers could not be compared; NULL: they were */
    unsigned regs;
    struct compare_reg reg[COMPARE_REGS];
};

/* Runs the native machine of `s`, whose own run is over. False: the machine could not be made, ^C, --limit-wall. */
bool compare_native(const struct subject *s, struct compare *c, struct err *e);
/* Says what was found, in words. */
void compare_say(const struct subject *s, const struct compare *c, struct say *out);

#endif
