/* The network card's cable to another machine: --nic join. See machine.h.
 *
 * Idea 1: each machine has a switch, and a cable joins the two. What leaves one at a moment arrives at the other `net.link` nanoseconds later; so
 * neither can learn of anything that the other does before that time has passed, and it is enough to let them run in turn for that long:
 * the first machine has a timer of that period, which lets the second catch up and exchanges what was sent.
 * Idea 2: what arrives is input, like keys: a record outside the board, with the moment of each frame, of which the board knows how much has come.
 * So going back in time gives the same frames again without the other machine, a recorded link (--net-record) can be played to a
 * machine alone (--net-replay), and that cannot tell the difference. Moments are nanoseconds, which both machines' clocks agree on.
 * The record is a capture file, as machine_net.c writes them: pcap-savefile(5), with nanoseconds.
 *
 * Fujimoto, Parallel Discrete Event Simulation, CACM 33(10), 1990 (conservative, with lookahead). Not modelled: more than two machines, a link
 * that is cut; going back takes the first machine back, not the second, so a past that is changed still hears what it heard. */
#include <stdio.h>
#include <string.h>
#include "sim/board.h"

enum { SECOND = 1000000000, MAGIC_US = (int)0xA1B2C3D4u, ETHERNET = 1, FILE_MOST = 256 << 20 };
#define MAGIC_NS 0xA1B23C4Du

struct flight { uint64_t ns; uint32_t bytes, unused; };

static uint64_t ns_of(const struct machine *m, uint64_t cycle)
{
    uint64_t hz = m->b->clock.hz;
    return cycle / hz * SECOND + (cycle % hz * SECOND + hz - 1) / hz;
}

static void append(struct text *t, uint64_t ns, const uint8_t *frame, uint32_t bytes)
{
    const struct flight f = { ns, bytes, 0 };
    text_bytes(t, &f, sizeof f);
    text_bytes(t, frame, bytes);
}

static struct flight flight_at(const struct text *t, size_t at)
{
    struct flight f;
    memcpy(&f, t->s + at, sizeof f);
    return f;
}

/* ---- in */

static void arm_in(struct machine *m)
{
    struct board *b = m->b;
    if (b->link_at < m->link.in.len) timeq_arm(&b->timers, &b->link_in, clock_from_ns(&b->clock, flight_at(&m->link.in, b->link_at).ns));
}

static void comes_in(void *machine, uint64_t when)
{
    (void)when;
    struct machine *m = machine;
    struct board *b = m->b;
    struct flight f = flight_at(&m->link.in, b->link_at);
    const uint8_t *frame = (const uint8_t *)m->link.in.s + b->link_at + sizeof f;
    b->link_at += sizeof f + f.bytes;
    b->link_frames_in++;
    arm_in(m);
    b->link_cable.send(b->link_cable.self, b->link_cable.port, frame, f.bytes);
}

/* ---- out: a station of the switch */

static void goes_out(void *machine, const uint8_t *frame, unsigned bytes)
{
    struct machine *m = machine;
    struct board *b = m->b;
    m->link.out.len = b->link_out_len;
    append(&m->link.out, ns_of(m, b->clock.now) + m->link.latency, frame, bytes);
    b->link_out_len = m->link.out.len;
    b->link_frames_out++;
}

/* ---- both in step */

/* What was sent here and has not been taken there. */
static void exchange(struct machine *from, size_t *taken, struct machine *to)
{
    if (from->link.out.len <= *taken) return;
    text_bytes(&to->link.in, from->link.out.s + *taken, from->link.out.len - *taken);
    *taken = from->link.out.len;
    arm_in(to);
}

/* Both have come to the end of a period. What each sent in it arrives after that. */
static void tick(void *machine, uint64_t when)
{
    (void)when;
    struct machine *m = machine, *to = m->link.to;
    struct board *b = m->b;
    uint64_t now = ++b->link_ticks * m->link.latency;
    if (b->link_ticks > m->link.ticks) { /* else it has been here before, and what came is known */
        const struct till then = { .kind = TILL_CYCLES, .value = clock_from_ns(&to->b->clock, now) };
        m->link.ticks = b->link_ticks;
        if (machine_run(to, &then, UINT64_MAX) == MACHINE_ENDED) m->link.over = true;
        exchange(m, &m->link.sent, to);
        exchange(to, &m->link.taken, m);
    }
    arm_in(m);
    timeq_arm(&b->timers, &b->link_tick, clock_from_ns(&b->clock, now + m->link.latency));
}

/* ---- set up */

static struct machine_cfg peer_of(const struct machine *m)
{
    struct machine_cfg c = m->cfg;
    snprintf(c.image, sizeof c.image, "%s", m->cfg.peer);
    snprintf(c.append, sizeof c.append, "%s", m->cfg.peer_append);
    strcpy(c.cpu, m->cfg.peer_cpu[0] ? m->cfg.peer_cpu : "native");
    strcpy(c.io, config_defaults.io);
    c.mmu[0] = c.peer[0] = c.peer_append[0] = c.peer_cpu[0] = c.net_replay[0] = c.serial_in[0] = 0;
    c.vms = c.kinds = 0;
    c.limit_cycles = c.limit_insns = 0;
    c.serial = NULL;
    c.is_peer = c.onward = true;
    return c;
}

static bool replay(struct machine *m, struct err *e)
{
    struct text file = { 0 };
    uint32_t head[6], entry[4];
    if (!text_read(&file, m->cfg.net_replay, FILE_MOST, e)) return false;
    size_t at = sizeof head, last = 0;
    bool good = file.len >= sizeof head, ns = false;
    if (good) memcpy(head, file.s, sizeof head), ns = head[0] == MAGIC_NS, good = (ns || head[0] == (uint32_t)MAGIC_US) && (head[5] & 0xFFFF) == ETHERNET;
    while (good && at < file.len) {
        good = file.len - at >= sizeof entry;
        if (!good) break;
        memcpy(entry, file.s + at, sizeof entry);
        at += sizeof entry;
        uint64_t moment = entry[0] * (uint64_t)SECOND + entry[1] * (ns ? 1u : 1000u);
        good = entry[2] >= NET_HEADER && entry[2] <= NET_MOST && entry[2] <= file.len - at && moment >= last;
        if (good) append(&m->link.in, last = moment, (const uint8_t *)file.s + at, entry[2]);
        at += entry[2];
    }
    text_free(&file);
    return good || err_set(e, EXIT_INPUT, "%.200s: not a capture of Ethernet frames as --net-record writes it: a header, then frames of %d to %d bytes in order",
                           m->cfg.net_replay, NET_HEADER, NET_MOST);
}

bool machine_join(struct machine *m, const uint32_t setting[SETTINGS], struct err *e)
{
    struct board *b = m->b;
    if (strcmp(m->cfg.nic, "join")) return true;
    m->link.latency = setting[SETTING_NET_LINK];
    b->link_in = (struct timer){ .fire = comes_in, .self = m };
    b->link_tick = (struct timer){ .fire = tick, .self = m };
    b->link_cable = net_plug(b->net, (struct net_station){ goes_out, m }, &b->timers);
    if (m->cfg.net_replay[0] && !replay(m, e)) return false;
    arm_in(m);
    if (!m->cfg.peer[0]) return true;
    struct machine_cfg c = peer_of(m);
    if (!config_check(&c, e) || !(m->link.to = machine_new(&c, e))) return false;
    timeq_arm(&b->timers, &b->link_tick, clock_from_ns(&b->clock, m->link.latency));
    return true;
}

void machine_part(struct machine *m)
{
    machine_free(m->link.to);
    text_free(&m->link.in);
    text_free(&m->link.out);
}

const struct machine *machine_peer(const struct machine *m) { return m->link.to; }

bool machine_link(const struct machine *m, struct machine_link *out)
{
    *out = (struct machine_link){ m->b->link_frames_out, m->b->link_frames_in };
    return !strcmp(m->cfg.nic, "join");
}

void machine_link_record(const struct machine *m, struct text *out)
{
    const struct { uint32_t magic; uint16_t major, minor; uint32_t zone, sigfigs, snap, link; } head = { MAGIC_NS, 2, 4, 0, 0, 65535, ETHERNET };
    text_bytes(out, &head, sizeof head);
    for (size_t at = 0; at < m->b->link_at;) {
        struct flight f = flight_at(&m->link.in, at);
        const uint32_t entry[4] = { (uint32_t)(f.ns / SECOND), (uint32_t)(f.ns % SECOND), f.bytes, f.bytes };
        text_bytes(out, entry, sizeof entry);
        text_bytes(out, m->link.in.s + at + sizeof f, f.bytes);
        at += sizeof f + f.bytes;
    }
}
