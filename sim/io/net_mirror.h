/* A station that sends every frame back to whoever sent it: somebody to talk to for a lone network card.
 *
 * Idea: source and destination change places, so the switch learns that all addresses asked for are here. A frame to everybody comes
 * from the mirror's own address, for no station may send from a group. */
#ifndef IO_NET_MIRROR_H
#define IO_NET_MIRROR_H

#include "sim/io/net.h"

struct net_mirror {
    struct net_cable cable;
    uint64_t frames;
};

/* Plugs it into a free port of the switch. */
void net_mirror_init(struct net_mirror *m, struct net_switch *n, struct timeq *queue);

#endif
