#!/bin/bash
# mini, the small Unix: the same script says the same from the module, from the disk, on QEMU and under every technique that is
# faithful; under trap-and-emulate the kernel's own assertion ends it, after the detector has named the instruction.
set -u
. tests/guest/tools/images.sh
img=build/guests/mini.img

kernel=mini words=
mini() { # mini CPU SCRIPT [OPTION...]: sets rc; leaves $TMPDIR/out and err
    local cpu=$1 script=$2
    shift 2
    timeout 60 "$RINGSIDE" run "build/guests/$kernel.elf" --cpu "$cpu" --append "$words run=\"$script\"" --limit-instr 500M "$@" \
        >"$TMPDIR/out" 2>"$TMPDIR/err" </dev/null
    rc=$?
}
offers() { "$RINGSIDE" list | grep -q -- "--cpu  $1 "; }
plain() { sed -E 's/at [0-9A-F]{8}/at X/; s/to BFEF[0-9A-F]{4}/to BFEFXXXX/; s/^mini: files on the (disk|module)/mini: files/' "$1"; } # addresses in programs are the compiler's
good() { [ $rc = 0 ] && diff $expected <(plain "$TMPDIR/out") | sed 's/^/# /' && [ "${PIPESTATUS[0]}" = 0 ]; }
failed_with() { [ $rc = "$1" ] && grep -q "$2" "$TMPDIR/$3"; }

# At the prompt, over the serial line; what was typed is echoed when it comes, so only the answers are compared.
printf 'echo onX\be\nls | wc\ncat\nhello there\n\004nonsense\nhalt 5\n' >"$TMPDIR/typed"
typed() { # typed CPU
    timeout 60 "$RINGSIDE" run "build/guests/$kernel.elf" --cpu "$1" --module "$img" --serial-in "$TMPDIR/typed" --limit-instr 100M \
        >"$TMPDIR/out" 2>"$TMPDIR/err" </dev/null
    rc=$?
    answers="one|[0-9 ]+22|hello there|sh: nonsense: not found"
    [ $rc = 1 ] && sed 's/^\$ //' "$TMPDIR/out" | grep -xE "$answers" | LC_ALL=C sort -u |
        diff - <(printf '4 4 22\nhello there\none\nsh: nonsense: not found\n') | sed 's/^/# /' && [ "${PIPESTATUS[3]}" = 0 ]
}

tour=$(tr '\n' ' ' <tests/guest/images/mini.sh)
expected=tests/guest/expected/mini.txt

mini native "$tour" --module "$img"
check "from the module" good
mini native "$tour" --disk "$img"
check "from the disk" good
if ! sanitized; then
    words=pio
    mini native "$tour" --disk "$img"
    check "from the disk, without DMA" good
    words=
fi
mini native "halt 3" --module "$img"
check "a status that is not 0" failed_with 1 'reported failure' err

check "a person at the prompt" typed native

mini te "$tour" --module "$img"
check "trap-and-emulate: the kernel's assertion" failed_with 1 'panic: interrupts enabled in a critical section' out
check "the detector names PUSHF" failed_with 1 'pushf at .*(irq_save' err
check "and POPF" failed_with 1 'popf at .*(irq_restore_popf): IF wanted 1, got 0' err
if ! sanitized; then
    words=checks=0
    mini te "$tour" --module "$img"
    check "without the assertion the timer is not heard" failed_with 1 'panic: interrupts are on, but in 50 periods' out
    words=
fi

for cpu in bt vtx; do
    offers $cpu || continue
    for from in module disk; do
        if sanitized && [ "$cpu $from" != "bt module" ]; then continue; fi # the disks of others: io.sh, vms.sh
        mini $cpu "$tour" --$from "$img"
        check "the same with --cpu $cpu, from the $from" good
    done
    check "a person at the prompt with --cpu $cpu" typed $cpu
done
if offers pv; then
    kernel=mini-pv
    mini pv "$tour" --module "$img"
    check "the paravirtual port says the same" good
    mini pv "halt 3" --initrd "$img"
    check "and fails when told to" [ $rc != 0 ]
    check "a person at the paravirtual kernel's prompt" typed pv
    kernel=mini words=
fi
if sanitized; then finish; fi
mini te "$tour" --module "$img" --set cpu.virtualizable=1
check "trap-and-emulate on a processor where every sensitive instruction traps" good

qemu() { # qemu OPTION...
    timeout 60 qemu-system-i386 -kernel build/guests/mini.elf "$@" -append "run=\"$tour\"" -m 64 -display none -serial stdio \
        -monitor none -no-reboot -device isa-debug-exit,iobase=0xf4,iosize=1 >"$TMPDIR/out" 2>"$TMPDIR/err" </dev/null
    rc=$(($? - 1)) # its exit code is twice the port's value plus one
}
if command -v qemu-system-i386 >/dev/null; then
    qemu -initrd "$img"
    check "the same on QEMU" good
    qemu -drive "if=ide,format=raw,snapshot=on,file=$img"
    check "the same on QEMU, from the disk" good
else echo "skip - QEMU is not installed"; fi
finish
