// What the parts of the bare-PC side (arch_native.c, console_native.c, disk_native.c) offer each other.
#ifndef MINI_NATIVE_H
#define MINI_NATIVE_H

#include "mini/driver.h"

void console_init(void);       // can print from here on
void console_interrupts(void); // reads from here on, and prints without waiting

#endif
