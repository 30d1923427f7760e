/* The devices that a process of the host's models, as the virtual board has them: ports at which the process is asked. See hosted.h.
 *
 * Idea: an access is finished when the answer is there: first the process, then the instruction. A string instruction goes to the process
 * once for as many elements as its record has room for; what INS did not come to, for a page was missing, waits for the next try. */
#include <string.h>

#include "sim/cpu/debug.h"
#include "sim/vmm/emulate.h"
#include "sim/vmm/vm.h"
#include "sim/vmm/vtx.h"

enum { MASTERS = 16, MASTER_RECORD = 0xC000 /* the process hears of the bus masters' ports as these, wherever they are */, OFF_MASTER = 0x10000 };
enum { CFG_COMMAND = 0x04, CMD_IO = 0x01, CFG_BASE = 0x20 };

/* The devices of mini's vm.c: COM1, the debug exit, the debug console, two IDE channels. */
static const struct { uint16_t first, count; } ports[] = { { UART_BASE, UART_PORTS }, { 0xF4, 1 }, { 0xE9, 1 }, { 0x1F0, 8 }, { 0x3F6, 1 }, { 0x170, 8 }, { 0x376, 1 } };

static bool is_asked(const struct hosted_vm *t, uint16_t port)
{
    for (unsigned i = 0; i < sizeof ports / sizeof ports[0]; i++)
        if ((uint16_t)(port - ports[i].first) < ports[i].count) return true;
    return t->master && (uint16_t)(port - t->master) < MASTERS;
}

/* ---- on the virtual board */

static struct hosted_vm *hosted_of(struct device *d) { return (struct hosted_vm *)d; }

static bool asked(struct hosted_vm *t)
{
    t->vm->vmm->hosted.lost += !t->answering;
    t->touched = true;
    return t->answering;
}

static uint32_t asked_read(struct device *d, uint32_t port, unsigned size)
{
    struct hosted_vm *t = hosted_of(d);
    (void)port;
    if (!asked(t)) return UINT32_MAX;
    if (!t->access.string) return t->value;
    uint32_t value = UINT32_MAX;
    if (t->next < t->count) memcpy(&value, t->data + t->next++ * size, size);
    return value;
}

static void asked_write(struct device *d, uint32_t port, unsigned size, uint32_t value)
{
    struct hosted_vm *t = hosted_of(d);
    (void)port;
    if (!asked(t)) return;
    t->value = value;
    if (t->access.string) memcpy(t->data + t->count++ * size, &value, size);
}

static uint32_t asked_peek(const struct device *d, uint32_t port, unsigned size)
{
    (void)d, (void)port, (void)size;
    return UINT32_MAX;
}

static void asked_reset(struct device *d) { (void)d; }

static const struct reg_desc regs[] = { { 0 } };
static const struct device_ops ops = { .name = "process", .regs = regs, .reset = asked_reset, .read = asked_read, .write = asked_write, .peek = asked_peek };

/* The IDE function's BAR 4. */
static void moved(void *vm, const uint8_t *config)
{
    struct vm *self = vm;
    struct hosted_vm *t = &self->hosted;
    bool on = (config[CFG_COMMAND] & CMD_IO) && !config[CFG_BASE + 2] && !config[CFG_BASE + 3];
    const uint16_t base = (uint16_t)(on ? (config[CFG_BASE] & 0xF0) | config[CFG_BASE + 1] << 8 : 0);
    if (base == t->master) return;
    t->master = base;
    if (t->placed) bus_move_ports(&self->bus, &t->device, OFF_MASTER, base, MASTERS);
}

void hosted_wire(struct vm *vm, struct devices_wiring *w)
{
    struct hosted_vm *t = &vm->hosted;
    t->vm = vm;
    t->device.ops = &ops;
    w->ide_elsewhere = true;
    w->ide_moved = (struct pci_listener){ moved, vm };
}

void hosted_take_ports(struct vm *vm)
{
    struct hosted_vm *t = &vm->hosted;
    for (unsigned i = 0; i < sizeof ports / sizeof ports[0]; i++) bus_take_ports(&vm->bus, &t->device, ports[i].first, ports[i].count);
    t->placed = true;
    bus_move_ports(&vm->bus, &t->device, OFF_MASTER, t->master, MASTERS);
}

/* ---- asking */

static struct hosted_vm *begin(struct vcpu *v, uint16_t port, unsigned size, bool in)
{
    enum { COMMAND = 0x177 /* and 1F7 */, SECOND = 0x80 };
    struct hosted_vm *t = &v->vm->hosted;
    t->disk_accesses += (uint16_t)(port - UART_BASE) >= UART_PORTS && port > 0x100;
    t->disk_commands += !in && (port | SECOND) == (COMMAND | SECOND);
    t->access.port = port;
    t->access.size = (uint8_t)size;
    t->access.in = in;
    return t;
}

bool hosted_asks(struct vcpu *v, uint16_t port, unsigned size, bool in, uint32_t length)
{
    if (!v->vmm->hosted.on || !is_asked(&v->vm->hosted, port)) return false;
    struct hosted_vm *t = begin(v, port, size, in);
    t->access.length = length;
    t->access.open = true;
    t->access.string = false;
    t->value = v->virt.reg[EAX] & (size == 4 ? UINT32_MAX : (1u << 8 * size) - 1);
    t->why = HOSTED_PORT;
    return true;
}

/* One iteration of a string instruction. A fault of its memory operand is delivered, and nothing has happened then. */
static void iterate(struct vcpu *v)
{
    struct hosted_vm *t = &v->vm->hosted;
    struct cpu *c = &v->virt;
    uint32_t eip = c->eip, left = c->reg[ECX];
    if (t->access.repeated) c->reg[ECX] = 1;
    t->answering = true;
    t->touched = false;
    emulate_one(v);
    t->answering = false;
    if (!t->access.repeated) return;
    c->reg[ECX] = t->touched ? left - 1 : left;
    if (t->touched && left > 1) c->eip = eip;
}

/* Iterations, as long as there are elements (of INS), or room for them (of OUTS). */
static void iterate_all(struct vcpu *v)
{
    struct hosted_vm *t = &v->vm->hosted;
    uint32_t eip = v->virt.eip, room = (uint32_t)(HOSTED_DATA / t->access.size);
    do iterate(v);
    while (t->touched && t->access.repeated && v->virt.eip == eip && v->virt.reg[ECX] && (t->access.in ? t->next < t->count : t->count < room));
}

/* What is written is known once it was done, and what is read is done once it is known. */
bool hosted_asks_string(struct vcpu *v, uint16_t port, unsigned size, bool in, bool repeated)
{
    struct hosted_vm *t = &v->vm->hosted;
    if (!v->vmm->hosted.on || !is_asked(t, port) || (repeated && !v->virt.reg[ECX])) return false;
    if (v->vtx) vtx_need_system(v);
    bool more = in && t->access.in && t->access.string && t->access.port == port && t->access.size == size && t->next < t->count;
    begin(v, port, size, in);
    t->access.string = true;
    t->access.repeated = repeated;
    if (!more) t->count = t->next = 0;
    if (!in || more) {
        iterate_all(v);
        if (!in && t->count) t->why = HOSTED_PORT;
        return true;
    }
    uint32_t most = HOSTED_DATA / size;
    t->count = !repeated ? 1 : v->virt.reg[ECX] < most ? v->virt.reg[ECX] : most;
    t->access.open = true;
    t->why = HOSTED_PORT;
    return true;
}

/* IN, OUT, INS, OUTS by hand: prefixes, and one of two times four opcodes. */
struct found { unsigned length, size; bool in, string, repeated, ok; uint16_t port; };

static struct found find(struct vcpu *v)
{
    enum { INS = 0x6C, IN_IMM = 0xE4, IN_DX = 0xEC };
    uint8_t code[6] = { 0 };
    const struct cpu *c = &v->virt;
    unsigned n = vcpu_peek(v, gva(c->seg[SEG_CS].base + c->eip), ACCESS_EXEC | (c->cpl == 3 ? ACCESS_USER : 0u), code, sizeof code), at = 0;
    struct found f = { .repeated = false };
    bool wide = c->seg[SEG_CS].ar & AR_DB;
    for (; at < n; at++) {
        if (code[at] == 0x66) wide = !(c->seg[SEG_CS].ar & AR_DB);
        else if (code[at] == 0xF2 || code[at] == 0xF3) f.repeated = true;
        else if (code[at] != 0x67 && code[at] != 0x2E && code[at] != 0x36 && code[at] != 0x3E && code[at] != 0x26 && code[at] != 0x64 && code[at] != 0x65) break;
    }
    uint8_t op = at < n ? code[at] : 0, kind = op & 0xFC;
    if (kind == IN_IMM && at + 1 >= n) return f;
    f.size = !(op & 1) ? 1 : wide ? 4 : 2;
    f.in = !(op & 2);
    f.string = kind == INS;
    f.ok = kind == INS || kind == IN_IMM || kind == IN_DX;
    f.port = kind == IN_IMM ? code[at + 1] : (uint16_t)c->reg[EDX];
    f.length = at + 1 + (kind == IN_IMM);
    return f;
}

/* Where the I/O map of the guest's TSS decides, or a trap is due behind the instruction, nobody is asked. */
static bool is_plain(const struct cpu *c)
{
    bool allowed = !(c->cr0 & CR0_PE) || (!(c->eflags & FLAG_VM) && c->cpl <= (c->eflags >> 12 & 3));
    return allowed && !(c->eflags & FLAG_TF) && !debug_ports(c);
}

bool hosted_steps(struct vcpu *v)
{
    if (!v->vmm->hosted.on || !is_plain(&v->virt)) return false;
    struct found f = find(v);
    if (!f.ok) return false;
    if (f.string) return hosted_asks_string(v, f.port, f.size, f.in, f.repeated);
    return hosted_asks(v, f.port, f.size, f.in, f.length);
}

/* ---- there and back */

void hosted_tells(struct hosted_vm *t, struct hosted_record *r)
{
    bool master = t->master && (uint16_t)(t->access.port - t->master) < MASTERS;
    r->port = master ? (uint32_t)MASTER_RECORD + t->access.port - t->master : t->access.port;
    r->size = t->access.size;
    r->in = t->access.in;
    r->value = t->value;
    r->count = t->access.string ? t->count : 0;
}

void hosted_answered(struct vcpu *v, const struct hosted_record *r)
{
    struct hosted_vm *t = &v->vm->hosted;
    if (!t->access.open) return;
    t->access.open = false;
    t->value = r->value;
    t->next = 0;
    t->answering = true;
    if (t->access.string) iterate_all(v);
    else emulate_port(v, t->access.port, t->access.size, t->access.in, t->access.length);
    t->answering = false;
}
