// The back end of block devices: takes guests' requests out of their rings and has the driver do them.
//
// Idea: the pages that a request names are mapped for the bus master only: data goes between the drive and the guest's memory, and nobody
// copies it. A request is copied out of the ring before it is judged, since the guest could change it meanwhile, and everything in it
// is checked: what it names and was not granted, the hypervisor refuses. The drives go to the guests in
// order, to each as many as the option disks=N says.
// Manual: Xen public headers, io/blkif.h.
// Not here: several requests of one guest at once, partitions, barriers.
#include "mini/kernel.h"
#include "mini/driver.h"
#include "mini/pv.h"
#include "mini/service.h"
#include "mini/ring.h"
#include "mini/blkif.h"

enum { SECTORS_IN_PAGE = PAGE / SECTOR };
#define FRONT "/local/domain/%u/device/vbd/%s/"
#define BACK "/local/domain/0/backend/vbd/%u/%s/"

// One for each drive. Each guest has as many, so the drive says whose it is and which of his.
static struct ring_page pages[IDE_DRIVES] __attribute__((aligned(PAGE)));
static struct vbd {
    bool connected, closed; // closed: the guest did it, and may come again
    struct ring ring;
    struct mapping mapping;
    uint32_t channel;
} vbds[IDE_DRIVES];

static uint32_t per_guest(void) { return kernel_option("disks") ? kernel_option("disks") : 1; }
static uint16_t domain_of(uint32_t drive) { return (uint16_t)(drive / per_guest() + 1); }
static const char *device_of(uint32_t drive) { return blkif_device[drive % per_guest()]; }

static void number_text(char to[12], uint32_t n)
{
    char digits[12];
    uint32_t i = 0;
    do digits[i++] = (char)('0' + n % 10);
    while (n /= 10);
    while (i) *to++ = digits[--i];
    *to = 0;
}

static void offer(uint32_t drive)
{
    static const char *const names[BLKIF_DEVICES] = { "hda", "hdb", "hdc", "hdd" };
    char text[12];
    uint16_t domain = domain_of(drive);
    const char *device = device_of(drive);
    if (!ide_sectors(drive)) return;
    vbds[drive].closed = false;
    store_set_path(domain, "vbd", device);
    number_text(text, ide_sectors(drive));
    store_set(text, BACK "sectors", domain, device);
    store_set("512", BACK "sector-size", domain, device);
    store_set(names[drive % per_guest()], BACK "dev", domain, device);
    store_set("2", BACK "state", domain, device); // BUS_WAITING
}

void block_offer(uint16_t domain)
{
    for (uint32_t drive = 0; drive < IDE_DRIVES; drive++)
        if (domain_of(drive) == domain) offer(drive);
}

static void disconnect(uint32_t drive)
{
    struct vbd *v = &vbds[drive];
    if (!v->connected) return;
    v->connected = false;
    grant_unmap(&v->mapping);
    event_close(v->channel);
}

static void connect(uint32_t drive)
{
    struct vbd *v = &vbds[drive];
    uint16_t domain = domain_of(drive);
    const char *device = device_of(drive);
    disconnect(drive);
    uint32_t ref = store_get_number(FRONT "ring-ref", domain, device), port = store_get_number(FRONT "event-channel", domain, device);
    if (!grant_map(domain, ref, false, &pages[drive], &v->mapping)) return; // what it says is not so
    v->channel = event_bind(domain, port);
    if (!v->channel) {
        grant_unmap(&v->mapping);
        return;
    }
    ring_join(&v->ring, &pages[drive], sizeof(struct blkif_request));
    v->connected = true;
    event_install(v->channel, service_signal);
    store_set("4", BACK "state", domain, device); // BUS_CONNECTED
}

// A boot loader goes, and the kernel that it started comes.
static void close(uint32_t drive)
{
    disconnect(drive);
    vbds[drive].closed = true;
    store_set("6", BACK "state", domain_of(drive), device_of(drive)); // BUS_CLOSED
}

void block_forget(uint16_t domain)
{
    for (uint32_t drive = 0; drive < IDE_DRIVES; drive++)
        if (domain_of(drive) == domain) disconnect(drive);
}

void block_told(uint16_t domain)
{
    for (uint32_t drive = 0; drive < IDE_DRIVES; drive++) {
        if (domain_of(drive) != domain || !ide_sectors(drive)) continue;
        const char *device = device_of(drive);
        uint32_t front = store_get_number(FRONT "state", domain, device), back = store_get_number(BACK "state", domain, device);
        if (front == BUS_INITIALISED && back == BUS_WAITING) connect(drive);
        if (front == BUS_CLOSED && back == BUS_CONNECTED) close(drive);
        if (front == BUS_INITIALISING && vbds[drive].closed) offer(drive);
    }
}

// ---- Requests ------------------------------------------------------------------------------------------------------------

// Maps what the request names; returns how many, and how many sectors that makes. 0: something is wrong with it.
static uint32_t map_all(uint16_t domain, const struct blkif_request *r, struct mapping *mapped, struct ide_part *parts, uint32_t *count)
{
    uint32_t n = 0;
    bool fine = r->segments >= 1 && r->segments <= BLKIF_SEGMENTS;
    for (*count = 0; fine && n < r->segments; n++) {
        const struct blkif_segment *s = &r->segment[n];
        fine = s->first <= s->last && s->last < SECTORS_IN_PAGE && grant_map(domain, s->ref, r->operation == BLKIF_WRITE, NULL, &mapped[n]);
        if (!fine) break;
        uint32_t some = s->last - s->first + 1u;
        parts[n] = (struct ide_part){ mapped[n].bus + s->first * SECTOR, some * SECTOR, NULL };
        *count += some;
    }
    if (fine) return n;
    while (n) grant_unmap(&mapped[--n]);
    return 0;
}

static int16_t perform(uint32_t drive, const struct blkif_request *r)
{
    struct mapping mapped[BLKIF_SEGMENTS];
    struct ide_part parts[BLKIF_SEGMENTS];
    uint32_t count, sectors = ide_sectors(drive);
    if (r->operation != BLKIF_READ && r->operation != BLKIF_WRITE) return BLKIF_UNSUPPORTED;
    uint32_t n = map_all(domain_of(drive), r, mapped, parts, &count);
    if (!n) return BLKIF_ERROR;
    bool fine = r->sector < sectors && count <= sectors - (uint32_t)r->sector && ide_uses_dma(drive) &&
                ide_transfer(drive, (uint32_t)r->sector, count, parts, n, r->operation == BLKIF_WRITE);
    while (n) grant_unmap(&mapped[--n]);
    return fine ? BLKIF_OKAY : BLKIF_ERROR;
}

// A crash, for the test of whether guests survive it: all that the back end knew is gone, its mappings and channels are, too, as
// those of a process that dies; a new one finds in the store who there is, and offers its drives again.
static bool dies(void)
{
    if (!service_dies("disk")) return false;
    for (uint32_t drive = 0; drive < IDE_DRIVES; drive++) {
        disconnect(drive);
        if (store_get(BACK "state", domain_of(drive), device_of(drive))) offer(drive);
    }
    return true;
}

static bool serve(uint32_t drive)
{
    struct vbd *v = &vbds[drive];
    if (!v->connected) return false;
    if (ring_is_mad(&v->ring)) {
        kprintf("mini: domain %u: a mad ring\n", domain_of(drive));
        disconnect(drive);
        store_set("6", BACK "state", domain_of(drive), device_of(drive)); // BUS_CLOSED
        return false;
    }
    if (!ring_more_requests(&v->ring)) return false;
    struct blkif_request request;
    ring_take_request(&v->ring, &request, BLKIF_REQUEST_WORDS);
    if (dies()) return true;
    struct blkif_response response = { request.id, request.operation, 0, perform(drive, &request) };
    if (dies()) return true;
    ring_response(&v->ring, &response, BLKIF_RESPONSE_WORDS);
    if (dies()) return true;
    bool wanted = ring_push_responses(&v->ring);
    if (dies()) return true;
    if (wanted) event_send(v->channel);
    return true; // the others' turn, before its next
}

bool block_serve(uint16_t domain)
{
    bool any = false;
    for (uint32_t drive = 0; drive < IDE_DRIVES; drive++)
        if (domain_of(drive) == domain) any |= serve(drive);
    return any;
}
