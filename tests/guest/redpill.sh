#!/bin/bash
# User code, too, can find out that it runs under trap-and-emulate: nothing traps, and the detector says so.
set -u
. tests/support/ia32.sh
. tests/guest/tools/images.sh

object tests/guest/images/redpill.S redpill
"$GUEST_CC" -m32 -nostdlib -static -no-pie -Wl,-m,elf_i386 -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-N -Wl,-Ttext=0x100000 \
    "$TMPDIR/redpill.o" -o "$TMPDIR/redpill.elf" || exit 1
run redpill native
check "bare: the program sees its kernel's GDT" [ "$rc" = 0 ]
run redpill te
check "te: it sees another one" [ "$rc" = 1 ]
"$RINGSIDE" run "$TMPDIR/redpill.elf" --cpu te --json - -q >"$TMPDIR/json" 2>/dev/null
check "te: the detector reports sgdt in user code" grep -q '"insn": "sgdt".*"where": "user+' "$TMPDIR/json"
finish
