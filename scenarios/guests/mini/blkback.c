// The back end of block devices: takes guests' requests out of their rings and has the driver do them.
//
// Idea: the pages that a request names are mapped for the bus master only: data goes between the drive and the guest's memory, and nobody
// copies it. A request is copied out of the ring before it is judged, since the guest could change it meanwhile, and everything in it
// is checked: what it names and was not granted, the hypervisor refuses. Domain n has drive n - 1.
// Manual: Xen public headers, io/blkif.h.
// Not here: several requests of one guest at once, partitions, barriers.
#include "mini/kernel.h"
#include "mini/driver.h"
#include "mini/pv.h"
#include "mini/service.h"
#include "mini/ring.h"
#include "mini/blkif.h"

enum { SECTORS_IN_PAGE = PAGE / SECTOR };
#define FRONT "/local/domain/%u/device/vbd/768/"
#define BACK "/local/domain/0/backend/vbd/%u/768/"

static struct ring_page pages[GUESTS + 1] __attribute__((aligned(PAGE)));
static struct guest {
    bool connected;
    struct ring ring;
    struct mapping mapping;
    uint32_t channel;
} guests[GUESTS + 1];

static void number_text(char to[12], uint32_t n)
{
    char digits[12];
    uint32_t i = 0;
    do digits[i++] = (char)('0' + n % 10);
    while (n /= 10);
    while (i) *to++ = digits[--i];
    *to = 0;
}

static uint32_t drive_of(uint16_t domain) { return domain - 1u; }

void block_offer(uint16_t domain)
{
    char text[12];
    if (!ide_sectors(drive_of(domain))) return;
    store_set_path(domain, "vbd", "768");
    number_text(text, ide_sectors(drive_of(domain)));
    store_set(text, BACK "sectors", domain);
    store_set("512", BACK "sector-size", domain);
    store_set("2", BACK "state", domain); // BUS_WAITING
}

static void disconnect(struct guest *g)
{
    if (!g->connected) return;
    g->connected = false;
    grant_unmap(&g->mapping);
    event_close(g->channel);
}

static void connect(uint16_t domain)
{
    struct guest *g = &guests[domain];
    disconnect(g);
    uint32_t ref = store_get_number(FRONT "ring-ref", domain), port = store_get_number(FRONT "event-channel", domain);
    if (!grant_map(domain, ref, false, &pages[domain], &g->mapping)) return; // what it says is not so
    g->channel = event_bind(domain, port);
    if (!g->channel) {
        grant_unmap(&g->mapping);
        return;
    }
    ring_join(&g->ring, &pages[domain], sizeof(struct blkif_request));
    g->connected = true;
    event_install(g->channel, service_signal);
    store_set("4", BACK "state", domain); // BUS_CONNECTED
}

void block_told(uint16_t domain)
{
    uint32_t front = store_get_number(FRONT "state", domain), back = store_get_number(BACK "state", domain);
    if (front == BUS_INITIALISED && back == BUS_WAITING) connect(domain);
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

static int16_t perform(uint16_t domain, const struct blkif_request *r)
{
    struct mapping mapped[BLKIF_SEGMENTS];
    struct ide_part parts[BLKIF_SEGMENTS];
    uint32_t count, drive = drive_of(domain), sectors = ide_sectors(drive);
    if (r->operation != BLKIF_READ && r->operation != BLKIF_WRITE) return BLKIF_UNSUPPORTED;
    uint32_t n = map_all(domain, r, mapped, parts, &count);
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
    for (uint16_t d = 1; d <= GUESTS; d++) {
        disconnect(&guests[d]);
        if (store_get(BACK "state", d)) block_offer(d);
    }
    return true;
}

bool block_serve(uint16_t domain)
{
    struct guest *g = &guests[domain];
    if (!g->connected) return false;
    if (ring_is_mad(&g->ring)) {
        kprintf("mini: domain %u: a mad ring\n", domain);
        disconnect(g);
        store_set("6", BACK "state", domain); // BUS_CLOSED
        return false;
    }
    if (!ring_more_requests(&g->ring)) return false;
    struct blkif_request request;
    ring_take_request(&g->ring, &request, BLKIF_REQUEST_WORDS);
    if (dies()) return true;
    struct blkif_response response = { request.id, request.operation, 0, perform(domain, &request) };
    if (dies()) return true;
    ring_response(&g->ring, &response, BLKIF_RESPONSE_WORDS);
    if (dies()) return true;
    bool wanted = ring_push_responses(&g->ring);
    if (dies()) return true;
    if (wanted) event_send(g->channel);
    return true; // the others' turn, before its next
}
