/* The service domain dies, and is built anew: the guests that it served live on, and find another one. See paravirt.h.
 *
 * Idea: its image was put aside when it was built. What it had mapped of others is theirs again, its channels' other ends wait for somebody
 * new, so a fresh kernel in the same frames can introduce itself to everybody, as the first one did. Whatever it knew is lost; what its
 * guests may rely on stands in their own memory: rings, grants, the store's pages. A domain that dies again and again is given up,
 * and its guests are ended with that as the cause: they would wait for it for ever. The control
 * interface has other domains built in the same way (paravirt_control.c).
 * Fraser et al., Safe Hardware Access with the Xen Virtual Machine Monitor, OASIS 2004 (restarting a driver domain). Not modelled:
 * a service domain whose frames another one has now and none are free, or still has mapped (it is not built anew), devices that are reset by hardware. */
#include <string.h>

#include "sim/vmm/paravirt.h"

enum { LIVES = 16, IN_VAIN = 3 /* of them, in a row, in which it told nobody anything */ };

void pv_keep_image(struct paravirt *p, const struct pv_image *i)
{
    struct vm *vm = p->v->vm;
    uint32_t end = i->mod_len && i->mod_start + i->mod_len > i->end ? i->mod_start + i->mod_len : i->end;
    bool wanted = pv_is_service(p) || (vm->vmm->service && vm->vmm->board.setting[SETTING_SPLIT_CONTROL]);
    if (!wanted || p->kept || vm->later) return; /* who is made later is made of what is given then */
    char *cmdline = arena_alloc(vm->vmm->board.arena, strlen(i->cmdline) + 1);
    strcpy(cmdline, i->cmdline);
    p->kept = arena_alloc(vm->vmm->board.arena, end);
    p->kept_bytes = end;
    p->image = *i;
    p->image.cmdline = cmdline;
    bus_peek(&vm->pseudo, hpa(0), p->kept, end);
}

/* Nobody else uses any of its frames. */
static bool memory_is_free(const struct paravirt *p)
{
    for (uint32_t i = 0; i < p->v->vm->frames; i++) {
        uint32_t frame = p->v->vm->pseudo.map[i];
        const struct direct_frame *f = &p->mmu->frame[frame];
        if (direct_owns(p->mmu, frame) && (!f->allocated || f->refs != 1 || f->uses)) return false;
    }
    return true;
}

/* Is the frame one of those that it had from the beginning? What it told the list of numbers counts no longer. */
static bool is_from_the_beginning(const struct paravirt *p, uint32_t frame)
{
    const struct vm *vm = p->v->vm;
    uint32_t page = pv_frame_read(p, p->m2p + (frame >> 10), (frame & 1023) * 4, 4);
    return page < vm->frames && vm->pseudo.map[page] == frame;
}

/* What it asked for goes, and free frames come instead of those that it gave back. */
static bool make_whole(struct paravirt *p)
{
    struct vm *vm = p->v->vm;
    uint32_t *map = vm->pseudo.map, kept = 0;
    for (uint32_t i = 0; i < vm->frames; i++) kept += direct_owns(p->mmu, map[i]);
    if (kept == vm->frames && p->mmu->owned == kept) return true;
    for (uint32_t i = 0; i < vm->frames; i++)
        if (direct_owns(p->mmu, map[i])) pv_set_m2p(p, map[i], i);
    for (uint32_t n = 0; n < p->mmu->frames; n++)
        if (direct_owns(p->mmu, n) && p->mmu->frame[n].owner == OWNER_GUEST && !is_from_the_beginning(p, n) && !direct_release(p->mmu, n)) return false;
    for (uint32_t i = 0; i < vm->frames; i++) {
        if (direct_owns(p->mmu, map[i])) continue;
        if (!direct_allocate(p->mmu, &map[i])) return false;
        pv_set_m2p(p, map[i], i);
    }
    return true;
}

static void clear(const struct paravirt *p, uint32_t frame, uint32_t frames)
{
    for (uint32_t i = 0; i < frames * PAGE_SIZE; i += 4) pv_frame_write(p, frame + i / PAGE_SIZE, i % PAGE_SIZE, 4, 0);
}

static void forget(struct paravirt *p)
{
    struct vm *vm = p->v->vm;
    timeq_cancel(&vm->timers, &p->singleshot);
    timeq_cancel(&vm->timers, &p->periodic);
    timeq_cancel(&vm->timers, &p->poll_timer);
    memset(p->trap, 0, sizeof p->trap);
    p->event = p->failsafe = (struct pv_far){ 0, 0 };
    p->failsafe_masks = p->input_waits = p->polls = false;
    p->assists = p->iopl = 0;
    pv_init_int80(p);
    vm->paused = vm->off = false;
    vm->exited = vm->dead = vm->halted = vm->reset = vm->interpreting = false;
    vm->exit_code = vm->dead_eip = 0;
    vm->first = (struct fault){ 0 };
    p->v->virt.halted = false;
    p->v->virt.cr2 = 0;
}

bool pv_empty(struct paravirt *p)
{
    struct vm *vm = p->v->vm;
    if (p->lives >= LIVES) return false;
    if (p->console) { /* it was built before */
        pv_drop_tables(p);
        direct_drop(p->mmu, p->console);
        direct_drop(p->mmu, p->store);
        p->console = p->store = 0;
    }
    if (!memory_is_free(p) || !make_whole(p)) return false;
    p->lives++;
    clear(p, p->shared, 1);
    clear(p, p->grant, PV_GRANT_FRAMES);
    for (uint32_t i = 0; i < vm->frames; i++) clear(p, vm->pseudo.map[i], 1);
    return true;
}

bool pv_rebuild(struct paravirt *p, const struct pv_image *i, struct err *e)
{
    forget(p);
    if (!pv_build(p->v->vm, i, e)) {
        p->v->vm->off = true; /* it is over, still */
        return false;
    }
    p->fresh = true;
    p->v->root = p->v->virt.cr3 = p->mmu->base << PAGE_SHIFT;
    return true;
}

static bool build(struct vcpu *v)
{
    struct paravirt *p = v->pv;
    struct err e;
    if (!p || !p->kept || !pv_empty(p)) return false;
    bus_poke(&v->vm->pseudo, hpa(0), p->kept, p->kept_bytes);
    return pv_rebuild(p, &p->image, &e);
}

void pv_start_again(struct paravirt *p)
{
    static const uint32_t none[6] = { 7, 0x400 };
    p->fresh = false;
    (void)pv_set_debugreg(p, none);
    p->v->ops->start(p->v);
}

/* It would do the same once more: it told nobody anything, as often as that. */
static bool in_vain(struct paravirt *p)
{
    p->vain = p->stats.sent == p->sent ? p->vain + 1 : 0;
    p->sent = p->stats.sent;
    return p->vain >= IN_VAIN;
}

void pv_give_up(struct vmm *h)
{
    for (unsigned i = 1; i < h->vms; i++) {
        struct vm *vm = &h->vm[i];
        if (vm->account.state == VM_OVER) continue;
        vm->paused = false;
        vm_die(&vm->vcpu, DEATH_SERVICE);
    }
    h->schedule.look = true;
}

bool pv_again(struct vcpu *v)
{
    if (v->pv && in_vain(v->pv)) return false;
    if (!build(v)) return false;
    pv_start_again(v->pv);
    return true;
}

bool pv_build_again(struct vcpu *v) { return build(v); }
