/* The laboratory for single instructions: one line of text in, one instruction on a real CPU, one line of text out.
 *
 * Idea 1: a case is data (struct lab_case), its outcome is data (struct lab_result); text is only their outside. Whoever
 * has another CPU to ask (the tester that runs lines on the host's own) uses the same parser, images and printer.
 * Idea 2: the machine underneath is an ordinary one, a small board whose GDT, LDT, IDT, TSS and page tables lie in its
 * RAM. It is built once; between cases only what changed is put back (lab_board.c).
 *
 * docs/exec.md is the manual of the format. Not modelled: devices (ports read all ones), a second CPU, time. */
#ifndef SIM_LAB_H
#define SIM_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sim/core/err.h"
#include "sim/core/text.h"

/* The linear addresses of what a case can see. Everything else is absent. */
enum { LAB_LOW = 0x8000, LAB_CODE = 0x10000000, LAB_DATA = 0x20000000, LAB_AREA = 0x2000 /* bytes of each */ };
enum { LAB_ITERATIONS = 65536, LAB_BYTES = 64, LAB_POKES = 64, LAB_POKED = 2 * LAB_AREA, LAB_LDT_ENTRIES = 8192 };

/* Registers in the order in which they are printed. */
enum lab_reg {
    LAB_EAX, LAB_ECX, LAB_EDX, LAB_EBX, LAB_ESP, LAB_EBP, LAB_ESI, LAB_EDI, LAB_EIP, LAB_FLAGS,
    LAB_DS, LAB_ES, LAB_SS, LAB_FS, LAB_GS, LAB_CS, LAB_REGS
};
extern const char *const lab_reg_name[LAB_REGS]; /* "eax" ... "cs" */

/* What `flags=` can set; all other bits are the state's. */
#define LAB_FLAGS_SET 0xCD5u /* CF PF AF ZF SF DF OF */
#define LAB_FLAGS_BASE 0x202u
#define LAB_FLAGS_HIDDEN 0x10100u /* TF and RF are not printed */

struct lab_poke { uint32_t at, n, from; }; /* n bytes to linear address `at`, from lab_case.poked[from] */

struct lab_case {
    char     name[64];
    uint8_t  bytes[LAB_BYTES];
    unsigned n;               /* bytes used */
    uint32_t reg[LAB_REGS];
    uint32_t given;           /* bit 1 << enum lab_reg: the line says it. Segments not given are the ring's own */
    bool     filled;
    uint32_t fill;            /* seed */
    uint8_t  ring, iopl;
    unsigned pokes;
    struct lab_poke poke[LAB_POKES];
    uint8_t  poked[LAB_POKED];
};

/* An `ldt` line, the fields as the Linux call modify_ldt has them. */
struct lab_ldt {
    uint32_t n, base, limit;  /* limit: 20 bits, in bytes or (pages) in units of 4 KB */
    uint8_t  contents;        /* 0 data, 1 expand-down data, 2 code, 3 conforming code */
    bool     seg32, readonly /* code: execute-only */, pages;
};

enum lab_line { LAB_NOTHING, LAB_CASE, LAB_LDT, LAB_BAD };
/* Takes one line apart (no newline in it). LAB_BAD: e says what was expected, what was there, and what helps; `where` is
 * put before it ("cases.txt:12"). Only the struct that the result names is valid. */
enum lab_line lab_parse(const char *line, size_t n, const char *where, struct lab_case *c, struct lab_ldt *ldt,
                        struct err *e);

/* The memory a case begins with. */
struct lab_image { uint8_t low[LAB_AREA], data[LAB_AREA], code[LAB_AREA]; };
/* Fills it in: fill, m@, then the instruction at linear address `at`. What falls outside is dropped: nothing is mapped
 * there. */
void lab_image_make(struct lab_image *im, const struct lab_case *c, uint32_t at);

enum lab_end { LAB_OK, LAB_FAULT, LAB_LIMIT };
struct lab_result {
    uint8_t  end;                      /* enum lab_end */
    uint8_t  vector;                   /* LAB_FAULT: and the next two */
    uint32_t code, cr2;                /* 0 where the exception has none */
    uint32_t reg[LAB_REGS];
    const uint8_t *low, *data;         /* LAB_AREA bytes each, as they are now */
};
/* Adds the line of a result, with its newline. `im` is what the memory was. */
void lab_print(const struct lab_case *c, const struct lab_image *im, const struct lab_result *r, struct text *out);

/* ---- the engine ---- */

struct lab;
struct lab *lab_new(struct err *e);
void        lab_free(struct lab *l);
/* From now on cases run as programs do: out of decoded blocks, without TF, exceptions through the IDT. For testing that the
 * fast way gives what the slow one does; PUSHF shows the difference. Rings 1 to 3. False: no memory. */
bool        lab_use_blocks(struct lab *l, struct err *e);
/* Sets an LDT entry for the cases after it. */
void        lab_ldt(struct lab *l, const struct lab_ldt *entry);
/* Runs a case. False and EXIT_INPUT (message after `where`) if a segment register cannot hold what the case asks for. */
bool        lab_run(struct lab *l, const struct lab_case *c, const char *where, struct lab_result *r, struct err *e);
const struct lab_image *lab_before(const struct lab *l); /* the memory the last case began with */

/* Forgets all LDT entries that were set. */
void        lab_forget(struct lab *l);

/* A line in. LAB_CASE: *c is what it says, r what came of it; both are valid until the next line. LAB_BAD: e is set. */
enum lab_line lab_take(struct lab *l, const char *line, size_t n, const char *where, const struct lab_case **c,
                       struct lab_result *r, struct err *e);
/* The same as text: for a case, a line is added to `out`. False: e is set. */
bool lab_line(struct lab *l, const char *line, size_t n, const char *where, struct text *out, struct err *e);

#endif
