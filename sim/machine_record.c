/* The last instructions, as people read them. See machine.h, cpu/recorder.h. */
#include <string.h>
#include "sim/board.h"

_Static_assert((int)MACHINE_RECORDS == RECORDER_ROOM && (int)MACHINE_RECORDS_MOST == RECORDER_MOST, "one size");

bool machine_record(struct machine *m, size_t n) { return recorder_start(&m->recorder, n); }

size_t machine_records(const struct machine *m) { return recorder_count(&m->recorder); }

void machine_record_at(const struct machine *m, size_t i, struct machine_record *out)
{
    const struct record *r = recorder_at(&m->recorder, i);
    *out = (struct machine_record){ .moment = r->moment, .cycle = r->cycle, .eip = r->eip, .cs_base = r->cs_base,
                                    .eflags = record_flags(r), .ring = r->cpl, .len = r->code[15] };
    memcpy(out->reg, r->reg, sizeof out->reg);
    memcpy(out->bytes, r->code, sizeof out->bytes);
    insn_text(r->code, out->len, (struct insn_mode){ (r->cs_ar & AR_DB) != 0 }, r->eip, out->text, sizeof out->text);
}
