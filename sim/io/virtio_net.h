/* A network card as a virtio device: a queue of buffers to receive into, and one of frames to send.
 *
 * Idea: before each frame lies a header of ten bytes, for work that driver and device leave to each other; here it is all zeros, since nothing of
 * that is offered. What is sent takes the time the cable would, so a queue that is emptied faster than frames can leave is never seen; what
 * arrives while no buffer waits is lost and counted.
 *
 * Virtio PCI Card Specification 0.9.5, appendix C. Features: MAC, STATUS (is the link up). Not modelled: the control queue, merged buffers, offloads
 * (checksums, segmentation). */
#ifndef IO_VIRTIO_NET_H
#define IO_VIRTIO_NET_H

#include "sim/core/clock.h"
#include "sim/io/net.h"
#include "sim/io/virtio.h"
#include "sim/trace/trace.h"

enum { VIRTIO_NET_RX = 0, VIRTIO_NET_TX = 1, VIRTIO_NET_HEAD = 10, VIRTIO_NET_LINK_UP = 1 };
enum { VIRTIO_NET_F_MAC = 1 << 5, VIRTIO_NET_F_STATUS = 1 << 16 };

struct virtio_net {
    struct virtio    virtio;
    struct timeq    *q;
    struct timer     timer;   /* the frame has left */
    struct net_cable cable;
    struct trace    *trace;   /* told about frames; NULL: silent */
    bool     is_virtual;
    bool     active;          /* a frame is on the wire: */
    uint16_t bytes, head;     /* its length; its request */
    struct virtio_chain chain;
    uint8_t  address[NET_ADDRESS]; /* as built */
    uint8_t  frame[NET_MOST];
    uint64_t frames_out, frames_in, missed;
};

void virtio_net_init(struct virtio_net *n, struct bus *bus, struct timeq *q, const struct virtio_wiring *w, const uint8_t *address);
/* The end of its cable; no link is seen until virtio_net_plug. */
struct net_station virtio_net_station(struct virtio_net *n);
void virtio_net_plug(struct virtio_net *n, struct net_cable cable);

#endif
