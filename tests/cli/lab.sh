#!/bin/bash
# `ringside lab`: what a student gets works from its own folder, and every shipped lab's tests tell right from wrong.
set -u
ringside=$(realpath "${RINGSIDE:-./ringside}") || exit 1
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0
ok() {
    local name=$1
    shift
    if "$@" >/dev/null 2>&1; then echo "ok - $name"; return; fi
    echo "not ok - $name"
    failed=1
}
labs=$(cd "$root/scenarios/labs" && ls -d -- */ | tr -d /)
for lab in $labs; do
    ok "$lab: in the list" sh -c "'$ringside' list | grep -q '^  $lab '"
    TMPDIR=$work timeout 500 "$ringside" lab selftest "$lab" --jobs 2 >out 2>err
    ok "$lab: the solution has all points, the start none, every bug is caught" [ $? = 0 ]
    grep -v '^ok' out err
    ok "$lab: at least eight bugs" [ "$(grep -c "bug '" out)" -ge 8 ]
    "$ringside" lab start "$lab" mine-$lab >out 2>&1
    ok "$lab: start" [ $? = 0 ]
    ok "$lab: no solution, no bugs, no hidden tests in it" sh -c "! ls -R mine-$lab | grep -Eq 'solution|bugs|hidden'"
    ok "$lab: a README" test -s mine-$lab/README.md
    ok "$lab: completion for editors" sh -c "grep -q ringside.d.lua mine-$lab/.luarc.json && test -s mine-$lab/ringside.d.lua"
    (cd mine-$lab && timeout 500 "$ringside" grade >../out 2>&1)
    ok "$lab: graded where it stands, the start has no points" grep -q '^Score: 0/' out
    cp "$root/scenarios/labs/$lab/solution/"* mine-$lab
    (cd mine-$lab && timeout 500 "$ringside" grade >../out 2>&1)
    ok "$lab: and the solution has all of the public ones" [ $? = 0 ]
done
"$ringside" run "$root/scenarios/labs/ringside.d.lua" 2>err
ok "the definition file is Lua, only no scenario" grep -q 'ringside.d.lua: no scenario in this file' err
ok "nothing is left of selftests" sh -c '! ls -d ringside-lab-* 2>/dev/null'
"$ringside" lab start isa mine-isa >out 2>err
ok "a lab is not begun twice in a place" [ $? = 6 ]
exit $failed
