#!/bin/bash
# Other machines say what Ringside says: every guest and test image on QEMU and on Bochs, each if it is installed.
#
# Idea: the same bytes, the same text on the serial line. QEMU takes the ELF (it checks neither segment limits nor several
# corners of protected mode, so the images about those are not asked of it); Bochs boots a disk made of a boot sector
# (tools/disk_boot.S) and the image's memory. Bochs has no debug exit: it is stopped when it has said enough.
# Known differences stand, with the reason, in oracles.known.
set -u
. tests/guest/tools/images.sh
guests="popf rings fault"
images="gates exceptions breakpoints fpu code paging pae spaces recursive alu interrupts tasks disk v86 real narrow apic vmx late"

# Empty lines and carriage returns aside.
said() { tr -d '\r' | grep -v '^$'; }

known() { # known MACHINE IMAGE: the regex of lines not to compare (or "all"), or one that matches nothing
    awk -v m="$1" -v i="$2" '$1 == m && $2 == i { print $3; found = 1 } END { if (!found) print "^$" }' tests/guest/oracles.known
}

agree() { # agree MACHINE IMAGE FILE
    local lines
    lines=$(known "$1" "$2")
    grep -Ev "$lines" "$TMPDIR/$2.own" >"$TMPDIR/ours"
    grep -Ev "$lines" "$3" | diff "$TMPDIR/ours" - >"$TMPDIR/diff" && [ -s "$TMPDIR/ours" ] && return 0
    head -n 10 "$TMPDIR/diff" | sed 's/^/# /'
    return 1
}

own() { # own NAME: what Ringside says, into $TMPDIR/NAME.own
    local drive=()
    [[ $1 = disk || $1 = late ]] && drive=(--disk "$TMPDIR/numbered")
    run "$1" native "${drive[@]}"
    said <"$TMPDIR/out" >"$TMPDIR/$1.own"
}

on_qemu() {
    local drive=()
    [[ $1 = disk || $1 = late ]] && drive=(-drive "if=ide,format=raw,snapshot=on,file=$TMPDIR/numbered")
    timeout 30 qemu-system-i386 -kernel "$TMPDIR/$1.elf" -display none -serial stdio -monitor none -no-reboot -m 64 \
        -device isa-debug-exit,iobase=0xf4,iosize=1 "${drive[@]}" </dev/null 2>/dev/null | said >"$TMPDIR/$1.qemu"
    agree qemu "$1" "$TMPDIR/$1.qemu"
}

little() { # little BYTES VALUE: as octal escapes for printf, least significant first
    local n=$1 v=$2 text=
    while [ "$n" -gt 0 ]; do
        text="$text$(printf '\\%03o' $((v & 255)))"
        v=$((v >> 8)) n=$((n - 1))
    done
    echo "$text"
}

disk() { # disk NAME: $TMPDIR/NAME.img, of $cylinders cylinders of 16 heads and 63 sectors; numbered where it is free
    local entry size
    objcopy -O binary --gap-fill 0 "$TMPDIR/$1.elf" "$TMPDIR/flat" || return 1
    entry=$((0x$(od -An -tx4 -j24 -N4 "$TMPDIR/$1.elf" | tr -d ' ')))
    size=$(($(wc -c <"$TMPDIR/flat") / 512 + 1))
    {
        head -c 504 "$TMPDIR/boot.bin"
        # shellcheck disable=SC2059
        printf "$(little 2 "$size")$(little 4 "$entry")$(little 2 0xAA55)"
        cat "$TMPDIR/flat"
    } >"$TMPDIR/$1.img"
    tail -c +$(($(wc -c <"$TMPDIR/$1.img") + 1)) "$TMPDIR/numbered" >>"$TMPDIR/$1.img"
    truncate -s $((cylinders * 16 * 63 * 512)) "$TMPDIR/$1.img"
}

bochs_rc() {
    cat <<RC
megs: 64
romimage: file=$bochs_share/BIOS-bochs-legacy
vgaromimage: file=$bochs_share/VGABIOS-lgpl-latest
boot: disk
ata0-master: type=disk, path="$TMPDIR/$1.img", mode=flat, cylinders=$cylinders, heads=16, spt=63
com1: enabled=1, mode=file, dev="$TMPDIR/$1.serial"
display_library: term
log: $TMPDIR/$1.log
panic: action=fatal
cpu: model=$model, ips=20000000
clock: sync=none
RC
}

on_bochs() {
    local tries=150 lines cylinders=10 model=bx_generic
    [ "$1" = vmx ] && model=core2_penryn_t9600
    [ "$1" = disk ] && cylinders=4 # what the guest expects
    disk "$1" || return 1
    bochs_rc "$1" >"$TMPDIR/$1.rc"
    : >"$TMPDIR/$1.serial"
    lines=$(wc -l <"$TMPDIR/$1.own")
    # Debian's Bochs starts in its debugger and wants a terminal: script(1) lends one.
    TERM=xterm script -qc "echo \$\$ >'$TMPDIR/pid'; exec bochs -q -f '$TMPDIR/$1.rc' -rc '$TMPDIR/go'" /dev/null \
        >/dev/null 2>&1 </dev/null &
    while [ $((tries -= 1)) -gt 0 ]; do
        [ "$(said <"$TMPDIR/$1.serial" | wc -l)" -ge "$lines" ] && break
        sleep 0.1
    done
    kill -9 "$(cat "$TMPDIR/pid")" 2>/dev/null
    wait
    said <"$TMPDIR/$1.serial" >"$TMPDIR/$1.bochs"
    agree bochs "$1" "$TMPDIR/$1.bochs"
}

# Other people's firmware finds the disk, reads the boot sector through its own driver, and the guest says the same.
firmware() { # firmware NAME ROM
    local cylinders=4
    disk "$1" || return 1
    # What the firmware says on its debug console comes before the guest's first line.
    timeout 120 "$RINGSIDE" run --bios "$2" --disk "$TMPDIR/$1.img" --limit-cycles 100e9 -q </dev/null 2>"$TMPDIR/err" |
        said | awk -v first="$(head -n 1 "$TMPDIR/$1.own")" '$0 == first { on = 1 } on' >"$TMPDIR/$1.firmware"
    agree firmware "$1" "$TMPDIR/$1.firmware"
}

numbered >"$TMPDIR/numbered"
for name in $guests; do cp "build/guests/$name.elf" "$TMPDIR/$name.elf"; done
for name in $images; do image "$name"; done
for name in $guests $images; do own "$name"; done

if command -v qemu-system-i386 >/dev/null; then
    for name in $guests $images; do
        [ "$(known qemu "$name")" = all ] && continue
        check "$name says the same on QEMU" on_qemu "$name"
    done
else echo "skip - QEMU is not installed"; fi

object tests/guest/tools/disk_boot.S disk_boot
ld -m elf_i386 -Ttext 0x7c00 -o "$TMPDIR/boot.elf" "$TMPDIR/disk_boot.o" && objcopy -O binary -j .text "$TMPDIR/boot.elf" "$TMPDIR/boot.bin" || exit 1
bochs_share=/usr/share/bochs
# Bochs of the distribution keeps the display on a terminal in a package of its own (bochs-term).
plugins=(/usr/lib/*/bochs/plugins/libbx_*.so)
terminal=("${LTDL_LIBRARY_PATH:-/usr/lib/*/bochs/plugins}"/libbx_term_gui.so)
if command -v bochs >/dev/null && [ -f "${plugins[0]}" ] && ! compgen -G "${terminal[0]}" >/dev/null; then
    echo "skip - Bochs is installed without its display library term"
elif command -v bochs >/dev/null && command -v script >/dev/null && [ -f $bochs_share/BIOS-bochs-legacy ]; then
    echo c >"$TMPDIR/go"
    for name in $guests $images; do
        [ "$(known bochs "$name")" = all ] && continue
        check "$name says the same on Bochs" on_bochs "$name"
    done
else echo "skip - Bochs is not installed"; fi

for rom in /usr/share/seabios/bios.bin /usr/share/seabios/bios-256k.bin $bochs_share/BIOS-bochs-legacy; do
    [ -f "$rom" ] || continue
    check "$(basename "$rom") boots the disk" firmware disk "$rom"
done
finish
