/* --nic join: what it needs, and what it cannot be combined with. See config.h, machine_join.c. */
#include <string.h>
#include "sim/config.h"

bool config_check_join(const struct machine_cfg *c, struct err *e)
{
    bool join = !strcmp(c->nic, "join");
    if (!join && (c->peer[0] || c->net_replay[0]))
        return err_set(e, EXIT_USAGE, "--%s without --nic join: there is no cable to another machine; add --nic join", c->peer[0] ? "peer" : "net-replay");
    if ((c->peer_append[0] || c->peer_cpu[0]) && !c->peer[0])
        return err_set(e, EXIT_USAGE, "--peer-%s without --peer: of which machine? Name its image with --peer IMAGE", c->peer_append[0] ? "append" : "cpu");
    if (!join || c->is_peer) return true;
    if (!c->peer[0] == !c->net_replay[0])
        return err_set(e, EXIT_USAGE, c->peer[0] ? "--peer with --net-replay: what comes over the link is the other machine's, or a file's; leave one of them out"
                                                 : "--nic join: nobody is at the other end; name an image with --peer, or a recording with --net-replay");
    if (c->migrate_at || c->save[0])
        return err_set(e, EXIT_USAGE, "--%s with --nic join: the other machine would go on without this one; leave one of them out", c->migrate_at ? "migrate-at" : "save");
    return true;
}
