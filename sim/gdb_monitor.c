/* `monitor` commands of a debugger's session: what GDB has no words for. See gdb.h.
 *
 * Idea: one table; a name may be shortened as long as it is the only one that begins so. Those that move the machine are
 * here, those that only look in gdb_show.c. GDB does not know that the machine was moved, so they say what to do. */
#include "sim/gdb_monitor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool monitor_number(const char *word, uint64_t otherwise, uint64_t *n, struct text *out)
{
    char *end;
    *n = otherwise;
    if (!*word) return true;
    errno = 0;
    *n = strtoull(word, &end, 0);
    if (*word >= '0' && *word <= '9' && !*end && !errno) return true;
    text_add(out, "%.60s: not a number\n", word);
    return false;
}

bool monitor_address(const struct gdb *g, const char *word, uint32_t *at, struct text *out)
{
    uint64_t n;
    struct text quiet = { 0 };
    bool number = *word >= '0' && *word <= '9' && monitor_number(word, 0, &n, &quiet) && n <= UINT32_MAX;
    text_free(&quiet);
    if (number) *at = (uint32_t)n;
    if (number || (*word && machine_find_symbol(g->m, word, at))) return true;
    const char *near = *word ? machine_suggest_symbol(g->m, word) : NULL;
    if (!*word) text_add(out, "an address or a symbol is needed\n");
    else if (near) text_add(out, "%.60s: no such address or symbol; did you mean %s?\n", word, near);
    else text_add(out, "%.60s: no such address or symbol\n", word);
    return false;
}

void monitor_where(const struct gdb *g, struct text *out)
{
    struct machine_cpu c;
    char name[96], code[96];
    machine_guest(g->m, &c);
    uint32_t at = c.seg[1].base + c.eip;
    machine_disasm(g->m, gva(at), code, sizeof code);
    text_add(out, "moment ");
    text_number(out, machine_insns(g->m));
    text_add(out, ", cycle ");
    text_number(out, machine_cycles(g->m));
    text_add(out, ", ring %u, %s, %s: %s\n", c.cpl, gdb_mode(&c), machine_symbol(g->m, at, name, sizeof name), code);
}

/* --- moving ------------------------------------------------------------------------------------------------------- */

static void moved(struct gdb *g, enum machine_stop stop, struct text *out)
{
    gdb_to_guest(g);
    text_clear(&g->last); /* `?` tells of the new place */
    if (stop == MACHINE_PAUSED) text_add(out, "interrupted\n");
    if (stop == MACHINE_POINT) text_add(out, "stopped at a breakpoint or watchpoint\n");
    if (machine_end(g->m).fate != FATE_RUNNING) text_add(out, "the run is over: %s\n", machine_end(g->m).why);
    monitor_where(g, out);
    text_add(out, "(gdb still shows where it was: maintenance flush register-cache)\n");
}

static void move_step(struct gdb *g, const char *rest, struct text *out)
{
    uint64_t n;
    if (!monitor_number(rest, 1, &n, out)) return;
    enum machine_stop stop = MACHINE_BUDGET;
    while (n-- && stop == MACHINE_BUDGET) stop = gdb_one(g);
    moved(g, stop, out);
}

static void move_back(struct gdb *g, const char *rest, struct text *out)
{
    uint64_t n;
    if (!monitor_number(rest, 1, &n, out)) return;
    enum machine_stop stop = MACHINE_BUDGET;
    while (n-- && stop == MACHINE_BUDGET && machine_reverse_step(g->m))
        if (g->interrupted && g->interrupted(g->self)) stop = MACHINE_PAUSED;
    g->told_end = false;
    moved(g, stop, out);
}

static void move_goto(struct gdb *g, const char *rest, struct text *out)
{
    uint64_t n, now = machine_insns(g->m);
    if (!monitor_number(rest, now, &n, out)) return;
    const struct till there = { .kind = TILL_INSNS, .value = n };
    enum machine_stop stop = MACHINE_BUDGET;
    g->told_end = false;
    machine_points_pass(g->m);
    if (n > now) stop = gdb_run(g, &there);
    else if (n < now && !machine_goto(g->m, n)) text_add(out, "history does not reach back to that\n");
    moved(g, stop, out);
}

/* "cycle N", "moment N", "ring N", "event WORD", a mnemonic, an address or a symbol. */
static bool read_place(struct gdb *g, const char *rest, struct till *t, struct text *out)
{
    char word[32];
    int used = 0;
    uint64_t n;
    if (sscanf(rest, "%31s %n", word, &used) != 1) {
        text_add(out, "until what? cycle N, moment N, ring N, event WORD, an instruction, an address or a symbol\n");
        return false;
    }
    const char *more = rest + used;
    if (!*more) {
        int id = machine_mnemonic(word);
        *t = (struct till){ .kind = id > 0 ? TILL_INSN : TILL_LABEL, .a = (uint32_t)id };
        return id > 0 || monitor_address(g, rest, &t->a, out);
    }
    if (!strcmp(word, "event")) {
        int kind = event_kind(more);
        *t = (struct till){ .kind = TILL_EVENT, .a = (uint32_t)kind };
        if (kind < 0) text_add(out, "%.60s: no such event; `monitor log` shows some\n", more);
        return kind >= 0;
    }
    if (!monitor_number(more, 0, &n, out)) return false;
    if (!strcmp(word, "cycle")) *t = (struct till){ .kind = TILL_CYCLES, .value = n };
    else if (!strcmp(word, "moment")) *t = (struct till){ .kind = TILL_INSNS, .value = n };
    else if (!strcmp(word, "ring")) *t = (struct till){ .kind = TILL_RING, .a = n ? (uint32_t)n : machine_kernel_ring(g->m) };
    else {
        text_add(out, "%s: unknown; cycle, moment, ring and event take a value\n", word);
        return false;
    }
    return true;
}

static void move_until(struct gdb *g, const char *rest, struct text *out)
{
    struct till t;
    if (!read_place(g, rest, &t, out)) return;
    machine_points_pass(g->m);
    moved(g, gdb_run(g, &t), out);
}

/* --- the table ---------------------------------------------------------------------------------------------------- */

static void help(struct gdb *g, const char *rest, struct text *out);

static const struct monitor commands[] = {
    { "help", "", "this list", help },
    { "info", "", "machine, moment, mode, what became of the guest", show_info },
    { "regs", "", "registers, tables, segments in one view", show_regs },
    { "exits", "", "exits to the hypervisor by reason", show_exits },
    { "cycles", "", "cycles by cause", show_cycles },
    { "log", "[N]", "the last N events (20)", show_log },
    { "walk", "ADDRESS", "how an address is translated, entry by entry", show_walk },
    { "segments", "", "segment registers with their hidden parts", show_segments },
    { "gdt", "[N]", "descriptors of the GDT that are not empty; the N-th", show_gdt },
    { "idt", "[N]", "gates of the IDT that are not empty; the N-th", show_idt },
    { "devices", "[NAME]", "registers of the devices", show_devices },
    { "symbol", "WORD", "an address's name, a name's address", show_symbol },
    { "screen", "", "the VGA text screen", show_screen },
    { "step", "[N]", "N instructions of the guest forwards", move_step },
    { "back", "[N]", "N instructions of the guest backwards", move_back },
    { "until", "PLACE", "run until cycle N, moment N, ring N, event WORD, an instruction, an address, a symbol", move_until },
    { "goto", "N", "to moment N (info tells it), backwards or forwards", move_goto },
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void help(struct gdb *g, const char *rest, struct text *out)
{
    (void)g, (void)rest;
    for (unsigned i = 0; i < COMMANDS; i++) {
        size_t begin = out->len;
        text_add(out, "monitor %s %s", commands[i].name, commands[i].form);
        while (out->len < begin + 24) text_char(out, ' ');
        text_add(out, "%s\n", commands[i].about);
    }
}

static const struct monitor *find(const char *word, size_t n)
{
    const struct monitor *found = NULL;
    for (unsigned i = 0; i < COMMANDS; i++) {
        if (strncmp(commands[i].name, word, n)) continue;
        if (!commands[i].name[n]) return &commands[i];
        if (found) return NULL;
        found = &commands[i];
    }
    return found;
}

void gdb_monitor(struct gdb *g, const char *line, struct text *out)
{
    char rest[256];
    line += strspn(line, " \t");
    size_t n = strcspn(line, " \t");
    const struct monitor *c = n ? find(line, n) : &commands[0];
    if (!c) {
        const char *names[COMMANDS];
        char word[32];
        for (unsigned i = 0; i < COMMANDS; i++) names[i] = commands[i].name;
        snprintf(word, sizeof word, "%.*s", (int)(n < 31 ? n : 31), line);
        const char *near = config_suggest(word, names, COMMANDS);
        if (near) text_add(out, "%s: no such command; did you mean %s?\n", word, near);
        else text_add(out, "%s: no such command; monitor help lists them\n", word);
        return;
    }
    snprintf(rest, sizeof rest, "%s", line + n + strspn(line + n, " \t"));
    for (size_t k = strlen(rest); k && (rest[k - 1] == ' ' || rest[k - 1] == '\t'); ) rest[--k] = 0;
    c->run(g, rest, out);
}
