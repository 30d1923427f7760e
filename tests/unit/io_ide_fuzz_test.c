/* Random pokes at the IDE ports, and random descriptors: no crash, no access outside, and a reset brings the drive
 * back. Deterministic: the seed is in the name of what fails. Its worth is under the sanitizers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/ide_world.h"

enum { ROUNDS = 40, POKES = 6000 };

static struct ide_world w;
static uint64_t chance;

static uint32_t pick(uint32_t below)
{
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((chance >> 33) % below);
}

/* Mostly ports of the function, commands that move data more often than others, and addresses near both ends. */
static uint16_t any_port(void)
{
    static const uint16_t bases[] = { 0x1F0, 0x1F0, 0x1F0, 0x170, IDE_WORLD_MASTER, IDE_WORLD_MASTER, 0x3F6, 0x376 };
    uint16_t base = bases[pick(8)];
    return (uint16_t)(base + (base < 0x300 ? pick(8) : base == IDE_WORLD_MASTER ? pick(16) : 0));
}

static uint32_t any_value(uint16_t port)
{
    static const uint8_t codes[] = { 0x20, 0x24, 0x25, 0x29, 0x30, 0x34, 0x35, 0x39,
                                     0xC4, 0xC5, 0xC8, 0xCA, 0xEC, 0x91, 0x90, 0x40 };
    if ((port & 7) == 7 && pick(4)) return codes[pick(sizeof codes)];
    if ((port & 7) == 6 && pick(3)) return 0xA0 | pick(2) << 6 | pick(2) << 4 | (pick(8) ? 0 : pick(16));
    if ((port == 0x3F6 || port == 0x376) && pick(4)) return pick(2) << 1;
    if (port == IDE_WORLD_MASTER && pick(2)) return 1 | pick(2) << 3;
    if (port == IDE_WORLD_MASTER + 4 && pick(4)) return pick(IDE_WORLD_FRAMES * 4096);
    if (pick(3)) return pick(8);
    return pick(0x7FFFFFFF) << 1 | pick(2);
}

static void scribble(void)
{
    uint32_t at = pick(IDE_WORLD_FRAMES * 512) * 8;
    uint32_t region = pick(4) ? pick(IDE_WORLD_FRAMES * 4096) : pick(0x7FFFFFFF) * 2;
    uint32_t words[2] = { region, pick(8192) | (pick(3) ? 0 : 0x80000000u) };
    memcpy(w.ram + at, words, 8);
}

static void configure(void)
{
    static const uint8_t bytes[] = { 0x04, 0x20, 0x21, 0x41, 0x43 };
    w.config[bytes[pick(sizeof bytes)]] = (uint8_t)pick(256);
    ide_configured(&w.ide, w.config);
    if (pick(2)) ide_world_configure(&w);
}

/* What a driver would do, so that random pokes also hit transfers under way. */
static void plausible(void)
{
    uint32_t table = pick(IDE_WORLD_FRAMES * 500) * 8, out = pick(2);
    for (unsigned i = 0; i < 3; i++) {
        uint32_t last = i == 2 || !pick(3) ? 0x80000000u : 0;
        uint32_t words[2] = { pick(IDE_WORLD_FRAMES * 4096), (pick(3000) & ~1u) | last };
        memcpy(w.ram + table + 8 * i, words, 8);
    }
    bus_out(&w.bus, 0x3F6, 1, pick(4) ? 0 : 4);
    bus_out(&w.bus, 0x3F6, 1, 0);
    ide_world_run(&w, pick(3));
    bus_out(&w.bus, IDE_WORLD_MASTER, 1, 0);
    bus_out(&w.bus, IDE_WORLD_MASTER + 4, 4, table);
    bus_out(&w.bus, 0x1F2, 1, pick(20));
    bus_out(&w.bus, 0x1F7, 1, out ? 0xCA : 0xC8);
    bus_out(&w.bus, IDE_WORLD_MASTER, 1, out ? 1 : 9);
}

static void poke(void)
{
    uint16_t port = any_port();
    unsigned size = 1u << (pick(4) ? 0 : pick(3));
    switch (pick(40)) {
    case 0: ide_world_run(&w, pick(4)); break;
    case 1: scribble(); break;
    case 2: if (!pick(20)) configure(); break;
    case 3: w.bad = pick(2) ? 0 : 1 + pick(300); break;
    case 4: for (unsigned i = pick(300); i--; ) bus_in(&w.bus, 0x1F0, 2); break;
    case 5: for (unsigned i = pick(300); i--; ) bus_out(&w.bus, 0x1F0, 4, i); break;
    case 10: if (!pick(4)) plausible(); break;
    case 6: case 7: case 8: case 9: ide_world_run(&w, 1); break;
    default:
        if (pick(3)) bus_out(&w.bus, port, size, any_value(port));
        else bus_in(&w.bus, port, size);
    }
}

/* Both drives, and both masters, are as good as new after a reset. */
static void recovers(void)
{
    w.bad = 0;
    w.ide.device.ops->reset(&w.ide.device);
    assert_int_equal(timeq_next(&w.queue), TIMEQ_NEVER);
    ide_world_configure(&w);
    for (unsigned d = 0; d < 2 && ata_present(&w.ide.channel[0].drive[d]); d++) {
        bus_out(&w.bus, 0x1F6, 1, 0xE0 | d << 4);
        bus_out(&w.bus, 0x1F2, 1, 1);
        bus_out(&w.bus, 0x1F3, 1, 17);
        bus_out(&w.bus, 0x1F4, 2, 0);
        bus_out(&w.bus, 0x1F7, 1, 0x20);
        ide_world_wait(&w, 0);
        assert_int_equal(bus_in(&w.bus, 0x1F7, 1), 0x58);
        for (unsigned i = 0; i < 128; i++) {
            uint32_t v;
            memcpy(&v, w.disk[d] + 17 * 512 + 4 * i, 4);
            assert_int_equal(bus_in(&w.bus, 0x1F0, 4), v);
        }
        assert_int_equal(bus_in(&w.bus, 0x1F7, 1), 0x50);
    }
}

static void random_pokes(void **state)
{
    (void)state;
    uint64_t moved = 0, interrupts = 0;
    for (unsigned round = 1; round <= ROUNDS; round++) {
        chance = round;
        ide_world_init(&w, 1 + round % 2);
        for (unsigned i = 0; i < POKES; i++) poke();
        recovers();
        moved += w.touched, interrupts += w.irqs[0];
        ide_world_done(&w);
    }
    if (moved < 10000 || interrupts < 1000)
        fail_msg("%u bytes, %u interrupts: does it reach the drives?", (unsigned)moved, (unsigned)interrupts);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(random_pokes) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
