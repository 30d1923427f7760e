/* The GDB server without a network: the packet reader on any bytes, the commands on a machine, stop points both ways, and
 * a debugger that talks nonsense. The real gdb is tests/cli/gdb.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/gdb.h"

static struct machine *boot(const char *cpu, const char *guest, uint64_t limit)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    cfg.ram_mib = 16;
    cfg.limit_insns = limit;
    strcpy(cfg.cpu, cpu);
    snprintf(cfg.image, sizeof cfg.image, "build/guests/%s.elf", guest);
    struct machine *m = machine_new(&cfg, &e);
    if (!m) fail_msg("%s", e.text);
    return m;
}

/* Sends a packet; returns the payload of the last answer. */
static const char *ask_bytes(struct gdb *g, const void *packet, size_t n)
{
    static uint8_t body[GDB_PACKET_MOST + 1];
    static char answer[GDB_PACKET_MOST * 2 + 1];
    struct gdb_reader *r = calloc(1, sizeof *r);
    assert_non_null(r);
    memcpy(body, packet, n);
    body[n] = 0;
    text_clear(&g->out);
    gdb_command(g, body, n);
    answer[0] = 0;
    for (size_t i = 0; i < g->out.len; i++) {
        enum gdb_input in = gdb_read_byte(r, (uint8_t)g->out.s[i]);
        if (in == GDB_COMMAND) memcpy(answer, r->body, r->length + 1);
        else assert_int_equal(in, GDB_NOTHING);
    }
    free(r);
    return answer;
}
static const char *ask(struct gdb *g, const char *packet) { return ask_bytes(g, packet, strlen(packet)); }
static void answers(struct gdb *g, const char *packet, const char *begins)
{
    const char *got = ask(g, packet);
    if (strncmp(got, begins, strlen(begins)) || (!*begins && *got)) fail_msg("%s: %.200s, not %s", packet, got, begins);
}

/* --- packets ------------------------------------------------------------------------------------------------------ */

static void packets(void **state)
{
    (void)state;
    static const struct { const char *bytes; enum gdb_input last; const char *body; } rows[] = {
        { "$g#67", GDB_COMMAND, "g" },
        { "+$g#67", GDB_COMMAND, "g" },
        { "$#00", GDB_COMMAND, "" },
        { "$g#68", GDB_DAMAGED, NULL },
        { "$g#6x", GDB_DAMAGED, NULL },
        { "$g#x7", GDB_DAMAGED, NULL },
        { "$m1,$m2,3#fe", GDB_COMMAND, "m2,3" }, /* cut off, and begun again */
        { "$}\x03}]#5a", GDB_COMMAND, "#}" },     /* escaped */
        { "\x03", GDB_BREAK, NULL },
        { "-", GDB_NAK, NULL },
        { "noise", GDB_NOTHING, NULL },
        { "$g#6", GDB_NOTHING, NULL },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static struct gdb_reader r;
        enum gdb_input in = GDB_NOTHING;
        r = (struct gdb_reader){ 0 };
        for (const char *s = rows[i].bytes; *s; s++) in = gdb_read_byte(&r, (uint8_t)*s);
        if (in != rows[i].last) fail_msg("%s: %d", rows[i].bytes, in);
        if (rows[i].body) assert_string_equal((char *)r.body, rows[i].body);
    }
}

static void too_long(void **state)
{
    (void)state;
    static struct gdb_reader r;
    uint8_t sum = 0;
    char end[4];
    r = (struct gdb_reader){ 0 };
    gdb_read_byte(&r, '$');
    for (unsigned i = 0; i < GDB_PACKET_MOST + 5000; i++, sum = (uint8_t)(sum + 'a')) gdb_read_byte(&r, 'a');
    snprintf(end, sizeof end, "#%02x", sum);
    assert_int_equal(gdb_read_byte(&r, (uint8_t)end[0]), GDB_NOTHING);
    assert_int_equal(gdb_read_byte(&r, (uint8_t)end[1]), GDB_NOTHING);
    assert_int_equal(gdb_read_byte(&r, (uint8_t)end[2]), GDB_TOO_LONG);
    assert_int_equal(r.length, GDB_PACKET_MOST);
}

static void frames_come_back(void **state)
{
    (void)state;
    static struct gdb_reader r;
    uint8_t all[256];
    struct text t = { 0 };
    r = (struct gdb_reader){ 0 };
    for (unsigned i = 0; i < 256; i++) all[i] = (uint8_t)i;
    gdb_frame(all, sizeof all, &t);
    enum gdb_input in = GDB_NOTHING;
    for (size_t i = 0; i < t.len; i++) in = gdb_read_byte(&r, (uint8_t)t.s[i]);
    assert_int_equal(in, GDB_COMMAND);
    assert_int_equal(r.length, sizeof all);
    assert_memory_equal(r.body, all, sizeof all);
    text_free(&t);
}

/* --- commands ----------------------------------------------------------------------------------------------------- */

static void malformed(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "m", "m,", "m0", "m0,", "m100000000,4", "mzz,4", "m0,4x", "m0,ffffffffffffffffff", "M0,1", "M0,1:", "M0,1:0", "M0,2:00",
        "M0,1:0000", "p", "pzz", "pffff", "p-1", "P", "P0", "P0=", "P0=12", "Pffff=00000000", "G00", "Gxx", "Z", "Z0", "Z0,", "Z0,0",
        "Z9,0,1", "Z2,0,0", "Z2,0,ffffffff", "Z0,100000000,1", "z7,1,1", "vCont;", "vCont;x", "vCont;r", "vCont;r1", "vCont;r1,",
        "qRcmd,x", "qRcmd,0", "qCRC:", "qCRC:0", "qXfer:features:read:target.xml:", "qXfer:features:read:target.xml:0",
        "qXfer:features:read:other.xml:0,1", "czz", "sxx", "Z0,zz,1", "X0,5:ab",
    };
    struct machine *m = boot("native", "popf", 0);
    static struct gdb g;
    gdb_begin(&g, m, NULL, NULL);
    uint64_t before = machine_state_hash(m);
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) answers(&g, bad[i], "E");
    answers(&g, "vUnknown", "");
    answers(&g, "qUnknown", "");
    answers(&g, "", "");
    answers(&g, "\xFF\xFE", "");
    assert_true(machine_state_hash(m) == before);
    gdb_end(&g);
    machine_free(m);
}

static void memory_and_registers(void **state)
{
    (void)state;
    struct machine *m = boot("native", "popf", 0);
    static struct gdb g;
    uint32_t kmain;
    char packet[64];
    assert_true(machine_find_symbol(m, "kmain", &kmain));
    gdb_begin(&g, m, NULL, NULL);
    answers(&g, "mfffffe,2", "0000");
    answers(&g, "mfffff000,4", "E01");
    answers(&g, "m40000000,1", "E01"); /* beyond RAM */
    answers(&g, "m0,0", "");
    answers(&g, "M200000,4:0123abFF", "OK");
    answers(&g, "m200000,6", "0123abff0000");
    static const char binary[] = "X200000,3:\0#}";
    assert_string_equal(ask_bytes(&g, binary, sizeof binary - 1), "OK");
    answers(&g, "m200000,4", "00237dff");
    answers(&g, "mffffff,2", "00"); /* what is there, up to the end */
    answers(&g, "P0=78563412", "OK");
    answers(&g, "p0", "78563412");
    answers(&g, "P24=01000000", "E01"); /* CPL */
    struct text all = { 0 };
    text_add(&all, "G%s", ask(&g, "g"));
    assert_string_equal(ask(&g, text_str(&all)), "OK");
    memcpy(all.s + 1, "01000000", 8);
    assert_string_equal(ask(&g, text_str(&all)), "OK");
    answers(&g, "p0", "01000000");
    text_free(&all);
    snprintf(packet, sizeof packet, "Z0,%x,1", kmain);
    answers(&g, packet, "OK");
    answers(&g, "qSupported:swbreak+;hwbreak+", "PacketSize=");
    answers(&g, "vCont;c", "T05swbreak:;");
    answers(&g, "bc", "T05replaylog:begin;");
    answers(&g, "bs", "T05replaylog:begin;");
    answers(&g, "c", "T05swbreak:;");
    packet[0] = 'z';
    answers(&g, packet, "OK");
    answers(&g, "c", "W00");
    gdb_end(&g);
    machine_free(m);
}

/* --- stop points -------------------------------------------------------------------------------------------------- */

enum { MOST_HITS = 4000 };
struct hit { uint64_t moment, state; uint32_t at; uint8_t kind; };

/* All hits forwards, up to the end or MOST_HITS. */
static unsigned forwards(struct machine *m, struct hit *hits)
{
    unsigned n = 0;
    machine_points_pass(m);
    while (n < MOST_HITS && machine_run(m, NULL, 100000000) == MACHINE_POINT) {
        const struct point_hit *p = machine_point(m);
        hits[n++] = (struct hit){ p->moment, machine_state_hash(m), p->at, p->kind };
        machine_points_pass(m);
    }
    return n;
}

/* Backwards one finds the same, in reverse; and none of it changes what the machine does. */
static void there_and_back(void **state)
{
    (void)state;
    static const struct { const char *cpu, *guest, *code, *data; } rows[] = {
        { "native", "popf", "tick", "shared_counter" }, { "te", "popf", "tick", "shared_counter" },
        { "native", "fault", "page_fault", "fault_count" }, { "te", "fault", "page_fault", "fault_count" },
        { "native", "fault", "page_fault", "play_table" },
        { "te", "fault", "page_fault", "play_table" }, /* written under a write trace: by emulation */
    };
    static struct hit hits[MOST_HITS];
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct machine *m = boot(rows[i].cpu, rows[i].guest, 0), *bare = boot(rows[i].cpu, rows[i].guest, 0);
        struct point p[2] = { { 0, 1, POINT_EXEC }, { 0, 4, POINT_WRITE } };
        assert_true(machine_find_symbol(m, rows[i].code, &p[0].at));
        assert_true(machine_find_symbol(m, rows[i].data, &p[1].at));
        machine_points(m, p, 2);
        unsigned n = forwards(m, hits), back = 0;
        assert_true(n > 3 && n < MOST_HITS);
        assert_true(hits[0].kind != hits[1].kind || hits[0].kind != hits[n - 1].kind);
        machine_run(bare, NULL, 100000000);
        assert_true(machine_state_hash(m) == machine_state_hash(bare));
        assert_true(trace_hash(machine_trace_of(m)) == trace_hash(machine_trace_of(bare)));
        for (enum machine_stop s; (s = machine_reverse(m, NULL, NULL)) != MACHINE_BUDGET; back++) {
            assert_int_equal(s, MACHINE_POINT);
            assert_true(back < n && machine_insns(m) <= hits[n - 1 - back].moment);
            assert_int_equal(machine_point(m)->at, hits[n - 1 - back].at);
            if (machine_point(m)->kind == POINT_EXEC) assert_true(machine_state_hash(m) == hits[n - 1 - back].state);
        }
        assert_int_equal(back, n);
        assert_int_equal(forwards(m, hits), n);
        assert_true(machine_state_hash(m) == machine_state_hash(bare));
        machine_free(m);
        machine_free(bare);
    }
}

/* A point at each of many addresses, set while the code around them is decoded already: running stops wherever stepping passes. */
static void points_are_exact(void **state)
{
    (void)state;
    enum { WIDE = 250, WARM = 3000, FAR = 40000 };
    struct machine *m = boot("native", "fault", 0), *stepped = boot("native", "fault", 0);
    struct point p[WIDE];
    struct machine_cpu c;
    uint32_t first;
    assert_true(machine_find_symbol(m, "print", &first));
    for (unsigned i = 0; i < WIDE; i++) p[i] = (struct point){ first + i, 1, POINT_EXEC };
    machine_run(m, NULL, WARM);
    machine_run(stepped, NULL, WARM);
    machine_points(m, p, WIDE);
    unsigned hits = 0;
    while (machine_insns(stepped) < FAR && machine_end(stepped).fate == FATE_RUNNING) {
        machine_run(stepped, NULL, 1);
        machine_cpu(stepped, &c);
        if (c.eip - first >= WIDE || machine_insns(stepped) >= FAR) continue;
        assert_int_equal(machine_run(m, NULL, FAR), MACHINE_POINT);
        assert_true(machine_insns(m) == machine_insns(stepped));
        assert_int_equal(machine_point(m)->at, c.eip);
        assert_true(machine_cycles(m) == machine_cycles(stepped));
        machine_points_pass(m);
        hits++;
    }
    assert_true(hits > 1000);
    machine_free(m);
    machine_free(stepped);
}

/* Steps of a guest and back again, under a hypervisor as bare. */
static void steps_back(void **state)
{
    (void)state;
    for (unsigned te = 0; te < 2; te++) {
        enum { STEPS = 300 };
        static struct gdb g;
        static struct machine_cpu at[STEPS];
        struct machine *m = boot(te ? "te" : "native", "fault", 0);
        gdb_begin(&g, m, NULL, NULL);
        for (unsigned i = 0; i < STEPS; i++) {
            machine_guest(m, &at[i]);
            answers(&g, "s", "T05thread:1;");
        }
        for (unsigned i = STEPS; i--; ) {
            struct machine_cpu now;
            answers(&g, "bs", "T05thread:1;");
            machine_guest(m, &now);
            assert_int_equal(now.eip, at[i].eip);
            assert_memory_equal(now.reg, at[i].reg, sizeof now.reg);
        }
        answers(&g, "bs", "T05replaylog:begin;");
        gdb_end(&g);
        machine_free(m);
    }
}

/* A source line with a HLT that an interrupt ends: stepping the line goes on behind it; a breakpoint in the handler still counts. */
static void over_interrupts(void **state)
{
    (void)state;
    for (unsigned te = 0; te < 2; te++) {
        static struct gdb g;
        struct machine *m = boot(te ? "te" : "native", "popf", 0);
        const struct till halt = { .kind = TILL_INSN, .a = (uint32_t)machine_mnemonic("hlt") };
        char packet[64];
        struct machine_cpu c;
        uint32_t tick;
        assert_true(machine_find_symbol(m, "tick", &tick));
        gdb_begin(&g, m, NULL, NULL);
        ask(&g, "qSupported:swbreak+");
        for (unsigned with = 0; with < 2; with++) {
            assert_int_equal(machine_run(m, &halt, 1000000000), MACHINE_TILL);
            machine_guest(m, &c);
            uint32_t at = c.eip, esp = c.reg[4];
            snprintf(packet, sizeof packet, "%c0,%x,1", with ? 'Z' : 'z', tick);
            answers(&g, packet, "OK");
            snprintf(packet, sizeof packet, "vCont;r%x,%x:1", at, at + 2);
            answers(&g, packet, with ? "T05swbreak:;" : "T05thread:1;");
            machine_guest(m, &c);
            if (with) assert_int_equal(c.eip, tick);
            else assert_true(c.eip > at + 1 && c.eip < at + 32 && c.reg[4] == esp);
        }
        gdb_end(&g);
        machine_free(m);
    }
}

/* --- nonsense ----------------------------------------------------------------------------------------------------- */

static uint32_t seed = 1;
static uint32_t chance(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

static bool impatient(void *self)
{
    (void)self;
    return true;
}

static void fuzz(void **state)
{
    (void)state;
    static const char *const words[] = {
        "g", "p8", "p1f", "P8=00401000", "P9=02020000", "P20=11000080", "P22=00000000", "m104000,40", "M104000,4:90909090",
        "mffffffff,2", "Z0,104002,1", "Z1,104100,1", "Z2,10d000,4", "Z3,104000,1000", "Z4,0,100000", "z0,104002,1", "z4,0,100000",
        "c", "s", "bs", "bc", "vCont;c", "vCont;s:1;c", "vCont;r104000,104010:1", "R00", "?", "qRcmd,7265677320", "qRcmd,7374657020323030",
        "qRcmd,6964742030", "qRcmd,77616c6b2030", "qRcmd,756e74696c2072696e672033", "qRcmd,6c6f67", "qRcmd,676f746f2031303030",
        "qCRC:104000,100", "qXfer:features:read:target.xml:0,100", "G", "X104000,4:abcd", "k", "D", "!", "H g0", "T1", "vRun;", "P10=0011223344",
    };
    static struct gdb_reader r;
    for (unsigned te = 0; te < 2; te++) {
        static struct gdb g;
        struct machine *m = boot(te ? "te" : "native", "fault", 30000);
        gdb_begin(&g, m, impatient, NULL);
        for (unsigned round = 0; round < 1500; round++) {
            char bytes[200];
            const char *word = words[chance(sizeof words / sizeof words[0])];
            size_t n = (size_t)snprintf(bytes, sizeof bytes, "%s", word);
            for (unsigned k = chance(4); k; k--) {
                size_t at = chance((uint32_t)n + 1);
                if (chance(3)) bytes[at] = (char)chance(256);
                else if (chance(2) && n > 1) n = at;
                else bytes[at] = "0123456789abcdef,:;=+-"[chance(22)];
                if (at == n && n + 1 < sizeof bytes) n++;
            }
            struct text t = { 0 };
            gdb_frame(bytes, n, &t);
            if (!chance(8)) t.s[chance((uint32_t)t.len)] = (char)chance(256);
            for (size_t i = 0; i < t.len; i++)
                if (gdb_read_byte(&r, (uint8_t)t.s[i]) == GDB_COMMAND) gdb_command(&g, r.body, r.length);
            text_free(&t);
            text_clear(&g.out);
            if (g.over != GDB_ON || round % 100 == 99) gdb_restart(&g);
        }
        gdb_end(&g);
        machine_free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets), cmocka_unit_test(too_long), cmocka_unit_test(frames_come_back), cmocka_unit_test(malformed),
        cmocka_unit_test(memory_and_registers), cmocka_unit_test(there_and_back), cmocka_unit_test(points_are_exact), cmocka_unit_test(steps_back), cmocka_unit_test(over_interrupts), cmocka_unit_test(fuzz),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
