// What guest `nano` is made of. Also read by the assembler.
#ifndef NANO_H
#define NANO_H

#define NANO_TIMES 256
#define NANO_HOLE 0x00500000 // nothing is mapped there

#ifndef __ASSEMBLER__
#include "lib/guest.h"

typedef void operation(uint32_t value);
operation op_nothing, op_in, op_tpr, op_call, op_fault, op_divide, op_rdtsc, op_walk, op_pte;
void page_fault(void), divide_error(void), system_call(void), from_user(void);
void to_user(void (*entry)(void), void *esp);
void user_nothing(void), user_calls(void);
extern uint8_t user_stack[4096];
extern uint32_t nano_table[1024];
#endif

#endif
