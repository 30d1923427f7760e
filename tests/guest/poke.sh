#!/bin/bash
# A guest that pokes ports and memory at random must never harm the machine around it. See images/poke.c.
set -u
. tests/guest/tools/images.sh

# It ends well, resets, dies or hangs; it does not end Ringside (70, a signal) and no sanitizer speaks.
survived() { [ "$rc" -le 5 ] && ! grep -qE 'Sanitizer|runtime error|internal error' "$TMPDIR/err" && grep -q poking "$TMPDIR/out"; }

image poke
disk=
if "$RINGSIDE" run --help | grep -q -- '--disk FILE'; then
    truncate -s 300000 "$TMPDIR/disk.img"
    disk="--disk $TMPDIR/disk.img"
fi
for seed in 1 2 3 4 5 6 7 8 9 10 11 12; do
    # shellcheck disable=SC2086
    run poke native --seed "$seed" --limit-cycles 300M --ram 16M $disk
    check "poked bare, seed $seed" survived
done
for seed in 1 2 3 4; do
    run poke te --seed "$seed" --limit-cycles 300M --ram 16M
    check "poked under te, seed $seed" survived
done
finish
