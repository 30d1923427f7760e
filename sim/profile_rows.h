/* What a profile is made of, for profile.c, which collects it, and profile_text.c, which tells it. */
#ifndef SIM_PROFILE_ROWS_H
#define SIM_PROFILE_ROWS_H

#include "sim/profile.h"

enum { PROFILE_NO_REASON = 255, PROFILE_WAITING = 64, PROFILE_NAME = 48 };

/* An address at which cycles went by. On a visit: the hypervisor's, with the guest's address that led there. */
struct profile_key { uint32_t site, at; uint8_t place, from, reason, pad; }; /* from: whose code `site` is */
struct profile_row {
    struct profile_key key;
    char     site[PROFILE_NAME], at[PROFILE_NAME]; /* functions */
    uint64_t steps, by_cause[CAUSE_COUNT];
};
struct profile_step { uint32_t at; uint64_t spent[CAUSE_COUNT]; };

struct profile {
    struct machine *m;
    struct profile_row *row;
    uint32_t *slot;                   /* a hash table of numbers of rows, from 1 */
    size_t    rows, room;
    uint64_t  seen[CAUSE_COUNT], before[CAUSE_COUNT], moment, cycles;
    uint32_t  site, at, events;       /* the guest's last address; the address now; events looked at */
    unsigned  place, reason, waiting; /* enum machine_place of `at` */
    uint8_t   site_place;
    struct profile_step wait[PROFILE_WAITING];
};

#endif
