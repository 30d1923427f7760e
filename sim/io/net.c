/* See net.h. */
#include "sim/io/net.h"

#include <string.h>

enum { PREAMBLE = 8, GAP = 12 };

uint64_t net_time(const struct clock *c, uint32_t mbit, unsigned bytes)
{
    uint64_t wire = (bytes < NET_LEAST ? NET_LEAST : bytes) + PREAMBLE + NET_CHECK + GAP;
    return clock_from_ns(c, wire * 8 * 1000 / mbit);
}

/* ---- the table of addresses */

static int find(const struct net_switch *n, const uint8_t *address)
{
    for (int i = 0; i < NET_LEARNT; i++)
        if (n->learnt[i].known && !memcmp(n->learnt[i].address, address, NET_ADDRESS)) return i;
    return -1;
}

static void learn(struct net_switch *n, const uint8_t *address, unsigned port)
{
    if (net_is_group(address)) return;
    int at = find(n, address);
    if (at < 0) {
        at = (int)n->learn_next++;
        n->learn_next %= NET_LEARNT;
    }
    memcpy(n->learnt[at].address, address, NET_ADDRESS);
    n->learnt[at].port = (uint8_t)port;
    n->learnt[at].known = 1;
}

/* ---- ways out */

static void arm(struct net_port *p)
{
    if (p->waiting) timeq_arm(p->queue, &p->timer, p->out[p->first].when);
}

static void take_first(struct net_port *p)
{
    p->net->frame[p->out[p->first].frame].users--;
    p->first = (uint8_t)((p->first + 1) % NET_QUEUE);
    p->waiting--;
}

static void arrived(void *port, uint64_t when)
{
    (void)when;
    struct net_port *p = port;
    uint16_t id = p->out[p->first].frame;
    struct net_frame frame = p->net->frame[id]; /* the station may send at once, and use its place */
    take_first(p);
    arm(p);
    p->received++;
    p->station.receive(p->station.self, frame.data, frame.bytes);
}

static void queue(struct net_switch *n, struct net_port *p, uint16_t id)
{
    struct net_frame *f = &n->frame[id];
    if (!p->station.receive || p->cut) return;
    if (p->waiting == NET_QUEUE) {
        p->dropped++;
        return;
    }
    uint64_t now = p->queue->clock->now + n->latency, start = p->busy > now ? p->busy : now;
    p->busy = start + net_time(p->queue->clock, n->mbit, f->bytes);
    unsigned at = (p->first + p->waiting) % NET_QUEUE;
    p->out[at].frame = id;
    p->out[at].when = p->busy;
    f->users++;
    if (!p->waiting++) arm(p);
}

static int free_frame(const struct net_switch *n)
{
    for (int i = 0; i < NET_FRAMES; i++)
        if (!n->frame[i].users) return i;
    return -1;
}

static void entered(void *self, unsigned from, const uint8_t *frame, unsigned bytes)
{
    struct net_switch *n = self;
    struct net_port *p = &n->port[from];
    if (bytes < NET_HEADER || bytes > NET_MOST || p->cut) return;
    p->sent++;
    if (n->tap.frame) n->tap.frame(n->tap.self, p->queue->clock->now, from, frame, bytes);
    learn(n, frame + NET_ADDRESS, from);
    int id = free_frame(n), known = find(n, frame);
    if (id < 0) {
        p->dropped++;
        return;
    }
    n->frame[id].bytes = (uint16_t)bytes;
    memcpy(n->frame[id].data, frame, bytes);
    if (known >= 0) {
        if (n->learnt[known].port != from) queue(n, &n->port[n->learnt[known].port], (uint16_t)id);
        return;
    }
    for (unsigned to = 0; to < n->ports; to++)
        if (to != from) queue(n, &n->port[to], (uint16_t)id);
}

void net_cut(struct net_switch *n, unsigned port, bool cut)
{
    struct net_port *p = &n->port[port];
    p->cut = cut;
    while (p->waiting) take_first(p);
    timeq_cancel(p->queue, &p->timer);
    for (unsigned i = 0; i < NET_LEARNT; i++)
        if (n->learnt[i].port == port) n->learnt[i].known = 0;
}

void net_init(struct net_switch *n, const struct clock *clock, uint32_t mbit, uint32_t latency_ns)
{
    memset(n, 0, sizeof *n);
    n->mbit = mbit;
    n->latency = (uint32_t)clock_from_ns(clock, latency_ns);
}

struct net_cable net_plug(struct net_switch *n, struct net_station station, struct timeq *queue)
{
    if (n->ports == NET_PORTS) return (struct net_cable){ 0 };
    struct net_port *p = &n->port[n->ports];
    *p = (struct net_port){ .net = n, .station = station, .queue = queue, .timer = { .fire = arrived, .self = p } };
    return (struct net_cable){ entered, n, n->ports++ };
}
