/* An exit: what the hypervisor learns from the frame its entry stub pushed, and nothing else. */
#ifndef VMM_EXIT_H
#define VMM_EXIT_H

#include <stdbool.h>
#include <stdint.h>

enum exit_reason {
#define EXIT(e, name, about) EXIT_REASON_##e,
#include "sim/vmm/exit.def"
#undef EXIT
    EXIT_REASONS
};
enum death {
#define DEATH(e, name, about) DEATH_##e,
#include "sim/vmm/death.def"
#undef DEATH
    DEATHS
};

struct vmexit {
    uint8_t  reason; /* enum exit_reason */
    uint8_t  vector; /* of the gate it came through */
    uint32_t code;   /* hardware error code, 0 if the vector has none */
    uint32_t addr;   /* CR2 for #PF */
};

const char *exit_name(unsigned reason);
const char *exit_about(unsigned reason);
const char *death_name(unsigned why);
const char *death_about(unsigned why);
void exit_names(void); /* registers the trace's enum types "exit", "death", "field" */

#endif
