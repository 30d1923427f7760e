/* Packets of GDB's remote serial protocol: taking a byte stream apart, putting answers together.
 *
 * Idea: the reader is a pure state machine over bytes; it owns no file and trusts nothing. What is too long, or has a
 * wrong checksum, is reported as such and never handed on. GDB manual, appendix E.1. Not here: notifications. */
#ifndef SIM_GDB_PACKET_H
#define SIM_GDB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sim/core/text.h"

enum { GDB_PACKET_MOST = 0x8000 }; /* bytes between '$' and '#', escapes undone; announced as PacketSize */

enum gdb_input {
    GDB_NOTHING,   /* more bytes are needed */
    GDB_COMMAND,   /* a packet is complete: reader->body[0..length), NUL-terminated */
    GDB_BREAK,     /* byte 03: stop the guest */
    GDB_NAK,       /* '-': send the last answer again */
    GDB_DAMAGED,   /* wrong checksum */
    GDB_TOO_LONG   /* complete and intact, but too long to be kept */
};
struct gdb_reader {
    uint8_t  state, sum, given;
    bool     escaped, cut;
    size_t   length;
    uint8_t  body[GDB_PACKET_MOST + 1];
};
enum gdb_input gdb_read_byte(struct gdb_reader *r, uint8_t byte);

/* Adds `$payload#checksum`, with what must be escaped escaped. */
void gdb_frame(const void *payload, size_t n, struct text *out);

/* Numbers as the protocol writes them. Each advances *s; false, and *s undefined, if there is no such thing. */
bool gdb_hex(const char **s, uint64_t *value);                     /* digits, high first; more than 64 bits: false */
bool gdb_hex_byte(const char **s, uint8_t *byte);                  /* exactly two digits */
bool gdb_expect(const char **s, char c);
void gdb_add_hex(struct text *out, const void *bytes, size_t n);   /* in memory order */

#endif
