/* Running the cases, and what follows from them. See classify.h; the boards are classify_board.c.
 *
 * The cases come from the decoder, not from a list: all opcodes of one to three bytes, with every /reg, a memory and a register
 * operand (every rm where it selects an instruction), are offered to it, and what it takes for an instruction is one. */
#include "sim/classify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/classify_board.h"
#include "sim/cpu/cpu.h"

enum { RINGS = 3 };
static const uint8_t rings[RINGS] = { 0, 1, 3 };

struct bench { struct classify_board board[RINGS][CLASSIFY_PLACES]; };

/* --- what one case shows --- */

static void witness(struct classify_insn *r, enum classify_kind kind, const struct classify_case *k, unsigned a, unsigned b,
                    const char *what)
{
    struct classify_witness *w = &r->witness[kind];
    if (w->there) return;
    *w = (struct classify_witness){ .there = true, .ring = { rings[a], rings[b] }, .n = (uint8_t)k->n };
    memcpy(w->bytes, k->bytes, k->n);
    snprintf(w->operands, sizeof w->operands, "selector %X, ECX %X, flags image %X", k->sel, k->ecx, k->flags);
    snprintf(w->what, sizeof w->what, "%s", what);
}

static void see_privilege(struct classify_insn *r, struct bench *w, const struct classify_case *k)
{
    const struct classify_outcome *o[RINGS];
    char what[64];
    for (unsigned i = 0; i < RINGS; i++) o[i] = &w->board[i][CLASSIFY_HERE].outcome;
    if (o[0]->trapped) return;
    r->done++;
    if (o[1]->trapped && o[2]->trapped) {
        r->trapped++;
        snprintf(what, sizeof what, "carried out in ring 0, exception %u in ring 3", o[2]->vector);
        witness(r, CLASSIFY_TRAPPED, k, 0, 2, what);
    } else {
        unsigned i = o[1]->trapped ? 2 : 1;
        snprintf(what, sizeof what, "carried out in ring 0 and in ring %u", rings[i]);
        witness(r, CLASSIFY_UNTRAPPED, k, 0, i, what);
    }
}

static void see_controls(struct classify_insn *r, struct bench *w, const struct classify_case *k)
{
    char what[96];
    for (unsigned i = RINGS; i--; ) { /* outer rings first: theirs are the more telling witnesses */
        if (!classify_controls(&w->board[i][CLASSIFY_HERE].outcome, what, sizeof what)) continue;
        r->user_sensitive |= rings[i] == 3;
        witness(r, CLASSIFY_CONTROL, k, i, i, what);
    }
    if (classify_controls(&w->board[0][CLASSIFY_BUSY].outcome, what, sizeof what)) witness(r, CLASSIFY_CONTROL, k, 0, 0, what);
}

static void see_pairs(struct classify_insn *r, struct bench *w, const struct classify_case *k)
{
    char what[96];
    for (unsigned i = RINGS; i--; ) {
        const struct classify_board *here = &w->board[i][CLASSIFY_HERE];
        if (i && classify_differ(&w->board[0][CLASSIFY_HERE], here, what, sizeof what)) witness(r, CLASSIFY_MODE, k, 0, i, what);
        if (classify_differ(here, &w->board[i][CLASSIFY_THERE], what, sizeof what)) {
            r->user_sensitive |= rings[i] == 3;
            witness(r, CLASSIFY_LOCATION, k, i, i, what);
        }
        if (classify_differ(here, &w->board[i][CLASSIFY_LATER], what, sizeof what)) {
            r->user_time |= i != 0;
            witness(r, CLASSIFY_TIME, k, i, i, what);
        }
    }
}

static void run_case(struct classify *c, struct bench *w, struct classify_insn *r, const struct classify_case *k)
{
    for (unsigned i = 0; i < RINGS; i++)
        for (unsigned p = 0; p < CLASSIFY_BUSY; p++) classify_execute(&w->board[i][p], k);
    classify_execute(&w->board[0][CLASSIFY_BUSY], k);
    see_privilege(r, w, k);
    see_controls(r, w, k);
    see_pairs(r, w, k);
    r->cases++;
    c->cases++;
}

/* --- operands --- */

static void run_operands(struct classify *c, struct bench *w, struct classify_insn *r, struct classify_case *k)
{
    static const uint16_t selectors[] = {
        CSEL_DATA3 | 3, CSEL_DATA0, CSEL_BASED3 | 3, CSEL_CONFORMING, CSEL_CODE3 | 3, CSEL_CODE3_BASED | 3, CSEL_CODE0,
        CSEL_CODE1 | 1, CSEL_GATE3 | 3, CSEL_DATA1 | 1, CSEL_LDT2, CSEL_TSS_FREE, 0,
    };
    static const struct { uint32_t ecx, flags; } others[] = { { 0x10, 0x002 }, { 0x176, 0x3202 }, { 0x1B, 0x202 } };
    for (unsigned s = 0; s < sizeof selectors / sizeof selectors[0]; s++)
        for (k->stack = 0; k->stack < 4; k->stack++) {
            unsigned o = (s + k->stack) % 3;
            k->sel = selectors[s];
            k->ecx = others[o].ecx, k->flags = others[o].flags;
            run_case(c, w, r, k);
        }
}

/* --- encodings --- */

/* What has been offered of one opcode: its operands' registers make no other instruction, all else does. */
enum { FORMS = 160 };
struct forms { bool others_only /* only of instructions without any encoding yet */; unsigned n; struct { uint16_t id; uint8_t sub, size, memory; } of[FORMS]; };

static bool is_new(struct forms *f, const struct insn *i)
{
    uint8_t memory = (i->flags & INSN_MEM) != 0;
    for (unsigned k = 0; k < f->n; k++)
        if (f->of[k].id == i->id && f->of[k].sub == i->sub && f->of[k].size == i->size && f->of[k].memory == memory) return false;
    if (f->n == FORMS) return false;
    f->of[f->n].id = i->id, f->of[f->n].sub = i->sub, f->of[f->n].size = i->size, f->of[f->n].memory = memory;
    f->n++;
    return true;
}

/* Opcode and ModRM; what follows where an immediate is wanted is a far pointer, whose low byte is 80h. */
static void offer(struct classify *c, struct bench *w, const uint8_t *opcode, unsigned n, struct forms *f)
{
    static const uint8_t tail[6] = { 0x80, 0x01, 0x00, 0x10, (CSEL_CODE3_BASED & 0xFF) | 3, CSEL_CODE3_BASED >> 8 };
    struct classify_case k = { .n = sizeof k.bytes };
    struct insn i;
    memset(k.bytes, 0x90, sizeof k.bytes);
    memcpy(k.bytes, opcode, n);
    memcpy(k.bytes + n, tail, sizeof tail);
    if (insn_decode(k.bytes, k.n, (struct insn_mode){ .code32 = true }, c->model.cost, &i) != DECODE_OK) return;
    if (f->others_only && c->insn[i.id].encodings) return;
    if (!is_new(f, &i)) return;
    k.n = i.len;
    c->insn[i.id].encodings++;
    run_operands(c, w, &c->insn[i.id], &k);
}

/* Has the opcode a ModRM byte that can name memory? */
static bool has_memory_form(const struct classify *c, const uint8_t *opcode, unsigned n)
{
    uint8_t bytes[15] = { 0 };
    struct insn i;
    memcpy(bytes, opcode, n);
    for (unsigned reg = 0; reg < 8; reg++) {
        bytes[n] = (uint8_t)(reg << 3 | 3);
        if (insn_decode(bytes, sizeof bytes, (struct insn_mode){ .code32 = true }, c->model.cost, &i) == DECODE_OK &&
            (i.flags & INSN_MEM))
            return true;
    }
    return false;
}

/* All forms of one opcode. Where there is no ModRM the bytes offered for it are an immediate, and make nothing new. */
static void offer_opcode(struct classify *c, struct bench *w, const uint8_t *opcode, unsigned n)
{
    struct forms f = { .others_only = opcode[0] == 0x66 || opcode[0] == 0x67 || opcode[0] == 0xF3 };
    uint8_t bytes[6];
    memcpy(bytes, opcode, n);
    if (!has_memory_form(c, opcode, n)) offer(c, w, bytes, n, &f);
    for (unsigned reg = 0; reg < 8; reg++)
        for (unsigned rm = 0; rm < 9; rm++) {
            bytes[n] = (uint8_t)(rm ? 0xC0 | reg << 3 | (rm - 1) : reg << 3 | 3 /* [ebx] */);
            offer(c, w, bytes, n + 1, &f);
        }
}

static void offer_all(struct classify *c, struct bench *w, uint8_t prefix)
{
    enum { MAP = 256, LONG = MAP + 0x38 /* 0F 38 begins three bytes */ };
    for (unsigned b = 0; b < 3 * MAP; b++) {
        uint8_t opcode[4];
        unsigned n = 0;
        if (b == 0x0F || b == LONG || (b < MAP && strchr("\x26\x2E\x36\x3E\x64\x65\x66\x67\xF0\xF2\xF3", (int)b) && b)) continue; /* prefixes */
        if (prefix) opcode[n++] = prefix;
        if (b >= MAP) opcode[n++] = 0x0F;
        if (b >= 2 * MAP) opcode[n++] = 0x38;
        opcode[n++] = (uint8_t)b;
        offer_opcode(c, w, opcode, n);
    }
}

static bool all_seen(const struct classify *c)
{
    for (unsigned id = 1; id < MN_COUNT; id++)
        if (!c->insn[id].encodings) return false;
    return true;
}

/* --- all of it --- */

bool classify_run(struct classify *c, const struct model *model, struct err *e)
{
    struct bench *w = calloc(1, sizeof *w);
    bool ok = w != NULL || err_set(e, EXIT_ENVIRONMENT, "no memory for the classifier's boards");
    memset(c, 0, sizeof *c);
    c->model = *model;
    for (unsigned i = 0; ok && i < RINGS; i++)
        for (unsigned p = 0; ok && p < CLASSIFY_PLACES; p++)
            ok = classify_board_new(&w->board[i][p], rings[i], (enum classify_place)p, model, e);
    static const uint8_t prefixes[] = { 0, 0x66, 0x67, 0xF3 };
    for (unsigned i = 0; ok && i < sizeof prefixes && !all_seen(c); i++) offer_all(c, w, prefixes[i]);
    for (unsigned i = 0; w && i < RINGS * CLASSIFY_PLACES; i++) classify_board_free(&w->board[0][0] + i);
    free(w);
    for (unsigned id = 1; id < MN_COUNT; id++) c->insn[id].privileged = c->insn[id].done && c->insn[id].trapped == c->insn[id].done;
    return ok;
}

bool classify_sensitive(const struct classify_insn *i)
{
    return i->witness[CLASSIFY_CONTROL].there || i->witness[CLASSIFY_MODE].there || i->witness[CLASSIFY_LOCATION].there;
}

bool classify_breaks(const struct classify *c, unsigned theorem, unsigned id)
{
    const struct classify_insn *i = &c->insn[id];
    if (i->privileged) return false;
    if (theorem == 3) return i->user_sensitive;
    return classify_sensitive(i) || (theorem == 2 && i->user_time);
}

bool classify_theorem(const struct classify *c, unsigned theorem)
{
    for (unsigned id = 1; id < MN_COUNT; id++)
        if (classify_breaks(c, theorem, id)) return false;
    return true;
}
