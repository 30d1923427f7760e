#!/bin/bash
# A guest that drives its disks and cards at random, under every technique and way to a device: Ringside goes on, no sanitizer speaks, and a
# neighbour with the same devices behind the same real ones finds its memory and its disk as they were. See images/wild.c.
set -u
. tests/guest/tools/images.sh

fine() { [ "$rc" -le 5 ] && ! grep -qE 'Sanitizer|runtime error|internal error' "$TMPDIR/err"; }
survived() { fine && grep -q wild "$TMPDIR/out"; }
quiet() { fine && grep -q wild "$TMPDIR/out.0" && grep -qx 'quiet, and wrong: 00000000' "$TMPDIR/out.1"; }
hosted() { [ "$rc" = 0 ] && fine && grep -q wild "$TMPDIR/out.0" && grep -q wild "$TMPDIR/out.1"; }
unharmed() { grep -q '"stray_stores": 0' "$TMPDIR/json"; }
net() { grep -o '"switch": {[^}]*}' "$TMPDIR/json" | grep -o "\"$1\": [0-9]*" | grep -o '[0-9]*$'; }
conserved() { [ "$(net forwarded)" = $(($(net to_vms) + $(net to_card) + $(net dropped) + $(net waiting))) ]; }

image wild
numbered >"$TMPDIR/disk.img"
common=(--nic mirror --disk "$TMPDIR/disk.img" --limit-cycles 3e9)
seeds="1 2 3" mad_seeds="101 102 103"
sanitized && seeds=2 mad_seeds=102 # with sanitizers one of each: they take ten times as long
stray=0
for seed in $seeds; do
    virtios="0 1" # seed 2 drives both kinds, 1 and 3 one of them
    [ $seed = 2 ] || virtios=$((seed / 2))
    for virtio in $virtios; do
        set_virtio=(--set "io.virtio=$virtio" --set "net.virtio=$virtio")
        run wild native --seed "$seed" --ram 16M "${common[@]}" "${set_virtio[@]}"
        check "bare, virtio $virtio, seed $seed" survived
        some 3 te vtx bt
        if sanitized && [ $virtio = 1 ]; then cases=(vtx); fi
        for cpu in "${cases[@]}"; do
            run wild $cpu --vms 2 --seed "$seed" --ram 8M "${common[@]}" "${set_virtio[@]}" --serial "$TMPDIR/out" --json "$TMPDIR/json"
            check "under $cpu, virtio $virtio, seed $seed: the neighbour is unharmed" quiet
            check "and packets are conserved" conserved
        done
    done
    some 3 bt vtx te
    for cpu in "${cases[@]}"; do
        run wild $cpu --seed "$seed" --io passthrough --ram 16M "${common[@]}" --json "$TMPDIR/json" --serial "$TMPDIR/out"
        check "with the real devices, $cpu, seed $seed" survived
        check "they store nowhere else" unharmed
        run wild $cpu --seed "$seed" --io passthrough --set io.iommu=0 --ram 16M "${common[@]}" --json "$TMPDIR/json" --serial "$TMPDIR/out"
        check "with nothing between them and memory Ringside goes on, $cpu, seed $seed" fine
        stray=$((stray + $(grep -o '"stray_stores": [0-9]*' "$TMPDIR/json" | grep -o '[0-9]*$')))
        # Seed 2 with a host under each technique, 1 and 3 under one
        [ $seed = 2 ] || [ "$cpu" = "${cases[seed / 2]}" ] || continue
        run wild $cpu --host hosted --vms 2 --seed "$seed" --ram 8M --disk "$TMPDIR/disk.img" --limit-cycles 5e9 --serial "$TMPDIR/out"
        check "two of them against processes of a host's, $cpu, seed $seed" hosted
    done
    run wild vtx --model nehalem --set io.exitless=1 --seed "$seed" --io passthrough --ram 16M "${common[@]}" --json "$TMPDIR/json" --serial "$TMPDIR/out"
    check "with the real devices, exitless, seed $seed" survived
    check "they store nowhere else" unharmed
done

check "and the safety checker has seen what they stored where nothing of theirs is" [ "$stray" -gt 0 ]

# --- front ends of a service domain's that are hostile (scenarios/guests/mini/mad.c): two neighbours say what they say beside a quiet guest
mad() { # mad WORDS: its part of the command line
    cat >"$TMPDIR/mad.lua" <<L
local s = scenario {
  title = "Mad", lecture = "test", order = 1, techniques = "pv",
  machine = { cpu = "pv", ram = "16M", io = "split", nic = "mirror", disk = "mini.img", guest = "mini-pv", set = { ["split.console"] = 1 },
    vms = { { append = "", background = true }, { append = '$1 run="sleep 100000"', background = true },
            { append = 'run="ls; echo hello >x; cat motd x; rm README; net ping 58 9 1000; ls; halt"', count = 2 } } },
}
s:step "all of it" { run = till.stop(), limit = 9e9, note = "." }
return s
L
    "$RINGSIDE" run "$TMPDIR/mad.lua" --color never >"$TMPDIR/out" 2>"$TMPDIR/err" </dev/null
    rc=$?
    sed -n '/serial output, vm2/,$p' "$TMPDIR/out" | grep '^  | ' >"$TMPDIR/neighbours"
}
like_quiet() { fine && [ "$rc" = 0 ] && grep -q 'mini: mad' "$TMPDIR/out" && cmp "$TMPDIR/quiet" "$TMPDIR/neighbours" && [ "$(grep -c 'service domain' "$TMPDIR/out")" = 1 ]; }
mad ""
check "two guests of a service domain beside a quiet one" grep -q ' 9 answered' "$TMPDIR/neighbours"
cp "$TMPDIR/neighbours" "$TMPDIR/quiet"
for seed in $mad_seeds; do
    mad mad=$seed
    check "hostile front ends, seed $seed: nobody notices" like_quiet
done
finish
