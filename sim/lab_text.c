/* The line of a result. See lab.h and docs/exec.md.
 *
 * Idea: tens of thousands of these a second are wanted, so digits are written here and not by a format. */
#include "sim/lab.h"

#include <string.h>

static char *put_hex(char *to, uint32_t v, unsigned digits)
{
    for (unsigned k = digits; k--; v >>= 4) to[k] = "0123456789abcdef"[v & 15];
    return to + digits;
}

static char *put_string(char *to, const char *s)
{
    size_t n = strlen(s);
    memcpy(to, s, n);
    return to + n;
}

static unsigned digits_of(uint32_t v)
{
    unsigned n = 1;
    while (v >>= 4) n++;
    return n;
}

/* One run of changed bytes after the other: " m@20000010=0a0b". */
static void print_changes(uint32_t base, const uint8_t *before, const uint8_t *now, struct text *out)
{
    enum { PIECE = 256 };
    char buffer[2 * PIECE + 16], *p;
    if (!memcmp(before, now, LAB_AREA)) return;
    for (unsigned at = 0; at < LAB_AREA; at++) {
        if (before[at] == now[at]) continue;
        p = put_hex(put_string(buffer, " m@"), base + at, 8);
        *p++ = '=';
        for (unsigned n = 0; at < LAB_AREA && before[at] != now[at]; at++) {
            p = put_hex(p, now[at], 2);
            if (++n % PIECE) continue;
            text_bytes(out, buffer, (size_t)(p - buffer));
            p = buffer;
        }
        text_bytes(out, buffer, (size_t)(p - buffer));
    }
}

void lab_print(const struct lab_case *c, const struct lab_image *im, const struct lab_result *r, struct text *out)
{
    char line[512], *p = put_string(line, c->name);
    if (r->end == LAB_FAULT) {
        p = put_hex(put_string(p, " vec="), r->vector, digits_of(r->vector));
        p = put_hex(put_string(p, " err="), r->code, digits_of(r->code));
        p = put_hex(put_string(p, " cr2="), r->cr2, 8);
    } else {
        p = put_string(p, r->end == LAB_OK ? " ok" : " limit");
    }
    for (unsigned k = 0; k < LAB_REGS; k++) {
        *p++ = ' ';
        p = put_string(p, lab_reg_name[k]);
        *p++ = '=';
        p = put_hex(p, k == LAB_FLAGS ? r->reg[k] & ~LAB_FLAGS_HIDDEN : r->reg[k], 8);
    }
    text_bytes(out, line, (size_t)(p - line));
    print_changes(LAB_LOW, im->low, r->low, out);
    print_changes(LAB_DATA, im->data, r->data, out);
    text_char(out, '\n');
}
