// Rings and gates: call gates, far returns, IRET, INT n, nested faults, privilege of instructions and ports.
//
// Idea: what a kernel may rely on is what arrives in its trap frames: error codes, EIP, CS, the flags as they were. IF is
// only ever read from such a frame, never by PUSHF.
// Manual: Intel SDM volume 3, 5.8 (transfers), 6.12 (delivery), 6.15 (exceptions); volume 1, 18.5 (ports).
// Not here: 16-bit gates and TSS, task gates, rings 1 and 2.
#include "probe.h"

enum { SEL_GATE0 = 0x30, SEL_GATE2 = 0x38, SEL_GATE_SAME = 0x40, SEL_GATE_ABSENT = 0x48, SEL_GATE_BAD = 0x50,
       SEL_CONFORMING = 0x58 | 3, SEL_GATE_CONFORMING = 0x60, SEL_GATE_DPL0 = 0x68 };
enum { ACCESS_TRAP_GATE = 0x8F, SHOWN = 0x00047FD5 }; // flags that are shown: all defined ones but RF and ID

static void show_frame(const char *name, uint32_t base)
{
    print(name);
    print(": cs ");
    print_hex(caught.cs, 4);
    print(" eip +");
    print_hex(caught.eip - base, 4);
    print(" flags ");
    print_hex(caught.eflags & SHOWN, 8);
    print("\n");
}

// ---- call gates ---------------------------------------------------------------------------------------------------

extern const uint8_t gate_entry0[], gate_entry2[], gate_entry_same[];
// What the gate's procedure found: its stack, from EIP up.
volatile uint32_t seen[8];
__asm__(".pushsection .text\n.intel_syntax noprefix\n"
        ".macro look words\n push eax\n push ds\n mov eax, 0x10\n mov ds, eax\n"
        ".irp n, 0, 1, 2, 3, 4, 5\n mov eax, ss:[esp + 8 + \\n * 4]\n mov ds:[seen + \\n * 4], eax\n .endr\n"
        " pop ds\n pop eax\n retf \\words * 4\n.endm\n"
        ".global gate_entry0, gate_entry2, gate_entry_same\n"
        "gate_entry0: look 0\ngate_entry2: look 2\ngate_entry_same: look 0\n.popsection");

ACT(user_gate0, "mov eax, 0x11\ncall 0x33:0\nmov ecx, esp\nint3\n" USER_END);
ACT(user_gate2, "push 0xAAAA\npush 0xBBBB\ncall 0x3B:0x1234\nmov ecx, esp\nint3\n" USER_END);
ACT(user_gate_absent, "call 0x4B:0\n" USER_END);
ACT(user_gate_bad, "call 0x53:0\n" USER_END);
ACT(user_gate_dpl0, "call 0x6B:0\n" USER_END);
ACT(user_gate_rpl0, "call 0x30:0\nint3\n" USER_END);
ACT(user_jumps_gate, "jmp 0x33:0\n" USER_END);
ACT(user_gate_conforming, "call 0x63:0\nint3\n" USER_END);
ACT(user_calls_conforming, "call 0x5B:0\nint3\n" USER_END);
ACT(user_calls_kernel, "call 0x08:0\n" USER_END);
ACT(user_loads_kernel_data, "mov ax, 0x10\nmov ds, ax\n" USER_END);
ACT(user_calls_tss, "call 0x28:0\n" USER_END);
ACT(kernel_gate, "push 0x7777\ncall 0x40:0\npop eax\nret");
ACT(conforming_entry, "mov edx, 0x5A5A\nretf");

static struct descriptor call_gate(const void *entry, unsigned dpl, unsigned words)
{
    struct descriptor g = gate(SEL_KERNEL_CODE, entry, (uint8_t)(ACCESS_CALL_GATE | dpl << 5));
    g.high |= words;
    return g;
}

static void call_gates(void)
{
    gdt[SEL_GATE0 / 8] = call_gate(gate_entry0, 3, 0);
    gdt[SEL_GATE2 / 8] = call_gate(gate_entry2, 3, 2);
    gdt[SEL_GATE_SAME / 8] = call_gate(gate_entry_same, 0, 2); // in the same ring nothing is copied
    gdt[SEL_GATE_ABSENT / 8] = call_gate(gate_entry0, 3, 0);
    gdt[SEL_GATE_ABSENT / 8].high &= ~0x8000u;
    gdt[SEL_GATE_BAD / 8] = call_gate(gate_entry0, 3, 0);
    gdt[SEL_GATE_BAD / 8].low = (SEL_KERNEL_DATA << 16) | 0x10;
    gdt[SEL_GATE_DPL0 / 8] = call_gate(gate_entry0, 0, 0);
    gdt[SEL_CONFORMING / 8] = segment((uint32_t)conforming_entry, 0xFFF, 0x9F, false);
    gdt[SEL_GATE_CONFORMING / 8] = call_gate((void *)0, 3, 0);
    gdt[SEL_GATE_CONFORMING / 8].low = (uint32_t)(SEL_CONFORMING & ~3) << 16;
    outcome_user("gate, no parameters", user_gate0, 0);
    show_frame("  then", (uint32_t)user_gate0);
    fact2("  return address, cs", seen[0] - (uint32_t)user_gate0, seen[1] & 0xFFFF);
    fact2("  esp, ss", (uint32_t)user_stack_top - seen[2], seen[3] & 0xFFFF);
    outcome_user("gate, two parameters", user_gate2, 0);
    fact2("  return address, cs", seen[0] - (uint32_t)user_gate2, seen[1] & 0xFFFF);
    fact2("  parameters", seen[2], seen[3]);
    fact2("  esp, ss", (uint32_t)user_stack_top - seen[4], seen[5] & 0xFFFF);
    fact("  esp after RETF 8", (uint32_t)user_stack_top - caught.ecx);
    outcome_user("gate, selector with RPL 0", user_gate_rpl0, 0);
    outcome_user("gate not present", user_gate_absent, 0);
    outcome_user("gate to data", user_gate_bad, 0);
    outcome_user("gate of DPL 0", user_gate_dpl0, 0);
    outcome_user("JMP to the gate", user_jumps_gate, 0);
    outcome_user("gate to conforming code", user_gate_conforming, 0);
    fact("  was there", caught.edx);
    outcome_user("conforming code, called", user_calls_conforming, 0);
    outcome_user("kernel code, called", user_calls_kernel, 0);
    outcome_user("kernel data, loaded", user_loads_kernel_data, 0);
    outcome_user("TSS called, from ring 3", user_calls_tss, 0);
    outcome("gate in the same ring", kernel_gate);
    fact2("  return address, above cs", seen[0] - (uint32_t)kernel_gate, seen[2]);
}

// ---- a bad inner stack --------------------------------------------------------------------------------------------

ACT(user_int3, "int3\n" USER_END);
ACT(user_nothing, USER_END);
ACT(user_ud2, "nop\nud2\n" USER_END);
// #TS needs a handler that needs no inner stack: in ring 3 itself. Nothing protects memory here, so it can mend the TSS.
ACT(ts_handler,
    "pop [seen]\npop [seen + 4]\npop [seen + 8]\nmov eax, [seen + 12]\nmov dword ptr [eax + 8], 0x10\n" USER_END);

static void inner_stacks(void)
{
    static const struct { const char *name; uint32_t ss0; } bad[] = {
        {"ss0 null", 0}, {"ss0 null, RPL 1", 1}, {"ss0 is code", SEL_KERNEL_CODE}, {"ss0 of DPL 3", SEL_USER_DATA & ~3},
        {"ss0 with RPL 3", SEL_KERNEL_DATA | 3}, {"ss0 beyond the table", 0x100}, {"ss0 absent", 0x70}};
    static act *const ways[] = {user_gate0, user_int3, user_ud2};
    struct descriptor ts = idt[10], ss = idt[12];
    idt[10] = gate(SEL_USER_CODE, ts_handler, ACCESS_INT_GATE | ACCESS_DPL3);
    idt[12] = idt[10]; // #SS, for the absent one
    gdt[0x70 / 8] = segment(0, 0xFFFFF, ACCESS_DATA & ~0x80, true);
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        for (unsigned w = 0; w < 3; w++) {
            tss.ss0 = bad[i].ss0;
            seen[0] = 0xDEAD;
            seen[3] = (uint32_t)&tss;
            outcome_user(bad[i].name, ways[w], 0);
            fact2("  code, at", seen[0], seen[1] - (uint32_t)ways[w]);
        }
    }
    idt[10] = ts;
    idt[12] = ss;
    outcome_user("back to normal", user_int3, 0);
}

// ---- returns outward ----------------------------------------------------------------------------------------------

ACT(retf_to_user, "push 0x23\npush offset user_stack_top\npush 0x1B\npush offset user_int3\nretf");
ACT(retf_drops, // DS = kernel data does not survive, user data does
    "mov eax, 0x23\nmov fs, eax\npush 0x23\npush offset user_stack_top\npush 0x1B\npush offset user_uses_ds\nretf");
ACT(user_uses_ds, "mov eax, fs:[0x100000]\nmov eax, ds:[0x100000]\n" USER_END);
ACT(retf_rpl0_to_user_code, "push 0x18\npush offset user_int3\nretf");
ACT(retf_kernel_stack, "push 0x10\npush offset user_stack_top\npush 0x1B\npush offset user_int3\nretf");
ACT(retf_null_stack, "push 0\npush offset user_stack_top\npush 0x1B\npush offset user_int3\nretf");
ACT(retf_n, "push 0x23\npush offset user_stack_top\npush 0x5555\npush 0x6666\npush 0x1B\npush offset user_int3\nretf 8");
ACT(iret_same, "push 0x0CD7\npush 0x08\npush offset 1f\niretd\n1: ret");
ACT(iret_data, "push 2\npush 0x10\npush 0\niretd");
ACT(iret_rpl_inward, "push 2\npush 0x08\npush 0\niretd\n" USER_END);
ACT(iret_user_bad_ss, "push 0x10\npush 0x1000\npush 2\npush 0x1B\npush 0\niretd");
ACT(iret_user_eip, "push 0x23\npush 0x1000\npush 2\npush 0x3B\npush 0\niretd");
ACT(user_iret_user, "push 0x3202\npush 0x1B\npush offset 1f\niretd\n1: int3\n" USER_END);
ACT(user_retf_user, "push 0x1B\npush offset 1f\nretf\n1: int3\n" USER_END);
ACT(user_retf_kernel, "push 0x08\npush 0x100000\nretf\n" USER_END);

static void returns(void)
{
    told("RETF to ring 3", user_int3, attempt(retf_to_user));
    fact2("  cs, ss there", caught.cs, caught.ss);
    fact("  esp there", (uint32_t)user_stack_top - caught.esp);
    outcome("RETF drops inner segments", retf_drops);
    fact("  at", caught.eip - (uint32_t)user_uses_ds);
    outcome("RETF to user code with RPL 0", retf_rpl0_to_user_code);
    outcome("RETF with a kernel stack", retf_kernel_stack);
    outcome("RETF with a null stack", retf_null_stack);
    told("RETF 8 to ring 3", user_int3, attempt(retf_n));
    fact("  esp there", caught.esp - (uint32_t)user_stack_top);
    outcome("IRET in the kernel", iret_same);
    outcome("IRET to data", iret_data);
    outcome("IRET with a kernel stack for ring 3", iret_user_bad_ss);
    outcome("IRET to a call gate", iret_user_eip);
    outcome_user("IRET inward from ring 3", iret_rpl_inward, 0);
    outcome_user("IRET within ring 3, wants IOPL 3 and IF", user_iret_user, 0);
    show_frame("  then", (uint32_t)user_iret_user);
    outcome_user("the same with IF on", user_iret_user, EFLAGS_IF);
    show_frame("  then", (uint32_t)user_iret_user);
    outcome_user("RETF within ring 3", user_retf_user, 0);
    outcome_user("RETF inward", user_retf_kernel, 0);
}

// ---- flags through gates ------------------------------------------------------------------------------------------

static void flags(void)
{
    static const uint32_t with[] = {0, EFLAGS_IF, EFLAGS_IOPL, EFLAGS_IOPL | EFLAGS_IF, 0x8D5 | 0x400, 0x4000, 0x40000};
    for (unsigned i = 0; i < sizeof with / sizeof with[0]; i++) {
        attempt_user(user_int3, with[i]);
        show_frame("ring 3", (uint32_t)user_int3);
    }
    // Conforming code has no ring of its own; IRET to it in ring 3 sets IF like any other.
    gdt[0x70 / 8] = segment(0, 0xFFFFF, 0x9F, true);
    for (unsigned i = 0; i < 4; i++) {
        attempt_on(user_int3, 0x70 | 3, SEL_USER_DATA, (uint32_t)user_stack_top, with[i] | EFLAGS_ALWAYS);
        show_frame("conforming code in ring 3", (uint32_t)user_int3);
        ACT(in_conforming, "call 0x70:1f\nret\n1: cli\nmov eax, cr0\nretf");
        outcome("conforming code in ring 0", in_conforming);
    }
    // The handler of a trap gate runs with IF as it was, that of an interrupt gate without; a second trap tells.
    for (unsigned trap_gate = 0; trap_gate < 2; trap_gate++) {
        extern const uint8_t second_trap[];
        uint8_t access = trap_gate ? ACCESS_TRAP_GATE : ACCESS_INT_GATE;
        idt[0x80] = gate(SEL_KERNEL_CODE, second_trap, access | ACCESS_DPL3);
        for (unsigned on = 0; on < 2; on++) {
            attempt_user(user_nothing, on ? EFLAGS_IF : 0);
            show_frame(trap_gate ? "inside a trap gate" : "inside an interrupt gate", (uint32_t)second_trap);
        }
    }
    extern const uint8_t probe_user_end[];
    idt[0x80] = gate(SEL_KERNEL_CODE, probe_user_end, ACCESS_INT_GATE | ACCESS_DPL3);
}
__asm__(".pushsection .text\n.intel_syntax noprefix\n.global second_trap\nsecond_trap: int3\n hlt\n.popsection");

// ---- INT n --------------------------------------------------------------------------------------------------------

ACT(user_int_21, "nop\nint 0x21\n" USER_END);
ACT(user_int_0d, "nop\nint 0x0D\n" USER_END);
ACT(user_int_81, "nop\nint 0x81\n" USER_END);
ACT(user_int_ff, "nop\nint 0xFF\n" USER_END);
ACT(user_into, "mov al, 0x7F\nadd al, 1\ninto\n" USER_END);
ACT(user_int3_long, "int 3\n" USER_END);
ACT(kernel_int_81, "int 0x81\nret");
ACT(kernel_int_f3, "nop\nint 0xF3\nret");
ACT(kernel_int_2e, "push 0x12345\nint 0x2E\npop eax\nret");

static uint32_t software;
static void count_software(struct trap_frame *frame) { software += frame->vector; }

static void software_interrupts(void)
{
    outcome_user("INT 21h, gate of DPL 0", user_int_21, 0);
    outcome_user("INT 0Dh, gate of DPL 0", user_int_0d, 0);
    outcome_user("INT 81h, beyond the table", user_int_81, 0);
    outcome_user("INT FFh, beyond the table", user_int_ff, 0);
    idt[0x2E].high |= ACCESS_DPL3 << 8;
    trap_handlers[0x2E] = count_software;
    ACT(user_int_2e, "int 0x2E\nint 0x2E\nint3\n" USER_END);
    outcome_user("INT 2Eh twice, gate of DPL 3", user_int_2e, 0);
    outcome("INT 2Eh in the kernel", kernel_int_2e);
    fact("  handled", software);
    idt[0x2E].high &= ~0x8000u;
    outcome_user("INT 2Eh, gate not present", user_int_2e, 0);
    outcome("the same in the kernel", kernel_int_2e);
    idt[0x2E] = gate(SEL_KERNEL_DATA, (void *)0x100000, ACCESS_INT_GATE | ACCESS_DPL3);
    outcome_user("INT 2Eh, gate to data", user_int_2e, 0);
    idt[0x2E] = gate(0, (void *)0x100000, ACCESS_INT_GATE | ACCESS_DPL3);
    outcome_user("INT 2Eh, gate to null", user_int_2e, 0);
    idt[0x2E] = gate(0x100, (void *)0x100000, ACCESS_INT_GATE | ACCESS_DPL3);
    outcome_user("INT 2Eh, gate to nowhere", user_int_2e, 0);
    idt[0x2E] = gate(SEL_USER_CODE, (void *)0x100000, ACCESS_INT_GATE | ACCESS_DPL3);
    outcome("INT 2Eh, gate outward", kernel_int_2e);
    idt[0x2E] = gate(SEL_KERNEL_CODE, (void *)0x100000, ACCESS_CALL_GATE | ACCESS_DPL3);
    outcome_user("INT 2Eh, a call gate", user_int_2e, 0);
    outcome_user("INTO", user_into, 0);
    idt[4].high |= ACCESS_DPL3 << 8;
    outcome_user("INTO, gate of DPL 3", user_into, 0);
    idt[4].high &= ~(uint32_t)(ACCESS_DPL3 << 8);
    outcome_user("INT3", user_int3, 0);
    idt[3].high |= ACCESS_DPL3 << 8;
    outcome_user("INT3, gate of DPL 3", user_int3, 0);
    outcome_user("INT 3 in two bytes", user_int3_long, 0);
    outcome("INT 81h in the kernel", kernel_int_81);
    outcome("INT F3h in the kernel", kernel_int_f3);
}

// ---- faults inside faults -----------------------------------------------------------------------------------------

static uint32_t nested[4];
ACT(bad_segment, "push 0x100\npop fs\nret");
static void gp_that_faults(struct trap_frame *frame)
{
    nested[0] = frame->error_code;
    frame->eip += 2; // over POP FS
    frame->eax = *(volatile uint32_t *)0x01A00000; // not mapped: #PF
    nested[2] = frame->eax;
}
static void pf_that_mends(struct trap_frame *frame)
{
    __asm__ volatile("mov %0, cr2" : "=r"(nested[1]));
    page_directory[6] = 0x00400000 | PTE_P | PTE_RW | PDE_4MB;
    nested[3] = frame->cs;
}
ACT(raise_gp, "push 0x100\npop fs\npop eax\nret");

static void nesting(void)
{
    paging_init();
    uint32_t cr4;
    __asm__ volatile("mov %0, cr4" : "=r"(cr4));
    __asm__ volatile("mov cr4, %0" : : "r"(cr4 | CR4_PSE));
    page_directory[1] = 0x00400000 | PTE_P | PTE_RW | PDE_4MB;
    *(volatile uint32_t *)0x00600000 = 0x600D600D;
    paging_on();
    page_directory[6] = 0;
    trap_handlers[VECTOR_GP] = gp_that_faults;
    trap_handlers[VECTOR_PF] = pf_that_mends;
    outcome("#PF inside the handler of #GP", raise_gp);
    fact2("  error code, address", nested[0], nested[1]);
    fact2("  then read, cs", nested[2], nested[3] & 0xFFFF);
    probe_arm();
    // #GP whose gate is not present: #NP while delivering a contributory fault is a double fault.
    idt[VECTOR_GP].high &= ~0x8000u;
    outcome("#GP, its gate not present", bad_segment);
    idt[VECTOR_GP].high |= 0x8000u;
    // #PF whose handler's code segment is bad: likewise; #UD (not contributory) with a bad gate: just #NP.
    idt[VECTOR_PF].high &= ~0x8000u;
    ACT(touch_nothing, "mov eax, [0x01C00000]\nret");
    outcome("#PF, its gate not present", touch_nothing);
    idt[VECTOR_PF].high |= 0x8000u;
    idt[6].high &= ~0x8000u;
    ACT(undefined, "nop\nud2\nret");
    outcome("#UD, its gate not present", undefined);
    idt[6].high |= 0x8000u;
    idt[0] = gate(SEL_KERNEL_DATA, (void *)0, ACCESS_INT_GATE);
    ACT(divide, "xor ecx, ecx\ndiv ecx\nret");
    outcome("#DE, its gate leads to data", divide);
}

// ---- privilege ----------------------------------------------------------------------------------------------------

#define USER_ACT(name, code) ACT(name, code "\n" USER_END)
USER_ACT(u_hlt, "hlt");
USER_ACT(u_cli, "cli");
USER_ACT(u_sti, "sti");
USER_ACT(u_clts, "clts");
USER_ACT(u_lgdt, "lgdt [0x104000]");
USER_ACT(u_lidt, "lidt [0x104000]");
USER_ACT(u_lldt, "xor eax, eax\nlldt ax");
USER_ACT(u_ltr, "xor eax, eax\nltr ax");
USER_ACT(u_lmsw, "xor eax, eax\nlmsw ax");
USER_ACT(u_read_cr0, "mov eax, cr0");
USER_ACT(u_write_cr0, "mov cr0, eax");
USER_ACT(u_read_cr2, "mov eax, cr2");
USER_ACT(u_write_cr3, "mov cr3, eax");
USER_ACT(u_read_cr4, "mov eax, cr4");
USER_ACT(u_read_dr7, "mov eax, dr7");
USER_ACT(u_write_dr0, "mov dr0, eax");
USER_ACT(u_invlpg, "invlpg [0]");
USER_ACT(u_wbinvd, "wbinvd");
USER_ACT(u_invd, "invd");
USER_ACT(u_rdmsr, "mov ecx, 0x10\nrdmsr");
USER_ACT(u_wrmsr, "mov ecx, 0x10\nwrmsr");
USER_ACT(u_rdtsc, "rdtsc");
USER_ACT(u_ud2, "ud2");
USER_ACT(u_in, "in al, 0x61");
USER_ACT(u_out, "mov al, 0\nmov dx, 0x80\nout dx, al");
USER_ACT(u_insb, "mov edi, esp\nsub edi, 64\nmov dx, 0x61\ninsb");
USER_ACT(u_outs, "mov esi, esp\nsub esi, 64\nmov ecx, 2\nmov dx, 0x80\nrep outsb");
USER_ACT(u_in_dx, "mov dx, 0x3FD\nin al, dx");
USER_ACT(u_in_word, "mov dx, 0x3FC\nin ax, dx");
USER_ACT(u_in_dword, "mov dx, 0x3FA\nin eax, dx");
USER_ACT(u_in_edge, "mov dx, 0x47\nin ax, dx");
USER_ACT(u_in_high, "mov dx, 0xFFFF\nin al, dx");
USER_ACT(u_cli_sti, "cli\nsti\ncli\nint3");
USER_ACT(u_sti_int3, "sti\nnop\nint3");
USER_ACT(u_smsw, "smsw eax\nsldt eax\nstr eax");

static void privileged(void)
{
    static const struct { const char *name; act *body; } rows[] = {
        {"hlt", u_hlt}, {"cli", u_cli}, {"sti", u_sti}, {"clts", u_clts}, {"lgdt", u_lgdt}, {"lidt", u_lidt},
        {"lldt", u_lldt}, {"ltr", u_ltr}, {"lmsw", u_lmsw}, {"read cr0", u_read_cr0}, {"write cr0", u_write_cr0},
        {"read cr2", u_read_cr2}, {"write cr3", u_write_cr3}, {"read cr4", u_read_cr4}, {"read dr7", u_read_dr7},
        {"write dr0", u_write_dr0}, {"invlpg", u_invlpg}, {"wbinvd", u_wbinvd}, {"invd", u_invd}, {"rdmsr", u_rdmsr},
        {"wrmsr", u_wrmsr}, {"rdtsc", u_rdtsc}, {"ud2", u_ud2}, {"smsw, sldt, str", u_smsw}, {"in", u_in},
        {"out", u_out}, {"insb", u_insb}, {"rep outsb", u_outs}};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        outcome_user(rows[i].name, rows[i].body, 0);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (i == 1 || i == 2 || i >= 24) {
            print("IOPL 3: ");
            outcome_user(rows[i].name, rows[i].body, EFLAGS_IOPL);
        }
    for (unsigned on = 0; on < 2; on++) {
        attempt_user(u_cli_sti, EFLAGS_IOPL | (on ? EFLAGS_IF : 0));
        show_frame("cli sti cli in ring 3", (uint32_t)u_cli_sti);
        attempt_user(u_sti_int3, EFLAGS_IOPL | (on ? EFLAGS_IF : 0));
        show_frame("sti in ring 3", (uint32_t)u_sti_int3);
    }
    uint32_t cr4;
    __asm__ volatile("mov %0, cr4" : "=r"(cr4));
    __asm__ volatile("mov cr4, %0" : : "r"(cr4 | 4)); // TSD
    outcome_user("rdtsc with TSD", u_rdtsc, 0);
    __asm__ volatile("mov cr4, %0" : : "r"(cr4));
}

// A TSS with a bitmap: ports 40-47h and 3F8-3FFh open, all else closed; then a limit that cuts it short.
static void port_bitmap(void)
{
    static struct { struct tss tss; uint8_t map[0x81]; } __attribute__((packed)) big;
    big.tss = tss;
    big.tss.io_bitmap = sizeof big.tss;
    for (unsigned i = 0; i < sizeof big.map; i++)
        big.map[i] = 0xFF;
    big.map[0x61 / 8] = (uint8_t)~(1 << 1);
    big.map[0x40 / 8] = 0;
    big.map[0x3F8 / 8] = 0x10; // all but 3FCh
    gdt[SEL_TSS / 8] = segment((uint32_t)&big, sizeof big - 1, ACCESS_TSS, false);
    __asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
    outcome_user("open port", u_in, 0);
    outcome_user("closed port", u_out, 0);
    outcome_user("open port by INS", u_insb, 0);
    outcome_user("closed port by OUTS", u_outs, 0);
    outcome_user("open high port", u_in_dx, 0);
    outcome_user("word, one half closed", u_in_word, 0);
    outcome_user("dword, one byte closed", u_in_dword, 0);
    outcome_user("word across a closed edge", u_in_edge, 0);
    outcome_user("beyond the map", u_in_high, 0);
    big.map[0x48 / 8] = 0xFE;
    outcome_user("word across an open edge", u_in_edge, 0);
    big.map[0x3F8 / 8] = 0;
    outcome_user("word, both open", u_in_word, 0);
    gdt[SEL_TSS / 8] = segment((uint32_t)&big, sizeof big.tss + 0x7F - 1, ACCESS_TSS, false);
    __asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
    outcome_user("the map ends before the port", u_in_dx, 0);
    outcome_user("an earlier port is still open", u_in, 0);
    gdt[SEL_TSS / 8] = segment((uint32_t)&big, sizeof big.tss + 0x7F, ACCESS_TSS, false);
    __asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
    outcome_user("the map ends with the port's byte", u_in_dx, 0); // two bytes are always read: refused
    fact("the TSS is busy", gdt[SEL_TSS / 8].high >> 9 & 1);
    ACT(load_busy, "push 0x28\nltr [esp]\npop eax\nret");
    outcome("LTR of a busy TSS", load_busy);
    ACT(load_code, "push 0x08\nltr [esp]\npop eax\nret");
    outcome("LTR of a code segment", load_code);
    ACT(load_null, "push 0\nltr [esp]\npop eax\nret");
    outcome("LTR of null", load_null);
    gdt[SEL_TSS / 8] = segment((uint32_t)&tss, sizeof tss - 1, ACCESS_TSS, false);
    __asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
}

void kmain(void)
{
    probe_init();
    idt[3].high |= ACCESS_DPL3 << 8;
    call_gates();
    inner_stacks();
    returns();
    flags();
    idt[3].high &= ~(uint32_t)(ACCESS_DPL3 << 8);
    software_interrupts();
    privileged();
    port_bitmap();
    nesting();
    finish(true);
}
