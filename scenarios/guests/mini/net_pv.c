// Under a paravirtualizing hypervisor: the front end of a network card, whose back end is in the service domain.
//
// Idea: two rings. A frame to be sent lies in half a page that is granted for as long as the request lasts, for reading, with its place in
// the page. To receive, pages are handed out before anything comes; the back end copies a frame into the next one and says how long it is.
// A page is handed out again when its frame was taken, so who does not take finds that others' frames were dropped over there, and
// nothing fills his memory. If another back end comes, the rings begin anew; what was under way is lost, as on any network.
// The card is looked for when a program asks: until then nothing is said in the store, and no page is spent.
// Manual: Xen public headers, io/netif.h, io/ring.h, grant_table.h.
// Not here: frames of several pieces, sums made by others, several cards.
#include "mini/kernel.h"
#include "mini/driver.h"
#include "mini/pv.h"
#include "mini/ring.h"
#include "mini/blkif.h"
#include "mini/netif.h"

enum { SERVICE = 0, SENDS = 16, RECEIVES = 32, HALF = PAGE / 2 };
#define DEVICE "device/vif/0/"

struct ring_page net_tx_page __attribute__((aligned(PAGE))), net_rx_page __attribute__((aligned(PAGE)));
static struct ring tx, rx;
static uint32_t channel, tx_ref, rx_ref;
static char backend[64], backend_state[72];
static uint8_t address[NET_ADDRESS];
static bool wanted, absent, announced, connected;

static struct {
    uint8_t *memory; // half a page
    uint32_t ref;    // 0: free
} sends[SENDS];

static struct {
    uint8_t *page;
    uint32_t ref; // 0: not handed out
    uint16_t offset, size;
} receives[RECEIVES];
static uint8_t arrived[RECEIVES]; // frames that nobody has taken yet, by their pages' numbers
static uint32_t arrived_first, arrived_count;

// ---- Pages for frames that will come -----------------------------------------------------------------------------------

static void hand_out(uint16_t id)
{
    receives[id].ref = grant_new(SERVICE, receives[id].page, false);
    if (!receives[id].ref) panic("no grants left");
    struct netif_rx_request request = { .id = id, .ref = receives[id].ref };
    ring_request(&rx, &request, NETIF_RX_WORDS);
}

static void show_pages(void)
{
    if (ring_push_requests(&rx)) event_send(channel);
}

static void take_back(uint32_t *ref)
{
    if (*ref) grant_end(*ref);
    *ref = 0;
}

static void received(const struct netif_rx_response *r)
{
    if (r->id >= RECEIVES || !receives[r->id].ref) return; // the other side is mad
    take_back(&receives[r->id].ref);
    bool good = r->status >= NET_HEADER && r->status <= NET_FRAME && r->offset + r->status <= PAGE;
    if (!good) {
        hand_out(r->id);
        return;
    }
    receives[r->id].offset = r->offset;
    receives[r->id].size = (uint16_t)r->status;
    arrived[(arrived_first + arrived_count++) % RECEIVES] = (uint8_t)r->id;
}

static void sent(const struct netif_tx_response *r)
{
    if (r->id < SENDS) take_back(&sends[r->id].ref);
}

static void on_net(void)
{
    do {
        while (ring_has_response(&tx)) {
            struct netif_tx_response response;
            ring_take_response(&tx, &response, NETIF_TX_RESPONSE_WORDS);
            sent(&response);
        }
    } while (ring_more_responses(&tx));
    do {
        while (ring_has_response(&rx)) {
            struct netif_rx_response response;
            ring_take_response(&rx, &response, NETIF_RX_WORDS);
            received(&response);
        }
    } while (ring_more_responses(&rx));
    kernel_net();
}

// ---- For programs ----------------------------------------------------------------------------------------------------------

bool net_put(const void *frame, uint32_t size)
{
    uint16_t id = 0;
    while (id < SENDS && sends[id].ref) id++;
    if (id == SENDS || !connected) return false;
    uint32_t offset = id % 2 * HALF;
    memcpy(sends[id].memory, frame, size);
    sends[id].ref = grant_new(SERVICE, sends[id].memory - offset, true);
    if (!sends[id].ref) return false;
    struct netif_tx_request request = { sends[id].ref, (uint16_t)offset, 0, id, (uint16_t)size };
    ring_request(&tx, &request, NETIF_TX_WORDS);
    if (ring_push_requests(&tx)) event_send(channel);
    return true;
}

uint32_t net_take(void *frame)
{
    if (!arrived_count) return 0;
    uint16_t id = arrived[arrived_first];
    uint32_t size = receives[id].size;
    memcpy(frame, receives[id].page + receives[id].offset, size);
    arrived_first = (arrived_first + 1) % RECEIVES;
    arrived_count--;
    if (connected) hand_out(id), show_pages();
    return size;
}

bool net_start(uint8_t to[NET_ADDRESS])
{
    if (!store_is_there()) return false;
    irq_state saved = critical_enter();
    wanted = true;
    while (!connected && !absent && !current->killed) { // the process of the front ends does it: it alone speaks with the store
        store_look();
        sched_sleep(&wanted);
    }
    memcpy(to, address, NET_ADDRESS);
    critical_leave(saved);
    return !absent;
}

// ---- Connecting ----------------------------------------------------------------------------------------------------------

static uint8_t hex(char c) { return (uint8_t)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10); }

static void allocate(void)
{
    for (uint32_t i = 0; i < RECEIVES; i++) receives[i].page = physical_to_kernel(frame_new());
    for (uint32_t i = 0; i < SENDS; i++) sends[i].memory = i % 2 ? sends[i - 1].memory + HALF : physical_to_kernel(frame_new());
}

// Who is there? False: nobody offers a card.
static bool find(void)
{
    char text[24];
    if (backend[0]) return true;
    if (!store_read(DEVICE "backend", backend, sizeof backend) || !store_read(DEVICE "mac", text, sizeof text) || frames_free() < RECEIVES + SENDS) return false;
    for (uint32_t i = 0; i < NET_ADDRESS; i++) address[i] = (uint8_t)(hex(text[3 * i]) << 4 | hex(text[3 * i + 1]));
    text_join(backend_state, backend, "/state");
    allocate();
    store_watch(backend_state);
    return true;
}

static void announce(void)
{
    store_write_number(DEVICE "tx-ring-ref", tx_ref);
    store_write_number(DEVICE "rx-ring-ref", rx_ref);
    store_write_number(DEVICE "event-channel", channel);
    store_write_number(DEVICE "request-rx-copy", 1);
    store_write_number(DEVICE "state", BUS_INITIALISED);
}

static void new_rings(void)
{
    irq_state saved = critical_enter();
    connected = false;
    take_back(&tx_ref), take_back(&rx_ref);
    event_close(channel);
    for (uint32_t i = 0; i < SENDS; i++) take_back(&sends[i].ref);
    for (uint32_t i = 0; i < RECEIVES; i++) take_back(&receives[i].ref);
    arrived_count = 0;
    ring_clear(&net_tx_page), ring_clear(&net_rx_page);
    ring_join(&tx, &net_tx_page, NETIF_TX_BYTES);
    ring_join(&rx, &net_rx_page, NETIF_RX_BYTES);
    tx_ref = grant_new(SERVICE, &net_tx_page, false);
    rx_ref = grant_new(SERVICE, &net_rx_page, false);
    channel = event_listen(SERVICE);
    if (!tx_ref || !rx_ref || !channel) panic("no grant or no channel for the network card");
    event_install(channel, on_net);
    critical_leave(saved);
}

void net_arrives(void)
{
    tx_ref = rx_ref = channel = 0;
    for (uint32_t i = 0; i < SENDS; i++) sends[i].ref = 0;
    for (uint32_t i = 0; i < RECEIVES; i++) receives[i].ref = 0;
    connected = announced = false;
}

static void connect(void)
{
    irq_state saved = critical_enter();
    connected = true;
    for (uint16_t i = 0; i < RECEIVES; i++) hand_out(i);
    show_pages();
    sched_wake(&wanted);
    kernel_net();
    critical_leave(saved);
    store_write_number(DEVICE "state", BUS_CONNECTED);
}

void net_changed(void)
{
    if (!wanted || absent) return;
    if (!find()) {
        absent = true;
        sched_wake(&wanted);
        return;
    }
    if (store_read_number(backend_state) == BUS_WAITING) {
        if (connected) kprintf("mini: the network card's other end is a new one\n");
        new_rings();
        announce();
        announced = true;
    }
    if (announced && !connected && store_read_number(backend_state) == BUS_CONNECTED) connect();
}
