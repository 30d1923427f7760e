/* Any file as an image: loaded, or refused with a line that names it, an exit code, and memory as it was. */
#include "sim/core/arena.h"
#include "sim/loader.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

enum { FRAMES = 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t *ram;
    static struct clock clock;
    struct arena arena;
    struct bus bus;
    struct image image;
    struct err e = { 0 };
    if (!ram && !(ram = calloc(FRAMES, PAGE_SIZE))) abort();
    if (!arena_init(&arena, 1 << 20)) abort();
    bus_init(&bus, ram, FRAMES, &clock, &arena);
    bool good = loader_load_bytes(&bus, "fuzz", data, size, "one two", &image, &e);
    if (good) {
        for (uint32_t at = 0x100000; at < 0x100100; at++) (void)symbols_at(&image.symbols, at, &(uint32_t){ 0 });
        image_done(&image);
        memset(ram, 0, (size_t)FRAMES * PAGE_SIZE);
    } else {
        FUZZ_HOLDS(e.code == EXIT_INPUT || e.code == EXIT_USAGE);
        FUZZ_HOLDS(strstr(e.text, "fuzz") && !strchr(e.text, '\n'));
        for (unsigned frame = 0; frame < FRAMES; frame++) FUZZ_HOLDS(!bus.marks[frame]);
    }
    arena_done(&arena);
    return 0;
}
