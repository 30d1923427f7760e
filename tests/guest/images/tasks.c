// Hardware task switch: JMP, CALL, IRET and task gates, into 32-bit and 16-bit tasks and back; who is busy, who is named in the
// back link; faults of the old task and of the new one; CR3 and LDT out of the TSS.
//
// Idea: two tasks beside the main one. Each only notes what it finds and leaves by IRET or by JMP; everything is looked up
// in memory (TSS, GDT) afterwards. Before each act the descriptors and both TSSs are made anew.
// Manual: Intel SDM volume 3, chapter 7.
// Not here: debug registers but DR6.
#include "probe.h"

enum { SEL_B = 0x30, SEL_C = 0x38, SEL_GATE = 0x40, SEL_LDT = 0x48, SEL_ODD = 0x50, SEL_SCRATCH = 0x58 };
enum { TSS16 = 0x81, TASK_GATE = 0x85, BUSY = 2, ABSENT = 0x80, NT = 0x4000 };

struct tss32 {
    uint32_t link, stacks[6], cr3, eip, eflags, reg[8], seg[6], ldt;
    uint16_t trap, io_bitmap;
} __attribute__((packed));
struct tss16 {
    uint16_t link, stacks[6], ip, flags, reg[8], seg[4], ldt;
} __attribute__((packed));
enum { ES, CS, SS, DS, FS, GS };
enum { ESP = 4 };

static struct tss32 b;
static struct tss16 c;
static struct descriptor ldt[2];
static uint8_t stack_b[1024] __attribute__((aligned(16)));
#define MAIN ((struct tss32 *)&tss)

// ---- what the tasks do ----

uint32_t seen_eflags, seen_esp, seen_code, seen_eax, seen_cr0, seen_cr3, visits;
#define NOTE \
    "mov seen_esp, esp\nmov seen_eax, eax\npushfd\npop dword ptr seen_eflags\nand dword ptr seen_eflags, ~0x200\n" \
    "mov eax, cr0\nmov seen_cr0, eax\nmov eax, cr3\nmov seen_cr3, eax\ninc dword ptr visits\nclts\n"
ACT(task_iret, NOTE "iretd\njmp task_iret");
ACT(task_jump, NOTE "jmp 0x28:0xF4F4F4F4\njmp task_jump");
// One that was called for an exception with a code: takes it off, lets the main task go on behind the faulting instruction.
ACT(task_fix, NOTE "pop dword ptr seen_code\nadd dword ptr [tss + 0x20], 2\niretd\njmp task_fix");
ACT(task_skip, NOTE "add dword ptr [tss + 0x20], 2\niretd\njmp task_skip");
// IF is not looked at: PUSHF does not trap, and below ring 0 it shows the hypervisor's.
// In 16 bits: CS has a 16-bit descriptor with the act's base.
ACT(task_16, ".code16\nmov word ptr ds:[0], 0x600D\nmov ds:[2], sp\nmov ds:[4], fs\nmov ds:[8], ebx\npushf\npop word ptr ds:[6]\nand word ptr ds:[6], ~0x200\niretw\n"
             ".code32");
static uint8_t note_16[16] __attribute__((aligned(16)));

// ---- setting up ----

static struct descriptor small_segment(const void *base, uint32_t limit, uint8_t access)
{
    struct descriptor d = segment((uint32_t)base, limit, access, false);
    d.high &= ~0x400000u;
    return d;
}

static bool busy(unsigned selector) { return gdt[selector / 8].high >> 9 & 1; }

static uint32_t read_cr3(void)
{
    uint32_t v;
    __asm__ volatile("mov %0, cr3" : "=r"(v));
    return v;
}

static void fresh(act *entry)
{
    gdt[SEL_TSS / 8] = segment((uint32_t)&tss, sizeof tss - 1, ACCESS_TSS, false);
    __asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
    __asm__ volatile("lldt %w0" : : "r"(0));
    gdt[SEL_B / 8] = segment((uint32_t)&b, sizeof b - 1, ACCESS_TSS, false);
    gdt[SEL_C / 8] = segment((uint32_t)&c, sizeof c - 1, TSS16, false);
    gdt[SEL_GATE / 8] = gate(SEL_B, 0, TASK_GATE);
    gdt[SEL_LDT / 8] = segment((uint32_t)ldt, sizeof ldt - 1, ACCESS_LDT, false);
    gdt[SEL_ODD / 8] = segment(0, 0xFFFFF, ACCESS_DATA & ~ABSENT, true);
    gdt[SEL_SCRATCH / 8] = (struct descriptor){0, 0};
    ldt[1] = segment(0x1234, 0xFFFF, ACCESS_DATA, false);
    MAIN->link = 0;
    MAIN->cr3 = read_cr3();
    b = (struct tss32){.stacks = {(uint32_t)trap_stack_top, SEL_KERNEL_DATA}, .cr3 = read_cr3(), .eip = (uint32_t)entry,
                       .eflags = EFLAGS_ALWAYS | 1, .reg = {0xA0, 0xA1, 0xA2, 0xA3, (uint32_t)(stack_b + sizeof stack_b)},
                       .seg = {SEL_KERNEL_DATA, SEL_KERNEL_CODE, SEL_KERNEL_DATA, SEL_KERNEL_DATA, 0, 0}, .io_bitmap = sizeof b};
    visits = seen_eflags = seen_esp = seen_code = seen_eax = seen_cr0 = 0;
    __asm__ volatile("clts");
}

static void show(const char *name, act *body)
{
    outcome(name, body);
    fact2("  visits, its EFLAGS", visits, seen_eflags);
    fact2("  its EAX, its stack used", seen_eax, (uint32_t)(stack_b + sizeof stack_b) - seen_esp);
    fact2("  TS there, busy B and main", seen_cr0 >> 3 & 1, (uint32_t)(busy(SEL_B) << 4 | busy(SEL_TSS)));
    fact2("  links", b.link, MAIN->link);
    fact2("  main: EIP, EFLAGS", MAIN->eip - (uint32_t)body, MAIN->eflags);
    fact2("  B: EIP moved, EFLAGS", b.eip - (uint32_t)task_iret < 0x100, b.eflags);
}

// ---- the four causes ----

ACT(call_tss, "stc\ncall 0x30:0xF4F4F4F4\nret");
ACT(call_twice, "stc\ncall 0x30:0xF4F4F4F4\nclc\ncall 0x30:0\nret");
ACT(jump_tss, "stc\njmp 0x30:0xF4F4F4F4\nret");
ACT(call_gate, "stc\ncall 0x40:0xF4F4F4F4\nret");
ACT(call_indirect, "push 0x30\npush 0\ncall fword ptr [esp]\npop eax\npop eax\nret");
ACT(interrupt, "stc\nint 0x21\nret");
ACT(undefined, "stc\nud2\nret");
ACT(bad_load, "mov eax, 0x7C\nmov fs, eax\nret");
ACT(user_gate, "call 0x43:0\n" USER_END);
ACT(user_tss, "call 0x33:0\n" USER_END);

static void causes(void)
{
    fresh(task_iret);
    show("CALL", call_tss);
    fresh(task_iret);
    show("CALL twice", call_twice);
    fresh(task_jump);
    show("JMP there and back", jump_tss);
    fresh(task_iret);
    show("CALL through a task gate", call_gate);
    fresh(task_iret);
    show("CALL indirect", call_indirect);
    struct descriptor old = idt[0x21], ud = idt[6], gp = idt[13];
    idt[0x21] = gate(SEL_B, 0, TASK_GATE);
    fresh(task_iret);
    show("INT through a task gate", interrupt);
    idt[0x21] = old;
    idt[6] = gate(SEL_B, 0, TASK_GATE);
    fresh(task_skip);
    show("#UD through a task gate", undefined);
    idt[6] = ud;
    idt[13] = gate(SEL_B, 0, TASK_GATE);
    fresh(task_fix);
    show("#GP through a task gate", bad_load);
    fact("  its code", seen_code);
    idt[13] = gp;
}

// ---- the T bit: a debug trap before the new task's first instruction, whatever it was entered by ----

static uint32_t stops, stop_eip, stop_dr6;

static void stop(struct trap_frame *f)
{
    stops++;
    stop_eip = f->eip;
    __asm__ volatile("mov %0, dr6\nmov dr6, %1" : "=&r"(stop_dr6) : "r"(0));
}

static void trapped(const char *name, act *body, act *entry)
{
    fresh(entry);
    b.trap = 1;
    stops = 0;
    outcome(name, body);
    fact2("  traps, at its first instruction", stops, stop_eip == (uint32_t)entry);
    fact2("  DR6, visits", stop_dr6 & 0xE00F, visits);
}

static void trap_bit(void)
{
    struct descriptor old = idt[0x21], ud = idt[6];
    trap_handlers[1] = stop;
    trapped("CALL, T", call_tss, task_iret);
    idt[0x21] = gate(SEL_B, 0, TASK_GATE);
    trapped("INT through a task gate, T", interrupt, task_iret);
    idt[0x21] = old;
    idt[6] = gate(SEL_B, 0, TASK_GATE);
    trapped("#UD through a task gate, T", undefined, task_skip);
    idt[6] = ud;
    probe_arm();
}

static void from_ring_3(void)
{
    fresh(task_iret);
    outcome_user("ring 3 to a TSS of DPL 0", user_tss, 0);
    outcome_user("ring 3 through a gate of DPL 0", user_gate, 0);
    gdt[SEL_GATE / 8].high |= ACCESS_DPL3 << 8;
    outcome_user("ring 3 through a gate of DPL 3", user_gate, 0);
    fact2("  visits, its EFLAGS", visits, seen_eflags);
    fact2("  main: CS, SS", MAIN->seg[CS], MAIN->seg[SS]);
    gdt[SEL_B / 8].high |= ACCESS_DPL3 << 8;
    outcome_user("ring 3 to a TSS of DPL 3", user_tss, 0);
    fact("  visits", visits);
    fresh(task_iret);
    b.seg[CS] = SEL_USER_CODE; // the task itself may be one of ring 3
    b.seg[SS] = b.seg[DS] = b.seg[ES] = SEL_USER_DATA;
    outcome("a task of ring 3", call_tss); // MOV from CR0 ends it
    fact2("  ended in CS, EFLAGS", caught.cs, caught.eflags);
}

// ---- faults of the old task ----

static void refused(const char *name)
{
    outcome(name, call_tss);
    fact2("  busy B and main, NT", (uint32_t)(busy(SEL_B) << 4 | busy(SEL_TSS)), caught.eflags & NT);
}

static void old_faults(void)
{
    fresh(task_iret);
    gdt[SEL_B / 8].high |= BUSY << 8;
    refused("CALL to a busy TSS");
    fresh(task_iret);
    gdt[SEL_B / 8].high &= ~(uint32_t)(ABSENT << 8);
    refused("CALL to an absent TSS");
    fresh(task_iret);
    gdt[SEL_B / 8] = segment((uint32_t)&b, 0x66, ACCESS_TSS, false);
    refused("CALL to a TSS too short");
    ACT(call_self, "call 0x28:0\nret");
    fresh(task_iret);
    outcome("CALL to the running TSS", call_self);
    fresh(task_iret);
    gdt[SEL_GATE / 8] = gate(0, 0, TASK_GATE);
    outcome("gate to null", call_gate);
    gdt[SEL_GATE / 8] = gate(0x34, 0, TASK_GATE);
    outcome("gate to a TSS in the LDT", call_gate);
    gdt[SEL_GATE / 8] = gate(SEL_LDT, 0, TASK_GATE);
    outcome("gate to an LDT", call_gate);
    gdt[SEL_GATE / 8] = gate(SEL_B, 0, TASK_GATE & ~ABSENT);
    outcome("gate absent", call_gate);
    gdt[SEL_GATE / 8] = gate(0xFFF8, 0, TASK_GATE);
    outcome("gate to beyond the GDT", call_gate);
    ACT(nested_return, "pushfd\nor dword ptr [esp], 0x4000\npopfd\niretd\nret");
    static const uint16_t links[] = {0, SEL_B, SEL_B | 4, SEL_KERNEL_CODE, 0xFFF8};
    for (unsigned i = 0; i < sizeof links / sizeof links[0]; i++) {
        fresh(task_iret);
        MAIN->link = links[i];
        print("link ");
        print_hex(links[i], 4);
        print(" ");
        outcome("IRET with NT", nested_return);
    }
    fresh(task_jump);
    MAIN->link = SEL_B;
    gdt[SEL_B / 8].high |= BUSY << 8;
    b.eflags |= NT;
    show("IRET with NT to a busy TSS", nested_return);
}

// ---- faults of the new task ----

static void entered(const char *name)
{
    outcome(name, call_tss);
    fact2("  at B's entry, CS", caught.eip == b.eip, caught.cs);
    fact2("  EFLAGS, busy B and main", caught.eflags, (uint32_t)(busy(SEL_B) << 4 | busy(SEL_TSS)));
}

static const struct { const char *name; uint8_t seg; uint16_t selector; } bad_segments[] = {
    {"CS null", CS, 0}, {"CS data", CS, SEL_KERNEL_DATA}, {"CS of ring 3 with RPL 0", CS, SEL_USER_CODE & ~3},
    {"CS beyond the GDT", CS, 0xFFF8}, {"SS null", SS, 0}, {"SS of ring 3", SS, SEL_USER_DATA},
    {"SS code", SS, SEL_KERNEL_CODE}, {"SS absent", SS, SEL_ODD}, {"SS beyond the GDT", SS, 0xFFF8},
    {"DS absent", DS, SEL_ODD}, {"DS a TSS", DS, SEL_B}, {"ES with RPL 3 and DPL 0", ES, SEL_KERNEL_DATA | 3},
    {"FS beyond the GDT", FS, 0xFFF8}, {"GS in an empty LDT", GS, 0x0C}, {"DS null", DS, 0}};

static void new_faults(void)
{
    for (unsigned i = 0; i < sizeof bad_segments / sizeof bad_segments[0]; i++) {
        fresh(task_iret);
        b.seg[bad_segments[i].seg] = bad_segments[i].selector;
        entered(bad_segments[i].name);
    }
    static const uint16_t ldts[] = {SEL_LDT | 4, SEL_KERNEL_DATA, 0xFFF8, SEL_LDT};
    for (unsigned i = 0; i < sizeof ldts / sizeof ldts[0]; i++) {
        fresh(task_iret);
        b.ldt = ldts[i];
        if (i == 3)
            gdt[SEL_LDT / 8].high &= ~(uint32_t)(ABSENT << 8);
        print("LDT ");
        entered("bad");
    }
    fresh(task_iret);
    gdt[SEL_SCRATCH / 8] = segment(0, 0xFFF, ACCESS_CODE, false);
    b.seg[CS] = SEL_SCRATCH;
    outcome("EIP beyond the limit", call_tss);
    fact2("  at B's entry, CS", caught.eip == b.eip, caught.cs);
}

// ---- LDT, CR3, 16 bits ----

ACT(task_ldt, "mov eax, fs\nmov seen_eax, eax\nlsl eax, eax\nmov seen_esp, eax\niretd");
static void with_ldt(void)
{
    fresh(task_ldt);
    b.ldt = SEL_LDT;
    b.seg[FS] = 0x0C;
    outcome("a task with an LDT", call_tss);
    fact2("  FS, its limit", seen_eax, seen_esp);
}

static uint32_t other_directory[1024] __attribute__((aligned(4096)));
static void with_cr3(void)
{
    paging_init();
    for (unsigned i = 0; i < 1024; i++)
        other_directory[i] = page_directory[i];
    paging_on();
    fresh(task_iret);
    b.cr3 = (uint32_t)other_directory;
    outcome("a task with a directory of its own", call_tss);
    fact2("  its CR3, ours", seen_cr3 == (uint32_t)other_directory, read_cr3() == (uint32_t)page_directory);
    fact("  its TSS's CR3 is only read", b.cr3 == (uint32_t)other_directory);
    fresh(task_iret);
    low_table[(uint32_t)stack_b >> 12 & 1023] |= 0; // present: the stack is only used by the error code
    b.cr3 = (uint32_t)other_directory | 0x18;
    outcome("CR3 with PCD and PWT", call_tss);
    fact("  its CR3", seen_cr3 - (uint32_t)other_directory);
}

ACT(call_16, "mov ebx, 0x12345678\nstc\ncall 0x38:0\nmov seen_eax, ebx\nret");
static void sixteen_bits(void)
{
    fresh(task_iret);
    gdt[SEL_SCRATCH / 8] = small_segment(task_16, 0xFFFF, ACCESS_CODE);
    gdt[SEL_ODD / 8] = small_segment(note_16, 0xFFFF, ACCESS_DATA);
    c = (struct tss16){.flags = 3, .reg = {[3] = 0xBBBB, [ESP] = 0x0400}, .seg = {SEL_ODD, SEL_SCRATCH, SEL_ODD, SEL_ODD}};
    outcome("CALL to a 16-bit task", call_16);
    fact2("  note, SP", *(uint16_t *)note_16, *(uint16_t *)(note_16 + 2));
    fact2("  FS, flags", *(uint16_t *)(note_16 + 4), *(uint16_t *)(note_16 + 6));
    fact2("  EBX there, lower half, and back here", *(uint16_t *)(note_16 + 8), seen_eax);
    fact2("  link, flags saved", c.link, c.flags);
    gdt[SEL_C / 8] = segment((uint32_t)&c, 0x2A, TSS16, false);
    outcome("a 16-bit TSS too short", call_16);
}

void kmain(void)
{
    probe_init();
    causes();
    trap_bit();
    from_ring_3();
    old_faults();
    new_faults();
    with_ldt();
    sixteen_bits();
    with_cr3();
    finish(true);
}
