/* Network cards over virtio: frames with their header, buffers that are missing or too small, what guests leave in the rings; two cards on a
 * switch, and every frame accounted for. The transport itself: io_virtio_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/io/virtio_net.h"

enum { CARDS = 2, FRAMES = 64, PORTS = 0xC200, RX = 0x10000, TX = 0x12000, AVAIL = VIRTIO_ENTRIES * 16, USED = 0x1000, BUFFERS = 0x20000, ROOM = 0x800,
       OUT = 0x38000, HZ = 1000000000, WHOLE = VIRTIO_NET_HEAD + NET_MOST };

static struct world {
    struct clock clock;
    struct timeq q;
    struct arena arena;
    struct net_switch *net;
    struct card {
        struct bus bus;
        struct pci pci;
        struct virtio_net net;
        uint8_t ram[FRAMES * PAGE_SIZE];
        uint16_t avail[2];
        bool irq;
        unsigned rises;
    } card[CARDS];
} w;

static void on_irq(void *self, unsigned n, bool level)
{
    (void)self;
    w.card[n].rises += level && !w.card[n].irq;
    w.card[n].irq = level;
}

static uint32_t in(unsigned c, unsigned reg, unsigned size) { return bus_in(&w.card[c].bus, (uint16_t)(PORTS + reg), size); }
static void out(unsigned c, unsigned reg, unsigned size, uint32_t value) { bus_out(&w.card[c].bus, (uint16_t)(PORTS + reg), size, value); }
static void put(unsigned c, uint32_t at, unsigned size, uint64_t value) { memcpy(w.card[c].ram + at, &value, size); }
static uint32_t get(unsigned c, uint32_t at, unsigned size)
{
    uint32_t v = 0;
    memcpy(&v, w.card[c].ram + at, size);
    return v;
}

static void start(unsigned c)
{
    out(c, VIRTIO_STATUS, 1, 0);
    out(c, VIRTIO_STATUS, 1, 3);
    out(c, VIRTIO_GUEST_FEATURES, 4, in(c, VIRTIO_HOST_FEATURES, 4));
    memset(w.card[c].ram + RX, 0, 4 * PAGE_SIZE);
    for (unsigned q = 0; q < 2; q++) {
        out(c, VIRTIO_QUEUE_SELECT, 2, q);
        out(c, VIRTIO_QUEUE_PAGE, 4, (uint32_t)(q ? TX : RX) / PAGE_SIZE);
        w.card[c].avail[q] = 0;
    }
    out(c, VIRTIO_STATUS, 1, 7);
}

static void make(void)
{
    struct arena old = w.arena;
    if (old.base) arena_done(&old);
    memset(&w, 0, sizeof w);
    assert_true(arena_init(&w.arena, 8 << 20));
    w.clock.hz = HZ;
    w.q.clock = &w.clock;
    w.net = arena_alloc(&w.arena, sizeof *w.net);
    net_init(w.net, &w.clock, 100, 1000);
    for (unsigned c = 0; c < CARDS; c++) {
        struct card *k = &w.card[c];
        const uint8_t address[NET_ADDRESS] = { 0x52, 0x54, 0, 0, 0, (uint8_t)(c + 1) };
        const struct virtio_wiring vw = { .irq = { on_irq, NULL, c } };
        bus_init(&k->bus, k->ram, FRAMES, &w.clock, &w.arena);
        pci_init(&k->pci, (struct irq_line){ 0 }, (struct irq_line){ 0 });
        k->pci.nic = PCI_NIC_VIRTIO;
        k->pci.device.ops->reset(&k->pci.device);
        virtio_net_init(&k->net, &k->bus, &w.q, &vw, address);
        virtio_attach(&k->net.virtio, &k->pci, PCI_VIRTIO_NET);
        start(c);
        virtio_net_plug(&k->net, net_plug(w.net, virtio_net_station(&k->net), &w.q));
        in(c, VIRTIO_ISR, 1); /* the cable has been plugged in */
        k->rises = 0;
    }
}

static void pass(void)
{
    for (unsigned n = 0; n < 10000 && timeq_next(&w.q) != TIMEQ_NEVER; n++) {
        if (timeq_next(&w.q) > w.clock.now) clock_charge(&w.clock, 0, timeq_next(&w.q) - w.clock.now);
        timeq_run(&w.q);
    }
    assert_true(timeq_next(&w.q) == TIMEQ_NEVER);
}

static void entry(unsigned c, unsigned q, unsigned n, uint64_t at, uint32_t bytes, unsigned flags, unsigned next)
{
    uint32_t e = (q ? TX : RX) + n * 16;
    put(c, e, 8, at);
    put(c, e + 8, 4, bytes);
    put(c, e + 12, 2, flags);
    put(c, e + 14, 2, next);
}

static void offer(unsigned c, unsigned q, unsigned head)
{
    uint32_t a = (q ? TX : RX) + AVAIL;
    put(c, a + 4 + w.card[c].avail[q] % (uint32_t)VIRTIO_ENTRIES * 2, 2, head);
    put(c, a + 2, 2, ++w.card[c].avail[q]);
    out(c, VIRTIO_NOTIFY, 2, q);
}

static void buffer(unsigned c, unsigned n, uint32_t bytes)
{
    entry(c, 0, n, BUFFERS + n * ROOM, bytes, VIRTIO_WRITE, 0);
    offer(c, 0, n);
}

static void send(unsigned c, unsigned n, uint8_t to, uint32_t bytes)
{
    uint8_t *f = w.card[c].ram + OUT + n * ROOM;
    memset(f, 0, VIRTIO_NET_HEAD);
    memset(f + VIRTIO_NET_HEAD, (int)(0x40 + n), bytes);
    const uint8_t head[14] = { 0x52, 0x54, 0, 0, 0, to, 0x52, 0x54, 0, 0, 0, (uint8_t)(c + 1), 0x88, 0xB5 };
    memcpy(f + VIRTIO_NET_HEAD, head, sizeof head);
    entry(c, 1, 2 * n, OUT + n * ROOM, VIRTIO_NET_HEAD, VIRTIO_NEXT, 2 * n + 1);
    entry(c, 1, 2 * n + 1, OUT + n * ROOM + VIRTIO_NET_HEAD, bytes, 0, 0);
    offer(c, 1, 2 * n);
}
static uint32_t used(unsigned c, unsigned q) { return get(c, (q ? TX : RX) + USED + 2, 2); }

static void registers(void **state)
{
    (void)state;
    make();
    assert_int_equal(in(0, VIRTIO_HOST_FEATURES, 4), VIRTIO_NET_F_MAC | VIRTIO_NET_F_STATUS | VIRTIO_F_INDIRECT);
    assert_int_equal(in(0, 20, 4), 0x5452);
    assert_int_equal(in(0, 24, 2), 0x0100);
    assert_int_equal(in(0, 26, 2), VIRTIO_NET_LINK_UP);
    out(0, 25, 1, 9);
    assert_int_equal(in(0, 25, 1), 9); /* another address */
    out(0, 26, 1, 0);
    assert_int_equal(in(0, 26, 2), VIRTIO_NET_LINK_UP); /* the link is not the driver's to say */
    virtio_net_plug(&w.card[0].net, (struct net_cable){ 0 });
    assert_int_equal(in(0, 26, 2), 0);
    assert_int_equal(in(0, VIRTIO_ISR, 1), VIRTIO_ISR_CONFIG);
    for (unsigned q = 0; q < 3; q++) {
        out(0, VIRTIO_QUEUE_SELECT, 2, q);
        assert_int_equal(in(0, VIRTIO_QUEUE_SIZE, 2), q < 2 ? VIRTIO_ENTRIES : 0);
    }
}

static void a_frame_across(void **state)
{
    (void)state;
    make();
    buffer(1, 0, WHOLE);
    send(0, 0, 2, 200);
    assert_int_equal(get(0, TX + USED, 2), VIRTIO_NO_NOTIFY);
    uint64_t begun = w.clock.now;
    pass();
    assert_int_equal(w.clock.now - begun, 2 * net_time(&w.clock, 100, 200) + 1000);
    assert_int_equal(used(0, 1), 1);
    assert_int_equal(get(0, TX + USED + 8, 4), 0);
    assert_int_equal(used(1, 0), 1);
    assert_int_equal(get(1, RX + USED + 8, 4), VIRTIO_NET_HEAD + 200);
    assert_memory_equal(w.card[1].ram + BUFFERS, w.card[0].ram + OUT, VIRTIO_NET_HEAD + 200);
    assert_true(w.card[0].irq && w.card[1].irq);
    assert_int_equal(in(1, VIRTIO_ISR, 1), VIRTIO_ISR_QUEUE);
    send(0, 1, 2, 20); /* padded */
    buffer(1, 1, WHOLE);
    pass();
    assert_int_equal(get(1, RX + USED + 4 + 8 + 4, 4), VIRTIO_NET_HEAD + NET_LEAST);
}

static void what_finds_no_buffer(void **state)
{
    (void)state;
    make();
    send(0, 0, 2, 100);
    pass();
    assert_int_equal(w.card[1].net.missed, 1);
    buffer(1, 0, VIRTIO_NET_HEAD + 99);
    send(0, 1, 2, 100);
    pass();
    assert_int_equal(w.card[1].net.missed, 2);
    assert_int_equal(get(1, RX + USED + 8, 4), 0); /* the buffer came back with nothing in it */
    buffer(1, 1, WHOLE);
    send(0, 2, 7, 100); /* for somebody else */
    pass();
    assert_int_equal(used(1, 0), 1);
    send(0, 3, 2, 13);              /* no frame */
    send(0, 4, 2, NET_MOST + 1);    /* too long for one */
    pass();
    assert_int_equal(used(0, 1), 5); /* they came back, too */
    assert_int_equal(w.card[0].net.frames_out, 3);
}

static void a_burst(void **state)
{
    (void)state;
    make();
    for (unsigned n = 0; n < 12; n++) buffer(1, n, WHOLE);
    put(0, TX + AVAIL, 2, VIRTIO_NO_INTERRUPT);
    for (unsigned n = 0; n < 12; n++) send(0, n, 2, 100 + n);
    pass();
    assert_int_equal(used(0, 1), 12);
    assert_int_equal(w.card[0].rises, 0);
    for (unsigned n = 0; n < 12; n++) assert_int_equal(get(1, RX + USED + 4 + n * 8 + 4, 4), VIRTIO_NET_HEAD + 100 + n); /* in order */
    out(1, VIRTIO_STATUS, 1, 0);
    send(0, 0, 2, 100);
    pass();
    assert_int_equal(w.card[1].net.frames_in, 12);
}

static uint64_t chance;
static uint32_t pick(uint32_t below)
{
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((chance >> 33) % below);
}

/* One guest leaves anything in its rings and registers; the other one's card works, and frames are conserved on every cable. */
static void any_rings(void **state)
{
    (void)state;
    static const uint16_t regs[] = { 0, 4, 8, 12, 14, 16, 16, 18, 19, 20, 25, 26, 44, 63 };
    uint64_t sent = 0, stopped = 0;
    for (unsigned round = 0; round < 200; round++) {
        chance = round;
        make();
        for (unsigned i = 0; i < 300; i++) {
            unsigned n = pick(9);
            if (n < 3) send(0, pick(14), (uint8_t)(1 + pick(3)), pick(6) ? NET_HEADER + pick(NET_MOST - NET_HEADER) : pick(1600));
            if (n == 3) buffer(0, pick(12), pick(4) ? (uint32_t)WHOLE : pick(3000));
            if (n == 4) buffer(1, pick(12), WHOLE);
            if (n == 5 && !pick(3)) put(0, RX + pick(4 * PAGE_SIZE - 4), 1u << pick(3), pick(0x7FFFFFFF));
            if (n == 6) entry(0, pick(2), pick(VIRTIO_ENTRIES), pick(2 * FRAMES * PAGE_SIZE), pick(100000), pick(8), pick(VIRTIO_ENTRIES + 2));
            if (n == 7 && !pick(6)) out(0, regs[pick(sizeof regs / sizeof regs[0])], 1u << pick(3), pick(4) ? pick(64) : pick(0x7FFFFFFF));
            if (n == 8) send(1, pick(12), 1, NET_HEADER + pick(300));
            if (!pick(5)) pass();
            if (!pick(60)) start(0);
        }
        pass();
        struct net_port *a = &w.net->port[0], *b = &w.net->port[1];
        assert_int_equal(w.card[0].net.frames_out, a->sent);
        assert_int_equal(w.card[1].net.frames_out, b->sent);
        assert_true(w.card[1].net.frames_in + w.card[1].net.missed <= b->received);
        assert_true(a->received + a->dropped <= b->sent && b->received + b->dropped <= a->sent);
        sent += a->sent;
        stopped += w.card[0].net.virtio.malformed;
        assert_int_equal(w.card[1].net.virtio.malformed, 0);
        uint64_t before = w.card[1].net.frames_in;
        start(1);
        buffer(1, 0, WHOLE);
        start(0);
        send(0, 0, 2, 99);
        pass();
        assert_int_equal(w.card[1].net.frames_in, before + 1);
    }
    assert_in_range(sent, 2000, 1000000);
    assert_in_range(stopped, 20, 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers), cmocka_unit_test(a_frame_across), cmocka_unit_test(what_finds_no_buffer), cmocka_unit_test(a_burst),
        cmocka_unit_test(any_rings),
    };
    return cmocka_run_group_tests_name("io_virtio_net", tests, NULL, NULL);
}
