/* Who owns the real x87 unit: the hypervisor lends it to the guest on first use.
 *
 * The idea: real CR0.TS is set exactly while the guest has not got the unit, so the first x87 or MMX instruction is #NM and
 * comes here. If the guest's own TS and EM are clear, its state is loaded and TS cleared: from then on x87 runs at full
 * speed. When the guest sets TS or EM, its state is saved and real TS set again, so that what then happens is for
 * emulation to decide. The real CR0.NE is always set: a pending exception arrives as #MF, and the emulator makes of it
 * what the guest's NE says (#MF, or its FERR line). While that line is asserted the guest does without the unit: only its own
 * FNCLEX or the like lowers it, and only emulation can tell; else IRQ 13 would never come again.
 *
 * What shows through: FNSTENV, FNSAVE and FXSAVE store the real CS selector of the last instruction, whose RPL is the real
 * ring, as on the real processor; the detector says so. Emulation shows the ring the guest believes in. Bugnion et al. 2012, lazy state; SDM 3A 13.4. With several VMs there would be one owner. */
#ifndef VMM_LAZY_FPU_H
#define VMM_LAZY_FPU_H

#include "sim/vmm/vcpu.h"

/* Is every instruction of the unit to be emulated, since the guest's FERR line is asserted? */
bool lazy_fpu_watched(const struct vcpu *v);
/* #NM: gives the guest the unit, if its CR0 lets it use it. False: its CR0 does not; emulate. */
bool lazy_fpu_lend(struct vcpu *v);
/* The guest's CR0 may have changed: takes the unit back if TS or EM is set now. */
void lazy_fpu_follow(struct vcpu *v);
/* Takes it back whatever the guest's CR0: virt has the state. */
void lazy_fpu_withdraw(struct vcpu *v);
/* Around emulation, which works on virt: what the guest has in the real unit, there and back. No cycles: the emulator of a
 * real hypervisor would use the unit where it is. */
/* The guest's state wherever it is, with the selector of the last instruction in the ring the guest believes in. */
struct fpu lazy_fpu_state(const struct vcpu *v);
void lazy_fpu_fetch(struct vcpu *v);
void lazy_fpu_return(struct vcpu *v);

#endif
