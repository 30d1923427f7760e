#!/bin/bash
# The board's devices from a guest's side: small images that touch them, bare and under the hypervisor.
set -u
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
for cpu in native te; do
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

exit $failed
