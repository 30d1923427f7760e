#!/bin/bash
# `ringside quiz`: the same seed gives the same problem, answers are there only when asked for, and what the machine counted is what the
# formula beside it says.
set -u
ringside=$(realpath "${RINGSIDE:-./ringside}") || exit 1
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
quiz() { # quiz EXIT ARGUMENT...
    local want=$1
    shift
    timeout 120 "$ringside" quiz "$@" >out 2>err </dev/null
    rc=$?
    [ $rc = "$want" ] || { echo "not ok - quiz $* exits $rc, not $want: $(head -n 1 err)"; failed=1; }
}
quiz 0
ok "alone it lists its topics" sh -c 'grep -q "^  tables" out && grep -q "^  walk" out'
quiz 0 tables --seed 7
cp out first
ok "a problem" grep -q 'virtual machine' out
ok "without answers" sh -c '! grep -q " = " out'
quiz 0 tables --seed 7
ok "the same seed, the same bytes" cmp first out
quiz 0 tables --seed 8
ok "another seed, another problem" sh -c '! cmp first out'
quiz 0 tables --problems 8 --solve
ok "eight problems" [ "$(grep -c '^quiz tables --seed' out)" = 8 ]
# "= 33", and some lines below it "33." twice: by the formula, and counted
agree() {
    awk '/^      = / { answer = $2; parts++ } { text = text " " $0 }
        /Counted (in their memory|by the hypervisor): [0-9]+\./ { n = $NF + 0; if (n != answer) bad++ }
        / in all\.| VMs: [0-9]+\./ { } END { exit bad || parts < 32 }' out
    tr '\n' ' ' <out | sed 's/  */ /g' | grep -oE '([0-9]+) in all. Counted by the hypervisor: ([0-9]+)|VMs: ([0-9]+). Counted in their memory: ([0-9]+)' |
        awk '{ gsub(/[^0-9 ]/, ""); if ($1 != $2) bad++ } END { exit bad || NR < 16 }'
}
ok "formula and count agree" agree
quiz 0 walk --problems 30 --solve
cp out walks
ok "thirty walks" [ "$(grep -c '^quiz walk --seed' out)" = 30 ]
ok "some lead to a page" grep -q '= physical address' out
ok "some fault" grep -q '= page fault, error code' out
ok "some would be hidden faults" grep -q '= a hidden fault' out
ok "some are in the shadow already" grep -q '= no fault' out
ok "some are a page of 4 MB" grep -q 'a page of 4 MB' out
ok "in 80 columns" sh -c '[ "$(LC_ALL=C.UTF-8 wc -L <walks)" -le 80 ]'
quiz 0 walk --seed 3 --problems 2 --solve --json -
ok "JSON" sh -c '! command -v python3 || python3 -c "import json; d = json.load(open(\"out\")); assert len(d) == 2 and d[1][\"parts\"][0][\"answer\"]"'
quiz 0 walk --seed 3 --json -
ok "JSON without answers" sh -c '! grep -q answer out'
quiz 2 walk popf
exit $failed
