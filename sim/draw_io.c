/* `ringside draw io SCENARIO|IMAGE`: one disk request on its way, a column for each way to reach the disk.
 *
 * Idea: the same guest runs to its end on each machine, bare, with the disk passed through, behind the hypervisor's virtual one, behind a
 * service domain (the kernel's port), behind a process of a host's; from each history one request is cut out (io_path.h). A box is what happened between two
 * landmarks: who worked, cycles, exits, hypercalls, world switches. SVG lays itself out, for columns want to be aligned. */
#include <stdio.h>
#include <string.h>
#include "sim/cmd.h"
#include "sim/draw.h"
#include "sim/guard.h"
#include "sim/io_path.h"
#include "sim/loader.h"
#include "sim/picture_chart.h"
#include "sim/picture_split.h"
#include "sim/sketch.h"

enum { WAYS = 5, SPLIT = 3, HOSTED = 4 };
static const char *const ways[WAYS] = { "bare", "passthrough", "hypervisor-direct", "split", "hosted" };

struct io_picture { const struct subject *s; struct io_path path[WAYS]; };

/* ---- running */

static bool hypervisor_for(const char *cpu) { return *cpu && strcmp(cpu, "native") != 0 && strcmp(cpu, "pv") != 0; }

static bool configure(const struct subject *s, unsigned way, struct machine_cfg *cfg, struct err *e)
{
    *cfg = s->cfg;
    cfg->serial = NULL;
    cfg->mmu[0] = 0;
    cfg->vms = 1;
    cfg->kinds = 0;
    strcpy(cfg->host, "bare-metal");
    config_stays(cfg);
    if (way != SPLIT) {
        config_drop_sets(cfg, "split.");
        config_drop_sets(cfg, "migrate.");
    }
    if (way == HOSTED) {
        strcpy(cfg->host, "hosted");
        subject_host(cfg);
        return config_option(cfg, "io", "hypervisor-direct", e) && config_option(cfg, "cpu", "vtx", e) && config_check(cfg, e);
    }
    if (way && !config_option(cfg, "io", ways[way], e)) return false;
    if (way < SPLIT) return config_option(cfg, "cpu", !way ? "native" : hypervisor_for(s->cfg.cpu) ? s->cfg.cpu : "vtx", e) && config_check(cfg, e);
    cfg->vms = 2;
    char port[sizeof cfg->image]; /* the kernel's */
    if (!loader_port(cfg->image, port, sizeof port)) snprintf(port, sizeof port, "%s", cfg->image);
    snprintf(cfg->image, sizeof cfg->image, "%s", port);
    return config_option(cfg, "cpu", "pv", e) && config_check(cfg, e);
}

static bool run_way(struct io_picture *d, unsigned way, struct err *e)
{
    struct machine_cfg cfg;
    struct err why = { 0 };
    struct io_path *p = &d->path[way];
    struct machine *m = configure(d->s, way, &cfg, &why) ? machine_new(&cfg, &why) : NULL;
    if (!m) {
        snprintf(p->way, sizeof p->way, "%s", ways[way]);
        snprintf(p->refused, sizeof p->refused, "%.500s", why.text);
        return true;
    }
    struct subject one = { .machine = m };
    bool ok = subject_run(&one, NULL, NULL, e);
    if (ok) io_path_find(p, m);
    machine_free(m);
    return ok;
}

/* ---- words */

static void counts(const struct io_hop *h, struct text *out)
{
    text_clear(out);
    if (h->from == h->to) {
        text_add(out, "no exit, so not in the history");
        return;
    }
    text_number(out, h->cycles);
    text_add(out, " cycles");
    if (h->exits) text_add(out, ", %u exit%s", h->exits, h->exits == 1 ? "" : "s");
    if (h->switches) text_add(out, ", %u switch%s", h->switches, h->switches == 1 ? "" : "es");
}

static void totals(const struct io_path *p, unsigned line, struct text *out)
{
    text_clear(out);
    switch (line) {
    case 0:
        text_number(out, p->cycles);
        text_add(out, " cycles");
        break;
    case 1:
        text_number(out, p->cycles - p->drive);
        text_add(out, " without the drive");
        break;
    case 2: text_add(out, "%u exits, of these", p->exits); break;
    case 3: text_add(out, "%u hypercalls; %u switches", p->hypercalls, p->switches); break;
    case 4: text_add(out, "%u of %u sectors copied", p->copied, p->sectors); break;
    default: text_add(out, "%.1f port accesses to the drive", p->accesses); break;
    }
}
enum { TOTALS = 6 };

static void io_text(const struct io_picture *d, const char *caption, struct text *out)
{
    struct text t = { 0 };
    text_add(out, "One disk request, and who handles it on each way\n%s\n", caption);
    for (unsigned w = 0; w < WAYS; w++) {
        const struct io_path *p = &d->path[w];
        text_add(out, "\n%s%s%s%s\n", p->way, *p->machine ? " (" : "", p->machine, *p->machine ? ")" : "");
        if (*p->refused) text_add(out, "  not here: %s\n", p->refused);
        for (unsigned i = 0; i < p->hops; i++) {
            const struct io_hop *h = &p->hop[i];
            counts(h, &t);
            text_add(out, "  %-11s %s %s\n%14sevents %u-%u: %s\n", io_who_name(h->who), h->what[0], h->what[1], "", h->from, h->to, text_str(&t));
        }
        for (unsigned i = 0; p->hops && i < TOTALS; i++) {
            totals(p, i, &t);
            text_add(out, "%s%s", i == 0 ? "  in all: " : i == 2 || i == 4 ? "\n          " : i == 3 ? " " : ", ", text_str(&t));
        }
        if (p->hops) text_add(out, " (mean of %u)\n", p->requests);
    }
    text_free(&t);
}

/* ---- SVG */

enum { LEFT = 20, WIDE = 262, GAP = 22, TOP = 92, HIGH = 62, STEP = 84 };

static enum sketch_role role_of(enum io_who who)
{
    static const enum sketch_role roles[] = { SKETCH_GUEST, SKETCH_WARN, SKETCH_MAP, SKETCH_CPU, SKETCH_MAP };
    return roles[who];
}

static void draw_way(const struct sketch *k, const struct io_path *p, unsigned way, int foot)
{
    int x = LEFT + (int)way * (WIDE + GAP), y = TOP;
    struct text t = { 0 };
    sketch_words(k, x, TOP - 26, 13, SKETCH_INK, true, p->way);
    sketch_words(k, x, TOP - 11, 11, SKETCH_FAINT, false, *p->machine ? p->machine : "");
    if (*p->refused) { /* the reason is in the text: `--format txt` */
        sketch_box(k, x, y, WIDE, HIGH, SKETCH_FAINT, 1, true);
        sketch_middle(k, x + WIDE / 2, y + 28, 11, SKETCH_FAINT, "not for this guest;");
        sketch_middle(k, x + WIDE / 2, y + 44, 11, SKETCH_FAINT, "why: as .txt");
    }
    for (unsigned i = 0; i < p->hops; i++, y += STEP) {
        const struct io_hop *h = &p->hop[i];
        sketch_box(k, x, y, WIDE, HIGH, role_of(h->who), h->who == IO_DEVICE ? 1 : 2, false);
        sketch_words(k, x + 8, y + 14, 11, role_of(h->who), true, io_who_name(h->who));
        for (unsigned l = 0; l < 2; l++) sketch_words(k, x + 8, y + 28 + 13 * (int)l, 11, SKETCH_INK, false, h->what[l]);
        counts(h, &t);
        sketch_words(k, x + 8, y + 56, 11, SKETCH_FAINT, false, text_str(&t));
        if (i + 1 < p->hops) sketch_arrow(k, x + WIDE / 2, y + HIGH, x + WIDE / 2, y + STEP - 1, SKETCH_INK, false);
    }
    for (unsigned i = 0; p->hops && i < TOTALS; i++) {
        totals(p, i, &t);
        sketch_words(k, x, foot + 16 * (int)i, 12, SKETCH_INK, i == 1 || i == 2, text_str(&t));
    }
    text_free(&t);
}

static void io_svg(const struct io_picture *d, const char *caption, const char *theme, struct text *out)
{
    struct sketch k;
    unsigned most = 1;
    for (unsigned w = 0; w < WAYS; w++)
        if (d->path[w].hops > most) most = d->path[w].hops;
    int foot = TOP + (int)most * STEP + 6;
    sketch_begin(&k, out, theme, 2 * LEFT + WAYS * WIDE + (WAYS - 1) * GAP, foot + 16 * TOTALS, "One disk request, and who handles it",
                 "A column for each way to the disk, a box for each part of the way.");
    sketch_words(&k, LEFT, 24, 15, SKETCH_INK, true, "One disk request, and who handles it on each way");
    sketch_words(&k, LEFT, 42, 11, SKETCH_FAINT, false, caption);
    for (unsigned w = 0; w < WAYS; w++) draw_way(&k, &d->path[w], w, foot);
    sketch_end(&k);
}

/* ---- the command */

static bool write(const struct io_picture *d, const struct picture *p, const char *path, struct err *e)
{
    struct text caption = { 0 }, svg = { 0 }, txt = { 0 };
    text_add(&caption, "%s, model %s, seed %llu; the last read whose whole way is in the history", d->s->name, d->s->cfg.label,
             (unsigned long long)d->s->cfg.seed);
    io_svg(d, text_str(&caption), p->theme, &svg);
    io_text(d, text_str(&caption), &txt);
    bool ok = chart_write(p->format, &svg, &txt, path, e);
    text_free(&caption);
    text_free(&svg);
    text_free(&txt);
    return ok;
}

int draw_io(const struct options *o, struct err *e)
{
    static struct io_picture d; /* large */
    struct subject s;
    struct picture p = { 0 };
    char name[96];
    const char *word = command_subject(o, 1, e), *path = o->value[OPT_OUTPUT];
    if (!word || !picture_format(o, path, &p.format, e) || !picture_theme(o, &p.theme, e) || !subject_find(&s, word, o, e)) return e->code;
    snprintf(name, sizeof name, "%s-io.%s", s.name, picture_ending(p.format));
    if (!path) path = name;
    d = (struct io_picture){ .s = &s };
    if (!s.cfg.disks) err_set(e, EXIT_USAGE, "draw io: no disk here, so there are no requests; try `ringside draw io dev3`");
    guard_start(options_wall(o));
    for (unsigned w = 0; w < WAYS && !e->code; w++) run_way(&d, w, e);
    guard_quiet(true);
    if (!e->code && write(&d, &p, path, e) && strcmp(path, "-") && !o->value[OPT_QUIET]) picture_tell(path);
    subject_close(&s);
    return e->code;
}
