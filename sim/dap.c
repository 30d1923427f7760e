/* Requests and answers of an editor: see dap.h. */
#include "sim/dap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_STEPS = 100000, STACK_MOST = 1 << 20 };

/* --- messages --- */

static void post(struct dap *d, json_t *message)
{
    json_object_set_new(message, "seq", json_integer(++d->seq));
    char *words = json_dumps(message, JSON_COMPACT | JSON_PRESERVE_ORDER);
    if (words) d->send(d->self, words, strlen(words));
    free(words);
    json_decref(message);
}

static void event(struct dap *d, const char *name, json_t *body)
{
    post(d, json_pack("{s:s, s:s, s:o}", "type", "event", "event", name, "body", body));
}

void dap_output(struct dap *d, const char *category, const char *text)
{
    json_t *words = json_string(text);
    event(d, "output", json_pack("{s:s, s:o}", "category", category, "output", words ? words : json_string("?\n")));
}

/* --- where it stopped --- */

/* What the GDB session would have said, in DAP's words. */
static void stopped(struct dap *d, const char *reason)
{
    struct machine_end end = machine_end(d->m);
    const char *said = text_str(&d->gdb.last);
    text_clear(&d->gdb.out);
    if (end.fate != FATE_RUNNING && d->gdb.over == GDB_GONE) {
        dap_output(d, "console", end.why);
        dap_output(d, "console", "\n");
        event(d, "exited", json_pack("{s:i}", "exitCode", machine_exit_code(d->m)));
        event(d, "terminated", json_object());
        d->ended = true;
        return;
    }
    json_t *body = json_pack("{s:s, s:i, s:b}", "reason", reason, "threadId", 1, "allThreadsStopped", 1);
    if (end.fate != FATE_RUNNING) json_object_set_new(body, "reason", json_string("exception")), json_object_set_new(body, "text", json_string(end.why));
    else if (strstr(said, "replaylog:begin")) json_object_set_new(body, "reason", json_string("entry")), json_object_set_new(body, "description", json_string("at the beginning of the run"));
    else if (!strncmp(said, "T02", 3)) json_object_set_new(body, "reason", json_string("pause"));
    else if (strstr(said, "break:")) json_object_set_new(body, "reason", json_string(dap_point_reason(d)));
    else if (strstr(said, "watch:")) json_object_set_new(body, "reason", json_string("data breakpoint"));
    if (end.fate == FATE_RUNNING) dap_raise_stopped(d, body);
    if (!d->is_raised && d->hits && (strstr(said, "break:") || strstr(said, "watch:"))) {
        json_t *ids = json_array();
        for (unsigned i = 0; i < d->hits; i++) json_array_append_new(ids, json_integer(d->hit_id[i]));
        json_object_set_new(body, "hitBreakpointIds", ids);
    }
    event(d, "stopped", body);
}

static uint32_t here(const struct dap *d)
{
    struct machine_cpu c;
    machine_guest(d->m, &c);
    return c.eip;
}

/* --- running: after the answer, for it may last --- */

/* For no reason that a debugger knows: a step, a condition of ours. */
static bool is_plain_stop(const struct dap *d) { return !strncmp(text_str(&d->gdb.last), "T05thread", 9); }

/* It stopped forwards for an event that no filter wants after all? */
static bool for_nothing(const struct dap *d) { return d->gdb.till && is_plain_stop(d); }

/* Runs until something stops it for good; a point or a filter whose condition does not hold does not. */
static void go(struct dap *d, void (*how)(struct gdb *g), bool forward)
{
    dap_raise_begin(d);
    d->gdb.till = forward ? dap_raise_till(d) : NULL;
    do {
        how(&d->gdb);
        if (forward && dap_raise_stops(d)) break;
    } while (d->gdb.over == GDB_ON && (for_nothing(d) || !dap_point_stops(d, forward)) && !d->gdb.interrupted(d->gdb.self));
    d->gdb.till = NULL;
}

/* Where a call returns to. In a deeper call of the same function, or in another task, the stack is elsewhere: the callee takes its arguments off at most. */
struct landing { uint32_t at, esp, cpl; };
enum { ARGUMENTS = 4096 };

static bool landed(const struct dap *d, const struct landing *to)
{
    struct machine_cpu c;
    machine_guest(d->m, &c);
    return c.eip == to->at && c.cpl == to->cpl && c.reg[4] - to->esp < ARGUMENTS;
}

/* Until there, or whatever stops it before. False: something else did. */
static bool run_to(struct dap *d, const struct landing *to)
{
    gdb_apply_stops(&d->gdb, &to->at);
    d->gdb.till = dap_raise_till(d);
    do {
        gdb_continue(&d->gdb);
        if (dap_raise_stops(d)) break;
    } while (!landed(d, to) && d->gdb.over == GDB_ON && (for_nothing(d) || !dap_point_stops(d, true)) && !d->gdb.interrupted(d->gdb.self));
    d->gdb.till = NULL;
    gdb_apply_stops(&d->gdb, NULL);
    return !d->is_raised && landed(d, to) && machine_end(d->m).fate == FATE_RUNNING;
}

static bool is_call(const struct dap *d, struct landing *behind)
{
    struct machine_insn i;
    struct machine_cpu c;
    machine_guest(d->m, &c);
    if (!machine_insn(d->m, gva(c.eip), &i) || strncmp(i.word, "call", 4)) return false;
    *behind = (struct landing){ .at = c.eip + i.len, .esp = c.reg[4], .cpl = c.cpl };
    return true;
}

/* One instruction; `over`: a call to its end; `lines`: interrupts that come are nobody's business. False: something else stopped it. */
static bool one(struct dap *d, bool over, bool lines)
{
    struct landing behind;
    if (over && is_call(d, &behind)) return run_to(d, &behind);
    if (lines) gdb_step_program(&d->gdb);
    else gdb_step(&d->gdb);
    if (dap_raise_stops(d)) return false;
    return is_plain_stop(d) && d->gdb.over == GDB_ON;
}

static bool by_instruction(json_t *args)
{
    const char *g = json_string_value(json_object_get(args, "granularity"));
    return g && !strcmp(g, "instruction");
}

/* A line is over at the beginning of another one; code without lines goes by one instruction. */
static void step(struct dap *d, json_t *args, bool over)
{
    struct source_line began, now;
    bool lines = !by_instruction(args) && source_lines_at(d->lines, here(d), &began);
    dap_raise_begin(d);
    for (unsigned n = 0; one(d, over, lines) && lines && n < LINE_STEPS; n++) {
        if (!source_lines_at(d->lines, here(d), &now)) continue;
        if (now.addr == here(d) && (now.line != began.line || now.file != began.file)) break;
        if (d->gdb.interrupted(d->gdb.self)) break;
    }
    stopped(d, "step");
}
static void on_next(struct dap *d, json_t *args) { step(d, args, true); }
static void on_step_in(struct dap *d, json_t *args) { step(d, args, false); }

/* At the instruction with which the function that had this stack pointer returns? Deeper ones have their return addresses below it. */
static bool returns(const struct dap *d, uint32_t esp, uint32_t cpl)
{
    struct machine_insn i;
    struct machine_cpu c;
    machine_guest(d->m, &c);
    return c.cpl == cpl && c.reg[4] - esp < STACK_MOST && machine_insn(d->m, gva(c.eip), &i) && (!strncmp(i.word, "ret", 3) || !strcmp(i.word, "iret"));
}

/* From return to return, until it is this function's: code without frame pointers has nothing else that says where it ends. */
static void on_step_out(struct dap *d, json_t *args)
{
    static const char *const words[] = { "ret", "retf", "iret" };
    struct till part[4];
    struct machine_cpu c;
    unsigned n = 0;
    (void)args;
    machine_guest(d->m, &c);
    dap_raise_begin(d);
    for (; n < 3; n++) part[n] = (struct till){ .kind = TILL_INSN, .a = (uint32_t)machine_mnemonic(words[n]) };
    if (dap_raise_till(d)) part[n++] = *dap_raise_till(d);
    const struct till any = { .kind = TILL_ANY, .subs = n, .sub = part };
    d->gdb.till = &any;
    while (!returns(d, c.reg[4], c.cpl)) {
        gdb_continue(&d->gdb);
        if (dap_raise_stops(d) || d->gdb.over != GDB_ON || d->gdb.interrupted(d->gdb.self)) break;
        if (!for_nothing(d) && dap_point_stops(d, true)) break;
    }
    d->gdb.till = NULL;
    if (!d->is_raised && d->gdb.over == GDB_ON && returns(d, c.reg[4], c.cpl)) one(d, false, true);
    stopped(d, "step");
}

/* The near call that ends at `at`; 0: none is to be seen. */
static uint32_t call_before(const struct dap *d, uint32_t at)
{
    struct machine_insn i;
    for (unsigned n = 2; n <= 7; n++)
        if (machine_insn(d->m, gva(at - n), &i) && i.len == n && !strcmp(i.word, "call")) return at - n;
    return 0;
}

/* One instruction back; where that is the return of what was called from before here, back to the call. The stack tells it from calls of the
 * same place that are deeper. False: something else stopped it. */
static bool one_back(struct dap *d)
{
    struct machine_cpu c, ret;
    struct machine_insn i;
    machine_guest(d->m, &c);
    gdb_back_step(&d->gdb);
    machine_guest(d->m, &ret);
    uint32_t call = c.cpl == ret.cpl && machine_insn(d->m, gva(ret.eip), &i) && !strcmp(i.word, "ret") ? call_before(d, c.eip) : 0;
    if (!call) return !strstr(text_str(&d->gdb.last), "replaylog");
    const struct landing begin = { .at = call, .esp = ret.reg[4] + 4, .cpl = ret.cpl };
    bool there;
    gdb_apply_stops(&d->gdb, &begin.at);
    do {
        gdb_back_continue(&d->gdb);
        machine_guest(d->m, &c);
        there = c.eip == begin.at && c.reg[4] == begin.esp && c.cpl == begin.cpl;
    } while (!there && d->gdb.over == GDB_ON && !strstr(text_str(&d->gdb.last), "replaylog") && (is_plain_stop(d) || !dap_point_stops(d, false)) &&
             !d->gdb.interrupted(d->gdb.self));
    gdb_apply_stops(&d->gdb, NULL);
    return there;
}

static void on_step_back(struct dap *d, json_t *args)
{
    struct source_line began, now;
    bool lines = !by_instruction(args) && source_lines_at(d->lines, here(d), &began);
    dap_raise_begin(d);
    for (unsigned n = 0; n < LINE_STEPS; n++) {
        if (!lines) gdb_back_step(&d->gdb);
        if (!lines || !one_back(d)) break;
        if (source_lines_at(d->lines, here(d), &now) && now.addr == here(d) && (now.line != began.line || now.file != began.file)) break;
        if (d->gdb.interrupted(d->gdb.self)) break;
    }
    d->gdb.over = GDB_ON;
    stopped(d, "step");
}

static void on_continue(struct dap *d, json_t *args) { (void)args, go(d, gdb_continue, true), stopped(d, "breakpoint"); }
static void on_back(struct dap *d, json_t *args) { (void)args, go(d, gdb_back_continue, false), d->gdb.over = GDB_ON, stopped(d, "breakpoint"); }
static void on_pause(struct dap *d, json_t *args) { (void)args, stopped(d, "pause"); }
static void on_initialized(struct dap *d, json_t *args) { (void)args, event(d, "initialized", json_object()); }

static void on_configured(struct dap *d, json_t *args)
{
    (void)args;
    d->configured = true;
    if (d->stop_on_entry) stopped(d, "entry");
    else on_continue(d, NULL);
}

static void on_restart(struct dap *d, json_t *args) { (void)args, dap_raise_begin(d), gdb_restart(&d->gdb), stopped(d, "entry"); }
/* An editor says `disconnect` when it was told. */
static void on_terminate(struct dap *d, json_t *args)
{
    (void)args;
    if (!d->ended) event(d, "terminated", json_object());
    d->ended = true;
}
static void on_leave(struct dap *d, json_t *args) { on_terminate(d, args), d->over = true; }

/* --- the table --- */

static bool initialize(struct dap *d, json_t *args, json_t *body, struct err *e)
{
    static const char *const can[] = { "supportsConfigurationDoneRequest", "supportsFunctionBreakpoints", "supportsInstructionBreakpoints", "supportsStepBack",
                                       "supportsSteppingGranularity", "supportsReadMemoryRequest", "supportsDisassembleRequest", "supportsSetVariable",
                                       "supportsConditionalBreakpoints", "supportsHitConditionalBreakpoints", "supportsLogPoints",
                                       "supportsDataBreakpoints", "supportsDataBreakpointBytes", "supportsWriteMemoryRequest", "supportsRestartRequest", "supportsTerminateRequest", "supportsEvaluateForHovers",
                                       "supportsSetExpression", "supportsExceptionInfoRequest", "supportsExceptionFilterOptions" };
    (void)d, (void)args, (void)e;
    for (unsigned i = 0; i < sizeof can / sizeof *can; i++) json_object_set_new(body, can[i], json_true());
    json_object_set_new(body, "exceptionBreakpointFilters", dap_filters());
    return true;
}

static bool launch(struct dap *d, json_t *args, json_t *body, struct err *e)
{
    (void)body, (void)e;
    d->stop_on_entry = !json_is_false(json_object_get(args, "stopOnEntry"));
    return true;
}

static bool threads(struct dap *d, json_t *args, json_t *body, struct err *e)
{
    (void)d, (void)args, (void)e;
    json_object_set_new(body, "threads", json_pack("[{s:i, s:s}]", "id", 1, "name", "processor"));
    return true;
}

static bool nothing(struct dap *d, json_t *args, json_t *body, struct err *e) { return (void)d, (void)args, (void)body, (void)e, true; }

static const struct request {
    const char *name;
    bool (*answer)(struct dap *d, json_t *args, json_t *body, struct err *e);
    void (*then)(struct dap *d, json_t *args); /* behind the answer; NULL: nothing */
    bool early;                                /* may come before the configuration is done */
} requests[] = {
    { "initialize", initialize, on_initialized, true }, { "launch", launch, NULL, true }, { "attach", launch, NULL, true },
    { "setBreakpoints", dap_on_sources, NULL, true }, { "setFunctionBreakpoints", dap_on_functions, NULL, true },
    { "setInstructionBreakpoints", dap_on_instructions, NULL, true }, { "dataBreakpointInfo", dap_data_info, NULL, true },
    { "setDataBreakpoints", dap_on_data, NULL, true }, { "writeMemory", dap_write_memory, NULL, false }, { "setExceptionBreakpoints", dap_on_exceptions, NULL, true },
    { "exceptionInfo", dap_exception_info, NULL, false }, { "setExpression", dap_set_expression, NULL, false },
    { "configurationDone", nothing, on_configured, true }, { "threads", threads, NULL, true },
    { "stackTrace", dap_stack, NULL, false }, { "scopes", dap_scopes, NULL, false }, { "variables", dap_variables, NULL, false },
    { "setVariable", dap_set_variable, NULL, false }, { "evaluate", dap_evaluate, NULL, false }, { "readMemory", dap_read_memory, NULL, false },
    { "disassemble", dap_disassemble, NULL, false }, { "continue", nothing, on_continue, false }, { "next", nothing, on_next, false },
    { "stepIn", nothing, on_step_in, false }, { "stepOut", nothing, on_step_out, false }, { "stepBack", nothing, on_step_back, false },
    { "reverseContinue", nothing, on_back, false }, { "pause", nothing, on_pause, false }, { "restart", nothing, on_restart, false },
    { "terminate", nothing, on_terminate, true }, { "disconnect", nothing, on_leave, true },
};

static void respond(struct dap *d, json_t *request, const char *command, json_t *body, const struct err *e)
{
    json_t *r = json_pack("{s:s, s:I, s:b, s:s}", "type", "response", "request_seq", json_integer_value(json_object_get(request, "seq")), "success", !e->code,
                          "command", command);
    if (e->code) json_object_set_new(r, "message", json_string(e->text));
    json_object_set(r, "body", body);
    post(d, r);
}

static void carry_out(struct dap *d, json_t *request, const char *command)
{
    struct err e = { 0 };
    json_t *args = json_object_get(request, "arguments"), *body = json_object();
    const struct request *r = requests, *end = requests + sizeof requests / sizeof *requests;
    while (r < end && strcmp(r->name, command)) r++;
    if (r == end) err_set(&e, EXIT_INPUT, "%.40s: not supported", command);
    else if (d->ended && r->then != on_leave && r->then != on_terminate) err_set(&e, EXIT_INPUT, "%.40s: the guest has come to its end", command);
    else if (!r->early && !d->configured) err_set(&e, EXIT_INPUT, "%.40s: first comes configurationDone", command);
    else r->answer(d, args, body, &e);
    respond(d, request, command, body, &e);
    json_decref(body);
    if (!e.code && r->then) r->then(d, args);
}

void dap_message(struct dap *d, const char *json, size_t n)
{
    json_error_t why;
    json_t *m = json_loadb(json, n, 0, &why);
    const char *type = json_string_value(json_object_get(m, "type")), *command = json_string_value(json_object_get(m, "command"));
    if (!m) {
        struct text t = { 0 };
        text_add(&t, "ringside: no JSON: %s\n", why.text);
        dap_output(d, "console", text_str(&t));
        text_free(&t);
    } else if (type && command && !strcmp(type, "request")) carry_out(d, m, command);
    json_decref(m);
}

void dap_begin(struct dap *d, struct machine *m, const char *image, bool (*interrupted)(void *self), void *self)
{
    d->m = m;
    d->stop_on_entry = true;
    snprintf(d->image, sizeof d->image, "%s", image);
    d->lines = source_lines_open(image, NULL);
    gdb_begin(&d->gdb, m, interrupted, self);
}

void dap_end(struct dap *d)
{
    gdb_end(&d->gdb);
    source_lines_free(d->lines);
}
