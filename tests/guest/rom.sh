#!/bin/bash
# ROMs at the reset vector: where they are seen, shadow RAM, what a reset does, and files that are no ROM.
set -u
. tests/support/ia32.sh
. tests/guest/tools/images.sh

rom() { # rom NAME < assembly: $TMPDIR/NAME.rom of 64 KB; entered at `start` in real mode, with print and done to use
    { cat <<'END'
.code16
.macro print text
    jmp 2f
1:  .ascii "\text"
2:  mov $1b, %si
    mov $2b - 1b, %cx
    call say
.endm
.macro done value
    mov $\value, %al
    out %al, $0xF4
    hlt
.endm
say:
    cs lodsb
    out %al, $0xE9
    loop say
    ret
END
        cat
        printf '.org 0xFFF0\n .byte 0xEA; .word start, 0xF000\n .org 0xFFFF\n .byte 0x5A\n'; } >"$TMPDIR/$1.S"
    "$GUEST_CC" -m32 -c "$TMPDIR/$1.S" -o "$TMPDIR/$1.o" && ld -m elf_i386 -Ttext=0 --oformat binary -e 0 "$TMPDIR/$1.o" -o "$TMPDIR/$1.rom" || exit 1
}
boot() { # boot NAME [OPTION...]
    local name=$1
    shift
    "$RINGSIDE" run --bios "$TMPDIR/$name.rom" -q --limit-instr 5M "$@" >"$TMPDIR/out" 2>"$TMPDIR/err"
    rc=$?
}
said() { [ "$rc" = "$1" ] && [ "$(cat "$TMPDIR/out")" = "$2" ]; }

rom shadow <<'END'
start:
    cli
    print "start"
    mov %cs, %ax
    mov %ax, %ds
    mov %ax, %es
    cld
    call changed            # nothing is written to a ROM
    mov $0x20, %al          # writes to RAM, reads from the ROM: copy it
    call pam
    call changed
    xor %si, %si
    xor %di, %di
    mov $0x8000, %cx
    rep movsw
    mov $0x30, %al          # RAM
    call pam
    call changed
    movb $0xF9, patched     # stc instead of clc, in code that has run before
    call changed
    mov $0x10, %al          # RAM, read only
    call pam
    movb $0x77, 0x8000
    call changed
    mov $0x00, %al          # the ROM again: clc
    call pam
    call changed
    done 0
changed:
    notb 0x8000
    mov 0x8000, %al
    cmp %cs:value, %al
    mov %al, value
    mov $'=', %al
    je 1f
    mov $'*', %al
1:  out %al, $0xE9
patched:
    clc
    mov $'c', %al
    jnc 1f
    mov $'C', %al
1:  out %al, $0xE9
    ret
pam:
    mov %al, %bl
    mov $0xCF8, %dx
    mov $0x80000058, %eax
    out %eax, %dx
    mov $0xCFD, %dx
    mov %bl, %al
    out %al, %dx
    ret
value: .byte 0xFF
.org 0x8000
.byte 0xFF
END
boot shadow
check "shadow RAM: four modes, and code that changes with them" said 0 "start=c=c*c*C=C=c"
boot shadow --limit-instr 1000000 --ram 1M
check "the same with 1 MB" said 0 "start=c=c*c*C=C=c"

for how in "0x64 0xFE" "0x92 0x01" "0xCF9 0x06"; do
    rom reset <<END
start:
    xor %ax, %ax
    mov %ax, %ds
    incw 0x5000
    print "r"
    cmpw \$3, 0x5000
    je 1f
    mov \$${how% *}, %dx
    mov \$0, %al            # port 92 wants a rising edge
    cmp \$0x92, %dx
    jne 2f
    out %al, %dx
2:  mov \$${how#* }, %al
    out %al, %dx
    jmp .
1:  done 0
END
    for cpu in native te bt; do
        boot reset --cpu $cpu
        check "$cpu: ${how% *} starts the ROM again" said 0 rrr
    done
done

# Out of paged protected mode, with the x87 unit in use and tables that are no use to the ROM.
rom deep <<'END'
start:
    xor %ax, %ax
    mov %ax, %ds
    incw 0x5000
    print "d"
    cmpw $3, 0x5000
    je 1f
    movl $0x83, 0x6000      # one page of 4 MB
    lgdtl %cs:gdtr
    mov $0x6000, %eax
    mov %eax, %cr3
    mov $0x10, %eax
    mov %eax, %cr4
    mov $0x80000011, %eax
    mov %eax, %cr0
    ljmpl $8, $0xF0000 + high
1:  done 0
gdtr: .word 23; .long 0xF0000 + gdt
gdt: .quad 0, 0x00CF9A000000FFFF, 0x00CF92000000FFFF
.code32
high:
    mov $16, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x7000, %esp
    fninit
    fld1
    mov $0x1234, %ax
    mov %ax, %ss:0x5100
    mov $0x12, %al
    mov %al, 0xFFFF0        # where ROM is, on a board; where its copy is, in a VM
    mov $0xCF9, %dx
    mov $6, %al
    out %al, %dx
    jmp .
.code16
END
for cpu in native te bt; do
    boot deep --cpu $cpu
    check "$cpu: the ROM starts again out of protected mode" said 0 ddd
done

rom vector <<'END'
start:
    mov $0xF000, %ax        # the last byte is the same at both places
    mov %ax, %ds
    mov 0xFFFF, %bl
    lgdtl %cs:gdtr
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    mov $8, %ax
    mov %ax, %ds
    mov $0xFFFFFFFF, %edi
    cmp %bl, (%edi)
    jne 1f
    movb $0, (%edi)         # is lost
    cmp %bl, (%edi)
    jne 1f
    mov $0xFFFEFFFF, %edi
    cmpb $0xFF, (%edi)      # below a chip of 64 KB: nobody
    jne 1f
    done 0
1:  done 1
gdtr: .word 15; .long 0xF0000 + gdt
gdt: .quad 0, 0x00CF92000000FFFF
END
boot vector
check "the ROM at the top of the address space" said 0 ""

head -c 60000 "$TMPDIR/vector.rom" >"$TMPDIR/odd.rom"
: >"$TMPDIR/empty.rom"
for name in odd empty none; do
    boot $name
    check "$name ROM is refused" [ "$rc" = 3 ]
done
"$RINGSIDE" run --bios "$TMPDIR/vector.rom,$TMPDIR/vector.rom" >"$TMPDIR/out" 2>"$TMPDIR/err"
rc=$?
check "a video ROM begins with 55 AA" grep -q "not a video ROM" "$TMPDIR/err"

# A chip of 256 KB whose 32-bit code and tables lie where no copy below 1 MB shows them.
rom low <<'END'
start:
    cli
    mov %cs, %ax
    mov %ax, %ds
    mov $gdtr, %si
    lgdtl (%si)
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl $8, $0xFFFC0000
gdtr: .word 31; .long 0xFFFFFFD0
.org 0xFFD0
gdt: .quad 0, 0x00CF9A000000FFFF, 0x00CF92000000FFFF, 0
END
printf '.code32\nmov $16, %%eax; mov %%eax, %%ds; mov $18, %%ecx; mov $0xFFFC0100, %%esi\n1: lodsb; out %%al, $0xE9; loop 1b\nmov $0, %%al; out %%al, $0xF4; hlt\n.org 0x100\n.ascii "above the low copy"\n.org 0x30000\n' >"$TMPDIR/top.S"
"$GUEST_CC" -m32 -c "$TMPDIR/top.S" -o "$TMPDIR/top.o" && ld -m elf_i386 -Ttext=0xFFFC0000 --oformat binary -e 0 "$TMPDIR/top.o" -o "$TMPDIR/top.bin" || exit 1
cat "$TMPDIR/top.bin" "$TMPDIR/low.rom" >"$TMPDIR/high.rom"
for machine in native te bt vtx "vtx --mmu two-level"; do
    boot high --cpu $machine
    check "code and tables at the top of a chip, $machine" said 0 "above the low copy"
done

# A chip of more than 1 MB: the place 1 MB below its top is its own, not an alias of its last 128 KB.
rom large <<'END'
start:
    cli
    mov %cs, %ax
    mov %ax, %ds
    mov $gdtr, %si
    lgdtl (%si)
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    mov $8, %ax
    mov %ax, %ds
    mov $0xFFEFFFFF, %edi
    cmpb $0xA5, (%edi)
    jne 1f
    done 0
1:  done 1
gdtr: .word 15; .long 0xFFFF0000 + gdt
gdt: .quad 0, 0x00CF92000000FFFF
END
{ head -c 65536 /dev/zero | tr '\0' '\245'; head -c $(((1 << 20) - 65536)) /dev/zero; cat "$TMPDIR/large.rom"; } >"$TMPDIR/chip.rom"
boot chip
check "a chip of more than 1 MB has no alias within itself" said 0 ""

# A guest that dies before its hypervisor has let it run once is not waited for.
rom dead <<'END'
start:
    cli
    lidtl %cs:nowhere
    int3
nowhere: .word 0; .long 0
END
for machine in te bt vtx; do
    boot dead --cpu $machine
    check "an interrupt without a table: the guest died, $machine" [ "$rc" = 4 ]
done

# Other people's firmware, where it is installed.
bochs=/usr/share/bochs
if [ -r $bochs/BIOS-bochs-legacy ] && [ -r $bochs/VGABIOS-lgpl-latest ]; then
    "$RINGSIDE" run --bios $bochs/BIOS-bochs-legacy,$bochs/VGABIOS-lgpl-latest -q --limit-instr 5M --screen - \
        >"$TMPDIR/out" 2>"$TMPDIR/err"
    rc=$?
    check "Bochs' BIOS finds nothing to boot" grep -q "No bootable device" "$TMPDIR/out"
fi
finish
