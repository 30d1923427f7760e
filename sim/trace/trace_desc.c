/* The rows of event.def as data, so that exporters, Lua and the hash need no code per kind of event.
 *
 * Idea: the field macros do not know their row, but a typedef in the block of each row does ("here"), which is all
 * that offsetof needs. A row ends with a nameless field, which also makes a row without fields legal C. */
#include "sim/trace/trace.h"

#include <string.h>

#define U8(f)      { #f, NULL, (uint8_t)offsetof(here, f), 1, false },
#define U16(f)     { #f, NULL, (uint8_t)offsetof(here, f), 2, true },
#define U32(f)     { #f, NULL, (uint8_t)offsetof(here, f), 4, false },
#define X32(f)     { #f, NULL, (uint8_t)offsetof(here, f), 4, true },
#define ENUM(t, f) { #f, #t, (uint8_t)offsetof(here, f), 1, false },
#define END        { NULL, NULL, (uint8_t)offsetof(here, pad_), 0, false }

#define EVENT(kind, category, word_, about_, list)                                              \
    static const struct event_desc *desc_##kind(void)                                           \
    {                                                                                           \
        typedef struct ev_##kind here;                                                          \
        _Static_assert(sizeof(here) <= 12, "event.def: " word_ " has more than 12 bytes");      \
        static const struct event_desc d = {                                                    \
            .word = word_, .about = about_, .cat = category,                                    \
            .fields = sizeof((struct event_field[]){ list END }) / sizeof(struct event_field) - 1, \
            .field = { list END },                                                              \
        };                                                                                      \
        return &d;                                                                              \
    }
#include "sim/trace/event.def"
#undef EVENT

_Static_assert(sizeof(struct event) <= 56, "history is long: an event must stay small");

const struct event_desc *event_desc(unsigned kind)
{
    static const struct event_desc *(*const rows[EV_COUNT])(void) = {
#define EVENT(kind, cat, word, about, fields) [EV_##kind] = desc_##kind,
#include "sim/trace/event.def"
#undef EVENT
    };
    return kind < EV_COUNT ? rows[kind]() : NULL;
}

int event_kind(const char *word)
{
    for (unsigned k = 0; k < EV_COUNT; k++)
        if (!strcmp(event_desc(k)->word, word)) return (int)k;
    return -1;
}

uint32_t event_field(const struct event *e, const struct event_field *f)
{
    uint32_t v = 0;
    memcpy(&v, (const uint8_t *)&e->u + f->offset, f->bytes); /* little-endian hosts only, as everywhere */
    return v;
}
