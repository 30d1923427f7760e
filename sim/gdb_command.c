/* What each packet of GDB's remote serial protocol does. See gdb.h.
 *
 * Idea: one table, first match wins; a command gets what follows its name. An empty answer means "not supported", which is
 * also what an unknown packet gets. Every number is checked; nothing a debugger sends is a reason to stop serving it.
 * GDB manual E.2 (packets), E.4 (general queries). */
#include <stdio.h>
#include <string.h>
#include "sim/gdb.h"

enum { MEMORY_MOST = 0x1000000, WATCH_MOST = 0x100000 };

void gdb_send(struct gdb *g, const char *payload) { gdb_frame(payload, strlen(payload), &g->out); }

void gdb_console(struct gdb *g, const char *text)
{
    enum { PIECE = 1000 };
    for (size_t n = strlen(text), piece; n; text += piece, n -= piece) {
        struct text t = { 0 };
        piece = n < PIECE ? n : PIECE;
        text_char(&t, 'O');
        gdb_add_hex(&t, text, piece);
        gdb_send(g, text_str(&t));
        text_free(&t);
    }
}

static void ok(struct gdb *g) { gdb_send(g, "OK"); }
static void wrong(struct gdb *g) { gdb_send(g, "E16"); }  /* EINVAL: the packet makes no sense */
static void refuse(struct gdb *g) { gdb_send(g, "E01"); } /* it does, but it cannot be done */

/* --- registers --- */

static void read_all(struct gdb *g, const char *s)
{
    (void)s;
    struct text t = { 0 };
    gdb_add_registers(g, &t);
    gdb_send(g, text_str(&t));
    text_free(&t);
}

/* What cannot be written is left as it is, as GDB's own stubs do: it writes back everything it has read. */
static void write_all(struct gdb *g, const char *s)
{
    uint8_t bytes[16];
    bool all = true;
    for (unsigned n = 0; n < gdb_registers() && *s; n++) {
        for (unsigned i = 0; i < gdb_register_bytes(n); i++)
            if (!gdb_hex_byte(&s, &bytes[i])) {
                wrong(g);
                return;
            }
        all &= gdb_set_register(g, n, bytes);
    }
    all ? ok(g) : refuse(g);
}

static void read_one(struct gdb *g, const char *s)
{
    uint64_t n;
    struct text t = { 0 };
    if (gdb_hex(&s, &n) && !*s && n < gdb_registers() && gdb_add_register(g, (unsigned)n, &t)) gdb_send(g, text_str(&t));
    else wrong(g);
    text_free(&t);
}

static void write_one(struct gdb *g, const char *s)
{
    uint64_t n;
    uint8_t bytes[16];
    if (!gdb_hex(&s, &n) || !gdb_expect(&s, '=') || n >= gdb_registers()) {
        wrong(g);
        return;
    }
    for (unsigned i = 0; i < gdb_register_bytes((unsigned)n); i++)
        if (!gdb_hex_byte(&s, &bytes[i])) {
            wrong(g);
            return;
        }
    gdb_set_register(g, (unsigned)n, bytes) ? ok(g) : refuse(g);
}

/* --- memory --- */

static bool range(const char **s, uint32_t *at, uint32_t *n)
{
    uint64_t a, b;
    if (!gdb_hex(s, &a) || !gdb_expect(s, ',') || !gdb_hex(s, &b) || a > UINT32_MAX || b > MEMORY_MOST) return false;
    *at = (uint32_t)a;
    *n = (uint32_t)b;
    return true;
}

/* The guest's own tables first; what only the real ones map is the hypervisor's window. */
static bool peek(const struct gdb *g, uint32_t at, void *to, uint32_t n)
{
    return machine_peek_guest(g->m, gva(at), to, n) || machine_peek(g->m, gva(at), to, n);
}

/* As much as is mapped, page by page; nothing at all is an error, never zeros. */
static void read_memory(struct gdb *g, const char *s)
{
    uint32_t at, n, done = 0;
    uint8_t page[PAGE_SIZE];
    struct text t = { 0 };
    if (!range(&s, &at, &n) || *s) {
        wrong(g);
        return;
    }
    if (n > GDB_PACKET_MOST / 2) n = GDB_PACKET_MOST / 2;
    while (done < n) {
        uint32_t piece = PAGE_SIZE - ((at + done) & (PAGE_SIZE - 1));
        if (piece > n - done) piece = n - done;
        if (!peek(g, at + done, page, piece)) break;
        gdb_add_hex(&t, page, piece);
        done += piece;
    }
    if (n && !done) refuse(g);
    else gdb_send(g, text_str(&t));
    text_free(&t);
}

static void write_memory(struct gdb *g, const char *s)
{
    uint32_t at, n;
    uint8_t byte;
    struct text t = { 0 };
    bool good = range(&s, &at, &n) && gdb_expect(&s, ':') && n <= GDB_PACKET_MOST;
    for (uint32_t i = 0; good && i < n; i++) {
        good = gdb_hex_byte(&s, &byte);
        text_bytes(&t, &byte, 1);
    }
    if (!good || *s) wrong(g);
    else if (!n || machine_poke(g->m, gva(at), t.s, n)) ok(g);
    else refuse(g);
    text_free(&t);
}

/* The same in binary: bytes may be anything, NUL too, so the packet's length counts. */
static void write_binary(struct gdb *g, const uint8_t *packet, size_t length)
{
    const char *s = (const char *)packet + 1;
    uint32_t at, n;
    if (!range(&s, &at, &n) || !gdb_expect(&s, ':') || (size_t)((const char *)packet + length - s) != n) wrong(g);
    else if (!n || machine_poke(g->m, gva(at), s, n)) ok(g);
    else refuse(g);
}

/* --- breakpoints and watchpoints --- */

void gdb_apply_stops(struct gdb *g, const uint32_t *also)
{
    static const uint8_t kinds[] = { POINT_EXEC, POINT_EXEC, POINT_WRITE, POINT_READ, POINT_READ | POINT_WRITE };
    struct point list[POINTS_MOST];
    unsigned n = g->stops;
    for (unsigned i = 0; i < g->stops; i++)
        list[i] = (struct point){ g->stop[i].at, g->stop[i].type < 2 ? 1 : g->stop[i].length, kinds[g->stop[i].type] };
    if (also && n < POINTS_MOST) list[n++] = (struct point){ *also, 1, POINT_EXEC };
    machine_points(g->m, list, n);
}

static bool read_stop(const char *s, struct gdb_stop *stop)
{
    uint64_t type, at, length;
    if (!gdb_hex(&s, &type) || !gdb_expect(&s, ',') || !gdb_hex(&s, &at) || !gdb_expect(&s, ',') || !gdb_hex(&s, &length))
        return false;
    if (type > 4 || at > UINT32_MAX || length > WATCH_MOST || (type > 1 && !length)) return false;
    *stop = (struct gdb_stop){ (uint8_t)type, (uint32_t)at, (uint32_t)length };
    return true; /* conditions and commands behind a ';' were not announced */
}

static unsigned find_stop(const struct gdb *g, const struct gdb_stop *stop)
{
    for (unsigned i = 0; i < g->stops; i++)
        if (g->stop[i].type == stop->type && g->stop[i].at == stop->at && g->stop[i].length == stop->length) return i;
    return g->stops;
}

static void insert_stop(struct gdb *g, const char *s)
{
    struct gdb_stop stop;
    if (!read_stop(s, &stop)) {
        wrong(g);
        return;
    }
    unsigned i = find_stop(g, &stop);
    if (i == POINTS_MOST) {
        refuse(g);
        return;
    }
    g->stop[i] = stop;
    if (i == g->stops) g->stops++;
    gdb_apply_stops(g, NULL);
    ok(g);
}

static void remove_stop(struct gdb *g, const char *s)
{
    struct gdb_stop stop;
    if (!read_stop(s, &stop)) {
        wrong(g);
        return;
    }
    unsigned i = find_stop(g, &stop);
    if (i < g->stops) {
        g->stop[i] = g->stop[--g->stops];
        gdb_apply_stops(g, NULL);
    }
    ok(g);
}

/* --- running --- */

/* `c`, `s`, perhaps with an address to go on from. */
static bool resume_at(struct gdb *g, const char *s)
{
    uint64_t at;
    if (!*s) return true;
    if (gdb_hex(&s, &at) && !*s && at <= UINT32_MAX && machine_set_reg(g->m, "eip", (uint32_t)at)) return true;
    wrong(g);
    return false;
}
static void go(struct gdb *g, const char *s)
{
    if (resume_at(g, s)) gdb_continue(g);
}
static void step(struct gdb *g, const char *s)
{
    if (resume_at(g, s)) gdb_step(g);
}
/* With a signal, which no guest takes: it is forgotten. */
static const char *behind_signal(const char *s)
{
    uint64_t signal;
    (void)gdb_hex(&s, &signal);
    return *s == ';' ? s + 1 : s;
}
static void go_signal(struct gdb *g, const char *s) { go(g, behind_signal(s)); }
static void step_signal(struct gdb *g, const char *s) { step(g, behind_signal(s)); }
static void back_step(struct gdb *g, const char *s) { (void)s, gdb_back_step(g); }
static void back_continue(struct gdb *g, const char *s) { (void)s, gdb_back_continue(g); }

/* There is one thread, so the first action is the one. */
static void vcont(struct gdb *g, const char *s)
{
    uint64_t from, to, signal;
    char action = *s ? *s++ : 0;
    if ((action == 'C' || action == 'S') && !gdb_hex(&s, &signal)) action = 0;
    if (action == 'r' && (!gdb_hex(&s, &from) || !gdb_expect(&s, ',') || !gdb_hex(&s, &to))) action = 0;
    if (action == 'r' && (from > UINT32_MAX || to > UINT32_MAX)) action = 0;
    if (*s && *s != ':' && *s != ';') action = 0;
    switch (action) {
    case 'c': case 'C': gdb_continue(g); break;
    case 's': case 'S': gdb_step(g); break;
    case 'r': gdb_step_range(g, (uint32_t)from, (uint32_t)to); break;
    default: wrong(g); break;
    }
}

/* --- the session --- */

static void detach(struct gdb *g, const char *s)
{
    (void)s;
    g->over = GDB_DETACHED;
    ok(g);
}
static void kill_(struct gdb *g, const char *s)
{
    (void)s;
    g->over = GDB_KILLED; /* GDB expects no answer to `k` */
}
static void vkill(struct gdb *g, const char *s)
{
    kill_(g, s);
    ok(g);
}
static void extended(struct gdb *g, const char *s)
{
    (void)s;
    g->extended = true;
    ok(g);
}
static void restart(struct gdb *g, const char *s) { (void)s, gdb_restart(g); }
static void vrun(struct gdb *g, const char *s)
{
    (void)s;
    gdb_restart(g);
    gdb_stopped(g);
}
static void stopped(struct gdb *g, const char *s) { (void)s, gdb_stopped(g); }
static void yes(struct gdb *g, const char *s) { (void)s, ok(g); }
static void silence(struct gdb *g, const char *s) { (void)g, (void)s; gdb_send(g, ""); }

static void supported(struct gdb *g, const char *s)
{
    struct text t = { 0 };
    g->swbreak = strstr(s, "swbreak+") != NULL;
    g->hwbreak = strstr(s, "hwbreak+") != NULL;
    text_add(&t, "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;ReverseStep+;ReverseContinue+;vContSupported+;"
                 "swbreak+;hwbreak+", GDB_PACKET_MOST);
    gdb_send(g, text_str(&t));
    text_free(&t);
}

static void no_acks(struct gdb *g, const char *s)
{
    (void)s;
    ok(g);
    g->no_ack = true;
}

/* qXfer:features:read:target.xml:OFFSET,LENGTH */
static void features(struct gdb *g, const char *s)
{
    static const char file[] = "target.xml:";
    uint64_t from, n;
    struct text t = { 0 };
    if (strncmp(s, file, sizeof file - 1)) {
        gdb_send(g, "E00");
        return;
    }
    s += sizeof file - 1;
    if (!gdb_hex(&s, &from) || !gdb_expect(&s, ',') || !gdb_hex(&s, &n)) {
        wrong(g);
        return;
    }
    if (!g->xml.len) gdb_target_xml(&g->xml);
    if (from > g->xml.len) from = g->xml.len;
    if (n > GDB_PACKET_MOST / 2) n = GDB_PACKET_MOST / 2;
    bool more = n < g->xml.len - from;
    text_char(&t, more ? 'm' : 'l');
    text_bytes(&t, g->xml.s + from, more ? n : g->xml.len - from);
    gdb_send(g, text_str(&t));
    text_free(&t);
}

static void monitor(struct gdb *g, const char *s)
{
    char line[512];
    size_t n = 0;
    uint8_t byte;
    struct text t = { 0 };
    while (n + 1 < sizeof line && gdb_hex_byte(&s, &byte)) line[n++] = (char)byte;
    line[n] = 0;
    if (*s) {
        wrong(g);
        return;
    }
    gdb_monitor(g, line, &t);
    gdb_console(g, text_str(&t));
    text_free(&t);
    ok(g);
}

/* qCRC:ADDRESS,LENGTH for `compare-sections`: the CRC-32 of the polynomial 04C11DB7, high bit first, from all ones. */
static void checksum(struct gdb *g, const char *s)
{
    uint32_t at, n, crc = UINT32_MAX;
    char payload[16];
    if (!range(&s, &at, &n)) {
        wrong(g);
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint8_t byte;
        if (!peek(g, at + i, &byte, 1)) {
            refuse(g);
            return;
        }
        crc ^= (uint32_t)byte << 24;
        for (unsigned bit = 0; bit < 8; bit++) crc = crc << 1 ^ (crc >> 31 ? 0x04C11DB7u : 0);
    }
    snprintf(payload, sizeof payload, "C%08x", crc);
    gdb_send(g, payload);
}

static void threads(struct gdb *g, const char *s) { (void)s, gdb_send(g, "m1"); }
static void no_more(struct gdb *g, const char *s) { (void)s, gdb_send(g, "l"); }
static void this_thread(struct gdb *g, const char *s) { (void)s, gdb_send(g, "QC1"); }
static void attached(struct gdb *g, const char *s) { (void)s, gdb_send(g, "1"); } /* so `quit` detaches, and kills nobody */
static void offsets(struct gdb *g, const char *s) { (void)s, gdb_send(g, "Text=0;Data=0;Bss=0"); }
static void actions(struct gdb *g, const char *s) { (void)s, gdb_send(g, "vCont;c;C;s;S;r"); }
static void thread_info(struct gdb *g, const char *s)
{
    struct machine_cpu c;
    struct text plain = { 0 }, t = { 0 };
    (void)s;
    machine_guest(g->m, &c);
    text_add(&plain, "ring %u, %s", c.cpl, gdb_mode(&c));
    gdb_add_hex(&t, text_str(&plain), plain.len);
    gdb_send(g, text_str(&t));
    text_free(&t);
    text_free(&plain);
}

static const struct {
    const char *name;
    bool whole; /* nothing may follow the name but ':', ';' or ',' */
    void (*run)(struct gdb *g, const char *rest);
} commands[] = {
    { "?", true, stopped }, { "!", true, extended }, { "g", true, read_all }, { "G", false, write_all },
    { "p", false, read_one }, { "P", false, write_one }, { "m", false, read_memory }, { "M", false, write_memory },
    { "Z", false, insert_stop }, { "z", false, remove_stop }, { "c", false, go }, { "C", false, go_signal },
    { "s", false, step }, { "S", false, step_signal }, { "bs", true, back_step }, { "bc", true, back_continue },
    { "D", true, detach }, { "k", true, kill_ }, { "R", false, restart }, { "H", false, yes }, { "T", false, yes },
    { "vCont?", true, actions }, { "vCont;", false, vcont }, { "vMustReplyEmpty", true, silence }, { "vKill", true, vkill },
    { "vRun", true, vrun }, { "qSupported", true, supported }, { "QStartNoAckMode", true, no_acks },
    { "qXfer:features:read:", false, features }, { "qRcmd,", false, monitor }, { "qCRC:", false, checksum },
    { "qfThreadInfo", true, threads }, { "qsThreadInfo", true, no_more }, { "qC", true, this_thread },
    { "qAttached", true, attached }, { "qOffsets", true, offsets }, { "qSymbol", true, yes },
    { "qThreadExtraInfo", true, thread_info },
};

void gdb_command(struct gdb *g, const uint8_t *packet, size_t length)
{
    const char *s = (const char *)packet;
    if (*s == 'X') {
        write_binary(g, packet, length);
        return;
    }
    for (unsigned i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        size_t n = strlen(commands[i].name);
        if (strncmp(s, commands[i].name, n) || (commands[i].whole && s[n] && !strchr(":;,", s[n]))) continue;
        commands[i].run(g, s + n);
        return;
    }
    gdb_send(g, "");
}

void gdb_begin(struct gdb *g, struct machine *m, bool (*interrupted)(void *self), void *self)
{
    *g = (struct gdb){ .m = m, .interrupted = interrupted, .self = self };
    gdb_to_guest(g);
}

void gdb_end(struct gdb *g)
{
    machine_points(g->m, NULL, 0);
    text_free(&g->out);
    text_free(&g->last);
    text_free(&g->xml);
}
