/* Which row of insn.def an instruction is that somebody names as assemblers do: jnz, setae, movsb, popfd, faddp. See explain.h.
 *
 * Idea: nothing is listed. All opcodes are decoded, with all of their ModRM bytes, until the disassembler calls one as asked; the row is what the
 * decoder made of it. Conditions have two or three names each, of which the disassembler uses one: those are SDM vol. 2A, appendix B.1. */
#include "sim/explain.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "sim/cpu/insn.h"

static const struct { const char *name, *as; } conditions[] = {
    { "e", "z" },  { "ne", "nz" },  { "c", "b" },    { "nae", "b" },  { "ae", "nb" }, { "nc", "nb" }, { "na", "be" },  { "a", "nbe" },
    { "nge", "l" }, { "ge", "nl" }, { "ng", "le" }, { "g", "nle" }, { "pe", "p" },  { "po", "np" },
};
static const struct { const char *name, *as; } others[] = { { "sal", "shl" }, { "loopz", "loope" }, { "loopnz", "loopne" }, { "xlatb", "xlat" }, { "retn", "ret" }, { "fwait", "wait" },
                                                            { "icebp", "int1" }, { "ud2a", "ud2" } };

static const struct { const char *name, *holds; } meanings[] = { /* SDM vol. 2A, table B-10: u and nu are only FCMOV's */
    { "o", "OF = 1" }, { "no", "OF = 0" }, { "b", "CF = 1" }, { "nb", "CF = 0" }, { "z", "ZF = 1" }, { "nz", "ZF = 0" },
    { "be", "CF = 1 or ZF = 1" }, { "nbe", "CF = 0 and ZF = 0" }, { "s", "SF = 1" }, { "ns", "SF = 0" }, { "p", "PF = 1" }, { "np", "PF = 0" },
    { "l", "SF and OF differ" }, { "nl", "SF and OF are equal" }, { "le", "ZF = 1, or SF and OF differ" },
    { "nle", "ZF = 0, and SF and OF are equal" }, { "u", "PF = 1" }, { "nu", "PF = 0" },
};

const char *explain_condition(const char *word)
{
    static const char *const families[] = { "j", "cmov", "set", "fcmov" };
    for (unsigned f = 0; f < sizeof families / sizeof *families; f++) {
        size_t n = strlen(families[f]);
        if (strncasecmp(word, families[f], n) != 0) continue;
        const char *condition = word + n;
        for (unsigned i = 0; i < sizeof conditions / sizeof *conditions; i++)
            if (!strcasecmp(condition, conditions[i].name)) condition = conditions[i].as;
        for (unsigned i = 0; i < sizeof meanings / sizeof *meanings; i++)
            if (!strcasecmp(condition, meanings[i].name)) return meanings[i].holds;
    }
    return NULL;
}

/* The disassembler's name, if it has another one. */
static void disassembled(const char *word, char *as, size_t room)
{
    static const char *const families[] = { "j", "cmov", "set" };
    snprintf(as, room, "%s", word);
    for (unsigned f = 0; f < sizeof families / sizeof *families; f++) {
        size_t n = strlen(families[f]);
        for (unsigned i = 0; !strncasecmp(word, families[f], n) && i < sizeof conditions / sizeof *conditions; i++)
            if (!strcasecmp(word + n, conditions[i].name)) snprintf(as, room, "%s%s", families[f], conditions[i].as);
    }
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++)
        if (!strcasecmp(word, others[i].name)) snprintf(as, room, "%s", others[i].as);
}

static unsigned row_of(const uint8_t *bytes, unsigned n, const char *name)
{
    static const uint32_t costs[COST_COUNT];
    struct insn i;
    char text[128];
    if (insn_decode(bytes, n, (struct insn_mode){ .code32 = true }, costs, &i) != DECODE_OK) return 0;
    insn_text(bytes, n, (struct insn_mode){ .code32 = true }, 0, text, sizeof text);
    const char *word = text;
    for (;;) { /* behind prefixes that it shows as words */
        size_t k = strcspn(word, " ");
        bool prefix = (k == 3 && !strncmp(word, "rep", 3)) || (k == 4 && (!strncmp(word, "lock", 4) || !strncmp(word, "repe", 4)));
        if (!prefix || !word[k]) return k == strlen(name) && !strncasecmp(word, name, k) ? i.id : 0;
        word += k + 1;
    }
}

unsigned explain_spelled(const char *word)
{
    char name[24];
    disassembled(word, name, sizeof name);
    for (unsigned small = 0; small < 2; small++)
        for (unsigned two = 0; two < 2; two++)
            for (unsigned op = 0; op < 256; op++)
                for (unsigned modrm = 0; modrm < 256; modrm++) {
                    uint8_t b[20] = { 0 }, *at = b;
                    if (small) *at++ = 0x66;
                    if (two) *at++ = 0x0F;
                    *at++ = (uint8_t)op;
                    *at = (uint8_t)modrm;
                    unsigned id = row_of(b, 15, name);
                    if (id) return id;
                }
    return 0;
}
