#!/bin/bash
# Same input, same cycle: every scenario is run by every build; all that it says must be identical.
# From one to the next everything changes that must not matter, at once: addresses (the kernel's own randomisation), freed memory's contents,
# the environment, the compiler and its optimisation. One scenario is run by one build under all of these, too, so that a difference can be
# told to be no compiler's. Speed on the host, which is not simulated, is cut out.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

simulated() { # what a run says, without the host's speed
    sed -E -e 's/"(host_seconds|mips)": *[-+0-9.eE]+,?//g' \
        -e '/^next: /d' -e '/[0-9] *(MIPS|million (guest )?instructions a second|host seconds)/d'
}

observe() { # observe NAME BINARY SCENARIO [VAR=VALUE...]: narration, log, summary, JSON and (where the sanitizers' build is not) drawing
    local name=$1 binary=$2 scenario=$3
    shift 3
    mkdir -p "$work/$name"
    env "$@" "$binary" run "$scenario" --json "$work/$name/raw" >"$work/$name/out" 2>"$work/$name/err"
    echo "exit $?" >>"$work/$name/out"
    # With sanitizers one picture is enough
    [ "$binary" = build/asan/ringside ] && [ "$scenario" != popf ] || env "$@" "$binary" draw ladder "$scenario" -o "$work/$name/ladder.svg" >/dev/null 2>"$work/$name/ladder.err"
    echo "draw exit $?" >>"$work/$name/out"
    # The file names we chose ourselves differ; nothing else may
    sed -i "s,$work/$name/,,g" "$work/$name/out" "$work/$name"/*err
    simulated <"$work/$name/raw" >"$work/$name/json" 2>/dev/null
    simulated <"$work/$name/out" >"$work/$name/said"
    rm -f "$work/$name/raw" "$work/$name/out"
}

same() { # same A B TEXT [EXCEPT]: directories A and B hold the same, and it is not nothing
    if ! grep -q cycles "$work/$1/json" 2>/dev/null || ! grep -q '<svg' "$work/$1/ladder.svg" 2>/dev/null; then
        echo "not ok - $3: the run left no result to compare"
        cat "$work/$1/said" "$work/$1/err" 2>/dev/null | head -n 20
        failed=1
    elif diff -r -x "${4:-}" "$work/$1" "$work/$2" >"$work/diff"; then
        echo "ok - $3"
    else
        echo "not ok - $3"
        head -n 40 "$work/diff"
        failed=1
    fi
}

modes="clang asan"
grep -aq 'clang version' build/asan/ringside 2>/dev/null && modes=asan # one build that is both, as the Makefile has it where it can
noise=(MALLOC_PERTURB_=165 HOME=/nonexistent TZ=Asia/Tokyo COLUMNS=200 NOISE="$(printf '%0999d' 0)")
for file in scenarios/*.lua; do
    s=$(basename "$file" .lua)
    [ -e "$file" ] || continue
    observe "$s.1" ./ringside "$s"
    if [ "$s" = popf ]; then
        observe "$s.2" ./ringside "$s" "${noise[@]}"
        same "$s.1" "$s.2" "$s: two runs are identical"
    fi
    for mode in $modes; do
        [ -x "build/$mode/ringside" ] || { echo "not ok - $s: build/$mode/ringside is missing"; failed=1; continue; }
        observe "$s.$mode" "build/$mode/ringside" "$s" "${noise[@]}"
        same "$s.1" "$s.$mode" "$s: the $mode build simulates the same" "$([ $mode = asan ] && [ $s != popf ] && echo 'ladder.*')"
    done
done
exit $failed
