#!/bin/bash
# `make slides`: the gallery is whole, the same each time, needs no network, and no words run out of their boxes.
set -u
export RINGSIDE
RINGSIDE=$(realpath "${RINGSIDE:-./ringside}") || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
result() { if [ "$2" = 0 ]; then echo "ok - $1"; else echo "not ok - $1"; failed=1; fi; }
lint() { LC_ALL=C awk -f tests/tools/svg_lint.awk "$@"; }

# The whole one takes a minute of processor time; `make slides` is that. Here: two scenarios.
names="popf vtx"
bash docs/gallery.sh "$work/a" $names all >"$work/said" 2>&1 || { cat "$work/said"; echo "not ok - docs/gallery.sh"; exit 1; }
a=$work/a
ls "$a"/*.svg | sed 's,.*/,,' | sort >"$work/files"
grep -oE '[a-z0-9_-]+-(light|dark)\.svg' "$a/index.html" | sort -u | cmp -s - "$work/files"
result "the page shows every picture, and no other ($(wc -l <"$work/files"))" $?
[ "$(ls "$a"/*-light.svg | wc -l)" = "$(ls "$a"/*-dark.svg | wc -l)" ] && [ "$(ls "$a"/*-light.svg | wc -l)" -ge 12 ]
result "each in light and dark" $?
! grep -hoE '(https?:|src="|href="|url\()//?[a-zA-Z][^" <>]*' "$a"/*.svg "$a/index.html" | grep -vE '^http://www\.w3\.org/(2000/svg|1999/xlink|Graphics/SVG/1\.1/DTD/svg11\.dtd)$' | grep -q .
result "nothing is fetched from anywhere" $?
! grep -qE '<script|onload=|<foreignObject' "$a"/*.svg "$a/index.html"
result "no scripts, no foreign objects" $?
[ "$(grep -c '<img ' "$a/index.html")" = "$(grep -cE 'alt="[^"]+"' "$a/index.html")" ]
result "every picture has words for those who cannot see it" $?
for n in $names; do grep -q "<h2 id=\"$n\">" "$a/index.html" || failed=1; done
bad=0
bash docs/gallery.sh "$work/b" vtx >/dev/null 2>&1 # popf's kinds: draw.sh
for f in "$work"/b/vtx-*.svg; do
    other=$(ls "$a"/"$(basename "$f" | sed 's/-[0-9]*-\(light\|dark\)\.svg//')"-*-"$(basename "$f" .svg | sed 's/.*-//')".svg | head -n 1)
    cmp -s "$f" "$other" || { echo "  $(basename "$f") is another one the second time"; bad=1; }
done
result "twice the same bytes" $bad

# --- each is well-formed for a renderer that reads strictly, and its words stay in their boxes
bad=0
if command -v rsvg-convert >/dev/null; then
    for f in "$a"/*.svg; do rsvg-convert --format=png -o "$work/x.png" "$f" 2>"$work/err" && [ -s "$work/x.png" ] || { echo "  $f: $(head -n 1 "$work/err")"; bad=1; }; done
    result "rsvg-convert draws each" $bad
else
    echo "ok - # SKIP rsvg-convert is not installed"
fi
lint "$a"/*.svg >"$work/lint"
result "no words run out of a box or the picture" $?
head -n 10 "$work/lint"
printf '<svg width="300" height="50" viewBox="0 0 300 50">\n<rect x="110" y="10" width="50" height="20"/>\n<text x="135" y="24" font-size="10" text-anchor="middle">far too wide for its box</text>\n</svg>\n' >"$work/wide.svg"
! lint "$work/wide.svg" >"$work/lint" && grep -q 'out of its box: far too wide' "$work/lint"
result "and they would be noticed" $?

# --- a browser
browser=$(command -v chromium || command -v chromium-browser || true)
if [ -n "$browser" ]; then
    shot() { timeout 120 "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/profile" --window-size=1300,3000 "$@" >"$work/browser" 2>&1; }
    # What the page says of itself once it is loaded: how many pictures, how many of them have a size.
    sed 's,</body>,<script>window.onload = () => { const i = [...document.images]; document.title = "pictures " + i.length + " drawn " + i.filter(x => x.naturalWidth > 100).length }</script></body>,' \
        "$a/index.html" >"$a/counted.html"
    shot --dump-dom "file://$a/counted.html"
    grep -oE '<title>pictures [0-9]+ drawn [0-9]+' "$work/browser" >"$work/title"
    [ "$(awk '{ print $2 }' "$work/title")" = "$(ls "$a"/*-light.svg | wc -l)" ] && [ "$(awk '{ print $2 }' "$work/title")" = "$(awk '{ print $4 }' "$work/title")" ]
    result "Chromium draws all of the page's pictures" $?
    bad=0
    # Where words are, as the browser lays them out, in all of them at once; and one that is wrong, so that it is noticed.
    sheet() { # sheet FILE ...: a page with the pictures themselves in it
        echo '<!DOCTYPE html><meta charset="utf-8"><body style="margin:0">'
        for f; do echo "<div data-file=\"$(basename "$f")\">"; awk '/<svg/ { on = 1 } on' "$f"; echo '</div>'; done
        echo '<script>' && cat tests/tools/svg_boxes.js && echo '</script>'
    }
    sheet "$a"/*-light.svg "$work/wide.svg" >"$work/sheet.html"
    shot --dump-dom "file://$work/sheet.html"
    grep -qE '<title>out 1 of [0-9]{3,}' "$work/browser" && grep -q 'wide.svg: out of its box: far too wide' "$work/browser" || { sed -n '/^<.script><pre>/,/<.pre>/p' "$work/browser" | head -n 10; bad=1; }
    result "and no words run out of their boxes or over others ($(grep -o 'out 1 of [0-9]*' "$work/browser" | head -n 1), and that one is meant to)" $bad
    shot --screenshot="$work/page.png" "file://$a/index.html"
    [ "$(stat -c %s "$work/page.png" 2>/dev/null || echo 0)" -gt 100000 ]
    result "and makes a picture of the page" $?
else
    echo "ok - # SKIP chromium is not installed; the pictures were drawn by rsvg-convert"
fi
exit $failed
