/* The drives' media: which image stands behind which drive, the real board's and the virtual ones. See machine.h; sim/board.h has the struct.
 *
 * Idea: each VM has every image to itself, with its own changes. A real drive has the VMs' copies one behind the other, or, for a service
 * domain, there are real drives for each VM it serves. */
#include <stdlib.h>
#include <string.h>
#include "sim/board.h"
#include "sim/vmm/io_strategy.h"

/* Each guest has the images to itself. */
bool machine_open_disks(struct machine *m, struct err *e)
{
    m->guests = config_vms(&m->cfg);
    m->guest = calloc(m->guests, sizeof *m->guest);
    m->disk = calloc((size_t)m->guests * CONFIG_DISKS, sizeof(struct disk_image *));
    if (!m->guest || !m->disk) return err_set(e, EXIT_ENVIRONMENT, "no memory for a machine");
    for (unsigned n = 0; n < m->guests; n++) {
        m->guest[n].m = m;
        m->guest[n].n = n;
        for (unsigned i = 0; i < m->cfg.disks; i++)
            if (!(m->disk[n * CONFIG_DISKS + i] = disk_image_open(m->cfg.disk[i], e))) return false;
    }
    return true;
}

/* The drives' media. They hang on the board, or, with a hypervisor, behind the drives it emulates. */
void machine_media(struct machine *m, unsigned guest, struct disk list[CONFIG_DISKS])
{
    unsigned first = guest * CONFIG_DISKS;
    for (unsigned i = 0; i < m->cfg.disks; i++) list[i] = disk_image_medium(m->disk[first + i], &m->b->disk[first + i]);
}

/* A real drive with several VMs' disks: one behind the other. Which one, and where in it. */
static struct disk part(const struct machine_drive *d, uint64_t *lba)
{
    struct machine *m = d->m;
    unsigned at = (unsigned)(*lba / disk_image_sectors(m->disk[d->n])) * CONFIG_DISKS + d->n;
    *lba %= disk_image_sectors(m->disk[d->n]);
    return disk_image_medium(m->disk[at], &m->b->disk[at]);
}

static bool drive_read(void *drive, uint64_t lba, void *to)
{
    struct disk d = part(drive, &lba);
    return d.read(d.self, lba, to);
}

static bool drive_write(void *drive, uint64_t lba, const void *from)
{
    struct disk d = part(drive, &lba);
    return d.write(d.self, lba, from);
}

static void real_media(struct machine *m, struct disk list[CONFIG_DISKS])
{
    machine_media(m, 0, list);
    for (unsigned i = 0; i < m->cfg.disks && m->guests > 1; i++) {
        m->drive[i] = (struct machine_drive){ m, i };
        list[i] = (struct disk){ .sectors = m->guests * list[i].sectors, .read = drive_read, .write = drive_write, .self = &m->drive[i] };
    }
}

/* With --io split the real controller has the drives of each VM but the first, which drives it. */
bool machine_split_plan(const struct machine *m) { return m->technique->hypervisor && io_strategy_find(m->cfg.io)->service; }

/* What hangs on the real controller; returns how many. A hypervisor that emulates all drives needs none. */
unsigned machine_board_media(struct machine *m, struct disk list[CONFIG_DISKS])
{
    if (!machine_split_plan(m)) {
        real_media(m, list);
        return m->technique->hypervisor && !io_strategy_find(m->cfg.io)->real_disks ? 0 : m->cfg.disks;
    }
    for (unsigned n = 1; n < m->guests; n++) {
        struct disk its[CONFIG_DISKS];
        machine_media(m, n, its);
        memcpy(list + (n - 1) * m->cfg.disks, its, m->cfg.disks * sizeof *its);
    }
    return (m->guests - 1) * m->cfg.disks;
}
