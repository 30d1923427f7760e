// int 10h: the screen, in text modes.
//
// Idea: what the screen shows lies at B8000 (B0000 in mode 7); the BIOS's part is where the cursor of each of eight pages
// is, kept in the data area. Software that sets a mode gets the VGA's registers programmed from a table.
// Manuals: IBM PS/2 hardware interface (VGA); Ralf Brown's Interrupt List, INT 10.
// Not here: graphics modes (a request changes nothing, so AH=0Fh says so), fonts, VBE.
#include "bios/bios.h"

enum { PAGES = 8, BLANK = 0x20, NORMAL = 0x07 };
enum { CRTC_CURSOR_SHAPE = 0x0A, CRTC_START = 0x0C, CRTC_CURSOR = 0x0E };

// --- modes

struct mode { uint8_t columns, misc, clocking, crt_mode; uint16_t segment, page_bytes; };
static const struct mode modes[] = { // 0 and 1, 2 and 3, 7
    { 40, 0x67, 0x08, 0x28, 0xB800, 0x0800 }, { 80, 0x67, 0x00, 0x29, 0xB800, 0x1000 },
    { 80, 0x66, 0x00, 0x29, 0xB000, 0x1000 },
};
static const uint8_t crtc_40[25] = { 0x2D, 0x27, 0x28, 0x90, 0x2B, 0xA0, 0xBF, 0x1F, 0, 0x4F, 0x0D, 0x0E, 0, 0, 0, 0, 0x9C,
                                     0x8E, 0x8F, 0x14, 0x1F, 0x96, 0xB9, 0xA3, 0xFF };
static const uint8_t crtc_80[25] = { 0x5F, 0x4F, 0x50, 0x82, 0x55, 0x81, 0xBF, 0x1F, 0, 0x4F, 0x0D, 0x0E, 0, 0, 0, 0, 0x9C,
                                     0x8E, 0x8F, 0x28, 0x1F, 0x96, 0xB9, 0xA3, 0xFF };
static const uint8_t palette_color[16] = { 0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3A, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F };
static const uint8_t palette_mono[16] = { 0, 8, 8, 8, 8, 8, 8, 8, 0x10, 0x18, 0x18, 0x18, 0x18, 0x18, 0x18, 0x18 };

static const struct mode *mode_of(uint8_t number) { return &modes[number == 7 ? 2 : number >> 1 & 1]; }
static const struct mode *mode_now(void) { return mode_of(low_byte(BDA_MODE)); }

static void indexed(uint16_t port, uint8_t index, uint8_t value) { outw(port, (uint16_t)(value << 8 | index)); }

static void crtc_word(uint8_t index, uint16_t value)
{
    uint16_t port = low_word(BDA_CRTC);
    indexed(port, index, (uint8_t)(value >> 8));
    indexed(port, (uint8_t)(index + 1), (uint8_t)value);
}

static void attribute(uint8_t index, uint8_t value) // screen off until index 20h is written
{
    outb(0x3C0, index);
    outb(0x3C0, value);
}

static void program_attributes(uint16_t crtc, bool mono)
{
    inb((uint16_t)(crtc + 6));
    for (uint8_t n = 0; n < 16; n++) attribute(n, mono ? palette_mono[n] : palette_color[n]);
    attribute(0x10, mono ? 0x0E : 0x0C);
    attribute(0x11, 0);
    attribute(0x12, 0x0F);
    attribute(0x13, 0x08);
    attribute(0x14, 0);
    outb(0x3C0, 0x20);
}

static void program_registers(const struct mode *m)
{
    static const uint8_t graphics[9] = { 0, 0, 0, 0, 0, 0x10, 0x0E, 0x0F, 0xFF };
    bool mono = m->segment == 0xB000;
    uint16_t crtc = mono ? 0x3B4 : 0x3D4;
    const uint8_t *c = m->columns == 40 ? crtc_40 : crtc_80;
    outb(0x3C2, m->misc);
    indexed(0x3C4, 1, m->clocking);
    indexed(0x3C4, 2, 0x03);
    indexed(0x3C4, 3, 0);
    indexed(0x3C4, 4, 0x02);
    indexed(crtc, 0x11, (uint8_t)(c[0x11] & 0x7F)); // unlocks registers 0-7
    for (uint8_t n = 0; n < 25; n++) indexed(crtc, n, c[n]);
    for (uint8_t n = 0; n < 9; n++) indexed(0x3CE, n, n == 6 && mono ? 0x0A : graphics[n]);
    program_attributes(crtc, mono);
}

// The 64 colours of the EGA, of which the palette picks 16.
static void program_colors(void)
{
    outb(0x3C6, 0xFF);
    outb(0x3C8, 0);
    for (uint8_t n = 0; n < 64; n++)
        for (uint8_t shift = 3; shift--; ) // red is bit 2 (two thirds) and bit 5 (one third)
            outb(0x3C9, (uint8_t)((n >> shift & 1 ? 0x2A : 0) + (n >> (shift + 3) & 1 ? 0x15 : 0)));
}

static void fill(uint16_t at, uint16_t cells, uint16_t cell)
{
    far_fill(mode_now()->segment, at, cell, cells);
}

static void set_mode(uint8_t number)
{
    const struct mode *m = mode_of(number & 0x7F);
    bool mono = m->segment == 0xB000;
    program_registers(m);
    program_colors();
    low_byte_set(BDA_MODE, number & 0x7F);
    low_word_set(BDA_COLUMNS, m->columns);
    low_word_set(BDA_PAGE_SIZE, m->page_bytes);
    low_word_set(BDA_PAGE_START, 0);
    for (uint8_t n = 0; n < PAGES; n++) low_word_set(BDA_CURSOR + 2 * n, 0);
    low_word_set(BDA_CURSOR_SHAPE, 0x0607);
    low_byte_set(BDA_PAGE, 0);
    low_word_set(BDA_CRTC, mono ? 0x3B4 : 0x3D4);
    low_byte_set(BDA_CRT_MODE, m->crt_mode);
    low_byte_set(BDA_PALETTE, 0x30);
    low_byte_set(BDA_ROWS, 24);
    low_word_set(BDA_CELL_HEIGHT, 16);
    low_byte_set(BDA_VIDEO_CONTROL, (uint8_t)(0x60 | (number & 0x80)));
    low_byte_set(BDA_VIDEO_SWITCHES, 0xF9);
    low_byte_set(BDA_VIDEO_FLAGS, 0x51);
    low_byte_set(BDA_VIDEO_DCC, 0x08);
    low_word_set(BDA_EQUIPMENT, (uint16_t)((low_word(BDA_EQUIPMENT) & ~0x30) | (mono ? 0x30 : m->columns == 40 ? 0x10 : 0x20)));
    if (!(number & 0x80)) fill(0, 0x4000, NORMAL << 8 | BLANK);
}

// --- the cursor

static uint8_t columns(void) { return (uint8_t)low_word(BDA_COLUMNS); }
static uint8_t last_row(void) { return low_byte(BDA_ROWS); }
static uint16_t page_begin(uint8_t page) { return (uint16_t)(page * low_word(BDA_PAGE_SIZE)); }

static uint16_t cell_at(uint8_t page, uint8_t row, uint8_t column)
{
    return (uint16_t)(page_begin(page) + (row * columns() + column) * 2);
}

static void cursor_set(uint8_t page, uint8_t row, uint8_t column)
{
    low_word_set(BDA_CURSOR + 2 * (page & 7), (uint16_t)(row << 8 | column));
    if (page == low_byte(BDA_PAGE)) crtc_word(CRTC_CURSOR, cell_at(page, row, column) >> 1);
}

static uint16_t cursor(uint8_t page) { return low_word(BDA_CURSOR + 2 * (page & 7)); }
static uint16_t cursor_cell(uint8_t page) { return cell_at(page, (uint8_t)(cursor(page) >> 8), (uint8_t)cursor(page)); }

// Shapes are given for cells of eight lines; the cells have sixteen.
static void cursor_shape(uint16_t shape)
{
    uint8_t first = shape >> 8 & 0x1F, last = shape & 0x1F, off = shape >> 8 & 0x60;
    low_word_set(BDA_CURSOR_SHAPE, shape);
    if (!(low_byte(BDA_VIDEO_CONTROL) & 1) && first <= last && last < 8 && first < 8) {
        bool line = last - first <= 1 && last >= 6;
        first = (uint8_t)(line ? 13 + first - 6 : first * 2);
        last = (uint8_t)(line ? 14 + last - 7 : last * 2 + 1);
    }
    crtc_word(CRTC_CURSOR_SHAPE, (uint16_t)((first | off) << 8 | last));
}

static void select_page(uint8_t page)
{
    uint16_t begin = page_begin(page & 7);
    low_byte_set(BDA_PAGE, page & 7);
    low_word_set(BDA_PAGE_START, begin);
    crtc_word(CRTC_START, begin >> 1);
    cursor_set(page & 7, (uint8_t)(cursor(page) >> 8), (uint8_t)cursor(page));
}

// --- scrolling

struct box { uint8_t page, top, left, bottom, right, lines, attribute; bool down; };

static void move_row(uint16_t to, uint16_t from, uint8_t cells)
{
    far_move(mode_now()->segment, to, from, cells);
}

static void scroll(struct box b)
{
    if (b.bottom > last_row()) b.bottom = last_row();
    if (b.right >= columns()) b.right = (uint8_t)(columns() - 1);
    if (b.top > b.bottom || b.left > b.right) return;
    uint8_t rows = (uint8_t)(b.bottom - b.top + 1), width = (uint8_t)(b.right - b.left + 1);
    uint8_t lines = !b.lines || b.lines > rows ? rows : b.lines;
    for (uint8_t n = 0; n < rows; n++) {
        uint8_t row = (uint8_t)(b.down ? b.bottom - n : b.top + n);
        uint16_t to = cell_at(b.page, row, b.left);
        if (n < rows - lines) move_row(to, cell_at(b.page, (uint8_t)(b.down ? row - lines : row + lines), b.left), width);
        else fill(to, width, (uint16_t)(b.attribute << 8 | BLANK));
    }
}

// --- writing

static void put_cells(uint8_t page, uint16_t count, uint8_t character, int attribute_or_none)
{
    uint16_t at = cursor_cell(page);
    uint16_t segment = mode_now()->segment;
    for (; count--; at = (uint16_t)(at + 2)) {
        far_byte_set(segment, at, character);
        if (attribute_or_none >= 0) far_byte_set(segment, at + 1, (uint8_t)attribute_or_none);
    }
}

static void teletype(uint8_t page, uint8_t character, int attribute_or_none)
{
    uint8_t row = (uint8_t)(cursor(page) >> 8), column = (uint8_t)cursor(page);
    switch (character) {
    case 0x07: return; // the bell has no clapper
    case 0x08: column -= column != 0; break;
    case 0x0A: row++; break;
    case 0x0D: column = 0; break;
    default:
        put_cells(page, 1, character, attribute_or_none);
        column++;
    }
    if (column == columns()) column = 0, row++;
    if (row > last_row()) {
        row = last_row();
        uint8_t under = far_byte(mode_now()->segment, cell_at(page, row, column) + 1);
        scroll((struct box){ page, 0, 0, row, (uint8_t)(columns() - 1), 1, under, false });
    }
    cursor_set(page, row, column);
}

static uint8_t string_byte(const struct regs *r, uint16_t n)
{
    return far_byte(r->es, r->bp.x + n);
}

static void write_string(const struct regs *r)
{
    uint8_t page = r->bx.h & 7, mode = r->ax.l;
    uint16_t before = cursor(page), step = mode & 2 ? 2 : 1;
    if (mode > 3) return;
    cursor_set(page, r->dx.h, r->dx.l);
    for (uint16_t n = 0; n < r->cx.x; n++)
        teletype(page, string_byte(r, (uint16_t)(n * step)), mode & 2 ? string_byte(r, (uint16_t)(n * 2 + 1)) : r->bx.l);
    if (!(mode & 1)) cursor_set(page, (uint8_t)(before >> 8), (uint8_t)before);
}

// --- colours: AH=10h

static void dac_block(const struct regs *r, bool write)
{
    outb(write ? 0x3C8 : 0x3C7, r->bx.l);
    for (uint16_t n = 0; n < r->cx.x * 3; n++) {
        if (write) outb(0x3C9, far_byte(r->es, r->dx.x + n));
        else far_byte_set(r->es, r->dx.x + n, inb(0x3C9));
    }
}

static void palette_register(uint8_t index, uint8_t value)
{
    inb((uint16_t)(low_word(BDA_CRTC) + 6));
    attribute(index & 0x1F, value);
    outb(0x3C0, 0x20);
}

static uint8_t palette_read(uint8_t index)
{
    inb((uint16_t)(low_word(BDA_CRTC) + 6));
    outb(0x3C0, index & 0x1F);
    uint8_t v = inb(0x3C1);
    inb((uint16_t)(low_word(BDA_CRTC) + 6));
    outb(0x3C0, 0x20);
    return v;
}

static void palette(struct regs *r)
{
    switch (r->ax.l) {
    case 0x00: palette_register(r->bx.l, r->bx.h); break;
    case 0x01: palette_register(0x11, r->bx.h); break;
    case 0x02:
        for (uint8_t n = 0; n < 17; n++) {
            palette_register(n < 16 ? n : 0x11, far_byte(r->es, r->dx.x + n));
        }
        break;
    case 0x03: palette_register(0x10, (uint8_t)((palette_read(0x10) & ~8) | (r->bx.l & 1) << 3)); break;
    case 0x07: r->bx.h = palette_read(r->bx.l); break;
    case 0x08: r->bx.h = palette_read(0x11); break;
    case 0x10:
        outb(0x3C8, r->bx.l);
        outb(0x3C9, r->dx.h);
        outb(0x3C9, r->cx.h);
        outb(0x3C9, r->cx.l);
        break;
    case 0x12: dac_block(r, true); break;
    case 0x15:
        outb(0x3C7, r->bx.l);
        r->dx.h = inb(0x3C9);
        r->cx.h = inb(0x3C9);
        r->cx.l = inb(0x3C9);
        break;
    case 0x17: dac_block(r, false); break;
    case 0x18: outb(0x3C6, r->bx.l); break;
    case 0x19: r->bx.l = inb(0x3C6); break;
    }
}

// --- the service

static void read_cell(struct regs *r)
{
    uint16_t at = cursor_cell(r->bx.h & 7);
    r->ax.x = far_word(mode_now()->segment, at);
}

static void font_information(struct regs *r)
{
    if (r->ax.l != 0x30) return; // there are no fonts to load
    r->es = 0;
    r->bp.x = 0;
    r->cx.x = low_word(BDA_CELL_HEIGHT);
    r->dx.l = low_byte(BDA_ROWS);
}

static void alternate_select(struct regs *r)
{
    if (r->bx.l == 0x10) { // colour, 256 KB
        r->bx.x = (uint16_t)((low_word(BDA_CRTC) == 0x3B4) << 8 | 3);
        r->cx.x = low_byte(BDA_VIDEO_SWITCHES) & 0x0F;
    } else if (r->bx.l >= 0x30 && r->bx.l <= 0x36) {
        r->ax.l = 0x12; // lines, palette loading and so on: accepted
    }
}

static struct box box_of(const struct regs *r)
{
    return (struct box){ low_byte(BDA_PAGE), r->cx.h, r->cx.l, r->dx.h, r->dx.l, r->ax.l, r->bx.h, r->ax.h == 7 };
}

void int_10(struct regs *r)
{
    uint8_t page = r->bx.h & 7, mode = r->ax.l & 0x7F;
    switch (r->ax.h) {
    case 0x00:
        if (mode <= 3 || mode == 7) set_mode(r->ax.l);
        r->ax.l = 0x30;
        break;
    case 0x01: cursor_shape(r->cx.x); break;
    case 0x02: cursor_set(page, r->dx.h, r->dx.l); break;
    case 0x03:
        r->cx.x = low_word(BDA_CURSOR_SHAPE);
        r->dx.x = cursor(page);
        r->ax.x = 0;
        break;
    case 0x05: select_page(r->ax.l); break;
    case 0x06: case 0x07: scroll(box_of(r)); break;
    case 0x08: read_cell(r); break;
    case 0x09: put_cells(page, r->cx.x, r->ax.l, r->bx.l); break;
    case 0x0A: put_cells(page, r->cx.x, r->ax.l, -1); break;
    case 0x0B: break; // border and CGA palettes
    case 0x0E: teletype(low_byte(BDA_PAGE), r->ax.l, -1); break;
    case 0x0F:
        r->ax.x = (uint16_t)(columns() << 8 | low_byte(BDA_MODE) | (low_byte(BDA_VIDEO_CONTROL) & 0x80));
        r->bx.h = low_byte(BDA_PAGE);
        break;
    case 0x10: palette(r); break;
    case 0x11: font_information(r); break;
    case 0x12: alternate_select(r); break;
    case 0x13: write_string(r); break;
    case 0x1A:
        if (r->ax.l == 0) r->bx.x = low_byte(BDA_VIDEO_DCC);
        r->ax.l = 0x1A;
        break;
    }
}

void video_init(void) { set_mode(3); }

void video_say(const char *text)
{
    for (; *text; text++) {
        outb(0xE9, (uint8_t)*text);
        if (*text == '\n') teletype(low_byte(BDA_PAGE), '\r', -1);
        teletype(low_byte(BDA_PAGE), (uint8_t)*text, -1);
    }
}
