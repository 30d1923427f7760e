/* See shadow_world.h. */
#include "tests/support/shadow_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "sim/trace/cause.h"

struct vmmu_choice sw_choice = { .cache = true, .trace = true, .eager = true };
const struct mmu_strategy *sw_strategy;

static uint32_t device_read(struct device *d, uint32_t offset, unsigned size)
{
    (void)size;
    return ((struct sw_device *)d)->bits | offset; /* `device` comes first in it */
}
static void device_write(struct device *d, uint32_t offset, unsigned size, uint32_t v)
{
    (void)d, (void)offset, (void)size, (void)v;
}
static const struct device_ops device_ops = { .name = "fake", .read = device_read, .write = device_write };

static void side_init(struct shadow_world *w, struct sw_side *s, uint32_t first, uint32_t step)
{
    assert_true(arena_init(&s->arena, 4 << 20));
    s->clock.hz = w->model.hz;
    s->ram = calloc(SW_MACHINE, PAGE_SIZE);
    bus_init(&s->machine, s->ram, SW_MACHINE, &s->clock, &s->arena);
    bus_init_child(&s->guest, &s->machine, SW_GUEST, &s->arena);
    for (uint32_t g = 0; g < SW_GUEST; g++)
        if (g != SW_HOLE) s->guest.map[g] = first + g * step % SW_GUEST;
    assert_true(bus_attach(&s->guest, BUS_MEM, (uint32_t)SW_DEVICE << 12, 0x800, 0, &w->device.device, NULL));
}

static void env_invlpg(void *self, gva_t at)
{
    struct shadow_world *w = self;
    w->invlpgs++;
    mmu_invlpg(&w->vm.mmu, at);
}

static void env_flush(void *self)
{
    struct shadow_world *w = self;
    w->flushes++;
    if (w->vmmu.ops->second) mmu_forget_all(&w->vm.mmu);
    else mmu_flush(&w->vm.mmu, false);
}

void sw_init(struct shadow_world *w, uint32_t pool_frames, struct trace *trace)
{
    memset(w, 0, sizeof *w);
    w->device = (struct sw_device){ { &device_ops }, 0x5A000000u };
    assert_true(model_find("p4", &w->model, NULL));
    side_init(w, &w->vm, 100, 37); /* scattered, so that no address works by accident */
    side_init(w, &w->twin, 0, 1);
    mmu_init(&w->vm.mmu, &w->vm.machine, &w->vm.dtlb, &w->vm.itlb, &w->vm.clock, &w->model);
    mmu_init(&w->twin.mmu, &w->twin.guest, &w->twin.dtlb, &w->twin.itlb, &w->twin.clock, &w->model);
    w->vmmu.ops = sw_strategy ? sw_strategy : mmu_strategies[0];
    w->timers.clock = &w->vm.clock;
    w->vmmu.env = (struct vmmu_env){
        .arena = &w->vm.arena, .machine = &w->vm.machine, .guest = &w->vm.guest, .clock = &w->vm.clock,
        .model = &w->model, .trace = trace, .timers = &w->timers, .window = w->vmmu.ops->second ? 0 : SW_WINDOW,
        .window_pde = PTE_P | PTE_W | PTE_PS | PTE_G | PTE_A | PTE_D,
        .frames = w->vm.machine.frames, .pool_first = SW_POOL, .pool_frames = pool_frames, .choice = sw_choice, .pdpte = w->twin.mmu.pdpte, .invlpg = env_invlpg, .flush = env_flush, .self = w,
    };
    struct err e = { 0 };
    if (!w->vmmu.ops->attach(&w->vmmu, &e)) fail_msg("%s", e.text);
    sw_paging(w, 0, 0, 0);
}

void sw_done(struct shadow_world *w)
{
    struct sw_side *sides[] = { &w->vm, &w->twin };
    for (unsigned i = 0; i < 2; i++) {
        assert_true(clock_check(&sides[i]->clock));
        assert_int_equal(clock_of_cause(&sides[i]->clock, CAUSE_NONE), 0);
        free(sides[i]->ram);
        arena_done(&sides[i]->arena);
    }
}

/* What a VM entry gives the hardware: the guest's own paging registers, tables of ours where it has no paging, or shadows. */
static void enter(struct shadow_world *w)
{
    struct vmmu_second s;
    if (!w->vmmu.ops->second) return;
    timeq_run(&w->timers);
    w->vmmu.ops->second(&w->vmmu, &s);
    struct space to = { .cr0 = w->cr0, .cr3 = w->cr3, .cr4 = w->cr4, .root = s.root, .levels = s.levels, .tagged = true };
    memcpy(to.pdpte, w->twin.mmu.pdpte, sizeof to.pdpte);
    if (!(w->cr0 & PAGING_CR0_PG)) {
        to.cr0 |= PAGING_CR0_PG, to.cr3 = 0, to.cr4 = PAGING_CR4_PAE;
        memcpy(to.pdpte, s.identity, sizeof to.pdpte);
    }
    if (s.agile) to.cr3 = s.shadows, to.agile = true;
    if (s.agile && s.has_pdpte) memcpy(to.pdpte, s.pdpte, sizeof to.pdpte);
    mmu_space(&w->vm.mmu, &to);
}

/* Does MOV to CR3 leave? */
static bool cr3_leaves(struct shadow_world *w)
{
    struct vmmu_second s;
    return !w->vmmu.ops->second || !(w->cr0 & PAGING_CR0_PG) || (w->vmmu.ops->second(&w->vmmu, &s) && s.agile);
}

/* Both sides get these registers; with PAE the PDPTEs that are loaded stay. */
static void apply(struct shadow_world *w, uint32_t cr0, uint32_t cr3, uint32_t cr4)
{
    bool flush, cr3_load = cr0 == w->cr0 && cr4 == w->cr4;
    bool leaves = !cr3_load || cr3_leaves(w), second = w->vmmu.ops->second;
    w->cr0 = cr0, w->cr3 = cr3, w->cr4 = cr4;
    hpa_t root = leaves ? w->vmmu.ops->paging(&w->vmmu, cr0, cr3, cr4, &flush) : hpa(0);
    if (!leaves) mmu_flush(&w->vm.mmu, false);
    else if (second && flush) env_flush(w);
    else if (flush || root.v != w->vm.mmu.cr3) mmu_flush(&w->vm.mmu, false); /* the hypervisor's own MOV CR3 */
    if (second) enter(w);
    else mmu_paging(&w->vm.mmu, PAGING_CR0_PG | PAGING_CR0_WP, root.v, PAGING_CR4_PSE | PAGING_CR4_PGE);
    mmu_paging(&w->twin.mmu, cr0, cr3, cr4);
    if (cr3_load) mmu_flush(&w->twin.mmu, false);
}

bool sw_paging(struct shadow_world *w, uint32_t cr0, uint32_t cr3, uint32_t cr4)
{
    if ((cr0 & PAGING_CR0_PG) && (cr4 & PAGING_CR4_PAE) && !mmu_pdptes(&w->twin.mmu, cr3, &(struct fault){ 0 })) return false;
    apply(w, cr0, cr3, cr4);
    return true;
}

void sw_flush(struct shadow_world *w)
{
    apply(w, w->cr0, w->cr3, w->cr4);
    if (w->vmmu.ops->second) env_flush(w); /* globals, too */
    mmu_flush(&w->twin.mmu, true);
}

void sw_invlpg(struct shadow_world *w, uint32_t va)
{
    if (w->vmmu.ops->second) mmu_invlpg(&w->vm.mmu, gva(va)); /* does not leave */
    else w->vmmu.ops->invlpg(&w->vmmu, gva(va));
    mmu_invlpg(&w->twin.mmu, gva(va));
}

void sw_trace(struct shadow_world *w, uint32_t gfn, bool on)
{
    w->vmmu.ops->trace(&w->vmmu, gpa(gfn << 12), on);
    enter(w);
    w->vmm_traces[gfn] = (uint8_t)(w->vmm_traces[gfn] + (on ? 1 : -1));
}

static uint32_t on_bus(struct bus *b, hpa_t at, unsigned access, unsigned size, uint32_t value)
{
    if (!(access & ACCESS_WRITE)) return bus_read(b, at, size);
    bus_write(b, at, size, value);
    return value;
}

static uint32_t read_entry(void *bus, hpa_t at) { return bus_read(bus, at, 4); }
static void write_entry(void *world, hpa_t at, uint32_t entry)
{
    struct shadow_world *w = world;
    bus_write(&w->vm.guest, at, 4, entry);
    if (w->vmmu.ops->second) w->vmmu.ops->wrote(&w->vmmu, gpa(at.v), 4); /* else shadows have led here, and A and D are set */
}

/* What a hypervisor's instruction emulator does: the guest's tables, the guest's bus. */
static struct sw_outcome emulate(struct shadow_world *w, uint32_t va, unsigned access, unsigned size, uint32_t value)
{
    const struct walk_env env = { .cr0 = w->cr0, .cr3 = w->cr3, .cr4 = w->cr4, .pdpte = w->twin.mmu.pdpte,
                                  .read = read_entry, .self = &w->vm.guest };
    struct xlat x;
    struct fault f;
    if (!walk(&env, gva(va), access, &x, &f)) {
        assert_non_null(w->vmmu.ops->second); /* shadows: the strategy has just said that it is legal */
        return (struct sw_outcome){ .fault = true, .code = f.code, .addr = f.addr };
    }
    walk_accessed(&x, access, write_entry, w);
    value = on_bus(&w->vm.guest, x.at, access, size, value);
    if (access & ACCESS_WRITE) w->vmmu.ops->wrote(&w->vmmu, gpa(x.at.v), size);
    enter(w);
    return (struct sw_outcome){ .value = value };
}

struct sw_outcome sw_vm_access(struct shadow_world *w, uint32_t va, unsigned access, unsigned size, uint32_t value)
{
    for (unsigned tries = 0; tries < (w->vmmu.ops->second ? 12 : 4); tries++) {
        struct xlat x;
        struct fault f;
        if (mmu_translate(&w->vm.mmu, gva(va), access, &x, &f))
            return (struct sw_outcome){ .value = on_bus(&w->vm.machine, x.at, access, size, value) };
        if (w->vmmu.ops->second && !f.second) {
            w->own_faults++;
            return (struct sw_outcome){ .fault = true, .code = f.code, .addr = f.addr };
        }
        bool shadow = !f.second || f.code & SECOND_SHADOW;
        const struct fault why = f;
        if (!f.second) assert_int_equal(f.vector, PAGING_VECTOR);
        switch (shadow ? w->vmmu.ops->fault(&w->vmmu, gva(va), f.second ? f.code >> SECOND_SHADOW_CODE : f.code, !(access & ACCESS_USER), &f)
                       : w->vmmu.ops->violation(&w->vmmu, &why)) {
        case MMU_RETRY:
            enter(w);
            break;
        case MMU_REFLECT:
            return (struct sw_outcome){ .fault = true, .code = f.code, .addr = f.addr };
        case MMU_TRACED:
            w->traced++;
            return emulate(w, va, access, size, value);
        case MMU_NO_RAM:
            w->no_ram++;
            return emulate(w, va, access, size, value);
        case MMU_FULL:
            fail_msg("MMU_FULL at %X", va);
        }
    }
    fail_msg("the fault at %X never ends", va);
    return (struct sw_outcome){ 0 };
}

struct sw_outcome sw_twin_access(struct shadow_world *w, uint32_t va, unsigned access, unsigned size, uint32_t value)
{
    struct xlat x;
    struct fault f;
    if (!mmu_translate(&w->twin.mmu, gva(va), access, &x, &f))
        return (struct sw_outcome){ .fault = true, .code = f.code, .addr = f.addr };
    return (struct sw_outcome){ .value = on_bus(&w->twin.guest, x.at, access, size, value) };
}

struct sw_outcome sw_access(struct shadow_world *w, uint32_t va, unsigned access, unsigned size, uint32_t value)
{
    struct sw_outcome a = sw_vm_access(w, va, access, size, value), b = sw_twin_access(w, va, access, size, value);
    if (a.fault != b.fault || a.code != b.code || a.addr != b.addr || a.value != b.value)
        fail_msg("va %X access %X: vm %d/%X/%X/%X twin %d/%X/%X/%X", va, access, a.fault, a.code, a.addr, a.value,
                 b.fault, b.code, b.addr, b.value);
    return a;
}

void sw_store(struct shadow_world *w, uint32_t at, unsigned size, uint32_t value)
{
    uint32_t frame;
    bus_write(&w->vm.guest, hpa(at), size, value);
    bus_write(&w->twin.guest, hpa(at), size, value);
    if (bus_owner(&w->vm.guest, hpa(at), &frame) && w->vmmu.ops->traced(&w->vmmu, gpa(at)))
        w->vmmu.ops->wrote(&w->vmmu, gpa(at), size);
    enter(w);
}

uint32_t sw_load(struct shadow_world *w, uint32_t at) { return bus_read(&w->vm.guest, hpa(at), 4); }

uint32_t sw_frame(struct shadow_world *w, uint32_t gfn) { return w->vm.guest.map[gfn]; }

void sw_same_memory(struct shadow_world *w, uint32_t first, uint32_t n)
{
    for (uint32_t g = first; g < first + n; g++) {
        const uint8_t *a = bus_page(&w->vm.guest, hpa(g << 12)), *b = bus_page(&w->twin.guest, hpa(g << 12));
        if (!a || !memcmp(a, b, PAGE_SIZE)) continue;
        uint32_t at = 0;
        while (a[at] == b[at]) at++;
        at &= ~3u;
        fail_msg("guest frame %X differs at %X: vm %08X twin %08X", g, at, bus_read(&w->vm.guest, hpa(g << 12 | at), 4),
                 bus_read(&w->twin.guest, hpa(g << 12 | at), 4));
    }
}

void sw_check_some(struct shadow_world *w)
{
    char why[200];
    if (w->vmmu.ops->check_some && !w->vmmu.ops->check_some(&w->vmmu, &w->vm.dtlb, why, sizeof why)) fail_msg("%s", why);
}

void sw_check(struct shadow_world *w)
{
    char why[200];
    const struct shadow *s = w->vmmu.state;
    if (!w->vmmu.ops->check(&w->vmmu, &w->vm.dtlb, why, sizeof why)) fail_msg("%s", why);
    for (uint32_t g = 0; g < SW_GUEST; g++) {
        if (!w->vmm_traces[g]) continue;
        bool counts = w->vmmu.ops->second || s->frame[sw_frame(w, g)].traces == w->vmm_traces[g];
        if (!counts || !w->vmmu.ops->traced(&w->vmmu, gpa(g << 12))) fail_msg("guest frame %X is not traced", g);
    }
}
