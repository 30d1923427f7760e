/* See words.h. What is said about a kind of event is in one small function each; a kind without one reads as its fields. */
#include <string.h>
#include "sim/trace/vector.h"
#include "tui/theme.h"
#include "tui/words.h"

static const char *name_of(const struct machine *m, uint32_t at, char *buf, size_t n)
{
    return machine_symbol(m, at, buf, n);
}

static void say_fields(const struct event *e, const struct machine *m, struct text *t)
{
    const struct event_desc *d = event_desc(e->kind);
    (void)m;
    for (unsigned i = 0; i < d->fields; i++) {
        const struct event_field *f = &d->field[i];
        uint32_t v = event_field(e, f);
        if (t->len) text_char(t, ' ');
        if (f->type)
            text_add(t, "%s", trace_name(f->type, v));
        else
            text_add(t, f->hex ? "%s %X" : "%s %u", f->name, v);
    }
}

static void say_at(const char *before, uint32_t at, const struct machine *m, struct text *t)
{
    char buf[64];
    text_add(t, "%s%s", before, name_of(m, at, buf, sizeof buf));
}

static void say_run(const struct event *e, const struct machine *m, struct text *t)
{
    say_at("at ", e->u.RUN.entry, m, t);
}

static void say_fault(const struct event *e, const struct machine *m, struct text *t)
{
    vector_text(e->u.FAULT.vector, e->u.FAULT.code, t);
    if (e->u.FAULT.vector == 14) text_add(t, " %08X", e->u.FAULT.addr);
    say_at(" in ", e->eip, m, t);
}

static void say_int(const struct event *e, const struct machine *m, struct text *t)
{
    text_add(t, "%02Xh", e->u.INT.vector);
    say_at(" in ", e->eip, m, t);
}

static void say_irq(const struct event *e, const struct machine *m, struct text *t)
{
    text_add(t, "vector %02Xh", e->u.IRQ.vector);
    say_at(" in ", e->eip, m, t);
}

static void say_gate(const struct event *e, const struct machine *m, struct text *t)
{
    text_add(t, "ring %u → %u", e->u.GATE.from, e->u.GATE.to);
    say_at("  ", e->u.GATE.target, m, t);
}

static void say_return(const struct event *e, const struct machine *m, struct text *t)
{
    text_add(t, "ring %u → %u", e->u.RETURN.from, e->u.RETURN.to);
    say_at("  ", e->u.RETURN.target, m, t);
}

static void say_exit(const struct event *e, const struct machine *m, struct text *t)
{
    text_add(t, "%s", trace_name("exit", e->u.EXIT.reason));
    if (e->u.EXIT.vector != VECTOR_NONE) {
        text_add(t, " ");
        vector_text(e->u.EXIT.vector, e->u.EXIT.code, t);
    }
    if (e->u.EXIT.vector == 14) text_add(t, " %08X", e->u.EXIT.addr);
    say_at(" in ", e->eip, m, t);
}

static void say_vmexit(const struct event *e, const struct machine *m, struct text *t)
{
    const char *name = trace_name("vmx", e->u.VMEXIT.reason);
    text_add(t, "%s", name ? name : "");
    if (e->u.VMEXIT.vector != VECTOR_NONE) {
        text_add(t, " ");
        vector_text(e->u.VMEXIT.vector, 0, t);
    }
    say_at(" in ", e->eip, m, t);
}

static void say_vmentry(const struct event *e, const struct machine *m, struct text *t)
{
    say_at("", e->u.VMENTRY.target, m, t);
    if (e->u.VMENTRY.inject) text_add(t, " injecting %08X", e->u.VMENTRY.inject);
}

/* "mov cr3, eax", where the instruction can still be read; else the mnemonic alone. */
static void say_emulate(const struct event *e, const struct machine *m, struct text *t)
{
    const char *op = trace_name("mnemonic", e->u.EMULATE.op);
    char line[96];
    size_t n = strlen(op);
    bool same = machine_disasm(m, gva(e->eip), line, sizeof line) && !strncmp(line, op, n) && (!line[n] || line[n] == ' ');
    text_add(t, "%s", same ? line : op);
}

void words_vector(uint8_t vector, uint32_t code, struct text *t)
{
    if (*vector_name(vector))
        vector_text(vector, code, t);
    else
        text_add(t, "%02Xh", vector);
}

static void say_inject(const struct event *e, const struct machine *m, struct text *t)
{
    words_vector(e->u.INJECT.vector, e->u.INJECT.code, t);
    say_at(" → ", e->u.INJECT.target, m, t);
}

static void say_resume(const struct event *e, const struct machine *m, struct text *t)
{
    text_add(t, "ring %u", e->u.RESUME.to);
    say_at("  ", e->u.RESUME.target, m, t);
}

static void say_silent(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "%s: %s %X, not %X", trace_name("mnemonic", e->u.SILENT.op), trace_name("field", e->u.SILENT.field),
             e->u.SILENT.got, e->u.SILENT.wanted);
}

static void say_hidden(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "fill %08X", e->u.HIDDEN.va);
}

static void say_true(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "guest's own %08X", e->u.TRUE.va);
}

static void say_traced(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "PTE %08X = %08X", e->u.TRACED.va, e->u.TRACED.entry);
}

static void say_cr3(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "cr3 = %08X", e->u.CR3.value);
}

static void say_port(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, e->u.PORT.out ? "out %Xh, %X" : "in %Xh = %X", e->u.PORT.port, e->u.PORT.value);
}

static void say_raise(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "line %u%s", e->u.RAISE.line, e->u.RAISE.virtual_ ? " (virtual)" : "");
}

static void say_disk(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "drive %u: %s", e->u.DISK.drive, trace_name("ata", e->u.DISK.op));
    if (e->u.DISK.count) text_add(t, ", %u at sector %u", e->u.DISK.count, e->u.DISK.lba);
}

static void say_hypercall(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "%s = %d", trace_name("hypercall", e->u.HYPERCALL.op), (int)e->u.HYPERCALL.result);
}

static void say_refused(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "refused: %s", trace_name("rule", e->u.REFUSED.rule));
}

static void say_upcall(const struct event *e, const struct machine *m, struct text *t)
{
    text_add(t, "upcall");
    say_at(" → ", e->u.UPCALL.target, m, t);
}

static void say_die(const struct event *e, const struct machine *m, struct text *t)
{
    text_add(t, "%s", trace_name("death", e->u.DIE.why));
    say_at(" at ", e->u.DIE.addr, m, t);
}

static void say_task(const struct event *e, const struct machine *m, struct text *t)
{
    text_add(t, "TSS %X", e->u.TASK.tss);
    say_at("  ", e->u.TASK.target, m, t);
}

/* ---- translation ------------------------------------------------------------------------------------------------- */

static void say_translate(const struct event *e, const struct machine *m, struct text *t)
{
    say_at("", e->eip, m, t);
    text_add(t, ": %u instructions, %u bytes → %u", e->u.TRANSLATE.insns, e->u.TRANSLATE.bytes, e->u.TRANSLATE.size);
}

static void say_chain(const struct event *e, const struct machine *m, struct text *t)
{
    say_at("", e->eip, m, t);
    say_at(" → ", e->u.CHAIN.target, m, t);
}

static void say_invalid(const struct event *e, const struct machine *m, struct text *t)
{
    say_at("unit of ", e->u.INVALID.unit, m, t);
}

static void say_flush(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "the whole cache: %u units, %u bytes", e->u.FLUSH.units, e->u.FLUSH.bytes);
}

static void say_adapt(const struct event *e, const struct machine *m, struct text *t)
{
    say_at("", e->u.ADAPT.insn, m, t);
    text_add(t, e->u.ADAPT.simulate ? " is simulated from now on: it faulted %u times" : " runs as it is again", e->u.ADAPT.faults);
}

static void say_miss(const struct event *e, const struct machine *m, struct text *t)
{
    say_at("no unit known for ", e->u.MISS.target, m, t);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static void say_second(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "fill PA %08X", e->u.SECOND.at);
}

static void say_nest(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, e->u.NEST.own ? "table %08X is the guest's own now" : "table %08X is shadowed again", e->u.NEST.table);
}

static void say_unhook(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    if (e->u.UNHOOK.hooked) text_add(t, "table %X back in its directory, %u changed", e->u.UNHOOK.frame, e->u.UNHOOK.changed);
    else text_add(t, "table %X taken out, to be stored to", e->u.UNHOOK.frame);
}

static void say_reclaim(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "%s → %s, %u frames free", trace_name("reclaim", e->u.RECLAIM.from), trace_name("reclaim", e->u.RECLAIM.to),
             e->u.RECLAIM.free);
}

static void say_balloon(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, e->u.BALLOON.locked ? "vm%u gives page %X, %u given" : "vm%u takes page %X back, %u given",
             e->u.BALLOON.vm, e->u.BALLOON.page, e->u.BALLOON.size);
}

static void say_share(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "vm%u's page %X shares frame %X", e->u.SHARE.vm, e->u.SHARE.page, e->u.SHARE.frame);
}

static void say_unshare(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "vm%u's page %X, a copy: frame %X", e->u.UNSHARE.vm, e->u.UNSHARE.page, e->u.UNSHARE.frame);
}

static void say_swap(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "vm%u's page %X %s", e->u.SWAP.vm, e->u.SWAP.page, e->u.SWAP.in ? "is back" : "goes out");
}

/* ---- several machines, devices, the end -------------------------------------------------------------------------- */

static void say_channel(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "event channel %u%s", e->u.CHANNEL.port, e->u.CHANNEL.masked ? ", masked" : "");
}

static void say_switch(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "vm%u → vm%u: %s", e->u.SWITCH.from, e->u.SWITCH.to, trace_name("switch", e->u.SWITCH.why));
}

static void say_host(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, e->u.HOST.to_host ? "module → host: %s" : "host → module", trace_name("host", e->u.HOST.why));
    if (e->u.HOST.to_host && e->u.HOST.port) text_add(t, " %Xh", e->u.HOST.port);
}

static void say_virtio(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "disk %u: %s, %u at sector %u", e->u.VIRTIO.unit, trace_name("virtio", e->u.VIRTIO.op), e->u.VIRTIO.count,
             e->u.VIRTIO.lba);
}

static void say_frame(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "%s, %u bytes%s", e->u.FRAME.out ? "sent" : "stored", e->u.FRAME.bytes, e->u.FRAME.virtual_ ? " (virtual)" : "");
}

static void say_over(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, e->u.OVER.code == UINT8_MAX ? "vm%u died" : "vm%u ended, code %u", e->u.OVER.vm, e->u.OVER.code);
}

static void say_stop(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "the end, exit code %u", e->u.STOP.code);
}

static const struct {
    void (*say)(const struct event *e, const struct machine *m, struct text *t);
    uint8_t role;
    bool warn;
} kinds[EV_COUNT] = {
    [EV_RUN] = { say_run, ROLE_PLAIN, false },      [EV_FAULT] = { say_fault, ROLE_PLAIN, false },
    [EV_INT] = { say_int, ROLE_PLAIN, false },      [EV_IRQ] = { say_irq, ROLE_DEVICE, false },
    [EV_GATE] = { say_gate, ROLE_PLAIN, false },    [EV_RETURN] = { say_return, ROLE_PLAIN, false },
    [EV_EXIT] = { say_exit, ROLE_VMM, false },      [EV_EMULATE] = { say_emulate, ROLE_VMM, false },
    [EV_INJECT] = { say_inject, ROLE_VMM, false },  [EV_RESUME] = { say_resume, ROLE_VMM, false },
    [EV_SILENT] = { say_silent, ROLE_WARN, true },  [EV_HIDDEN] = { say_hidden, ROLE_VMM, false },
    [EV_TRUE] = { say_true, ROLE_VMM, false },      [EV_TRACED] = { say_traced, ROLE_VMM, false },
    [EV_CR3] = { say_cr3, ROLE_PLAIN, false },      [EV_PORT] = { say_port, ROLE_DEVICE, false },
    [EV_RAISE] = { say_raise, ROLE_DEVICE, false }, [EV_DIE] = { say_die, ROLE_WARN, true },
    [EV_HYPERCALL] = { say_hypercall, ROLE_VMM, false }, [EV_REFUSED] = { say_refused, ROLE_WARN, false },
    [EV_UPCALL] = { say_upcall, ROLE_VMM, false },
    [EV_VMEXIT] = { say_vmexit, ROLE_PLAIN, false }, [EV_VMENTRY] = { say_vmentry, ROLE_PLAIN, false },
    [EV_DISK] = { say_disk, ROLE_DEVICE, false },
    [EV_TASK] = { say_task, ROLE_PLAIN, false },         [EV_TRANSLATE] = { say_translate, ROLE_VMM, false },
    [EV_CHAIN] = { say_chain, ROLE_VMM, false },         [EV_INVALID] = { say_invalid, ROLE_VMM, false },
    [EV_FLUSH] = { say_flush, ROLE_VMM, false },         [EV_ADAPT] = { say_adapt, ROLE_VMM, false },
    [EV_MISS] = { say_miss, ROLE_VMM, false },           [EV_SECOND] = { say_second, ROLE_VMM, false },
    [EV_NEST] = { say_nest, ROLE_VMM, false },           [EV_UNHOOK] = { say_unhook, ROLE_VMM, false },
    [EV_RECLAIM] = { say_reclaim, ROLE_VMM, false },     [EV_BALLOON] = { say_balloon, ROLE_VMM, false },
    [EV_SHARE] = { say_share, ROLE_VMM, false },         [EV_UNSHARE] = { say_unshare, ROLE_VMM, false },
    [EV_SWAP] = { say_swap, ROLE_VMM, false },           [EV_CHANNEL] = { say_channel, ROLE_VMM, false },
    [EV_SWITCH] = { say_switch, ROLE_VMM, false },       [EV_HOST] = { say_host, ROLE_VMM, false },
    [EV_VIRTIO] = { say_virtio, ROLE_DEVICE, false },    [EV_FRAME] = { say_frame, ROLE_DEVICE, false },
    [EV_OVER] = { say_over, ROLE_PLAIN, false },         [EV_STOP] = { say_stop, ROLE_PLAIN, false },
};

void words_say(const struct event *e, const struct machine *m, struct text *out)
{
    (kinds[e->kind].say ? kinds[e->kind].say : say_fields)(e, m, out);
}

unsigned words_role(unsigned kind) { return kinds[kind].role; }
bool words_warn(unsigned kind) { return kinds[kind].warn; }
