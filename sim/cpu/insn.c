/* The rows of insn.def as data. See insn.h. */
#include "sim/cpu/insn.h"

#include "sim/cpu/exec.h"
#include "sim/trace/trace.h"

static const struct insn_desc rows[MN_COUNT] = {
    { "(bad)", exec_undefined, COST_BASIC, PRIV_NONE, SENS_NONE, "Not an instruction of this machine: #UD." },
#define INSN(mn, word, handler, cost, privilege, sensitivity, rule) \
    { word, handler, COST_##cost, PRIV_##privilege, SENS_##sensitivity, rule },
#include "sim/cpu/insn.def"
#undef INSN
};

const struct insn_desc *insn_desc(unsigned id) { return &rows[id < MN_COUNT ? id : MN_NONE]; }

const char *insn_row_name(unsigned id)
{
    static const char *const names[MN_COUNT] = {
        "NONE",
#define INSN(mn, word, handler, cost, privilege, sensitivity, rule) #mn,
#include "sim/cpu/insn.def"
#undef INSN
    };
    return names[id < MN_COUNT ? id : MN_NONE];
}

void insn_names(void)
{
    static const char *const words[] = {
        "(bad)",
#define INSN(mn, word, handler, cost, privilege, sensitivity, rule) word,
#include "sim/cpu/insn.def"
#undef INSN
    };
    _Static_assert(MN_COUNT <= 256, "events keep a mnemonic in one byte");
    trace_names("mnemonic", words, MN_COUNT);
}
