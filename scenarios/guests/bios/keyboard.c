// int 9 and int 16h: the keyboard.
//
// Idea: the controller translates to scan code set 1; int 9 keeps track of the shift keys and puts a word for each other key
// (ASCII below, scan code above) into a ring of 16 words in the data area, whose ends software may move. int 16h takes
// words out and waits for them if need be.
// Manual: IBM PS/2 technical reference, keyboard section (extended key codes); Ralf Brown's Interrupt List, INT 09, INT 16.
// Not here: the keyboard's lamps, the print screen key's service (it calls int 5), key click, typematic rate.
#include "bios/bios.h"

enum { // BDA_SHIFT
    SHIFT_RIGHT = 0x01, SHIFT_LEFT = 0x02, CONTROL = 0x04, ALT = 0x08, SCROLL_LOCK = 0x10, NUM_LOCK = 0x20, CAPS_LOCK = 0x40,
    INSERT = 0x80,
    CONTROL_LEFT = 0x01, ALT_LEFT = 0x02, PAUSED = 0x08,          // BDA_SHIFT2; the locks' keys are bits 4-7 there, too
    E1_SEEN = 0x01, E0_SEEN = 0x02, CONTROL_RIGHT = 0x04, ALT_RIGHT = 0x08, ENHANCED = 0x10, // BDA_KEY_MODE
};

// What a key gives: alone, with shift, with control, with alt. 0: nothing.
struct key { uint16_t plain, shift, control, alt; };
static const struct key keys[] = {
    [0x01] = { 0x011B, 0x011B, 0x011B, 0x0100 },
    [0x02] = { 0x0231, 0x0221, 0, 0x7800 }, { 0x0332, 0x0340, 0x0300, 0x7900 }, { 0x0433, 0x0423, 0, 0x7A00 },
    { 0x0534, 0x0524, 0, 0x7B00 }, { 0x0635, 0x0625, 0, 0x7C00 }, { 0x0736, 0x075E, 0x071E, 0x7D00 },
    { 0x0837, 0x0826, 0, 0x7E00 }, { 0x0938, 0x092A, 0, 0x7F00 }, { 0x0A39, 0x0A28, 0, 0x8000 },
    { 0x0B30, 0x0B29, 0, 0x8100 }, { 0x0C2D, 0x0C5F, 0x0C1F, 0x8200 }, { 0x0D3D, 0x0D2B, 0, 0x8300 },
    { 0x0E08, 0x0E08, 0x0E7F, 0x0E00 }, { 0x0F09, 0x0F00, 0x9400, 0xA500 },
    { 0x1071, 0x1051, 0x1011, 0x1000 }, { 0x1177, 0x1157, 0x1117, 0x1100 }, { 0x1265, 0x1245, 0x1205, 0x1200 },
    { 0x1372, 0x1352, 0x1312, 0x1300 }, { 0x1474, 0x1454, 0x1414, 0x1400 }, { 0x1579, 0x1559, 0x1519, 0x1500 },
    { 0x1675, 0x1655, 0x1615, 0x1600 }, { 0x1769, 0x1749, 0x1709, 0x1700 }, { 0x186F, 0x184F, 0x180F, 0x1800 },
    { 0x1970, 0x1950, 0x1910, 0x1900 }, { 0x1A5B, 0x1A7B, 0x1A1B, 0x1A00 }, { 0x1B5D, 0x1B7D, 0x1B1D, 0x1B00 },
    { 0x1C0D, 0x1C0D, 0x1C0A, 0x1C00 }, { 0, 0, 0, 0 },
    { 0x1E61, 0x1E41, 0x1E01, 0x1E00 }, { 0x1F73, 0x1F53, 0x1F13, 0x1F00 }, { 0x2064, 0x2044, 0x2004, 0x2000 },
    { 0x2166, 0x2146, 0x2106, 0x2100 }, { 0x2267, 0x2247, 0x2207, 0x2200 }, { 0x2368, 0x2348, 0x2308, 0x2300 },
    { 0x246A, 0x244A, 0x240A, 0x2400 }, { 0x256B, 0x254B, 0x250B, 0x2500 }, { 0x266C, 0x264C, 0x260C, 0x2600 },
    { 0x273B, 0x273A, 0, 0x2700 }, { 0x2827, 0x2822, 0, 0x2800 }, { 0x2960, 0x297E, 0, 0x2900 }, { 0, 0, 0, 0 },
    { 0x2B5C, 0x2B7C, 0x2B1C, 0x2B00 },
    { 0x2C7A, 0x2C5A, 0x2C1A, 0x2C00 }, { 0x2D78, 0x2D58, 0x2D18, 0x2D00 }, { 0x2E63, 0x2E43, 0x2E03, 0x2E00 },
    { 0x2F76, 0x2F56, 0x2F16, 0x2F00 }, { 0x3062, 0x3042, 0x3002, 0x3000 }, { 0x316E, 0x314E, 0x310E, 0x3100 },
    { 0x326D, 0x324D, 0x320D, 0x3200 }, { 0x332C, 0x333C, 0, 0x3300 }, { 0x342E, 0x343E, 0, 0x3400 },
    { 0x352F, 0x353F, 0, 0x3500 }, { 0, 0, 0, 0 },
    [0x37] = { 0x372A, 0x372A, 0x9600, 0x3700 }, { 0, 0, 0, 0 }, { 0x3920, 0x3920, 0x3920, 0x3920 }, { 0, 0, 0, 0 },
    { 0x3B00, 0x5400, 0x5E00, 0x6800 }, { 0x3C00, 0x5500, 0x5F00, 0x6900 }, { 0x3D00, 0x5600, 0x6000, 0x6A00 },
    { 0x3E00, 0x5700, 0x6100, 0x6B00 }, { 0x3F00, 0x5800, 0x6200, 0x6C00 }, { 0x4000, 0x5900, 0x6300, 0x6D00 },
    { 0x4100, 0x5A00, 0x6400, 0x6E00 }, { 0x4200, 0x5B00, 0x6500, 0x6F00 }, { 0x4300, 0x5C00, 0x6600, 0x7000 },
    { 0x4400, 0x5D00, 0x6700, 0x7100 }, { 0, 0, 0, 0 }, { 0, 0, 0, 0 },
    [0x47] = { 0x4700, 0x4737, 0x7700, 0 }, { 0x4800, 0x4838, 0x8D00, 0 }, { 0x4900, 0x4939, 0x8400, 0 },
    { 0x4A2D, 0x4A2D, 0x8E00, 0x4A00 }, { 0x4B00, 0x4B34, 0x7300, 0 }, { 0x4C00, 0x4C35, 0x8F00, 0 },
    { 0x4D00, 0x4D36, 0x7400, 0 }, { 0x4E2B, 0x4E2B, 0x9000, 0x4E00 }, { 0x4F00, 0x4F31, 0x7500, 0 },
    { 0x5000, 0x5032, 0x9100, 0 }, { 0x5100, 0x5133, 0x7600, 0 }, { 0x5200, 0x5230, 0x9200, 0 }, { 0x5300, 0x532E, 0x9300, 0 },
    [0x56] = { 0x565C, 0x567C, 0, 0 }, { 0x8500, 0x8700, 0x8900, 0x8B00 }, { 0x8600, 0x8800, 0x8A00, 0x8C00 },
};
enum { KEYS = sizeof keys / sizeof keys[0] };

// The grey keys (E0 came first): the same codes whatever is held, save for control and alt.
static const struct { uint8_t scan; struct key key; } grey[] = {
    { 0x1C, { 0xE00D, 0xE00D, 0xE00A, 0xA600 } }, { 0x35, { 0xE02F, 0xE02F, 0x9500, 0xA400 } },
    { 0x47, { 0x47E0, 0x47E0, 0x77E0, 0x9700 } }, { 0x48, { 0x48E0, 0x48E0, 0x8DE0, 0x9800 } },
    { 0x49, { 0x49E0, 0x49E0, 0x84E0, 0x9900 } }, { 0x4B, { 0x4BE0, 0x4BE0, 0x73E0, 0x9B00 } },
    { 0x4D, { 0x4DE0, 0x4DE0, 0x74E0, 0x9D00 } }, { 0x4F, { 0x4FE0, 0x4FE0, 0x75E0, 0x9F00 } },
    { 0x50, { 0x50E0, 0x50E0, 0x91E0, 0xA000 } }, { 0x51, { 0x51E0, 0x51E0, 0x76E0, 0xA100 } },
    { 0x52, { 0x52E0, 0x52E0, 0x92E0, 0xA200 } }, { 0x53, { 0x53E0, 0x53E0, 0x93E0, 0xA300 } },
};
enum { GREY = sizeof grey / sizeof grey[0] };

static uint8_t shifts(void) { return low_byte(BDA_SHIFT); }
static void change(uint16_t at, uint8_t bits, bool on)
{
    low_byte_set(at, (uint8_t)(on ? low_byte(at) | bits : low_byte(at) & ~bits));
}

// --- the ring

static uint16_t after(uint16_t at)
{
    at = (uint16_t)(at + 2);
    return at >= low_word(BDA_KEY_END) ? low_word(BDA_KEY_BEGIN) : at;
}

static bool put(uint16_t word)
{
    uint16_t tail = low_word(BDA_KEY_TAIL), next = after(tail);
    if (next == low_word(BDA_KEY_HEAD)) return false; // full
    low_word_set(0x400 + tail, word);
    low_word_set(BDA_KEY_TAIL, next);
    return true;
}

static bool empty(void) { return low_word(BDA_KEY_HEAD) == low_word(BDA_KEY_TAIL); }

// --- int 9

// Keys that are a state. True: `scan` was one of them.
static bool state_key(uint8_t scan, bool down, bool e0)
{
    static const struct { uint8_t scan, held, lock; } locks[] = {
        { 0x3A, CAPS_LOCK, CAPS_LOCK }, { 0x45, NUM_LOCK, NUM_LOCK }, { 0x46, SCROLL_LOCK, SCROLL_LOCK } };
    if (scan == 0x2A || scan == 0x36) {
        if (!e0) change(BDA_SHIFT, scan == 0x2A ? SHIFT_LEFT : SHIFT_RIGHT, down); // with E0: made up by the keyboard
        return true;
    }
    if (scan == 0x1D || scan == 0x38) {
        bool alt = scan == 0x38;
        change(e0 ? BDA_KEY_MODE : BDA_SHIFT2, e0 ? alt ? ALT_RIGHT : CONTROL_RIGHT : alt ? ALT_LEFT : CONTROL_LEFT, down);
        bool held = (low_byte(BDA_SHIFT2) & (alt ? ALT_LEFT : CONTROL_LEFT)) ||
                    (low_byte(BDA_KEY_MODE) & (alt ? ALT_RIGHT : CONTROL_RIGHT));
        change(BDA_SHIFT, alt ? ALT : CONTROL, held);
        if (alt && !held && low_byte(BDA_KEYPAD)) { // a character was typed as a number
            put(low_byte(BDA_KEYPAD));
            low_byte_set(BDA_KEYPAD, 0);
        }
        return true;
    }
    for (unsigned n = 0; n < 3 && !e0; n++) {
        if (scan != locks[n].scan) continue;
        if (scan != 0x3A && shifts() & CONTROL) return false; // pause and break
        if (down && !(low_byte(BDA_SHIFT2) & locks[n].held)) low_byte_set(BDA_SHIFT, shifts() ^ locks[n].lock);
        change(BDA_SHIFT2, locks[n].held, down);
        return true;
    }
    return false;
}

static bool is_letter(uint16_t word) { return (word & 0xFF) >= 'a' && (word & 0xFF) <= 'z'; }

static uint16_t word_of(uint8_t scan, const struct key *k, bool e0)
{
    uint8_t s = shifts();
    if (s & ALT) return k->alt;
    if (s & CONTROL) return k->control;
    bool shift = s & (SHIFT_LEFT | SHIFT_RIGHT);
    if (!e0 && scan >= 0x47 && scan <= 0x53 && s & NUM_LOCK) shift = !shift;
    if (is_letter(k->plain) && s & CAPS_LOCK) shift = !shift;
    return shift ? k->shift : k->plain;
}

// ALT and digits of the keypad: the number is a character.
static bool keypad_number(uint8_t scan)
{
    static const uint8_t digits[] = { 7, 8, 9, 10, 4, 5, 6, 10, 1, 2, 3, 0 };
    if (!(shifts() & ALT) || scan < 0x47 || scan > 0x52 || digits[scan - 0x47] > 9) return false;
    low_byte_set(BDA_KEYPAD, (uint8_t)(low_byte(BDA_KEYPAD) * 10 + digits[scan - 0x47]));
    return true;
}

static void key_down(struct regs *r, uint8_t scan, bool e0)
{
    uint16_t word = 0;
    if ((shifts() & (CONTROL | ALT)) == (CONTROL | ALT) && scan == 0x53) {
        low_word_set(BDA_RESET, 0x1234);
        reset_now();
    }
    if (scan == 0x46 && shifts() & CONTROL) { // break
        low_byte_set(BDA_BREAK, 0x80);
        low_word_set(BDA_KEY_TAIL, low_word(BDA_KEY_BEGIN));
        low_word_set(BDA_KEY_HEAD, low_word(BDA_KEY_BEGIN));
        struct regs none = *r;
        callout(&none, 0x1B);
        put(0);
        return;
    }
    if (!e0 && keypad_number(scan)) return;
    if (scan == 0x52) low_byte_set(BDA_SHIFT, shifts() ^ INSERT);
    for (unsigned n = 0; n < GREY && e0; n++)
        if (grey[n].scan == scan) word = word_of(scan, &grey[n].key, true);
    if (!e0 && scan < KEYS) word = word_of(scan, &keys[scan], false);
    if (word) put(word);
}

static void scan_code(struct regs *r, uint8_t code)
{
    uint8_t seen = low_byte(BDA_KEY_MODE) & (E0_SEEN | E1_SEEN);
    if (code == 0xE0 || code == 0xE1) {
        change(BDA_KEY_MODE, code == 0xE0 ? E0_SEEN : E1_SEEN, true);
        return;
    }
    if (seen & E1_SEEN) { // pause: E1 1D 45 E1 9D C5
        if ((code & 0x7F) == 0x45) change(BDA_KEY_MODE, E1_SEEN, false);
        return;
    }
    change(BDA_KEY_MODE, E0_SEEN, false);
    bool down = !(code & 0x80);
    if (!state_key(code & 0x7F, down, seen) && down) key_down(r, code & 0x7F, seen);
    else if (code == 0xD2) change(BDA_SHIFT2, INSERT, false);
}

void int_09(struct regs *r)
{
    if (inb(0x64) & 1) {
        struct regs intercept = *r;
        intercept.ax.h = 0x4F;
        intercept.ax.l = inb(0x60);
        set_flag(&intercept, CARRY, true);
        callout(&intercept, 0x15);
        if (intercept.flags & CARRY) scan_code(r, intercept.ax.l);
    }
    outb(0x20, 0x20);
}

// --- int 16h

// For the old functions the grey keys look like the others, and keys the first keyboards lacked are not there.
static bool old_form(uint16_t *word)
{
    if (*word >> 8 == 0xE0) *word = (uint16_t)((*word & 0xFF) == 0x2F ? 0x352F : 0x1C00 | (*word & 0xFF));
    else if ((*word & 0xFF) == 0xE0 && *word >> 8) *word &= 0xFF00;
    return *word >> 8 < 0x85;
}

static void take(void) { low_word_set(BDA_KEY_HEAD, after(low_word(BDA_KEY_HEAD))); }
static uint16_t first(void) { return low_word(0x400 + low_word(BDA_KEY_HEAD)); }

static uint16_t read_key(bool enhanced)
{
    for (;;) {
        while (empty()) wait_interrupt();
        uint16_t word = first();
        take();
        if (enhanced || old_form(&word)) return word;
    }
}

static void peek_key(struct regs *r, bool enhanced)
{
    let_interrupts(); // callers that poll with interrupts off would never see a key
    while (!empty()) {
        uint16_t word = first();
        if (enhanced || old_form(&word)) {
            r->ax.x = word;
            set_flag(r, ZERO, false);
            return;
        }
        take();
    }
    set_flag(r, ZERO, true);
}

void int_16(struct regs *r)
{
    switch (r->ax.h) {
    case 0x00: case 0x10: case 0x20: r->ax.x = read_key(r->ax.h != 0); break;
    case 0x01: case 0x11: case 0x21: peek_key(r, r->ax.h != 1); break;
    case 0x02: r->ax.l = shifts(); break;
    case 0x03: break; // typematic rate
    case 0x05: r->ax.l = !put(r->cx.x); break;
    case 0x09: r->ax.l = 0x20; break; // AH = 10h-12h exist
    case 0x12: case 0x22:
        r->ax.l = shifts();
        r->ax.h = (uint8_t)((low_byte(BDA_SHIFT2) & 0x73) | (low_byte(BDA_SHIFT2) & 4) << 5 |
                            (low_byte(BDA_KEY_MODE) & (CONTROL_RIGHT | ALT_RIGHT)));
        break;
    }
}

void keyboard_init(void)
{
    low_word_set(BDA_KEY_BEGIN, BDA_KEYS - 0x400);
    low_word_set(BDA_KEY_TAIL, BDA_KEYS - 0x400);
    low_word_set(BDA_KEY_HEAD, BDA_KEYS - 0x400);
    low_word_set(BDA_KEY_END, BDA_KEYS - 0x400 + 32);
    low_byte_set(BDA_KEY_MODE, ENHANCED);
    while (inb(0x64) & 1) inb(0x60);
    outb(0x64, 0x60); // translation, system flag, IRQ 1; the mouse is off
    outb(0x60, 0x65);
}
