/* See virtio_net.h. */
#include "sim/io/virtio_net.h"

#include <stddef.h>
#include <string.h>

enum { MBIT = 100 };

static struct virtio_net *self_of(struct virtio *v) { return (struct virtio_net *)v; }

static void told(const struct virtio_net *n, bool out, unsigned bytes)
{
    if (n->trace) TRACE(n->trace, FRAME, 0, .out = out, .virtual_ = n->is_virtual, .bytes = (uint16_t)bytes);
}

static bool ready(const struct virtio_net *n) { return n->virtio.status & VIRTIO_DRIVER_OK; }

/* ---- sending */

static void give_back(struct virtio_net *n, uint16_t head)
{
    virtio_done(&n->virtio, VIRTIO_NET_TX, head, 0);
    virtio_tell(&n->virtio, VIRTIO_NET_TX);
}

/* A request that is a frame goes onto the wire; any other is given back, for nothing could say what was wrong with it. */
static bool begin(struct virtio_net *n)
{
    uint64_t bytes = n->chain.out_bytes - VIRTIO_NET_HEAD;
    bool frame = n->chain.out_bytes >= VIRTIO_NET_HEAD + NET_HEADER && bytes <= NET_MOST && ready(n);
    if (!frame) {
        give_back(n, n->chain.head);
        return false;
    }
    if (!virtio_get(&n->virtio, VIRTIO_NET_TX, &n->chain, VIRTIO_NET_HEAD, n->frame, (uint32_t)bytes)) return false;
    n->bytes = (uint16_t)bytes;
    n->head = n->chain.head;
    n->active = true;
    timeq_arm(n->q, &n->timer, n->q->clock->now + net_time(n->q->clock, MBIT, n->bytes));
    return true;
}

static void serve(struct virtio_net *n)
{
    struct virtio *v = &n->virtio;
    virtio_quiet(v, VIRTIO_NET_TX, true);
    for (unsigned k = 0; !n->active && k < VIRTIO_ENTRIES; k++) {
        if (virtio_take(v, VIRTIO_NET_TX, &n->chain)) {
            begin(n);
            continue;
        }
        virtio_quiet(v, VIRTIO_NET_TX, false);
        if (!virtio_waiting(v, VIRTIO_NET_TX)) return;
        virtio_quiet(v, VIRTIO_NET_TX, true);
    }
}

static void left(void *net, uint64_t when)
{
    (void)when;
    struct virtio_net *n = net;
    unsigned bytes = n->bytes;
    n->active = false;
    if (bytes < NET_LEAST) {
        memset(n->frame + bytes, 0, NET_LEAST - bytes);
        bytes = NET_LEAST;
    }
    n->frames_out++;
    told(n, true, bytes);
    if (n->cable.send) n->cable.send(n->cable.self, n->cable.port, n->frame, bytes);
    give_back(n, n->head);
    serve(n);
}

/* ---- receiving */

static void receive(void *net, const uint8_t *frame, unsigned bytes)
{
    static const uint8_t header[VIRTIO_NET_HEAD];
    struct virtio_net *n = net;
    struct virtio *v = &n->virtio;
    struct virtio_chain c;
    bool mine = net_is_group(frame) || !memcmp(frame, v->config, NET_ADDRESS);
    if (!ready(n) || !mine || bytes < NET_HEADER || bytes > NET_MOST) return;
    if (!virtio_take(v, VIRTIO_NET_RX, &c)) {
        n->missed++;
        return;
    }
    bool fits = c.in_bytes >= VIRTIO_NET_HEAD + bytes;
    if (fits && (!virtio_put(v, VIRTIO_NET_RX, &c, 0, header, sizeof header) || !virtio_put(v, VIRTIO_NET_RX, &c, sizeof header, frame, bytes))) return;
    n->frames_in += fits;
    n->missed += !fits;
    if (fits) told(n, false, bytes);
    virtio_done(v, VIRTIO_NET_RX, c.head, fits ? (uint32_t)sizeof header + bytes : 0);
    virtio_tell(v, VIRTIO_NET_RX);
}

static void kicked(struct virtio *v, unsigned queue)
{
    struct virtio_net *n = self_of(v);
    if (queue == VIRTIO_NET_TX && !n->active) serve(n);
}

static void stopped(struct virtio *v)
{
    struct virtio_net *n = self_of(v);
    n->active = false;
    if (n->q) timeq_cancel(n->q, &n->timer);
}

/* ---- the device */

static const struct reg_desc regs[] = {
    { "status", offsetof(struct virtio, status), 1, 8, "driver: seen 1, driver 2, ready 4, failed 80h" },
    { "isr", offsetof(struct virtio, isr), 1, 2, "why it interrupts: queue 1, configuration 2" },
    { "features", offsetof(struct virtio, taken), 4, 32, "features the driver took" },
    { "rx_page", offsetof(struct virtio, queue[0].page), 4, 32, "page of the queue of buffers to receive into" },
    { "rx_seen", offsetof(struct virtio, queue[0].seen), 2, 16, "index in its avail of the next buffer" },
    { "tx_page", offsetof(struct virtio, queue[1].page), 4, 32, "page of the queue of frames to send" },
    { "tx_seen", offsetof(struct virtio, queue[1].seen), 2, 16, "index in its avail of the next frame" },
    { "kicks", offsetof(struct virtio, kicks), 8, 64, "notifications" },
    { "interrupts", offsetof(struct virtio, interrupts), 8, 64, "how often its line rose" },
    { "out", offsetof(struct virtio_net, frames_out), 8, 64, "frames sent" },
    { "in", offsetof(struct virtio_net, frames_in), 8, 64, "frames stored" },
    { "missed", offsetof(struct virtio_net, missed), 8, 64, "frames lost for want of a buffer" },
    { 0 },
};

/* At power-on the address is as built. */
static void reset(struct device *d)
{
    struct virtio_net *n = (struct virtio_net *)d;
    virtio_reset(d);
    memcpy(n->virtio.config, n->address, NET_ADDRESS);
}

static const struct device_ops ops = {
    .name = "virtio-net", .regs = regs, .reset = reset, .read = virtio_read, .write = virtio_write, .peek = virtio_peek,
};

static const struct virtio_kind kind = { .queues = 2, .config_bytes = NET_ADDRESS + 2, .writable = NET_ADDRESS, .kicked = kicked, .stopped = stopped };

void virtio_net_init(struct virtio_net *n, struct bus *bus, struct timeq *q, const struct virtio_wiring *w, const uint8_t *address)
{
    *n = (struct virtio_net){ .q = q, .timer = { .fire = left, .self = n } };
    memcpy(n->address, address, NET_ADDRESS);
    virtio_init(&n->virtio, bus, &ops, &kind, w, VIRTIO_NET_F_MAC | VIRTIO_NET_F_STATUS);
    reset(&n->virtio.device);
}

struct net_station virtio_net_station(struct virtio_net *n) { return (struct net_station){ receive, n }; }

void virtio_net_plug(struct virtio_net *n, struct net_cable cable)
{
    n->cable = cable;
    n->virtio.config[NET_ADDRESS] = cable.send ? VIRTIO_NET_LINK_UP : 0;
    virtio_changed(&n->virtio);
}
