/* Grant tables: which frames another domain may map or copy, as the guest writes it into memory that it shares with us.
 *
 *   grant entry, 8 bytes: u16 flags (bits 1-0: 1 permits access; 2 read-only; 3, 4: in use for reading, writing) | u16 domain | u32 frame
 *
 * Idea: the granter needs no hypercall; it writes the domain and frame, then the flags. Who maps says which entry; the hypervisor
 * checks it, marks it in use, and makes the page-table entry like any other, so that all counts are kept (mmu/direct.h).
 * A frame of another domain counts as any that is mapped: its owner cannot give it back, or make a table of it, before it is let go.
 * Transfer gives a frame away for good, to a domain whose table says that it would take one.
 * Xen 3 grant_table.h, entries of version 1. Not offered: unmap_and_replace. */
#include <stddef.h>
#include <string.h>

#include "sim/vmm/paravirt.h"

enum { MAP, UNMAP, SETUP, DUMP, TRANSFER, COPY, QUERY };
enum { GRANTS_IN_FRAME = PAGE_SIZE / 8, GRANTS = PV_GRANT_FRAMES * GRANTS_IN_FRAME };
enum { GRANT_TYPE = 3, GRANT_ACCESS = 1, GRANT_ACCEPT = 2, GRANT_READONLY = 4, GRANT_READING = 8, GRANT_WRITING = 16,
       GRANT_COMMITTED = 4, GRANT_COMPLETED = 8 /* of an accepting entry */ };
enum { MAP_DEVICE = PV_MAP_DEVICE, MAP_HOST = PV_MAP_HOST, MAP_READONLY = PV_MAP_READONLY, MAP_USER = PV_MAP_USER, MAP_ENTRY = PV_MAP_ENTRY };
enum { COPY_SOURCE_GRANT = 1, COPY_TO_GRANT = 2 };
enum { /* status of one operation */
    OKAY = 0, GENERAL_ERROR = -1, BAD_DOMAIN = -2, BAD_REF = -3, BAD_HANDLE = -4, BAD_ADDRESS = -5, NO_SPACE = -7, BAD_PAGE = -9,
    PERMISSION_DENIED = -8, BAD_COPY = -10
};

struct map_op { uint32_t host, host_high, flags, ref; uint16_t domain; int16_t status; uint32_t handle, bus, bus_high; };
struct unmap_op { uint32_t host, host_high, bus, bus_high, handle; int16_t status; uint16_t unused; };
struct setup_op { uint16_t domain, unused; uint32_t frames; int16_t status; uint16_t unused2; uint32_t list; };
struct copy_end { uint32_t what; uint16_t domain, offset; };
struct copy_op { struct copy_end from, to; uint16_t length, flags; int16_t status; uint16_t unused; };
struct transfer_op { uint32_t frame; uint16_t domain, unused; uint32_t ref; int16_t status; uint16_t unused2; };
struct query_op { uint16_t domain, unused; uint32_t frames, most; int16_t status; uint16_t unused2; };

/* ---- the guest's table */

static uint32_t grant_frame(const struct paravirt *p, uint32_t ref) { return p->grant + ref / GRANTS_IN_FRAME; }
static uint32_t grant_offset(uint32_t ref) { return ref % GRANTS_IN_FRAME * 8; }

static uint16_t grant_flags(const struct paravirt *p, uint32_t ref)
{
    return (uint16_t)pv_frame_read(p, grant_frame(p, ref), grant_offset(ref), 2);
}

/* Is `ref` a grant of q's to p, for reading or for writing? Then its frame. */
static int16_t check_grant(const struct paravirt *q, const struct paravirt *p, uint32_t ref, bool write, uint32_t *frame)
{
    if (ref >= GRANTS) return BAD_REF;
    uint16_t flags = grant_flags(q, ref), domain = (uint16_t)pv_frame_read(q, grant_frame(q, ref), grant_offset(ref) + 2, 2);
    bool to_p = domain == pv_id(p) || (p == q && domain == XEN_DOM_SELF);
    if ((flags & GRANT_TYPE) != GRANT_ACCESS || !to_p) return BAD_REF;
    if (write && (flags & GRANT_READONLY)) return GENERAL_ERROR;
    *frame = pv_frame_read(q, grant_frame(q, ref), grant_offset(ref) + 4, 4);
    return direct_owns(q->mmu, *frame) ? OKAY : GENERAL_ERROR;
}

static uint16_t uses_of(const struct paravirt *p, uint16_t domain, uint32_t ref)
{
    uint16_t flags = 0;
    for (unsigned i = 0; i < PV_MAPS; i++) {
        const struct pv_map *m = &p->map[i];
        if (m->flags && m->ref == ref && m->domain == domain)
            flags |= m->flags & MAP_READONLY ? (uint16_t)GRANT_READING : (uint16_t)(GRANT_READING | GRANT_WRITING);
    }
    return flags;
}

/* The marks that keep the granter q from taking the grant back: those of all mappings of it, whosever they are. */
static void mark_in_use(struct paravirt *q, uint32_t ref)
{
    const struct vmm *h = q->v->vmm;
    uint16_t flags = grant_flags(q, ref) & (uint16_t)~(GRANT_READING | GRANT_WRITING);
    for (unsigned i = 0; i < h->vms; i++)
        if (h->vm[i].vcpu.pv) flags |= uses_of(h->vm[i].vcpu.pv, pv_id(q), ref);
    pv_frame_write(q, grant_frame(q, ref), grant_offset(ref), 2, flags);
}

/* ---- mapping */

/* The table entry that is to hold the mapping: named by its machine address, or by the linear address it maps. */
static bool entry_at(struct paravirt *p, uint32_t flags, uint32_t host, hpa_t *at)
{
    *at = hpa(host);
    if (!(flags & MAP_ENTRY)) return !(host & (PAGE_SIZE - 1)) && direct_entry(p->mmu, gva(host), at) == DIRECT_OK;
    uint32_t frame = host >> PAGE_SHIFT;
    return !(host & (direct_bytes(p->mmu) - 1)) && direct_owns(p->mmu, frame) && p->mmu->frame[frame].uses && p->mmu->frame[frame].type == FRAME_L1;
}

/* `frame` is one that this domain was granted, or its own. */
static enum direct_rule hold(struct paravirt *p, uint32_t frame, bool write)
{
    p->mmu->granted = frame;
    enum direct_rule rule = write ? direct_take(p->mmu, frame, FRAME_WRITABLE) : direct_get(p->mmu, frame);
    p->mmu->granted = FRAME_NONE;
    return rule;
}

static void let_go(struct paravirt *p, uint32_t frame, bool write)
{
    if (write) direct_drop(p->mmu, frame);
    else direct_put(p->mmu, frame);
}

static int16_t map_host(struct paravirt *p, const struct map_op *o, uint32_t frame)
{
    hpa_t at;
    uint32_t entry = frame << PAGE_SHIFT | PTE_P | PTE_A | PTE_D | (o->flags & MAP_READONLY ? 0u : (uint32_t)PTE_W) |
                     (o->flags & MAP_USER ? (uint32_t)PTE_U : 0u);
    if (o->host_high || !entry_at(p, o->flags, o->host, &at)) return BAD_ADDRESS;
    p->mmu->granted = frame;
    enum direct_rule rule = direct_update(p->mmu, at, entry);
    p->mmu->granted = FRAME_NONE;
    return rule ? GENERAL_ERROR : OKAY;
}

/* The frame is seen by those who look at this domain's memory for it. */
static void show(struct paravirt *p, uint32_t frame, bool seen)
{
    if (!direct_owns(p->mmu, frame)) p->v->vm->bus.map[frame] = seen ? frame : FRAME_NONE;
}

static int16_t map(struct paravirt *p, struct map_op *o)
{
    uint32_t frame, handle = 0;
    bool write = !(o->flags & MAP_READONLY);
    struct paravirt *q = pv_domain(p, o->domain);
    if (!q) return BAD_DOMAIN;
    if (!(o->flags & (MAP_DEVICE | MAP_HOST))) return BAD_REF;
    int16_t status = check_grant(q, p, o->ref, write, &frame);
    if (status) return status;
    while (handle < PV_MAPS && p->map[handle].flags) handle++;
    if (handle == PV_MAPS) return NO_SPACE;
    if ((o->flags & MAP_DEVICE) && hold(p, frame, write)) return GENERAL_ERROR;
    if ((o->flags & MAP_HOST) && (status = map_host(p, o, frame)) != OKAY) {
        if (o->flags & MAP_DEVICE) let_go(p, frame, write);
        return status;
    }
    p->map[handle] = (struct pv_map){ o->ref, frame, pv_id(q), (uint8_t)(o->flags & 31) };
    show(p, frame, true);
    mark_in_use(q, o->ref);
    p->stats.maps++;
    o->handle = handle;
    o->bus = frame << PAGE_SHIFT;
    o->bus_high = 0;
    return OKAY;
}

/* The entry must be the mapping's. If the guest has overwritten it by itself, there is nothing left to undo. */
static int16_t unmap_host(struct paravirt *p, const struct unmap_op *o, const struct pv_map *m)
{
    hpa_t at;
    if (o->host_high || !entry_at(p, m->flags, o->host, &at)) return BAD_ADDRESS;
    uint64_t entry = direct_load(p->mmu, at);
    if (!(entry & PTE_P) || direct_frame(entry) != m->frame) return GENERAL_ERROR;
    if (direct_update(p->mmu, at, 0)) return GENERAL_ERROR;
    direct_flush(p->mmu);
    return OKAY;
}

/* A mapping is gone: the granter may know, and the frame be seen no longer if there is no other. */
static void forget(struct paravirt *p, const struct pv_map *m)
{
    struct paravirt *q = pv_vm(p->v->vmm, m->domain)->vcpu.pv;
    if (!m->flags && !pv_lent(p, m->frame, false)) show(p, m->frame, false);
    mark_in_use(q, m->ref);
}

static int16_t unmap(struct paravirt *p, const struct unmap_op *o)
{
    if (o->handle >= PV_MAPS || !p->map[o->handle].flags) return BAD_HANDLE;
    struct pv_map *m = &p->map[o->handle];
    if (!(m->flags & MAP_READONLY)) pv_stored(p, m->frame); /* perhaps, and nobody has seen it */
    if (o->host && (m->flags & MAP_HOST)) {
        int16_t status = unmap_host(p, o, m);
        if (status) return status;
        m->flags &= (uint8_t)~MAP_HOST;
    }
    if ((o->bus || o->bus_high) && (m->flags & MAP_DEVICE)) {
        if (o->bus_high || o->bus >> PAGE_SHIFT != m->frame) return GENERAL_ERROR;
        let_go(p, m->frame, !(m->flags & MAP_READONLY));
        m->flags &= (uint8_t)~MAP_DEVICE;
    }
    if (!(m->flags & (MAP_HOST | MAP_DEVICE))) m->flags = 0;
    forget(p, m);
    return OKAY;
}

/* Its tables have let go already. */
void pv_unmap_all(struct paravirt *p)
{
    for (unsigned i = 0; i < PV_MAPS; i++) {
        struct pv_map *m = &p->map[i];
        if (!m->flags) continue;
        if (!(m->flags & MAP_READONLY)) pv_stored(p, m->frame);
        if (m->flags & MAP_DEVICE) let_go(p, m->frame, !(m->flags & MAP_READONLY));
        m->flags = 0;
        forget(p, m);
    }
}

/* ---- copying */

/* The frame at one end of a copy, held; `write`: the copy goes there. */
static int16_t hold_end(struct paravirt *p, const struct copy_end *e, bool grant, bool write, uint32_t *frame)
{
    int16_t status = OKAY;
    struct paravirt *q = pv_domain(p, e->domain);
    if (grant ? !q : q != p) return grant ? BAD_DOMAIN : PERMISSION_DENIED;
    *frame = e->what;
    if (grant) status = check_grant(q, p, e->what, write, frame);
    else if (!direct_owns(p->mmu, *frame)) status = GENERAL_ERROR;
    return status ? status : hold(p, *frame, write) ? (int16_t)GENERAL_ERROR : (int16_t)OKAY;
}

static int16_t copy(struct paravirt *p, const struct copy_op *o)
{
    uint8_t bytes[PAGE_SIZE];
    uint32_t from, to;
    struct bus *machine = p->v->vmm->board.bus;
    if (o->from.offset + o->length > PAGE_SIZE || o->to.offset + o->length > PAGE_SIZE) return BAD_COPY;
    int16_t status = hold_end(p, &o->from, o->flags & COPY_SOURCE_GRANT, false, &from);
    if (status) return status;
    status = hold_end(p, &o->to, o->flags & COPY_TO_GRANT, true, &to);
    if (!status) {
        bus_peek(machine, hpa(from << PAGE_SHIFT | o->from.offset), bytes, o->length);
        pv_stored(p, to);
        bus_poke(machine, hpa(to << PAGE_SHIFT | o->to.offset), bytes, o->length);
        for (uint32_t i = 0; i < o->length; i += 4) pv_charge(p, COST_MEM_REF);
        p->stats.copies++;
        p->stats.copied += o->length;
        let_go(p, to, true);
    }
    let_go(p, from, false);
    return status;
}

/* ---- giving away */

/* The receiver has an entry that accepts a frame from this domain; the hypervisor writes the frame there and says so. The frame must
 * be mapped nowhere, and the receiver have room for it. */
static int16_t transfer(struct paravirt *p, const struct transfer_op *o)
{
    struct paravirt *q = pv_domain(p, o->domain);
    if (!q || q == p) return BAD_DOMAIN;
    if (!direct_owns(p->mmu, o->frame)) return BAD_PAGE;
    if (o->ref >= GRANTS) return BAD_REF;
    uint32_t at = grant_offset(o->ref), table = grant_frame(q, o->ref);
    if (grant_flags(q, o->ref) != GRANT_ACCEPT || pv_frame_read(q, table, at + 2, 2) != pv_id(p)) return BAD_REF;
    if (q->mmu->owned >= q->limit) return NO_SPACE;
    if (!direct_transfer(p->mmu, o->frame, q->mmu)) return BAD_PAGE;
    pv_frame_write(q, table, at, 2, GRANT_ACCEPT | GRANT_COMMITTED);
    pv_frame_write(q, table, at + 4, 4, o->frame);
    pv_frame_write(q, table, at, 2, GRANT_ACCEPT | GRANT_COMMITTED | GRANT_COMPLETED);
    pv_set_m2p(p, o->frame, UINT32_MAX);
    pv_set_m2p(q, o->frame, UINT32_MAX); /* its owner will tell */
    return OKAY;
}

/* ---- the table itself */

static int32_t setup(struct paravirt *p, uint32_t at)
{
    struct setup_op o;
    uint32_t list[PV_GRANT_FRAMES];
    if (!pv_read(p, at, &o, sizeof o)) return -XEN_EFAULT;
    o.status = o.frames > PV_GRANT_FRAMES ? GENERAL_ERROR : pv_is_me(p, o.domain) ? OKAY : PERMISSION_DENIED;
    for (uint32_t i = 0; i < PV_GRANT_FRAMES; i++) list[i] = p->grant + i;
    if (!o.status && !pv_write(p, o.list, list, o.frames * 4)) return -XEN_EFAULT;
    return pv_write(p, at, &o, sizeof o) ? 0 : -XEN_EFAULT;
}

static int32_t query(struct paravirt *p, uint32_t at)
{
    struct query_op o;
    if (!pv_read(p, at, &o, sizeof o)) return -XEN_EFAULT;
    o.frames = o.most = PV_GRANT_FRAMES;
    o.status = pv_is_me(p, o.domain) ? OKAY : BAD_DOMAIN;
    return pv_write(p, at, &o, sizeof o) ? 0 : -XEN_EFAULT;
}

union grant_op { struct map_op map; struct unmap_op unmap; struct copy_op copy; struct transfer_op transfer; };

static int32_t one(struct paravirt *p, uint32_t cmd, uint32_t at, uint32_t size)
{
    union grant_op o;
    memset(&o, 0, sizeof o);
    if (!pv_read(p, at, &o, size)) return -XEN_EFAULT;
    if (cmd == MAP) o.map.status = map(p, &o.map);
    else if (cmd == UNMAP) o.unmap.status = unmap(p, &o.unmap);
    else if (cmd == TRANSFER) o.transfer.status = transfer(p, &o.transfer);
    else o.copy.status = copy(p, &o.copy);
    return pv_write(p, at, &o, size) ? 0 : -XEN_EFAULT;
}

/* arg: operation, list of structures, count. Each structure tells its own status. */
int32_t pv_grant_table_op(struct paravirt *p, const uint32_t arg[6])
{
    static const uint8_t sizes[] = { [MAP] = sizeof(struct map_op), [UNMAP] = sizeof(struct unmap_op), [COPY] = sizeof(struct copy_op),
                                     [TRANSFER] = sizeof(struct transfer_op) };
    if (arg[0] == SETUP || arg[0] == QUERY) {
        if (arg[2] != 1) return -XEN_EINVAL;
        return arg[0] == SETUP ? setup(p, arg[1]) : query(p, arg[1]);
    }
    uint32_t size = arg[0] < sizeof sizes ? sizes[arg[0]] : 0;
    if (!size) return -XEN_ENOSYS;
    int32_t result = 0;
    for (uint32_t i = 0; i < arg[2] && !result; i++) {
        if (i && pv_long(p)) return pv_continue(p, arg[0], arg[1] + i * size, arg[2] - i, 0);
        result = one(p, arg[0], arg[1] + i * size, size);
    }
    return result;
}
