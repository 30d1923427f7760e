/* Instructions as text, Intel syntax, by Zydis. Looks at nothing but the bytes it is given. */
#include "sim/cpu/insn.h"
#include "sim/cpu/zydis.h"

static unsigned bad(char *text, unsigned room)
{
    static const char word[] = "(bad)";
    for (unsigned k = 0; k < room; k++) {
        text[k] = k + 1 < room ? word[k] : '\0';
        if (!text[k]) break;
    }
    return 0;
}

/* Numbers as people write them: "0x" before hexadecimal, no padding. */
static bool formatter_init(ZydisFormatter *f)
{
    return ZYAN_SUCCESS(ZydisFormatterInit(f, ZYDIS_FORMATTER_STYLE_INTEL)) &&
           ZYAN_SUCCESS(ZydisFormatterSetProperty(f, ZYDIS_FORMATTER_PROP_DISP_PADDING, ZYDIS_PADDING_DISABLED)) &&
           ZYAN_SUCCESS(ZydisFormatterSetProperty(f, ZYDIS_FORMATTER_PROP_IMM_PADDING, ZYDIS_PADDING_DISABLED)) &&
           ZYAN_SUCCESS(ZydisFormatterSetProperty(f, ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE, ZYDIS_PADDING_DISABLED));
}

unsigned insn_text(const uint8_t *bytes, unsigned n, struct insn_mode mode, uint32_t eip, char *text, unsigned room)
{
    ZydisDecoder d;
    ZydisFormatter f;
    ZydisDecodedInstruction z;
    ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
    zydis_init(&d, mode.code32);
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&d, bytes, n, &z, op))) return bad(text, room);
    if (!formatter_init(&f)) return bad(text, room);
    if (!ZYAN_SUCCESS(ZydisFormatterFormatInstruction(&f, &z, op, z.operand_count_visible, text, room, eip, ZYAN_NULL)))
        return bad(text, room);
    return z.length;
}
