/* The 93C46 beside the card: 64 words, a start bit, two bits of instruction and six of address.
 *
 * Microchip 93C46 data sheet, table 2-1. Words as the RTL8139 reads them at power-on (data sheet 6). A write takes no time: the
 * ready signal is there at once. */
#include <string.h>

#include "sim/io/nic.h"

enum { START = 0x100, OP_SHIFT = 6, OP_EXTENDED = 0, OP_WRITE = 1, OP_READ = 2, OP_ERASE = 3, COMMAND_BITS = 9, WORD_BITS = 16 };
enum { EXT_DISABLE = 0, EXT_WRITE_ALL = 1, EXT_ERASE_ALL = 2, EXT_ENABLE = 3 };

void nic_eeprom_init(struct nic_eeprom *e, const uint8_t *address)
{
    static const uint16_t first[7] = { 0x8129, 0x10EC, 0x8139, 0x10EC, 0x8139, 0x4020, 0xE512 };
    *e = (struct nic_eeprom){ .data = true };
    memcpy(e->word, first, sizeof first);
    for (unsigned i = 0; i < NET_ADDRESS / 2; i++) e->word[7 + i] = (uint16_t)(address[2 * i] | address[2 * i + 1] << 8);
}

static void fill(struct nic_eeprom *e, uint16_t value)
{
    if (!e->writable) return;
    for (unsigned i = 0; i < NIC_EEPROM_WORDS; i++) e->word[i] = value;
}

/* The nine bits of a command are in. */
static void command(struct nic_eeprom *e)
{
    unsigned at = e->in & (NIC_EEPROM_WORDS - 1), op = e->in >> OP_SHIFT & 3;
    if (op == OP_READ) {
        e->out = e->word[at];
        e->left = WORD_BITS;
        e->data = false; /* a zero comes before the word */
    } else if (op == OP_ERASE) {
        if (e->writable) e->word[at] = 0xFFFF;
    } else if (op == OP_EXTENDED) {
        unsigned what = at >> 4;
        if (what == EXT_ENABLE || what == EXT_DISABLE) e->writable = what == EXT_ENABLE;
        if (what == EXT_ERASE_ALL) fill(e, 0xFFFF);
    }
}

static void write_word(struct nic_eeprom *e)
{
    unsigned head = e->in >> WORD_BITS, at = head & (NIC_EEPROM_WORDS - 1), op = head >> OP_SHIFT & 3;
    uint16_t value = (uint16_t)e->in;
    if (op == OP_WRITE && e->writable) e->word[at] = value;
    if (op == OP_EXTENDED && at >> 4 == EXT_WRITE_ALL) fill(e, value);
}

static void bit_in(struct nic_eeprom *e, bool bit)
{
    if (e->left) {
        e->data = e->out >> 15;
        e->out = (uint16_t)(e->out << 1);
        e->left--;
        return;
    }
    if (!e->count && !bit) return; /* the start bit is a one */
    if (e->count == COMMAND_BITS + WORD_BITS) return;
    e->in = e->in << 1 | bit;
    e->count++;
    if (e->count == COMMAND_BITS) command(e);
    if (e->count == COMMAND_BITS + WORD_BITS) write_word(e);
}

void nic_eeprom_pins(struct nic_eeprom *e, bool select, bool clock, bool data)
{
    if (!select || !e->select) {
        e->in = e->count = e->left = 0;
        e->data = true;
    }
    bool rises = select && e->select && clock && !e->clock;
    e->select = select;
    e->clock = clock;
    if (rises) bit_in(e, data);
}
