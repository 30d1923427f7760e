// Under a paravirtualizing hypervisor: the front end of a block device, whose back end is in the service domain.
//
// Idea: a page of ours is a ring of requests; each names up to 11 pieces of pages that are granted for as long as it lasts. Who asked
// sleeps until the response is there. Requests are kept until then: if the back end goes and another comes (the store says so), the ring
// begins anew, and what was not answered is asked again. A write that was answered is on the disk; one that was not may be done twice,
// which changes nothing.
// Without a store nobody serves devices: there is no disk, and files come with the kernel, as its module.
// Manual: Xen public headers, io/blkif.h, io/ring.h, grant_table.h.
// Not here: barriers, discarding, several devices.
#include "mini/kernel.h"
#include "mini/pv.h"
#include "mini/ring.h"
#include "mini/blkif.h"

enum { SERVICE = 0, OUTSTANDING = 8, SECTORS_IN_PAGE = PAGE / SECTOR };
#define DEVICE "device/vbd/768/"

static struct ring_page ring_page __attribute__((aligned(PAGE)));
static struct ring ring;
static uint32_t channel, ring_ref, sectors;
static char backend[64], backend_state[72];
static bool announced, connected;

static struct asked {
    bool used, answered;
    int16_t status;
    struct blkif_request request;
    struct { uint8_t *page; bool readonly; } grant[BLKIF_SEGMENTS];
} asked[OUTSTANDING];

static void on_disk(void)
{
    struct blkif_response response;
    do {
        while (ring_has_response(&ring)) {
            ring_take_response(&ring, &response, BLKIF_RESPONSE_WORDS);
            struct asked *a = response.id < OUTSTANDING ? &asked[response.id] : NULL;
            if (!a || !a->used || a->answered) continue; // the other side is mad
            a->answered = true;
            a->status = response.status;
            sched_wake(a);
        }
    } while (ring_more_responses(&ring));
    sched_wake(&ring);
}

// ---- Requests ------------------------------------------------------------------------------------------------------------

static void grant_all(struct asked *a)
{
    for (uint32_t i = 0; i < a->request.segments; i++) {
        uint32_t ref = grant_new(SERVICE, a->grant[i].page, a->grant[i].readonly);
        if (!ref) panic("no grants left");
        a->request.segment[i].ref = ref;
    }
}

static void push(const struct asked *a)
{
    ring_request(&ring, &a->request, BLKIF_REQUEST_WORDS);
    if (ring_push_requests(&ring)) event_send(channel);
}

static uint32_t segments_of(struct asked *a, uint32_t count, uint8_t *at, bool write)
{
    uint32_t n = 0;
    while (count && n < BLKIF_SEGMENTS) {
        uint32_t first = ((uint32_t)at % PAGE) / SECTOR, some = SECTORS_IN_PAGE - first;
        if (some > count) some = count;
        a->request.segment[n] = (struct blkif_segment){ .first = (uint8_t)first, .last = (uint8_t)(first + some - 1) };
        a->grant[n].page = at - (uint32_t)at % PAGE;
        a->grant[n++].readonly = write;
        at += some * SECTOR, count -= some;
    }
    return n;
}

static struct asked *new_request(void)
{
    for (;;) {
        for (struct asked *a = asked; a < asked + OUTSTANDING; a++)
            if (!a->used) return memset(a, 0, sizeof *a);
        sched_sleep(&ring);
    }
}

// At most 44 KB at a time.
static bool transfer(uint32_t sector, uint32_t count, uint8_t *memory, bool write)
{
    irq_state saved = critical_enter();
    struct asked *a = new_request();
    a->used = true;
    a->request.operation = write ? BLKIF_WRITE : BLKIF_READ;
    a->request.id = (uint32_t)(a - asked);
    a->request.sector = sector;
    a->request.segments = (uint8_t)segments_of(a, count, memory, write);
    grant_all(a);
    if (connected) push(a); // else whoever connects will
    while (!a->answered) sched_sleep(a);
    for (uint32_t i = 0; i < a->request.segments; i++) grant_end(a->request.segment[i].ref);
    bool fine = a->status == BLKIF_OKAY;
    a->used = false;
    sched_wake(&ring);
    critical_leave(saved);
    return fine;
}

uint32_t disk_sectors(void) { return sectors; }

bool disk_transfer(uint32_t sector, uint32_t count, void *memory, bool write)
{
    enum { MOST = (BLKIF_SEGMENTS - 1) * SECTORS_IN_PAGE };
    uint8_t *at = memory;
    for (; count; ) {
        uint32_t some = count < MOST ? count : MOST;
        if (!transfer(sector, some, at, write)) return false;
        sector += some, at += some * SECTOR, count -= some;
    }
    return true;
}

// ---- Connecting ----------------------------------------------------------------------------------------------------------

static uint32_t state_of_backend(void) { return store_read_number(backend_state); }

static void announce(void)
{
    store_write_number(DEVICE "ring-ref", ring_ref);
    store_write_number(DEVICE "event-channel", channel);
    store_write_number(DEVICE "state", BUS_INITIALISED);
}

// A new ring and channel, told in the store.
static void offer(void)
{
    if (ring_ref) grant_end(ring_ref);
    event_close(channel);
    ring_clear(&ring_page);
    ring_join(&ring, &ring_page, sizeof(struct blkif_request));
    ring_ref = grant_new(SERVICE, &ring_page, false);
    channel = event_listen(SERVICE);
    if (!ring_ref || !channel) panic("no grant or no channel for the disk");
    event_install(channel, on_disk);
    announce();
    announced = true;
}

// The other end has taken them.
static void connect(void)
{
    char path[80];
    text_join(path, backend, "/sectors");
    sectors = store_read_number(path);
    store_write_number(DEVICE "state", BUS_CONNECTED);
    irq_state saved = irq_save();
    connected = true;
    for (struct asked *a = asked; a < asked + OUTSTANDING; a++) {
        if (!a->used || a->answered) continue;
        for (uint32_t i = 0; i < a->request.segments; i++) grant_end(a->request.segment[i].ref);
        grant_all(a); // not the old ones: they may be in use for ever
        push(a);
    }
    irq_restore(saved);
}

void disk_changed(void)
{
    if (!backend[0]) return;
    if (state_of_backend() == BUS_WAITING) {
        if (connected) kprintf("mini: the disk's other end is a new one\n");
        connected = false;
        offer(); // perhaps once more: it is another one again
    }
    if (announced && !connected && state_of_backend() == BUS_CONNECTED) connect();
}

void disk_init(bool pio)
{
    (void)pio;
    if (!store_is_there() || !store_read(DEVICE "backend", backend, sizeof backend)) return;
    text_join(backend_state, backend, "/state");
    store_watch(backend_state);
    for (disk_changed(); !connected; disk_changed()) store_wait();
}
