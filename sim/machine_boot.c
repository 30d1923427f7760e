/* What is in memory when the first instruction comes: what a boot loader, a domain builder or a ROM would have left. See machine.h.
 *
 * Idea: a guest is started the same way on a bare machine and in a virtual one: the memory and the CPU are other ones. So is a host
 * of virtual machines, on the real board.
 * Multiboot Specification 0.6.96, 3.2 (machine state). */
#include <stdio.h>
#include "sim/board.h"
#include "sim/firmware_tables.h"
#include "sim/vmm/paravirt.h"

enum { BOOT_GDT = 0x7000, HOLE_END = 1 << 20 };

static struct load_order order_of(const struct machine_cfg *cfg)
{
    struct load_order o = { .path = cfg->image, .cmdline = cfg->append, .initrd = cfg->initrd[0] ? cfg->initrd : NULL,
                            .modules = cfg->modules };
    o.paravirtual = cpu_strategy_find(cfg->cpu)->aware;
    for (unsigned i = 0; i < cfg->modules; i++) o.module[i] = (struct load_module){ cfg->module[i].path, cfg->module[i].string };
    return o;
}

/* What firmware would have left, where none runs. */
static void post(struct bus *memory, struct devices *d)
{
    uint8_t tables[FIRMWARE_TABLES_SIZE];
    firmware_tables(tables, FIRMWARE_TABLES, d->apics);
    bus_poke(memory, hpa(FIRMWARE_TABLES), tables, sizeof tables);
    devices_after_post(d, FIRMWARE_IOAPIC_ID);
}

/* What a boot loader leaves behind: a flat GDT in low memory (the Multiboot specification promises no more than flat
 * segments; a table that exists keeps SGDT and segment loads meaningful), and the CPU at the entry point. Linux wants its
 * flat segments as selectors 10 and 18. The table is there before the image, which may lie over it. */
static bool boot(struct tenant *t, const struct machine_cfg *cfg, struct bus *memory, struct cpu *c, struct err *e)
{
    struct image *image = &t->image;
    static const uint32_t gdt[2][8] = { { 0, 0, 0x0000FFFF, 0x00CF9B00, 0x0000FFFF, 0x00CF9300 },
                                        { 0, 0, 0, 0, 0x0000FFFF, 0x00CF9B00, 0x0000FFFF, 0x00CF9300 } };
    struct load_order order = order_of(cfg);
    if (!loader_load(memory, &order, image, e)) return false;
    bool is_linux = image->kind == IMAGE_LINUX;
    unsigned bytes = is_linux ? 32 : 24;
    if (image->low >= BOOT_GDT + bytes || image->high <= BOOT_GDT) bus_poke(memory, hpa(BOOT_GDT), gdt[is_linux], bytes);
    cpu_boot_flat(c, image->entry, image->eax, image->ebx);
    c->gdtr = (struct table_reg){ BOOT_GDT, (uint16_t)(bytes - 1) };
    c->reg[ESI] = image->esi;
    for (unsigned n = 0; is_linux && n < SEG_COUNT; n++) c->seg[n].sel = n == SEG_CS ? 0x10 : 0x18;
    return true;
}

/* A paravirtual kernel meets no firmware and no boot loader: the hypervisor's domain builder does all. */
static bool build_domain(struct tenant *t, const struct machine_cfg *cfg, struct vm *vm, struct err *e)
{
    struct load_order order = order_of(cfg);
    const struct image *i = &t->image;
    char cmdline[sizeof cfg->append + 16];
    snprintf(cmdline, sizeof cmdline, machine_split_plan(t->m) && !vm->id && cfg->disks > 1 ? "%s disks=%u" : "%s", cfg->append, cfg->disks); /* of each guest */
    if (!loader_load(vm_memory(vm), &order, &t->image, e)) return false;
    struct pv_image image = { .virt_base = i->virt_base, .entry = i->virt_base + i->entry, .end = i->high,
                              .hypercall_page = i->hypercall_page, .mod_start = i->mod_start, .mod_len = i->mod_len,
                              .cmdline = cmdline, .pae = i->pae };
    t->image.entry = image.entry;
    return pv_build(vm, &image, e);
}

/* A VM has no ROM chip: its hypervisor copies the firmware into the guest's memory, where shadow RAM would be, and starts
 * the virtual CPU at the vector's address there. */
void machine_copy_rom(void *rom, struct bus *memory, struct cpu *c, bool copy)
{
    const struct rom *r = rom;
    uint32_t bytes = r->size < ROM_LOW_SIZE ? r->size : ROM_LOW_SIZE;
    if (copy) bus_poke(memory, hpa(HOLE_END - bytes), r->chip + (r->size - bytes), bytes);
    if (copy) bus_fit_high_rom(memory, r->chip, r->size);
    if (copy && r->video) bus_poke(memory, hpa(SHADOW_BASE), r->video, r->video_size);
    c->seg[SEG_CS].base = ROM_VECTOR_LOW - c->eip;
}

/* With firmware there is nothing to prepare: the CPU comes out of reset at its vector and finds everything itself. `vm`: NULL on a
 * bare machine. */
bool machine_boot_guest(struct tenant *t, const struct machine_cfg *cfg, struct vm *vm, struct err *e)
{
    struct machine *m = t->m;
    struct bus *memory = vm ? vm_memory(vm) : &m->b->bus;
    struct cpu *c = vm ? &vm->vcpu.virt : &m->b->cpu;
    if (vm && vm->vcpu.ops->aware) return build_domain(t, cfg, vm, e);
    if (!m->rom.chip) post(memory, vm ? &vm->devices : &m->b->devices);
    if (!m->rom.chip) return boot(t, cfg, memory, c, e);
    t->image.entry = ROM_VECTOR;
    t->image.hash = m->rom.hash;
    cpu_reset(c);
    if (vm) machine_copy_rom(&m->rom, memory, c, true);
    return true;
}

uint32_t machine_host_frames(const struct machine *m) { return config_hosted(&m->cfg) ? (uint32_t)HOST_FRAMES : 0; }

/* The host's kernel boots on the real board. Its first process is the virtual machine's, and it is told where the module is. */
bool machine_boot_host(struct machine *m, struct err *e)
{
    struct board *b = m->b;
    struct machine_cfg cfg = m->cfg;
    if (!cfg.host_image[0] || !cfg.host_module[0])
        return err_set(e, EXIT_ENVIRONMENT, "--host hosted: the host's kernel, mini-host.elf, lies neither in build/guests nor in this program's "
                       "share/ringside/guests; run it from its tree after `make guests`, or from where `make install` put it");
    cfg.modules = 0;
    cfg.initrd[0] = 0;
    snprintf(cfg.image, sizeof cfg.image, "%s", m->cfg.host_image);
    char more[40] = "";
    if (b->vmm.board.setting[SETTING_HOST_CRASH]) snprintf(more, sizeof more, "crash=%u ", b->vmm.board.setting[SETTING_HOST_CRASH]);
    if (m->cfg.serial_in[0]) strcat(more, "input=1 ");
    snprintf(cfg.append, sizeof cfg.append, "%svmm=%u vms=%u run=\"vm %u%s\"", more, (unsigned)HOST_FRAMES, m->guests, m->guests,
             m->cfg.serial_in[0] ? " typed" : "");
    if (!config_option(&cfg, "module", m->cfg.host_module, e)) return false;
    b->host_memory = arena_alloc(&m->arena, sizeof *b->host_memory);
    bus_init_child(b->host_memory, &b->bus, HOST_FRAMES, &m->arena);
    for (uint32_t i = 0; i < HOST_FRAMES; i++) b->host_memory->map[i] = i;
    post(b->host_memory, &b->devices);
    return boot(&m->host, &cfg, b->host_memory, &b->cpu, e);
}
