// The console: kernel messages, the end with a message, and lines typed by a person.
//
// Idea: input is edited here (echo, backspace) and becomes readable when a line is complete; control-D at its beginning is
// the end of the file.
// Not here: control characters for processes, more than one console.
#include "mini/kernel.h"

enum { LINE = 1024, END_OF_FILE = 4 };

static char input[LINE];                                   // a ring; indices run freely
static uint32_t input_read, input_complete, input_written; // read <= complete <= written
static bool panicking;
uint32_t panic_status = 1;

struct buffer {
    char text[256];
    uint32_t size;
};

static void buffer_put(void *to, char c)
{
    struct buffer *b = to;
    if (b->size < sizeof b->text) b->text[b->size++] = c;
}

void kprintf(const char *format, ...)
{
    struct buffer b = { .size = 0 };
    va_list arguments;
    va_start(arguments, format);
    text_format(buffer_put, &b, format, arguments);
    va_end(arguments);
    console_out(b.text, b.size);
}

void panic(const char *format, ...)
{
    struct buffer b = { .size = 0 };
    va_list arguments;
    irq_disable();
    critical_checks = false;
    if (panicking) arch_off(2); // the way out panics: leave at once
    panicking = true;
    va_start(arguments, format);
    text_format(buffer_put, &b, format, arguments);
    va_end(arguments);
    console_out("panic: ", 7);
    console_out(b.text, b.size);
    console_out("\n", 1);
    arch_off(panic_status);
}

static bool erase(void)
{
    if (input_written == input_complete) return false;
    input_written--;
    console_out("\b \b", 3);
    return true;
}

void kernel_input(char c)
{
    if (c == '\r') c = '\n';
    if (c == '\b' || c == 0x7F) {
        erase();
        return;
    }
    if (input_written - input_read == LINE) return; // nobody reads: lost
    input[input_written++ % LINE] = c;
    if (c != END_OF_FILE) console_out(&c, 1);
    if (c == '\n' || c == END_OF_FILE) {
        input_complete = input_written;
        sched_wake(&input);
    }
}

int console_read(void *memory, uint32_t size)
{
    char *to = memory;
    uint32_t n = 0;
    irq_state saved = critical_enter();
    while (input_read == input_complete && !current->killed) sched_sleep(&input);
    while (n < size && input_read != input_complete) {
        char c = input[input_read % LINE];
        if (c == END_OF_FILE && n) break; // next time
        input_read++;
        if (c == END_OF_FILE) break;
        to[n++] = c;
        if (c == '\n') break;
    }
    critical_leave(saved);
    return (int)n;
}
