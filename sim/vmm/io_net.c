/* The resident switch: packets between the virtual cards of all VMs and the real one.
 *
 * Idea 1: what a guest's accesses to its virtual card come to is a generic packet, bytes from an address to an address, that no longer knows
 * which card the guest saw. The switch learns who is behind which way out, as any switch does, so packets between two VMs
 * never see the real card, and one card serves them all.
 * Idea 2: each way out is a queue. That to the real card is emptied as its descriptors come back, with its interrupts; that to a VM in
 * the VM's own time, when its virtual card stores what waits. A packet is kept once, however many it is for.
 * Idea 3: nothing gets lost unseen. What goes in is forwarded to so many ways out, and every one of those is gone, waiting or dropped.
 *
 * IEEE 802.1D 7.7-7.9. A virtual card takes the time its cable would, 100 Mbit/s. Not modelled: ageing, priorities, offloads. */
#include "sim/vmm/io_net.h"

#include <string.h>
#include "sim/vmm/host.h"
#include "sim/vmm/vm.h"

enum { COPY_UNIT = 512 };

/* Bytes that the hypervisor copied, counted and paid for. */
static void copied(struct vmm *h, unsigned bytes)
{
    h->net->copied += bytes;
    clock_charge(h->board.clock, CAUSE_DEVICE, (uint64_t)((bytes + COPY_UNIT - 1) / COPY_UNIT) * h->board.model->cost[COST_BACKEND]);
}

/* ---- who is where */

static int find(const struct resident_net *n, const uint8_t *address)
{
    for (int i = 0; i < RESIDENT_LEARNT; i++)
        if (n->learnt[i].known && !memcmp(n->learnt[i].address, address, NET_ADDRESS)) return i;
    return -1;
}

static void learn(struct resident_net *n, const uint8_t *address, uint8_t from)
{
    if (net_is_group(address)) return;
    int at = find(n, address);
    if (at < 0) {
        at = (int)n->learn_next++;
        n->learn_next %= RESIDENT_LEARNT;
    }
    memcpy(n->learnt[at].address, address, NET_ADDRESS);
    n->learnt[at].from = from;
    n->learnt[at].known = 1;
}

/* ---- ways out */

static bool put(struct resident_net *n, struct resident_way *w, int packet)
{
    n->forwarded++;
    if (packet < 0 || w->waiting == RESIDENT_QUEUE) {
        w->dropped++;
        return false;
    }
    w->packet[(w->first + w->waiting++) % RESIDENT_QUEUE] = (uint16_t)packet;
    n->packet[packet].users++;
    return true;
}

static uint16_t take(struct resident_net *n, struct resident_way *w)
{
    uint16_t packet = w->packet[w->first];
    w->first = (uint8_t)((w->first + 1) % RESIDENT_QUEUE);
    w->waiting--;
    w->gone++;
    n->packet[packet].users--;
    return packet;
}

/* As many as the card has descriptors for. */
static void feed_card(struct vmm *h)
{
    struct resident_net *n = h->net;
    while (n->way.waiting) {
        uint16_t p = n->way.packet[n->way.first];
        if (!resident_nic_send(h, n->packet[p].data, n->packet[p].bytes)) return;
        copied(h, n->packet[p].bytes);
        take(n, &n->way);
    }
}

static void to_card(struct vmm *h, int packet)
{
    if (put(h->net, &h->net->way, packet)) feed_card(h);
}

static void to_vm(struct vmm *h, struct vm_nic *v, int packet)
{
    if (!put(h->net, &v->way, packet)) return;
    if (!v->deliver.armed) timeq_arm(&v->vm->timers, &v->deliver, v->busy > h->board.clock->now ? v->busy : h->board.clock->now);
    h->schedule.look = true; /* it may sleep */
}

/* In the VM's own time: its card stores what has come, into the guest's memory. */
static void deliver(void *vm_nic, uint64_t when)
{
    (void)when;
    struct vm_nic *v = vm_nic;
    struct vmm *h = v->vm->vmm;
    uint16_t p = take(h->net, &v->way);
    unsigned bytes = h->net->packet[p].bytes;
    copied(h, bytes);
    v->station.receive(v->station.self, h->net->packet[p].data, bytes);
    v->busy = h->board.clock->now + net_time(h->board.clock, RESIDENT_MBIT, bytes);
    if (v->way.waiting) timeq_arm(&v->vm->timers, &v->deliver, v->busy);
}

/* ---- the way in */

static int keep(struct resident_net *n, const uint8_t *frame, unsigned bytes)
{
    for (int i = 0; i < RESIDENT_PACKETS; i++) {
        if (n->packet[i].users) continue;
        n->packet[i].bytes = (uint16_t)bytes;
        memcpy(n->packet[i].data, frame, bytes);
        return i;
    }
    return -1;
}

static void entered(struct vmm *h, uint8_t from, const uint8_t *frame, unsigned bytes)
{
    struct resident_net *n = h->net;
    learn(n, frame + NET_ADDRESS, from);
    int known = find(n, frame), packet = keep(n, frame, bytes);
    uint8_t to = known < 0 ? from : n->learnt[known].from;
    if (known >= 0 && to == from) return; /* they are on the same side */
    copied(h, bytes);
    if (packet >= 0) n->packet[packet].users++; /* ours, until it is in all queues */
    for (unsigned i = 0; i < h->vms; i++)
        if (h->vm[i].nic.vm && i != from && (known < 0 || i == to)) to_vm(h, &h->vm[i].nic, packet);
    if (from != RESIDENT_CARD && (known < 0 || to == RESIDENT_CARD)) to_card(h, packet);
    if (packet >= 0) n->packet[packet].users--;
}

/* Out of a virtual card. */
static void sent(void *vm_nic, unsigned port, const uint8_t *frame, unsigned bytes)
{
    (void)port;
    struct vm_nic *v = vm_nic;
    struct vmm *h = v->vm->vmm;
    if (bytes < NET_HEADER || bytes > NET_MOST) return;
    v->sent++;
    h->net->from_vms++;
    clock_charge(h->board.clock, CAUSE_DEVICE, h->board.model->cost[COST_DEVICE]);
    entered(h, v->vm->id, frame, bytes);
}

void resident_net_received(struct vmm *h, const uint8_t *frame, unsigned bytes)
{
    h->net->from_card++;
    entered(h, RESIDENT_CARD, frame, bytes);
}

void resident_net_interrupt(struct vmm *h)
{
    h->net->interrupts++;
    resident_nic_events(h);
    feed_card(h);
}

/* ---- set up */

void resident_net_init(struct vmm *h)
{
    if (!h->net) h->net = arena_alloc(h->board.arena, sizeof *h->net);
}

void resident_net_plug(struct vm *vm)
{
    vm->nic = (struct vm_nic){ .vm = vm, .deliver = { .fire = deliver, .self = &vm->nic } };
    vm->nic.station = devices_plug(&vm->devices, (struct net_cable){ sent, &vm->nic, vm->id });
}

void resident_net_start(struct vmm *h)
{
    if (h->net->started) return;
    h->net->started = true;
    resident_nic_init(h);
}
