/* Three address spaces, three types.
 *
 * Mixing a guest-virtual with a machine address is *the* bug of this subject; distinct structs let the compiler
 * refuse it. A linear address (after segmentation, before paging) is a gva_t. What a CPU or MMU puts on the bus it
 * is wired to is an hpa_t; what a guest kernel believes to be RAM is a gpa_t. Only vmm/vm.c converts gpa to hpa.
 *
 * SDM vol. 3A 3.1 (address translation overview). Not modelled: physical addresses above 4 GB.
 * TOUR core.1: start here: three address spaces, which the compiler keeps apart. */
#ifndef CORE_ADDR_H
#define CORE_ADDR_H

#include <stdint.h>

typedef struct { uint32_t v; } gva_t; /* virtual (linear): what a program's access becomes after segmentation */
typedef struct { uint32_t v; } gpa_t; /* guest-physical: what the guest kernel believes is RAM */
typedef struct { uint32_t v; } hpa_t; /* machine: where the byte really lies, on the bus at hand */

enum { PAGE_SHIFT = 12, PAGE_SIZE = 4096 };
#define PAGE_MASK 0xFFFFF000u /* page address bits of any of the three */

static inline gva_t gva(uint32_t v) { return (gva_t){ v }; }
static inline gpa_t gpa(uint32_t v) { return (gpa_t){ v }; }
static inline hpa_t hpa(uint32_t v) { return (hpa_t){ v }; }

#endif
