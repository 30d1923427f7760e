/* See kbc.h. The controller's side; kbc_unit.c has the keyboard and the mouse. */
#include "sim/io/kbc.h"

#include "sim/io/kbc_unit.h"

enum { PORT_DATA = 0, PORT_COMMAND = 4 };
enum { CB_IRQ1 = 0x01, CB_IRQ12 = 0x02, CB_SYSTEM = 0x04, CB_NO_KEYBOARD = 0x10, CB_NO_AUX = 0x20, CB_TRANSLATE = 0x40 };
enum { ST_FULL = 0x01, ST_COMMAND = 0x08, ST_UNLOCKED = 0x10, ST_AUX = 0x20 };
enum { OUT_NO_RESET = 0x01, OUT_A20 = 0x02, OUT_IRQ1 = 0x10, OUT_IRQ12 = 0x20, OUT_IDLE = 0xC0 };
enum { INPUT_PORT = 0xB0 /* not locked, colour display, no manufacturing jumper */, BYTE_CYCLES = 2000 };

static void drive(const struct kbc *k)
{
    irq_set(&k->irq1, k->full && !k->aux && (k->ram[0] & CB_IRQ1));
    irq_set(&k->irq12, k->full && k->aux && (k->ram[0] & CB_IRQ12));
}

static void fill(struct kbc *k, uint8_t value, bool aux)
{
    k->out = value;
    k->full = 1;
    k->aux = aux;
    drive(k);
}

/* The keyboard's next byte, translated. False if there is none, or only the F0 that will mark the next one. */
static bool next_key(struct kbc *k, uint8_t *value)
{
    while (k->keyboard.count) {
        *value = kbc_unit_take(&k->keyboard);
        if (!(k->ram[0] & CB_TRANSLATE)) return true;
        if (*value == KBC_RELEASE) {
            k->released = 0x80;
            continue;
        }
        *value = kbc_translate(*value) | k->released;
        k->released = 0;
        return true;
    }
    return false;
}

static bool waiting(const struct kbc *k)
{
    return (k->keyboard.count && !(k->ram[0] & CB_NO_KEYBOARD)) || (k->mouse.count && !(k->ram[0] & CB_NO_AUX));
}

/* Replies at once, bytes from the wires after their time. */
static void pump(struct kbc *k)
{
    if (!k->full && k->replying) {
        k->replying = 0;
        fill(k, k->reply, k->reply_aux);
    }
    if (!k->full && waiting(k) && !k->timer.armed) timeq_arm(k->q, &k->timer, k->q->clock->now + k->byte_cycles);
}

static void fire(void *self, uint64_t when)
{
    (void)when;
    struct kbc *k = self;
    uint8_t value;
    if (k->full) return;
    if (!(k->ram[0] & CB_NO_KEYBOARD) && next_key(k, &value)) fill(k, value, false);
    else if (!(k->ram[0] & CB_NO_AUX) && k->mouse.count) fill(k, kbc_unit_take(&k->mouse), true);
}

static void reply(struct kbc *k, uint8_t value, bool aux)
{
    k->reply = value;
    k->reply_aux = aux;
    k->replying = 1;
}

static void set_outport(struct kbc *k, uint8_t value)
{
    k->outport = value & (OUT_NO_RESET | OUT_A20);
    irq_set(&k->a20, value & OUT_A20);
    if (!(value & OUT_NO_RESET)) irq_set(&k->reset, true);
}

static uint8_t outport_pins(const struct kbc *k)
{
    bool irq1 = k->full && !k->aux, irq12 = k->full && k->aux;
    return (uint8_t)(OUT_IDLE | k->outport | (irq1 ? OUT_IRQ1 : 0) | (irq12 ? OUT_IRQ12 : 0));
}

static void set_command_byte(struct kbc *k, uint8_t value)
{
    k->ram[0] = value;
    drive(k);
}

static void command(struct kbc *k, uint8_t c)
{
    k->expect = 0;
    switch (c) {
    case 0xA4: reply(k, 0xF1, false); break; /* no password installed */
    case 0xA7: set_command_byte(k, k->ram[0] | CB_NO_AUX); break;
    case 0xA8: set_command_byte(k, k->ram[0] & (uint8_t)~CB_NO_AUX); break;
    case 0xA9: case 0xAB: reply(k, 0x00, false); break; /* the wires are good */
    case 0xAA:
        set_command_byte(k, k->ram[0] | CB_SYSTEM);
        reply(k, 0x55, false);
        break;
    case 0xAD: set_command_byte(k, k->ram[0] | CB_NO_KEYBOARD); break;
    case 0xAE: set_command_byte(k, k->ram[0] & (uint8_t)~CB_NO_KEYBOARD); break;
    case 0xC0: reply(k, INPUT_PORT, false); break;
    case 0xD0: reply(k, outport_pins(k), false); break;
    case 0xD1: case 0xD2: case 0xD3: case 0xD4: k->expect = c; break;
    case 0xDD: set_outport(k, k->outport & (uint8_t)~OUT_A20); break;
    case 0xDF: set_outport(k, k->outport | OUT_A20); break;
    case 0xE0: reply(k, k->ram[0] & CB_NO_KEYBOARD ? 0x02 : 0x03, false); break; /* clock (held low when off), data */
    default:
        if (c >= 0x20 && c < 0x40) reply(k, k->ram[c & 0x1F], false);
        else if (c >= 0x60 && c < 0x80) k->expect = c;
        else if (c >= 0xF0 && !(c & OUT_NO_RESET)) irq_set(&k->reset, true); /* zeros are pulsed low for 6 us */
    }
}

static void data(struct kbc *k, uint8_t value)
{
    uint8_t c = k->expect;
    k->expect = 0;
    switch (c) {
    case 0xD1: set_outport(k, value); break;
    case 0xD2: reply(k, value, false); break;
    case 0xD3: reply(k, value, true); break;
    case 0xD4:
        set_command_byte(k, k->ram[0] & (uint8_t)~CB_NO_AUX);
        kbc_mouse_command(&k->mouse, value);
        break;
    case 0x60: set_command_byte(k, value); break;
    case 0x00: /* for the keyboard; sending to it enables it */
        set_command_byte(k, k->ram[0] & (uint8_t)~CB_NO_KEYBOARD);
        kbc_keyboard_command(&k->keyboard, value);
        break;
    default: k->ram[c & 0x1F] = value;
    }
}

static void kbc_write(struct device *d, uint32_t offset, unsigned size, uint32_t value)
{
    (void)size; /* both windows are one port wide */
    struct kbc *k = (struct kbc *)d;
    k->command_last = offset == PORT_COMMAND;
    if (offset == PORT_COMMAND) command(k, (uint8_t)value);
    else data(k, (uint8_t)value);
    pump(k);
}

static uint32_t kbc_peek(const struct device *d, uint32_t offset, unsigned size)
{
    (void)size;
    const struct kbc *k = (const struct kbc *)d;
    if (offset == PORT_DATA) return k->out;
    return ST_UNLOCKED | (k->full ? ST_FULL : 0u) | (k->full && k->aux ? ST_AUX : 0u) | (k->ram[0] & CB_SYSTEM) |
           (k->command_last ? ST_COMMAND : 0u);
}

static uint32_t kbc_read(struct device *d, uint32_t offset, unsigned size)
{
    struct kbc *k = (struct kbc *)d;
    uint32_t v = kbc_peek(d, offset, size);
    if (offset != PORT_DATA || !k->full) return v; /* an empty buffer still reads as what was in it last */
    k->full = 0;
    drive(k);
    pump(k);
    return v;
}

static void kbc_reset(struct device *d)
{
    struct kbc *k = (struct kbc *)d;
    timeq_cancel(k->q, &k->timer);
    *k = (struct kbc){ .device = k->device, .q = k->q, .irq1 = k->irq1, .irq12 = k->irq12, .a20 = k->a20, .reset = k->reset,
                       .timer = { .fire = fire, .self = k }, .byte_cycles = k->byte_cycles,
                       .ram = { CB_TRANSLATE | CB_NO_AUX | CB_SYSTEM | CB_IRQ1 }, .outport = OUT_NO_RESET | OUT_A20 };
    kbc_keyboard_init(&k->keyboard);
    kbc_mouse_init(&k->mouse);
    irq_set(&k->a20, true);
    drive(k);
}

void kbc_key(struct kbc *k, uint16_t key, bool down)
{
    kbc_keyboard_key(&k->keyboard, key, down);
    pump(k);
}

#define ROW(name, field, bits, about) { name, offsetof(struct kbc, field), 1, bits, about }
static const struct reg_desc regs[] = {
    ROW("command", ram[0], 8, "command byte: interrupts, who is off, translation"),
    ROW("out", out, 8, "output buffer"),
    ROW("full", full, 1, "output buffer full"),
    ROW("aux", aux, 1, "1: by the mouse"),
    ROW("outport", outport, 2, "output port: bit 1 A20, bit 0 not reset"),
    ROW("expect", expect, 8, "command whose data comes next at port 60"),
    ROW("keys", keyboard.count, 5, "bytes the keyboard has still to send"),
    ROW("leds", keyboard.leds, 3, "keyboard lamps: caps, num, scroll"),
    { 0 },
};

static const struct device_ops ops = {
    .name = "kbc", .regs = regs, .reset = kbc_reset, .read = kbc_read, .write = kbc_write, .peek = kbc_peek,
};

void kbc_init(struct kbc *k, struct timeq *q, struct irq_line irq1, struct irq_line irq12, struct irq_line a20,
              struct irq_line reset)
{
    *k = (struct kbc){ .device = { &ops }, .q = q, .irq1 = irq1, .irq12 = irq12, .a20 = a20, .reset = reset,
                       .byte_cycles = BYTE_CYCLES };
    kbc_reset(&k->device);
}

bool kbc_attach(struct kbc *k, struct bus *b, struct err *e)
{
    return bus_attach(b, BUS_PORT, 0x60, 1, PORT_DATA, &k->device, e) &&
           bus_attach(b, BUS_PORT, 0x64, 1, PORT_COMMAND, &k->device, e);
}
