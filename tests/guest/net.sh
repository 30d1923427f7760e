#!/bin/bash
# mini's network: the same frames, whoever drives the card: the guest, bare or passed through; the hypervisor; a service domain behind rings.
set -u
. tests/guest/tools/images.sh

img=build/guests/mini.img
net() { # net KERNEL OPTION...: leaves $TMPDIR/out and json
    local kernel=$1
    shift
    "$RINGSIDE" run "build/guests/$kernel.elf" --ram 16M -q --limit-cycles 20e9 --serial "$TMPDIR/out" --json "$TMPDIR/json" "$@" 2>"$TMPDIR/err" </dev/null
    rc=$?
}
answered() { [ "$rc" = 0 ] && grep -qx "net: $2 frames of $3 bytes, $2 answered" "$TMPDIR/out$1"; } # answered VM COUNT BYTES
sent_back() { perl -e 'local $/; $_ = <>; my ($n, @f) = 0; substr($_, 0, 24, ""); while (length) { my $b = (unpack "V4", substr $_, 0, 16, "")[2];
                       push @f, substr($_, 0, $b, "") } exit !(@f == 16 && grep({ length == 900 } @f) == 16)' "$TMPDIR/capture"; }

mirror=(--nic mirror --pcap "$TMPDIR/capture" --append 'run="net ping 99 8 900; halt"')
some 3 native "te --set cpu.virtualizable=1" bt vtx "vtx --mmu two-level" "vtx --io passthrough" "bt --io passthrough"
for how in "${cases[@]}"; do
    # shellcheck disable=SC2086
    net mini --module $img --cpu $how "${mirror[@]}"
    check "frames to a mirror and back, $how" answered "" 8 900
    check "they are on the wire" sent_back
done
net mini-pv --cpu pv --vms 2 --io split --disk $img "${mirror[@]}"
check "by way of the service domain" answered .1 8 900
check "they are on the wire" sent_back

net mini --module $img --cpu vtx --vms 3 --nic alone --append 'run="net ping 57 8; halt"'
check "among VMs of the hypervisor's switch" answered .2 8 60
net mini-pv --cpu pv --vms 5 --io split --nic alone --disk $img --append 'run="net ping 57 8; halt"'
for vm in 2 3 4; do check "among four guests of a service domain, number $vm" answered ".$vm" 8 60; done
net mini-pv --cpu pv --vms 2 --io split --disk $img --append 'run="net || halt"'
check "a guest without a card says so" grep -qx 'net: no such device' "$TMPDIR/out.1"

# --- two machines, joined; the same with a record of what the other one sent
peer=(--nic join --peer build/guests/mini.elf)
some 2 native vtx "vtx --vms 2"
for how in "${cases[@]}"; do
    # shellcheck disable=SC2086
    net mini --module $img --cpu $how "${peer[@]}" --peer-append 'run="net answer"' --append 'run="net ping d6 8 1100; halt"' \
        --pcap "$TMPDIR/live" --net-record "$TMPDIR/record"
    [ "$how" = "vtx --vms 2" ] && cp "$TMPDIR/out.1" "$TMPDIR/out"
    check "another machine answers, $how" answered "" 8 1100
    # shellcheck disable=SC2086
    net mini --module $img --cpu $how --nic join --net-replay "$TMPDIR/record" --append 'run="net ping d6 8 1100; halt"' --pcap "$TMPDIR/again"
    check "so does its record, at the same moments" cmp "$TMPDIR/live" "$TMPDIR/again"
done
# One goes back in time, and hears from the other one what one has heard; a scenario has it in its table.
cat >"$TMPDIR/joined.lua" <<'L'
local s = scenario { title = "Joined", lecture = "test", order = 1, techniques = "vtx native",
  machine = { guest = "mini", module = "mini.img", nic = "join", peer = "mini", peer_append = 'run="net answer"', peer_cpu = "PEER",
              append = 'run="net ping d6 8 1100; halt"' } }
s:step "all of it" { run = function(vm)
    vm:run(till.stop())
    local said, cycles = vm.serial, vm.cycles
    expect.eq(said:find("8 answered", 1, true) ~= nil, true)
    expect.eq(vm:back(200000), true)
    expect.eq(vm.cycles < cycles, true)
    vm:run(till.stop())
    expect.eq(vm.serial == said and vm.cycles, cycles)
end, note = "." }
return s
L
sed 's/PEER/bt/' "$TMPDIR/joined.lua" >"$TMPDIR/joined1.lua"
check "who goes back in time hears the same again" "$RINGSIDE" run "$TMPDIR/joined1.lua" -q
refused() { ! "$RINGSIDE" run "$TMPDIR/joined.lua" -q 2>"$TMPDIR/err" && grep -q "$1" "$TMPDIR/err"; }
check "a technique that is none is refused" refused "PEER"
sed 's/peer = "mini"/peer = "nobody"/' "$TMPDIR/joined1.lua" >"$TMPDIR/joined.lua"
check "so is an image that is not there" refused "machine.peer: there is no guest image 'nobody'"
at_a_prompt() {
    echo 'vm:run(till.stop()) print(vm:back(100)) vm:run(till.stop()) print(vm.serial)' | "$RINGSIDE" repl build/guests/mini.elf --module $img "${peer[@]}" \
        --peer-append 'run="net answer"' --append 'run="net ping d6 8; halt"' | grep -q '8 answered'
}
check "a prompt may have another machine, too" at_a_prompt
net mini-pv --cpu pv --vms 3 --io split --disk $img "${peer[@]}" --peer-append 'disk run="net answer"' --append 'run="net ping d6 8 1100; halt"'
check "guests of a service domain reach another machine" answered .2 8 1100
# What enters a switch, or the service domain's bridge, leaves it, waits or was dropped; what one switch gives to the link comes to the other, but for what is on its way. Also
# if the back end or the whole service domain dies meanwhile: frames are lost in it then, and not on the wire.
conserved() {
    python3 - "$TMPDIR/net.json" "$1" <<'P'
import json, sys
r = json.load(open(sys.argv[1]))
w, b = r["network"], r["bridge"]
total = lambda ports: sum(p["sent"] for p in ports) - sum(p["received"] + p["dropped"] + p["waiting"] for p in ports)
card, link = w["ports"]
peer_card, peer_link = w["peer"]["ports"]
lost = [total(w["ports"]), total(w["peer"]["ports"])]
bad = lost != [0, 0] or link["station"] != "link" or w["link"] != {"out": link["received"], "in": link["sent"]}
bad = bad or not 0 <= link["received"] - peer_link["sent"] <= 2 or not 0 <= peer_link["received"] - link["sent"] <= 2 or link["sent"] < int(sys.argv[2])
bad = bad or b["forwarded"] != b["gone"] + b["waiting"] + b["dropped"] or not b["received"]
if bad: sys.exit(str((w, b)))
P
}
some 3 "" "crash=215 " "crash=230 " "die=245 "
for how in "${cases[@]}"; do
    net mini-pv --cpu pv --vms 3 --io split --disk $img "${peer[@]}" --peer-append 'disk run="net answer"' --append "${how}run=\"ls; net ping d6 8 1100; halt\"" \
        --json "$TMPDIR/net.json"
    check "frames are conserved over switches, bridge and link ${how:+with }$how" conserved 16
    [ -n "$how" ] && check "  somebody died over it" grep -Eq 'dies .network.|^panic' "$TMPDIR/out.0"
    check "  all is answered" sh -c "[ $rc = 0 ] && grep -q ' 8 answered' '$TMPDIR/out.1' && grep -q ' 8 answered' '$TMPDIR/out.2'"
done
net mini --module $img "${peer[@]}" --peer-cpu bt --peer-append 'run="net ping 56 8; halt"' --append 'run="net answer; halt"'
check "the other one asks, under its own hypervisor" answered .peer 8 60
finish
