/* The results as one JSON object (RFC 8259). Keys never disappear: what was not measured is null. Bytes of a guest
 * that are not UTF-8 become the code points of the same number. 64-bit identities are strings: JSON numbers are
 * doubles. */
#include "sim/report.h"

#include <string.h>

static void key_text(struct text *out, const char *key, const char *value)
{
    text_add(out, "  \"%s\": ", key);
    text_json_bytes(out, value, strlen(value));
    text_add(out, ",\n");
}

static void key_number(struct text *out, const char *key, uint64_t value)
{
    text_add(out, "  \"%s\": %llu,\n", key, (unsigned long long)value);
}

static void json_machine(const struct report *r, struct text *out)
{
    const struct machine_cfg *c = &r->s->cfg;
    key_text(out, "version", RINGSIDE_VERSION);
    text_add(out, "  \"run_id\": \"%016llx\",\n", (unsigned long long)r->sum.run_id);
    key_text(out, "subject", r->s->name);
    key_text(out, "scenario", r->s->lesson ? r->s->lesson->path : "");
    key_text(out, "image", c->image);
    key_text(out, "cpu", c->cpu);
    key_text(out, "mmu", c->mmu);
    key_text(out, "io", c->io);
    key_text(out, "host", c->host);
    key_text(out, "model", c->model);
    key_text(out, "what_if", c->what_if);
    key_number(out, "ram_mib", c->ram_mib);
    key_number(out, "seed", c->seed);
    text_add(out, "  \"set\": {");
    for (unsigned i = 0; i < c->sets; i++) {
        text_add(out, "%s", i ? ", " : "");
        text_json_bytes(out, c->set[i].key, strlen(c->set[i].key));
        text_add(out, ": ");
        text_json_bytes(out, c->set[i].value, strlen(c->set[i].value));
    }
    text_add(out, "},\n");
}

static void json_translation(const struct machine *machine, struct text *out)
{
    struct machine_translation t;
    struct machine_callout c[64];
    if (!machine_translation(machine, &t)) {
        text_add(out, "  \"translation\": null,\n");
        return;
    }
    const struct { const char *key; uint64_t n; } rows[] = {
        { "units", t.units }, { "instructions", t.insns }, { "guest_bytes", t.bytes }, { "cache_bytes", t.code },
        { "chains", t.chains }, { "jumps_left_out", t.elided }, { "invalidated", t.invalidated }, { "flushes", t.flushes },
        { "adapted", t.adapted }, { "reverted", t.reverted }, { "untranslated", t.untranslated },
        { "page_table_aliases", t.aliases }, { "page_table_stores_noted", t.noted },
        { "callouts_continue", t.continued }, { "callouts_lookup", t.lookups }, { "callouts_emulate", t.emulated },
    };
    text_add(out, "  \"translation\": {");
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        text_add(out, "\"%s\": %llu, ", rows[i].key, (unsigned long long)rows[i].n);
    text_add(out, "\"emulated\": {");
    unsigned n = machine_translated(machine, c, 64);
    for (unsigned i = 0; i < n; i++) text_add(out, "%s\"%s\": %llu", i ? ", " : "", c[i].word, (unsigned long long)c[i].count);
    text_add(out, "}},\n");
}

/* Under direct paging: faults, entries validated, tables. */
static void json_shadow(const struct machine_summary *m, struct text *out)
{
    const struct { const char *key; uint64_t n; } rows[] = {
        { "hidden", m->shadow.hidden }, { "true", m->shadow.true_ }, { "traced", m->shadow.traced }, { "filled", m->shadow.filled },
        { "eager", m->shadow.eager }, { "tables", m->shadow.tables }, { "tables_peak", m->shadow.peak }, { "pool", m->shadow.pool },
        { "evicted", m->shadow.evicted }, { "released", m->shadow.released }, { "switches", m->shadow.switches },
        { "unhooked", m->shadow.unhooked }, { "rehooked", m->shadow.rehooked },
        { "bytes", m->shadow.tables * 4096 }, { "bytes_peak", m->shadow.peak * 4096 },
    };
    text_add(out, "  \"shadow\": {");
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        text_add(out, "%s\"%s\": %llu", i ? ", " : "", rows[i].key, (unsigned long long)rows[i].n);
    text_add(out, "},\n");
}

/* Only with agile paging. */
static void json_agile(const struct machine *m, const struct machine_summary *s, struct text *out)
{
    if (strcmp(machine_config(m)->mmu, "agile")) return;
    text_add(out, "  \"agile\": {\"nested\": %llu, \"renewed\": %llu, \"own\": %llu, \"own_peak\": %llu, \"walks\": [", (unsigned long long)s->shadow.nested,
             (unsigned long long)s->shadow.renewed, (unsigned long long)s->shadow.own, (unsigned long long)s->shadow.own_peak);
    for (unsigned k = 0; k < sizeof s->agile_walks / sizeof s->agile_walks[0]; k++)
        text_add(out, "%s{\"walks\": %llu, \"refs\": %llu}", k ? ", " : "", (unsigned long long)s->agile_walks[k].walks,
                 (unsigned long long)s->agile_walks[k].refs);
    text_add(out, "]},\n");
}

static void json_causes(const uint64_t *by_cause, struct text *out)
{
    unsigned n = 0;
    text_add(out, "{");
    for (unsigned c = CAUSE_NONE + 1; c < CAUSE_COUNT; c++)
        if (by_cause[c])
            text_add(out, "%s\"%s\": %llu", n++ ? ", " : "", cause_name(c), (unsigned long long)by_cause[c]);
    text_add(out, "}");
}

static void json_rings(const struct machine *machine, struct text *out)
{
    static struct machine_account list[MACHINE_ACCOUNTS];
    char name[32];
    unsigned n = machine_accounts(machine, list, MACHINE_ACCOUNTS);
    text_add(out, "  \"cycles_by_ring\": [");
    for (unsigned i = 0; i < n; i++) {
        text_add(out, "%s\n    {\"vm\": %u, \"ring\": %u, \"nonroot\": %s, \"name\": \"%s\", \"cycles\": %llu, \"by_cause\": ", i ? "," : "",
                 list[i].vm, list[i].ring, list[i].nonroot ? "true" : "false",
                 machine_account_name(machine, &list[i], name, sizeof name), (unsigned long long)list[i].cycles);
        json_causes(list[i].by_cause, out);
        text_add(out, "}");
    }
    text_add(out, "%s],\n", n ? "\n  " : "");
}

/* Data references beyond operands (gates, descriptors, walks) may miss, too, and are not among the references. */
static void json_cache(const char *name, const struct machine_cache *c, struct text *out)
{
    text_add(out, "\"%s\": {\"hits\": %llu, \"misses\": %llu, \"writebacks\": %llu}, ", name,
             (unsigned long long)(c->refs > c->misses ? c->refs - c->misses : 0), (unsigned long long)c->misses,
             (unsigned long long)c->writebacks);
}

static void json_caches(const struct machine_caches *k, struct text *out)
{
    if (!k->modelled) {
        text_add(out, "  \"cache\": null,\n  \"mispredicted\": null,\n");
        return;
    }
    text_add(out, "  \"cache\": {");
    json_cache("l1i", &k->l1i, out);
    json_cache("l1d", &k->l1d, out);
    if (k->has_l2) json_cache("l2", &k->l2, out);
    if (k->has_l3) json_cache("l3", &k->l3, out);
    text_add(out, "\"memory\": {\"reads\": %llu, \"writes\": %llu}},\n", (unsigned long long)k->memory_reads,
             (unsigned long long)k->memory_writes);
    if (!k->predicts) text_add(out, "  \"mispredicted\": null,\n");
    else text_add(out, "  \"mispredicted\": {\"conditional\": %llu, \"indirect\": %llu, \"return\": %llu},\n", (unsigned long long)k->wrong,
             (unsigned long long)k->wrong_indirect, (unsigned long long)k->wrong_return);
}

static void json_counts(const struct report *r, struct text *out)
{
    const struct machine_summary *m = &r->sum;
    key_number(out, "cycles", m->cycles);
    key_number(out, "instructions", m->insns);
    key_number(out, "guest_instructions", m->guest_insns);
    text_add(out, "  \"exits\": {\"total\": %llu, \"by_reason\": {", (unsigned long long)m->exits);
    for (unsigned i = 0; i < m->reasons; i++)
        text_add(out, "%s\"%s\": {\"count\": %llu, \"cycles\": %llu}", i ? ", " : "", m->reason[i].name,
                 (unsigned long long)m->reason[i].count, (unsigned long long)m->reason[i].cycles);
    text_add(out, "}},\n  \"cycles_by_cause\": {");
    for (unsigned c = CAUSE_NONE + 1; c < CAUSE_COUNT; c++)
        text_add(out, "%s\"%s\": %llu", c > CAUSE_NONE + 1 ? ", " : "", cause_name(c),
                 (unsigned long long)m->by_cause[c]);
    text_add(out, "},\n  \"tlb\": {\"misses\": %llu, \"flushes\": %llu, \"walks\": %llu, \"second_level\": %llu, \"large\": %llu},\n",
             (unsigned long long)m->tlb_misses, (unsigned long long)m->tlb_flushes, (unsigned long long)m->walks,
             (unsigned long long)m->tlb_second, (unsigned long long)m->tlb_large);
    key_number(out, "walk_refs_second", m->walk_refs_second);
    text_add(out, "  \"walk_cache\": {\"hits\": %llu, \"hits_second\": %llu, \"nested_tlb_hits\": %llu},\n", (unsigned long long)m->walk_hits[0],
             (unsigned long long)m->walk_hits[1], (unsigned long long)m->nested_hits);
    key_number(out, "walk_refs", m->walk_refs);
    json_caches(&m->caches, out);
    json_shadow(m, out);
    json_agile(r->s->machine, m, out);
    key_number(out, "injected", m->injected);
    json_translation(r->s->machine, out);
    key_number(out, "irqs", m->irqs);
}

static void json_episodes(const struct report *r, struct text *out)
{
    const struct machine_summary *m = &r->sum;
    uint64_t count = 0, cycles = 0;
    for (unsigned i = 0; i < m->reasons; i++) {
        count += m->reason[i].episodes;
        cycles += m->reason[i].cycles;
    }
    text_add(out, "  \"episodes\": {\"total\": %llu, \"cycles\": %llu, \"by_reason\": {", (unsigned long long)count,
             (unsigned long long)cycles);
    for (unsigned i = 0; i < m->reasons; i++) {
        const struct machine_reason *q = &m->reason[i];
        text_add(out, "%s\n    \"%s\": {\"count\": %llu, \"cycles\": %llu, \"mean\": %.1f, \"longest\": %llu, \"by_cause\": ",
                 i ? "," : "", q->name, (unsigned long long)q->episodes, (unsigned long long)q->cycles,
                 q->episodes ? (double)q->cycles / (double)q->episodes : 0.0, (unsigned long long)q->longest);
        json_causes(q->by_cause, out);
        text_add(out, "}");
    }
    text_add(out, "%s}},\n", m->reasons ? "\n  " : "");
}

static void json_silent(const struct report *r, struct text *out)
{
    const struct trace *t = machine_trace_of(r->s->machine);
    char where[96];
    unsigned n = 0;
    text_add(out, "  \"silent\": [");
    for (size_t i = 0; i < trace_count(t); i++) {
        const struct event *e = trace_at(t, i);
        if (e->kind != EV_SILENT) continue;
        machine_symbol(r->s->machine, e->eip, where, sizeof where);
        text_add(out,
                 "%s\n    {\"event\": %u, \"cycle\": %llu, \"eip\": %u, \"insn\": \"%s\", \"field\": \"%s\", "
                 "\"wanted\": %u, \"got\": %u, "
                 "\"where\": ",
                 n++ ? "," : "", e->id, (unsigned long long)e->cycle, e->eip, trace_name("mnemonic", e->u.SILENT.op),
                 trace_name("field", e->u.SILENT.field), e->u.SILENT.wanted, e->u.SILENT.got);
        text_json_bytes(out, where, strlen(where));
        text_add(out, "}");
    }
    text_add(out, "%s],\n", n ? "\n  " : "");
}

static void json_checks(const struct report *r, struct text *out)
{
    const struct lesson *l = r->s->lesson;
    unsigned n = l ? l->ops->checks(l) : 0;
    text_add(out, "  \"expectations\": {\"passed\": %u, \"failed\": %u, \"elsewhere\": %u, \"list\": [", subject_passed(r->s),
             subject_failed(r->s), subject_elsewhere(r->s));
    for (unsigned i = 0; i < n; i++) {
        const struct lesson_check *c = l->ops->check(l, i);
        text_add(out, "%s\n    {\"step\": %u, \"passed\": %s, %s\"event\": %u, \"text\": ", i ? "," : "", c->step + 1,
                 c->passed ? "true" : "false", c->elsewhere ? "\"elsewhere\": true, " : "", c->event);
        text_json_bytes(out, c->text, strlen(c->text));
        text_add(out, "}");
    }
    text_add(out, "%s]},\n", n ? "\n  " : "");
}

static void json_bare(const struct report *r, struct text *out)
{
    const struct compare *c = r->bare;
    if (!c) {
        text_add(out, "  \"native\": null,\n");
        return;
    }
    text_add(out,
             "  \"native\": {\"ended\": %s, \"cycles\": %llu, \"instructions\": %llu, \"serial_equal\": %s, "
             "\"serial_line\": ",
             c->ended ? "true" : "false", (unsigned long long)c->cycles, (unsigned long long)c->insns,
             c->line || c->cut ? "false" : "true");
    if (c->line) text_add(out, "%u},\n", c->line);
    else text_add(out, "null},\n");
}

static void json_hosted(const struct report *r, struct text *out)
{
    struct machine_hosted h;
    if (!machine_hosted(r->s->machine, &h)) return;
    text_add(out, "  \"hosted\": {");
    for (unsigned i = 0; i < MACHINE_ANSWERS; i++)
        text_add(out, "\"%s\": {\"exits\": %llu, \"cycles\": %llu}, ", machine_answer_name(i), (unsigned long long)h.exits[i], (unsigned long long)h.cycles[i]);
    size_t n;
    const char *said = machine_host_serial(r->s->machine, &n);
    text_add(out, "\"waits\": %llu, \"lost\": %llu},\n  \"host_serial\": ", (unsigned long long)h.waits, (unsigned long long)h.lost);
    text_json_bytes(out, said, n);
    text_add(out, ",\n");
}

static void json_ports(const struct machine *m, struct text *out)
{
    text_add(out, "\"ports\": [");
    for (unsigned n = 0; n < machine_ports(m); n++) {
        struct machine_port p;
        machine_port(m, n, &p);
        text_add(out, "%s{\"station\": \"%s\", \"sent\": %llu, \"received\": %llu, \"dropped\": %llu, \"waiting\": %llu}", n ? ", " : "", p.station,
                 (unsigned long long)p.sent, (unsigned long long)p.received, (unsigned long long)p.dropped, (unsigned long long)p.waiting);
    }
    text_add(out, "]");
}

/* The switch on the wire; with --nic join the link as well, and the switch at its other end. */
static void json_network(const struct machine *m, struct text *out)
{
    struct machine_link l;
    if (!machine_ports(m)) return;
    text_add(out, "  \"network\": {");
    json_ports(m, out);
    if (machine_link(m, &l)) text_add(out, ", \"link\": {\"out\": %llu, \"in\": %llu}", (unsigned long long)l.out, (unsigned long long)l.in);
    if (machine_peer(m)) {
        text_add(out, ", \"peer\": {");
        json_ports(machine_peer(m), out);
        text_add(out, "}");
    }
    text_add(out, "},\n");
}

static void json_io(const struct report *r, struct text *out)
{
    struct machine_io io;
    json_network(r->s->machine, out);
    if (r->s->cfg.nic[0]) text_add(out, "  \"frames\": %llu,\n", (unsigned long long)machine_frames(r->s->machine));
    struct machine_switch w;
    if (machine_switch(r->s->machine, &w))
        text_add(out, "  \"switch\": {\"from_vms\": %llu, \"from_card\": %llu, \"forwarded\": %llu, \"to_vms\": %llu, \"to_card\": %llu, \"dropped\": %llu, "
                 "\"waiting\": %llu, \"real_interrupts\": %llu, \"copied\": %llu},\n", (unsigned long long)w.from_vms, (unsigned long long)w.from_card,
                 (unsigned long long)w.forwarded, (unsigned long long)w.to_vms, (unsigned long long)w.to_card, (unsigned long long)w.dropped,
                 (unsigned long long)w.waiting, (unsigned long long)w.interrupts, (unsigned long long)w.copied);
    struct machine_bridge b;
    if (machine_bridge(r->s->machine, &b))
        text_add(out, "  \"bridge\": {\"received\": %u, \"forwarded\": %u, \"gone\": %u, \"waiting\": %u, \"dropped\": %u},\n", b.received, b.forwarded, b.gone,
                 b.waiting, b.dropped);
    if (!machine_io(r->s->machine, &io)) return;
    text_add(out, "  \"io_counts\": {\"commands\": %llu, \"interrupts\": %llu, \"accesses\": %llu", (unsigned long long)io.commands,
             (unsigned long long)io.interrupts, (unsigned long long)io.accesses);
    if (!io.passed)
        text_add(out, ", \"requests\": %llu, \"sectors\": %llu, \"real_interrupts\": %llu, \"copies\": %llu, \"waited\": %llu",
                 (unsigned long long)io.requests, (unsigned long long)io.sectors, (unsigned long long)io.real_interrupts,
                 (unsigned long long)io.copies, (unsigned long long)io.waited);
    if (io.passed)
        text_add(out, ", \"handed_on\": %llu, \"exitless\": %llu, \"iommu\": %s, \"dma_refused\": %llu, \"dma_faults\": %llu, \"dma_bytes\": %llu, "
                 "\"stray_stores\": %llu, \"stray_bytes\": %llu", (unsigned long long)io.handed_on, (unsigned long long)io.exitless,
                 io.iommu ? "true" : "false", (unsigned long long)io.refused, (unsigned long long)io.faults, (unsigned long long)io.stored, (unsigned long long)io.stray,
                 (unsigned long long)io.stray_bytes);
    text_add(out, "},\n");
}

static void json_disks(const struct report *r, struct text *out)
{
    struct machine_disk d[CONFIG_DISKS];
    unsigned n = machine_disks(r->s->machine, d, CONFIG_DISKS);
    text_add(out, "  \"disks\": [");
    for (unsigned i = 0; i < n; i++) {
        text_add(out, "%s{\"path\": ", i ? ", " : "");
        text_json_bytes(out, d[i].path, strlen(d[i].path));
        text_add(out, ", \"sectors\": %llu, \"padding\": %u, \"written\": %llu, \"kept\": %s}",
                 (unsigned long long)d[i].sectors, d[i].padding, (unsigned long long)d[i].changed, r->kept ? "true" : "false");
    }
    text_add(out, "],\n");
}

static void json_post(const struct report *r, struct text *out)
{
    uint8_t code;
    if (report_post(r, &code)) key_number(out, "post_code", code);
    else text_add(out, "  \"post_code\": null,\n");
}

static void json_vm(const struct machine *m, unsigned n, struct text *out)
{
    struct machine_vm v;
    size_t bytes;
    const char *serial = machine_vm_serial(m, n, &bytes);
    machine_vm(m, n, &v);
    text_add(out, "\n    {\"vm\": %u, \"cpu\": \"%s\", \"mmu\": \"%s\", \"ram_mib\": %u, \"image\": ", n, v.cpu, v.mmu, v.ram_mib);
    text_json_bytes(out, v.image, strlen(v.image));
    text_add(out, ", \"stop\": \"%s\", \"guest_exit\": ", report_vm_stop(&v));
    text_add(out, v.end.fate == FATE_EXITED ? "%u" : "null", v.end.code);
    text_add(out, ", \"exit_code\": %d, \"why\": ", v.exit_code);
    text_json_bytes(out, v.end.why, strlen(v.end.why));
    text_add(out, ",\n     \"weight\": %u, \"cap\": %u, \"background\": %s, \"turns\": %llu, \"exits\": %llu", v.weight, v.cap,
             v.background ? "true" : "false", (unsigned long long)v.turns, (unsigned long long)v.exits);
    text_add(out, ", \"tables\": {\"now\": %llu, \"peak\": %llu, \"pool\": %llu, \"bytes_peak\": %llu}", (unsigned long long)v.tables,
             (unsigned long long)v.tables_peak, (unsigned long long)v.tables_pool, (unsigned long long)v.tables_peak * 4096);
    text_add(out, ", \"cycles\": {\"running\": %llu, \"ready\": %llu, \"asleep\": %llu, \"capped\": %llu},\n     \"cycles_by_cause\": ",
             (unsigned long long)v.running, (unsigned long long)v.ready, (unsigned long long)v.asleep, (unsigned long long)v.capped);
    json_causes(v.by_cause, out);
    if (machine_is_split(m))
        text_add(out, ",\n     \"split\": {\"notifications\": %llu, \"grants_mapped\": %llu, \"bytes_copied\": %llu, \"port_accesses\": %llu, "
                 "\"interrupts\": %llu, \"begun_again\": %u}", (unsigned long long)v.notified, (unsigned long long)v.mapped, (unsigned long long)v.copied,
                 (unsigned long long)v.ports, (unsigned long long)v.interrupts, v.begun_again);
    text_add(out, ", \"serial\": ");
    text_json_bytes(out, serial, bytes);
    text_char(out, '}');
}

/* "vms": each, and what none of them had; null where there is one. */
static void json_vms(const struct report *r, struct text *out)
{
    const struct machine *m = r->s->machine;
    uint64_t own[CAUSE_COUNT];
    unsigned n = machine_vms(m);
    if (n == 1) {
        text_add(out, "  \"vms\": null,\n");
        return;
    }
    machine_vmm_costs(m, own);
    text_add(out, "  \"vms\": {\"count\": %u, \"scheduler\": \"%s\", \"hypervisor_cycles_by_cause\": ", n, machine_scheduler(m));
    json_causes(own, out);
    text_add(out, ", \"list\": [");
    for (unsigned i = 0; i < n; i++) {
        if (i) text_char(out, ',');
        json_vm(m, i, out);
    }
    text_add(out, "\n  ]},\n");
}

static void json_numbers(struct text *out, const char *const key[], const uint64_t value[], unsigned n)
{
    for (unsigned i = 0; i < n; i++) text_add(out, "%s\"%s\": %llu", i ? ", " : "", key[i], (unsigned long long)value[i]);
}

/* "memory": machine memory that goes from one VM to another; null where it does not. */
static void json_memory(const struct machine *m, struct text *out)
{
    static const char *const keys[] = { "frames", "free", "least_free", "shared", "saved", "scanned", "compared", "scrubbed" },
                      *const states[] = { "high", "soft", "hard", "low" },
                      *const vms[] = { "pages", "shares", "active_permille", "here", "shared", "ballooned", "target", "swapped", "shared_so_far",
                                       "unshared_so_far", "locked", "unlocked", "refused", "swapped_out", "swapped_in" };
    struct machine_memory y;
    if (!machine_memory(m, &y)) {
        text_add(out, "  \"memory\": null,\n");
        return;
    }
    text_add(out, "  \"memory\": {\"state\": \"%s\", \"cycles\": {", y.state);
    json_numbers(out, states, y.in_state, 4);
    text_add(out, "}, ");
    json_numbers(out, keys, (const uint64_t[]){ y.frames, y.free, y.least_free, y.shared, y.saved, y.scanned, y.compared, y.scrubbed }, 8);
    text_add(out, ", \"list\": [");
    for (unsigned n = 0; n < machine_vms(m); n++) {
        struct machine_vm_memory v;
        machine_vm_memory(m, n, &v);
        text_add(out, "%s\n    {\"vm\": %u, \"driver\": %s, ", n ? "," : "", n, v.driver ? "true" : "false");
        json_numbers(out, vms, (const uint64_t[]){ v.pages, v.shares, v.active, v.here, v.shared, v.ballooned, v.target, v.swapped, v.shares_made,
                                                   v.unshares, v.locked, v.unlocked, v.refused, v.swaps_out, v.swaps_in }, 15);
        text_char(out, '}');
    }
    text_add(out, "\n  ]},\n");
}

/* "migration": how a VM went to another machine, and what became of it there; null where none was to. */
static void json_migration(const struct report *r, struct text *out)
{
    static const char *const keys[] = { "began", "ended", "bytes", "pages", "sent", "zero", "hot", "dirtied", "mbit" };
    const struct machine *from = r->s->left ? r->s->left : r->s->machine, *there = machine_moved(from);
    struct machine_migration g;
    if (!machine_migration(from, &g)) {
        text_add(out, "  \"migration\": null,\n");
        return;
    }
    text_add(out, "  \"migration\": {\"vm\": %u, \"done\": %s, \"failed\": ", g.vm, g.done ? "true" : "false");
    if (g.failed) text_json_bytes(out, g.failed, strlen(g.failed));
    else text_add(out, "null");
    text_add(out, ", \"to\": \"%s\", \"pages\": %u, \"stores_noted\": %llu, \"began\": %llu, \"stopped\": %llu, \"resumed\": %llu,\n   \"rounds\": [",
             g.done ? machine_config(there ? there : r->s->machine)->cpu : "", g.pages, (unsigned long long)g.faults, (unsigned long long)g.began,
             (unsigned long long)g.stopped, (unsigned long long)g.resumed);
    for (unsigned n = 0; n < g.rounds; n++) {
        const struct machine_round *x = &g.round[n];
        text_add(out, "%s\n    {", n ? "," : "");
        json_numbers(out, keys, (const uint64_t[]){ x->began, x->ended, x->bytes, x->pages, x->sent, x->zero, x->hot, x->dirtied, x->mbit }, 9);
        text_char(out, '}');
    }
    text_add(out, "\n  ]},\n");
}

void report_json(const struct report *r, struct text *out)
{
    size_t n;
    const char *serial = machine_serial(r->s->machine, &n);
    text_add(out, "{\n");
    key_text(out, "stop", r->stop);
    if (r->end.fate == FATE_EXITED) key_number(out, "guest_exit", r->end.code);
    else text_add(out, "  \"guest_exit\": null,\n");
    text_add(out, "  \"exit_code\": %d,\n", r->code);
    key_text(out, "why", r->end.why);
    json_machine(r, out);
    json_hosted(r, out);
    json_io(r, out);
    json_disks(r, out);
    json_post(r, out);
    json_counts(r, out);
    json_rings(r->s->machine, out);
    json_episodes(r, out);
    json_vms(r, out);
    json_memory(r->s->machine, out);
    json_migration(r, out);
    json_silent(r, out);
    json_checks(r, out);
    json_bare(r, out);
    text_add(out, "  \"serial\": ");
    text_json_bytes(out, serial, n);
    text_add(out, ",\n  \"host_seconds\": %.6f,\n  \"mips\": %.3f\n}\n", r->seconds,
             r->seconds > 0 ? (double)r->sum.insns / r->seconds / 1e6 : 0.0);
}
