#!/bin/bash
# A guest that can only be interpreted goes on for as long as it likes, and limits find it there.
set -u
. tests/guest/tools/images.sh
object tests/guest/images/interpreted.S interpreted
"$GUEST_CC" -m32 -nostdlib -static -no-pie -Wl,-m,elf_i386 -Wl,-Ttext,0x100000 -Wl,--build-id=none -Wl,-z,noexecstack \
    "$TMPDIR/interpreted.o" -o "$TMPDIR/interpreted.elf" || exit 1
ends() { [ "$rc" = "$1" ] && return 0; sed 's/^/# /' "$TMPDIR/err"; return 1; }
for cpu in te bt; do
    run interpreted "$cpu"
    check "over a million instructions, $cpu" ends 0
    run interpreted "$cpu" --limit-cycles 20M
    check "and a limit ends them, $cpu" ends 5
done
finish
