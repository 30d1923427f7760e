// vm: the processes of virtual machines: their devices, around a call that runs the guest's processor.
//
// Idea: the module runs the guest and serves what it can; a port of one of our devices makes the call return, and so does a guest
// that waits. The devices are a serial port (vm_uart.c), disks (vm_ide.c), the debug console and the debug exit. `vm N` runs N virtual
// machines, a process for each, and switches the host off when all are over; `vm N typed`: somebody types on the first one's line.
// Not here: network cards; a device that works while its guest goes on.
#include "mini/user/vm.h"

enum { COM1 = 0x3F8, COM1_PORTS = 8, CONSOLE = 0xE9, EXIT = 0xF4, IRQ_COM1 = 4, IRQ_IDE = 14, CHANNELS = 2, MASTER_PORTS = 16 };
static const uint16_t channel_at[CHANNELS] = { 0x1F0, 0x170 };
enum { CHANNEL_PORTS = 8, CONTROL_PORT = 0x206 /* behind the channel's first */ };

enum { PATIENCE = 10 /* ms between two looks at what was typed, at most */ };

uint32_t vm_number, vm_memory_size;
bool vm_typed;
struct vm_run vm_record;

// Neighbours become one row; when all are taken, the last one grows over what lies between.
void vm_stored(uint32_t at, uint32_t size)
{
    struct vm_store *last = vm_record.stores ? &vm_record.store[vm_record.stores - 1] : NULL;
    if (last && last->at + last->size == at) last->size += size;
    else if (vm_record.stores < RUN_STORES) vm_record.store[vm_record.stores++] = (struct vm_store){ at, size };
    else {
        uint32_t begin = at < last->at ? at : last->at, end = at + size > last->at + last->size ? at + size : last->at + last->size;
        *last = (struct vm_store){ begin, end - begin };
    }
}

static uint32_t port_read(uint32_t port, uint32_t size)
{
    if (port == CONSOLE) return CONSOLE; // as Bochs' says that it is there
    if (port - COM1 < COM1_PORTS) return uart_read(port - COM1);
    if (port - RUN_MASTERS < MASTER_PORTS) return ide_master_read(port - RUN_MASTERS, size);
    for (uint32_t c = 0; c < CHANNELS; c++) {
        uint32_t offset = port - channel_at[c];
        if (offset < CHANNEL_PORTS || offset == CONTROL_PORT) return ide_read(c, offset == CONTROL_PORT ? IDE_CONTROL : offset, size);
    }
    return 0xFFFFFFFF;
}

static void port_write(uint32_t port, uint32_t size, uint32_t value)
{
    if (port == CONSOLE) uart_put((char)value);
    if (port - COM1 < COM1_PORTS) uart_write(port - COM1, (uint8_t)value);
    if (port - RUN_MASTERS < MASTER_PORTS) ide_master_write(port - RUN_MASTERS, size, value);
    for (uint32_t c = 0; c < CHANNELS; c++) {
        uint32_t offset = port - channel_at[c];
        if (offset < CHANNEL_PORTS || offset == CONTROL_PORT) ide_write(c, offset == CONTROL_PORT ? IDE_CONTROL : offset, size, value);
    }
    if (port != EXIT) return;
    vm_record.over = 1;
    vm_record.status = value;
}

// A string instruction's elements, one after the other.
static void string(struct vm_run *r)
{
    uint8_t *at = r->data;
    for (uint32_t i = 0; i < r->count; i++, at += r->size) {
        uint32_t value = 0;
        if (r->in) {
            value = port_read(r->port, r->size);
            memcpy(at, &value, r->size);
        } else {
            memcpy(&value, at, r->size);
            port_write(r->port, r->size, value);
        }
    }
}

static uint32_t lines(void)
{
    uint32_t up = uart_interrupts() ? 1u << IRQ_COM1 : 0;
    for (uint32_t c = 0; c < CHANNELS; c++) up |= ide_interrupts(c) ? 1u << (IRQ_IDE + c) : 0;
    return up;
}

// Until the guest is over; its status.
static int serve(void)
{
    int size = vm_call(VM_MEMORY, NULL);
    vm_memory_size = (uint32_t)size;
    if (size < 0) {
        eprintf("vm: %s\n", size == E_NOSYS ? "this kernel has no hypervisor" : error_text(size));
        return 1;
    }
    ide_init();
    for (struct vm_run *r = &vm_record;;) {
        uart_listen();
        r->lines = lines();
        int error = vm_call(VM_RUN, r);
        r->stores = 0;
        if (error || r->reason == RUN_OVER) {
            if (error) eprintf("vm %u: %s\n", vm_number, error_text(error));
            uart_flush();
            return error ? 1 : (int)r->status;
        }
        if (r->reason == RUN_HALT) {
            uart_flush();
            uint32_t ms = (r->wait + 999) / 1000;
            sleep(vm_typed && ms > PATIENCE ? PATIENCE : ms);
        } else if (r->reason != RUN_PORT) {
            // the kernel's affair, or there is something to read
        } else if (r->count) string(r);
        else if (r->in) r->value = port_read(r->port, r->size);
        else port_write(r->port, r->size, r->value);
    }
}

int main(int argc, char **argv)
{
    uint32_t vms = argc > 1 ? (uint32_t)text_number(argv[1]) : 1, first = 0;
    int status, worst = 0;
    vm_typed = argc > 2;
    for (vm_number = first; vm_number + 1 < vms; vm_number++)
        if (fork() == 0) exit(serve() ? 1 : 0);
    worst = serve() ? 1 : 0; // the last one is ours
    for (uint32_t n = 1; n < vms; n++)
        if (wait(&status) > 0 && status) worst = 1;
    vm_call(VM_DRAIN, NULL);
    return halt(worst);
}
