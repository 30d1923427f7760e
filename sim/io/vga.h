/* The VGA's registers, as far as text mode needs them: what is on the screen, where its cursor is, where the beam is.
 *
 * Idea 1: text memory is plain RAM at B8000; this device only says which part of it is the screen. Whoever wants to
 * see the screen reads that RAM through vga_text; nothing is drawn while the guest runs.
 * Idea 2: nothing ticks. The beam's place is exact arithmetic on the cycle counter: a dot clock of 28322 kHz, lines of
 * 900 dots, frames of 449 lines (70.09 Hz), as in mode 3.
 *
 * IBM VGA technical reference (PS/2 hardware interface, 1990), ch. 2-4. Ports 3C0-3CF, 3B4-3B5 or 3D4-3D5, 3BA or 3DA.
 * After power-on the registers hold mode 3, 80x25, as a video BIOS would leave them. Registers without a meaning here
 * (palette, DAC, graphics controller, timings) keep what is written, with their real widths. Not modelled: graphics
 * modes, planes and character generator RAM, the split screen, the vertical retrace interrupt, light pen. */
#ifndef IO_VGA_H
#define IO_VGA_H

#include "sim/core/bus.h"
#include "sim/core/text.h"

enum { VGA_SEQ = 5, VGA_CRTC = 25, VGA_GRAPHICS = 9, VGA_ATTRIBUTE = 21, VGA_DAC = 768 };

struct vga {
    struct device device;
    const struct clock *clock;
    uint8_t  misc;               /* miscellaneous output: bit 0, colour addresses (3Dx rather than 3Bx) */
    uint8_t  feature;
    uint8_t  seq_index, crtc_index, graphics_index;
    uint8_t  attribute_index;    /* bit 5: palette in use by the screen */
    uint8_t  attribute_data;     /* the next write to 3C0 is data, not index; reading status 1 clears it */
    uint8_t  dac_mask, dac_reading;
    uint16_t dac_write, dac_read; /* index * 3 + component, where the next access goes */
    uint8_t  seq[VGA_SEQ], crtc[VGA_CRTC], graphics[VGA_GRAPHICS], attribute[VGA_ATTRIBUTE], dac[VGA_DAC];
};

/* The screen's shape, from the registers. */
struct vga_screen {
    bool     graphics;       /* no text mode: nothing below holds */
    uint32_t base;           /* physical address of text memory */
    uint32_t cells;          /* size of that memory in cells of two bytes; a power of two, addresses wrap in it */
    unsigned columns, rows;  /* what is shown */
    unsigned pitch;          /* cells from one row to the next */
    uint16_t start, cursor;  /* first cell shown; cell of the cursor */
    bool     cursor_on;
};

/* Makes a VGA in mode 3. `clock->hz` must be set. */
void vga_init(struct vga *v, const struct clock *clock);
bool vga_attach(struct vga *v, struct bus *b, struct err *e);
void vga_screen(const struct vga *v, struct vga_screen *s);
/* Appends the screen as UTF-8, one line per row, blanks at line ends left out; the memory is looked at through `b`.
 * False, and nothing appended, if the VGA is in a graphics mode. Memory that is not RAM is blank. */
bool vga_text(const struct vga *v, const struct bus *b, struct text *out);

#endif
