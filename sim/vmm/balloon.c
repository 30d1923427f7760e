/* The port that a balloon driver speaks to. See memory.h.
 *
 * Idea: an unmodified board has no word for "which pages can you spare?", so there is a port that no PC has. An IN of 4 bytes from it
 * with a magic number in EAX is a call: ECX the command, EBX its argument; EAX comes back with a status, EBX with a result. The
 * driver asks for its target now and then, takes pages from its own kernel until it has as many, and tells their numbers: their
 * frames are free from then on. What the guest does not need most, only the guest knows, and its kernel's own policy decides.
 * The numbers are those of VMware's driver in Linux (drivers/misc/vmw_balloon.c), the first version of its protocol.
 * Not modelled: batches, large pages, the capability bits. */
#include "sim/vmm/memory.h"
#include "sim/vmm/vm.h"

enum { BALLOON_PORT = 0x5670, BALLOON_MAGIC = 0x456C6D6F };
enum command { START, GET_TARGET, LOCK, UNLOCK, GUEST_ID };
enum status { OK, COMMAND_INVALID, PAGE_INVALID, PAGE_LOCKED, PAGE_UNLOCKED, PAGE_PINNED };

struct balloon {
    struct device device;
    struct vm *vm;
};

static void tell(const struct memory_vm *v, bool locked, uint32_t page)
{
    TRACE(v->vm->vmm->board.trace, BALLOON, v->vm->vcpu.cause, .vm = v->vm->id, .locked = locked, .page = page, .size = v->count.ballooned);
}

static enum status lock(struct memory_vm *v, uint32_t page)
{
    if (page >= v->pages) return PAGE_INVALID;
    if (v->page[page].state == PAGE_BALLOON) return PAGE_LOCKED;
    if (!memory_drop(v, page, PAGE_BALLOON)) {
        v->count.refused++;
        return PAGE_PINNED;
    }
    v->count.ballooned++;
    v->count.locked++;
    tell(v, true, page);
    return OK;
}

static enum status unlock(struct memory_vm *v, uint32_t page)
{
    if (page >= v->pages) return PAGE_INVALID;
    if (v->page[page].state != PAGE_BALLOON) return PAGE_UNLOCKED;
    v->page[page].state = PAGE_NEW;
    v->count.ballooned--;
    v->count.unlocked++;
    tell(v, false, page);
    return OK;
}

/* A driver begins: nothing is in its balloon. */
static enum status start(struct memory_vm *v)
{
    for (uint32_t n = 0; n < v->pages; n++)
        if (v->page[n].state == PAGE_BALLOON) v->page[n].state = PAGE_NEW;
    v->count.ballooned = 0;
    v->driver = true;
    return OK;
}

static enum status serve(struct memory_vm *v, uint32_t command, uint32_t argument)
{
    switch (command) {
    case START: return start(v);
    case GET_TARGET: case GUEST_ID: return OK;
    case LOCK: return lock(v, argument);
    case UNLOCK: return unlock(v, argument);
    default: return COMMAND_INVALID;
    }
}

static uint32_t port_read(struct device *d, uint32_t offset, unsigned size)
{
    struct vm *vm = ((struct balloon *)d)->vm;
    uint32_t *reg = vm->vcpu.virt.reg;
    if (offset || size != 4 || reg[EAX] != BALLOON_MAGIC) return UINT32_MAX;
    enum status s = serve(&vm->memory, reg[ECX] & 0xFFFF, reg[EBX]);
    if (s == OK) reg[EBX] = vm->memory.count.target; /* of every call that succeeded */
    return s;
}

static void port_write(struct device *d, uint32_t offset, unsigned size, uint32_t value) { (void)d, (void)offset, (void)size, (void)value; }
static uint32_t port_peek(const struct device *d, uint32_t offset, unsigned size) { return (void)d, (void)offset, (void)size, UINT32_MAX; }
static void port_reset(struct device *d) { (void)d; }

static const struct device_ops ops = { .name = "balloon", .reset = port_reset, .read = port_read, .write = port_write, .peek = port_peek };

bool balloon_attach(struct vm *vm, struct err *e)
{
    struct balloon *b = arena_alloc(vm->vmm->board.arena, sizeof *b);
    *b = (struct balloon){ { &ops }, vm };
    return bus_attach(&vm->bus, BUS_PORT, BALLOON_PORT, 4, 0, &b->device, e);
}
