/* Sections of report_text about several virtual machines: each says nothing if there is nothing of the kind. */
#ifndef SIM_REPORT_VMS_H
#define SIM_REPORT_VMS_H

#include "sim/report.h"

void report_say_vms(const struct report *r, struct say *out);       /* whose the processor's time was */
void report_say_memory(const struct report *r, struct say *out);    /* machine memory that goes from one to another */
void report_say_migration(const struct report *r, struct say *out); /* to another computer, or the attempt */

#endif
