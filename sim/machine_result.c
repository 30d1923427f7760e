/* What came out of a run: summary, serial text, identity, hashes. See machine.h. Everything is derived, on demand, from
 * the machine and its history, so it is right after time travel, too. */
#include <stdio.h>
#include <string.h>
#include "sim/board.h"
#include "sim/mmu/behind.h"
#include "sim/mmu/cache.h"
#include "sim/trace/trace_tally.h"
#include "sim/vmm/io_strategy.h"

struct trace *machine_trace(struct machine *m) { return m->trace; }
const struct trace *machine_trace_of(const struct machine *m) { return m->trace; }

const char *machine_serial(const struct machine *m, size_t *n)
{
    const struct tenant *t = machine_tenant(m);
    *n = m->b->serial_len[t->n];
    return text_str(&t->serial);
}

static void add_reason(struct machine_summary *s, unsigned r, uint64_t count, const struct episode_sum *sum)
{
    unsigned at = s->reasons++;
    while (at && s->reason[at - 1].count < count) {
        s->reason[at] = s->reason[at - 1];
        at--;
    }
    struct machine_reason *row = &s->reason[at];
    *row = (struct machine_reason){ .name = exit_name(r), .count = count, .cycles = sum->cycles, .episodes = sum->count,
                                    .longest = sum->longest };
    memcpy(row->by_cause, sum->by_cause, sizeof sum->by_cause);
}

static void add_reasons(struct machine_summary *s, const struct trace *trace, const struct tally *t)
{
    struct episode_sum sums[EPISODE_REASONS] = { { 0 } };
    episode_sums(trace, sums);
    for (unsigned r = 0; r < EXIT_REASONS && s->reasons < MACHINE_REASONS; r++)
        if (t->by_reason[r]) add_reason(s, r, t->by_reason[r], &sums[r]);
}

static uint64_t mix(uint64_t h, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * 1099511628211u;
    return h;
}
static uint64_t mix_text(uint64_t h, const char *s) { return mix(h, s, strlen(s) + 1); }

static uint64_t run_id(const struct machine *m)
{
    uint64_t h = 14695981039346656037u;
    const struct machine_cfg *c = &m->cfg;
    for (unsigned n = 0; n < m->guests; n++) h = mix(h, &m->guest[n].image.hash, sizeof m->guest[n].image.hash);
    h = mix_text(mix_text(mix_text(mix_text(mix_text(h, c->cpu), c->mmu), c->io), c->host), c->model);
    h = mix(mix(h, &c->ram_mib, sizeof c->ram_mib), &c->seed, sizeof c->seed);
    h = mix_text(h, c->append);
    if (c->nic[0]) h = mix_text(h, c->nic);
    for (unsigned i = 0; i < c->disks; i++) {
        uint64_t disk = disk_image_hash(m->disk[i]);
        h = mix(h, &disk, sizeof disk);
    }
    for (unsigned i = 0; i < c->sets; i++) /* how far back one can go quickly is not what is run */
        if (strcmp(c->set[i].key, CONFIG_HISTORY) != 0) h = mix_text(mix_text(h, c->set[i].key), c->set[i].value);
    h = mix(mix(h, text_str(&m->inputs), m->inputs.len), text_str(&m->typed), m->typed.len);
    if (m->link.in.len) h = mix(h, text_str(&m->link.in), m->link.in.len);
    return mix_text(mix(h, m->model.cost, sizeof m->model.cost), RINGSIDE_VERSION);
}

void machine_causes(const struct machine *m, uint64_t by_cause[CAUSE_COUNT])
{
    for (unsigned c = 0; c < CAUSE_COUNT; c++) by_cause[c] = clock_of_cause(&m->b->clock, (uint8_t)c);
}

unsigned machine_accounts(const struct machine *m, struct machine_account *list, unsigned room)
{
    unsigned n = 0;
    for (unsigned lane = 0; lane < CLOCK_LANES && n < room; lane++) {
        struct machine_account *a = &list[n];
        *a = (struct machine_account){ .vm = (uint8_t)(lane >> 3), .ring = lane & 3, .nonroot = lane & 4 };
        for (unsigned c = 0; c < CAUSE_COUNT; c++) a->cycles += a->by_cause[c] = clock_of_lane(&m->b->clock, lane, (uint8_t)c);
        n += a->cycles != 0;
    }
    return n;
}

const char *machine_account_name(const struct machine *m, const struct machine_account *a, char *buf, size_t n)
{
    bool vmm = m->technique->hypervisor, hypervisor = vmm && !a->ring && !a->nonroot;
    bool kernel = !hypervisor && a->ring == (a->nonroot || !vmm ? 0 : machine_kernel_ring(m));
    char vm[16] = "", ring[16];
    if (a->vm) snprintf(vm, sizeof vm, "vm %u ", a->vm);
    snprintf(ring, sizeof ring, "ring %u", a->ring);
    snprintf(buf, n, "%s%s", vm, hypervisor ? "hypervisor" : kernel ? "kernel" : a->ring == 3 ? "user" : ring);
    return buf;
}

/* Run by the CPU, but for what it ran of a hypervisor's, and done by the hypervisor on a guest's behalf. */
uint64_t machine_guest_insns(const struct machine *m)
{
    const struct board *b = m->b;
    uint64_t n = b->cpu.insns - b->cpu.extra - (uint64_t)b->cpu.hidden;
    for (unsigned i = 0; i < b->vmm.vms; i++) n += b->vmm.vm[i].vcpu.emulated;
    return n;
}

static struct machine_cache cache_of(const struct cache *c, uint64_t refs) { return (struct machine_cache){ refs, c->misses, c->writebacks }; }

static struct machine_caches caches_of(const struct board *b)
{
    const struct caches *k = b->mmu.caches;
    if (!k) return (struct machine_caches){ .modelled = false };
    return (struct machine_caches){ .modelled = true, .has_l2 = k->l2.ways, .has_l3 = k->l3.ways,
                                    .l1i = cache_of(&k->l1i, b->cpu.fetch.fetches), .l1d = cache_of(&k->l1d, b->cpu.refs),
                                    .l2 = cache_of(&k->l2, k->l1i.misses + k->l1d.misses), .l3 = cache_of(&k->l3, k->l2.misses),
                                    .memory_reads = k->memory_reads, .memory_writes = k->memory_writes,
                                    .predicts = b->cpu.predicts, .wrong = b->cpu.predictor.wrong, .wrong_indirect = b->cpu.predictor.wrong_indirect,
                                    .wrong_return = b->cpu.predictor.wrong_return };
}

void machine_summary(const struct machine *m, struct machine_summary *s)
{
    const struct board *b = m->b;
    struct tally t = { 0 };
    tally_history(&t, m->trace, 0, 0);
    *s = (struct machine_summary){ .cycles = b->clock.now, .insns = b->cpu.insns - b->cpu.extra, .exits = t.exits,
                                   .silent = t.silent, .injected = t.injections, .irqs = t.kinds[EV_IRQ],
                                   .tlb_misses = b->cpu.dtlb.misses + b->cpu.itlb.misses, .walks = b->mmu.walks,
                                    .tlb_flushes = b->cpu.dtlb.flushes, .walk_refs = b->mmu.refs, .walk_refs_second = b->mmu.refs_second,
                                    .walk_hits = { b->mmu.cache.hits[0], b->mmu.cache.hits[1] },
                                    .nested_hits = b->mmu.cache.nested_hits, .caches = caches_of(b), .run_id = run_id(m) };
    const struct behind *k = b->mmu.behind;
    if (k) s->tlb_second = k->second.hits, s->tlb_large = k->large[0].hits + k->large[1].hits;
    s->guest_insns = machine_guest_insns(m);
    if (m->technique->hypervisor) {
        const struct vmmu *mmu = &machine_seen(m)->vcpu.vmmu;
        struct vmmu_stats st = { 0 };
        mmu->ops->stats(mmu, &st);
        s->shadow.hidden = st.hidden, s->shadow.true_ = st.true_, s->shadow.traced = st.traced;
        s->shadow.filled = st.filled, s->shadow.eager = st.eager, s->shadow.switches = st.switches;
        s->shadow.tables = st.tables, s->shadow.peak = st.tables_peak, s->shadow.pool = st.pool;
        s->shadow.evicted = st.evicted, s->shadow.released = st.released;
        s->shadow.nested = st.nested, s->shadow.renewed = st.renewed, s->shadow.own = st.own, s->shadow.own_peak = st.own_peak;
        s->shadow.unhooked = st.unhooked, s->shadow.rehooked = st.rehooked;
        for (unsigned n = 0; n <= MMU_WALK_OWN; n++) s->agile_walks[n] = (struct machine_walks){ b->mmu.by_switch[n].walks, b->mmu.by_switch[n].refs };
    }
    machine_causes(m, s->by_cause);
    add_reasons(s, m->trace, &t);
}

unsigned machine_disks(const struct machine *m, struct machine_disk *list, unsigned room)
{
    unsigned n = m->cfg.disks < room ? m->cfg.disks : room;
    for (unsigned i = 0; i < n; i++) {
        const struct disk_image *d = m->disk[machine_tenant(m)->n * CONFIG_DISKS + i];
        list[i] = (struct machine_disk){ disk_image_path(d), disk_image_sectors(d), disk_image_changed(d), disk_image_padding(d) };
    }
    return n;
}

bool machine_keep_disks(struct machine *m, struct err *e)
{
    for (unsigned i = 0; i < m->cfg.disks; i++)
        if (!disk_image_keep(m->disk[i], e)) return false;
    return true;
}

static uint64_t hash_ram(const struct machine *m, uint64_t h)
{
    for (uint32_t f = 0; f < m->frames; f++)
        if (m->snapshots.latest[f] || (m->b->bus.marks[f] & FRAME_DIRTY)) {
            const uint64_t *w = (const uint64_t *)(const void *)(m->ram + (size_t)f * PAGE_SIZE);
            for (unsigned i = 0; i < PAGE_SIZE / 8; i++)
                if (w[i]) h = (h ^ w[i] ^ ((uint64_t)f << 12 | i)) * 1099511628211u;
        }
    return h;
}

uint64_t machine_state_hash(const struct machine *m)
{
    uint64_t h = 14695981039346656037u;
    struct machine_cpu c[2];
    memset(c, 0, sizeof c);
    machine_cpu(m, &c[0]);
    machine_guest(m, &c[1]);
    for (unsigned i = 0; i < 2; i++) {
        const uint32_t words[] = { c[i].eip, c[i].eflags, c[i].cr0, c[i].cr2, c[i].cr3, c[i].cr4, c[i].cpl, c[i].ldtr, c[i].tr,
                                   c[i].gdt_base, c[i].gdt_limit, c[i].idt_base, c[i].idt_limit };
        h = mix(mix(h, words, sizeof words), c[i].reg, sizeof c[i].reg);
        for (unsigned s = 0; s < 6; s++) h = mix(mix(h, &c[i].seg[s].sel, 2), &c[i].seg[s].base, 4);
    }
    const struct clock *k = &m->b->clock;
    h = mix(mix(h, &k->now, sizeof k->now), &m->b->cpu.insns, sizeof m->b->cpu.insns);
    for (unsigned i = 0; i < CAUSE_COUNT; i++) {
        uint64_t cycles = clock_of_cause(k, (uint8_t)i);
        h = mix(h, &cycles, sizeof cycles);
    }
    struct machine_device d[DEVICE_COUNT];
    unsigned n = machine_devices(m, d, DEVICE_COUNT);
    for (unsigned i = 0; i < n; i++)
        for (const struct reg_desc *r = d[i].regs; r && r->name; r++) {
            uint64_t v = reg_read(r, d[i].state);
            h = mix(h, &v, sizeof v);
        }
    for (unsigned g = 0; g < m->guests; g++) h = mix(h, text_str(&m->guest[g].serial), m->b->serial_len[g]);
    for (unsigned g = 0; g < m->guests; g++)
        for (unsigned i = 0; i < m->cfg.disks; i++) h = mix(h, &m->b->disk[g * CONFIG_DISKS + i].hash, sizeof m->b->disk[0].hash);
    return hash_ram(m, h);
}

const struct machine_technique *machine_techniques(unsigned *n)
{
    static struct machine_technique list[24];
    unsigned count = 0;
    for (const struct cpu_strategy *const *s = cpu_strategies; *s; s++)
        list[count++] = (struct machine_technique){ "cpu", (*s)->name, (*s)->about };
    list[count++] = (struct machine_technique){ "mmu", "native", "the CPU walks the guest's own tables" };
    for (const struct mmu_strategy *const *s = mmu_strategies; *s; s++)
        list[count++] = (struct machine_technique){ "mmu", (*s)->name, (*s)->about };
    for (const struct io_strategy *const *s = io_strategies; *s; s++)
        list[count++] = (struct machine_technique){ "io", (*s)->name, (*s)->about };
    list[count++] = (struct machine_technique){ "host", "bare-metal", "the hypervisor owns the machine (type 1)" };
    list[count++] = (struct machine_technique){ "host", "hosted", "a host's kernel owns it, the hypervisor is its module, devices are a process's (type 2)" };
    *n = count;
    return list;
}

/* --- conditions in words --- */

static void list_text(const struct till *t, const struct machine *m, const char *between, struct text *out)
{
    for (unsigned i = 0; i < t->subs; i++) {
        if (i) text_add(out, "%s", between);
        till_text(&t->sub[i], m, out);
    }
}

static void event_text(const struct till *t, struct text *out)
{
    const struct event_desc *d = event_desc(t->a);
    text_add(out, "event %s", d->word);
    if (!t->masked) return;
    const struct event_field *f = &d->field[t->field];
    if (f->type) text_add(out, " with %s %s", f->name, trace_name(f->type, (unsigned)t->value));
    else text_add(out, f->hex ? " with %s %llX" : " with %s %llu", f->name, (unsigned long long)t->value);
}

void till_text(const struct till *t, const struct machine *m, struct text *out)
{
    char name[96];
    switch ((enum till_kind)t->kind) {
    case TILL_NEVER: text_add(out, "the end"); break;
    case TILL_EVENT: event_text(t, out); break;
    case TILL_LABEL: text_add(out, "guest code at %s", machine_symbol(m, t->a, name, sizeof name)); break;
    case TILL_INSN: text_add(out, "guest instruction %s", insn_desc(t->a)->word); break;
    case TILL_RING: text_add(out, "ring %u", t->a); break;
    case TILL_GUEST: text_add(out, "the guest to run"); break;
    case TILL_CYCLES: text_add(out, "cycle %llu", (unsigned long long)t->value); break;
    case TILL_INSNS: text_add(out, "instruction %llu", (unsigned long long)t->value); break;
    case TILL_WRITE: text_add(out, "a change at %s", machine_symbol(m, t->a, name, sizeof name)); break;
    case TILL_ANY: list_text(t, m, " or ", out); break;
    case TILL_ALL: list_text(t, m, " and ", out); break;
    }
}
