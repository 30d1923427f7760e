/* The lines of `ringside exec` from standard input, answered by this computer's own processor: a 32-bit process, to be
 * compared line by line.
 *
 * Idea 1: LOW, CODE and DATA are mapped where the format says, the LDT is filled through modify_ldt, and a case is entered by
 * returning from a signal handler with all its registers and TF set; the trap or fault that follows comes back as the next
 * signal, with all registers in its frame. The operating system is only the carrier.
 * Idea 2: the parser, the image of the memory and the printer are Ringside's own (lab.h), so a difference is the CPU's.
 *
 * Linked high (Makefile), so that no segment of limit 2FFFFFFF reaches it. Exit 77: this host cannot (no modify_ldt,
 * addresses taken). Not possible here: ring and iopl other than 3 and 0, system calls (INT 80, SYSENTER, SYSCALL),
 * conforming code (Linux refuses to make a present one), what UMIP hides. */
#include <stdbool.h>
#include <string.h>
#include "sim/lab.h"
#include "tests/native/host.h"

enum { SKIPPED = 77, TRAP_DEBUG = 1, TRAP_BREAKPOINT = 3, TRAP_PAGE = 14, FLAG_TRAP = 0x100, STANDARD_INPUT = 0,
       STANDARD_OUTPUT = 1 };

static uint8_t *low, *data, *code_writable;
static struct lab_image before;
static struct lab_case c;
static struct lab_result result;
static uint32_t segment_base[LAB_LDT_ENTRIES];

static volatile bool inside;             /* a case is running */
static bool string_repeat;               /* traps at the same EIP are iterations, not the end */
static unsigned iterations;
static struct host_context home;         /* our own registers, as they were when the case began */

/* ---- into a case and back ---- */

static const uint8_t place[LAB_REGS] = {
#define AT(reg) offsetof(struct host_context, reg)
    AT(eax), AT(ecx), AT(edx), AT(ebx), AT(esp), AT(ebp), AT(esi), AT(edi), AT(eip), AT(flags),
    AT(ds), AT(es), AT(ss), AT(fs), AT(gs), AT(cs)
#undef AT
};
static uint32_t *reg_in(struct host_context *m, unsigned r) { return (uint32_t *)(void *)((uint8_t *)m + place[r]); }

/* What Linux calls. A case may have set NT, AC and ID, which its frame does not restore: they go before anything else. */
host_handler native_entry, native_signal;
__asm__(".text\n.globl native_entry\nnative_entry:\n"
        "  pushfl\n  andl $~0x244000, (%esp)\n  popfl\n  jmp native_signal\n"
        ".globl native_trap\nnative_trap:\n  int3\n  ret\n");
void native_trap(void); /* runs the case; returns when its end has come */

static void begin(struct host_context *m)
{
    home = *m;
    home.fpstate = 0; /* the x87 unit as FNINIT leaves it, for the case and for us */
    m->fpstate = 0;
    for (unsigned r = 0; r < LAB_REGS; r++) *reg_in(m, r) = c.reg[r];
    m->flags |= FLAG_TRAP;
    iterations = 0;
    inside = true;
}

static void end(struct host_context *m)
{
    inside = false;
    if (result.end != LAB_LIMIT) result.end = m->trap == TRAP_DEBUG ? LAB_OK : LAB_FAULT;
    result.vector = (uint8_t)m->trap;
    result.code = m->err;
    result.cr2 = m->trap == TRAP_PAGE ? m->cr2 : 0;
    for (unsigned r = 0; r < LAB_REGS; r++) result.reg[r] = *reg_in(m, r) & (r >= LAB_DS ? 0xFFFF : 0xFFFFFFFFu);
    *m = home;
}

static bool another_iteration(const struct host_context *m)
{
    if (!string_repeat || m->trap != TRAP_DEBUG || m->eip != c.reg[LAB_EIP]) return false;
    if (++iterations < LAB_ITERATIONS) return true;
    result.end = LAB_LIMIT;
    return false;
}

void native_signal(int signal, void *info, struct host_frame *frame)
{
    struct host_context *m = &frame->context;
    (void)info;
    if (!inside && (signal != SIGNAL_TRAP || m->trap != TRAP_BREAKPOINT)) {
        host_say("native: a fault of its own\n");
        host_exit(EXIT_BUG);
    }
    if (!inside) begin(m);
    else if (!another_iteration(m)) end(m);
}

/* ---- the world of a case ---- */

static _Noreturn void skip(const char *what)
{
    host_say("native: skipped: this host refuses ");
    host_say(what);
    host_say("\n");
    host_exit(SKIPPED);
}

static uint8_t *map(uint32_t at, int rights, int file)
{
    int how = (file < 0 ? MAP_AS_PRIVATE | MAP_NO_FILE : MAP_AS_SHARED) | (at ? MAP_AT | MAP_NOT_OVER : 0);
    uint32_t p = (uint32_t)host_call(SYS_MMAP2, at, LAB_AREA, (uint32_t)rights, (uint32_t)how, (uint32_t)file, 0);
    if (p > 0xFFFFF000u || (at && p != at)) skip(at == LAB_LOW ? "memory at 8000 (vm.mmap_min_addr)" : "memory for a case");
    return (uint8_t *)(uintptr_t)p;
}

static void set_ldt(const struct lab_ldt *t)
{
    struct host_segment s = { t->n, t->base, t->limit,
                              (uint32_t)t->seg32 | (uint32_t)t->contents << 1 | (uint32_t)t->readonly << 3 |
                                  (uint32_t)t->pages << 4 };
    if (host_set_ldt(&s)) skip("an LDT entry (modify_ldt)");
    segment_base[t->n] = t->base;
}

static void setup(void)
{
    static uint8_t handler_stack[1 << 16];
    static const int signals[] = { SIGNAL_TRAP, SIGNAL_SEGV, SIGNAL_BUS, SIGNAL_FPE, SIGNAL_ILL };
    int file = host_call(SYS_MEMFD_CREATE, host_address("code"), 0, 0, 0, 0, 0);
    if (file < 0 || host_call(SYS_FTRUNCATE, (uint32_t)file, LAB_AREA, 0, 0, 0, 0)) skip("a file in memory");
    low = map(LAB_LOW, MAP_READ | MAP_WRITE | MAP_RUN, -1);
    data = map(LAB_DATA, MAP_READ | MAP_WRITE | MAP_RUN, -1);
    (void)map(LAB_CODE, MAP_READ | MAP_RUN, file);
    code_writable = map(0, MAP_READ | MAP_WRITE, file);
    result.low = low;
    result.data = data;
    set_ldt(&(struct lab_ldt){ .n = 0, .limit = 0x2FFFF, .seg32 = true, .pages = true });
    set_ldt(&(struct lab_ldt){ .n = 1, .limit = 0x2FFFF, .contents = 2, .seg32 = true, .pages = true });
    if (!host_signal_stack(handler_stack, sizeof handler_stack)) skip("a signal stack");
    for (unsigned k = 0; k < sizeof signals / sizeof signals[0]; k++)
        if (!host_on_signal(signals[k], native_entry)) skip("a signal handler");
}

static bool is_string_repeat(const uint8_t *bytes, unsigned n)
{
    static const uint8_t prefixes[] = { 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3 };
    bool repeat = false;
    unsigned k = 0;
    for (; k < n && memchr(prefixes, bytes[k], sizeof prefixes); k++) repeat |= bytes[k] == 0xF2 || bytes[k] == 0xF3;
    if (!repeat || k == n) return false;
    return (bytes[k] >= 0xA4 && bytes[k] <= 0xA7) || (bytes[k] >= 0xAA && bytes[k] <= 0xAF) || (bytes[k] & 0xFC) == 0x6C;
}

static void run(void)
{
    static const uint16_t start[LAB_REGS] = { [LAB_DS] = 7, [LAB_ES] = 7, [LAB_SS] = 7, [LAB_CS] = 0xF };
    for (unsigned r = LAB_DS; r < LAB_REGS; r++)
        if (!(c.given & 1u << r)) c.reg[r] = start[r];
    uint32_t base = c.reg[LAB_CS] & 4 ? segment_base[c.reg[LAB_CS] >> 3] : 0;
    lab_image_make(&before, &c, base + c.reg[LAB_EIP]);
    memcpy(low, before.low, LAB_AREA);
    memcpy(data, before.data, LAB_AREA);
    memcpy(code_writable, before.code, LAB_AREA);
    string_repeat = is_string_repeat(c.bytes, c.n);
    result.end = LAB_OK;
    native_trap();
}

/* ---- text, without a C library: what sim/core gives the simulator ---- */

static struct { char s[1 << 17]; uint32_t n; } out, in;

static void flush(void)
{
    for (uint32_t at = 0; at < out.n;) {
        int32_t n = host_call(SYS_WRITE, STANDARD_OUTPUT, host_address(out.s + at), out.n - at, 0, 0, 0);
        if (n <= 0) host_exit(EXIT_ENVIRONMENT);
        at += (uint32_t)n;
    }
    out.n = 0;
}

void text_bytes(struct text *t, const void *bytes, size_t n)
{
    (void)t;
    if (out.n + n > sizeof out.s) flush();
    memcpy(out.s + out.n, bytes, n);
    out.n += n;
}

void text_char(struct text *t, char ch) { text_bytes(t, &ch, 1); }

/* Ringside has words for a malformed line; here its form must do. */
bool err_set(struct err *e, int code, const char *fmt, ...)
{
    (void)e;
    flush();
    host_say("native: a malformed line: ");
    host_say(fmt);
    host_say("\n");
    host_exit(code);
}

static void one_line(const char *line, uint32_t n)
{
    struct lab_ldt entry;
    enum lab_line kind = lab_parse(line, n, "", &c, &entry, NULL);
    if (kind == LAB_LDT) set_ldt(&entry);
    if (kind != LAB_CASE) return;
    if (c.ring != 3 || c.iopl) err_set(NULL, EXIT_INPUT, "ring 3 and IOPL 0 only");
    run();
    lab_print(&c, &before, &result, NULL);
}

void native_main(void);
void native_main(void)
{
    setup();
    for (;;) {
        int32_t n = host_call(SYS_READ, STANDARD_INPUT, host_address(in.s + in.n), sizeof in.s - in.n, 0, 0, 0);
        if (n <= 0) break;
        in.n += (uint32_t)n;
        char *at = in.s, *stop;
        for (; (stop = memchr(at, '\n', in.n - (uint32_t)(at - in.s))); at = stop + 1) one_line(at, (uint32_t)(stop - at));
        in.n -= (uint32_t)(at - in.s);
        memmove(in.s, at, in.n);
    }
    flush();
    host_exit(0);
}
__asm__(".text\n.globl _start\n_start:\n  and $-16, %esp\n  call native_main\n");
