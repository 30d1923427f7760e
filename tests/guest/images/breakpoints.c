// Breakpoints in debug registers, alignment checks, SYSENTER: what stops, where, and what DR6 and the frame say.
//
// Idea: the #DB handler notes EIP as an offset into the act, DR6 and the pushed RF, and returns with RF set, as debuggers
// do; a list of these tells the whole story of an act.
// Manual: Intel SDM volume 3, 17.2, 17.3 (debug registers, exceptions), 6.15 (#AC), 6.8.3; volume 2, SYSENTER.
// Not here: single steps without breakpoints (`exceptions`), the T bit of a task.
#include "probe.h"

enum { RF = 0x10000, TF = 0x100, AC = 0x40000, DR7_GD = 0x2000, CR0_AM = 0x40000, CR4_DE = 8 };
enum { EXEC = 0, WRITE = 1, PORT = 2, ACCESS = 3, LEN1 = 0, LEN2 = 4, LEN4 = 12 };

#define DR(n) \
    static uint32_t dr##n(void) { uint32_t v; __asm__ volatile("mov %0, dr" #n : "=r"(v)); return v; } \
    static void set_dr##n(uint32_t v) { __asm__ volatile("mov dr" #n ", %0" : : "r"(v)); }
DR(0) DR(1) DR(2) DR(3) DR(6) DR(7)

static uint32_t cell[16] __attribute__((aligned(64)));

static struct { uint32_t n, eip[16], dr6[16], rf[16]; } stops;

static void stop(struct trap_frame *f)
{
    uint32_t at = stops.n++ & 15;
    stops.eip[at] = f->eip;
    stops.dr6[at] = dr6();
    stops.rf[at] = f->eflags & RF;
    set_dr6(0);
    f->eflags |= RF;
}

static void story(const char *name, act *body, bool user, uint32_t eflags)
{
    stops.n = 0;
    trap_handlers[1] = stop;
    set_dr6(0);
    bool back = user ? attempt_user(body, eflags) : attempt(body);
    set_dr7(0);
    trap_handlers[1] = 0;
    probe_arm();
    print(name);
    print(":");
    for (uint32_t i = 0; i < stops.n && i < 16; i++) {
        uint32_t offset = stops.eip[i] - (uint32_t)body;
        print(" ");
        print_hex(offset < 0x100 ? offset : 0xFF, 2);
        print("/");
        print_hex(stops.dr6[i] & 0xF00F, 4);
        print(stops.rf[i] ? "R" : "");
    }
    if (back)
        print(" end\n");
    else
        told("", body, back);
}

static void watch(uint32_t at, uint32_t kind) // DR0
{
    set_dr0(at);
    set_dr7(1 | kind << 16);
}

// ---- breakpoints ----------------------------------------------------------------------------------------------------

ACT(nops, "nop\nnop\nnop\nnop\nret");
ACT(u_nops, "nop\nnop\nnop\nnop\n" USER_END);
ACT(loop_3, "mov ecx, 3\n1: nop\nloop 1b\nret");
ACT(store, "mov eax, offset cell\nmov [eax], eax\nmov [eax + 3], al\nmov [eax + 4], al\nret");
ACT(load, "mov edx, offset cell\nmov eax, [edx]\nmov al, [edx + 3]\nmov al, [edx + 4]\nret");
ACT(change, "inc dword ptr [cell]\ntest dword ptr [cell], 1\nret");
ACT(straddle, "mov dword ptr [cell - 2], 0\nmov eax, [cell + 3]\nret");
ACT(copy, "mov esi, offset cell\nmov edi, offset cell + 32\nmov ecx, 4\ncld\nrep movsd\nnop\nret");
ACT(scan, "mov edi, offset cell\nmov ecx, 4\nmov eax, 0x12345\ncld\nrepne scasd\nnop\nret");
ACT(stack, "push 1\npop eax\ncall 1f\n1: pop eax\nret");
ACT(mov_ss, "mov eax, 0x10\nmov [cell], eax\nmov ss, [cell]\nnop\nnop\nret");
ACT(mov_ss_int1, "mov eax, 0x10\nmov [cell], eax\nmov ss, [cell]\n.byte 0xF1\nnop\nret");
ACT(mov_ss_int, "mov eax, 0x10\nmov [cell], eax\nmov ss, [cell]\nint 1\nnop\nret");
ACT(mov_ss_ud, "mov eax, 0x10\nmov [cell], eax\nmov ss, [cell]\nud2\nnop\nret");
ACT(mov_ss_int3, "mov eax, 0x10\nmov [cell], eax\nmov ss, [cell]\nint3\nnop\nret");
ACT(mov_ss_exec, "mov eax, 0x10\nmov ss, eax\nnop\nnop\nret");
ACT(u_store, "mov eax, offset cell\nmov [eax], eax\nmov eax, [eax]\nnop\n" USER_END);
ACT(ports, "in al, 0x61\nmov dx, 0x80\nout dx, al\nin ax, 0x60\nnop\nret");
ACT(icebp, "nop\n.byte 0xF1\nnop\nret");
ACT(u_icebp, "nop\n.byte 0xF1\nnop\n" USER_END);
ACT(read_dr0, "nop\nmov eax, dr0\nnop\nret");
ACT(write_dr7, "nop\nmov eax, 0x2400\nmov dr7, eax\nmov dr6, eax\nnop\nret");
ACT(step_store, "push 0x102\npopfd\nmov [cell], eax\npush 2\npopfd\nret");
ACT(sti_nops, "sti\ncli\nnop\nret");

static void breakpoints(void)
{
    uint32_t cr4;
    __asm__ volatile("mov %0, cr4" : "=r"(cr4));
    watch((uint32_t)nops + 1, EXEC), story("instruction", nops, false, 0);
    watch((uint32_t)u_nops + 2, EXEC), story("instruction, ring 3", u_nops, true, 0);
    watch((uint32_t)u_nops, EXEC), story("first instruction, RF", u_nops, true, RF);
    watch((uint32_t)loop_3 + 5, EXEC), story("in a loop", loop_3, false, 0);
    set_dr0((uint32_t)nops), set_dr1((uint32_t)nops + 2), set_dr2((uint32_t)nops + 2), set_dr3((uint32_t)nops + 3);
    set_dr7(1 | 8 | 16 | 0x80), story("four", nops, false, 0);
    watch((uint32_t)copy + 16, EXEC), story("at a rep", copy, false, 0);
    watch((uint32_t)mov_ss_exec + 7, EXEC), story("behind mov ss", mov_ss_exec, false, 0);
    watch((uint32_t)sti_nops + 1, EXEC), story("behind sti", sti_nops, false, 0);

    watch((uint32_t)cell, WRITE | LEN4), story("write, 4", store, false, 0);
    watch((uint32_t)cell, WRITE | LEN2), story("write, 2", store, false, 0);
    watch((uint32_t)cell + 3, WRITE | LEN1), story("write, 1", store, false, 0);
    watch((uint32_t)cell + 1, WRITE | LEN4), story("write, 4 rounded down", store, false, 0);
    watch((uint32_t)cell, WRITE | LEN4), story("write, reads", load, false, 0);
    watch((uint32_t)cell, ACCESS | LEN4), story("access, reads", load, false, 0);
    watch((uint32_t)cell, ACCESS | LEN4), story("access, change", change, false, 0);
    watch((uint32_t)cell, WRITE | LEN4), story("write, change", change, false, 0);
    watch((uint32_t)cell, ACCESS | LEN4), story("access, straddling", straddle, false, 0);
    watch((uint32_t)cell + 36, WRITE | LEN4), story("in rep movs", copy, false, 0);
    watch((uint32_t)cell + 44, WRITE | LEN4), story("at its end", copy, false, 0);
    watch((uint32_t)cell + 4, ACCESS | LEN4), story("in repne scas", scan, false, 0);
    watch((uint32_t)cell, ACCESS | LEN2), story("mov ss from it", mov_ss, false, 0);
    watch((uint32_t)cell, ACCESS | LEN2), story("  and int1", mov_ss_int1, false, 0);
    watch((uint32_t)cell, ACCESS | LEN2), story("  and int 1", mov_ss_int, false, 0);
    watch((uint32_t)cell, ACCESS | LEN2), story("  and ud2, which loses it", mov_ss_ud, false, 0);
    watch((uint32_t)cell, ACCESS | LEN2), story("  and int3", mov_ss_int3, false, 0);
    watch((uint32_t)cell, WRITE | LEN4), story("write, ring 3", u_store, true, 0);
    watch((uint32_t)cell, ACCESS | LEN4), story("access, ring 3", u_store, true, 0);
    watch((uint32_t)user_stack_top - 4, ACCESS | LEN4), story("not touched", u_store, true, 0);
    watch((uint32_t)cell, WRITE | LEN4), story("and stepping", step_store, false, 0);
    watch((uint32_t)cell, WRITE | LEN4), story("and stepping, ring 3", u_store, true, TF);
    set_dr0((uint32_t)cell), set_dr1((uint32_t)store + 7), set_dr2((uint32_t)cell + 3);
    set_dr7(1 | 4 | 16 | (WRITE | LEN4) << 16 | (WRITE | LEN1) << 24), story("data and instruction", store, false, 0);

    __asm__ volatile("mov cr4, %0" : : "r"(cr4 | CR4_DE));
    watch(0x61, PORT | LEN1), story("port", ports, false, 0);
    watch(0x80, PORT | LEN1), story("port 80", ports, false, 0);
    watch(0x60, PORT | LEN2), story("two ports", ports, false, 0);
    __asm__ volatile("mov cr4, %0" : : "r"(cr4));

    story("int1", icebp, false, 0);
    story("int1, ring 3", u_icebp, true, 0);
    set_dr7(DR7_GD), story("general detect", read_dr0, false, 0);
    story("general detect, set", write_dr7, false, 0);
    set_dr7(0xFFFF07FF);
    fact("dr7, all ones", dr7());
    set_dr7(0);
    set_dr6(0);
    fact2("dr6, dr7 cleared", dr6(), dr7());
    set_dr0(1), set_dr1(2), set_dr2(3), set_dr3(0xFFFFFFFF);
    fact2("dr0, dr1", dr0(), dr1());
    fact2("dr2, dr3", dr2(), dr3());
}

// ---- alignment ------------------------------------------------------------------------------------------------------

ACT(u_dword, "mov eax, [cell + 1]\n" USER_END);
ACT(u_word, "mov ax, [cell + 2]\nmov ax, [cell + 3]\n" USER_END);
ACT(u_byte, "mov al, [cell + 3]\n" USER_END);
ACT(u_write, "mov dword ptr [cell + 2], 5\n" USER_END);
ACT(u_push, "lea esp, [esp - 2]\npush eax\n" USER_END);
ACT(u_quad, "cmpxchg8b [cell + 4]\n" USER_END);
ACT(u_popf, "pushfd\nor dword ptr [esp], 0x40000\npopfd\nmov eax, [cell + 2]\n" USER_END);
ACT(k_dword, "mov eax, [cell + 1]\nret");

static void alignment(void)
{
    static const struct { const char *name; act *body; } rows[] = {
        {"dword", u_dword}, {"word", u_word}, {"byte", u_byte}, {"write", u_write}, {"push", u_push}, {"quadword", u_quad}};
    uint32_t cr0;
    __asm__ volatile("mov %0, cr0" : "=r"(cr0));
    for (uint32_t am = 0; am < 2; am++) {
        print(am ? "AM\n" : "without AM\n");
        __asm__ volatile("mov cr0, %0" : : "r"(am ? cr0 | CR0_AM : cr0 & ~(uint32_t)CR0_AM));
        for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
            outcome_user(rows[i].name, rows[i].body, AC);
        outcome_user("AC clear", u_dword, 0);
        outcome_user("AC set by popf", u_popf, 0);
        outcome("ring 0", k_dword);
    }
    __asm__ volatile("mov cr0, %0" : : "r"(cr0));
}

// ---- SYSENTER -------------------------------------------------------------------------------------------------------

void fast_entry(void);
void fast_back(void);
uint32_t fast_seen[4]; // cs, ss, esp, eflags
__asm__(".pushsection .text\n.intel_syntax noprefix\nfast_entry:\nmov [fast_seen + 8], esp\nmov esp, offset trap_stack_top\n"
        "pushfd\npop dword ptr [fast_seen + 12]\nmov eax, cs\nmov [fast_seen], eax\nmov eax, ss\nmov [fast_seen + 4], eax\n"
        "mov edx, offset fast_back\nmov ecx, offset user_stack_top\nsysexit\n"
        "fast_back:\nmov eax, cs\nmov ebx, ss\nmov esi, esp\n" USER_END "ud2\n.popsection");
ACT(u_sysenter, "nop\nsysenter\n" USER_END);
ACT(u_sysexit, "nop\nsysexit\n" USER_END);
ACT(k_sysexit, "nop\nsysexit\nret");
ACT(k_sysenter, "nop\nsysenter\nret");

static void wrmsr(uint32_t msr, uint32_t value) { __asm__ volatile("wrmsr" : : "c"(msr), "a"(value), "d"(0)); }
static uint32_t rdmsr(uint32_t msr)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return low;
}

static void fast_calls(void)
{
    outcome_user("sysenter, CS 0", u_sysenter, 0);
    outcome("sysenter in ring 0, CS 0", k_sysenter);
    outcome("sysexit, CS 0", k_sysexit);
    wrmsr(0x174, SEL_KERNEL_CODE);
    wrmsr(0x175, 0x12345678);
    wrmsr(0x176, (uint32_t)fast_entry);
    fact2("MSRs", rdmsr(0x174), rdmsr(0x175));
    outcome_user("sysexit in ring 3", u_sysexit, 0);
    outcome_user("sysenter", u_sysenter, 1);
    fact2("  there: cs, ss", fast_seen[0] & ~3u, fast_seen[1] & ~3u);
    fact2("  esp, CF", fast_seen[2], fast_seen[3] & 1);
    wrmsr(0x174, 0);
}

void kmain(void)
{
    probe_init();
    breakpoints();
    alignment();
    fast_calls();
    finish(true);
}
