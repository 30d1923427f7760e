// First and last instructions of every guest kernel.
//
// Idea: the Multiboot loader leaves us in flat 32-bit protected mode, paging off, interrupts off, with a GDT of
// *its* making and no stack. We take a stack and call kmain; kmain builds the rest.
// Manual: Multiboot Specification 0.6.96, section 3.2 (machine state).
// Not here: command line and modules of the loader; we look at nothing it offers.
.intel_syntax noprefix
.set BOOT_STACK_SIZE, 8192

.section .multiboot, "a"
    .long 0x1BADB002                // magic of Multiboot 1
    .long 0                         // flags: we ask for nothing
    .long -0x1BADB002               // checksum: the three add up to zero

.section .bss
    .balign 4096
    .global boot_stack, boot_stack_top
    .type boot_stack, @object
boot_stack:
    .skip BOOT_STACK_SIZE
    .size boot_stack, . - boot_stack
boot_stack_top:

.section .text
    .global _start
    .type _start, @function
_start:
    cli
    cld
    mov esp, offset boot_stack_top
    xor ebp, ebp                    // the chain of stack frames ends here
    push 0
    popfd                           // known flags, all zero
    call kmain
    push 1                          // kmain never returns; if it does, that is a failure
    call done
    .size _start, . - _start

// done(verdict): tell the outside world and stop for good. Port F4 is the debug exit: 0 is success, all else failure.
// The stack is cleared first, nobody will return on it: it holds leftovers of interrupts, and how many there were
// depends on the speed of the machine. What remains in memory should depend on the program alone.
    .global done
    .type done, @function
done:
    cli
    mov edx, [esp + 4]
    mov edi, offset boot_stack
    mov ecx, BOOT_STACK_SIZE / 4
    xor eax, eax
    rep stosd
    mov eax, edx
    out 0xF4, al
halt_for_ever:                      // reached where nothing listens at port F4
    cli
    hlt
    jmp halt_for_ever
    .size done, . - done
