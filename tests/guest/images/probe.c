// See probe.h. Manual: Intel SDM volume 3, 6.15 (what each exception reports).
// Not here: anything about paging; images that page map what they need themselves.
#include "probe.h"

struct caught caught;
void probe_escape(void) __attribute__((noreturn));
extern const uint8_t probe_user_end[];

const char *vector_name(uint32_t vector)
{
    static const char *const names[] = {"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "9",
                                        "#TS", "#NP", "#SS", "#GP", "#PF", "15",  "#MF", "#AC"};
    return vector < sizeof names / sizeof names[0] ? names[vector] : "interrupt";
}

static void catch(struct trap_frame *f)
{
    uint32_t cr2;
    __asm__ volatile("mov %0, cr2" : "=r"(cr2));
    caught = (struct caught){f->vector, f->error_code, f->eip, f->cs & 0xFFFF, f->eflags, 0, 0, cr2,
                             f->eax, f->ecx, f->edx, f->ebx, f->esi, f->edi, f->ebp};
    if (f->cs & 3) {
        caught.esp = f->esp;
        caught.ss = f->ss & 0xFFFF;
    }
    probe_escape();
}

void probe_arm(void)
{
    for (int vector = 0; vector < 32; vector++)
        trap_handlers[vector] = catch;
}

void probe_init(void)
{
    serial_init();
    tables_init();
    tss.esp0 = (uint32_t)trap_stack_top;
    idt[0x80] = gate(SEL_KERNEL_CODE, probe_user_end, ACCESS_INT_GATE | ACCESS_DPL3);
    tables_load();
    pic_init(); // remapped and masked: IRQ 0 would look like #DF
    probe_arm();
}

bool attempt_user(act *body, uint32_t eflags)
{
    return attempt_on(body, SEL_USER_CODE, SEL_USER_DATA, (uint32_t)user_stack_top, eflags | EFLAGS_ALWAYS);
}

void fact(const char *name, uint32_t value)
{
    print(name);
    print(": ");
    print_hex(value, 8);
    print("\n");
}

void fact2(const char *name, uint32_t a, uint32_t b)
{
    print(name);
    print(": ");
    print_hex(a, 8);
    print(" ");
    print_hex(b, 8);
    print("\n");
}

// "name: came back" or "name: #GP(0010) at +5"; #PF also says CR2.
void told(const char *name, act *body, bool back)
{
    print(name);
    print(": ");
    if (back) {
        print("came back\n");
        return;
    }
    print(vector_name(caught.vector));
    print("(");
    print_hex(caught.code, 4);
    print(") at ");
    uint32_t offset = caught.eip - (uint32_t)body;
    print(offset < 0x1000 ? "+" : "");
    print_hex(offset < 0x1000 ? offset : caught.eip, offset < 0x1000 ? 2 : 8);
    if (caught.vector == VECTOR_PF) {
        print(" address ");
        print_hex(caught.cr2, 8);
    }
    print("\n");
}

void outcome(const char *name, act *body) { told(name, body, attempt(body)); }

void outcome_user(const char *name, act *body, uint32_t eflags) { told(name, body, attempt_user(body, eflags)); }
