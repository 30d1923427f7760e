#!/bin/bash
# `ringside draw --caption`: a person's words under a picture of any kind, in any form, within its canvas.
. "$(dirname "$0")/../support/cli.sh"
draw() { # draw EXIT ARGUMENT...
    local want=$1
    shift
    timeout 60 "$ringside" draw "$@" >out 2>err </dev/null
    rc=$?
    [ $rc = "$want" ] || { echo "not ok - draw $* exits $rc, not $want: $(head -n 1 err)"; failed=1; }
}
words='POPF & <IF> in an "x86" kernel: no trap, \no# fault
— and, wrapped to the width of the picture, so many words that more than one line of it is taken by them in whatever kind of diagram they stand under, ring 1.'
# The caption of an SVG file, one line: its words again. Of a wide one two lines at least, of a narrow one more.
said() {
    sed -n '/^<g id="caption"/,/^<.g>/p' "$1" | sed -n 's,^<text[^>]*>\(.*\)</text>$,\1,p' | sed 's/&lt;/</g; s/&gt;/>/g; s/&quot;/"/g; s/&amp;/\&/g' | tr '\n' ' ' | sed 's/ $//'
}
flat=$(printf %s "$words" | tr '\n' ' ')
height() { sed -n 's/.*viewBox="[^ ]* [^ ]* [^ ]* \([0-9]*\)[.0-9]*".*/\1/p' "$1" | head -n 1; }

# --- every kind: the same picture, with words below it
kinds="bits popf|rings popf|screen popf|hist popf|bars popf|timeline popf|vmx vtx|walk shadow|tables shadow|blocks bt|topology dev3|io dev3|decision|migrate migrate|diff popf --on native,te|ladder popf"
command -v dot >/dev/null || kinds=$(echo "$kinds" | tr '|' '\n' | grep -vE '^(vmx|topology|decision)' | tr '\n' '|')
while read -r kind subject; do
    draw 0 $kind $subject -o plain.svg
    draw 0 $kind $subject --caption "$words" -o $kind.svg
    ok "$kind: its words, all of them" [ "$(said $kind.svg)" = "$flat" ]
    ok "$kind: below what was there" [ "$(sed -n '/^<g id="caption"/,$p' $kind.svg | sed -n 's/.*<text x="[0-9]*" y="\([0-9]*\).*/\1/p' | head -n 1)" -gt "$(height plain.svg)" -a \
        "$(sed -n 's/.*<text x="[0-9]*" y="\([0-9]*\).*/\1/p' $kind.svg | tail -n 1)" -lt "$(height $kind.svg)" ]
    sed '/^<g id="caption"/,/^<.g>/d' $kind.svg | grep -v 'width="\|viewBox' >rest
    ok "$kind: which did not move" sh -c 'grep -v "width=\"\|viewBox" plain.svg | cmp - rest'
done < <(echo "$kinds" | tr '|' '\n')
LC_ALL=C awk -f "$root/tests/tools/svg_lint.awk" [a-z]*.svg >err
result "none out of its picture or over a box" $?
if command -v python3 >/dev/null; then ok "all well-formed" python3 -c "import sys, xml.dom.minidom as x; [x.parse(f) for f in sys.argv[1:]]" ./*.svg; fi
draw 0 ladder popf --caption "$words" -o again.svg
ok "twice the same bytes" cmp ladder.svg again.svg
if command -v rsvg-convert >/dev/null; then
    draw 0 ladder popf --caption "$words" -o a.png
    ok "PNG has it, too" sh -c "rsvg-convert ladder.svg >b.png && cmp a.png b.png"
fi

# --- pixels
size() { od -An -j16 -N8 -tu1 "$1" | awk '{ print $1 * 16777216 + $2 * 65536 + $3 * 256 + $4, $5 * 16777216 + $6 * 65536 + $7 * 256 + $8 }'; }
if command -v rsvg-convert >/dev/null; then
    draw 0 bits popf --size 16x9 --scale 1.5 -o s.png
    ok "--scale: a PNG with more pixels" [ "$(size s.png)" = "1920 1080" ]
    for i in 1 2; do draw 0 bits popf --outline-text --alt 'what it says' -o o$i.svg; done
    ok "--outline-text: no letters left but those that are read aloud, the same each time" \
        sh -c '! grep -q "<text" o1.svg && [ "$(wc -c <o1.svg)" -gt 100000 ] && grep -q "<desc>what it says</desc>" o1.svg && cmp o1.svg o2.svg'
    draw 0 ladder popf --split --scale 2 --size 4x3 -o 's-%d.png'
    ok "--scale: and so is a slide" [ "$(size s-2.png)" = "1920 1440" ]
fi
if command -v neato >/dev/null; then
    mkdir only && ln -s "$(command -v neato)" only/neato && ln -s "$(command -v timeout)" only/timeout
    for n in 1 2; do PATH="$work/only" draw 0 ladder popf --scale $n --caption words -o n$n.png; done
    ok "--scale: neato alone will do" awk -v a="$(size n1.png)" -v b="$(size n2.png)" 'BEGIN { split(a, x); split(b, y); d = y[1] - 2 * x[1]; exit !(x[1] > 100 && d * d < 16) }'
fi

# --- canvases: slides, frames, themes
draw 0 bits popf --caption "$words" --size 4x3 -o s.svg
ok "--size: within the canvas" [ "$(said s.svg)" = "$flat" -a "$(LC_ALL=C awk -f "$root/tests/tools/svg_lint.awk" s.svg | wc -l)" = 0 ]
ok "--size: which has its shape" grep -q 'width="960px" height="720px"' s.svg
draw 0 ladder popf --caption "$words" --frames -o 'f-%02d.svg'
ok "--frames: on each, on one canvas" sh -c '[ "$(grep -l "id=\"caption\"" f-*.svg | wc -l)" = "$(ls f-*.svg | wc -l)" ] && [ "$(grep -ho "viewBox=[^>]*>" f-*.svg | sort -u | wc -l)" = 1 ]'
for kind in "ladder popf" "blocks bt"; do
    draw 0 $kind --caption "$words" --split -o 'p-%02d.svg'
    n=$(ls p-*.svg | wc -l)
    ok "--split: ${kind% *}: on each of $n, once" sh -c "[ $n -gt 1 ] && [ \"\$(grep -c 'no trap, .no# fault' p-*.svg | cut -d: -f2 | sort -u)\" = 1 ]"
    for f in p-*.svg; do # its last line, moved as the foot is, above the slide's edge
        down=$(sed -n 's/^<g id="foot" transform="translate(0 \(-*[0-9]*\)).*/\1/p' $f)
        last=$(sed -n '/^<g id="caption"/,/^<.g>/s/.*<text x="[0-9]*" y="\([0-9]*\).*/\1/p' $f | tail -n 1)
        ok "--split: $f: within the slide" [ $((last + down)) -gt 100 -a $((last + down)) -lt "$(height $f)" ]
    done
    rm -f p-*.svg
done
draw 0 ladder popf --caption words --theme dark -o dark.svg
draw 0 ladder popf --caption words --theme print -o print.svg
ok "--theme: light words on dark slides, dark ones on paper" sh -c 'grep -q "fill=\"#f0f0f0\" xml:space=\"preserve\">words<" dark.svg && grep -q "fill=\"#1a1a1a\" xml:space=\"preserve\">words<" print.svg'
for kind in "ladder popf" "bits popf" "topology dev3" "vmx vtx" "decision"; do
    if [[ $kind = [tvd]* ]] && ! command -v dot >/dev/null; then continue; fi
    draw 0 $kind --size 4x3 --theme print --caption words -o s.svg
    sed -n 's/.*viewBox="\([^ ]*\) \([^ ]*\) \([^ ]*\) \([^"]*\)".*/\1 \2 \3 \4/p' s.svg | head -n 1 >box
    sed -n 's/^<rect x="\([^"]*\)" y="\([^"]*\)" width="\([^"]*\)" height="\([^"]*\)" fill="\(white\|#ffffff\)".*/\1 \2 \3 \4/p' s.svg | head -n 1 >rect
    ok "--size: ${kind% *}: the paper has no bare edges" awk 'NR == FNR { split($0, a); next } { for (i = 1; i <= 4; i++) { d = $i - a[i]; if (d * d > 0.01) exit 1 } n++ } END { exit n != 1 }' box rect
done
if command -v dot >/dev/null; then
    draw 0 vmx vtx --caption words -o s.svg
    ok "an arrow is no paper" sh -c '! grep -q "^<rect" s.svg && grep -q "fill=.#1a1a1a. xml:space=.preserve.>words<" s.svg'
fi
paper() { sed -n 's/^<rect width="[0-9]*" height="\([0-9]*\)".*/\1/p' "$1"; }
ok "and the paper reaches below them" [ "$(paper print.svg)" = "$(height print.svg)" ]

# --- forms that are no pictures
draw 0 ladder popf --caption "$words" -o a.txt
ok "text: a paragraph, wrapped" sh -c 'tail -n 3 a.txt | tr "\n" " " | grep -q "^— and, wrapped.* ring 1\. $" && [ "$(LC_ALL=C.UTF-8 wc -L <a.txt)" -le 80 ]'
draw 0 ladder popf --caption "$words" --ascii -o - --format txt
ok "text: --ascii is" sh -c "! LC_ALL=C grep -q '[^ -~]' out && grep -q '^? and, wrapped' out"
draw 0 ladder popf --caption "$words" -o a.dot
draw 0 walk shadow --caption "$words" -o w.dot
ok "DOT: the graph's label" grep -qF '  label="POPF & <IF> in an \"x86\" kernel: no trap, \\no# fault\n— and' a.dot
ok "DOT: or its title's end" grep -qF '\n\nPOPF & <IF> in an \"x86\" kernel: no trap, \\no# fault\n— and' w.dot
if command -v neato >/dev/null; then ok "DOT: that neato takes" sh -c 'for f in a w; do neato -n2 -Tsvg $f.dot | grep -q ">POPF &amp; &lt;IF&gt;" || exit 1; done'; fi
for kind in ladder bits; do draw 0 $kind popf --caption "$words" -o $kind.tex; done
ok "TikZ: within the bounding box, once, escaped" sh -c 'for k in ladder bits; do [ "$(grep -c "POPF.*textbackslash{}no.#~fault" $k.tex)" = 1 ] || exit 1; done; awk -F"[(,)]" "/bounding box/ { h = \$5 } /POPF~.&/ { exit !(\$(NF - 1) < h) }" ladder.tex'
draw 0 ladder popf --caption "$words" -o a.mmd
ok "Mermaid: a note over all lanes" grep -q '^  Note over user,device: POPF & #lt;IF#gt; in an #quot;x86#quot; kernel: no trap, #92;no#35; fault<br/>' a.mmd
draw 0 ladder popf --caption "$words" -o a.puml
ok "PlantUML: its caption" sh -c 'tail -n 2 a.puml | head -n 1 | grep -q "^caption POPF & <U+003C>IF"'
draw 0 matrix --caption "$words" -o m.md
ok "Markdown: a paragraph, escaped" grep -q '^POPF \\& \\<IF\\>' m.md
printf 'a\033[31m\377b' >sly
draw 0 bits popf --caption "$(cat sly)" -o sly.txt
ok "what a terminal would obey is not passed on" sh -c 'tail -n 1 sly.txt | grep -q "^a \[31m?b$"'
draw 0 bits popf --caption "$(printf 'x%.0s' $(seq 400))" -o long.svg
ok "a word longer than a line is torn" sh -c '[ "$(grep -c ">xxx*<" long.svg)" -gt 2 ]'
exit $failed
