/* See save_file.h. */
#include "sim/vmm/save_file.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "sim/core/fatal.h"

static const char magic[8] = { 'R', 'I', 'N', 'G', 'S', 'A', 'V', 'E' };
enum { AT_VERSION = 8, AT_LAYOUT = 12, AT_BYTES = 16, AT_SUM = 24, AT_HEADER_SUM = 28 };
enum { SECTION = 16, LEVEL = 1 /* memory is mostly the same words: more effort gains little */ };

static uint32_t sum(const void *bytes, size_t n)
{
    uLong crc = crc32(0, NULL, 0);
    for (const uint8_t *p = bytes; n; ) {
        uInt piece = n < 1u << 30 ? (uInt)n : 1u << 30;
        crc = crc32(crc, p, piece);
        p += piece, n -= piece;
    }
    return (uint32_t)crc;
}

static uint32_t get(const struct text *f, size_t at)
{
    uint32_t v;
    memcpy(&v, f->s + at, sizeof v);
    return v;
}

static uint64_t get64(const struct text *f, size_t at)
{
    uint64_t v;
    memcpy(&v, f->s + at, sizeof v);
    return v;
}

void save_begin(struct text *file)
{
    static const char header[SAVE_HEADER];
    text_clear(file);
    text_bytes(file, header, sizeof header);
}

size_t save_open(struct text *file, uint32_t tag)
{
    const uint32_t head[SECTION / 4] = { tag };
    text_bytes(file, head, sizeof head);
    return file->len;
}

void save_close(struct text *file, size_t opened)
{
    uint64_t n = file->len - opened;
    memcpy(file->s + opened - sizeof n, &n, sizeof n);
}

void save_finish(struct text *file, uint32_t layout)
{
    const uint32_t version = SAVE_VERSION;
    uint64_t bytes = file->len;
    memcpy(file->s, magic, sizeof magic);
    memcpy(file->s + AT_VERSION, &version, sizeof version);
    memcpy(file->s + AT_LAYOUT, &layout, sizeof layout);
    memcpy(file->s + AT_BYTES, &bytes, sizeof bytes);
    uint32_t body = sum(file->s + SAVE_HEADER, file->len - SAVE_HEADER);
    memcpy(file->s + AT_SUM, &body, sizeof body);
    uint32_t header = sum(file->s, AT_HEADER_SUM);
    memcpy(file->s + AT_HEADER_SUM, &header, sizeof header);
}

void save_packed(struct text *file, const struct text *bytes)
{
    uLongf room = compressBound(bytes->len);
    Bytef *to = malloc(room ? room : 1);
    if (!to || compress2(to, &room, (const Bytef *)text_str(bytes), bytes->len, LEVEL) != Z_OK) fatal(EXIT_ENVIRONMENT, "no memory to save a virtual machine");
    const uint64_t n[2] = { bytes->len, room };
    text_bytes(file, n, sizeof n);
    text_bytes(file, to, room);
    free(to);
}

/* The header's own sum comes first: until it holds, nothing that the header says means anything, but for the first word. */
bool save_check(const struct text *file, uint32_t layout, const char *name, struct err *e)
{
    if (file->len < sizeof magic || memcmp(file->s, magic, sizeof magic))
        return err_set(e, EXIT_INPUT, "%s: not a saved virtual machine; `run ... --save FILE --save-at CYCLE` makes one", name);
    if (file->len < SAVE_HEADER) return err_set(e, EXIT_INPUT, "%s: cut off: %zu bytes, and the header alone has %d", name, file->len, SAVE_HEADER);
    if (get(file, AT_HEADER_SUM) != sum(file->s, AT_HEADER_SUM))
        return err_set(e, EXIT_INPUT, "%s: its header was altered, the checksum says; nothing of it is used", name);
    if (get(file, AT_VERSION) != SAVE_VERSION)
        return err_set(e, EXIT_INPUT, "%s: version %u of the format, and this program reads version %d; save it anew", name, get(file, AT_VERSION),
                       SAVE_VERSION);
    if (get(file, AT_LAYOUT) != layout)
        return err_set(e, EXIT_INPUT, "%s: saved by another version of this program, whose CPU or devices have other fields; save it anew", name);
    if (get64(file, AT_BYTES) != file->len)
        return err_set(e, EXIT_INPUT, "%s: %s: %zu bytes of %llu", name, file->len < get64(file, AT_BYTES) ? "cut off" : "something was added", file->len,
                       (unsigned long long)get64(file, AT_BYTES));
    if (get(file, AT_SUM) != sum(file->s + SAVE_HEADER, file->len - SAVE_HEADER))
        return err_set(e, EXIT_INPUT, "%s: altered, the checksum says; nothing of it is used", name);
    return true;
}

bool save_find(const struct text *file, uint32_t tag, struct state_reader *r)
{
    for (size_t at = SAVE_HEADER; file->len - at >= SECTION; ) {
        uint64_t n = get64(file, at + 8);
        if (n > file->len - at - SECTION) return false;
        if (get(file, at) == tag) {
            *r = (struct state_reader){ .at = (const uint8_t *)file->s + at + SECTION, .left = n };
            return true;
        }
        at += SECTION + n;
    }
    return false;
}

bool save_unpack(struct state_reader *r, size_t most, struct text *to)
{
    uint64_t n[2];
    if (!state_bytes(r, n, sizeof n) || n[0] > most || n[1] > r->left) return false;
    uLongf got = n[0];
    Bytef *bytes = malloc(got ? got : 1);
    bool good = bytes && uncompress(bytes, &got, r->at, n[1]) == Z_OK && got == n[0];
    if (good) text_bytes(to, bytes, got);
    free(bytes);
    r->at += n[1];
    r->left -= n[1];
    return good;
}
