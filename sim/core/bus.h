/* The bus: RAM, memory windows, ports. The board has one; each VM's virtual board has another one.
 *
 * Idea 1: an address goes to a frame, a frame to a host page. The board's bus owns its RAM; a VM's bus has a map from
 * guest frames to frames of the bus below it (`parent`), so both are read by the same code and a dump of the machine
 * shows every byte of the VM.
 * Idea 2: frames carry marks. FRAME_CODE: decoded code may exist, tell the listeners about stores. FRAME_DIRTY: stored
 * to since the last snapshot. FRAME_DOOR: fetching here in ring 0 leaves the machine (the hypervisor's body is C).
 *
 * Ports that nobody claims read all ones. Looking (`peek`) has no effect; reading may. Not modelled: bus contention.
 * TOUR core.4: where an address leads: to RAM, to a device, or nowhere. */
#ifndef CORE_BUS_H
#define CORE_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sim/core/addr.h"
#include "sim/core/arena.h"
#include "sim/core/clock.h"
#include "sim/core/err.h"
#include "sim/core/outcome.h"
#include "sim/core/regs.h"

enum { FRAME_CODE = 1, FRAME_DIRTY = 2, FRAME_DOOR = 4, FRAME_ROM = 8 /* only reported: stores do not show in reads */,
       FRAME_SHARED = 16 /* behind several pages of VMs: no store may reach it (bus_backing) */ };
#define FRAME_NONE UINT32_MAX /* in a frame map: this guest frame has no RAM behind it */

struct device;

/* A device type: complete, const, with a name. Offsets are relative to the window's base. */
struct device_ops {
    const char *name;             /* "pic", "pit", "uart", ... */
    const struct reg_desc *regs;  /* NULL-name terminated; rows read through peek-like accessors, see regs.h */
    void     (*reset)(struct device *d);
    uint32_t (*read) (struct device *d, uint32_t offset, unsigned size);
    void     (*write)(struct device *d, uint32_t offset, unsigned size, uint32_t value);
    uint32_t (*peek) (const struct device *d, uint32_t offset, unsigned size); /* no side effects */
};

/* Embedded first in every device's own struct. */
struct device {
    const struct device_ops *ops;
};

enum bus_space { BUS_MEM, BUS_PORT };
enum { BUS_WINDOWS = 48 };

struct bus_window {
    struct device *device;
    uint32_t base, length, offset; /* the device sees address - base + offset */
    uint8_t  space;                /* enum bus_space */
};

/* A port of one byte that for the time being is nothing but a byte: its device says so, and takes it back when that ends.
 * Whoever reads or writes the byte has done all that the device would have. Only ports whose address ISA cards decode. */
struct bus_latch {
    const uint8_t *read;  /* what IN gives; NULL: the device is to be asked */
    uint8_t       *write; /* where OUT puts its byte; NULL: the device is to be told */
    const uint8_t *held;  /* beside `write`: the device is to be told if one of these bits would change */
};
enum { BUS_LATCHES = 0x400 };

/* Who finds frames for a VM's bus when they are needed: a page without one was never stored to, or lies elsewhere; one on a shared
 * frame must have its own before it is stored to. Without: what the map says is all there is. */
struct bus_backing {
    bool (*own)(void *self, uint32_t page, bool write);          /* the map says where it is from now on; false: nowhere */
    const uint8_t *(*look)(const void *self, uint32_t page);     /* what a page without frame reads as; no effect */
    void *self;
};

/* Told when a store hits a frame marked FRAME_CODE (frame: page-frame number on the owning bus). Lives outside. */
struct bus_listener {
    void (*code_write)(void *self, uint32_t frame, uint32_t offset, unsigned size);
    void *self;
};
enum { BUS_LISTENERS = 8 };

/* What was stored through a bus, with what was there before: lets a hypervisor try an instruction on virtual state,
 * look at its effect and take it back. Stores beyond the log's size are refused (dropped) and counted. */
enum { BUS_LOG = 64 };
struct bus_log {
    uint32_t n, lost;
    struct { hpa_t at; uint32_t old, new; uint8_t size, tag; } w[BUS_LOG];
};

/* Firmware. A ROM chip ends at 4 GB, where the CPU's reset vector is. Below 1 MB, in the pages C0000-FFFFF, ROM and RAM
 * lie at the same addresses, and the north bridge says for each page which of them answers (82441FX data sheet 3.2.18):
 * RAM can be filled with what the ROM holds ("shadow RAM") while reads still come from the ROM. */
enum { SHADOW_BASE = 0xC0000, SHADOW_PAGES = 64 };
enum { SHADOW_READ = 1, SHADOW_WRITE = 2, SHADOW_RAM = SHADOW_READ | SHADOW_WRITE };
struct bus_firmware {
    const uint8_t *chip;              /* NULL: none; content never changes */
    uint32_t       size;              /* bytes, a multiple of a page */
    const uint8_t *low[SHADOW_PAGES]; /* the ROM in each page below 1 MB, or NULL: nobody answers, reads give ones */
    const uint8_t *card;              /* an expansion ROM on a PCI card: seen where the card's base address register says */
    uint32_t       card_size, card_at; /* bytes; 0: nowhere */
    uint8_t        ram[SHADOW_PAGES]; /* SHADOW_READ: RAM is read instead; SHADOW_WRITE: stores reach RAM, else they are lost */
};
/* Tells a north bridge's owner what it decides: pages SHADOW_BASE + 4096 * [first, first + count) have `access` from now on. */
struct shadow_line {
    void (*set)(void *self, unsigned first, unsigned count, unsigned access);
    void *self;
};

/* Told of bytes of RAM that a device reads or writes by itself, past the CPU: caches are. */
struct bus_snoop {
    void (*access)(void *self, uint32_t at, uint32_t n, bool write); /* NULL: nobody */
    void *self;
};

struct bus {
    struct bus *parent;      /* NULL: owns its RAM */
    uint8_t    *ram;         /* parent == NULL: host memory, `frames` pages */
    uint8_t    *marks;       /* parent == NULL: one FRAME_* byte per frame */
    uint32_t   *map;         /* parent != NULL: guest frame -> parent's frame, or FRAME_NONE */
    uint32_t    frames;
    struct clock *clock;
    uint64_t    port_cycles;  /* latency of one port access on the wires, in cycles; 0 on a virtual bus */
    struct bus_snoop snoop;
    struct bus_snoop refer;   /* told of what the CPU's software refers to: bus_refer */
    uint64_t    memory_cycles; /* likewise of an access to a device's window in memory; charged by whoever models caches */
    struct bus_backing backing; /* parent != NULL */
    struct bus_log *log;      /* NULL: stores are not logged */
    uint8_t     log_tag;      /* goes into each entry: two buses over the same memory may share one log */
    struct bus_firmware firmware; /* without any: RAM in all pages */
    uint32_t    windows;
    struct bus_window window[BUS_WINDOWS];
    uint32_t    plain_first, plain_last; /* from the first megabyte on: no window lies between these addresses */
    uint32_t    low_plain, low_bytes; /* no window lies below, nor ROM; and all is RAM, the bus's or the parent's own */
    uint32_t    mapped_first, mapped_bytes; /* likewise from the first megabyte on, if it is the parent's */
    uint32_t    ram_low, ram_first, ram_bytes; /* RAM of this bus's own that neither a window nor a ROM hides, below and from ram_first on: bus_plain */
    struct bus_latch latch[BUS_LATCHES]; /* by port */
    uint8_t     port_owner[65536]; /* 1 + index of the window, 0: nobody */
    uint32_t    listeners;
    struct bus_listener listener[BUS_LISTENERS];
};

/* Makes a bus that owns `ram` (frames * 4096 bytes of host memory; the caller keeps ownership). */
void bus_init(struct bus *b, uint8_t *ram, uint32_t frames, struct clock *clock, struct arena *a);
/* Makes a bus whose frames are mapped onto `parent`; the map starts as all FRAME_NONE. */
void bus_init_child(struct bus *b, struct bus *parent, uint32_t frames, struct arena *a);

/* Fits a ROM chip (`size` bytes, a multiple of a page; the caller keeps ownership) at the top of the address space, and its
 * last 128 KB, or all of a smaller one, below 1 MB and 1 MB below the top. */
void bus_fit_rom(struct bus *b, const uint8_t *chip, uint32_t size);
/* The same, at the top only. */
void bus_fit_high_rom(struct bus *b, const uint8_t *chip, uint32_t size);
/* Fits an expansion ROM: `size` bytes, a multiple of a page, from page SHADOW_BASE + 4096 * first on. */
void bus_fit_option_rom(struct bus *b, unsigned first, const uint8_t *bytes, uint32_t size);
/* Puts a PCI card's ROM at `at` (0: nowhere). True if that changed anything, as for bus_shadow. */
bool bus_move_card(struct bus *b, uint32_t at);
/* Decides for `count` pages from SHADOW_BASE + 4096 * first whether RAM is read and written. True if that changed anything:
 * then whoever keeps translations or decoded code of these pages must forget them. */
bool bus_shadow(struct bus *b, unsigned first, unsigned count, unsigned access);

/* Claims [base, base+length) of a space for `d`. EXIT_BUG error if it overlaps another window. */
bool bus_attach(struct bus *b, enum bus_space space, uint32_t base, uint32_t length, uint32_t offset,
                struct device *d, struct err *e);
/* Moves the device's one memory window; length 0 takes it away. Of windows over the same address the one attached first answers. */
void bus_place(struct bus *b, struct device *d, uint32_t base, uint32_t length);
/* Moves the window of `length` ports that shows `d` from `offset` on to `base`, and makes it if there is none yet; base 0:
 * nowhere. Ports that somebody else owns stay his. False: no room, or `base` is too high; nothing has changed. */
bool bus_move_ports(struct bus *b, struct device *d, uint32_t offset, uint32_t base, uint32_t length);
/* `d` answers at these ports from now on, whoever did before; it sees the ports' own numbers. */
void bus_take_ports(struct bus *b, struct device *d, uint32_t first, uint32_t count);
/* The owner of a port says what it shows from now on. */
static inline void bus_show(struct bus *b, uint16_t port, struct bus_latch l)
{
    if (b && port < BUS_LATCHES) b->latch[port] = l;
}
extern const uint8_t bus_nothing_held; /* 0 */
/* The byte that IN from a port gives, or where OUT of `value` puts it; NULL: ask the device. */
static inline const uint8_t *bus_latch_in(const struct bus *b, uint32_t port)
{
    return port < BUS_LATCHES ? b->latch[port].read : NULL;
}
static inline uint8_t *bus_latch_out(const struct bus *b, uint32_t port, uint8_t value)
{
    const struct bus_latch *l = &b->latch[port & (BUS_LATCHES - 1)];
    return port < BUS_LATCHES && l->write && !((*l->write ^ value) & *l->held) ? l->write : NULL;
}
void bus_listen(struct bus *b, struct bus_listener l); /* on the owning bus (parents are followed) */

/* The frame of the bus that owns the RAM, and that bus; NULL if there is no RAM at this address, or not for both reading and
 * writing. */
struct bus *bus_owner(struct bus *b, hpa_t at, uint32_t *frame);
/* Sees to it that a VM's page has a frame, and with `write` one of its own. False: it cannot have one, or there is no such page. */
bool bus_own(struct bus *b, hpa_t at, bool write);

/* Does the page of `at` lie where all that is to be known is `ram` and `marks`, which is the case for nearly all RAM but that
 * behind the video card's memory, below the first megabyte? */
static inline bool bus_plain(const struct bus *b, hpa_t at) { return at.v - b->ram_first < b->ram_bytes || at.v < b->ram_low; }

/* Host page that is read at an address, or NULL if it is neither RAM nor ROM. Never has effects. Writing to it needs more:
 * a page whose marks say FRAME_ROM is not written to that way. */
uint8_t *bus_page(const struct bus *b, hpa_t at);
uint8_t  bus_marks(const struct bus *b, hpa_t at);           /* 0 if not RAM */
void     bus_mark(struct bus *b, hpa_t at, uint8_t set);     /* sets marks */
void     bus_unmark(struct bus *b, hpa_t at, uint8_t clear);
/* Does a memory window of this bus cover any byte of the page that holds `at`? Then RAM beneath must not be used directly. */
bool     bus_windowed(const struct bus *b, hpa_t at);

/* Memory accesses of 1, 2 or 4 bytes that do not cross a page. Addresses without RAM or window read all ones. */
uint32_t bus_read(struct bus *b, hpa_t at, unsigned size);
void     bus_write(struct bus *b, hpa_t at, unsigned size, uint32_t value);
bool     bus_peek(const struct bus *b, hpa_t at, void *to, size_t n);        /* false if any byte is not RAM */
bool     bus_poke(struct bus *b, hpa_t at, const void *from, size_t n);      /* loaders, DMA: marks and listeners as for stores */

/* A hypervisor's body, which is C, refers to memory as its instructions would: caches are asked, and time passes. Within a page. */
void bus_refer(struct bus *b, hpa_t at, unsigned n, bool write);

void bus_log_undo(struct bus *b); /* takes back every logged store, newest first, and empties the log */

/* Port accesses of 1, 2 or 4 bytes; each charges port_cycles to the current cause. A wide access to byte-wide
 * neighbours is split as the ISA bus does. */
uint32_t bus_in(struct bus *b, uint16_t port, unsigned size);
void     bus_out(struct bus *b, uint16_t port, unsigned size, uint32_t value);

/* The same for bytes, which are most of them, when port_cycles have passed already. */
static inline uint8_t bus_in_byte(struct bus *b, uint16_t port)
{
    unsigned owner = b->port_owner[port];
    if (!owner) return 0xFF;
    const struct bus_window *w = &b->window[owner - 1];
    return (uint8_t)w->device->ops->read(w->device, port - w->base + w->offset, 1);
}
static inline void bus_out_byte(struct bus *b, uint16_t port, uint8_t value)
{
    unsigned owner = b->port_owner[port];
    if (!owner) return;
    const struct bus_window *w = &b->window[owner - 1];
    w->device->ops->write(w->device, port - w->base + w->offset, 1, value);
}

#endif
