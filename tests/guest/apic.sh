#!/bin/bash
# The APICs from a kernel's side: bare they are as expected, in a VM there are none and nothing says there were.
# expected/apic.txt was compared with QEMU, which neither connects the 8259 pair to input 0 nor takes
# away a disabled APIC (those lines are the manual's);
# with QEMU=1 in the environment it is again.
set -u
. tests/guest/tools/images.sh

image apic
says() { [ "$rc" = 0 ] && diff "$1" "$TMPDIR/out" | sed 's/^/# /' && [ "${PIPESTATUS[0]}" = 0 ]; }
run apic native
check "local and I/O APIC, native" says tests/guest/expected/apic.txt
run apic te
check "a VM has none" says <(echo "CPUID APIC: 00000000")
if [ -n "${QEMU:-}" ] && command -v qemu-system-i386 >/dev/null; then
    timeout 30 qemu-system-i386 -cpu pentium3 -kernel "$TMPDIR/apic.elf" -display none -serial stdio -monitor none -no-reboot \
        -m 64 -device isa-debug-exit,iobase=0xf4,iosize=1 </dev/null 2>/dev/null | diff tests/guest/expected/apic.txt - |
        sed 's/^/# qemu: /'
fi
finish
