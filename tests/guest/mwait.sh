#!/bin/bash
# MONITOR and MWAIT under every technique that runs unported kernels; a CPU model without them.
set -u
. tests/guest/tools/images.sh

image mwait
says() { [ "$rc" = 0 ] && diff "$1" "$TMPDIR/out" | sed 's/^/# /' && [ "${PIPESTATUS[0]}" = 0 ]; }
for cpu in native te bt vtx; do
    run mwait $cpu
    check "$cpu" says tests/guest/expected/mwait.txt
done
run mwait vtx --set cpu.vmx=3
check "vtx on a later model" says tests/guest/expected/mwait.txt
run mwait native --model ideal
check "ideal has none" [ "$rc" = 0 ]
check "and says so" grep -q '^CPUID shows it: *0' "$TMPDIR/out"
check "#UD" [ "$(grep -c '#UD' "$TMPDIR/out")" = 7 ]
run mwait te --model ideal
check "nor has a VM on it" [ "$(grep -c '#UD' "$TMPDIR/out")" = 7 ]
run mwait native --model ideal --set cpu.monitor=1
check "ideal, if it had" says tests/guest/expected/mwait.txt
finish
