#!/bin/bash
# A guest that can only be interpreted goes on for as long as it likes, and limits find it there.
set -u
. tests/support/ia32.sh
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

# Where the emulator's own work costs nothing time goes on all the same, by the cycle that every instruction takes.
object tests/guest/images/polling.S polling
objcopy -O binary "$TMPDIR/polling.o" "$TMPDIR/polling.img" || exit 1
polls() { # polls LIMIT OPTION...
    timeout 20 "$RINGSIDE" run "$TMPDIR/polling.img" -q --limit-cycles "$@" >"$TMPDIR/out" 2>"$TMPDIR/err"
    rc=$?
}
for how in "te --model ideal" "bt --model ideal" "vtx --model ideal --set cpu.vmx=1" "te --model off"; do
    # shellcheck disable=SC2086
    polls 20M --cpu $how
    check "a device becomes ready, $how" ends 0
    # shellcheck disable=SC2086
    polls 3k --cpu $how
    check "and a limit ends the wait, $how" ends 5
done
finish
