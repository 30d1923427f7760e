#!/bin/bash
# Every test image must say the same bare, under trap-and-emulate and under binary translation, and that must be what is in expected/.
#
# The expected texts were compared with other machines (two PC emulators) line by line, and where those are lax, with
# the manual. With QEMU=1 in the environment each is run there too and the differences are shown; they fail nothing.
set -u
. tests/guest/tools/images.sh

same() { # same NAME: exit code 0, and the serial output is the expected text
    [ "$rc" = 0 ] && diff "tests/guest/expected/$1.txt" "$TMPDIR/out" >"$TMPDIR/diff" && return 0
    head -n 20 "$TMPDIR/diff" | sed 's/^/# /'
    return 1
}

other_machine() { # other_machine NAME
    timeout 30 qemu-system-i386 -kernel "$TMPDIR/$1.elf" -display none -serial stdio -monitor none -no-reboot -m 64 \
        -device isa-debug-exit,iobase=0xf4,iosize=1 </dev/null 2>/dev/null | diff "tests/guest/expected/$1.txt" - |
        sed "s/^/# qemu $1: /"
}

techniques=(te bt vtx) turn=0
for name in segments gates exceptions breakpoints fpu code paging pae spaces recursive alu interrupts serial boot_bare boot_some tasks v86 real narrow held softint overwrite stores; do
    if sanitized && [ $name = alu ]; then continue; fi # every operation, thousands of operands: 50 million instructions
    image "$name"
    # With sanitizers one technique for each image, by turns: the programs under test are the same.
    if sanitized; then cpus=(${techniques[turn++ % 3]}); else cpus=(native te bt vtx); fi
    for cpu in "${cpus[@]}"; do
        run "$name" "$cpu"
        check "$name, $cpu" same "$name"
    done
    if [ -n "${QEMU:-}" ] && command -v qemu-system-i386 >/dev/null; then other_machine "$name"; fi
done

image stores # each store is learnt at once, and never
some 2 bt.faults=1 bt.incache=0
for set in "${cases[@]}"; do
    run stores bt --set "$set"
    check "stores, bt, $set" same stores
done

# Trap-and-emulate's PUSHF tells the real IF there, so it is not asked. bt takes SYSENTER in three ways.
image sysenter
some 2 native "bt" "bt --set bt.sysenter=0" "bt --set bt.user=1" vtx
for cpu in "${cases[@]}"; do
    # shellcheck disable=SC2086
    run sysenter $cpu
    check "sysenter, $cpu" same sysenter
done
finish
