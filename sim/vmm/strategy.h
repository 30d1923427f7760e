/* How a guest's instructions are executed: one complete const struct per technique, in an explicit array.
 *
 * vmm.c owns the loop (exit, handle, settle, resume), the virtual board and the virtual CPU; a technique says how the guest's
 * state comes out of the real processor and goes back in, what an exit means, and what the real processor cannot run.
 * TOUR vmm.5: what a technique has to say. */
#ifndef VMM_STRATEGY_H
#define VMM_STRATEGY_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/err.h"
#include "sim/core/outcome.h"
#include "sim/vmm/exit.h"

struct cpu;
struct cpu_weight;
struct vcpu;
struct vcpu_view;
struct window_frame;

enum next { NEXT_RESUME /* virt is what the guest shall be; go on */, NEXT_STOP /* the VM ended */ };

struct cpu_strategy {
    const char *name, *about;
    bool    hypervisor;                 /* false: the guest owns the machine */
    uint8_t kernel_ring;                /* ring the guest kernel really runs in */
    const char *mmu;                    /* the MMU strategy it uses unless told otherwise */
    bool    hardware;                   /* the guest has registers of its own: the real ones, while hardware runs it */
    bool    detects;                    /* the guest kernel runs below ring 0, so instructions can fail silently: watch them */
    /* Can the guest tell it from bare hardware? Not at all: "". Not with --set KEY=1: KEY. Else it can: NULL. */
    const char *faithful;
    bool    aware;                      /* the guest kernel knows where it runs: its real ring, its machine frames */
    /* Once, when the VM is made: its structures in machine memory. */
    bool      (*attach)(struct vcpu *v, struct err *e);
    /* Once, before the first resume: the hypervisor owns the processor, the guest's boot state is in v->virt. */
    void      (*start)(struct vcpu *v);
    /* The guest left: its state from the real processor to v->virt. `f` is the part of the frame known so far. */
    void      (*enter)(struct vcpu *v, struct window_frame *f);
    /* Answers an exit. */
    enum next (*handle)(struct vcpu *v, const struct vmexit *x);
    /* Does somebody want the guest interrupted; can it take that now; let it be taken (by v->virt, or by the hardware on resume). */
    bool      (*pending)(const struct vcpu *v);
    bool      (*interruptible)(const struct vcpu *v);
    void      (*interrupt)(struct vcpu *v);
    /* Can the real processor run the guest as it stands? If not, vmm interprets an instruction and asks again. `pending` and
     * not interruptible is asked first: a technique whose hardware tells when that changes says so by not being pending. */
    bool      (*runnable)(struct vcpu *v);
    /* v->virt to the real processor, which is left standing at the code that resumes the guest. Emits RESUME. */
    void      (*leave)(struct vcpu *v);
    /* The real processor is to be another VM's: what it holds of this one's, beyond an exit's, into v->virt. And it is this VM's again. */
    void      (*away)(struct vcpu *v);
    void      (*back)(struct vcpu *v);
    /* The rest may be NULL: the technique does not care. */
    /* All of the guest's state into v->virt, but for what `away` takes in. False: an event is on its way into the guest; ask again later. */
    bool      (*gather)(struct vcpu *v);
    void      (*over)(struct vcpu *v);  /* the VM ended, and others of the machine go on */
    uint32_t  reserve;                  /* bytes from WINDOW_POOL on that are its own; shadow tables come behind them */
    uint32_t  window_table;             /* the window is mapped by a page table, which lies here in it; 0: as one page of 4 MB */
    /* `size` bytes of the guest's memory at guest-physical `at` were stored by somebody but the running guest. */
    void      (*stored)(struct vcpu *v, uint32_t at, unsigned size);
    /* The guest's page tables may map other pages now (CR0, CR3, CR4, INVLPG). */
    void      (*remapped)(struct vcpu *v);
    /* The guest's fault is to be delivered to it: by hardware, on the next resume? False: by v->virt, now. */
    bool      (*inject)(struct vcpu *v, struct fault f);
    /* Of the instruction at a window offset: whose work is it (cpu.h)? `w` comes as the hypervisor's. NULL: all of the window is. */
    void      (*weigh)(const struct vcpu *v, uint32_t offset, struct cpu_weight *w);
    /* Ports that the guest's kernel may use from now on without leaving, or not any more. NULL: it always leaves. */
    void      (*ports)(struct vcpu *v, uint16_t first, unsigned count, bool open);
    /* With registers of its own: what hardware remembers of the guest's translations is stale, all or of one page. */
    void      (*forget)(struct vcpu *v, const gva_t *page);
    /* For people, while the real processor runs the guest: what of its state the real registers do not show. `view` comes
     * filled from them. */
    void      (*view)(const struct vcpu *v, struct vcpu_view *view);
    /* For people, who change a register (EAX .. EDI, VCPU_EIP, VCPU_EFLAGS) of the guest that the real processor runs. False:
     * the real register is the guest's. */
    bool      (*change)(struct vcpu *v, unsigned reg, uint32_t value);
    /* For people, while the hypervisor runs: what of the guest's state it has not taken into v->virt. `shown` comes as a copy. */
    void      (*show)(const struct vcpu *v, struct cpu *shown);
    void      (*show_pdptes)(const struct vcpu *v, uint64_t pdpte[4]); /* likewise what its MMU holds */
    /* The guest's linear address of the instruction that begins at a real one, UINT32_MAX: none does. NULL: they are the same. */
    uint32_t  (*code)(const struct vcpu *v, uint32_t at);
    uint32_t  code_first, code_bytes;   /* the real addresses where that is so */
    /* The name of a real code address of its own, or NULL. */
    const char *(*symbol)(const struct vcpu *v, uint32_t at, char *buf, unsigned room);
};
extern const struct cpu_strategy *const cpu_strategies[]; /* null-terminated, in teaching order */
const struct cpu_strategy *cpu_strategy_find(const char *name); /* NULL if there is none */

#endif
