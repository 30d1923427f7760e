/* Stop points of an editor: by source line, function, address or data, with conditions, counts and messages. See dap.h.
 *
 * Idea 1: a point is always the machine's own (machine_points); a condition is looked at when it was hit, with the guest standing there, and the
 * run goes on if it does not hold. What a message says is looked up the same way.
 * Idea 2: words of a condition are what `evaluate` takes (a register, a symbol, a number), [WORD] the four bytes there; two of them may be compared
 * (== != < <= > >=, without sign, and & for common bits), and comparisons joined by &&. Not here: arithmetic, C's variables. */
#include "sim/dap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- conditions ------------------------------------------------------------------------------------------------------ */

/* A word between `from` and `to`, blanks around it. */
static bool word_value(const struct dap *d, const char *from, const char *to, uint32_t *v)
{
    char word[80];
    while (from < to && *from == ' ') from++;
    while (to > from && to[-1] == ' ') to--;
    if (to - from > 2 && *from == '[' && to[-1] == ']')
        return word_value(d, from + 1, to - 1, v) && machine_peek_guest(d->m, gva(*v), v, sizeof *v);
    if (from < to && *from == '$') from++;
    if (from == to || (size_t)(to - from) >= sizeof word) return false;
    snprintf(word, sizeof word, "%.*s", (int)(to - from), from);
    return dap_value(d, word, v);
}

static bool compare(const struct dap *d, const char *from, const char *to, bool *holds)
{
    static const char *const signs[] = { "==", "!=", "<=", ">=", "<", ">", "&" };
    uint32_t a, b;
    for (unsigned i = 0; i < sizeof signs / sizeof *signs; i++) {
        size_t n = strlen(signs[i]);
        const char *at = strstr(from, signs[i]);
        if (!at || at + n > to) continue;
        if (!word_value(d, from, at, &a) || !word_value(d, at + n, to, &b)) return false;
        *holds = i == 0 ? a == b : i == 1 ? a != b : i == 2 ? a <= b : i == 3 ? a >= b : i == 4 ? a < b : i == 5 ? a > b : (a & b) != 0;
        return true;
    }
    if (!word_value(d, from, to, &a)) return false;
    *holds = a != 0;
    return true;
}

bool dap_word(const struct dap *d, const char *word, uint32_t *value) { return word_value(d, word, word + strlen(word), value); }

/* False: it says nothing that can be looked up. */
static bool condition(const struct dap *d, const char *words, bool *holds)
{
    bool one = true;
    *holds = true;
    for (const char *end; words; words = end ? end + 2 : NULL) {
        end = strstr(words, "&&");
        if (!compare(d, words, end ? end : words + strlen(words), &one)) return false;
        *holds = *holds && one;
    }
    return true;
}

bool dap_condition_is(const struct dap *d, const char *words)
{
    bool holds;
    return !*words || condition(d, words, &holds) || strchr(words, '[');
}

bool dap_condition_holds(const struct dap *d, const char *words)
{
    bool holds;
    return !*words || !condition(d, words, &holds) || holds;
}

/* "3" and "==3": the third time; ">=3", ">3", "%3": from then on, after it, each third. */
static bool count_of(const char *words, char *how, uint64_t *n)
{
    char *end;
    while (*words == ' ') words++;
    *how = '=';
    if (!strncmp(words, ">=", 2)) *how = 'g', words += 2;
    else if (!strncmp(words, "==", 2)) words += 2;
    else if (*words == '>' || *words == '%') *how = *words++;
    while (*words == ' ') words++;
    *n = strtoull(words, &end, 10);
    return *words >= '0' && *words <= '9' && !*end && *n;
}

static bool counted(const char *words, uint64_t hits)
{
    char how;
    uint64_t n;
    if (!*words || !count_of(words, &how, &n)) return true;
    return how == '=' ? hits == n : how == 'g' ? hits >= n : how == '>' ? hits > n : hits % n == 0;
}

/* "eax is {eax}" with what stands in braces as its value. */
static void say(struct dap *d, const char *words)
{
    struct text t = { 0 };
    uint32_t v;
    for (; *words; words++) {
        const char *end = *words == '{' ? strchr(words, '}') : NULL;
        if (!end) text_char(&t, *words);
        else if (word_value(d, words + 1, end, &v)) text_add(&t, "0x%X", v), words = end;
        else text_add(&t, "?"), words = end;
    }
    text_char(&t, '\n');
    dap_output(d, "console", text_str(&t));
    text_free(&t);
}

static bool is_hit(const struct dap *d, const struct dap_point *p)
{
    struct machine_cpu c;
    if (!p->type) {
        machine_guest(d->m, &c);
        return strstr(text_str(&d->gdb.last), "break:") && c.eip == p->at;
    }
    return strstr(text_str(&d->gdb.last), "watch:") && d->gdb.hit.kind != POINT_EXEC && d->gdb.hit.at - p->at < p->length &&
           (p->type == 4 || (p->type == 2) == (d->gdb.hit.kind == POINT_WRITE));
}

bool dap_point_stops(struct dap *d, bool forward)
{
    bool any = false, stops = false;
    d->hits = 0;
    for (unsigned i = 0; i < d->points; i++) {
        struct dap_point *p = &d->point[i];
        if (!is_hit(d, p)) continue;
        any = true;
        if (!dap_condition_holds(d, p->condition)) continue;
        if (forward && !counted(p->count, ++p->hits)) continue;
        if (forward && *p->message) {
            say(d, p->message);
            continue;
        }
        if (*p->message) continue;
        stops = true;
        if (d->hits < sizeof d->hit_id / sizeof *d->hit_id) d->hit_id[d->hits++] = p->id;
    }
    return stops || !any;
}

const char *dap_point_reason(const struct dap *d)
{
    for (unsigned i = 0; d->hits && i < d->points; i++)
        if (d->point[i].id == d->hit_id[0]) return d->point[i].set == DAP_FUNCTIONS ? "function breakpoint" : d->point[i].set == DAP_INSTRUCTIONS ? "instruction breakpoint" : "breakpoint";
    return "breakpoint";
}

/* --- setting them ---------------------------------------------------------------------------------------------------- */

static void apply(struct dap *d)
{
    d->gdb.stops = 0;
    d->gdb.swbreak = true;
    for (unsigned i = 0; i < d->points; i++) d->gdb.stop[d->gdb.stops++] = (struct gdb_stop){ d->point[i].type, d->point[i].at, d->point[i].length };
    gdb_apply_stops(&d->gdb, NULL);
}

/* An editor sends all of a kind anew. */
static void clear(struct dap *d, unsigned set)
{
    unsigned n = 0;
    for (unsigned i = 0; i < d->points; i++)
        if (d->point[i].set != set) d->point[n++] = d->point[i];
    d->points = n;
}

static void refused(json_t *list, const char *why)
{
    json_array_append_new(list, json_pack("{s:b, s:s}", "verified", 0, "message", why));
}

static bool words_of(json_t *wanted, const char *key, char *to, size_t room)
{
    const char *words = json_string_value(json_object_get(wanted, key));
    return snprintf(to, room, "%s", words ? words : "") < (int)room;
}

/* `wanted`: as the editor sent it, with condition and so on. */
static void add(struct dap *d, struct dap_point p, unsigned line, json_t *wanted, json_t *list)
{
    char where[16], how;
    uint64_t n;
    const char *why = NULL;
    snprintf(where, sizeof where, "0x%08X", p.at);
    if (d->points == POINTS_MOST) why = "no more stop points fit";
    else if (!words_of(wanted, "condition", p.condition, sizeof p.condition) || !words_of(wanted, "hitCondition", p.count, sizeof p.count) ||
        !words_of(wanted, "logMessage", p.message, sizeof p.message))
        why = "the condition or message is too long";
    else if (!dap_condition_is(d, p.condition))
        why = "the condition is none: registers, symbols, numbers and [ADDRESS], compared by == != < <= > >= &, joined by &&";
    else if (*p.count && !count_of(p.count, &how, &n)) why = "the count is none: 3, >3, >=3 or %3";
    if (why) {
        refused(list, why);
        return;
    }
    p.id = ++d->ids;
    d->point[d->points++] = p;
    json_t *b = json_pack("{s:i, s:b, s:s}", "id", (int)p.id, "verified", 1, "instructionReference", where);
    if (line) json_object_set_new(b, "line", json_integer(line));
    json_array_append_new(list, b);
}

bool dap_on_sources(struct dap *d, json_t *args, json_t *body, struct err *e)
{
    const char *path = json_string_value(json_object_get(json_object_get(args, "source"), "path"));
    json_t *list, *wanted;
    size_t i;
    unsigned file = 0;
    if (!path) return err_set(e, EXIT_INPUT, "the source has no path");
    while (file < DAP_FILES && d->file[file][0] && strcmp(d->file[file], path)) file++;
    if (file == DAP_FILES || strlen(path) >= sizeof d->file[0]) return err_set(e, EXIT_INPUT, "stop points in more than %d files", (int)DAP_FILES);
    strcpy(d->file[file], path);
    clear(d, DAP_SOURCES + file);
    list = json_array();
    json_array_foreach(json_object_get(args, "breakpoints"), i, wanted) {
        struct source_line l;
        unsigned line = (unsigned)json_integer_value(json_object_get(wanted, "line"));
        const char *slash = strrchr(path, '/');
        if (source_lines_find(d->lines, path, line, &l) || (slash && source_lines_find(d->lines, slash + 1, line, &l)))
            add(d, (struct dap_point){ .set = (uint8_t)(DAP_SOURCES + file), .at = l.addr, .length = 1 }, l.line, wanted, list);
        else refused(list, d->lines ? "no instruction was made from that line or one below" : "the image has no source lines");
    }
    json_object_set_new(body, "breakpoints", list);
    apply(d);
    return true;
}

static bool on_places(struct dap *d, json_t *args, json_t *body, unsigned set, const char *key)
{
    json_t *list = json_array(), *wanted;
    size_t i;
    clear(d, set);
    json_array_foreach(json_object_get(args, "breakpoints"), i, wanted) {
        const char *word = json_string_value(json_object_get(wanted, key));
        uint32_t at;
        bool found = word && (set == DAP_FUNCTIONS ? machine_find_symbol(d->m, word, &at) : dap_value(d, word, &at));
        if (found)
            add(d, (struct dap_point){ .set = (uint8_t)set, .at = at + (uint32_t)json_integer_value(json_object_get(wanted, "offset")), .length = 1 }, 0, wanted, list);
        else refused(list, set == DAP_FUNCTIONS ? "the image has no such symbol" : "no such address");
    }
    json_object_set_new(body, "breakpoints", list);
    apply(d);
    return true;
}

bool dap_on_functions(struct dap *d, json_t *args, json_t *body, struct err *e) { return (void)e, on_places(d, args, body, DAP_FUNCTIONS, "name"); }
bool dap_on_instructions(struct dap *d, json_t *args, json_t *body, struct err *e)
{
    return (void)e, on_places(d, args, body, DAP_INSTRUCTIONS, "instructionReference");
}

/* --- data: its id is "0x00101000/4" ---------------------------------------------------------------------------------- */

bool dap_data_info(struct dap *d, json_t *args, json_t *body, struct err *e)
{
    const char *name = json_string_value(json_object_get(args, "name"));
    json_int_t bytes = json_integer_value(json_object_get(args, "bytes"));
    uint32_t at;
    (void)e;
    if (!bytes) bytes = 4;
    bool address = name && (machine_find_symbol(d->m, name, &at) || (*name >= '0' && *name <= '9' && dap_value(d, name, &at)));
    if (!address || bytes < 0 || bytes > 4096) {
        json_object_set_new(body, "dataId", json_null());
        json_object_set_new(body, "description", json_string(address ? "from 1 to 4096 bytes" : "neither a symbol nor an address; registers cannot be watched"));
        return true;
    }
    json_object_set_new(body, "dataId", json_sprintf("0x%08X/%d", at, (int)bytes));
    json_object_set_new(body, "description", json_sprintf("%d bytes at 0x%08X", (int)bytes, at));
    json_object_set_new(body, "accessTypes", json_pack("[s, s, s]", "read", "write", "readWrite"));
    json_object_set_new(body, "canPersist", json_true());
    return true;
}

bool dap_on_data(struct dap *d, json_t *args, json_t *body, struct err *e)
{
    json_t *list = json_array(), *wanted;
    size_t i;
    (void)e;
    clear(d, DAP_DATA);
    json_array_foreach(json_object_get(args, "breakpoints"), i, wanted) {
        const char *id = json_string_value(json_object_get(wanted, "dataId")), *how = json_string_value(json_object_get(wanted, "accessType"));
        unsigned at, bytes;
        char more;
        if (!id || sscanf(id, "0x%8X/%4u%c", &at, &bytes, &more) != 2 || !bytes || bytes > 4096) {
            refused(list, "no such data; ask dataBreakpointInfo for its id");
            continue;
        }
        uint8_t type = how && !strcmp(how, "read") ? 3 : how && !strcmp(how, "readWrite") ? 4 : 2;
        add(d, (struct dap_point){ .set = DAP_DATA, .type = type, .at = at, .length = bytes }, 0, wanted, list);
    }
    json_object_set_new(body, "breakpoints", list);
    apply(d);
    return true;
}
