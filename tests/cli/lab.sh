#!/bin/bash
# `ringside lab`: what a student gets works from its own folder, and every shipped lab's tests tell right from wrong.
. "$(dirname "$0")/../support/cli.sh"
labs=$(cd "$root/scenarios/labs" && ls -d -- */ | tr -d /)
has_compiler() { echo 'int x;' | gcc -m32 -xc -c - -o /dev/null 2>/dev/null; }
for lab in $labs; do
    if grep -q '^ *build' "$root/scenarios/labs/$lab/lab.lua" && ! has_compiler; then
        echo "ok - $lab: # SKIP no IA-32 compiler here"
        continue
    fi
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
    # All public tests of the quickest; of the others, whose points the selftest told, that they are found from there
    one="--only 1" && [ "$lab" != isa ] || one=
    (cd mine-$lab && timeout 500 "$ringside" grade $one >../out 2>&1)
    ok "$lab: graded where it stands, the start has no points" grep -q '^Score: 0/' out
    cp "$root/scenarios/labs/$lab/solution/"* mine-$lab
    (cd mine-$lab && timeout 500 "$ringside" grade $one >../out 2>&1)
    ok "$lab: and the solution has all of the public ones" [ $? = 0 ]
done

# --- selftest: a bug that nobody finds; who finds the others does not depend on how many run at once
cp -r "$root/scenarios/labs/isa" same
printf '\nbug "none" { from = "-- HERE", to = "-- there" }\n' >>same/bugs.lua
printf '\n%s\n' '-- HERE' | tee -a same/solution/*.lua >/dev/null
"$ringside" lab selftest ./same --jobs 3 >out 2>err
ok "a bug that is none: no success" [ $? = 1 ]
ok "and it is named" grep -qx "FAIL  bug 'none'  has all points" out
grep -v "'none'" out >others
"$ringside" lab selftest isa --jobs 1 >out 2>err
ok "which test finds a bug is the same, one at a time" cmp out others

# --- packs: what each platform would do with it
unpack() { rm -rf "$2" && mkdir -p "$2" && python3 - "$1" "$2" <<'END'
import os, sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
for i in z.infolist():
    z.extract(i, sys.argv[2])
    os.chmod(os.path.join(sys.argv[2], i.filename), i.external_attr >> 16 & 0o777)
END
}
if command -v python3 >/dev/null; then
    for to in gradescope prairielearn classroom coderunner make; do
        "$ringside" lab pack isa --for $to -o $to.zip
        ok "pack for $to: a sound archive" unpack $to.zip $to
        ok "pack for $to: no solution in it" sh -c "! find $to | grep -Eq 'solution|bugs'"
    done
    "$ringside" lab pack isa --for make -o again.zip
    ok "the same bytes twice" cmp make.zip again.zip
    ok "what students can read has no hidden tests" sh -c "! find classroom make | grep -q hidden"
    mkdir ag && mv gradescope ag/source && cp -r "$root/scenarios/labs/isa/solution" ag/submission
    echo '{"users": [{"email": "a@b.c", "id": 1}]}' >ag/submission_metadata.json
    AUTOGRADER=$PWD/ag ag/source/run_autograder >/dev/null 2>err
    ok "Gradescope's script writes full marks" python3 -c 'import json; r = json.load(open("ag/results/results.json")); assert r["score"] == 100 and len(r["tests"]) == 7'
    mkdir pl && mv prairielearn pl/tests && cp -r "$root/scenarios/labs/isa/starter" pl/student
    GRADE=$PWD/pl pl/tests/run.sh >/dev/null 2>err
    ok "PrairieLearn's script writes none for the start" python3 -c 'import json; r = json.load(open("pl/results/results.json")); assert r["score"] == 0 and r["gradable"]'
    (cd coderunner && sed "s/{{ STUDENT_ANSWER | e('py') }}/function classify() end/; s/{{ STUDENT.username }}/u/" template.py >t.py && python3 t.py) >out 2>err
    ok "CodeRunner's template prints its JSON" python3 -c 'import json; assert json.load(open("out"))["fraction"] == 0'
    cp "$root/scenarios/labs/isa/solution/"* make
    ok "make grade" make -s -C make grade
    (cd classroom && cp "$root/scenarios/labs/isa/solution/"* . && sh -c "$(sed -n 's/^ *- run: \(.ringside.*\)/\1/p' .github/workflows/classroom.yml)") >out 2>&1
    ok "Classroom's step" grep -qx 'Score: 60/60' out
fi
"$ringside" run "$root/scenarios/labs/ringside.d.lua" 2>err
ok "the definition file is Lua, only no scenario" grep -q 'ringside.d.lua: no scenario in this file' err
ok "nothing is left of selftests" sh -c '! ls -d ringside-lab-* 2>/dev/null'
"$ringside" lab start isa mine-isa >out 2>err
ok "a lab is not begun twice in a place" [ $? = 6 ]
exit $failed
