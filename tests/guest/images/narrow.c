// 16-bit protected mode, as kernels for the 286 knew it: code and stacks of 64 KB in ring 3, 16-bit gates into 16-bit code of
// ring 0, operand and address sizes either way.
//
// Idea: as in `v86`, a program is a few bytes at the start of a 16-bit code segment of ring 3, ended by the HLT behind it if by
// nothing else. Gates lead to short 16-bit routines at fixed offsets of a code segment of ring 0.
// Manual: Intel SDM volume 3, 5.8 (gates), 6.12, chapter 21 (mixing 16-bit and 32-bit code).
// Not here: 16-bit tasks (`tasks`); LAR and LSL of what a hypervisor has to keep unloaded.
#include "program.h"

enum { CODE = 0x9000, STACK = 0xA000, TOP = 0x0100, DATA = 0xB000, KERNEL = 0x8000, KERNEL_STACK = 0xD000 };
enum { SEL_CODE = 0x30 | 3, SEL_STACK = 0x38 | 3, SEL_DATA = 0x40 | 3, SEL_KERNEL16 = 0x48,
       SEL_GATE16 = 0x58 | 3, SEL_GATE32 = 0x60 | 3, SEL_FLAT16 = 0x68 | 3, SEL_DOWN = 0x70 | 3 };

PROGRAM(p_nothing, "nop");
PROGRAM(p_push, "push 0x1234\npush ax\npushf\npop bx\nand bx, 0xCFF\nmov cx, sp");
PROGRAM(p_push_32, PUSHD "0x12345678\n.byte 0x66\npush ax\nmov cx, sp");
PROGRAM(p_push_esp, "push sp\npop bx\n.byte 0x66\npush sp\npop cx\npop dx");
PROGRAM(p_pop_esp, "push 0x80\npop sp\nmov bx, sp\nmov sp, 0x100");
PROGRAM(p_pop_memory, "push 0x7777\nmov bp, 0x100\npop word ptr [bp]\nmov bx, [bp]\nmov cx, sp");
PROGRAM(p_pop_esp_base, "push 0x7777\n.byte 0x67\npop word ptr [esp + 2]\nmov bx, sp");
PROGRAM(p_push_wraps, "xor sp, sp\npush 0x77\nmov bx, sp\nmov sp, 0x100");
PROGRAM(p_push_at_end, "mov sp, 1\npush 0x77");
PROGRAM(p_pop_at_end, "mov sp, 0xFFFF\npop ax");
PROGRAM(p_pusha, "pusha\nmov bp, sp\nmov bx, [bp + 6]");
PROGRAM(p_popad, "mov sp, 0xD0\n.byte 0x66\npopa");
PROGRAM(p_enter, "mov bp, 0x200\nenter 8, 3\nmov bx, sp\nmov cx, bp");
PROGRAM(p_enter_32, "mov ebp, 0x77770200\n.byte 0x66\nenter 8, 0\nmov ebx, esp");
PROGRAM(p_leave, "mov bp, 0x80\nleave\nmov bx, sp\nmov sp, 0x100");
PROGRAM(p_leave_32, "mov ebp, 0x77770080\n.byte 0x66\nleave\nmov ebx, esp\nmov sp, 0x100");
PROGRAM(p_call, "call 1f\n1: pop bx");
PROGRAM(p_call_32, ".byte 0x66, 0xE8\n.long 0\n.byte 0x66\npop bx\nmov cx, sp");
PROGRAM(p_call_upper, "mov eax, 0x90080\ncall ax");
PROGRAM(p_call_upper_32, "mov eax, 0x90080\n.byte 0x66\ncall ax");
PROGRAM(p_jump_wraps, ".byte 0xE9\n.word 0x80 - 3 - 0x10000 & 0xFFFF");
PROGRAM(p_jump_32, ".byte 0x66, 0xE9\n.long 0x10000");
PROGRAM(p_ret_32, PUSHD "0x80\n.byte 0x66\nret");
PROGRAM(p_far_call, ".byte 0x9A\n.word 0x80, 0x33");
PROGRAM(p_far_call_32, ".byte 0x66, 0x9A\n.long 0x80\n.word 0x33");
PROGRAM(p_far_return, "push cs\npush 0x80\nretf");
PROGRAM(p_far_return_32, ".byte 0x66\npush cs\n" PUSHD "0x80\n.byte 0x66\nretf");
PROGRAM(p_far_indirect, "mov word ptr ds:[0], 0x80\nmov word ptr ds:[2], cs\njmp dword ptr ds:[0]");
PROGRAM(p_gate, "push 0x1111\npush 0x2222\n.byte 0x9A\n.word 0xEEEE, 0x5B\nmov cx, sp");
PROGRAM(p_gate_by_32, "push 0x1111\npush 0x2222\n.byte 0x66, 0x9A\n.long 0xEEEEEEEE\n.word 0x5B\nmov cx, sp");
PROGRAM(p_gate_32, PUSHD "0x11112222\n" PUSHD "0x33334444\n.byte 0x9A\n.word 0xEEEE, 0x63\nmov cx, sp");
PROGRAM(p_gate_jump, ".byte 0xEA\n.word 0, 0x5B");
PROGRAM(p_int, "stc\nint 0x30\nmov cx, sp");
PROGRAM(p_int_32, "stc\nint 0x31\nmov cx, sp");
PROGRAM(p_iret, "pushf\npush cs\npush 0x80\niret");
PROGRAM(p_iretd, ".byte 0x66\npushf\n.byte 0x66\npush cs\n" PUSHD "0x80\n.byte 0x66\niret");
PROGRAM(p_loop, "mov ecx, 0x50001\nloop 1f\nmov al, 5\n1: mov ah, 6");
PROGRAM(p_string, "mov cx, 3\nmov si, 0xFFFB\nxor di, di\npush ds\npop es\nrep movsw");
PROGRAM(p_string_32, "mov ecx, 2\nmov esi, 0xFFFF\nmov edi, 8\npush ds\npop es\n.byte 0xF3, 0x67, 0xA4");
PROGRAM(p_address_32, "mov ebx, 0x10000\n.byte 0x67\nmov al, [ebx - 1]\n.byte 0x67\nmov al, [ebx]");
PROGRAM(p_address_wraps, "mov bx, 0xFFFF\nmov al, [bx + 9]");
PROGRAM(p_big_address, "mov ax, 0x6B\nmov es, ax\nmov ebx, 0x100000\n.byte 0x67\nmov ecx, es:[ebx]");
PROGRAM(p_expand_down, "mov ax, 0x73\nmov es, ax\nmov ax, es:[0x2000]\nmov ax, es:[0xFFFE]\nmov ebx, 0x10000\n.byte 0x67\nmov ax, es:[ebx]");
PROGRAM(p_expand_down_edge, "mov ax, 0x73\nmov es, ax\nmov ax, es:[0x1FFF]");
PROGRAM(p_expand_down_top, "mov ax, 0x73\nmov es, ax\nmov ax, es:[0xFFFF]");
PROGRAM(p_lar, "mov ax, 0x33\nlar ax, ax\nmov cx, 0x2B\nlar cx, cx\nmov dx, 0x3B\n.byte 0x66\nlar dx, dx");
PROGRAM(p_lsl, "mov ax, 0x33\nlsl ax, ax\nmov ecx, 0x3B\n.byte 0x66\nlsl cx, cx\nmov dx, 0x5B\nlsl dx, dx\nsetz dl");
PROGRAM(p_verw, "mov ax, 0x33\nverr ax\nsetz bl\nverw ax\nsetz bh\nmov ax, 0x3B\nverw ax\nsetz cl\nmov ax, 0x43\nverr ax\nsetz ch");
PROGRAM(p_lds, "lds ax, ss:[0x100]\nmov bx, ds");
PROGRAM(p_bound, "mov ax, 10\n.byte 0x62, 0x06\n.word 8");
PROGRAM(p_xlat, "mov bx, 0xFFF0\nmov al, 0x0F\nxlat");
PROGRAM(p_lea, "mov ebx, 0x1FFFF\nlea ax, [bx + 2]\n.byte 0x67\nlea cx, [ebx + 2]\n.byte 0x66\nlea dx, [bx + 2]");
PROGRAM(p_end_of_code, "mov byte ptr ds:[0], 0\n.byte 0xE9\n.word 0xFFFF - 8");

static const struct program programs[] = {
    ROW(nothing), ROW(push), ROW(push_32), ROW(push_esp), ROW(pop_esp), ROW(pop_memory), ROW(pop_esp_base), ROW(push_wraps),
    ROW(push_at_end), ROW(pop_at_end), ROW(pusha), ROW(popad), ROW(enter), ROW(enter_32), ROW(leave), ROW(leave_32), ROW(call), ROW(call_32),
    ROW(call_upper), ROW(call_upper_32), ROW(jump_wraps), ROW(jump_32), ROW(ret_32), ROW(far_call), ROW(far_call_32),
    ROW(far_return), ROW(far_return_32), ROW(far_indirect), ROW(gate), ROW(gate_by_32), ROW(gate_32), ROW(gate_jump), ROW(int),
    ROW(int_32), ROW(iret), ROW(iretd), ROW(loop), ROW(string), ROW(string_32), ROW(address_32), ROW(address_wraps),
    ROW(big_address), ROW(expand_down), ROW(expand_down_edge), ROW(expand_down_top), ROW(lar), ROW(lsl), ROW(verw), ROW(lds),
    ROW(bound), ROW(xlat), ROW(lea), ROW(end_of_code)
};

// ---- ring 0, 16 bits ----

extern const uint8_t kernel_begin[], kernel_end[], kernel_call[], kernel_call_32[], kernel_int[], kernel_int_32[];
__asm__(".pushsection .rodata\n.intel_syntax noprefix\n.code16\n.global kernel_begin, kernel_end, kernel_call, kernel_call_32\n"
        ".global kernel_int, kernel_int_32\nkernel_begin:\n"
        "kernel_call: mov bp, sp\nmov ax, [bp + 4]\nmov bx, [bp + 6]\nmov dx, [bp + 8]\nmov si, [bp + 10]\nmov di, ss\nand di, ~3\nretf 4\n"
        "kernel_call_32: mov bp, sp\nmov eax, [bp + 8]\nmov ebx, [bp + 12]\nmov edx, [bp + 16]\nmov esi, [bp + 20]\nmov di, ss\nand di, ~3\n"
        ".byte 0x66\nretf 8\n"
        "kernel_int: mov bp, sp\nmov ax, [bp]\nmov bx, [bp + 2]\nmov dx, [bp + 4]\nmov si, [bp + 6]\nmov di, [bp + 8]\niret\n"
        "kernel_int_32: mov bp, sp\nmov eax, [bp]\nmov ebx, [bp + 4]\nmov edx, [bp + 8]\nmov esi, [bp + 12]\nmov di, [bp + 16]\n"
        ".byte 0x66\niret\n"
        "kernel_end:\n.code32\n.popsection\n");

static struct descriptor sixteen(uint32_t base, uint32_t limit, uint8_t access)
{
    struct descriptor d = segment(base, limit, access, false);
    d.high &= ~0x400000u;
    return d;
}

static struct descriptor gate16(const uint8_t *entry, uint8_t access, unsigned params)
{
    struct descriptor d = gate(SEL_KERNEL16, (void *)(entry - kernel_begin), access);
    d.high = (d.high & 0xFFFF) | params;
    if (!(access & 8))
        d.high |= 0xDEAD0000; // a 286 knows no upper half of the offset
    return d;
}

static void tables(void)
{
    gdt[SEL_CODE / 8] = sixteen(CODE, 0xFFFF, ACCESS_CODE | ACCESS_DPL3);
    gdt[SEL_STACK / 8] = sixteen(STACK, 0xFFFF, ACCESS_DATA | ACCESS_DPL3);
    gdt[SEL_DATA / 8] = sixteen(DATA, 0xFFFF, ACCESS_DATA | ACCESS_DPL3);
    gdt[SEL_KERNEL16 / 8] = sixteen(KERNEL, 0xFFFF, ACCESS_CODE);
    gdt[SEL_GATE16 / 8] = gate16(kernel_call, 0x84 | ACCESS_DPL3, 2);
    gdt[SEL_GATE32 / 8] = gate16(kernel_call_32, 0x8C | ACCESS_DPL3, 2);
    gdt[SEL_FLAT16 / 8] = segment(0, 0xFFFFF, ACCESS_DATA | ACCESS_DPL3, true);
    gdt[SEL_FLAT16 / 8].high &= ~0x400000u; // 16 bits, and 4 GB all the same
    gdt[SEL_DOWN / 8] = sixteen(DATA, 0x1FFF, 0x97 | ACCESS_DPL3);
    idt[0x30] = gate16(kernel_int, 0x86 | ACCESS_DPL3, 0);
    idt[0x31] = gate16(kernel_int_32, 0x8E | ACCESS_DPL3, 0);
    copy(KERNEL, kernel_begin, kernel_end);
    tss.esp0 = KERNEL_STACK + 0x800; // flat, for C; within 64 KB, for the routines above
}

// ---- running one ----

ACT(narrow_start, "push 0x3B\npush 0xABCD0100\npush 2\npush 0x33\npush 0\nmov eax, 0x43\nmov ds, eax\nmov es, eax\n"
                  "mov eax, 0x11111111\nmov ebx, 0x22222222\nmov ecx, 0x33333333\nmov edx, 0x44444444\nmov esi, 0x66666666\n"
                  "mov edi, 0x77777777\niretd");

static void run(const struct program *p)
{
    program_put(CODE, p, 0xF4);
    clear(STACK, 0x200);
    volatile uint16_t *top = (uint16_t *)(STACK + TOP), *data = (uint16_t *)DATA;
    for (int i = -32; i < 3; i++)
        top[i] = (uint16_t)(0x9990 + (i & 15));
    top[0] = 0x5005, top[1] = SEL_DATA;
    for (unsigned i = 0; i < 8; i++)
        data[i] = (uint16_t)(6 + 3 * i);
    ((volatile uint8_t *)DATA)[0xFFFF] = 0x5A;
    ((volatile uint8_t *)DATA)[0xFFFE] = 0x59;
    attempt(narrow_start);
    print(p->name);
    print(": ");
    print(vector_name(caught.vector));
    print("(");
    print_hex(caught.code, 4);
    print(") ");
    const uint32_t words[] = {caught.eip, caught.eflags & 0xCFF, caught.esp, caught.eax, caught.ebx, caught.ecx, caught.edx,
                              caught.ebp, caught.esi, caught.edi};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        print(i ? " " : "at ");
        print_hex(words[i], i < 2 ? 4 : 8);
    }
    print_words("\n  top", (uint16_t *)(STACK + (caught.esp & 0xFFFE)), 4);
}

void kmain(void)
{
    probe_init();
    tables();
    for (unsigned i = 0; i < sizeof programs / sizeof programs[0]; i++)
        run(&programs[i]);
    finish(true);
}
