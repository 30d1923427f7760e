// The block device's requests and responses, as Xen's front and back ends have them.
// Manual: Xen public headers, io/blkif.h, as the i386 compiler lays it out.
#ifndef MINI_BLKIF_H
#define MINI_BLKIF_H

#include <stdint.h>

enum { BLKIF_READ = 0, BLKIF_WRITE = 1, BLKIF_OKAY = 0, BLKIF_ERROR = -1, BLKIF_UNSUPPORTED = -2, BLKIF_SEGMENTS = 11 };

struct blkif_segment {
    uint32_t ref;
    uint8_t first, last; // sectors of the page
    uint16_t unused;
};

struct blkif_request {
    uint8_t operation, segments;
    uint16_t device;
    uint64_t id; // comes back with the response
    uint64_t sector;
    struct blkif_segment segment[BLKIF_SEGMENTS];
} __attribute__((packed, aligned(4)));

struct blkif_response {
    uint64_t id;
    uint8_t operation, unused;
    int16_t status;
} __attribute__((packed, aligned(4)));

enum { BLKIF_REQUEST_WORDS = sizeof(struct blkif_request) / 4, BLKIF_RESPONSE_WORDS = sizeof(struct blkif_response) / 4 };
_Static_assert(sizeof(struct blkif_request) == 108 && sizeof(struct blkif_response) == 12, "layout");

// Names of a domain's devices, the first, the second and so on: their numbers on Linux (hda, hdb, hdc, hdd).
static const char *const blkif_device[] = { "768", "832", "5632", "5696" };
enum { BLKIF_DEVICES = sizeof blkif_device / sizeof *blkif_device };

// States of a device's either end, in the store.
enum { BUS_INITIALISING = 1, BUS_WAITING = 2, BUS_INITIALISED = 3, BUS_CONNECTED = 4, BUS_CLOSING = 5, BUS_CLOSED = 6 };

#endif
