// Virtual-8086 mode: what each instruction does there by IOPL and by CR4.VME, what the monitor finds on its stack, and the way
// back in.
//
// Idea: a program is a few bytes of 16-bit code at 0900:0000 that run until something takes them to the monitor; if nothing
// else does, the HLT behind them. One line says what: exception, code, IP, flags, SP, AX and the top of its stack.
// Manual: Intel SDM volume 3, chapter 20 (virtual-8086 mode, redirection of INT n).
// Not here: paging below it, tasks (`tasks`), single-step.
#include "program.h"

enum { CODE = 0x9000, STACK = 0xA000, TOP = 0x0100, DATA = 0xB000, HANDLER = 0x80, LANDING = 0x40 };
enum { VM = 1 << 17, VIF = 1 << 19, VIP = 1 << 20, CR4_VME = 1, NT = 1 << 14 };

PROGRAM(p_nothing, "nop");
PROGRAM(p_cli, "cli");
PROGRAM(p_sti, "sti");
PROGRAM(p_cli_sti, "cli\nsti");
PROGRAM(p_pushf, "pushf");
PROGRAM(p_pushfd, ".byte 0x66\npushf");
PROGRAM(p_popf, "pop ax\npop ax\npopf");
PROGRAM(p_popf_if, "push 0x4ED7\npopf\npushf");
PROGRAM(p_popf_off, "push 0x0002\npopf\npushf");
PROGRAM(p_popf_tf, "push 0x0102\npopf");
PROGRAM(p_popfd, ".byte 0x66\npush 0\n.byte 0x66\npopf");
PROGRAM(p_iret, "iret");
PROGRAM(p_iretd, PUSHD "0x247ED7\n.byte 0x66\npush cs\n" PUSHD "0x40\n.byte 0x66\niret");
PROGRAM(p_int_21, "int 0x21");
PROGRAM(p_int_22, "int 0x22");
PROGRAM(p_int_80, "int 0x80");
PROGRAM(p_int3, "int3");
PROGRAM(p_int_3, ".byte 0xCD, 0x03");
PROGRAM(p_into, "mov al, 0x7F\nadd al, 1\ninto");
PROGRAM(p_into_off, "xor al, al\ninto");
PROGRAM(p_in_open, "in al, 0x61\nmov al, 0x55");
PROGRAM(p_in_closed, "in al, 0x64");
PROGRAM(p_out_word, "out 0x61, ax");
PROGRAM(p_insb, "mov dx, 0x64\nxor di, di\ninsb");

static const struct program by_iopl[] = {
    ROW(nothing), ROW(cli), ROW(sti), ROW(cli_sti), ROW(pushf), ROW(pushfd), ROW(popf), ROW(popf_if), ROW(popf_off),
    ROW(popf_tf), ROW(popfd), ROW(iret), ROW(iretd), ROW(int_21), ROW(int_22), ROW(int_80), ROW(int3), ROW(int_3), ROW(into),
    ROW(into_off), ROW(in_open), ROW(in_closed), ROW(out_word), ROW(insb)
};

PROGRAM(p_segments, "mov ax, 0x0B01\nmov ds, ax\nmov ax, ds:[0]\nmov bx, ds\npush bx\npush fs\npush gs");
PROGRAM(p_null, "xor ax, ax\nmov es, ax\nmov ax, es:[0x84]");
PROGRAM(p_write_cs, "mov word ptr cs:[0x70], 0x1234\nmov ax, cs:[0x70]");
PROGRAM(p_end_of_segment, "mov ax, ds:[0xFFFF]");
PROGRAM(p_last_byte, "mov al, ds:[0xFFFF]\nmov ax, 1");
PROGRAM(p_end_of_stack, "mov bp, 0xFFFF\nmov ax, [bp]");
PROGRAM(p_push_wraps, "xor sp, sp\npush 0x77\nmov ax, 2");
PROGRAM(p_push_odd, "mov sp, 1\npush 0x77");
PROGRAM(p_far_offset, ".byte 0x67\nmov al, ds:[ebx + 0x10000]");
PROGRAM(p_string_end, "mov si, 0xFFFF\nlodsw");
PROGRAM(p_string_wraps, "mov si, 0xFFFE\nlodsw\nmov ax, si");
PROGRAM(p_rep_ends, "mov cx, 3\nmov si, 0xFFFB\nxor di, di\nrep movsw");
PROGRAM(p_near_jump_out, ".byte 0x66, 0xE9\n.long 0x10000");
PROGRAM(p_jump_wraps, ".byte 0xE9\n.word 0x40 - 3 - 0x10000 & 0xFFFF");
PROGRAM(p_far_jump, ".byte 0xEA\n.word 0x40, 0x0900");
PROGRAM(p_far_jump_same, ".byte 0xEA\n.word 0x1040, 0x0800");
PROGRAM(p_far_jump_32, ".byte 0x66, 0xEA\n.long 0x10040\n.word 0x0900");
PROGRAM(p_far_call, ".byte 0x9A\n.word 0x40, 0x0900");
PROGRAM(p_far_return, "retf");
PROGRAM(p_lds, "lds ax, ss:[0x100]\nmov ax, ds");
PROGRAM(p_arpl, ".byte 0x63, 0xC0");
PROGRAM(p_lar, "lar ax, ax");
PROGRAM(p_lsl, "lsl ax, ax");
PROGRAM(p_verr, "verr ax");
PROGRAM(p_sldt, "sldt ax");
PROGRAM(p_str, "str ax");
PROGRAM(p_lldt, "lldt ax");
PROGRAM(p_ltr, "ltr ax");
PROGRAM(p_lgdt, "lgdt ds:[0]");
PROGRAM(p_lmsw, "lmsw ax");
PROGRAM(p_smsw, "smsw ax\nand ax, 1");
PROGRAM(p_clts, "clts");
PROGRAM(p_cr0, ".byte 0x0F, 0x20, 0xC0");
PROGRAM(p_hlt, "hlt");
PROGRAM(p_ud2, "ud2");
PROGRAM(p_lock_nop, ".byte 0xF0, 0x90");
PROGRAM(p_long, ".fill 15, 1, 0x2E\nnop");
PROGRAM(p_div, "xor cx, cx\ndiv cx");
PROGRAM(p_bound, "mov ax, 5\n.byte 0x62, 0x06\n.word 0");
PROGRAM(p_enter, "mov bp, 0x200\nenter 8, 2\nmov ax, bp");
PROGRAM(p_pusha, "pusha\nmov ax, sp");
PROGRAM(p_moffs_32, ".byte 0x66, 0xA1\n.word 0");

static const struct program alike[] = {
    ROW(segments), ROW(null), ROW(write_cs), ROW(end_of_segment), ROW(last_byte), ROW(end_of_stack), ROW(push_wraps),
    ROW(push_odd), ROW(far_offset), ROW(string_end), ROW(string_wraps), ROW(rep_ends), ROW(near_jump_out), ROW(jump_wraps),
    ROW(far_jump), ROW(far_jump_same), ROW(far_jump_32), ROW(far_call), ROW(far_return), ROW(lds), ROW(arpl), ROW(lar),
    ROW(lsl), ROW(verr), ROW(sldt), ROW(str), ROW(lldt), ROW(ltr), ROW(lgdt), ROW(lmsw), ROW(smsw), ROW(clts), ROW(cr0),
    ROW(hlt), ROW(ud2), ROW(lock_nop), ROW(long), ROW(div), ROW(bound), ROW(enter), ROW(pusha), ROW(moffs_32)
};

// ---- running one ----

uint32_t entry_flags;
static struct { uint32_t es, ds, fs, gs, ss, esp, vm; } outside; // what the monitor found beyond the usual frame

ACT(enter_86, "push 0x6060\npush 0x5050\npush 0x0B00\npush 0x4040\npush 0x0A00\npush 0xABCD0100\npush dword ptr entry_flags\n"
              "push 0x0900\npush 0x0\nmov eax, 0x11111111\nmov ebx, 0x22222222\nxor ecx, ecx\n"
              "mov edx, 0x44444444\nmov esi, 0x66666666\nmov edi, 0x77777777\nmov ebp, 0x55555555\niretd");

static trap_handler *catch;
static void from_86(struct trap_frame *f)
{
    const uint32_t *more = &f->ss + 1; // ES, DS, FS, GS
    outside.vm = f->eflags >> 17 & 1;
    if (outside.vm) {
        outside.es = more[0], outside.ds = more[1], outside.fs = more[2], outside.gs = more[3];
        outside.ss = f->ss;
        outside.esp = f->esp;
    }
    catch(f);
}

static void load(const struct program *p)
{
    program_put(CODE, p, 0xF4);
    clear(STACK, 0x200);
    clear(DATA, 0x100);
    volatile uint16_t *top = (uint16_t *)(STACK + TOP), *data = (uint16_t *)DATA;
    for (int i = -16; i < 0; i++)
        top[i] = 0x9999;
    top[0] = LANDING, top[1] = 0x0900, top[2] = 0x3203;
    data[0] = 6, data[1] = 9;
    *(volatile uint8_t *)(DATA + 0xFFFF) = 0x5A;
    *(volatile uint32_t *)(0x21 * 4) = *(volatile uint32_t *)(3 * 4) = 0x09000000 | HANDLER;
}

static void run(const char *name, const struct program *p, uint32_t flags)
{
    load(p);
    entry_flags = flags | VM | EFLAGS_ALWAYS;
    outside.vm = 0;
    attempt(enter_86);
    print(name);
    print(": ");
    print(vector_name(caught.vector));
    print("(");
    print_hex(caught.code, 4);
    print(") ");
    print_hex(caught.cs, 4);
    print(":");
    print_hex(caught.eip, 4);
    print(" flags ");
    print_hex(caught.eflags, 6);
    print(" sp ");
    print_hex(outside.esp, 8);
    print(" ax ");
    print_hex(caught.eax, 8);
    print_words(" top", (uint16_t *)(STACK + (outside.esp & 0xFFFE)), 3);
}

// ---- the monitor's tables ----

static struct { struct tss tss; uint8_t redirect[32], map[33]; } __attribute__((packed)) big;

static void big_tss(void)
{
    big.tss = tss;
    big.tss.esp0 = (uint32_t)trap_stack_top;
    big.tss.io_bitmap = sizeof big.tss + sizeof big.redirect;
    for (unsigned i = 0; i < 32; i++)
        big.redirect[i] = big.map[i] = 0xFF;
    big.redirect[0x21 / 8] = (uint8_t)~(1 << 0x21 % 8);
    big.redirect[0] = (uint8_t)~(1 << 3);
    big.map[0x61 / 8] = (uint8_t)~(1 << 0x61 % 8);
    big.map[32] = 0xFF;
    gdt[SEL_TSS / 8] = segment((uint32_t)&big, sizeof big - 1, ACCESS_TSS, false);
    __asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
}

static void set_cr4(uint32_t v) { __asm__ volatile("mov cr4, %0" : : "r"(v)); }

static void by_flags(void)
{
    static const uint32_t with[] = {0, EFLAGS_IF | EFLAGS_IOPL, VIF | 0x1000, VIP | 0x2000, VIP | VIF | EFLAGS_IOPL | NT};
    for (unsigned vme = 0; vme < 2; vme++) {
        set_cr4(vme ? CR4_VME : 0);
        for (unsigned f = 0; f < sizeof with / sizeof with[0]; f++) {
            print(vme ? "VME, flags " : "flags ");
            print_hex(with[f], 8);
            print("\n");
            for (unsigned i = 0; i < sizeof by_iopl / sizeof by_iopl[0]; i++)
                run(by_iopl[i].name, &by_iopl[i], with[f]);
        }
    }
    set_cr4(0);
}

static void gates(void)
{
    static const struct program int_22 = ROW(int_22), int3 = ROW(int3), int_3 = ROW(int_3), into = ROW(into);
    struct descriptor old = idt[0x22];
    extern const uint8_t entry_22[];
    idt[0x22] = gate(SEL_KERNEL_CODE, entry_22, ACCESS_INT_GATE | ACCESS_DPL3);
    run("INT 22h, gate of DPL 3", &int_22, EFLAGS_IOPL);
    fact2("  es, ds there", outside.es & 0xFFFF, outside.ds & 0xFFFF);
    fact2("  fs, gs there", outside.fs & 0xFFFF, outside.gs & 0xFFFF);
    fact("  ss there", outside.ss & 0xFFFF);
    run("the same, IOPL 2", &int_22, 0x2000);
    idt[0x22] = gate(SEL_USER_CODE, entry_22, ACCESS_INT_GATE | ACCESS_DPL3);
    run("gate to ring 3", &int_22, EFLAGS_IOPL);
    gdt[SEL_FREE / 8] = segment(0, 0xFFFFF, 0x9F, true);
    idt[0x22] = gate(SEL_FREE, entry_22, ACCESS_INT_GATE | ACCESS_DPL3);
    run("gate to conforming code", &int_22, EFLAGS_IOPL);
    idt[0x22] = gate(SEL_KERNEL_CODE, entry_22, ACCESS_DPL3 | 0x0E);
    run("gate absent", &int_22, EFLAGS_IOPL);
    idt[0x22] = old;
    idt[3].high |= ACCESS_DPL3 << 8;
    run("INT3, gate of DPL 3, IOPL 0", &int3, 0);
    run("INT 3, IOPL 0", &int_3, 0);
    idt[3].high &= ~(uint32_t)(ACCESS_DPL3 << 8);
    idt[4].high |= ACCESS_DPL3 << 8;
    run("INTO, gate of DPL 3, IOPL 0", &into, 0);
}
// Says what the segment registers hold when a gate has come from virtual-8086 mode: all null.
__asm__(".pushsection .text\n.intel_syntax noprefix\n.global entry_22\nentry_22: push 0\npush 0x22\n"
        "mov ebx, ds\nmov ecx, es\nor ebx, ecx\nmov ecx, fs\nor ebx, ecx\nmov ecx, gs\nor ebx, ecx\nmov eax, ebx\n"
        "jmp trap_common\n.popsection");

// CR4.PVI: VIF for ring 3 of protected mode.
ACT(user_sti, "sti\n" USER_END);
ACT(user_cli, "cli\nint3");
ACT(user_sti_int3, "sti\nint3");
static void protected_virtual_if(void)
{
    set_cr4(2);
    idt[3].high |= ACCESS_DPL3 << 8;
    outcome_user("PVI: sti", user_sti, 0);
    outcome_user("PVI: sti, then int3", user_sti_int3, 0);
    fact("  flags", caught.eflags & (VIF | VIP | EFLAGS_IOPL));
    outcome_user("PVI: cli, then int3", user_cli, VIF);
    fact("  flags", caught.eflags & (VIF | VIP | EFLAGS_IOPL));
    outcome_user("PVI: sti with VIP", user_sti, VIP);
    outcome_user("PVI: entered with VIF and VIP", user_sti, VIP | VIF);
    set_cr4(0);
    outcome_user("no PVI: sti", user_sti, 0);
}

void kmain(void)
{
    probe_init();
    catch = trap_handlers[0];
    for (unsigned i = 0; i < 48; i++)
        trap_handlers[i] = from_86;
    big_tss();
    by_flags();
    for (unsigned i = 0; i < sizeof alike / sizeof alike[0]; i++)
        run(alike[i].name, &alike[i], EFLAGS_IOPL);
    gates();
    protected_virtual_if();
    finish(true);
}
