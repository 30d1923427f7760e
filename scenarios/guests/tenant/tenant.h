// Guest `tenant`: one kernel, many characters. Which one it is, the first word of its command line says.
#ifndef TENANT_H
#define TENANT_H

#include "lib/guest.h"

// words.c: the command line, "work rounds=5 units=40 rest=3"
bool word_is(const char *word);                        // the first word
uint32_t word_number(const char *name, uint32_t otherwise); // NAME=number
void words_from(const char *line);

// The part of Multiboot's information that is looked at. Multiboot Specification 3.3.
struct boot_info {
    uint32_t flags, mem_lower, mem_upper, boot_device;
    const char *cmdline;
};
enum { BOOT_HAS_CMDLINE = 4 };
void tenant_main(const struct boot_info *info);

// attack.c, entry.S
void attack(uint32_t rounds) __attribute__((noreturn));
bool attempt(void (*harm)(uint32_t), uint32_t value); // false: it faulted
extern uint32_t recover_eip;
void jump_to(uint32_t address);
void load_ds(uint32_t selector);
void load_task(uint32_t selector);
void far_jump(uint32_t selector);
void die(void) __attribute__((noreturn)); // a fault without an IDT: the processor shuts down

#endif
