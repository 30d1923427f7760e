/* The registers of a virtio device, and what its queues are in memory. See virtio.h. */
#include "sim/io/virtio.h"

#include <string.h>

enum { ENTRY = 16, AVAIL_RING = 4, USED_RING = 4, USED_ENTRY = 8, QUEUE_PAGES = 2, LAST_PAGE = 0xFFFFF };
enum { AVAIL_AT = VIRTIO_ENTRIES * ENTRY, USED_AT = PAGE_SIZE }; /* behind the queue's first byte */

/* ---- a queue in memory */

static uint32_t base_of(const struct virtio_queue *q) { return q->page << PAGE_SHIFT; }
static bool live(const struct virtio *v, const struct virtio_queue *q) { return q->page && !q->broken && v->master.enabled; }

/* What a driver that works never leaves there. */
static bool malformed(struct virtio *v, struct virtio_queue *q)
{
    v->malformed += !q->broken;
    q->broken = true;
    return false;
}

static bool get16(struct virtio *v, uint32_t at, uint16_t *value) { return busmaster_read(&v->master, at, value, 2); }

/* How many requests wait; -1: there cannot be so many. */
static int count_waiting(struct virtio *v, struct virtio_queue *q)
{
    uint16_t index;
    if (!live(v, q)) return 0;
    if (!get16(v, base_of(q) + AVAIL_AT + 2, &index)) return -1;
    uint16_t n = (uint16_t)(index - q->seen);
    return n <= VIRTIO_ENTRIES ? n : -1;
}

bool virtio_waiting(struct virtio *v, unsigned queue) { return count_waiting(v, &v->queue[queue]) > 0; }

struct entry { uint32_t at, high, bytes; uint16_t flags, next; };

static bool add_part(struct virtio_chain *c, const struct entry *x)
{
    bool write = x->flags & VIRTIO_WRITE;
    if (c->outs + c->ins == VIRTIO_PARTS || (!write && c->ins) || x->high || (x->bytes && x->at + (x->bytes - 1) < x->at)) return false;
    c->part[c->outs + c->ins] = (struct virtio_part){ x->at, x->bytes };
    if (write) {
        c->ins++;
        c->in_bytes += x->bytes;
    } else {
        c->outs++;
        c->out_bytes += x->bytes;
    }
    return true;
}

/* Entries of a table from number `at` on; one of them, the last, may lead to a table of its own. */
static bool follow(struct virtio *v, uint32_t table, uint32_t entries, uint32_t at, bool inner, struct virtio_chain *c)
{
    for (uint32_t n = 0; n < entries; n++) { /* whoever needs more goes in a circle */
        struct entry x;
        if (at >= entries || !busmaster_read(&v->master, table + at * ENTRY, &x, sizeof x)) return false;
        if (x.flags & VIRTIO_INDIRECT) {
            bool good = !inner && !(x.flags & VIRTIO_NEXT) && v->taken & VIRTIO_F_INDIRECT && !x.high && x.bytes && x.bytes % ENTRY == 0 &&
                        x.bytes <= VIRTIO_PARTS * ENTRY && x.at + (x.bytes - 1) >= x.at;
            return good && follow(v, x.at, x.bytes / ENTRY, 0, true, c);
        }
        if (!add_part(c, &x)) return false;
        if (!(x.flags & VIRTIO_NEXT)) return true;
        at = x.next;
    }
    return false;
}

bool virtio_take(struct virtio *v, unsigned queue, struct virtio_chain *c)
{
    struct virtio_queue *q = &v->queue[queue];
    int waiting = count_waiting(v, q);
    if (waiting < 0) return malformed(v, q);
    if (!waiting) return false;
    c->outs = c->ins = 0;
    c->out_bytes = c->in_bytes = 0;
    if (!get16(v, base_of(q) + AVAIL_AT + AVAIL_RING + q->seen % VIRTIO_ENTRIES * 2, &c->head) || c->head >= VIRTIO_ENTRIES ||
        !follow(v, base_of(q), VIRTIO_ENTRIES, c->head, false, c))
        return malformed(v, q);
    q->seen++;
    v->requests++;
    return true;
}

static bool move(struct virtio *v, unsigned queue, const struct virtio_part *p, unsigned parts, uint64_t from, uint8_t *data, uint32_t n, bool in)
{
    for (; n && parts; parts--, p++) {
        if (from >= p->bytes) {
            from -= p->bytes;
            continue;
        }
        uint32_t at = p->at + (uint32_t)from, left = p->bytes - (uint32_t)from, step = left < n ? left : n;
        if (!live(v, &v->queue[queue])) return false;
        if (in ? !busmaster_write(&v->master, at, data, step) : !busmaster_read(&v->master, at, data, step))
            return malformed(v, &v->queue[queue]);
        data += step;
        n -= step;
        from = 0;
    }
    return !n;
}

bool virtio_get(struct virtio *v, unsigned queue, const struct virtio_chain *c, uint64_t from, void *to, uint32_t n)
{
    return move(v, queue, c->part, c->outs, from, to, n, false);
}

bool virtio_put(struct virtio *v, unsigned queue, const struct virtio_chain *c, uint64_t at, const void *from, uint32_t n)
{
    return move(v, queue, c->part + c->outs, c->ins, at, (uint8_t *)from, n, true);
}

void virtio_done(struct virtio *v, unsigned queue, uint16_t head, uint32_t bytes)
{
    struct virtio_queue *q = &v->queue[queue];
    const uint32_t entry[2] = { head, bytes };
    uint32_t used = base_of(q) + USED_AT;
    uint16_t next = (uint16_t)(q->used + 1);
    if (!live(v, q)) return;
    if (!busmaster_write(&v->master, used + USED_RING + q->used % VIRTIO_ENTRIES * USED_ENTRY, entry, sizeof entry) ||
        !busmaster_write(&v->master, used + 2, &next, sizeof next))
        malformed(v, q);
    else q->used = next;
}

static void drive(struct virtio *v) { irq_set(&v->irq, v->isr != 0); }

static void raise(struct virtio *v, uint8_t why)
{
    v->interrupts += !v->isr;
    v->isr |= why;
    drive(v);
}

void virtio_tell(struct virtio *v, unsigned queue)
{
    struct virtio_queue *q = &v->queue[queue];
    uint16_t flags;
    if (!live(v, q)) return;
    if (!get16(v, base_of(q) + AVAIL_AT, &flags)) malformed(v, q);
    else if (!(flags & VIRTIO_NO_INTERRUPT)) raise(v, VIRTIO_ISR_QUEUE);
}

void virtio_quiet(struct virtio *v, unsigned queue, bool quiet)
{
    struct virtio_queue *q = &v->queue[queue];
    uint16_t flags = quiet ? VIRTIO_NO_NOTIFY : 0;
    if (q->quiet == quiet || !live(v, q)) return;
    q->quiet = quiet;
    if (!busmaster_write(&v->master, base_of(q) + USED_AT, &flags, sizeof flags)) malformed(v, q);
}

void virtio_changed(struct virtio *v)
{
    if (v->status & VIRTIO_DRIVER_OK) raise(v, VIRTIO_ISR_CONFIG);
}

/* ---- registers */

static struct virtio_queue *selected(const struct virtio *v)
{
    return v->select < v->kind->queues ? (struct virtio_queue *)&v->queue[v->select] : NULL;
}

static uint8_t get_byte(const struct virtio *v, uint32_t at)
{
    const struct virtio_queue *q = selected(v);
    unsigned shift = at % 4 * 8;
    if (at >= VIRTIO_HEADER) return at - VIRTIO_HEADER < v->kind->config_bytes ? v->config[at - VIRTIO_HEADER] : 0;
    switch (at / 4 * 4) {
    case VIRTIO_HOST_FEATURES: return (uint8_t)(v->offered >> shift);
    case VIRTIO_GUEST_FEATURES: return (uint8_t)(v->taken >> shift);
    case VIRTIO_QUEUE_PAGE: return (uint8_t)((q ? q->page : 0) >> shift);
    case VIRTIO_QUEUE_SIZE: return (uint8_t)(((q ? VIRTIO_ENTRIES : 0u) | (uint32_t)v->select << 16) >> shift);
    default: return at == VIRTIO_STATUS ? v->status : at == VIRTIO_ISR ? v->isr : 0;
    }
}

uint32_t virtio_peek(const struct device *d, uint32_t offset, unsigned size)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < size; i++) value |= (uint32_t)get_byte((const struct virtio *)d, offset + i) << 8 * i;
    return value;
}

uint32_t virtio_read(struct device *d, uint32_t offset, unsigned size)
{
    struct virtio *v = (struct virtio *)d;
    uint32_t value = virtio_peek(d, offset, size);
    v->accesses++;
    if (offset <= VIRTIO_ISR && offset + size > VIRTIO_ISR) {
        v->isr = 0;
        drive(v);
    }
    return value;
}

static void stop(struct virtio *v)
{
    v->taken = 0;
    v->select = 0;
    v->status = v->isr = 0;
    memset(v->queue, 0, sizeof v->queue);
    drive(v);
    v->kind->stopped(v);
}

static void set_page(struct virtio *v, uint32_t page)
{
    struct virtio_queue *q = selected(v);
    if (q) *q = (struct virtio_queue){ .page = page, .broken = page > LAST_PAGE - (QUEUE_PAGES - 1) };
}

static void kick(struct virtio *v, unsigned queue)
{
    v->kicks++;
    if (queue < v->kind->queues && live(v, &v->queue[queue])) v->kind->kicked(v, queue);
}

/* A register is written as wide as it is, or not at all. */
void virtio_write(struct device *d, uint32_t offset, unsigned size, uint32_t value)
{
    struct virtio *v = (struct virtio *)d;
    v->accesses++;
    if (offset >= VIRTIO_HEADER) {
        for (unsigned i = 0; i < size; i++)
            if (offset - VIRTIO_HEADER + i < v->kind->writable) v->config[offset - VIRTIO_HEADER + i] = (uint8_t)(value >> 8 * i);
    } else if (offset == VIRTIO_GUEST_FEATURES && size == 4) v->taken = value & v->offered;
    else if (offset == VIRTIO_QUEUE_PAGE && size == 4) set_page(v, value);
    else if (offset == VIRTIO_QUEUE_SELECT && size == 2) v->select = (uint16_t)value;
    else if (offset == VIRTIO_NOTIFY && size == 2) kick(v, value & 0xFFFF);
    else if (offset == VIRTIO_STATUS && size == 1) {
        if (value & 0xFF) v->status = (uint8_t)value;
        else stop(v);
    }
}

void virtio_reset(struct device *d) { stop((struct virtio *)d); }

/* ---- PCI */

static void configured(void *virtio, const uint8_t *config)
{
    enum { COMMAND = 0x04, CMD_IO = 1, CMD_MASTER = 4, BAR = 0x10 };
    struct virtio *v = virtio;
    uint32_t io;
    memcpy(&io, config + BAR, sizeof io);
    io = config[COMMAND] & CMD_IO && io < 0x10000 ? io & ~(VIRTIO_PORTS - 1u) : 0;
    v->master.enabled = config[COMMAND] & CMD_MASTER;
    if (io == v->base) return;
    v->base = (uint16_t)io;
    bus_move_ports(v->master.bus, &v->device, 0, io, VIRTIO_PORTS);
}

void virtio_init(struct virtio *v, struct bus *b, const struct device_ops *ops, const struct virtio_kind *kind, const struct virtio_wiring *w,
                 uint32_t features)
{
    *v = (struct virtio){ .device = { ops }, .irq = w->irq, .kind = kind, .offered = features | VIRTIO_F_INDIRECT,
                          .master = { .bus = b, .watch = w->watch, .map = w->map, .abort = w->abort, .source = w->source } };
}

void virtio_attach(struct virtio *v, struct pci *p, enum pci_function f) { pci_listen(p, f, (struct pci_listener){ configured, v }); }
