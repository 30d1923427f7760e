// The store's ring and messages: bytes each way in one page, with a counter for whoever writes and one for whoever reads.
// Manual: Xen public headers, io/xs_wire.h.
#ifndef MINI_STORE_H
#define MINI_STORE_H

#include <stdint.h>

enum { STORE_RING = 1024, STORE_PAYLOAD = 256 /* of ours: at most */ };
enum { STORE_DIRECTORY = 1, STORE_READ, STORE_WATCH = 4, STORE_UNWATCH, STORE_BEGIN /* a transaction */, STORE_COMMIT, STORE_DOMAIN_PATH = 10, STORE_WRITE,
       STORE_MAKE, STORE_REMOVE, STORE_WATCH_EVENT = 15, STORE_ERROR };

struct store_ring {
    char request[STORE_RING], response[STORE_RING];
    volatile uint32_t request_read, request_written, response_read, response_written;
};

struct store_message {
    uint32_t type, id, transaction, size;
};

// Takes a whole message, if there is one; -1: what is there is none, or too long. Its payload gets a 0 behind it.
int store_take(const char *ring, volatile uint32_t *read, const volatile uint32_t *written, struct store_message *m, char *payload);
// False: there is no room now.
bool store_put(char *ring, const volatile uint32_t *read, volatile uint32_t *written, const struct store_message *m, const char *payload);

#endif
