/* See guest_view.h. RF is left out: the IRET behind any exception sets it, a hypervisor's, too. */
#include "sim/guest_view.h"

static const struct { const char *name; uint32_t mask; unsigned shift; } flags[] = {
    { "CF", 1, 0 }, { "PF", 4, 2 }, { "AF", 0x10, 4 }, { "ZF", 0x40, 6 }, { "SF", 0x80, 7 }, { "TF", 0x100, 8 },
    { "IF", 0x200, 9 }, { "DF", 0x400, 10 }, { "OF", 0x800, 11 }, { "IOPL", 0x3000, 12 }, { "NT", 0x4000, 14 },
};
enum { FLAG_NAMES = sizeof flags / sizeof flags[0] };

static void put(struct guest_view *v, const char *name, uint32_t value)
{
    v->at[v->n].name = name;
    v->at[v->n++].value = value;
}

void guest_view(const struct machine *m, struct guest_view *v)
{
    static const char *const names[] = { "EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI" };
    static const char *const segs[] = { "ES", "CS", "SS", "DS", "FS", "GS" };
    struct machine_cpu c;
    machine_guest(m, &c);
    v->n = 0;
    for (unsigned i = 0; i < FLAG_NAMES; i++) put(v, flags[i].name, (c.eflags & flags[i].mask) >> flags[i].shift);
    for (unsigned i = 0; i < 8; i++) put(v, names[i], c.reg[i]);
    put(v, "EIP", c.eip);
    put(v, "CPL", c.cpl);
    for (unsigned i = 0; i < 6; i++) put(v, segs[i], c.seg[i].sel);
    put(v, "CR0", c.cr0);
    put(v, "CR2", c.cr2);
    put(v, "CR3", c.cr3);
    put(v, "CR4", c.cr4);
    put(v, "GDTR", c.gdt_base);
    put(v, "IDTR", c.idt_base);
    put(v, "LDTR", c.ldtr);
    put(v, "TR", c.tr);
}
