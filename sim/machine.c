/* The composition root: who is plugged into whom. See machine.h; sim/board.h has the struct.
 * TOUR sim.1: machine_new shows the whole machine on two screens. */
#include "sim/machine.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include "sim/board.h"
#include "sim/core/pages.h"
#include "sim/vmm/schedule.h"

enum { HISTORY_FIRST = 1 << 18, HISTORY_LAST = 3 << 18 }; /* events of a bare machine that are kept: 50 MB */
enum { ONWARD_FIRST = 1 << 13, ONWARD_LAST = 3 << 13 };   /* and if nobody looks at them: what the host's caches hold */
enum { ARENA_ROOM = 64 << 20, VMM_FRAMES = WINDOW_SIZE / PAGE_SIZE, FEW_VMS = 4 };

static void pause_cpu(void *machine)
{
    struct machine *m = machine;
    m->paused = true;
    m->b->cpu.pause = true;
    m->b->cpu.break_at = 0;
}

void machine_pause(struct machine *m) { pause_cpu(m); }

static void pause_at_point(void *machine)
{
    struct machine *m = machine;
    m->b->cpu.pause = true;
    m->b->cpu.break_at = 0;
}

static void deadline_moved(void *machine)
{
    struct machine *m = machine;
    uint64_t next = timeq_next(&m->b->timers);
    if (next < m->b->cpu.break_at) m->b->cpu.break_at = next;
}

static void board_intr(void *machine, unsigned n, bool level)
{
    (void)n;
    cpu_intr(&((struct machine *)machine)->b->cpu, level);
}

static void board_ignne(void *machine, unsigned n, bool level)
{
    (void)n;
    cpu_ignne(&((struct machine *)machine)->b->cpu, level);
}

static void board_stop(void *machine, uint32_t value)
{
    struct machine *m = machine;
    if (m->b->stopped) return;
    m->b->stopped = true;
    m->b->stop_code = value;
    m->b->cpu.pause = true;
    m->b->cpu.break_at = 0;
}

/* The instruction that asked for it still completes: a device cannot reset the CPU in the middle of its OUT. */
static void board_reset(void *machine, unsigned kind, bool level)
{
    struct machine *m = machine;
    if (!level || m->b->reset > kind) return;
    m->b->reset = (uint8_t)(kind + 1);
    m->b->cpu.pause = true;
    m->b->cpu.break_at = 0;
}

static void board_remapped(struct machine *m)
{
    mmu_forget_all(&m->b->mmu);
    m->b->remapped = true;
    m->b->cpu.pause = true;
    m->b->cpu.break_at = 0;
}

/* Translations change, so no block may go on. */
static void board_a20(void *machine, unsigned n, bool open)
{
    struct machine *m = machine;
    mmu_a20(&m->b->mmu, n, open);
    m->b->cpu.break_at = 0;
}

/* The display card's ROM is where its base address register says, if that and its memory decoder are enabled. */
static void board_card(void *machine, const uint8_t *config)
{
    enum { COMMAND = 0x04, MEMORY = 0x02, ROM_BASE = 0x30, ENABLED = 1 };
    struct machine *m = machine;
    uint32_t base;
    memcpy(&base, config + ROM_BASE, sizeof base);
    bool seen = (config[COMMAND] & MEMORY) && (base & ENABLED);
    if (bus_move_card(&m->b->bus, seen ? base & ~(uint32_t)ENABLED : 0)) board_remapped(m);
}

static void board_shadow(void *machine, unsigned first, unsigned count, unsigned access)
{
    struct machine *m = machine;
    if (bus_shadow(&m->b->bus, first, count, access)) board_remapped(m);
}

static void board_off(void *machine, unsigned n, bool level)
{
    (void)n;
    struct machine *m = machine;
    m->b->off |= level;
    m->b->cpu.pause = true;
    m->b->cpu.break_at = 0;
}

static void board_serial(void *tenant, uint8_t byte)
{
    struct tenant *t = tenant;
    struct machine *m = t->m;
    t->serial.len = m->b->serial_len[t->n]; /* after time travel: what was said later is said again */
    text_bytes(&t->serial, &byte, 1);
    m->b->serial_len[t->n] = t->serial.len;
    if (t->serial.len <= t->serial_sent) return;
    t->serial_sent = t->serial.len;
    if (m->cfg.serial && t->n < m->guests) m->cfg.serial(m->cfg.serial_self, t->n, byte);
}

static void limit_fired(void *machine, uint64_t when)
{
    (void)when;
    struct machine *m = machine;
    m->limit_hit = true;
    m->b->cpu.pause = true;
}

static void till_fired(void *machine, uint64_t when)
{
    (void)when;
    struct machine *m = machine;
    m->till_hit = true;
    m->b->cpu.pause = true;
}

/* IA32_APIC_BASE was written. Nothing may be left in the TLB of where the window was or is now. */
static void board_apic_base(void *machine, uint32_t value)
{
    struct board *b = ((struct machine *)machine)->b;
    if (!b->devices.apics) return; /* the CPU's first reset, before the devices are there */
    lapic_place(&b->devices.lapic, value & PAGE_MASK, value & APIC_BASE_ENABLE);
    mmu_forget_all(&b->mmu);
}

static uint8_t board_ack(void *machine) { return devices_ack(&((struct machine *)machine)->b->devices); }

static void board_nmi(void *machine, unsigned n, bool level)
{
    (void)n;
    if (level) cpu_nmi(&((struct machine *)machine)->b->cpu);
}

static struct disk_times disk_times(const struct model *m)
{
    const uint32_t *c = m->cost;
    return (struct disk_times){ c[COST_DISK_COMMAND], c[COST_DISK_SEEK], c[COST_DISK_SECTOR], c[COST_DISK_RESET] };
}

static bool settings(const struct machine *m, uint32_t to[SETTINGS], struct err *e)
{
    setting_defaults(to);
    for (unsigned i = 0; i < m->cfg.sets; i++)
        if (setting_known(m->cfg.set[i].key) && !setting_set(to, m->cfg.set[i].key, m->cfg.set[i].value, e)) return false;
    return true;
}

/* A disk as the image becomes the first drive, and firmware boots it: what --bios names, or the built-in one. */
static bool choose_rom(struct machine *m, struct err *e)
{
    struct machine_cfg *c = &m->cfg;
    if (c->kinds) return true; /* they are kernels */
    bool disk = c->image[0] && loader_is_disk(c->image);
    if (c->image[0] && !disk && !c->bios[0]) return true; /* a kernel */
    if (cpu_strategy_find(c->cpu)->aware)
        return err_set(e, EXIT_USAGE, "--cpu %s with firmware: a paravirtual domain has no BIOS to run and no disk to boot from; its kernel "
                       "is started by the domain builder. Name a paravirtual kernel", c->cpu);
    if (c->image[0] && !disk)
        return err_set(e, EXIT_USAGE, "--bios with %.200s: a ROM boots disks, and this is none; leave one of them out", c->image);
    if (c->append[0] || c->initrd[0] || c->modules)
        return err_set(e, EXIT_USAGE, "--append, --initrd and --module are for kernels; this machine boots from its disk");
    if (disk && c->disks == CONFIG_DISKS)
        return err_set(e, EXIT_USAGE, "%.200s: a disk, but all %d drives have one already", c->image, CONFIG_DISKS);
    if (disk) {
        memmove(c->disk[1], c->disk[0], sizeof c->disk[0] * c->disks++);
        memcpy(c->disk[0], c->image, sizeof c->image);
    }
    if (c->bios[0]) return rom_read(&m->rom, c->bios, e);
    uint32_t setting[SETTINGS];
    return settings(m, setting, e) && rom_builtin(&m->rom, !cpu_strategy_find(c->cpu)->hypervisor || setting[SETTING_VM_APIC], e);
}

static void input_fired(void *machine, uint64_t when) { (void)machine, (void)when; } /* the run loop looks anyway */

/* Where an event happened, as people count: while translated code runs, where the guest believes to be. */
static uint32_t event_place(void *machine) { return machine_eip(machine); }

/* A serial line for each guest. */
static bool build_card(struct machine *m, struct err *e)
{
    struct board *b = m->b;
    bool hosted = config_hosted(&m->cfg); /* the board's own line is the host's */
    if (m->guests == 1 && !hosted) return true;
    if (!serial_card_init(&b->card, m->guests - !hosted, &b->bus, &b->timers, &m->arena, e)) return false;
    if (hosted) b->card.line->source = (struct serial_source){ machine_input_get, m };
    for (unsigned n = !hosted; n < m->guests; n++) b->card.line[n - !hosted].sink = (struct serial_sink){ board_serial, &m->guest[n] };
    return true;
}

static const uint8_t nic_address[NET_ADDRESS] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
enum { PEER = 0x80 /* in the last byte, of a machine at the other end of the cable */ };

static bool build_board(struct machine *m, struct err *e)
{
    struct board *b = m->b = arena_alloc(&m->arena, sizeof *m->b);
    b->vm_end = arena_alloc(&m->arena, m->guests * sizeof *b->vm_end);
    b->serial_len = arena_alloc(&m->arena, (m->guests + 1) * sizeof *b->serial_len);
    m->host.m = m;
    m->host.n = m->guests;
    b->disk = arena_alloc(&m->arena, (size_t)m->guests * CONFIG_DISKS * sizeof *b->disk);
    b->clock.hz = m->model.hz;
    b->timers = (struct timeq){ .clock = &b->clock, .changed = deadline_moved, .self = m };
    b->limit = (struct timer){ .fire = limit_fired, .self = m };
    b->till = (struct timer){ .fire = till_fired, .self = m };
    b->input = (struct timer){ .fire = input_fired, .self = m };
    bus_init(&b->bus, m->ram, m->frames, &b->clock, &m->arena);
    b->bus.port_cycles = clock_from_ns(&b->clock, m->model.cost[COST_PORT_NS]);
    mmu_init(&b->mmu, &b->bus, &b->cpu.dtlb, &b->cpu.itlb, &b->clock, &m->model);
    struct cpu_env env = { .bus = &b->bus, .mmu = &b->mmu, .translate = mmu_translate, .fill = mmu_fill, .bring = mmu_bring, .touch = mmu_touch, .fetch = mmu_fetch, .empty = mmu_empty,
                           .flush = mmu_flush, .root = mmu_root,
                           .invlpg = mmu_invlpg, .paging = mmu_paging, .pdptes = mmu_pdptes, .pdptes_now = mmu_pdptes_now,
                           .space = mmu_space, .invalidate = mmu_invalidate, .irq = m, .acknowledge = board_ack,
                           .apic_base = board_apic_base, .timers = &b->timers };
    cpu_init(&b->cpu, &env, &b->clock, &m->model, m->trace, m->blocks);
    b->cpu.timed = mmu_caches(&b->mmu, &m->arena, &b->cpu.lines, &b->cpu.fetch);
    b->cpu.predicts = b->cpu.timed && predict_init(&b->cpu.predictor, &m->model);
    if (b->cpu.timed) {
        b->bus.memory_cycles = clock_from_ns(&b->clock, m->model.cost[COST_MMIO_NS]);
        b->bus.snoop = (struct bus_snoop){ mmu_snoop, &b->mmu };
        b->bus.refer = (struct bus_snoop){ mmu_refer, &b->mmu };
    }
    bus_listen(&b->bus, (struct bus_listener){ cpu_code_written, &b->cpu });
    trace_bind(m->trace, (struct trace_now){ &b->clock.now, &b->cpu.insns, &b->cpu.eip, &b->cpu.cpl, pause_cpu, m,
                                             m->technique->hypervisor ? &b->clock : NULL, &b->episodes,
                                             m->technique->view ? event_place : NULL, &b->vmm.speaking, &b->clock });
    struct disk disks[CONFIG_DISKS];
    uint32_t setting[SETTINGS];
    unsigned drives = machine_board_media(m, disks);
    struct devices_wiring w = { .intr = { board_intr, m, 0 }, .nmi = { board_nmi, m, 0 }, .ignne = { board_ignne, m, 0 },
                                .apics = true, .remaps = true, .serial = { board_serial, config_hosted(&m->cfg) ? &m->host : m->guest },
                                .serial_in = { config_hosted(&m->cfg) ? NULL : machine_input_get, m }, .console = { board_serial, config_hosted(&m->cfg) ? &m->host : m->guest },
                                .stop = board_stop, .stop_self = m, .a20 = { board_a20, m, 0 },
                                .card = m->technique->hypervisor ? 0 : m->rom.video_pci, .card_moved = { board_card, m },
                                .shadow = { board_shadow, m }, .rom = m->rom.chip && !m->technique->hypervisor,
                                .reset = { board_reset, m, 0 }, .off = { board_off, m, 0 },
                                .epoch = BOARD_EPOCH + (uint32_t)(m->cfg.seed % BOARD_EPOCH),
                                .disk = disks, .disks = drives,
                                .dma = { m->technique->hypervisor ? passthrough_stored : NULL, &b->vmm },
                                .disk_times = disk_times(&m->model), .trace = m->trace };
    w.nic = m->cfg.nic[0] ? PCI_NIC_RTL8139 : PCI_NIC_NONE;
    memcpy(w.nic_address, nic_address, sizeof nic_address);
    if (m->cfg.is_peer) w.nic_address[NET_ADDRESS - 1] |= PEER;
    if (!settings(m, setting, e)) return false;
    if (!m->technique->hypervisor) w.disk_kind = setting[SETTING_IO_VIRTIO];
    if (!m->technique->hypervisor && w.nic && setting[SETTING_NET_VIRTIO]) w.nic = PCI_NIC_VIRTIO;
    if (!devices_init(&b->devices, &b->bus, &b->timers, &w, e) || !build_card(m, e)) return false;
    machine_build_net(m, setting);
    if (!machine_join(m, setting, e)) return false;
    bool fitted = m->rom.chip && !m->technique->hypervisor;
    if (fitted) bus_fit_rom(&b->bus, m->rom.chip, m->rom.size);
    if (fitted && m->rom.video) {
        bus_fit_option_rom(&b->bus, 0, m->rom.video, m->rom.video_size); /* where firmware without PCI expects it */
        b->bus.firmware.card = m->rom.video;
        b->bus.firmware.card_size = m->rom.video_size;
    }
    b->cpu.ferr = coprocessor_ferr(&b->devices.coprocessor);
    return true;
}

static uint32_t point_alias(void *machine, uint32_t at)
{
    struct machine *m = machine;
    const struct vcpu *v = &m->b->vmm.now->vcpu;
    return v->ops->code ? v->ops->code(v, at) : at;
}

/* Both CPUs on which guest code runs report, and the MMU of the real one, which alone gives out fast tags, withholds them. */
static void wire_points(struct machine *m)
{
    struct board *b = m->b;
    m->points = (struct points){ .now = &b->cpu.insns, .passed = UINT64_MAX, .pause = pause_at_point, .self = m };
    for (unsigned i = 0; i < b->vmm.vms; i++) {
        const struct cpu_strategy *s = b->vmm.vm[i].vcpu.ops;
        b->vmm.vm[i].vcpu.virt.points = &m->points;
        if (!s->code) continue;
        m->points.alias = point_alias;
        m->points.alias_first = s->code_first;
        m->points.alias_bytes = s->code_bytes;
    }
    b->cpu.points = &m->points;
    b->cpu.recorder = &m->recorder;
    b->mmu.points = &m->points;
}

/* Frames of machine memory for a VM: its window, which begins at a multiple of its size, and its memory behind that. */
static uint32_t room_of(uint32_t frames) { return VMM_FRAMES + (frames + VMM_FRAMES - 1) / VMM_FRAMES * VMM_FRAMES; }

/* The memory that VM `n` begins with: all it believes in, or a ported guest's part of the pool, with what does not divide to the first. */
static uint32_t first_frames(const struct machine_cfg *c, unsigned n)
{
    struct machine_cfg one;
    struct config_share share;
    uint64_t pool = config_pool(c) * UINT64_C(256), all = 0, mine = 0, parts = 0;
    config_vm(c, n, &one, &share);
    if (!pool) return one.ram_mib * 256u;
    for (unsigned i = 0; i < config_vms(c); i++) config_vm(c, i, &one, &share), all += one.ram_mib;
    for (unsigned i = config_vms(c); i-- > 0; parts += mine) {
        config_vm(c, i, &one, &share);
        mine = i ? pool * one.ram_mib / all : pool - parts;
        if (i == n) break;
    }
    return (uint32_t)mine;
}

static bool build_vms(struct machine *m, struct err *e)
{
    struct board *b = m->b;
    const char *scheduler = config_get(&m->cfg, CONFIG_SCHEDULER);
    struct vmm_board vb = { .arena = &m->arena, .bus = &b->bus, .cpu = &b->cpu, .mmu = &b->mmu, .clock = &b->clock,
                            .model = &m->model, .trace = m->trace,
                            .epoch = BOARD_EPOCH + (uint32_t)(m->cfg.seed % BOARD_EPOCH), .disk_times = disk_times(&m->model),
                            .firmware = m->rom.chip ? machine_copy_rom : NULL, .firmware_self = &m->rom };
    if (!settings(m, vb.setting, e)) return false;
    vmm_init(&b->vmm, &vb, m->guests, &(struct vmm_turns){ scheduler ? scheduler : schedulers[0]->name, vb.setting[SETTING_SCHED_SLICE],
                                                           vb.setting[SETTING_SCHED_PERIOD] });
    b->vmm.service = machine_split_plan(m);
    b->vmm.pooled = config_pool(&m->cfg) != 0;
    b->vmm.hosted.on = config_hosted(&m->cfg);
    uint32_t at = machine_host_frames(m), managed = config_memory(&m->cfg) * 256, pool = m->guests * (uint32_t)VMM_FRAMES; /* all windows first, then all memory */
    if (managed) memory_init(&b->vmm.memory, &b->vmm, &(struct memory_plan){ pool, managed, m->frames - pool - managed });
    for (unsigned n = 0; n < m->guests; n++) {
        struct machine_cfg one;
        struct config_share share;
        struct disk disks[CONFIG_DISKS];
        config_vm(&m->cfg, n, &one, &share);
        machine_media(m, n, disks);
        uint8_t address[NET_ADDRESS];
        memcpy(address, nic_address, sizeof address);
        if (m->cfg.is_peer) address[NET_ADDRESS - 1] |= PEER;
        address[NET_ADDRESS - 1] = (uint8_t)(address[NET_ADDRESS - 1] + n); /* the first VM's is the real card's, who needs none */
        struct vm_plan plan = { .cpu = one.cpu, .mmu = one.mmu, .io = one.io, .window = at << PAGE_SHIFT,
                                .first = managed ? pool : at + VMM_FRAMES, .shares = share.shares,
                                .frames = first_frames(&m->cfg, n), .most = one.ram_mib * 256, .disk = disks,
                                .disks = machine_split_plan(m) || b->vmm.hosted.on ? 0 : m->cfg.disks, .nic = m->cfg.nic[0] != 0, .weight = share.weight,
                                .cap = share.cap, .background = share.background || (machine_split_plan(m) && !n), .later = share.later,
                                .leaves = m->cfg.migrate_at ? config_leaver(&m->cfg) == (int)n : vb.setting[SETTING_MIGRATE_PEER] && n };
        memcpy(plan.nic_address, address, sizeof address);
        if (!vmm_add(&b->vmm, &plan, e)) return false;
        at += managed ? (uint32_t)VMM_FRAMES : room_of(first_frames(&m->cfg, n));
    }
    return true;
}

static bool build_guests(struct machine *m, struct err *e)
{
    struct board *b = m->b;
    bool hypervisor = m->technique->hypervisor;
    if (hypervisor && !build_vms(m, e)) return false;
    wire_points(m);
    for (unsigned n = 0; n < m->guests; n++) {
        struct machine_cfg one;
        struct config_share share;
        config_vm(&m->cfg, n, &one, &share);
        if (!share.later && !machine_boot_guest(&m->guest[n], &one, hypervisor ? &b->vmm.vm[n] : NULL, e)) return false;
    }
    if (config_hosted(&m->cfg) && !machine_boot_host(m, e)) return false;
    return machine_restore(m, e) && (m->cfg.arrives || machine_start(m, e));
}

bool machine_start(struct machine *m, struct err *e)
{
    struct board *b = m->b;
    bool hypervisor = m->technique->hypervisor;
    TRACE(m->trace, RUN, 0, .entry = m->guest[0].image.entry);
    machine_save_plan(m);
    machine_migrate_plan(m);
    bool over = hypervisor && !vmm_start(&b->vmm);
    if (!hypervisor) {
        for (unsigned r = 0; r < 3; r++) b->cpu.account[r] = CAUSE_KERNEL;
        b->cpu.account[3] = CAUSE_USER;
        cpu_set_cpl(&b->cpu, 0);
    }
    if (m->cfg.limit_cycles) timeq_arm(&b->timers, &b->limit, m->cfg.limit_cycles);
    if (over) {
        machine_note_ends(m);
        machine_ends_vmm(m);
    }
    snapshot_take(m);
    return m->snapshots.count || m->snapshots.off || err_set(e, EXIT_ENVIRONMENT, "no memory for the first snapshot; try a smaller --ram");
}

static bool read_typed(struct machine *m, struct err *e)
{
    enum { MOST = 16 << 20 };
    struct text file = { 0 };
    bool ok = !m->cfg.serial_in[0] || text_read(&file, m->cfg.serial_in, MOST, e);
    if (ok) machine_serial_input(m, file.s, file.len);
    text_free(&file);
    return ok;
}


static bool allocate(struct machine *m, struct err *e)
{
    struct machine_cfg one;
    struct config_share share;
    uint32_t managed = config_memory(&m->cfg) * 256;
    for (unsigned n = 0; n < m->guests; n++) {
        config_vm(&m->cfg, n, &one, &share);
        if (!n) m->technique = cpu_strategy_find(one.cpu);
        if (managed) m->frames += VMM_FRAMES + one.ram_mib * 256u; /* as much behind what they have: the swap area's medium */
        else m->frames += n + 1 < m->guests ? room_of(first_frames(&m->cfg, n)) : first_frames(&m->cfg, n) + (m->technique->hypervisor ? VMM_FRAMES : 0);
    }
    m->frames += managed + machine_host_frames(m);
    size_t bytes = (size_t)m->frames * PAGE_SIZE;
    void *ram = pages_alloc(bytes);
    if (!ram || !arena_init(&m->arena, (size_t)ARENA_ROOM * (1 + m->guests / 2))) {
        pages_free(ram, bytes);
        return err_set(e, EXIT_ENVIRONMENT, "no memory for a machine with %u MB; try a smaller --ram", m->frames / 256);
    }
    m->ram = ram;
    if (m->guests > FEW_VMS) pages_sparse(ram, bytes); /* a little here and there is touched of each */
    m->trace = trace_new();
    m->snapshots.off = m->cfg.onward;
    if (!m->technique->hypervisor)
        trace_bound(m->trace, m->cfg.onward ? ONWARD_FIRST : HISTORY_FIRST, m->cfg.onward ? ONWARD_LAST : HISTORY_LAST);
    m->blocks = block_cache_new();
    return (m->blocks && snapshots_init(m)) || err_set(e, EXIT_ENVIRONMENT, "no memory for decoded code and snapshots");
}

struct machine *machine_new(const struct machine_cfg *cfg, struct err *e)
{
    struct machine *m = calloc(1, sizeof *m);
    if (!m) {
        err_set(e, EXIT_ENVIRONMENT, "no memory for a machine");
        return NULL;
    }
    m->cfg = *cfg;
    m->seen = -1;
    insn_names();
    vmx_names();
    exit_names();
    schedule_names();
    hosted_names();
    memory_names();
    if (!config_check(&m->cfg, e) || !config_model(&m->cfg, &m->model, e) || !choose_rom(m, e) || !machine_open_disks(m, e) || !allocate(m, e) ||
        !build_board(m, e) || !read_typed(m, e) || !build_guests(m, e)) {
        machine_free(m);
        return NULL;
    }
    return m;
}

void machine_free(struct machine *m)
{
    if (!m) return;
    machine_free(m->migration.to);
    text_free(&m->migration.rest);
    snapshots_done(m);
    for (unsigned n = 0; m->guest && n < m->guests; n++) {
        image_done(&m->guest[n].image);
        text_free(&m->guest[n].serial);
    }
    image_done(&m->host.image);
    for (unsigned i = 0; m->disk && i < m->guests * CONFIG_DISKS; i++) disk_image_close(m->disk[i]);
    free(m->guest);
    free(m->disk);
    rom_done(&m->rom);
    if (m->blocks) block_cache_free(m->blocks);
    recorder_start(&m->recorder, 0);
    trace_free(m->trace);
    text_free(&m->host.serial);
    machine_part(m);
    text_free(&m->frames_seen);
    text_free(&m->inputs);
    text_free(&m->typed);
    arena_done(&m->arena);
    pages_free(m->ram, (size_t)m->frames * PAGE_SIZE);
    free(m);
}

const struct machine_cfg *machine_config(const struct machine *m) { return &m->cfg; }
