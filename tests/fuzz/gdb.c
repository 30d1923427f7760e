/* Any bytes from a debugger: the packet reader, and the commands on a small machine, bare or under the hypervisor.
 *
 * An input is lines. One that begins with `~` is a `monitor` command; one that begins with `^` goes to the reader as it is,
 * checksum and all; any other is a packet's payload.
 * Invariants: what the server sends is whole packets; a session goes on whatever it was told; the debugger's interrupt ends
 * every run. The guest is a few instructions; an input's runs are bounded by the machine's own limit. GDB manual, appendix E.
 * Building a machine costs more than a session: each kind is built once, and every input finds it as it was then. That nothing else
 * stays is held for the first inputs: on a machine of their own they get the same answers. */
#include "tests/fuzz/fuzz.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "sim/board.h"
#include "sim/gdb.h"

enum { LINES_MOST = 10, LIMIT = 3000, PATIENCE = 3, COMPARED = 40 };

/* A machine before its first snapshot, as it was built: all that a session can change. */
struct kept {
    struct machine *m;
    uint8_t *arena, *ram;
    uint32_t events;
};

static char image[64];
static struct gdb_reader ours, theirs;
static unsigned asked;
static struct text said; /* all answers to one input */

/* Stores, calls, reads a port and loops; at 1 MB. */
static void make_image(void)
{
    static const uint8_t code[] = { 0xBC, 0x00, 0x00, 0x20, 0x00, 0xB9, 0x40, 0x00, 0x00, 0x00, 0xE8, 0x06, 0x00, 0x00, 0x00, 0xE2, 0xF9,
                                    0xEB, 0xF2, 0x90, 0x90, 0x89, 0x0D, 0x00, 0x10, 0x10, 0x00, 0xE4, 0x60, 0xC3 };
    const Elf32_Ehdr h = { .e_ident = { 0x7F, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, 1 }, .e_type = ET_EXEC, .e_machine = EM_386,
                           .e_version = 1, .e_entry = 0x100000, .e_phoff = 52, .e_ehsize = 52, .e_phentsize = 32, .e_phnum = 1 };
    const Elf32_Phdr p = { PT_LOAD, 84, 0x100000, 0x100000, sizeof code, 0x2000, 7, 0x1000 };
    int fd = memfd_create("guest", 0);
    bool ok = fd >= 0 && write(fd, &h, sizeof h) == sizeof h && write(fd, &p, sizeof p) == sizeof p &&
              write(fd, code, sizeof code) == sizeof code;
    if (!ok) abort();
    snprintf(image, sizeof image, "/proc/self/fd/%d", fd);
}

static struct machine *boot(bool te)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    if (!*image) make_image();
    cfg.ram_mib = 4;
    cfg.limit_insns = LIMIT;
    snprintf(cfg.cpu, sizeof cfg.cpu, "%s", te ? "te" : "native");
    snprintf(cfg.image, sizeof cfg.image, "%s", image);
    if (!config_check(&cfg, &e)) FUZZ_FAIL("%s", e.text);
    struct machine *m = machine_new(&cfg, &e);
    if (!m) FUZZ_FAIL("%s", e.text);
    return m;
}

static uint8_t *copy(const void *bytes, size_t n)
{
    uint8_t *to = malloc(n);
    if (!to) abort();
    return memcpy(to, bytes, n);
}

/* Without its snapshots the marks name all pages that are not zeros. */
static struct kept keep(struct machine *m)
{
    snapshots_forget(m);
    return (struct kept){ m, copy(m->arena.base, m->arena.used), copy(m->ram, (size_t)m->frames * PAGE_SIZE), trace_last(m->trace) };
}

/* Pages that are as they were are not written to: they cost the host less. */
static void restore(uint8_t *to, const uint8_t *from, size_t n)
{
    for (size_t at = 0, part; at < n; at += part) {
        part = n - at < PAGE_SIZE ? n - at : PAGE_SIZE;
        if (memcmp(to + at, from + at, part) != 0) memcpy(to + at, from + at, part);
    }
}

static void begin_again(const struct kept *k)
{
    struct machine *m = k->m;
    snapshots_forget(m);
    for (uint32_t f = 0; f < m->frames; f++)
        if (m->b->bus.marks[f] & FRAME_DIRTY) memcpy(m->ram + (size_t)f * PAGE_SIZE, k->ram + (size_t)f * PAGE_SIZE, PAGE_SIZE);
    restore(m->arena.base, k->arena, m->arena.used);
    block_cache_flush(m->blocks);
    recorder_start(&m->recorder, 0);
    trace_rewind(m->trace, k->events);
    trace_episode(m->trace, 0);
    m->inputs.len = m->typed.len = m->guest[0].serial.len = m->guest[0].serial_sent = 0;
    m->paused = m->limit_hit = m->till_hit = false;
    m->hit = 0;
    m->seen = -1;
    m->snapshots.replayed = 0;
    snapshot_take(m);
}

static struct machine *machine_of(bool te)
{
    static struct kept kept[2];
    if (!kept[te].m) kept[te] = keep(boot(te));
    begin_again(&kept[te]);
    return kept[te].m;
}

static bool interrupted(void *self)
{
    (void)self;
    return ++asked % PATIENCE == 0;
}

/* What was sent so far is whole packets that GDB can read. */
static void check_answers(struct gdb *g)
{
    bool whole = true;
    theirs = (struct gdb_reader){ 0 };
    if (g->out.len) text_bytes(&said, g->out.s, g->out.len);
    for (size_t n = 0; n < g->out.len; n++) {
        enum gdb_input in = gdb_read_byte(&theirs, (uint8_t)g->out.s[n]);
        if (in != GDB_NOTHING && in != GDB_COMMAND) FUZZ_FAIL("an answer GDB cannot read: %d", in);
        whole = in == GDB_COMMAND;
    }
    FUZZ_HOLDS(whole);
    text_clear(&g->out);
}

static void command(struct gdb *g, const uint8_t *packet, size_t n)
{
    uint8_t *body = malloc(n + 1);
    if (!body) abort();
    memcpy(body, packet, n);
    body[n] = 0;
    gdb_command(g, body, n);
    free(body);
    check_answers(g);
}

static void monitor(struct gdb *g, const uint8_t *line, size_t n)
{
    struct text t = { 0 };
    text_add(&t, "qRcmd,");
    gdb_add_hex(&t, line, n);
    command(g, (const uint8_t *)t.s, t.len);
    text_free(&t);
}

static void stream(struct gdb *g, const uint8_t *bytes, size_t n)
{
    for (size_t k = 0; k < n && g->over == GDB_ON; k++) {
        enum gdb_input in = gdb_read_byte(&ours, bytes[k]);
        FUZZ_HOLDS(ours.length <= GDB_PACKET_MOST);
        if (in == GDB_COMMAND) command(g, ours.body, ours.length);
    }
}

static void session(struct machine *m, struct fuzz_input in)
{
    struct gdb g;
    ours = (struct gdb_reader){ 0 };
    asked = 0;
    text_clear(&said);
    gdb_begin(&g, m, interrupted, NULL);
    for (unsigned lines = 0; fuzz_left(&in) && lines < LINES_MOST && g.over == GDB_ON; lines++) {
        const uint8_t *end = memchr(in.at, '\n', fuzz_left(&in));
        size_t n = end ? (size_t)(end - in.at) : fuzz_left(&in);
        if (n && *in.at == '~') monitor(&g, in.at + 1, n - 1);
        else if (n && *in.at == '^') stream(&g, in.at + 1, n - 1);
        else if (n <= GDB_PACKET_MOST) command(&g, in.at, n);
        if (end) n++;
        in.at += n;
    }
    gdb_end(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned compared;
    struct fuzz_input in = { data, data + size };
    bool te = fuzz_u8(&in) & 1;
    session(machine_of(te), in);
    if (compared++ >= COMPARED) return 0;
    size_t n = said.len;
    uint8_t *answers = copy(said.s ? said.s : "", n);
    struct machine *own = boot(te);
    session(own, in);
    machine_free(own);
    FUZZ_HOLDS(said.len == n && !memcmp(said.s ? said.s : "", answers, n));
    free(answers);
    return 0;
}

size_t fuzz_seed(unsigned n, uint8_t *to, size_t room)
{
    static const char *const texts[] = {
        "?\ng\np8\nP8=15001000\nG00000000\nm100000,20\nM100000,2:eb00\nX100000,2:}\x03}\n",
        "Z0,10000f,1\nc\nz0,10000f,1\nZ2,101000,4\nc\nZ3,101000,4\nZ4,101000,2\nc\nbc\nbs\n",
        "qSupported:swbreak+;hwbreak+\nQStartNoAckMode\nqXfer:features:read:target.xml:0,fff\nvCont?\nvCont;s:1\nvCont;r100000,100020\n",
        "vMustReplyEmpty\nqC\nqfThreadInfo\nqAttached\nqOffsets\nqThreadExtraInfo,1\nHg0\nT1\nqCRC:100000,40\nqSymbol::\n",
        "s\ns100000\nS05\nC05;100000\nbs\nbc\nR00\nvRun;\nD\n",
        "~help\n~info\n~regs\n~exits\n~cycles\n~log 5\n~walk 0x100000\n~segments\n~gdt\n",
        "~step 20\n~back 5\n~goto 10\n~idt\n~devices\n~symbol 0x100000\n~screen\n~until cycle 900\n~until 0x100013\n",
        "^+$g#67+$m100000,4#8e\x03-\n^$g#00$$?#3f\n!\nk\n",
        "P10=00000080\nP20=ffffffff\np3f\np40\nGffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\ns\ns\n",
        "M100000,8:0f0bf4cd80ebfe90\nc\n?\nbs\nM100000,4:0f22d8f4\nP8=00001000\nc\nc\n",
    };
    struct fuzz_seed s = { to, 0, room };
    if (n >= 2 * sizeof texts / sizeof texts[0]) return 0;
    fuzz_put8(&s, n);
    fuzz_put(&s, texts[n / 2], strlen(texts[n / 2]));
    return s.n;
}
