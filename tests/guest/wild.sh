#!/bin/bash
# A guest that drives its disks and cards at random, under every technique and way to a device: Ringside goes on, no sanitizer speaks, and a
# neighbour with the same devices behind the same real ones finds its memory and its disk as they were. See images/wild.c.
set -u
. tests/guest/tools/images.sh

fine() { [ "$rc" -le 5 ] && ! grep -qE 'Sanitizer|runtime error|internal error' "$TMPDIR/err"; }
survived() { fine && grep -q wild "$TMPDIR/out"; }
quiet() { fine && grep -q wild "$TMPDIR/out.0" && grep -qx 'quiet, and wrong: 00000000' "$TMPDIR/out.1"; }
unharmed() { grep -q '"stray_stores": 0' "$TMPDIR/json"; }
net() { grep -o '"switch": {[^}]*}' "$TMPDIR/json" | grep -o "\"$1\": [0-9]*" | grep -o '[0-9]*$'; }
conserved() { [ "$(net forwarded)" = $(($(net to_vms) + $(net to_card) + $(net dropped) + $(net waiting))) ]; }

image wild
numbered >"$TMPDIR/disk.img"
common=(--nic mirror --disk "$TMPDIR/disk.img" --limit-cycles 3e9)
for seed in 1 2 3; do
    for virtio in 0 1; do
        set_virtio=(--set "io.virtio=$virtio" --set "net.virtio=$virtio")
        run wild native --seed "$seed" --ram 16M "${common[@]}" "${set_virtio[@]}"
        check "bare, virtio $virtio, seed $seed" survived
        for cpu in te bt vtx; do
            run wild $cpu --vms 2 --seed "$seed" --ram 8M "${common[@]}" "${set_virtio[@]}" --serial "$TMPDIR/out" --json "$TMPDIR/json"
            check "under $cpu, virtio $virtio, seed $seed: the neighbour is unharmed" quiet
            check "and packets are conserved" conserved
        done
    done
    for cpu in te bt vtx; do
        run wild $cpu --seed "$seed" --io passthrough --ram 16M "${common[@]}" --json "$TMPDIR/json" --serial "$TMPDIR/out"
        check "with the real devices, $cpu, seed $seed" survived
        check "they store nowhere else" unharmed
    done
done
finish
