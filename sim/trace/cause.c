/* See cause.h: the rows of cause.def as two tables of words. */
#include "sim/trace/cause.h"

static const char *const names[CAUSE_COUNT] = {
#define CAUSE(e, name, about) [CAUSE_##e] = name,
#include "sim/trace/cause.def"
#undef CAUSE
};

static const char *const abouts[CAUSE_COUNT] = {
#define CAUSE(e, name, about) [CAUSE_##e] = about,
#include "sim/trace/cause.def"
#undef CAUSE
};

const char *cause_name(unsigned cause) { return cause < CAUSE_COUNT ? names[cause] : "?"; }
const char *cause_about(unsigned cause) { return cause < CAUSE_COUNT ? abouts[cause] : "?"; }
