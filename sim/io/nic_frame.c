/* What the card does with frames: fetches and sends them, filters and stores them. See nic.h. */
#include <string.h>

#include "sim/io/nic.h"

enum { TSD_SIZE = 0x1FFF, TSD_OWN = 1 << 13, TSD_TUN = 1 << 14, TSD_TOK = 1 << 15, TSD_TABT = 1 << 30, TSD_CRS = (int)(1u << 31), SIZE_MOST = 0x700 };
enum { TCR_LOOPBACK = 3 << 17, TCR_NO_CRC = 1 << 16 };
enum { RCR_ALL = 0x01, RCR_MATCH = 0x02, RCR_MULTICAST = 0x04, RCR_BROADCAST = 0x08, RCR_RUNT = 0x10, RCR_WRAP = 0x80, RCR_LENGTH_SHIFT = 11 };
enum { HEAD_ROK = 0x0001, HEAD_RUNT = 0x0010, HEAD_BROADCAST = 0x2000, HEAD_MATCH = 0x4000, HEAD_MULTICAST = 0x8000 };
enum { RING_HEAD = 4, RING_GAP = 16, MAR = 8 };

/* ---- the check sequence: IEEE 802.3 3.2.9, reflected */

static uint32_t check_sequence(const uint8_t *bytes, unsigned n)
{
    uint32_t crc = UINT32_MAX;
    for (unsigned i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (unsigned k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

/* The six highest bits, unreflected, of the address's sum choose a bit of MAR0-7. */
static bool multicast_wanted(const struct nic *n, const uint8_t *address)
{
    uint32_t crc = ~check_sequence(address, NET_ADDRESS), hash = 0;
    for (unsigned i = 0; i < 6; i++) hash = hash << 1 | (crc >> i & 1);
    return n->reg[MAR + (hash >> 3)] >> (hash & 7) & 1;
}

static void told(const struct nic *n, bool out, unsigned bytes)
{
    if (n->trace) TRACE(n->trace, FRAME, 0, .out = out, .virtual_ = n->is_virtual, .bytes = (uint16_t)bytes);
}

/* ---- sending */

/* Software may have filled the descriptor anew since its bytes were fetched: then what it says now is about the next frame. */
static void descriptor_done(struct nic *n, uint32_t bits, unsigned interrupt)
{
    if (n->tsd[n->current] & TSD_OWN) n->tsd[n->current] |= bits;
    nic_interrupt(n, interrupt);
}

void nic_send_next(struct nic *n)
{
    while (!n->sending && (n->command & NIC_TE) && !(n->tsd[n->next] & TSD_OWN)) {
        uint32_t size = n->tsd[n->next] & TSD_SIZE;
        bool good = size <= SIZE_MOST && busmaster_read(&n->master, n->tsad[n->next], n->frame, size);
        n->current = n->next;
        n->next = (uint8_t)((n->next + 1) % NIC_DESCRIPTORS);
        n->tsd[n->current] |= TSD_OWN;
        if (!good) {
            descriptor_done(n, (uint32_t)TSD_TABT, size > SIZE_MOST ? NIC_TER : NIC_TER | NIC_SERR);
            continue;
        }
        n->length = (uint16_t)size;
        n->sending = true;
        timeq_arm(n->queue, &n->sent, n->queue->clock->now + net_time(n->queue->clock, 100, size));
    }
}

void nic_sent(void *nic, uint64_t when)
{
    (void)when;
    struct nic *n = nic;
    unsigned bytes = n->length;
    n->sending = false;
    if (n->tcr & TCR_NO_CRC) bytes = bytes > NET_CHECK ? bytes - NET_CHECK : 0; /* software brought its own check sequence */
    if (bytes < NET_LEAST) { /* the MAC pads */
        memset(n->frame + bytes, 0, NET_LEAST - bytes);
        bytes = NET_LEAST;
    }
    bool back = (n->tcr & TCR_LOOPBACK) == TCR_LOOPBACK, lost = !back && !n->cable.send;
    n->frames_out++;
    told(n, true, bytes);
    if (back) nic_receive(n, n->frame, bytes);
    else if (n->cable.send) n->cable.send(n->cable.self, n->cable.port, n->frame, bytes);
    descriptor_done(n, TSD_TOK | (lost ? (uint32_t)TSD_CRS : 0), NIC_TOK);
    nic_send_next(n);
}

/* ---- receiving */

static uint32_t ring_size(const struct nic *n) { return 0x2000u << (n->rcr >> RCR_LENGTH_SHIFT & 3); }
static uint32_t read_at(const struct nic *n) { return (n->capr + RING_GAP) % ring_size(n); }

bool nic_ring_empty(const struct nic *n) { return read_at(n) == n->cbr % ring_size(n); }

static uint16_t wanted(const struct nic *n, const uint8_t *frame)
{
    static const uint8_t all[NET_ADDRESS] = { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF };
    if (!memcmp(frame, all, sizeof all)) return n->rcr & (RCR_BROADCAST | RCR_ALL) ? HEAD_BROADCAST : 0;
    if (net_is_group(frame)) {
        bool hit = (n->rcr & RCR_MULTICAST) && multicast_wanted(n, frame);
        return hit || (n->rcr & RCR_ALL) ? HEAD_MULTICAST : 0;
    }
    if (!memcmp(frame, n->reg, NET_ADDRESS)) return n->rcr & (RCR_MATCH | RCR_ALL) ? HEAD_MATCH : 0;
    return n->rcr & RCR_ALL ? HEAD_ROK : 0;
}

/* Bytes into the ring from `at` on; past its end they go on at its start, or, with WRAP, simply on. False: the bus failed. */
static bool into_ring(struct nic *n, uint32_t at, const uint8_t *bytes, unsigned count)
{
    uint32_t size = ring_size(n), fits = size - at;
    bool onward = (n->rcr & RCR_WRAP) && size < 0x10000;
    if (onward || count <= fits) return busmaster_write(&n->master, n->rbstart + at, bytes, count);
    return busmaster_write(&n->master, n->rbstart + at, bytes, fits) && busmaster_write(&n->master, n->rbstart, bytes + fits, count - fits);
}

static void lose(struct nic *n, unsigned why)
{
    n->missed = (n->missed + 1) & 0xFFFFFF;
    nic_interrupt(n, why);
}

void nic_receive(void *nic, const uint8_t *frame, unsigned bytes)
{
    struct nic *n = nic;
    uint16_t kind;
    if (!(n->command & NIC_RE) || bytes < NET_HEADER || bytes > NET_MOST || !(kind = wanted(n, frame))) return;
    uint32_t size = ring_size(n), at = n->cbr % size, used = (at - read_at(n)) & (size - 1);
    uint32_t whole = bytes + NET_CHECK, room = (RING_HEAD + whole + 3) & ~3u;
    if (used + room >= size) {
        lose(n, NIC_RXOVW);
        return;
    }
    uint8_t image[RING_HEAD + NET_MOST + NET_CHECK];
    uint16_t status = kind | HEAD_ROK, length = (uint16_t)whole;
    uint32_t check = check_sequence(frame, bytes);
    memcpy(image, &status, 2);
    memcpy(image + 2, &length, 2);
    memcpy(image + RING_HEAD, frame, bytes);
    memcpy(image + RING_HEAD + bytes, &check, NET_CHECK);
    if (!into_ring(n, at, image, RING_HEAD + whole)) {
        lose(n, NIC_SERR);
        return;
    }
    n->cbr = (uint16_t)((at + room) % size);
    n->frames_in++;
    told(n, false, bytes);
    nic_interrupt(n, NIC_ROK);
}
