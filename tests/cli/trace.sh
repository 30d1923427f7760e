#!/bin/bash
# Runs in files: recorded, printed, converted into each format, compared; each format is what its readers want.
set -u
ringside=$(realpath "${RINGSIDE:-./ringside}") || exit 1
guests=$(realpath build/guests)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0
result() { if [ "$2" = 0 ]; then echo "ok - $1"; else echo "not ok - $1"; failed=1; fi; }

"$ringside" trace record popf 2>err && grep -q '^trace: popf.rtrace: [0-9]* events$' err
result "a run is recorded" $?
"$ringside" trace record popf -q -o again.rtrace && cmp -s popf.rtrace again.rtrace
result "twice the same bytes" $?
for f in text jsonl perfetto csv folded vcd cast; do
    "$ringside" trace popf --format $f >direct 2>err && "$ringside" trace convert popf.rtrace --format $f >file 2>err && [ -s file ] && cmp -s direct file
    result "$f from the file is $f from the run" $?
done
for e in txt:text jsonl:jsonl json:perfetto csv:csv folded:folded vcd:vcd cast:cast; do
    "$ringside" trace convert popf.rtrace -o out.${e%:*} && "$ringside" trace convert popf.rtrace --format ${e#*:} | cmp -s - out.${e%:*} || { echo "  -o out.${e%:*} is not ${e#*:}"; failed=1; }
done
"$ringside" trace print popf.rtrace >p && grep -q '^# cpu=te$' p && grep -q '^# step 5, to event' p && grep -q ' silent ' p
result "print tells what was run, its steps, its events" $?
"$ringside" trace popf --episodes >direct && "$ringside" trace print popf.rtrace --episodes | grep -v '^#' | cmp -s - direct
result "and its visits" $?

# --- each format as its readers want it
awk '/^\$enddefinitions/ { body = 1; next } !body { if (/^\$var/) id[$4] = 1; next }
     /^#/ { t = substr($0, 2) + 0; if (seen && t <= last) bad = 1; last = t; seen = 1; next }
     /^[01]/ { if (!(substr($0, 2) in id)) bad = 1; n++; next } /^b/ { if (!($2 in id)) bad = 1; n++; next } { bad = 1 }
     END { exit bad || n < 1000 }' out.vcd
result "vcd: declared signals, times that only grow" $?
if command -v vcd2fst >/dev/null; then
    vcd2fst out.vcd out.fst && fst2vcd out.fst 2>/dev/null | grep '^#' | cmp -s - <(grep '^#' out.vcd)
    result "vcd: another program reads the same moments" $?
fi
steps=$("$ringside" trace print popf.rtrace | grep -c '^# step')
[ "$(grep -c '"m", ' out.cast)" -ge "$steps" ] && head -n 1 out.cast | grep -q '"version": 2, "width": 80, "height": 24'
result "cast: version 2, a marker for each step" $?
awk -F '[[,]' 'NR > 1 { if ($2 + 0 < last) bad = 1; last = $2 + 0 } END { exit bad || NR < 50 }' out.cast
result "cast: times that only grow" $?
if command -v jq >/dev/null; then
    jq -e . out.cast >/dev/null && jq -e '.traceEvents | length > 100' out.json >/dev/null && jq -e .id out.jsonl >/dev/null
    result "cast, perfetto and jsonl are JSON" $?
else
    echo "ok - # SKIP jq is not installed"
fi
total=$("$ringside" trace print popf.rtrace | sed -n 's/^# cycles=//p')
[ "$(awk '{ s += $NF } END { print s }' out.folded)" = "$total" ]
result "folded: the weights add up to the run" $?

# --- two runs
"$ringside" trace diff popf.rtrace again.rtrace >d
[ $? = 0 ] && grep -q 'the same run, event by event' d
result "a run and itself do not differ" $?
"$ringside" trace record popf -q --cpu vtx -o vtx.rtrace
"$ringside" trace diff popf.rtrace vtx.rtrace >d
[ $? = 1 ] && grep -q 'cpu  *te | vtx' d && grep -q 'another one: 2' d && grep -q 'vmexit  *0 | ' d
result "diff: what was run, the first other event, how often" $?
"$ringside" trace record popf -q --set cost.insn.cli=5000 -o slow.rtrace
"$ringside" trace diff popf.rtrace slow.rtrace >d
[ $? = 1 ] && grep -q '^  set .*cost.insn.cli=5000' d && grep -q 'at another time' d
result "diff: the first event at another time" $?
"$ringside" trace print ../nothing.rtrace 2>err
[ $? = 3 ]
result "a file that is not there" $?

# --- pictures of files; what needs a machine runs the recorded run again
bad=0
for kind in ladder rings timeline hist walk; do
    "$ringside" draw $kind popf -q -o direct.svg && "$ringside" draw $kind popf.rtrace -q -o file.svg && cmp -s direct.svg file.svg || { echo "  draw $kind"; bad=1; }
done
"$ringside" draw vmx vtx.rtrace -q -o - --format txt | grep -q '^te\|^vtx'
[ $? = 0 ] && [ $bad = 0 ]
result "diagrams of a file are those of its run" $?
"$ringside" draw ladder popf.rtrace -q --from step:2 --to step:3 -o file.svg && "$ringside" draw ladder popf -q --from step:2 --to step:3 -o direct.svg && cmp -s direct.svg file.svg
result "by steps, too" $?
"$ringside" tui popf.rtrace --keys sss --dump file.txt && "$ringside" tui popf --keys sss --dump direct.txt && [ -s file.txt ] && cmp -s direct.txt file.txt
result "tui of a file is tui of its run" $?
cp "$guests/popf.elf" "it's.elf" && "$ringside" trace record "it's.elf" --cpu te --append "a b" -q -o image.rtrace && "$ringside" run image.rtrace -q 2>err >out
result "an image with its options is run again" $?
cp "$guests/rings.elf" "it's.elf" && "$ringside" draw ladder image.rtrace -q -o file.svg && ! "$ringside" tui image.rtrace --keys s --dump - >out 2>err && grep -q 'not the run that was recorded' err
result "another image is not: what needs events only is drawn all the same" $?
rm "it's.elf"
"$ringside" draw tables image.rtrace -q -o file.svg 2>err
[ $? = 3 ] && grep -q "image.rtrace: the recorded run cannot be had again: it's.elf" err
result "nor one that is gone" $?

# --- files that are none
head -c 5000 popf.rtrace >cut.rtrace
"$ringside" trace print cut.rtrace >out 2>err
[ $? = 3 ] && [ ! -s out ] && grep -q 'cut off' err
result "a cut file" $?
"$ringside" trace print "$guests/popf.elf" 2>err
[ $? = 3 ] && grep -q 'not a recorded trace' err
result "a foreign file" $?
echo old >keep.rtrace
(ulimit -f 1; trap '' XFSZ; "$ringside" trace record popf -q -o keep.rtrace 2>err)
[ $? = 6 ] && [ "$(cat keep.rtrace)" = old ] && ! ls keep.rtrace.* >/dev/null 2>&1
result "a file that cannot be written whole is not written" $?

# --- network frames
"$ringside" trace convert popf.rtrace --format pcap -o no.pcap 2>err
[ $? = 3 ] && grep -q -- '--nic' err && [ ! -e no.pcap ]
result "pcap of a run without a network card" $?
exit $failed
