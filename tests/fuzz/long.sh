#!/bin/bash
# Long runs with libFuzzer, one target after the other: FUZZ_SECONDS each (default 600), FUZZ_TARGETS to choose some. What it
# learns stays in build/fuzz/corpus; an input that crashes stays beside it, and its name is printed.
set -u
cd "$(dirname "$0")/../.." || exit 1
failed=0
for name in ${FUZZ_TARGETS:-decode segments walk image exec}; do
    mkdir -p "build/fuzz/corpus/$name"
    echo "fuzz $name for ${FUZZ_SECONDS:-600} s"
    "build/fuzz/tests/fuzz/$name" -max_total_time="${FUZZ_SECONDS:-600}" -max_len=16384 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/$name-" "build/fuzz/corpus/$name" "tests/fuzz/corpus/$name" 2>&1 | tail -n 25 |
        grep -v '^[#"]' || true
    [ "${PIPESTATUS[0]}" = 0 ] || failed=1
done
exit $failed
