/* See vga.h. */
#include "sim/io/vga.h"

#include <string.h>
#include "sim/io/bytewise.h"

/* Offsets of the windows in the device. The CRTC answers at 3Bx or 3Dx, as the miscellaneous output register says. */
enum { OFF_3C0 = 0x00, OFF_MONO = 0x10, OFF_COLOUR = 0x20, OFF_CRTC = 4, OFF_STATUS = 0xA };
enum { MISC_COLOUR = 0x01, MISC_SENSE = 0x10, ATTRIBUTE_PAS = 0x20, STATUS_BLANK = 0x01, STATUS_RETRACE = 0x08 };
enum { DOT_HZ = 28322000, DOTS = 900, DOTS_SHOWN = 720, LINES = 449, LINES_SHOWN = 400, RETRACE = 412, RETRACE_END = 414 };
enum { CR_COLUMNS = 0x01, CR_OVERFLOW = 0x07, CR_CELL = 0x09, CR_CURSOR = 0x0A, CR_START = 0x0C, CR_CURSOR_AT = 0x0E,
       CR_RETRACE_END = 0x11, CR_SHOWN_END = 0x12, CR_PITCH = 0x13, CURSOR_OFF = 0x20, CR_PROTECT = 0x80 };

/* Mode 3 (80x25, 9x16 cells), from the BIOS's video parameter table. */
static const uint8_t mode3_seq[VGA_SEQ] = { 0x03, 0x00, 0x03, 0x00, 0x02 };
static const uint8_t mode3_crtc[VGA_CRTC] = { 0x5F, 0x4F, 0x50, 0x82, 0x55, 0x81, 0xBF, 0x1F, 0x00, 0x4F, 0x0D, 0x0E, 0x00,
                                              0x00, 0x00, 0x00, 0x9C, 0x8E, 0x8F, 0x28, 0x1F, 0x96, 0xB9, 0xA3, 0xFF };
static const uint8_t mode3_graphics[VGA_GRAPHICS] = { 0, 0, 0, 0, 0, 0x10, 0x0E, 0x00, 0xFF };
static const uint8_t mode3_attribute[VGA_ATTRIBUTE] = { 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3A,
                                                        0x3B, 0x3C, 0x3D, 0x3E, 0x3F, 0x0C, 0x00, 0x0F, 0x08, 0x00 };
enum { MODE3_MISC = 0x67 };

/* Bits that exist. */
static const uint8_t seq_mask[VGA_SEQ] = { 0x03, 0x3D, 0x0F, 0x3F, 0x0E };
static const uint8_t graphics_mask[VGA_GRAPHICS] = { 0x0F, 0x0F, 0x0F, 0x1F, 0x03, 0x7B, 0x0F, 0x0F, 0xFF };
static const uint8_t attribute_mask[VGA_ATTRIBUTE] = { 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F,
                                                       0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0xEF, 0xFF, 0x3F, 0x0F, 0x0F };

/* Code page 437. The glyphs of codes below 20h and of 7Fh are those the character generator holds;
 * 00h, 20h and FFh are blank. */
static const uint16_t cp437[256] = {
    0x0020, 0x263A, 0x263B, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022, 0x25D8, 0x25CB, 0x25D9, 0x2642, 0x2640, 0x266A, 0x266B,
    0x263C, 0x25BA, 0x25C4, 0x2195, 0x203C, 0x00B6, 0x00A7, 0x25AC, 0x21A8, 0x2191, 0x2193, 0x2192, 0x2190, 0x221F, 0x2194,
    0x25B2, 0x25BC, 0x0020, 0x0021, 0x0022, 0x0023, 0x0024, 0x0025, 0x0026, 0x0027, 0x0028, 0x0029, 0x002A, 0x002B, 0x002C,
    0x002D, 0x002E, 0x002F, 0x0030, 0x0031, 0x0032, 0x0033, 0x0034, 0x0035, 0x0036, 0x0037, 0x0038, 0x0039, 0x003A, 0x003B,
    0x003C, 0x003D, 0x003E, 0x003F, 0x0040, 0x0041, 0x0042, 0x0043, 0x0044, 0x0045, 0x0046, 0x0047, 0x0048, 0x0049, 0x004A,
    0x004B, 0x004C, 0x004D, 0x004E, 0x004F, 0x0050, 0x0051, 0x0052, 0x0053, 0x0054, 0x0055, 0x0056, 0x0057, 0x0058, 0x0059,
    0x005A, 0x005B, 0x005C, 0x005D, 0x005E, 0x005F, 0x0060, 0x0061, 0x0062, 0x0063, 0x0064, 0x0065, 0x0066, 0x0067, 0x0068,
    0x0069, 0x006A, 0x006B, 0x006C, 0x006D, 0x006E, 0x006F, 0x0070, 0x0071, 0x0072, 0x0073, 0x0074, 0x0075, 0x0076, 0x0077,
    0x0078, 0x0079, 0x007A, 0x007B, 0x007C, 0x007D, 0x007E, 0x2302,
    0x00C7, 0x00FC, 0x00E9, 0x00E2, 0x00E4, 0x00E0, 0x00E5, 0x00E7, 0x00EA, 0x00EB, 0x00E8, 0x00EF, 0x00EE, 0x00EC, 0x00C4,
    0x00C5, 0x00C9, 0x00E6, 0x00C6, 0x00F4, 0x00F6, 0x00F2, 0x00FB, 0x00F9, 0x00FF, 0x00D6, 0x00DC, 0x00A2, 0x00A3, 0x00A5,
    0x20A7, 0x0192, 0x00E1, 0x00ED, 0x00F3, 0x00FA, 0x00F1, 0x00D1, 0x00AA, 0x00BA, 0x00BF, 0x2310, 0x00AC, 0x00BD, 0x00BC,
    0x00A1, 0x00AB, 0x00BB, 0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557,
    0x255D, 0x255C, 0x255B, 0x2510, 0x2514, 0x2534, 0x252C, 0x251C, 0x2500, 0x253C, 0x255E, 0x255F, 0x255A, 0x2554, 0x2569,
    0x2566, 0x2560, 0x2550, 0x256C, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256B, 0x256A, 0x2518,
    0x250C, 0x2588, 0x2584, 0x258C, 0x2590, 0x2580, 0x03B1, 0x00DF, 0x0393, 0x03C0, 0x03A3, 0x03C3, 0x00B5, 0x03C4, 0x03A6,
    0x0398, 0x03A9, 0x03B4, 0x221E, 0x03C6, 0x03B5, 0x2229, 0x2261, 0x00B1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00F7, 0x2248,
    0x00B0, 0x2219, 0x00B7, 0x221A, 0x207F, 0x00B2, 0x25A0, 0x0020,
};

static uint8_t status1(const struct vga *v)
{
    const struct clock *c = v->clock;
    uint64_t dot = c->now / c->hz * DOT_HZ + c->now % c->hz * DOT_HZ / c->hz;
    unsigned line = (unsigned)(dot / DOTS % LINES);
    bool blank = line >= LINES_SHOWN || dot % DOTS >= DOTS_SHOWN;
    return (uint8_t)((blank ? STATUS_BLANK : 0) | (line >= RETRACE && line < RETRACE_END ? STATUS_RETRACE : 0));
}

/* The offset within the CRTC's window; -1 if it is the other set's, which nobody drives now. */
static int crtc_port(const struct vga *v, uint32_t offset)
{
    uint32_t mine = v->misc & MISC_COLOUR ? OFF_COLOUR : OFF_MONO;
    return offset >= mine && offset < mine + 0x10 ? (int)(offset - mine) : -1;
}

/* CR11 bit 7 locks CR0-CR7, except for the bit of line compare in CR7. */
static void write_crtc(struct vga *v, uint8_t value)
{
    unsigned n = v->crtc_index;
    if (n >= VGA_CRTC) return;
    bool locked = n <= CR_OVERFLOW && (v->crtc[CR_RETRACE_END] & CR_PROTECT);
    if (!locked) v->crtc[n] = value;
    else if (n == CR_OVERFLOW) v->crtc[n] = (uint8_t)((v->crtc[n] & ~0x10) | (value & 0x10));
}

/* 3C0 takes index and data in turn. While the palette is the screen's (bit 5), the CPU cannot change it. */
static void write_attribute(struct vga *v, uint8_t value)
{
    unsigned n = v->attribute_index & 0x1F;
    if (!v->attribute_data) v->attribute_index = value & 0x3F;
    else if (n < 16 ? !(v->attribute_index & ATTRIBUTE_PAS) : n < VGA_ATTRIBUTE) v->attribute[n] = value & attribute_mask[n];
    v->attribute_data = !v->attribute_data;
}

static void write_3cx(struct vga *v, uint32_t port, uint8_t value)
{
    switch (port) {
    case 0x0: write_attribute(v, value); break;
    case 0x2: v->misc = value & 0xEF; break;
    case 0x4: v->seq_index = value & 7; break;
    case 0x5:
        if (v->seq_index < VGA_SEQ) v->seq[v->seq_index] = value & seq_mask[v->seq_index];
        break;
    case 0x6: v->dac_mask = value; break;
    case 0x7: v->dac_read = (uint16_t)(value * 3), v->dac_reading = 1; break;
    case 0x8: v->dac_write = (uint16_t)(value * 3), v->dac_reading = 0; break;
    case 0x9:
        v->dac[v->dac_write] = value & 0x3F;
        v->dac_write = (uint16_t)((v->dac_write + 1) % VGA_DAC);
        break;
    case 0xE: v->graphics_index = value & 0xF; break;
    case 0xF:
        if (v->graphics_index < VGA_GRAPHICS) v->graphics[v->graphics_index] = value & graphics_mask[v->graphics_index];
        break;
    default: break;
    }
}

static void write_byte(struct device *d, uint32_t offset, uint8_t value)
{
    struct vga *v = (struct vga *)d;
    if (offset < OFF_MONO) {
        write_3cx(v, offset, value);
        return;
    }
    switch (crtc_port(v, offset)) {
    case OFF_CRTC: v->crtc_index = value & 0x1F; break;
    case OFF_CRTC + 1: write_crtc(v, value); break;
    case OFF_STATUS: v->feature = value & 0x08; break;
    default: break;
    }
}

static uint8_t peek_3cx(const struct vga *v, uint32_t port)
{
    unsigned a = v->attribute_index & 0x1F;
    switch (port) {
    case 0x0: return v->attribute_index;
    case 0x1: return a < VGA_ATTRIBUTE ? v->attribute[a] : 0;
    case 0x2: return MISC_SENSE; /* a monitor is there; no retrace interrupt is waiting */
    case 0x4: return v->seq_index;
    case 0x5: return v->seq_index < VGA_SEQ ? v->seq[v->seq_index] : 0;
    case 0x6: return v->dac_mask;
    case 0x7: return v->dac_reading ? 3 : 0;
    case 0x8: return (uint8_t)(v->dac_write / 3);
    case 0x9: return v->dac[v->dac_read];
    case 0xA: return v->feature;
    case 0xC: return v->misc;
    case 0xE: return v->graphics_index;
    case 0xF: return v->graphics_index < VGA_GRAPHICS ? v->graphics[v->graphics_index] : 0;
    default: return 0xFF;
    }
}

static uint8_t peek_byte(const struct device *d, uint32_t offset)
{
    const struct vga *v = (const struct vga *)d;
    if (offset < OFF_MONO) return peek_3cx(v, offset);
    switch (crtc_port(v, offset)) {
    case OFF_CRTC: return v->crtc_index;
    case OFF_CRTC + 1: return v->crtc_index < VGA_CRTC ? v->crtc[v->crtc_index] : 0;
    case OFF_STATUS: return status1(v);
    default: return 0xFF;
    }
}

static uint8_t read_byte(struct device *d, uint32_t offset)
{
    struct vga *v = (struct vga *)d;
    uint8_t value = peek_byte(d, offset);
    if (offset == 0x9) v->dac_read = (uint16_t)((v->dac_read + 1) % VGA_DAC);
    if (offset >= OFF_MONO && crtc_port(v, offset) == OFF_STATUS) v->attribute_data = 0;
    return value;
}

static uint32_t vga_read(struct device *d, uint32_t offset, unsigned size)
{
    return bytewise_read(d, offset, size, read_byte);
}

static void vga_write(struct device *d, uint32_t offset, unsigned size, uint32_t value)
{
    bytewise_write(d, offset, size, value, write_byte);
}

static uint32_t vga_peek(const struct device *d, uint32_t offset, unsigned size)
{
    return bytewise_peek(d, offset, size, peek_byte);
}

static void vga_reset(struct device *d)
{
    struct vga *v = (struct vga *)d;
    *v = (struct vga){ .device = v->device, .clock = v->clock, .misc = MODE3_MISC, .attribute_index = ATTRIBUTE_PAS,
                       .dac_mask = 0xFF };
    memcpy(v->seq, mode3_seq, sizeof mode3_seq);
    memcpy(v->crtc, mode3_crtc, sizeof mode3_crtc);
    memcpy(v->graphics, mode3_graphics, sizeof mode3_graphics);
    memcpy(v->attribute, mode3_attribute, sizeof mode3_attribute);
}

void vga_screen(const struct vga *v, struct vga_screen *s)
{
    static const struct { uint32_t base, cells; } map[4] = {
        { 0xA0000, 0x10000 }, { 0xA0000, 0x8000 }, { 0xB0000, 0x4000 }, { 0xB8000, 0x4000 } };
    unsigned m = v->graphics[6] >> 2 & 3;
    const uint8_t *r = v->crtc;
    unsigned lines = r[CR_SHOWN_END] + (r[CR_OVERFLOW] & 0x02 ? 0x100u : 0) + (r[CR_OVERFLOW] & 0x40 ? 0x200u : 0) + 1;
    unsigned per_row = ((r[CR_CELL] & 0x1Fu) + 1) << (r[CR_CELL] >> 7); /* bit 7: every line is shown twice */
    *s = (struct vga_screen){ .graphics = v->graphics[6] & 1, .base = map[m].base, .cells = map[m].cells,
                              .columns = r[CR_COLUMNS] + 1u, .rows = lines / per_row, .pitch = r[CR_PITCH] * 2u,
                              .start = (uint16_t)(r[CR_START] << 8 | r[CR_START + 1]),
                              .cursor = (uint16_t)(r[CR_CURSOR_AT] << 8 | r[CR_CURSOR_AT + 1]),
                              .cursor_on = !(r[CR_CURSOR] & CURSOR_OFF) };
}

static void add_utf8(struct text *out, unsigned c)
{
    if (c < 0x80) {
        text_char(out, (char)c);
        return;
    }
    char b[3] = { (char)(0xE0 | c >> 12), (char)(0x80 | (c >> 6 & 0x3F)), (char)(0x80 | (c & 0x3F)) };
    if (c < 0x800) b[1] = (char)(0xC0 | c >> 6);
    text_bytes(out, c < 0x800 ? b + 1 : b, c < 0x800 ? 2 : 3);
}

bool vga_text(const struct vga *v, const struct bus *b, struct text *out)
{
    struct vga_screen s;
    vga_screen(v, &s);
    if (s.graphics) return false;
    for (unsigned y = 0; y < s.rows; y++) {
        unsigned blanks = 0;
        for (unsigned x = 0; x < s.columns; x++) {
            uint8_t code = 0;
            uint32_t cell = (s.start + y * s.pitch + x) & (s.cells - 1);
            bus_peek(b, hpa(s.base + cell * 2), &code, 1);
            if (cp437[code] == ' ') {
                blanks++;
                continue;
            }
            for (; blanks; blanks--) text_char(out, ' ');
            add_utf8(out, cp437[code]);
        }
        text_char(out, '\n');
    }
    return true;
}

#define ROW(name, field, bits, about) { name, offsetof(struct vga, field), 1, bits, about }
static const struct reg_desc regs[] = {
    ROW("misc", misc, 8, "miscellaneous output; bit 0: registers at 3Dx"),
    ROW("crtc.index", crtc_index, 5, "CRTC register selected"),
    ROW("start.hi", crtc[CR_START], 8, "first cell on the screen, high byte"),
    ROW("start.lo", crtc[CR_START + 1], 8, "low byte"),
    ROW("cursor.hi", crtc[CR_CURSOR_AT], 8, "cell of the cursor, high byte"),
    ROW("cursor.lo", crtc[CR_CURSOR_AT + 1], 8, "low byte"),
    ROW("cursor.top", crtc[CR_CURSOR], 6, "first line of the cursor; bit 5: off"),
    ROW("cursor.end", crtc[CR_CURSOR + 1], 7, "last line of the cursor"),
    { 0 },
};

static const struct device_ops ops = {
    .name = "vga", .regs = regs, .reset = vga_reset, .read = vga_read, .write = vga_write, .peek = vga_peek,
};

void vga_init(struct vga *v, const struct clock *clock)
{
    *v = (struct vga){ .device = { &ops }, .clock = clock };
    vga_reset(&v->device);
}

bool vga_attach(struct vga *v, struct bus *b, struct err *e)
{
    return bus_attach(b, BUS_PORT, 0x3C0, 16, OFF_3C0, &v->device, e) &&
           bus_attach(b, BUS_PORT, 0x3B4, 2, OFF_MONO + OFF_CRTC, &v->device, e) &&
           bus_attach(b, BUS_PORT, 0x3BA, 1, OFF_MONO + OFF_STATUS, &v->device, e) &&
           bus_attach(b, BUS_PORT, 0x3D4, 2, OFF_COLOUR + OFF_CRTC, &v->device, e) &&
           bus_attach(b, BUS_PORT, 0x3DA, 1, OFF_COLOUR + OFF_STATUS, &v->device, e);
}
