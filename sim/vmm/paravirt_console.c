/* Words in and out: the emergency console, the console ring, and what a guest may ask about its hypervisor. See paravirt.h.
 *
 * The ring's other end is the hypervisor's, which reads it when the guest signals; or, if there is a service domain and --set split.console=1,
 * that domain's, with a line of the serial card for each guest.
 * Xen 3 io/console.h, version.h. */
#include <string.h>

#include "sim/cpu/debug.h"
#include "sim/cpu/segment.h"
#include "sim/vmm/host.h"
#include "sim/vmm/paravirt.h"

/* struct xencons_interface */
enum { RING_IN = 0, RING_IN_SIZE = 1024, RING_OUT = 1024, RING_OUT_SIZE = 2048, RING_IN_CONS = 3072, RING_IN_PROD = 3076,
       RING_OUT_CONS = 3080, RING_OUT_PROD = 3084 };

bool pv_console_is_split(const struct paravirt *p)
{
    const struct vmm *h = p->v->vmm;
    return h->service && h->board.setting[SETTING_SPLIT_CONSOLE] && !pv_is_service(p);
}

/* What finds no room waits in the real UART, and its line with it. */
void pv_console_input(struct paravirt *p)
{
    uint32_t cons = pv_frame_read(p, p->console, RING_IN_CONS, 4), old = pv_frame_read(p, p->console, RING_IN_PROD, 4), prod = old;
    uint8_t byte;
    if (!direct_owns(p->mmu, p->console)) return;
    while (prod - cons < RING_IN_SIZE && host_serial_get(p->v->vm, &byte))
        pv_frame_write(p, p->console, RING_IN + (prod++ & (RING_IN_SIZE - 1)), 1, byte);
    p->input_waits = prod - cons >= RING_IN_SIZE;
    if (prod == old) return;
    pv_frame_write(p, p->console, RING_IN_PROD, 4, prod);
    pv_raise(p, p->console_port);
}

void pv_console_notify(struct paravirt *p)
{
    if (p->input_waits) pv_console_input(p);
    uint32_t cons = pv_frame_read(p, p->console, RING_OUT_CONS, 4), prod = pv_frame_read(p, p->console, RING_OUT_PROD, 4);
    if (!direct_owns(p->mmu, p->console) || prod - cons > RING_OUT_SIZE || prod == cons) return;
    for (; cons != prod; cons++)
        host_serial(p->v->vm, (uint8_t)pv_frame_read(p, p->console, RING_OUT + (cons & (RING_OUT_SIZE - 1)), 1));
    pv_frame_write(p, p->console, RING_OUT_CONS, 4, cons);
    pv_raise(p, p->console_port); /* there is room again */
}

static int32_t console_write(struct paravirt *p, uint32_t count, uint32_t at)
{
    char text[128];
    while (count) {
        uint32_t n = count < sizeof text ? count : (uint32_t)sizeof text;
        if (!pv_read(p, at, text, n)) return -XEN_EFAULT;
        for (uint32_t i = 0; i < n; i++, at++, count--) {
            if (i && pv_long(p)) return pv_continue(p, XEN_CONSOLE_WRITE, count, at, 0); /* a line is slow */
            host_serial(p->v->vm, (uint8_t)text[i]);
        }
    }
    return 0;
}

static int32_t console_read(struct paravirt *p, uint32_t count, uint32_t at)
{
    uint32_t n = 0;
    uint8_t byte;
    for (; n < count && host_serial_get(p->v->vm, &byte); n++)
        if (!pv_write(p, at + n, &byte, 1)) return -XEN_EFAULT;
    return (int32_t)n;
}

/* arg: operation, count, text. */
int32_t pv_console_io(struct paravirt *p, const uint32_t arg[6])
{
    switch (arg[0]) {
    case XEN_CONSOLE_WRITE: return console_write(p, arg[1], arg[2]);
    case XEN_CONSOLE_READ: return console_read(p, arg[1], arg[2]);
    default: return -XEN_ENOSYS;
    }
}

static int32_t put_text(struct paravirt *p, uint32_t at, const char *text, uint32_t size)
{
    char out[1024] = "";
    memcpy(out, text, strlen(text));
    return pv_write(p, at, out, size) ? 0 : -XEN_EFAULT;
}

static int32_t compile_info(struct paravirt *p, uint32_t at)
{
    char info[64 + 16 + 32 + 32] = "C17";
    memcpy(info + 64, "ringside", 8);
    return pv_write(p, at, info, sizeof info) ? 0 : -XEN_EFAULT;
}

/* { index, u32 bits }: only submap 0 has any; but for L3s with PAE none is needed by a kernel that fills in everything itself. */
static int32_t features(struct paravirt *p, uint32_t at)
{
    uint32_t r[2];
    if (!pv_read(p, at, r, sizeof r)) return -XEN_EFAULT;
    if (r[0]) return -XEN_EINVAL;
    r[1] = pv_pae(p) ? 1u << XEN_FEATURE_PAE_CR3 : 0;
    return pv_write(p, at, r, sizeof r) ? 0 : -XEN_EFAULT;
}

/* arg: operation, where the answer goes. Operation 0 is also the cheapest way to have pending events delivered. */
int32_t pv_xen_version(struct paravirt *p, const uint32_t arg[6])
{
    enum { VERSION, EXTRA, COMPILE, CAPABILITIES, CHANGESET, PARAMETERS, FEATURES, PAGESIZE, HANDLE };
    const uint32_t hole = direct_hole(p->mmu);
    static const uint8_t handle[16] = { 0 };
    switch (arg[0]) {
    case VERSION: return XEN_MAJOR << 16 | XEN_MINOR;
    case EXTRA: return put_text(p, arg[1], ".0-ringside", 16);
    case COMPILE: return compile_info(p, arg[1]);
    case CAPABILITIES: return put_text(p, arg[1], pv_pae(p) ? XEN_PAE_MAGIC " " : XEN_MAGIC " ", 1024);
    case CHANGESET: return put_text(p, arg[1], "unavailable", 64);
    case PARAMETERS: return pv_write(p, arg[1], &hole, 4) ? 0 : -XEN_EFAULT;
    case FEATURES: return features(p, arg[1]);
    case PAGESIZE: return PAGE_SIZE;
    case HANDLE: return pv_write(p, arg[1], handle, sizeof handle) ? 0 : -XEN_EFAULT;
    default: return -XEN_ENOSYS;
    }
}

/* ---- debug registers */

static bool breakpoints_ok(uint32_t dr7)
{
    if (dr7 & DR7_GD) return false;
    for (unsigned n = 0; n < 4; n++)
        if ((dr7 >> (16 + 4 * n) & 3) == 2) return false; /* on ports: not the guest's */
    return true;
}

/* arg: number, value. Breakpoints of the guest's are the real ones; none may watch the hypervisor. */
int32_t pv_set_debugreg(struct paravirt *p, const uint32_t arg[6])
{
    struct cpu *real = p->v->vmm->board.cpu, *c = &p->v->virt;
    uint32_t n = arg[0], value = arg[1];
    if (n > 7 || n == 4 || n == 5) return -XEN_EINVAL;
    if (n < 4 && value >= direct_hole(p->mmu)) return -XEN_EPERM;
    if (n == 7 && !breakpoints_ok(value)) return -XEN_EPERM;
    debug_set(c, n, value);
    if (n != 6) debug_set(real, n, value);
    pv_charge(p, COST_SYSTEM);
    return 0;
}

/* arg: number. */
int32_t pv_get_debugreg(struct paravirt *p, const uint32_t arg[6])
{
    return arg[0] > 7 || arg[0] == 4 || arg[0] == 5 ? -XEN_EINVAL : (int32_t)p->v->virt.dr[arg[0]];
}

/* ---- what there is little of */

/* arg: enable or disable, which. */
int32_t pv_vm_assist(struct paravirt *p, const uint32_t arg[6])
{
    bool there = arg[1] == XEN_ASSIST_WRITABLE_TABLES || arg[1] == XEN_ASSIST_4GB || (pv_pae(p) && arg[1] == XEN_ASSIST_PAE_CR3);
    if (!there) return -XEN_EINVAL;
    switch (arg[0]) {
    case XEN_ASSIST_ENABLE: p->assists |= 1u << arg[1]; return 0;
    case XEN_ASSIST_DISABLE: p->assists &= ~(1u << arg[1]); return 0;
    default: return -XEN_ENOSYS;
    }
}

/* arg: register or unregister, structure. There are no such interrupts here. */
int32_t pv_nmi_op(struct paravirt *p, const uint32_t arg[6])
{
    (void)p;
    return arg[0] <= 1 ? 0 : -XEN_ENOSYS;
}
