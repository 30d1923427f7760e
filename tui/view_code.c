/* Code: the instructions around the one that runs next, and what is remarkable about them.
 *
 * An instruction that will trap says so before it does; one that fails silently is marked once it has (the event is
 * in the trace), because only then is it true. Facts come from machine_insn. Where the image has them, source lines stand above
 * what became of them: from the start where there is room, with `l` everywhere; the one at hand is named above in any case. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "tui/command.h"
#include "tui/view.h"

enum { BEFORE = 40, AFTER = 64, BYTES = 15, SILENT_BACK = 4096, ROOMY = 14 /* rows from which on source lines are shown unasked */ };

/* Source lines: where there is room, of what is not assembly already; all; none. */
enum sources { SOURCES_ROOM, SOURCES_ALL, SOURCES_NONE, SOURCES };

struct line {
    uint32_t at;
    uint8_t len, bytes[BYTES];
    bool silent, stop; /* a silent failure happened here; there is a stop point */
    char text[72], label[40], fact[36];
    char source[96];           /* the line it begins, or goes on with after another one; "": the same as above */
    unsigned number;           /* of that line; 0: none is known */
    bool assembly;             /* it is assembly, which says little more than the instruction */
};

struct code {
    struct line line[BEFORE + AFTER];
    unsigned lines, now; /* line[now] runs next */
    enum machine_place place;
    uint8_t cpl;
    bool vmm, ended;
    unsigned sources;   /* enum sources: l */
    char here[48];      /* "popf.c:41", of the instruction that runs next */
};

static bool failed_silently(const struct machine *m, uint32_t at)
{
    const struct trace *t = machine_trace_of(m);
    size_t n = trace_count(t);
    for (size_t i = n; i-- && n - i <= SILENT_BACK;) {
        const struct event *e = trace_at(t, i);
        if (e->kind == EV_SILENT && e->eip == at) return true;
    }
    return false;
}

static void fact(const struct scene *s, const struct machine_cpu *cpu, struct line *l)
{
    struct machine_insn insn;
    if (!machine_insn(s->m, gva(l->at), &insn)) return;
    bool trap =
        (insn.privilege == PRIV_RING0 && cpu->cpl > 0) || (insn.privilege == PRIV_IOPL && cpu->cpl > cpu->iopl);
    l->silent = insn.sensitivity == SENS_SILENT && failed_silently(s->m, l->at);
    if (l->silent)
        view_copy(l->fact, sizeof l->fact, "sensitive, no trap");
    else if (trap)
        view_copy(l->fact, sizeof l->fact,
                  insn.privilege == PRIV_IOPL ? "needs IOPL: will #GP" : "privileged: will #GP");
    else if (insn.sensitivity == SENS_SILENT && cpu->cpl > 0 && machine_place(s->m) == PLACE_KERNEL)
        view_copy(l->fact, sizeof l->fact, "sensitive");
}

/* Does an address have a name, or only its number? */
static bool named(const char *name, uint32_t at)
{
    char number[16];
    snprintf(number, sizeof number, "%08X", at);
    return strcasecmp(name, number) != 0;
}

/* Names for addresses of memory operands that are exactly a symbol's, and where a branch goes. A plain constant stays
 * a number: it may equal an address by chance. */
static void name_constant(const struct machine *m, const char **from, bool branch, struct text *out)
{
    char *end, buf[64];
    unsigned long v = strtoul(*from, &end, 16);
    const char *name = v >= 0x1000 && v <= UINT32_MAX ? machine_symbol(m, (uint32_t)v, buf, sizeof buf) : "";
    bool use = *name && named(name, (uint32_t)v) && (branch || !strchr(name, '+'));
    if (use)
        text_add(out, "%s", name);
    else
        text_bytes(out, *from, (size_t)(end - *from));
    *from = end;
}

/* The disassembler's line as a lecture wants it: operands in a column, names for addresses, no "ptr". */
static void tidy(const struct machine *m, const char *from, char *to, size_t room)
{
    struct text t = { 0 };
    size_t word = strcspn(from, " ");
    bool branch = *from == 'j' || !strncmp(from, "call", 4) || !strncmp(from, "loop", 4);
    text_bytes(&t, from, word);
    if (from[word]) text_pad(&t, word < 5 ? 6 : word + 1);
    bool memory = false;
    for (from += word + (from[word] == ' '); *from;) {
        if (*from == '[' || *from == ']') memory = *from == '[';
        if (!strncmp(from, "0x", 2) && (memory || branch))
            name_constant(m, &from, branch, &t);
        else if (!strncmp(from, "ptr ", 4))
            from += 4;
        else
            text_char(&t, *from++);
    }
    view_copy(to, room, text_str(&t));
    text_free(&t);
}

unsigned view_disasm(const struct machine *m, uint32_t at, char *to, size_t room)
{
    char text[128];
    unsigned n = machine_disasm(m, gva(at), text, sizeof text);
    if (n) tidy(m, text, to, room);
    else view_copy(to, room, "??");
    return n;
}

/* The label of an address: its symbol, if it begins there. */
static void label(const struct machine *m, struct line *l)
{
    char buf[64];
    const char *name = machine_symbol(m, l->at, buf, sizeof buf);
    if (named(name, l->at) && !strchr(name, '+')) snprintf(l->label, sizeof l->label, "%.36s:", name);
}

static void read_line(const struct scene *s, const struct machine_cpu *cpu, uint32_t at, struct line *l)
{
    *l = (struct line){ .at = at };
    unsigned n = view_disasm(s->m, at, l->text, sizeof l->text);
    l->len = (uint8_t)(n > BYTES ? BYTES : n);
    if (l->len) machine_peek(s->m, gva(at), l->bytes, l->len);
    label(s->m, l);
    for (unsigned i = 0; i < s->stops; i++) l->stop |= s->stop[i] == at + machine_linear(s->m) - machine_eip(s->m);
    if (l->len && machine_place(s->m) != PLACE_VMM) fact(s, cpu, l);
}

static bool is_assembly(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (!strcasecmp(dot, ".s") || !strcasecmp(dot, ".asm"));
}

/* Which lines of the guest's source the instructions come from. With several VMs an image of another name is another one. */
static void name_sources(const struct scene *s, struct code *c)
{
    struct source_line now, before = { NULL, 0, 0, 0 };
    struct machine_vm vm = { .image = "" };
    *c->here = 0;
    if (!s->sources || c->place == PLACE_VMM) return;
    if (machine_vms(s->m) > 1) machine_vm(s->m, machine_vm_now(s->m), &vm);
    if (*vm.image && strcmp(vm.image, machine_config(s->m)->image) != 0) return;
    for (unsigned i = 0; i < c->lines; i++, before = now) {
        struct line *l = &c->line[i];
        if (!source_lines_at(s->sources, l->at, &now)) {
            now.file = NULL;
            continue;
        }
        l->number = now.line;
        l->assembly = is_assembly(source_line_name(&now));
        if (i == c->now) snprintf(c->here, sizeof c->here, "%.36s:%u", source_line_name(&now), now.line);
        if (now.file != before.file || now.line != before.line) source_lines_text(s->sources, &now, l->source, sizeof l->source);
    }
}

/* The hypervisor's stubs stand apart from each other, with zeroes between them that nobody runs. */
static bool filler(const struct line *l) { return l->len >= 2 && !l->bytes[0] && !l->bytes[1]; }

static void sample(struct view *v, const struct scene *s)
{
    struct code *c = v->state;
    struct machine_cpu cpu;
    gva_t before[BEFORE];
    machine_cpu(s->m, &cpu);
    uint32_t at = machine_eip(s->m);
    c->place = machine_place(s->m);
    c->cpl = cpu.cpl;
    c->vmm = machine_has_vmm(s->m);
    c->ended = machine_end(s->m).fate != FATE_RUNNING;
    unsigned n = machine_disasm_back(s->m, gva(at), before, BEFORE);
    c->lines = 0;
    for (unsigned i = 0; i < n; i++) {
        read_line(s, &cpu, before[i].v, &c->line[c->lines++]);
        if (filler(&c->line[c->lines - 1])) c->lines = 0;
    }
    c->now = c->lines;
    for (unsigned i = 0; i < AFTER; i++) {
        struct line *l = &c->line[c->lines++];
        read_line(s, &cpu, at, l);
        if (i && filler(l)) {
            c->lines--;
            break;
        }
        if (!l->len) break;
        at += l->len;
    }
    name_sources(s, c);
    if (s->moved) v->scroll = 0;
}

static void show_label(const struct view *v, int rows, char *title, char *remark)
{
    (void)rows;
    const struct code *c = v->state;
    snprintf(title, VIEW_LABEL, "1 Code  %s, ring %u", view_place_name(c->place, c->vmm), c->cpl);
    view_copy(remark, VIEW_LABEL, *c->here ? c->here : "Intel");
}

/* Columns: mark, address, bytes (where there is room), text, fact. */
static void draw_line(struct pane *p, int y, const struct line *l, bool now)
{
    unsigned attr = now ? ATTR_BOLD : 0;
    bool bytes = p->at.w >= 62;
    int text = bytes ? 34 : 13, w = p->at.w;
    int fw = frame_width(l->fact), fact_at = text + 10;
    if (now)
        pane_put(p, 1, y, STYLE(ROLE_NOW, ATTR_BOLD), "►");
    else if (l->silent)
        pane_put(p, 1, y, STYLE(ROLE_WARN, 0), "!");
    if (l->stop) pane_put(p, 2, y, STYLE(ROLE_KEY, ATTR_BOLD), "●");
    pane_putf(p, 3, y, STYLE(ROLE_PLAIN, attr), "%08X", l->at);
    for (int i = 0; bytes && i < l->len && i < 7; i++)
        pane_putf(p, 12 + 3 * i, y, STYLE(ROLE_PLAIN, 0), "%02X", l->bytes[i]);
    if (bytes && l->len > 7) pane_put(p, 33, y, STYLE(ROLE_PLAIN, 0), "…");
    int room = w - text - 1 - (fw ? fw + 2 : 0);
    int end = pane_fit(p, text, y, room, STYLE(ROLE_PLAIN, attr), l->text);
    if (!fw) return;
    if (fact_at < end + 2) fact_at = end + 2;
    if (fact_at + fw > w - 1) fact_at = w - 1 - fw;
    pane_put(p, fact_at, y, STYLE(l->silent || now ? ROLE_WARN : ROLE_PLAIN, 0), l->fact);
}

static bool shows_source(const struct code *c, const struct line *l, int rows)
{
    return *l->source && (c->sources == SOURCES_ALL || (c->sources == SOURCES_ROOM && rows >= ROOMY && !l->assembly));
}

static int rows_of(const struct line *l, bool source) { return 1 + (*l->label != 0) + source; }

/* What stands above an instruction: its label, its source line. */
static void draw_above(struct pane *p, int y, const struct line *l, bool source)
{
    if (*l->label && y >= 0 && y < p->at.h) pane_fit(p, 1, y, p->at.w - 2, STYLE(ROLE_PLAIN, ATTR_UNDERLINE), l->label);
    y += *l->label != 0;
    if (!source || y < 0 || y >= p->at.h) return;
    const char *text = l->source + strspn(l->source, " ");
    int indent = (int)(text - l->source);
    pane_putf(p, 3, y, STYLE(ROLE_KERNEL, 0), "%8u", l->number);
    pane_fit(p, 13 + (indent < 16 ? indent : 16), y, p->at.w - 14 - (indent < 16 ? indent : 16), STYLE(ROLE_KERNEL, 0), text);
}

static void draw(struct view *v, struct pane *p)
{
    const struct code *c = v->state;
    int rows = p->at.h, total = 0, now = 0;
    for (unsigned i = 0; i < c->lines; i++) {
        total += rows_of(&c->line[i], shows_source(c, &c->line[i], rows));
        if (i == c->now) now = total - 1;
    }
    int first = now - rows * 5 / 8; /* what came before is above, where it was read */
    if (first < 0) first = 0;
    int down = total - rows - first > 0 ? total - rows - first : 0;
    if (v->scroll > down) v->scroll = down;
    if (v->scroll < -first) v->scroll = -first;
    first += v->scroll;
    int y = -first;
    for (unsigned i = 0; i < c->lines && y < rows; i++) {
        const struct line *l = &c->line[i];
        bool source = shows_source(c, l, rows);
        draw_above(p, y, l, source);
        y += rows_of(l, source);
        if (y >= 1 && y <= rows) draw_line(p, y - 1, l, i == c->now && !c->ended);
    }
}

static unsigned command(struct view *v, int command, const char *arg)
{
    struct code *c = v->state;
    (void)arg;
    if (command != CMD_LINES) return ASK_NONE;
    c->sources = (c->sources + 1) % SOURCES;
    return ASK_REDRAW;
}

const struct view_ops view_code = { "code",
                                    "Code",
                                    "instructions around the next one, and what is special about them",
                                    sizeof(struct code),
                                    sample,
                                    show_label,
                                    draw,
                                    command };
