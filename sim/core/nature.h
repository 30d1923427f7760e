/* What rings have to do with an instruction: facts of insn.def that front ends show, too. They steer nothing. */
#ifndef CORE_NATURE_H
#define CORE_NATURE_H

enum privilege {
    PRIV_NONE,  /* any ring */
    PRIV_RING0, /* #GP(0) unless CPL = 0 */
    PRIV_IOPL,  /* #GP(0) if CPL > IOPL (port instructions: unless the TSS's I/O map allows) */
};
enum sensitivity {
    SENS_NONE,   /* innocuous */
    SENS_TRAPS,  /* sensitive, and always traps below ring 0: what a hypervisor wishes for */
    SENS_SILENT, /* sensitive, and does not (always) trap: Robin & Irvine's list and IRET */
    SENS_LEAKS,  /* innocuous but for a corner that is in nobody's list, where the real CPL shows without a trap */
    SENSITIVITIES
};

#endif
