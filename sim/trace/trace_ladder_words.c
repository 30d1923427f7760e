/* What a row says: a label of at most 20 columns, and a smaller second line.
 *
 * Words come from the event's fields and from names the rooms registered. The table of phrases only makes common
 * emulations read well ("IF := 0" for cli); an operation without a phrase reads as its name and value. */
#include "sim/trace/ladder_rows.h"

#include <inttypes.h>
#include <string.h>
#include "sim/trace/vector.h"

void ladder_copy(char *to, const char *s, size_t columns)
{
    size_t n = strlen(s);
    size_t keep = n <= columns ? n : columns - 2;
    for (size_t i = 0; i < keep; i++) to[i] = s[i] >= 0x20 && s[i] < 0x7F ? s[i] : '?';
    memcpy(to + keep, n > columns ? ".." : "", n > columns ? 3 : 1);
}

static const char *known(const char *name) { return strcmp(name, "?") != 0 ? name : NULL; }

/* A symbol if there is one, else the address. */
static void add_place(const struct ladder_maker *m, uint32_t at, struct text *out)
{
    const struct ladder_options *o = &m->l->options;
    char buf[64] = "";
    const char *s = o->symbol ? o->symbol(o->self, at, buf, sizeof buf) : NULL;
    if (s && *s) text_add(out, "%s", s);
    else text_add(out, "%08" PRIX32, at);
}

/* The instruction that the hypervisor emulated in this visit, or NULL. */
static const char *emulated_op(const struct ladder_maker *m, const struct event *exit)
{
    for (uint32_t id = exit->id + 1;; id++) {
        const struct event *e = trace_by_id(m->trace, id);
        if (!e || e->kind == EV_RESUME || e->kind == EV_EXIT) return NULL;
        if (e->kind == EV_EMULATE && e->episode == exit->episode) return known(trace_name("mnemonic", e->u.EMULATE.op));
    }
}

static void add_opener(const struct event *opener, struct text *out)
{
    const char *word = opener->kind == EV_VMEXIT ? known(trace_name("vmx", opener->u.VMEXIT.reason)) : NULL;
    if (word && opener->u.VMEXIT.reason) text_add(out, "exit %s", word);
    else if (opener->kind == EV_VMEXIT) text_add(out, "exit %s", vector_name(opener->u.VMEXIT.vector));
    else if (opener->kind == EV_IRQ) text_add(out, "irq %02Xh", opener->u.IRQ.vector);
    else if (opener->kind == EV_INT) text_add(out, "int %02Xh", opener->u.INT.vector);
    else vector_text(opener->u.FAULT.vector, opener->u.FAULT.code, out);
}

static void say_exit(const struct ladder_maker *m, const struct event *e, const struct event *opener,
                     struct text *label, struct text *detail)
{
    const char *reason = known(trace_name("exit", e->u.EXIT.reason)), *op = emulated_op(m, e);
    bool fault = opener ? opener->kind == EV_FAULT || (opener->kind == EV_VMEXIT && !opener->u.VMEXIT.reason) : *vector_name(e->u.EXIT.vector) != 0;
    if (op && fault) text_add(label, "%s ", op);
    if (opener) add_opener(opener, label);
    else if (reason) text_add(label, "%s", reason);
    else vector_text(e->u.EXIT.vector, e->u.EXIT.code, label);
    if (fault && e->u.EXIT.vector == 14) {
        text_add(detail, "at %08" PRIX32, e->u.EXIT.addr);
    } else if (m->l->options.symbol && e->eip) {
        text_add(detail, "in ");
        add_place(m, e->eip, detail);
    } else if (reason && opener) {
        text_add(detail, "%s", reason);
    }
}

static void say_emulate(const struct event *e, struct text *label)
{
    static const struct { const char *op, *phrase; } phrases[] = {
        { "cli", "IF := 0" },          { "sti", "IF := 1" },          { "hlt", "waits for an irq" },
        { "lgdt", "GDTR := %08" PRIX32 }, { "lidt", "IDTR := %08" PRIX32 }, { "lldt", "LDTR := %" PRIX32 },
        { "ltr", "TR := %" PRIX32 },   { "lmsw", "MSW := %" PRIX32 }, { "clts", "TS := 0" },
        { "invlpg", "drop %08" PRIX32 }, { "wbinvd", "wbinvd" },      { "invd", "invd" },
    };
    const char *op = trace_name("mnemonic", e->u.EMULATE.op);
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
        if (strcmp(phrases[i].op, op) != 0) continue;
        const char *v = strchr(phrases[i].phrase, '%');
        if (!v) text_add(label, "%s", phrases[i].phrase);
        else text_add(label, strstr(v, "08") ? "%.*s%08" PRIX32 : "%.*s%" PRIX32, (int)(v - phrases[i].phrase),
                      phrases[i].phrase, e->u.EMULATE.value);
        return;
    }
    text_add(label, "%s: %" PRIX32, op, e->u.EMULATE.value);
}

static void say_inject(const struct ladder_maker *m, const struct event *e, struct text *label, struct text *detail)
{
    text_add(label, "inject ");
    if (e->u.INJECT.external) text_add(label, "irq %02Xh", e->u.INJECT.vector);
    else vector_text(e->u.INJECT.vector, e->u.INJECT.code, label);
    text_add(detail, "to ");
    add_place(m, e->u.INJECT.target, detail);
}

static void say_gate(const struct ladder_maker *m, const struct event *e, const struct event *opener,
                     struct text *label, struct text *detail)
{
    if (opener) add_opener(opener, label);
    else vector_text(e->u.GATE.vector, 0, label);
    text_add(detail, "to ");
    add_place(m, e->u.GATE.target, detail);
}

static void say_die(const struct event *e, struct text *label)
{
    const char *why = known(trace_name("death", e->u.DIE.why));
    text_add(label, "dies: %s", why ? why : "cause unknown");
    if (*vector_name(e->u.DIE.vector)) text_add(label, " %s", vector_name(e->u.DIE.vector));
}

static void say_target(const struct ladder_maker *m, const char *word, uint32_t target, struct text *label,
                       struct text *detail)
{
    text_add(label, "%s", word);
    text_add(detail, "to ");
    add_place(m, target, detail);
}

/* What only a hypervisor does: several machines, a cache of translations, memory. False: none of these. */
static bool say_doing(const struct event *e, struct text *label)
{
    switch (e->kind) {
    case EV_TRANSLATE: text_add(label, "translates %u insns", e->u.TRANSLATE.insns); break;
    case EV_CHAIN:   text_add(label, "joins two units"); break;
    case EV_INVALID: text_add(label, "forgets a unit"); break;
    case EV_FLUSH:   text_add(label, "empties the cache"); break;
    case EV_ADAPT:   text_add(label, "adapts a store"); break;
    case EV_MISS:    text_add(label, "looks a target up"); break;
    case EV_SECOND:  text_add(label, "second: %08" PRIX32, e->u.SECOND.at); break;
    case EV_NEST:    text_add(label, e->u.NEST.own ? "nested: %08" PRIX32 : "shadowed: %08" PRIX32, e->u.NEST.table); break;
    case EV_UNHOOK:  text_add(label, e->u.UNHOOK.hooked ? "table put back" : "table taken out"); break;
    case EV_SWITCH:  text_add(label, "vm%u to vm%u: %s", e->u.SWITCH.from, e->u.SWITCH.to, trace_name("switch", e->u.SWITCH.why)); break;
    case EV_HOST:    text_add(label, e->u.HOST.to_host ? "to the host" : "back in the module"); break;
    case EV_RECLAIM: text_add(label, "memory: %s", trace_name("reclaim", e->u.RECLAIM.to)); break;
    case EV_BALLOON: text_add(label, e->u.BALLOON.locked ? "vm%u gives a page" : "vm%u takes a page", e->u.BALLOON.vm); break;
    case EV_SHARE:   text_add(label, "vm%u shares a page", e->u.SHARE.vm); break;
    case EV_UNSHARE: text_add(label, "vm%u gets a copy", e->u.UNSHARE.vm); break;
    case EV_SWAP:    text_add(label, e->u.SWAP.in ? "vm%u: a page back" : "vm%u: a page out", e->u.SWAP.vm); break;
    case EV_OVER:    text_add(label, "vm%u ends", e->u.OVER.vm); break;
    case EV_VIRTIO:  text_add(label, "virtio: %s", trace_name("virtio", e->u.VIRTIO.op)); break;
    case EV_FRAME:   text_add(label, e->u.FRAME.out ? "sends %u bytes" : "stores %u bytes", e->u.FRAME.bytes); break;
    default: return false;
    }
    return true;
}

/* Rows of the memory and device rooms, and what has no arrow. */
static void say_note(const struct ladder_maker *m, const struct event *e, struct text *label)
{
    switch (e->kind) {
    case EV_RUN:
        text_add(label, "start ");
        add_place(m, e->u.RUN.entry, label);
        break;
    case EV_HIDDEN: text_add(label, "hidden: %08" PRIX32, e->u.HIDDEN.va); break;
    case EV_TRUE:   text_add(label, "true: %08" PRIX32, e->u.TRUE.va); break;
    case EV_TRACED: text_add(label, "traced: %08" PRIX32, e->u.TRACED.va); break;
    case EV_CR3:    text_add(label, "CR3 := %08" PRIX32, e->u.CR3.value); break;
    case EV_PORT:
        text_add(label, "%s %X: %" PRIX32, e->u.PORT.out ? "out" : "in", e->u.PORT.port, e->u.PORT.value);
        break;
    case EV_HYPERCALL:
        text_add(label, "%s: %" PRId32, trace_name("hypercall", e->u.HYPERCALL.op), (int32_t)e->u.HYPERCALL.result);
        break;
    case EV_REFUSED: text_add(label, "refused: %s", trace_name("rule", e->u.REFUSED.rule)); break;
    case EV_CHANNEL: text_add(label, "event channel %u", e->u.CHANNEL.port); break;
    case EV_HALT: text_add(label, "halts"); break;
    case EV_STOP: text_add(label, "end of run, code %u", e->u.STOP.code); break;
    default:
        if (!say_doing(e, label)) text_add(label, "%s", event_desc(e->kind)->word);
        break;
    }
}

void ladder_words(const struct ladder_maker *m, const struct event *e, const struct event *opener,
                  struct ladder_row *r)
{
    struct text label = { 0 }, detail = { 0 };
    switch (e->kind) {
    case EV_EXIT:    say_exit(m, e, opener, &label, &detail); break;
    case EV_EMULATE: say_emulate(e, &label); break;
    case EV_INJECT:  say_inject(m, e, &label, &detail); break;
    case EV_GATE:    say_gate(m, e, opener, &label, &detail); break;
    case EV_UPCALL:  say_target(m, "upcall", e->u.UPCALL.target, &label, &detail); break;
    case EV_RESUME:  say_target(m, "resume", e->u.RESUME.target, &label, &detail); break;
    case EV_RETURN:  say_target(m, "return", e->u.RETURN.target, &label, &detail); break;
    case EV_FAULT: case EV_INT: case EV_IRQ: add_opener(e, &label); break;
    case EV_SILENT:
        text_add(&label, "%s: no trap", trace_name("mnemonic", e->u.SILENT.op));
        text_add(&detail, "%s wanted %" PRIX32 ", got %" PRIX32, trace_name("field", e->u.SILENT.field),
                 e->u.SILENT.wanted, e->u.SILENT.got);
        if (detail.len > LADDER_DETAIL) { /* the numbers are worth more than the name of what differs */
            text_clear(&detail);
            text_add(&detail, "wanted %" PRIX32 ", got %" PRIX32, e->u.SILENT.wanted, e->u.SILENT.got);
        }
        break;
    case EV_RAISE:
        text_add(&label, "%sIRQ line %u", e->u.RAISE.virtual_ ? "virtual " : "", e->u.RAISE.line);
        break;
    case EV_DISK:
        text_add(&label, "%s", trace_name("ata", e->u.DISK.op));
        text_add(&detail, "%sdrive %u", e->u.DISK.virtual_ ? "virtual " : "", e->u.DISK.drive);
        break;
    case EV_DIE: say_die(e, &label); break;
    default:     say_note(m, e, &label); break;
    }
    ladder_copy(r->label, text_str(&label), r->shape == LADDER_END ? LADDER_END_LABEL : LADDER_LABEL);
    ladder_copy(r->detail, text_str(&detail), LADDER_DETAIL);
    text_free(&label);
    text_free(&detail);
}
