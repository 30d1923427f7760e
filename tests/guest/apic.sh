#!/bin/bash
# The APICs from a kernel's side: bare they are as expected; in a VM there are none and nothing says there were, or, with vmm.apic, they are as bare.
# (CPUID is executed unseen under te: it shows the real one whatever the guest does to its own.)
# oracles.sh compares expected/apic.txt with other machines.
set -u
. tests/guest/tools/images.sh

image apic
says() { [ "$rc" = 0 ] && diff "$1" "$TMPDIR/out" | sed 's/^/# /' && [ "${PIPESTATUS[0]}" = 0 ]; }
run apic native
check "local and I/O APIC, native" says tests/guest/expected/apic.txt
run apic te
check "a VM has none" says <(echo "CPUID APIC: 00000000")
run apic te --set vmm.apic=1
check "te: virtual APICs" says <(sed 's/^CPUID without APIC: 0*0$/CPUID without APIC: 00000001/' tests/guest/expected/apic.txt)
nehalem="vtx --model nehalem --set vmm.check=1"
some 7 bt "bt --set bt.faults=1" vtx "$nehalem" "$nehalem --mmu two-level" "$nehalem --mmu two-level --set ept.large=1" \
    "$nehalem --mmu agile --set cpu.agile=1"
for cpu in "${cases[@]}"; do
    # shellcheck disable=SC2086
    run apic $cpu --set vmm.apic=1
    check "$cpu: virtual APICs" says tests/guest/expected/apic.txt
done
# nano, which pages, stores to the task priority 1,536 times; besides it leaves 1,576 times, and 3,378 with agile
stays() { # stays EXITS OPTION...: no more than these
    local most=$1
    shift
    "$RINGSIDE" run build/guests/nano.elf --cpu vtx --model nehalem --set vmm.apic=1 --set vmm.check=1 "$@" >"$TMPDIR/out" 2>"$TMPDIR/err" &&
        awk -v most="$most" '/guest instructions .* exits/ { gsub(",", ""); n = $4 } END { exit !(n > 0 && n <= most) }' "$TMPDIR/err" "$TMPDIR/out"
}
sanitized || check "two-level: stores to the task priority do not leave" stays 2000 --mmu two-level
check "agile: nor there" stays 4000 --mmu agile --set cpu.agile=1
saved() { # saved CPU CYCLE CPU: what both print together
    run apic "$1" --set vmm.apic=1 --save "$TMPDIR/apic.save" --save-at "$2" && cp "$TMPDIR/out" "$TMPDIR/first"
    "$RINGSIDE" run "$TMPDIR/apic.elf" --cpu "$3" -q --set vmm.apic=1 --restore "$TMPDIR/apic.save" >"$TMPDIR/second" 2>"$TMPDIR/err"
    rc=$?
    cat "$TMPDIR/first" "$TMPDIR/second" >"$TMPDIR/out"
    [ $rc = 0 ] && diff tests/guest/expected/apic.txt "$TMPDIR/out"
}
some 4 5e6 2e7 4e7 6e7
for at in "${cases[@]}"; do check "saved at $at, and on" saved bt $at vtx; done
refused() { "$RINGSIDE" run "$TMPDIR/apic.elf" --cpu vtx -q --restore "$TMPDIR/apic.save" 2>&1 | grep -q 'other features'; }
check "not on to a VM without APICs" refused
finish
