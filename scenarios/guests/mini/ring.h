// A ring in one page that two domains share: requests one way, responses the other, as Xen's block and network devices have it.
//
//   offset 0 req_prod, 4 req_event, 8 rsp_prod, 12 rsp_event, padding; from 64: the slots, a power of two of them
//
// Idea 1: a response takes the slot of a request that was consumed, so one array does for both. Indices only grow, modulo 2^32; what
// lies between producer and consumer is their difference. Each side keeps its own copies of the indices it writes.
// Idea 2: a notification costs a hypercall and an interrupt over there. `event` says at which index the consumer wants to be woken: the
// producer notifies only if it has just passed that. Who goes to sleep sets it to the next index, and then must look once more: what came
// in between notified nobody. Between the store of one's own index and the load of the other's there must be a barrier, for a
// processor may do the load first. tests/unit/vmm_ring_test.c runs this file in every order that two processors with store buffers can.
// Idea 3: the other side may be mad. Its producer index is checked before it is believed, and an entry is copied before it is judged.
// Manual: Xen public headers, io/ring.h.
// Whoever includes this defines, or takes the definitions below: RING_LOAD, RING_STORE of a word, RING_BARRIER.
#ifndef MINI_RING_H
#define MINI_RING_H

#include <stdbool.h>
#include <stdint.h>

enum ring_barrier { RING_AFTER_PUSH, RING_AFTER_EVENT, RING_STORES /* of an entry, before the index that shows it */ };

#ifndef RING_LOAD
#define RING_LOAD(at) (*(const volatile uint32_t *)(at))
#define RING_STORE(at, value) (*(volatile uint32_t *)(at) = (value))
// A processor's stores are seen in their order: between stores it is enough to hold the compiler back.
#define RING_BARRIER(why) do { \
        if ((why) == RING_STORES) __asm__ volatile("" : : : "memory"); \
        else __asm__ volatile("lock or dword ptr [esp], 0" : : : "memory", "cc"); \
    } while (0)
#endif

enum { RING_PAGE = 4096, RING_HEADER = 64, RING_MOST_WORDS = 32 };

struct ring_page {
    uint32_t req_prod, req_event, rsp_prod, rsp_event, unused[12];
    uint32_t entries[(RING_PAGE - RING_HEADER) / 4];
};

// One side of a ring. The front end makes requests and takes responses; the back end takes requests and makes responses.
struct ring {
    struct ring_page *page;
    uint32_t slots, words;  // how many entries, each of how many words
    uint32_t made, seen;    // what this side has produced, shown yet or not; what it has consumed
    uint32_t notified, kept; // notifications made, and those that nobody wanted
};

// The largest power of two of entries that fits.
static inline uint32_t ring_slots(uint32_t bytes)
{
    uint32_t n = 1;
    while (2 * n * bytes <= RING_PAGE - RING_HEADER) n *= 2;
    return n;
}

// The page is new: nothing was produced, and the first of each wakes.
static inline void ring_clear(struct ring_page *page)
{
    RING_STORE(&page->req_prod, 0), RING_STORE(&page->rsp_prod, 0);
    RING_STORE(&page->req_event, 1), RING_STORE(&page->rsp_event, 1);
}

static inline void ring_join(struct ring *r, struct ring_page *page, uint32_t bytes)
{
    *r = (struct ring){ .page = page, .slots = ring_slots(bytes), .words = bytes / 4 };
}

static inline uint32_t *ring_slot(const struct ring *r, uint32_t index) { return &r->page->entries[(index & (r->slots - 1)) * r->words]; }

static inline void ring_copy_in(const struct ring *r, uint32_t index, const uint32_t *entry, uint32_t words)
{
    for (uint32_t i = 0; i < words; i++) RING_STORE(ring_slot(r, index) + i, entry[i]);
}

static inline void ring_copy_out(const struct ring *r, uint32_t index, uint32_t *entry, uint32_t words)
{
    for (uint32_t i = 0; i < words; i++) entry[i] = RING_LOAD(ring_slot(r, index) + i);
}

// What was made is shown. Must the other side be notified?
static inline bool ring_push(struct ring *r, uint32_t *producer, const uint32_t *event)
{
    uint32_t old = RING_LOAD(producer), new = r->made;
    RING_BARRIER(RING_STORES);
    RING_STORE(producer, new);
    RING_BARRIER(RING_AFTER_PUSH);
    bool wanted = new - RING_LOAD(event) < new - old;
    if (wanted) r->notified++;
    else r->kept++;
    return wanted;
}

// Who found nothing asks to be woken by the next one.
static inline void ring_arm(const struct ring *r, uint32_t *event)
{
    RING_STORE(event, r->seen + 1);
    RING_BARRIER(RING_AFTER_EVENT);
}

// ---- The front end: is there a free slot, make, show, take, may I sleep?

static inline bool ring_full(const struct ring *r) { return r->made - r->seen >= r->slots; }
static inline void ring_request(struct ring *r, const void *entry, uint32_t words) { ring_copy_in(r, r->made++, entry, words); }
static inline bool ring_push_requests(struct ring *r) { return ring_push(r, &r->page->req_prod, &r->page->req_event); }

// Never more responses than there are requests without one, whatever the other side says.
static inline bool ring_has_response(const struct ring *r)
{
    uint32_t n = RING_LOAD(&r->page->rsp_prod) - r->seen;
    return n && n <= r->made - r->seen;
}

static inline void ring_take_response(struct ring *r, void *entry, uint32_t words) { ring_copy_out(r, r->seen++, entry, words); }

static inline bool ring_more_responses(struct ring *r)
{
    if (ring_has_response(r)) return true;
    ring_arm(r, &r->page->rsp_event);
    return ring_has_response(r);
}

// ---- The back end

static inline bool ring_has_request(const struct ring *r)
{
    uint32_t n = RING_LOAD(&r->page->req_prod) - r->seen;
    return n && n <= r->slots - (r->seen - r->made);
}

// The front end claims more than there is room for.
static inline bool ring_is_mad(const struct ring *r) { return RING_LOAD(&r->page->req_prod) - r->made > r->slots; }
static inline void ring_take_request(struct ring *r, void *entry, uint32_t words) { ring_copy_out(r, r->seen++, entry, words); }
static inline void ring_response(struct ring *r, const void *entry, uint32_t words) { ring_copy_in(r, r->made++, entry, words); }
static inline bool ring_push_responses(struct ring *r) { return ring_push(r, &r->page->rsp_prod, &r->page->rsp_event); }

static inline bool ring_more_requests(struct ring *r)
{
    if (ring_has_request(r)) return true;
    ring_arm(r, &r->page->req_event);
    return ring_has_request(r);
}

#endif
