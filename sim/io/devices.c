/* See devices.h. */
#include "sim/io/devices.h"

#include <string.h>

/* The A20 gate opens for either of its two inputs. */
static void a20_input(void *self, unsigned n, bool level)
{
    struct devices *d = self;
    uint8_t before = d->a20_open, bit = (uint8_t)(1u << n);
    d->a20_open = (uint8_t)(level ? before | bit : before & ~bit);
    if (!before != !d->a20_open) irq_set(&d->a20, d->a20_open);
}

static struct irq_line reset_line(const struct devices_wiring *w, unsigned kind)
{
    return (struct irq_line){ w->reset.set, w->reset.self, w->reset.n + kind };
}

bool devices_init(struct devices *d, struct bus *b, struct timeq *q, const struct devices_wiring *w, struct err *e)
{
    pic_init(&d->pic, w->intr);
    pit_init(&d->pit, q, pic_line(&d->pic, IRQ_TIMER));
    uart_init(&d->uart, q, pic_line(&d->pic, IRQ_UART), w->serial);
    debug_exit_init(&d->exit, w->stop, w->stop_self);
    debug_console_init(&d->console, w->console);
    vga_init(&d->vga, b->clock);
    d->a20 = w->a20;
    d->a20_open = 0;
    kbc_init(&d->kbc, q, pic_line(&d->pic, IRQ_KEYBOARD), pic_line(&d->pic, IRQ_MOUSE), (struct irq_line){ a20_input, d, 0 },
             reset_line(w, RESET_CPU));
    port92_init(&d->port92, (struct irq_line){ a20_input, d, 1 }, reset_line(w, RESET_CPU));
    post_init(&d->post);
    cmos_init(&d->cmos, q, pic_line(&d->pic, IRQ_RTC), w->epoch, (uint64_t)b->frames * PAGE_SIZE);
    pci_init(&d->pci, reset_line(w, RESET_CPU), reset_line(w, RESET_BOARD));
    pm_init(&d->pm, q, pic_line(&d->pic, IRQ_SCI), w->off);
    d->uart.char_cycles_max = DEVICES_CHAR_CYCLES;
    d->pic.trace = w->trace; /* only now: what power-on does to the wires is no event */
    d->pic.is_virtual = w->is_virtual;

    struct device *all[DEVICE_COUNT] = { &d->pic.device, &d->pit.device, &d->uart.device, &d->exit.device,
                                         &d->console.device, &d->vga.device,
                                         &d->kbc.device, &d->port92.device, &d->post.device, &d->cmos.device, &d->pci.device, &d->pm.device };
    for (unsigned i = 0; i < DEVICE_COUNT; i++) d->list[i] = (struct device_entry){ all[i]->ops->name, all[i] };

    return pic_attach(&d->pic, b, e) && pit_attach(&d->pit, b, e) && uart_attach(&d->uart, b, UART_BASE, e) &&
           debug_exit_attach(&d->exit, b, e) && debug_console_attach(&d->console, b, e) &&
           vga_attach(&d->vga, b, e) && kbc_attach(&d->kbc, b, e) && port92_attach(&d->port92, b, e) &&
           post_attach(&d->post, b, e) && cmos_attach(&d->cmos, b, e) && pci_attach(&d->pci, b, e) &&
           pm_attach(&d->pm, b, e);
}

void devices_reset(struct devices *d)
{
    for (unsigned i = 0; i < DEVICE_COUNT; i++) d->list[i].device->ops->reset(d->list[i].device);
}

struct device *devices_find(const struct devices *d, const char *name)
{
    for (unsigned i = 0; i < DEVICE_COUNT; i++)
        if (!strcmp(d->list[i].name, name)) return d->list[i].device;
    return NULL;
}
