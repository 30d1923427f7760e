/* Stop points, and running to them. See session.h.
 *
 * A stop point is an address at which a run stops before the instruction executes; time travel keeps them. Hardware and guests
 * never see them (sim/core/points.h). */
#include <stdio.h>
#include <string.h>
#include "sim/core/points.h"
#include "tui/session.h"

static int find(const struct session *s, uint32_t at)
{
    for (unsigned i = 0; i < s->stops; i++)
        if (s->stop[i] == at) return (int)i;
    return -1;
}

bool session_stops_at(const struct session *s, uint32_t at) { return find(s, at) >= 0; }

/* Only while a person runs: steps and lessons have ends of their own. */
void session_arm(struct session *s, bool on)
{
    struct point list[SESSION_STOPS];
    for (unsigned i = 0; i < s->stops; i++) list[i] = (struct point){ s->stop[i], 1, POINT_EXEC };
    machine_points(s->m, list, on ? s->stops : 0);
    if (on) machine_points_pass(s->m);
}

void session_stop(struct session *s)
{
    uint32_t at = machine_linear(s->m);
    char where[64];
    int i = find(s, at);
    const char *name = machine_symbol(s->m, machine_eip(s->m), where, sizeof where);
    if (machine_place(s->m) == PLACE_VMM) {
        session_say(s, true, "A stop point is for the guest's code; o goes back to it.");
        return;
    }
    if (i < 0 && s->stops == SESSION_STOPS) {
        session_say(s, true, "There are %d stop points already; b on one of them takes it away.", SESSION_STOPS);
        return;
    }
    if (i >= 0) s->stop[i] = s->stop[--s->stops];
    else s->stop[s->stops++] = at;
    session_say(s, false, i < 0 ? "Stop point at %s: c stops there. B lists all." : "No stop point at %s any more.", name);
}

void session_stop_list(const struct session *s, struct text *out)
{
    char where[64];
    if (!s->stops) text_add(out, "There are none. b sets one at the instruction about to run.\n");
    for (unsigned i = 0; i < s->stops; i++)
        text_add(out, "%08X  %s\n", s->stop[i], machine_symbol(s->m, s->stop[i], where, sizeof where));
}

bool session_stopped(struct session *s)
{
    const struct point_hit *hit = machine_point(s->m);
    char where[64];
    if (!hit) return false;
    session_say(s, false, "Stop point: %s.", machine_symbol(s->m, hit->at, where, sizeof where));
    return true;
}
