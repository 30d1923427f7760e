#!/bin/bash
# `ringside quiz`: the same seed gives the same problem, answers are there only when asked for, and what the machine counted is what the
# formula beside it says.
. "$(dirname "$0")/../support/cli.sh"
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
    tr '\n' ' ' <out | sed 's/  */ /g' | grep -oE '([0-9]+) in all. Counted by the hypervisor: ([0-9]+)|VMs?: ([0-9]+). Counted in their memory: ([0-9]+)' |
        awk '{ gsub(/[^0-9 ]/, ""); if ($1 != $2) bad++ } END { exit bad || NR < 16 }'
}
ok "formula and count agree" agree
ok "agile paging has its question" [ "$(grep -c 'of both kinds with agile paging' out)" = 8 ]
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
# What was counted is what the formula beside it says, in every problem.
counted() { # counted TOPIC PARTS
    quiz 0 "$1" --problems 12 --solve
    # the formula's end, and what was counted behind it: "= 11. Counted: 11." or "one of each level: 3. Counted, over 100 walks: 3."
    tr '\n' ' ' <out | sed 's/  */ /g' | grep -oE '[0-9]+\. Counted[^:]*: [0-9]+' >agree
    [ "$(grep -c '^      = ' out)" = "$2" ] && [ "$(LC_ALL=C.UTF-8 wc -L <out)" -le 80 ]
}
ok "references: three answers of twelve problems" counted references 36
ok "and by the formula as many as counted" awk '{ if ($1 + 0 != $NF) bad++ } END { exit bad || NR < 24 }' agree
ok "rings: likewise" counted rings 36
ok "and by the formula as many as counted" awk '{ if ($1 + 0 != $NF) bad++ } END { exit bad || NR < 24 }' agree
ok "trap-and-emulate changes rings at least twice as often" awk '/^      = / { if (++k % 3 == 1) bare = $2; else if (k % 3 == 2 && $2 < 2 * bare) bad = 1 } END { exit bad || k != 36 }' out
quiz 0 rings --problems 40 --seed 1
ok "and other seeds ask other things" awk '/^quiz/ { if (b != "" && !(b in seen)) { seen[b]; n++ } b = ""; next } { b = b $0 } END { exit n < 12 }' out
ok "exits: two answers" counted exits 24
quiz 0 exits --seed 7
cp out first
quiz 0 exits --seed 7
ok "exits: the same seed, the same bytes" cmp first out
# --- answers
answers() { # answers EXIT LINES ARGUMENT...
    local want=$1 lines=$2
    shift 2
    printf "$lines" | timeout 120 "$ringside" quiz "$@" >out 2>err
    rc=$?
    [ $rc = "$want" ] || { echo "not ok - quiz $* with $lines exits $rc, not $want: $(head -n 1 err)"; failed=1; }
}
quiz 0 tables --seed 6 --solve --json -
right=$(grep -oE '"answer": "[0-9]+"' out | grep -oE '[0-9]+' | tr '\n' ' ')
read -r a b c d e <<<"$right"
answers 0 "$a\n$b tables\n0x$(printf %x "$c")\n$d\n$e\n" tables --seed 6 --ask
ok "all right" grep -qx '5 of 5 right' out
answers 1 "$a\n$((b + 1))\n\nsome\n" tables --seed 6 --ask
ok "one right, one wrong, one passed, one that is none" sh -c 'grep -qx "1 of 5 right" out && grep -q "no: '"$b"'" out && grep -q "passed: '"$c"'" out && grep -q "no answer to this: a number" out'
ok "wrong ones are worked out" grep -q 'Counted by the hypervisor' out
answers 1 "$a\n" tables --seed 6 --ask
ok "whoever leaves is told nothing more" sh -c 'grep -qx "1 of 2 right" out && ! grep -q "(c)" out'
answers 0 '#PF(5)\n2 2 10\ntrue\n' walk --seed 3 --ask
ok "a fault" grep -qx '3 of 3 right' out
answers 0 '0x13fc2c\n2,2,14\nHidden.\n13B194h\n2 2 14\nnone\n' walk --seed 4 --ask --problems 2
ok "two addresses" grep -qx '6 of 6 right' out
head -c 5000 /dev/zero | tr '\0' x >long
timeout 60 "$ringside" quiz walk --seed 4 --ask <long >out 2>err
ok "five thousand letters are no answer" grep -q 'as in #PF' out
answers 2 '' walk --ask --solve
ok "not with --solve" grep -q 'asks nobody' err
exit $failed
