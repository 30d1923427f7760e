/* `ringside run --dry SCENARIO`: is it whole? Its machine is made, and stands; nothing runs. The findings are sim/script/dry.c's. */
#include "sim/cmd.h"
#include "sim/subject.h"

#include <stdio.h>

int cmd_dry(const struct options *o, struct err *e)
{
    struct subject s;
    struct text found = { 0 };
    const char *word = command_subject(o, 0, e);
    if (!word || !subject_open(&s, word, o, e)) return e->code;
    if (!s.lesson) {
        subject_close(&s);
        return err_set(e, EXIT_USAGE, "--dry: is for scenarios; %s is an image", word), e->code;
    }
    unsigned n = lesson_dry(s.lesson, s.machine, &found), steps = s.lesson->ops->steps(s.lesson);
    fputs(text_str(&found), stderr);
    if (n) err_set(e, EXIT_INPUT, "%s: %u thing%s to mend; nothing was run", word, n, n == 1 ? "" : "s");
    else if (!o->value[OPT_QUIET]) printf("%s: %u step%s, nothing to mend; nothing was run, so whether what a step waits for ever comes is for `ringside run` to say\n", word,
                                             steps, steps == 1 ? "" : "s");
    text_free(&found);
    subject_close(&s);
    return e->code;
}
