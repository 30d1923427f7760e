/* See debug.h. */
#include "sim/io/debug.h"

enum { PORT_EXIT = 0xF4, PORT_CONSOLE = 0xE9, PORT_CONSOLE_2 = 0x402 };

static void exit_reset(struct device *d)
{
    struct debug_exit *x = (struct debug_exit *)d;
    x->value = x->written = 0;
}

static void exit_write(struct device *d, uint32_t offset, unsigned size, uint32_t value)
{
    (void)size;
    struct debug_exit *x = (struct debug_exit *)d;
    if (offset) return;
    x->value = value;
    x->written = 1;
    if (x->stop) x->stop(x->self, value);
}

static uint32_t exit_peek(const struct device *d, uint32_t offset, unsigned size)
{
    (void)d, (void)offset, (void)size;
    return UINT32_MAX; /* write-only: nobody drives the bus */
}

static uint32_t exit_read(struct device *d, uint32_t offset, unsigned size) { return exit_peek(d, offset, size); }

static const struct reg_desc exit_regs[] = {
    { "value", offsetof(struct debug_exit, value), 4, 32, "last value written; 0: success" },
    { "written", offsetof(struct debug_exit, written), 1, 1, "1: the guest has ended the run" },
    { 0 },
};

static const struct device_ops exit_ops = {
    .name = "exit", .regs = exit_regs, .reset = exit_reset, .read = exit_read, .write = exit_write, .peek = exit_peek,
};

static void console_reset(struct device *d) { ((struct debug_console *)d)->last = 0; }

static void console_write(struct device *d, uint32_t offset, unsigned size, uint32_t value)
{
    (void)offset, (void)size; /* the window is one port wide: every access is a byte */
    struct debug_console *c = (struct debug_console *)d;
    c->last = (uint8_t)value;
    if (c->sink.put) c->sink.put(c->sink.self, c->last);
}

static uint32_t console_peek(const struct device *d, uint32_t offset, unsigned size)
{
    (void)d, (void)offset, (void)size;
    return PORT_CONSOLE; /* how a guest finds out that it is there */
}

static uint32_t console_read(struct device *d, uint32_t offset, unsigned size) { return console_peek(d, offset, size); }

static const struct reg_desc console_regs[] = {
    { "last", offsetof(struct debug_console, last), 1, 8, "last character written" },
    { 0 },
};

static const struct device_ops console_ops = {
    .name = "console", .regs = console_regs, .reset = console_reset,
    .read = console_read, .write = console_write, .peek = console_peek,
};

void debug_exit_init(struct debug_exit *d, void (*stop)(void *self, uint32_t value), void *self)
{
    *d = (struct debug_exit){ .device = { &exit_ops }, .stop = stop, .self = self };
}

bool debug_exit_attach(struct debug_exit *d, struct bus *b, struct err *e)
{
    return bus_attach(b, BUS_PORT, PORT_EXIT, 4, 0, &d->device, e);
}

void debug_console_init(struct debug_console *d, struct serial_sink sink)
{
    *d = (struct debug_console){ .device = { &console_ops }, .sink = sink };
}

bool debug_console_attach(struct debug_console *d, struct bus *b, struct err *e)
{
    return bus_attach(b, BUS_PORT, PORT_CONSOLE, 1, 0, &d->device, e) &&
           bus_attach(b, BUS_PORT, PORT_CONSOLE_2, 1, 0, &d->device, e);
}
