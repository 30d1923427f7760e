#!/bin/bash
# The board's devices from a guest's side: small images that touch them, bare and under the hypervisor.
set -u
. tests/support/ia32.sh
ringside=$(realpath "${RINGSIDE:-./ringside}") || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0
ok() { # ok NAME COMMAND...: the command succeeds
    local name=$1
    shift
    if "$@" >/dev/null 2>&1; then echo "ok - $name"; return; fi
    echo "not ok - $name"
    failed=1
}
run() { # run EXIT ARGUMENT...: to the files out and err
    local want=$1
    shift
    timeout 60 "$ringside" run "$@" >out 2>err </dev/null
    rc=$?
    [ $rc = "$want" ] || { echo "not ok - run $* exits $rc, not $want"; sed 's/^/  | /' err | head -5; failed=1; }
}
# image NAME < assembly: entered in flat 32-bit mode; .macro-s for what every image does
image() {
    { cat <<'END'
.macro set port, value
    mov $\port, %dx
    mov $\value, %al
    out %al, %dx
.endm
.globl _start
_start:
    mov $stack, %esp
END
    cat
    echo '.bss; .space 4096; stack:'; } | gcc -m32 -nostdlib -static -no-pie -Wl,-m,elf_i386 -Wl,--build-id=none \
        -Wl,-z,noexecstack -Wl,-Ttext=0x100000 -x assembler - -o "$1" || { echo "not ok - could not build $1"; exit 1; }
}

# --- the screen
image screen.elf <<'END'
    movl $0x0748, 0xB8000+160
    movw $0x07DB, 0xB8002+160
    movw $0x0721, 0xB8000+25*160
    set 0x3D4, 0x0D
    set 0x3D5, 80
    set 0xF4, 0
    hlt
END
{ echo 'H█'; for _ in {2..24}; do echo; done; } >wanted
{ cat wanted; echo '!'; } >wanted2
for cpu in native te vtx; do
    run 0 screen.elf --cpu $cpu --screen screen.txt
    ok "$cpu: the screen begins at the start address" cmp screen.txt wanted2
    run 0 screen.elf --cpu $cpu --screen - -q
    ok "$cpu: to stdout" cmp out wanted2
done
image graphics.elf <<'END'
    set 0x3CE, 6
    set 0x3CF, 5
    set 0xF4, 0
    hlt
END
run 1 graphics.elf --screen screen.txt -q
ok "a graphics mode has no text" grep -q 'graphics mode' err

# --- the 8042, port 92h: reset and A20
for how in "0x64 0xFE" "0x92 0x01" "0xCF9 0x06"; do
    image reset.elf <<END
    set ${how% *}, ${how#* }
1:  jmp 1b
END
    for cpu in native te vtx; do
        run 0 reset.elf --cpu $cpu --limit-cycles 1e6
        ok "$cpu: ${how% *} resets, and the report says so" grep -q 'guest reset the machine, and there is no ROM' err
    done
done
# While the gate is shut the image, which lies above 1 MB, is gone: the test runs in low memory.
image a20.elf <<'END'
    lea shut, %esi
    mov $0x8000, %edi
    mov $end - shut, %ecx
    rep movsb
    movl $0x11111111, 0x0A000
    movl $0x22222222, 0x10A000
    mov $0x8000, %eax
    jmp *%eax
shut:
    mov $0x9000, %esp
    mov $0xDD, %al
    out %al, $0x64
    mov 0x10A000, %eax
    movl $0x33333333, 0x10A004
    mov %eax, %ebx
    mov $0xDF, %al
    out %al, $0x64
    cmp $0x11111111, %ebx
    jne bad
    cmpl $0x33333333, 0x0A004
    jne bad
    cmpl $0x22222222, 0x10A000
    jne bad
    cmpl $0, 0x10A004
    jne bad
    mov $0, %al
    out %al, $0xF4
bad:
    mov $1, %al
    out %al, $0xF4
    hlt
end:
END
run 0 a20.elf -q
ok "A20 shut: an odd megabyte is the even one below it, for data and code" test $rc = 0

# --- the clock: the update bit is polled until the second changes
image clock.elf <<'END'
    mov $0, %al
    out %al, $0x70
1:  in $0x71, %al
    test %al, %al
    jz 1b
    cmp $1, %al
    jne bad
    mov $0x32, %al
    out %al, $0x70
    in $0x71, %al
    cmp $0x20, %al
    jne bad
    mov $0x35, %al
    out %al, $0x70
    in $0x71, %al
    cmp $3, %al
    jne bad
    mov $0, %al
    out %al, $0xF4
bad:
    mov $1, %al
    out %al, $0xF4
END
run 0 clock.elf --set cost.port_ns=100000 -q
ok "the clock ticks; memory is said to be 64 MB" test $rc = 0

# --- typing: COM1 receives a file by interrupt, and echoes it in capitals up to the newline
image echo.elf <<'END'
    set 0x3F9, 0
    set 0x3FA, 0xC7
    set 0x3FC, 0x03
1:  mov $0x3FD, %dx
    in %dx, %al
    test $1, %al
    jz 1b
    mov $0x3F8, %dx
    in %dx, %al
    cmp $0x0A, %al
    je 2f
    and $0xDF, %al
    out %al, %dx
    jmp 1b
2:  set 0xF4, 0
END
printf 'hello%s\nlost' "$(printf 'x%.0s' {1..60})" >typed
{ printf 'HELLO'; printf 'X%.0s' {1..60}; } >wanted
for cpu in native te vtx; do
    run 0 echo.elf --cpu $cpu --serial-in typed -q --limit-cycles 1e9
    ok "$cpu: --serial-in is received, none is lost" cmp out wanted
done
run 3 echo.elf --serial-in missing -q
ok "a missing --serial-in is named" grep -q 'missing' err

# --- power
image off.elf <<'END'
    mov $0xB004, %dx
    mov $0x2000, %ax
    out %ax, %dx
1:  jmp 1b
END
for cpu in native te vtx; do
    run 0 off.elf --cpu $cpu --limit-cycles 1e6
    ok "$cpu: soft off ends the run" grep -q 'guest turned the power off' err
done

exit $failed
