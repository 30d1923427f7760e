/* The hypervisor's resident drivers: what it does to the real devices, through real ports, on its own account.
 *
 * It owns the real 8259 pair (remapped to WINDOW_IRQ), uses the real 8254 as a one-shot timer for the next deadline of
 * the VMs' virtual devices and turns, sends the first VM's serial output through the real 16550 and hands on
 * what that receives, and passes the real keyboard's keys to that VM's. The others have a line each of a card with many ports. */
#ifndef VMM_HOST_H
#define VMM_HOST_H

#include <stdbool.h>
#include <stdint.h>

struct vm;
struct vmm;

void host_init(struct vmm *h);                       /* programs PIC and UART */
void host_timer(struct vmm *h, uint64_t when);       /* arms the real timer for a cycle; TIMEQ_NEVER: nothing to wait for */
void host_interrupt(struct vmm *h, uint8_t vector);  /* a real interrupt arrived: serve the device, end of interrupt */
/* The hypervisor's own code goes on for long with interrupts off: serves a device that waits, if there is one. */
void host_poll(struct vmm *h);
void host_serial(void *vm, uint8_t byte);            /* sink of the virtual UART */
void host_out(struct vmm *h, uint16_t port, uint8_t value);
/* The real pair's vectors from now on (each a multiple of 8); the interrupt behind a vector, or -1. */
void host_vectors(struct vmm *h, uint8_t first, uint8_t second);
int  host_irq(const struct vmm *h, uint32_t vector);
/* A real device may interrupt, or may not; its input hears levels, or edges; is the line up? (That only means something by level.) */
void host_mask(struct vmm *h, unsigned irq, bool masked);
void host_by_level(struct vmm *h, unsigned irq, bool level);
bool host_line(struct vmm *h, unsigned irq);
bool host_serial_get(void *vm, uint8_t *byte);       /* its source: what the real one has received */
void host_console(void *vm, uint8_t byte);           /* sink of the virtual debug console */

#endif
