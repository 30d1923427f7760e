// Under a paravirtualizing hypervisor: the front ends of block devices, whose back end is in the service domain.
//
// Idea: a page of ours is a ring of requests; each names up to 11 pieces of pages that are granted for as long as it lasts. Who asked
// sleeps until the response is there. Requests are kept until then: if the back end goes and another comes (the store says so), the ring
// begins anew, and what was not answered is asked again. A write that was answered is on the disk; one that was not may be done twice,
// which changes nothing. Each disk has a ring and a channel of its own.
// Without a store nobody serves devices: there is no disk, and files come with the kernel, as its module.
// Manual: Xen public headers, io/blkif.h, io/ring.h, grant_table.h.
// Not here: barriers, discarding.
#include "mini/kernel.h"
#include "mini/pv.h"
#include "mini/ring.h"
#include "mini/blkif.h"

enum { SERVICE = 0, OUTSTANDING = 8, SECTORS_IN_PAGE = PAGE / SECTOR };

struct ring_page disk_pages[BLKIF_DEVICES] __attribute__((aligned(PAGE)));

struct asked {
    bool used, answered;
    int16_t status;
    struct blkif_request request;
    struct { uint8_t *page; bool readonly; } grant[BLKIF_SEGMENTS];
};

static struct front {
    struct ring ring;
    uint32_t channel, ring_ref, sectors;
    char backend[64], backend_state[72];
    bool announced, connected;
    struct asked asked[OUTSTANDING];
} fronts[BLKIF_DEVICES];

static void on_disk(struct front *f)
{
    struct blkif_response response;
    do {
        while (ring_has_response(&f->ring)) {
            ring_take_response(&f->ring, &response, BLKIF_RESPONSE_WORDS);
            struct asked *a = response.id < OUTSTANDING ? &f->asked[response.id] : NULL;
            if (!a || !a->used || a->answered) continue; // the other side is mad
            a->answered = true;
            a->status = response.status;
            sched_wake(a);
        }
    } while (ring_more_responses(&f->ring));
    sched_wake(&f->ring);
}

static void on_first(void) { on_disk(&fronts[0]); }
static void on_second(void) { on_disk(&fronts[1]); }
static void on_third(void) { on_disk(&fronts[2]); }
static void on_fourth(void) { on_disk(&fronts[3]); }
static void (*const handlers[BLKIF_DEVICES])(void) = { on_first, on_second, on_third, on_fourth };

// ---- Requests ------------------------------------------------------------------------------------------------------------

static void grant_all(struct asked *a)
{
    for (uint32_t i = 0; i < a->request.segments; i++) {
        uint32_t ref = grant_new(SERVICE, a->grant[i].page, a->grant[i].readonly);
        if (!ref) panic("no grants left");
        a->request.segment[i].ref = ref;
    }
}

static void push(struct front *f, const struct asked *a)
{
    ring_request(&f->ring, &a->request, BLKIF_REQUEST_WORDS);
    if (ring_push_requests(&f->ring)) event_send(f->channel);
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

static struct asked *new_request(struct front *f)
{
    for (;;) {
        for (struct asked *a = f->asked; a < f->asked + OUTSTANDING; a++)
            if (!a->used) return memset(a, 0, sizeof *a);
        sched_sleep(&f->ring);
    }
}

// At most 44 KB at a time.
static bool transfer(struct front *f, uint32_t sector, uint32_t count, uint8_t *memory, bool write)
{
    irq_state saved = critical_enter();
    struct asked *a = new_request(f);
    a->used = true;
    a->request.operation = write ? BLKIF_WRITE : BLKIF_READ;
    a->request.id = (uint32_t)(a - f->asked);
    a->request.sector = sector;
    a->request.segments = (uint8_t)segments_of(a, count, memory, write);
    grant_all(a);
    if (f->connected) push(f, a); // else whoever connects will
    while (!a->answered) sched_sleep(a);
    for (uint32_t i = 0; i < a->request.segments; i++) grant_end(a->request.segment[i].ref);
    bool fine = a->status == BLKIF_OKAY;
    a->used = false;
    sched_wake(&f->ring);
    critical_leave(saved);
    return fine;
}

const bool disk_takes_several = true;
uint32_t disk_sectors(uint32_t disk) { return disk < BLKIF_DEVICES ? fronts[disk].sectors : 0; }

bool disk_transfer(uint32_t disk, uint32_t sector, uint32_t count, void *memory, bool write)
{
    enum { MOST = (BLKIF_SEGMENTS - 1) * SECTORS_IN_PAGE };
    uint8_t *at = memory;
    for (; count; ) {
        uint32_t some = count < MOST ? count : MOST;
        if (!transfer(&fronts[disk], sector, some, at, write)) return false;
        sector += some, at += some * SECTOR, count -= some;
    }
    return true;
}

// ---- Connecting ----------------------------------------------------------------------------------------------------------

// A name in the store below the device's.
static const char *path_of(const struct front *f, const char *name)
{
    static char path[48], part[32];
    text_join(part, "device/vbd/", blkif_device[f - fronts]);
    text_join(path, part, name);
    return path;
}

static uint32_t state_of_backend(const struct front *f) { return store_read_number(f->backend_state); }

// A new ring and channel, told in the store.
static void offer(struct front *f)
{
    uint32_t n = (uint32_t)(f - fronts);
    if (f->ring_ref) grant_end(f->ring_ref);
    event_close(f->channel);
    ring_clear(&disk_pages[n]);
    ring_join(&f->ring, &disk_pages[n], sizeof(struct blkif_request));
    f->ring_ref = grant_new(SERVICE, &disk_pages[n], false);
    f->channel = event_listen(SERVICE);
    if (!f->ring_ref || !f->channel) panic("no grant or no channel for the disk");
    event_install(f->channel, handlers[n]);
    store_write_number(path_of(f, "/ring-ref"), f->ring_ref);
    store_write_number(path_of(f, "/event-channel"), f->channel);
    store_write_number(path_of(f, "/state"), BUS_INITIALISED);
    f->announced = true;
}

// The other end has taken them.
static void connect(struct front *f)
{
    char path[80];
    text_join(path, f->backend, "/sectors");
    f->sectors = store_read_number(path);
    store_write_number(path_of(f, "/state"), BUS_CONNECTED);
    irq_state saved = irq_save();
    f->connected = true;
    for (struct asked *a = f->asked; a < f->asked + OUTSTANDING; a++) {
        if (!a->used || a->answered) continue;
        for (uint32_t i = 0; i < a->request.segments; i++) grant_end(a->request.segment[i].ref);
        grant_all(a); // not the old ones: they may be in use for ever
        push(f, a);
    }
    irq_restore(saved);
}

static void changed(struct front *f)
{
    uint32_t state = state_of_backend(f);
    if (state == BUS_WAITING) {
        if (f->connected) kprintf("mini: the disk's other end is a new one\n");
        f->connected = false;
        offer(f); // perhaps once more: it is another one again
    } else if (state == BUS_CLOSED && !f->announced) {
        store_write_number(path_of(f, "/state"), BUS_INITIALISING); // a boot loader was here before
    }
    if (f->announced && !f->connected && state_of_backend(f) == BUS_CONNECTED) connect(f);
}

void disk_changed(void)
{
    for (struct front *f = fronts; f < fronts + BLKIF_DEVICES; f++)
        if (f->backend[0]) changed(f);
}

// On another machine, with another service domain: nobody there knows a ring, a channel or a grant. When it has said so in the store,
// what was not answered is asked again.
void disk_arrives(void)
{
    for (struct front *f = fronts; f < fronts + BLKIF_DEVICES; f++) {
        f->ring_ref = f->channel = 0;
        f->connected = f->announced = false;
        for (struct asked *a = f->asked; a < f->asked + OUTSTANDING; a++)
            for (uint32_t i = 0; i < BLKIF_SEGMENTS; i++) a->request.segment[i].ref = 0;
    }
}

// The disks are numbered without a gap: the first that is not there is the end.
void disk_init(bool pio)
{
    (void)pio;
    if (!store_is_there()) return;
    for (struct front *f = fronts; f < fronts + BLKIF_DEVICES && store_read(path_of(f, "/backend"), f->backend, sizeof f->backend); f++) {
        text_join(f->backend_state, f->backend, "/state");
        store_watch(f->backend_state);
        for (changed(f); !f->connected; changed(f)) store_wait();
    }
}
