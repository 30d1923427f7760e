/* See host.h. 8259A, 8254 and PC16550D data sheets for the ports. */
#include "sim/vmm/host.h"

#include "sim/io/serial_card.h"
#include "sim/vmm/paravirt.h"
#include "sim/vmm/vm.h"

enum { PIC1 = 0x20, PIC2 = 0xA0, ELCR = 0x4D0, PIT0 = 0x40, PIT_MODE = 0x43, KBC = 0x60, COM1 = 0x3F8, CONSOLE = 0xE9 };
enum { MASKED = 0xFFEC /* all but IRQ 0, 1 and 4 */, CASCADE = 2 };
enum { PIT_ONE_SHOT = 0x30 /* counter 0, low then high byte, mode 0 */, PIT_MOST = 0xFFFF };

static void out(struct vmm *h, uint16_t port, uint8_t value)
{
    uint8_t old = clock_cause(h->board.clock, CAUSE_DEVICE);
    bus_out(h->board.bus, port, 1, value);
    clock_cause(h->board.clock, old);
}

static uint8_t in(struct vmm *h, uint16_t port)
{
    uint8_t old = clock_cause(h->board.clock, CAUSE_DEVICE);
    uint8_t v = (uint8_t)bus_in(h->board.bus, port, 1);
    clock_cause(h->board.clock, old);
    return v;
}

static uint16_t line_of(const struct vm *vm) { return vm->id ? (uint16_t)(SERIAL_CARD_BASE + (vm->id - 1) * UART_PORTS) : COM1; }

void host_init(struct vmm *h)
{
    static const struct { uint16_t port; uint8_t value; } program[] = {
        { PIC1, 0x11 }, { PIC1 + 1, WINDOW_IRQ }, { PIC1 + 1, 0x04 }, { PIC1 + 1, 0x01 },     /* ICW1-4 */
        { PIC2, 0x11 }, { PIC2 + 1, WINDOW_IRQ + 8 }, { PIC2 + 1, 0x02 }, { PIC2 + 1, 0x01 },
        { PIC1 + 1, (uint8_t)MASKED }, { PIC2 + 1, MASKED >> 8 },
    };
    static const struct { uint8_t offset, value; } line[] = {
        { 3, 0x80 }, { 0, 1 }, { 1, 0 }, { 3, 0x03 },                                         /* 115200 8N1 */
        { 2, 0x07 }, { 4, 0x0B }, { 1, 0x01 },                                                /* FIFO, OUT2, receive interrupt */
    };
    h->irq_vector[0] = WINDOW_IRQ; /* a host's, too */
    h->irq_vector[1] = WINDOW_IRQ + 8;
    if (h->hosted.on) return; /* they are the host's */
    for (unsigned i = 0; i < sizeof program / sizeof program[0]; i++) out(h, program[i].port, program[i].value);
    for (unsigned n = 0; n < h->vms; n++)
        for (unsigned i = 0; i < sizeof line / sizeof line[0]; i++) out(h, (uint16_t)(line_of(&h->vm[n]) + line[i].offset), line[i].value);
    h->timer_at = TIMEQ_NEVER;
    h->irq_mask = MASKED;
}

void host_out(struct vmm *h, uint16_t port, uint8_t value) { out(h, port, value); }

void host_vectors(struct vmm *h, uint8_t first, uint8_t second)
{
    if (h->irq_vector[0] == first && h->irq_vector[1] == second) return;
    const struct { uint16_t port; uint8_t value; } program[] = {
        { PIC1, 0x11 }, { PIC1 + 1, first }, { PIC1 + 1, 0x04 }, { PIC1 + 1, 0x01 }, { PIC2, 0x11 }, { PIC2 + 1, second }, { PIC2 + 1, 0x02 },
        { PIC2 + 1, 0x01 }, { PIC1 + 1, (uint8_t)h->irq_mask }, { PIC2 + 1, (uint8_t)(h->irq_mask >> 8) },
    };
    for (unsigned i = 0; i < sizeof program / sizeof program[0]; i++) out(h, program[i].port, program[i].value);
    h->irq_vector[0] = first;
    h->irq_vector[1] = second;
}

int host_irq(const struct vmm *h, uint32_t vector)
{
    for (unsigned chip = 0; chip < 2; chip++)
        if (vector - h->irq_vector[chip] < 8) return (int)(8 * chip + vector - h->irq_vector[chip]);
    return -1;
}

void host_mask(struct vmm *h, unsigned irq, bool masked)
{
    uint16_t bit = (uint16_t)(1u << irq), was = h->irq_mask;
    h->irq_mask = (uint16_t)(masked ? was | bit : was & ~bit);
    if (irq >= 8 && !masked) h->irq_mask &= (uint16_t)~(1u << CASCADE);
    if ((h->irq_mask ^ was) & 0xFF) out(h, PIC1 + 1, (uint8_t)h->irq_mask);
    if ((h->irq_mask ^ was) >> 8) out(h, PIC2 + 1, (uint8_t)(h->irq_mask >> 8));
}

void host_by_level(struct vmm *h, unsigned irq, bool level)
{
    uint16_t port = (uint16_t)(ELCR + irq / 8);
    uint8_t bit = (uint8_t)(1u << irq % 8), was = in(h, port);
    out(h, port, level ? was | bit : was & (uint8_t)~bit);
}

/* IRR, which the chips show unless told otherwise, follows such an input. */
bool host_line(struct vmm *h, unsigned irq) { return in(h, irq < 8 ? PIC1 : PIC2) >> irq % 8 & 1; }

void host_timer(struct vmm *h, uint64_t when)
{
    const struct clock *c = h->board.clock;
    if (h->hosted.on || when == TIMEQ_NEVER || when == h->timer_at) return; /* a timer that fires for nothing does no harm */
    if (h->vms > 1 && h->timer_at < when && h->timer_at > c->now) return; /* nor too soon: deadlines come and go with the VMs */
    uint64_t cycles = when > c->now ? when - c->now : 1;
    uint64_t most = (uint64_t)PIT_MOST * c->hz / PIT_HZ;
    if (cycles >= most && h->timer_at != TIMEQ_NEVER) return; /* what is armed fires before */
    uint64_t ticks = cycles >= most ? PIT_MOST : (cycles * PIT_HZ + c->hz - 1) / c->hz;
    if (!ticks) ticks = 1;
    h->timer_at = cycles >= most ? c->now + most : when;
    out(h, PIT_MODE, PIT_ONE_SHOT);
    out(h, PIT0, (uint8_t)ticks);
    out(h, PIT0, (uint8_t)(ticks >> 8));
}

/* The VM's UART takes characters when it has room; meanwhile they wait in the real one, whose line waits, too. */
bool host_serial_get(void *vm, uint8_t *byte)
{
    struct vmm *h = ((struct vm *)vm)->vmm;
    if (vm != h->vm) return false; /* nobody types on the others' lines */
    if (!(in(h, COM1 + 5) & 1)) return false;
    *byte = in(h, COM1);
    return true;
}

/* The real controller translates to set 1, as it does from power-on; the VM's gets the key, and speaks as its guest likes. */
static void keyboard(struct vmm *h)
{
    uint8_t byte = in(h, KBC);
    if (byte == 0xE0) {
        h->key_prefix = byte;
        return;
    }
    kbc_key(&h->vm->devices.kbc, (uint16_t)(h->key_prefix << 8 | (byte & 0x7F)), !(byte & 0x80));
    h->key_prefix = 0;
}

void host_interrupt(struct vmm *h, uint8_t vector)
{
    if (h->hosted.on) {
        hosted_interrupt(h, vector);
        return;
    }
    unsigned irq = (unsigned)host_irq(h, vector);
    if (irq == IRQ_TIMER) h->timer_at = TIMEQ_NEVER;
    if (irq == IRQ_KEYBOARD) keyboard(h);
    if (irq == IRQ_UART && h->vm->vcpu.pv) pv_console_input(h->vm->vcpu.pv);
    else if (irq == IRQ_UART) uart_listen(&h->vm->devices.uart);
    for (unsigned n = 0; n < h->vms && !h->vm[n].io->interrupt(&h->vm[n], irq); n++) continue;
    h->schedule.look = true; /* it may be for a VM that sleeps */
    if (irq >= 8) out(h, PIC2, 0x20);
    out(h, PIC1, 0x20);
}

/* OCW3's poll command: the read that follows is the acknowledge. */
static int poll_chip(struct vmm *h, uint16_t port)
{
    enum { POLL = 0x0C, REQUEST = 0x80 };
    out(h, port, POLL);
    uint8_t answer = in(h, port);
    return answer & REQUEST ? answer & 7 : -1;
}

void host_poll(struct vmm *h)
{
    int irq = poll_chip(h, PIC1);
    if (irq == CASCADE) irq = 8 + poll_chip(h, PIC2);
    if (irq >= 0) host_interrupt(h, (uint8_t)(h->irq_vector[irq / 8] + irq % 8));
}

void host_serial(void *vm, uint8_t byte)
{
    struct vmm *h = ((struct vm *)vm)->vmm;
    uint16_t line = line_of(vm);
    struct timeq *board = h->board.cpu->env.timers;
    while (!(in(h, line + 5) & 0x20)) { /* we poll until the transmitter is ready: time passes on the device's account */
        const struct clock *c = h->board.clock;
        uint64_t next = timeq_next(board);
        if (next != TIMEQ_NEVER && next > c->now) clock_charge(h->board.clock, CAUSE_DEVICE, next - c->now);
        timeq_run(board);
    }
    out(h, line, byte);
}

/* The real one is one, and so the first VM's; the others' goes where their serial line does. */
void host_console(void *vm, uint8_t byte)
{
    const struct vm *self = vm;
    if (self->id) host_serial(vm, byte);
    else out(self->vmm, CONSOLE, byte);
}
