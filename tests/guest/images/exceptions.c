// Exceptions: what is pushed for each, single-stepping, the shadows of STI and MOV SS, waking from HLT.
//
// Idea: the pushed EIP tells a fault (the instruction itself) from a trap (the next one); a list of EIPs tells where the
// single-step trap and where interrupts come, instruction by instruction.
// Manual: Intel SDM volume 3, 6.5 (classes), 6.8 (masking), 6.15 (each exception), 17.3.1.4 (single step).
// Not here: faults of segments (`segments`), of gates (`gates`), of paging (`paging`); breakpoint registers.
#include "probe.h"

enum { RF = 0x10000, TF = 0x100, CR0_EM = 4 };

// ---- one of each --------------------------------------------------------------------------------------------------

ACT(divide_by_0, "mov edx, 0\nmov eax, 7\nxor ecx, ecx\ndiv ecx\nret");
ACT(divide_overflow, "mov edx, 5\nmov eax, 7\nmov ecx, 5\ndiv ecx\nret");
ACT(divide_fits, "mov edx, 4\nmov eax, 7\nmov ecx, 5\ndiv ecx\nret");
ACT(idiv_overflow, "mov eax, 0x80000000\ncdq\nmov ecx, -1\nidiv ecx\nret");
ACT(idiv_byte, "mov ax, -129\nmov cl, 1\nidiv cl\nret");
ACT(idiv_byte_fits, "mov ax, -128\nmov cl, 1\nidiv cl\nret");
ACT(aam_0, "mov al, 5\n.byte 0xD4, 0\nret");
ACT(breakpoint, "nop\nint3\nret");
ACT(overflow, "mov al, 0x80\nsub al, 1\ninto\nret");
ACT(no_overflow, "xor eax, eax\ninto\nret");
ACT(bound_low, "push 9\npush 5\nmov eax, 4\nbound eax, [esp]\nadd esp, 8\nret");
ACT(bound_high, "push 9\npush 5\nmov eax, 10\nbound eax, [esp]\nadd esp, 8\nret");
ACT(bound_in, "push 9\npush 5\nmov eax, 9\nbound eax, [esp]\nadd esp, 8\nret");
ACT(bound_signed, "push 9\npush -5\nmov eax, -5\nbound eax, [esp]\nadd esp, 8\nret");
ACT(bound_word, "push 0x00090005\nmov eax, 0x1230004\nbound ax, [esp]\nadd esp, 4\nret");
ACT(undefined, "nop\nud2\nret");
ACT(undefined_0fff, ".byte 0x0F, 0xFF, 0xC0\nret");
ACT(lock_nop, ".byte 0xF0, 0x90\nret");
ACT(lock_mov, ".byte 0xF0, 0x89, 0x04, 0x24\nret");
ACT(lock_register, ".byte 0xF0, 0x01, 0xC0\nret");
ACT(lock_cmp, ".byte 0xF0, 0x39, 0x04, 0x24\nret");
ACT(lock_good, "push 1\nlock add dword ptr [esp], 1\nlock not dword ptr [esp]\nlock dec byte ptr [esp]\npop eax\nret");
ACT(mov_to_cs, ".byte 0x8E, 0xC8\nret");
ACT(mov_segment_6, ".byte 0x8E, 0xF0\nret");
ACT(lea_register, ".byte 0x8D, 0xC0\nret");
ACT(les_register, ".byte 0xC4, 0xC0\nret");
ACT(bound_register, ".byte 0x62, 0xC0\nret");
ACT(group_fe, ".byte 0xFE, 0xD0\nret");
ACT(group_ff, ".byte 0xFF, 0xF8\nret");
ACT(group_8f, ".byte 0x8F, 0xC8\nret");
ACT(group_c6, ".byte 0xC6, 0xC8, 0\nret");
ACT(read_cr1, ".byte 0x0F, 0x20, 0xC8\nret");
ACT(write_cr5, ".byte 0x0F, 0x22, 0xE8\nret");
ACT(too_long, ".byte 0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x90\nret");
ACT(just_long_enough, ".byte 0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x90\nret");
ACT(cr0_pg_without_pe, "mov eax, 0x80000000\nmov cr0, eax\nret");
ACT(cr0_nw_without_cd, "mov eax, cr0\nor eax, 0x20000000\nand eax, 0xBFFFFFFF\nmov cr0, eax\nret");
ACT(cr4_reserved, "mov eax, cr4\nor eax, 0x80000000\nmov cr4, eax\nret");
ACT(no_such_msr, "mov ecx, 0x12345678\nrdmsr\nret");
ACT(nothing_there, "mov eax, 0x10\njmp 0x10:0");
ACT(bad_prefix_kept, ".byte 0x2E, 0x3E, 0x26, 0x90\nret");
ACT(undocumented, // SALC, TEST /1, SAL /6, 82h
    "clc\n.byte 0xD6\n.byte 0xF6, 0xC8, 0x01\n.byte 0xC0, 0xF0, 1\n.byte 0x82, 0xC0, 1\nret");

static void one_of_each(void)
{
    static const struct { const char *name; act *body; } rows[] = {
        {"divide by 0", divide_by_0}, {"quotient too large", divide_overflow}, {"quotient fits", divide_fits},
        {"least by -1", idiv_overflow}, {"signed byte too small", idiv_byte}, {"signed byte fits", idiv_byte_fits},
        {"aam 0", aam_0}, {"int3", breakpoint}, {"into", overflow}, {"into, no overflow", no_overflow},
        {"bound below", bound_low}, {"bound above", bound_high}, {"bound at the end", bound_in},
        {"bound negative", bound_signed}, {"bound of words", bound_word}, {"ud2", undefined}, {"0F FF", undefined_0fff},
        {"lock nop", lock_nop}, {"lock mov", lock_mov}, {"lock with a register", lock_register}, {"lock cmp", lock_cmp},
        {"lock where it may be", lock_good}, {"mov cs", mov_to_cs}, {"mov to segment 6", mov_segment_6},
        {"lea of a register", lea_register}, {"les of a register", les_register}, {"bound of a register", bound_register},
        {"FE /2", group_fe}, {"FF /7", group_ff}, {"8F /1", group_8f}, {"C6 /1", group_c6}, {"mov from cr1", read_cr1},
        {"mov to cr5", write_cr5}, {"16 bytes long", too_long}, {"15 bytes long", just_long_enough},
        {"PG without PE", cr0_pg_without_pe}, {"NW without CD", cr0_nw_without_cd}, {"reserved bit of cr4", cr4_reserved},
        {"no such MSR", no_such_msr}, {"far jump to data", nothing_there}, {"prefixes without use", bad_prefix_kept},
        {"undocumented forms", undocumented}};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        outcome(rows[i].name, rows[i].body);
    attempt(divide_by_0);
    fact2("a fault: RF, registers kept", caught.eflags & RF, caught.eax);
    attempt(divide_overflow);
    fact2("  edx, ecx", caught.edx, caught.ecx);
    attempt(breakpoint);
    fact("a trap: RF", caught.eflags & RF);
}

// ---- #NM ----------------------------------------------------------------------------------------------------------

ACT(x87, "nop\nfninit\nret");
ACT(x87_memory, "fnstsw ax\nfld1\nret");
ACT(wait_x87, "fwait\nret");

static void no_coprocessor(void)
{
    static const struct { const char *name; uint32_t set; } rows[] = {
        {"TS", CR0_TS}, {"MP", CR0_MP}, {"TS MP", CR0_TS | CR0_MP}, {"EM", CR0_EM}, {"EM TS", CR0_EM | CR0_TS}};
    uint32_t cr0;
    __asm__ volatile("mov %0, cr0" : "=r"(cr0));
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t with = (cr0 & ~(uint32_t)(CR0_TS | CR0_MP | CR0_EM)) | rows[i].set;
        __asm__ volatile("mov cr0, %0" : : "r"(with));
        print(rows[i].name);
        if (rows[i].set != CR0_MP) {
            outcome(", x87", x87);
            print(rows[i].name);
        }
        outcome(", wait", wait_x87);
        if (rows[i].set & CR0_TS) {
            __asm__ volatile("clts\n\tmov %0, cr0" : "=r"(with));
            fact("  after clts", with & (CR0_TS | CR0_MP | CR0_EM));
        }
    }
    __asm__ volatile("mov cr0, %0" : : "r"(cr0));
}

// ---- single step --------------------------------------------------------------------------------------------------

enum { STEPS = 64 };
static struct { uint32_t n, eip[STEPS], flags, dr6; } steps;

static void step_trap(struct trap_frame *f)
{
    uint32_t dr6;
    __asm__ volatile("mov %0, dr6" : "=r"(dr6));
    __asm__ volatile("mov dr6, %0" : : "r"(0));
    if (steps.n < STEPS)
        steps.eip[steps.n] = f->eip;
    steps.n++;
    steps.flags = f->eflags;
    steps.dr6 |= dr6 & 0xE00F;
}

static uint32_t passed;
static void passing(struct trap_frame *f) { passed = passed << 4 | (f->vector & 15); }

static void stepped(const char *name, act *body, uint32_t cs)
{
    bool kernel = cs == SEL_KERNEL_CODE;
    steps.n = steps.flags = steps.dr6 = 0;
    trap_handlers[1] = step_trap;
    // IRET sets TF: the first trap comes after the first instruction of the act.
    bool back = kernel ? attempt(body) : attempt_user(body, TF);
    print(name);
    print(":");
    for (unsigned i = 0; i < steps.n && i < STEPS; i++) {
        print(" ");
        uint32_t offset = steps.eip[i] - (uint32_t)body;
        print_hex(offset < 0x100 ? offset : 0xFF, 2);
    }
    print(back ? " end" : " and then");
    if (back)
        fact(", dr6", steps.dr6);
    else
        told("", body, back);
    trap_handlers[1] = 0;
    probe_arm();
}

#define KERNEL_STEP(name, code) ACT(name, "push 0x102\npopfd\n" code "\npush 2\npopfd\nret")
KERNEL_STEP(k_nops, "nop\nnop\nadd eax, eax");
KERNEL_STEP(k_rep, "mov ecx, 3\nsub esp, 16\nmov edi, esp\nrep stosb\nadd esp, 16");
KERNEL_STEP(k_rep_0, "xor ecx, ecx\nrep stosb");
KERNEL_STEP(k_mov_ss, "mov eax, 0x10\nmov ss, eax\nnop\nnop");
KERNEL_STEP(k_pop_ss, "push 0x10\npop ss\nnop\nnop");
KERNEL_STEP(k_mov_ds, "mov eax, 0x10\nmov ds, eax\nnop");
KERNEL_STEP(k_cli, "cli\nnop\ncli\nclts");
KERNEL_STEP(k_port, "in al, 0x61\nnop\nmov al, 0x0B\nout 0x20, al");
KERNEL_STEP(k_int3, "int3\nnop");
KERNEL_STEP(k_int, "int 0x2E\nnop");
KERNEL_STEP(k_int_low, "int 9\nnop");
KERNEL_STEP(k_into, "mov al, 0x7F\nadd al, 1\npushfd\npop eax\ninto\nnop");
KERNEL_STEP(k_jump, "jmp 1f\nnop\n1: call 2f\njmp 3f\n2: ret\n3: nop");
KERNEL_STEP(k_cr, "mov eax, cr0\nmov cr0, eax\nmov eax, cr3\nmov cr3, eax\ninvlpg [0]\nnop");
KERNEL_STEP(k_fault, "nop\nud2");
KERNEL_STEP(k_far, "push 0x08\npush offset 1f\nretf\n1: nop");
KERNEL_STEP(k_iret, "push 0x102\npush 0x08\npush offset 1f\niretd\n1: nop\nnop");
KERNEL_STEP(k_iret_off, "push 0x2\npush 0x08\npush offset 1f\niretd\n1: nop\nnop");
KERNEL_STEP(k_loop, "mov ecx, 3\n1: loop 1b\nnop");
ACT(u_steps, "nop\nmov ecx, 2\n1: loop 1b\ncpuid\npush 3\npop eax\n" USER_END);
ACT(u_privileged, "nop\ncli\n" USER_END);
ACT(u_int, "nop\nint 0x2E\nnop\n" USER_END);
ACT(u_segment, "mov eax, 0x23\nmov es, eax\nmov ss, eax\nnop\nnop\n" USER_END);

static void single_step(void)
{
    static const struct { const char *name; act *body; } rows[] = {
        {"nops", k_nops}, {"rep", k_rep}, {"rep, count 0", k_rep_0}, {"mov ss", k_mov_ss}, {"pop ss", k_pop_ss},
        {"mov ds", k_mov_ds}, {"cli", k_cli}, {"ports", k_port}, {"int3", k_int3}, {"int 2E", k_int},
        {"int 9", k_int_low}, {"into", k_into}, {"jumps", k_jump}, {"control registers", k_cr}, {"ud2", k_fault},
        {"far return", k_far}, {"iret with TF", k_iret}, {"iret without TF", k_iret_off}, {"loop", k_loop}};
    trap_handlers[3] = trap_handlers[4] = trap_handlers[9] = trap_handlers[0x2E] = passing;
    idt[0x2E].high |= ACCESS_DPL3 << 8;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        trap_handlers[3] = trap_handlers[4] = trap_handlers[9] = passing;
        stepped(rows[i].name, rows[i].body, SEL_KERNEL_CODE);
    }
    fact("handlers passed", passed);
    stepped("ring 3", u_steps, SEL_USER_CODE);
    stepped("ring 3, cli", u_privileged, SEL_USER_CODE);
    stepped("ring 3, int", u_int, SEL_USER_CODE);
    stepped("ring 3, segments", u_segment, SEL_USER_CODE);
    trap_handlers[0x2E] = 0;
}

// ---- interrupts: where exactly ------------------------------------------------------------------------------------

static uint32_t irq_eip, irq_count;
static void timer(struct trap_frame *f)
{
    irq_eip = f->eip;
    irq_count++;
    pic_end_of_interrupt();
}

static void wait_until_pending(void)
{
    outb(0x20, 0x0A); // next read: IRR
    while ((inb(0x20) & 1) == 0)
        ;
}

// A one-shot timer that has fired; the request waits because IF is off.
static void interrupted(const char *name, act *body)
{
    outb(0x43, 0x30); // channel 0, mode 0
    outb(0x40, 50);
    outb(0x40, 0);
    pic_unmask_timer();
    wait_until_pending();
    irq_eip = irq_count = 0;
    bool back = attempt(body);
    print(name);
    print(irq_count ? ": interrupted at +" : ": not interrupted, ");
    if (irq_count)
        print_hex(irq_eip - (uint32_t)body, 2);
    told("", body, back);
    pic_mask_all();
    if (!irq_count) { // take it off the controller
        outb(0x20, 0x0C);
        (void)inb(0x20);
        pic_end_of_interrupt();
    }
}

ACT(i_sti, "sti\nnop\nnop\nnop\ncli\nret");
ACT(i_sti_cli, "sti\ncli\nnop\nret");
ACT(i_sti_sti, "sti\nsti\nnop\nnop\ncli\nret");
ACT(i_sti_twice, "sti\nnop\nsti\nnop\ncli\nret");
ACT(i_sti_hlt, "sti\nhlt\nnop\ncli\nret");
ACT(i_sti_jmp, "sti\njmp 1f\nnop\n1: nop\nnop\ncli\nret");
ACT(i_sti_in, "sti\nin al, 0x61\nnop\nnop\ncli\nret");
ACT(i_sti_ud2, "sti\nud2\ncli\nret");
ACT(i_sti_mov_ss, "mov eax, 0x10\nsti\nmov ss, eax\nnop\nnop\ncli\nret");
ACT(i_mov_ss, "mov eax, 0x10\nsti\nnop\nnop\nmov ss, eax\nnop\ncli\nret");
ACT(i_iret, "push 0x202\npush 0x08\npush offset 1f\niretd\n1: nop\nnop\ncli\nret");
ACT(i_iret_nop_cli, "push 0x202\npush 0x08\npush offset 1f\niretd\n1: cli\nnop\nret");
ACT(i_user, "push 0x23\npush offset user_stack_top\npush 0x202\npush 0x1B\npush offset i_user_code\niretd");
ACT(i_user_code, "nop\nnop\n" USER_END);
ACT(i_hlt_masked, "nop\nret");

static void interrupts(void)
{
    trap_handlers[VECTOR_TIMER] = timer;
    interrupted("sti", i_sti);
    interrupted("sti cli", i_sti_cli);
    interrupted("sti sti", i_sti_sti);
    interrupted("sti nop sti", i_sti_twice);
    interrupted("sti hlt", i_sti_hlt);
    interrupted("sti jmp", i_sti_jmp);
    interrupted("sti in", i_sti_in);
    interrupted("sti ud2", i_sti_ud2);
    interrupted("sti, mov ss later", i_mov_ss);
    interrupted("iret", i_iret);
    interrupted("iret to cli", i_iret_nop_cli);
    interrupted("iret to ring 3", i_user);
    fact("  at", irq_eip - (uint32_t)i_user_code);
    interrupted("nothing", i_hlt_masked);
}

// HLT wakes for every interrupt, and only for them.
static void halting(void)
{
    irq_count = 0;
    pit_start();
    pic_unmask_timer();
    uint32_t wakes = 0;
    while (irq_count < 5) {
        __asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
        wakes++;
    }
    pic_mask_all();
    fact2("wakes, interrupts", wakes, irq_count);
}

// The counter goes on from what was written to it, also for who reads it without asking anybody.
static void time_stamp(void)
{
    uint32_t low, high;
    __asm__ volatile("wrmsr\n\trdtsc" : "=a"(low), "=d"(high) : "c"(0x10), "0"(0), "1"(0x1234));
    fact2("time stamp after it was set", high, low < 1000000);
}

void kmain(void)
{
    probe_init();
    one_of_each();
    no_coprocessor();
    single_step();
    interrupts();
    halting();
    time_stamp();
    finish(true);
}
