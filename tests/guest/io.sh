#!/bin/bash
# Ways to reach a device: a guest says the same whoever programs the disk; passthrough takes fewer exits; a device's stray store is
# refused by the IOMMU, and without one noticed by the safety checker; what cannot be is refused with the reason.
set -u
. tests/guest/tools/images.sh

img=build/guests/mini.img
script='disk run="ls; cat motd; fib 12; wc README; halt 0"'
mini() { # mini [OPTION...]: from the disk; leaves $TMPDIR/out and json
    "$RINGSIDE" run build/guests/mini.elf --ram 16M --disk "$img" --append "$script" --limit-cycles 5e9 -q --json "$TMPDIR/json" --serial "$TMPDIR/out" \
        "$@" 2>"$TMPDIR/err" </dev/null
    rc=$?
}
same() { [ "$rc" = 0 ] && cmp "$TMPDIR/native" "$TMPDIR/out"; }
count() { grep -o "\"$1\": [0-9]*" "$TMPDIR/json" | head -n 1 | grep -o '[0-9]*$'; } # count KEY
ports() { grep -o '"port": {"count": [0-9]*' "$TMPDIR/json" | head -n 1 | grep -o '[0-9]*$'; }
fewer() { [ "$(ports)" -lt "$before" ]; }
is() { [ "$(count "$1")" = "$2" ]; }                                          # is KEY N
some() { [ "$(count "$1")" -gt 0 ]; }
is_exit() { [ "$rc" = "$1" ]; }
said() { [ "$rc" = "$1" ] && grep -q "$2" "$TMPDIR/err"; }                    # said EXIT TEXT

mini --cpu native
cp "$TMPDIR/out" "$TMPDIR/native"; cp "$TMPDIR/out" "$TMPDIR/words"
some 4 "te --set cpu.virtualizable=1" bt vtx "vtx --mmu two-level" "vtx --model nehalem"
for how in "${cases[@]}"; do
    # shellcheck disable=SC2086
    mini --cpu $how --io hypervisor-direct
    check "mini from a disk of the hypervisor's, $how" same
    check "by a driver that programs the real one" some real_interrupts
    before=$(ports)
    # shellcheck disable=SC2086
    mini --cpu $how --io passthrough --set vmm.check=1
    check "mini from the real disk, $how" same
    [ "$how" = bt ] || check "with fewer exits for ports" fewer
    check "the device stored only where it may" is stray_stores 0
    check "and no DMA was refused" is dma_faults 0
    check "and each of its interrupts was handed on" [ "$(count interrupts)" = "$(count handed_on)" ]
    check "it did store" some dma_bytes
done
# A driver that asks for the drive's status after the EOI, unseen.
image late
for how in native "te --io passthrough" "bt --io passthrough" "vtx --io passthrough" "vtx --model nehalem --mmu two-level --io passthrough" \
    "vtx --model nehalem --io passthrough --set io.exitless=1" bt; do
    # shellcheck disable=SC2086
    run late $how --disk "$img"
    check "no interrupt is lost, $how" diff tests/guest/expected/late.txt "$TMPDIR/out"
done
# Exitless: the drive's interrupts and their ends are the guest's; its virtual timer's leave as ever.
some 3 "--model nehalem" "--set cpu.vmx=3" "--model nehalem --mmu two-level"
for how in "${cases[@]}"; do
    # shellcheck disable=SC2086
    mini --cpu vtx $how --io passthrough --set vmm.check=1
    before=$(ports) handed=$(count handed_on) irqs=$(grep -o '"irq": {"count": [0-9]*' "$TMPDIR/json" | head -n 1 | grep -o '[0-9]*$')
    # shellcheck disable=SC2086
    mini --cpu vtx $how --io passthrough --set vmm.check=1 --set io.exitless=1
    check "mini with exitless interrupts, $how" same
    check "most of the drive's: $(count exitless) of $handed" [ "$(count exitless)" -gt $((handed * 3 / 4)) -a $(($(count exitless) + $(count handed_on))) = "$(count interrupts)" ]
    check "fewer port accesses leave: the EOIs do not ($(ports) of $before)" [ "$(ports)" -le $((before - 3 * $(count exitless) / 2)) ]
    check "nor do the interrupts" [ "$(grep -o '"irq": {"count": [0-9]*' "$TMPDIR/json" | head -n 1 | grep -o '[0-9]*$')" -lt "$irqs" ]
done

mini --cpu vtx --io passthrough --set io.iommu=0
check "without the IOMMU the guest finds nothing on its disk" grep -q 'no file system of mine' "$TMPDIR/out"
check "for it went elsewhere, says the safety checker" some stray_stores
"$RINGSIDE" run build/guests/mini.elf --ram 16M --disk "$img" --append disk --cpu vtx --io passthrough --set io.iommu=0 --serial null \
    >"$TMPDIR/report" 2>&1
check "and in the report" grep -q 'safety: the device stored' "$TMPDIR/report"

mini --cpu vtx --vms 3 --set sched.slice=200
for n in 0 1 2; do
    cp "$TMPDIR/out.$n" "$TMPDIR/out"
    check "three VMs on one real disk, number $n" same
done
check "each waits for its turn" some waited

# --- virtio disks: the same words of the guest, one exit or two for a request, and the same disk behind both
accesses_per_command() { [ "$(count accesses)" -lt $((3 * $(count commands))) ]; }
mini --cpu native
cp "$TMPDIR/out" "$TMPDIR/native"
some 3 native "te --set cpu.virtualizable=1" bt vtx "vtx --mmu two-level"
for how in "${cases[@]}"; do
    # shellcheck disable=SC2086
    mini --cpu $how --set io.virtio=1
    check "mini from a virtio disk, $how" same
    [ "$how" = native ] && continue
    check "by the driver that programs the real one" some real_interrupts
    check "in fewer than three port accesses for a request" accesses_per_command
done
mini --cpu vtx --set io.virtio=1 --vms 2
for n in 0 1; do
    cp "$TMPDIR/out.$n" "$TMPDIR/out"
    check "two VMs with virtio disks on one real one, number $n" same
done
mini --cpu vtx --set io.virtio=1 --save "$TMPDIR/vm" --save-at 12e6
cp "$TMPDIR/out" "$TMPDIR/begun"
mini --cpu bt --set io.virtio=1 --restore "$TMPDIR/vm"
check "one goes on from a file, under another technique" cmp "$TMPDIR/native" <(cat "$TMPDIR/begun" "$TMPDIR/out")
mini --cpu vtx --restore "$TMPDIR/vm"
check "but not with another disk in its place" said 3 'saved with --set io.virtio=1'
script='disk run="echo x >a; cat a; halt 0"'
mini --cpu vtx --set io.virtio=2
check "a disk that can only be read refuses" grep -q "a: no room" "$TMPDIR/out"
check "and the guest lives" is_exit 0
script='disk run="ls; cat motd; fib 12; wc README; halt 0"'

image stray
numbered >"$TMPDIR/disk.img"
run stray native --disk "$TMPDIR/disk.img" --ram 16M
cp "$TMPDIR/out" "$TMPDIR/native"
check "a bus master with a wrong address, bare" grep -q 'to nobody' "$TMPDIR/out"
for cpu in te bt vtx; do
    run stray $cpu --disk "$TMPDIR/disk.img" --ram 16M --io passthrough --json "$TMPDIR/json" --serial "$TMPDIR/out"
    check "the same under $cpu, passthrough" same
    check "by DMA that the IOMMU refused" some dma_refused
    check "and that went nowhere" is stray_stores 0
done
image disk
run disk vtx --mmu two-level --disk "$TMPDIR/disk.img" --io passthrough
check "PIO and DMA on the real disk" diff tests/guest/expected/disk.txt "$TMPDIR/out"
unseen='^page before|^code before' # nobody tells the hypervisor of DMA to a page table that it shadows, to code that it has translated
for cpu in te bt vtx; do
    run disk $cpu --disk "$TMPDIR/disk.img" --io passthrough
    check "the same on shadow tables, $cpu, but for what came by DMA unseen" \
        diff <(grep -Ev "$unseen" tests/guest/expected/disk.txt) <(grep -Ev "$unseen" "$TMPDIR/out")
done

# --- the network card: two frames to a mirror
image nic
cat >"$TMPDIR/expected" <<'T'
who is there: 813910EC
address: 12005452 00005634
one to somebody: 00000044 1FBB367A
  for, from: 00000056 00000002
one to all: 00000044 F967B4C5
  for, from: 00000056 00000002
events: 00000005
interrupts came: 00000001
T
frames() { # four of 64 bytes, the answers after their questions, with time going on
    perl -e 'local $/; open my $f, "<:raw", $ARGV[0]; $_ = <$f>; my ($m, @h) = unpack "VvvVVVV", substr($_, 0, 24, "");
             my ($n, $t, $last) = (0, 0, "");
             while (length) { my ($s, $ns, $a, $b) = unpack "V4", substr($_, 0, 16, ""); my $f = substr($_, 0, $a, ""); my $now = $s * 1e9 + $ns;
                 exit 1 if $a != 64 || $now <= $t; exit 2 if $n++ % 2 && substr($f, 14) ne substr($last, 14); ($t, $last) = ($now, $f) }
             exit !($m == 0xA1B23C4D && $h[5] == 1 && $n == 4)' "$TMPDIR/capture"
}
others() { [ "$rc" = 5 ] && [ -s "$TMPDIR/capture" ] && ! LC_ALL=C grep -q "$(printf '\210\265')" "$TMPDIR/capture"; }
some 3 native "te --io hypervisor-direct" bt vtx "vtx --mmu two-level" "te --io passthrough" "bt --io passthrough" "vtx --io passthrough" \
    "vtx --io passthrough --mmu two-level"
for how in "${cases[@]}"; do
    # shellcheck disable=SC2086
    run nic $how --nic mirror --ram 16M --pcap "$TMPDIR/capture" --limit-cycles 200M
    check "frames go out and come back, $how" diff "$TMPDIR/expected" "$TMPDIR/out"
    check "and are in the capture" frames
done
sed '1s/.*/who is there: 10001AF4/; /events/d; /address/a link: 00000001' "$TMPDIR/expected" | sed '/interrupts/i sent, heard: 00000002 00000002' >"$TMPDIR/expected.virtio"
image vnet
some 3 native te bt vtx "vtx --mmu two-level"
for how in "${cases[@]}"; do
    # shellcheck disable=SC2086
    run vnet $how --nic mirror --set net.virtio=1 --ram 16M --pcap "$TMPDIR/capture.virtio" --limit-cycles 200M
    check "a virtio card says the same, $how" diff "$TMPDIR/expected.virtio" "$TMPDIR/out"
    [ "$how" = native ] || cp "$TMPDIR/capture.virtio" "$TMPDIR/capture"
    check "of the same frames" frames
done
run nic vtx --io passthrough --mmu two-level --nic mirror --ram 16M --pcap "$TMPDIR/capture" --limit-cycles 200M
cp "$TMPDIR/capture" "$TMPDIR/first"
run nic vtx --io passthrough --mmu two-level --nic mirror --ram 16M --pcap "$TMPDIR/capture"
check "the same ones at the same moments each time" cmp "$TMPDIR/first" "$TMPDIR/capture"
run nic vtx --io passthrough --nic mirror --ram 16M --set net.mbit=10 --set net.latency=1000000 --pcap "$TMPDIR/capture"
check "a slower network" diff "$TMPDIR/expected" "$TMPDIR/out"
check "takes longer" [ "$(cmp "$TMPDIR/first" "$TMPDIR/capture" | wc -l)" = 1 ]
run nic vtx --io passthrough --nic mirror --ram 16M --set io.iommu=0 --limit-cycles 20M --pcap "$TMPDIR/capture"
check "without the IOMMU the card sends what is not the guest's" others

# --- one card for several VMs: who sends to whom, all of it heard, and every packet accounted for
image talk
net() { grep -o '"switch": {[^}]*}' "$TMPDIR/json" | grep -o "\"$1\": [0-9]*" | grep -o '[0-9]*$'; } # net KEY
conserved() { [ "$(net forwarded)" = $(($(net to_vms) + $(net to_card) + $(net dropped) + $(net waiting))) ] && [ "$(net forwarded)" -gt 100 ]; }
talks() { # talks CPU OPTION...: leaves $TMPDIR/out.0 to out.3
    local cpu=$1
    shift
    run talk "$cpu" --vms 4 --ram 8M --limit-cycles 9e9 --serial "$TMPDIR/out" --json "$TMPDIR/json" "$@"
}
everybody() { # each has heard 8 frames to all of every other, and 8 to itself of two of them
    [ "$rc" = 0 ] && cat "$TMPDIR"/out.[0-3] | diff - <(
        for me in 56 57 58 59; do
            case $me in 56) h="00 10 10 08" ;; 57) h="08 00 10 10" ;; 58) h="10 08 00 10" ;; 59) h="10 10 08 00" ;; esac
            # shellcheck disable=SC2086
            printf 'I am, and sent: 000000%s 00000018\nheard of 56, of 57: 000000%s 000000%s\nheard of 58, of 59: 000000%s 000000%s\n' "$me" $h
            echo "echoes of my own, wrong frames: 00000000 00000000"
        done)
}
for cpu in te bt vtx; do
    talks $cpu --nic alone
    check "four VMs talk over one card, $cpu" everybody
    check "nothing is lost, nothing invented" conserved
    check "none dropped" [ "$(net dropped) $(net from_vms)" = "0 96" ]
done
cp "$TMPDIR/json" "$TMPDIR/once"
talks vtx --nic alone
check "the same each time" cmp <(grep '"switch"' "$TMPDIR/once") <(grep '"switch"' "$TMPDIR/json")
talks vtx --nic mirror --pcap "$TMPDIR/capture"
check "with somebody outside, too" conserved
check "what is on the wire is what went to the card and came from it" [ "$(count frames)" = $(($(net to_card) + $(net from_card))) ]
script='disk run="ls; cat motd; fib 12; wc README; halt 0"'
mini --cpu vtx --nic alone --save "$TMPDIR/vm" --save-at 12e6
cp "$TMPDIR/out" "$TMPDIR/begun"
mini --cpu bt --nic alone --restore "$TMPDIR/vm"
check "a VM with a card goes on from a file" cmp "$TMPDIR/words" <(cat "$TMPDIR/begun" "$TMPDIR/out")
mini --cpu vtx --restore "$TMPDIR/vm"
check "but not without its card" said 3 'saved with a network card'

mini --cpu vtx --io passthrough --vms 2
check "one device for two VMs" said 2 'has it alone'
mini --cpu pv --io passthrough
check "a device without a driver" said 2 'has none for a real IDE'
finish
