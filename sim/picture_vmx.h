/* A diagram of VMX operation: root and non-root as the two states, VM entries and the reasons of VM exits as the ways between. */
#ifndef SIM_PICTURE_VMX_H
#define SIM_PICTURE_VMX_H

#include "sim/picture.h"

/* Draws what the run's history holds to `path` ("-": stdout). EXIT_USAGE if nobody entered a guest with VMX;
 * EXIT_ENVIRONMENT without Graphviz (not for .dot and .txt). */
bool vmx_write(const struct picture_run *run, const struct picture *p, const char *path, struct err *e);

#endif
