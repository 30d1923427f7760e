#!/bin/bash
# `completion` and `doctor`: scripts that their shells accept and that offer what there is; a report that says what is lost.
set -u
ringside=$(realpath "${RINGSIDE:-./ringside}") || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
ok() {
    local name=$1
    shift
    if "$@" >/dev/null 2>&1; then echo "ok - $name"; return; fi
    echo "not ok - $name"
    failed=1
}
is() { # is NAME GOT WANT
    [ "$2" = "$3" ] && { echo "ok - $1"; return; }
    echo "not ok - $1: got '$2', want '$3'"
    failed=1
}

# bash: the function is called as bash calls it, and the words it offers are looked at.
offers() { # offers WORD...: what Tab gives after the last one
    "$BASH" -c 'compopt() { :; }; . <("$0" completion bash); COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _ringside; echo ${COMPREPLY[@]}' \
        "$ringside" "$ringside" "$@"
}
is "bash: a command" "$(offers cl)" classify
is "bash: an option" "$(offers run --limit-c)" --limit-cycles
is "bash: only the command's own" "$(offers exec --cp)" ""
is "bash: a technique" "$(offers run --cpu v)" vtx
is "bash: a technique after =" "$(offers run --cpu = v)" vtx
is "bash: right after =" "$(offers run --against =)" native
is "bash: a model" "$(offers run --model neh)" nehalem
is "bash: a scenario" "$(offers run pop)" popf
is "bash: a scenario after a switch" "$(offers run --quiet pop)" popf
is "bash: a kind of diagram" "$(offers draw lad)" ladder
is "bash: nothing where a file is wanted" "$(offers run --module x)" ""
is "bash: all commands" "$(offers '' | wc -w)" "$("$ringside" help | sed -n '/^Commands/,/^  planned/p' | grep -c '^  [a-z]* ')"
kinds=$("$ringside" draw xq zz 2>&1 | sed "s/.*there are: //; s/,//g")
ok "bash: every kind of diagram ($kinds)" sh -c 'test "$(echo $2 | wc -w)" -ge 10 && for k in $2; do "$1" completion words draw | grep -qx "$k" || exit 1; done' - "$ringside" "$kinds"
is "bash: a topic of quiz" "$(offers quiz wal)" walk
is "bash: a lab" "$(offers lab start shad)" shadow
is "bash: a verb of labs" "$(offers lab selft)" selftest
is "bash: a lab to be graded" "$(offers grade transl)" translation
is "bash: a word to be explained" "$(offers explain sgd)" sgdt
is "bash: a workload" "$(offers bench sweep comp)" compute
is "bash: a key of --set" "$(offers run --set shadow.cac)" shadow.cache=
is "bash: a row of the model" "$(offers tui --set cost.insn.popf)" "cost.insn.popf="
is "bash: formats of grade, and no others" "$(offers grade --format j)" "json junit"
is "bash: a format of draw" "$(offers draw --format ti)" tikz
is "bash: a platform" "$(offers lab pack trap --for gradesc)" gradescope
is "bash: a file with blanks is left to the shell" "$(offers run 'my im')" ""
for shell in zsh fish; do
    "$ringside" completion $shell >"$work/$shell"
    ok "$shell: a script" grep -q 'native te bt\|native te' "$work/$shell"
    command -v $shell >/dev/null && ok "$shell accepts it" $shell -n "$work/$shell"
done
if command -v fish >/dev/null; then
    PATH=$(dirname "$ringside"):$PATH HOME=$work fish -c "source $work/fish; complete -C'ringside run --cpu v'; complete -C'ringside draw lad'; complete -C'ringside run --set shadow.cac'; complete -C'ringside grade --format ju'" >"$work/out" 2>/dev/null
    ok "fish: a technique and a kind" sh -c "grep -q '^vtx' $work/out && grep -q '^ladder' $work/out && grep -q '^shadow.cache=' $work/out && grep -q '^junit' $work/out"
fi
"$ringside" completion csh >/dev/null 2>"$work/err"
is "an unknown shell: exit" $? 2
ok "an unknown shell: the known" grep -q 'bash, zsh and fish' "$work/err"

# doctor
"$ringside" doctor >"$work/out" 2>&1
is "doctor: exit" $? 0
ok "doctor: scenarios are found" grep -Eq 'scenarios  [1-9][0-9]* in ' "$work/out"
ok "doctor: no line is wider than 80" sh -c "! grep -q '.\{90\}' $work/out"
"$ringside" doctor --json - >"$work/json" 2>/dev/null
ok "doctor: JSON" python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); assert {"dot", "guests"} <= {c["name"] for c in d["checks"]}' "$work/json"
PATH=/nonexistent "$ringside" doctor >"$work/out" 2>&1
ok "doctor: without programs it says what is lost" sh -c "grep -q 'without it: .*graphviz' $work/out && grep -q 'dot *not found' $work/out"
cp "$ringside" "$work/alone" && (cd "$work" && ./alone doctor >out 2>err)
is "doctor: far from scenarios: exit" $? 6
ok "doctor: far from scenarios: says so" sh -c "grep -q 'scenarios *the scenarios lie neither' $work/out && grep -q 'without it: no lesson' $work/out"
LC_ALL=C TERM=dumb "$ringside" doctor >"$work/out" 2>&1
ok "doctor: ASCII where the locale is" sh -c "! LC_ALL=C grep -q '[^ -~]' $work/out"
exit $failed
