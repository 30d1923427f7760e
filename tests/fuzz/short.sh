#!/bin/bash
# A short run of every fuzz target: its seeds and mutations of them, the same inputs every time.
#   FUZZ_RUNS: multiplies their number (default 1); FUZZ_SEED (default 1)
# What kills a target is left in build/fuzz/crashes.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=build/${TEST_MODE:-asan}/tests/fuzz
failed=0
export UBSAN_OPTIONS=${UBSAN_OPTIONS-print_stacktrace=1}:abort_on_error=1
for source in tests/fuzz/*.c; do
    name=$(basename "$source" .c)
    case $name in # inputs are as dear as what they start
    driver | mutate) continue ;;
    decode) runs=20000 ;;
    walk) runs=10000 ;;
    exec) runs=6000 ;;
    gates | image | disk) runs=2500 ;;
    gdb) runs=600 ;;
    *) runs=1500 ;;
    esac
    shopt -s nullglob
    export FUZZ_KEEP=${TMPDIR:-/tmp}/fuzz-$name.input
    "$build/$name" $((runs * ${FUZZ_RUNS:-1})) "${FUZZ_SEED:-1}" tests/fuzz/corpus/"$name"/* >"${TMPDIR:-/tmp}/fuzz-$name" 2>&1
    rc=$?
    [ $rc = 0 ] && tail -n 1 "${TMPDIR:-/tmp}/fuzz-$name" | sed "s/^ok/ok - fuzz $name/"
    [ $rc = 0 ] && continue
    failed=1
    mkdir -p build/fuzz/crashes
    mv -f "$FUZZ_KEEP" "build/fuzz/crashes/$name-short"
    echo "not ok - fuzz $name: exit $rc; again: $build/$name 0 1 build/fuzz/crashes/$name-short"
    tail -n 40 "${TMPDIR:-/tmp}/fuzz-$name"
done
exit $failed
