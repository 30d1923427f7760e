/* Zydis, set to what a P6 knows: opcodes that became something else later are the hints they were. SDM vol. 2, NOP. */
#ifndef CPU_ZYDIS_H
#define CPU_ZYDIS_H

#include <Zydis/Zydis.h>

#include <stdbool.h>

static inline void zydis_init(ZydisDecoder *d, bool code32)
{
    ZydisDecoderInit(d, code32 ? ZYDIS_MACHINE_MODE_LEGACY_32 : ZYDIS_MACHINE_MODE_LEGACY_16,
                     code32 ? ZYDIS_STACK_WIDTH_32 : ZYDIS_STACK_WIDTH_16);
    ZydisDecoderEnableMode(d, ZYDIS_DECODER_MODE_MPX, ZYAN_FALSE);
    ZydisDecoderEnableMode(d, ZYDIS_DECODER_MODE_CET, ZYAN_FALSE);
    ZydisDecoderEnableMode(d, ZYDIS_DECODER_MODE_CLDEMOTE, ZYAN_FALSE);
}

#endif
