// The network device's requests and responses, as Xen's front and back ends have them: a ring for each direction. The front end asks
// for frames to be sent out of pages that it has granted, and hands out pages into which frames may be copied.
// Manual: Xen public headers, io/netif.h.
#ifndef MINI_NETIF_H
#define MINI_NETIF_H

#include <stdint.h>

enum { NETIF_OKAY = 0, NETIF_ERROR = -1 }; // of a response; that of a received frame is its size

struct netif_tx_request {
    uint32_t ref;
    uint16_t offset, flags, id, size; // no flag is offered here: sums that are still to be made, frames of several pieces
};

struct netif_tx_response {
    uint16_t id;
    int16_t status;
};

struct netif_rx_request {
    uint16_t id, unused;
    uint32_t ref;
};

struct netif_rx_response {
    uint16_t id, offset, flags;
    int16_t status;
};

enum { NETIF_TX_WORDS = 3, NETIF_TX_RESPONSE_WORDS = 1, NETIF_RX_WORDS = 2, NETIF_TX_BYTES = 12, NETIF_RX_BYTES = 8 };
_Static_assert(sizeof(struct netif_tx_request) == NETIF_TX_BYTES && sizeof(struct netif_tx_response) == 4, "layout");
_Static_assert(sizeof(struct netif_rx_request) == NETIF_RX_BYTES && sizeof(struct netif_rx_response) == NETIF_RX_BYTES, "layout");

#endif
