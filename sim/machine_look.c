/* Looking at a machine: registers, memory, translations, code, names. Nothing here has effects. See machine.h. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "sim/board.h"
#include "sim/mmu/look.h"
#include "sim/mmu/walk.h"
#include "sim/vmm/lazy_fpu.h"

static bool virtual_(const struct machine *m) { return m->technique->hypervisor; }

/* How the guest that is looked at is executed; and the one that the processor runs. */
static const struct cpu_strategy *technique(const struct machine *m) { return virtual_(m) ? machine_seen(m)->vcpu.ops : m->technique; }
static const struct vcpu *running_one(const struct machine *m) { return &m->b->vmm.now->vcpu; }

static void fill(struct machine_cpu *out, const struct cpu *c)
{
    *out = (struct machine_cpu){
        .eip = c->eip, .eflags = cpu_flags(c), .cr0 = c->cr0, .cr2 = c->cr2, .cr3 = c->cr3, .cr4 = c->cr4, .cpl = c->cpl,
        .halted = c->halted, .ldtr = c->ldtr.sel, .tr = c->tr.sel, .gdt_base = c->gdtr.base, .gdt_limit = c->gdtr.limit,
        .idt_base = c->idtr.base, .idt_limit = c->idtr.limit, .sysenter_cs = (uint32_t)c->msr[MSR_SYSENTER_CS],
        .sysenter_esp = (uint32_t)c->msr[MSR_SYSENTER_ESP], .sysenter_eip = (uint32_t)c->msr[MSR_SYSENTER_EIP],
    };
    memcpy(out->dr, c->dr, sizeof out->dr);
    memcpy(out->reg, c->reg, sizeof out->reg);
    for (unsigned s = 0; s < SEG_COUNT; s++)
        out->seg[s] = (struct machine_seg){ c->seg[s].sel, c->seg[s].ar, c->seg[s].base, c->seg[s].limit };
    out->iflag = (out->eflags & FLAG_IF) != 0;
    out->iopl = (uint8_t)((out->eflags & FLAG_IOPL) >> 12);
}

void machine_cpu(const struct machine *m, struct machine_cpu *real) { fill(real, &m->b->cpu); }

/* The ring the guest on the real processor believes in. */
static uint8_t believed_ring(const struct vcpu *v, const struct cpu *real)
{
    return real->cpl == 1 && !v->ops->aware ? 0 : real->cpl;
}

/* The guest on the real processor, in the guest's terms. */
static void running(const struct vcpu *v, const struct cpu *real, struct vcpu_view *view)
{
    uint8_t cpl = believed_ring(v, real);
    view->eip = real->eip;
    view->eflags = vcpu_virtual_flags(v, cpu_flags(real));
    memcpy(view->reg, real->reg, sizeof view->reg);
    memcpy(view->seg, real->seg, sizeof view->seg);
    view->seg[SEG_CS].sel = (uint16_t)((real->seg[SEG_CS].sel & ~3u) | cpl);
    view->seg[SEG_SS].sel = (uint16_t)((real->seg[SEG_SS].sel & ~3u) | cpl);
    if (v->ops->view) v->ops->view(v, view);
}

/* Does the hardware walk the guest's tables, so that CR3 is the guest's own? Without paging it is not. */
static bool own_tables(const struct vcpu *v)
{
    const struct cpu *real = v->vmm->board.cpu;
    return real->vmx.nonroot && (real->vmx.proc2 & (VMX_PROC2_EPT | VMX_PROC2_AGILE)) == VMX_PROC2_EPT && (v->virt.cr0 & CR0_PG);
}

void machine_guest(const struct machine *m, struct machine_cpu *guest)
{
    const struct cpu *real = &m->b->cpu;
    if (!virtual_(m)) {
        fill(guest, real);
        return;
    }
    const struct vcpu *v = &machine_seen(m)->vcpu;
    bool away = !machine_sees_processor(m) || m->b->vmm.hosted.outside; /* another VM has the processor, or the host */
    if (real->vmx.nonroot && !away) { /* the registers are the guest's own, but for what the VMCS shows it of the control registers */
        fill(guest, real);
        guest->cr0 = vmx_cr_seen(real, 0, real->cr0);
        guest->cr3 = own_tables(v) ? real->cr3 : v->virt.cr3;
        guest->cr4 = vmx_cr_seen(real, 4, real->cr4);
        return;
    }
    struct cpu shown;
    if (v->ops->show) {
        shown = v->virt;
        v->ops->show(v, &shown);
    }
    fill(guest, v->ops->show ? &shown : &v->virt);
    if (away || real->cpl == 0) return; /* the hypervisor runs: its guest is as it was left */
    struct vcpu_view view;
    running(v, real, &view);
    memcpy(guest->reg, view.reg, sizeof guest->reg);
    guest->eip = view.eip;
    guest->eflags = view.eflags;
    guest->iflag = (view.eflags & FLAG_IF) != 0;
    guest->cpl = believed_ring(v, real);
    for (unsigned s = 0; s < SEG_COUNT; s++)
        guest->seg[s] = (struct machine_seg){ view.seg[s].sel, view.seg[s].ar, view.seg[s].base, view.seg[s].limit };
}

uint32_t machine_code(const struct machine *m)
{
    const struct cpu *real = &m->b->cpu;
    uint32_t at = real->seg[SEG_CS].base + real->eip;
    const struct cpu_strategy *s = virtual_(m) ? running_one(m)->ops : m->technique;
    if (!s->code || at - s->code_first >= s->code_bytes) return at;
    return s->code(running_one(m), at);
}

/* CS and EIP, as people count. */
static void whereabouts(const struct machine *m, uint32_t *base, uint32_t *eip)
{
    const struct cpu *real = &m->b->cpu;
    struct vcpu_view view;
    *base = real->seg[SEG_CS].base;
    *eip = real->eip;
    if (!virtual_(m) || real->cpl == 0 || !running_one(m)->ops->view) return;
    running(running_one(m), real, &view);
    *base = view.seg[SEG_CS].base;
    *eip = view.eip;
}

uint32_t machine_eip(const struct machine *m)
{
    uint32_t base, eip;
    whereabouts(m, &base, &eip);
    return eip;
}

uint32_t machine_linear(const struct machine *m)
{
    uint32_t base, eip;
    whereabouts(m, &base, &eip);
    return base + eip;
}

void machine_fpu(const struct machine *m, struct machine_fpu *guest)
{
    const struct fpu seen = virtual_(m) ? lazy_fpu_state(&machine_seen(m)->vcpu) : m->b->cpu.fpu, *f = &seen;
    *guest = (struct machine_fpu){ .control = f->control, .status = f->status, .tag = (uint16_t)fpu_tag_word(f), .cs = f->cs,
                                   .ds = f->ds, .op = f->op, .ip = f->ip, .dp = f->dp };
    for (unsigned i = 0; i < 8; i++) {
        const struct fpu_reg *r = &f->r[fpu_phys(f, i)];
        memcpy(guest->st[i], &r->mantissa, 8);
        memcpy(guest->st[i] + 8, &r->sign_exp, 2);
    }
}

enum machine_place machine_place(const struct machine *m)
{
    uint8_t ring = m->b->cpu.cpl;
    if (m->b->vmm.hosted.outside) return PLACE_VMM; /* a host and its process are no guest */
    if (ring == 3) return PLACE_USER;
    if (m->b->cpu.vmx.nonroot) return PLACE_KERNEL;
    return ring == 0 && virtual_(m) ? PLACE_VMM : PLACE_KERNEL;
}

uint8_t machine_kernel_ring(const struct machine *m) { return technique(m)->kernel_ring; }
bool    machine_detects(const struct machine *m) { return technique(m)->detects; }
bool    machine_has_vmm(const struct machine *m) { return m->technique->hypervisor; }

/* --- memory --- */

static bool peek_through(const struct mmu *mmu, const struct bus *bus, gva_t at, uint8_t *to, size_t n)
{
    while (n) {
        struct xlat x;
        struct fault f;
        if (!mmu_probe(mmu, at, ACCESS_READ, &x, &f)) return false;
        size_t piece = PAGE_SIZE - (at.v & (PAGE_SIZE - 1));
        if (piece > n) piece = n;
        if (!bus_peek(bus, x.at, to, piece)) return false;
        to += piece, n -= piece, at.v += (uint32_t)piece;
    }
    return true;
}

bool machine_peek(const struct machine *m, gva_t at, void *to, size_t n)
{
    if (machine_sees_processor(m) && peek_through(&m->b->mmu, &m->b->bus, at, to, n)) return true;
    return virtual_(m) && (at.v < WINDOW_BASE || technique(m)->hardware) && machine_peek_guest(m, at, to, n); /* legal, only not shadowed yet */
}

bool machine_peek_guest(const struct machine *m, gva_t at, void *to, size_t n)
{
    if (!virtual_(m)) return peek_through(&m->b->mmu, &m->b->bus, at, to, n);
    const struct mmu guest = vcpu_guest_mmu(&machine_seen(m)->vcpu);
    return peek_through(&guest, &machine_seen(m)->bus, at, to, n);
}

bool machine_peek_gpa(const struct machine *m, gpa_t at, void *to, size_t n)
{
    return bus_peek(virtual_(m) ? &machine_seen(m)->bus : &m->b->bus, hpa(at.v), to, n);
}

bool machine_peek_hpa(const struct machine *m, hpa_t at, void *to, size_t n) { return bus_peek(&m->b->bus, at, to, n); }

/* --- code --- */

static unsigned code_bytes(const struct machine *m, gva_t at, uint8_t bytes[15])
{
    unsigned n = 15;
    while (n && !machine_peek(m, at, bytes, n)) n--;
    return n;
}

enum { BACK_STEP = 64 /* instructions read back at a time */ };

static struct insn_mode mode(const struct machine *m)
{
    return (struct insn_mode){ .code32 = (m->b->cpu.seg[SEG_CS].ar & AR_DB) != 0 };
}

unsigned machine_disasm(const struct machine *m, gva_t at, char *text, unsigned room)
{
    uint8_t bytes[15];
    unsigned n = code_bytes(m, at, bytes);
    if (!n) {
        snprintf(text, room, "??");
        return 0;
    }
    return insn_text(bytes, n, mode(m), at.v, text, room);
}

/* The last instructions, at most n, that end at `at` and begin at `from` or behind, read from `start` on; 0: that gets out of step with
 * them. What is not readable is none. */
static unsigned disasm_from(const struct machine *m, uint32_t start, uint32_t from, gva_t at, gva_t *before, unsigned n)
{
    gva_t ring[BACK_STEP];
    unsigned count = 0;
    for (gva_t p = gva(start); p.v != at.v;) {
        char text[96];
        unsigned len = machine_disasm(m, p, text, sizeof text);
        if (!len) count = 0;
        else if (p.v >= from) ring[count++ % BACK_STEP] = p;
        p.v += len ? len : 1;
        if (p.v > at.v) return 0;
    }
    if (n > count) n = count;
    if (n > BACK_STEP) n = BACK_STEP;
    for (unsigned i = 0; i < n; i++) before[i] = ring[(count - n + i) % BACK_STEP];
    return n;
}

/* Code is read forwards only: from the beginning of the function that the last of those instructions is in, which at a function's own
 * beginning is the one before it; where nothing has a name from somewhere, as whoever reads code soon gets into step. */
static unsigned disasm_step_back(const struct machine *m, gva_t at, bool named, gva_t *before, unsigned n)
{
    enum { FUNCTION_MOST = 1 << 16, SOMEWHERE = 48, IN_STEP = 15 };
    uint32_t offset, start = at.v > SOMEWHERE ? at.v - SOMEWHERE : 0;
    if (at.v && symbols_at(&machine_tenant(m)->image.symbols, at.v - 1, &offset) && offset < FUNCTION_MOST)
        return disasm_from(m, at.v - 1 - offset, 0, at, before, n);
    return named ? 0 : disasm_from(m, start, start ? start + IN_STEP : 0, at, before, n);
}

unsigned machine_disasm_back(const struct machine *m, gva_t at, gva_t *before, unsigned n)
{
    unsigned have = 0;
    gva_t some[BACK_STEP];
    const bool named = symbols_at(&machine_tenant(m)->image.symbols, at.v, NULL);
    while (have < n) {
        unsigned k = disasm_step_back(m, at, named, some, n - have);
        if (!k) break;
        have += k;
        memcpy(before + n - have, some, k * sizeof *some);
        at = some[0];
    }
    memmove(before, before + n - have, have * sizeof *before);
    return have;
}

bool machine_insn(const struct machine *m, gva_t at, struct machine_insn *out)
{
    uint8_t bytes[15];
    struct insn i;
    unsigned n = code_bytes(m, at, bytes);
    if (!n || insn_decode(bytes, n, mode(m), m->model.cost, &i) != DECODE_OK) return false;
    const struct insn_desc *d = insn_desc(i.id);
    *out = (struct machine_insn){ i.id, i.len, d->privilege, d->sensitivity, d->word, d->rule };
    return true;
}

int machine_mnemonic(const char *word)
{
    for (unsigned id = 1; id < MN_COUNT; id++)
        if (!strcmp(insn_desc(id)->word, word)) return (int)id;
    return -1;
}

bool machine_stub_symbol(const struct machine *m, uint32_t at, char *buf, size_t n)
{
    if (!virtual_(m)) return false;
    return (technique(m)->symbol && technique(m)->symbol(&machine_seen(m)->vcpu, at, buf, (unsigned)n)) || window_symbol(at, buf, (unsigned)n);
}

const char *machine_symbol(const struct machine *m, uint32_t at, char *buf, size_t n)
{
    uint32_t offset;
    /* In non-root operation the hypervisor's addresses are the guest's, too. */
    if (!m->b->cpu.vmx.nonroot && machine_stub_symbol(m, at, buf, n)) return buf;
    const char *name = symbols_at(&machine_tenant(m)->image.symbols, at, &offset);
    if (!name) snprintf(buf, n, "%08X", at);
    else if (offset) snprintf(buf, n, "%s+%X", name, offset);
    else snprintf(buf, n, "%s", name);
    return buf;
}

bool machine_find_symbol(const struct machine *m, const char *name, uint32_t *at)
{
    return symbols_find(&machine_tenant(m)->image.symbols, name, at);
}

const char *machine_suggest_symbol(const struct machine *m, const char *name) { return symbols_suggest(&machine_tenant(m)->image.symbols, name); }

/* --- addresses --- */

static void translate(const struct machine *m, gva_t at, unsigned access, struct machine_xlat *x)
{
    *x = (struct machine_xlat){ 0 };
    const struct mmu guest = virtual_(m) ? vcpu_guest_mmu(&machine_seen(m)->vcpu) : m->b->mmu;
    struct fault f = { 0 };
    x->guest_ok = mmu_probe(&guest, at, access, &x->guest, &f);
    x->guest_code = x->guest_ok ? 0 : f.code;
    if (x->guest_ok) {
        x->pa = gpa(x->guest.at.v);
        uint32_t frame;
        struct bus *bus = virtual_(m) ? &machine_seen(m)->bus : &m->b->bus;
        if (bus_owner(bus, x->guest.at, &frame)) x->ma = hpa(frame << PAGE_SHIFT | (x->guest.at.v & (PAGE_SIZE - 1)));
    }
    const struct vmmu *mmu = virtual_(m) ? &m->b->vmm.now->vcpu.vmmu : NULL;
    if (mmu && m->technique->hardware && !m->b->cpu.vmx.nonroot) { /* the CPU walks the hypervisor's own tables just now */
        x->real_ok = mmu->ops->probe(mmu, at, access, &x->real);
        x->real_code = x->real_ok ? 0 : (access & ACCESS_WRITE ? PF_WRITE : 0u) | (access & ACCESS_USER ? PF_USER : 0u) | (x->real.leaf & PTE_P ? PF_PRESENT : 0u);
        return;
    }
    x->real_ok = mmu_probe(&m->b->mmu, at, access, &x->real, &f);
    bool shadow = f.second && (f.code & SECOND_SHADOW);
    x->real_code = x->real_ok ? 0 : shadow ? f.code >> SECOND_SHADOW_CODE & 15 : f.code;
}

/* References of the hardware's walk go to machine memory; the guest's own, if another walks, only through software. */
void machine_translate(const struct machine *m, gva_t at, unsigned access, struct machine_xlat *x)
{
    translate(m, at, access, x);
    mmu_homes(&m->b->mmu, &x->real);
    if (!virtual_(m)) mmu_homes(&m->b->mmu, &x->guest);
}

unsigned machine_known(const struct machine *m, const gva_t *at, unsigned access, struct known_page *list, unsigned room)
{
    const struct mmu *mmu = &m->b->mmu;
    bool away = virtual_(m) && m->technique->hardware && !m->b->cpu.vmx.nonroot; /* the space of the hypervisor counts just now */
    uint32_t space = away ? mmu_space_tagged(mmu, (uint16_t)(machine_seen(m) - m->b->vmm.vm + 1)) : mmu->space;
    return mmu_known(mmu, at, access, space, list, room);
}

unsigned machine_known_walks(const struct machine *m, struct known_walk *list, unsigned room)
{
    return mmu_known_walks(&m->b->mmu, list, room);
}

hpa_t machine_root(const struct machine *m) { return hpa((virtual_(m) ? m->b->vmm.now->vcpu.root : m->b->cpu.cr3) & PAGE_MASK); }

bool machine_frame(const struct machine *m, gpa_t at, hpa_t *ma, bool *traced)
{
    uint32_t frame;
    *traced = false;
    if (!bus_owner(virtual_(m) ? &machine_seen(m)->bus : &m->b->bus, hpa(at.v), &frame)) return false;
    *ma = hpa(frame << PAGE_SHIFT | (at.v & (PAGE_SIZE - 1)));
    const struct vmmu *mmu = virtual_(m) ? &machine_seen(m)->vcpu.vmmu : NULL;
    if (mmu && mmu->ops->traced) *traced = mmu->ops->traced(mmu, at);
    return true;
}

unsigned machine_devices(const struct machine *m, struct machine_device *list, unsigned room)
{
    const struct devices *d = virtual_(m) ? &machine_seen(m)->devices : &m->b->devices;
    unsigned n = 0;
    for (; n < d->count && n < room; n++)
        list[n] = (struct machine_device){ d->list[n].name, d->list[n].device->ops->regs, d->list[n].device };
    return n;
}

bool machine_screen(const struct machine *m, struct text *out)
{
    const struct vm *vm = machine_seen(m);
    return virtual_(m) ? vga_text(&vm->devices.vga, &vm->bus, out) : vga_text(&m->b->devices.vga, &m->b->bus, out);
}
