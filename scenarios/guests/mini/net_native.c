// A bare PC: the network card, one process's frames after another's.
#include "mini/kernel.h"
#include "mini/driver.h"

enum { BUFFER = 2048 };
static uint8_t buffers[NIC_SENDS][BUFFER] __attribute__((aligned(PAGE)));
static uint32_t next, flying;
static bool looked, there;

bool net_start(uint8_t address[NET_ADDRESS])
{
    if (!looked) there = nic_init(kernel_net);
    looked = true;
    if (there) memcpy(address, nic_address(), NET_ADDRESS);
    return there;
}

bool net_put(const void *frame, uint32_t size)
{
    flying -= nic_gone();
    if (flying == NIC_SENDS) return false;
    memcpy(buffers[next], frame, size);
    if (!nic_send(buffers[next], size)) return false;
    next = (next + 1) % NIC_SENDS;
    flying++;
    return true;
}

uint32_t net_take(void *frame) { return nic_receive(frame); }
