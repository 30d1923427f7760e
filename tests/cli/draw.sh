#!/bin/bash
# `ringside draw`: formats, ranges, themes, whole files or none, and the programs it calls.
. "$(dirname "$0")/../support/cli.sh"
readme=$root/docs/popf.svg
draw() { # draw EXIT ARGUMENT...
    local want=$1
    shift
    timeout 60 "$ringside" draw ladder "$@" >out 2>err </dev/null
    rc=$?
    [ $rc = "$want" ] || { echo "not ok - draw ladder $* exits $rc, not $want: $(head -n 1 err)"; failed=1; }
}
magic() { [ "$(head -c "${#2}" "$1")" = "$2" ]; }

draw 0 popf
ok "the default is NAME-ladder.svg" grep -q '</svg>' popf-ladder.svg
ok "and is named" grep -q '^diagram: popf-ladder.svg$' err
draw 0 popf -o a.svg
ok "SVG has text" grep -q '<text' a.svg
ok "the silent failure" grep -q 'popf: no trap' a.svg
ok "and the interrupt it lets in are on one page" grep -q 'inject irq 20h' a.svg
draw 0 popf -o b.svg
ok "twice the same bytes" cmp a.svg b.svg
labels() { grep -o '>[^<]*</text>' "$1" | tr -d '0-9,'; }
ok "the README's picture has the same words (else: ringside draw ladder popf --theme print -o docs/popf.svg)" \
    [ "$(labels "$readme")" = "$(labels a.svg)" ]
draw 0 popf -o a.dot
ok "DOT" sh -c 'grep -q "^digraph" a.dot || grep -q "^graph" a.dot'
ok "that neato takes" sh -c '! command -v neato || neato -n2 -Tsvg a.dot >n.svg'
draw 0 popf -o a.txt
ok "text" grep -q 'popf: no trap' a.txt
ok "in 80 columns" sh -c '[ "$(LC_ALL=C.UTF-8 wc -L <a.txt)" -le 80 ]'
draw 0 popf -o - --format txt --ascii
ok "-o - is stdout" grep -q 'popf: no trap' out
ok "--ascii is ASCII" sh -c "! LC_ALL=C grep -q '[^ -~]' out"
draw 0 popf --format dot
ok "--format names the file" test -s popf-ladder.dot
for format in png pdf; do draw 0 popf -o "a.$format"; done
ok "PNG" magic a.png $'\x89PNG'
ok "PDF" magic a.pdf '%PDF-'
for theme in light dark print mono; do
    draw 0 popf --theme $theme -o "$theme.svg"
    ok "theme $theme" grep -q '</svg>' $theme.svg
done
ok "themes differ" sh -c '! cmp light.svg dark.svg'

# --- charts: cycles by cause, what visits took, who ran when
chart() { # chart EXIT KIND ARGUMENT...
    local want=$1
    shift
    timeout 100 "$ringside" draw "$@" >out 2>err </dev/null
    rc=$?
    [ $rc = "$want" ] || { echo "not ok - draw $* exits $rc, not $want: $(head -n 1 err)"; failed=1; }
}
for kind in bars hist timeline; do
    chart 0 $kind popf
    ok "$kind: the default is a file of that name" grep -q "^diagram: popf-$kind.svg$" err
    ok "$kind: SVG has text" grep -q '<text' popf-$kind.svg
    command -v python3 >/dev/null && ok "$kind: well-formed" python3 -c "import xml.dom.minidom as x; x.parse('popf-$kind.svg')"
    chart 0 $kind popf -o again.svg
    ok "$kind: twice the same bytes" cmp popf-$kind.svg again.svg
    chart 0 $kind popf -o $kind.txt
    ok "$kind: text in 80 columns" sh -c "[ \"\$(LC_ALL=C.UTF-8 wc -L <$kind.txt)\" -le 80 ]"
    chart 0 $kind popf -o $kind.png
    ok "$kind: PNG" magic $kind.png $'\x89PNG'
    for theme in dark print mono; do chart 0 $kind popf --theme $theme -o $theme.svg; done
    ok "$kind: themes differ" sh -c '! cmp dark.svg mono.svg'
    chart 2 $kind popf -o x.dot
    ok "$kind: no graph" grep -q 'no graph' err
done
chart 0 bars popf --on native,te,vtx -o bars.txt
ok "bars: a line for each machine" sh -c 'grep -q "^native |g" bars.txt && grep -q "^te     |" bars.txt && grep -q "^vtx    |" bars.txt'
chart 0 bars popf --on native,te,pv -o refused.txt
ok "bars: why a machine cannot run it" grep -q '^pv     | refused: --cpu pv runs ported kernels only$' refused.txt
ok "bars: and what the letters mean" grep -q '^d  deliver ' bars.txt
ok "hist: by reason" grep -Eq '^port: [0-9,]+ exits, mean [0-9,]+, longest [0-9,]+ cycles$' hist.txt
total=$(awk '/^ +[0-9,]+ #/ { gsub(",", "", $NF); n += $NF } END { print n }' hist.txt)
ok "hist: every visit is in it" [ "$total" = "$("$ringside" trace popf --episodes | wc -l)" ] ||
    echo "# $total of $("$ringside" trace popf --episodes | wc -l)"
ok "timeline: the hypervisor's share" grep -Eq '^hypervisor\|.*\| [1-9][0-9]?\.[0-9] %$' timeline.txt
ok "timeline: silent failures" grep -Eq '^silent +[0-9]' timeline.txt
chart 0 migrate migrate -o migrate.txt
ok "migrate: the first round, most of it zeros" grep -Eq '^1 .*[1-9][0-9]* sent, 1[0-9]{3} zero' migrate.txt
ok "migrate: the VM stands still in the last" grep -q '^stop |' migrate.txt
chart 0 migrate migrate -o migrate.svg
ok "migrate: SVG" grep -q 'stood still for' migrate.svg
chart 2 migrate mini --cpu vtx --migrate-at 1000 --limit-cycles 1005 -o never.svg
ok "migrate: a run that ends before the first round is no picture" sh -c 'grep -q "before the first page" err && [ ! -e never.svg ]'
chart 0 timeline popf --from event:1000 --to event:1500 -o zoom.txt
ok "timeline: a part of it" grep -q '^Who ran when, cycles [1-9]' zoom.txt
chart 2 hist popf --cpu native -o x.svg
ok "hist of a bare machine" grep -q 'nobody left' err

draw 0 popf --from step:5 --to step:5 -o step5.txt
ok "--from step --to step: what is in it" grep -q 'popf: no trap' step5.txt
ok "and nothing else" sh -c '! grep -q "cli" step5.txt'
id=$("$ringside" trace popf | awk '$4 == "silent" && $5 == "popf" { print $1 }' | head -n 1)
draw 0 popf --from "event:$id" --to "event:$id" -o event.txt
ok "--from event --to event" grep -q 'popf: no trap' event.txt
draw 0 popf --from cycle:4000000 -o cycle.txt
ok "--from cycle" sh -c '! grep -q "^ *[0-9]\{1,3\},[0-9]* " cycle.txt'
draw 0 rings --cpu te -o rings.svg
ok "another scenario" grep -q '</svg>' rings.svg
printf '.globl _start\n_start: mov $0x7000000, %%eax\n jmp *%%eax\n' |
    gcc -m32 -nostdlib -static -no-pie -Wl,-m,elf_i386 -Wl,--build-id=none -Wl,-Ttext=0x100000 -x assembler - -o die.elf
if [ -s die.elf ]; then
    draw 0 die.elf -o die.txt
    ok "a guest that dies makes a picture, too" grep -q 'dies' die.txt
else
    echo "ok - a guest that dies # SKIP no IA-32 compiler here"
fi

# --- the matrix of sensitive instructions, the decision
other() { # other EXIT ARGUMENT...: another kind
    local want=$1
    shift
    timeout 60 "$ringside" draw "$@" >out 2>err </dev/null
    rc=$?
    [ $rc = "$want" ] || { echo "not ok - draw $* exits $rc, not $want: $(head -n 1 err)"; failed=1; }
}
other 0 matrix -o m.md
ok "nineteen rows" sh -c '[ "$(grep -Ec "^\| [0-9]+ [a-z.]+ \|" m.md)" = 19 ]'
ok "POPF is wrong under te and does not trap" grep -Eq '^\| 7 popf \| CM \| same \| WRONG, no trap ' m.md
ok "INT is right" grep -Eq '^\| 18 int \| always traps \| same \| same ' m.md
ok "counted as 17" grep -Eq '^\| wrong of 17 .* \| 0 \| 16 ' m.md
ok "as 18" grep -Eq '^\| wrong of 18 .* \| 0 \| 17 ' m.md
ok "as 19" grep -Eq '^\| wrong of 19 .* \| 0 \| 18 ' m.md
ok "no control fails" sh -c '! grep "^| control group" m.md | grep -Eq "[1-9][0-9]* of [0-9]+ fail"'
ok "under pv: what a ported kernel still executes of them" grep -Eq '^\| 12 push.seg .* [0-9]+ executed \| same \|' m.md
ok "and what not" grep -Eq '^\| 7 popf .* \| not executed \| same \|' m.md
ok "which is said" grep -q '^pv: sens19 is not ported; counted is .*mini-pv' m.md
other 0 matrix -o m.tex
ok "LaTeX" sh -c 'grep -q "begin{tabular}" m.tex && [ "$(grep -c "textbf{WRONG" m.tex)" -ge 18 ]'
other 0 matrix -o m.svg
ok "SVG" sh -c 'grep -q "</svg>" m.svg && grep -q ">WRONG, no trap<" m.svg'
other 0 matrix -o dark.svg --theme dark
ok "in a theme's colours" sh -c '! grep -qE "fill=.#(333333|1a1a1a|009e73)" dark.svg && grep -q "fill=.#f0f0f0" dark.svg'
cp m.md first.md
other 0 matrix -o m.md
ok "twice the same bytes" cmp first.md m.md
other 0 matrix -o v.md --set cpu.virtualizable=1
ok "on a virtualizable processor none is wrong" grep -Eq '^\| wrong of 19 .* \| 0 \| 0 ' v.md
other 0 decision -o d.dot
ok "the decision, by the broken theorem" grep -q 'broken by [0-9]*:.nsgdt' d.dot
ok "leads away from trap-and-emulate" grep -Eq 'th1 -> te .*gray' d.dot
other 0 decision -o d.dot --set cpu.virtualizable=1
ok "and to it if the processor is another" grep -Eq 'th1 -> te .*penwidth=3' d.dot
if command -v dot >/dev/null; then
    other 0 decision -o d.svg
    ok "SVG by dot" grep -q '</svg>' d.svg
fi

# --- programs that are missing or fail
mkdir none fake
cat >fake/rsvg-convert <<'END'
#!/bin/sh
echo "half a picture"
echo "cannot draw today" >&2
exit 1
END
chmod +x fake/rsvg-convert
printf 'old' >keep.png
PATH="$work/none" "$(command -v timeout)" 60 "$ringside" draw ladder popf -o keep.png 2>err
ok "neither program: exit 6" [ $? = 6 ]
ok "and the package is named" grep -q '^ringside: .*librsvg2-bin' err
ok "and the old file stands" magic keep.png old
PATH="$work/fake:$PATH" draw 6 popf -o keep.png
ok "a program that fails: its words" grep -q '^ringside: rsvg-convert .*cannot draw today' err
ok "and the old file still stands" [ "$(cat keep.png)" = old ]
if neato=$(command -v neato); then
    mkdir only && ln -s "$neato" only/neato
    PATH="$work/only" "$(command -v timeout)" 60 "$ringside" draw ladder popf -o neato.png 2>err
    ok "neato alone will do" magic neato.png $'\x89PNG'
fi
ln -s target.svg link.svg && printf 'old' >target.svg
draw 0 popf -o link.svg
ok "a link is written through" sh -c 'test -L link.svg && grep -q "</svg>" target.svg'
ok "nothing half-written is left" sh -c '! ls | grep -q "\.part\."'
# The translation cache.
"$ringside" draw vmx popf --cpu vtx -o grouped.txt -q && sed -E ":a;s/([0-9]),([0-9]{3})/\1\2/;ta" grouped.txt >vmx.txt && "$ringside" trace popf --cpu vtx --format jsonl -q >vmx.jsonl 2>/dev/null
vm_exits=$(grep -c '"kind":"vmexit"' vmx.jsonl)
ok "VM exits are counted" grep -q "VM exits: $vm_exits[, ]*" vmx.txt
ok "and add up" test "$vm_exits" -gt 0 -a "$vm_exits" = "$(sed -n 's/^  [a-z-]* ([0-9]*): \([0-9]*\),.*/\1/p' vmx.txt | awk '{ n += $1 } END { print n }')"
"$ringside" draw vmx popf --cpu vtx -o vmx.dot -q
ok "as DOT" grep -q 'guest -> r30' vmx.dot
"$ringside" draw vmx popf -o none.svg -q 2>err
ok "nobody entered a guest: exit 2" [ $? = 2 ]
ok "and who does" grep -q 'try --cpu vtx' err

"$ringside" draw blocks bt -o blocks.svg 2>err && "$ringside" draw blocks bt -o again.svg -q 2>quiet
ok "what is higher than a slide says so" sh -c 'grep -q "x 2[0-9]* is higher than a slide: --split makes several" err && [ ! -s quiet ]'
ok "blocks are drawn, the same each time" cmp blocks.svg again.svg
ok "as SVG" grep -q '</svg>' blocks.svg
"$ringside" draw blocks bt -o blocks.txt -q
ok "a call is a push and a jump" grep -q 'call 0x[0-9A-F]* *\* push 0x' blocks.txt
ok "a port is a call of the hypervisor" grep -q 'out 0x21, al *> call hypervisor' blocks.txt
ok "units are chained" grep -q 'chained to' blocks.txt
ok "or stand in line" grep -q 'runs into' blocks.txt
"$ringside" draw blocks bt --cpu te -o none.svg -q 2>err
ok "without a translator: exit 2" [ $? = 2 ]
ok "and which has one" grep -q 'try --cpu bt' err
# --- page walks and whole address spaces
other() { # other EXIT KIND ARGUMENT...
    local want=$1
    shift
    timeout 60 "$ringside" draw "$@" >out 2>err </dev/null
    rc=$?
    [ $rc = "$want" ] || { echo "not ok - draw $* exits $rc, not $want: $(head -n 1 err)"; failed=1; }
}
other 0 walk shadow
ok "walk: shadow-walk.svg" grep -q '</svg>' shadow-walk.svg
other 0 walk shadow --format txt -o -
ok "walk: the newest hidden fault, before it is answered" grep -q 'the shadow lacks it' out
ok "walk: the guest's references are numbered" grep -q '^  2 PT\[' out
ok "walk: and the shadow's, the last is not there" grep -q '^  2 SPT\[.*not present' out
ok "walk: the frame map" grep -q '→ .*: stores trap' out
other 0 walk shadow --va page_directory,write --at step:2 --ascii -o - --format txt
ok "walk: --va and --at, in ASCII" sh -c "grep -q 'VA .*: a write in ring 0' out && ! LC_ALL=C grep -q '[^ -~]' out"
other 0 walk shadow --cpu vtx --format txt -o -
ok "walk: under vtx the same entry is missing" grep -q '^  2 SPT\[.*not present' out
other 0 walk shadow --cpu native --va page_directory -o - --format txt
ok "walk: bare, one column" grep -q '^the tables the CPU walks' out
for format in png dot; do other 0 walk shadow -o "w.$format"; done
ok "walk: PNG" magic w.png $'\x89PNG'
ok "walk: DOT that neato takes" sh -c 'grep -q "^digraph walk" w.dot && { ! command -v neato || neato -n2 -Tsvg w.dot >n.svg; }'
other 0 walk shadow -o w1.svg
ok "walk: twice the same bytes" cmp shadow-walk.svg w1.svg
other 0 tables shadow -o - --format txt
ok "tables: what is not filled" grep -q 'not filled' out
ok "tables: what is read-only because it is a table" grep -q 'stores must trap' out
ok "tables: and how many there are" grep -q 'shadow tables in all' out
other 0 tables shadow --from step:4 --to step:5 -o - --format txt
ok "tables: what changed" sh -c 'grep -q "^+  40000000" out && grep -q "^-  " out'
other 0 tables shadow --cpu native -o - --format txt
ok "tables: bare" grep -q 'The tables the CPU walks' out
for format in svg png dot; do other 0 tables shadow -o "t.$format"; done
ok "tables: PNG" magic t.png $'\x89PNG'
ok "tables: DOT that dot takes" sh -c '! command -v dot || dot -Tsvg t.dot >n.svg'

# --- who owns the devices
other 0 topology dev3 -o direct.txt
ok "topology: the hypervisor programs the disks" sh -c 'grep -Eq "^disk controller +the hypervisor +virtual +[1-9]" direct.txt'
ok "topology: the guest's kernel in non-root ring 0" grep -Eq '^vm 0 mini.elf +kernel +ring 0, non-root ' direct.txt
ok "topology: in 80 columns" sh -c '[ "$(LC_ALL=C.UTF-8 wc -L <direct.txt)" -le 80 ]'
exits=$("$ringside" trace dev3 | awk '$4 == "port" && ($7 ~ /^1F|^17|^3F6|^376|^C00/) { n++ } END { print n }')
ok "topology: exits for its ports are those of the trace ($exits)" grep -Eq "^disk controller .*virtual +$exits +" direct.txt
other 0 topology dev3 --io passthrough -o passed.txt
ok "topology: passed through, the VM does, without exits" grep -Eq '^disk controller +vm 0 +real +0 +[1-9][0-9]* +[1-9]' passed.txt
other 0 topology dev3 --cpu bt -o bt.txt
ok "topology: translated, in ring 1" grep -Eq '^vm 0 mini.elf +kernel +ring 1 ' bt.txt
other 0 topology popf --cpu native -o bare.txt
ok "topology: bare, the guest owns all" sh -c 'grep -q "no hypervisor" bare.txt && ! grep -q "the hypervisor" bare.txt'
guests=$(dirname "$ringside")/build/guests
other 0 topology "$guests/mini-pv.elf" --cpu pv --vms 2 --io split --disk "$guests/mini.img" --append 'run="ls; halt 0"' -o split.txt
ok "topology: split, the service domain does" grep -Eq '^disk controller +vm 0 +real/ring +[1-9]' split.txt
ok "topology: and the others notify it" grep -Eq '^vm 1: [1-9][0-9]* notifications' split.txt
other 0 topology "$guests/mini.elf" --cpu vtx --host hosted --ram 16M --disk "$guests/mini.img" --append 'run="ls; halt 0"' -o hosted.txt
ok "topology: hosted, the host programs the disk, a process is the guest's" grep -Eq '^disk controller +the host +process +[1-9][0-9]* +[1-9]' hosted.txt
ok "topology: hosted, module and host's kernel in root, the process in ring 3" sh -c 'grep -Eq "^host +processes +ring 3, root" hosted.txt && grep -Eq "^module +ring 0, root" hosted.txt'
other 0 topology "$guests/mini.elf" --cpu vtx --host hosted --vms 2 --ram 16M --disk "$guests/mini.img" --append 'run="ls; halt 0"' -o t.dot
ok "topology: hosted, a process for each, bold on the way to the disk" sh -c 'grep -q "process1_ide -> process1 .*penwidth=3" t.dot && grep -q "host_kernel -> ide .*penwidth=3" t.dot'
other 0 topology dev3 -o t.dot
ok "topology: the way to the disk is bold" grep -q 'vm0_kernel -> virtual_ide .*penwidth=3' t.dot
other 0 topology dev3 --io passthrough -o t.dot
ok "topology: and leads past the hypervisor, where it does" grep -q 'vm0_kernel -> ide .*0 exits.*penwidth=3' t.dot
if command -v dot >/dev/null; then
    for theme in light dark print mono; do other 0 topology consolidate --theme $theme -o $theme.svg; done
    ok "topology: many VMs" grep -q '4 of 8 VMs are drawn' light.svg
    ok "topology: themes differ" sh -c '! cmp light.svg dark.svg'
fi

# --- one disk request on every way
other 0 io dev3 -o io.txt
ok "io: in 80 columns" sh -c '[ "$(LC_ALL=C.UTF-8 wc -L <io.txt)" -le 80 ]'
all() { awk -v way="$1" '$1 == way { on = 1 } on && / exits, of these / { print $1, $5, $7; exit }' io.txt; } # exits, hypercalls, switches
ok "io: bare, nobody leaves" [ "$(all bare)" = "0 0 0" ]
read -r passed _ <<<"$(all passthrough)"
read -r direct _ <<<"$(all hypervisor-direct)"
read -r split calls switches <<<"$(all split)"
ok "io: passed through $passed exits, hypervisor-direct $direct" [ "$passed" -ge 2 -a "$direct" -gt $((2 * passed)) ]
ok "io: split $split, hypercalls $calls, world switches $switches" [ "$calls" -ge 4 -a "$split" -gt "$calls" -a "$switches" = 2 ]
read -r hosted _ crossings <<<"$(all hosted)"
ok "io: hosted $hosted exits, most of them crossings there and back: $crossings" [ "$crossings" -gt "$hosted" -a "$crossings" -le $((2 * hosted)) ]
ok "io: only hypervisor-direct copies" [ "$(grep -o '[0-9]* of 2 sectors copied' io.txt | tr '\n' ' ')" = "0 of 2 sectors copied 0 of 2 sectors copied 2 of 2 sectors copied 0 of 2 sectors copied 0 of 2 sectors copied " ]
# the same counts from the trace
range=$(awk '$1 == "hypervisor-direct" { on = 1 } on && /events/ { sub(":", "", $2); split($2, r, "-"); if (!a) a = r[1]; b = r[2] } /in all/ { if (on) { print a, b; exit } }' io.txt)
read -r from to <<<"$range"
ok "io: events $from-$to have $direct exits" [ "$("$ringside" trace dev3 | awk -v a="$from" -v b="$to" '$1 > a && $1 <= b && $4 == "exit" { n++ } END { print n }')" = "$direct" ]
other 0 io dev3 --model nehalem --io passthrough --set io.exitless=1 -o exitless.txt
ok "io: exitless interrupts cost what they cost bare" [ "$(grep -c '^  guest .*interrupt handler begins' exitless.txt)$(grep -o '[0-9,]* without the drive' exitless.txt | sort | uniq -c | awk '{ print $1 }')" = 22 ]
other 0 io dev3 -o io.svg
cp io.svg first.svg
other 0 io dev3 -o io.svg
ok "io: twice the same bytes" cmp first.svg io.svg
ok "io: SVG has all five ways" sh -c 'for w in bare passthrough hypervisor-direct split hosted; do grep -q ">$w<" io.svg || exit 1; done'
other 0 io dev3 --io passthrough --cpu te -o te.txt
ok "io: where the guest dies before, it says so" grep -q 'not here: no read of a drive' te.txt

# --- bits, rings, screen; formats for documents; canvases
for kind in bits rings screen; do
    chart 0 $kind popf -o $kind.svg
    ok "$kind: SVG has text" grep -q '<text' $kind.svg
    chart 0 $kind popf -o again.svg
    ok "$kind: twice the same bytes" cmp $kind.svg again.svg
    chart 0 $kind popf --theme dark -o dark.svg
    ok "$kind: themes differ" sh -c "! cmp -s $kind.svg dark.svg"
    chart 0 $kind popf -o $kind.png
    ok "$kind: PNG" magic $kind.png $'\x89PNG'
    chart 0 $kind popf -o $kind.txt
done
ok "bits: what the guest believes differs" grep -q 'guest 80010011 .*!no-TS' bits.txt
chart 0 bits shadow --at step:4 --va page_directory -o va.txt
ok "bits: entries on the way to an address" grep -q 'entry 2 on the way to' va.txt
exits=$("$ringside" run popf -q --json - | sed -n 's/.*"total": *\([0-9]*\).*/\1/p' | head -n 1)
ok "rings: as many gates as exits" sh -c "tr -d , <rings.txt | awk '/by gate/ { n += \$1 } END { exit !(n >= $exits - 4 && n <= $exits + 4) }'"
chart 0 rings vtx -o vtx.txt
ok "rings: root and non-root" grep -q 'to ring 0, root: hypervisor, by VM exit' vtx.txt
ok "screen: 24 lines of at most 80 columns" sh -c '[ "$(wc -l <screen.txt)" = 24 ] && [ "$(LC_ALL=C.UTF-8 wc -L <screen.txt)" -le 80 ]'
chart 0 screen popf --at step:5 -o screen.svg
ok "screen: frames are lines that meet, words are words" sh -c '! grep -q "[│┌─┘]" screen.svg && grep -q "<path d=.M4.5 27 V" screen.svg && grep -q ">popf: IF 1, not 0<" screen.svg'
chart 0 screen popf --at step:5 --term 100x30 -o big.txt
ok "screen: of any size, at any moment" sh -c 'grep -q "step 5/7" big.txt && [ "$(LC_ALL=C.UTF-8 wc -L <big.txt)" = 100 ]'
draw 0 popf -o a.tex
ok "TikZ" sh -c 'grep -q "^.begin{tikzpicture}" a.tex && tail -n 1 a.tex | grep -q "^.end{tikzpicture}" && ! grep -q onslide a.tex'
ok "with as many braces closed as opened" sh -c '[ "$(grep -o "[^\\]{" a.tex | wc -l)" -gt 20 ] && [ "$(tr -cd "{" <a.tex | wc -c)" = "$(tr -cd "}" <a.tex | wc -c)" ]'
draw 0 popf --frames -o slides.tex
ok "a slide for each row" sh -c '[ "$(grep -c onslide slides.tex)" = "$(grep -c "^% event" slides.tex)" ]'
for kind in bits bars screen; do chart 0 $kind popf -o $kind.tex; done
ok "TikZ of other kinds: their words, escaped, and boxes" sh -c 'grep -q "{ringside};" screen.tex && grep -q "{te.ensuremath{.cdot}shadow" bits.tex && grep -q "rectangle (" bars.tex'
if command -v dot >/dev/null; then
    other 0 decision -o graph.tex
    ok "of what dot laid out, too" sh -c 'grep -q "shift={(" graph.tex && grep -q "] svg \"M" graph.tex && cat graph.tex >>bars.tex'
fi
if command -v pdflatex >/dev/null && kpsewhich tikz.sty >/dev/null; then
    { echo '\documentclass{article}\usepackage[T1]{fontenc}\usepackage{tikz}\usetikzlibrary{svg.path}\begin{document}'; cat a.tex bits.tex bars.tex screen.tex; echo '\end{document}'; } >doc.tex
    ok "that LaTeX takes" sh -c 'timeout 60 pdflatex -halt-on-error -interaction=batchmode doc.tex && [ -s doc.pdf ]'
fi
draw 0 popf -o a.mmd
ok "Mermaid" sh -c 'grep -q "^sequenceDiagram" a.mmd && grep -q "^  kernel--xvmm: popf" a.mmd && ! grep -v "^title\|^  \|^---\|^sequence" a.mmd | grep -q .'
draw 0 popf -o a.puml
ok "PlantUML" sh -c 'head -n 1 a.puml | grep -q "^@startuml" && tail -n 1 a.puml | grep -q "^@enduml" && grep -q "^kernel -->x vmm" a.puml'
draw 0 popf --frames -o 'f-%02d.svg' -q
ok "frames: a file for each row" sh -c '[ "$(ls f-*.svg | wc -l)" = "$(grep -c "^% event" slides.tex)" ]'
ok "frames: one canvas" sh -c '[ "$(grep -ho "viewBox=[^>]*>" f-*.svg | sort -u | wc -l)" = 1 ]'
ok "frames: rows stay where they are, one more each time" sh -c 'for f in f-*.svg; do n=$((${n:-0} + 1)); [ "$(grep -c "^<g id=.ev" $f)" = $n ] || exit 1; done'
last=$(ls f-*.svg | tail -n 1)
draw 0 popf -o whole.svg
ok "frames: the last is the whole" cmp "$last" whole.svg
draw 0 popf --size 16x9 --alt 'a <picture> & words' -o s.svg
ok "--size" grep -q 'width="1280px" height="720px"' s.svg
ok "which is a slide" sh -c '! grep -q slide err'
ok "--alt" grep -q '<desc>a &lt;picture&gt; &amp; words</desc>' s.svg
for kind in vmx bits; do
    chart 0 $kind vtx --size 4x3 --alt words -o k.svg
    ok "--size and --alt for $kind" sh -c 'grep -q "width=.960px. height=.720px." k.svg && grep -q "<desc>words</desc>" k.svg'
done
exit $failed
