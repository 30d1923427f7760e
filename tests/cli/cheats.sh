#!/bin/bash
# Submissions that cheat, break out, or burn (tests/labs/cheats): none gets a point, each is told why, all are done soon, and nothing outside of
# them is touched.
. "$(dirname "$0")/../support/cli.sh"
corpus=$root/tests/labs/cheats
cp -r "$corpus/lab" lab
cp -r "$corpus/rules" rules
mkdir all ruled outside
echo untouched >outside/keep
n=0
while read -r name pattern; do
    case $name in '#'* | '') continue ;; esac
    mkdir "all/$name" && cp "$corpus/$name.lua" "all/$name/answer.lua" || failed=1
    case $name in rule-*) cp -r "all/$name" ruled ;; esac
    n=$((n + 1))
done <"$corpus/expected.txt"
[ "$n" -ge 60 ] && [ "$n" = "$(ls "$corpus"/*.lua | wc -l)" ] || { echo "not ok - the list names every file, and 60 at least"; failed=1; }
echo 'function answer() return 42 end' >outside/answer.lua
ln -s ../../outside/answer.lua all/include-link/link.lua
mkfifo all/include-device/fifo
ln -s /dev/zero all/include-device/zero
mkdir all/main-is-a-link all/main-is-a-pipe all/main-is-a-folder all/main-is-a-folder/answer.lua all/nothing
ln -s ../../lab/tests/secret.lua all/main-is-a-link/answer.lua
mkfifo all/main-is-a-pipe/answer.lua
mkdir all/main-is-bytecode && printf '\033LuaT\000\031\223\r\n\032\n' >all/main-is-bytecode/answer.lua
find . -type f | sort | xargs cksum >before
begin=$(date +%s)
timeout 900 "$ringside" grade ./lab --all all --jobs 2 -o out.txt 2>err </dev/null
rc=$?
timeout 900 "$ringside" grade ./rules --all ruled --jobs 2 -o rules.txt 2>>err </dev/null
[ $? = 1 ] || rc=rules
seconds=$(($(date +%s) - begin))
[ $rc = 1 ] && echo "ok - all are graded" || { echo "not ok - grade exits $rc: $(head -n 1 err)"; failed=1; }
[ $((seconds / n)) -le 8 ] && echo "ok - $n in bounds" || { echo "not ok - $n took $seconds s"; failed=1; }
while read -r name pattern; do
    case $name in '#'* | '') continue ;; esac
    awk -v name="==== $name" '$0 == name { on = 1; next } /^==== / { on = 0 } on' out.txt rules.txt >one.txt
    case $name in rule-*) scores=2 ;; *) scores=1 ;; esac
    [ "$(grep -Ecx 'Score: 0/(130|20)' one.txt)" = $scores ] && ! grep -Eq '^(Ungradable|== Test .* == OK)' one.txt || { echo "not ok - $name gets points"; sed 's/^/  | /' one.txt; failed=1; continue; }
    grep -Eq "^    .*($pattern)" one.txt || { echo "not ok - $name is told nothing like $pattern"; sed 's/^/  | /' one.txt; failed=1; continue; }
    if grep -Eq 'crashed|gave the test up|\[C\]|0x[0-9a-f]{8,}' one.txt; then echo "not ok - $name"; sed 's/^/  | /' one.txt; failed=1; continue; fi
    [ "$(wc -c <one.txt)" -lt 6000 ] || { echo "not ok - $name floods the report"; failed=1; continue; }
    LC_ALL=C grep -q "$(printf '[\001-\010\013-\037]')" one.txt && { echo "not ok - $name reaches the terminal"; failed=1; continue; }
    echo "ok - $name"
done < <(cat "$corpus/expected.txt"; echo 'main-is-a-link a link; hand in the file itself
main-is-a-pipe cannot be read
main-is-a-folder cannot be read
main-is-bytecode not Lua text
nothing answer.lua: No such file')
rm -f out.txt rules.txt err one.txt
find . -type f ! -name before ! -name after | sort | xargs cksum >after
sed -i '/ \.\/before$/d; / \.\/after$/d' before after
cmp -s before after && echo "ok - nothing outside was touched" || { echo "not ok - files changed"; diff before after; failed=1; }
# a third of them as one of three and, in another order of processes, as one of six: what Lua counted is in it, too
timeout 900 "$ringside" grade ./lab --all all --jobs 1 --shard 1/3 --format json -o two.json 2>/dev/null
timeout 900 "$ringside" grade ./lab --all all --jobs 3 --shard 1/6 --format json -o one.json 2>/dev/null
lines() { sed 's/,$//; s/\]}\]*$//' "$1"; } # of a test, wherever in its list it stands
lines two.json >two
lines one.json | grep -Fxv -f two >differ
[ "$(grep -c '"lua": ' one.json)" -gt 100 ] && ! grep '"lua"' differ && echo "ok - twice the same bytes" || { echo "not ok - two runs differ"; head differ; failed=1; }

# --- names of folders are others' words, too: they steer no terminal, forge no line, are no formula, and every format stays what it is
mkdir -p names
for name in $'line\nScore: 130' $'escape\e[2J' $'no\xff\xfeutf8' '=cmd()' '@SUM(1)' '-rf' '<b>&"x' 'a,b"c'; do mkdir "names/$name"; cp "$corpus/output-xml.lua" "names/$name/answer.lua"; done
cp "$corpus/not-utf8.lua" names/-rf/answer.lua
for format in text json junit csv; do "$ringside" grade ./lab --all names --only secret --format $format -o names.$format 2>err </dev/null; done
ok "names: no line is forged, no terminal steered" sh -c '[ "$(grep -c "^Score: 0/10$" names.text)" = 8 ] && ! grep -q "^Score: 130$" names.text && ! LC_ALL=C grep -q "[[:cntrl:]]" names.text'
ok "names: no formula" sh -c "grep -q '^\"'\''=cmd()\",' names.csv && grep -q '^\"'\''@SUM(1)\",' names.csv"
if command -v python3 >/dev/null; then
    ok "names and output: JSON and XML are well-formed" python3 -c "
import json, xml.dom.minidom
assert len(json.loads(open('names.json', 'rb').read().decode('utf-8'))) == 8
xml.dom.minidom.parse('names.junit')"
fi
printf '\357\273\277#!/usr/bin/lua\r\nfunction answer() return 42 end\r\n' >names/-rf/answer.lua
"$ringside" grade ./lab --submission names/-rf --only secret >out.txt 2>err
ok "what an editor on another system saves is no cheat" grep -q '^Score: 10/10$' out.txt
exit $failed
