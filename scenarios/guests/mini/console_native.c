// A bare PC: the console on COM1 and the VGA text screen, input from COM1 and the keyboard.
//
// Idea: output goes into a queue. Whenever the transmitter is empty it raises IRQ 4 and takes up to 16 bytes at once; so a
// program that prints does not wait, and a hypervisor is not asked for the line status a thousand times a line.
// Manual: PC16550D data sheet; IBM PS/2 technical reference (8042, scan code set 1); VGA: text buffer, 6845 cursor.
// Not here: colours, keypad, cursor keys, lights.
#include "mini/kernel.h"
#include "mini/native.h"

enum {
    COM1 = 0x3F8,
    DATA = COM1 + 0,
    INTERRUPT_ENABLE = COM1 + 1,
    INTERRUPT_ID = COM1 + 2,
    MODEM_CONTROL = COM1 + 4,
    LINE_STATUS = COM1 + 5,
    RECEIVED = 0x01, // line status: a byte is waiting
    EMPTY = 0x20,    // the transmitter's queue is empty
    SENT = 0x40,     // and the last bit is out
    OPEN_GATE = 0x0B, // DTR, RTS, and OUT2, which on a PC connects the chip's interrupt to IRQ 4
    ON_RECEIVED = 0x01, ON_EMPTY = 0x02, // interrupt enable
    FIFO = 16,
    IRQ_COM1 = 4,
    IRQ_KEYBOARD = 1,
    QUEUE = 4096,
};

static char queue[QUEUE];
static uint32_t queue_in, queue_out; // free-running
static bool interrupts;              // IRQ 4 empties the queue

static void send(void) // some of the queue, if the transmitter is empty
{
    if ((inb(LINE_STATUS) & EMPTY) == 0) return;
    for (int i = 0; i < FIFO && queue_out != queue_in; i++) outb(DATA, (uint8_t)queue[queue_out++ % QUEUE]);
}

static void on_serial(void)
{
    inb(INTERRUPT_ID); // acknowledges "empty"
    while (inb(LINE_STATUS) & RECEIVED) kernel_input((char)inb(DATA));
    send();
    outb(INTERRUPT_ENABLE, queue_out != queue_in ? ON_RECEIVED | ON_EMPTY : ON_RECEIVED);
}

// ---- VGA text ------------------------------------------------------------------------------------------------------

enum { COLUMNS = 80, ROWS = 25, GREY = 0x0700, CRTC = 0x3D4, CURSOR_HIGH = 14, CURSOR_LOW = 15 };
static uint32_t column, row;

static volatile uint16_t *screen(void) { return physical_to_kernel(0xB8000); }

static void screen_scroll(void)
{
    volatile uint16_t *cell = screen();
    for (uint32_t i = 0; i < COLUMNS * (ROWS - 1); i++) cell[i] = cell[i + COLUMNS];
    for (uint32_t i = COLUMNS * (ROWS - 1); i < COLUMNS * ROWS; i++) cell[i] = GREY | ' ';
    row = ROWS - 1;
}

static void screen_put(char c)
{
    if (c == '\n') column = 0, row++;
    else if (c == '\r') column = 0;
    else if (c == '\b') column -= column > 0;
    else screen()[row * COLUMNS + column++] = (uint16_t)(GREY | (uint8_t)c);
    if (column == COLUMNS) column = 0, row++;
    if (row == ROWS) screen_scroll();
}

static void screen_cursor(void)
{
    uint32_t at = row * COLUMNS + column;
    outb(CRTC, CURSOR_HIGH);
    outb(CRTC + 1, (uint8_t)(at >> 8));
    outb(CRTC, CURSOR_LOW);
    outb(CRTC + 1, (uint8_t)at);
}

// ---- Keyboard --------------------------------------------------------------------------------------------------------

enum { KEYBOARD_DATA = 0x60, KEYBOARD_STATUS = 0x64, RELEASED = 0x80, LEFT_SHIFT = 0x2A, RIGHT_SHIFT = 0x36, CONTROL = 0x1D };
static const char plain[] = "\0\0331234567890-=\b\tqwertyuiop[]\n\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shifted[] = "\0\033!@#$%^&*()_+\b\tQWERTYUIOP{}\n\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";
static bool shift, control;

static void key(uint8_t code)
{
    uint8_t make = code & (uint8_t)~RELEASED;
    bool down = (code & RELEASED) == 0;
    if (make == LEFT_SHIFT || make == RIGHT_SHIFT) shift = down;
    else if (make == CONTROL) control = down;
    else if (down && make < sizeof plain - 1) {
        char c = (shift ? shifted : plain)[make];
        if (c) kernel_input(control ? (char)(c & 0x1F) : c);
    }
}

static void on_keyboard(void)
{
    while (inb(KEYBOARD_STATUS) & 1) key(inb(KEYBOARD_DATA));
}

// ---- Together ------------------------------------------------------------------------------------------------------

void console_init(void)
{
    serial_init();
    for (uint32_t i = 0; i < COLUMNS * ROWS; i++) screen()[i] = GREY | ' ';
}

void console_interrupts(void)
{
    irq_install(IRQ_COM1, on_serial);
    irq_install(IRQ_KEYBOARD, on_keyboard);
    on_keyboard(); // whatever was typed before
    outb(MODEM_CONTROL, OPEN_GATE);
    outb(INTERRUPT_ENABLE, ON_RECEIVED);
    interrupts = true;
}

static void put(char c)
{
    while (queue_in - queue_out == QUEUE) send(); // full: nobody may be sent to sleep here
    queue[queue_in++ % QUEUE] = c;
}

void console_out(const char *text, uint32_t size)
{
    irq_state saved = critical_enter();
    for (uint32_t i = 0; i < size; i++) {
        put(text[i]);
        screen_put(text[i]);
    }
    screen_cursor();
    if (interrupts) outb(INTERRUPT_ENABLE, ON_RECEIVED | ON_EMPTY); // raises IRQ 4 at once if it is empty now
    else console_drain();
    critical_leave(saved);
}

void console_drain(void)
{
    while (queue_in != queue_out) send();
    while ((inb(LINE_STATUS) & SENT) == 0) {}
}
