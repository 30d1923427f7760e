#!/bin/bash
# `ringside draw diff`: two techniques, guests or recordings side by side; what is the same stands beside each other, what differs is marked.
set -u
lint() { LC_ALL=C awk -f "$top/tests/tools/svg_lint.awk" "$@"; }
ringside=$(realpath "${RINGSIDE:-./ringside}") || exit 1
top=$PWD
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0
result() { if [ "$2" = 0 ]; then echo "ok - $1"; else echo "not ok - $1"; failed=1; fi; }
diff_of() { # diff_of EXIT ARGUMENT...
    local want=$1
    shift
    timeout 60 "$ringside" draw diff "$@" >out 2>err </dev/null
    rc=$?
    [ $rc = "$want" ] || { echo "not ok - draw diff $* exits $rc, not $want: $(head -n 1 err)"; failed=1; }
}
lines() { sed -n '/^right:/,/^U user/p' "$1" | grep -cE "$2"; }

# --- two techniques: a call goes straight into the kernel here, through the hypervisor there
diff_of 0 rings -o a.txt
grep -qE 'U>K int 80h +! +[0-9,]+ U>H int 80h' a.txt && grep -qE '^ +> +[0-9,]+ U>H #PF' a.txt
result "native beside te: the same call in another way, what only one does on its side" $?
grep -q 'lines 0 are the same, 1 happen in another way' err
result "and says so in words" $?
[ "$(LC_ALL=C.UTF-8 wc -L <a.txt)" -le 80 ]
result "in 80 columns" $?
diff_of 0 rings --on te,vtx -o b.txt
grep -q '^left:  te.*' b.txt && grep -q '^right: vtx' b.txt
result "--on chooses the two" $?
diff_of 0 rings -o a.svg
diff_of 0 rings -o again.svg
cmp -s a.svg again.svg
result "twice the same bytes" $?
grep -q '<g id="left-ev' a.svg && grep -q '<g id="right-ev' a.svg && [ "$(grep -o ' id="[^"]*"' a.svg | sort | uniq -d | wc -l)" = 0 ] && grep -q '<desc>Two runs side by side' a.svg
result "ids of either side, none twice, and words for those who cannot see it" $?
diff_of 0 rings --frames -o 'f-%02d.svg' -q
[ "$(ls f-*.svg | wc -l)" -ge 8 ] && [ "$(grep -ho 'viewBox=[^>]*>' f-*.svg | sort -u | wc -l)" = 1 ] && cmp -s "$(ls f-*.svg | tail -n 1)" a.svg
result "frames: one canvas, the last is the whole" $?
for f in a.pdf:%PDF a.png:$'\x89PNG' a.dot://; do
    diff_of 0 rings -q -o "${f%%:*}" && [ "$(head -c 2 "${f%%:*}" | tr -d '\0')" = "$(printf %s "${f#*:}" | head -c 2)" ] || { echo "not ok - ${f%%:*}"; failed=1; }
done
if command -v neato >/dev/null; then neato -n2 -Tsvg a.dot >/dev/null 2>err && [ ! -s err ]; result "DOT that neato takes" $?; fi

# --- recordings
"$ringside" trace record rings -q -o a.rtrace
"$ringside" trace record rings -q --set cost.insn.int_n=5000 -o slow.rtrace 2>/dev/null || "$ringside" trace record rings -q --model core2 -o slow.rtrace
diff_of 0 a.rtrace a.rtrace -o same.txt
[ "$(lines same.txt '  =  ')" -gt 5 ] && [ "$(lines same.txt '  [!<>](  |$)')" = 0 ] && ! grep -q 'they part' same.txt && grep -q 'lines are the same' err
result "a run and itself" $?
diff_of 0 rings a.rtrace -o same2.txt
grep -q 'lines are the same' err
result "a run and its recording" $?
diff_of 0 a.rtrace slow.rtrace -o slow.svg
grep -qE '>[+-][0-9,]+ cycles<' slow.svg && grep -q 'slow.rtrace: te' slow.svg
result "the same visits at another price: how much more, and which file is which" $?
# Late differences: the picture begins a little before them. The last bytes that popf prints depend on what it was told.
diff_of 0 popf rings -o two.txt
grep -q '^left:  popf: te' two.txt && grep -q '^right: rings: te' two.txt
result "two guests" $?
diff_of 0 rings --from step:1 --to step:2 -o some.txt
[ "$(lines some.txt '  [=!<>](  |$)')" -ge 1 ] && ! grep -q 'more lines' some.txt
result "--from and --to, of both" $?
if [ -f "$top/tests/tools/svg_lint.awk" ]; then
    "$ringside" draw diff mini --on te,bt -q -o c.svg && "$ringside" draw diff popf -q -o d.svg && lint a.svg slow.svg c.svg d.svg >lint
    result "no words run out of a box or the picture" $?
    head -n 5 lint
fi
exit $failed
