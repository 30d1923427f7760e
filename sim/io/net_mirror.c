/* See net_mirror.h. */
#include "sim/io/net_mirror.h"

#include <string.h>

static const uint8_t own[NET_ADDRESS] = { 0x02, 0, 0, 0, 0, 0x4D }; /* locally administered */

static void receive(void *mirror, const uint8_t *frame, unsigned bytes)
{
    struct net_mirror *m = mirror;
    uint8_t back[NET_MOST];
    memcpy(back, frame, bytes);
    memcpy(back, frame + NET_ADDRESS, NET_ADDRESS);
    memcpy(back + NET_ADDRESS, net_is_group(frame) ? own : frame, NET_ADDRESS);
    m->frames++;
    m->cable.send(m->cable.self, m->cable.port, back, bytes);
}

void net_mirror_init(struct net_mirror *m, struct net_switch *n, struct timeq *queue)
{
    *m = (struct net_mirror){ 0 };
    m->cable = net_plug(n, (struct net_station){ receive, m }, queue);
}
