#!/bin/bash
# `ringside run`, `trace` and `list`: the main job, its JSON, where output goes, and exit codes.
. "$(dirname "$0")/../support/cli.sh"
has() { grep -Eq -- "$2" "$1"; }
hasnt() { ! grep -Eq -- "$2" "$1"; }
empty() { [ ! -s "$1" ]; }
run() { # run EXIT ARGUMENT...: to the files out and err
    local want=$1
    shift
    timeout 100 "$ringside" "$@" >out 2>err </dev/null
    rc=$?
    [ $rc = "$want" ] || { echo "not ok - ringside $* exits $rc, not $want"; sed 's/^/  | /' err | head -5; failed=1; }
}
# columns FILE N: no line is longer than N characters
columns() { [ "$(LC_ALL=C.UTF-8 wc -L <"$1")" -le "$2" ]; }

# json FILE: valid JSON (RFC 8259), with an independent little parser
cat >json.awk <<'END'
function fail(why) { print why " at " pos ": " substr(s, pos, 40) > "/dev/stderr"; bad = 1; exit 1 }
function blank() { while (substr(s, pos, 1) ~ /^[ \t\r\n]$/) pos++ }
function lit(re) { if (!match(substr(s, pos), "^" re)) return 0; pos += RLENGTH; return 1 }
function string() { if (!lit("\"([^\"\\\\[:cntrl:]]|\\\\([\"\\\\/bfnrt]|u[0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F]))*\"")) fail("no string") }
function value() {
    blank()
    if (lit("\\{")) { blank(); if (!lit("\\}")) { do { blank(); string(); blank(); if (!lit(":")) fail("no colon"); value(); blank() } while (lit(",")); if (!lit("\\}")) fail("no }") } }
    else if (lit("\\[")) { blank(); if (!lit("\\]")) { do { value(); blank() } while (lit(",")); if (!lit("\\]")) fail("no ]") } }
    else if (substr(s, pos, 1) == "\"") string()
    else if (!lit("(-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?|true|false|null)")) fail("no value")
    blank()
}
{ s = s $0 "\n" }
END { if (bad) exit 1; pos = 1; value(); if (pos <= length(s)) fail("more after the end") }
END
json() { LC_ALL=C.UTF-8 awk -f json.awk "$1"; }
echo '{"a": [1, -2.5e3, "x\u00e9\"", {}, [], null]}' >good.json
echo '{"a": [1, 02]}' >bad.json
ok "the JSON checker accepts JSON" json good.json
ok "and refuses what is not" sh -c "! awk -f json.awk bad.json"

# --- the main job
run 0 run popf
cp out story
ok "every step is told" has story '^7/7  The damage'
ok "questions come with their answers" has story '^ *-> 3  IF stays'
ok "expectations are marked" has story '(✓|ok  ) popf.lua:[0-9]+: virtual IF after POPF: 1'
ok "the log shows the silent failure" has story 'silent +popf +IF +wanted 0 +got 1 +00'
ok "and folds what repeats" has story 'these [0-9]+ lines: [0-9]+ times'
ok "cycles have causes" has story '[0-9,]+ +[0-9.]+% hypervisor: decoding and emulating'
ok "the silent POPF is listed" has story 'popf at [0-9A-F]{8} \(popf_insn\): IF wanted 0, got 1'
ok "all expectations hold" has story 'all [0-9]+ expectations held'
ok "the serial output has a section of its own" has story '^  \| critical section: INTERRUPTED, update lost'
ok "the bare guest was run" has story 'same guest bare'
ok "the first line that differs is quoted" has story '^ +native +IF after cli: 0'
ok "and the register" has story '^ +IF +1 +1 +0$'
ok "the diagram is named" has story '^diagram: popf-ladder.svg$'
ok "and written" grep -q '</svg>' popf-ladder.svg
ok "it shows the failure" grep -q 'popf: no trap' popf-ladder.svg
ok "and the interrupt that followed" grep -q 'inject irq 20h' popf-ladder.svg
ok "the next command is the last line" sh -c 'tail -n 1 story | grep -q "^next: .*ringside.\? tui popf$"'
ok "nothing is wider than 80 columns" columns story 80
ok "no colour in a pipe" hasnt story $'\033'
ok "stderr is empty" empty err
cp popf-ladder.svg first.svg
run 0 run popf
ok "two runs say the same" cmp out story
ok "and draw the same" cmp popf-ladder.svg first.svg
LC_ALL=C run 0 run popf
ok "a C locale gets ASCII" sh -c "! LC_ALL=C grep -q '[^ -~]' out"
run 0 run popf --color always
ok "--color always" has out $'\033'
NO_COLOR=1 run 0 run popf --color auto
ok "NO_COLOR" hasnt out $'\033'
for scenario in trap rings shadow mini section vtx; do
    run 0 run $scenario
    ok "$scenario: expectations hold" has out 'all [0-9]+ expectations held'
    ok "$scenario: fits 80 columns" columns out 80
done
rm -f ./*.svg
run 0 run popf -q
ok "-q says nothing" empty out
ok "and writes nothing" sh -c '! ls *.svg'
run 0 run popf -v
ok "-v lists every event" sh -c '[ "$(wc -l <out)" -gt 5000 ]'
for scenario in "$root"/scenarios/*.lua; do
    for cpu in native te bt vtx pv; do
        name=$(basename "$scenario" .lua)
        "$ringside" run "$name" --cpu "$cpu" -q --json j >out 2>err </dev/null
        code=$?
        case $code in # 1: of the guest's own accord, as mini's under te
        0) ok "$name --cpu $cpu: what it claims holds, or is about another technique" has j '"expectations": .*"failed": 0,' ;;
        1) ok "$name --cpu $cpu: the guest itself reports failure" sh -c 'grep -q "\"failed\": 0," j && grep -q "guest reported failure" err' ;;
        *) ok "$name --cpu $cpu: refused in a sentence" sh -c "[ $code = 2 ] && [ \$(wc -l <err) = 1 ]" ;;
        esac
    done
done
# Another technique costs one option: what was told of te is tried under bt; what does not happen there is left out, and no failure.
run 0 run popf --cpu bt --json j
ok "whose story it is, is said" has out '^\(told of te: '
ok "a claim that is about both holds" has out '✓ popf.lua:[0-9]+: virtual IF before POPF: 1'
ok "one that is not is marked" has out '^  - popf.lua:[0-9]+: popf: expected a silent failure, the detector saw none'
ok "a step that does not happen is left out" has out 'left out: under bt it does not happen'
ok "and the next begins where it began" sh -c 'grep -A1 "^[12]/7" out | grep -Eo "cycle [0-9,]+" | uniq | wc -l | grep -qx 1'
ok "they are counted apart" has j '"failed": 0, "elsewhere": [1-9]'
ok "the guest came to its end, told the same" has out 'Its output is the same, byte for byte'
run 0 run mini --cpu pv --json j
ok "a guest with a port is run as its port" has out '^pv.*mini-pv.elf'
ok "and most of its story holds" has j '"passed": 1[0-9], "failed": 0'
sed 's/techniques = .*/techniques = "te vxt",/' "$root/scenarios/popf.lua" >typo.lua
run 3 run typo.lua
ok "a technique that there is not" has err 'typo.lua:[0-9]+: techniques: .*did you mean vtx'
run 0 run shadow --cpu vtx
ok "another machine than the scenario's is pointed out" has out 'written for te, shadow, model p4'
sed '/techniques = /d' "$root/scenarios/popf.lua" >says-nothing.lua
run 1 run says-nothing.lua --cpu native -q
ok "the machine of the command line wins: expectations fail" has err 'ringside: [0-9]+ expectations failed, first: says-nothing.lua:[0-9]+'
ok "in one line" sh -c '[ "$(wc -l <err)" = 1 ]'

# --- JSON
run 0 run popf --json -
ok "--json -: stdout is JSON" json out
for key in stop guest_exit cycles instructions exits total by_reason cycles_by_cause tlb episodes longest walk_refs cache host_seconds mips \
    run_id cpu mmu io host silent expectations version; do
    ok "JSON has $key" has out "\"$key\":"
done
ok "guest_exit is 0" has out '"guest_exit": 0,'
ok "stop is exited" has out '"stop": "exited"'
ok "the causes add up" awk '/"cycles":/ && !c { c = $2 + 0 } /"cycles_by_cause"/ { gsub(/[^0-9,]/, " "); n = split($0, p, ","); for (i = 1; i <= n; i++) s += p[i] } END { exit !(c > 0 && c == s) }' out
if command -v python3 >/dev/null; then
    ok "and so do rings" python3 -c '
import json
r = json.load(open("out"))
total = {}
for lane in r["cycles_by_ring"]:
    assert lane["cycles"] == sum(lane["by_cause"].values())
    for c, n in lane["by_cause"].items(): total[c] = total.get(c, 0) + n
assert total == {c: n for c, n in r["cycles_by_cause"].items() if n}
assert {l["name"] for l in r["cycles_by_ring"]} == {"hypervisor", "kernel"}'
fi
ok "the story went to stderr" has err 'The damage'
run 0 run popf -q --json r.json
ok "--json FILE" json r.json
run 1 run says-nothing.lua --cpu native -q --json n.json
ok "JSON of failed expectations" json n.json
ok "names them" has n.json '"passed": false'

# --- images
guest=$(ls "$root"/build/guests/popf.elf "$(dirname "$ringside")"/guests/popf.elf 2>/dev/null | head -n 1)
run 0 run "$guest" --cpu te --vms 10 -q --json vms.json
command -v python3 >/dev/null && ok "each VM has accounts of its own" python3 -c '
import json
r = json.load(open("vms.json"))
assert {l["vm"] for l in r["cycles_by_ring"]} == set(range(10))
assert sum(l["cycles"] for l in r["cycles_by_ring"]) == r["cycles"]'
run 0 run "$guest"
ok "an image alone runs bare" has err 'native.native'
ok "its serial output is stdout" sh -c '[ "$(tail -n 1 out)" = "popf: done" ]'
ok "and bare, POPF works" has out '^IF after popf: 0'
run 0 run "$guest" --cpu te -q
ok "deprivileged it does not" has out '^IF after popf: 1'
ok "-q leaves only the guest" empty err
run 0 run "$guest" --serial null -q
ok "--serial null" empty out
run 0 run "$guest" --serial s.txt -q
ok "--serial FILE" has s.txt '^popf: done'
ok "leaves stdout alone" empty out
run 0 run "$guest" --json -
ok "--json - is all of stdout" json out
ok "with the serial output in it" has out '"serial": "popf: a kernel'
run 0 run "$guest" --cpu te -q --serial null -o image.svg
ok "-o draws an image, too" grep -q '</svg>' image.svg
run 0 run "$guest" --cpu=native --model=ideal --seed=7 --ram=16M --set cost.insn.cli=60 --append 'a b' -q
cp "$guest" popf
run 0 run popf -q
ok "a file wins over a scenario's name" has out '^popf: done'
rm popf
run 0 run "$guest" --limit-wall 60 -q
cp "$guest" "a b"
printf 'return scenario { title = "t", machine = { guest = "a b" } }' >"a b.lua"
run 0 run "a b.lua" --append "it's" --serial null
ok "the next command can be typed as it stands" has out "tui 'a b.lua' --append='it'\\\\''s'\$"
run 5 run popf --limit-instr 1000
ok "a limit in the middle of a line is no difference" has out 'the same as far as both got'

mkdir -p elsewhere/popf-ladder.svg
(cd elsewhere && "$ringside" run popf >../out 2>../err)
ok "a diagram nobody asked for does not decide the exit code" [ $? = 0 ]
ok "but is missed" has out '^no diagram: popf-ladder.svg: is a directory'

# --- being interrupted
printf '.globl _start\n_start: mov $0x3F8, %%dx\n mov $10, %%al\n out %%al, %%dx\n1: jmp 1b\n' |
    gcc -m32 -nostdlib -static -no-pie -Wl,-m,elf_i386 -Wl,--build-id=none -Wl,-Ttext=0x100000 -x assembler - -o loop.elf
if [ -s loop.elf ]; then
    rm -f out # the last one's would be taken for this one's, and the signal come before the program
    "$ringside" run loop.elf --json i.json >out 2>err & # starts with INT ignored; the program installs its handler all the same
    pid=$!
    for _ in $(seq 200); do [ -s out ] && break; sleep 0.05; done
    kill -INT $pid
    wait $pid
    ok "^C: exit 130" [ $? = 130 ]
    ok "with partial results" has err 'still running'
    ok "and JSON that says so" has i.json '"stop": "interrupted"'
else
    echo "ok - ^C # SKIP no IA-32 compiler here"
fi
"$ringside" run popf | head -n 1 >/dev/null
ok "a reader that goes away is no signal" [ "${PIPESTATUS[0]}" -lt 128 ]
"$ringside" trace popf 2>err | head -n 1 >/dev/null
ok "and no message" empty err

# --- profiles: exact, and they change nothing
total() { awk '{ n += $NF } END { print n }' "$1"; }
for cpu in native te bt vtx; do
    run 0 run "$guest" --cpu $cpu -q --json plain.json
    run 0 run "$guest" --cpu $cpu --json j.json --profile --profile-folded f.txt
    ok "$cpu: the profile adds up to the run" [ "$(total f.txt)" = "$(awk '/"cycles":/ { print $2 + 0; exit }' plain.json)" ]
    ok "$cpu: the run is the same" cmp <(sed '/host_seconds/d; /mips/d' plain.json) <(sed '/host_seconds/d; /mips/d' j.json)
    ok "$cpu: functions of the guest" has err '^ +[0-9,]+ .*(kernel|user) +[a-z_]+'
    ok "$cpu: folded stacks have no blanks in names but in exits" sh -c '! sed "s/;exit /;/" f.txt | grep -Evq "^[^ ]+ [0-9]+$"'
    cp f.txt f.1
    run 0 run "$guest" --cpu $cpu -q --profile-folded f.txt
    ok "$cpu: twice the same" cmp f.txt f.1
done
ok "what the hypervisor spends is told by exit" grep -q ';exit port;vmm.door;device ' f.txt
run 0 run popf --profile
ok "a scenario's profile" has out '^The profile: where [0-9,]+ cycles went, exactly$'
ok "fits 80 columns" columns out 80
run 0 run popf -q --profile=p.txt
ok "into a file" sh -c 'grep -q "function of the guest" p.txt && [ ! -s out ]'
run 0 run "$guest" --cpu te --against native --json a.json
ok "--against native: an image beside the bare machine" has err 'times the cycles of the bare machine'
ok "and in JSON" has a.json '"native": .*"cycles": [1-9]'

# --- trace, list, help
# The formats of other programs: what is in them adds up to the run.
cycles() { "$ringside" run "$1" --json - -q 2>/dev/null | awk '/"cycles":/ { print $2 + 0; exit }'; }
for scenario in popf rings vtx bt; do
    run 0 trace $scenario --format perfetto -o p.json
    ok "$scenario: Perfetto's JSON" sh -c 'head -c 24 p.json | grep -q "^{.displayTimeUnit.:.ns." && tail -n 1 p.json | grep -q "^]}$"'
    command -v python3 >/dev/null && ok "$scenario: slices without gaps or overlaps, flows with two ends" python3 - p.json "$(cycles $scenario)" <<'END'
import json, sys
t = json.load(open(sys.argv[1]))
assert t["displayTimeUnit"] == "ns"
ev = t["traceEvents"]
ns = lambda v: round(v * 1000)
x = sorted([(ns(e["ts"]), ns(e["dur"])) for e in ev if e["ph"] == "X"])
for a, b in zip(x, x[1:]): assert a[0] + a[1] == b[0], (a, b)
assert x[-1][0] + x[-1][1] == int(sys.argv[2])
# The trace-event format: each event has its fields, of their types; slices are in order of time; a flow leaves and arrives inside slices.
from bisect import bisect
last, inside, names = 0, {}, {"s": {"cat", "id"}, "f": {"cat", "id", "bp"}, "X": {"dur", "cat"}, "i": {"s", "cat"}, "M": {"args"}}
for e in ev:
    assert e["ph"] in names and names[e["ph"]] | {"pid", "tid", "name"} <= set(e), e
    assert all(type(e[k]) is int and e[k] > 0 for k in ("pid", "tid")) and type(e["name"]) is str and e["name"], e
    if e["ph"] == "M": assert e["name"] in ("process_name", "thread_name", "thread_sort_index"), e
    if e["ph"] != "X": continue
    assert e["dur"] > 0 and ns(e["ts"]) >= last, (last, e)
    last = ns(e["ts"])
    inside.setdefault(e["tid"], []).append((last, last + ns(e["dur"])))
for e in ev:
    if e["ph"] not in "sf": continue
    of = inside[e["tid"]]
    at = of[bisect(of, (ns(e["ts"]), 1 << 62)) - 1]
    assert at[0] <= ns(e["ts"]) <= at[1], (at, e)
ends = {}
for e in ev:
    if e["ph"] in "sf": ends.setdefault(e["id"], []).append(e["ph"])
assert ends and all(v == ["s", "f"] for v in ends.values())
assert {e["args"]["name"] for e in ev if e["name"] == "thread_name"} >= {"hypervisor", "guest kernel"}
for e in ev:
    if e["ph"] == "X" and "cycles" in e.get("args", {}): assert e["args"]["cycles"] == ns(e["dur"]), e
END
    run 0 trace $scenario --format folded -o folded.txt
    ok "$scenario: folded stacks" sh -c '! grep -Evq "^[^ ]+(;[^ ]+)+ [0-9]+$" folded.txt'
    ok "$scenario: they add up to the run" [ "$(awk '{ n += $NF } END { print n }' folded.txt)" = "$(cycles $scenario)" ]
done
run 0 trace popf --format csv
ok "CSV: a header" sh -c '[ "$(head -n 1 out)" = id,cycle,moment,ring,event,eip,symbol,cause,episode,fields ]'
ok "CSV: ten columns" awk -F'"' 'NR > 1 { n = 0; for (i = 1; i <= NF; i += 2) n += gsub(",", ",", $i); if (n != 9) exit 1 }' out
ok "CSV: a line for each event" sh -c '[ "$(wc -l <out)" = "$(($('"'$ringside'"' trace popf | wc -l) + 1))" ]'
run 2 trace popf --format csv --episodes
ok "CSV of episodes is refused" has err 'whole run'
run 0 trace popf --episodes
ok "an episode a line, with its cost" has out '^ +12 +[0-9,]+  privileged  00104000   emulate  cli .* 1,[0-9]+  deliver [0-9]+ dispatch [0-9]+ emulate [0-9]+$'
ok "and its cause adds up" awk '{ t = substr($0, 91); gsub(/,/, "", t); n = split(t, w, " "); s = 0; for (i = 3; i <= n && w[i] != "(waits)"; i += 2) if (w[i - 1] != "idle") s += w[i]; if (s != w[1]) exit 1 }' out
run 0 trace popf --episodes --format jsonl
head -n 1 out >one
ok "as JSON Lines" json one
run 0 run popf
ok "the report has them by reason" has out '^    privileged +14 +[0-9,]+ +1[0-9]{3} +[0-9,]+  deliver [0-9]+%'
run 0 trace popf
ok "a trace begins with the start" sh -c 'head -n 1 out | grep -Eq "^ +1 .* run +entry"'
ok "and fits 80 columns" columns out 80
cp out all
run 0 trace popf --instr --last 20
ok "the last instructions with registers" sh -c '[ "$(wc -l <out)" = 20 ] && grep -Eq "ring 1  [0-9A-F]{8}  e6f4 +out 0xF4, al +eax=00000000 .* flags=" out'
run 0 trace popf --instr --last 3 --format jsonl -o i.jsonl
ok "and as JSON lines" sh -c '[ "$(wc -l <i.jsonl)" = 3 ] && while read -r l; do echo "$l" >l && LC_ALL=C.UTF-8 awk -f json.awk l || exit 1; done <i.jsonl'
run 2 trace popf --instr --last 0
run 2 trace popf --last 5
run 0 trace popf --format jsonl -o t.jsonl
ok "as JSON Lines" sh -c '[ "$(wc -l <t.jsonl)" = "$(wc -l <all)" ]'
head -n 1 t.jsonl >line.json
ok "each line is JSON" json line.json
run 0 list
for word in popf trap rings shadow mini section 'Guests' '--cpu +te'; do ok "list has $word" has out "^ *$word"; done
ok "list fits 80 columns" columns out 80
run 0 --version
ok "--version" has out '^ringside [0-9.]+$'
run 0 --help
ok "--help fits 80 columns" columns out 80
for verb in run tui draw trace bench list help version; do
    run 0 $verb --help
    ok "$verb --help" has out "^usage: ringside $verb"
    ok "$verb --help fits 80 columns" columns out 80
    ok "is in the overview" sh -c "'$ringside' --help | grep -q '^  $verb '"
done
run 2
ok "bare: short help" has err '^usage: ringside COMMAND'
exit $failed
