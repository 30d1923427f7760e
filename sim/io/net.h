/* Ethernet as network cards see it: a plug, and the switch at the other end of the cable.
 *
 * Idea 1: a frame is bytes from destination address to the end of data; preamble, check sequence and gap are time, not bytes.
 * Idea 2: a store-and-forward switch that learns. Each way out has a queue; a frame leaves it when the one before has left and
 * its own bits have passed at the link's speed. So order is kept on every cable and nothing depends on who asks first.
 *
 * IEEE 802.3 clause 3 (frames, sizes), 4.4.2 (gap); IEEE 802.1D 7.7-7.9 (learning, forwarding). Not modelled: spanning tree, VLANs,
 * flow control, ageing of learnt addresses, collisions (all links are full duplex). */
#ifndef IO_NET_H
#define IO_NET_H

#include "sim/core/arena.h"
#include "sim/core/clock.h"
#include "sim/core/err.h"

enum { NET_ADDRESS = 6, NET_HEADER = 14, NET_LEAST = 60, NET_MOST = 1514, NET_CHECK = 4 /* bytes of the check sequence */ };
enum { NET_PORTS = 66, NET_QUEUE = 32, NET_FRAMES = 128, NET_LEARNT = 128 };

/* Whoever listens at an end of a cable. */
struct net_station {
    void (*receive)(void *self, const uint8_t *frame, unsigned bytes); /* NULL: nobody */
    void *self;
};
/* The way into the other end; `port` is whose end it is. */
struct net_cable {
    void (*send)(void *self, unsigned port, const uint8_t *frame, unsigned bytes); /* NULL: not plugged in */
    void *self;
    unsigned port;
};
/* Told about every frame that enters the switch, at which cycle and port: what a recorder wants. Looking changes nothing. */
struct net_tap {
    void (*frame)(void *self, uint64_t cycle, unsigned port, const uint8_t *frame, unsigned bytes);
    void *self;
};

struct net_frame {
    uint16_t bytes;
    uint16_t users; /* ways out it still waits at; 0: free */
    uint8_t  data[NET_MOST];
};

struct net_switch;
struct net_port {
    struct net_switch *net;
    struct net_station station;
    struct timeq      *queue;   /* of the station's clock */
    struct timer       timer;   /* the first frame has arrived at the station */
    uint64_t           busy;    /* cycle at which the cable is free */
    bool               cut;     /* nothing passes, in either direction */
    uint8_t            first, waiting;
    struct { uint16_t frame; uint64_t when; } out[NET_QUEUE];
    uint64_t           sent, received, dropped; /* frames from the station, to it, and lost before it: its queue or the pool was full */
};

struct net_switch {
    uint32_t       mbit;    /* of every link */
    uint32_t       latency; /* in cycles, from the last bit in to the first bit out */
    unsigned       ports;
    struct net_tap tap;
    struct { uint8_t address[NET_ADDRESS]; uint8_t port, known; } learnt[NET_LEARNT];
    unsigned       learn_next;
    struct net_port port[NET_PORTS];
    struct net_frame frame[NET_FRAMES];
};

/* `mbit`: speed of the links in Mbit/s; `latency_ns`: inside the switch. */
void net_init(struct net_switch *n, const struct clock *clock, uint32_t mbit, uint32_t latency_ns);
/* Plugs a station into the next free port; `queue` fires its deliveries. The cable into the switch, or one that leads nowhere if
 * all ports are taken. */
struct net_cable net_plug(struct net_switch *n, struct net_station station, struct timeq *queue);
/* Cuts a cable or mends it; what is on its way to the station is lost. */
void net_cut(struct net_switch *n, unsigned port, bool cut);
/* Cycles that a frame of `bytes` takes on a link: preamble, padding, check sequence and gap included. */
uint64_t net_time(const struct clock *c, uint32_t mbit, unsigned bytes);
static inline bool net_is_group(const uint8_t *address) { return address[0] & 1; }

#endif
