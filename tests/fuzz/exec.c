/* Any text as lines of `ringside exec`: answered or refused, and a case that follows is not touched by what came before. */
#include "sim/lab.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char last[] = "z 0108 eax=20000000 ecx=5", *answer =
        "z ok eax=20000000 ecx=00000005 edx=00000000 ebx=00000000 esp=20001000 ebp=00000000 esi=00000000 edi=00000000 "
        "eip=10000102 flags=00000206 ds=00000007 es=00000007 ss=00000007 fs=00000000 gs=00000000 cs=0000000f m@20000000=05\n";
    static struct lab *lab[2];
    struct text out = { 0 };
    struct err e = { 0 };
    for (unsigned k = 0; k < 2 && !lab[k]; k++)
        if (!(lab[k] = lab_new(NULL)) || (k && !lab_use_blocks(lab[k], NULL))) abort();
    struct lab *l = lab[size & 1];
    lab_forget(l);
    for (const char *at = (const char *)data, *end = at + size, *stop; at < end; at = stop + 1) {
        struct err bad = { 0 };
        stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        if (!lab_line(l, at, (size_t)(stop - at), "fuzz", &out, &bad)) {
            FUZZ_HOLDS(bad.code == EXIT_INPUT);
            fuzz_line(bad.text);
        }
    }
    for (const char *s = text_str(&out); *s; s++) FUZZ_HOLDS(*s == '\n' || ((uint8_t)*s >= 0x20 && *s != 0x7F));
    text_clear(&out);
    FUZZ_HOLDS(lab_line(l, last, sizeof last - 1, "fuzz", &out, &e) && !strcmp(text_str(&out), answer));
    text_free(&out);
    return 0;
}
