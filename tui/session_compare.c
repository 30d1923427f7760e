/* The same guest on every machine, to the end: the table of `ringside compare`, on the screen. See session.h. */
#include <stdio.h>
#include <string.h>
#include "sim/compare_runs.h"
#include "tui/session.h"

bool session_compare(struct session *s, struct text *out)
{
    static struct compare_runs c; /* large */
    struct subject subject = { .cfg = *machine_config(s->own) };
    struct err e = { 0 };
    snprintf(subject.name, sizeof subject.name, "%.*s", (int)strcspn(s->name, "."), s->name);
    subject.cfg.serial = NULL;
    bool good = compare_runs_on(&c, &subject, NULL, &e) && compare_runs_all(&c, false, COMPARE_STEPS, &e);
    if (good) {
        struct say table;
        say_init(&table, NULL, "never", false);
        compare_runs_text(&c, false, &table);
        text_add(out, "%s", text_str(&table.t));
        say_done(&table);
    } else {
        session_say(s, true, "%s", e.text);
    }
    compare_runs_done(&c);
    return good;
}
