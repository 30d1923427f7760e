#!/bin/bash
# `ringside merge`: shards of grade, bench sweep and draw become, byte for byte, what one run would have written. And a course of generated
# submissions, spread by GNU parallel as docs/scale.md says: COURSE of them (24; `make course`: 500).
. "$(dirname "$0")/../support/cli.sh"
fails() { # NAME CODE WORDS command...
    local name=$1 code=$2 words=$3
    shift 3
    "$@" >out 2>err
    ok "$name: exit code $code" [ $? = "$code" ]
    ok "$name: says '$words'" grep -q "$words" err
}
n=${COURSE:-24}
isa=$root/scenarios/labs/isa
mkdir all
for i in $(seq "$n"); do # one in three is right, one has a bug, one does nothing
    dir=all/$(printf 'student-%03d' "$i")
    mkdir "$dir"
    case $((i % 3)) in
    0) cp "$isa/solution/"* "$dir" ;;
    1) sed '0,/ or /s// and /' "$isa/solution/classify.lua" >"$dir/classify.lua" ;;
    *) cp "$isa/starter/"* "$dir" ;;
    esac
done
for f in csv json junit; do "$ringside" grade isa --all all --jobs 2 --format $f -o whole.$f; done
for f in csv json junit; do
    for s in 1 2 3; do "$ringside" grade isa --all all --shard $s/3 --format $f -o $s.$f; done
    "$ringside" merge 3.$f 1.$f 2.$f -o joined.$f
    ok "$f: three shards, in any order, are the whole" cmp joined.$f whole.$f
done
"$ringside" merge whole.csv | cmp -s - whole.csv
ok "one report is itself" [ $? = 0 ]
guests=$(dirname "$(ls "$root"/build/guests/fault.elf "$(dirname "$ringside")"/guests/fault.elf 2>/dev/null | head -n 1)")
sweep() { "$ringside" bench sweep "$guests/popf.elf" "$guests/fault.elf" --on native,vtx --set cost.vmexit=400..4000:4 -q "$@"; }
sweep --csv whole.csv2 --json whole.json2
for s in 1 2 3; do sweep --shard $s/3 --csv $s.csv2 --json $s.json2; done
"$ringside" merge 2.csv2 1.csv2 3.csv2 -o joined.csv2
ok "a sweep's CSV" cmp joined.csv2 whole.csv2
"$ringside" merge 3.json2 2.json2 1.json2 -o joined.json2
ok "a sweep's JSON" cmp joined.json2 whole.json2
draw() { "$ringside" draw "$@" -q; }
draw ladder popf rings trap -o '%s.svg' --json whole.json3
mkdir w && mv popf.svg rings.svg trap.svg w && draw ladder rings -o alone.svg
ok "several pictures: each as if it were alone" cmp alone.svg w/rings.svg
ok "and what they are" grep -q "\"number\": 2, \"of\": \"rings\", .*\"bytes\": $(wc -c <alone.svg), \"sha256\": \"$(sha256sum <alone.svg | cut -c1-64)\"" whole.json3
for s in 1 2 3 4; do draw ladder popf rings trap -o '%s.svg' --shard $s/4 --json $s.json3; done
ok "pictures in four shards, one of them empty: the same files" sh -c 'cmp popf.svg w/popf.svg && cmp rings.svg w/rings.svg && cmp trap.svg w/trap.svg'
"$ringside" merge 4.json3 2.json3 3.json3 1.json3 -o joined.json3
ok "and the same list" cmp joined.json3 whole.json3
mkdir f && draw ladder popf --frames -o 'f/%02d.svg' --json whole.json4
ok "frames are many" [ "$(ls f | wc -l)" -gt 5 ]
mkdir g && for s in 1 2; do draw ladder popf --frames -o 'f/%02d.svg' --shard $s/2 --json $s.json4; done
draw ladder popf --frames -o 'g/%02d.svg' --shard 2/3
ok "a shard's frames: every third, and the same" sh -c '[ "$(cd g; echo *)" = "$(cd f; ls | awk "NR % 3 == 2" | xargs)" ] && for x in g/*; do cmp $x f/${x#g/} || exit 1; done'
"$ringside" merge 2.json4 1.json4 | cmp -s - whole.json4
ok "frames in two shards: the same list" [ $? = 0 ]
fails "one that cannot be drawn" 2 'popf: draw vmx: nobody entered' draw vmx popf vtx -o '%s-v.svg' --json some.json
ok "does not keep the others from it" sh -c '[ -s vtx-v.svg ] && [ ! -e popf-v.svg ] && grep -q "\"of\": \"popf\", \"files\": \[\], \"error\": \"popf: draw vmx" some.json'
fails "pictures without a shard" 3 '3 of 4 shards' "$ringside" merge 1.json3 2.json3 3.json3
fails "other pictures" 3 'begins otherwise' "$ringside" merge 1.json3 <(sed 's/ladder/rings/' 2.json3) 3.json3 4.json3
fails "nothing" 2 'merge what' "$ringside" merge
fails "the same shard twice" 3 'each shard once' "$ringside" merge 1.csv 1.csv
fails "a sweep without one of its shards" 3 '2 of 3 shards' "$ringside" merge 1.json2 2.json2
fails "two forms" 3 "not grade's CSV" "$ringside" merge 1.csv 2.json
fails "no report" 3 'not a report' "$ringside" merge "$root/README.md"
fails "another lab" 3 'begins otherwise' "$ringside" merge 1.csv <(sed '1s/privileged/other/' 2.csv)
fails "no such file" 3 'nowhere.csv' "$ringside" merge nowhere.csv
ok "nothing is half-written" [ ! -e out.csv ]
ls all | xargs -P 2 -I{} "$ringside" grade isa --submission all/{} --format csv -o one-{}.csv --exit-zero
"$ringside" merge one-*.csv -o grades.csv
ok "xargs -P: one by one" cmp grades.csv whole.csv
if command -v parallel >/dev/null; then
    parallel --will-cite -j 2 "$ringside" grade isa --all all --shard {}/4 --format csv -o part-{}.csv --exit-zero ::: 1 2 3 4
    "$ringside" merge part-*.csv -o grades.csv
    ok "GNU parallel: $n submissions, four shards" cmp grades.csv whole.csv
    ls all | parallel --will-cite -j 2 "$ringside" grade isa --submission all/{} --format csv -o one-{}.csv --exit-zero
    "$ringside" merge one-*.csv -o grades.csv
    ok "GNU parallel: one by one" cmp grades.csv whole.csv
else
    echo "ok - GNU parallel # SKIP not installed"
fi
# What a task of Slurm and a pod of Kubernetes would run: the commands of the chapter, three in place of 64, with the index that they are given there.
sed -n 's/^    \(exec ringside grade .*SLURM_ARRAY_TASK_ID.*\)/\1/p' "$root/docs/scale.md" | sed 's,/64",/3",; s,submissions,all,' >task.sh
sed -n 's/.*command: \[ "sh", "-c", "\(.*\)" \]$/\1/p' "$root/docs/scale.md" | sed "s,/64 ,/3 ,; s,/in ,$work/all ,; s,/out/,$work/pods/," >pod.sh
mkdir tasks pods bin && ln -s "$ringside" bin/ringside && (cd tasks && ln -s ../all all)
for i in 1 2 3; do (cd tasks && PATH=$work/bin:$PATH SLURM_ARRAY_TASK_ID=$i sh ../task.sh) && PATH=$work/bin:$PATH JOB_COMPLETION_INDEX=$((i - 1)) sh pod.sh; done
"$ringside" merge tasks/part-*.csv -o tasks.csv
ok "Slurm's tasks" cmp tasks.csv whole.csv
"$ringside" merge pods/part-*.csv -o pods.csv
ok "Kubernetes' pods" cmp pods.csv whole.csv
exit $failed
