// The border between this kernel and its machine. kernel.c uses it; port.c implements it; hypervisor.h is the machine.
//
// On a bare PC each of these is an instruction or two. What they are here is your task.
#ifndef ARCH_H
#define ARCH_H

#include <stdbool.h>
#include <stdint.h>

struct start_info;

// The kernel's stack when a trap or event has come (start.S), lowest address first. Handlers may change it.
struct frame {
    uint32_t es, ds, edi, esi, ebp, unused, ebx, edx, ecx, eax, vector, code, eip, cs, eflags, esp, ss;
};
enum { VECTOR_GP = 13, VECTOR_PF = 14, VECTOR_EVENT = 0x100 };
enum { PTE_P = 1, PTE_W = 2, PTE_U = 4 };

// ---- port.c
void arch_start(const struct start_info *start);  // before anything else: tables of traps, the event callback, the shared page
void console_write(const char *text, uint32_t length);
void interrupts_off(void);                        // CLI: no event comes any more
void interrupts_on(void);                         // STI: and those that waited come now
bool interrupts_are_on(void);                     // PUSHF
void timer_start(void);                           // from now on tick() is called now and then
void timer_again(void);                           // in tick(): the next one, a millisecond later
void idle(void);                                  // HLT with events on: returns after one was handled
void map(uint32_t at, const void *page, uint32_t rights); // the page at linear `at` becomes that of `page`; the TLB must not remember
uint32_t fault_address(void);                     // CR2
void arch_event(void);                            // an event has come: tell whom it is for
void power_off(bool good);

// ---- kernel.c
void kernel_main(void);
void kernel_trap(struct frame *f);
void tick(void);
uint32_t system_call(uint32_t number, uint32_t value); // EAX, EBX

// ---- start.S
extern uint8_t trap_gp[], trap_pf[], event_entry[], failsafe_entry[], syscall_entry[], kernel_stack_top[];
uint32_t run_user(uint32_t eip, uint32_t esp);    // ring 3, until system call 0
void leave_user(uint32_t value);

#endif
