/* What an editor shows of a machine that stands: see dap.h. */
#include "sim/dap.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES = 24, WRITE_MOST = 65536, READ_MOST = 4 << 20, INSTRUCTIONS = 1000 };
enum { IOPL_BIT = 12 };
enum { REF_REGISTERS = 1, REF_FLAGS, REF_SYSTEM, REF_MACHINE };

static const char *const names[] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi" };
static const struct { const char *name; uint8_t bit; } flags[] = { { "CF", 0 }, { "PF", 2 }, { "AF", 4 }, { "ZF", 6 }, { "SF", 7 }, { "TF", 8 }, { "IF", 9 },
                                                                   { "DF", 10 }, { "OF", 11 }, { "NT", 14 }, { "RF", 16 }, { "VM", 17 }, { "AC", 18 } };

static json_t *hex(uint32_t v)
{
    char s[16];
    snprintf(s, sizeof s, "0x%08X", v);
    return json_string(s);
}

/* --- the stack --- */

static void add_source(struct dap *d, uint32_t pc, json_t *frame)
{
    struct source_line l;
    char whole[PATH_MAX];
    json_object_set_new(frame, "line", json_integer(0));
    json_object_set_new(frame, "column", json_integer(0));
    if (!source_lines_at(d->lines, pc, &l)) return;
    const char *path = source_lines_path(d->lines, &l);
    if (!path || !realpath(path, whole)) return;
    json_object_set_new(frame, "line", json_integer(l.line));
    json_object_set_new(frame, "column", json_integer(1));
    json_object_set_new(frame, "source", json_pack("{s:s, s:s}", "name", source_line_name(&l), "path", whole));
}

static void add_frame(struct dap *d, json_t *list, uint32_t pc)
{
    char name[96], reference[16];
    snprintf(reference, sizeof reference, "0x%08X", pc);
    json_t *frame = json_pack("{s:i, s:s, s:s}", "id", (int)json_array_size(list) + 1, "name", machine_symbol(d->m, pc, name, sizeof name),
                              "instructionPointerReference", reference);
    add_source(d, pc, frame);
    json_array_append_new(list, frame);
}

/* Frame by frame along EBP, as far as it looks like frames: each above the last, each with a return address that has a name. */
bool dap_stack(struct dap *d, json_t *args, json_t *body, struct err *e)
{
    (void)e;
    struct machine_cpu c;
    json_t *list = json_array(), *wanted = json_array();
    char name[96];
    machine_guest(d->m, &c);
    add_frame(d, list, c.eip);
    for (uint32_t at = c.reg[5], frame[2]; json_array_size(list) < FRAMES && at && machine_peek_guest(d->m, gva(c.seg[2].base + at), frame, sizeof frame);
         at = frame[0]) {
        if (!strchr(machine_symbol(d->m, frame[1], name, sizeof name), '+')) break; /* behind a call, so inside a function */
        add_frame(d, list, frame[1]);
        if (frame[0] <= at) break;
    }
    json_object_set_new(body, "totalFrames", json_integer((json_int_t)json_array_size(list)));
    json_int_t first = json_integer_value(json_object_get(args, "startFrame")), levels = json_integer_value(json_object_get(args, "levels"));
    for (json_int_t i = first < 0 ? 0 : first; i < (json_int_t)json_array_size(list) && (levels <= 0 || i - first < levels); i++)
        json_array_append(wanted, json_array_get(list, (size_t)i));
    json_decref(list);
    json_object_set_new(body, "stackFrames", wanted);
    return true;
}

/* --- variables --- */

bool dap_scopes(struct dap *d, json_t *args, json_t *body, struct err *e)
{
    static const char *const words[] = { "Registers", "Flags", "System", "Machine" };
    (void)d, (void)args, (void)e;
    json_t *list = json_array();
    for (int i = 0; i < 4; i++)
        json_array_append_new(list, json_pack("{s:s, s:i, s:b}", "name", words[i], "variablesReference", REF_REGISTERS + i, "expensive", 0));
    json_object_set_new(body, "scopes", list);
    return true;
}

static void add(json_t *list, const char *name, json_t *value, const char *memory)
{
    json_t *v = json_pack("{s:s, s:o, s:i}", "name", name, "value", value, "variablesReference", 0);
    if (memory) json_object_set_new(v, "memoryReference", json_string(memory));
    json_array_append_new(list, v);
}

static void add_number(json_t *list, const char *name, uint64_t n)
{
    struct text t = { 0 };
    text_number(&t, n);
    add(list, name, json_string(text_str(&t)), NULL);
    text_free(&t);
}

static void registers(const struct machine_cpu *c, json_t *list)
{
    char at[16];
    for (unsigned i = 0; i < 8; i++) {
        snprintf(at, sizeof at, "0x%08X", c->reg[i]);
        add(list, names[i], hex(c->reg[i]), at);
    }
    snprintf(at, sizeof at, "0x%08X", c->eip);
    add(list, "eip", hex(c->eip), at);
    add(list, "eflags", hex(c->eflags), NULL);
}

static void system_registers(const struct machine_cpu *guest, const struct machine_cpu *real, json_t *list)
{
    static const char *const segments[] = { "es", "cs", "ss", "ds", "fs", "gs" };
    add(list, "ring", json_integer(guest->cpl), NULL);
    json_object_set_new(json_array_get(list, 0), "value", json_sprintf("%u (really %u)", guest->cpl, real->cpl));
    add(list, "cr0", hex(guest->cr0), NULL);
    add(list, "cr2", hex(guest->cr2), NULL);
    add(list, "cr3", hex(guest->cr3), NULL);
    add(list, "cr4", hex(guest->cr4), NULL);
    add(list, "real cr0", hex(real->cr0), NULL);
    add(list, "real cr3", hex(real->cr3), NULL);
    for (unsigned i = 0; i < 6; i++) add(list, segments[i], json_sprintf("%04X", guest->seg[i].sel), NULL);
}

bool dap_variables(struct dap *d, json_t *args, json_t *body, struct err *e)
{
    struct machine_cpu guest, real;
    json_t *list = json_array();
    machine_guest(d->m, &guest);
    machine_cpu(d->m, &real);
    switch (json_integer_value(json_object_get(args, "variablesReference"))) {
    case REF_REGISTERS: registers(&guest, list); break;
    case REF_FLAGS:
        for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++) add(list, flags[i].name, json_string(guest.eflags >> flags[i].bit & 1 ? "1" : "0"), NULL);
        add(list, "IOPL", json_sprintf("%u", guest.iopl), NULL);
        break;
    case REF_SYSTEM: system_registers(&guest, &real, list); break;
    case REF_MACHINE:
        add_number(list, "cycles", machine_cycles(d->m));
        add_number(list, "instructions", machine_retired(d->m));
        add_number(list, "moment", machine_insns(d->m));
        add_number(list, "events", trace_last(machine_trace_of(d->m)));
        break;
    default:
        json_decref(list);
        return err_set(e, EXIT_INPUT, "there are no variables of that number");
    }
    json_object_set_new(body, "variables", list);
    return true;
}

bool dap_value(const struct dap *d, const char *word, uint32_t *value)
{
    struct machine_cpu c;
    char *end;
    machine_guest(d->m, &c);
    for (unsigned i = 0; i < 8; i++)
        if (!strcmp(word, names[i])) return *value = c.reg[i], true;
    const struct { const char *name; uint32_t v; } more[] = { { "eip", c.eip }, { "eflags", c.eflags }, { "cr0", c.cr0 }, { "cr2", c.cr2 }, { "cr3", c.cr3 },
                                                              { "cr4", c.cr4 } };
    for (unsigned i = 0; i < sizeof more / sizeof *more; i++)
        if (!strcmp(word, more[i].name)) return *value = more[i].v, true;
    if (dap_raise_word(d, word, value) || machine_find_symbol(d->m, word, value)) return true;
    if (*word < '0' || *word > '9') return false;
    *value = (uint32_t)strtoull(word, &end, 0);
    return !*end;
}

/* A flag, or IOPL: its bits in EFLAGS. False: no flag of that name, or no value that fits. */
static bool flag_bits(const struct machine_cpu *c, const char *name, uint32_t v, uint32_t *eflags)
{
    for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++)
        if (!strcmp(name, flags[i].name) && v <= 1) return *eflags = (c->eflags & ~(1u << flags[i].bit)) | v << flags[i].bit, true;
    if (strcmp(name, "IOPL") || v > 3) return false;
    return *eflags = (c->eflags & ~(3u << IOPL_BIT)) | v << IOPL_BIT, true;
}

bool dap_set_variable(struct dap *d, json_t *args, json_t *body, struct err *e)
{
    const char *name = json_string_value(json_object_get(args, "name")), *word = json_string_value(json_object_get(args, "value"));
    bool flag = json_integer_value(json_object_get(args, "variablesReference")) == REF_FLAGS;
    struct machine_cpu c;
    uint32_t v, eflags;
    if (!name || !word || !dap_value(d, word, &v)) return err_set(e, EXIT_INPUT, "%.40s: neither a number nor a symbol", word ? word : "");
    machine_guest(d->m, &c);
    if (flag && !flag_bits(&c, name, v, &eflags)) return err_set(e, EXIT_INPUT, "%.40s cannot be %u", name, v);
    if (flag ? !machine_set_reg(d->m, "eflags", eflags) : !machine_set_reg(d->m, name, v)) return err_set(e, EXIT_INPUT, "%.40s cannot be set", name);
    json_object_set_new(body, "value", flag ? json_sprintf("%u", v) : hex(v));
    return true;
}

static bool no_word(const struct dap *d, const char *word, struct err *e)
{
    const char *near = word ? machine_suggest_symbol(d->m, word) : NULL;
    if (word && *word == '[') return err_set(e, EXIT_INPUT, "%.60s: no memory there, or no address", word);
    return err_set(e, EXIT_INPUT, "%.60s: neither a register, a symbol nor a number%s%s", word ? word : "", near ? "; did you mean " : "", near ? near : "");
}

/* What can be set: a register, and the four bytes at [ADDRESS]. */
bool dap_set_expression(struct dap *d, json_t *args, json_t *body, struct err *e)
{
    const char *what = json_string_value(json_object_get(args, "expression")), *word = json_string_value(json_object_get(args, "value"));
    char place[80];
    uint32_t at, v;
    size_t n = what ? strlen(what) : 0;
    if (!word || !dap_word(d, word, &v)) return no_word(d, word, e);
    if (n > 2 && n < sizeof place && *what == '[' && what[n - 1] == ']') {
        snprintf(place, sizeof place, "%.*s", (int)n - 2, what + 1);
        if (!dap_word(d, place, &at)) return no_word(d, place, e);
        uint8_t bytes[] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) };
        if (!machine_poke(d->m, gva(at), bytes, sizeof bytes)) return err_set(e, EXIT_INPUT, "0x%08X: no memory there", at);
    } else if (!what || !machine_set_reg(d->m, *what == '$' ? what + 1 : what, v)) {
        if (what && machine_find_symbol(d->m, what, &at)) return err_set(e, EXIT_INPUT, "%.60s is an address; write [%.60s] for the four bytes there", what, what);
        return err_set(e, EXIT_INPUT, "%.60s cannot be set: a register, or [ADDRESS]", what ? what : "");
    }
    json_object_set_new(body, "value", hex(v));
    return true;
}

bool dap_evaluate(struct dap *d, json_t *args, json_t *body, struct err *e)
{
    const char *word = json_string_value(json_object_get(args, "expression"));
    uint32_t v;
    char symbol[96], at[16];
    if (!word || !dap_word(d, word, &v)) return no_word(d, word, e);
    snprintf(at, sizeof at, "0x%08X", v);
    json_object_set_new(body, "result", json_sprintf("%s %s", at, machine_symbol(d->m, v, symbol, sizeof symbol)));
    json_object_set_new(body, "variablesReference", json_integer(0));
    json_object_set_new(body, "memoryReference", json_string(at));
    return true;
}

/* --- memory and code --- */

static bool place(const struct dap *d, json_t *args, const char *offset, uint32_t *at, struct err *e)
{
    const char *word = json_string_value(json_object_get(args, "memoryReference"));
    if (!word || !dap_value(d, word, at)) return err_set(e, EXIT_INPUT, "%.40s: no such place in memory", word ? word : "");
    *at += (uint32_t)json_integer_value(json_object_get(args, offset));
    return true;
}

/* RFC 4648. */
static void base64(const uint8_t *bytes, size_t n, struct text *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)bytes[i] << 16 | (uint32_t)(i + 1 < n ? bytes[i + 1] : 0) << 8 | (i + 2 < n ? bytes[i + 2] : 0);
        for (unsigned k = 0; k < 4; k++) text_char(out, i + k > n ? '=' : digits[v >> (18 - 6 * k) & 63]);
    }
}

bool dap_read_memory(struct dap *d, json_t *args, json_t *body, struct err *e)
{
    uint32_t at;
    json_int_t n = json_integer_value(json_object_get(args, "count"));
    if (!place(d, args, "offset", &at, e)) return false;
    if (n < 0 || n > READ_MOST) return err_set(e, EXIT_INPUT, "from 0 to %d bytes at a time", (int)READ_MOST);
    uint8_t *bytes = malloc((size_t)n + 1);
    json_int_t have = 0;
    struct text t = { 0 };
    while (bytes && have < n && at + have <= UINT32_MAX && machine_peek_guest(d->m, gva(at + (uint32_t)have), bytes + have, 1)) have++;
    if (bytes) base64(bytes, (size_t)have, &t);
    json_object_set_new(body, "address", hex(at));
    json_object_set_new(body, "data", json_string(text_str(&t)));
    if (have < n) json_object_set_new(body, "unreadableBytes", json_integer(n - have));
    free(bytes);
    text_free(&t);
    return true;
}

/* The bytes that `text` stands for, at most `room`; how many, or -1: it stands for none, or for more. */
static int from_base64(const char *text, uint8_t *bytes, int room)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t v = 0;
    int n = 0, bits = 0;
    for (; *text && *text != '='; text++) {
        const char *at = strchr(digits, *text);
        if (!at) return -1;
        v = v << 6 | (uint32_t)(at - digits);
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        if (n == room) return -1;
        bytes[n++] = (uint8_t)(v >> bits);
    }
    return text[strspn(text, "=")] ? -1 : n;
}

/* All or nothing: memory that is not there changes nothing. */
bool dap_write_memory(struct dap *d, json_t *args, json_t *body, struct err *e)
{
    const char *data = json_string_value(json_object_get(args, "data"));
    static uint8_t bytes[WRITE_MOST];
    uint32_t at;
    if (!place(d, args, "offset", &at, e)) return false;
    int n = data ? from_base64(data, bytes, WRITE_MOST) : -1;
    if (n < 0) return err_set(e, EXIT_INPUT, "the data is not base64 of at most %d bytes", (int)WRITE_MOST);
    for (int i = 0; i < n; i++) {
        uint8_t b;
        if (!machine_peek_guest(d->m, gva(at + (uint32_t)i), &b, 1)) return err_set(e, EXIT_INPUT, "0x%08X: no memory there", at + (uint32_t)i);
    }
    if (n && !machine_poke(d->m, gva(at), bytes, (size_t)n)) return err_set(e, EXIT_INPUT, "0x%08X: cannot be written", at);
    json_object_set_new(body, "bytesWritten", json_integer(n));
    return true;
}

static json_t *instruction(struct dap *d, uint32_t at, unsigned *length)
{
    char words[128], bytes[64] = "", symbol[96];
    uint8_t b;
    *length = machine_disasm(d->m, gva(at), words, sizeof words);
    for (unsigned i = 0; i < *length && i < 15 && machine_peek_guest(d->m, gva(at + i), &b, 1); i++) snprintf(bytes + 3 * i, sizeof bytes - 3 * i, "%02X ", b);
    json_t *row = json_pack("{s:o, s:s, s:s}", "address", hex(at), "instructionBytes", bytes, "instruction", *length ? words : "??");
    const char *name = machine_symbol(d->m, at, symbol, sizeof symbol);
    if (*length && !strchr(name, '+') && (*name < '0' || *name > '9')) json_object_set_new(row, "symbol", json_string(name));
    json_t *where = json_object();
    add_source(d, at, where);
    if (json_object_get(where, "source")) {
        json_object_set(row, "location", json_object_get(where, "source"));
        json_object_set(row, "line", json_object_get(where, "line"));
    }
    json_decref(where);
    return row;
}

bool dap_disassemble(struct dap *d, json_t *args, json_t *body, struct err *e)
{
    uint32_t at;
    json_int_t skip = json_integer_value(json_object_get(args, "instructionOffset")), n = json_integer_value(json_object_get(args, "instructionCount"));
    if (!place(d, args, "offset", &at, e)) return false;
    if (n < 0 || n > INSTRUCTIONS || skip < -INSTRUCTIONS || skip > INSTRUCTIONS) return err_set(e, EXIT_INPUT, "at most %d instructions at a time", (int)INSTRUCTIONS);
    json_t *list = json_array();
    gva_t before[INSTRUCTIONS];
    unsigned length, want = skip < 0 ? (unsigned)-skip : 0, have = machine_disasm_back(d->m, gva(at), before, want);
    uint32_t first = have ? before[0].v : at;
    for (unsigned i = 0; i < want && (json_int_t)json_array_size(list) < n; i++) {
        uint32_t missing = want - have > i ? want - have - i : 0; /* code cannot be read backwards from here for sure */
        json_array_append_new(list, !missing ? instruction(d, before[i + have - want].v, &length)
                                             : json_pack("{s:o, s:s, s:s}", "address", hex(first > missing ? first - missing : 0), "instruction", "??",
                                                         "presentationHint", "invalid"));
    }
    for (; (json_int_t)json_array_size(list) < n; at += length ? length : 1) {
        json_t *row = instruction(d, at, &length);
        if (skip-- > 0) json_decref(row);
        else json_array_append_new(list, row);
    }
    json_object_set_new(body, "instructions", list);
    return true;
}
