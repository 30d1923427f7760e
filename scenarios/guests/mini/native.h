// What the parts of the bare-PC side (arch_native.c, console_native.c, disk_native.c) offer each other.
#ifndef MINI_NATIVE_H
#define MINI_NATIVE_H

typedef void irq_handler(void);                       // called with interrupts off; the 8259 is told afterwards
void irq_install(unsigned irq, irq_handler *handler); // and unmasks the line

void console_init(void);       // can print from here on
void console_interrupts(void); // reads from here on, and prints without waiting

#endif
