#!/bin/bash
# Generated kernel code ends the same bare and under every technique that claims to be faithful, whatever is switched off in it.
#
# Idea: images/random.c writes its own programs, so a run is hundreds of kernels; each line it prints is a checksum over them.
# RANDOM_ROUNDS=N and RANDOM_SEEDS="1 2 3" in the environment make it longer.
set -u
. tests/guest/tools/images.sh
sanitized && : "${RANDOM_ROUNDS:=50}" "${RANDOM_SEEDS:=1}"
: "${RANDOM_ROUNDS:=150}" "${RANDOM_SEEDS:=1 2 3}"
variants=("" bt.unit=1 bt.cache=4 bt.chain=0 bt.incache=0)

agrees() { [ "$rc" = 0 ] && diff "$TMPDIR/bare" "$TMPDIR/out" >"$TMPDIR/diff" || { head -n 4 "$TMPDIR/diff" "$TMPDIR/err" | sed 's/^/# /'; return 1; }; }

runtime
k=0
for seed in $RANDOM_SEEDS; do
    object tests/guest/images/random.c "random$seed" "-DSEED=$seed" "-DROUNDS=$RANDOM_ROUNDS"
    link random scenarios/guests/guest.ld "$entry" "${common[@]}" "$TMPDIR/random$seed.o"
    run random native
    check "seed $seed, native" [ "$rc" = 0 ]
    cp "$TMPDIR/out" "$TMPDIR/bare"
    for variant in "" "${variants[1 + k++ % 4]}" bt.faults=0 bt.user=1; do
        run random bt ${variant:+--set "$variant"}
        check "seed $seed, bt $variant" agrees
    done
done
finish
