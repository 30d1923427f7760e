/* The trace: plain events, subscribers, history.
 *
 * Idea 1: an event is a fixed-size record without pointers; emitting allocates nothing in the machine.
 * Idea 2: observers get const data and can only vote to pause at the next instruction boundary.
 * `cause` names the event this one answers: it turns a list into a diagram; exporters draw the arrows the simulator
 * recorded and infer nothing. Events with one `episode` belong to one visit to the hypervisor.
 * TOUR trace.2: who tells, who listens, and what a cause is. */
#ifndef TRACE_TRACE_H
#define TRACE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sim/core/text.h"
#include "sim/trace/cause.h"
#include "sim/trace/episode.h"

enum { CAT_RUN = 1, CAT_CPU = 2, CAT_VMM = 4, CAT_MMU = 8, CAT_IO = 16, CAT_ALL = 31 };

#define U8(f)      uint8_t f;
#define U16(f)     uint16_t f;
#define U32(f)     uint32_t f;
#define X32(f)     uint32_t f;
#define ENUM(t, f) uint8_t f;
/* A row without fields would be an empty struct, so each begins with an unused byte. */
#define EVENT(kind, cat, word, about, fields) struct ev_##kind { uint8_t pad_; fields };
#include "sim/trace/event.def"
#undef EVENT
#undef U8
#undef U16
#undef U32
#undef X32
#undef ENUM

enum ev_kind {
#define EVENT(kind, cat, word, about, fields) EV_##kind,
#include "sim/trace/event.def"
#undef EVENT
    EV_COUNT
};

struct event {
    uint32_t id;      /* 1, 2, 3, ... in order of emission */
    uint32_t cause;   /* id of the event this one answers; 0: none */
    uint64_t cycle;
    uint64_t insns;   /* instructions retired by the machine before it */
    uint32_t eip;     /* where the CPU was: EIP of the instruction concerned */
    uint32_t episode; /* 0: outside the hypervisor; else the id of the EXIT that opened the visit */
    uint8_t  kind;    /* enum ev_kind */
    uint8_t  vcpu;
    uint8_t  ring;    /* real CPL when it happened */
    uint8_t  spare;
    union {
#define EVENT(kind, cat, word, about, fields) struct ev_##kind kind;
#include "sim/trace/event.def"
#undef EVENT
    } u;
};

/* One row of event.def as data, for exporters and Lua. */
struct event_field {
    const char *name;
    const char *type;   /* for ENUM: the registered type; else NULL */
    uint8_t     offset; /* within event.u */
    uint8_t     bytes;
    bool        hex;
};
struct event_desc {
    const char *word, *about;
    unsigned    cat;
    uint8_t     fields;
    struct event_field field[6];
};
const struct event_desc *event_desc(unsigned kind); /* of an enum ev_kind */
int      event_kind(const char *word); /* the kind of that word; -1 if there is none */
/* The value of one of its fields (event_desc), widened. */
uint32_t event_field(const struct event *e, const struct event_field *f);

enum vote { VOTE_GO, VOTE_PAUSE };
typedef enum vote trace_fn(void *self, const struct event *e);

struct trace; /* lives outside the machine's arena; history survives time travel by being re-emitted identically */

struct trace *trace_new(void);       /* empty; where the host has no memory left the program ends */
void trace_free(struct trace *t);    /* NULL is nothing to free */

/* Where new events take cycle, insns, eip, ring from; set by the machine. */
struct trace_now {
    const uint64_t *cycle, *insns;
    const uint32_t *eip;
    const uint8_t  *ring;
    void (*pause)(void *self); /* a subscriber voted PAUSE: have the CPU stop at its next boundary; may be NULL */
    void  *self;
    const struct clock  *clock;    /* whose cycles episodes cost; NULL: nobody asks, as on a bare machine */
    struct episode_live *episodes; /* in the machine's arena */
    uint32_t (*place)(void *self); /* instead of `eip`; NULL: that is it */
    const uint8_t *vcpu;           /* whose events these are; NULL: the only one's */
    const struct clock  *audit;    /* builds with sanitizers check at every event that its cycles all have a cause; may be NULL */
};
void trace_bind(struct trace *t, struct trace_now now);

int  trace_subscribe(struct trace *t, unsigned cats, trace_fn *fn, void *self); /* handle >= 0; starts with the next event */
void trace_unsubscribe(struct trace *t, int sub);                                /* legal while being called */

/* Emits: the caller sets kind, cause and payload; id, cycle, insns, eip, ring, episode are filled in (eip and ring only
 * if left 0 and `eip` binding exists). Returns the id, to be the next event's cause. */
uint32_t trace_emit(struct trace *t, const struct event *e);
/* The same in two halves, for events that come often: the payload (all zero) is filled in where it stays. Nothing else is
 * emitted between the two; trace_close returns the id. */
struct event *trace_open(struct trace *t, uint8_t kind, uint32_t cause, uint32_t eip);
uint32_t      trace_close(struct trace *t, const struct event *e);
/* TRACE(trace, KIND, id of the cause, .field = value, ...); a kind without fields takes .pad_ = 0. */
#define TRACE(t, k, cause_, ...) \
    trace_emit((t), &(struct event){ .kind = EV_##k, .cause = (cause_), .u.k = { __VA_ARGS__ } })

size_t trace_episodes(const struct trace *t);                              /* how many have ended */
const struct episode *trace_episode_at(const struct trace *t, size_t i);   /* in order; valid until the next event */
void     trace_episode(struct trace *t, uint32_t id); /* events from now on belong to this visit; 0 ends it */
uint32_t trace_last(const struct trace *t);           /* id of the last event; 0 if none */
bool     trace_pause(struct trace *t);                /* did anybody vote PAUSE since the last call? clears the vote */

/* History: all events of the run, oldest first. trace_rewind forgets every event with id > `id` (time travel).
 * trace_bound lets a history that grows beyond first + last events forget the middle: what is forgotten reads as an event
 * FORGOTTEN without number. Both in events, rounded up to chunks of some thousands; last 0: keep all, as at first. */
void                trace_bound(struct trace *t, size_t first, size_t last);
size_t              trace_count(const struct trace *t);
const struct event *trace_at(const struct trace *t, size_t i); /* by index; NULL beyond the end */
const struct event *trace_span(const struct trace *t, size_t i, size_t *n); /* likewise; *n events lie there in a row */
/* If event i is forgotten: how many of each kind there were among the *n from it on that were forgotten with it; of fewer than were
 * forgotten at once (i is not the first of them) that is too many. Else NULL. */
const uint16_t     *trace_gone(const struct trace *t, size_t i, size_t *n);
const struct event *trace_by_id(const struct trace *t, uint32_t id);
void                trace_rewind(struct trace *t, uint32_t id);
void                trace_mute(struct trace *t, bool mute);    /* while re-executing known history: no subscriber is called */
uint64_t            trace_hash(const struct trace *t);         /* FNV-1a over all records: determinism in one number */

/* A history that comes from a file: an event as it was (its id is the next one, or follows a forgotten part of whole chunks),
 * a visit.
 * False: it does not fit behind what is there. */
bool trace_append(struct trace *t, const struct event *e);
void trace_append_episode(struct trace *t, const struct episode *p);

/* Rooms register the names of their enumerations at start-up; `names` must stay valid. */
void        trace_names(const char *type, const char *const *names, unsigned n);
const char *trace_name(const char *type, unsigned value); /* "?" if unknown */
/* The i-th type that is registered and its names; NULL: no more. */
const char *trace_names_at(unsigned i, const char *const **names, unsigned *n);

/* One event in one line, no newline: `41  12,404  1  silent  popf  if  wanted 0 got 1`. */
void trace_line(const struct event *e, struct text *out);

#endif
