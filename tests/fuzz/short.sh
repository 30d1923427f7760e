#!/bin/bash
# A short run of every fuzz target: seeds from tests/fuzz/corpus and mutations of them, the same inputs every time.
#   FUZZ_RUNS: multiplies their number (default 1); FUZZ_SEED (default 1)
set -u
cd "$(dirname "$0")/../.." || exit 1
build=build/${TEST_MODE:-asan}/tests/fuzz
failed=0
for target in decode:60000 segments:1500 walk:1500 image:4000 exec:6000; do
    name=${target%%:*}
    runs=$((${target#*:} * ${FUZZ_RUNS:-1}))
    "$build/$name" "$runs" "${FUZZ_SEED:-1}" tests/fuzz/corpus/"$name"/* >"${TMPDIR:-/tmp}/fuzz-$name" 2>&1
    rc=$?
    [ $rc = 0 ] && tail -n 1 "${TMPDIR:-/tmp}/fuzz-$name" | sed "s/^ok/ok - fuzz $name/"
    [ $rc = 0 ] || { echo "not ok - fuzz $name: exit $rc"; tail -n 40 "${TMPDIR:-/tmp}/fuzz-$name"; failed=1; }
done
exit $failed
