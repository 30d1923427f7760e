#!/bin/bash
# What if the ISA had been virtualizable? With every sensitive instruction trapping, trap-and-emulate says what bare hardware
# says and nothing fails silently; with UMIP five of the nineteen rows are right, and user code sees no hypervisor.
set -u
. tests/support/ia32.sh
. tests/guest/tools/images.sh

bare() { "$RINGSIDE" run "build/guests/$1.elf" --cpu native -q >"$TMPDIR/bare" 2>/dev/null; }
on() { # on GUEST OPTION...: under te; sets rc; leaves out and json
    local guest=$1
    shift
    "$RINGSIDE" run "$guest" --cpu te -q "$@" >"$TMPDIR/out" 2>"$TMPDIR/err"
    rc=$?
    "$RINGSIDE" run "$guest" --cpu te "$@" --json - -q >"$TMPDIR/json" 2>/dev/null
}
loud() { grep -q '"silent": \[\],' "$TMPDIR/json"; }
silent() { ! loud; }
same() { diff "$TMPDIR/bare" "$TMPDIR/out" >/dev/null; }
different() { [ "$(grep -c DIFFERENT "$TMPDIR/out")" = "$1" ]; }

some 2 popf sens19 rings fault
for guest in "${cases[@]}"; do
    bare $guest
    on build/guests/$guest.elf --set cpu.virtualizable=1
    check "$guest: virtualizable, te is as bare hardware" same
    check "$guest: virtualizable, nothing is silent" loud
done
on build/guests/sens19.elf
check "sens19: without, the detector speaks" silent
check "sens19: without, 18 rows differ" different 18
on build/guests/sens19.elf --set cpu.umip=1
check "sens19: umip repairs rows 1 to 5" different 13

object tests/guest/images/redpill.S redpill
"$GUEST_CC" -m32 -nostdlib -static -no-pie -Wl,-m,elf_i386 -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-N -Wl,-Ttext=0x100000 \
    "$TMPDIR/redpill.o" -o "$TMPDIR/redpill.elf" || exit 1
for what in umip virtualizable; do
    on "$TMPDIR/redpill.elf" --set cpu.$what=1
    check "redpill: $what, user code sees its kernel's GDT" [ "$rc" = 0 ]
done
some 3 fpu gates segments
for image in "${cases[@]}"; do
    image $image
    "$RINGSIDE" run "$TMPDIR/$image.elf" --cpu native -q >"$TMPDIR/bare" 2>/dev/null
    on "$TMPDIR/$image.elf" --set cpu.virtualizable=1
    check "$image: virtualizable, te is as bare hardware" same
    check "$image: virtualizable, nothing is silent" loud
done
finish
