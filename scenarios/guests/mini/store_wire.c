// Messages in and out of the store's rings, for both ends.
//
// Idea: a message appears at once, by the counter that is written last; what is read is copied before it is looked at.
// Manual: Xen public headers, io/xs_wire.h.
#include "mini/text.h"
#include "mini/store.h"

static void barrier(void) { __asm__ volatile("lock or dword ptr [esp], 0" : : : "memory", "cc"); }

static void copy_out(const char *ring, uint32_t at, void *to, uint32_t size)
{
    char *bytes = to;
    for (uint32_t i = 0; i < size; i++) bytes[i] = ring[(at + i) % STORE_RING];
}

static void copy_in(char *ring, uint32_t at, const void *from, uint32_t size)
{
    const char *bytes = from;
    for (uint32_t i = 0; i < size; i++) ring[(at + i) % STORE_RING] = bytes[i];
}

int store_take(const char *ring, volatile uint32_t *read, const volatile uint32_t *written, struct store_message *m, char *payload)
{
    uint32_t from = *read, there = *written - from;
    barrier();
    if (there > STORE_RING) return -1;
    if (there < sizeof *m) return 0;
    copy_out(ring, from, m, sizeof *m);
    if (m->size > STORE_PAYLOAD) return -1;
    if (there < sizeof *m + m->size) return 0;
    copy_out(ring, from + sizeof *m, payload, m->size);
    payload[m->size] = 0;
    barrier();
    *read = from + sizeof *m + m->size;
    return 1;
}

bool store_put(char *ring, const volatile uint32_t *read, volatile uint32_t *written, const struct store_message *m, const char *payload)
{
    uint32_t at = *written, used = at - *read;
    if (used > STORE_RING || STORE_RING - used < sizeof *m + m->size) return false;
    barrier();
    copy_in(ring, at, m, sizeof *m);
    copy_in(ring, at + sizeof *m, payload, m->size);
    barrier();
    *written = at + sizeof *m + m->size;
    return true;
}
