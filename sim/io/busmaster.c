/* See busmaster.h. */
#include "sim/io/busmaster.h"

#include <string.h>

/* Does anybody answer at this address: RAM, or a window of a device? */
static bool answers(const struct bus *b, uint32_t at) { return bus_page(b, hpa(at)) || bus_windowed(b, hpa(at)); }

/* Beside RAM there may be a window (VGA, ROM): its device sees the bus's own cycles, each as wide as alignment allows. */
static void through_window(struct bus *b, uint32_t at, uint8_t *data, unsigned n, bool write)
{
    for (unsigned i = 0, step; i < n; i += step) {
        uint32_t v = 0;
        step = (at + i) % 4 == 0 && n - i >= 4 ? 4 : (at + i) % 2 == 0 && n - i >= 2 ? 2 : 1;
        if (write) {
            memcpy(&v, data + i, step);
            bus_write(b, hpa(at + i), step, v);
        } else {
            v = bus_read(b, hpa(at + i), step);
            memcpy(data + i, &v, step);
        }
    }
}

/* One piece, within a page. */
static bool move(struct bus_master *m, uint32_t at, uint8_t *data, unsigned n, bool write)
{
    if (m->map.translate && !m->map.translate(m->map.self, m->source, at, write, &at)) return false;
    if (!answers(m->bus, at)) {
        irq_set(&m->abort, true);
        return false;
    }
    if (bus_windowed(m->bus, hpa(at))) through_window(m->bus, at, data, n, write);
    else if (write) bus_poke(m->bus, hpa(at), data, n);
    else bus_peek(m->bus, hpa(at), data, n);
    if (m->bus->snoop.access) m->bus->snoop.access(m->bus->snoop.self, at, n, write);
    if (write && m->watch.wrote) m->watch.wrote(m->watch.self, at, n);
    return true;
}

static bool move_all(struct bus_master *m, uint32_t at, uint8_t *data, unsigned n, bool write)
{
    if (!m->enabled) return false;
    for (unsigned done = 0, step; done < n; done += step, at += step) {
        step = PAGE_SIZE - (at & (PAGE_SIZE - 1));
        if (step > n - done) step = n - done;
        if (!move(m, at, data + done, step, write)) return false;
    }
    return true;
}

bool busmaster_read(struct bus_master *m, uint32_t at, void *to, unsigned n) { return move_all(m, at, to, n, false); }

bool busmaster_write(struct bus_master *m, uint32_t at, const void *from, unsigned n)
{
    return move_all(m, at, (uint8_t *)from, n, true);
}
