#!/bin/bash
# A bare-metal hypervisor of one page and its guest: exits and what they tell, on CPUs with VMX and without.
# oracles.sh compares expected/vmx.txt with another machine that has VMX.
set -u
. tests/guest/tools/images.sh

image vmx
says() { [ "$rc" = 0 ] && diff "$1" "$TMPDIR/out" | sed 's/^/# /' && [ "${PIPESTATUS[0]}" = 0 ]; }
run vmx native
check "p4, native" says tests/guest/expected/vmx.txt
run vmx native --model ideal
check "ideal has none" says <(echo "no VMX")
run vmx native --model ideal --set cpu.vmx=1
check "ideal, if it had" says tests/guest/expected/vmx.txt
run vmx native --set cpu.vmx=3
check "a later one" says tests/guest/expected/vmx.txt
"$RINGSIDE" run "$TMPDIR/vmx.elf" --cpu native -q --set cpu.vmx=4 >/dev/null 2>"$TMPDIR/err"
rc=$?
check "there is no fourth generation" [ "$rc" = 2 ]
run vmx native --json "$TMPDIR/json"
check "twelve entries at 2409 cycles" grep -q '"vm-entry": 28908' "$TMPDIR/json"
check "twelve exits at 1931" grep -q '"vm-exit": 23172' "$TMPDIR/json"
finish
