#!/bin/bash
# long.sh TARGET...: each on libFuzzer for FUZZ_SECONDS (600), JOBS at a time. What it learns stays in build/fuzz/corpus/TARGET,
# where the next run goes on; what breaks something in build/fuzz/crashes, as TARGET-*; its own words in build/fuzz/TARGET.log.
# Exit 1 if anything broke, here or in a run before that nobody has cleared away.
set -u
cd "$(dirname "$0")/../.." || exit 1
crashes=build/fuzz/crashes
mkdir -p "$crashes"
export ASAN_OPTIONS=${ASAN_OPTIONS-detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS-print_stacktrace=1}
trap 'kill $(jobs -p) 2>/dev/null; exit 130' INT TERM

one() { # one TARGET
    local name=$1 corpus=build/fuzz/corpus/$1 log=build/fuzz/$1.log
    mkdir -p "$corpus"
    set -- "$corpus"
    [ ! -d "tests/fuzz/corpus/$name" ] || set -- "$corpus" "tests/fuzz/corpus/$name"
    if nice "build/fuzz/tests/fuzz/$name" -max_total_time="${FUZZ_SECONDS:-600}" -max_len=16384 -timeout=60 -report_slow_units=60 -rss_limit_mb=2048 \
        -artifact_prefix="$crashes/$name-" "$@" >"$log" 2>&1; then
        echo "ok - fuzz $name: $(grep '^Done ' "$log")"
    else
        echo "not ok - fuzz $name: see $log"
    fi
}

for name in "$@"; do
    while (($(jobs -rp | wc -l) >= ${JOBS:-1})); do wait -n; done
    one "$name" &
done
wait
left=$(ls "$crashes")
[ -z "$left" ] && exit 0
echo "in $crashes; again with build/fuzz/tests/fuzz/TARGET FILE:"
printf '  %s\n' $left
exit 1
