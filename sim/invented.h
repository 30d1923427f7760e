/* An invented computer, made from a seed: which of its instructions are sensitive, which privileged, is for somebody to find out.
 *
 * Idea: an instruction is an effect and a way of being guarded (it traps in user mode; it silently does less there; nothing). What an
 * instruction *is* in the sense of Popek and Goldberg (CACM 17(7), 1974) is never looked up: invented_judge executes it on pairs of
 * states and applies the definitions. So can a student, through invented_run.
 *
 * The machine: 32 words of memory, seen through a relocation register (base, bound); two modes; 4 registers; a timer; an output. */
#ifndef SIM_INVENTED_H
#define SIM_INVENTED_H

#include <stdbool.h>
#include <stdint.h>

enum { INVENTED_MOST = 24, INVENTED_LEAST = 6, INVENTED_WORDS = 8, INVENTED_REGS = 4, INVENTED_MEMORY = 32 };

struct invented_state {
    bool     user;
    uint8_t  base, bound;                  /* the memory that is seen: base .. base + bound - 1 */
    uint8_t  pc;
    uint16_t timer, output;
    uint16_t reg[INVENTED_REGS];
    uint16_t memory[INVENTED_WORDS];       /* seen: word n is physical word base + n */
};

enum invented_trap { INVENTED_NONE, INVENTED_PRIVILEGED, INVENTED_MEMORY_TRAP };

struct invented_insn { char name[8]; uint8_t effect, guard; };
struct invented { unsigned count; struct invented_insn insn[INVENTED_MOST]; uint64_t seed; };

/* `count` instructions, of 16 on with every effect there is; the same for the same seed. `hybrid`: what is sensitive traps, but for the
 * instruction that goes to user mode, so theorem 3 holds and theorem 1 does not. */
void invented_make(struct invented *m, uint64_t seed, unsigned count, bool hybrid);
/* Executes one instruction. With a trap the state is as before. */
enum invented_trap invented_run(const struct invented *m, unsigned insn, struct invented_state *s);

/* Popek and Goldberg's words for an instruction. */
struct invented_nature {
    bool privileged;                       /* traps in user mode, and does not in supervisor mode */
    bool control;                          /* changes mode, relocation, timer or output */
    bool mode, location;                   /* behaviour-sensitive: depends on the mode; on where the memory lies */
    bool user;                             /* sensitive already if it is only ever executed in user mode */
};
void invented_judge(const struct invented *m, unsigned insn, struct invented_nature *n);

#endif
