// A serial line for each virtual machine: the ports of a card that has many, and no interrupt. Linked into mini-host.elf only.
//
// Idea: what a process writes goes into its line's queue, and a line whose transmitter is empty takes the 16 characters that its FIFO has
// room for. The process does that itself whenever it is in the kernel; for one that stays away the timer does.
// Manual: PC16550D data sheet.
// What is typed is read by the timer, if the kernel was told that somebody types (input=1), and is the first virtual machine's.
// Not here: input for the others, its interrupt.
#include "mini/kernel.h"
#include "mini/driver.h"
#include "mini/hosting.h"

enum { CARD = 0xD000, PORTS = 8, DATA = 0, ENABLE = 1, FIFO_CONTROL = 2, LINE_CONTROL = 3, MODEM = 4, LINE_STATUS = 5 };
enum { EMPTY = 0x20, SENT = 0x40, FIFO = 16, QUEUE = 2048, SOON = 2, LONG = 4 /* ticks */, READY = 1, TYPED = 256 };

static struct line {
    char queue[QUEUE];
    uint32_t in, out; // free-running
    uint32_t sent_at; // ticks
} lines[HOSTING_VMS];
static uint32_t count;
static struct {
    uint8_t queue[TYPED];
    uint32_t in, out; // free-running
    bool told;        // the process knows that there is something
} typed;

static uint16_t port(const struct line *l, unsigned reg) { return (uint16_t)(CARD + (l - lines) * PORTS + reg); }

// After a while since the last characters: asking too early takes longer than waiting.
static void send(struct line *l, uint32_t patience)
{
    if (l->in == l->out || ticks - l->sent_at < patience || !(inb(port(l, LINE_STATUS)) & EMPTY)) return;
    for (int i = 0; i < FIFO && l->in != l->out; i++) outb(port(l, DATA), (uint8_t)l->queue[l->out++ % QUEUE]);
    l->sent_at = ticks;
}

static void receive(void)
{
    for (int i = 0; i < FIFO && typed.in - typed.out < TYPED && (inb(port(lines, LINE_STATUS)) & READY); i++)
        typed.queue[typed.in++ % TYPED] = inb(port(lines, DATA));
}

bool lines_news(uint32_t line)
{
    if (line || typed.told || typed.in == typed.out) return false;
    return typed.told = true;
}

int lines_read(uint32_t line)
{
    irq_state saved = critical_enter();
    int c = line || typed.in == typed.out ? -1 : typed.queue[typed.out++ % TYPED];
    if (c < 0) typed.told = false;
    critical_leave(saved);
    return c;
}

static void on_timer(void)
{
    kernel_tick();
    if (kernel_option("input")) receive();
    for (struct line *l = lines; l < lines + count; l++) send(l, LONG);
}

void lines_init(uint32_t n)
{
    count = n;
    for (struct line *l = lines; l < lines + n; l++) {
        outb(port(l, LINE_CONTROL), 0x80); // the divisor: 115200 bits a second
        outb(port(l, DATA), 1);
        outb(port(l, ENABLE), 0);
        outb(port(l, LINE_CONTROL), 3);    // 8 bits, no parity, one stop bit
        outb(port(l, FIFO_CONTROL), 7);    // on, both emptied
        if (kernel_option("input")) outb(port(l, MODEM), 3); // whoever types may
    }
    irq_install(0, on_timer);
}

static void put(struct line *l, char c)
{
    irq_state saved = critical_enter();
    while (l->in - l->out == QUEUE) { // full: another one's turn, until a tick has sent some
        send(l, 0);
        if (l->in - l->out == QUEUE) sched_switch();
    }
    l->queue[l->in++ % QUEUE] = c;
    critical_leave(saved);
}

void lines_send(uint32_t line)
{
    irq_state saved = critical_enter();
    send(&lines[line], SOON);
    critical_leave(saved);
}

int lines_write(uint32_t line, uint32_t record)
{
    struct vm_text t;
    if (!space_read(&current->space, record, &t.size, sizeof t.size) || t.size > sizeof t.text) return E_INVAL;
    if (!space_read(&current->space, record + offsetof(struct vm_text, text), t.text, t.size)) return E_FAULT;
    for (uint32_t i = 0; i < t.size; i++) put(&lines[line], t.text[i]);
    lines_send(line);
    return 0;
}

void lines_drain(void)
{
    for (struct line *l = lines; l < lines + count; l++) {
        while (l->in != l->out) send(l, 0);
        while (!(inb(port(l, LINE_STATUS)) & SENT)) {}
    }
}
