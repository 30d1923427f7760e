/* A domain that the machine did not begin with: made of an image that the service domain gives. See paravirt.h.
 *
 *   empty: the domain's frames are zeros       load: a piece of the image into them       build: page tables, lists, start_info; it runs
 *
 *   struct xen_domctl, then   load:  u32 pseudo-physical address | u32 bytes | u32 linear address of the piece
 *                             build: u32 virtual base | entry | end of the image | hypercall page | linear address of the command line
 *
 * Idea: who reads the file and finds its parts is a program of the service domain. What the hypervisor's domain builder does for the domains
 * that are there from the beginning it does here, too, so whatever is said of the image is checked as a loader would check it.
 * The commands are our own. In Xen 3 the builder in domain 0 maps the new domain's frames and makes its first page tables itself
 * (tools/libxc, setvcpucontext), which the hypervisor then validates. Not modelled: domains of a size that the machine did not plan, PAE
 * kernels, initial RAM disks. */
#include <string.h>

#include "sim/vmm/paravirt.h"

enum { EMPTY = 64, LOAD, BUILD, HEAD = 16, CMDLINE = 256 };

struct piece { uint32_t at, bytes, from; };
struct parts { uint32_t base, entry, end, hypercalls, cmdline; };

static int32_t empty(struct paravirt *p, struct paravirt *to, uint32_t arg)
{
    (void)p, (void)arg;
    to->loading = pv_empty(to);
    return to->loading ? 0 : -XEN_EBUSY;
}

/* Whole words: the last one's rest is zeros, as is what lies behind. */
static int32_t load(struct paravirt *p, struct paravirt *to, uint32_t arg)
{
    struct piece c;
    uint32_t word[PAGE_SIZE / 4] = { 0 };
    const struct vm *vm = to->v->vm;
    if (!to->loading) return -XEN_EBUSY;
    if (!pv_read(p, arg, &c, sizeof c)) return -XEN_EFAULT;
    if (c.at & 3 || c.bytes > PAGE_SIZE || c.at > vm->frames * PAGE_SIZE || c.bytes > vm->frames * PAGE_SIZE - c.at) return -XEN_EINVAL;
    if (!pv_read(p, c.from, word, c.bytes)) return -XEN_EFAULT;
    for (uint32_t i = 0; i < c.bytes; i += 4)
        pv_frame_write(p, vm->pseudo.map[(c.at + i) >> PAGE_SHIFT], (c.at + i) & (PAGE_SIZE - 1), 4, word[i / 4]);
    return 0;
}

static int32_t build(struct paravirt *p, struct paravirt *to, uint32_t arg)
{
    struct parts i;
    struct err e;
    char cmdline[CMDLINE + 1] = "";
    struct vm *vm = to->v->vm;
    uint32_t bytes = vm->frames * PAGE_SIZE;
    if (!to->loading) return -XEN_EBUSY;
    if (!pv_read(p, arg, &i, sizeof i)) return -XEN_EFAULT;
    for (unsigned n = 0; n < CMDLINE && i.cmdline; n++) {
        if (!pv_read(p, i.cmdline + n, cmdline + n, 1)) return -XEN_EFAULT;
        if (!cmdline[n]) break;
    }
    uint32_t calls = i.hypercalls - i.base;
    if (!i.end || i.end > bytes || i.entry - i.base >= i.end || (i.hypercalls && (calls & (PAGE_SIZE - 1) || i.end < PAGE_SIZE || calls > i.end - PAGE_SIZE)))
        return -XEN_EINVAL;
    struct pv_image image = { .virt_base = i.base, .entry = i.entry, .end = i.end, .hypercall_page = i.hypercalls, .cmdline = cmdline };
    to->loading = false;
    if (!pv_rebuild(to, &image, &e)) return -XEN_EINVAL;
    schedule_state(vm, VM_READY);
    vm->vmm->schedule.look = true;
    return 0;
}

int32_t pv_load_domain(struct paravirt *p, struct vm *vm, uint32_t command, uint32_t arg)
{
    static int32_t (*const operation[])(struct paravirt *p, struct paravirt *to, uint32_t arg) = { empty, load, build };
    if (command < EMPTY || command > BUILD) return -XEN_ENOSYS;
    if (vm->account.state != VM_OVER || vm->gone) return -XEN_EEXIST;
    return operation[command - EMPTY](p, vm->vcpu.pv, arg + HEAD);
}
