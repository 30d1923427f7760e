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
run_pae() { "$RINGSIDE" run build/guests/pvtest-pae.elf --cpu pv --ram 8M --limit-cycles 2e9 -q "$@" >"$TMPDIR/out" 2>"$TMPDIR/err"; rc=$?; }
said_pae() { [ "$rc" = 0 ] && diff tests/guest/expected/pvtest_pae.txt "$TMPDIR/out" | sed 's/^/# /' && [ "${PIPESTATUS[0]}" = 0 ]; }
run_pae --set vmm.check=1
check "pvtest with PAE" said_pae
run_pae --set pv.unhook=0 --model core2
check "pvtest with PAE, on another model, each store by itself" said_pae
run_pae --vms 2 --set sched=credit --set vmm.check=1 # by turns of equal length one would miss its timer's time
check "two of them" [ "$rc" = 0 -a "$(grep -c 'the page as it was: 0' "$TMPDIR/out")" = 2 ]
run_pae --set mmu.levels=3
check "PAE on a processor with deeper tables" [ "$rc" = 3 ] && grep -q 'has deeper ones instead' "$TMPDIR/err"
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
