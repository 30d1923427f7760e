/* Random disk traffic by every way to a device, with crashes at every state of a request.
 *
 * Idea: two processes of a guest read and write pieces anywhere in parts of their own of a disk (scenarios/guests/mini/user/disk.c), and say when a
 * write was acknowledged. Which pieces with which bytes follows from a number, so this test knows what the disk must hold after each of them, and
 * what all that was read sums up to. Whoever survives ends with just that; whoever does not (its process was killed, its machine lost power)
 * leaves what is there after some of its writes, and no fewer than were acknowledged; the one that was under way may be done by halves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/board.h"

/* One moment of death in so many: all of them take minutes, so they are for who sets EVERY_MOMENT. Requests give four chances each. */
#ifdef __SANITIZE_ADDRESS__
enum { BACK_END = 61, PROCESS = 29, DEATHS_OF_SERVICE = 4, CUTS = 1 };
#else
enum { BACK_END = 9, PROCESS = 5, DEATHS_OF_SERVICE = 24, CUTS = 2 };
#endif
enum { SECTOR = 512, PIECE = 8 /* sectors */, SECTORS = 256, PARTS = 2, LIMIT = 400000000 };

/* ---- what must be on the disk */

static const struct part { uint32_t first, sectors; } parts[PARTS] = { { 3, 41 }, { 130, 90 } };
struct traffic { uint32_t number, state, left, hash; };
enum { COUNT = 9 /* operations of each part */ };

static uint8_t disk[SECTORS][SECTOR]; /* as it is expected now */

static uint32_t next(uint32_t *number) { return *number = *number * 1664525 + 1013904223; }
static uint32_t below(uint32_t *number, uint32_t n) { return (uint32_t)(((next(number) >> 16) * n) >> 16); }

static uint32_t number_of(unsigned seed, unsigned part) { return seed * 10 + part + 1; }

static struct traffic traffic_of(unsigned seed, unsigned part)
{
    uint32_t number = number_of(seed, part);
    return (struct traffic){ number, number, COUNT, 0x811C9DC5 };
}

static void begin(void)
{
    for (unsigned i = 0; i < sizeof disk; i++) ((uint8_t *)disk)[i] = (uint8_t)(i * 7 + i / SECTOR);
}

/* The part's next write into `at`, a piece; what is read before it is read from the disk as it is expected. False: there is none. */
static bool next_write(struct traffic *t, const struct part *p, uint32_t *at, uint8_t *piece)
{
    for (; t->left; t->left--) {
        bool writes = below(&t->state, 5) >= 2;
        *at = p->first + below(&t->state, p->sectors - PIECE + 1);
        uint32_t filler = t->state;
        for (unsigned i = 0; !writes && i < PIECE * SECTOR; i++) t->hash = (t->hash ^ disk[*at + i / SECTOR][i % SECTOR]) * 0x01000193;
        if (!writes) continue;
        for (unsigned i = 0; i < PIECE * SECTOR; i++) piece[i] = (uint8_t)(next(&filler) >> 24);
        t->left--;
        return true;
    }
    return false;
}

/* Is the part of `image` what is there after the writes so far, but for sectors of the next one? */
static bool shows(const struct part *p, uint8_t image[SECTORS][SECTOR], bool more, uint32_t at, const uint8_t *piece)
{
    for (uint32_t n = p->first; n < p->first + p->sectors; n++) {
        bool next_one = more && n >= at && n - at < PIECE && !memcmp(image[n], piece + (n - at) * SECTOR, SECTOR);
        if (!next_one && memcmp(image[n], disk[n], SECTOR)) return false;
    }
    return true;
}

/* After how many writes of the part, not fewer than were heard of, is it this? All of them, if it must be. -1: none. */
static int writes_shown(unsigned seed, unsigned part, uint8_t image[SECTORS][SECTOR], unsigned heard, bool all, uint32_t *hash)
{
    struct traffic t = traffic_of(seed, part);
    uint8_t piece[PIECE * SECTOR];
    for (unsigned done = 0;; done++) {
        uint32_t at = 0;
        bool more = next_write(&t, &parts[part], &at, piece);
        *hash = t.hash;
        if (done >= heard && !(all && more) && shows(&parts[part], image, more, at, piece)) return (int)done;
        if (!more) return -1;
        memcpy(disk[at], piece, sizeof piece);
    }
}

/* ---- the ways */

struct way { const char *cpu, *io, *host, *set, *words; unsigned vms; bool module; };
static const struct way ways[] = {
    { .cpu = "native" }, { .cpu = "native", .words = "pio" }, { .cpu = "native", .set = "io.virtio=1", .module = true },
    { .cpu = "vtx", .io = "passthrough" }, { .cpu = "te", .io = "passthrough", .words = "pio" }, { .cpu = "bt", .io = "passthrough" },
    { .cpu = "vtx" }, { .cpu = "te" }, { .cpu = "bt", .words = "pio" }, { .cpu = "vtx", .vms = 2 },
    { .cpu = "te", .set = "io.virtio=1", .module = true, .vms = 2 },
    { .cpu = "vtx", .host = "hosted" }, { .cpu = "bt", .host = "hosted" },
    { .cpu = "te", .host = "hosted", .words = "pio" }, { .cpu = "vtx", .host = "hosted", .vms = 2 },
    { .cpu = "pv", .io = "split", .vms = 3 },
};
enum { WAYS = sizeof ways / sizeof ways[0], HOSTED = 11, SPLIT = WAYS - 1 };

static char scratch[] = "/tmp/ringside-random-XXXXXX"; /* the disk before anybody wrote */

static void make_scratch(void)
{
    int fd = mkstemp(scratch);
    assert_true(fd >= 0);
    begin();
    assert_int_equal(write(fd, disk, sizeof disk), sizeof disk);
    close(fd);
}

static unsigned often(unsigned some, unsigned every) { return getenv("EVERY_MOMENT") ? every : some; }
static bool is(const char *a, const char *b) { return a && !strcmp(a, b); }
static unsigned drive_of(const struct way *w) { return w->module ? 0 : 1; }
static unsigned first_guest(const struct way *w) { return is(w->io, "split") ? 1 : 0; }
static unsigned guests(const struct way *w) { return w->vms ? w->vms : 1; }

static void set(struct machine_cfg *cfg, const char *name, const char *value)
{
    struct err e = { 0 };
    if (!config_option(cfg, name, value, &e)) fail_msg("%s", e.text);
}

/* A machine whose guests have their files on one disk and the traffic on another, or on the only one. */
static struct machine *machine(const struct way *w, unsigned seed, const char *words, const char *option)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    unsigned n = drive_of(w);
    char line[512];
    cfg.ram_mib = 16;
    cfg.vms = w->vms;
    strcpy(cfg.cpu, w->cpu);
    if (w->io) strcpy(cfg.io, w->io);
    if (w->host) strcpy(cfg.host, w->host);
    if (w->host) strcpy(cfg.host_image, "build/guests/mini-host.elf"), strcpy(cfg.host_module, "build/guests/mini-host.img");
    strcpy(cfg.image, is(w->cpu, "pv") ? "build/guests/mini-pv.elf" : "build/guests/mini.elf");
    if (w->module) set(&cfg, "module", "build/guests/mini.img");
    else strcpy(cfg.disk[0], "build/guests/mini.img");
    strcpy(cfg.disk[n], scratch);
    cfg.disks = n + 1;
    if (w->set) set(&cfg, "set", w->set);
    if (is(w->cpu, "te")) set(&cfg, "set", "cpu.virtualizable=1"); /* its POPF would leave a critical section open */
    if (option) set(&cfg, "set", option);
    snprintf(line, sizeof line, "%s %s %s run=\"/bin/disk random %u %u %u %u %u & /bin/disk random %u %u %u %u %u; wait; halt\"",
             w->module || is(w->cpu, "pv") ? "" : "disk disks=2",
             w->words ? w->words : "", words, n, number_of(seed, 0), COUNT, parts[0].first, parts[0].sectors,
             n, number_of(seed, 1), COUNT, parts[1].first, parts[1].sectors);
    strcpy(cfg.append, line);
    struct machine *m = config_check(&cfg, &e) ? machine_new(&cfg, &e) : NULL;
    if (!m) fail_msg("%s", e.text);
    return m;
}

static void look_at_disk(struct machine *m, const struct way *w, unsigned vm, uint8_t image[SECTORS][SECTOR])
{
    unsigned n = vm * CONFIG_DISKS + drive_of(w);
    struct disk d = disk_image_medium(m->disk[n], &m->b->disk[n]);
    for (uint64_t s = 0; s < SECTORS; s++) assert_true(d.read(d.self, s, image[s]));
}

static const char *text(const struct machine *m, unsigned vm)
{
    size_t n;
    return machine_vm_serial(m, vm, &n);
}

/* How many writes did the guest say were acknowledged? */
static unsigned heard(const struct machine *m, unsigned vm, uint32_t number)
{
    char word[32];
    unsigned most = 0;
    snprintf(word, sizeof word, "disk: %u: ", number);
    for (const char *at = text(m, vm); (at = strstr(at, word)) != NULL; at++)
        if (strchr(at, '\n') && (unsigned)atoi(at + strlen(word)) > most) most = (unsigned)atoi(at + strlen(word));
    return most;
}

static const char *name_of(const struct way *w)
{
    static char name[64];
    snprintf(name, sizeof name, "%s %s", w->cpu, w->host ? w->host : w->io ? w->io : "");
    return name;
}

/* The guest's disk and what it read are what they must be; all of it, if it came to its end. */
static void guest_is_right(struct machine *m, const struct way *w, unsigned vm, unsigned seed, bool all, const char *what)
{
    static uint8_t image[SECTORS][SECTOR];
    char word[64];
    uint32_t hash;
    look_at_disk(m, w, vm, image);
    begin();
    for (unsigned part = 0; part < PARTS; part++) {
        uint32_t number = number_of(seed, part);
        unsigned said = heard(m, vm, number);
        if (writes_shown(seed, part, image, said, all, &hash) < 0)
            fail_msg("%s, seed %u, %s: vm%u: part %u of its disk shows no moment after its write %u", name_of(w), seed, what, vm, part, said);
        snprintf(word, sizeof word, "disk: %u: all, and read %08X", number, hash);
        if (all && !strstr(text(m, vm), word))
            fail_msg("%s, seed %u, %s: vm%u did not read what it should, %s: %s", name_of(w), seed, what, vm, word, text(m, vm));
    }
    uint8_t was[SECTOR];
    for (unsigned s = 0; s < SECTORS; s++) {
        bool in = false;
        for (unsigned part = 0; part < PARTS; part++) in |= s - parts[part].first < parts[part].sectors;
        for (unsigned i = 0; i < SECTOR; i++) was[i] = (uint8_t)((s * SECTOR + i) * 7 + s);
        if (!in && memcmp(image[s], was, SECTOR)) fail_msg("%s, seed %u, %s: vm%u: sector %u was nobody's", name_of(w), seed, what, vm, s);
    }
}

static bool well(const struct machine *m, unsigned vm)
{
    struct machine_vm v;
    machine_vm(m, vm, &v);
    return v.end.fate == FATE_EXITED && !v.end.code;
}

static void all_are_right(struct machine *m, const struct way *w, unsigned seed, bool survive, const char *what)
{
    for (unsigned vm = first_guest(w); vm < guests(w); vm++) {
        bool ended = w->vms || w->host ? well(m, vm) : machine_end(m).fate == FATE_EXITED;
        if (survive && !ended) fail_msg("%s, seed %u, %s: vm%u did not end well: %s", name_of(w), seed, what, vm, text(m, vm));
        guest_is_right(m, w, vm, seed, ended, what);
    }
}

static bool service_kernel_runs(const struct machine *m)
{
    const struct cpu *c = &m->b->cpu;
    return m->b->vmm.now == m->b->vmm.vm && c->cpl == 1 && c->eip >= 0xC0000000u && c->eip < 0xC1000000u;
}

static const struct till never = { .kind = TILL_NEVER };

/* ---- the tests */

static void every_way_ends_with_the_same_disk(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WAYS; i++) {
        struct machine *m = machine(&ways[i], i, "", NULL);
        assert_int_not_equal(machine_run(m, &never, LIMIT), MACHINE_TILL);
        all_are_right(m, &ways[i], i, true, "to the end");
        machine_free(m);
    }
}

/* The power goes at a moment that nobody chose: what is on the disks is what was there after some of the writes. */
static void without_power(void **state)
{
    (void)state;
    uint32_t number = 1;
    for (unsigned i = 0; i < WAYS; i++)
        for (unsigned cut = 0; cut < often(CUTS, 20); cut++) {
            const struct way *w = &ways[i];
            unsigned seed = 20 + i * 20 + cut;
            char what[64] = "no death";
            struct machine *m = machine(w, seed, "", NULL);
            snprintf(what, sizeof what, "power cut %u", cut);
            while (machine_run(m, &never, 20000) == MACHINE_BUDGET && !heard(m, guests(w) - 1, number_of(seed, 0))) {}
            machine_run(m, &never, below(&number, w->vms ? 900 : 400) * 1000);
            all_are_right(m, w, seed, false, what);
            machine_free(m);
        }
}

/* With a request taken, done, answered and the answer shown: the guests find another back end, ask again what was not answered. */
static void back_ends_that_die(void **state)
{
    (void)state;
    const struct way *w = &ways[SPLIT];
    unsigned died = 0;
    for (unsigned chance = 1;; chance += often(BACK_END, 1)) {
        char words[32];
        snprintf(words, sizeof words, "crash=%u", chance);
        struct machine *m = machine(w, 500 + chance, words, NULL);
        assert_int_not_equal(machine_run(m, &never, LIMIT), MACHINE_TILL);
        all_are_right(m, w, 500 + chance, true, words);
        bool it_did = strstr(text(m, 0), "the back end dies") != NULL;
        machine_free(m);
        if (!it_did) break;
        died++;
    }
    assert_true(died >= 5);
}

/* The process of a virtual machine: asked for, done, answered, the answer heard. */
static void processes_that_are_killed(void **state)
{
    (void)state;
    unsigned killed = 0;
    for (unsigned chance = 1;; chance += often(PROCESS, 1)) {
        const struct way *w = &ways[HOSTED + chance % (SPLIT - HOSTED)];
        char option[32];
        snprintf(option, sizeof option, "host.crash=%u", chance);
        struct machine *m = machine(w, 1000 + chance, "", option);
        assert_int_not_equal(machine_run(m, &never, LIMIT), MACHINE_TILL);
        all_are_right(m, w, 1000 + chance, false, option);
        bool it_was = false;
        for (unsigned vm = 0; vm < guests(w); vm++) it_was |= !well(m, vm);
        machine_free(m);
        if (!it_was) break;
        killed++;
    }
    assert_true(killed >= 5);
}

/* The service domain dies between any two instructions of its kernel: the next one becomes UD2. The hypervisor makes another one. */
static void service_domains_that_die(void **state)
{
    (void)state;
    const struct way *w = &ways[SPLIT];
    uint32_t number = 7;
    unsigned died = 0;
    for (unsigned n = 0; n < often(DEATHS_OF_SERVICE, 500); n++) {
        struct machine *m = machine(w, 2000 + n, "", NULL);
        char what[64] = "no death";
        while (machine_run(m, &never, 20000) == MACHINE_BUDGET && !heard(m, 1, number_of(2000 + n, 0))) {}
        enum machine_stop stop = machine_run(m, &never, below(&number, 500) * 400);
        while (stop == MACHINE_BUDGET && !service_kernel_runs(m)) stop = machine_run(m, &never, 7);
        if (stop == MACHINE_BUDGET) {
            uint32_t eip = m->b->cpu.eip;
            bus_poke(&m->b->vmm.vm[0].pseudo, hpa(eip - 0xC0000000u), "\x0F\x0B", 2);
            snprintf(what, sizeof what, "service domain dead at %08X", eip);
            stop = machine_run(m, &never, LIMIT);
            died++;
        }
        assert_int_not_equal(stop, MACHINE_TILL);
        all_are_right(m, w, 2000 + n, true, what);
        machine_free(m);
    }
    assert_true(died >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_ends_with_the_same_disk), cmocka_unit_test(without_power), cmocka_unit_test(service_domains_that_die),
        cmocka_unit_test(back_ends_that_die), cmocka_unit_test(processes_that_are_killed),
    };
    make_scratch();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(scratch);
    return failed;
}
