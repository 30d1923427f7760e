#!/bin/bash
# The runner must not call anything passed that failed, hung, crashed, was not there or tested nothing.
set -u
runner=$PWD/tests/tools/run-tests.sh
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/a b" && cd "$work/a b" || exit 1
failed=0

expect() { # expect NAME EXIT LAST_LINE PATTERN TEST...
    local name=$1 want=$2 last=$3 pattern=$4 out rc
    shift 4
    out=$(TEST_TIMEOUT=1 JOBS=2 bash "$runner" "$@" 2>&1)
    rc=$?
    if [ "$rc" = "$want" ] && [ "$(printf '%s\n' "$out" | tail -n 1)" = "$last" ] && [[ $out == *$pattern* ]]; then
        echo "ok - $name"
    else
        echo "not ok - $name (exit $rc)"
        printf '%s\n' "$out"
        failed=1
    fi
}

echo 'echo "ok - $RINGSIDE"; test -d "$TMPDIR"' > good.sh
echo 'echo "ok - one"; echo "not ok - two"' > notok.sh
echo 'echo "ok - one"; exit 3' > exit3.sh
echo 'true' > silent.sh
echo 'echo ok; kill -SEGV $$' > crash.sh
echo 'echo ok; sleep 20' > hang.sh
printf '#!/bin/sh\necho "[  PASSED  ] 3 test(s)."\n' > unit; chmod +x unit
printf '#!/bin/sh\necho "[  PASSED  ] 0 test(s)."\n' > empty; chmod +x empty
echo 'case $RINGSIDE in "$PWD/build/asan/ringside") echo ok;; *) echo "not ok - $RINGSIDE";; esac' > where.sh

expect "passes are counted" 0 "2 passed, 0 failed" "pass  release good.sh" release:good.sh release:unit
expect "an empty list is a failure" 1 "0 passed, 0 failed" "no test ran"
expect "'not ok' fails whatever the exit code" 1 "1 passed, 1 failed" "| not ok - two" release:notok.sh release:good.sh
expect "an exit code fails whatever was printed" 1 "0 passed, 1 failed" "exit 3" release:exit3.sh
expect "a script that tests nothing fails" 1 "0 passed, 1 failed" "nothing was tested" release:silent.sh
expect "a cmocka program with no test fails" 1 "0 passed, 1 failed" "nothing was tested" release:empty
expect "a crash fails" 1 "0 passed, 1 failed" "exit 139" release:crash.sh
expect "a hang is ended and fails" 1 "1 passed, 1 failed" "no end within 1 s" release:hang.sh release:good.sh
expect "a test that is not there fails" 1 "0 passed, 1 failed" "could not be run" release:nowhere
expect "each mode's own ringside is under test" 0 "1 passed, 0 failed" "" asan:where.sh
exit $failed
