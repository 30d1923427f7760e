// The back end of network cards, and the bridge that lets several guests share the real one.
//
// Idea 1: what a guest sends is copied out of its page by the hypervisor (a grant, an offset, a length), once; from there the card fetches
// it, or it is copied into a page that another guest has handed out. Nothing of a guest's is mapped here but its rings.
// Idea 2: each way out, to a guest or to the card, is a queue. A frame is kept once, however many it is for, and the queues together are
// no longer than there is room for frames: a guest that takes nothing cannot keep others from sending. What finds its queue
// full is dropped, and everything is counted: what went in was forwarded so many times, and each of these is gone, waiting or dropped.
// Idea 3: who a guest is, is known: its frames must come from the address it was given, so nobody can be in another's place.
// Manual: Xen public headers, io/netif.h; IEEE 802.1D 7.7 (forwarding).
// Not here: learning (a guest has one address; all others are outside), priorities, rates, frames of several pieces.
#include "mini/kernel.h"
#include "mini/driver.h"
#include "mini/pv.h"
#include "mini/service.h"
#include "mini/ring.h"
#include "mini/blkif.h"
#include "mini/netif.h"

#define FRONT "/local/domain/%u/device/vif/0/"
#define BACK "/local/domain/0/backend/vif/%u/0/"
enum { CARD = 0 /* as a way out; the others are the guests' numbers */, WAYS = GUESTS + 1, QUEUE = 16, FRAMES = WAYS * QUEUE + 4, HALF = PAGE / 2 };

static struct ring_page tx_pages[GUESTS + 1] __attribute__((aligned(PAGE))), rx_pages[GUESTS + 1] __attribute__((aligned(PAGE)));
static struct guest {
    bool offered, connected;
    struct ring tx, rx;
    struct mapping tx_map, rx_map;
    uint32_t channel;
    uint8_t address[NET_ADDRESS];
} guests[GUESTS + 1];

static struct frame {
    uint8_t *bytes; // half a page
    uint16_t size, users;
} frames[FRAMES];

static struct way {
    uint32_t first, waiting;
    struct frame *queue[QUEUE];
} ways[WAYS];

struct bridge_counts bridge_counts;
static bool there;
static volatile bool work;

static void signal(void)
{
    work = true;
    sched_wake((const void *)&work);
}

// ---- The bridge ------------------------------------------------------------------------------------------------------------

static struct frame *new_frame(void)
{
    for (struct frame *f = frames; f < frames + FRAMES; f++)
        if (!f->users) return f;
    return NULL;
}

static void put(uint32_t to, struct frame *f)
{
    struct way *w = &ways[to];
    bridge_counts.forwarded++;
    if (w->waiting == QUEUE || (to != CARD && !guests[to].connected)) {
        bridge_counts.dropped++;
        return;
    }
    w->queue[(w->first + w->waiting++) % QUEUE] = f;
    bridge_counts.waiting++;
    f->users++;
}

static void take_first(struct way *w, uint32_t *count)
{
    w->queue[w->first]->users--;
    w->first = (w->first + 1) % QUEUE;
    w->waiting--;
    bridge_counts.waiting--;
    ++*count;
}

static bool same(const uint8_t *a, const uint8_t *b)
{
    for (uint32_t i = 0; i < NET_ADDRESS; i++)
        if (a[i] != b[i]) return false;
    return true;
}

// To all but the sender if it is for a group, to the one whose address it is, or to those outside.
static void forward(uint32_t from, struct frame *f)
{
    bool group = f->bytes[0] & 1, known = false;
    bridge_counts.received++;
    for (uint32_t d = 1; d <= GUESTS; d++) {
        bool his = guests[d].offered && same(f->bytes, guests[d].address);
        known |= his;
        if (d != from && guests[d].offered && (group || his)) put(d, f);
    }
    if (from != CARD && !known) put(CARD, f);
}

// ---- A guest's rings -------------------------------------------------------------------------------------------------------

static void send_response(struct guest *g, uint16_t id, int16_t status)
{
    struct netif_tx_response response = { id, status };
    ring_response(&g->tx, &response, NETIF_TX_RESPONSE_WORDS);
}

static int16_t take_frame(uint16_t domain, const struct netif_tx_request *r, struct frame *f)
{
    if (r->flags || r->size < NET_HEADER || r->size > NET_FRAME || r->offset + r->size > PAGE) return NETIF_ERROR;
    if (!grant_read(domain, r->ref, r->offset, f->bytes, r->size)) return NETIF_ERROR;
    return same(f->bytes + NET_ADDRESS, guests[domain].address) ? NETIF_OKAY : NETIF_ERROR;
}

static void disconnect(uint16_t domain)
{
    struct guest *g = &guests[domain];
    if (!g->connected) return;
    g->connected = false;
    while (ways[domain].waiting) take_first(&ways[domain], &bridge_counts.dropped);
    grant_unmap(&g->tx_map);
    grant_unmap(&g->rx_map);
    event_close(g->channel);
}

// All that the back end knew is gone, and a new one offers cards again.
static bool dies(void)
{
    if (!service_dies("network")) return false;
    for (uint16_t d = 1; d <= GUESTS; d++) {
        disconnect(d);
        if (guests[d].offered) net_offer(d);
    }
    return true;
}

static bool out_of(uint16_t domain)
{
    struct guest *g = &guests[domain];
    struct frame *f = new_frame();
    struct netif_tx_request request;
    if (ring_is_mad(&g->tx) || ring_is_mad(&g->rx)) {
        kprintf("mini: domain %u: a mad ring of its network card\n", domain);
        disconnect(domain);
        store_set("6", BACK "state", domain); // BUS_CLOSED
        return false;
    }
    if (!f || !ring_has_request(&g->tx)) return false;
    ring_take_request(&g->tx, &request, NETIF_TX_WORDS);
    if (dies()) return true;
    int16_t status = take_frame(domain, &request, f);
    f->size = request.size;
    if (status == NETIF_OKAY) forward(domain, f);
    if (dies()) return true;
    send_response(g, request.id, status);
    if (dies()) return true;
    if (ring_push_responses(&g->tx)) event_send(g->channel);
    return true;
}

// The first frame that waits goes into the next page that the guest has handed out.
static bool into(uint16_t domain)
{
    struct guest *g = &guests[domain];
    struct way *w = &ways[domain];
    if (!w->waiting || !ring_has_request(&g->rx)) return false;
    struct frame *f = w->queue[w->first];
    struct netif_rx_request request;
    ring_take_request(&g->rx, &request, NETIF_RX_WORDS);
    if (dies()) return true;
    bool copied = grant_write(domain, request.ref, 0, f->bytes, f->size);
    struct netif_rx_response response = { .id = request.id, .status = copied ? (int16_t)f->size : NETIF_ERROR };
    take_first(w, copied ? &bridge_counts.gone : &bridge_counts.dropped);
    ring_response(&g->rx, &response, NETIF_RX_WORDS);
    if (dies()) return true;
    if (ring_push_responses(&g->rx)) event_send(g->channel);
    return true;
}

// Who goes to sleep asks to be woken for what it can use: pages only if there is something to put into them.
static bool more(uint16_t domain)
{
    struct guest *g = &guests[domain];
    bool any = ring_more_requests(&g->tx);
    return ways[domain].waiting ? ring_more_requests(&g->rx) || any : any;
}

// ---- The card --------------------------------------------------------------------------------------------------------------

static struct frame *flying[NIC_SENDS]; // the card is at them, in this order
static uint32_t flying_count;

static bool serve_card(void)
{
    struct way *w = &ways[CARD];
    bool any = false;
    for (uint32_t gone = flying_count ? nic_gone() : 0; gone; gone--) {
        flying[0]->users--;
        flying_count--;
        memmove(flying, flying + 1, flying_count * sizeof *flying);
        any = true;
    }
    while (w->waiting && nic_send(w->queue[w->first]->bytes, w->queue[w->first]->size)) {
        flying[flying_count++] = w->queue[w->first];
        w->queue[w->first]->users++;
        take_first(w, &bridge_counts.gone);
    }
    struct frame *f = new_frame();
    if (!f || !(f->size = (uint16_t)nic_receive(f->bytes))) return any;
    forward(CARD, f);
    return true;
}

// ---- Offering, connecting --------------------------------------------------------------------------------------------------

void net_offer(uint16_t domain)
{
    static const char digits[] = "0123456789abcdef";
    struct guest *g = &guests[domain];
    char text[24];
    if (!there) return;
    memcpy(g->address, nic_address(), NET_ADDRESS);
    g->address[NET_ADDRESS - 1] = (uint8_t)(g->address[NET_ADDRESS - 1] + domain);
    for (uint32_t i = 0; i < NET_ADDRESS; i++) {
        text[3 * i] = digits[g->address[i] >> 4], text[3 * i + 1] = digits[g->address[i] & 15];
        text[3 * i + 2] = i + 1 < NET_ADDRESS ? ':' : 0;
    }
    g->offered = true;
    store_set(text, FRONT "mac", domain);
    store_set_path(domain, "vif", "0");
    store_set("1", BACK "feature-rx-copy", domain);
    store_set("2", BACK "state", domain); // BUS_WAITING
}

static void connect(uint16_t domain)
{
    struct guest *g = &guests[domain];
    disconnect(domain);
    if (!grant_map(domain, store_get_number(FRONT "tx-ring-ref", domain), false, &tx_pages[domain], &g->tx_map)) return; // what it says is not so
    bool mapped = grant_map(domain, store_get_number(FRONT "rx-ring-ref", domain), false, &rx_pages[domain], &g->rx_map);
    g->channel = mapped ? event_bind(domain, store_get_number(FRONT "event-channel", domain)) : 0;
    if (!g->channel) {
        if (mapped) grant_unmap(&g->rx_map);
        grant_unmap(&g->tx_map);
        return;
    }
    ring_join(&g->tx, &tx_pages[domain], NETIF_TX_BYTES);
    ring_join(&g->rx, &rx_pages[domain], NETIF_RX_BYTES);
    g->connected = true;
    event_install(g->channel, signal);
    store_set("4", BACK "state", domain); // BUS_CONNECTED
    signal();
}

void net_forget(uint16_t domain)
{
    disconnect(domain);
    guests[domain].offered = false;
}

void net_told(uint16_t domain)
{
    uint32_t front = store_get_number(FRONT "state", domain), back = store_get_number(BACK "state", domain);
    if (guests[domain].offered && front == BUS_INITIALISED && back == BUS_WAITING) connect(domain);
}

// ---- Its process -----------------------------------------------------------------------------------------------------------

static bool serve_all(void)
{
    bool any = serve_card();
    for (uint16_t d = 1; d <= GUESTS; d++) {
        if (guests[d].connected) any |= out_of(d);
        if (guests[d].connected) any |= into(d);
    }
    for (uint16_t d = 1; !any && d <= GUESTS; d++)
        if (guests[d].connected) any |= more(d);
    return any;
}

static void run(void)
{
    for (;;) {
        if (serve_all()) continue;
        irq_state saved = critical_enter();
        while (!work) sched_sleep((const void *)&work);
        work = false;
        critical_leave(saved);
    }
}

void net_begin(void)
{
    there = nic_init(signal);
    if (!there) return;
    for (uint32_t i = 0; i < FRAMES; i++) {
        uint32_t page = i % 2 ? 0 : frame_new();
        if (!page && i % 2 == 0) panic("no memory for frames");
        frames[i].bytes = i % 2 ? frames[i - 1].bytes + HALF : physical_to_kernel(page);
    }
    process_kernel("network", run);
}
