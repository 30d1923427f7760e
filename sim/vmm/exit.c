/* See exit.h. */
#include "sim/vmm/exit.h"

#include "sim/trace/trace.h"
#include "sim/vmm/detector.h"

static const char *const reason_names[EXIT_REASONS] = {
#define EXIT(e, name, about) name,
#include "sim/vmm/exit.def"
#undef EXIT
};
static const char *const reason_abouts[EXIT_REASONS] = {
#define EXIT(e, name, about) about,
#include "sim/vmm/exit.def"
#undef EXIT
};
static const char *const death_names[DEATHS] = {
#define DEATH(e, name, about) name,
#include "sim/vmm/death.def"
#undef DEATH
};
static const char *const death_abouts[DEATHS] = {
#define DEATH(e, name, about) about,
#include "sim/vmm/death.def"
#undef DEATH
};

const char *exit_name(unsigned reason) { return reason < EXIT_REASONS ? reason_names[reason] : "?"; }
const char *exit_about(unsigned reason) { return reason < EXIT_REASONS ? reason_abouts[reason] : "?"; }
const char *death_name(unsigned why) { return why < DEATHS ? death_names[why] : "?"; }
const char *death_about(unsigned why) { return why < DEATHS ? death_abouts[why] : "?"; }

void exit_names(void)
{
    trace_names("exit", reason_names, EXIT_REASONS);
    trace_names("death", death_names, DEATHS);
    trace_names("field", detector_fields, DETECTOR_FIELDS);
}
