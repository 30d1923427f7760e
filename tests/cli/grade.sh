#!/bin/bash
# `ringside grade`: points, the documented shape of every format, the same bytes in any order, and a result whatever happens.
. "$(dirname "$0")/../support/cli.sh"
grade() { # grade EXIT ARGUMENT...
    local want=$1
    shift
    timeout 300 "$ringside" grade "$@" >out 2>err </dev/null
    rc=$?
    [ $rc = "$want" ] || { echo "not ok - grade $* exits $rc, not $want: $(head -n 1 err)"; failed=1; }
}
isa=$root/scenarios/labs/isa
mkdir all && cp -r "$isa/solution" all/alice && cp -r "$isa/starter" all/bob && mkdir all/carol all/dave
sed 's/"bound", "timer", "output" }/"bound", "timer" }/' "$isa/solution/classify.lua" >all/dave/classify.lua
hidden=(--hidden "$isa/hidden")

# --- text
grade 0 isa --submission all/alice "${hidden[@]}"
ok "the solution has all points" grep -qx 'Score: 100/100' out
ok "as make grade says it" grep -q '^== Test repair == repair: OK  20/20$' out
grade 1 isa --submission all/bob "${hidden[@]}"
ok "the starter has none" grep -qx 'Score: 0/100' out
ok "an indented reason with its place" grep -q '^    public.lua:[0-9]*: ' out
ok "hidden tests tell the hint alone" sh -c 'grep -A1 "theorem 3 (hidden)" out | grep -q "^    is an instruction like" && ! grep -q "hidden.lua" out'
grade 1 isa --submission all/bob "${hidden[@]}" -v
ok "staff see them" grep -q 'hidden.lua:[0-9]*: ' out
grade 1 isa --submission all/carol
ok "no file: no points, and which one" sh -c 'grep -q "classify.lua: No such file" out && grep -qx "Score: 0/60" out'
grade 0 isa --submission all/alice --only 2
ok "one test alone" sh -c '[ "$(grep -c "^== Test" out)" = 1 ] && grep -qx "Score: 20/20" out'
grade 0 isa --submission all/alice --only sensitive
ok "or by its name" sh -c '[ "$(grep -c "^== Test" out)" = 1 ] && grep -q "^== Test sensitive" out'
grade 0 isa --submission all/bob --exit-zero
grade 1 isa --submission all/dave
ok "partial credit" grep -Eq '^== Test sensitive == sensitive: FAIL \(partial\)  [0-9.]+/20$' out
(cd all/alice && cp "$isa/lab.lua" . && mkdir tests && cp "$isa"/tests/* tests && timeout 60 "$ringside" grade >../../out 2>&1)
ok "in a lab's own folder without a word" grep -qx 'Score: 60/60' out
rm -r all/alice/tests all/alice/lab.lua
grade 1 trap --submission "$root/scenarios/labs/trap/starter" --only 1
ok "a guest that died: why and where, before what its parts miss" sh -c 'sed -n 2p out | grep -q "^    the guest died: .* #GP at 00104000 (_start). What did the handlers answer" && sed -n 3p out | grep -q "cli does what"'
sed 's/vm:skip(insn)/if not insn.is "hlt" then vm:skip(insn) end/' "$root/scenarios/labs/trap/solution/handlers.lua" >all/dave/handlers.lua
grade 1 trap --submission all/dave --only 5
ok "one that ran out of its cycles: that" grep -q '^    the machine ran for all of its 50,000,000 cycles: does something loop?' out
ok "events of a sequence in lines of their own" sh -c '"$0" grade trap --submission "$1" --only 4 | grep -A1 "expected as number 2" | grep -Eq "^        +[0-9]+ +[0-9,]+ "' "$ringside" "$root/scenarios/labs/trap/starter"
echo 'function vmm.gp(vm, insn) insn.port.x = 1 end' >all/dave/handlers.lua
grade 1 trap --submission all/dave --only 1
ok "advice names what a student has" sh -c 'grep -q "README.md" out && ! grep -q "docs/" out'
rm all/dave/handlers.lua

# --- the screen where it fails
mkdir t && cp "$root"/scenarios/labs/trap/solution/* t && sed -i 's/vIF = 0/vIF = 1/' t/handlers.lua
screen() { TERM=dumb timeout 60 "$ringside" grade trap --submission t --at "$1" --keys "$2" --dump - </dev/null >out 2>err; }
ok "the mutant is one" sh -c '! cmp -s t/handlers.lua '"$root"/scenarios/labs/trap/solution/handlers.lua
screen fail:1 ''
ok "--at fail:1: the claim" grep -q 'Expectation failed: public.lua:9: cli' out
cp out there
screen test:1 ''
ok "--at test:N: the same" cmp there out
screen test:interrupts 'rrrsss'
ok "back and forth, with handlers: the same registers" sh -c 'grep -o "flags .*\|eip .*cpl.*\|e[a-d]x .*" there >a; grep -o "flags .*\|eip .*cpl.*\|e[a-d]x .*" out >b; [ -s a ] && cmp a b'

for f in json gradescope prairielearn; do
    grade 1 trap --submission t --format $f -o saved.$f
    TERM=dumb timeout 60 "$ringside" grade trap --submission t --at fail:1 --report saved.$f --keys '' --dump - </dev/null >out 2>err
    ok "--at from a report in $f: the same" sh -c 'cmp there out && ! grep -q "that report" err'
done
TERM=dumb timeout 60 "$ringside" grade trap --submission all/dave --at fail:1 --report saved.json --keys '' --dump - </dev/null >out 2>err
ok "from somebody else's: told" grep -q 'note: that report is of run' err

# --- variants are a student's own; a report is the same wherever and however it is made
grade 1 isa --submission all/bob
cp out bob
grade 1 isa --submission all/bob --student carol
ok "another student, other computers" sh -c '! cmp -s bob out'
grade 1 isa --submission all/bob --student bob --jobs 4
ok "the same student, the same bytes" cmp bob out
grade 1 isa --submission all/bob --seed 7
cp out seven
grade 1 isa --submission all/alice --student x --seed 7 --verify /dev/null
grade 1 isa --submission all/bob --seed 7 --student nobody
ok "staff may fix the seed" cmp seven out
grade 1 isa --all all "${hidden[@]}" --format csv -o one.csv
grade 1 isa --all all "${hidden[@]}" --format csv -o many.csv --jobs 3
ok "any number of jobs, the same bytes" cmp one.csv many.csv
grade 1 isa --all all "${hidden[@]}" --format csv -o s1.csv --shard 1/2
grade 1 isa --all all "${hidden[@]}" --format csv -o s2.csv --shard 2/2
ok "shards together are the whole" sh -c '(head -n 1 s1.csv; (tail -n +2 s1.csv; tail -n +2 s2.csv) | sort) | cmp - one.csv'
ok "a row for each" sh -c '[ "$(wc -l <one.csv)" = 5 ] && grep -q "^alice,100,100," one.csv && grep -q "^carol,0,100," one.csv'
grade 0 isa --all all "${hidden[@]}" --compare one.csv
sed 's/^dave,[0-9.]*/dave,99/' one.csv >old.csv
grade 1 isa --all all "${hidden[@]}" --compare old.csv
ok "who changes" sh -c 'grep -q "^- dave,99" out && grep -q "^+ dave," out && ! grep -q alice out'
grade 1 isa --submission all/dave "${hidden[@]}" --json dave.json
grade 0 isa --submission all/dave "${hidden[@]}" --verify dave.json
sed 's/"score": [0-9.]*/"score": 100/' dave.json >forged.json
grade 1 isa --submission all/dave "${hidden[@]}" --verify forged.json

# --- there is a result at every moment
mkdir -p lab/tests sub && echo 'lab { title = "t", file = "a.lua" }' >lab/lab.lua
cat >lab/tests/t.lua <<'END'
test "first" { points = 3 } (function(t) t:eq(t:call("one"), 1, "one") end)
test "second" { points = 4, limit = { lua = 1e9 } } (function(t) t:eq(t:call("slow"), 1, "slow") end)
END
printf 'function one() return 1 end\nfunction slow() while true do end end\n' >sub/a.lua
"$ringside" grade ./lab --submission sub --json now.json &
pid=$!
for i in $(seq 100); do grep -q '"score": 3' now.json 2>/dev/null && break; sleep 0.05; done
ok "the first test's points are there while the second runs" grep -q '"status": "not run"' now.json
kill -9 $pid; wait $pid 2>/dev/null
ok "and stay, whatever becomes of the grader" sh -c '! command -v python3 || python3 -c "import json; assert json.load(open(\"now.json\"))[\"score\"] == 3"'
timeout 60 "$ringside" grade ./lab --submission sub --limit-wall 1 --only 2 >out 2>&1
ok "the last guard is told as the grader's problem" grep -q 'the grader gave the test up' out

# --- sealed answers
seal=$("$ringside" grade --seal refs=24 --seed 5) || failed=1
echo "$seal" >lab/tests/sealed.txt
ok "a sealed answer does not show" sh -c '! grep -q "24$" lab/tests/sealed.txt'
echo 'test "sealed" { points = 1 } (function(t) t:sealed("refs", t:call("one"), "references") end)' >lab/tests/t.lua
echo 'function one() return 24 end' >sub/a.lua
grade 0 ./lab --submission sub
echo 'function one() return 23 end' >sub/a.lua
grade 1 ./lab --submission sub
ok "a wrong one is told as such, and no more" grep -q '23 is not the answer' out

# --- tests that are broken are nobody's zero
for body in 't:eq(nil + 1, 2)' '' 't:boot { guest = "nosuchguest" }' 't:nonsense()'; do
    echo "test 'broken' { points = 5 } (function(t) $body end)" >lab/tests/t.lua
    grade 3 ./lab --submission sub --format gradescope -o g.json
    ok "ungradable: $body" grep -q 'no score' g.json
done

# --- formats, by their documents
cat >lab/tests/t.lua <<'END'
test "a # \\ <b> & \"c\"" { points = 1 } (function(t) t:eq(t:call("one"), 24, "one") end)
test "secret" { points = 1, visibility = "hidden", hint = "think" } (function(t) t:eq(t:call("one"), 24, "one") end)
test "later" { points = 1, visibility = "after_published" } (function(t) t:eq(t:call("one"), 24, "one") end)
END
printf 'print("  first <&>")\nprint("--- \\"]]> \\1")\nfunction one() return 23 end\n' >sub/a.lua
for f in gradescope junit tap; do grade 1 ./lab --submission sub --format $f -o odd.$f; done
command -v python3 >/dev/null || exit $failed
for f in json gradescope prairielearn classroom coderunner junit tap csv; do
    grade 0 isa --submission all/alice "${hidden[@]}" --format $f -o alice.$f
    grade 1 isa --submission all/dave "${hidden[@]}" --format $f -o dave.$f
done
cat >shapes.py <<'END'
import base64, csv, json, re, sys, xml.dom.minidom
def keys(d, required, optional):
    assert set(required) <= set(d) <= set(required) | set(optional), (sorted(d), required)
def number(x): return isinstance(x, (int, float)) and not isinstance(x, bool)
odd = json.load(open("odd.gradescope"))["tests"]
assert [t["visibility"] for t in odd] == ["visible", "hidden", "after_published"] and odd[0]["output"].endswith('printed:\n  first <&>\n--- "]]>  \n')
x = xml.dom.minidom.parse("odd.junit").documentElement
assert [k.getAttribute("classname") for k in x.getElementsByTagName("testcase")] == ["lab"] * 3
bad = x.getElementsByTagName("failure")
assert bad[0].getAttribute("message") == bad[0].firstChild.data.split("\n")[0] and bad[1].firstChild.data == "think"
assert [s.firstChild.data for s in x.getElementsByTagName("system-out")] == ['  first <&>\n--- "]]>  \n']
tap = open("odd.tap").read()
assert 'not ok 1 - a \\# \\\\ <b> & "c"\n  ---\n' in tap and "  message: |2\n    t.lua:1: one: expected 24, got 23\n    printed:\n      first <&>\n" in tap
for who in ("alice", "dave"):
    g = json.load(open(who + ".gradescope"))
    keys(g, ["tests"], "score execution_time output output_format test_output_format test_name_format visibility stdout_visibility extra_data leaderboard".split())
    for t in g["tests"]:
        keys(t, [], "score max_score status name name_format number output output_format tags visibility extra_data".split())
        assert t["status"] in ("passed", "failed") and t["visibility"] in ("hidden", "after_due_date", "after_published", "visible")
        assert number(t["score"]) and number(t["max_score"]) and 0 <= t["score"] <= t["max_score"] and isinstance(t["output"], str)
    for b in g["leaderboard"]: keys(b, ["name", "value"], ["order"])
    assert abs(g["score"] - sum(t["score"] for t in g["tests"])) < 1e-9
    p = json.load(open(who + ".prairielearn"))
    keys(p, ["score"], "gradable format_errors message output images tests".split())
    assert 0 <= p["score"] <= 1 and p["gradable"] is True
    for t in p["tests"]: keys(t, ["name", "points", "max_points"], "description message output images".split())
    c = json.loads(base64.b64decode(open(who + ".classroom").read(), validate=False))
    keys(c, ["version", "status", "max_score", "tests"], [])
    assert c["version"] == 1 and c["status"] in ("pass", "fail", "error")
    for t in c["tests"]: keys(t, "name status message test_code filename line_no execution_time score".split(), [])
    r = json.load(open(who + ".coderunner"))
    keys(r, ["fraction"], ["prologuehtml", "epiloguehtml", "testresults"])
    head, *rows = r["testresults"]
    assert 0 <= r["fraction"] <= 1 and {"iscorrect", "ishidden"} <= set(head) and all(len(x) == len(head) for x in rows)
    x = xml.dom.minidom.parse(who + ".junit").documentElement
    assert x.tagName == "testsuites"
    s = x.getElementsByTagName("testsuite")[0]
    cases = s.getElementsByTagName("testcase")
    assert int(s.getAttribute("tests")) == len(cases) and all(k.hasAttribute("classname") and k.hasAttribute("name") for k in cases)
    assert int(s.getAttribute("failures")) == len(s.getElementsByTagName("failure"))
    tap = open(who + ".tap").read().split("\n")
    assert tap[0] == "TAP version 14" and tap[1] == "1..%d" % len(cases)
    points = [l for l in tap if re.match(r"(not )?ok \d+ - ", l)]
    assert [int(re.search(r"ok (\d+)", l).group(1)) for l in points] == list(range(1, len(cases) + 1))
    assert all(l.startswith("  ") for l in tap[2:] if l and l not in points) and tap.count("  ---") == tap.count("  ...")
    rows = list(csv.reader(open(who + ".csv")))
    assert rows[0][:4] == ["student", "score", "max_score", "run"] and len(rows) == 2 and len(rows[1]) == len(rows[0]) == 4 + len(cases)
    j = json.load(open(who + ".json"))
    assert j["score"] == float(rows[1][1]) == g["score"] and j["student"] == who and re.fullmatch("[0-9a-f]{16}", j["run"])
    assert abs(p["score"] - j["score"] / j["max_score"]) < 1e-4 and abs(r["fraction"] - p["score"]) < 1e-9
    assert (c["status"] == "pass") == (who == "alice") and sum(t["score"] for t in c["tests"]) == j["score"]
END
ok "every format has its documented shape, and all say the same points" python3 shapes.py
exit $failed
