// Between the files of vm, the process of a virtual machine: its loop (vm.c), and a file for each device.
#ifndef MINI_USER_VM_H
#define MINI_USER_VM_H

#include "mini/user/user.h"
#include "mini/run.h"

extern uint32_t vm_number;       // which virtual machine is ours
extern uint32_t vm_memory_size;  // its memory, at RUN_MEMORY
extern struct vm_run vm_record;
extern bool vm_typed;            // somebody types on the virtual machine's line

static inline int vm_call(enum vm_call call, void *record) { return syscall(SYS_VM, call, vm_number, record); }
// The guest's memory from `at` on, if that much is there; NULL: it is not.
static inline void *vm_memory(uint32_t at, uint32_t size)
{
    return at <= vm_memory_size && size <= vm_memory_size - at ? (void *)(RUN_MEMORY + at) : NULL;
}
void vm_stored(uint32_t at, uint32_t size); // a device has stored there: the module will hear of it

// A device's ports; `offset` is from its first one. And does it hold up its interrupt line?
void uart_listen(void);
void uart_flush(void);
void uart_put(char c);
uint32_t uart_read(uint32_t offset);
void uart_write(uint32_t offset, uint8_t value);
bool uart_interrupts(void);

void ide_init(void);
uint32_t ide_read(uint32_t channel, uint32_t offset, uint32_t size);
void ide_write(uint32_t channel, uint32_t offset, uint32_t size, uint32_t value);
uint32_t ide_master_read(uint32_t offset, uint32_t size);
void ide_master_write(uint32_t offset, uint32_t size, uint32_t value);
bool ide_interrupts(uint32_t channel);
enum { IDE_DATA = 0, IDE_CONTROL = 8 /* the port at 206h */ };

#endif
