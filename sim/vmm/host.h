/* The hypervisor's resident drivers: what it does to the real devices, through real ports, on its own account.
 *
 * It owns the real 8259 pair (remapped to WINDOW_IRQ), uses the real 8254 as a one-shot timer for the next deadline of
 * the VM's virtual devices, sends the VM's serial output through the real 16550 and hands on
 * what that receives, and passes the real keyboard's keys to the VM's. */
#ifndef VMM_HOST_H
#define VMM_HOST_H

#include <stdbool.h>
#include <stdint.h>

struct vmm;

void host_init(struct vmm *h);                       /* programs PIC and UART */
void host_timer(struct vmm *h, uint64_t when);       /* arms the real timer for a cycle; TIMEQ_NEVER: nothing to wait for */
void host_interrupt(struct vmm *h, uint8_t vector);  /* a real interrupt arrived: serve the device, end of interrupt */
void host_serial(void *vmm, uint8_t byte);           /* sink of the virtual UART */
bool host_serial_get(void *vmm, uint8_t *byte);      /* its source: what the real one has received */
void host_console(void *vmm, uint8_t byte);          /* sink of the virtual debug console */

#endif
