#!/bin/bash
# The APICs from a kernel's side: bare they are as expected, in a VM there are none and nothing says there were.
# oracles.sh compares expected/apic.txt with other machines.
set -u
. tests/guest/tools/images.sh

image apic
says() { [ "$rc" = 0 ] && diff "$1" "$TMPDIR/out" | sed 's/^/# /' && [ "${PIPESTATUS[0]}" = 0 ]; }
run apic native
check "local and I/O APIC, native" says tests/guest/expected/apic.txt
run apic te
check "a VM has none" says <(echo "CPUID APIC: 00000000")
finish
