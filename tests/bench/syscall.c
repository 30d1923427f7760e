/* Ring 3 calls the kernel: INT 80h, registers saved, dispatch in C, IRET. */
#include "tests/bench/bench.h"

struct frame { uint32_t edi, esi, ebp, unused, ebx, edx, ecx, eax; };
static uint32_t calls[8];
uint32_t user_stack[1024]; /* named in the assembly, too */

static uint32_t call0(struct frame *f) { return f->ebx + ++calls[0]; }
static uint32_t call1(struct frame *f) { return f->ebx ^ (f->ecx << 1) ^ ++calls[1]; }
static uint32_t call2(struct frame *f) { return f->ebx * 33 + f->edx; }
static uint32_t call3(struct frame *f) { return f->ebx > f->ecx ? f->ebx - f->ecx : ++calls[3]; }
static uint32_t (*const table[4])(struct frame *) = { call0, call1, call2, call3 };
__attribute__((used)) static void dispatch(struct frame *f) { f->eax = f->eax < 4 ? table[f->eax](f) : ~0u; }

void entry(void), user(void), leave(void);
__asm__(".text\n entry: pushal; pushl %esp; call dispatch; popl %eax; popal; iret\n"
        "user: movl $1, %edi; xorl %ebx, %ebx; movl %ebp, %esi\n"
        "1: movl %edi, %eax; andl $3, %eax; movl %edi, %ecx; movl %esi, %edx; int $0x80\n"
        "   addl %eax, %ebx; incl %edi; decl %esi; jnz 1b\n"
        "   int $0x81\n"
        "leave: movl $0x10, %eax; movl %eax, %ds; movl %eax, %es; movl saved, %esp; movl %ebx, %eax; popl %ebp; popl %edi; popl %esi;"
        "   popl %ebx; ret\n"
        "run: pushl %ebx; pushl %esi; pushl %edi; pushl %ebp; movl %esp, saved; movl 20(%esp), %ebp; movl $0x23, %eax;"
        "   movl %eax, %ds; movl %eax, %es; pushl $0x23; pushl $user_stack+4096; pushfl; pushl $0x1B; pushl $user; iret\n"
        ".comm saved, 4, 4\n");
uint32_t run(uint32_t n);

uint32_t work(void)
{
    paging_on();
    gate(0x80, entry, 3);
    gate(0x81, leave, 3);
    user_stack[0] = 0;
    return run(ROUNDS * 100000u);
}
