/* See config.h. */
#include "sim/config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/core/text.h"
#include "sim/mmu/strategy.h"
#include "sim/vmm/io_strategy.h"
#include "sim/vmm/strategy.h"
#include "sim/snapshot.h"

const struct machine_cfg config_defaults = { .cpu = "native", .mmu = "", .io = "hypervisor-direct", .host = "bare-metal",
                                             .model = "p4", .ram_mib = 64 };

/* Techniques the design has words for and this version does not build yet: refused by name, not as typing errors. */
static const struct { const char *option, *name; } planned[] = {
    { "host", "hosted" },
};

static bool choose(char *to, size_t room, const char *option, const char *value, const char *const *known, unsigned n,
                   struct err *e)
{
    for (unsigned i = 0; i < n; i++)
        if (!strcmp(known[i], value)) {
            strncpy(to, value, room - 1);
            return true;
        }
    for (unsigned i = 0; i < sizeof planned / sizeof planned[0]; i++)
        if (!strcmp(planned[i].option, option) && !strcmp(planned[i].name, value))
            return err_set(e, EXIT_USAGE, "--%s %s: planned, not in version 0.1; try --%s %s", option, value, option, known[n - 1]);
    struct text all = { 0 };
    for (unsigned i = 0; i < n; i++) text_add(&all, "%s%s", i ? ", " : "", known[i]);
    const char *near = config_suggest(value, known, n);
    if (near) err_set(e, EXIT_USAGE, "--%s %s: no such choice (known: %s); did you mean %s?", option, value, text_str(&all), near);
    else err_set(e, EXIT_USAGE, "--%s %s: no such choice; known: %s", option, value, text_str(&all));
    text_free(&all);
    return false;
}

/* 1000, 1e6, 64k, 2M, 1G (factors of 1000, or of 1024 if `binary`). */
static bool number(const char *option, const char *value, bool binary, uint64_t *out, struct err *e)
{
    char *end;
    double v = strtod(value, &end);
    double k = binary ? 1024 : 1000;
    double scale = 1;
    if (*end && end != value) {
        const char *units = "kmg";
        const char *u = strchr(units, tolower((unsigned char)*end));
        if (!u) end = (char *)value;
        else {
            for (const char *p = units; p <= u; p++) scale *= k;
            end++;
        }
    }
    v *= scale;
    if (end == value || *end || !(v >= 0) || v > 1e18 || v != (double)(uint64_t)v)
        return err_set(e, EXIT_USAGE, "--%s %s: not a number; write it like 1000, 1e6 or 64M", option, value);
    *out = (uint64_t)v;
    return true;
}

static bool set_ram(struct machine_cfg *c, const char *value, struct err *e)
{
    uint64_t bytes;
    if (!number("ram", value, true, &bytes, e)) return false;
    if (bytes < 1u << 20) bytes <<= 20; /* a bare number is in MB */
    if (bytes < 1u << 20 || bytes > 2048ull << 20 || bytes % (1u << 20))
        return err_set(e, EXIT_USAGE, "--ram %s: the machine has 1M to 2G, in whole megabytes; try --ram 64M", value);
    c->ram_mib = (uint32_t)(bytes >> 20);
    return true;
}

static bool set_pair(struct machine_cfg *c, const char *value, struct err *e)
{
    const char *eq = strchr(value, '=');
    if (!eq || eq == value) return err_set(e, EXIT_USAGE, "--set %s: expected KEY=VALUE, such as --set cost.insn.cli=60", value);
    if (c->sets == CONFIG_SETS) return err_set(e, EXIT_USAGE, "--set %s: at most %d settings", value, CONFIG_SETS);
    size_t k = (size_t)(eq - value);
    if (k >= sizeof c->set[0].key || strlen(eq + 1) >= sizeof c->set[0].value)
        return err_set(e, EXIT_USAGE, "--set %.60s...: key or value too long", value);
    memset(&c->set[c->sets], 0, sizeof c->set[0]);
    memcpy(c->set[c->sets].key, value, k);
    strcpy(c->set[c->sets].value, eq + 1);
    c->sets++;
    return true;
}

/* --history 256M: a setting of its own name, in MB. */
static bool set_history(struct machine_cfg *c, const char *value, struct err *e)
{
    char pair[64];
    uint64_t bytes;
    if (!number("history", value, true, &bytes, e)) return false;
    if (bytes >> 20 < HISTORY_LEAST || bytes >> 20 > HISTORY_MOST)
        return err_set(e, EXIT_USAGE, "--history %.40s: from %dM to %dG", value, HISTORY_LEAST, HISTORY_MOST >> 10);
    snprintf(pair, sizeof pair, CONFIG_HISTORY "=%llu", (unsigned long long)(bytes >> 20));
    return set_pair(c, pair, e);
}

static bool set_text(char *to, size_t room, const char *name, const char *value, struct err *e)
{
    if (strlen(value) >= room) return err_set(e, EXIT_USAGE, "--%s: longer than %zu bytes", name, room - 1);
    strcpy(to, value);
    return true;
}

/* FILE[,STRING]; a module without a string is told its file's name. */
static bool add_module(struct machine_cfg *c, const char *value, struct err *e)
{
    const char *comma = strchr(value, ',');
    size_t n = comma ? (size_t)(comma - value) : strlen(value);
    if (!n) return err_set(e, EXIT_USAGE, "--module %s: expected FILE or FILE,STRING", value);
    if (c->modules == CONFIG_MODULES) return err_set(e, EXIT_USAGE, "--module %s: at most %d modules", value, CONFIG_MODULES);
    const char *string = comma ? comma + 1 : value;
    if (n >= sizeof c->module[0].path || strlen(string) >= sizeof c->module[0].string)
        return err_set(e, EXIT_USAGE, "--module %.60s...: file name or string too long", value);
    memset(&c->module[c->modules], 0, sizeof c->module[0]);
    memcpy(c->module[c->modules].path, value, n);
    strcpy(c->module[c->modules].string, string);
    c->modules++;
    return true;
}

static bool add_disk(struct machine_cfg *c, const char *value, struct err *e)
{
    if (!*value) return err_set(e, EXIT_USAGE, "--disk: an empty name; name a raw disk image");
    if (c->disks == CONFIG_DISKS)
        return err_set(e, EXIT_USAGE, "--disk %.200s: the machine has %d drives, and each has a disk already", value, CONFIG_DISKS);
    if (!set_text(c->disk[c->disks], sizeof c->disk[0], "disk", value, e)) return false;
    c->disks++;
    return true;
}

static bool set_vms(struct machine_cfg *c, const char *value, struct err *e)
{
    uint64_t n;
    if (!number("vms", value, false, &n, e)) return false;
    if (!n || n > CONFIG_VMS) return err_set(e, EXIT_USAGE, "--vms %s: from 1 to %d", value, CONFIG_VMS);
    c->vms = (unsigned)n;
    return true;
}

/* One that the program carries, or the name of a file. */
static bool set_model(struct machine_cfg *c, const char *value, struct err *e)
{
    const char *words[16];
    unsigned n = 0;
    if (strchr(value, '/') || strstr(value, ".model")) return set_text(c->model, sizeof c->model, "model", value, e);
    for (; n < 16 && model_name(n); n++) words[n] = model_name(n);
    return choose(c->model, sizeof c->model, "model", value, words, n, e);
}

bool config_option(struct machine_cfg *c, const char *name, const char *value, struct err *e)
{
    static const char *const mmus[] = { "native", "shadow", "two-level", "agile", "direct" }, *const nics[] = { "alone", "mirror", "join" }, *const hosts[] = { "bare-metal", "hosted" };
    const char *cpus[16], *ios[8];
    unsigned n = 0, ways = 0;
    for (const struct cpu_strategy *const *s = cpu_strategies; *s && n < 16; s++) cpus[n++] = (*s)->name;
    for (const struct io_strategy *const *s = io_strategies; *s && ways < 8; s++) ios[ways++] = (*s)->name;
    if (!strcmp(name, "cpu")) return choose(c->cpu, sizeof c->cpu, name, value, cpus, n, e);
    if (!strcmp(name, "mmu")) return choose(c->mmu, sizeof c->mmu, name, value, mmus, sizeof mmus / sizeof mmus[0], e);
    if (!strcmp(name, "io")) return choose(c->io, sizeof c->io, name, value, ios, ways, e);
    if (!strcmp(name, "host")) return choose(c->host, sizeof c->host, name, value, hosts, sizeof hosts / sizeof hosts[0], e);
    if (!strcmp(name, "model")) return set_model(c, value, e);
    if (!strcmp(name, "ram")) return set_ram(c, value, e);
    if (!strcmp(name, "set")) return set_pair(c, value, e);
    if (!strcmp(name, "history")) return set_history(c, value, e);
    if (!strcmp(name, "append")) return set_text(c->append, sizeof c->append, name, value, e);
    if (!strcmp(name, "initrd")) return set_text(c->initrd, sizeof c->initrd, name, value, e);
    if (!strcmp(name, "module")) return add_module(c, value, e);
    if (!strcmp(name, "disk")) return add_disk(c, value, e);
    if (!strcmp(name, "nic")) return choose(c->nic, sizeof c->nic, name, value, nics, sizeof nics / sizeof nics[0], e);
    if (!strcmp(name, "peer")) return set_text(c->peer, sizeof c->peer, name, value, e);
    if (!strcmp(name, "peer-append")) return set_text(c->peer_append, sizeof c->peer_append, name, value, e);
    if (!strcmp(name, "peer-cpu")) return choose(c->peer_cpu, sizeof c->peer_cpu, name, value, cpus, n, e);
    if (!strcmp(name, "net-replay")) return set_text(c->net_replay, sizeof c->net_replay, name, value, e);
    if (!strcmp(name, "bios")) return set_text(c->bios, sizeof c->bios, name, value, e);
    if (!strcmp(name, "serial-in")) return set_text(c->serial_in, sizeof c->serial_in, name, value, e);
    if (!strcmp(name, "save")) return set_text(c->save, sizeof c->save, name, value, e);
    if (!strcmp(name, "save-at")) return number(name, value, false, &c->save_at, e);
    if (!strcmp(name, "migrate-at")) return number(name, value, false, &c->migrate_at, e);
    if (!strcmp(name, "migrate-to")) return choose(c->migrate_to, sizeof c->migrate_to, name, value, cpus, n, e);
    if (!strcmp(name, "restore")) return set_text(c->restore, sizeof c->restore, name, value, e);
    if (!strcmp(name, "vms")) return set_vms(c, value, e);
    if (!strcmp(name, "seed")) return number(name, value, false, &c->seed, e);
    if (!strcmp(name, "limit-cycles")) return number(name, value, false, &c->limit_cycles, e);
    if (!strcmp(name, "limit-instr")) return number(name, value, false, &c->limit_insns, e);
    return err_set(e, EXIT_USAGE, "--%s: not an option of the machine", name);
}

const char *config_get(const struct machine_cfg *c, const char *key)
{
    for (unsigned i = c->sets; i--; )
        if (!strcmp(c->set[i].key, key)) return c->set[i].value;
    return NULL;
}

/* ---- several VMs ---- */

unsigned config_vms(const struct machine_cfg *c)
{
    unsigned n = c->vms ? c->vms : 1;
    for (unsigned k = 0; k < c->kinds; k++) n = k ? n + c->kind[k].count : c->kind[k].count;
    return n;
}

/* vm.N.WHAT, the last one said; `otherwise` if there is none. */
static const char *vm_setting(const struct machine_cfg *c, unsigned vm, const char *what)
{
    struct text key = { 0 };
    text_add(&key, "vm.%u.%s", vm, what);
    const char *value = config_get(c, text_str(&key));
    text_free(&key);
    return value;
}

static uint32_t vm_number(const struct machine_cfg *c, unsigned vm, const char *what, uint32_t otherwise)
{
    const char *value = vm_setting(c, vm, what);
    return value ? (uint32_t)strtoul(value, NULL, 10) : otherwise;
}

static void take(char *to, const char *from)
{
    if (*from) strcpy(to, from);
}

static void apply_kind(const struct vm_kind *k, struct machine_cfg *one, struct config_share *share)
{
    bool other = *k->cpu && strcmp(k->cpu, one->cpu) != 0;
    take(one->cpu, k->cpu);
    if (other) strcpy(one->mmu, k->mmu);
    else take(one->mmu, k->mmu);
    take(one->image, k->image);
    take(one->append, k->append);
    if (k->ram_mib) one->ram_mib = k->ram_mib;
    if (*k->module) {
        one->modules = 1;
        strcpy(one->module[0].path, k->module);
        strcpy(one->module[0].string, k->module);
    }
    *share = (struct config_share){ k->weight, k->cap, k->background, k->shares, k->later };
}

void config_vm(const struct machine_cfg *c, unsigned vm, struct machine_cfg *one, struct config_share *share)
{
    const struct vm_kind *k = c->kind;
    *one = *c;
    *share = (struct config_share){ 0 };
    for (unsigned n = vm; c->kinds && n >= k->count; k++) n -= k->count;
    if (c->kinds) apply_kind(k, one, share);
    const char *cpu = vm_setting(c, vm, "cpu");
    if (cpu && strlen(cpu) < sizeof one->cpu && strcmp(cpu, one->cpu)) {
        strcpy(one->cpu, cpu);
        one->mmu[0] = 0;
    }
    share->weight = vm_number(c, vm, "weight", share->weight);
    share->cap = vm_number(c, vm, "cap", share->cap);
    share->background = vm_number(c, vm, "background", share->background);
    share->shares = vm_number(c, vm, "shares", 0);
    share->later = vm_number(c, vm, "later", share->later);
    one->vms = 1;
    one->kinds = 0;
    const struct cpu_strategy *s = cpu_strategy_find(one->cpu);
    if (s && !one->mmu[0]) strcpy(one->mmu, s->mmu);
}
