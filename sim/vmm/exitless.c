/* See exitless.h. */
#include "sim/vmm/exitless.h"

#include "sim/vmm/host.h"
#include "sim/vmm/vm.h"
#include "sim/vmm/vtx.h"

enum { COMMAND_1 = 0x20, COMMAND_2 = 0xA0, CASCADE = 2, FIRST_VECTOR = 32, AUTO_EOI = 2 /* of ICW4 */ };
enum { NO_OCW2 = 0x18, EOI = 0x20, SPECIFIC = 0x40 }; /* of a byte to a command port */

static const struct vmm_board *board(const struct vm *vm) { return &vm->vmm->board; }
static struct exitless *of(const struct vm *vm) { return &vm->pass->exitless; }
static struct pic *pair(const struct vm *vm) { return (struct pic *)&vm->devices.pic; }

bool exitless_on(const struct vmm *h) { return h->now->pass && h->now->pass->exitless.on; }

/* ---- the command ports of the virtual pair */

static struct vm *vm_of(const struct device *d) { return ((const struct exitless *)(const void *)d)->vm; }

static uint32_t command_read(struct device *d, uint32_t port, unsigned size)
{
    struct device *pic = &pair(vm_of(d))->device;
    return pic->ops->read(pic, port == COMMAND_2 ? 2 : 0, size);
}

/* An EOI of something that the virtual chip has not in service. */
static bool is_real(const struct pic_chip *c, uint32_t value)
{
    if ((value & NO_OCW2) || !(value & EOI)) return false;
    return value & SPECIFIC ? !(c->isr >> (value & 7) & 1) : !c->isr;
}

static void command_write(struct device *d, uint32_t port, unsigned size, uint32_t value)
{
    struct exitless *x = (struct exitless *)(void *)d;
    struct vm *vm = x->vm;
    struct device *pic = &pair(vm)->device;
    if (!is_real(&pair(vm)->chip[port == COMMAND_2], value)) {
        pic->ops->write(pic, port == COMMAND_2 ? 2 : 0, size, value);
        return;
    }
    x->ends++;
    host_out(vm->vmm, (uint16_t)port, (uint8_t)value);
}

static uint32_t command_peek(const struct device *d, uint32_t port, unsigned size)
{
    const struct device *pic = &pair(vm_of(d))->device;
    return pic->ops->peek(pic, port == COMMAND_2 ? 2 : 0, size);
}

static void command_reset(struct device *d) { (void)d; }

static const struct reg_desc regs[] = { { 0 } };
static const struct device_ops ops = { .name = "pic", .regs = regs, .reset = command_reset, .read = command_read, .write = command_write, .peek = command_peek };

/* ---- */

void exitless_start(struct vm *vm)
{
    struct exitless *x = of(vm);
    if (!board(vm)->setting[SETTING_IO_EXITLESS]) return;
    *x = (struct exitless){ .device = { &ops }, .vm = vm, .on = true };
    bus_take_ports(&vm->bus, &x->device, COMMAND_1, 1);
    bus_take_ports(&vm->bus, &x->device, COMMAND_2, 1);
    host_mask(vm->vmm, IRQ_TIMER, true);
    host_mask(vm->vmm, IRQ_KEYBOARD, true);
    host_mask(vm->vmm, IRQ_UART, true);
}

static bool is_usual(const struct pic_chip *c) { return c->ready && c->icw2 >= FIRST_VECTOR && c->icw2 < WINDOW_IRQ && !(c->icw4 & AUTO_EOI); }

/* Is the second chip still as the firmware left it (vectors 70h)? A kernel that programs one after the other is in between: its next ICW1
 * would reach the real chip, for the command ports are open then, and ICW2 to 4 the virtual one. */
static bool is_pair(const struct pic *p) { return p->chip[1].icw2 == p->chip[0].icw2 + 8; }

/* Has the guest nothing virtual to end, or to take? */
static bool is_free(const struct vcpu *v)
{
    const struct pic *p = pair(v->vm);
    return is_usual(&p->chip[0]) && is_usual(&p->chip[1]) && is_pair(p) && !p->chip[0].isr && !p->chip[1].isr &&
        !v->virt.intr && !v->vtx->event && !v->vm->pass->up;
}

/* The guest's masks of its own devices' lines are the real ones'. */
static void follow_masks(struct vm *vm)
{
    const struct pic *p = pair(vm);
    for (unsigned irq = 0; irq < 16; irq++)
        if (passthrough_owns(vm, irq)) host_mask(vm->vmm, irq, p->chip[irq / 8].imr >> irq % 8 & 1);
}

bool exitless_entry(struct vcpu *v)
{
    struct vm *vm = v->vm;
    if (!vm->pass || !of(vm)->on) return false;
    struct exitless *x = of(vm);
    bool direct = is_free(v);
    if (direct) {
        host_vectors(vm->vmm, pair(vm)->chip[0].icw2 & 0xF8, pair(vm)->chip[1].icw2 & 0xF8);
        follow_masks(vm);
        x->entries++;
    }
    if (direct == x->direct) return direct;
    x->direct = direct;
    vtx_ports(v, COMMAND_1, 1, direct);
    vtx_ports(v, COMMAND_2, 1, direct);
    clock_charge(board(vm)->clock, CAUSE_DISPATCH, 2ull * board(vm)->model->cost[COST_MEM_REF]);
    return direct;
}

uint32_t exitless_timer(const struct vcpu *v)
{
    const struct vmm *h = v->vmm;
    uint64_t at = schedule_deadline(h), now = h->board.clock->now;
    if (at == TIMEQ_NEVER || at <= now) return at == TIMEQ_NEVER ? UINT32_MAX : 1;
    uint64_t n = ((at - now) >> VMX_TIMER_RATE) + 1;
    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}
