/* A page of speaker's notes, from the lesson alone. See notes.h. */
#include <string.h>
#include "tui/app.h"
#include "tui/notes.h"

/* A paragraph's lines are the author's; the reader breaks them for the terminal at hand. */
static void add_block(struct text *out, const char *word, const char *s)
{
    if (!s || !*s) return;
    text_add(out, "\n%s\n", word);
    for (; *s; s++) {
        bool joins = *s == '\n' && s[1] && s[1] != '\n' && s[1] != ' ';
        text_char(out, joins ? ' ' : *s);
    }
    text_char(out, '\n');
}

static void add_question(struct text *out, const struct lesson_step *st, bool hidden)
{
    if (!st->ask) return;
    text_add(out, "\nQUESTION%s\n%s\n", hidden ? "  (the room has not seen the answer)" : "", st->ask);
    for (unsigned i = 0; i < st->choices; i++)
        text_add(out, "%s %c  %s\n", i + 1 == st->answer ? ">" : " ", (int)('A' + i), st->choice[i]);
}

static void add_times(struct text *out, const struct lesson *l, unsigned gone)
{
    unsigned planned = 0, all = 0;
    struct lesson_step st;
    for (unsigned i = 0; i < l->ops->steps(l); i++) {
        l->ops->step(l, i, &st);
        all += st.minutes;
        if (i < l->next) planned += st.minutes;
    }
    text_add(out, "%u min gone", gone);
    if (all) text_add(out, "; %u planned to the end of this step, %u in all", planned, all);
    text_char(out, '\n');
}

static void add_reading(struct text *out, const struct lesson *l)
{
    if (l->readings) text_add(out, "\nREADING\n");
    for (unsigned i = 0; i < l->readings; i++) text_add(out, "- %s\n", l->reading[i]);
}

void notes_page(const struct app *a, unsigned minutes, struct text *out)
{
    const struct lesson *l = a->session.own_lesson;
    struct lesson_step st;
    if (!l) {
        text_add(out, "%s\n\nThere is no lesson here, and so no notes.\n", a->session.name);
        return;
    }
    unsigned n = l->ops->steps(l);
    text_add(out, "%s\n", l->title);
    if (a->lecture.blank) text_add(out, "THE SCREEN IS BLANK\n");
    if (l->next) {
        l->ops->step(l, l->next - 1, &st);
        text_add(out, "Step %u of %u: %s%s\n", l->next, n, st.title, lecture_hides(a) ? "  (title and ladder still hidden)" : "");
        add_times(out, l, minutes);
        add_block(out, "SAY", st.say);
        add_question(out, &st, lecture_hides(a));
        add_block(out, "THE ROOM READS", st.note);
    } else {
        text_add(out, "Before the first of %u steps\n", n);
        add_times(out, l, minutes);
    }
    if (l->next < n) {
        l->ops->step(l, l->next, &st);
        text_add(out, "\nNEXT  %s%s\n", st.title, st.ask ? "  (begins with a question)" : "");
    }
    if (!l->next || l->next == n) add_reading(out, l);
}
