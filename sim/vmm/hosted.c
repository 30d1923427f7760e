/* See hosted.h. */
#include "sim/vmm/hosted.h"

#include "sim/cpu/cpu.h"
#include "sim/vmm/emulate.h"
#include "sim/vmm/vm.h"
#include "sim/vmm/vtx.h"

static const char *const why_names[HOSTED_WHYS] = { "", "port", "halt", "interrupt" };
void hosted_names(void) { trace_names("host", why_names, HOSTED_WHYS); }

/* The devices of mini's vm.c: COM1, the debug exit, the debug console. */
static const struct { uint16_t first, count; } ports[] = { { UART_BASE, UART_PORTS }, { 0xF4, 1 }, { 0xE9, 1 } };

static struct window *window_of(struct vmm *h) { return &h->vm->vcpu.window; }

/* ---- the device that the process is, on the virtual board */

static struct hosted *hosted_of(struct device *d) { return (struct hosted *)d; }

static uint32_t asked_read(struct device *d, uint32_t port, unsigned size)
{
    struct hosted *t = hosted_of(d);
    (void)port, (void)size;
    t->lost += !t->answering;
    t->touched = true;
    return t->answering ? t->value : UINT32_MAX;
}

static void asked_write(struct device *d, uint32_t port, unsigned size, uint32_t value)
{
    struct hosted *t = hosted_of(d);
    (void)port, (void)size;
    t->lost += !t->answering;
    t->touched = true;
    t->value = value;
}

static uint32_t asked_peek(const struct device *d, uint32_t port, unsigned size)
{
    (void)d, (void)port, (void)size;
    return UINT32_MAX;
}

static void asked_reset(struct device *d) { (void)d; }

static const struct reg_desc regs[] = { { 0 } };
static const struct device_ops ops = { .name = "process", .regs = regs, .reset = asked_reset, .read = asked_read, .write = asked_write, .peek = asked_peek };

static bool is_asked(uint16_t port)
{
    for (unsigned i = 0; i < sizeof ports / sizeof ports[0]; i++)
        if ((uint16_t)(port - ports[i].first) < ports[i].count) return true;
    return false;
}

bool hosted_asks(struct vcpu *v, uint16_t port, unsigned size, bool in, uint32_t length)
{
    struct hosted *t = &v->vmm->hosted;
    if (!t->on || !is_asked(port)) return false;
    t->access.port = port;
    t->access.size = (uint8_t)size;
    t->access.in = in;
    t->access.length = length;
    t->access.open = true;
    t->access.string = false;
    t->value = v->virt.reg[EAX] & (size == 4 ? UINT32_MAX : (1u << 8 * size) - 1);
    t->why = HOSTED_PORT;
    return true;
}

/* One iteration of a string instruction. A fault of its memory operand is delivered, and nothing has happened then. */
static void iterate(struct vcpu *v)
{
    struct hosted *t = &v->vmm->hosted;
    struct cpu *c = &v->virt;
    uint32_t eip = c->eip, left = c->reg[ECX];
    if (t->access.repeated) c->reg[ECX] = 1;
    t->answering = true;
    t->touched = false;
    emulate_one(v);
    t->answering = false;
    if (!t->access.repeated) return;
    c->reg[ECX] = t->touched ? left - 1 : left;
    if (t->touched && left > 1) c->eip = eip;
}

/* What is written is known once it was done, and what is read is done once it is known. */
bool hosted_asks_string(struct vcpu *v, uint16_t port, unsigned size, bool in, bool repeated)
{
    struct hosted *t = &v->vmm->hosted;
    if (!t->on || !is_asked(port) || (repeated && !v->virt.reg[ECX])) return false;
    vtx_need_system(v);
    t->access.port = port;
    t->access.size = (uint8_t)size;
    t->access.in = t->access.string = t->access.open = in;
    t->access.repeated = repeated;
    if (!in) iterate(v);
    if (in || t->touched) t->why = HOSTED_PORT;
    return true;
}

/* ---- there and back */

static void put(struct vmm *h, uint32_t offset, uint32_t value) { bus_poke(h->board.bus, window_hpa(window_of(h), offset), &value, 4); }

static void table(struct vmm *h, uint32_t offset, struct table_reg r)
{
    put(h, offset, r.limit);
    bus_poke(h->board.bus, window_hpa(window_of(h), offset + 2), &r.base, 4);
}

/* Whose cycles are those of real code in ring 0 to 3? */
static void accounts(struct vmm *h, bool outside)
{
    struct cpu *c = h->board.cpu;
    for (unsigned ring = 0; ring < 4; ring++) c->account[ring] = outside ? CAUSE_HOST : ring == 0 ? CAUSE_DISPATCH : ring == 3 ? CAUSE_USER : CAUSE_KERNEL;
    cpu_set_cpl(c, c->cpl);
}

void hosted_start(struct vmm *h)
{
    struct hosted *t = &h->hosted;
    struct cpu *c = h->board.cpu;
    t->device.ops = &ops;
    t->outside = true;
    for (unsigned i = 0; i < sizeof ports / sizeof ports[0]; i++) bus_take_ports(&h->vm->bus, &t->device, ports[i].first, ports[i].count);
    put(h, WINDOW_CROSS_TO, VCPU_REAL_CR0);
    put(h, WINDOW_CROSS_TO + 4, window_hpa(window_of(h), VTX_DIRECTORY).v);
    put(h, WINDOW_CROSS_TO + 8, CR4_PSE | CR4_PGE | CR4_VMXE);
    table(h, WINDOW_CROSS_TO + 12, (struct table_reg){ WINDOW_BASE + WINDOW_GDT, 0xFFFF });
    table(h, WINDOW_CROSS_TO + 20, (struct table_reg){ WINDOW_BASE + WINDOW_IDT, 256 * 8 - 1 });
    put(h, WINDOW_CROSS_TO + 28, WINDOW_BASE + WINDOW_FRAME_AT);
    cpu_apic_base(c, c->apic_base & ~(uint32_t)APIC_BASE_ENABLE); /* the module wants none, and finds it off */
    accounts(h, true);
}

static void tell(struct vmm *h, bool to_host, const struct hosted_record *r)
{
    uint32_t id = TRACE(h->board.trace, HOST, h->vm->vcpu.cause, .to_host = to_host, .why = (uint8_t)r->reason, .port = (uint16_t)r->port, .wait = r->wait);
    if (to_host) h->vm->vcpu.cause = id;
}

static void record(struct vmm *h, struct hosted_record *r, bool write)
{
    hpa_t at = window_hpa(window_of(h), WINDOW_RECORD);
    if (write) bus_poke(h->board.bus, at, r, sizeof *r);
    else bus_peek(h->board.bus, at, r, sizeof *r);
    bus_refer(h->board.bus, at, sizeof *r, write);
    clock_charge(h->board.clock, CAUSE_SWITCH, sizeof *r / 4 * h->board.model->cost[COST_MEM_REF]);
}

/* Lines to the interrupt controllers follow the process's devices. */
static void follow_lines(struct vmm *h, uint32_t lines)
{
    for (unsigned irq = 0; irq < 16; irq++) {
        if (!((lines ^ h->hosted.lines) >> irq & 1)) continue;
        struct irq_line line = devices_irq(&h->vm->devices, irq);
        irq_set(&line, lines >> irq & 1);
    }
    h->hosted.lines = lines;
}

void hosted_enter(struct vmm *h)
{
    struct hosted *t = &h->hosted;
    struct vcpu *v = &h->vm->vcpu;
    struct hosted_record r;
    accounts(h, false);
    t->outside = false;
    record(h, &r, false);
    r.reason = t->why;
    if (t->begun) tell(h, false, &r);
    t->begun = true;
    t->why = HOSTED_NONE;
    v->virt_clock.now = h->board.clock->now;
    mmu_flush(&v->virt_mmu, true);
    if (t->access.open) {
        t->access.open = false;
        t->value = r.value;
        t->answering = true;
        if (t->access.string) iterate(v);
        else emulate_port(v, t->access.port, t->access.size, t->access.in, t->access.length);
        t->answering = false;
    }
    follow_lines(h, r.lines);
    if (h->vm->account.state == VM_ASLEEP) {
        schedule_woken(h);
        v->virt.insns++;
    }
}

void hosted_interrupt(struct vmm *h, uint8_t vector)
{
    h->hosted.why = HOSTED_INTERRUPT;
    h->hosted.vector = vector;
}

void hosted_waits(struct vmm *h)
{
    h->hosted.why = HOSTED_HALT;
}

static uint32_t next_timer(const struct vmm *h)
{
    enum { LONG = 100000 }; /* us */
    uint64_t at = timeq_next(&h->vm->timers), now = h->board.clock->now, us = h->board.clock->hz / 1000000;
    if (at == TIMEQ_NEVER || at > now + LONG * us) return LONG;
    return at > now ? (uint32_t)((at - now) / us) : 0;
}

void hosted_leave(struct vmm *h)
{
    struct hosted *t = &h->hosted;
    const struct window *w = window_of(h);
    struct hosted_record r = { .reason = t->why, .lines = t->lines };
    uint32_t back;
    if (t->why == HOSTED_PORT) r.port = t->access.port, r.size = t->access.size, r.in = t->access.in, r.value = t->value;
    if (t->why == HOSTED_HALT) r.wait = next_timer(h);
    if (t->why == HOSTED_INTERRUPT) r.vector = t->vector;
    t->class = t->why == HOSTED_INTERRUPT ? HOSTED_KERNEL : HOSTED_PROCESS;
    t->counts &= t->why != HOSTED_HALT;
    t->waits += t->why == HOSTED_HALT;
    record(h, &r, true);
    tell(h, true, &r);
    if (t->why == HOSTED_HALT) trace_episode(h->board.trace, 0);
    bus_peek(w->machine, window_hpa(w, WINDOW_CROSS_BACK), &back, 4);
    t->outside = true;
    h->board.cpu->eip = back;
    accounts(h, true);
}

/* ---- accounts */

void hosted_exit(struct vmm *h)
{
    struct hosted *t = &h->hosted;
    t->since = h->board.clock->now;
    t->class = HOSTED_MODULE;
    t->counts = true;
}

void hosted_resume(struct vmm *h)
{
    struct hosted *t = &h->hosted;
    if (!t->counts) return;
    t->counts = false;
    t->exits[t->class]++;
    t->cycles[t->class] += h->board.clock->now - t->since;
    h->vm->vcpu.entered = t->since; /* the whole way is what RESUME says that it cost */
}

bool hosted_weigh(const struct vmm *h, uint32_t at, struct cpu_weight *w)
{
    uint32_t window = h->vm->vcpu.window.at;
    if (at >= window + WINDOW_SIZE) return false;
    *w = (struct cpu_weight){ .overhead = at - (window + WINDOW_CROSS) < PAGE_SIZE };
    return true;
}
