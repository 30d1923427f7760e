// A hostile front end, for the test of whether anybody but its own domain is harmed: with mad=SEED a process of the kernel's own says and
// shares what nobody meant, at random, and switches the domain off after a while.
//
// Idea: most of it is nearly right, for what is plainly wrong is refused at the first look: requests with grants that exist, producers that run
// a little ahead, paths of one's own with values of others'. The rest is what a kernel in ring 1 can do at all: any word in its rings and its
// table of grants, any operation on channels, grants and memory, with other domains' numbers and frames.
// Not here: the bare machine's registers (tests/guest/images/wild.c), page tables (tests/equiv), a hostile service domain (mad_service.c).
#include "mini/kernel.h"
#include "mini/pv.h"
#include "mini/ring.h"
#include "mini/blkif.h"
#include "mini/netif.h"
#include "mini/store.h"
#include "mini/mad.h"

enum { STEPS = 6000, AT_ONCE = 40, GRANTS = 512, CHANNELS = 24, DOMAINS = 5 };

extern volatile struct grant_entry grant_table[GRANTS];
extern struct store_ring store_page;
extern struct console_ring console_page;

// ---- Rings -----------------------------------------------------------------------------------------------------------------

static void scribble(volatile void *page, uint32_t bytes)
{
    volatile uint32_t *words = page;
    for (uint32_t n = chance(4); n; n--) words[chance(bytes / 4)] = some(64);
}

// A request that might be one, in the next place.
static void request(struct ring_page *page, uint32_t words, void (*fill)(uint32_t *entry))
{
    uint32_t slots = ring_slots(words * 4), at = page->req_prod;
    if (at - page->rsp_prod > slots - 4 && chance(3000)) return; // full
    for (uint32_t n = 1 + chance(3); n; n--, at++) fill(&page->entries[at % slots * words]);
    page->req_prod = chance(3000) ? at : at + some(slots * 2);
}

static void block_request(uint32_t *entry)
{
    struct blkif_request *r = (struct blkif_request *)entry;
    *r = (struct blkif_request){ (uint8_t)chance(4), (uint8_t)some(12), 0, some(8), (uint64_t)(chance(9) == 0 ? seed : 0) << 32 | some(2048), { { 0 } } };
    for (uint32_t i = 0; i < BLKIF_SEGMENTS; i++) r->segment[i] = (struct blkif_segment){ some(80), (uint8_t)some(8), (uint8_t)some(8), 0 };
}

static void send_request(uint32_t *entry)
{
    struct netif_tx_request *r = (struct netif_tx_request *)entry;
    *r = (struct netif_tx_request){ some(80), (uint16_t)some(PAGE), (uint16_t)(chance(6) ? 0 : seed), (uint16_t)some(16), (uint16_t)some(1600) };
}

static void receive_request(uint32_t *entry)
{
    struct netif_rx_request *r = (struct netif_rx_request *)entry;
    *r = (struct netif_rx_request){ (uint16_t)some(32), 0, some(80) };
}

// ---- Grants, channels, other hypercalls ------------------------------------------------------------------------------------

static void grant_anything(void)
{
    volatile struct grant_entry *e = &grant_table[chance(8) ? GRANT_FIRST_FREE + chance(80) : chance(GRANTS)];
    if (chance(2)) e->mfn = some_frame();
    if (chance(2)) e->domain = (uint16_t)some(DOMAINS);
    if (chance(2)) e->flags = (uint16_t)some(32);
}

static void grant_operation(void)
{
    union {
        struct grant_map map;
        struct grant_unmap unmap;
        struct grant_copy copy;
        uint32_t word[8];
    } op;
    for (uint32_t i = 0; i < 8; i++) op.word[i] = some(80);
    uint32_t what = chance(3);
    if (what == 0) {
        op.map = (struct grant_map){ .at = (uint32_t)page_of_mine, .ref = some(80), .domain = (uint16_t)chance(DOMAINS), .flags = some(32) };
        hypercall(HC_GRANT_TABLE, GRANT_MAP, &op, 1);
    } else if (what == 1) hypercall(HC_GRANT_TABLE, GRANT_UNMAP, &op, 1);
    else {
        struct grant_copy_end there = { chance(2) ? some(80) : some_frame(), (uint16_t)chance(DOMAINS), (uint16_t)some(PAGE) };
        struct grant_copy_end here = { machine_frame(kernel_to_physical(page_of_mine)), DOMAIN_SELF, (uint16_t)chance(PAGE) };
        bool in = chance(2);
        op.copy = (struct grant_copy){ in ? there : here, in ? here : there, (uint16_t)some(PAGE), (uint16_t)chance(4), 0, 0 };
        hypercall(HC_GRANT_TABLE, GRANT_COPY, &op, 1);
    }
    map_own(page_of_mine);
}

// Its timer's channel is left to it: it is to go on.
static void channel_operation(void)
{
    enum { TIMER = 4, RESET = 10 };
    uint32_t op[4] = { some(CHANNELS), some(CHANNELS), some(CHANNELS), 0 }, what = chance(RESET);
    if (what == CHANNEL_CLOSE && op[0] <= TIMER) return;
    if (what == CHANNEL_BIND_INTERDOMAIN) op[0] = chance(DOMAINS);
    if (what == CHANNEL_ALLOC_UNBOUND) op[0] = DOMAIN_SELF | chance(DOMAINS) << 16;
    hypercall(HC_EVENT_CHANNEL, what, op);
}

static void other_operation(void)
{
    uint32_t words[4] = { some_frame(), 1, 0, chance(DOMAINS) };
    switch (chance(5)) {
    case 0: hypercall(HC_PHYSDEV, chance(16), words); break;
    case 1: hypercall(HC_GRANT_TABLE, 4, words, 1); break;              // transfer
    case 2: hypercall(36, words); break;                                // domctl: not for this domain
    case 3: hypercall(HC_MMU_UPDATE, words, 1, 0, chance(DOMAINS)); break;
    default: hypercall(HC_XEN_VERSION, chance(10), page_of_mine); break;
    }
}

// ---- The store -------------------------------------------------------------------------------------------------------------

static void store_message(void)
{
    static const char *const paths[] = { "device/vbd/768/state", "device/vbd/768/ring-ref", "device/vbd/768/event-channel", "device/vif/0/state",
                                         "device/vif/0/tx-ring-ref", "device/vif/0/rx-ring-ref", "device/vif/0/event-channel", "/local/domain/0/backend/vbd/2/768/state",
                                         "/local/domain/2/device/vbd/768/ring-ref", "/local/domain/2/device/vif/0/mac", "x", "" };
    static const uint16_t types[] = { STORE_READ, STORE_WRITE, STORE_WRITE, STORE_WRITE, STORE_WATCH, 0, 9, 99 };
    char text[STORE_PAYLOAD];
    const char *path = paths[chance(sizeof paths / sizeof *paths)];
    uint32_t n = (uint32_t)text_length(path) + 1;
    text_copy(text, path, sizeof text);
    if (!chance(8)) text[n - 1] = (char)('a' + chance(26)), n = STORE_PAYLOAD - 4; // an endless name
    text[n] = (char)('0' + chance(10)), text[n + 1] = (char)(chance(2) ? 0 : '0' + chance(10)), text[n + 2] = 0;
    struct store_message m = { types[chance(8)], some(1000), 0, chance(10) ? n + 2 : some(STORE_PAYLOAD * 2) };
    if (m.size > STORE_PAYLOAD) m.size = STORE_PAYLOAD;
    store_put(store_page.request, &store_page.request_read, &store_page.request_written, &m, text);
    if (!chance(200)) scribble(&store_page, sizeof store_page);
    if (chance(4)) store_page.response_read = store_page.response_written; // who does not take its answers is not waited for
}

// ---- All of it -------------------------------------------------------------------------------------------------------------

// What nobody could mean comes late: whose ring is mad is not heard any more.
static void step(bool late)
{
    switch (chance(12)) {
    case 0: scribble(late ? &disk_pages[0].req_prod : disk_pages[0].entries, late ? 16 : PAGE - RING_HEADER); break;
    case 1: case 2: request(&disk_pages[0], BLKIF_REQUEST_WORDS, block_request); break;
    case 3: scribble(chance(2) ? net_tx_page.entries : net_rx_page.entries, PAGE - RING_HEADER); break;
    case 4: case 5: request(&net_tx_page, NETIF_TX_WORDS, send_request); break;
    case 6: request(&net_rx_page, NETIF_RX_WORDS, receive_request); break;
    case 7: grant_anything(); break;
    case 8: grant_operation(); break;
    case 9: channel_operation(); break;
    case 10: late && chance(2) ? scribble(&console_page.in_read, 16) : other_operation(); break;
    default: store_message(); break;
    }
    if (!chance(3)) event_send(2 + chance(CHANNELS)); // the store's, the disk's, the card's, nobody's
}

// Its devices are found as by everybody, and then it begins.
void mad_run(void)
{
    uint8_t address[6];
    seed = kernel_option("mad");
    (void)net_address(address);
    kprintf("mini: mad, %u\n", seed);
    for (uint32_t i = 0; i < STEPS; i++) {
        step(i > STEPS - STEPS / 8);
        if (i % AT_ONCE) continue;
        irq_state saved = critical_enter();
        current->wake_at = ticks + 1; // others want to see it
        current->timed = true;
        while (current->timed) sched_sleep(&current->timed);
        critical_leave(saved);
    }
    uint32_t reason = SHUTDOWN_OFF;
    for (;;) hypercall(HC_SCHED, SCHED_SHUTDOWN, &reason); // its console is perhaps nobody's any more
}
