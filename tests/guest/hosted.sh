#!/bin/bash
# --host hosted: a guest says the same as bare, through a process of the host's; exits are of three kinds, and cost more from each to the next;
# the world switch is real code; moments can be revisited.
set -u
. tests/guest/tools/images.sh
img=build/guests/mini.img
bad=0
check() { # check NAME COMMAND...
    local name=$1
    shift
    if "$@" >/dev/null 2>&1; then echo "ok - $name"; return; fi
    echo "not ok - $name"
    bad=1
}
hosted() { timeout 120 "$RINGSIDE" run "$@" --cpu vtx --host hosted --limit-cycles 20e9 --json "$TMPDIR/json" >"$TMPDIR/hosted" 2>"$TMPDIR/err" </dev/null; }
bare() { timeout 120 "$RINGSIDE" run "$@" --cpu native --limit-cycles 20e9 -q >"$TMPDIR/bare" 2>/dev/null </dev/null; }
same() { cmp "$TMPDIR/hosted" "$TMPDIR/bare"; }

guests="popf rings fault sens19 tenant depth legacy" mmus="shadow two-level agile"
checked="--set vmm.check=1" # the hypervisor's promises, at each visit
sanitized && guests=legacy mmus=agile checked=
for guest in $guests; do
    bare build/guests/$guest.elf
    want=$?
    hosted build/guests/$guest.elf
    check "$guest ends the same ($want)" [ $? = $want ]
    check "$guest says the same" same
done
script='run="ls; forktest; primes 50; sleep 100; ps; pipes; halt 0"'
bare build/guests/mini.elf --ram 16M --module $img --append "$script"
for mmu in $mmus; do
    hosted build/guests/mini.elf --ram 16M --module $img --append "$script" --mmu $mmu $checked
    check "mini on $mmu ends well" [ $? = 0 ]
    check "mini on $mmu says the same" same
done
# Techniques below ring 0: each crossing exchanges what the guest runs on. What such a guest says is what it says under the same technique
# on bare metal, silent failures included.
for cpu in te bt; do
    for guest in $guests; do
        timeout 120 "$RINGSIDE" run build/guests/$guest.elf --cpu $cpu -q --limit-cycles 20e9 >"$TMPDIR/bare" 2>/dev/null </dev/null
        want=$?
        timeout 120 "$RINGSIDE" run build/guests/$guest.elf --cpu $cpu --host hosted -q --limit-cycles 20e9 >"$TMPDIR/hosted" 2>/dev/null </dev/null
        check "$guest under $cpu ends as on bare metal ($want)" [ $? = $want ]
        check "$guest under $cpu says the same" same
    done
done
bare build/guests/mini.elf --ram 16M --disk $img --append "$script"
timeout 120 "$RINGSIDE" run build/guests/mini.elf --cpu bt --host hosted --ram 16M --disk $img --append "$script" -q $checked >"$TMPDIR/hosted" 2>/dev/null </dev/null
check "mini, translated, with a disk" same
timeout 120 "$RINGSIDE" run build/guests/rings.elf --vms 3 --ram 4M --cpu bt --set vm.1.cpu=vtx --set vm.2.cpu=te --host hosted $checked -q >"$TMPDIR/hosted" 2>/dev/null </dev/null
check "three techniques under one host" [ $? = 0 -a "$(cut -d: -f1 "$TMPDIR/hosted" | sort -u | tr -d '\n')" = vm0vm1vm2 ]

# Disks: the process's IDE drives, by DMA and by PIO, in front of the host's real ones. What is on them at the end is what a bare machine leaves.
some 2 pio ""
for how in "${cases[@]}"; do
    disk_script="$how run=\"ls; cat motd | wc; mkdir d; cat README > d/copy; cat d/copy | grep mini; rm motd; ls; halt 0\""
    cp $img "$TMPDIR/bare.img"; cp $img "$TMPDIR/hosted.img"
    bare build/guests/mini.elf --ram 16M --disk "$TMPDIR/bare.img" --set disk.write=1 --append "$disk_script"
    hosted build/guests/mini.elf --ram 16M --disk "$TMPDIR/hosted.img" --set disk.write=1 --append "$disk_script" $checked
    check "disk ${how:-dma} ends well" [ $? = 0 ]
    check "disk ${how:-dma} says the same" same
    check "disk ${how:-dma} holds the same" cmp "$TMPDIR/bare.img" "$TMPDIR/hosted.img"
done
hosted build/guests/mini.elf --ram 16M --module $img --disk $img --disk $img --disk $img --disk $img --append 'disk run="ls; halt 0"'
check "four drives" grep -q 'files on the disk' "$TMPDIR/hosted"
check "requests of the process to the real drives" grep -Eq '"requests": [1-9].*"real_interrupts": [1-9]' "$TMPDIR/json"

# What is typed comes over the host's line to the process, and to the guest. The echo may come earlier or later.
printf 'ls\ncat motd | wc\nhalt\n' >"$TMPDIR/typed"
answers() { grep -E '^\$|^(README|demo|bin/)$| [0-9]+ [0-9]+$' "$1"; }
hosted build/guests/mini.elf --ram 16M --disk $img --append disk --serial-in "$TMPDIR/typed"
check "somebody types" [ $? = 0 -a "$(grep -c README "$TMPDIR/hosted")" = 1 ]
bare build/guests/mini.elf --ram 16M --disk $img --append disk --serial-in "$TMPDIR/typed"
check "  and the guest does as on a bare machine" sh -c "[ \"$(answers "$TMPDIR/hosted")\" = \"$(answers "$TMPDIR/bare")\" ]"

# The serial port's loopback, by which a driver finds the port.
image loopback
bare "$TMPDIR/loopback.elf"
hosted "$TMPDIR/loopback.elf"
check "COM1 in loopback: modem's lines, what comes back, its interrupt: as bare" same
check "  which is what the manual says" grep -q 'inputs: 0000000A 00000090' "$TMPDIR/hosted"

# A driver with everything that drives know, a part for each of three techniques.
image disk
numbered >"$TMPDIR/numbered.img"
drive() { timeout 120 "$RINGSIDE" run "$TMPDIR/disk.elf" --cpu "$1" --host hosted --ram 16M --disk "$TMPDIR/numbered.img" --limit-cycles 4e9 -q >"$TMPDIR/hosted" 2>/dev/null </dev/null; }
some 3 te vtx bt
for cpu in "${cases[@]}"; do
    drive $cpu
    check "PIO, MULTIPLE, bus masters, what is refused: as bare, $cpu" diff tests/guest/expected/disk.txt "$TMPDIR/hosted"
done

# A process that is killed (what is on the disk then: tests/unit/machine_random_io_test.c).
cp $img "$TMPDIR/killed.img"
hosted build/guests/mini.elf --ram 16M --disk "$TMPDIR/killed.img" --set disk.write=1 --set host.crash=160 --append 'disk run="echo one >x; echo did one; echo two >>x; echo did two; halt 0"'
check "a process is killed, and its virtual machine with it" [ $? = 4 ]
bare build/guests/mini.elf --ram 16M --disk "$TMPDIR/killed.img" --append 'disk run="cat x; halt 0"'
check "  but what was acknowledged is on its disk" sh -c "grep -q 'did one' '$TMPDIR/hosted' && grep -qx one '$TMPDIR/bare'"
check "  which is said" grep -q "process on the host ended before its guest did" "$TMPDIR/err"

# Several virtual machines: a process for each, the host's scheduler, a line of the host's card for each.
bare build/guests/mini.elf --ram 16M --disk $img --append 'run="ls; primes 50; sleep 20; ps; halt 0"'
hosted build/guests/mini.elf --ram 16M --vms 4 --disk $img --append 'run="ls; primes 50; sleep 20; ps; halt 0"' $checked
check "four virtual machines end well" [ $? = 0 ]
four() { for n in 0 1 2 3; do sed -n "s/^vm$n: //p" "$TMPDIR/hosted" | tr -d '\r' | cmp - <(tr -d '\r' <"$TMPDIR/bare") || return 1; done; }
check "each says what it says alone" four
check "their cycles, and the host's, add up" python3 - "$TMPDIR/json" <<'P'
import json, sys
r = json.load(open(sys.argv[1]))
vms = r["vms"]["list"]
own = sum(sum(v["cycles_by_cause"].values()) for v in vms) + sum(r["vms"]["hypervisor_cycles_by_cause"].values())
if own != r["cycles"] or len(vms) != 4 or any(v["exits"] < 100 or v["turns"] < 3 for v in vms): sys.exit(str((own, r["cycles"], [(v["exits"], v["turns"]) for v in vms])))
P
hosted build/guests/fault.elf --ram 16M --vms 2
same_code=$?
bare build/guests/fault.elf
check "how the worst ends counts" [ $same_code = $? ]

figure() { python3 -c 'import json, sys; h = json.load(open(sys.argv[1]))["hosted"]; x = h[sys.argv[2]]; print(x["exits"], x["cycles"] // max(1, x["exits"]))' "$TMPDIR/json" "$1"; }
hosted build/guests/mini.elf --ram 16M --module $img --append "$script"
read -r module module_mean <<<"$(figure module)"
read -r kernel kernel_mean <<<"$(figure 'host kernel')"
read -r process process_mean <<<"$(figure process)"
check "three kinds of exits: module $module, host's kernel $kernel, process $process" [ "$module" -gt 100 -a "$kernel" -gt 10 -a "$process" -gt 100 ]
check "the process costs more than the module: $process_mean, $module_mean cycles" [ "$process_mean" -gt $((module_mean * 3 / 2)) ]
check "the report has them" grep -q 'hosted: exits answered by the module' "$TMPDIR/err"
check "none was lost" grep -q '"lost": 0' "$TMPDIR/json"
check "a sleeping guest leaves the processor to its host" grep -Eq '"waits": [1-9][0-9]+' "$TMPDIR/json"
adds_up() {
    python3 - "$TMPDIR/json" <<'P'
import json, sys
r = json.load(open(sys.argv[1]))
c = r["cycles_by_cause"]
if sum(c.values()) != r["cycles"] or not c.get("host") or not c.get("switch"): sys.exit(str(c))
P
}
check "every cycle has its cause; host and world switch have theirs" adds_up

# The crossing is executed: both ways, CR3 is loaded by an instruction of the page that both map.
"$RINGSIDE" trace build/guests/mini.elf --cpu vtx --host hosted --ram 16M --module $img --append 'run="ls; halt 0"' -q >"$TMPDIR/trace" 2>/dev/null
check "MOV CR3 in the crossing page, there and back" [ "$(awk '$4 == "cr3" && $NF ~ /^FFC2B/ { print $NF }' "$TMPDIR/trace" | sort -u | wc -l)" = 2 ]
check "the process is left and entered in ring 3" grep -Eq ' return +ring 0 -> 3 ' "$TMPDIR/trace"
check "a real interrupt is the host's: it raises the vector again" sh -c "awk '\$4 == \"host\" && \$7 == \"interrupt\" { n = 12 } n-- > 0 && \$4 == \"int\" && \$6 == \"20h\" { found = 1 } END { exit !found }' '$TMPDIR/trace'"
"$RINGSIDE" trace build/guests/mini.elf --cpu vtx --host hosted --ram 16M --module $img --append 'run="ls; halt 0"' -q 2>/dev/null | cmp - "$TMPDIR/trace"
check "runs repeat" [ ${PIPESTATUS[1]} = 0 ]

# Going back, into the host's time and the guest's.
cat >"$TMPDIR/back.lua" <<'P'
local s = scenario { title = "back", techniques = "vtx", machine = { cpu = "vtx", host = "hosted", guest = "mini", module = "mini.img", ram = "16M", append = 'run="ls; halt 0"' } }
s:step "there and back" (function(vm)
    vm:run(till.event("host", { to_host = 1 }))
    vm:run(till.event("host", { to_host = 1 }))
    local cycles, moment, place = vm.cycles, vm.instructions, vm.place
    vm:run(till.stop())
    local said, ended = vm.serial, vm.cycles
    vm:go(moment)
    expect.eq(vm.cycles, cycles, "the moment")
    expect.eq(vm.place, place)
    vm:run(till.stop())
    expect.eq(vm.serial, said)
    expect.eq(vm.cycles, ended)
    expect.gt(vm.hosted.process.exits, 10)
end)
return s
P
check "back in time, into the host's" "$RINGSIDE" run "$TMPDIR/back.lua" -q
exit $bad
