// Page tables as deep as the command line says, and one page looked up again and again: "levels=4 touches=1000".
//
// Idea: two levels are the 32-bit processor's own. With more, CR4.PAE means tables of 512 entries of 8 bytes, as in 64-bit mode:
// such a machine is made by --set mmu.levels=N, for counting. The lowest 2 MB are mapped where they lie; above the
// last two levels only entry 0 is used. INVLPG before each touch makes it a TLB miss: a walk of N references, and of
// (N+1)(M+1)-1 where a second level with M levels is walked, too.
// Manual: Intel SDM volume 3, 4.3 (32-bit paging), 4.5 (the format of the deeper ones), 4.10.4 (INVLPG).
// Not here: what happens on a machine whose depth is another: a fault, most likely.
.intel_syntax noprefix
.set INFO_CMDLINE, 1 << 2           // Multiboot: flags of the information structure, in EBX at the start
.set CR4_PAE, 1 << 5
.set CR0_PG_WP, 0x80010000
.set ENTRIES, 512
.set PRESENT_WRITABLE, 3

.section .bss
    .balign 4096
    .global deep_tables
    .type deep_tables, @object
deep_tables:                        // the page table, then one table a level above it
    .skip 5 * 4096
    .size deep_tables, . - deep_tables
    .global touched
    .type touched, @object
touched:                            // a page of its own
    .skip 4096
    .size touched, . - touched
levels:
    .skip 4
touches:
    .skip 4

.section .rodata
word_levels:
    .asciz "levels="
word_touches:
    .asciz "touches="
text_levels:
    .asciz "levels: "
text_touches:
    .asciz ", touches: "
text_end:
    .asciz "\n"

.section .text
// The number behind a word of the command line: EDI the word, EAX what it is if it is not there. ESI: the line, or 0.
    .type number_after, @function
number_after:
    mov edx, esi
    test edx, edx
    jz 5f
1:  xor ecx, ecx                    // does the word stand at EDX?
2:  mov bl, [edi + ecx]
    test bl, bl
    jz 3f
    cmp bl, [edx + ecx]
    jne 4f
    inc ecx
    jmp 2b
3:  xor eax, eax                    // yes: digits follow
    add edx, ecx
6:  movzx ebx, byte ptr [edx]
    sub ebx, '0'
    cmp ebx, 9
    ja 5f
    imul eax, eax, 10
    add eax, ebx
    inc edx
    jmp 6b
4:  inc edx
    cmp byte ptr [edx - 1], 0
    jne 1b
5:  ret
    .size number_after, . - number_after

// EAX levels, three to five.
    .global deep_paging_on
    .type deep_paging_on, @function
deep_paging_on:
    mov edi, offset deep_tables     // the page table
    mov edx, PRESENT_WRITABLE
    mov ecx, ENTRIES
1:  mov [edi], edx
    add edx, 4096
    add edi, 8
    loop 1b
    lea ecx, [eax - 1]              // the tables above it: entry 0 leads to the one below
2:  lea edx, [edi - 4096 + PRESENT_WRITABLE]
    mov [edi], edx
    add edi, 4096
    loop 2b
    sub edi, 4096
    mov eax, cr4
    or eax, CR4_PAE
    mov cr4, eax
    mov cr3, edi                    // the last one made
    mov eax, cr0
    or eax, CR0_PG_WP
    mov cr0, eax
    ret
    .size deep_paging_on, . - deep_paging_on

    .global kmain
    .type kmain, @function
kmain:
    xor esi, esi
    test byte ptr [ebx], INFO_CMDLINE
    jz 1f
    mov esi, [ebx + 16]
1:  mov edi, offset word_levels
    mov eax, 2
    call number_after
    mov [levels], eax
    mov edi, offset word_touches
    mov eax, 1000
    call number_after
    mov [touches], eax
    call serial_init
    call tables_init
    call tables_load
    mov eax, [levels]
    cmp eax, 2
    jne 2f
    call paging_init
    call paging_on
    jmp 3f
2:  call deep_paging_on
3:  mov eax, [touched]              // its A bit is set, and what leads to it is in every cache that there is
    mov ecx, [touches]
    jecxz 5f
    .global touch
touch:
    invlpg [touched]
    mov eax, [touched]
    dec ecx
    jnz touch
5:  push offset text_levels
    call print
    push dword ptr [levels]
    call print_dec
    push offset text_touches
    call print
    push dword ptr [touches]
    call print_dec
    push offset text_end
    call print
    push 1
    call finish
    .size kmain, . - kmain
