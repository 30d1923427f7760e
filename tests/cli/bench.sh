#!/bin/bash
# `ringside bench`: the nano-benchmarks of Adams & Agesen, who beats whom in them, exact exits, JSON and CSV.
set -u
ringside=$(realpath "${RINGSIDE:-./ringside}") || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0
ok() { # ok NAME COMMAND...: the command succeeds
    local name=$1
    shift
    if "$@" >/dev/null 2>&1; then echo "ok - $name"; return; fi
    echo "not ok - $name"
    failed=1
}
run() { # run EXIT ARGUMENT...: to the files out and err
    local want=$1
    shift
    timeout 100 "$ringside" "$@" >out 2>err </dev/null
    rc=$?
    [ $rc = "$want" ] || { echo "not ok - ringside $* exits $rc, not $want"; sed 's/^/  | /' err | head -5; failed=1; }
}
has() { grep -Eq -- "$2" "$1"; }

run 0 bench nano --json nano.json --csv nano.csv
cp out nano.txt
ok "a table with the paper's figures" has nano.txt '^in +[0-9,]+ +3,209 +[0-9.]+f'
ok "what was fitted is said" has nano.txt 'Fitted: the native column'
ok "fits 80 columns" [ "$(LC_ALL=C.UTF-8 wc -L <nano.txt)" -le 80 ]
ok "no error" [ ! -s err ]
run 0 bench nano
ok "twice the same" cmp out nano.txt
run 0 bench nano --json - -q
ok "JSON on stdout" cmp out nano.json
command -v python3 >/dev/null && ok "it is JSON, and the causes add up" python3 -c '
import json
b = json.load(open("nano.json"))
assert len(b["cells"]) >= 25
for c in b["cells"]: assert abs(sum(c["by_cause"].values()) - c["cycles"]) < 0.1, c'
run 0 bench nano --csv - -q
ok "CSV on stdout" cmp out nano.csv

figure() { awk -F, -v op="$1" -v on="$2" -v col="${3:-3}" '$1 == op && $2 == on { print $col }' nano.csv; }
less() { # less OPERATION MACHINE MACHINE [TIMES]: at least TIMES times fewer cycles
    awk -v a="$(figure "$1" "$2")" -v b="$(figure "$1" "$3")" -v k="${4:-1}" 'BEGIN { exit !(a != "" && b != "" && a * k < b) }'
}
exits() { [ "$(figure "$1" "$2" 7)" = "$3.000" ]; } # exits OPERATION MACHINE N
for pair in syscall:native:bt syscall:vtx:bt in:bt:native in:native:vtx in:bt:vtx call/ret:native:bt call/ret:vtx:bt \
    pgfault:native:bt pgfault:bt:vtx divzero:vtx:bt divzero:native:bt pte-same:native:bt pte-same:bt:vtx \
    pte-p-np:native:bt pte-p-np:bt:vtx pte-np-p:native:bt pte-np-p:bt:vtx rdtsc:callout:trap; do
    IFS=: read -r op a b <<<"$pair"
    ok "$op: $a beats $b" less "$op" "$a" "$b"
done
ok "IN: translated beats bare ten times (15 in the paper)" less in bt native 10
for op in syscall call/ret divzero; do ok "$op: no exit under vtx" exits $op vtx 0; done
for op in in pgfault pte-same pte-p-np pte-np-p; do ok "$op: one exit under vtx" exits $op vtx 1; done
for op in in call/ret pte-same pte-p-np pte-np-p; do ok "$op: no trap under bt" exits $op bt 0; done
run 0 bench nano -v --model ideal
ok "another model" has out 'model ideal'
ok "what it refuses is said" has out 'vtx: .*VMX|vtx: .*VT-x|vtx: .*vmx'
ok "-v: causes" has out '^in +native +kernel'
exit $failed
