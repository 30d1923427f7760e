/* See gdb_packet.h. */
#include "sim/gdb_packet.h"

#include <string.h>

enum { IDLE, BODY, SUM_HIGH, SUM_LOW };
enum { INTERRUPT = 0x03, ESCAPE = '}', ESCAPE_XOR = 0x20 };

static int digit(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void begin(struct gdb_reader *r)
{
    r->state = BODY;
    r->sum = 0;
    r->length = 0;
    r->escaped = r->cut = false;
}

static void keep(struct gdb_reader *r, uint8_t byte)
{
    if (r->length < GDB_PACKET_MOST) r->body[r->length++] = byte;
    else r->cut = true;
}

static void in_body(struct gdb_reader *r, uint8_t byte)
{
    if (byte == '#') {
        r->state = SUM_HIGH;
        return;
    }
    r->sum = (uint8_t)(r->sum + byte);
    if (r->escaped) {
        r->escaped = false;
        keep(r, byte ^ ESCAPE_XOR);
    } else if (byte == ESCAPE) r->escaped = true;
    else keep(r, byte);
}

static enum gdb_input end(struct gdb_reader *r, int low)
{
    r->state = IDLE;
    r->body[r->length] = 0;
    if (low < 0 || r->given != (r->sum & 0xF0) || low != (r->sum & 0x0F)) return GDB_DAMAGED;
    return r->cut ? GDB_TOO_LONG : GDB_COMMAND;
}

enum gdb_input gdb_read_byte(struct gdb_reader *r, uint8_t byte)
{
    if (byte == '$') { /* '$' is escaped inside a packet, so this begins one, whatever was cut off before */
        begin(r);
        return GDB_NOTHING;
    }
    switch (r->state) {
    case BODY: in_body(r, byte); return GDB_NOTHING;
    case SUM_HIGH: {
        int high = digit(byte);
        r->given = (uint8_t)(high < 0 ? ~r->sum & 0xF0 : high << 4);
        r->state = SUM_LOW;
        return GDB_NOTHING;
    }
    case SUM_LOW: return end(r, digit(byte));
    default: return byte == INTERRUPT ? GDB_BREAK : byte == '-' ? GDB_NAK : GDB_NOTHING;
    }
}

void gdb_frame(const void *payload, size_t n, struct text *out)
{
    const uint8_t *p = payload;
    uint8_t sum = 0;
    text_char(out, '$');
    for (size_t i = 0; i < n; i++) {
        bool escape = p[i] == '$' || p[i] == '#' || p[i] == ESCAPE || p[i] == '*';
        uint8_t bytes[2] = { ESCAPE, (uint8_t)(p[i] ^ ESCAPE_XOR) };
        if (!escape) bytes[0] = p[i];
        text_bytes(out, bytes, escape ? 2 : 1);
        sum = (uint8_t)(sum + bytes[0] + (escape ? bytes[1] : 0));
    }
    text_add(out, "#%02x", sum);
}

bool gdb_hex(const char **s, uint64_t *value)
{
    uint64_t v = 0;
    const char *from = *s;
    for (int d; (d = digit((uint8_t)**s)) >= 0; ++*s) {
        if (v >> 60) return false;
        v = v << 4 | (unsigned)d;
    }
    *value = v;
    return *s != from;
}

bool gdb_hex_byte(const char **s, uint8_t *byte)
{
    int high = digit((uint8_t)(*s)[0]), low = high < 0 ? -1 : digit((uint8_t)(*s)[1]);
    if (low < 0) return false;
    *byte = (uint8_t)(high << 4 | low);
    *s += 2;
    return true;
}

bool gdb_expect(const char **s, char c)
{
    if (**s != c) return false;
    ++*s;
    return true;
}

void gdb_add_hex(struct text *out, const void *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = bytes;
    for (size_t i = 0; i < n; i++) {
        text_char(out, digits[p[i] >> 4]);
        text_char(out, digits[p[i] & 15]);
    }
}
