/* Interrupt vectors as people write them: "#GP(0)", "#PF(2)", "NMI", "int 80h".
 *
 * SDM vol. 3A table 6-1 (exceptions and interrupts) and 6.13 (error codes). Not modelled: 9, 15 and 19 up, which no
 * CPU of ours raises; they read as plain numbers. */
#ifndef TRACE_VECTOR_H
#define TRACE_VECTOR_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/text.h"

enum { VECTOR_NONE = 15 /* the manual reserves it; here: no vector, an exit that led through no gate of the IDT */ };

const char *vector_name(uint8_t vector);     /* the mnemonic of an exception, "#GP"; "" (never NULL) if it has none */
bool        vector_has_code(uint8_t vector); /* does the exception push an error code? */

/* Adds "#GP(0)", "#UD", "int 80h". The error code `code` shows, in hex, only for vectors that have one. */
void vector_text(uint8_t vector, uint32_t code, struct text *out);

#endif
