/* Who owns which device: virtual machines, hypervisor and hardware of a run, with what passed between them. See picture_chart.h.
 *
 * Idea 1: nothing here is drawn from a book. Rings and modes are those in which cycles were counted, owners are what the machine was
 * set up with, the figures at the arrows were counted in this run.
 * Idea 2: the way of a disk request is drawn bold; who is on it, and who is not, is what the ways to host a device differ in.
 * Layout is Graphviz's. What a frame is stands in it as its leftmost node, for arrows pass through a cluster's label but not through a node.
 * Beyond the fourth VM only the number is said. */
#include <stdio.h>
#include <string.h>
#include "sim/device_use.h"
#include "sim/graphviz.h"
#include "sim/picture_chart.h"
#include "sim/picture_dress.h"

enum { DRAWN = 4 };
enum part { PROGRAMS, KERNEL, PARTS };

struct home { uint64_t cycles, most; char mode[32]; }; /* where a part of a VM ran, most of the time */
struct topology {
    const struct subject *s;
    const struct machine *m;
    struct device_uses u;
    struct machine_vm vm[DRAWN];
    struct home home[DEVICE_VMS][PARTS];
    uint64_t own, busy, idle; /* cycles: the hypervisor's, everybody's, nobody's */
    uint64_t host, process;   /* hosted: of the host's kernel, its processes */
    struct machine_hosted answers;
    bool hosted;
    unsigned vms, drawn;
    bool vmm;
};

/* ---- what is in it */

static void add(struct home *h, const struct machine_account *a, uint64_t cycles, bool vmm)
{
    h->cycles += cycles;
    if (cycles <= h->most) return;
    h->most = cycles;
    snprintf(h->mode, sizeof h->mode, "ring %u%s", a->ring, a->nonroot ? ", non-root" : vmm && a->ring == 0 ? ", root" : "");
}

static void account(struct topology *d)
{
    struct machine_account list[MACHINE_ACCOUNTS];
    unsigned n = machine_accounts(d->m, list, MACHINE_ACCOUNTS);
    for (unsigned i = 0; i < n; i++) {
        const struct machine_account *a = &list[i];
        uint64_t idle = a->by_cause[CAUSE_IDLE], busy = a->cycles - idle;
        d->idle += idle;
        d->busy += busy;
        if (d->hosted && a->ring == 3 && !a->nonroot) d->process += busy;
        else if (d->hosted && !a->ring && !a->nonroot) d->host += a->by_cause[CAUSE_HOST], d->own += busy - a->by_cause[CAUSE_HOST];
        else if (d->vmm && !a->ring && !a->nonroot) d->own += busy;
        else add(&d->home[a->vm % DEVICE_VMS][a->ring == 3 ? PROGRAMS : KERNEL], a, busy, d->vmm);
    }
}

static void collect(struct topology *d, const struct subject *s)
{
    d->s = s;
    d->m = s->machine;
    d->vmm = machine_has_vmm(d->m);
    d->vms = machine_vms(d->m);
    d->hosted = machine_hosted(d->m, &d->answers);
    d->drawn = d->vms < DRAWN ? d->vms : DRAWN;
    for (unsigned n = 0; n < d->drawn; n++) machine_vm(d->m, n, &d->vm[n]);
    device_uses_count(&d->u, d->m);
    account(d);
}

static double share(const struct topology *d, uint64_t cycles) { return d->busy ? 100.0 * (double)cycles / (double)d->busy : 0; }

static const char *image_of(const struct topology *d, unsigned vm)
{
    const char *path = d->vm[vm].image, *slash = path ? strrchr(path, '/') : NULL;
    return !path || !*path ? d->s->name : slash ? slash + 1 : path;
}

static void caption(const struct topology *d, bool ascii, struct text *out)
{
    const struct machine_cfg *c = &d->s->cfg;
    const char *dot = ascii ? "/" : "\xC2\xB7";
    if (d->vmm) text_add(out, "%s%s%s%s%s, ", c->cpu, dot, c->mmu, dot, c->io);
    text_add(out, "%s, %s, model %s", d->vmm ? c->host : "no hypervisor", d->s->name, c->label);
}

static const char *title_of(const struct device_use *q) { return device_use_title(q->is.name); }

static uint64_t sum(const uint64_t *list)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < DEVICE_VMS; i++) n += list[i];
    return n;
}

static bool is(const char *word, const char *other) { return !strcmp(word, other); }

/* Is there anything to draw at its node among the hardware? */
static bool shown(const struct device_use *q) { return device_use_any(q) && (q->is.owner != MACHINE_NOBODY || q->real_signals); }

/* The real drives are there, and everybody's way to them is what the picture is about. */
static bool lit(const struct device_use *q) { return is(q->is.name, "ide"); }

static bool processed(const struct device_use *q, unsigned vm) { return is(q->sees[vm], "process") && (q->accesses[vm] || q->signals[vm]); }

static bool used(const struct device_use *q, unsigned vm) { return is(q->sees[vm], "virtual") && (q->accesses[vm] || q->signals[vm]); }

/* With many VMs the lesser virtual devices of each are one node: its board. */
static bool folded(const struct topology *d, const struct device_use *q) { return d->drawn > 2 && !lit(q) && !is(q->is.name, "nic"); }

/* ---- DOT */

static void counted(struct text *out, uint64_t n, const char *word)
{
    text_number(out, n);
    text_add(out, " %s%s", word, n == 1 ? "" : word[strlen(word) - 1] == 's' ? "es" : "s");
}

static void arrow(struct text *out, const char *from, const char *to, bool bold, const char *label, const char *style)
{
    text_add(out, "  %s -> %s [label=\"", from, to);
    graphviz_beside(label, out);
    text_add(out, "\"%s%s];\n", bold ? ", penwidth=3, color=\"#d55e00\"" : "", style);
}

/* A frame's own words, left of all that stands in it: `order` collects "IS -> NODE" for each. */
static void frame_begins(struct text *out, const char *name, const char *colour, const char *words)
{
    text_add(out, "  subgraph cluster_%s {\n    style=rounded; color=\"%s\"; label=\"\";\n    %s_is [shape=plaintext, fontsize=12, label=\"%s\"];\n", name, colour, name, words);
}
static void member(struct text *order, const char *name, const char *prefix, const char *node) { text_add(order, " %s_is -> %s%s;", name, prefix, node); }
static void frame_ends(struct text *out, struct text *order)
{
    if (order->len) text_add(out, "    { rank=same; edge [style=invis];%s }\n", text_str(order));
    text_add(out, "  }\n");
    text_free(order);
}

static const char *kernel_words(const struct topology *d, unsigned vm)
{
    if (machine_is_split(d->m)) return vm ? "kernel,\\nwith front end" : "kernel, with drivers\\nand back ends";
    return is(d->s->cfg.cpu, "pv") ? "kernel, ported" : "kernel, with drivers";
}

static void node_of_part(const struct topology *d, struct text *out, unsigned vm, enum part p)
{
    const struct home *h = &d->home[vm][p];
    if (!h->cycles) return;
    text_add(out, "    vm%u_%s [style=rounded, label=\"%s\\n%s\\n%.1f %%", vm, p == KERNEL ? "kernel" : "programs",
             p == PROGRAMS ? "programs" : kernel_words(d, vm), h->mode, share(d, h->cycles));
    if (p == KERNEL && vm && machine_is_split(d->m)) text_add(out, "\\nring, grants:\\n"), counted(out, d->vm[vm].notified, "notification");
    text_add(out, "\"];\n");
}

static void vm_dot(const struct topology *d, unsigned vm, struct text *out)
{
    text_add(out, "  subgraph cluster_vm%u {\n    style=rounded; labeljust=l; color=\"#009e73\"; label=\"", vm);
    if (!d->vmm) text_add(out, "the guest: %s\";\n", image_of(d, vm));
    else text_add(out, "vm %u%s: %s\";\n", vm, machine_is_split(d->m) && !vm ? ", service domain" : "", image_of(d, vm));
    node_of_part(d, out, vm, PROGRAMS);
    node_of_part(d, out, vm, KERNEL);
    text_add(out, "  }\n");
    if (d->home[vm][PROGRAMS].cycles && d->home[vm][KERNEL].cycles) text_add(out, "  vm%u_programs -> vm%u_kernel;\n", vm, vm);
}

static void board_dot(const struct topology *d, unsigned vm, struct text *out, struct text *order)
{
    struct text label = { 0 };
    for (unsigned i = 0; i < d->u.n; i++) {
        const struct device_use *q = &d->u.use[i];
        if (!used(q, vm) || !folded(d, q)) continue;
        text_add(&label, "%s: ", title_of(q));
        counted(&label, q->accesses[vm], "exit");
        if (q->signals[vm]) text_add(&label, ", "), counted(&label, q->signals[vm], "interrupt");
        text_add(&label, "\\l");
    }
    if (label.len) {
        char node[12];
        snprintf(node, sizeof node, "%u", vm);
        text_add(out, "    board%u [shape=component, label=\"virtual board of vm %u\\n%s\"];\n  vm%u_kernel -> board%u;\n", vm, vm, text_str(&label), vm, vm);
        member(order, "vmm", "board", node);
    }
    text_free(&label);
}

/* One for each kind of device that VMs have virtual ones of, and one for hypercalls. */
static void hypervisor_dot(const struct topology *d, struct text *out)
{
    struct text order = { 0 }, words = { 0 };
    text_add(&words, "hypervisor\\nring 0%s\\n%.1f %%", is(d->s->cfg.cpu, "vtx") ? ", root" : "", share(d, d->own));
    frame_begins(out, "vmm", "#d55e00", text_str(&words));
    text_free(&words);
    member(&order, "vmm", "", "core");
    text_add(out, "    core [style=rounded, label=\"%s\"];\n", d->hosted ? "a module of the host's:\\nexits, memory, world switch" : "exits, scheduling,\\nmemory, real timer");
    if (sum(d->u.hypercalls)) text_add(out, "    calls [style=rounded, label=\"hypercalls\"];\n"), member(&order, "vmm", "", "calls");
    for (unsigned i = 0; i < d->u.n; i++) {
        const struct device_use *q = &d->u.use[i];
        bool is_virtual = false;
        for (unsigned vm = 0; vm < d->drawn; vm++) is_virtual |= used(q, vm);
        if (!is_virtual || folded(d, q)) continue;
        text_add(out, "    virtual_%s [shape=component, label=\"virtual\\n%s\"];\n", q->is.name, title_of(q));
        member(&order, "vmm", "virtual_", q->is.name);
    }
    for (unsigned vm = 0; vm < d->drawn; vm++) board_dot(d, vm, out, &order);
    if (machine_is_split(d->m)) text_add(out, "    ports [style=rounded, label=\"port accesses repeated,\\ninterrupts as events\"];\n"), member(&order, "vmm", "", "ports");
    frame_ends(out, &order);
}

static void hardware_dot(const struct topology *d, struct text *out)
{
    char who[32];
    struct text order = { 0 };
    frame_begins(out, "board", "#808080", "hardware,\\nand who\\nprograms it");
    for (unsigned i = 0; i < d->u.n; i++) {
        const struct device_use *q = &d->u.use[i];
        if (!shown(q)) continue;
        text_add(out, "    %s [label=\"%s\\nby %s", q->is.name, title_of(q), device_use_owner(d->m, q->is.owner, who, sizeof who));
        if (q->real_commands) text_add(out, "\\n"), counted(out, q->real_commands, is(q->is.name, "nic") ? "frame" : "command");
        if (q->real_signals) text_add(out, "\\n"), counted(out, q->real_signals, "interrupt");
        text_add(out, "\"];\n");
        member(&order, "board", "", q->is.name);
    }
    frame_ends(out, &order);
}

/* The host's kernel, and a process for each VM with the devices that it models. */
static void host_dot(const struct topology *d, struct text *out)
{
    text_add(out, "  subgraph cluster_host {\n    style=rounded; labeljust=l; color=\"#0072b2\"; label=\"host\";\n"
                  "    host_kernel [style=rounded, label=\"host's kernel,\\nwith drivers\\nring 0, root\\n%.1f %%\"];\n", share(d, d->host));
    for (unsigned vm = 0; vm < d->drawn; vm++) {
        text_add(out, "    process%u [style=rounded, label=\"process of vm %u\\nring 3, root\\n", vm, vm);
        if (!vm) text_add(out, "%s%.1f %%\\n", d->drawn > 1 ? "all: " : "", share(d, d->process));
        text_add(out, "\"];\n");
        for (unsigned i = 0; i < d->u.n; i++) {
            const struct device_use *q = &d->u.use[i];
            if (processed(q, vm)) text_add(out, "    process%u_%s [shape=component, label=\"virtual\\n%s\"];\n", vm, q->is.name, title_of(q));
        }
    }
    text_add(out, "  }\n");
}

static void host_arrows(const struct topology *d, struct text *out)
{
    struct text label = { 0 };
    char from[40], to[40];
    const struct machine_hosted *a = &d->answers;
    counted(&label, a->exits[MACHINE_BY_KERNEL] + a->exits[MACHINE_BY_PROCESS] + a->waits, "crossing");
    arrow(out, "core", "host_kernel", false, text_str(&label), ", dir=both");
    for (unsigned vm = 0; vm < d->drawn; vm++) {
        bool disk = false;
        for (unsigned i = 0; i < d->u.n; i++) {
            const struct device_use *q = &d->u.use[i];
            if (!processed(q, vm)) continue;
            text_clear(&label);
            counted(&label, q->accesses[vm], "exit");
            if (q->signals[vm]) text_add(&label, "\\n"), counted(&label, q->signals[vm], "interrupt");
            snprintf(from, sizeof from, "vm%u_kernel", vm);
            snprintf(to, sizeof to, "process%u_%s", vm, q->is.name);
            arrow(out, from, to, lit(q), text_str(&label), "");
            snprintf(from, sizeof from, "process%u", vm);
            arrow(out, to, from, lit(q), "", "");
            disk |= lit(q);
        }
        snprintf(from, sizeof from, "process%u", vm);
        arrow(out, from, "host_kernel", disk, "system calls", "");
    }
    for (unsigned i = 0; i < d->u.n; i++)
        if (d->u.use[i].is.owner == MACHINE_HOST && shown(&d->u.use[i])) arrow(out, "host_kernel", d->u.use[i].is.name, lit(&d->u.use[i]), "", "");
    text_free(&label);
}

/* From a VM's kernel to what it takes for a device, or to the real one. */
static void device_arrows(const struct topology *d, unsigned vm, const struct device_use *q, struct text *out)
{
    char kernel[24], to[40];
    struct text label = { 0 };
    snprintf(kernel, sizeof kernel, "vm%u_kernel", vm);
    snprintf(to, sizeof to, "virtual_%s", q->is.name);
    if (used(q, vm)) {
        if (folded(d, q)) return;
        counted(&label, q->accesses[vm], "exit");
        if (q->signals[vm]) text_add(&label, "\\n"), counted(&label, q->signals[vm], "interrupt");
        arrow(out, kernel, to, lit(q), text_str(&label), "");
    } else if (is(q->sees[vm], "real") && machine_is_split(d->m)) {
        counted(&label, q->accesses[vm], "exit");
        arrow(out, kernel, "ports", lit(q), text_str(&label), "");
        arrow(out, "ports", q->is.name, lit(q), "", "");
    } else if (is(q->sees[vm], "real") && shown(q)) {
        if (d->vmm) counted(&label, q->accesses[vm], "exit"), text_add(&label, "\\n"), counted(&label, q->signals[vm], "interrupt");
        arrow(out, kernel, q->is.name, lit(q), text_str(&label), "");
    }
    text_free(&label);
}

static void ring_arrows(const struct topology *d, struct text *out)
{
    for (unsigned vm = 1; machine_is_split(d->m) && vm < d->drawn; vm++) {
        char from[24];
        snprintf(from, sizeof from, "vm%u_kernel", vm);
        arrow(out, from, "vm0_kernel", true, "", "");
    }
}

static void arrows(const struct topology *d, struct text *out)
{
    for (unsigned vm = 0; vm < d->drawn; vm++) {
        for (unsigned i = 0; i < d->u.n; i++) device_arrows(d, vm, &d->u.use[i], out);
        if (!d->u.hypercalls[vm]) continue;
        struct text label = { 0 };
        text_number(&label, d->u.hypercalls[vm]);
        text_add(out, "  vm%u_kernel -> calls [label=\"  %s  \"];\n", vm, text_str(&label));
        text_free(&label);
    }
    ring_arrows(d, out);
    if (d->hosted) host_arrows(d, out);
    for (unsigned i = 0; d->vmm && i < d->u.n; i++) {
        const struct device_use *q = &d->u.use[i];
        char from[40];
        snprintf(from, sizeof from, "virtual_%s", q->is.name);
        bool through = sum(q->accesses) && q->is.owner == MACHINE_HYPERVISOR && is(q->is.sees, "virtual") && !is(q->is.name, "pit") && !is(q->is.name, "pic");
        if (through && shown(q) && !folded(d, q)) arrow(out, from, q->is.name, lit(q), lit(q) ? "its driver" : "", "");
        else if (q->is.owner == MACHINE_HYPERVISOR && shown(q)) arrow(out, "core", q->is.name, false, "", "");
    }
}

static void topology_dot(const struct topology *d, const struct picture *p, struct text *out)
{
    bool dark = p->theme && is(p->theme, "dark");
    const char *ink = dark ? "#f0f0f0" : "#1a1a1a", *font = "fontname=\"DejaVu Sans Mono, monospace\"";
    bool solid = p->theme && (is(p->theme, "print") || is(p->theme, "mono"));
    text_add(out, "digraph topology {\n  graph [rankdir=TB, ranksep=0.7, bgcolor=%s, fontcolor=\"%s\", %s, fontsize=12, labelloc=t, label=\"Who owns the devices\\n",
             solid ? "white" : "transparent", ink, font);
    caption(d, p->ascii, out);
    if (d->vms > d->drawn) text_add(out, "\\n%u of %u VMs are drawn", d->drawn, d->vms);
    text_add(out, "\\npercent: of the cycles that the processor did not idle; bold: the way to the disk\"];\n"
                  "  node [shape=box, %s, fontsize=11, color=\"%s\", fontcolor=\"%s\"];\n  edge [%s, fontsize=10, color=\"%s\", fontcolor=\"%s\"];\n",
             font, ink, ink, font, ink, ink);
    for (unsigned vm = 0; vm < d->drawn; vm++) vm_dot(d, vm, out);
    if (d->vmm) hypervisor_dot(d, out);
    if (d->hosted) host_dot(d, out);
    hardware_dot(d, out);
    arrows(d, out);
    text_add(out, "}\n");
}

/* ---- text */

static void part_text(const struct topology *d, const char *who, const char *part, const char *mode, uint64_t cycles, struct text *out)
{
    struct text n = { 0 };
    text_number(&n, cycles);
    text_add(out, "%-16.16s %-14s %-18s %16s %7.1f %%\n", who, part, mode, text_str(&n), share(d, cycles));
    text_free(&n);
}

static void parts_text(const struct topology *d, struct text *out)
{
    char who[64];
    text_add(out, "%-16s %-14s %-18s %16s %9s\n", "who", "part", "runs in", "cycles", "busy");
    for (unsigned vm = 0; vm < d->drawn; vm++)
        for (unsigned p = 0; p < PARTS; p++) {
            snprintf(who, sizeof who, d->vmm ? "vm %u %s" : "%.0u%s", vm, image_of(d, vm));
            if (d->home[vm][p].cycles) part_text(d, who, p == KERNEL ? "kernel" : "programs", d->home[vm][p].mode, d->home[vm][p].cycles, out);
        }
    if (d->hosted) part_text(d, "host", "kernel", "ring 0, root", d->host, out);
    if (d->hosted) part_text(d, "host", "processes", "ring 3, root", d->process, out);
    if (d->vmm) part_text(d, d->hosted ? "module" : "hypervisor", "", is(d->s->cfg.cpu, "vtx") ? "ring 0, root" : "ring 0", d->own, out);
    if (d->vms > d->drawn) text_add(out, "%u more VMs\n", d->vms - d->drawn);
}

static void device_text(const struct topology *d, const struct device_use *q, struct text *out)
{
    const uint64_t counts[] = { sum(q->accesses), q->real_signals, sum(q->signals) };
    char who[32];
    struct text sees = { 0 }, n = { 0 };
    for (unsigned vm = 0; vm < d->drawn; vm++)
        if (!vm || !is(q->sees[vm], q->sees[vm - 1])) text_add(&sees, "%s%s", vm ? "/" : "", *q->sees[vm] ? q->sees[vm] : "-");
    text_add(out, "%-22s %-15s %-14s", title_of(q), device_use_owner(d->m, q->is.owner, who, sizeof who), text_str(&sees));
    for (unsigned i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        text_clear(&n);
        text_number(&n, counts[i]);
        text_add(out, " %8s", text_str(&n));
    }
    text_add(out, "\n");
    text_free(&sees);
    text_free(&n);
}

static void topology_text(const struct topology *d, const struct picture *p, struct text *out)
{
    text_add(out, "Who owns the devices: ");
    caption(d, p->ascii, out);
    text_add(out, "\n\n");
    parts_text(d, out);
    text_add(out, "\n%-22s %-15s %-14s %8s %8s %8s\n%-22s %-15s %-14s %8s %8s %8s\n", "", "the real one is", "a VM has", "exits", "real", "virtual",
             "device", "programmed by", "", "by ports", "irqs", "irqs");
    for (unsigned i = 0; i < d->u.n; i++)
        if (device_use_any(&d->u.use[i])) device_text(d, &d->u.use[i], out);
    for (unsigned vm = 0; vm < d->drawn; vm++) {
        if (!d->u.hypercalls[vm]) continue;
        text_add(out, vm ? "; " : "\nhypercalls: ");
        text_add(out, "vm %u ", vm);
        text_number(out, d->u.hypercalls[vm]);
    }
    for (unsigned vm = 0; machine_is_split(d->m) && vm < d->drawn; vm++) {
        const struct machine_vm *v = &d->vm[vm];
        text_add(out, "\nvm %u%s: ", vm, vm ? "" : ", service domain");
        counted(out, v->notified, "notification");
        text_add(out, ", ");
        counted(out, v->mapped, "grant");
        text_add(out, " mapped, ");
        counted(out, v->ports, "port access");
        text_add(out, vm + 1 == d->drawn ? "\n" : "");
    }
    if (sum(d->u.hypercalls) && !machine_is_split(d->m)) text_add(out, "\n");
    if (d->u.forgotten) text_add(out, "The middle of the history is forgotten; what passed then is not counted.\n");
}

bool topology_write(const struct subject *s, const struct picture *p, const char *path, struct err *e)
{
    static struct topology d; /* large */
    struct text dot = { 0 }, out = { 0 };
    memset(&d, 0, sizeof d);
    collect(&d, s);
    bool ok = true;
    if (p->format == PICTURE_TXT) topology_text(&d, p, &out);
    else {
        topology_dot(&d, p, &dot);
        if (p->format == PICTURE_DOT) text_bytes(&out, dot.s, dot.len);
        else ok = graphviz_layout(&dot, picture_ending(p->format), &out, e);
    }
    ok = ok && picture_put(&out, path, e);
    text_free(&dot);
    text_free(&out);
    return ok;
}
