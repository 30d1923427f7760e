// What the parts of the paravirtual side (arch_pv.c, console_pv.c) offer each other.
#ifndef MINI_PV_H
#define MINI_PV_H

#include "mini/xen.h"

extern struct shared_info shared_info;
void map_machine(void *page, uint32_t mfn); // shows a machine frame at a page of the kernel's
void event_install(uint32_t channel, void (*handler)(void)); // called with events masked
void console_init(const struct start_info *start);

#endif
