// The control interface: what programs of the service domain ask about other domains, and do to them. Its kernel makes the hypercall.
//
// Idea: before a domain is built anew nobody may use what the old one had, so the service's process lets go of it first, and welcomes the new
// one. An image comes from a program, a piece at a time, through a page of the kernel's: the hypervisor reads no program's memory.
// Manual: Xen public headers, domctl.h; the commands that load an image are this hypervisor's own.
// Not here: domains of other sizes.
#include "mini/kernel.h"
#include "mini/pv.h"
#include "mini/service.h"

int control(struct domctl *op) { return hypercall(HC_DOMCTL, op); }

static int load(struct domctl *op, const struct domain_piece *p)
{
    static uint8_t piece[DISK_PIECE] __attribute__((aligned(DISK_PIECE)));
    if (p->bytes > sizeof piece) return E_INVAL;
    fs_enter(); // one at a time
    int error = space_read(&current->space, p->from, piece, p->bytes) ? 0 : E_FAULT;
    op->piece = (struct domain_piece){ p->at, p->bytes, (uint32_t)piece };
    if (!error) error = control(op);
    fs_leave();
    return error;
}

static int build(struct domctl *op, const struct domain_image *i)
{
    char cmdline[DOMAIN_CMDLINE];
    if (!space_read_text(&current->space, i->cmdline, cmdline, sizeof cmdline)) return E_FAULT;
    op->image = *i;
    op->image.cmdline = (uint32_t)cmdline;
    return service_change(op);
}

// It has to be over, or there is nothing to let go of.
static int change(struct domctl *op)
{
    struct domctl now = { .command = DOMAIN_INFO, .version = DOMCTL_VERSION, .domain = op->domain };
    int error = control(&now);
    if (error) return error;
    if (now.info.domain != op->domain) return E_SRCH;
    return now.info.flags & DOMAIN_SHUTDOWN ? service_change(op) : E_EXIST;
}

int arch_domain(uint32_t operation, uint32_t domain, uint32_t record)
{
    struct domctl op = { .command = operation, .version = DOMCTL_VERSION, .domain = (uint16_t)domain };
    struct domain_piece piece;
    struct domain_image image;
    if (!arch_service()) return control(&op); // which says no
    switch (operation) {
    case DOMAIN_CREATE:
    case DOMAIN_EMPTY: return change(&op);
    case DOMAIN_LOAD: return space_read(&current->space, record, &piece, sizeof piece) ? load(&op, &piece) : E_FAULT;
    case DOMAIN_BUILD: return space_read(&current->space, record, &image, sizeof image) ? build(&op, &image) : E_FAULT;
    default: break;
    }
    int error = control(&op);
    return error || operation != DOMAIN_INFO ? error : space_write(&current->space, record, &op.info, sizeof op.info) ? 0 : E_FAULT;
}
