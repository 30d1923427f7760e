#include "arch.h"
#include "hypervisor.h"
void arch_start(const struct start_info *s) { (void)s; static const char t[] = __DATE__ " " __TIME__ " " __TIMESTAMP__ "\n"; hypercall(CALL_CONSOLE_IO, 0, sizeof t - 1, (uint32_t)t, 0); uint32_t r = 0; hypercall(CALL_SCHED_OP, 2, (uint32_t)&r, 0, 0); }
void console_write(const char *t, uint32_t n) { (void)t, (void)n; }
void interrupts_off(void) { } void interrupts_on(void) { } bool interrupts_are_on(void) { return true; }
void timer_start(void) { } void timer_again(void) { } void idle(void) { }
void map(uint32_t a, const void *p, uint32_t r) { (void)a, (void)p, (void)r; }
uint32_t fault_address(void) { return 0; } void arch_event(void) { } void power_off(bool good) { (void)good; for (;;) continue; }
