/* The run loop: fetching, running blocks, from boundary to boundary (boundary.h).
 *
 * Idea 1: inside a block only time is compared (break_at), and whoever wants a boundary sooner sets break_at to 0. Stepping and
 * running pass the same boundaries, so they give the same state, cycles and events.
 * Idea 2: handlers return faults as values; one place (finish) makes EIP exact and delivers.
 *
 * SDM vol. 3A 6.9 (priorities), vol. 3B 17.3.1.4 (single step). Not modelled: SMI. */
#include "sim/cpu/block.h"
#include "sim/cpu/boundary.h"
#include "sim/cpu/debug.h"
#include "sim/cpu/exec.h"
#include "sim/cpu/mem.h"
#include "sim/cpu/op.h"
#include "sim/cpu/operand.h"
#include "sim/cpu/meter.h"
#include "sim/cpu/recorder.h"
#include "sim/cpu/segment.h"
#include "sim/cpu/stall.h"

/* ---- fetching ---- */

/* The page of the code at a linear address. */
struct code {
    hpa_t at;
    const uint8_t *host; /* NULL: not plain RAM */
    bool pointed;        /* a debugger has stop points in this page */
    bool absent;         /* nothing is there: ones */
};

static bool code_at(struct cpu *c, uint32_t lin, struct code *code)
{
    const struct tlb_entry *e = tlb_code0(&c->itlb, lin);
    unsigned user = c->cpl == 3 ? ACCESS_USER : 0;
    bool hit = !c->vmx.apic && (e->tag[user] == (lin & PAGE_MASK) ||
               (c->env.fill && c->env.fill(c->env.mmu, gva(lin), ACCESS_EXEC | user)));
    if (hit) {
        uint32_t offset = lin & (PAGE_SIZE - 1);
        *code = (struct code){ hpa(e->frame + offset), e->host + offset, false, false };
        return true;
    }
    struct xlat x;
    if (!c->env.translate(c->env.mmu, gva(lin), ACCESS_EXEC | user, &x, &c->fault)) return false;
    if (c->vmx.apic && !vmx_apic(c, x.at, 1, VMX_APIC_FETCH, &x.at)) return false;
    *code = (struct code){ x.at, x.host, points_page(c->points, lin, POINT_EXEC), x.absent };
    return true;
}

/* Where caches are modelled: an instruction that lies in another line than the one before it must be fetched. False: that took so
 * much time that something is due, which comes first. */
static bool fetched(struct cpu *c, uint32_t at)
{
    uint32_t line = at >> LINE_SHIFT;
    if (!c->timed || line == c->fetch.line) return true;
    if (c->fetch.near[line & (LINES_CODE - 1)] != line) c->env.fetch(c->env.mmu, hpa(at));
    c->fetch.line = line;
    c->fetch.fetches++;
    return c->clock->now < c->break_at;
}

static bool code_is_32(const struct cpu *c) { return c->seg[SEG_CS].ar & AR_DB; }

/* The first read sees to it that the page has a frame, if it can. */
static void fetch_by_bus(struct bus *b, hpa_t at, uint8_t *to, unsigned n)
{
    to[0] = (uint8_t)bus_read(b, at, 1);
    const uint8_t *page = bus_windowed(b, at) ? NULL : bus_page(b, at);
    if (page) memcpy(to, page + (at.v & (PAGE_SIZE - 1)), n);
    else
        for (unsigned k = 1; k < n; k++) to[k] = (uint8_t)bus_read(b, hpa(at.v + k), 1);
}

/* Reads n code bytes that lie in one page. */
static bool fetch(struct cpu *c, uint32_t lin, uint8_t *to, unsigned n)
{
    struct code code;
    if (!code_at(c, lin, &code)) return false;
    if (code.host) memcpy(to, code.host, n);
    else if (code.absent) memset(to, 0xFF, n);
    else fetch_by_bus(c->env.bus, code.at, to, n);
    return true;
}

/* Decodes the instruction at CS:EIP, wherever it lies. The second page is touched only if the first does not suffice; bytes
 * beyond the CS limit are #GP(0). */
static enum step fetch_single(struct cpu *c, struct insn *i, uint8_t bytes[15])
{
    uint32_t lin = c->seg[SEG_CS].base + c->eip;
    if (c->eip > c->seg[SEG_CS].limit) return cpu_raise_code(c, VEC_GP, 0);
    uint64_t allowed = (uint64_t)c->seg[SEG_CS].limit - c->eip + 1;
    unsigned all = allowed < 15 ? (unsigned)allowed : 15, here = PAGE_SIZE - (lin & (PAGE_SIZE - 1));
    unsigned n = here < all ? here : all;
    if (!fetch(c, lin, bytes, n)) return STEP_FAULT;
    enum decode d = block_decode_single(c->blocks, bytes, n, code_is_32(c), c->model->cost, i);
    if (d == DECODE_SHORT && n < all) {
        if (!fetch(c, lin + n, bytes + n, all - n)) return STEP_FAULT;
        d = block_decode_single(c->blocks, bytes, all, code_is_32(c), c->model->cost, i);
    }
    return d == DECODE_SHORT ? cpu_raise_code(c, VEC_GP, 0) : STEP_OK;
}

/* ---- what to run next ---- */

enum look { LOOK_BLOCK, LOOK_EXACT, LOOK_SINGLE, LOOK_DOOR, LOOK_FAULT, LOOK_POINT };

static bool in_limit(const struct cpu *c, const struct block *b)
{
    return b->bytes - 1u <= c->seg[SEG_CS].limit - c->eip;
}

/* In a page with stop points only blocks that end before the next point are run, and not by fast operations: those link the
 * blocks of a page without looking here. */
static enum look look_pointed(struct cpu *c, uint32_t lin, const struct code *code, struct block **b)
{
    if (!c->blocks || !code->host) return LOOK_SINGLE;
    unsigned room = points_room(c->points, lin);
    *b = block_find(c->blocks, code->at, code_is_32(c));
    if (!*b) *b = block_build(c, code->at, code_is_32(c), code->host, room);
    return *b && (*b)->bytes <= room && in_limit(c, *b) ? LOOK_EXACT : LOOK_SINGLE;
}

/* A door frame never gets a block, so finding one proves that there is no door. */
static enum look look(struct cpu *c, struct block **b)
{
    const struct seg_reg *cs = &c->seg[SEG_CS];
    struct code code;
    if (c->eip > cs->limit) {
        (void)cpu_raise_code(c, VEC_GP, 0);
        return LOOK_FAULT;
    }
    /* Before the fetch, which takes time and may fault, as the debug registers do (SDM vol. 3A 6.9): nothing has happened yet. */
    if (points_page(c->points, cs->base + c->eip, POINT_EXEC) && points_execute(c->points, cs->base + c->eip)) return LOOK_POINT;
    if (!code_at(c, cs->base + c->eip, &code)) return LOOK_FAULT;
    c->site = code.at.v;
    bool cached = c->blocks && code.host && !code.pointed;
    *b = cached ? op_find(c->blocks, code.at, code_is_32(c)) : NULL;
    if (!*b) {
        if (!code.absent && bus_marks(c->env.bus, code.at) & FRAME_DOOR) return c->cpl == 0 ? LOOK_DOOR : LOOK_SINGLE;
        if (code.pointed) return look_pointed(c, cs->base + c->eip, &code, b);
        if (cached)
            *b = block_build(c, code.at, code_is_32(c), code.host, PAGE_SIZE - (code.at.v & (PAGE_SIZE - 1)));
    }
    return *b && in_limit(c, *b) ? LOOK_BLOCK : LOOK_SINGLE;
}

/* ---- running ---- */

/* What the instruction that faulted has hit is forgotten, and so is the trap that a load of SS before it held off; what its delivery
 * hits is not. */
static void deliver_fault(struct cpu *c)
{
    c->hits = 0;
    cpu_deliver_fault(c, c->fault);
    c->trap = 0;
    boundary_count(c);
}

/* The end of a block by anything but running out of it. */
static void finish(struct cpu *c, const struct insn *i, enum step s)
{
    if (s == STEP_FAULT) {
        c->eip = insn_eip(c, i);
        deliver_fault(c);
        return;
    }
    c->insns++;
    if (s == STEP_JUMP) return;
    c->eip = insn_next(c, i);
    c->halted = s == STEP_HALT;
    c->break_at = 0;
}

static void note(const struct cpu *c, const struct insn *i, const uint8_t *bytes, unsigned n)
{
    uint8_t code[16] = { 0 };
    record_code(code, bytes + i->at, n - i->at, i);
    recorder_note(c, code, insn_eip(c, i), c->clock->now, c->insns, c->res, c->aux);
}

/* Runs instructions i .. end-1 of a block until one jumps or time is up; with the block's n bytes, the recorder notes each; with
 * what was weighed of it, of which i is number k, each is accounted for. The first lies at c->site. */
ALWAYS_INLINE enum step run_insns(struct cpu *c, const struct insn *i, const struct insn *end, const uint8_t *bytes, unsigned n,
                                  const struct metered *m, unsigned k)
{
    struct clock *clock = c->clock;
    const uint32_t at = c->site - i->at;
    do {
        uint64_t insns = c->insns;
        c->site = at + i->at;
        if (n) note(c, i, bytes, n);
        if (m) meter_overhead(c, m, k);
        clock->now += i->cost;
        enum step s = i->fn(c, i);
        if (s != STEP_OK) {
            if (m && s != STEP_FAULT && c->insns == insns) meter_retired(c, m, k);
            if (s != STEP_FAULT) c->refs += i->refs;
            finish(c, i, s);
            return s;
        }
        c->insns++;
        if (m) meter_retired(c, m, k++);
        c->refs += i->refs;
        i++;
    } while (i != end && clock->now < c->break_at && fetched(c, at + i->at));
    i--;
    c->eip = insn_next(c, i);
    if (block_asks(i)) c->break_at = 0;
    return STEP_OK;
}

static enum step run_block(struct cpu *c, const struct insn *i, const struct insn *end, const uint8_t *bytes, unsigned n,
                           const struct metered *m, unsigned k)
{
    if (m) return run_insns(c, i, end, bytes, recorder_on(c) ? n : 0, m, k);
    if (recorder_on(c)) return run_insns(c, i, end, bytes, n, NULL, 0);
    return run_insns(c, i, end, NULL, 0, NULL, 0);
}

/* A fetch that faults took its time, too, so that even a machine that can only fault gets on in time. */
static enum step fetch_fault(struct cpu *c)
{
    c->clock->now += c->model->cost[COST_BASIC];
    deliver_fault(c);
    return STEP_FAULT;
}

/* An instruction that was fetched by itself. The code TLB still knows where. */
static bool weigh_single(struct cpu *c, const struct insn *i, struct metered *m)
{
    struct code code;
    struct cpu_weight w = { .retires = 1 };
    if (!c->meter.weigh || !code_at(c, c->seg[SEG_CS].base + c->eip, &code) || !c->meter.weigh(c->meter.self, code.at.v, &w)) return false;
    m->overhead[0] = 0, m->overhead[1] = w.overhead ? i->cost : 0;
    m->hidden[0] = 0, m->hidden[1] = (int16_t)(1 - w.retires);
    return true;
}

/* What those behind it wait for it (stall.h). The code TLB still knows where. */
static unsigned stall_single(struct cpu *c, const struct insn *i)
{
    struct code code;
    uint8_t bytes[STALL_BYTES];
    if (!stall_possible(c->model->cost, i) || !code_at(c, c->seg[SEG_CS].base + c->eip, &code)) return 0;
    unsigned left = PAGE_SIZE - (code.at.v & (PAGE_SIZE - 1)), n = left < sizeof bytes ? left : sizeof bytes;
    if (code.absent || !bus_peek(c->env.bus, code.at, bytes, n)) return 0;
    return stall_behind(c->model->cost, i, bytes, n, (struct insn_mode){ code_is_32(c) });
}

/* Lies at c->site, which was fetched; `traced`: nothing overlaps with it. Of a repeated string instruction one iteration: no block tells when it overwrites itself, so
 * it is fetched for each. */
static enum step run_single(struct cpu *c, struct insn *i, bool traced)
{
    uint8_t bytes[16] = { 0 };
    if (fetch_single(c, i, bytes) != STEP_OK) return fetch_fault(c);
    if (!traced) i->cost = (uint16_t)(i->cost + stall_single(c, i));
    i->fn = block_handler(c, i);
    if (i->flags & (INSN_REP | INSN_REPNE)) c->break_at = 0;
    struct metered m;
    if (!weigh_single(c, i, &m)) return run_block(c, i, i + 1, bytes, sizeof bytes, NULL, 0);
    return run_block(c, i, i + 1, bytes, sizeof bytes, &m, 0);
}

/* Instructions i .. of a block, as far as the limit allows; the first in any case. */
static void run_exact(struct cpu *c, const struct block *b, const struct insn *i, uint64_t limit)
{
    const struct insn *end = b->insn + b->n;
    uint64_t left = limit - c->insns;
    if (!fetched(c, b->at + i->at)) {
        c->eip += i->at;
        return;
    }
    c->site = b->at + i->at;
    (void)run_block(c, i, left < (uint64_t)(end - i) ? i + left : end, b->host, b->bytes, b->metered, (unsigned)(i - b->insn));
}

static bool due(const struct cpu *c, uint64_t limit) { return c->clock->now >= c->break_at || c->insns >= limit; }

/* Fast operations want a page that lies wholly within the CS limit: op.h. */
static bool whole_page(const struct cpu *c)
{
    const struct seg_reg *cs = &c->seg[SEG_CS];
    uint32_t first = c->eip - ((cs->base + c->eip) & (PAGE_SIZE - 1));
    return cs->limit >= PAGE_SIZE - 1 && first <= cs->limit - (PAGE_SIZE - 1);
}

static void run_blocks(struct cpu *c, struct block *b, uint64_t limit)
{
    if (due(c, limit) || c->free || !whole_page(c)) {
        run_exact(c, b, b->insn, limit);
        return;
    }
    op_run(c, b, limit);
    if (c->blocks->metered) meter_stop(c);
    const struct block_stop stop = c->blocks->stop;
    if (stop.kind == BLOCK_STOP_EXACT && !due(c, limit)) run_exact(c, stop.block, stop.i, limit);
    else if (stop.kind == BLOCK_STOP_STEP) finish(c, stop.i, stop.step);
}

/* Runs from here to the next boundary that matters. False: at a door. */
static bool run_some(struct cpu *c, uint64_t limit)
{
    do {
        struct block *b;
        struct insn i;
        switch (look(c, &b)) {
        case LOOK_BLOCK: run_blocks(c, b, limit); break;
        case LOOK_EXACT: run_exact(c, b, b->insn, limit); break;
        case LOOK_SINGLE:
            if (fetched(c, c->site)) (void)run_single(c, &i, false);
            break;
        case LOOK_DOOR: return false;
        case LOOK_FAULT: (void)fetch_fault(c); break;
        case LOOK_POINT: return true; /* c->pause is set */
        }
    } while (!due(c, limit));
    return true;
}

/* Does the debug trap follow an instruction that began with TF set, and has retired? Not in the shadow of MOV SS and POP SS,
 * not behind a software interrupt, whose gate has cleared TF, and not in another task: the old one's TF is in its TSS. */
static bool traps_after(const struct cpu *c, const struct insn *i, enum step s)
{
    bool gate = i->id == MN_INT || i->id == MN_INT3 || i->id == MN_INT1 || (i->id == MN_INTO && s == STEP_JUMP);
    return c->insns != c->hold && !gate && !c->untraced;
}

/* With TF set: one instruction, or one iteration, and then a debug trap. With instruction breakpoints: none at all, if one
 * is here. */
static bool run_traced(struct cpu *c)
{
    struct block *b = NULL;
    struct insn i;
    uint32_t stops = debug_exec(c, c->seg[SEG_CS].base + c->eip);
    if (stops) {
        c->fault = (struct fault){ .vector = VEC_DB, .addr = stops };
        deliver_fault(c);
        return true;
    }
    bool traced = c->eflags & FLAG_TF;
    enum look l = look(c, &b);
    if (l == LOOK_DOOR) return false;
    if (l == LOOK_POINT) return true;
    if (l == LOOK_FAULT) {
        (void)fetch_fault(c);
        return true;
    }
    if (!fetched(c, c->site)) return true;
    c->untraced = false;
    enum step s = run_single(c, &i, true);
    c->vmx.stepped = c->vmx.single;
    if (s != STEP_FAULT && traced && traps_after(c, &i, s) && debug_steps(c, &i, s)) c->hits |= DR6_BS;
    return true;
}

/* ---- the loop ---- */

enum cpu_stop cpu_run(struct cpu *c, uint64_t insns)
{
    uint64_t limit = insns > UINT64_MAX - c->insns ? UINT64_MAX : c->insns + insns;
    enum cpu_stop why;
    block_observe(c);
    while (boundary_pass(c, limit, &why)) {
        bool open = c->eflags & FLAG_TF || c->watch[0] || c->vmx.single ? run_traced(c) : run_some(c, limit);
        if (!open) return CPU_DOOR;
    }
    return why;
}

/* A repeated string instruction does one iteration a call (STEP_JUMP with EIP where it was), so that what the caller has
 * to remember of its effects is bounded. Charges no base cycles. */
enum step cpu_execute_one(struct cpu *c, struct insn *done)
{
    struct insn i;
    uint8_t bytes[15];
    if (fetch_single(c, &i, bytes) != STEP_OK) return STEP_FAULT;
    if (done) *done = i;
    uint64_t break_at = c->break_at;
    c->break_at = 0;
    bool traced = c->eflags & FLAG_TF;
    c->untraced = false;
    exec_fn *fn = c->model->untrapped ? block_handler(c, &i) : i.fn;
    enum step s = fn(c, &i);
    c->break_at = break_at;
    if (s == STEP_FAULT) {
        c->hits = c->trap = 0;
        return s;
    }
    c->insns++;
    if (traced && traps_after(c, &i, s) && debug_steps(c, &i, s)) c->hits |= DR6_BS;
    (void)debug_due(c);
    if (s != STEP_JUMP) c->eip = insn_next(c, &i);
    return s;
}
