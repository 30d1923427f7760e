/* The RTL8139: sending, receiving, the ring, filters, EEPROM, timer, PCI windows; two of them on a switch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/io/nic.h"

enum { FRAMES = 64, TX = 0x8000, RING = 0x10000, HZ = 1000000000, CARDS = 3 };
enum { TSD = 0x10, TSAD = 0x20, RBSTART = 0x30, CR = 0x37, CAPR = 0x38, CBR = 0x3A, IMR = 0x3C, ISR = 0x3E, TCR = 0x40, RCR = 0x44, TCTR = 0x48,
       MPC = 0x4C, CR9346 = 0x50, TIMERINT = 0x54, MSR = 0x58, ALL_TSD = 0x60, BMSR = 0x64 };
enum { OWN = 1 << 13, TOK = 1 << 15, ALL = 1, MATCH = 2, MULTICAST = 4, BROADCAST = 8, WRAP = 0x80 };

static struct { uint32_t n; uint8_t bytes[NET_MOST]; unsigned port; uint64_t cycle; } tapped;

static struct world {
    struct clock clock;
    struct timeq q;
    struct arena arena;
    struct bus bus[CARDS];
    struct pci pci[CARDS];
    struct nic nic[CARDS];
    uint8_t *ram[CARDS];
    struct net_switch *net;
    bool irq[CARDS];
    unsigned aborts;
} w;

static void on_irq(void *self, unsigned n, bool level)
{
    (void)self;
    w.irq[n] = level;
}
static void on_abort(void *self, unsigned n, bool level)
{
    (void)self, (void)n;
    w.aborts += level;
}
static void on_tap(void *self, uint64_t cycle, unsigned port, const uint8_t *frame, unsigned bytes)
{
    (void)self;
    tapped.n++, tapped.port = port, tapped.cycle = cycle;
    memcpy(tapped.bytes, frame, bytes);
}

static int setup(void **state)
{
    (void)state;
    memset(&w, 0, sizeof w);
    memset(&tapped, 0, sizeof tapped);
    w.clock.hz = HZ;
    w.q.clock = &w.clock;
    assert_true(arena_init(&w.arena, 16 << 20));
    w.net = calloc(1, sizeof *w.net);
    net_init(w.net, &w.clock, 100, 0);
    w.net->tap.frame = on_tap;
    for (unsigned i = 0; i < CARDS; i++) {
        struct err e = { 0 };
        w.ram[i] = calloc(FRAMES, PAGE_SIZE);
        bus_init(&w.bus[i], w.ram[i], FRAMES, &w.clock, &w.arena);
        pci_init(&w.pci[i], (struct irq_line){ 0 }, (struct irq_line){ 0 });
        w.pci[i].nic = true;
        w.pci[i].device.ops->reset(&w.pci[i].device);
        nic_init(&w.nic[i], &w.bus[i], &w.q, &(struct nic_wiring){ .irq = { on_irq, NULL, i }, .abort = { on_abort, NULL, 0 },
                 .source = 0x18, .address = { 0x52, 0x54, 0, 0, 0, (uint8_t)(i + 1) } });
        assert_true(pci_attach(&w.pci[i], &w.bus[i], &e) && nic_attach(&w.nic[i], &w.pci[i], &e));
        nic_plug(&w.nic[i], net_plug(w.net, nic_station(&w.nic[i]), &w.q));
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CARDS; i++) free(w.ram[i]);
    free(w.net);
    arena_done(&w.arena);
    return 0;
}

enum { PORT = 0xC200 };
static uint32_t in(unsigned card, unsigned at, unsigned size) { return bus_in(&w.bus[card], (uint16_t)(PORT + at), size); }
static void out(unsigned card, unsigned at, unsigned size, uint32_t v) { bus_out(&w.bus[card], (uint16_t)(PORT + at), size, v); }

static void listen(unsigned card, uint32_t rcr)
{
    out(card, CR, 1, NIC_RE | NIC_TE);
    out(card, RBSTART, 4, RING);
    out(card, RCR, 4, rcr);
    out(card, ISR, 2, 0xFFFF); /* the cable has been plugged in */
    out(card, IMR, 2, NIC_ROK | NIC_TOK | NIC_RXOVW);
}

static void pass(uint64_t ns)
{
    uint64_t end = w.clock.now + ns;
    while (timeq_next(&w.q) <= end) {
        w.clock.now = timeq_next(&w.q);
        timeq_run(&w.q);
    }
    w.clock.now = end;
}

static void put_frame(uint8_t *at, const char *to, unsigned from, unsigned bytes)
{
    static const uint8_t base[6] = { 0x52, 0x54, 0, 0, 0, 0 };
    memset(at, 0xA0 + (int)from, bytes);
    memcpy(at, base, 6);
    if (to[0] == '*') memset(at, 0xFF, 6);
    else if (to[0] == 'm') memcpy(at, (const uint8_t[]){ 1, 0, 0x5E, 0, 0, 1 }, 6);
    else at[5] = (uint8_t)(to[0] - '0' + 1);
    memcpy(at + 6, base, 6);
    at[11] = (uint8_t)(from + 1);
}

static void send(unsigned card, unsigned descriptor, const char *to, unsigned bytes)
{
    put_frame(w.ram[card] + TX + 0x800 * descriptor, to, card, bytes);
    out(card, TSAD + 4 * descriptor, 4, TX + 0x800 * descriptor);
    out(card, TSD + 4 * descriptor, 4, bytes);
}

static void one_frame_across(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CARDS; i++) listen(i, MATCH | BROADCAST);
    send(0, 0, "1", 100);
    assert_true(in(0, TSD, 4) & OWN); /* fetched at once */
    assert_false(in(0, TSD, 4) & TOK);
    uint64_t wire = net_time(&w.clock, 100, 100);
    assert_int_equal(wire, (100 + 24) * 80); /* 8 preamble, 4 check, 12 gap; 80 ns a byte */
    pass(wire - 1);
    assert_false(w.irq[0]);
    pass(1);
    assert_true(in(0, TSD, 4) & TOK);
    assert_true(w.irq[0] && !w.irq[1]);
    assert_int_equal(in(0, ISR, 2), NIC_TOK);
    pass(wire);
    assert_true(w.irq[1]);
    assert_int_equal(in(1, ISR, 2), NIC_ROK);
    assert_int_equal(in(2, ISR, 2), 0); /* flooded there, but not its address */
    const uint8_t *ring = w.ram[1] + RING;
    assert_int_equal(ring[0] | ring[1] << 8, 0x4001); /* physical match, good */
    assert_int_equal(ring[2] | ring[3] << 8, 104);
    assert_memory_equal(ring + 4, w.ram[0] + TX, 100);
    assert_int_equal(in(1, CBR, 2), 108);
    assert_false(in(1, CR, 1) & NIC_BUFE);
    out(1, CAPR, 2, 108 - 16);
    assert_true(in(1, CR, 1) & NIC_BUFE);
    out(1, ISR, 2, NIC_ROK);
    assert_false(w.irq[1]);
    assert_int_equal(tapped.n, 1);
    assert_int_equal(tapped.port, 0);
}

/* The check sequence of a known frame: 60 zero bytes would be refused as a group of none, so an ARP request, whose sum every
 * recorder shows. Computed by another program: zlib.crc32 of these bytes. */
static void check_sequence_known(void **state)
{
    (void)state;
    listen(0, ALL | BROADCAST);
    uint8_t f[60] = { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x52, 0x54, 0, 0, 0, 2, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1 };
    memcpy(w.ram[1] + TX, f, sizeof f);
    listen(1, 0);
    out(1, TSAD, 4, TX);
    out(1, TSD, 4, 60);
    pass(100000);
    uint32_t check;
    memcpy(&check, w.ram[0] + RING + 4 + 60, 4);
    assert_int_equal(check, 0xa0f42edcu);
    assert_int_equal(w.ram[0][RING] | w.ram[0][RING + 1] << 8, 0x2001);
}

static void four_descriptors_in_turn(void **state)
{
    (void)state;
    listen(0, 0);
    listen(1, MATCH);
    for (unsigned i = 0; i < 4; i++) send(0, i, "1", 200 + i);
    assert_int_equal(in(0, ALL_TSD, 2) & 0xF, 0x1); /* only the first has been fetched */
    pass(net_time(&w.clock, 100, 200));
    assert_int_equal(in(0, ALL_TSD, 2), 0x1003);
    pass(1000000);
    assert_int_equal(in(0, ALL_TSD, 2), 0xF00F);
    assert_int_equal(in(1, CBR, 2), 208 + 212 + 212 + 212); /* 4 + length + 4, to the next doubleword */
    assert_int_equal(w.nic[1].frames_in, 4);
    /* A frame in descriptor 1 waits for 0, whose turn it is. */
    send(0, 1, "1", 64);
    pass(1000000);
    assert_false(in(0, TSD + 4, 4) & OWN);
    send(0, 0, "1", 64);
    pass(1000000);
    assert_int_equal(w.nic[1].frames_in, 6);
}

/* OWN says that the bytes were fetched, so the descriptor may be filled again while they are on the wire: nothing is lost. */
static void a_descriptor_reused_at_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CARDS; i++) listen(i, MATCH | BROADCAST);
    for (unsigned n = 0; n < 10; n++) {
        for (unsigned k = 0; !(in(0, TSD + 4 * (n % 4), 4) & OWN) && k < 100; k++) pass(1000);
        send(0, n % 4, "1", 100);
    }
    pass(1000000);
    assert_int_equal(w.nic[0].frames_out, 10);
    assert_int_equal(w.nic[1].frames_in, 10);
    assert_int_equal(in(0, ALL_TSD, 2) & 0xF00F, 0xF00F); /* all sent, all the driver's */
}

static void the_ring_wraps(void **state)
{
    for (unsigned wrap = 0; wrap < 2; wrap++) {
        teardown(state);
        setup(state);
        listen(0, 0);
        listen(1, MATCH | (wrap ? WRAP : 0));
        memset(w.ram[1] + RING + 0x2000, 0xEE, 2048);
        for (unsigned i = 0; i < 5; i++) { /* 5 * 1508 = 7540 of 8192, read on the way */
            send(0, i % 4, "1", 1500);
            pass(1000000);
            out(1, CAPR, 2, in(1, CBR, 2) - 16);
        }
        assert_int_equal(in(1, CBR, 2), 7540);
        send(0, 1, "1", 1500);
        pass(1000000);
        assert_int_equal(in(1, CBR, 2), 7540 + 1508 - 8192);
        const uint8_t *tail = wrap ? w.ram[1] + RING + 0x2000 : w.ram[1] + RING;
        assert_memory_equal(tail, w.ram[0] + TX + 0x800 + 8192 - 7544, 1500 - (8192 - 7544));
        assert_int_equal(w.ram[1][RING + 0x2000], wrap ? 0xA0 : 0xEE);
    }
}

static void what_does_not_fit_is_counted(void **state)
{
    (void)state;
    listen(0, 0);
    listen(1, MATCH);
    for (unsigned i = 0; i < 7; i++) {
        send(0, i % 4, "1", 1500);
        pass(1000000);
    }
    assert_int_equal(w.nic[1].frames_in, 5);
    assert_int_equal(in(1, MPC, 4), 2);
    assert_true(in(1, ISR, 2) & NIC_RXOVW);
    out(1, MPC, 4, 99);
    assert_int_equal(in(1, MPC, 4), 0);
}

static void filters(void **state)
{
    (void)state;
    static const struct { uint32_t rcr; const char *to; uint8_t mar0; uint16_t head; } row[] = {
        { MATCH, "1", 0, 0x4001 }, { BROADCAST, "1", 0, 0 }, { ALL, "1", 0, 0x4001 }, { ALL, "0", 0, 0x0001 }, { MATCH, "0", 0, 0 },
        { BROADCAST, "*", 0, 0x2001 }, { MATCH, "*", 0, 0 }, { MULTICAST, "m", 0xFF, 0x8001 }, { MULTICAST, "m", 0, 0 },
        { ALL, "m", 0, 0x8001 }, { BROADCAST, "m", 0xFF, 0 },
    };
    listen(2, 0);
    for (unsigned i = 0; i < sizeof row / sizeof row[0]; i++) {
        out(1, CR, 1, NIC_RST);
        listen(1, row[i].rcr);
        for (unsigned k = 0; k < 8; k++) out(1, 8 + k, 1, row[i].mar0);
        memset(w.ram[1] + RING, 0, 8);
        net_cut(w.net, 0, true);
        send(2, i % 4, row[i].to, 64);
        pass(1000000);
        assert_int_equal(w.ram[1][RING] | w.ram[1][RING + 1] << 8, row[i].head);
    }
}

static void loopback(void **state)
{
    (void)state;
    listen(0, MATCH);
    out(0, TCR, 4, 3 << 17);
    send(0, 0, "0", 77);
    pass(1000000);
    assert_int_equal(tapped.n, 0);
    assert_int_equal(w.nic[0].frames_in, 1);
    assert_memory_equal(w.ram[0] + RING + 4, w.ram[0] + TX, 77);
}

static void short_frames_are_padded(void **state)
{
    (void)state;
    listen(0, 0);
    listen(1, MATCH);
    send(0, 0, "1", 20);
    pass(1000000);
    assert_int_equal(w.ram[1][RING + 2], 64);
    assert_memory_equal(w.ram[1] + RING + 4 + 20, (uint8_t[40]){ 0 }, 40);
}

static void nobody_answers(void **state)
{
    (void)state;
    listen(0, 0);
    out(0, IMR, 2, NIC_SERR | NIC_TER);
    out(0, TSAD, 4, 0x70000000);
    out(0, TSD, 4, 100);
    assert_int_equal(w.aborts, 1);
    assert_true(in(0, TSD, 4) & 1u << 30);
    assert_true(in(0, ISR, 2) & NIC_SERR);
    assert_true(w.irq[0]);
    send(0, 1, "1", 0x701); /* more than the card takes */
    assert_true(in(0, TSD + 4, 4) & 1u << 30);
}

static void mastering_off(void **state)
{
    (void)state;
    listen(0, 0);
    listen(1, MATCH);
    bus_out(&w.bus[1], 0xCF8, 4, 0x80001804);
    bus_out(&w.bus[1], 0xCFC, 2, 3);
    send(0, 0, "1", 100);
    pass(1000000);
    assert_int_equal(w.nic[1].frames_in, 0);
    assert_int_equal(in(1, CBR, 2), 0);
}

static uint16_t eeprom_word(unsigned card, unsigned at)
{
    uint32_t command = 6u << 6 | at, v = 0;
    out(card, CR9346, 1, 0x80);
    out(card, CR9346, 1, 0x88);
    for (int i = 8; i >= 0; i--) {
        uint32_t pins = 0x88 | (command >> i & 1 ? 2 : 0);
        out(card, CR9346, 1, pins);
        out(card, CR9346, 1, pins | 4);
    }
    assert_int_equal(in(card, CR9346, 1) & 1, 0);
    for (unsigned i = 0; i < 16; i++) {
        out(card, CR9346, 1, 0x88);
        out(card, CR9346, 1, 0x8C);
        v = v << 1 | (in(card, CR9346, 1) & 1);
    }
    out(card, CR9346, 1, 0);
    return (uint16_t)v;
}

static void eeprom(void **state)
{
    (void)state;
    assert_int_equal(eeprom_word(1, 0), 0x8129);
    assert_int_equal(eeprom_word(1, 7), 0x5452);
    assert_int_equal(eeprom_word(1, 9), 0x0200);
    out(1, 5, 1, 0x77); /* software changes its address */
    assert_int_equal(in(1, 5, 1), 0x77);
    out(1, CR9346, 1, 0x40); /* and loads it again */
    assert_int_equal(in(1, 5, 1), 2);
}

static void timer(void **state)
{
    (void)state;
    out(0, IMR, 2, NIC_TIMEOUT);
    out(0, TCTR, 4, 1);
    out(0, TIMERINT, 4, 1000); /* pulses of 30 ns */
    pass(29990);
    assert_false(w.irq[0]);
    pass(20);
    assert_true(w.irq[0]);
    assert_int_equal(in(0, TCTR, 4), 1000);
}

static void windows(void **state)
{
    (void)state;
    assert_int_equal(in(0, TCR, 4), 0x77000000);
    assert_int_equal(bus_read(&w.bus[0], hpa(0xFEBF1000 + TCR), 4), 0x77000000);
    bus_out(&w.bus[0], 0xCF8, 4, 0x80001810);
    bus_out(&w.bus[0], 0xCFC, 4, UINT32_MAX);
    assert_int_equal(bus_in(&w.bus[0], 0xCFC, 4), 0xFFFFFF01);
    bus_out(&w.bus[0], 0xCFC, 4, 0xD000);
    assert_int_equal(bus_in(&w.bus[0], 0xD000 + TCR, 4), 0x77000000);
    assert_int_equal(in(0, TCR, 4), UINT32_MAX);
    bus_out(&w.bus[0], 0xCF8, 4, 0x80001814);
    bus_out(&w.bus[0], 0xCFC, 4, UINT32_MAX);
    assert_int_equal(bus_in(&w.bus[0], 0xCFC, 4), 0xFFFFFF00);
    bus_out(&w.bus[0], 0xCFC, 4, 0xE0000000);
    assert_int_equal(bus_read(&w.bus[0], hpa(0xE0000000 + TCR), 4), 0x77000000);
}

static void bytes_words_and_the_rest(void **state)
{
    (void)state;
    out(0, RBSTART, 4, 0x11223344);
    out(0, RBSTART + 1, 1, 0xAA);
    assert_int_equal(in(0, RBSTART, 4), 0x1122AA44);
    assert_int_equal(in(0, RBSTART + 2, 2), 0x1122);
    assert_int_equal(in(0, BMSR, 2), 0x782D);
    assert_int_equal(in(0, MSR, 1), 0);
    nic_plug(&w.nic[0], (struct net_cable){ 0 });
    assert_int_equal(in(0, MSR, 1), 4);
    assert_int_equal(in(0, BMSR, 2), 0x7809);
    assert_true(in(0, ISR, 2) & NIC_LINK);
    out(0, ISR + 1, 1, 0xFF); /* the other byte's bits stay */
    assert_true(in(0, ISR, 2) & NIC_LINK);
}

/* Two senders at once: the one cable to the third takes their frames one after the other; a cut cable takes none. */
static void the_switch(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CARDS; i++) listen(i, MATCH | BROADCAST);
    send(0, 0, "2", 1000);
    send(1, 0, "2", 1000);
    uint64_t wire = net_time(&w.clock, 100, 1000);
    pass(2 * wire);
    assert_int_equal(w.nic[2].frames_in, 1);
    pass(wire);
    assert_int_equal(w.nic[2].frames_in, 2);
    assert_int_equal(w.nic[0].frames_in, 0);
    send(2, 0, "*", 100);
    pass(1000000);
    assert_int_equal(w.nic[0].frames_in + w.nic[1].frames_in, 2);
    uint64_t before = w.net->port[1].received;
    send(2, 1, "0", 100); /* learnt: goes to nobody else */
    pass(1000000);
    assert_int_equal(w.nic[0].frames_in, 2);
    assert_int_equal(w.net->port[1].received, before);
    send(0, 1, "2", 500);
    pass(net_time(&w.clock, 100, 500) + 10);
    net_cut(w.net, 2, true);
    pass(1000000);
    assert_int_equal(w.nic[2].frames_in, 2);
    net_cut(w.net, 2, false);
    send(0, 2, "2", 500);
    pass(1000000);
    assert_int_equal(w.nic[2].frames_in, 3);
}

/* What goes in comes out or is counted: a fast crowd on one slow way out. */
static void frames_are_conserved(void **state)
{
    (void)state;
    listen(2, 0); /* hears, and wants none: its ring does not matter */
    struct net_cable a = { w.nic[0].cable.send, w.net, 0 };
    uint8_t f[NET_MOST];
    put_frame(f, "2", 0, sizeof f);
    for (unsigned i = 0; i < 500; i++) {
        a.send(a.self, a.port, f, 64 + i % 1000);
        if (i % 7 == 0) pass(60000);
    }
    pass(100000000);
    const struct net_port *p = &w.net->port[2];
    assert_int_equal(w.net->port[0].sent, 500);
    assert_true(p->dropped > 0);
    assert_int_equal(p->received + p->dropped + w.net->port[0].dropped, 500);
    for (unsigned i = 0; i < NET_FRAMES; i++) assert_int_equal(w.net->frame[i].users, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(one_frame_across), T(check_sequence_known), T(four_descriptors_in_turn), T(a_descriptor_reused_at_once), T(the_ring_wraps), T(what_does_not_fit_is_counted),
        T(filters), T(loopback), T(short_frames_are_padded), T(nobody_answers), T(mastering_off), T(eeprom), T(timer), T(windows),
        T(bytes_words_and_the_rest), T(the_switch), T(frames_are_conserved),
    };
    return cmocka_run_group_tests_name("io_nic", tests, NULL, NULL);
}
