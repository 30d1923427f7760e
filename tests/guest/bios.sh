#!/bin/bash
# The built-in BIOS: boot sectors that call its services, by way of tests/guest/boot/*.S.
#
# The expected texts were compared with two other BIOSes on two other machines; where those differ from ours, the program
# says why. With OTHERS=1 the differences are shown; they fail nothing.
set -u
. tests/support/ia32.sh
. tests/guest/tools/images.sh
boot=tests/guest/boot

sector() { # sector NAME SECTORS: $TMPDIR/NAME.img from boot/lib.S and boot/NAME.S
    cat $boot/lib.S "$boot/$1.S" >"$TMPDIR/$1.S"
    printf '\n.org %d\n' $(($2 * 512 - 2)) >>"$TMPDIR/$1.S"
    [ "$2" -gt 1 ] && echo '.word 0' >>"$TMPDIR/$1.S" || echo '.word 0xAA55' >>"$TMPDIR/$1.S"
    "$GUEST_CC" -m32 -Wa,--defsym,SECTORS="$2" -c "$TMPDIR/$1.S" -o "$TMPDIR/$1.o" &&
        ld -m elf_i386 -Ttext=0x7C00 --oformat binary "$TMPDIR/$1.o" -o "$TMPDIR/$1.img" || exit 1
}
boot() { # boot NAME [OPTION...]
    local name=$1
    shift
    "$RINGSIDE" run "$TMPDIR/$name.img" -q --limit-instr 30M "$@" >"$TMPDIR/out" 2>"$TMPDIR/err"
    rc=$?
    : >"$TMPDIR/diff"
}
others() { # others NAME: what QEMU with SeaBIOS says
    [ -n "${OTHERS:-}" ] && command -v qemu-system-i386 >/dev/null || return 0
    timeout 20 qemu-system-i386 -drive file="$TMPDIR/$1.img",format=raw,if=ide -display none -debugcon stdio -m 64 -no-reboot \
        -device isa-debug-exit,iobase=0xf4,iosize=1 </dev/null 2>/dev/null | diff "tests/guest/expected/boot_$1.txt" - |
        sed "s/^/# qemu $1: /"
}
same() { # same FILE
    [ "$rc" = 0 ] && diff "tests/guest/expected/boot_$1.txt" "$TMPDIR/out" >"$TMPDIR/diff" && return 0
    head -n 30 "$TMPDIR/diff" | sed 's/^/# /'
    return 1
}

for name in system memory disk keyboard; do
    sector $name 8
    truncate -s 8M "$TMPDIR/$name.img"
    for cpu in native te vtx; do
        boot $name --cpu $cpu
        check "services, $cpu: $name" same $name
    done
    others $name
done

sector unreal 8
truncate -s 8M "$TMPDIR/unreal.img"
for cpu in native te bt vtx; do
    boot unreal --cpu $cpu
    check "flat real mode's FS and GS, $cpu" same unreal
done
others unreal

sector video 8
sector return 1
for cpu in native te bt vtx "bt --set vmm.apic=1" "vtx --mmu two-level --model nehalem --set vmm.apic=1"; do
    boot return --cpu $cpu
    check "back from protected mode by a reset, and by a triple fault that was announced, $cpu" \
        [ "$rc$(cat "$TMPDIR/out")" = "05A5A P back, printer 9000 " ]
done
sector zero 1
for cpu in native te bt vtx; do
    boot zero --cpu $cpu
    check "offset 0 of a code segment is not the BIOS's chip, $cpu" [ "$rc$(cat "$TMPDIR/out")" = 00 ]
done

for cpu in native te vtx; do
    boot video --cpu $cpu --screen "$TMPDIR/screen"
    cp "$TMPDIR/screen" "$TMPDIR/out"
    check "services, $cpu: video" same video
done

# --- what is booted, and what is not
sector hello 1
boot hello
check "a file of 512 bytes" [ "$rc$(cat "$TMPDIR/out")" = "0hello 0080 !" ]
cp "$TMPDIR/hello.img" "$TMPDIR/floppy.img"
truncate -s 1440K "$TMPDIR/floppy.img"
boot floppy
check "a floppy disk's size makes drive 0" [ "$rc$(cat "$TMPDIR/out")" = "0hello 0000 !" ]
truncate -s 1M "$TMPDIR/blank.img"
"$RINGSIDE" run --disk "$TMPDIR/blank.img" --limit-instr 5M -q --screen "$TMPDIR/screen" >"$TMPDIR/out" 2>"$TMPDIR/err"
rc=$?
check "no boot sector: exit 1" [ "$rc" = 1 ]
check "no boot sector: a message" grep -q "^No bootable disk: its first sector does not end in 55 AA" "$TMPDIR/out"
check "no boot sector: on the screen, too" grep -q "^No bootable disk" "$TMPDIR/screen"
"$RINGSIDE" run --disk "$TMPDIR/hello.img" --limit-instr 5M -q >"$TMPDIR/out" 2>"$TMPDIR/err"
rc=$?
check "--disk alone" [ "$rc$(cat "$TMPDIR/out")" = "0hello 0080 !" ]
"$RINGSIDE" run "$TMPDIR/hello.img" --append x >"$TMPDIR/out" 2>"$TMPDIR/err"
rc=$?
check "a disk takes no command line" [ "$rc" = 2 ]
"$RINGSIDE" run build/guests/popf.elf --bios build/guests/bios.rom >"$TMPDIR/out" 2>"$TMPDIR/err"
rc=$?
check "a ROM boots no kernel" [ "$rc" = 2 ]
"$RINGSIDE" run "$TMPDIR/hello.img" --json "$TMPDIR/json" --limit-instr 5M -q >"$TMPDIR/out" 2>"$TMPDIR/err"
cycles=$(sed -n 's/.*"cycles": *\([0-9]*\).*/\1/p' "$TMPDIR/json" | head -n 1)
rc=$cycles
check "the boot sector runs within 3 simulated ms" [ "${cycles:-0}" -gt 1000 -a "${cycles:-0}" -lt 9000000 ]

# --- other people's firmware boots the same disk, where it is installed
truncate -s 1M "$TMPDIR/hello.img"
for rom in /usr/share/seabios/bios.bin /usr/share/bochs/BIOS-bochs-legacy,/usr/share/bochs/VGABIOS-lgpl-latest \
           /usr/share/bochs/BIOS-bochs-latest,/usr/share/bochs/VGABIOS-lgpl-latest; do
    [ -r "${rom%,*}" ] && [ -r "${rom#*,}" ] || continue
    "$RINGSIDE" run "$TMPDIR/hello.img" --bios "$rom" --limit-instr 100M -q >"$TMPDIR/out" 2>"$TMPDIR/err"
    rc=$?
    check "booted by ${rom%,*}" grep -q "hello 0080 !" "$TMPDIR/out"
done
if [ -r /usr/share/seabios/bios.bin ] && [ -r /usr/share/bochs/VGABIOS-lgpl-latest ]; then
    boot video --bios /usr/share/seabios/bios.bin,/usr/share/bochs/VGABIOS-lgpl-latest --screen "$TMPDIR/screen" --limit-instr 100M
    cp "$TMPDIR/screen" "$TMPDIR/out"
    check "a PCI card's video BIOS gives the same screen" same video
fi
finish
