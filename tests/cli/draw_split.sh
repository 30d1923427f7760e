#!/bin/bash
# `ringside draw --split`: a picture higher than a slide as several slides, nothing lost and nothing twice.
. "$(dirname "$0")/../support/cli.sh"
draw() { # draw EXIT ARGUMENT...
    local want=$1
    shift
    timeout 60 "$ringside" draw "$@" >out 2>err </dev/null
    rc=$?
    [ $rc = "$want" ] || { echo "not ok - draw $* exits $rc, not $want: $(head -n 1 err)"; failed=1; }
}
words() { sed -n 's,^<text[^>]*>\(.*\)</text>$,\1,p' "$@"; }
part() { awk -v id="<g id=\"$1\" " 'index($0, id) { on = 1 } on; /^<\/g><\/g>$/ { on = 0 }' "$2"; } # a slide's head, body or foot

draw 0 blocks bt
ok "who draws something high hears of it" grep -q -- '--split makes several' err
draw 0 ladder popf
draw 0 ladder popf --split
ok "its slides are named" grep -q '^diagram: popf-ladder-01.svg to popf-ladder-02.svg (2 slides)$' err
ls popf-ladder-0*.svg >files
ok "as many as it says" [ "$(wc -l <files)" = 2 ]
for f in $(cat files); do part body $f; done | grep -o '^<g id="ev[0-9]*"' | sort >ids
grep -o '^<g id="ev[0-9]*"' popf-ladder.svg | sort >all
ok "every row is on one slide, under the id it always has" cmp ids all
for i in 1 2; do
    f=popf-ladder-0$i.svg
    ok "slide $i has the title, the lanes and the caption" [ "$(words $f | grep -cE '^(POPF loses|guest user$|hypervisor$|te·shadow)')" = 4 ]
    ok "and its number" sh -c "grep -q '>$i of 2</text>' $f && grep -q '<title>.*, $i of 2</title>' $f"
    ok "and the shape of one" grep -q 'width="1280px" height="720px"' $f
    if command -v python3 >/dev/null; then ok "and is well-formed" python3 -c "import xml.dom.minidom as x; x.parse('$f')"; fi
done
ok "all have one scale" [ "$(grep -ho 'viewBox="[^"]*"' popf-ladder-0*.svg | sort -u | wc -l)" = 1 ]
mkdir again
draw 0 ladder popf --split -o again/popf-ladder-%02d.svg
ok "twice the same bytes" sh -c 'for f in $(cat files); do cmp $f again/$f || exit 1; done'

# --- other kinds: every word once, and no visit, unit or histogram torn
for kind in "blocks bt" "hist popf" "tables pv_mmu" "diff vtx --from cycle:0 --to cycle:3000000"; do
    set -- $kind
    draw 0 "$@" -o whole.svg
    draw 0 "$@" --split --size 4x3 -o "$1-%d.svg"
    n=$(sed -n 's/.*(\([0-9]*\) slides).*/\1/p' err)
    ok "$1: several slides ($n)" [ "${n:-0}" -gt 1 ]
    for i in $(seq "${n:-0}"); do part body "$1-$i.svg"; done >body
    { part head "$1-1.svg"; part foot "$1-1.svg"; } | words >kept
    { words body; cat kept; } | sort >a
    words whole.svg | sort >b
    ok "$1: all its words, each once" cmp a b
done
draw 0 bits popf --split -o b-%d.svg
ok "what fits on a slide is one, of a slide's shape" sh -c 'grep -q "b-1.svg (1 slide)" err && grep -q "width=\"1280px\" height=\"720px\"" b-1.svg && [ ! -e b-2.svg ]'
if command -v rsvg-convert >/dev/null; then
    draw 0 hist popf --split -o h.pdf
    ok "PDF is one file" grep -q '^diagram: h.pdf (2 slides)$' err
    if command -v pdfinfo >/dev/null; then ok "of as many pages" sh -c 'pdfinfo h.pdf | grep -q "^Pages: *2$"'; fi
    draw 0 hist popf --split --theme dark -o h-%02d.png
    ok "PNG is a file each" sh -c 'head -c 4 h-02.png | grep -q PNG && [ ! -e h-03.png ]'
else echo "ok - # SKIP rsvg-convert is not installed"; fi
draw 0 ladder popf --split --alt 'What POPF does' -o alt-%d.svg
ok "--alt is on each slide" sh -c 'grep -q "<desc>What POPF does Slide 2 of 2</desc>" alt-2.svg'
draw 0 ladder popf --split --json files.json -q
ok "--json lists them" [ "$(grep -o '"file": "popf-ladder-0[12].svg"' files.json | wc -l)" = 2 ]

# --- and what it does not do
draw 2 ladder popf --split -o one.svg
ok "a name that is no pattern is refused, and nothing written" sh -c 'grep -q "%02d" err && [ ! -e one.svg ]'
draw 2 ladder popf --split -o x.txt
ok "text is not split" sh -c 'grep -q "as .svg, .png or .pdf" err && [ ! -e x.txt ]'
draw 2 ladder popf --split --frames -o x-%d.svg
ok "nor are frames" grep -q 'leave one of them out' err
draw 2 ladder popf --split --size column -o x-%d.svg
ok "nor a column" grep -q "no slide's shape" err
draw 2 ladder consolidate --from event:1 --to event:20000 --split -o x-%d.svg
ok "nor a book" sh -c 'grep -q "more than 99 slides; --from and --to" err && [ ! -e x-1.svg ]'
exit $failed
