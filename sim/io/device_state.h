/* The devices of a virtual board as state that can leave the machine: a table of fields for each (core/state.h).
 *
 * The tables are here and not in the devices' files, so that nobody who adds a field to a struct can overlook that it is one:
 * tests/unit/io_device_state_test.c fails until the field has a row. What PCI registers decide (where ports lie) is not saved but
 * follows from them again. Real devices are not saved: they stay where they are. */
#ifndef IO_DEVICE_STATE_H
#define IO_DEVICE_STATE_H

#include "sim/core/err.h"
#include "sim/core/state.h"
#include "sim/io/devices.h"

/* For tests, and for the layout: struct devices, and all it consists of. */
extern const struct state_table devices_state;

/* Adds what the devices of a virtual board hold. */
void devices_save(const struct devices *d, const struct timeq *q, struct text *out);
/* Puts it into another such board that has just been made: same drives, no timer of it armed. Interrupt wires into the CPU are not driven: the
 * CPU's own state says what arrived. False: r->why. */
bool devices_load(struct devices *d, struct timeq *q, struct state_reader *r);

#endif
