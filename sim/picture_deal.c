/* See picture_deal.h. */
#include "sim/picture_deal.h"

#include <string.h>
#include "sim/sha256.h"

enum { PIECES = 4096 };

static unsigned shard = 1, shards = 1, whole, turn;
static struct { unsigned piece; struct text files; } noted[PIECES];
static unsigned pieces;

void picture_deal(unsigned of_shard, unsigned of_shards, unsigned piece)
{
    shard = of_shard, shards = of_shards, whole = piece, turn = 0;
    while (pieces) text_free(&noted[--pieces].files);
}

bool picture_turn(void) { return turn++ % shards == shard - 1; }

void picture_note(const char *path, const struct text *bytes)
{
    uint8_t digest[32];
    char hex[65];
    unsigned piece = whole ? whole : turn ? turn : 1;
    if (!pieces || noted[pieces - 1].piece != piece) {
        if (pieces == PIECES) return;
        noted[pieces++].piece = piece;
    }
    struct text *t = &noted[pieces - 1].files;
    sha256(text_str(bytes), bytes->len, digest);
    sha256_hex(digest, hex);
    text_add(t, "%s{\"file\": ", t->len ? ", " : "");
    text_json(t, path);
    text_add(t, ", \"bytes\": %zu, \"sha256\": \"%s\"}", bytes->len, hex);
}

static void put(unsigned piece, const char *of, const char *files, const char *error, struct text *out)
{
    text_add(out, "\n    {\"number\": %u, \"of\": ", piece);
    text_json(out, of);
    text_add(out, ", \"files\": [%s]", files);
    if (*error) text_add(out, ", \"error\": "), text_json(out, error);
    text_add(out, "},");
}

void picture_noted(const char *of, const char *error, struct text *out)
{
    for (unsigned i = 0; i < pieces; i++) put(noted[i].piece, of, text_str(&noted[i].files), error, out);
    if (!pieces && whole) put(whole, of, "", error, out);
}
