/* A visit to the hypervisor in full words, for narration: why the guest left, what the hypervisor did, what it took. See narrate_visit.h.
 * Names of exceptions: SDM vol. 3A table 6-1. */
#include <string.h>
#include "sim/trace/vector.h"
#include "tui/narrate_visit.h"
#include "tui/words.h"

enum { LONGEST = 64 /* events of one visit that are told */ };

static const char *const exceptions[20] = {
    "divide error", "debug exception", "non-maskable interrupt", "breakpoint", "overflow", "bound range exceeded", "invalid opcode",
    "device not available", "double fault", NULL, "invalid task state segment", "segment not present", "stack fault",
    "general protection fault", "page fault", NULL, "floating-point error", "alignment check", "machine check", NULL,
};

static bool say_name(unsigned vector, struct text *out)
{
    const char *name = vector < 20 ? exceptions[vector] : NULL;
    if (name) text_add(out, "%s", name);
    else text_add(out, "interrupt %02X hex", vector);
    return name != NULL;
}

void narrate_vector(unsigned vector, uint32_t code, uint32_t addr, struct text *out)
{
    bool name = say_name(vector, out);
    if (name && vector == 14) text_add(out, " at address %08X", addr);
    if (name && vector_has_code((uint8_t)vector)) text_add(out, ", error code %X", code);
}

/* What an exit's reason is, where the vector alone does not say it; "" where it does. */
static const char *reason_words(const char *word)
{
    static const struct { const char *word, *words; } list[] = {
        { "privileged", "for a privileged instruction" }, { "sensitive", "for a sensitive instruction" }, { "port", "for a port access" },
        { "int", "" }, { "return", "for a far return or IRET" }, { "segment", "for a segment register or a far transfer" },
        { "limit", "for an access beyond the segment" }, { "page-fault", "" }, { "ept", "for an entry of the second-level tables" },
        { "callout", "for it calls the hypervisor" }, { "exception", "" }, { "hypercall", "for a hypercall" },
        { "cr", "for a control register" }, { "task", "for a task switch" }, { "window", "because it can take an interrupt now" },
        { "irq", "for a device" },
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        if (!strcmp(list[i].word, word)) return list[i].words;
    return word;
}

static void say_part(const struct event *e, const struct machine *m, struct text *out)
{
    char where[64];
    switch (e->kind) {
    case EV_EMULATE: text_add(out, "carries out "), words_say(e, m, out); break;
    case EV_PORT:
        if (e->u.PORT.out) text_add(out, "writes %X hex to the virtual port %X hex", e->u.PORT.value, e->u.PORT.port);
        else text_add(out, "reads %X hex from the virtual port %X hex", e->u.PORT.value, e->u.PORT.port);
        break;
    case EV_INJECT: text_add(out, "delivers "), say_name(e->u.INJECT.vector, out), text_add(out, " to the guest"); break;
    case EV_HIDDEN: text_add(out, "fills the shadow entry of %08X", e->u.HIDDEN.va); break;
    case EV_TRUE: text_add(out, "finds that the guest's own tables refuse %08X", e->u.TRUE.va); break;
    case EV_TRACED: text_add(out, "follows a store of %08X to the page-table entry at %08X", e->u.TRACED.entry, e->u.TRACED.va); break;
    case EV_SECOND: text_add(out, "fills the second-level entry of %08X", e->u.SECOND.at); break;
    case EV_TRANSLATE:
        text_add(out, "translates %u instructions at %s", e->u.TRANSLATE.insns, machine_symbol(m, e->eip, where, sizeof where));
        break;
    case EV_CHAIN:
        text_add(out, "joins translated code to that of %s", machine_symbol(m, e->u.CHAIN.target, where, sizeof where));
        break;
    case EV_HYPERCALL:
        text_add(out, "serves %s, result %d", trace_name("hypercall", e->u.HYPERCALL.op), (int)e->u.HYPERCALL.result);
        break;
    case EV_REFUSED: text_add(out, "refuses, by the rule %s", trace_name("rule", e->u.REFUSED.rule)); break;
    case EV_UPCALL: text_add(out, "calls the guest's event handler"); break;
    case EV_SWITCH: text_add(out, "gives the processor to virtual machine %u", e->u.SWITCH.to); break;
    default: break;
    }
}

void narrate_visit(const struct machine *m, const struct event *e, struct text *out)
{
    const struct trace *t = machine_trace_of(m);
    struct text did = { 0 };
    const char *reason = reason_words(trace_name("exit", e->u.EXIT.reason));
    uint32_t cost = 0, last = trace_last(t) < e->id + LONGEST ? trace_last(t) : e->id + LONGEST;
    bool port = false, resumed = false;
    for (uint32_t id = e->id + 1; id <= last; id++) port |= trace_by_id(t, id)->kind == EV_PORT && trace_by_id(t, id)->episode == e->id;
    for (uint32_t id = e->id + 1; id <= last && trace_by_id(t, id)->episode == e->id; id++) {
        const struct event *x = trace_by_id(t, id);
        struct text part = { 0 };
        if (x->kind == EV_RESUME) resumed = true, cost = x->u.RESUME.cost;
        if (!(port && x->kind == EV_EMULATE)) say_part(x, m, &part);
        if (part.len) text_add(&did, "%s%s", did.len ? ", " : "", text_str(&part));
        text_free(&part);
    }
    if (e->u.EXIT.vector == VECTOR_NONE) text_add(out, "it leaves %s.", *reason ? reason : "to the hypervisor");
    else {
        narrate_vector(e->u.EXIT.vector, e->u.EXIT.code, e->u.EXIT.addr, out);
        text_add(out, "%s%s.", *reason ? ", " : "", reason);
    }
    if (did.len) text_add(out, " The hypervisor %s.", text_str(&did));
    if (resumed) text_add(out, " It took %u cycles.", cost);
    text_free(&did);
}
