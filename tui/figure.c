/* d: the diagram that belongs to the chosen view, as `ringside draw` makes it, of this moment. See pick.h. */
#include <stdio.h>
#include <string.h>
#include "sim/picture_bits.h"
#include "sim/picture_chart.h"
#include "sim/picture_walk.h"
#include "tui/address.h"
#include "tui/app.h"

/* What the diagrams know a run as. */
static void subject_of(const struct app *a, struct subject *s)
{
    const struct session *n = &a->session;
    memset(s, 0, sizeof *s);
    snprintf(s->name, sizeof s->name, "%.*s", (int)strcspn(n->name, "."), n->name);
    s->cfg = *machine_config(n->m);
    s->machine = n->m;
}

static bool draw_walk(struct app *a, const struct subject *s, const struct picture *p, const char *path, struct err *e)
{
    const struct address *at = a->view[VIEW_ADDRESS].state;
    return walk_write(s, p, &at->what, path, e);
}

static bool draw_timeline(struct app *a, const struct subject *s, const struct picture *p, const char *path, struct err *e)
{
    static struct picture_run run; /* large */
    (void)a;
    picture_run_of(&run, s);
    return timeline_write(&run, p, path, e);
}

static bool draw_topology(struct app *a, const struct subject *s, const struct picture *p, const char *path, struct err *e)
{
    (void)a;
    return topology_write(s, p, path, e);
}

static bool draw_rings(struct app *a, const struct subject *s, const struct picture *p, const char *path, struct err *e)
{
    static struct picture_run run; /* large */
    (void)a;
    picture_run_of(&run, s);
    return rings_write(&run, p, path, e);
}

static bool draw_bits(struct app *a, const struct subject *s, const struct picture *p, const char *path, struct err *e)
{
    (void)a;
    return bits_write(s, p, NULL, path, e);
}

static const struct figure {
    const char *kind;
    bool (*draw)(struct app *a, const struct subject *s, const struct picture *p, const char *path, struct err *e);
} figures[VIEW_COUNT] = {
    [VIEW_ADDRESS] = { "walk", draw_walk }, [VIEW_CYCLES] = { "timeline", draw_timeline },
    [VIEW_CPU] = { "bits", draw_bits }, [VIEW_RINGS] = { "rings", draw_rings },
    [VIEW_DEVICES] = { "topology", draw_topology }, [VIEW_VMS] = { "topology", draw_topology },
};

void figure_draw(struct app *a)
{
    static struct subject s; /* large */
    unsigned view = !a->lecture.on ? a->focus : a->lecture.view >= 0 ? (unsigned)a->lecture.view : VIEW_LADDER;
    const struct figure *f = &figures[view];
    struct picture p = { .format = PICTURE_SVG };
    struct err e = { 0 };
    char base[120], path[128];
    if (!f->draw) {
        session_draw(&a->session);
        return;
    }
    subject_of(a, &s);
    pick_stem(a, f->kind, base, sizeof base);
    snprintf(path, sizeof path, "%s.svg", base);
    if (f->draw(a, &s, &p, path, &e)) session_say(&a->session, false, "Wrote %s: the %s of this moment.", path, f->kind);
    else session_say(&a->session, true, "%s", e.text);
}
