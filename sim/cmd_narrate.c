/* `ringside run --narrate [--pause]`: a lesson as plain lines. The telling is tui/narrate.c's; here it gets its machine. */
#include "sim/cmd.h"
#include "sim/subject.h"
#include "tui/tui.h"

int cmd_narrate(const struct options *o, struct err *e)
{
    static const struct { enum option option; const char *name; } others[] = {
        { OPT_JSON, "--json" }, { OPT_GDB, "--gdb" }, { OPT_DAP, "--dap" }, { OPT_PROFILE, "--profile" }, { OPT_FOLDED, "--profile-folded" },
        { OPT_OUTPUT, "-o" }, { OPT_SERIAL, "--serial" }, { OPT_SCREEN, "--screen" }, { OPT_AGAINST, "--against" },
    };
    struct subject s;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (o->value[others[i].option])
            return err_set(e, EXIT_USAGE, "--narrate tells a story and writes nothing else; run %s without it", others[i].name), e->code;
    const char *word = command_subject(o, 0, e);
    if (!word || !subject_open(&s, word, o, e)) return e->code;
    int code = tui_narrate(s.machine, s.lesson, o->value[OPT_PAUSE] != NULL, o->value[OPT_ASCII] != NULL, e);
    subject_close(&s);
    return code;
}
