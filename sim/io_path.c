/* See io_path.h. Landmarks: DISK (a drive, virtual or real, begins), RAISE of its interrupt input, INJECT or UPCALL, the guest's EOI at the
 * 8259 pair; with a service domain the two notifications and world switches. A request without one of them (the other end was awake,
 * so that nobody was notified) is passed over for the one before. */
#include "sim/io_path.h"

#include <stdio.h>
#include <string.h>

enum { EOI_FIRST = 0x20, EOI_SECOND = 0xA0, LINE_FIRST = 14, NEAR = 4000 /* events */, SOON = 100000 /* cycles */ };

struct search { struct io_path *p; const struct machine *m; const struct trace *t; size_t n; };

const char *io_who_name(enum io_who who)
{
    static const char *const names[] = { "guest", "hypervisor", "service VM", "device", "host" };
    return names[who];
}

static const struct event *at(const struct search *s, size_t i) { return trace_at(s->t, i); }

typedef bool event_is(const struct event *e);

/* Index of the next such event behind `i`, or before it; SIZE_MAX: none near. */
static size_t after(const struct search *s, size_t i, event_is *is)
{
    for (size_t k = i + 1; i != SIZE_MAX && k < s->n && k < i + NEAR; k++)
        if (is(at(s, k))) return k;
    return SIZE_MAX;
}

static size_t before(const struct search *s, size_t i, event_is *is)
{
    for (size_t k = i; i != SIZE_MAX && k-- && k + NEAR > i; )
        if (is(at(s, k))) return k;
    return SIZE_MAX;
}

/* ---- landmarks */

static bool is_line(const struct event *e) { return e->kind == EV_RAISE && (e->u.RAISE.line == LINE_FIRST || e->u.RAISE.line == LINE_FIRST + 1); }
static bool real_line(const struct event *e) { return is_line(e) && !e->u.RAISE.virtual_; }
static bool virtual_line(const struct event *e) { return is_line(e) && e->u.RAISE.virtual_; }
static bool is_disk(const struct event *e) { return e->kind == EV_DISK; }
static bool is_read(const struct event *e) { return e->kind == EV_DISK && !e->u.DISK.virtual_ && !strncmp(trace_name("ata", e->u.DISK.op), "READ", 4); }
static bool is_injection(const struct event *e) { return e->kind == EV_INJECT && e->u.INJECT.external; }
static bool is_irq(const struct event *e) { return e->kind == EV_IRQ; }
static bool is_gate(const struct event *e) { return e->kind == EV_GATE; }
static bool is_exit(const struct event *e) { return e->kind == EV_EXIT; }
static bool is_resume(const struct event *e) { return e->kind == EV_RESUME; }
static bool is_upcall(const struct event *e) { return e->kind == EV_UPCALL; }
static bool is_switch(const struct event *e) { return e->kind == EV_SWITCH; }
static bool to_service(const struct event *e) { return e->kind == EV_SWITCH && e->u.SWITCH.to == 0; }
static bool first_eoi(const struct event *e) { return e->kind == EV_PORT && e->u.PORT.out && e->u.PORT.port == EOI_FIRST; }
static bool second_eoi(const struct event *e) { return e->kind == EV_PORT && e->u.PORT.out && e->u.PORT.port == EOI_SECOND; }

static bool to_process(const struct event *e) { return e->kind == EV_HOST && e->u.HOST.to_host && e->u.HOST.port; }

static bool is_call(const struct event *e, const char *name) { return e->kind == EV_HYPERCALL && !strcmp(trace_name("hypercall", e->u.HYPERCALL.op), name); }
static bool is_notification(const struct event *e) { return is_call(e, "event_channel_op"); }
static bool is_iret(const struct event *e) { return is_call(e, "iret"); }

/* The device register of a channel: drivers write it before all else. */
static bool selects(const struct event *e) { return e->kind == EV_PORT && e->u.PORT.out && (e->u.PORT.port == 0x1F6 || e->u.PORT.port == 0x176); }

/* ---- hops */

/* Counts what lies behind event `from` up to `to`. */
static void hop(const struct search *s, enum io_who who, size_t from, size_t to, const char *first, const char *second)
{
    struct io_path *p = s->p;
    struct io_hop *h = &p->hop[p->hops++];
    *h = (struct io_hop){ .who = who, .what = { first, second }, .from = at(s, from)->id, .to = at(s, to)->id,
                          .cycles = at(s, to)->cycle - at(s, from)->cycle };
    for (size_t i = from + 1; i <= to; i++) {
        const struct event *e = at(s, i);
        h->exits += e->kind == EV_EXIT;
        h->hypercalls += e->kind == EV_HYPERCALL;
        h->switches += e->kind == EV_SWITCH || e->kind == EV_HOST;
    }
    p->exits += h->exits;
    p->hypercalls += h->hypercalls;
    p->switches += h->switches;
    p->cycles += h->cycles;
    if (who == IO_DEVICE) p->drive += h->cycles;
}

/* Just before the exit that brought event `i` about, so that it is counted. */
static size_t entry(const struct search *s, size_t i)
{
    size_t e = before(s, i, is_exit);
    return e == SIZE_MAX || !e ? i : e - 1;
}

static bool follow_bare(const struct search *s, size_t disk)
{
    size_t line = after(s, disk, real_line), irq = after(s, line, is_irq), gate = after(s, irq, is_gate);
    if (gate == SIZE_MAX) return false;
    hop(s, IO_GUEST, disk, disk, "its driver has written the", "real drive's registers");
    hop(s, IO_DEVICE, disk, line, "the drive; its bus master", "stores into the guest's memory");
    hop(s, IO_GUEST, line, gate, "its interrupt handler", "begins");
    return true;
}

/* From the real interrupt to the guest's EOI, whoever the real driver was. */
static bool follow_interrupt(const struct search *s, size_t line, bool copies)
{
    size_t up = after(s, line, virtual_line), eoi = after(s, after(s, up, second_eoi), first_eoi), end = after(s, eoi, is_resume);
    size_t in = before(s, after(s, up, second_eoi), is_injection);
    if (end == SIZE_MAX || in == SIZE_MAX || in < up) return false;
    hop(s, IO_VMM, line, up, copies ? "resident driver: interrupt," : "real interrupt,", copies ? "sectors copied to the drive" : "handed on");
    hop(s, IO_VMM, up, in, "virtual interrupt until", "the guest takes it");
    hop(s, IO_GUEST, in, end, "its handler: status, EOI", "at the virtual 8259 pair");
    return true;
}

static bool follow_passed(const struct search *s, size_t disk, bool exitless)
{
    size_t line = after(s, disk, real_line);
    if (line == SIZE_MAX) return false;
    hop(s, IO_GUEST, disk, disk, "its driver has written the", "real drive's registers");
    hop(s, IO_DEVICE, disk, line, "the drive; its bus master", "stores through the IOMMU");
    size_t up = after(s, line, virtual_line), irq = after(s, line, is_irq), gate = after(s, irq, is_gate);
    if (exitless && gate != SIZE_MAX && irq < up && at(s, irq)->cycle - at(s, line)->cycle < SOON) {
        hop(s, IO_GUEST, line, gate, "its interrupt handler begins,", "without an exit");
        return true;
    }
    return follow_interrupt(s, line, false);
}

static bool follow_direct(const struct search *s, size_t disk)
{
    size_t wanted = before(s, disk, is_disk), line = after(s, disk, real_line);
    if (line == SIZE_MAX || wanted == SIZE_MAX || !at(s, wanted)->u.DISK.virtual_) return false;
    size_t select = before(s, wanted, selects);
    if (select == SIZE_MAX) return false;
    hop(s, IO_GUEST, entry(s, select), wanted, "its driver writes registers", "of a virtual controller");
    hop(s, IO_VMM, wanted, disk, "virtual drive, queue,", "resident driver");
    hop(s, IO_DEVICE, disk, line, "the drive; its bus master", "stores into a buffer");
    return follow_interrupt(s, line, true);
}

static bool follow_split(const struct search *s, size_t disk)
{
    size_t to = before(s, disk, to_service), call = before(s, to, is_notification), line = after(s, disk, real_line);
    size_t heard = after(s, line, is_upcall), answer = after(s, heard, is_notification), back = after(s, answer, is_switch);
    size_t up = after(s, back, is_upcall), end = after(s, after(s, up, is_iret), is_resume);
    if (call == SIZE_MAX || end == SIZE_MAX || !at(s, call)->vcpu || at(s, answer)->vcpu) return false;
    if (before(s, to, is_switch) != SIZE_MAX && before(s, to, is_switch) > call) return false; /* it notified long before */
    hop(s, IO_GUEST, entry(s, call), call, "front end: request in the", "ring, page granted; notifies");
    hop(s, IO_VMM, call, to, "event channel,", "world switch");
    hop(s, IO_SERVICE, to, disk, "back end maps the grant;", "driver programs the drive");
    hop(s, IO_DEVICE, disk, line, "the drive; its bus master", "stores into the guest's page");
    hop(s, IO_VMM, line, heard, "real interrupt", "becomes an event");
    hop(s, IO_SERVICE, heard, answer, "driver, back end: response", "in the ring; notifies");
    hop(s, IO_VMM, answer, up, "event channel,", "world switch");
    hop(s, IO_GUEST, up, end, "front end takes", "the response");
    return true;
}

/* The process and the host's kernel carry the command out while its guest stands still. */
static bool follow_hosted(const struct search *s, size_t disk)
{
    size_t asked = before(s, disk, to_process), line = after(s, disk, real_line), up = after(s, line, virtual_line);
    size_t eoi = after(s, after(s, up, second_eoi), first_eoi), end = after(s, eoi, is_resume), in = before(s, after(s, up, second_eoi), is_injection);
    size_t select = before(s, asked, selects);
    if (select == SIZE_MAX || end == SIZE_MAX || in == SIZE_MAX || in < up) return false;
    hop(s, IO_GUEST, entry(s, select), asked, "its driver writes registers:", "each goes to the process");
    hop(s, IO_HOST, asked, disk, "crossing; process, system", "call; the kernel's driver");
    hop(s, IO_DEVICE, disk, line, "the drive; its bus master", "stores into the guest's memory");
    hop(s, IO_HOST, line, up, "kernel's interrupt handler;", "process; crossing");
    hop(s, IO_VMM, up, in, "virtual interrupt until", "the guest takes it");
    hop(s, IO_GUEST, in, end, "its handler: status (the", "process's), EOI");
    return true;
}

bool io_path_find(struct io_path *p, const struct machine *m)
{
    const struct search s = { p, m, machine_trace_of(m), trace_count(machine_trace_of(m)) };
    const struct machine_cfg *c = machine_config(m);
    struct machine_io io;
    bool bare = !machine_has_vmm(m), split = machine_is_split(m);
    machine_io(m, &io);
    *p = (struct io_path){ 0 };
    bool hosted = machine_hosted(m, &(struct machine_hosted){ .waits = 0 });
    snprintf(p->way, sizeof p->way, "%s", bare ? "bare" : hosted ? "hosted" : c->io);
    snprintf(p->machine, sizeof p->machine, bare ? "no hypervisor" : "%s, %s", c->cpu, c->mmu);
    for (size_t i = 0; i < s.n; i++) p->requests += is_disk(at(&s, i)) && !at(&s, i)->u.DISK.virtual_;
    for (size_t i = s.n; i-- && !p->hops; ) {
        if (!is_read(at(&s, i))) continue;
        p->sectors = at(&s, i)->u.DISK.count;
        bool ok = bare ? follow_bare(&s, i) : hosted ? follow_hosted(&s, i) : split ? follow_split(&s, i) : io.passed ? follow_passed(&s, i, io.exitless) : follow_direct(&s, i);
        if (!ok) p->hops = p->exits = p->hypercalls = p->switches = 0, p->cycles = p->drive = 0;
    }
    p->accesses = p->requests ? (double)io.real_accesses / p->requests : 0;
    p->copied = io.copies == io.sectors && io.copies ? p->sectors : 0;
    if (!p->hops) snprintf(p->refused, sizeof p->refused, "no read of a drive, from request to interrupt, is in the run");
    return p->hops != 0;
}
