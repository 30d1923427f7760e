/* Machine code, byte by byte, and the seeded chance that picks it. */
#ifndef TESTS_EQUIV_EMIT_H
#define TESTS_EQUIV_EMIT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct emit {
    uint8_t *image;   /* of what lies at `base` */
    uint32_t base, at, end;
    uint64_t chance;
};

/* splitmix64 */
static inline uint32_t chance(struct emit *e)
{
    uint64_t z = (e->chance += 0x9E3779B97F4A7C15u);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (uint32_t)(z >> 32);
}
static inline uint32_t below(struct emit *e, uint32_t n) { return (uint32_t)((uint64_t)chance(e) * n >> 32); }
static inline uint32_t one_in(struct emit *e, uint32_t n) { return below(e, n) == 0; }
#define PICK(e, table) ((table)[below((e), (uint32_t)(sizeof (table) / sizeof (table)[0]))])

static inline void put(struct emit *e, const void *bytes, size_t n)
{
    if (e->at + n > e->end) return; /* a kernel that is too long ends in what lies there */
    memcpy(e->image + (e->at - e->base), bytes, n);
    e->at += (uint32_t)n;
}
static inline void put8(struct emit *e, uint32_t v) { put(e, &(uint8_t){ (uint8_t)v }, 1); }
static inline void put16(struct emit *e, uint32_t v) { put(e, &(uint16_t){ (uint16_t)v }, 2); }
static inline void put32(struct emit *e, uint32_t v) { put(e, &v, 4); }
/* Bytes, and bytes followed by a doubleword. */
#define OP(e, ...) put((e), (const uint8_t[]){ __VA_ARGS__ }, sizeof (const uint8_t[]){ __VA_ARGS__ })
#define OP32(e, v, ...) put_op32((e), (v), (const uint8_t[]){ __VA_ARGS__ }, sizeof (const uint8_t[]){ __VA_ARGS__ })
static inline void put_op32(struct emit *e, uint32_t v, const uint8_t *bytes, size_t n)
{
    put(e, bytes, n);
    put32(e, v);
}
/* A doubleword somewhere in the image. */
static inline void poke32(struct emit *e, uint32_t at, uint32_t v) { memcpy(e->image + (at - e->base), &v, 4); }
static inline void poke(struct emit *e, uint32_t at, const void *bytes, size_t n) { memcpy(e->image + (at - e->base), bytes, n); }
/* The displacement of a branch, whose last four bytes these are. */
static inline void put_to(struct emit *e, uint32_t target) { put32(e, target - (e->at + 4)); }
/* A branch forward: its displacement is filled in by put_here. */
static inline uint32_t put_later(struct emit *e)
{
    put32(e, 0);
    return e->at;
}
static inline void put_here(struct emit *e, uint32_t later) { poke32(e, later - 4, e->at - later); }

#endif
