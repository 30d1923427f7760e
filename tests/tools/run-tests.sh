#!/bin/bash
# run-tests.sh MODE:FILE ...: run each test from the repository's root, JOBS at a time, and report in the given order:
# how long it took, and how much of that a processor was busy with it (what another load of the computer does not change).
#
# A FILE is a cmocka program or a shell script (*.sh, which prints `ok` and `not ok` lines). It passes when it exits 0
# AND shows that it tested something: a cmocka program one test passed, a script an `ok` line and no `not ok`.
# Each gets an empty TMPDIR of its own, RINGSIDE (the absolute path of MODE's ringside) and TEST_TIMEOUT seconds.
# Exit 77 means that this host lacks what the test needs: it is reported as skipped, with its last line as the reason.
# The last line is `N passed, M failed`; the exit code is 1 if anything failed or nothing ran.
set -u
JOBS=${JOBS:-1}
TEST_TIMEOUT=${TEST_TIMEOUT:-300}
export LC_ALL=C.UTF-8
# Uses of a variable whose function returned are looked for by `make asan`: they cost up to as much again as all the rest.
export ASAN_OPTIONS=${ASAN_OPTIONS-detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS-print_stacktrace=1}
unset CMOCKA_MESSAGE_OUTPUT CMOCKA_XML_FILE CMOCKA_TEST_FILTER MAKEFLAGS MFLAGS MAKELEVEL

work=$(mktemp -d) || exit 1
tests=("$@")
pids=()
trap 'rm -rf "$work"' EXIT
trap 'for p in "${pids[@]}"; do kill "$p" 2>/dev/null; done; exit 130' INT TERM

start() { # start INDEX
    local mode=${tests[$1]%%:*} file=${tests[$1]#*:} ringside
    case $mode in release) ringside="$PWD/ringside" ;; *) ringside="$PWD/build/$mode/ringside" ;; esac
    mkdir "$work/$1.tmp"
    (
        trap - EXIT INT TERM
        case $file in *.sh) set -- "$1" bash "$file" ;; *) set -- "$1" "./$file" ;; esac
        i=$1
        shift
        TIMEFORMAT='%1R %1U %1S'
        export TMPDIR="$work/$i.tmp" RINGSIDE="$ringside" TEST_MODE="$mode"
        { time timeout --kill-after=5 "$TEST_TIMEOUT" "$@" </dev/null >"$work/$i.out" 2>&1; } 2>"$work/$i.time"
        echo "$? $(tail -n 1 "$work/$i.time")" >"$work/$i.new" && mv "$work/$i.new" "$work/$i.rc"
    ) &
    pids[$1]=$!
}

why_failed() { # why_failed INDEX RC: prints the reason, or nothing for a pass
    local file=${tests[$1]#*:} out=$work/$1.out
    case $2 in
    0) ;;
    124 | 137) echo "no end within $TEST_TIMEOUT s"; return ;;
    12[67]) echo "could not be run"; return ;;
    *) echo "exit $2"; return ;;
    esac
    case $file in
    *.sh)
        if grep -q '^not ok' "$out"; then echo "a line says not ok"
        elif ! grep -q '^ok' "$out"; then echo "no line says ok: nothing was tested"; fi ;;
    *) grep -Eq '^\[  PASSED  \] [1-9][0-9]* test' "$out" || echo "no cmocka test passed: nothing was tested" ;;
    esac
}

passed=0
failed=0
skipped=0
report() { # report INDEX: waits for it
    local rc took user system why name
    wait "${pids[$1]}" 2>/dev/null
    unset "pids[$1]"
    read -r rc took user system <"$work/$1.rc" || { rc=1; took=?; }
    took="$took s, busy $(awk -v u="${user:-0}" -v s="${system:-0}" 'BEGIN { printf "%.1f", u + s }')"
    name="${tests[$1]%%:*} ${tests[$1]#*:}"
    if [ "$rc" = 77 ]; then
        skipped=$((skipped + 1))
        echo "skip  $name ($took): $(tail -n 1 "$work/$1.out" | cut -c 1-200)"
        rm -rf "$work/$1".*
        return
    fi
    why=$(why_failed "$1" "$rc")
    if [ -z "$why" ]; then
        passed=$((passed + 1))
        echo "pass  $name ($took)"
    else
        failed=$((failed + 1))
        echo "FAIL  $name ($took): $why"
        # Indented, so that no line of a test can look like one of ours
        head -c 100000 "$work/$1.out" | sed 's/^/      | /'
    fi
    rm -rf "$work/$1".*
}

# Slots are refilled as soon as any test ends; reports keep the given order.
next=0
for ((i = 0; i < ${#tests[@]}; i++)); do
    while (($(jobs -rp | wc -l) >= JOBS)); do wait -n 2>/dev/null; done
    start "$i"
    while ((next < i)) && [ -e "$work/$next.rc" ]; do report "$next"; next=$((next + 1)); done
done
while ((next < ${#tests[@]})); do report "$next"; next=$((next + 1)); done

[ $((passed + failed)) -gt 0 ] || echo "no test ran"
[ $skipped = 0 ] || echo "$skipped skipped: this host cannot run them"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
