/* See kbc_unit.h. */
#include "sim/io/kbc_unit.h"

enum { ACK = 0xFA, RESEND = 0xFE, ECHO = 0xEE, PASSED = 0xAA };

/* The table in the 8042's ROM. Codes from 85h on pass unchanged. */
static const uint8_t translation[0x85] = {
    0xFF, 0x43, 0x41, 0x3F, 0x3D, 0x3B, 0x3C, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3E, 0x0F, 0x29, 0x59,
    0x65, 0x38, 0x2A, 0x70, 0x1D, 0x10, 0x02, 0x5A, 0x66, 0x71, 0x2C, 0x1F, 0x1E, 0x11, 0x03, 0x5B,
    0x67, 0x2E, 0x2D, 0x20, 0x12, 0x05, 0x04, 0x5C, 0x68, 0x39, 0x2F, 0x21, 0x14, 0x13, 0x06, 0x5D,
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5E, 0x6A, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5F,
    0x6B, 0x33, 0x25, 0x17, 0x18, 0x0B, 0x0A, 0x60, 0x6C, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0C, 0x61,
    0x6D, 0x73, 0x28, 0x74, 0x1A, 0x0D, 0x62, 0x6E, 0x3A, 0x36, 0x1C, 0x1B, 0x75, 0x2B, 0x63, 0x76,
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7A, 0x0E, 0x7B, 0x7C, 0x4F, 0x7D, 0x4B, 0x47, 0x7E, 0x7F, 0x6F,
    0x52, 0x53, 0x50, 0x4C, 0x4D, 0x48, 0x01, 0x45, 0x57, 0x4E, 0x51, 0x4A, 0x37, 0x49, 0x46, 0x54,
    0x80, 0x81, 0x82, 0x41, 0x54,
};

uint8_t kbc_translate(uint8_t set2) { return set2 < sizeof translation ? translation[set2] : set2; }

/* The key's code in set 2; 0 if no key has this code in set 1. F7 (83h) and SysRq (84h) have two rows: theirs is last. */
static uint8_t set2_of(uint8_t set1)
{
    for (unsigned n = sizeof translation; n-- > 1; )
        if (translation[n] == set1) return (uint8_t)n;
    return 0;
}

static void send(struct kbc_unit *u, uint8_t byte)
{
    if (u->count < KBC_QUEUE) u->buf[(u->first + u->count++) % KBC_QUEUE] = byte;
}

uint8_t kbc_unit_take(struct kbc_unit *u)
{
    u->last = u->buf[u->first];
    u->first = (uint8_t)((u->first + 1) % KBC_QUEUE);
    u->count--;
    return u->last;
}

/* A byte from the host interrupts what was being sent. */
static void forget(struct kbc_unit *u) { u->first = u->count = 0; }

void kbc_keyboard_init(struct kbc_unit *u) { *u = (struct kbc_unit){ .enabled = 1, .set = 2, .typematic = 0x2B }; }

static void keyboard_argument(struct kbc_unit *u, uint8_t byte)
{
    uint8_t c = u->expect;
    u->expect = 0;
    if (c == 0xF0 && byte > 2) { /* set 3 is not built in */
        send(u, RESEND);
        return;
    }
    send(u, ACK);
    if (c == 0xED) u->leds = byte & 7;
    if (c == 0xF3) u->typematic = byte & 0x7F;
    if (c == 0xF0 && byte) u->set = byte;
    else if (c == 0xF0) send(u, u->set);
}

static void keyboard_defaults(struct kbc_unit *u, bool enabled)
{
    uint8_t last = u->last;
    kbc_keyboard_init(u);
    u->last = last;
    u->enabled = enabled;
}

void kbc_keyboard_command(struct kbc_unit *u, uint8_t byte)
{
    if (byte == RESEND) {
        send(u, u->last);
        return;
    }
    forget(u);
    if (u->expect && byte < 0xED) {
        keyboard_argument(u, byte);
        return;
    }
    u->expect = 0;
    switch (byte) {
    case ECHO: send(u, ECHO); return;
    case 0xED: case 0xF0: case 0xF3: u->expect = byte; break;
    case 0xF2: send(u, ACK), send(u, 0xAB), send(u, 0x83); return;
    case 0xF4: u->enabled = 1; break;
    case 0xF5: keyboard_defaults(u, false); break;
    case 0xF6: keyboard_defaults(u, true); break;
    case 0xF7: case 0xF8: case 0xF9: case 0xFA: break; /* all keys' types: only set 3 has any */
    case 0xFF:
        keyboard_defaults(u, true);
        send(u, ACK), send(u, PASSED);
        return;
    default: send(u, RESEND); return;
    }
    send(u, ACK);
}

void kbc_keyboard_key(struct kbc_unit *u, uint16_t key, bool down)
{
    uint8_t code = key & 0x7F, prefix = (uint8_t)(key >> 8), set2 = set2_of(code), bytes[3];
    unsigned n = 0;
    if (!u->enabled || !code || !set2) return;
    if (prefix) bytes[n++] = prefix;
    if (u->set == 2 && !down) bytes[n++] = KBC_RELEASE;
    bytes[n++] = u->set == 2 ? set2 : (uint8_t)(code | (down ? 0 : 0x80));
    if (u->count + n >= KBC_QUEUE) { /* one place is kept for the overrun code */
        uint8_t overrun = u->set == 2 ? 0x00 : 0xFF;
        if (!u->count || u->buf[(u->first + u->count - 1u) % KBC_QUEUE] != overrun) send(u, overrun);
        return;
    }
    for (unsigned i = 0; i < n; i++) send(u, bytes[i]);
}

void kbc_mouse_init(struct kbc_unit *u) { *u = (struct kbc_unit){ .resolution = 2, .rate = 100 }; }

static void mouse_status(struct kbc_unit *u)
{
    send(u, (uint8_t)((u->remote ? 0x40 : 0) | (u->enabled ? 0x20 : 0) | (u->scaling ? 0x10 : 0)));
    send(u, u->resolution);
    send(u, u->rate);
}

void kbc_mouse_command(struct kbc_unit *u, uint8_t byte)
{
    if (u->wrap && byte != 0xEC && byte != 0xFF) {
        forget(u);
        send(u, byte);
        return;
    }
    if (byte == RESEND) {
        send(u, u->last);
        return;
    }
    forget(u);
    if (u->expect) {
        if (u->expect == 0xE8) u->resolution = byte & 3;
        else u->rate = byte;
        u->expect = 0;
        send(u, ACK);
        return;
    }
    send(u, ACK);
    switch (byte) {
    case 0xE6: case 0xE7: u->scaling = byte & 1; break;
    case 0xE8: case 0xF3: u->expect = byte; break;
    case 0xE9: mouse_status(u); break;
    case 0xEA: case 0xF0: u->remote = byte == 0xF0; break;
    case 0xEB: send(u, 0x08), send(u, 0), send(u, 0); break; /* nobody moved it, nothing is pressed */
    case 0xEC: case 0xEE: u->wrap = byte == 0xEE; break; /* echoes everything until told not to */
    case 0xF2: send(u, 0x00); break;
    case 0xF4: case 0xF5: u->enabled = byte == 0xF4; break;
    case 0xF6: u->resolution = 2, u->rate = 100, u->scaling = u->remote = u->enabled = 0; break;
    case 0xFF:
        kbc_mouse_init(u);
        send(u, ACK), send(u, PASSED), send(u, 0x00);
        break;
    default:
        forget(u);
        send(u, RESEND);
    }
}
