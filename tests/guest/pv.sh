#!/bin/bash
# A paravirtual kernel: all of its hypervisor's interface tried once, and everything forbidden refused with the right error.
# Kernels and techniques that do not belong together are refused with a reason.
set -u
. tests/guest/tools/images.sh
rc=0

link_pvtest() {
    local source
    common=()
    for source in start.S user.S pvtest.c forbidden.c; do
        object "scenarios/guests/pvtest/$source" "$source"
        common+=("$TMPDIR/$source.o")
    done
    object scenarios/guests/lib/memory.c lib_memory.c
    link pvtest scenarios/guests/pvtest/pvtest.ld "${common[@]}" "$TMPDIR/lib_memory.c.o"
}

said() { [ "$rc" = 0 ] && diff tests/guest/expected/pvtest.txt "$TMPDIR/out" | sed 's/^/# /' && [ "${PIPESTATUS[0]}" = 0 ]; }
refused() { [ "$rc" = 2 ] && grep -Eq "$1" "$TMPDIR/err"; }

link_pvtest
run pvtest pv --ram 8M --limit-cycles 2e9
check "pvtest" said
run pvtest pv --ram 8M --limit-cycles 2e9 --json "$TMPDIR/json"
check "what became of its stores to tables is told" grep -Eq '"traced": 2, .*"unhooked": 0, "rehooked": 0' "$TMPDIR/json"
run pvtest pv --ram 64M --model off --limit-cycles 2e9
check "pvtest with other memory and costs" said
run pvtest te
check "a paravirtual kernel elsewhere" refused 'ported to a paravirtual interface'
run pvtest pv --mmu shadow
check "shadow tables for a paravirtual kernel" refused 'use --mmu direct'
run pvtest te --mmu direct
check "direct paging for a kernel that knows of nothing" refused 'use --mmu shadow'
image apic
run apic pv
check "a plain kernel as a paravirtual one" refused 'ported'
finish
