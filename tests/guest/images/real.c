// Real mode: entered from protected mode and left again, once for each of some programs.
//
// Idea: as in `v86`, a program is a few bytes of 16-bit code at 0900:0000, ended by the INT3 behind it if by nothing else. All
// vectors lead to one catcher, which keeps what it finds and goes back to protected mode; one line says what.
// Manual: Intel SDM volume 3, 9.9 (switching modes), chapter 20.1 (real-address mode).
// Not here: the BIOS; external interrupts.
#include "program.h"

enum { CODE = 0x9000, STACK = 0xA000, TOP = 0x0100, DATA = 0xB000, BLOB = 0x8000, LANDING = 0x40 };
enum { SEL_CODE16 = 0x30, SEL_DATA16 = 0x38 };

PROGRAM(p_nothing, "nop");
PROGRAM(p_int_21, "stc\nint 0x21");
PROGRAM(p_iret, "iret");
PROGRAM(p_iretd, PUSHD "0x247ED7\n" PUSHD "0x0900\n" PUSHD "0x40\n.byte 0x66\niret");
PROGRAM(p_iretd_far, PUSHD "2\n" PUSHD "0x0900\n" PUSHD "0x10000\n.byte 0x66\niret");
PROGRAM(p_flags, "push 0x7ED7\npopf\npushf\npush 0x0002\npopf\npushf");
PROGRAM(p_flags_32, PUSHD "0x3F7ED7\n.byte 0x66\npopf\n.byte 0x66\npushf\n" PUSHD "2\n.byte 0x66\npopf");
PROGRAM(p_segments, "mov ax, 0xB01\nmov ds, ax\nmov ax, ds:[0]\nmov bx, ds\nxor cx, cx\nmov es, cx\nmov cx, es:[0x84]\npush fs");
PROGRAM(p_push_segment_32, ".byte 0x66\npush es\nmov ax, sp\npop bx\npop cx\nmov cx, 0");
PROGRAM(p_write_cs, "mov word ptr cs:[0x70], 0x1234\nmov ax, cs:[0x70]");
PROGRAM(p_end_of_segment, "mov ax, ds:[0xFFFF]");
PROGRAM(p_last_byte, "mov al, ds:[0xFFFF]\nmov ah, 1");
PROGRAM(p_last_dword, "mov eax, ds:[0xFFFD]");
PROGRAM(p_wrapping_address, "mov bx, 0xFFFF\nmov ax, [bx + 3]");
PROGRAM(p_address_32, "mov ebx, 0xFFFF\n.byte 0x67\nmov al, [ebx]\nmov cl, al\n.byte 0x67\nmov al, [ebx + 1]");
PROGRAM(p_end_of_stack, "mov bp, 0xFFFF\nmov ax, [bp]");
PROGRAM(p_push_wraps, "xor sp, sp\npush 0x77\nmov ax, sp");
PROGRAM(p_push_upper, "mov esp, 0x12340000\npush 0x77\nmov eax, esp");
PROGRAM(p_pop_wraps, "mov sp, 0xFFFE\npop ax\nmov bx, sp\nmov sp, 0x100");
PROGRAM(p_pop_end, "mov sp, 0xFFFF\npop ax");
PROGRAM(p_pusha, "pusha\nmov ax, sp");
PROGRAM(p_popa, "mov sp, 0xE0\npopa");
PROGRAM(p_far_jump, ".byte 0xEA\n.word 0x40, 0x0900");
PROGRAM(p_far_jump_same, ".byte 0xEA\n.word 0x1040, 0x0800");
PROGRAM(p_far_jump_32, ".byte 0x66, 0xEA\n.long 0x10040\n.word 0x0900");
PROGRAM(p_far_call, ".byte 0x9A\n.word 0x40, 0x0900");
PROGRAM(p_far_call_32, ".byte 0x66, 0x9A\n.long 0x40\n.word 0x0900");
PROGRAM(p_far_return, "retf 4");
PROGRAM(p_call_memory, "mov word ptr ds:[0x10], 0x40\nmov word ptr ds:[0x12], 0x0900\ncall dword ptr ds:[0x10]");
PROGRAM(p_near_jump_out, ".byte 0x66, 0xE9\n.long 0x10000");
PROGRAM(p_jump_wraps, ".byte 0xE9\n.word 0x40 - 3 - 0x10000 & 0xFFFF");
PROGRAM(p_call_16, "mov eax, 0x90040\ncall ax");
PROGRAM(p_ret_32, PUSHD "0x40\n.byte 0x66\nret");
PROGRAM(p_ret_32_out, PUSHD "0x10040\n.byte 0x66\nret");
PROGRAM(p_end_of_code, ".byte 0xEA\n.word 0xFFFF, 0x0900 - 0xFFC");
PROGRAM(p_lds, "lds ax, ss:[0x100]\nmov bx, ds");
PROGRAM(p_lss, "mov word ptr ds:[0x10], 0x80\nmov word ptr ds:[0x12], 0x0A00\nlss sp, ds:[0x10]\nmov ax, sp");
PROGRAM(p_string_end, "mov si, 0xFFFF\nlodsw");
PROGRAM(p_string_wraps, "mov si, 0xFFFE\nlodsw\nmov ax, si");
PROGRAM(p_rep_ends, "mov cx, 3\nmov si, 0xFFFB\nxor di, di\nrep movsw");
PROGRAM(p_rep_32, "mov ecx, 0x10002\nmov esi, 0xFFFF\nxor edi, edi\n.byte 0xF3, 0x67, 0xA4");
PROGRAM(p_rep_down, "std\nmov cx, 3\nmov di, 1\nmov al, 0x77\nrep stosb\nmov ax, ds:[0]\ncld");
PROGRAM(p_loop_16, "mov ecx, 0x50001\nloop 1f\nmov al, 5\n1: mov ah, 6");
PROGRAM(p_loop_32, "mov ecx, 0x00010001\n.byte 0x67, 0xE2, 0x02\nmov al, 5\nmov ah, 6");
PROGRAM(p_jcxz, "mov ecx, 0x10000\njcxz 1f\nmov al, 5\n1: .byte 0x67, 0xE3, 0x02\nmov ah, 6");
PROGRAM(p_xlat, "mov bx, 0xFFFF\nmov al, 1\nxlat");
PROGRAM(p_enter, "mov bp, 0x200\nenter 8, 2\nmov ax, bp\nmov bx, sp\nleave");
PROGRAM(p_div, "xor cx, cx\ndiv cx");
PROGRAM(p_aam, ".byte 0xD4, 0x00");
PROGRAM(p_into, "mov al, 0x7F\nadd al, 1\ninto");
PROGRAM(p_bound, "mov ax, 5\n.byte 0x62, 0x06\n.word 0");
PROGRAM(p_ud2, "ud2");
PROGRAM(p_arpl, ".byte 0x63, 0xC0");
PROGRAM(p_lar, "lar ax, ax");
PROGRAM(p_lsl, "lsl ax, ax");
PROGRAM(p_verw, "verw ax");
PROGRAM(p_sldt, "sldt ax");
PROGRAM(p_str, "str ax");
PROGRAM(p_lldt, "lldt ax");
PROGRAM(p_ltr, "ltr ax");
PROGRAM(p_mov_cs, ".byte 0x8E, 0xC8");
PROGRAM(p_mov_seg_6, ".byte 0x8E, 0xF0");
PROGRAM(p_smsw, "smsw ax\nand ax, 1");
PROGRAM(p_lock_nop, ".byte 0xF0, 0x90");
PROGRAM(p_lock_mov, ".byte 0xF0, 0x89, 0x07");
PROGRAM(p_lock_add, ".byte 0xF0, 0x01, 0x06\n.word 0\nmov ax, ds:[0]");
PROGRAM(p_redundant, ".byte 0x66, 0x66, 0x67, 0x66, 0x26, 0x3E, 0x2E, 0x36, 0x3E, 0x66, 0xA1\n.long 0\nmov cx, 1");
PROGRAM(p_fifteen, ".fill 14, 1, 0x2E\nnop");
PROGRAM(p_sixteen, ".fill 15, 1, 0x2E\nnop");
PROGRAM(p_idt_limit, "lidt ds:[0x20]\nint 0x21");
PROGRAM(p_step, "push 0x0102\npopf\nmov ax, 1\nmov ax, 2");
PROGRAM(p_step_ss, "mov bx, ss\npush 0x0102\npopf\nnop");
PROGRAM(p_step_rep, "mov cx, 3\nxor di, di\npush 0x0102\npopf\nrep stosb");
PROGRAM(p_unreal, "mov eax, cr0\nor al, 1\nmov cr0, eax\nmov bx, 0x10\nmov ds, bx\nand al, 0xFE\nmov cr0, eax\nmov esi, 0x100000\n"
                  ".byte 0x67\nmov ebx, [esi]\nmov ax, 0x0B00\nmov ds, ax\n.byte 0x67\nmov ecx, [esi - 0xB000]\nmov ax, ds:[0]\nmov si, 0\n"
                  "mov edx, cr0\nor dl, 1\nmov cr0, edx\nmov dx, 0x38\nmov ds, dx\nmov edx, cr0\nand dl, 0xFE\nmov cr0, edx\nmovzx eax, ax\nmovzx edx, dx");
PROGRAM(p_protected_cs, "mov eax, cr0\nor al, 1\nmov cr0, eax\nmov bx, cs\nmov cx, ds:[0]\nand al, 0xFE\nmov cr0, eax\npush cs\npop ax\nmovzx eax, ax");

static const struct program programs[] = {
    ROW(nothing), ROW(int_21), ROW(iret), ROW(iretd), ROW(iretd_far), ROW(flags), ROW(flags_32), ROW(segments),
    ROW(push_segment_32), ROW(write_cs), ROW(end_of_segment), ROW(last_byte), ROW(last_dword), ROW(wrapping_address),
    ROW(address_32), ROW(end_of_stack), ROW(push_wraps), ROW(push_upper), ROW(pop_wraps), ROW(pusha), ROW(popa),
    ROW(far_jump), ROW(far_jump_same), ROW(far_jump_32), ROW(far_call), ROW(far_call_32), ROW(far_return), ROW(call_memory),
    ROW(near_jump_out), ROW(jump_wraps), ROW(call_16), ROW(ret_32), ROW(ret_32_out), ROW(lds), ROW(lss), ROW(string_end),
    ROW(string_wraps), ROW(rep_ends), ROW(rep_32), ROW(rep_down), ROW(loop_16), ROW(loop_32), ROW(jcxz), ROW(xlat), ROW(enter),
    ROW(div), ROW(aam), ROW(into), ROW(bound), ROW(ud2), ROW(arpl), ROW(lar), ROW(lsl), ROW(verw), ROW(sldt), ROW(str),
    ROW(lldt), ROW(ltr), ROW(mov_cs), ROW(mov_seg_6), ROW(smsw), ROW(lock_nop), ROW(lock_mov), ROW(lock_add), ROW(redundant),
    ROW(fifteen), ROW(sixteen), ROW(idt_limit), ROW(step), ROW(step_ss), ROW(step_rep), ROW(unreal), ROW(protected_cs)
};

// ---- there and back: a piece of code that lies at BLOB in low memory ----

extern const uint8_t real_begin[], real_end[], real_catch[], real_saved[];
uint32_t protected_esp;
struct saved { uint32_t eax, ebx, ecx, edx, esp, ebp, esi, edi; uint16_t ss, vector, ip, cs, flags; };
void real_run(void);

__asm__(".pushsection .text\n.intel_syntax noprefix\n.type real_run, @function\nreal_run:\n"
        "pushad\nmov protected_esp, esp\n"
        "mov eax, 0x38\nmov ds, eax\nmov es, eax\nmov fs, eax\nmov gs, eax\nmov ss, eax\n"
        ".byte 0xEA\n.long 0\n.word 0x30\n"
        "real_back:\nmov eax, 0x10\nmov ds, eax\nmov es, eax\nmov ss, eax\nmov esp, protected_esp\nxor eax, eax\nmov fs, eax\n"
        "mov gs, eax\nlidt protected_idt\npopad\nret\n"
        ".popsection\n"
        ".pushsection .rodata\n.global real_begin, real_end, real_catch, real_saved\n.code16\n"
        ".balign 16\nreal_begin:\nmov eax, cr0\nand al, 0xFE\nmov cr0, eax\n.byte 0xEA\n.word 1f - real_begin, 0x0800\n"
        "1: lidt cs:[real_idt - real_begin]\nmov ax, 0x4040\nmov es, ax\nmov ax, 0x5050\nmov fs, ax\nmov ax, 0x6060\nmov gs, ax\n"
        "mov ax, 0x0B00\nmov ds, ax\nmov es, ax\nmov ax, 0x0A00\nmov ss, ax\nmov esp, 0xABCD0100\npush 2\npopf\n"
        "mov eax, 0x11111111\nmov ebx, 0x22222222\nmov ecx, 0x33333333\nmov edx, 0x44444444\nmov ebp, 0x55555555\n"
        "mov esi, 0x66666666\nmov edi, 0x77777777\n.byte 0xEA\n.word 0, 0x0900\n"
        "real_idt: .word 0x3FF\n.long 0\n"
        "real_catch:\nn = 0\n.rept 34\npush n\njmp real_common\n.balign 8\nn = n + 1\n.endr\n"
        "real_common:\nmov cs:[real_saved - real_begin], eax\nmov cs:[real_saved - real_begin + 4], ebx\n"
        "mov cs:[real_saved - real_begin + 8], ecx\nmov cs:[real_saved - real_begin + 12], edx\n"
        "mov cs:[real_saved - real_begin + 20], ebp\nmov cs:[real_saved - real_begin + 24], esi\n"
        "mov cs:[real_saved - real_begin + 28], edi\nmov cs:[real_saved - real_begin + 32], ss\n"
        "pop word ptr cs:[real_saved - real_begin + 34]\npop word ptr cs:[real_saved - real_begin + 36]\n"
        "pop word ptr cs:[real_saved - real_begin + 38]\npop word ptr cs:[real_saved - real_begin + 40]\n"
        "mov cs:[real_saved - real_begin + 16], esp\npush 2\npopf\nmov eax, cr0\nor al, 1\nmov cr0, eax\n"
        ".byte 0x66, 0xEA\n.long real_back\n.word 0x08\n"
        ".balign 4\nreal_saved: .skip 44\nreal_end:\n.code32\n.popsection\n");
struct table_register protected_idt;

static void load(const struct program *p)
{
    copy(BLOB, real_begin, real_end);
    program_put(CODE, p, 0xCC);
    clear(STACK, 0x200);
    clear(DATA, 0x100);
    volatile uint16_t *top = (uint16_t *)(STACK + TOP), *data = (uint16_t *)DATA;
    for (int i = -32; i < 0; i++)
        top[i] = (uint16_t)(0x9990 + (i & 15));
    top[0] = LANDING, top[1] = 0x0900, top[2] = 0x0203;
    for (unsigned i = 0; i < 8; i++)
        data[i] = (uint16_t)(6 + 3 * i);
    data[0x10] = 4 * 0x20, data[0x11] = data[0x12] = 0; // an IDT that ends before vector 21h
    ((volatile uint8_t *)DATA)[0xFFFE] = 0x59;
    ((volatile uint8_t *)DATA)[0xFFFF] = 0x5A;
    ((volatile uint8_t *)DATA)[0x10000] = 0x5B;
    for (unsigned v = 0; v < 34; v++)
        ((volatile uint32_t *)0)[v] = 0x08000000 + (uint32_t)(real_catch - real_begin) + 8 * v;
}

static void run(const struct program *p)
{
    load(p);
    real_run();
    const volatile struct saved *s = (struct saved *)(BLOB + (uint32_t)(real_saved - real_begin));
    print(p->name);
    print(": ");
    print(s->vector == 33 ? "INT 21h" : vector_name(s->vector));
    const uint32_t words[] = {s->cs, s->ip, s->flags, s->ss};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        print(i == 1 ? ":" : " ");
        print_hex(words[i], 4);
    }
    const uint32_t regs[] = {s->esp, s->eax, s->ebx, s->ecx, s->edx, s->ebp, s->esi, s->edi};
    for (unsigned i = 0; i < sizeof regs / sizeof regs[0]; i++) {
        print(i ? " " : ":");
        print_hex(regs[i], 8);
    }
    print_words("\n  top", (uint16_t *)((uint32_t)s->ss * 16 + (s->esp & 0xFFFE)), 4);
}

static struct descriptor sixteen(uint32_t base, uint8_t access)
{
    struct descriptor d = segment(base, 0xFFFF, access, false);
    d.high &= ~0x400000u;
    return d;
}

void kmain(void)
{
    probe_init();
    protected_idt = (struct table_register){sizeof idt - 1, (uint32_t)idt};
    gdt[SEL_CODE16 / 8] = sixteen(BLOB, ACCESS_CODE);
    gdt[SEL_DATA16 / 8] = sixteen(0, ACCESS_DATA);
    for (unsigned i = 0; i < sizeof programs / sizeof programs[0]; i++)
        run(&programs[i]);
    finish(true);
}
