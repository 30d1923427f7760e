/* What an editor calls exceptions: events after which the guest is to stop, by filter. See dap.h.
 *
 * Idea 1: a filter is a kind of event: an exception that the guest gets, a visit to the hypervisor, an instruction that failed silently. The
 * machine runs until such an event; the guest is then taken back to the instruction that was the reason, for there one can look at why.
 * Idea 2: an exception is the guest's if nobody took it first: under a hypervisor it is the one that was injected, or that VMX let through.
 * Going on from there, the same event is met again, and passed. Backwards, filters stop nothing. Death stops always.
 * Conditions are those of stop points (dap_points.c), with the words vector, code and address of the event. */
#include "sim/dap.h"

#include <stdio.h>
#include <string.h>
#include "sim/trace/vector.h"

enum { EXCEPTIONS = 32, FIELD_EXTERNAL = 1 }; /* vectors below are the processor's; of INJECT in event.def */

static const struct {
    const char *id, *label, *about, *hint;
    bool on;
} filters[DAP_FILTERS] = {
    [DAP_EXCEPTIONS] = { "exception", "Exceptions of the guest", "The guest gets an exception, also one that its kernel answers, as a page fault on demand", "vector == 14 && address >= 0xC0000000", false },
    [DAP_EXITS] = { "exit", "Exits to the hypervisor", "The guest leaves to the hypervisor, whatever for", "vector == 13", false },
    [DAP_SILENT] = { "silent", "Silent failures", "A sensitive instruction does not trap, and does something else than in ring 0", "eax != 0", true },
};

/* --- asking for them ------------------------------------------------------------------------------------------------- */

json_t *dap_filters(void)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < DAP_FILTERS; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b, s:b, s:s}", "filter", filters[i].id, "label", filters[i].label, "description", filters[i].about,
                                              "default", filters[i].on, "supportsCondition", 1, "conditionDescription", filters[i].hint));
    return list;
}

static bool is_condition(struct dap *d, const char *words)
{
    d->raising = true;
    bool is = dap_condition_is(d, words);
    d->raising = false;
    return is;
}

static bool set(struct dap *d, const char *id, const char *condition, json_t *list)
{
    unsigned i = 0;
    const char *why = NULL;
    while (i < DAP_FILTERS && (!id || strcmp(id, filters[i].id))) i++;
    if (i == DAP_FILTERS) why = "there are the filters exception, exit and silent";
    else if (strlen(condition) >= sizeof d->filter[i].condition) why = "the condition is too long";
    else if (!is_condition(d, condition)) why = "the condition is none: vector, code, address, registers, symbols and numbers, compared by == != < <= > >= &, joined by &&";
    else d->filter[i].on = true, strcpy(d->filter[i].condition, condition);
    json_array_append_new(list, why ? json_pack("{s:b, s:s}", "verified", 0, "message", why) : json_pack("{s:b}", "verified", 1));
    return !why;
}

bool dap_on_exceptions(struct dap *d, json_t *args, json_t *body, struct err *e)
{
    json_t *list = json_array(), *wanted;
    size_t i;
    (void)e;
    memset(d->filter, 0, sizeof d->filter);
    json_array_foreach(json_object_get(args, "filters"), i, wanted) set(d, json_string_value(wanted), "", list);
    json_array_foreach(json_object_get(args, "filterOptions"), i, wanted) {
        const char *condition = json_string_value(json_object_get(wanted, "condition"));
        set(d, json_string_value(json_object_get(wanted, "filterId")), condition ? condition : "", list);
    }
    json_object_set_new(body, "breakpoints", list);
    return true;
}

/* --- meeting them ---------------------------------------------------------------------------------------------------- */

const struct till *dap_raise_till(struct dap *d)
{
    static const struct till kinds[] = { { .kind = TILL_EVENT, .a = EV_FAULT }, { .kind = TILL_EVENT, .a = EV_INJECT, .masked = true, .field = FIELD_EXTERNAL },
                                         { .kind = TILL_EVENT, .a = EV_EXIT }, { .kind = TILL_EVENT, .a = EV_SILENT } };
    static const struct till exceptions = { .kind = TILL_ANY, .subs = 2, .sub = kinds };
    unsigned n = 0;
    if (d->filter[DAP_EXCEPTIONS].on) d->part[n++] = exceptions;
    if (d->filter[DAP_EXITS].on) d->part[n++] = kinds[2];
    if (d->filter[DAP_SILENT].on) d->part[n++] = kinds[3];
    d->till = (struct till){ .kind = TILL_ANY, .subs = n, .sub = d->part };
    return n ? &d->till : NULL;
}

/* Did the fault at index `i` go to the hypervisor, by a gate of its own or a VM exit? */
static bool was_taken(const struct trace *t, size_t i)
{
    uint32_t id = trace_at(t, i)->id, gate = 0;
    const struct event *e;
    for (size_t k = i + 1; k < i + 8 && (e = trace_at(t, k)); k++) {
        if (e->kind == EV_GATE && e->cause == id) gate = e->id;
        if ((e->kind == EV_EXIT || e->kind == EV_VMEXIT) && (e->cause == id || (gate && e->cause == gate))) return true;
    }
    return false;
}

static unsigned filter_of(const struct trace *t, size_t i)
{
    const struct event *e = trace_at(t, i);
    switch (e->kind) {
    case EV_FAULT: return was_taken(t, i) ? DAP_FILTERS : DAP_EXCEPTIONS;
    case EV_INJECT: return e->u.INJECT.external || e->u.INJECT.vector >= EXCEPTIONS ? DAP_FILTERS : DAP_EXCEPTIONS;
    case EV_EXIT: return DAP_EXITS;
    case EV_SILENT: return DAP_SILENT;
    default: return DAP_FILTERS;
    }
}

bool dap_raise_word(const struct dap *d, const char *word, uint32_t *value)
{
    const struct event *e = &d->raised;
    const bool fault = e->kind == EV_FAULT, inject = e->kind == EV_INJECT, leaves = e->kind == EV_EXIT;
    struct machine_cpu c;
    if (!d->raising) return false;
    if (!strcmp(word, "vector")) return *value = fault ? e->u.FAULT.vector : inject ? e->u.INJECT.vector : leaves ? e->u.EXIT.vector : VECTOR_NONE, true;
    if (!strcmp(word, "code")) return *value = fault ? e->u.FAULT.code : inject ? e->u.INJECT.code : leaves ? e->u.EXIT.code : 0, true;
    if (strcmp(word, "address")) return false;
    machine_guest(d->m, &c);
    return *value = fault ? e->u.FAULT.addr : leaves ? e->u.EXIT.addr : c.cr2, true;
}

/* The first event behind `after` that some filter wants; false: none. */
static bool find(struct dap *d, uint32_t after)
{
    const struct trace *t = machine_trace_of(d->m);
    size_t n = trace_count(t), i = n;
    while (i && trace_at(t, i - 1)->id > after) i--;
    for (; i < n; i++) {
        unsigned f = filter_of(t, i);
        if (f == DAP_FILTERS || !d->filter[f].on) continue;
        d->raised = *trace_at(t, i);
        d->raising = true;
        bool holds = dap_condition_holds(d, d->filter[f].condition);
        d->raising = false;
        if (holds) return true;
    }
    return false;
}

/* To the instruction that was the reason; where that cannot be said exactly the guest stays behind it. */
static void go_back(struct dap *d)
{
    uint64_t behind = machine_insns(d->m);
    struct machine_cpu c;
    machine_guest(d->m, &c);
    if (c.eip != d->raised.eip && machine_reverse_step(d->m)) {
        machine_guest(d->m, &c);
        if (c.eip != d->raised.eip) machine_goto(d->m, behind);
    }
    d->raise_at = machine_insns(d->m);
}

void dap_raise_begin(struct dap *d)
{
    d->after = trace_last(machine_trace_of(d->m));
    if (d->raised.id > d->after && d->raise_at == machine_insns(d->m)) d->after = d->raised.id;
    d->is_raised = false;
}

bool dap_raise_stops(struct dap *d)
{
    if (!d->filter[DAP_EXCEPTIONS].on && !d->filter[DAP_EXITS].on && !d->filter[DAP_SILENT].on) return false;
    gdb_to_guest(&d->gdb);
    if (machine_end(d->m).fate != FATE_RUNNING) return false;
    d->is_raised = find(d, d->after);
    if (d->is_raised) go_back(d);
    else if (trace_last(machine_trace_of(d->m)) > d->after) d->after = trace_last(machine_trace_of(d->m));
    return d->is_raised;
}

/* --- saying what it was ---------------------------------------------------------------------------------------------- */

static void name(const struct event *e, char *to, size_t room)
{
    if (e->kind == EV_SILENT) snprintf(to, room, "silent failure: %s", trace_name("mnemonic", e->u.SILENT.op));
    else if (e->kind == EV_EXIT) snprintf(to, room, "exit: %s", trace_name("exit", e->u.EXIT.reason));
    else snprintf(to, room, "%s", vector_name(e->kind == EV_FAULT ? e->u.FAULT.vector : e->u.INJECT.vector));
}

void dap_raise_stopped(const struct dap *d, json_t *body)
{
    char word[40], where[96];
    if (!d->is_raised) return;
    name(&d->raised, word, sizeof word);
    json_object_set_new(body, "reason", json_string("exception"));
    json_object_set_new(body, "description", json_string(word));
    json_object_set_new(body, "text", json_sprintf("%s at %s", word, machine_symbol(d->m, d->raised.eip, where, sizeof where)));
}

/* Columns are for tables. */
static void add_sentence(const struct event *e, struct text *out)
{
    struct text line = { 0 };
    trace_line(e, &line);
    text_add(out, "event ");
    for (const char *s = text_str(&line) + strspn(text_str(&line), " "); *s; s++)
        if (*s != ' ' || (s[1] != ' ' && s[1])) text_char(out, *s);
    text_free(&line);
}

bool dap_exception_info(struct dap *d, json_t *args, json_t *body, struct err *e)
{
    struct machine_end end = machine_end(d->m);
    struct text line = { 0 };
    char word[40];
    (void)args;
    if (d->is_raised) {
        name(&d->raised, word, sizeof word);
        add_sentence(&d->raised, &line);
    } else if (end.fate == FATE_DIED || end.fate == FATE_LIMIT) {
        snprintf(word, sizeof word, "%s", end.fate == FATE_DIED ? "the guest died" : "a limit");
        text_add(&line, "%s", end.why);
    } else return err_set(e, EXIT_INPUT, "no exception stopped the guest here");
    json_object_set_new(body, "exceptionId", json_string(word));
    json_object_set_new(body, "description", json_string(text_str(&line)));
    json_object_set_new(body, "breakMode", json_string(d->is_raised ? "always" : "unhandled"));
    text_free(&line);
    return true;
}
