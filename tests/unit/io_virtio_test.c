/* Virtio over legacy PCI, and the disk that speaks it: registers, rings, requests in pieces, who wants to be told, what a guest that
 * means no good leaves in the rings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/io/virtio_blk.h"

enum { FRAMES = 64, SECTORS = 200, PORTS = 0xC300, QUEUE = 0x10000, AVAIL = QUEUE + VIRTIO_ENTRIES * 16, USED = QUEUE + 0x1000, HEADER = 0x20000,
       DATA = 0x21000, ANSWER = 0x2F000, TABLE = 0x30000, HZ = 1000000000 };

static struct world {
    struct clock clock;
    struct timeq q;
    struct arena arena;
    struct bus bus;
    struct pci pci;
    struct virtio_blk blk;
    uint8_t ram[FRAMES * PAGE_SIZE], medium[SECTORS * DISK_SECTOR];
    bool irq, bad, far, write;
    unsigned rises, aborts, asked;
    uint64_t lba;
    uint32_t count, ticket;
    uint16_t avail; /* index, as the driver has it */
} w;

static void on_irq(void *self, unsigned n, bool level)
{
    (void)self, (void)n;
    w.rises += level && !w.irq;
    w.irq = level;
}
static void on_abort(void *self, unsigned n, bool level)
{
    (void)self, (void)n;
    w.aborts += level;
}
static bool read_medium(void *self, uint64_t lba, void *to)
{
    (void)self;
    assert_true(lba < SECTORS);
    memcpy(to, w.medium + lba * DISK_SECTOR, DISK_SECTOR);
    return !w.bad;
}
static bool write_medium(void *self, uint64_t lba, const void *from)
{
    (void)self;
    assert_true(lba < SECTORS);
    if (!w.bad) memcpy(w.medium + lba * DISK_SECTOR, from, DISK_SECTOR);
    return !w.bad;
}
static void ask_medium(void *self, uint64_t lba, uint32_t count, bool write, uint32_t ticket)
{
    (void)self;
    assert_true(lba < SECTORS && count && count <= ATA_BLOCK && lba + count <= SECTORS);
    w.lba = lba, w.count = count, w.write = write, w.ticket = ticket;
    w.asked++;
}

static uint32_t in(unsigned reg, unsigned size) { return bus_in(&w.bus, (uint16_t)(PORTS + reg), size); }
static void out(unsigned reg, unsigned size, uint32_t value) { bus_out(&w.bus, (uint16_t)(PORTS + reg), size, value); }
static void put(uint32_t at, unsigned size, uint64_t value) { memcpy(w.ram + at, &value, size); }
static uint32_t get(uint32_t at, unsigned size)
{
    uint32_t v = 0;
    memcpy(&v, w.ram + at, size);
    return v;
}

static void make(bool far, bool read_only)
{
    struct arena old = w.arena;
    if (old.base) arena_done(&old);
    memset(&w, 0, sizeof w);
    assert_true(arena_init(&w.arena, 4 << 20));
    w.clock.hz = HZ;
    w.q.clock = &w.clock;
    w.far = far;
    bus_init(&w.bus, w.ram, FRAMES, &w.clock, &w.arena);
    pci_init(&w.pci, (struct irq_line){ 0 }, (struct irq_line){ 0 });
    w.pci.virtio = 1;
    w.pci.device.ops->reset(&w.pci.device);
    for (unsigned i = 0; i < sizeof w.medium; i++) w.medium[i] = (uint8_t)(i * 7 >> 3);
    const struct virtio_wiring vw = { .irq = { on_irq, NULL, 0 }, .abort = { on_abort, NULL, 0 } };
    const struct disk disk = { SECTORS, read_medium, write_medium, NULL, far ? ask_medium : NULL };
    const struct disk_times times = { 1000, 2000, 100, 0 };
    virtio_blk_init(&w.blk, &w.bus, &w.q, &vw, &disk, &times, 0, read_only);
    virtio_attach(&w.blk.virtio, &w.pci, PCI_VIRTIO_BLK);
}

static void start(void)
{
    out(VIRTIO_STATUS, 1, 0);
    out(VIRTIO_STATUS, 1, 3);
    out(VIRTIO_GUEST_FEATURES, 4, in(VIRTIO_HOST_FEATURES, 4));
    out(VIRTIO_QUEUE_SELECT, 2, 0);
    out(VIRTIO_QUEUE_PAGE, 4, QUEUE / PAGE_SIZE);
    out(VIRTIO_STATUS, 1, 7);
    memset(w.ram + QUEUE, 0, 2 * PAGE_SIZE);
    w.avail = 0;
}

static void pass(void)
{
    for (unsigned n = 0; n < 1000 && timeq_next(&w.q) != TIMEQ_NEVER; n++) {
        if (timeq_next(&w.q) > w.clock.now) clock_charge(&w.clock, 0, timeq_next(&w.q) - w.clock.now);
        timeq_run(&w.q);
    }
    assert_true(timeq_next(&w.q) == TIMEQ_NEVER);
}

static void entry_at(uint32_t table, unsigned n, uint64_t at, uint32_t bytes, unsigned flags, unsigned next)
{
    put(table + n * 16, 8, at);
    put(table + n * 16 + 8, 4, bytes);
    put(table + n * 16 + 12, 2, flags);
    put(table + n * 16 + 14, 2, next);
}
static void entry(unsigned n, uint64_t at, uint32_t bytes, unsigned flags, unsigned next) { entry_at(QUEUE, n, at, bytes, flags, next); }

static void offer(unsigned head)
{
    put(AVAIL + 4 + w.avail % (uint32_t)VIRTIO_ENTRIES * 2, 2, head);
    put(AVAIL + 2, 2, ++w.avail);
}

/* Header, `bytes` of data at DATA, answer, as chain `head` and the two behind it. */
static void ask(unsigned head, uint32_t type, uint64_t sector, uint32_t bytes)
{
    uint32_t header = HEADER + head * 16;
    put(header, 4, type);
    put(header + 8, 8, sector);
    put(ANSWER + head, 1, 0xEE);
    entry(head, header, 16, VIRTIO_NEXT, bytes ? head + 1 : head + 2);
    entry(head + 1, DATA, bytes, VIRTIO_NEXT | (type == VIRTIO_BLK_OUT ? 0 : VIRTIO_WRITE), head + 2);
    entry(head + 2, ANSWER + head, 1, VIRTIO_WRITE, 0);
    offer(head);
}
static void kick(void) { out(VIRTIO_NOTIFY, 2, 0); }
static uint32_t used(void) { return get(USED + 2, 2); }
static uint32_t answer(unsigned head) { return w.ram[ANSWER + head]; }

static void registers(void **state)
{
    (void)state;
    make(false, false);
    assert_int_equal(in(VIRTIO_HOST_FEATURES, 4), VIRTIO_F_INDIRECT | 0x2 | 0x4 | 0x10 | 0x40 | 0x200);
    assert_int_equal(in(VIRTIO_QUEUE_SIZE, 2), VIRTIO_ENTRIES);
    out(VIRTIO_QUEUE_SELECT, 2, 1);
    assert_int_equal(in(VIRTIO_QUEUE_SIZE, 2), 0); /* there is one queue */
    out(VIRTIO_QUEUE_PAGE, 4, 5);
    out(VIRTIO_QUEUE_SELECT, 2, 0);
    assert_int_equal(in(VIRTIO_QUEUE_PAGE, 4), 0);
    out(VIRTIO_GUEST_FEATURES, 4, UINT32_MAX);
    assert_int_equal(in(VIRTIO_GUEST_FEATURES, 4), in(VIRTIO_HOST_FEATURES, 4)); /* none that was not offered */
    assert_int_equal(in(20, 4), SECTORS);
    assert_int_equal(in(24, 4), 0);
    assert_int_equal(in(28, 4), 65536);
    assert_int_equal(in(32, 4), VIRTIO_PARTS - 2);
    struct ata_geometry g = ata_geometry_of(SECTORS);
    assert_int_equal(in(36, 2), g.cylinders);
    assert_int_equal(in(38, 1), g.heads);
    assert_int_equal(in(39, 1), g.sectors);
    assert_int_equal(in(40, 4), DISK_SECTOR);
    out(20, 4, 77);
    assert_int_equal(in(20, 4), SECTORS); /* read-only */
    start();
    assert_int_equal(in(VIRTIO_STATUS, 1), 7);
    assert_int_equal(in(VIRTIO_QUEUE_PAGE, 4), QUEUE / PAGE_SIZE);
    out(VIRTIO_STATUS, 1, 0);
    assert_int_equal(in(VIRTIO_STATUS, 1), 0);
    assert_int_equal(in(VIRTIO_QUEUE_PAGE, 4), 0);
    assert_int_equal(in(VIRTIO_GUEST_FEATURES, 4), 0);
}

static void the_pci_function(void **state)
{
    (void)state;
    make(false, false);
    bus_attach(&w.bus, BUS_PORT, 0xCF8, 8, 0, &w.pci.device, &(struct err){ 0 });
    bus_out(&w.bus, 0xCF8, 4, 0x80002000);
    assert_int_equal(bus_in(&w.bus, 0xCFC, 4), 0x10011AF4);
    bus_out(&w.bus, 0xCF8, 4, 0x8000202C);
    assert_int_equal(bus_in(&w.bus, 0xCFC, 4), 0x00021AF4);
    bus_out(&w.bus, 0xCF8, 4, 0x80002010);
    bus_out(&w.bus, 0xCFC, 4, UINT32_MAX);
    assert_int_equal(bus_in(&w.bus, 0xCFC, 4), 0xFFFFFFC1);
    bus_out(&w.bus, 0xCFC, 4, 0xD001);
    assert_int_equal(in(20, 4), UINT32_MAX);
    assert_int_equal(bus_in(&w.bus, 0xD014, 4), SECTORS); /* moved */
    bus_out(&w.bus, 0xCF8, 4, 0x80002800);
    assert_int_equal(bus_in(&w.bus, 0xCFC, 4), UINT32_MAX); /* there is one */
}

static void a_sector_in_and_out(void **state)
{
    (void)state;
    make(false, false);
    start();
    ask(0, VIRTIO_BLK_IN, 7, DISK_SECTOR);
    kick();
    assert_int_equal(used(), 0);
    assert_int_equal(get(USED, 2), VIRTIO_NO_NOTIFY); /* it looks by itself now */
    uint64_t begun = w.clock.now;
    pass();
    assert_int_equal(w.clock.now - begun, 1000 + 2000 + 100);
    assert_int_equal(used(), 1);
    assert_int_equal(get(USED, 2), 0);
    assert_int_equal(get(USED + 4, 4), 0);
    assert_int_equal(get(USED + 8, 4), DISK_SECTOR + 1); /* bytes written */
    assert_int_equal(answer(0), VIRTIO_BLK_OK);
    assert_memory_equal(w.ram + DATA, w.medium + 7 * DISK_SECTOR, DISK_SECTOR);
    assert_true(w.irq);
    assert_int_equal(in(VIRTIO_ISR, 1), VIRTIO_ISR_QUEUE);
    assert_false(w.irq);
    assert_int_equal(in(VIRTIO_ISR, 1), 0);

    memset(w.ram + DATA, 0xA5, 3 * DISK_SECTOR);
    ask(4, VIRTIO_BLK_OUT, SECTORS - 3, 3 * DISK_SECTOR);
    kick();
    pass();
    assert_int_equal(used(), 2);
    assert_int_equal(get(USED + 4 + 8, 4), 4);
    assert_int_equal(get(USED + 8 + 8, 4), 1);
    assert_int_equal(answer(4), VIRTIO_BLK_OK);
    for (unsigned i = 0; i < sizeof w.medium; i++)
        assert_int_equal(w.medium[i], i < (SECTORS - 3) * DISK_SECTOR ? (uint8_t)(i * 7 >> 3) : 0xA5);
}

/* Data in odd pieces, of 40 sectors: three blocks; with a table of its own, too. */
static void pieces(void **state)
{
    (void)state;
    for (int indirect = 0; indirect < 2; indirect++) {
        make(false, false);
        start();
        uint32_t table = indirect ? TABLE : QUEUE;
        static const uint32_t size[] = { 1, 4095, 511, 8193, 100, 0, 7580 };
        uint32_t at = DATA, n = 1, sum = 0;
        put(HEADER, 4, VIRTIO_BLK_IN);
        put(HEADER + 8, 8, 3);
        entry_at(table, 0, HEADER, 7, VIRTIO_NEXT, 1); /* the header, too */
        entry_at(table, 1, HEADER + 7, 9, VIRTIO_NEXT, 2);
        for (n = 2; n < 9; n++, at += size[n - 3] + 3, sum += size[n - 3]) entry_at(table, n, at, size[n - 2], VIRTIO_NEXT | VIRTIO_WRITE, n + 1);
        assert_int_equal(sum, 40 * DISK_SECTOR);
        entry_at(table, 9, ANSWER, 1, VIRTIO_WRITE, 0);
        if (indirect) entry(5, TABLE, 10 * 16, VIRTIO_INDIRECT, 0);
        offer(indirect ? 5 : 0);
        kick();
        pass();
        assert_int_equal(used(), 1);
        assert_int_equal(answer(0), VIRTIO_BLK_OK);
        at = DATA;
        for (unsigned i = 0, done = 0; i < 7; at += size[i] + 3, done += size[i], i++) {
            assert_memory_equal(w.ram + at, w.medium + 3 * DISK_SECTOR + done, size[i]);
            assert_int_equal(get(at + size[i], 3), 0);
        }
    }
}

static void other_requests(void **state)
{
    (void)state;
    make(false, false);
    start();
    ask(0, VIRTIO_BLK_FLUSH, 0, 0);
    ask(4, VIRTIO_BLK_GET_ID, 0, VIRTIO_BLK_ID);
    ask(8, 2, 0, DISK_SECTOR);                    /* SCSI: not here */
    ask(12, VIRTIO_BLK_IN, SECTORS, DISK_SECTOR); /* beyond the end */
    ask(16, VIRTIO_BLK_IN, SECTORS - 1, 2 * DISK_SECTOR);
    ask(20, VIRTIO_BLK_OUT, UINT64_MAX - 1, DISK_SECTOR);
    ask(24, VIRTIO_BLK_IN, 0, 100);               /* no whole sectors */
    kick();
    pass();
    assert_int_equal(used(), 7);
    static const uint8_t want[] = { VIRTIO_BLK_OK, VIRTIO_BLK_OK, VIRTIO_BLK_UNSUPP, VIRTIO_BLK_IOERR, VIRTIO_BLK_IOERR, VIRTIO_BLK_IOERR, VIRTIO_BLK_IOERR };
    for (unsigned i = 0; i < 7; i++) assert_int_equal(answer(4 * i), want[i]);
    assert_string_equal((char *)w.ram + DATA, "ringside-disk0");
    assert_int_equal(w.rises, 1); /* seven answers, one interrupt: nobody had read ISR */
    w.bad = true;
    ask(28, VIRTIO_BLK_IN, 1, DISK_SECTOR);
    kick();
    pass();
    assert_int_equal(answer(28), VIRTIO_BLK_IOERR);

    make(false, true);
    assert_true(in(VIRTIO_HOST_FEATURES, 4) & VIRTIO_BLK_RO);
    start();
    ask(0, VIRTIO_BLK_OUT, 0, DISK_SECTOR);
    kick();
    pass();
    assert_int_equal(answer(0), VIRTIO_BLK_IOERR);
    assert_int_equal(w.medium[8], 7);
}

static void who_wants_to_be_told(void **state)
{
    (void)state;
    make(true, false);
    start();
    put(AVAIL, 2, VIRTIO_NO_INTERRUPT);
    for (unsigned i = 0; i < 5; i++) ask(4 * i, VIRTIO_BLK_IN, i, DISK_SECTOR);
    kick(); /* one for five */
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(w.asked, i + 1);
        assert_int_equal(w.lba, i);
        assert_int_equal(get(USED, 2), VIRTIO_NO_NOTIFY);
        memcpy(w.blk.buffer, w.medium + i * DISK_SECTOR, DISK_SECTOR);
        virtio_blk_arrived(&w.blk, w.ticket, true);
        assert_int_equal(used(), i + 1);
    }
    assert_int_equal(get(USED, 2), 0);
    assert_int_equal(w.rises, 0);
    put(AVAIL, 2, 0);
    ask(0, VIRTIO_BLK_FLUSH, 0, 0);
    kick();
    assert_int_equal(w.rises, 1);
}

/* A medium far away answers when nobody asks any more. */
static void reset_in_the_middle(void **state)
{
    (void)state;
    make(true, false);
    start();
    ask(0, VIRTIO_BLK_IN, 5, DISK_SECTOR);
    kick();
    uint32_t old = w.ticket;
    start();
    virtio_blk_arrived(&w.blk, old, true);
    assert_int_equal(used(), 0);
    ask(0, VIRTIO_BLK_IN, 6, DISK_SECTOR);
    kick();
    virtio_blk_arrived(&w.blk, old, true);
    assert_int_equal(used(), 0);
    virtio_blk_arrived(&w.blk, w.ticket, true);
    assert_int_equal(used(), 1);
    make(false, false);
    start();
    ask(0, VIRTIO_BLK_IN, 5, DISK_SECTOR);
    kick();
    virtio_reset(&w.blk.virtio.device);
    pass();
    assert_int_equal(used(), 0);
}

/* What is no request stops the queue, and a reset starts it again. */
static void malformed(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 16; k++) {
        make(false, false);
        start();
        ask(0, VIRTIO_BLK_IN, 1, DISK_SECTOR);
        switch (k) {
        case 0: entry(2, ANSWER, 1, VIRTIO_WRITE | VIRTIO_NEXT, 1); break;            /* a circle */
        case 1: entry(0, HEADER, 16, VIRTIO_NEXT, 0); break;                          /* of one */
        case 2: entry(0, HEADER, 16, VIRTIO_NEXT, VIRTIO_ENTRIES); break;             /* out of the table */
        case 3: put(AVAIL + 4, 2, VIRTIO_ENTRIES); break;                             /* so is its beginning */
        case 4: put(AVAIL + 2, 2, VIRTIO_ENTRIES + 1); break;                         /* more than there can be */
        case 5: put(QUEUE + 4, 4, 1); break;                                          /* above 4 GB */
        case 6: entry(1, 0xFFFFFF00, 0x200, VIRTIO_NEXT | VIRTIO_WRITE, 2); break;    /* around its end */
        case 7: entry(1, FRAMES * PAGE_SIZE - 256, DISK_SECTOR, VIRTIO_NEXT | VIRTIO_WRITE, 2); break; /* beyond RAM */
        case 8: entry(1, DATA, DISK_SECTOR, VIRTIO_NEXT | VIRTIO_WRITE, 2), entry(2, ANSWER, 1, 0, 0); break; /* read after written */
        case 9: entry(0, HEADER, 15, VIRTIO_NEXT, 2); break;                          /* no whole header */
        case 10: entry(0, HEADER, 16, 0, 0); break;                                   /* no room for the answer */
        case 11: entry(0, TABLE, 24, VIRTIO_INDIRECT, 0); break;                      /* a table and a half */
        case 12: entry(0, TABLE, 16, VIRTIO_INDIRECT | VIRTIO_NEXT, 1); break;
        case 13: entry(0, TABLE, 16, VIRTIO_INDIRECT, 0), entry_at(TABLE, 0, TABLE, 16, VIRTIO_INDIRECT, 0); break; /* in itself */
        case 14: entry(2, FRAMES * PAGE_SIZE, 1, VIRTIO_WRITE, 0); break;             /* the answer goes nowhere */
        default: entry(0, TABLE, 0, VIRTIO_INDIRECT, 0); break;
        }
        kick();
        pass();
        if (used() || !w.blk.virtio.queue[0].broken || w.blk.virtio.malformed != 1) fail_msg("case %u was taken", k);
        ask(8, VIRTIO_BLK_FLUSH, 0, 0);
        kick();
        assert_int_equal(used(), 0);
        start();
        ask(8, VIRTIO_BLK_FLUSH, 0, 0);
        kick();
        assert_int_equal(used(), 1);
    }
    make(false, false); /* tables within tables need the feature */
    start();
    out(VIRTIO_GUEST_FEATURES, 4, 0);
    entry(0, TABLE, 48, VIRTIO_INDIRECT, 0);
    offer(0);
    kick();
    assert_true(w.blk.virtio.queue[0].broken);
    out(VIRTIO_QUEUE_PAGE, 4, 0xFFFFFFFF);
    kick();
    out(VIRTIO_QUEUE_PAGE, 4, 0xFFFFF);
    kick();
    assert_int_equal(w.blk.virtio.requests, 0);
}

static uint64_t chance;
static uint32_t pick(uint32_t below)
{
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((chance >> 33) % below);
}

/* Random rings, registers and moments: nothing is touched but RAM and the medium, and afterwards a driver that works finds a device
 * that does. Its worth is under the sanitizers. */
static void any_rings(void **state)
{
    (void)state;
    static const uint16_t regs[] = { 0, 4, 8, 12, 14, 16, 16, 16, 18, 19, 20, 24, 44, 63 };
    uint64_t done = 0, stopped = 0;
    for (unsigned round = 0; round < 300; round++) {
        chance = round;
        make(round & 1, round & 2);
        start();
        for (unsigned i = 0; i < 400; i++) {
            unsigned n = pick(8);
            if (n < 4) ask(pick(30) * 4, pick(3) ? pick(2) : pick(10), pick(4) ? pick(SECTORS) : pick(0x7FFFFFFF), pick(5) * DISK_SECTOR + (pick(9) ? 0 : pick(600)));
            if (n == 4 && !pick(4)) put(QUEUE + pick(2 * PAGE_SIZE - 4), 1u << pick(3), pick(0x7FFFFFFF));
            if (n == 5 && !pick(3)) entry(pick(VIRTIO_ENTRIES), pick(2 * FRAMES * PAGE_SIZE), pick(100000), pick(8), pick(VIRTIO_ENTRIES + 2));
            if (n == 6 && !pick(6)) out(regs[pick(sizeof regs / sizeof regs[0])], 1u << pick(3), pick(4) ? pick(64) : pick(0x7FFFFFFF));
            if (n == 7 && w.asked) virtio_blk_arrived(&w.blk, w.ticket - !pick(4), pick(8) != 0);
            if (!pick(3)) kick();
            if (!pick(4)) pass();
            if (!pick(40)) start();
        }
        done += w.blk.virtio.requests;
        stopped += w.blk.virtio.malformed;
        pass();
        start();
        w.bad = false;
        ask(0, VIRTIO_BLK_IN, 9, DISK_SECTOR);
        kick();
        if (w.far) memcpy(w.blk.buffer, w.medium + 9 * DISK_SECTOR, DISK_SECTOR), virtio_blk_arrived(&w.blk, w.ticket, true);
        pass();
        assert_int_equal(used(), 1);
        assert_int_equal(answer(0), VIRTIO_BLK_OK);
        assert_memory_equal(w.ram + DATA, w.medium + 9 * DISK_SECTOR, DISK_SECTOR);
    }
    assert_in_range(done, 2000, 1000000);
    assert_in_range(stopped, 100, 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers), cmocka_unit_test(the_pci_function), cmocka_unit_test(a_sector_in_and_out), cmocka_unit_test(pieces),
        cmocka_unit_test(other_requests), cmocka_unit_test(who_wants_to_be_told), cmocka_unit_test(reset_in_the_middle), cmocka_unit_test(malformed),
        cmocka_unit_test(any_rings),
    };
    return cmocka_run_group_tests_name("io_virtio", tests, NULL, NULL);
}
