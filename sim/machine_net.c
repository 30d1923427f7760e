/* The network of a machine: its switch, who else is plugged in, and the recorder of what passes.
 *
 * Idea: switch and stations are part of the machine's state; what was recorded hangs outside, as serial text does, and how much of it
 * counts is a number inside. So going back in time takes frames back, and the same frames come again.
 * The recording is a capture file as libpcap and Wireshark read it, with nanoseconds of simulated time (pcap-savefile(5), magic A1B23C4D). */
#include <string.h>
#include "sim/board.h"

enum { VERSION_MAJOR = 2, VERSION_MINOR = 4, LINK_ETHERNET = 1, SNAP = 65535 };

static void frame(void *machine, uint64_t cycle, unsigned port, const uint8_t *bytes, unsigned n)
{
    (void)port;
    struct machine *m = machine;
    uint64_t hz = m->b->clock.hz, rest = cycle % hz;
    const uint32_t head[4] = { (uint32_t)(cycle / hz), (uint32_t)(rest * 1000000 / (hz / 1000)), n, n };
    m->frames_seen.len = m->b->frames_len;
    text_bytes(&m->frames_seen, head, sizeof head);
    text_bytes(&m->frames_seen, bytes, n);
    m->b->frames_len = m->frames_seen.len;
    m->b->frames_count++;
}

void machine_build_net(struct machine *m, const uint32_t setting[SETTINGS])
{
    struct board *b = m->b;
    if (!m->cfg.nic[0]) return;
    b->net = arena_alloc(&m->arena, sizeof *b->net);
    net_init(b->net, &b->clock, setting[SETTING_NET_MBIT], setting[SETTING_NET_LATENCY]);
    b->net->tap = (struct net_tap){ frame, m };
    struct net_cable cable = net_plug(b->net, devices_plug(&b->devices, (struct net_cable){ 0 }), &b->timers);
    devices_plug(&b->devices, cable);
    if (!strcmp(m->cfg.nic, "mirror")) net_mirror_init(&b->mirror, b->net, &b->timers);
}

void machine_capture(const struct machine *m, struct text *out)
{
    const struct { uint32_t magic; uint16_t major, minor; uint32_t zone, sigfigs, snap, link; } head = {
        0xA1B23C4D, VERSION_MAJOR, VERSION_MINOR, 0, 0, SNAP, LINK_ETHERNET };
    text_bytes(out, &head, sizeof head);
    if (m->b->frames_len) text_bytes(out, m->frames_seen.s, m->b->frames_len);
}

unsigned machine_ports(const struct machine *m) { return m->b->net ? m->b->net->ports : 0; }

/* The card is plugged in first, and then whoever --nic names. */
void machine_port(const struct machine *m, unsigned n, struct machine_port *out)
{
    const struct net_port *p = &m->b->net->port[n];
    *out = (struct machine_port){ !n ? "card" : !strcmp(m->cfg.nic, "join") ? "link" : m->cfg.nic, p->sent, p->received, p->dropped, p->waiting };
}

static void add_way(struct machine_switch *to, const struct resident_way *w, uint64_t *gone)
{
    *gone += w->gone;
    to->dropped += w->dropped;
    to->waiting += w->waiting;
}

bool machine_switch(const struct machine *m, struct machine_switch *out)
{
    const struct vmm *h = &m->b->vmm;
    const struct resident_net *n = m->technique->hypervisor ? h->net : NULL;
    if (!n) return false;
    *out = (struct machine_switch){ .from_vms = n->from_vms, .from_card = n->from_card, .forwarded = n->forwarded, .interrupts = n->interrupts,
                                    .copied = n->copied };
    add_way(out, &n->way, &out->to_card);
    for (unsigned i = 0; i < h->vms; i++) add_way(out, &h->vm[i].nic.way, &out->to_vms);
    return true;
}

bool machine_bridge(const struct machine *m, struct machine_bridge *out)
{
    const uint32_t kernel = 0xC0000000u; /* mini's, for the first page */
    uint32_t at;
    if (!machine_split_plan(m) || !m->cfg.nic[0] || !machine_find_symbol(m, "bridge_counts", &at) || at < kernel) return false;
    bus_peek(&m->b->vmm.vm[0].pseudo, hpa(at - kernel), out, sizeof *out);
    return true;
}

uint64_t machine_frames(const struct machine *m) { return m->b->frames_count; }
