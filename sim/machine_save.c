/* A virtual machine into a file, and out of one. See machine.h; sim/vmm/save.h says what of it travels.
 *
 * Idea: the file is written while the VM is suspended, and the VM is over here once the file is whole on the disk (written beside it, then
 * renamed). If it cannot be written the VM goes on at once. So there never are two of it, nor none. Time travel to before that
 * moment and forwards again finds the answer that was given then. */
#include <stdio.h>
#include <string.h>
#include "sim/board.h"
#include "sim/vmm/save.h"

#define TAG_IMAGE SAVE_TAG('I', 'M', 'A', 'G') /* the image's hash */
#define TAG_DISKS SAVE_TAG('D', 'I', 'S', 'K') /* each image's hash; packed: sectors that were written: drive, number, bytes */
#define FILE_MOST ((size_t)3 << 30)

struct sector { uint64_t lba; uint32_t drive; uint8_t bytes[DISK_SECTOR]; uint32_t zero; };
struct gather { struct text sectors; uint32_t drive; };

static void changed(void *gather, uint64_t lba, const void *bytes)
{
    struct gather *g = gather;
    struct sector s = { .lba = lba, .drive = g->drive };
    memcpy(s.bytes, bytes, sizeof s.bytes);
    text_bytes(&g->sectors, &s, sizeof s);
}

static void save_disks(const struct machine *m, unsigned vm, struct text *file)
{
    struct disk_image *const *disk = &m->disk[vm * CONFIG_DISKS];
    struct gather g = { .drive = 0 };
    size_t at = save_open(file, TAG_DISKS);
    for (; g.drive < m->cfg.disks; g.drive++) {
        uint64_t hash = disk_image_hash(disk[g.drive]);
        text_bytes(file, &hash, sizeof hash);
        disk_image_each(disk[g.drive], changed, &g);
    }
    save_packed(file, &g.sectors);
    save_close(file, at);
    text_free(&g.sectors);
}

void machine_save_vm(const struct machine *m, const struct vm *vm, bool memory, struct text *file)
{
    save_begin(file);
    size_t at = save_open(file, TAG_IMAGE);
    text_bytes(file, &m->guest[vm->id].image.hash, sizeof m->guest[vm->id].image.hash);
    save_close(file, at);
    save_vm(vm, memory, file);
    save_disks(m, vm->id, file);
    save_finish(file, save_layout());
}

/* At rest, at its cycle. */
static bool take(void *machine, struct vm *vm)
{
    struct machine *m = machine;
    if (m->save.done) return !m->save.failed.code;
    struct text file = { 0 };
    machine_save_vm(m, vm, true, &file);
    m->save.done = true;
    m->save.cycle = m->b->clock.now;
    m->save.bytes = file.len;
    text_write(&file, m->cfg.save, &m->save.failed);
    text_free(&file);
    return !m->save.failed.code;
}

static void vain(void *machine, const char *why)
{
    struct machine *m = machine;
    m->save.done = true;
    err_set(&m->save.failed, EXIT_FAILED, "--save %.200s: %s", m->cfg.save, why);
}

void machine_save_plan(struct machine *m)
{
    int vm = config_saved_vm(&m->cfg);
    if (m->cfg.save[0]) m->b->vmm.suspend = (struct suspend){ m->cfg.save_at ? m->cfg.save_at : 1, vm < 0 ? 0 : (unsigned)vm, take, vain, m, NULL };
}

bool machine_saved(const struct machine *m, struct err *e)
{
    if (!m->cfg.save[0] || (m->save.done && !m->save.failed.code)) return true;
    if (m->save.done) return err_set(e, m->save.failed.code, "%s; the virtual machine was not saved, and went on here", m->save.failed.text);
    const char *why = m->b->vmm.suspend.why;
    if (why) return err_set(e, EXIT_FAILED, "--save %.200s: nothing was saved until the virtual machine ended: %s", m->cfg.save, why);
    return err_set(e, EXIT_FAILED, "--save %.200s: nothing was saved, for the virtual machine had ended before cycle %llu; use an earlier --save-at", m->cfg.save,
                   (unsigned long long)m->cfg.save_at);
}

/* ---- back */

static bool restore_disks(struct machine *m, unsigned vm, const struct text *file, const char *name, struct err *e)
{
    struct state_reader r;
    struct text sectors = { 0 };
    struct disk_image *const *image = &m->disk[vm * CONFIG_DISKS];
    bool good = save_find(file, TAG_DISKS, &r);
    for (unsigned n = 0; good && n < m->cfg.disks; n++) {
        uint64_t hash;
        good = state_bytes(&r, &hash, sizeof hash);
        if (good && hash != disk_image_hash(image[n]))
            return err_set(e, EXIT_INPUT, "%s: saved with another disk than %.200s, or that has changed since; what the guest wrote would not fit the rest", name,
                           m->cfg.disk[n]);
    }
    good = good && save_unpack(&r, FILE_MOST, &sectors) && sectors.len % sizeof(struct sector) == 0;
    for (size_t at = 0; good && at < sectors.len; at += sizeof(struct sector)) {
        struct sector s;
        memcpy(&s, sectors.s + at, sizeof s);
        if (s.drive >= m->cfg.disks) good = false;
        else {
            struct disk d = disk_image_medium(image[s.drive], &m->b->disk[vm * CONFIG_DISKS + s.drive]);
            good = d.write(d.self, s.lba, s.bytes);
        }
    }
    text_free(&sectors);
    return good || err_set(e, EXIT_INPUT, "%s: what was written to the disks does not fit these", name);
}

static bool same_image(const struct machine *m, const struct text *file, const char *name, struct err *e)
{
    struct state_reader r;
    uint64_t hash = 0;
    if (save_find(file, TAG_IMAGE, &r) && state_bytes(&r, &hash, sizeof hash) && hash == m->guest[m->cfg.arriving].image.hash) return true;
    return err_set(e, EXIT_INPUT, "%s: saved from another image than %.200s; name the one it was started from", name, m->cfg.image);
}

/* The machine has been idle until the moment at which the VM goes on. */
static void wait_until(struct machine *m, uint64_t cycle)
{
    struct clock *c = &m->b->clock;
    if (cycle > c->now) clock_charge(c, CAUSE_IDLE, cycle - c->now);
    timeq_run(&m->b->timers);
}

static bool restore_vm(struct machine *m, bool memory, const struct text *file, const char *name, struct err *e)
{
    if (!save_check(file, save_layout(), name, e) || !same_image(m, file, name, e)) return false;
    if (!save_restore(&m->b->vmm.vm[m->cfg.arriving], memory, file, name, e) || !restore_disks(m, m->cfg.arriving, file, name, e)) return false;
    wait_until(m, save_cycle(file));
    return true;
}

bool machine_arrive(struct machine *m, const struct text *state, uint64_t cycle, struct err *e)
{
    if (!restore_vm(m, false, state, "what arrived", e)) return false;
    wait_until(m, cycle);
    return machine_start(m, e);
}

bool machine_restore(struct machine *m, struct err *e)
{
    struct text file = { 0 };
    char name[540];
    if (!m->cfg.restore[0]) return true;
    snprintf(name, sizeof name, "--restore %s", m->cfg.restore);
    bool good = text_read(&file, m->cfg.restore, FILE_MOST, e) && restore_vm(m, true, &file, name, e);
    text_free(&file);
    return good;
}
