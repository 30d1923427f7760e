/* A guest of a few bytes: code put together by hand, and an ELF file of it, entered flat, in ring 0, without paging. For cmocka tests. */
#ifndef TESTS_SUPPORT_BYTES_H
#define TESTS_SUPPORT_BYTES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { LOAD = 0x100000 /* where the code lies, and begins */ };
struct code { uint8_t byte[2048]; uint32_t at; };

static inline void put(struct code *c, const void *bytes, size_t n) { memcpy(c->byte + c->at, bytes, n), c->at += (uint32_t)n; }
#define OP(c, ...) put(c, (const uint8_t[]){ __VA_ARGS__ }, sizeof (const uint8_t[]){ __VA_ARGS__ })
static inline void word(struct code *c, uint32_t v) { put(c, &v, 4); }
#define OP32(c, v, ...) (OP(c, __VA_ARGS__), word(c, v))
static inline uint32_t here(const struct code *c) { return LOAD + c->at; }
static inline void org(struct code *c, uint32_t at) { while (here(c) < at) OP(c, 0xCC); }
static inline void jump(struct code *c, uint8_t op, uint32_t to) { OP(c, op), word(c, to - (here(c) + 4)); }
static inline void end(struct code *c) { OP(c, 0xB0, 0x00, 0xE6, 0xF4, 0xF4); } /* mov al, 0; out F4h, al */

/* Writes the file; its name goes into `name`. */
static inline void bytes_elf(const struct code *c, char *name, size_t room)
{
    const uint32_t size = 84 + c->at;
    const uint32_t header[] = { 0x464C457F, 0x00010101, 0, 0, 0x00030002, 1, LOAD, 52, 0, 0, 0x00200034, 0x00280001, 0 };
    const uint32_t program[] = { 1, 84, LOAD, LOAD, c->at, c->at, 7, 4 };
    const char *dir = getenv("TMPDIR");
    snprintf(name, room, "%s/ringside-bytes-XXXXXX", dir ? dir : "/tmp");
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, header, sizeof header) + write(fd, program, sizeof program) + write(fd, c->byte, c->at), size);
    close(fd);
}

#endif
