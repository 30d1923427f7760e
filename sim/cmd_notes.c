/* `ringside notes`: the speaker's notes of a lecture in another terminal. The work is tui/notes_client.c's. */
#include "sim/cmd.h"
#include "tui/tui.h"

int cmd_notes(const struct options *o, struct err *e)
{
    if (o->operands) {
        err_set(e, EXIT_USAGE, "%s: `notes` takes nothing; it finds the lecture that runs", o->operand[0]);
        return e->code;
    }
    return tui_notes(o->value[OPT_WAIT] != NULL, e);
}
