/* See zip.h. */
#include "sim/zip.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { DATE = 1 << 5 | 1, VERSION = 20, UNIX = 3 << 8, DEFLATED = 8, STORED = 0 };

static void put(struct text *t, uint64_t v, unsigned bytes)
{
    for (; bytes; bytes--, v >>= 8) text_char(t, (char)(v & 0xFF));
}

/* Without zlib's own head and checksum; 0: it did not get smaller, or there was no memory. */
static size_t deflated(const void *bytes, size_t n, void *to)
{
    z_stream s = { 0 };
    if (!n || !to || deflateInit2(&s, 6, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) != Z_OK) return 0;
    s.next_in = (z_const Bytef *)bytes;
    s.avail_in = (uInt)n;
    s.next_out = to;
    s.avail_out = (uInt)n;
    bool done = deflate(&s, Z_FINISH) == Z_STREAM_END;
    size_t size = n - s.avail_out;
    deflateEnd(&s);
    return done && size < n ? size : 0;
}

/* The fields that a file's own head and its entry in the directory share. */
static void describe(struct text *t, unsigned method, uint32_t crc, size_t packed, size_t n, const char *name)
{
    put(t, VERSION, 2), put(t, 0, 2), put(t, method, 2), put(t, 0, 2), put(t, DATE, 2);
    put(t, crc, 4), put(t, packed, 4), put(t, n, 4), put(t, strlen(name), 2), put(t, 0, 2);
}

bool zip_add(struct zip *z, const char *name, const void *bytes, size_t n, unsigned mode)
{
    void *room = malloc(n + 1);
    if (!room) return false;
    size_t at = z->bytes.len, packed = deflated(bytes, n, room);
    unsigned method = packed ? DEFLATED : STORED;
    uint32_t crc = (uint32_t)crc32(crc32(0, NULL, 0), bytes, (uInt)n);
    text_bytes(&z->bytes, "PK\3\4", 4);
    describe(&z->bytes, method, crc, packed ? packed : n, n, name);
    text_add(&z->bytes, "%s", name);
    text_bytes(&z->bytes, packed ? room : bytes, packed ? packed : n);
    text_bytes(&z->directory, "PK\1\2", 4);
    put(&z->directory, UNIX | VERSION, 2);
    describe(&z->directory, method, crc, packed ? packed : n, n, name);
    put(&z->directory, 0, 2), put(&z->directory, 0, 2), put(&z->directory, 0, 2);
    put(&z->directory, (uint64_t)(0100000 | mode) << 16, 4), put(&z->directory, at, 4);
    text_add(&z->directory, "%s", name);
    z->files++;
    free(room);
    return true;
}

void zip_end(struct zip *z)
{
    size_t at = z->bytes.len, n = z->directory.len;
    text_bytes(&z->bytes, z->directory.s ? z->directory.s : "", n);
    text_bytes(&z->bytes, "PK\5\6", 4);
    put(&z->bytes, 0, 4), put(&z->bytes, z->files, 2), put(&z->bytes, z->files, 2), put(&z->bytes, n, 4), put(&z->bytes, at, 4), put(&z->bytes, 0, 2);
}

void zip_free(struct zip *z)
{
    text_free(&z->bytes);
    text_free(&z->directory);
}
