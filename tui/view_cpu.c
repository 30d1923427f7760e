/* CPU: registers, what the last step changed, and the real state beside what the guest was made to believe. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "tui/command.h"
#include "tui/view.h"

enum { COLUMN = 14 }; /* of the second register in a line */
enum radix { HEX, DECIMAL, BINARY, BITS /* of the flags and CR0, by name */, RADIXES };

struct cpu_view {
    struct machine_cpu real, guest, before; /* before: real, at the place where we stood before */
    bool vmm, any;                          /* any: `before` means something */
    bool lost;       /* POPF or IRET in ring 1 failed to change IF, and nothing has set it since */
    uint32_t wanted; /* ... to this */
    enum radix radix;
};

/* Has the guest's last attempt to change IF failed silently? The newest of the events about IF decides. */
static bool if_lost(const struct machine *m, uint32_t *wanted)
{
    enum { LOOK_BACK = 4096 };
    const struct trace *t = machine_trace_of(m);
    size_t n = trace_count(t);
    for (size_t i = n; i-- && n - i <= LOOK_BACK;) {
        const struct event *e = trace_at(t, i);
        const char *op = e->kind == EV_EMULATE ? trace_name("mnemonic", e->u.EMULATE.op) : "";
        if (!strcmp(op, "cli") || !strcmp(op, "sti")) return false;
        if (e->kind == EV_SILENT && !strcasecmp(trace_name("field", e->u.SILENT.field), "if")) {
            const char *who = trace_name("mnemonic", e->u.SILENT.op);
            if (strncmp(who, "popf", 4) && strncmp(who, "iret", 4)) continue; /* PUSHF only reads it */
            *wanted = e->u.SILENT.wanted ? 1 : 0;
            return true;
        }
    }
    return false;
}

static void sample(struct view *v, const struct scene *s)
{
    struct cpu_view *c = v->state;
    if (s->moved || !c->any) {
        struct machine_cpu now;
        machine_cpu(s->m, &now);
        c->before = c->any ? c->real : now;
        c->real = now;
        c->any = true;
    }
    machine_guest(s->m, &c->guest);
    c->vmm = machine_has_vmm(s->m);
    c->lost = c->vmm && if_lost(s->m, &c->wanted) && (c->guest.iflag ? 1u : 0u) != c->wanted;
}

static void show_label(const struct view *v, int rows, char *title, char *remark)
{
    (void)rows;
    static const char *const words[RADIXES] = { "", "dec", "bin", "bits" };
    const struct cpu_view *c = v->state;
    snprintf(title, VIEW_LABEL, "2 CPU%s%s", c->radix ? "  " : "", words[c->radix]);
    view_copy(remark, VIEW_LABEL, "*=changed");
}

/* Where a line goes: `y` is the line's place in the list, the pane shows those from `first` on. */
struct sheet {
    struct pane *p;
    int first, y;
};

static void put_value(struct sheet *s, int x, const char *name, uint32_t value, bool changed, enum radix radix)
{
    int y = s->y - s->first;
    char text[48];
    unsigned style = changed ? STYLE(ROLE_CHANGED, ATTR_BOLD) : STYLE(ROLE_PLAIN, 0);
    if (y < 0 || y >= s->p->at.h) return;
    if (radix == HEX) {
        snprintf(text, sizeof text, "%08X", value);
    } else if (radix == DECIMAL) {
        struct text t = { 0 };
        text_number(&t, value);
        snprintf(text, sizeof text, "%13s", text_str(&t));
        text_free(&t);
    } else {
        int n = 0;
        for (int bit = 31; bit >= 0; bit--) {
            text[n++] = (char)('0' + (value >> bit & 1));
            if (bit % 8 == 0 && bit) text[n++] = bit == 16 && s->p->at.w < 42 ? '\n' : ' ';
        }
        text[n] = 0;
    }
    if (changed) pane_put(s->p, x, y, style, "*");
    int at = pane_put(s->p, x + 1, y, style, name) + 1;
    char *rest = strchr(text, '\n');
    if (rest) *rest++ = 0;
    pane_put(s->p, at, y, style, text);
    if (!rest) return;
    s->y++;
    if (y + 1 < s->p->at.h) pane_put(s->p, at, y + 1, style, rest);
}

static void put_line(struct sheet *s, unsigned style, const char *text)
{
    int y = s->y - s->first;
    if (y >= 0 && y < s->p->at.h) pane_fit(s->p, 1, y, s->p->at.w - 1, style, text);
    s->y++;
}

static const struct {
    const char *name;
    uint8_t reg;
} order[8] = {
    { "eax", 0 }, { "ebx", 3 }, { "ecx", 1 }, { "edx", 2 }, { "esi", 6 }, { "edi", 7 }, { "ebp", 5 }, { "esp", 4 },
};

static void put_registers(struct sheet *s, const struct cpu_view *c)
{
    for (int i = 0; i < 8; i++) {
        uint32_t value = c->real.reg[order[i].reg];
        bool changed = value != c->before.reg[order[i].reg];
        put_value(s, c->radix == HEX && i % 2 ? COLUMN : 0, order[i].name, value, changed, c->radix);
        if (c->radix != HEX || i % 2) s->y++;
    }
    int y = s->y - s->first;
    bool moved = c->real.cpl != c->before.cpl;
    put_value(s, 0, "eip", c->real.eip, false, HEX);
    if (y >= 0 && y < s->p->at.h)
        pane_putf(s->p, COLUMN, y, moved ? STYLE(ROLE_CHANGED, ATTR_BOLD) : STYLE(ROLE_PLAIN, 0), "%ccpl %u iopl %u",
                  moved ? '*' : ' ', c->real.cpl, c->real.iopl);
    s->y++;
}

/* A flag is an upper-case letter when set. */
static void put_flags(struct sheet *s, const struct cpu_view *c)
{
    static const struct {
        char letter;
        uint8_t bit;
    } flags[] = {
        { 'I', 9 }, { 'Z', 6 }, { 'S', 7 }, { 'O', 11 }, { 'C', 0 }, { 'D', 10 },
    };
    int y = s->y++ - s->first;
    if (y < 0 || y >= s->p->at.h) return;
    pane_put(s->p, 1, y, STYLE(ROLE_PLAIN, 0), "flags");
    for (int i = 0; i < 6; i++) {
        bool set = c->real.eflags >> flags[i].bit & 1;
        bool changed = ((c->real.eflags ^ c->before.eflags) >> flags[i].bit & 1) != 0;
        char text[3] = { changed ? '*' : ' ', (char)(flags[i].letter + (set ? 0 : 'a' - 'A')), 0 };
        pane_put(s->p, 7 + 3 * i, y, changed ? STYLE(ROLE_CHANGED, ATTR_BOLD) : STYLE(ROLE_PLAIN, 0), text);
    }
}

__attribute__((format(printf, 3, 4))) static void put_line_f(struct sheet *s, unsigned style, const char *fmt, ...)
{
    char buf[160];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(buf, sizeof buf, fmt, ap);
    va_end(ap);
    put_line(s, style, buf);
}

static void put_pair(struct sheet *s, const char *name, uint32_t real, uint32_t guest)
{
    bool room = s->p->at.w >= 36; /* else without the words; the two lines above have shown which is which */
    put_line_f(s, STYLE(ROLE_PLAIN, 0), room ? "%s real %08X guest %08X" : "%s %08X  %08X", name, real, guest);
}

/* Real beside believed. On a bare machine both are one. */
static void put_beliefs(struct sheet *s, const struct cpu_view *c)
{
    const struct machine_cpu *r = &c->real, *g = &c->guest;
    unsigned plain = STYLE(ROLE_PLAIN, 0);
    if (!c->vmm) {
        put_line_f(s, plain, "cr0 %08X  cr2 %08X", r->cr0, r->cr2);
        put_line_f(s, plain, "cr3 %08X  cr4 %08X", r->cr3, r->cr4);
    } else {
        if (c->lost)
            put_line_f(s, STYLE(ROLE_WARN, 0), "guest wants IF=%u  ! has %u", c->wanted, g->iflag);
        else
            put_line_f(s, plain, "IF  real %u     guest %u", r->iflag, g->iflag);
        put_line_f(s, plain, "cr3 real %05X guest %05X", r->cr3 >> PAGE_SHIFT, g->cr3 >> PAGE_SHIFT);
        put_pair(s, "cr0", r->cr0, g->cr0);
        put_pair(s, "idt", r->idt_base, g->idt_base);
        put_pair(s, "gdt", r->gdt_base, g->gdt_base);
        put_line_f(s, plain, "cpl real %u     guest %u", r->cpl, g->cpl);
    }
    put_line_f(s, plain, "cs %04X  ss %04X  ds %04X", r->seg[1].sel, r->seg[2].sel, r->seg[3].sel);
    put_line_f(s, plain, "es %04X  fs %04X  gs %04X", r->seg[0].sel, r->seg[4].sel, r->seg[5].sel);
    put_line_f(s, plain, "tr %04X ldt %04X", r->tr, r->ldtr);
}

/* Every named bit of EFLAGS and CR0, with its place; real, and what the guest believes. SDM vol. 1 3.4.3, vol. 3A 2.5. */
static const struct { const char *name, *about; uint8_t bit; } flag_bits[] = {
    { "CF", "carry", 0 }, { "PF", "parity", 2 }, { "AF", "half carry", 4 }, { "ZF", "zero", 6 }, { "SF", "sign", 7 }, { "TF", "trap", 8 },
    { "IF", "interrupts", 9 }, { "DF", "direction", 10 }, { "OF", "overflow", 11 }, { "NT", "nested task", 14 }, { "RF", "resume", 16 },
    { "VM", "virtual-8086", 17 }, { "AC", "alignment", 18 }, { "VIF", "virtual IF", 19 }, { "VIP", "pending", 20 }, { "ID", "CPUID", 21 },
}, cr0_bits[] = {
    { "PE", "protected", 0 }, { "MP", "monitor FPU", 1 }, { "EM", "no FPU", 2 }, { "TS", "task switch", 3 }, { "ET", "387", 4 },
    { "NE", "FPU errors", 5 }, { "WP", "write prot.", 16 }, { "AM", "alignment", 18 }, { "NW", "no w-thru", 29 }, { "CD", "no cache", 30 },
    { "PG", "paging", 31 },
};

static void put_bits(struct sheet *s, const struct cpu_view *c)
{
    put_line_f(s, STYLE(ROLE_PLAIN, ATTR_UNDERLINE), c->vmm ? "eflags %08X  real guest" : "eflags %08X", c->real.eflags);
    for (size_t i = 0; i < sizeof flag_bits / sizeof flag_bits[0]; i++) {
        unsigned bit = flag_bits[i].bit, now = c->real.eflags >> bit & 1, was = c->before.eflags >> bit & 1;
        unsigned style = now != was ? STYLE(ROLE_CHANGED, ATTR_BOLD) : STYLE(ROLE_PLAIN, 0);
        if (c->vmm) put_line_f(s, style, "%c%2u %-3s %-12s %u    %u", now != was ? '*' : ' ', bit, flag_bits[i].name, flag_bits[i].about, now,
                               c->guest.eflags >> bit & 1);
        else put_line_f(s, style, "%c%2u %-3s %-12s %u", now != was ? '*' : ' ', bit, flag_bits[i].name, flag_bits[i].about, now);
    }
    put_line_f(s, STYLE(ROLE_PLAIN, 0), " 12 IOPL             %u    %u", c->real.iopl, c->guest.iopl);
    put_line_f(s, STYLE(ROLE_PLAIN, ATTR_UNDERLINE), "cr0 %08X", c->real.cr0);
    for (size_t i = 0; i < sizeof cr0_bits / sizeof cr0_bits[0]; i++)
        put_line_f(s, STYLE(ROLE_PLAIN, 0), c->vmm ? " %2u %-3s %-12s %u    %u" : " %2u %-3s %-12s %u", cr0_bits[i].bit, cr0_bits[i].name,
                   cr0_bits[i].about, c->real.cr0 >> cr0_bits[i].bit & 1, c->guest.cr0 >> cr0_bits[i].bit & 1);
}

static int put_all(struct pane *p, const struct cpu_view *c, int first)
{
    struct sheet s = { p, first, 0 };
    if (c->radix == BITS) {
        put_bits(&s, c);
        return s.y;
    }
    put_registers(&s, c);
    put_flags(&s, c);
    put_beliefs(&s, c);
    return s.y;
}

static void draw(struct view *v, struct pane *p)
{
    const struct cpu_view *c = v->state;
    int lines = put_all(&(struct pane){ p->frame, { p->at.x, p->at.y, p->at.w, 0 } }, c, 0); /* only counts */
    put_all(p, c, view_bound(v, lines, p->at.h));
    if (c->radix != HEX) view_more(p, v->scroll + p->at.h < lines); /* in hex, what is below is for larger screens */
}

static unsigned command(struct view *v, int cmd, const char *arg)
{
    struct cpu_view *c = v->state;
    (void)arg;
    if (cmd != CMD_RADIX) return ASK_NONE;
    c->radix = (c->radix + 1) % RADIXES;
    v->scroll = 0;
    return ASK_REDRAW;
}

const struct view_ops view_cpu = { "cpu",
                                   "CPU",
                                   "registers; what changed; real beside what the guest believes",
                                   sizeof(struct cpu_view),
                                   sample,
                                   show_label,
                                   draw,
                                   command };
