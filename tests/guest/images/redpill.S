// The "red pill": a ring-3 program reads GDTR and IDTR, which no ring may trap. Bare, it sees its kernel's tables; under
// trap-and-emulate the hypervisor's. Ends by OUT F4 with IOPL 3: 0 if GDTR is the kernel's, else 1.
// SDM vol. 2, SGDT. Paging stays off.
.intel_syntax noprefix
.section .multiboot, "a"
.long 0x1BADB002, 0, -0x1BADB002
.text
.globl _start
_start:
    mov esp, offset stack_top
    lgdt [gdtr]
    jmp 0x08:reload
reload:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov fs, eax
    mov gs, eax
    mov ss, eax
    push 0x23
    push offset stack_top
    push 0x3002                 // IOPL 3, IF 0
    push 0x1B
    push offset user
    iretd
.globl user
user:
    mov eax, 0x23
    mov ds, eax
    sgdt [seen]
    xor eax, eax
    cmp dword ptr [seen + 2], offset gdt
    setne al
    mov dx, 0xF4
    out dx, al
    hlt
.data
.balign 8
gdt:
    .quad 0, 0x00CF9B000000FFFF, 0x00CF93000000FFFF, 0x00CFFB000000FFFF, 0x00CFF3000000FFFF
gdtr:
    .word gdtr - gdt - 1
    .long gdt

.balign 4096
seen:                           // not in the page of the GDT: stores to that one are traced, hence emulated, hence right
    .skip 8
.bss
.skip 4096
stack_top:
