#!/bin/bash
# `ringside classify`: the sets, the verdicts and how they change, witnesses, JSON.
. "$(dirname "$0")/../support/cli.sh"
run() { # run EXIT ARGUMENT...: to the files out and err
    local want=$1
    shift
    timeout 100 "$ringside" "$@" >out 2>err </dev/null
    rc=$?
    [ $rc = "$want" ] || { echo "not ok - ringside $* exits $rc, not $want"; sed 's/^/  | /' err | head -5; failed=1; }
}
has() { grep -Eq -- "$2" "$1"; }

run 0 classify --ascii
ok "Theorem 1 fails on a Pentium 4" has out '^FAIL Theorem 1 fails'
ok "because of the list" has out 'broken by sgdt sidt sldt str smsw pushf popf lar lsl verr verw'
ok "18 of the 19, INT always traps" has out 'found sensitive and unprivileged \(18\)'
ok "fits 80 columns" [ "$(LC_ALL=C.UTF-8 wc -L <out)" -le 80 ]
run 0 classify --ascii --set cpu.umip=1
ok "UMIP takes five away" has out 'broken by pushf popf lar'
run 0 classify --ascii --set cpu.virtualizable=1
ok "a virtualizable processor: all three hold" [ "$(grep -c '^ok   *Theorem [123] holds' out)" = 3 ]
run 0 classify --ascii --set cpu.virtualizable=1 --set cpu.untrap=HLT --json j
ok "unless one does not trap" has out '^FAIL Theorem 1 fails'
ok "which is named" has out 'broken by hlt$'
ok "JSON says so" has j '"breaks_1": \["hlt"\]'
ok "with the witness" has j '"insn": "hlt".*"control": \{"bytes": "f4"'
run 0 classify popf
ok "a witness of POPF" has out 'bytes 9D; .* rings 0 and 3: IF 0, 1'
run 0 classify mov
ok "all rows of a word" has out '^mov.cr: privileged, sensitive'
exit $failed
