/* Switches of the techniques, as a table (setting.def). Plain numbers, chosen before the machine is made. */
#ifndef VMM_SETTING_H
#define VMM_SETTING_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/err.h"

enum setting {
#define SETTING(e, key, value, least, most, about) SETTING_##e,
#include "sim/vmm/setting.def"
#undef SETTING
    SETTINGS
};

/* Test programs set it, and builds with AddressSanitizer begin with it: every hypervisor looks at its own invariants at each visit, at
 * what changed (struct mmu_strategy, check_some), and at all of them now and then. --set vmm.check=1 is all of them at each. */
extern bool vmm_checks_itself;

/* Every row's default. */
void setting_defaults(uint32_t to[SETTINGS]);
/* A row as data, for people; false beyond the last. */
struct setting_row { const char *key, *about; uint32_t value, least, most; };
bool setting_row(unsigned i, struct setting_row *row);
/* Is there such a row? */
bool setting_known(const char *key);
/* Sets the row `key` from its text. EXIT_USAGE: no such row, not a number, or beyond its bounds. */
bool setting_set(uint32_t to[SETTINGS], const char *key, const char *value, struct err *e);

#endif
